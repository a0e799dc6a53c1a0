//! Auditing logs made here: an honest one is clean, and each lie has its finding, at its entry.
#![allow(clippy::disallowed_methods, reason = "tests")]

mod maker;

use maker::*;
use prost::Message;
use zegel_proto::v1::*;
use zegel_verifier::audit::{Auditor, StateError, examine};
use zegel_verifier::bundle::{Place, Severity};
use zegel_verifier::hash::{Hash, Tag, leaf};
use zegel_verifier::trust::Trust;

fn trust_of(log: &Log) -> Trust {
    Trust::parse(log.trust().as_bytes()).expect("a trust file")
}

fn feed(auditor: &mut Auditor, entries: &[AuditEntry]) {
    for entry in entries {
        let examined = examine(entry, auditor.origin());
        auditor.take(examined);
    }
}

/// Replays these entries, after being handed this log's checkpoint.
fn audit(log: &Log, entries: &[AuditEntry]) -> Auditor {
    let mut auditor = Auditor::new(trust_of(log));
    auditor.checkpoint(&log.checkpoint());
    feed(&mut auditor, entries);
    auditor
}

type Told = (&'static str, Option<Place>);

fn told(auditor: &Auditor) -> Vec<Told> {
    auditor.report().findings.iter().map(|finding| (finding.id, finding.place)).collect()
}

/// Findings of a log that lies about itself, with a checkpoint that it signed.
fn found(log: &Log) -> Vec<Told> {
    told(&audit(log, &log.audit_entries()))
}

fn entry(index: u64) -> Option<Place> {
    Some(Place::entry(index))
}

fn event(index: u64, position: u32) -> Option<Place> {
    Some(Place::event(index, position))
}

/// Genesis, registrations, 30 messages, an export, a snapshot, 1 batch, a snapshot.
fn honest() -> Log {
    let mut log = Log::with_messages(60);
    log.export(scope_of(CONVERSATION), None);
    let more = vec![log.message(CONVERSATION, 61, "nog een")];
    log.batch(Who::Source, more);
    log.snapshot(|_| ());
    log
}

#[test]
fn an_honest_log_is_clean_and_counted() {
    let log = honest();
    let auditor = audit(&log, &log.audit_entries());
    assert_eq!(told(&auditor), vec![]);
    assert!(auditor.is_clean());
    let report = auditor.report();
    assert_eq!((report.entries, report.replayed), (8, 8));
    assert_eq!((report.batches, report.snapshots, report.checkpoints), (6, 2, 1));
    assert_eq!(report.newest_checkpoint, Some(8));
    assert_eq!(report.cosigned_by, vec!["getuige".to_owned()]);
    assert_eq!(report.root, auditor.root().to_string());
    assert_eq!(report.ministry.as_deref(), Some("Ministerie van Voorbeelden"));
}

#[test]
fn a_replay_that_was_kept_goes_on_as_if_nothing_had_happened() {
    let log = honest();
    let entries = log.audit_entries();
    let whole = audit(&log, &entries);
    let kept = |auditor: &Auditor| {
        let mut bytes = Vec::new();
        auditor.save(&mut bytes).expect("kept");
        bytes
    };
    for stop in 0..=entries.len() {
        let before = audit(&log, &entries[..stop]);
        let state = kept(&before);
        let mut after = Auditor::restore(trust_of(&log), &mut state.as_slice()).expect("taken back");
        assert_eq!(kept(&after), state);
        feed(&mut after, &entries[stop..]);
        assert_eq!(after.report(), whole.report(), "stopped at {stop}");
        assert_eq!(kept(&after), kept(&whole), "stopped at {stop}");
    }
}

#[test]
fn a_state_that_was_changed_or_is_of_another_log_is_refused() {
    let log = honest();
    let mut state = Vec::new();
    audit(&log, &log.audit_entries()).save(&mut state).expect("kept");
    for at in (0..state.len()).step_by(7).chain([state.len() - 1]) {
        let mut changed = state.clone();
        changed[at] ^= 1;
        assert!(Auditor::restore(trust_of(&log), &mut changed.as_slice()).is_err(), "byte {at}");
    }
    let refused = Auditor::restore(trust_of(&log), &mut &state[..state.len() - 1]);
    assert!(matches!(refused, Err(StateError::Unreadable(_))), "{refused:?}");
    let longer = [&state[..], &[0]].concat();
    assert!(matches!(Auditor::restore(trust_of(&log), &mut longer.as_slice()), Err(StateError::Checksum)));
    let other = Log::new("chat.example.nl/ander");
    assert!(matches!(Auditor::restore(trust_of(&other), &mut state.as_slice()), Err(StateError::OtherLog { .. })));
}

#[test]
fn a_dropped_a_doubled_and_two_swapped_entries_are_told_where_they_are() {
    let log = honest();
    let mut entries = log.audit_entries();
    entries.remove(3);
    let auditor = audit(&log, &entries);
    assert_eq!(&told(&auditor)[..1], [("CHECKPOINT_BEYOND", None)]);
    assert!(told(&auditor).contains(&("ENTRY", entry(4))));
    // Numbered anew, as someone would who hides it: chain, counters and root all tell.
    (0..).zip(&mut entries).for_each(|(index, entry)| entry.index = index);
    let auditor = audit(&log, &entries);
    // The source's next batch is entry 5 now.
    assert!(told(&auditor).contains(&("BATCH_CHAIN", entry(5))), "{:?}", told(&auditor));
    assert!(told(&auditor).contains(&("SEQ_GAP", event(5, 0))), "{:?}", told(&auditor));

    let mut entries = log.audit_entries();
    entries.swap(2, 3);
    (0..).zip(&mut entries).for_each(|(index, entry)| entry.index = index);
    let told = told(&audit(&log, &entries));
    for wanted in
        [("BATCH_CHAIN", entry(2)), ("BATCH_CHAIN", entry(3)), ("RECEIVED_AT", entry(3)), ("LOG_ROOT", entry(7))]
    {
        assert!(told.contains(&wanted), "{wanted:?} in {told:?}");
    }
}

#[test]
fn a_byte_changed_anywhere_is_found_at_its_entry() {
    let log = honest();
    let entries = log.audit_entries();
    for (index, whole) in entries.iter().enumerate() {
        let bytes = whole.encode_to_vec();
        for at in (0..bytes.len()).step_by(29) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let Ok(changed) = AuditEntry::decode(changed.as_slice()) else { continue };
            if changed == *whole {
                continue;
            }
            let mut entries = entries.clone();
            entries[index] = changed;
            let told = told(&audit(&log, &entries));
            let here = told.iter().any(|(_, place)| place.is_some_and(|place| place.entry == index as u64));
            let renumbered = told.iter().any(|(id, _)| *id == "ENTRY");
            // A snapshot's own bytes, and the time of an entry, are under the checkpoint only.
            let under_checkpoint = told.contains(&("LOG_ROOT", entry(7)));
            assert!(here || renumbered || under_checkpoint, "entry {index}, byte {at}: {told:?}");
        }
    }
}

#[test]
fn headers_sealed_forms_and_signatures_that_are_not_the_signed_ones_are_told() {
    let log = honest();
    let one = |change: &dyn Fn(&mut AuditEntry)| {
        let mut entries = log.audit_entries();
        change(&mut entries[2]);
        told(&audit(&log, &entries))
    };
    let ended = ("REPLAY_ENDED", entry(2));
    assert_eq!(one(&|of| of.headers[4][8] ^= 1), vec![("BATCH_ROOT", entry(2)), ended]);
    assert_eq!(one(&|of| drop(of.headers.pop())), vec![("BATCH_COUNT", entry(2)), ended]);
    assert_eq!(one(&|of| drop(of.sealed.pop())), vec![("BATCH_COUNT", entry(2)), ended]);
    assert_eq!(one(&|of| of.sealed[3].ciphertext[0] ^= 1), vec![("SEALED_ROOT", entry(2))]);
    assert_eq!(one(&|of| of.sealed[3].wrap.truncate(31)), vec![("SEALED_FORM", event(2, 3))]);
    let last = |of: &mut AuditEntry| *of.entry.last_mut().expect("a signature") ^= 1;
    assert_eq!(one(&last), vec![("BATCH_SIGNATURE", entry(2)), ("LOG_ROOT", entry(7)), ended]);
}

#[test]
fn a_body_that_is_gone_is_a_finding_until_one_of_the_four_ends_is_logged_after_it() {
    let log = honest();
    let destroy = |log: &Log| {
        let mut entries = log.audit_entries();
        entries[2].sealed[3] = SealedDigest::default();
        entries[2].sealed[5] = SealedDigest::default();
        audit(log, &entries).report()
    };
    let finding = &destroy(&log).findings[0];
    assert_eq!((finding.id, finding.place, finding.count), ("BODY_MISSING", event(2, 3), 2));
    use EventKind as K;
    let after = |kind: EventKind| {
        let mut log = log.clone();
        let said = log.record(kind, vec![], vec![]);
        log.batch(Who::Officer, vec![said]);
        let finding = destroy(&log).findings.swap_remove(0);
        (finding.id, finding.place, finding.count, finding.severity)
    };
    for end in [K::DestructionExecuted, K::WeedingExecuted, K::BreachRemoved, K::CustodyPurged] {
        assert_eq!(after(end), ("BODY_DESTROYED", event(2, 3), 2, Severity::Info), "{end:?}");
    }
    for other in [K::BodyResealed, K::DestructionProposed, K::RedactionManifest] {
        assert_eq!(after(other), ("BODY_MISSING", event(2, 3), 2, Severity::Error), "{other:?}");
    }
}

#[test]
fn a_body_that_was_replaced_is_a_finding_until_it_is_logged_that_bodies_were_sealed_again() {
    let log = honest();
    let replaced = |log: &Log, change: &dyn Fn(&mut SealedDigest)| {
        let mut entries = log.audit_entries();
        let digest = &mut entries[2].sealed[3];
        digest.leaf = leaf(Tag::Sealed, &[&digest.ciphertext, &digest.wrap]).to_vec();
        change(digest);
        told(&audit(log, &entries))
    };
    let other = |digest: &mut SealedDigest| digest.ciphertext = vec![7; 32];
    assert_eq!(replaced(&log, &other), vec![("BODY_MISSING", event(2, 3))]);
    assert_eq!(replaced(&log, &|_| ()), vec![], "it is still what was signed");
    let root = ("SEALED_ROOT", entry(2));
    let forged = |digest: &mut SealedDigest| digest.leaf[0] ^= 1;
    assert_eq!(replaced(&log, &forged), vec![("BODY_MISSING", event(2, 3)), root]);
    let unkept = |digest: &mut SealedDigest| (digest.ciphertext, digest.leaf) = (vec![7; 32], vec![]);
    assert_eq!(replaced(&log, &unkept), vec![root], "without its leaf it is no replacement");
    let after = |kind: EventKind| {
        let mut log = log.clone();
        let said = log.record(kind, vec![], vec![]);
        log.batch(Who::Officer, vec![said]);
        replaced(&log, &other)
    };
    assert_eq!(after(EventKind::BodyResealed), vec![("BODY_REPLACED", event(2, 3))]);
    assert_eq!(after(EventKind::DestructionExecuted), vec![("BODY_MISSING", event(2, 3))]);
}

#[test]
fn a_leaf_that_was_kept_is_held_against_the_sealed_root() {
    let log = honest();
    let mut entries = log.audit_entries();
    let gone = std::mem::take(&mut entries[2].sealed[3]);
    let leaf = leaf(Tag::Sealed, &[&gone.ciphertext, &gone.wrap]);
    entries[2].sealed[3].leaf = leaf.to_vec();
    assert_eq!(told(&audit(&log, &entries)), vec![("BODY_MISSING", event(2, 3))]);
    entries[2].sealed[3].leaf[0] ^= 1;
    assert_eq!(told(&audit(&log, &entries)), vec![("BODY_MISSING", event(2, 3)), ("SEALED_ROOT", entry(2))]);
}

#[test]
fn a_snapshot_that_does_not_follow_from_the_entries_is_told() {
    let wrong = |change: &dyn Fn(&mut IndexSnapshot)| {
        let mut log = Log::with_messages(20);
        let index = log.snapshot(change);
        (found(&log), index)
    };
    let (told, index) = wrong(&|snapshot| snapshot.root[0] ^= 1);
    assert_eq!(told, vec![("SNAPSHOT_ROOT", entry(index))]);
    let (told, index) = wrong(&|snapshot| snapshot.ids += 1);
    assert_eq!(told, vec![("SNAPSHOT_ROOT", entry(index))]);
    let (told, index) = wrong(&|snapshot| snapshot.covers += 1);
    assert_eq!(told, vec![("SNAPSHOT", entry(index))]);
    let (told, index) = wrong(&|snapshot| snapshot.covers -= 1);
    assert_eq!(told, vec![("SNAPSHOT_OLD", entry(index))]);
}

#[test]
fn a_snapshot_that_comes_late_is_examined_if_it_was_announced() {
    let late = |change: &dyn Fn(&mut IndexSnapshot)| {
        let mut log = Log::with_messages(20);
        let (covers, rows) = (log.entries.len() as u64, log.rows(log.entries.len() as u64));
        let more = vec![log.message(CONVERSATION, 30, "nog een")];
        log.batch(Who::Source, more);
        let root = zegel_verifier::tree::root_of(rows.iter().map(Row::leaf)).to_vec();
        let mut snapshot = IndexSnapshot { covers, ids: rows.len() as u64, root };
        change(&mut snapshot);
        log.push(zegel_proto::v1::entry::Content::Snapshot(snapshot), vec![]);
        let mut auditor = Auditor::new(trust_of(&log));
        auditor.checkpoint(&log.checkpoint());
        auditor.announce_snapshot(covers);
        feed(&mut auditor, &log.audit_entries());
        told(&auditor)
    };
    assert_eq!(late(&|_| ()), vec![]);
    assert_eq!(late(&|snapshot| snapshot.root[5] ^= 1), vec![("SNAPSHOT_ROOT", entry(4))]);
}

#[test]
fn chains_counters_and_ids_that_do_not_go_on_are_told() {
    let mut log = Log::with_messages(20);
    let batch = vec![log.message(CONVERSATION, 30, "na een gat")];
    let at = log.batch_by(Who::Source, batch, |statement| statement.batch_seq += 1);
    assert_eq!(found(&log), vec![("BATCH_CHAIN", entry(at))]);

    let mut log = Log::with_messages(20);
    let batch = vec![log.message(CONVERSATION, 30, "anders")];
    let at = log.batch_by(Who::Source, batch, |statement| statement.previous[0] ^= 1);
    assert_eq!(found(&log), vec![("BATCH_CHAIN", entry(at))]);

    let mut log = Log::with_messages(20);
    let mut batch: Vec<Event> = (30..33).map(|number| log.message(CONVERSATION, number, "drie")).collect();
    batch.remove(1);
    let at = log.batch(Who::Source, batch);
    assert_eq!(found(&log), vec![("SEQ_GAP", event(at, 1))]);

    let mut log = Log::with_messages(20);
    let batch = vec![log.message(Hash([0xA9; 32]), 0, "onbekend gesprek")];
    let at = log.batch(Who::Source, batch);
    assert_eq!(found(&log), vec![("UNREGISTERED", event(at, 0))]);

    let mut log = Log::with_messages(20);
    log.register();
    let last = log.entries.len() as u64 - 1;
    let twice = (0..3).map(|position| ("REGISTERED_TWICE", event(last, position))).collect::<Vec<_>>();
    let mut told = found(&log);
    told.sort_by_key(|(_, place)| *place);
    assert_eq!(told, twice);
}

#[test]
fn what_a_role_may_not_write_and_a_key_that_ended_are_told() {
    let mut log = Log::with_messages(5);
    let record = log.record(EventKind::HoldPlaced, vec![], vec![]);
    let at = log.batch(Who::Source, vec![record]);
    assert_eq!(found(&log), vec![("AUTHORITY", event(at, 0))]);

    let mut log = Log::with_messages(5);
    let revoked = Log::revoked(log.source.public(), 1);
    log.batch(Who::Root, vec![revoked]);
    let batch = vec![log.message(CONVERSATION, 30, "te laat")];
    let at = log.batch(Who::Source, batch);
    let told = found(&log);
    assert!(told.contains(&("AUTHORITY", entry(at))), "{told:?}");
    assert!(told.contains(&("KEY_COMPROMISED", entry(1))), "{told:?}");
}

#[test]
fn a_registry_event_that_cannot_be_is_told_and_changes_nothing() {
    let mut log = Log::with_messages(5);
    let again = log.key_added(&log.source.clone(), &log.source.key.clone());
    let at = log.batch(Who::Root, vec![again]);
    log.snapshot(|_| ());
    assert_eq!(found(&log), vec![("REGISTRY", event(at, 0))]);
}

#[test]
fn a_log_of_another_root_or_without_genesis_is_told_once() {
    let log = honest();
    let mut other = log.clone();
    other.root.key = ed25519_dalek::SigningKey::from_bytes(&[99; 32]);
    let mut auditor = Auditor::new(trust_of(&other));
    feed(&mut auditor, &log.audit_entries());
    assert_eq!(&told(&auditor)[..1], [("ROOT_KEY", entry(0))]);
    let mut entries = log.audit_entries();
    entries.remove(0);
    (0..).zip(&mut entries).for_each(|(index, entry)| entry.index = index);
    let mut auditor = Auditor::new(trust_of(&log));
    feed(&mut auditor, &entries);
    assert!(told(&auditor).contains(&("GENESIS", event(0, 0))), "{:?}", told(&auditor));
}

#[test]
fn a_checkpoint_of_another_history_key_or_size_is_told() {
    let log = honest();
    let size = log.entries.len() as u64;
    let note = |size, root, key: &ed25519_dalek::SigningKey| {
        sign_note(&zegel_verifier::checkpoint::print(ORIGIN, size, root), ORIGIN, key, None)
    };
    let of = |note: &[u8]| {
        let mut auditor = Auditor::new(trust_of(&log));
        auditor.checkpoint(&log.checkpoint());
        auditor.checkpoint(note);
        feed(&mut auditor, &log.audit_entries());
        told(&auditor)
    };
    let root = |size: u64| zegel_verifier::tree::root_of(log.leaves()[..size as usize].iter().copied());
    assert_eq!(of(&note(3, root(3), &log.log_key)), vec![]);
    assert_eq!(of(&note(3, root(4), &log.log_key)), vec![("LOG_ROOT", entry(2))]);
    assert_eq!(of(&note(size, Hash([1; 32]), &log.log_key)), vec![("LOG_ROOT", entry(size - 1))]);
    assert_eq!(of(&note(3, root(3), &log.witness)), vec![("CHECKPOINT", entry(2))]);
    assert_eq!(of(&note(size + 1, root(3), &log.log_key)), vec![("CHECKPOINT_BEYOND", None)]);
    assert_eq!(of(b"no note"), vec![("CHECKPOINT", None)]);
}

#[test]
fn a_checkpoint_that_comes_late_is_held_against_the_tree_by_its_proof() {
    let log = honest();
    let leaves = log.leaves();
    let note = sign_note(
        &zegel_verifier::checkpoint::print(ORIGIN, 4, zegel_verifier::tree::root_of(leaves[..4].iter().copied())),
        ORIGIN,
        &log.log_key,
        None,
    );
    let proof = [zegel_verifier::tree::root_of(leaves[4..8].iter().copied())];
    let mut auditor = audit(&log, &log.audit_entries());
    auditor.earlier_checkpoint(&note, &proof);
    assert_eq!(told(&auditor), vec![]);
    let mut auditor = audit(&log, &log.audit_entries());
    auditor.earlier_checkpoint(&note, &[Hash([1; 32])]);
    assert_eq!(told(&auditor), vec![("LOG_ROOT", entry(3))]);
}

#[test]
fn a_checkpoint_that_comes_late_without_a_proof_is_said_to_be_unexamined() {
    let log = honest();
    let mut auditor = audit(&log, &log.audit_entries());
    let text = zegel_verifier::checkpoint::print(ORIGIN, 4, Hash([1; 32]));
    auditor.checkpoint(&sign_note(&text, ORIGIN, &log.log_key, None));
    assert_eq!(told(&auditor), vec![("CHECKPOINT_UNPROVEN", entry(3))]);
}

#[test]
fn the_log_key_that_the_root_named_last_judges_each_size() {
    let mut log = Log::with_messages(3);
    let old = log.log_key.clone();
    log.log_key = ed25519_dalek::SigningKey::from_bytes(&[55; 32]);
    let changed = log.log_key_changed(&log.log_key.clone());
    let at = log.batch(Who::Root, vec![changed]) as usize;
    let note = |size: usize, key: &ed25519_dalek::SigningKey| {
        let root = zegel_verifier::tree::root_of(log.leaves()[..size].iter().copied());
        sign_note(&zegel_verifier::checkpoint::print(ORIGIN, size as u64, root), ORIGIN, key, None)
    };
    let of = |note: &[u8]| {
        let mut auditor = Auditor::new(trust_of(&log));
        auditor.checkpoint(&log.checkpoint());
        auditor.checkpoint(note);
        feed(&mut auditor, &log.audit_entries());
        told(&auditor)
    };
    assert_eq!(of(&note(at, &old)), vec![]);
    assert_eq!(of(&note(at + 1, &log.log_key)), vec![]);
    assert_eq!(of(&note(at, &log.log_key)), vec![("CHECKPOINT", entry(at as u64 - 1))]);
    assert_eq!(of(&note(at + 1, &old)), vec![("CHECKPOINT", entry(at as u64))]);
}

#[test]
fn a_batch_received_long_before_it_was_signed_is_a_warning() {
    let mut log = Log::with_messages(5);
    let batch = vec![log.message(CONVERSATION, 30, "straks")];
    let at = log.batch_by(Who::Source, batch, |statement| statement.created_at_ms += DAY);
    assert_eq!(found(&log), vec![("RECEIVED_EARLY", entry(at))]);
}

#[test]
fn every_id_of_a_finding_stands_in_the_specification() {
    let read = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).expect("text");
    let (page, source) = (read("../specs/findings.md"), read("src/audit/fault.rs"));
    let page = &page[page.find("## Audit").expect("a part")..];
    let ids = source.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next());
    let missing: Vec<&str> = ids.filter(|id| !page.contains(*id)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn content_that_stays_in_a_landing_zone_for_longer_than_the_policy_is_a_finding_at_the_oldest_of_it() {
    const HOUR_MS: u64 = 3_600_000;
    let under = |value: &str| {
        let mut log = honest();
        let policy = PolicySet { name: "landing_zone_max_hours".into(), value: value.into() };
        log.batch(Who::Officer, vec![public(EventKind::PolicySet, &policy)]);
        log
    };
    let say = |log: &mut Log, number: u64| {
        let message = log.message(CONVERSATION, number, "later");
        log.batch(Who::Source, vec![message])
    };
    let purge = |log: &mut Log| {
        let purged = log.record(EventKind::CustodyPurged, vec![], vec![]);
        log.batch(Who::Officer, vec![purged])
    };
    let dwelt = |log: &Log| {
        let findings = audit(log, &log.audit_entries()).report().findings;
        let dwelt = findings.into_iter().find(|finding| finding.id == "DWELL_EXCEEDED");
        dwelt.map(|finding| (finding.severity, finding.place, finding.count))
    };
    let mut log = under("24");
    assert_eq!(dwelt(&log), None);
    log.clock_ms += 23 * HOUR_MS;
    assert_eq!(dwelt(&log), None);
    log.clock_ms += 2 * HOUR_MS;
    purge(&mut log);
    // What was purged too late is told at its oldest entry; what came after that, and in time, is not.
    let late = Some((Severity::Warning, entry(2), 1));
    assert_eq!(dwelt(&log), late);
    say(&mut log, 62);
    log.clock_ms += 23 * HOUR_MS;
    purge(&mut log);
    assert_eq!(dwelt(&log), late);
    // What is still there is told once it is over, also by a replay that was kept in between.
    say(&mut log, 63);
    log.clock_ms += 25 * HOUR_MS;
    log.snapshot(|_| ());
    assert_eq!(dwelt(&log), Some((Severity::Warning, entry(2), 2)));
    let all = log.audit_entries();
    let mut kept = Vec::new();
    audit(&log, &all[..all.len() - 1]).save(&mut kept).expect("kept");
    let mut auditor = Auditor::restore(trust_of(&log), &mut kept.as_slice()).expect("restored");
    feed(&mut auditor, &all[all.len() - 1..]);
    let finding = auditor.report().findings.into_iter().find(|finding| finding.id == "DWELL_EXCEEDED");
    assert_eq!(finding.map(|finding| finding.count), Some(2));
    for value in ["024", "0", "-1", "a day"] {
        let mut log = under(value);
        log.clock_ms += 1_000 * HOUR_MS;
        purge(&mut log);
        assert_eq!(dwelt(&log), None, "{value:?} is no limit");
    }
}
