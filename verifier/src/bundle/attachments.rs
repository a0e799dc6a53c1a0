//! Attachments of a bundle: every file is named by an open event, and its bytes are its name.
//!
//! Not here: ciphertexts and their keys (the tools'); a bundle holds plaintexts. Specification: `specs/bundle.md`.

use super::bag::{ATTACHMENTS_FOLDER, BagError, unreadable};
use super::digest::Digester;
use super::framing::read_pieces;
use super::{AttachmentError, BundleSource, Observer, Refusal, pool};
use crate::hash::Hash;
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
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

    /// Reads every file: its size is the listed one and its bytes are its name. Files are hashed on as many threads as
    /// there are workers, each on one.
    pub(super) fn check_bytes(
        &self,
        workers: usize,
        source: &mut dyn BundleSource,
        observer: &mut dyn Observer,
    ) -> Result<(), Refusal> {
        pool::with_digesters(workers.min(self.held.len()), |digesters| {
            let mut underway: VecDeque<(&Held, usize)> = VecDeque::new();
            for (number, held) in self.held.iter().enumerate() {
                if underway.len() == digesters.len() {
                    check_next(&mut underway, digesters)?;
                }
                let at = number % digesters.len();
                if let Err(reason) = read(source, held, &mut digesters[at], observer) {
                    // What is wrong with a file before it comes first.
                    while check_next(&mut underway, digesters)? {}
                    return Err(reason);
                }
                underway.push_back((held, at));
            }
            while check_next(&mut underway, digesters)? {}
            Ok(())
        })
    }

    pub(super) fn count(&self) -> u64 {
        self.held.len() as u64
    }
}

/// Reads a file into a digester.
fn read(
    source: &mut dyn BundleSource,
    held: &Held,
    digester: &mut Digester,
    observer: &mut dyn Observer,
) -> Result<(), Refusal> {
    let path = path(held.sha256);
    let input = source.open(&path).map_err(|reason| unreadable(&path, &reason))?;
    let seen = |piece: Vec<u8>| {
        observer.progress(piece.len() as u64);
        digester.push(&Arc::new(piece));
    };
    read_pieces(input, held.bytes.min(BLOB_BYTES_MAX), seen).map_err(|reason| unreadable(&path, &reason))?;
    digester.end();
    Ok(())
}

/// Checks the file that was read first; false if there is none.
fn check_next(underway: &mut VecDeque<(&Held, usize)>, digesters: &mut [Digester]) -> Result<bool, Refusal> {
    let Some((held, at)) = underway.pop_front() else {
        return Ok(false);
    };
    let (bytes, found) = digesters[at].take();
    let refused = |reason| Err(Refusal::Attachment { file: held.sha256.to_string(), reason });
    if bytes != held.bytes {
        return refused(AttachmentError::Size { found: bytes, wanted: held.bytes });
    }
    if found != held.sha256 {
        return refused(AttachmentError::Digest { found });
    }
    Ok(true)
}
