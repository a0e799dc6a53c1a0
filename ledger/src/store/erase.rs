//! Erasing what lies sealed beside events: keys first, then bodies and blobs, out of rows, logs and files.
//!
//! The crash story. Before anything goes, each event gets a row that keeps its sealed leaf (what its batch signed over) and the marks by which its
//! bytes would be known again; that row is durable first. Every later step can be done again: what is blank stays blank, what is gone stays gone.
//! Wherever we stop, the same order goes on and ends the same. The marks are complements of a few bytes of ciphertext: they find what they
//! mean in the files and not themselves. Of a message row its watermark stays, by which the source that made it leaves the message out.
//! Not here: how a leaf outlasts its bytes (`leaves`), who may order it (`erase`), what is logged of it (the officer's tools). Specification: `specs/storage.md`.

use crate::store::database::Column;
use crate::store::leaves::put_leaf;
use crate::store::rows::{self, BodiesRow, CHUNK_EVENTS, ErasedRow, KeysRow};
use crate::store::{Step, Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError, TryLockError};
use zegel_proto::parse;
use zegel_proto::v1::{EventHeader, SealedBody};
use zegel_verifier::batch::sealed_leaf;
use zegel_verifier::erasure::Resealed;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::watermark::Watermark;

/// Bytes by which a sealed form is known again.
const MARK_BYTES: usize = 16;
/// How often the files are written anew, before a reader who keeps one of them is in the way.
const REWRITES_MAX: u32 = 4;
/// Bytes of a file that are scanned at a time.
const SCAN_STEP_BYTES: usize = 1 << 20;

/// Held by whoever erases or copies a store: nobody else does either meanwhile.
#[derive(Debug)]
pub(crate) struct Alone<'a> {
    _held: MutexGuard<'a, ()>,
}

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

/// An order that was believed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Believed<'a> {
    pub(crate) places: &'a [(u64, u32)],
    /// What stands in the place of events of which a part is covered for good.
    pub(crate) resealed: &'a BTreeMap<(u64, u32), Resealed>,
    /// As it was handed over: kept, so that a follower can believe it too.
    pub(crate) text: &'a str,
    /// Entries of the log when it was believed.
    pub(crate) size: u64,
}

type Marks = Vec<[u8; MARK_BYTES]>;
/// How events of an order stand that are not simply to be blanked.
type Forms = BTreeMap<(u64, u32), Form>;

enum Form {
    /// An earlier run blanked it.
    Gone,
    /// An earlier run put the new sealed form in its place.
    There,
    /// This takes its place.
    New(Resealed),
}

impl Store {
    /// Waits until nobody erases or copies: a copy of a large store takes hours.
    pub(crate) fn alone(&self) -> Alone<'_> {
        Alone { _held: self.erasing.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// The same, if nobody does now.
    pub(crate) fn alone_now(&self) -> Option<Alone<'_>> {
        let held = match self.erasing.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(ended)) => ended.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Alone { _held: held })
    }

    pub(super) fn erased_row(&self, entry: u64, position: u32) -> Result<Option<ErasedRow>, StoreError> {
        let row = self.truth.get(Column::Erased, &rows::chunk_key(entry, position))?;
        row.map(|row| rows::parse("an erased event", &row)).transpose()
    }

    /// Nothing is left of what an order takes away, and nothing to look for.
    pub(crate) fn has_gone(&self, order: Believed<'_>) -> Result<bool, StoreError> {
        for place @ (entry, position) in order.places {
            let row = self.erased_row(*entry, *position)?;
            let chunk = self.ciphertexts(*entry, position / CHUNK_EVENTS as u32)?;
            let ciphertext = chunk.get(*position as usize % CHUNK_EVENTS).map_or(&[][..], Vec::as_slice);
            let is_new = order.resealed.get(place).is_some_and(|new| new.ciphertext == ciphertext);
            if !row.is_some_and(|row| row.marks.is_empty()) || !(ciphertext.is_empty() || is_new) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Erases what lies sealed beside these events, and looks through the files for what should be gone.
    ///
    /// # Errors
    /// [`StoreError`]; then do it again: it goes on.
    pub(crate) fn erase(&self, order: Believed<'_>, _: &Alone<'_>) -> Result<Erased, StoreError> {
        let places = order.places;
        let mut erased = Erased { events: places.len() as u64, ..Erased::default() };
        let mut chunks: BTreeMap<(u64, u32), Vec<u32>> = BTreeMap::new();
        for (entry, position) in places {
            chunks.entry((*entry, position / CHUNK_EVENTS as u32)).or_default().push(*position);
        }
        // A scrub's copy keeps files alive that hold what is to go.
        Self::forget_frozen(&self.path)?;
        let (before, resealed) = self.step(Step::EraseIntent, || self.intend(&chunks, order))?;
        erased.before = before;
        self.step(Step::EraseKeys, || {
            chunks.iter().try_for_each(|(chunk, positions)| self.blank_keys(*chunk, positions, &resealed))
        })?;
        self.step(Step::EraseBodies, || {
            for (chunk, positions) in &chunks {
                self.blank_bodies(*chunk, positions, &resealed)?;
                erased.blobs += self.remove_blobs(*chunk, positions, &resealed)?;
            }
            Ok(())
        })?;
        self.step(Step::EraseFiles, || self.rewrite(places, &mut erased))?;
        self.step(Step::EraseMarks, || self.forget_marks(order))?;
        Ok(erased)
    }

    /// Keeps the leaf of each event, and how its bytes would be known again. Gives how many had gone before.
    /// And which new sealed forms take a place: not that of an event that ended since, nor of another form than the one that they replace.
    fn intend(&self, chunks: &BTreeMap<(u64, u32), Vec<u32>>, order: Believed<'_>) -> Result<(u64, Forms), StoreError> {
        let (mut write, mut before, mut forms) = (self.truth.write(), 0, BTreeMap::new());
        self.put_order(&mut write, order.size, order.text)?;
        for ((entry, chunk), positions) in chunks {
            let (ciphertexts, keys) = (self.ciphertexts(*entry, *chunk)?, self.wraps(*entry, *chunk)?);
            for position in positions {
                let within = *position as usize % CHUNK_EVENTS;
                let of = |list: &[Vec<u8>]| list.get(within).cloned().unwrap_or_default();
                let mut body =
                    SealedBody { ciphertext: of(&ciphertexts), wrap: of(&keys.wraps), message_row: Vec::new() };
                let (place, kept) = ((*entry, *position), self.erased_row(*entry, *position)?);
                let new = order.resealed.get(&place);
                let is_new = |new: &Resealed| new.ciphertext == body.ciphertext;
                if kept.is_some() && (body.ciphertext.is_empty() || new.is_some_and(is_new)) {
                    // What was under way is taken up again: its marks are still there.
                    before += u64::from(kept.is_some_and(|kept| kept.marks.is_empty()));
                    let form = if body.ciphertext.is_empty() { Form::Gone } else { Form::There };
                    forms.insert(place, form);
                    continue;
                }
                // Beside a leaf a wrap may be blank, or the new one already: then the log is of an older copy than the keys.
                let leaf = self.erased(*entry, *position)?;
                let has_ended = leaf.is_some() && body.wrap.is_empty();
                if let Some(new) = new.filter(|_| !has_ended) {
                    if Hash::read(&new.replaces) != Some(sha256(&[&body.ciphertext])) {
                        return Err(StoreError::OtherForm { entry: *entry, position: *position });
                    }
                    forms.insert(place, Form::New(new.clone()));
                }
                if let Some(kept) = kept.filter(|kept| !kept.marks.is_empty()) {
                    // Stopped after the keys: the wrap that is there may be the new one.
                    write.put(Column::Erased, &rows::chunk_key(*entry, *position), &rows::print(&kept));
                    continue;
                }
                if leaf.is_none() && (body.ciphertext.is_empty() || body.wrap.is_empty()) {
                    return Err(StoreError::Missing { what: "sealed body of entry", number: *entry });
                }
                let leaf = leaf.unwrap_or_else(|| sealed_leaf(&body));
                if new.is_some_and(|new| new.wrap == body.wrap) {
                    body.wrap.clear();
                }
                let row = ErasedRow { leaf: leaf.0, marks: marks_of(&body) };
                write.put(Column::Erased, &rows::chunk_key(*entry, *position), &rows::print(&row));
            }
        }
        self.truth.commit_synced(write, "writing what is to be erased")?;
        Ok((before, forms))
    }

    fn blank_keys(&self, (entry, chunk): (u64, u32), positions: &[u32], forms: &Forms) -> Result<(), StoreError> {
        let mut row: KeysRow = self.wraps(entry, chunk)?;
        let mut write = self.keys.write();
        for position in positions {
            // In the same write: where a wrap is blank, its leaf is beside it.
            if let Some(leaf) = self.erased(entry, *position)? {
                put_leaf(&mut write, entry, *position, leaf);
            }
            let within = *position as usize % CHUNK_EVENTS;
            match (row.wraps.get_mut(within), forms.get(&(entry, *position))) {
                (_, Some(Form::Gone | Form::There)) => continue,
                (Some(wrap), Some(Form::New(new))) => wrap.clone_from(&new.wrap),
                (Some(wrap), None) => wrap.clear(),
                (None, _) => {}
            }
            // A row that was blanked before is a watermark already, and stays one.
            if let Some(row) = row.message_rows.get_mut(within).filter(|row| Watermark::read(row).is_none()) {
                *row = Watermark::of_row(row).map(|left| left.print()).unwrap_or_default();
            }
        }
        write.put(Column::Wraps, &rows::chunk_key(entry, chunk), &rows::print(&row));
        self.keys.commit_synced(write, "erasing keys")
    }

    fn blank_bodies(&self, (entry, chunk): (u64, u32), positions: &[u32], forms: &Forms) -> Result<(), StoreError> {
        let mut row = BodiesRow { ciphertexts: self.ciphertexts(entry, chunk)? };
        for position in positions {
            let ciphertext = row.ciphertexts.get_mut(*position as usize % CHUNK_EVENTS);
            match (ciphertext, forms.get(&(entry, *position))) {
                (Some(ciphertext), Some(Form::New(new))) => ciphertext.clone_from(&new.ciphertext),
                (Some(ciphertext), None) => ciphertext.clear(),
                (None, _) | (_, Some(Form::Gone | Form::There)) => {}
            }
        }
        let mut write = self.truth.write();
        write.put(Column::Bodies, &rows::chunk_key(entry, chunk), &rows::print(&row));
        self.truth.commit_synced(write, "erasing bodies")
    }

    /// Blobs are encrypted once for one event: no other event needs them. Of an event that loses a part only they stay; the key of one that is covered is gone.
    fn remove_blobs(&self, (entry, _): (u64, u32), positions: &[u32], forms: &Forms) -> Result<u64, StoreError> {
        let headers = self.headers(entry)?;
        let mut removed = 0;
        let loses_all = |position: &&u32| !matches!(forms.get(&(entry, **position)), Some(Form::There | Form::New(_)));
        for position in positions.iter().filter(loses_all) {
            let header = headers.get(*position as usize).and_then(|header| parse::<EventHeader>(header).ok());
            let blobs = header.map(|header| header.blobs).unwrap_or_default();
            for blob in blobs.iter().filter_map(|blob| Hash::read(blob)) {
                removed += u64::from(self.blobs.remove(blob)?);
            }
        }
        Ok(removed)
    }

    /// Writes every file anew until none holds what should be gone: a reader of a log that is served keeps an older file for as long as it reads.
    fn rewrite(&self, places: &[(u64, u32)], erased: &mut Erased) -> Result<(), StoreError> {
        let mut left = REWRITES_MAX;
        loop {
            self.keys.compact()?;
            self.truth.compact()?;
            (erased.files, erased.bytes, left) = (0, 0, left - 1);
            match self.scan(places, erased)? {
                None => return Ok(()),
                Some(path) if left == 0 => {
                    return Err(StoreError::StillThere { path: path.display().to_string() });
                }
                Some(_) => {}
            }
        }
    }

    /// Reads every file of both databases for the marks of what was erased; gives one that has them.
    fn scan(&self, places: &[(u64, u32)], erased: &mut Erased) -> Result<Option<PathBuf>, StoreError> {
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
                // A file that a log in service has let go of meanwhile is gone.
                let mut file = match File::open(&path) {
                    Err(reason) if reason.kind() == ErrorKind::NotFound => continue,
                    opened => opened.map_err(failed)?,
                };
                erased.files += 1;
                erased.bytes += file.metadata().map_err(failed)?.len();
                if holds(&mut file, &wanted).map_err(failed)? {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }

    fn forget_marks(&self, order: Believed<'_>) -> Result<(), StoreError> {
        let mut write = self.truth.write();
        self.put_carried_out(&mut write, order.text);
        for (entry, position) in order.places {
            if let Some(leaf) = self.erased(*entry, *position)? {
                let row = ErasedRow { leaf: leaf.0, marks: Vec::new() };
                write.put(Column::Erased, &rows::chunk_key(*entry, *position), &rows::print(&row));
            }
        }
        self.truth.commit_synced(write, "writing what was erased")
    }
}

/// Complements of the last bytes of the wrap, and of the first of the ciphertext. A message row lies in one value with its wrap: where that is gone, so is
/// the row. Its own bytes mark nothing, since messages of one minute share some.
fn marks_of(body: &SealedBody) -> Marks {
    let ends = [body.wrap.last_chunk::<MARK_BYTES>(), body.ciphertext.first_chunk()];
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
