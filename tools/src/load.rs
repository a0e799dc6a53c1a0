//! An honest load: what a ledger takes, and how long sources wait, from outside.
//!
//! Everything that could flatter or blur the figures is done before the clock runs: sources, custodians and conversations
//! are registered, captures begun, and every batch is committed, sealed and signed, streamed to disk. While it runs the
//! client only reads, encrypts for the wire and counts. Latency is measured from the moment a batch was meant to go
//! (`meter`); one receipt in 64 is checked whole; the checkpoint after it must extend the one before it.
//!
//! Not here: whether the figures are good (`make bench`). It writes events into the log that it measures: a load belongs in
//! a log of its own.

mod dice;
mod drive;
mod error;
mod meter;
mod mill;
mod plot;
mod process;
mod registering;
mod report;
mod sealed;
mod sealing;
mod wire;
mod world;

pub use drive::{Call, Pace};
pub use error::LoadError;
pub use meter::{Latency, Second};
pub use plot::plot;
pub use report::{Client, Report, Server, Tree};

use crate::keys::{Actor, KeyFolder};
use crate::source::{ClientCertificate, Connection, Source, SourceConfig, recipients};
use drive::{Lane, Run};
use meter::Meter;
use mill::{Ground, Making};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use world::World;
use zegel_keys::Protection;
use zegel_verifier::checkpoint::VerifiedCheckpoint;
use zegel_verifier::hash::Hash;

/// Month of all messages of a load, as in a header.
const MONTH: u32 = 202_205;
/// When it begins, in milliseconds since 1970.
const MONTH_BEGINS_MS: u64 = 1_651_363_200_000;
/// Events a second for which a closed loop has load at hand, if nobody says how many events to seal.
const CLOSED_EVENTS_PER_SECOND: u64 = 20_000;
/// How long a run without a time of its own may take.
const ENDLESS: Duration = Duration::from_secs(7 * 86_400);

/// Told what is being done: the name of the step, how much is done, and of how much.
pub type Watch = Arc<dyn Fn(&'static str, u64, u64) + Send + Sync>;

/// What the load is.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Which call.
    pub call: Call,
    /// Closed or open.
    pub pace: Pace,
    /// Sources; with [`Call::Unary`] they are the clients.
    pub sources: u32,
    /// Events of a batch.
    pub batch_events: u32,
    /// Custodians; counts only for the first load of a log.
    pub custodians: u32,
    /// Conversations in which something is said.
    pub conversations: u32,
    /// Before the steady state.
    pub warm_up: Duration,
    /// The steady state.
    pub steady: Duration,
    /// Events to seal at most; none: enough for the rate of an open loop, 20,000 a second for a closed one.
    pub events: Option<u64>,
    /// Process of the server, if it is on this machine; none: whoever listens there.
    pub server: Option<u32>,
    /// Folder of the load's keys, chains and sealed batches.
    pub folder: PathBuf,
}

impl Plan {
    /// Events that are sealed before the clock runs.
    fn sealed_events(&self) -> u64 {
        let seconds = (self.warm_up + self.steady).as_secs_f64();
        let rate = match self.pace {
            Pace::Closed { .. } => CLOSED_EVENTS_PER_SECOND as f64,
            Pace::Open { events_per_second, .. } => events_per_second,
        };
        self.events.unwrap_or((rate * seconds).ceil() as u64).max(1)
    }

    fn check(&self) -> Result<(), LoadError> {
        let bounds = [
            ("sources", u64::from(self.sources), 1, 4_096),
            ("events of a batch", u64::from(self.batch_events), 1, 1_024),
            ("custodians", u64::from(self.custodians), 1, 10_000),
            ("conversations", u64::from(self.conversations), u64::from(self.sources), 10_000_000),
        ];
        match bounds.into_iter().find(|(_, found, min, max)| !(min..=max).contains(&found)) {
            Some((what, found, min, max)) => Err(LoadError::Bounds { what, found, min, max }),
            None => Ok(()),
        }
    }
}

fn client_name(source: u32) -> String {
    format!("load-{source}")
}

/// Makes the certificates by which a ledger knows the sources of a load, in its folder. Gives the SHA-256 of each, and its actor.
///
/// # Errors
/// [`LoadError`].
pub fn clients(
    keys: &KeyFolder,
    folder: &Path,
    sources: u32,
    protection: &Protection,
) -> Result<Vec<(Hash, Hash)>, LoadError> {
    let world = World::open(folder, &keys.ministry().origin)?;
    let client = |number| {
        let made = keys.add_client(&client_name(number), folder, protection)?;
        Ok((made, world.names().source(number).identity.actor()))
    };
    (0..sources).map(client).collect()
}

/// A ledger under load: what stays the same from step to step.
pub struct Load {
    keys: KeyFolder,
    ledger: String,
    plan: Plan,
    world: World,
    /// Checks registry, checkpoints and that the log goes on.
    officer: Source,
    /// Events of this folder's loads that are in the log.
    logged: u64,
    watch: Watch,
}

impl Load {
    /// Prepares a load: registers what is missing, sends what an earlier load left, begins captures.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn prepare(keys: KeyFolder, ledger: &str, plan: Plan, watch: Watch) -> Result<Self, LoadError> {
        plan.check()?;
        let world = World::open(&plan.folder, &keys.ministry().origin)?;
        let officer = Source::of_folder(&keys, Actor::Officer, ledger).await?;
        let mut load = Self { keys, ledger: ledger.into(), plan, world, officer, logged: 0, watch };
        load.register().await?;
        load.send_rest("sending what an earlier load left").await?;
        load.open_captures().await?;
        Ok(load)
    }

    /// Seals, runs, and says what came of it.
    ///
    /// # Errors
    /// [`LoadError`]: the first refusal or broken connection ends the load.
    pub async fn run(&mut self) -> Result<Report, LoadError> {
        let events = self.plan.sealed_events();
        let sealing = std::time::Instant::now();
        self.seal(events)?;
        let sealing_seconds = sealing.elapsed().as_secs_f64();
        let before = self.checkpoint().await?;
        let ran = self.measure(Making::Sealed, self.plan.warm_up + self.plan.steady).await?;
        let after = self.checkpoint().await?;
        Ok(report::report(&self.plan, ran, before.as_ref(), after.as_ref(), (events, sealing_seconds)))
    }

    /// Makes the log larger by so many events whose bodies are filler, made while they are sent, or stops in time.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub async fn fill(&mut self, events: u64, time: Duration) -> Result<Report, LoadError> {
        self.plan.pace = Pace::Closed { in_flight: self.plan.pace_in_flight() };
        (self.plan.warm_up, self.plan.events) = (Duration::ZERO, Some(events));
        let before = self.checkpoint().await?;
        let ran = self.measure(Making::Filler, time).await?;
        let after = self.checkpoint().await?;
        Ok(report::report(&self.plan, ran, before.as_ref(), after.as_ref(), (0, 0.0)))
    }

    /// The newest checkpoint, checked to extend every one before it.
    async fn checkpoint(&mut self) -> Result<Option<VerifiedCheckpoint>, LoadError> {
        self.officer.refresh().await?;
        Ok(self.officer.checkpoint().cloned())
    }

    /// The line of a source, which shows the certificate that [`clients`] made for it, if there is one.
    fn connection(&self, source: u32) -> Result<Connection, LoadError> {
        let config = SourceConfig::of_folder(&self.keys, Actor::Source, &self.ledger)?;
        let tls_ca = config.tls_ca.as_deref();
        let file = |extension| self.plan.folder.join(format!("tls-{}.{extension}", client_name(source)));
        let shown = Some(file("pem")).filter(|certificate| certificate.exists());
        let shown = shown.map(|certificate| ClientCertificate::read(&certificate, &file("key"))).transpose()?;
        let origin = &config.origin;
        Connection::as_client(&self.ledger, tls_ca, shown.as_ref(), origin, config.backoff).map_err(LoadError::Ledger)
    }

    fn ground(&self) -> Result<Arc<Ground>, LoadError> {
        Ok(Arc::new(Ground {
            names: self.world.names(),
            origin: self.keys.ministry().origin.clone(),
            archive_keys: recipients(self.officer.registry())?,
            sources: self.plan.sources,
            conversations: self.plan.conversations,
        }))
    }

    /// Sends all that is sealed and not in the log, unmeasured.
    async fn send_rest(&mut self, step: &'static str) -> Result<(), LoadError> {
        let total = self.behind().await?;
        if total > 0 {
            let unmeasured = Meter::new(ENDLESS, ENDLESS, 0);
            let run = self.start(Call::Stream, Pace::Closed { in_flight: 4 }, unmeasured, (step, 0))?;
            let mut lanes = Vec::new();
            for source in &self.world.sources {
                let supply = sealed::supply(&self.world.sealed(), source.number, source.sent);
                lanes.push(self.lane(source.number, supply).await?);
            }
            drive::drive(&Arc::new(run), lanes).await?;
            if self.behind().await? > 0 {
                return Err(LoadError::Lost { folder: self.plan.folder.display().to_string() });
            }
        }
        self.logged = self.world.events();
        self.world.sources.iter().try_for_each(|source| sealed::clear(&self.world.sealed(), source.number))
    }

    /// How many batches the ledger does not have yet; notes for each source where the ledger is.
    async fn behind(&mut self) -> Result<u64, LoadError> {
        let mut behind = 0;
        for number in 0..self.world.sources.len() {
            let connection = self.connection(number as u32)?;
            let source = &mut self.world.sources[number];
            let theirs = connection.source_head(source.identity.actor()).await.map_err(LoadError::Ledger)?;
            let (ours, theirs) = (source.head.next_batch_seq, theirs.next_batch_seq);
            if theirs > ours {
                return Err(LoadError::Chain { source_number: source.number, ours, theirs });
            }
            source.sent = theirs;
            behind += ours - theirs;
        }
        Ok(behind)
    }

    async fn lane(&self, number: u32, supply: sealed::Supply) -> Result<Lane, LoadError> {
        let connection = self.connection(number)?;
        let actor = self.world.sources[number as usize].identity.actor();
        // Connects and shakes hands before the clock runs.
        connection.source_head(actor).await.map_err(LoadError::Ledger)?;
        Ok(Lane { number, actor: actor.to_vec(), channel: connection.channel(), supply })
    }

    fn start(
        &self,
        call: Call,
        pace: Pace,
        meter: Meter,
        (step, total): (&'static str, u64),
    ) -> Result<Run, LoadError> {
        let (watch, done) = (Arc::clone(&self.watch), AtomicU64::new(0));
        Ok(Run {
            call,
            pace,
            lanes: self.plan.sources,
            batch_events: self.plan.batch_events,
            start: Instant::now(),
            stop: meter.end(),
            meter: Mutex::new(meter),
            origin: self.keys.ministry().origin.clone(),
            registry: self.officer.registry().cloned().ok_or(LoadError::NotBegun)?,
            answers: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            progress: Box::new(move |events| {
                watch(step, done.fetch_add(events, Ordering::Relaxed) + events, total);
            }),
        })
    }
}

impl Plan {
    fn pace_in_flight(&self) -> usize {
        match self.pace {
            Pace::Closed { in_flight } | Pace::Open { in_flight, .. } => in_flight,
        }
    }
}
