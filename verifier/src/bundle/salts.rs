//! Salts that come again: whoever reuses one lets a reader guess what is covered.
//!
//! The salt of a slot hides what stands under a leaf, as long as nobody knows it. A source that takes the same seed for two
//! events gives the salts of the one away with the other; so seeds and open salts are compared. Memory: 8 bytes an event, at
//! most [`SALTS_MAX`]; a source that always takes the same is found by its second event.

use super::Place;
use std::collections::HashSet;
use zegel_proto::v1::evidence_event::Body;
use zegel_proto::v1::{RedactedBody, ShownSlot};

/// Events whose salts are compared.
const SALTS_MAX: usize = 1_048_576;

/// What was seen of salts.
#[derive(Clone, Debug, Default)]
pub(super) struct Salts {
    seen: HashSet<[u8; 8]>,
    pub(super) repeated: u64,
    pub(super) first: Option<Place>,
}

impl Salts {
    /// Takes a body that is shown, whole or in part.
    pub(super) fn body(&mut self, place: Place, body: &Body) {
        let is_repeated = match body {
            Body::Opened(body) => self.came_before(&body.seed),
            Body::Redacted(body) => {
                // Slot 0 is always open. Within an event no two salts are equal.
                let first = body.slots.first().is_some_and(|slot| self.came_before(&slot.salt));
                first || has_twins(body)
            }
            Body::Sealed(_) => false,
        };
        if is_repeated {
            self.repeated += 1;
            self.first.get_or_insert(place);
        }
    }

    fn came_before(&mut self, salt: &[u8]) -> bool {
        let Some(Ok(start)) = salt.get(..8).map(<[u8; 8]>::try_from) else { return false };
        if self.seen.len() >= SALTS_MAX { self.seen.contains(&start) } else { !self.seen.insert(start) }
    }
}

fn has_twins(body: &RedactedBody) -> bool {
    let of_slot = |slot: &ShownSlot| slot.items.iter().map(|item| item.salt.clone()).collect::<Vec<_>>();
    let slots = body.slots.iter().flat_map(|slot| std::iter::once(slot.salt.clone()).chain(of_slot(slot)));
    let mut seen = HashSet::new();
    slots.filter(|salt| !salt.is_empty()).any(|salt| !seen.insert(salt))
}
