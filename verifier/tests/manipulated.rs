//! Every manipulation is refused, for its own reason.
//!
//! The forger is given the officer's signing key: after each change the bundle is packed, signed and bagged again, so that
//! it is never the outer shell alone that refuses.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

mod maker;

use maker::*;
use prost::Message;
use zegel_proto::v1::{evidence_record::Record, *};
use zegel_verifier::batch::BatchError;
use zegel_verifier::bundle::{AttachmentError, Demands, ManifestError, Place, Refusal, StatementError};
use zegel_verifier::commit::{CommitmentError, CoveredUnit};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::chat;
use zegel_verifier::registry::AuthorityError;
use zegel_verifier::tree::ProofError;

/// Changes an honest bundle of seven messages, packs it again, and gives the reason of its refusal.
fn refused(change: impl FnOnce(&mut Evidence)) -> Refusal {
    let (log, plan) = honest(7);
    refused_of(&log, &plan, change)
}

fn refused_of(log: &Log, plan: &Plan, change: impl FnOnce(&mut Evidence)) -> Refusal {
    let mut evidence = log.evidence(plan);
    change(&mut evidence);
    verify(&evidence.pack().bag(), &log.trust()).expect_err("must be refused")
}

/// Logs one more batch before the export, and gives the reason of the refusal.
fn refused_log(change: impl FnOnce(&mut Log)) -> Refusal {
    let mut log = Log::with_messages(3);
    change(&mut log);
    let plan = log.export(scope_of(CONVERSATION), None);
    refused_of(&log, &plan, |_| ())
}

fn message(evidence: &mut Evidence, number: usize) -> &mut EvidenceEvent {
    evidence.event_of(EventKind::MessageCreated, number)
}

fn message_at(evidence: &mut Evidence, number: usize) -> usize {
    let event = message(evidence, number).clone();
    evidence.position_of(|record| *record == Record::Event(event.clone()))
}

fn opened(event: &mut EvidenceEvent) -> &mut Body {
    match &mut event.body {
        Some(evidence_event::Body::Opened(body)) => body,
        other => panic!("not open: {other:?}"),
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_the_evidence_is_refused() {
    let (log, plan) = honest(2);
    let bundle = log.evidence(&plan).pack();
    let trust = log.trust();
    assert!(verify(&bundle.bag(), &trust).is_ok());
    for at in 0..bundle.parts[0].len() {
        let mut flipped = bundle.clone();
        flipped.parts[0][at] ^= 1 << (at % 8);
        flipped.sign();
        assert!(verify(&flipped.bag(), &trust).is_err(), "byte {at} of {} may be flipped", bundle.parts[0].len());
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_the_statement_is_refused() {
    let (log, plan) = honest(1);
    let bundle = log.evidence(&plan).pack();
    for at in 0..bundle.statement.len() {
        for bit in 0..8 {
            let mut flipped = bundle.clone();
            flipped.statement[at] ^= 1 << bit;
            let reason = verify(&flipped.bag(), &log.trust()).expect_err("must be refused");
            assert_eq!(reason.id(), "EXPORT_STATEMENT", "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_flipped_bit_in_any_file_of_the_bag_is_refused() {
    let (log, plan) = honest(1);
    let files = log.evidence(&plan).pack().bag();
    for (path, bytes) in &files.files {
        for at in 0..bytes.len().min(200) {
            let mut flipped = files.clone();
            flipped.files.get_mut(path).expect("the file")[at] ^= 1;
            assert!(verify(&flipped, &log.trust()).is_err(), "byte {at} of {path}");
        }
    }
}

#[test]
fn an_event_dropped_without_its_hash_is_refused() {
    let reason = refused(|evidence| {
        let at = message_at(evidence, 3);
        evidence.records.remove(at);
    });
    assert_eq!(
        reason,
        Refusal::Event { place: Place::event(2, 5), reason: ProofError::WrongLength { got: 0, want: 1 } }
    );
}

#[test]
fn an_event_hidden_behind_its_hash_is_refused_as_a_gap() {
    let reason = refused(|evidence| {
        let at = message_at(evidence, 3);
        let hidden = message(evidence, 3).header.clone();
        evidence.records.remove(at);
        let next = message(evidence, 3);
        next.gap.insert(0, zegel_verifier::batch::event_leaf(&hidden).to_vec());
    });
    assert_eq!(reason, Refusal::SeqGap { place: Place::event(2, 5), found: 4, wanted: 3 });
}

#[test]
fn a_cut_tail_is_refused_by_its_month() {
    let reason = refused(|evidence| {
        let at = message_at(evidence, 6);
        let hidden = message(evidence, 6).header.clone();
        evidence.records.remove(at);
        let Some(Record::BatchEnd(end)) = &mut evidence.records[at].record else { panic!("the end of the batch") };
        end.gap = vec![zegel_verifier::batch::event_leaf(&hidden).to_vec()];
    });
    assert_eq!(reason.id(), "MONTH_ROOT");
}

#[test]
fn a_tail_of_whole_batches_is_refused_by_its_month() {
    let mut log = Log::with_messages(3);
    for number in 0..2 {
        let event = log.message(CONVERSATION, number, "later");
        log.batch(Who::Source, vec![event]);
    }
    let plan = log.export(scope_of(CONVERSATION), None);
    let leaf = log.leaves()[4];
    let reason = refused_of(&log, &plan, |evidence| {
        let at = evidence.position_of(|record| matches!(record, Record::Entry(entry) if entry.index == 4));
        evidence.records.drain(at..at + 3);
        evidence.entry_record(4).gap.insert(0, leaf.to_vec());
    });
    assert_eq!(reason.id(), "MONTH_ROOT");
}

#[test]
fn an_event_added_or_moved_or_doubled_is_refused() {
    let reason = refused(|evidence| {
        let at = message_at(evidence, 3);
        let copy = evidence.records[at].clone();
        evidence.records.insert(at, copy);
    });
    assert_eq!(
        reason,
        Refusal::Event { place: Place::event(2, 4), reason: ProofError::NotAscending { index: 4, position: 5 } }
    );
    let reason = refused(|evidence| {
        let at = message_at(evidence, 3);
        evidence.records.swap(at, at + 1);
    });
    assert_eq!(reason.id(), "EVENT");
    let reason = refused(|evidence| {
        let at = message_at(evidence, 6);
        let mut added = message(evidence, 6).clone();
        added.position += 1;
        added.gap.clear();
        evidence.records.insert(at + 1, EvidenceRecord { record: Some(Record::Event(added)) });
    });
    assert_eq!(reason.id(), "EVENT");
}

#[test]
fn an_event_of_another_conversation_is_refused() {
    let (log, plan) = honest(7);
    let reason = refused_of(&log, &plan, |evidence| {
        let other = &log.entries[2].events[2];
        let at = message_at(evidence, 2);
        let added = EvidenceEvent {
            gap: vec![],
            position: 2,
            header: other.header.encode_to_vec(),
            body: other.body.clone().map(evidence_event::Body::Opened),
        };
        message(evidence, 2).gap.clear();
        evidence.records.insert(at, EvidenceRecord { record: Some(Record::Event(added)) });
    });
    assert_eq!(reason, Refusal::OutOfScope { place: Place::event(2, 2), kind: "MESSAGE_CREATED" });
}

#[test]
fn headers_swapped_between_places_are_refused_by_the_batch_root() {
    let mut log = Log::with_messages(1);
    let source = log.source.id;
    let seq = [log.seq(source, CONVERSATION), log.seq(source, CONVERSATION)];
    let one = log.message_of(source, CONVERSATION, seq[0], MAY, "een", vec![]);
    let two = log.message_of(source, OTHER_CONVERSATION, 0, MAY, "twee", vec![]);
    let three = log.message_of(source, CONVERSATION, seq[1], MAY, "drie", vec![]);
    log.batch(Who::Source, vec![one, two.clone(), three]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let reason = refused_of(&log, &plan, |evidence| {
        let event = message(evidence, 1);
        let mut header = EventHeader::decode(&event.header[..]).expect("a header");
        header.content = two.header.content.clone();
        event.header = header.encode_to_vec();
        event.body = None;
    });
    assert_eq!(reason.id(), "BATCH_ROOT");
}

#[test]
fn an_older_bundle_than_was_ordered_is_refused() {
    let (log, plan) = honest(3);
    let files = log.evidence(&plan).pack().bag();
    let demands = Demands { nonce: Some("kenmerk-2".into()), ..Demands::default() };
    let reason = verify_with(&files, &log.trust(), &demands);
    assert_eq!(reason.unwrap_err(), Refusal::Nonce { found: "kenmerk-1".into(), wanted: "kenmerk-2".into() });
    let demands = Demands { min_entries: Some(plan.snapshot_entry + 1), ..Demands::default() };
    let reason = verify_with(&files, &log.trust(), &demands);
    let (found, wanted) = (plan.snapshot_entry, plan.snapshot_entry + 1);
    assert_eq!(reason.unwrap_err(), Refusal::AsOf { found, wanted });
}

#[test]
fn a_snapshot_of_another_log_or_another_table_is_refused() {
    let (other, other_plan) = honest(5);
    let snapshot = other.entries[other_plan.snapshot_entry as usize].bytes();
    let reason = refused(|evidence| {
        let last = evidence.position_of(|record| matches!(record, Record::LogEnd(_))) - 1;
        let Some(Record::Entry(entry)) = &mut evidence.records[last].record else { panic!("the snapshot") };
        entry.entry = snapshot.clone();
    });
    assert_eq!(reason.id(), "LOG_ROOT");

    let mut log = Log::with_messages(3);
    let plan = log.export(scope_of(CONVERSATION), None);
    let bad = log.snapshot(|snapshot| snapshot.root = vec![1; 32]);
    let reason = refused_of(&log, &Plan { snapshot_entry: bad, ..plan.clone() }, |_| ());
    assert_eq!(reason.id(), "SNAPSHOT_ROOT");
    let bad = log.snapshot(|snapshot| snapshot.covers += 1);
    let refusal = Refusal::Snapshot { place: Place::entry(bad), reason: "it covers entries that come after it" };
    assert_eq!(refused_of(&log, &Plan { snapshot_entry: bad, ..plan.clone() }, |_| ()), refusal);
    let reason = refused_of(&log, &plan, |evidence| evidence.header().snapshot_entry = plan.snapshot_entry - 1);
    assert_eq!(reason.id(), "SNAPSHOT");
    let reason = refused_of(&log, &plan, |evidence| evidence.header().snapshot_entry = plan.snapshot_entry + 1);
    assert_eq!(reason.id(), "SNAPSHOT");
}

#[test]
fn a_month_hidden_changed_or_made_up_is_refused() {
    // 100 messages, one a day: May to August.
    let log_of = || {
        let mut log = Log::with_messages(100);
        let plan = log.export(scope_of(CONVERSATION), None);
        (log, plan)
    };
    let (log, plan) = log_of();
    let reason = refused_of(&log, &plan, |evidence| {
        evidence.row(0).months.remove(1);
    });
    assert_eq!(reason.id(), "MONTH_SURPLUS");
    let reason = refused_of(&log, &plan, |evidence| {
        let extra = Month { month: 202_212, count: 1, root: vec![1; 32] };
        evidence.row(0).months.push(extra);
    });
    let hidden = Refusal::MonthHidden { stream: "STREAM_CONVERSATION", month: 202_212, wanted_count: 1 };
    assert_eq!(reason, hidden);
    let reason = refused_of(&log, &plan, |evidence| evidence.row(0).months[1].count += 1);
    assert_eq!(reason.id(), "MONTH_ROOT");
    // A month that was dropped from the period by name only: header and export still say all months.
    let reason = refused_of(&log, &plan, |evidence| {
        let scope = evidence.header().scope.as_mut().expect("a scope");
        (scope.from_month, scope.to_month) = (202_205, 202_206);
    });
    assert_eq!(reason.id(), "OUT_OF_SCOPE");
    let reason = refused_of(&log, &plan, |evidence| {
        let scope = evidence.header().scope.as_mut().expect("a scope");
        (scope.from_month, scope.to_month) = (197_001, 999_912);
    });
    assert_eq!(reason, Refusal::Scope);
}

#[test]
fn rows_that_are_missing_or_surplus_are_refused() {
    let reason = refused(|evidence| {
        let at = evidence.position_of(|record| matches!(record, Record::Row(_)));
        evidence.records.remove(at);
    });
    assert_eq!(reason, Refusal::RowMissing { stream: "STREAM_CONVERSATION" });
    let reason = refused(|evidence| evidence.row(1).id = vec![3; 32]);
    assert_eq!(reason.id(), "ROW_SURPLUS");
    let reason = refused(|evidence| evidence.row(2).gap.push(vec![1; 32]));
    assert_eq!(reason.id(), "SNAPSHOT_ROW");
}

#[test]
fn surplus_and_missing_proof_hashes_are_refused_everywhere() {
    let reason = refused(|evidence| evidence.event(1).gap.push(vec![1; 32]));
    assert_eq!(reason.id(), "EVENT");
    let reason = refused(|evidence| evidence.entry_record(1).gap.push(vec![1; 32]));
    assert_eq!(reason, Refusal::Entry { place: Place::entry(1), reason: ProofError::WrongLength { got: 1, want: 0 } });
    let end = |evidence: &mut Evidence, change: fn(&mut Vec<Vec<u8>>)| {
        let at = evidence.position_of(|record| matches!(record, Record::LogEnd(_)));
        let Some(Record::LogEnd(end)) = &mut evidence.records[at].record else { panic!("the end") };
        change(&mut end.gap);
    };
    assert_eq!(refused(|evidence| end(evidence, |gap| gap.push(vec![1; 32]))).id(), "ENTRY");
    assert_eq!(refused(|evidence| end(evidence, |gap| drop(gap.pop()))).id(), "ENTRY");
    assert_eq!(refused(|evidence| end(evidence, |gap| gap[0][0] ^= 1)).id(), "LOG_ROOT");
}

#[test]
fn a_key_that_was_revoked_retired_or_never_known_may_not_sign() {
    let reason = refused_log(|log| {
        let revoked = Log::revoked(log.source.public(), 1);
        log.batch(Who::Root, vec![revoked]);
        let event = log.message(CONVERSATION, 1, "te laat");
        log.batch(Who::Source, vec![event]);
    });
    assert!(
        matches!(reason, Refusal::Authority { reason: AuthorityError::EndedKey { ended: 3, entry: 4, .. }, .. }),
        "{reason:?}"
    );
    let reason = refused_log(|log| {
        log.source.key = ed25519_dalek::SigningKey::from_bytes(&[77; 32]);
        let event = log.message(CONVERSATION, 1, "vreemd");
        log.batch(Who::Source, vec![event]);
    });
    assert!(
        matches!(reason, Refusal::Authority { reason: AuthorityError::UnknownKey { entry: 3, .. }, .. }),
        "{reason:?}"
    );
}

#[test]
fn a_role_that_may_not_write_a_kind_is_refused() {
    let reason = refused_log(|log| {
        let officer = log.officer.id;
        let event = log.message_of(officer, CONVERSATION, 0, MAY, "door een ambtenaar", vec![]);
        log.batch(Who::Officer, vec![event]);
    });
    let wanted = AuthorityError::WrongRole { role: "ROLE_OFFICER", kind: "MESSAGE_CREATED" };
    assert_eq!(reason, Refusal::Authority { place: Place::event(3, 0), reason: wanted });
}

#[test]
fn a_batch_under_another_source_is_refused() {
    let reason = refused_log(|log| {
        let (event, other) = (log.message(CONVERSATION, 1, "x"), log.other_source.id);
        log.batch_by(Who::Source, vec![event], |statement| statement.source = other.to_vec());
    });
    assert!(matches!(reason, Refusal::Authority { reason: AuthorityError::OtherActor { .. }, .. }), "{reason:?}");
}

#[test]
fn a_batch_of_another_log_or_with_a_false_signature_is_refused() {
    let reason = refused_log(|log| {
        let event = log.message(CONVERSATION, 1, "x");
        log.batch_by(Who::Source, vec![event], |statement| statement.origin = "elders.nl/log".into());
    });
    let other = BatchError::OtherOrigin { found: "elders.nl/log".into(), wanted: ORIGIN.into() };
    assert_eq!(reason, Refusal::Batch { place: Place::entry(3), reason: other });
    let reason = refused_log(|log| {
        let event = log.message(CONVERSATION, 1, "x");
        log.batch(Who::Source, vec![event]);
        let Some(entry::Content::Batch(batch)) = &mut log.entries[3].entry.content else { panic!("a batch") };
        batch.signature[0] ^= 1;
    });
    assert_eq!(reason.id(), "BATCH_SIGNATURE");
}

#[test]
fn a_source_whose_chain_forks_or_goes_back_is_refused() {
    for change in [
        |s: &mut BatchStatement| s.previous = vec![1; 32],
        |s: &mut BatchStatement| {
            (s.batch_seq, s.previous) = (0, vec![]);
        },
    ] {
        let reason = refused_log(|log| {
            let event = log.message(CONVERSATION, 1, "x");
            log.batch_by(Who::Source, vec![event], change);
        });
        assert_eq!(reason.id(), "BATCH_CHAIN");
    }
}

#[test]
fn a_number_that_is_missing_or_comes_again_is_refused() {
    for (seq, found, wanted) in [(4, 4, 3), (2, 2, 3)] {
        let reason = refused_log(|log| {
            let source = log.source.id;
            let event = log.message_of(source, CONVERSATION, seq, MAY, "x", vec![]);
            log.batch(Who::Source, vec![event]);
        });
        assert_eq!(reason, Refusal::SeqGap { place: Place::event(3, 0), found, wanted });
    }
}

#[test]
fn a_slot_replaced_exchanged_or_moved_is_refused() {
    let changes: [fn(&mut Body); 5] = [
        |body| body.slots[chat::SENDER].value = b"+31611111111".to_vec(),
        |body| body.slots.swap(chat::SENDER, chat::DISPLAY_NAME),
        |body| body.slots[chat::TEXT].items.swap(0, 1),
        |body| body.slots[chat::TEXT].items[0].push(b'!'),
        |body| body.seed[0] ^= 1,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let reason = refused(|evidence| change(opened(message(evidence, 3))));
        let place = Place::event(2, 4);
        assert!(
            matches!(reason, Refusal::Commitment { place: at, reason: CommitmentError::WrongRoot { .. } } if at == place),
            "{number}: {reason:?}"
        );
    }
    let reason = refused(|evidence| drop(opened(message(evidence, 3)).slots.pop()));
    let wanted = CommitmentError::SlotCount { found: 11, wanted: 12 };
    assert_eq!(reason, Refusal::Commitment { place: Place::event(2, 4), reason: wanted });
}

#[test]
fn a_body_under_another_header_is_refused() {
    let reason = refused(|evidence| {
        let body = message(evidence, 2).body.clone();
        message(evidence, 3).body = body;
    });
    assert_eq!(reason.id(), "COMMITMENT");
    // The source itself puts a body under a header that it does not belong to.
    let reason = refused_log(|log| {
        let mut event = log.message(CONVERSATION, 1, "x");
        event.header.month = 202_301;
        log.batch(Who::Source, vec![event]);
    });
    assert_eq!(reason, Refusal::Binding { place: Place::event(3, 0), field: "month" });
    let reason = refused_log(|log| {
        let other = log.other_source.id;
        let event = log.message_of(other, CONVERSATION, 3, MAY, "x", vec![]);
        log.batch(Who::Source, vec![event]);
    });
    assert_eq!(reason, Refusal::Binding { place: Place::event(3, 0), field: "source" });
}

#[test]
fn a_covered_binding_a_sealed_body_and_a_body_of_a_public_event_are_refused() {
    let reason = refused(|evidence| {
        let event = message(evidence, 3);
        let body = opened(event).clone();
        let covered = zegel_verifier::commit::redact(&body, &[CoveredUnit { slot: 0, item: None }]);
        event.body = covered.map(evidence_event::Body::Redacted);
    });
    let wanted = CommitmentError::BindingCovered;
    assert_eq!(reason, Refusal::Commitment { place: Place::event(2, 4), reason: wanted });
    let reason = refused(|evidence| {
        message(evidence, 3).body = Some(evidence_event::Body::Sealed(SealedEvidence::default()));
    });
    assert_eq!(reason.id(), "BODY");
    let reason = refused(|evidence| {
        let body = message(evidence, 3).body.clone();
        evidence.event(0).body = body;
    });
    assert_eq!(reason, Refusal::Body { place: Place::event(0, 0), reason: "a public event has no body" });
}

fn item(entry: u64, position: u32, slot: usize, first_item: u32, item_count: u32) -> RedactionItem {
    RedactionItem { entry, position, slot: slot as u32, first_item, item_count, grounds: vec!["5.1.2e".into()] }
}

/// A log in which the sender of message 0 is listed, and the units that a bundle covers.
fn with_manifest(items: Vec<RedactionItem>, covered: Vec<(u64, u32, Vec<CoveredUnit>)>) -> Refusal {
    let mut log = Log::with_messages(7);
    log.manifest(vec![items]);
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    plan.covered = covered;
    refused_of(&log, &plan, |_| ())
}

fn sender() -> CoveredUnit {
    CoveredUnit { slot: chat::SENDER as u32, item: None }
}

#[test]
fn a_salt_a_leaf_or_a_segment_of_a_covered_body_that_was_changed_is_refused() {
    let changes: [fn(&mut RedactedBody); 6] = [
        |body| body.slots[chat::DISPLAY_NAME].salt[0] ^= 1,
        |body| body.slots[chat::SENDER].leaf[0] ^= 1,
        |body| body.slots[chat::TEXT].items[1].salt[0] ^= 1,
        |body| body.slots[chat::TEXT].items[1].value = b"8 ".to_vec(),
        |body| body.slots[chat::TEXT].items.swap(0, 1),
        |body| body.slots.swap(chat::SENDER, chat::AUDIENCE),
    ];
    let mut log = Log::with_messages(7);
    log.manifest(vec![vec![item(2, 0, chat::SENDER, 0, 0)]]);
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    plan.covered = vec![(2, 0, vec![sender()])];
    assert!(verify(&log.evidence(&plan).pack().bag(), &log.trust()).is_ok());
    for (number, change) in changes.into_iter().enumerate() {
        let reason = refused_of(&log, &plan, |evidence| match &mut message(evidence, 0).body {
            Some(evidence_event::Body::Redacted(body)) => change(body),
            other => panic!("not covered: {other:?}"),
        });
        assert_eq!((reason.id(), number), ("COMMITMENT", number), "{reason:?}");
    }
}

#[test]
fn after_the_logs_key_changed_only_the_new_one_signs() {
    let mut log = Log::with_messages(3);
    let old = log.log_key.clone();
    log.log_key = ed25519_dalek::SigningKey::from_bytes(&[88; 32]);
    let nobody = Actor { id: Hash::ZERO, ..Actor::new(88) };
    let added = log.key_added(&nobody, &log.log_key);
    let Some(event_header::Content::Public(public_bytes)) = added.header.content else { panic!("public") };
    let added = KeyAdded::decode(&public_bytes[..]).expect("a key");
    let changed = public(EventKind::LogKeyChanged, &LogKeyChanged { log_key: added.key, proof: added.proof });
    log.batch(Who::Root, vec![changed]);
    let plan = log.export(scope_of(CONVERSATION), None);
    assert!(verify(&log.evidence(&plan).pack().bag(), &log.trust()).is_ok());
    log.log_key = old;
    assert_eq!(refused_of(&log, &plan, |_| ()).id(), "CHECKPOINT");
}

#[test]
fn what_is_covered_without_a_manifest_is_refused() {
    let (log, mut plan) = honest(7);
    plan.covered = vec![(2, 0, vec![sender()]), (2, 4, vec![])];
    let reason = refused_of(&log, &plan, |_| ());
    assert_eq!(reason, Refusal::Manifest(ManifestError::Mismatch { covered: 2, listed: 0 }));
}

#[test]
fn a_manifest_and_the_cover_must_match_one_for_one() {
    let one = || vec![item(2, 0, chat::SENDER, 0, 0)];
    let mismatch = |covered, listed| Refusal::Manifest(ManifestError::Mismatch { covered, listed });
    assert_eq!(with_manifest(one(), vec![]), mismatch(0, 1));
    assert_eq!(with_manifest(one(), vec![(2, 1, vec![sender()])]), mismatch(1, 1));
    assert_eq!(with_manifest(one(), vec![(2, 0, vec![])]), mismatch(1, 1));
    let both = vec![(2, 0, vec![sender()]), (2, 1, vec![sender()])];
    assert_eq!(with_manifest(one(), both), mismatch(2, 1));
    let twice = vec![item(2, 0, chat::TEXT, 0, 2), item(2, 0, chat::TEXT, 1, 1)];
    let reason = with_manifest(twice, vec![]);
    assert_eq!(reason, Refusal::Manifest(ManifestError::Items { place: Place::event(3, 0), item: 1 }));
}

#[test]
fn a_manifest_that_is_not_bound_not_whole_or_not_open_is_refused() {
    let log_with = |parts: Vec<Vec<RedactionItem>>, bound| {
        let mut log = Log::with_messages(7);
        log.manifest(parts);
        let mut plan = log.export(scope_of(CONVERSATION), bound);
        plan.covered = vec![(2, 0, vec![sender()])];
        (log, plan)
    };
    let one = || vec![item(2, 0, chat::SENDER, 0, 0)];
    let (log, plan) = log_with(vec![one()], None);
    let unbound = ManifestError::Other { found: MANIFEST, wanted: Hash::ZERO };
    assert_eq!(refused_of(&log, &plan, |_| ()), Refusal::Manifest(unbound));
    let (log, plan) = log_with(vec![one()], Some(Hash([5; 32])));
    let other = ManifestError::Other { found: MANIFEST, wanted: Hash([5; 32]) };
    assert_eq!(refused_of(&log, &plan, |_| ()), Refusal::Manifest(other));
    let (log, plan) = log_with(vec![one(), vec![item(2, 1, chat::SENDER, 0, 0)]], Some(MANIFEST));
    let close = |number| move |e: &mut Evidence| e.event_of(EventKind::RedactionManifest, number).body = None;
    let first = ManifestError::Part { place: Place::event(4, 0), found: 1, parts: 2, wanted: 0 };
    assert_eq!(refused_of(&log, &plan, close(0)), Refusal::Manifest(first));
    let last = ManifestError::Incomplete { wanted: MANIFEST, found: 1 };
    assert_eq!(refused_of(&log, &plan, close(1)), Refusal::Manifest(last));
}

#[test]
fn an_attachment_swapped_cut_or_surplus_is_refused() {
    let mut log = Log::with_messages(1);
    let (source, sha256_of) = (log.source.id, |bytes: &[u8]| sha256(&[bytes]));
    let attachment = Attachment {
        name: "foto.jpg".into(),
        size: 4,
        sha256: sha256_of(b"foto").to_vec(),
        state: AttachmentState::AttachmentPresent as i32,
        ..Default::default()
    };
    let seq = log.seq(source, CONVERSATION);
    let event = log.message_of(source, CONVERSATION, seq, MAY, "zie foto", vec![attachment]);
    log.batch(Who::Source, vec![event]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let name = sha256_of(b"foto").to_string();
    let reason = refused_of(&log, &plan, |e| drop(e.attachments.insert(name.clone(), b"fot0".to_vec())));
    assert_eq!(reason.id(), "BAG");
    let reason =
        refused_of(&log, &plan, |e| drop(e.attachments.insert(sha256_of(b"extra").to_string(), b"extra".to_vec())));
    let file = sha256_of(b"extra").to_string();
    assert_eq!(reason, Refusal::Attachment { file, reason: AttachmentError::Surplus });
    let with = |bytes: &[u8]| {
        let mut evidence = log.evidence(&plan);
        evidence.attachments.insert(name.clone(), b"foto".to_vec());
        let mut files = evidence.pack().bag();
        files.files.insert(format!("data/attachments/{name}"), bytes.to_vec());
        verify(&files, &log.trust())
    };
    assert!(with(b"foto").is_ok());
    let (file, found) = (name.clone(), sha256_of(b"fot0"));
    let reason = AttachmentError::Digest { found };
    assert_eq!(with(b"fot0").unwrap_err(), Refusal::Attachment { file: file.clone(), reason });
    let reason = AttachmentError::Size { found: 3, wanted: 4 };
    assert_eq!(with(b"fot").unwrap_err(), Refusal::Attachment { file, reason });
}

#[test]
fn an_export_statement_stripped_or_wrapped_again_is_refused() {
    let (log, plan) = honest(3);
    let bundle = log.evidence(&plan).pack();
    let with = |change: &dyn Fn(&mut Bundle)| {
        let mut changed = bundle.clone();
        change(&mut changed);
        match verify(&changed.bag(), &log.trust()).expect_err("must be refused") {
            Refusal::ExportStatement(reason) => reason,
            other => panic!("{other:?}"),
        }
    };
    let sign_by = |key: &ed25519_dalek::SigningKey| {
        with(&|bundle| {
            bundle.signer = key.clone();
            bundle.sign();
        })
    };
    let unknown = ed25519_dalek::SigningKey::from_bytes(&[66; 32]);
    assert!(matches!(sign_by(&unknown), StatementError::Authority(AuthorityError::UnknownKey { .. })));
    assert!(matches!(sign_by(&log.source.key), StatementError::Authority(AuthorityError::OtherActor { .. })));
    let change = |change: fn(&mut ExportStatement)| {
        with(&|bundle| {
            let mut statement = bundle.statement();
            change(&mut statement);
            bundle.sign_statement(&statement);
        })
    };
    assert_eq!(change(|s| s.origin = "elders.nl/log".into()), StatementError::Origin { found: "elders.nl/log".into() });
    assert_eq!(change(|s| s.export = vec![1; 32]), StatementError::Export { found: Hash([1; 32]), wanted: EXPORT });
    assert_eq!(change(|s| s.parts = 2), StatementError::Parts { found: 2, wanted: 1 });
    assert!(matches!(change(|s| s.parts_sha256 = vec![1; 32]), StatementError::Digest { .. }));
    let mut files = bundle.bag();
    files.files.remove("data/export-statement");
    files.manifest();
    assert_eq!(verify(&files, &log.trust()).unwrap_err().id(), "BAG");
}

#[test]
fn another_export_event_than_the_announced_one_is_refused() {
    let reason = refused(|evidence| evidence.header().export_entry = 1);
    assert_eq!(reason.id(), "EXPORT_EVENT");
    let reason = refused(|evidence| evidence.header().export_position = 1);
    assert_eq!(reason.id(), "EXPORT_EVENT");
    let reason = refused(|evidence| evidence.event_of(EventKind::ExportCreated, 0).body = None);
    assert_eq!(reason.id(), "EXPORT_EVENT");
}

#[test]
fn another_root_another_log_and_another_log_key_are_refused() {
    let (log, plan) = honest(3);
    let files = log.evidence(&plan).pack().bag();
    let mut other = log.clone();
    other.root = Actor::new(99);
    assert_eq!(verify(&files, &other.trust()).unwrap_err().id(), "ROOT_KEY");
    let mut other = log.clone();
    other.origin = "elders.nl/log".into();
    assert_eq!(verify(&files, &other.trust()).unwrap_err().id(), "ORIGIN");
    let mut other = log.clone();
    other.log_key = ed25519_dalek::SigningKey::from_bytes(&[55; 32]);
    assert_eq!(verify(&other.evidence(&plan).pack().bag(), &log.trust()).unwrap_err().id(), "CHECKPOINT");
    let pin = |key: &ed25519_dalek::SigningKey| {
        let key = zegel_verifier::note::VerifierKey::new(ORIGIN, 1, key.verifying_key().to_bytes()).expect("a key");
        format!("{}log {}\n", log.trust(), key.print())
    };
    assert!(verify(&files, &pin(&log.log_key)).is_ok());
    assert_eq!(verify(&files, &pin(&other.log_key)).unwrap_err().id(), "LOG_KEY");
}

#[test]
fn too_few_witnesses_and_a_false_cosignature_are_refused() {
    let (log, plan) = honest(3);
    let mut evidence = log.evidence(&plan);
    let text = zegel_verifier::checkpoint::print(
        ORIGIN,
        log.entries.len() as u64,
        zegel_verifier::tree::root_of(log.leaves()),
    );
    evidence.header().checkpoint = sign_note(&text, ORIGIN, &log.log_key, None);
    let too_few = Refusal::Quorum { cosigned: vec![], wanted: "getuige".into() };
    assert_eq!(verify(&evidence.pack().bag(), &log.trust()).unwrap_err(), too_few);
    let mut other = log.clone();
    other.witness = ed25519_dalek::SigningKey::from_bytes(&[44; 32]);
    let stranger = other.evidence(&plan).pack().bag();
    assert_eq!(verify(&stranger, &log.trust()).unwrap_err(), too_few);
    // One of two that are all demanded: the refusal says who is there, and what is wanted.
    let second = zegel_verifier::note::VerifierKey::new("tweede.example", 4, [9; 32]).expect("a key").print();
    let both = log
        .trust()
        .replace("quorum getuige", &format!("auditor tweede {second}\ngroup beide all getuige tweede\nquorum beide"));
    let refused = verify(&log.evidence(&plan).pack().bag(), &both).unwrap_err();
    let wanted = "2/2 (getuige, tweede)".into();
    assert_eq!(refused, Refusal::Quorum { cosigned: vec!["getuige".into()], wanted });
}

#[test]
fn a_ledgers_clock_that_goes_back_is_refused() {
    let reason = refused_log(|log| {
        log.clock_ms -= 5_000;
        let event = log.message(CONVERSATION, 1, "x");
        log.batch(Who::Source, vec![event]);
    });
    let (found, before) = (MAY - 1_000, MAY + 3_000);
    assert_eq!(reason, Refusal::ReceivedAt { place: Place::entry(3), found, before });
}

#[test]
fn records_out_of_their_order_are_refused() {
    let reason = refused(|evidence| drop(evidence.records.remove(0)));
    assert_eq!(reason, Refusal::Order { found: "an entry", wanted: "a header" });
    let reason = refused(|evidence| drop(evidence.records.pop()));
    assert_eq!(reason.id(), "ORDER");
    let reason = refused(|evidence| {
        let header = evidence.records[0].clone();
        evidence.records.push(header);
    });
    assert_eq!(reason, Refusal::Order { found: "a header", wanted: "the end of the evidence" });
    let reason = refused(|evidence| {
        let envelope = EvidenceEnvelope { envelope: vec![1], ..EvidenceEnvelope::default() };
        evidence.records.insert(1, EvidenceRecord { record: Some(Record::Envelope(envelope)) });
    });
    assert_eq!(reason.id(), "ORDER");
    let reason = refused(|evidence| {
        let at = evidence.position_of(|record| matches!(record, Record::Entry(entry) if entry.index == 0));
        evidence.records.drain(at..at + 12);
    });
    assert_eq!(reason.id(), "ENTRY");
}

#[test]
fn an_entry_in_scope_left_out_behind_its_hash_is_refused() {
    // The registration of the conversation: an entry of its own.
    let (log, plan) = honest(3);
    let leaf = log.leaves()[1];
    let reason = refused_of(&log, &plan, |evidence| {
        let at = evidence.position_of(|record| matches!(record, Record::Entry(entry) if entry.index == 1));
        evidence.records.drain(at..at + 3);
        evidence.entry_record(1).gap.insert(0, leaf.to_vec());
    });
    assert_eq!(reason, Refusal::Unregistered { place: Place::event(2, 0), kind: "MESSAGE_CREATED" });
}

#[test]
fn a_records_event_left_out_is_refused() {
    let mut log = Log::with_messages(3);
    let hold = log.record(EventKind::HoldPlaced, SelectionSubject::default().encode_to_vec(), vec![]);
    log.batch(Who::Officer, vec![hold]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let leaf = log.leaves()[3];
    let reason = refused_of(&log, &plan, |evidence| {
        let at = evidence.position_of(|record| matches!(record, Record::Entry(entry) if entry.index == 3));
        evidence.records.drain(at..at + 3);
        evidence.entry_record(3).gap.insert(0, leaf.to_vec());
    });
    assert!(matches!(reason, Refusal::MonthRoot { stream: "STREAM_RECORDS", .. }), "{reason:?}");
}

#[test]
fn every_refusal_speaks_both_languages() {
    let reason = refused(|evidence| evidence.row(0).months[0].count += 1);
    assert!(reason.en().contains("the snapshot has 2"), "{}", reason.en());
    assert!(reason.nl().contains("vastgelegd zijn er 2"), "{}", reason.nl());
}

mod random {
    use super::*;
    use proptest::prelude::*;

    fn packed() -> &'static (String, Bundle) {
        static PACKED: std::sync::OnceLock<(String, Bundle)> = std::sync::OnceLock::new();
        PACKED.get_or_init(|| {
            let (log, plan) = honest(3);
            (log.trust(), log.evidence(&plan).pack())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn bytes_cut_out_put_in_or_written_over_are_refused(at: usize, length in 0usize..40, bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let (trust, bundle) = packed();
            let mut changed = bundle.clone();
            let at = at % changed.parts[0].len();
            let end = (at + length).min(changed.parts[0].len());
            changed.parts[0].splice(at..end, bytes);
            prop_assume!(changed.parts != bundle.parts);
            changed.sign();
            prop_assert!(verify(&changed.bag(), trust).is_err());
        }

        #[test]
        fn records_left_out_doubled_or_moved_are_refused(from: usize, to: usize, what in 0usize..3) {
            let (log, plan) = honest(3);
            let mut evidence = log.evidence(&plan);
            let good = evidence.records.clone();
            let (from, to) = (from % good.len(), to % good.len());
            let record = evidence.records[from].clone();
            match what {
                0 => drop(evidence.records.remove(from)),
                1 => evidence.records.insert(to, record),
                _ => evidence.records.swap(from, to),
            }
            prop_assume!(evidence.records != good);
            prop_assert!(verify(&evidence.pack().bag(), &log.trust()).is_err());
        }
    }
}
