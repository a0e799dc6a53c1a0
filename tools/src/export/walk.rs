//! The ledger's sealed stream, opened record by record. Pure: no file, no network.

use super::cover::EventCover;
use super::registrations::Others;
use super::{ClosedRegistration, Cover, CoverError, ExportError, Spot};
use crate::opening::Opening;
use std::collections::BTreeSet;
use zegel_proto::v1::evidence_event::Body as Shown;
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::{
    Attachment, AttachmentState, EventHeader, EventKind, EvidenceEvent, EvidenceHeader, EvidenceRecord,
    ExportEvidenceRequest, Scope, SealedEvidence, StreamType,
};
use zegel_proto::{CanonicalError, parse};
use zegel_verifier::commit::{CoveredUnit, ShownBody, check_redacted, redact, redact_more};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{EventFacts, Family, chat, family, layout};
use zeroize::Zeroizing;

/// An attachment that an opened event shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct WantedAttachment {
    pub(super) spot: Spot,
    pub(super) blob: Hash,
    pub(super) key: Zeroizing<[u8; 32]>,
    pub(super) sha256: Hash,
}

/// What a record of the ledger becomes.
#[derive(Default)]
pub(super) struct Opened {
    /// The record of the bundle; none for an envelope.
    pub(super) record: Option<EvidenceRecord>,
    /// The checkpoint, in the first record.
    pub(super) checkpoint: Option<Vec<u8>>,
    pub(super) attachments: Vec<WantedAttachment>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Entries,
    Rows,
    End,
}

/// The state of the walk: where it is, and what was opened.
pub(super) struct Walk<'a> {
    request: &'a ExportEvidenceRequest,
    opening: Opening<'a>,
    acts: &'a BTreeSet<(u64, u32)>,
    cover: &'a Cover,
    others: &'a Others,
    /// Covered events that have not passed yet.
    awaited: BTreeSet<Spot>,
    /// Acts that have not passed yet.
    awaited_acts: BTreeSet<(u64, u32)>,
    stage: Stage,
    entry: u64,
    /// Ids that events of the scope name.
    named: BTreeSet<Hash>,
    /// Other ids whose registration was opened.
    registered: BTreeSet<Hash>,
    counts: Walked,
}

/// What a walk has shown.
#[derive(Default)]
pub(super) struct Walked {
    /// Events of the scope that are shown whole.
    pub(super) opened: u64,
    /// Events of the scope of which something is covered.
    pub(super) redacted: u64,
    /// Events of the scope that are withheld as a whole.
    pub(super) withheld: u64,
    /// Cosignatures under the checkpoint in which the evidence ends, whoever gave them.
    pub(super) cosignatures: usize,
    /// Registrations that could not be opened, and are not open in the bundle.
    pub(super) closed: Vec<ClosedRegistration>,
    /// Registrations of other ids that are kept closed, because nothing of these is shown or because that was ordered.
    pub(super) kept_closed: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        request: &'a ExportEvidenceRequest,
        opening: Opening<'a>,
        acts: &'a BTreeSet<(u64, u32)>,
        cover: &'a Cover,
        others: &'a Others,
    ) -> Self {
        Self {
            request,
            opening,
            acts,
            cover,
            others,
            awaited: cover.spots().collect(),
            awaited_acts: acts.clone(),
            stage: Stage::Begin,
            entry: 0,
            named: BTreeSet::new(),
            registered: BTreeSet::new(),
            counts: Walked::default(),
        }
    }

    /// Takes the next record.
    pub(super) fn take(&mut self, record: EvidenceRecord) -> Result<Opened, ExportError> {
        let inner = record.record.ok_or(ExportError::Order { wanted: "a record that is known" })?;
        let order = |wanted| Err(ExportError::Order { wanted });
        let (record, mut opened) = match (self.stage, inner) {
            (Stage::Begin, Record::Header(header)) => {
                self.check_header(&header)?;
                self.stage = Stage::Entries;
                let checkpoint = Some(header.checkpoint.clone());
                (Record::Header(header), Opened { checkpoint, ..Opened::default() })
            }
            (Stage::Begin, _) => return order("a header"),
            (Stage::Entries, Record::Envelope(envelope)) => {
                self.opening.envelope(&envelope);
                return Ok(Opened::default());
            }
            (Stage::Entries, Record::Entry(entry)) => {
                self.entry = entry.index;
                (Record::Entry(entry), Opened::default())
            }
            (Stage::Entries, Record::Event(event)) => {
                let (event, attachments) = self.event(event)?;
                (Record::Event(event), Opened { attachments, ..Opened::default() })
            }
            (Stage::Entries, Record::BatchEnd(end)) => (Record::BatchEnd(end), Opened::default()),
            (Stage::Entries, Record::LogEnd(end)) => {
                self.stage = Stage::Rows;
                (Record::LogEnd(end), Opened::default())
            }
            (Stage::Entries, _) => return order("an entry, an event or an end"),
            (Stage::Rows, Record::Row(row)) => (Record::Row(row), Opened::default()),
            (Stage::Rows, Record::Neighbour(row)) => (Record::Neighbour(row), Opened::default()),
            (Stage::Rows, Record::RowsEnd(end)) => {
                self.stage = Stage::End;
                (Record::RowsEnd(end), Opened::default())
            }
            (Stage::Rows, _) => return order("a row or the end of the rows"),
            (Stage::End, _) => return order("nothing more"),
        };
        opened.record = Some(EvidenceRecord { record: Some(record) });
        Ok(opened)
    }

    /// Ends the walk.
    pub(super) fn finish(self) -> Result<Walked, ExportError> {
        if self.stage != Stage::End {
            return Err(ExportError::Order { wanted: "the end of the rows" });
        }
        if !self.registered.is_subset(&self.named) {
            // A ledger that slips in the registration of someone else would have us disclose a name.
            return Err(ExportError::Order { wanted: "registrations of what the scope names, and no others" });
        }
        if let Some(id) = self.others.ordered().find(|id| !self.named.contains(id)) {
            return Err(CoverError::NotNamed { id }.into());
        }
        if !self.awaited_acts.is_empty() {
            return Err(ExportError::Order { wanted: "the events of this export itself" });
        }
        match self.awaited.first() {
            Some(spot) => Err(CoverError::OutOfScope { spot: *spot }.into()),
            None => Ok(self.counts),
        }
    }

    fn check_header(&self, header: &EvidenceHeader) -> Result<(), ExportError> {
        let same = [
            ("format", header.format == "zegel-evidence/v1"),
            ("origin", header.origin == self.request.origin),
            ("scope", header.scope == self.request.scope),
            ("export entry", header.export_entry == self.request.export_entry),
            ("export position", header.export_position == self.request.export_position),
            ("snapshot entry", header.snapshot_entry == self.request.snapshot_entry),
        ];
        match same.iter().find(|(_, same)| !same) {
            Some((field, _)) => Err(ExportError::OtherEvidence { field }),
            None => Ok(()),
        }
    }

    fn event(&mut self, mut event: EvidenceEvent) -> Result<(EvidenceEvent, Vec<WantedAttachment>), ExportError> {
        let spot = Spot { entry: self.entry, position: event.position };
        let header: EventHeader = parse(&event.header)?;
        let facts = EventFacts::read(&header).map_err(|reason| ExportError::Header { spot, reason })?;
        let sealed = match event.body.take() {
            Some(Shown::Sealed(sealed)) => Some(sealed),
            None => None,
            Some(_) => return Err(ExportError::Order { wanted: "a body that is still sealed" }),
        };
        let Some(body_root) = facts.body_root else {
            return Ok((event, Vec::new()));
        };
        let in_scope = self.request.scope.as_ref().is_some_and(|scope| is_in_scope(&facts, scope));
        let is_bound = self.acts.contains(&(spot.entry, spot.position));
        let is_registration = family(facts.kind) == Family::Register;
        let ids = facts.conversation.into_iter().chain(facts.custodian);
        if in_scope {
            self.named.extend(ids.clone());
        } else if is_registration {
            self.registered.extend(ids.clone());
        }
        if !in_scope && !is_bound && !is_registration {
            return Ok((event, Vec::new()));
        }
        if is_registration && !in_scope {
            if self.awaited.contains(&spot) {
                return Err(CoverError::OtherRegistration { spot }.into());
            }
            if ids.clone().any(|id| self.others.keeps_closed(id)) {
                self.counts.kept_closed += 1;
                return Ok((event, Vec::new()));
            }
        }
        self.awaited_acts.remove(&(spot.entry, spot.position));
        let cover = if in_scope { self.cover.of(spot) } else { None };
        self.awaited.remove(&spot);
        if cover == Some(EventCover::Whole) {
            self.counts.withheld += 1;
            return Ok((event, Vec::new()));
        }
        let sealed = sealed.filter(|sealed| !sealed.ciphertext.is_empty()).ok_or(ExportError::NoBody { spot });
        let (body, shown) = match sealed.and_then(|sealed| self.open(spot, &event.header, &sealed)) {
            // A name that is lost is no reason to show nothing; one that should be covered is.
            Err(reason) if is_registration && cover.is_none() => {
                let (Spot { entry, position }, reason) = (spot, reason.to_string());
                self.counts.closed.push(ClosedRegistration { entry, position, reason });
                return Ok((event, Vec::new()));
            }
            opened => opened?,
        };
        let (body, shown) = show(spot, facts.kind, body_root, (body, shown), cover)?;
        let is_whole = matches!(body, Shown::Opened(_));
        self.counts.opened += u64::from(in_scope && is_whole);
        self.counts.redacted += u64::from(in_scope && !is_whole);
        event.body = Some(body);
        Ok((event, wanted_attachments(spot, &header, &facts, &shown)?))
    }

    fn open(&self, spot: Spot, header: &[u8], sealed: &SealedEvidence) -> Result<(Shown, ShownBody), ExportError> {
        self.opening.body(header, sealed).map_err(|reason| ExportError::Open { spot, reason })
    }
}

/// What is shown of a body that was opened: all of it, or what its cover leaves.
fn show(
    spot: Spot,
    kind: EventKind,
    body_root: Hash,
    (body, shown): (Shown, ShownBody),
    cover: Option<EventCover>,
) -> Result<(Shown, ShownBody), ExportError> {
    match cover {
        None if matches!(body, Shown::Redacted(_)) => Err(CoverError::Permanent { spot }.into()),
        None => Ok((body, shown)),
        Some(EventCover::Whole) => Err(ExportError::NoBody { spot }),
        Some(EventCover::Parts(units)) => {
            let no_part = || CoverError::NoSuchPart { spot };
            CoverError::check_echoes(spot, kind, &shown, &units)?;
            let whole = |unit: &CoveredUnit| CoveredUnit { item: None, ..*unit };
            if shown.covered().any(|unit| !units.contains(&unit) && !units.contains(&whole(&unit))) {
                return Err(CoverError::Permanent { spot }.into());
            }
            let redacted = match body {
                Shown::Opened(body) => redact(&body, &units).ok_or_else(no_part)?,
                Shown::Redacted(body) => redact_more(body, &units),
                Shown::Sealed(_) => return Err(no_part().into()),
            };
            let checked = check_redacted(redacted.clone(), layout(kind), body_root);
            let checked = checked.ok().filter(|checked| checked.covered().eq(units.iter().copied()));
            Ok((Shown::Redacted(redacted), checked.ok_or_else(no_part)?))
        }
    }
}

/// In the scope's stream and months; the id's month 0 always is, since its registration stands there.
pub(super) fn is_in_scope(facts: &EventFacts, scope: &Scope) -> bool {
    let every = scope.from_month == 0 && scope.to_month == 0;
    let in_months = |month| every || month == 0 || (scope.from_month..=scope.to_month).contains(&month);
    let id = Hash::read(&scope.id);
    let stream = StreamType::try_from(scope.stream).unwrap_or(StreamType::StreamUnspecified);
    facts.streams().any(|each| each.stream == stream && Some(each.id) == id && in_months(each.month))
}

fn wanted_attachments(
    spot: Spot,
    header: &EventHeader,
    facts: &EventFacts,
    shown: &ShownBody,
) -> Result<Vec<WantedAttachment>, ExportError> {
    if family(facts.kind) != Family::Chat {
        return Ok(Vec::new());
    }
    let mut wanted = Vec::new();
    for item in shown.items(chat::ATTACHMENTS).iter().flatten() {
        let refused = |reason: CanonicalError| ExportError::Open { spot, reason: reason.into() };
        let attachment: Attachment = parse(item).map_err(refused)?;
        if attachment.state() != AttachmentState::AttachmentPresent {
            continue;
        }
        let blob = header.blobs.get(attachment.blob as usize).and_then(|blob| Hash::read(blob));
        let other = ExportError::OtherAttachment { spot, blob: blob.unwrap_or(Hash::ZERO) };
        let key = attachment.key.as_slice().try_into().ok().map(Zeroizing::new);
        match (blob, key, Hash::read(&attachment.sha256)) {
            (Some(blob), Some(key), Some(sha256)) => wanted.push(WantedAttachment { spot, blob, key, sha256 }),
            _ => return Err(other),
        }
    }
    Ok(wanted)
}
