//! How many compressions this process has done, for tests that guard an algorithm and not a clock.
//!
//! Counted in builds with debug assertions only: elsewhere nothing is left of it.

#[cfg(debug_assertions)]
static COMPRESSIONS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Counts a message of so many bytes: blocks of 64, with one bit and a length of eight bytes behind them.
#[inline]
pub(super) fn add(bytes: usize) {
    #[cfg(debug_assertions)]
    COMPRESSIONS.fetch_add((bytes + 9).div_ceil(64) as u64, std::sync::atomic::Ordering::Relaxed);
    #[cfg(not(debug_assertions))]
    let _ = bytes;
}

/// SHA-256 compressions of this process so far; `None` in a build that does not count.
#[must_use]
pub fn compressions() -> Option<u64> {
    #[cfg(debug_assertions)]
    return Some(COMPRESSIONS.load(std::sync::atomic::Ordering::Relaxed));
    #[cfg(not(debug_assertions))]
    return None;
}
