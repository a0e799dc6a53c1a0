//! The single writer of a log: collects what waits into a group, decides it, makes it durable, answers.
//!
//! One group costs one checkpoint signature and three syncs. Two threads share the work, so that a group is decided while the
//! one before it is written: the *sequencer* orders, decides and writes keys; the *committer* ([`committer`]) signs, writes
//! the truth and answers. The steps, and what if we stop after each:
//! 1. *Draft*: in memory, on top of groups that may not be durable yet. Stop here: nothing happened.
//! 2. *Keys*, synced. Stop here: rows without truth; swept at the next start, for this group and one that followed it.
//! 3. *Sign* the checkpoint, when every group before this one is published. Stop here: a signature that never left this
//!    process, over a tree that nobody has.
//! 4. *Truth* with the checkpoint, synced, atomic. Stop here: the group is in the log and signed; its sources did not hear
//!    so, send again and get the same receipts. The store is ahead of the guard, which is allowed.
//! 5. *Guard*, synced. Stop here: as after 4.
//! 6. *Publish* the new size; hand the entries to the projections; then answer.
//!
//! What is drafted ahead leaves the process in no form before all groups that it rests on are durable: answers, refusals and
//! receipts of known batches alike go through the committer, in order. When a step fails we cannot know what is on disk: the
//! log stops, all groups on their way are answered so, and it accepts nothing until it is opened again and its edge has been
//! checked. Threads of their own: a saturated pool would make a fast disk look slow.

mod committer;
mod group;
mod open;
mod publisher;
mod replica;
mod snapshots;

pub(crate) use open::{OpenLog, View};
pub(crate) use replica::{Fault, Received, ReceivedContent, ReceivedEntry, Replica, ReplicaError, follow};

use crate::access::Roles;
use crate::log::{Changes, Log, Refusal, Submission};
use crate::metrics::{LogMetrics, timed};
use crate::signing::LogSigners;
use crate::store::{Dwelling, Group, Guard, Loaded, MadeTable, NoRoom, Packed, Room, Store, StoreError};
use committer::{Committer, Decided, Drafted};
use group::Collected;
use open::Writer;
use publisher::Publisher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::thread::JoinHandle;
use std::time::Instant;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Jobs that wait for the writer.
const QUEUE_JOBS_MAX: usize = 256;
/// Entries of one group.
const GROUP_ENTRIES_MAX: usize = 128;
/// Bytes of the batches of one group.
const GROUP_BYTES_MAX: usize = 16 << 20;
/// KiB of batches that wait or are being written; more must wait at the door.
const WAITING_KIB_MAX: u32 = 64 << 10;
/// Groups that wait for the committer beside the one that the sequencer has in hand: none, so that what comes meanwhile joins
/// the next group instead of making small ones.
const GROUPS_AHEAD_MAX: usize = 0;
/// Bytes of a batch that is not worth a group of its own: while one is written, what comes meanwhile waits for the next.
/// Three syncs and the turns of three threads are shared by more, at the price of a part of one group's time.
const SMALL_BATCH_BYTES: usize = 16 << 10;

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
    /// The disk is nearly full; the log is as it was.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// A snapshot of nothing.
    #[error("there is no entry yet that a snapshot could cover")]
    NothingToCover,
    /// Durable, but the receipt cannot be made.
    #[error("the entry was logged, its receipt could not be read: {0}")]
    Receipt(StoreError),
    /// The table of a snapshot cannot be made.
    #[error("the snapshot's table could not be made: {0}")]
    Table(StoreError),
    /// A replica: another ledger orders and signs.
    #[error("this ledger follows {primary} and takes nothing itself: append there")]
    Follower {
        /// The primary.
        primary: String,
    },
    /// The writer is gone: the ledger is shutting down.
    #[error("the ledger is shutting down")]
    ShuttingDown,
}

/// A batch that is good by itself, with what lies beside it ready to be written.
pub(crate) struct Examined {
    pub(crate) submission: Submission,
    pub(crate) packed: Packed,
}

enum Work {
    Batch { examined: Box<Examined>, fuse: Fuse },
    Snapshot(Box<MadeTable>),
}

/// An entry that is durable and published: what its receipt is made of, by whoever waits for it.
pub(crate) struct Taken {
    index: u64,
    /// Its bytes, if it is new.
    entry: Option<Vec<u8>>,
    view: Arc<View>,
}

/// What a job becomes.
pub(crate) type Answered = oneshot::Receiver<Result<Taken, AppendError>>;
type Answer = oneshot::Sender<Result<Taken, AppendError>>;

/// Why the log stopped, once it has.
type Stopped = Arc<OnceLock<String>>;
type SharedView = Arc<RwLock<Arc<View>>>;
type SharedDwelling = Arc<Mutex<Dwelling>>;

struct Job {
    work: Work,
    answer: Answer,
    queued_at: Instant,
    _permit: OwnedSemaphorePermit,
}

/// Blown when a batch of a stream is refused: what came after it in that stream is refused too.
pub(crate) type Fuse = Arc<AtomicBool>;

impl Job {
    fn is_small(&self) -> bool {
        matches!(&self.work, Work::Batch { examined, .. } if examined.submission.bytes < SMALL_BATCH_BYTES)
    }

    /// Not taken, for want of room; nor is what comes after it in its stream.
    fn refused(self, full: NoRoom) -> Decided {
        if let Work::Batch { fuse, .. } = &self.work {
            fuse.store(true, Ordering::Release);
        }
        Decided { answer: self.answer, decision: Err(full.into()), _permit: self._permit }
    }
}

/// Orders and decides.
struct Sequencer {
    log: Log,
    store: Arc<Store>,
    groups: SyncSender<Drafted>,
    /// A word from the committer for each group that it is done with.
    done: Receiver<()>,
    /// Groups that it is not known to be done with.
    under_way: usize,
    room: Room,
    /// Whether the last group found no room, which is said once.
    is_full: bool,
    stopped: Stopped,
    /// Entries that the projections held when the log was last told.
    watermark: u64,
    metrics: LogMetrics,
}

/// Starts the writer of a log that was loaded. Its threads end when the last [`OpenLog`] is dropped.
pub(crate) fn start(
    store: Arc<Store>,
    loaded: Loaded,
    guard: Guard,
    room: Room,
    keys: LogSigners,
    metrics: LogMetrics,
) -> Result<(Arc<OpenLog>, JoinHandle<()>), std::io::Error> {
    let (queue, jobs) = mpsc::channel(QUEUE_JOBS_MAX);
    let (log, publisher) = begin(loaded, guard, &store, &metrics);
    let stopped = Stopped::default();
    let open = OpenLog::new(&publisher, room.clone(), Writer::Own(queue), Arc::clone(&stopped));
    let (groups, drafted) = std::sync::mpsc::sync_channel(GROUPS_AHEAD_MAX);
    let (finished, done) = std::sync::mpsc::channel();
    let committer = Committer { publisher, keys, stopped: Arc::clone(&stopped), finished };
    let watermark = log.size();
    let sequencer =
        Sequencer { log, store, groups, done, under_way: 0, room, is_full: false, stopped, watermark, metrics };
    let committing = std::thread::Builder::new().name("committer".into()).spawn(move || committer.run(&drafted))?;
    let thread = std::thread::Builder::new().name("sequencer".into());
    let thread = thread.spawn(move || {
        sequencer.run(jobs);
        let _ = committing.join();
    })?;
    Ok((Arc::new(open), thread))
}

/// What every writer begins with: the state of the log, and what makes groups durable.
fn begin(loaded: Loaded, guard: Guard, store: &Arc<Store>, metrics: &LogMetrics) -> (Log, Publisher) {
    let Loaded { log, edge, checkpoint, dwelling } = loaded;
    let roles = Arc::new(log.registry().map(Roles::of).unwrap_or_default());
    let view = View { size: log.size(), checkpoint: checkpoint.unwrap_or_default(), roles, edge: edge.clone() };
    let publisher = Publisher {
        origin: log.identity().origin.clone(),
        edge,
        guard,
        store: Arc::clone(store),
        view: Arc::new(RwLock::new(Arc::new(view))),
        metrics: metrics.clone(),
        dwelling: Arc::new(Mutex::new(dwelling)),
    };
    (log, publisher)
}

impl Sequencer {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            if let Some(reason) = self.stopped.get() {
                let _ = first.answer.send(Err(AppendError::Stopped { reason: reason.clone() }));
                continue;
            }
            if first.is_small() {
                self.settle();
            }
            let metrics = self.metrics.clone();
            let drafted = timed(&metrics.seal, || self.group(first, &mut jobs));
            if self.groups.send(drafted).is_err() {
                return;
            }
            self.under_way += 1;
            self.under_way -= self.done.try_iter().count();
        }
    }

    /// Waits until the committer has nothing in hand.
    fn settle(&mut self) {
        while self.under_way > 0 && self.done.recv().is_ok() {
            self.under_way -= 1;
        }
    }

    /// One group of what waits, decided; its keys are durable.
    fn group(&mut self, first: Job, jobs: &mut mpsc::Receiver<Job>) -> Drafted {
        self.forget();
        if let Err(full) = self.room() {
            return Drafted { decided: vec![first.refused(full)], roles: None, group: Ok(None) };
        }
        let mut draft = self.log.draft(self.store.as_ref(), self.store.now_ms());
        let mut collected = Collected::default();
        let mut next = Some(first);
        while let Some(job) = next.take() {
            self.metrics.queue.observe(job.queued_at.elapsed().as_secs_f64());
            collected.take(&mut draft, job);
            if collected.decided.len() < GROUP_ENTRIES_MAX && collected.bytes < GROUP_BYTES_MAX {
                next = jobs.try_recv().ok();
            }
        }
        let Collected { decided, packed, tables, .. } = collected;
        let Some(mut sealed) = draft.seal() else { return Drafted { decided, roles: None, group: Ok(None) } };
        let roles = sealed.changes.registry.as_ref().map(|registry| Arc::new(Roles::of(registry)));
        // Memory goes ahead of the disk here, and only here: if the group fails, the log stops and this state is never used.
        self.log.advance(std::mem::take::<Changes>(&mut sealed.changes));
        let group = Group { sealed, packed, tables, erased: Vec::new() };
        let written = timed(&self.metrics.sync_keys, || self.store.commit_keys(&group));
        if let Err(reason) = &written {
            let _ = self.stopped.set(reason.to_string());
        }
        Drafted { decided, roles, group: written.map(|()| Some(group)) }
    }

    /// Room for a whole group, before anything of it is written.
    fn room(&mut self) -> Result<(), NoRoom> {
        let room = self.room.check(GROUP_BYTES_MAX as u64);
        if let Err(full) = &room
            && !self.is_full
        {
            tracing::error!(origin = self.log.identity().origin, "appends are refused: {full}");
        }
        if room.is_ok() && self.is_full {
            tracing::warn!(origin = self.log.identity().origin, "there is room again: appends go on");
        }
        self.is_full = room.is_err();
        room
    }

    /// Lets go of what the store answers for by now.
    fn forget(&mut self) {
        let watermark = self.store.watermark();
        if watermark > self.watermark {
            self.watermark = watermark;
            self.log.forget_below(watermark);
        }
    }
}
