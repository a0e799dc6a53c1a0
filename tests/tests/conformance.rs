//! What an integrator is given: samples in other languages, and a checker that names what is wrong.
//!
//! A language that is not on the machine is skipped, and said so: nothing is proven then.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use zegel_proto::source::v1::source_client::SourceClient;
use zegel_proto::source::v1::*;
use zegel_tests::gateway::{Sidecar, custodian, now_ms, texts, timeline};
use zegel_tests::witness::eventually;
use zegel_tests::{ORIGIN, Stage, command};
use zegel_verifier::hash::sha256;

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
    let said = || String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned();
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

/// The sample in Java, likewise. What Maven made is kept, by what it was made of: it takes its time.
fn java_sample(_: &Path) -> Result<Vec<String>, String> {
    let (sample, proto) = (root().join("tools/samples/java"), root().join("proto"));
    let parts = [sample.join("pom.xml"), sample.join("src/main/java/Gateway.java"), proto.join(SCHEMA)];
    let read = |path: &PathBuf| fs::read(path).map_err(|reason| format!("{}: {reason}", path.display()));
    let bytes: Vec<Vec<u8>> = parts.iter().map(read).collect::<Result<_, _>>()?;
    let made = cache().join("java").join(sha256(&bytes.iter().map(Vec::as_slice).collect::<Vec<_>>()).to_string());
    let (classes, jars) = (made.join("target/classes"), made.join("lib"));
    if !jars.join("ready").exists() {
        let source = made.join("src/main/java");
        fs::create_dir_all(&source).map_err(|reason| reason.to_string())?;
        for (path, bytes) in [(made.join("pom.xml"), &bytes[0]), (source.join("Gateway.java"), &bytes[1])] {
            fs::write(path, bytes).map_err(|reason| reason.to_string())?;
        }
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "compile", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
        maven.arg(format!("-DoutputDirectory={}", jars.display())).arg(format!("-Dproto={}", proto.display()));
        maven.arg(format!("-Dmaven.repo.local={}", cache().join("java/maven").display())).current_dir(&made);
        tool(&mut maven)?;
        fs::write(jars.join("ready"), "").map_err(|reason| reason.to_string())?;
    }
    let path = format!("{}:{}/*", classes.display(), jars.display());
    Ok(vec!["java".into(), "-cp".into(), path, "Gateway".into()])
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
    let made =
        [("Python", "py", python_sample as fn(&Path) -> _), ("Go", "go", go_sample), ("Java", "java", java_sample)];
    let mut samples = Vec::new();
    for (language, prefix, make) in made {
        let folder = tempfile::tempdir().expect("a folder");
        match make(folder.path()) {
            Ok(sample) => samples.push((prefix, sample, folder)),
            Err(reason) => skipped(&format!("{language} with gRPC is absent: {reason}")),
        }
    }
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
