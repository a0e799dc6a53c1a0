//! The body roots of many events at once, hashed side by side.
//!
//! The same commitments as `zegel_verifier::commit::body_root`, which remains the definition: a test holds the two
//! together. A body of sixteen words takes some sixty compressions, all of them short and independent, so that a batch of
//! bodies fills every lane. Specification: `specs/body.md`.

use zegel_proto::limits::SALT_BYTES;
use zegel_proto::v1::{Body, SlotState};
use zegel_verifier::hash::lanes::{are_faster, sha256_all};
use zegel_verifier::hash::{Hash, Tag};
use zeroize::Zeroizing;

/// Messages to be hashed, one after the other in one piece of memory. They hold what is sealed, so they are wiped.
#[derive(Default)]
struct Messages {
    bytes: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
}

impl Messages {
    /// Room that no message outgrows: wiping ends where a vector moved before.
    fn with_capacity(bytes: usize, messages: usize) -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(bytes)), ends: Vec::with_capacity(messages) }
    }

    fn leaf<'a>(&mut self, tag: Tag, parts: impl IntoIterator<Item = &'a [u8]>) {
        self.bytes.extend_from_slice(&[0x00, tag as u8]);
        parts.into_iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.ends.push(self.bytes.len());
    }

    /// Eight neighbours share the lanes and take as long as the longest: neighbours of one length come first to last.
    fn hashes(&self) -> Vec<Hash> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut slices: Vec<(usize, &[u8])> =
            starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end]).enumerate().collect();
        let blocks = |length: usize| (length + 9).div_ceil(64);
        if are_faster() && slices.windows(2).any(|pair| blocks(pair[0].1.len()) != blocks(pair[1].1.len())) {
            slices.sort_by_key(|(_, slice)| blocks(slice.len()));
        }
        let messages: Vec<&[u8]> = slices.iter().map(|(_, slice)| *slice).collect();
        let mut hashes = vec![Hash::ZERO; messages.len()];
        for ((at, _), hash) in slices.iter().zip(sha256_all(&messages)) {
            hashes[*at] = hash;
        }
        hashes
    }
}

/// Salts of the slots and items of a body, in pairs: a hash holds two.
fn salt_count(body: &Body) -> usize {
    body.slots.len() + body.slots.iter().map(padded_items).sum::<usize>()
}

/// Leaves of the list in a slot, padding included; 0 where it holds no list.
fn padded_items(slot: &zegel_proto::v1::Slot) -> usize {
    if slot.items.is_empty() { 0 } else { slot.items.len().next_power_of_two() }
}

/// The salts of all bodies, body after body, two to a hash.
fn salts(bodies: &[Body]) -> Vec<Hash> {
    let pairs: usize = bodies.iter().map(|body| salt_count(body).div_ceil(2)).sum();
    let mut messages = Messages::with_capacity(pairs * 37, pairs);
    for body in bodies {
        for number in 0..salt_count(body).div_ceil(2) as u32 {
            messages.bytes.push(0x02);
            messages.bytes.extend_from_slice(&body.seed);
            messages.bytes.extend_from_slice(&number.to_be_bytes());
            messages.ends.push(messages.bytes.len());
        }
    }
    messages.hashes()
}

/// One body's part of all salts.
struct Salts<'a>(&'a [Hash]);

impl Salts<'_> {
    fn salt(&self, index: usize) -> &[u8] {
        let half = index % 2 * SALT_BYTES;
        &self.0[index / 2].0[half..half + SALT_BYTES]
    }
}

/// Each body with its salts.
fn salted<'a>(bodies: &'a [Body], salts: &'a [Hash]) -> impl Iterator<Item = (&'a Body, Salts<'a>)> {
    bodies.iter().scan(0, |at, body| {
        let from = *at;
        *at += salt_count(body).div_ceil(2);
        Some((body, Salts(&salts[from..*at])))
    })
}

/// Leaves of the items of all lists, list after list, padding included.
fn item_leaves(bodies: &[Body], salts: &[Hash]) -> Vec<Hash> {
    let items = || bodies.iter().flat_map(|body| &body.slots);
    let bytes: usize =
        items().map(|slot| padded_items(slot) * 19 + slot.items.iter().map(Vec::len).sum::<usize>()).sum();
    let mut messages = Messages::with_capacity(bytes, items().map(padded_items).sum());
    for (body, salts) in salted(bodies, salts) {
        let mut next = body.slots.len();
        for slot in &body.slots {
            for number in 0..padded_items(slot) {
                let (state, value) = match slot.items.get(number) {
                    Some(item) => (SlotState::SlotValue, item.as_slice()),
                    None => (SlotState::SlotNone, &[][..]),
                };
                messages.leaf(Tag::Item, [salts.salt(next), &[state as u8], value]);
                next += 1;
            }
        }
    }
    messages.hashes()
}

fn list_digests(bodies: &[Body], items: &[Hash]) -> Vec<Hash> {
    let lists = bodies.iter().flat_map(|body| &body.slots).filter(|slot| !slot.items.is_empty());
    let mut messages = Messages::with_capacity(items.len() * 32 + bodies.len() * 8, bodies.len());
    let mut at = 0;
    for slot in lists {
        let leaves = &items[at..at + padded_items(slot)];
        at += leaves.len();
        messages.leaf(Tag::List, leaves.iter().map(|leaf| &leaf.0[..]));
    }
    messages.hashes()
}

fn slot_leaves(bodies: &[Body], salts: &[Hash], lists: &[Hash]) -> Vec<Hash> {
    let slots = || bodies.iter().flat_map(|body| &body.slots);
    let bytes = slots().map(|slot| 19 + slot.value.len().max(32)).sum();
    let mut messages = Messages::with_capacity(bytes, slots().count());
    let mut lists = lists.iter();
    for (body, salts) in salted(bodies, salts) {
        for (index, slot) in body.slots.iter().enumerate() {
            let value = match lists.as_slice().first().filter(|_| !slot.items.is_empty()) {
                Some(digest) => {
                    lists.next();
                    &digest.0[..]
                }
                None => slot.value.as_slice(),
            };
            messages.leaf(Tag::Slot, [salts.salt(index), &[slot.state as u8], value]);
        }
    }
    messages.hashes()
}

/// The root of each body. Every body must have passed its grammar: a seed of 32 bytes, and items only in a list.
pub(super) fn body_roots(bodies: &[Body]) -> Vec<Hash> {
    let salts = salts(bodies);
    let lists = list_digests(bodies, &item_leaves(bodies, &salts));
    let slots = slot_leaves(bodies, &salts, &lists);
    let mut messages = Messages::with_capacity(slots.len() * 32 + bodies.len() * 2, bodies.len());
    let mut at = 0;
    for body in bodies {
        let leaves = &slots[at..at + body.slots.len()];
        at += leaves.len();
        messages.leaf(Tag::Body, leaves.iter().map(|leaf| &leaf.0[..]));
    }
    messages.hashes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zegel_proto::v1::Slot;
    use zegel_verifier::commit::{body_root, list_slot, none_slot, unknown_slot, value_slot};

    fn slot() -> impl Strategy<Value = Slot> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..200);
        prop_oneof![
            Just(none_slot()),
            Just(unknown_slot()),
            bytes().prop_map(value_slot),
            proptest::collection::vec(bytes(), 1..40).prop_map(list_slot),
        ]
    }

    fn body() -> impl Strategy<Value = Body> {
        (any::<[u8; 32]>(), proptest::collection::vec(slot(), 1..14))
            .prop_map(|(seed, slots)| Body { seed: seed.to_vec(), slots })
    }

    proptest! {
        #[test]
        fn many_bodies_have_the_roots_that_each_has_alone(bodies in proptest::collection::vec(body(), 0..20)) {
            let wanted: Vec<Hash> = bodies.iter().map(|body| body_root(body).expect("a root")).collect();
            prop_assert_eq!(body_roots(&bodies), wanted);
        }
    }
}
