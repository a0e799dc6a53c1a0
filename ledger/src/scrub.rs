//! The scrub: reads, while the log is served, everything that a read depends on, and holds it against what was signed.
//!
//! A pass reads a copy of both databases as they were at one moment (hard links: the very files that are served from, read
//! past every cache), entry by entry as `check` does; then it derives the projections again and compares them; then it hashes
//! the attachments. It is paced, and yields to appends.
//!
//! Invariants:
//! - a finding is told in one line that names the event's entry, or the row, and what to do; it is counted, and health says so;
//! - if anything that will be signed rests on what was found, the log stops accepting, also after a restart, until `check`
//!   finds nothing;
//! - memory is bounded by one batch, the places of one run of projections, and a hundred findings.
//!
//! What if we stop in the middle? The entry that came next is kept: the next start goes on there, with the same copy. A
//! comparison of projections begins again. Not here: the order of entries and who may write them: the signed root has them.
//! Specification: `specs/storage.md`.

mod pace;
mod pass;
mod position;

use crate::check::Finding;
use crate::config::{LogConfig, ScrubConfig};
use crate::metrics::{ScrubMetrics, now_ms};
use crate::polite::stand_back;
use crate::sequencer::OpenLog;
use crate::store::{Guard, Store, StoreError};
use pace::{Halt, Pace};
use position::{Found, Phase, Position};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a ledger that has just started is left alone.
const SETTLE: Duration = Duration::from_secs(60);
/// How often the position is kept.
const KEEP: Duration = Duration::from_secs(5);

/// The scrub of a log that is served. Dropping it waits for its step to end.
pub(crate) struct Scrub {
    halt: Arc<Halt>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Scrub {
    fn drop(&mut self) {
        self.halt.set();
        self.thread.take().map(JoinHandle::join);
    }
}

/// Called when something was found.
pub(crate) type Alarm = Box<dyn Fn() + Send>;

/// Starts the scrub of a log; `None` if its configuration wants none.
pub(crate) fn start(config: &LogConfig, log: &Arc<OpenLog>, alarm: Alarm) -> std::io::Result<Option<Scrub>> {
    if config.scrub.kib_per_second == 0 {
        tracing::warn!(origin = config.origin, "NO SCRUB: what rots on this disk is found by `check` alone");
        return Ok(None);
    }
    let halt = Arc::new(Halt::default());
    let metrics = log.metrics().scrub.clone();
    let pace = Pace::new(config.scrub.kib_per_second, Arc::clone(&halt), Arc::downgrade(log), metrics.bytes.clone());
    let folder = Store::scrub_folder(&config.store);
    let position = Position::read(&folder);
    let guard = Guard::new(&config.guard, &config.origin);
    let (settings, origin, store) = (config.scrub.clone(), config.origin.clone(), config.store.clone());
    let (halted, log, kept) = (Arc::clone(&halt), Arc::downgrade(log), Instant::now());
    let mut scrubber =
        Scrubber { settings, origin, store, folder, guard, log, halt: halted, pace, position, metrics, alarm, kept };
    scrubber.tell();
    let thread = std::thread::Builder::new().name("scrub".into()).spawn(move || {
        stand_back();
        scrubber.run();
    })?;
    Ok(Some(Scrub { halt, thread: Some(thread) }))
}

/// What an earlier scrub found that nothing may be signed over.
pub(crate) fn standing(store: &Path) -> Option<String> {
    let position = Position::read(&Store::scrub_folder(store));
    position.standing().iter().find(|found| found.stops()).map(sentence)
}

/// The finding, and what to do.
fn sentence(found: &Found) -> String {
    let entry = found.entry.map(|entry| format!(", entry {entry}")).unwrap_or_default();
    let what = match found.id.as_str() {
        "projection" | "snapshot" => "stop, keep a copy of the store, run `zegel-ledger rebuild`, then `check`",
        "sealed" | "keys" => "keep the store, and take these rows from a backup (`restore`, then `check`)",
        "blob" => "put this one file back from a backup, or have its source send it again",
        "guard" => "stop, and go to the ceremony in specs/storage.md",
        _ => "stop, keep the store, run `zegel-ledger check`, and put a backup back",
    };
    format!("the scrub has a finding ({}{entry}): {}; {what}", found.id, found.reason)
}

/// Why a pass is not whole.
enum Broken {
    /// It was told to stop.
    Halted,
    /// No copy could be made: for want of room, say.
    Unfrozen(StoreError),
    /// An erasure took the copy away.
    Taken,
    /// The copy does not read.
    Store(StoreError),
}

impl From<StoreError> for Broken {
    fn from(reason: StoreError) -> Self {
        if reason == StoreError::Halted { Self::Halted } else { Self::Store(reason) }
    }
}

struct Scrubber {
    settings: ScrubConfig,
    origin: String,
    store: PathBuf,
    /// The copy, the position, what is derived.
    folder: PathBuf,
    guard: Guard,
    log: Weak<OpenLog>,
    halt: Arc<Halt>,
    pace: Pace,
    position: Position,
    metrics: ScrubMetrics,
    alarm: Alarm,
    kept: Instant,
}

impl Scrubber {
    fn run(mut self) {
        let rest = Duration::from_secs(self.settings.rest_s);
        let mut wait = rest.min(SETTLE);
        if self.position.phase == Phase::Rest && self.position.passed_ms > 0 {
            let since = Duration::from_millis(now_ms().saturating_sub(self.position.passed_ms));
            wait = wait.max(rest.saturating_sub(since));
        }
        while self.halt.rest(wait) {
            wait = rest.max(Duration::from_millis(10));
            let outcome = match self.pass() {
                Ok(()) | Err(Broken::Store(_)) if self.is_taken() => Err(Broken::Taken),
                outcome => outcome,
            };
            match outcome {
                Err(Broken::Taken) => {
                    tracing::info!(origin = self.origin, "an erasure took the copy that was scrubbed: another is made");
                    self.position.enter(Phase::Rest);
                    self.keep();
                }
                Ok(()) => self.passed(),
                Err(Broken::Store(reason)) => {
                    self.find("store", None, reason);
                    self.passed();
                }
                Err(Broken::Unfrozen(reason)) => {
                    tracing::warn!(origin = self.origin, %reason, "not scrubbed");
                    wait = rest.max(SETTLE);
                }
                Err(Broken::Halted) => {
                    self.keep();
                    let Some(full) = self.pace.full() else { return };
                    tracing::warn!(origin = self.origin, "the scrub gives its room back: {full}");
                    self.forget_copy();
                    self.position.enter(Phase::Rest);
                    self.keep();
                    wait = rest.max(SETTLE);
                }
            }
        }
    }

    fn passed(&mut self) {
        self.forget_copy();
        let (size, found) = (self.position.size, self.position.found.len());
        self.position.pass(now_ms());
        self.keep();
        tracing::info!(origin = self.origin, entries = size, findings = found, "scrubbed");
    }

    fn keep(&mut self) {
        // One that is not kept costs a part of a pass that is read again.
        let _ = self.position.write(&self.folder);
        self.kept = Instant::now();
        self.tell();
    }

    fn tell(&mut self) {
        self.metrics.passed.set((self.position.passed_ms / 1_000) as i64);
        self.metrics.findings.set(self.position.standing().len() as i64);
        let entries = if self.position.phase == Phase::Entries { self.position.next } else { self.position.size };
        self.metrics.entries.set(entries as i64);
        if !self.position.standing().is_empty() {
            (self.alarm)();
        }
    }

    fn find(&mut self, id: &'static str, entry: Option<u64>, reason: impl ToString) {
        if self.is_taken() {
            return;
        }
        let finding = Finding { origin: self.origin.clone(), id, entry, reason: reason.to_string() };
        let found = Found::from(&finding);
        let sentence = sentence(&found);
        let stops = found.stops();
        if self.position.take(found) {
            tracing::error!(origin = self.origin, finding = id, entry, "{sentence}");
        }
        if stops && let Some(log) = self.log.upgrade() {
            log.stop(sentence);
        }
        self.keep();
    }

    /// Counts, waits, and keeps the position now and then; an error when it is to stop.
    fn spend(&mut self, bytes: u64) -> Result<(), Broken> {
        if !self.pace.spend(bytes) {
            return Err(Broken::Halted);
        }
        if self.is_taken() {
            return Err(Broken::Taken);
        }
        if self.kept.elapsed() > KEEP {
            self.keep();
        }
        Ok(())
    }
}
