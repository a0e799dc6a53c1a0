//! Brings the projections up to the truth, behind the writer's back.
//!
//! A thread of its own takes committed entries in runs, and writes each run with its watermark. A reader that needs the
//! projections of some size asks for them and waits ([`Projector::reach`]). The thread makes the tables of snapshots as well:
//! between two runs the streams stand still, so its own watermark is a consistent cut, while appends go on.
//!
//! What if we stop at any point? Entries from the watermark on are projected again from the truth when the log is opened.
//! If a run cannot be written, the log stops accepting with the next group. Memory: [`WAITING_EVENTS_MAX`] events wait;
//! then the writer does.

use crate::log::{SealedBatch, SealedContent, SealedEntry};
use crate::polite::standing_back;
use crate::store::StoreError;
use crate::store::database::{Column, Database};
use crate::store::faults::{Faults, Step, step};
use crate::store::projection::Projection;
use crate::store::table::MadeTable;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Events that are written together: enough that a stream of a hundred thousand is touched more than once.
pub(super) const RUN_EVENTS: usize = 262_144;
/// Events that may wait, at some 200 bytes each; a table of a million ids is made in that time.
const WAITING_EVENTS_MAX: usize = 2 * RUN_EVENTS;

/// A committed entry, as far as projections need it.
struct Committed {
    index: u64,
    batch: Option<Box<SealedBatch>>,
}

impl Committed {
    /// What it weighs: an entry without events is not free.
    fn events(&self) -> usize {
        self.batch.as_ref().map_or(1, |batch| batch.events.len() + 1)
    }
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Committed>,
    waiting_events: usize,
    /// Entries that are projected.
    watermark: u64,
    /// Entries that somebody waits for.
    wanted: u64,
    tables: VecDeque<TableWanted>,
    is_closing: bool,
    failed: Option<StoreError>,
}

/// The queue between the writer, the readers and the thread that projects.
#[derive(Default)]
pub(super) struct Projector {
    state: Mutex<State>,
    changed: Condvar,
}

/// How many entries a table is to cover; they are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// At least these: what is projected when its turn comes.
    AtLeast(u64),
    /// These and no more: a snapshot that another ledger made says so.
    At(u64),
}

impl Cut {
    const fn entries(self) -> u64 {
        match self {
            Self::AtLeast(entries) | Self::At(entries) => entries,
        }
    }
}

/// The thread, for as long as it works: whatever ends it, nobody waits for it any more.
struct Working<'a>(&'a Projector);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the projector panicked");
            self.0.fail(StoreError::failed("projecting", "the thread that projects panicked: open the log again"));
        }
    }
}

/// A table, and who waits for it.
struct TableWanted {
    cut: Cut,
    made: SyncSender<Result<MadeTable, StoreError>>,
}

/// What the thread is to do next.
enum Task {
    Run(Vec<Committed>),
    Table(TableWanted),
    Close,
}

impl Projector {
    pub(super) fn start(
        self: &Arc<Self>,
        db: Arc<Database>,
        faults: Arc<dyn Faults>,
        watermark: u64,
    ) -> Result<JoinHandle<()>, StoreError> {
        self.lock().watermark = watermark;
        let projector = Arc::clone(self);
        let thread = std::thread::Builder::new().name("projector".into());
        let thread = thread.spawn(move || {
            let working = Working(&projector);
            working.0.work(&db, faults.as_ref());
        });
        thread.map_err(|reason| StoreError::failed("starting the projector", reason))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Entries that are projected.
    pub(super) fn watermark(&self) -> u64 {
        self.lock().watermark
    }

    /// Hands over entries that are durable. Waits while too many wait.
    pub(super) fn take(&self, entries: Vec<SealedEntry>) -> Result<(), StoreError> {
        let mut state = self.lock();
        while state.waiting_events >= WAITING_EVENTS_MAX && state.failed.is_none() {
            state = self.wait(state);
        }
        if let Some(reason) = &state.failed {
            return Err(reason.clone());
        }
        for entry in entries {
            let batch = match entry.content {
                SealedContent::Batch(batch) => Some(batch),
                SealedContent::Snapshot => None,
            };
            let committed = Committed { index: entry.index, batch };
            state.waiting_events += committed.events();
            state.waiting.push_back(committed);
        }
        // Whoever waits may wait for these.
        if state.waiting_events >= RUN_EVENTS || state.wanted > state.watermark || !state.tables.is_empty() {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Waits until the projections hold the first `size` entries, which are published.
    pub(super) fn reach(&self, size: u64) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.watermark < size {
            state.wanted = state.wanted.max(size);
            self.changed.notify_all();
        }
        while state.watermark < size {
            if let Some(reason) = &state.failed {
                return Err(reason.clone());
            }
            state = self.wait(state);
        }
        Ok(())
    }

    /// Asks for a table.
    pub(super) fn table(&self, cut: Cut) -> Receiver<Result<MadeTable, StoreError>> {
        let (made, receiver) = sync_channel(1);
        let mut state = self.lock();
        // After a failure nobody would answer: dropping the sender does.
        if state.failed.is_none() {
            state.tables.push_back(TableWanted { cut, made });
            self.changed.notify_all();
        }
        receiver
    }

    /// Projects what waits, then ends the thread.
    pub(super) fn close(&self) {
        self.lock().is_closing = true;
        self.changed.notify_all();
    }

    fn next(&self) -> Task {
        let mut state = self.lock();
        loop {
            let watermark = state.watermark;
            // Appends go on meanwhile: whoever waits for a table waits for what was there when it asked, no more.
            if state.tables.front().is_some_and(|wanted| wanted.cut.entries() <= watermark)
                && let Some(wanted) = state.tables.pop_front()
            {
                return Task::Table(wanted);
            }
            let is_asked = state.is_closing || !state.tables.is_empty() || state.wanted > watermark;
            if state.waiting_events >= RUN_EVENTS || (is_asked && !state.waiting.is_empty()) {
                return Task::Run(state.run());
            }
            if state.is_closing {
                return Task::Close;
            }
            state = self.wait(state);
        }
    }

    fn work(&self, db: &Database, faults: &dyn Faults) {
        loop {
            let done = match self.next() {
                Task::Run(run) => step(faults, Step::Projection, || project(db, &run)),
                Task::Table(TableWanted { cut, made }) => {
                    let watermark = self.watermark();
                    let table = step(faults, Step::Table, || make_table(db, cut, watermark));
                    // Whoever asked may have gone: the table is swept when the log is opened.
                    let _ = made.send(table);
                    continue;
                }
                // A clean stop leaves nothing to replay.
                Task::Close => return drop(db.flush(Column::LOG)),
            };
            match done {
                Ok(watermark) => self.lock().watermark = watermark,
                Err(reason) => {
                    tracing::error!(%reason, "projections cannot be written");
                    return self.fail(reason);
                }
            }
            self.changed.notify_all();
        }
    }

    /// Tells everyone who waits, or will, that there is nothing to wait for.
    fn fail(&self, reason: StoreError) {
        let mut state = self.lock();
        state.failed = Some(reason);
        // Whoever waits for a table hears that its maker is gone.
        state.tables.clear();
        self.changed.notify_all();
    }
}

impl State {
    /// Entries of at most one run, in order.
    fn run(&mut self) -> Vec<Committed> {
        let (mut run, mut events) = (Vec::new(), 0);
        while let Some(next) = self.waiting.pop_front() {
            events += next.events();
            run.push(next);
            if events >= RUN_EVENTS {
                break;
            }
        }
        self.waiting_events -= events;
        run
    }
}

fn project(db: &Database, run: &[Committed]) -> Result<u64, StoreError> {
    let mut projection = Projection::new(db);
    for entry in run {
        projection.take(entry.index, entry.batch.as_deref());
    }
    projection.write()
}

/// Appends come first: a table has time, the projections behind it have not.
fn make_table(db: &Database, cut: Cut, watermark: u64) -> Result<MadeTable, StoreError> {
    let made = standing_back("table", || match cut {
        Cut::AtLeast(_) => Projection::write_table(db, watermark, &mut |_| true),
        Cut::At(covers) => Projection::write_table_at(db, covers, watermark),
    });
    made.map_err(|reason| StoreError::failed("making a table", reason))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NoFaults;
    use std::sync::mpsc::channel;
    use std::time::Duration;
    use zegel_verifier::hash::Hash;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn entry(index: u64) -> SealedEntry {
        SealedEntry { index, bytes: Vec::new(), leaf: Hash::ZERO, content: SealedContent::Snapshot }
    }

    #[test]
    fn whoever_asks_for_what_is_still_on_its_way_is_woken_when_it_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        let db = Arc::new(Database::open(folder.path(), Column::LOG).expect("a database"));
        let projector = Arc::new(Projector::default());
        let thread = projector.start(Arc::clone(&db), Arc::new(NoFaults), 0).expect("a thread");
        let (reached, reader) = channel();
        let asking = Arc::clone(&projector);
        std::thread::spawn(move || reached.send(asking.reach(2)));
        let table = projector.table(Cut::AtLeast(2));
        projector.take(vec![entry(0)]).expect("taken");
        projector.take(vec![entry(1)]).expect("taken");
        assert_eq!(reader.recv_timeout(PATIENCE), Ok(Ok(())));
        let made = table.recv_timeout(PATIENCE).expect("an answer").expect("a table");
        assert!(made.snapshot.covers >= 2, "{made:?}");
        assert_eq!(projector.watermark(), 2);
        projector.close();
        thread.join().expect("the thread ended well");
    }
}
