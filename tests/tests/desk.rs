//! The officer's desk in a real browser: reading, covering, approving with real clicks, and what was approved is exported.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use zegel_tests::{Stage, listening_ports, readout};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

struct Desk(Child);

impl Drop for Desk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: {program} is not installed, the desk was NOT seen in a browser");
    }
    found
}

/// axe-core, where the test of the report has put it.
fn axe() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    Some(home.join(".cache/zegel/tools/axe/node_modules/axe-core/axe.min.js")).filter(|script| script.exists())
}

fn open(stage: &Stage, listen: &str) -> (Desk, String) {
    let mut desk = zegel_tests::command("zegel");
    desk.args(["desk", "--listen", listen, "--ledger", &stage.url(), "--keys"]).arg(stage.keys());
    let mut desk = desk.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(desk.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let url = line.trim().trim_start_matches("open ").to_owned();
    (Desk(desk), url)
}

#[test]
fn an_officer_reads_covers_and_approves_with_real_clicks_and_the_bundle_has_his_covers() {
    if !is_there("node") || !is_there("chromium") {
        return;
    }
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Anna"]);
    stage.zegel(&["register", "conversation", "--title", "Dossier Veerhaven", "--channel", "whatsapp"]);
    let phone = stage.path("chat.txt");
    let original = std::fs::read_dir(readout("anna-android-nl")).expect("a phone").filter_map(Result::ok);
    let text = original.map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "txt"));
    let mut chat = std::fs::read_to_string(text.expect("a chat")).expect("text");
    chat.push_str("05-05-2026 10:00 - Daan Visser: <img src=x onerror=\"window.xss=1\"> <script>window.xss=1</script> \u{202e}moraad\n");
    std::fs::write(&phone, chat).expect("written");
    let import = [
        "import",
        "whatsapp",
        phone.to_str().expect("a path"),
        "--custodian",
        "Anna",
        "--conversation",
        "Dossier Veerhaven",
    ];
    stage.zegel(&[&import[..], &["--timezone", "Europe/Amsterdam"]].concat());
    stage.zegel(&["policy", "four_eyes", "redaction"]);
    let about = ["--regime", "woo", "--requester", "een journalist", "--matter", "Veerhaven", "--custodian", "Anna"];
    stage.zegel(&[&["case", "open", "Woo 2026-17"], &about[..]].concat());

    let (desk, url) = open(&stage, "127.0.0.1:0");
    assert_eq!(listening_ports(desk.0.id()).len(), 1, "one port and no more");
    let out = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from).join("report");
    let mut looked = Command::new("node");
    let looked =
        looked.arg(root().join("tests/browser/desk.mjs")).arg(&url).arg(&out).args(axe()).output().expect("node runs");
    let said = String::from_utf8_lossy(&looked.stdout);
    println!("{said}pictures: {}", out.display());
    assert!(looked.status.success(), "{said}{}", String::from_utf8_lossy(&looked.stderr));
    drop(desk);

    let manifest = said.lines().find_map(|line| line.strip_prefix("manifest ")).expect("a manifest").to_owned();
    let bundle = stage.path("bundle");
    let order = ["export", "--conversation", "Dossier Veerhaven", "--recipient", "Verzoeker", "--manifest", &manifest];
    stage.zegel(&[&order[..], &["--out", bundle.to_str().expect("a path")]].concat());
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    assert_eq!(found["report"]["counts"]["covered_units"], 2);
    assert_eq!(found["report"]["counts"]["covered_by_ground"]["5.1.2i"], 2);
}

#[test]
fn the_desk_is_for_this_machine_only() {
    let stage = Stage::new();
    let output = stage.try_zegel(&["desk", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not on the loopback interface"));
}
