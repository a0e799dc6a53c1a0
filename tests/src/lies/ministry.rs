//! Lies of the ministry: a source before it seals, an officer who exports. The log itself is true.

use super::eyes::{auditor, comparison, side_by_side, source, verifier, verifier_of};
use super::maker::{CONVERSATION, Log, MANIFEST, OTHER_CONVERSATION, Plan, Who, scope_of};
use super::{Cell, Liar, Lie};
use prost::Message;
use zegel_proto::v1::{
    Account, Clock, EventKind, RedactionItem, Scope, SelectionSubject, Slot, StreamType, evidence_event,
};
use zegel_verifier::bundle::Demands;
use zegel_verifier::commit::{CoveredUnit, list_slot, none_slot, value_slot};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::layout;

const SEALED: &str = "it opens no body";
const IS_THE_LIAR: &str = "it is the ministry's own";
const NOT_IN_LOG: &str = "the log is true; the lie is in the bundle";
const ONE_BUNDLE: &str = "there is one bundle";

pub(super) fn lies() -> Vec<Lie> {
    vec![
        another_scope(),
        a_false_text_beside(),
        one_custodian_under_two_ids(),
        hides_a_hold_in_the_bundle(),
        mislabels_a_covered_passage(),
        constant_salt(),
        a_body_that_cannot_be_opened(),
        two_senders(),
    ]
}

fn lie(
    what: &'static str,
    liar: Liar,
    verifier: Cell,
    log: &Log,
    auditor_blind: &'static str,
    comparison: Cell,
) -> Lie {
    Lie {
        what,
        liar,
        verifier,
        auditor: auditor(log, auditor_blind),
        source: source(log, log, IS_THE_LIAR),
        comparison,
    }
}

fn one_bundle(log: &Log) -> Cell {
    comparison(log, &log.checkpoint(), ONE_BUNDLE)
}

pub(super) fn subject() -> Vec<u8> {
    SelectionSubject::default().encode_to_vec()
}

fn exported() -> (Log, Plan) {
    super::maker::honest(60)
}

fn another_scope() -> Lie {
    let (log, plan) = exported();
    let demands = Demands { scope: Some(scope_of(OTHER_CONVERSATION)), ..Demands::default() };
    let files = log.evidence(&plan).pack().bag();
    let found = verifier(&log, &files, &demands, "");
    lie(
        "hands over a bundle for another scope than was asked",
        Liar::Officer,
        found,
        &log,
        NOT_IN_LOG,
        one_bundle(&log),
    )
}

fn a_false_text_beside() -> Lie {
    let (log, plan) = exported();
    let mut files = log.evidence(&plan).pack().bag();
    files.files.insert("data/leeswijzer.txt".into(), b"Er is niets gelakt.".to_vec());
    files.manifest();
    let found = verifier(&log, &files, &Demands::default(), "");
    lie("puts a false text into a truthful bundle", Liar::Officer, found, &log, NOT_IN_LOG, one_bundle(&log))
}

/// A custodian who has the account of another.
fn registered(log: &mut Log, id: Hash, name: &str) -> super::maker::Event {
    let kind = EventKind::CustodianRegistered;
    let account = Account { channel: "whatsapp".into(), identifier: "+31600000001".into(), purpose: "business".into() };
    let mut slots: Vec<Slot> = vec![none_slot(); layout(kind).len() - 1];
    slots[0] = value_slot(name);
    slots[1] = list_slot(vec![account.encode_to_vec()]);
    let officer = log.officer.id;
    log.sealed(officer, kind, (None, Some(id)), 0, (0, Clock::Unknown), slots)
}

fn one_custodian_under_two_ids() -> Lie {
    let mut log = Log::with_messages(60);
    let ids = [Hash([0xC2; 32]), Hash([0xC3; 32])];
    let registrations = vec![registered(&mut log, ids[0], "A. Jansen"), registered(&mut log, ids[1], "Anna J.")];
    log.batch(Who::Officer, registrations);
    let bundle_of = |id: Hash| {
        let scope = Scope { stream: StreamType::StreamCustodian as i32, id: id.to_vec(), from_month: 0, to_month: 0 };
        let mut log = log.clone();
        let plan = log.export(scope, None);
        log.evidence(&plan).pack().bag()
    };
    let bundles = ids.map(bundle_of);
    let found = verifier(&log, &bundles[0], &Demands::default(), "");
    let Cell::Finds(usual) = found else { panic!("a custodian without a chat is told") };
    assert_eq!(usual, ["NOTHING_IN_PERIOD"]);
    // A conversation's bundle brings the registrations of all whom it names.
    let messages = ids.iter().map(|id| message_of(&mut log, *id)).collect();
    log.batch(Who::Source, messages);
    let mut plan = log.export(scope_of(CONVERSATION), None);
    plan.others = ids.to_vec();
    let found = verifier_of(&log, &plan, "");
    let together = side_by_side(&log, &bundles, "");
    lie("splits a custodian over two ids", Liar::Officer, found, &log, SEALED, together)
}

/// The first message of a custodian.
fn message_of(log: &mut Log, custodian: Hash) -> super::maker::Event {
    let (source, kind) = (log.source.id, EventKind::MessageCreated);
    let slots = vec![none_slot(); layout(kind).len() - 1];
    log.sealed(source, kind, (Some(CONVERSATION), Some(custodian)), 0, (super::maker::MAY, Clock::Device), slots)
}

fn hides_a_hold_in_the_bundle() -> Lie {
    let mut log = Log::with_messages(60);
    let hold = log.record(EventKind::HoldPlaced, subject(), vec![]);
    let entry = log.batch(Who::Officer, vec![hold]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let mut told = log.clone();
    told.hidden.insert((entry, 0));
    // The rows stay those of the snapshot: only what is shown is less.
    let (mut less, whole) = (told.evidence(&plan), log.evidence(&plan));
    let is_row = |record: &zegel_proto::v1::evidence_record::Record| {
        matches!(record, zegel_proto::v1::evidence_record::Record::Row(_))
    };
    less.records.truncate(less.position_of(is_row));
    less.records.extend(whole.records[whole.position_of(is_row)..].iter().cloned());
    let found = verifier(&log, &less.pack().bag(), &Demands::default(), "");
    lie("conceals a hold in the bundle", Liar::Officer, found, &log, NOT_IN_LOG, one_bundle(&log))
}

fn mislabels_a_covered_passage() -> Lie {
    let mut log = Log::with_messages(60);
    let item =
        |slot| RedactionItem { entry: 2, position: 3, slot, grounds: vec!["5.1.2e".into()], ..Default::default() };
    log.manifest(vec![vec![item(2)]]);
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    // The text is covered, and the manifest says that it is the name.
    plan.covered = vec![(2, 3, vec![CoveredUnit { slot: 11, item: None }])];
    let found = verifier_of(&log, &plan, "");
    lie("mislabels a covered passage in the manifest", Liar::Officer, found, &log, SEALED, one_bundle(&log))
}

fn constant_salt() -> Lie {
    let mut log = Log::new(super::maker::ORIGIN);
    log.register();
    log.constant_seed = Some([7; 32]);
    let messages = (0..3).map(|number| log.message(CONVERSATION, number, "ja")).collect();
    log.batch(Who::Source, messages);
    log.constant_seed = None;
    let plan = log.export(scope_of(CONVERSATION), None);
    let found = verifier_of(&log, &plan, "");
    lie("seals every body with one seed, so with constant salts", Liar::Source, found, &log, SEALED, one_bundle(&log))
}

fn a_body_that_cannot_be_opened() -> Lie {
    let (log, mut plan) = exported();
    // What an officer cannot open he can only leave out, and no manifest lists it.
    plan.covered = vec![(2, 3, vec![])];
    let found = verifier_of(&log, &plan, "");
    lie("seals a body that cannot be opened", Liar::Source, found, &log, SEALED, one_bundle(&log))
}

fn two_senders() -> Lie {
    let mut log = Log::with_messages(20);
    let mut message = log.message(CONVERSATION, 30, "van wie?");
    let body = message.body.as_mut().expect("a body");
    body.slots.insert(2, value_slot("+31600000009"));
    // Whoever commits to it hashes what is there.
    let root = zegel_verifier::hash::sha256(&[&body.encode_to_vec()]);
    message.header.content = Some(zegel_proto::v1::event_header::Content::BodyRoot(root.to_vec()));
    log.batch(Who::Source, vec![message]);
    let plan = log.export(scope_of(CONVERSATION), None);
    let shows_it = |body: &Option<evidence_event::Body>| matches!(body, Some(evidence_event::Body::Opened(_)));
    assert!(log.evidence(&plan).records.iter().any(|record| matches!(&record.record, Some(zegel_proto::v1::evidence_record::Record::Event(event)) if shows_it(&event.body))));
    let found = verifier_of(&log, &plan, "");
    lie("gives a message two senders", Liar::Source, found, &log, SEALED, one_bundle(&log))
}
