//! Attachments of a bundle: every file is named by an open event, and its bytes are its name.
//!
//! Not here: ciphertexts and their keys (the tools'); a bundle holds plaintexts. Specification: `specs/bundle.md`.

use super::bag::{ATTACHMENTS_FOLDER, BagError, unreadable};
use super::framing::digest;
use super::{AttachmentError, BundleSource, Observer, Refusal};
use crate::hash::Hash;
use std::cell::Cell;
use zegel_proto::limits::BLOB_BYTES_MAX;

#[derive(Clone, Debug)]
struct Held {
    sha256: Hash,
    bytes: u64,
    listed: Option<Hash>,
    // Marked while events pass; the bag itself is only read then.
    named: Cell<bool>,
}

/// The attachments that are in the bag, ascending by hash.
#[derive(Clone, Debug)]
pub(super) struct Attachments {
    held: Vec<Held>,
}

fn path(sha256: Hash) -> String {
    format!("{ATTACHMENTS_FOLDER}{sha256}")
}

impl Attachments {
    pub(super) fn new(files: Vec<(Hash, u64)>) -> Result<Self, Refusal> {
        let with = |(sha256, bytes)| Held { sha256, bytes, listed: None, named: Cell::new(false) };
        let mut held: Vec<Held> = files.into_iter().map(with).collect();
        held.sort_unstable_by_key(|each| each.sha256);
        match held.windows(2).find(|pair| pair[0].sha256 == pair[1].sha256) {
            Some(pair) => Err(BagError::FileTwice { path: path(pair[0].sha256) }.into()),
            None => Ok(Self { held }),
        }
    }

    fn find(&self, sha256: Hash) -> Option<usize> {
        self.held.binary_search_by_key(&sha256, |each| each.sha256).ok()
    }

    /// Notes a manifest line; gives what was noted before, or `None` if there is no such file.
    pub(super) fn list(&mut self, sha256: Hash, listed: Hash) -> Result<Option<Option<Hash>>, Refusal> {
        if sha256 != listed {
            return Err(BagError::Digest { file: path(sha256), found: listed, wanted: sha256 }.into());
        }
        Ok(self.find(sha256).map(|at| self.held[at].listed.replace(listed)))
    }

    /// A file that no manifest line names.
    pub(super) fn unlisted(&self) -> Option<String> {
        self.held.iter().find(|each| each.listed.is_none()).map(|each| path(each.sha256))
    }

    /// An open event names this attachment. True if its file is there.
    pub(super) fn name(&self, sha256: Hash, wanted: u64) -> Result<bool, Refusal> {
        let Some(held) = self.find(sha256).map(|at| &self.held[at]) else {
            return Ok(false);
        };
        held.named.set(true);
        if held.bytes == wanted {
            return Ok(true);
        }
        let reason = AttachmentError::Size { found: held.bytes, wanted };
        Err(Refusal::Attachment { file: sha256.to_string(), reason })
    }

    /// Every file was named.
    pub(super) fn check_named(&self) -> Result<(), Refusal> {
        match self.held.iter().find(|each| !each.named.get()) {
            Some(each) => Err(Refusal::Attachment { file: each.sha256.to_string(), reason: AttachmentError::Surplus }),
            None => Ok(()),
        }
    }

    /// Reads every file: its size is the listed one and its bytes are its name.
    pub(super) fn check_bytes(
        &self,
        source: &mut dyn BundleSource,
        observer: &mut dyn Observer,
    ) -> Result<(), Refusal> {
        for held in &self.held {
            let path = path(held.sha256);
            let input = source.open(&path).map_err(|reason| unreadable(&path, &reason))?;
            let read = digest(input, held.bytes.min(BLOB_BYTES_MAX), |bytes| observer.progress(bytes));
            let (bytes, found) = read.map_err(|reason| unreadable(&path, &reason))?;
            let refused = |reason| Err(Refusal::Attachment { file: held.sha256.to_string(), reason });
            if bytes != held.bytes {
                return refused(AttachmentError::Size { found: bytes, wanted: held.bytes });
            }
            if found != held.sha256 {
                return refused(AttachmentError::Digest { found });
            }
        }
        Ok(())
    }

    pub(super) fn count(&self) -> u64 {
        self.held.len() as u64
    }
}
