//! How long content lies in a landing zone before it is purged there: by the log alone, by its own clock.
//!
//! The policy `landing_zone_max_hours` sets the limit; without it nothing is a landing zone. A CUSTODY_PURGED is taken as about
//! all content before it: which events it names is sealed. Pure; two numbers are kept. Specification: `specs/custody.md`.

use super::Fault;
use crate::registry::Registry;
use zegel_proto::v1::EventKind;

/// Name of the policy.
pub const POLICY: &str = "landing_zone_max_hours";
const HOUR_MS: u64 = 3_600_000;

/// The most hours that content may lie in the landing zone, as the registry says; `None` if there is no such policy, or if
/// its value is not a number of hours from 1 on.
#[must_use]
pub fn max_hours(registry: &Registry) -> Option<u64> {
    let value = registry.policy(POLICY)?;
    value.parse().ok().filter(|hours: &u64| *hours > 0 && hours.to_string() == value)
}

/// Content that was not purged yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dwelling {
    /// Entry of the oldest, and when it was received, in milliseconds since 1970.
    pub(super) oldest: Option<(u64, u64)>,
}

impl Dwelling {
    /// Continues from what was kept: entry and time of the oldest.
    #[must_use]
    pub const fn of(oldest: Option<(u64, u64)>) -> Self {
        Self { oldest }
    }

    /// Takes the next batch: whether it holds content, and whether it says that what came before was purged. Gives the oldest
    /// that was purged by it.
    pub fn take(
        &mut self,
        entry: u64,
        received_at_ms: u64,
        kinds: impl Iterator<Item = EventKind>,
    ) -> Option<(u64, u64)> {
        use crate::kinds::{Family, family};
        let (mut has_content, mut purges) = (false, false);
        for kind in kinds {
            has_content |= matches!(family(kind), Family::Chat | Family::Capture);
            purges |= kind == EventKind::CustodyPurged;
        }
        let purged = if purges { self.oldest.take() } else { None };
        if has_content {
            self.oldest.get_or_insert((entry, received_at_ms));
        }
        purged
    }

    /// When the oldest was received, in milliseconds since 1970; `None` if all was purged.
    #[must_use]
    pub fn since_ms(&self) -> Option<u64> {
        self.oldest.map(|(_, since)| since)
    }
}

/// Whole hours between two times.
#[must_use]
pub const fn hours_between(since_ms: u64, now_ms: u64) -> u64 {
    now_ms.saturating_sub(since_ms) / HOUR_MS
}

/// What is wrong with content that lay, or lies, there from one time to another.
pub(super) fn fault_of(registry: &Registry, since_ms: u64, until_ms: u64) -> Option<Fault> {
    let max = max_hours(registry)?;
    let is_over = until_ms.saturating_sub(since_ms) > max.saturating_mul(HOUR_MS);
    is_over.then(|| Fault::Dwell { hours: hours_between(since_ms, until_ms), max })
}
