//! The writer of the journal: groups what waits, and tells who handed it over once it is durable.

use super::intake::{Intake, Queued};
use super::journal::{Journal, Spooled};
use super::known::answered;
use crate::disk;
use prost::Message;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use zegel_proto::source::v1::{Held, answer};

/// Records that are written with one sync.
const GROUP_MAX: usize = 256;
/// Kept free for the way out: what has to be written before a full journal can be emptied.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// Between two looks whether there is room again.
const HELD: Duration = Duration::from_millis(250);

impl Intake {
    /// The writer: groups what waits, one sync for all of it.
    pub(super) fn write(&self, mut journal: Journal, queue: &mpsc::Receiver<Queued>) {
        while let Ok(first) = queue.recv() {
            let mut group = vec![first];
            group.extend(queue.try_iter().take(GROUP_MAX - 1));
            let (records, answers): (Vec<_>, Vec<_>) =
                group.into_iter().map(|each| (each.spooled, each.answer)).unzip();
            let mut is_held = false;
            while let Err(name) = self.try_write(&mut journal, &records) {
                if !is_held {
                    let held = || answered(answer::Content::Held(Held { name: name.into() }));
                    answers.iter().flatten().for_each(|(answers, _)| _ = answers.send(held()));
                    (self.tell)(&format!("{}: {name}: nothing is spooled until there is room", self.origin));
                }
                is_held = true;
                std::thread::sleep(HELD);
            }
            for (answers, answer) in answers.into_iter().flatten() {
                let _ = answers.send(answered(answer::Content::Spooled(answer)));
            }
            // Only now does the way out see them: nobody hears of a receipt before he hears that it was spooled.
            self.durable.store(journal.next(), Ordering::Release);
            self.wake.notify_one();
        }
    }

    fn try_write(&self, journal: &mut Journal, records: &[Spooled]) -> Result<(), &'static str> {
        if self.spool_bytes() > self.config.spool_bytes_max {
            return Err("spool_full");
        }
        let bytes: usize = records.iter().map(Message::encoded_len).sum();
        // What is spooled must find its way out, and for that it needs room.
        if disk::free_bytes(&self.config.spool).is_ok_and(|free| free < RESERVE_BYTES + bytes as u64) {
            return Err("disk_full");
        }
        journal.append(records).map_err(|_| "disk_full")
    }
}
