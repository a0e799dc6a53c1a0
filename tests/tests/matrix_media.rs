//! Media of a room over https: fetched from a homeserver whose certificate is believed, and from no other; and what is encrypted stays
//! so, is kept, and is said. And who was in a room before anything of it was pushed.
//!
//! The homeserver is our own, and what it pushes is as specified. Not here: a real one (`appservice`).

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use zegel_tests::gateway::{Sidecar, custodian, holds, texts, timeline};
use zegel_tests::witness::eventually;
use zegel_tests::{ORIGIN, Stage, command};

const PATH: &str = "/_matrix/client/v1/media/download/matrix.example.nl/";

const JOINED: &str = "/_matrix/client/v3/joined_rooms?user_id=%40anna%3Amatrix%2Eexample%2Enl";

/// A homeserver that has media, over TLS; under `joined` the rooms that Anna is in.
struct Homeserver {
    url: String,
    /// What it was asked for, and by what token.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Homeserver {
    /// Under the certificate of a stage's ledger, which is for this machine.
    async fn start(stage: &Stage, media: BTreeMap<&'static str, Vec<u8>>) -> Self {
        let pem = |name: &str| fs::read(stage.keys().join(name)).expect("a file");
        let certificate = CertificateDer::from_pem_slice(&pem("tls-server.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(&pem("tls-server.key")).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).expect("its key")));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
        let asked: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let (noted, media) = (Arc::clone(&asked), Arc::new(media));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Who does not believe the certificate goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {}
                let head = String::from_utf8(head).expect("text");
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                let token =
                    head.to_lowercase().lines().find_map(|line| Some(line.strip_prefix("authorization: ")?.to_owned()));
                let joined = Some("joined").filter(|_| path == JOINED);
                let found = path.strip_prefix(PATH).or(joined).and_then(|id| media.get(id));
                noted.lock().expect("whole").push((path, token.unwrap_or_default()));
                let (status, body) = found.map_or(("404 Not Found", &b""[..]), |bytes| ("200 OK", bytes.as_slice()));
                let answer =
                    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(&[answer.as_bytes(), body].concat()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, asked }
    }
}

/// The application service, until the test ends.
struct Appservice {
    process: Child,
    folder: PathBuf,
    address: String,
}

impl Appservice {
    fn start(sidecar: &Sidecar, anna: &str, homeserver: &str, authority: &Path, name: &str) -> Self {
        let folder = sidecar.path(name);
        fs::create_dir(&folder).expect("a folder");
        let token = |name: &str, token: &str| {
            let path = folder.join(name);
            zegel_tools::disk::write_new(&path, token.as_bytes(), zegel_tools::disk::Readers::Owner).expect("written");
            path
        };
        let ready = folder.join("ready");
        let mut matrix = command("zegel-source");
        matrix.args(["matrix", "--listen", "127.0.0.1:0", "--log", ORIGIN, "--token"]).arg(token("hs", "twee\n"));
        matrix.args(["--homeserver", homeserver, "--as-token"]).arg(token("as", "een\n"));
        matrix.arg("--homeserver-ca").arg(authority);
        matrix.args(["--socket", &format!("unix:{}", sidecar.path("source.sock").display())]);
        matrix.args(["--person", &format!("@anna:matrix.example.nl={anna}")]);
        matrix.arg("--rooms").arg(folder.join("rooms.json")).arg("--ready-file").arg(&ready);
        matrix.stdout(Stdio::null()).stderr(fs::File::create(folder.join("said")).expect("a log"));
        let process = matrix.spawn().expect("it starts");
        let address = eventually("the application service listens", || fs::read_to_string(&ready).ok());
        Self { process, folder, address: address.trim().to_owned() }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.join("said")).expect("a log")
    }

    /// Pushes a transaction, and gives the status of the answer.
    fn push(&self, number: u32, events: &[Value]) -> u16 {
        let body = json!({ "events": events }).to_string();
        let head = format!("PUT /_matrix/app/v1/transactions/{number} HTTP/1.0\r\nAuthorization: Bearer twee\r\n");
        let mut stream = TcpStream::connect(&self.address).expect("connected");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
    }
}

impl Drop for Appservice {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn event(number: u64, kind: &str, content: &Value) -> Value {
    let (room, server_ts) = ("!r:matrix.example.nl", 1_778_749_200_000 + number);
    json!({ "type": kind, "sender": "@anna:matrix.example.nl", "room_id": room, "event_id": format!("$gebeurtenis-{number}"),
        "origin_server_ts": server_ts, "content": content })
}

fn joins(number: u64) -> Value {
    let mut joins = event(number, "m.room.member", &json!({ "membership": "join" }));
    joins["state_key"] = "@anna:matrix.example.nl".into();
    joins
}

fn image(number: u64, name: &str, id: &str) -> Value {
    let content = json!({ "msgtype": "m.image", "body": name, "url": format!("mxc://matrix.example.nl/{id}"),
        "info": { "mimetype": "image/png" } });
    event(number, "m.room.message", &content)
}

/// The answer that Anna is in these rooms.
fn joined(rooms: &[&str]) -> Vec<u8> {
    json!({ "joined_rooms": rooms }).to_string().into_bytes()
}

/// A message of somebody who is none of ours.
fn said(number: u64, room: &str, words: &str) -> Value {
    let mut said = event(number, "m.room.message", &json!({ "msgtype": "m.text", "body": words }));
    (said["sender"], said["room_id"]) = ("@bram:matrix.example.nl".into(), room.into());
    said
}

fn attachments(bundle: &Path) -> BTreeSet<Vec<u8>> {
    let found = fs::read_dir(bundle.join("data/attachments")).expect("attachments");
    found.map(|item| fs::read(item.expect("an item").path()).expect("read")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn media_come_over_https_and_what_is_encrypted_is_kept_as_it_is_and_said() {
    let stage = Stage::new();
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    sidecar.start();
    let (photo, sealed): (Vec<u8>, Vec<u8>) = (vec![7; 700_000], (0..=255).collect());
    let media = [("foto", photo.clone()), ("verzegeld", sealed.clone()), ("joined", joined(&[]))].into();
    let server = Homeserver::start(&stage, media).await;
    let service = Appservice::start(&sidecar, &anna, &server.url, &stage.keys().join("tls-ca.pem"), "matrix");
    let file =
        json!({ "url": "mxc://matrix.example.nl/verzegeld", "v": "v2", "iv": "aXY", "key": { "k": "c2xldXRlbA" } });
    let encrypted_image =
        event(3, "m.room.message", &json!({ "msgtype": "m.image", "body": "geheim.png", "file": file }));
    let ciphertext =
        json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEnACgAkLmt6q", "session_id": "X3lU" });
    let unreadable = event(4, "m.room.encrypted", &ciphertext);
    let first =
        [joins(1), image(2, "foto.png", "foto"), encrypted_image, unreadable.clone(), image(5, "weg.png", "weg")];
    assert_eq!(service.push(1, &first), 200, "{}", service.said());
    // The same once more, and one that is new: nothing is there twice.
    let again = event(6, "m.room.encrypted", &ciphertext);
    assert_eq!(service.push(2, &[unreadable, again]), 200, "{}", service.said());
    sidecar.stands("nothing waits", |standing| standing.waiting == 0 && standing.quarantined == 0).await;
    let asked = server.asked.lock().expect("whole").clone();
    let wanted = ["foto", "verzegeld", "weg"].map(|id| format!("{PATH}{id}")).into_iter().chain([JOINED.to_owned()]);
    let wanted: BTreeSet<_> = wanted.map(|path| (path, "bearer een".to_owned())).collect();
    assert_eq!(asked.into_iter().collect::<BTreeSet<_>>(), wanted);
    assert!(service.said().contains("media mxc://matrix.example.nl/weg are missing"), "{}", service.said());

    let (bundle, lines) = timeline(&stage, "Anna de Vries", "anna");
    assert_eq!(texts(&lines), ["foto.png", "geheim.png", "weg.png"].map(|text| (text.to_owned(), 1)).into());
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    let waiting = of("MESSAGE_WAITING");
    assert_eq!(waiting.len(), 2, "{lines:#?}");
    assert!(waiting.iter().all(|line| line["text"].is_null()), "nobody knows what they say: {waiting:#?}");
    assert_eq!(of("GAP_DECLARED").len(), 1, "it is said once: {lines:#?}");
    assert!(holds(&bundle, "encrypted_left_out"));
    // The photo in the clear, the other as ciphertext, and with each event that is encrypted the event: who has the keys can open it.
    let found = attachments(&bundle);
    assert!(found.contains(&photo) && found.contains(&sealed));
    let events: Vec<Value> = found.iter().filter_map(|bytes| serde_json::from_slice(bytes).ok()).collect();
    let kept: BTreeSet<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).collect();
    assert_eq!(kept, ["$gebeurtenis-3", "$gebeurtenis-4", "$gebeurtenis-6"].into());
    assert!(events.iter().any(|event| event["content"] == ciphertext));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_homeserver_whose_certificate_is_not_believed_gets_no_token_and_its_media_are_missing() {
    let (stage, other) = (Stage::new(), Stage::of("chat.example.nl/elders"));
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    sidecar.start();
    let server = Homeserver::start(&stage, [("foto", vec![7; 100])].into()).await;
    let service = Appservice::start(&sidecar, &anna, &server.url, &other.keys().join("tls-ca.pem"), "matrix");
    let events = [joins(1), image(2, "foto.png", "foto")];
    // It may pass, so the homeserver is told to come again; five times for who is where, five for the media, and the room waits
    // no longer.
    let answers: Vec<u16> = (0..9).map(|number| service.push(number, &events)).collect();
    assert_eq!(answers, [503, 503, 503, 503, 503, 503, 503, 503, 200], "{}", service.said());
    assert!(service.said().contains("certificate"), "{}", service.said());
    assert!(server.asked.lock().expect("whole").is_empty(), "it was shown the token");
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    let (bundle, lines) = timeline(&stage, "Anna de Vries", "anna");
    assert_eq!(texts(&lines), [("foto.png".to_owned(), 1)].into());
    assert!(!bundle.join("data/attachments").exists() || attachments(&bundle).is_empty());
    // Of rooms that are older than that nobody knows whether she was in them.
    assert!(service.said().contains("in which rooms @anna:matrix.example.nl was before is not known"));
    assert_eq!(lines.iter().filter(|line| line["kind"] == "GAP_DECLARED").count(), 1, "{lines:#?}");
    assert!(holds(&bundle, "rooms_not_known"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_reads_has_what_others_say_in_a_room_from_before_and_nothing_from_before_he_came() {
    let stage = Stage::new();
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    sidecar.start();
    let (old, new) = ("!oud:matrix.example.nl", "!r:matrix.example.nl");
    let server = Homeserver::start(&stage, [("joined", joined(&[old, new]))].into()).await;
    let service = Appservice::start(&sidecar, &anna, &server.url, &stage.keys().join("tls-ca.pem"), "matrix");
    let mut invited = joins(3);
    invited["content"]["membership"] = "invite".into();
    invited["sender"] = "@bram:matrix.example.nl".into();
    let first = [said(1, old, "oud"), said(2, new, "voordien"), invited, said(4, new, "genodigd"), joins(5)];
    assert_eq!(service.push(1, &first), 200, "{}", service.said());
    // The answer was lost: the same comes again, and now she is in that room.
    let again = first.map(|mut event| {
        event["unsigned"] = json!({ "age": 7 });
        event
    });
    assert_eq!(service.push(1, &again), 200, "{}", service.said());
    assert_eq!(service.push(2, &[said(6, new, "nadien"), said(7, "!elders:matrix.example.nl", "elders")]), 200);
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    let (_, lines) = timeline(&stage, "Anna de Vries", "anna");
    assert_eq!(texts(&lines), ["oud", "nadien"].map(|text| (text.to_owned(), 1)).into());
    let count = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!((count("MEMBERSHIP_CHANGED"), count("GAP_DECLARED")), (2, 0), "{lines:#?}");
    assert_eq!(server.asked.lock().expect("whole").len(), 1, "it is asked once");
}
