//! The guard: one small file outside the store that remembers the last signed checkpoint.
//!
//! A store that was put back from an older copy, or whose tail was dropped by recovery, is behind its guard, and a ledger
//! that went on from there would fork its own log. So it refuses to open; what the operator does then is a ceremony
//! (LOG_RECOVERED). The guard is written after the truth and before the answer: a crash in between leaves a store that is
//! ahead of it, which is fine.

use crate::store::StoreError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use zegel_verifier::checkpoint;
use zegel_verifier::hash::Hash;

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
}

impl Guard {
    pub(crate) fn new(path: &Path, origin: &str) -> Self {
        Self { path: path.to_owned(), origin: origin.into(), lock: None }
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
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(reason) if reason.kind() == ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(StoreError::failed("reading the guard", reason)),
        };
        let (origin, size, root) = parse(&text).ok_or(GuardError::Malformed)?;
        if origin != self.origin {
            return Err(GuardError::OtherOrigin { found: origin, wanted: self.origin.clone() }.into());
        }
        Ok(Some((size, root)))
    }

    /// Replaces the guard: when this returns, it is durable.
    pub(crate) fn write(&self, size: u64, root: Hash) -> Result<(), StoreError> {
        let failed = |reason: std::io::Error| StoreError::failed("writing the guard", reason);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let next = self.beside(".next");
        let mut file = File::create(&next).map_err(failed)?;
        file.write_all(checkpoint::print(&self.origin, size, root).as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&next, &self.path).map_err(failed)?;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
    }

    /// Holds the store's size, and its root at any size, against the guard. Makes the guard of an empty store.
    pub(crate) fn check(
        &self,
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
    fn guards_that_differ_in_their_endings_share_no_file() {
        let guard = |name: &str| Guard::new(Path::new(name), "chat.example.nl/minbzk");
        assert_eq!(guard("guards/log.bzk").beside(".next"), Path::new("guards/log.bzk.next"));
        assert_ne!(guard("guards/log.bzk").beside(".next"), guard("guards/log.ez").beside(".next"));
    }
}
