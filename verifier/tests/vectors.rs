//! Every file of `specs/vectors/` but those of bundles and sealing, held against this crate, to the exact reason.
//!
//! The files are made by a script that shares no code with this crate (`specs/vectors/README.md`): where the two
//! disagree, one of them reads the specification wrongly.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

#[path = "vectors/case.rs"]
mod case;
#[path = "vectors/commitments.rs"]
mod commitments;
#[path = "vectors/messages.rs"]
mod messages;
#[path = "vectors/reasons.rs"]
mod reasons;
#[path = "vectors/registers.rs"]
mod registers;
#[path = "vectors/signatures.rs"]
mod signatures;
#[path = "vectors/trees.rs"]
mod trees;

use case::{Case, Outcome};
use std::process::Command;

/// Families that other test files run: they need the walk over bundles, or the tools.
const ELSEWHERE: [&str; 2] = ["bundle", "sealing"];

fn run(case: &Case) -> Outcome {
    match case.family.as_str() {
        "canonical" => messages::canonical(case),
        "header" => messages::header(case),
        "body" => commitments::body(case),
        "tree" => trees::tree(case),
        "batch-root" => trees::batch_root(case),
        "snapshot" => trees::snapshot(case),
        "signature" => signatures::signature(case),
        "batch" => signatures::batch(case),
        "note" => signatures::note(case),
        "checkpoint" => signatures::checkpoint(case),
        "trust" => signatures::trust(case),
        "registry" => registers::registry(case),
        other => panic!("{}: family {other:?} is run by no test", case.name),
    }
}

#[test]
fn every_vector_has_the_outcome_that_it_states() {
    let all = case::read_all();
    let here: Vec<&Case> = all.iter().filter(|case| !ELSEWHERE.contains(&case.family.as_str())).collect();
    let wrong: Vec<String> = here.iter().filter_map(|case| case.judge(&run(case))).collect();
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), here.len(), wrong.join("\n"));
    let refused = here.iter().filter(|case| case.is_refused()).count();
    assert!(here.len() >= 90 && refused * 2 > here.len(), "{} vectors, {refused} of them refused", here.len());
}

#[test]
fn vectors_with_an_r_of_small_order_fail_by_that_alone() {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};
    let all = case::read_all();
    let small = all.iter().filter(|case| case.family == "signature" && case.name.contains("r-of-small-order"));
    let mut points = std::collections::BTreeSet::new();
    for case in small {
        let given = |field: &str| case::unhex(&case.given[field]);
        let key = VerifyingKey::from_bytes(&given("key").try_into().expect("32 bytes")).expect("a point");
        let signature = Signature::from_slice(&given("signature")).expect("64 bytes");
        let message = [case::text(&case.given["context"]).as_bytes(), b"\n", &given("bytes")].concat();
        assert!(!key.is_weak() && key.verify(&message, &signature).is_ok(), "{}", case.name);
        assert!(key.verify_strict(&message, &signature).is_err(), "{}", case.name);
        points.insert(*signature.r_bytes());
    }
    assert_eq!(points.len(), 8, "every point of small order");
}

#[test]
fn vectors_are_current() {
    let script = case::folder().join("make.py");
    let ready = Command::new("python3").args(["-c", "import cryptography"]).output();
    if !ready.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "SKIPPED: python3 with its package cryptography is not here, so nobody knows if the vectors are current"
        );
        return;
    }
    let output = Command::new("python3").arg(script).arg("--check").output().expect("python3 was there just now");
    let (differ, reason) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "run specs/vectors/make.py; these differ:\n{differ}{reason}");
}
