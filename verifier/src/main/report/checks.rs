//! Every check by its stable id: passed, with findings, or not examined and why not. Nothing that was not looked at is ticked.

use super::{Language, words};
use maud::{Markup, html};
use serde::Serialize;
use zegel_verifier::bundle::Report;
use zegel_verifier::bundle::secured::Timeliness;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    Pass,
    Findings,
    NotExamined,
}

/// A check of one bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) id: &'static str,
    pub(super) result: Ended,
    /// How many things were looked at; 0 where that is not counted.
    pub(super) n: u64,
    /// How many findings.
    pub(super) failed: u64,
    /// Why nothing was examined.
    pub(super) skipped_reason: Option<&'static str>,
}

/// What decides a check.
enum By {
    /// A bundle that is not refused has passed it.
    Verdict(fn(&Report) -> u64),
    /// Findings of these ids speak of it.
    Findings(&'static [&'static str]),
    /// Nothing in a bundle speaks of it.
    Nothing(&'static str),
}

fn entries(report: &Report) -> u64 {
    report.log.covers
}

fn events(report: &Report) -> u64 {
    report.counts.events
}

fn batches(report: &Report) -> u64 {
    report.log.keys.iter().map(|key| key.batches).sum()
}

const NOT_IN_BUNDLE: &str =
    "records of other acts stay sealed in a bundle: see zegel-verifier audit, and ask the officer";

/// All ids, in the order of the report's sections.
const CHECKS: &[(&str, By)] = &[
    ("FORMAT", By::Verdict(events)),
    ("ANCHOR", By::Verdict(|_| 1)),
    ("STH_SIG", By::Verdict(|_| 1)),
    ("CONSISTENCY", By::Verdict(entries)),
    ("INCLUSION", By::Verdict(events)),
    ("LEAF_HASH", By::Verdict(events)),
    ("RECORD_SIG", By::Verdict(batches)),
    ("SEQ_GAP", By::Verdict(|report| report.counts.captures)),
    (
        "RANGE_COMPLETE",
        By::Findings(&["MANIFEST_RUNS", "MANIFEST_OVERSTATED", "MANIFEST_UNFINISHED", "PERIOD_LIMITED"]),
    ),
    ("DUPLICATE", By::Verdict(events)),
    ("KEY_VALIDITY", By::Findings(&["KEY_COMPROMISED"])),
    ("WITNESS_QUORUM", By::Findings(&["NO_WITNESS", "NO_AUDITOR"])),
    ("TSA", By::Nothing("no RFC 3161 timestamps are part of a bundle; witnesses say when they cosigned")),
    ("CUSTODY_LINK", By::Nothing("transfers between zones are records, and records stay sealed in a bundle")),
    ("COVERAGE_MONTH", By::Nothing("")),
    ("DECLARED_GAP", By::Findings(&["DECLARED_GAP"])),
    ("LATE_ARRIVAL", By::Nothing("the log's clock and the source's are both shown; no threshold is set for them")),
    ("TIME_ORDER", By::Findings(&["TIME_BACKWARDS", "CLOCK_AMBIGUOUS", "CLOCK_UNKNOWN"])),
    ("CLOCK_SKEW", By::Nothing("clocks of several sources are laid side by side in the timeline, not judged")),
    ("EDIT_CHAIN", By::Verdict(events)),
    ("DELETE_KEEP", By::Verdict(events)),
    ("TIMER_ON", By::Nothing("settings that were seen stand in the timeline; none is judged")),
    ("VIEW_ONCE", By::Nothing("messages to be viewed once stand in the timeline; none is judged")),
    ("VANISHED", By::Findings(&["RECORD_VANISHED"])),
    (
        "HOLDER_CONFLICT",
        By::Nothing("several holders are laid side by side in the timeline, and nothing is proven by that"),
    ),
    ("MEDIA_MISSING", By::Findings(&["ATTACHMENT_MISSING", "ATTACHMENT_LEFT_OUT", "ATTACHMENT_NOT_INCLUDED"])),
    ("MEDIA_HASH", By::Verdict(|report| report.counts.attachments)),
    ("REDACTION_PROOF", By::Verdict(|report| report.counts.covered_units)),
    ("GROUND_KNOWN", By::Findings(&["GROUND_UNKNOWN"])),
    ("GROUND_5_3", By::Nothing("motivations stand in the decision, not in a bundle")),
    ("CLASS_EXCLUDED", By::Nothing(NOT_IN_BUNDLE)),
    ("DESTRUCTION_LAWFUL", By::Nothing(NOT_IN_BUNDLE)),
    ("PAYLOAD_ABSENT", By::Findings(&["WITHHELD"])),
    ("HOLD_BREACH", By::Nothing(NOT_IN_BUNDLE)),
    ("POLICY_MODE", By::Nothing("policies are public events of the registry; which mode ruled is not judged")),
    ("CONSENT", By::Nothing("admissions of contacts stand in the timeline; none is judged")),
];

/// The checks of a bundle that was not refused.
pub(super) fn of(report: &Report) -> Vec<Check> {
    CHECKS.iter().map(|(id, by)| check(id, by, report)).collect()
}

fn check(id: &'static str, by: &By, report: &Report) -> Check {
    if id == "COVERAGE_MONTH" {
        return coverage(id, report);
    }
    match by {
        By::Verdict(count) => Check { id, result: Ended::Pass, n: count(report), failed: 0, skipped_reason: None },
        By::Findings(ids) => {
            let found = report.findings.iter().filter(|finding| ids.contains(&finding.id));
            let failed = found.map(|finding| finding.count).sum();
            let result = if failed == 0 { Ended::Pass } else { Ended::Findings };
            Check { id, result, n: report.counts.events, failed, skipped_reason: None }
        }
        By::Nothing(reason) => Check { id, result: Ended::NotExamined, n: 0, failed: 0, skipped_reason: Some(reason) },
    }
}

fn coverage(id: &'static str, report: &Report) -> Check {
    let n = report.secured.len() as u64;
    if n == 0 {
        let skipped_reason = Some("only a bundle of a custodian in all months, with a read-out, says this");
        return Check { id, result: Ended::NotExamined, n, failed: 0, skipped_reason };
    }
    let bad = |status: Timeliness| matches!(status, Timeliness::Late | Timeliness::Missed);
    let failed = report.secured.iter().filter(|month| bad(month.status)).count() as u64;
    let result = if failed == 0 { Ended::Pass } else { Ended::Findings };
    Check { id, result, n, failed, skipped_reason: None }
}

/// The technical annex: every check, whatever came of it.
pub(super) fn section(reports: &[&Report], language: Language) -> Markup {
    html! {
        section {
            h2 { (language.say(words::CHECKS)) }
            @for report in reports {
                details {
                    summary { code { (report.export.parts_sha256) } }
                    table {
                        thead { tr {
                            th scope="col" { (language.say(words::CHECK)) }
                            th scope="col" { (language.say(words::RESULT)) }
                            th.n scope="col" { (language.say(words::LOOKED_AT)) }
                            th.n scope="col" { (language.say(words::FINDINGS)) }
                        } }
                        tbody { @for check in of(report) { tr {
                            th scope="row" { code { (check.id) } }
                            td { (language.say(word(check.result)))
                                @if let Some(reason) = check.skipped_reason { br; small lang="en" { (reason) } } }
                            td.n { @if check.n > 0 { (check.n) } }
                            td.n { @if check.failed > 0 { (check.failed) } }
                        } } }
                    }
                }
            }
        }
    }
}

fn word(ended: Ended) -> words::Words {
    match ended {
        Ended::Pass => words::EXAMINED,
        Ended::Findings => words::EXAMINED_FINDINGS,
        Ended::NotExamined => words::NOT_EXAMINED,
    }
}
