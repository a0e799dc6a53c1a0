//! Reading: by entry, by stream, by tile. Bounded slices only; nothing here holds a snapshot of the database.

use crate::log::{Beside, Capture, EnvelopePlace, place_in};
use crate::store::commit::BROUGHT;
use crate::store::database::{Column, Database, Property};
use crate::store::projection::{block_key, capture_key, logged_key, source_key, tile_key};
use crate::store::rows::{self, *};
use crate::store::{Store, StoreError};
use crate::tree::{Edge, TILE_HASHES, Tile, Tiles};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use zegel_proto::parse;
use zegel_proto::v1::{DossierEnvelope, DossierWrap, SealedBody, StreamType};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::StreamMonth;
use zegel_verifier::tree::Subtree;

fn chunk_of(position: u32) -> u32 {
    position / CHUNK_EVENTS as u32
}

fn within(position: u32) -> usize {
    position as usize % CHUNK_EVENTS
}

/// The parts of a row, not copied.
type ReadParts = fn(&[u8]) -> Result<Vec<&[u8]>, StoreError>;

/// A ciphertext and its wrap.
type Sealed = (Vec<u8>, Vec<u8>);

/// Months that are read in one slice.
const SLICE_ROWS: usize = 512;

impl Store {
    /// Canonical bytes of an entry.
    pub(crate) fn entry(&self, index: u64) -> Result<Vec<u8>, StoreError> {
        let row = self.truth.get(Column::Entries, &index.to_be_bytes())?;
        let row = row.ok_or(StoreError::Missing { what: "entry", number: index })?;
        Ok(rows::parse_raw("an entry", &row)?.to_vec())
    }

    /// Canonical bytes of all headers of a batch; none for a snapshot.
    pub(crate) fn headers(&self, index: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let row = self.truth.get(Column::Headers, &index.to_be_bytes())?;
        row.map_or_else(|| Ok(Vec::new()), |row| Ok(rows::parse::<HeadersRow>("headers", &row)?.headers))
    }

    /// The same, to be read where they lie.
    pub(crate) fn header_row(&self, index: u64) -> Result<HeaderRow, StoreError> {
        let row = self.truth.get(Column::Headers, &index.to_be_bytes())?;
        Ok(HeaderRow(row.unwrap_or_default()))
    }

    /// Ciphertexts of 16 events; none where all are public.
    pub(crate) fn ciphertexts(&self, index: u64, chunk: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        let row = self.truth.get(Column::Bodies, &rows::chunk_key(index, chunk))?;
        row.map_or_else(|| Ok(Vec::new()), |row| Ok(rows::parse::<BodiesRow>("bodies", &row)?.ciphertexts))
    }

    /// Wraps and message rows of 16 events; none where all are public or erased.
    pub(crate) fn wraps(&self, index: u64, chunk: u32) -> Result<KeysRow, StoreError> {
        let row = self.keys.get(Column::Wraps, &rows::chunk_key(index, chunk))?;
        let nothing = || Ok(KeysRow { wraps: Vec::new(), message_rows: Vec::new() });
        row.map_or_else(nothing, |row| rows::parse("keys", &row))
    }

    /// What lies sealed beside the `count` events of a batch, in order; empty where an event is public, or what was erased.
    pub(crate) fn bodies(&self, index: u64, count: usize) -> Result<Vec<SealedBody>, StoreError> {
        let mut bodies = Vec::with_capacity(count);
        for (chunk, at) in (0..count).step_by(CHUNK_EVENTS).enumerate() {
            let ciphertexts = self.ciphertexts(index, chunk as u32)?;
            let keys = self.wraps(index, chunk as u32)?;
            let of = |list: &[Vec<u8>], within: usize| list.get(within).cloned().unwrap_or_default();
            bodies.extend((0..CHUNK_EVENTS.min(count - at)).map(|within| SealedBody {
                ciphertext: of(&ciphertexts, within),
                wrap: of(&keys.wraps, within),
                message_row: of(&keys.message_rows, within),
            }));
        }
        Ok(bodies)
    }

    /// The envelopes that an entry brought, by their names: as they came, and as they were rewrapped since.
    pub(crate) fn brought(&self, index: u64) -> Result<(Vec<Vec<u8>>, Vec<DossierWrap>), StoreError> {
        let (mut came, mut rewrapped) = (Vec::new(), Vec::new());
        let Some(row) = self.keys.get(Column::Wraps, &rows::chunk_key(index, BROUGHT))? else {
            return Ok((came, rewrapped));
        };
        let mut brought: BroughtRow = rows::parse("brought envelopes", &row)?;
        brought.envelopes.sort_unstable();
        for dossier in &brought.envelopes {
            let row = self.keys.get(Column::Envelopes, dossier)?;
            let row = row.ok_or(StoreError::Missing { what: "envelope of entry", number: index })?;
            let envelope = rows::parse_envelope(&row)?.to_vec();
            if rows::is_rewrapped(&row) {
                rewrapped.push(DossierWrap { dossier: dossier.to_vec(), envelope });
            } else {
                came.push(envelope);
            }
        }
        Ok((came, rewrapped))
    }

    /// Ciphertext and wrap of the events of a batch at these positions, which ascend. Either is empty where an event is public
    /// or its part was destroyed.
    pub(crate) fn sealed(&self, entry: u64, positions: &[u32]) -> Result<Vec<Sealed>, StoreError> {
        let runs: Vec<&[u32]> = positions.chunk_by(|one, other| chunk_of(*one) == chunk_of(*other)).collect();
        let keys: Vec<_> = runs.iter().map(|run| rows::chunk_key(entry, chunk_of(run[0]))).collect();
        let take = |db: &Database, column, read: ReadParts| {
            let mut taken = Vec::with_capacity(positions.len());
            db.get_each(column, &keys, |number, row| {
                let found = row.map_or_else(|| Ok(Vec::new()), read)?;
                let wanted = runs[number].iter().map(|position| found.get(within(*position)).copied());
                taken.extend(wanted.map(|bytes| bytes.unwrap_or_default().to_vec()));
                Ok(())
            })?;
            Ok::<_, StoreError>(taken)
        };
        let ciphertexts = take(&self.truth, Column::Bodies, rows::ciphertexts_in)?;
        let wraps = take(&self.keys, Column::Wraps, rows::wraps_in)?;
        Ok(ciphertexts.into_iter().zip(wraps).collect())
    }

    /// Whether an envelope is what came under this hash, or what an officer put in its place since; `None` without one.
    pub(crate) fn is_envelope_whole(&self, envelope: Hash) -> Result<Option<bool>, StoreError> {
        let Some(row) = self.keys.get(Column::Envelopes, &envelope.0)? else { return Ok(None) };
        // A row that was rewrapped carries a digest of its own, which its reader checks.
        let bytes = rows::parse_envelope(&row)?;
        Ok(Some(rows::is_rewrapped(&row) || sha256(&[bytes]) == envelope))
    }

    /// Canonical bytes of the envelope of a dossier, as it is now.
    pub(crate) fn envelope_bytes(&self, envelope: Hash) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.keys.get(Column::Envelopes, &envelope.0)?;
        row.map(|row| Ok(rows::parse_envelope(&row)?.to_vec())).transpose()
    }

    /// The newest signed note.
    pub(crate) fn checkpoint(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(key) = self.truth.last_key(Column::Checkpoints)? else { return Ok(None) };
        let row = self.truth.get(Column::Checkpoints, &key)?;
        row.map(|row| Ok(rows::parse_raw("a checkpoint", &row)?.to_vec())).transpose()
    }

    /// Where a source's chain is.
    pub(crate) fn source(&self, source: Hash) -> Result<Option<SourceRow>, StoreError> {
        let row = self.truth.get(Column::State, &source_key(source))?;
        row.map(|row| rows::parse("a source", &row)).transpose()
    }

    /// The next number of a capture.
    pub(crate) fn next_conversation_seq(&self, capture: &Capture) -> Result<u64, StoreError> {
        let row = self.truth.get(Column::State, &capture_key(capture))?;
        row.map_or(Ok(0), |row| Ok(rows::parse::<NumberRow>("a capture", &row)?.number))
    }

    /// One month of one id.
    pub(crate) fn stream(&self, of: &StreamMonth) -> Result<StreamRow, StoreError> {
        let row = self.truth.get(Column::Streams, &rows::stream_key(of))?;
        row.map_or_else(|| Ok(StreamRow::default()), |row| rows::parse("a stream", &row))
    }

    /// Months of one id with their counts, ascending; at most a thousand years of them.
    pub(crate) fn months(&self, stream: StreamType, id: Hash) -> Result<Vec<(StreamMonth, u64)>, StoreError> {
        let mut months: Vec<(StreamMonth, u64)> = Vec::new();
        let first = StreamMonth { stream, id, month: 0 };
        let mut from = rows::stream_key(&first).to_vec();
        loop {
            let slice = self.truth.slice(Column::Streams, &rows::stream_key(&first)[..33], &from, SLICE_ROWS)?;
            for (key, row) in &slice {
                months.push((rows::parse_stream_key(key)?, rows::parse::<StreamRow>("a stream", row)?.count));
            }
            let Some((last, _)) = slice.last().filter(|_| slice.len() == SLICE_ROWS) else { return Ok(months) };
            from = [last, &[0][..]].concat();
        }
    }

    /// Months of ids, estimated.
    pub(crate) fn streams_about(&self) -> u64 {
        self.truth.number(Column::Streams, Property::RowsAbout)
    }

    /// Bytes of the files of each database.
    pub(crate) fn bytes(&self) -> [(&'static str, u64); 2] {
        let sum = |of: &Database, columns: &[Column]| -> u64 {
            columns.iter().map(|column| of.number(*column, Property::Bytes)).sum()
        };
        [("log", sum(&self.truth, Column::LOG)), ("keys", sum(&self.keys, Column::KEYS))]
    }

    /// The places of a block; one that was open at the size that is asked about mostly is still.
    fn block(&self, of: &StreamMonth, block: u64, was_open: Open) -> Result<Vec<LogPlace>, StoreError> {
        if was_open == Open::No
            && let Some(row) = self.truth.get(Column::Postings, &block_key(of, block))?
        {
            return Ok(rows::parse::<PlacesRow>("postings", &row)?.places());
        }
        // The open block lies with its stream. If it was full and moved after we looked, it is in the postings by now.
        let row = self.stream(of)?;
        if row.count / BLOCK_PLACES == block {
            return Ok(row.tail.places());
        }
        let row = self.truth.get(Column::Postings, &block_key(of, block))?;
        let row = row.ok_or(StoreError::Missing { what: "block of postings", number: block })?;
        Ok(rows::parse::<PlacesRow>("postings", &row)?.places())
    }

    /// The first `count` places of one month of one id, in log order.
    pub(crate) fn places(&self, of: StreamMonth, count: u64) -> PlaceCursor<'_> {
        PlaceCursor { store: self, of, next: 0, count, block: Vec::new() }
    }
}

impl Beside for Store {
    fn has_blob(&self, blob: Hash) -> bool {
        self.blobs.is_complete(blob)
    }

    fn envelope(&self, envelope: Hash) -> Result<Option<EnvelopePlace>, String> {
        if let Some(place) = self.envelopes.get(envelope) {
            return Ok(Some(place));
        }
        let Some(bytes) = self.envelope_bytes(envelope).map_err(|reason| reason.to_string())? else { return Ok(None) };
        let read: DossierEnvelope = parse(&bytes).map_err(|reason| reason.to_string())?;
        self.envelopes.put(envelope, place_in(&read));
        Ok(Some(place_in(&read)))
    }

    fn logged(&self, source: Hash, batch_seq: u64) -> Result<Option<(u64, Hash)>, String> {
        let row = self.truth.get(Column::State, &logged_key(source, batch_seq)).map_err(|reason| reason.to_string())?;
        let row = row.map(|row| rows::parse::<LoggedRow>("a logged batch", &row)).transpose();
        Ok(row.map_err(|reason| reason.to_string())?.map(|row| (row.entry, Hash(row.statement))))
    }
}

/// Whether a block had room for more places.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Yes,
    No,
}

/// Places of one month of one id, a block at a time.
pub(crate) struct PlaceCursor<'a> {
    store: &'a Store,
    of: StreamMonth,
    next: u64,
    count: u64,
    block: Vec<LogPlace>,
}

impl PlaceCursor<'_> {
    fn read(&mut self) -> Result<LogPlace, StoreError> {
        let within = (self.next % BLOCK_PLACES) as usize;
        if within == 0 || self.block.is_empty() {
            let block = self.next / BLOCK_PLACES;
            let was_open = if block == self.count / BLOCK_PLACES { Open::Yes } else { Open::No };
            self.block = self.store.block(&self.of, block, was_open)?;
        }
        let place = self.block.get(within).copied();
        let place = place.ok_or(StoreError::Missing { what: "place in a stream", number: self.next })?;
        self.next += 1;
        Ok(place)
    }
}

impl Iterator for PlaceCursor<'_> {
    type Item = Result<LogPlace, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.next < self.count).then(|| self.read())
    }
}

/// The tree of the log at some size: full tiles from the store, the edge as it was at that size.
pub(crate) struct TreeReader {
    store: Arc<Store>,
    edge: Edge,
    /// The last tile that was read of each level: proofs and gaps go from left to right.
    last: Mutex<HashMap<u32, (u64, Arc<Tile>)>>,
}

impl TreeReader {
    pub(crate) fn new(store: Arc<Store>, edge: Edge) -> Self {
        Self { store, edge, last: Mutex::default() }
    }
}

impl Tiles for TreeReader {
    type Error = StoreError;

    fn tile(&self, level: u32, index: u64) -> Result<Arc<Tile>, StoreError> {
        if let Some(tile) = self.edge.tile(level, index) {
            return Ok(tile);
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tile)) = last.get(&level).filter(|(cached, _)| *cached == index) {
            return Ok(Arc::clone(tile));
        }
        let tile = Arc::new(self.store.full_tile(level, index)?);
        last.insert(level, (index, Arc::clone(&tile)));
        Ok(tile)
    }

    fn missing(&self, subtree: Subtree) -> StoreError {
        StoreError::Missing { what: "hash of the tree", number: subtree.index << subtree.level }
    }
}

impl Store {
    pub(crate) fn full_tile(&self, level: u32, index: u64) -> Result<Tile, StoreError> {
        let row = self.truth.get(Column::Tiles, &tile_key(level, index))?;
        let row = row.ok_or(StoreError::Missing { what: "tile", number: index })?;
        let hashes: Vec<Hash> = rows::parse_raw("a tile", &row)?.chunks(32).filter_map(Hash::read).collect();
        if hashes.len() != TILE_HASHES as usize {
            return Err(StoreError::Row { what: "a tile" });
        }
        Ok(Tile::of(hashes))
    }
}
