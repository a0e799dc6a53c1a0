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
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_reader_of_an_export_that_stalls_is_cut_off_and_nobody_else_waits_for_it() {
    let site = Site::new();
    let limits = "metrics = \"127.0.0.1:0\"\n[limits]\nstalled_reader_s = 1\n[[log]]";
    let text = site.config_text().replacen("[[log]]", limits, 1);
    let server = Server::bind(Config::parse(&text, site.path()).expect("a configuration")).await.expect("a ledger");
    let (address, metrics) = (server.address(), server.metrics_address().expect("an address"));
    let mut world = World::on(site, Running::of(server).await).await;
    // Some 48 MiB in one conversation: far more than any window, and than what is read ahead.
    for number in 0..24 {
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
    for _ in 0..10 {
        let mut client = narrow(address).await;
        let mut stream = client.export_evidence(request.clone()).await.expect("a stream").into_inner();
        stream.message().await.expect("a record").expect("a record");
        stalled.push((client, stream));
    }
    // Others append, and read to the end, all the while.
    let begun = Instant::now();
    let mut number = 192;
    while cut(metrics).await < 10 {
        world.chat(number, 1, MONTH).await;
        number += 1;
        let mut whole = world.ledger.client.export_evidence(request.clone()).await.expect("a stream").into_inner();
        let mut records = 0;
        while whole.message().await.expect("a record").is_some() {
            records += 1;
        }
        assert!(records > 192, "{records}");
        assert!(begun.elapsed() < PATIENCE, "nobody is cut off");
    }
    // 10 × 48 MiB would be 480. What may wait for each is the batches that are read ahead, some parcels, and the buffers of a
    // connection; and one reads all of it.
    let grown = memory_kib() - before;
    assert!(grown < 240 << 10, "{grown} KiB");
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
async fn the_table_of_an_export_that_goes_on_is_kept_however_many_snapshots_follow() {
    let site = Site::new();
    let server = Server::bind(site.config()).await.expect("a ledger");
    let address = server.address();
    let mut world = World::on(site, Running::of(server).await).await;
    // A table of several parts, of which a reader remembers the last.
    let others: Vec<_> = (0..600).map(|number| id(&format!("conversation {number}"))).collect();
    let registered: Vec<_> = others.iter().map(|other| conversation_registered(&world.officer, *other)).collect();
    world.ledger.append(world.officer.batch(&registered)).await.expect("registrations");
    // Some 8 MiB: more than waits for a reader that has a narrow window.
    for number in 0..4 {
        let mut events = world.source.messages(&world.capture, number * 8, 8, MONTH);
        events.iter_mut().for_each(|event| event.body.ciphertext = fresh().repeat(8 << 10));
        let batch = world.source.batch(&events);
        world.ledger.append(batch).await.expect("appended");
    }
    let stream = StreamType::StreamConversation as i32;
    let scope = Scope { stream, id: world.capture.conversation.to_vec(), ..Scope::default() };
    let export = sealed(world.officer.actor, header(EventKind::ExportCreated));
    let export = world.ledger.append(world.officer.batch(&[export])).await.expect("an export");
    let request = ExportEvidenceRequest {
        origin: ORIGIN.into(),
        scope: Some(scope),
        export_entry: export.index,
        export_position: 0,
        snapshot_entry: world.ledger.snapshot().await.index,
    };
    let mut client = narrow(address).await;
    let mut slow = client.export_evidence(request.clone()).await.expect("a stream").into_inner();
    slow.message().await.expect("a record").expect("a record");
    for _ in 0..9 {
        world.ledger.snapshot().await;
    }
    // The rows of the table come last; nobody deleted them meanwhile.
    let mut rows = 0;
    while let Some(record) = slow.message().await.expect("a whole export") {
        rows += usize::from(matches!(record.record, Some(evidence_record::Record::Row(_))));
    }
    assert!(rows > 0);
    // Nobody reads it any more: with the next snapshot it goes.
    world.ledger.snapshot().await;
    let mut late = client.export_evidence(request).await.expect("a stream").into_inner();
    let refused = late.message().await.expect_err("it is gone");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert!(refused.message().contains("is no snapshot whose table is kept"), "{refused}");
    world.ledger.stop().await;
}
