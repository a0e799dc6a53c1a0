//! A cover made wider: with every part in which an event says again what is covered of it, on the grounds on which it is covered.

use super::merge::Parts;
use crate::echo::{echoes, part_name};
use crate::export::{Cover, CoverError, Spot};
use crate::officer::OfficerError;
use crate::reading::{Purpose, Reading};
use crate::workplace::Workplace;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::v1::RedactionItem;
use zegel_verifier::commit::CoveredUnit;

/// A part that is covered because it says again what is covered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Again {
    /// `ENTRY:POSITION`.
    pub place: String,
    /// Slot, or slot and item.
    pub part: String,
}

impl Workplace {
    /// Reads the events of which parts are covered, which is logged first, and widens the cover.
    ///
    /// # Errors
    /// [`OfficerError::Reading`].
    pub async fn widened(&mut self, cover: &Cover, person: &str) -> Result<(Cover, Vec<Again>), OfficerError> {
        let scopes = self.scopes_of(parts_of(cover).into_keys()).await?;
        if scopes.is_empty() {
            return Ok((cover.clone(), Vec::new()));
        }
        let reading = self.read(&scopes, &Purpose::reading(person, "what a redaction has to cover too")).await?;
        Ok(widened(cover, &reading).map_err(crate::export::ExportError::from)?)
    }
}

/// The cover, and what was added to it. Of what was not read, or has no body any more, nothing is added.
///
/// # Errors
/// [`CoverError`]: out of the limits of a manifest.
pub fn widened(cover: &Cover, reading: &Reading) -> Result<(Cover, Vec<Again>), CoverError> {
    let (mut parts, mut added) = (Parts::default(), Vec::new());
    for item in cover.items() {
        let run = (item.item_count > 0).then(|| item.first_item..item.first_item + item.item_count);
        parts.add(Spot { entry: item.entry, position: item.position }, item.slot, run, item.grounds);
    }
    for (spot, items) in parts_of(cover) {
        let Some(event) = reading.event(spot) else { continue };
        let Some((_, body)) = &event.body else { continue };
        let units: Vec<CoveredUnit> = items.iter().flat_map(units_of).collect();
        let grounds: BTreeSet<String> = items.into_iter().flat_map(|item| item.grounds).collect();
        for unit in echoes(event.facts.kind, body, &units) {
            let run = unit.item.map(|item| item..item + 1);
            parts.add(spot, unit.slot, run, grounds.iter().cloned().collect());
            added.push(Again { place: spot.to_string(), part: part_name(unit) });
        }
    }
    Ok((Cover::of_items(parts.items())?, added))
}

/// Items of events that are covered in part.
fn parts_of(cover: &Cover) -> BTreeMap<Spot, Vec<RedactionItem>> {
    let mut parts: BTreeMap<Spot, Vec<RedactionItem>> = BTreeMap::new();
    for item in cover.items().into_iter().filter(|item| item.slot > 0) {
        parts.entry(Spot { entry: item.entry, position: item.position }).or_default().push(item);
    }
    parts
}

fn units_of(item: &RedactionItem) -> Vec<CoveredUnit> {
    let slot = item.slot;
    match item.item_count {
        0 => vec![CoveredUnit { slot, item: None }],
        count => (item.first_item..item.first_item + count).map(|at| CoveredUnit { slot, item: Some(at) }).collect(),
    }
}
