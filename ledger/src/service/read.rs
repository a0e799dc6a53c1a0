//! Reading: heads, proofs, entries, streams, evidence. All of it as of a published checkpoint.

use super::{Admitted, Service, Stream, blocking, denied, hash, streaming, streaming_in_parcels};
use crate::access::Actor;
use crate::audited::audit_entry;
use crate::export::{self, ExportError};
use crate::log::Capture;
use crate::sequencer::OpenLog;
use crate::store::StoreError;
use crate::tree;
use std::sync::Arc;
use tonic::Status;
use zegel_proto::v1::*;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::StreamMonth;

/// Places of a page.
const PAGE_PLACES: usize = 4_096;

pub(super) fn known(
    service: &Service,
    entered: Admitted,
    request: KnownRequest,
) -> Result<Stream<KnownResponse>, Status> {
    entered.own(&request.source)?;
    let Admitted { log, actor } = entered;
    let capture = Capture {
        source: hash("source", &request.source)?,
        custodian: hash("custodian", &request.custodian)?,
        conversation: hash("conversation", &request.conversation)?,
    };
    Ok(streaming(service.long_call(&log, actor)?, move |push| Ok(crate::known::known(&log, &capture, push)?)))
}

pub(super) async fn source_head(
    entered: Admitted,
    request: GetSourceHeadRequest,
) -> Result<GetSourceHeadResponse, Status> {
    entered.own(&request.source)?;
    let log = entered.log;
    let source = hash("source", &request.source)?;
    blocking(move || {
        log.store().reach(log.view().size)?;
        let head = log.store().source(source)?;
        Ok(head.map_or_else(GetSourceHeadResponse::default, |head| GetSourceHeadResponse {
            next_batch_seq: head.next_batch_seq,
            previous: head.previous.to_vec(),
            last_entry: head.last_entry,
        }))
    })
    .await
}

pub(super) fn registry(service: &Service, entered: &Admitted) -> Result<Stream<RegistryResponse>, Status> {
    let (log, actor) = (Arc::clone(&entered.log), entered.actor);
    let size = log.view().size;
    Ok(streaming(service.long_call(&log, actor)?, move |push| {
        let store = log.store();
        store.reach(size)?;
        let of = StreamMonth::fixed(StreamType::StreamRegistry);
        let mut last = None;
        for place in store.places(of, store.stream(&of)?.count) {
            let index = place?.entry;
            if index >= size {
                return Ok(());
            }
            if last.replace(index) == Some(index) {
                continue;
            }
            if !push(RegistryResponse { index, entry: store.entry(index)?, headers: store.headers(index)? }) {
                return Ok(());
            }
        }
        Ok(())
    }))
}

pub(super) fn checkpoint(service: &Service, entered: &Admitted) -> Result<CheckpointResponse, Status> {
    let view = entered.log.view();
    if view.size == 0 {
        return Err(Status::failed_precondition("the log has not been created yet: it has no checkpoint"));
    }
    let standing = service.standing(entered.log.origin());
    let cosigned = standing.cosigned.as_ref();
    Ok(CheckpointResponse {
        checkpoint: view.checkpoint.clone(),
        cosigned: cosigned.map(|cosigned| cosigned.note.clone()).unwrap_or_default(),
        cosigned_at_ms: cosigned.map_or(0, |cosigned| cosigned.at_ms),
        witnesses: standing.witnesses.into_iter().map(standing_of).collect(),
    })
}

fn standing_of(witness: crate::witnessing::WitnessStanding) -> WitnessStanding {
    let crate::witnessing::WitnessStanding { name, is_auditor, size, cosigned_at_ms, problem } = witness;
    WitnessStanding { name, is_auditor, size, cosigned_at_ms, problem }
}

pub(super) async fn receipt(Admitted { log, .. }: Admitted, request: GetReceiptRequest) -> Result<Receipt, Status> {
    let (view, index) = (log.view(), request.index);
    check_below(index, view.size)?;
    blocking(move || Ok(log.receipt(&view, index)?)).await
}

fn check_below(index: u64, size: u64) -> Result<(), Status> {
    if index < size {
        return Ok(());
    }
    Err(Status::not_found(format!("entry {index} lies outside a log of {size} entries")))
}

pub(super) async fn consistency(
    Admitted { log, .. }: Admitted,
    request: ConsistencyProofRequest,
) -> Result<ConsistencyProofResponse, Status> {
    let view = log.view();
    let (from, to) = (request.from_size, request.to_size);
    if from == 0 || from > to || to > view.size {
        let size = view.size;
        let reason = format!("no consistency proof leads from size {from} to size {to} in a log of {size} entries");
        return Err(Status::invalid_argument(reason));
    }
    blocking(move || {
        let hashes = tree::consistency(&log.tree(&view), from, to)?;
        Ok(ConsistencyProofResponse { hashes: hashes.into_iter().map(Hash::to_vec).collect() })
    })
    .await
}

pub(super) fn entries(
    service: &Service,
    Admitted { log, actor }: Admitted,
    request: &ReadEntriesRequest,
) -> Result<Stream<ReadEntriesResponse>, Status> {
    let (from, count) = (request.from, request.count);
    let size = log.view().size;
    let to = if count == 0 { size } else { size.min(from.saturating_add(count)) };
    Ok(streaming(service.long_call(&log, actor)?, move |push| {
        let store = log.store();
        for index in from..to {
            if !push(ReadEntriesResponse { index, entry: store.entry(index)?, headers: store.headers(index)? }) {
                return Ok(());
            }
        }
        Ok(())
    }))
}

pub(super) fn audit(
    service: &Service,
    Admitted { log, actor }: Admitted,
    request: &ReadEntriesRequest,
) -> Result<Stream<AuditEntry>, Status> {
    let (from, count) = (request.from, request.count);
    let size = log.view().size;
    let to = if count == 0 { size } else { size.min(from.saturating_add(count)) };
    Ok(streaming(service.long_call(&log, actor)?, move |push| {
        for index in from..to {
            if !push(audit_entry(log.store(), index)?) {
                return Ok(());
            }
        }
        Ok(())
    }))
}

pub(super) fn stream(
    service: &Service,
    Admitted { log, actor }: Admitted,
    request: &ReadStreamRequest,
) -> Result<Stream<ReadStreamResponse>, Status> {
    let id = if request.id.is_empty() { Hash::ZERO } else { hash("id", &request.id)? };
    let stream =
        StreamType::try_from(request.stream).map_err(|_| Status::invalid_argument("stream is not a known type"))?;
    let of = StreamMonth { stream, id, month: request.month };
    let size = log.view().size;
    Ok(streaming(service.long_call(&log, actor)?, move |push| {
        let store = log.store();
        store.reach(size)?;
        let mut page = Vec::new();
        for place in store.places(of, store.stream(&of)?.count) {
            let place = place?;
            if place.entry >= size {
                break;
            }
            page.push(Place { entry: place.entry, position: place.position });
            if page.len() == PAGE_PLACES && !push(ReadStreamResponse { places: std::mem::take(&mut page) }) {
                return Ok(());
            }
        }
        if !page.is_empty() {
            push(ReadStreamResponse { places: page });
        }
        Ok::<(), Status>(())
    }))
}

/// Evidence is given to the actor that logged the export, and to nobody else: so the log says who had what.
pub(super) fn check_own(log: &OpenLog, actor: Actor, export_entry: u64) -> Result<(), Status> {
    let Actor::Known(_) = actor else { return Ok(()) };
    let statement = if export_entry < log.view().size { log.store().statement(export_entry)? } else { None };
    let is_own = statement.and_then(|statement| Hash::read(&statement.source)).is_some_and(|of| actor.owns(of));
    if is_own { Ok(()) } else { Err(denied()) }
}

pub(super) fn evidence(
    service: &Service,
    Admitted { log, actor }: Admitted,
    request: ExportEvidenceRequest,
) -> Result<Stream<EvidenceRecord>, Status> {
    let shown = Arc::clone(&service.shown);
    let cosigned = service.standing(log.origin()).cosigned;
    let room = service.limits.ahead(log.origin(), actor);
    Ok(streaming_in_parcels(service.long_call(&log, actor)?, move |push| {
        check_own(&log, actor, request.export_entry)?;
        let mut sink = |record| {
            shown.take(log.origin(), actor, &record);
            if push(record) { Ok(()) } else { Err(ExportError::Gone) }
        };
        match export::export(&log, cosigned.as_deref(), &room, request, &mut sink) {
            Err(ExportError::Store(reason @ (StoreError::Row { .. } | StoreError::Missing { .. }))) => {
                tracing::error!(origin = log.origin(), %reason, "evidence cannot be read");
                Err(reason.into())
            }
            other => Ok(other?),
        }
    }))
}
