//! A ledger that refuses says something of an event only sometimes: whatever else it means, no event pays for it.
//!
//! Each test has the real sidecar on a Unix socket and a real ledger over TLS, as in `sidecar.rs`.

use std::fs;
use std::path::Path;
use zegel_keys::{Passphrases, Signer};
use zegel_proto::source::v1::*;
use zegel_tests::gateway::{Gateway, Sidecar, custodian, texts, timeline};
use zegel_tests::replica::Replica;
use zegel_tests::witness::eventually;
use zegel_tests::{ORIGIN, Stage};
use zegel_verifier::hash::Hash;

fn keys(from: u64, to: u64) -> Vec<String> {
    (from..to).map(|number| format!("{number:05}")).collect()
}

/// The auditor's word on all of it: each message once, none beside them.
fn check_each_once(stage: &Stage, name: &str, count: u64) {
    let (_, lines) = timeline(stage, name, "bundle");
    let wanted = keys(0, count).iter().map(|key| (format!("bericht-{key}."), 1)).collect();
    assert_eq!(texts(&lines), wanted);
}

fn size_of(stage: &Stage) -> u64 {
    let status: serde_json::Value = serde_json::from_str(&stage.zegel(&["--json", "status"])).expect("JSON");
    status["result"]["size"].as_u64().expect("a size")
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let Ok(items) = fs::read_dir(folder) else { return 0 };
    let paths = items.map(|item| item.expect("an item").path());
    paths.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_at_the_address_of_the_ledger_costs_no_event() {
    let mut stage = Stage::new();
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    let mut replica = Replica::new(&stage);
    let (primary, size) = (stage.url(), size_of(&stage));
    let began = std::time::Instant::now();
    while replica.size().await < size {
        assert!(began.elapsed().as_secs() < 60, "the follower does not follow:\n{}", replica.told());
    }
    stage.kill();
    sidecar.point_at(&primary, &replica.url());
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(0, 50)).await;
    let looked = |standing: &LogStanding| standing.sentence.contains("this ledger follows");
    let found = sidecar.stands("it was refused", |standing| looked(standing) || standing.quarantined > 0).await;
    assert_eq!((found.finding.as_str(), found.quarantined), ("ledger_unreachable", 0), "{found:?}");
    assert!(found.waiting >= 50 && gateway.told.quarantined.is_empty(), "{found:?}");
    // What was signed for it waits, and the ledger that is one takes it.
    sidecar.kill();
    sidecar.point_at(&replica.url(), &primary);
    replica.kill();
    stage.start();
    sidecar.start();
    let found = sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    assert_eq!(found.quarantined, 0, "{found:?}");
    check_each_once(&stage, "Anna de Vries", 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_key_that_is_retired_under_traffic_costs_no_event() {
    let stage = Stage::new();
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(0, 10)).await;
    gateway.until_receipted(&keys(0, 10)).await;
    let ministry = fs::read(stage.keys().join("ministry.json")).expect("a file");
    let ministry: serde_json::Value = serde_json::from_slice(&ministry).expect("JSON");
    let retired = ministry["archive_keys"][0]["id"].as_str().expect("an id").to_owned();
    stage.zegel(&["key", "add-archive", "--plain"]);
    stage.zegel(&["key", "retire-archive", "--key", &retired]);
    // A chat that nobody saw before has a dossier of its own: of the keys that the sidecar knew, one has ended.
    for (number, first) in (2..5).zip((10..).step_by(10)) {
        gateway.conversation = format!("groep-{number}");
        gateway.register().await;
        gateway.send_messages(&keys(first, first + 10)).await;
    }
    let found = sidecar.stands("nothing waits", |standing| standing.waiting == 0 || standing.quarantined > 0).await;
    assert_eq!((found.finding.as_str(), found.quarantined), ("", 0), "{found:?}\n{}", sidecar.told());
    gateway.until_receipted(&keys(0, 40)).await;
    check_each_once(&stage, "Anna de Vries", 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_put_back_gets_nothing_until_it_has_again_what_was_seen_of_it() {
    let mut stage = Stage::new();
    let anna = custodian(&stage, "Anna de Vries");
    let mut twin = stage.twin();
    twin.kill();
    stage.keep_port();
    let mut sidecar = Sidecar::new(&stage);
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    gateway.send_messages(&keys(0, 10)).await;
    gateway.until_receipted(&keys(0, 10)).await;
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    // While it is idle, the ledger of its address becomes the one that it was before.
    let port = stage.url().rsplit(':').next().expect("a port").to_owned();
    stage.kill();
    let config = fs::read_to_string(twin.keys().join("ledger.toml")).expect("a configuration");
    twin.move_to(&config.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")));
    let before = size_of(&twin);
    gateway.send_messages(&keys(10, 60)).await;
    let looked = |standing: &LogStanding| !standing.finding.is_empty() && standing.finding != "ledger_unreachable";
    let found = sidecar.stands("it has looked", |standing| looked(standing) || standing.quarantined > 0).await;
    assert_eq!((found.finding.as_str(), found.quarantined), ("log_rewritten", 0), "{found:?}");
    assert!(found.sentence.contains("is no continuation of") && found.waiting >= 50, "{found:?}");
    // So it is for a sidecar that has just started.
    sidecar.kill();
    sidecar.start();
    let found = sidecar.stands("it has looked again", |standing| !standing.finding.is_empty()).await;
    assert_eq!((found.finding.as_str(), found.quarantined), ("log_rewritten", 0), "{found:?}");
    assert_eq!(size_of(&twin), before);
    twin.kill();
    stage.start();
    let found = sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    assert_eq!(found.quarantined, 0, "{found:?}");
    check_each_once(&stage, "Anna de Vries", 60);
}

/// A sidecar whose ledger is away, and a gateway that has something to hand over.
async fn without_ledger() -> (Stage, Sidecar, Gateway) {
    let mut stage = Stage::new();
    stage.keep_port();
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    stage.kill();
    sidecar.start();
    let gateway = Gateway::begin(&sidecar, ORIGIN, &anna).await;
    (stage, sidecar, gateway)
}

/// Uploads an attachment and hands over a message that names it.
async fn send_with_attachment(sidecar: &Sidecar, gateway: &mut Gateway, key: &str) {
    let (upload, data) = (format!("upload-{key}"), vec![7; 100_000]);
    let size = data.len() as u64;
    let chunk = AttachmentChunk { log: ORIGIN.into(), upload: upload.clone(), size, offset: 0, data };
    let put = sidecar.client().await.put_attachment(tokio_stream::iter([chunk])).await.expect("put");
    assert!(put.into_inner().complete);
    let request::Content::Message(message) = gateway.message(key) else { panic!("a message") };
    let attachment = Attachment { name: "a.bin".into(), upload, ..Attachment::default() };
    let message = Message { attachments: vec![attachment], ..message };
    gateway.send(key, request::Content::Message(message)).await;
    gateway.until(|told| told.spooled.contains_key(key)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_ended_fills_neither_disk() {
    let (mut stage, mut sidecar, mut gateway) = without_ledger().await;
    send_with_attachment(&sidecar, &mut gateway, "film").await;
    gateway.send_messages(&keys(0, 1_000)).await;
    sidecar.kill();
    stage.start();
    let key = Signer::open(&sidecar.path("log/source.key"), &Passphrases::of_environment().expect("none"));
    let key = Hash(key.expect("a key").public_key()).to_string();
    stage.zegel(&["key", "revoke", "--key", &key, "--reason", "lost"]);
    let spool = sidecar.path("log/spool/chain");
    let chain = |name: &str| files(&spool.join(name));
    let held = || [chain("refused"), chain("outbox"), chain("blobs"), files(&stage.keys().join("store/blobs"))];
    let mut rounds = Vec::new();
    for _ in 0..3 {
        sidecar.start();
        let found = sidecar.stands("the key is refused", |standing| standing.finding == "key_refused").await;
        assert!(found.waiting >= 1_000 && found.quarantined == 0, "{found:?}");
        sidecar.kill();
        rounds.push(held());
    }
    // One round, signed once and asked for again: its attachment lies at either end once.
    assert_eq!(rounds[0][0], 0, "{rounds:?}");
    assert!(rounds[0][1] > 0 && rounds[0][2] <= 1 && rounds[0][3] <= 1, "{rounds:?}");
    assert!(rounds.iter().all(|round| *round == rounds[0]), "{rounds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attachment_of_an_event_that_is_refused_is_encrypted_once_and_not_left_behind() {
    let (mut stage, sidecar, mut gateway) = without_ledger().await;
    gateway.send_messages(&keys(0, 30)).await;
    let mut other = Gateway::begin(&sidecar, ORIGIN, &"ab".repeat(32)).await;
    send_with_attachment(&sidecar, &mut other, "poison").await;
    gateway.send_messages(&keys(30, 60)).await;
    stage.start();
    gateway.until_receipted(&keys(0, 60)).await;
    other.until(|told| told.quarantined.contains_key("poison")).await;
    let found = sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    assert_eq!(found.finding, "", "{found:?}");
    let spool = sidecar.path("log/spool/chain");
    eventually("its ciphertext is gone", || (files(&spool.join("blobs")) == 0).then_some(()));
    // The group that it stood in was halved until it stood alone, and nothing of it was encrypted anew.
    assert_eq!(files(&stage.keys().join("store/blobs")), 1);
    check_each_once(&stage, "Anna de Vries", 60);
}
