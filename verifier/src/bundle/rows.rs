//! That what was walked is all: months held against the rows of the snapshot; and that an id has no row at all.
//!
//! Invariants: every wanted month of the snapshot is equal, event by event, to what was walked; no row but the wanted ones
//! is shown; where the scope's id has none, the two rows beside its place stand at consecutive indexes, and nothing of the
//! id was shown. Specification: `specs/streams.md`.

use super::Refusal;
use super::months::{MonthWalk, Months};
use crate::hash::Hash;
use crate::snapshot::{neighbour_leaf, row_leaf};
use crate::tree::{Frontier, SubsetWalk};
use std::collections::BTreeMap;
use zegel_proto::v1::{EvidenceNeighbour, EvidenceRow, IndexSnapshot, Month, StreamType};

/// The months after they were held against the snapshot.
pub(super) struct WalkedMonths {
    pub(super) of_scope: BTreeMap<u32, MonthWalk>,
    /// Months of the scope's id that lie outside the period, and the events in them.
    pub(super) months_outside: u64,
    pub(super) events_outside: u64,
    /// The last month of the id before the period and the first one after it; 0: there is none.
    pub(super) beside: (u32, u32),
    /// The snapshot has no row of the scope's id.
    pub(super) absent: bool,
    /// Rows of the snapshot.
    pub(super) ids: u64,
    pub(super) registry_events: u64,
    pub(super) records_events: u64,
}

/// The rows of the snapshot, as they pass.
pub(super) struct RowWalk {
    walk: SubsetWalk,
    root: Hash,
    ids: u64,
    months: Months,
    wanted: [(StreamType, Hash); 3],
    next: usize,
    neighbours: Neighbours,
    absent: bool,
    beside: (u32, u32),
    months_outside: u64,
    events_outside: u64,
}

/// Indexes of the rows shown beside the place where the scope's row would stand.
#[derive(Default)]
struct Neighbours {
    before: Option<u64>,
    after: Option<u64>,
}

impl Neighbours {
    fn shown(&self) -> Option<u64> {
        self.before.or(self.after)
    }

    /// Nothing lies between them: the row of the registry, at `registry`, is a neighbour like any other.
    fn are_adjacent(&self, registry: u64) -> bool {
        let from = self.before.map_or(0, |before| before + 1);
        from == self.after.unwrap_or(registry)
    }
}

impl RowWalk {
    pub(super) fn new(snapshot: &IndexSnapshot, months: Months) -> Self {
        let wanted = [
            (months.scope.stream, months.scope.id),
            (StreamType::StreamRegistry, Hash::ZERO),
            (StreamType::StreamRecords, Hash::ZERO),
        ];
        Self {
            walk: SubsetWalk::new(snapshot.ids),
            root: Hash::read(&snapshot.root).unwrap_or(Hash::ZERO),
            ids: snapshot.ids,
            months,
            wanted,
            next: 0,
            neighbours: Neighbours::default(),
            absent: false,
            beside: (0, 0),
            months_outside: 0,
            events_outside: 0,
        }
    }

    /// Takes a row beside the place of the scope's, which must not have passed.
    pub(super) fn neighbour(&mut self, row: &EvidenceNeighbour, gap: &[Hash]) -> Result<(), Refusal> {
        let index = row.index;
        let stream = StreamType::try_from(row.stream).unwrap_or(StreamType::StreamUnspecified);
        let id = Hash::read(&row.id).unwrap_or(Hash::ZERO);
        let surplus = Refusal::RowSurplus { index, stream: stream.as_str_name() };
        let Neighbours { before, after } = &mut self.neighbours;
        let place = match (stream, id).cmp(&self.wanted[0]) {
            _ if self.next > 0 || after.is_some() => return Err(surplus),
            std::cmp::Ordering::Less if before.is_none() => before,
            std::cmp::Ordering::Greater => after,
            _ => return Err(surplus),
        };
        *place = Some(index);
        let months = Hash::read(&row.months).unwrap_or(Hash::ZERO);
        let leaf = neighbour_leaf(stream, id, months);
        self.walk.leaf(index, gap, leaf).map_err(|reason| Refusal::SnapshotRow { index, reason })
    }

    /// Takes the next row, which must be the next one that is wanted.
    pub(super) fn row(&mut self, row: &EvidenceRow, gap: &[Hash]) -> Result<(), Refusal> {
        let index = row.index;
        let stream = StreamType::try_from(row.stream).unwrap_or(StreamType::StreamUnspecified);
        let id = Hash::read(&row.id).unwrap_or(Hash::ZERO);
        let surplus = Refusal::RowSurplus { index, stream: stream.as_str_name() };
        if self.next == 0 && (stream, id) == self.wanted[1] {
            self.pass_over(index)?;
        }
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

    /// There is no row of the scope's id: its place lies between neighbours, and nothing of it was shown.
    fn pass_over(&mut self, registry: u64) -> Result<(), Refusal> {
        let stream = self.months.scope.stream.as_str_name();
        if !self.months.of_scope.is_empty() || !self.neighbours.are_adjacent(registry) {
            return Err(Refusal::RowMissing { stream });
        }
        self.absent = true;
        self.next = 1;
        Ok(())
    }

    fn scope_row(&mut self, row: &[Month]) -> Result<(), Refusal> {
        let scope = self.months.scope;
        let stream = scope.stream;
        if let Some(index) = self.neighbours.shown() {
            return Err(Refusal::RowSurplus { index, stream: "a neighbour" });
        }
        for month in row {
            if !scope.holds_month(month.month) {
                self.months_outside += 1;
                self.events_outside = self.events_outside.saturating_add(month.count);
                match month.month {
                    before if before < scope.from_month => self.beside.0 = before,
                    after if self.beside.1 == 0 => self.beside.1 = after,
                    _ => {}
                }
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
            beside: self.beside,
            absent: self.absent,
            ids: self.ids,
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
