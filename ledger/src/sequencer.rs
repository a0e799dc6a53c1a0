//! The single writer of a log: collects what waits into a group, decides it, makes it durable, answers.
//!
//! One group costs one checkpoint signature and two synced writes. The steps, and what if we stop after each:
//! 1. *Draft*: in memory. Stop here: nothing happened.
//! 2. *Sign* the checkpoint. Stop here: a signature that never left this process, over a tree that nobody has.
//! 3. *Keys*, synced. Stop here: rows without truth; swept at the next start.
//! 4. *Truth* with projections and checkpoint, synced, atomic. Stop here: the group is in the log and signed; its sources
//!    did not hear so, send again and get the same receipts. The store is ahead of the guard, which is allowed.
//! 5. *Guard*, synced. Stop here: as after 4.
//! 6. *Advance* memory and publish the new size; then answer.
//!
//! When a step fails we cannot know what is on disk: the log stops accepting, until it is opened again and its edge has
//! been checked. The writer is a thread of its own: a saturated pool would make a fast disk look slow.

use crate::log::{Admitted, Draft, Log, Refusal, Sealed, Submission};
use crate::signing::{LogSigners, Unsigned};
use crate::store::{Guard, Loaded, Step, Store, StoreError, TreeReader};
use crate::tree::{self, Edge};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use zegel_proto::v1::Receipt;
use zegel_verifier::hash::Hash;

/// Jobs that wait for the writer.
const QUEUE_JOBS_MAX: usize = 256;
/// Entries of one group.
const GROUP_ENTRIES_MAX: usize = 128;
/// Bytes of the batches of one group.
const GROUP_BYTES_MAX: usize = 16 << 20;
/// KiB of batches that wait or are being written; more must wait at the door.
const WAITING_KIB_MAX: u32 = 64 << 10;

/// Why a job has no receipt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum AppendError {
    /// A rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log has stopped.
    #[error("the log stopped accepting and must be reopened: {reason}")]
    Stopped {
        /// What failed.
        reason: String,
    },
    /// A snapshot of nothing.
    #[error("there is no entry yet that a snapshot could cover")]
    NothingToCover,
    /// Durable, but the receipt cannot be made.
    #[error("the entry was logged, its receipt could not be read: {0}")]
    Receipt(StoreError),
    /// The writer is gone: the ledger is shutting down.
    #[error("the ledger is shutting down")]
    ShuttingDown,
}

/// What readers see: the log at its newest published checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) size: u64,
    /// Signed note; empty in an empty log.
    pub(crate) checkpoint: Vec<u8>,
    edge: Edge,
}

enum Work {
    Batch { submission: Box<Submission>, fuse: Fuse },
    Snapshot,
}

type Answer = oneshot::Sender<Result<Receipt, AppendError>>;

struct Job {
    work: Work,
    answer: Answer,
    _permit: OwnedSemaphorePermit,
}

/// Blown when a batch of a stream is refused: what came after it in that stream is refused too.
pub(crate) type Fuse = Arc<AtomicBool>;

/// A log that is open: what services hold.
pub(crate) struct OpenLog {
    origin: String,
    store: Arc<Store>,
    view: RwLock<Arc<View>>,
    queue: mpsc::Sender<Job>,
    waiting: Arc<Semaphore>,
}

impl OpenLog {
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The newest published state.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The tree of that state.
    pub(crate) fn tree(&self, view: &View) -> TreeReader {
        TreeReader::new(Arc::clone(&self.store), view.edge.clone())
    }

    /// The receipt of an entry under that state.
    pub(crate) fn receipt(&self, view: &View, index: u64) -> Result<Receipt, StoreError> {
        receipt(&self.store, &self.tree(view), view, index)
    }

    /// Queues a batch; waits while too much is waiting. The answer comes when it is durable.
    pub(crate) async fn append(
        &self,
        submission: Submission,
        fuse: Fuse,
    ) -> Result<oneshot::Receiver<Result<Receipt, AppendError>>, AppendError> {
        let kib = (submission.bytes >> 10) as u32 + 1;
        self.queue(Work::Batch { submission: Box::new(submission), fuse }, kib).await
    }

    /// Queues a snapshot.
    pub(crate) async fn snapshot(&self) -> Result<oneshot::Receiver<Result<Receipt, AppendError>>, AppendError> {
        self.queue(Work::Snapshot, 1).await
    }

    async fn queue(
        &self,
        work: Work,
        kib: u32,
    ) -> Result<oneshot::Receiver<Result<Receipt, AppendError>>, AppendError> {
        let permit = Arc::clone(&self.waiting).acquire_many_owned(kib).await;
        let permit = permit.map_err(|_| AppendError::ShuttingDown)?;
        let (answer, answered) = oneshot::channel();
        let job = Job { work, answer, _permit: permit };
        self.queue.send(job).await.map_err(|_| AppendError::ShuttingDown)?;
        Ok(answered)
    }
}

/// Milliseconds since 1970 by this machine's clock.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64)
}

/// The writer.
struct Sequencer {
    log: Log,
    edge: Edge,
    guard: Guard,
    keys: LogSigners,
    shared: Arc<OpenLog>,
    stopped: Option<String>,
}

/// Starts the writer of a log that was loaded. The thread ends when the last [`OpenLog`] is dropped.
pub(crate) fn start(
    store: Arc<Store>,
    loaded: Loaded,
    guard: Guard,
    keys: LogSigners,
) -> Result<(Arc<OpenLog>, std::thread::JoinHandle<()>), std::io::Error> {
    let (queue, jobs) = mpsc::channel(QUEUE_JOBS_MAX);
    let checkpoint = loaded.checkpoint.unwrap_or_default();
    let view = View { size: loaded.log.size(), checkpoint, edge: loaded.edge.clone() };
    let origin = loaded.log.identity().origin.clone();
    let waiting = Arc::new(Semaphore::new(WAITING_KIB_MAX as usize));
    let open = OpenLog { origin, store, view: RwLock::new(Arc::new(view)), queue, waiting };
    let open = Arc::new(open);
    let (log, edge) = (loaded.log, loaded.edge);
    let thread = std::thread::Builder::new().name("sequencer".into());
    let weak = Arc::downgrade(&open);
    let thread = thread.spawn(move || run(log, edge, guard, keys, jobs, &weak))?;
    Ok((open, thread))
}

/// The writer holds the shared state only while it works, so that the last service to go closes the queue.
fn run(
    log: Log,
    edge: Edge,
    guard: Guard,
    keys: LogSigners,
    mut jobs: mpsc::Receiver<Job>,
    weak: &std::sync::Weak<OpenLog>,
) {
    let mut state = Some((log, edge, guard, keys, None));
    while let Some(first) = jobs.blocking_recv() {
        let Some(shared) = weak.upgrade() else { return };
        let Some((log, edge, guard, keys, stopped)) = state.take() else { return };
        let mut sequencer = Sequencer { log, edge, guard, keys, shared, stopped };
        sequencer.work(first, &mut jobs);
        state = Some((sequencer.log, sequencer.edge, sequencer.guard, sequencer.keys, sequencer.stopped));
    }
}

/// What a job of a group becomes, before the group is durable.
type Decided = (Answer, Result<u64, AppendError>, OwnedSemaphorePermit);

impl Sequencer {
    /// Works off a job, together with those that wait behind it.
    fn work(&mut self, first: Job, jobs: &mut mpsc::Receiver<Job>) {
        let mut next = Some(first);
        while let Some(job) = next.take() {
            if let Some(reason) = self.stopped.clone() {
                let _ = job.answer.send(Err(AppendError::Stopped { reason }));
                continue;
            }
            match job.work {
                Work::Snapshot => self.snapshot(job.answer),
                Work::Batch { .. } => next = self.group(job, jobs),
            }
        }
    }

    /// One group of batches. Gives back a job that was taken from the queue and belongs to no group.
    fn group(&mut self, first: Job, jobs: &mut mpsc::Receiver<Job>) -> Option<Job> {
        let shared = Arc::clone(&self.shared);
        let mut draft = self.log.draft(shared.store.as_ref(), now_ms());
        let mut decided: Vec<Decided> = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(job) = next.take() {
            let Work::Batch { submission, fuse } = job.work else {
                next = Some(job);
                break;
            };
            bytes += submission.bytes;
            decided.push((job.answer, decide(&mut draft, *submission, &fuse), job._permit));
            if decided.len() < GROUP_ENTRIES_MAX && bytes < GROUP_BYTES_MAX {
                next = jobs.try_recv().ok();
            }
        }
        let written = draft.seal().map_or(Ok(()), |sealed| self.commit(sealed));
        self.answer(decided, written);
        next
    }

    fn answer(&mut self, decided: Vec<Decided>, written: Result<(), StoreError>) {
        let view = self.shared.view();
        let tree = self.shared.tree(&view);
        for (answer, decision, permit) in decided {
            let result = match (&written, decision) {
                (_, Err(refused)) => Err(refused),
                (Err(reason), Ok(_)) => Err(AppendError::Stopped { reason: reason.to_string() }),
                (Ok(()), Ok(index)) => receipt(&self.shared.store, &tree, &view, index).map_err(AppendError::Receipt),
            };
            drop(permit);
            // A client that went away is no reason to stop: its batch is in the log, and it will ask again.
            let _ = answer.send(result);
        }
    }

    fn snapshot(&mut self, answer: Answer) {
        let taken = self.take_snapshot();
        let result = taken.and_then(|index| {
            let view = self.shared.view();
            self.shared.receipt(&view, index).map_err(AppendError::Receipt)
        });
        let _ = answer.send(result);
    }

    /// The table lies in the store before its entry is; if we stop in between, it is swept when the log is opened.
    fn take_snapshot(&mut self) -> Result<u64, AppendError> {
        if self.log.size() == 0 {
            return Err(AppendError::NothingToCover);
        }
        let shared = Arc::clone(&self.shared);
        let stopped = |reason: &dyn ToString| AppendError::Stopped { reason: reason.to_string() };
        let table = shared.store.write_table(self.log.size()).map_err(|reason| self.stop(&reason))?;
        let mut draft = self.log.draft(shared.store.as_ref(), now_ms());
        let index = draft.snapshot(table).map_err(|reason| stopped(&reason))?;
        let sealed = draft.seal().ok_or(AppendError::NothingToCover)?;
        self.commit(sealed).map_err(|reason| stopped(&reason))?;
        shared.store.drop_old_tables().map_err(|reason| self.stop(&reason))?;
        Ok(index)
    }

    /// Steps 2 to 6. After a failure the log stops.
    fn commit(&mut self, sealed: Sealed) -> Result<(), StoreError> {
        let committed = self.try_commit(sealed);
        if let Err(reason) = &committed {
            self.stop(reason);
        }
        committed
    }

    fn stop(&mut self, reason: &StoreError) -> AppendError {
        tracing::error!(origin = self.shared.origin, %reason, "the log stops accepting");
        let reason = reason.to_string();
        self.stopped = Some(reason.clone());
        AppendError::Stopped { reason }
    }

    fn try_commit(&mut self, sealed: Sealed) -> Result<(), StoreError> {
        let unsigned = Unsigned {
            text: &sealed.checkpoint_text,
            log_key: sealed.log_key,
            size: sealed.size,
            root: sealed.root,
            time_s: now_ms() / 1_000,
        };
        let note = self.keys.sign(&self.log.identity().origin, &unsigned)?;
        let mut edge = self.edge.clone();
        let full = sealed.entries.iter().flat_map(|entry| edge.push(entry.leaf)).collect();
        let store = &self.shared.store;
        store.commit_keys(&sealed)?;
        store.commit_truth(&sealed, &note, full)?;
        store.before(Step::Guard)?;
        self.guard.write(sealed.size, sealed.root)?;
        // Memory follows disk: if we crash before this line, loading finds the group in the store and arrives here too.
        self.log.advance(sealed.changes);
        self.edge = edge.clone();
        let view = View { size: sealed.size, checkpoint: note, edge };
        *self.shared.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        tracing::debug!(origin = self.shared.origin, size = sealed.size, entries = sealed.entries.len(), "committed");
        Ok(())
    }
}

fn decide(draft: &mut Draft<'_>, submission: Submission, fuse: &AtomicBool) -> Result<u64, AppendError> {
    if fuse.load(Ordering::Acquire) {
        return Err(Refusal::StreamBroken.into());
    }
    match draft.admit(submission) {
        Ok(Admitted::Logged { entry } | Admitted::Already { entry }) => Ok(entry),
        Err(refusal) => {
            fuse.store(true, Ordering::Release);
            Err(refusal.into())
        }
    }
}

fn receipt(store: &Store, tree: &TreeReader, view: &View, index: u64) -> Result<Receipt, StoreError> {
    let inclusion = tree::inclusion(tree, index, view.size)?;
    let inclusion = inclusion.into_iter().map(Hash::to_vec).collect();
    Ok(Receipt { index, entry: store.entry(index)?, inclusion, checkpoint: view.checkpoint.clone() })
}
