//! Records of an evidence part: each preceded by its length as a varint, read one at a time while the part is hashed.
//!
//! Invariants: a length is checked against its maximum before anything is allocated; a varint has its one encoding; a
//! part ends where a record ends. Specification: `specs/bundle.md`.

use crate::hash::Hash;
use sha2::{Digest, Sha256};
use std::io::{self, BufRead, BufReader, Read};
use thiserror::Error;
use zegel_proto::limits::{PART_BYTES_MAX, RECORD_BYTES_MAX};

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

/// Hashes and counts what passes.
struct Hashing<'a> {
    inner: Box<dyn Read + 'a>,
    hasher: Sha256,
    bytes: u64,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// A part that is being read.
pub(super) struct PartReader<'a> {
    input: BufReader<Hashing<'a>>,
    record: Vec<u8>,
}

impl<'a> PartReader<'a> {
    pub(super) fn new(inner: Box<dyn Read + 'a>) -> Self {
        let hashing = Hashing { inner, hasher: Sha256::new(), bytes: 0 };
        Self { input: BufReader::with_capacity(64 * 1024, hashing), record: Vec::new() }
    }

    /// The next record; `None` at the end of the part.
    pub(super) fn next_record(&mut self) -> Result<Option<&[u8]>, FramingError> {
        if self.input.fill_buf().map_err(unreadable)?.is_empty() {
            return Ok(None);
        }
        let length = self.length()?;
        if length > RECORD_BYTES_MAX as u64 {
            return Err(FramingError::TooLong { found: length });
        }
        self.record.clear();
        let read = self.input.by_ref().take(length).read_to_end(&mut self.record).map_err(unreadable)?;
        if self.input.get_ref().bytes > PART_BYTES_MAX {
            return Err(FramingError::PartTooLong);
        }
        if (read as u64) < length { Err(FramingError::Truncated) } else { Ok(Some(&self.record)) }
    }

    fn length(&mut self) -> Result<u64, FramingError> {
        let mut length = 0u64;
        for at in 0..10 {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if at == 9 && byte > 1 {
                return Err(FramingError::Varint);
            }
            length |= bits << (7 * at);
            if byte & 0x80 == 0 {
                // A last byte of nothing, after others, says what fewer bytes could have said.
                return if byte == 0 && at > 0 { Err(FramingError::Varint) } else { Ok(length) };
            }
        }
        Err(FramingError::Varint)
    }

    fn byte(&mut self) -> Result<u8, FramingError> {
        let mut byte = [0];
        let read = self.input.read(&mut byte).map_err(unreadable)?;
        if read == 0 { Err(FramingError::Truncated) } else { Ok(byte[0]) }
    }

    /// Bytes and SHA-256 of the part, once [`PartReader::next_record`] has given `None`.
    pub(super) fn finish(self) -> (u64, Hash) {
        let hashing = self.input.into_inner();
        (hashing.bytes, Hash(hashing.hasher.finalize().into()))
    }
}

fn unreadable(reason: io::Error) -> FramingError {
    FramingError::Unreadable(reason.to_string())
}

/// Reads a whole small file of at most `max` bytes; `None` if it is longer.
pub(super) fn read_small(input: Box<dyn Read + '_>, max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    input.take(max + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= max).then_some(bytes))
}

/// Size and SHA-256 of a file, of which at most `max` bytes are read.
pub(super) fn digest(mut input: Box<dyn Read + '_>, max: u64, mut seen: impl FnMut(u64)) -> io::Result<(u64, Hash)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0u64;
    while bytes <= max {
        let read = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(reason) if reason.kind() == io::ErrorKind::Interrupted => continue,
            Err(reason) => return Err(reason),
        };
        hasher.update(&buffer[..read]);
        bytes += read as u64;
        seen(read as u64);
    }
    Ok((bytes, Hash(hasher.finalize().into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(bytes: &[u8]) -> Result<Vec<Vec<u8>>, FramingError> {
        let mut reader = PartReader::new(Box::new(bytes));
        let mut all = Vec::new();
        while let Some(record) = reader.next_record()? {
            all.push(record.to_vec());
        }
        Ok(all)
    }

    #[test]
    fn reads_records_one_after_the_other() {
        assert_eq!(records(&[1, 7, 2, 8, 9]), Ok(vec![vec![7], vec![8, 9]]));
        assert_eq!(records(&[]), Ok(vec![]));
    }

    #[test]
    fn refuses_a_length_in_more_bytes_than_it_needs() {
        assert_eq!(records(&[0x81, 0x00, 7]), Err(FramingError::Varint));
        assert_eq!(records(&[0xff; 11]), Err(FramingError::Varint));
    }

    #[test]
    fn an_endless_part_is_read_no_further_than_a_part_may_be() {
        let mut reader = PartReader::new(Box::new(io::repeat(0x7f)));
        let refused = loop {
            if let Err(reason) = reader.next_record() {
                break reason;
            }
        };
        assert_eq!(refused, FramingError::PartTooLong);
        assert!(reader.finish().0 <= PART_BYTES_MAX + 128 * 1024);
    }

    #[test]
    fn refuses_a_record_that_is_cut_or_too_long() {
        assert_eq!(records(&[2, 8]), Err(FramingError::Truncated));
        assert_eq!(records(&[0x80]), Err(FramingError::Truncated));
        assert_eq!(records(&[0x81, 0x80, 0x80, 0x02]), Err(FramingError::TooLong { found: 4_194_305 }));
    }
}
