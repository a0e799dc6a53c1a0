//! What the stores of this process have written, for tests that guard an algorithm and not a clock.
//!
//! A few additions for each group, not for each event.

use std::ops::Sub;
use std::sync::atomic::{AtomicU64, Ordering};

static WRITES: AtomicU64 = AtomicU64::new(0);
static SYNCS: AtomicU64 = AtomicU64::new(0);
static ROWS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// Writes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Atomic writes to a database.
    pub writes: u64,
    /// Writes that waited for the disk, the guard's among them.
    pub syncs: u64,
    /// Rows in these writes.
    pub rows: u64,
    /// Bytes of these writes, before they reach a file.
    pub bytes: u64,
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            writes: self.writes - before.writes,
            syncs: self.syncs - before.syncs,
            rows: self.rows - before.rows,
            bytes: self.bytes - before.bytes,
        }
    }
}

/// What all stores of this process have written.
#[must_use]
pub fn cost() -> Cost {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Cost { writes: read(&WRITES), syncs: read(&SYNCS), rows: read(&ROWS), bytes: read(&BYTES) }
}

pub(super) fn count_write(rows: usize, bytes: usize) {
    WRITES.fetch_add(1, Ordering::Relaxed);
    ROWS.fetch_add(rows as u64, Ordering::Relaxed);
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

pub(super) fn count_sync() {
    SYNCS.fetch_add(1, Ordering::Relaxed);
}

/// Bytes that this thread reads from files of databases meanwhile.
#[cfg(test)]
pub(crate) fn bytes_read(read: impl FnOnce()) -> u64 {
    use rocksdb::perf::{PerfContext, PerfMetric, PerfStatsLevel, set_perf_stats};
    set_perf_stats(PerfStatsLevel::EnableCount);
    let mut context = PerfContext::default();
    context.reset();
    read();
    let bytes = context.metric(PerfMetric::BlockReadByte);
    set_perf_stats(PerfStatsLevel::Disable);
    bytes
}
