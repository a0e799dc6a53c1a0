//! Replicating: everything from one entry on, for a follower, and what was rewrapped since.

use super::{Admitted, Service, Stream, streaming};
use crate::replicated::{pieces, replicated};
use std::collections::HashSet;
use tonic::Status;
use zegel_proto::v1::replicate_response::Item;
use zegel_proto::v1::{ReplicateRequest, ReplicateResponse};
use zegel_verifier::hash::Hash;

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
        let carried_out: HashSet<Hash> = request.orders.iter().filter_map(|id| Hash::read(id)).collect();
        for order in store.orders()?.iter().filter(|order| !carried_out.contains(&order.id())) {
            for piece in pieces(order) {
                if !push(ReplicateResponse { item: Some(Item::Order(piece)) }) {
                    return Ok(());
                }
            }
        }
        for index in request.from..size {
            if !push(ReplicateResponse { item: Some(Item::Entry(replicated(store, index)?)) }) {
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
                if !push(ReplicateResponse { item: Some(Item::Rewrapped(rewrapped)) }) {
                    return Ok(());
                }
            }
        }
    }))
}
