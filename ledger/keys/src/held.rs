//! A key in memory: alone in a page, locked where the system allows it, wiped when it is dropped.

use ed25519_dalek::SigningKey;
use std::fmt;

/// A page to itself: locks count by the page, so that a neighbour's unlocking would be ours.
#[repr(align(4096))]
struct Page(SigningKey);

/// An Ed25519 key that this process holds.
pub(crate) struct HeldKey {
    // Dropped in this order: wiped (`SigningKey` does that), then unlocked.
    page: Box<Page>,
    lock: Option<region::LockGuard>,
}

impl HeldKey {
    pub(crate) fn new(key: SigningKey) -> Self {
        let page = Box::new(Page(key));
        let lock = region::lock(std::ptr::from_ref(&*page), size_of::<Page>()).ok();
        Self { page, lock }
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.page.0
    }

    /// Whether the page stays out of swap: RLIMIT_MEMLOCK may forbid that.
    pub(crate) fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

impl fmt::Debug for HeldKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HeldKey(not shown)")
    }
}
