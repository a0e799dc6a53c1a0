//! The library reads no file, clock, socket or environment, and starts threads in two files: only the command does, in `main.rs` and `main/`.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

use std::fs;
use std::path::Path;
use zegel_verifier::bundle::Refusal;

fn sources(folder: &Path, all: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, all);
        } else {
            all.push((path.display().to_string(), fs::read_to_string(&path).expect("text")));
        }
    }
}

#[test]
fn the_library_reads_nothing_but_what_it_is_given() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    sources(&root, &mut all);
    let command = |path: &str| path.ends_with("src/main.rs") || path.contains("src/main/");
    let library: Vec<_> = all.iter().filter(|(path, _)| !command(path)).collect();
    assert!(library.len() > 20, "{} files", library.len());
    for (path, text) in library {
        for forbidden in
            ["std::fs", "std::env", "std::net", "std::time", "std::thread", "std::process", "zip::", "clap"]
        {
            // Threads whose results are taken in order, so that no outcome depends on them: `tests/workers.rs`.
            let starts_threads = ["src/bundle/pool.rs", "src/bundle/digest.rs"].iter().any(|file| path.ends_with(file));
            let is_allowed = forbidden == "std::thread" && starts_threads;
            assert!(is_allowed || !text.contains(forbidden), "{path} uses {forbidden}");
        }
    }
}

#[test]
fn a_refusal_is_small_enough_to_hand_around() {
    // Every step of the walk gives one back.
    assert!(size_of::<Refusal>() < 128, "{} bytes", size_of::<Refusal>());
}
