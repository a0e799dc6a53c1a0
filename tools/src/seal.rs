//! Sealing: bodies under keys of their own, those under dossier keys, and those under the ministry's archive keys.
//!
//! Invariants:
//! - each event key, dossier key and blob key encrypts once, so nonces are fixed;
//! - the ciphertext is bound to its header, the wrap to the log and the body root: neither opens under another;
//! - what opens is checked against its padding and its canonical form; whether it is what was committed is the verifier's
//!   check, which [`open_checked`] makes.
//!
//! Not here: who may hold a key (`keys`), what a body says (`event`). Specification: `specs/sealing.md`.

mod blob;
mod body;
mod dossier;
mod padding;
#[cfg(test)]
mod tests;

pub use blob::{BLOB_PLAINTEXT_BYTES_MAX, BlobDecryptor, BlobError, BlobSummary, encrypt_blob};
pub use body::{open, open_checked, reseal, seal, seal_all};
pub use dossier::{Dossier, DossierKey, RewrapError, Rewrapping};
pub use padding::padded_size;

use crate::entropy::EntropyError;
use thiserror::Error;
use zegel_proto::CanonicalError;
use zegel_verifier::commit::CommitmentError;
use zegel_verifier::hash::Hash;

/// Why something cannot be sealed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A message that breaks its grammar.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Larger than a ledger takes.
    #[error("the sealed body would have {found} bytes, at most {max} are allowed")]
    TooLarge {
        /// Bytes of the ciphertext.
        found: usize,
        /// The maximum.
        max: usize,
    },
    /// The registry has too few archive keys.
    #[error(
        "{found} archive keys are in the registry, at least 2 are wanted: the loss of one must not lose the archive"
    )]
    TooFewArchiveKeys {
        /// How many.
        found: usize,
    },
    /// The library refused a key.
    #[error("archive key {key} cannot be wrapped to")]
    BadArchiveKey {
        /// Id of the key.
        key: Hash,
    },
    /// A cipher refused its input: longer than its counter reaches.
    #[error("the cipher refused {found} bytes")]
    Cipher {
        /// How many bytes.
        found: usize,
    },
}

/// Why something sealed cannot be opened, or is not what was committed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Bytes that are not canonical.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// An envelope of another log.
    #[error("the dossier envelope is of log {found:?}, wanted {wanted:?}")]
    OtherOrigin {
        /// Found.
        found: String,
        /// Wanted.
        wanted: String,
    },
    /// None of the keys at hand is among the recipients.
    #[error("dossier {dossier} is wrapped to {recipients} archive keys, none of which is at hand")]
    NoKey {
        /// Hash of the envelope.
        dossier: Hash,
        /// How many recipients it has.
        recipients: usize,
    },
    /// Not opened by the key that it names.
    #[error("the envelope of dossier {dossier} does not open")]
    Envelope {
        /// Hash of the envelope.
        dossier: Hash,
    },
    /// The wrap names another dossier, or one whose envelope is not there.
    #[error("the body is wrapped under dossier {found}, whose envelope did not come along")]
    UnknownDossier {
        /// As the wrap names it.
        found: Hash,
    },
    /// The wrapped event key does not open under this dossier, log and body root.
    #[error("the wrapped event key does not open under its dossier, log and body root")]
    Wrap,
    /// The ciphertext does not open under its key and header.
    #[error("the ciphertext does not open under its key and header")]
    Ciphertext,
    /// Opened, but padded otherwise than it should be.
    #[error("the padding is not zeros up to the size class of {length} bytes")]
    Padding {
        /// Bytes of the body, as stated.
        length: u64,
    },
    /// A public event has no body.
    #[error("the event is public: it has no body")]
    Public,
    /// Opened, but not what the header commits to.
    #[error(transparent)]
    Commitment(#[from] CommitmentError),
}
