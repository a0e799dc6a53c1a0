//! Are these one history? Checkpoints that several parties were given, held against each other.
//!
//! Two checkpoints of one size are one history if their roots are equal; of two sizes, if the tiles of a log show that the
//! smaller tree is the beginning of the larger, or what a bundle shows of its tree does. Where nothing shows either, nothing is concluded. Two histories under
//! keys of one log are a fork, and the proof of it convinces a third party who has the trust file.
//!
//! Not here: whether a history keeps the rules (`audit`), and files (the command). Specification: `specs/audit.md`.

mod fork;
mod shown;
mod text;

pub use fork::{Disagreement, Fork, ForkError, ForkProof, Included};
pub use shown::{Shown, ShownWalk, by_bundle};

use crate::audit::{Fault, log_keys};
use crate::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use crate::hash::{Hash, log_leaf};
use crate::mirror::{Folder, MirrorError, MirrorReader};
use crate::tree::{check_consistency, check_inclusion};
use crate::trust::Trust;
use thiserror::Error;
use zegel_proto::v1::{AuditEntry, Receipt};

/// Why something cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum SeenError {
    #[error(
        "nothing says which key signs checkpoints of this log: a mirror, a bundle, or a trust file with a log line does"
    )]
    NoLogKey,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("a hash of the receipt has {found} bytes, wanted 32")]
    Hash { found: usize },
    #[error("entry {index} is not under the receipt's own checkpoint")]
    NotIncluded { index: u64 },
}

/// The keys that a root has named for its log, with what shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogKeys {
    keys: Vec<[u8; 32]>,
    evidence: Vec<AuditEntry>,
}

impl LogKeys {
    /// The key that a trust file pins: then no other counts.
    #[must_use]
    pub fn pinned(trust: &Trust) -> Self {
        Self { keys: trust.log_key().copied().into_iter().collect(), evidence: Vec::new() }
    }

    /// The keys that registry entries name, from genesis on, under the root of the trust file.
    ///
    /// # Errors
    /// [`Fault`]: an entry that does not hold.
    pub fn of_registry(trust: &Trust, evidence: Vec<AuditEntry>) -> Result<Self, Fault> {
        Ok(Self { keys: log_keys(trust, &evidence)?, evidence })
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Verifies a note under any of the keys.
    ///
    /// # Errors
    /// [`SeenError`]: no key, no checkpoint, or signed by none of them.
    pub fn verify(&self, origin: &str, note: &[u8]) -> Result<VerifiedCheckpoint, SeenError> {
        let claimed = ClaimedCheckpoint::parse(note)?;
        let mut refused = SeenError::NoLogKey;
        for key in self.keys.iter().rev() {
            match VerifiedCheckpoint::verify(claimed.clone(), origin, key) {
                Ok(verified) => return Ok(verified),
                Err(reason) => refused = reason.into(),
            }
        }
        Err(refused)
    }
}

/// A checkpoint that somebody was given, verified; with the entry that a receipt has under it, or those that a bundle shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    note: Vec<u8>,
    checkpoint: VerifiedCheckpoint,
    included: Vec<Included>,
}

impl Seen {
    /// A signed note.
    ///
    /// # Errors
    /// [`SeenError`].
    pub fn note(keys: &LogKeys, origin: &str, note: &[u8]) -> Result<Self, SeenError> {
        Ok(Self { note: note.to_vec(), checkpoint: keys.verify(origin, note)?, included: Vec::new() })
    }

    /// A receipt, whose entry must be under its own checkpoint.
    ///
    /// # Errors
    /// [`SeenError`].
    pub fn receipt(keys: &LogKeys, origin: &str, receipt: &Receipt) -> Result<Self, SeenError> {
        let seen = Self::note(keys, origin, &receipt.checkpoint)?;
        let read = |bytes: &Vec<u8>| Hash::read(bytes).ok_or(SeenError::Hash { found: bytes.len() });
        let path = receipt.inclusion.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let index = receipt.index;
        seen.checkpoint
            .check_inclusion(log_leaf(&receipt.entry), index, &path)
            .map_err(|_| SeenError::NotIncluded { index })?;
        Ok(Self { included: vec![Included { index, entry: receipt.entry.clone(), path }], ..seen })
    }

    /// The same with the entries that a bundle shows under it.
    #[must_use]
    pub fn showing(self, shown: &Shown) -> Self {
        Self { included: shown.included().to_vec(), ..self }
    }

    /// Index of the entry that a receipt has under it.
    pub fn indexes(&self) -> impl Iterator<Item = u64> {
        self.included.iter().map(|included| included.index)
    }

    /// Entries in the log that it signs.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.checkpoint.size()
    }

    /// Root over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.checkpoint.root()
    }
}

/// What two checkpoints are to each other, as far as it can be shown.
#[derive(Debug)]
pub enum Relation {
    /// One history.
    Same,
    /// Two histories of one log: the proof.
    Fork(Box<ForkProof>),
    /// Nothing that was given shows either.
    Unknown,
}

/// Compares two by themselves: equal sizes, or an entry that both have, as receipts and bundles do.
#[must_use]
pub fn by_themselves(keys: &LogKeys, origin: &str, one: &Seen, other: &Seen) -> Relation {
    let (one, other) = if one.size() <= other.size() { (one, other) } else { (other, one) };
    let fork = |disagreement| Relation::Fork(Box::new(proof(keys, origin, one, other, disagreement)));
    if one.size() == other.size() {
        return if one.root() == other.root() { Relation::Same } else { fork(Disagreement::Roots) };
    }
    let differs = |first: &Included, second: &Included| first.index == second.index && first.entry != second.entry;
    for first in &one.included {
        if let Some(second) = other.included.iter().find(|second| differs(first, second)) {
            return fork(Disagreement::Entries { first: first.clone(), second: second.clone() });
        }
    }
    Relation::Unknown
}

/// Compares a checkpoint with the newest one of a mirror, by the mirror's tiles.
///
/// # Errors
/// [`MirrorError`] if the tiles cannot be read, or do not lead to the mirror's own checkpoint.
pub fn by_mirror<F: Folder>(
    keys: &LogKeys,
    origin: &str,
    one: &Seen,
    newest: &Seen,
    mirror: &MirrorReader<F>,
) -> Result<Relation, MirrorError> {
    let (from, to) = (one.size(), newest.size());
    if from > to || from == 0 || to > mirror.size() {
        return Ok(by_themselves(keys, origin, one, newest));
    }
    let hashes = mirror.consistency_proof(from, to)?;
    if check_consistency(from, one.root(), to, newest.root(), &hashes).is_ok() {
        return Ok(Relation::Same);
    }
    let (prefix, rest) = (mirror.subtrees(0, from)?, mirror.subtrees(from, to)?);
    let proof = proof(keys, origin, one, newest, Disagreement::Prefix { prefix, rest });
    let own = || MirrorError::Malformed { path: "tile".into(), wanted: "the tiles of the mirror's own checkpoint" };
    proof.check_disagreement(&one.checkpoint, &newest.checkpoint).map_err(|_| own())?;
    Ok(Relation::Fork(Box::new(proof)))
}

fn proof(keys: &LogKeys, origin: &str, first: &Seen, second: &Seen, disagreement: Disagreement) -> ForkProof {
    ForkProof {
        origin: origin.into(),
        registry: keys.evidence.clone(),
        first: first.note.clone(),
        second: second.note.clone(),
        disagreement,
    }
}

fn is_included(at: &Included, checkpoint: &VerifiedCheckpoint) -> bool {
    check_inclusion(log_leaf(&at.entry), at.index, checkpoint.size(), &at.path, checkpoint.root()).is_ok()
}
