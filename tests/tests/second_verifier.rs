//! A second verifier, written from the pages alone in another language, agrees with every vector; and the sample of the
//! repository is as good as it says.

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
