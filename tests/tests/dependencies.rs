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

/// A field of a package in a lock file.
fn field<'a>(package: &'a str, name: &str) -> Option<&'a str> {
    package.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim_matches('"'))
}

/// The packages of a lock file: name, version, and names of what each depends on.
fn locked(text: &str) -> Vec<(&str, &str, BTreeSet<&str>)> {
    let of = |package| {
        let (_, needs) = str::split_once(package, "dependencies = [").unwrap_or_default();
        let names = needs.split('"').skip(1).step_by(2).filter_map(|need| need.split(' ').next());
        Some((field(package, "name = ")?, field(package, "version = ")?, names.collect()))
    };
    text.split("[[package]]").skip(1).filter_map(of).collect()
}

/// Normal dependencies that a manifest names.
fn named(manifest: &str) -> Vec<&str> {
    let table = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let lines = table.lines().take_while(|line| !line.starts_with('['));
    let is_one = |line: &&str| line.starts_with(|letter: char| letter.is_ascii_alphabetic());
    lines.filter(is_one).filter_map(|line| line.split(['.', ' ', '=']).next()).collect()
}

/// What the lock of the hunters lacks of a crate of ours, and which versions it has that ours has not.
fn apart(ours: &str, hunters: &str, crates: &[(&str, String)]) -> Vec<String> {
    let (ours, hunters) = (locked(ours), locked(hunters));
    let known: BTreeSet<(&str, &str)> = ours.iter().map(|(name, version, _)| (*name, *version)).collect();
    let own = ["zegel-fuzz", "libfuzzer-sys", "arbitrary"];
    let strange =
        hunters.iter().filter(|(name, version, _)| !own.contains(name) && !known.contains(&(*name, *version)));
    let strange = strange.map(|(name, version, _)| format!("{name} {version}"));
    let lacking = crates.iter().flat_map(|(name, manifest)| {
        let has = hunters.iter().find(|(found, ..)| found == name).map(|(.., needs)| needs.clone()).unwrap_or_default();
        let lacks = named(manifest).into_iter().filter(move |need| !has.contains(need));
        lacks.map(move |need| format!("{name} without {need}")).collect::<Vec<_>>()
    });
    strange.chain(lacking).collect()
}

#[test]
fn the_hunters_are_locked_to_the_versions_that_are_shipped() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("it is in the clone");
    let crates = [
        ("zegel-proto", "proto"),
        ("zegel-verifier", "verifier"),
        ("zegel-keys", "ledger/keys"),
        ("zegel-tools", "tools"),
    ];
    let crates = crates.map(|(name, folder)| (name, read(&format!("{folder}/Cargo.toml"))));
    let (ours, hunters) = (read("Cargo.lock"), read("tests/fuzz/Cargo.lock"));
    assert!(crates.iter().all(|(_, manifest)| named(manifest).len() > 3), "the search finds what is there");
    assert_eq!(
        apart(&ours, &hunters, &crates),
        Vec::<String>::new(),
        "copy Cargo.lock to tests/fuzz/Cargo.lock, and: cargo metadata --manifest-path tests/fuzz/Cargo.toml"
    );
    let older = hunters.replace("\nname = \"prost\"\nversion = \"", "\nname = \"prost\"\nversion = \"9");
    assert_eq!(apart(&ours, &older, &crates).len(), 1, "another version is seen");
    let more = crates
        .map(|(name, manifest)| (name, manifest.replace("[dependencies]\n", "[dependencies]\nnewcomer = \"1\"\n")));
    assert_eq!(apart(&ours, &hunters, &more).len(), 4, "a dependency that came later is seen");
}
