//! Nothing is evidence too: an id that was never there, a period without a message, and the edges of a period.

use serde_json::Value;
use zegel_proto::v1::{Scope, StreamType};
use zegel_tests::archive::Archive;
use zegel_tests::searched::{searched, that_hold};
use zegel_tests::verify;
use zegel_tools::export::{Cover, Edges};
use zegel_tools::reading::{Purpose, read};
use zegel_verifier::hash::Hash;

const CUSTODIAN: StreamType = StreamType::StreamCustodian;

async fn two_phones() -> Archive {
    let mut archive = Archive::new().await;
    let anna = archive.anna;
    // June first: months do not depend on the order of import.
    archive.read_out(anna, "anna-android-nl-june").await;
    archive.read_out(anna, "anna-android-nl").await;
    archive
}

/// The findings of a bundle that verifies, by id.
fn findings(archive: &Archive, bundle: &std::path::Path) -> (Vec<String>, Value) {
    let (code, report) = verify(bundle, &archive.trust(), &[]);
    assert_eq!(code, Some(0), "{report:#}");
    let ids = report["report"]["findings"].as_array().expect("findings");
    (ids.iter().map(|each| each["id"].as_str().expect("an id").into()).collect(), report["report"].clone())
}

fn says(report: &Value, word: &str) -> bool {
    report["claims"]["completeness"].to_string().contains(word)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_never_there_is_proven_absent_and_a_person_is_not() {
    let mut archive = two_phones().await;
    for (stream, id, nl) in [
        (CUSTODIAN, Hash([0; 32]), "deze persoon"),
        (CUSTODIAN, Hash([0xff; 32]), "deze persoon"),
        (StreamType::StreamConversation, Hash([0; 32]), "dit gesprek"),
        (StreamType::StreamConversation, Hash([0xff; 32]), "dit gesprek"),
    ] {
        let name = format!("absent-{}-{}", stream as i32, id.0[0]);
        let (bundle, report) = archive.export_of(stream, id, &name, "", Cover::default()).await;
        assert_eq!(report.opened, 0);
        let (ids, report) = findings(&archive, &bundle);
        assert!(ids.contains(&"ABSENT".into()) && report["counts"]["events"] == 0, "{ids:?}");
        assert!(says(&report, "Niet te bewijzen is hiermee") && says(&report, nl), "{report:#}");
        assert!(says(&report, "It cannot be proven by this"), "{report:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_without_a_message_verifies_and_names_the_months_beside_it() {
    let mut archive = two_phones().await;
    let (anna, bram) = (archive.anna, archive.bram);
    let (_, whole) = archive.export(anna, "whole", "", Cover::default()).await;
    assert!(whole.opened > 60);
    let mut order = archive.order(CUSTODIAN, anna, "empty", "", Cover::default());
    (order.scope.from_month, order.scope.to_month) = (202_501, 202_512);
    let (bundle, report) = archive.export_order(order).await;
    assert_eq!(report.opened, 1, "the registration");
    let (ids, report) = findings(&archive, &bundle);
    assert!(ids.contains(&"NOTHING_IN_PERIOD".into()) && ids.contains(&"PERIOD_LIMITED".into()), "{ids:?}");
    assert!(report["findings"].to_string().contains("first after it: 202605"), "{:#}", report["findings"]);
    assert!(says(&report, "It cannot be proven by this that there is nothing of this person"), "{report:#}");
    // A custodian who was registered, and never read out.
    let (bundle, _) = archive.export(bram, "bram", "", Cover::default()).await;
    let (ids, _) = findings(&archive, &bundle);
    assert!(ids.contains(&"NOTHING_IN_PERIOD".into()) && !ids.contains(&"ABSENT".into()), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edges_of_a_period_are_opened_and_the_rest_of_the_month_is_withheld() {
    let mut archive = two_phones().await;
    let mut order = archive.order(CUSTODIAN, archive.anna, "june", "", Cover::default());
    (order.scope.from_month, order.scope.to_month) = (202_606, 202_606);
    let (bundle, _) = archive.export_order(order.clone()).await;
    let (ids, _) = findings(&archive, &bundle);
    assert!(ids.contains(&"PERIOD_EDGE_CLOSED".into()), "{ids:?}");
    order.edges = Some(Edges { hours: 48, ground: "buiten_reikwijdte".into() });
    order.out = archive.path("june-with-edges");
    let (bundle, report) = archive.export_order(order).await;
    assert!(report.withheld > 0, "{report:?}");
    let (ids, report) = findings(&archive, &bundle);
    assert!(ids.contains(&"PERIOD_EDGE_OPEN".into()) && !ids.contains(&"PERIOD_EDGE_CLOSED".into()), "{ids:?}");
    assert_eq!((&report["scope"]["from_month"], &report["scope"]["to_month"]), (&202_605.into(), &202_607.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beyond_the_edges_is_withheld_whole_though_a_part_of_it_was_covered() {
    let mut archive = two_phones().await;
    let mut order = archive.order(CUSTODIAN, archive.anna, "far", "", Cover::default());
    let keys = archive.keys.archive_keys().expect("archive keys");
    let purpose = Purpose::reading("Anna", "a test");
    let may = Scope { from_month: 202_605, to_month: 202_605, ..order.scope.clone() };
    let reading = read(archive.officer.source(), &keys, &[may], &purpose).await.expect("read");
    let far = reading.messages().into_iter().find(|message| message.text().contains("kamerbrief")).expect("of 4 May");
    order.cover.cover(&format!("{}:text:0=5.1.2e", far.place), &[]).expect("a place");
    (order.scope.from_month, order.scope.to_month) = (202_606, 202_606);
    order.edges = Some(Edges { hours: 24, ground: "buiten_reikwijdte".into() });
    let (bundle, report) = archive.export_order(order).await;
    assert_eq!((report.redacted, report.withheld > 0), (0, true), "{report:?}");
    let (_, report) = findings(&archive, &bundle);
    assert_eq!(report["counts"]["covered_by_ground"]["5.1.2e"], 1, "{:#}", report["counts"]);
    assert_eq!(that_hold(&searched(&bundle), "kamerbrief"), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_is_withheld_is_covered_slot_by_slot_under_its_ground() {
    let mut archive = Archive::new().await;
    let anna = archive.anna;
    let (whole, _) = archive.export(anna, "whole", "", Cover::default()).await;
    let (_, report) = findings(&archive, &whole);
    let names = report["names"].to_string();
    assert!(names.contains("Anna"), "{names}");
    let mut cover = Cover::default();
    cover.withhold("1:0=5.1.2e", &[]).expect("a place");
    let (bundle, done) = archive.export(anna, "closed", "", cover).await;
    assert_eq!((done.redacted, done.withheld), (1, 0));
    let (ids, report) = findings(&archive, &bundle);
    assert!(ids.contains(&"COVERED".into()) && !report["names"].to_string().contains("Anna"), "{ids:?}");
}
