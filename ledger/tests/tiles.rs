//! The read API for standard tools: what is there, what is not, and for whom.

mod maker;

use maker::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
use zegel_ledger::{Config, ConfigError, Server};
use zegel_proto::v1::ReadEntriesRequest;
use zegel_verifier::hash::{Hash, log_leaf};
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::tree::root_of;

const OTHER: &str = "chat.example.nl/minvws";

struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let split = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..split]).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: HashMap<_, _> = lines.filter_map(pair).collect();
        let rest = &bytes[split + 4..];
        let is_chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
        Some(Self { status, body: if is_chunked { unchunk(rest)? } else { rest.to_vec() }, headers })
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The body of an answer in chunks; nothing if it broke off.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while !rest.is_empty() {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend(rest.get(line + 2..line + 2 + length)?);
        rest = rest.get(line + 4 + length..)?;
    }
    // The answer to HEAD has no chunks.
    Some(body)
}

async fn ask_over(mut stream: impl AsyncRead + AsyncWrite + Unpin, method: &str, path: &str) -> Option<Answer> {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut bytes = Vec::new();
    // A connection that is cut instead of ended gives what it gave.
    let _ = stream.read_to_end(&mut bytes).await;
    Answer::parse(&bytes)
}

async fn ask(address: SocketAddr, method: &str, path: &str) -> Answer {
    let stream = TcpStream::connect(address).await.expect("a connection");
    ask_over(stream, method, path).await.expect("an answer")
}

fn open_tiles(site: &Site) -> Config {
    let text = site.config_text() + "[log.tiles]\nlisten = \"127.0.0.1:0\"\nopen = true\n";
    Config::parse(&text, site.path()).expect("a configuration")
}

/// Address of the first log that has one.
fn address_of(server: &Server) -> SocketAddr {
    let (_, url) = server.tiles().remove(0);
    url.split('/').nth(2).and_then(|authority| authority.parse().ok()).expect("an address")
}

async fn world() -> (World, SocketAddr) {
    let site = Site::new();
    let server = Server::bind(open_tiles(&site)).await.expect("a ledger");
    let address = address_of(&server);
    (World::on(site, Running::of(server).await).await, address)
}

fn split_entries(mut bundle: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        entries.push(entry.to_vec());
        bundle = rest;
    }
    entries
}

fn split_hashes(tile: &[u8]) -> Vec<Hash> {
    assert_eq!(tile.len() % 32, 0);
    tile.chunks(32).map(|hash| Hash::read(hash).expect("32 bytes")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_rebuilds_the_log_from_its_tiles_and_bundles_at_every_size() {
    let (mut world, address) = world().await;
    for number in 0..260 {
        world.chat(number, 1, MONTH).await;
    }
    let size = 262;
    let note = ask(address, "GET", "/minbzk/checkpoint").await;
    assert_eq!((note.status, note.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert_eq!(note.header("cache-control"), "public, max-age=1");
    let checkpoint = verified(&note.body);
    assert_eq!(checkpoint.size(), size);

    let full = ask(address, "GET", "/minbzk/tile/entries/000").await;
    let rest = ask(address, "GET", "/minbzk/tile/entries/001.p/6").await;
    let entries = split_entries(&[full.body, rest.body].concat());
    assert_eq!(full.headers["cache-control"], "public, max-age=31536000, immutable");
    let leaves: Vec<Hash> = entries.iter().map(|entry| log_leaf(entry)).collect();
    assert_eq!(root_of(leaves.iter().copied()), checkpoint.root());
    let request = ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count: 0 };
    let mut over_grpc = world.ledger.client.read_entries(request).await.expect("entries").into_inner();
    for entry in &entries {
        assert_eq!(&over_grpc.message().await.expect("an entry").expect("one more").entry, entry);
    }

    let full = ask(address, "GET", "/minbzk/tile/0/000").await;
    assert_eq!((full.header("content-type"), full.header("content-length")), ("application/octet-stream", "8192"));
    assert_eq!(split_hashes(&full.body), leaves[..256]);
    let above = ask(address, "GET", "/minbzk/tile/1/000.p/1").await;
    assert_eq!(split_hashes(&above.body), [root_of(leaves[..256].iter().copied())]);
    for width in [1, 2, 128, 255] {
        let partial = ask(address, "GET", &format!("/minbzk/tile/0/000.p/{width}")).await;
        assert_eq!(split_hashes(&partial.body), leaves[..width], "a partial tile of a size that is long past");
    }
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_yet_or_has_no_such_name_is_not_found() {
    let (mut world, address) = world().await;
    let absent = [
        "/checkpoint",
        "/",
        "/minbzk",
        "/minbzk/",
        "/minbzk/tile/0/000",
        "/minbzk/tile/0/000.p/3",
        "/minbzk/tile/0/001.p/1",
        "/minbzk/tile/1/000.p/1",
        "/minbzk/tile/63/000.p/1",
        "/minbzk/tile/entries/000.p/3",
        "/minbzk/tile/0/000.p/02",
        "/minbzk/tile/0/x000/000.p/2",
        "/minbzk/tile/0/000.p/2?x=1",
        "/minbzk/tile/0/000.p%2f2",
        "/minvws/checkpoint",
    ];
    for path in absent {
        let answer = ask(address, "GET", path).await;
        assert_eq!((answer.status, answer.header("cache-control")), (404, "no-store"), "{path}");
    }
    assert_eq!(ask(address, "GET", "/minbzk/tile/entries/000.p/2").await.status, 200);
    world.chat(0, 1, MONTH).await;
    assert_eq!(ask(address, "GET", "/minbzk/tile/0/000.p/3").await.status, 200);
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_get_and_head_are_answered() {
    let (world, address) = world().await;
    for path in ["/minbzk/checkpoint", "/minbzk/tile/0/000.p/2", "/minbzk/tile/entries/000.p/2"] {
        let head = ask(address, "HEAD", path).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let refused = ask(address, method, path).await;
            assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"), "{method} {path}");
        }
    }
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_has_not_begun_has_no_checkpoint() {
    let site = Site::new();
    let server = Server::bind(open_tiles(&site)).await.expect("a ledger");
    let address = address_of(&server);
    let ledger = Running::of(server).await;
    assert_eq!(ask(address, "GET", "/minbzk/checkpoint").await.status, 404);
    ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_ends_while_a_reader_says_nothing() {
    let (world, address) = world().await;
    let _silent = TcpStream::connect(address).await.expect("a connection");
    let mut half = TcpStream::connect(address).await.expect("a connection");
    half.write_all(b"GET /minbzk/checkpoint HTTP/1.1\r\n").await.expect("written");
    world.ledger.stop().await;
    let mut rest = Vec::new();
    assert!(half.read_to_end(&mut rest).await.is_err() || !rest.starts_with(b"HTTP/1.1 200"));
}

/// An authority, and clients of it.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut own = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        own.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        own.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(own, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    /// Certificate and key, PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        (params.signed_by(&key, &self.0).expect("a certificate").pem(), key.serialize_pem())
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

/// Asks over TLS; nothing if the ledger hangs up.
async fn ask_as(address: SocketAddr, server: &Authority, who: Option<(String, String)>, path: &str) -> Option<u16> {
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(der(&server.0.pem())).expect("a root");
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let client = client.with_safe_default_protocol_versions().expect("versions").with_root_certificates(roots);
    let client = match who {
        None => client.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
            client.with_client_auth_cert(vec![der(&certificate)], key).expect("an identity")
        }
    };
    let stream = TcpStream::connect(address).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.ok()?;
    Some(ask_over(stream, "GET", path).await?.status)
}

fn key_of_root(origin: &str) -> String {
    let root = key("root").verifying_key().to_bytes();
    VerifierKey::new(origin, TYPE_ED25519, root).expect("a key").print()
}

/// Two ministries on one address: of the first, which has begun, the readers of one read; of the second those whom `second`
/// lets in. The authorities: of the server, of the readers of one, of the readers of two.
struct TwoMinistries {
    address: SocketAddr,
    authorities: [Authority; 3],
    place: Site,
    _other: Site,
    running: tokio::task::JoinHandle<()>,
    stop: tokio::sync::oneshot::Sender<()>,
}

impl TwoMinistries {
    async fn new(second: &str) -> Self {
        let World { place, ledger, .. } = World::new().await;
        ledger.stop().await;
        let other = Site::new();
        let names = ["server", "readers of one", "readers of two"];
        let authorities = names.map(Authority::new);
        let (certificate, key) = authorities[0].issue("localhost");
        let files = [("server.pem", certificate), ("server.key", key)];
        let roots = [("one.pem", authorities[1].0.pem()), ("two.pem", authorities[2].0.pem())];
        files.iter().chain(&roots).for_each(|(name, text)| write(&place.path().join(name), text));
        let server = Server::bind(Self::config(&place, &other, second)).await.expect("a ledger");
        let (address, origins) = (address_of(&server), server.tiles());
        let url = |origin: &str, name: &str| (origin.to_owned(), format!("https://{address}/{name}/"));
        assert_eq!(origins, [url(ORIGIN, "minbzk"), url(OTHER, "minvws")]);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let until = async move {
            let _ = stopped.await;
        };
        let running = tokio::spawn(async move { server.run(until).await.expect("a good end") });
        Self { address, authorities, place, _other: other, running, stop }
    }

    fn config(place: &Site, other: &Site, second: &str) -> Config {
        let tls = "[tls]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n[[log]]";
        let tiles = |access: &str| format!("[log.tiles]\nlisten = \"127.0.0.1:0\"\n{access}\n");
        let (root, store) = (key_of_root(OTHER), other.path().display());
        let log = format!(
            "[[log]]\norigin = \"{OTHER}\"\nroot_key = \"{root}\"\nstore = \"{store}/store\"\n\
             guard = \"{store}/guard\"\nlog_key = \"log.pem\"\n"
        );
        let own = place.config_text().replace("[[log]]", tls) + &tiles("client_ca = \"one.pem\"");
        Config::parse(&(own + &log + &tiles(second)), place.path()).expect("a configuration")
    }

    /// What somebody is told; nothing if the ledger hangs up.
    async fn told(&self, who: Option<(String, String)>, path: &str) -> Option<u16> {
        ask_as(self.address, &self.authorities[0], who, path).await
    }

    async fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.running.await.expect("a good end");
        drop(self.place);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_one_ministry_cannot_tell_that_another_is_served() {
    let two = TwoMinistries::new("client_ca = \"two.pem\"").await;
    assert_eq!(two.told(Some(two.authorities[1].issue("reader")), "/minbzk/checkpoint").await, Some(200));
    for path in ["/minbzk/checkpoint", "/minbzk/tile/0/000.p/1", "/nowhere/checkpoint"] {
        assert_eq!(two.told(Some(two.authorities[2].issue("reader")), path).await, Some(404), "{path}");
    }
    for stranger in [None, Some(Authority::new("readers of one").issue("reader"))] {
        assert_eq!(two.told(stranger, "/minbzk/checkpoint").await, None);
    }
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_open_opens_no_other_on_its_address() {
    let two = TwoMinistries::new("open = true").await;
    assert_eq!(two.told(None, "/minbzk/checkpoint").await, Some(404));
    assert_eq!(two.told(Some(two.authorities[1].issue("reader")), "/minbzk/checkpoint").await, Some(200));
    assert_eq!(two.told(Some(two.authorities[2].issue("reader")), "/minbzk/checkpoint").await, None);
    two.stop().await;
}

#[test]
fn refuses_tiles_that_are_neither_open_nor_closed_or_have_no_path_of_their_own() {
    let text = Site::new().config_text();
    let parse =
        |tiles: &str| Config::parse(&format!("{text}[log.tiles]\nlisten = \"[::1]:0\"\n{tiles}"), Path::new("/"));
    let refused = |tiles: &str| parse(tiles).err();
    let origin = || ORIGIN.to_owned();
    assert_eq!(refused("open = true"), None);
    assert_eq!(refused(""), Some(ConfigError::TilesAccess { origin: origin() }));
    assert_eq!(refused("open = true\nclient_ca = \"a.pem\""), Some(ConfigError::TilesAccess { origin: origin() }));
    assert_eq!(refused("client_ca = \"a.pem\""), Some(ConfigError::TilesWithoutTls { origin: origin() }));
    for good in ["", "/minbzk", "/a/b-c_d.e~f"] {
        assert_eq!(refused(&format!("open = true\nprefix = \"{good}\"")), None, "{good:?}");
    }
    for bad in ["/", "minbzk", "/minbzk/", "/a//b", "/..", "/a/./b", "/é", "/a b", "/a%20b", "/a?b"] {
        let wanted = ConfigError::TilesPrefix { origin: origin(), found: bad.into() };
        assert_eq!(refused(&format!("open = true\nprefix = \"{bad}\"")), Some(wanted));
    }
}
