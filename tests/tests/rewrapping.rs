//! Rewrapping: an archive key that came later opens everything, a retired one nothing more, and no kill leaves a body closed.

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use zegel_tests::{Stage, command};

const CUSTODIAN: &str = "Anna de Boer";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// A stage with so many conversations, in each of which something is said: one dossier each, and those of the acts.
fn stage_of(conversations: usize) -> Stage {
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", CUSTODIAN, "--account", "whatsapp:+31600000000:business"]);
    for number in 0..conversations {
        let title = format!("Overleg {number}");
        stage.zegel(&["register", "conversation", "--title", &title, "--channel", "whatsapp"]);
        let chat = stage.path("_chat.txt");
        fs::write(&chat, format!("[31-05-2022 16:00:00] {CUSTODIAN}: bericht {number}\n")).expect("a chat");
        let path = chat.display().to_string();
        let whose = ["--custodian", CUSTODIAN, "--conversation", &title, "--timezone", "Europe/Amsterdam"];
        stage.zegel(&[&["import", "whatsapp", &path], &whose[..]].concat());
    }
    stage
}

fn key_ids(stage: &Stage) -> Vec<String> {
    let bytes = fs::read(stage.keys().join("ministry.json")).expect("a file");
    let ministry: Value = serde_json::from_slice(&bytes).expect("JSON");
    let keys = ministry["archive_keys"].as_array().expect("keys").iter();
    keys.map(|key| key["id"].as_str().expect("an id").to_owned()).collect()
}

fn key_file(stage: &Stage, number: usize) -> PathBuf {
    stage.keys().join(format!("archive-{number}.key"))
}

/// Takes archive keys away for as long as something is tried.
fn with_only<T>(stage: &Stage, only: usize, of: usize, run: impl FnOnce() -> T) -> T {
    let others: Vec<_> = (1..=of).filter(|number| *number != only).map(|number| key_file(stage, number)).collect();
    let aside = |path: &PathBuf| path.with_extension("aside");
    others.iter().filter(|path| path.exists()).for_each(|path| fs::rename(path, aside(path)).expect("put aside"));
    let result = run();
    others.iter().filter(|path| aside(path).exists()).for_each(|path| fs::rename(aside(path), path).expect("put back"));
    result
}

/// Whether everything of the custodian opens, and the verifier accepts it.
fn opens(stage: &Stage, name: &str) -> bool {
    let out = stage.path(name);
    let text = out.display().to_string();
    let output = stage.try_zegel(&["export", "--custodian", CUSTODIAN, "--recipient", "inspectie", "--out", &text]);
    if !output.status.success() {
        let told = said(&output);
        assert!(told.contains("none of which is at hand") || told.contains("stays closed"), "{told}");
        return false;
    }
    assert_eq!(stage.verify(&out, &[]).0, Some(0));
    true
}

fn rewrapping<'a>(to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--json", "key", "rewrap", "--to", to, "--reason", "bewaarder vertrekt"], more].concat()
}

fn result(printed: &str) -> Value {
    serde_json::from_str::<Value>(printed).expect("one document")["result"].clone()
}

#[test]
fn a_key_that_came_later_opens_all_after_rewrapping_and_a_retired_one_nothing_once_it_is_dropped() {
    let mut stage = stage_of(3);
    stage.zegel(&["key", "add-archive", "--plain"]);
    let ids = key_ids(&stage);
    let (first, third) = (ids[0].clone(), ids[2].clone());
    assert!(!with_only(&stage, 3, 3, || opens(&stage, "before")), "it opens what came after it, and no more");
    let rewrap = || rewrapping(&third, &[]);
    let without = || rewrapping(&third, &["--without", &first]);
    let before: Vec<u8> = evidence(&stage, "a");
    assert!(audited(&stage, "before").contains("ARCHIVE_KEY_ALONE"), "an auditor sees that nothing was rewrapped");
    let report = result(&stage.zegel(&rewrap()));
    assert!(report["rewrapped"].as_u64() >= Some(6) && report["closed"] == 0, "{report:#}");
    assert!(report["ended"].as_u64() > report["begun"].as_u64());
    for only in 1..=3 {
        assert!(with_only(&stage, only, 3, || opens(&stage, &format!("all-by-{only}"))));
    }
    assert!(!audited(&stage, "after").contains("ARCHIVE_KEY_ALONE"), "and that something was");
    // What a bundle shows of the same events is the same, byte for byte: envelopes lie outside an entry.
    assert_eq!(before, evidence(&stage, "b"));
    // A key in use is not dropped; nor one that is not there wrapped to.
    let refused = stage.try_zegel(&without());
    assert!(refused.status.code() == Some(2) && said(&refused).contains("is in use: run"), "{}", said(&refused));
    stage.zegel(&["key", "retire-archive", "--key", &first]);
    let to_retired = stage.try_zegel(&["key", "rewrap", "--to", &first, "--reason", "terug"]);
    assert!(
        to_retired.status.code() == Some(2) && said(&to_retired).contains("is not in use"),
        "{}",
        said(&to_retired)
    );
    // By the key that goes alone nothing is dropped: no other was seen to open it.
    let alone = with_only(&stage, 1, 3, || stage.try_zegel(&without()));
    assert_eq!(alone.status.code(), Some(1), "{}", said(&alone));
    assert_eq!(result(&String::from_utf8_lossy(&alone.stdout))["rewrapped"], 0);
    let report = result(&stage.zegel(&without()));
    assert!(report["rewrapped"].as_u64() >= Some(6) && report["closed"] == 0, "{report:#}");
    assert!(!with_only(&stage, 1, 3, || opens(&stage, "dropped")));
    for only in 2..=3 {
        assert!(with_only(&stage, only, 3, || opens(&stage, &format!("left-by-{only}"))));
    }
    assert_eq!(result(&stage.zegel(&without()))["rewrapped"], 0, "new acts are wrapped well by themselves");
    // Another source's store is as it was: every rule holds, and the ledger starts again on rewrapped rows.
    assert_eq!(stage.stop(), Some(0));
    stage.check();
    stage.start();
    assert!(with_only(&stage, 3, 3, || opens(&stage, "again")));
}

/// What an auditor says of the whole log.
fn audited(stage: &Stage, name: &str) -> String {
    let mirror = stage.path(&format!("mirror-{name}"));
    let mut copy = command("zegel");
    copy.args(["mirror", "--ledger", &stage.url(), "--trust"]).arg(stage.trust());
    copy.arg("--tls-ca").arg(stage.keys().join("tls-ca.pem")).arg("--out").arg(&mirror);
    let copied = copy.output().expect("it runs");
    assert!(copied.status.success(), "{}", said(&copied));
    let mut audit = command("zegel-verifier");
    let audit = audit.arg("audit").arg(&mirror).arg("--trust").arg(stage.trust()).output().expect("it runs");
    assert_eq!(audit.status.code(), Some(0), "{}", said(&audit));
    said(&audit)
}

/// The evidence of a custodian's months, without what differs from export to export.
fn evidence(stage: &Stage, name: &str) -> Vec<u8> {
    let out = stage.path(&format!("same-{name}"));
    let text = out.display().to_string();
    stage.zegel(&["export", "--custodian", CUSTODIAN, "--recipient", "inspectie", "--out", &text]);
    let bytes = fs::read(out.join("data/evidence-0001")).expect("evidence");
    let date = b"31-05-2022";
    let first = bytes.windows(date.len()).position(|word| word == date).expect("the first message as it was written");
    bytes[first - 200..first + 100].to_vec()
}

#[test]
fn killed_at_any_moment_every_body_still_opens_and_asking_again_finishes() {
    let mut stage = stage_of(2);
    let (keys, mut kills) = (stage.keys(), 0);
    for round in 0..4_u64 {
        stage.zegel(&["key", "add-archive", "--plain"]);
        let ids = key_ids(&stage);
        let newest = ids.last().expect("a key").clone();
        let rewrap = ["key", "rewrap", "--to", &newest, "--reason", "oefening"];
        let begin = Instant::now();
        let mut process = command("zegel")
            .args(rewrap)
            .arg("--keys")
            .arg(&keys)
            .args(["--ledger", &stage.url()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        // Other moments in each round: first the officer dies, then the ledger.
        while begin.elapsed() < Duration::from_millis(40 + 60 * round) && process.try_wait().expect("a state").is_none()
        {
            std::thread::yield_now();
        }
        if round % 2 == 0 {
            kills += usize::from(process.kill().is_ok() && process.wait().expect("it ended").code().is_none());
        } else {
            stage.kill();
            process.kill().expect("killed, or gone");
            process.wait().expect("it ended");
            stage.start();
            kills += 1;
        }
        for only in 1..=2 {
            assert!(with_only(&stage, only, ids.len(), || opens(&stage, &format!("killed-{round}-{only}"))));
        }
        stage.zegel(&rewrap);
        assert!(with_only(&stage, ids.len(), ids.len(), || opens(&stage, &format!("finished-{round}"))));
    }
    assert!(kills > 0, "nothing was killed in its work");
    assert_eq!(stage.stop(), Some(0));
    stage.check();
}
