//! What a source demands of a receipt.

use thiserror::Error;
use zegel_proto::v1::{AppendRequest, Entry, Receipt, entry};
use zegel_proto::{CanonicalError, parse};
use zegel_verifier::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::{Hash, log_leaf};
use zegel_verifier::registry::Registry;
use zegel_verifier::tree::ProofError;

/// Why a receipt or checkpoint does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// The entry is not canonical.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The checkpoint is none, or not signed by the log's key.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Nothing says which key signs checkpoints of this size.
    #[error("no log key is known for a checkpoint of size {size}")]
    NoLogKey {
        /// The size.
        size: u64,
    },
    /// A hash that has no 32 bytes.
    #[error("hash {at} of the proof has {found} bytes, wanted 32")]
    BadHash {
        /// Which one.
        at: usize,
        /// Its bytes.
        found: usize,
    },
    /// The entry holds another batch than ours.
    #[error("entry {index} holds another batch than the one that was sent")]
    OtherBatch {
        /// Index.
        index: u64,
    },
    /// The entry is not in the log.
    #[error("entry {index} is not under the checkpoint: {reason}")]
    NotIncluded {
        /// Index.
        index: u64,
        /// Why.
        reason: ProofError,
    },
    /// The log is not a continuation of what we saw before.
    #[error("the log of {to} entries is no continuation of the log of {from} that we saw: {reason}")]
    Inconsistent {
        /// The smaller size.
        from: u64,
        /// The larger size.
        to: u64,
        /// Why.
        reason: ProofError,
    },
    /// The log has less than what we saw: it was put back, or this ledger follows another and is behind.
    #[error(
        "the log of {found} entries is no continuation of the log of {seen} that we saw: it was put back to an earlier \
         state, or this ledger is a follower that is behind"
    )]
    Shorter {
        /// Its size.
        found: u64,
        /// The size that we saw.
        seen: u64,
    },
}

/// Which keys may sign checkpoints.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogKeys<'a> {
    pub(super) origin: &'a str,
    pub(super) registry: Option<&'a Registry>,
    /// Counts only before genesis is known.
    pub(super) pinned: Option<&'a [u8; 32]>,
}

impl LogKeys<'_> {
    /// Verifies a checkpoint under the key that was the log's at its size.
    pub(super) fn verify(&self, note: &[u8]) -> Result<VerifiedCheckpoint, ReceiptError> {
        let claimed = ClaimedCheckpoint::parse(note)?;
        let size = claimed.claimed_size();
        let key = match self.registry {
            Some(registry) => registry.log_key(size),
            None => self.pinned,
        };
        let key = key.ok_or(ReceiptError::NoLogKey { size })?;
        Ok(VerifiedCheckpoint::verify(claimed, self.origin, key)?)
    }

    /// Checks that the entry of a receipt is in the log, and gives it with its checkpoint.
    pub(super) fn verify_receipt(&self, receipt: &Receipt) -> Result<(Entry, VerifiedCheckpoint), ReceiptError> {
        let entry: Entry = parse(&receipt.entry)?;
        let checkpoint = self.verify(&receipt.checkpoint)?;
        let index = receipt.index;
        checkpoint
            .check_inclusion(log_leaf(&receipt.entry), index, &hashes(&receipt.inclusion)?)
            .map_err(|reason| ReceiptError::NotIncluded { index, reason })?;
        Ok((entry, checkpoint))
    }
}

/// Checks off line that the entry of a receipt is in the log `origin`, under a registry that was checked.
///
/// # Errors
/// [`ReceiptError`].
pub fn verify_receipt(receipt: &Receipt, origin: &str, registry: &Registry) -> Result<Entry, ReceiptError> {
    let keys = LogKeys { origin, registry: Some(registry), pinned: None };
    keys.verify_receipt(receipt).map(|(entry, _)| entry)
}

/// Checks that the entry holds exactly the batch that was sent.
pub(super) fn check_ours(receipt: &Receipt, entry: &Entry, request: &AppendRequest) -> Result<(), ReceiptError> {
    match (&entry.content, &request.batch) {
        (Some(entry::Content::Batch(found)), Some(sent)) if found == sent => Ok(()),
        _ => Err(ReceiptError::OtherBatch { index: receipt.index }),
    }
}

pub(super) fn hashes(list: &[Vec<u8>]) -> Result<Vec<Hash>, ReceiptError> {
    let read =
        |(at, bytes): (usize, &Vec<u8>)| Hash::read(bytes).ok_or(ReceiptError::BadHash { at, found: bytes.len() });
    list.iter().enumerate().map(read).collect()
}
