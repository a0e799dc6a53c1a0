//! Sealing on all cores, and the run itself.

use super::drive::{self, Run};
use super::mill::{Ground, Making, Mill};
use super::sealed::{self, SealedWriter};
use super::world::LoadSource;
use super::{ENDLESS, Load, LoadError, Meter, Second, process};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Filler batches that are made ahead.
const AHEAD: usize = 4;

/// What a run left to be reported.
pub(super) struct Ran {
    pub(super) totals: super::meter::Totals,
    pub(super) seconds: Vec<Second>,
    pub(super) events: u64,
    pub(super) batches: u64,
    pub(super) unsent: u64,
    pub(super) log_events: (u64, u64),
    pub(super) steady: Duration,
    pub(super) checked: u64,
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
    pub(super) pid: Option<u32>,
    pub(super) server: Option<(process::Usage, process::Usage)>,
    pub(super) client: (process::Usage, process::Usage),
}

/// Works for every source, on all cores; the first failure is told.
pub(super) fn in_parallel(
    ground: &Arc<Ground>,
    sources: &mut [LoadSource],
    work: impl Fn(&mut Mill) -> Result<(), LoadError> + Sync,
) -> Result<(), LoadError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let slots: Vec<Mutex<(&mut LoadSource, Result<(), LoadError>)>> =
        sources.iter_mut().map(|source| Mutex::new((source, Ok(())))).collect();
    std::thread::scope(|scope| {
        for _ in 0..cores.min(slots.len()) {
            scope.spawn(|| {
                while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
                    let mut mill = Mill::new(Arc::clone(ground), slot.0.clone());
                    slot.1 = work(&mut mill);
                    *slot.0 = mill.source;
                }
            });
        }
    });
    slots.into_iter().try_for_each(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner).1)
}

/// Opens the file of a source, lets it be written, and closes it.
pub(super) fn seal_into(
    folder: &Path,
    source: u32,
    write: impl FnOnce(&mut SealedWriter) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let mut writer = SealedWriter::append(folder, source)?;
    write(&mut writer)?;
    writer.finish()
}

impl Load {
    /// Seals so many events, spread evenly over the sources.
    pub(super) fn seal(&mut self, events: u64) -> Result<(), LoadError> {
        let (ground, folder, size) = (self.ground()?, self.world.sealed(), self.plan.batch_events);
        let batches = events.div_ceil(u64::from(size) * u64::from(self.plan.sources));
        let (done, watch) = (AtomicU64::new(0), &self.watch);
        let seal = |mill: &mut Mill| {
            if !mill.has_work() {
                return Ok(());
            }
            seal_into(&folder, mill.source.number, |writer| {
                (0..batches).try_for_each(|_| {
                    writer.write(&mill.next(size, Making::Sealed)?)?;
                    let sealed = u64::from(size);
                    watch("sealing", done.fetch_add(sealed, Ordering::Relaxed) + sealed, events);
                    Ok(())
                })
            })
        };
        in_parallel(&ground, &mut self.world.sources[..self.plan.sources as usize], seal)?;
        self.world.save()
    }

    /// Runs the lanes against the clock.
    pub(super) async fn measure(&mut self, making: Making, time: Duration) -> Result<Ran, LoadError> {
        self.behind().await?;
        let pid = self.plan.server.or_else(|| process::listener(&self.ledger));
        let stop = Arc::new(AtomicBool::new(false));
        let (mut lanes, mut mills) = (Vec::new(), Vec::new());
        for number in 0..self.plan.sources {
            let supply = match making {
                Making::Sealed => {
                    let from = self.world.sources[number as usize].sent;
                    sealed::supply(&self.world.sealed(), number, from)
                }
                Making::Filler => self.filler(number, &stop, &mut mills)?,
            };
            lanes.push(self.lane(number, supply).await?);
        }
        let before = self.logged;
        // Filler that was made is sent, also after the time: the mills stop, and the lanes when they have nothing left.
        let end = if making == Making::Filler { ENDLESS } else { time };
        let meter = Meter::new(self.plan.warm_up, end, before);
        let run =
            Arc::new(self.start(self.plan.call, self.plan.pace, meter, ("running", self.plan.sealed_events()))?);
        let (server, client) = (pid.and_then(process::usage), process::usage(std::process::id()).unwrap_or_default());
        let sampler = tokio::spawn(sample(Arc::clone(&run), pid));
        let stopper = Arc::clone(&stop);
        let timer = tokio::spawn(async move {
            tokio::time::sleep(time).await;
            stopper.store(true, Ordering::Relaxed);
        });
        let driven = drive::drive(&run, lanes).await;
        sampler.abort();
        timer.abort();
        stop.store(true, Ordering::Relaxed);
        for mill in mills {
            let source: LoadSource = mill.join().map_err(|_| LoadError::Task { reason: "a mill".into() })??;
            let number = source.number as usize;
            self.world.sources[number] = source;
        }
        self.world.save()?;
        driven?;
        let elapsed = run.start.elapsed();
        let usage = pid.and_then(process::usage);
        let mut meter = run.meter();
        let totals = meter.finish();
        self.logged += meter.events;
        Ok(Ran {
            totals,
            seconds: std::mem::take(&mut meter.seconds),
            events: meter.events,
            batches: meter.batches,
            unsent: meter.unsent,
            log_events: (before, meter.log_events()),
            steady: meter.end().saturating_sub(meter.warm_up()),
            checked: run.checked.load(Ordering::Relaxed),
            bytes: run.bytes.load(Ordering::Relaxed),
            elapsed,
            pid,
            server: server.zip(usage),
            client: (client, process::usage(std::process::id()).unwrap_or_default()),
        })
    }

    /// A mill that makes filler for a source until it has made its share, or is stopped.
    fn filler(
        &mut self,
        number: u32,
        stop: &Arc<AtomicBool>,
        mills: &mut Vec<std::thread::JoinHandle<Result<LoadSource, LoadError>>>,
    ) -> Result<sealed::Supply, LoadError> {
        let (size, stop) = (self.plan.batch_events, Arc::clone(stop));
        let batches = self.plan.sealed_events().div_ceil(u64::from(size) * u64::from(self.plan.sources));
        let mut mill = Mill::new(self.ground()?, self.world.sources[number as usize].clone());
        let (made, supply) = mpsc::channel(AHEAD);
        mills.push(std::thread::spawn(move || {
            for _ in 0..batches {
                if stop.load(Ordering::Relaxed) || !mill.has_work() {
                    break;
                }
                let batch = mill.next(size, Making::Filler)?;
                // Nobody takes it any more only when the run has failed, and with it the chains of this folder.
                if made.blocking_send(Ok(batch)).is_err() {
                    break;
                }
            }
            Ok(mill.source)
        }));
        Ok(supply)
    }
}

/// Writes processor time and memory into the row of each second.
async fn sample(run: Arc<Run>, pid: Option<u32>) {
    let own = std::process::id();
    let mut last = (pid.and_then(process::usage), process::usage(own).unwrap_or_default());
    for second in 1.. {
        tokio::time::sleep_until(run.start + Duration::from_secs(second)).await;
        let now = (pid.and_then(process::usage), process::usage(own).unwrap_or_default());
        let cores = last.0.zip(now.0).map(|(before, after)| after.processor_seconds - before.processor_seconds);
        let client = now.1.processor_seconds - last.1.processor_seconds;
        run.meter().sampled(second - 1, cores, now.0.map(|usage| usage.resident_bytes), client);
        last = now;
    }
}
