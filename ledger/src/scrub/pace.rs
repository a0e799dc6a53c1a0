//! How fast a scrub reads, and when it stops.
//!
//! Invariants: it reads no more than its bytes a second, a quarter of that while appends wait, and nothing while the disk has no
//! room for both; it stops within one step when the ledger does.

use crate::sequencer::OpenLog;
use prometheus_client::metrics::counter::Counter;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Bytes that are read in one go.
const STEP_BYTES: u64 = 64 << 10;
/// How much slower it reads while appends wait.
const YIELD: u32 = 4;

/// Says when to stop, and wakes who rests.
#[derive(Debug, Default)]
pub(crate) struct Halt {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Halt {
    pub(crate) fn set(&self) {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Rests; false if it is to stop.
    pub(crate) fn rest(&self, time: Duration) -> bool {
        let is_set = self.is_set.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(is_set, time, |is_set| !*is_set);
        let (is_set, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !*is_set
    }
}

/// The pace of a scrub.
pub(crate) struct Pace {
    kib_per_second: u64,
    halt: Arc<Halt>,
    log: Weak<OpenLog>,
    read: Counter,
    owed: u64,
    /// Why it stopped, if it was for want of room.
    full: Option<String>,
}

impl Pace {
    pub(crate) fn new(kib_per_second: u64, halt: Arc<Halt>, log: Weak<OpenLog>, read: Counter) -> Self {
        Self { kib_per_second, halt, log, read, owed: 0, full: None }
    }

    /// Counts bytes that were read, and waits for them; false if it is to stop.
    pub(crate) fn spend(&mut self, bytes: u64) -> bool {
        self.read.inc_by(bytes);
        self.owed += bytes;
        if self.owed < STEP_BYTES {
            return true;
        }
        let time = Duration::from_secs_f64(self.owed as f64 / (self.kib_per_second.max(1) * 1_024) as f64);
        self.owed = 0;
        // Held for as long as it takes to look: the writer of a log ends with the last who holds it.
        let Some((waiting, room)) = self.log.upgrade().map(|log| (log.waiting(), log.room_for(0))) else {
            return false;
        };
        if let Err(full) = room {
            self.full = Some(full.to_string());
            return false;
        }
        self.halt.rest(time * if waiting > 0 { YIELD } else { 1 })
    }

    /// Why it stopped, if the ledger did not.
    pub(crate) fn full(&mut self) -> Option<String> {
        self.full.take()
    }
}
