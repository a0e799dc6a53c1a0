//! A group of entries on trial: what they would change, and what is to be written, as data.
//!
//! Invariants: a refused batch leaves no trace in the draft; later batches of a group see the earlier ones; the leaf
//! hashes are computed from the very bytes that are to be written.

use crate::log::{Capture, Log, Registered, SourceHead};
use crate::log::{
    admission, admission::Admitted, admission::Beside, admission::EnvelopePlace, refusal::Refusal,
    submission::SentEnvelope, submission::Submission,
};
use std::collections::{HashMap, HashSet};
use zegel_proto::v1::{Entry, IndexSnapshot, entry};
use zegel_proto::{CanonicalError, print};
use zegel_verifier::checkpoint;
use zegel_verifier::hash::{Hash, log_leaf};
use zegel_verifier::kinds::EventFacts;
use zegel_verifier::registry::Registry;
use zegel_verifier::tree::Frontier;

/// What a group changes in the state of a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) tree: Frontier,
    pub(crate) received_at_ms: u64,
    pub(crate) registry: Option<Registry>,
    pub(crate) sources: HashMap<Hash, SourceHead>,
    pub(crate) captures: HashMap<Capture, u64>,
    pub(crate) registered: HashSet<Registered>,
    /// Batches of the group: entry and statement, by source and number.
    pub(crate) batches: HashMap<(Hash, u64), LoggedBatch>,
}

/// An event of a sealed batch.
#[derive(Clone, Debug)]
pub(crate) struct SealedEvent {
    pub(crate) facts: EventFacts,
    pub(crate) leaf: Hash,
}

/// What follows from the entry of a batch. Headers and sealed forms are not in it: the sequencer keeps them packed.
#[derive(Clone, Debug)]
pub(crate) struct SealedBatch {
    pub(crate) source: Hash,
    pub(crate) batch_seq: u64,
    /// SHA-256 of the statement.
    pub(crate) statement: Hash,
    pub(crate) events: Vec<SealedEvent>,
    /// Envelopes that were not known before, by their names.
    pub(crate) envelopes: Vec<(Hash, SentEnvelope)>,
}

/// What lies beside an entry.
#[derive(Clone, Debug)]
pub(crate) enum SealedContent {
    Batch(Box<SealedBatch>),
    /// Nothing: its table was written before.
    Snapshot,
}

/// One entry that is to be written.
#[derive(Clone, Debug)]
pub(crate) struct SealedEntry {
    pub(crate) index: u64,
    /// Canonical bytes of the Entry.
    pub(crate) bytes: Vec<u8>,
    /// Leaf over these bytes.
    pub(crate) leaf: Hash,
    pub(crate) content: SealedContent,
}

/// A group, decided: what to write, what to sign, what changes.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) entries: Vec<SealedEntry>,
    /// Entries of the log with them.
    pub(crate) size: u64,
    pub(crate) root: Hash,
    /// What the log key signs.
    pub(crate) checkpoint_text: String,
    /// The key that signs it, as the registry of this size says.
    pub(crate) log_key: [u8; 32],
    pub(crate) changes: Changes,
}

/// What an entry has logged, for a batch that comes twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoggedBatch {
    pub(crate) entry: u64,
    pub(crate) statement: Hash,
}

/// A group on trial.
pub(crate) struct Draft<'a> {
    pub(super) log: &'a Log,
    pub(super) beside: &'a dyn Beside,
    pub(super) changes: Changes,
    /// Envelopes that this draft brings: conversation and month.
    pub(super) envelopes: HashMap<Hash, EnvelopePlace>,
    /// Captures that this draft begins, by custodian and by conversation.
    pub(super) begun: HashMap<Registered, usize>,
    entries: Vec<SealedEntry>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(log: &'a Log, beside: &'a dyn Beside, received_at_ms: u64) -> Self {
        let changes = Changes { tree: log.tree.clone(), received_at_ms, ..Changes::default() };
        let (envelopes, begun) = (HashMap::new(), HashMap::new());
        Self { log, beside, changes, envelopes, begun, entries: Vec::new() }
    }

    /// Index of the next entry.
    pub(crate) fn next_index(&self) -> u64 {
        self.changes.tree.size()
    }

    /// Takes a batch, or says why not; then nothing has changed.
    pub(crate) fn admit(&mut self, submission: Submission) -> Result<Admitted, Refusal> {
        let judged = match admission::judge(self, &submission)? {
            admission::Judged::Already { entry } => return Ok(Admitted::Already { entry }),
            admission::Judged::Good(judged) => judged,
        };
        let index = self.next_index();
        let content = entry::Content::Batch(submission.batch);
        let (bytes, leaf) = self.print_entry(content).map_err(|reason| Refusal::Batch(reason.into()))?;
        let statement = &submission.statement;
        let (source, batch_seq, hash) = (statement.source(), statement.statement().batch_seq, statement.hash());
        let head = SourceHead { next_batch_seq: batch_seq + 1, previous: hash, last_entry: index };
        self.changes.sources.insert(source, head);
        self.changes.captures.extend(judged.captures);
        self.changes.registered.extend(judged.registered);
        judged.begun.into_iter().for_each(|(id, count)| *self.begun.entry(id).or_default() += count);
        if judged.registry.is_some() {
            self.changes.registry = judged.registry;
        }
        self.changes.batches.insert((source, batch_seq), LoggedBatch { entry: index, statement: hash });
        let mut sent = submission.envelopes;
        let envelopes = judged.new_envelopes.iter().filter_map(|new| sent.remove(new).map(|sent| (*new, sent)));
        let envelopes: Vec<_> = envelopes
            .map(|(hash, sent)| {
                self.envelopes.insert(hash, admission::place_in(&sent.envelope));
                (hash, sent)
            })
            .collect();
        let events = submission.events.into_iter();
        let events = events.map(|event| SealedEvent { facts: event.facts, leaf: event.leaf });
        let batch = SealedBatch { source, batch_seq, statement: hash, events: events.collect(), envelopes };
        self.push(index, bytes, leaf, SealedContent::Batch(Box::new(batch)));
        Ok(Admitted::Logged { entry: index })
    }

    /// Takes an index snapshot over all entries before it.
    pub(crate) fn snapshot(&mut self, snapshot: IndexSnapshot) -> Result<u64, CanonicalError> {
        let index = self.next_index();
        let (bytes, leaf) = self.print_entry(entry::Content::Snapshot(snapshot))?;
        self.push(index, bytes, leaf, SealedContent::Snapshot);
        Ok(index)
    }

    /// The group, decided. `None` if nothing was taken.
    pub(crate) fn seal(self) -> Option<Sealed> {
        let (size, root) = (self.changes.tree.size(), self.changes.tree.root());
        let registry = self.changes.registry.as_ref().or(self.log.registry());
        let log_key = *registry?.log_key(size)?;
        if self.entries.is_empty() {
            return None;
        }
        let checkpoint_text = checkpoint::print(&self.log.identity().origin, size, root);
        Some(Sealed { entries: self.entries, size, root, checkpoint_text, log_key, changes: self.changes })
    }

    fn print_entry(&self, content: entry::Content) -> Result<(Vec<u8>, Hash), CanonicalError> {
        let entry = Entry { received_at_ms: self.changes.received_at_ms, content: Some(content) };
        let bytes = print(&entry)?;
        let leaf = log_leaf(&bytes);
        Ok((bytes, leaf))
    }

    fn push(&mut self, index: u64, bytes: Vec<u8>, leaf: Hash, content: SealedContent) {
        self.changes.tree.push(leaf);
        self.entries.push(SealedEntry { index, bytes, leaf, content });
    }
}
