//! Erasing what lies sealed beside events: keys first, then bodies and blobs, out of rows, logs and files.
//!
//! The crash story. Before anything goes, each event gets a row that keeps its sealed leaf (what its batch signed over) and the marks by which its
//! bytes would be known again; that row is durable first. Every later step can be done again: what is blank stays blank, what is gone stays gone.
//! Wherever we stop, the same order goes on and ends the same. The marks are complements of a few bytes of ciphertext: they find what they
//! mean in the files and not themselves.
//! Not here: who may order it (`erase`), what is logged of it (the officer's tools). Specification: `specs/storage.md`.

use crate::store::database::Column;
use crate::store::rows::{self, BodiesRow, CHUNK_EVENTS, ErasedRow, KeysRow};
use crate::store::{Step, Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use zegel_proto::parse;
use zegel_proto::v1::{EventHeader, SealedBody};
use zegel_verifier::batch::sealed_leaf;
use zegel_verifier::hash::Hash;

/// Bytes by which a sealed form is known again.
const MARK_BYTES: usize = 16;
/// Bytes of a file that are scanned at a time.
const SCAN_STEP_BYTES: usize = 1 << 20;

/// What became of an erasure.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Erased {
    /// Events of the order.
    pub events: u64,
    /// Of these, the ones that an earlier run had erased already.
    pub before: u64,
    /// Files of attachments that were removed.
    pub blobs: u64,
    /// Files that were scanned for what should be gone.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

type Marks = Vec<[u8; MARK_BYTES]>;

impl Store {
    /// The sealed leaf of an event that was erased; `None` if it was not.
    pub(crate) fn erased(&self, entry: u64, position: u32) -> Result<Option<Hash>, StoreError> {
        let row = self.truth.get(Column::Erased, &rows::chunk_key(entry, position))?;
        row.map(|row| Ok(Hash(rows::parse::<ErasedRow>("an erased event", &row)?.leaf))).transpose()
    }

    /// Erased events of an entry, by position.
    pub(crate) fn erased_of(&self, entry: u64) -> Result<BTreeMap<u32, Hash>, StoreError> {
        let prefix = entry.to_be_bytes();
        let found = self.truth.slice(Column::Erased, &prefix, &prefix, usize::MAX)?;
        let read = |(key, row): &(Box<[u8]>, Box<[u8]>)| {
            let position = key.get(8..).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
            let position = position.ok_or(StoreError::Row { what: "key of an erased event" })?;
            Ok((position, Hash(rows::parse::<ErasedRow>("an erased event", row)?.leaf)))
        };
        found.iter().map(read).collect()
    }

    /// Erases what lies sealed beside these events, and looks through the files for what should be gone.
    ///
    /// # Errors
    /// [`StoreError`]; then do it again: it goes on.
    pub(crate) fn erase(&self, places: &[(u64, u32)]) -> Result<Erased, StoreError> {
        let mut erased = Erased { events: places.len() as u64, ..Erased::default() };
        let mut chunks: BTreeMap<(u64, u32), Vec<u32>> = BTreeMap::new();
        for (entry, position) in places {
            chunks.entry((*entry, position / CHUNK_EVENTS as u32)).or_default().push(*position);
        }
        // A scrub's copy keeps files alive that hold what is to go.
        Self::forget_scrub(&self.path)?;
        erased.before = self.step(Step::EraseIntent, || self.intend(&chunks))?;
        self.step(Step::EraseKeys, || {
            chunks.iter().try_for_each(|(chunk, positions)| self.blank_keys(*chunk, positions))
        })?;
        self.step(Step::EraseBodies, || {
            for (chunk, positions) in &chunks {
                self.blank_bodies(*chunk, positions)?;
                erased.blobs += self.remove_blobs(*chunk, positions)?;
            }
            Ok(())
        })?;
        self.step(Step::EraseFiles, || {
            self.keys.compact()?;
            self.truth.compact()?;
            self.scan(places, &mut erased)
        })?;
        self.step(Step::EraseMarks, || self.forget_marks(places))?;
        Ok(erased)
    }

    /// Keeps the leaf of each event, and how its bytes would be known again. Gives how many had gone before.
    fn intend(&self, chunks: &BTreeMap<(u64, u32), Vec<u32>>) -> Result<u64, StoreError> {
        let (mut write, mut before) = (self.truth.write(), 0);
        for ((entry, chunk), positions) in chunks {
            let (ciphertexts, keys) = (self.ciphertexts(*entry, *chunk)?, self.wraps(*entry, *chunk)?);
            for position in positions {
                if self.erased(*entry, *position)?.is_some() {
                    before += 1;
                    continue;
                }
                let within = *position as usize % CHUNK_EVENTS;
                let of = |list: &[Vec<u8>]| list.get(within).cloned().unwrap_or_default();
                let body = SealedBody { ciphertext: of(&ciphertexts), wrap: of(&keys.wraps), message_row: Vec::new() };
                if body.ciphertext.is_empty() || body.wrap.is_empty() {
                    return Err(StoreError::Missing { what: "sealed body of entry", number: *entry });
                }
                let row = ErasedRow { leaf: sealed_leaf(&body).0, marks: marks_of(&body, &of(&keys.message_rows)) };
                write.put(Column::Erased, &rows::chunk_key(*entry, *position), &rows::print(&row));
            }
        }
        self.truth.commit_synced(write, "writing what is to be erased")?;
        Ok(before)
    }

    fn blank_keys(&self, (entry, chunk): (u64, u32), positions: &[u32]) -> Result<(), StoreError> {
        let mut row: KeysRow = self.wraps(entry, chunk)?;
        for position in positions {
            let within = *position as usize % CHUNK_EVENTS;
            row.wraps.get_mut(within).map(Vec::clear);
            row.message_rows.get_mut(within).map(Vec::clear);
        }
        let mut write = self.keys.write();
        write.put(Column::Wraps, &rows::chunk_key(entry, chunk), &rows::print(&row));
        self.keys.commit_synced(write, "erasing keys")
    }

    fn blank_bodies(&self, (entry, chunk): (u64, u32), positions: &[u32]) -> Result<(), StoreError> {
        let mut row = BodiesRow { ciphertexts: self.ciphertexts(entry, chunk)? };
        for position in positions {
            row.ciphertexts.get_mut(*position as usize % CHUNK_EVENTS).map(Vec::clear);
        }
        let mut write = self.truth.write();
        write.put(Column::Bodies, &rows::chunk_key(entry, chunk), &rows::print(&row));
        self.truth.commit_synced(write, "erasing bodies")
    }

    /// Blobs are encrypted once for one event: no other event needs them.
    fn remove_blobs(&self, (entry, _): (u64, u32), positions: &[u32]) -> Result<u64, StoreError> {
        let headers = self.headers(entry)?;
        let mut removed = 0;
        for position in positions {
            let header = headers.get(*position as usize).and_then(|header| parse::<EventHeader>(header).ok());
            let blobs = header.map(|header| header.blobs).unwrap_or_default();
            for blob in blobs.iter().filter_map(|blob| Hash::read(blob)) {
                removed += u64::from(self.blobs.remove(blob)?);
            }
        }
        Ok(removed)
    }

    /// Reads every file of both databases for the marks of what was erased.
    fn scan(&self, places: &[(u64, u32)], erased: &mut Erased) -> Result<(), StoreError> {
        let mut wanted: HashMap<[u8; 4], Marks> = HashMap::new();
        for (entry, position) in places {
            let row = self.truth.get(Column::Erased, &rows::chunk_key(*entry, *position))?;
            let row = row.ok_or(StoreError::Missing { what: "erased event of entry", number: *entry })?;
            for mark in rows::parse::<ErasedRow>("an erased event", &row)?.marks {
                let mark = mark.map(|byte| !byte);
                wanted.entry([mark[0], mark[1], mark[2], mark[3]]).or_default().push(mark);
            }
        }
        for folder in ["log", "keys"] {
            for path in files_of(&self.path.join(folder))? {
                let failed = |reason| StoreError::failed("looking through the files", reason);
                let mut file = File::open(&path).map_err(failed)?;
                erased.files += 1;
                erased.bytes += file.metadata().map_err(failed)?.len();
                if holds(&mut file, &wanted).map_err(failed)? {
                    let reason = format!("{} still holds what should be gone", path.display());
                    return Err(StoreError::failed("erasing", reason));
                }
            }
        }
        Ok(())
    }

    fn forget_marks(&self, places: &[(u64, u32)]) -> Result<(), StoreError> {
        let mut write = self.truth.write();
        for (entry, position) in places {
            if let Some(leaf) = self.erased(*entry, *position)? {
                let row = ErasedRow { leaf: leaf.0, marks: Vec::new() };
                write.put(Column::Erased, &rows::chunk_key(*entry, *position), &rows::print(&row));
            }
        }
        self.truth.commit_synced(write, "writing what was erased")
    }
}

/// Complements of the last bytes of the wrap, the first of the ciphertext, and of the message row.
fn marks_of(body: &SealedBody, message_row: &[u8]) -> Marks {
    let ends = [body.wrap.last_chunk::<MARK_BYTES>(), body.ciphertext.first_chunk(), message_row.last_chunk()];
    ends.into_iter().flatten().map(|mark| mark.map(|byte| !byte)).collect()
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |reason| StoreError::failed("listing the files", reason);
    let files = std::fs::read_dir(folder).map_err(failed)?;
    let paths = files.map(|file| file.map(|file| file.path()).map_err(failed)).collect::<Result<Vec<_>, _>>()?;
    Ok(paths.into_iter().filter(|path| path.is_file()).collect())
}

fn holds(file: &mut impl Read, wanted: &HashMap<[u8; 4], Marks>) -> std::io::Result<bool> {
    let mut window: Vec<u8> = Vec::with_capacity(SCAN_STEP_BYTES + MARK_BYTES);
    loop {
        let kept = window.len().saturating_sub(MARK_BYTES - 1);
        window.drain(..kept);
        let read = file.by_ref().take(SCAN_STEP_BYTES as u64).read_to_end(&mut window)?;
        let found = window.windows(MARK_BYTES).any(|bytes| {
            let marks = wanted.get(&[bytes[0], bytes[1], bytes[2], bytes[3]]);
            marks.is_some_and(|marks| marks.iter().any(|mark| mark == bytes))
        });
        if found || read == 0 {
            return Ok(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_across_the_border_of_two_steps_and_its_complement_is_not() {
        let mark: [u8; MARK_BYTES] = std::array::from_fn(|at| at as u8 + 100);
        let wanted = HashMap::from([([mark[0], mark[1], mark[2], mark[3]], vec![mark])]);
        let with = |bytes: &[u8]| {
            let mut file = vec![0; SCAN_STEP_BYTES - 7];
            file.extend_from_slice(bytes);
            file.extend_from_slice(&[0; 100]);
            holds(&mut file.as_slice(), &wanted).expect("read")
        };
        assert!(with(&mark));
        assert!(!with(&mark.map(|byte| !byte)));
        assert!(!with(&mark[..15]));
    }
}
