//! The state of one log, and how it goes on: pure.
//!
//! Invariants:
//! - no clock, file, lock or async: time and what lies beside the log come in as arguments, effects go out as data;
//! - [`Log::draft`] takes batches on trial; nothing of the log changes until [`Log::advance`], which the sequencer calls
//!   when the draft is durable;
//! - within entry n authority is judged on the state before n; entry 0 is judged by genesis itself.
//!
//! Memory: the registry, one head per source, one counter per capture and one id per registration; so it grows with what
//! a ministry registers, never with the messages.
//! Specification: `specs/log.md`, `specs/registry.md`.

mod admission;
mod draft;
mod ids;
mod refusal;
mod submission;

pub(crate) use admission::{Admitted, Beside, EnvelopePlace, place_in};
pub(crate) use draft::{Changes, Draft, LoggedBatch, Sealed, SealedBatch, SealedContent, SealedEntry, SealedEvent};
pub(crate) use refusal::Refusal;
pub(crate) use submission::{EnvelopeForm, Sent, SentEnvelope, Submission, bytes_of};

use ids::Ids;
use std::collections::HashMap;
use zegel_proto::v1::{EventKind, StreamType};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::EventFacts;
use zegel_verifier::registry::Registry;
use zegel_verifier::tree::Frontier;

/// What `conversation_seq` counts: one source's view of one custodian's side of one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Capture {
    /// Actor that submits.
    pub(crate) source: Hash,
    /// Custodian.
    pub(crate) custodian: Hash,
    /// Conversation.
    pub(crate) conversation: Hash,
}

/// Where the chain of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceHead {
    pub(crate) next_batch_seq: u64,
    /// SHA-256 of the last logged statement.
    pub(crate) previous: Hash,
    pub(crate) last_entry: u64,
}

/// A registered id: STREAM_CUSTODIAN or STREAM_CONVERSATION, and the id.
pub(crate) type Registered = (StreamType, Hash);

/// What is fixed for a log before its first entry.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) origin: String,
    /// Root key that the configuration pins.
    pub(crate) root_key: Hash,
    /// Public halves of the log keys that this ledger holds; `None` if it does not sign, so that any that the registry
    /// names will do.
    pub(crate) log_keys: Option<Vec<[u8; 32]>>,
}

/// The state of one log after some entry.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    identity: Identity,
    tree: Frontier,
    registry: Option<Registry>,
    sources: HashMap<Hash, SourceHead>,
    ids: Ids,
    /// Batches that a reader of the store may not find yet, for a source that sends one again.
    recent: HashMap<(Hash, u64), LoggedBatch>,
    received_at_ms: u64,
    /// Size and root at which it was promoted, if its next entry is to say so.
    promoted: Option<(u64, Hash)>,
}

impl Log {
    /// An empty log.
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            identity,
            tree: Frontier::new(),
            registry: None,
            sources: HashMap::new(),
            ids: Ids::default(),
            recent: HashMap::new(),
            received_at_ms: 0,
            promoted: None,
        }
    }

    /// Entries so far.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Root over the entries so far.
    pub(crate) fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Takes nothing at this size before LOG_RECOVERED, which names this size and root.
    pub(crate) fn await_recovery(&mut self, size: u64, root: Hash) {
        self.promoted = Some((size, root));
    }

    pub(crate) fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) fn sources(&self) -> &HashMap<Hash, SourceHead> {
        &self.sources
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }

    pub(crate) fn recent(&self) -> &HashMap<(Hash, u64), LoggedBatch> {
        &self.recent
    }

    /// Forgets the batches of entries below `entry`: the store answers for them.
    pub(crate) fn forget_below(&mut self, entry: u64) {
        self.recent.retain(|_, logged| logged.entry >= entry);
    }

    /// Begins a group of entries on trial. `now_ms` is the ledger's clock; it never goes back in the log.
    pub(crate) fn draft<'a>(&'a self, beside: &'a dyn Beside, now_ms: u64) -> Draft<'a> {
        Draft::new(self, beside, now_ms.max(self.received_at_ms).max(1))
    }

    /// Takes over what a draft has decided. Memory follows disk: call it only when the draft is durable.
    pub(crate) fn advance(&mut self, changes: Changes) {
        self.tree = changes.tree;
        self.received_at_ms = changes.received_at_ms;
        if changes.registry.is_some() {
            self.registry = changes.registry;
        }
        self.sources.extend(changes.sources);
        changes.captures.iter().for_each(|(capture, next)| self.ids.count(capture, *next));
        changes.registered.into_iter().for_each(|registered| self.ids.register(registered));
        self.recent.extend(changes.batches);
    }

    /// Takes back a state that a store kept; the store checks it against the last checkpoint.
    pub(crate) fn restore(&mut self, changes: Changes) {
        self.advance(changes);
    }

    /// Takes back a counter or a registration: one by one, so that they are never in memory twice.
    pub(crate) fn restore_ids(&mut self) -> &mut Ids {
        &mut self.ids
    }
}

/// The capture that a numbered event belongs to.
pub(crate) fn capture_of(source: Hash, facts: &EventFacts) -> Option<Capture> {
    use zegel_verifier::kinds::{Family, family};
    let numbered = matches!(family(facts.kind), Family::Chat | Family::Capture);
    let (conversation, custodian) = facts.conversation.zip(facts.custodian).filter(|_| numbered)?;
    Some(Capture { source, custodian, conversation })
}

/// The custodian and the conversation of a capture.
pub(crate) fn ids_of(capture: &Capture) -> impl Iterator<Item = Registered> {
    let custodian = (StreamType::StreamCustodian, capture.custodian);
    [custodian, (StreamType::StreamConversation, capture.conversation)].into_iter()
}

/// The id that an event registers.
pub(crate) fn registration_of(facts: &EventFacts) -> Option<Registered> {
    match facts.kind {
        EventKind::CustodianRegistered => facts.custodian.map(|id| (StreamType::StreamCustodian, id)),
        EventKind::ConversationRegistered => facts.conversation.map(|id| (StreamType::StreamConversation, id)),
        _ => None,
    }
}
