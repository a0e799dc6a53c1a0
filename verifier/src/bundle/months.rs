//! Which events belong in the bundle: the wanted streams as they are walked. That these are all, the rows say (`rows`).
//!
//! Invariant: an event in none of the wanted streams is refused. Memory: one frontier per month.
//! Specification: `specs/streams.md`.

use super::export::ScopeFacts;
use super::{CAPTURES_MAX, Place, Refusal};
use crate::hash::Hash;
use crate::kinds::{EventFacts, Family, StreamMonth, family};
use crate::snapshot::stream_leaf;
use crate::tree::Frontier;
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::limits::MONTHS_MAX;
use zegel_proto::v1::{EventKind, StreamType};

/// What of an event a bundle shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShownAs {
    /// Public in its header.
    Public,
    /// The whole body.
    Opened,
    /// A body with covered parts.
    Redacted,
    /// Only the header.
    Withheld,
}

/// One month of the scope.
#[derive(Clone, Debug, Default)]
pub(super) struct MonthWalk {
    pub(super) frontier: Frontier,
    pub(super) opened: u64,
    pub(super) redacted: u64,
    pub(super) withheld: u64,
}

impl MonthWalk {
    pub(super) fn count(&self) -> u64 {
        self.frontier.size()
    }
}

/// The wanted streams as they were walked.
pub(super) struct Months {
    pub(super) scope: ScopeFacts,
    pub(super) of_scope: BTreeMap<u32, MonthWalk>,
    pub(super) registry: Frontier,
    pub(super) records: Frontier,
    /// The registration of the scope's id has passed.
    registered: bool,
    /// Ids that events of the scope name.
    named: BTreeSet<(StreamType, Hash)>,
    /// Other ids whose registration is shown.
    others: BTreeSet<(StreamType, Hash)>,
}

impl Months {
    pub(super) fn new(scope: ScopeFacts) -> Self {
        Self {
            scope,
            of_scope: BTreeMap::new(),
            registry: Frontier::new(),
            records: Frontier::new(),
            registered: false,
            named: BTreeSet::new(),
            others: BTreeSet::new(),
        }
    }

    /// Adds an event to the wanted streams in which it stands. True if the scope is one of them.
    pub(super) fn push(&mut self, place: Place, facts: &EventFacts, event: Hash) -> Result<bool, Refusal> {
        let leaf = stream_leaf(place.entry, place.position.unwrap_or(0), event);
        let (mut wanted, mut in_scope) = (false, false);
        for stream in facts.streams() {
            if let Some(frontier) = self.frontier(&stream) {
                frontier.push(leaf);
                wanted = true;
                in_scope |= self.scope.holds(&stream);
            }
        }
        if in_scope {
            self.named.extend(ids(facts).filter(|id| !self.named.contains(id)).collect::<Vec<_>>());
        } else if !wanted {
            self.registration(place, facts)?;
        }
        if in_scope && !self.registered {
            // Month 0 is always in scope, so the registration is always there, and first.
            let registers = matches!(facts.kind, EventKind::ConversationRegistered | EventKind::CustodianRegistered);
            if !registers {
                return Err(Refusal::Unregistered { place, kind: facts.kind.as_str_name() });
            }
            self.registered = true;
        }
        if self.of_scope.len() > MONTHS_MAX {
            let found = self.of_scope.len() as u64;
            return Err(Refusal::Limit { what: "months", found, max: MONTHS_MAX as u64 });
        }
        Ok(in_scope)
    }

    /// A registration of another id may be shown, if an event of the scope names that id: its title or its holder.
    fn registration(&mut self, place: Place, facts: &EventFacts) -> Result<(), Refusal> {
        let is_registration = family(facts.kind) == Family::Register && self.others.len() < CAPTURES_MAX;
        let Some(id) = ids(facts).next().filter(|_| is_registration) else {
            return Err(Refusal::OutOfScope { place, kind: facts.kind.as_str_name() });
        };
        self.others.insert(id);
        Ok(())
    }

    /// No registration was shown of an id that the scope does not name.
    pub(super) fn check_registered(&self) -> Result<(), Refusal> {
        let surplus = self.others.difference(&self.named).next();
        surplus.map_or(Ok(()), |(_, id)| Err(Refusal::RegistrationSurplus { id: *id }))
    }

    fn frontier(&mut self, stream: &StreamMonth) -> Option<&mut Frontier> {
        match stream.stream {
            StreamType::StreamRegistry => Some(&mut self.registry),
            StreamType::StreamRecords => Some(&mut self.records),
            _ if self.scope.holds(stream) => Some(&mut self.of_scope.entry(stream.month).or_default().frontier),
            _ => None,
        }
    }

    /// Counts what an event of the scope shows.
    pub(super) fn tally(&mut self, facts: &EventFacts, shown: ShownAs) {
        let month = self.of_scope.entry(facts.month).or_default();
        match shown {
            ShownAs::Opened | ShownAs::Public => month.opened += 1,
            ShownAs::Redacted => month.redacted += 1,
            ShownAs::Withheld => month.withheld += 1,
        }
    }

    pub(super) fn fixed(&self, stream: StreamType) -> &Frontier {
        if stream == StreamType::StreamRegistry { &self.registry } else { &self.records }
    }
}

fn ids(facts: &EventFacts) -> impl Iterator<Item = (StreamType, Hash)> + use<> {
    let conversation = facts.conversation.map(|id| (StreamType::StreamConversation, id));
    conversation.into_iter().chain(facts.custodian.map(|id| (StreamType::StreamCustodian, id)))
}
