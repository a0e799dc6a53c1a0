//! What was stored, read back and held against what was signed, entry by entry: what `check` and the scrub share.
//!
//! Everything is made again from the bytes on disk: the batch is examined as when it came (canonical form, signature, the
//! roots over headers and sealed forms), each envelope and attachment that it names is there under its own hash, and a
//! checkpoint signs the tree. Not here: the order of entries and who may write them (`check`), and projections (`store`).

use crate::log::{Refusal, Submission};
use crate::store::{Blobs, CHUNK_EVENTS, Store, StoreError};
use std::collections::BTreeSet;
use zegel_proto::v1::{AppendRequest, Entry, SealedBody, SignedBatch, entry};
use zegel_proto::{CanonicalError, parse};
use zegel_verifier::batch::{VerifiedStatement, events_root};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::Hash;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Stable id of the kind of finding: `entry`, or `sealed` where only what lies beside it is damaged.
    pub(crate) id: &'static str,
    /// One sentence.
    pub(crate) reason: String,
}

impl Fault {
    fn entry(reason: impl ToString) -> Self {
        Self { id: "entry", reason: reason.to_string() }
    }

    fn sealed(reason: impl ToString) -> Self {
        Self { id: "sealed", reason: reason.to_string() }
    }
}

impl From<CanonicalError> for Fault {
    fn from(reason: CanonicalError) -> Self {
        Self::entry(reason)
    }
}

/// A checkpoint of some size, held against the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    /// None was signed at that size.
    Nothing,
    /// This tree.
    This,
    /// Another tree.
    Other {
        /// One sentence.
        reason: String,
    },
    /// Its row does not read.
    Unread {
        /// One sentence.
        reason: String,
    },
    /// It is no checkpoint, or its signature is not the log's.
    Unverified {
        /// One sentence.
        reason: String,
    },
}

/// A store that is read back.
pub(crate) struct Walk<'a> {
    pub(crate) origin: &'a str,
    pub(crate) store: &'a Store,
    /// Where attachments lie: beside the store, or beside the one of which it is a copy.
    pub(crate) blobs: &'a Blobs,
}

impl Walk<'_> {
    /// An entry whose bytes were read, with its batch examined again; no batch in a snapshot.
    pub(crate) fn entry(&self, index: u64, bytes: &[u8]) -> Result<(Entry, Option<Submission>), Fault> {
        let entry: Entry = parse(bytes)?;
        let Some(entry::Content::Batch(batch)) = &entry.content else { return Ok((entry, None)) };
        let submission = self.submission(index, batch.clone())?;
        self.named(&submission)?;
        Ok((entry, Some(submission)))
    }

    /// The batch with all that lies beside it, as it was sent.
    fn submission(&self, index: u64, batch: SignedBatch) -> Result<Submission, Fault> {
        let headers = self.store.headers(index).map_err(Fault::entry)?;
        let bodies = self.bodies(index, headers.len())?;
        // Last: a leaf is there before anything of its event goes.
        let erased = self.store.erased_of(index).map_err(Fault::sealed)?;
        let origin = self.origin.to_owned();
        let batch = Some(batch);
        let request = AppendRequest { origin, batch, headers, bodies, envelopes: Vec::new() };
        let (batch, headers) = (request.batch.clone(), request.headers.clone());
        let examined = Submission::examine_with(self.origin, request, &erased);
        examined.map(|(submission, _)| submission).map_err(|reason| {
            let are_whole = || self.are_whole(batch.as_ref()?, &headers);
            if is_of_sealed(&reason) && are_whole() == Some(true) {
                Fault::sealed(reason)
            } else {
                Fault::entry(reason)
            }
        })
    }

    /// Whether the headers are the ones that were signed: then what is wrong lies beside them.
    fn are_whole(&self, batch: &SignedBatch, headers: &[Vec<u8>]) -> Option<bool> {
        let statement = VerifiedStatement::verify(batch, self.origin).ok()?;
        Some(statement.events_root() == events_root(headers.iter().map(Vec::as_slice)))
    }

    fn bodies(&self, index: u64, events: usize) -> Result<Vec<SealedBody>, Fault> {
        let mut bodies = Vec::with_capacity(events);
        for chunk in 0..events.div_ceil(CHUNK_EVENTS) {
            let unread = |what: &str, reason: StoreError| {
                Fault::sealed(format!("{what} of events {} and on: {reason}", chunk * CHUNK_EVENTS))
            };
            let ciphertexts =
                self.store.ciphertexts(index, chunk as u32).map_err(|reason| unread("ciphertexts", reason))?;
            let keys = self.store.wraps(index, chunk as u32).map_err(|reason| unread("wraps", reason))?;
            let of = |list: &[Vec<u8>], within: usize| list.get(within).cloned().unwrap_or_default();
            bodies.extend((0..CHUNK_EVENTS.min(events - chunk * CHUNK_EVENTS)).map(|within| SealedBody {
                ciphertext: of(&ciphertexts, within),
                wrap: of(&keys.wraps, within),
                message_row: of(&keys.message_rows, within),
            }));
        }
        Ok(bodies)
    }

    /// Envelopes and attachments that a batch names: each is there, and an envelope under its own hash.
    fn named(&self, submission: &Submission) -> Result<(), Fault> {
        let envelopes: BTreeSet<Hash> = submission.events.iter().filter_map(|event| event.dossier).collect();
        for envelope in envelopes {
            let whole = self.store.is_envelope_whole(envelope).map_err(Fault::sealed)?;
            let whole = whole.ok_or_else(|| Fault::sealed(format!("envelope {envelope} is not in the store")))?;
            if !whole {
                return Err(Fault::sealed(format!("envelope {envelope} has bytes with another hash")));
            }
        }
        let mut blobs = submission.events.iter().flat_map(|event| &event.blobs);
        match blobs.find(|blob| !self.blobs.is_complete(**blob)) {
            Some(blob) => Err(Fault::sealed(format!("blob {blob} is not in the store"))),
            None => Ok(()),
        }
    }

    /// A checkpoint of this size, if one was signed, must sign this tree.
    pub(crate) fn checkpoint(&self, size: u64, root: Hash, key: &[u8; 32]) -> Signed {
        let note = match self.store.checkpoint_at(size) {
            Ok(Some(note)) => note,
            Ok(None) => return Signed::Nothing,
            Err(reason) => return Signed::Unread { reason: format!("at {size} entries: {reason}") },
        };
        let claimed = ClaimedCheckpoint::parse(&note);
        match claimed.and_then(|claimed| VerifiedCheckpoint::verify(claimed, self.origin, key)) {
            Ok(signed) if (signed.size(), signed.root()) == (size, root) => Signed::This,
            Ok(signed) => {
                let wanted = signed.root();
                Signed::Other { reason: format!("at {size} entries the root is {root}, {wanted} was signed") }
            }
            Err(reason) => Signed::Unverified { reason: format!("at {size} entries: {reason}") },
        }
    }
}

/// Whether a rule speaks of what lies sealed beside a header.
fn is_of_sealed(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Root { which: "sealed_root", .. }
            | Refusal::SealedForm { .. }
            | Refusal::MessageRow { .. }
            | Refusal::Wrap { .. }
            | Refusal::TooLarge { what: "a ciphertext", .. }
    )
}
