//! Lies of the operator, who has the log's key and decides what is told to whom.

use super::eyes::{self, auditor, auditor_of, comparison, source, source_of_registry, verifier, verifier_of};
use super::maker::{CONVERSATION, DAY, Event, Log, MAY, OTHER_CONVERSATION, Plan, Row, Who, public, scope_of};
use super::{Cell, Liar, Lie};
use ed25519_dalek::Signer;
use prost::Message;
use zegel_proto::v1::{
    ArchiveAlgorithm, ArchiveKeyAdded, BatchStatement, EventKind, Month, SealedDigest, SignedBatch, StreamType, entry,
};
use zegel_verifier::batch::event_leaf;
use zegel_verifier::bundle::Demands;
use zegel_verifier::hash::{Tag, leaf};
use zegel_verifier::signature::signed_bytes;
use zegel_verifier::tree::root_of;

const IN_THE_LOG: &str = "its batch is in the log as it was receipted";
const ONE_LOG: &str = "both were shown the same log";
const NOT_SHOWN: &str = "what is missing was never shown to it";

/// Entries 0 genesis, 1 registrations, 2 and 3 messages.
fn log() -> Log {
    Log::with_messages(60)
}

/// The same with an export, its snapshot, and messages after it.
fn exported() -> (Log, Plan) {
    super::maker::honest(60)
}

/// A later log of the same operator, with one batch more.
fn later(log: &Log) -> Log {
    let mut later = log.clone();
    let message = later.message(CONVERSATION, 90, "later");
    later.batch(Who::Source, vec![message]);
    later
}

fn operator(what: &'static str, verifier: Cell, auditor: Cell, source: Cell, comparison: Cell) -> Lie {
    Lie { what, liar: Liar::Operator, verifier, auditor, source, comparison }
}

pub(super) fn honest() -> Lie {
    let (log, plan) = exported();
    let after = later(&log);
    let (found, sees) = (verifier_of(&log, &plan, ""), auditor(&log, ""));
    let told = source_of_registry(&log, &log.registry(), "");
    assert_eq!(told, Cell::Blind(""), "a true registry");
    operator("nothing", found, sees, source(&log, &after, ""), comparison(&after, &log.checkpoint(), ""))
}

pub(super) fn lies() -> Vec<Lie> {
    vec![
        drops_from_the_stream(),
        drops_from_both(),
        never_logs_what_it_receipted(),
        duplicates(),
        reorders(),
        truncates_the_tail(),
        swaps_conversations(),
        serves_an_old_snapshot(),
        misplaces_a_snapshot(),
        two_streams_for_one_conversation(),
        hides_a_revocation(),
        two_histories(),
        destroys_without_a_word(),
        backdates(),
        hands_out_its_own_archive_key(),
        hides_a_hold_in_the_snapshot(),
    ]
}

/// The place of a message of the conversation, in the middle of entry 2.
fn a_message(log: &Log) -> (u64, u32) {
    let is_of =
        |event: &Event| event.header.conversation == CONVERSATION.to_vec() && event.header.conversation_seq == 7;
    let at = log.entries[2].events.iter().position(is_of).expect("message 7");
    (2, at as u32)
}

fn drops_from_the_stream() -> Lie {
    let mut log = log();
    log.hidden.insert(a_message(&log));
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = later(&log);
    operator(
        "drops an event from its stream, and not from the log",
        verifier_of(&log, &plan, ""),
        auditor(&log, ""),
        source(&log, &after, IN_THE_LOG),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

fn drops_from_both() -> Lie {
    let mut log = log();
    let (entry, position) = a_message(&log);
    log.entries[entry as usize].events.remove(position as usize);
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = later(&log);
    operator(
        "drops an event from stream and log, and leaves its batch",
        verifier_of(&log, &plan, ""),
        auditor(&log, ""),
        source(&log, &after, IN_THE_LOG),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

fn never_logs_what_it_receipted() -> Lie {
    let mut receipted = log();
    let mut denied = receipted.clone();
    let message = receipted.message(CONVERSATION, 61, "receipted, and never logged");
    receipted.batch(Who::Source, vec![message]);
    let plan = denied.export(scope_of(CONVERSATION), None);
    let blind = "a bundle holds no receipts: hand the receipt to the auditor, or compare";
    let entries = denied.audit_entries();
    operator(
        "never logs a batch that it receipted",
        verifier_of(&denied, &plan, blind),
        auditor_of(&denied, &entries, &[denied.checkpoint(), receipted.checkpoint()], ""),
        source(&receipted, &denied, ""),
        comparison(&denied, &receipted.checkpoint(), ""),
    )
}

fn duplicates() -> Lie {
    let mut log = log();
    let again = log.entries[2].clone();
    log.entries.push(again);
    let at = log.entries.len() - 1;
    log.clock_ms += 1_000;
    log.entries[at].entry.received_at_ms = log.clock_ms;
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = later(&log);
    operator(
        "logs a batch twice",
        verifier_of(&log, &plan, ""),
        auditor(&log, ""),
        source(&log, &after, IN_THE_LOG),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

fn reorders() -> Lie {
    let honest = log();
    let mut log = honest.clone();
    log.entries.swap(2, 3);
    let (first, second) = (log.entries[3].entry.received_at_ms, log.entries[2].entry.received_at_ms);
    (log.entries[2].entry.received_at_ms, log.entries[3].entry.received_at_ms) = (first, second);
    let plan = log.export(scope_of(CONVERSATION), None);
    operator(
        "reorders two batches, with their times",
        verifier_of(&log, &plan, ""),
        auditor(&log, ""),
        source(&honest, &log, ""),
        comparison(&log, &honest.checkpoint(), ""),
    )
}

fn truncates_the_tail() -> Lie {
    let whole = later(&log());
    let mut cut = log();
    let plan = cut.export(scope_of(CONVERSATION), None);
    let mut longer = later(&whole);
    longer = later(&longer);
    // The source tells its reader how long the log was: one entry more than the bundle covers.
    let demands = Demands { min_entries: Some(whole.entries.len() as u64 + 2), ..Demands::default() };
    let mut short = cut.clone();
    short.entries.truncate(4);
    operator(
        "truncates the tail",
        verifier(&cut, &cut.evidence(&plan).pack().bag(), &demands, ""),
        auditor_of(&short, &short.audit_entries(), &[longer.checkpoint()], ""),
        source(&longer, &cut, ""),
        comparison(&short, &longer.checkpoint(), ""),
    )
}

#[allow(clippy::ptr_arg, reason = "the other lie about rows adds one")]
fn swap_months(rows: &mut Vec<Row>) {
    let at = |id| rows.iter().position(|row| row.id == id).expect("a row");
    let (one, other) = (at(CONVERSATION), at(OTHER_CONVERSATION));
    let months = rows[one].months.clone();
    rows[one].months = std::mem::replace(&mut rows[other].months, months);
}

fn swaps_conversations() -> Lie {
    let mut log = log();
    log.false_rows = Some(swap_months);
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = later(&log);
    operator(
        "swaps two conversations in the snapshot",
        verifier_of(&log, &plan, ""),
        auditor(&log, ""),
        source(&log, &after, IN_THE_LOG),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

fn serves_an_old_snapshot() -> Lie {
    let (log, plan) = exported();
    let files = log.evidence(&plan).pack().bag();
    let old = Demands { nonce: Some("kenmerk-2".into()), ..Demands::default() };
    let short = Demands { min_entries: Some(log.entries.len() as u64), ..Demands::default() };
    let ids = [old, short].map(|demands| match verifier(&log, &files, &demands, "") {
        Cell::Finds(ids) => ids,
        Cell::Blind(_) => Vec::new(),
    });
    let after = later(&log);
    operator(
        "serves an old snapshot as new",
        Cell::Finds(ids.concat()),
        auditor(&log, "every snapshot is true, as of its entry"),
        source(&log, &after, "its receipt says how long the log is: that is what a reader demands"),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

fn misplaces_a_snapshot() -> Lie {
    let mut log = log();
    let mut plan = log.export(scope_of(CONVERSATION), None);
    plan.snapshot_entry = log.snapshot(|snapshot| snapshot.covers += 1);
    let after = later(&log);
    operator(
        "puts a snapshot where it covers itself",
        verifier_of(&log, &plan, ""),
        auditor(&log, ""),
        source(&log, &after, IN_THE_LOG),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

/// A second row of the same id, for the months that the first leaves out.
fn second_row(rows: &mut Vec<Row>) {
    let at = rows.iter().position(|row| row.id == CONVERSATION).expect("a row");
    let months = vec![Month { month: 202_206, count: 29, root: vec![7; 32] }];
    rows.insert(at + 1, Row { stream: StreamType::StreamConversation, id: CONVERSATION, months });
}

fn two_streams_for_one_conversation() -> Lie {
    let mut log = log();
    let is_later = |event: &Event| event.header.conversation == CONVERSATION.to_vec() && event.header.month > 202_205;
    let places = (0..).zip(&log.entries).flat_map(|(entry, made)| {
        (0u32..).zip(&made.events).filter(|(_, event)| is_later(event)).map(move |(position, _)| (entry, position))
    });
    log.hidden = places.collect();
    assert!(!log.hidden.is_empty());
    log.false_rows = Some(second_row);
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = later(&log);
    operator(
        "keeps two streams for one conversation",
        verifier_of(&log, &plan, "the first stream is dense: that there is no second is the snapshot's word"),
        auditor(&log, ""),
        source(&log, &after, IN_THE_LOG),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

fn hides_a_revocation() -> Lie {
    let mut log = log();
    let revoked = Log::revoked(log.source.public(), 1);
    let entry = log.batch(Who::Root, vec![revoked]);
    log.hidden.insert((entry, 0));
    let message = log.message(CONVERSATION, 62, "by a key that was revoked");
    log.batch(Who::Source, vec![message]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = later(&log);
    let told: Vec<_> = log.registry().into_iter().filter(|told| told.index != entry).collect();
    operator(
        "shows a false registry: a revoked key as valid",
        verifier_of(&log, &plan, "that no revocation is missing is the snapshot's word"),
        auditor(&log, ""),
        source_of_registry(&log, &told, NOT_SHOWN),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

fn two_histories() -> Lie {
    let mut one = log();
    let mut other = one.clone();
    let messages = [one.message(CONVERSATION, 63, "ja"), other.message(CONVERSATION, 63, "nee")];
    let [yes, no] = messages;
    one.batch(Who::Source, vec![yes]);
    other.batch(Who::Source, vec![no]);
    let plan = one.export(scope_of(CONVERSATION), None);
    other.export(scope_of(CONVERSATION), None);
    let mut evidence = one.evidence(&plan);
    // The witness has cosigned the other history, and cosigns no second.
    let note = String::from_utf8(one.checkpoint()).expect("text");
    let own = note.lines().take(5).map(|line| format!("{line}\n")).collect::<String>();
    evidence.header().checkpoint = own.into_bytes();
    let blind = "unless the trust file demands a witness";
    let entries = one.audit_entries();
    operator(
        "shows two readers two histories",
        eyes::verifier_with_quorum(&one, &evidence.pack().bag(), blind),
        auditor_of(&one, &entries, &[one.checkpoint(), other.checkpoint()], ""),
        source(&other, &later(&one), ""),
        comparison(&one, &other.checkpoint(), ""),
    )
}

fn destroys_without_a_word() -> Lie {
    let (log, plan) = exported();
    let (entry, position) = a_message(&log);
    let mut entries = log.audit_entries();
    let digest = &mut entries[entry as usize].sealed[position as usize];
    let kept = leaf(Tag::Sealed, &[&digest.ciphertext, &digest.wrap]);
    *digest = SealedDigest { leaf: kept.to_vec(), ..SealedDigest::default() };
    let mut gone = plan.clone();
    gone.covered = vec![(entry, position, vec![])];
    let after = later(&log);
    operator(
        "destroys a body without a destruction",
        verifier_of(&log, &gone, ""),
        auditor_of(&log, &entries, &[], ""),
        source(&log, &after, IN_THE_LOG),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

fn backdates() -> Lie {
    let mut log = log();
    let message = log.message(CONVERSATION, 64, "signed a day later than it says it was received");
    log.batch_by(Who::Source, vec![message], |statement| statement.created_at_ms = MAY + DAY);
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = later(&log);
    operator(
        "backdates `received_at`",
        verifier_of(&log, &plan, ""),
        auditor(&log, ""),
        source(&log, &after, "its statement says when it signed, and the others hold that beside it"),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

/// A batch that the log signs itself.
fn forged(log: &mut Log, event: Event) -> u64 {
    let key = log.log_key.clone();
    let statement = BatchStatement {
        origin: log.origin.clone(),
        source: vec![0; 32],
        key: key.verifying_key().to_bytes().to_vec(),
        batch_seq: 0,
        count: 1,
        events_root: root_of([event_leaf(&event.header.encode_to_vec())]).to_vec(),
        sealed_root: root_of([leaf(Tag::Sealed, &[])]).to_vec(),
        previous: Vec::new(),
        created_at_ms: MAY,
    };
    let statement = statement.encode_to_vec();
    let signature = key.sign(&signed_bytes("zegel batch v1", &statement)).to_bytes().to_vec();
    log.push(entry::Content::Batch(SignedBatch { statement, signature }), vec![event])
}

fn hands_out_its_own_archive_key() -> Lie {
    let mut log = log();
    let added = ArchiveKeyAdded {
        algorithm: ArchiveAlgorithm::ArchiveHpkeXwing as i32,
        public_key: vec![9; 1_216],
        name: "archive C".into(),
    };
    forged(&mut log, public(EventKind::ArchiveKeyAdded, &added));
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = later(&log);
    operator(
        "hands an archive key of its own to a source",
        verifier_of(&log, &plan, ""),
        auditor(&log, ""),
        source_of_registry(&log, &log.registry(), ""),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}

fn hides_a_hold_in_the_snapshot() -> Lie {
    let mut log = log();
    let hold = log.record(EventKind::HoldPlaced, super::ministry::subject(), vec![]);
    let entry = log.batch(Who::Officer, vec![hold]);
    log.hidden.insert((entry, 0));
    let plan = log.export(scope_of(CONVERSATION), None);
    let after = later(&log);
    operator(
        "conceals a hold, in bundle and snapshot",
        verifier_of(&log, &plan, "that no act is missing is the snapshot's word"),
        auditor(&log, ""),
        source(&log, &after, IN_THE_LOG),
        comparison(&after, &log.checkpoint(), ONE_LOG),
    )
}
