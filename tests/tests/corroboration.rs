//! Bundles of several custodians and ministries, laid side by side: nothing merged, every difference told.

use serde_json::Value;
use std::path::{Path, PathBuf};
use zegel_tests::archive::Archive;
use zegel_tests::command;
use zegel_tools::export::Cover;

fn run(task: &str, bundles: &[&Path], trusts: &[PathBuf], more: &[&str]) -> (Option<i32>, String) {
    let mut verifier = command("zegel-verifier");
    verifier.arg(task).args(bundles).args(more);
    for trust in trusts {
        verifier.arg("--trust").arg(trust);
    }
    let output = verifier.output().expect("zegel-verifier runs");
    (output.status.code(), String::from_utf8(output.stdout).expect("text"))
}

fn verify(bundles: &[&Path], trusts: &[PathBuf], more: &[&str]) -> (Option<i32>, Value) {
    let (code, text) = run("verify", bundles, trusts, &[&["--json"], more].concat());
    (code, serde_json::from_str(&text).unwrap_or_else(|reason| panic!("{reason}: {text}")))
}

fn count(report: &Value, id: &str) -> u64 {
    let findings = report["corroboration"]["findings"].as_array().expect("findings");
    findings.iter().filter(|each| each["id"] == id).map(|each| each["count"].as_u64().expect("a count")).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_custodians_of_two_ministries_are_compared_across_their_logs() {
    let mut one = Archive::of("chat.example.nl/bzk").await;
    let mut other = Archive::of("chat.example.nl/ezk").await;
    let (anna, bram) = (one.anna, other.bram);
    one.read_out(anna, "anna-android-nl").await;
    other.read_out(bram, "bram-ios-nl").await;
    let (a, _) = one.export(anna, "a", "", Cover::default()).await;
    let (b, _) = other.export(bram, "b", "", Cover::default()).await;
    let trusts = [one.trust(), other.trust()];
    let (code, report) = verify(&[&a, &b], &trusts, &[]);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["bundles"].as_array().expect("both").len(), 2);
    for id in [
        "SEEN_BY_SEVERAL",
        "SEEN_BY_ONE",
        "DELETED_FOR_ONE",
        "WHITE_SPACE_DIFFERS",
        "TEXT_DIFFERS",
        "TIME_DIFFERS",
        "CONVERSATIONS_ALIKE",
    ] {
        assert!(count(&report, id) > 0, "{id}: {:#}", report["corroboration"]);
    }
    // What tools find in the two files before they are sealed: three that only Anna has, three that only Bram has.
    assert!(
        count(&report, "SEEN_BY_SEVERAL") > 20 && count(&report, "SEEN_BY_ONE") <= 6,
        "{:#}",
        report["corroboration"]
    );
    let (code, _) = verify(&[&a, &b], &trusts, &["--strict"]);
    assert_eq!(code, Some(1), "contradictions are warnings");

    let (code, lines) = run("show", &[&a, &b], &trusts, &["--json"]);
    assert_eq!(code, Some(0));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |letter: &str| lines.iter().filter(|line| line["bundle"] == letter).count() as u64;
    assert_eq!(of("A"), report["bundles"][0]["report"]["counts"]["events"].as_u64().expect("a count"));
    assert_eq!(of("B"), report["bundles"][1]["report"]["counts"]["events"].as_u64().expect("a count"));
    let also = lines.iter().filter(|line| line["also_held_by"][0]["log"] == "chat.example.nl/ezk").count();
    assert!(also > 20, "{also}");
    let times: Vec<&str> = lines.iter().filter_map(|line| line["time"].as_str()).map(|time| &time[..10]).collect();
    assert!(times.is_sorted(), "one timeline, by time");

    // A bundle without the trust file of its log is refused, and then nothing is compared or shown.
    let (code, report) = verify(&[&a, &b], &trusts[..1], &[]);
    assert_eq!((code, report["bundles"][1]["reason"]["id"].as_str()), (Some(2), Some("ORIGIN")));
    assert!(report["corroboration"].is_null());
    let (code, text) = run("show", &[&a, &b], &trusts[..1], &[]);
    assert!(code == Some(2) && !text.contains("MESSAGE_CREATED"), "{text}");
    let (code, report) = verify(&[&a], &[one.trust(), one.trust()], &[]);
    assert_eq!((code, report["reason"]["id"].as_str()), (Some(3), Some("TRUST_FILE")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bundles_that_show_the_same_event_do_not_count_it_twice() {
    let mut archive = Archive::new().await;
    let (anna, bram, group) = (archive.anna, archive.bram, archive.veerhaven);
    archive.read_out(anna, "anna-android-nl").await;
    archive.read_out(bram, "bram-ios-nl").await;
    let (a, _) = archive.export(anna, "a", "", Cover::default()).await;
    let (b, _) = archive.export(bram, "b", "", Cover::default()).await;
    let stream = zegel_proto::v1::StreamType::StreamConversation;
    let (whole, _) = archive.export_of(stream, group, "group", "", Cover::default()).await;
    let (_, two) = verify(&[&a, &b], &[archive.trust()], &[]);
    let (code, three) = verify(&[&a, &b, &whole], &[archive.trust()], &[]);
    assert_eq!(code, Some(0));
    assert_eq!(two["corroboration"]["compared"], three["corroboration"]["compared"]);
    assert_eq!(two["corroboration"]["findings"], three["corroboration"]["findings"]);
    assert_eq!(count(&two, "CONVERSATIONS_ALIKE"), 0, "one id needs no proposal");
}
