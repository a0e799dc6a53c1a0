//! How many compressions this process has done, for tests that guard an algorithm and not a clock.
//!
//! Counted in builds with debug assertions only: elsewhere nothing is left of it.

#[cfg(debug_assertions)]
static COMPRESSIONS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

#[inline]
pub(super) fn add(compressions: usize) {
    #[cfg(debug_assertions)]
    COMPRESSIONS.fetch_add(compressions as u64, std::sync::atomic::Ordering::Relaxed);
    #[cfg(not(debug_assertions))]
    let _ = compressions;
}

/// SHA-256 compressions of this process so far; `None` in a build that does not count.
#[must_use]
pub fn compressions() -> Option<u64> {
    #[cfg(debug_assertions)]
    return Some(COMPRESSIONS.load(std::sync::atomic::Ordering::Relaxed));
    #[cfg(not(debug_assertions))]
    return None;
}
