//! Envelopes, for whoever holds an archive key and logged first that he rewraps.

use super::read::check_own;
use super::{Admitted, Service, Stream, blocking, hash, streaming};
use crate::access::Roles;
use crate::rewrap::{RewrapError, Wanted};
use crate::sequencer::OpenLog;
use std::sync::Arc;
use tonic::Status;
use zegel_proto::parse;
use zegel_proto::v1::{
    DossierWrap, EventHeader, EventKind, ReadEnvelopesRequest, Rewrap, RewrapEnvelopesRequest, RewrapEnvelopesResponse,
};
use zegel_verifier::hash::Hash;

/// Envelopes that are taken in one call: with 16 recipients each they stay below what a message may have.
const WRAPS_MAX: usize = 128;
/// Envelopes that are read at a time.
const SLICE_ENVELOPES: usize = 256;

/// What is wanted, of a caller who logged it: before that there is not one byte.
fn wanted(entered: &Admitted, rewrap: Option<Rewrap>) -> Result<(Wanted, Arc<Roles>), Status> {
    let rewrap = rewrap.ok_or_else(|| Status::invalid_argument("the request does not say what is wanted"))?;
    let Admitted { log, actor } = entered;
    check_own(log, *actor, rewrap.entry)?;
    check_act(log, rewrap.entry, rewrap.position)?;
    let without = if rewrap.without.is_empty() { None } else { Some(hash("without", &rewrap.without)?) };
    let roles = Arc::clone(&log.view().roles);
    Ok((Wanted::new(hash("to", &rewrap.to)?, without, &roles)?, roles))
}

fn check_act(log: &OpenLog, entry: u64, position: u32) -> Result<(), Status> {
    let headers = if entry < log.view().size { log.store().headers(entry)? } else { Vec::new() };
    let header = headers.get(position as usize).and_then(|header| parse::<EventHeader>(header).ok());
    if header.is_some_and(|header| header.kind == EventKind::BodyResealed as i32) {
        return Ok(());
    }
    Err(Status::failed_precondition(format!("entry {entry}, position {position} is no BODY_RESEALED of this log")))
}

pub(super) fn read(
    service: &Service,
    entered: &Admitted,
    request: ReadEnvelopesRequest,
) -> Result<Stream<DossierWrap>, Status> {
    let (wanted, _) = wanted(entered, request.rewrap)?;
    let mut after = if request.after.is_empty() { None } else { Some(hash("after", &request.after)?) };
    let log = Arc::clone(&entered.log);
    Ok(streaming(service.long_call(&log, entered.actor)?, move |push| {
        loop {
            let slice = log.store().envelopes_after(after, SLICE_ENVELOPES)?;
            let Some((last, _)) = slice.last() else { return Ok(()) };
            after = Some(*last);
            for (dossier, envelope) in slice.into_iter().filter(|(_, envelope)| wanted.is_due(envelope)) {
                if !push(DossierWrap { dossier: dossier.to_vec(), envelope }) {
                    return Ok(());
                }
            }
        }
    }))
}

pub(super) async fn rewrap(
    entered: Admitted,
    request: RewrapEnvelopesRequest,
) -> Result<RewrapEnvelopesResponse, Status> {
    let found = request.wraps.len();
    if found > WRAPS_MAX {
        return Err(Status::invalid_argument(format!("{found} envelopes in one call, at most {WRAPS_MAX}")));
    }
    let (wanted, roles) = wanted(&entered, request.rewrap)?;
    let wraps: Vec<(Hash, Vec<u8>)> = request
        .wraps
        .into_iter()
        .map(|wrap| Ok::<_, Status>((hash("dossier", &wrap.dossier)?, wrap.envelope)))
        .collect::<Result<_, _>>()?;
    blocking(move || {
        let bytes = wraps.iter().map(|(_, envelope)| envelope.len() as u64).sum();
        entered.log.room_for(bytes)?;
        let judge = |dossier, there: Option<&[u8]>, new: &[u8]| {
            let unknown = || Status::not_found(format!("dossier {dossier} is not in this log"));
            Ok::<(), Status>(wanted.check(dossier, there.ok_or_else(unknown)?, new, &roles)?)
        };
        entered.log.store().rewrap(&wraps, judge)?;
        Ok(RewrapEnvelopesResponse {})
    })
    .await
}

impl From<RewrapError> for Status {
    fn from(reason: RewrapError) -> Self {
        match reason {
            RewrapError::Canonical { .. } => Self::invalid_argument(reason.to_string()),
            _ => Self::failed_precondition(reason.to_string()),
        }
    }
}
