//! Findings that say how far the claims of the whole bundle go.

use super::Counts;
use crate::bundle::findings::{About, Finding, Findings, Severity};
use crate::bundle::plain::plain;
use crate::bundle::walk::Outcome;
use crate::kinds::CHAT_LAYOUT;

pub(super) fn add(findings: &mut Findings, outcome: &Outcome, counts: &Counts) {
    compromised_keys(findings, outcome);
    salts(findings, outcome);
    splits(findings, outcome);
    witnesses(findings, outcome);
    proof_classes(findings, outcome);
    unknown(findings, outcome);
    covered(findings, outcome, counts);
}

/// What was authorised at its entry stays authorised; the later word is told beside it.
fn compromised_keys(findings: &mut Findings, outcome: &Outcome) {
    let Some(registry) = outcome.authorship.registry() else {
        return;
    };
    for (key, from) in registry.compromised() {
        let used = outcome.authorship.keys().find(|(used, _)| *used == key);
        if let Some((_, used)) = used.filter(|(_, used)| used.last_entry >= from) {
            let last = used.last_entry;
            let nl = format!(
                "Sleutel {key} mocht ondertekenen, maar is later gelekt verklaard vanaf regel {from}; hij ondertekende tot en met regel {last}."
            );
            let en = format!(
                "Key {key} was authorised, and later declared compromised from entry {from}; it signed up to entry {last}."
            );
            findings.add(Finding::of("KEY_COMPROMISED", Severity::Error, About::Authenticity, nl, en));
        }
    }
}

/// Whoever knows a salt can guess what it hides.
fn salts(findings: &mut Findings, outcome: &Outcome) {
    let salts = &outcome.desk.salts;
    if let Some(first) = salts.first {
        let nl = "Een bron gebruikte een salt meer dan eens: wat onder zulke salts gelakt is, kan worden geraden.";
        let en = "A source used a salt more than once: what is covered under such salts can be guessed.";
        let finding = Finding::of("SALT_REPEATED", Severity::Error, About::Authenticity, nl.into(), en.into());
        findings.add(finding.at(first).times(salts.repeated));
    }
}

/// Each of the two bundles is complete for its id, and neither for the person.
fn splits(findings: &mut Findings, outcome: &Outcome) {
    for (one, other) in outcome.desk.splits.found() {
        findings.add(Finding::custodian_split(one, other));
    }
}

fn witnesses(findings: &mut Findings, outcome: &Outcome) {
    if outcome.vouched.is_empty() {
        let nl = "Geen getuige uit het vertrouwensbestand heeft dit checkpoint medeondertekend: dat er één logboek is, is het woord van het logboek.";
        let en = "No witness of the trust file cosigned this checkpoint: that there is one log is the ledger's word.";
        findings.add(Finding::of("NO_WITNESS", Severity::Info, About::Immutability, nl.into(), en.into()));
    }
    if !outcome.vouched.iter().any(|vouched| vouched.is_auditor) {
        let nl = "Geen auditor uit het vertrouwensbestand heeft het logboek nagerekend: dat de momentopname volledig is, is het woord van het logboek.";
        let en =
            "No auditor of the trust file has replayed the log: that the snapshot is complete is the ledger's word.";
        findings.add(Finding::of("NO_AUDITOR", Severity::Info, About::Completeness, nl.into(), en.into()));
    }
}

fn proof_classes(findings: &mut Findings, outcome: &Outcome) {
    let count = outcome.desk.tally.proof_classes;
    if count[0] > 0 {
        let nl = "Van berichten zegt de bron niet wat haar bewijs waard is: zij kunnen zijn bewerkt voordat zij werden verzegeld.";
        let en = "Of messages the source does not say what its proof is worth: they can have been edited before they were sealed.";
        let finding = Finding::of("PROOF_CLASS_NONE", Severity::Warning, About::Authenticity, nl.into(), en.into());
        findings.add(finding.times(count[0]));
    }
    let mut add = |class: usize, id, nl: &str, en: &str| {
        if count[class] > 0 {
            let finding = Finding::of(id, Severity::Info, About::Authenticity, nl.into(), en.into());
            findings.add(finding.times(count[class]));
        }
    };
    add(
        3,
        "PROOF_CLASS_C",
        "Klasse C: dit bestand is op dat moment door deze bron verzegeld; een exportbestand kan zijn bewerkt voordat het werd verzegeld.",
        "Class C: this file was sealed by this source at that moment; an export file can be edited before it is sealed.",
    );
    add(
        4,
        "PROOF_CLASS_D",
        "Klasse D: een schermafdruk of overgetypte tekst; die toont wat een persoon heeft aangeleverd.",
        "Class D: a screenshot or transcription; it shows what a person handed in.",
    );
}

fn unknown(findings: &mut Findings, outcome: &Outcome) {
    let tally = &outcome.desk.tally;
    for (slot, count) in CHAT_LAYOUT.iter().zip(tally.unknown_slots).filter(|(_, count)| *count > 0) {
        let nl = format!("Wat de bron niet kan tonen, is onbekend en niet afwezig: {}.", slot.name);
        let en = format!("What the source's format cannot show is unknown, not absent: {}.", slot.name);
        findings.add(Finding::of("UNKNOWN_FIELDS", Severity::Info, About::Completeness, nl, en).times(count));
    }
    if tally.clock_unknown > 0 {
        let nl = "Van sommige gebeurtenissen is de tijd niet bekend.".into();
        let en = "Of some events the time is not known.".into();
        let finding = Finding::of("CLOCK_UNKNOWN", Severity::Info, About::Authenticity, nl, en);
        findings.add(finding.times(tally.clock_unknown));
    }
}

fn covered(findings: &mut Findings, outcome: &Outcome, counts: &Counts) {
    let redaction = &outcome.desk.redaction;
    if redaction.withheld_events() > 0 {
        let nl = "Gebeurtenissen zijn als geheel gelakt; soort, maand en plaats blijven zichtbaar.".into();
        let en = "Events are withheld as a whole; kind, month and place remain visible.".into();
        let finding = Finding::of("WITHHELD", Severity::Info, About::Completeness, nl, en);
        findings.add(finding.times(redaction.withheld_events()));
    }
    for (ground, count) in &counts.covered_by_ground {
        let ground = plain(ground);
        let nl = format!("Gelakt op grond van {ground}.");
        let en = format!("Covered on ground {ground}.");
        findings.add(Finding::of("COVERED", Severity::Info, About::Completeness, nl, en).times(*count));
    }
    if redaction.unknown_grounds() > 0 {
        let nl = "Gelakt op gronden die in geen gepubliceerde lijst staan.".into();
        let en = "Covered on grounds that no published list has.".into();
        let finding = Finding::of("GROUND_UNKNOWN", Severity::Warning, About::Completeness, nl, en);
        findings.add(finding.times(redaction.unknown_grounds()));
    }
}
