//! The second half of the writer: signs a group, makes its truth durable, publishes it, answers.
//!
//! Invariants: groups come in the order in which they were drafted, and each waits for the one before it; nothing is answered,
//! not even a refusal, before its own group and all before it are durable. The steps are told in `sequencer`.

use super::{Answer, AppendError, OpenLog, SharedView, Stopped, Taken, View};
use crate::access::Roles;
use crate::log::{SealedContent, SealedEntry};
use crate::metrics::{LogMetrics, now_ms, timed};
use crate::signing::{LogSigners, Unsigned};
use crate::store::{Group, Guard, Step, Store, StoreError};
use crate::tree::Edge;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, PoisonError};
use tokio::sync::OwnedSemaphorePermit;

/// What a job of a group became, before the group is durable.
pub(super) struct Decided {
    pub(super) answer: Answer,
    pub(super) decision: Result<u64, AppendError>,
    pub(super) _permit: OwnedSemaphorePermit,
}

/// A group that is decided. `None`: nothing of it is to be written.
pub(super) struct Drafted {
    pub(super) decided: Vec<Decided>,
    /// Who may do what from the next group on, if this one changes it.
    pub(super) roles: Option<Arc<Roles>>,
    pub(super) group: Result<Option<Group>, StoreError>,
}

/// Makes groups durable, one after the other.
pub(super) struct Committer {
    pub(super) origin: String,
    pub(super) edge: Edge,
    pub(super) guard: Guard,
    pub(super) keys: LogSigners,
    pub(super) store: Arc<Store>,
    pub(super) view: SharedView,
    pub(super) stopped: Stopped,
    pub(super) metrics: LogMetrics,
    /// Told after each group.
    pub(super) finished: Sender<()>,
}

impl OpenLog {
    /// Signs and accepts nothing more until the log is opened again.
    pub(crate) fn stop(&self, reason: String) {
        if self.stopped.set(reason.clone()).is_ok() {
            tracing::error!(origin = self.origin, reason, "the log stops accepting");
        }
    }
}

impl Committer {
    pub(super) fn run(mut self, groups: &Receiver<Drafted>) {
        while let Ok(Drafted { decided, roles, group }) = groups.recv() {
            let written = match (group, self.stopped.get()) {
                // What was drafted on top of a group that failed rests on nothing.
                (Ok(_), Some(reason)) => Err(reason.clone()),
                (Err(reason), _) => Err(self.stop(&reason)),
                (Ok(None), None) => Ok(Vec::new()),
                (Ok(Some(group)), None) => self.commit(group, roles).map_err(|reason| self.stop(&reason)),
            };
            self.answer(decided, written);
            // Nobody listens when the ledger shuts down.
            let _ = self.finished.send(());
        }
    }

    fn stop(&self, reason: &StoreError) -> String {
        tracing::error!(origin = self.origin, %reason, "the log stops accepting");
        self.stopped.get_or_init(|| reason.to_string()).clone()
    }

    /// Steps 3 to 6. Gives the entries' bytes, by index.
    fn commit(&mut self, mut group: Group, roles: Option<Arc<Roles>>) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let metrics = self.metrics.clone();
        let sealed = &group.sealed;
        let unsigned = Unsigned {
            text: &sealed.checkpoint_text,
            log_key: sealed.log_key,
            size: sealed.size,
            root: sealed.root,
            time_s: self.store.now_ms() / 1_000,
        };
        let note = timed(&metrics.sign, || self.store.step(Step::Sign, || self.keys.sign(&self.origin, &unsigned)))?;
        let mut edge = self.edge.clone();
        let full = group.sealed.entries.iter().flat_map(|entry| edge.push(entry.leaf)).collect();
        timed(&metrics.sync, || {
            timed(&metrics.sync_log, || self.store.commit_truth(&group, &note, full))?;
            let (size, root) = (group.sealed.size, group.sealed.root);
            timed(&metrics.sync_guard, || self.store.step(Step::Guard, || self.guard.write(size, root)))
        })?;
        self.count(&group.sealed.entries);
        let entries = &mut group.sealed.entries;
        let bytes = entries.iter_mut().map(|entry| (entry.index, std::mem::take(&mut entry.bytes))).collect();
        let entries = std::mem::take(entries);
        // The projections follow what is published, so that no reader of theirs meets an entry that no checkpoint covers.
        let roles = roles.unwrap_or_else(|| Arc::clone(&self.view().roles));
        self.publish(View { size: group.sealed.size, checkpoint: note, roles, edge });
        self.store.project(entries)?;
        if !group.tables.is_empty() {
            self.store.drop_old_tables()?;
        }
        Ok(bytes)
    }

    fn count(&self, entries: &[SealedEntry]) {
        self.metrics.group_entries.observe(entries.len() as f64);
        for entry in entries {
            match &entry.content {
                SealedContent::Batch(batch) => {
                    self.metrics.appends.inc();
                    self.metrics.events.inc_by(batch.events.len() as u64);
                }
                SealedContent::Snapshot => self.metrics.snapshot_logged(now_ms()),
            }
        }
    }

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Memory follows disk: if we crash before this, loading finds the group in the store and arrives here too.
    fn publish(&mut self, view: View) {
        self.edge = view.edge.clone();
        tracing::debug!(origin = self.origin, size = view.size, "committed");
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }

    fn answer(&self, decided: Vec<Decided>, written: Result<Vec<(u64, Vec<u8>)>, String>) {
        let view = self.view();
        let written = written.map(|entries| {
            let first = entries.first().map_or(0, |(index, _)| *index);
            (first, entries)
        });
        let mut written = written;
        for Decided { answer, decision, _permit } in decided {
            let result = match (&mut written, decision) {
                (Err(reason), _) => Err(AppendError::Stopped { reason: reason.clone() }),
                (Ok(_), Err(refused)) => Err(refused),
                (Ok((first, entries)), Ok(index)) => {
                    let within = index.checked_sub(*first).and_then(|within| entries.get_mut(within as usize));
                    let entry = within.map(|(_, bytes)| bytes.clone());
                    Ok(Taken { index, entry, view: Arc::clone(&view) })
                }
            };
            // A client that went away is no reason to stop: its batch is in the log, and it will ask again.
            let _ = answer.send(result);
        }
    }
}
