//! Honest bundles verify, whatever their size, scope and cover.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

mod maker;

use maker::*;
use zegel_proto::v1::*;
use zegel_verifier::bundle::{Demands, Severity, Status, verify_on};
use zegel_verifier::commit::CoveredUnit;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::chat;
use zegel_verifier::trust::Trust;

#[test]
fn honest_bundles_of_all_sizes_verify() {
    for count in [1, 2, 3, 255, 256, 257, 4_097] {
        let (log, plan) = honest(count);
        let mut evidence = log.evidence(&plan);
        evidence.parts = if count > 255 { 3 } else { 1 };
        let report = verify(&evidence.pack().bag(), &log.trust()).unwrap_or_else(|reason| panic!("{count}: {reason}"));
        // The registration of the conversation stands in its own stream.
        assert_eq!(report.counts.events, count + 1, "{count}");
        assert_eq!(report.counts.opened, count + 1, "{count}");
        assert_eq!(report.claims.immutability.status, Status::Verified);
        assert_eq!(report.claims.completeness.status, Status::VerifiedWithFindings);
        assert_eq!(report.claims.custody.status, Status::NotExamined);
    }
}

fn item(entry: u64, position: u32, slot: u32, first_item: u32, item_count: u32) -> RedactionItem {
    RedactionItem { entry, position, slot, first_item, item_count, grounds: vec!["5.1.2e".into()] }
}

/// A log of seven messages of which parts are covered, under a manifest in two parts.
fn covered() -> (Log, Plan) {
    let mut log = Log::with_messages(7);
    log.manifest(vec![
        vec![item(2, 0, chat::SENDER as u32, 0, 0), item(2, 0, chat::TEXT as u32, 0, 2)],
        vec![item(2, 3, 0, 0, 0)],
    ]);
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    let unit = |slot: usize, item| CoveredUnit { slot: slot as u32, item };
    let text = [unit(chat::SENDER, None), unit(chat::TEXT, Some(0)), unit(chat::TEXT, Some(1))];
    plan.covered = vec![(2, 0, text.to_vec()), (2, 3, vec![])];
    (log, plan)
}

#[test]
fn a_bundle_with_covered_parts_verifies_and_counts_them_by_ground() {
    let (log, plan) = covered();
    let report = verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("verifies");
    assert_eq!((report.counts.redacted, report.counts.withheld, report.counts.covered_units), (1, 1, 4));
    assert_eq!(report.counts.covered_by_ground.get("5.1.2e"), Some(&4));
    assert_eq!(report.export.decision.as_deref(), Some("besluit 1"));
    let ids: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
    assert!(ids.contains(&"COVERED") && ids.contains(&"WITHHELD") && !ids.contains(&"GROUND_UNKNOWN"), "{ids:?}");
}

#[test]
fn a_custodian_and_a_period_are_scopes_too() {
    let mut log = Log::with_messages(100);
    let scope = Scope {
        stream: StreamType::StreamCustodian as i32,
        id: CUSTODIAN.to_vec(),
        from_month: 202_206,
        to_month: 202_207,
    };
    let plan = log.export(scope, None);
    let report = verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("verifies");
    assert_eq!(report.scope.stream, "custodian");
    assert_eq!(report.counts.months_outside_period, 2);
    assert_eq!(report.coverage.iter().map(|month| month.month).collect::<Vec<_>>(), [0, 202_206, 202_207]);
    assert!(report.findings.iter().any(|finding| finding.id == "PERIOD_LIMITED"));

    let mut log = Log::with_messages(100);
    let whole = Scope { stream: StreamType::StreamCustodian as i32, ..scope_of(CUSTODIAN) };
    let plan = log.export(whole, None);
    let report = verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("verifies");
    assert_eq!((report.counts.events, report.counts.captures), (134, 2));
}

#[test]
fn demands_that_are_met_are_met() {
    let (log, plan) = honest(3);
    let demands = Demands {
        nonce: Some("kenmerk-1".into()),
        min_entries: Some(plan.snapshot_entry),
        scope: Some(plan.scope.clone()),
    };
    let report = verify_with(&log.evidence(&plan).pack().bag(), &log.trust(), &demands).expect("verifies");
    assert!(report.export.nonce_demanded);
    assert_eq!(report.log.covers, plan.snapshot_entry);
}

#[test]
fn attachments_that_are_there_are_counted_and_those_that_are_not_are_found() {
    let mut log = Log::with_messages(1);
    let present = |bytes: &[u8]| Attachment {
        name: "foto.jpg".into(),
        size: bytes.len() as u64,
        sha256: sha256(&[bytes]).to_vec(),
        state: AttachmentState::AttachmentPresent as i32,
        ..Default::default()
    };
    let named = |state: AttachmentState| Attachment { name: "x".into(), state: state as i32, ..Default::default() };
    let all = vec![
        present(b"foto"),
        present(b"weg"),
        named(AttachmentState::AttachmentLeftOut),
        named(AttachmentState::AttachmentMissing),
    ];
    let source = log.source.id;
    let seq = log.seq(source, CONVERSATION);
    let event = log.message_of(source, CONVERSATION, seq, MAY + 9 * DAY, "met bijlagen", all);
    log.batch(Who::Source, vec![event]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let mut evidence = log.evidence(&plan);
    evidence.attachments.insert(sha256(&[b"foto"]).to_string(), b"foto".to_vec());
    let report = verify(&evidence.pack().bag(), &log.trust()).expect("verifies");
    let ids: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(report.counts.attachments, 1);
    for id in ["ATTACHMENT_NOT_INCLUDED", "ATTACHMENT_LEFT_OUT", "ATTACHMENT_MISSING"] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
}

fn run(first_record: u64, count: u64, fate: RecordFate, first_conversation_seq: u64) -> Vec<u8> {
    prost::Message::encode_to_vec(&ManifestRun { first_record, count, fate: fate as i32, first_conversation_seq })
}

fn read_out(runs: Vec<Vec<u8>>) -> (Log, Plan) {
    read_out_in(1, runs)
}

fn read_out_in(parts: u32, runs: Vec<Vec<u8>>) -> (Log, Plan) {
    let mut log = Log::with_messages(5);
    let detail = ManifestDetail {
        manifest: vec![4; 32],
        parts,
        file_name: "chat.txt".into(),
        file_sha256: vec![9; 32],
        records: 6,
        ..Default::default()
    };
    let event = log.captured(EventKind::ReadoutManifest, prost::Message::encode_to_vec(&detail), runs);
    let gap = GapDetail { reason: "export_cut_short".into(), ..Default::default() };
    let gap = log.captured(EventKind::GapDeclared, prost::Message::encode_to_vec(&gap), vec![]);
    log.batch(Who::Source, vec![event, gap]);
    let plan = log.export(scope_of(CONVERSATION), None);
    (log, plan)
}

#[test]
fn a_read_out_is_reported_with_its_file_and_its_records() {
    let (log, plan) = read_out(vec![run(0, 1, RecordFate::RecordClosed, 0), run(1, 5, RecordFate::RecordNew, 0)]);
    let report = verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("verifies");
    let file = report.custody.steps[0].file.clone().expect("a file");
    assert_eq!((file.name.as_str(), file.records, file.new, file.closed), ("chat.txt", 6, 5, 1));
    assert_eq!(report.custody.steps[0].device.as_deref(), Some("telefoon 12"));
    assert!(!report.findings.iter().any(|finding| finding.id == "MANIFEST_RUNS"));
    assert!(report.findings.iter().any(|finding| finding.id == "DECLARED_GAP" && finding.en.contains("cut_short")));
}

#[test]
fn an_importer_that_leaves_a_record_out_is_found_out() {
    let cases = [
        vec![run(0, 1, RecordFate::RecordNew, 0), run(2, 4, RecordFate::RecordNew, 1)],
        vec![run(0, 5, RecordFate::RecordNew, 0)],
        vec![run(0, 6, RecordFate::RecordNew, 0)],
    ];
    for runs in cases {
        let (log, plan) = read_out(runs);
        let report = verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("verifies");
        assert!(report.findings.iter().any(|finding| finding.id == "MANIFEST_RUNS"), "{:?}", report.findings);
    }
}

fn found(log: &Log, plan: &Plan, id: &str) -> Option<(Severity, u64)> {
    let report = verify(&log.evidence(plan).pack().bag(), &log.trust()).expect("verifies");
    report.findings.iter().find(|finding| finding.id == id).map(|finding| (finding.severity, finding.count))
}

#[test]
fn a_manifest_without_its_last_part_or_that_cannot_be_read_is_found_out() {
    let (log, plan) = read_out_in(2, vec![run(0, 4, RecordFate::RecordNew, 0)]);
    assert_eq!(found(&log, &plan, "MANIFEST_UNFINISHED"), Some((Severity::Warning, 1)));
    let (log, plan) = read_out_in(2, vec![b"no run".to_vec()]);
    assert_eq!(found(&log, &plan, "SLOT_MALFORMED"), Some((Severity::Error, 1)));
    let (log, plan) = read_out(vec![run(0, 1, RecordFate::RecordClosed, 0), run(1, 5, RecordFate::RecordNew, 0)]);
    assert_eq!(found(&log, &plan, "MANIFEST_UNFINISHED"), None);
    assert_eq!(found(&log, &plan, "SLOT_MALFORMED"), None);
}

#[test]
fn a_manifest_of_which_a_part_is_covered_is_no_fault_of_its_source() {
    let mut log = Log::with_messages(5);
    let mut part = |part, records| {
        let (manifest, file_sha256) = (vec![4; 32], vec![9; 32]);
        let detail = ManifestDetail { manifest, file_sha256, part, parts: 2, records, ..Default::default() };
        let runs = vec![run(3 * u64::from(part), 3, RecordFate::RecordKnown, 0)];
        log.captured(EventKind::ReadoutManifest, prost::Message::encode_to_vec(&detail), runs)
    };
    let events = vec![part(0, 6), part(1, 6)];
    let entry = log.batch(Who::Source, events);
    let grounds = vec!["5.1.2e".into()];
    log.manifest(vec![vec![RedactionItem { entry, slot: 6, grounds, ..Default::default() }]]);
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    plan.covered = vec![(entry, 0, vec![CoveredUnit { slot: 6, item: None }])];
    for id in ["MANIFEST_RUNS", "MANIFEST_UNFINISHED"] {
        assert_eq!(found(&log, &plan, id), None, "{id}");
    }
}

#[test]
fn a_source_that_does_not_name_its_proof_class_does_not_look_better_than_one_that_does() {
    let mut log = Log::with_messages(0);
    log.proof_class = ProofClass::None;
    let message = log.message(CONVERSATION, 0, "ja hoor");
    log.batch(Who::Source, vec![message]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let report = verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("verifies");
    assert_eq!(report.claims.authenticity.status, Status::VerifiedWithFindings);
    assert_eq!(found(&log, &plan, "PROOF_CLASS_NONE"), Some((Severity::Warning, 1)));
    let (log, plan) = honest(1);
    assert_eq!(found(&log, &plan, "PROOF_CLASS_NONE"), None);
}

#[test]
fn a_key_that_is_later_declared_compromised_is_an_error_and_no_refusal() {
    let mut log = Log::with_messages(3);
    let revoked = Log::revoked(log.source.public(), 1);
    log.batch(Who::Root, vec![revoked]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let report = verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("verifies");
    let found = report.findings.iter().find(|finding| finding.id == "KEY_COMPROMISED").expect("the finding");
    assert_eq!(report.findings[0].id, found.id);
    assert_eq!(report.gravest(), Some(zegel_verifier::bundle::Severity::Error));
}

#[test]
fn without_a_witness_one_log_is_the_ledgers_word() {
    let (log, plan) = honest(1);
    let trust = log.trust().lines().next().expect("the root").to_owned();
    let report = verify(&log.evidence(&plan).pack().bag(), &trust).expect("verifies");
    let ids: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
    assert!(ids.contains(&"NO_WITNESS") && ids.contains(&"NO_AUDITOR"), "{ids:?}");
    assert_eq!(report.claims.immutability.status, Status::VerifiedWithFindings);
}

#[test]
fn with_an_auditor_completeness_is_nobodys_word_and_the_report_says_who_vouched_when() {
    let (log, plan) = honest(1);
    let bag = log.evidence(&plan).pack().bag();
    let absent = zegel_verifier::note::VerifierKey::new("tweede.example", 4, [9; 32]).expect("a key").print();
    let audited = log.trust().replace("witness getuige", &format!("witness tweede {absent}\nauditor getuige"));
    let report = verify(&bag, &audited).expect("verifies");
    let said = |sentences: &[zegel_verifier::bundle::report::Sentence]| {
        sentences.iter().map(|sentence| format!("{} {}\n", sentence.nl, sentence.en)).collect::<String>()
    };
    let completeness = said(&report.claims.completeness.sentences);
    assert!(completeness.contains("Auditor getuige declared at 2022-05-01T00:00:00Z"), "{completeness}");
    assert!(completeness.contains("niemands woord") && completeness.contains("nobody's word"), "{completeness}");
    assert!(!completeness.contains("the ledger's word."), "{completeness}");
    let immutability = said(&report.claims.immutability.sentences);
    assert!(immutability.contains("Not cosigned, though the trust file names them: tweede."), "{immutability}");
    assert!(immutability.contains("demands cosignatures of getuige; that is met"), "{immutability}");
    assert_eq!((report.log.quorum.as_deref(), &report.log.not_cosigned[..]), (Some("getuige"), &["tweede".into()][..]));
    assert!(report.findings.iter().all(|finding| finding.id != "NO_AUDITOR"));
    // The same cosignature by a plain witness leaves completeness the ledger's word.
    let report = verify(&bag, &log.trust()).expect("verifies");
    assert!(said(&report.claims.completeness.sentences).contains("is the ledger's word."));
    assert!(report.findings.iter().any(|finding| finding.id == "NO_AUDITOR"));
    let immutability = said(&report.claims.immutability.sentences);
    assert!(
        immutability.contains("Witness getuige cosigned this checkpoint at 2022-05-01T00:00:00Z"),
        "{immutability}"
    );
}

#[test]
fn the_report_is_one_json_document() {
    let (log, plan) = covered();
    let report = verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("verifies");
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&report).expect("json")).expect("json");
    assert_eq!(json["claims"]["immutability"]["status"], "verified");
    assert_eq!(json["scope"]["id"], Hash([0xA1; 32]).to_string());
}

#[test]
fn a_hundred_thousand_events_verify() {
    let (log, plan) = honest(100_000);
    let mut evidence = log.evidence(&plan);
    evidence.parts = 4;
    let trust = Trust::parse(log.trust().as_bytes()).expect("a trust file");
    let report = verify_on(2, &mut evidence.pack().bag(), &trust, &Demands::default(), &mut ()).expect("verifies");
    assert_eq!(report.counts.events, 100_001);
}
