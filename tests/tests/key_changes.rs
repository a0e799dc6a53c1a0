//! Keys that change, are stolen, or are lost: the log goes on without a gap, and the verifier tells each.

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use zegel_tests::{Stage, command, verify};

const CUSTODIAN: &str = "Anna de Boer";
const TITLE: &str = "Overleg";

/// A stage with a custodian and a conversation.
struct Scene {
    stage: Stage,
    exports: usize,
}

impl Scene {
    fn new() -> Self {
        let stage = Stage::new();
        stage.zegel(&["register", "custodian", "--name", CUSTODIAN, "--account", "whatsapp:+31600000000:business"]);
        stage.zegel(&["register", "conversation", "--title", TITLE, "--channel", "whatsapp"]);
        Self { stage, exports: 0 }
    }

    /// Imports a chat that has grown to so many messages.
    fn import(&self, messages: usize) -> Output {
        let chat = self.stage.path("_chat.txt");
        let line = |n| format!("[31-05-2022 16:{:02}:{:02}] {CUSTODIAN}: bericht {n}\n", n / 60, n % 60);
        fs::write(&chat, (0..messages).map(line).collect::<String>()).expect("a chat");
        let path = chat.display().to_string();
        self.stage.try_zegel(&[
            "import",
            "whatsapp",
            &path,
            "--custodian",
            CUSTODIAN,
            "--conversation",
            TITLE,
            "--timezone",
            "Europe/Amsterdam",
        ])
    }

    fn imports(&self, messages: usize) {
        let output = self.import(messages);
        assert!(output.status.success(), "{}", said(&output));
    }

    fn export(&mut self) -> PathBuf {
        self.exports += 1;
        let out = self.stage.path(&format!("bundle-{}", self.exports));
        let text = out.display().to_string();
        self.stage.zegel(&[
            "export",
            "--custodian",
            CUSTODIAN,
            "--case",
            "zaak 1",
            "--recipient",
            "inspectie",
            "--out",
            &text,
        ]);
        out
    }

    /// What the verifier says of a new export: exit code, and the ids of its findings.
    fn judged(&mut self) -> (Option<i32>, Vec<String>, Value) {
        let bundle = self.export();
        let (code, report) = self.stage.verify(&bundle, &[]);
        let report = report["report"].clone();
        let findings = report["findings"].as_array().cloned().unwrap_or_default();
        let ids = findings.iter().map(|finding| finding["id"].as_str().unwrap_or_default().to_owned());
        (code, ids.collect(), report)
    }

    fn key(&self, name: &str) -> PathBuf {
        self.stage.keys().join(name)
    }

    fn rotate(&self, arguments: &[&str]) -> (String, Vec<String>) {
        self.change(&[arguments, &["--plain"]].concat())
    }

    /// Changes a key and gives the one in use and those that ended.
    fn change(&self, arguments: &[&str]) -> (String, Vec<String>) {
        let printed = self.stage.zegel(&[&["--json", "key"], arguments].concat());
        let document: Value = serde_json::from_str(&printed).expect("JSON");
        let text = |value: &Value| value.as_str().expect("a key").to_owned();
        let ended = document["result"]["ended"].as_array().expect("a list").iter().map(text).collect();
        (text(&document["result"]["key"]), ended)
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// The keys that the report shows for a role, with whether each has ended.
fn keys_of(report: &Value, role: &str) -> Vec<(String, bool)> {
    let keys = report["log"]["keys"].as_array().expect("keys").clone();
    let of_role = keys.into_iter().filter(|key| key["role"].as_str().is_some_and(|found| found.contains(role)));
    of_role.map(|key| (key["key"].as_str().expect("a key").to_owned(), !key["ended"].is_null())).collect()
}

#[test]
fn a_source_changes_its_key_without_a_gap_and_the_stolen_old_one_is_a_finding_from_its_entry_on() {
    let mut scene = Scene::new();
    scene.imports(3);
    let (between, ended) = scene.rotate(&["rotate", "source", "--keep-old"]);
    assert_eq!(ended, Vec::<String>::new(), "both go on");
    let again = scene.stage.try_zegel(&["key", "rotate", "source", "--plain"]);
    assert!(said(&again).contains("source has 2 keys in use"), "{}", said(&again));
    scene.imports(5);
    // The old one still counts: what waits under it is taken.
    let old_file = fs::read_dir(scene.stage.keys()).expect("a folder").map(|item| item.expect("an item").path());
    let old_file = old_file
        .filter(|path| path.to_string_lossy().contains("/source."))
        .find(|path| !path.ends_with("source.key") && !path.ends_with("source.secret"));
    let (old_file, file) = (old_file.expect("the old key is kept"), scene.key("source.key"));
    let swap = |from: &PathBuf| {
        let _ = fs::remove_file(&file);
        fs::copy(from, &file).expect("copied");
    };
    let new_copy = scene.stage.path("new.key");
    fs::copy(&file, &new_copy).expect("copied");
    swap(&old_file);
    scene.imports(6);
    swap(&new_copy);
    let (key, ended) = scene.change(&["retire", "source"]);
    assert_eq!((key, ended.len()), (between.clone(), 1));
    let old = ended[0].clone();
    scene.imports(7);
    let (code, findings, report) = scene.judged();
    assert_eq!(code, Some(0), "{findings:?}");
    let mut shown = keys_of(&report, "SOURCE");
    shown.sort_by_key(|(_, ended)| *ended);
    assert_eq!(shown, [(between, false), (old.clone(), true)]);
    // Retired is refused, for good.
    swap(&old_file);
    let refused = scene.import(8);
    assert!(!refused.status.success() && said(&refused).contains("ended at entry"), "{}", said(&refused));
    swap(&new_copy);
    scene.imports(9);
    // A theft that comes to light later: nothing of it before that entry, and a finding from it on.
    let last = report["log"]["keys"].as_array().expect("keys").iter().find(|key| key["key"] == old.as_str());
    let last = last.expect("shown")["last_entry"].as_u64().expect("an entry");
    let revoked = ["key", "revoke", "--key", &old, "--reason", "compromised", "--since", &last.to_string()];
    let early =
        scene.stage.try_zegel(&["key", "revoke", "--key", &old, "--reason", "compromised", "--since", "100000"]);
    assert!(said(&early).contains("compromised_from_entry is 100000"), "{}", said(&early));
    scene.stage.zegel(&revoked);
    let (code, findings, _) = scene.judged();
    assert_eq!((code, findings.contains(&"KEY_COMPROMISED".to_owned())), (Some(1), true), "{findings:?}");
    let twice = scene.stage.try_zegel(&revoked);
    assert_eq!(twice.status.code(), Some(2), "{}", said(&twice));
}

#[test]
fn a_lost_root_is_replaced_by_the_recovery_key_and_the_old_trust_file_still_leads_to_what_follows() {
    let mut scene = Scene::new();
    scene.imports(3);
    let stolen = scene.stage.path("stolen.key");
    fs::rename(scene.key("root.key"), &stolen).expect("the root is lost");
    let without = scene.stage.try_zegel(&["key", "rotate", "officer", "--plain"]);
    assert!(said(&without).contains("root.key"), "{}", said(&without));
    let (new, ended) = scene.rotate(&["recover-root"]);
    assert_eq!(ended.len(), 1);
    assert_ne!(new, ended[0]);
    // The new root speaks, and a root that changes its own key does so too.
    scene.rotate(&["rotate", "officer"]);
    scene.rotate(&["rotate", "recovery"]);
    let (newest, ended) = scene.rotate(&["rotate", "root"]);
    assert_eq!(ended, [new]);
    let (code, findings, report) = scene.judged();
    assert_eq!(code, Some(0), "{findings:?}");
    let roots = keys_of(&report, "ROOT");
    // Of the three, the newest has signed nothing yet.
    assert_eq!((roots.len(), roots.iter().filter(|(_, ended)| !ended).count()), (2, 0), "{roots:?}, newest {newest}");
    assert_eq!(keys_of(&report, "RECOVERY").len(), 1);
    // Who stole the first root key has nothing.
    fs::remove_file(scene.key("root.key")).expect("removed");
    fs::copy(&stolen, scene.key("root.key")).expect("copied");
    let refused = scene.stage.try_zegel(&["key", "rotate", "approver", "--plain"]);
    assert!(!refused.status.success() && said(&refused).contains("ended at entry"), "{}", said(&refused));
}

#[test]
fn a_log_changes_its_key_and_old_receipts_new_bundles_and_unpinned_trust_files_all_hold() {
    let mut scene = Scene::new();
    scene.imports(3);
    let before = scene.export();
    let pinned = scene.stage.path("pinned.txt");
    fs::copy(scene.stage.trust(), &pinned).expect("copied");
    let refused = scene.stage.try_zegel(&["key", "rotate", "log", "--plain"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("log-2.key first (other_log_keys"), "{}", said(&refused));
    scene.imports(4);
    assert_eq!(scene.stage.stop(), Some(0));
    let config = scene.key("ledger.toml");
    let text = fs::read_to_string(&config).expect("a configuration") + "other_log_keys = [\"log-2.key\"]\n";
    fs::write(&config, text).expect("written");
    scene.stage.start();
    let old = scene.stage.log_vkey();
    let (new, ended) = scene.rotate(&["rotate", "log"]);
    assert_eq!(ended.len(), 1);
    assert_ne!(scene.stage.log_vkey(), old, "the trust file pins {new}");
    scene.imports(5);
    scene.stage.zegel(&["status"]);
    let (code, findings, _) = scene.judged();
    assert_eq!(code, Some(0), "{findings:?}");
    let after = scene.stage.path("bundle-2");
    // Bundles of before hold under what pinned the key of then, and under the root alone; no other key passes for it.
    let unpinned = scene.stage.path("unpinned.txt");
    let root =
        fs::read_to_string(&pinned).expect("text").lines().find(|line| line.starts_with("root")).map(String::from);
    fs::write(&unpinned, root.expect("a root line") + "\n").expect("written");
    let code = |bundle: &PathBuf, trust: &PathBuf| verify(bundle, trust, &[]).0;
    assert_eq!(
        (code(&before, &pinned), code(&before, &unpinned), code(&after, &unpinned)),
        (Some(0), Some(0), Some(0))
    );
    assert_eq!((code(&after, &pinned), code(&before, &scene.stage.trust())), (Some(2), Some(2)));
    // Started again, with both keys, and checked as a whole.
    assert_eq!(scene.stage.stop(), Some(0));
    scene.stage.check();
    // Without the new key the ledger does not sign with the old one: it does not begin, or it stops.
    let text = fs::read_to_string(&config).expect("text").replace("other_log_keys = [\"log-2.key\"]\n", "");
    fs::write(&config, text).expect("written");
    let check = command("zegel-ledger").args(["check", "--config"]).arg(&config).output().expect("it runs");
    assert!(check.status.code().is_some(), "it ends: {}", said(&check));
}
