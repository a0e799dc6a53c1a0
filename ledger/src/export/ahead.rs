//! Reading ahead: a few threads prepare what the caller takes in order, so that reading and hashing of one batch go on while
//! another is sent.
//!
//! Invariants: results come in the order of the tasks; at most [`DEPTH`] tasks a thread are under way, each with a place in the
//! room of all exports; a task that finds no place is done by the caller once nothing else is under way, so that nobody waits
//! for another's reader. Memory: the room, and one result of each caller. Not here: what is prepared, and where it goes.

use super::ExportError;
use crate::limits::{ACTOR_AHEAD_KIB_MAX, AheadPlace, AheadRoom, BATCH_KIB_MAX};
use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Builder, Scope};

/// Tasks of each thread that are under way: one in work, one waiting for it or to be taken.
const DEPTH: usize = 2;
/// Threads of one export; readers of other requests want cores too.
const THREADS_MAX: usize = 4;

// One export alone never lacks room.
const _: () = assert!(THREADS_MAX * DEPTH * BATCH_KIB_MAX <= ACTOR_AHEAD_KIB_MAX);

struct Worker<T, R> {
    tasks: SyncSender<(T, AheadPlace)>,
    done: Receiver<(R, AheadPlace)>,
}

impl<T: Send, R: Send> Worker<T, R> {
    fn start<'scope>(scope: &'scope Scope<'scope, '_>, work: &'scope (impl Fn(T) -> (R, usize) + Sync)) -> Option<Self>
    where
        T: 'scope,
        R: 'scope,
    {
        let (tasks, asked) = sync_channel::<(T, AheadPlace)>(DEPTH);
        let (answer, done) = sync_channel(DEPTH);
        let work = move |(task, mut place): (T, AheadPlace)| {
            let (result, bytes) = work(task);
            place.keep(bytes);
            (result, place)
        };
        let run = move || asked.into_iter().map(work).try_for_each(|result| answer.send(result));
        Builder::new().name("read-ahead".into()).spawn_scoped(scope, run).ok()?;
        Some(Self { tasks, done })
    }

    /// Gives its next result, whose place is given back after that. A thread that ended before it had one has panicked, which the
    /// scope makes known.
    fn give(&self, take: &mut impl FnMut(R) -> Result<(), ExportError>) -> Result<(), ExportError> {
        let (result, _place) = self.done.recv().map_err(|_| ExportError::Gone)?;
        take(result)
    }
}

/// Does `work` on each task by a few threads, and gives `take` the results in order; with each result `work` says how many bytes
/// it holds. Where there is no room, or the system gives no thread, the caller works.
pub(super) fn in_order<T: Send, R: Send>(
    room: &AheadRoom,
    tasks: impl Iterator<Item = Result<T, ExportError>>,
    work: impl Fn(T) -> (R, usize) + Sync,
    mut take: impl FnMut(R) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    thread::scope(|scope| {
        let workers: Vec<Worker<T, R>> = (0..threads).map_while(|_| Worker::start(scope, &work)).collect();
        let mut next = workers.iter().cycle();
        let mut under_way: VecDeque<&Worker<T, R>> = VecDeque::new();
        for task in tasks {
            let task = task?;
            let place = loop {
                let is_full = under_way.len() == workers.len() * DEPTH;
                if let Some(place) = (!is_full).then(|| room.place()).flatten() {
                    break Some(place);
                }
                let Some(first) = under_way.pop_front() else { break None };
                first.give(&mut take)?;
            };
            match place.zip(next.next()) {
                Some((place, worker)) => {
                    worker.tasks.send((task, place)).map_err(|_| ExportError::Gone)?;
                    under_way.push_back(worker);
                }
                None => take(work(task).0)?,
            }
        }
        under_way.into_iter().try_for_each(|worker| worker.give(&mut take))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Runs a hundred tasks, and gives the most that were begun and not yet taken.
    fn ahead(room: &AheadRoom, bytes: usize) -> usize {
        let (begun, mut taken, mut most) = (AtomicUsize::new(0), Vec::new(), 0);
        let work = |number: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            (number, bytes)
        };
        let done = in_order(room, (0..100).map(Ok), work, |number| {
            most = most.max(begun.load(Ordering::SeqCst) - taken.len());
            taken.push(number);
            Ok(())
        });
        assert_eq!((done, taken), (Ok(()), (0..100).collect()));
        most
    }

    /// How many batches there is room for.
    fn places(room: &AheadRoom) -> usize {
        std::iter::from_fn(|| room.place()).collect::<Vec<_>>().len()
    }

    #[test]
    fn everything_comes_in_order_however_little_room_there_is_and_no_more_is_held_than_it_has() {
        for batches in [0, 1, 3] {
            let room = AheadRoom::of_kib(batches * BATCH_KIB_MAX);
            assert!(ahead(&room, BATCH_KIB_MAX << 10) <= batches.max(1), "{batches}");
            assert_eq!(places(&room), batches, "all is given back");
        }
        let most = ahead(&AheadRoom::of_kib(ACTOR_AHEAD_KIB_MAX), 1);
        assert!(most <= THREADS_MAX * DEPTH, "{most}");
    }

    #[test]
    fn who_breaks_off_leaves_nothing_behind() {
        let room = AheadRoom::of_kib(8 * BATCH_KIB_MAX);
        let refuse = |number: usize| if number == 20 { Err(ExportError::Gone) } else { Ok(()) };
        assert_eq!(in_order(&room, (0..100).map(Ok), |number| (number, 1), refuse), Err(ExportError::Gone));
        assert_eq!(places(&room), 8);
    }
}
