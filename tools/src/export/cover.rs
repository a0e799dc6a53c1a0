//! What is covered and on which ground: given as places, kept as the items of a redaction manifest.

mod error;

pub use error::CoverError;

use super::Spot;
use crate::acts::Manifest;
use crate::destroy::End;
use crate::officer::normalise_ground;
use crate::permanent::MARK;
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::Grammar;
use zegel_proto::v1::RedactionItem;
use zegel_verifier::commit::CoveredUnit;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::CHAT_LAYOUT;
use zegel_verifier::registry::Registry;

/// Everything that an export covers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cover {
    items: BTreeMap<(Spot, u32, u32), RedactionItem>,
    logged: Option<LoggedManifest>,
    /// Acts that say why content is gone: shown with the export.
    declarations: BTreeSet<(u64, u32)>,
    /// Holds and classes on which ends rest are shown too.
    pub(super) shows_grounds: bool,
}

/// A manifest that was logged, and maybe approved, before the export that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedManifest {
    /// Its id.
    pub manifest: Hash,
    /// Where its parts stand.
    pub places: BTreeSet<(u64, u32)>,
    /// Where it was approved.
    pub approved_at: Option<(u64, u32)>,
}

/// What is covered of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EventCover {
    /// All of it.
    Whole,
    /// These.
    Parts(Vec<CoveredUnit>),
}

impl Cover {
    /// Withholds an event: `ENTRY:POSITION[=CODE,…]`.
    ///
    /// # Errors
    /// [`CoverError`].
    pub fn withhold(&mut self, text: &str, grounds: &[String]) -> Result<(), CoverError> {
        let (place, grounds) = split_grounds(text, grounds)?;
        let malformed = || CoverError::Malformed { found: text.into(), wanted: "ENTRY:POSITION" };
        let (entry, position) = place.split_once(':').ok_or_else(malformed)?;
        let spot = spot(entry, position).ok_or_else(malformed)?;
        self.add(RedactionItem { entry: spot.entry, position: spot.position, grounds, ..RedactionItem::default() })
    }

    /// Covers a slot or a run of items: `ENTRY:POSITION:SLOT[:FIRST-LAST][=CODE,…]`. A slot is a number, or a name of a chat
    /// event's layout; items count from 0, and LAST is covered too.
    ///
    /// # Errors
    /// [`CoverError`].
    pub fn cover(&mut self, text: &str, grounds: &[String]) -> Result<(), CoverError> {
        let (place, grounds) = split_grounds(text, grounds)?;
        let wanted = "ENTRY:POSITION:SLOT or ENTRY:POSITION:SLOT:FIRST-LAST, SLOT not 0";
        let malformed = || CoverError::Malformed { found: text.into(), wanted };
        let words: Vec<&str> = place.split(':').collect();
        let (entry, position, slot, run) = match words.as_slice() {
            [entry, position, slot] => (*entry, *position, *slot, Some((0, 0))),
            [entry, position, slot, items] => (*entry, *position, *slot, run(items)),
            _ => return Err(malformed()),
        };
        let spot = spot(entry, position).ok_or_else(malformed)?;
        let slot = slot_number(slot).filter(|slot| *slot > 0).ok_or_else(malformed)?;
        let (first_item, item_count) = run.ok_or_else(malformed)?;
        let (entry, position) = (spot.entry, spot.position);
        self.add(RedactionItem { entry, position, slot, first_item, item_count, grounds })
    }

    /// Covers what items say.
    ///
    /// # Errors
    /// [`CoverError::Item`] or [`CoverError::Twice`].
    pub fn of_items(items: impl IntoIterator<Item = RedactionItem>) -> Result<Self, CoverError> {
        let mut cover = Self::default();
        items.into_iter().try_for_each(|item| cover.add(item))?;
        Ok(cover)
    }

    /// Covers what a manifest says that is in the log already: the export binds it, and logs none of its own.
    ///
    /// # Errors
    /// As [`Cover::of_items`].
    pub fn of_manifest(manifest: Manifest) -> Result<Self, CoverError> {
        let logged =
            LoggedManifest { manifest: manifest.id, places: manifest.places, approved_at: manifest.approved_at };
        Ok(Self { logged: Some(logged), ..Self::of_items(manifest.items)? })
    }

    /// Withholds events whose content is gone, under the marking of their ending, and shows the acts that declare it.
    ///
    /// # Errors
    /// [`CoverError::Twice`] if a part of such an event is covered too.
    pub fn end(
        &mut self,
        ended: impl IntoIterator<Item = (Spot, &'static str)>,
        declarations: impl IntoIterator<Item = (u64, u32)>,
    ) -> Result<(), CoverError> {
        self.declarations.extend(declarations);
        for (spot, code) in ended {
            if self.items.contains_key(&(spot, 0, 0)) {
                continue;
            }
            let grounds = vec![code.into()];
            self.add(RedactionItem {
                entry: spot.entry,
                position: spot.position,
                grounds,
                ..RedactionItem::default()
            })?;
        }
        Ok(())
    }

    /// Shows the holds and classes on which ends of content rest; they may name ids of others.
    pub fn show_grounds(&mut self) {
        self.shows_grounds = true;
    }

    /// Shows acts with the export.
    pub fn show(&mut self, places: impl IntoIterator<Item = (u64, u32)>) {
        self.declarations.extend(places);
    }

    /// Covers what is covered for good, and shows the acts that say so. A manifest that was logged before has to cover it by itself.
    ///
    /// # Errors
    /// [`CoverError::Permanent`] if it leaves some of it open.
    pub fn forever(
        &mut self,
        items: impl IntoIterator<Item = RedactionItem>,
        declarations: impl IntoIterator<Item = (u64, u32)>,
    ) -> Result<(), CoverError> {
        self.declarations.extend(declarations);
        for item in items {
            let spot = Spot { entry: item.entry, position: item.position };
            let covers = |other: &RedactionItem| {
                let end = |item: &RedactionItem| item.first_item + item.item_count;
                let is_run = other.first_item <= item.first_item && end(&item) <= end(other) && item.item_count > 0;
                other.slot == 0 || (other.slot == item.slot && (other.item_count == 0 || is_run))
            };
            if self.items.range((spot, 0, 0)..=(spot, u32::MAX, u32::MAX)).any(|(_, other)| covers(other)) {
                continue;
            }
            if self.logged.is_some() {
                return Err(CoverError::Permanent { spot });
            }
            self.add(item)?;
        }
        Ok(())
    }

    /// Covers what another cover has settled: what is gone, and what is covered for good.
    pub(super) fn take_over(&mut self, settled: &Self) -> Result<(), CoverError> {
        let (gone, parts): (Vec<_>, Vec<_>) = settled.items().into_iter().partition(|item| item.slot == 0);
        for item in gone {
            if !self.items.contains_key(&(Spot { entry: item.entry, position: item.position }, 0, 0)) {
                self.add(item)?;
            }
        }
        self.forever(parts, settled.declarations())
    }

    /// Acts that are shown with the export.
    pub(super) fn declarations(&self) -> impl Iterator<Item = (u64, u32)> {
        self.declarations.iter().copied()
    }

    /// The manifest that was logged before, if there is one.
    #[must_use]
    pub fn logged(&self) -> Option<&LoggedManifest> {
        self.logged.as_ref()
    }

    fn add(&mut self, item: RedactionItem) -> Result<(), CoverError> {
        let spot = Spot { entry: item.entry, position: item.position };
        item.check().map_err(|reason| CoverError::Item { spot, reason })?;
        let overlaps = |other: &RedactionItem| {
            let whole = item.slot == 0 || other.slot == 0;
            let slot = item.slot == other.slot && (item.item_count == 0 || other.item_count == 0);
            let run = item.slot == other.slot
                && item.first_item < other.first_item + other.item_count
                && other.first_item < item.first_item + item.item_count;
            whole || slot || run
        };
        let first = (spot, 0, 0);
        let last = (spot, u32::MAX, u32::MAX);
        if self.items.range(first..=last).any(|(_, other)| overlaps(other)) {
            return Err(CoverError::Twice { spot, slot: item.slot });
        }
        self.items.insert((spot, item.slot, item.first_item), item);
        Ok(())
    }

    /// Holds the cover against the ministry's policy of four eyes.
    ///
    /// # Errors
    /// [`CoverError::NotApproved`] if the policy `four_eyes` names `redaction` and another actor did not approve the manifest.
    pub fn check_approved(&self, registry: &Registry) -> Result<(), CoverError> {
        let policy = registry.policy("four_eyes").unwrap_or_default();
        // What has ended was approved when it ended.
        let is_open = |item: &RedactionItem| {
            !End::ALL.iter().any(|end| item.grounds == [end.code()])
                && !item.grounds.iter().any(|ground| ground == MARK)
        };
        let is_wanted = policy.split(',').any(|act| act.trim() == "redaction") && self.items.values().any(is_open);
        let is_approved = self.logged.as_ref().is_some_and(|logged| logged.approved_at.is_some());
        if is_wanted && !is_approved { Err(CoverError::NotApproved) } else { Ok(()) }
    }

    /// Withholds an event beyond the edges of a period, on one ground and on those on which parts of it were covered. What is withheld already stays as it is.
    pub(super) fn withhold_far(&mut self, spot: Spot, ground: &str) -> Result<(), CoverError> {
        let parts: Vec<_> =
            self.items.range((spot, 0, 0)..=(spot, u32::MAX, u32::MAX)).map(|(place, _)| *place).collect();
        if parts.first().is_some_and(|(_, slot, _)| *slot == 0) {
            return Ok(());
        }
        if self.logged.is_some() {
            return Err(CoverError::BeyondEdges { spot });
        }
        let covered = parts.iter().filter_map(|place| self.items.remove(place));
        let mut grounds: Vec<String> = covered.flat_map(|item| item.grounds).filter(|ground| ground != MARK).collect();
        grounds.push(ground.into());
        grounds.sort_unstable();
        grounds.dedup();
        self.add(RedactionItem { entry: spot.entry, position: spot.position, grounds, ..RedactionItem::default() })
    }

    /// Events that are withheld as a whole, ascending.
    pub(super) fn withheld(&self) -> impl Iterator<Item = Spot> {
        self.items.keys().filter(|(_, slot, _)| *slot == 0).map(|(spot, _, _)| *spot)
    }

    /// Covers each slot but the binding of an event that is withheld as a whole.
    pub(super) fn spread(&mut self, spot: Spot, slots: u32) {
        if let Some(whole) = self.items.remove(&(spot, 0, 0)) {
            let item = |slot| ((spot, slot, 0), RedactionItem { slot, ..whole.clone() });
            self.items.extend((1..slots).map(item));
        }
    }

    /// Holds every ground against the list that the log publishes.
    ///
    /// # Errors
    /// [`CoverError::UnknownGround`].
    pub fn check_grounds(&self, registry: &Registry) -> Result<(), CoverError> {
        let mut codes = self.items.values().flat_map(|item| &item.grounds);
        match codes.find(|code| registry.ground(code).is_none()) {
            Some(code) => Err(CoverError::UnknownGround { code: code.clone() }),
            None => Ok(()),
        }
    }

    /// The items of the manifest, ascending.
    #[must_use]
    pub fn items(&self) -> Vec<RedactionItem> {
        self.items.values().cloned().collect()
    }

    /// Events of which something is covered, ascending.
    pub(super) fn spots(&self) -> impl Iterator<Item = Spot> {
        self.items.keys().map(|(spot, _, _)| *spot)
    }

    pub(super) fn of(&self, spot: Spot) -> Option<EventCover> {
        let mut units = Vec::new();
        for item in self.items.range((spot, 0, 0)..=(spot, u32::MAX, u32::MAX)).map(|(_, item)| item) {
            match (item.slot, item.item_count) {
                (0, _) => return Some(EventCover::Whole),
                (slot, 0) => units.push(CoveredUnit { slot, item: None }),
                (slot, count) => {
                    let run = item.first_item..item.first_item + count;
                    units.extend(run.map(|item| CoveredUnit { slot, item: Some(item) }));
                }
            }
        }
        (!units.is_empty()).then_some(EventCover::Parts(units))
    }
}

fn split_grounds<'a>(text: &'a str, default: &[String]) -> Result<(&'a str, Vec<String>), CoverError> {
    let (place, grounds) = match text.split_once('=') {
        Some((place, codes)) => (place, codes.split(',').map(normalise_ground).collect()),
        None => (text, default.iter().map(|code| normalise_ground(code)).collect::<Vec<_>>()),
    };
    if grounds.is_empty() || grounds.iter().any(String::is_empty) {
        return Err(CoverError::NoGround { found: text.into() });
    }
    Ok((place, grounds))
}

fn spot(entry: &str, position: &str) -> Option<Spot> {
    Some(Spot { entry: entry.parse().ok()?, position: position.parse().ok()? })
}

fn slot_number(text: &str) -> Option<u32> {
    let by_name = (0u32..).zip(CHAT_LAYOUT).find(|(_, slot)| slot.name == text);
    by_name.map(|(number, _)| number).or_else(|| text.parse().ok())
}

/// First item and how many, of `FIRST-LAST` or `ONLY`.
fn run(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    Some((first, last.checked_sub(first)?.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zegel_proto::GrammarError;

    fn grounds() -> Vec<String> {
        vec!["5.1.2.e".into()]
    }

    #[test]
    fn places_become_manifest_items_in_order() {
        let mut cover = Cover::default();
        cover.cover("7:2:text:3-5", &grounds()).expect("covered");
        cover.withhold("4:17=buiten_reikwijdte", &[]).expect("withheld");
        cover.cover("7:2:sender", &grounds()).expect("covered");
        let found: Vec<(u64, u32, u32, u32, u32)> = cover
            .items()
            .iter()
            .map(|item| (item.entry, item.position, item.slot, item.first_item, item.item_count))
            .collect();
        assert_eq!(found, [(4, 17, 0, 0, 0), (7, 2, 1, 0, 0), (7, 2, 11, 3, 3)]);
        assert_eq!(cover.items()[1].grounds, ["5.1.2e"]);
        assert_eq!(cover.of(Spot { entry: 4, position: 17 }), Some(EventCover::Whole));
        assert_eq!(cover.of(Spot { entry: 4, position: 18 }), None);
        let unit = |slot, item| CoveredUnit { slot, item };
        let units = vec![unit(1, None), unit(11, Some(3)), unit(11, Some(4)), unit(11, Some(5))];
        assert_eq!(cover.of(Spot { entry: 7, position: 2 }), Some(EventCover::Parts(units)));
    }

    #[test]
    fn refuses_what_is_covered_twice() {
        let spot = Spot { entry: 7, position: 2 };
        for second in ["7:2:text:5-6", "7:2:text", "7:2:11:0-3"] {
            let mut cover = Cover::default();
            cover.cover("7:2:text:3-5", &grounds()).expect("covered");
            assert_eq!(cover.cover(second, &grounds()), Err(CoverError::Twice { spot, slot: 11 }), "{second}");
            assert_eq!(cover.withhold("7:2", &grounds()), Err(CoverError::Twice { spot, slot: 0 }));
        }
    }

    #[test]
    fn refuses_slot_0_a_run_backwards_and_a_place_without_ground() {
        let mut cover = Cover::default();
        let wanted = "ENTRY:POSITION:SLOT or ENTRY:POSITION:SLOT:FIRST-LAST, SLOT not 0";
        for bad in ["7:2:0", "7:2:binding", "7:2:text:5-3", "7:2", "7:2:nonsense", "a:2:text"] {
            let refused = Err(CoverError::Malformed { found: bad.into(), wanted });
            assert_eq!(cover.cover(bad, &grounds()), refused);
        }
        assert_eq!(cover.withhold("7:2", &[]), Err(CoverError::NoGround { found: "7:2".into() }));
        let spot = Spot { entry: 7, position: 2 };
        let reason = GrammarError::TooMany { field: "first_item", found: 1_025, max: 1_024 };
        assert_eq!(cover.cover("7:2:text:1024-1024", &grounds()), Err(CoverError::Item { spot, reason }));
    }
}
