//! Why a source cannot go on.

use super::{LedgerError, ReceiptError, ViewError};
use crate::disk::DiskError;
use crate::entropy::EntropyError;
use crate::event::EventError;
use crate::keys::KeyError;
use crate::seal::{BlobError, SealError};
use thiserror::Error;
use zegel_proto::CanonicalError;
use zegel_verifier::hash::Hash;

/// Why a source cannot go on. What is in the outbox stays there, unless the ledger refused it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SourceError {
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
    /// An attachment.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A message of our own that breaks its grammar.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The ledger refused, or was not there.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A receipt that does not hold: the ledger is not to be trusted.
    #[error("receipt of batch {batch_seq}: {reason}")]
    Receipt {
        /// Which batch.
        batch_seq: u64,
        /// Why.
        reason: ReceiptError,
    },
    /// A checkpoint that does not hold.
    #[error("checkpoint: {0}")]
    Checkpoint(ReceiptError),
    /// A registry that does not hold under the pinned root.
    #[error("registry: {0}")]
    View(#[from] ViewError),
    /// The ledger's view of our chain is not ours.
    #[error(
        "the ledger expects batch {theirs} after {their_previous:?}, we would send batch {ours} after {our_previous:?}: \
         was this spool restored from an older state, or is another process this source?"
    )]
    ChainDiffers {
        /// Next batch by our state.
        ours: u64,
        /// Our last statement.
        our_previous: Option<Hash>,
        /// Next batch by the ledger.
        theirs: u64,
        /// The last statement that it has.
        their_previous: Option<Hash>,
    },
    /// Another process has this spool.
    #[error("{path} is in use by another process")]
    Locked {
        /// The lock file.
        path: String,
    },
    /// A file of the spool that is not what we wrote.
    #[error("{path} is not {wanted}")]
    Malformed {
        /// The file.
        path: String,
        /// What was expected.
        wanted: &'static str,
    },
}
