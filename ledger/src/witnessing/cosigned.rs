//! The newest cosigned checkpoint: a signed note with the lines of those who vouched, in a file of the store's folder.
//!
//! It is no truth of the log: it follows from what the witnesses said, and can be asked for again. So what does not read,
//! or is not of this log, is told and passed over. Written whole or not at all, and synced.

use crate::sequencer::OpenLog;
use crate::store::StoreError;
use crate::tree;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use thiserror::Error;
use zegel_verifier::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::Hash;
use zegel_verifier::note::NoteError;
use zegel_verifier::trust::{Policy, Vouched};

/// Why a stored note is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum CosignedError {
    #[error("reading it failed: {reason}")]
    Unreadable { reason: String },
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("a cosignature is wrong: {0}")]
    Cosignature(#[from] NoteError),
    #[error("it is of {found} entries with root {root}, which this log of {size} entries does not have")]
    OtherLog { found: u64, root: Hash, size: u64 },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A checkpoint under which a quorum stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cosigned {
    /// Entries.
    pub(crate) size: u64,
    /// Signed note, with the cosignatures.
    pub(crate) note: Vec<u8>,
    /// When the quorum was complete, by the witnesses' clocks; milliseconds since 1970.
    pub(crate) at_ms: u64,
}

/// A note with the cosignatures that the policy knows.
pub(super) struct Read {
    pub(super) checkpoint: VerifiedCheckpoint,
    pub(super) vouched: Vec<Vouched>,
}

/// Reads the file; `None` if there is none.
pub(super) fn read(
    path: &Path,
    log: &OpenLog,
    log_keys: &[[u8; 32]],
    policy: &Policy,
) -> Result<Option<Read>, CosignedError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(reason) if reason.kind() == ErrorKind::NotFound => return Ok(None),
        Err(reason) => return Err(CosignedError::Unreadable { reason: reason.to_string() }),
    };
    let checkpoint = VerifiedCheckpoint::verify_any(ClaimedCheckpoint::parse(&bytes)?, log.origin(), log_keys)?;
    let view = log.view();
    let (found, root) = (checkpoint.size(), checkpoint.root());
    if found > view.size || tree::root_at(&log.tree(&view), found)? != root {
        return Err(CosignedError::OtherLog { found, root, size: view.size });
    }
    let vouched = policy.vouched(&checkpoint)?;
    Ok(Some(Read { checkpoint, vouched }))
}

/// Replaces the file: when this returns, it is durable.
pub(super) fn write(path: &Path, note: &[u8]) -> std::io::Result<()> {
    let next = path.with_extension("next");
    let mut file = File::create(&next)?;
    file.write_all(note)?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
