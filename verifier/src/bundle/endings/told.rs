//! The four endings, and the words in which each is told. Specification: `specs/findings.md`.

use super::rules::Against;
use crate::bundle::findings::{About, Finding, Severity};
use crate::bundle::plain::plain;
use zegel_proto::v1::EventKind;

/// One of the four: its marking, the kind of its declaration, id of the finding, and what is said.
pub(super) struct Ending {
    pub(super) code: &'static str,
    pub(super) kind: EventKind,
    id: &'static str,
    nl: &'static str,
    en: &'static str,
}

/// In the order of their kinds.
pub(super) const ENDINGS: [Ending; 4] = [
    Ending {
        code: "vernietigd",
        kind: EventKind::DestructionExecuted,
        id: "DESTROYED",
        nl: "vernietigd, met een geldige verklaring",
        en: "destroyed, with a valid declaration",
    },
    Ending {
        code: "geschoond",
        kind: EventKind::WeedingExecuted,
        id: "WEEDED",
        nl: "geschoond: geen archiefstuk",
        en: "weeded: not a record",
    },
    Ending {
        code: "datalek",
        kind: EventKind::BreachRemoved,
        id: "BREACH_REMOVED",
        nl: "verwijderd wegens datalek",
        en: "removed as a data breach",
    },
    Ending {
        code: "overgebracht",
        kind: EventKind::CustodyPurged,
        id: "TRANSFERRED",
        nl: "overgebracht",
        en: "transferred",
    },
];

pub(super) fn ended((ending, rule): (usize, &str), count: u64) -> Finding {
    let Ending { id, nl, en, .. } = &ENDINGS[ending];
    let rule = plain(rule.trim());
    let (nl, en) = (format!("Inhoud is {nl} ({rule})."), format!("Content is {en} ({rule})."));
    Finding::of(id, Severity::Info, About::Completeness, nl, en).times(count)
}

pub(super) fn against((ending, rule): (usize, &str), why: Against, count: u64) -> Finding {
    let (code, rule) = (ENDINGS[ending].code, plain(rule.trim()));
    let (nl, en) = why.words();
    let nl = format!("Inhoud is beëindigd als «{code}» ({rule}), en dat klopt niet met het logboek zelf: {nl}.");
    let en = format!("Content has ended as «{code}» ({rule}), which the log itself contradicts: {en}.");
    Finding::of("ENDED_AGAINST_RULE", Severity::Error, About::Completeness, nl, en).times(count)
}

pub(super) fn undeclared(count: u64) -> Option<Finding> {
    let nl = "Inhoud ontbreekt en heet vernietigd, geschoond, verwijderd of overgebracht, zonder geldige verklaring daarvan.";
    let en =
        "Content is missing and called destroyed, weeded, removed or transferred, without a valid declaration of it.";
    let finding = Finding::of("DESTRUCTION_UNDECLARED", Severity::Error, About::Completeness, nl.into(), en.into());
    (count > 0).then(|| finding.times(count))
}

pub(super) fn held(count: u64) -> Option<Finding> {
    let nl =
        "Inhoud is vernietigd of overgebracht terwijl zij was bevroren, van vóór de goedkeuring tot na de verklaring.";
    let en =
        "Content was destroyed or transferred while it was held, from before the approval until after the declaration.";
    let finding = Finding::of("HOLD_BREACH", Severity::Error, About::Completeness, nl.into(), en.into());
    (count > 0).then(|| finding.times(count))
}
