//! A second verifier, written from the pages alone in another language, agrees with every vector; and the sample of the
//! repository is as good as it says.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use zegel_tests::verify;

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the project")
}

#[test]
fn the_page_for_inspectors_agrees_with_every_vector() {
    if Command::new("node").arg("--version").output().is_err() {
        eprintln!("SKIPPED: node is not installed, the page was NOT held to the vectors");
        return;
    }
    let test = Command::new("node")
        .arg(root().join("verifier/html/test.mjs"))
        .env("VECTORS", root().join("specs/vectors"))
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&test.stdout);
    assert!(test.status.success(), "{said}\n{}", String::from_utf8_lossy(&test.stderr));
}

/// Opens the page in a browser, from its file, on a bundle of so many messages; it checks itself there.
fn in_a_browser(messages: &str) {
    if Command::new("chromium").arg("--version").output().is_err()
        || Command::new("node").arg("--version").output().is_err()
    {
        // Past the harness, which keeps the output of tests that pass.
        let mut terminal = std::io::stderr().lock();
        let _ = writeln!(terminal, "\n*** SKIPPED, NOTHING WAS PROVEN: chromium or node is not installed ***\n");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let run = |script: &str, arguments: &[&str]| {
        let node = Command::new("node").arg(root().join("verifier/html").join(script)).args(arguments).output();
        let node = node.expect("node runs");
        let said = format!("{}\n{}", String::from_utf8_lossy(&node.stdout), String::from_utf8_lossy(&node.stderr));
        assert!(node.status.success(), "{said}");
        said
    };
    let path = folder.path().to_str().expect("a path");
    run("test.mjs", &["--make", path, messages]);
    println!("{}", run("browser.mjs", &[path]));
}

#[test]
fn the_page_opens_from_a_file_checks_several_bundles_and_reaches_no_network() {
    in_a_browser("40");
}

#[test]
#[ignore = "minutes: a hundred thousand messages, made and checked"]
fn the_page_checks_a_hundred_thousand_events_in_less_than_a_minute() {
    in_a_browser("100000");
}

#[test]
fn the_sample_of_the_repository_verifies_and_is_refused_with_a_bit_changed() {
    let sample = root().join("tests/fixtures/sample");
    let (bundle, trust) = (sample.join("bundle"), sample.join("trust.txt"));
    let (code, report) = verify(&bundle, &trust, &["--nonce", "bestelling-7"]);
    assert_eq!(code, Some(0), "{report:#}");
    let copy = tempfile::tempdir().expect("a folder");
    let mut bagged = zegel_tools::demo::bagged::Bagged::read(&bundle).expect("a bundle");
    if let Some(byte) = bagged.statement.last_mut() {
        *byte ^= 1;
    }
    bagged.write(&bundle, copy.path()).expect("written");
    let (code, report) = verify(copy.path(), &trust, &[]);
    assert_eq!((code, report["reason"]["id"].as_str()), (Some(2), Some("EXPORT_STATEMENT")), "{report:#}");
}
