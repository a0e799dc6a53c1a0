//! The rows that need a ledger. One log grows from row to row, since filling it is what takes the time: single events on a
//! small log of their own; then ingest, growth, export, snapshot and start on the large one.

use crate::page::{Row, count, mib, ratio};
use crate::raw::{Raw, ms};
use crate::stage::Stage;
use crate::verify::compressions;
use crate::{Scale, failed};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use zegel_proto::v1::{
    EventHeader, EventKind, ExportEvidenceRequest, ExportSubject, ReadEntriesRequest, Scope, StreamType,
    evidence_record,
};
use zegel_proto::{parse, print};
use zegel_tools::entropy::random_id;
use zegel_tools::event::{CustodianEntry, RecordsAct};
use zegel_tools::keys::Actor;
use zegel_tools::load::{Call, Load, Pace, Plan, Report, Watch, plot};
use zegel_tools::source::Source;

const SOURCES: u32 = 16;
const INGEST: &str = "ingest, `AppendStream`, batches of 256 events, 12–20 words, 16 sources, sealed beforehand";
const SINGLE: &str = "single events, 64 clients, `Append`";
const ONE: &str = "one client, one event at a time";
const EXPORT: &str = "`ExportEvidence` of a tenth of the log";
const SNAPSHOT: &str = "index snapshot, appends going on";
const GROWTH: &str = "growth: appends on the large log against the small one";
const START: &str = "start after a clean stop; after a crash";

pub struct Measured {
    pub rows: Vec<Row>,
    pub conditions: Vec<String>,
    pub plot: Option<String>,
}

type Say<'a> = &'a dyn Fn(&str);

pub fn measure(folder: &Path, scale: Scale, raw: &Raw, say: Say<'_>) -> Measured {
    let runtime = Runtime::new().unwrap();
    let mut measured = Measured { rows: Vec::new(), conditions: Vec::new(), plot: None };
    let singles = singles(&runtime, folder, scale, raw, say);
    measured.rows.extend(singles.unwrap_or_else(|reason| vec![failed(20, SINGLE, &reason), failed(30, ONE, &reason)]));
    let mut large = match Large::new(&runtime, folder, scale, say) {
        Ok(large) => large,
        Err(reason) => {
            measured.rows.push(failed(10, INGEST, &reason));
            return measured;
        }
    };
    large.all(raw, &mut measured);
    measured
}

fn plan(folder: &Path, scale: Scale) -> Plan {
    Plan {
        call: Call::Stream,
        pace: Pace::Closed { in_flight: 4 },
        sources: SOURCES,
        batch_events: 256,
        custodians: 10,
        conversations: scale.conversations,
        warm_up: Duration::from_secs(2),
        steady: Duration::from_secs(scale.short_seconds),
        events: Some(scale.sealed_per_second * (scale.short_seconds + 2)),
        server: None,
        folder: folder.join("load"),
    }
}

fn silent() -> Watch {
    Arc::new(|_, _, _| ())
}

fn run(runtime: &Runtime, stage: &Stage, plan: Plan) -> Result<Report, String> {
    runtime.block_on(async {
        let mut load =
            Load::prepare(stage.keys.clone(), &stage.url, plan, silent()).await.map_err(|e| e.to_string())?;
        load.run().await.map_err(|reason| reason.to_string())
    })
}

fn bootstrap(runtime: &Runtime, stage: &Stage) -> Result<(), String> {
    runtime.block_on(zegel_tools::officer::bootstrap(&stage.keys, &stage.url)).map(|_| ()).map_err(|e| e.to_string())
}

/// Who took what, in words.
fn shares(report: &Report) -> String {
    let server = report.server.as_ref().map_or(0.0, |server| server.cores);
    let early =
        if report.ran_out { format!("; load ran out after {:.0} s", report.steady_seconds) } else { String::new() };
    format!(
        "server {server:.2} cores, client {:.2} ({:.0} % of the machine){early}",
        report.client.cores,
        100.0 * report.client.machine_share
    )
}

fn singles(runtime: &Runtime, folder: &Path, scale: Scale, raw: &Raw, say: Say<'_>) -> Result<Vec<Row>, String> {
    let seconds = scale.short_seconds + 2;
    let single = |stage: &Stage, sources: u32, events: u64| Plan {
        call: Call::Unary,
        sources,
        batch_events: 1,
        conversations: 1_920,
        events: Some(events),
        ..plan(stage.keys.path(), scale)
    };
    // A log each, so that neither sends what the other left.
    say("single events, 64 clients");
    let stage = Stage::new(folder, "many")?;
    bootstrap(runtime, &stage)?;
    let many = run(runtime, &stage, single(&stage, 64, 12_000 * seconds))?;
    drop(stage);
    say("one client");
    let stage = Stage::new(folder, "one")?;
    bootstrap(runtime, &stage)?;
    let one = run(runtime, &stage, single(&stage, 1, 3_000 * seconds))?;
    let write = ms(&raw.write, 0.5);
    Ok(vec![
        Row {
            place: 20,
            work: SINGLE.into(),
            target: "≥ 8,000 events/s; p99 ≤ 25 ms".into(),
            found: format!(
                "{} events/s; p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms",
                count(many.events_per_second),
                many.latency.p50_ms,
                many.latency.p99_ms,
                many.latency.p999_ms
            ),
            value: many.events_per_second,
            met: Some(many.events_per_second >= 8_000.0 && many.latency.p99_ms <= 25.0),
            beside: format!("raw fsync p99: {:.2} ms", ms(&raw.fsync, 0.99)),
            ratio: ratio(many.latency.p99_ms / ms(&raw.fsync, 0.99)),
            remark: shares(&many),
        },
        Row {
            place: 30,
            work: ONE.into(),
            target: "p50 ≤ 6 × a raw synced RocksDB write".into(),
            found: format!("p50 {:.2} ms, p99 {:.2} ms", one.latency.p50_ms, one.latency.p99_ms),
            value: one.latency.p50_ms,
            met: Some(one.latency.p50_ms <= 6.0 * write),
            beside: format!(
                "raw synced RocksDB write p50: {write:.3} ms; three syncs in turn: {:.2} ms",
                ms(&raw.three, 0.5)
            ),
            ratio: ratio(one.latency.p50_ms / write),
            remark: shares(&one),
        },
    ])
}

/// The log that grows.
struct Large<'a> {
    runtime: &'a Runtime,
    stage: Stage,
    scale: Scale,
    say: Say<'a>,
    fill_left: Duration,
}

impl<'a> Large<'a> {
    fn new(runtime: &'a Runtime, folder: &Path, scale: Scale, say: Say<'a>) -> Result<Self, String> {
        let stage = Stage::new(folder, "large")?;
        bootstrap(runtime, &stage)?;
        Ok(Self { runtime, stage, scale, say, fill_left: Duration::from_secs(scale.fill_seconds) })
    }

    fn plan(&self) -> Plan {
        plan(self.stage.keys.path(), self.scale)
    }

    fn run(&self, plan: Plan) -> Result<Report, String> {
        run(self.runtime, &self.stage, plan)
    }

    /// Events of loads that are in the log; makes them `size` if time allows.
    fn fill(&mut self, size: u64, at: u64) -> Result<u64, String> {
        if at >= size {
            return Ok(at);
        }
        (self.say)(&format!("making the log {} events large", count(size as f64)));
        let begun = Instant::now();
        let report = self.runtime.block_on(async {
            let load = Load::prepare(self.stage.keys.clone(), &self.stage.url, self.plan(), silent()).await;
            load.map_err(|reason| reason.to_string())?.fill(size - at, self.fill_left).await.map_err(|e| e.to_string())
        })?;
        self.fill_left = self.fill_left.saturating_sub(begun.elapsed());
        Ok(report.tree.load_events_after)
    }

    fn all(&mut self, raw: &Raw, measured: &mut Measured) {
        let scale = self.scale;
        let Measured { rows, conditions, plot: picture } = measured;
        (self.say)("registering, beginning captures, and the first point of growth");
        let small = match self.fill(scale.sizes[0], 0).and_then(|_| self.run(self.plan())) {
            Ok(report) => report,
            Err(reason) => return rows.push(failed(10, INGEST, &reason)),
        };
        (self.say)("ingest");
        let ingest = self.run(Plan {
            warm_up: Duration::from_secs(5),
            steady: Duration::from_secs(scale.ingest_seconds),
            // As fast as it was just now, and a fifth more.
            events: Some((small.events_per_second.max(10_000.0) * 1.25 * (scale.ingest_seconds + 5) as f64) as u64),
            ..self.plan()
        });
        let mut size = small.tree.load_events_after;
        match &ingest {
            Ok(report) => {
                rows.push(ingest_row(report, raw));
                *picture = Some(plot(report));
                size = report.tree.load_events_after;
            }
            Err(reason) => rows.push(failed(10, INGEST, reason)),
        }
        let reached = self.fill(scale.sizes[1], size);
        size = *reached.as_ref().unwrap_or(&size);
        rows.push(reached.and_then(|size| self.export(size)).unwrap_or_else(|reason| failed(60, EXPORT, &reason)));
        rows.push(self.snapshot().unwrap_or_else(|reason| failed(70, SNAPSHOT, &reason)));
        let reached = self.fill(scale.sizes[2], size);
        (self.say)("the last point of growth");
        let large = reached.and_then(|_| self.run(self.plan()));
        match &large {
            Ok(large) => {
                rows.push(self.growth_row(&small, large));
                size = large.tree.load_events_after;
            }
            Err(reason) => rows.push(failed(80, GROWTH, reason)),
        }
        conditions.push(format!(
            "the large log: {} events, {} on disk, {} an event",
            count(size as f64),
            mib(self.stage.store_bytes()),
            self.stage.store_bytes() / size.max(1)
        ));
        if large.as_ref().is_ok_and(|large| large.tree.load_events_before < scale.sizes[2]) {
            conditions.push(format!(
                "SCALED: {} s of filling made the log {} events large, not {}: the rows of growth and start are not judged \
                 as met",
                scale.fill_seconds,
                count(size as f64),
                count(scale.sizes[2] as f64)
            ));
        }
        conditions.push(format!("ledger options: {}", self.options()));
        rows.push(self.starts(size).unwrap_or_else(|reason| failed(90, START, &reason)));
    }

    /// The ledger's configuration, but for keys and paths.
    fn options(&self) -> String {
        let text = std::fs::read_to_string(self.stage.keys.ledger_config()).unwrap_or_default();
        let told = |line: &&str| !line.starts_with('#') && !line.contains('/') && line.contains('=');
        let lines: Vec<&str> = text.lines().filter(told).collect();
        format!("the configuration that `zegel init` writes ({}), TLS on", lines.join("; "))
    }

    fn growth_row(&self, small: &Report, large: &Report) -> Row {
        let part = large.events_per_second / small.events_per_second;
        let memory = |report: &Report| report.server.as_ref().map_or(0, |server| server.bytes_after);
        let (at_small, at_large) = (small.tree.load_events_before, large.tree.load_events_before);
        Row {
            place: 80,
            work: GROWTH.into(),
            target: "≥ 90 % of the speed at 20,000,000 of that at 1,000,000; memory flat".into(),
            found: format!(
                "{:.0} %: {} events/s at {}, {} at {}",
                100.0 * part,
                count(small.events_per_second),
                count(at_small as f64),
                count(large.events_per_second),
                count(at_large as f64)
            ),
            value: part,
            met: Some(part >= 0.9 && at_large >= self.scale.sizes[2] && memory(large) < 2 * memory(small)),
            beside: "–".into(),
            ratio: ratio(part),
            remark: format!("memory {} and {}", mib(memory(small)), mib(memory(large))),
        }
    }

    fn export(&mut self, size: u64) -> Result<Row, String> {
        (self.say)("export");
        let (stage, runtime) = (&self.stage, self.runtime);
        let origin = stage.keys.ministry().origin.clone();
        let exported = runtime.block_on(async {
            let mut officer = officer(stage).await?;
            let custodian = last_custodian(&officer).await?;
            let scope = Scope { stream: StreamType::StreamCustodian as i32, id: custodian, from_month: 0, to_month: 0 };
            let export = random_id().map_err(|reason| reason.to_string())?;
            let subject = ExportSubject {
                export: export.to_vec(),
                case: "meting".into(),
                scope: Some(scope.clone()),
                recipient: "meting".into(),
                ..ExportSubject::default()
            };
            let subject = print(&subject).map_err(|reason| reason.to_string())?;
            let act = RecordsAct::new(EventKind::ExportCreated, subject).draft(1).map_err(|e| e.to_string())?;
            let placed = officer.append(vec![act]).await.map_err(|reason| reason.to_string())?;
            let snapshot = officer.connection().snapshot().await.map_err(|reason| reason.to_string())?;
            let placed = placed.first().ok_or("the export has no place")?;
            let request = ExportEvidenceRequest {
                origin,
                scope: Some(scope),
                snapshot_entry: snapshot.index,
                export_entry: placed.entry,
                export_position: placed.position,
            };
            let before = stage.memory();
            let begun = Instant::now();
            let mut stream = officer.connection().evidence(&request).await.map_err(|reason| reason.to_string())?;
            let (mut events, mut bytes) = (0u64, 0u64);
            while let Some(record) = stream.message().await.map_err(|reason| reason.to_string())? {
                if let Some(evidence_record::Record::Event(event)) = record.record {
                    events += 1;
                    bytes += event.header.len() as u64;
                    if let Some(zegel_proto::v1::evidence_event::Body::Sealed(sealed)) = event.body {
                        bytes += (sealed.ciphertext.len() + sealed.wrap.len()) as u64;
                    }
                }
            }
            Ok::<_, String>((events, bytes, begun.elapsed().as_secs_f64(), before, stage.memory()))
        });
        let (events, bytes, seconds, before, after) = exported?;
        let rate = events as f64 / seconds;
        let read = read_back(&self.stage, bytes);
        Ok(Row {
            place: 60,
            work: format!("`ExportEvidence` of {} events out of {}", count(events as f64), count(size as f64)),
            target: "≥ 200,000 events/s, server memory flat".into(),
            found: format!("{} events/s", count(rate)),
            value: rate,
            met: Some(rate >= 200_000.0 && after.0 < before.0 + (256 << 20)),
            beside: format!("reading as many bytes of the store's files: {} events/s", count(events as f64 / read)),
            ratio: ratio(read / seconds),
            remark: format!("memory {} before, {} after, {} at most so far", mib(before.0), mib(after.0), mib(after.1)),
        })
    }

    fn snapshot(&mut self) -> Result<Row, String> {
        (self.say)("registering ids, and the snapshot over them");
        let ids = self.scale.ids;
        let missing = ids.saturating_sub(u64::from(self.scale.conversations) + 14);
        self.runtime.block_on(register(&self.stage, missing))?;
        let rate = 10_000.0;
        let seconds = self.scale.short_seconds + 4;
        let plan = Plan {
            pace: Pace::Open { events_per_second: rate, in_flight: 4 },
            steady: Duration::from_secs(seconds),
            events: None,
            ..self.plan()
        };
        let started = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&started);
        let watch: Watch = Arc::new(move |step, _, _| seen.store(step == "running", Ordering::Relaxed));
        let (report, taken) = self.runtime.block_on(async {
            let mut load = Load::prepare(self.stage.keys.clone(), &self.stage.url, plan, watch)
                .await
                .map_err(|e| e.to_string())?;
            let mut taker = None;
            let asked = async {
                while !started.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                let begun = Instant::now();
                let connection = snapshot_connection(&self.stage)?;
                tokio::time::sleep(Duration::from_secs(2 + seconds / 2)).await;
                let at = begun.elapsed().as_secs_f64();
                let asked = Instant::now();
                connection.snapshot().await.map_err(|reason| reason.to_string())?;
                taker = Some((at, asked.elapsed().as_secs_f64()));
                Ok::<(), String>(())
            };
            let (report, asked) = tokio::join!(load.run(), asked);
            asked?;
            Ok::<_, String>((report.map_err(|reason| reason.to_string())?, taker.unwrap_or_default()))
        })?;
        let (at, took) = taken;
        let during = |second: u64| (second as f64) < at + took && second as f64 + 1.0 > at;
        let p99 = |wanted: bool| {
            let rows = report.seconds.iter().filter(|row| row.second >= 2 && during(row.second) == wanted);
            let mut all: Vec<f64> = rows.map(|row| row.latency.p99_ms).collect();
            all.sort_by(f64::total_cmp);
            let at = if wanted { all.len().saturating_sub(1) } else { all.len() / 2 };
            all.get(at).copied().unwrap_or(0.0)
        };
        let (quiet, busy) = (p99(false), p99(true));
        let hashing = 2.0 * ids as f64 * 2.0 / compressions();
        Ok(Row {
            place: 70,
            work: format!("index snapshot over {} ids, appends going on", count(ids as f64)),
            target: "≤ 2 s; p99 of appends at most doubled".into(),
            found: format!("{took:.2} s; p99 {busy:.1} ms during it, {quiet:.1} ms before and after"),
            value: took,
            met: Some(took <= 2.0 && busy <= 2.0 * quiet),
            beside: format!("hashing {} nodes: {hashing:.2} s", count(2.0 * ids as f64)),
            ratio: ratio(took / hashing),
            remark: format!("open loop of {} events/s; p99 of the worst second against the median second", count(rate)),
        })
    }

    fn starts(&mut self, size: u64) -> Result<Row, String> {
        (self.say)("stop and start, kill and start");
        let stop = self.stage.stop()?;
        let clean = self.stage.start()?;
        // Killed under load, so that something is under way.
        let (plan, url) = (self.plan(), self.stage.url.clone());
        let keys = self.stage.keys.clone();
        let started = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&started);
        let watch: Watch = Arc::new(move |step, _, _| seen.store(step == "running", Ordering::Relaxed));
        let load = self.runtime.spawn(async move {
            let mut load = Load::prepare(keys, &url, plan, watch).await?;
            load.run().await
        });
        let begun = Instant::now();
        while !started.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_secs(120) && !load.is_finished() {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_secs(1));
        self.stage.kill();
        let ended = self.runtime.block_on(load).map_err(|reason| reason.to_string())?;
        let crash = self.stage.start()?;
        let wanted = if ended.is_err() { "killed in the middle of a load" } else { "the load ended before the kill" };
        Ok(Row {
            place: 90,
            work: format!("{START}; {} events", count(size as f64)),
            target: "≤ 2 s; ≤ 10 s".into(),
            found: format!("{clean:.2} s; {crash:.2} s"),
            value: clean,
            met: Some(clean <= 2.0 && crash <= 10.0 && size >= self.scale.sizes[2]),
            beside: "–".into(),
            ratio: String::new(),
            remark: format!("{wanted}; stopping took {stop:.2} s"),
        })
    }
}

fn ingest_row(report: &Report, raw: &Raw) -> Row {
    let rate = report.events_per_second;
    Row {
        place: 10,
        work: format!("{INGEST}, {} conversations", count(f64::from(report.conversations))),
        target: "≥ 75,000 events/s for 60 s; ratio to one row an event ≥ 1.0".into(),
        found: format!(
            "{} events/s for {:.0} s; slowest second {}; a batch p50 {:.0} ms, p99 {:.0} ms",
            count(rate),
            report.steady_seconds,
            count(report.slowest_second_events as f64),
            report.latency.p50_ms,
            report.latency.p99_ms
        ),
        value: rate,
        met: Some(rate >= 75_000.0 && rate >= raw.rows && report.steady_seconds >= 59.0),
        beside: format!(
            "raw RocksDB, synced batches of 256: {} events/s one row an event; {} packed",
            count(raw.rows),
            count(raw.packed)
        ),
        ratio: format!("{}; {} packed", ratio(rate / raw.rows), ratio(rate / raw.packed)),
        remark: format!(
            "{}; {} bytes an event on the wire",
            shares(report),
            report.request_bytes / report.acknowledged_events.max(1)
        ),
    }
}

async fn officer(stage: &Stage) -> Result<Source, String> {
    Source::of_folder(&stage.keys, Actor::Officer, &stage.url).await.map_err(|reason| reason.to_string())
}

fn snapshot_connection(stage: &Stage) -> Result<zegel_tools::source::Connection, String> {
    let ca = stage.keys.tls_ca().map_err(|reason| reason.to_string())?;
    let origin = &stage.keys.ministry().origin;
    zegel_tools::source::Connection::new(&stage.url, Some(&ca), origin, Default::default()).map_err(|e| e.to_string())
}

/// The custodian of the newest message.
async fn last_custodian(officer: &Source) -> Result<Vec<u8>, String> {
    let size = officer.checkpoint().map_or(0, |checkpoint| checkpoint.size());
    let request = ReadEntriesRequest { origin: officer.origin().into(), from: size.saturating_sub(8), count: 8 };
    let mut entries =
        officer.connection().client().read_entries(request).await.map_err(|reason| reason.to_string())?.into_inner();
    let mut found = Vec::new();
    while let Some(entry) = entries.message().await.map_err(|reason| reason.to_string())? {
        for header in entry.headers {
            let header: EventHeader = parse(&header).map_err(|reason| reason.to_string())?;
            if header.kind() == EventKind::MessageCreated {
                found = header.custodian;
            }
        }
    }
    if found.is_empty() { Err("there is no message at the end of the log".into()) } else { Ok(found) }
}

/// Registers custodians: ids that cost one envelope together.
async fn register(stage: &Stage, count: u64) -> Result<(), String> {
    let mut officer = officer(stage).await?;
    let mut left = count;
    while left > 0 {
        let together = left.min(8_192);
        let mut drafts = Vec::new();
        for number in 0..together {
            let entry = CustodianEntry { name: format!("Id {number}"), ..CustodianEntry::default() };
            let id = random_id().map_err(|reason| reason.to_string())?;
            drafts.push(entry.draft(id, 1).map_err(|reason| reason.to_string())?);
        }
        officer.append(drafts).await.map_err(|reason| reason.to_string())?;
        left -= together;
    }
    Ok(())
}

/// Seconds to read so many bytes of the store's tables, as they lie there: what any export has to do at least.
fn read_back(stage: &Stage, bytes: u64) -> f64 {
    use std::io::Read;
    let store = stage.keys.path().join("store");
    let mut files = Vec::new();
    let mut folders = vec![store];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "sst") {
                files.push(path);
            }
        }
    }
    let (begun, mut left, mut buffer) = (Instant::now(), bytes, vec![0; 1 << 20]);
    for path in files {
        let Ok(mut file) = std::fs::File::open(path) else { continue };
        while let Ok(read @ 1..) = file.read(&mut buffer) {
            left = left.saturating_sub(read as u64);
            if left == 0 {
                return begun.elapsed().as_secs_f64();
            }
        }
    }
    begun.elapsed().as_secs_f64()
}
