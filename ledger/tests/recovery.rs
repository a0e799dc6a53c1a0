//! What survives: reopening, rollback, failed writes, rebuilding, checking.

mod maker;

use maker::*;
use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options};
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tonic::Code;
use zegel_ledger::{CheckReport, Faults, Finding, GuardError, ServeError, Step, StoreError, check, rebuild};
use zegel_proto::v1::*;
use zegel_verifier::checkpoint;
use zegel_verifier::hash::Hash;

/// Fails the steps that are named: before they are taken.
#[derive(Default)]
struct Failing(Mutex<HashSet<Step>>);

impl Faults for Failing {
    fn before(&self, step: Step) -> Result<(), String> {
        if self.0.lock().expect("a lock").contains(&step) { Err("no space left on device".into()) } else { Ok(()) }
    }
}

fn open(path: &Path) -> DB {
    let options = Options::default();
    let columns = DB::list_cf(&options, path).expect("columns");
    let columns = columns.into_iter().map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
    DB::open_cf_descriptors(&options, path, columns).expect("a database")
}

fn dump(path: &Path, columns: &[&str]) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let db = open(path);
    let mut all = Vec::new();
    for column in columns {
        let rows = db.iterator_cf(db.cf_handle(column).expect("a column"), IteratorMode::Start);
        all.extend(
            rows.map(|row| row.expect("a row")).map(|(key, row)| (String::from(*column), key.into(), row.into())),
        );
    }
    all
}

fn change(path: &Path, column: &str, key: &[u8], with: impl FnOnce(&mut Vec<u8>)) {
    let db = open(path);
    let family = db.cf_handle(column).expect("a column");
    let mut row = db.get_cf(family, key).expect("readable").expect("a row");
    with(&mut row);
    db.put_cf(family, key, row).expect("written");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for file in std::fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file");
        let to = to.join(file.file_name());
        if file.path().is_dir() {
            copy(&file.path(), &to);
        } else {
            std::fs::copy(file.path(), to).expect("copied");
        }
    }
}

fn ids(report: &CheckReport) -> Vec<(&'static str, Option<u64>)> {
    report.findings.iter().map(|finding| (finding.id, finding.entry)).collect()
}

async fn refused_to_open(site: &Site) -> StoreError {
    match site.bind(Arc::new(zegel_ledger::NoFaults)).await {
        Err(ServeError::Store { reason, .. }) => reason,
        Err(other) => panic!("another reason: {other}"),
        Ok(_) => panic!("the ledger opened"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reopened_log_goes_on_where_it_was() {
    let mut world = World::new().await;
    let requests: Vec<_> = (0..300u64)
        .map(|number| {
            let events = world.source.messages(&world.capture, number, 1, MONTH);
            world.source.batch(&events)
        })
        .collect();
    let stream = world.ledger.client.append_stream(tokio_stream::iter(requests)).await.expect("a stream");
    let answers: Vec<_> = tokio_stream::StreamExt::collect(stream.into_inner()).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 300);
    let before = world.ledger.checkpoint().await;
    world.ledger.stop().await;
    world.ledger = world.place.start().await;
    assert_eq!(world.ledger.checkpoint().await, before);
    let after = check_receipt(&world.chat(300, 2, MONTH).await);
    let request = ConsistencyProofRequest { origin: ORIGIN.into(), from_size: before.size(), to_size: after.size() };
    let proof = world.ledger.client.get_consistency_proof(request).await.expect("a proof").into_inner();
    assert_eq!(after.check_extends(&before, &hashes(&proof.hashes)), Ok(()));
    // An entry whose path goes through a full tile.
    let request = GetReceiptRequest { origin: ORIGIN.into(), index: 100 };
    check_receipt(&world.ledger.client.get_receipt(request).await.expect("a receipt").into_inner());
    world.ledger.stop().await;
    let report = check(&world.place.config()).expect("a report");
    assert_eq!(report.findings, []);
    assert_eq!((report.entries, report.events), (303, 9 + 2 - 2 + 302 - 2 + 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_behind_its_guard_does_not_open() {
    let mut world = World::new().await;
    world.chat(0, 3, MONTH).await;
    world.ledger.stop().await;
    let (store, older) = (world.place.store(), world.place.path().join("older"));
    copy(&store, &older);
    world.ledger = world.place.start().await;
    world.chat(3, 3, MONTH).await;
    world.ledger.stop().await;
    let newer = world.place.path().join("newer");
    std::fs::rename(&store, &newer).expect("moved");
    let rollback = |found| StoreError::Guard(GuardError::Rollback { found, signed: 4 });
    assert_eq!(refused_to_open(&world.place).await, rollback(0));
    std::fs::remove_dir_all(&store).expect("removed");
    copy(&older, &store);
    assert_eq!(refused_to_open(&world.place).await, rollback(3));
    std::fs::remove_dir_all(&store).expect("removed");
    std::fs::rename(&newer, &store).expect("moved back");
    let guard = world.place.path().join("guard");
    let good = std::fs::read_to_string(&guard).expect("a guard");
    std::fs::write(&guard, checkpoint::print(ORIGIN, 3, Hash([9; 32]))).expect("written");
    let refused = refused_to_open(&world.place).await;
    assert!(matches!(refused, StoreError::Guard(GuardError::Fork { size: 3, .. })), "{refused}");
    std::fs::write(&guard, "nonsense").expect("written");
    assert_eq!(refused_to_open(&world.place).await, StoreError::Guard(GuardError::Malformed));
    std::fs::remove_file(&guard).expect("removed");
    assert_eq!(refused_to_open(&world.place).await, StoreError::Guard(GuardError::Missing { found: 4 }));
    std::fs::write(&guard, good).expect("written");
    world.ledger = world.place.start().await;
    assert_eq!(world.chat(6, 1, MONTH).await.index, 4);
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_without_truth_are_swept_when_the_log_is_opened() {
    let site = Site::new();
    let faults = Arc::new(Failing::default());
    let ledger = site.start_with(faults.clone()).await;
    let mut world = World::on(site, ledger).await;
    faults.0.lock().expect("a lock").insert(Step::Truth);
    let request = world.source.try_batch(&world.source.messages(&world.capture, 0, 20, MONTH));
    world.ledger.refused(request, Code::Unavailable, "no space left").await;
    world.ledger.stop().await;
    let keys = world.place.store().join("keys");
    let counts = |keys: &Path| (dump(keys, &["wraps"]).len(), dump(keys, &["envelopes"]).len());
    // Two registrations under two envelopes; then two chunks and one envelope that nobody has.
    assert_eq!(counts(&keys), (2 + 3, 2 + 1));
    assert_eq!(ids(&check(&world.place.config()).expect("a report")), [("keys", None)]);
    world.place.start().await.stop().await;
    assert_eq!(counts(&keys), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_gives_the_same_projections() {
    let mut world = World::new().await;
    for number in 0..30 {
        world.chat(number * 40, 40, MONTH + (number / 10) as u32).await;
        if number % 3 == 0 {
            world.ledger.snapshot().await;
        }
    }
    world.ledger.stop().await;
    let log = world.place.store().join("log");
    let projections = ["state", "streams", "postings", "tiles", "tables"];
    let before = dump(&log, &projections);
    assert_eq!(before.iter().filter(|(column, ..)| column == "postings").count(), 36);
    {
        let db = open(&log);
        for column in projections {
            let family = db.cf_handle(column).expect("a column");
            db.delete_range_cf(family, &b""[..], &[0xFF; 64][..]).expect("deleted");
        }
    }
    let config = world.place.config();
    assert!(ids(&check(&config).expect("a report")).contains(&("projection", None)));
    // As an older ledger left them: nothing says how far they are.
    {
        let db = open(&log);
        db.delete_cf(db.cf_handle("meta").expect("a column"), b"projected").expect("deleted");
        let family = db.cf_handle("streams").expect("a column");
        db.put_cf(family, [1; 37], [1; 4]).expect("written");
    }
    assert_eq!(refused_to_open(&world.place).await, StoreError::NoWatermark);
    assert_eq!(rebuild(&config).expect("rebuilt").findings, []);
    assert_eq!(dump(&log, &projections), before);
    assert_eq!(check(&config).expect("a report").findings, []);
    world.ledger = world.place.start().await;
    world.chat(1_200, 1, MONTH).await;
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_the_entry_whose_bytes_were_changed() {
    let mut world = World::new().await;
    for number in 0..4 {
        world.chat(number * 20, 20, MONTH).await;
    }
    world.ledger.snapshot().await;
    world.ledger.stop().await;
    let config = world.place.config();
    let (log, keys) = (world.place.store().join("log"), world.place.store().join("keys"));
    let entry = |index: u64| index.to_be_bytes().to_vec();
    let chunk = |index: u64, chunk: u32| [&index.to_be_bytes()[..], &chunk.to_be_bytes()].concat();
    let cases = [
        (&log, "entries", entry(3), Some(3)),
        (&log, "headers", entry(4), Some(4)),
        (&log, "bodies", chunk(5, 1), Some(5)),
        (&keys, "wraps", chunk(2, 0), Some(2)),
        (&log, "checkpoints", entry(5), None),
        (&log, "entries", entry(6), Some(6)),
    ];
    for (path, column, key, at_fault) in cases {
        for at in [0, 30, 70] {
            let flip = |row: &mut Vec<u8>| {
                let at = at % row.len();
                row[at] ^= 0x10;
            };
            change(path, column, &key, flip);
            let report = check(&config).expect("a report");
            let is_named = |finding: &Finding| match at_fault {
                Some(entry) => finding.entry == Some(entry),
                None => finding.id == "checkpoint",
            };
            assert!(report.findings.iter().any(is_named), "{column} at byte {at}: {report:?}");
            let before = |finding: &Finding| finding.entry.is_some_and(|entry| Some(entry) < at_fault);
            assert!(!report.findings.iter().any(before), "{column} at byte {at}: {report:?}");
            change(path, column, &key, flip);
        }
    }
    assert_eq!(check(&config).expect("a report").findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_last_entry_does_not_open() {
    let mut world = World::new().await;
    world.chat(0, 1, MONTH).await;
    world.ledger.stop().await;
    let guard = world.place.path().join("guard");
    change(&world.place.store().join("log"), "entries", &2u64.to_be_bytes(), |row| row[4] ^= 1);
    let refused = refused_to_open(&world.place).await;
    assert!(matches!(refused, StoreError::Guard(GuardError::Fork { size: 3, .. })), "{refused}");
    // Without what the guard says of that size, the checkpoint in the store still says it.
    std::fs::write(&guard, checkpoint::print(ORIGIN, 0, zegel_verifier::hash::empty_root())).expect("written");
    let refused = refused_to_open(&world.place).await;
    assert!(matches!(refused, StoreError::Edge { size: 3, .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_store_is_not_served_beside_it() {
    let mut world = World::new().await;
    world.chat(0, 2, MONTH).await;
    world.ledger.stop().await;
    copy(&world.place.store(), &world.place.path().join("copy"));
    let text = world.place.config_text().replace("store = \"store\"", "store = \"copy\"");
    let copied = zegel_ledger::Config::parse(&text, world.place.path()).expect("a configuration");
    world.ledger = world.place.start().await;
    let refused = zegel_ledger::Server::bind(copied.clone()).await.map(|_| ()).expect_err("held by another");
    let path = world.place.path().join("guard").display().to_string();
    let ServeError::Store { reason, .. } = refused else { panic!("{refused}") };
    assert_eq!(reason, StoreError::Guard(GuardError::Held { path }));
    world.chat(2, 1, MONTH).await;
    world.ledger.stop().await;
    // Alone it is refused as well by now: it is older than what was signed.
    let refused = zegel_ledger::Server::bind(copied).await.map(|_| ()).expect_err("older");
    let ServeError::Store { reason, .. } = refused else { panic!("{refused}") };
    assert_eq!(reason, StoreError::Guard(GuardError::Rollback { found: 3, signed: 4 }));
}

/// Fails one step, at its so-manieth time.
struct FailingAt(Step, Mutex<u32>);

impl Faults for FailingAt {
    fn before(&self, step: Step) -> Result<(), String> {
        let mut left = self.1.lock().expect("a lock");
        if step != self.0 || *left == 0 {
            return Ok(());
        }
        *left -= 1;
        if *left == 0 { Err("no space left on device".into()) } else { Ok(()) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_were_decided_on_top_of_one_that_fails_are_not_answered() {
    for (step, at) in [(Step::Keys, 5), (Step::Truth, 4), (Step::Truth, 7), (Step::Guard, 6)] {
        let site = Site::new();
        let ledger = site.start_with(Arc::new(FailingAt(step, Mutex::new(at)))).await;
        let mut world = World::on(site, ledger).await;
        let requests: Vec<_> = (0..60u64)
            .map(|number| world.source.batch(&world.source.messages(&world.capture, number * 3, 3, MONTH)))
            .collect();
        let sent = tokio_stream::iter(requests.clone());
        let stream = world.ledger.client.append_stream(sent).await.expect("a stream");
        let answers: Vec<_> = tokio_stream::StreamExt::collect(stream.into_inner()).await;
        let taken: Vec<Receipt> = answers
            .iter()
            .filter_map(|answer| answer.as_ref().ok().map(|answer| answer.receipt.clone().expect("a receipt")))
            .collect();
        let published = world.ledger.checkpoint().await;
        assert_eq!(published.size(), 2 + taken.len() as u64, "{step:?}: what was answered is what was published");
        if taken.len() < requests.len() {
            let refused = answers.last().expect("an answer").as_ref().expect_err("the group that failed");
            assert_eq!(refused.code(), Code::Unavailable, "{step:?}");
        }
        world.ledger.stop().await;
        world.ledger = world.place.start().await;
        for (index, request) in (2..).zip(requests) {
            let receipt = world.ledger.append(request).await.expect("taken");
            assert_eq!(receipt.index, index, "{step:?}");
            check_receipt(&receipt);
        }
        for receipt in taken {
            let request = GetReceiptRequest { origin: ORIGIN.into(), index: receipt.index };
            let again = world.ledger.client.get_receipt(request).await.expect("a receipt").into_inner();
            assert_eq!(again.entry, receipt.entry, "{step:?}");
        }
        world.ledger.stop().await;
        assert_eq!(check(&world.place.config()).expect("a report").findings, [], "{step:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn projections_that_a_crash_left_behind_are_brought_up_when_the_log_is_opened() {
    let mut world = World::new().await;
    for number in 0..10 {
        world.chat(number * 40, 40, MONTH + number as u32 / 5).await;
        if number == 4 {
            world.ledger.stop().await;
            world.ledger = world.place.start().await;
        }
        if number == 7 {
            world.ledger.snapshot().await;
        }
    }
    // The files of a ledger that goes on are those of one that was killed. Projections are in memory until a flush, which
    // the clean stop was; the snapshot had others made, of which only its own table is in a file.
    let crashed = Site::new();
    copy(&world.place.store(), &crashed.store());
    std::fs::copy(world.place.path().join("guard"), crashed.path().join("guard")).expect("copied");
    let meta = |site: &Site| {
        let rows = dump(&site.store().join("log"), &["meta"]);
        rows.into_iter().find(|(_, key, _)| key == b"projected").map(|(_, _, row)| row[1..].to_vec()).expect("a mark")
    };
    assert_eq!(meta(&crashed), 7u64.to_be_bytes(), "the stop wrote what was there");
    assert_eq!(check(&crashed.config()).expect("a report").findings, []);
    let mut ledger = crashed.start().await;
    let head = |ledger: &Running| {
        let mut client = ledger.client.clone();
        async move {
            let head = GetSourceHeadRequest { origin: ORIGIN.into(), source: id("source").to_vec() };
            client.get_source_head(head).await.expect("a head").into_inner()
        }
    };
    assert_eq!(head(&ledger).await, head(&world.ledger).await);
    let root = |receipt: &Receipt| match zegel_proto::parse::<Entry>(&receipt.entry).expect("an entry").content {
        Some(entry::Content::Snapshot(snapshot)) => snapshot,
        _ => panic!("no snapshot"),
    };
    assert_eq!(root(&ledger.snapshot().await), root(&world.ledger.snapshot().await));
    ledger.stop().await;
    world.ledger.stop().await;
    let projections = ["state", "streams", "postings", "tiles", "tables"];
    let rows = |site: &Site| dump(&site.store().join("log"), &projections);
    assert_eq!(rows(&crashed), rows(&world.place));
    assert_eq!(check(&crashed.config()).expect("a report").findings, []);
}
