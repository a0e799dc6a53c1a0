//! What a body shows once it has been checked: values, and parts that are covered.

use super::{CommitmentError, body_root_of, check_layout, list_leaf, value_leaf, view_root};
use crate::hash::{Hash, Tag};
use crate::kinds::SlotSpec;
use std::sync::OnceLock;
use zegel_proto::v1::{Body, RedactedBody, ShownItem, ShownSlot, SlotState};
use zegel_proto::view::BodyView;

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
#[derive(Clone, Debug)]
pub struct ShownBody {
    compact: Compact,
    /// Made when someone asks: most bodies are checked and never looked at.
    slots: OnceLock<Vec<Shown>>,
}

impl PartialEq for ShownBody {
    fn eq(&self, other: &Self) -> bool {
        self.compact == other.compact
    }
}

impl Eq for ShownBody {}

impl ShownBody {
    /// Checks a whole body.
    ///
    /// # Errors
    /// [`CommitmentError`] if the layout or the root is another.
    pub fn open(body: Body, layout: &[SlotSpec], wanted: Hash) -> Result<Self, CommitmentError> {
        match BodyView::of(&body) {
            Some(view) => Self::open_view(&view, layout, wanted),
            None => Err(CommitmentError::WrongRoot { found: Hash::ZERO, wanted }),
        }
    }

    /// Checks a whole body that is read without a copy.
    ///
    /// # Errors
    /// As [`ShownBody::open`].
    pub fn open_view(body: &BodyView<'_>, layout: &[SlotSpec], wanted: Hash) -> Result<Self, CommitmentError> {
        check_layout(body.slots.iter().map(|slot| slot.state as i32), layout)?;
        let found = view_root(body);
        if found != wanted {
            return Err(CommitmentError::WrongRoot { found, wanted });
        }
        Ok(Self { compact: Compact::of_view(body), slots: OnceLock::new() })
    }

    /// The slots, in the order of the layout.
    #[must_use]
    pub fn slots(&self) -> &[Shown] {
        self.slots.get_or_init(|| self.compact.expand())
    }

    /// The value in a slot, if it is open and there is one.
    #[must_use]
    pub fn value(&self, slot: usize) -> Option<&[u8]> {
        self.compact.slots().nth(slot).filter(|place| place.mark == Mark::Value).map(|place| place.bytes)
    }

    /// The items in a slot; empty if it has none or is covered.
    #[must_use]
    pub fn items(&self, slot: usize) -> &[Option<Vec<u8>>] {
        match self.slots().get(slot) {
            Some(Shown::List(items)) => items,
            _ => &[],
        }
    }

    /// The items in a slot that are open.
    pub fn open_items(&self, slot: usize) -> impl Iterator<Item = &[u8]> {
        let items = self.compact.places().filter(move |place| place.slot as usize == slot && place.mark == Mark::Item);
        items.map(|place| place.bytes)
    }

    /// The slots of which the source's format can say nothing.
    pub fn unknown(&self) -> impl Iterator<Item = usize> {
        self.compact.slots().filter(|place| place.mark == Mark::Unknown).map(|place| place.slot as usize)
    }

    /// What is covered, ascending.
    pub fn covered(&self) -> impl Iterator<Item = CoveredUnit> {
        self.compact.places().filter_map(|place| match place.mark {
            Mark::Covered => Some(CoveredUnit { slot: place.slot, item: None }),
            Mark::CoveredItem => Some(CoveredUnit { slot: place.slot, item: Some(place.item) }),
            _ => None,
        })
    }
}

/// What stands at a place of a [`Compact`] body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Covered,
    Unknown,
    None,
    Value,
    List,
    Item,
    CoveredItem,
}

/// A checked body in two allocations, however many words it has: slots and, behind each list, its items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Compact {
    /// What stands there, and where its bytes end; they begin where those before it end.
    marks: Vec<(Mark, u32)>,
    bytes: Vec<u8>,
}

/// A place of a [`Compact`] body.
struct Place<'a> {
    slot: u32,
    item: u32,
    mark: Mark,
    bytes: &'a [u8],
}

impl Compact {
    fn of_view(body: &BodyView<'_>) -> Self {
        let all = body.slots.iter().map(|slot| (1 + slot.items.len(), slot.value.len(), &slot.items));
        let (places, bytes) = all.fold((0, 0), |(places, bytes), (more, value, items)| {
            (places + more, bytes + value + items.iter().map(|item| item.len()).sum::<usize>())
        });
        let mut compact = Self { marks: Vec::with_capacity(places), bytes: Vec::with_capacity(bytes) };
        for slot in &body.slots {
            let mark = match slot.state {
                SlotState::SlotList => Mark::List,
                SlotState::SlotValue => Mark::Value,
                SlotState::SlotNone => Mark::None,
                SlotState::SlotUnknown => Mark::Unknown,
            };
            compact.push(mark, slot.value);
            slot.items.iter().for_each(|item| compact.push(Mark::Item, item));
        }
        compact
    }

    fn of_slots(slots: &[Shown]) -> Self {
        let mut compact = Self::default();
        for slot in slots {
            match slot {
                Shown::Covered => compact.push(Mark::Covered, &[]),
                Shown::Unknown => compact.push(Mark::Unknown, &[]),
                Shown::None => compact.push(Mark::None, &[]),
                Shown::Value(value) => compact.push(Mark::Value, value),
                Shown::List(items) => {
                    compact.push(Mark::List, &[]);
                    for item in items {
                        let mark = if item.is_some() { Mark::Item } else { Mark::CoveredItem };
                        compact.push(mark, item.as_deref().unwrap_or_default());
                    }
                }
            }
        }
        compact
    }

    fn push(&mut self, mark: Mark, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        // A record has at most 4 MiB.
        self.marks.push((mark, self.bytes.len() as u32));
    }

    /// Slots and items in order.
    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let (mut from, mut slots, mut items) = (0, 0, 0);
        self.marks.iter().map(move |(mark, to)| {
            let bytes = &self.bytes[from as usize..*to as usize];
            from = *to;
            (slots, items) = if is_item(*mark) { (slots, items + 1) } else { (slots + 1, 0) };
            Place { slot: slots - 1, item: items.max(1) - 1, mark: *mark, bytes }
        })
    }

    /// Slots alone.
    fn slots(&self) -> impl Iterator<Item = Place<'_>> {
        self.places().filter(|place| !is_item(place.mark))
    }

    fn expand(&self) -> Vec<Shown> {
        let mut slots = Vec::new();
        for place in self.places() {
            let item = (place.mark == Mark::Item).then(|| place.bytes.to_vec());
            match (place.mark, slots.last_mut()) {
                (Mark::Item | Mark::CoveredItem, Some(Shown::List(items))) => items.push(item),
                (Mark::List, _) => slots.push(Shown::List(Vec::new())),
                (Mark::Value, _) => slots.push(Shown::Value(place.bytes.to_vec())),
                (Mark::Unknown, _) => slots.push(Shown::Unknown),
                (Mark::None, _) => slots.push(Shown::None),
                _ => slots.push(Shown::Covered),
            }
        }
        slots
    }
}

fn is_item(mark: Mark) -> bool {
    matches!(mark, Mark::Item | Mark::CoveredItem)
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
    let found = body_root_of(body.slots.iter().map(slot_leaf));
    if found != wanted {
        return Err(CommitmentError::WrongRoot { found, wanted });
    }
    let slots = body.slots.into_iter().enumerate().map(|(number, slot)| shown_slot(number, slot));
    let slots: Vec<Shown> = slots.collect::<Result<_, _>>()?;
    Ok(ShownBody { compact: Compact::of_slots(&slots), slots: OnceLock::from(slots) })
}

fn slot_leaf(slot: &ShownSlot) -> Hash {
    let Ok(salt) = slot.salt.as_slice().try_into() else {
        return Hash::read(&slot.leaf).unwrap_or(Hash::ZERO);
    };
    match SlotState::try_from(slot.state) {
        Ok(SlotState::SlotList) => list_leaf(salt, slot.items.iter().map(item_leaf)),
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

/// Covers more of a body of which something is covered: what is covered stays covered.
#[must_use]
pub fn redact_more(mut body: RedactedBody, covered: &[CoveredUnit]) -> RedactedBody {
    for (number, slot) in (0u32..).zip(&mut body.slots).filter(|(_, slot)| !slot.salt.is_empty()) {
        for (at, item) in (0u32..).zip(&mut slot.items) {
            if !item.salt.is_empty() && covered.contains(&CoveredUnit { slot: number, item: Some(at) }) {
                *item = ShownItem { leaf: item_leaf(item).to_vec(), ..ShownItem::default() };
            }
        }
        if covered.contains(&CoveredUnit { slot: number, item: None }) {
            *slot = ShownSlot { leaf: slot_leaf(slot).to_vec(), ..ShownSlot::default() };
        }
    }
    body
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
