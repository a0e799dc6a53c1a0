//! Reading ahead: a few threads prepare what the caller takes in order, so that reading and hashing of one batch go on while
//! another is sent.
//!
//! Invariants: results come in the order of the tasks; at most [`DEPTH`] tasks a thread are under way, which bounds the
//! memory. Not here: what is prepared, and where it goes.

use super::ExportError;
use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder, Scope};

/// Tasks of each thread that are under way: one in work, one waiting for it or to be taken.
const DEPTH: usize = 2;
/// Threads of one export; readers of other requests want cores too.
const THREADS_MAX: usize = 4;

struct Worker<T, R> {
    tasks: SyncSender<T>,
    done: Receiver<R>,
}

impl<T: Send, R: Send> Worker<T, R> {
    fn start<'scope>(scope: &'scope Scope<'scope, '_>, work: &'scope (impl Fn(T) -> R + Sync)) -> Option<Self>
    where
        T: 'scope,
        R: 'scope,
    {
        let (tasks, asked) = sync_channel::<T>(DEPTH);
        let (answer, done) = sync_channel(DEPTH);
        let run = move || asked.into_iter().map(work).try_for_each(|result| answer.send(result));
        Builder::new().name("read-ahead".into()).spawn_scoped(scope, run).ok()?;
        Some(Self { tasks, done })
    }

    /// Its next result. A thread that ended before it gave one has panicked, which the scope makes known.
    fn result(&self) -> Result<R, ExportError> {
        self.done.recv().map_err(|_| ExportError::Gone)
    }
}

/// Does `work` on each task by a few threads, and gives `take` the results in order. Where the system gives no thread, the
/// caller works.
pub(super) fn in_order<T: Send, R: Send>(
    tasks: impl Iterator<Item = Result<T, ExportError>>,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    thread::scope(|scope| {
        let workers: Vec<Worker<T, R>> = (0..threads).map_while(|_| Worker::start(scope, &work)).collect();
        let mut under_way: VecDeque<&Worker<T, R>> = VecDeque::new();
        for (number, task) in tasks.enumerate() {
            let task = task?;
            let Some(worker) = number.checked_rem(workers.len()).and_then(|at| workers.get(at)) else {
                take(work(task))?;
                continue;
            };
            if under_way.len() == workers.len() * DEPTH
                && let Some(first) = under_way.pop_front()
            {
                take(first.result()?)?;
            }
            worker.tasks.send(task).map_err(|_| ExportError::Gone)?;
            under_way.push_back(worker);
        }
        under_way.into_iter().try_for_each(|worker| take(worker.result()?))
    })
}
