//! What the acts that are open say of the manifest and of events whose content is gone: approved by a second pair of eyes, destroyed on term, weeded, removed as a data breach or transferred, and whether a valid declaration says so.
//!
//! Invariants: an event counts as ended only if the manifest withholds it under the marking of its ending, and the first open declaration that lists it
//! is of that very ending, and refers to an open proposal of that very ending that lists it too, stands before the declaration, and was approved in between by
//! another actor, as it lay there: what a proposal lists later was not approved. What is marked and not declared so is an error; the four endings never pass for
//! one another. A valid declaration is then held against what the log itself says of its rule ([`rules`]), and of holds ([`held`]). What is covered, and who
//! approved it, is in [`covered`]. Whether it was lawful is not judged here. Specification: `specs/officer.md`.

mod covered;
mod held;
mod rules;
mod told;

use super::findings::{About, Finding, Severity};
use super::report::Examined;
use super::shut::Shut;
use crate::approval::{Listed, Listing};
use crate::commit::ShownBody;
use crate::hash::Hash;
use crate::kinds::records;
use crate::registry::Registry;
use crate::selection::SelectionList;
use covered::Covered;
use held::{Held, Selections};
use rules::Against;
use std::collections::BTreeMap;
use told::{ENDINGS, Ending};
use zegel_proto::parse;
use zegel_proto::v1::{CustodySubject, EventKind, RedactionItem, SelectionSubject};

/// Entry and position.
pub(super) type Spot = (u64, u32);
/// Code of the act that clears a device.
const CLEARANCE: &str = "vrijgave_apparaat";

/// Who acts, where, and what the registry says there.
pub(super) struct Acting<'a> {
    pub(super) spot: Spot,
    pub(super) actor: Hash,
    pub(super) received_at_ms: u64,
    pub(super) registry: Option<&'a Registry>,
}

impl Acting<'_> {
    fn policy(&self, name: &str) -> &str {
        self.registry.and_then(|registry| registry.policy(name)).unwrap_or_default()
    }
}

/// A proposal that is open, with all its parts.
struct Proposed {
    actor: Hash,
    spot: Spot,
    received_at_ms: u64,
    /// The ending that it proposes, and the code on which.
    word: String,
    code: String,
    /// The selection list that was in force; none, or one that does not read, has no category.
    list: SelectionList,
    /// What it lists, and where it first does.
    items: BTreeMap<Spot, Spot>,
    listing: Listing,
}

/// A declaration that is open.
struct Declared {
    kind: EventKind,
    proposal: Hash,
    actor: Hash,
    spot: Spot,
    word: String,
    code: String,
    /// List and code, or the deed.
    rule: String,
}

/// A declaration that is valid, with what it rests on.
#[derive(Clone, Copy)]
struct Valid<'a> {
    ending: &'a Ending,
    declared: &'a Declared,
    proposed: &'a Proposed,
    approved: Spot,
}

/// What the acts and the manifest say of endings.
#[derive(Default)]
pub(super) struct Endings {
    proposed: BTreeMap<Hash, Proposed>,
    /// Approvals of all that a proposal listed by then, in log order.
    approved: BTreeMap<Hash, Vec<(Hash, Spot)>>,
    declarations: Vec<Declared>,
    /// The first declaration that lists an event.
    declared: BTreeMap<Spot, usize>,
    marked: BTreeMap<Spot, usize>,
    selections: Selections,
    /// Statements of what may be removed from a phone.
    clearances: u64,
    covered: Covered,
    /// A landing zone was purged, or may have been: its content is open where the archive exports it.
    has_purge: bool,
}

fn id(bytes: &[u8]) -> Hash {
    Hash::read(bytes).unwrap_or(Hash::ZERO)
}

/// The bytes of the items that an act lists, as far as they are open and canonical.
fn raw_items(body: &ShownBody) -> impl Iterator<Item = &[u8]> {
    body.items(records::ITEMS)
        .iter()
        .flatten()
        .map(|item| &item[..])
        .filter(|item| parse::<RedactionItem>(item).is_ok())
}

fn items(body: &ShownBody) -> impl Iterator<Item = RedactionItem> {
    body.items(records::ITEMS).iter().flatten().filter_map(|item| parse::<RedactionItem>(item).ok())
}

impl Endings {
    /// Takes an act of records. One whose subject is not open, or does not parse, says nothing but that it is there.
    pub(super) fn act(&mut self, kind: EventKind, by: &Acting<'_>, body: Option<&ShownBody>) {
        let subject = body.and_then(|body| body.value(records::SUBJECT));
        let (Some(body), Some(subject)) = (body, subject) else {
            self.has_purge |= kind == EventKind::CustodyPurged;
            return self.selections.closed(kind, by.spot);
        };
        if kind == EventKind::CustodyPurged {
            let Ok(custody) = parse::<CustodySubject>(subject) else { return };
            self.has_purge |= items(body).next().is_none();
            return self.declare(kind, by, id(&custody.transfer), custody.other_origin, None, body);
        }
        let Ok(subject) = parse::<SelectionSubject>(subject) else { return };
        match kind {
            EventKind::DestructionProposed => self.propose(by, subject, body),
            EventKind::DestructionApproved => self.approve(by, &subject),
            EventKind::RedactionApproved => self.covered.approve(by, &subject),
            EventKind::CorrectionNoted => self.clearances += u64::from(subject.code == CLEARANCE),
            EventKind::BodyResealed => self.covered.reseal(by, &subject, items(body)),
            _ if ENDINGS.iter().any(|ending| ending.kind == kind) => {
                let rule = [subject.list_version.as_str(), subject.code.as_str()].join(" ");
                self.declare(kind, by, id(&subject.refers_to), rule, Some((subject.test, subject.code)), body);
            }
            _ => self.selections.act(kind, by.spot, subject, items(body)),
        }
    }

    /// Parts of a proposal have one id; those of another actor are none of it.
    fn propose(&mut self, by: &Acting<'_>, subject: SelectionSubject, body: &ShownBody) {
        let of = self.proposed.entry(id(&subject.act)).or_insert_with(|| Proposed {
            actor: by.actor,
            spot: by.spot,
            received_at_ms: by.received_at_ms,
            word: subject.test,
            code: subject.code,
            list: SelectionList::in_force(by.registry).unwrap_or_default(),
            items: BTreeMap::new(),
            listing: Listing::default(),
        });
        if of.actor == by.actor {
            raw_items(body).for_each(|item| of.listing.push(item));
            for item in items(body) {
                of.items.entry((item.entry, item.position)).or_insert(by.spot);
            }
        }
    }

    /// An approval is of what the proposal has listed where it stands; one of anything else is none.
    fn approve(&mut self, by: &Acting<'_>, subject: &SelectionSubject) {
        let proposal = id(&subject.refers_to);
        let lies_there = self.proposed.get(&proposal).map(|of| of.listing.listed());
        if lies_there.is_some() && lies_there == Listed::read(subject) {
            self.approved.entry(proposal).or_default().push((by.actor, by.spot));
        }
    }

    fn declare(
        &mut self,
        kind: EventKind,
        by: &Acting<'_>,
        proposal: Hash,
        rule: String,
        words: Option<(String, String)>,
        body: &ShownBody,
    ) {
        // A deed names no code of its own: its proposal does.
        let proposed = || self.proposed.get(&proposal).map(|of| (of.word.clone(), of.code.clone()));
        let (word, code) = words.or_else(proposed).unwrap_or_default();
        let number = self.declarations.len();
        self.declarations.push(Declared { kind, proposal, actor: by.actor, spot: by.spot, word, code, rule });
        for item in items(body) {
            self.declared.entry((item.entry, item.position)).or_insert(number);
        }
    }

    /// Takes a part of the open manifest.
    pub(super) fn manifest(&mut self, by: &Acting<'_>, body: &ShownBody) {
        self.covered.part(by, body);
    }

    /// Takes an item of the manifest.
    pub(super) fn item(&mut self, item: &RedactionItem) {
        let has = |code: &str| item.grounds.iter().any(|ground| ground == code);
        match ENDINGS.iter().position(|ending| item.slot == 0 && has(ending.code)) {
            Some(ending) => _ = self.marked.insert((item.entry, item.position), ending),
            None => self.covered.item(item),
        }
    }

    /// The declaration of the ending under which the manifest withholds an event, if it is valid.
    fn valid(&self, spot: Spot) -> Option<Valid<'_>> {
        let ending = &ENDINGS[*self.marked.get(&spot)?];
        let declared = &self.declarations[*self.declared.get(&spot)?];
        let proposed = self.proposed.get(&declared.proposal)?;
        let listed = *proposed.items.get(&spot)?;
        let is_its_own = declared.kind == ending.kind
            && [&proposed.word, &declared.word].iter().all(|word| *word == ending.code)
            && declared.code == proposed.code;
        let is_between = |place: Spot| listed < place && place < declared.spot;
        let approvals = self.approved.get(&declared.proposal)?;
        let by_another = approvals
            .iter()
            .find(|(actor, place)| *actor != proposed.actor && *actor != declared.actor && is_between(*place));
        by_another.filter(|_| is_its_own).map(|(_, approved)| Valid { ending, declared, proposed, approved: *approved })
    }

    /// Where it was approved that an event ends, or that a part of it is covered for good; `None` if nothing valid says so.
    pub(super) fn approval(&self, spot: Spot) -> Option<Spot> {
        self.valid(spot).map(|valid| valid.approved).or_else(|| self.covered.approval(spot))
    }

    /// Content that was purged here for an archive is open where that archive exports it.
    pub(super) fn has_purge(&self) -> bool {
        self.has_purge
    }

    /// Findings of the bundle, and what came of holds and classes.
    pub(super) fn findings(&self, shut: &Shut) -> (Vec<Finding>, Examined, Examined) {
        let mut findings = self.covered.findings();
        findings.extend(self.cleared());
        let (mut holds, mut classes) = (Examined::default(), Examined::default());
        let (mut ended, mut against, mut held, mut undeclared) = (BTreeMap::new(), BTreeMap::new(), 0u64, 0u64);
        for (spot, ending) in &self.marked {
            let Some(valid) = self.valid(*spot) else {
                undeclared += 1;
                continue;
            };
            let facts = shut.of(*spot);
            let why = rules::against(&valid, facts.as_ref()).or_else(|| self.class(*spot, &valid, shut, &mut classes));
            let key = (*ending, valid.declared.rule.as_str());
            match why {
                None => *ended.entry(key).or_default() += 1,
                Some(why) => *against.entry((key, why)).or_default() += 1,
            }
            if matches!(valid.ending.kind, EventKind::DestructionExecuted | EventKind::CustodyPurged) {
                let found = self.selections.held(*spot, facts.as_ref(), valid.approved, valid.declared.spot);
                holds.add(found == Held::Yes, found == Held::Unknown);
                held += u64::from(found == Held::Yes);
            }
        }
        findings.extend(ended.into_iter().map(|(key, count)| told::ended(key, count)));
        findings.extend(against.into_iter().map(|((key, why), count)| told::against(key, why, count)));
        findings.extend(self.covered.unapproved());
        findings.extend(told::undeclared(undeclared));
        findings.extend(told::held(held));
        (findings, holds, classes)
    }

    /// The class of what was weeded, where the act that gave it is open.
    fn class(&self, spot: Spot, valid: &Valid<'_>, shut: &Shut, classes: &mut Examined) -> Option<Against> {
        if valid.ending.kind != EventKind::WeedingExecuted {
            return None;
        }
        let class = self.selections.class(spot, shut.of(spot).as_ref(), valid.proposed.spot);
        let is_other = class.is_some_and(|class| !rules::is_no_record(class));
        classes.add(is_other, class.is_none());
        is_other.then_some(Against::OtherClass)
    }

    fn cleared(&self) -> Option<Finding> {
        let nl = "Van een telefoon waarover dit pakket gaat is verklaard wat eraf mocht, na de ontvangstbewijzen van de uitlezing.";
        let en = "Of a phone that this package is about it was declared what may be removed, after the receipts of its read-out.";
        let finding = Finding::of("DEVICE_CLEARED", Severity::Info, About::Custody, nl.into(), en.into());
        (self.clearances > 0).then(|| finding.times(self.clearances))
    }
}
