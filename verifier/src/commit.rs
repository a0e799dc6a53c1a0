//! Commitments: salted slots, lists, and the body root over them.
//!
//! Each field of an event is a leaf of its own with a salt of its own, so that one can be withheld or destroyed and the
//! rest still verifies, and a covered "yes" cannot be guessed. Two salts cost one compression; a short slot costs one.
//!
//! Invariants: a body has exactly the slots of its layout, in order; slot 0 is open in every body that is opened; all
//! salts follow from one seed, so a source cannot choose a salt. Specification: `specs/body.md`.

mod shown;

pub use shown::{CoveredUnit, Shown, ShownBody, check_redacted, redact, redact_more};

use crate::hash::{Hash, Tag, leaf_over, salt_pair, salted_leaf};
use thiserror::Error;
use zegel_proto::limits::{LIST_ITEMS_MAX, SALT_BYTES};
use zegel_proto::v1::{Body, Slot, SlotState};
use zegel_proto::view::BodyView;

/// A salt: half of a SHA-256.
pub type Salt = [u8; SALT_BYTES];

/// Why a body does not match what was committed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommitmentError {
    /// Not the slots of its layout.
    #[error("body has {found} slots, its layout has {wanted}")]
    SlotCount {
        /// Slots found.
        found: usize,
        /// Slots wanted.
        wanted: usize,
    },
    /// A list where the layout has a value, or the reverse.
    #[error("slot {slot} does not have the form that its layout gives it")]
    SlotForm {
        /// Number of the slot.
        slot: usize,
    },
    /// Slot 0 is covered.
    #[error("slot 0 is covered: without it a body could stand under another header")]
    BindingCovered,
    /// The root that follows is another.
    #[error("body leads to root {found}, its header commits to {wanted}")]
    WrongRoot {
        /// Computed.
        found: Hash,
        /// In the header.
        wanted: Hash,
    },
    /// More padding than the items ask for, or padding alone.
    #[error("slot {slot} has {items} items and {leaves} leaves: padding goes to the next power of two")]
    WrongPadding {
        /// Number of the slot.
        slot: usize,
        /// Items before the padding.
        items: usize,
        /// Leaves in all.
        leaves: usize,
    },
    /// Padding after which an item follows.
    #[error("slot {slot} has an item after its padding")]
    ItemAfterPadding {
        /// Number of the slot.
        slot: usize,
    },
}

/// All salts of an event, from its seed: salt i is half `i mod 2` of `SHA-256(0x02 ‖ seed ‖ u32 of i div 2)`.
#[derive(Clone)]
pub struct Salts {
    seed: [u8; 32],
    pair: Option<(u32, Hash)>,
}

impl Salts {
    /// The salts of a seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, pair: None }
    }

    /// Salt number `index`. Cheapest in ascending order: every second one costs nothing.
    pub fn salt(&mut self, index: u32) -> Salt {
        let number = index / 2;
        let pair = match self.pair {
            Some((cached, pair)) if cached == number => pair,
            _ => salt_pair(&self.seed, number),
        };
        self.pair = Some((number, pair));
        let half = (index % 2) as usize * SALT_BYTES;
        let mut salt = [0; SALT_BYTES];
        salt.copy_from_slice(&pair.0[half..half + SALT_BYTES]);
        salt
    }
}

/// Leaf of a slot or item that is a value, unknown or none: tag, salt, state, value.
#[must_use]
pub fn value_leaf(tag: Tag, salt: &Salt, state: SlotState, value: &[u8]) -> Hash {
    salted_leaf(tag, salt, state as u8, value)
}

/// Leaf of a slot that holds a list: its value is the digest over the leaves of its items.
#[must_use]
pub fn list_leaf(salt: &Salt, item_leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let digest = leaf_over(Tag::List, item_leaves);
    value_leaf(Tag::Slot, salt, SlotState::SlotList, &digest.0)
}

/// Root of a body: the digest over its slot leaves in order.
#[must_use]
pub fn body_root_of(slot_leaves: impl IntoIterator<Item = Hash>) -> Hash {
    leaf_over(Tag::Body, slot_leaves)
}

/// Leaves of a list with its padding, whose items take the salts from number `first` on.
fn item_leaves<'a>(salts: &'a mut Salts, first: u32, items: &'a [&[u8]]) -> impl Iterator<Item = Hash> + use<'a> {
    debug_assert!(items.len() <= LIST_ITEMS_MAX, "the grammar of Slot bounds lists");
    let values = items.iter().map(|item| (SlotState::SlotValue, *item));
    let padding = std::iter::repeat_n((SlotState::SlotNone, &[][..]), leaves_of(items.len()) - items.len());
    (first..).zip(values.chain(padding)).map(|(index, (state, value))| {
        let salt = salts.salt(index);
        value_leaf(Tag::Item, &salt, state, value)
    })
}

/// Leaves of a list of so many items.
fn leaves_of(items: usize) -> usize {
    items.next_power_of_two()
}

/// The root of a whole body: all salts derived again from its seed. `None` if the body breaks its grammar.
///
/// Slots take salts 0, 1, 2, …; the items of lists take the next ones, list after list, padding included.
#[must_use]
pub fn body_root(body: &Body) -> Option<Hash> {
    BodyView::of(body).map(|body| view_root(&body))
}

/// The root of a whole body that is read without a copy.
#[must_use]
pub fn view_root(body: &BodyView<'_>) -> Hash {
    let mut slot_salts = Salts::new(*body.seed);
    let mut item_salts = slot_salts.clone();
    let mut next = body.slots.len() as u32;
    let leaves = (0..).zip(&body.slots).map(|(index, slot)| {
        let salt = slot_salts.salt(index);
        if slot.state != SlotState::SlotList {
            return value_leaf(Tag::Slot, &salt, slot.state, slot.value);
        }
        let first = next;
        next += leaves_of(slot.items.len()) as u32;
        list_leaf(&salt, item_leaves(&mut item_salts, first, &slot.items))
    });
    body_root_of(leaves)
}

/// Checks a whole body against the root in its header. The body must have passed its grammar.
///
/// # Errors
/// [`CommitmentError`] if the layout or the root is another.
pub fn check_opened(body: &Body, layout: &[crate::kinds::SlotSpec], wanted: Hash) -> Result<(), CommitmentError> {
    check_layout(body.slots.iter().map(|slot| slot.state), layout)?;
    let found = body_root(body).unwrap_or(Hash::ZERO);
    if found == wanted { Ok(()) } else { Err(CommitmentError::WrongRoot { found, wanted }) }
}

/// Lists stand only where the layout has lists, and values only where it has values.
fn check_layout(
    states: impl ExactSizeIterator<Item = i32>,
    layout: &[crate::kinds::SlotSpec],
) -> Result<(), CommitmentError> {
    let (found, wanted) = (states.len(), layout.len());
    if found != wanted {
        return Err(CommitmentError::SlotCount { found, wanted });
    }
    let fits = |(state, spec): (i32, &crate::kinds::SlotSpec)| match SlotState::try_from(state) {
        Ok(SlotState::SlotList) => spec.is_list,
        Ok(SlotState::SlotValue) => !spec.is_list,
        _ => true,
    };
    match states.zip(layout).position(|pair| !fits(pair)) {
        Some(slot) => Err(CommitmentError::SlotForm { slot }),
        None => Ok(()),
    }
}

/// A slot that holds a value.
#[must_use]
pub fn value_slot(value: impl Into<Vec<u8>>) -> Slot {
    Slot { state: SlotState::SlotValue as i32, value: value.into(), items: Vec::new() }
}

/// A slot that holds a list, or none if there are no items.
#[must_use]
pub fn list_slot(items: Vec<Vec<u8>>) -> Slot {
    if items.is_empty() {
        return none_slot();
    }
    Slot { state: SlotState::SlotList as i32, value: Vec::new(), items }
}

/// A slot of which the source says: there was none.
#[must_use]
pub fn none_slot() -> Slot {
    Slot { state: SlotState::SlotNone as i32, value: Vec::new(), items: Vec::new() }
}

/// A slot of which the source's format can say nothing.
#[must_use]
pub fn unknown_slot() -> Slot {
    Slot { state: SlotState::SlotUnknown as i32, value: Vec::new(), items: Vec::new() }
}

#[cfg(test)]
mod tests;
