//! Copies of a store that is being served, and putting one back.
//!
//! A backup is a folder: the databases `log` and `keys`, each with its own line of copies (files that did not change are not
//! copied again), `blobs`, `cosigned`, `copies`, which names those that count, and `checkpoint`, the signed note that the newest
//! of these reaches at least. The log is copied first: whatever an entry needs, keys and blobs, was durable before the entry
//! was, so what is copied later has it.
//!
//! Invariants: a copy counts when `copies` names it, after everything else of it, synced and looked through; nothing that
//! counts is forgotten before; what is put back goes into an empty place only, the log last, so that what was put back in part
//! is behind its guard; the guard is in no backup, since it is what notices that a copy is old.
//!
//! What if we stop in the middle? What counted before still counts, and is whole; the next copy takes up what lies there.
//! Between `copies` and `checkpoint`? The note is of the copy before, which the newest reaches too. Specification:
//! `specs/storage.md`.

mod copies;

use crate::store::database::{Column, copies_in, forget_copies, restore_database};
use crate::store::{Store, StoreError, rows};
use copies::{Copies, Pair};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The note that a backup reaches.
const CHECKPOINT: &str = "checkpoint";

fn failed(step: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
    move |reason| StoreError::failed(step, reason)
}

impl Store {
    /// Copies everything but the guard, and then forgets copies beyond `keep`. Gives the note that the copy reaches.
    pub(crate) fn back_up(&self, to: &Path, keep: usize) -> Result<Vec<u8>, StoreError> {
        let copying = "copying the store";
        // One that went on meanwhile would be in a part of the copy.
        let _alone = self.alone();
        let none = StoreError::Missing { what: "checkpoint of size", number: 0 };
        let note = self.checkpoint()?.ok_or(none)?;
        let mut copies = Copies::of(to, &self.origin()?)?;
        fs::create_dir_all(to).map_err(failed(copying))?;
        let log = self.truth.back_up(&to.join("log"))?;
        let keys = self.keys.back_up(&to.join("keys"))?;
        copy_blobs(&self.path.join("blobs"), &to.join("blobs")).map_err(failed("copying blobs"))?;
        match fs::read(self.path.join("cosigned")) {
            Ok(cosigned) => write_whole(&to.join("cosigned"), &cosigned).map_err(failed(copying))?,
            Err(reason) if reason.kind() == ErrorKind::NotFound => {}
            Err(reason) => return Err(failed(copying)(reason)),
        }
        copies.count(to, Pair { log, keys }, keep).map_err(failed(copying))?;
        write_whole(&to.join(CHECKPOINT), &note).map_err(failed(copying))?;
        if let Some(oldest) = copies.oldest() {
            forget_copies(&to.join("log"), oldest.log)?;
            forget_copies(&to.join("keys"), oldest.keys)?;
        }
        Ok(note)
    }

    fn origin(&self) -> Result<String, StoreError> {
        let row = self.truth.get(Column::Meta, b"origin")?.ok_or(StoreError::Row { what: "origin" })?;
        Ok(String::from_utf8_lossy(rows::parse_raw("origin", &row)?).into_owned())
    }
}

/// Puts a copy of a backup into a place where no store is: the newest that counts, or the one so many before it. What it is
/// worth is for `check` and the guard to say.
///
/// With an older log come the newest keys: those of entries that it does not have are swept when it is opened, and what
/// was erased since stays erased. What was cosigned is of the newest alone.
pub(crate) fn restore(from: &Path, store: &Path, back: usize) -> Result<(), StoreError> {
    let restoring = "putting a store back";
    let none = || StoreError::NoBackup { path: from.display().to_string() };
    let copies = Copies::read(from)?.ok_or_else(none)?;
    fs::create_dir_all(store).map_err(failed(restoring))?;
    if fs::read_dir(store).map_err(failed(restoring))?.next().is_some() {
        return Err(StoreError::NotEmpty { path: store.display().to_string() });
    }
    let (log, keys) = (from.join("log"), from.join("keys"));
    let copy = copies.pick(back, &copies_in(&log)?, &copies_in(&keys)?)?;
    restore_database(&keys, &store.join("keys"), copy.keys)?;
    copy_blobs(&from.join("blobs"), &store.join("blobs")).map_err(failed("copying blobs"))?;
    if back == 0
        && let Ok(cosigned) = fs::read(from.join("cosigned"))
    {
        write_whole(&store.join("cosigned"), &cosigned).map_err(failed(restoring))?;
    }
    restore_database(&log, &store.join("log"), copy.log)
}

/// The signed note that the newest copy of a backup reaches at least.
pub(crate) fn backed_up(from: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(from.join(CHECKPOINT)).map_err(|_| StoreError::NoBackup { path: from.display().to_string() })
}

/// Blobs never change: what has its name is there. Parts are not copied: their sources send them again.
fn copy_blobs(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for folder in fs::read_dir(from)? {
        let folder = folder?;
        if !folder.file_type()?.is_dir() {
            continue;
        }
        let target = to.join(folder.file_name());
        fs::create_dir_all(&target)?;
        for blob in fs::read_dir(folder.path())? {
            let blob = blob?;
            let (path, whole) = (blob.path(), target.join(blob.file_name()));
            if path.extension().is_none() && !whole.exists() {
                let next = whole.with_extension("next");
                fs::copy(&path, &next)?;
                File::open(&next)?.sync_all()?;
                fs::rename(&next, &whole)?;
            }
        }
        File::open(&target)?.sync_all()?;
    }
    File::open(to)?.sync_all()
}

/// Replaces a file: when this returns, it is durable.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let next = path.with_extension("next");
    let mut file = File::create(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
