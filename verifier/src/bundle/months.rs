//! Which events belong in the bundle, and that these are all: months held against the rows of the snapshot.
//!
//! Invariants: an event in none of the wanted streams is refused; every wanted month of the snapshot is equal, event by
//! event, to what was walked; no row but the wanted ones is shown. Memory: one frontier per month.
//! Specification: `specs/streams.md`.

use super::export::ScopeFacts;
use super::{CAPTURES_MAX, Place, Refusal};
use crate::hash::Hash;
use crate::kinds::{EventFacts, Family, StreamMonth, family};
use crate::snapshot::{row_leaf, stream_leaf};
use crate::tree::{Frontier, SubsetWalk};
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::limits::MONTHS_MAX;
use zegel_proto::v1::{EventKind, EvidenceRow, IndexSnapshot, Month, StreamType};

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
    frontier: Frontier,
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
    scope: ScopeFacts,
    of_scope: BTreeMap<u32, MonthWalk>,
    registry: Frontier,
    records: Frontier,
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

    fn fixed(&self, stream: StreamType) -> &Frontier {
        if stream == StreamType::StreamRegistry { &self.registry } else { &self.records }
    }
}

fn ids(facts: &EventFacts) -> impl Iterator<Item = (StreamType, Hash)> + use<> {
    let conversation = facts.conversation.map(|id| (StreamType::StreamConversation, id));
    conversation.into_iter().chain(facts.custodian.map(|id| (StreamType::StreamCustodian, id)))
}

/// The months after they were held against the snapshot.
pub(super) struct WalkedMonths {
    pub(super) of_scope: BTreeMap<u32, MonthWalk>,
    /// Months of the scope's id that lie outside the period, and the events in them.
    pub(super) months_outside: u64,
    pub(super) events_outside: u64,
    pub(super) registry_events: u64,
    pub(super) records_events: u64,
}

/// The rows of the snapshot, as they pass.
pub(super) struct RowWalk {
    walk: SubsetWalk,
    root: Hash,
    months: Months,
    wanted: [(StreamType, Hash); 3],
    next: usize,
    months_outside: u64,
    events_outside: u64,
}

impl RowWalk {
    pub(super) fn new(snapshot: &IndexSnapshot, months: Months) -> Self {
        let wanted = [
            (months.scope.stream, months.scope.id),
            (StreamType::StreamRegistry, Hash::ZERO),
            (StreamType::StreamRecords, Hash::ZERO),
        ];
        let root = Hash::read(&snapshot.root).unwrap_or(Hash::ZERO);
        let walk = SubsetWalk::new(snapshot.ids);
        Self { walk, root, months, wanted, next: 0, months_outside: 0, events_outside: 0 }
    }

    /// Takes the next row, which must be the next one that is wanted.
    pub(super) fn row(&mut self, row: &EvidenceRow, gap: &[Hash]) -> Result<(), Refusal> {
        let index = row.index;
        let stream = StreamType::try_from(row.stream).unwrap_or(StreamType::StreamUnspecified);
        let id = Hash::read(&row.id).unwrap_or(Hash::ZERO);
        let surplus = Refusal::RowSurplus { index, stream: stream.as_str_name() };
        let Some(wanted) = self.wanted.get(self.next).copied() else {
            return Err(surplus);
        };
        if wanted != (stream, id) {
            let comes_later = self.wanted[self.next..].contains(&(stream, id));
            let missing = Refusal::RowMissing { stream: wanted.0.as_str_name() };
            return Err(if comes_later { missing } else { surplus });
        }
        let leaf = row_leaf(stream, id, &row.months);
        self.walk.leaf(index, gap, leaf).map_err(|reason| Refusal::SnapshotRow { index, reason })?;
        self.next += 1;
        if stream == self.months.scope.stream {
            self.scope_row(&row.months)
        } else {
            self.fixed_row(stream, &row.months)
        }
    }

    fn scope_row(&mut self, row: &[Month]) -> Result<(), Refusal> {
        let stream = self.months.scope.stream;
        for month in row {
            if !self.months.scope.holds_month(month.month) {
                self.months_outside += 1;
                self.events_outside = self.events_outside.saturating_add(month.count);
                continue;
            }
            let walked = self.months.of_scope.get(&month.month).map(|walked| &walked.frontier);
            check_month(stream, month, walked)?;
        }
        // Rows ascend by month (grammar), so that looking one up is a search.
        let surplus =
            self.months.of_scope.iter().find(|(month, _)| row.binary_search_by_key(*month, |each| each.month).is_err());
        match surplus {
            Some((&month, walked)) => {
                Err(Refusal::MonthSurplus { stream: stream.as_str_name(), month, found_count: walked.count() })
            }
            None => Ok(()),
        }
    }

    fn fixed_row(&self, stream: StreamType, row: &[Month]) -> Result<(), Refusal> {
        for month in row {
            let walked = (month.month == 0).then(|| self.months.fixed(stream));
            check_month(stream, month, walked.filter(|frontier| frontier.size() > 0))?;
        }
        Ok(())
    }

    /// The rows have ended: the wanted ones were there, and all lead to the snapshot's root.
    pub(super) fn finish(self, gap: &[Hash]) -> Result<WalkedMonths, Refusal> {
        if let Some((stream, _)) = self.wanted.get(self.next) {
            return Err(Refusal::RowMissing { stream: stream.as_str_name() });
        }
        let index = self.walk.position();
        let found = self.walk.finish(gap).map_err(|reason| Refusal::SnapshotRow { index, reason })?;
        if found != self.root {
            return Err(Refusal::SnapshotRoot { found, wanted: self.root });
        }
        Ok(WalkedMonths {
            months_outside: self.months_outside,
            events_outside: self.events_outside,
            registry_events: self.months.registry.size(),
            records_events: self.months.records.size(),
            of_scope: self.months.of_scope,
        })
    }
}

fn check_month(stream: StreamType, month: &Month, walked: Option<&Frontier>) -> Result<(), Refusal> {
    let (stream, wanted_count) = (stream.as_str_name(), month.count);
    let Some(walked) = walked else {
        return Err(Refusal::MonthHidden { stream, month: month.month, wanted_count });
    };
    let wanted = Hash::read(&month.root).unwrap_or(Hash::ZERO);
    let (found, found_count) = (walked.root(), walked.size());
    if (found, found_count) == (wanted, wanted_count) {
        return Ok(());
    }
    Err(Refusal::MonthRoot { stream, month: month.month, found_count, wanted_count, found, wanted })
}
