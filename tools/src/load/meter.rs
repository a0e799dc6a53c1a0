//! What is counted while a load runs: latencies in a histogram, and one row a second.
//!
//! Two latencies are kept. *Latency* begins when the batch was meant to go: in an open loop a ledger that stalls makes
//! everything behind the stall late, and that is counted (no coordinated omission). *Service* begins when it went. In a
//! closed loop the two are one. Memory is bounded: a second that is over is kept as a row of numbers.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// Longest latency that is told apart: an hour. What takes longer counts as an hour.
const LATENCY_MAX_US: u64 = 3_600_000_000;

/// A distribution of latencies, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Answers that it is over.
    pub count: u64,
    /// Mean.
    pub mean_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// 90th percentile.
    pub p90_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// 99.9th percentile.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// One second of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Second {
    /// Seconds since the load began, warm-up included.
    pub second: u64,
    /// Events whose receipts arrived in it.
    pub events: u64,
    /// Their latency.
    pub latency: Latency,
    /// Events that this load has in the log, when the second ended.
    pub log_events: u64,
    /// Cores that the server took; none where it cannot be seen.
    pub server_cores: Option<f64>,
    /// Bytes of the server in memory.
    pub server_bytes: Option<u64>,
    /// Cores that this client took.
    pub client_cores: f64,
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// When the batch was meant to go, since the start.
    pub(super) intended: Duration,
    /// When it went.
    pub(super) sent: Duration,
    /// When its receipt was here.
    pub(super) answered: Duration,
    pub(super) events: u64,
}

/// Counts answers.
pub(super) struct Meter {
    /// From when on it counts.
    warm_up: Duration,
    /// Until when.
    end: Duration,
    latency: Histogram<u64>,
    service: Histogram<u64>,
    steady_events: u64,
    pub(super) batches: u64,
    pub(super) events: u64,
    pub(super) unsent: u64,
    second: u64,
    in_second: (u64, Histogram<u64>),
    log_events: u64,
    pub(super) seconds: Vec<Second>,
    /// Second, cores of the server, its bytes, cores of the client.
    taken: Vec<(u64, Option<f64>, Option<u64>, f64)>,
}

/// What a meter says in the end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Totals {
    pub(super) latency: Latency,
    pub(super) service: Latency,
    /// Events answered between warm-up and end.
    pub(super) steady_events: u64,
}

fn histogram(digits: u8) -> Histogram<u64> {
    // Bounds and digits are constants that the crate allows.
    let made = Histogram::new_with_bounds(1, LATENCY_MAX_US, digits);
    made.unwrap_or_else(|_| unreachable!("the bounds of the histogram are good"))
}

fn summary(of: &Histogram<u64>) -> Latency {
    let at = |quantile| of.value_at_quantile(quantile) as f64 / 1e3;
    Latency {
        count: of.len(),
        mean_ms: of.mean() / 1e3,
        p50_ms: at(0.5),
        p90_ms: at(0.9),
        p99_ms: at(0.99),
        p999_ms: at(0.999),
        max_ms: if of.is_empty() { 0.0 } else { of.max() as f64 / 1e3 },
    }
}

impl Meter {
    pub(super) fn new(warm_up: Duration, end: Duration, log_events: u64) -> Self {
        Self {
            warm_up,
            end,
            latency: histogram(3),
            service: histogram(3),
            steady_events: 0,
            batches: 0,
            events: 0,
            unsent: 0,
            second: 0,
            in_second: (0, histogram(2)),
            log_events,
            seconds: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// Takes an answer. In the steady state are those batches that were meant to go in it.
    pub(super) fn answer(&mut self, answer: Answer) {
        // First the seconds that are over: what comes now is not in them.
        self.roll(answer.answered);
        self.batches += 1;
        self.events += answer.events;
        self.log_events += answer.events;
        let latency = micros(answer.answered.saturating_sub(answer.intended));
        self.in_second.0 += answer.events;
        self.in_second.1.saturating_record(latency);
        if (self.warm_up..self.end).contains(&answer.answered) {
            self.steady_events += answer.events;
        }
        if (self.warm_up..self.end).contains(&answer.intended) {
            self.latency.saturating_record(latency);
            self.service.saturating_record(micros(answer.answered.saturating_sub(answer.sent)));
        }
    }

    /// A batch that was meant to go before the end and did not: its latency is at least until `now`.
    pub(super) fn unsent(&mut self, intended: Duration, now: Duration) {
        self.unsent += 1;
        if intended >= self.warm_up {
            self.latency.saturating_record(micros(now.saturating_sub(intended)));
        }
    }

    /// Closes the seconds before `now`. Rows after the end are not kept: the load ebbs away there.
    fn roll(&mut self, now: Duration) {
        while self.second < now.as_secs() {
            let latency = summary(&self.in_second.1);
            let row = Second {
                second: self.second,
                events: self.in_second.0,
                latency,
                log_events: self.log_events,
                ..Second::default()
            };
            if Duration::from_secs(self.second + 1) <= self.end {
                self.seconds.push(row);
            }
            self.in_second.0 = 0;
            self.in_second.1.reset();
            self.second += 1;
        }
    }

    /// Notes what server and client took in a second.
    pub(super) fn sampled(&mut self, second: u64, server: Option<f64>, server_bytes: Option<u64>, client: f64) {
        self.taken.push((second, server, server_bytes, client));
    }

    /// Says what was counted; the load has ended.
    pub(super) fn finish(&mut self) -> Totals {
        // What came after the end is no second of its own.
        self.roll(self.end);
        for (second, server_cores, server_bytes, client_cores) in std::mem::take(&mut self.taken) {
            if let Some(row) = self.seconds.iter_mut().find(|row| row.second == second) {
                *row = Second { server_cores, server_bytes, client_cores, ..row.clone() };
            }
        }
        Totals { latency: summary(&self.latency), service: summary(&self.service), steady_events: self.steady_events }
    }

    /// The load ran out before its time: the steady state ended then.
    pub(super) fn ended_early(&mut self, at: Duration) {
        self.end = self.end.min(at);
    }

    pub(super) fn end(&self) -> Duration {
        self.end
    }

    pub(super) fn warm_up(&self) -> Duration {
        self.warm_up
    }

    /// Events in the log by this load.
    pub(super) fn log_events(&self) -> u64 {
        self.log_events
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(LATENCY_MAX_US).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_stall_counts_for_all_that_had_to_wait_behind_it() {
        let mut meter = Meter::new(at(0), at(10_000), 0);
        // Ten a second were meant; the ledger stalled for the first second and then took all at once.
        for number in 0..10 {
            let answer = Answer { intended: at(number * 100), sent: at(1_000), answered: at(1_001), events: 1 };
            meter.answer(answer);
        }
        let totals = meter.finish();
        assert!(totals.latency.p50_ms > 400.0 && totals.latency.max_ms > 999.0, "{totals:?}");
        assert!(totals.service.max_ms < 2.0, "{totals:?}");
    }

    #[test]
    fn what_was_never_sent_is_late_too() {
        let mut meter = Meter::new(at(0), at(1_000), 0);
        meter.unsent(at(200), at(1_000));
        let totals = meter.finish();
        assert_eq!((meter.unsent, totals.latency.count, totals.service.count), (1, 1, 0));
        assert!(totals.latency.max_ms >= 799.0, "{totals:?}");
    }

    #[test]
    fn the_warm_up_is_in_the_rows_and_not_in_the_steady_state() {
        let mut meter = Meter::new(at(1_000), at(3_000), 100);
        for ms in [500, 1_500, 2_500, 3_500] {
            meter.answer(Answer { intended: at(ms - 10), sent: at(ms - 10), answered: at(ms), events: 7 });
        }
        let totals = meter.finish();
        assert_eq!((totals.steady_events, totals.latency.count, meter.events), (14, 2, 28));
        let rows: Vec<(u64, u64, u64)> =
            meter.seconds.iter().map(|row| (row.second, row.events, row.log_events)).collect();
        assert_eq!(rows, [(0, 7, 107), (1, 7, 114), (2, 7, 121)]);
    }
}
