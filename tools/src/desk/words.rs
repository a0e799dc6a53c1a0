//! What the desk answers when it does not do what was asked, in Dutch and English: what the officer can do; what a specialist needs stands beside it.

use super::DeskError;
use crate::case::CaseError;
use crate::clearance::ClearanceError;
use crate::destroy::DestroyError;
use crate::disclose::DisclosureError;
use crate::export::{CoverError, ExportError};
use crate::officer::OfficerError;
use crate::permanent::PermanentError;
use crate::plan::{Again, PlanError, Warning};
use crate::retention::Term;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use zegel_verifier::bundle::plain::plain;

/// A field that is missing, as the page calls it.
const FIELDS: &[(&str, (&str, &str))] = &[
    (
        "purpose",
        (
            "Vul in met welk doel u leest: het komt in het logboek.",
            "Say for which purpose you read: it goes into the log.",
        ),
    ),
    ("decision", ("Vul in op welk besluit dit berust.", "Say on which decision this rests.")),
    ("person", ("Vul in wie goedkeurt.", "Say who approves.")),
    ("words", ("Vul in welke woorden u zoekt.", "Say which words you look for.")),
    ("parts", ("Kies eerst woorden.", "Choose words first.")),
    ("places", ("Kies eerst berichten.", "Choose messages first.")),
    ("reason", ("Vul de reden in.", "Say why.")),
    ("conversation", ("Open eerst een gesprek.", "Open a conversation first.")),
    ("name", ("Vul in hoe de zaak heet.", "Say what the case is called.")),
    ("requester", ("Vul in wie erom vraagt.", "Say who asks.")),
    ("matter", ("Vul in waar de zaak over gaat.", "Say what the case is about.")),
    (
        "about",
        ("Kies van wie, of welk gesprek, de zaak is.", "Choose whose, or which conversation, the case is about."),
    ),
    (
        "months",
        ("Kies een eerste en een laatste maand, of geen van beide.", "Choose a first and a last month, or neither."),
    ),
    ("text", ("Vul in wat u vastlegt.", "Say what you note.")),
    ("until", ("Vul in tot welke dag de wachttermijn loopt.", "Say until which day the term runs.")),
    ("recipient", ("Vul in voor wie het pakket is.", "Say who gets the package.")),
    ("category", ("Kies een categorie van de selectielijst.", "Choose a category of the selection list.")),
    ("custodian", ("Kies een functionaris.", "Choose an official.")),
];

/// A refusal in both languages.
pub(super) fn refusal(reason: &DeskError) -> Value {
    let detail = reason.to_string();
    match said(reason) {
        Some((nl, en)) => json!({ "nl": nl, "en": en, "detail": detail }),
        None => json!({ "nl": "Dat is niet gelukt.", "en": "That did not work.", "detail": detail }),
    }
}

fn said(reason: &DeskError) -> Option<(String, String)> {
    match reason {
        DeskError::Request { field } => {
            let known = FIELDS.iter().find(|(known, _)| known == field);
            Some(known.map_or_else(
                || {
                    both(
                        &format!("Dit is niet te doen: {field} ontbreekt."),
                        &format!("This cannot be done: {field} is missing."),
                    )
                },
                |(_, (nl, en))| both(nl, en),
            ))
        }
        DeskError::NoApprover { .. } => Some(both(
            "Het tweede paar ogen ontbreekt: de sleutel van de goedkeurder staat niet op deze werkplek.",
            "The second pair of eyes is missing: the approver's key is not on this desk.",
        )),
        DeskError::SamePerson { person } => Some(both(
            &format!("{} heeft dit zelf voorgesteld: een ander keurt het goed.", plain(person)),
            &format!("{} proposed this: somebody else approves it.", plain(person)),
        )),
        DeskError::NotSeen => Some(both(
            "Bekijk eerst, onder uw eigen naam, wat u goedkeurt.",
            "First look, under your own name, at what you approve.",
        )),
        DeskError::Changed => Some(both(
            "Dit is veranderd sinds u het bekeek: bekijk het opnieuw.",
            "This has changed since you looked at it: look again.",
        )),
        DeskError::Elsewhere => Some(both(
            "Het bewijspakket van deze uitlevering staat niet op deze werkplek: maak het opnieuw.",
            "The bundle of this export is not on this desk: make it again.",
        )),
        DeskError::Plan(PlanError::Empty) => Some(both("Kies eerst woorden.", "Choose words first.")),
        DeskError::Plan(PlanError::UnknownGround { .. }) => {
            Some(both("Deze grond staat niet in de lijst die geldt.", "This ground is not in the list in force."))
        }
        DeskError::Case(reason) | DeskError::Disclosure(DisclosureError::Case(reason)) => of_case(reason),
        DeskError::Disclosure(DisclosureError::OtherGround { ground, .. }) => Some(both(
            &format!("Er is gelakt op grond {ground}, die onder het kader van deze zaak niet bestaat."),
            &format!("Something is covered on ground {ground}, which the regime of this case does not know."),
        )),
        DeskError::Disclosure(DisclosureError::OtherRecipient { .. }) => Some(both(
            "Dit pakket is voor een andere ontvanger gemaakt.",
            "This package was made for another recipient.",
        )),
        DeskError::Destroy(reason) => of_end(reason),
        DeskError::Permanent(reason) => of_permanent(reason),
        DeskError::Clearance(reason) => of_clearance(reason),
        DeskError::Officer(reason) => of_officer(reason),
        DeskError::Reading(reason) => of_reading(reason),
        _ => None,
    }
}

fn both(nl: &str, en: &str) -> (String, String) {
    (nl.into(), en.into())
}

fn of_officer(reason: &OfficerError) -> Option<(String, String)> {
    match reason {
        OfficerError::UnknownCode { .. } => {
            Some(both("Deze code staat niet in de lijst die geldt.", "This code is not in the list in force."))
        }
        OfficerError::NothingSelected => Some(both("Kies eerst berichten.", "Choose messages first.")),
        OfficerError::OwnAct => Some(both(
            "Wie iets voorstelt keurt het niet zelf goed.",
            "Who proposes something does not approve it himself.",
        )),
        OfficerError::SeveralActors { .. } => Some(both(
            "Verschillende mensen schreven aan dit voorstel: het kan zo niet worden goedgekeurd, stel het opnieuw voor.",
            "Several people wrote this proposal: it cannot be approved like this, propose it anew.",
        )),
        OfficerError::Reading(reason) => of_reading(reason),
        _ => None,
    }
}

fn of_reading(reason: &ExportError) -> Option<(String, String)> {
    match reason {
        ExportError::Open { .. } => Some(both(
            "Dit is met de sleutels van deze werkplek niet te openen.",
            "The keys of this desk do not open this.",
        )),
        ExportError::Cover(CoverError::NotApproved) => Some(both(
            "Het tweede paar ogen ontbreekt: wat hier gelakt is heeft nog niemand anders goedgekeurd.",
            "The second pair of eyes is missing: nobody else has approved what is redacted here.",
        )),
        ExportError::Cover(CoverError::OutOfScope { .. }) => Some(both(
            "Deze laklijst hoort bij een ander gesprek of een andere functionaris.",
            "These redactions belong to another conversation or another official.",
        )),
        ExportError::Cover(CoverError::StandsElsewhere { .. }) => Some(both(
            "Wat gelakt is staat nog een keer in het bericht, bijvoorbeeld in het bronrecord of in de naam van een bestand: stel het opnieuw voor, dan wordt dat meegelakt.",
            "What is redacted stands in the message once more, in the source's own record or the name of a file for instance: propose it anew, and that is redacted with it.",
        )),
        _ => None,
    }
}

fn of_case(reason: &CaseError) -> Option<(String, String)> {
    match reason {
        CaseError::NameTaken { name } => Some(both(
            &format!("Er is al een zaak {}.", plain(name)),
            &format!("There is a case {} already.", plain(name)),
        )),
        CaseError::Closed { .. } => Some(both("Deze zaak is gesloten.", "This case is closed.")),
        CaseError::NoSearch { .. } => Some(both(
            "Er gaat nog niets weg: leg eerst de zoekslag vast.",
            "Nothing leaves yet: note the search first.",
        )),
        CaseError::NoDecision { .. } => Some(both(
            "Er gaat nog niets weg: leg eerst het besluit vast.",
            "Nothing leaves yet: note the decision first.",
        )),
        CaseError::Waits { until, .. } => {
            let day = until.get(..10).unwrap_or(until);
            Some(both(
                &format!("Er gaat nog niets weg: de wachttermijn loopt tot {day}."),
                &format!("Nothing leaves yet: a term runs until {day}."),
            ))
        }
        CaseError::Appeal { until, .. } => {
            let day = until.get(..10).unwrap_or(until);
            Some(both(
                &format!("De zaak blijft open, en bevroren: tegen het besluit kan tot {day} worden opgekomen."),
                &format!("The case stays open, and held: the decision can be appealed until {day}."),
            ))
        }
        CaseError::ApprovedBefore { decision, .. } => Some(both(
            &format!("Er gaat nog niets weg: laat het pakket opnieuw goedkeuren, na «{}».", plain(decision)),
            &format!("Nothing leaves yet: have the package approved anew, after «{}».", plain(decision)),
        )),
        CaseError::NotApproved { .. } => Some(both(
            "Er gaat nog niets weg: het tweede paar ogen heeft dit pakket niet goedgekeurd.",
            "Nothing leaves yet: the second pair of eyes has not approved this package.",
        )),
        _ => None,
    }
}

fn of_end(reason: &DestroyError) -> Option<(String, String)> {
    match reason {
        DestroyError::Nothing => Some(both("Er is niets dat kan eindigen.", "Nothing is there that could end.")),
        DestroyError::NotDue { term: Term::Unassigned, .. } => Some(both(
            "Er is nog geen categorie van de selectielijst toegekend.",
            "No category of the selection list has been given yet.",
        )),
        DestroyError::NotDue { term: Term::Kept, .. } => Some(both(
            "Dit is blijvend te bewaren en wordt niet vernietigd.",
            "This is kept for ever, and is not destroyed.",
        )),
        DestroyError::NotDue { .. } => {
            Some(both("De bewaartermijn is nog niet verstreken.", "The term has not passed yet."))
        }
        DestroyError::OtherCategory { .. } => Some(both(
            "Deze berichten zijn van verschillende categorieën: stel ze apart voor.",
            "These messages are of several categories: propose them apart.",
        )),
        DestroyError::Held { reason, .. } => {
            let why = if reason.is_empty() { String::new() } else { format!(" ({})", plain(reason)) };
            Some(both(
                &format!("Dit is bevroren{why}: eerst moet de bevriezing worden opgeheven."),
                &format!("This is held{why}: the hold has to be released first."),
            ))
        }
        DestroyError::IsRecord { .. } => Some(both(
            "Geschoond wordt alleen wat als privé of partijpolitiek is geclassificeerd.",
            "Only what is classified as private or party-political is weeded.",
        )),
        DestroyError::NoIncident => Some(both(
            "Vul bij een datalek het incidentnummer in als besluit.",
            "For a breach, give the incident's number as decision.",
        )),
        DestroyError::NoDeed => Some(both(
            "Vul bij een overbrenging het archief en de akte in als besluit.",
            "For a transfer, give the archive and its deed as decision.",
        )),
        DestroyError::NotKept { .. } => Some(both(
            "Alleen wat blijvend te bewaren is wordt overgebracht.",
            "Only what is kept for ever is transferred.",
        )),
        DestroyError::NotApproved { .. } => Some(both(
            "Het tweede paar ogen ontbreekt: een ander heeft dit nog niet goedgekeurd.",
            "The second pair of eyes is missing: nobody else has approved this.",
        )),
        DestroyError::StillThere { .. } => Some(both(
            "Het is nog niet weg: er wordt niets verklaard voordat de inhoud gewist is.",
            "It is not gone yet: nothing is declared before the content is erased.",
        )),
        DestroyError::Officer(reason) => of_officer(reason),
        _ => None,
    }
}

fn of_permanent(reason: &PermanentError) -> Option<(String, String)> {
    match reason {
        PermanentError::Off => Some(both(
            "Blijvend lakken staat uit in het beleid van het ministerie: in het archiefexemplaar wordt niets voorgoed gelakt. In wat wordt verstrekt blijft het wel gelakt.",
            "Permanent redaction is off in the ministry's policy: nothing is covered for good in the archive copy. In what is disclosed it stays covered.",
        )),
        PermanentError::NotApproved { .. } => Some(both(
            "Het tweede paar ogen ontbreekt: een ander heeft dit nog niet goedgekeurd.",
            "The second pair of eyes is missing: nobody else has approved this.",
        )),
        PermanentError::Whole { .. } => Some(both(
            "Een heel bericht wordt vernietigd of geschoond, niet blijvend gelakt.",
            "A whole message is destroyed or weeded, not covered for good.",
        )),
        PermanentError::Officer(reason) => of_officer(reason),
        _ => None,
    }
}

fn of_clearance(reason: &ClearanceError) -> Option<(String, String)> {
    match reason {
        ClearanceError::NoReadout => Some(both(
            "Van deze functionaris is nog niets uitgelezen: er is niets vrij te geven.",
            "Nothing of this official was read out: there is nothing to clear.",
        )),
        ClearanceError::NotClosed { .. } => Some(both(
            "De laatste uitlezing is niet afgesloten: lees de telefoon eerst opnieuw uit.",
            "The newest read-out was not closed: read the phone out again first.",
        )),
        ClearanceError::Unreceipted { waiting } => Some(both(
            &format!(
                "Nog niet alles is in het log bevestigd ({waiting} keer geen ontvangstbewijs): er wordt niets vrijgegeven voordat dat er is."
            ),
            &format!(
                "Not everything is confirmed in the log ({waiting} without a receipt): nothing is cleared before it is."
            ),
        )),
        ClearanceError::Nothing { chats, .. } => Some(both(
            &format!("Geen van de {chats} gesprekken mag van het apparaat."),
            &format!("None of the {chats} chats may be removed from the device."),
        )),
        ClearanceError::Officer(reason) => of_officer(reason),
        ClearanceError::Source(_) => None,
    }
}

/// Parts of a chat event as the officer calls them.
const PARTS: &[(&str, (&str, &str))] = &[
    ("sender", ("het account van de afzender", "the sender's account")),
    ("display_name", ("de naam van de afzender", "the sender's name")),
    ("audience", ("de ontvangers", "who could read it")),
    ("reply_to", ("het aangehaalde bericht", "the quoted message")),
    ("detail", ("de melding van de app", "the app's notice")),
    ("attachments", ("een bijlage", "an attachment")),
    ("text", ("de tekst", "the text")),
];

/// Which parts are covered too, in words; nothing if none are.
pub(super) fn again(again: &[Again]) -> Option<Value> {
    let slot = |again: &Again| again.part.split(':').next().unwrap_or_default().to_owned();
    let slots: BTreeSet<String> = again.iter().map(slot).collect();
    let record = ("het bronrecord", "the source's record");
    let words = |slot: &String| PARTS.iter().find(|(known, _)| known == slot).map_or(record, |(_, words)| *words);
    let (nl, en): (BTreeSet<_>, BTreeSet<_>) = slots.iter().map(words).unzip();
    let all = |words: BTreeSet<&str>| words.into_iter().collect::<Vec<_>>().join(", ");
    (!slots.is_empty()).then(|| {
        let (nl, en) = (all(nl), all(en));
        json!({ "nl": format!("Ook gelakt, omdat het daar nog eens staat: {nl}."), "en": format!("Redacted too, since it stands there once more: {en}.") })
    })
}

/// What is to be known of a plan that was proposed all the same.
pub(super) fn warning(warning: &Warning) -> Value {
    match warning {
        Warning::NoGround { .. } => json!({ "nl": "Er is geen grond genoemd.", "en": "No ground was named." }),
        Warning::OlderThanFiveYears { code, .. } => json!({
            "nl": format!("Grond {code} op informatie van meer dan vijf jaar oud vraagt een motivering (Woo 5.3)."),
            "en": format!("Ground {code} on information older than five years asks for a motivation (Woo 5.3)."),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Spot;

    #[test]
    fn every_refusal_has_two_languages_and_says_what_to_do() {
        for field in ["purpose", "decision", "person", "words", "parts", "places", "reason", "about", "act"] {
            let said = refusal(&DeskError::Request { field });
            let (nl, en) = (said["nl"].as_str().expect("Dutch"), said["en"].as_str().expect("English"));
            assert!(!nl.is_empty() && !en.is_empty() && nl != en, "{field}");
        }
        let said = refusal(&DeskError::Plan(PlanError::Empty));
        assert_eq!(said["nl"], "Kies eerst woorden.");
    }

    #[test]
    fn what_is_redacted_too_is_said_once_in_the_officers_words() {
        let part = |part: &str| Again { place: "4:17".into(), part: part.into() };
        let said = again(&[part("attachments:0"), part("attachments:1"), part("native_id"), part("as_written")]);
        let said = said.expect("something");
        assert_eq!(said["nl"], "Ook gelakt, omdat het daar nog eens staat: een bijlage, het bronrecord.");
        assert_eq!(said["en"], "Redacted too, since it stands there once more: an attachment, the source's record.");
        assert_eq!(again(&[]), None);
    }

    #[test]
    fn a_refusal_shows_no_place_of_the_log_but_to_who_asks_for_it() {
        let spot = Spot { entry: 41, position: 7 };
        let held = DeskError::Destroy(DestroyError::Held { spot, reason: "enqu\u{202e}ete".into() });
        let said = refusal(&held);
        assert_eq!(said["nl"], "Dit is bevroren (enqu\u{fffd}ete): eerst moet de bevriezing worden opgeheven.");
        assert!(said["detail"].as_str().is_some_and(|detail| detail.contains("41:7")), "{said}");
        let odd = refusal(&DeskError::Request { field: "act" });
        assert_eq!(odd["nl"], "Dit is niet te doen: act ontbreekt.");
    }
}
