//! Appends that nobody meant: requests changed at random are refused or taken, the ledger goes on, and its log stays sound.

mod maker;

use maker::{Author, Site, custodian_registered, id};
use prost::Message;
use zegel_proto::v1::AppendRequest;

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_changed_at_random_never_stop_the_log_nor_damage_it() {
    let site = Site::new();
    let mut running = site.start().await;
    let mut root = Author::new("root");
    running.append(root.batch(&maker::genesis_events(&[]))).await.expect("genesis");
    let mut officer = Author::new("officer");
    let event = custodian_registered(&officer, id("a custodian"));
    let good = officer.batch(&[event]);
    let bytes = good.encode_to_vec();
    let rounds = std::env::var("ZEGEL_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    let (mut dice, mut refused, mut unreadable) = (Dice(20_260_722), 0, 0);
    for _ in 0..rounds {
        let mut changed = bytes.clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(changed.len());
            match dice.below(3) {
                0 => changed[at] ^= 1 << dice.below(8),
                1 => changed.truncate(at.max(1)),
                _ => drop(changed.drain(at..(at + dice.below(24)).min(changed.len()))),
            }
            if changed.is_empty() {
                changed.push(0);
            }
        }
        match AppendRequest::decode(changed.as_slice()) {
            Err(_) => unreadable += 1,
            Ok(request) if request == good => {}
            Ok(request) => {
                // What no signature covers may differ: the row of a message, and fields that nobody knows.
                let is_signed = request.batch == good.batch && request.headers == good.headers;
                let taken = running.append(request).await;
                assert!(is_signed || taken.is_err(), "taken, and not what was signed");
                refused += u32::from(taken.is_err());
            }
        }
    }
    assert!(refused > rounds / 20, "{refused} of {rounds} were refused, {unreadable} unreadable");
    running.append(good).await.expect("the good one is taken, or was");
    let event = custodian_registered(&officer, id("another"));
    running.append(officer.batch(&[event])).await.expect("the log goes on");
    running.stop().await;
    assert_eq!(zegel_ledger::check(&site.config()).expect("a report").findings, []);
}

/// Gzip of so many MiB of zeros, a hundred and fifty times smaller: one literal, then copies of 258 bytes (RFC 1951, fixed codes).
fn bomb(mebibytes: usize) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], 0u32, 0);
    let mut put = |code: u32, width: u32| {
        bits |= code << count;
        count += width;
        while count >= 8 {
            bytes.push(bits as u8);
            (bits, count) = (bits >> 8, count - 8);
        }
    };
    // Last block, fixed codes; a zero; and each copy: length 258 is 11000101 from the left, distance 1 is 00000.
    put(0b011, 3);
    put(0b0000_1100, 8);
    (0..(mebibytes << 20) / 258).for_each(|_| {
        put(0b1010_0011, 8);
        put(0, 5);
    });
    put(0, 7 + 8);
    bytes
}

/// The gRPC code that a raw message under an encoding is answered with.
async fn code_of(channel: &mut tonic::transport::Channel, flag: u8, encoding: Option<&str>, message: &[u8]) -> String {
    use tonic::client::GrpcService;
    use tonic::codegen::http;
    let frame = [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat();
    let request = http::Request::post("/zegel.v1.Ledger/Append")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let request = encoding.into_iter().fold(request, |request, encoding| request.header("grpc-encoding", encoding));
    let body = tonic::body::Body::new(http_body_util::Full::new(bytes::Bytes::from(frame)));
    std::future::poll_fn(|context| GrpcService::<tonic::body::Body>::poll_ready(channel, context))
        .await
        .expect("ready");
    let answer = channel.call(request.body(body).expect("a request")).await.expect("an answer");
    let code = answer.headers().get("grpc-status").and_then(|code| code.to_str().ok());
    code.unwrap_or("none").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_bomb_is_refused_before_a_byte_of_it_is_unfolded() {
    let site = Site::new();
    let server = site.bind(std::sync::Arc::new(zegel_ledger::NoFaults)).await.expect("a ledger");
    let address = format!("http://{}", server.address());
    let running = maker::Running::of(server).await;
    let mut channel =
        tonic::transport::Channel::from_shared(address).expect("an address").connect().await.expect("connected");
    let bomb = bomb(400);
    assert!(bomb.len() < 3 << 20, "{} bytes, so that no limit of size refuses it", bomb.len());
    let unimplemented = (tonic::Code::Unimplemented as i32).to_string();
    for encoding in ["gzip", "deflate", "zstd", "x"] {
        assert_eq!(code_of(&mut channel, 1, Some(encoding), &bomb).await, unimplemented, "{encoding}");
        assert_eq!(code_of(&mut channel, 0, Some(encoding), &[]).await, unimplemented, "{encoding}");
    }
    // Without saying how, it is no better; uncompressed, it is a message that does not read.
    let internal = (tonic::Code::Internal as i32).to_string();
    assert_eq!(code_of(&mut channel, 1, None, &bomb).await, internal);
    assert_ne!(code_of(&mut channel, 0, None, b"\xff").await, "0");
    drop(channel);
    running.stop().await;
}

type Client = zegel_proto::v1::ledger_client::LedgerClient<tonic::transport::Channel>;

/// The most memory that this process has ever held, in KiB.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_reset_as_soon_as_they_are_made_stop_nobody_else() {
    let site = Site::new();
    let server = site.bind(std::sync::Arc::new(zegel_ledger::NoFaults)).await.expect("a ledger");
    let address = format!("http://{}", server.address());
    let mut world = maker::World::on(site, maker::Running::of(server).await).await;
    let before = memory_kib();
    let attack = async |client: Client| {
        for _ in 0..5_000 {
            // Dropped at once: the request is on its way, and so is its reset.
            let mut client = client.clone();
            let call = client.get_checkpoint(zegel_proto::v1::LogRequest { origin: maker::ORIGIN.into() });
            let _ = tokio::time::timeout(std::time::Duration::ZERO, call).await;
        }
    };
    let mut attackers = Vec::new();
    for _ in 0..4 {
        let client = Client::connect(address.clone()).await.expect("a connection");
        attackers.push(tokio::spawn(attack(client)));
    }
    let mut number = 0;
    while attackers.iter().any(|attacker| !attacker.is_finished()) || number < 20 {
        maker::check_receipt(&world.chat(number, 1, maker::MONTH).await);
        number += 1;
    }
    let grown = memory_kib() - before;
    assert!(grown < 128 << 10, "{grown} KiB");
    world.ledger.stop().await;
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Holds whoever takes a step until it is opened.
struct Gate {
    step: zegel_ledger::Step,
    reached: tokio::sync::Semaphore,
    is_open: std::sync::Mutex<bool>,
    opened: std::sync::Condvar,
}

impl Gate {
    fn at(step: zegel_ledger::Step) -> std::sync::Arc<Self> {
        let reached = tokio::sync::Semaphore::new(0);
        std::sync::Arc::new(Self { step, reached, is_open: false.into(), opened: std::sync::Condvar::new() })
    }

    fn open(&self) {
        *self.is_open.lock().expect("a lock") = true;
        self.opened.notify_all();
    }
}

impl zegel_ledger::Faults for Gate {
    fn before(&self, step: zegel_ledger::Step) -> Result<(), String> {
        if step == self.step {
            self.reached.add_permits(1);
            let is_open = self.is_open.lock().expect("a lock");
            drop(self.opened.wait_while(is_open, |is_open| !*is_open).expect("a lock"));
        }
        Ok(())
    }
}

/// A ledger with such a gate, and another connection to it.
async fn gated(step: zegel_ledger::Step) -> (maker::World, std::sync::Arc<Gate>, Client) {
    let (site, gate) = (Site::new(), Gate::at(step));
    let server = site.bind(gate.clone()).await.expect("a ledger");
    let client = Client::connect(format!("http://{}", server.address()));
    let running = maker::Running::of(server);
    let (client, running) = tokio::join!(client, running);
    (maker::World::on(site, running).await, gate, client.expect("a connection"))
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_that_are_asked_for_without_end_share_what_is_made_and_stop_no_append() {
    let (mut world, gate, client) = gated(zegel_ledger::Step::Table).await;
    let (answer, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..300 {
        let mut client = if number % 2 == 0 { client.clone() } else { world.ledger.client.clone() };
        let answer = answer.clone();
        tokio::spawn(async move {
            let log = zegel_proto::v1::LogRequest { origin: maker::ORIGIN.into() };
            let _ = answer.send(client.snapshot(log).await.map(|made| made.into_inner().receipt.expect("a receipt")));
        });
    }
    // While one table is made and stands still, all that have a place wait, and the others are sent away.
    for _ in 0..300 - 256 {
        let refused = tokio::time::timeout(PATIENCE, answers.recv()).await.expect("in time").expect("an answer");
        let refused = refused.expect_err("no place");
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted, "{refused}");
        assert_eq!(refused.message(), "256 streams are under way: try again later");
    }
    let mut newest = 0;
    for number in 0..20 {
        let appended = tokio::time::timeout(PATIENCE, world.chat(number, 1, maker::MONTH)).await;
        newest = appended.expect("appends go on").index;
    }
    gate.open();
    let mut made = std::collections::BTreeMap::new();
    for _ in 0..256 {
        let receipt = tokio::time::timeout(PATIENCE, answers.recv()).await.expect("in time").expect("an answer");
        let receipt = receipt.expect("a snapshot");
        maker::check_receipt(&receipt);
        *made.entry(receipt.index).or_insert(0) += 1;
    }
    // The first is of who came before it began, the second of all others; a third of one that was late by a hair.
    let tables = gate.reached.available_permits();
    assert!(made.len() <= 3 && tables == made.len(), "{tables} tables: {made:?}");
    assert!(made.first_key_value().is_some_and(|(index, _)| *index > newest), "{made:?}");
    // Alone, it gets one of its own.
    assert!(world.ledger.snapshot().await.index > *made.keys().last().expect("one"));
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_sent_again_while_it_is_carried_out_is_refused_and_stops_no_append() {
    let (mut world, gate, client) = gated(zegel_ledger::Step::EraseIntent).await;
    let approver = Author::new("approver");
    let registered = [maker::actor_registered(&approver, zegel_proto::v1::Role::Approver), maker::key_added(&approver)];
    let registered = world.root.batch(&registered);
    world.ledger.append(registered).await.expect("registered");
    let entry = world.chat(0, 2, maker::MONTH).await.index;
    let order = |position| zegel_proto::v1::EraseRequest {
        origin: maker::ORIGIN.into(),
        order: maker::order(&[(entry, position)], None, &[&world.officer, &approver]),
    };
    let (one, other) = (order(0), order(1));
    let (mut first, asked) = (client.clone(), one.clone());
    let first = tokio::spawn(async move { first.erase(asked).await });
    let reached = tokio::time::timeout(PATIENCE, gate.reached.acquire()).await;
    reached.expect("in time").expect("under way").forget();
    for order in [&one, &other] {
        let refused = tokio::time::timeout(PATIENCE, client.clone().erase(order.clone())).await;
        let refused = refused.expect("it waits for nobody").expect_err("another is under way");
        assert_eq!(refused.code(), tonic::Code::Aborted, "{refused}");
        assert_eq!(refused.message(), "another order is being carried out on this log: try again when it has ended");
    }
    world.chat(2, 1, maker::MONTH).await;
    gate.open();
    let of = |answer: zegel_proto::v1::EraseResponse| (answer.events, answer.before);
    assert_eq!(of(first.await.expect("no panic").expect("erased").into_inner()), (1, 0));
    assert_eq!(of(client.clone().erase(other).await.expect("erased").into_inner()), (1, 0));
    assert_eq!(of(client.clone().erase(one).await.expect("nothing is left to do").into_inner()), (1, 1));
    world.ledger.stop().await;
}
