//! The report in a real browser: it opens from a file, searches, prints, asks for nothing, and can be read by ear.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: {program} is not installed, the report was NOT seen in a browser");
    }
    found
}

/// axe-core, from the npm registry, once; without it the page says itself that accessibility was not examined.
fn axe() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("HOME")?).join(".cache/zegel/tools/axe");
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.exists() {
        std::fs::create_dir_all(&folder).ok()?;
        let npm = Command::new("npm").args(["install", "--silent", "--prefix"]).arg(&folder).arg("axe-core@4").output();
        npm.ok()?;
    }
    script.exists().then_some(script)
}

#[test]
fn the_report_of_the_sample_is_read_searched_and_printed_in_a_browser() {
    if !is_there("node") || !is_there("chromium") {
        return;
    }
    let sample = root().join("tests/fixtures/sample");
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    let mut made = zegel_tests::command("zegel-verifier");
    made.arg("report").arg(sample.join("bundle")).arg("--trust").arg(sample.join("trust.txt"));
    let made = made.arg("--out").arg(&page).status().expect("the command runs");
    assert_eq!(made.code(), Some(0));
    // Pictures of it stay, so that people look at them.
    let out = root().join("target/report");
    let out = std::env::var_os("CARGO_TARGET_DIR").map_or(out, |target| PathBuf::from(target).join("report"));
    let mut looked = Command::new("node");
    looked.arg(root().join("tests/browser/report.mjs")).arg(&page).arg(&out).args(axe());
    let looked = looked.output().expect("node runs");
    let said = String::from_utf8_lossy(&looked.stdout);
    println!("{said}pictures: {}", out.display());
    assert!(looked.status.success(), "{said}{}", String::from_utf8_lossy(&looked.stderr));
}

/// The page of the sample with its first line a hundred thousand times, in a month that is folded, as a report of that size has it.
fn large(page: &str) -> String {
    let begin = page.find("<li class=").expect("a line");
    let end = begin + page[begin..].find('\n').expect("its end");
    let (line, id) = (&page[begin..end], "id=\"e");
    let many: String = (0..100_000).map(|number| line.replacen(id, &format!("id=\"e{number}0"), 1) + "\n").collect();
    let folded = page[..begin].rfind("<details class=\"month\"").expect("a month");
    let head = format!("{}{}", &page[..folded], page[folded..begin].replacen(" open", "", 1));
    head + &many + &page[end + 1..]
}

#[test]
fn a_hundred_thousand_lines_open_at_once_and_are_searched() {
    if !is_there("node") || !is_there("chromium") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    let sample = root().join("tests/fixtures/sample");
    let mut made = zegel_tests::command("zegel-verifier");
    made.arg("report").arg(sample.join("bundle")).arg("--trust").arg(sample.join("trust.txt"));
    assert_eq!(made.arg("--out").arg(&page).status().expect("the command runs").code(), Some(0));
    let text = std::fs::read_to_string(&page).expect("a page");
    std::fs::write(&page, large(&text)).expect("written");
    let mut looked = Command::new("node");
    looked.arg(root().join("tests/browser/report.mjs")).arg(&page).arg(folder.path());
    let looked = looked.output().expect("node runs");
    let said = String::from_utf8_lossy(&looked.stdout);
    assert!(looked.status.success(), "{said}{}", String::from_utf8_lossy(&looked.stderr));
    println!("{said}");
}
