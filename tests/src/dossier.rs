//! One chat of one phone, and an officer's commands on it, as tests type them.

use crate::Stage;
use serde_json::Value;
use std::path::Path;

/// The conversation of a stage.
pub const CHAT: [&str; 2] = ["--conversation", "Dossier"];

/// A ministry with one custodian and one conversation.
#[must_use]
pub fn stage() -> Stage {
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Carol"]);
    stage.zegel(&["register", "conversation", "--title", "Dossier", "--channel", "whatsapp"]);
    stage
}

/// The result of a command that must succeed.
///
/// # Panics
/// If it prints no JSON.
pub fn run(stage: &Stage, arguments: &[&str]) -> Value {
    let said = stage.zegel(&[&["--json"], arguments].concat());
    serde_json::from_str::<Value>(&said).unwrap_or_else(|reason| panic!("{reason}: {said}"))["result"].clone()
}

/// Reads a chat out, and gives what came of it.
///
/// # Panics
/// If it cannot be written or read.
#[must_use]
pub fn read_out(stage: &Stage, name: &str, lines: &[&str]) -> Value {
    let file = stage.path(name);
    std::fs::write(&file, lines.join("\n") + "\n").expect("written");
    let file = file.display().to_string();
    let of = ["import", "whatsapp", &file, "--custodian", "Carol", "--timezone", "Europe/Amsterdam"];
    run(stage, &[&of[..], &CHAT].concat())["chats"][0].clone()
}

/// Where a message with these words stands.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn place_of(stage: &Stage, words: &str) -> String {
    let read = run(stage, &[&["review", "read", "--size", "100"], &CHAT[..]].concat());
    let messages = read["messages"].as_array().expect("messages");
    let says = |message: &&Value| {
        let said = message["words"].as_array().into_iter().flatten().filter_map(Value::as_str);
        said.collect::<String>().trim() == words
    };
    let found = messages.iter().find(says).unwrap_or_else(|| panic!("{words:?} is not in {read:#}"));
    found["place"].as_str().expect("a place").into()
}

/// Reason of a command that must be refused, with exit code 2.
///
/// # Panics
/// If it is not.
#[must_use]
pub fn refused(stage: &Stage, arguments: &[&str]) -> String {
    let output = stage.try_zegel(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Ids of the findings of a report.
///
/// # Panics
/// If it has none.
#[must_use]
pub fn findings(report: &Value) -> Vec<&str> {
    let all = report["report"]["findings"].as_array().expect("findings");
    all.iter().map(|finding| finding["id"].as_str().expect("an id")).collect()
}

/// What an auditor finds of a fresh mirror of the log: each id once.
///
/// # Panics
/// If the log cannot be copied or replayed.
#[must_use]
pub fn audited(stage: &Stage, name: &str) -> Vec<String> {
    let mirror = stage.path(name);
    let mut copying = crate::command("zegel");
    copying.args(["mirror", "--ledger", &stage.url(), "--out"]).arg(&mirror).arg("--trust").arg(stage.trust());
    let copied = copying.arg("--tls-ca").arg(stage.keys().join("tls-ca.pem")).output().expect("it runs");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let mut audit = crate::command("zegel-verifier");
    audit.arg("audit").arg(&mirror).arg("--trust").arg(stage.trust()).arg("--json");
    let said = audit.output().expect("it runs").stdout;
    let said: Value = serde_json::from_slice(&said).expect("JSON");
    let mut ids: Vec<String> = findings(&said).into_iter().map(String::from).collect();
    ids.dedup();
    ids
}

/// What the second verifier, written in another language, finds: counts by id. Nothing where node is not installed.
///
/// # Panics
/// If it answers nothing that can be read.
#[must_use]
pub fn second_verifier(bundle: &Path, trust: &Path) -> Option<Value> {
    use base64::Engine;
    use std::io::Write;
    let base64 = |path: &Path| base64::engine::general_purpose::STANDARD.encode(std::fs::read(path).expect("read"));
    let mut files = serde_json::Map::new();
    for folder in ["", "data", "data/attachments"] {
        let Ok(listed) = std::fs::read_dir(bundle.join(folder)) else { continue };
        for path in listed.map(|file| file.expect("a file").path()).filter(|path| path.is_file()) {
            let name = path.strip_prefix(bundle).expect("in the bundle").display().to_string();
            files.insert(name, base64(&path).into());
        }
    }
    let asked = serde_json::json!({ "files": files, "trust": base64(trust) });
    let mut node = std::process::Command::new("node");
    let node = node
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("verifier/html/judge.mjs"))
        .stdin(std::process::Stdio::piped());
    let mut node = node.stdout(std::process::Stdio::piped()).spawn().ok()?;
    writeln!(node.stdin.take().expect("a pipe"), "{asked}").expect("asked");
    let answer = node.wait_with_output().expect("it answers");
    Some(serde_json::from_slice(&answer.stdout).expect("JSON"))
}
