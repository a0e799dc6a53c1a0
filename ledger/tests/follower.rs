//! A second ledger that follows: the same bytes, the same answers, nothing taken by itself; and its promotion.
//!
//! Not here: primaries that lie and processes that are killed (`tests/tests/follower.rs`).

mod maker;

use maker::*;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use zegel_ledger::{
    Config, EraseError, Faults, FollowError, GuardError, Known, PromoteError, ServeError, Server, Step, StoreError,
    check, erase, promote,
};
use zegel_proto::print;
use zegel_proto::v1::*;
use zegel_verifier::checkpoint;
use zegel_verifier::erasure::Resealed;
use zegel_verifier::hash::{Hash, sha256};

/// A primary whose port stays, so that it can be stopped and followed on.
struct Primary {
    world: World,
    address: SocketAddr,
}

fn config_at(site: &Site, address: SocketAddr) -> Config {
    let text = site.config_text().replace("127.0.0.1:0", &address.to_string());
    Config::parse(&text, site.path()).expect("a configuration")
}

impl Primary {
    async fn new() -> Self {
        let site = Site::new();
        let server = Server::bind(site.config()).await.expect("a ledger");
        let address = server.address();
        let world = World::on(site, Running::of(server).await).await;
        Self { world, address }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn config(&self) -> Config {
        config_at(&self.world.place, self.address)
    }
}

async fn start(config: &Config) -> Running {
    Running::of(Server::bind(config.clone()).await.expect("a ledger")).await
}

/// A place for a follower: like any other, without a log key.
fn second() -> Site {
    let site = Site::new();
    std::fs::remove_file(site.path().join("log.pem")).expect("no key here");
    site
}

fn following(site: &Site, primary: &str) -> Config {
    following_with(site, primary, "")
}

fn following_with(site: &Site, primary: &str, more: &str) -> Config {
    let follow = format!("[log.follow]\nprimary = \"{primary}\"\ninterval_ms = 10\n{more}");
    let text = format!("metrics = \"127.0.0.1:0\"\n{}{follow}", site.config_text());
    Config::parse(&text, site.path()).expect("a configuration")
}

/// A follower that serves.
struct Follower {
    running: Running,
    address: SocketAddr,
    metrics: SocketAddr,
}

async fn follow(site: &Site, primary: &str) -> Follower {
    follow_by(following(site, primary)).await
}

async fn follow_by(config: Config) -> Follower {
    let server = Server::bind(config).await.expect("a follower");
    let (address, metrics) = (server.address(), server.metrics_address().expect("metrics"));
    Follower { running: Running::of(server).await, address, metrics }
}

impl Follower {
    async fn reach(&mut self, size: u64) {
        eventually(async || {
            let answer = self.running.client.get_checkpoint(LogRequest { origin: ORIGIN.into() }).await;
            answer.is_ok_and(|answer| verified(&answer.into_inner().checkpoint).size() >= size)
        })
        .await;
    }

    async fn health(&self) -> ServingStatus {
        let channel = tonic::transport::Channel::from_shared(format!("http://{}", self.address)).expect("an address");
        let mut client = HealthClient::new(channel.connect().await.expect("a connection"));
        let request = HealthCheckRequest { service: "zegel.v1.Replication".into() };
        client.check(request).await.map_or(ServingStatus::ServiceUnknown, |answer| answer.into_inner().status())
    }

    async fn is_refused(&self) -> bool {
        page(self.metrics).await.contains(&format!("zegel_primary_refused{{origin=\"{ORIGIN}\"}} 1"))
    }
}

async fn page(address: SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.expect("asked");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("an answer");
    page
}

/// Looks again until it is so.
async fn eventually(mut look: impl AsyncFnMut() -> bool) {
    for _ in 0..2_000 {
        if look().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("waited in vain");
}

/// Everything that a ledger gives to one that follows it.
async fn everything(ledger: &mut Running) -> Vec<ReplicateResponse> {
    let request = ReplicateRequest { origin: ORIGIN.into(), from: 0, orders: Vec::new(), rewrapped: 0 };
    let stream = ledger.client.replicate(request).await.expect("a stream").into_inner();
    let all: Vec<_> = tokio_stream::StreamExt::collect(stream).await;
    all.into_iter().map(|message| message.expect("an entry")).collect()
}

async fn evidence(
    ledger: &mut Running,
    export: &Receipt,
    snapshot: &Receipt,
    capture: &Capture,
) -> Vec<EvidenceRecord> {
    let stream = StreamType::StreamConversation as i32;
    let scope = Some(Scope { stream, id: capture.conversation.to_vec(), ..Scope::default() });
    let request = ExportEvidenceRequest {
        origin: ORIGIN.into(),
        scope,
        snapshot_entry: snapshot.index,
        export_entry: export.index,
        export_position: 0,
    };
    let stream = ledger.client.export_evidence(request).await.expect("evidence").into_inner();
    let all: Vec<_> = tokio_stream::StreamExt::collect(stream).await;
    all.into_iter().map(|record| record.expect("a record")).collect()
}

async fn put_blob(ledger: &mut Running, bytes: &[u8]) -> Result<Vec<u8>, tonic::Status> {
    let sha256 = sha256(&[bytes]).to_vec();
    let (origin, size, data) = (ORIGIN.into(), bytes.len() as u64, bytes.to_vec());
    let piece = PutBlobRequest { origin, sha256: sha256.clone(), size, offset: 0, data };
    ledger.client.put_blob(tokio_stream::iter([piece])).await?;
    Ok(sha256)
}

async fn blob(ledger: &mut Running, sha256: &[u8]) -> Vec<u8> {
    let request = GetBlobRequest { origin: ORIGIN.into(), sha256: sha256.to_vec() };
    let chunks = ledger.client.get_blob(request).await.expect("a blob").into_inner();
    let chunks: Vec<_> = tokio_stream::StreamExt::collect(chunks).await;
    chunks.into_iter().flat_map(|chunk| chunk.expect("a chunk").data).collect()
}

/// A message with an attachment.
fn with_blob(world: &World, seq: u64, blob: &[u8]) -> Event {
    let header = chat_header(world.capture.custodian, world.capture.conversation, seq, MONTH);
    sealed(world.source.actor, EventHeader { blobs: vec![blob.to_vec()], ..header })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_holds_the_same_bytes_serves_them_and_takes_nothing_itself() {
    let mut primary = Primary::new().await;
    let world = &mut primary.world;
    world.chat(0, 70, MONTH).await;
    let attached = put_blob(&mut world.ledger, b"an attachment, sealed").await.expect("put");
    let request = world.source.batch(&[with_blob(world, 70, &attached)]);
    world.ledger.append(request).await.expect("logged");
    let site = second();
    let mut follower = follow(&site, &format!("http://{}", primary.address)).await;
    // Some of it comes while the follower is there, with appends going on while the snapshot's table is made.
    let mut client = world.ledger.client.clone();
    let snapshot = tokio::spawn(async move { client.snapshot(LogRequest { origin: ORIGIN.into() }).await });
    for number in 0..30 {
        world.chat(71 + 5 * number, 5, MONTH + (number % 2) as u32).await;
    }
    snapshot.await.expect("no panic").expect("a snapshot");
    let exported = sealed(world.officer.actor, header(EventKind::ExportCreated));
    let request = world.officer.batch(&[exported]);
    let export = world.ledger.append(request).await.expect("logged");
    let snapshot = world.ledger.snapshot().await;
    let size = world.ledger.checkpoint().await.size();
    follower.reach(size).await;
    let running = &mut follower.running;
    assert_eq!(running.checkpoint().await, world.ledger.checkpoint().await);
    // Entries, headers, ciphertexts, wraps, message rows, envelopes and every note.
    assert_eq!(everything(running).await, everything(&mut world.ledger).await);
    let given = evidence(running, &export, &snapshot, &world.capture).await;
    assert_eq!(given, evidence(&mut world.ledger, &export, &snapshot, &world.capture).await);
    assert!(given.len() > 200, "{}", given.len());
    assert_eq!(blob(running, &attached).await, b"an attachment, sealed");
    let ahead = world.source.try_batch(&world.source.messages(&world.capture, 221, 1, MONTH));
    let told = format!("this ledger follows {}", format_args!("http://{}", primary.address));
    running.refused(ahead, Code::Unavailable, &told).await;
    let refused = running.client.snapshot(LogRequest { origin: ORIGIN.into() }).await.expect_err("refused");
    assert_eq!((refused.code(), refused.message().contains(&told)), (Code::Unavailable, true));
    let refused = put_blob(running, b"another").await.expect_err("refused");
    assert_eq!((refused.code(), refused.message().contains(&told)), (Code::Unavailable, true));
    eventually(async || follower.health().await == ServingStatus::Serving).await;
    assert!(!follower.is_refused().await);
    // One can follow a follower.
    let third = second();
    let mut behind = follow(&third, &format!("http://{}", follower.address)).await;
    behind.reach(size).await;
    assert_eq!(everything(&mut behind.running).await, everything(&mut follower.running).await);
    behind.running.stop().await;
    follower.running.stop().await;
    for site in [&site, &third] {
        let report = check(&following(site, "http://127.0.0.1:1")).expect("a report");
        assert_eq!((report.findings, report.entries), (Vec::new(), size));
    }
    primary.world.ledger.stop().await;
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success());
}

/// The same log in another place.
fn twin(of: &Site) -> Site {
    let site = Site::new();
    for name in ["store", "guard"] {
        copy(&of.path().join(name), &site.path().join(name));
    }
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_forks_or_rolls_back_is_refused_and_what_was_followed_is_served_on() {
    let mut primary = Primary::new().await;
    let begun = primary.world.ledger.checkpoint().await.size();
    let (config, url) = (primary.config(), primary.url());
    primary.world.ledger.stop().await;
    let older = twin(&primary.world.place);
    let forked = twin(&primary.world.place);
    primary.world.ledger = start(&config).await;
    let before = primary.world.source.clone();
    primary.world.chat(0, 3, MONTH).await;
    primary.world.chat(3, 3, MONTH).await;
    let site = second();
    let mut follower = follow(&site, &url).await;
    follower.reach(begun + 2).await;
    let held = follower.running.checkpoint().await;
    follower.running.stop().await;
    // An older copy of the primary signs less; another history signs as much, or more.
    let mut stood = Vec::new();
    for (place, batches, wanted) in [
        (
            &older,
            0,
            format!("rollback: the primary signs {begun} entries, of which {} were followed before", begun + 2),
        ),
        (&forked, 2, format!("fork: the primary signs {} entries", begun + 2)),
        (&forked, 2, format!("fork: the primary signs {} entries", begun + 4)),
    ] {
        let server = Server::bind(place.config()).await.expect("a ledger");
        let elsewhere = format!("http://{}", server.address());
        let mut lying = Running::of(server).await;
        let mut source = stood.pop().unwrap_or_else(|| before.clone());
        for number in 0..batches {
            let events = source.messages(&primary.world.capture, 3 * source.batch_seq, 3, MONTH + number);
            lying.append(source.batch(&events)).await.expect("logged");
        }
        if batches > 0 {
            stood.push(source);
        }
        let mut follower = follow(&site, &elsewhere).await;
        let refused = site.path().join("store/refused");
        eventually(async || refused.exists() && follower.is_refused().await).await;
        let told = std::fs::read_to_string(&refused).expect("a reason");
        assert!(told.starts_with(&wanted), "{told}");
        assert_eq!(verified(told.split_once("\n\n").expect("a note").1.as_bytes()), lying.checkpoint().await);
        assert_eq!(follower.health().await, ServingStatus::NotServing);
        assert_eq!(follower.running.checkpoint().await, held);
        follower.running.stop().await;
        // Also after a restart, and whoever is there; until a person has looked.
        let mut follower = follow(&site, &url).await;
        eventually(async || follower.is_refused().await).await;
        assert_eq!(follower.running.checkpoint().await, held);
        follower.running.stop().await;
        std::fs::remove_file(&refused).expect("understood");
        lying.stop().await;
    }
    primary.world.chat(6, 3, MONTH).await;
    let mut follower = follow(&site, &url).await;
    follower.reach(begun + 3).await;
    follower.running.stop().await;
    primary.world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_primary_erases_is_gone_from_the_follower_by_the_same_two_signatures() {
    let mut primary = Primary::new().await;
    let (config, url) = (primary.config(), primary.url());
    let approver = Author::new("approver");
    let world = &mut primary.world;
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let attached = put_blob(&mut world.ledger, b"goes with its message").await.expect("put");
    // Alone under its envelope, which a later message names again.
    let mut events = vec![with_blob(world, 0, &attached)];
    events.extend(world.source.messages(&world.capture, 1, 3, MONTH));
    let gone: Vec<Vec<u8>> = events[..2].iter().map(|event| event.body.ciphertext.clone()).collect();
    let (envelope, stays) = (events[0].envelope.clone().expect("an envelope"), events[2].body.ciphertext.clone());
    let request = world.source.batch(&events);
    let entry = world.ledger.append(request).await.expect("logged").index;
    let again = chat_header(world.capture.custodian, world.capture.conversation, 4, MONTH);
    let request = world.source.batch(&[sealed_under(again, envelope)]);
    let size = world.ledger.append(request).await.expect("logged").index + 1;
    let (early, late) = (second(), second());
    let mut follower = follow(&early, &url).await;
    follower.reach(size).await;
    assert!(gone.iter().all(|bytes| is_somewhere(&early.store(), bytes)));
    primary.world.ledger.stop().await;
    let text = order(&[(entry, 0), (entry, 1)], None, &[&primary.world.officer, &approver]);
    assert_eq!(erase(&config, &text).expect("erased").events, 2);
    primary.world.ledger = start(&config).await;
    // A key that signed the order and ends later takes nothing back.
    let key = approver.key.verifying_key().to_bytes().to_vec();
    let retired = public(EventKind::KeyRetired, print(&KeyRetired { key }).expect("prints"));
    let request = primary.world.root.batch(&[retired]);
    primary.world.ledger.append(request).await.expect("retired");
    primary.world.chat(5, 1, MONTH).await;
    let erased = |store: PathBuf| gone.iter().all(|bytes| !is_somewhere(&store, bytes)) && is_somewhere(&store, &stays);
    eventually(async || erased(early.store())).await;
    follower.reach(size + 2).await;
    // Who begins after that never has it.
    let mut fresh = follow(&late, &url).await;
    fresh.reach(size + 2).await;
    let wanted = everything(&mut primary.world.ledger).await;
    eventually(async || everything(&mut follower.running).await == wanted).await;
    eventually(async || everything(&mut fresh.running).await == wanted).await;
    assert!(matches!(&wanted[0].item, Some(replicate_response::Item::Order(piece)) if piece.text == text.as_bytes()));
    follower.running.stop().await;
    fresh.running.stop().await;
    for site in [&early, &late] {
        assert!(erased(site.store()));
        let name = Hash::read(&attached).expect("a hash").to_string();
        assert!(!site.store().join("blobs").join(&name[..2]).join(&name).exists());
        let own = following(site, &url);
        assert_eq!(check(&own).expect("a report").findings, []);
        let refused = erase(&own, &text);
        assert!(matches!(refused, Err(EraseError::Follower { .. })), "{refused:?}");
    }
    primary.world.ledger.stop().await;
}

/// Fails on the far side of a step.
struct After(Step);

impl Faults for After {
    fn before(&self, _step: Step) -> Result<(), String> {
        Ok(())
    }

    fn after(&self, step: Step) -> Result<(), String> {
        if step == self.0 { Err("told so by the test".into()) } else { Ok(()) }
    }
}

/// What an auditor gets of all entries.
async fn audited(ledger: &mut Running, count: u64) -> Vec<AuditEntry> {
    let request = ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count };
    let stream = ledger.client.read_audit(request).await.expect("a stream").into_inner();
    let all: Vec<_> = tokio_stream::StreamExt::collect(stream).await;
    all.into_iter().map(|entry| entry.expect("an entry")).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn what_an_order_leaves_of_an_event_reaches_the_follower_that_was_away_and_the_one_that_begins_after_it() {
    let mut primary = Primary::new().await;
    let (config, url) = (primary.config(), primary.url());
    let approver = Author::new("approver");
    let world = &mut primary.world;
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let attached = put_blob(&mut world.ledger, b"stays with its message").await.expect("put");
    let mut events = vec![with_blob(world, 0, &attached)];
    events.extend(world.source.messages(&world.capture, 1, 3, MONTH));
    let request = world.source.batch(&events);
    let entry = world.ledger.append(request).await.expect("logged").index;
    // Alone in its entry: nothing sealed comes with that.
    let alone = world.source.messages(&world.capture, 4, 1, MONTH).remove(0);
    let request = world.source.batch(std::slice::from_ref(&alone));
    let size = world.ledger.append(request).await.expect("logged").index + 1;
    let (early, late) = (second(), second());
    let mut follower = follow(&early, &url).await;
    follower.reach(size).await;
    follower.running.stop().await;
    primary.world.ledger.stop().await;

    // One loses a part, and a part of what is left; one loses a part, and then all; one loses a part.
    let envelope = events[0].envelope.clone().expect("an envelope");
    let form = || sealed_under(events[0].header.clone(), envelope.clone()).body;
    let over = |old: &SealedBody, new: &SealedBody| Resealed {
        replaces: sha256(&[&old.ciphertext]).to_vec(),
        ciphertext: new.ciphertext.clone(),
        wrap: new.wrap.clone(),
    };
    let (places, two) = ([(entry, 0), (entry, 1), (size - 1, 0)], [&primary.world.officer, &approver]);
    let (once, ended, left) = (form(), form(), form());
    let first = BTreeMap::from([
        (places[0], over(&events[0].body, &once)),
        (places[1], over(&events[1].body, &ended)),
        (places[2], over(&alone.body, &left)),
    ]);
    let first = order_over(first, &two);
    let ends = order(&[places[1]], None, &two);
    // By their ids they would be carried out in another order than they were.
    let (twice, second_order) = loop {
        let twice = form();
        let text = order_over(BTreeMap::from([(places[0], over(&once, &twice))]), &two);
        if sha256(&[text.as_bytes()]) < sha256(&[first.as_bytes()]) {
            break (twice, text);
        }
    };
    for (text, count) in [(&first, 3), (&second_order, 1), (&ends, 1)] {
        assert_eq!(erase(&config, text).expect("erased").events, count);
    }
    primary.world.ledger = start(&config).await;
    let size = primary.world.chat(5, 1, MONTH).await.index + 1;
    let wanted = audited(&mut primary.world.ledger, size).await;

    // The one that begins now is stopped between the keys and the body of what is left; it goes on.
    let faulty = Server::bind_with(following(&late, &url), std::sync::Arc::new(After(Step::EraseKeys))).await;
    let server = faulty.expect("a follower");
    let (address, metrics) = (server.address(), server.metrics_address().expect("metrics"));
    let stopped = Follower { running: Running::of(server).await, address, metrics };
    eventually(async || stopped.is_refused().await).await;
    stopped.running.stop().await;
    assert!(is_somewhere(&late.store(), &once.wrap) && !is_somewhere(&late.store(), &once.ciphertext));
    for site in [&early, &late] {
        let mut follower = follow(site, &url).await;
        follower.reach(size).await;
        eventually(async || audited(&mut follower.running, size).await == wanted).await;
        eventually(async || follower.health().await == ServingStatus::Serving).await;
        assert_eq!(everything(&mut follower.running).await, everything(&mut primary.world.ledger).await);
        // And the next that begins with it: it gives the same.
        let third = second();
        let mut behind = follow(&third, &format!("http://{}", follower.address)).await;
        eventually(async || audited(&mut behind.running, size).await == wanted).await;
        behind.running.stop().await;
        follower.running.stop().await;
        let (store, gone) = (site.store(), [&events[0].body, &events[1].body, &alone.body, &once, &ended]);
        for there in [&twice, &left] {
            assert!(is_somewhere(&store, &there.ciphertext) && is_somewhere(&store, &there.wrap));
        }
        eventually(async || gone.iter().all(|body| !is_somewhere(&store, &body.ciphertext))).await;
        let name = Hash::read(&attached).expect("a hash").to_string();
        assert!(store.join("blobs").join(&name[..2]).join(&name).exists());
        assert_eq!(check(&following(site, &url)).expect("a report").findings, []);
    }
    primary.world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_while_a_follower_reads_comes_behind_the_order_by_which_it_went() {
    const BATCHES: u64 = 24;
    let mut primary = Primary::new().await;
    let approver = Author::new("approver");
    let world = &mut primary.world;
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let mut last = 0;
    for number in 0..BATCHES {
        let mut events = world.source.messages(&world.capture, 4 * number, 4, MONTH);
        events.iter_mut().for_each(|event| event.body.ciphertext = fresh().repeat(6_000));
        let request = world.source.batch(&events);
        last = world.ledger.append(request).await.expect("logged").index;
    }
    let request = ReplicateRequest { origin: ORIGIN.into(), from: 0, orders: Vec::new(), rewrapped: 0 };
    let mut stream = world.ledger.client.replicate(request).await.expect("a stream").into_inner();
    let begun = stream.message().await.expect("a message").expect("an item");
    assert!(matches!(begun.item, Some(replicate_response::Item::Entry(entry)) if entry.index == 0));
    // It has been asked for, and waits behind what nobody has read yet.
    let text = order(&[(last, 0)], None, &[&world.officer, &approver]);
    let request = EraseRequest { origin: ORIGIN.into(), order: text.clone() };
    assert_eq!(world.ledger.client.erase(request).await.expect("erased").into_inner().events, 1);
    let mut came = Vec::new();
    while let Some(message) = stream.message().await.expect("a message") {
        match message.item.expect("an item") {
            replicate_response::Item::Order(piece) => came.push((piece.text == text.as_bytes(), u64::MAX)),
            replicate_response::Item::Entry(entry) => came.push((!entry.erased.is_empty(), entry.index)),
            replicate_response::Item::Rewrapped(_) => {}
        }
    }
    let [.., (true, u64::MAX), (true, at)] = came[..] else { panic!("{came:?}") };
    assert_eq!(at, last);
    primary.world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_whose_store_is_being_copied_follows_on_and_erases_after_that() {
    let mut primary = Primary::new().await;
    let url = primary.url();
    let approver = Author::new("approver");
    let world = &mut primary.world;
    let registered = world.root.batch(&[actor_registered(&approver, Role::Approver), key_added(&approver)]);
    world.ledger.append(registered).await.expect("registered");
    let events = world.source.messages(&world.capture, 0, 2, MONTH);
    let gone = events[0].body.ciphertext.clone();
    let request = world.source.batch(&events);
    let entry = world.ledger.append(request).await.expect("logged").index;
    let site = second();
    let mut follower = follow_by(following_with(&site, &url, "[log.backup]\nfolder = \"backup\"\n")).await;
    follower.reach(entry + 1).await;
    let pipe = Pipe::among_attachments_of(&site);
    pipe.stop_a_backup(&site).await;
    let text = order(&[(entry, 0)], None, &[&world.officer, &approver]);
    let request = EraseRequest { origin: ORIGIN.into(), order: text };
    assert_eq!(world.ledger.client.erase(request).await.expect("erased").into_inner().events, 1);
    // The order comes with one of these rounds, and there are others behind it.
    for number in 2..5 {
        let size = world.chat(number, 1, MONTH).await.index + 1;
        follower.reach(size).await;
    }
    assert!(is_somewhere(&site.store().join("log"), &gone), "nothing goes while it is copied");
    pipe.open(&site).await;
    eventually(async || !is_somewhere(&site.store(), &gone)).await;
    follower.running.stop().await;
    assert_eq!(check(&following(&site, &url)).expect("a report").findings, []);
    primary.world.ledger.stop().await;
}

fn archive_key_id(number: u8) -> Vec<u8> {
    sha256(&[&archive_key(number)]).to_vec()
}

/// Logs that it rewraps to the third key, and does; gives how many envelopes were due.
async fn rewrap(world: &mut World, without: Option<u8>) -> usize {
    let wanted = announce(world, without).await;
    let wraps = due(world, &wanted).await;
    put(world, &wanted, &wraps).await;
    wraps.len()
}

/// Logs that it rewraps.
async fn announce(world: &mut World, without: Option<u8>) -> Rewrap {
    let keys: &[u8] = if without.is_some() { &[2, 3] } else { &[1, 2] };
    let own = envelope(world.officer.actor, &[], 0, keys);
    let begun = sealed_under(header(EventKind::BodyResealed), print(&own).expect("prints"));
    let request = world.officer.batch(&[begun]);
    let entry = world.ledger.append(request).await.expect("logged").index;
    let without = without.map(archive_key_id).unwrap_or_default();
    Rewrap { entry, position: 0, to: archive_key_id(3), without }
}

/// The envelopes that are due, with the third key.
async fn due(world: &mut World, wanted: &Rewrap) -> Vec<DossierWrap> {
    let asked = ReadEnvelopesRequest { origin: ORIGIN.into(), rewrap: Some(wanted.clone()), after: Vec::new() };
    let due = world.ledger.client.read_envelopes(asked).await.expect("envelopes").into_inner();
    let due: Vec<_> = tokio_stream::StreamExt::collect(due).await;
    due.into_iter().map(|wrap| wrapped(wrap.expect("a wrap"), &wanted.without)).collect()
}

async fn put(world: &mut World, wanted: &Rewrap, wraps: &[DossierWrap]) {
    for wraps in wraps.chunks(100) {
        let (origin, wraps) = (ORIGIN.into(), wraps.to_vec());
        let request = RewrapEnvelopesRequest { origin, rewrap: Some(wanted.clone()), wraps };
        world.ledger.client.rewrap_envelopes(request).await.expect("rewrapped");
    }
}

/// An envelope with the third key, and without the one that is dropped.
fn wrapped(wrap: DossierWrap, dropped: &[u8]) -> DossierWrap {
    let mut envelope: DossierEnvelope = zegel_proto::parse(&wrap.envelope).expect("an envelope");
    envelope.recipients.retain(|recipient| recipient.archive_key != dropped);
    if envelope.recipients.iter().all(|recipient| recipient.archive_key != archive_key_id(3)) {
        envelope.recipients.push(DossierRecipient { archive_key: archive_key_id(3), sealed: vec![8; 1_168] });
    }
    envelope.recipients.sort_by(|one, other| one.archive_key.cmp(&other.archive_key));
    DossierWrap { envelope: print(&envelope).expect("prints"), ..wrap }
}

/// Recipients of every envelope that a ledger gives to a follower, by the envelope's own name or the one that it states; and how many
/// came as rewrapped since.
async fn recipients(ledger: &mut Running) -> (BTreeMap<Vec<u8>, Vec<Vec<u8>>>, usize) {
    let (mut found, mut rewrapped) = (BTreeMap::new(), 0);
    for message in everything(ledger).await {
        let wraps = match message.item.expect("an item") {
            replicate_response::Item::Entry(entry) => {
                let came = entry.envelopes.into_iter();
                let came = came.map(|envelope| DossierWrap { dossier: sha256(&[&envelope]).to_vec(), envelope });
                came.chain(entry.rewrapped).collect()
            }
            replicate_response::Item::Rewrapped(one) => {
                rewrapped += 1;
                Vec::from_iter(one.wrap)
            }
            replicate_response::Item::Order(_) => Vec::new(),
        };
        for DossierWrap { dossier, envelope } in wraps {
            let envelope: DossierEnvelope = zegel_proto::parse(&envelope).expect("an envelope");
            found.insert(dossier, envelope.recipients.into_iter().map(|recipient| recipient.archive_key).collect());
        }
    }
    (found, rewrapped)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rewrapped_reaches_the_follower_that_was_there_and_the_one_that_comes_later() {
    let mut primary = Primary::new().await;
    let url = primary.url();
    let world = &mut primary.world;
    // An envelope each.
    let one =
        |seq| sealed(world.source.actor, chat_header(world.capture.custodian, world.capture.conversation, seq, MONTH));
    let events: Vec<Event> = (0..150).map(one).collect();
    let request = world.source.batch(&events);
    world.ledger.append(request).await.expect("logged");
    let (early, late, last) = (second(), second(), second());
    let mut follower = follow(&early, &url).await;
    follower.reach(world.ledger.checkpoint().await.size()).await;
    add_archive_key(world).await;
    // More than are written together; after it was replicated.
    let due = rewrap(world, None).await;
    assert!(due > 150, "{due}");
    let wanted = everything(&mut world.ledger).await;
    eventually(async || everything(&mut follower.running).await == wanted).await;
    let (all, rewrapped) = recipients(&mut follower.running).await;
    assert_eq!((all.values().filter(|keys| keys.len() == 3).count(), rewrapped), (due, due));
    // Before it was.
    let mut fresh = follow(&late, &url).await;
    eventually(async || everything(&mut fresh.running).await == wanted).await;
    // It is not here that one rewraps.
    let rewrap_here = Some(Rewrap { entry: 0, position: 0, to: archive_key_id(3), without: Vec::new() });
    let request = RewrapEnvelopesRequest { origin: ORIGIN.into(), rewrap: rewrap_here, wraps: Vec::new() };
    let refused = fresh.running.client.rewrap_envelopes(request).await.expect_err("refused");
    let told = format!("this ledger follows {url}");
    assert_eq!((refused.code(), refused.message().contains(&told)), (Code::Unavailable, true), "{refused}");
    // A key is dropped, while one of them is away: no copy opens by it any more, and one can follow a follower.
    fresh.running.stop().await;
    let retired = ArchiveKeyRetired { archive_key: archive_key_id(1) };
    let retired = public(EventKind::ArchiveKeyRetired, print(&retired).expect("prints"));
    let request = world.root.batch(&[retired]);
    world.ledger.append(request).await.expect("retired");
    let due = rewrap(world, Some(1)).await;
    let wanted = everything(&mut world.ledger).await;
    let mut fresh = follow(&late, &url).await;
    let mut behind = follow(&last, &format!("http://{}", follower.address)).await;
    for ledger in [&mut follower, &mut fresh, &mut behind] {
        eventually(async || everything(&mut ledger.running).await == wanted).await;
        let (all, rewrapped) = recipients(&mut ledger.running).await;
        assert!(all.values().all(|keys| !keys.contains(&archive_key_id(1))), "by no copy");
        assert_eq!(rewrapped, due);
        eventually(async || ledger.health().await == ServingStatus::Serving).await;
        assert!(!ledger.is_refused().await);
    }
    for (ledger, site) in [(behind, &last), (fresh, &late), (follower, &early)] {
        ledger.running.stop().await;
        assert_eq!(check(&following(site, &url)).expect("a report").findings, []);
    }
    let config = primary.config();
    primary.world.ledger.stop().await;
    assert_eq!(check(&config).expect("a report").findings, []);
}

/// Who follows an address does not see that another ledger answers there: the log says so.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_the_log_over_at_the_old_address_is_asked_for_all_that_it_rewrapped() {
    let primary = Primary::new().await;
    let url = primary.url();
    let Primary { mut world, address } = primary;
    let one =
        |seq| sealed(world.source.actor, chat_header(world.capture.custodian, world.capture.conversation, seq, MONTH));
    let events: Vec<Event> = (0..20).map(one).collect();
    let request = world.source.batch(&events);
    world.ledger.append(request).await.expect("logged");
    add_archive_key(&mut world).await;
    let wanted = announce(&mut world, None).await;
    let newest = world.ledger.checkpoint().await;
    let (heirs, others, strays) = (second(), second(), second());
    let (mut heir, mut other) = (follow(&heirs, &url).await, follow(&others, &url).await);
    let mut stray = follow(&strays, &url).await;
    for follower in [&mut heir, &mut other, &mut stray] {
        follower.reach(newest.size()).await;
    }
    // The heir has every entry, and nothing of what is rewrapped from here on. Two others have: one of them what the heir will not repeat.
    heir.running.stop().await;
    let mut wraps = due(&mut world, &wanted).await;
    let some = wraps.split_off(wraps.len() - 5);
    put(&mut world, &wanted, &some).await;
    eventually(async || recipients(&mut other.running).await.1 == 5).await;
    eventually(async || recipients(&mut stray.running).await.1 == 5).await;
    world.ledger.stop().await;
    stray.running.stop().await;

    let own = promoted(&heirs);
    let held = heirs.path().join("held");
    let note = other.running.client.get_checkpoint(LogRequest { origin: ORIGIN.into() }).await.expect("a note");
    std::fs::write(&held, note.into_inner().checkpoint).expect("written");
    promote(&own, None, &Known { checkpoints: vec![held], ..Known::default() }).expect("promoted");
    world.ledger = start(&config_at(&heirs, address)).await;
    let request = world.root.batch(&[recovered(newest.size(), newest.root())]);
    world.ledger.append(request).await.expect("logged");
    // Numbers from 1 on, once more; of others first than those that have these numbers elsewhere.
    put(&mut world, &wanted, &wraps).await;
    put(&mut world, &wanted, &some).await;
    let all = everything(&mut world.ledger).await;
    eventually(async || everything(&mut other.running).await == all).await;
    let (found, rewrapped) = recipients(&mut other.running).await;
    let count = found.values().filter(|keys| keys.contains(&archive_key_id(3))).count();
    assert_eq!((count, rewrapped), (wraps.len() + 5, wraps.len() + 5));
    assert!(!other.is_refused().await);
    // What comes next has numbers behind those; and one that was away all the time takes all of it.
    let retired = ArchiveKeyRetired { archive_key: archive_key_id(1) };
    let request = world.root.batch(&[public(EventKind::ArchiveKeyRetired, print(&retired).expect("prints"))]);
    world.ledger.append(request).await.expect("retired");
    assert!(rewrap(&mut world, Some(1)).await > 20);
    let all = everything(&mut world.ledger).await;
    let mut stray = follow(&strays, &url).await;
    for follower in [&mut other, &mut stray] {
        eventually(async || everything(&mut follower.running).await == all).await;
        assert!(!follower.is_refused().await);
    }
    world.ledger.stop().await;
    for (follower, site) in [(other, &others), (stray, &strays)] {
        follower.running.stop().await;
        assert_eq!(check(&following(site, &url)).expect("a report").findings, []);
    }
}

/// A third archive key: what was wrapped before it came is due to be rewrapped.
async fn add_archive_key(world: &mut World) {
    let added = ArchiveKeyAdded {
        algorithm: ArchiveAlgorithm::ArchiveHpkeXwing as i32,
        public_key: archive_key(3),
        name: "archief 3".into(),
    };
    let added = world.root.batch(&[public(EventKind::ArchiveKeyAdded, print(&added).expect("prints"))]);
    world.ledger.append(added).await.expect("a third key");
}

fn promoted(site: &Site) -> Config {
    site.write_key("log.pem", &key("log"));
    site.config()
}

fn refusal(outcome: Result<Server, ServeError>) -> FollowError {
    match outcome {
        Err(ServeError::Follow { reason, .. }) => reason,
        other => panic!("another outcome: {:?}", other.map(|_| ())),
    }
}

fn recovered(size: u64, root: Hash) -> Event {
    let account = "Brand in het rekencentrum; de volger neemt het over.".into();
    let event = LogRecovered { last_size: size, last_root: root.to_vec(), account };
    public(EventKind::LogRecovered, print(&event).expect("prints"))
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_follower_is_promoted_only_if_it_holds_all_that_is_known_and_goes_on_after_saying_so() {
    let mut primary = Primary::new().await;
    let url = primary.url();
    primary.world.chat(0, 5, MONTH).await;
    let site = second();
    let mut follower = follow(&site, &url).await;
    let first = primary.world.chat(5, 5, MONTH).await;
    let early = check_receipt(&first);
    follower.reach(early.size()).await;
    eventually(async || follower.health().await == ServingStatus::Serving).await;
    follower.running.stop().await;
    let source = primary.world.source.clone();
    let late = primary.world.chat(10, 5, MONTH).await;
    let guard = primary.world.place.path().join("guard");
    primary.world.ledger.stop().await;
    let newest = site.path().join("newest");
    std::fs::write(&newest, &late.checkpoint).expect("written");
    let held = site.path().join("held");
    std::fs::write(&held, &first.checkpoint).expect("written");
    let attempt = |config: &Config, known: &Known| promote(config, None, known);
    let known = |checkpoints: &[&PathBuf]| Known {
        checkpoints: checkpoints.iter().map(|path| (*path).clone()).collect(),
        ..Known::default()
    };

    // A replica is not served as a log, nor with the key at hand; without the key it is not promoted.
    let config = following(&site, &url);
    assert!(matches!(attempt(&config, &known(&[&held])), Err(PromoteError::Serve(ServeError::Config(_)))));
    let own = promoted(&site);
    assert_eq!(refusal(Server::bind(own.clone()).await), FollowError::StillFollows { primary: url.clone() });
    let path = site.path().join("log.pem");
    assert_eq!(refusal(Server::bind(config).await), FollowError::KeyAtFollower { path });
    // Nothing known, more known, another history known, a stranger's word.
    assert!(matches!(attempt(&own, &Known::default()), Err(PromoteError::NothingKnown)));
    let (more, less) = (early.size() + 1, early.size());
    let stale = attempt(&own, &known(&[&held, &newest]));
    assert!(
        matches!(stale, Err(PromoteError::Stale { known, held, .. }) if (known, held) == (more, less)),
        "{stale:?}"
    );
    let guards = Known { guards: vec![guard], ..Known::default() };
    let stale = attempt(&own, &guards);
    assert!(
        matches!(stale, Err(PromoteError::Stale { known, held, .. }) if (known, held) == (more, less)),
        "{stale:?}"
    );
    let other = site.path().join("other.guard");
    std::fs::write(&other, checkpoint::print(ORIGIN, 2, Hash([9; 32]))).expect("written");
    let fork = attempt(&own, &Known { guards: vec![other], ..Known::default() });
    assert!(matches!(fork, Err(PromoteError::Fork { size: 2, .. })), "{fork:?}");
    let unsigned = site.path().join("unsigned");
    let mut note = first.checkpoint.clone();
    let last = note.len() - 8;
    note[last] ^= 1;
    std::fs::write(&unsigned, note).expect("written");
    assert!(matches!(attempt(&own, &known(&[&unsigned])), Err(PromoteError::Checkpoint { .. })));

    // What the primary was heard to sign counts, whether or not its entries came.
    let heard = site.store().join("primary");
    let kept = std::fs::read(&heard).expect("kept");
    std::fs::write(&heard, &late.checkpoint).expect("written");
    assert!(matches!(attempt(&own, &known(&[&held])), Err(PromoteError::Stale { .. })));
    // What is there and cannot be read is not nothing.
    std::fs::remove_file(&heard).expect("removed");
    std::fs::create_dir(&heard).expect("a folder in its place");
    assert!(matches!(attempt(&own, &known(&[&held])), Err(PromoteError::File { .. })));
    std::fs::remove_dir(&heard).expect("removed");
    std::fs::write(&heard, kept).expect("written");

    // The entries that only the primary has are lost: whoever holds their receipt says so, and nobody asked him here.
    let done = attempt(&own, &known(&[&held])).expect("promoted");
    assert_eq!((done.size, done.root, done.known), (early.size(), early.root(), 2));
    assert!(matches!(attempt(&own, &known(&[&held])), Err(PromoteError::NoReplica { .. })));
    std::fs::rename(site.path().join("log.pem"), site.path().join("log.away")).expect("moved");
    let again = refusal(Server::bind(following(&site, &url)).await);
    assert_eq!(again, FollowError::Promoted { size: early.size() });
    std::fs::rename(site.path().join("log.away"), site.path().join("log.pem")).expect("moved");

    let mut ledger = site.start().await;
    let World { mut root, capture, .. } = primary.world;
    let mut source = source;
    let next = source.batch(&source.messages(&capture, 10, 1, MONTH));
    ledger.refused(next.clone(), Code::Unavailable, "LOG_RECOVERED").await;
    let refused = ledger.client.snapshot(LogRequest { origin: ORIGIN.into() }).await.expect_err("refused");
    assert_eq!(refused.code(), Code::Unavailable);
    let wrong = root.try_batch(&[recovered(early.size(), Hash([9; 32]))]);
    ledger.refused(wrong, Code::Unavailable, "LOG_RECOVERED").await;
    let request = root.batch(&[recovered(early.size(), early.root())]);
    let receipt = ledger.append(request).await.expect("logged");
    assert_eq!(receipt.index, early.size());
    ledger.append(next).await.expect("goes on");
    // What was handed out before is under what is signed now; the lost entry is a fork, and its holder can prove it.
    let now = ledger.checkpoint().await;
    for (older, extends) in [(&early, true), (&check_receipt(&late), false)] {
        let request = ConsistencyProofRequest { origin: ORIGIN.into(), from_size: older.size(), to_size: now.size() };
        let proof = ledger.client.get_consistency_proof(request).await.expect("a proof").into_inner();
        assert_eq!(now.check_extends(older, &hashes(&proof.hashes)).is_ok(), extends);
    }
    ledger.stop().await;
    assert_eq!(check(&own).expect("a report").findings, []);
    // A store that was put back is behind its guard, promoted or not.
    std::fs::write(site.path().join("guard"), checkpoint::print(ORIGIN, now.size() + 1, now.root())).expect("written");
    let behind = match site.bind(std::sync::Arc::new(zegel_ledger::NoFaults)).await {
        Err(ServeError::Store { reason, .. }) => reason,
        other => panic!("another outcome: {:?}", other.err()),
    };
    assert!(matches!(behind, StoreError::Guard(GuardError::Rollback { .. })), "{behind:?}");
}
