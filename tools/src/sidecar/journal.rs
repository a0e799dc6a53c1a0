//! What was spooled and is not settled yet: numbered records in segments, sealed and synced before anyone is told.
//!
//! A record is settled once its event is in the log or in quarantine. A segment is removed when all of it is. Numbers go
//! on for good; the file `settled.json` says up to where all is settled, and outlives the segments. So a number that is
//! missing is a record that was damaged on the disk: in its place the reader says what is known of it ([`Lost`]).

use super::sealed::{SealedFile, SealedReader, SpoolKey};
use crate::disk::{self, DiskError, failed};
use prost::Message;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
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
    /// It is an edit, and what it acts on was handed over as another sender's.
    #[prost(bool, tag = "12")]
    pub(super) target_of_another: bool,
    /// Its own native identifier and its sender, keyed, 16 bytes; empty where it has none.
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
    /// Or what it was nobody can say any more.
    #[prost(message, optional, tag = "11")]
    pub(super) lost: Option<Lost>,
}

/// Records that were spooled, and do not open. Never written to the journal, only read from it, under the last of their numbers.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Lost {
    /// Number of the first of them.
    #[prost(uint64, tag = "5")]
    pub(super) first: u64,
    /// The segment in which they stood.
    #[prost(string, tag = "1")]
    pub(super) segment: String,
    /// Which bytes of which file.
    #[prost(string, tag = "2")]
    pub(super) sentence: String,
    /// They were spooled between these; 0 where that is not known.
    #[prost(uint64, tag = "3")]
    pub(super) from_ms: u64,
    #[prost(uint64, tag = "4")]
    pub(super) to_ms: u64,
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

    /// Begins a new segment if all in the journal is settled, and removes what was: the room is free again, however little
    /// the whole may take. If we stop in between, the segment that we began is the last, and what was goes the next time.
    pub(super) fn renew(&mut self, settled: u64) -> Result<(), DiskError> {
        if settled != self.next {
            return Ok(());
        }
        if self.active.length() > 0 {
            self.active = SealedFile::open(&segment(&self.folder, self.next), &self.key)?;
        }
        drop_settled(&self.folder, self.next)
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
    at: Option<Place>,
    /// Number of the record that comes next where it stands.
    upcoming: u64,
}

/// Where a reader stands in a segment.
struct Place {
    first: u64,
    path: PathBuf,
    reader: SealedReader,
    /// Number of the next record, if none is lost.
    expected: u64,
    /// When the record before it was spooled.
    before_ms: u64,
    /// Read, and not given yet.
    held: VecDeque<Spooled>,
    /// How much of what is damaged here was said.
    said: usize,
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
        self.upcoming = from;
        while found.len() < max && bytes < bytes_max && self.upcoming < end {
            match self.next(from)? {
                Some(record) if record.number < from => {}
                Some(record) => {
                    bytes += record.encoded_len() as u64;
                    self.upcoming = record.number + 1;
                    found.push(record);
                }
                None => break,
            }
        }
        Ok(found)
    }

    fn next(&mut self, from: u64) -> Result<Option<Spooled>, DiskError> {
        loop {
            let place = match &mut self.at {
                Some(place) => place,
                at => {
                    let all = segments(&self.folder)?;
                    let found = all.iter().rposition(|(first, _)| *first <= from);
                    let Some((first, path)) = all.get(found.unwrap_or(0)) else { return Ok(None) };
                    // Where no word of what is settled is left, what stood before the first segment is.
                    let expected = if from == 0 { *first } else { from.min(*first) };
                    at.insert(Place::open(*first, path, &self.key, expected, 0)?)
                }
            };
            if let Some(record) = place.next()? {
                return Ok(Some(record));
            }
            let after = segments(&self.folder)?.into_iter().find(|(other, _)| *other > place.first);
            // It may have been written to before the next segment began.
            if let Some(record) = place.next()? {
                return Ok(Some(record));
            }
            place.lose_up_to(place.end().max(after.as_ref().map_or(0, |(first, _)| *first)), 0);
            if !place.held.is_empty() {
                continue;
            }
            let Some((first, path)) = after else { return Ok(None) };
            self.at = Some(Place::open(first, &path, &self.key, first, place.before_ms)?);
        }
    }
}

impl Place {
    fn open(first: u64, path: &Path, key: &SpoolKey, expected: u64, before_ms: u64) -> Result<Self, DiskError> {
        let (path, reader, held) = (path.to_owned(), SealedReader::open(path, key)?, VecDeque::new());
        Ok(Self { first, path, reader, expected, before_ms, held, said: 0 })
    }

    fn next(&mut self) -> Result<Option<Spooled>, DiskError> {
        if self.held.is_empty()
            && let Some(bytes) = self.reader.next().map_err(failed(&self.path))?
        {
            let malformed = |error: prost::DecodeError| failed(&self.path)(std::io::Error::other(error));
            let record = Spooled::decode(bytes.as_slice()).map_err(malformed)?;
            self.lose_up_to(record.number, record.received_at_ms);
            (self.expected, self.before_ms) = (record.number + 1, record.received_at_ms);
            self.held.push_back(record);
        }
        Ok(self.held.pop_front())
    }

    /// Number of the record behind this segment, by the marks in it.
    fn end(&self) -> u64 {
        self.first + self.reader.records()
    }

    /// Holds what is known of the records below this number that were not read.
    fn lose_up_to(&mut self, number: u64, to_ms: u64) {
        if number <= self.expected {
            return;
        }
        let mut found: Vec<String> = self.reader.damaged().iter().skip(self.said).map(ToString::to_string).collect();
        self.said += found.len();
        if found.is_empty() {
            found.push(format!("{}: cut off at offset {}", self.path.display(), self.reader.offset()));
        }
        let sentence = format!("{}: records {} to {} are lost", found.join("; "), self.expected, number - 1);
        let segment = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lost = Some(Lost { first: self.expected, segment, sentence, from_ms: self.before_ms, to_ms });
        self.held.push_back(Spooled { number: number - 1, received_at_ms: self.before_ms, lost, ..Spooled::default() });
        self.expected = number;
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

    #[test]
    fn a_journal_that_stopped_between_a_new_segment_and_the_end_of_the_old_ones_is_empty_all_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SpoolKey::derive(&[7; 32]);
        let mut journal = Journal::open(folder.path(), &key, 0).expect("opened").0;
        (0..3).for_each(|number| journal.append(&[record(number)]).expect("appended"));
        // Of what is not settled nothing goes.
        journal.renew(2).expect("nothing to renew");
        assert!(bytes(folder.path()) > 3_000_000);
        drop(journal);
        std::fs::write(segment(folder.path(), 3), []).expect("begun");
        let (mut journal, left) = Journal::open(folder.path(), &key, 3).expect("opened");
        assert_eq!((journal.next(), left), (3, vec![]));
        journal.renew(3).expect("renewed");
        assert_eq!(bytes(folder.path()), 0);
        journal.append(&[record(3)]).expect("appended");
        drop(journal);
        assert_eq!(found(&Journal::open(folder.path(), &key, 3).expect("opened").1), [(3, 3)]);
    }

    /// Flips a bit of a record of a million bytes.
    fn damage(folder: &Path, first: u64, index: usize) {
        let path = segment(folder, first);
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[index * 1_000_200 + 500_000] ^= 1;
        std::fs::write(&path, bytes).expect("written");
    }

    /// Numbers that were read, and of what is lost the first and the last.
    fn found(records: &[Spooled]) -> Vec<(u64, u64)> {
        records
            .iter()
            .map(|record| (record.lost.as_ref().map_or(record.number, |lost| lost.first), record.number))
            .collect()
    }

    #[test]
    fn a_record_that_is_damaged_is_said_to_be_lost_and_those_behind_it_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SpoolKey::derive(&[7; 32]);
        let mut journal = Journal::open(folder.path(), &key, 0).expect("opened").0;
        (0..12).for_each(|number| {
            journal.append(&[Spooled { received_at_ms: 100 + number, ..record(number) }]).expect("appended");
        });
        drop(journal);
        let paths = segments(folder.path()).expect("listed");
        assert_eq!(paths.iter().map(|(first, _)| *first).collect::<Vec<_>>(), [0, 5, 10]);
        // In the middle of the first segment, the end of the second, and the end of all.
        [(0, 1), (0, 2), (5, 4), (10, 1)].iter().for_each(|(first, index)| damage(folder.path(), *first, *index));
        let (mut journal, left) = Journal::open(folder.path(), &key, 0).expect("opened");
        let wanted = [(0, 0), (1, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (9, 9), (10, 10), (11, 11)];
        assert_eq!(found(&left), wanted);
        let lost: Vec<&Spooled> = left.iter().filter(|record| record.lost.is_some()).collect();
        let numbers: Vec<u64> = lost.iter().map(|record| record.number).collect();
        assert_eq!(numbers, [2, 9, 11]);
        let said = |index: usize| lost[index].lost.clone().unwrap_or_default();
        assert_eq!((said(0).from_ms, said(0).to_ms, said(2).to_ms), (100, 103, 0));
        assert!(
            said(0).sentence.contains("00000000000000000000.sealed: ") && said(0).sentence.contains(" at offset 10")
        );
        assert!(said(0).sentence.ends_with("records 1 to 2 are lost"), "{:?}", said(0));
        // No other record gets the number of one that is lost, and what is settled is no loss.
        assert_eq!(journal.next(), 12);
        journal.append(&[record(12)]).expect("appended");
        let mut reader = JournalReader::new(folder.path(), &key);
        assert_eq!(found(&reader.read(3, 13, 99, u64::MAX).expect("read")), [&wanted[2..], &[(12, 12)]].concat());
        assert_eq!(found(&reader.read(9, 12, 1, u64::MAX).expect("read")), [(9, 9)]);
        assert_eq!(found(&reader.read(10, 12, 9, u64::MAX).expect("read")), [(10, 10), (11, 11)]);
    }

    #[test]
    fn a_segment_that_is_cut_or_gone_is_a_loss_and_one_that_is_settled_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SpoolKey::derive(&[7; 32]);
        let mut journal = Journal::open(folder.path(), &key, 0).expect("opened").0;
        (0..12).for_each(|number| journal.append(&[record(number)]).expect("appended"));
        drop(journal);
        std::fs::File::options()
            .write(true)
            .open(segment(folder.path(), 5))
            .and_then(|file| file.set_len(2_500_000))
            .expect("cut");
        let left = |settled| found(&Journal::open(folder.path(), &key, settled).expect("opened").1);
        assert_eq!(left(5), [(5, 5), (6, 6), (7, 9), (10, 10), (11, 11)]);
        disk::remove(&segment(folder.path(), 5)).expect("gone");
        assert_eq!(left(3), [(3, 3), (4, 4), (5, 9), (10, 10), (11, 11)]);
        disk::remove(&segment(folder.path(), 0)).expect("gone");
        assert_eq!(left(3), [(3, 9), (10, 10), (11, 11)]);
        // What is settled is in the log; where no word of that is left, the ledger knows.
        assert_eq!((left(10), left(0)), (vec![(10, 10), (11, 11)], vec![(10, 10), (11, 11)]));
    }
}
