//! A replay that is kept in a file and goes on later.
//!
//! Format: `zegel audit state v1`, a line feed, the fields below, SHA-256 over all before it. Numbers are big-endian; a list has its
//! length (u64) before it; bytes have their length (u32). What is read is held against the trust file and against itself: a state of another
//! log, another root key, or with one byte changed is refused. A state is the auditor's own word, and as good as the disk
//! it lies on. Specification: `specs/audit.md`.

mod read;
mod write;

use crate::registry::RegistryError;
use thiserror::Error;

/// First bytes of a state.
const MAGIC: &[u8] = b"zegel audit state v1\n";

/// Why a state is refused.
#[derive(Debug, Error)]
pub enum StateError {
    /// It could not be read or written.
    #[error("the state could not be read or written: {0}")]
    Unreadable(#[from] std::io::Error),
    /// Not a state of this version.
    #[error("this is no audit state of version 1")]
    Version,
    /// Of another log, or under another root key.
    #[error("the state is of log {found:?} or under another root key, the trust file is of {wanted:?}")]
    OtherLog {
        /// Origin in the state.
        found: String,
        /// Origin that is trusted.
        wanted: String,
    },
    /// Something in it cannot be.
    #[error("the state is not whole: {what} cannot be right; begin again without it")]
    Malformed {
        /// What.
        what: &'static str,
    },
    /// Its checksum is another.
    #[error("the state was changed since it was written: its checksum does not match; begin again without it")]
    Checksum,
    /// The registry that it keeps cannot be replayed.
    #[error("the registry in the state cannot be replayed: {0}; begin again without it")]
    Registry(RegistryError),
}
