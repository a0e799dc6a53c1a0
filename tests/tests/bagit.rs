//! Our bags as others read them, and others' bad bags as we read them: bagit.py of the Library of Congress, and its suite.

use std::path::{Path, PathBuf};
use std::process::Command;
use zegel_tests::verify;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

fn trust() -> PathBuf {
    root().join("tests/fixtures/sample/trust.txt")
}

/// A copy of the sample that may be spoilt.
fn copy(to: &Path) -> PathBuf {
    let bag = to.join("bundle");
    let copied = Command::new("cp").arg("-r").arg(root().join("tests/fixtures/sample/bundle")).arg(&bag).status();
    assert!(copied.expect("cp runs").success());
    bag
}

/// bagit.py 1.8.1 from PyPI, once; without it nobody else has read the bag, and the test says so.
fn bagit() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("HOME")?).join(".cache/zegel/tools/bagit");
    if !folder.join("bagit.py").exists() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--target"]).arg(&folder).arg("bagit==1.8.1");
        let _ = pip.output();
    }
    let found = folder.join("bagit.py").exists();
    if !found {
        eprintln!("SKIPPED: bagit.py is not installed and could not be, NOBODY ELSE has read our bag");
    }
    found.then_some(folder)
}

fn is_accepted(bagit: &Path, bag: &Path) -> bool {
    let mut python = Command::new("python3");
    let output = python.env("PYTHONPATH", bagit).args(["-m", "bagit", "--validate", "--quiet"]).arg(bag).output();
    output.expect("python runs").status.success()
}

fn refusal(bag: &Path) -> String {
    let (code, report) = verify(bag, &trust(), &[]);
    assert_eq!(code, Some(2), "{}: {report:#}", bag.display());
    report["reason"]["id"].as_str().expect("an id").to_owned()
}

#[test]
fn the_library_of_congress_accepts_our_bag() {
    let Some(bagit) = bagit() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let bag = copy(folder.path());
    assert!(is_accepted(&bagit, &bag));
    std::fs::write(bag.join("data/evidence-0001"), b"other").expect("written");
    assert!(!is_accepted(&bagit, &bag), "the oracle sees what is wrong");
}

#[test]
fn every_invalid_bag_of_the_suite_is_refused() {
    let shared = std::env::var_os("ZEGEL_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let mut seen = 0;
    for version in ["v0.97", "v1.0"] {
        let folder = shared.join("data/bagit").join(version).join("invalid");
        let Ok(bags) = std::fs::read_dir(&folder) else {
            eprintln!("SKIPPED: no {}; set ZEGEL_SHARED to test on the conformance suite", folder.display());
            continue;
        };
        for bag in bags.map(|bag| bag.expect("an item").path()).filter(|bag| bag.is_dir()) {
            assert_eq!(refusal(&bag), "BAG", "{}", bag.display());
            seen += 1;
        }
    }
    assert!(seen == 0 || seen >= 15, "only {seen} bags were seen");
}

#[test]
fn each_defect_of_the_suite_is_refused_in_a_bag_of_ours() {
    type Spoil = fn(&Path);
    let defects: [(&str, Spoil); 11] = [
        ("extra-file-in-bag", |bag| std::fs::write(bag.join("data/extra"), b"x").expect("written")),
        ("corrupt-data-file", |bag| std::fs::write(bag.join("data/export-statement"), b"x").expect("written")),
        ("corrupt-tag-file", |bag| std::fs::write(bag.join("bag-info.txt"), b"Source: x\n").expect("written")),
        ("bom-in-bagit.txt", |bag| change(bag, "bagit.txt", |text| format!("\u{feff}{text}"))),
        ("missing-bagit.txt", |bag| std::fs::remove_file(bag.join("bagit.txt")).expect("removed")),
        ("missing-encoding", |bag| {
            change(bag, "bagit.txt", |text| text.lines().next().expect("a line").to_owned() + "\n")
        }),
        ("invalid-version-number", |bag| change(bag, "bagit.txt", |text| text.replace("1.0", ".97"))),
        ("invalid-whitespace", |bag| change(bag, "bagit.txt", |text| text.replace(": ", " : "))),
        ("listed-twice", |bag| {
            change(bag, "manifest-sha256.txt", |text| format!("{text}{}\n", text.lines().next().expect("a line")))
        }),
        ("listed-twice-with-other-hash", |bag| {
            change(bag, "manifest-sha256.txt", |text| {
                let line = text.lines().next().expect("a line");
                format!("{text}{}{}\n", "0".repeat(64), &line[64..])
            });
        }),
        ("path-with-dots", |bag| change(bag, "manifest-sha256.txt", |text| text.replacen("data/", "data/../data/", 1))),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    for (name, spoil) in defects {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).expect("a folder");
        let bag = copy(&place);
        spoil(&bag);
        assert_eq!(refusal(&bag), "BAG", "{name}");
    }
}

fn change(bag: &Path, file: &str, change: impl FnOnce(String) -> String) {
    let path = bag.join(file);
    let text = std::fs::read_to_string(&path).expect("text");
    std::fs::write(path, change(text)).expect("written");
}
