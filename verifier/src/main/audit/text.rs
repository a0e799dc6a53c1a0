//! The report of an audit for people: verdict, what was replayed, findings, and what this does not prove.

use super::{Language, Verdict};
use crate::{EXIT_FINDINGS, EXIT_REFUSED, EXIT_VERIFIED};
use std::io::{self, Write};
use zegel_verifier::audit::{AuditReport, Sentence};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::bundle::{Finding, Severity};

pub(super) fn write(out: &mut impl Write, verdict: &Verdict, language: Language) -> io::Result<()> {
    let line = match verdict.exit {
        EXIT_VERIFIED => language.of("NAGEREKEND: ELKE REGEL KLOPT", "REPLAYED: EVERY RULE HELD"),
        EXIT_FINDINGS => language.of("NAGEREKEND, MET OPEN VRAGEN", "REPLAYED, WITH OPEN QUESTIONS"),
        EXIT_REFUSED => language.of("GEWEIGERD", "REFUSED"),
        _ => language.of("NIET GECONTROLEERD", "NOT CHECKED"),
    };
    writeln!(out, "{line}")?;
    if let Some(reason) = &verdict.reason {
        writeln!(out, "{}: {}", reason.id, plain(language.of(&reason.nl, &reason.en)))?;
    }
    verdict.report.as_ref().map_or(Ok(()), |report| write_report(out, report, language))
}

fn write_report(out: &mut impl Write, report: &AuditReport, language: Language) -> io::Result<()> {
    let ministry = report.ministry.as_deref().unwrap_or("?");
    writeln!(out, "{} ({})", report.origin, plain(ministry))?;
    for (count, nl, en) in counts(report) {
        writeln!(out, "  {count:>12}  {}", language.of(nl, en))?;
    }
    writeln!(out, "  {} {}", language.of("wortel", "root"), report.root)?;
    if !report.cosigned_by.is_empty() {
        writeln!(out, "  {} {}", language.of("medeondertekend door", "cosigned by"), report.cosigned_by.join(", "))?;
    }
    write_list(out, language.of("Wat dit laat zien", "What this shows"), &report.shows, language)?;
    if !report.findings.is_empty() {
        writeln!(out, "\n{}", language.of("Bevindingen", "Findings"))?;
    }
    report.findings.iter().try_for_each(|finding| write_finding(out, finding, language))?;
    write_list(out, language.of("Wat dit niet bewijst", "What this does not prove"), &report.does_not_prove, language)
}

fn counts(report: &AuditReport) -> [(u64, &'static str, &'static str); 9] {
    [
        (report.entries, "regels", "entries"),
        (report.replayed, "regels geheel nagerekend", "entries replayed in full"),
        (report.batches, "zendingen", "batches"),
        (report.events, "gebeurtenissen", "events"),
        (report.sources, "bronnen", "sources"),
        (report.ids, "chathouders en gesprekken", "custodians and conversations"),
        (report.months, "maanden daarvan", "months of them"),
        (report.snapshots, "momentopnamen", "snapshots"),
        (report.checkpoints, "controlepunten", "checkpoints"),
    ]
}

fn write_list(out: &mut impl Write, title: &str, list: &[Sentence], language: Language) -> io::Result<()> {
    writeln!(out, "\n{title}")?;
    list.iter().try_for_each(|sentence| writeln!(out, "  {}", language.of(&sentence.nl, &sentence.en)))
}

fn write_finding(out: &mut impl Write, finding: &Finding, language: Language) -> io::Result<()> {
    let severity = match finding.severity {
        Severity::Info => language.of("informatie", "information"),
        Severity::Warning => language.of("waarschuwing", "warning"),
        Severity::Error => language.of("fout", "error"),
    };
    let place = match finding.place {
        Some(place) => match (place.position, language) {
            (Some(position), Language::Nl) => format!("regel {}, gebeurtenis {position}: ", place.entry),
            (None, Language::Nl) => format!("regel {}: ", place.entry),
            _ => format!("{place}: "),
        },
        None => String::new(),
    };
    let text = plain(language.of(&finding.nl, &finding.en));
    writeln!(out, "  [{severity}] {} × {}: {place}{text}", finding.id, finding.count)
}
