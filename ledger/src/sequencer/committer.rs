//! The second half of the writer: signs a group, makes its truth durable, publishes it, answers.
//!
//! Invariants: groups come in the order in which they were drafted, and each waits for the one before it; nothing is answered,
//! not even a refusal, before its own group and all before it are durable. The steps are told in `sequencer`.

use super::publisher::Publisher;
use super::{Answer, AppendError, Stopped, Taken};
use crate::access::Roles;
use crate::metrics::timed;
use crate::signing::{LogSigners, Unsigned};
use crate::store::{Group, Step, StoreError};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
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
    pub(super) publisher: Publisher,
    pub(super) keys: LogSigners,
    pub(super) stopped: Stopped,
    /// Told after each group.
    pub(super) finished: Sender<()>,
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
        tracing::error!(origin = self.publisher.origin, %reason, "the log stops accepting");
        self.stopped.get_or_init(|| reason.to_string()).clone()
    }

    /// Steps 3 to 6. Gives the entries' bytes, by index.
    fn commit(&mut self, group: Group, roles: Option<Arc<Roles>>) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let (publisher, sealed) = (&self.publisher, &group.sealed);
        let unsigned = Unsigned {
            text: &sealed.checkpoint_text,
            log_key: sealed.log_key,
            size: sealed.size,
            root: sealed.root,
            time_s: publisher.store.now_ms() / 1_000,
        };
        let sign = || publisher.store.step(Step::Sign, || self.keys.sign(&publisher.origin, &unsigned));
        let note = timed(&publisher.metrics.sign, sign)?;
        self.publisher.publish(group, note, roles)
    }

    fn answer(&self, decided: Vec<Decided>, written: Result<Vec<(u64, Vec<u8>)>, String>) {
        let view = self.publisher.view();
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
