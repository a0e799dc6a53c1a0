//! The writer of the journal: groups what waits, and tells who handed it over once it is durable.

use super::intake::{Intake, Queued};
use super::journal::{Journal, Spooled};
use super::known::answered;
use super::sealed::SealedFile;
use super::seen::Mac;
use crate::disk;
use prost::Message;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use zegel_proto::source::v1::{Held, answer};
use zegel_verifier::hash::Hash;

/// Records that are written with one sync.
const GROUP_MAX: usize = 256;
/// Kept free for the way out: what has to be written before a full journal can be emptied.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// Between two looks whether there is room again.
const HELD: Duration = Duration::from_millis(250);

impl Intake {
    /// The writer: groups what waits, one sync for all of it.
    pub(super) fn write(&self, journal: Journal, conversations: SealedFile, queue: &mpsc::Receiver<Queued>) {
        let mut files = Files { journal, conversations };
        while let Ok(first) = queue.recv() {
            let mut group = vec![first];
            group.extend(queue.try_iter().take(GROUP_MAX - 1));
            let mut registered: Vec<_> = group.iter().filter_map(|each| each.registered).collect();
            let (records, answers): (Vec<_>, Vec<_>) =
                group.into_iter().map(|each| (each.spooled, each.answer)).unzip();
            let mut is_held = false;
            while let Err(name) = self.try_write(&mut files, &records, &mut registered) {
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
            self.durable.store(files.journal.next(), Ordering::Release);
            self.wake.notify_one();
        }
    }

    fn try_write(
        &self,
        files: &mut Files,
        records: &[Spooled],
        registered: &mut Vec<(Mac, Hash)>,
    ) -> Result<(), &'static str> {
        let is_full = || self.spool_bytes() > self.config.spool_bytes_max;
        if is_full() {
            files.journal.renew(self.settled()).map_err(|_| "disk_full")?;
        }
        if is_full() {
            return Err("spool_full");
        }
        let bytes: usize = records.iter().map(Message::encoded_len).sum();
        if !self.has_room(bytes as u64) {
            return Err("disk_full");
        }
        // A conversation is known again before an event of it is.
        let rows: Vec<Vec<u8>> = registered.iter().map(|(at, id)| [&at[..], &id.0].concat()).collect();
        if !rows.is_empty() {
            files.conversations.append(rows.iter().map(Vec::as_slice)).map_err(|_| "disk_full")?;
            registered.clear();
        }
        files.journal.append(records).map_err(|_| "disk_full")
    }

    /// Whether so many bytes can be taken in, and all that lies here still finds its way out: an attachment lies here twice
    /// before it leaves, and what is being uploaded has its place already.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        let wanted = RESERVE_BYTES.saturating_add(self.uploads.claimed()).saturating_add(bytes);
        !disk::free_bytes(&self.config.spool).is_ok_and(|free| free < wanted)
    }
}

/// What is written to, by one thread.
struct Files {
    journal: Journal,
    conversations: SealedFile,
}
