//! Classes, and grounds and markings, as a new log publishes them. Later versions are data, not code.

use zegel_proto::v1::{ClassListPublished, GroundsListPublished, ListItem};

/// Code, Dutch label, English label.
type Row = (&'static str, &'static str, &'static str);

const CLASSES: &[Row] = &[
    ("zakelijk", "Zakelijk", "Business"),
    ("prive", "Privé", "Private"),
    ("partijpolitiek", "Partijpolitiek", "Party-political"),
    ("personeelsvertrouwelijk", "Personeelsvertrouwelijk", "Personnel, confidential"),
    ("hybride", "Hybride", "Mixed"),
    ("nog_te_bepalen", "Nog te bepalen", "To be determined"),
];

/// Wet open overheid, Wet openbaarheid van bestuur (requests before 1 May 2022), and markings that are no grounds.
const GROUNDS: &[Row] = &[
    ("5.1.1a", "Eenheid van de Kroon", "Unity of the Crown"),
    ("5.1.1b", "Veiligheid van de Staat", "Security of the State"),
    (
        "5.1.1c",
        "Vertrouwelijk verstrekte bedrijfs- of fabricagegegevens",
        "Business or manufacturing data provided in confidence",
    ),
    ("5.1.1d", "Bijzondere persoonsgegevens", "Special categories of personal data"),
    ("5.1.1e", "Nationale identificatienummers", "National identification numbers"),
    ("5.1.2a", "Internationale betrekkingen", "International relations"),
    ("5.1.2b", "Economische of financiële belangen van de Staat", "Economic or financial interests of the State"),
    ("5.1.2c", "Opsporing en vervolging van strafbare feiten", "Investigation and prosecution of criminal offences"),
    (
        "5.1.2d",
        "Inspectie, controle en toezicht door bestuursorganen",
        "Inspection, control and supervision by administrative bodies",
    ),
    ("5.1.2e", "Eerbiediging van de persoonlijke levenssfeer", "Respect for private life"),
    (
        "5.1.2f",
        "Andere concurrentiegevoelige bedrijfs- en fabricagegegevens",
        "Other competitively sensitive business and manufacturing data",
    ),
    ("5.1.2g", "Bescherming van het milieu", "Protection of the environment"),
    (
        "5.1.2h",
        "Beveiliging van personen en bedrijven, voorkomen van sabotage",
        "Security of persons and companies, prevention of sabotage",
    ),
    (
        "5.1.2i",
        "Goed functioneren van de Staat, andere publiekrechtelijke lichamen of bestuursorganen",
        "Proper functioning of the State, other public bodies or administrative bodies",
    ),
    ("5.1.5", "Onevenredige benadeling", "Disproportionate harm"),
    ("5.2", "Persoonlijke beleidsopvattingen (intern beraad)", "Personal policy views (internal deliberation)"),
    ("5.4", "Informatie die berust bij de formateur", "Information held by the formateur"),
    ("10.1a", "Wob: eenheid van de Kroon", "Wob: unity of the Crown"),
    ("10.1b", "Wob: veiligheid van de Staat", "Wob: security of the State"),
    (
        "10.1c",
        "Wob: vertrouwelijk verstrekte bedrijfs- en fabricagegegevens",
        "Wob: business and manufacturing data provided in confidence",
    ),
    ("10.1d", "Wob: bijzondere persoonsgegevens", "Wob: special categories of personal data"),
    ("10.2a", "Wob: internationale betrekkingen", "Wob: international relations"),
    ("10.2b", "Wob: economische of financiële belangen van de Staat", "Wob: economic or financial interests"),
    ("10.2c", "Wob: opsporing en vervolging van strafbare feiten", "Wob: investigation and prosecution"),
    ("10.2d", "Wob: inspectie, controle en toezicht", "Wob: inspection, control and supervision"),
    ("10.2e", "Wob: eerbiediging van de persoonlijke levenssfeer", "Wob: respect for private life"),
    ("10.2g", "Wob: onevenredige bevoordeling of benadeling", "Wob: disproportionate advantage or harm"),
    ("10.7a", "Wob: bescherming van het milieu", "Wob: protection of the environment"),
    ("10.7b", "Wob: beveiliging van bedrijven, voorkomen van sabotage", "Wob: security of companies"),
    ("11.1", "Wob: persoonlijke beleidsopvattingen (intern beraad)", "Wob: personal policy views"),
    ("buiten_reikwijdte", "Buiten reikwijdte", "Out of scope"),
    ("dubbel", "Dubbel", "Duplicate"),
    ("reeds_openbaar", "Reeds openbaar", "Public already"),
    ("archief_prive", "Privé, geen archiefstuk", "Private, not a record"),
    ("archief_partijpolitiek", "Partijpolitiek, geen archiefstuk", "Party-political, not a record"),
    ("archief_personeelsvertrouwelijk", "Personeelsvertrouwelijk", "Personnel, confidential"),
    ("vernietigd", "Vernietigd", "Destroyed"),
    ("geschoond", "Geschoond, geen archiefstuk", "Weeded, not a record"),
    ("datalek", "Verwijderd wegens datalek", "Removed as a data breach"),
    ("overgebracht", "Overgebracht naar een andere archiefbewaarplaats", "Transferred to another archive"),
    ("blijvend_gelakt", "Blijvend gelakt in het archiefexemplaar", "Covered for good in the archive copy"),
    ("zonder_grond", "Geen grond vermeld", "No ground stated"),
    ("niet_archiefwaardig", "Niet archiefwaardig", "Not worth keeping"),
];

fn items(rows: &[Row]) -> Vec<ListItem> {
    let item = |(code, label_nl, label_en): &Row| ListItem {
        code: (*code).into(),
        label_nl: (*label_nl).into(),
        label_en: (*label_en).into(),
        definition: String::new(),
    };
    rows.iter().map(item).collect()
}

/// The classes of a new log.
#[must_use]
pub fn class_list() -> ClassListPublished {
    ClassListPublished { version: "klassen/1".into(), items: items(CLASSES) }
}

/// Markings that the commands of this program write by themselves: no list may lack them.
pub(super) const MARKINGS: [&str; 6] =
    ["vernietigd", "geschoond", "datalek", "overgebracht", "blijvend_gelakt", "zonder_grond"];

/// The grounds and markings of a new log. A log that began with an older version gets it by `zegel grounds publish`.
#[must_use]
pub fn grounds_list() -> GroundsListPublished {
    GroundsListPublished { version: "gronden/2".into(), items: items(GROUNDS) }
}

/// The canonical form of a ground: `5.1.2.e`, `5.1.2E` and ` 5.1.2 e` are all `5.1.2e`.
#[must_use]
pub fn normalise_ground(text: &str) -> String {
    let mut code: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    if let Some((before, letter)) = code.rsplit_once('.')
        && letter.len() == 1
        && letter.starts_with(|c: char| c.is_ascii_lowercase())
    {
        code = format!("{before}{letter}");
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use zegel_proto::print;

    #[test]
    fn the_lists_fit_a_public_event() {
        let (classes, grounds) = (print(&class_list()), print(&grounds_list()));
        assert!(classes.is_ok_and(|bytes| bytes.len() <= zegel_proto::limits::PUBLIC_BYTES_MAX));
        assert!(grounds.is_ok_and(|bytes| bytes.len() <= zegel_proto::limits::PUBLIC_BYTES_MAX));
    }

    #[test]
    fn the_list_of_a_new_log_has_each_code_once_in_its_one_form_and_every_marking() {
        let codes: Vec<String> = grounds_list().items.into_iter().map(|item| item.code).collect();
        for (number, code) in codes.iter().enumerate() {
            assert_eq!(*code, normalise_ground(code));
            assert!(!codes[..number].contains(code), "{code} stands twice");
        }
        assert!(MARKINGS.iter().all(|marking| codes.iter().any(|code| code == marking)));
    }

    #[test]
    fn a_ground_has_one_form() {
        for text in ["5.1.2e", "5.1.2.e", "5.1.2.E", " 5.1.2 e "] {
            assert_eq!(normalise_ground(text), "5.1.2e", "{text:?}");
        }
        assert_eq!(normalise_ground("5.1.5"), "5.1.5");
        assert_eq!(normalise_ground("5.2"), "5.2");
        assert_eq!(normalise_ground("buiten_reikwijdte"), "buiten_reikwijdte");
    }
}
