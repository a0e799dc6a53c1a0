//! Makes logs, batches and ledgers for tests: sealed bodies are random bytes, since the ledger is blind.
#![allow(dead_code, unreachable_pub)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic::{Code, Status};
use zegel_ledger::{Config, Faults, NoFaults, ServeError, Server};
use zegel_proto::print;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::*;
use zegel_verifier::batch::{event_leaf, events_root, sealed_root};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::erasure::{self, Erasure, Resealed};
use zegel_verifier::hash::{Hash, log_leaf, sha256};
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::signature::{CONTEXT_BATCH, CONTEXT_ERASURE, CONTEXT_KEY, signed_bytes};

pub const ORIGIN: &str = "chat.example.nl/minbzk";
pub const MONTH: u32 = 202205;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// Bytes that no other call gives.
pub fn fresh() -> [u8; 32] {
    sha256(&[b"fresh", &COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes()]).0
}

pub fn key(label: &str) -> SigningKey {
    SigningKey::from_bytes(&sha256(&[b"key ", label.as_bytes()]).0)
}

pub fn id(label: &str) -> [u8; 32] {
    sha256(&[b"id ", label.as_bytes()]).0
}

/// Somebody who submits batches.
#[derive(Clone)]
pub struct Author {
    pub actor: [u8; 32],
    pub key: SigningKey,
    pub batch_seq: u64,
    pub previous: Vec<u8>,
}

/// One event and what lies sealed beside it.
#[derive(Clone)]
pub struct Event {
    pub header: EventHeader,
    pub body: SealedBody,
    pub envelope: Option<Vec<u8>>,
}

pub fn public(kind: EventKind, content: Vec<u8>) -> Event {
    let header = EventHeader { kind: kind as i32, content: Some(Content::Public(content)), ..EventHeader::default() };
    Event { header, body: SealedBody::default(), envelope: None }
}

pub fn archive_key(number: u8) -> Vec<u8> {
    vec![number; 1_216]
}

pub fn envelope(source: [u8; 32], conversation: &[u8], month: u32, keys: &[u8]) -> DossierEnvelope {
    let mut recipients: Vec<_> = keys
        .iter()
        .map(|number| DossierRecipient {
            archive_key: sha256(&[&archive_key(*number)]).to_vec(),
            sealed: vec![7; 1_168],
        })
        .collect();
    recipients.sort_by(|one, other| one.archive_key.cmp(&other.archive_key));
    DossierEnvelope {
        origin: ORIGIN.into(),
        source: source.to_vec(),
        conversation: conversation.to_vec(),
        month,
        nonce: fresh()[..16].to_vec(),
        recipients,
    }
}

/// Puts a header's event under an envelope.
pub fn sealed_under(header: EventHeader, envelope: Vec<u8>) -> Event {
    let wrap = KeyWrap { dossier: sha256(&[&envelope]).to_vec(), wrapped: [fresh(), fresh()].concat()[..48].to_vec() };
    let body = SealedBody {
        ciphertext: fresh().repeat(8),
        wrap: print(&wrap).expect("a wrap"),
        message_row: fresh()[..16].repeat(3),
    };
    Event { header, body, envelope: Some(envelope) }
}

pub fn sealed(source: [u8; 32], header: EventHeader) -> Event {
    let envelope = envelope(source, &header.conversation, header.month, &[1, 2]);
    sealed_under(header, print(&envelope).expect("an envelope"))
}

pub fn header(kind: EventKind) -> EventHeader {
    EventHeader { kind: kind as i32, content: Some(Content::BodyRoot(fresh().to_vec())), ..EventHeader::default() }
}

pub fn chat_header(custodian: [u8; 32], conversation: [u8; 32], conversation_seq: u64, month: u32) -> EventHeader {
    EventHeader {
        conversation: conversation.to_vec(),
        custodian: custodian.to_vec(),
        conversation_seq,
        month,
        ..header(EventKind::MessageCreated)
    }
}

impl Author {
    pub fn new(label: &str) -> Self {
        Self { actor: id(label), key: key(label), batch_seq: 0, previous: Vec::new() }
    }

    pub fn statement(&self, headers: &[Vec<u8>], bodies: &[SealedBody]) -> BatchStatement {
        BatchStatement {
            origin: ORIGIN.into(),
            source: self.actor.to_vec(),
            key: self.key.verifying_key().to_bytes().to_vec(),
            batch_seq: self.batch_seq,
            count: headers.len() as u32,
            events_root: events_root(headers.iter().map(Vec::as_slice)).to_vec(),
            sealed_root: sealed_root(bodies).to_vec(),
            previous: self.previous.clone(),
            created_at_ms: 1_700_000_000_000,
        }
    }

    pub fn sign(&self, statement: &BatchStatement) -> SignedBatch {
        let statement = print(statement).expect("a statement");
        let signature = self.key.sign(&signed_bytes(CONTEXT_BATCH, &statement)).to_bytes().to_vec();
        SignedBatch { statement, signature }
    }

    /// A batch that would be next; the author stays where it was.
    pub fn try_batch(&self, events: &[Event]) -> AppendRequest {
        let headers: Vec<_> = events.iter().map(|event| print(&event.header).expect("a header")).collect();
        let bodies: Vec<_> = events.iter().map(|event| event.body.clone()).collect();
        let mut envelopes: Vec<_> = events.iter().filter_map(|event| event.envelope.clone()).collect();
        envelopes.sort();
        envelopes.dedup();
        let batch = Some(self.sign(&self.statement(&headers, &bodies)));
        AppendRequest { origin: ORIGIN.into(), batch, headers, bodies, envelopes }
    }

    /// The next batch.
    pub fn batch(&mut self, events: &[Event]) -> AppendRequest {
        let request = self.try_batch(events);
        self.batch_seq += 1;
        self.previous = sha256(&[&request.batch.as_ref().expect("a batch").statement]).to_vec();
        request
    }

    /// `count` messages of one conversation and month, under one envelope.
    pub fn messages(&self, of: &Capture, from: u64, count: u64, month: u32) -> Vec<Event> {
        let envelope = envelope(self.actor, &of.conversation, month, &[1, 2]);
        let envelope = print(&envelope).expect("an envelope");
        let header = |seq| chat_header(of.custodian, of.conversation, seq, month);
        (from..from + count).map(|seq| sealed_under(header(seq), envelope.clone())).collect()
    }
}

/// A custodian's side of a conversation.
#[derive(Clone, Copy)]
pub struct Capture {
    pub custodian: [u8; 32],
    pub conversation: [u8; 32],
}

/// An author's key, and the proof that it has it.
pub fn possession(author: &Author) -> (Vec<u8>, Vec<u8>) {
    let key = author.key.verifying_key().to_bytes().to_vec();
    let claim = KeyPossession { origin: ORIGIN.into(), actor: author.actor.to_vec(), key: key.clone() };
    let claim = signed_bytes(CONTEXT_KEY, &print(&claim).expect("a claim"));
    let proof = author.key.sign(&claim).to_bytes().to_vec();
    (key, proof)
}

pub fn key_added(author: &Author) -> Event {
    let (key, proof) = possession(author);
    public(EventKind::KeyAdded, print(&KeyAdded { actor: author.actor.to_vec(), key, proof }).expect("prints"))
}

/// Another key for the log, which is at hand.
pub fn log_key_changed(label: &str) -> Event {
    let log = Author { actor: [0; 32], key: key(label), batch_seq: 0, previous: Vec::new() };
    let (log_key, proof) = possession(&log);
    public(EventKind::LogKeyChanged, print(&LogKeyChanged { log_key, proof }).expect("prints"))
}

pub fn actor_registered(author: &Author, role: Role) -> Event {
    let actor = ActorRegistered { actor: author.actor.to_vec(), role: role as i32, name: "dienst".into() };
    public(EventKind::ActorRegistered, print(&actor).expect("prints"))
}

pub fn log_created() -> LogCreated {
    LogCreated {
        origin: ORIGIN.into(),
        root_actor: id("root").to_vec(),
        root_key: key("root").verifying_key().to_bytes().to_vec(),
        log_key: key("log").verifying_key().to_bytes().to_vec(),
        recovery_actor: id("recovery").to_vec(),
        recovery_key: key("recovery").verifying_key().to_bytes().to_vec(),
        ministry: "BZK".into(),
    }
}

/// Genesis with two archive keys, an officer and these sources.
pub fn genesis_events(sources: &[&Author]) -> Vec<Event> {
    let mut events = vec![public(EventKind::LogCreated, print(&log_created()).expect("prints"))];
    for number in [1, 2] {
        let added = ArchiveKeyAdded {
            algorithm: ArchiveAlgorithm::ArchiveHpkeXwing as i32,
            public_key: archive_key(number),
            name: format!("archief {number}"),
        };
        events.push(public(EventKind::ArchiveKeyAdded, print(&added).expect("prints")));
    }
    let officer = Author::new("officer");
    events.extend([actor_registered(&officer, Role::Officer), key_added(&officer)]);
    for source in sources {
        events.extend([actor_registered(source, Role::Source), key_added(source)]);
    }
    events
}

pub fn custodian_registered(author: &Author, custodian: [u8; 32]) -> Event {
    sealed(author.actor, EventHeader { custodian: custodian.to_vec(), ..header(EventKind::CustodianRegistered) })
}

pub fn conversation_registered(author: &Author, conversation: [u8; 32]) -> Event {
    sealed(
        author.actor,
        EventHeader { conversation: conversation.to_vec(), ..header(EventKind::ConversationRegistered) },
    )
}

/// A folder with a configuration.
pub struct Site {
    pub folder: tempfile::TempDir,
}

impl Site {
    pub fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        place.write_key("log.pem", &key("log"));
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    pub fn write_key(&self, name: &str, key: &SigningKey) {
        let der = [&b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..], &key.to_bytes()].concat();
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
        let path = self.path().join(name);
        std::fs::write(&path, pem).expect("a key file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    }

    pub fn config_text(&self) -> String {
        let root = VerifierKey::new(ORIGIN, TYPE_ED25519, key("root").verifying_key().to_bytes()).expect("a key");
        format!(
            "listen = \"127.0.0.1:0\"\n[[log]]\norigin = \"{ORIGIN}\"\nroot_key = \"{}\"\nstore = \"store\"\n\
             guard = \"guard\"\nlog_key = \"log.pem\"\n",
            root.print()
        )
    }

    pub fn config(&self) -> Config {
        Config::parse(&self.config_text(), self.path()).expect("a configuration")
    }

    pub async fn bind(&self, faults: Arc<dyn Faults>) -> Result<Server, ServeError> {
        Server::bind_with(self.config(), faults).await
    }

    pub async fn start(&self) -> Running {
        self.start_with(Arc::new(NoFaults)).await
    }

    pub async fn start_with(&self, faults: Arc<dyn Faults>) -> Running {
        Running::of(self.bind(faults).await.expect("a ledger")).await
    }
}

/// Among the attachments of a store: whoever copies it stands there until the other end is opened.
pub struct Pipe(PathBuf);

impl Pipe {
    pub fn among_attachments_of(site: &Site) -> Self {
        let path = site.store().join("blobs/ff").join("ff".repeat(32));
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("it runs").success());
        Self(path)
    }

    /// Asks for a backup into `backup`, and waits until it stands here.
    pub async fn stop_a_backup(&self, site: &Site) {
        let backup = site.path().join("backup");
        std::fs::create_dir_all(&backup).expect("a folder");
        std::fs::write(backup.join("asked"), b"").expect("asked");
        while !backup.join("blobs/ff").exists() {
            assert!(!backup.join("refused").exists(), "it does not come so far");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Lets it go on, and waits until it has ended: it takes no pipe for an attachment.
    pub async fn open(self, site: &Site) {
        drop(self);
        while site.path().join("backup/asked").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Pipe {
    /// Both ends at once, which waits for nobody.
    fn drop(&mut self) {
        let _ = std::fs::File::options().read(true).write(true).open(&self.0);
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A ledger that serves.
pub struct Running {
    pub client: LedgerClient<Channel>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<Result<(), ServeError>>>,
    ended: std::sync::mpsc::Receiver<()>,
}

/// Nothing of a ledger may be at work when the process of a test ends: RocksDB's own threads do not live that long.
impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(_), Some(stop)) = (self.task.take(), self.stop.take()) {
            let _ = stop.send(());
            let _ = self.ended.recv_timeout(std::time::Duration::from_secs(5));
        }
    }
}

impl Running {
    pub async fn of(server: Server) -> Self {
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let (end, ended) = std::sync::mpsc::channel();
        let task = tokio::spawn(async move {
            let outcome = server.run(async { drop(stopped.await) }).await;
            let _ = end.send(());
            outcome
        });
        let client = LedgerClient::connect(format!("http://{address}")).await.expect("a connection");
        Self { client, stop: Some(stop), task: Some(task), ended }
    }

    pub async fn stop(mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(task) = self.task.take() {
            task.await.expect("no panic").expect("a good end");
        }
    }

    pub async fn append(&mut self, request: AppendRequest) -> Result<Receipt, Status> {
        let response = self.client.append(request).await?;
        Ok(response.into_inner().receipt.expect("a receipt"))
    }

    pub async fn refused(&mut self, request: AppendRequest, code: Code, fragment: &str) {
        let status = self.append(request).await.expect_err(fragment);
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(fragment), "{:?} does not say {fragment:?}", status.message());
    }

    pub async fn checkpoint(&mut self) -> VerifiedCheckpoint {
        let response = self.client.get_checkpoint(LogRequest { origin: ORIGIN.into() }).await.expect("a checkpoint");
        verified(&response.into_inner().checkpoint)
    }

    pub async fn snapshot(&mut self) -> Receipt {
        let response = self.client.snapshot(LogRequest { origin: ORIGIN.into() }).await.expect("a snapshot");
        response.into_inner().receipt.expect("a receipt")
    }
}

pub fn verified(note: &[u8]) -> VerifiedCheckpoint {
    let claimed = ClaimedCheckpoint::parse(note).expect("a checkpoint");
    VerifiedCheckpoint::verify(claimed, ORIGIN, &key("log").verifying_key().to_bytes()).expect("signed by the log")
}

pub fn hashes(list: &[Vec<u8>]) -> Vec<Hash> {
    list.iter().map(|hash| Hash::read(hash).expect("32 bytes")).collect()
}

/// Checks a receipt with the verifier's own functions.
pub fn check_receipt(receipt: &Receipt) -> VerifiedCheckpoint {
    let checkpoint = verified(&receipt.checkpoint);
    let leaf = log_leaf(&receipt.entry);
    assert_eq!(checkpoint.check_inclusion(leaf, receipt.index, &hashes(&receipt.inclusion)), Ok(()));
    checkpoint
}

/// Everything of a log that was built: a root, an officer, a source, one capture that is registered.
pub struct World {
    pub place: Site,
    pub ledger: Running,
    pub root: Author,
    pub officer: Author,
    pub source: Author,
    pub capture: Capture,
}

impl World {
    pub async fn new() -> Self {
        let place = Site::new();
        let ledger = place.start().await;
        Self::on(place, ledger).await
    }

    pub async fn on(place: Site, mut ledger: Running) -> Self {
        let (mut root, mut officer, source) = (Author::new("root"), Author::new("officer"), Author::new("source"));
        ledger.append(root.batch(&genesis_events(&[&source]))).await.expect("genesis");
        let capture = Capture { custodian: id("custodian"), conversation: id("conversation") };
        let registered = [
            custodian_registered(&officer, capture.custodian),
            conversation_registered(&officer, capture.conversation),
        ];
        ledger.append(officer.batch(&registered)).await.expect("registrations");
        Self { place, ledger, root, officer, source, capture }
    }

    /// Logs `count` messages from number `from`.
    pub async fn chat(&mut self, from: u64, count: u64, month: u32) -> Receipt {
        let events = self.source.messages(&self.capture, from, count, month);
        let request = self.source.batch(&events);
        self.ledger.append(request).await.expect("messages")
    }
}

/// An order to erase these events, or to purge them for a receipt, with the signatures of these.
pub fn order(places: &[(u64, u32)], receipt: Option<&str>, signers: &[&Author]) -> String {
    let proposal = Some(receipt.map_or(Hash([7; 32]), |receipt| sha256(&[receipt.as_bytes()])));
    let (origin, receipt, places) = (ORIGIN.into(), receipt.map(str::to_owned), places.to_vec());
    signed_order(Erasure { origin, proposal, receipt, places, ..Erasure::default() }, signers)
}

/// An order that puts these sealed forms in the place of others.
pub fn order_over(resealed: BTreeMap<(u64, u32), Resealed>, signers: &[&Author]) -> String {
    let (origin, proposal, places) = (ORIGIN.into(), Some(Hash(fresh())), resealed.keys().copied().collect());
    signed_order(Erasure { origin, proposal, places, resealed, ..Erasure::default() }, signers)
}

/// An order, signed.
pub fn signed_order(mut order: Erasure, signers: &[&Author]) -> String {
    let statement = order.statement();
    let signer = |author: &&Author| {
        let signature = author.key.sign(&signed_bytes(CONTEXT_ERASURE, statement.as_bytes())).to_bytes().to_vec();
        erasure::Signer { actor: Hash(author.actor), key: Hash(author.key.verifying_key().to_bytes()), signature }
    };
    order.signers = signers.iter().map(signer).collect();
    order.print()
}

/// Leaf of a header as an event.
pub fn leaf_of(header: &[u8]) -> Hash {
    event_leaf(header)
}

/// Whether any file below a folder holds these bytes.
pub fn is_somewhere(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|item| {
        let path = item.expect("an item").path();
        if path.is_dir() {
            return is_somewhere(&path, bytes);
        }
        // A file of a store that is open may go at any moment.
        std::fs::read(&path).unwrap_or_default().windows(bytes.len()).any(|found| found == bytes)
    })
}
