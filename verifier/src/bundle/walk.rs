//! The order of records, and the walk over the log: header, entries, snapshot, rows.
//!
//! Invariants: the registry is whole from entry 0, so that every author is judged on the state before its entry; the size
//! of the log is the checkpoint's claim until the log has ended, and verified there; nothing follows the snapshot but its
//! rows. Specification: `specs/bundle.md`.

use super::authorship::Authorship;
use super::bag::Bag;
use super::events::{Desk, OpenEvent};
use super::export::{Exported, Opening};
use super::months::Months;
use super::prepared::{EntryContent, Prepared, PreparedEntry, PreparedEvent};
use super::rows::{RowWalk, WalkedMonths};
use super::{Demands, Observer, Place, Refusal};
use crate::batch::{BatchError, VerifiedStatement};
use crate::checkpoint::VerifiedCheckpoint;
use crate::hash::Hash;
use crate::tree::SubsetWalk;
use crate::trust::{Trust, Vouched};
use zegel_proto::v1::{IndexSnapshot, Role};

/// What may come next.
enum Stage {
    /// An entry.
    Entries,
    /// An event of this batch, or its end.
    Batch(Box<OpenBatch>),
    /// The end of the log: the snapshot was the last entry.
    LogEnd(IndexSnapshot),
    /// A row of the snapshot, or their end.
    Rows(Box<RowWalk>),
    /// Nothing.
    Done(WalkedMonths),
}

impl Stage {
    fn wanted(&self) -> &'static str {
        match self {
            Self::Entries => "an entry",
            Self::Batch(_) => "an event of the batch or its end",
            Self::LogEnd(_) => "the end of the log",
            Self::Rows(_) => "a row of the snapshot or their end",
            Self::Done(_) => "the end of the evidence",
        }
    }
}

/// A batch whose events are passing.
pub(super) struct OpenBatch {
    pub(super) entry: u64,
    pub(super) received_at_ms: u64,
    pub(super) statement: VerifiedStatement,
    pub(super) role: Role,
    walk: SubsetWalk,
    shown: u32,
}

/// A walk over the evidence.
pub(super) struct Walk<'a> {
    trust: &'a Trust,
    demands: &'a Demands,
    underway: Option<Underway<'a>>,
}

/// A walk that has read its header.
struct Underway<'a> {
    trust: &'a Trust,
    demands: &'a Demands,
    opening: Opening,
    stage: Stage,
    log: SubsetWalk,
    received_at_ms: u64,
    authorship: Authorship,
    months: Months,
    desk: Desk,
    covers: u64,
    vouched: Vec<Vouched>,
    checkpoint: Option<VerifiedCheckpoint>,
}

/// All that was found, once the evidence has ended well. The export statement is still to be checked.
pub(super) struct Outcome {
    pub(super) opening: Opening,
    pub(super) exported: Exported,
    pub(super) authorship: Authorship,
    pub(super) months: WalkedMonths,
    pub(super) desk: Desk,
    pub(super) checkpoint: VerifiedCheckpoint,
    pub(super) vouched: Vec<Vouched>,
    /// Names in the trust file of those who did not cosign.
    pub(super) absent: Vec<String>,
    /// The quorum that was met; `None` if the trust file demands none.
    pub(super) demand: Option<String>,
    pub(super) covers: u64,
    pub(super) attachments: u64,
    pub(super) nonce_demanded: bool,
    pub(super) log_key_pinned: bool,
}

fn record_name(record: &Prepared) -> &'static str {
    match record {
        Prepared::Header(_) => "a header",
        Prepared::Entry(_) => "an entry",
        Prepared::Event(_) => "an event",
        Prepared::BatchEnd(_) => "the end of a batch",
        Prepared::LogEnd(_) => "the end of the log",
        Prepared::Row(..) => "a row of the snapshot",
        Prepared::RowsEnd(_) => "the end of the rows",
        Prepared::Neighbour(..) => "a neighbour in the snapshot",
        Prepared::Envelope => "an envelope, which is only in sealed evidence",
        Prepared::Nothing => "nothing",
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(trust: &'a Trust, demands: &'a Demands) -> Self {
        Self { trust, demands, underway: None }
    }

    /// Takes the next record.
    pub(super) fn record(
        &mut self,
        record: &mut Prepared,
        bag: &Bag,
        observer: &mut dyn Observer,
    ) -> Result<(), Refusal> {
        match (&mut self.underway, record) {
            (_, Prepared::Nothing) => Err(Refusal::Order { found: "nothing", wanted: "a record" }),
            (Some(underway), record) => underway.record(record, bag, observer),
            (None, Prepared::Header(header)) => {
                let opening = Opening::read(std::mem::take(&mut **header), self.trust)?;
                opening.check_scope(self.demands)?;
                self.underway = Some(Underway::begin(self.trust, self.demands, opening));
                Ok(())
            }
            (None, other) => Err(Refusal::Order { found: record_name(other), wanted: "a header" }),
        }
    }

    /// Ends the walk: everything that had to come has come.
    pub(super) fn finish(self, bag: &Bag) -> Result<Outcome, Refusal> {
        let nothing = Refusal::Order { found: "the end of the evidence", wanted: "a header" };
        self.underway.ok_or(nothing)?.finish(bag)
    }
}

impl<'a> Underway<'a> {
    fn begin(trust: &'a Trust, demands: &'a Demands, opening: Opening) -> Self {
        Self {
            trust,
            demands,
            stage: Stage::Entries,
            log: SubsetWalk::new(opening.checkpoint.claimed_size()),
            received_at_ms: 0,
            authorship: Authorship::new(trust),
            months: Months::new(opening.scope),
            desk: Desk::new(&opening),
            opening,
            covers: 0,
            vouched: Vec::new(),
            checkpoint: None,
        }
    }

    fn record(&mut self, record: &mut Prepared, bag: &Bag, observer: &mut dyn Observer) -> Result<(), Refusal> {
        match (&mut self.stage, record) {
            (Stage::Entries, Prepared::Entry(entry)) => self.entry(entry),
            (Stage::Batch(_), Prepared::Event(event)) => self.event(event, bag, observer),
            (Stage::Batch(_), Prepared::BatchEnd(gap)) => self.batch_end(gap),
            (Stage::LogEnd(_), Prepared::LogEnd(gap)) => self.log_end(gap),
            (Stage::Rows(rows), Prepared::Row(row, gap)) => rows.row(row, gap),
            (Stage::Rows(rows), Prepared::Neighbour(row, gap)) => rows.neighbour(row, gap),
            (Stage::Rows(_), Prepared::RowsEnd(gap)) => self.rows_end(gap),
            (stage, other) => Err(Refusal::Order { found: record_name(other), wanted: stage.wanted() }),
        }
    }

    fn entry(&mut self, record: &PreparedEntry) -> Result<(), Refusal> {
        let place = Place::entry(record.index);
        let not_canonical = |reason| Refusal::NotCanonicalAt { place, reason };
        let entry = record.entry.as_ref().map_err(|reason| not_canonical(reason.clone()))?;
        self.log.leaf(record.index, &record.gap, record.leaf).map_err(|reason| Refusal::Entry { place, reason })?;
        if entry.received_at_ms < self.received_at_ms {
            return Err(Refusal::ReceivedAt { place, found: entry.received_at_ms, before: self.received_at_ms });
        }
        self.received_at_ms = entry.received_at_ms;
        match &entry.content {
            EntryContent::Batch(batch) => self.batch(record.index, batch),
            EntryContent::Snapshot(snapshot) => self.snapshot(record.index, snapshot),
            EntryContent::Nothing => Err(Refusal::Order { found: "an entry without content", wanted: "an entry" }),
        }
    }

    fn batch(&mut self, entry: u64, statement: &Result<VerifiedStatement, BatchError>) -> Result<(), Refusal> {
        let place = Place::entry(entry);
        if entry >= self.opening.snapshot_entry {
            return Err(Refusal::Snapshot {
                place,
                reason: "a batch stands where the snapshot was announced, or after",
            });
        }
        let statement = statement.clone().map_err(|reason| Refusal::Batch { place, reason })?;
        let role = self.authorship.batch(entry, &statement)?;
        let walk = SubsetWalk::new(statement.statement().count.into());
        let received_at_ms = self.received_at_ms;
        self.desk.note_clocks(place, received_at_ms, statement.statement().created_at_ms);
        self.stage = Stage::Batch(Box::new(OpenBatch { entry, received_at_ms, statement, role, walk, shown: 0 }));
        Ok(())
    }

    fn snapshot(&mut self, entry: u64, snapshot: &IndexSnapshot) -> Result<(), Refusal> {
        let place = Place::entry(entry);
        let refused = |reason| Err(Refusal::Snapshot { place, reason });
        if entry != self.opening.snapshot_entry {
            return refused("another snapshot was announced");
        }
        if snapshot.covers > entry {
            return refused("it covers entries that come after it");
        }
        if self.authorship.last_entry().is_none_or(|last| last >= snapshot.covers) {
            return refused("it does not cover the entries that are shown");
        }
        if let Some(wanted) = self.demands.min_entries.filter(|wanted| snapshot.covers < *wanted) {
            return Err(Refusal::AsOf { found: snapshot.covers, wanted });
        }
        self.covers = snapshot.covers;
        self.stage = Stage::LogEnd(snapshot.clone());
        Ok(())
    }

    fn event(&mut self, event: &PreparedEvent, bag: &Bag, observer: &mut dyn Observer) -> Result<(), Refusal> {
        let Stage::Batch(batch) = &mut self.stage else {
            return Err(Refusal::Order { found: "an event", wanted: self.stage.wanted() });
        };
        let place = Place::event(batch.entry, event.position);
        batch
            .walk
            .leaf(event.position.into(), &event.gap, event.leaf)
            .map_err(|reason| Refusal::Event { place, reason })?;
        batch.shown += 1;
        let header = event.header.as_ref().map_err(|fault| fault.clone().at(place))?;
        let facts = &header.facts;
        self.authorship.event(place, batch, facts.kind, header.public.as_deref())?;
        let in_scope = self.months.push(place, facts, event.leaf)?;
        let opened = OpenEvent { place, batch, facts, in_scope };
        let shown = self.desk.check(&opened, header, bag, self.authorship.registry(), observer)?;
        if in_scope {
            self.months.tally(facts, shown);
        }
        Ok(())
    }

    fn batch_end(&mut self, gap: &[Hash]) -> Result<(), Refusal> {
        let Stage::Batch(batch) = std::mem::replace(&mut self.stage, Stage::Entries) else {
            return Ok(());
        };
        let place = Place::entry(batch.entry);
        if batch.shown == 0 {
            return Err(Refusal::NothingShown { place });
        }
        let found = batch.walk.finish(gap).map_err(|reason| Refusal::Event { place, reason })?;
        let wanted = batch.statement.events_root();
        if found == wanted { Ok(()) } else { Err(Refusal::BatchRoot { place, found, wanted }) }
    }

    /// The log has ended: what was a claim is verified, the key first.
    fn log_end(&mut self, gap: &[Hash]) -> Result<(), Refusal> {
        let Stage::LogEnd(snapshot) = std::mem::replace(&mut self.stage, Stage::Entries) else {
            return Ok(());
        };
        let size = self.opening.checkpoint.claimed_size();
        let place = Place::entry(size);
        let key = self.authorship.log_key(size)?;
        if let Some(pinned) = self.trust.log_key().filter(|pinned| **pinned != key) {
            return Err(Refusal::LogKey { found: Hash(key), wanted: Hash(*pinned) });
        }
        let checkpoint = VerifiedCheckpoint::verify(self.opening.checkpoint.clone(), &self.opening.origin, &key)?;
        let log = std::mem::replace(&mut self.log, SubsetWalk::new(0));
        let found = log.finish(gap).map_err(|reason| Refusal::Entry { place, reason })?;
        if found != checkpoint.root() {
            return Err(Refusal::LogRoot { found, wanted: checkpoint.root() });
        }
        self.vouched = self.trust.vouched(&checkpoint).map_err(Refusal::Cosignature)?;
        if !self.trust.is_quorum(&self.vouched) {
            let wanted = self.trust.policy().demand().map(|demand| demand.to_string()).unwrap_or_default();
            let cosigned = self.vouched.iter().map(|vouched| vouched.name.clone()).collect();
            return Err(Refusal::Quorum { cosigned, wanted });
        }
        self.checkpoint = Some(checkpoint);
        self.months.check_registered()?;
        let months = std::mem::replace(&mut self.months, Months::new(self.opening.scope));
        self.stage = Stage::Rows(Box::new(RowWalk::new(&snapshot, months)));
        Ok(())
    }

    fn rows_end(&mut self, gap: &[Hash]) -> Result<(), Refusal> {
        if let Stage::Rows(rows) = std::mem::replace(&mut self.stage, Stage::Entries) {
            self.stage = Stage::Done(rows.finish(gap)?);
        }
        Ok(())
    }

    fn finish(self, bag: &Bag) -> Result<Outcome, Refusal> {
        let wanted = self.stage.wanted();
        let (Stage::Done(months), Some(checkpoint)) = (self.stage, self.checkpoint) else {
            return Err(Refusal::Order { found: "the end of the evidence", wanted });
        };
        let mut desk = self.desk;
        let exported = desk.finish(&self.opening, self.demands)?;
        bag.attachments().check_named()?;
        Ok(Outcome {
            opening: self.opening,
            exported,
            authorship: self.authorship,
            months,
            desk,
            checkpoint,
            absent: absent(self.trust, &self.vouched),
            demand: self.trust.policy().demand().map(|demand| demand.to_string()),
            vouched: self.vouched,
            covers: self.covers,
            attachments: bag.attachments().count(),
            nonce_demanded: self.demands.nonce.is_some(),
            log_key_pinned: self.trust.log_key().is_some(),
        })
    }
}

/// Those of the trust file who did not cosign.
fn absent(trust: &Trust, vouched: &[Vouched]) -> Vec<String> {
    let names = trust.witnesses().iter().map(|witness| witness.name.as_str());
    names.filter(|name| vouched.iter().all(|each| each.name != *name)).map(String::from).collect()
}

impl Outcome {
    /// Holds what the officer signed against what was walked.
    pub(super) fn check_statement(&mut self, signed: &[u8], parts: u32, parts_sha256: Hash) -> Result<(), Refusal> {
        let registry = self.authorship.registry().ok_or(Refusal::Order { found: "no registry", wanted: "an entry" })?;
        let statement =
            self.exported.check_statement(signed, parts, parts_sha256, registry, self.opening.snapshot_entry)?;
        self.exported.signed_at_ms = statement.created_at_ms;
        Ok(())
    }
}
