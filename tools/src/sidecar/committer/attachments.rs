//! Attachments that were encrypted for events which are not in the log yet: each once, however often its event is sent.
//!
//! Under another key it would be another ciphertext, here and at the ledger, and nobody removes one there that no entry names.
//! Their keys are in memory only; when the process or the connection ends, the library sweeps what is left.

use super::{Block, Committer, sort};
use crate::seal::BlobSummary;
use crate::sidecar::seen::Mac;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use zegel_verifier::hash::Hash;

/// By number of the record and its upload: of a group at most.
#[derive(Default)]
pub(super) struct Encrypted(Mutex<BTreeMap<(u64, Mac), BlobSummary>>);

impl Encrypted {
    /// Gives what is there already, and otherwise makes it.
    pub(super) fn once<E>(
        &self,
        of: (u64, Mac),
        make: impl FnOnce() -> Result<BlobSummary, E>,
    ) -> Result<BlobSummary, E> {
        let known = self.held().get(&of).cloned();
        known.map_or_else(|| make().inspect(|made| _ = self.held().insert(of, made.clone())), Ok)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, BTreeMap<(u64, Mac), BlobSummary>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets those of records before this one; whether there were any.
    fn forget(&self, next: u64) -> bool {
        let mut held = self.held();
        let left = held.split_off(&(next, Mac::default()));
        !std::mem::replace(&mut *held, left).is_empty()
    }
}

impl Committer {
    /// Lets go of ciphertexts of what is settled: in the log they are the ledger's, and in quarantine the upload is kept.
    pub(super) fn let_go(&self) -> Result<(), Block> {
        if !self.encrypted.forget(self.settled.next) {
            return Ok(());
        }
        let kept: HashSet<Hash> = self.encrypted.held().values().map(|blob| blob.ciphertext_sha256).collect();
        self.source.sweep_blobs(&kept).map_err(|reason| sort(&reason))
    }
}
