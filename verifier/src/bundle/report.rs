//! The report: four claims, each with how far it goes, and what a bundle does not prove.
//!
//! Invariant: no claim says more than was examined; what rests on somebody's word says whose. The words are those of
//! `specs/threat-model.md`. Specification: `specs/findings.md`.

mod claims;
mod limits;
mod span;
mod vouching;

use super::calendar::Moment;
use super::custody::Custody;
use super::export::ScopeFacts;
use super::findings::{Finding, Severity};
use super::names::Names;
use super::plain::plain;
use super::secured::{AccountMonth, CADENCE_POLICY};
use super::walk::Outcome;
use crate::hash::{Hash, sha256};
use serde::Serialize;
use std::collections::BTreeMap;

/// A sentence in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// In Dutch.
    pub nl: String,
    /// In English.
    pub en: String,
}

impl Sentence {
    pub(crate) fn new(nl: impl Into<String>, en: impl Into<String>) -> Self {
        Self { nl: nl.into(), en: en.into() }
    }
}

/// How a claim came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Examined, and nothing found that limits it.
    Verified,
    /// Examined; the findings say how far it goes.
    VerifiedWithFindings,
    /// Nothing in the bundle speaks of it.
    NotExamined,
}

/// One of the four claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// How it came out.
    pub status: Status,
    /// What may be said.
    pub sentences: Vec<Sentence>,
}

/// The four claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Claims {
    pub completeness: Claim,
    pub authenticity: Claim,
    pub immutability: Claim,
    pub custody: Claim,
}

/// The scope of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeReport {
    /// `conversation` or `custodian`.
    pub stream: &'static str,
    /// Its id.
    pub id: String,
    /// The name under which it was registered, if its registration is open.
    pub name: Option<String>,
    /// First month, 0: every month.
    pub from_month: u32,
    /// Last month, 0: every month.
    pub to_month: u32,
}

/// The export that made the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct ExportReport {
    pub export: String,
    pub case: String,
    pub recipient: String,
    pub nonce: String,
    /// The nonce was demanded, and is the one.
    pub nonce_demanded: bool,
    /// Actor that logged the export.
    pub officer: String,
    /// The officer's clock.
    pub signed_at: String,
    /// SHA-256 over the digests of the evidence parts: the name of this bundle.
    pub parts_sha256: String,
    /// Redaction manifest, if one is bound.
    pub manifest: Option<String>,
    /// The decision that it names.
    pub decision: Option<String>,
}

/// The state of the log that the bundle is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct LogReport {
    pub origin: String,
    pub ministry: String,
    pub checkpoint_size: u64,
    pub checkpoint_root: String,
    /// SHA-256 of the checkpoint's text, without signatures: what a third party's timestamp (RFC 3161) is over.
    pub checkpoint_sha256: String,
    pub snapshot_entry: u64,
    /// Entries that the snapshot covers: the bundle is as of here.
    pub covers: u64,
    pub cosignatures: Vec<CosignatureReport>,
    /// Names in the trust file of those who did not cosign.
    pub not_cosigned: Vec<String>,
    /// The quorum that the trust file demands, and that was met: `2/3 (a, b, c)`; `None`: it demands none.
    pub quorum: Option<String>,
    /// Keys that signed what is shown.
    pub keys: Vec<KeyReport>,
}

/// A witness that cosigned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct CosignatureReport {
    pub name: String,
    pub is_auditor: bool,
    /// By its own clock.
    pub time: String,
}

/// A key that signed what is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct KeyReport {
    pub key: String,
    pub actor: String,
    pub role: &'static str,
    pub name: String,
    pub batches: u64,
    pub first_entry: u64,
    pub last_entry: u64,
    pub ended: Option<u64>,
    pub compromised_from: Option<u64>,
}

/// One month of the scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct MonthReport {
    /// Year * 100 + month; 0: unknown month, and registrations.
    pub month: u32,
    pub events: u64,
    pub opened: u64,
    pub redacted: u64,
    pub withheld: u64,
}

/// How much there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Counts {
    pub events: u64,
    pub opened: u64,
    pub redacted: u64,
    pub withheld: u64,
    pub covered_units: u64,
    /// Units per ground; one with two grounds counts under both.
    pub covered_by_ground: BTreeMap<String, u64>,
    pub captures: u64,
    pub attachments: u64,
    pub registry_events: u64,
    pub records_events: u64,
    pub months_outside_period: u64,
    pub events_outside_period: u64,
}

/// How many were held against a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// How many there are.
    pub n: u64,
    /// Of these, the ones that break it.
    pub failed: u64,
    /// Of these, the ones of which nothing can be said, because acts that would say it are not open.
    pub closed: u64,
}

impl Examined {
    pub(super) fn add(&mut self, has_failed: bool, is_closed: bool) {
        self.n += 1;
        self.failed += u64::from(has_failed);
        self.closed += u64::from(is_closed);
    }
}

/// Rules of the ministry that the events of a bundle are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RulesReport {
    /// Captures that grew while policy demanded that a contact be admitted first.
    pub admission: Examined,
    /// Events that were destroyed on term or transferred, and no hold may have kept.
    pub holds: Examined,
    /// Events that were weeded, and that were to be private or party-political.
    pub classes: Examined,
}

/// What was found of a bundle that was not refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Report {
    pub scope: ScopeReport,
    /// Names by id, from the registrations that are open.
    pub names: BTreeMap<String, String>,
    pub log: LogReport,
    pub export: ExportReport,
    pub claims: Claims,
    pub findings: Vec<Finding>,
    pub counts: Counts,
    pub coverage: Vec<MonthReport>,
    /// Account × month: secured, and in time; empty where the scope is not a custodian in all months.
    pub secured: Vec<AccountMonth>,
    pub custody: Custody,
    /// Admission, holds and classes, as far as what is open says.
    pub rules: RulesReport,
    /// What this does not prove.
    pub does_not_prove: Vec<Sentence>,
}

impl Report {
    /// The gravest finding.
    #[must_use]
    pub fn gravest(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// Writes the report of a bundle that was not refused.
pub(super) fn write(outcome: Outcome, parts_sha256: Hash) -> Report {
    let coverage = coverage(&outcome);
    let counts = counts(&outcome, &coverage);
    let log = log(&outcome);
    let mut all = outcome.desk.findings.clone();
    limits::add(&mut all, &outcome, &counts);
    span::add(&mut all, &outcome, &counts, &coverage);
    let findings = all.into_sorted();
    let claims = claims::write(&outcome, &counts, &findings);
    Report {
        scope: scope(outcome.opening.scope, &outcome.desk.names),
        names: outcome.desk.names.iter().map(|(id, name)| (id.to_string(), name.clone())).collect(),
        export: export(&outcome, parts_sha256),
        does_not_prove: claims::does_not_prove(&outcome),
        secured: secured(&outcome),
        rules: outcome.desk.rules,
        custody: outcome.desk.custody,
        log,
        claims,
        findings,
        counts,
        coverage,
    }
}

fn scope(scope: ScopeFacts, names: &Names) -> ScopeReport {
    let is_conversation = scope.stream == zegel_proto::v1::StreamType::StreamConversation;
    ScopeReport {
        stream: if is_conversation { "conversation" } else { "custodian" },
        id: scope.id.to_string(),
        name: names.of(scope.id).map(String::from),
        from_month: scope.from_month,
        to_month: scope.to_month,
    }
}

/// Only the whole of a custodian says whether his accounts were secured.
fn secured(outcome: &Outcome) -> Vec<AccountMonth> {
    let scope = outcome.opening.scope;
    let is_whole = scope.from_month == 0 && scope.to_month == 0;
    if scope.stream != zegel_proto::v1::StreamType::StreamCustodian || !is_whole {
        return Vec::new();
    }
    let registry = outcome.authorship.registry();
    outcome.desk.secured.months(registry.and_then(|registry| registry.policy(CADENCE_POLICY)))
}

fn export(outcome: &Outcome, parts_sha256: Hash) -> ExportReport {
    let subject = &outcome.exported.subject;
    ExportReport {
        export: Hash::read(&subject.export).unwrap_or(Hash::ZERO).to_string(),
        case: plain(&subject.case),
        recipient: plain(&subject.recipient),
        nonce: plain(&subject.nonce),
        nonce_demanded: outcome.nonce_demanded,
        officer: outcome.exported.actor.to_string(),
        signed_at: Moment::at(outcome.exported.signed_at_ms).to_string(),
        parts_sha256: parts_sha256.to_string(),
        manifest: outcome.exported.manifest().map(|manifest| manifest.to_string()),
        decision: outcome.desk.redaction.decision().map(plain),
    }
}

fn log(outcome: &Outcome) -> LogReport {
    let cosignatures = outcome.vouched.iter().map(|vouched| CosignatureReport {
        name: vouched.name.clone(),
        is_auditor: vouched.is_auditor,
        time: Moment::at(vouched.time_s.saturating_mul(1_000)).to_string(),
    });
    let (size, root) = (outcome.checkpoint.size(), outcome.checkpoint.root());
    let checkpoint = crate::checkpoint::print(&outcome.opening.origin, size, root);
    LogReport {
        origin: outcome.opening.origin.clone(),
        ministry: outcome.authorship.registry().map(|registry| plain(registry.ministry())).unwrap_or_default(),
        checkpoint_size: outcome.checkpoint.size(),
        checkpoint_root: outcome.checkpoint.root().to_string(),
        checkpoint_sha256: sha256(&[checkpoint.as_bytes()]).to_string(),
        snapshot_entry: outcome.opening.snapshot_entry,
        covers: outcome.covers,
        cosignatures: cosignatures.collect(),
        not_cosigned: outcome.absent.clone(),
        quorum: outcome.demand.clone(),
        keys: keys(outcome),
    }
}

fn keys(outcome: &Outcome) -> Vec<KeyReport> {
    let registry = outcome.authorship.registry();
    let report = |(key, used): (Hash, super::authorship::KeyUse)| {
        let record = registry.and_then(|registry| registry.key(key));
        let actor = registry.and_then(|registry| registry.actors().find(|(actor, _)| **actor == used.source));
        KeyReport {
            key: key.to_string(),
            actor: used.source.to_string(),
            role: actor.map_or("", |(_, record)| record.role.as_str_name()),
            name: actor.map(|(_, record)| plain(&record.name)).unwrap_or_default(),
            batches: used.batches,
            first_entry: used.first_entry,
            last_entry: used.last_entry,
            ended: record.and_then(|record| record.ended),
            compromised_from: record.and_then(|record| record.compromised_from),
        }
    };
    outcome.authorship.keys().map(report).collect()
}

fn coverage(outcome: &Outcome) -> Vec<MonthReport> {
    let month = |(month, walked): (&u32, &super::months::MonthWalk)| MonthReport {
        month: *month,
        events: walked.count(),
        opened: walked.opened,
        redacted: walked.redacted,
        withheld: walked.withheld,
    };
    outcome.months.of_scope.iter().map(month).collect()
}

fn counts(outcome: &Outcome, coverage: &[MonthReport]) -> Counts {
    let sum = |of: fn(&MonthReport) -> u64| coverage.iter().map(of).sum();
    Counts {
        events: sum(|month| month.events),
        opened: sum(|month| month.opened),
        redacted: sum(|month| month.redacted),
        withheld: sum(|month| month.withheld),
        covered_units: outcome.desk.redaction.covered_units(),
        covered_by_ground: outcome.desk.redaction.grounds().clone(),
        captures: outcome.desk.captures_count(),
        attachments: outcome.attachments,
        registry_events: outcome.months.registry_events,
        records_events: outcome.months.records_events,
        months_outside_period: outcome.months.months_outside,
        events_outside_period: outcome.months.events_outside,
    }
}
