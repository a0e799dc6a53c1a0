//! What was signed and has no receipt yet: one file per batch, whole or not there.

use super::SourceError;
use crate::disk::{self, DiskError, failed};
use prost::Message;
use std::fs;
use std::path::{Path, PathBuf};
use zegel_proto::v1::AppendRequest;

/// Batches that were refused are kept for whoever asks why: the newest two windows of them. What they hold is still where
/// it came from.
const REFUSED_MAX: usize = 32;

/// A folder of batches, by number.
#[derive(Clone, Debug)]
pub struct Outbox {
    folder: PathBuf,
    refused: PathBuf,
}

impl Outbox {
    /// Opens the outbox of a spool.
    ///
    /// # Errors
    /// [`SourceError::Disk`].
    pub fn open(spool: &Path) -> Result<Self, SourceError> {
        let outbox = Self { folder: spool.join("outbox"), refused: spool.join("refused") };
        disk::create_folder(&outbox.folder)?;
        disk::create_folder(&outbox.refused)?;
        Ok(outbox)
    }

    fn path(&self, batch_seq: u64) -> PathBuf {
        self.folder.join(format!("{batch_seq:020}.append"))
    }

    /// Keeps a batch. When this returns, a crash cannot lose it.
    ///
    /// # Errors
    /// [`SourceError::Disk`].
    pub fn put(&self, batch_seq: u64, request: &AppendRequest) -> Result<(), SourceError> {
        Ok(disk::write_durably(&self.path(batch_seq), &request.encode_to_vec())?)
    }

    /// Numbers of the batches that wait, ascending.
    ///
    /// # Errors
    /// [`SourceError::Disk`], [`SourceError::Malformed`] for a file that is none of ours.
    pub fn pending(&self) -> Result<Vec<u64>, SourceError> {
        let number = |path: PathBuf| {
            let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            number.ok_or_else(|| malformed(&path))
        };
        disk::list(&self.folder, "append")?.into_iter().map(number).collect()
    }

    /// Reads a batch back.
    ///
    /// # Errors
    /// [`SourceError::Disk`], [`SourceError::Malformed`].
    pub fn load(&self, batch_seq: u64) -> Result<AppendRequest, SourceError> {
        let path = self.path(batch_seq);
        AppendRequest::decode(disk::read(&path)?.as_slice()).map_err(|_| malformed(&path))
    }

    /// Lets go of a batch whose receipt is stored.
    ///
    /// # Errors
    /// [`SourceError::Disk`].
    pub fn remove(&self, batch_seq: u64) -> Result<(), SourceError> {
        Ok(disk::remove(&self.path(batch_seq))?)
    }

    /// Moves all that waits to the folder `refused`, of which the newest are kept: what hangs on a refused batch cannot be
    /// appended either.
    ///
    /// # Errors
    /// [`SourceError::Disk`].
    pub fn refuse(&self) -> Result<(), SourceError> {
        let first = self.refused()?.last().map_or(0, |(times, _)| times + 1);
        // Last first: a crash in between must not leave the followers of a batch that is gone.
        for (times, batch_seq) in (first..).zip(self.pending()?.into_iter().rev()) {
            let from = self.path(batch_seq);
            let to = self.refused.join(format!("{batch_seq:020}-{times}.append"));
            let moved = || fs::rename(&from, &to).and_then(|()| disk::sync_folder_of(&from));
            moved().map_err(failed(&from)).map_err(|error: DiskError| SourceError::Disk(error))?;
        }
        let refused = self.refused()?;
        let old = refused.len().saturating_sub(REFUSED_MAX);
        refused.iter().take(old).try_for_each(|(_, path)| Ok(disk::remove(path)?))
    }

    /// What was refused, oldest first: the same batch number may be refused more than once, so each has one of its own.
    fn refused(&self) -> Result<Vec<(u64, PathBuf)>, SourceError> {
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.split_once('-')?.1.parse().ok();
        let paths = disk::list(&self.refused, "append")?.into_iter();
        let mut refused: Vec<(u64, PathBuf)> = paths.map(|path| (number(&path).unwrap_or(0), path)).collect();
        refused.sort();
        Ok(refused)
    }
}

fn malformed(path: &Path) -> SourceError {
    SourceError::Malformed { path: path.display().to_string(), wanted: "a batch of the outbox" }
}
