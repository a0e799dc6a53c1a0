//! The load tool against a real ledger: what it counts is what the log has, and it hides no waiting.

use serde_json::Value;
use std::time::Duration;
use tokio_stream::StreamExt;
use zegel_proto::parse;
use zegel_proto::v1::{BatchStatement, Entry, ReadEntriesRequest, entry};
use zegel_tests::{ORIGIN, Stage};
use zegel_tools::keys::KeyFolder;
use zegel_tools::source::{Backoff, Connection};

/// Every field that a reader of the report may rely on, under its path.
const PROMISED: [&str; 40] = [
    "/call",
    "/pace",
    "/offered_events_per_second",
    "/sources",
    "/in_flight",
    "/batch_events",
    "/conversations",
    "/words/1",
    "/bodies",
    "/warm_up_seconds",
    "/steady_seconds",
    "/ran_out",
    "/acknowledged_events",
    "/acknowledged_batches",
    "/steady_events",
    "/events_per_second",
    "/slowest_second_events",
    "/median_second_events",
    "/latency/p50_ms",
    "/latency/p90_ms",
    "/latency/p99_ms",
    "/latency/p999_ms",
    "/latency/max_ms",
    "/service/p99_ms",
    "/unsent_batches",
    "/checked_receipts",
    "/request_bytes",
    "/sealed_events",
    "/sealing_seconds",
    "/tree/entries_before",
    "/tree/entries_after",
    "/tree/root_after",
    "/tree/load_events_after",
    "/server/cores",
    "/server/bytes_after",
    "/server/peak_bytes",
    "/client/machine_share",
    "/machine_cores",
    "/seconds/0/events",
    "/seconds/0/latency/p99_ms",
];

fn load(stage: &Stage, arguments: &[&str]) -> Value {
    let small = ["load", "--json", "--conversations", "24", "--custodians", "2", "--warm-up", "0"];
    let printed = stage.zegel(&[&small[..], arguments].concat());
    let document: Value = serde_json::from_str(&printed).expect("one document");
    document["result"].clone()
}

fn number(report: &Value, path: &str) -> u64 {
    report.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("{path} in {report:#}"))
}

fn milliseconds(report: &Value, path: &str) -> f64 {
    report.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {report:#}"))
}

/// Events of the batches in entries from `from` on, as the log has them, and how many entries that are.
fn logged(stage: &Stage, from: u64) -> (u64, u64) {
    let ca = KeyFolder::open(&stage.keys()).and_then(|keys| keys.tls_ca()).expect("the authority");
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let connection = Connection::new(&stage.url(), Some(&ca), ORIGIN, Backoff::default()).expect("an address");
        let request = ReadEntriesRequest { origin: ORIGIN.into(), from, count: 0 };
        let mut entries = connection.client().read_entries(request).await.expect("a stream").into_inner();
        let (mut events, mut size) = (0, from);
        while let Some(read) = entries.next().await {
            let read = read.expect("an entry");
            let entry: Entry = parse(&read.entry).expect("canonical");
            let Some(entry::Content::Batch(batch)) = entry.content else { panic!("entry {} is no batch", read.index) };
            let statement: BatchStatement = parse(&batch.statement).expect("canonical");
            assert_eq!(statement.count as usize, read.headers.len());
            (events, size) = (events + u64::from(statement.count), read.index + 1);
        }
        (events, size)
    })
}

#[test]
fn what_a_load_counts_is_acknowledged_and_in_the_tree() {
    let mut stage = Stage::new();
    let plot = stage.path("load.svg");
    let path = plot.to_str().expect("text");
    let shape = ["--sources", "3", "--batch", "16", "--rate", "1200", "--seconds", "2", "--plot", path];
    let report = load(&stage, &shape);
    for path in PROMISED {
        assert!(report.pointer(path).is_some(), "{path} is not in {report:#}");
    }
    let (before, after) = (number(&report, "/tree/entries_before"), number(&report, "/tree/entries_after"));
    let acknowledged = number(&report, "/acknowledged_events");
    assert_eq!((acknowledged, after), logged(&stage, before));
    assert_eq!(number(&report, "/acknowledged_batches"), after - before);
    assert!(number(&report, "/checked_receipts") > 0 && number(&report, "/steady_events") <= acknowledged);
    assert!(acknowledged >= 1_000, "some 2,400 events were offered: {report:#}");
    let rows: u64 =
        report["seconds"].as_array().expect("rows").iter().map(|row| row["events"].as_u64().expect("")).sum();
    assert!(rows <= acknowledged && rows >= number(&report, "/steady_events"), "{report:#}");
    assert_eq!(number(&report, "/server/pid"), u64::from(stage.ledger_pid()), "it found the ledger by its port");
    let svg = std::fs::read_to_string(plot).expect("a picture");
    assert!(svg.starts_with("<svg ") && svg.matches("<polyline").count() == 8);
    // A second load goes on where the first one ended, with what it left unsent and in other batches.
    let again = load(&stage, &["--sources", "2", "--batch", "5", "--events", "300", "--seconds", "60"]);
    assert_eq!((&again["ran_out"], &again["pace"]), (&Value::Bool(true), &Value::from("closed")));
    let from = number(&again, "/tree/entries_before");
    assert_eq!((number(&again, "/acknowledged_events"), number(&again, "/tree/entries_after")), logged(&stage, from));
    assert_eq!(stage.stop(), Some(0));
    stage.check();
}

#[test]
fn an_open_loop_at_an_impossible_rate_reports_the_waiting_that_a_closed_one_hides() {
    let stage = Stage::new();
    let shape = ["--single", "--sources", "2", "--rate", "50000", "--seconds", "1", "--events", "3000"];
    let report = load(&stage, &shape);
    let (waited, served) = (milliseconds(&report, "/latency/p50_ms"), milliseconds(&report, "/service/p50_ms"));
    assert!(number(&report, "/unsent_batches") > 40_000, "{report:#}");
    // Half of what was meant to go in that second was meant to go half a second or more before its end.
    assert!(waited > 400.0 && served < waited / 4.0, "waited {waited} ms, served in {served} ms");
    assert!(milliseconds(&report, "/latency/max_ms") <= 2.0 * Duration::from_secs(1).as_millis() as f64);
}
