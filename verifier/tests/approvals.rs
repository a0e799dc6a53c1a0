//! The second pair of eyes on what is covered: an approval is of one manifest, all of it, and covers nothing for good but what it was of.

mod maker;

use maker::*;
use prost::Message;
use zegel_proto::v1::*;
use zegel_verifier::approval::Listing;
use zegel_verifier::commit::{CoveredUnit, none_slot, value_slot};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::layout;

const SENDER: u32 = 1;
const NAME: u32 = 2;
/// A manifest of which nothing is shown.
const HARMLESS: Hash = Hash([0xE3; 32]);

/// A slot of the message.
fn covers(slot: u32, grounds: &[&str]) -> RedactionItem {
    let grounds = grounds.iter().map(|ground| (*ground).to_owned()).collect();
    RedactionItem { entry: 3, position: 0, slot, grounds, ..Default::default() }
}

fn sender() -> Vec<RedactionItem> {
    vec![covers(SENDER, &["5.1.2e"])]
}

fn name() -> Vec<RedactionItem> {
    vec![covers(NAME, &["5.1.2e"])]
}

fn for_good(slot: u32) -> Vec<RedactionItem> {
    vec![covers(slot, &["5.1.2e", "blijvend_gelakt"])]
}

/// What is logged, in order; the manifest that the export binds is the last that is open.
#[derive(Clone)]
enum Step {
    /// A manifest in one part; shown, or of some other export.
    Manifest(Hash, Vec<RedactionItem>, Shown),
    /// One in two parts, the second by another officer.
    Two(Vec<RedactionItem>, Vec<RedactionItem>),
    /// The approval of a manifest as it lists these, with this code.
    Approve(Hash, Vec<RedactionItem>, &'static str),
    /// An approval that names the id alone, with this code.
    ApproveTheId(Hash, &'static str),
    /// Carries out a manifest: these parts are covered for good. Under this id.
    Reseal(u8, Hash, Vec<RedactionItem>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Open,
    Closed,
}

use Shown::{Closed, Open};
use Step::{Approve, ApproveTheId, Manifest, Reseal, Two};

fn part(log: &mut Log, manifest: Hash, (part, parts): (u32, u32), items: &[RedactionItem]) -> u64 {
    let subject = RedactionSubject { manifest: manifest.to_vec(), part, parts, decision: "besluit 1".into() };
    let items = items.iter().map(Message::encode_to_vec).collect();
    let event = log.record(EventKind::RedactionManifest, subject.encode_to_vec(), items);
    log.batch(Who::Officer, vec![event])
}

fn approve(log: &mut Log, manifest: Hash, of: Option<&[RedactionItem]>, code: &str) {
    let mut subject = SelectionSubject { act: vec![2; 32], refers_to: manifest.to_vec(), ..Default::default() };
    subject.code = code.into();
    if let Some(items) = of {
        let mut listing = Listing::default();
        items.iter().for_each(|item| listing.push(&item.encode_to_vec()));
        let listed = listing.listed();
        (subject.count, subject.events_root) = (listed.count, listed.root.to_vec());
    }
    let mut slots = vec![none_slot(); layout(EventKind::RedactionApproved).len() - 1];
    slots[0] = value_slot(subject.encode_to_vec());
    let approver = log.approver.id;
    let event = log.sealed(approver, EventKind::RedactionApproved, (None, None), 0, (0, Clock::Unknown), slots);
    log.batch(Who::Approver, vec![event]);
}

/// What is found of a bundle in which these acts cover parts of its one message.
fn found(steps: &[Step]) -> Vec<&'static str> {
    let mut log = Log::new(ORIGIN);
    log.register();
    let policies = [("four_eyes", "redaction"), ("permanent_redaction", "on")];
    let set = |(name, value): (&str, &str)| PolicySet { name: name.into(), value: value.into() };
    log.batch(Who::Officer, policies.map(|policy| public(EventKind::PolicySet, &set(policy))).to_vec());
    let message = log.message(CONVERSATION, 0, "bericht");
    assert_eq!(log.batch(Who::Source, vec![message]), 3);
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Manifest(id, items, shown) => {
                let entry = part(&mut log, *id, (0, 1), items);
                match shown {
                    Open => open.clone_from(items),
                    Closed => closed.push(entry),
                }
            }
            Two(first, second) => {
                part(&mut log, MANIFEST, (0, 2), first);
                by_another_officer(&mut log, |log| _ = part(log, MANIFEST, (1, 2), second));
                open = [&first[..], second].concat();
            }
            Approve(id, items, code) => approve(&mut log, *id, Some(items), code),
            ApproveTheId(id, code) => approve(&mut log, *id, None, code),
            Reseal(act, manifest, items) => {
                let subject =
                    SelectionSubject { act: vec![*act; 32], refers_to: manifest.to_vec(), ..Default::default() };
                let items = items.iter().map(Message::encode_to_vec).collect();
                let event = log.record(EventKind::BodyResealed, subject.encode_to_vec(), items);
                log.batch(Who::Officer, vec![event]);
            }
        }
    }
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    let units = open.iter().map(|item| CoveredUnit { slot: item.slot, item: None }).collect();
    plan.covered = vec![(3, 0, units)];
    plan.covered.extend(closed.into_iter().map(|entry| (entry, 0, vec![])));
    let report = verify(&log.evidence(&plan).pack().bag(), &log.trust()).expect("a good bundle");
    const TOLD: [&str; 3] = ["MANIFEST_UNAPPROVED", "PERMANENTLY_REDACTED", "REDACTION_UNDECLARED"];
    report.findings.iter().map(|finding| finding.id).filter(|id| TOLD.contains(id)).collect()
}

fn is_unapproved(steps: &[Step]) {
    assert_eq!(found(steps), ["MANIFEST_UNAPPROVED"]);
}

#[test]
fn an_approval_is_of_the_manifest_that_lay_before_the_approver() {
    let (open, closed) = (|items| Manifest(MANIFEST, items, Open), |items| Manifest(MANIFEST, items, Closed));
    let approve = |items| Approve(MANIFEST, items, "");
    assert_eq!(found(&[open(sender()), approve(sender())]), NONE);
    is_unapproved(&[open(sender())]);
    is_unapproved(&[open(sender()), ApproveTheId(MANIFEST, "")]);
    is_unapproved(&[open(sender()), approve(name())]);
    is_unapproved(&[open(sender()), approve([sender(), name()].concat())]);
    is_unapproved(&[open([sender(), name()].concat()), approve(sender())]);
    is_unapproved(&[open(sender()), approve(vec![covers(SENDER, &["5.2"])])]);
    is_unapproved(&[open(sender()), Approve(HARMLESS, sender(), "")]);
    // Another one under the same id, around the approval and before it.
    is_unapproved(&[closed(name()), approve(name()), open(sender())]);
    is_unapproved(&[closed(name()), open(sender()), approve(name())]);
    is_unapproved(&[closed(name()), open(sender()), approve([name(), sender()].concat())]);
    // Before it was there.
    is_unapproved(&[approve(sender()), open(sender())]);
    // Of an export under that id: no approval of what it covers.
    is_unapproved(&[open(sender()), ApproveTheId(MANIFEST, "verstrekking")]);
}

#[test]
fn a_manifest_of_two_officers_has_nobody_who_could_approve_it() {
    let both = [sender(), name()].concat();
    is_unapproved(&[Two(sender(), name()), Approve(MANIFEST, both.clone(), "")]);
    assert_eq!(found(&[Manifest(MANIFEST, both.clone(), Open), Approve(MANIFEST, both, "")]), NONE);
}

#[test]
fn covered_for_good_is_what_was_approved_before_it_was_declared_and_nothing_else() {
    let harmless = |items| Manifest(HARMLESS, items, Closed);
    let approve = |items| Approve(HARMLESS, items, "");
    let reseal = |items| Reseal(4, HARMLESS, items);
    let open = || Manifest(MANIFEST, for_good(SENDER), Open);
    let good = [harmless(sender()), approve(sender()), reseal(for_good(SENDER)), open()];
    assert_eq!(found(&good), ["PERMANENTLY_REDACTED"]);
    let is_undeclared = |steps: &[Step]| assert_eq!(found(steps), ["REDACTION_UNDECLARED"]);
    // Parts that the approved manifest never had, alone and beside its own.
    is_undeclared(&[harmless(name()), approve(name()), reseal(for_good(SENDER)), open()]);
    let more = [for_good(SENDER), for_good(NAME)].concat();
    is_undeclared(&[harmless(name()), approve(name()), reseal(more.clone()), open()]);
    is_undeclared(&[harmless(name()), approve(name()), reseal(for_good(NAME)), reseal(for_good(SENDER)), open()]);
    // Declared before it was approved, or approved by the id alone.
    is_undeclared(&[harmless(sender()), reseal(for_good(SENDER)), approve(sender()), open()]);
    is_undeclared(&[harmless(sender()), ApproveTheId(HARMLESS, ""), reseal(for_good(SENDER)), open()]);
    // Under other grounds than those that were approved.
    let others = || vec![covers(SENDER, &["5.2", "blijvend_gelakt"])];
    is_undeclared(&[harmless(sender()), approve(sender()), reseal(others()), open()]);
    let told = Manifest(MANIFEST, others(), Open);
    is_undeclared(&[harmless(sender()), approve(sender()), reseal(for_good(SENDER)), told]);
    // What was declared twice was declared once, and a lie beside it takes nothing away.
    let twice = [
        harmless(sender()),
        approve(sender()),
        reseal(for_good(SENDER)),
        Reseal(5, HARMLESS, for_good(SENDER)),
        open(),
    ];
    assert_eq!(found(&twice), ["PERMANENTLY_REDACTED"]);
    let lie = [harmless(sender()), approve(sender()), reseal(for_good(SENDER)), Reseal(5, HARMLESS, more), open()];
    assert_eq!(found(&lie), ["PERMANENTLY_REDACTED"]);
}

const NONE: [&str; 0] = [];
