//! Why a load was not run to its end.

use crate::disk::DiskError;
use crate::entropy::EntropyError;
use crate::event::EventError;
use crate::keys::KeyError;
use crate::seal::SealError;
use crate::source::{LedgerError, SourceError};
use thiserror::Error;
use tonic::Code;
use zegel_proto::CanonicalError;

/// Why a load was not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoadError {
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An event that cannot be made.
    #[error(transparent)]
    Event(#[from] EventError),
    /// A body that cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A message that breaks its grammar.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Registering, or checking a checkpoint.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The ledger was not there, or refused a question.
    #[error(transparent)]
    Ledger(LedgerError),
    /// A number outside its bounds.
    #[error("{found} {what}: wanted {min} to {max}")]
    Bounds {
        /// What is counted.
        what: &'static str,
        /// Found.
        found: u64,
        /// At least.
        min: u64,
        /// At most.
        max: u64,
    },
    /// The log has no genesis.
    #[error("the log has not begun: run zegel bootstrap first")]
    NotBegun,
    /// A file of the folder that no load wrote.
    #[error("{path} is not what a load wrote")]
    Malformed {
        /// The file.
        path: String,
    },
    /// The folder belongs to another log.
    #[error("the folder is of loads on {found}, this log is {wanted}: give each log a folder of its own")]
    OtherLog {
        /// Found.
        found: String,
        /// Wanted.
        wanted: String,
    },
    /// The ledger has more of a chain than was ever sealed here.
    #[error(
        "the ledger has {theirs} batches of load source {source_number}, here {ours} were sealed: is the folder a copy?"
    )]
    Chain {
        /// Which source.
        source_number: u32,
        /// Batches here.
        ours: u64,
        /// Batches there.
        theirs: u64,
    },
    /// What was sealed is gone, and the chains hang on it.
    #[error("{folder} misses batches that the ledger wants next: remove the folder, the next load makes new sources")]
    Lost {
        /// The folder.
        folder: String,
    },
    /// The ledger refused a batch, or went away.
    #[error("load source {source_number} was refused ({code:?}): {message}")]
    Refused {
        /// Which source.
        source_number: u32,
        /// The code.
        code: Code,
        /// In words.
        message: String,
    },
    /// A receipt does not hold.
    #[error("receipt of batch {batch_seq} of load source {source_number}: {reason}")]
    Unproven {
        /// Which source.
        source_number: u32,
        /// Which batch.
        batch_seq: u64,
        /// Why not.
        reason: String,
    },
    /// A task of our own failed.
    #[error("a task of the load failed: {reason}")]
    Task {
        /// As the runtime says.
        reason: String,
    },
}
