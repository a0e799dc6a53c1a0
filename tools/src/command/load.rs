//! `zegel load`: how much a ledger takes, and how long sources wait.

use super::{CommandError, Outcome, Place};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zegel_keys::Protection;
use zegel_tools::disk::{self, Readers};
use zegel_tools::keys::KeyFolder;
use zegel_tools::load::{Call, Load as Loading, LoadError, Pace, Plan, Watch, clients, plot};
use zegel_verifier::hash::Hash;

/// Arguments of `zegel load`. It writes messages of chance into the log: use a log of its own.
#[derive(Args)]
pub(crate) struct Load {
    #[command(flatten)]
    place: Place,
    /// Folder of the load's keys, chains and sealed batches; default: load, in the key folder.
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Sources, each with a chain and a connection of its own; with --single they are the clients.
    #[arg(long, default_value_t = 16)]
    sources: u32,
    /// Events of a batch.
    #[arg(long, default_value_t = 256)]
    batch: u32,
    /// Single events: Append instead of AppendStream, one call at a time a source.
    #[arg(long, conflicts_with_all = ["batch", "in_flight", "fill"])]
    single: bool,
    /// Conversations in which something is said.
    #[arg(long, default_value_t = 100_000)]
    conversations: u32,
    /// Custodians whose conversations they are; counts only for the first load of a log.
    #[arg(long, default_value_t = 10)]
    custodians: u32,
    /// Open loop: so many events a second are meant to go, whether or not the ledger keeps up. Default: closed loop.
    #[arg(long, value_name = "EVENTS")]
    rate: Option<u32>,
    /// Batches of a source under way, at most.
    #[arg(long, default_value_t = 4)]
    in_flight: usize,
    /// Seconds that are not counted.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    warm_up: u64,
    /// Seconds of steady state.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Events to seal beforehand. Default: for the rate of an open loop, for 20,000 a second in a closed one.
    #[arg(long)]
    events: Option<u64>,
    /// Only make the log larger: so many events, or what goes in --seconds, with random bytes as bodies.
    #[arg(long, value_name = "EVENTS", conflicts_with_all = ["rate", "events"])]
    fill: Option<u64>,
    /// Process of the ledger, to see what it takes. Default: the one that listens there, if it is on this machine.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Only make the certificates by which a ledger knows the sources of this load, without a passphrase, and print their tables for its
    /// configuration.
    #[arg(long)]
    clients: bool,
    /// Draw throughput and latency over time and over the size of the log, as SVG, to a new file.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

impl Load {
    fn plan(&self, keys: &KeyFolder) -> Plan {
        let in_flight = self.in_flight;
        Plan {
            call: if self.single { Call::Unary } else { Call::Stream },
            pace: match self.rate {
                Some(rate) => Pace::Open { events_per_second: f64::from(rate.max(1)), in_flight },
                None => Pace::Closed { in_flight },
            },
            sources: self.sources,
            batch_events: if self.single { 1 } else { self.batch },
            custodians: self.custodians,
            conversations: self.conversations,
            warm_up: Duration::from_secs(self.warm_up),
            steady: Duration::from_secs(self.seconds.max(1)),
            events: self.events,
            server: self.server_pid,
            folder: self.work.clone().unwrap_or_else(|| keys.path().join("load")),
        }
    }
}

/// Runs a load.
pub(crate) async fn run(load: Load) -> Result<Outcome, CommandError> {
    let keys = KeyFolder::open(&load.place.keys)?;
    let plan = load.plan(&keys);
    if load.clients {
        let made = clients(&keys, &plan.folder, load.sources, &Protection::Plain)?;
        let table = |(certificate, actor): &(Hash, Hash)| {
            format!("[[log.client]]\ncertificate = \"{certificate}\"\nactor = \"{actor}\"\n")
        };
        let tables: String = made.iter().map(table).collect();
        return Ok(Outcome::done(tables, json!({ "clients": made.len() })));
    }
    if let Some(path) = load.plot.as_ref().filter(|path| path.exists()) {
        return Err(LoadError::from(disk::DiskError::Exists { path: path.display().to_string() }).into());
    }
    let bars = Bars::new();
    let mut loading = Loading::prepare(keys, &load.place.ledger, plan, bars.watch()).await?;
    let report = match load.fill {
        Some(events) => loading.fill(events, Duration::from_secs(load.seconds.max(1))).await?,
        None => loading.run().await?,
    };
    bars.finish();
    if let Some(path) = &load.plot {
        disk::write_new(path, plot(&report).as_bytes(), Readers::Everyone).map_err(LoadError::from)?;
    }
    Ok(Outcome::done(report.text(), json!(report)))
}

/// One bar, that begins anew with each step; only on a terminal.
struct Bars(Arc<Mutex<(&'static str, ProgressBar)>>);

impl Bars {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(("", ProgressBar::hidden()))))
    }

    fn watch(&self) -> Watch {
        let bars = Arc::clone(&self.0);
        let is_shown = std::io::stderr().is_terminal();
        Arc::new(move |step, done, total| {
            if !is_shown {
                return;
            }
            let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
            if bars.0 != step {
                bars.1.finish_and_clear();
                *bars = (step, bar(step, total));
            }
            bars.1.set_position(done);
        })
    }

    fn finish(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.finish_and_clear();
    }
}

fn bar(step: &'static str, total: u64) -> ProgressBar {
    let known = total > 0;
    let bar = if known { ProgressBar::new(total) } else { ProgressBar::new_spinner() };
    let form = if known {
        "{msg} {wide_bar} {human_pos} of {human_len}, {per_sec}, {eta}"
    } else {
        "{spinner} {msg} {human_pos}"
    };
    let style = ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_message(step).with_style(style)
}
