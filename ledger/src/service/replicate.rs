//! Replicating: everything from one entry on, for a follower, and what was rewrapped since.

use super::{Admitted, Service, Stream, streaming};
use crate::replicated::{Unsent, pieces, replicated};
use crate::store::{Store, StoreError};
use tonic::Status;
use zegel_proto::v1::replicate_response::Item;
use zegel_proto::v1::{ReplicateRequest, ReplicateResponse};

/// Envelopes whose numbers are read at a time.
const SLICE_REWRAPS: usize = 256;

pub(super) fn replicate(
    service: &Service,
    Admitted { log, actor }: Admitted,
    request: ReplicateRequest,
) -> Result<Stream<ReplicateResponse>, Status> {
    let size = log.view().size;
    Ok(streaming(service.long_call(&log, actor)?, move |push| {
        let store = log.store();
        let mut push = |item| push(ReplicateResponse { item: Some(item) });
        let mut orders = Unsent::of(&request.orders);
        if !give(&mut orders, store, &mut push)? {
            return Ok(());
        }
        for index in request.from..size {
            let entry = replicated(store, index)?;
            // It may have gone since the orders were given.
            let is_whole = entry.erased.is_empty();
            if !(is_whole || give(&mut orders, store, &mut push)?) || !push(Item::Entry(entry)) {
                return Ok(());
            }
        }
        let mut after = request.rewrapped;
        loop {
            let slice = store.rewraps_after(after, SLICE_REWRAPS)?;
            let Some((last, _)) = slice.last() else { return Ok(()) };
            after = *last;
            for (number, dossier) in slice {
                let Some(rewrapped) = store.rewrapped(number, dossier)? else { continue };
                if !push(Item::Rewrapped(rewrapped)) {
                    return Ok(());
                }
            }
        }
    }))
}

/// Gives the orders that were not given yet; false once nobody listens any more.
fn give(orders: &mut Unsent, store: &Store, push: &mut impl FnMut(Item) -> bool) -> Result<bool, StoreError> {
    for id in orders.ids(store)? {
        if !pieces(&store.order(id)?).all(|piece| push(Item::Order(piece))) {
            return Ok(false);
        }
    }
    Ok(true)
}
