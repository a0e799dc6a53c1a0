//! Is this whole log good? An incremental replay that derives everything again, and believes nobody.
//!
//! An auditor takes every entry in order, with its headers and digests of what lies sealed; it needs no key that opens
//! content. [`examine`] does what can be done with one entry by itself, on any thread; [`Auditor::take`] holds it against
//! all that came before: tree, authors, source chains, registered ids, counters, streams, snapshots. Checkpoints that
//! anyone was ever given are held against the tree at their size.
//!
//! Invariants:
//! - pure: no clock, file, socket, thread; entries and notes come in as arguments, findings go out as data;
//! - memory grows with ids, months and captures, never with events; findings are bounded;
//! - one fault is one finding: after it the replay goes on from what was logged, and where it cannot, it says so;
//! - a state that is kept and taken back goes on as if nothing had happened ([`Auditor::save`], [`Auditor::restore`]).
//!
//! Not here: files and mirrors (the command), other histories (`compare`). Specification: `specs/audit.md`.
#![allow(clippy::result_large_err, reason = "a fault is rare, and copied once")]

mod chains;
pub mod dwell;
mod examine;
mod fault;
mod genesis;
mod notes;
mod report;
mod state;
mod streams;

pub use examine::{Examined, examine};
pub use fault::Fault;
pub use genesis::log_keys;
pub use report::{AuditReport, Sentence};
pub use state::StateError;

use crate::bundle::findings::Findings;
use crate::bundle::{Finding, Place, Severity};
use crate::hash::Hash;
use crate::registry::Registry;
use crate::tree::Frontier;
use crate::trust::Trust;
use chains::Chains;
use dwell::Dwelling;
use examine::{Content, ExaminedBatch, NamedId};
use genesis::Governance;
use notes::Notes;
use std::collections::BTreeMap;
use streams::Streams;
use zegel_proto::v1::{EventKind, IndexSnapshot, StreamType};

/// A source's clock may be ahead of the ledger's by so much before it is told.
const CLOCKS_APART_MS: u64 = 5 * 60 * 1_000;
/// Tables of earlier sizes that are remembered, for a snapshot that comes late.
const TABLES_KEPT: usize = 4_096;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    events: u64,
    batches: u64,
    snapshots: u64,
    /// Sealed bodies that are gone, of entries before the last end of content that was logged.
    destroyed: u64,
    /// Sealed bodies that were replaced, of entries before the last BODY_RESEALED.
    replaced: u64,
    /// Entries up to the last BODY_RESEALED, with it; 0 without one.
    resealed: u64,
}

/// Sealed bodies that are gone, or were replaced, and nothing that could say so has been logged after them so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Missing {
    count: u64,
    first: Option<Place>,
}

impl Missing {
    fn add(&mut self, index: u64, positions: &[u32]) {
        let Some(position) = positions.first() else { return };
        self.first.get_or_insert(Place::event(index, *position));
        self.count += positions.len() as u64;
    }
}

/// A replay of one log.
#[derive(Clone, Debug)]
pub struct Auditor {
    trust: Trust,
    tree: Frontier,
    received_at_ms: u64,
    governance: Governance,
    chains: Chains,
    streams: Streams,
    /// Rows and root by number of entries covered.
    tables: BTreeMap<u64, (u64, Hash)>,
    announced: Vec<u64>,
    notes: Notes,
    missing: Missing,
    /// What stands in another form than was signed over.
    changed: Missing,
    destroyed_first: Option<Place>,
    replaced_first: Option<Place>,
    /// Entry from which the state is not known any more.
    broken_at: Option<u64>,
    counts: Counts,
    dwelling: Dwelling,
    findings: Findings,
}

impl Auditor {
    /// Begins before entry 0, under a trust file.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self {
            trust,
            tree: Frontier::new(),
            received_at_ms: 0,
            governance: Governance::default(),
            chains: Chains::default(),
            streams: Streams::default(),
            tables: BTreeMap::new(),
            announced: Vec::new(),
            notes: Notes::default(),
            missing: Missing::default(),
            changed: Missing::default(),
            destroyed_first: None,
            replaced_first: None,
            broken_at: None,
            counts: Counts::default(),
            dwelling: Dwelling::default(),
            findings: Findings::default(),
        }
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.trust.origin()
    }

    /// Entries taken: the index of the next.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Root over the entries taken.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The right edge of the tree over the entries taken.
    #[must_use]
    pub fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// The registry as of the next entry; `None` before genesis.
    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        self.governance.registry()
    }

    /// The ledger's clock at the last entry, milliseconds since 1970; whoever has a clock holds it against that.
    #[must_use]
    pub fn received_at_ms(&self) -> u64 {
        self.received_at_ms
    }

    /// What was found so far, in order; of bodies that are gone, nothing before [`Auditor::report`].
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.findings.as_slice()
    }

    /// Every rule held so far, for every entry taken and every checkpoint handed in: what an auditing witness asks before it
    /// cosigns. Bodies that are gone without a destruction after them count.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let grave = self.findings().iter().any(|finding| finding.severity == Severity::Error);
        !grave && self.broken_at.is_none() && self.missing.count + self.changed.count == 0
    }

    /// A snapshot is known to come that covers this many entries: its table is remembered when they have been taken.
    pub fn announce_snapshot(&mut self, covers: u64) {
        if covers > self.size() && !self.announced.contains(&covers) {
            self.announced.push(covers);
            self.announced.sort_unstable();
        }
    }

    /// Takes the next entry.
    pub fn take(&mut self, examined: Examined) {
        let (index, wanted) = (examined.index, self.size());
        if index != wanted {
            self.broken(index, Place::entry(index), &Fault::Order { found: index, wanted });
        }
        self.tree.push(examined.leaf);
        self.clock(index, examined.received_at_ms);
        match examined.content {
            Content::Bad(place, fault) => self.broken(index, place, &fault),
            Content::Batch(batch) if self.broken_at.is_none() => self.batch(index, *batch),
            Content::Snapshot(snapshot) if self.broken_at.is_none() => self.snapshot(index, &snapshot),
            Content::Batch(batch) => self.found_all(batch.faults),
            Content::Snapshot(snapshot) => self.check_ahead(index, &snapshot),
        }
        while self.announced.first().is_some_and(|covers| *covers <= self.size()) {
            self.announced.remove(0);
            self.remember_table();
        }
        self.judge_notes();
    }

    fn found(&mut self, place: Place, fault: &Fault) {
        self.findings.add(fault.finding(Some(place)));
    }

    fn found_all(&mut self, faults: impl IntoIterator<Item = (Place, Fault)>) {
        faults.into_iter().for_each(|(place, fault)| self.found(place, &fault));
    }

    /// A fault after which nobody knows the state: what follows is examined by itself.
    fn broken(&mut self, index: u64, place: Place, fault: &Fault) {
        self.found(place, fault);
        if self.broken_at.is_none() {
            self.broken_at = Some(index);
            self.found(place, &Fault::ReplayEnded);
        }
    }

    fn clock(&mut self, index: u64, found: u64) {
        let before = self.received_at_ms;
        if found != 0 && found < before {
            self.found(Place::entry(index), &Fault::ReceivedAt { found, before });
        }
        self.received_at_ms = before.max(found);
    }

    fn batch(&mut self, index: u64, batch: ExaminedBatch) {
        let at = Place::entry(index);
        self.counts.batches += 1;
        self.counts.events += u64::from(batch.statement.statement().count);
        let created = batch.statement.statement().created_at_ms;
        if self.received_at_ms.saturating_add(CLOCKS_APART_MS) < created {
            self.found(at, &Fault::ReceivedEarly { received: self.received_at_ms, created });
        }
        let governed = self.governance.batch(&self.trust, index, &batch);
        self.found_all(governed);
        if self.governance.registry().is_none() {
            // Without a genesis that holds, nobody may do anything.
            self.broken_at = Some(index);
            return self.found(at, &Fault::ReplayEnded);
        }
        if let Err(fault) = self.chains.batch(&batch.statement) {
            self.found(at, &fault);
        }
        self.ids(index, &batch.ids);
        for run in &batch.captures {
            if let Err((position, fault)) = self.chains.numbers(batch.statement.source(), run, &mut self.streams) {
                self.found(Place::event(index, position), &fault);
            }
        }
        self.bodies(index, &batch);
        self.dwell(index, &batch);
        batch.streams.into_iter().for_each(|(of, leaves)| self.streams.extend(&of, leaves));
        self.found_all(batch.faults);
    }

    /// Ids are registered once, and before they are used.
    fn ids(&mut self, index: u64, ids: &[NamedId]) {
        for named in ids {
            let id = named.id;
            let what = if named.stream == StreamType::StreamConversation { "conversation" } else { "custodian" };
            let number = self.streams.id(named.stream, id) as usize;
            let row = &mut self.streams.ids[number];
            let was_registered = row.is_registered;
            row.is_registered |= named.registered.is_some();
            let twice = if was_registered { named.registered } else { named.again };
            let early = named.used.filter(|used| !was_registered && named.registered.is_none_or(|at| *used < at));
            if let Some(position) = twice {
                self.found(Place::event(index, position), &Fault::RegisteredTwice { what, id });
            }
            if let Some(position) = early {
                self.found(Place::event(index, position), &Fault::Unregistered { what, id });
            }
        }
    }

    /// What is gone must be declared by one of the four ends that comes after it, what was replaced by a BODY_RESEALED. Which bodies those name is sealed.
    fn bodies(&mut self, index: u64, batch: &ExaminedBatch) {
        use EventKind as K;
        let ends =
            |kind| matches!(kind, K::DestructionExecuted | K::WeedingExecuted | K::BreachRemoved | K::CustodyPurged);
        if batch.kinds.iter().any(|(kind, _)| ends(*kind)) {
            let missing = std::mem::take(&mut self.missing);
            self.counts.destroyed += missing.count;
            self.destroyed_first = self.destroyed_first.or(missing.first);
        }
        if batch.kinds.iter().any(|(kind, _)| *kind == K::BodyResealed) {
            self.counts.resealed = index + 1;
            let changed = std::mem::take(&mut self.changed);
            self.counts.replaced += changed.count;
            self.replaced_first = self.replaced_first.or(changed.first);
        }
        self.missing.add(index, &batch.gone);
        self.changed.add(index, &batch.replaced);
    }

    /// What was purged too late is told when it is; what is still there, at the end.
    fn dwell(&mut self, index: u64, batch: &ExaminedBatch) {
        let now = self.received_at_ms;
        let purged = self.dwelling.take(index, now, batch.kinds.iter().map(|(kind, _)| *kind));
        let Some(((oldest, since), registry)) = purged.zip(self.governance.registry()) else { return };
        if let Some(fault) = dwell::fault_of(registry, since, now) {
            self.found(Place::entry(oldest), &fault);
        }
    }

    fn check_ahead(&mut self, index: u64, snapshot: &IndexSnapshot) {
        if snapshot.covers > index {
            self.found(Place::entry(index), &Fault::SnapshotAhead { covers: snapshot.covers });
        }
    }

    fn snapshot(&mut self, index: u64, snapshot: &IndexSnapshot) {
        self.counts.snapshots += 1;
        let covers = snapshot.covers;
        if covers > index {
            return self.check_ahead(index, snapshot);
        }
        if covers == index {
            self.tables.insert(index, self.streams.table());
            self.forget_tables();
        }
        let Some((found_ids, found)) = self.tables.get(&covers).copied() else {
            return self.found(Place::entry(index), &Fault::SnapshotOld { covers });
        };
        let (wanted_ids, wanted) = (snapshot.ids, Hash::read(&snapshot.root).unwrap_or(Hash::ZERO));
        if (found_ids, found) != (wanted_ids, wanted) {
            self.found(Place::entry(index), &Fault::SnapshotRoot { found_ids, wanted_ids, found, wanted });
        }
    }

    fn remember_table(&mut self) {
        if self.broken_at.is_none() {
            self.tables.insert(self.size(), self.streams.table());
            self.forget_tables();
        }
    }

    fn forget_tables(&mut self) {
        while self.tables.len() > TABLES_KEPT {
            self.tables.pop_first();
        }
    }
}
