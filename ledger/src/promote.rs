//! Makes a replica the log itself, for disasters only: what was signed before must all be in it.
//!
//! The replica is held against every checkpoint that is known: its own guard, the newest one that its primary was heard to
//! sign, what made it refuse its primary, what its witnesses cosigned last, and what is given. One that it does not reach, or
//! does not have, ends the promotion with nothing changed: going on would fork the log. Afterwards the log takes nothing
//! before LOG_RECOVERED, and the store follows nobody again.
//!
//! Not here: that the old primary is dead, which no command can know, and a witness that nobody names. Specification:
//! `specs/follower.md`.

use crate::config::{Config, LogConfig};
use crate::follow::{Kept, finish_orders};
use crate::log::Identity;
use crate::server::{ServeError, open_store};
use crate::signing::LogSigners;
use crate::store::{Allegiance, Guard, NoFaults, Store, StoreError, TreeReader};
use crate::tree;
use crate::witnessing::{self, LastCosigned};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
use zegel_verifier::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::Hash;
use zegel_verifier::registry::Registry;

/// Why a replica was not promoted. Nothing has changed then.
#[derive(Debug, Error)]
pub enum PromoteError {
    /// The configuration, the keys or the store.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The configuration has several logs, or not this one.
    #[error("the configuration has {found} logs named {wanted:?}: name one of its logs with --origin")]
    Log {
        /// How many.
        found: usize,
        /// The name that was asked for.
        wanted: String,
    },
    /// A store that follows nobody.
    #[error("the store of {origin} is no replica: there is nothing to promote")]
    NoReplica {
        /// The log.
        origin: String,
    },
    /// A replica without genesis.
    #[error("the replica of {origin} is empty")]
    Empty {
        /// The log.
        origin: String,
    },
    /// Nobody outside was asked.
    #[error(
        "nothing from outside says how far the log was: give a checkpoint (of a source, a bundle, a witness) or the guard of \
         the old primary, or name witnesses in the configuration"
    )]
    NothingKnown,
    /// A file that does not read.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A checkpoint that this log did not sign.
    #[error("the checkpoint of {of}: {reason}")]
    Checkpoint {
        /// Who has it.
        of: String,
        /// Why it is none.
        reason: CheckpointError,
    },
    /// The replica is behind.
    #[error(
        "{of} knows of {known} entries, the replica holds {held}: what lies between would be lost and the log forked; find a \
         copy that reaches it"
    )]
    Stale {
        /// Who knows.
        of: String,
        /// Entries that were signed.
        known: u64,
        /// Entries of the replica.
        held: u64,
    },
    /// The replica holds another history.
    #[error("fork: {of} knows another history of the first {size} entries than the replica")]
    Fork {
        /// Who knows.
        of: String,
        /// Entries.
        size: u64,
    },
    /// A witness that did not say.
    #[error(
        "witness {name} did not say what it cosigned last: {reason}; if it is gone for good, name it with --without"
    )]
    Witness {
        /// Its name in the policy.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A key that is not there.
    #[error("log key {key}, which signs next, is not among the keys of the configuration")]
    KeyNotHeld {
        /// Its public half.
        key: Hash,
    },
}

/// What is known from outside of how far the log was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Files with a signed note each.
    pub checkpoints: Vec<PathBuf>,
    /// Guards of the old primary.
    pub guards: Vec<PathBuf>,
    /// Witnesses of the policy that cannot be asked any more.
    pub without: Vec<String>,
}

/// What was promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promoted {
    /// Entries.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// Checkpoints and guards that it was held against, its own guard not counted.
    pub known: usize,
}

/// Promotes the replica of a log that is not served.
///
/// # Errors
/// [`PromoteError`]; then nothing has changed.
pub fn promote(config: &Config, origin: Option<&str>, known: &Known) -> Result<Promoted, PromoteError> {
    let named: Vec<&LogConfig> =
        config.logs.iter().filter(|log| origin.is_none_or(|origin| log.origin == origin)).collect();
    let [log] = named[..] else {
        return Err(PromoteError::Log { found: named.len(), wanted: origin.unwrap_or_default().into() });
    };
    let failed = |reason| ServeError::Store { origin: log.origin.clone(), reason };
    let held = LogSigners::open(log).map_err(ServeError::from)?.log_keys();
    let root_key = log.root_key().map_err(ServeError::from)?;
    let identity = Identity { origin: log.origin.clone(), root_key, log_keys: Some(held.clone()) };
    let mut guard = Guard::new(&log.guard, &log.origin).hold().map_err(failed)?;
    let store = open_store(log, Arc::new(NoFaults))?;
    if !matches!(store.allegiance().map_err(failed)?, Allegiance::Follows(_)) {
        return Err(PromoteError::NoReplica { origin: log.origin.clone() });
    }
    let loaded = store.load(identity, &mut guard).map_err(failed)?;
    finish_orders(&store).map_err(failed)?;
    let (size, root) = (loaded.log.size(), loaded.log.root());
    let registry = loaded.log.registry().ok_or_else(|| PromoteError::Empty { origin: log.origin.clone() })?;
    let replica = Replica { log, registry, store: &store, size };
    let known = replica.check_all(known)?;
    let next = registry.log_key(size + 1).copied().unwrap_or_default();
    if !held.contains(&next) {
        return Err(PromoteError::KeyNotHeld { key: Hash(next) });
    }
    store.promote(size, root).map_err(failed)?;
    Ok(Promoted { size, root, known })
}

struct Replica<'a> {
    log: &'a LogConfig,
    registry: &'a Registry,
    store: &'a Arc<Store>,
    size: u64,
}

impl Replica<'_> {
    /// Holds the replica against everything that is known; gives how much that was.
    fn check_all(&self, known: &Known) -> Result<usize, PromoteError> {
        let kept = Kept::of(&self.log.store);
        let unread = |reason: std::io::Error| PromoteError::File {
            path: self.log.store.clone(),
            reason: format!("what was heard of the old primary could not be read: {reason}"),
        };
        let (newest, refused) = (kept.newest().map_err(unread)?, kept.refused_note().map_err(unread)?);
        let own = [("the old primary", newest), ("what made the primary be refused", refused)];
        let mut notes: Vec<(String, Vec<u8>)> =
            own.into_iter().filter_map(|(of, note)| Some((of.to_owned(), note?))).collect();
        let inside = notes.len();
        for path in &known.checkpoints {
            let unread = |reason: std::io::Error| PromoteError::File { path: path.clone(), reason: reason.to_string() };
            notes.push((path.display().to_string(), std::fs::read(path).map_err(unread)?));
        }
        notes.extend(self.cosigned(known)?);
        notes.iter().try_for_each(|(of, note)| self.check_note(of, note))?;
        for path in &known.guards {
            let unread = |reason: StoreError| PromoteError::File { path: path.clone(), reason: reason.to_string() };
            let missing = || PromoteError::File { path: path.clone(), reason: "there is no guard".into() };
            let (signed, root) = Guard::new(path, &self.log.origin).read().map_err(unread)?.ok_or_else(missing)?;
            self.check(&format!("the guard {}", path.display()), signed, root)?;
        }
        if notes.len() + known.guards.len() == inside {
            return Err(PromoteError::NothingKnown);
        }
        Ok(notes.len() + known.guards.len())
    }

    /// What the witnesses of the configuration cosigned last.
    fn cosigned(&self, known: &Known) -> Result<Vec<(String, Vec<u8>)>, PromoteError> {
        let asked = witnessing::ask_for_last(self.log, &known.without).map_err(ServeError::from)?;
        let said = asked.into_iter().map(|LastCosigned { name, said }| match said {
            Ok(note) => Ok(note.map(|note| (format!("witness {name}"), note))),
            Err(reason) => Err(PromoteError::Witness { name, reason }),
        });
        said.filter_map(Result::transpose).collect()
    }

    fn check_note(&self, of: &str, note: &[u8]) -> Result<(), PromoteError> {
        let wrong = |reason| PromoteError::Checkpoint { of: of.to_owned(), reason };
        let keys: Vec<[u8; 32]> = self.registry.log_keys().copied().collect();
        let claimed = ClaimedCheckpoint::parse(note).map_err(wrong)?;
        let signed = VerifiedCheckpoint::verify_any(claimed, &self.log.origin, &keys).map_err(wrong)?;
        self.check(of, signed.size(), signed.root())
    }

    fn check(&self, of: &str, known: u64, root: Hash) -> Result<(), PromoteError> {
        if known > self.size {
            return Err(PromoteError::Stale { of: of.to_owned(), known, held: self.size });
        }
        if self.root_at(known).map_err(|reason| ServeError::Store { origin: self.log.origin.clone(), reason })? != root
        {
            return Err(PromoteError::Fork { of: of.to_owned(), size: known });
        }
        Ok(())
    }

    fn root_at(&self, size: u64) -> Result<Hash, StoreError> {
        tree::root_at(&TreeReader::new(Arc::clone(self.store), self.store.edge(self.size)?), size)
    }
}
