//! What happens around a ledger, not in it: a second process, an older copy, a full disk, a flipped bit, a huge message.
//!
//! Not here: kills (`crash`). A test that needs rights which it does not have says so on stderr, and proves nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tonic::Code;
use zegel_ledger::{Config, Faults, Server, Step};
use zegel_proto::v1::*;
use zegel_tests::small_disk::SmallDisk;
use zegel_tests::{ORIGIN, Stage, command};
use zegel_tools::event::{ConversationEntry, CustodianEntry, Draft, Field, Occurred};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Officer;
use zegel_tools::record::Record;
use zegel_tools::source::{Backoff, Connection, LedgerError, Source, SourceConfig, SourceError};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::{Hash, log_leaf};

/// The ledger's command on the stage's configuration.
fn ledger(stage: &Stage, what: &str) -> Output {
    let mut command = command("zegel-ledger");
    command.arg(what).arg("--config").arg(stage.keys().join("ledger.toml")).stdin(Stdio::null());
    command.output().expect("it runs")
}

fn sentence(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for item in fs::read_dir(from).expect("a folder") {
        let from = item.expect("an item").path();
        let to = to.join(from.file_name().expect("a name"));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("copied");
        }
    }
}

fn replace(with: &Path, folder: &Path) {
    fs::remove_dir_all(folder).expect("removed");
    copy(with, folder);
}

/// A source, and whom and what it writes about.
struct Desk {
    keys: KeyFolder,
    custodian: Hash,
    conversation: Hash,
}

impl Desk {
    async fn new(stage: &Stage) -> Self {
        let keys = KeyFolder::open(&stage.keys()).expect("keys");
        let mut officer = Officer::open(&keys, &stage.url()).await.expect("an officer");
        let custodian = CustodianEntry { name: "Anna".into(), ..CustodianEntry::default() };
        let custodian = officer.register_custodian(&custodian).await.expect("registered").id;
        let conversation = ConversationEntry { title: "Ploeg 3".into(), ..ConversationEntry::default() };
        let conversation = officer.register_conversation(&conversation).await.expect("registered").id;
        Self { keys, custodian, conversation }
    }

    async fn source(&self, stage: &Stage) -> Source {
        let config = SourceConfig::of_folder(&self.keys, Actor::Source, &stage.url()).expect("a configuration");
        let backoff = Backoff { first: Duration::ZERO, max: Duration::ZERO, attempts_max: 2 };
        let identity = self.keys.identity(Actor::Source).expect("a key");
        Source::open(identity, SourceConfig { backoff, ..config }).await.expect("a source")
    }

    fn connection(&self, url: &str) -> Connection {
        let authority = self.keys.tls_ca().expect("a certificate");
        Connection::new(url, Some(&authority), ORIGIN, Backoff::default()).expect("an address")
    }

    fn drafts(&self, count: usize, text_bytes: usize) -> Vec<Draft> {
        let mut record = Record::new(EventKind::MessageCreated, self.conversation, self.custodian);
        record.occurred = Occurred::by_source(1_651_572_660_000);
        record.text = Field::Value(vec![b'a'; text_bytes]);
        vec![record.draft().expect("a draft"); count]
    }

    fn verified(&self, note: &[u8]) -> Option<VerifiedCheckpoint> {
        let claimed = ClaimedCheckpoint::parse(note).ok()?;
        VerifiedCheckpoint::verify(claimed, ORIGIN, &self.keys.ministry().log_key.0).ok()
    }
}

/// All entries, as far as the ledger gives them.
async fn entries(connection: &Connection) -> Vec<ReadEntriesResponse> {
    let request = ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count: 0 };
    let mut found = Vec::new();
    let Ok(answer) = connection.client().read_entries(request).await else { return found };
    let mut stream = answer.into_inner();
    while let Ok(Some(entry)) = stream.message().await {
        found.push(entry);
    }
    found
}

#[test]
fn a_second_process_on_one_store_is_refused_and_the_first_goes_on() {
    let stage = Stage::new();
    for what in ["serve", "check", "rebuild"] {
        let refused = ledger(&stage, what);
        assert_eq!(refused.status.code(), Some(2), "{what}");
        let found = sentence(&refused);
        let wanted = ["the store is open in another process", "two would fork the log"];
        assert!(wanted.iter().any(|wanted| found.ends_with(wanted)), "{what}: {found}");
    }
    stage.zegel(&["register", "custodian", "--name", "Anna"]);
}

#[test]
fn a_store_that_was_put_back_from_an_older_copy_does_not_open() {
    let mut stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Anna"]);
    assert_eq!(stage.stop(), Some(0));
    let (store, older, newer) = (stage.keys().join("store"), stage.path("older"), stage.path("newer"));
    copy(&store, &older);
    stage.start();
    stage.zegel(&["register", "custodian", "--name", "Bram"]);
    stage.zegel(&["register", "custodian", "--name", "Carla"]);
    assert_eq!(stage.stop(), Some(0));
    copy(&store, &newer);
    replace(&older, &store);
    let refused = ledger(&stage, "serve");
    assert_eq!(refused.status.code(), Some(2));
    let found = sentence(&refused);
    assert!(found.ends_with("rollback detected: the store holds 2 entries, the guard has signed 4"), "{found}");
    assert_eq!(ledger(&stage, "check").status.code(), Some(1));
    // An empty store is an older copy too.
    fs::remove_dir_all(&store).expect("removed");
    let found = sentence(&ledger(&stage, "serve"));
    assert!(found.ends_with("rollback detected: the store holds 0 entries, the guard has signed 4"), "{found}");
    replace(&newer, &store);
    stage.check();
    stage.start();
    stage.zegel(&["register", "custodian", "--name", "Dirk"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_appends_before_the_log_is_harmed_and_takes_them_again_with_room() {
    let mut stage = Stage::new();
    let desk = Desk::new(&stage).await;
    let Some(disk) = SmallDisk::of_ledger(&mut stage, "160m", 96) else { return };
    let mut source = desk.source(&stage).await;
    let mut appended = 0;
    let refused = loop {
        match source.append(desk.drafts(8, 200_000)).await {
            Ok(placed) => appended += placed.len() as u64,
            Err(refused) => break refused,
        }
        assert!(appended < 1_000, "a disk of 160 MiB took {appended} events of 200 kB");
    };
    // Passing, not refused: the batch is good, and stays in the outbox.
    let SourceError::Ledger(LedgerError::Unreachable { reason, .. }) = &refused else { panic!("{refused}") };
    assert!(reason.contains("MiB free, of which 96 are kept"), "{reason}");
    assert!(appended > 0 && source.waiting().expect("an outbox") > 0, "{appended}");
    drop(source);
    let connection = desk.connection(&stage.url());
    let checkpoint = |note: Vec<u8>| desk.verified(&note).expect("signed").size();
    let size = checkpoint(connection.newest_checkpoint().await.expect("a checkpoint"));
    let found = entries(&connection).await;
    assert_eq!(found.len() as u64, size);
    let request = GetReceiptRequest { origin: ORIGIN.into(), index: size - 1 };
    connection.client().get_receipt(request).await.expect("a receipt");
    let blob = PutBlobRequest { origin: ORIGIN.into(), sha256: vec![7; 32], size: 1, offset: 0, data: vec![1] };
    let refused = connection.client().put_blob(tokio_stream::iter([blob])).await.expect_err("no room for a blob");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    // The same process goes on: nothing was doubtful, so nothing is reopened.
    disk.grow("512m");
    let mut source = desk.source(&stage).await;
    assert_eq!(source.waiting(), Ok(0));
    source.append(desk.drafts(8, 200_000)).await.expect("appended");
    let known = source.known(desk.custodian, desk.conversation).await.expect("known");
    assert_eq!(known.next_conversation_seq, appended + 16);
    drop(source);
    assert!(stage.log().contains("there is room again"), "the operator is told");
    assert_eq!(stage.stop(), Some(0));
    stage.check();
    drop(disk);
}

/// Files of a store that hold its rows: tables, logs, manifests, and the pointer to the manifest.
fn row_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for database in ["log", "keys"] {
        for item in fs::read_dir(folder.join(database)).expect("a folder") {
            let path = item.expect("a file").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            let holds_rows = [".sst", ".log"].iter().any(|end| name.ends_with(end)) || name.starts_with("MANIFEST");
            if (holds_rows || name == "CURRENT") && fs::metadata(&path).is_ok_and(|held| held.len() > 0) {
                found.push(path.strip_prefix(folder).expect("below").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Whether everything that verifies is what was logged; how many entries verify.
async fn serves_only_what_was_logged(desk: &Desk, url: &str, logged: &[ReadEntriesResponse]) -> usize {
    let connection = desk.connection(url);
    let mut verified = 0;
    for entry in logged {
        let request = GetReceiptRequest { origin: ORIGIN.into(), index: entry.index };
        let Ok(answer) = connection.client().get_receipt(request).await else { continue };
        let receipt = answer.into_inner();
        let inclusion: Option<Vec<Hash>> = receipt.inclusion.iter().map(|bytes| Hash::read(bytes)).collect();
        let (Some(signed), Some(inclusion)) = (desk.verified(&receipt.checkpoint), inclusion) else { continue };
        if signed.check_inclusion(log_leaf(&receipt.entry), receipt.index, &inclusion).is_ok() {
            assert_eq!((receipt.index, &receipt.entry), (entry.index, &entry.entry));
            verified += 1;
        }
    }
    verified
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_file_is_found_or_means_nothing_and_never_becomes_an_entry() {
    let mut stage = Stage::new();
    let desk = Desk::new(&stage).await;
    desk.source(&stage).await.append(desk.drafts(300, 100)).await.expect("appended");
    assert_eq!(stage.stop(), Some(0));
    // Opening writes what lay in the logs into tables; what comes after lies in logs.
    stage.check();
    stage.start();
    desk.source(&stage).await.append(desk.drafts(100, 100)).await.expect("appended");
    let logged = entries(&desk.connection(&stage.url())).await;
    assert_eq!(stage.stop(), Some(0));
    let (store, good) = (stage.keys().join("store"), stage.path("good"));
    copy(&store, &good);
    let files = row_files(&good);
    assert!(files.iter().any(|file| file.extension().is_some_and(|end| end == "sst")), "{files:?}");
    let (mut found, mut harmless, mut served) = (0, Vec::new(), Vec::new());
    for file in &files {
        let bytes = fs::read(good.join(file)).expect("a file");
        for part in [1, 5, 9] {
            let at = bytes.len() * part / 10;
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            replace(&good, &store);
            fs::write(store.join(file), &flipped).expect("written");
            let is_found = ledger(&stage, "check").status.code() != Some(0);
            replace(&good, &store);
            fs::write(store.join(file), &flipped).expect("written");
            let config = Config::read(&stage.keys().join("ledger.toml")).expect("a configuration");
            let serves = match Server::bind(config).await {
                Err(_) => false,
                Ok(server) => {
                    let url = format!("https://localhost:{}", server.address().port());
                    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
                    let running = tokio::spawn(server.run(async { _ = stopped.await }));
                    let verified = serves_only_what_was_logged(&desk, &url, &logged).await;
                    stop.send(()).expect("it runs");
                    running.await.expect("it runs").expect("it ends");
                    verified == logged.len()
                }
            };
            found += usize::from(is_found);
            if serves {
                served.push(format!("{} {at}", file.display()));
            }
            if !is_found {
                assert!(serves, "{}: check finds nothing at byte {at}, and not all is served", file.display());
                harmless.push(format!("{} {at}", file.display()));
            }
        }
    }
    replace(&good, &store);
    stage.check();
    println!(
        "{} files: {found} found by check, means nothing: {harmless:?}; all entries are served nevertheless: {served:?}",
        files.len()
    );
    assert!(found >= files.len(), "a check that finds {found} of {} flipped bits", 3 * files.len());
}

#[test]
fn a_damaged_write_ahead_log_is_refused_and_left_as_it_is() {
    let mut stage = Stage::new();
    for name in ["Anna", "Bram", "Carla", "Dirk"] {
        stage.zegel(&["register", "custodian", "--name", name]);
    }
    // A clean stop writes everything to files and leaves no log that could be damaged.
    stage.kill();
    let store = stage.keys().join("store");
    for database in ["log", "keys"] {
        let logs = row_files(&store).into_iter().filter(|file| file.starts_with(database));
        let file = logs.filter(|file| file.extension().is_some_and(|end| end == "log")).max().expect("a log");
        let good = fs::read(store.join(&file)).expect("a log");
        let mut damaged = good.clone();
        damaged[good.len() * 4 / 10] ^= 0xFF;
        fs::write(store.join(&file), damaged).expect("written");
        let refused = ledger(&stage, "check");
        assert_eq!(refused.status.code(), Some(2), "{database}: {refused:?}");
        assert!(sentence(&refused).contains("opening a database failed: Corruption"), "{}", sentence(&refused));
        // Once the damage is mended, all that followed it is there.
        fs::write(store.join(&file), good).expect("written");
    }
    stage.check();
}

#[test]
fn keys_that_were_put_back_from_an_older_copy_are_missed_when_the_log_is_opened() {
    let mut stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Anna"]);
    assert_eq!(stage.stop(), Some(0));
    let (keys, older) = (stage.keys().join("store/keys"), stage.path("older"));
    copy(&keys, &older);
    stage.start();
    assert!(!stage.log().contains("keys of the newest entries are missing"), "{}", stage.log());
    stage.zegel(&["register", "custodian", "--name", "Bram"]);
    assert_eq!(stage.stop(), Some(0));
    replace(&older, &keys);
    stage.start();
    assert!(stage.log().contains("keys of the newest entries are missing"), "{}", stage.log());
    assert_eq!(stage.stop(), Some(0));
    let found = ledger(&stage, "check");
    assert_eq!(found.status.code(), Some(1));
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains("entry 2: event 0: the sealed form must be there"), "{found}");
    assert!(!found.contains("entry 1:"), "{found}");
}

/// Fails the write of the guard, once it is told to.
#[derive(Default)]
struct FailingGuard(AtomicBool);

impl Faults for FailingGuard {
    fn before(&self, step: Step) -> Result<(), String> {
        let fails = step == Step::Guard && self.0.load(Ordering::Acquire);
        if fails { Err("the guard cannot be written".into()) } else { Ok(()) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_stops_behind_a_snapshot_drops_the_old_tables_when_it_opens() {
    let mut stage = Stage::new();
    let desk = Desk::new(&stage).await;
    assert_eq!(stage.stop(), Some(0));
    let faults = Arc::new(FailingGuard::default());
    let config = Config::read(&stage.keys().join("ledger.toml")).expect("a configuration");
    let server = Server::bind_with(config, faults.clone()).await.expect("a ledger");
    let connection = desk.connection(&format!("https://localhost:{}", server.address().port()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { _ = stopped.await }));
    let log = || LogRequest { origin: ORIGIN.into() };
    // As many tables as are kept; the entry of the next is written, and what follows it is not done.
    for _ in 0..8 {
        connection.client().snapshot(log()).await.expect("a snapshot");
    }
    faults.0.store(true, Ordering::Release);
    let refused = connection.client().snapshot(log()).await.map(drop).expect_err("refused");
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    drop(connection);
    stop.send(()).expect("it runs");
    running.await.expect("it runs").expect("it ends");
    stage.start();
    assert_eq!(stage.stop(), Some(0));
    stage.check();
}

/// The most memory that a process has ever held, in KiB.
fn memory_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gigabyte_in_one_message_is_refused_without_being_held() {
    let stage = Stage::new();
    let desk = Desk::new(&stage).await;
    let connection = desk.connection(&stage.url());
    let before = memory_kib(stage.ledger_pid());
    let request = AppendRequest { origin: ORIGIN.into(), headers: vec![vec![0; 1 << 30]], ..AppendRequest::default() };
    let refused = connection.client().append(request).await.map(drop).expect_err("refused");
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    let grown = memory_kib(stage.ledger_pid()) - before;
    assert!(grown < 32 << 10, "{grown} KiB more than before");
    desk.source(&stage).await.append(desk.drafts(1, 10)).await.expect("appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_go_away_in_the_middle_of_a_stream_leave_nothing_behind() {
    let mut stage = Stage::new();
    let desk = Desk::new(&stage).await;
    desk.source(&stage).await.append(desk.drafts(300, 2_000)).await.expect("appended");
    let descriptors = |stage: &Stage| {
        let listed = fs::read_dir(format!("/proc/{}/fd", stage.ledger_pid())).expect("open files");
        listed.filter_map(Result::ok).filter_map(|item| fs::read_link(item.path()).ok()).collect::<Vec<_>>()
    };
    let sockets = |stage: &Stage| {
        descriptors(stage).iter().filter(|link| link.to_str().is_some_and(|link| link.starts_with("socket"))).count()
    };
    let idle = sockets(&stage);
    for _ in 0..50 {
        let connection = desk.connection(&stage.url());
        let request = ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count: 0 };
        let mut stream = connection.client().read_entries(request).await.expect("a stream").into_inner();
        stream.message().await.expect("an entry").expect("an entry");
    }
    // A connection that was dropped is closed when the ledger has noticed: ask until it has.
    let connection = desk.connection(&stage.url());
    while sockets(&stage) > idle + 1 {
        connection.client().get_checkpoint(LogRequest { origin: ORIGIN.into() }).await.expect("a checkpoint");
    }
    desk.source(&stage).await.append(desk.drafts(1, 10)).await.expect("appended");
    assert_eq!(stage.stop(), Some(0));
    stage.check();
}
