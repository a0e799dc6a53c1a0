//! One entry by itself: everything that can be judged without the state of the log.
//!
//! It costs hashing and a signature check, so it is made by many threads; what depends on what came before is judged
//! later, in order, by the [`super::Auditor`]. What is the same for many events of a batch is told once: streams, captures
//! and ids come grouped, so that the ordered part is small.

use super::Fault;
use crate::batch::{VerifiedStatement, event_leaves};
use crate::bundle::Place;
use crate::hash::{Hash, Tag, leaf, log_leaf};
use crate::kinds::{EventFacts, Family, StreamMonth, family};
use crate::snapshot::stream_leaves;
use crate::tree::root_of;
use zegel_proto::limits::{ENTRY_BYTES_MAX, HEADER_BYTES_MAX};
use zegel_proto::parse;
use zegel_proto::v1::entry;
use zegel_proto::v1::event_header::Content as EventContent;
use zegel_proto::v1::{
    AuditEntry, Entry, EventHeader, EventKind, IndexSnapshot, SealedDigest, SignedBatch, StreamType,
};

/// An entry that was examined by itself. Made by [`examine`] only.
#[derive(Clone, Debug)]
pub struct Examined {
    pub(super) index: u64,
    pub(super) leaf: Hash,
    /// 0 where the entry could not be read.
    pub(super) received_at_ms: u64,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Batch(Box<ExaminedBatch>),
    Snapshot(IndexSnapshot),
    /// Nothing can be concluded from it.
    Bad(Place, Fault),
}

/// A batch that is good by itself, but for `faults` that leave its events known.
#[derive(Clone, Debug)]
pub(super) struct ExaminedBatch {
    pub(super) statement: VerifiedStatement,
    /// Kinds with the first position of each.
    pub(super) kinds: Vec<(EventKind, u32)>,
    pub(super) public: Vec<PublicEvent>,
    /// Stream leaves, in order, by stream and month.
    pub(super) streams: Vec<(StreamMonth, Vec<Hash>)>,
    pub(super) captures: Vec<NumberedRun>,
    pub(super) ids: Vec<NamedId>,
    /// Positions of events whose sealed form is gone.
    pub(super) gone: Vec<u32>,
    /// Positions of events whose sealed form is another than the one that was signed over.
    pub(super) replaced: Vec<u32>,
    pub(super) faults: Vec<(Place, Fault)>,
}

/// An event of the registry.
#[derive(Clone, Debug)]
pub(super) struct PublicEvent {
    pub(super) position: u32,
    pub(super) kind: EventKind,
    pub(super) content: Vec<u8>,
}

/// The numbers of one capture in one batch.
#[derive(Clone, Debug)]
pub(super) struct NumberedRun {
    pub(super) custodian: Hash,
    pub(super) conversation: Hash,
    pub(super) position: u32,
    pub(super) first: u64,
    /// The number that would come after.
    pub(super) next: u64,
    /// First number that is not the one after that before it: position, found, wanted.
    pub(super) gap: Option<(u32, u64, u64)>,
}

/// An id in one batch.
#[derive(Clone, Debug)]
pub(super) struct NamedId {
    pub(super) stream: StreamType,
    pub(super) id: Hash,
    /// First event that names it and does not register it.
    pub(super) used: Option<u32>,
    /// First event that registers it.
    pub(super) registered: Option<u32>,
    /// Second event that registers it.
    pub(super) again: Option<u32>,
}

/// Examines one entry of the log `origin` by itself.
#[must_use]
pub fn examine(entry: &AuditEntry, origin: &str) -> Examined {
    let index = entry.index;
    let leaf = log_leaf(&entry.entry);
    let bad =
        |received_at_ms, (place, fault)| Examined { index, leaf, received_at_ms, content: Content::Bad(place, fault) };
    let at = Place::entry(index);
    if entry.entry.len() > ENTRY_BYTES_MAX {
        let found = entry.entry.len() as u64;
        return bad(0, (at, Fault::Limit { what: "bytes of an entry", found, max: ENTRY_BYTES_MAX as u64 }));
    }
    let parsed: Entry = match parse(&entry.entry) {
        Ok(parsed) => parsed,
        Err(reason) => return bad(0, (at, Fault::Canonical(reason))),
    };
    let received_at_ms = parsed.received_at_ms;
    match parsed.content {
        Some(entry::Content::Batch(signed)) => match examine_batch(entry, &signed, origin) {
            Ok(batch) => Examined { index, leaf, received_at_ms, content: Content::Batch(Box::new(batch)) },
            Err(fault) => bad(received_at_ms, fault),
        },
        Some(entry::Content::Snapshot(snapshot)) if entry.headers.is_empty() && entry.sealed.is_empty() => {
            Examined { index, leaf, received_at_ms, content: Content::Snapshot(snapshot) }
        }
        // The grammar allows no entry without content.
        _ => bad(received_at_ms, (at, Fault::Count { what: "headers", found: entry.headers.len() as u64, wanted: 0 })),
    }
}

type Faulty = (Place, Fault);

fn examine_batch(entry: &AuditEntry, signed: &SignedBatch, origin: &str) -> Result<ExaminedBatch, Faulty> {
    let at = Place::entry(entry.index);
    let statement = VerifiedStatement::verify(signed, origin).map_err(|reason| (at, Fault::Batch(reason)))?;
    let wanted = u64::from(statement.statement().count);
    for (what, found) in [("headers", entry.headers.len() as u64), ("sealed forms", entry.sealed.len() as u64)] {
        if found != wanted {
            return Err((at, Fault::Count { what, found, wanted }));
        }
    }
    let leaves = event_leaves(entry.headers.iter().map(Vec::as_slice));
    let (found, wanted) = (root_of(leaves.iter().copied()), statement.events_root());
    if found != wanted {
        return Err((at, Fault::EventsRoot { found, wanted }));
    }
    let mut batch = ExaminedBatch {
        statement,
        kinds: Vec::new(),
        public: Vec::new(),
        streams: Vec::new(),
        captures: Vec::new(),
        ids: Vec::new(),
        gone: Vec::new(),
        replaced: Vec::new(),
        faults: Vec::new(),
    };
    let facts = read_headers(entry, &mut batch)?;
    batch.streams = group_streams(entry.index, &facts, &leaves);
    batch.captures = group_captures(&facts);
    batch.ids = group_ids(&facts);
    examine_sealed(entry, &facts, &mut batch);
    Ok(batch)
}

fn read_headers(entry: &AuditEntry, batch: &mut ExaminedBatch) -> Result<Vec<EventFacts>, Faulty> {
    let mut all = Vec::with_capacity(entry.headers.len());
    for (position, bytes) in (0..).zip(&entry.headers) {
        let at = Place::event(entry.index, position);
        if bytes.len() > HEADER_BYTES_MAX {
            let found = bytes.len() as u64;
            return Err((at, Fault::Limit { what: "bytes of a header", found, max: HEADER_BYTES_MAX as u64 }));
        }
        let header: EventHeader = parse(bytes).map_err(|reason| (at, Fault::Canonical(reason)))?;
        let facts = EventFacts::read(&header).map_err(|reason| (at, Fault::Header(reason)))?;
        if !batch.kinds.iter().any(|(kind, _)| *kind == facts.kind) {
            batch.kinds.push((facts.kind, position));
        }
        if let Some(EventContent::Public(content)) = header.content {
            batch.public.push(PublicEvent { position, kind: facts.kind, content });
        }
        all.push(facts);
    }
    Ok(all)
}

fn group_streams(entry: u64, facts: &[EventFacts], leaves: &[Hash]) -> Vec<(StreamMonth, Vec<Hash>)> {
    let leaves = stream_leaves(entry, leaves);
    let mut places: Vec<(StreamMonth, Hash)> = Vec::with_capacity(2 * leaves.len());
    for (facts, leaf) in facts.iter().zip(leaves) {
        places.extend(facts.streams().map(|of| (of, leaf)));
    }
    // Stable: within a stream the leaves stay in log order.
    places.sort_by_key(|(of, _)| *of);
    let groups = places.chunk_by(|one, other| one.0 == other.0);
    groups.map(|group| (group[0].0, group.iter().map(|(_, leaf)| *leaf).collect())).collect()
}

/// The custodian and the conversation of an event that has a number.
fn capture_of(facts: &EventFacts) -> Option<(Hash, Hash)> {
    let numbered = matches!(family(facts.kind), Family::Chat | Family::Capture);
    facts.custodian.zip(facts.conversation).filter(|_| numbered)
}

fn group_captures(facts: &[EventFacts]) -> Vec<NumberedRun> {
    let numbered = (0u32..).zip(facts).filter_map(|(position, facts)| Some((capture_of(facts)?, position, facts)));
    let mut numbered: Vec<_> = numbered.map(|(of, position, facts)| (of, position, facts.conversation_seq)).collect();
    numbered.sort_by_key(|(of, position, _)| (*of, *position));
    let groups = numbered.chunk_by(|one, other| one.0 == other.0);
    groups.map(run_of).collect()
}

fn run_of(group: &[((Hash, Hash), u32, u64)]) -> NumberedRun {
    let ((custodian, conversation), position, first) = group[0];
    let mut run = NumberedRun { custodian, conversation, position, first, next: first, gap: None };
    for &(_, position, found) in group {
        if found != run.next && run.gap.is_none() {
            run.gap = Some((position, found, run.next));
        }
        run.next = found.saturating_add(1);
    }
    run
}

fn group_ids(facts: &[EventFacts]) -> Vec<NamedId> {
    let mut named = Vec::new();
    for (position, facts) in (0u32..).zip(facts) {
        let registers = match facts.kind {
            EventKind::CustodianRegistered => Some(StreamType::StreamCustodian),
            EventKind::ConversationRegistered => Some(StreamType::StreamConversation),
            _ => None,
        };
        let conversation = facts.conversation.map(|id| (StreamType::StreamConversation, id));
        let custodian = facts.custodian.map(|id| (StreamType::StreamCustodian, id));
        let both = conversation.into_iter().chain(custodian);
        named.extend(both.map(|(stream, id)| (stream, id, position, registers == Some(stream))));
    }
    named.sort_by_key(|(stream, id, position, _)| (*stream, *id, *position));
    let groups = named.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1));
    let id_of = |group: &[(StreamType, Hash, u32, bool)]| {
        let mut registering = group.iter().filter(|each| each.3).map(|each| each.2);
        let used = group.iter().find(|each| !each.3).map(|each| each.2);
        NamedId { stream: group[0].0, id: group[0].1, used, registered: registering.next(), again: registering.next() }
    };
    groups.map(id_of).collect()
}

/// Holds what is told of the sealed forms against the sealed root that the source signed.
fn examine_sealed(entry: &AuditEntry, facts: &[EventFacts], batch: &mut ExaminedBatch) {
    let mut leaves = Vec::with_capacity(facts.len());
    for ((position, facts), sealed) in (0..).zip(facts).zip(&entry.sealed) {
        match sealed_leaf(facts.body_root.is_some(), sealed) {
            Ok(Form::Held(leaf)) => leaves.push(leaf),
            Ok(Form::Gone(leaf)) => {
                batch.gone.push(position);
                leaves.extend(leaf);
            }
            Ok(Form::Replaced(leaf)) => {
                batch.replaced.push(position);
                leaves.push(leaf);
            }
            Err(fault) => return batch.faults.push((Place::event(entry.index, position), fault)),
        }
    }
    // A leaf that was not kept: nothing can be computed any more.
    if leaves.len() < facts.len() {
        return;
    }
    let (found, wanted) = (root_of(leaves), batch.statement.sealed_root());
    if found != wanted {
        batch.faults.push((Place::entry(entry.index), Fault::SealedRoot { found, wanted }));
    }
}

enum Form {
    Held(Hash),
    Gone(Option<Hash>),
    /// Another one stands in its place; this was its leaf.
    Replaced(Hash),
}

fn sealed_leaf(is_sealed: bool, sealed: &SealedDigest) -> Result<Form, Fault> {
    let parts = [&sealed.ciphertext, &sealed.wrap, &sealed.leaf];
    if let Some(part) = parts.iter().find(|part| !part.is_empty() && (!is_sealed || part.len() != 32)) {
        return Err(Fault::SealedForm { found: part.len() as u64, is_sealed });
    }
    let of = |bytes: &[u8]| Hash::read(bytes);
    match (is_sealed, of(&sealed.ciphertext), of(&sealed.wrap)) {
        (false, ..) => Ok(Form::Held(leaf(Tag::Sealed, &[]))),
        (true, Some(ciphertext), Some(wrap)) => {
            let found = leaf(Tag::Sealed, &[&ciphertext.0, &wrap.0]);
            let signed = of(&sealed.leaf).filter(|signed| *signed != found);
            Ok(signed.map_or(Form::Held(found), Form::Replaced))
        }
        (true, ..) => Ok(Form::Gone(of(&sealed.leaf))),
    }
}
