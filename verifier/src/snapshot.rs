//! Streams and index snapshots: which events belong to an id, and that these are all.
//!
//! A month is the tree of one id's events in one month, in log order. A snapshot is the tree over all ids with their
//! months, sorted; it is a pure function of the entries that it covers, so that anyone who replays the log gets the same.
//! Specification: `specs/streams.md`.

use crate::hash::{Hash, Tag, lanes, leaf};
use zegel_proto::v1::{Month, StreamType};

/// Leaf of an event in a month: where it stands, and its event leaf.
#[must_use]
pub fn stream_leaf(entry: u64, position: u32, event: Hash) -> Hash {
    leaf(Tag::Stream, &[&entry.to_be_bytes(), &position.to_be_bytes(), &event.0])
}

/// Leaves of all events of an entry, of which `events` are the event leaves in order; hashed side by side.
#[must_use]
pub fn stream_leaves(entry: u64, events: &[Hash]) -> Vec<Hash> {
    let leaf_of = |(position, event): (u32, &Hash)| stream_leaf(entry, position, *event);
    if !lanes::are_faster() {
        return (0..).zip(events).map(leaf_of).collect();
    }
    let bytes = |(position, event): (u32, &Hash)| {
        [&[0x00, Tag::Stream as u8][..], &entry.to_be_bytes(), &position.to_be_bytes(), &event.0].concat()
    };
    let messages: Vec<Vec<u8>> = (0..).zip(events).map(bytes).collect();
    lanes::sha256_all(&messages.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Leaf of a row: type, id, and the digest over its months (month, count, root of each, ascending).
#[must_use]
pub fn row_leaf(stream: StreamType, id: Hash, months: &[Month]) -> Hash {
    neighbour_leaf(stream, id, months_digest(months))
}

/// Digest over the months of a row: what a neighbour shows of them.
#[must_use]
pub fn months_digest(months: &[Month]) -> Hash {
    let bytes: Vec<u8> = months.iter().flat_map(month_bytes).collect();
    leaf(Tag::Months, &[&bytes])
}

/// Leaf of a row of which only the digest over its months is known.
#[must_use]
pub fn neighbour_leaf(stream: StreamType, id: Hash, months: Hash) -> Hash {
    leaf(Tag::Row, &[&[stream as u8], &id.0, &months.0])
}

fn month_bytes(month: &Month) -> impl Iterator<Item = u8> + use<'_> {
    let numbers = month.month.to_be_bytes().into_iter().chain(month.count.to_be_bytes());
    numbers.chain(month.root.iter().copied())
}
