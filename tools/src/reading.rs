//! A reading: what the log holds of some ids, opened in memory for someone who may read it, and logged before it begins.
//!
//! Invariants: the ledger hands out no sealed stream before CONTENT_READ or SEARCH_PERFORMED is in the log; a body is given only
//! if it is what its header commits to; one that is gone is given as gone, and one that does not open ends the reading. What
//! was opened lives in this process and nowhere else.
//! Not here: proof that nothing is missing. A reading is the ledger's word; a bundle is evidence.
//! Specification: `specs/officer.md`.

mod message;

pub use message::{Message, Segment};

use crate::entropy::random_id;
use crate::event::{Field, RecordsAct};
use crate::export::{CoverError, ExportError, Spot};
use crate::keys::ArchiveKey;
use crate::opening::{Logged, Opening};
use crate::source::{Connection, Source, now_ms};
use std::collections::{BTreeMap, BTreeSet};
use tonic::transport::Channel;
use zegel_proto::v1::evidence_event::Body as Shown;
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::{
    BatchStatement, Binding, EventHeader, EventKind, EvidenceEntry, EvidenceEvent, ExportEvidenceRequest,
    ReadStreamRequest, Scope, SealedEvidence, SelectionSubject, StreamType, entry,
};
use zegel_proto::{parse, print};
use zegel_verifier::commit::{CoveredUnit, ShownBody, redact, redact_more};
use zegel_verifier::erasure::Resealed;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::{EventFacts, Family, family, register};

/// Months of a scope that hold nothing but the registration: acts alone are read.
pub const NO_MONTH: u32 = 197_001;

/// Who reads, and why: logged before anything is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// `CONTENT_READ` or `SEARCH_PERFORMED`.
    pub kind: EventKind,
    /// Who reads: a person or function.
    pub person: String,
    /// Why: a request, a case, a review. Never what was looked for.
    pub reason: String,
}

impl Purpose {
    /// A reading of content.
    #[must_use]
    pub fn reading(person: &str, reason: &str) -> Self {
        Self { kind: EventKind::ContentRead, person: person.into(), reason: reason.into() }
    }

    /// A search in content.
    #[must_use]
    pub fn search(person: &str, reason: &str) -> Self {
        Self { kind: EventKind::SearchPerformed, person: person.into(), reason: reason.into() }
    }
}

/// An event as it was read.
#[derive(Clone, Debug)]
pub struct ReadEvent {
    /// Where it stands.
    pub spot: Spot,
    /// Who logged it.
    pub source: Hash,
    /// What its header says.
    pub facts: EventFacts,
    /// Hashes of the attachments' ciphertexts.
    pub blobs: Vec<Hash>,
    /// Slot 0 and the body; `None` if the ledger no longer has it.
    pub body: Option<(Binding, ShownBody)>,
}

/// All that was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// Chat and capture events of the scopes, in log order, each once.
    pub events: Vec<ReadEvent>,
    /// Acts of records, in log order.
    pub acts: Vec<ReadEvent>,
    /// Names of custodians and titles of conversations that were named.
    pub names: BTreeMap<Hash, String>,
    /// Functions of custodians, as registered, where they are known.
    pub functions: BTreeMap<Hash, String>,
    /// Months of each id that was read, with how many events each has, whether they were read or not.
    pub months: BTreeMap<Hash, Vec<(u32, u64)>>,
    /// New sealed forms, of events that were to get one.
    pub resealed: BTreeMap<(u64, u32), Resealed>,
    /// Entries that the log had.
    pub covers: u64,
}

impl Reading {
    /// Chat events as a person reads them, by time and then by place.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        let chat = self.events.iter().filter(|event| family(event.facts.kind) == Family::Chat);
        let mut messages: Vec<Message> = chat.map(|event| Message::of(event, &self.names)).collect();
        messages.sort_by_key(|message| (message.at_ms, message.spot));
        messages
    }

    /// An event by its place.
    #[must_use]
    pub fn event(&self, spot: Spot) -> Option<&ReadEvent> {
        let at = self.events.binary_search_by_key(&spot, |event| event.spot).ok()?;
        self.events.get(at)
    }
}

/// Reads some scopes, and all acts. The reading is logged first.
///
/// # Errors
/// [`ExportError`]: what the ledger refuses, a body that does not open.
pub async fn read(
    officer: &mut Source,
    keys: &[ArchiveKey],
    scopes: &[Scope],
    purpose: &Purpose,
) -> Result<Reading, ExportError> {
    read_covering(officer, keys, scopes, purpose, BTreeMap::new()).await
}

/// The same, and of these events a new sealed form in which these parts are covered for good: [`Reading::resealed`].
///
/// # Errors
/// As [`read`]; [`ExportError::Cover`] for a part that an event does not have, or whose words it says again in a part that stays.
pub async fn read_covering(
    officer: &mut Source,
    keys: &[ArchiveKey],
    scopes: &[Scope],
    purpose: &Purpose,
    covers: BTreeMap<Spot, Vec<CoveredUnit>>,
) -> Result<Reading, ExportError> {
    let logged = log(officer, scopes, purpose).await?;
    let placed = logged.last().ok_or(ExportError::NoRegistry)?;
    let snapshot_entry = crate::export::snapshot(officer, placed.entry).await?;
    let mut taking = Taking::new(Opening::new(&logged, officer.origin(), keys));
    taking.covers = covers;
    for scope in scopes {
        let request = ExportEvidenceRequest {
            origin: officer.origin().into(),
            scope: Some(scope.clone()),
            snapshot_entry,
            export_entry: placed.entry,
            export_position: placed.position,
        };
        let mut stream = officer.connection().evidence(&request).await?;
        while let Some(record) = stream.message().await.map_err(ExportError::stream)? {
            taking.take(record.record)?;
        }
    }
    Ok(taking.finish(snapshot_entry))
}

/// Logs that somebody looks at what was opened before: a bundle on his desk. Nothing is asked of the ledger.
///
/// # Errors
/// [`ExportError`].
pub async fn note(reader: &mut Source, scopes: &[Scope], purpose: &Purpose) -> Result<(), ExportError> {
    log(reader, scopes, purpose).await.map(|_| ())
}

/// Reads no content: only the acts of records, and of these ids their names and how many events each month has.
///
/// # Errors
/// [`ExportError`].
pub async fn read_acts(
    officer: &mut Source,
    keys: &[ArchiveKey],
    ids: &[(StreamType, Hash)],
    purpose: &Purpose,
) -> Result<Reading, ExportError> {
    let bare = |(stream, id): &(StreamType, Hash)| Scope {
        stream: *stream as i32,
        id: id.to_vec(),
        from_month: NO_MONTH,
        to_month: NO_MONTH,
    };
    let scopes: Vec<Scope> = ids.iter().map(bare).collect();
    read(officer, keys, &scopes, purpose).await
}

/// Where the events of a scope stand, by the ledger's word: no content is read.
///
/// # Errors
/// [`ExportError`].
pub async fn places(connection: &Connection, scope: &Scope, reading: &Reading) -> Result<BTreeSet<Spot>, ExportError> {
    let every = scope.from_month == 0 && scope.to_month == 0;
    let id = Hash::read(&scope.id).unwrap_or(Hash::ZERO);
    let months = reading.months.get(&id).into_iter().flatten().map(|(month, _)| *month);
    let mut found = BTreeSet::new();
    for month in months.filter(|month| every || (scope.from_month..=scope.to_month).contains(month)) {
        let request =
            ReadStreamRequest { origin: connection.origin().into(), stream: scope.stream, id: scope.id.clone(), month };
        let call = |mut client: LedgerClient<Channel>| {
            let request = request.clone();
            async move { client.read_stream(request).await }
        };
        let mut pages = connection.call(call).await?;
        while let Some(page) = pages.message().await.map_err(ExportError::stream)? {
            found.extend(page.places.iter().map(|place| Spot { entry: place.entry, position: place.position }));
        }
    }
    Ok(found)
}

async fn log(officer: &mut Source, scopes: &[Scope], purpose: &Purpose) -> Result<Logged, ExportError> {
    let subject =
        SelectionSubject { act: random_id()?.to_vec(), scopes: scopes.to_vec(), ..SelectionSubject::default() };
    let act = RecordsAct {
        person: Field::Value(purpose.person.clone()),
        reason: Field::Value(purpose.reason.clone()),
        ..RecordsAct::new(purpose.kind, print(&subject)?)
    };
    Ok(Logged::append(officer, vec![act.draft(now_ms())?]).await?)
}

/// The state of a reading.
struct Taking<'a> {
    opening: Opening<'a>,
    entry: u64,
    source: Hash,
    events: BTreeMap<Spot, ReadEvent>,
    acts: BTreeMap<Spot, ReadEvent>,
    names: BTreeMap<Hash, String>,
    functions: BTreeMap<Hash, String>,
    months: BTreeMap<Hash, Vec<(u32, u64)>>,
    covers: BTreeMap<Spot, Vec<CoveredUnit>>,
    resealed: BTreeMap<(u64, u32), Resealed>,
}

impl<'a> Taking<'a> {
    fn new(opening: Opening<'a>) -> Self {
        Self {
            opening,
            entry: 0,
            source: Hash::ZERO,
            events: BTreeMap::new(),
            acts: BTreeMap::new(),
            names: BTreeMap::new(),
            functions: BTreeMap::new(),
            months: BTreeMap::new(),
            covers: BTreeMap::new(),
            resealed: BTreeMap::new(),
        }
    }

    fn take(&mut self, record: Option<Record>) -> Result<(), ExportError> {
        match record {
            Some(Record::Envelope(envelope)) => {
                self.opening.envelope(&envelope);
                Ok(())
            }
            Some(Record::Entry(entry)) => self.entry(&entry),
            Some(Record::Event(event)) => self.event(event),
            Some(Record::Row(row)) => {
                let months = row.months.iter().map(|month| (month.month, month.count)).collect();
                self.months.insert(Hash::read(&row.id).unwrap_or(Hash::ZERO), months);
                Ok(())
            }
            Some(_) => Ok(()),
            None => Err(ExportError::Order { wanted: "a record that is known" }),
        }
    }

    fn entry(&mut self, shown: &EvidenceEntry) -> Result<(), ExportError> {
        self.entry = shown.index;
        let parsed: zegel_proto::v1::Entry = parse(&shown.entry)?;
        if let Some(entry::Content::Batch(batch)) = parsed.content {
            let statement: BatchStatement = parse(&batch.statement)?;
            self.source = Hash::read(&statement.source).unwrap_or(Hash::ZERO);
        }
        Ok(())
    }

    fn event(&mut self, event: EvidenceEvent) -> Result<(), ExportError> {
        let spot = Spot { entry: self.entry, position: event.position };
        let header: EventHeader = parse(&event.header)?;
        let facts = EventFacts::read(&header).map_err(|reason| ExportError::Header { spot, reason })?;
        if facts.body_root.is_none() || self.events.contains_key(&spot) || self.acts.contains_key(&spot) {
            return Ok(());
        }
        let sealed = match event.body {
            Some(Shown::Sealed(sealed)) if !sealed.ciphertext.is_empty() && !sealed.wrap.is_empty() => Some(sealed),
            Some(Shown::Sealed(_)) | None => None,
            Some(_) => return Err(ExportError::Order { wanted: "a body that is still sealed" }),
        };
        let body = sealed.map(|sealed| self.open((spot, facts.kind), &event.header, &sealed)).transpose()?;
        let blobs = header.blobs.iter().filter_map(|blob| Hash::read(blob)).collect();
        let read = ReadEvent { spot, source: self.source, facts, blobs, body };
        match family(facts.kind) {
            Family::Chat | Family::Capture => _ = self.events.insert(spot, read),
            Family::Records => _ = self.acts.insert(spot, read),
            Family::Register => self.name(&read),
            Family::Registry | Family::Access => {}
        }
        Ok(())
    }

    fn name(&mut self, read: &ReadEvent) {
        let slot = |slot| read.body.as_ref().and_then(|(_, body)| body.value(slot));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if let (Some(id), Some(name)) = (read.facts.conversation.or(read.facts.custodian), slot(register::NAME)) {
            self.names.insert(id, text(name));
        }
        if let (Some(id), Some(function)) = (read.facts.custodian, slot(register::FUNCTION)) {
            self.functions.insert(id, text(function));
        }
    }

    fn open(
        &mut self,
        (spot, kind): (Spot, EventKind),
        header: &[u8],
        sealed: &SealedEvidence,
    ) -> Result<(Binding, ShownBody), ExportError> {
        let refused = |reason| ExportError::Open { spot, reason };
        let (body, shown) = self.opening.body(header, sealed).map_err(refused)?;
        if let Some(units) = self.covers.get(&spot) {
            let no_part = || CoverError::NoSuchPart { spot };
            CoverError::check_echoes(spot, kind, &shown, units)?;
            let left = match body {
                Shown::Opened(body) => redact(&body, units).ok_or_else(no_part)?,
                Shown::Redacted(body) => redact_more(body, units),
                Shown::Sealed(_) => return Err(no_part().into()),
            };
            let resealed = self.opening.reseal(header, sealed, &left).map_err(refused)?;
            let (ciphertext, wrap) = resealed.map_err(crate::source::SourceError::from)?;
            let replaces = sha256(&[&sealed.ciphertext]).to_vec();
            self.resealed.insert((spot.entry, spot.position), Resealed { replaces, ciphertext, wrap });
        }
        let binding = shown.value(0).map(parse::<Binding>).transpose().map_err(|reason| refused(reason.into()))?;
        Ok((binding.unwrap_or_default(), shown))
    }

    fn finish(self, covers: u64) -> Reading {
        let (events, acts) = (self.events.into_values().collect(), self.acts.into_values().collect());
        let Self { names, functions, months, resealed, .. } = self;
        Reading { events, acts, names, functions, months, resealed, covers }
    }
}
