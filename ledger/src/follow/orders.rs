//! Orders to erase that a primary has carried out: believed here again, and carried out here.
//!
//! A primary can say that it erased; what goes here goes by the signatures of an officer and an approver. An order is judged
//! by the registry as of the size at which the primary believed it, once the replica has that size. An archive believes a purge
//! for a receipt of custody, and does not carry it out: it is the one who holds what went.

use crate::erase::{EraseError, check_content};
use crate::log::Log;
use crate::sequencer::{Fault, ReplicaError};
use crate::store::{Believed, KeptOrder, Store, StoreError};
use std::collections::HashSet;
use std::sync::Arc;
use zegel_proto::v1::ErasureOrder;
use zegel_verifier::erasure::Erasure;
use zegel_verifier::hash::Hash;

/// Bytes of an order: a million places, and who signed.
const ORDER_BYTES_MAX: usize = 64 << 20;

/// Orders of one round.
pub(super) struct Orders {
    carried_out: Vec<Vec<u8>>,
    text: Vec<u8>,
    pending: Vec<(Erasure, KeptOrder)>,
    /// Places of the pending ones.
    named: HashSet<(u64, u32)>,
}

/// Ends what was begun before this process.
pub(crate) fn finish(store: &Arc<Store>) -> Result<(), StoreError> {
    for (_, id) in store.order_ids(0)? {
        if store.is_carried_out(id)? {
            continue;
        }
        let KeptOrder { size, text, .. } = store.order(id)?;
        let order = Erasure::parse(&text).map_err(|_| StoreError::Row { what: "an order to erase" })?;
        store.erase(Believed { places: &order.places, resealed: &order.resealed, text: &text, size })?;
    }
    Ok(())
}

impl Orders {
    /// Those that were carried out here, or are not going to be.
    pub(super) fn of(store: &Store) -> Result<Self, StoreError> {
        let kept_from = store.kept_from()?.into_iter();
        let believed = store.order_ids(0)?.into_iter().map(|(_, id)| id);
        let carried_out = believed.chain(kept_from).map(Hash::to_vec).collect();
        Ok(Self { carried_out, text: Vec::new(), pending: Vec::new(), named: HashSet::new() })
    }

    /// Their ids.
    pub(super) fn carried_out(&self) -> Vec<Vec<u8>> {
        self.carried_out.clone()
    }

    /// Takes a piece of an order.
    pub(super) fn take(&mut self, piece: ErasureOrder) -> Result<(), Fault> {
        self.text.extend_from_slice(&piece.text);
        if self.text.len() > ORDER_BYTES_MAX {
            return Err(Fault::GroupTooLarge { what: "bytes of an order", max: ORDER_BYTES_MAX });
        }
        if !piece.last {
            return Ok(());
        }
        let text = String::from_utf8(std::mem::take(&mut self.text));
        let text = text.map_err(|_| Fault::Incomplete { wanted: "order to erase that is text" })?;
        let order = Erasure::parse(&text)?;
        self.named.extend(&order.places);
        self.pending.push((order, KeptOrder { size: piece.size, text, is_carried_out: false }));
        Ok(())
    }

    /// Whether an order of this round names a place.
    pub(super) fn names(&self, place: (u64, u32)) -> bool {
        self.named.contains(&place)
    }

    /// Whether an order came in this round.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Believes and carries out what the replica is far enough for.
    pub(super) fn carry_out(self, log: &Log, store: &Arc<Store>) -> Result<(), ReplicaError> {
        let Some(registry) = log.registry() else { return Ok(()) };
        for (order, KeptOrder { size, text, .. }) in self.pending {
            if size > log.size() {
                continue;
            }
            order.verify(registry, size).map_err(Fault::from)?;
            for (entry, position) in order.places.iter().copied() {
                let checked =
                    if entry < size { check_content(store, entry, position) } else { not_content(entry, position) };
                match checked {
                    Ok(()) => {}
                    Err(EraseError::Store(reason)) => return Err(reason.into()),
                    Err(_) => return Err(Fault::NotContent { entry, position }.into()),
                }
            }
            let believed = Believed { places: &order.places, resealed: &order.resealed, text: &text, size };
            if store.has_gone(believed)? {
                store.keep_order(believed)?;
            } else if order.receipt.is_some() && store.is_archive()? {
                store.keep_from(&text)?;
                tracing::info!(
                    origin = order.origin,
                    events = order.places.len(),
                    "purged at the primary, and kept here"
                );
            } else {
                let erased = store.erase(believed)?;
                tracing::info!(origin = order.origin, events = erased.events, "erased, as the primary did");
            }
        }
        Ok(())
    }
}

fn not_content(entry: u64, position: u32) -> Result<(), EraseError> {
    Err(EraseError::NotContent { entry, position })
}
