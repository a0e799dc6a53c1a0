//! Appending: one batch, a stream of them, a snapshot.

use super::{Admitted, Service, blocking};
use crate::access::{Call, Caller};
use crate::arrivals::Place;
use crate::log::{Refusal, Submission, bytes_of};
use crate::metrics::timed;
use crate::sequencer::{Answered, AppendError, Examined, Fuse, OpenLog};
use crate::store::{Packed, Store};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use zegel_proto::v1::{AppendRequest, AppendResponse, EventKind, SnapshotResponse};

/// Batches of one stream that are under way: enough for groups to form, few enough to bound memory.
const STREAM_BATCHES_MAX: usize = 16;
/// Batches of one stream that are examined at a time.
const STREAM_EXAMINED_MAX: usize = 2;
/// Events of a batch that is examined where it arrives: handing it to another thread would cost as much.
const INLINE_EVENTS_MAX: usize = 4;

/// A batch of somebody who may bring it, whose bytes count as on their way until this is dropped.
struct Entered {
    admitted: Admitted,
    on_its_way: Option<OwnedSemaphorePermit>,
}

type Opened = (Entered, Examined);

/// The place of the request is held until its bytes count as on their way: what is over an actor's share waits undecoded, but for as many as there are
/// places.
pub(super) async fn append(
    service: &Service,
    caller: Caller,
    place: Option<Place>,
    request: AppendRequest,
) -> Result<AppendResponse, Status> {
    let entered = enter(service, caller, &request, Piece::First).await?;
    drop(place);
    // What is examined stays counted, also when its caller goes away meanwhile.
    let (Entered { admitted, on_its_way: _on_its_way }, examined) = match request.headers.len() {
        ..=INLINE_EVENTS_MAX => examine(entered, request)?,
        _ => blocking(move || examine(entered, request)).await?,
    };
    let answered = admitted.log.append(examined, Fuse::default()).await?;
    receive(&admitted.log, answered).await
}

/// Where a batch stands in its call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    First,
    Later,
}

/// Waits until there is room for a batch in its actor's share.
async fn enter(service: &Service, caller: Caller, request: &AppendRequest, piece: Piece) -> Result<Entered, Status> {
    let admitted = service.admit(caller, Call::Append, &request.origin)?;
    if piece == Piece::First {
        service.count(&admitted)?;
    }
    admitted.log.check_takes()?;
    let on_its_way = service.limits.bytes(admitted.log.origin(), admitted.actor, bytes_of(request)).await;
    Ok(Entered { admitted, on_its_way })
}

/// Everything that needs no state, by whoever is free: hashing, the signature, packing.
fn examine(entered: Entered, request: AppendRequest) -> Result<Opened, Status> {
    let log = &entered.admitted.log;
    let examined = timed(&log.metrics().admission, || {
        let (submission, sent) = Submission::examine(log.origin(), request)?;
        Ok::<_, Refusal>(Examined { submission, packed: Packed::of(&sent) })
    });
    let examined = examined.and_then(|examined| check_ends(log.store(), &examined.submission).map(|()| examined));
    let examined = examined.inspect_err(|refusal| log.metrics().refused(refusal))?;
    entered.admitted.own(&examined.submission.statement.statement().source)?;
    Ok((entered, examined))
}

/// That content has ended is logged only where some has: which, and how, is sealed.
fn check_ends(store: &Store, submission: &Submission) -> Result<(), Refusal> {
    use EventKind as K;
    let is_end =
        |kind| matches!(kind, K::DestructionExecuted | K::WeedingExecuted | K::BreachRemoved | K::CustodyPurged);
    let Some(position) = submission.events.iter().position(|event| is_end(event.facts.kind)) else { return Ok(()) };
    let kind = submission.events[position].facts.kind.as_str_name();
    match store.has_ended() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Refusal::NothingEnded { position, kind }),
        Err(reason) => Err(Refusal::Unreadable { reason: reason.to_string() }),
    }
}

async fn receive(log: &OpenLog, answered: Answered) -> Result<AppendResponse, Status> {
    let taken = answered.await.unwrap_or(Err(AppendError::ShuttingDown));
    let taken = taken.inspect_err(|reason| log.metrics().not_taken(reason))?;
    Ok(AppendResponse { receipt: Some(log.receipt_of(taken)?) })
}

/// A batch that is being examined, or why there is none.
type Examining = Result<JoinHandle<Result<Opened, Status>>, Status>;

/// Batches are taken up before the one before them is answered, so that they share groups; answers stay in order. The fuse
/// keeps what follows a refused batch out, also when it was queued already. The place is held until all that was sent is answered, and nothing more
/// is received; when the caller goes, until what was queued by then is answered, whatever waits for its actor's share.
pub(super) fn append_stream(
    service: Service,
    caller: Caller,
    place: Option<Place>,
    requests: Streaming<AppendRequest>,
) -> ReceiverStream<Result<AppendResponse, Status>> {
    let (taken, examining) = mpsc::channel(STREAM_EXAMINED_MAX);
    tokio::spawn(read_in_order(service, caller, place.clone(), requests, taken));
    let (queued, under_way) = mpsc::channel(STREAM_BATCHES_MAX);
    tokio::spawn(queue_in_order(examining, queued));
    let (answers, stream) = mpsc::channel(STREAM_BATCHES_MAX);
    tokio::spawn(answer_in_order(place, under_way, answers));
    ReceiverStream::new(stream)
}

/// Reads no batch before the one before it counts as on its way.
async fn read_in_order(
    service: Service,
    caller: Caller,
    _place: Option<Place>,
    mut requests: Streaming<AppendRequest>,
    taken: mpsc::Sender<Examining>,
) {
    let mut piece = Piece::First;
    loop {
        let next = tokio::select! {
            // Nobody waits for what follows: a batch was refused, or the caller is gone. Also while one waits for its actor's share.
            () = taken.closed() => return,
            next = entered(&service, caller, &mut requests, piece) => next,
        };
        piece = Piece::Later;
        let Some(next) = next else { return };
        let is_last = next.is_err();
        if taken.send(next).await.is_err() || is_last {
            return;
        }
    }
}

/// The next batch, once it counts as on its way; `None` when the stream ends.
async fn entered(
    service: &Service,
    caller: Caller,
    requests: &mut Streaming<AppendRequest>,
    piece: Piece,
) -> Option<Examining> {
    let request = match requests.message().await {
        Ok(request) => request?,
        Err(status) => return Some(Err(status)),
    };
    let entered = enter(service, caller, &request, piece).await;
    Some(entered.map(|entered| tokio::task::spawn_blocking(move || examine(entered, request))))
}

/// With what the batch holds of its actor's share, until it is answered.
type Queued = Result<(Entered, Answered), Status>;

async fn queue_in_order(mut examining: mpsc::Receiver<Examining>, queued: mpsc::Sender<Queued>) {
    let fuse = Fuse::default();
    loop {
        let next = tokio::select! {
            // Nobody is told of it any more: what was not queued is not, and who reads hears it by that.
            () = queued.closed() => return,
            next = examining.recv() => next,
        };
        let Some(next) = next else { return };
        let next = async {
            let opened = next?.await.map_err(|_| Status::internal("the call ended before its answer"))?;
            let (entered, examined) = opened?;
            let answered = entered.admitted.log.append(examined, fuse.clone()).await?;
            Ok((entered, answered))
        };
        let next = next.await;
        let is_last = next.is_err();
        if queued.send(next).await.is_err() || is_last {
            return;
        }
    }
}

async fn answer_in_order(
    _place: Option<Place>,
    mut under_way: mpsc::Receiver<Queued>,
    answers: mpsc::Sender<Result<AppendResponse, Status>>,
) {
    loop {
        let queued = tokio::select! {
            // The caller is gone: nothing more is queued, and what was counts until the log has answered it.
            () = answers.closed(), if !under_way.is_closed() => {
                under_way.close();
                continue;
            }
            queued = under_way.recv() => queued,
        };
        let Some(queued) = queued else { return };
        let answer = match queued {
            Ok((Entered { admitted, on_its_way: _on_its_way }, answered)) => receive(&admitted.log, answered).await,
            Err(status) => Err(status),
        };
        let is_last = answer.is_err();
        // Whether anybody took it, the next turn says.
        let _ = answers.send(answer).await;
        if is_last {
            return;
        }
    }
}

/// Whoever waits has no thread, and a place as any long call.
pub(super) async fn snapshot(service: &Service, Admitted { log, actor }: Admitted) -> Result<SnapshotResponse, Status> {
    log.check_takes()?;
    let _held = service.long_call(&log, actor)?;
    Ok(SnapshotResponse { receipt: Some(log.snapshot().await?) })
}
