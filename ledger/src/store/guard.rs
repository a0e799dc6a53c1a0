//! The guard: one small file outside the store that remembers the last signed checkpoint.
//!
//! A store that was put back from an older copy, or whose tail was dropped by recovery, is behind its guard, and a ledger
//! that went on from there would fork its own log. So it refuses to open; what the operator does then is a ceremony
//! (LOG_RECOVERED). The guard is written after the truth and before the answer: a crash in between leaves a store that is
//! ahead of it, which is fine.
//!
//! The file has two slots, written in turn and in place: one sync, and a write that is torn leaves the other slot whole. Each is
//! the text of a checkpoint without a signature, a line with its SHA-256, and zeros. A text alone is good too: it is
//! what an operator writes in the ceremony.

use crate::store::StoreError;
use crate::store::cost::count_sync;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use zegel_verifier::checkpoint;
use zegel_verifier::hash::{Hash, sha256};

/// Why a store may not be opened under its guard.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GuardError {
    /// The store is older than what was signed.
    #[error("rollback detected: the store holds {found} entries, the guard has signed {signed}")]
    Rollback {
        /// Entries in the store.
        found: u64,
        /// Size of the last signed checkpoint.
        signed: u64,
    },
    /// The store has another history.
    #[error("fork detected: at {size} entries the store has root {found}, the guard has signed {signed}")]
    Fork {
        /// Size of the last signed checkpoint.
        size: u64,
        /// Root of the store at that size.
        found: Hash,
        /// Root that was signed.
        signed: Hash,
    },
    /// There are entries, and no guard.
    #[error("the store holds {found} entries, and its guard file is missing")]
    Missing {
        /// Entries in the store.
        found: u64,
    },
    /// Another process holds it.
    #[error("another ledger signs under the guard {path}: two would fork the log")]
    Held {
        /// The guard.
        path: String,
    },
    /// Not a guard.
    #[error("the guard file does not read as origin, size and root")]
    Malformed,
    /// A guard of another log.
    #[error("the guard is of log {found:?}, wanted {wanted:?}")]
    OtherOrigin {
        /// In the file.
        found: String,
        /// In the configuration.
        wanted: String,
    },
}

/// The guard file of one log.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    path: PathBuf,
    origin: String,
    /// Held for as long as this process may sign.
    lock: Option<Arc<File>>,
    /// Slot that is to be written next; `None` before the first write of this process, which writes the file anew.
    next: Option<u64>,
}

/// Bytes of a slot: what a disk writes at a time, so that a torn write never touches both.
const SLOT_BYTES: usize = 4_096;

impl Guard {
    pub(crate) fn new(path: &Path, origin: &str) -> Self {
        Self { path: path.to_owned(), origin: origin.into(), lock: None, next: None }
    }

    /// Keeps every other ledger from this guard. A copy of a store has a lock of its own; its guard is what both have.
    pub(crate) fn hold(mut self) -> Result<Self, StoreError> {
        let failed = |reason: std::io::Error| StoreError::failed("opening the lock of the guard", reason);
        let lock = File::options().create(true).append(true).open(self.beside(".lock")).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(GuardError::Held { path: self.path.display().to_string() }.into());
        }
        self.lock = Some(Arc::new(lock));
        Ok(self)
    }

    /// A file beside the guard. The name of the guard is kept whole: those of other logs may lie in the same folder.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    /// Size and root that were last signed; `None` without a file.
    pub(crate) fn read(&self) -> Result<Option<(u64, Hash)>, StoreError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(reason) if reason.kind() == ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(StoreError::failed("reading the guard", reason)),
        };
        // The larger one is the newer one; a slot that does not read was being written, and never answered for.
        let slots = bytes.chunks(SLOT_BYTES).filter_map(parse_slot);
        let (origin, size, root) = slots.max_by_key(|(_, size, _)| *size).ok_or(GuardError::Malformed)?;
        if origin != self.origin {
            return Err(GuardError::OtherOrigin { found: origin, wanted: self.origin.clone() }.into());
        }
        Ok(Some((size, root)))
    }

    /// Says what was signed last: when this returns, it is durable.
    pub(crate) fn write(&mut self, size: u64, root: Hash) -> Result<(), StoreError> {
        let failed = |reason: std::io::Error| StoreError::failed("writing the guard", reason);
        count_sync();
        let slot = print_slot(&checkpoint::print(&self.origin, size, root));
        let file = self.next.and_then(|_| File::options().write(true).open(&self.path).ok());
        if let (Some(number), Some(file)) = (self.next, file) {
            file.write_all_at(&slot, number * SLOT_BYTES as u64).map_err(failed)?;
            file.sync_data().map_err(failed)?;
            self.next = Some(1 - number);
            return Ok(());
        }
        self.replace(&slot).map_err(failed)?;
        self.next = Some(1);
        Ok(())
    }

    /// Writes the file anew, with one slot in use.
    fn replace(&self, slot: &[u8]) -> std::io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let next = self.beside(".next");
        let mut file = File::create(&next)?;
        file.write_all(slot)?;
        file.write_all(&[0; SLOT_BYTES])?;
        file.sync_all()?;
        fs::rename(&next, &self.path)?;
        File::open(folder)?.sync_all()
    }

    /// Holds the store's size, and its root at any size, against the guard. Makes the guard of an empty store.
    pub(crate) fn check(
        &mut self,
        size: u64,
        root_at: impl FnOnce(u64) -> Result<Hash, StoreError>,
    ) -> Result<(), StoreError> {
        let Some((signed_size, signed)) = self.read()? else {
            return if size == 0 {
                self.write(0, root_at(0)?)
            } else {
                Err(GuardError::Missing { found: size }.into())
            };
        };
        if size < signed_size {
            return Err(GuardError::Rollback { found: size, signed: signed_size }.into());
        }
        let found = root_at(signed_size)?;
        if found != signed {
            return Err(GuardError::Fork { size: signed_size, found, signed }.into());
        }
        Ok(())
    }
}

fn print_slot(text: &str) -> Vec<u8> {
    let mut slot = format!("{text}{}\n", sha256(&[text.as_bytes()])).into_bytes();
    slot.resize(SLOT_BYTES, 0);
    slot
}

/// What a slot says, if it is whole: with its digest, or a text alone.
fn parse_slot(slot: &[u8]) -> Option<(String, u64, Hash)> {
    let end = slot.iter().position(|byte| *byte == 0).unwrap_or(slot.len());
    let text = std::str::from_utf8(&slot[..end]).ok()?;
    if let Some(whole) = parse(text) {
        return Some(whole);
    }
    let (text, digest) = text.trim_end_matches('\n').rsplit_once('\n')?;
    let text = format!("{text}\n");
    (sha256(&[text.as_bytes()]).to_string() == digest).then(|| parse(&text))?
}

fn parse(text: &str) -> Option<(String, u64, Hash)> {
    let mut lines = text.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?.parse().ok()?, lines.next()?);
    let root = Hash::read(&STANDARD.decode(root).ok()?)?;
    (checkpoint::print(origin, size, root) == text).then(|| (origin.to_owned(), size, root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_was_torn_leaves_the_one_before_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("guard");
        let mut guard = Guard::new(&path, "chat.example.nl/minbzk");
        for size in 1..=4 {
            guard.write(size, Hash([size as u8; 32])).expect("written");
            assert_eq!(guard.read(), Ok(Some((size, Hash([size as u8; 32])))));
        }
        let whole = fs::read(&path).expect("a guard");
        // Sizes 3 and 4 lie in the first and the second slot.
        for at in [0, 25, 40, 90] {
            let mut torn = whole.clone();
            torn[SLOT_BYTES + at] ^= 1;
            fs::write(&path, torn).expect("written");
            assert_eq!(guard.read(), Ok(Some((3, Hash([3; 32])))), "byte {at}");
        }
        fs::write(&path, &whole[..SLOT_BYTES]).expect("written");
        assert_eq!(guard.read(), Ok(Some((3, Hash([3; 32])))));
        fs::write(&path, checkpoint::print("chat.example.nl/minbzk", 9, Hash([9; 32]))).expect("written");
        assert_eq!(guard.read(), Ok(Some((9, Hash([9; 32])))));
        fs::write(&path, "").expect("written");
        assert_eq!(guard.read(), Err(GuardError::Malformed.into()));
    }

    #[test]
    fn guards_that_differ_in_their_endings_share_no_file() {
        let guard = |name: &str| Guard::new(Path::new(name), "chat.example.nl/minbzk");
        assert_eq!(guard("guards/log.bzk").beside(".next"), Path::new("guards/log.bzk.next"));
        assert_ne!(guard("guards/log.bzk").beside(".next"), guard("guards/log.ez").beside(".next"));
    }
}
