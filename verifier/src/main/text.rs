//! The report for people: verdict first, then the claims, the findings, and what this does not prove.

use super::{Language, Verdict};
use std::io::{self, Write};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::bundle::report::{Claim, Sentence};
use zegel_verifier::bundle::{Finding, Report, Severity, Status};
use zegel_verifier::corroborate::Corroboration;

pub(super) fn write(out: &mut impl Write, verdict: &Verdict, language: Language) -> io::Result<()> {
    let line = match verdict.verdict {
        "verified" => language.of("GECONTROLEERD", "VERIFIED"),
        "verified_with_findings" => language.of(
            "GECONTROLEERD, MET BEVINDINGEN DIE NIET WORDEN AANVAARD",
            "VERIFIED, WITH FINDINGS THAT ARE NOT ACCEPTED",
        ),
        "refused" => language.of("GEWEIGERD", "REFUSED"),
        _ => language.of("NIET GECONTROLEERD", "NOT CHECKED"),
    };
    writeln!(out, "{line}")?;
    if let Some(reason) = &verdict.reason {
        writeln!(out, "{}: {}", reason.id, plain(language.of(&reason.nl, &reason.en)))?;
    }
    for bundle in &verdict.bundles {
        writeln!(out, "\n══ {} ══", plain(bundle.bundle.as_deref().unwrap_or_default()))?;
        write(out, bundle, language)?;
    }
    if let Some(corroboration) = &verdict.corroboration {
        write_corroboration(out, corroboration, language)?;
    }
    verdict.report.as_ref().map_or(Ok(()), |report| write_report(out, report, language))
}

fn write_corroboration(out: &mut impl Write, all: &Corroboration, language: Language) -> io::Result<()> {
    writeln!(out, "\n══ {} ══", language.of("De pakketten naast elkaar", "The bundles side by side"))?;
    for holder in &all.holders {
        let name = plain(holder.name.as_deref().unwrap_or(&holder.custodian));
        let (messages, others) = (holder.messages, holder.seen_by_others);
        let (of, also) =
            (language.of("berichten van", "messages of"), language.of("ook bij een ander", "also with another"));
        writeln!(out, "  {messages} {of} {name} ({}), {others} {also}", holder.log)?;
    }
    all.findings.iter().try_for_each(|finding| write_finding(out, finding, language))?;
    for each in &all.contradictions {
        write!(out, "    {}:", each.id)?;
        for sighting in &each.sightings {
            write!(out, " {} {} {};", super::show::letter(sighting.bundle as usize), sighting.place, sighting.time)?;
        }
        writeln!(out)?;
    }
    if all.contradictions_not_listed > 0 {
        writeln!(out, "    … {} {}", all.contradictions_not_listed, language.of("niet genoemd", "not listed"))?;
    }
    all.does_not_prove.iter().try_for_each(|sentence| write_sentence(out, sentence, language))
}

fn write_report(out: &mut impl Write, report: &Report, language: Language) -> io::Result<()> {
    write_subject(out, report, language)?;
    let claims = &report.claims;
    write_claim(out, language.of("Volledigheid", "Completeness"), &claims.completeness, language)?;
    write_claim(out, language.of("Echtheid", "Authenticity"), &claims.authenticity, language)?;
    write_claim(out, language.of("Onveranderlijkheid", "Immutability"), &claims.immutability, language)?;
    write_claim(out, language.of("Bewaringsketen", "Chain of custody"), &claims.custody, language)?;
    if !report.findings.is_empty() {
        writeln!(out, "\n{}", language.of("Bevindingen", "Findings"))?;
    }
    report.findings.iter().try_for_each(|finding| write_finding(out, finding, language))?;
    writeln!(out, "\n{}", language.of("Wat dit niet bewijst", "What this does not prove"))?;
    report.does_not_prove.iter().try_for_each(|sentence| write_sentence(out, sentence, language))?;
    let note = language.of(
        "Dit is een weergave. Controleer het pakket zelf; zijn naam is",
        "This is a rendering. Check the bundle yourself; its name is",
    );
    writeln!(out, "\n{note} {}", report.export.parts_sha256)
}

fn write_subject(out: &mut impl Write, report: &Report, language: Language) -> io::Result<()> {
    let (scope, log, counts) = (&report.scope, &report.log, &report.counts);
    let kind = match scope.stream {
        "conversation" => language.of("gesprek", "conversation"),
        _ => language.of("chathouder", "custodian"),
    };
    writeln!(out, "{} ({})", log.origin, log.ministry)?;
    let name = scope.name.as_deref().unwrap_or_default();
    writeln!(out, "{kind} {name} ({})", scope.id)?;
    writeln!(
        out,
        "{}: {} | {}: {}",
        language.of("zaak", "case"),
        report.export.case,
        language.of("ontvanger", "recipient"),
        report.export.recipient
    )?;
    writeln!(
        out,
        "{} {}; {} {}; {} {}; {} {}",
        counts.events,
        language.of("gebeurtenissen", "events"),
        counts.opened,
        language.of("open", "open"),
        counts.redacted,
        language.of("deels gelakt", "covered in part"),
        counts.withheld,
        language.of("als geheel gelakt", "withheld as a whole"),
    )
}

fn write_claim(out: &mut impl Write, name: &str, claim: &Claim, language: Language) -> io::Result<()> {
    let status = match claim.status {
        Status::Verified => language.of("gecontroleerd", "verified"),
        Status::VerifiedWithFindings => language.of("gecontroleerd, met bevindingen", "verified, with findings"),
        Status::NotExamined => language.of("niet onderzocht", "not examined"),
    };
    writeln!(out, "\n{name}: {status}")?;
    claim.sentences.iter().try_for_each(|sentence| write_sentence(out, sentence, language))
}

fn write_sentence(out: &mut impl Write, sentence: &Sentence, language: Language) -> io::Result<()> {
    writeln!(out, "  {}", language.of(&sentence.nl, &sentence.en))
}

fn write_finding(out: &mut impl Write, finding: &Finding, language: Language) -> io::Result<()> {
    let severity = match finding.severity {
        Severity::Info => language.of("informatie", "information"),
        Severity::Warning => language.of("waarschuwing", "warning"),
        Severity::Error => language.of("fout", "error"),
    };
    let text = language.of(&finding.nl, &finding.en);
    write!(out, "  [{severity}] {} × {}: {text}", finding.id, finding.count)?;
    match finding.place {
        Some(place) => writeln!(out, " ({} {place})", language.of("eerst bij", "first at")),
        None => writeln!(out),
    }
}
