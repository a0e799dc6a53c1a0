//! What codes are called, in Dutch and English: kinds of events, grounds, words of the apps, reasons of gaps, roles, channels.
//!
//! The one list for the report, for documents that are disclosed, and for the officer's desk.
//! Codes of grounds are those of the Woo platform of the ministries (Citation.php, EUPL-1.2) and of Dutch archive law; the
//! list that is in force is an event of the log, this one only gives a code its name. A code that is not known is told as it is.

use zegel_proto::v1::{Channel, EventKind};

/// Dutch and English.
pub type Words = (&'static str, &'static str);

/// What a kind of event is called on a line of the timeline.
#[must_use]
pub fn kind(kind: EventKind) -> Words {
    use EventKind as K;
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

/// Codes with their labels.
type Codes = &'static [(&'static str, Words)];

const GROUNDS: Codes = &[
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
    ("zonder_grond", ("er is geen grond genoemd", "no ground was named")),
    ("vernietigd", ("vernietigd: de bewaartermijn is verstreken", "destroyed: the retention period has passed")),
    ("geschoond", ("geschoond: geen archiefstuk", "weeded: not a record")),
    ("datalek", ("verwijderd wegens datalek", "removed as a data breach")),
];

/// What a ground or marking is called; the longest known beginning of a code counts (`10.2e` is told as `10.2`).
#[must_use]
pub fn ground(code: &str) -> Option<Words> {
    let known = GROUNDS.iter().filter(|(known, _)| code.starts_with(known));
    known.max_by_key(|(known, _)| known.len()).map(|(_, words)| *words)
}

/// Whether a ground weighs against disclosure, so that it does not cover what is older than five years without a
/// motivation (Woo 5.3: 5.1 lid 2, 5.1 lid 5 and 5.2).
#[must_use]
pub fn is_relative(code: &str) -> bool {
    code == "5.2" || ["5.1.2", "5.1.5"].iter().any(|begins| code.starts_with(begins))
}

/// Words with which a source says what a line of the app means (`specs/input.md`).
const WHAT: Codes = &[
    ("sent", ("verstuurd", "sent")),
    ("edited", ("bewerkt", "edited")),
    ("deleted", ("verwijderd", "deleted")),
    ("deleted_by_admin", ("verwijderd door een beheerder", "deleted by an admin")),
    ("redacted", ("ingetrokken", "withdrawn")),
    ("edit_without_effect", ("bewerking zonder gevolg", "edit without effect")),
    ("media_added", ("bijlage bij een eerder bericht", "attachment to an earlier message")),
    ("sticker", ("sticker", "sticker")),
    ("contact", ("contactkaart", "contact card")),
    ("emote", ("handeling", "emote")),
    ("notice", ("mededeling", "notice")),
    ("location", ("locatie", "location")),
    ("added", ("toegevoegd", "added")),
    ("removed", ("uit de groep gehaald", "removed from the group")),
    ("left", ("heeft de groep verlaten", "left the group")),
    ("joined", ("neemt deel", "joined")),
    ("invited", ("uitgenodigd", "invited")),
    ("banned", ("geweerd", "banned")),
    ("knocked", ("vroeg om toegang", "asked to join")),
    ("admin_granted", ("beheerder gemaakt", "made an admin")),
    ("admin_revoked", ("geen beheerder meer", "no admin any more")),
    ("created", ("groep gemaakt", "group created")),
    ("subject", ("naam van de groep gewijzigd", "name of the group changed")),
    ("picture", ("afbeelding van de groep gewijzigd", "picture of the group changed")),
    ("description", ("omschrijving gewijzigd", "description changed")),
    ("timer_on", ("berichten verdwijnen vanzelf: aangezet", "disappearing messages: switched on")),
    ("timer_off", ("berichten verdwijnen vanzelf: uitgezet", "disappearing messages: switched off")),
    ("timer_changed", ("berichten verdwijnen vanzelf: termijn gewijzigd", "disappearing messages: term changed")),
    ("advanced_privacy_on", ("geavanceerde chatprivacy aangezet", "advanced chat privacy switched on")),
    ("advanced_privacy_off", ("geavanceerde chatprivacy uitgezet", "advanced chat privacy switched off")),
    ("permissions", ("rechten in de groep gewijzigd", "permissions in the group changed")),
    ("missed_voice_call", ("gemiste spraakoproep", "missed voice call")),
    ("missed_video_call", ("gemiste video-oproep", "missed video call")),
    ("missed_group_call", ("gemiste groepsoproep", "missed group call")),
    ("voice_call", ("spraakoproep", "voice call")),
    ("video_call", ("video-oproep", "video call")),
    ("group_call", ("groepsoproep", "group call")),
    ("security_code", ("beveiligingscode gewijzigd", "security code changed")),
    ("verified", ("als geverifieerd gemerkt", "marked as verified")),
    ("unverified", ("niet meer als geverifieerd gemerkt", "no longer marked as verified")),
    ("number", ("telefoonnummer gewijzigd", "telephone number changed")),
    ("profile_name", ("profielnaam gewijzigd", "profile name changed")),
    ("time_shown", ("tijd zoals in beeld", "time as shown")),
    ("time_of_image", ("tijd van de afbeelding", "time of the image")),
    ("view_once", ("eenmalig te bekijken", "view once")),
    ("waiting", ("nog niet ontsleuteld door de app", "not yet decrypted by the app")),
    ("encrypted", ("niet ontsleuteld", "not decrypted")),
    ("poll", ("peiling", "poll")),
    ("poll_ended", ("peiling gesloten", "poll ended")),
    ("admitted", ("toegelaten", "admitted")),
    ("refused", ("geweigerd", "refused")),
    ("vanished", ("niet meer aanwezig", "no longer there")),
];

/// Reasons with which a source declares a gap.
const GAPS: Codes = &[
    (
        "export_blocked_by_app_setting",
        ("een instelling van de app verhinderde de export", "a setting of the app blocked the export"),
    ),
    ("export_cut_short", ("de export was afgekapt", "the export was cut short")),
    ("device_not_handed_in", ("het toestel is niet ingeleverd", "the device was not handed in")),
    ("device_lost", ("het toestel is verloren of stuk", "the device was lost or broken")),
    ("gateway_unlinked", ("de koppeling was losgemaakt", "the gateway was unlinked")),
    ("gateway_down", ("de koppeling werkte niet", "the gateway was down")),
    (
        "timer_messages_not_in_format",
        (
            "verdwijnende berichten staan niet in dit exportformaat",
            "disappearing messages are not in this export format",
        ),
    ),
    ("before_cut_over", ("van vóór de ingebruikname", "from before the cut-over")),
    ("contact_not_admitted", ("het contact was niet toegelaten", "the contact was not admitted")),
    ("element_export_left_out", ("de export van Element liet iets weg", "the export of Element left something out")),
    ("sync_cut_short", ("de server gaf niet alles", "the server did not give everything")),
    ("disk_full", ("de schijf was vol", "the disk was full")),
    ("not_ordered", ("niet opgevraagd", "not ordered")),
    ("other", ("een andere reden", "another reason")),
];

/// Roles of the register.
const ROLES: Codes = &[
    ("ROLE_ROOT", ("wortel van vertrouwen", "root of trust")),
    ("ROLE_RECOVERY", ("herstel", "recovery")),
    ("ROLE_SOURCE", ("bron", "source")),
    ("ROLE_OFFICER", ("informatiebeheerder", "records officer")),
    ("ROLE_APPROVER", ("goedkeurder", "approver")),
    ("ROLE_INSPECTOR", ("inspecteur", "inspector")),
    ("ROLE_AUDITOR", ("controleur", "auditor")),
    ("ROLE_OPERATOR", ("beheerder van het logboek", "operator of the log")),
];

/// Slots of a body: parts of an event that can be covered by themselves.
const SLOTS: Codes = &[
    ("sender", ("afzender", "sender")),
    ("display_name", ("naam van de afzender", "name of the sender")),
    ("audience", ("ontvangers", "audience")),
    ("native_id", ("kenmerk van de chatdienst", "id of the chat service")),
    ("reply_to", ("antwoord op", "reply to")),
    ("forwarded", ("doorgestuurd", "forwarded")),
    ("target", ("waarop het slaat", "what it is about")),
    ("detail", ("bijzonderheid", "detail")),
    ("attachments", ("bijlage", "attachment")),
    ("as_written", ("ruwe vorm van de bron", "raw form of the source")),
    ("text", ("tekst", "text")),
    ("session", ("sessie", "session")),
    ("operator", ("uitvoerder", "operator")),
    ("device", ("toestel", "device")),
    ("tool", ("programma", "tool")),
    ("items", ("onderdelen", "items")),
    ("note", ("notitie", "note")),
    ("name", ("naam", "name")),
    ("accounts", ("accounts", "accounts")),
    ("function", ("functie", "function")),
    ("organisation", ("organisatie", "organisation")),
    ("basis", ("grondslag", "basis")),
];

fn label(codes: Codes, code: &str) -> Option<Words> {
    codes.iter().find(|(known, _)| *known == code).map(|(_, words)| *words)
}

/// What a line of the app means.
#[must_use]
pub fn what(code: &str) -> Option<Words> {
    label(WHAT, code)
}

/// Why there is a gap.
#[must_use]
pub fn gap(code: &str) -> Option<Words> {
    label(GAPS, code)
}

/// Who signs.
#[must_use]
pub fn role(code: &str) -> Option<Words> {
    label(ROLES, code)
}

/// Which part of an event.
#[must_use]
pub fn slot(code: &str) -> Option<Words> {
    label(SLOTS, code)
}

/// Where it was said.
#[must_use]
pub fn channel(channel: Channel) -> Words {
    use Channel as C;
    match channel {
        C::Whatsapp => ("WhatsApp", "WhatsApp"),
        C::Signal => ("Signal", "Signal"),
        C::Matrix => ("Matrix", "Matrix"),
        C::Sms => ("sms", "SMS"),
        C::Threema => ("Threema", "Threema"),
        _ => ("ander kanaal", "another channel"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Codes] = &[GROUNDS, WHAT, GAPS, ROLES, SLOTS];
    /// Words that are the same in both languages.
    const SAME: &[&str] = &["sticker", "accounts", "account"];

    #[test]
    fn no_label_lacks_a_language_and_no_code_has_two() {
        for codes in ALL {
            let mut seen: Vec<&str> = codes.iter().map(|(code, _)| *code).collect();
            seen.sort_unstable();
            assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
            for (code, (nl, en)) in *codes {
                assert!(!nl.is_empty() && !en.is_empty() && (nl != en || SAME.contains(nl)), "{code}");
            }
        }
    }

    #[test]
    fn every_kind_of_a_chat_has_a_name_of_its_own() {
        let unnamed = kind(EventKind::LogCreated);
        let chat = (40..=57).filter_map(|number| EventKind::try_from(number).ok());
        assert!(chat.clone().all(|of| kind(of) != unnamed));
        assert_eq!(chat.count(), 18);
    }

    #[test]
    fn five_years_matter_to_relative_grounds_only() {
        assert!(["5.1.2e", "5.1.2i", "5.1.5", "5.2"].into_iter().all(is_relative));
        assert!(!["5.1.1a", "5.1.1e", "5.4", "dubbel", "10.2e"].into_iter().any(is_relative));
        assert_eq!(ground("10.2e"), ground("10.2"));
    }
}
