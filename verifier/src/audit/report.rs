//! What may be said of a log that was replayed, and what may not.

use super::{Auditor, Fault, dwell};
use crate::bundle::{Finding, Place, Severity};
use crate::registry::Registry;
use serde::Serialize;

pub use crate::bundle::report::Sentence;

/// The result of an audit, as of the last entry taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// Name of the log.
    pub origin: String,
    /// Name of the ministry, once genesis was read.
    pub ministry: Option<String>,
    /// Entries taken.
    pub entries: u64,
    /// Entries of which every rule was examined; the rest by themselves only.
    pub replayed: u64,
    /// Root over the entries.
    pub root: String,
    /// Events in replayed entries.
    pub events: u64,
    /// Batches in replayed entries.
    pub batches: u64,
    /// Snapshots that were computed again.
    pub snapshots: u64,
    /// Checkpoints that were examined.
    pub checkpoints: u64,
    /// Size of the largest checkpoint that held.
    pub newest_checkpoint: Option<u64>,
    /// Who cosigned that checkpoint, of the trust file.
    pub cosigned_by: Vec<String>,
    /// Sources that logged a batch.
    pub sources: u64,
    /// Custodians, conversations and fixed streams.
    pub ids: u64,
    /// Months of them.
    pub months: u64,
    /// Sealed bodies that are gone.
    pub bodies_gone: u64,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// What this audit shows.
    pub shows: Vec<Sentence>,
    /// What it does not.
    pub does_not_prove: Vec<Sentence>,
}

/// Findings of severity error that say less than "this log broke a rule".
const OPEN_QUESTIONS: [&str; 4] = ["KEY_COMPROMISED", "CHECKPOINT_BEYOND", "CHECKPOINT_UNPROVEN", "SNAPSHOT_OLD"];

impl AuditReport {
    /// The log broke a rule: what a bundle would be refused for.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let breaks = |finding: &Finding| finding.severity == Severity::Error && !OPEN_QUESTIONS.contains(&finding.id);
        self.findings.iter().any(breaks)
    }

    /// The gravest finding.
    #[must_use]
    pub fn gravest(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

impl Auditor {
    /// The report as of now; the replay can go on after it.
    #[must_use]
    pub fn report(&self) -> AuditReport {
        let mut closing = self.findings.clone();
        self.closing().into_iter().for_each(|(place, fault, count)| {
            closing.add(fault.finding(place).times(count));
        });
        let newest = self.notes.newest.as_ref();
        let entries = self.size();
        AuditReport {
            origin: self.origin().into(),
            ministry: self.registry().map(|registry| registry.ministry().into()),
            entries,
            replayed: self.broken_at.unwrap_or(entries),
            root: self.root().to_string(),
            events: self.counts.events,
            batches: self.counts.batches,
            snapshots: self.counts.snapshots,
            checkpoints: self.notes.judged.len() as u64,
            newest_checkpoint: newest.map(|newest| newest.size),
            cosigned_by: newest.iter().flat_map(|newest| newest.vouched.iter().map(|each| each.name.clone())).collect(),
            sources: self.chains.heads.len() as u64,
            ids: self.streams.ids.len() as u64,
            months: self.streams.months.len() as u64,
            bodies_gone: self.counts.destroyed + self.missing.count,
            findings: closing.into_sorted(),
            shows: shows(self.broken_at, newest.map(|newest| newest.size), entries),
            does_not_prove: does_not_prove(),
        }
    }

    /// What can be said at the end only: what is still open.
    fn closing(&self) -> Vec<(Option<Place>, Fault, u64)> {
        let mut faults = Vec::new();
        if self.missing.count > 0 {
            faults.push((self.missing.first, Fault::BodyMissing, self.missing.count));
        }
        if self.counts.destroyed > 0 {
            faults.push((self.destroyed_first, Fault::BodyDestroyed, self.counts.destroyed));
        }
        if self.changed.count > 0 {
            faults.push((self.changed.first, Fault::BodyChanged, self.changed.count));
        }
        if self.counts.replaced > 0 {
            faults.push((self.replaced_first, Fault::BodyReplaced, self.counts.replaced));
        }
        if let Some(((oldest, since), registry)) = self.dwelling.oldest.zip(self.registry()) {
            let fault = dwell::fault_of(registry, since, self.received_at_ms);
            faults.extend(fault.map(|fault| (Some(Place::entry(oldest)), fault, 1)));
        }
        faults.extend(self.governance.compromised().map(|(place, fault)| (Some(place), fault, 1)));
        let added =
            self.registry().into_iter().flat_map(Registry::archive_keys).map(|(key, record)| (*key, record.added));
        let alone = added.filter(|(_, added)| *added > 0 && self.counts.resealed <= *added + 1);
        faults.extend(alone.map(|(key, added)| (Some(Place::entry(added)), Fault::ArchiveKeyAlone { key, added }, 1)));
        faults.extend(self.beyond().map(|fault| (None, fault, 1)));
        if let Some(newest) = self.notes.newest.as_ref().filter(|newest| !self.trust.is_quorum(&newest.vouched)) {
            faults.push((None, Fault::Quorum { found: newest.vouched.len() as u64 }, 1));
        }
        faults
    }
}

fn sentence(nl: &str, en: &str) -> Sentence {
    Sentence { nl: nl.into(), en: en.into() }
}

fn shows(broken_at: Option<u64>, newest: Option<u64>, entries: u64) -> Vec<Sentence> {
    let mut all = vec![match broken_at {
        None => sentence(
            "Elke regel is opnieuw afgeleid: handtekeningen, rollen, ketens van bronnen, tellers, stromen en momentopnamen.",
            "Every entry was derived again: signatures, roles, source chains, counters, streams and snapshots.",
        ),
        Some(at) => sentence(
            &format!(
                "Tot regel {at} is alles opnieuw afgeleid; vanaf daar is elke regel alleen op zichzelf onderzocht."
            ),
            &format!(
                "Up to entry {at} everything was derived again; from there each entry was examined by itself only."
            ),
        ),
    }];
    all.push(match newest {
        Some(size) if size == entries => sentence(
            "Het logboek heeft deze regels ondertekend, en geen andere.",
            "The log signed these entries, and no others.",
        ),
        Some(size) => sentence(
            &format!(
                "Het logboek heeft de eerste {size} regels ondertekend; wat daarna komt ligt onder geen controlepunt."
            ),
            &format!("The log signed the first {size} entries; what comes after lies under no checkpoint."),
        ),
        None => sentence(
            "Geen controlepunt is tegen deze regels gehouden: niemand heeft ze ondertekend.",
            "No checkpoint was held against these entries: nobody has signed them.",
        ),
    });
    all
}

fn does_not_prove() -> Vec<Sentence> {
    vec![
        sentence(
            "Dat aan anderen dezelfde geschiedenis is getoond: vergelijk controlepunten.",
            "That others were shown the same history: compare checkpoints.",
        ),
        sentence(
            "Wat er in de verzegelde inhoud staat, of dat die nog te openen is: deze controle heeft geen sleutel nodig en gebruikt er geen.",
            "What the sealed bodies say, or that they can still be opened: this audit needs no key and uses none.",
        ),
        sentence(
            "Dat de bronnen alles hebben ingeleverd wat er was, of dat waar is wat zij inleverden.",
            "That the sources handed in all that there was, or that what they handed in is true.",
        ),
        sentence(
            "Dat een vernietiging rechtmatig was, of welke inhoud zij betrof: dat is verzegeld.",
            "That a destruction was lawful, or which bodies it was about: that is sealed.",
        ),
    ]
}
