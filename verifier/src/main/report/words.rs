//! The catalogue: every fixed word of the page, in Dutch and English.
//!
//! One list, so that a test holds that no word lacks a language. Labels of codes (kinds, grounds, reasons) are in
//! `zegel_verifier::labels`, what findings mean in [`meaning`](super::meaning).

use super::Language;

pub(super) use zegel_verifier::labels::Words;

impl Language {
    /// The word in this language.
    pub(super) fn say(self, (nl, en): Words) -> &'static str {
        self.of(nl, en)
    }
}

macro_rules! catalogue {
    ($($name:ident: $nl:literal, $en:literal;)+) => {
        $(pub(super) const $name: Words = ($nl, $en);)+
        /// All of them, by name.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, Words)] = &[$((stringify!($name), $name)),+];
    };
}

catalogue! {
    TITLE: "Controlerapport", "Verification report";
    FULL: "Volledig geverifieerd", "Fully verified";
    WITH_FINDINGS: "Geverifieerd met bevindingen", "Verified with findings";
    NOT_VERIFIED: "Niet geverifieerd", "Not verified";
    COMPLETENESS: "Volledigheid", "Completeness";
    AUTHENTICITY: "Authenticiteit", "Authenticity";
    IMMUTABILITY: "Onveranderlijkheid", "Immutability";
    CUSTODY: "Bewaringsketen", "Chain of custody";
    EXAMINED: "onderzocht, niets op aan te merken", "examined, nothing found";
    EXAMINED_REMARKS: "onderzocht, met kanttekeningen over hoe ver dit reikt", "examined, with remarks on how far this goes";
    EXAMINED_FINDINGS: "onderzocht, met bevindingen", "examined, with findings";
    NOT_EXAMINED: "niet onderzocht", "not examined";
    SCOPE: "Wat is onderzocht", "What was examined";
    ACTIVITY: "Verloop in de tijd", "Activity over time";
    TIMELINE: "Tijdlijn", "Timeline";
    FINDINGS: "Bevindingen", "Findings";
    VOLATILE: "Bewerkt, verwijderd, vluchtig", "Edited, deleted, volatile";
    REDACTIONS: "Classificatie en lakken", "Classification and redaction";
    PARTICIPANTS: "Deelnemers", "Participants";
    LIMITS: "Wat dit niet bewijst", "What this does not prove";
    REPEAT: "Techniek: zelf nagaan", "Technical annex: check it yourself";
    NO_FINDINGS: "Geen.", "None.";
    COVERED: "gelakt", "covered";
    WITHHELD: "als geheel gelakt", "withheld as a whole";
    NO_GROUND: "zonder grond", "no ground named";
    ALSO: "ook bij", "also held by";
    OTHER_TIME: "andere tijd", "another time";
    OTHER_SPACE: "andere witruimte", "other white space";
    OTHER_TEXT: "andere inhoud", "another content";
    DELETED_FOR_ONE: "bij één verwijderd", "deleted for one";
    ATTACHMENT: "bijlage", "attachment";
    NOT_INCLUDED: "niet in het pakket", "not in the package";
    TIME_UNKNOWN: "tijd onbekend", "time unknown";
    AMBIGUOUS: "uur komt door de klokwissel twee keer voor", "an hour that the change of clocks repeats";
    SEARCH: "Zoek in de tijdlijn", "Search the timeline";
    ONLY_COVERED: "alleen gelakte", "covered only";
    ONLY_CHANGED: "alleen bewerkt of verwijderd", "edited or deleted only";
    FOLD: "Alles open of dicht", "Open or close all";
    MONTH: "maand", "month";
    EVENTS: "gebeurtenissen", "events";
    OPEN: "open", "open";
    IN_PART: "deels gelakt", "covered in part";
    PERSON: "Functionaris", "Official";
    PARTICIPANT: "Deelnemer", "Participant";
    CONVERSATION: "Gesprek", "Conversation";
    CUSTODIAN: "Chathouder", "Custodian";
    NAMELESS: "Namen, nummers en namen van bestanden zijn vervangen en afbeeldingen weggelaten; de tekst van berichten is niet aangepast en kan namen bevatten.", "Names, numbers and names of files are replaced and pictures left out; the text of messages is not changed, and may hold names.";
    RENDERING: "Dit is een weergave. Wie erop steunt, controleert het pakket zelf.", "This is a rendering. Whoever relies on it checks the package.";
    COVERAGE: "Dekking: op tijd veiliggesteld", "Coverage: secured in time";
    NO_COVERAGE: "alleen een pakket van een chathouder over alle maanden, met een uitlezing, zegt hier iets over.", "only a package of a custodian in all months, with a read-out, says anything of it.";
    RULE: "Tussen twee momenten van veiligstellen ligt ten hoogste de termijn van het beleid (31 dagen als er geen is vastgesteld). Een moment is een uitgelezen bestand of een levensteken van een gateway; of daarin alles stond, zegt het log niet.", "At most the term of the policy lies between two moments of securing (31 days if none is set). A moment is a file that was read out or a heartbeat of a gateway; whether it held everything, the log does not say.";
    SECURED: "veiliggesteld", "secured";
    LATE: "te laat", "late";
    MISSED: "gemist", "missed";
    RUNNING: "termijn loopt", "term is running";
    OUT_OF_SCOPE: "buiten bereik", "out of scope";
    ACCOUNT: "account", "account";
    RESULT: "uitkomst", "result";
    DAYS_BETWEEN: "dagen tussen", "days between";
    DECLARED: "verklaarde gaten", "declared gaps";
    CHECKS: "Alle controles", "All checks";
    CHECK: "controle", "check";
    LOOKED_AT: "bekeken", "looked at";
    DESTRUCTION: "Vernietigen en bewaren", "Retention and destruction";
    DESTRUCTION_NOTE: "De bewaartermijn is nagerekend met de selectielijst in het logboek, waar hij met de maand begint. Klassen en bevriezingen zijn verzegelde besluiten: zij zijn alleen onderzocht waar zij in dit pakket open zijn; de bijlage zegt dat bij CLASS_EXCLUDED en HOLD_BREACH. Inhoud die ontbreekt zonder te zijn gelakt of als vernietigd te zijn aangemerkt, zou dit pakket hebben doen weigeren.", "The term was computed from the selection list in the log, where it begins with the month. Classes and holds are sealed decisions: they were examined only where this package opens them; the annex says so at CLASS_EXCLUDED and HOLD_BREACH. Content that is missing without being covered or marked as destroyed would have had this package refused.";
    ACCESS: "Inzage en beheer", "Access log";
    ACCESS_NOTE: "Niet in het pakket: wie wat te zien kreeg, staat verzegeld in het logboek. De houder van de sleutels kan het tonen.", "Not in the package: who was given what stands sealed in the log. The holder of the keys can show it.";
    TIME: "Tijd", "Time";
    TIME_NOTE: "Tijden zijn Nederlandse tijd, zo nauwkeurig als de bron ze geeft; het logboek zelf rekent in UTC. De volgorde is die van de tijd die de bron noemt, en bij gelijke tijd die van vastlegging. Wat terugloopt, dubbel kan zijn of onbekend is, staat bij de bevindingen.", "Times are those of the Netherlands, as exact as the source gives them; the log itself has UTC. The order is that of the time that the source states, and for equal times that of recording. What goes backwards, is ambiguous or unknown stands with the findings.";
    STATEMENT: "Verklaring", "Statement";
    STATEMENT_NOTE: "Ondergetekende heeft het pakket met de hier genoemde naam zelf gecontroleerd, met een vertrouwensbestand uit een bron buiten het ministerie en het hier genoemde programma.", "The undersigned has checked the package of the name given here himself, with a trust file from a source outside the ministry and the program named here.";
    SIGNED: "Naam, functie, datum, handtekening", "Name, function, date, signature";
    ARTICLE: "Archiefregeling, artikel 17", "Archive regulation, article 17";
    CONTENTS: "Inhoud", "Contents";
    TO_TIMELINE: "Naar de tijdlijn", "To the timeline";
    PERSONS: "chathouders", "custodians";
    CHANNELS: "kanalen", "channels";
    PERIOD: "periode", "period";
    SPAN: "eerste en laatste bericht", "first and last message";
    MINISTRY: "ministerie", "ministry";
    CASE: "zaak", "case";
    RECIPIENT: "ontvanger", "recipient";
    MADE: "opgemaakt", "made";
    DECISION: "besluit", "decision";
    ALL_MONTHS: "alle maanden", "all months";
    THROUGH: "tot en met", "through";
    SEVERITY: "ernst", "severity";
    WHAT: "wat is gevonden", "what was found";
    MEANING: "wat het betekent", "what it means";
    COUNT: "aantal", "count";
    FIRST_AT: "plaats in het logboek", "place in the log";
    GROUND: "grond", "ground";
    GROUND_MEANS: "betekenis", "meaning";
    PARTS: "delen", "parts";
    WHEN: "wanneer", "when";
    PART: "wat", "what";
    OLD: "ouder dan vijf jaar", "older than five years";
    OLD_NOTE: "van de gelakte delen zijn ouder dan vijf jaar en gelakt op een relatieve grond. Bij een Woo-verzoek vraagt artikel 5.3 dan een motivering; die staat in het besluit, niet in dit pakket.", "of the covered parts are older than five years and covered on a relative ground. Under the Woo article 5.3 then asks for a motivation; it stands in the decision, not in this package.";
    REDACTION_NOTE: "Elk gelakt deel is nagegaan: het staat precies eenmaal op de ondertekende laklijst, en niets anders is weggelaten. De rest van elk bericht is het origineel.", "Each covered part was checked: it stands exactly once on the signed list, and nothing else was left out. The rest of each message is the original.";
    CLASS_NOTE: "Classificaties zijn besluiten die in een pakket verzegeld blijven, behalve waarop een schoning berust als het pakket die handeling toont (CLASS_EXCLUDED).", "Classes are decisions that stay sealed in a package, except where a weeding rests on one that the package shows (CLASS_EXCLUDED).";
    NOTHING_COVERED: "Er is niets gelakt.", "Nothing is covered.";
    EACH_COVER: "Elk gelakt deel", "Each covered part";
    NOT_LISTED: "niet genoemd", "not listed";
    NOTHING_ENDED: "In dit pakket is niets vernietigd, geschoond, overgebracht of wegens een datalek verwijderd.", "Nothing in this package was destroyed, weeded, transferred or removed as a data breach.";
    NO_VOLATILE: "Niets is bewerkt, verwijderd of verdwenen, voor zover de bron dat laat zien.", "Nothing was edited, deleted or vanished, as far as the source shows it.";
    EDITS_NOTE: "Bewerkte berichten waarvan de eerdere woorden niet in dit pakket staan", "Edited messages of which the earlier words are not in this package";
    DELETIONS_NOTE: "Verwijderde berichten waarvan de inhoud niet in dit pakket staat", "Deleted messages of which the content is not in this package";
    FIRST_PLACES: "naar de regels", "to the lines";
    LATE_NOTE: "Meer dan een maand na het bericht in het logboek gekomen", "Came into the log more than a month after the message";
    BACKFILL_NOTE: "Niet op het moment zelf vastgelegd, maar later uitgelezen uit een bestand of schermafdruk", "Not captured at that moment, but read out later from a file or screenshot";
    HOLDERS_NOTE: "Berichten die een andere chathouder in andere woorden heeft, of die bij één zijn verwijderd", "Messages that another custodian has in other words, or that were deleted for one";
    STRANGERS_NOTE: "Telefoonnummers die berichten schreven en van wie in dit pakket geen registratie open is", "Telephone numbers that wrote messages and of whom no registration is open in this package";
    NAMESAKES_NOTE: "Nummers met de naam van een geregistreerde persoon, die niet onder zijn geregistreerde accounts staan", "Numbers with the name of a registered person that are not among his registered accounts";
    PARTICIPANT_NAME: "naam zoals de bron die geeft", "name as the source gives it";
    MESSAGES: "berichten", "messages";
    STEP: "stap", "step";
    BY: "door", "by";
    DEVICE: "toestel", "device";
    FILE: "bestand", "file";
    NEW_KNOWN: "nieuw / al bekend", "new / known";
    STEPS: "stappen", "steps";
    HEARTBEATS: "levenstekens van koppelingen", "heartbeats of gateways";
    NOT_OPEN: "niet zichtbaar in dit pakket", "not visible in this package";
    KEY: "sleutel", "key";
    KEY_SIGNED: "zendingen ondertekend", "batches signed";
    LEAKED: "later als gelekt gemeld", "later reported as leaked";
    NO_COSIGNER: "Geen getuige heeft medeondertekend.", "No witness cosigned.";
    AUDITOR_SAW: "controleur: heeft het hele logboek nagerekend", "auditor: replayed the whole log";
    WITNESS_SAW: "getuige: heeft deze stand gezien", "witness: saw this state";
    DID_NOT: "niet medeondertekend", "did not cosign";
    PROGRAM: "dit programma", "this program";
    PROGRAM_HASH: "SHA-256 van dit programma", "SHA-256 of this program";
    TRUST_FILE: "vertrouwensbestand", "trust file";
    TRUST_NOTE: "Het vertrouwensbestand is meegegeven door wie dit rapport maakte. Waar het vandaan komt, weet het programma niet: vergelijk de SHA-256 met een bron buiten het ministerie.", "The trust file was given by whoever made this report. Where it comes from the program does not know: compare its SHA-256 with a source outside the ministry.";
    OFFLINE: "zonder netwerk", "off line";
    MODE: "werkwijze", "mode";
    FORMATS: "Vormen en algoritmen", "Formats and algorithms";
    FORMATS_NOTE: "zegel-evidence/v1 in een BagIt-map; SHA-256, Ed25519, Merkle-boom volgens RFC 6962, checkpoints volgens C2SP. De beschrijving is openbaar (map specs van Zegel) en een tweede, onafhankelijk geschreven programma (verifier/html) komt tot hetzelfde.", "zegel-evidence/v1 in a BagIt folder; SHA-256, Ed25519, Merkle tree by RFC 6962, checkpoints by C2SP. The description is public (folder specs of Zegel), and a second program that was written independently (verifier/html) comes to the same.";
    HASHES: "Vingerafdrukken (SHA-256)", "Fingerprints (SHA-256)";
    AS_ABOVE: "zie hierboven", "see above";
    OF: "van", "of";
    PACKAGE: "pakket", "package";
    PACKAGE_NAME: "naam van het pakket", "name of the package";
    LOG: "logboek", "log";
    STATE: "stand: aantal regels", "state: number of entries";
    ROOT: "wortel van de boom", "root of the tree";
    COVERS: "pakket omvat de eerste", "package covers the first";
    REPLY: "antwoord op een eerder bericht", "reply to an earlier message";
    ONLY_DAY: "alleen de dag is bekend", "only the day is known";
    CLASS_A: "klasse A: ondertekend door de chatdienst of het toestel zelf", "class A: signed by the chat service or the device itself";
    CLASS_B: "klasse B: op het moment zelf opgenomen door een geregistreerde koppeling", "class B: captured at that moment by a registered gateway";
    CLASS_C: "klasse C: uit een exportbestand, dat ervoor bewerkt kan zijn", "class C: from an export file, which can have been edited before";
    CLASS_D: "klasse D: schermafdruk of overgetypt", "class D: screenshot or transcription";
    LEGEND: "Een zwart vlak is gelakt; de grond staat erin. A, B, C of D aan het eind zegt wat het bewijs waard is.", "A black box is covered; its ground stands in it. A, B, C or D at the end says what the proof is worth.";
    BY_CONVERSATION: "per gesprek", "by conversation";
    BY_TIME: "alles op tijd, over gesprekken en kanalen heen", "all by time, across conversations and channels";
    ORDER: "volgorde", "order";
    NOT_ONE_CONVERSATION: "Niet van één gesprek", "Not of one conversation";
    REFUSED_NOTE: "Dit pakket is geweigerd. Er is niets van te zeggen, en er staat niets van in dit rapport.", "This package was refused. Nothing can be said of it, and nothing of it stands in this report.";
    UNCHECKED_NOTE: "Dit pakket kon niet worden gecontroleerd.", "This package could not be checked.";
    INFORMATION: "informatie", "information";
    WARNING: "waarschuwing", "warning";
    ERROR: "fout", "error";
    ARTICLE_A: "inhoud, structuur en verschijningsvorm", "content, structure and appearance";
    ARTICLE_B: "wanneer, door wie en uit welke taak", "when, by whom and from which task";
    ARTICLE_C: "samenhang met andere archiefbescheiden", "coherence with other records";
    ARTICLE_D: "uitgevoerde beheeractiviteiten", "acts of management";
    ARTICLE_E: "besturingsprogrammatuur en toepassing", "software used";
}

#[cfg(test)]
mod tests {
    use super::super::meaning;
    use super::*;

    /// Words that are the same in both languages.
    const SAME: &[&str] =
        &["open", "account", "WhatsApp", "Signal", "Matrix", "Threema", "sticker", "accounts", "score"];

    fn is_whole((nl, en): Words) -> bool {
        let is_text = |text: &str| !text.is_empty() && text.trim() == text;
        is_text(nl) && is_text(en) && (nl != en || SAME.contains(&nl))
    }

    #[test]
    fn no_key_lacks_a_language() {
        let words = ALL.iter().map(|(name, words)| (*name, *words));
        let labels = meaning::ALL.iter().copied();
        for (name, words) in words.chain(labels) {
            assert!(is_whole(words), "{name}: {words:?}");
        }
        assert!(!is_whole(("", "x")) && !is_whole(("x", "x")) && !is_whole(("a ", "b")), "the test can fail");
    }

    #[test]
    fn no_finding_has_two_meanings() {
        let mut seen: Vec<&str> = meaning::ALL.iter().map(|(code, _)| *code).collect();
        seen.sort_unstable();
        assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
    }
}
