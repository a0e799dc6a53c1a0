//! What is covered, and the one manifest that says why: equal, unit for unit.
//!
//! Invariants: every covered unit of the scope (an event as a whole, a slot, an item of a list) is listed once, and every
//! listed unit is covered; at most one manifest is open in a bundle, the one that the export binds. Both sides are hashed
//! in walk order, so that the comparison needs no memory; the hash input has a fixed width, so that no two lists meet.
//! Specification: `specs/bundle.md`.

use super::endings::Endings;
use super::{ManifestError, Place};
use crate::commit::{CoveredUnit, Shown, ShownBody};
use crate::hash::Hash;
use crate::kinds::records;
use crate::registry::Registry;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{RedactionItem, RedactionSubject};

/// One unit: entry, position, slot, item + 1 (0: the slot or event as a whole).
type Unit = (u64, u32, u32, u32);

/// A hash over units in order, and how many.
#[derive(Clone, Default)]
struct UnitChain {
    hasher: Sha256,
    count: u64,
}

impl UnitChain {
    fn push(&mut self, (entry, position, slot, item): Unit) {
        self.hasher.update(entry.to_be_bytes());
        [position, slot, item].iter().for_each(|number| self.hasher.update(number.to_be_bytes()));
        self.count += 1;
    }
}

struct OpenManifest {
    id: Hash,
    parts: u32,
    next_part: u32,
    last: Option<Unit>,
    decision: String,
}

/// Both sides of the comparison.
#[derive(Default)]
pub(super) struct Redaction {
    covered: UnitChain,
    listed: UnitChain,
    manifest: Option<OpenManifest>,
    grounds: BTreeMap<String, u64>,
    unknown_grounds: u64,
    withheld: u64,
    pub(super) endings: Endings,
}

impl Redaction {
    /// Parts of a shown body that are covered.
    pub(super) fn cover(&mut self, place: Place, units: impl Iterator<Item = CoveredUnit>) {
        for unit in units {
            let item = unit.item.map_or(0, |item| item + 1);
            self.covered.push((place.entry, place.position.unwrap_or(0), unit.slot, item));
        }
    }

    /// An event of which only the header is shown.
    pub(super) fn withhold(&mut self, place: Place) {
        self.covered.push((place.entry, place.position.unwrap_or(0), 0, 0));
        self.withheld += 1;
    }

    /// Takes an open part of a manifest. The grounds are judged by the list that is in force here.
    pub(super) fn part(
        &mut self,
        place: Place,
        body: &ShownBody,
        registry: Option<&Registry>,
    ) -> Result<(), ManifestError> {
        // A part whose subject is covered belongs to some other export, and explains nothing here.
        let Some(subject) = body.value(records::SUBJECT) else {
            return Ok(());
        };
        let subject: RedactionSubject =
            parse(subject).map_err(|reason| ManifestError::NotCanonical { place, reason })?;
        self.begin_part(place, subject)?;
        if matches!(body.slots().get(records::ITEMS), Some(Shown::Covered)) {
            return Err(ManifestError::Covered { place });
        }
        for (number, item) in body.items(records::ITEMS).iter().enumerate() {
            let item = item.as_ref().ok_or(ManifestError::Covered { place })?;
            let item: RedactionItem = parse(item).map_err(|reason| ManifestError::NotCanonical { place, reason })?;
            self.item(place, number, &item)?;
            self.endings.item(&item);
            self.count_grounds(&item, registry);
        }
        Ok(())
    }

    fn begin_part(&mut self, place: Place, subject: RedactionSubject) -> Result<(), ManifestError> {
        let id = Hash::read(&subject.manifest).unwrap_or(Hash::ZERO);
        let (found, parts, decision) = (subject.part, subject.parts, subject.decision);
        let manifest = self.manifest.get_or_insert(OpenManifest { id, parts, next_part: 0, last: None, decision });
        if manifest.id != id {
            return Err(ManifestError::Other { found: id, wanted: manifest.id });
        }
        if (found, parts) != (manifest.next_part, manifest.parts) {
            return Err(ManifestError::Part { place, found, parts, wanted: manifest.next_part });
        }
        manifest.next_part += 1;
        Ok(())
    }

    /// Lists every unit of an item, ascending.
    fn item(&mut self, place: Place, number: usize, item: &RedactionItem) -> Result<(), ManifestError> {
        let whole = item.item_count == 0;
        // The grammar bounds first_item + item_count by the longest list.
        let items = if whole { 0..=0 } else { item.first_item + 1..=item.first_item + item.item_count };
        for unit in items.map(|unit| (item.entry, item.position, item.slot, unit)) {
            let last = self.manifest.as_mut().and_then(|manifest| manifest.last.replace(unit));
            if last.is_some_and(|last| last >= unit) {
                return Err(ManifestError::Items { place, item: number });
            }
            self.listed.push(unit);
        }
        Ok(())
    }

    /// Only codes of the list are kept apart, so that the tally is bounded by the registry.
    fn count_grounds(&mut self, item: &RedactionItem, registry: Option<&Registry>) {
        let units = u64::from(item.item_count.max(1));
        for (number, code) in item.grounds.iter().enumerate() {
            if item.grounds[..number].contains(code) {
                continue;
            }
            if registry.is_some_and(|registry| registry.ground(code).is_some()) {
                *self.grounds.entry(code.clone()).or_default() += units;
            } else {
                self.unknown_grounds += units;
            }
        }
    }

    /// Compares what is covered with the manifest that the export binds.
    pub(super) fn finish(&self, bound: Option<Hash>) -> Result<(), ManifestError> {
        match (&self.manifest, bound) {
            (Some(open), Some(wanted)) if open.id != wanted => {
                return Err(ManifestError::Other { found: open.id, wanted });
            }
            (Some(open), None) => return Err(ManifestError::Other { found: open.id, wanted: Hash::ZERO }),
            (Some(open), Some(wanted)) if open.next_part < open.parts => {
                return Err(ManifestError::Incomplete { wanted, found: open.next_part });
            }
            (None, Some(wanted)) => return Err(ManifestError::Incomplete { wanted, found: 0 }),
            _ => {}
        }
        let (covered, listed) = (self.covered.count, self.listed.count);
        let digest = |chain: &UnitChain| chain.hasher.clone().finalize();
        if digest(&self.covered) == digest(&self.listed) {
            Ok(())
        } else {
            Err(ManifestError::Mismatch { covered, listed })
        }
    }

    /// Units that are covered.
    pub(super) fn covered_units(&self) -> u64 {
        self.covered.count
    }

    /// Events withheld as a whole.
    pub(super) fn withheld_events(&self) -> u64 {
        self.withheld
    }

    /// Units per ground; a unit with two grounds counts under both.
    pub(super) fn grounds(&self) -> &BTreeMap<String, u64> {
        &self.grounds
    }

    /// Units under codes that no published list has.
    pub(super) fn unknown_grounds(&self) -> u64 {
        self.unknown_grounds
    }

    /// The decision that the manifest names.
    pub(super) fn decision(&self) -> Option<&str> {
        self.manifest.as_ref().map(|manifest| manifest.decision.as_str())
    }
}
