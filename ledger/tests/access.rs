//! Who may make which call: the table of `specs/access.md`, made to happen.
//!
//! Two ministries in one process. In every role: every call on the own log, on the other ministry's, and on one that nobody
//! has. What is not allowed has one answer.

mod maker;

use maker::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Code, Status};
use zegel_ledger::{Config, ConfigError, Server};
use zegel_proto::print;
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::*;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};

const OTHER: &str = "chat.example.nl/minez";
const NOWHERE: &str = "chat.example.nl/nowhere";
const ROLES: [(&str, Role); 9] = [
    ("root", Role::Root),
    ("recovery", Role::Recovery),
    ("source", Role::Source),
    ("officer", Role::Officer),
    ("approver", Role::Approver),
    ("inspector", Role::Inspector),
    ("auditor", Role::Auditor),
    ("operator", Role::Operator),
    ("follower", Role::Follower),
];

/// A client: its certificate, its key, and what the configuration calls it.
struct Card {
    certificate: String,
    key: String,
    fingerprint: String,
}

/// An authority and its cards.
struct Desk {
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Desk {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self { authority: CertifiedIssuer::self_signed(params, key).expect("an authority") }
    }

    fn card(&self, name: &str) -> Card {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let signed = params.signed_by(&key, &self.authority).expect("a certificate");
        let fingerprint = sha256(&[signed.der()]).to_string();
        Card { certificate: signed.pem(), key: key.serialize_pem(), fingerprint }
    }
}

/// Two ministries in one process, with a card for each role of the first and an officer of the second.
struct Building {
    site: Site,
    desk: Desk,
    port: u16,
    cards: BTreeMap<&'static str, Card>,
    stop: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), zegel_ledger::ServeError>>,
}

fn config(site: &Site, desk: &Desk, cards: &BTreeMap<&'static str, Card>, limits: &str) -> Result<Config, ConfigError> {
    let server = desk.card("localhost");
    let files = [("clients.pem", desk.authority.pem()), ("server.pem", server.certificate), ("server.key", server.key)];
    for (name, text) in files {
        let path = site.path().join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    }
    let client = |name: &str| {
        let actor = Hash(id(name.strip_suffix(" elsewhere").unwrap_or(name)));
        format!("[[log.client]]\ncertificate = \"{}\"\nactor = \"{actor}\"\n", cards[name].fingerprint)
    };
    let own: String = ROLES.iter().map(|(name, _)| client(name)).chain([client("unregistered")]).collect();
    let tls = format!(
        "{limits}[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\nclient_ca = \"clients.pem\"\n[[log]]"
    );
    let root = VerifierKey::new(OTHER, TYPE_ED25519, key("root").verifying_key().to_bytes()).expect("a key").print();
    let other = format!(
        "[[log]]\norigin = \"{OTHER}\"\nroot_key = \"{root}\"\nstore = \"other\"\nguard = \"other.guard\"\n\
         log_key = \"log.pem\"\n{}",
        client("officer elsewhere")
    );
    let text = site.config_text().replacen("[[log]]", &tls, 1) + &own + &other;
    Config::parse(&text, site.path())
}

impl Building {
    async fn new(limits: &str) -> Self {
        let (site, desk) = (Site::new(), Desk::new());
        let names = ROLES.iter().map(|(name, _)| *name).chain(["unregistered", "officer elsewhere", "stranger"]);
        let cards: BTreeMap<_, _> = names.map(|name| (name, desk.card(name))).collect();
        let server =
            Server::bind(config(&site, &desk, &cards, limits).expect("a configuration")).await.expect("a ledger");
        let port = server.address().port();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self { site, desk, port, cards, stop, task }
    }

    async fn client(&self, name: &str) -> LedgerClient<Channel> {
        LedgerClient::new(self.channel(name).await)
    }

    async fn channel(&self, name: &str) -> Channel {
        let card = &self.cards[name];
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(self.desk.authority.pem()))
            .domain_name("localhost")
            .identity(Identity::from_pem(&card.certificate, &card.key));
        let channel = Channel::from_shared(format!("https://localhost:{}", self.port)).expect("an address");
        channel.tls_config(tls).expect("a client").connect().await.expect("a connection")
    }

    /// Genesis with an actor for every role; an export of the inspector.
    async fn founded() -> (Self, BTreeMap<&'static str, Author>) {
        Self::founded_with("").await
    }

    /// The same under limits.
    async fn founded_with(limits: &str) -> (Self, BTreeMap<&'static str, Author>) {
        let building = Self::new(limits).await;
        let mut authors: BTreeMap<_, _> = ROLES.iter().map(|(name, _)| (*name, Author::new(name))).collect();
        let mut events = genesis_events(&[&authors["source"]]);
        for (name, role) in &ROLES[4..] {
            events.push(actor_registered(&authors[name], *role));
            // Who writes nothing needs no key.
            if !matches!(role, Role::Auditor | Role::Follower) {
                events.push(key_added(&authors[name]));
            }
        }
        let genesis = authors.get_mut("root").expect("the root").batch(&events);
        building.client("root").await.append(genesis).await.expect("genesis");
        let officer = authors.get_mut("officer").expect("an officer");
        let registered = officer.batch(&[
            custodian_registered(officer, id("custodian")),
            conversation_registered(officer, id("conversation")),
        ]);
        building.client("officer").await.append(registered).await.expect("registrations");
        (building, authors)
    }

    async fn end(self) {
        let _ = self.stop.send(());
        self.task.await.expect("no panic").expect("a good end");
        drop(self.site);
    }
}

/// What a call is about.
struct About<'a> {
    origin: &'a str,
    /// Whose chain.
    actor: [u8; 32],
    /// A batch of that actor.
    batch: AppendRequest,
    /// Where an EXPORT_CREATED stands.
    export_entry: u64,
}

async fn first<T>(answer: Result<tonic::Response<tonic::Streaming<T>>, Status>) -> Result<(), Status> {
    answer?.into_inner().message().await.map(|_| ())
}

async fn call(client: &mut LedgerClient<Channel>, name: &str, about: &About<'_>) -> Result<(), Status> {
    let origin = about.origin.to_owned();
    let log = LogRequest { origin: origin.clone() };
    let (sha256, source) = (vec![7; 32], about.actor.to_vec());
    let entries = ReadEntriesRequest { origin: origin.clone(), from: 0, count: 1 };
    match name {
        "Append" => client.append(about.batch.clone()).await.map(|_| ()),
        "AppendStream" => first(client.append_stream(tokio_stream::iter([about.batch.clone()])).await).await,
        "PutBlob" => {
            let piece = PutBlobRequest { origin, sha256, size: 4, offset: 0, data: vec![1] };
            client.put_blob(tokio_stream::iter([piece])).await.map(|_| ())
        }
        "BlobStat" => client.blob_stat(BlobStatRequest { origin, sha256 }).await.map(|_| ()),
        "GetBlob" => first(client.get_blob(GetBlobRequest { origin, sha256 }).await).await,
        "Known" => {
            let (custodian, conversation) = (id("custodian").to_vec(), id("conversation").to_vec());
            first(client.known(KnownRequest { origin, source, custodian, conversation }).await).await
        }
        "GetSourceHead" => client.get_source_head(GetSourceHeadRequest { origin, source }).await.map(|_| ()),
        "GetRegistry" => first(client.get_registry(log).await).await,
        "GetCheckpoint" => client.get_checkpoint(log).await.map(|_| ()),
        "GetReceipt" => client.get_receipt(GetReceiptRequest { origin, index: 0 }).await.map(|_| ()),
        "GetConsistencyProof" => {
            let request = ConsistencyProofRequest { origin, from_size: 1, to_size: 1 };
            client.get_consistency_proof(request).await.map(|_| ())
        }
        "ReadEntries" => first(client.read_entries(entries).await).await,
        "ReadAudit" => first(client.read_audit(entries).await).await,
        "ReadStream" => {
            let stream = StreamType::StreamRegistry as i32;
            first(client.read_stream(ReadStreamRequest { origin, stream, id: Vec::new(), month: 0 }).await).await
        }
        "ReadStream of a conversation's month 0" => {
            let (stream, id) = (StreamType::StreamConversation as i32, id("conversation").to_vec());
            first(client.read_stream(ReadStreamRequest { origin, stream, id, month: 0 }).await).await
        }
        "Snapshot" => client.snapshot(log).await.map(|_| ()),
        "ReadEnvelopes" => {
            let rewrap = Some(Rewrap { entry: about.export_entry, position: 0, to: vec![7; 32], without: Vec::new() });
            first(client.read_envelopes(ReadEnvelopesRequest { origin, rewrap, after: Vec::new() }).await).await
        }
        "RewrapEnvelopes" => {
            let rewrap = Some(Rewrap { entry: about.export_entry, position: 0, to: vec![7; 32], without: Vec::new() });
            let request = RewrapEnvelopesRequest { origin, rewrap, wraps: Vec::new() };
            client.rewrap_envelopes(request).await.map(|_| ())
        }
        "ExportEvidence" => {
            let (export_entry, export_position) = (about.export_entry, 0);
            let request =
                ExportEvidenceRequest { origin, scope: None, snapshot_entry: 0, export_entry, export_position };
            first(client.export_evidence(request).await).await
        }
        "Replicate" => {
            first(client.replicate(ReplicateRequest { origin, from: 0, orders: Vec::new(), rewrapped: 0 }).await).await
        }
        "Erase" => client.erase(EraseRequest { origin, order: "none".into() }).await.map(|_| ()),
        other => panic!("{other} is no call that this test knows"),
    }
}

/// Rows of the table: a call, and the word in the column of each role.
fn table() -> Vec<(String, Vec<String>)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/access.md");
    let page = std::fs::read_to_string(path).expect("the page");
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let mut rows =
        page.lines().skip_while(|line| !line.starts_with("| call |")).take_while(|line| line.starts_with('|'));
    let head = cells(rows.next().expect("a head"));
    assert_eq!(head[1..], ROLES.map(|(name, _)| name));
    rows.skip(1).map(cells).map(|mut row| (row.remove(0), row)).collect()
}

fn is_denied(answer: &Result<(), Status>) -> bool {
    let same = |status: &Status| status.message() == "this client may not make this call here";
    answer.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied && same(status))
}

/// A batch that is good by itself and would be refused by the log: nothing of the test is written.
fn batch(author: &Author, origin: &str) -> AppendRequest {
    let ahead = Author { batch_seq: 1_000, previous: vec![9; 32], ..author.clone() };
    let event =
        public(EventKind::PolicySet, print(&PolicySet { name: "x".into(), value: "y".into() }).expect("prints"));
    AppendRequest { origin: origin.into(), ..ahead.try_batch(&[event]) }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_makes_the_calls_of_its_column_on_its_own_log_and_no_other() {
    let (building, authors) = Building::founded().await;
    let table = table();
    assert_eq!(table.len(), 20);
    for (column, (role, _)) in ROLES.iter().enumerate() {
        let mut client = building.client(role).await;
        let stranger = if *role == "source" { "officer" } else { "source" };
        let about = |origin, whose: &str| About {
            origin,
            actor: id(whose),
            batch: batch(&authors[whose], origin),
            // Registrations of the officer: no export, but an entry of its own.
            export_entry: if whose == "officer" { 1 } else { 0 },
        };
        for (name, row) in &table {
            let word = row[column].as_str();
            let own = call(&mut client, name, &about(ORIGIN, role)).await;
            match (word, name.as_str()) {
                ("", _) => assert!(is_denied(&own), "{role} {name}: {own:?}"),
                // Nothing was shown to anyone yet; and entry 0 is nobody's but the root's.
                ("own", "GetBlob") => assert!(is_denied(&own), "{role} {name}: {own:?}"),
                ("own", "ExportEvidence") if *role != "officer" => assert!(is_denied(&own), "{role} {name}: {own:?}"),
                _ => assert!(!is_denied(&own), "{role} {name}: {own:?}"),
            }
            if matches!(word, "own") {
                let others = call(&mut client, name, &about(ORIGIN, stranger)).await;
                assert!(is_denied(&others), "{role} {name} of {stranger}: {others:?}");
            }
            for elsewhere in [OTHER, NOWHERE] {
                let answer = call(&mut client, name, &about(elsewhere, role)).await;
                assert!(is_denied(&answer), "{role} {name} on {elsewhere}: {answer:?}");
            }
        }
    }
    // The other ministry is there for its own.
    let mut elsewhere = building.client("officer elsewhere").await;
    let there = elsewhere.get_checkpoint(LogRequest { origin: OTHER.into() }).await.expect_err("no entry yet");
    assert_eq!(there.code(), Code::FailedPrecondition);
    for name in ["officer elsewhere", "unregistered", "stranger"] {
        let mut client = building.client(name).await;
        for (call_name, _) in &table {
            let about = About {
                origin: ORIGIN,
                actor: id("officer"),
                batch: batch(&authors["officer"], ORIGIN),
                export_entry: 1,
            };
            let answer = call(&mut client, call_name, &about).await;
            assert!(is_denied(&answer), "{name} {call_name}: {answer:?}");
        }
    }
    drop(elsewhere);
    building.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_whose_keys_have_ended_makes_no_call() {
    let (building, mut authors) = Building::founded().await;
    let mut source = building.client("source").await;
    let log = || LogRequest { origin: ORIGIN.into() };
    source.get_checkpoint(log()).await.expect("a checkpoint");
    let key = key("source").verifying_key().to_bytes().to_vec();
    let retired = public(EventKind::KeyRetired, print(&KeyRetired { key }).expect("prints"));
    let request = authors.get_mut("root").expect("the root").batch(&[retired]);
    building.client("root").await.append(request).await.expect("retired");
    let refused = source.get_checkpoint(log()).await.map(|_| ());
    assert!(is_denied(&refused), "{refused:?}");
    drop(source);
    building.end().await;
}

#[test]
fn refuses_lists_of_clients_that_nobody_could_be_held_to() {
    let site = Site::new();
    let parse = |more: &str| Config::parse(&(site.config_text() + more), site.path()).map(|_| ());
    let (one, two) = ("ab".repeat(32), "cd".repeat(32));
    let client = |certificate: &str| format!("[[log.client]]\ncertificate = \"{certificate}\"\nactor = \"{two}\"\n");
    let origin = || ORIGIN.to_owned();
    assert_eq!(parse(&client(&one)), Err(ConfigError::ClientsWithoutAuthority { origin: origin() }));
    let tls = "[tls]\ncertificate = \"a\"\nkey = \"b\"\nclient_ca = \"c\"\n[[log]]";
    let parse = |more: &str| {
        let text = site.config_text().replacen("[[log]]", tls, 1) + more;
        Config::parse(&text, site.path()).map(|_| ())
    };
    assert_eq!(parse(&client(&one)), Ok(()));
    for certificate in [&one[1..], &one.to_uppercase(), "", &format!("{one}a"), &"ä".repeat(32)] {
        let wrong = ConfigError::Client { origin: origin(), certificate: certificate.to_owned() };
        assert_eq!(parse(&client(certificate)), Err(wrong));
    }
    let twice = ConfigError::Twice { what: "client certificate", found: one.clone() };
    assert_eq!(parse(&(client(&one) + &client(&one))), Err(twice));
}

/// A connection that may not come about.
async fn try_client(building: &Building, name: &str) -> Option<LedgerClient<Channel>> {
    let card = &building.cards[name];
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(building.desk.authority.pem()))
        .domain_name("localhost")
        .identity(Identity::from_pem(&card.certificate, &card.key));
    let channel = Channel::from_shared(format!("https://localhost:{}", building.port)).expect("an address");
    let mut client = LedgerClient::new(channel.tls_config(tls).expect("a client").connect().await.ok()?);
    let answer = client.get_checkpoint(LogRequest { origin: ORIGIN.into() }).await;
    answer.is_ok_and(|answer| !answer.into_inner().checkpoint.is_empty()).then_some(client)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_holds_all_its_connections_keeps_nobody_else_out() {
    let (building, _) =
        Building::founded_with("[limits]\nconnections = 12\nconnections_per_client = 2\nstreams_per_client = 1\n")
            .await;
    let held = [try_client(&building, "source").await, try_client(&building, "source").await];
    assert!(held.iter().all(Option::is_some));
    assert!(try_client(&building, "source").await.is_none(), "its third connection is sent away");
    assert!(try_client(&building, "inspector").await.is_some(), "others are let in");
    drop(held);
    let mut again = None;
    while again.is_none() {
        again = try_client(&building, "source").await;
    }
    building.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_refused_at_a_limit_and_streams_of_an_actor_too() {
    let (building, _) =
        Building::founded_with("[limits]\nconnections = 12\nconnections_per_client = 4\nstreams_per_client = 1\n")
            .await;
    let mut auditor = building.client("auditor").await;
    let mut inspector = building.client("inspector").await;
    // A stream that is not read to its end holds its place; the actor's next is refused, and another actor's is not.
    let entries = || ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count: 0 };
    let (piece, upload) = tokio::sync::mpsc::channel(1);
    let mut source = building.client("source").await;
    let first = PutBlobRequest { origin: ORIGIN.into(), sha256: vec![7; 32], size: 9, offset: 0, data: vec![1] };
    piece.send(first).await.expect("sent");
    let mut uploading = source.clone();
    let held = tokio::spawn(async move {
        uploading.put_blob(tokio_stream::wrappers::ReceiverStream::new(upload)).await.map(|_| ())
    });
    let known = KnownRequest {
        origin: ORIGIN.into(),
        source: id("source").to_vec(),
        custodian: id("custodian").to_vec(),
        conversation: id("conversation").to_vec(),
    };
    let refused = loop {
        let answer = first_of(source.known(known.clone()).await).await;
        if let Err(refused) = answer {
            break refused;
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    first_of(auditor.read_entries(entries()).await).await.expect("another actor's stream");
    drop(piece);
    let _ = held.await.expect("no panic");
    // A thousand clients that say nothing find no place, and whoever is connected goes on.
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        if let Ok(stream) = tokio::net::TcpStream::connect(("127.0.0.1", building.port)).await {
            idle.push(stream);
        }
    }
    let mut gone = 0;
    // All but those that have a handshake still, and the last to come have it.
    for stream in &mut idle[..700] {
        let mut byte = [0];
        let ended = tokio::io::AsyncReadExt::read(stream, &mut byte).await;
        gone += usize::from(ended.is_err() || ended.is_ok_and(|read| read == 0));
    }
    assert_eq!(gone, 700);
    inspector.get_checkpoint(LogRequest { origin: ORIGIN.into() }).await.expect("a checkpoint");
    drop((source, auditor, inspector, idle));
    building.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_before_the_handshake_keeps_no_new_client_out() {
    let (building, _) = Building::founded_with("[limits]\nconnections = 8\n").await;
    // From the very address of those who come after them.
    let mut silent = Vec::new();
    for _ in 0..1_000 {
        silent.push(tokio::net::TcpStream::connect(("127.0.0.1", building.port)).await.expect("a connection"));
    }
    let mut clients = Vec::new();
    for name in ["inspector", "auditor", "approver"] {
        clients.push(try_client(&building, name).await.unwrap_or_else(|| panic!("the {name} is kept out")));
    }
    // The places themselves are as many as they were.
    while let Some(client) = try_client(&building, "auditor").await {
        clients.push(client);
        assert!(clients.len() <= 8, "more than there are places");
    }
    assert!(clients.len() >= 6, "{} of 8: two of before may not have gone yet", clients.len());
    clients[0].get_checkpoint(LogRequest { origin: ORIGIN.into() }).await.expect("a checkpoint");
    drop((clients, silent));
    building.end().await;
}

/// The most memory that this process has ever held, in KiB.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Begins a call that streams what it sends: most of a message, and nothing more for as long as what is given lives.
async fn begin(channel: &mut Channel, call: &str, sent: &bytes::Bytes) -> Result<impl Sized + use<>, Status> {
    use tonic::client::GrpcService;
    use tonic::codegen::http;
    let (more, frames) = tokio::sync::mpsc::channel::<Result<_, std::convert::Infallible>>(1);
    more.try_send(Ok(hyper::body::Frame::data(sent.clone()))).expect("room for one");
    let body = http_body_util::StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(frames));
    let request = http::Request::post(format!("/zegel.v1.Ledger/{call}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::Body::new(body))
        .expect("a request");
    std::future::poll_fn(|context| GrpcService::<tonic::body::Body>::poll_ready(channel, context))
        .await
        .expect("ready");
    let answer = channel.call(request).await.expect("an answer");
    match Status::from_header_map(answer.headers()) {
        Some(refused) => Err(refused),
        None => Ok((more, answer)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_begun_without_end_are_refused_at_a_limit_and_nobody_else_notices() {
    let (building, mut authors) = Building::founded().await;
    // Of the authority, and on no list: of a call that streams that is known when its first message is there.
    let mut channels = Vec::new();
    for _ in 0..2 {
        channels.push(building.channel("stranger").await);
    }
    let message = [&[0][..], &(4u32 << 20).to_be_bytes(), &vec![0; (4 << 20) - 1]].concat();
    let message = bytes::Bytes::from(message);
    let (before, mut held, mut refused) = (memory_kib(), Vec::new(), Vec::new());
    for number in 0..200 {
        match begin(&mut channels[number % 2], "AppendStream", &message).await {
            Ok(begun) => held.push(begun),
            Err(status) => refused.push(status),
        }
    }
    refused.push(begin(&mut channels[0], "PutBlob", &message).await.err().expect("the same places"));
    assert_eq!((held.len(), refused.len()), (32, 169));
    for status in refused {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert_eq!(status.message(), "32 streams of this certificate are under way: try again later");
    }
    // What it does with one message it still may, which is nothing; others stream and append.
    let own = LedgerClient::new(channels[0].clone()).get_checkpoint(LogRequest { origin: ORIGIN.into() }).await;
    assert!(is_denied(&own.map(|_| ())));
    let officer = authors.get_mut("officer").expect("an officer");
    let mut client = building.client("officer").await;
    let registered = officer.batch(&[custodian_registered(officer, id("another"))]);
    client.append(registered).await.expect("appended");
    let registered = officer.batch(&[custodian_registered(officer, id("a third"))]);
    first_of(client.append_stream(tokio_stream::iter([registered])).await).await.expect("appended");
    let grown = memory_kib() - before;
    assert!(grown < 256 << 10, "{grown} KiB, and all of them would hold 800 MiB");
    // Ended, each gives its place back.
    drop(held);
    while let Err(status) = begin(&mut channels[0], "AppendStream", &message).await.map(drop) {
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    }
    drop((channels, client));
    building.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_waits_for_its_share_gives_its_place_back_when_its_client_goes() {
    let (building, _) = Building::founded_with("[limits]\nstreams_per_client = 1\nappend_kib_per_second = 16\n").await;
    let mut source = building.client("source").await;
    // At that rate it waits for some four minutes, before anybody looks what it is.
    let request =
        AppendRequest { origin: ORIGIN.into(), headers: vec![vec![0; 4_000_000]], ..AppendRequest::default() };
    let (batches, sent) = tokio::sync::mpsc::channel(1);
    batches.send(request).await.expect("room for one");
    let sent = tokio_stream::wrappers::ReceiverStream::new(sent);
    let answers = source.append_stream(sent).await.expect("a stream").into_inner();
    // That it waits is seen by the next one being taken from here.
    batches.send(AppendRequest::default()).await.expect("taken");
    let refused = source.append_stream(tokio_stream::empty()).await.map(drop).expect_err("the place is taken");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    drop((answers, batches));
    let again = async {
        while let Err(status) = source.append_stream(tokio_stream::empty()).await.map(drop) {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), again).await.expect("the place is free again");
    drop(source);
    building.end().await;
}

async fn first_of<T>(answer: Result<tonic::Response<tonic::Streaming<T>>, Status>) -> Result<(), Status> {
    first(answer).await
}

/// A follower of the building's first log that shows the card of this name.
async fn following(building: &Building, name: &str) -> (Site, Server) {
    let site = Site::new();
    std::fs::remove_file(site.path().join("log.pem")).expect("no key here");
    let card = &building.cards[name];
    let files = [
        ("ca.pem", building.desk.authority.pem()),
        ("own.pem", card.certificate.clone()),
        ("own.key", card.key.clone()),
    ];
    for (name, text) in files {
        let path = site.path().join(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    }
    let follow = format!(
        "[log.follow]\nprimary = \"https://localhost:{}\"\nca = \"ca.pem\"\ncertificate = \"own.pem\"\nkey = \"own.key\"\n\
         interval_ms = 10\n",
        building.port
    );
    let config = Config::parse(&(site.config_text() + &follow), site.path()).expect("a configuration");
    (site, Server::bind(config).await.expect("a follower"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_is_known_by_its_certificate_and_whoever_else_follows_gets_nothing() {
    let (building, _) = Building::founded().await;
    let (_site, server) = following(&building, "follower").await;
    let mut follower = Running::of(server).await;
    let (_nothing, server) = following(&building, "operator").await;
    let mut other = Running::of(server).await;
    let log = || LogRequest { origin: ORIGIN.into() };
    while follower.client.get_checkpoint(log()).await.map_or(0, |note| verified(&note.into_inner().checkpoint).size())
        < 2
    {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let empty = other.client.get_checkpoint(log()).await.expect_err("no entry");
    assert_eq!(empty.code(), Code::FailedPrecondition);
    follower.stop().await;
    other.stop().await;
    building.end().await;
}
/// What a stream gives, or the code with which it is refused.
async fn all_of<T>(answer: Result<tonic::Response<tonic::Streaming<T>>, Status>) -> Result<Vec<T>, Status> {
    let mut stream = answer?.into_inner();
    let mut all = Vec::new();
    while let Some(message) = stream.message().await? {
        all.push(message);
    }
    Ok(all)
}

/// A log with a message that has an attachment, and a third archive key that came after it.
async fn with_content() -> (Building, BTreeMap<&'static str, Author>, Vec<u8>) {
    let (building, mut authors) = Building::founded().await;
    let ciphertext = b"noise".to_vec();
    let blob = sha256(&[&ciphertext]).to_vec();
    let mut source = building.client("source").await;
    let piece = PutBlobRequest { origin: ORIGIN.into(), sha256: blob.clone(), size: 5, offset: 0, data: ciphertext };
    source.put_blob(tokio_stream::iter([piece])).await.expect("a blob");
    let header = chat_header(id("custodian"), id("conversation"), 0, MONTH);
    let message = sealed(id("source"), EventHeader { blobs: vec![blob.clone()], ..header });
    let request = authors.get_mut("source").expect("a source").batch(&[message]);
    source.append(request).await.expect("a message");
    let added = ArchiveKeyAdded {
        algorithm: ArchiveAlgorithm::ArchiveHpkeXwing as i32,
        public_key: archive_key(3),
        name: "archief 3".into(),
    };
    let added = public(EventKind::ArchiveKeyAdded, print(&added).expect("prints"));
    let request = authors.get_mut("root").expect("the root").batch(&[added]);
    building.client("root").await.append(request).await.expect("a third key");
    (building, authors, blob)
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn nothing_that_opens_content_is_given_before_an_event_of_the_callers_own_says_so() {
    let (building, mut authors, blob) = with_content().await;
    let (mut officer, inspector) = (building.client("officer").await, building.client("inspector").await);
    let log = || LogRequest { origin: ORIGIN.into() };
    let scope =
        Scope { stream: StreamType::StreamConversation as i32, id: id("conversation").to_vec(), ..Scope::default() };
    let snapshot = |mut client: LedgerClient<Channel>| async move {
        client.snapshot(log()).await.expect("a snapshot").into_inner().receipt.expect("a receipt").index
    };
    let evidence = |mut client: LedgerClient<Channel>, snapshot_entry, export_entry| {
        let (origin, scope) = (ORIGIN.to_owned(), Some(scope.clone()));
        let asked = ExportEvidenceRequest { origin, scope, snapshot_entry, export_entry, export_position: 0 };
        async move { all_of(client.export_evidence(asked).await).await }
    };
    let attachment = |mut client: LedgerClient<Channel>| {
        let asked = GetBlobRequest { origin: ORIGIN.into(), sha256: blob.clone() };
        async move { all_of(client.get_blob(asked).await).await }
    };
    let rewrap =
        |entry| Some(Rewrap { entry, position: 0, to: sha256(&[&archive_key(3)]).to_vec(), without: Vec::new() });
    let envelopes = |mut client: LedgerClient<Channel>, entry| {
        let asked = ReadEnvelopesRequest { origin: ORIGIN.into(), rewrap: rewrap(entry), after: Vec::new() };
        async move { all_of(client.read_envelopes(asked).await).await }
    };
    let code = |status: Status| status.code();

    // Nothing was logged: entry 1 is the officer's, and says nothing of reading; entry 2 is the source's; 99 is none.
    let before = snapshot(officer.clone()).await;
    let refused = evidence(officer.clone(), before, 1).await.expect_err("no event says so");
    assert!(
        refused.code() == Code::FailedPrecondition && refused.message().contains("is no EXPORT_CREATED"),
        "{refused}"
    );
    for entry in [2, 99] {
        assert!(is_denied(&evidence(officer.clone(), before, entry).await.map(|_| ())));
        assert!(is_denied(&envelopes(officer.clone(), entry).await.map(|_| ())));
    }
    let refused = envelopes(officer.clone(), 1).await.expect_err("no event says so");
    assert!(
        refused.code() == Code::FailedPrecondition && refused.message().contains("is no BODY_RESEALED"),
        "{refused}"
    );
    assert!(is_denied(&attachment(officer.clone()).await.map(|_| ())));

    // An event that is refused is in no entry: still nothing.
    let size = before + 1;
    let export = || sealed(id("officer"), header(EventKind::ExportCreated));
    let ahead = Author { batch_seq: 1_000, previous: vec![9; 32], ..authors["officer"].clone() };
    assert_eq!(
        officer.append(ahead.try_batch(&[export()])).await.map(|_| ()).map_err(code),
        Err(Code::FailedPrecondition)
    );
    assert!(is_denied(&evidence(officer.clone(), before, size).await.map(|_| ())));

    // It is in the log: what it covers is given to who logged it, once a snapshot covers it, and to nobody else.
    let logged = authors.get_mut("officer").expect("an officer").batch(&[export()]);
    let receipt = officer.append(logged).await.expect("logged").into_inner().receipt.expect("a receipt");
    assert_eq!(receipt.index, size);
    let uncovered = evidence(officer.clone(), before, receipt.index).await.map(|_| ()).map_err(code);
    assert_eq!(uncovered, Err(Code::FailedPrecondition));
    let covering = snapshot(officer.clone()).await;
    assert!(is_denied(&evidence(inspector.clone(), covering, receipt.index).await.map(|_| ())));
    assert!(is_denied(&attachment(officer.clone()).await.map(|_| ())), "evidence comes first");
    let given = evidence(officer.clone(), covering, receipt.index).await.expect("evidence");
    assert_eq!(envelopes_in(&given).len(), 4, "of the custodian, the conversation, the message and the act");
    assert_eq!(attachment(officer.clone()).await.expect("a blob")[0].data, b"noise");
    assert!(is_denied(&attachment(inspector.clone()).await.map(|_| ())));

    // Envelopes for rewrapping, by an event of their own kind.
    let resealed = sealed(id("officer"), header(EventKind::BodyResealed));
    let logged = authors.get_mut("officer").expect("an officer").batch(&[resealed]);
    let begun = officer.append(logged).await.expect("logged").into_inner().receipt.expect("a receipt").index;
    assert!(is_denied(&envelopes(inspector.clone(), begun).await.map(|_| ())));
    let due = envelopes(officer.clone(), begun).await.expect("envelopes");
    assert_eq!(due.len(), 5, "those of the registrations, the message and two acts");
    assert!(due.is_sorted_by(|one, other| one.dossier < other.dossier));
    let wrapped = |wrap: &DossierWrap| {
        let mut envelope: DossierEnvelope = zegel_proto::parse(&wrap.envelope).expect("an envelope");
        let archive_key = sha256(&[&archive_key(3)]).to_vec();
        envelope.recipients.push(DossierRecipient { archive_key, sealed: vec![8; 1_168] });
        envelope.recipients.sort_by(|one, other| one.archive_key.cmp(&other.archive_key));
        DossierWrap { dossier: wrap.dossier.clone(), envelope: print(&envelope).expect("prints") }
    };
    let hand_in = |mut client: LedgerClient<Channel>, wraps: Vec<DossierWrap>| {
        let asked = RewrapEnvelopesRequest { origin: ORIGIN.into(), rewrap: rewrap(begun), wraps };
        async move { client.rewrap_envelopes(asked).await.map(|_| ()) }
    };
    let unknown = DossierWrap { dossier: vec![1; 32], ..wrapped(&due[0]) };
    let refused = hand_in(officer.clone(), vec![wrapped(&due[0]), unknown]).await.map_err(code);
    assert_eq!(refused, Err(Code::NotFound));
    assert_eq!(envelopes(officer.clone(), begun).await.expect("envelopes").len(), 5, "all or none");
    hand_in(officer.clone(), due[..2].iter().map(wrapped).collect()).await.expect("two are rewrapped");
    assert_eq!(envelopes(officer.clone(), begun).await.expect("envelopes"), due[2..]);
    hand_in(officer.clone(), due.iter().map(wrapped).collect()).await.expect("and the rest, with those again");
    let names: Vec<Vec<u8>> = envelopes_in(&given).iter().map(|(name, _)| name.clone()).collect();
    let again = evidence(officer.clone(), covering, receipt.index).await.expect("evidence");
    let (same, recipients): (Vec<_>, Vec<_>) = envelopes_in(&again).into_iter().unzip();
    assert_eq!((same, recipients), (names, vec![3; 4]), "the same names, and three keys that open each");
    drop((officer, inspector));
    building.end().await;
}

/// Names of the dossiers whose envelopes evidence brings, and how many recipients each has.
fn envelopes_in(evidence: &[EvidenceRecord]) -> Vec<(Vec<u8>, usize)> {
    let envelope = |record: &EvidenceRecord| match &record.record {
        Some(evidence_record::Record::Envelope(sent)) => {
            let read: DossierEnvelope = zegel_proto::parse(&sent.envelope).expect("an envelope");
            let first = || sha256(&[&sent.envelope]).to_vec();
            let name = if sent.dossier.is_empty() { first() } else { sent.dossier.clone() };
            Some((name, read.recipients.len()))
        }
        _ => None,
    };
    evidence.iter().filter_map(envelope).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_the_rate_of_an_actor_are_refused_and_another_actor_does_not_notice() {
    let (building, _) = Building::founded_with("[limits]\ncalls_per_second = 40\n").await;
    let mut auditor = building.client("auditor").await;
    let mut inspector = building.client("inspector").await;
    let checkpoint = || LogRequest { origin: ORIGIN.into() };
    // One asks as fast as it can, over more than one connection; the rate is the actor's, not the connection's.
    let mut second = building.client("auditor").await;
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..200 {
        for client in [&mut auditor, &mut second] {
            match client.get_checkpoint(checkpoint()).await {
                Ok(_) => answered += 1,
                Err(status) => {
                    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                    assert_eq!(status.message(), "more than 40 calls a second: try again later");
                    refused += 1;
                }
            }
        }
        if refused > 100 {
            break;
        }
    }
    assert!(answered >= 40 && refused > 0, "{answered} answered, {refused} refused");
    // Meanwhile the other has all of its own, a stream counting as one call.
    for _ in 0..20 {
        inspector.get_checkpoint(checkpoint()).await.expect("the other's call");
    }
    let entries = ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count: 0 };
    first_of(inspector.read_entries(entries).await).await.expect("the other's stream");
    drop((auditor, second, inspector));
    building.end().await;
}
