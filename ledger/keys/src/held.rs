//! A key in memory: alone in a page, locked where the system allows it, wiped when it is dropped.

use std::fmt;

/// A page to itself: locks count by the page, so that a neighbour's unlocking would be ours.
#[repr(align(4096))]
struct Page<K>(K);

/// A private key that this process holds; `K` wipes itself when it is dropped.
pub struct HeldKey<K> {
    // Dropped in this order: wiped, then unlocked.
    page: Box<Page<K>>,
    lock: Option<region::LockGuard>,
}

impl<K> HeldKey<K> {
    /// Takes a key into a page of its own. What the caller's copy leaves on the stack is not wiped.
    #[must_use]
    pub fn new(key: K) -> Self {
        let page = Box::new(Page(key));
        let lock = region::lock(std::ptr::from_ref(&*page), size_of::<Page<K>>()).ok();
        Self { page, lock }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.page.0
    }

    /// Whether the page stays out of swap: RLIMIT_MEMLOCK may forbid that.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }
}

impl<K> fmt::Debug for HeldKey<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HeldKey(not shown)")
    }
}
