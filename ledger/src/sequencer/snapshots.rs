//! Snapshots that are asked for: one is made at a time, and whoever asks meanwhile shares the next.
//!
//! Invariants:
//! - who asks gets a snapshot that was begun after he asked, so it covers all that was published then;
//! - of one log one table is under way and one waits for it, however many ask: a table takes a thread, and the projections wait for it;
//! - what nobody waits for any more is not begun; what was begun is finished.
//!
//! Not here: how a table is made (`store`), and who may ask (`service`). Specification: `specs/limits.md`.

use super::{AppendError, OpenLog, Work};
use crate::store::Cut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;
use zegel_proto::v1::Receipt;

/// What all hear who share a snapshot, once it is there.
type Told = Option<Result<Receipt, AppendError>>;

/// The snapshots of one log that are asked for.
#[derive(Default)]
pub(super) struct Snapshots {
    /// The one that has not begun: whoever asks shares it.
    next: Mutex<Option<watch::Receiver<Told>>>,
    /// Held by the one that is under way.
    turn: tokio::sync::Mutex<()>,
}

impl Snapshots {
    fn next(&self) -> MutexGuard<'_, Option<watch::Receiver<Told>>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenLog {
    /// The receipt of a snapshot that covers what is published now, or more.
    ///
    /// # Errors
    /// [`AppendError`].
    pub(crate) async fn snapshot(self: &Arc<Self>) -> Result<Receipt, AppendError> {
        let mut told = self.share_snapshot();
        let told = told.wait_for(Option::is_some).await.map_err(|_| AppendError::ShuttingDown)?;
        told.clone().unwrap_or(Err(AppendError::ShuttingDown))
    }

    fn share_snapshot(self: &Arc<Self>) -> watch::Receiver<Told> {
        let begin = || {
            let (tell, told) = watch::channel(None);
            // Not in the call that asked first: others share it, and it may be cancelled.
            tokio::spawn(take_turn(Arc::clone(self), tell));
            told
        };
        self.snapshots.next().get_or_insert_with(begin).clone()
    }

    async fn make_snapshot(&self) -> Result<Receipt, AppendError> {
        let size = self.view().size;
        if size == 0 {
            return Err(AppendError::NothingToCover);
        }
        let begin = Instant::now();
        // The table is made first, beside the appends that go on; then its snapshot becomes an entry like any other.
        let store = Arc::clone(self.store());
        let table = tokio::task::spawn_blocking(move || store.make_table(Cut::AtLeast(size))).await;
        let table = table.map_err(|_| AppendError::ShuttingDown)?.map_err(AppendError::Table)?;
        let answered = self.queue(Work::Snapshot(Box::new(table)), 1).await?;
        let taken = answered.await.unwrap_or(Err(AppendError::ShuttingDown));
        let receipt = self.receipt_of(taken.inspect_err(|reason| self.metrics().not_taken(reason))?)?;
        self.metrics().snapshots.observe(begin.elapsed().as_secs_f64());
        Ok(receipt)
    }
}

async fn take_turn(log: Arc<OpenLog>, tell: watch::Sender<Told>) {
    let _turn = log.snapshots.turn.lock().await;
    // Who asks from here on wants what is published later than what this one sees.
    drop(log.snapshots.next().take());
    if tell.receiver_count() > 0 {
        let _ = tell.send(Some(log.make_snapshot().await));
    }
}
