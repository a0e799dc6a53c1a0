//! The last steps of a group, whoever decided it and whoever signed its checkpoint: truth, guard, publish, project.
//!
//! Invariants: the truth with its checkpoint is one atomic, synced write; the guard follows it; nothing is published before
//! both are durable. The steps, and what if we stop after each, are told in `sequencer`. The store does not say here who
//! signed: a primary signs its own groups, a follower has verified the note of its primary.

use super::{SharedDwelling, SharedView, View};
use crate::access::Roles;
use crate::log::{SealedContent, SealedEntry};
use crate::metrics::{LogMetrics, now_ms, timed};
use crate::store::{Group, Guard, Step, Store, StoreError};
use crate::tree::Edge;
use std::sync::{Arc, PoisonError};

/// Makes groups durable and visible, one after the other.
pub(super) struct Publisher {
    pub(super) origin: String,
    pub(super) edge: Edge,
    pub(super) guard: Guard,
    pub(super) store: Arc<Store>,
    pub(super) view: SharedView,
    pub(super) metrics: LogMetrics,
    /// Content that is here.
    pub(super) dwelling: SharedDwelling,
}

impl Publisher {
    /// Steps 4 to 6, under a signed note of the group's size and root. Gives the entries' bytes, by index.
    pub(super) fn publish(
        &mut self,
        mut group: Group,
        note: Vec<u8>,
        roles: Option<Arc<Roles>>,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let metrics = self.metrics.clone();
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
        self.show(View { size: group.sealed.size, checkpoint: note, roles, edge });
        self.store.project(entries)?;
        if !group.tables.is_empty() {
            self.store.drop_old_tables()?;
        }
        Ok(bytes)
    }

    fn count(&self, entries: &[SealedEntry]) {
        self.metrics.group_entries.observe(entries.len() as f64);
        let mut dwelling = self.dwelling.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            match &entry.content {
                SealedContent::Batch(batch) => {
                    let kinds = batch.events.iter().map(|event| event.facts.kind);
                    dwelling.take(entry.index, self.store.now_ms(), kinds);
                    self.metrics.appends.inc();
                    self.metrics.events.inc_by(batch.events.len() as u64);
                }
                SealedContent::Snapshot => {
                    dwelling.take(entry.index, self.store.now_ms(), std::iter::empty());
                    self.metrics.snapshot_logged(now_ms());
                }
            }
        }
    }

    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Memory follows disk: if we crash before this, loading finds the group in the store and arrives here too.
    fn show(&mut self, view: View) {
        self.edge = view.edge.clone();
        tracing::debug!(origin = self.origin, size = view.size, "committed");
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }
}
