//! Parts that are covered, brought together: what overlaps has the grounds of both, what touches and has the same grounds is one item.

use crate::export::Spot;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use zegel_proto::v1::RedactionItem;

type Grounds = BTreeSet<String>;

/// What is covered of one slot.
#[derive(Default)]
struct SlotParts {
    /// The slot as a whole.
    whole: Option<Grounds>,
    /// Items by number.
    items: BTreeMap<u32, Grounds>,
}

/// Everything that is covered, by event and slot; slot 0 is the event as a whole.
#[derive(Default)]
pub(super) struct Parts {
    slots: BTreeMap<Spot, BTreeMap<u32, SlotParts>>,
}

impl Parts {
    pub(super) fn add(&mut self, spot: Spot, slot: u32, run: Option<Range<u32>>, grounds: Vec<String>) {
        let parts = self.slots.entry(spot).or_default().entry(slot).or_default();
        match run {
            None => parts.whole.get_or_insert_default().extend(grounds),
            Some(run) => run.for_each(|item| parts.items.entry(item).or_default().extend(grounds.iter().cloned())),
        }
    }

    pub(super) fn items(self) -> Vec<RedactionItem> {
        let mut found = Vec::new();
        for (spot, mut slots) in self.slots {
            if let Some(event) = slots.remove(&0) {
                let mut grounds = event.whole.unwrap_or_default();
                slots.into_values().for_each(|parts| grounds.extend(parts.all()));
                found.push(item(spot, 0, 0..0, &grounds));
                continue;
            }
            for (slot, parts) in slots {
                match parts.whole.is_some() {
                    true => found.push(item(spot, slot, 0..0, &parts.all())),
                    false => found
                        .extend(runs(&parts.items).into_iter().map(|(run, grounds)| item(spot, slot, run, &grounds))),
                }
            }
        }
        found
    }
}

impl SlotParts {
    fn all(self) -> Grounds {
        let mut grounds = self.whole.unwrap_or_default();
        self.items.into_values().for_each(|more| grounds.extend(more));
        grounds
    }
}

fn runs(items: &BTreeMap<u32, Grounds>) -> Vec<(Range<u32>, Grounds)> {
    let mut found: Vec<(Range<u32>, Grounds)> = Vec::new();
    for (number, grounds) in items {
        match found.last_mut() {
            Some((run, same)) if run.end == *number && same == grounds => run.end += 1,
            _ => found.push((*number..*number + 1, grounds.clone())),
        }
    }
    found
}

fn item(spot: Spot, slot: u32, run: Range<u32>, grounds: &Grounds) -> RedactionItem {
    // A manifest gives a ground for every item: where the officer gave none, that is what it says.
    let grounds = if grounds.is_empty() { vec![super::NO_GROUND.into()] } else { grounds.iter().cloned().collect() };
    let (entry, position, item_count) = (spot.entry, spot.position, run.end - run.start);
    RedactionItem { entry, position, slot, first_item: run.start, item_count, grounds }
}
