//! What says that a second pair of eyes saw the open manifest, and that parts are covered for good. Pure.
//!
//! Invariants: an approval is of the items whose number and root it carries, logged by one actor, all of them before it. What is covered for good was
//! approved before that was declared, item for item: the manifest that it carries out is not open here, so nothing but the root can say so.
//! Specification: `specs/officer.md`.

use super::{Acting, Spot, id, raw_items};
use crate::approval::{Listed, Listing};
use crate::bundle::findings::{About, Finding, Severity};
use crate::bundle::plain::plain;
use crate::commit::ShownBody;
use crate::hash::Hash;
use crate::kinds::records;
use std::collections::BTreeMap;
use zegel_proto::v1::{RedactionItem, RedactionSubject, SelectionSubject};
use zegel_proto::{parse, print};

/// Entry, position, slot, first item, number of items.
type Part = (u64, u32, u32, u32, u32);

/// Marking of a part that is covered for good: the last of its grounds.
const FOREVER: &str = "blijvend_gelakt";
/// Policy without which nothing is covered for good.
const FOREVER_POLICY: &str = "permanent_redaction";

const fn part_of(item: &RedactionItem) -> Part {
    (item.entry, item.position, item.slot, item.first_item, item.item_count)
}

/// An approval of a manifest.
struct LookedAt {
    actor: Hash,
    spot: Spot,
    of: Listed,
    may_be_forever: bool,
}

/// A declaration that what a manifest covers is covered for good, with all its parts.
struct Resealing {
    manifest: Hash,
    actor: Hash,
    spot: Spot,
    may_be_forever: bool,
    /// The items without their marking: as they were approved.
    listing: Listing,
}

/// The open manifest.
struct Manifest {
    id: Hash,
    actor: Hash,
    /// All its parts are of this actor.
    is_of_one: bool,
    /// Its last part.
    spot: Spot,
    listing: Listing,
}

/// Approvals of manifests, the open manifest, and what is covered for good.
#[derive(Default)]
pub(super) struct Covered {
    /// Approvals that say what they are of, by manifest, in log order.
    looked_at: BTreeMap<Hash, Vec<LookedAt>>,
    resealings: Vec<Resealing>,
    /// By act, actor and manifest.
    numbers: BTreeMap<(Hash, Hash, Hash), usize>,
    /// Parts that were declared to be covered for good: by which declarations, under which grounds.
    resealed: BTreeMap<Part, Vec<(usize, Vec<String>)>>,
    /// Parts that the manifest calls covered for good, with their grounds.
    forever: BTreeMap<Part, Vec<String>>,
    manifest: Option<Manifest>,
    /// The ministry wants a second pair of eyes on it.
    is_four_eyes: bool,
    /// It covers more than what has ended.
    pub(super) has_cover: bool,
}

impl Covered {
    /// Takes an approval of a manifest.
    pub(super) fn approve(&mut self, by: &Acting<'_>, subject: &SelectionSubject) {
        let Some(of) = Listed::read(subject) else { return };
        let may_be_forever = by.policy(FOREVER_POLICY) == "on";
        let looked_at = LookedAt { actor: by.actor, spot: by.spot, of, may_be_forever };
        self.looked_at.entry(id(&subject.refers_to)).or_default().push(looked_at);
    }

    /// Takes a part of a declaration that parts are covered for good.
    pub(super) fn reseal(
        &mut self,
        by: &Acting<'_>,
        subject: &SelectionSubject,
        items: impl Iterator<Item = RedactionItem>,
    ) {
        let manifest = id(&subject.refers_to);
        let number = *self.numbers.entry((id(&subject.act), by.actor, manifest)).or_insert(self.resealings.len());
        if number == self.resealings.len() {
            let (actor, spot, may_be_forever) = (by.actor, by.spot, by.policy(FOREVER_POLICY) == "on");
            self.resealings.push(Resealing { manifest, actor, spot, may_be_forever, listing: Listing::default() });
        }
        for mut item in items {
            self.resealed.entry(part_of(&item)).or_default().push((number, item.grounds.clone()));
            // An item without the marking is in no manifest as it would be listed here, and the root becomes another.
            if item.grounds.last().is_some_and(|ground| ground == FOREVER) {
                item.grounds.pop();
            }
            self.resealings[number].listing.push(&print(&item).unwrap_or_default());
        }
    }

    /// Takes a part of the open manifest: whether it needs a second pair of eyes is the policy in force where it stands.
    pub(super) fn part(&mut self, by: &Acting<'_>, body: &ShownBody) {
        let subject = body.value(records::SUBJECT).and_then(|subject| parse::<RedactionSubject>(subject).ok());
        let Some(id) = subject.and_then(|subject| Hash::read(&subject.manifest)) else { return };
        let begun = || Manifest { id, actor: by.actor, is_of_one: true, spot: by.spot, listing: Listing::default() };
        let manifest = self.manifest.get_or_insert_with(begun);
        manifest.is_of_one &= manifest.actor == by.actor;
        manifest.spot = by.spot;
        raw_items(body).for_each(|item| manifest.listing.push(item));
        self.is_four_eyes |= by.policy("four_eyes").split(',').any(|act| act.trim() == "redaction");
    }

    /// Takes an item of the manifest that is not marked as an ending.
    pub(super) fn item(&mut self, item: &RedactionItem) {
        if item.slot > 0 && item.grounds.iter().any(|ground| ground == FOREVER) {
            self.forever.insert(part_of(item), item.grounds.clone());
        } else {
            self.has_cover = true;
        }
    }

    /// Where parts of an event that are covered for good were approved, if one was.
    pub(super) fn approval(&self, (entry, position): Spot) -> Option<Spot> {
        let parts = (entry, position, 0, 0, 0)..=(entry, position, u32::MAX, u32::MAX, u32::MAX);
        self.forever.range(parts).filter_map(|(part, grounds)| self.covered_for_good(part, grounds)).min()
    }

    /// Where another actor approved what a declaration carries out that covers this part for good under these grounds.
    fn covered_for_good(&self, part: &Part, grounds: &[String]) -> Option<Spot> {
        let declared = self.resealed.get(part)?.iter().filter(|(_, of)| of == grounds);
        declared.filter_map(|(number, _)| self.carried_out(self.resealings.get(*number)?)).min()
    }

    fn carried_out(&self, resealing: &Resealing) -> Option<Spot> {
        let of = resealing.listing.listed();
        let counts = |looked_at: &&LookedAt| {
            looked_at.actor != resealing.actor
                && looked_at.spot < resealing.spot
                && looked_at.of == of
                && (looked_at.may_be_forever || resealing.may_be_forever)
        };
        self.looked_at.get(&resealing.manifest)?.iter().find(counts).map(|looked_at| looked_at.spot)
    }

    /// Another actor approved the open manifest, all of it and nothing else.
    fn is_approved(&self) -> bool {
        let Some(manifest) = self.manifest.as_ref().filter(|manifest| manifest.is_of_one) else { return false };
        let of = manifest.listing.listed();
        let counts = |looked_at: &LookedAt| {
            looked_at.actor != manifest.actor && looked_at.spot > manifest.spot && looked_at.of == of
        };
        self.looked_at.get(&manifest.id).is_some_and(|approvals| approvals.iter().any(counts))
    }

    pub(super) fn unapproved(&self) -> Option<Finding> {
        let nl = "Het beleid vraagt een tweede paar ogen op wat is gelakt; niemand anders keurde precies dit goed.";
        let en = "Policy wants a second pair of eyes on what is covered; nobody else approved exactly this.";
        let finding = Finding::of("MANIFEST_UNAPPROVED", Severity::Warning, About::Completeness, nl.into(), en.into());
        (self.is_four_eyes && self.has_cover && !self.is_approved()).then_some(finding)
    }

    /// What is covered for good, by ground, and what is only called so.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let (mut by_ground, mut undeclared): (BTreeMap<String, u64>, u64) = (BTreeMap::new(), 0);
        for (part, grounds) in &self.forever {
            if self.covered_for_good(part, grounds).is_none() {
                undeclared += 1;
                continue;
            }
            let others: Vec<&str> = grounds.iter().map(String::as_str).filter(|ground| *ground != FOREVER).collect();
            *by_ground.entry(others.join(", ")).or_default() += 1;
        }
        let mut findings: Vec<Finding> = by_ground.iter().map(|(grounds, count)| forever(grounds, *count)).collect();
        if undeclared > 0 {
            let nl = "Wat is gelakt heet blijvend gelakt, zonder geldig besluit daartoe.".into();
            let en = "What is covered is called covered for good, without a valid decision of it.".into();
            let finding = Finding::of("REDACTION_UNDECLARED", Severity::Error, About::Completeness, nl, en);
            findings.push(finding.times(undeclared));
        }
        findings
    }
}

fn forever(grounds: &str, count: u64) -> Finding {
    let grounds = plain(grounds);
    let nl = format!(
        "Blijvend gelakt in het archiefexemplaar, met een goedgekeurd besluit ({grounds}): de woorden bestaan daar niet meer."
    );
    let en = format!(
        "Covered for good in the archive copy, by an approved decision ({grounds}): the words no longer exist there."
    );
    Finding::of("PERMANENTLY_REDACTED", Severity::Info, About::Completeness, nl, en).times(count)
}
