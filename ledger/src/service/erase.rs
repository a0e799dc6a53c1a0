//! An order to erase that is carried in while the log is served.
//!
//! Who carries it in is of no account: it is believed by its signatures alone. Not here: what erasing does (`store`).
//! Specification: `specs/officer.md`.

use super::{Admitted, blocking};
use crate::erase::{EraseError, carry_out};
use crate::store::StoreError;
use std::sync::Arc;
use tonic::Status;
use zegel_proto::v1::{EraseRequest, EraseResponse};
use zegel_verifier::erasure::ErasureError;

pub(super) async fn erase(Admitted { log, .. }: Admitted, request: EraseRequest) -> Result<EraseResponse, Status> {
    let (store, view) = (Arc::clone(log.store()), log.view());
    blocking(move || {
        let no_log = || EraseError::NoLog { origin: request.origin.clone() };
        let _turn = log.turn_to_erase().ok_or(EraseError::UnderWay)?;
        let registry = view.roles.registry().ok_or_else(no_log)?;
        let alone = store.alone_now().ok_or(EraseError::BeingCopied)?;
        let erased = carry_out(&store, registry, view.size, &request.order, &alone)?;
        log.content_went()?;
        let crate::store::Erased { events, before, blobs, files, bytes } = erased;
        Ok(EraseResponse { events, before, blobs, files, bytes })
    })
    .await
}

impl From<EraseError> for Status {
    fn from(reason: EraseError) -> Self {
        let sentence = reason.to_string();
        match reason {
            EraseError::Order(ErasureError::Line { .. } | ErasureError::OtherLog { .. }) => {
                Self::invalid_argument(sentence)
            }
            EraseError::Order(ErasureError::Custody(_)) => Self::failed_precondition(sentence),
            EraseError::Order(_) => Self::permission_denied(sentence),
            EraseError::UnderWay | EraseError::BeingCopied => Self::aborted(sentence),
            EraseError::NoLog { .. }
            | EraseError::NotContent { .. }
            | EraseError::Follower { .. }
            | EraseError::Archive
            | EraseError::Store(StoreError::StillThere { .. } | StoreError::OtherForm { .. }) => {
                Self::failed_precondition(sentence)
            }
            EraseError::Serve(_) | EraseError::Store(_) => Self::unavailable(sentence),
        }
    }
}
