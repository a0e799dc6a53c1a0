//! What was spooled and is not settled yet: numbered records in segments, sealed and synced before anyone is told.
//!
//! A record is settled once its event is in the log or in quarantine. A segment is removed when all of it is. Numbers go
//! on for good; the file `settled.json` says up to where all is settled, and outlives the segments.

use super::sealed::{SealedFile, SealedReader, SpoolKey};
use crate::disk::{self, DiskError, failed};
use prost::Message;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zegel_proto::source::v1::Request;

/// From here on a new segment begins.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// A record of the journal.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Spooled {
    #[prost(uint64, tag = "1")]
    pub(super) number: u64,
    #[prost(uint64, tag = "2")]
    pub(super) received_at_ms: u64,
    /// Keyed digest of the idempotency key, 16 bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub(super) key: Vec<u8>,
    /// Keyed digest of what was handed over, 16 bytes.
    #[prost(bytes = "vec", tag = "4")]
    pub(super) text: Vec<u8>,
    /// Id of its conversation, 32 bytes; empty where it has none.
    #[prost(bytes = "vec", tag = "5")]
    pub(super) conversation: Vec<u8>,
    /// What it acts on was handed over before.
    #[prost(bool, tag = "6")]
    pub(super) target_seen: bool,
    /// Its own native identifier, keyed, 16 bytes; empty where it has none.
    #[prost(bytes = "vec", tag = "10")]
    pub(super) native: Vec<u8>,
    #[prost(string, tag = "7")]
    pub(super) tool: String,
    /// From a gateway.
    #[prost(message, optional, tag = "8")]
    pub(super) request: Option<Request>,
    /// Or of our own.
    #[prost(message, optional, tag = "9")]
    pub(super) notice: Option<Notice>,
}

/// A capture event that the sidecar writes by itself, once for each custodian.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Notice {
    /// An `EventKind` of captures.
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(super) custodians: Vec<Vec<u8>>,
    #[prost(uint64, tag = "3")]
    pub(super) at_ms: u64,
    /// Of a gap.
    #[prost(string, tag = "4")]
    pub(super) reason: String,
    #[prost(uint64, tag = "5")]
    pub(super) from_ms: u64,
    #[prost(uint64, tag = "6")]
    pub(super) to_ms: u64,
    #[prost(string, tag = "7")]
    pub(super) note: String,
    #[prost(string, tag = "8")]
    pub(super) operator: String,
    /// Random id of the session, 32 bytes, or empty.
    #[prost(bytes = "vec", tag = "9")]
    pub(super) session: Vec<u8>,
}

/// Up to where all is settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settled {
    /// Number of the first record that is not.
    pub(super) next: u64,
    /// That record is being appended alone, as the batch of this number: it is in the log if the chain is past it.
    pub(super) alone: Option<u64>,
}

impl Settled {
    pub(super) fn read(folder: &Path) -> Result<Self, DiskError> {
        let bytes = disk::read_if_there(&folder.join("settled.json"))?;
        // Written whole or not at all; of one that does not read nothing is settled, and the ledger knows the rest.
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), DiskError> {
        disk::write_durably(&folder.join("settled.json"), &serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The writing end.
pub(super) struct Journal {
    folder: PathBuf,
    key: SpoolKey,
    active: SealedFile,
    next: u64,
}

impl Journal {
    /// Opens the journal, and gives what is not settled.
    pub(super) fn open(folder: &Path, key: &SpoolKey, settled: u64) -> Result<(Self, Vec<Spooled>), DiskError> {
        disk::create_folder(folder)?;
        // Opening the last segment cuts off what was never finished.
        let last = segments(folder)?.pop().map_or(settled, |(first, _)| first);
        let active = SealedFile::open(&segment(folder, last), key)?;
        let mut reader = JournalReader::new(folder, key);
        let left = reader.read(settled, u64::MAX, usize::MAX, u64::MAX)?;
        let next = left.last().map_or(settled, |record| record.number + 1);
        Ok((Self { folder: folder.into(), key: key.clone(), active, next }, left))
    }

    /// Number of the next record.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Appends records with the next numbers: durable when this returns.
    pub(super) fn append(&mut self, records: &[Spooled]) -> Result<(), DiskError> {
        if self.active.length() >= SEGMENT_BYTES {
            self.active = SealedFile::open(&segment(&self.folder, self.next), &self.key)?;
        }
        let bytes: Vec<Vec<u8>> = records.iter().map(Message::encode_to_vec).collect();
        self.active.append(bytes.iter().map(Vec::as_slice))?;
        self.next = records.last().map_or(self.next, |record| record.number + 1);
        Ok(())
    }
}

/// Bytes of all segments.
pub(super) fn bytes(folder: &Path) -> u64 {
    let paths = segments(folder).unwrap_or_default();
    paths.iter().filter_map(|(_, path)| path.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Removes the segments of which all is settled; the last one stays, since it may be written to.
pub(super) fn drop_settled(folder: &Path, next: u64) -> Result<(), DiskError> {
    for pair in segments(folder)?.windows(2) {
        if let [(_, path), (first, _)] = pair
            && *first <= next
        {
            disk::remove(path)?;
        }
    }
    Ok(())
}

/// The reading end: goes on where it stopped.
pub(super) struct JournalReader {
    folder: PathBuf,
    key: SpoolKey,
    at: Option<(u64, SealedReader)>,
    /// Number of the record that comes next where it stands.
    upcoming: u64,
}

impl JournalReader {
    pub(super) fn new(folder: &Path, key: &SpoolKey) -> Self {
        Self { folder: folder.into(), key: key.clone(), at: None, upcoming: 0 }
    }

    /// Records from number `from` on and below `end`, at most so many, and no more once they have so many bytes.
    pub(super) fn read(&mut self, from: u64, end: u64, max: usize, bytes_max: u64) -> Result<Vec<Spooled>, DiskError> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        if self.upcoming != from {
            self.at = None;
        }
        while found.len() < max && bytes < bytes_max && from + (found.len() as u64) < end {
            match self.next(from)? {
                Some(record) if record.number < from => {}
                Some(record) => {
                    bytes += record.encoded_len() as u64;
                    found.push(record);
                }
                None => break,
            }
        }
        self.upcoming = from + found.len() as u64;
        Ok(found)
    }

    fn next(&mut self, from: u64) -> Result<Option<Spooled>, DiskError> {
        loop {
            if self.at.is_none() {
                let all = segments(&self.folder)?;
                let at = all.iter().rposition(|(first, _)| *first <= from).unwrap_or(0);
                let Some((first, path)) = all.get(at) else { return Ok(None) };
                self.at = Some((*first, SealedReader::open(path, &self.key)?));
            }
            let Some((first, reader)) = &mut self.at else { return Ok(None) };
            let path = segment(&self.folder, *first);
            if let Some(bytes) = reader.next().map_err(failed(&path))? {
                let malformed = |error: prost::DecodeError| failed(&path)(std::io::Error::other(error));
                return Spooled::decode(bytes.as_slice()).map(Some).map_err(malformed);
            }
            let after = segments(&self.folder)?.into_iter().find(|(other, _)| other > first);
            let Some((next, path)) = after else { return Ok(None) };
            self.at = Some((next, SealedReader::open(&path, &self.key)?));
        }
    }
}

fn segment(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.sealed"))
}

fn segments(folder: &Path) -> Result<Vec<(u64, PathBuf)>, DiskError> {
    let paths = disk::list(folder, "sealed")?.into_iter();
    let first = |path: &PathBuf| path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    Ok(paths.filter_map(|path| Some((first(&path)?, path))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64) -> Spooled {
        Spooled { number, tool: "x".repeat(1_000_000), ..Spooled::default() }
    }

    #[test]
    fn what_is_not_settled_is_read_back_in_order_over_segments_and_what_is_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SpoolKey::derive(&[7; 32]);
        let (mut journal, left) = Journal::open(folder.path(), &key, 0).expect("opened");
        assert_eq!(left, []);
        (0..12).for_each(|number| journal.append(&[record(number)]).expect("appended"));
        let numbers = |records: Vec<Spooled>| records.iter().map(|record| record.number).collect::<Vec<_>>();
        let mut reader = JournalReader::new(folder.path(), &key);
        assert_eq!(numbers(reader.read(3, 12, 4, u64::MAX).expect("read")), [3, 4, 5, 6]);
        assert_eq!(numbers(reader.read(7, 9, 9, u64::MAX).expect("read")), [7, 8]);
        assert_eq!(numbers(reader.read(9, 12, 9, u64::MAX).expect("read")), [9, 10, 11]);
        assert_eq!(numbers(reader.read(2, 12, 9, 1_100_000).expect("read")), [2, 3]);
        assert_eq!(numbers(reader.read(2, 4, 9, u64::MAX).expect("read")), [2, 3]);
        drop(journal);
        drop_settled(folder.path(), 11).expect("dropped");
        assert!(bytes(folder.path()) < 5_000_000);
        let (journal, left) = Journal::open(folder.path(), &key, 11).expect("opened");
        assert_eq!((journal.next(), numbers(left)), (12, vec![11]));
    }
}
