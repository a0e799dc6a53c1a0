//! How much one actor may have at a time, so that none keeps another waiting: calls a second, streams, bytes on their way,
//! bytes a second, evidence that is read ahead.
//!
//! Invariants: what is over a number of streams or of calls is refused at once (RESOURCE_EXHAUSTED), what is over a rate or over the bytes
//! on their way waits, and a stream that waits is slowed by its own transport; an actor holds at most a quarter of what all
//! batches together may hold. An export that finds no room to read ahead waits for nobody: it reads one batch after the other.
//! Callers of an open log are one actor, which may have all there is. Specification: `specs/limits.md`.

use crate::access::Actor;
use crate::config::LimitsConfig;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zegel_proto::limits::APPEND_BYTES_MAX;
use zegel_verifier::hash::Hash;

/// KiB of one actor's batches that wait or are being written: a quarter of all.
const ACTOR_KIB_MAX: usize = 16 << 10;
/// KiB of evidence that all exports of a process may read ahead: each holds one batch besides, or it would not go on.
pub(crate) const AHEAD_KIB_MAX: usize = 256 << 10;
/// KiB of those that the exports of one actor may hold: a quarter of all, and room for one export at its full speed.
pub(crate) const ACTOR_AHEAD_KIB_MAX: usize = 64 << 10;
/// KiB of the largest batch once it was read: what was appended, and its events as messages with their proofs.
pub(crate) const BATCH_KIB_MAX: usize = (APPEND_BYTES_MAX >> 10) + (1 << 10);
/// Time that a rate is saved up for.
const BURST: Duration = Duration::from_secs(1);

/// What an actor holds.
#[derive(Debug)]
pub(crate) struct Share {
    streams: Arc<Semaphore>,
    kib: Arc<Semaphore>,
    ahead: Arc<Semaphore>,
    rate: Option<Mutex<Rate>>,
    calls: Option<Mutex<Rate>>,
}

/// Room for batches of evidence that were read and not yet taken: that of all exports, and of one actor's.
#[derive(Clone, Debug)]
pub(crate) struct AheadRoom {
    of_all: Arc<Semaphore>,
    own: Option<Arc<Semaphore>>,
}

/// The place of one such batch.
#[derive(Debug)]
pub(crate) struct AheadPlace(Vec<OwnedSemaphorePermit>);

impl AheadRoom {
    /// Room that nobody else takes.
    #[cfg(test)]
    pub(crate) fn of_kib(kib: usize) -> Self {
        Self { of_all: Arc::new(Semaphore::new(kib)), own: None }
    }

    /// Room for a batch of any size, if it is there now.
    pub(crate) fn place(&self) -> Option<AheadPlace> {
        let of = |room: &Arc<Semaphore>| Arc::clone(room).try_acquire_many_owned(BATCH_KIB_MAX as u32).ok();
        let own = self.own.as_ref().map(of);
        let taken = [Some(of(&self.of_all)), own].into_iter().flatten();
        taken.collect::<Option<Vec<_>>>().map(AheadPlace)
    }
}

impl AheadPlace {
    /// Gives back what a batch of so many bytes does not need.
    pub(crate) fn keep(&mut self, bytes: usize) {
        let needed = (bytes >> 10) + 1;
        for permit in &mut self.0 {
            drop(permit.split(permit.num_permits().saturating_sub(needed)));
        }
    }
}

/// A bucket that fills by so many bytes, or calls, a second.
#[derive(Debug)]
struct Rate {
    per_second: f64,
    /// Below zero: taken ahead.
    saved: f64,
    at: Instant,
}

impl Rate {
    fn full(per_second: f64) -> Self {
        Self { per_second, saved: per_second * BURST.as_secs_f64(), at: Instant::now() }
    }

    fn fill(&mut self, now: Instant) {
        let filled = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        self.saved = (self.saved + filled).min(self.per_second * BURST.as_secs_f64());
        self.at = now;
    }

    /// Takes bytes; gives how long to wait until they were there.
    fn take(&mut self, bytes: usize, now: Instant) -> Duration {
        self.fill(now);
        self.saved -= bytes as f64;
        Duration::from_secs_f64((-self.saved).max(0.0) / self.per_second)
    }

    /// Takes what is there, or nothing.
    fn take_if_there(&mut self, count: f64, now: Instant) -> bool {
        self.fill(now);
        let is_there = self.saved >= count;
        if is_there {
            self.saved -= count;
        }
        is_there
    }
}

/// The shares of all actors of a process.
#[derive(Debug)]
pub(crate) struct Limits {
    config: LimitsConfig,
    shares: Mutex<HashMap<(String, Hash), Arc<Share>>>,
    ahead: Arc<Semaphore>,
}

/// What a stream of one actor holds while it goes on.
pub(crate) struct StreamPlace {
    own: Option<OwnedSemaphorePermit>,
}

impl StreamPlace {
    /// It is one of an actor's, of which there are few.
    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }
}

impl Limits {
    pub(crate) fn new(config: LimitsConfig) -> Self {
        Self { config, shares: Mutex::default(), ahead: Arc::new(Semaphore::new(AHEAD_KIB_MAX)) }
    }

    /// The share of an actor of a log; `None` where nobody has a name. There are as many as clients are listed.
    fn share(&self, origin: &str, actor: Actor) -> Option<Arc<Share>> {
        let (Actor::Known(actor) | Actor::Follower(actor)) = actor else { return None };
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares.entry((origin.to_owned(), actor)).or_insert_with(|| {
            let rate = |per_second: f64| Mutex::new(Rate::full(per_second));
            let kib = self.config.append_kib_per_second.map(|kib| (kib.max(1) as f64) * 1_024.0);
            let calls = Some(self.config.calls_per_second).filter(|calls| *calls > 0).map(f64::from);
            Arc::new(Share {
                streams: Arc::new(Semaphore::new(self.config.streams_per_client)),
                kib: Arc::new(Semaphore::new(ACTOR_KIB_MAX)),
                ahead: Arc::new(Semaphore::new(ACTOR_AHEAD_KIB_MAX)),
                rate: kib.map(rate),
                calls: calls.map(rate),
            })
        });
        Some(Arc::clone(share))
    }

    /// Room for one more stream of an actor.
    pub(crate) fn stream(&self, origin: &str, actor: Actor) -> Option<StreamPlace> {
        let Some(share) = self.share(origin, actor) else { return Some(StreamPlace { own: None }) };
        let own = Arc::clone(&share.streams).try_acquire_owned().ok()?;
        Some(StreamPlace { own: Some(own) })
    }

    /// Room for what an export of an actor reads ahead.
    pub(crate) fn ahead(&self, origin: &str, actor: Actor) -> AheadRoom {
        let own = self.share(origin, actor).map(|share| Arc::clone(&share.ahead));
        AheadRoom { of_all: Arc::clone(&self.ahead), own }
    }

    /// How long a stream waits for its reader to take something.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.config.stalled_reader_s.max(1))
    }

    /// Whether an actor may make one more call now; if not, how many it may make a second.
    pub(crate) fn call(&self, origin: &str, actor: Actor) -> Result<(), u32> {
        let share = self.share(origin, actor);
        let Some(calls) = share.as_ref().and_then(|share| share.calls.as_ref()) else { return Ok(()) };
        let is_there = calls.lock().unwrap_or_else(PoisonError::into_inner).take_if_there(1.0, Instant::now());
        if is_there { Ok(()) } else { Err(self.config.calls_per_second) }
    }

    /// Streams that one actor may have.
    pub(crate) fn streams_max(&self) -> usize {
        self.config.streams_per_client
    }

    /// Waits until an actor may send this many bytes; they count as on their way until what is given is dropped.
    pub(crate) async fn bytes(&self, origin: &str, actor: Actor, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let share = self.share(origin, actor)?;
        let wait = share
            .rate
            .as_ref()
            .map(|rate| rate.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, Instant::now()));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            tokio::time::sleep(wait).await;
        }
        let kib = ((bytes >> 10) + 1).min(ACTOR_KIB_MAX) as u32;
        // Never closed: who waits here gets there.
        Arc::clone(&share.kib).acquire_many_owned(kib).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_saves_up_one_second_and_no_more() {
        let begun = Instant::now();
        let mut rate = Rate { per_second: 1_000.0, saved: 1_000.0, at: begun };
        assert_eq!(rate.take(1_000, begun), Duration::ZERO);
        assert_eq!(rate.take(500, begun), Duration::from_millis(500));
        // What was taken ahead is paid first.
        let later = begun + Duration::from_millis(500);
        assert_eq!(rate.take(1_000, later), Duration::from_secs(1));
        let much_later = begun + Duration::from_secs(3_600);
        assert_eq!(rate.take(1_000, much_later), Duration::ZERO);
        assert_eq!(rate.take(1, much_later), Duration::from_millis(1));
    }

    #[test]
    fn calls_over_the_rate_are_refused_and_cost_nothing() {
        let begun = Instant::now();
        let mut rate = Rate { per_second: 2.0, saved: 2.0, at: begun };
        let calls = |rate: &mut Rate, at| (0..3).filter(|_| rate.take_if_there(1.0, at)).count();
        assert_eq!(calls(&mut rate, begun), 2);
        assert_eq!(calls(&mut rate, begun + Duration::from_millis(499)), 0);
        assert_eq!(calls(&mut rate, begun + Duration::from_millis(500)), 1);
        assert_eq!(calls(&mut rate, begun + Duration::from_secs(60)), 2);
    }

    #[tokio::test]
    async fn one_actor_takes_nothing_from_another() {
        let limits = Limits::new(LimitsConfig { streams_per_client: 2, ..LimitsConfig::default() });
        let (one, two) = (Actor::Known(Hash([1; 32])), Actor::Known(Hash([2; 32])));
        let held = [limits.stream("a", one), limits.stream("a", one)];
        assert!(held.iter().all(Option::is_some));
        assert!(limits.stream("a", one).is_none());
        assert!(limits.stream("a", two).is_some() && limits.stream("b", one).is_some());
        drop(held);
        assert!(limits.stream("a", one).is_some());
        let all = limits.bytes("a", one, ACTOR_KIB_MAX << 10).await;
        let waiting = limits.bytes("a", one, 1);
        tokio::pin!(waiting);
        assert!(futures_poll(waiting.as_mut()).is_none(), "what is over the share waits");
        assert!(limits.bytes("a", two, 1 << 20).await.is_some(), "and the other does not");
        drop(all);
        assert!(waiting.await.is_some());
    }

    #[test]
    fn what_is_read_ahead_is_bounded_for_an_actor_and_for_all_and_is_given_back() {
        let limits = Limits::new(LimitsConfig::default());
        let places = |number: u8| {
            let room = limits.ahead("a", Actor::Known(Hash([number; 32])));
            std::iter::from_fn(move || room.place()).collect::<Vec<_>>()
        };
        let one = places(1);
        assert_eq!(one.len(), ACTOR_AHEAD_KIB_MAX / BATCH_KIB_MAX);
        assert!(places(1).is_empty(), "what one export of an actor holds, another of his does not have");
        let others: Vec<_> = (2..8).map(places).collect();
        let held: usize = one.len() + others.iter().map(Vec::len).sum::<usize>();
        assert_eq!(held, AHEAD_KIB_MAX / BATCH_KIB_MAX);
        drop(others);
        // What was read turns out to be small: there is room for more, and no byte is lost on the way.
        let small = one.into_iter().map(|mut place| {
            place.keep(10 << 10);
            place
        });
        let small: Vec<_> = small.collect();
        let more = places(1);
        assert_eq!(more.len(), (ACTOR_AHEAD_KIB_MAX - small.len() * 11) / BATCH_KIB_MAX);
        drop((small, more));
        let open = limits.ahead("a", Actor::Anyone);
        let all: Vec<_> = std::iter::from_fn(|| open.place()).collect();
        assert_eq!(all.len(), AHEAD_KIB_MAX / BATCH_KIB_MAX, "who has no name has all there is, and no more");
    }

    /// What a future has ready at once.
    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
