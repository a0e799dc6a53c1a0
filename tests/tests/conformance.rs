//! What an integrator is given: samples in other languages, a checker that names what is wrong, and a day of a ministry.
//!
//! A language that is not on the machine is skipped, and said so: nothing is proven then.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use zegel_proto::source::v1::source_client::SourceClient;
use zegel_proto::source::v1::*;
use zegel_tests::gateway::{Sidecar, custodian, now_ms, texts, timeline};
use zegel_tests::rounds::Dice;
use zegel_tests::witness::eventually;
use zegel_tests::{ORIGIN, Stage, command};
use zegel_tools::event::CustodianEntry;
use zegel_tools::keys::KeyFolder;
use zegel_tools::officer::Officer;
use zegel_tools::sidecar::{DayPlan, play};
use zegel_verifier::hash::Hash;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cache() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default().join(".cache/zegel");
    std::env::var_os("ZEGEL_CACHE").map_or_else(home, PathBuf::from)
}

fn skipped(why: &str) {
    eprintln!("\nSKIPPED, NOTHING PROVEN: {why}\n");
}

/// Runs a tool; what it said is the reason if it failed.
fn tool(command: &mut Command) -> Result<(), String> {
    let output: Output = command.output().map_err(|reason| reason.to_string())?;
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(said()) }
}

/// A Python with gRPC, of a folder of its own: `prepare` makes it where the network has one.
fn python() -> Result<PathBuf, String> {
    let folder = cache().join("source-python");
    let python = folder.join("bin/python");
    if !python.exists() {
        tool(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    }
    let has_grpc = tool(Command::new(&python).args(["-c", "import grpc, grpc_tools"]));
    if has_grpc.is_err() {
        tool(Command::new(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "grpcio==1.85.1",
            "grpcio-tools==1.85.1",
        ]))?;
    }
    Ok(python)
}

fn protoc(python: &Path) -> Command {
    let mut protoc = Command::new(python);
    protoc.args(["-m", "grpc_tools.protoc", "-I"]).arg(root().join("proto"));
    protoc
}

const SCHEMA: &str = "zegel/source/v1/source.proto";

/// The sample in Python, with stubs from the schema.
fn python_sample(folder: &Path) -> Result<Vec<String>, String> {
    let python = python()?;
    let proto = root().join("proto/zegel/source/v1");
    let mut protoc = Command::new(&python);
    protoc.args(["-m", "grpc_tools.protoc", "-I"]).arg(proto);
    protoc.arg(format!("--python_out={}", folder.display())).arg(format!("--grpc_python_out={}", folder.display()));
    tool(protoc.arg("source.proto"))?;
    let sample = folder.join("gateway.py");
    fs::copy(root().join("tools/samples/python/gateway.py"), &sample).map_err(|reason| reason.to_string())?;
    Ok(vec![python.display().to_string(), sample.display().to_string()])
}

/// The sample in Go, likewise.
fn go_sample(folder: &Path) -> Result<Vec<String>, String> {
    let python = python()?;
    let bin = cache().join("go/source-bin");
    for (name, version) in [
        ("google.golang.org/protobuf/cmd/protoc-gen-go", "v1.36.11"),
        ("google.golang.org/grpc/cmd/protoc-gen-go-grpc", "v1.6.0"),
    ] {
        if !bin.join(name.rsplit('/').next().unwrap_or_default()).exists() {
            let mut go = Command::new("go");
            tool(go.args(["install", &format!("{name}@{version}")]).env("GOBIN", &bin).env("GOTOOLCHAIN", "local"))?;
        }
    }
    for file in ["go.mod", "go.sum", "main.go"] {
        fs::copy(root().join("tools/samples/go").join(file), folder.join(file)).map_err(|reason| reason.to_string())?;
    }
    let out = folder.join("source");
    fs::create_dir_all(&out).map_err(|reason| reason.to_string())?;
    let package = "zegel.example/samples/go/source";
    let options = format!("M{SCHEMA}={package},paths=import,module={package}");
    let mut protoc = protoc(&python);
    for plugin in ["go", "go-grpc"] {
        let name = format!("protoc-gen-{plugin}");
        protoc.arg(format!("--plugin={name}={}", bin.join(&name).display()));
        protoc.arg(format!("--{plugin}_out={}", out.display())).arg(format!("--{plugin}_opt={options}"));
    }
    tool(protoc.arg(SCHEMA))?;
    let made = folder.join("gateway");
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&made).arg(".").current_dir(folder);
    tool(go.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-buildvcs=false"))?;
    Ok(vec![made.display().to_string()])
}

/// A checker at work, on a port that the system chose.
struct Checking {
    process: Child,
    address: String,
}

impl Checking {
    fn new(folder: &Path) -> Self {
        let ready = folder.join("checker");
        let mut check = command("zegel-source");
        check.args(["check", "--listen", "127.0.0.1:0", "--ready-file"]).arg(&ready);
        let process = check.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let address = eventually("the checker listens", || fs::read_to_string(&ready).ok());
        Self { process, address: address.trim().to_owned() }
    }

    /// Ends it, and gives its exit code and its word.
    fn finish(self) -> (Option<i32>, Value) {
        let pid = self.process.id().to_string();
        tool(Command::new("kill").args(["-TERM", &pid])).expect("told to stop");
        let output = self.process.wait_with_output().expect("it ends");
        (output.status.code(), serde_json::from_slice(&output.stdout).expect("one document"))
    }
}

fn run(sample: &[String], address: &str, log: &str, custodian: &str) {
    let mut gateway = Command::new(&sample[0]);
    gateway.args(&sample[1..]).args([address, log, custodian, "50"]);
    tool(&mut gateway).unwrap_or_else(|said| panic!("{sample:?}: {said}"));
}

#[test]
fn the_samples_satisfy_the_checker_and_are_in_a_real_log_once() {
    let made = [("Python", "py", python_sample as fn(&Path) -> _), ("Go", "go", go_sample)];
    let mut samples = Vec::new();
    for (language, prefix, make) in made {
        let folder = tempfile::tempdir().expect("a folder");
        match make(folder.path()) {
            Ok(sample) => samples.push((prefix, sample, folder)),
            Err(reason) => skipped(&format!("{language} with gRPC is absent: {reason}")),
        }
    }
    skipped("Java: there is no sample yet");
    for (_, sample, folder) in &samples {
        let checking = Checking::new(folder.path());
        run(sample, &checking.address, ORIGIN, &"ab".repeat(32));
        let (code, checked) = checking.finish();
        assert_eq!(
            (code, &checked["sessions"], &checked["findings"]),
            (Some(0), &Value::from(2), &serde_json::json!({}))
        );
    }
    if samples.is_empty() {
        return;
    }
    let stage = Stage::new();
    let anna = custodian(&stage, "Anna de Vries");
    let mut sidecar = Sidecar::new(&stage);
    sidecar.point_at("unix:source.sock", "127.0.0.1:0");
    sidecar.start();
    let address = fs::read_to_string(sidecar.path("ready")).expect("an address").trim().to_owned();
    samples.iter().for_each(|(_, sample, _)| run(sample, &address, ORIGIN, &anna));
    let (_, lines) = timeline(&stage, "Anna de Vries", "anna");
    let wanted = samples.iter().flat_map(|(prefix, ..)| (0..50).map(move |number| (format!("{prefix}-{number}."), 1)));
    assert_eq!(texts(&lines), wanted.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checker_names_what_is_wrong_with_a_gateway() {
    let folder = tempfile::tempdir().expect("a folder");
    let checking = Checking::new(folder.path());
    let mut client = SourceClient::connect(format!("http://{}", checking.address)).await.expect("connected");
    let anna = "ab".repeat(32);
    let asked = |key: &str, content| Request { key: key.into(), sent_at_ms: now_ms(), content: Some(content) };
    let (channel, conversation) = (Channel::Signal as i32, "groep".to_owned());
    let custodians = vec![anna.clone()];
    let open = Open { log: ORIGIN.into(), gateway: "slecht".into(), version: "0".into(), custodians };
    let register = Register { channel, conversation: conversation.clone(), ..Register::default() };
    let clock = Clock::Server as i32;
    let place = Place { custodian: anna, channel, conversation, at_ms: now_ms(), clock };
    let message = |key: &str, place: Place| {
        let (native_id, text) = (key.to_owned(), "x".to_owned());
        asked(key, request::Content::Message(Message { place: Some(place), native_id, text, ..Message::default() }))
    };
    let edit = Edit { place: Some(place.clone()), target: "nooit".into(), ..Edit::default() };
    let mut requests = vec![
        asked("", request::Content::Open(open)),
        asked("r", request::Content::Register(register)),
        message("", place.clone()),
        message("m", place.clone()),
        message("m", Place { at_ms: place.at_ms + 1, ..place.clone() }),
        message("later", Place { at_ms: place.at_ms + 86_400_000, ..place.clone() }),
        message("elders", Place { conversation: "elders".into(), ..place.clone() }),
        Request { sent_at_ms: now_ms() - 7_200_000, ..message("klok", place.clone()) },
        asked("bewerkt", request::Content::Edit(edit)),
    ];
    // On and on, whatever is answered.
    requests.extend((0..40).map(|number| message(&format!("stroom-{number}"), place.clone())));
    let mut answers = client.session(tokio_stream::iter(requests)).await.expect("a session").into_inner();
    let ended = loop {
        match answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the checker breaks the session off"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), tonic::Code::Unavailable);
    let (code, checked) = checking.finish();
    let found: Vec<&str> = checked["findings"].as_object().expect("findings").keys().map(String::as_str).collect();
    let wanted = [
        "clock_apart",
        "conversation_not_registered",
        "key_missing",
        "key_reused",
        "never_reconnected",
        "no_credit",
        "not_handed_over_again",
        "target_never_seen",
        "time_in_future",
    ];
    assert_eq!((code, found), (Some(1), wanted.to_vec()));
}

/// Registers officials in few batches, and gives their ids.
async fn officials(stage: &Stage, count: usize) -> Vec<String> {
    let keys = KeyFolder::open(&stage.keys()).expect("keys");
    let mut officer = Officer::open(&keys, &stage.url()).await.expect("an officer");
    let id = |number: usize| {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        Hash(id)
    };
    let entry = |number: usize| CustodianEntry { name: format!("Ambtenaar {number}"), ..CustodianEntry::default() };
    let drafts = (0..count).map(|number| entry(number).draft(id(number), now_ms()).expect("a draft")).collect();
    officer.source().append(drafts).await.expect("registered");
    (0..count).map(|number| id(number).to_string()).collect()
}

/// A day, with the ledger and the sidecar killed at random and sessions that break; then the auditor.
async fn live_a_day(count: usize, messages: u64, disturbances: u64) {
    let mut stage = Stage::new();
    stage.keep_port();
    let custodians = officials(&stage, count).await;
    let mut sidecar = Sidecar::new(&stage);
    sidecar.start();
    let plan = DayPlan { seed: 7, custodians: custodians.clone(), messages, events_between_breaks: messages / 4 };
    let socket = format!("unix:{}", sidecar.path("source.sock").display());
    let playing = tokio::spawn({
        let plan = plan.clone();
        async move { play(&socket, ORIGIN, &plan, Arc::new(|_: &str| {})).await }
    });
    let mut dice = Dice::new(7);
    for _ in 0..disturbances {
        if playing.is_finished() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(300 + dice.below(700))).await;
        if dice.below(2) == 0 {
            stage.kill();
            tokio::time::sleep(std::time::Duration::from_millis(dice.below(500))).await;
            stage.start();
        } else {
            sidecar.kill();
            sidecar.start();
        }
    }
    let played = playing.await.expect("played").expect("a day");
    assert_eq!((played.receipted, played.quarantined, played.not_taken.len()), (played.events, 0, 0), "{played:?}");
    assert!(played.sessions > 2, "{played:?}");
    sidecar.stands("nothing waits", |standing| standing.waiting == 0).await;
    let (mut found, mut once) = (0, true);
    for (number, custodian) in custodians.iter().enumerate().take(20) {
        let (_, lines) = timeline(&stage, custodian, &format!("bundle-{number}"));
        let texts = texts(&lines);
        found += texts.len() as u64;
        once &= texts.values().all(|count| *count == 1);
    }
    assert!(once, "a message stands twice");
    assert!(count > 20 || found == played.messages, "{found} of {} messages", played.messages);
    let mirror = stage.path("mirror");
    let mut copy = command("zegel");
    copy.args(["mirror", "--ledger", &stage.url(), "--out"]).arg(&mirror).arg("--trust").arg(stage.trust());
    tool(copy.arg("--tls-ca").arg(stage.keys().join("tls-ca.pem"))).expect("copied");
    let mut audit = command("zegel-verifier");
    audit.arg("audit").arg(&mirror).arg("--trust").arg(stage.trust()).arg("--json");
    let audited = audit.output().expect("it runs");
    assert_eq!(audited.status.code(), Some(0), "{}", String::from_utf8_lossy(&audited.stdout));
    println!("{played:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_with_kills_of_the_ledger_and_the_sidecar_has_every_message_once() {
    live_a_day(4, 200, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: make soak"]
async fn a_day_of_five_hundred_officials_has_every_message_once() {
    live_a_day(500, 20_000, 20).await;
}
