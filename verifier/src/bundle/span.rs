//! What a scope holds of messages and captures at all, and how far from the edge of a period what is open lies.
//!
//! A month is one of UTC, by the clock that the binding names; a period in local time differs by some hours at either end.
//! So an exporter can show the neighbouring months with all withheld but what lies near the period. Here is only measured
//! what is open; what the report says of it is in `report/span.rs`. Memory: a few numbers.

use super::calendar::{month_start_ms, next_month, slack_ms};
use super::export::ScopeFacts;
use crate::kinds::{EventFacts, Family, family};
use zegel_proto::v1::Binding;

/// What is open in the first or the last month of a period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edge {
    /// Events of a known time.
    pub(super) open: u64,
    /// How far the farthest of them lies from the month that follows (or precedes), in milliseconds.
    pub(super) farthest_ms: u64,
}

/// What was seen of a scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    /// Events of chats and captures.
    pub(super) captured: u64,
    /// Registrations of which the body is not shown.
    pub(super) registrations_closed: u64,
    /// The first month of the period.
    pub(super) first: Edge,
    /// The last month of the period.
    pub(super) last: Edge,
}

impl Span {
    /// Takes an event of the scope.
    pub(super) fn event(&mut self, scope: ScopeFacts, facts: &EventFacts, binding: Option<&Binding>) {
        if family(facts.kind) == Family::Register {
            self.registrations_closed += u64::from(binding.is_none());
            return;
        }
        self.captured += 1;
        let Some(binding) = binding.filter(|_| facts.month > 0) else { return };
        let end = binding.occurred_at_ms.saturating_add(slack_ms(binding.precision).unwrap_or(0));
        if facts.month == scope.from_month {
            self.first.take(month_start_ms(next_month(facts.month)).saturating_sub(end));
        }
        if facts.month == scope.to_month {
            self.last.take(binding.occurred_at_ms.saturating_sub(month_start_ms(facts.month)));
        }
    }
}

impl Edge {
    fn take(&mut self, distance_ms: u64) {
        self.open += 1;
        self.farthest_ms = self.farthest_ms.max(distance_ms);
    }
}
