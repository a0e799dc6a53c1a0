//! Messages on their way to a reader, who may be slow, but not for ever.
//!
//! Invariants:
//! - a few parcels wait, no more, and of large ones one: a slow reader slows the thread that makes them, and nothing else;
//! - a reader that takes nothing for as long as its patience is cut: what waited for it is let go of, the thread goes on to
//!   others, and what the reader finds when it comes back is an error, never an end;
//! - a stream whose maker ends in any other way than by its last word ends in an error too;
//! - as long as the stream is there, it holds the place that bounds the memory of all; the place of the thread is given back with it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tonic::Status;

struct State<T> {
    /// Parcels, with the bytes of each.
    waiting: VecDeque<(Vec<T>, usize)>,
    /// Bytes of all of them.
    bytes: usize,
    /// How it ended: `None` while it goes on, and once the reader knows.
    ended: Option<Result<(), Status>>,
    is_ended: bool,
    reader: Option<Waker>,
    is_reader_gone: bool,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    taken: Condvar,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn clear(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
    }

    fn end(&mut self, how: Result<(), Status>) {
        if !self.is_ended {
            (self.is_ended, self.ended) = (true, Some(how));
        }
        self.reader.take().into_iter().for_each(Waker::wake);
    }
}

/// The end at which messages are made, by a thread that may wait.
pub(super) struct Maker<T> {
    shared: Arc<Shared<T>>,
    parcels_max: usize,
    patience: Duration,
}

/// What became of a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It waits for its reader.
    Waits,
    /// There is no reader any more, or it was cut off before.
    Gone,
    /// The reader took nothing for too long.
    Cut,
}

/// The end at which they are read: a stream.
pub(crate) struct Parcels<T, P = ()> {
    shared: Arc<Shared<T>>,
    open: std::vec::IntoIter<T>,
    _place: P,
}

/// Bytes of parcels that wait. One of more waits alone.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// Both ends. At most `parcels_max` parcels wait, and for no longer than `patience`.
pub(super) fn parcels<T, P>(parcels_max: usize, patience: Duration, place: P) -> (Maker<T>, Parcels<T, P>) {
    let waiting = VecDeque::new();
    let state = State { waiting, bytes: 0, ended: None, is_ended: false, reader: None, is_reader_gone: false };
    let shared = Arc::new(Shared { state: Mutex::new(state), taken: Condvar::new() });
    let reader = Parcels { shared: Arc::clone(&shared), open: Vec::new().into_iter(), _place: place };
    (Maker { shared, parcels_max, patience }, reader)
}

impl<T> Maker<T> {
    /// Hands a parcel of so many bytes over; waits while too much waits.
    pub(super) fn send(&self, parcel: Vec<T>, bytes: usize) -> Sent {
        let state = self.shared.lock();
        let is_over = |state: &State<T>| !state.waiting.is_empty() && state.bytes + bytes > WAITING_BYTES_MAX;
        let is_full =
            |state: &mut State<T>| (state.waiting.len() >= self.parcels_max || is_over(state)) && !state.is_reader_gone;
        let waited = self.shared.taken.wait_timeout_while(state, self.patience, is_full);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.is_reader_gone || state.is_ended {
            return Sent::Gone;
        }
        if waited.timed_out() {
            state.clear();
            let patience = self.patience.as_secs_f64();
            let reason = format!("the reader took nothing for {patience} s and was cut off: ask again, and read on");
            state.end(Err(Status::deadline_exceeded(reason)));
            return Sent::Cut;
        }
        state.waiting.push_back((parcel, bytes));
        state.bytes += bytes;
        state.reader.take().into_iter().for_each(Waker::wake);
        Sent::Waits
    }

    /// Says how it ended.
    pub(super) fn end(self, how: Result<(), Status>) {
        self.shared.lock().end(how);
    }
}

impl<T> Drop for Maker<T> {
    fn drop(&mut self) {
        self.shared.lock().end(Err(Status::internal("the call ended before its answer")));
    }
}

impl<T, P> Drop for Parcels<T, P> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_reader_gone = true;
        state.clear();
        self.shared.taken.notify_all();
    }
}

impl<T: Unpin, P: Unpin> tokio_stream::Stream for Parcels<T, P> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(message) = self.open.next() {
                return Poll::Ready(Some(Ok(message)));
            }
            let shared = Arc::clone(&self.shared);
            let mut state = shared.lock();
            if let Some((parcel, bytes)) = state.waiting.pop_front() {
                state.bytes -= bytes;
                self.open = parcel.into_iter();
                shared.taken.notify_all();
            } else if state.is_ended {
                return Poll::Ready(state.ended.take().and_then(Result::err).map(Err));
            } else {
                state.reader = Some(context.waker().clone());
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_stream::StreamExt;
    use tonic::Code;

    const LONG: Duration = Duration::from_secs(60);

    async fn codes(mut reader: Parcels<u32>) -> (Vec<u32>, Option<Code>) {
        let mut read = Vec::new();
        loop {
            match reader.next().await {
                Some(Ok(number)) => read.push(number),
                Some(Err(status)) => return (read, Some(status.code())),
                None => return (read, None),
            }
        }
    }

    #[tokio::test]
    async fn all_comes_in_order_and_then_the_end() {
        let (maker, reader) = parcels(2, LONG, ());
        let making = std::thread::spawn(move || {
            let sent: Vec<Sent> = (0..100).map(|number| maker.send(vec![2 * number, 2 * number + 1], 8)).collect();
            maker.end(Ok(()));
            sent
        });
        assert_eq!(codes(reader).await, ((0..200).collect(), None));
        assert!(making.join().expect("no panic").iter().all(|sent| *sent == Sent::Waits));
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_cut_and_hears_so_when_it_comes_back() {
        let (maker, mut reader) = parcels(2, Duration::from_millis(20), ());
        assert_eq!(maker.send(vec![1, 2], 8), Sent::Waits);
        assert_eq!(reader.next().await.map(Result::ok), Some(Some(1)));
        assert_eq!(
            [maker.send(vec![3], 8), maker.send(vec![4], 8), maker.send(vec![5], 8)],
            [Sent::Waits, Sent::Waits, Sent::Cut]
        );
        // Whatever else was made for it has no place behind what is missing.
        assert_eq!(maker.send(vec![6], 8), Sent::Gone);
        drop(maker);
        // What it had in hand, and then no end.
        assert_eq!(codes(reader).await, (vec![2], Some(Code::DeadlineExceeded)));
    }

    #[tokio::test]
    async fn of_large_parcels_one_waits_and_of_small_ones_as_many_as_may() {
        let large = WAITING_BYTES_MAX + 1;
        let (maker, mut reader) = parcels(8, Duration::from_millis(20), ());
        assert_eq!([maker.send(vec![1], large), maker.send(vec![2], 1)], [Sent::Waits, Sent::Cut]);
        assert_eq!(
            reader.next().await.map(|read| read.map_err(|status| status.code())),
            Some(Err(Code::DeadlineExceeded))
        );
        let (maker, mut reader) = parcels(8, Duration::from_millis(20), ());
        let half = WAITING_BYTES_MAX / 2;
        assert_eq!([maker.send(vec![1], half), maker.send(vec![2], half)], [Sent::Waits, Sent::Waits]);
        assert_eq!(reader.next().await.map(Result::ok), Some(Some(1)));
        assert_eq!([maker.send(vec![3], half), maker.send(vec![4], 1)], [Sent::Waits, Sent::Cut]);
    }

    #[tokio::test]
    async fn a_maker_that_breaks_off_is_no_end_and_a_reader_that_left_is_told() {
        let (maker, reader) = parcels(2, LONG, ());
        assert_eq!(maker.send(vec![1], 8), Sent::Waits);
        drop(maker);
        assert_eq!(codes(reader).await, (vec![1], Some(Code::Internal)));
        let (maker, reader) = parcels(1, LONG, ());
        assert_eq!(maker.send(vec![1], 8), Sent::Waits);
        drop(reader);
        assert_eq!(maker.send(vec![2], 8), Sent::Gone);
    }
}
