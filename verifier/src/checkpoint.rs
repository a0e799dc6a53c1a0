//! Checkpoints (c2sp.org/tlog-checkpoint): origin, size, root; no extension lines.
//!
//! Trust is a type: [`VerifiedCheckpoint`] comes from [`VerifiedCheckpoint::verify`] and from nowhere else. A size that a
//! proof may rest on for the time being is a [`ClaimedCheckpoint`], which says so.

use crate::hash::Hash;
use crate::note::{Note, NoteError, TYPE_ED25519, VerifierKey};
use crate::tree::{ProofError, check_consistency, check_inclusion};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Not a signed note, or not signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not three lines of the form that the specification gives.
    #[error("the note is not a checkpoint: three lines are wanted, origin, size in decimal, root in base64")]
    Malformed,
    /// Of another log.
    #[error("the checkpoint is of log {found:?}, wanted {wanted:?}")]
    OtherOrigin {
        /// Origin in the checkpoint.
        found: String,
        /// Origin that is trusted.
        wanted: String,
    },
}

/// The text of a checkpoint, which is what a log signs.
#[must_use]
pub fn print(origin: &str, size: u64, root: Hash) -> String {
    format!("{origin}\n{size}\n{}\n", STANDARD.encode(root.0))
}

/// Origin, size and root of a text, if it is that of a checkpoint.
pub(crate) fn read(text: &str) -> Option<(String, u64, Hash)> {
    let mut lines = text.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let size = size.parse::<u64>().ok()?;
    let root = Hash::read(&STANDARD.decode(root).ok()?)?;
    // Printed back: "007", "+7" and extension lines are all refused here.
    (print(origin, size, root) == text && !origin.is_empty()).then(|| (origin.to_owned(), size, root))
}

/// A checkpoint whose signature has not been verified: enough to walk by, not to conclude from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedCheckpoint {
    note: Note,
    origin: String,
    size: u64,
    root: Hash,
}

impl ClaimedCheckpoint {
    /// Reads a note as a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] if it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        let (origin, size, root) = read(note.text()).ok_or(CheckpointError::Malformed)?;
        Ok(Self { note, origin, size, root })
    }

    /// The log that it claims to be of.
    #[must_use]
    pub fn claimed_origin(&self) -> &str {
        &self.origin
    }

    /// The root that it claims.
    #[must_use]
    pub fn claimed_root(&self) -> Hash {
        self.root
    }

    /// The size that it claims: provisional until [`VerifiedCheckpoint::verify`].
    #[must_use]
    pub fn claimed_size(&self) -> u64 {
        self.size
    }
}

/// A checkpoint signed by the key of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    claimed: ClaimedCheckpoint,
}

impl VerifiedCheckpoint {
    /// Verifies the log's signature and its origin.
    ///
    /// # Errors
    /// [`CheckpointError`]: another origin, no signature by this key, or a wrong one.
    pub fn verify(claimed: ClaimedCheckpoint, origin: &str, log_key: &[u8; 32]) -> Result<Self, CheckpointError> {
        if claimed.origin != origin {
            return Err(CheckpointError::OtherOrigin { found: claimed.origin, wanted: origin.into() });
        }
        claimed.note.verify(&VerifierKey::new(origin, TYPE_ED25519, *log_key)?)?;
        Ok(Self { claimed })
    }

    /// Verifies the log's signature by any of its keys: while a log changes its key, both sign.
    ///
    /// # Errors
    /// [`CheckpointError`]: another origin, no signature by any of these keys, or a wrong one by one of them.
    pub fn verify_any(
        claimed: ClaimedCheckpoint,
        origin: &str,
        log_keys: &[[u8; 32]],
    ) -> Result<Self, CheckpointError> {
        let mut result = Err(CheckpointError::Note(NoteError::Unsigned { name: origin.into() }));
        for log_key in log_keys {
            match Self::verify(claimed.clone(), origin, log_key) {
                Ok(verified) => result = Ok(verified),
                Err(CheckpointError::Note(NoteError::Unsigned { .. })) => {}
                Err(other) => return Err(other),
            }
        }
        result
    }

    /// What a cosigner of this checkpoint signs at a time in seconds since 1970 (c2sp.org/tlog-cosignature).
    #[must_use]
    pub fn cosignature_message(&self, time_s: u64) -> Vec<u8> {
        self.note().cosignature_message(time_s)
    }

    /// Entries in the log.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.claimed.size
    }

    /// Root over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.claimed.root
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.claimed.origin
    }

    /// The note, for cosignatures.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.claimed.note
    }

    /// Checks that a leaf is in this log.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn check_inclusion(&self, leaf: Hash, index: u64, proof: &[Hash]) -> Result<(), ProofError> {
        check_inclusion(leaf, index, self.size(), proof, self.root())
    }

    /// Checks that this log is a continuation of an older checkpoint of it.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn check_extends(&self, older: &Self, proof: &[Hash]) -> Result<(), ProofError> {
        check_consistency(older.size(), older.root(), self.size(), self.root(), proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(text: &str) -> Result<ClaimedCheckpoint, CheckpointError> {
        ClaimedCheckpoint::parse(format!("{text}\n— a AAAAAAA=\n").as_bytes())
    }

    #[test]
    fn reads_what_it_prints() {
        let checkpoint = claimed(&print("example.nl/log", 7, Hash([9; 32]))).expect("a checkpoint");
        assert_eq!((checkpoint.claimed_size(), checkpoint.root), (7, Hash([9; 32])));
    }

    #[test]
    fn refuses_sizes_that_print_otherwise_and_extension_lines() {
        let good = print("example.nl/log", 7, Hash([9; 32]));
        for size in ["007", "+7", " 7", "7 ", "", "-7", "18446744073709551616"] {
            let bad = good.replacen("\n7\n", &format!("\n{size}\n"), 1);
            assert_eq!(claimed(&bad), Err(CheckpointError::Malformed), "{size:?}");
        }
        assert_eq!(claimed(&format!("{good}extension\n")), Err(CheckpointError::Malformed));
    }
}
