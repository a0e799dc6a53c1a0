//! The gRPC service: conversions only, no rules.
//!
//! What blocks (hashing, the store) runs on the blocking pool; streams go through bounded channels, so that a slow reader
//! slows its own stream and nothing else. Codes and limits: `specs/service.md`.

mod append;
mod blobs;
mod read;
mod status;

use crate::sequencer::OpenLog;
use crate::witnessing::{Standing, Witnessing};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use zegel_proto::v1::ledger_server::Ledger;
use zegel_proto::v1::*;
use zegel_verifier::hash::Hash;

/// Messages that wait in a stream for their reader.
const STREAM_MESSAGES: usize = 8;
/// Parcels of evidence that wait for their reader, and the bytes at which one is sent: with the one that is filled, some
/// 2 MiB of a slow reader.
const PARCELS: usize = 4;
const PARCEL_BYTES: usize = 128 << 10;
/// Calls that may hold a thread for as long as their caller likes. The pool of tokio has 512 threads: the rest is for
/// appends, which no slow reader may stop.
const LONG_CALLS_MAX: usize = 256;

type Answered<T> = Result<Response<T>, Status>;
type Stream<T> = ReceiverStream<Result<T, Status>>;

/// The logs of this process by origin.
#[derive(Clone)]
pub(crate) struct Service {
    logs: Arc<HashMap<String, Arc<OpenLog>>>,
    /// Of the logs that have witnesses.
    witnessing: Arc<HashMap<String, Arc<Witnessing>>>,
    long_calls: Arc<Semaphore>,
}

impl Service {
    pub(crate) fn new(
        logs: impl IntoIterator<Item = Arc<OpenLog>>,
        witnessing: HashMap<String, Arc<Witnessing>>,
    ) -> Self {
        let logs = logs.into_iter().map(|log| (log.origin().to_owned(), log)).collect();
        let long_calls = Arc::new(Semaphore::new(LONG_CALLS_MAX));
        Self { logs: Arc::new(logs), witnessing: Arc::new(witnessing), long_calls }
    }

    /// How a log stands with its witnesses; empty where it has none.
    fn standing(&self, origin: &str) -> Standing {
        self.witnessing.get(origin).map(|witnessing| witnessing.standing()).unwrap_or_default()
    }

    /// Room for a call that goes on for as long as its caller reads or sends.
    fn long_call(&self) -> Result<OwnedSemaphorePermit, Status> {
        let full = |_| Status::resource_exhausted(format!("{LONG_CALLS_MAX} streams are under way: try again later"));
        Arc::clone(&self.long_calls).try_acquire_owned().map_err(full)
    }

    fn log(&self, origin: &str) -> Result<Arc<OpenLog>, Status> {
        let log = self.logs.get(origin).map(Arc::clone);
        log.ok_or_else(|| Status::not_found(format!("log {origin:?} is not served here")))
    }
}

fn hash(field: &str, bytes: &[u8]) -> Result<Hash, Status> {
    let wrong = || Status::invalid_argument(format!("{field} has {} bytes, wanted 32", bytes.len()));
    Hash::read(bytes).ok_or_else(wrong)
}

/// Runs what blocks where blocking is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Status> + Send + 'static) -> Result<T, Status> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Status::internal("the call ended before its answer")))
}

/// Takes the messages of a stream; false when nobody listens any more.
type Push<'a, T> = &'a mut dyn FnMut(T) -> bool;

/// Runs what blocks and pushes the messages of a stream.
fn streaming<T: Send + 'static>(
    permit: OwnedSemaphorePermit,
    work: impl FnOnce(Push<'_, T>) -> Result<(), Status> + Send + 'static,
) -> Stream<T> {
    let (sender, receiver) = mpsc::channel(STREAM_MESSAGES);
    tokio::task::spawn_blocking(move || {
        let _held = permit;
        if let Err(status) = work(&mut |message| sender.blocking_send(Ok(message)).is_ok()) {
            // Nobody listening is no reason to complain.
            let _ = sender.blocking_send(Err(status));
        }
    });
    ReceiverStream::new(receiver)
}

/// The same for messages that are many and small: they change threads in parcels, since waking the reader costs more than
/// making a message.
fn streaming_in_parcels<T: prost::Message + 'static>(
    permit: OwnedSemaphorePermit,
    work: impl FnOnce(Push<'_, T>) -> Result<(), Status> + Send + 'static,
) -> Parcels<T> {
    let (sender, receiver) = mpsc::channel(PARCELS);
    tokio::task::spawn_blocking(move || {
        let _held = permit;
        let (mut parcel, mut bytes) = (Vec::new(), 0);
        let done = work(&mut |message: T| {
            bytes += message.encoded_len();
            parcel.push(Ok(message));
            if bytes < PARCEL_BYTES {
                return true;
            }
            bytes = 0;
            sender.blocking_send(std::mem::take(&mut parcel)).is_ok()
        });
        parcel.extend(done.err().map(Err));
        let _ = sender.blocking_send(parcel);
    });
    Parcels { receiver, open: Vec::new().into_iter() }
}

type Parcel<T> = Vec<Result<T, Status>>;

/// A stream of messages that come in parcels.
pub(crate) struct Parcels<T> {
    receiver: mpsc::Receiver<Parcel<T>>,
    open: std::vec::IntoIter<Result<T, Status>>,
}

impl<T: Unpin> tokio_stream::Stream for Parcels<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(message) = self.open.next() {
                return Poll::Ready(Some(message));
            }
            match ready!(self.receiver.poll_recv(context)) {
                Some(parcel) => self.open = parcel.into_iter(),
                None => return Poll::Ready(None),
            }
        }
    }
}

#[tonic::async_trait]
impl Ledger for Service {
    async fn append(&self, request: Request<AppendRequest>) -> Answered<AppendResponse> {
        append::append(self, request.into_inner()).await.map(Response::new)
    }

    type AppendStreamStream = Stream<AppendResponse>;

    async fn append_stream(&self, request: Request<Streaming<AppendRequest>>) -> Answered<Self::AppendStreamStream> {
        Ok(Response::new(append::append_stream(self.clone(), request.into_inner())))
    }

    async fn put_blob(&self, request: Request<Streaming<PutBlobRequest>>) -> Answered<BlobStatResponse> {
        blobs::put(self, request.into_inner()).await.map(Response::new)
    }

    async fn blob_stat(&self, request: Request<BlobStatRequest>) -> Answered<BlobStatResponse> {
        blobs::stat(self, request.into_inner()).await.map(Response::new)
    }

    type GetBlobStream = Stream<BlobChunk>;

    async fn get_blob(&self, request: Request<GetBlobRequest>) -> Answered<Self::GetBlobStream> {
        blobs::read(self, request.into_inner()).await.map(Response::new)
    }

    type KnownStream = Stream<KnownResponse>;

    async fn known(&self, request: Request<KnownRequest>) -> Answered<Self::KnownStream> {
        read::known(self, request.into_inner()).map(Response::new)
    }

    async fn get_source_head(&self, request: Request<GetSourceHeadRequest>) -> Answered<GetSourceHeadResponse> {
        read::source_head(self, request.into_inner()).await.map(Response::new)
    }

    type GetRegistryStream = Stream<RegistryResponse>;

    async fn get_registry(&self, request: Request<LogRequest>) -> Answered<Self::GetRegistryStream> {
        read::registry(self, &request.into_inner()).map(Response::new)
    }

    async fn get_checkpoint(&self, request: Request<LogRequest>) -> Answered<CheckpointResponse> {
        read::checkpoint(self, &request.into_inner()).map(Response::new)
    }

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Answered<Receipt> {
        read::receipt(self, request.into_inner()).await.map(Response::new)
    }

    async fn get_consistency_proof(
        &self,
        request: Request<ConsistencyProofRequest>,
    ) -> Answered<ConsistencyProofResponse> {
        read::consistency(self, request.into_inner()).await.map(Response::new)
    }

    type ReadEntriesStream = Stream<ReadEntriesResponse>;

    async fn read_entries(&self, request: Request<ReadEntriesRequest>) -> Answered<Self::ReadEntriesStream> {
        read::entries(self, &request.into_inner()).map(Response::new)
    }

    type ReadAuditStream = Stream<AuditEntry>;

    async fn read_audit(&self, request: Request<ReadEntriesRequest>) -> Answered<Self::ReadAuditStream> {
        read::audit(self, &request.into_inner()).map(Response::new)
    }

    type ReadStreamStream = Stream<ReadStreamResponse>;

    async fn read_stream(&self, request: Request<ReadStreamRequest>) -> Answered<Self::ReadStreamStream> {
        read::stream(self, &request.into_inner()).map(Response::new)
    }

    async fn snapshot(&self, request: Request<LogRequest>) -> Answered<SnapshotResponse> {
        append::snapshot(self, request.into_inner()).await.map(Response::new)
    }

    type ExportEvidenceStream = Parcels<EvidenceRecord>;

    async fn export_evidence(&self, request: Request<ExportEvidenceRequest>) -> Answered<Self::ExportEvidenceStream> {
        read::evidence(self, request.into_inner()).map(Response::new)
    }
}
