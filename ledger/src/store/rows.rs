//! Private rows: the one place that knows bincode.
//!
//! Every row begins with a version byte. Rows are never hashed, signed or exported: what is proven is the canonical bytes
//! inside them. bincode is pinned at 2.0.1, which is unmaintained; leaving it means writing this file again, and a new
//! version byte.

use crate::store::StoreError;
use bincode::{BorrowDecode, Decode, Encode, config};
use zegel_proto::v1::{Month, StreamType};
use zegel_verifier::hash::{Hash, node, sha256};
use zegel_verifier::kinds::StreamMonth;

/// Version of all rows of this file.
const VERSION: u8 = 1;
/// Bodies, and wraps, in one row.
pub(crate) const CHUNK_EVENTS: usize = 16;
/// Places in one block of postings.
///
/// The open block lies in its stream's row, which is written again with each group of entries: few places keep it short.
pub(crate) const BLOCK_PLACES: u64 = 64;
/// Rows of a snapshot's table in one stored row.
pub(crate) const TABLE_CHUNK_ROWS: usize = 256;

/// Prints a row behind its version.
pub(super) fn print<R: Encode>(row: &R) -> Vec<u8> {
    print_sized(row, 0)
}

/// Prints a row that will have about so many bytes.
pub(super) fn print_sized<R: Encode>(row: &R, about: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(about + 64);
    bytes.push(VERSION);
    // Encoding owned values into memory has no way to fail: no row holds a lock or a sequence of unknown length.
    let written = bincode::encode_into_std_write(row, &mut bytes, config::standard());
    debug_assert!(written.is_ok(), "a row of owned values encodes");
    bytes
}

/// Reads a row of this version, all of it.
pub(super) fn parse<R: Decode<()>>(what: &'static str, bytes: &[u8]) -> Result<R, StoreError> {
    let unreadable = || StoreError::Row { what };
    let rest = bytes.strip_prefix(&[VERSION]).ok_or_else(unreadable)?;
    let (row, read) = bincode::decode_from_slice(rest, config::standard()).map_err(|_| unreadable())?;
    if read == rest.len() { Ok(row) } else { Err(unreadable()) }
}

/// Reads a row of this version where it lies, all of it.
fn parse_borrowed<'a, R: BorrowDecode<'a, ()>>(what: &'static str, bytes: &'a [u8]) -> Result<R, StoreError> {
    let unreadable = || StoreError::Row { what };
    let rest = bytes.strip_prefix(&[VERSION]).ok_or_else(unreadable)?;
    let (row, read) = bincode::borrow_decode_from_slice(rest, config::standard()).map_err(|_| unreadable())?;
    if read == rest.len() { Ok(row) } else { Err(unreadable()) }
}

/// Reads the beginning of a row of this version.
pub(super) fn parse_begin<R: Decode<()>>(what: &'static str, bytes: &[u8]) -> Result<R, StoreError> {
    let rest = bytes.strip_prefix(&[VERSION]).ok_or(StoreError::Row { what })?;
    let read = bincode::decode_from_slice(rest, config::standard());
    read.map(|(row, _)| row).map_err(|_| StoreError::Row { what })
}

/// Headers of a batch, canonical bytes in order.
#[derive(Encode, Decode)]
pub(crate) struct HeadersRow {
    pub(crate) headers: Vec<Vec<u8>>,
}

/// The row of a batch's headers, read where it lies.
pub(crate) struct HeaderRow(pub(super) Vec<u8>);

#[derive(BorrowDecode)]
struct HeadersIn<'a> {
    headers: Vec<&'a [u8]>,
}

impl HeaderRow {
    /// Canonical bytes of the headers, in order; none for a snapshot.
    pub(crate) fn headers(&self) -> Result<Vec<&[u8]>, StoreError> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        parse_borrowed("headers", &self.0).map(|HeadersIn { headers }| headers)
    }
}

/// Ciphertexts of up to 16 events.
#[derive(Encode, Decode)]
pub(crate) struct BodiesRow {
    pub(crate) ciphertexts: Vec<Vec<u8>>,
}

/// Wraps and message rows of up to 16 events.
#[derive(Encode, Decode)]
pub(crate) struct KeysRow {
    pub(crate) wraps: Vec<Vec<u8>>,
    pub(crate) message_rows: Vec<Vec<u8>>,
}

/// An event whose sealed form was erased: what its batch signed over, and until the files were searched, how it would be known again.
#[derive(Encode, Decode)]
pub(crate) struct ErasedRow {
    pub(crate) leaf: [u8; 32],
    pub(crate) marks: Vec<[u8; 16]>,
}

/// A [`BodiesRow`], read where it lies.
#[derive(BorrowDecode)]
struct BodiesIn<'a> {
    ciphertexts: Vec<&'a [u8]>,
}

/// A [`KeysRow`], read where it lies.
#[derive(BorrowDecode)]
struct KeysIn<'a> {
    wraps: Vec<&'a [u8]>,
    _message_rows: Vec<&'a [u8]>,
}

/// The ciphertexts of a row, not copied.
pub(super) fn ciphertexts_in(row: &[u8]) -> Result<Vec<&[u8]>, StoreError> {
    parse_borrowed("bodies", row).map(|BodiesIn { ciphertexts }| ciphertexts)
}

/// The wraps of a row, not copied.
pub(super) fn wraps_in(row: &[u8]) -> Result<Vec<&[u8]>, StoreError> {
    parse_borrowed("keys", row).map(|KeysIn { wraps, .. }| wraps)
}

/// Headers of a batch as they came, to be printed as a [`HeadersRow`].
#[derive(Encode)]
pub(super) struct HeadersOf<'a> {
    pub(super) headers: &'a [Vec<u8>],
}

/// The same of up to 16 ciphertexts: a [`BodiesRow`].
#[derive(Encode)]
pub(super) struct BodiesOf<'a> {
    pub(super) ciphertexts: Vec<&'a [u8]>,
}

/// The same of up to 16 wraps and message rows: a [`KeysRow`].
#[derive(Encode)]
pub(super) struct KeysOf<'a> {
    pub(super) wraps: Vec<&'a [u8]>,
    pub(super) message_rows: Vec<&'a [u8]>,
}

/// Envelopes that an entry brought, so that they can be swept with it.
#[derive(Encode, Decode)]
pub(crate) struct BroughtRow {
    pub(crate) envelopes: Vec<[u8; 32]>,
}

/// Where a source's chain is.
#[derive(Encode, Decode)]
pub(crate) struct SourceRow {
    pub(crate) next_batch_seq: u64,
    pub(crate) previous: [u8; 32],
    pub(crate) last_entry: u64,
}

/// The entry and the statement that a source logged under one number.
#[derive(Encode, Decode)]
pub(crate) struct LoggedRow {
    pub(crate) entry: u64,
    pub(crate) statement: [u8; 32],
}

/// A number.
#[derive(Encode, Decode)]
pub(crate) struct NumberRow {
    pub(crate) number: u64,
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogPlace {
    pub(crate) entry: u64,
    pub(crate) position: u32,
}

/// Places in log order: the entry as the difference with the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct PlacesRow {
    deltas: Vec<(u64, u32)>,
    last_entry: u64,
}

impl PlacesRow {
    pub(crate) fn push(&mut self, place: LogPlace) {
        self.deltas.push((place.entry - self.last_entry, place.position));
        self.last_entry = place.entry;
    }

    pub(crate) fn places(&self) -> Vec<LogPlace> {
        let step = |entry: &mut u64, &(delta, position): &(u64, u32)| {
            *entry = entry.wrapping_add(delta);
            Some(LogPlace { entry: *entry, position })
        };
        self.deltas.iter().scan(0, step).collect()
    }

    pub(crate) fn count(&self) -> u64 {
        self.deltas.len() as u64
    }
}

/// One month of one id: its tree's edge, and the block of postings that is not full yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct StreamRow {
    pub(crate) count: u64,
    pub(crate) frontier: Vec<[u8; 32]>,
    pub(crate) tail: PlacesRow,
}

/// The beginning of a [`StreamRow`]: all that its root follows from.
#[derive(Decode)]
pub(super) struct StreamEdge {
    pub(super) count: u64,
    pub(super) frontier: Vec<[u8; 32]>,
}

impl StreamEdge {
    /// Root of the month's tree.
    pub(super) fn root(&self) -> Result<[u8; 32], StoreError> {
        let whole = self.frontier.len() == self.count.count_ones() as usize;
        let mut from_right = self.frontier.iter().rev().map(|root| Hash(*root));
        let last = from_right.next().filter(|_| whole).ok_or(StoreError::Row { what: "a stream" })?;
        Ok(from_right.fold(last, |right, left| node(left, right)).0)
    }
}

/// A row of a snapshot's table.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TableRow {
    pub(crate) stream: u8,
    pub(crate) id: [u8; 32],
    pub(crate) months: Vec<(u32, u64, [u8; 32])>,
}

impl TableRow {
    pub(crate) fn stream(&self) -> StreamType {
        StreamType::try_from(i32::from(self.stream)).unwrap_or(StreamType::StreamUnspecified)
    }

    pub(crate) fn months(&self) -> Vec<Month> {
        let month = |&(month, count, root): &(u32, u64, [u8; 32])| Month { month, count, root: root.to_vec() };
        self.months.iter().map(month).collect()
    }
}

/// Up to 256 consecutive rows of a table.
#[derive(Encode, Decode)]
pub(crate) struct TableChunk {
    pub(crate) rows: Vec<TableRow>,
}

/// What a table is: its first row per chunk, to search in, and the root of each full chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TableHead {
    /// Entries before the cut: the number under which its rows lie.
    pub(crate) covers: u64,
    pub(crate) ids: u64,
    pub(crate) root: [u8; 32],
    pub(crate) firsts: Vec<(u8, [u8; 32])>,
    pub(crate) chunk_roots: Vec<[u8; 32]>,
}

/// Raw bytes behind a version: canonical bytes as received, notes, hashes of tiles.
pub(super) fn print_raw(bytes: &[u8]) -> Vec<u8> {
    [&[VERSION], bytes].concat()
}

/// First byte of an envelope that was rewrapped: its SHA-256 follows, since its key is that of the first one.
const REWRAPPED: u8 = 2;

/// A row of an envelope that was rewrapped.
pub(super) fn print_rewrapped(envelope: &[u8]) -> Vec<u8> {
    [&[REWRAPPED], &sha256(&[envelope]).0[..], envelope].concat()
}

/// The envelope of a row: as it came, or as it was rewrapped.
pub(super) fn parse_envelope(row: &[u8]) -> Result<&[u8], StoreError> {
    let Some(rewrapped) = row.strip_prefix(&[REWRAPPED]) else { return parse_raw("an envelope", row) };
    let whole = rewrapped.split_at_checked(32).filter(|(digest, envelope)| sha256(&[envelope]).0 == *digest);
    whole.map(|(_, envelope)| envelope).ok_or(StoreError::Row { what: "an envelope" })
}

/// Whether a row is that of an envelope that was rewrapped.
pub(super) fn is_rewrapped(row: &[u8]) -> bool {
    row.first() == Some(&REWRAPPED)
}

/// The bytes of [`print_raw`].
pub(super) fn parse_raw<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a [u8], StoreError> {
    bytes.strip_prefix(&[VERSION]).ok_or(StoreError::Row { what })
}

/// Key of what lies at an entry and a chunk of it.
pub(super) fn chunk_key(entry: u64, chunk: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&entry.to_be_bytes());
    key[8..].copy_from_slice(&chunk.to_be_bytes());
    key
}

/// Key of a stream and month: their order is the order of a snapshot's rows.
pub(super) fn stream_key(of: &StreamMonth) -> [u8; 37] {
    let mut key = [0; 37];
    key[0] = of.stream as u8;
    key[1..33].copy_from_slice(&of.id.0);
    key[33..].copy_from_slice(&of.month.to_be_bytes());
    key
}

/// The stream and month of a key.
pub(super) fn parse_stream_key(key: &[u8]) -> Result<StreamMonth, StoreError> {
    let read = || {
        let stream = StreamType::try_from(i32::from(*key.first()?)).ok()?;
        let id = Hash::read(key.get(1..33)?)?;
        let month = u32::from_be_bytes(key.get(33..)?.try_into().ok()?);
        Some(StreamMonth { stream, id, month })
    };
    read().ok_or(StoreError::Row { what: "key of a stream" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_in_order() {
        let places = [(3, 0), (3, 7), (400, 1)].map(|(entry, position)| LogPlace { entry, position });
        let mut row = PlacesRow::default();
        places.into_iter().for_each(|place| row.push(place));
        let back: PlacesRow = parse("places", &print(&row)).expect("a row");
        assert_eq!(back.places(), places);
    }

    #[test]
    fn refuses_another_version_and_a_row_with_a_byte_too_many() {
        let mut row = print(&NumberRow { number: 7 });
        row.push(0);
        assert!(matches!(parse::<NumberRow>("number", &row), Err(StoreError::Row { what: "number" })));
        row.pop();
        row[0] = 2;
        assert!(matches!(parse::<NumberRow>("number", &row), Err(StoreError::Row { what: "number" })));
    }
}
