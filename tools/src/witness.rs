//! A witness of logs: cosigns checkpoints that follow from the ones it cosigned before (c2sp.org/tlog-witness). An
//! auditing witness replays every entry first, so that its cosignature means "replayed, every rule held".
//!
//! Invariants:
//! - what is cosigned is durable, twice over, before the cosignature leaves: once in the state, once in the guard elsewhere;
//! - of one log one request is judged at a time, so that no two checkpoints that exclude each other are ever cosigned;
//! - an auditing witness that found a fault cosigns that log no more until a person has taken away the file that says so;
//! - a key whose cosignature means "replayed" is used for nothing else: a process is a witness or an auditor, never both.
//!
//! It lies in this room and not in one of its own because it knows what a source knows: the verifier's judgement, key
//! files, and the way to a ledger. A witness's machine gets one command. Not here: what a request may be (the verifier's
//! `witness`), which rules are replayed (its `audit`). Specification: `specs/witness.md`.

mod config;
mod desk;
mod follower;
mod http;
mod latest;

pub use config::{Kind, NewWitness, WitnessConfig, init};
pub use desk::Refused;
pub use http::serve;

use crate::disk::DiskError;
use crate::keys::KeyError;
use crate::source::LedgerError;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;
use zegel_verifier::hash::Hash;
use zegel_verifier::note::NoteError;
use zegel_verifier::trust::TrustError;

/// Takes one line about what goes on: what was replayed, why something was refused.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Why a witness does not begin, or ends.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A name that no key can have.
    #[error(transparent)]
    Name(#[from] NoteError),
    /// The configuration.
    #[error("{path}: {reason}")]
    Config {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A trust file.
    #[error("{path}: {reason}")]
    Trust {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: TrustError,
    },
    /// The address of a ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Two processes on one state.
    #[error("another witness works with the state {path}: two would cosign what excludes each other")]
    InUse {
        /// The folder.
        path: String,
    },
    /// The state is not there.
    #[error("{path} is not there: `zegel witness init` makes it once; one that was lost takes its key with it")]
    NoState {
        /// The folder.
        path: String,
    },
    /// The state is older than what was cosigned.
    #[error("rollback detected: the state of {origin} is at {found} entries, the guard has cosigned {cosigned}")]
    Rollback {
        /// The log.
        origin: String,
        /// Entries in the state.
        found: u64,
        /// Entries in the guard.
        cosigned: u64,
    },
    /// The state has another history than what was cosigned.
    #[error(
        "fork detected: the state of {origin} has root {found} at {size} entries, the guard has cosigned {cosigned}"
    )]
    Fork {
        /// The log.
        origin: String,
        /// The size.
        size: u64,
        /// Root in the state.
        found: Hash,
        /// Root in the guard.
        cosigned: Hash,
    },
    /// The guard is not there.
    #[error("the state of {origin} is at {found} entries, and its guard {path} is missing")]
    GuardMissing {
        /// The log.
        origin: String,
        /// Entries in the state.
        found: u64,
        /// The guard.
        path: String,
    },
    /// A stored checkpoint that is none.
    #[error("{path} does not read as a checkpoint of {origin}")]
    Malformed {
        /// The file.
        path: String,
        /// The log.
        origin: String,
    },
    /// The address.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        reason: std::io::Error,
    },
    /// TLS.
    #[error("{path} does not serve for TLS: {reason}")]
    Tls {
        /// The file.
        path: String,
        /// What the library says.
        reason: String,
    },
}
