//! Every check by its stable id: passed, with findings, or not examined and why not. Nothing that was not looked at is ticked.

use super::judge::{Beside, Count, Judge};
use super::reasons::{
    CLASSES_SEALED, HOLDS_SEALED, NO_ADMISSIONS, NO_COVERAGE, NO_IDS, NO_NAMESAKES, NO_NUMBERS, NO_POLICY,
    NO_WITNESSES, NOTHING_TO_HOLD, NOTHING_WEEDED, ONE_HOLDER, POLICY_SEALED, TOO_MANY, TSA, ZONES,
};
use super::words::Words;
use super::{Language, Seen, words};
use maud::{Markup, html};
use serde::Serialize;
use zegel_verifier::bundle::Report;
use zegel_verifier::bundle::report::Examined;
use zegel_verifier::bundle::secured::Timeliness;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    Pass,
    Findings,
    NotExamined,
}

/// Why nothing was examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Skipped {
    nl: &'static str,
    en: &'static str,
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
    pub(super) skipped_reason: Option<Skipped>,
    /// What is checked.
    #[serde(skip)]
    label: Words,
}

/// What a check is judged from.
struct Subject<'a> {
    report: &'a Report,
    judge: &'a Judge,
    beside: &'a Beside,
}

/// What came of it.
enum Judged {
    Counted(u64, u64),
    Skipped(Words),
}
use Judged::{Counted, Skipped as Not};

impl Subject<'_> {
    fn events(&self) -> Judged {
        Counted(self.report.counts.events, 0)
    }

    /// Findings of these ids, of so many looked at.
    fn found(&self, n: u64, ids: &[&str]) -> Judged {
        let found = self.report.findings.iter().filter(|finding| ids.contains(&finding.id));
        Counted(n, found.map(|finding| finding.count).sum())
    }

    fn chain(&self, count: Count) -> Judged {
        if self.judge.is_whole() { counted(count) } else { Not(TOO_MANY) }
    }

    /// Only where another holder has something of the same can the two be compared.
    fn compared(count: Count) -> Judged {
        Self::told(count, ONE_HOLDER)
    }

    /// Only where the source told what is counted can anything be said.
    fn told(count: Count, nothing: Words) -> Judged {
        if count.n == 0 { Not(nothing) } else { counted(count) }
    }

    fn coverage(&self) -> Judged {
        let bad = |status: Timeliness| matches!(status, Timeliness::Late | Timeliness::Missed);
        let failed = self.report.secured.iter().filter(|month| bad(month.status)).count();
        match self.report.secured.len() {
            0 => Not(NO_COVERAGE),
            n => Counted(n as u64, failed as u64),
        }
    }

    fn witnesses(&self) -> Judged {
        let log = &self.report.log;
        match log.cosignatures.len() + log.not_cosigned.len() {
            0 => Not(NO_WITNESSES),
            n => self.found(n as u64, &["NO_WITNESS", "NO_AUDITOR"]),
        }
    }

    fn ended(&self) -> u64 {
        let findings = self.report.findings.iter().filter(|finding| ENDED.contains(&finding.id));
        findings.map(|finding| finding.count).sum()
    }

    /// Nothing to examine, nothing that could be said, or how many were held against a rule.
    fn rule(of: Examined, nothing: Words, closed: Words) -> Judged {
        match of {
            Examined { n: 0, .. } => Not(nothing),
            Examined { failed: 0, closed: 1.., .. } => Not(closed),
            Examined { n, failed, .. } => Counted(n, failed),
        }
    }
}

/// Findings that say that content is gone.
pub(super) const ENDED: [&str; 6] =
    ["DESTROYED", "WEEDED", "BREACH_REMOVED", "TRANSFERRED", "ENDED_AGAINST_RULE", "DESTRUCTION_UNDECLARED"];

fn counted(count: Count) -> Judged {
    Counted(count.n, count.failed)
}

type Row = (&'static str, Words, fn(&Subject<'_>) -> Judged);

/// All ids, in the order of the report's sections.
const CHECKS: &[Row] = &[
    ("FORMAT", ("vorm van het pakket", "form of the package"), |of| of.events()),
    (
        "ANCHOR",
        (
            "begin van het logboek bij de sleutel uit het vertrouwensbestand",
            "beginning of the log under the key of the trust file",
        ),
        |_| Counted(1, 0),
    ),
    ("STH_SIG", ("handtekening onder de stand van het logboek", "signature under the state of the log"), |_| {
        Counted(1, 0)
    }),
    ("CONSISTENCY", ("één doorlopend logboek", "one continuous log"), |of| Counted(of.report.log.covers, 0)),
    ("INCLUSION", ("alles wat getoond wordt, staat in het logboek", "all that is shown stands in the log"), |of| {
        of.events()
    }),
    ("LEAF_HASH", ("inhoud is wat is vastgelegd", "content is what was recorded"), |of| of.events()),
    ("RECORD_SIG", ("handtekeningen van de bronnen", "signatures of the sources"), |of| {
        Counted(of.report.log.keys.iter().map(|key| key.batches).sum(), 0)
    }),
    ("SEQ_GAP", ("volgnummers sluiten aan", "numbers without gaps"), |of| Counted(of.report.counts.captures, 0)),
    ("RANGE_COMPLETE", ("alles uit de gevraagde maanden en bestanden", "all of the months and files"), |of| {
        of.found(
            of.report.counts.events,
            &["MANIFEST_RUNS", "MANIFEST_OVERSTATED", "MANIFEST_UNFINISHED", "PERIOD_LIMITED"],
        )
    }),
    ("DUPLICATE", ("geen bericht staat er dubbel in", "no message stands twice"), |of| match of.judge.doubles.n {
        0 => Not(NO_IDS),
        _ => of.chain(of.judge.doubles),
    }),
    ("KEY_VALIDITY", ("sleutels waren geldig", "keys were valid"), |of| {
        of.found(of.report.log.keys.len() as u64, &["KEY_COMPROMISED"])
    }),
    ("WITNESS_QUORUM", ("medeondertekening door getuigen", "cosignatures of witnesses"), |of| of.witnesses()),
    ("TSA", ("tijdstempels van derden", "timestamps of third parties"), |_| Not(TSA)),
    ("CUSTODY_LINK", ("overdrachten sluiten aan", "transfers follow each other"), |_| Not(ZONES)),
    ("COVERAGE_MONTH", ("elke maand op tijd veiliggesteld", "every month secured in time"), |of| of.coverage()),
    ("DECLARED_GAP", ("verklaarde gaten", "declared gaps"), |of| of.found(of.report.counts.events, &["DECLARED_GAP"])),
    ("LATE_ARRIVAL", ("binnen een maand in het logboek", "in the log within a month"), |of| counted(of.judge.arrivals)),
    ("TIME_ORDER", ("tijden lopen op", "times ascend"), |of| {
        of.found(of.judge.arrivals.n, &["TIME_BACKWARDS", "CLOCK_AMBIGUOUS", "CLOCK_UNKNOWN"])
    }),
    ("CLOCK_SKEW", ("klokken van chathouders lopen gelijk", "clocks of custodians agree"), |of| {
        Subject::compared(of.beside.clocks)
    }),
    (
        "EDIT_CHAIN",
        ("van wat bewerkt is, staan de eerdere woorden erbij", "of what was edited the earlier words are here"),
        |of| of.chain(of.judge.edits),
    ),
    ("DELETE_KEEP", ("van wat verwijderd is, is de inhoud bewaard", "of what was deleted the content is kept"), |of| {
        of.chain(of.judge.deletions)
    }),
    ("TIMER_ON", ("berichten verdwenen niet vanzelf", "messages did not disappear by themselves"), |of| {
        counted(of.judge.timers)
    }),
    ("VIEW_ONCE", ("niets was maar eenmaal te bekijken", "nothing could be viewed only once"), |of| {
        counted(of.judge.once)
    }),
    (
        "META_AI",
        ("niets was gericht aan een AI-dienst van de app", "nothing was addressed to an AI service of the app"),
        |of| counted(of.judge.meta_ai),
    ),
    ("VANISHED", ("niets verdween tussen twee uitlezingen", "nothing vanished between two read-outs"), |of| {
        of.found(of.report.counts.events, &["RECORD_VANISHED"])
    }),
    ("HOLDER_CONFLICT", ("chathouders hebben dezelfde woorden", "custodians have the same words"), |of| {
        Subject::compared(of.beside.holders)
    }),
    ("MEDIA_MISSING", ("bijlagen zijn er", "attachments are there"), |of| {
        of.found(
            of.report.counts.attachments,
            &["ATTACHMENT_MISSING", "ATTACHMENT_LEFT_OUT", "ATTACHMENT_NOT_INCLUDED"],
        )
    }),
    ("MEDIA_HASH", ("bijlagen zijn de vastgelegde bestanden", "attachments are the recorded files"), |of| {
        Counted(of.report.counts.attachments, 0)
    }),
    (
        "REDACTION_PROOF",
        ("gelakt is precies wat op de laklijst staat", "covered is exactly what the list says"),
        |of| Counted(of.report.counts.covered_units, 0),
    ),
    ("GROUND_KNOWN", ("gronden staan in een gepubliceerde lijst", "grounds are of a published list"), |of| {
        of.found(of.report.counts.covered_units, &["GROUND_UNKNOWN"])
    }),
    (
        "GROUND_5_3",
        ("niets ouder dan vijf jaar op een relatieve grond", "nothing older than five years on a relative ground"),
        |of| counted(of.beside.old),
    ),
    (
        "CLASS_EXCLUDED",
        (
            "wat is geschoond, was aangemerkt als privé of partijpolitiek",
            "what was weeded had been classed as private or party-political",
        ),
        |of| Subject::rule(of.report.rules.classes, NOTHING_WEEDED, CLASSES_SEALED),
    ),
    (
        "DESTRUCTION_LAWFUL",
        ("wat vernietigd is, heeft een geldige verklaring", "what was destroyed has a valid declaration"),
        |of| of.found(of.ended(), &["DESTRUCTION_UNDECLARED", "ENDED_AGAINST_RULE"]),
    ),
    ("PAYLOAD_ABSENT", ("geen inhoud ontbreekt zonder reden", "no content is missing without a reason"), |of| {
        of.found(of.report.counts.events, &["DESTRUCTION_UNDECLARED", "RECORD_ENDED_UNFOUNDED"])
    }),
    (
        "HOLD_BREACH",
        ("niets vernietigd of overgebracht dat bevroren was", "nothing destroyed or transferred that was held"),
        |of| Subject::rule(of.report.rules.holds, NOTHING_TO_HOLD, HOLDS_SEALED),
    ),
    (
        "POLICY_MODE",
        (
            "niets vastgelegd vóór de toelating die het beleid vroeg",
            "nothing captured before the admission that policy demanded",
        ),
        |of| Subject::rule(of.report.rules.admission, NO_POLICY, POLICY_SEALED),
    ),
    (
        "SENDER_REGISTERED",
        (
            "nummers die schreven, staan op naam van iemand die geregistreerd is",
            "numbers that wrote belong to someone who is registered",
        ),
        |of| Subject::told(of.judge.senders.numbers(), NO_NUMBERS),
    ),
    (
        "ACCOUNT_REGISTERED",
        (
            "wie geregistreerd is, schreef van zijn geregistreerde nummers",
            "those registered wrote from their registered numbers",
        ),
        |of| Subject::told(of.judge.senders.namesakes(), NO_NAMESAKES),
    ),
    ("CONSENT", ("toelating van contacten", "admission of contacts"), |of| match of.judge.admissions {
        0 => Not(NO_ADMISSIONS),
        n => Counted(n, 0),
    }),
];

/// The checks of a bundle that was not refused.
pub(super) fn of(report: &Report, seen: &Seen) -> Vec<Check> {
    let subject = Subject { report, judge: &seen.judge, beside: &seen.beside };
    CHECKS.iter().map(|row| check(row, &subject)).collect()
}

fn check((id, label, judge): &Row, subject: &Subject<'_>) -> Check {
    let (result, n, failed, skipped_reason) = match judge(subject) {
        Counted(n, 0) => (Ended::Pass, n, 0, None),
        Counted(n, failed) => (Ended::Findings, n, failed, None),
        Not((nl, en)) => (Ended::NotExamined, 0, 0, Some(Skipped { nl, en })),
    };
    Check { id, result, n, failed, skipped_reason, label: *label }
}

/// The technical annex: every check, whatever came of it.
pub(super) fn table(report: &Report, seen: &Seen, language: Language) -> Markup {
    html! {
        div.wide { table {
            thead { tr {
                th scope="col" { (language.say(words::CHECK)) }
                th scope="col" { (language.say(words::RESULT)) }
                th.n scope="col" { (language.say(words::LOOKED_AT)) }
                th.n scope="col" { (language.say(words::FINDINGS)) }
            } }
            tbody { @for check in of(report, seen) { tr {
                th scope="row" { (language.say(check.label)) " " small { (check.id) } }
                td.(class(check.result)) { (mark(check.result)) " " (language.say(word(check.result)))
                    @if let Some(reason) = check.skipped_reason { br; small { (language.of(reason.nl, reason.en)) } } }
                td.n data-label=(language.say(words::LOOKED_AT)) { @if check.n > 0 { (check.n) } @else { "–" } }
                td.n data-label=(language.say(words::FINDINGS)) { @if check.failed > 0 { (check.failed) } @else { "–" } }
            } } }
        } }
    }
}

fn class(ended: Ended) -> &'static str {
    match ended {
        Ended::Pass => "good",
        Ended::Findings => "found",
        Ended::NotExamined => "none",
    }
}

fn mark(ended: Ended) -> &'static str {
    match ended {
        Ended::Pass => "✔",
        Ended::Findings => "⚠",
        Ended::NotExamined => "–",
    }
}

fn word(ended: Ended) -> Words {
    match ended {
        Ended::Pass => words::EXAMINED,
        Ended::Findings => words::EXAMINED_FINDINGS,
        Ended::NotExamined => words::NOT_EXAMINED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids of the design, which are never used for something else.
    const IDS: &str = "FORMAT ANCHOR STH_SIG CONSISTENCY INCLUSION LEAF_HASH RECORD_SIG SEQ_GAP RANGE_COMPLETE DUPLICATE KEY_VALIDITY \
        WITNESS_QUORUM TSA CUSTODY_LINK COVERAGE_MONTH DECLARED_GAP LATE_ARRIVAL TIME_ORDER CLOCK_SKEW EDIT_CHAIN DELETE_KEEP \
        TIMER_ON VIEW_ONCE META_AI VANISHED HOLDER_CONFLICT MEDIA_MISSING MEDIA_HASH REDACTION_PROOF GROUND_KNOWN GROUND_5_3 \
        CLASS_EXCLUDED DESTRUCTION_LAWFUL PAYLOAD_ABSENT HOLD_BREACH POLICY_MODE SENDER_REGISTERED ACCOUNT_REGISTERED CONSENT";

    #[test]
    fn the_ids_are_those_of_the_design_each_once_and_each_says_what_it_checks_in_both_languages() {
        let ids: Vec<&str> = CHECKS.iter().map(|(id, ..)| *id).collect();
        assert_eq!(ids, IDS.split_whitespace().collect::<Vec<_>>());
        for (id, (nl, en), _) in CHECKS {
            assert!(!nl.is_empty() && !en.is_empty() && nl != en, "{id}");
        }
        for (nl, en) in [
            TSA,
            ZONES,
            TOO_MANY,
            ONE_HOLDER,
            NO_COVERAGE,
            NO_WITNESSES,
            NO_IDS,
            NO_ADMISSIONS,
            NO_NUMBERS,
            NO_NAMESAKES,
            NO_POLICY,
            POLICY_SEALED,
        ]
        .into_iter()
        .chain([NOTHING_WEEDED, CLASSES_SEALED, NOTHING_TO_HOLD, HOLDS_SEALED])
        {
            assert!(!nl.is_empty() && !en.is_empty() && nl != en, "{nl}");
        }
    }
}
