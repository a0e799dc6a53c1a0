//! The habits of the house, held by tests: each rule is a function over text, and has a snapshot that it refuses.
//!
//! Not here: what rustfmt and clippy already hold, and anything that needs a judgement.

use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 400;
const VAGUE_FILE_NAMES: [&str; 6] = ["utils", "common", "helpers", "types", "misc", "manager"];

/// In halves, so that this file does not break its own rule.
const LEFTOVERS: [&str; 6] = [
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
];
const SHAPELESS_ERRORS: &str = concat!("any", "how");

const NONE: Vec<String> = Vec::new();

#[test]
fn every_rust_file_is_shorter_than_400_lines_without_its_tests() {
    let product = files_of("rs").into_iter().filter(|file| !file.is_among(&["tests", "benches", "generated"]));
    assert_eq!(broken_by(product, |file| lines_without_tests(&file.text) >= FILE_LINES_MAX), NONE);
}

#[test]
fn lines_of_the_tests_at_the_end_are_not_counted() {
    assert_eq!(lines_without_tests("//! One.\nfn two() {}\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    assert_eq!(lines_without_tests("//! One.\nfn two() {}\nfn three() {}\n"), 3);
}

#[test]
fn every_rust_file_opens_by_saying_what_it_is() {
    let written = files_of("rs").into_iter().filter(|file| !file.is_among(&["generated"]));
    assert_eq!(broken_by(written, |file| !opens_with_its_purpose(&file.text)), NONE);
}

#[test]
fn a_file_that_opens_with_code_or_an_empty_sentence_does_not_say_what_it_is() {
    assert!(opens_with_its_purpose("//! What it is.\nuse std::fs;\n"));
    assert!(!opens_with_its_purpose("use std::fs;\n//! What it is.\n"));
    assert!(!opens_with_its_purpose("// What it is.\n"));
    assert!(!opens_with_its_purpose("//!\n"));
    assert!(!opens_with_its_purpose(""));
}

#[test]
fn nothing_is_left_unfinished_in_the_sources() {
    let sources = ["rs", "proto", "toml", "sh", "py"].into_iter().flat_map(files_of);
    assert_eq!(broken_by(sources, |file| leftover(&file.text).is_some()), NONE);
}

#[test]
fn each_mark_of_unfinished_work_is_seen_and_longer_words_are_not() {
    for mark in LEFTOVERS {
        assert_eq!(leftover(&format!("let size = 1; // {mark} later")), Some(mark));
    }
    assert_eq!(leftover(&format!("const KEY: &str = \"{}X\"; // {}SAW", LEFTOVERS[1], LEFTOVERS[2])), None);
}

#[test]
fn no_error_hides_its_reason_in_a_shapeless_crate() {
    let sources = files_of("rs").into_iter().chain(files_named("Cargo.toml"));
    assert_eq!(broken_by(sources, |file| has_word(&file.text, SHAPELESS_ERRORS)), NONE);
}

#[test]
fn a_shapeless_error_is_seen_in_a_manifest_and_in_code() {
    assert!(has_word(&format!("[dependencies]\n{SHAPELESS_ERRORS} = \"1\"\n"), SHAPELESS_ERRORS));
    assert!(has_word(&format!("use {SHAPELESS_ERRORS}::Result;\n"), SHAPELESS_ERRORS));
    assert!(!has_word(&format!("{SHAPELESS_ERRORS}ever"), SHAPELESS_ERRORS));
}

#[test]
fn every_rust_file_is_named_for_a_noun_of_the_domain() {
    assert_eq!(broken_by(files_of("rs"), |file| is_vague(&file.path)), NONE);
}

#[test]
fn a_file_or_a_module_folder_with_a_vague_name_is_seen() {
    assert!(is_vague(Path::new("ledger/src/utils.rs")));
    assert!(is_vague(Path::new("ledger/src/common/mod.rs")));
    assert!(!is_vague(Path::new("ledger/src/sequencer.rs")));
}

#[test]
fn every_markdown_file_has_exactly_one_title() {
    assert_eq!(broken_by(files_of("md"), |file| titles(&file.text) != 1), NONE);
}

#[test]
fn titles_are_counted_outside_code_only() {
    assert_eq!(titles("# Title\n\n## Part\n\n```sh\n# a comment\n```\n"), 1);
    assert_eq!(titles("# Title\n\n# Another\n"), 2);
    assert_eq!(titles("## Part\n#hashtag\n"), 0);
}

#[test]
fn every_manifest_of_a_package_says_eupl() {
    assert_eq!(broken_by(files_named("Cargo.toml"), |file| !says_eupl(&file.text)), NONE);
}

#[test]
fn a_manifest_with_another_licence_or_none_is_seen() {
    assert!(says_eupl("[package]\nlicense.workspace = true\n"));
    assert!(says_eupl("[workspace.package]\nlicense = \"EUPL-1.2\"\n"));
    assert!(!says_eupl("[package]\nlicense = \"MIT\"\n"));
    assert!(!says_eupl("[package]\n# license.workspace = true\n"));
}

/// Whether the crates of a manifest are without unsafe code: by the lints of the workspace, or each by a line of its own.
fn forbids_unsafe(manifest: &str, folder: &Path) -> bool {
    if manifest.contains("\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n") {
        return true;
    }
    let says = |file: &str| {
        let text = fs::read_to_string(folder.join(file));
        text.is_ok_and(|text| text.lines().any(|line| line == "#![forbid(unsafe_code)]"))
    };
    manifest.contains("\n[lints]\nworkspace = true\n") || (says("src/lib.rs") && says("src/seeds.rs"))
}

#[test]
fn no_crate_of_ours_has_unsafe_code() {
    let folder = |file: &File| root().join(&file.path).parent().map(Path::to_path_buf).unwrap_or_default();
    assert_eq!(broken_by(files_named("Cargo.toml"), |file| !forbids_unsafe(&file.text, &folder(file))), NONE);
    assert!(!forbids_unsafe("[package]\nname = \"a\"\n", Path::new("nowhere")));
    assert!(!forbids_unsafe("[package]\n# [lints]\n# workspace = true\n", Path::new("nowhere")));
}

#[test]
fn every_clippy_file_repeats_the_rules_of_the_root() {
    let root_rules = fs::read_to_string(root().join("clippy.toml")).expect("the root has a clippy.toml");
    assert_eq!(broken_by(files_named("clippy.toml"), |file| !repeats(&root_rules, &file.text)), NONE);
}

#[test]
fn a_clippy_file_that_forgets_a_rule_of_the_root_is_seen() {
    assert!(repeats("# why\nlines = 60\n", "# other\nlines = 60\nmore = 1\n"));
    assert!(!repeats("# why\nlines = 60\n", "lines = 600\n"));
}

fn lines_without_tests(text: &str) -> usize {
    text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count()
}

fn opens_with_its_purpose(text: &str) -> bool {
    text.lines().next().and_then(|line| line.strip_prefix("//! ")).is_some_and(|sentence| !sentence.trim().is_empty())
}

fn leftover(text: &str) -> Option<&'static str> {
    LEFTOVERS.into_iter().find(|mark| has_word(text, mark))
}

/// Whether `word` stands in `text` and is not a part of a longer word.
fn has_word(text: &str, word: &str) -> bool {
    let in_a_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(at, _)| {
        let open_ended = word.ends_with('(');
        let before = text[..at].chars().next_back().is_some_and(in_a_word);
        let after = text[at + word.len()..].chars().next().is_some_and(in_a_word);
        !before && (open_ended || !after)
    })
}

fn is_vague(path: &Path) -> bool {
    path.with_extension("").iter().any(|part| VAGUE_FILE_NAMES.iter().any(|name| part == *name))
}

fn titles(text: &str) -> usize {
    let mut in_code = false;
    text.lines()
        .filter(|line| {
            in_code ^= line.trim_start().starts_with("```");
            !in_code && line.starts_with("# ")
        })
        .count()
}

fn says_eupl(manifest: &str) -> bool {
    manifest.lines().any(|line| line == "license.workspace = true" || line == "license = \"EUPL-1.2\"")
}

fn repeats(rules: &str, text: &str) -> bool {
    rules.lines().filter(|rule| !rule.starts_with('#')).all(|rule| text.lines().any(|line| line == rule))
}

/// A text of the project, under its path from the root.
struct File {
    path: PathBuf,
    text: String,
}

impl File {
    fn is_among(&self, folders: &[&str]) -> bool {
        self.path.iter().any(|part| folders.iter().any(|folder| part == *folder))
    }
}

fn broken_by(files: impl IntoIterator<Item = File>, breaks: impl Fn(&File) -> bool) -> Vec<String> {
    files.into_iter().filter(breaks).map(|file| file.path.display().to_string()).collect()
}

fn files_of(extension: &str) -> Vec<File> {
    files(|path| path.extension().is_some_and(|found| found == extension))
}

fn files_named(name: &str) -> Vec<File> {
    files(|path| path.file_name().is_some_and(|found| found == name))
}

/// A rule over no files at all would hold whatever we write, so the walk must at least find this file.
fn files(wanted: impl Fn(&Path) -> bool) -> Vec<File> {
    let mut paths = Vec::new();
    collect(&root(), &mut paths);
    assert!(paths.iter().any(|path| path.ends_with("tests/tests/tidy.rs")), "the walk missed {}", file!());
    paths.retain(|path| wanted(path));
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_else(|reason| panic!("{}: {reason}", path.display()));
        File { path: path.strip_prefix(root()).expect("found under the root").to_path_buf(), text }
    };
    paths.into_iter().map(read).collect()
}

/// Everything but hidden folders, build output, and fixtures, which are other people's bytes.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let entry = entry.expect("the folder can be listed");
        let name = entry.file_name();
        let skipped = name == "target" || name == "fixtures" || name.to_string_lossy().starts_with('.');
        let kind = entry.file_type().expect("a file has a kind");
        if kind.is_file() {
            paths.push(entry.path());
        } else if kind.is_dir() && !skipped {
            collect(&entry.path(), paths);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_path_buf()
}
