//! Who knows what: the arrows between the rooms, and the pages that the code names.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Rust files below a folder, with their text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).expect("a folder") {
        let path = item.expect("an item").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            found.push((path.display().to_string(), text));
        }
    }
    found
}

/// Files of these folders that say a word outside the places where it may be said.
fn sayers(folders: &[&str], word: &str, allowed: &[&str]) -> Vec<String> {
    let all = folders.iter().flat_map(|folder| files(&root().join(folder)));
    let says =
        all.filter(|(_, text)| text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word)));
    says.map(|(path, _)| path).filter(|path| !allowed.iter().any(|allowed| path.contains(allowed))).collect()
}

const NONE: [String; 0] = [];

#[test]
fn only_the_store_knows_rocksdb() {
    let rooms = ["proto/src", "verifier/src", "ledger/src", "tools/src"];
    assert_eq!(sayers(&rooms, "rocksdb::", &["ledger/src/store"]), NONE);
    assert!(!sayers(&["ledger/src"], "rocksdb::", &[]).is_empty(), "the search finds what is there");
}

#[test]
fn only_the_read_api_and_the_lines_to_witnesses_homeservers_and_officers_know_http() {
    let rooms = ["proto/src", "verifier/src", "ledger/src", "tools/src"];
    let lines = [
        "ledger/src/witnessing/line.rs",
        "tools/src/witness/http.rs",
        "tools/src/sidecar/appservice.rs",
        "tools/src/sidecar/homeserver.rs",
        "tools/src/desk/http.rs",
    ];
    let spoken = [&["ledger/src/http"], &lines[..]].concat();
    for word in ["hyper::", "http_body_util::"] {
        assert_eq!(sayers(&rooms, word, &spoken), NONE);
    }
    assert_eq!(sayers(&rooms, "axum::", &["ledger/src/metrics.rs"]), NONE);
    assert!(!sayers(&["ledger/src"], "hyper::", &[]).is_empty(), "the search finds what is there");
}

#[test]
fn archive_keys_open_in_one_place_that_wants_to_see_what_was_logged() {
    let rooms = ["proto/src", "verifier/src", "ledger/src", "tools/src"];
    let place = ["tools/src/opening.rs", "tools/src/seal/"];
    for word in ["DossierKey::open(", "open_checked(", ".apply(&sent"] {
        assert_eq!(sayers(&rooms, word, &place), NONE, "{word}");
        assert!(!sayers(&["tools/src"], word, &["tools/src/seal/"]).is_empty(), "the search finds what is there");
    }
    // An opening is made of what was logged, and that of a receipt.
    let text = fs::read_to_string(root().join(place[0])).expect("text");
    assert!(text.contains("fn new(_: &Logged,") && text.contains("Ok(Self { placed: officer.append(drafts).await? })"));
    assert_eq!((text.matches("Logged {").count(), text.matches("Self { placed").count()), (2, 1), "made in one way");
    // What it gave to open with is dropped with it: an archive key is taken by a command, an opening, and what makes and keeps keys.
    assert_eq!(
        sayers(&rooms, "Opening::new(", &["tools/src/reading.rs", "tools/src/export", "tools/src/rewrap.rs"]),
        NONE
    );
}

#[test]
fn only_the_room_of_keys_knows_tokens_and_forms_of_key_files() {
    let rooms = ["proto/src", "verifier/src", "ledger/src", "tools/src", "ledger/keys/src"];
    for word in ["cryptoki::", "region::", "pkcs8::"] {
        assert_eq!(sayers(&rooms, word, &["ledger/keys/src", "tools/src/keys/folder.rs"]), NONE, "{word}");
        assert!(!sayers(&["ledger/keys/src"], word, &[]).is_empty(), "the search finds what is there");
    }
}

/// Types that hold what is wiped, and whose `Debug` was derived: it would print it.
fn shown_secrets(text: &str) -> Vec<&str> {
    let mut shown = Vec::new();
    for (at, _) in text.match_indices("struct ").chain(text.match_indices("enum ")) {
        let name = text[at..].split_whitespace().nth(1).unwrap_or_default();
        let Some(end) = text[at..].find("\n}\n").into_iter().chain(text[at..].find(");\n")).min() else { continue };
        let holds = ["Zeroizing<", "SigningKey", "PrivateKey"].iter().any(|word| text[at..at + end].contains(word));
        let above = text[..at].lines().rev().skip(1).take_while(|line| {
            let line = line.trim_start();
            line.starts_with("#[") || line.starts_with("///")
        });
        let begins_a_line =
            text[..at].lines().next_back().is_some_and(|line| line.is_empty() || line.trim_start().starts_with("pub"));
        if holds && begins_a_line && above.into_iter().any(|line| line.contains("derive(") && line.contains("Debug")) {
            shown.push(name);
        }
    }
    shown
}

#[test]
fn no_type_that_holds_a_secret_derives_debug() {
    let of = |room: &&str| files(&root().join(room));
    for (path, text) in ["ledger/keys/src", "ledger/src", "tools/src"].iter().flat_map(of) {
        assert_eq!(shown_secrets(&text), Vec::<&str>::new(), "{path}");
    }
    let seen = "/// A key.\n#[derive(Clone, Debug)]\npub struct Key {\n    secret: Zeroizing<[u8; 32]>,\n}\n";
    assert_eq!(shown_secrets(seen), ["Key"], "the search finds what is there");
    assert_eq!(shown_secrets(&seen.replace(", Debug", "")), Vec::<&str>::new());
}

#[test]
fn the_verifier_knows_no_grpc_and_no_runtime() {
    for word in ["tonic::", "tokio::", "rocksdb::"] {
        assert_eq!(sayers(&["verifier/src"], word, &[]), NONE);
    }
}

#[test]
fn the_log_and_its_trees_read_no_clock_file_or_socket() {
    for word in ["SystemTime", "Instant::now", "std::fs", "std::net", "std::env", "tokio::"] {
        assert_eq!(sayers(&["ledger/src/log", "ledger/src/tree"], word, &[]), NONE, "{word}");
    }
}

#[test]
fn every_page_that_the_code_names_is_there() {
    let rooms = ["proto/src", "verifier/src", "ledger/keys/src", "ledger/src", "tools/src"];
    let mut missing = Vec::new();
    for (path, text) in rooms.iter().flat_map(|room| files(&root().join(room))) {
        for rest in text.split("specs/").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            if rest[name.len()..].starts_with(".md") && !root().join("specs").join(format!("{name}.md")).exists() {
                missing.push(format!("{path}: specs/{name}.md"));
            }
        }
    }
    assert_eq!(missing, NONE);
}
