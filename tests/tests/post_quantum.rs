//! A cosignature for the time after Ed25519: off by default, checked when it is there, demanded by policy.

use std::fs;
use std::path::{Path, PathBuf};
use zegel_tests::{Stage, verify};

const CUSTODIAN: &str = "Anna de Boer";

fn export(stage: &Stage, name: &str) -> PathBuf {
    let out = stage.path(name);
    let text = out.display().to_string();
    stage.zegel(&["export", "--custodian", CUSTODIAN, "--recipient", "inspectie", "--out", &text]);
    out
}

/// The verdict, and the id of the reason for which a bundle is refused.
fn judged(bundle: &Path, trust: &Path) -> (Option<i32>, String) {
    let (code, report) = verify(bundle, trust, &[]);
    (code, report["reason"]["id"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_cosignature_that_outlives_ed25519_is_demanded_by_policy_and_no_other_passes_for_it() {
    let mut stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", CUSTODIAN]);
    let without = export(&stage, "without");
    let made = zegel_tests::command("zegel")
        .args(["--json", "key", "add-post-quantum", "--plain", "--keys"])
        .arg(stage.keys())
        .output()
        .expect("it runs");
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let vkey = made["result"]["vkey"].as_str().expect("a key").to_owned();
    assert_eq!(stage.stop(), Some(0));
    let config = stage.keys().join("ledger.toml");
    let text = fs::read_to_string(&config).expect("text") + "post_quantum_key = \"log-post-quantum.key\"\n";
    fs::write(&config, text).expect("written");
    stage.start();
    let with = export(&stage, "with");

    let pinned = fs::read_to_string(stage.trust()).expect("a trust file");
    let trust = |name: &str, lines: &str| {
        let path = stage.path(name);
        fs::write(&path, format!("{pinned}{lines}")).expect("written");
        path
    };
    let demanded = trust("demanded.txt", &format!("witness later {vkey}\nquorum later\n"));
    let known = trust("known.txt", &format!("witness later {vkey}\n"));
    assert_eq!(judged(&with, &stage.trust()).0, Some(0), "who does not know the key passes it over");
    assert_eq!(judged(&with, &known).0, Some(0));
    assert_eq!(judged(&with, &demanded).0, Some(0));
    let (_, report) = verify(&with, &demanded, &[]);
    assert_eq!(report["report"]["log"]["cosignatures"][0]["name"], "later", "{report:#}");
    assert_eq!(judged(&without, &known).0, Some(0), "known and not there is no fault");
    assert_eq!(judged(&without, &demanded), (Some(2), "QUORUM".into()));

    // Another key of that kind did not cosign, and a key of the older kind under the same name is another one.
    let other = Stage::new();
    let made = zegel_tests::command("zegel")
        .args(["--json", "key", "add-post-quantum", "--plain", "--keys"])
        .arg(other.keys())
        .output()
        .expect("it runs");
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let stranger = made["result"]["vkey"].as_str().expect("a key");
    let strange = trust("strange.txt", &format!("witness later {stranger}\nquorum later\n"));
    assert_eq!(judged(&with, &strange), (Some(2), "QUORUM".into()));
    let cut = trust("cut.txt", &format!("witness later {}\nquorum later\n", &vkey[..vkey.len() - 4]));
    assert_eq!(judged(&with, &cut).0, Some(3), "a key that is cut is no key");

    // Started again and checked as a whole: what is cosigned is no truth of the log.
    assert_eq!(stage.stop(), Some(0));
    stage.check();
}
