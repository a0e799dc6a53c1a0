//! What the acts that are open say of the manifest and of events whose content is gone: approved by a second pair of eyes, destroyed on term, weeded, removed as a data breach or transferred, and whether a valid declaration says so.
//!
//! Invariants: an event counts as ended only if the manifest withholds it under the marking of its ending, and an open declaration of that very ending
//! lists it, which refers to an open proposal that another actor approved. What is marked and not declared is an error; the four
//! endings never pass for one another. Whether it was lawful is not judged here. Specification: `specs/officer.md`.

use super::findings::{About, Finding, Severity};
use crate::commit::ShownBody;
use crate::hash::Hash;
use crate::kinds::records;
use crate::registry::Registry;
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{CustodySubject, EventKind, RedactionItem, RedactionSubject, SelectionSubject};

type Spot = (u64, u32);
/// Entry, position, slot, first item, number of items.
type Part = (u64, u32, u32, u32, u32);

/// Marking of a part that is covered for good.
const FOREVER: &str = "blijvend_gelakt";
/// Code of the act that clears a device.
const CLEARANCE: &str = "vrijgave_apparaat";

const fn part_of(item: &RedactionItem) -> Part {
    (item.entry, item.position, item.slot, item.first_item, item.item_count)
}

/// Marking in the manifest, kind of the declaration, id of the finding, and what is said.
const ENDINGS: [(&str, EventKind, &str, &str, &str); 4] = [
    (
        "vernietigd",
        EventKind::DestructionExecuted,
        "DESTROYED",
        "vernietigd, met een geldige verklaring",
        "destroyed, with a valid declaration",
    ),
    ("geschoond", EventKind::WeedingExecuted, "WEEDED", "geschoond: geen archiefstuk", "weeded: not a record"),
    ("datalek", EventKind::BreachRemoved, "BREACH_REMOVED", "verwijderd wegens datalek", "removed as a data breach"),
    ("overgebracht", EventKind::CustodyPurged, "TRANSFERRED", "overgebracht", "transferred"),
];

/// A declaration that is open.
struct Declared {
    kind: EventKind,
    proposal: Hash,
    actor: Hash,
    rule: String,
}

/// What the acts and the manifest say of endings.
#[derive(Default)]
pub(super) struct Endings {
    proposed: BTreeMap<Hash, Hash>,
    approved: BTreeMap<Hash, Hash>,
    declarations: Vec<Declared>,
    declared: BTreeMap<Spot, usize>,
    marked: BTreeMap<Spot, EventKind>,
    /// Parts that are covered for good, by place and unit; who declared it, and which manifest it carries out.
    resealed: BTreeMap<Part, (Hash, Hash)>,
    /// Parts that the manifest calls covered for good, with their grounds.
    forever: BTreeMap<Part, String>,
    /// Statements of what may be removed from a phone.
    clearances: u64,
    /// Manifests that were approved, and by whom.
    looked_at: BTreeMap<Hash, Hash>,
    /// The open manifest, and who logged it.
    manifest: Option<(Hash, Hash)>,
    /// The ministry wants a second pair of eyes on it.
    is_four_eyes: bool,
    /// It covers more than what has ended.
    has_cover: bool,
}

impl Endings {
    /// Takes an act of records whose subject is open. One that does not parse says nothing.
    pub(super) fn act(&mut self, kind: EventKind, actor: Hash, body: &ShownBody) {
        let is_declaration = ENDINGS.iter().any(|(_, declares, ..)| *declares == kind);
        let is_step = matches!(
            kind,
            EventKind::DestructionProposed
                | EventKind::DestructionApproved
                | EventKind::RedactionApproved
                | EventKind::BodyResealed
                | EventKind::CorrectionNoted
        );
        if !is_declaration && !is_step {
            return;
        }
        let subject = body.value(records::SUBJECT).unwrap_or_default();
        let id = |bytes: &[u8]| Hash::read(bytes).unwrap_or(Hash::ZERO);
        if kind == EventKind::CustodyPurged {
            let Ok(custody) = parse::<CustodySubject>(subject) else { return };
            return self.declare(kind, id(&custody.transfer), actor, custody.other_origin, body);
        }
        let Ok(subject) = parse::<SelectionSubject>(subject) else { return };
        match kind {
            EventKind::DestructionProposed => _ = self.proposed.entry(id(&subject.act)).or_insert(actor),
            EventKind::RedactionApproved => _ = self.looked_at.insert(id(&subject.refers_to), actor),
            EventKind::CorrectionNoted => self.clearances += u64::from(subject.code == CLEARANCE),
            EventKind::BodyResealed => {
                let items = body.items(records::ITEMS).iter().flatten();
                let items = items.filter_map(|item| parse::<RedactionItem>(item).ok());
                self.resealed.extend(items.map(|item| (part_of(&item), (id(&subject.refers_to), actor))));
            }
            EventKind::DestructionApproved => _ = self.approved.insert(id(&subject.refers_to), actor),
            _ => {
                let rule = [subject.list_version.as_str(), subject.code.as_str()].join(" ");
                self.declare(kind, id(&subject.refers_to), actor, rule, body);
            }
        }
    }

    fn declare(&mut self, kind: EventKind, proposal: Hash, actor: Hash, rule: String, body: &ShownBody) {
        self.declarations.push(Declared { kind, proposal, actor, rule });
        let items = body.items(records::ITEMS).iter().flatten();
        let items = items.filter_map(|item| parse::<RedactionItem>(item).ok());
        let number = self.declarations.len() - 1;
        self.declared.extend(items.map(|item| ((item.entry, item.position), number)));
    }

    /// Takes a part of the open manifest: whether it needs a second pair of eyes is the policy in force where it stands.
    pub(super) fn manifest(&mut self, actor: Hash, body: &ShownBody, registry: Option<&Registry>) {
        let subject = body.value(records::SUBJECT).and_then(|subject| parse::<RedactionSubject>(subject).ok());
        let Some(id) = subject.and_then(|subject| Hash::read(&subject.manifest)) else { return };
        self.manifest = Some((id, actor));
        let policy = registry.and_then(|registry| registry.policy("four_eyes")).unwrap_or_default();
        self.is_four_eyes |= policy.split(',').any(|act| act.trim() == "redaction");
    }

    /// Takes an item of the manifest.
    pub(super) fn item(&mut self, item: &RedactionItem) {
        let ending =
            ENDINGS.iter().find(|(code, ..)| item.slot == 0 && item.grounds.iter().any(|ground| ground == code));
        match ending {
            Some((_, kind, ..)) => _ = self.marked.insert((item.entry, item.position), *kind),
            None if item.slot > 0 && item.grounds.iter().any(|ground| ground == FOREVER) => {
                let grounds = item.grounds.iter().filter(|ground| *ground != FOREVER).map(String::as_str);
                self.forever.insert(part_of(item), grounds.collect::<Vec<_>>().join(", "));
            }
            None => self.has_cover = true,
        }
    }

    /// One finding for each ending and rule, and one for what nobody declared.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut ended: BTreeMap<(i32, &str), u64> = BTreeMap::new();
        let mut undeclared = 0;
        for (spot, kind) in &self.marked {
            match self.declared.get(spot).map(|number| &self.declarations[*number]) {
                Some(declared) if declared.kind == *kind && self.is_valid(declared) => {
                    *ended.entry((*kind as i32, declared.rule.as_str())).or_default() += 1;
                }
                _ => undeclared += 1,
            }
        }
        let mut findings = self.forever_findings();
        if self.clearances > 0 {
            let nl = "Van een telefoon waarover dit pakket gaat is verklaard wat eraf mocht, na de ontvangstbewijzen van de uitlezing.".into();
            let en = "Of a phone that this package is about it was declared what may be removed, after the receipts of its read-out.".into();
            findings.push(Finding::of("DEVICE_CLEARED", Severity::Info, About::Custody, nl, en).times(self.clearances));
        }
        for ((kind, rule), count) in ended {
            let ending = ENDINGS.iter().find(|(_, of, ..)| *of as i32 == kind);
            let Some((_, _, id, nl, en)) = ending else { continue };
            let rule = super::plain::plain(rule.trim());
            let (nl, en) = (format!("Inhoud is {nl} ({rule})."), format!("Content is {en} ({rule})."));
            findings.push(Finding::of(id, Severity::Info, About::Completeness, nl, en).times(count));
        }
        let approver =
            self.manifest.and_then(|(id, actor)| self.looked_at.get(&id).filter(|approver| **approver != actor));
        if self.is_four_eyes && self.has_cover && approver.is_none() {
            let nl = "Het beleid vraagt een tweede paar ogen op wat is gelakt; niemand anders keurde het goed.".into();
            let en = "Policy wants a second pair of eyes on what is covered; nobody else approved it.".into();
            findings.push(Finding::of("MANIFEST_UNAPPROVED", Severity::Warning, About::Completeness, nl, en));
        }
        if undeclared > 0 {
            let nl = "Inhoud ontbreekt en heet vernietigd, geschoond, verwijderd of overgebracht, zonder geldige verklaring daarvan."
                .into();
            let en =
                "Content is missing and called destroyed, weeded, removed or transferred, without a valid declaration of it.".into();
            let finding = Finding::of("DESTRUCTION_UNDECLARED", Severity::Error, About::Completeness, nl, en);
            findings.push(finding.times(undeclared));
        }
        findings
    }

    /// What is covered for good, by ground, and what is only called so.
    fn forever_findings(&self) -> Vec<Finding> {
        let (mut by_ground, mut undeclared): (BTreeMap<&str, u64>, u64) = (BTreeMap::new(), 0);
        for (part, grounds) in &self.forever {
            let declared = self.resealed.get(part);
            let approver = declared.and_then(|(manifest, _)| self.looked_at.get(manifest));
            match (declared, approver) {
                (Some((_, actor)), Some(approver)) if approver != actor => *by_ground.entry(grounds).or_default() += 1,
                _ => undeclared += 1,
            }
        }
        let mut findings = Vec::new();
        for (grounds, count) in by_ground {
            let grounds = super::plain::plain(grounds);
            let nl = format!(
                "Blijvend gelakt in het archiefexemplaar, met een goedgekeurd besluit ({grounds}): de woorden bestaan daar niet meer."
            );
            let en = format!(
                "Covered for good in the archive copy, by an approved decision ({grounds}): the words no longer exist there."
            );
            let finding = Finding::of("PERMANENTLY_REDACTED", Severity::Info, About::Completeness, nl, en);
            findings.push(finding.times(count));
        }
        if undeclared > 0 {
            let nl = "Wat is gelakt heet blijvend gelakt, zonder geldig besluit daartoe.".into();
            let en = "What is covered is called covered for good, without a valid decision of it.".into();
            let finding = Finding::of("REDACTION_UNDECLARED", Severity::Error, About::Completeness, nl, en);
            findings.push(finding.times(undeclared));
        }
        findings
    }

    /// Proposed, and approved by somebody else than who proposed and who declared.
    fn is_valid(&self, declared: &Declared) -> bool {
        let (proposer, approver) = (self.proposed.get(&declared.proposal), self.approved.get(&declared.proposal));
        approver.is_some_and(|approver| {
            proposer.is_some_and(|proposer| proposer != approver) && *approver != declared.actor
        })
    }
}
