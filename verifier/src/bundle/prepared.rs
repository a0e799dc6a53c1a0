//! What can be said of a record by itself: its canonical form, its hashes, its signature, its body against its header.
//!
//! This is most of the work, and none of it depends on the records before: so it is done on several threads, and the walk
//! takes it in the order of the bundle. What is wrong with a record is kept until the walk asks for it, so that the first
//! refusal is the same however many threads there are.
//! Not here: everything that an earlier record decides (`walk`, `events`). Specification: `specs/bundle.md`.

use super::framing::Chunk;
use super::salts::Salted;
use super::{Place, Refusal};
use crate::batch::{BatchError, VerifiedStatement, event_leaf};
use crate::commit::{CommitmentError, ShownBody, check_redacted};
use crate::hash::{Hash, log_leaf};
use crate::kinds::{EventFacts, HeaderError, layout};
use crate::signature::KnownKeys;
use zegel_proto::v1::entry::Content;
use zegel_proto::v1::event_header::Content as HeaderContent;
use zegel_proto::v1::{
    Binding, Entry, EventHeader, EvidenceEntry, EvidenceEvent, EvidenceHeader, EvidenceNeighbour, EvidenceRecord,
    EvidenceRow, IndexSnapshot, RedactedBody, evidence_event::Body, evidence_record::Record,
};
use zegel_proto::view::{BodyView, ContentView, EventView, HeaderView};
use zegel_proto::{CanonicalError, parse};

/// A record, with all that it says by itself.
pub(super) enum Prepared {
    Header(Box<EvidenceHeader>),
    Entry(Box<PreparedEntry>),
    Event(Box<PreparedEvent>),
    BatchEnd(Vec<Hash>),
    LogEnd(Vec<Hash>),
    Row(Box<EvidenceRow>, Vec<Hash>),
    Neighbour(Box<EvidenceNeighbour>, Vec<Hash>),
    RowsEnd(Vec<Hash>),
    Envelope,
    /// A record that names no content.
    Nothing,
}

/// An entry of the log.
pub(super) struct PreparedEntry {
    pub(super) index: u64,
    pub(super) gap: Vec<Hash>,
    pub(super) leaf: Hash,
    pub(super) entry: Result<OpenEntry, CanonicalError>,
}

/// An entry that is canonical.
pub(super) struct OpenEntry {
    pub(super) received_at_ms: u64,
    pub(super) content: EntryContent,
}

pub(super) enum EntryContent {
    Batch(Result<VerifiedStatement, BatchError>),
    Snapshot(IndexSnapshot),
    Nothing,
}

/// An event of a batch.
pub(super) struct PreparedEvent {
    pub(super) position: u32,
    pub(super) gap: Vec<Hash>,
    pub(super) leaf: Hash,
    pub(super) header: Result<OpenHeader, HeaderFault>,
}

/// A header that is good, and its body.
pub(super) struct OpenHeader {
    pub(super) facts: EventFacts,
    /// Content of a public event.
    pub(super) public: Option<Vec<u8>>,
    pub(super) body: Result<Option<(Binding, ShownBody)>, BodyFault>,
    /// What its salts give away, if there is a body.
    pub(super) salted: Option<Salted>,
}

/// Why a header is refused.
#[derive(Clone)]
pub(super) enum HeaderFault {
    NotCanonical(CanonicalError),
    Rules(HeaderError),
}

impl HeaderFault {
    pub(super) fn at(self, place: Place) -> Refusal {
        match self {
            Self::NotCanonical(reason) => Refusal::NotCanonicalAt { place, reason },
            Self::Rules(reason) => Refusal::Header { place, reason },
        }
    }
}

/// Why a body is refused.
#[derive(Clone)]
pub(super) enum BodyFault {
    Form(&'static str),
    Commitment(CommitmentError),
    NoBinding,
    BindingNotCanonical(CanonicalError),
}

impl BodyFault {
    pub(super) fn at(self, place: Place) -> Refusal {
        match self {
            Self::Form(reason) => Refusal::Body { place, reason },
            Self::Commitment(reason) => Refusal::Commitment { place, reason },
            Self::NoBinding => Refusal::Binding { place, field: "state" },
            Self::BindingNotCanonical(reason) => Refusal::NotCanonicalAt { place, reason },
        }
    }
}

fn hashes(gap: &[Vec<u8>]) -> Vec<Hash> {
    // The grammar of each record has checked that all are 32 bytes.
    gap.iter().map(|bytes| Hash::read(bytes).unwrap_or(Hash::ZERO)).collect()
}

/// Prepares records for a log. What it remembers saves work and decides nothing.
pub(super) struct Preparer<'a> {
    origin: &'a str,
    keys: KnownKeys,
}

impl<'a> Preparer<'a> {
    pub(super) fn new(origin: &'a str) -> Self {
        Self { origin, keys: KnownKeys::default() }
    }

    /// The records of a chunk up to the first that is not canonical, which is the last one given.
    pub(super) fn prepare(&mut self, chunk: &Chunk) -> Vec<Result<Prepared, CanonicalError>> {
        let mut all = Vec::with_capacity(chunk.records.len());
        for record in &chunk.records {
            let prepared = prepare(&chunk.bytes[record.clone()], self);
            let is_refused = prepared.is_err();
            all.push(prepared);
            if is_refused {
                break;
            }
        }
        all
    }
}

fn prepare(bytes: &[u8], preparer: &mut Preparer<'_>) -> Result<Prepared, CanonicalError> {
    if let Some(event) = EventView::read(bytes) {
        return Ok(Prepared::Event(Box::new(PreparedEvent::of_view(event))));
    }
    let record: EvidenceRecord = parse(bytes)?;
    Ok(match record.record {
        Some(Record::Header(header)) => Prepared::Header(Box::new(header)),
        Some(Record::Entry(entry)) => Prepared::Entry(Box::new(PreparedEntry::new(&entry, preparer))),
        Some(Record::Event(event)) => Prepared::Event(Box::new(PreparedEvent::new(&event))),
        Some(Record::BatchEnd(end)) => Prepared::BatchEnd(hashes(&end.gap)),
        Some(Record::LogEnd(end)) => Prepared::LogEnd(hashes(&end.gap)),
        Some(Record::Row(row)) => {
            let gap = hashes(&row.gap);
            Prepared::Row(Box::new(row), gap)
        }
        Some(Record::Neighbour(row)) => {
            let gap = hashes(&row.gap);
            Prepared::Neighbour(Box::new(row), gap)
        }
        Some(Record::RowsEnd(end)) => Prepared::RowsEnd(hashes(&end.gap)),
        Some(Record::Envelope(_)) => Prepared::Envelope,
        None => Prepared::Nothing,
    })
}

impl PreparedEntry {
    fn new(record: &EvidenceEntry, preparer: &mut Preparer<'_>) -> Self {
        let entry = parse::<Entry>(&record.entry).map(|entry| OpenEntry {
            received_at_ms: entry.received_at_ms,
            content: match entry.content {
                Some(Content::Batch(batch)) => {
                    EntryContent::Batch(VerifiedStatement::verify_by(&mut preparer.keys, &batch, preparer.origin))
                }
                Some(Content::Snapshot(snapshot)) => EntryContent::Snapshot(snapshot),
                None => EntryContent::Nothing,
            },
        });
        Self { index: record.index, gap: hashes(&record.gap), leaf: log_leaf(&record.entry), entry }
    }
}

/// A body in the form in which it stands in the bundle.
enum AnyBody<'a> {
    Whole(BodyView<'a>),
    Redacted(&'a RedactedBody),
    Sealed,
}

impl AnyBody<'_> {
    fn salted(&self) -> Option<Salted> {
        match self {
            Self::Whole(body) => Some(Salted::whole(body.seed)),
            Self::Redacted(body) => Some(Salted::redacted(body)),
            Self::Sealed => None,
        }
    }
}

impl PreparedEvent {
    fn of_view(event: EventView<'_>) -> Self {
        let header = open_header(event.header, event.body.map(AnyBody::Whole));
        let gap = event.gap.into_iter().map(|hash| Hash(*hash)).collect();
        Self { position: event.position, gap, leaf: event_leaf(event.header), header }
    }

    fn new(event: &EvidenceEvent) -> Self {
        let body = event.body.as_ref().map(|body| match body {
            // The grammar has passed, so that there is a view.
            Body::Opened(body) => BodyView::of(body).map_or(AnyBody::Sealed, AnyBody::Whole),
            Body::Redacted(body) => AnyBody::Redacted(body),
            Body::Sealed(_) => AnyBody::Sealed,
        });
        let header = open_header(&event.header, body);
        Self { position: event.position, gap: hashes(&event.gap), leaf: event_leaf(&event.header), header }
    }
}

fn open_header(bytes: &[u8], body: Option<AnyBody<'_>>) -> Result<OpenHeader, HeaderFault> {
    let (facts, public) = read_header(bytes)?;
    let salted = body.as_ref().and_then(AnyBody::salted);
    let body = body.map(|body| open_body(&facts, body)).transpose();
    Ok(OpenHeader { facts, public, body, salted })
}

/// What a header says, and its content if that is public.
fn read_header(bytes: &[u8]) -> Result<(EventFacts, Option<Vec<u8>>), HeaderFault> {
    if let Some(header) = HeaderView::read(bytes) {
        let facts = EventFacts::of_view(&header).map_err(HeaderFault::Rules)?;
        let public = if let ContentView::Public(public) = header.content { Some(public.to_vec()) } else { None };
        return Ok((facts, public));
    }
    let header: EventHeader = parse(bytes).map_err(HeaderFault::NotCanonical)?;
    let facts = EventFacts::read(&header).map_err(HeaderFault::Rules)?;
    let public = if let Some(HeaderContent::Public(public)) = header.content { Some(public) } else { None };
    Ok((facts, public))
}

/// Opens a body against its header. Where it stands is the walk's to compare.
fn open_body(facts: &EventFacts, body: AnyBody<'_>) -> Result<(Binding, ShownBody), BodyFault> {
    let root = facts.body_root.ok_or(BodyFault::Form("a public event has no body"))?;
    let opened = match body {
        AnyBody::Whole(body) => ShownBody::open_view(&body, layout(facts.kind), root),
        AnyBody::Redacted(body) => check_redacted(body.clone(), layout(facts.kind), root),
        AnyBody::Sealed => return Err(BodyFault::Form("sealed evidence may not be in a bundle")),
    };
    let opened = opened.map_err(BodyFault::Commitment)?;
    let binding = parse(opened.value(0).ok_or(BodyFault::NoBinding)?).map_err(BodyFault::BindingNotCanonical)?;
    Ok((binding, opened))
}
