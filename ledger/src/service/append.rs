//! Appending: one batch, a stream of them, a snapshot.

use super::{Service, Stream, blocking};
use crate::log::Submission;
use crate::sequencer::{AppendError, Fuse};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use zegel_proto::v1::{AppendRequest, AppendResponse, LogRequest, Receipt, SnapshotResponse};

/// Batches of one stream that are under way: enough for groups to form, few enough to bound memory.
const STREAM_BATCHES_MAX: usize = 16;

type Answered = oneshot::Receiver<Result<Receipt, AppendError>>;

pub(super) async fn append(service: &Service, request: AppendRequest) -> Result<AppendResponse, Status> {
    let answered = submit(service, request, Fuse::default()).await?;
    receive(answered).await
}

async fn submit(service: &Service, request: AppendRequest, fuse: Fuse) -> Result<Answered, Status> {
    let log = service.log(&request.origin)?;
    // Hashing and the signature: by whoever is free, so that the single writer has only what needs the state.
    let submission = blocking(move || {
        let origin = request.origin.clone();
        Ok(Submission::examine(&origin, request)?)
    });
    Ok(log.append(submission.await?, fuse).await?)
}

async fn receive(answered: Answered) -> Result<AppendResponse, Status> {
    let receipt = answered.await.unwrap_or(Err(AppendError::ShuttingDown))?;
    Ok(AppendResponse { receipt: Some(receipt) })
}

/// Batches are taken up before the one before them is answered, so that they share groups; answers stay in order. The fuse
/// keeps what follows a refused batch out, also when it was queued already.
pub(super) fn append_stream(service: Service, mut requests: Streaming<AppendRequest>) -> Stream<AppendResponse> {
    let (taken, mut under_way) = mpsc::channel::<Result<Answered, Status>>(STREAM_BATCHES_MAX);
    let (answers, stream) = mpsc::channel(STREAM_BATCHES_MAX);
    let fuse = Fuse::default();
    tokio::spawn(async move {
        loop {
            let submitted = match requests.message().await {
                Ok(Some(request)) => submit(&service, request, fuse.clone()).await,
                Ok(None) => return,
                Err(status) => Err(status),
            };
            let is_last = submitted.is_err();
            if taken.send(submitted).await.is_err() || is_last {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some(submitted) = under_way.recv().await {
            let answer = match submitted {
                Ok(answered) => receive(answered).await,
                Err(status) => Err(status),
            };
            let is_last = answer.is_err();
            if answers.send(answer).await.is_err() || is_last {
                return;
            }
        }
    });
    ReceiverStream::new(stream)
}

pub(super) async fn snapshot(service: &Service, request: LogRequest) -> Result<SnapshotResponse, Status> {
    let answered = service.log(&request.origin)?.snapshot().await?;
    let receipt = answered.await.unwrap_or(Err(AppendError::ShuttingDown))?;
    Ok(SnapshotResponse { receipt: Some(receipt) })
}
