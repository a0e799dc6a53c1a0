//! The catalogue: every fixed word of the page, in Dutch and English, and the labels of kinds and grounds.
//!
//! Codes of grounds are those of the Woo platform of the ministries (Citation.php, EUPL-1.2) and of Dutch archive law; the
//! list that is in force is an event of the log, this one only gives a code its name.

use super::Language;

/// Dutch and English.
pub(super) type Words = (&'static str, &'static str);

impl Language {
    /// The word in this language.
    pub(super) fn say(self, (nl, en): Words) -> &'static str {
        self.of(nl, en)
    }
}

/// What a kind of event is called on a line of the timeline.
pub(super) fn kind(kind: zegel_proto::v1::EventKind) -> Words {
    use zegel_proto::v1::EventKind as K;
    match kind {
        K::MessageCreated => ("bericht", "message"),
        K::MessageEdited => ("bewerkt", "edited"),
        K::MessageDeleted => ("verwijderd", "deleted"),
        K::ReactionAdded => ("reactie", "reaction"),
        K::ReactionRemoved => ("reactie ingetrokken", "reaction withdrawn"),
        K::MembershipChanged => ("deelnemers", "participants"),
        K::ConversationChanged => ("gesprek gewijzigd", "conversation changed"),
        K::SettingObserved => ("instelling", "setting"),
        K::CallLogged => ("oproep", "call"),
        K::SystemNoted => ("melding van de app", "notice of the app"),
        K::IdentityChanged => ("identiteit gewijzigd", "identity changed"),
        K::ViewOnceReceived => ("eenmalig bekijken: inhoud niet vastgelegd", "view once: content not captured"),
        K::MessageWaiting => ("nog niet ontsleuteld door de app", "not yet decrypted by the app"),
        K::ScreenshotAdded => ("schermafbeelding", "screenshot"),
        K::PollNoted => ("peiling", "poll"),
        K::RecordVanished => ("stond er eerder wel, nu niet meer", "was there before, and is no longer"),
        K::ContactDecided => ("toelating", "admission"),
        K::ReceiptObserved => ("ontvangstbevestiging", "receipt"),
        K::GapDeclared => ("gat, verklaard door de bron", "gap, declared by the source"),
        K::CaptureStarted => ("vastlegging begonnen", "capture started"),
        K::CaptureStopped => ("vastlegging gestopt", "capture stopped"),
        K::SourceResumed => ("bron hervat", "source resumed"),
        K::PeriodClosed => ("periode afgesloten", "period closed"),
        K::ReadoutOpened => ("uitlezing begonnen", "read-out begun"),
        K::ReadoutClosed => ("uitlezing afgerond", "read-out closed"),
        K::ReadoutManifest => ("bestand uitgelezen", "file read out"),
        _ => ("gebeurtenis", "event"),
    }
}

const GROUNDS: &[(&str, Words)] = &[
    ("5.1.1a", ("eenheid van de Kroon", "unity of the Crown")),
    ("5.1.1b", ("veiligheid van de Staat", "security of the State")),
    ("5.1.1c", ("vertrouwelijk verstrekte bedrijfs- of fabricagegegevens", "business data given in confidence")),
    ("5.1.1d", ("bijzondere persoonsgegevens", "special categories of personal data")),
    ("5.1.1e", ("nationale identificatienummers", "national identification numbers")),
    ("5.1.2a", ("internationale betrekkingen", "international relations")),
    ("5.1.2b", ("economische of financiële belangen van de Staat", "economic or financial interests of the State")),
    ("5.1.2c", ("opsporing en vervolging van strafbare feiten", "investigation and prosecution of offences")),
    ("5.1.2d", ("inspectie, controle en toezicht", "inspection, control and supervision")),
    ("5.1.2e", ("eerbiediging van de persoonlijke levenssfeer", "privacy")),
    ("5.1.2f", ("concurrentiegevoelige bedrijfs- en fabricagegegevens", "commercially sensitive data")),
    ("5.1.2g", ("bescherming van het milieu", "protection of the environment")),
    ("5.1.2h", ("beveiliging van personen en bedrijven", "security of persons and companies")),
    ("5.1.2i", ("goed functioneren van de Staat", "proper functioning of the State")),
    ("5.1.5", ("onevenredige benadeling", "disproportionate harm")),
    ("5.2", ("persoonlijke beleidsopvattingen (intern beraad)", "personal policy views (internal deliberation)")),
    ("5.4", ("informatie die berust bij de formateur", "information held by the formateur")),
    ("10.1", ("Wob 10, eerste lid", "Wob 10(1)")),
    ("10.2", ("Wob 10, tweede lid", "Wob 10(2)")),
    ("10.7", ("Wob 10, zevende lid (milieu)", "Wob 10(7), environment")),
    ("11.1", ("Wob 11: persoonlijke beleidsopvattingen", "Wob 11: personal policy views")),
    ("buiten_reikwijdte", ("buiten reikwijdte van het verzoek", "outside the scope of the request")),
    ("dubbel", ("staat er dubbel in", "a duplicate")),
    ("reeds_openbaar", ("reeds openbaar", "public already")),
    ("archief_prive", ("privé", "private")),
    ("archief_partijpolitiek", ("partijpolitiek", "party political")),
    ("archief_personeelsvertrouwelijk", ("personeelsvertrouwelijk", "confidential, on personnel")),
    ("niet_archiefwaardig", ("niet archiefwaardig", "not a record")),
];

/// What a ground or marking is called; the longest known beginning of a code counts (`10.2e` is told as `10.2`).
pub(super) fn ground(code: &str) -> Option<Words> {
    let known = GROUNDS.iter().filter(|(known, _)| code.starts_with(known));
    known.max_by_key(|(known, _)| known.len()).map(|(_, words)| *words)
}

pub(super) const TITLE: Words = ("Controlerapport", "Verification report");
pub(super) const FULL: Words = ("Volledig geverifieerd", "Fully verified");
pub(super) const WITH_FINDINGS: Words = ("Geverifieerd met bevindingen", "Verified with findings");
pub(super) const NOT_VERIFIED: Words = ("Niet geverifieerd", "Not verified");
pub(super) const COMPLETENESS: Words = ("Volledigheid", "Completeness");
pub(super) const AUTHENTICITY: Words = ("Echtheid", "Authenticity");
pub(super) const IMMUTABILITY: Words = ("Onveranderlijkheid", "Immutability");
pub(super) const CUSTODY: Words = ("Bewaarketen", "Chain of custody");
pub(super) const EXAMINED: Words = ("onderzocht, niets gevonden", "examined, nothing found");
pub(super) const EXAMINED_FINDINGS: Words = ("onderzocht, met bevindingen", "examined, with findings");
pub(super) const NOT_EXAMINED: Words = ("niet onderzocht", "not examined");
pub(super) const SCOPE: Words = ("Wat is onderzocht", "What was examined");
pub(super) const ACTIVITY: Words = ("Verloop in de tijd", "Activity over time");
pub(super) const TIMELINE: Words = ("Tijdlijn", "Timeline");
pub(super) const FINDINGS: Words = ("Bevindingen", "Findings");
pub(super) const VOLATILE: Words = ("Bewerkt, verwijderd, vluchtig", "Edited, deleted, volatile");
pub(super) const REDACTIONS: Words = ("Gelakt, per grond", "Covered, by ground");
pub(super) const KEYS: Words = ("Sleutels en getuigen", "Keys and witnesses");
pub(super) const PARTICIPANTS: Words = ("Deelnemers", "Participants");
pub(super) const LIMITS: Words = ("Wat dit niet bewijst", "What this does not prove");
pub(super) const REPEAT: Words = ("Zelf nagaan", "Check it yourself");
pub(super) const NO_FINDINGS: Words = ("Geen.", "None.");
pub(super) const COVERED: Words = ("gelakt", "covered");
pub(super) const WITHHELD: Words = ("als geheel gelakt", "withheld as a whole");
pub(super) const NO_GROUND: Words = ("zonder grond", "no ground named");
pub(super) const ALSO: Words = ("ook bij", "also held by");
pub(super) const OTHER_TIME: Words = ("andere tijd", "another time");
pub(super) const OTHER_SPACE: Words = ("andere witruimte", "other white space");
pub(super) const OTHER_TEXT: Words = ("andere inhoud", "another content");
pub(super) const DELETED_FOR_ONE: Words = ("bij één verwijderd", "deleted for one");
pub(super) const ATTACHMENT: Words = ("bijlage", "attachment");
pub(super) const NOT_INCLUDED: Words = ("niet in het pakket", "not in the package");
pub(super) const TIME_UNKNOWN: Words = ("tijd onbekend", "time unknown");
pub(super) const AMBIGUOUS: Words =
    ("uur komt door de klokwissel twee keer voor", "an hour that the change of clocks repeats");
pub(super) const SEARCH: Words = ("Zoek in de tijdlijn", "Search the timeline");
pub(super) const ONLY_COVERED: Words = ("alleen gelakte", "covered only");
pub(super) const ONLY_CHANGED: Words = ("alleen bewerkt of verwijderd", "edited or deleted only");
pub(super) const FOLD: Words = ("Alles open of dicht", "Open or close all");
pub(super) const MONTH: Words = ("maand", "month");
pub(super) const UNKNOWN_MONTH: Words = ("maand onbekend", "month unknown");
pub(super) const EVENTS: Words = ("gebeurtenissen", "events");
pub(super) const OPEN: Words = ("open", "open");
pub(super) const IN_PART: Words = ("deels gelakt", "covered in part");
pub(super) const PERSON: Words = ("Functionaris", "Official");
pub(super) const PARTICIPANT: Words = ("Deelnemer", "Participant");
pub(super) const CONVERSATION: Words = ("Gesprek", "Conversation");
pub(super) const CUSTODIAN: Words = ("Chathouder", "Custodian");
pub(super) const NAMELESS: Words = (
    "Namen en nummers zijn vervangen; de tekst van berichten is niet aangepast en kan namen bevatten.",
    "Names and numbers are replaced; the text of messages is not, and may hold names.",
);
pub(super) const RENDERING: Words = (
    "Dit is een weergave. Wie erop steunt, controleert het pakket zelf.",
    "This is a rendering. Whoever relies on it checks the package.",
);
