//! What follows from the truth: streams with their postings, heads, counters, registered ids.
//!
//! It trails the truth: a large run of entries is taken together, so that a row is read and written once for many events, and
//! the **watermark** says how far that went; both are one atomic write. The same code serves an append, a start, a rebuild
//! and a check. Rows are a function of the entries below the watermark, whatever the runs were. Nothing here is believed:
//! the check derives all of it again and compares. Memory: the touches of one run. Specification: `specs/streams.md`.

use crate::log::{Capture, Registered, SealedBatch, capture_of, registration_of};
use crate::store::StoreError;
use crate::store::database::{Column, Database, Write};
use crate::store::rows::{self, BLOCK_PLACES, LogPlace, LoggedRow, NumberRow, SourceRow, StreamRow};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use zegel_proto::v1::StreamType;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::StreamMonth;
use zegel_verifier::snapshot::stream_leaf;
use zegel_verifier::tree::Frontier;

/// Rows of streams that are read together.
const READ_ROWS: usize = 512;

/// An event in one of its streams.
struct Touch {
    of: StreamMonth,
    place: LogPlace,
    event: Hash,
}

/// Changed projections of a run of entries, not written yet.
pub(crate) struct Projection<'a> {
    db: &'a Database,
    /// Entries that are projected with this.
    watermark: u64,
    touches: Vec<Touch>,
    sources: BTreeMap<Hash, SourceRow>,
    logged: Vec<(Hash, u64, LoggedRow)>,
    captures: HashMap<Capture, u64>,
    registered: BTreeSet<Registered>,
}

impl<'a> Projection<'a> {
    pub(super) fn new(db: &'a Database) -> Self {
        Self {
            db,
            watermark: 0,
            touches: Vec::new(),
            sources: BTreeMap::new(),
            logged: Vec::new(),
            captures: HashMap::new(),
            registered: BTreeSet::new(),
        }
    }

    /// Places of events in streams, so far.
    pub(super) fn places(&self) -> usize {
        self.touches.len()
    }

    /// Takes the next entry, if it is a batch; nothing follows from a snapshot.
    pub(super) fn take(&mut self, entry: u64, batch: Option<&SealedBatch>) {
        self.watermark = entry + 1;
        let Some(batch) = batch else { return };
        let (source, statement) = (batch.source, batch.statement.0);
        let next_batch_seq = batch.batch_seq + 1;
        self.sources.insert(source, SourceRow { next_batch_seq, previous: statement, last_entry: entry });
        self.logged.push((source, batch.batch_seq, LoggedRow { entry, statement }));
        for (position, event) in (0..).zip(&batch.events) {
            if let Some(capture) = capture_of(source, &event.facts) {
                self.captures.insert(capture, event.facts.conversation_seq + 1);
            }
            self.registered.extend(registration_of(&event.facts));
            let place = LogPlace { entry, position };
            self.touches.extend(event.facts.streams().map(|of| Touch { of, place, event: event.leaf }));
        }
    }

    /// Writes all that has changed, and the watermark; durable together, with a flush, never one without the other.
    pub(super) fn write(mut self) -> Result<u64, StoreError> {
        let mut write = self.db.write();
        self.put_streams(&mut write)?;
        self.put_state(&mut write);
        put_watermark(&mut write, self.watermark);
        self.db.commit_unlogged(write, "writing projections")?;
        Ok(self.watermark)
    }

    /// The same, if an entry was taken.
    pub(super) fn write_if_any(self) -> Result<(), StoreError> {
        if self.watermark == 0 { Ok(()) } else { self.write().map(drop) }
    }

    fn put_streams(&mut self, write: &mut Write<'_>) -> Result<(), StoreError> {
        let mut touches = std::mem::take(&mut self.touches);
        // In the order of keys: rows of one stream come together, and the database reads and writes from left to right.
        touches.sort_unstable_by(|one, other| (&one.of, one.place).cmp(&(&other.of, other.place)));
        let runs: Vec<&[Touch]> = touches.chunk_by(|one, other| one.of == other.of).collect();
        for runs in runs.chunks(READ_ROWS) {
            let keys: Vec<_> = runs.iter().map(|run| rows::stream_key(&run[0].of)).collect();
            let found = self.db.get_all(Column::Streams, &keys)?;
            for ((run, key), row) in runs.iter().zip(&keys).zip(found) {
                let row = row.map_or_else(|| Ok(StreamRow::default()), |row| rows::parse("a stream", &row))?;
                let row = place_all(row, run, write)?;
                write.put(Column::Streams, key, &rows::print(&row));
            }
        }
        Ok(())
    }

    fn put_state(&self, write: &mut Write<'_>) {
        for (source, row) in &self.sources {
            write.put(Column::State, &source_key(*source), &rows::print(row));
        }
        for (source, batch_seq, row) in &self.logged {
            write.put(Column::State, &logged_key(*source, *batch_seq), &rows::print(row));
        }
        let mut captures: Vec<_> = self.captures.iter().collect();
        captures.sort_unstable();
        for (capture, number) in captures {
            write.put(Column::State, &capture_key(capture), &rows::print(&NumberRow { number: *number }));
        }
        for registered in &self.registered {
            write.put(Column::State, &registered_key(registered), &rows::print(&NumberRow { number: 1 }));
        }
    }
}

/// A stream's row with these places; blocks that become full are put.
fn place_all(mut row: StreamRow, run: &[Touch], write: &mut Write<'_>) -> Result<StreamRow, StoreError> {
    let mut frontier = frontier_of(row.count, &row.frontier)?;
    for Touch { of, place, event } in run {
        frontier.push(stream_leaf(place.entry, place.position, *event));
        row.tail.push(*place);
        if row.tail.count() == BLOCK_PLACES {
            let places = std::mem::take(&mut row.tail);
            let block = frontier.size() / BLOCK_PLACES - 1;
            write.put(Column::Postings, &block_key(of, block), &rows::print(&places));
        }
    }
    row.frontier = frontier.roots().iter().map(|root| root.0).collect();
    row.count = frontier.size();
    Ok(row)
}

/// Key of the watermark in the column of facts about the store.
pub(super) const WATERMARK: &[u8] = b"projected";

/// Entries that the projections of a database hold.
pub(super) fn watermark(db: &Database) -> Result<u64, StoreError> {
    let unreadable = StoreError::Row { what: "the watermark" };
    let Some(row) = db.get(Column::Meta, WATERMARK)? else { return Ok(0) };
    let bytes = rows::parse_raw("the watermark", &row)?.try_into().map_err(|_| unreadable)?;
    Ok(u64::from_be_bytes(bytes))
}

/// Says how far the projections are.
pub(super) fn put_watermark(write: &mut Write<'_>, watermark: u64) {
    write.put(Column::Meta, WATERMARK, &rows::print_raw(&watermark.to_be_bytes()));
}

/// The edge of a month's tree.
pub(super) fn frontier_of(count: u64, roots: &[[u8; 32]]) -> Result<Frontier, StoreError> {
    let roots = roots.iter().map(|root| Hash(*root)).collect();
    Frontier::restore(count, roots).ok_or(StoreError::Row { what: "a stream" })
}

pub(super) fn block_key(of: &StreamMonth, block: u64) -> Vec<u8> {
    [&rows::stream_key(of)[..], &block.to_be_bytes()].concat()
}

pub(super) fn tile_key(level: u32, index: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&level.to_be_bytes());
    key[4..].copy_from_slice(&index.to_be_bytes());
    key
}

pub(super) fn source_key(source: Hash) -> Vec<u8> {
    [&b"s"[..], &source.0].concat()
}

pub(super) fn logged_key(source: Hash, batch_seq: u64) -> Vec<u8> {
    [&b"b"[..], &source.0, &batch_seq.to_be_bytes()].concat()
}

pub(super) fn capture_key(capture: &Capture) -> Vec<u8> {
    [&b"c"[..], &capture.source.0, &capture.custodian.0, &capture.conversation.0].concat()
}

pub(super) fn registered_key(registered: &Registered) -> Vec<u8> {
    [&b"r"[..], &[registered.0 as u8], &registered.1.0].concat()
}

/// The source of a key of [`source_key`].
pub(super) fn parse_source_key(key: &[u8]) -> Option<Hash> {
    Hash::read(key.get(1..)?)
}

/// The capture of a key of [`capture_key`].
pub(super) fn parse_capture_key(key: &[u8]) -> Option<Capture> {
    let id = |at: usize| Hash::read(key.get(1 + 32 * at..33 + 32 * at)?);
    Some(Capture { source: id(0)?, custodian: id(1)?, conversation: id(2)? })
}

/// The id of a key of [`registered_key`].
pub(super) fn parse_registered_key(key: &[u8]) -> Option<Registered> {
    Some((StreamType::try_from(i32::from(*key.get(1)?)).ok()?, Hash::read(key.get(2..)?)?))
}
