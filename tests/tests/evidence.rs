//! From two phones to evidence that the verifier accepts, and refuses as soon as anything in it is touched.

use std::path::Path;
use zegel_tests::archive::Archive;
use zegel_tests::{readout, verify};
use zegel_tools::demo::bagged::Bagged;
use zegel_tools::demo::cheats::CHEATS;
use zegel_tools::export::Cover;

/// Verdict and reason of a refused bundle.
fn refusal(bundle: &Path, trust: &Path, more: &[&str]) -> String {
    let (code, report) = verify(bundle, trust, more);
    assert_eq!(code, Some(2), "{report:#}");
    report["reason"]["id"].as_str().unwrap_or_else(|| panic!("no id in {report:#}")).to_owned()
}

async fn two_phones() -> Archive {
    let mut archive = Archive::new().await;
    let (anna, bram) = (archive.anna, archive.bram);
    archive.read_out(anna, "anna-android-nl").await;
    archive.read_out(bram, "bram-ios-nl").await;
    archive.read_out(anna, "anna-android-nl-june").await;
    archive
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custodians_timeline_verifies_and_every_cheat_is_refused_for_its_own_reason() {
    let mut archive = two_phones().await;
    let anna = archive.anna;
    let (bundle, report) = archive.export(anna, "bundle", "bestelling-7", Cover::default()).await;
    let (code, found) = verify(&bundle, &archive.trust(), &["--nonce", "bestelling-7"]);
    assert_eq!(code, Some(0), "{found:#}");
    assert!(report.opened > 60 && report.attachments > 0, "{report:?}");

    for (number, cheat) in CHEATS.iter().enumerate() {
        let mut bagged = Bagged::read(&bundle).expect("a bundle of one part");
        (cheat.apply)(&mut bagged).expect("something to try it on");
        let copy = archive.path(&format!("cheat-{number}"));
        bagged.write(&bundle, &copy).expect("written");
        let id = refusal(&copy, &archive.trust(), &[]);
        assert!(cheat.refused_as.contains(&id.as_str()), "{}: refused as {id}", cheat.en);
    }
    assert_eq!(refusal(&bundle, &archive.trust(), &["--nonce", "bestelling-8"]), "NONCE");
    assert_eq!(refusal(&bundle, &archive.trust(), &["--min-entries", "100000"]), "AS_OF");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ministrys_trust_file_refuses_the_bundle() {
    let mut archive = two_phones().await;
    let other = Archive::new().await;
    let bram = archive.bram;
    let (bundle, _) = archive.export(bram, "bundle", "", Cover::default()).await;
    assert_eq!(refusal(&bundle, &other.trust(), &[]), "ROOT_KEY");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withheld_event_and_a_covered_word_verify_with_their_grounds() {
    let mut archive = two_phones().await;
    let anna = archive.anna;
    let (whole, _) = archive.export(anna, "whole", "", Cover::default()).await;
    let places = message_places(&whole);
    let ground = ["5.1.2e".to_owned()];
    let mut cover = Cover::default();
    cover.withhold(&format!("{}:{}", places[3].0, places[3].1), &ground).expect("a place");
    cover.cover(&format!("{}:{}:11:0-0", places[5].0, places[5].1), &ground).expect("a place");
    let (bundle, report) = archive.export(anna, "covered", "", cover).await;
    assert_eq!((report.withheld, report.redacted), (1, 1));
    let (code, found) = verify(&bundle, &archive.trust(), &[]);
    assert_eq!(code, Some(0), "{found:#}");
    // Both exports verify against the same log, and the covered word is nowhere in the second.
    assert_eq!(verify(&whole, &archive.trust(), &[]).0, Some(0));
}

/// Places of opened messages with a text, in log order.
fn message_places(bundle: &Path) -> Vec<(u64, u32)> {
    use zegel_proto::v1::{evidence_event::Body, evidence_record::Record};
    let mut entry = 0;
    let mut places = Vec::new();
    for record in Bagged::read(bundle).expect("a bundle").records {
        match record.record {
            Some(Record::Entry(found)) => entry = found.index,
            Some(Record::Event(event)) => {
                let is_message = matches!(&event.body, Some(Body::Opened(body)) if body.slots.len() == 12 && body.slots[11].items.len() > 1);
                if is_message {
                    places.push((entry, event.position));
                }
            }
            _ => {}
        }
    }
    places
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_can_be_put_together_again_byte_for_byte() {
    use zegel_proto::v1::{evidence_event::Body, evidence_record::Record};
    let mut archive = Archive::new().await;
    let bram = archive.bram;
    archive.read_out(bram, "bram-ios-nl").await;
    let (bundle, _) = archive.export(bram, "bundle", "", Cover::default()).await;
    let mut file = Vec::new();
    for record in Bagged::read(&bundle).expect("a bundle").records {
        if let Some(Record::Event(event)) = record.record
            && let Some(Body::Opened(body)) = event.body
            && body.slots.len() == 12
        {
            file.extend_from_slice(&body.slots[10].value);
            body.slots[11].items.iter().for_each(|segment| file.extend_from_slice(segment));
        }
    }
    let original = std::fs::read(readout("bram-ios-nl").join("_chat.txt")).expect("the original");
    assert!(file == original, "{} bytes came back of {}", file.len(), original.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_of_a_group_says_which_messages_both_holders_have_and_where_they_contradict() {
    let mut archive = two_phones().await;
    let group = archive.veerhaven;
    let stream = zegel_proto::v1::StreamType::StreamConversation;
    let (bundle, _) = archive.export_of(stream, group, "group", "", Cover::default()).await;
    let shown = zegel_tests::command("zegel-verifier")
        .args(["show", "--json", "--trust"])
        .arg(archive.trust())
        .arg(&bundle)
        .output()
        .expect("shown");
    assert_eq!(shown.status.code(), Some(0), "{}", String::from_utf8_lossy(&shown.stderr));
    let lines = String::from_utf8(shown.stdout).expect("text");
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let held = |line: &&serde_json::Value| line["also_held_by"].as_array().is_some_and(|held| !held.is_empty());
    let both = lines.iter().filter(held).count();
    let contradict = lines.iter().filter(|line| line["also_held_by"][0]["differs"][0].is_string()).count();
    assert!(both > 20 && contradict > 0 && contradict < both, "{both} held by both, {contradict} contradict");
    let names: Vec<_> = lines.iter().filter(held).map(|line| line["also_held_by"][0]["custodian"].as_str()).collect();
    assert!(names.contains(&Some("Anna")) && names.contains(&Some("Bram")), "{names:?}");
}
