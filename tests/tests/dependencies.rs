//! What the verifier links, as a list that can only grow on purpose.
//!
//! A newcomer to `verifier/dependencies.txt` stands in the same commit as the reason for it. Versions are not in the list:
//! they are in `Cargo.lock`. The list is that of one target, so that it reads the same on every machine.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Network, async runtimes and the store: the verifier answers offline, from the bytes it is given.
const BANNED: [&str; 11] = [
    "tonic",
    "tokio",
    "rocksdb",
    "hyper",
    "reqwest",
    "mio",
    "socket2",
    "rustls",
    "h2",
    "librocksdb-sys",
    "zegel-ledger",
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The first word of each line of `cargo tree`, once each, in order.
fn names(tree: &str) -> BTreeSet<&str> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

fn banned<'a>(names: &BTreeSet<&'a str>) -> Vec<&'a str> {
    names.iter().copied().filter(|name| BANNED.contains(name)).collect()
}

fn verifier_tree() -> String {
    let arguments =
        ["tree", "--package", "zegel-verifier", "--edges", "normal", "--prefix", "none", "--target", TARGET];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo, which runs this test, can be started");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("crate names are ASCII")
}

#[test]
fn the_verifier_links_exactly_what_its_list_says() {
    let tree = verifier_tree();
    let golden = std::fs::read_to_string(root().join("verifier/dependencies.txt")).expect("the list is in the clone");
    let (found, wanted) = (names(&tree), names(&golden));
    let text: String = found.iter().map(|name| format!("{name}\n")).collect();
    assert_eq!(
        (found.difference(&wanted).collect::<Vec<_>>(), wanted.difference(&found).collect::<Vec<_>>()),
        (vec![], vec![]),
        "(not in verifier/dependencies.txt, no longer linked); with good reason, the whole list is to be:\n{text}"
    );
    assert_eq!(golden, text, "verifier/dependencies.txt is sorted, one name a line");
}

#[test]
fn the_verifier_links_no_network_and_no_store() {
    assert_eq!(banned(&names(&verifier_tree())), Vec::<&str>::new());
}

#[test]
fn a_network_crate_anywhere_in_the_tree_is_seen() {
    let tree = "zegel-verifier v0.1.0 (/clone/verifier)\nsha2 v0.11.1\ntokio v1.49.0\nmio v1.1.0\nsha2 v0.11.1 (*)\n";
    assert_eq!(banned(&names(tree)), vec!["mio", "tokio"]);
}
