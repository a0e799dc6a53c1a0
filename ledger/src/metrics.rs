//! What a ledger tells of itself while it works: Prometheus metrics on a port of their own.
//!
//! Invariants: no label names a person, an id or content; the only ones are origins, stages, files and reasons of refusal.
//! Counting costs an append some atomic additions. The dashboard is `ledger/grafana.json`; a test holds that it asks for
//! nothing that is not here.

use crate::log::Refusal;
use crate::sequencer::{AppendError, OpenLog};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLog {
    origin: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    origin: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStage {
    origin: String,
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfFile {
    origin: String,
    file: &'static str,
}

/// From 50 µs to 26 s.
#[derive(Clone)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(50e-6, 2.0, 20))
    }
}

/// From 1 to 128 entries of a group.
#[derive(Clone)]
struct Entries;

impl MetricConstructor<Histogram> for Entries {
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(1.0, 2.0, 8))
    }
}

/// All metrics of a process.
pub(crate) struct Metrics {
    registry: Registry,
    appends: Family<OfLog, Counter>,
    events: Family<OfLog, Counter>,
    refusals: Family<OfReason, Counter>,
    group_entries: Family<OfLog, Histogram, Entries>,
    stages: Family<OfStage, Histogram, Seconds>,
    syncs: Family<OfFile, Histogram, Seconds>,
    snapshots: Family<OfLog, Histogram, Seconds>,
    snapshot_time: Family<OfLog, Gauge>,
    tree_size: Family<OfLog, Gauge>,
    streams: Family<OfLog, Gauge>,
    queue_depth: Family<OfLog, Gauge>,
    behind: Family<OfLog, Gauge>,
    store_bytes: Family<OfFile, Gauge>,
    primary_size: Family<OfLog, Gauge>,
    primary_heard: Family<OfLog, Gauge>,
    primary_refused: Family<OfLog, Gauge>,
    landing_zone: Family<OfLog, Gauge>,
    landing_zone_overdue: Family<OfLog, Gauge>,
    readers_cut: Family<OfLog, Counter>,
    scrub_bytes: Family<OfLog, Counter>,
    scrub_findings: Family<OfLog, Gauge>,
    scrub_passed: Family<OfLog, Gauge>,
    scrub_entries: Family<OfLog, Gauge>,
}

/// What the scrub of one log tells.
#[derive(Clone)]
pub(crate) struct ScrubMetrics {
    pub(crate) bytes: Counter,
    /// What stands of this pass or the one before it.
    pub(crate) findings: Gauge,
    /// When the last whole pass ended, in seconds since 1970.
    pub(crate) passed: Gauge,
    /// Entries that this pass has read.
    pub(crate) entries: Gauge,
}

impl Metrics {
    /// Nothing measured yet.
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("zegel"),
            appends: Family::default(),
            events: Family::default(),
            refusals: Family::default(),
            group_entries: Family::new_with_constructor(Entries),
            stages: Family::new_with_constructor(Seconds),
            syncs: Family::new_with_constructor(Seconds),
            snapshots: Family::new_with_constructor(Seconds),
            snapshot_time: Family::default(),
            tree_size: Family::default(),
            streams: Family::default(),
            queue_depth: Family::default(),
            behind: Family::default(),
            store_bytes: Family::default(),
            primary_size: Family::default(),
            primary_heard: Family::default(),
            primary_refused: Family::default(),
            landing_zone: Family::default(),
            landing_zone_overdue: Family::default(),
            readers_cut: Family::default(),
            scrub_bytes: Family::default(),
            scrub_findings: Family::default(),
            scrub_passed: Family::default(),
            scrub_entries: Family::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let of = &mut self.registry;
        of.register("appends", "Batches that were logged", self.appends.clone());
        of.register("events", "Events of these batches", self.events.clone());
        of.register("refusals", "Batches that were refused, by reason", self.refusals.clone());
        of.register("group_entries", "Entries that were made durable together", self.group_entries.clone());
        let (seconds, bytes) = (|| Unit::Seconds, Unit::Bytes);
        of.register_with_unit("stage", "Time of an append in each stage", seconds(), self.stages.clone());
        of.register_with_unit("sync", "Time of a synced write", seconds(), self.syncs.clone());
        of.register_with_unit("snapshot", "Time that an index snapshot took", seconds(), self.snapshots.clone());
        let about = "When the newest index snapshot was logged, since 1970";
        of.register_with_unit("snapshot_logged", about, seconds(), self.snapshot_time.clone());
        of.register("tree_size", "Entries of the log", self.tree_size.clone());
        of.register("streams", "Months of ids, estimated", self.streams.clone());
        of.register("queue_depth", "Jobs that wait for the writer", self.queue_depth.clone());
        of.register("projections_behind", "Entries that the projections trail the log", self.behind.clone());
        of.register_with_unit("store", "Bytes of the store's files", bytes, self.store_bytes.clone());
        of.register("primary_size", "Entries that the primary of a follower signed last", self.primary_size.clone());
        let about = "When a follower heard its primary last, since 1970";
        of.register_with_unit("primary_heard", about, seconds(), self.primary_heard.clone());
        let about = "How long the oldest content that was not purged has been in a landing zone";
        of.register_with_unit("landing_zone_oldest", about, seconds(), self.landing_zone.clone());
        let about = "1 while that is longer than the policy allows, 0 otherwise";
        of.register("landing_zone_overdue", about, self.landing_zone_overdue.clone());
        let about = "1 while a follower takes nothing more, 0 otherwise";
        of.register("primary_refused", about, self.primary_refused.clone());
        of.register("readers_cut", "Streams whose reader took nothing for too long", self.readers_cut.clone());
        of.register_with_unit("scrub", "Bytes that the scrub read", Unit::Bytes, self.scrub_bytes.clone());
        of.register("scrub_findings", "Findings of the scrub that stand", self.scrub_findings.clone());
        let about = "When the last whole pass of the scrub ended, since 1970; 0: never";
        of.register_with_unit("scrub_passed", about, seconds(), self.scrub_passed.clone());
        of.register("scrub_entries", "Entries that this pass of the scrub has read", self.scrub_entries.clone());
    }

    /// The metrics of one log.
    pub(crate) fn of(self: &Arc<Self>, origin: &str) -> LogMetrics {
        let stage = |stage| self.stages.get_or_create(&OfStage { origin: origin.into(), stage }).clone();
        let file = |file| self.syncs.get_or_create(&OfFile { origin: origin.into(), file }).clone();
        let log = OfLog { origin: origin.into() };
        LogMetrics {
            admission: stage("admission"),
            queue: stage("queue"),
            seal: stage("seal"),
            sign: stage("sign"),
            sync: stage("sync"),
            sync_keys: file("keys"),
            sync_log: file("log"),
            sync_guard: file("guard"),
            appends: self.appends.get_or_create(&log).clone(),
            events: self.events.get_or_create(&log).clone(),
            group_entries: self.group_entries.get_or_create(&log).clone(),
            snapshots: self.snapshots.get_or_create(&log).clone(),
            snapshot_time: self.snapshot_time.get_or_create(&log).clone(),
            readers_cut: self.readers_cut.get_or_create(&log).clone(),
            scrub: ScrubMetrics {
                bytes: self.scrub_bytes.get_or_create(&log).clone(),
                findings: self.scrub_findings.get_or_create(&log).clone(),
                passed: self.scrub_passed.get_or_create(&log).clone(),
                entries: self.scrub_entries.get_or_create(&log).clone(),
            },
            metrics: Arc::clone(self),
            log,
        }
    }
}

/// What one log counts.
#[derive(Clone)]
pub(crate) struct LogMetrics {
    metrics: Arc<Metrics>,
    log: OfLog,
    /// Examining a batch: canonical, hashes, signature.
    pub(crate) admission: Histogram,
    /// Waiting for the sequencer.
    pub(crate) queue: Histogram,
    /// Deciding a group.
    pub(crate) seal: Histogram,
    /// Signing its checkpoint.
    pub(crate) sign: Histogram,
    /// All synced writes of a group but its keys.
    pub(crate) sync: Histogram,
    pub(crate) sync_keys: Histogram,
    pub(crate) sync_log: Histogram,
    pub(crate) sync_guard: Histogram,
    pub(crate) appends: Counter,
    pub(crate) events: Counter,
    pub(crate) group_entries: Histogram,
    pub(crate) snapshots: Histogram,
    snapshot_time: Gauge,
    pub(crate) readers_cut: Counter,
    pub(crate) scrub: ScrubMetrics,
}

impl LogMetrics {
    /// A batch was refused.
    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.count_refusal(&format!("{refusal:?}"));
    }

    /// A batch was not taken.
    pub(crate) fn not_taken(&self, reason: &AppendError) {
        match reason {
            AppendError::Refused(refusal) => self.refused(refusal),
            other => self.count_refusal(&format!("{other:?}")),
        }
    }

    /// The name of the variant is the reason: as many as there are rules, and none of the numbers in it.
    fn count_refusal(&self, debug: &str) {
        let reason = debug.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned();
        self.metrics.refusals.get_or_create(&OfReason { origin: self.log.origin.clone(), reason }).inc();
    }

    /// A snapshot was logged at a time.
    pub(crate) fn snapshot_logged(&self, at_ms: u64) {
        self.snapshot_time.set((at_ms / 1_000) as i64);
    }

    /// A follower heard its primary.
    pub(crate) fn heard(&self, size: u64, at_ms: u64) {
        self.metrics.primary_size.get_or_create(&self.log).set(size as i64);
        self.metrics.primary_heard.get_or_create(&self.log).set((at_ms / 1_000) as i64);
    }

    /// Whether a follower has ended following.
    pub(crate) fn follows(&self, has_ended: bool) {
        self.metrics.primary_refused.get_or_create(&self.log).set(i64::from(has_ended));
    }

    /// Takes what is not counted but looked at.
    fn look(&self, log: &OpenLog) {
        let of = &self.metrics;
        let size = log.view().size;
        of.tree_size.get_or_create(&self.log).set(size as i64);
        of.queue_depth.get_or_create(&self.log).set(log.waiting() as i64);
        of.behind.get_or_create(&self.log).set(size.saturating_sub(log.store().watermark()) as i64);
        of.streams.get_or_create(&self.log).set(log.store().streams_about() as i64);
        let (dwells_ms, max_ms) = log.dwells_ms(now_ms()).unwrap_or_default();
        of.landing_zone.get_or_create(&self.log).set((dwells_ms / 1_000) as i64);
        of.landing_zone_overdue.get_or_create(&self.log).set(i64::from(dwells_ms > max_ms));
        for (file, bytes) in log.store().bytes() {
            of.store_bytes.get_or_create(&OfFile { origin: self.log.origin.clone(), file }).set(bytes as i64);
        }
    }
}

/// Measures a stage, in seconds.
pub(crate) fn timed<T>(into: &Histogram, work: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let done = work();
    into.observe(begin.elapsed().as_secs_f64());
    done
}

/// Milliseconds since 1970 by this machine's clock.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64)
}

fn page(metrics: &Metrics, logs: &[(Arc<OpenLog>, LogMetrics)]) -> String {
    logs.iter().for_each(|(log, of)| of.look(log));
    let mut text = String::new();
    // Writing into memory has no way to fail.
    let _ = encode(&mut text, &metrics.registry);
    text
}

/// Answers `GET /metrics` until it is dropped. It holds the logs only while it answers.
pub(crate) async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    logs: Vec<Arc<OpenLog>>,
) -> std::io::Result<()> {
    let logs: Vec<_> = logs.iter().map(Arc::downgrade).collect();
    let answer = move || {
        let open: Vec<_> = logs.iter().filter_map(std::sync::Weak::upgrade).collect();
        let open: Vec<_> = open.into_iter().map(|log| (Arc::clone(&log), metrics.of(log.origin()))).collect();
        let text = page(&metrics, &open);
        async move { ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text) }
    };
    axum::serve(listener, Router::new().route("/metrics", get(answer))).await
}
