//! A copy of both databases as they are at one moment, by hard links: what the scrub reads while appends go on.
//!
//! The files are the ones that are served from, so a bit that flips in them flips here. What is read of the copy comes from
//! the disk: it has no cache, and asks past that of the system where the file system lets it. Nothing of it is ever served.
//!
//! Invariants: the log is copied first, so that whatever an entry needs of the keys is there; the copy keeps files alive that
//! the store has let go of, so an erasure removes it before anything else, and whoever scrubs removes it when it is done. What
//! was found lies beside it and outlasts it: only a `check` that finds nothing removes that.

use crate::store::database::{Column, Database};
use crate::store::envelopes::EnvelopePlaces;
use crate::store::table::TablesRead;
use crate::store::{Blobs, NoFaults, Store, StoreError, lock};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Folder in the store: the copy, and how far a scrub of it is.
const SCRUB: &str = "scrub";
/// What lies in it and keeps bytes alive, the log first: without it there is no copy.
pub(crate) const FROZEN: [&str; 3] = ["log", "keys", "compare"];

impl Store {
    /// Where the copy lies, with what belongs to it.
    pub(crate) fn scrub_folder(store: &Path) -> PathBuf {
        store.join(SCRUB)
    }

    /// Copies both databases into a folder that is not there, while they are written.
    pub(crate) fn freeze(&self, to: &Path) -> Result<(), StoreError> {
        let failed = |reason| StoreError::failed("freezing the store", reason);
        // Not while an erasure goes on: the copy would keep what it erases.
        let _alone = self.alone();
        std::fs::create_dir_all(to).map_err(failed)?;
        self.truth.freeze(&to.join("log"))?;
        self.keys.freeze(&to.join("keys"))
    }

    /// Opens such a copy.
    pub(crate) fn open_frozen(path: &Path, origin: &str) -> Result<Self, StoreError> {
        let failed = |reason| StoreError::failed("opening a frozen store", reason);
        std::fs::create_dir_all(path).map_err(failed)?;
        let lock = lock(&path.join("lock"))?;
        let store = Self {
            truth: Arc::new(Database::open_frozen(&path.join("log"), Column::LOG)?),
            keys: Database::open_frozen(&path.join("keys"), Column::KEYS)?,
            envelopes: EnvelopePlaces::default(),
            projector: Arc::default(),
            projecting: Mutex::default(),
            blobs: Blobs::open(&path.join("blobs"))?,
            rewrapping: Mutex::default(),
            path: path.to_owned(),
            faults: Arc::new(NoFaults),
            erasing: Mutex::default(),
            tables_read: TablesRead::default(),
            _lock: lock,
        };
        store.check_origin(origin)?;
        Ok(store)
    }

    /// Removes what a scrub left: its copy, its place, and what it found.
    pub(crate) fn forget_scrub(store: &Path) -> Result<(), StoreError> {
        Self::forget_frozen(store)?;
        let folder = Self::scrub_folder(store);
        let remove = || {
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            std::fs::File::open(store)?.sync_all()
        };
        remove().map_err(|reason| StoreError::failed("removing what a scrub left", reason))
    }

    /// Removes the copy of a scrub and what it derived. What it found stands: that is for `check` to take back.
    pub(crate) fn forget_frozen(store: &Path) -> Result<(), StoreError> {
        let (folder, going) = (Self::scrub_folder(store), store.join("scrub.going"));
        let remove = || {
            // If we stopped in between the last time.
            if going.exists() {
                std::fs::remove_dir_all(&going)?;
            }
            std::fs::create_dir(&going)?;
            for part in FROZEN {
                // At one moment, and the log first: who still reads the copy sees that it is not there any more.
                match std::fs::rename(folder.join(part), going.join(part)) {
                    Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => {}
                    moved => moved?,
                }
            }
            if folder.exists() {
                std::fs::File::open(&folder)?.sync_all()?;
            }
            std::fs::remove_dir_all(&going)?;
            std::fs::File::open(store)?.sync_all()
        };
        remove().map_err(|reason| StoreError::failed("removing the copy of a scrub", reason))
    }

    /// Bytes of the rows that a comparison of the projections derives again, about.
    pub(crate) fn projection_bytes(&self) -> u64 {
        use crate::store::database::Property;
        Column::PROJECTIONS.iter().map(|column| self.truth.number(*column, Property::Bytes)).sum()
    }
}
