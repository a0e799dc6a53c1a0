//! Asks witnesses to cosign what was published, and keeps the newest checkpoint under which a quorum stands.
//!
//! Invariants:
//! - nobody who appends waits for a witness: rounds look at the published view once an interval, so that however many
//!   groups were written in between, one checkpoint is submitted;
//! - a cosignature counts once it was verified over that checkpoint, and a quorum once it is durable;
//! - one witness that is away or slow holds up no other for longer than the timeout; it is asked ever more rarely.
//!
//! Not here: who is a witness (the policy), and what it checks (`zegel witness`). Specification: `specs/witness.md`.

mod ask;
mod cosigned;
mod last;
mod line;

pub(crate) use cosigned::Cosigned;
pub(crate) use last::{LastCosigned, ask_for_last};

use crate::config::{ConfigError, LogConfig, WitnessesConfig, read};
use crate::metrics::now_ms;
use crate::sequencer::{OpenLog, View};
use crate::store::{Step, StoreError};
use ask::{AskError, Cosignature, Target, ask};
use line::Line;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use zegel_verifier::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::trust::{Policy, Vouched, Witness};

/// Longest time after which a witness that fails is asked again.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// How one witness stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WitnessStanding {
    pub(crate) name: String,
    pub(crate) is_auditor: bool,
    /// Size that it cosigned last since this process began; 0: none.
    pub(crate) size: u64,
    /// When, by its own clock; 0: not yet.
    pub(crate) cosigned_at_ms: u64,
    /// Why the last request brought nothing; empty if it did.
    pub(crate) problem: String,
}

/// How a log stands with its witnesses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Newest checkpoint under which a quorum stands.
    pub(crate) cosigned: Option<Arc<Cosigned>>,
    /// In the order of the policy.
    pub(crate) witnesses: Vec<WitnessStanding>,
}

impl Standing {
    /// How long ago the newest quorum was complete, in seconds; `None` without one. For status and metrics.
    pub(crate) fn age_s(&self) -> Option<u64> {
        self.cosigned.as_ref().map(|cosigned| now_ms().saturating_sub(cosigned.at_ms) / 1_000)
    }
}

/// Cosignatures of one checkpoint, as they come in.
#[derive(Default)]
struct Collected {
    size: u64,
    /// By name in the policy.
    cosignatures: BTreeMap<String, Cosignature>,
}

#[derive(Default)]
struct State {
    standing: Standing,
    collected: Collected,
}

/// The witnesses of one log.
pub(crate) struct Witnessing {
    policy: Policy,
    log_keys: Vec<[u8; 32]>,
    path: PathBuf,
    timeout: Duration,
    interval: Duration,
    refresh: Duration,
    state: Mutex<State>,
    lines: Mutex<Vec<Line>>,
}

/// One witness, between two requests.
struct Caller {
    number: usize,
    witness: Witness,
    line: Line,
    /// Size that it cosigned last, as far as we know.
    latest: u64,
    /// When it last cosigned, and what.
    answered: Option<(Instant, u64)>,
    failures: u32,
    not_before: Instant,
}

impl Caller {
    fn is_due(&self, view: &View, refresh: Duration) -> bool {
        let now = Instant::now();
        let is_old = |(at, size): (Instant, u64)| size != view.size || now.duration_since(at) >= refresh;
        now >= self.not_before && self.answered.is_none_or(is_old)
    }

    /// Longer after each failure, with the least pause first.
    fn failed(&mut self, least: Duration) {
        let pause = least.saturating_mul(1 << self.failures.min(16)).min(PAUSE_MAX);
        self.failures += 1;
        self.not_before = Instant::now() + pause;
    }
}

impl Witnessing {
    /// Reads policy and authorities, and what was cosigned before. `None` if the log has no witnesses.
    pub(crate) fn open(config: &LogConfig, log: &OpenLog) -> Result<Option<Arc<Self>>, ConfigError> {
        // A follower asks nobody: its primary does.
        let Some(settings) = config.witnesses.as_ref().filter(|_| config.follow.is_none()) else { return Ok(None) };
        let policy = read_policy(settings, &config.origin)?;
        let tls = settings.ca.as_deref().map(line::authorities).transpose()?;
        let lines = policy.witnesses().iter().map(|witness| Line::new(witness, tls.as_ref()));
        let lines = lines.collect::<Result<_, _>>()?;
        let standing = |witness: &Witness| WitnessStanding {
            name: witness.name.clone(),
            is_auditor: witness.is_auditor,
            ..WitnessStanding::default()
        };
        let witnesses = policy.witnesses().iter().map(standing).collect();
        let state = State { standing: Standing { cosigned: None, witnesses }, collected: Collected::default() };
        let log_keys = config.signing_keys()?.iter().map(|key| key.public_key()).collect();
        let witnessing = Self {
            policy,
            log_keys,
            path: config.store.join("cosigned"),
            timeout: Duration::from_millis(settings.timeout_ms),
            interval: Duration::from_millis(settings.interval_ms.max(1)),
            refresh: Duration::from_secs(settings.refresh_s),
            state: Mutex::new(state),
            lines: Mutex::new(lines),
        };
        witnessing.recall(log);
        Ok(Some(Arc::new(witnessing)))
    }

    /// How the log stands with its witnesses now.
    pub(crate) fn standing(&self) -> Standing {
        self.state().standing.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what was cosigned before this process began.
    fn recall(&self, log: &OpenLog) {
        match cosigned::read(&self.path, log, &self.log_keys, &self.policy) {
            Ok(None) => {}
            Err(reason) => tracing::warn!(origin = log.origin(), %reason, "the cosigned checkpoint is passed over"),
            Ok(Some(found)) => {
                let lines = found.vouched.iter().filter_map(|vouched| {
                    let witness = self.policy.witnesses().iter().find(|witness| witness.name == vouched.name)?;
                    let line = found.checkpoint.note().line(&witness.key)?;
                    Some((vouched.name.clone(), Cosignature { line, time_s: vouched.time_s }))
                });
                let collected = Collected { size: found.checkpoint.size(), cosignatures: lines.collect() };
                let mut state = self.state();
                state.standing.cosigned = self.quorum(&collected, &found.checkpoint).map(Arc::new);
                state.collected = collected;
            }
        }
    }

    /// The checkpoint with all cosignatures, if they are a quorum.
    fn quorum(&self, collected: &Collected, checkpoint: &VerifiedCheckpoint) -> Option<Cosigned> {
        let known = self.policy.witnesses().iter();
        let given = known.filter_map(|witness| Some((witness, collected.cosignatures.get(&witness.name)?)));
        let (mut vouched, mut lines) = (Vec::new(), String::new());
        for (witness, cosignature) in given {
            let (name, is_auditor, time_s) = (witness.name.clone(), witness.is_auditor, cosignature.time_s);
            vouched.push(Vouched { name, is_auditor, time_s });
            lines.push_str(&cosignature.line);
        }
        let at_ms = self.policy.complete_at(&vouched)?.saturating_mul(1_000);
        // The log's own line, and no other that a note may have carried.
        let bare = bare(checkpoint, &self.log_keys)?;
        Some(Cosigned { size: checkpoint.size(), note: format!("{bare}{lines}").into_bytes(), at_ms })
    }

    /// Asks in rounds until the log is closed.
    pub(crate) async fn run(self: Arc<Self>, log: Weak<OpenLog>) {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        let caller = |(number, (witness, line)): (usize, (Witness, Line))| Caller {
            number,
            witness,
            line,
            latest: 0,
            answered: None,
            failures: 0,
            not_before: Instant::now(),
        };
        let witnesses = self.policy.witnesses().to_vec();
        let mut callers: Vec<Caller> = witnesses.into_iter().zip(lines).enumerate().map(caller).collect();
        loop {
            let Some(log) = log.upgrade() else { return };
            callers = self.round(log, callers).await;
            tokio::time::sleep(self.interval).await;
        }
    }

    /// Submits the newest checkpoint to everyone who is due, all at once.
    async fn round(self: &Arc<Self>, log: Arc<OpenLog>, callers: Vec<Caller>) -> Vec<Caller> {
        let view = log.view();
        if view.size == 0 || !callers.iter().any(|caller| caller.is_due(&view, self.refresh)) {
            return callers;
        }
        let checkpoint = match self.verified(&log, &view) {
            Ok(checkpoint) => checkpoint,
            Err(reason) => {
                tracing::error!(origin = log.origin(), %reason, "the log's own checkpoint cannot be submitted");
                return callers;
            }
        };
        let (due, mut idle): (Vec<_>, Vec<_>) =
            callers.into_iter().partition(|caller| caller.is_due(&view, self.refresh));
        let target = Target { log, view, checkpoint };
        let mut asked = JoinSet::new();
        for mut caller in due {
            let (target, timeout) = (target.clone(), self.timeout);
            asked.spawn(async move {
                let answer = ask(&mut caller.line, &caller.witness.key, &mut caller.latest, &target, timeout).await;
                (caller, answer)
            });
        }
        while let Some(joined) = asked.join_next().await {
            let Ok((mut caller, answer)) = joined else { continue };
            self.settle(&mut caller, &target, answer).await;
            idle.push(caller);
        }
        idle
    }

    fn verified(&self, log: &OpenLog, view: &View) -> Result<VerifiedCheckpoint, CheckpointError> {
        let claimed = ClaimedCheckpoint::parse(&view.checkpoint)?;
        VerifiedCheckpoint::verify_any(claimed, log.origin(), &self.log_keys)
    }

    async fn settle(self: &Arc<Self>, caller: &mut Caller, target: &Target, answer: Result<Cosignature, AskError>) {
        match answer {
            Err(reason) => {
                caller.failed(self.interval);
                self.complain(caller, target.log.origin(), &reason);
            }
            Ok(cosignature) => {
                caller.failures = 0;
                caller.answered = Some((Instant::now(), target.view.size));
                let (witnessing, target, number) = (Arc::clone(self), target.clone(), caller.number);
                let taken = tokio::task::spawn_blocking(move || witnessing.take(number, cosignature, &target)).await;
                if let Ok(Err(reason)) = taken {
                    tracing::error!(%reason, "the cosigned checkpoint cannot be stored");
                }
            }
        }
    }

    /// Told once for each new reason: a witness that is away is asked often.
    fn complain(&self, caller: &Caller, origin: &str, reason: &AskError) {
        let mut state = self.state();
        let Some(standing) = state.standing.witnesses.get_mut(caller.number) else { return };
        let problem = reason.to_string();
        let is_new = standing.problem != problem;
        standing.problem.clone_from(&problem);
        drop(state);
        let witness = &caller.witness.name;
        match (is_new, reason.is_alarming()) {
            (_, true) => tracing::error!(origin, witness, problem, "a witness sees another history"),
            (true, false) => tracing::warn!(origin, witness, problem, "a witness did not cosign"),
            (false, false) => {}
        }
    }

    /// Adds a cosignature. With a quorum the checkpoint is written, then published.
    fn take(&self, number: usize, cosignature: Cosignature, target: &Target) -> Result<(), StoreError> {
        let mut state = self.state();
        let size = target.view.size;
        if state.collected.size != size {
            state.collected = Collected { size, ..Collected::default() };
        }
        let name = self.policy.witnesses()[number].name.clone();
        let cosigned_at_ms = cosignature.time_s.saturating_mul(1_000);
        if let Some(standing) = state.standing.witnesses.get_mut(number) {
            *standing = WitnessStanding { size, cosigned_at_ms, problem: String::new(), ..standing.clone() };
        }
        state.collected.cosignatures.insert(name, cosignature);
        let Some(cosigned) = self.quorum(&state.collected, &target.checkpoint) else { return Ok(()) };
        let written = || {
            let written = cosigned::write(&self.path, &cosigned.note);
            written.map_err(|reason| StoreError::failed("writing what was cosigned", reason))
        };
        target.log.store().step(Step::Cosigned, written)?;
        state.standing.cosigned = Some(Arc::new(cosigned));
        let age_s = state.standing.age_s();
        tracing::debug!(origin = target.log.origin(), size, age_s, "cosigned");
        Ok(())
    }
}

fn read_policy(settings: &WitnessesConfig, origin: &str) -> Result<Policy, ConfigError> {
    let malformed = |reason| ConfigError::Policy { path: settings.policy.clone(), reason };
    Policy::parse(read(&settings.policy)?.as_bytes(), origin).map_err(malformed)
}

/// The checkpoint with the log's own signature only.
fn bare(checkpoint: &VerifiedCheckpoint, log_keys: &[[u8; 32]]) -> Option<String> {
    use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
    let keys = log_keys.iter().filter_map(|key| VerifierKey::new(checkpoint.origin(), TYPE_ED25519, *key).ok());
    let lines: String = keys.filter_map(|key| checkpoint.note().line(&key)).collect();
    let text = zegel_verifier::checkpoint::print(checkpoint.origin(), checkpoint.size(), checkpoint.root());
    (!lines.is_empty()).then(|| format!("{text}\n{lines}"))
}
