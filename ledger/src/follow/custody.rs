//! Receipts of custody: what an archive says that it holds of a landing zone's log, batch by batch.
//!
//! Invariants:
//! - a receipt is of what the store gives at that moment: every entry of it is read back and examined as it was when it came, each of
//!   its attachments is read from the disk to its last byte, and no content is missing but what an order erased here;
//! - receipts follow each other without gap or overlap: where one ends the next begins, found by the names of their files;
//! - a receipt is durable before it has its name;
//! - while one is made nothing is followed, so it is of so much only, and following comes between it and the next.
//!
//! What if we stop at any point? No receipt, or a whole one. Not here: what is purged for it (`erase`). Specification: `specs/custody.md`.

use crate::config::{ArchiveConfig, ConfigError};
use crate::server::ServeError;
use crate::store::{BlobError, Store, StoreError, TreeReader, write_whole};
use crate::tree::root_at;
use crate::walk::Walk;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use zegel_keys::{SignError, Signer};
use zegel_proto::parse;
use zegel_proto::v1::EventHeader;
use zegel_verifier::custody::{CustodyReceipt, places_digest};
use zegel_verifier::kinds::{EventFacts, Family, family};
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};

/// Events of a receipt, at which it ends with its entry: an order for them goes in one message.
const EVENTS_MAX: usize = 50_000;
/// Bytes of attachments that are read for a receipt, at which it ends with its entry: some seconds of a disk.
const ATTACHMENT_BYTES_MAX: u64 = 1 << 30;

/// Why nothing is receipted.
#[derive(Debug, Error)]
enum CustodyTrouble {
    #[error("entry {entry} is not as it came: {reason}")]
    Entry { entry: u64, reason: String },
    #[error("an attachment of entry {entry}: {reason}")]
    Attachment { entry: u64, reason: BlobError },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the receipt could not be signed: {0}")]
    Sign(#[from] SignError),
    #[error("the folder of receipts: {0}")]
    Folder(#[from] io::Error),
}

/// An archive that receipts.
pub(super) struct Custody {
    archive: VerifierKey,
    key: Signer,
    folder: PathBuf,
    interval: Duration,
    last: Option<Instant>,
}

impl Custody {
    /// With its key; the folder is made.
    pub(super) fn open(config: &ArchiveConfig) -> Result<Self, ServeError> {
        let key = config.signer()?;
        let wrong = |reason: String| ConfigError::Unreadable { path: config.receipts.clone(), reason };
        let archive = VerifierKey::new(&config.name, TYPE_ED25519, key.public_key());
        let archive = archive.map_err(|reason| wrong(reason.to_string()))?;
        std::fs::create_dir_all(&config.receipts).map_err(|reason| wrong(reason.to_string()))?;
        let (folder, interval) = (config.receipts.clone(), Duration::from_secs(config.interval_s));
        Ok(Self { archive, key, folder, interval, last: None })
    }

    /// Receipts what came since the last receipt, if it is time. Trouble is told, and tried again.
    pub(super) fn turn(&mut self, origin: &str, store: &Arc<Store>, size: u64) {
        if self.last.is_some_and(|last| last.elapsed() < self.interval) {
            return;
        }
        self.last = Some(Instant::now());
        match self.receipt(origin, store, size) {
            Ok(None) => {}
            Ok(Some(receipt)) => {
                let CustodyReceipt { from, to, events, .. } = receipt;
                if to < size {
                    // It was full: the next one is due after the next round.
                    self.last = None;
                }
                tracing::info!(origin, from, to, events, "receipted what is held");
            }
            Err(reason) => {
                tracing::error!(origin, %reason, "no receipt of custody: look at it with `zegel-ledger check`")
            }
        }
    }

    fn receipt(&self, origin: &str, store: &Arc<Store>, size: u64) -> Result<Option<CustodyReceipt>, CustodyTrouble> {
        let from = self.receipted()?;
        let (mut to, mut held) = (from, Held::default());
        while to < size && !held.is_full() {
            held.read(origin, store, to)?;
            to += 1;
        }
        if held.places.is_empty() {
            return Ok(None);
        }
        let root = root_at(&TreeReader::new(Arc::clone(store), store.edge(size)?), to)?;
        let (events, places) = (held.places.len() as u64, places_digest(&held.places));
        let receipt = CustodyReceipt { origin: origin.into(), from, to, events, places, root };
        let signature = self.key.sign(receipt.text().as_bytes())?;
        let note = receipt.signed(&self.archive, &signature);
        write_whole(&self.folder.join(format!("{to:020}.receipt")), note.as_bytes())?;
        Ok(Some(receipt))
    }

    /// Entries up to which receipts are there.
    fn receipted(&self) -> io::Result<u64> {
        let mut to = 0;
        for file in std::fs::read_dir(&self.folder)? {
            let name = file?.file_name();
            let end = name.to_str().and_then(|name| name.strip_suffix(".receipt")).and_then(|end| end.parse().ok());
            to = to.max(end.unwrap_or(0));
        }
        Ok(to)
    }
}

/// What was read back for a receipt.
#[derive(Default)]
struct Held {
    /// Of the content that is held.
    places: Vec<(u64, u32)>,
    attachment_bytes: u64,
}

impl Held {
    /// It ends here. One without an event would be none, and nothing would go on behind it.
    fn is_full(&self) -> bool {
        self.places.len() >= EVENTS_MAX || (self.attachment_bytes >= ATTACHMENT_BYTES_MAX && !self.places.is_empty())
    }

    /// Takes the places of an entry whose content is held, once all of it was read back.
    fn read(&mut self, origin: &str, store: &Store, entry: u64) -> Result<(), CustodyTrouble> {
        let walk = Walk { origin, store, blobs: store.blobs() };
        let wrong = |reason: String| CustodyTrouble::Entry { entry, reason };
        let (_, batch) = walk.entry(entry, &store.entry(entry)?).map_err(|fault| wrong(fault.reason))?;
        // That they are there the walk has seen; whether they are what they were only reading them says.
        for blob in batch.iter().flat_map(|batch| &batch.events).flat_map(|event| &event.blobs) {
            let read = store.blobs().check_paced(*blob, &mut |bytes| {
                self.attachment_bytes += bytes;
                true
            });
            read.map_err(|reason| CustodyTrouble::Attachment { entry, reason })?;
        }
        let erased = store.erased_of(entry)?;
        for (position, header) in (0..).zip(store.headers(entry)?) {
            let facts = parse::<EventHeader>(&header).ok().and_then(|header| EventFacts::read(&header).ok());
            let facts = facts.ok_or_else(|| wrong(format!("the header of event {position} cannot be read")))?;
            if matches!(family(facts.kind), Family::Chat | Family::Capture) && !erased.contains_key(&position) {
                self.places.push((entry, position));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_ends_at_so_many_events_or_bytes_of_attachments_and_never_without_an_event() {
        let held = |events: usize, attachment_bytes| Held { places: vec![(0, 0); events], attachment_bytes };
        assert!(held(EVENTS_MAX, 0).is_full());
        assert!(!held(EVENTS_MAX - 1, 0).is_full());
        assert!(held(1, ATTACHMENT_BYTES_MAX).is_full());
        assert!(!held(1, ATTACHMENT_BYTES_MAX - 1).is_full());
        assert!(!held(0, ATTACHMENT_BYTES_MAX).is_full());
    }
}
