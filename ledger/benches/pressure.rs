//! Pressure on one ledger over loopback and TLS: what appends, snapshots, exports and starts cost, phase by phase.
//!
//! `cargo bench --bench pressure -- register=100000 stream=400000 single=64x5 one=2000 snapshot export restart`. Each phase goes
//! on with the log that the ones before it made. Load is sealed before a phase begins; bodies are random bytes, since the
//! ledger is blind. Says how much processor time the ledger and its clients took. Without arguments: a small round of all.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock and prints")]

#[path = "../tests/maker/mod.rs"]
mod maker;

use maker::{Author, Site, World, archive_key, custodian_registered, fresh, genesis_events, id, key};
use prost::Message;
use prost::bytes::{BufMut, Bytes};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio_stream::StreamExt;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Certificate, Channel, ClientTlsConfig};
use tonic::{Request, Status};
use zegel_ledger::{Config, Server};
use zegel_proto::print;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::*;
use zegel_verifier::hash::sha256;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SOURCES: usize = 16;
const CUSTODIANS: usize = 200;
const BATCH: usize = 256;
const MONTH: u32 = 202205;

/// Requests that were encoded beforehand.
#[derive(Clone, Default)]
struct Sealed;

impl Codec for Sealed {
    type Encode = Bytes;
    type Decode = AppendResponse;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Sealed {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Sealed {
    type Item = AppendResponse;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<AppendResponse>, Status> {
        AppendResponse::decode(from).map(Some).map_err(|reason| Status::internal(reason.to_string()))
    }
}

struct Conversation {
    id: [u8; 32],
    custodian: [u8; 32],
    next: u64,
    dossier: Option<[u8; 32]>,
}

/// One source with its conversations.
struct Desk {
    author: Author,
    conversations: Vec<Conversation>,
    dice: u64,
}

fn envelope_of(source: [u8; 32], conversation: &[u8], month: u32) -> Vec<u8> {
    print(&maker::envelope(source, conversation, month, &[1, 2])).expect("an envelope")
}

impl Desk {
    fn roll(&mut self, below: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice % below as u64) as usize
    }

    fn body(&self, dossier: [u8; 32], number: u64) -> SealedBody {
        let mut ciphertext = vec![0x5A; 432];
        ciphertext[..8].copy_from_slice(&number.to_be_bytes());
        let wrap = KeyWrap { dossier: dossier.to_vec(), wrapped: vec![0xA5; 48] };
        SealedBody { ciphertext, wrap: wrap.encode_to_vec(), message_row: vec![7; 48] }
    }

    fn request(&mut self, headers: Vec<Vec<u8>>, bodies: Vec<SealedBody>, envelopes: Vec<Vec<u8>>) -> Bytes {
        let batch = self.author.sign(&self.author.statement(&headers, &bodies));
        self.author.batch_seq += 1;
        self.author.previous = sha256(&[&batch.statement]).to_vec();
        let request = AppendRequest { origin: maker::ORIGIN.into(), batch: Some(batch), headers, bodies, envelopes };
        request.encode_to_vec().into()
    }

    /// Registers these conversations in batches.
    fn register(&mut self, ids: &[usize]) -> Vec<Bytes> {
        let mut requests = Vec::new();
        for ids in ids.chunks(BATCH) {
            let (mut headers, mut bodies, mut envelopes) = (Vec::new(), Vec::new(), Vec::new());
            for number in ids {
                let id = sha256(&[b"conversation", &number.to_be_bytes()]).0;
                let envelope = envelope_of(self.author.actor, &id, 0);
                let header = EventHeader {
                    conversation: id.to_vec(),
                    content: Some(Content::BodyRoot(vec![5; 32])),
                    kind: EventKind::ConversationRegistered as i32,
                    ..EventHeader::default()
                };
                headers.push(header.encode_to_vec());
                bodies.push(self.body(sha256(&[&envelope]).0, *number as u64));
                envelopes.push(envelope);
                // A tenth of all is one custodian's, for the export.
                let custodian = if number / SOURCES % 10 == 0 { 0 } else { number % CUSTODIANS };
                let custodian = maker::id(&format!("custodian {custodian}"));
                self.conversations.push(Conversation { id, custodian, next: 0, dossier: None });
            }
            requests.push(self.request(headers, bodies, envelopes));
        }
        requests
    }

    /// The next batch of messages: `run` in a row of each conversation.
    fn messages(&mut self, count: usize, run: usize) -> Bytes {
        let (mut headers, mut bodies, mut envelopes) = (Vec::new(), Vec::new(), Vec::new());
        let mut at = 0;
        for number in 0..count {
            if number % run == 0 {
                at = self.roll(self.conversations.len());
            }
            let actor = self.author.actor;
            let conversation = &mut self.conversations[at];
            let dossier = *conversation.dossier.get_or_insert_with(|| {
                let envelope = envelope_of(actor, &conversation.id, MONTH);
                let dossier = sha256(&[&envelope]).0;
                envelopes.push(envelope);
                dossier
            });
            let header = EventHeader {
                kind: EventKind::MessageCreated as i32,
                conversation: conversation.id.to_vec(),
                custodian: conversation.custodian.to_vec(),
                conversation_seq: conversation.next,
                month: MONTH,
                content: Some(Content::BodyRoot(vec![5; 32])),
                ..EventHeader::default()
            };
            conversation.next += 1;
            let next = conversation.next;
            headers.push(header.encode_to_vec());
            bodies.push(self.body(dossier, next));
        }
        self.request(headers, bodies, envelopes)
    }
}

fn processor_seconds() -> HashMap<String, f64> {
    let mut times = HashMap::new();
    for task in std::fs::read_dir("/proc/self/task").expect("tasks").flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let name = stat[stat.find('(').expect("a name") + 1..stat.rfind(')').expect("a name")].to_owned();
        let fields: Vec<&str> = stat[stat.rfind(')').expect("a name") + 2..].split(' ').collect();
        let ticks: f64 = fields[11].parse::<f64>().expect("ticks") + fields[12].parse::<f64>().expect("ticks");
        *times.entry(name).or_default() += ticks / 100.0;
    }
    times
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted.get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

fn latencies(mut all: Vec<f64>) -> String {
    all.sort_by(f64::total_cmp);
    let at = |share| percentile(&all, share) * 1e3;
    format!("p50 {:.2} ms, p90 {:.2}, p99 {:.2}, max {:.2}", at(0.5), at(0.9), at(0.99), at(1.0))
}

struct Bench {
    site: Site,
    config: Config,
    server: tokio::runtime::Runtime,
    client: tokio::runtime::Runtime,
    running:
        Option<(u16, tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<Result<(), zegel_ledger::ServeError>>)>,
    channels: Vec<Channel>,
    desks: Vec<Desk>,
    officer: Author,
    run: usize,
    events: u64,
    seed: u64,
}

fn runtime(name: &str) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(name)
        .enable_all()
        .build()
        .expect("a runtime")
}

fn fixture(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)).expect("a fixture")
}

impl Bench {
    fn new() -> Self {
        let site = Site::new();
        for name in ["server.pem", "server.key"] {
            std::fs::write(site.path().join(name), fixture(name)).expect("copied");
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(site.path().join(name), mode).expect("its mode");
        }
        let tls = "[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n[[log]]";
        let config = Config::parse(&site.config_text().replace("[[log]]", tls), site.path()).expect("a configuration");
        let desks = (0..SOURCES)
            .map(|number| Desk {
                author: Author::new(&format!("source {number}")),
                conversations: Vec::new(),
                dice: 0x9E37_79B9_7F4A_7C15 + number as u64,
            })
            .collect();
        let officer = Author::new("officer");
        let (server, client) = (runtime("ledger"), runtime("client"));
        let mut bench = Self {
            site,
            config,
            server,
            client,
            running: None,
            channels: Vec::new(),
            desks,
            officer,
            run: 16,
            events: 0,
            seed: 0,
        };
        bench.start();
        bench.create();
        bench
    }

    fn start(&mut self) {
        let begin = Instant::now();
        let server = self.server.block_on(Server::bind(self.config.clone())).expect("a ledger");
        println!("start: {:.3} s, resident {} MiB", begin.elapsed().as_secs_f64(), resident_mib());
        let port = server.address().port();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = self.server.spawn(server.run(async move {
            let _ = stopped.await;
        }));
        self.running = Some((port, stop, task));
        self.channels = (0..SOURCES).map(|_| self.connect(port)).collect();
    }

    fn connect(&self, port: u16) -> Channel {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(fixture("authority.pem")));
        let endpoint = Channel::from_shared(format!("https://localhost:{port}")).expect("an address");
        let endpoint = endpoint.tls_config(tls.domain_name("localhost")).expect("tls");
        let endpoint = endpoint.initial_stream_window_size(4 << 20).initial_connection_window_size(8 << 20);
        self.client.block_on(endpoint.connect()).expect("a connection")
    }

    fn stop(&mut self) {
        self.channels.clear();
        let Some((_, stop, task)) = self.running.take() else { return };
        let begin = Instant::now();
        let _ = stop.send(());
        self.server.block_on(task).expect("no panic").expect("a good end");
        println!("stop: {:.3} s", begin.elapsed().as_secs_f64());
    }

    fn create(&mut self) {
        let mut root = Author::new("root");
        let sources: Vec<&Author> = self.desks.iter().map(|desk| &desk.author).collect();
        let genesis = root.batch(&genesis_events(&sources));
        let custodians: Vec<_> = (0..CUSTODIANS)
            .map(|number| custodian_registered(&self.officer, id(&format!("custodian {number}"))))
            .collect();
        let custodians = self.officer.batch(&custodians);
        let mut client = LedgerClient::new(self.channels[0].clone());
        self.client.block_on(async {
            client.append(genesis).await.expect("genesis");
            client.append(custodians).await.expect("custodians");
        });
    }

    /// Sends what each source has; gives the seconds and the latency of each batch.
    fn send(&self, load: Vec<Vec<Bytes>>) -> (f64, Vec<f64>) {
        let begin = Instant::now();
        let tasks: Vec<_> = load
            .into_iter()
            .zip(&self.channels)
            .map(|(requests, channel)| self.client.spawn(send_stream(channel.clone(), requests)))
            .collect();
        let latencies = self.client.block_on(async {
            let mut all = Vec::new();
            for task in tasks {
                all.extend(task.await.expect("no panic"));
            }
            all
        });
        (begin.elapsed().as_secs_f64(), latencies)
    }

    fn measured(&mut self, name: &str, load: Vec<Vec<Bytes>>, events: u64) {
        let before = processor_seconds();
        let (seconds, all) = self.send(load);
        let after = processor_seconds();
        self.events += events;
        let mut used: Vec<(String, f64)> =
            after.iter().map(|(name, time)| (name.clone(), time - before.get(name).unwrap_or(&0.0))).collect();
        used.sort_by(|one, other| other.1.total_cmp(&one.1));
        let used: Vec<String> = used
            .iter()
            .filter(|(_, time)| *time > 0.02)
            .map(|(name, time)| format!("{name} {:.1} us", time / events as f64 * 1e6))
            .collect();
        println!(
            "{name}: {:.0} events/s ({events} in {seconds:.1} s), {}, resident {} MiB, log {} events\n    processor an event: {}",
            events as f64 / seconds,
            latencies(all),
            resident_mib(),
            self.events,
            used.join(", ")
        );
    }

    fn register(&mut self, count: usize) {
        let first: usize = self.desks.iter().map(|desk| desk.conversations.len()).sum();
        let ids: Vec<usize> = (first..first + count).collect();
        for slice in ids.chunks(131_072) {
            let mut load = Vec::new();
            for (number, desk) in self.desks.iter_mut().enumerate() {
                let own: Vec<usize> = slice.iter().copied().filter(|id| id % SOURCES == number).collect();
                load.push(desk.register(&own));
            }
            self.measured("register", load, slice.len() as u64);
        }
    }

    fn load(&mut self, batches: usize) -> Vec<Vec<Bytes>> {
        let run = self.run;
        std::thread::scope(|scope| {
            let mut tasks = Vec::new();
            for desks in self.desks.chunks_mut(SOURCES / 2) {
                tasks.push(scope.spawn(move || {
                    let each = |desk: &mut Desk| (0..batches / SOURCES).map(|_| desk.messages(BATCH, run)).collect();
                    desks.iter_mut().map(each).collect::<Vec<Vec<Bytes>>>()
                }));
            }
            tasks.into_iter().flat_map(|task| task.join().expect("no panic")).collect()
        })
    }

    fn stream(&mut self, events: usize) {
        let mut left = events;
        while left > 0 {
            let now = left.min(2_000_000);
            let batches = (now / BATCH / SOURCES).max(1) * SOURCES;
            let load = self.load(batches);
            self.measured("stream", load, (batches * BATCH) as u64);
            left -= now;
        }
    }

    /// `clients` callers, one event at a time each, for some seconds.
    fn single(&mut self, clients: usize, seconds: u64) {
        let port = self.running.as_ref().expect("running").0;
        let each = if clients == 1 { 600 * seconds as usize } else { 20_000 * seconds as usize / clients };
        self.seed += 1;
        let mut root = Author::new("root");
        let mut heads = LedgerClient::new(self.channels[0].clone());
        let request = GetSourceHeadRequest { origin: maker::ORIGIN.into(), source: root.actor.to_vec() };
        let head = self.client.block_on(heads.get_source_head(request)).expect("a head").into_inner();
        (root.batch_seq, root.previous) = (head.next_batch_seq, head.previous);
        let mut desks: Vec<Desk> = (0..clients)
            .map(|number| Desk {
                author: Author::new(&format!("single {} {number}", self.seed)),
                conversations: Vec::new(),
                dice: 77 + number as u64,
            })
            .collect();
        let events: Vec<_> = desks
            .iter()
            .flat_map(|desk| [maker::actor_registered(&desk.author, Role::Source), maker::key_added(&desk.author)])
            .collect();
        self.client.block_on(heads.append(root.batch(&events))).expect("registered");
        let base = 1_000_000_000 * self.seed as usize;
        let setup: Vec<Vec<Bytes>> = desks
            .iter_mut()
            .enumerate()
            .map(|(number, desk)| desk.register(&[base + 2 * number, base + 2 * number + 1]))
            .collect();
        let channel = self.channels[0].clone();
        for requests in setup {
            self.client.block_on(send_stream(channel.clone(), requests));
        }
        let load: Vec<Vec<Bytes>> =
            desks.iter_mut().map(|desk| (0..each).map(|_| desk.messages(1, 1)).collect()).collect();
        let channels: Vec<Channel> = (0..clients.min(16)).map(|_| self.connect(port)).collect();
        let before = processor_seconds();
        let begin = Instant::now();
        let end = begin + Duration::from_secs(seconds);
        let tasks: Vec<_> = load
            .into_iter()
            .enumerate()
            .map(|(number, requests)| {
                self.client.spawn(send_single(channels[number % channels.len()].clone(), requests, end))
            })
            .collect();
        let all: Vec<f64> = self.client.block_on(async {
            let mut all = Vec::new();
            for task in tasks {
                all.extend(task.await.expect("no panic"));
            }
            all
        });
        let took = begin.elapsed().as_secs_f64();
        let after = processor_seconds();
        let share = |name: &str| {
            let sum = |times: &HashMap<String, f64>| {
                times.iter().filter(|(found, _)| found.starts_with(name)).map(|(_, time)| time).sum::<f64>()
            };
            (sum(&after) - sum(&before)) / took
        };
        println!(
            "single, {clients} clients: {:.0} events/s, {}; client {:.2} cores, ledger {:.2}, sequencer {:.2}, rocksdb {:.2}",
            all.len() as f64 / took,
            latencies(all),
            share("client"),
            share("ledger"),
            share("sequencer") + share("committer"),
            share("rocksdb"),
        );
    }

    fn raw_write(&self, count: usize) {
        let folder = self.site.path().join("raw");
        let db = rocksdb::DB::open_default(&folder).expect("a database");
        let mut synced = rocksdb::WriteOptions::default();
        synced.set_sync(true);
        for (name, rows) in [("1 row", 1usize), ("256 rows", 256)] {
            let mut all = Vec::new();
            let begin = Instant::now();
            for number in 0..count / rows.min(16) {
                let mut batch = rocksdb::WriteBatch::default();
                for row in 0..rows {
                    batch.put(((number * rows + row) as u64).to_be_bytes(), vec![7u8; 690]);
                }
                let at = Instant::now();
                db.write_opt(batch, &synced).expect("written");
                all.push(at.elapsed().as_secs_f64());
            }
            let rate = (all.len() * rows) as f64 / begin.elapsed().as_secs_f64();
            println!("raw RocksDB, synced, {name} of 690 B: {rate:.0} rows/s, {}", latencies(all));
        }
    }

    fn snapshot(&mut self) -> u64 {
        let mut client = LedgerClient::new(self.channels[0].clone());
        let begin = Instant::now();
        let request = LogRequest { origin: maker::ORIGIN.into() };
        let response = self.client.block_on(client.snapshot(request)).expect("a snapshot").into_inner();
        println!("snapshot: {:.3} s, resident {} MiB", begin.elapsed().as_secs_f64(), resident_mib());
        response.receipt.expect("a receipt").index
    }

    /// Single appends while a snapshot is taken, and while none is.
    fn snapshot_beside(&mut self) {
        let stop = Arc::new(AtomicBool::new(false));
        let mut client = LedgerClient::new(self.channels[1].clone());
        let told = Arc::clone(&stop);
        let snapshots = self.client.spawn(async move {
            let mut all = Vec::new();
            tokio::time::sleep(Duration::from_secs(1)).await;
            while !told.load(Ordering::Relaxed) {
                let begin = Instant::now();
                client.snapshot(LogRequest { origin: maker::ORIGIN.into() }).await.expect("a snapshot");
                all.push(begin.elapsed().as_secs_f64());
            }
            all
        });
        self.single(8, 6);
        stop.store(true, Ordering::Relaxed);
        println!("  beside snapshots: {}", latencies(self.client.block_on(snapshots).expect("no panic")));
    }

    /// Everything of one custodian.
    fn export(&mut self) {
        let covers = EventHeader {
            kind: EventKind::ExportCreated as i32,
            content: Some(Content::BodyRoot(vec![5; 32])),
            ..EventHeader::default()
        };
        let event = maker::sealed(self.officer.actor, covers);
        let request = self.officer.batch(&[event]);
        let mut client = LedgerClient::new(self.channels[0].clone());
        let receipt = self.client.block_on(client.append(request)).expect("an export").into_inner();
        let export_entry = receipt.receipt.expect("a receipt").index;
        let snapshot_entry = self.snapshot();
        let busiest = id("custodian 0");
        let scope = Scope { stream: StreamType::StreamCustodian as i32, id: busiest.to_vec(), ..Scope::default() };
        let request = ExportEvidenceRequest {
            origin: maker::ORIGIN.into(),
            scope: Some(scope),
            snapshot_entry,
            export_entry,
            export_position: 0,
        };
        let before = processor_seconds();
        let begin = Instant::now();
        let (events, bytes) = self.client.block_on(async {
            let mut records = client.export_evidence(request).await.expect("a stream").into_inner();
            let (mut events, mut bytes) = (0u64, 0);
            while let Some(record) = records.next().await {
                let record = record.expect("a record");
                bytes += record.encoded_len();
                events += u64::from(matches!(record.record, Some(evidence_record::Record::Event(_))));
            }
            (events, bytes)
        });
        let seconds = begin.elapsed().as_secs_f64();
        let after = processor_seconds();
        let of = |name: &str| after.get(name).unwrap_or(&0.0) - before.get(name).unwrap_or(&0.0);
        println!(
            "export: {:.0} events/s ({events} events, {} MB in {seconds:.1} s), resident {} MiB, ledger {:.1} s, client {:.1} s",
            events as f64 / seconds,
            bytes / 1_000_000,
            resident_mib(),
            of("ledger"),
            of("client"),
        );
    }

    fn phase(&mut self, phase: &str) {
        let (name, value) = phase.split_once('=').unwrap_or((phase, ""));
        let number = || value.parse::<usize>().expect("a number");
        match name {
            "register" => self.register(number()),
            "run" => self.run = number(),
            "stream" => self.stream(number()),
            "single" => {
                let (clients, seconds) = value.split_once('x').expect("clients x seconds");
                self.single(clients.parse().expect("clients"), seconds.parse().expect("seconds"));
            }
            "raw" => self.raw_write(number()),
            "snapshot" => drop(self.snapshot()),
            "beside" => self.snapshot_beside(),
            "export" => self.export(),
            "restart" => {
                self.stop();
                self.start();
            }
            // Leaves a ledger that was killed in a folder, for `open`.
            "abort" => {
                println!("left in {}", self.site.path().display());
                std::process::abort();
            }
            "--bench" => {}
            _ => panic!("no phase {name:?}"),
        }
    }
}

async fn send_stream(channel: Channel, requests: Vec<Bytes>) -> Vec<f64> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.expect("ready");
    let sent = Arc::new(std::sync::Mutex::new(Vec::new()));
    let times = Arc::clone(&sent);
    let wanted = requests.len();
    let outbound = tokio_stream::iter(requests).map(move |request| {
        times.lock().expect("a lock").push(Instant::now());
        request
    });
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/zegel.v1.Ledger/AppendStream");
    let answers = client.streaming(Request::new(outbound), path, Sealed).await.expect("a stream");
    let mut answers = answers.into_inner();
    let mut latencies = Vec::new();
    while let Some(answer) = answers.next().await {
        answer.expect("taken");
        let at = sent.lock().expect("a lock")[latencies.len()];
        latencies.push(at.elapsed().as_secs_f64());
    }
    assert_eq!(latencies.len(), wanted);
    latencies
}

async fn send_single(channel: Channel, requests: Vec<Bytes>, end: Instant) -> Vec<f64> {
    let mut latencies = Vec::new();
    let path = tonic::codegen::http::uri::PathAndQuery::from_static("/zegel.v1.Ledger/Append");
    for request in requests {
        let begin = Instant::now();
        if begin > end {
            break;
        }
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.expect("ready");
        client.unary(Request::new(request), path.clone(), Sealed).await.expect("taken");
        latencies.push(begin.elapsed().as_secs_f64());
    }
    latencies
}

/// Opens what an earlier run has left behind.
fn open(folder: &Path) {
    let text = Site::new().config_text();
    let config = Config::parse(&text, folder).expect("a configuration");
    for what in ["killed", "clean stop"] {
        let begin = Instant::now();
        let server = runtime("ledger").block_on(Server::bind(config.clone())).expect("a ledger");
        println!("start after {what}: {:.3} s, resident {} MiB", begin.elapsed().as_secs_f64(), resident_mib());
        drop(server);
    }
}

fn main() {
    let _ = (archive_key(1), fresh(), key("x"), std::mem::size_of::<World>());
    let phases: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let small =
        ["register=2000", "stream=40000", "single=64x1", "single=1x1", "raw=1000", "snapshot", "export", "restart"];
    let phases = if phases.is_empty() { small.map(String::from).to_vec() } else { phases };
    if let Some(folder) = phases[0].strip_prefix("open=") {
        return open(Path::new(folder));
    }
    let mut bench = Bench::new();
    phases.iter().for_each(|phase| bench.phase(phase));
    bench.stop();
}
