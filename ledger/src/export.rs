//! Everything that a bundle needs, as of a snapshot, in one pass: sealed, since the ledger cannot open it.
//!
//! Invariants: each entry once, ascending; exactly the events of the scope's months, of the id's month 0, of the registry
//! and of the records stream; every gap covered by its maximal complete subtrees; where the id has no row, its neighbours.
//! Nothing is exported as of a snapshot after which the log's key changed: no verifier could know the new key. Memory is bounded by a
//! batch and the room that all exports have to read ahead, one block of postings per month in scope, and the heads of the snapshot's table; nothing holds a snapshot of the
//! database.
//! Order of records: `specs/bundle.md`.

mod ahead;
mod registrations;

use crate::limits::AheadRoom;
use crate::sequencer::{OpenLog, View};
use crate::store::{LogPlace, PlaceCursor, Store, StoreError, Table, TableRow, TreeReader};
use crate::tree;
use crate::witnessing::Cosigned;
use prost::Message;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;
use thiserror::Error;
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::*;
use zegel_proto::{Grammar, GrammarError, parse};
use zegel_verifier::batch::event_leaves;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::StreamMonth;
use zegel_verifier::snapshot::months_digest;
use zegel_verifier::tree::{gap_subtrees, root_of};

/// First line of what is exported.
const FORMAT: &str = "zegel-evidence/v1";
/// Envelopes that are remembered as sent; when there are more, some are sent again.
const ENVELOPES_REMEMBERED: usize = 65_536;

/// Why evidence cannot be exported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ExportError {
    #[error("the request names no scope")]
    NoScope,
    #[error("scope: {0}")]
    Scope(GrammarError),
    #[error("entry {entry} is no snapshot whose table is kept")]
    NoTable { entry: u64 },
    #[error(
        "entry {entry}, position {position} is no EXPORT_CREATED, CONTENT_READ or SEARCH_PERFORMED that the snapshot covers"
    )]
    NoExport { entry: u64, position: u32 },
    #[error("the snapshot has no event of {stream}")]
    NoRow { stream: &'static str },
    #[error("the log's key changed in entry {entry}, which the snapshot does not cover: take a new snapshot")]
    KeyChanged { entry: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the receiver went away")]
    Gone,
}

/// Takes records one by one; an error when nobody listens any more.
pub(crate) type Sink<'a> = dyn FnMut(EvidenceRecord) -> Result<(), ExportError> + 'a;

/// The checkpoint in which evidence ends.
struct End<'a> {
    size: u64,
    checkpoint: &'a [u8],
}

impl<'a> End<'a> {
    /// The cosigned one where it covers the snapshot's entry, otherwise the newest.
    fn of(view: &'a View, cosigned: Option<&'a Cosigned>, snapshot_entry: u64) -> Self {
        let newest = Self { size: view.size, checkpoint: &view.checkpoint };
        let cosigned = cosigned.filter(|cosigned| (snapshot_entry + 1..=view.size).contains(&cosigned.size));
        cosigned.map_or(newest, |cosigned| Self { size: cosigned.size, checkpoint: &cosigned.note })
    }
}

/// Streams the evidence of a request into a sink.
pub(crate) fn export(
    log: &OpenLog,
    cosigned: Option<&Cosigned>,
    room: &AheadRoom,
    request: ExportEvidenceRequest,
    sink: &mut Sink<'_>,
) -> Result<(), ExportError> {
    let view = log.view();
    let scope = request.scope.clone().ok_or(ExportError::NoScope)?;
    scope.check().map_err(ExportError::Scope)?;
    let entry = request.snapshot_entry;
    let table = if entry < view.size { log.store().table(entry)? } else { None };
    let table = table.ok_or(ExportError::NoTable { entry })?;
    check_export(log.store(), &request, table.covers())?;
    let end = End::of(&view, cosigned, entry);
    log.store().reach(end.size)?;
    check_log_key(log.store(), table.covers(), end.size)?;
    let rows = rows_shown(&table, &scope)?;
    send(sink, Record::Header(header(log, &end, &request, scope.clone())))?;
    let (store, tree) = (log.store(), log.tree(&view));
    let mut walk = Walk { store, table: &table, tree, room, at: 0, sent: HashSet::new(), sink };
    walk.entries(&rows, &scope)?;
    walk.snapshot(entry, end.size)?;
    let absent = rows.first().is_none_or(|(_, row)| row.stream() != scope.stream());
    let at = if absent { send_neighbours(&table, &scope, walk.sink)? } else { 0 };
    send_rows(&table, at, rows, walk.sink)
}

fn send(sink: &mut Sink<'_>, record: Record) -> Result<(), ExportError> {
    sink(EvidenceRecord { record: Some(record) })
}

fn bytes_of(hashes: Vec<Hash>) -> Vec<Vec<u8>> {
    hashes.into_iter().map(Hash::to_vec).collect()
}

fn header(log: &OpenLog, end: &End<'_>, request: &ExportEvidenceRequest, scope: Scope) -> EvidenceHeader {
    EvidenceHeader {
        format: FORMAT.into(),
        origin: log.origin().into(),
        scope: Some(scope),
        export_entry: request.export_entry,
        export_position: request.export_position,
        snapshot_entry: request.snapshot_entry,
        checkpoint: end.checkpoint.to_vec(),
    }
}

/// Nothing is handed out, sealed as it is, before the log says that it was asked for: to export it, to read it, or to search.
fn check_export(store: &Store, request: &ExportEvidenceRequest, covers: u64) -> Result<(), ExportError> {
    let (entry, position) = (request.export_entry, request.export_position);
    let none = ExportError::NoExport { entry, position };
    if entry >= covers {
        return Err(none);
    }
    let headers = store.headers(entry)?;
    let header = headers.get(position as usize).and_then(|header| parse::<EventHeader>(header).ok());
    let asking = [EventKind::ExportCreated, EventKind::ContentRead, EventKind::SearchPerformed];
    let is_asked = header.is_some_and(|header| asking.iter().any(|kind| header.kind == *kind as i32));
    if is_asked { Ok(()) } else { Err(none) }
}

/// A checkpoint is signed by the key that was the log's newest at its size, and a bundle knows no key that its snapshot does not cover.
fn check_log_key(store: &Store, covers: u64, size: u64) -> Result<(), ExportError> {
    let of = StreamMonth::fixed(StreamType::StreamRegistry);
    for place in store.places(of, store.stream(&of)?.count) {
        let LogPlace { entry, position } = place?;
        if !(covers..size).contains(&entry) {
            continue;
        }
        let header = store.headers(entry)?.get(position as usize).and_then(|header| parse::<EventHeader>(header).ok());
        if header.is_some_and(|header| header.kind == EventKind::LogKeyChanged as i32) {
            return Err(ExportError::KeyChanged { entry });
        }
    }
    Ok(())
}

/// Rows of the scope's id (if it has one), the registry and the records stream: ascending, since fixed streams have larger
/// numbers.
fn rows_shown(table: &Table, scope: &Scope) -> Result<Vec<(u64, TableRow)>, ExportError> {
    let of_scope = table.row(scope.stream(), Hash::read(&scope.id).unwrap_or(Hash::ZERO))?;
    let mut rows: Vec<(u64, TableRow)> = of_scope.into_iter().collect();
    let registry = table.row(StreamType::StreamRegistry, Hash::ZERO)?;
    rows.push(registry.ok_or(ExportError::NoRow { stream: StreamType::StreamRegistry.as_str_name() })?);
    // A log may be read before its first act; an export is one itself.
    rows.extend(table.row(StreamType::StreamRecords, Hash::ZERO)?);
    Ok(rows)
}

/// The rows between which that of the scope would stand, but for that of the registry, which is shown whole. Gives the index
/// after the last.
fn send_neighbours(table: &Table, scope: &Scope, sink: &mut Sink<'_>) -> Result<u64, ExportError> {
    let mut at = 0;
    for (index, row) in table.neighbours(scope.stream(), Hash::read(&scope.id).unwrap_or(Hash::ZERO))? {
        if ![StreamType::StreamConversation, StreamType::StreamCustodian].contains(&row.stream()) {
            continue;
        }
        let gap = bytes_of(tree::gap(table, at, index)?);
        let (stream, months) = (row.stream() as i32, months_digest(&row.months()).to_vec());
        send(sink, Record::Neighbour(EvidenceNeighbour { gap, index, stream, id: row.id.to_vec(), months }))?;
        at = index + 1;
    }
    Ok(at)
}

/// Month 0 of the id is always in scope: there stands its registration.
fn is_in_scope(scope: &Scope, row: &TableRow, month: u32) -> bool {
    let whole = row.stream() != scope.stream() || scope.from_month == 0;
    whole || month == 0 || (scope.from_month..=scope.to_month).contains(&month)
}

fn send_rows(table: &Table, mut at: u64, rows: Vec<(u64, TableRow)>, sink: &mut Sink<'_>) -> Result<(), ExportError> {
    for (index, row) in rows {
        let gap = bytes_of(tree::gap(table, at, index)?);
        let (stream, months) = (row.stream() as i32, row.months());
        send(sink, Record::Row(EvidenceRow { gap, index, stream, id: row.id.to_vec(), months }))?;
        at = index + 1;
    }
    let gap = bytes_of(tree::gap(table, at, table.ids())?);
    send(sink, Record::RowsEnd(EvidenceRowsEnd { gap }))
}

/// Places of several streams as one ascending sequence, each place once.
pub(crate) struct Merge<'a> {
    cursors: Vec<PlaceCursor<'a>>,
    heads: BinaryHeap<Reverse<(LogPlace, usize)>>,
}

impl<'a> Merge<'a> {
    pub(crate) fn new(cursors: Vec<PlaceCursor<'a>>) -> Result<Self, StoreError> {
        let mut merge = Self { cursors, heads: BinaryHeap::new() };
        (0..merge.cursors.len()).try_for_each(|number| merge.pull(number))?;
        Ok(merge)
    }

    fn pull(&mut self, number: usize) -> Result<(), StoreError> {
        if let Some(place) = self.cursors[number].next() {
            self.heads.push(Reverse((place?, number)));
        }
        Ok(())
    }

    /// The next place.
    pub(crate) fn next(&mut self) -> Result<Option<LogPlace>, StoreError> {
        let Some(Reverse((place, number))) = self.heads.pop() else { return Ok(None) };
        self.pull(number)?;
        while let Some(&Reverse((same, number))) = self.heads.peek().filter(|Reverse((other, _))| *other == place) {
            debug_assert_eq!(same, place, "peeked what was compared");
            self.heads.pop();
            self.pull(number)?;
        }
        Ok(Some(place))
    }
}

struct Walk<'a, 'b> {
    store: &'a Arc<Store>,
    table: &'a Table,
    tree: TreeReader,
    room: &'a AheadRoom,
    /// Next entry of the log's tree.
    at: u64,
    /// Envelopes that were sent.
    sent: HashSet<Hash>,
    sink: &'a mut Sink<'b>,
}

impl Walk<'_, '_> {
    fn entries(&mut self, rows: &[(u64, TableRow)], scope: &Scope) -> Result<(), ExportError> {
        let store = Arc::clone(self.store);
        let shown = rows.iter().flat_map(|(_, row)| {
            let months = row.months.iter().filter(|(month, ..)| is_in_scope(scope, row, *month));
            months.map(|&(month, count, _)| (StreamMonth { stream: row.stream(), id: Hash(row.id), month }, count))
        });
        let mut merge = Merge::new(shown.map(|(of, count)| store.places(of, count)).collect())?;
        let mut named = self.registrations(rows, scope)?;
        let mut ahead = merge.next()?;
        let mut next = || -> Result<Option<LogPlace>, StoreError> {
            let Some(first) = named.first().copied().filter(|first| ahead.is_none_or(|place| *first <= place)) else {
                return Ok(std::mem::replace(&mut ahead, merge.next()?));
            };
            named.pop_first();
            if ahead == Some(first) {
                ahead = merge.next()?;
            }
            Ok(Some(first))
        };
        let batches = by_entry(std::iter::from_fn(|| next().transpose()));
        let read = |(entry, positions): (u64, Vec<u32>)| {
            let batch = BatchShown::read(&store, entry, &positions);
            let bytes = batch.as_ref().map_or(0, BatchShown::bytes);
            (batch, bytes)
        };
        ahead::in_order(self.room, batches, read, |batch| self.batch(batch?))
    }

    fn entry(&mut self, index: u64, entry: Vec<u8>) -> Result<(), ExportError> {
        let gap = bytes_of(tree::gap(&self.tree, self.at, index)?);
        self.at = index + 1;
        send(self.sink, Record::Entry(EvidenceEntry { gap, index, entry }))
    }

    fn batch(&mut self, batch: BatchShown) -> Result<(), ExportError> {
        self.entry(batch.index, batch.entry)?;
        for event in batch.events {
            if let Some(evidence_event::Body::Sealed(sealed)) = &event.body {
                self.envelope(&sealed.wrap)?;
            }
            send(self.sink, Record::Event(event))?;
        }
        send(self.sink, Record::BatchEnd(batch.end))
    }

    /// Sends the envelope of a wrap before the first event that needs it. One that was destroyed cannot be sent.
    fn envelope(&mut self, wrap: &[u8]) -> Result<(), ExportError> {
        let wrap = KeyWrap::decode(wrap).ok();
        let Some(dossier) = wrap.and_then(|wrap| Hash::read(&wrap.dossier)) else { return Ok(()) };
        if self.sent.len() >= ENVELOPES_REMEMBERED {
            self.sent.clear();
        }
        if !self.sent.insert(dossier) {
            return Ok(());
        }
        let envelope = self.store.envelope_bytes(dossier)?;
        let Some(envelope) = envelope else { return Ok(()) };
        // Its name says which dossier it opens, where that does not follow from it any more.
        let dossier = if sha256(&[&envelope]) == dossier { Vec::new() } else { dossier.to_vec() };
        send(self.sink, Record::Envelope(EvidenceEnvelope { envelope, dossier }))
    }

    /// The snapshot's own entry, then the rest of the log.
    fn snapshot(&mut self, entry: u64, size: u64) -> Result<(), ExportError> {
        self.entry(entry, self.store.entry(entry)?)?;
        let gap = bytes_of(tree::gap(&self.tree, self.at, size)?);
        send(self.sink, Record::LogEnd(EvidenceLogEnd { gap }))
    }
}

/// Ascending places, those of one entry together.
fn by_entry(
    places: impl Iterator<Item = Result<LogPlace, StoreError>>,
) -> impl Iterator<Item = Result<(u64, Vec<u32>), ExportError>> {
    let mut places = places.peekable();
    std::iter::from_fn(move || {
        let first = match places.next()? {
            Ok(place) => place,
            Err(reason) => return Some(Err(reason.into())),
        };
        let mut positions = vec![first.position];
        let same = |place: &Result<LogPlace, StoreError>| place.as_ref().is_ok_and(|place| place.entry == first.entry);
        while let Some(Ok(place)) = places.next_if(same) {
            positions.push(place.position);
        }
        Some(Ok((first.entry, positions)))
    })
}

/// What is sent of a batch: read, and hashed where it is not shown.
struct BatchShown {
    index: u64,
    entry: Vec<u8>,
    events: Vec<EvidenceEvent>,
    end: EvidenceBatchEnd,
}

impl BatchShown {
    fn read(store: &Store, index: u64, positions: &[u32]) -> Result<Self, ExportError> {
        let row = store.header_row(index)?;
        let headers = row.headers()?;
        let leaves = event_leaves(headers.iter().copied());
        let mut events = Vec::with_capacity(positions.len());
        let mut at = 0;
        for (&position, (ciphertext, wrap)) in positions.iter().zip(store.sealed(index, positions)?) {
            let missing = StoreError::Missing { what: "header of entry", number: index };
            let header = headers.get(position as usize).ok_or(missing)?.to_vec();
            // Nothing is sealed beside a public event.
            let sealed = (!ciphertext.is_empty() || !wrap.is_empty()).then_some(SealedEvidence { ciphertext, wrap });
            let gap = gap_of(&leaves, at, position as usize);
            events.push(EvidenceEvent { gap, position, header, body: sealed.map(evidence_event::Body::Sealed) });
            at = position as usize + 1;
        }
        let end = EvidenceBatchEnd { gap: gap_of(&leaves, at, leaves.len()) };
        Ok(Self { index, entry: store.entry(index)?, events, end })
    }

    /// Bytes that it holds.
    fn bytes(&self) -> usize {
        let of = |event: &EvidenceEvent| size_of::<EvidenceEvent>() + event.encoded_len();
        self.entry.len() + self.end.encoded_len() + self.events.iter().map(of).sum::<usize>()
    }
}

fn gap_of(leaves: &[Hash], from: usize, to: usize) -> Vec<Vec<u8>> {
    let subtrees = gap_subtrees(from as u64, to as u64);
    let leaves_of = |level: u32, index: u64| leaves[(index as usize) << level..][..1 << level].iter().copied();
    subtrees.map(|subtree| root_of(leaves_of(subtree.level, subtree.index)).to_vec()).collect()
}
