//! The sidecar of a gateway, `zegel-source`: takes plain events on this machine, and sees that each is in the log once.
//!
//! ```text
//! gateway → service → intake: judge, know again, number → journal, synced  ⇒ spooled
//!                                  committer → source: seal, sign, append  ⇒ receipted
//! ```
//!
//! Invariants:
//! - *spooled* leaves after the record is sealed and synced; *receipted* after the receipt was checked and stored;
//! - what was spooled is in the log once, or in quarantine with a gap that says so, whatever stops in between;
//! - one process at a time works with a spool: another waits, and takes over when the first is gone;
//! - a spool that is older than the log appends nothing until a person has resumed it, in writing.
//!
//! Not here: what is sealed and how it is sent (`seal`, `source`). Specification: `specs/source.md`.

mod appservice;
mod checker;
mod committer;
mod config;
mod drafts;
mod homeserver;
mod intake;
mod journal;
mod judge;
mod keeper;
mod known;
mod natives;
mod newest;
mod pushed;
mod quarantine;
mod resume;
mod sealed;
mod seen;
mod service;
mod simulator;
mod uploads;
mod writer;

pub use appservice::{Appservice, serve_homeserver};
pub use checker::{Checked, Checker, Found};
pub use config::{LogConfig, NewSource, SidecarConfig, init};
pub use homeserver::Homeserver;
pub use quarantine::Quarantined;
pub use resume::resume;
pub use service::serve;
pub use simulator::{DayPlan, Played, Step, day, play};

use crate::disk::{self, DiskError};
use crate::entropy::EntropyError;
use crate::event::EventError;
use crate::import::alignment::Fingerprint;
use crate::keys::KeyError;
use crate::officer::OfficerError;
use crate::source::SourceError;
use journal::Spooled;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;
use zegel_verifier::trust::TrustError;

/// Takes one line about what goes on.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Why a sidecar does not begin, or ends.
#[derive(Debug, Error)]
pub enum SidecarError {
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
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
    /// Registering the source.
    #[error(transparent)]
    Officer(#[from] OfficerError),
    /// The chain.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An event that cannot be made.
    #[error(transparent)]
    Event(#[from] EventError),
    /// An address that cannot be listened on.
    #[error("{listen}: {reason}")]
    Listen {
        /// As configured.
        listen: String,
        /// What the operating system says.
        reason: String,
    },
    /// Anyone on the network could hand over events.
    #[error("{listen} is not on this machine: a sidecar listens on a Unix socket or on loopback")]
    NotLoopback {
        /// As configured.
        listen: String,
    },
    /// Two tables of one log, or none.
    #[error("the configuration names {found} logs of origin {origin:?}, wanted 1")]
    Logs {
        /// The origin.
        origin: String,
        /// How many.
        found: usize,
    },
    /// Another process works with the spool.
    #[error("{path} is in use by another process: stop it first")]
    Locked {
        /// The lock file.
        path: String,
    },
    /// Nobody is known whose chats the source carries.
    #[error("no gateway has opened a session yet, so nobody is known whose chats this source carries: name custodians")]
    NoCustodian,
}

/// How a lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// Until the other process is gone.
    Waits,
    /// Or not at all.
    Refuses,
}

/// Takes a spool for this process, for as long as the file is held.
fn lock(spool: &Path, waiting: Waiting) -> Result<File, SidecarError> {
    disk::create_folder(spool)?;
    let path = spool.join("lock");
    let file = OpenOptions::new().create(true).append(true).open(&path).map_err(disk::failed(&path))?;
    let taken = file.try_lock().is_ok() || (waiting == Waiting::Waits && file.lock().is_ok());
    if taken { Ok(file) } else { Err(SidecarError::Locked { path: path.display().to_string() }) }
}

/// What is in quarantine, by log.
///
/// # Errors
/// [`SidecarError::Disk`].
pub fn quarantined(config: &SidecarConfig) -> Result<Vec<(String, Vec<Quarantined>)>, SidecarError> {
    let of = |log: &LogConfig| {
        let key = sealed::SpoolKey::derive(&*log.secret()?);
        Ok((log.trust()?.origin().to_owned(), quarantine::list(&log.spool.join("quarantine"), &key)?))
    };
    config.logs.iter().map(of).collect()
}

/// Bytes of a file of a spool that hold whole records of the source with this secret: what opening it would keep.
///
/// # Errors
/// [`DiskError`].
pub fn readable(file: &Path, secret: &[u8; 32]) -> Result<u64, DiskError> {
    let mut records = sealed::SealedReader::open(file, &sealed::SpoolKey::derive(secret))?;
    while records.next().map_err(disk::failed(file))?.is_some() {}
    Ok(records.offset())
}

/// How the log may remember a record: its key, and what was handed over.
fn fingerprint(spooled: &Spooled) -> Fingerprint {
    let part = |bytes: &[u8]| bytes.try_into().unwrap_or_default();
    Fingerprint { place: part(&spooled.key), text: part(&spooled.text), time: part(&spooled.native) }
}
