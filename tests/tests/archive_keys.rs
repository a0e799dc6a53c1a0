//! Archive keys: one is enough, none is the end, and a new one opens what comes after it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use zegel_tests::{Stage, command};

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

#[test]
fn any_three_of_five_shares_open_everything_again_and_two_do_not() {
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", CUSTODIAN, "--account", "whatsapp:+31600000000:business"]);
    stage.zegel(&["register", "conversation", "--title", TITLE, "--channel", "whatsapp"]);
    import(&stage, 3);
    let ministry: serde_json::Value =
        serde_json::from_slice(&fs::read(stage.keys().join("ministry.json")).expect("a file")).expect("JSON");
    let id = ministry["archive_keys"][0]["id"].as_str().expect("an id").to_owned();
    let keys = stage.keys().display().to_string();
    let run = |arguments: &[&str]| {
        let output = command("zegel").args(["key"]).args(arguments).args(["--keys", &keys]).output().expect("it runs");
        (output.status.code(), said(&output))
    };
    let folder = stage.path("shares");
    let out = folder.display().to_string();
    let (code, told) = run(&["split", "--key", &id, "--needed", "3", "--shares", "5", "--out", &out]);
    assert_eq!(code, Some(0), "{told}");
    let share = |number: u8| folder.join(format!("archive-1.share-{number}-of-5.txt")).display().to_string();
    for number in 1..=5 {
        let path = share(number);
        assert_eq!(fs::metadata(&path).expect("a share").permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).expect("text");
        assert!(text.contains("NEDERLANDS\n") && text.contains("ENGLISH\n"), "{text}");
        let secret = text.lines().find_map(|line| line.strip_prefix("secret ")).expect("a secret");
        assert!(!told.contains(&secret[..19]) && !stage.log().contains(&secret[..19]));
    }
    // Both keys are destroyed, and three of the shares.
    for number in 1..=2 {
        fs::remove_file(stage.keys().join(format!("archive-{number}.key"))).expect("destroyed");
    }
    let (bundle, output) = export(&stage, "none");
    assert!(!output.status.success() && !bundle.exists(), "{}", said(&output));
    let kept = fs::read(share(4)).expect("a share");
    for number in [1, 3, 4] {
        fs::remove_file(share(number)).expect("destroyed");
    }
    let (code, told) = run(&["join", &share(2), &share(5), "--plain"]);
    assert!(code == Some(2) && told.contains("2 different shares are there, 3 are needed"), "{told}");
    let (code, told) = run(&["join", &share(2), &share(5), &share(2), "--plain"]);
    assert!(code == Some(2) && told.contains("2 different shares are there, 3 are needed"), "{told}");
    zegel_keys::write_new(std::path::Path::new(&share(4)), &kept).expect("found again");
    let three = [share(2), share(5), share(4)];
    let three: Vec<&str> = three.iter().map(String::as_str).collect();
    let (code, told) = run(&[&["join"], &three[..], &["--check"]].concat());
    assert!(code == Some(0) && told.contains("nothing was written"), "{told}");
    assert!(!stage.keys().join("archive-1.key").exists());
    let (code, told) = run(&[&["join"], &three[..], &["--plain"]].concat());
    assert_eq!(code, Some(0), "{told}");
    let (bundle, output) = export(&stage, "joined");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(stage.verify(&bundle, &[]).0, Some(0));
    // The neighbours: a key file is never overwritten, and a changed share is told by its name.
    let (code, told) = run(&[&["join"], &three[..], &["--plain"]].concat());
    assert!(code == Some(3) && told.contains("archive-1.key is there already"), "{told}");
    let text = String::from_utf8(kept).expect("text");
    let at = text.find("\nsecret ").expect("a secret") + 8;
    let other = if &text[at..=at] == "0" { "1" } else { "0" };
    fs::write(share(4), [&text[..at], other, &text[at + 1..]].concat()).expect("written");
    let (code, told) = run(&[&["join"], &three[..], &["--check"]].concat());
    assert!(code == Some(2) && told.contains("archive-1.share-4-of-5.txt was changed"), "{told}");
}
