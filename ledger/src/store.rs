//! What is kept, and the only place that knows RocksDB.
//!
//! Two databases a log: the truth (entries, headers, ciphertexts, checkpoints) with its projections, and `keys` (wraps,
//! message rows, envelopes) with a backup life of its own; blobs are files. Layout: `rows`.
//!
//! Invariants:
//! - keys are written and synced before the truth that needs them; rows of keys without truth are swept when a log is
//!   opened;
//! - the truth of a group is one atomic, synced write;
//! - projections follow from the truth alone, and trail it: `projector` brings them up, opening a log and `rebuild` do so
//!   with the same code.
//!
//! Memory: the caches of RocksDB, and the events that wait for the projector. Not here: what may be written (`log`), and in which order the guard and
//! the answer follow (`sequencer`).

mod allegiance;
mod backup;
mod blobs;
mod commit;
mod cost;
mod cut;
mod database;
mod dwelling;
mod envelopes;
mod erase;
mod faults;
mod forms;
mod frozen;
mod guard;
mod leaves;
mod load;
mod projection;
mod projector;
mod read;
mod rebuild;
mod rewrap;
mod room;
mod rows;
mod table;

pub(crate) use allegiance::{Allegiance, KeptOrder};
pub(crate) use backup::{backed_up, restore, write_whole};
pub(crate) use blobs::{BlobError, BlobStat, Blobs, Upload};
pub(crate) use commit::{Group, Packed};
#[cfg(test)]
pub(crate) use cost::bytes_read;
pub use cost::{Cost, cost};
pub(crate) use dwelling::Dwelling;
pub use erase::Erased;
pub(crate) use erase::{Alone, Believed};
pub use faults::{Faults, NoFaults, Step};
pub(crate) use frozen::FROZEN;
pub(crate) use guard::Guard;
pub use guard::GuardError;
pub(crate) use load::Loaded;
use projection::Projection;
pub(crate) use read::{PlaceCursor, TreeReader};
pub(crate) use rebuild::{Difference, Snapshots};
pub(crate) use room::{HeldRoom, NoRoom, Room};
pub(crate) use rows::{CHUNK_EVENTS, LogPlace, RewrapTurn, TableHead, TableRow};
pub(crate) use table::{MadeTable, Table};

use crate::log::SealedEntry;
use database::{Column, Database};
use envelopes::EnvelopePlaces;
pub(crate) use projector::Cut;
use projector::Projector;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use table::TablesRead;
use thiserror::Error;
use zegel_verifier::hash::Hash;

/// Why the store cannot answer, or cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// RocksDB or the file system.
    #[error("{step} failed: {reason}")]
    Failed {
        /// What was being done.
        step: &'static str,
        /// What the system said.
        reason: String,
    },
    /// A row that does not read.
    #[error("a row of {what} does not read as one")]
    Row {
        /// What it holds.
        what: &'static str,
    },
    /// Something that must be there is not.
    #[error("{what} {number} is not in the store")]
    Missing {
        /// What.
        what: &'static str,
        /// Which one.
        number: u64,
    },
    /// A file that a reader keeps, with what was erased in it.
    #[error("{path} still holds what should be gone: somebody reads it; ask again")]
    StillThere {
        /// The file.
        path: String,
    },
    /// An order over another sealed form than the one that is there: an old one.
    #[error("{entry}:{position} is not in the form that the order replaces: nothing that was covered is put back")]
    OtherForm {
        /// The entry.
        entry: u64,
        /// The position.
        position: u32,
    },
    /// Two processes on one store.
    #[error("the store is open in another process")]
    InUse,
    /// Nothing to put back.
    #[error("{path} holds no backup that was finished")]
    NoBackup {
        /// The folder.
        path: String,
    },
    /// An older copy than the backup keeps.
    #[error("the backup has {found} copies: none is {back} before the newest")]
    NoCopy {
        /// How far back.
        back: usize,
        /// How many there are.
        found: usize,
    },
    /// A folder in which another log has its copies.
    #[error("{path} holds copies of log {found:?}: give {wanted:?} a folder of its own")]
    OtherBackup {
        /// The folder.
        path: String,
        /// Whose copies they are.
        found: String,
        /// Whose were to go there.
        wanted: String,
    },
    /// A store where one is to be put back.
    #[error("{path} is not empty: nothing is put back over what is there; move it away, and keep it")]
    NotEmpty {
        /// The folder.
        path: String,
    },
    /// The store is of another log.
    #[error("the store holds log {found:?}, the configuration says {wanted:?}")]
    OtherOrigin {
        /// In the store.
        found: String,
        /// In the configuration.
        wanted: String,
    },
    /// A rebuild was interrupted.
    #[error("a rebuild of the projections was interrupted: run rebuild again")]
    Rebuilding,
    /// Projections without a watermark.
    #[error("the projections are of an older ledger, which did not say how far they were: run rebuild")]
    NoWatermark,
    /// The edge of the tree does not lead to the last checkpoint.
    #[error("the stored tree of {size} entries has root {found}, which the last checkpoint does not sign")]
    Edge {
        /// Entries in the store.
        size: u64,
        /// Root over them.
        found: Hash,
    },
    /// A long reading that was told to stop.
    #[error("the reading was stopped before its end")]
    Halted,
    /// The store and the guard.
    #[error(transparent)]
    Guard(#[from] GuardError),
}

/// Told of bytes as a long reading goes on; false when it is to stop.
pub(crate) type Pace<'a> = &'a mut dyn FnMut(u64) -> bool;

impl StoreError {
    pub(crate) fn failed(step: &'static str, reason: impl ToString) -> Self {
        Self::Failed { step, reason: reason.to_string() }
    }
}

/// The store of one log.
pub(crate) struct Store {
    truth: Arc<Database>,
    keys: Database,
    envelopes: EnvelopePlaces,
    projector: Arc<Projector>,
    /// The thread that projects, while the log is served.
    projecting: Mutex<Option<JoinHandle<()>>>,
    blobs: Blobs,
    /// One at a time reads envelopes to replace them.
    rewrapping: Mutex<()>,
    path: PathBuf,
    faults: Arc<dyn Faults>,
    /// One erasure at a time, and none while the store is copied.
    erasing: Mutex<()>,
    tables_read: TablesRead,
    /// Held for as long as the store is open; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl Store {
    /// Opens or creates the databases of a log.
    pub(crate) fn open(path: &Path, origin: &str, faults: Arc<dyn Faults>) -> Result<Self, StoreError> {
        std::fs::create_dir_all(path).map_err(|reason| StoreError::failed("making the store's folder", reason))?;
        let lock = lock(&path.join("lock"))?;
        let truth = Arc::new(Database::open(&path.join("log"), Column::LOG)?);
        let keys = Database::open(&path.join("keys"), Column::KEYS)?;
        let blobs = Blobs::open(&path.join("blobs"))?;
        let store = Self {
            truth,
            keys,
            envelopes: EnvelopePlaces::default(),
            projector: Arc::default(),
            projecting: Mutex::default(),
            blobs,
            rewrapping: Mutex::default(),
            path: path.to_owned(),
            faults,
            erasing: Mutex::default(),
            tables_read: TablesRead::default(),
            _lock: lock,
        };
        store.check_origin(origin)?;
        store.blobs.sync_folders()?;
        store.number_orders()?;
        Ok(store)
    }

    /// The clock, which a test may put back.
    pub(crate) fn now_ms(&self) -> u64 {
        self.faults.now_ms()
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Hands entries to the projections once they are durable. Waits while these are too far behind.
    pub(crate) fn project(&self, entries: Vec<SealedEntry>) -> Result<(), StoreError> {
        self.projector.take(entries)
    }

    /// Waits until the projections hold the first `size` entries: before a stream, a head or a counter is read.
    pub(crate) fn reach(&self, size: u64) -> Result<(), StoreError> {
        self.projector.reach(size)
    }

    /// Entries that the projections hold.
    pub(crate) fn watermark(&self) -> u64 {
        self.projector.watermark()
    }

    fn start_projector(&self, watermark: u64) -> Result<(), StoreError> {
        let thread = self.projector.start(Arc::clone(&self.truth), Arc::clone(&self.faults), watermark)?;
        *self.projecting.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    fn check_origin(&self, wanted: &str) -> Result<(), StoreError> {
        match self.truth.get(Column::Meta, b"origin")? {
            None => {
                let mut write = self.truth.write();
                write.put(Column::Meta, b"origin", &rows::print_raw(wanted.as_bytes()));
                self.truth.commit_synced(write, "writing the origin")
            }
            Some(found) if rows::parse_raw("origin", &found)? == wanted.as_bytes() => Ok(()),
            Some(found) => {
                let found = String::from_utf8_lossy(rows::parse_raw("origin", &found)?).into_owned();
                Err(StoreError::OtherOrigin { found, wanted: wanted.into() })
            }
        }
    }
}

impl Drop for Store {
    /// A clean stop leaves nothing to replay. What fails here is done again when the log is opened.
    fn drop(&mut self) {
        if let Some(thread) = self.projecting.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.projector.close();
            let _ = thread.join();
            let _ = self.keys.flush(Column::KEYS);
        }
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let failed = |reason: std::io::Error| StoreError::failed("locking the store", reason);
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse),
        Err(TryLockError::Error(reason)) => Err(failed(reason)),
    }
}
