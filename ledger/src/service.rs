//! The gRPC service: conversions only, no rules.
//!
//! What blocks (hashing, the store) runs on the blocking pool; streams go through bounded channels, so that a slow reader
//! slows its own stream and nothing else. Codes and limits: `specs/service.md`.

mod append;
mod blobs;
mod envelopes;
mod erase;
mod parcels;
mod read;
mod replicate;
mod shown;
mod status;

use crate::access::{Actor, Call, Caller, Clients};
use crate::arrivals::place_of;
use crate::config::LimitsConfig;
use crate::limits::{Limits, StreamPlace};
use crate::sequencer::OpenLog;
use crate::witnessing::{Standing, Witnessing};
use parcels::{Maker, Parcels, Sent};
use prometheus_client::metrics::counter::Counter;
use shown::Shown;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
type Stream<T> = Parcels<T, Place>;

/// A log, and who may make calls on it.
pub(crate) struct Served {
    pub(crate) log: Arc<OpenLog>,
    pub(crate) clients: Clients,
}

/// The logs of this process by origin.
#[derive(Clone)]
pub(crate) struct Service {
    logs: Arc<HashMap<String, Served>>,
    /// What attachments were shown to whom.
    shown: Arc<Shown>,
    /// Of the logs that have witnesses.
    witnessing: Arc<HashMap<String, Arc<Witnessing>>>,
    long_calls: Arc<Semaphore>,
    limits: Arc<Limits>,
}

impl Service {
    pub(crate) fn new(
        logs: impl IntoIterator<Item = Served>,
        witnessing: HashMap<String, Arc<Witnessing>>,
        limits: LimitsConfig,
    ) -> Self {
        let logs = logs.into_iter().map(|served| (served.log.origin().to_owned(), served)).collect();
        let long_calls = Arc::new(Semaphore::new(LONG_CALLS_MAX));
        Self {
            logs: Arc::new(logs),
            shown: Arc::default(),
            witnessing: Arc::new(witnessing),
            long_calls,
            limits: Arc::new(Limits::new(limits)),
        }
    }

    /// How a log stands with its witnesses; empty where it has none.
    fn standing(&self, origin: &str) -> Standing {
        self.witnessing.get(origin).map(|witnessing| witnessing.standing()).unwrap_or_default()
    }

    /// Room for a call that goes on for as long as its caller reads or sends.
    fn long_call(&self, log: &OpenLog, actor: Actor) -> Result<LongCall, Status> {
        let full = |count| Status::resource_exhausted(format!("{count} streams are under way: try again later"));
        let own = self.limits.stream(log.origin(), actor).ok_or_else(|| full(self.limits.streams_max()))?;
        let of_all = Arc::clone(&self.long_calls).try_acquire_owned().map_err(|_| full(LONG_CALLS_MAX))?;
        Ok(LongCall { own, of_all, patience: self.limits.patience(), cut: log.metrics().readers_cut.clone() })
    }

    /// The log of a call, for a caller that may make it. To everybody else one answer, whether or not it exists.
    fn admit(&self, caller: Caller, call: Call, origin: &str) -> Result<Admitted, Status> {
        let admitted = self.logs.get(origin).and_then(|Served { log, clients }| {
            let view = log.view();
            let actor = clients.admit(caller, call, view.size, &view.roles)?;
            Some(Admitted { log: Arc::clone(log), actor })
        });
        let is_open = || self.logs.values().all(|served| matches!(served.clients, Clients::Everyone));
        match admitted {
            Some(admitted) => Ok(admitted),
            None if is_open() => Err(Status::not_found(format!("log {origin:?} is not served here"))),
            None => Err(denied()),
        }
    }

    /// The same for a call that names its log in its one message.
    fn enter<T>(
        &self,
        call: Call,
        request: Request<T>,
        origin: impl FnOnce(&T) -> &str,
    ) -> Result<(Admitted, T), Status> {
        let caller = caller_of(&request);
        let request = request.into_inner();
        let admitted = self.admit(caller, call, origin(&request))?;
        self.count(&admitted)?;
        Ok((admitted, request))
    }

    /// One call more of its actor.
    fn count(&self, admitted: &Admitted) -> Result<(), Status> {
        let over = |calls| Status::resource_exhausted(format!("more than {calls} calls a second: try again later"));
        self.limits.call(admitted.log.origin(), admitted.actor).map_err(over)
    }
}

/// What a call holds: a place of its actor for as long as its stream is there, which bounds memory; and one of all for as
/// long as it has a thread. In an open log nobody has a name, so there the stream holds the place of all.
pub(crate) struct LongCall {
    own: StreamPlace,
    of_all: OwnedSemaphorePermit,
    /// How long it waits for its reader.
    patience: Duration,
    cut: Counter,
}

/// A place that goes with a stream, or with the thread that makes it.
type Place = (Option<StreamPlace>, Option<OwnedSemaphorePermit>);

impl LongCall {
    /// Both ends of a stream, and what the thread that makes it holds.
    fn open<T>(self, parcels_max: usize) -> (Maker<T>, Stream<T>, Place, Counter) {
        let Self { own, of_all, patience, cut } = self;
        let (of_stream, of_thread): (Place, Place) = if own.is_own() {
            ((Some(own), None), (None, Some(of_all)))
        } else {
            ((Some(own), Some(of_all)), (None, None))
        };
        let (maker, stream) = parcels::parcels(parcels_max, patience, of_stream);
        (maker, stream, of_thread, cut)
    }
}

/// A log, and for whom the call is made.
pub(crate) struct Admitted {
    log: Arc<OpenLog>,
    actor: Actor,
}

impl Admitted {
    /// Refuses what belongs to another actor, as if it were not there.
    fn own(&self, of: &[u8]) -> Result<(), Status> {
        let is_own = self.actor == Actor::Anyone || Hash::read(of).is_some_and(|of| self.actor.owns(of));
        if is_own { Ok(()) } else { Err(denied()) }
    }
}

/// The one answer to everything that is not allowed.
fn denied() -> Status {
    Status::permission_denied("this client may not make this call here")
}

fn caller_of<T>(request: &Request<T>) -> Caller {
    request.extensions().get::<Caller>().copied().unwrap_or_default()
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
fn streaming<T: prost::Message + 'static>(
    call: LongCall,
    work: impl FnOnce(Push<'_, T>) -> Result<(), Status> + Send + 'static,
) -> Stream<T> {
    let (maker, stream, held, cut) = call.open(STREAM_MESSAGES);
    tokio::task::spawn_blocking(move || {
        let _held = held;
        let done = work(&mut |message| {
            let bytes = message.encoded_len();
            is_taken(maker.send(vec![message], bytes), &cut)
        });
        // Nobody listening is no reason to complain.
        maker.end(done);
    });
    stream
}

/// The same for messages that are many and small: they change threads in parcels, since waking the reader costs more than
/// making a message.
fn streaming_in_parcels<T: prost::Message + 'static>(
    call: LongCall,
    work: impl FnOnce(Push<'_, T>) -> Result<(), Status> + Send + 'static,
) -> Stream<T> {
    let (maker, stream, held, cut) = call.open(PARCELS);
    tokio::task::spawn_blocking(move || {
        let _held = held;
        let (mut parcel, mut bytes) = (Vec::new(), 0);
        let done = work(&mut |message: T| {
            bytes += message.encoded_len();
            parcel.push(message);
            if bytes < PARCEL_BYTES {
                return true;
            }
            is_taken(maker.send(std::mem::take(&mut parcel), std::mem::take(&mut bytes)), &cut)
        });
        if !parcel.is_empty() {
            is_taken(maker.send(parcel, bytes), &cut);
        }
        maker.end(done);
    });
    stream
}

fn is_taken(sent: Sent, cut: &Counter) -> bool {
    if sent == Sent::Cut {
        cut.inc();
    }
    sent == Sent::Waits
}

#[tonic::async_trait]
impl Ledger for Service {
    async fn append(&self, mut request: Request<AppendRequest>) -> Answered<AppendResponse> {
        let (caller, place) = (caller_of(&request), place_of(&mut request));
        append::append(self, caller, place, request.into_inner()).await.map(Response::new)
    }

    type AppendStreamStream = ReceiverStream<Result<AppendResponse, Status>>;

    async fn append_stream(
        &self,
        mut request: Request<Streaming<AppendRequest>>,
    ) -> Answered<Self::AppendStreamStream> {
        let (caller, place) = (caller_of(&request), place_of(&mut request));
        Ok(Response::new(append::append_stream(self.clone(), caller, place, request.into_inner())))
    }

    async fn put_blob(&self, mut request: Request<Streaming<PutBlobRequest>>) -> Answered<BlobStatResponse> {
        let (caller, _place) = (caller_of(&request), place_of(&mut request));
        blobs::put(self, caller, request.into_inner()).await.map(Response::new)
    }

    async fn blob_stat(&self, request: Request<BlobStatRequest>) -> Answered<BlobStatResponse> {
        let (entered, request) = self.enter(Call::BlobStat, request, |request| &request.origin)?;
        blobs::stat(entered, request).await.map(Response::new)
    }

    type GetBlobStream = Stream<BlobChunk>;

    async fn get_blob(&self, request: Request<GetBlobRequest>) -> Answered<Self::GetBlobStream> {
        let (entered, request) = self.enter(Call::GetBlob, request, |request| &request.origin)?;
        blobs::read(self, entered, request).await.map(Response::new)
    }

    type KnownStream = Stream<KnownResponse>;

    async fn known(&self, request: Request<KnownRequest>) -> Answered<Self::KnownStream> {
        let (entered, request) = self.enter(Call::Known, request, |request| &request.origin)?;
        read::known(self, entered, request).map(Response::new)
    }

    async fn get_source_head(&self, request: Request<GetSourceHeadRequest>) -> Answered<GetSourceHeadResponse> {
        let (entered, request) = self.enter(Call::GetSourceHead, request, |request| &request.origin)?;
        read::source_head(entered, request).await.map(Response::new)
    }

    type GetRegistryStream = Stream<RegistryResponse>;

    async fn get_registry(&self, request: Request<LogRequest>) -> Answered<Self::GetRegistryStream> {
        let (entered, _) = self.enter(Call::GetRegistry, request, |request| &request.origin)?;
        read::registry(self, &entered).map(Response::new)
    }

    async fn get_checkpoint(&self, request: Request<LogRequest>) -> Answered<CheckpointResponse> {
        let (entered, _) = self.enter(Call::GetCheckpoint, request, |request| &request.origin)?;
        read::checkpoint(self, &entered).map(Response::new)
    }

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Answered<Receipt> {
        let (entered, request) = self.enter(Call::GetReceipt, request, |request| &request.origin)?;
        read::receipt(entered, request).await.map(Response::new)
    }

    async fn get_consistency_proof(
        &self,
        request: Request<ConsistencyProofRequest>,
    ) -> Answered<ConsistencyProofResponse> {
        let (entered, request) = self.enter(Call::GetConsistencyProof, request, |request| &request.origin)?;
        read::consistency(entered, request).await.map(Response::new)
    }

    type ReadEntriesStream = Stream<ReadEntriesResponse>;

    async fn read_entries(&self, request: Request<ReadEntriesRequest>) -> Answered<Self::ReadEntriesStream> {
        let (entered, request) = self.enter(Call::ReadEntries, request, |request| &request.origin)?;
        read::entries(self, entered, &request).map(Response::new)
    }

    type ReadAuditStream = Stream<AuditEntry>;

    async fn read_audit(&self, request: Request<ReadEntriesRequest>) -> Answered<Self::ReadAuditStream> {
        let (entered, request) = self.enter(Call::ReadAudit, request, |request| &request.origin)?;
        read::audit(self, entered, &request).map(Response::new)
    }

    type ReadStreamStream = Stream<ReadStreamResponse>;

    async fn read_stream(&self, request: Request<ReadStreamRequest>) -> Answered<Self::ReadStreamStream> {
        let asked = request.get_ref();
        let of_conversation = asked.stream == StreamType::StreamConversation as i32 && asked.month == 0;
        let call = if of_conversation { Call::ReadRegistration } else { Call::ReadStream };
        let (entered, request) = self.enter(call, request, |request| &request.origin)?;
        read::stream(self, entered, &request).map(Response::new)
    }

    async fn snapshot(&self, request: Request<LogRequest>) -> Answered<SnapshotResponse> {
        let (entered, _) = self.enter(Call::Snapshot, request, |request| &request.origin)?;
        append::snapshot(self, entered).await.map(Response::new)
    }

    type ReadEnvelopesStream = Stream<DossierWrap>;

    async fn read_envelopes(&self, request: Request<ReadEnvelopesRequest>) -> Answered<Self::ReadEnvelopesStream> {
        let (entered, request) = self.enter(Call::ReadEnvelopes, request, |request| &request.origin)?;
        envelopes::read(self, &entered, request).map(Response::new)
    }

    async fn rewrap_envelopes(&self, request: Request<RewrapEnvelopesRequest>) -> Answered<RewrapEnvelopesResponse> {
        let (entered, request) = self.enter(Call::RewrapEnvelopes, request, |request| &request.origin)?;
        envelopes::rewrap(entered, request).await.map(Response::new)
    }

    type ExportEvidenceStream = Stream<EvidenceRecord>;

    async fn export_evidence(&self, request: Request<ExportEvidenceRequest>) -> Answered<Self::ExportEvidenceStream> {
        let (entered, request) = self.enter(Call::ExportEvidence, request, |request| &request.origin)?;
        read::evidence(self, entered, request).map(Response::new)
    }

    type ReplicateStream = Stream<ReplicateResponse>;

    async fn replicate(&self, request: Request<ReplicateRequest>) -> Answered<Self::ReplicateStream> {
        let (entered, request) = self.enter(Call::Replicate, request, |request| &request.origin)?;
        replicate::replicate(self, entered, request).map(Response::new)
    }

    async fn erase(&self, request: Request<EraseRequest>) -> Answered<EraseResponse> {
        let (entered, request) = self.enter(Call::Erase, request, |request| &request.origin)?;
        erase::erase(entered, request).await.map(Response::new)
    }
}
