//! The spool of a source on disk: lock, head of the chain, outbox, receipts.

use super::{Outbox, SourceError};
use crate::disk::{self, failed};
use crate::hex;
use prost::Message;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use zegel_proto::v1::Receipt;
use zegel_verifier::hash::Hash;

/// Where the chain of a source is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Number of the next batch.
    pub next_batch_seq: u64,
    /// SHA-256 of the last statement.
    pub previous: Option<Hash>,
}

/// The head as its file has it, with the last checkpoint that was accepted.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadFile {
    next_batch_seq: u64,
    previous: Option<String>,
    checkpoint: Option<String>,
}

/// The files of a source.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    /// The chain as receipts have confirmed it.
    pub(super) head: Head,
    /// Note of the last checkpoint that was accepted.
    pub(super) checkpoint: Option<String>,
    pub(super) outbox: Outbox,
    /// Held for as long as the spool is.
    _lock: File,
}

impl Spool {
    pub(super) fn open(folder: &Path) -> Result<Self, SourceError> {
        disk::create_folder(folder)?;
        for name in ["receipts", "blobs"] {
            disk::create_folder(&folder.join(name))?;
        }
        let lock = lock(&folder.join("lock"))?;
        let (head, checkpoint) = read_head(&folder.join("head.json"))?;
        Ok(Self { folder: folder.into(), head, checkpoint, outbox: Outbox::open(folder)?, _lock: lock })
    }

    /// Folder of ciphertexts that have not been uploaded, or whose batch has no receipt.
    pub(super) fn blobs(&self) -> PathBuf {
        self.folder.join("blobs")
    }

    /// Stores a checked receipt and moves the head. The order matters: if we stop after any of these writes, the batch is
    /// still in the outbox, is sent again, and the same receipt brings us here again.
    pub(super) fn store_receipt(&mut self, receipt: &Receipt, batch_seq: u64, head: Head) -> Result<(), SourceError> {
        let path = self.folder.join("receipts").join(format!("{batch_seq:020}-{}.receipt", receipt.index));
        disk::write_durably(&path, &receipt.encode_to_vec())?;
        self.store_head(head)?;
        self.outbox.remove(batch_seq)
    }

    pub(super) fn store_head(&mut self, head: Head) -> Result<(), SourceError> {
        self.head = head;
        let file = HeadFile {
            next_batch_seq: self.head.next_batch_seq,
            previous: self.head.previous.map(|hash| hash.to_string()),
            checkpoint: self.checkpoint.clone(),
        };
        let text = serde_json::to_vec_pretty(&file).unwrap_or_default();
        Ok(disk::write_durably(&self.folder.join("head.json"), &text)?)
    }
}

fn lock(path: &Path) -> Result<File, SourceError> {
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed(path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(SourceError::Locked { path: path.display().to_string() }),
    }
}

fn read_head(path: &Path) -> Result<(Head, Option<String>), SourceError> {
    let malformed = || SourceError::Malformed { path: path.display().to_string(), wanted: "the head of a source" };
    let Some(bytes) = disk::read_if_there(path)? else {
        return Ok((Head::default(), None));
    };
    let file: HeadFile = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
    let previous = file.previous.map(|text| hex::parse(&text).ok_or_else(malformed)).transpose()?;
    Ok((Head { next_batch_seq: file.next_batch_seq, previous }, file.checkpoint))
}
