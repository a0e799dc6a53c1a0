//! Archive keys: one is enough, none is the end, and a new one opens what comes after it.

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use zegel_tests::Stage;

const CUSTODIAN: &str = "Anna de Boer";
const TITLE: &str = "Overleg";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn import(stage: &Stage, messages: usize) {
    let chat = stage.path("_chat.txt");
    let line = |n| format!("[31-05-2022 16:{:02}:{:02}] {CUSTODIAN}: bericht {n}\n", n / 60, n % 60);
    fs::write(&chat, (0..messages).map(line).collect::<String>()).expect("a chat");
    let path = chat.display().to_string();
    let whose = ["--custodian", CUSTODIAN, "--conversation", TITLE, "--timezone", "Europe/Amsterdam"];
    stage.zegel(&[&["import", "whatsapp", &path], &whose[..]].concat());
}

fn export(stage: &Stage, name: &str) -> (PathBuf, Output) {
    let out = stage.path(name);
    let text = out.display().to_string();
    let arguments =
        ["export", "--custodian", CUSTODIAN, "--case", "zaak 1", "--recipient", "inspectie", "--out", &text];
    let output = stage.try_zegel(&arguments);
    (out, output)
}

#[test]
fn with_one_archive_key_destroyed_all_still_opens_and_with_none_nothing_does() {
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", CUSTODIAN, "--account", "whatsapp:+31600000000:business"]);
    stage.zegel(&["register", "conversation", "--title", TITLE, "--channel", "whatsapp"]);
    import(&stage, 3);
    let key = |number: u8| stage.keys().join(format!("archive-{number}.key"));
    fs::remove_file(key(1)).expect("destroyed");
    let (bundle, output) = export(&stage, "one-left");
    assert!(output.status.success(), "{}", said(&output));
    let (code, report) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{report:#}");

    // Two are in use in the log: none may be retired before there is a third.
    let ministry: serde_json::Value =
        serde_json::from_slice(&fs::read(stage.keys().join("ministry.json")).expect("a file")).expect("JSON");
    let lost = ministry["archive_keys"][0]["id"].as_str().expect("an id").to_owned();
    let refused = stage.try_zegel(&["key", "retire-archive", "--key", &lost]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("1 archive keys would be left in use, at least 2"), "{}", said(&refused));
    stage.zegel(&["key", "add-archive", "--plain"]);
    stage.zegel(&["key", "retire-archive", "--key", &lost]);
    let again = stage.try_zegel(&["key", "retire-archive", "--key", &lost]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    import(&stage, 5);
    let (bundle, output) = export(&stage, "with-a-third");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(stage.verify(&bundle, &[]).0, Some(0));

    // The third alone opens what came after it, not what was before; with none nothing opens, and nothing is left behind.
    let second = stage.path("second.key");
    fs::rename(key(2), &second).expect("moved");
    let (bundle, output) = export(&stage, "third-alone");
    assert!(!output.status.success() && !bundle.exists(), "{}", said(&output));
    fs::remove_file(key(3)).expect("destroyed");
    let (bundle, output) = export(&stage, "none");
    assert!(!output.status.success() && !bundle.exists(), "{}", said(&output));
    fs::rename(&second, key(2)).expect("found again");
    let (bundle, output) = export(&stage, "found-again");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(stage.verify(&bundle, &[]).0, Some(0));
}
