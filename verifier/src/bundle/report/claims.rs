//! The four claims in words, and what none of them proves.

use super::{Claim, Claims, Counts, Sentence, Status, span, vouching};
use crate::bundle::findings::{About, Finding};
use crate::bundle::walk::Outcome;

pub(super) fn write(outcome: &Outcome, counts: &Counts, findings: &[Finding]) -> Claims {
    let status = |about| {
        let limited = findings.iter().any(|finding| finding.about == about);
        if limited { Status::VerifiedWithFindings } else { Status::Verified }
    };
    let custody = &outcome.desk.custody;
    let custody_status = if custody.steps.is_empty() { Status::NotExamined } else { status(About::Custody) };
    Claims {
        completeness: Claim { status: status(About::Completeness), sentences: completeness(outcome, counts) },
        authenticity: Claim {
            status: authenticity_status(outcome, status(About::Authenticity)),
            sentences: authenticity(outcome),
        },
        immutability: Claim { status: status(About::Immutability), sentences: immutability(outcome) },
        custody: Claim { status: custody_status, sentences: custody_sentences(outcome) },
    }
}

/// Without one open chat event there is nothing of which a proof class could speak.
fn authenticity_status(outcome: &Outcome, status: Status) -> Status {
    if outcome.desk.tally.proof_classes.iter().all(|count| *count == 0) { Status::NotExamined } else { status }
}

fn completeness(outcome: &Outcome, counts: &Counts) -> Vec<Sentence> {
    let mut sentences = if outcome.months.absent { span::absence(outcome) } else { all_of_it(outcome, counts) };
    sentences.extend(span::nothing(outcome));
    sentences.extend(vouching::completeness(outcome));
    sentences
}

fn all_of_it(outcome: &Outcome, counts: &Counts) -> Vec<Sentence> {
    let (events, covers, size) = (counts.events, outcome.covers, outcome.checkpoint.size());
    let scope = outcome.opening.scope;
    let (id, is_whole) = (scope.id, scope.is_whole());
    let id = outcome.desk.names.of(id).map_or_else(|| id.to_string(), |name| format!("«{name}»"));
    let period_nl = if is_whole {
        "alle maanden".into()
    } else {
        format!("{} tot en met {}", month(scope.from_month), month(scope.to_month))
    };
    let period_en = if is_whole {
        "all months".into()
    } else {
        format!("{} up to {}", month(scope.from_month), month(scope.to_month))
    };
    let mut sentences = vec![Sentence::new(
        format!(
            "Dit zijn alle {events} gebeurtenissen die geregistreerde bronnen voor {id} hebben aangeboden ({period_nl}), in de eerste {covers} van de {size} regels van het logboek."
        ),
        format!(
            "These are all {events} events that registered sources submitted for {id} ({period_en}), as of the first {covers} entries of the log, under the checkpoint of {size} entries."
        ),
    )];
    if is_whole {
        sentences.push(Sentence::new(
            format!("De volgnummers van de bron sluiten aan vanaf 0 (opnamen: {}).", counts.captures),
            format!("In each of the {} captures the source's numbers are without gaps from 0.", counts.captures),
        ));
    }
    sentences
}

/// `202605` as `2026-05`.
fn month(month: u32) -> String {
    format!("{:04}-{:02}", month / 100, month % 100)
}

fn authenticity(outcome: &Outcome) -> Vec<Sentence> {
    let [_, native, gateway, files, screenshots] = outcome.desk.tally.proof_classes;
    let mut sentences = vec![Sentence::new(
        "Elke zending draagt een geldige handtekening van een bron die toen volgens het register mocht ondertekenen.",
        "Every batch carries a valid signature by a source that the registry allowed to write it at that entry.",
    )];
    let mut class = |count: u64, nl: &str, en: &str| {
        if count > 0 {
            sentences.push(Sentence::new(format!("{count} gebeurtenissen van {nl}"), format!("{count} × {en}")));
        }
    };
    class(
        native,
        "klasse A: volgens de bron ondertekend door de chatdienst of het toestel zelf; die handtekening is hier niet nagerekend.",
        "class A: by the source's word signed by the chat's own server or client; that signature was not examined here.",
    );
    class(
        gateway,
        "klasse B: opgenomen door een geregistreerde koppeling, die ervoor instaat.",
        "class B: captured live by a registered gateway, which attests to it.",
    );
    class(
        files,
        "klasse C: uit een exportbestand dat bij het uitlezen is verzegeld; daarvóór kan het zijn bewerkt.",
        "class C: an export file, sealed by this source at that moment; it can have been edited before.",
    );
    class(screenshots, "klasse D: een schermafdruk of overgetypte tekst.", "class D: a screenshot or transcription.");
    sentences
}

fn immutability(outcome: &Outcome) -> Vec<Sentence> {
    let size = outcome.checkpoint.size();
    let mut sentences = vec![Sentence::new(
        format!("Wat getoond wordt, is wat het logboek van {size} regels vastlegt: elke wijziging daarna zou blijken."),
        format!("What is shown is what the log of {size} entries commits to: any later change would show."),
    )];
    sentences.extend(vouching::immutability(outcome));
    let pinned = if outcome.log_key_pinned {
        Sentence::new(
            "De sleutel van het logboek staat in het register en in het vertrouwensbestand.",
            "The log's key stands in the registry and in the trust file.",
        )
    } else {
        Sentence::new(
            "De sleutel van het logboek volgt uit het register, onder de vastgelegde wortelsleutel.",
            "The log's key follows from the registry, under the pinned root key.",
        )
    };
    sentences.push(pinned);
    sentences
}

fn custody_sentences(outcome: &Outcome) -> Vec<Sentence> {
    let custody = &outcome.desk.custody;
    if custody.steps.is_empty() {
        return vec![Sentence::new(
            "In dit pakket is geen stap van de bewaringsketen zichtbaar.",
            "No step of the chain of custody is open in this bundle.",
        )];
    }
    let steps = custody.steps.len() as u64 + custody.steps_not_listed;
    let closed = custody.not_open;
    vec![Sentence::new(
        format!(
            "{steps} stappen van de bewaringsketen staan erin zoals de bron ze heeft vastgelegd; niet zichtbaar zijn er {closed}."
        ),
        format!("{steps} steps of the chain of custody are as the source recorded them; {closed} others are not open."),
    )]
}

/// What a bundle cannot prove, whatever it says.
pub(super) fn does_not_prove(outcome: &Outcome) -> Vec<Sentence> {
    let mut sentences = vec![
        Sentence::new(
            "Niet bewezen is dat dit alles is wat op het toestel stond: alleen wat geregistreerde bronnen hebben aangeboden.",
            "Not proven: that this is everything that was on the phone; only what registered sources submitted.",
        ),
        Sentence::new(
            "Niet bewezen is dat een bericht waar is, of geschreven door wie als afzender staat vermeld.",
            "Not proven: that a message is true, or written by whoever is named as its sender.",
        ),
        Sentence::new(
            "Te vertrouwen blijven: de wortelsleutel en de getuigen in het vertrouwensbestand, en dit programma zelf.",
            "Still trusted: the root key and the witnesses in the trust file, and this program itself.",
        ),
        Sentence::new(
            "De controle ondersteunt een oordeel; het wegen is aan de rechter. Dit is geen gekwalificeerde dienst in de zin van eIDAS.",
            "The check supports a judgement; the weighing is the court's. This is not a qualified service under eIDAS.",
        ),
        Sentence::new("Het bestand bag-info.txt is niet ondertekend.", "The file bag-info.txt is not signed."),
    ];
    if !outcome.nonce_demanded {
        sentences.push(Sentence::new(
            "Er is geen kenmerk geëist: een ouder pakket over hetzelfde zou even goed zijn bevonden.",
            "No nonce was demanded: an older bundle of the same scope would have been found as good.",
        ));
    }
    sentences
}
