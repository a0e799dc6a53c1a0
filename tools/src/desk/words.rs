//! What the desk answers when it does not do what was asked, in Dutch and English.

use super::DeskError;
use crate::export::ExportError;
use crate::officer::OfficerError;
use crate::plan::{PlanError, Warning};
use serde_json::{Value, json};

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
];

/// A refusal in both languages: what the officer can do stands first, what a specialist needs comes behind it.
pub(super) fn refusal(reason: &DeskError) -> Value {
    let en = reason.to_string();
    let (nl, en) = match reason {
        DeskError::Request { field } => match FIELDS.iter().find(|(known, _)| known == field) {
            Some((_, (nl, en))) => ((*nl).to_owned(), (*en).to_owned()),
            None => (format!("Dit is niet te doen: {field} ontbreekt."), en),
        },
        DeskError::Officer(OfficerError::UnknownCode { .. }) => {
            (format!("Deze code staat niet in de lijst die geldt. ({en})"), en)
        }
        DeskError::Officer(OfficerError::NothingSelected) => ("Kies eerst berichten.".to_owned(), en),
        DeskError::Plan(PlanError::Empty) => ("Kies eerst woorden.".to_owned(), en),
        DeskError::Plan(PlanError::UnknownGround { .. }) => {
            (format!("Deze grond staat niet in de lijst die geldt. ({en})"), en)
        }
        DeskError::Reading(ExportError::Open { .. }) => {
            (format!("Dit is met de sleutels van deze werkplek niet te openen. ({en})"), en)
        }
        _ => (format!("Dat is niet gelukt. ({en})"), en),
    };
    json!({ "nl": nl, "en": en })
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

    #[test]
    fn every_refusal_has_two_languages_and_says_what_to_do() {
        for field in ["purpose", "decision", "person", "words", "parts", "places", "reason", "act"] {
            let said = refusal(&DeskError::Request { field });
            let (nl, en) = (said["nl"].as_str().expect("Dutch"), said["en"].as_str().expect("English"));
            assert!(!nl.is_empty() && !en.is_empty() && nl != en, "{field}");
        }
        let said = refusal(&DeskError::Plan(PlanError::Empty));
        assert_eq!(said["nl"], "Kies eerst woorden.");
    }
}
