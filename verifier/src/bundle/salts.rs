//! Salts that come again: whoever reuses one lets a reader guess what is covered.
//!
//! The salt of a slot hides what stands under a leaf, as long as nobody knows it. A source that takes the same seed for two
//! events gives the salts of the one away with the other; so seeds and open salts are compared. Memory: 8 bytes an event, at
//! most [`SALTS_MAX`]; a source that always takes the same is found by its second event.

use super::Place;
use std::collections::HashSet;
use zegel_proto::v1::{RedactedBody, ShownSlot};

/// Events whose salts are compared.
const SALTS_MAX: usize = 1_048_576;

/// What is compared of one body.
pub(super) struct Salted {
    /// Where the seed, or the salt of slot 0, begins.
    start: Option<[u8; 8]>,
    has_twins: bool,
}

impl Salted {
    /// A body that is shown whole: all its salts follow from the seed.
    pub(super) fn whole(seed: &[u8]) -> Self {
        Self { start: start(seed), has_twins: false }
    }

    /// A body that is shown in part. Slot 0 is always open; within an event no two salts are equal.
    pub(super) fn redacted(body: &RedactedBody) -> Self {
        Self { start: body.slots.first().and_then(|slot| start(&slot.salt)), has_twins: has_twins(body) }
    }
}

fn start(salt: &[u8]) -> Option<[u8; 8]> {
    salt.get(..8)?.try_into().ok()
}

/// What was seen of salts.
#[derive(Clone, Debug, Default)]
pub(super) struct Salts {
    seen: HashSet<[u8; 8]>,
    pub(super) repeated: u64,
    pub(super) first: Option<Place>,
}

impl Salts {
    /// Takes what is compared of a body that is shown, whole or in part.
    pub(super) fn body(&mut self, place: Place, salted: &Salted) {
        if salted.start.is_some_and(|start| self.came_before(start)) || salted.has_twins {
            self.repeated += 1;
            self.first.get_or_insert(place);
        }
    }

    fn came_before(&mut self, start: [u8; 8]) -> bool {
        if self.seen.len() >= SALTS_MAX { self.seen.contains(&start) } else { !self.seen.insert(start) }
    }
}

fn has_twins(body: &RedactedBody) -> bool {
    let of_slot = |slot: &ShownSlot| slot.items.iter().map(|item| item.salt.clone()).collect::<Vec<_>>();
    let slots = body.slots.iter().flat_map(|slot| std::iter::once(slot.salt.clone()).chain(of_slot(slot)));
    let mut seen = HashSet::new();
    slots.filter(|salt| !salt.is_empty()).any(|salt| !seen.insert(salt))
}
