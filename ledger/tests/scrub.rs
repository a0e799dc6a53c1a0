//! Rot on the disk of a ledger that is being served: the scrub finds it, names it, and nothing is signed over it.

mod maker;

use maker::*;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use zegel_ledger::{Config, Server, check};
use zegel_proto::v1::*;

const PATIENCE: Duration = Duration::from_secs(60);

fn config(site: &Site, scrub: &str) -> Config {
    let text = format!("metrics = \"127.0.0.1:0\"\n{}[log.scrub]\n{scrub}\n", site.config_text());
    Config::parse(&text, site.path()).expect("a configuration")
}

/// A ledger that scrubs, and where its metrics are.
async fn scrubbing(site: &Site, scrub: &str) -> (Running, SocketAddr) {
    let server = Server::bind(config(site, scrub)).await.expect("a ledger");
    let metrics = server.metrics_address().expect("an address");
    (Running::of(server).await, metrics)
}

async fn sample(metrics: SocketAddr, name: &str) -> u64 {
    let mut stream = tokio::net::TcpStream::connect(metrics).await.expect("a connection");
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.expect("asked");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("an answer");
    let line = page.lines().find(|line| line.starts_with(&format!("{name}{{"))).unwrap_or_else(|| panic!("{page}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

async fn wait_for(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn position(site: &Site) -> serde_json::Value {
    let text = std::fs::read(site.store().join("scrub/position")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// What stands of the scrub: ids with entries, and reasons.
fn found(site: &Site) -> Vec<(String, Option<u64>, String)> {
    let position = position(site);
    let of = |list: &str| position[list].as_array().cloned().unwrap_or_default();
    let found = [of("found"), of("found_before")].into_iter().find(|list| !list.is_empty()).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    found.iter().map(|each| (text(&each["id"]), each["entry"].as_u64(), text(&each["reason"]))).collect()
}

/// Files of tables of a database, with their bytes.
fn tables(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let tables = paths.filter(|path| path.extension().is_some_and(|end| end == "sst"));
    tables.map(|path| (path.clone(), std::fs::read(path).expect("bytes"))).collect()
}

/// Flips a bit where these bytes lie in a table of the database.
fn rot(folder: &Path, bytes: &[u8]) {
    let tables = tables(folder);
    let mut places = tables.iter().filter_map(|(path, table)| {
        let at = table.windows(bytes.len()).position(|window| window == bytes)?;
        Some((path, at))
    });
    let (path, at) = places.next_back().expect("the bytes lie in a table");
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("the table");
    std::os::unix::fs::FileExt::write_all_at(&file, &[bytes[0] ^ 0x10], at as u64).expect("written");
}

/// A log of some entries, closed, so that all of it lies in tables.
async fn written() -> (World, AppendRequest) {
    let mut world = World::new().await;
    // Rows of headers and of ciphertexts fill a block of the table each, so that a bit takes one of them and no other.
    world.chat(0, 32, MONTH).await;
    let events = world.source.messages(&world.capture, 32, 48, MONTH);
    let request = world.source.batch(&events);
    world.ledger.append(request.clone()).await.expect("messages");
    world.ledger.snapshot().await;
    world.chat(80, 32, MONTH).await;
    (world, request)
}

const AT_ONCE: &str = "kib_per_second = 1000000\nrest_s = 0";

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_store_is_scrubbed_again_and_again_while_appends_go_on_and_nothing_is_found() {
    let (mut world, _) = written().await;
    let blob = vec![7; 100_000];
    let name = zegel_verifier::hash::sha256(&[&blob]);
    let put = |data: Vec<u8>| {
        let size = data.len() as u64;
        PutBlobRequest { origin: ORIGIN.into(), sha256: name.to_vec(), size, offset: 0, data }
    };
    world.ledger.client.put_blob(tokio_stream::iter([put(blob)])).await.expect("a blob");
    world.ledger.stop().await;
    let (ledger, metrics) = scrubbing(&world.place, AT_ONCE).await;
    world.ledger = ledger;
    for round in 0..3 {
        let passed = sample(metrics, "zegel_scrub_bytes_total").await;
        world.chat(112 + round * 20, 20, MONTH).await;
        world.ledger.snapshot().await;
        wait_for("a pass", async || sample(metrics, "zegel_scrub_bytes_total").await > passed + 100_000).await;
    }
    assert_eq!(sample(metrics, "zegel_scrub_findings").await, 0);
    assert!(sample(metrics, "zegel_scrub_passed_seconds").await > 1_700_000_000);
    world.chat(172, 20, MONTH).await;
    world.ledger.stop().await;
    assert_eq!(found(&world.place), []);
    assert_eq!(check(&world.place.config()).expect("a report").findings, []);
    assert!(!world.place.store().join("scrub").exists(), "a clean check leaves nothing of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_flips_under_a_running_ledger_is_found_named_and_nothing_is_signed_over_it() {
    let (mut world, request) = written().await;
    world.ledger.stop().await;
    let (ledger, metrics) = scrubbing(&world.place, AT_ONCE).await;
    world.ledger = ledger;
    world.chat(112, 20, MONTH).await;
    let before = world.ledger.checkpoint().await;
    rot(&world.place.store().join("log"), &request.headers[3]);
    wait_for("the finding", async || sample(metrics, "zegel_scrub_findings").await > 0).await;
    let (id, entry, reason) = found(&world.place).remove(0);
    assert_eq!((id.as_str(), entry), ("entry", Some(3)), "{reason}");
    // The log stops, and says why; what was signed is still served.
    let next = world.source.try_batch(&world.source.messages(&world.capture, 132, 20, MONTH));
    world.ledger.refused(next.clone(), Code::Unavailable, "the scrub has a finding (entry, entry 3)").await;
    assert_eq!(world.ledger.checkpoint().await, before);
    world.ledger.stop().await;
    // Nor does a restart sign over it, before any pass of its own.
    let (mut ledger, _) = scrubbing(&world.place, "kib_per_second = 1\nrest_s = 60").await;
    ledger.refused(next.clone(), Code::Unavailable, "the scrub has a finding (entry, entry 3)").await;
    ledger.stop().await;
    // In a process of its own: this one has the good block in its cache.
    let said = checked(&world.place);
    assert!(said.contains("entry entry 3: reading failed: Corruption"), "{said}");
    // Mended, and `check` says so: then the log goes on.
    rot_back(&world.place.store().join("log"), &request.headers[3]);
    assert_eq!(check(&world.place.config()).expect("a report").findings, []);
    let (mut ledger, _) = scrubbing(&world.place, AT_ONCE).await;
    ledger.append(next).await.expect("taken");
    ledger.stop().await;
}

/// What the command says of a store.
fn checked(site: &Site) -> String {
    let path = site.path().join("ledger.toml");
    std::fs::write(&path, site.config_text()).expect("written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_zegel-ledger"));
    let output = command.arg("check").arg("--config").arg(path).output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Flips the bit back.
fn rot_back(folder: &Path, bytes: &[u8]) {
    let mut rotten = bytes.to_vec();
    rotten[0] ^= 0x10;
    rot(folder, &rotten);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_a_key_or_an_attachment_that_rots_is_named_and_appends_go_on() {
    let (world, request) = written().await;
    world.ledger.stop().await;
    let place = &world.place;
    let cases = [("log", request.bodies[5].ciphertext.clone()), ("keys", request.bodies[5].message_row.clone())];
    for (database, bytes) in cases {
        rot(&place.store().join(database), &bytes);
        let (mut ledger, metrics) = scrubbing(place, AT_ONCE).await;
        wait_for("the finding", async || sample(metrics, "zegel_scrub_findings").await > 0).await;
        // Its row, and those that share its block.
        let is_named = || found(place).iter().any(|(id, entry, _)| id == "sealed" && *entry == Some(3));
        wait_for("the name", async || is_named()).await;
        assert!(found(place).iter().all(|(id, ..)| id == "sealed"), "{database}: {:?}", found(place));
        ledger.snapshot().await;
        ledger.stop().await;
        rot_back(&place.store().join(database), &bytes);
        assert_eq!(check(&place.config()).expect("a report").findings, [], "{database}");
    }
    let blob = zegel_verifier::hash::sha256(&[b"an attachment"]);
    let folder = place.store().join("blobs").join(&blob.to_string()[..2]);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(blob.to_string()), b"an attachnent").expect("written");
    let (mut ledger, metrics) = scrubbing(place, AT_ONCE).await;
    wait_for("the finding", async || sample(metrics, "zegel_scrub_findings").await > 0).await;
    let (id, _, reason) = found(place).remove(0);
    assert!(id == "blob" && reason.contains(&blob.to_string()), "{id}: {reason}");
    ledger.snapshot().await;
    ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrub_that_is_stopped_goes_on_where_it_was() {
    let mut world = World::new().await;
    for number in 0..40 {
        world.chat(number * 20, 20, MONTH).await;
    }
    world.ledger.stop().await;
    let (ledger, metrics) = scrubbing(&world.place, "kib_per_second = 256\nrest_s = 0").await;
    let read_some = async |metrics| sample(metrics, "zegel_scrub_bytes_total").await > 60_000;
    wait_for("some entries", async || read_some(metrics).await).await;
    ledger.stop().await;
    let kept = position(&world.place);
    let next = kept["next"].as_u64().expect("a number");
    assert!(kept["phase"] == "entries" && next > 3 && kept["size"] == 42, "{kept}");
    let (ledger, metrics) = scrubbing(&world.place, "kib_per_second = 256\nrest_s = 0").await;
    assert_eq!(sample(metrics, "zegel_scrub_entries").await, next);
    wait_for("more entries", async || read_some(metrics).await).await;
    ledger.stop().await;
    // As many again, and not the same ones.
    let kept = position(&world.place);
    assert!(kept["next"].as_u64() > Some(next + 3), "{kept} after {next}");
    let (ledger, metrics) = scrubbing(&world.place, AT_ONCE).await;
    wait_for("the rest", async || sample(metrics, "zegel_scrub_passed_seconds").await > 0).await;
    ledger.stop().await;
    assert_eq!(found(&world.place), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_takes_the_copy_from_under_a_scrub_which_finds_nothing_by_that_and_begins_again() {
    let mut world = World::new().await;
    let approver = Author::new("approver");
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let first = world.chat(0, 20, MONTH).await.index;
    for number in 1..40 {
        world.chat(number * 20, 20, MONTH).await;
    }
    world.ledger.stop().await;
    let (ledger, metrics) = scrubbing(&world.place, "kib_per_second = 256\nrest_s = 0").await;
    world.ledger = ledger;
    for round in 0..3 {
        let before = sample(metrics, "zegel_scrub_bytes_total").await;
        let reads = async || sample(metrics, "zegel_scrub_bytes_total").await > before + 30_000;
        wait_for("some entries", reads).await;
        let order = order(&[(first + round, 1)], None, &[&world.officer, &approver]);
        let request = EraseRequest { origin: ORIGIN.into(), order };
        assert_eq!(world.ledger.client.erase(request).await.expect("erased").into_inner().events, 1);
        world.chat(800 + round * 20, 20, MONTH).await;
    }
    world.ledger.stop().await;
    assert_eq!(found(&world.place), []);
    let (ledger, metrics) = scrubbing(&world.place, AT_ONCE).await;
    wait_for("a whole pass", async || sample(metrics, "zegel_scrub_passed_seconds").await > 0).await;
    assert_eq!(sample(metrics, "zegel_scrub_findings").await, 0);
    ledger.stop().await;
    assert_eq!(check(&world.place.config()).expect("a report").findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_does_not_take_back_what_a_scrub_found() {
    let mut world = World::new().await;
    let approver = Author::new("approver");
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let entry = world.chat(0, 20, MONTH).await.index;
    world.ledger.stop().await;
    let (ledger, metrics) = scrubbing(&world.place, AT_ONCE).await;
    let guard = world.place.path().join("guard");
    let kept = std::fs::read(&guard).expect("the guard");
    std::fs::write(&guard, vec![b'x'; kept.len()]).expect("rotten");
    wait_for("the finding", async || sample(metrics, "zegel_scrub_findings").await > 0).await;
    ledger.stop().await;
    std::fs::write(&guard, kept).expect("as it was");
    let found_before = found(&world.place);
    assert_eq!(found_before[0].0, "guard", "{found_before:?}");
    let order = order(&[(entry, 1)], None, &[&world.officer, &approver]);
    assert_eq!(zegel_ledger::erase(&world.place.config(), &order).expect("erased").events, 1);
    assert_eq!(found(&world.place), found_before);
    let next = world.source.try_batch(&world.source.messages(&world.capture, 20, 20, MONTH));
    let (mut ledger, _) = scrubbing(&world.place, "kib_per_second = 1\nrest_s = 60").await;
    ledger.refused(next.clone(), Code::Unavailable, "the scrub has a finding (guard").await;
    ledger.stop().await;
    // `check` alone takes it back.
    assert_eq!(check(&world.place.config()).expect("a report").findings, []);
    let (mut ledger, _) = scrubbing(&world.place, AT_ONCE).await;
    ledger.append(next).await.expect("taken");
    ledger.stop().await;
}
