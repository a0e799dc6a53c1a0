//! What a follower gets of an entry: its bytes, and everything that lies beside it, sealed as it is.
//!
//! Of what was erased the leaf is given and nothing else, whatever is left of it. No key that opens anything is here: wraps and
//! envelopes are for archive keys. Specification: `specs/follower.md`.

use crate::store::{KeptOrder, Store, StoreError};
use std::collections::HashSet;
use zegel_proto::v1::{ErasedForm, ErasureOrder, ReplicatedEntry, SealedBody};
use zegel_verifier::hash::Hash;

/// Bytes of an order that go in one message.
const PIECE_BYTES: usize = 1 << 20;

/// One entry, as a follower takes it.
pub(crate) fn replicated(store: &Store, index: u64) -> Result<ReplicatedEntry, StoreError> {
    let (entry, headers) = (store.entry(index)?, store.headers(index)?);
    let mut bodies = store.bodies(index, headers.len())?;
    let mut erased = Vec::new();
    for (position, leaf) in store.erased_of(index)? {
        if let Some(body) = bodies.get_mut(position as usize) {
            *body = SealedBody::default();
        }
        erased.push(ErasedForm { position, leaf: leaf.to_vec() });
    }
    let (envelopes, rewrapped) = store.brought(index)?;
    let checkpoint = store.checkpoint_at(index + 1)?.unwrap_or_default();
    Ok(ReplicatedEntry { index, entry, headers, bodies, envelopes, erased, checkpoint, rewrapped })
}

/// Orders to erase that a follower does not have.
pub(crate) struct Unsent {
    known: HashSet<Hash>,
    /// Number of the newest one that was looked at.
    newest: u64,
}

impl Unsent {
    /// Of a follower that has these.
    pub(crate) fn of(known: &[Vec<u8>]) -> Self {
        Self { known: known.iter().filter_map(|id| Hash::read(id)).collect(), newest: 0 }
    }

    /// Ids of those that were believed since this was asked last. An order is durable before anything of it goes: who asks after he
    /// has found something gone gets the order by which it went.
    pub(crate) fn ids(&mut self, store: &Store) -> Result<Vec<Hash>, StoreError> {
        let believed = store.order_ids(self.newest)?;
        self.newest = believed.last().map_or(self.newest, |(number, _)| *number);
        Ok(believed.into_iter().map(|(_, id)| id).filter(|id| !self.known.contains(id)).collect())
    }
}

/// The messages of an order that was carried out.
pub(crate) fn pieces(order: &KeptOrder) -> impl Iterator<Item = ErasureOrder> + '_ {
    let pieces = order.text.as_bytes().chunks(PIECE_BYTES);
    let count = pieces.len();
    pieces.enumerate().map(move |(number, text)| ErasureOrder {
        size: order.size,
        text: text.to_vec(),
        last: number + 1 == count,
    })
}
