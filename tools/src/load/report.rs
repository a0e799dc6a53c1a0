//! What a load says in the end, for machines and for people.

use super::meter::{Latency, Second};
use super::process::Usage;
use super::sealing::Ran;
use super::{Call, Pace, Plan, dice};
use serde::Serialize;
use std::fmt::Write;
use zegel_verifier::checkpoint::VerifiedCheckpoint;

/// What came of a load.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `append_stream` or `append`.
    pub call: &'static str,
    /// `closed` or `open`.
    pub pace: &'static str,
    /// Events a second that an open loop meant to send.
    pub offered_events_per_second: Option<f64>,
    /// Sources, or clients of single calls.
    pub sources: u32,
    /// Batches of a source under way, at most.
    pub in_flight: usize,
    /// Events of a batch.
    pub batch_events: u32,
    /// Conversations in which something was said.
    pub conversations: u32,
    /// Words of a message, from and to.
    pub words: [u64; 2],
    /// `sealed`, or `filler` where the log was only made larger.
    pub bodies: &'static str,
    /// Seconds before the steady state.
    pub warm_up_seconds: f64,
    /// Seconds of the steady state.
    pub steady_seconds: f64,
    /// The sealed load ran out before the time did.
    pub ran_out: bool,
    /// Events with receipts, warm-up and ebb included.
    pub acknowledged_events: u64,
    /// Batches with receipts.
    pub acknowledged_batches: u64,
    /// Events answered in the steady state.
    pub steady_events: u64,
    /// Those by its seconds.
    pub events_per_second: f64,
    /// The slowest and the median second of the steady state, in events.
    pub slowest_second_events: u64,
    /// The median second.
    pub median_second_events: u64,
    /// From the moment a batch was meant to go.
    pub latency: Latency,
    /// From the moment it went.
    pub service: Latency,
    /// Batches that an open loop meant to send in time and could not; their latency counts until the end.
    pub unsent_batches: u64,
    /// Receipts that were checked whole.
    pub checked_receipts: u64,
    /// Bytes of requests.
    pub request_bytes: u64,
    /// Events that were sealed for it beforehand, and in how many seconds.
    pub sealed_events: u64,
    /// Seconds of sealing.
    pub sealing_seconds: f64,
    /// The log before and after.
    pub tree: Tree,
    /// The server, if it is on this machine.
    pub server: Option<Server>,
    /// This client.
    pub client: Client,
    /// Cores of this machine.
    pub machine_cores: usize,
    /// Second by second, warm-up included.
    pub seconds: Vec<Second>,
}

/// The log before and after a load, by its verified checkpoints.
#[derive(Clone, Debug, Serialize)]
pub struct Tree {
    /// Entries before.
    pub entries_before: u64,
    /// Entries after.
    pub entries_after: u64,
    /// Root after.
    pub root_after: Option<String>,
    /// Events of this folder's loads before.
    pub load_events_before: u64,
    /// Events of this folder's loads after.
    pub load_events_after: u64,
}

/// What the server took while the load ran.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Its process.
    pub pid: u32,
    /// Seconds of processor time.
    pub processor_seconds: f64,
    /// Cores, on average.
    pub cores: f64,
    /// Bytes in memory at the begin.
    pub bytes_before: u64,
    /// At the end.
    pub bytes_after: u64,
    /// The most since it started.
    pub peak_bytes: u64,
}

/// What this client took while the load ran.
#[derive(Clone, Debug, Serialize)]
pub struct Client {
    /// Seconds of processor time.
    pub processor_seconds: f64,
    /// Cores, on average.
    pub cores: f64,
    /// Part of the machine, 0 to 1.
    pub machine_share: f64,
    /// The most memory it had.
    pub peak_bytes: u64,
}

pub(super) fn report(
    plan: &Plan,
    ran: Ran,
    before: Option<&VerifiedCheckpoint>,
    after: Option<&VerifiedCheckpoint>,
    (sealed_events, sealing_seconds): (u64, f64),
) -> Report {
    let machine_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (elapsed, steady) = (ran.elapsed.as_secs_f64(), ran.steady.as_secs_f64());
    let warm_up = plan.warm_up.as_secs();
    let mut rates: Vec<u64> = ran.seconds.iter().filter(|row| row.second >= warm_up).map(|row| row.events).collect();
    rates.sort_unstable();
    let planned = plan.steady.as_secs_f64();
    let size = |of: Option<&VerifiedCheckpoint>| of.map_or(0, VerifiedCheckpoint::size);
    let client_seconds = ran.client.1.processor_seconds - ran.client.0.processor_seconds;
    Report {
        call: if plan.call == Call::Stream { "append_stream" } else { "append" },
        pace: if matches!(plan.pace, Pace::Open { .. }) { "open" } else { "closed" },
        offered_events_per_second: match plan.pace {
            Pace::Open { events_per_second, .. } => Some(events_per_second),
            Pace::Closed { .. } => None,
        },
        sources: plan.sources,
        in_flight: if plan.call == Call::Unary { 1 } else { plan.pace_in_flight() },
        batch_events: plan.batch_events,
        conversations: plan.conversations,
        words: [dice::WORDS.start, dice::WORDS.end - 1],
        bodies: if sealed_events > 0 { "sealed" } else { "filler" },
        warm_up_seconds: plan.warm_up.as_secs_f64(),
        steady_seconds: steady,
        ran_out: steady + 0.001 < planned,
        acknowledged_events: ran.events,
        acknowledged_batches: ran.batches,
        steady_events: ran.totals.steady_events,
        events_per_second: if steady > 0.0 { ran.totals.steady_events as f64 / steady } else { 0.0 },
        slowest_second_events: rates.first().copied().unwrap_or(0),
        median_second_events: rates.get(rates.len() / 2).copied().unwrap_or(0),
        latency: ran.totals.latency,
        service: ran.totals.service,
        unsent_batches: ran.unsent,
        checked_receipts: ran.checked,
        request_bytes: ran.bytes,
        sealed_events,
        sealing_seconds,
        tree: Tree {
            entries_before: size(before),
            entries_after: size(after),
            root_after: after.map(|checkpoint| checkpoint.root().to_string()),
            load_events_before: ran.log_events.0,
            load_events_after: ran.log_events.1,
        },
        server: ran.pid.zip(ran.server).map(|(pid, usage)| server(pid, usage, elapsed)),
        client: Client {
            processor_seconds: client_seconds,
            cores: client_seconds / elapsed,
            machine_share: client_seconds / elapsed / machine_cores as f64,
            peak_bytes: ran.client.1.peak_bytes,
        },
        machine_cores,
        seconds: ran.seconds,
    }
}

/// What a process took between two moments.
fn server(pid: u32, (before, after): (Usage, Usage), elapsed: f64) -> Server {
    let processor_seconds = after.processor_seconds - before.processor_seconds;
    Server {
        pid,
        processor_seconds,
        cores: processor_seconds / elapsed,
        bytes_before: before.resident_bytes,
        bytes_after: after.resident_bytes,
        peak_bytes: after.peak_bytes,
    }
}

impl Report {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let offered = self.offered_events_per_second.map_or_else(String::new, |rate| format!(" of {rate:.0} offered"));
        // Writing to a string cannot fail.
        _ = writeln!(
            text,
            "{:.0} events a second{offered}, over {:.1} s after {:.1} s of warm-up ({}, {} loop, {} sources, batches of {})",
            self.events_per_second,
            self.steady_seconds,
            self.warm_up_seconds,
            self.call,
            self.pace,
            self.sources,
            self.batch_events
        );
        for (name, of) in [("latency, from when it was meant to go", self.latency), ("from when it went", self.service)]
        {
            _ = writeln!(
                text,
                "{name}: p50 {:.1} ms, p90 {:.1}, p99 {:.1}, p99.9 {:.1}, max {:.1}",
                of.p50_ms, of.p90_ms, of.p99_ms, of.p999_ms, of.max_ms
            );
        }
        if self.unsent_batches > 0 {
            _ = writeln!(text, "{} batches were meant to go and could not; they count as late", self.unsent_batches);
        }
        if self.ran_out {
            _ = writeln!(text, "the sealed load ran out early: --events seals more");
        }
        if let Some(server) = &self.server {
            _ = writeln!(
                text,
                "server: {:.2} cores, {:.0} MiB in memory, {:.0} at most",
                server.cores,
                mib(server.bytes_after),
                mib(server.peak_bytes)
            );
        }
        let share = 100.0 * self.client.machine_share;
        _ = writeln!(text, "client: {:.2} cores, {share:.0} % of this machine", self.client.cores);
        _ = write!(
            text,
            "{} events in {} batches acknowledged; the log went from {} to {} entries; {} receipts checked whole",
            self.acknowledged_events,
            self.acknowledged_batches,
            self.tree.entries_before,
            self.tree.entries_after,
            self.checked_receipts
        );
        text
    }
}
