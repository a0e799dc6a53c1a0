//! Bags: the conformance suite of the Library of Congress, and the neighbours of a good bag.
//!
//! None of the suite's bags is a bundle, so all are refused; what is held here is that each bad one is refused as a bag,
//! also when it is told as a bundle otherwise good.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

mod maker;

use maker::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use zegel_verifier::bundle::{BagError, Refusal};
use zegel_verifier::hash::sha256;

fn suite() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("ZEGEL_SHARED").map_or(beside, PathBuf::from).join("bagit");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("\n*** SKIPPED: {} is not there; set ZEGEL_SHARED. This test proved nothing. ***\n", folder.display());
    None
}

fn read(top: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read(top, &path, files);
        } else {
            let name = path.strip_prefix(top).expect("below").display().to_string();
            files.insert(name, fs::read(&path).expect("reads"));
        }
    }
}

fn bag_error(files: &Files, trust: &str) -> BagError {
    match verify(files, trust).expect_err("must be refused") {
        Refusal::Bag(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_bag_of_the_suite_is_refused_as_a_bag() {
    let Some(suite) = suite() else { return };
    let (log, _) = honest(1);
    let mut count = 0;
    for kind in ["v0.97/invalid", "v1.0/invalid", "v0.97/valid", "v1.0/valid"] {
        for entry in fs::read_dir(suite.join(kind)).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                let mut files = BTreeMap::new();
                read(&entry, &entry, &mut files);
                bag_error(&Files { files }, &log.trust());
                count += 1;
            }
        }
    }
    assert!(count > 15, "{count} bags");
}

/// A good bundle whose tag file is exchanged for one of the suite, with all digests made good again.
fn told(suite: &Path, bag: &str, tag: &str) -> BagError {
    let (log, plan) = honest(1);
    let mut files = log.evidence(&plan).pack().bag();
    files.files.insert(tag.into(), fs::read(suite.join(bag).join(tag)).expect("reads"));
    tags(&mut files);
    bag_error(&files, &log.trust())
}

/// Lists the tag files as they are now.
fn tags(files: &mut Files) {
    let line = |tag: &str| format!("{}  {tag}\n", sha256(&[&files.files[tag]]));
    let all: String = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt"].map(line).concat();
    files.files.insert("tagmanifest-sha256.txt".into(), all.into_bytes());
}

#[test]
fn bad_declarations_and_manifests_of_the_suite_are_refused_for_that_reason() {
    let Some(suite) = suite() else { return };
    for bag in [
        "v1.0/invalid/bagit-with-invalid-whitespace",
        "v0.97/invalid/bom-in-bagit.txt",
        "v0.97/invalid/baginfo-missing-encoding",
        "v0.97/invalid/invalid-version-number",
    ] {
        assert_eq!(told(&suite, bag, "bagit.txt"), BagError::Declaration, "{bag}");
    }
    let bag = "v1.0/invalid/same-filename-listed-twice-with-the-same-hash";
    let reason = told(&suite, bag, "manifest-sha256.txt");
    assert!(matches!(reason, BagError::Unlistable { line: 1, .. }), "{reason:?}");
}

#[test]
fn a_manifest_that_lists_twice_too_little_or_elsewhere_is_refused() {
    let (log, plan) = honest(1);
    let good = log.evidence(&plan).pack().bag();
    let with = |change: &dyn Fn(String) -> String| {
        let mut files = good.clone();
        let manifest = String::from_utf8(files.files["manifest-sha256.txt"].clone()).expect("text");
        files.files.insert("manifest-sha256.txt".into(), change(manifest).into_bytes());
        tags(&mut files);
        bag_error(&files, &log.trust())
    };
    let (path, part) = ("manifest-sha256.txt", "data/evidence-0001".to_owned());
    let first = |manifest: &str| manifest.lines().next().expect("a line").to_owned() + "\n";
    assert_eq!(with(&|m| m.clone() + &first(&m)), BagError::ListedTwice { path, file: part.clone() });
    assert_eq!(with(&|m| m.replace(&first(&m), "")), BagError::Unlisted { path, file: part.clone() });
    for name in
        ["../data/evidence-0001", "/data/evidence-0001", "data/../x", "data/Evidence-0001", "data/evidence-0002"]
    {
        let reason = with(&|m| m.replace("data/evidence-0001", name));
        assert_eq!(reason, BagError::Unlistable { path, line: 1, file: name.into() });
    }
    assert_eq!(with(&|m| m.to_uppercase()), BagError::Line { path, line: 1 });
    assert_eq!(
        with(&|m| m.replace('\n', "\r\n")).to_string(),
        "line 1 of manifest-sha256.txt lists \"data/evidence-0001\\r\", which is not there or may not be listed"
    );
    assert_eq!(with(&|m| m.trim_end().to_owned()), BagError::Line { path, line: 2 });
    assert_eq!(with(&|m| m.replacen("  ", " *", 1)), BagError::Line { path, line: 1 });
    let reason = with(&|m| m.replacen(&first(&m)[..64], &"0".repeat(64), 1));
    assert!(matches!(reason, BagError::Digest { file, .. } if file == part));
}

#[test]
fn parts_that_are_missing_in_between_or_named_otherwise_are_refused() {
    let (log, plan) = honest(1);
    let mut evidence = log.evidence(&plan);
    evidence.parts = 3;
    let good = evidence.pack().bag();
    assert!(verify(&good, &log.trust()).is_ok());
    let rename = |from: &str, to: &str| {
        let mut files = good.clone();
        let bytes = files.files.remove(from).expect("the file");
        files.files.insert(to.into(), bytes);
        files.manifest();
        bag_error(&files, &log.trust())
    };
    let missing = |number| BagError::FileMissing { path: format!("data/evidence-000{number}") };
    assert_eq!(rename("data/evidence-0003", "data/evidence-0004"), missing(3));
    assert_eq!(rename("data/evidence-0001", "data/evidence-0004"), missing(1));
    for name in [
        "data/evidence-1",
        "data/evidence-00003",
        "data/evidence-0000",
        "data/evidence-+003",
        "data/é",
        "data/attachments/AB",
    ] {
        assert_eq!(rename("data/evidence-0003", name), BagError::UnknownFile { path: name.into() });
    }
}

#[test]
fn parts_in_another_order_are_refused() {
    let (log, plan) = honest(3);
    let mut evidence = log.evidence(&plan);
    evidence.parts = 3;
    let mut bundle = evidence.pack();
    bundle.parts.swap(1, 2);
    bundle.sign();
    assert!(verify(&bundle.bag(), &log.trust()).is_err());
}
