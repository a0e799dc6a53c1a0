//! Checkpoints that were handed in: each must be signed by the key of its size, over the tree as it was.

use super::{Auditor, Fault};
use crate::bundle::Place;
use crate::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use crate::hash::{Hash, sha256};
use crate::tree::check_consistency;
use crate::trust::Vouched;
use std::collections::{BTreeMap, BTreeSet};

/// Checkpoints of sizes that were not reached, and what is known of the newest that was.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub(super) waiting: BTreeMap<u64, BTreeSet<Vec<u8>>>,
    pub(super) newest: Option<Newest>,
    /// SHA-256 of each that was judged: once is enough.
    pub(super) judged: BTreeSet<Hash>,
}

/// The largest checkpoint that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) size: u64,
    pub(super) vouched: Vec<Vouched>,
}

impl Auditor {
    /// Takes a checkpoint that someone was given. One of a size that was not reached waits for it; for one of a size that
    /// has passed, use [`Auditor::earlier_checkpoint`].
    pub fn checkpoint(&mut self, note: &[u8]) {
        match ClaimedCheckpoint::parse(note) {
            Ok(claimed) if claimed.claimed_size() == 0 => {
                let size = claimed.claimed_size();
                self.refuse_note(None, &Fault::NoLogKey { size });
            }
            Ok(claimed) if claimed.claimed_size() < self.size() => {
                let size = claimed.claimed_size();
                self.refuse_note(Some(size), &Fault::Unproven { size });
            }
            Ok(claimed) => {
                self.notes.waiting.entry(claimed.claimed_size()).or_default().insert(note.to_vec());
                self.judge_notes();
            }
            Err(reason) => self.refuse_note(None, &Fault::Checkpoint(reason)),
        }
    }

    /// Takes a checkpoint of a size that has passed, with a proof (RFC 6962 2.1.2) that its tree is a beginning of the
    /// entries taken.
    pub fn earlier_checkpoint(&mut self, note: &[u8], proof: &[Hash]) {
        let (to, root) = (self.size(), self.root());
        self.judge(note, |signed| {
            let (size, found) = (signed.size(), signed.root());
            check_consistency(size, found, to, root, proof).map_err(|reason| Fault::Inconsistent { size, reason })
        });
    }

    /// Judges checkpoints whose size has been reached.
    pub(super) fn judge_notes(&mut self) {
        let (size, root) = (self.size(), self.root_if_waited_for());
        let Some(found) = root else { return };
        for note in self.notes.waiting.remove(&size).into_iter().flatten() {
            self.judge(&note, |signed| match signed.root() {
                root if root == found => Ok(()),
                signed => Err(Fault::LogRoot { size, signed, found }),
            });
        }
    }

    /// The root costs as many hashes as the tree has edges: only where a checkpoint asks for it.
    fn root_if_waited_for(&self) -> Option<Hash> {
        self.notes.waiting.contains_key(&self.size()).then(|| self.root())
    }

    fn judge(&mut self, note: &[u8], holds: impl FnOnce(&VerifiedCheckpoint) -> Result<(), Fault>) {
        if !self.notes.judged.insert(sha256(&[note])) {
            return;
        }
        let signed = match self.signed(note) {
            Ok(signed) => signed,
            Err((size, fault)) => return self.refuse_note(size, &fault),
        };
        let size = signed.size();
        if let Err(fault) = holds(&signed) {
            return self.refuse_note(Some(size), &fault);
        }
        match self.trust.vouched(&signed) {
            Err(reason) => self.refuse_note(Some(size), &Fault::Cosignature(reason)),
            Ok(vouched) => self.keep_newest(Newest { size, vouched }),
        }
    }

    fn keep_newest(&mut self, found: Newest) {
        match &mut self.notes.newest {
            Some(newest) if newest.size > found.size => {}
            // The same size again: cosignatures of both count.
            Some(newest) if newest.size == found.size => {
                let known = |name: &str, list: &[Vouched]| list.iter().any(|each| each.name == name);
                let more: Vec<_> =
                    found.vouched.into_iter().filter(|each| !known(&each.name, &newest.vouched)).collect();
                newest.vouched.extend(more);
            }
            newest => *newest = Some(found),
        }
    }

    fn signed(&self, note: &[u8]) -> Result<VerifiedCheckpoint, (Option<u64>, Fault)> {
        let claimed = ClaimedCheckpoint::parse(note).map_err(|reason| (None, Fault::Checkpoint(reason)))?;
        let size = claimed.claimed_size();
        let at = Some(size);
        let key = self.registry().and_then(|registry| registry.log_key(size)).copied();
        let key = key.ok_or((at, Fault::NoLogKey { size }))?;
        if let Some(pinned) = self.trust.log_key().filter(|pinned| **pinned != key) {
            return Err((at, Fault::LogKey { size, found: Hash(key), wanted: Hash(*pinned) }));
        }
        let refused = |reason: CheckpointError| (at, Fault::Checkpoint(reason));
        VerifiedCheckpoint::verify(claimed, self.trust.origin(), &key).map_err(refused)
    }

    /// A checkpoint stands behind the last entry that it covers.
    fn refuse_note(&mut self, size: Option<u64>, fault: &Fault) {
        let place = size.and_then(|size| size.checked_sub(1)).map(Place::entry);
        self.findings.add(fault.finding(place));
    }

    /// Checkpoints of sizes that were never reached.
    pub(super) fn beyond(&self) -> impl Iterator<Item = Fault> + '_ {
        let entries = self.size();
        self.notes.waiting.keys().map(move |size| Fault::Beyond { size: *size, entries })
    }
}
