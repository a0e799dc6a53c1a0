//! Records of an evidence part: each preceded by its length as a varint, read in chunks of whole records.
//!
//! Invariants: a length is checked against its maximum before anything is allocated; a varint has its one encoding; a
//! part ends where a record ends; a chunk holds at most [`CHUNK_BYTES`] and one record. Specification: `specs/bundle.md`.

use crate::hash::Hash;
use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use thiserror::Error;
use zegel_proto::limits::{PART_BYTES_MAX, RECORD_BYTES_MAX};

/// Bytes that are read at a time: some hundred records, which keep one thread busy for milliseconds.
pub(super) const CHUNK_BYTES: usize = 128 * 1024;

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FramingError {
    /// A part without a record: a second form of the same evidence.
    #[error("the part is empty")]
    Empty,
    /// The source failed: no verdict.
    #[error("reading failed: {0}")]
    Unreadable(String),
    /// The part ends inside a record.
    #[error("the part ends inside a record")]
    Truncated,
    /// A length in more bytes than it needs, or beyond 64 bits.
    #[error("the length of the record is not a varint in its one encoding")]
    Varint,
    /// Longer than a record may be.
    #[error("the record has {found} bytes, at most {RECORD_BYTES_MAX} are allowed")]
    TooLong {
        /// Length found.
        found: u64,
    },
    /// A part that is longer than a part may be.
    #[error("the part has more than {PART_BYTES_MAX} bytes")]
    PartTooLong,
}

/// Whole records of a part, one after the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Number of the part, from 1.
    pub(super) part: u32,
    /// Number of the first record in its part, from 0.
    pub(super) first: u64,
    /// The records with their lengths, as they stand in the part.
    pub(super) bytes: Arc<Vec<u8>>,
    /// Where each record stands in `bytes`, without its length.
    pub(super) records: Vec<Range<usize>>,
    /// How the part ends, if it does so after these records.
    pub(super) end: Option<Result<(), FramingError>>,
}

impl Chunk {
    /// A part that could not be opened.
    pub(super) fn unreadable(part: u32, reason: &io::Error) -> Self {
        Self { part, end: Some(Err(FramingError::Unreadable(reason.to_string()))), ..Self::default() }
    }
}

/// A part that is being read.
pub(super) struct PartReader<'a> {
    input: io::Take<Box<dyn Read + 'a>>,
    part: u32,
    /// Records and bytes that were given out.
    records: u64,
    bytes: u64,
    /// Read, and not yet given out: the beginning of a record.
    rest: Vec<u8>,
    /// Why reading failed, after what was read before it.
    failure: Option<String>,
}

impl<'a> PartReader<'a> {
    pub(super) fn new(part: u32, input: Box<dyn Read + 'a>) -> Self {
        Self { input: input.take(0), part, records: 0, bytes: 0, rest: Vec::new(), failure: None }
    }

    /// The next records; the last chunk of a part says how it ends.
    pub(super) fn next_chunk(&mut self) -> Chunk {
        let mut chunk = Chunk { part: self.part, first: self.records, ..Chunk::default() };
        let mut buffer = std::mem::take(&mut self.rest);
        let mut taken = 0;
        while chunk.end.is_none() && taken < CHUNK_BYTES {
            match self.next_record(&buffer, taken) {
                Ok(Some(record)) => {
                    taken = record.end;
                    chunk.records.push(record);
                }
                Ok(None) if taken > 0 && buffer.len() >= CHUNK_BYTES => break,
                Ok(None) => chunk.end = self.read_more(&mut buffer, taken),
                Err(reason) => chunk.end = Some(Err(reason)),
            }
        }
        self.rest = buffer.split_off(taken);
        self.records += chunk.records.len() as u64;
        self.bytes += taken as u64;
        if chunk.end == Some(Ok(())) && self.records == 0 {
            chunk.end = Some(Err(FramingError::Empty));
        }
        chunk.bytes = Arc::new(buffer);
        chunk
    }

    /// The record that begins at `from`; `None` if it is not all there.
    fn next_record(&self, buffer: &[u8], from: usize) -> Result<Option<Range<usize>>, FramingError> {
        let Some((length, bytes)) = read_length(&buffer[from..])? else {
            return Ok(None);
        };
        if length > RECORD_BYTES_MAX as u64 {
            return Err(FramingError::TooLong { found: length });
        }
        let record = from + bytes..from + bytes + length as usize;
        if self.bytes + record.end as u64 > PART_BYTES_MAX {
            return Err(FramingError::PartTooLong);
        }
        Ok((record.end <= buffer.len()).then_some(record))
    }

    /// Reads on; says how the part ends if there is no more.
    fn read_more(&mut self, buffer: &mut Vec<u8>, taken: usize) -> Option<Result<(), FramingError>> {
        let before = buffer.len();
        if self.failure.is_none() {
            buffer.reserve(CHUNK_BYTES);
            self.input.set_limit(CHUNK_BYTES as u64);
            self.failure = self.input.read_to_end(buffer).err().map(|reason| reason.to_string());
        }
        match &self.failure {
            _ if buffer.len() > before => None,
            Some(reason) => Some(Err(FramingError::Unreadable(reason.clone()))),
            None if before == taken => Some(Ok(())),
            None => Some(Err(FramingError::Truncated)),
        }
    }
}

/// A length and its bytes; `None` if it is not all there.
fn read_length(bytes: &[u8]) -> Result<Option<(u64, usize)>, FramingError> {
    let mut length = 0u64;
    for at in 0..10 {
        let Some(byte) = bytes.get(at).copied() else {
            return Ok(None);
        };
        if at == 9 && byte > 1 {
            return Err(FramingError::Varint);
        }
        length |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            // A last byte of nothing, after others, says what fewer bytes could have said.
            return if byte == 0 && at > 0 { Err(FramingError::Varint) } else { Ok(Some((length, at + 1))) };
        }
    }
    Err(FramingError::Varint)
}

/// Reads a whole small file of at most `max` bytes; `None` if it is longer.
pub(super) fn read_small(input: Box<dyn Read + '_>, max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input.take(max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= max).then_some(bytes))
}

/// Bytes of a file that are handed on at a time.
const PIECE_BYTES: u64 = 128 * 1024;

/// Reads a file in pieces, of which the last may go beyond `max` bytes in all.
pub(super) fn read_pieces(input: Box<dyn Read + '_>, max: u64, mut seen: impl FnMut(Vec<u8>)) -> io::Result<()> {
    let mut input = input.take(0);
    let mut bytes = 0;
    while bytes <= max {
        let mut piece = Vec::with_capacity(PIECE_BYTES as usize);
        input.set_limit(PIECE_BYTES);
        let read = input.read_to_end(&mut piece)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        seen(piece);
    }
    Ok(())
}

/// Size and SHA-256 of a file, of which little more than `max` bytes are read.
pub(super) fn digest(input: Box<dyn Read + '_>, max: u64) -> io::Result<(u64, Hash)> {
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    read_pieces(input, max, |piece| {
        hasher.update(&piece);
        bytes += piece.len() as u64;
    })?;
    Ok((bytes, Hash(hasher.finalize().into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All records of a part, and that chunks are what was in it.
    fn records(bytes: &[u8]) -> Result<Vec<Vec<u8>>, FramingError> {
        let mut reader = PartReader::new(1, Box::new(bytes));
        let (mut all, mut read) = (Vec::new(), Vec::new());
        loop {
            let chunk = reader.next_chunk();
            assert_eq!(chunk.first, all.len() as u64);
            all.extend(chunk.records.iter().map(|record| chunk.bytes[record.clone()].to_vec()));
            read.extend_from_slice(&chunk.bytes);
            if let Some(end) = chunk.end {
                assert!(end.is_err() || read == bytes, "every byte is in a chunk");
                return end.map(|()| all);
            }
        }
    }

    #[test]
    fn reads_records_one_after_the_other() {
        assert_eq!(records(&[1, 7, 2, 8, 9]), Ok(vec![vec![7], vec![8, 9]]));
        assert_eq!(records(&[0, 0]), Ok(vec![vec![], vec![]]));
        assert_eq!(records(&[]), Err(FramingError::Empty));
    }

    #[test]
    fn records_that_cross_the_edge_of_a_chunk_are_whole() {
        for length in [CHUNK_BYTES - 4, CHUNK_BYTES - 3, CHUNK_BYTES - 2, CHUNK_BYTES, 3 * CHUNK_BYTES] {
            let mut part = Vec::new();
            for filling in [1u8, 2, 3] {
                prost::encode_length_delimiter(length, &mut part).expect("room");
                part.extend(std::iter::repeat_n(filling, length));
            }
            let wanted: Vec<Vec<u8>> = [1u8, 2, 3].iter().map(|filling| vec![*filling; length]).collect();
            assert!(records(&part) == Ok(wanted), "{length}");
            assert_eq!(records(&part[..part.len() - 1]).err(), Some(FramingError::Truncated));
        }
    }

    #[test]
    fn refuses_a_length_in_more_bytes_than_it_needs() {
        assert_eq!(records(&[0x81, 0x00, 7]), Err(FramingError::Varint));
        assert_eq!(records(&[0xff; 11]), Err(FramingError::Varint));
    }

    #[test]
    fn an_endless_part_is_read_no_further_than_a_part_may_be() {
        let mut reader = PartReader::new(1, Box::new(io::repeat(0x7f)));
        let end = std::iter::repeat_with(|| reader.next_chunk()).find_map(|chunk| chunk.end);
        assert_eq!(end, Some(Err(FramingError::PartTooLong)));
        assert!(reader.bytes <= PART_BYTES_MAX && reader.rest.len() <= 2 * CHUNK_BYTES);
    }

    #[test]
    fn refuses_a_record_that_is_cut_or_too_long() {
        assert_eq!(records(&[2, 8]), Err(FramingError::Truncated));
        assert_eq!(records(&[0x80]), Err(FramingError::Truncated));
        assert_eq!(records(&[0x81, 0x80, 0x80, 0x02]), Err(FramingError::TooLong { found: 4_194_305 }));
    }

    #[test]
    fn what_fails_while_it_is_read_comes_after_the_records_before_it() {
        struct Failing(u8);
        impl Read for Failing {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                buffer[..2].copy_from_slice(&[1, 7]);
                if self.0 == 1 { Ok(2) } else { Err(io::Error::other("gone")) }
            }
        }
        let chunk = PartReader::new(1, Box::new(Failing(0))).next_chunk();
        assert_eq!((chunk.records.len(), chunk.end), (1, Some(Err(FramingError::Unreadable("gone".into())))));
    }
}
