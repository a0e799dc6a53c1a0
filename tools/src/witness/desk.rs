//! Judges requests, one of each log at a time: judged, kept, cosigned, in that order.

use super::config::{Kind, WitnessConfig};
use super::follower::{Follower, Unreplayed};
use super::latest::{Latest, lock, name_of};
use super::{Tell, WitnessError};
use crate::disk::{self, DiskError};
use crate::source::now_ms;
use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use zegel_keys::{SignError, Signer};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::note::VerifierKey;
use zegel_verifier::witness::{AddCheckpoint, WitnessRefusal, Witnessed, judge};

/// Why a request brings no cosignature.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// By the rules of every witness.
    #[error(transparent)]
    Judged(#[from] WitnessRefusal),
    /// By an auditor.
    #[error(transparent)]
    Unreplayed(#[from] Unreplayed),
    /// The disk: nothing was cosigned.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The key: nothing was cosigned.
    #[error(transparent)]
    Key(#[from] SignError),
    /// The work was broken off.
    #[error("the request was broken off")]
    BrokenOff,
}

impl Refused {
    /// The status code of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Judged(refusal) => refusal.status(),
            Self::Unreplayed(unreplayed) => unreplayed.status(),
            Self::Disk(_) | Self::Key(_) | Self::BrokenOff => 500,
        }
    }
}

/// Which keys may sign a log's checkpoints.
enum Authority {
    /// These.
    Keys(Vec<[u8; 32]>),
    /// Whichever the replayed registry names.
    Replay(Arc<Follower>),
}

struct Log {
    origin: String,
    authority: Authority,
    latest: Mutex<Latest>,
    /// Where two checkpoints are kept that exclude each other.
    fork: PathBuf,
}

/// All logs of a witness.
pub(super) struct Desk {
    key: Signer,
    public: VerifierKey,
    /// By origin.
    logs: HashMap<String, Arc<Log>>,
    followers: Vec<Arc<Follower>>,
    tell: Tell,
    /// Held for as long as this process may cosign.
    _lock: File,
}

impl Desk {
    /// Opens the state of every log.
    pub(super) fn open(config: &WitnessConfig, tell: Tell) -> Result<Self, WitnessError> {
        let lock = lock(&config.state)?;
        let (key, public) = config.signer()?;
        let (mut logs, mut followers) = (HashMap::new(), Vec::new());
        for log in &config.logs {
            let (origin, authority) = match config.kind {
                Kind::Witness => {
                    let keyed = config.keyed(log)?;
                    (keyed.origin, Authority::Keys(keyed.keys))
                }
                Kind::Auditor => {
                    let replayed = config.replayed(log)?;
                    let follower = Arc::new(Follower::open(&config.state, replayed, Arc::clone(&tell))?);
                    followers.push(Arc::clone(&follower));
                    (follower.origin().to_owned(), Authority::Replay(follower))
                }
            };
            let latest = Mutex::new(Latest::open(&config.state, &config.guard, &origin)?);
            let fork = config.state.join(format!("{}.fork", name_of(&origin)));
            let log = Log { origin: origin.clone(), authority, latest, fork };
            if logs.insert(origin.clone(), Arc::new(log)).is_some() {
                let reason = format!("log {origin:?} is named twice");
                return Err(WitnessError::Config { path: config.key.display().to_string(), reason });
            }
        }
        Ok(Self { key, public, logs, followers, tell, _lock: lock })
    }

    /// The key as others know it.
    pub(super) fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// Those who replay.
    pub(super) fn followers(&self) -> &[Arc<Follower>] {
        &self.followers
    }

    /// The newest cosigned checkpoint of the log with this name in addresses.
    pub(super) fn newest(&self, name: &str) -> Result<Option<Vec<u8>>, DiskError> {
        let log = self.logs.values().find(|log| name_of(&log.origin) == name);
        log.map_or(Ok(None), |log| log.latest.lock().unwrap_or_else(PoisonError::into_inner).note())
    }

    /// Judges a request; gives the cosignature line.
    pub(super) async fn add_checkpoint(self: &Arc<Self>, body: &[u8]) -> Result<String, Refused> {
        let request = AddCheckpoint::parse(body)?;
        let claimed = ClaimedCheckpoint::parse(&request.checkpoint).map_err(WitnessRefusal::Checkpoint)?;
        let origin = claimed.claimed_origin().to_owned();
        let log = self.logs.get(&origin).map(Arc::clone).ok_or(WitnessRefusal::UnknownOrigin { origin })?;
        let keys = match &log.authority {
            Authority::Keys(keys) => keys.clone(),
            Authority::Replay(follower) => vec![follower.vouch(&claimed).await?],
        };
        let desk = Arc::clone(self);
        let cosigned = tokio::task::spawn_blocking(move || desk.cosign(&log, &request, claimed, &keys)).await;
        cosigned.unwrap_or(Err(Refused::BrokenOff))
    }

    fn cosign(
        &self,
        log: &Log,
        request: &AddCheckpoint,
        claimed: ClaimedCheckpoint,
        log_keys: &[[u8; 32]],
    ) -> Result<String, Refused> {
        let mut latest = log.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = Witnessed { origin: &log.origin, log_keys, latest: latest.cosigned() };
        let checkpoint = match judge(request, claimed, &known) {
            Ok(checkpoint) => checkpoint,
            Err(refusal) => {
                self.keep_fork(log, &latest, request, &refusal);
                return Err(refusal.into());
            }
        };
        let line = self.line(&checkpoint)?;
        let note = format!("{}{line}", checkpoint.note().print());
        latest.keep(checkpoint.size(), checkpoint.root(), note.as_bytes())?;
        Ok(line)
    }

    fn line(&self, checkpoint: &VerifiedCheckpoint) -> Result<String, SignError> {
        let time_s = now_ms() / 1_000;
        let signature = self.key.sign(&checkpoint.cosignature_message(time_s))?;
        Ok(self.public.cosignature_line(time_s, &signature))
    }

    /// Two checkpoints of one size with two roots, both signed by the log, convince anybody: kept once, for people.
    fn keep_fork(&self, log: &Log, latest: &Latest, request: &AddCheckpoint, refusal: &WitnessRefusal) {
        if !matches!(refusal, WitnessRefusal::OtherRoot { .. }) {
            return;
        }
        let Ok(Some(ours)) = latest.note() else { return };
        let both = [&ours[..], b"\n", &request.checkpoint].concat();
        if disk::write_new(&log.fork, &both, disk::Readers::Everyone).is_ok() {
            (self.tell)(&format!("{}: {refusal}; both checkpoints are kept in {}", log.origin, log.fork.display()));
        }
    }
}
