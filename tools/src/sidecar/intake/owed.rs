//! Events of the sidecar's own; and gaps that it owes the log, from before what they are about leaves the journal.
//!
//! An own event goes through the journal like any other. Where that has no room it waits in memory, behind what was handed over
//! before it, until the way out has made room: so the way out never waits for one. A gap lies in `owed.sealed` until then.
//!
//! The crash story, by where we stop: before it lies there, what it is about is not settled, and comes by again; behind
//! that, it is queued again when the spool is opened, unless its key is known. The file goes once all of it is in the journal.

use super::{Intake, Queued, Standing};
use crate::disk::{self, DiskError, failed};
use crate::sidecar::journal::{Notice, Spooled};
use crate::sidecar::sealed::{Damage, SealedFile, SealedReader, SpoolKey};
use prost::Message;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

/// Gaps that may not be in the journal yet.
pub(super) struct Owed {
    path: PathBuf,
    key: SpoolKey,
    file: Option<SealedFile>,
    /// Number behind the last of them.
    end: u64,
}

impl Owed {
    pub(super) fn new(path: &Path, key: &SpoolKey) -> Self {
        Self { path: path.into(), key: key.clone(), file: None, end: 0 }
    }

    /// All that lies there, in order, and what of it does not open.
    fn read(&self) -> Result<(Vec<Spooled>, Vec<Damage>), DiskError> {
        if !self.path.exists() {
            return Ok((Vec::new(), Vec::new()));
        }
        let (mut reader, mut found) = (SealedReader::open(&self.path, &self.key)?, Vec::new());
        while let Some(bytes) = reader.next().map_err(failed(&self.path))? {
            let malformed = |error: prost::DecodeError| failed(&self.path)(std::io::Error::other(error));
            found.push(Spooled::decode(bytes.as_slice()).map_err(malformed)?);
        }
        Ok((found, reader.damaged().to_vec()))
    }

    /// Adds one: durable when this returns.
    fn add(&mut self, spooled: &Spooled, durable: u64) -> Result<(), DiskError> {
        self.let_go(durable)?;
        if self.file.is_none() {
            self.file = Some(SealedFile::open(&self.path, &self.key)?);
        }
        let bytes = spooled.encode_to_vec();
        self.file.as_mut().map_or(Ok(()), |file| file.append(std::iter::once(bytes.as_slice())))
    }

    /// Begins anew where all of it is in the journal.
    fn let_go(&mut self, durable: u64) -> Result<(), DiskError> {
        if self.end > durable {
            return Ok(());
        }
        self.file = None;
        if self.path.exists() { disk::remove(&self.path) } else { Ok(()) }
    }
}

impl Intake {
    /// Writes a capture event of the sidecar's own, under a key of its own: the same key twice is one event.
    pub(in crate::sidecar) fn notice(&self, key: &[&[u8]], notice: Notice, tool: &str) {
        self.queue_own(self.own(key, notice, tool));
    }

    /// The same for a gap: when this returns it will be in the log, whatever stops.
    pub(in crate::sidecar) fn owe(&self, key: &[&[u8]], gap: Notice, tool: &str) -> Result<(), DiskError> {
        let spooled = self.own(key, gap, tool);
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_own_known(&spooled) {
            return Ok(());
        }
        owed.add(&spooled, self.durable())?;
        owed.end = self.queue_own(spooled).map_or(owed.end, |number| number + 1);
        Ok(())
    }

    /// Queues what is still owed from before.
    pub(super) fn owe_again(&self) -> Result<(), DiskError> {
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, damaged) = owed.read()?;
        for damage in damaged {
            (self.tell)(&format!("{}: damaged_on_disk: {damage}: a gap that was to be declared", self.origin));
        }
        for number in found.into_iter().filter_map(|spooled| self.queue_own(spooled)) {
            owed.end = number + 1;
        }
        owed.let_go(self.durable())
    }

    /// Removes the file of what is owed once all of it is in the journal.
    pub(in crate::sidecar) fn let_go_of_owed(&self) -> Result<(), DiskError> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner).let_go(self.durable())
    }

    fn own(&self, key: &[&[u8]], notice: Notice, tool: &str) -> Spooled {
        let key = self.mac.mac(b"zegel/source/notice", key).to_vec();
        let (text, received_at_ms, tool) = (key.clone(), notice.at_ms, tool.into());
        Spooled { received_at_ms, key, text, tool, notice: Some(notice), ..Spooled::default() }
    }

    fn is_own_known(&self, spooled: &Spooled) -> bool {
        self.state().known.has(&super::mac_of(&spooled.key))
    }

    /// Numbers an event of our own and sends it to the journal; `None` if its key is known.
    fn queue_own(&self, spooled: Spooled) -> Option<u64> {
        let key = super::mac_of(&spooled.key);
        let mut state = self.state();
        if state.known.has(&key) {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.known.note(key, (key, Standing::Queued(number)));
        // Under the lock: the journal has its records in the order of their numbers.
        let _ = self.queue.send(Queued { spooled: Spooled { number, ..spooled }, answer: None, registered: None });
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_owed_lies_there_until_the_last_of_it_is_in_the_journal() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, key) = (folder.path().join("owed.sealed"), SpoolKey::derive(&[7; 32]));
        let gap = |number: u8| Spooled { key: vec![number; 16], ..Spooled::default() };
        let mut owed = Owed::new(&path, &key);
        let lying = || Owed::new(&path, &key).read().expect("read").0;
        owed.add(&gap(1), 5).expect("added");
        owed.end = 6;
        owed.add(&gap(2), 5).expect("added");
        owed.end = 7;
        assert_eq!(lying(), [gap(1), gap(2)]);
        // The first is in the journal, the second not.
        owed.let_go(6).expect("kept");
        assert_eq!(lying(), [gap(1), gap(2)]);
        owed.add(&gap(3), 7).expect("added");
        owed.end = 8;
        assert_eq!(lying(), [gap(3)]);
        owed.let_go(8).expect("let go");
        assert_eq!((lying(), path.exists()), (vec![], false));
    }
}
