//! Batches: what a source signs, and how its events and sealed forms hang under its two roots.
//!
//! Not here: whether the key may sign (`registry`), and the walk over the events that a bundle shows (`bundle`).
//! Specification: `specs/batch.md`.

use crate::hash::lanes::{self, sha256_all};
use crate::hash::{Hash, Tag, leaf, sha256};
use crate::signature::{CONTEXT_BATCH, KnownKeys, SignatureError};
use crate::tree::root_of;
use thiserror::Error;
use zegel_proto::v1::{BatchStatement, SealedBody, SignedBatch};
use zegel_proto::{CanonicalError, parse};

/// Why a signed batch is refused by itself, before any registry is asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BatchError {
    /// Bytes that are not canonical.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// For another log.
    #[error("the batch is for log {found:?}, this is {wanted:?}")]
    OtherOrigin {
        /// Origin in the statement.
        found: String,
        /// This log.
        wanted: String,
    },
    /// The signature does not verify under the key in the statement.
    #[error("batch statement: {0}")]
    Signature(#[from] SignatureError),
}

/// A statement whose signature verifies under the key that it names. Whether that key may is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedStatement {
    statement: BatchStatement,
    hash: Hash,
}

impl VerifiedStatement {
    /// Verifies a signed batch, which has passed its grammar, for the log `origin`.
    ///
    /// # Errors
    /// [`BatchError`].
    pub fn verify(batch: &SignedBatch, origin: &str) -> Result<Self, BatchError> {
        Self::verify_by(&mut KnownKeys::default(), batch, origin)
    }

    /// The same, where keys that were read before are known.
    ///
    /// # Errors
    /// [`BatchError`].
    pub fn verify_by(keys: &mut KnownKeys, batch: &SignedBatch, origin: &str) -> Result<Self, BatchError> {
        let statement: BatchStatement = parse(&batch.statement)?;
        if statement.origin != origin {
            return Err(BatchError::OtherOrigin { found: statement.origin, wanted: origin.into() });
        }
        keys.verify(&statement.key, CONTEXT_BATCH, &batch.statement, &batch.signature)?;
        Ok(Self { statement, hash: sha256(&[&batch.statement]) })
    }

    /// What was signed.
    #[must_use]
    pub fn statement(&self) -> &BatchStatement {
        &self.statement
    }

    /// SHA-256 of the statement: what the source's next one names as `previous`.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> Hash {
        Hash::read(&self.statement.source).unwrap_or(Hash::ZERO)
    }

    /// The key that signed.
    #[must_use]
    pub fn key(&self) -> Hash {
        Hash::read(&self.statement.key).unwrap_or(Hash::ZERO)
    }

    /// Root over the event leaves.
    #[must_use]
    pub fn events_root(&self) -> Hash {
        Hash::read(&self.statement.events_root).unwrap_or(Hash::ZERO)
    }

    /// Root over the sealed leaves.
    #[must_use]
    pub fn sealed_root(&self) -> Hash {
        Hash::read(&self.statement.sealed_root).unwrap_or(Hash::ZERO)
    }
}

/// Leaf of an event in its batch.
#[must_use]
pub fn event_leaf(header: &[u8]) -> Hash {
    leaf(Tag::Event, &[header])
}

/// Leaf of what lies sealed beside an event: `H(ciphertext) ‖ H(wrap)`, or nothing with a public event.
#[must_use]
pub fn sealed_leaf(body: &SealedBody) -> Hash {
    if body.ciphertext.is_empty() && body.wrap.is_empty() {
        return leaf(Tag::Sealed, &[]);
    }
    leaf(Tag::Sealed, &[&sha256(&[&body.ciphertext]).0, &sha256(&[&body.wrap]).0])
}

/// Event leaves of a whole batch, hashed side by side.
pub fn event_leaves<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Vec<Hash> {
    if !lanes::are_faster() {
        return headers.into_iter().map(event_leaf).collect();
    }
    let tagged: Vec<Vec<u8>> = headers.into_iter().map(|header| [&[0x00, Tag::Event as u8], header].concat()).collect();
    let messages: Vec<&[u8]> = tagged.iter().map(Vec::as_slice).collect();
    sha256_all(&messages)
}

/// Root over the event leaves of a whole batch.
pub fn events_root<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    root_of(event_leaves(headers))
}

/// Root over the sealed leaves of a whole batch. Ciphertexts are hashed side by side: they are most of the work.
#[must_use]
pub fn sealed_root(bodies: &[SealedBody]) -> Hash {
    let parts: Vec<&[u8]> = bodies.iter().flat_map(|body| [body.ciphertext.as_slice(), body.wrap.as_slice()]).collect();
    let hashes = sha256_all(&parts);
    let leaf_of = |(body, pair): (&SealedBody, &[Hash])| match body.ciphertext.is_empty() && body.wrap.is_empty() {
        true => leaf(Tag::Sealed, &[]),
        false => leaf(Tag::Sealed, &[&pair[0].0, &pair[1].0]),
    };
    root_of(bodies.iter().zip(hashes.chunks_exact(2)).map(leaf_of))
}
