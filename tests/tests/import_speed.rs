//! A million messages of each format, imported by the real command: how long it takes, and in how much memory.
//!
//! Only an optimised build says anything about speed, so these run in `make soak`; `ZEGEL_MESSAGES` makes them smaller.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use zegel_tests::{Stage, command};

/// 2026-05-14 09:00 UTC.
const BEGAN_MS: u64 = 1_778_749_200_000;
/// What the command may take for a million, and hold in memory.
const SECONDS_MAX: u64 = 120;
const MEMORY_KIB_MAX: u64 = 1024 * 1024;
const WORDS: [&str; 8] = ["akkoord", "met", "de", "nota", "voor", "het", "overleg", "morgen"];

fn messages() -> u64 {
    std::env::var("ZEGEL_MESSAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000)
}

/// Twelve to twenty words, as people write them.
fn words(number: u64) -> String {
    let count = 12 + number % 9;
    (0..count).fold(format!("{number}"), |text, at| text + " " + WORDS[((number + at * at) % 8) as usize])
}

/// Imports, and holds the command to its time and its memory.
fn import(stage: &Stage, format: &str, more: &[&str]) -> Value {
    let before = size(stage);
    let mut zegel = command("zegel");
    zegel.args(["--json", "import", format]).args(more).args(["--custodian", "Anna de Vries"]);
    zegel.arg("--keys").arg(stage.keys()).args(["--ledger", &stage.url()]);
    let began = Instant::now();
    let mut process = zegel.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("it starts");
    let (mut peak_kib, mut busy_s, ledger_before_s) = (0, 0.0, busy_seconds(stage.ledger_pid()));
    while process.try_wait().expect("a process").is_none() {
        peak_kib = peak_kib.max(resident_kib(process.id()));
        busy_s = f64::max(busy_s, busy_seconds(process.id()));
        std::thread::sleep(Duration::from_millis(100));
    }
    let took = began.elapsed();
    let output = process.wait_with_output().expect("it ends");
    let told: Value = serde_json::from_slice(&output.stdout).expect("one document");
    let new = told["result"]["chats"][0]["counts"]["new"].as_u64();
    let per_second = messages() as f64 / took.as_secs_f64();
    println!(
        "{format}: {} messages in {took:.1?}: {per_second:.0} a second, {} MiB at most; a core was busy for {busy_s:.1} s here and \
         for {:.1} s at the ledger",
        messages(),
        peak_kib / 1024,
        busy_seconds(stage.ledger_pid()) - ledger_before_s
    );
    assert_eq!(new, Some(messages()), "{told:#}");
    assert!(size(stage) > before + messages() / 256);
    if !cfg!(debug_assertions) {
        assert!(took.as_secs() < SECONDS_MAX, "{format} took {took:?}");
        assert!(peak_kib < MEMORY_KIB_MAX, "{format} held {peak_kib} KiB");
    }
    told["result"]["chats"][0].clone()
}

/// Entries of the log.
fn size(stage: &Stage) -> u64 {
    let status: Value = serde_json::from_str(&stage.zegel(&["--json", "status"])).expect("JSON");
    status["result"]["size"].as_u64().unwrap_or_else(|| panic!("{status:#}"))
}

/// The most that a process has held so far.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// How long a process has kept a core busy, in seconds: what the work costs, whoever else is on the machine.
fn busy_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // Behind the name, which may hold anything: state, and user and system time as the 12th and 13th, in hundredths.
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    rest.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn stage() -> Stage {
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Anna de Vries"]);
    stage.zegel(&["register", "conversation", "--title", "Veerhaven"]);
    stage
}

fn written(path: &Path, lines: impl Iterator<Item = String>) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    lines.for_each(|line| file.write_all(line.as_bytes()).expect("written"));
    file.flush().expect("written");
}

#[test]
#[ignore = "minutes: make soak"]
fn a_million_messages_of_whatsapp_take_less_than_two_minutes() {
    let stage = stage();
    let path = stage.path("_chat.txt");
    let line = |number: u64| {
        let (day, hour, minute, second) =
            (1 + number / 86_400 % 28, number / 3_600 % 24, number / 60 % 60, number % 60);
        let month = 1 + number / 86_400 / 28;
        format!(
            "[{day:02}-{month:02}-2026 {hour:02}:{minute:02}:{second:02}] Deelnemer {}: {}\n",
            number % 40,
            words(number)
        )
    };
    written(&path, (0..messages()).map(line));
    let path = path.display().to_string();
    import(
        &stage,
        "whatsapp",
        &[&path, "--conversation", "Veerhaven", "--timezone", "Europe/Amsterdam", "--date-order", "dmy"],
    );
}

#[test]
#[ignore = "minutes: make soak"]
fn a_million_messages_of_signal_take_less_than_two_minutes() {
    let stage = stage();
    let folder = stage.path("signal");
    fs::create_dir(&folder).expect("a folder");
    let head = format!("{{\"version\":\"1\",\"backupTimeMs\":\"{}\"}}\n", BEGAN_MS + messages() * 1_000);
    let own = "{\"recipient\":{\"id\":\"1\",\"self\":{}}}\n".to_owned();
    let people = (2..42).map(|id| {
        format!("{{\"recipient\":{{\"id\":\"{id}\",\"contact\":{{\"e164\":\"316{id:08}\",\"profileGivenName\":\"Lid {id}\"}}}}}}\n")
    });
    let group = "{\"recipient\":{\"id\":\"50\",\"group\":{\"snapshot\":{\"title\":{\"title\":\"Veerhaven\"}}}}}\n\
                 {\"chat\":{\"id\":\"10\",\"recipientId\":\"50\"}}\n";
    let item = |number: u64| {
        let at = BEGAN_MS + number * 1_000;
        format!(
            "{{\"chatItem\":{{\"chatId\":\"10\",\"authorId\":\"{}\",\"dateSent\":\"{at}\",\"incoming\":{{\"dateReceived\":\"{}\",\
             \"dateServerSent\":\"{}\",\"read\":true,\"sealedSender\":true}},\"standardMessage\":{{\"text\":{{\"body\":\"{}\"}}}}}}}}\n",
            2 + number % 40,
            at + 900,
            at + 300,
            words(number)
        )
    };
    let lines = [head, own].into_iter().chain(people).chain([group.to_owned()]).chain((0..messages()).map(item));
    written(&folder.join("main.jsonl"), lines);
    import(&stage, "signal", &[&folder.display().to_string(), "--chat", "Veerhaven=Veerhaven"]);
}

/// A server that signs.
struct Server(SigningKey);

impl Server {
    fn signed(&self, canonical: &str) -> String {
        STANDARD_NO_PAD.encode(self.0.sign(canonical.as_bytes()).to_bytes())
    }

    /// Its keys, as it publishes them.
    fn keys(&self) -> String {
        let key = STANDARD_NO_PAD.encode(self.0.verifying_key().as_bytes());
        let bare = |signatures: &str| {
            format!(
                "{{\"server_name\":\"m.nl\",{signatures}\"valid_until_ts\":{},\"verify_keys\":{{\"ed25519:1\":{{\"key\":\"{key}\"}}}}}}",
                BEGAN_MS * 2
            )
        };
        let signature = self.signed(&bare(""));
        bare(&format!("\"signatures\":{{\"m.nl\":{{\"ed25519:1\":\"{signature}\"}}}},"))
    }

    /// A message in a room of version 11, with its hash and signature, as servers exchange them.
    fn message(&self, number: u64) -> String {
        let text = words(number);
        let event = |content: &str, hashes: &str, signatures: &str| {
            let mut event = String::from("{\"auth_events\":[\"$IfTLxWhMd-0e7cQ3dLdJ2kSdo0MrgHhZCvD3dPGGFYo\"],");
            let _ = write!(event, "\"content\":{content},\"depth\":{number},{hashes}");
            let _ = write!(event, "\"origin_server_ts\":{},\"prev_events\":", BEGAN_MS + number * 1_000);
            let _ = write!(event, "[\"$r-npJBgM0i2-d3Jteuo2uQJoHv_uJM-Q4YUvxg5rBY0\"],\"room_id\":\"!r:m.nl\",");
            let _ = write!(event, "\"sender\":\"@lid{}:m.nl\",{signatures}\"type\":\"m.room.message\"}}", number % 40);
            event
        };
        let content = format!("{{\"body\":\"{text}\",\"msgtype\":\"m.text\"}}");
        let hash = STANDARD_NO_PAD.encode(Sha256::digest(event(&content, "", "")));
        let hashes = format!("\"hashes\":{{\"sha256\":\"{hash}\"}},");
        let signature = self.signed(&event("{}", &hashes, ""));
        event(&content, &hashes, &format!("\"signatures\":{{\"m.nl\":{{\"ed25519:1\":\"{signature}\"}}}},")) + "\n"
    }
}

#[test]
#[ignore = "minutes: make soak"]
fn a_million_signed_events_of_matrix_take_less_than_two_minutes() {
    let (stage, server) = (stage(), Server(SigningKey::from_bytes(&[7; 32])));
    let keys = stage.path("keys.json");
    fs::write(&keys, server.keys()).expect("written");
    // A file has at most 128 MiB.
    let parts = messages().div_ceil(125_000);
    let mut arguments = Vec::new();
    for part in 0..parts {
        let path = stage.path(&format!("room-{part}.jsonl"));
        let numbers = part * messages() / parts..(part + 1) * messages() / parts;
        written(&path, numbers.map(|number| server.message(number)));
        arguments.push(path.display().to_string());
    }
    let keys = keys.display().to_string();
    arguments.extend(["--conversation", "Veerhaven", "--room-version", "11", "--server-keys", &keys].map(String::from));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = import(&stage, "matrix", &arguments);
    let held = format!("{} events hash, id and server signature hold: class A", messages());
    assert_eq!(told["remarks"][0], Value::from(held), "{told:#}");
}
