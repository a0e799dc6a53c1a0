//! The trust file: everything that a verifier takes on trust, in the language of C2SP tlog-policy.
//!
//! Two words are ours: `root <vkey>` pins the ministry's root key under the log's origin, from which every other key
//! follows; `auditor <name> <vkey>` names a witness that replays the whole log before it cosigns. The rest is tlog-policy:
//! `log`, `witness`, `group`, `quorum`. Specification: `specs/trust-file.md`.

mod policy;

pub use policy::{Demand, Policy, Vouched, Witness};

use crate::checkpoint::VerifiedCheckpoint;
use crate::note::{NoteError, VerifierKey};
use policy::Reader;
use thiserror::Error;

/// Bytes of a trust file.
pub const TRUST_BYTES_MAX: usize = 64 * 1024;

/// Why a trust file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrustError {
    /// Too large, or not text of the allowed octets.
    #[error("the trust file is not text of at most {TRUST_BYTES_MAX} bytes")]
    NotText,
    /// A line that is none of the language.
    #[error("line {line} of the trust file is not understood: {found:?}")]
    UnknownLine {
        /// Counted from 1.
        line: usize,
        /// The line.
        found: String,
    },
    /// A key that does not parse or has the wrong type.
    #[error("line {line} of the trust file: {reason}")]
    Key {
        /// Counted from 1.
        line: usize,
        /// Why.
        reason: NoteError,
    },
    /// A name that is taken, not defined before its use, or not the log's.
    #[error("line {line} of the trust file: the name {name:?} is {problem}")]
    Name {
        /// Counted from 1.
        line: usize,
        /// The name.
        name: String,
        /// "taken", "not defined before", "a member of two groups" or "not the origin".
        problem: &'static str,
    },
    /// No root, or two.
    #[error("a trust file pins exactly one root key, {found} were found")]
    Roots {
        /// How many.
        found: usize,
    },
    /// Two quorum lines, or a threshold that cannot be met.
    #[error("line {line} of the trust file: the quorum cannot be met or is stated twice")]
    Quorum {
        /// Counted from 1.
        line: usize,
    },
}

/// A trust file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    root: VerifierKey,
    policy: Policy,
}

impl Trust {
    /// Reads a trust file.
    ///
    /// # Errors
    /// [`TrustError`] with the line that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        let (roots, policy, log_line) = Reader::read(bytes)?;
        let found = roots.len();
        let mut roots = roots.into_iter();
        let (Some(root), None) = (roots.next(), roots.next()) else {
            return Err(TrustError::Roots { found });
        };
        policy.check_origin(root.name(), log_line)?;
        Ok(Self { root, policy })
    }

    /// Origin of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.root.name()
    }

    /// The ministry's root key.
    #[must_use]
    pub fn root_key(&self) -> &[u8; 32] {
        self.root.key()
    }

    /// Who vouches, and how many of them are wanted.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The log's key, if the file pins it as well.
    #[must_use]
    pub fn log_key(&self) -> Option<&[u8; 32]> {
        self.policy.log().map(VerifierKey::key)
    }

    /// Whose cosignatures count.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        self.policy.witnesses()
    }

    /// As [`Policy::vouched`].
    ///
    /// # Errors
    /// As [`Policy::vouched`].
    pub fn vouched(&self, checkpoint: &VerifiedCheckpoint) -> Result<Vec<Vouched>, NoteError> {
        self.policy.vouched(checkpoint)
    }

    /// As [`Policy::is_quorum`].
    #[must_use]
    pub fn is_quorum(&self, vouched: &[Vouched]) -> bool {
        self.policy.is_quorum(vouched)
    }
}
