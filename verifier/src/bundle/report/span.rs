//! What is said of nothing: an id without a row, a period without a message, and the edges of a period.
//!
//! Invariant: that an *id* has nothing is proven; that a *person* has nothing is not, as long as the register of names stays
//! closed, and then that is said. Specification: `specs/findings.md`, `specs/streams.md`.

use super::{Counts, MonthReport, Sentence};
use crate::bundle::calendar::{next_month, previous_month};
use crate::bundle::findings::{About, Finding, Findings, Severity};
use crate::bundle::span::Edge;
use crate::bundle::walk::Outcome;
use zegel_proto::v1::StreamType;

/// Two days: more than any two clocks on earth differ.
const EDGE_MS_MAX: u64 = 48 * HOUR_MS;
const HOUR_MS: u64 = 3_600_000;

/// The claim on an id that has no row, in words.
pub(super) fn absence(outcome: &Outcome) -> Vec<Sentence> {
    let (id, ids, covers) = (outcome.opening.scope.id, outcome.months.ids, outcome.covers);
    vec![
        Sentence::new(
            format!(
                "Naar de stand van de eerste {covers} regels van het logboek is onder kenmerk {id} niets vastgelegd, in geen enkele maand, en ook geen registratie: in de momentopname van {ids} kenmerken staan de twee waartussen het zou staan naast elkaar."
            ),
            format!(
                "As of the first {covers} entries of the log nothing was logged under id {id}, in any month, nor a registration: in the snapshot of {ids} ids the two between which it would stand are neighbours."
            ),
        ),
        not_a_name(outcome),
    ]
}

/// The claim on a period without a message, in words.
pub(super) fn nothing(outcome: &Outcome) -> Option<Sentence> {
    (!outcome.months.absent && outcome.desk.span.captured == 0).then(|| not_a_name(outcome))
}

/// What no bundle with a closed register proves.
fn not_a_name(outcome: &Outcome) -> Sentence {
    if outcome.opening.scope.stream == StreamType::StreamCustodian {
        return Sentence::new(
            "Niet te bewijzen is hiermee dat er van deze persoon niets is: het register van namen blijft gesloten, en een ander kenmerk kan van dezelfde persoon zijn. Bewezen is alleen dat dit kenmerk niets heeft.",
            "It cannot be proven by this that there is nothing of this person: the register of names stays closed, and another id can be of the same person. Proven is only that this id has nothing.",
        );
    }
    Sentence::new(
        "Niet te bewijzen is hiermee dat dit gesprek er niet is: het register van namen blijft gesloten, en een ander kenmerk kan van hetzelfde gesprek zijn. Bewezen is alleen dat dit kenmerk niets heeft.",
        "It cannot be proven by this that there is no such conversation: the register of names stays closed, and another id can be of the same conversation. Proven is only that this id has nothing.",
    )
}

pub(super) fn add(findings: &mut Findings, outcome: &Outcome, counts: &Counts, coverage: &[MonthReport]) {
    if outcome.months.absent {
        let nl = "Onder dit kenmerk is niets vastgelegd. Dat er van een persoon of gesprek niets is, is zonder het register niet te bewijzen.";
        let en = "Nothing was logged under this id. That there is nothing of a person or conversation cannot be proven without the register.";
        findings.add(info("ABSENT", nl.into(), en.into()));
    } else if outcome.desk.span.captured == 0 {
        nothing_in_period(findings, outcome);
    }
    if outcome.desk.span.registrations_closed > 0 {
        let nl = "De registratie van waar dit pakket over gaat, of een wijziging daarvan, staat niet open.";
        let en = "The registration of what this bundle is about, or a change of it, is not open.";
        let about = About::Completeness;
        let finding = Finding::of("REGISTRATION_CLOSED", Severity::Warning, about, nl.into(), en.into());
        findings.add(finding.times(outcome.desk.span.registrations_closed));
    }
    if counts.months_outside_period > 0 {
        let nl = format!("Het pakket gaat over een periode: {} maanden vallen erbuiten.", counts.months_outside_period);
        let en = format!("The bundle is about a period: {} months lie outside it.", counts.months_outside_period);
        findings.add(info("PERIOD_LIMITED", nl, en));
    }
    edges(findings, outcome, coverage);
}

fn info(id: &'static str, nl: String, en: String) -> Finding {
    Finding::of(id, Severity::Info, About::Completeness, nl, en)
}

fn nothing_in_period(findings: &mut Findings, outcome: &Outcome) {
    let month = |month: u32, none: &str| if month == 0 { none.to_owned() } else { month.to_string() };
    let (before, after) = outcome.months.beside;
    let nl = format!(
        "In deze periode is onder dit kenmerk geen bericht en geen opname vastgelegd. De laatste maand ervoor waarin iets staat: {}; de eerste erna: {}.",
        month(before, "geen"),
        month(after, "geen")
    );
    let en = format!(
        "In this period no message and no capture was logged under this id. The last month before it that has anything: {}; the first after it: {}.",
        month(before, "none"),
        month(after, "none")
    );
    findings.add(info("NOTHING_IN_PERIOD", nl, en));
}

/// Months are those of UTC: near the edge of a period a clock of another zone names another month.
fn edges(findings: &mut Findings, outcome: &Outcome, coverage: &[MonthReport]) {
    let scope = outcome.opening.scope;
    if scope.is_whole() {
        return;
    }
    let (before, after) = outcome.months.beside;
    let hidden = [(before, before == previous_month(scope.from_month)), (after, after == next_month(scope.to_month))];
    for (month, _) in hidden.into_iter().filter(|(month, is_beside)| *month > 0 && *is_beside) {
        let nl = format!(
            "Maand {month} grenst aan de periode en wordt niet getoond. Maanden zijn in UTC: een bericht vlak bij de grens kan naar plaatselijke tijd in de periode vallen."
        );
        let en = format!(
            "Month {month} borders on the period and is not shown. Months are in UTC: a message near the border can fall within the period by local time."
        );
        findings.add(info("PERIOD_EDGE_CLOSED", nl, en));
    }
    if scope.from_month < scope.to_month {
        edge(findings, scope.from_month, outcome.desk.span.first, coverage);
        edge(findings, scope.to_month, outcome.desk.span.last, coverage);
    }
}

/// All that is open of a month lies near the period, and the rest is withheld.
fn edge(findings: &mut Findings, month: u32, edge: Edge, coverage: &[MonthReport]) {
    let withheld = coverage.iter().find(|each| each.month == month).map_or(0, |each| each.withheld);
    if withheld == 0 || edge.farthest_ms > EDGE_MS_MAX {
        return;
    }
    let (open, hours) = (edge.open, edge.farthest_ms.div_ceil(HOUR_MS));
    let nl = format!(
        "Van maand {month} staat alleen open wat ten hoogste {hours} uur van de rest van de periode ligt ({open} gebeurtenissen); {withheld} zijn als geheel gelakt, en dat die verder weg liggen is het woord van wie uitleverde."
    );
    let en = format!(
        "Of month {month} only what lies at most {hours} hours from the rest of the period is open ({open} events); {withheld} are withheld as a whole, and that those lie farther away is the exporter's word."
    );
    findings.add(info("PERIOD_EDGE_OPEN", nl, en));
}
