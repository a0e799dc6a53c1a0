//! When messages could disappear: the periods of a chat of which the export leaves messages out.
//!
//! The apps write no message that has a timer. So wherever a timer ran, something can be missing, and how much cannot be
//! known: the period is said as a gap. Pure.

use crate::import::Gap;

/// Reason code of the gap.
pub(super) const LEFT_OUT: &str = "timer_messages_left_out";

/// What is known of a chat's timer.
#[derive(Clone, Debug, Default)]
pub(super) struct Timer {
    /// When it was set, and to how many milliseconds; 0 is off. In the order of the export.
    pub(super) changes: Vec<(u64, u64)>,
    /// What it was set to when the export was made; `None`: the export does not say.
    pub(super) at_end_ms: Option<u64>,
    /// New chats of the account begin with a timer.
    pub(super) is_default_on: bool,
}

impl Timer {
    /// The periods in which it ran, up to the export.
    pub(super) fn gaps(&self, exported_ms: u64) -> Vec<Gap> {
        let gap = |from_ms, to_ms| Gap { reason: LEFT_OUT, from_ms, to_ms };
        let is_on_at_end = self.at_end_ms.is_some_and(|timer| timer > 0);
        if self.changes.is_empty() {
            let ran = is_on_at_end || (self.is_default_on && self.at_end_ms.is_none());
            return if ran { vec![gap(0, exported_ms)] } else { Vec::new() };
        }
        let mut changes = self.changes.clone();
        changes.sort_unstable();
        let mut gaps = Vec::new();
        // The first change turns it off: it ran before, and nobody says since when.
        let mut since = (changes[0].1 == 0).then_some(0);
        for (at_ms, timer) in changes {
            match (since, timer) {
                (Some(from), 0) => {
                    gaps.push(gap(from, at_ms));
                    since = None;
                }
                (None, 1..) => since = Some(at_ms),
                _ => {}
            }
            // Off at the last change and on at the end: its being turned on is among what is left out.
            if since.is_none() && is_on_at_end && self.changes.iter().all(|(other, _)| *other <= at_ms) {
                since = Some(at_ms);
            }
        }
        gaps.extend(since.map(|from| gap(from, exported_ms)));
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn periods(changes: &[(u64, u64)], at_end_ms: Option<u64>, is_default_on: bool) -> Vec<(u64, u64)> {
        let timer = Timer { changes: changes.to_vec(), at_end_ms, is_default_on };
        timer.gaps(100).iter().map(|gap| (gap.from_ms, gap.to_ms)).collect()
    }

    #[test]
    fn a_period_runs_from_on_to_off_or_to_the_export() {
        assert_eq!(periods(&[(10, 5), (20, 0)], Some(0), false), [(10, 20)]);
        assert_eq!(periods(&[(10, 5), (15, 9), (20, 0), (30, 5)], Some(5), false), [(10, 20), (30, 100)]);
        assert_eq!(periods(&[(20, 0), (10, 5)], None, false), [(10, 20)]);
    }

    #[test]
    fn what_is_not_said_is_taken_to_have_run() {
        assert_eq!(periods(&[(20, 0)], Some(0), false), [(0, 20)]);
        assert_eq!(periods(&[], Some(5), false), [(0, 100)]);
        assert_eq!(periods(&[], None, true), [(0, 100)]);
        assert_eq!(periods(&[(10, 5), (20, 0)], Some(7), false), [(10, 20), (20, 100)]);
    }

    #[test]
    fn a_chat_without_a_timer_has_no_gap() {
        assert_eq!(periods(&[], None, false), []);
        assert_eq!(periods(&[], Some(0), true), []);
    }
}
