//! A reader of an export that stalls: the ledger holds little for it, others go on, and it is cut off with a reason.

mod maker;

use maker::*;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use tonic::transport::Channel;
use zegel_ledger::{Config, Server};
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// A client that takes little before it reads on.
async fn narrow(address: std::net::SocketAddr) -> LedgerClient<Channel> {
    let channel = Channel::from_shared(format!("http://{address}")).expect("an address");
    let channel = channel.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    LedgerClient::new(channel.connect().await.expect("a connection"))
}

async fn cut(metrics: std::net::SocketAddr) -> u64 {
    let mut stream = tokio::net::TcpStream::connect(metrics).await.expect("a connection");
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await.expect("asked");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("an answer");
    let line = page.lines().find(|line| line.starts_with("zegel_readers_cut_total{"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}

/// The most memory that this process has ever held, in KiB.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_an_export_that_stalls_is_cut_off_and_nobody_else_waits_for_it() {
    let site = Site::new();
    let limits = "metrics = \"127.0.0.1:0\"\n[limits]\nstalled_reader_s = 1\n[[log]]";
    let text = site.config_text().replacen("[[log]]", limits, 1);
    let server = Server::bind(Config::parse(&text, site.path()).expect("a configuration")).await.expect("a ledger");
    let (address, metrics) = (server.address(), server.metrics_address().expect("an address"));
    let mut world = World::on(site, Running::of(server).await).await;
    // Some 16 MiB in one conversation: far more than any window.
    for number in 0..8 {
        let mut events = world.source.messages(&world.capture, number * 8, 8, MONTH);
        events.iter_mut().for_each(|event| event.body.ciphertext = fresh().repeat(8 << 10));
        let batch = world.source.batch(&events);
        world.ledger.append(batch).await.expect("appended");
    }
    let scope = Scope {
        stream: StreamType::StreamConversation as i32,
        id: world.capture.conversation.to_vec(),
        ..Scope::default()
    };

    let export = sealed(world.officer.actor, header(EventKind::ExportCreated));
    let export = world.ledger.append(world.officer.batch(&[export])).await.expect("an export");
    let snapshot = world.ledger.snapshot().await;
    let request = ExportEvidenceRequest {
        origin: ORIGIN.into(),
        scope: Some(scope),
        export_entry: export.index,
        export_position: 0,
        snapshot_entry: snapshot.index,
    };
    let before = memory_kib();
    let mut stalled = Vec::new();
    for _ in 0..20 {
        let mut client = narrow(address).await;
        let mut stream = client.export_evidence(request.clone()).await.expect("a stream").into_inner();
        stream.message().await.expect("a record").expect("a record");
        stalled.push((client, stream));
    }
    // Others append, and read to the end, all the while.
    let begun = Instant::now();
    let mut number = 64;
    while cut(metrics).await < 20 {
        world.chat(number, 1, MONTH).await;
        number += 1;
        let mut whole = world.ledger.client.export_evidence(request.clone()).await.expect("a stream").into_inner();
        let mut records = 0;
        while whole.message().await.expect("a record").is_some() {
            records += 1;
        }
        assert!(records > 64, "{records}");
        assert!(begun.elapsed() < PATIENCE, "nobody is cut off");
    }
    // 20 × 16 MiB would be 320; what may wait is 20 × (512 KiB, and the buffers of a connection).
    let grown = memory_kib() - before;
    assert!(grown < 160 << 10, "{grown} KiB");
    // Whoever comes back hears why there is no end.
    for (_client, mut stream) in stalled {
        let refused = loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("an end, of half an export"),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.code(), Code::DeadlineExceeded, "{refused}");
        assert!(refused.message().contains("took nothing for 1 s and was cut off"), "{refused}");
    }
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_reset_as_soon_as_they_are_made_stop_nobody_else() {
    let site = Site::new();
    let server = site.bind(std::sync::Arc::new(zegel_ledger::NoFaults)).await.expect("a ledger");
    let address = format!("http://{}", server.address());
    let mut world = World::on(site, Running::of(server).await).await;
    let before = memory_kib();
    let attack = async |client: LedgerClient<Channel>| {
        for _ in 0..5_000 {
            // Dropped at once: the request is on its way, and so is its reset.
            let mut client = client.clone();
            let call = client.get_checkpoint(LogRequest { origin: ORIGIN.into() });
            let _ = tokio::time::timeout(Duration::ZERO, call).await;
        }
    };
    let mut attackers = Vec::new();
    for _ in 0..4 {
        let client = LedgerClient::connect(address.clone()).await.expect("a connection");
        attackers.push(tokio::spawn(attack(client)));
    }
    let mut number = 0;
    while attackers.iter().any(|attacker| !attacker.is_finished()) || number < 20 {
        check_receipt(&world.chat(number, 1, MONTH).await);
        number += 1;
    }
    let grown = memory_kib() - before;
    assert!(grown < 128 << 10, "{grown} KiB");
    world.ledger.stop().await;
}
