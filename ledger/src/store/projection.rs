//! What follows from the truth: streams with their postings, heads, counters, registered ids, tiles.
//!
//! The same code serves an append, a rebuild and a check; rows are packed, and touched once per group. Nothing here is
//! believed: the check derives all of it again and compares. Specification: `specs/streams.md`.

use crate::log::{Capture, Registered, capture_of, registration_of};
use crate::store::StoreError;
use crate::store::database::{Column, Database, Write};
use crate::store::rows::{self, BLOCK_PLACES, LogPlace, LoggedRow, NumberRow, PlacesRow, SourceRow, StreamRow};
use crate::tree::FullTile;
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::v1::StreamType;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{EventFacts, StreamMonth};
use zegel_verifier::snapshot::stream_leaf;
use zegel_verifier::tree::Frontier;

/// An entry's batch, as far as projections need it.
pub(crate) struct ProjectedBatch<'a> {
    pub(crate) entry: u64,
    pub(crate) source: Hash,
    pub(crate) batch_seq: u64,
    /// SHA-256 of the statement.
    pub(crate) statement: Hash,
    /// Facts and leaf of each event, in order.
    pub(crate) events: &'a mut dyn Iterator<Item = (EventFacts, Hash)>,
}

/// Changed projections of a group, not written yet.
pub(crate) struct Projection<'a> {
    db: &'a Database,
    streams: BTreeMap<StreamMonth, StreamRow>,
    blocks: Vec<(StreamMonth, u64, PlacesRow)>,
    sources: BTreeMap<Hash, SourceRow>,
    logged: Vec<(Hash, u64, LoggedRow)>,
    captures: BTreeMap<Capture, u64>,
    registered: BTreeSet<Registered>,
    tiles: Vec<FullTile>,
}

impl<'a> Projection<'a> {
    pub(super) fn new(db: &'a Database) -> Self {
        Self {
            db,
            streams: BTreeMap::new(),
            blocks: Vec::new(),
            sources: BTreeMap::new(),
            logged: Vec::new(),
            captures: BTreeMap::new(),
            registered: BTreeSet::new(),
            tiles: Vec::new(),
        }
    }

    /// Takes the next entry's batch.
    pub(crate) fn take(&mut self, batch: ProjectedBatch<'_>) -> Result<(), StoreError> {
        let (entry, source, statement) = (batch.entry, batch.source, batch.statement);
        let next_batch_seq = batch.batch_seq + 1;
        self.sources.insert(source, SourceRow { next_batch_seq, previous: statement.0, last_entry: entry });
        self.logged.push((source, batch.batch_seq, LoggedRow { entry, statement: statement.0 }));
        for (position, (facts, leaf)) in (0..).zip(batch.events) {
            if let Some(capture) = capture_of(source, &facts) {
                self.captures.insert(capture, facts.conversation_seq + 1);
            }
            self.registered.extend(registration_of(&facts));
            for of in facts.streams() {
                self.place(of, LogPlace { entry, position }, leaf)?;
            }
        }
        Ok(())
    }

    /// Takes tiles that have become full.
    pub(crate) fn tiles(&mut self, tiles: Vec<FullTile>) {
        self.tiles.extend(tiles);
    }

    fn place(&mut self, of: StreamMonth, place: LogPlace, event: Hash) -> Result<(), StoreError> {
        if !self.streams.contains_key(&of) {
            let row = self.db.get(Column::Streams, &rows::stream_key(&of))?;
            let row = row.map_or_else(|| Ok(StreamRow::default()), |row| rows::parse("a stream", &row))?;
            self.streams.insert(of, row);
        }
        let Some(row) = self.streams.get_mut(&of) else { return Ok(()) };
        let mut frontier = frontier_of(row)?;
        frontier.push(stream_leaf(place.entry, place.position, event));
        row.frontier = frontier.roots().iter().map(|root| root.0).collect();
        row.count = frontier.size();
        row.tail.push(place);
        if row.tail.count() == BLOCK_PLACES {
            let block = row.count / BLOCK_PLACES - 1;
            self.blocks.push((of, block, std::mem::take(&mut row.tail)));
        }
        Ok(())
    }

    /// Puts all that has changed.
    pub(super) fn put(self, write: &mut Write<'_>) {
        for (of, row) in &self.streams {
            write.put(Column::Streams, &rows::stream_key(of), &rows::print(row));
        }
        for (of, block, places) in &self.blocks {
            write.put(Column::Postings, &block_key(of, *block), &rows::print(places));
        }
        for (source, row) in &self.sources {
            write.put(Column::State, &source_key(*source), &rows::print(row));
        }
        for (source, batch_seq, row) in &self.logged {
            write.put(Column::State, &logged_key(*source, *batch_seq), &rows::print(row));
        }
        for (capture, number) in &self.captures {
            write.put(Column::State, &capture_key(capture), &rows::print(&NumberRow { number: *number }));
        }
        for registered in &self.registered {
            write.put(Column::State, &registered_key(registered), &rows::print(&NumberRow { number: 1 }));
        }
        for full in &self.tiles {
            let hashes: Vec<u8> = full.tile.hashes().iter().flat_map(|hash| hash.0).collect();
            write.put(Column::Tiles, &tile_key(full.level, full.index), &rows::print_raw(&hashes));
        }
    }
}

/// The edge of a month's tree.
pub(super) fn frontier_of(row: &StreamRow) -> Result<Frontier, StoreError> {
    let roots = row.frontier.iter().map(|root| Hash(*root)).collect();
    Frontier::restore(row.count, roots).ok_or(StoreError::Row { what: "a stream" })
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
