//! The key folder of a ministry: who signs, who opens, whom a ledger is.
//!
//! Made whole by [`KeyFolder::init`], for a demonstration or a test: in earnest each key lives with its owner, and root and
//! recovery off line. Not here: how a key file is protected (`zegel-keys`), what the registry makes of the public halves
//! (`officer`). Specifications: `specs/keys.md`, `specs/registry.md`.

mod archive;
mod change;
mod folder;
mod given;
mod ministry;
mod shares;
mod signing;
mod tls;

pub use archive::{ArchiveKey, ArchivePublicKey};
pub use change::NewKey;
pub use folder::KeyFolder;
pub use ministry::{ArchiveKeyName, Ministry};
pub use shares::{Share, ShareError, Threshold, join, split};
pub use signing::{Actor, Identity};
pub(crate) use signing::{create_secret, create_signing_key, load_secret, load_signing_key};

use crate::disk::DiskError;
use crate::entropy::EntropyError;
use thiserror::Error;

/// Why a key folder cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A private key.
    #[error(transparent)]
    Secret(#[from] zegel_keys::KeyError),
    /// A token that does not sign.
    #[error(transparent)]
    Sign(#[from] zegel_keys::SignError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A file that is not the key that its name promises.
    #[error("{path} is not {wanted}")]
    Malformed {
        /// The file.
        path: String,
        /// What was expected.
        wanted: &'static str,
    },
    /// Bytes that are no archive key.
    #[error("{found} bytes are not an X-Wing public key of 1216 bytes")]
    BadPublicKey {
        /// How many bytes.
        found: usize,
    },
    /// A name that no log can have.
    #[error("{found:?} cannot be the origin of a log: 1 to 255 bytes, no white space, no plus")]
    BadOrigin {
        /// What was found.
        found: String,
    },
    /// A certificate could not be made.
    #[error("the TLS certificate could not be made: {reason}")]
    Certificate {
        /// What the library says.
        reason: String,
    },
}
