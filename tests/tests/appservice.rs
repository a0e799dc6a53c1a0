//! A real homeserver (Synapse) pushes a room to the application service, which hands it to a sidecar: each event once, also when
//! the sidecar was away. Without Synapse nothing is proven, and that is said.

use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use zegel_tests::gateway::{Sidecar, custodian, holds, texts, timeline};
use zegel_tests::witness::eventually;
use zegel_tests::{ORIGIN, Stage, command};

fn synapse() -> Option<PathBuf> {
    let home = || std::env::home_dir().unwrap_or_default().join(".cache/zegel");
    let cache = std::env::var_os("ZEGEL_CACHE").map_or_else(home, PathBuf::from);
    Some(cache.join("synapse/bin/python")).filter(|python| python.exists())
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A homeserver with its client API.
struct Homeserver {
    _process: Process,
    port: u16,
}

impl Homeserver {
    fn start(python: &Path, folder: &Path, appservice: &str, port: u16) -> Self {
        let at = |name: &str| folder.join(name).display().to_string();
        let registration = format!(
            "id: zegel\nurl: http://{appservice}\nas_token: een\nhs_token: twee\nsender_localpart: zegel\n\
             rate_limited: false\nnamespaces:\n  users:\n    - exclusive: false\n      regex: '@.*'\n"
        );
        fs::write(folder.join("appservice.yaml"), registration).expect("written");
        let limits = "{per_second: 1000, burst_count: 1000}";
        let config = format!(
            "server_name: matrix.example.nl\npid_file: {}\nlisteners:\n  - port: {port}\n    bind_addresses: ['127.0.0.1']\n    \
             type: http\n    tls: false\n    resources:\n      - names: [client, media]\ndatabase:\n  name: sqlite3\n  args:\n    \
             database: {}\nmedia_store_path: {}\nsigning_key_path: {}\nreport_stats: false\nmacaroon_secret_key: drie\n\
             form_secret: vier\ntrusted_key_servers: []\nenable_registration: true\n\
             enable_registration_without_verification: true\nrc_message: {limits}\nrc_registration: {limits}\n\
             app_service_config_files: [{}]\n",
            at("pid"),
            at("db"),
            at("media"),
            at("signing.key"),
            at("appservice.yaml"),
        );
        fs::write(folder.join("homeserver.yaml"), config).expect("written");
        let synapse = || {
            let mut synapse = Command::new(python);
            synapse.args(["-m", "synapse.app.homeserver", "-c"]).arg(folder.join("homeserver.yaml"));
            synapse
                .stdout(Stdio::null())
                .stderr(fs::File::create(folder.join("told")).expect("a log"))
                .current_dir(folder);
            synapse
        };
        assert!(synapse().arg("--generate-keys").status().expect("it runs").success());
        let process = Process(synapse().spawn().expect("it starts"));
        let server = Self { _process: process, port };
        eventually("the homeserver answers", || {
            TcpStream::connect(("127.0.0.1", port)).ok()?;
            Some(server.ask("GET", "versions", "", &json!({})))
        });
        server
    }

    fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        let (path, body) = (path.replace('!', "%21"), body.to_string());
        let path = if path == "versions" { path } else { format!("v3/{path}") };
        let known = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let head = format!("{method} /_matrix/client/{path} HTTP/1.0\r\n{known}");
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        serde_json::from_str(body).unwrap_or_else(|reason| panic!("{reason}: {answer}"))
    }

    /// Uploads a file, and gives its address.
    fn upload(&self, token: &str, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("connected");
        let head =
            format!("POST /_matrix/media/v3/upload?filename=nota.pdf HTTP/1.0\r\nAuthorization: Bearer {token}\r\n");
        let head = format!("{head}Content-Type: application/pdf\r\nContent-Length: {}\r\n\r\n", bytes.len());
        stream.write_all(&[head.as_bytes(), bytes].concat()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        let made: Value = serde_json::from_str(body).unwrap_or_else(|reason| panic!("{reason}: {answer}"));
        made["content_uri"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    fn register(&self, name: &str) -> String {
        let auth = json!({ "username": name, "password": "geheim-123", "auth": { "type": "m.login.dummy" } });
        let made = self.ask("POST", "register", "", &auth);
        made["access_token"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    fn send(&self, room: &str, token: &str, kind: &str, number: u32, content: &Value) -> String {
        let sent = self.ask("PUT", &format!("rooms/{room}/send/{kind}/{number}"), token, content);
        sent["event_id"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned()
    }
}

/// A private file.
fn token(folder: &Path, name: &str, token: &str) -> PathBuf {
    let path = folder.join(name);
    zegel_tools::disk::write_new(&path, token.as_bytes(), zegel_tools::disk::Readers::Owner).expect("written");
    path
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_room_that_a_homeserver_pushes_is_in_the_log_once() {
    let Some(python) = synapse() else {
        eprintln!("\nSKIPPED, NOTHING PROVEN: Synapse is not in the cache, so no homeserver pushed anything\n");
        return;
    };
    let stage = Stage::new();
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    sidecar.start();
    let folder = tempfile::tempdir().expect("a folder");
    let ready = folder.path().join("ready");
    let (hs_token, as_token) = (token(folder.path(), "hs", "twee\n"), token(folder.path(), "as", "een\n"));
    // The port is free at this moment, as far as a test can know.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|found| found.local_addr()).expect("a port").port();
    let mut matrix = command("zegel-source");
    matrix.args(["matrix", "--listen", "127.0.0.1:0", "--log", ORIGIN, "--token"]).arg(&hs_token);
    matrix.args(["--homeserver", &format!("http://127.0.0.1:{port}"), "--as-token"]).arg(&as_token);
    matrix.args(["--socket", &format!("unix:{}", sidecar.path("source.sock").display())]);
    matrix.args(["--person", &format!("@anna:matrix.example.nl={anna}")]);
    matrix.arg("--rooms").arg(folder.path().join("rooms.json")).arg("--ready-file").arg(&ready);
    matrix.stdout(Stdio::null()).stderr(fs::File::create(folder.path().join("said")).expect("a log"));
    let _matrix = Process(matrix.spawn().expect("it starts"));
    let address = eventually("the application service listens", || fs::read_to_string(&ready).ok());
    let server = Homeserver::start(&python, folder.path(), address.trim(), port);
    let (anna_token, bram_token) = (server.register("anna"), server.register("bram"));
    let made = server.ask("POST", "createRoom", &anna_token, &json!({ "preset": "public_chat", "name": "Veerhaven" }));
    let room = made["room_id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    server.ask("POST", &format!("rooms/{room}/join"), &bram_token, &json!({}));
    let text = |text: &str| json!({ "msgtype": "m.text", "body": text });
    let first = server.send(&room, &anna_token, "m.room.message", 1, &text("bericht-een"));
    server.ask("PUT", "profile/@anna:matrix.example.nl/displayname", &anna_token, &json!({ "displayname": "Anna V." }));
    let answer = |id: &str| json!({ "id": id, "org.matrix.msc1767.text": id });
    let poll =
        json!({ "question": { "org.matrix.msc1767.text": "Akkoord?" }, "answers": [answer("ja"), answer("nee")] });
    server.send(
        &room,
        &bram_token,
        "org.matrix.msc3381.poll.start",
        9,
        &json!({ "org.matrix.msc3381.poll.start": poll }),
    );
    let made_up = server.send(&room, &bram_token, "nl.example.iets", 10, &json!({ "woord": "geheel" }));
    let relates = json!({ "rel_type": "m.replace", "event_id": first });
    let edit =
        json!({ "msgtype": "m.text", "body": "* beter", "m.new_content": text("beter"), "m.relates_to": relates });
    server.send(&room, &anna_token, "m.room.message", 2, &edit);
    let sign = json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": first, "key": "👍" } });
    server.send(&room, &bram_token, "m.reaction", 3, &sign);
    let film: Vec<u8> = (0..3_000_000_u32).map(|at| (at.wrapping_mul(at) >> 9) as u8).collect();
    let file = |url: &str| json!({ "msgtype": "m.file", "body": "nota.pdf", "url": url, "info": { "mimetype": "application/pdf" } });
    server.send(&room, &bram_token, "m.room.message", 7, &file(&server.upload(&bram_token, &film)));
    server.send(&room, &bram_token, "m.room.message", 8, &file("mxc://matrix.example.nl/bestaatniet"));
    // Away, and back: the homeserver keeps it and sends it again.
    let settled = || async { sidecar.stands("it is in the log", |standing| standing.waiting == 0).await };
    settled().await;
    sidecar.kill();
    server.send(&room, &bram_token, "m.room.message", 4, &text("bericht-twee"));
    eventually("the application service says that it could not hand it over", || {
        fs::read_to_string(folder.path().join("said")).ok().filter(|said| said.contains("transaction not taken"))
    });
    sidecar.start();
    server.ask("PUT", &format!("rooms/{room}/redact/{first}/5"), &anna_token, &json!({}));
    server.send(&room, &bram_token, "m.room.message", 6, &text("bericht-drie"));
    let wanted: std::collections::BTreeMap<String, usize> =
        [("bericht-een", 1), ("bericht-twee", 1), ("bericht-drie", 1), ("nota.pdf", 2), ("Akkoord?\nja\nnee", 1)]
            .map(|(text, count)| (text.into(), count))
            .into();
    let mut round = 0;
    let (bundle, lines) = eventually("all of it is in the log", || {
        round += 1;
        let (bundle, lines) = timeline(&stage, "Anna de Vries", &format!("anna-{round}"));
        std::thread::sleep(std::time::Duration::from_secs(1));
        (texts(&lines).len() >= wanted.len()).then_some((bundle, lines))
    });
    assert_eq!(texts(&lines), wanted);
    let count = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!((count("MESSAGE_EDITED"), count("REACTION_ADDED"), count("MESSAGE_DELETED")), (1, 1, 1), "{lines:#?}");
    // Who takes another name joins nothing.
    assert_eq!(count("MEMBERSHIP_CHANGED"), 2, "{lines:#?}");
    assert!(holds(&bundle, "profile_name") && holds(&bundle, "nl.example.iets") && holds(&bundle, "Anna V."));
    assert!(count("CONVERSATION_CHANGED") >= 1, "{lines:#?}");
    // The media that were there came along, to the byte; those that were not are said to be missing.
    let attached = fs::read_dir(bundle.join("data/attachments")).expect("attachments");
    let attached: Vec<Vec<u8>> = attached.map(|item| fs::read(item.expect("an item").path()).expect("read")).collect();
    let (events, media): (Vec<_>, Vec<_>) = attached.into_iter().partition(|bytes| bytes.starts_with(b"{"));
    assert!(media == [film], "{} media", media.len());
    // What has no words here is kept as it was pushed.
    let events: Vec<Value> = events.iter().map(|bytes| serde_json::from_slice(bytes).expect("an event")).collect();
    let [event] = &events[..] else { panic!("{events:#?}") };
    assert!(event["event_id"] == made_up && event["content"]["woord"] == "geheel", "{event:#}");
    // She was asked for in her name, and so no gap is left.
    let rooms = fs::read_to_string(folder.path().join("rooms.json")).expect("rooms");
    let rooms: Value = serde_json::from_str(&rooms).expect("JSON");
    assert_eq!((&rooms["known"], count("GAP_DECLARED")), (&json!(["@anna:matrix.example.nl"]), 0), "{lines:#?}");
    let said = fs::read_to_string(folder.path().join("said")).expect("a log");
    assert!(said.contains("media mxc://matrix.example.nl/bestaatniet are missing"), "{said}");
    assert!(fs::read_dir(sidecar.path("log/spool/uploads")).expect("a folder").next().is_none());
}
