//! A witness that we did not write cosigns our log: transparency-dev/witness, built from the Go module proxy, as published.
//!
//! A real ledger asks a real witness, and the verifier's own policy judges what came of it. Where Go or the module proxy is
//! absent, the test says so on the terminal itself and proves nothing. What Go builds lies in the cache, outside the clone.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use zegel_tests::witness::eventually;
use zegel_tests::{ORIGIN, Stage, listening_port};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::note::{TYPE_COSIGNATURE, TYPE_ED25519, VerifierKey};
use zegel_verifier::trust::Trust;

/// The newest version whose dependencies the module proxy has; another is a change of this line.
const VERSION: &str = "v0.0.0-20260617164027-9332986a94a4";
const MODULE: &str = "github.com/transparency-dev/witness/cmd/omniwitness";

/// Said past the harness, which keeps the output of tests that pass.
fn skipped(why: &str) {
    let mut terminal = std::io::stderr().lock();
    let _ = writeln!(terminal, "\n*** SKIPPED, NOTHING WAS PROVEN: {why} ***\n");
}

/// The witness, built; nothing, loudly, where Go or the module proxy is absent.
fn omniwitness() -> Option<PathBuf> {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/zegel");
    let cache = std::env::var_os("ZEGEL_CACHE").map_or_else(home, PathBuf::from).join("go");
    let folder = cache.join(format!("omniwitness-{VERSION}"));
    let path = folder.join("omniwitness");
    if path.exists() {
        return Some(path);
    }
    let built = std::fs::create_dir_all(&folder).and_then(|()| {
        let mut go = Command::new("go");
        go.args(["install", &format!("{MODULE}@{VERSION}")]).current_dir(&folder).env("GOBIN", &folder);
        go.env("GOFLAGS", "-buildvcs=false").env("GOTOOLCHAIN", "local").output()
    });
    let reason = match built {
        Ok(output) if output.status.success() => return Some(path),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(reason) => reason.to_string(),
    };
    skipped(&format!("Go or its module proxy is absent, so transparency-dev/witness did NOT cosign our log: {reason}"));
    None
}

/// A running witness of others.
struct Omniwitness(Child);

impl Drop for Omniwitness {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A key as Go writes it: `PRIVATE+KEY+name+id+base64(type ‖ seed)`; and the vkey of its cosignatures.
fn key(name: &str, seed: [u8; 32]) -> (String, VerifierKey) {
    use base64::Engine;
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    let vkey = |kind| VerifierKey::new(name, kind, public).expect("a name");
    let id: String = vkey(TYPE_ED25519).id().iter().map(|byte| format!("{byte:02x}")).collect();
    let secret = base64::engine::general_purpose::STANDARD.encode([&[TYPE_ED25519], &seed[..]].concat());
    (format!("PRIVATE+KEY+{name}+{id}+{secret}"), vkey(TYPE_COSIGNATURE))
}

#[test]
fn a_witness_that_we_did_not_write_cosigns_what_a_real_ledger_publishes() {
    let Some(program) = omniwitness() else { return };
    let mut stage = Stage::new();
    let (secret, vkey) = key("others.example/witness", [42; 32]);
    let (key_file, logs) = (stage.path("others.key"), stage.path("logs.yaml"));
    std::fs::write(&key_file, secret).expect("written");
    let log = stage.log_vkey();
    let known = format!("Logs:\n  - Origin: {ORIGIN}\n    URL: http://127.0.0.1:9/\n    PublicKey: {log}\n");
    std::fs::write(&logs, known).expect("written");
    let said = std::fs::File::create(stage.path("others.log")).expect("a log");
    let mut witness = Command::new(program);
    witness.args(["--listen", "127.0.0.1:0", "--metrics_listen", ""]);
    witness.arg("--private_key_path").arg(&key_file).arg("--additional_logs").arg(&logs);
    witness.arg("--db_file").arg(stage.path("others.db")).stdin(Stdio::null()).stderr(said);
    let witness = Omniwitness(witness.spawn().expect("it starts"));
    let port = eventually("the witness of others listens", || listening_port(witness.0.id()));

    let line = format!("witness others {}", vkey.print());
    stage.ask_witnesses(&format!("{line} http://127.0.0.1:{port}\nquorum others\n"));
    for number in 0..3 {
        let title = format!("Dossier {number}");
        stage.zegel(&["register", "conversation", "--title", &title, "--channel", "whatsapp"]);
        // Each time from the size before, with a proof between the two.
        eventually("it cosigns the newest checkpoint", || {
            let status: serde_json::Value = serde_json::from_str(&stage.zegel(&["--json", "status"])).expect("JSON");
            let cosigned = &status["result"]["cosigned"];
            assert_eq!(cosigned["witnesses"][0]["problem"].as_str(), None, "{cosigned}");
            (cosigned["size"] == status["result"]["size"]).then_some(())
        });
    }
    // What the ledger keeps is good under the policy of a reader who trusts that witness only.
    let note = std::fs::read(stage.keys().join("store/cosigned")).expect("the cosigned checkpoint");
    let pinned = std::fs::read_to_string(stage.trust()).expect("a trust file");
    let trust = Trust::parse(format!("{pinned}{line}\nquorum others\n").as_bytes()).expect("a trust file");
    let claimed = ClaimedCheckpoint::parse(&note).expect("a checkpoint");
    let key = trust.log_key().expect("pinned");
    let checkpoint = VerifiedCheckpoint::verify(claimed, ORIGIN, key).expect("signed by the log");
    assert!(trust.is_quorum(&trust.vouched(&checkpoint).expect("good cosignatures")));
}
