//! What a ledger asks of an order to purge before anything goes, what an archive asks of itself before it signs that it holds something,
//! and who loses what when a landing zone is purged.
//!
//! Not here: the commands that make orders and log what was purged (`tests/tests/custody.rs`).

mod maker;

use ed25519_dalek::Signer;
use maker::*;
use rocksdb::{ColumnFamilyDescriptor, DB, Options};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zegel_ledger::{Config, EraseError, Erased, Server, check, erase};
use zegel_proto::print;
use zegel_proto::v1::*;
use zegel_verifier::custody::{CustodyError, CustodyReceipt, places_digest};
use zegel_verifier::erasure::ErasureError;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::note::{NoteError, TYPE_ED25519, VerifierKey};

const ARCHIVE: &str = "archief.example.nl/landelijk";

/// Public half of the archive's key, or of another one with its name.
fn archive(label: &str) -> VerifierKey {
    VerifierKey::new(ARCHIVE, TYPE_ED25519, key(label).verifying_key().to_bytes()).expect("a key")
}

fn signed_by(label: &str, receipt: &CustodyReceipt) -> String {
    let signature = key(label).sign(receipt.text().as_bytes()).to_bytes();
    receipt.signed(&archive(label), &signature)
}

/// A landing zone with a batch of messages, an approver, and a policy that names its archive.
struct Zone {
    world: World,
    approver: Author,
    address: String,
    /// The messages, and their ciphertexts.
    places: Vec<(u64, u32)>,
    bytes: Vec<Vec<u8>>,
}

impl Zone {
    async fn new() -> Self {
        let site = Site::new();
        let server = Server::bind(site.config()).await.expect("a ledger");
        let address = server.address().to_string();
        let mut world = World::on(site, Running::of(server).await).await;
        let approver = Author::new("approver");
        let mut events = vec![actor_registered(&approver, Role::Approver), key_added(&approver)];
        events.push(policy(&archive("archive").print()));
        let request = world.root.batch(&events);
        world.ledger.append(request).await.expect("an approver, and an archive");
        let events = world.source.messages(&world.capture, 0, 4, MONTH);
        let bytes = events.iter().map(|event| event.body.ciphertext.clone()).collect();
        let request = world.source.batch(&events);
        let entry = world.ledger.append(request).await.expect("messages").index;
        let places = (0..4).map(|position| (entry, position)).collect();
        Self { world, approver, address, places, bytes }
    }

    /// What an archive signs that holds all of it.
    async fn receipt(&mut self) -> CustodyReceipt {
        let now = self.world.ledger.checkpoint().await;
        let (events, places) = (self.places.len() as u64, places_digest(&self.places));
        CustodyReceipt { origin: ORIGIN.into(), from: 0, to: now.size(), events, places, root: now.root() }
    }

    fn order(&self, receipt: &str) -> String {
        order(&self.places, Some(receipt), &[&self.world.officer, &self.approver])
    }
}

fn policy(value: &str) -> Event {
    let policy = PolicySet { name: "custody_archive".into(), value: value.into() };
    public(EventKind::PolicySet, print(&policy).expect("prints"))
}

/// Why an order was refused as one of a purge.
fn refusal(outcome: Result<Erased, EraseError>) -> CustodyError {
    match outcome {
        Err(EraseError::Order(ErasureError::Custody(reason))) => reason,
        other => panic!("another outcome: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_purged_but_for_a_receipt_of_these_events_under_this_tree_by_the_archive_that_the_log_names() {
    let mut zone = Zone::new().await;
    let good = zone.receipt().await;
    let Zone { world: World { place, ledger, mut root, officer, .. }, approver, places, bytes, .. } = zone;
    ledger.stop().await;
    let (config, wanted, two) = (place.config(), good.root, [&officer, &approver]);
    let of = |receipt: &str| order(&places, Some(receipt), &two);
    let refused = |receipt: &CustodyReceipt| refusal(erase(&config, &of(&signed_by("archive", receipt))));

    // Signed by the archive itself, and by an officer and an approver: another root, count, events, log, and range.
    let found = Hash([9; 32]);
    let other = refused(&CustodyReceipt { root: found, ..good.clone() });
    assert_eq!(other, CustodyError::OtherRoot { to: good.to, found, wanted });
    let other = refused(&CustodyReceipt { events: 5, ..good.clone() });
    assert_eq!(other, CustodyError::OtherCount { found: 5, wanted: 4 });
    let others = places_digest(&[(4, 0), (4, 1), (4, 2), (4, 4)]);
    assert_eq!(refused(&CustodyReceipt { places: others, ..good.clone() }), CustodyError::OtherEvents);
    let other = refused(&CustodyReceipt { origin: "chat.example.nl/minvws".into(), ..good.clone() });
    assert_eq!(other, CustodyError::OtherLog { found: "chat.example.nl/minvws".into(), wanted: ORIGIN.into() });
    let (from, to) = (0, good.to + 1);
    assert_eq!(refused(&CustodyReceipt { to, ..good.clone() }), CustodyError::Beyond { from, to, size: good.to });
    assert_eq!(refused(&CustodyReceipt { to: good.to - 1, ..good.clone() }), CustodyError::OtherEvents);
    let upside_down = CustodyReceipt { from: good.to, ..good.clone() };
    assert_eq!(refused(&upside_down), CustodyError::Line { line: 3 });
    // Another signer: of the same name, of another, and none.
    let by = |receipt: &str| refusal(erase(&config, &of(receipt)));
    let unknown = NoteError::Unsigned { name: ARCHIVE.into() };
    assert_eq!(by(&signed_by("another archive", &good)), CustodyError::Note(unknown.clone()));
    let signature = key("another archive").sign(good.text().as_bytes()).to_bytes();
    let forged = by(&good.signed(&archive("archive"), &signature));
    assert_eq!(forged, CustodyError::Note(NoteError::BadSignature { name: ARCHIVE.into() }));
    // The receipt of the archive is not the one of which the order speaks; or the order is of less than the receipt.
    let note = signed_by("archive", &good);
    let text = of(&note);
    let fewer = refusal(erase(&config, &order(&places[..3], Some(&note), &two)));
    assert_eq!(fewer, CustodyError::OtherCount { found: 4, wanted: 3 });
    // Two pairs of eyes, as for any order.
    let alone = erase(&config, &order(&places, Some(&note), &two[..1]));
    assert!(matches!(alone, Err(EraseError::Order(ErasureError::Eyes { .. }))), "{alone:?}");
    // Not believed by the registry as it is: another archive was named since; none was.
    let store = place.store();
    assert!(bytes.iter().all(|bytes| is_somewhere(&store, bytes)), "nothing is gone");
    let mut ledger = place.start().await;
    for (value, reason) in [
        (archive("another archive").print(), CustodyError::Note(unknown)),
        ("nobody".into(), CustodyError::Note(NoteError::BadVerifierKey { found: "nobody".into() })),
    ] {
        let request = root.batch(&[policy(&value)]);
        ledger.append(request).await.expect("set");
        let request = EraseRequest { origin: ORIGIN.into(), order: text.clone() };
        let refused = ledger.client.erase(request).await.expect_err("refused");
        assert_eq!((refused.code(), refused.message()), (tonic::Code::FailedPrecondition, reason.to_string().as_str()));
    }
    let request = root.batch(&[policy(&archive("archive").print())]);
    ledger.append(request).await.expect("set");
    assert!(bytes.iter().all(|bytes| is_somewhere(&store, bytes)), "nothing is gone");
    // The neighbour: this one is carried out, once.
    for before in [0, 4] {
        let request = EraseRequest { origin: ORIGIN.into(), order: text.clone() };
        let erased = ledger.client.erase(request).await.expect("purged").into_inner();
        assert_eq!((erased.events, erased.before), (4, before));
    }
    ledger.stop().await;
    assert!(!bytes.iter().any(|bytes| is_somewhere(&store, bytes)));
    assert_eq!(check(&config).expect("a report").findings, []);
}

/// A replica of a zone, as an archive with its receipts or as a mere standby.
fn replica(site: &Site, zone: &Zone, more: &str) -> Config {
    let follow = format!("[log.follow]\nprimary = \"http://{}\"\ninterval_ms = 10\n{more}", zone.address);
    Config::parse(&format!("{}{follow}", site.config_text()), site.path()).expect("a configuration")
}

const RECEIPTS: &str = "[log.follow.archive]\nname = \"archief.example.nl/landelijk\"\nkey = \"archive.pem\"\n\
                        receipts = \"receipts\"\ninterval_s = 0\n";

fn second() -> Site {
    let site = Site::new();
    std::fs::remove_file(site.path().join("log.pem")).expect("no key here");
    site.write_key("archive.pem", &key("archive"));
    site
}

async fn start(config: &Config) -> Running {
    Running::of(Server::bind(config.clone()).await.expect("a replica")).await
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} does not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn reach(running: &mut Running, size: u64) {
    eventually("the size", async || {
        let answer = running.client.get_checkpoint(LogRequest { origin: ORIGIN.into() }).await;
        answer.is_ok_and(|answer| verified(&answer.into_inner().checkpoint).size() >= size)
    })
    .await;
}

fn receipts(site: &Site) -> Vec<PathBuf> {
    let files = std::fs::read_dir(site.path().join("receipts")).into_iter().flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|path| path.extension().is_some_and(|form| form == "receipt"));
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_loses_what_is_purged_and_the_archive_keeps_it() {
    let mut zone = Zone::new().await;
    let (standbys, archives) = (second(), second());
    let (standby_config, archive_config) = (replica(&standbys, &zone, ""), replica(&archives, &zone, RECEIPTS));
    let (mut standby, mut archive_ledger) = (start(&standby_config).await, start(&archive_config).await);
    let size = zone.receipt().await.to;
    reach(&mut standby, size).await;
    reach(&mut archive_ledger, size).await;
    eventually("a receipt", async || !receipts(&archives).is_empty()).await;
    let receipt = std::fs::read_to_string(&receipts(&archives)[0]).expect("a receipt");
    // It is the one that the zone itself would make, and the order for it is believed by everybody who follows.
    let held = CustodyReceipt::verify(receipt.as_bytes(), &archive("archive")).expect("its own");
    assert_eq!((held.events, held.places), (4, places_digest(&zone.places)));
    let request = EraseRequest { origin: ORIGIN.into(), order: zone.order(&receipt) };
    assert_eq!(zone.world.ledger.client.erase(request).await.expect("purged").into_inner().events, 4);
    let store = standbys.store();
    eventually("the standby purges", async || !zone.bytes.iter().any(|bytes| is_somewhere(&store, bytes))).await;
    // Whoever begins afterwards never has it, archive or not: it comes from nowhere any more.
    let lates = second();
    let late_config = replica(&lates, &zone, "");
    let mut late = start(&late_config).await;
    let more = zone.world.chat(4, 1, MONTH).await.index + 1;
    for running in [&mut standby, &mut archive_ledger, &mut late] {
        reach(running, more).await;
    }
    for running in [standby, archive_ledger, late, zone.world.ledger] {
        running.stop().await;
    }
    assert!(zone.bytes.iter().all(|bytes| is_somewhere(&archives.store(), bytes)), "the archive keeps it");
    assert!(!zone.bytes.iter().any(|bytes| is_somewhere(&lates.store(), bytes)));
    for config in [&standby_config, &archive_config, &late_config] {
        assert_eq!(check(config).expect("a report").findings, []);
    }
    // Nor does anybody purge at a replica by himself.
    let order = order(&zone.places, Some(&receipt), &[&zone.world.officer, &zone.approver]);
    for config in [&standby_config, &archive_config] {
        let refused = erase(config, &order);
        assert!(matches!(refused, Err(EraseError::Follower { .. })), "{refused:?}");
    }
}

fn flip(log: &Path, column: &str, key: &[u8]) {
    let options = Options::default();
    let columns = DB::list_cf(&options, log).expect("columns");
    let columns = columns.into_iter().map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
    let db = DB::open_cf_descriptors(&options, log, columns).expect("a database");
    let family = db.cf_handle(column).expect("a column");
    let mut row = db.get_cf(family, key).expect("read").expect("a row");
    row[40] ^= 0x10;
    db.put_cf(family, key, row).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_whose_bodies_are_damaged_signs_no_receipt_for_them() {
    let mut zone = Zone::new().await;
    let site = second();
    let size = zone.receipt().await.to;
    // It has all of it before it is an archive: so nothing is receipted yet.
    let standby = replica(&site, &zone, "");
    let mut running = start(&standby).await;
    reach(&mut running, size).await;
    running.stop().await;
    let chunk = [&zone.places[0].0.to_be_bytes()[..], &0u32.to_be_bytes()].concat();
    let (log, keys) = (site.store().join("log"), site.store().join("keys"));
    let mut number = 4;
    for (database, column) in [(&log, "bodies"), (&keys, "wraps")] {
        flip(database, column, &chunk);
        let mut running = start(&replica(&site, &zone, RECEIPTS)).await;
        // Rounds go on, and each of them ends with a look for a receipt: what comes later is followed, and nothing is signed of it either.
        for _ in 0..2 {
            let size = zone.world.chat(number, 1, MONTH).await.index + 1;
            number += 1;
            reach(&mut running, size).await;
        }
        running.stop().await;
        assert_eq!(receipts(&site), Vec::<PathBuf>::new(), "{column}");
        flip(database, column, &chunk);
    }
    // The neighbour: as it was, it is receipted.
    let running = start(&replica(&site, &zone, RECEIPTS)).await;
    eventually("a receipt", async || !receipts(&site).is_empty()).await;
    running.stop().await;
    zone.world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_has_another_byte_in_an_attachment_signs_no_receipt_for_it() {
    let mut zone = Zone::new().await;
    let World { ledger, source, capture, .. } = &mut zone.world;
    let bytes = vec![7; 300_000];
    let blob = sha256(&[&bytes]);
    let (origin, size) = (ORIGIN.to_owned(), bytes.len() as u64);
    let piece = PutBlobRequest { origin, sha256: blob.to_vec(), size, offset: 0, data: bytes };
    ledger.client.put_blob(tokio_stream::iter([piece])).await.expect("put");
    let header =
        EventHeader { blobs: vec![blob.to_vec()], ..chat_header(capture.custodian, capture.conversation, 4, MONTH) };
    let request = source.batch(&[sealed(source.actor, header)]);
    let size = ledger.append(request).await.expect("logged").index + 1;
    // It has all of it before it is an archive: so nothing is receipted yet.
    let site = second();
    let mut running = start(&replica(&site, &zone, "")).await;
    reach(&mut running, size).await;
    running.stop().await;
    let name = blob.to_string();
    let path = site.store().join("blobs").join(&name[..2]).join(&name);
    let whole = std::fs::read(&path).expect("an attachment");
    let mut rotten = whole.clone();
    rotten[150_000] ^= 0x10;
    std::fs::write(&path, rotten).expect("written");
    let mut running = start(&replica(&site, &zone, RECEIPTS)).await;
    for number in 5..7 {
        let size = zone.world.chat(number, 1, MONTH).await.index + 1;
        reach(&mut running, size).await;
    }
    running.stop().await;
    assert_eq!(receipts(&site), Vec::<PathBuf>::new());
    // The neighbour: as it was, it is receipted.
    std::fs::write(&path, whole).expect("written");
    let running = start(&replica(&site, &zone, RECEIPTS)).await;
    eventually("a receipt", async || !receipts(&site).is_empty()).await;
    running.stop().await;
    zone.world.ledger.stop().await;
}
