//! Copies of a database: lines of backups, and one by hard links that is read at once.

use super::{Column, Database, options};
use crate::store::StoreError;
use rocksdb::backup::{BackupEngine, BackupEngineOptions, RestoreOptions};
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{BlockBasedOptions, Env, Options};
use std::path::Path;

/// For a copy that is read once, from left to right, and from the disk: nothing is cached, nothing is merged.
fn frozen_options(reads: Reads) -> Options {
    let mut options = options();
    options.set_disable_auto_compactions(true);
    options.set_max_open_files(64);
    options.set_use_direct_reads(matches!(reads, Reads::Direct));
    let mut table = BlockBasedOptions::default();
    table.disable_cache();
    options.set_block_based_table_factory(&table);
    options
}

/// Whether the cache of the system is asked.
#[derive(Clone, Copy)]
enum Reads {
    Direct,
    Buffered,
}

impl Database {
    /// Opens a copy that [`Self::freeze`] made. Where the file system knows no direct reads, the system's cache is believed.
    pub(in crate::store) fn open_frozen(path: &Path, columns: &[Column]) -> Result<Self, StoreError> {
        Self::open_with(path, columns, || frozen_options(Reads::Direct))
            .or_else(|_| Self::open_with(path, columns, || frozen_options(Reads::Buffered)))
    }

    /// Links the files of the database as it is now into a folder that is not there yet, while it is written.
    pub(in crate::store) fn freeze(&self, to: &Path) -> Result<(), StoreError> {
        let failed = |reason: rocksdb::Error| StoreError::failed("freezing a database", reason);
        Checkpoint::new(&self.db).and_then(|line| line.create_checkpoint(to)).map_err(failed)
    }

    /// Copies the database as it is now into a line of copies, while it is written, and looks whether all of it is there.
    /// Gives the number of the copy.
    pub(in crate::store) fn back_up(&self, to: &Path) -> Result<u32, StoreError> {
        let failed = |reason: rocksdb::Error| StoreError::failed("copying a database", reason);
        let mut line = line_of_copies(to)?;
        // Memtables become files, which are copied once; logs would be copied whole each time.
        line.create_new_backup_flush(&self.db, true).map_err(failed)?;
        let none = StoreError::Missing { what: "copy of a database", number: 0 };
        let newest = numbers(&line).last().copied().ok_or(none)?;
        line.verify_backup(newest).map_err(failed)?;
        Ok(newest)
    }
}

fn line_of_copies(folder: &Path) -> Result<BackupEngine, StoreError> {
    let failed = |reason: rocksdb::Error| StoreError::failed("opening a backup", reason);
    let mut options = BackupEngineOptions::new(folder).map_err(failed)?;
    options.set_sync(true);
    BackupEngine::open(&options, &Env::new().map_err(failed)?).map_err(failed)
}

fn numbers(line: &BackupEngine) -> Vec<u32> {
    line.get_backup_info().iter().map(|copy| copy.backup_id).collect()
}

/// Numbers of the copies in a line, ascending.
pub(in crate::store) fn copies_in(folder: &Path) -> Result<Vec<u32>, StoreError> {
    line_of_copies(folder).map(|line| numbers(&line))
}

/// Forgets the copies of a line that are older than one.
pub(in crate::store) fn forget_copies(folder: &Path, oldest: u32) -> Result<(), StoreError> {
    let mut line = line_of_copies(folder)?;
    let kept = numbers(&line).iter().filter(|number| **number >= oldest).count();
    line.purge_old_backups(kept).map_err(|reason| StoreError::failed("forgetting old copies", reason))
}

/// Puts a copy of a database into an empty place.
pub(in crate::store) fn restore_database(from: &Path, to: &Path, copy: u32) -> Result<(), StoreError> {
    let failed = |reason: rocksdb::Error| StoreError::failed("putting a database back", reason);
    let mut line = line_of_copies(from)?;
    line.restore_from_backup(to, to, &RestoreOptions::default(), copy).map_err(failed)
}
