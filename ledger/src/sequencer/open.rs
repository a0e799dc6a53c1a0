//! A log that is open: what services hold, read and hand their batches to.

use super::publisher::Publisher;
use super::snapshots::Snapshots;
use super::{
    Answered, AppendError, Examined, Fuse, Job, QUEUE_JOBS_MAX, SharedDwelling, SharedView, Stopped, Taken,
    WAITING_KIB_MAX, Work,
};
use crate::access::Roles;
use crate::metrics::LogMetrics;
use crate::store::{HeldRoom, NoRoom, Room, Store, StoreError, TreeReader};
use crate::tree::{self, Edge};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;
use tokio::sync::{Semaphore, mpsc, oneshot};
use zegel_proto::v1::Receipt;
use zegel_verifier::hash::Hash;

/// What readers see: the log at its newest published checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) size: u64,
    /// Signed note; empty in an empty log.
    pub(crate) checkpoint: Vec<u8>,
    /// Who may do what.
    pub(crate) roles: Arc<Roles>,
    pub(super) edge: Edge,
}

/// A log that is open: what services hold.
pub(crate) struct OpenLog {
    origin: String,
    store: Arc<Store>,
    view: SharedView,
    writer: Writer,
    waiting: Arc<Semaphore>,
    room: Room,
    metrics: LogMetrics,
    dwelling: SharedDwelling,
    stopped: Stopped,
    pub(super) snapshots: Snapshots,
    /// Held by the order that is being carried out.
    erasing: Mutex<()>,
}

/// Who writes the log.
pub(super) enum Writer {
    /// The sequencer of this process.
    Own(mpsc::Sender<Job>),
    /// The ledger at this address; here it is copied.
    Primary(String),
}

impl OpenLog {
    pub(super) fn new(of: &Publisher, room: Room, writer: Writer, stopped: Stopped) -> Self {
        Self {
            origin: of.origin.clone(),
            store: Arc::clone(&of.store),
            view: Arc::clone(&of.view),
            writer,
            waiting: Arc::new(Semaphore::new(WAITING_KIB_MAX as usize)),
            room,
            metrics: of.metrics.clone(),
            dwelling: Arc::clone(&of.dwelling),
            stopped,
            snapshots: Snapshots::default(),
            erasing: Mutex::default(),
        }
    }

    /// Signs and accepts nothing more until the log is opened again. A replica signs nothing anyway.
    pub(crate) fn stop(&self, reason: String) {
        if self.stopped.set(reason.clone()).is_ok() {
            tracing::error!(origin = self.origin, reason, "the log stops accepting");
        }
    }

    /// Whether anything is taken here.
    ///
    /// # Errors
    /// [`AppendError::Follower`].
    pub(crate) fn check_takes(&self) -> Result<(), AppendError> {
        match &self.writer {
            Writer::Own(_) => Ok(()),
            Writer::Primary(primary) => Err(AppendError::Follower { primary: primary.clone() }),
        }
    }

    /// Whether this many bytes may be written beside the log.
    pub(crate) fn room_for(&self, bytes: u64) -> Result<(), NoRoom> {
        self.room.check(bytes)
    }

    /// Room for a piece that is written beside the log while this is held.
    pub(crate) fn hold_room(&self, bytes: u64) -> Result<HeldRoom, NoRoom> {
        self.room.hold(bytes)
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    pub(crate) fn metrics(&self) -> &LogMetrics {
        &self.metrics
    }

    /// Jobs that wait for the writer.
    pub(crate) fn waiting(&self) -> usize {
        match &self.writer {
            Writer::Own(queue) => QUEUE_JOBS_MAX - queue.capacity(),
            Writer::Primary(_) => 0,
        }
    }

    /// The turn of an order that a client brings; `None` while another is carried out, since each takes a thread and writes all files anew.
    pub(crate) fn turn_to_erase(&self) -> Option<MutexGuard<'_, ()>> {
        match self.erasing.try_lock() {
            Ok(turn) => Some(turn),
            Err(TryLockError::Poisoned(ended)) => Some(ended.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Content has gone from the store: looks what the oldest is that is left.
    pub(crate) fn content_went(&self) -> Result<(), StoreError> {
        self.store.look_for_content(&self.dwelling)
    }

    /// How long the oldest content has been here, in milliseconds, and the most that the policy of a landing zone allows; `None`
    /// if this is none, or its archive, or holds none.
    pub(crate) fn dwells_ms(&self, now_ms: u64) -> Option<(u64, u64)> {
        let max_ms = self.view().roles.landing_zone_max_hours()?.saturating_mul(3_600_000);
        let since_ms = self.dwelling.lock().unwrap_or_else(PoisonError::into_inner).since_ms()?;
        if self.store.is_archive().is_ok_and(|is_archive| is_archive) {
            return None;
        }
        Some((now_ms.saturating_sub(since_ms), max_ms))
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
        self.receipt_with(view, index, self.store.entry(index)?)
    }

    fn receipt_with(&self, view: &View, index: u64, entry: Vec<u8>) -> Result<Receipt, StoreError> {
        let inclusion = tree::inclusion(&self.tree(view), index, view.size)?;
        let inclusion = inclusion.into_iter().map(Hash::to_vec).collect();
        Ok(Receipt { index, entry, inclusion, checkpoint: view.checkpoint.clone() })
    }

    /// The receipt of what was taken.
    pub(crate) fn receipt_of(&self, taken: Taken) -> Result<Receipt, AppendError> {
        let receipt = match taken.entry {
            Some(entry) => self.receipt_with(&taken.view, taken.index, entry),
            None => self.receipt(&taken.view, taken.index),
        };
        receipt.map_err(AppendError::Receipt)
    }

    /// Queues a batch; waits while too much is waiting. The answer comes when it is durable.
    pub(crate) async fn append(&self, examined: Examined, fuse: Fuse) -> Result<Answered, AppendError> {
        let kib = (examined.submission.bytes >> 10) as u32 + 1;
        self.queue(Work::Batch { examined: Box::new(examined), fuse }, kib).await
    }

    pub(super) async fn queue(&self, work: Work, kib: u32) -> Result<Answered, AppendError> {
        let Writer::Own(queue) = &self.writer else {
            return Err(self.check_takes().err().unwrap_or(AppendError::ShuttingDown));
        };
        let permit = Arc::clone(&self.waiting).acquire_many_owned(kib).await;
        let permit = permit.map_err(|_| AppendError::ShuttingDown)?;
        let (answer, answered) = oneshot::channel();
        let job = Job { work, answer, queued_at: Instant::now(), _permit: permit };
        queue.send(job).await.map_err(|_| AppendError::ShuttingDown)?;
        Ok(answered)
    }
}
