//! Follows one ledger and replays every entry, so that its witness may say so.
//!
//! The replay runs ahead of requests: a request waits for it for a while, and no longer. Invariants:
//! - a checkpoint is vouched for only if the replay reached its size, found nothing, and leads to its root;
//! - the first fault is written to a file beside the state, and from then on, also after a restart, nothing of this log is
//!   vouched for: only a person takes the file away;
//! - a replay with a fault is never kept.
//!
//! The witness has a clock, which the replay has not: an entry that states a time after now, or one that lies before the
//! moment at which the ledger said that it did not have it yet, is a fault as well.

use super::config::Replayed;
use super::latest::name_of;
use super::{Tell, WitnessError};
use crate::disk::{self, Readers};
use crate::source::{Connection, LedgerError, now_ms};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Notify, watch};
use zegel_proto::v1::{AuditEntry, ReadEntriesRequest};
use zegel_verifier::audit::{Auditor, StateError, examine};
use zegel_verifier::bundle::{Finding, Severity};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::Hash;
use zegel_verifier::note::NoteError;
use zegel_verifier::tree::check_consistency;
use zegel_verifier::trust::Trust;

/// How often the ledger is asked for its newest checkpoint when nobody else tells.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long a request waits for the replay.
const PATIENCE: Duration = Duration::from_secs(4);
/// Entries that are taken at once.
const ENTRIES_MAX: usize = 64;
/// How far the clocks of ledger and witness may be apart.
const CLOCKS_APART_MS: u64 = 5 * 60 * 1_000;
/// Entries after which the replay is kept, so that a restart begins there.
const KEPT_EVERY: u64 = 100_000;

/// Why an auditor does not vouch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreplayed {
    /// A rule did not hold.
    #[error("this log is refused since a rule did not hold: {finding}")]
    Fault {
        /// The first finding.
        finding: String,
    },
    /// Not so far yet.
    #[error("{replayed} entries have been replayed, the checkpoint has {wanted}: ask again{}", Because(.problem))]
    Behind {
        /// Entries replayed.
        replayed: u64,
        /// Entries of the checkpoint.
        wanted: u64,
        /// Why it does not go on; empty if it does.
        problem: String,
    },
    /// Sealed bodies are gone, and nothing that was logged after them says that they were destroyed.
    #[error("sealed bodies are gone of {replayed} entries, and no destruction has been logged after them")]
    BodiesGone {
        /// Entries replayed.
        replayed: u64,
    },
    /// Genesis has not been replayed, so nothing says who signs.
    #[error("genesis has not been replayed: ask again{}", Because(.problem))]
    NoKey {
        /// Why not; empty if it is being tried.
        problem: String,
    },
    /// The checkpoint is not signed by the key that the replayed registry names.
    #[error("the checkpoint is not signed by the log's key: {0}")]
    NotSigned(NoteError),
}

struct Because<'a>(&'a str);

impl std::fmt::Display for Because<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(formatter, " ({})", self.0) }
    }
}

impl Unreplayed {
    /// The status code of the answer.
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Fault { .. } | Self::BodiesGone { .. } => 422,
            Self::NotSigned(_) => 403,
            Self::Behind { .. } | Self::NoKey { .. } => 503,
        }
    }
}

/// Why the replay does not go on just now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum FollowError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the ledger's stream broke: {0}")]
    Stream(String),
    #[error("the ledger's newest checkpoint does not read as one")]
    NoCheckpoint,
}

/// The replay, and when the ledger was asked last.
struct Replay {
    auditor: Auditor,
    /// By this machine's clock, and the size that the ledger said it had.
    asked: Option<(u64, u64)>,
    kept: u64,
    fault: Option<String>,
    problem: String,
}

/// One log that is followed.
pub(super) struct Follower {
    connection: Connection,
    replay: Mutex<Replay>,
    reached: watch::Sender<u64>,
    asked_for: Notify,
    kept: PathBuf,
    refusal: PathBuf,
    tell: Tell,
}

impl Follower {
    /// Takes up the replay where it was kept, or begins at genesis.
    pub(super) fn open(state: &Path, log: Replayed, tell: Tell) -> Result<Self, WitnessError> {
        let name = name_of(log.trust.origin());
        let (kept, refusal) = (state.join(format!("{name}.replay")), state.join(format!("{name}.refused")));
        let origin = log.trust.origin().to_owned();
        let restored = restore(&kept, &log.trust).unwrap_or_else(|reason| {
            tell(&format!("{origin}: the replay begins again: {reason}"));
            None
        });
        let auditor = restored.unwrap_or_else(|| Auditor::new(log.trust));
        let fault = disk::read_if_there(&refusal)?.map(|text| String::from_utf8_lossy(&text).trim().to_owned());
        if let Some(fault) = &fault {
            tell(&format!("{origin}: refused, as {} says: {fault}", refusal.display()));
        }
        let size = auditor.size();
        let replay = Replay { auditor, asked: None, kept: size, fault, problem: String::new() };
        let (reached, _) = watch::channel(size);
        let (replay, asked_for) = (Mutex::new(replay), Notify::new());
        Ok(Self { connection: log.connection, replay, reached, asked_for, kept, refusal, tell })
    }

    fn replay(&self) -> MutexGuard<'_, Replay> {
        self.replay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log.
    pub(super) fn origin(&self) -> &str {
        self.connection.origin()
    }

    /// Follows for ever.
    pub(super) async fn follow(self: Arc<Self>) {
        loop {
            if self.replay().fault.is_none() {
                let problem = self.advance().await.err().map(|reason| reason.to_string()).unwrap_or_default();
                let before = std::mem::replace(&mut self.replay().problem, problem.clone());
                if !problem.is_empty() && problem != before {
                    (self.tell)(&format!("{}: {problem}", self.origin()));
                }
            }
            // Whoever waits is told how far it came, also if that is no further.
            self.reached.send_replace(self.replay().auditor.size());
            tokio::select! {
                () = self.asked_for.notified() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Replays up to the ledger's newest checkpoint.
    async fn advance(self: &Arc<Self>) -> Result<(), FollowError> {
        let asked_at = now_ms();
        let note = self.connection.newest_checkpoint().await?;
        let to = ClaimedCheckpoint::parse(&note).map_err(|_| FollowError::NoCheckpoint)?.claimed_size();
        let from = {
            let mut replay = self.replay();
            let from = replay.auditor.size();
            if to > from {
                replay.auditor.checkpoint(&note);
            }
            from
        };
        if to > from {
            self.read(from, to).await?;
        }
        self.replay().asked = Some((asked_at, to));
        Ok(())
    }

    async fn read(self: &Arc<Self>, from: u64, to: u64) -> Result<(), FollowError> {
        let origin = self.origin().to_owned();
        let request = ReadEntriesRequest { origin, from, count: to - from };
        let mut stream = self.connection.audit_entries(&request).await?;
        let mut entries = Vec::new();
        let mut wanted = from;
        while wanted < to {
            let entry = stream.message().await.map_err(|status| FollowError::Stream(status.to_string()))?;
            let entry = entry.ok_or_else(|| FollowError::Stream(format!("it ended at entry {wanted}")))?;
            wanted += 1;
            entries.push(entry);
            if entries.len() == ENTRIES_MAX || wanted == to {
                let (follower, taken) = (Arc::clone(self), std::mem::take(&mut entries));
                let goes_on = tokio::task::spawn_blocking(move || follower.take(&taken)).await;
                if !goes_on.unwrap_or(false) {
                    return Ok(());
                }
                self.reached.send_replace(wanted);
            }
        }
        Ok(())
    }

    /// Replays entries; false at the first fault.
    fn take(&self, entries: &[AuditEntry]) -> bool {
        for entry in entries {
            let examined = examine(entry, self.origin());
            let mut replay = self.replay();
            replay.auditor.take(examined);
            if let Some(fault) = replay.fault_at(entry.index, now_ms()) {
                replay.fault = Some(fault.clone());
                drop(replay);
                self.refuse(&fault);
                return false;
            }
        }
        let replay = self.replay();
        if replay.auditor.size() >= replay.kept + KEPT_EVERY {
            drop(replay);
            self.save();
        }
        true
    }

    /// Says for ever why nothing more is vouched for.
    fn refuse(&self, fault: &str) {
        (self.tell)(&format!("{}: REFUSED from now on: {fault}", self.origin()));
        if let Err(reason) = disk::write_new(&self.refusal, format!("{fault}\n").as_bytes(), Readers::Everyone) {
            (self.tell)(&format!("{}: the refusal could not be kept: {reason}", self.origin()));
        }
    }

    /// Keeps the replay, unless it found a fault.
    pub(super) fn save(&self) {
        let mut replay = self.replay();
        let size = replay.auditor.size();
        if replay.fault.is_some() || size == replay.kept {
            return;
        }
        match write(&self.kept, &replay.auditor) {
            Ok(()) => replay.kept = size,
            Err(reason) => (self.tell)(&format!("{}: the replay could not be kept: {reason}", self.origin())),
        }
    }

    /// Waits until a checkpoint can be judged, and gives the key that signs one of its size. What it says is still to be
    /// verified under that key; that it is what was replayed has been.
    pub(super) async fn vouch(&self, claimed: &ClaimedCheckpoint) -> Result<[u8; 32], Unreplayed> {
        let wanted = claimed.claimed_size();
        // Signed by a key that is known already: strangers cannot make anybody wait.
        self.check_signed(claimed)?;
        self.reach(wanted).await?;
        let key = self.check_signed(claimed)?;
        let (size, root, is_clean) = {
            let auditor = &self.replay().auditor;
            (auditor.size(), auditor.root(), auditor.is_clean())
        };
        if !is_clean {
            return Err(Unreplayed::BodiesGone { replayed: size });
        }
        if !self.leads(claimed, size, root).await? {
            let found = claimed.claimed_root();
            let fault = format!(
                "LOG_ROOT: the log signed a checkpoint of {wanted} entries with root {found}, which is not over the entries that it gave to be replayed"
            );
            self.replay().fault = Some(fault.clone());
            self.refuse(&fault);
            return Err(Unreplayed::Fault { finding: fault });
        }
        Ok(key)
    }

    fn check_signed(&self, claimed: &ClaimedCheckpoint) -> Result<[u8; 32], Unreplayed> {
        let replay = self.replay();
        if let Some(fault) = &replay.fault {
            return Err(Unreplayed::Fault { finding: fault.clone() });
        }
        let problem = replay.problem.clone();
        let key = replay.auditor.registry().and_then(|registry| registry.log_key(claimed.claimed_size())).copied();
        drop(replay);
        let Some(key) = key else {
            self.asked_for.notify_one();
            return Err(Unreplayed::NoKey { problem });
        };
        match VerifiedCheckpoint::verify(claimed.clone(), self.origin(), &key) {
            Ok(_) => Ok(key),
            Err(zegel_verifier::checkpoint::CheckpointError::Note(reason)) => Err(Unreplayed::NotSigned(reason)),
            Err(_) => Err(Unreplayed::NotSigned(NoteError::NoSignatures)),
        }
    }

    async fn reach(&self, wanted: u64) -> Result<(), Unreplayed> {
        let mut reached = self.reached.subscribe();
        if *reached.borrow() < wanted {
            self.asked_for.notify_one();
        }
        let far = tokio::time::timeout(PATIENCE, reached.wait_for(|size| *size >= wanted)).await;
        if matches!(far, Ok(Ok(_))) {
            return Ok(());
        }
        drop(far);
        let replay = self.replay();
        match &replay.fault {
            Some(finding) => Err(Unreplayed::Fault { finding: finding.clone() }),
            None => {
                let (replayed, problem) = (replay.auditor.size(), replay.problem.clone());
                Err(Unreplayed::Behind { replayed, wanted, problem })
            }
        }
    }

    /// Whether the replayed tree of `size` entries goes through the checkpoint. The proof is the ledger's; what it proves
    /// is not its word.
    async fn leads(&self, claimed: &ClaimedCheckpoint, size: u64, root: Hash) -> Result<bool, Unreplayed> {
        let (from, old) = (claimed.claimed_size(), claimed.claimed_root());
        if from == size || from == 0 {
            return Ok(from == 0 || old == root);
        }
        let proof = self.connection.consistency(from, size).await.map_err(|reason| Unreplayed::Behind {
            replayed: size,
            wanted: from,
            problem: reason.to_string(),
        })?;
        let proof: Option<Vec<Hash>> = proof.iter().map(|hash| Hash::read(hash)).collect();
        Ok(proof.is_some_and(|proof| check_consistency(from, old, size, root, &proof).is_ok()))
    }
}

impl Replay {
    /// The first fault there is after an entry was taken. Bodies that are gone are none yet: what follows may declare it.
    fn fault_at(&self, entry: u64, now: u64) -> Option<String> {
        let gravest = self.auditor.findings().iter().find(|finding| finding.severity == Severity::Error);
        gravest.map(told).or_else(|| self.clock_fault(entry, now))
    }

    fn clock_fault(&self, entry: u64, now: u64) -> Option<String> {
        let received = self.auditor.received_at_ms();
        if received > now.saturating_add(CLOCKS_APART_MS) {
            return Some(format!(
                "CLOCKS_APART: entry {entry} states {received} ms, by the auditor's clock it is {now}"
            ));
        }
        let (asked, size) = self.asked?;
        let is_early = entry >= size && received.saturating_add(CLOCKS_APART_MS) < asked;
        is_early.then(|| {
            format!(
                "CLOCKS_APART: entry {entry} states {received} ms, but at {asked} the ledger had {size} entries and not this one"
            )
        })
    }
}

fn told(finding: &Finding) -> String {
    let place = finding.place.map(|place| format!("{place}: ")).unwrap_or_default();
    format!("{}: {place}{}", finding.id, finding.en)
}

/// The kept replay; `None` if there is none.
fn restore(path: &Path, trust: &Trust) -> Result<Option<Auditor>, StateError> {
    match File::open(path) {
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(reason.into()),
        Ok(file) => Auditor::restore(trust.clone(), &mut BufReader::new(file)).map(Some),
    }
}

fn write(path: &Path, auditor: &Auditor) -> Result<(), StateError> {
    let next = path.with_extension("next");
    let mut file = BufWriter::new(File::create(&next)?);
    auditor.save(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    std::fs::rename(&next, path)?;
    Ok(disk::sync_folder_of(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zegel_verifier::note::{TYPE_ED25519, VerifierKey};

    fn replay(asked: Option<(u64, u64)>) -> Replay {
        let root = VerifierKey::new("log.example", TYPE_ED25519, [1; 32]).expect("a name").print();
        let trust = Trust::parse(format!("root {root}\n").as_bytes()).expect("a trust file");
        Replay { auditor: Auditor::new(trust), asked, kept: 0, fault: None, problem: String::new() }
    }

    #[test]
    fn an_entry_that_the_ledger_did_not_have_yet_cannot_be_from_before_that() {
        // The last entry that was taken states 0 ms.
        let (at, now) = (CLOCKS_APART_MS + 1, CLOCKS_APART_MS + 2);
        let fault = replay(Some((at, 7))).clock_fault(7, now);
        assert!(fault.is_some_and(|fault| fault.starts_with("CLOCKS_APART: entry 7 ")));
        assert_eq!(replay(Some((at, 7))).clock_fault(6, now), None, "that one was there already");
        assert_eq!(replay(Some((at - 1, 7))).clock_fault(7, now), None, "clocks differ by so much");
        assert_eq!(replay(None).clock_fault(7, now), None, "the ledger was not asked before");
    }
}
