//! The proof of a fork: two checkpoints under keys of one log, and what shows that their trees cannot be one.
//!
//! It rests on the trust file alone: the registry entries in it are signed by the root, and name the keys.

use super::{LogKeys, SeenError, is_included};
use crate::audit::Fault;
use crate::checkpoint::VerifiedCheckpoint;
use crate::hash::Hash;
use crate::tree::{Frontier, gap_subtrees};
use crate::trust::Trust;
use thiserror::Error;
use zegel_proto::v1::AuditEntry;

/// Why a file proves no fork.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum ForkError {
    #[error("line {line} is not what a fork proof has there")]
    Malformed { line: usize },
    #[error("the proof is of log {found:?}, the trust file of {wanted:?}")]
    OtherLog { found: String, wanted: String },
    #[error("its registry does not hold under the root of the trust file: {0}")]
    Registry(Fault),
    #[error("{which} checkpoint: {reason}")]
    Checkpoint { which: &'static str, reason: SeenError },
    #[error("the two checkpoints do not disagree: {reason}")]
    NoFork { reason: &'static str },
}

/// An entry under a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// Its index.
    pub index: u64,
    /// Its bytes.
    pub entry: Vec<u8>,
    /// Inclusion path (RFC 6962 2.1.1).
    pub path: Vec<Hash>,
}

/// What shows that two trees cannot be one history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disagreement {
    /// Two roots for one size.
    Roots,
    /// The second tree begins with another root than the first: hashes of the maximal complete subtrees of its first entries,
    /// as many as the first tree has, and of the rest.
    Prefix {
        /// Of the entries that the first tree has too.
        prefix: Vec<Hash>,
        /// Of those after them.
        rest: Vec<Hash>,
    },
    /// Two entries at one index.
    Entries {
        /// Under the first checkpoint.
        first: Included,
        /// Under the second.
        second: Included,
    },
}

/// A proof, not yet verified.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkProof {
    pub(super) origin: String,
    /// Registry entries that name the log's keys; none where the trust file pins the key.
    pub(super) registry: Vec<AuditEntry>,
    pub(super) first: Vec<u8>,
    pub(super) second: Vec<u8>,
    pub(super) disagreement: Disagreement,
}

/// A fork that was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Name of the log.
    pub origin: String,
    /// Size and root of the first checkpoint.
    pub first: (u64, Hash),
    /// Size and root of the second.
    pub second: (u64, Hash),
    /// "roots", "prefix" or "entries".
    pub by: &'static str,
}

impl ForkProof {
    /// Verifies the proof under a trust file.
    ///
    /// # Errors
    /// [`ForkError`]: it proves nothing.
    pub fn verify(&self, trust: &Trust) -> Result<Fork, ForkError> {
        if self.origin != trust.origin() {
            return Err(ForkError::OtherLog { found: self.origin.clone(), wanted: trust.origin().into() });
        }
        let keys = match trust.log_key() {
            Some(_) => LogKeys::pinned(trust),
            None => LogKeys::of_registry(trust, self.registry.clone()).map_err(ForkError::Registry)?,
        };
        let verify = |which, note: &[u8]| {
            keys.verify(&self.origin, note).map_err(|reason| ForkError::Checkpoint { which, reason })
        };
        let (first, second) = (verify("the first", &self.first)?, verify("the second", &self.second)?);
        self.check_disagreement(&first, &second)?;
        let by = match &self.disagreement {
            Disagreement::Roots => "roots",
            Disagreement::Prefix { .. } => "prefix",
            Disagreement::Entries { .. } => "entries",
        };
        let of = |checkpoint: &VerifiedCheckpoint| (checkpoint.size(), checkpoint.root());
        Ok(Fork { origin: self.origin.clone(), first: of(&first), second: of(&second), by })
    }

    pub(super) fn check_disagreement(
        &self,
        first: &VerifiedCheckpoint,
        second: &VerifiedCheckpoint,
    ) -> Result<(), ForkError> {
        let disagrees = match &self.disagreement {
            Disagreement::Roots => first.size() == second.size() && first.root() != second.root(),
            Disagreement::Prefix { prefix, rest } => begins_otherwise(first, second, prefix, rest),
            Disagreement::Entries { first: one, second: other } => {
                let both = is_included(one, first) && is_included(other, second);
                both && one.index == other.index && one.entry != other.entry
            }
        };
        let reason = "what it shows holds for one history too, or does not lead to their roots";
        if disagrees { Ok(()) } else { Err(ForkError::NoFork { reason }) }
    }
}

/// The second tree, put together from these hashes, has its own root, and begins with another than the first's.
fn begins_otherwise(first: &VerifiedCheckpoint, second: &VerifiedCheckpoint, prefix: &[Hash], rest: &[Hash]) -> bool {
    let (from, to) = (first.size(), second.size());
    let Some(mut edge) = Frontier::restore(from, prefix.to_vec()).filter(|_| from < to) else { return false };
    let begins = edge.root();
    let mut hashes = rest.iter();
    for subtree in gap_subtrees(from, to) {
        let Some(hash) = hashes.next() else { return false };
        edge.push_subtree(subtree.level, *hash);
    }
    hashes.next().is_none() && edge.root() == second.root() && begins != first.root()
}
