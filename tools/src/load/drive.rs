//! Sends what was sealed, over one connection a source, and counts the answers.
//!
//! *Closed loop*: so many batches of a source are under way; the next goes when one is answered. It shows what a ledger
//! takes. *Open loop*: batches are meant to go at fixed moments, whether or not the ledger keeps up; it shows how long
//! sources wait at that rate. Timers are exact to a millisecond.

use super::meter::{Answer, Meter};
use super::mill::Batch;
use super::sealed::Supply;
use super::{LoadError, wire};
use crate::source::verify_receipt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::Channel;
use zegel_proto::parse;
use zegel_proto::v1::{AppendResponse, BatchStatement, Receipt, entry};
use zegel_verifier::registry::Registry;

/// Of so many receipts one is checked whole: signature, inclusion, and that it is of our batch. Each takes some 100 µs of
/// the machine that is measured.
const CHECKED_OF: u64 = 64;

/// Which call carries the batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `AppendStream`, one stream a source.
    Stream,
    /// `Append`, one call at a time a source.
    Unary,
}

/// When batches go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As soon as fewer than so many of a source are under way.
    Closed {
        /// Batches of a source under way.
        in_flight: usize,
    },
    /// At fixed moments.
    Open {
        /// Events a second, of all sources together.
        events_per_second: f64,
        /// Batches of a source under way, at most.
        in_flight: usize,
    },
}

impl Pace {
    fn in_flight(self) -> usize {
        match self {
            Self::Closed { in_flight } | Self::Open { in_flight, .. } => in_flight.max(1),
        }
    }
}

/// A source's connection and its batches.
pub(super) struct Lane {
    pub(super) number: u32,
    pub(super) actor: Vec<u8>,
    pub(super) channel: Channel,
    pub(super) supply: Supply,
}

/// What all lanes of a run share.
pub(super) struct Run {
    pub(super) call: Call,
    pub(super) pace: Pace,
    pub(super) lanes: u32,
    pub(super) batch_events: u32,
    pub(super) start: Instant,
    /// When nothing more is sent, since the start. The steady state may end earlier, when a lane has nothing left.
    pub(super) stop: Duration,
    pub(super) meter: Mutex<Meter>,
    pub(super) origin: String,
    pub(super) registry: Registry,
    pub(super) answers: AtomicU64,
    pub(super) checked: AtomicU64,
    /// Bytes of requests.
    pub(super) bytes: AtomicU64,
    /// Told of every answer: its events.
    pub(super) progress: Box<dyn Fn(u64) + Send + Sync>,
}

#[derive(Clone, Copy)]
struct Stamp {
    batch_seq: u64,
    events: u64,
    intended: Duration,
    sent: Duration,
}

/// Why a lane ends without a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    InTime,
    RanOut,
}

/// Drives all lanes until their supply or the time of the meter ends.
pub(super) async fn drive(run: &Arc<Run>, lanes: Vec<Lane>) -> Result<(), LoadError> {
    let mut tasks = tokio::task::JoinSet::new();
    for (place, lane) in (0..).zip(lanes) {
        let run = Arc::clone(run);
        tasks.spawn(async move {
            match run.call {
                Call::Stream => stream(&run, lane, place).await,
                Call::Unary => unary(&run, lane, place).await,
            }
        });
    }
    // The first failure ends the run: dropping the set stops the others.
    while let Some(ended) = tasks.join_next().await {
        ended.map_err(|reason| LoadError::Task { reason: reason.to_string() })??;
    }
    Ok(())
}

impl Run {
    pub(super) fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When batch `turn` of the lane in this place is meant to go.
    fn intended(&self, place: u32, turn: u64) -> Option<Duration> {
        let Pace::Open { events_per_second, .. } = self.pace else { return None };
        let number = turn as f64 * f64::from(self.lanes) + f64::from(place);
        Some(Duration::from_secs_f64(number * f64::from(self.batch_events) / events_per_second))
    }

    /// Waits until the batch is to go; gives when it was meant to, and nothing once the time is over.
    async fn turn(&self, place: u32, turn: u64) -> Option<Duration> {
        let intended = self.intended(place, turn).unwrap_or_else(|| self.start.elapsed());
        if intended >= self.stop || self.is_over(self.start.elapsed()) {
            return None;
        }
        tokio::time::sleep_until(self.start + intended).await;
        Some(intended)
    }

    /// An open loop that is behind when the time is over sends nothing more: it counts what it meant to send.
    fn is_over(&self, now: Duration) -> bool {
        now >= self.stop
    }

    /// What an open loop meant to send before the end and did not.
    fn count_unsent(&self, place: u32, from: u64) {
        let mut meter = self.meter();
        let end = meter.end();
        let left = (from..).map_while(|turn| self.intended(place, turn)).take_while(|intended| *intended < end);
        left.for_each(|intended| meter.unsent(intended, end));
    }

    fn answered(&self, lane: &LaneName, stamp: Stamp, answer: AppendResponse) -> Result<(), LoadError> {
        let answered = self.start.elapsed();
        let Stamp { batch_seq, events, intended, sent } = stamp;
        self.meter().answer(Answer { intended, sent, answered, events });
        (self.progress)(events);
        let unproven = |reason: String| LoadError::Unproven { source_number: lane.number, batch_seq, reason };
        let receipt = answer.receipt.ok_or_else(|| unproven("there is no receipt".into()))?;
        if self.answers.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKED_OF) {
            self.check(lane, batch_seq, &receipt).map_err(unproven)?;
            self.checked.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn check(&self, lane: &LaneName, batch_seq: u64, receipt: &Receipt) -> Result<(), String> {
        let entry = verify_receipt(receipt, &self.origin, &self.registry).map_err(|reason| reason.to_string())?;
        let Some(entry::Content::Batch(batch)) = entry.content else { return Err("its entry is no batch".into()) };
        let statement: BatchStatement = parse(&batch.statement).map_err(|reason| reason.to_string())?;
        let is_ours = statement.source == lane.actor && statement.batch_seq == batch_seq;
        if is_ours { Ok(()) } else { Err(format!("its entry holds batch {} of another", statement.batch_seq)) }
    }

    /// The load of a lane is over. The steady state ends when the first lane has nothing left.
    fn ended(&self, place: u32, turn: u64, how: Ended) {
        if how == Ended::RanOut {
            let now = self.start.elapsed();
            self.meter().ended_early(now);
        }
        self.count_unsent(place, turn);
    }
}

struct LaneName {
    number: u32,
    actor: Vec<u8>,
}

fn refused(lane: &LaneName, status: &Status) -> LoadError {
    LoadError::Refused { source_number: lane.number, code: status.code(), message: status.message().into() }
}

async fn unary(run: &Run, mut lane: Lane, place: u32) -> Result<(), LoadError> {
    let name = LaneName { number: lane.number, actor: lane.actor };
    let mut turn = 0;
    let how = loop {
        let Some(intended) = run.turn(place, turn).await else { break Ended::InTime };
        let Some(batch) = lane.supply.recv().await else { break Ended::RanOut };
        let Batch { batch_seq, events, bytes } = batch?;
        let sent = run.start.elapsed();
        run.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let answer = wire::append(lane.channel.clone(), bytes).await.map_err(|status| refused(&name, &status))?;
        let intended = if matches!(run.pace, Pace::Closed { .. }) { sent } else { intended };
        run.answered(&name, Stamp { batch_seq, events: u64::from(events), intended, sent }, answer)?;
        turn += 1;
    };
    run.ended(place, turn, how);
    Ok(())
}

async fn stream(run: &Run, lane: Lane, place: u32) -> Result<(), LoadError> {
    let Lane { number, actor, channel, mut supply } = lane;
    let name = LaneName { number, actor };
    let (outbound, requests) = mpsc::channel(1);
    // As many stamps as batches may be under way: a stamp is taken when its answer is here.
    let (stamps, mut stamped) = mpsc::channel::<Stamp>(run.pace.in_flight());
    let opened = wire::append_stream(channel, ReceiverStream::new(requests)).await;
    let mut answers = opened.map_err(|status| refused(&name, &status))?;
    let name = &name;
    let sending = async move {
        let mut turn = 0;
        let how = loop {
            let Some(meant) = run.turn(place, turn).await else { break Ended::InTime };
            let Some(batch) = supply.recv().await else { break Ended::RanOut };
            let Batch { batch_seq, events, bytes } = batch?;
            // Closed when the receiver ended: it says why.
            let Ok(free) = stamps.reserve().await else { return Ok(()) };
            let sent = run.start.elapsed();
            if run.is_over(sent) {
                break Ended::InTime;
            }
            let intended = if matches!(run.pace, Pace::Closed { .. }) { sent } else { meant };
            free.send(Stamp { batch_seq, events: u64::from(events), intended, sent });
            run.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if outbound.send(bytes).await.is_err() {
                return Ok(());
            }
            turn += 1;
        };
        run.ended(place, turn, how);
        Ok::<(), LoadError>(())
    };
    let receiving = async move {
        loop {
            match answers.message().await {
                Ok(Some(answer)) => match stamped.recv().await {
                    Some(stamp) => run.answered(name, stamp, answer)?,
                    None => return Err(refused(name, &Status::internal("an answer to nothing"))),
                },
                Ok(None) => {
                    stamped.close();
                    let early = Status::unavailable("the stream ended before every batch was answered");
                    return if stamped.try_recv().is_ok() { Err(refused(name, &early)) } else { Ok(()) };
                }
                Err(status) => return Err(refused(name, &status)),
            }
        }
    };
    tokio::try_join!(sending, receiving)?;
    Ok(())
}
