//! Blobs over gRPC: pieces in, pieces out.

use super::{Admitted, Service, Stream, blocking, denied, hash, streaming};
use crate::access::{Call, Caller};
use crate::store::{BlobError, BlobStat};
use std::io::Read;
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};
use zegel_proto::limits::BLOB_BYTES_MAX;
use zegel_proto::v1::{BlobChunk, BlobStatRequest, BlobStatResponse, GetBlobRequest, PutBlobRequest};

/// Bytes of one piece that a client may send.
const PIECE_BYTES_MAX: usize = 1 << 20;
/// Bytes of one piece that we send.
const CHUNK_BYTES: usize = 256 << 10;

fn response(stat: BlobStat) -> BlobStatResponse {
    BlobStatResponse { offset: stat.offset, complete: stat.complete }
}

/// When the caller goes away in the middle, what came is synced and stays.
pub(super) async fn put(
    service: &Service,
    caller: Caller,
    mut pieces: Streaming<PutBlobRequest>,
) -> Result<BlobStatResponse, Status> {
    let first = pieces.message().await?.ok_or_else(|| Status::invalid_argument("the stream holds no piece"))?;
    let admitted = service.admit(caller, Call::PutBlob, &first.origin)?;
    service.count(&admitted)?;
    let Admitted { log, actor } = admitted;
    let (blob, size) = (hash("sha256", &first.sha256)?, first.size);
    log.check_takes()?;
    if size > BLOB_BYTES_MAX {
        return Err(BlobError::TooLarge { found: size }.into());
    }
    // What cannot be taken whole is not begun. Others are taken beside it: each piece asks again.
    log.room_for(size)?;
    let permit = service.long_call(&log, actor)?;
    let (forward, mut received) = mpsc::channel::<PutBlobRequest>(2);
    let writing = blocking(move || {
        let _held = permit;
        let store = Arc::clone(log.store());
        let Some(mut upload) = store.blobs().upload(blob, size)? else {
            return Ok(store.blobs().stat(blob)?);
        };
        while let Some(piece) = received.blocking_recv() {
            let _held = log.hold_room(piece.data.len() as u64)?;
            upload.write(piece.offset, &piece.data)?;
        }
        Ok(upload.finish()?)
    });
    let reading = async {
        let mut next = Some(first);
        while let Some(piece) = next.take() {
            if piece.data.len() > PIECE_BYTES_MAX {
                let found = piece.data.len();
                return Err(Status::invalid_argument(format!("a piece has {found} bytes, at most {PIECE_BYTES_MAX}")));
            }
            if forward.send(piece).await.is_err() {
                // The writer has its answer already.
                return Ok(());
            }
            next = pieces.message().await?;
        }
        drop(forward);
        Ok(())
    };
    let (written, read): (_, Result<(), Status>) = tokio::join!(writing, reading);
    let stat = written?;
    read.map(|()| response(stat))
}

pub(super) async fn stat(Admitted { log, .. }: Admitted, request: BlobStatRequest) -> Result<BlobStatResponse, Status> {
    let blob = hash("sha256", &request.sha256)?;
    blocking(move || Ok(response(log.store().blobs().stat(blob)?))).await
}

pub(super) async fn read(
    service: &Service,
    Admitted { log, actor }: Admitted,
    request: GetBlobRequest,
) -> Result<Stream<BlobChunk>, Status> {
    let blob = hash("sha256", &request.sha256)?;
    if !service.shown.covers(log.origin(), actor, blob) {
        return Err(denied());
    }
    let permit = service.long_call(&log, actor)?;
    let mut file = blocking(move || Ok(log.store().blobs().read(blob)?)).await?;
    Ok(streaming(permit, move |push| {
        loop {
            let mut data = vec![0; CHUNK_BYTES];
            let failed =
                |reason: std::io::Error| BlobError::Failed { step: "reading a blob", reason: reason.to_string() };
            let read = file.read(&mut data).map_err(failed)?;
            data.truncate(read);
            if read == 0 || !push(BlobChunk { data }) {
                return Ok(());
            }
        }
    }))
}
