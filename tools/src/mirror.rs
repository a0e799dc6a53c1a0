//! Copying a log for auditors: entries, headers, digests of what lies sealed, and every checkpoint that was seen.
//!
//! No key is needed and no content comes along. A copy that stopped goes on where it was. Whether the log is good is not
//! asked here (`zegel-verifier audit`): only that the entries lead to the root that came with them.
//! Specification: `specs/audit.md`.

mod folder;

pub use folder::DiskFolder;

use crate::disk::DiskError;
use crate::source::{Connection, LedgerError};
use std::path::Path;
use thiserror::Error;
use zegel_proto::v1::ReadEntriesRequest;
use zegel_verifier::mirror::{MirrorError, MirrorWriter};

/// Times that a stream of entries is begun again without progress.
const ATTEMPTS_MAX: u32 = 5;

/// Why a log could not be copied. What was copied stays.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The folder, or entries that do not lead to the log's root.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The ledger refused, or was not there.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The ledger has fewer entries than were copied from it.
    #[error(
        "the ledger signs {found} entries, {held} were copied from it before: its tail was cut off, or it is another log"
    )]
    Shorter {
        /// Size of its newest checkpoint.
        found: u64,
        /// Entries in the mirror.
        held: u64,
    },
    /// Another process writes this mirror.
    #[error("{path} is in use by another process")]
    Locked {
        /// The lock file.
        path: String,
    },
    /// The stream of entries broke off every time.
    #[error("the entries broke off at {at}, {attempts} times: {reason}")]
    BrokenOff {
        /// The next entry.
        at: u64,
        /// How often.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
}

/// What a copy has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Entries before.
    pub from: u64,
    /// Entries now.
    pub size: u64,
}

/// Copies the log `origin` into a folder, up to its newest checkpoint. `progress` hears how many entries are there, and how
/// many there will be.
///
/// # Errors
/// [`CopyError`].
pub async fn mirror(
    connection: &Connection,
    origin: &str,
    out: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<Copied, CopyError> {
    let mut writer = MirrorWriter::open(DiskFolder::create(out)?, origin)?;
    let from = writer.size();
    let note = connection.newest_checkpoint().await?;
    // Kept before anything else: whatever comes of it, it was signed.
    let to = writer.keep_checkpoint(&note)?.claimed_size();
    if to < from {
        return Err(CopyError::Shorter { found: to, held: from });
    }
    let mut attempts = 0;
    while writer.size() < to {
        let before = writer.size();
        let Err(reason) = read_on(connection, origin, &mut writer, to, &mut progress).await? else { continue };
        attempts = if writer.size() > before { 1 } else { attempts + 1 };
        if attempts >= ATTEMPTS_MAX {
            return Err(CopyError::BrokenOff { at: writer.size(), attempts, reason });
        }
    }
    Ok(Copied { from, size: writer.finish(&note)? })
}

/// Reads one stream of entries to its end: inside, why it broke off, if it did.
async fn read_on(
    connection: &Connection,
    origin: &str,
    writer: &mut MirrorWriter<DiskFolder>,
    to: u64,
    progress: &mut impl FnMut(u64, u64),
) -> Result<Result<(), String>, CopyError> {
    let from = writer.size();
    let request = ReadEntriesRequest { origin: origin.into(), from, count: to - from };
    let mut stream = connection.audit_entries(&request).await?;
    loop {
        match stream.message().await {
            Ok(Some(entry)) => writer.take(entry)?,
            Ok(None) if writer.size() == from => return Ok(Err("no entry came".into())),
            Ok(None) => return Ok(Ok(())),
            Err(status) => return Ok(Err(status.to_string())),
        }
        progress(writer.size(), to);
    }
}
