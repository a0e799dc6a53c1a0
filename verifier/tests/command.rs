//! The command: folders and zips, exit codes, one document, and nothing shown of what is refused.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

mod maker;

use maker::*;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;
use zegel_verifier::commit::CoveredUnit;
use zegel_verifier::kinds::chat;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zegel-verifier")).args(arguments).output().expect("the command runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|reason| panic!("{reason}: {}", text(output)))
}

/// A folder with a trust file and whatever a test puts beside it.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new(log: &Log) -> Self {
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join("trust"), log.trust()).expect("writes");
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn put(&self, files: &Files) -> String {
        for (path, bytes) in &files.files {
            let path = self.folder.path().join("bag").join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("makes folders");
            fs::write(path, bytes).expect("writes");
        }
        self.path("bag")
    }

    fn zip(&self, names: &[(String, Vec<u8>)]) -> String {
        let mut zip = zip::ZipWriter::new(fs::File::create(self.path("bag.zip")).expect("a file"));
        for (name, bytes) in names {
            zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).expect("an entry");
            zip.write_all(bytes).expect("writes");
        }
        zip.finish().expect("a zip");
        self.path("bag.zip")
    }

    fn verify(&self, bundle: &str, more: &[&str]) -> Output {
        let trust = self.path("trust");
        run(&[&["verify", bundle, "--trust", &trust, "--lang", "en"], more].concat())
    }
}

fn below(top: &str, files: &Files) -> Vec<(String, Vec<u8>)> {
    files.files.iter().map(|(path, bytes)| (format!("{top}{path}"), bytes.clone())).collect()
}

fn good() -> (Desk, Files) {
    let (log, plan) = honest(5);
    (Desk::new(&log), log.evidence(&plan).pack().bag())
}

#[test]
fn a_folder_and_a_zip_of_it_verify() {
    let (desk, files) = good();
    for bundle in [desk.put(&files), desk.zip(&below("bag/", &files))] {
        let output = desk.verify(&bundle, &[]);
        assert_eq!(code(&output), 0, "{}", text(&output));
        assert!(text(&output).starts_with("VERIFIED\n"), "{}", text(&output));
        let output = desk.verify(&bundle, &["--json", "--nonce", "kenmerk-1"]);
        assert_eq!((code(&output), &json(&output)["verdict"]), (0, &serde_json::json!("verified")));
        assert_eq!(json(&output)["report"]["counts"]["events"], 6);
    }
}

#[test]
fn exit_codes_tell_refused_from_not_checked_and_json_is_one_document() {
    let (desk, files) = good();
    let bundle = desk.put(&files);
    let output = desk.verify(&bundle, &["--json", "--nonce", "een ander"]);
    assert_eq!((code(&output), &json(&output)["reason"]["id"]), (2, &serde_json::json!("NONCE")));
    let output = desk.verify(&bundle, &["--json", "--min-entries", "1000"]);
    assert_eq!((code(&output), &json(&output)["reason"]["id"]), (2, &serde_json::json!("AS_OF")));
    let output = desk.verify(&desk.path("nowhere"), &["--json"]);
    assert_eq!((code(&output), &json(&output)["reason"]["id"]), (3, &serde_json::json!("UNREADABLE")));
    let output = desk.verify(&bundle, &["--json", "--no-such-flag"]);
    assert_eq!((code(&output), &json(&output)["reason"]["id"]), (3, &serde_json::json!("USAGE")));
    fs::write(desk.path("trust"), "root nothing\n").expect("writes");
    let output = desk.verify(&bundle, &["--json"]);
    assert_eq!((code(&output), &json(&output)["reason"]["id"]), (3, &serde_json::json!("TRUST_FILE")));
    assert_eq!(code(&run(&["--version"])), 0);
    assert_eq!(code(&run(&["verify"])), 3);
}

#[test]
fn warnings_count_only_when_strict_and_errors_always() {
    let mut log = Log::with_messages(3);
    let gap = log.captured(zegel_proto::v1::EventKind::GapDeclared, vec![], vec![]);
    log.batch(Who::Source, vec![gap]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let desk = Desk::new(&log);
    let bundle = desk.put(&log.evidence(&plan).pack().bag());
    assert_eq!(code(&desk.verify(&bundle, &[])), 0);
    assert_eq!(code(&desk.verify(&bundle, &["--strict"])), 1);

    let mut log = Log::with_messages(3);
    let revoked = Log::revoked(log.source.public(), 1);
    log.batch(Who::Root, vec![revoked]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let desk = Desk::new(&log);
    let bundle = desk.put(&log.evidence(&plan).pack().bag());
    assert_eq!(code(&desk.verify(&bundle, &[])), 1);
}

#[test]
fn what_is_not_a_plain_bag_is_refused() {
    let refused = |change: &dyn Fn(&Path)| {
        let (desk, files) = good();
        let bundle = desk.put(&files);
        change(Path::new(&bundle));
        let output = desk.verify(&bundle, &["--json"]);
        (code(&output), json(&output)["reason"]["id"].as_str().unwrap_or_default().to_owned())
    };
    let bag = (2, "BAG".to_owned());
    assert_eq!(refused(&|bag| fs::write(bag.join("data/extra"), "x").expect("writes")), bag);
    assert_eq!(refused(&|bag| fs::write(bag.join("fetch.txt"), "x").expect("writes")), bag);
    assert_eq!(refused(&|bag| fs::write(bag.join("data/Evidence-0001"), "x").expect("writes")), bag);
    assert_eq!(refused(&|bag| fs::create_dir(bag.join("data/more")).expect("makes")), bag);
    assert_eq!(refused(&|bag| fs::remove_file(bag.join("bagit.txt")).expect("removes")), bag);
    let append = |file: &'static str, more: &'static str| {
        refused(&move |bag: &Path| {
            let mut bytes = fs::read(bag.join(file)).expect("reads");
            bytes.extend(more.as_bytes());
            fs::write(bag.join(file), bytes).expect("writes");
        })
    };
    assert_eq!(append("bagit.txt", "\n"), bag);
    assert_eq!(append("manifest-sha256.txt", "\n"), bag);
    assert_eq!(append("data/evidence-0001", "\0"), (2, "CANONICAL".to_owned()));
    assert_eq!(append("data/export-statement", "\0"), bag);
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let (desk, files) = good();
    let bundle = desk.put(&files);
    let part = Path::new(&bundle).join("data/evidence-0001");
    fs::rename(&part, desk.path("elsewhere")).expect("moves");
    std::os::unix::fs::symlink(desk.path("elsewhere"), &part).expect("links");
    let output = desk.verify(&bundle, &["--json"]);
    assert_eq!(code(&output), 2);
    assert!(json(&output)["reason"]["en"].as_str().unwrap_or_default().contains("link"), "{}", text(&output));
}

#[test]
fn zips_without_one_top_folder_or_with_names_that_climb_are_refused() {
    let (desk, files) = good();
    for top in ["", "/", "../", "./"] {
        let output = desk.verify(&desk.zip(&below(top, &files)), &["--json"]);
        assert_eq!(code(&output), 2, "{top:?}: {}", text(&output));
    }
    for extra in ["other/x", "bag/../x", "bag/data/../../x", "bag//bagit.txt", "bag/data\\x", "bag/BAGIT.TXT"] {
        let mut names = below("bag/", &files);
        names.push((extra.into(), b"x".to_vec()));
        let output = desk.verify(&desk.zip(&names), &["--json"]);
        assert_eq!((code(&output), &json(&output)["reason"]["id"]), (2, &serde_json::json!("BAG")), "{extra}");
    }
}

#[test]
fn a_zip_that_names_a_file_twice_is_refused() {
    let (desk, files) = good();
    let mut names = below("bag/", &files);
    // As long as the real name, so that it can be written over it.
    names.push(("bag/bagit.txX".into(), files.files["bagit.txt"].clone()));
    let path = desk.zip(&names);
    let bytes = fs::read(&path).expect("reads");
    let at = |needle: &[u8]| {
        bytes.windows(needle.len()).enumerate().filter(|(_, w)| *w == needle).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let mut doubled = bytes.clone();
    at(b"bag/bagit.txX").into_iter().for_each(|at| doubled[at..at + 13].copy_from_slice(b"bag/bagit.txt"));
    fs::write(&path, doubled).expect("writes");
    let output = desk.verify(&path, &["--json"]);
    assert_eq!(code(&output), 2, "{}", text(&output));
}

#[test]
fn an_attachment_that_inflates_and_that_nobody_names_is_refused() {
    let (desk, mut files) = good();
    let bomb = vec![0; 80 * 1024 * 1024];
    files.files.insert(format!("data/attachments/{}", zegel_verifier::hash::sha256(&[&bomb])), bomb);
    files.manifest();
    let output = desk.verify(&desk.zip(&below("bag/", &files)), &["--json"]);
    assert_eq!((code(&output), &json(&output)["reason"]["id"]), (2, &serde_json::json!("ATTACHMENT")));
}

#[test]
fn a_timeline_is_shown_with_what_is_covered_and_only_if_all_is_good() {
    let mut log = Log::with_messages(4);
    let item = |slot: usize, first_item, item_count| zegel_proto::v1::RedactionItem {
        entry: 2,
        position: 0,
        slot: slot as u32,
        first_item,
        item_count,
        grounds: vec!["5.1.2e".into()],
    };
    log.manifest(vec![vec![item(chat::SENDER, 0, 0), item(chat::TEXT, 1, 1)]]);
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    let unit = |slot: usize, item| CoveredUnit { slot: slot as u32, item };
    plan.covered = vec![(2, 0, vec![unit(chat::SENDER, None), unit(chat::TEXT, Some(1))])];
    let desk = Desk::new(&log);
    let bundle = desk.put(&log.evidence(&plan).pack().bag());
    let trust = desk.path("trust");
    let show = |more: &[&str]| run(&[&["show", &bundle, "--trust", &trust, "--lang", "en"], more].concat());
    let output = show(&[]);
    assert_eq!(code(&output), 0);
    let shown = text(&output);
    assert!(shown.contains("2022-05-01 00:00 UTC  [C] MESSAGE_CREATED  Afzender <█████>: bericht █████"), "{shown}");
    assert!(shown.contains("bericht 3") && !shown.contains("elders"), "{shown}");
    let lines = text(&show(&["--json"]));
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("one document a line")).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[1]["sender"], "█████");
    let output = show(&["--nonce", "een ander"]);
    assert_eq!(code(&output), 2);
    assert!(!text(&output).contains("bericht"), "{}", text(&output));
}
