//! The whole log again, from its truth: every rule, every byte, every root; and the projections compared.
//!
//! Each entry is taken as if it came in now: the same examination and the same admission, at the time that it states, must
//! make the same bytes. Not here: opening bodies, which the ledger cannot do. Specification: `specs/storage.md`.

use crate::config::{Config, LogConfig};
use crate::log::{Identity, Log, Refusal, SealedContent, Submission};
use crate::server::{ServeError, identity_of, open_store};
use crate::store::{Difference, Guard, NoFaults, Snapshots, Store, StoreError, TreeReader};
use crate::tree;
use crate::walk::{Fault, Signed, Walk};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use zegel_proto::v1::{Entry, entry};
use zegel_verifier::hash::{Hash, log_leaf};
use zegel_verifier::tree::Frontier;

/// Findings that are told; a store with more is lost, and the first ones say where.
const FINDINGS_MAX: usize = 1_000;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Name of the log.
    pub origin: String,
    /// Stable id of the kind of finding: `entry`, `sealed`, `checkpoint`, `guard`, `projection`, `snapshot`, `blob`, `keys`,
    /// `store`.
    pub id: &'static str,
    /// Entry at fault, where there is one.
    pub entry: Option<u64>,
    /// One sentence.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.origin, self.id)?;
        if let Some(entry) = self.entry {
            write!(formatter, " entry {entry}")?;
        }
        write!(formatter, ": {}", self.reason)
    }
}

/// What was checked, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Entries of all logs.
    pub entries: u64,
    /// Events of all logs.
    pub events: u64,
    /// Findings; none if all is well.
    pub findings: Vec<Finding>,
}

/// Checks all logs of a configuration. They must not be served at the same time.
///
/// # Errors
/// [`ServeError`] if a store cannot be opened at all.
pub fn check(config: &Config) -> Result<CheckReport, ServeError> {
    let mut report = CheckReport::default();
    for log in &config.logs {
        let failed = |reason| ServeError::Store { origin: log.origin.clone(), reason };
        let store = open_store(log, Arc::new(NoFaults))?;
        let before = report.findings.len();
        Check::new(log, &store, identity_of(log)?, &mut report).run().map_err(failed)?;
        // What a scrub had found is mended, so the log may be served again.
        if report.findings.len() == before {
            Store::forget_scrub(&log.store).map_err(failed)?;
        }
    }
    Ok(report)
}

/// Derives the projections of all logs again; gives the entries replayed. They must not be served at the same time.
///
/// # Errors
/// [`ServeError`].
pub fn rebuild(config: &Config) -> Result<CheckReport, ServeError> {
    let mut report = CheckReport::default();
    for log in &config.logs {
        let failed = |reason| ServeError::Store { origin: log.origin.clone(), reason };
        let store = open_store(log, Arc::new(NoFaults))?;
        let (entries, differences) = store.rebuild().map_err(failed)?;
        report.entries += entries;
        report.findings.extend(differences.into_iter().map(|difference| finding_of(&log.origin, difference)));
    }
    Ok(report)
}

pub(crate) fn finding_of(origin: &str, difference: Difference) -> Finding {
    let (id, entry, reason) = match difference {
        Difference::Row { column, key } => {
            ("projection", None, format!("{column} differ from what the entries lead to, first at row {key}"))
        }
        Difference::Snapshot { entry } => {
            ("snapshot", Some(entry), "its table does not follow from the entries before it".into())
        }
        Difference::Entry { entry, reason } => ("entry", Some(entry), reason.to_string()),
    };
    Finding { origin: origin.into(), id, entry, reason }
}

struct Check<'a> {
    config: &'a LogConfig,
    store: &'a Arc<Store>,
    log: Log,
    /// Tree over the entries as they are in the store, whatever is wrong with them.
    tree: Frontier,
    /// An entry was refused: what follows cannot be admitted, but is still examined by itself.
    is_broken: bool,
    /// A checkpoint signs another tree: every later one does too.
    is_forked: bool,
    report: &'a mut CheckReport,
}

impl<'a> Check<'a> {
    fn new(config: &'a LogConfig, store: &'a Arc<Store>, identity: Identity, report: &'a mut CheckReport) -> Self {
        Self {
            config,
            store,
            log: Log::new(identity),
            tree: Frontier::new(),
            is_broken: false,
            is_forked: false,
            report,
        }
    }

    fn find(&mut self, id: &'static str, entry: Option<u64>, reason: impl ToString) {
        if self.report.findings.len() >= FINDINGS_MAX {
            return;
        }
        let origin = self.config.origin.clone();
        self.report.findings.push(Finding { origin, id, entry, reason: reason.to_string() });
    }

    fn run(&mut self) -> Result<(), StoreError> {
        let size = self.store.size()?;
        for index in 0..size {
            self.entry(index);
            self.checkpoint(index + 1);
        }
        self.report.entries += size;
        if size > 0 && matches!(self.store.checkpoint_at(size), Ok(None)) {
            self.find("checkpoint", None, format!("the log of {size} entries has no checkpoint"));
        }
        self.guard(size);
        if self.store.has_orphan_keys(size)? {
            self.find(
                "keys",
                None,
                "there are keys of entries that do not exist: they are swept when the log is opened",
            );
        }
        for blob in self.store.blobs().all()? {
            if let Err(reason) = self.store.blobs().check(blob) {
                self.find("blob", None, reason);
            }
        }
        for difference in self.store.compare(Snapshots::All, &mut |_| true)? {
            // An entry that cannot be replayed was found above already.
            if !matches!(difference, Difference::Entry { .. }) {
                self.report.findings.push(finding_of(&self.config.origin, difference));
            }
        }
        Ok(())
    }

    fn entry(&mut self, index: u64) {
        let bytes = match self.store.entry(index) {
            Ok(bytes) => bytes,
            Err(reason) => {
                self.is_broken = true;
                self.tree.push(Hash::ZERO);
                return self.find("entry", Some(index), reason);
            }
        };
        self.tree.push(log_leaf(&bytes));
        if let Err(Fault { id, reason }) = self.replay(index, &bytes) {
            self.is_broken = true;
            self.find(id, Some(index), reason);
        }
    }

    fn walk(&self) -> Walk<'a> {
        Walk { origin: &self.config.origin, store: self.store, blobs: self.store.blobs() }
    }

    fn replay(&mut self, index: u64, bytes: &[u8]) -> Result<(), Fault> {
        let (entry, submission) = self.walk().entry(index, bytes)?;
        if self.is_broken {
            return Ok(());
        }
        self.admit(index, bytes, entry, submission).map_err(|reason| Fault { id: "entry", reason })
    }

    /// Takes it as if it came in now: it must make the same bytes.
    fn admit(&mut self, index: u64, bytes: &[u8], entry: Entry, submission: Option<Submission>) -> Result<(), String> {
        let store = Arc::clone(self.store);
        let mut draft = self.log.draft(store.as_ref(), entry.received_at_ms);
        match (entry.content, submission) {
            (_, Some(submission)) => {
                draft.admit(submission).map(|_| ()).map_err(|reason: Refusal| reason.to_string())?
            }
            (Some(entry::Content::Snapshot(snapshot)), _) if snapshot.covers <= index => {
                draft.snapshot(snapshot).map(|_| ()).map_err(|reason| reason.to_string())?;
            }
            _ => return Err("the snapshot covers entries that come after it".into()),
        }
        let sealed = draft.seal().ok_or("the entry was logged before")?;
        let same = sealed.entries.first().filter(|sealed| sealed.bytes == bytes);
        let same = same.ok_or("its time goes back, or its bytes are not what it says")?;
        if let SealedContent::Batch(batch) = &same.content {
            self.report.events += batch.events.len() as u64;
        }
        self.log.advance(sealed.changes);
        Ok(())
    }

    /// A checkpoint of this size, if one was signed, must sign this tree.
    fn checkpoint(&mut self, size: u64) {
        let key = self.log.registry().and_then(|registry| registry.log_key(size)).copied().unwrap_or_default();
        let signed = self.walk().checkpoint(size, self.tree.root(), &key);
        match signed {
            Signed::Nothing | Signed::This => {}
            Signed::Unread { reason } => self.find("checkpoint", None, reason),
            // Behind an entry that cannot be taken, and beside another history, these say nothing.
            _ if self.is_broken || self.is_forked => {}
            Signed::Other { reason } => {
                self.is_forked = true;
                self.find("checkpoint", None, reason);
            }
            Signed::Unverified { reason } => self.find("checkpoint", None, reason),
        }
    }

    fn guard(&mut self, size: u64) {
        let mut guard = Guard::new(&self.config.guard, &self.config.origin);
        let checked = guard.check(size, |signed| {
            let reader = TreeReader::new(Arc::clone(self.store), self.store.edge(size)?);
            tree::root_at(&reader, signed)
        });
        if let Err(reason) = checked {
            self.find("guard", None, reason);
        }
    }
}
