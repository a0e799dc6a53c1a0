//! What a body shows once it has been checked: values, and parts that are covered.

use super::{CommitmentError, body_root_of, check_layout, check_opened, list_leaf, value_leaf};
use crate::hash::{Hash, Tag};
use crate::kinds::SlotSpec;
use zegel_proto::v1::{Body, RedactedBody, ShownItem, ShownSlot, SlotState};

/// A part of an event that is covered: a slot as a whole, or one item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoveredUnit {
    /// Number of the slot.
    pub slot: u32,
    /// Number of the item; `None`: the slot as a whole.
    pub item: Option<u32>,
}

/// One place of a checked body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Covered: only its leaf is there.
    Covered,
    /// The source's format cannot show it.
    Unknown,
    /// There was none.
    None,
    /// A value.
    Value(Vec<u8>),
    /// A list without its padding; an item is `None` where it is covered.
    List(Vec<Option<Vec<u8>>>),
}

/// A body that matches the root in its header. Made by the checks of this module only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownBody {
    slots: Vec<Shown>,
}

impl ShownBody {
    /// Checks a whole body.
    ///
    /// # Errors
    /// [`CommitmentError`] if the layout or the root is another.
    pub fn open(body: Body, layout: &[SlotSpec], wanted: Hash) -> Result<Self, CommitmentError> {
        check_opened(&body, layout, wanted)?;
        let slots = body.slots.into_iter().map(|slot| match SlotState::try_from(slot.state) {
            Ok(SlotState::SlotList) => Shown::List(slot.items.into_iter().map(Some).collect()),
            Ok(SlotState::SlotValue) => Shown::Value(slot.value),
            Ok(SlotState::SlotNone) => Shown::None,
            _ => Shown::Unknown,
        });
        Ok(Self { slots: slots.collect() })
    }

    /// The slots, in the order of the layout.
    #[must_use]
    pub fn slots(&self) -> &[Shown] {
        &self.slots
    }

    /// The value in a slot, if it is open and there is one.
    #[must_use]
    pub fn value(&self, slot: usize) -> Option<&[u8]> {
        match self.slots.get(slot) {
            Some(Shown::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// The items in a slot; empty if it has none or is covered.
    #[must_use]
    pub fn items(&self, slot: usize) -> &[Option<Vec<u8>>] {
        match self.slots.get(slot) {
            Some(Shown::List(items)) => items,
            _ => &[],
        }
    }

    /// What is covered, ascending.
    pub fn covered(&self) -> impl Iterator<Item = CoveredUnit> {
        (0u32..).zip(&self.slots).flat_map(|(slot, shown)| {
            let whole = matches!(shown, Shown::Covered).then_some(CoveredUnit { slot, item: None });
            let items: &[Option<Vec<u8>>] = if let Shown::List(items) = shown { items } else { &[] };
            let parts = (0u32..).zip(items).filter(|(_, item)| item.is_none());
            whole.into_iter().chain(parts.map(move |(item, _)| CoveredUnit { slot, item: Some(item) }))
        })
    }
}

/// Checks a body of which something is covered. It must have passed its grammar.
///
/// # Errors
/// [`CommitmentError`] if the layout or the root is another, slot 0 is covered, or an item follows padding.
pub fn check_redacted(body: RedactedBody, layout: &[SlotSpec], wanted: Hash) -> Result<ShownBody, CommitmentError> {
    check_layout(body.slots.iter().map(|slot| slot.state), layout)?;
    if body.slots.first().is_none_or(|slot| slot.salt.is_empty()) {
        return Err(CommitmentError::BindingCovered);
    }
    let leaves: Vec<Hash> = body.slots.iter().map(slot_leaf).collect();
    let found = body_root_of(&leaves);
    if found != wanted {
        return Err(CommitmentError::WrongRoot { found, wanted });
    }
    let slots = body.slots.into_iter().enumerate().map(|(number, slot)| shown_slot(number, slot));
    Ok(ShownBody { slots: slots.collect::<Result<_, _>>()? })
}

fn slot_leaf(slot: &ShownSlot) -> Hash {
    let Ok(salt) = slot.salt.as_slice().try_into() else {
        return Hash::read(&slot.leaf).unwrap_or(Hash::ZERO);
    };
    match SlotState::try_from(slot.state) {
        Ok(SlotState::SlotList) => list_leaf(salt, &slot.items.iter().map(item_leaf).collect::<Vec<_>>()),
        Ok(state) => value_leaf(Tag::Slot, salt, state, &slot.value),
        Err(_) => Hash::ZERO,
    }
}

fn item_leaf(item: &ShownItem) -> Hash {
    let state = SlotState::try_from(item.state).unwrap_or(SlotState::SlotUnknown);
    match item.salt.as_slice().try_into() {
        Ok(salt) => value_leaf(Tag::Item, salt, state, &item.value),
        Err(_) => Hash::read(&item.leaf).unwrap_or(Hash::ZERO),
    }
}

fn shown_slot(number: usize, slot: ShownSlot) -> Result<Shown, CommitmentError> {
    if slot.salt.is_empty() {
        return Ok(Shown::Covered);
    }
    Ok(match SlotState::try_from(slot.state) {
        Ok(SlotState::SlotList) => Shown::List(shown_items(number, slot.items)?),
        Ok(SlotState::SlotValue) => Shown::Value(slot.value),
        Ok(SlotState::SlotNone) => Shown::None,
        _ => Shown::Unknown,
    })
}

/// Drops the padding, which may stand only at the end. A covered leaf may be an item or padding: that hides the length.
fn shown_items(slot: usize, items: Vec<ShownItem>) -> Result<Vec<Option<Vec<u8>>>, CommitmentError> {
    let is_padding = |item: &ShownItem| !item.salt.is_empty() && item.state == SlotState::SlotNone as i32;
    let length = items.iter().position(is_padding).unwrap_or(items.len());
    if items[length..].iter().any(|item| !is_padding(item)) {
        return Err(CommitmentError::ItemAfterPadding { slot });
    }
    let leaves = items.len();
    if length == 0 || length.next_power_of_two() != leaves {
        return Err(CommitmentError::WrongPadding { slot, items: length, leaves });
    }
    let shown = items.into_iter().take(length).map(|item| (!item.salt.is_empty()).then_some(item.value));
    Ok(shown.collect())
}

/// Covers parts of a whole body: what an export shows of it.
#[must_use]
pub fn redact(body: &Body, covered: &[CoveredUnit]) -> Option<RedactedBody> {
    let mut slot_salts = super::Salts::new(body.seed.as_slice().try_into().ok()?);
    let mut item_salts = slot_salts.clone();
    let mut next = body.slots.len() as u32;
    let mut slots = Vec::with_capacity(body.slots.len());
    for (number, slot) in (0u32..).zip(&body.slots) {
        let salt = slot_salts.salt(number).to_vec();
        let mut shown =
            ShownSlot { salt, leaf: Vec::new(), state: slot.state, value: slot.value.clone(), items: Vec::new() };
        if slot.state == SlotState::SlotList as i32 {
            let hide = |item| covered.contains(&CoveredUnit { slot: number, item: Some(item) });
            shown.items = shown_list(&mut item_salts, next, &slot.items, hide);
            next += shown.items.len() as u32;
        }
        if covered.contains(&CoveredUnit { slot: number, item: None }) {
            shown = ShownSlot { leaf: slot_leaf(&shown).to_vec(), ..ShownSlot::default() };
        }
        slots.push(shown);
    }
    Some(RedactedBody { slots })
}

fn shown_list(salts: &mut super::Salts, first: u32, items: &[Vec<u8>], hide: impl Fn(u32) -> bool) -> Vec<ShownItem> {
    let length = items.len().next_power_of_two();
    let mut shown = Vec::with_capacity(length);
    for number in 0..length as u32 {
        let salt = salts.salt(first + number).to_vec();
        let item = items.get(number as usize);
        let state = if item.is_some() { SlotState::SlotValue } else { SlotState::SlotNone } as i32;
        let open = ShownItem { salt, leaf: Vec::new(), state, value: item.cloned().unwrap_or_default() };
        let covered = ShownItem { leaf: item_leaf(&open).to_vec(), ..ShownItem::default() };
        shown.push(if hide(number) { covered } else { open });
    }
    shown
}
