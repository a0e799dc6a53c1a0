//! The sentences of the app about a conversation, in Dutch and English.
//!
//! Each is a template. `{by}` is who did it, `{who}` to whom, `{from}` and `{to}` are titles; a template that ends in `…` may
//! be followed by advice of the app. A part is filled in only when the template divides the sentence in one way: a group
//! named «A naar B» or a member named «Jan heeft» makes the kind known and the names unknown. The phrases come from real
//! read-outs and from the string tables of the apps.

use super::kind::{ConversationChange, IdentityChange, Kind, MembershipChange, Party, Setting};
use super::marks;

/// What a sentence means, before its parts are filled in.
#[derive(Clone, Copy)]
enum Meaning {
    Member(MembershipChange),
    Set(Setting),
    Created,
    Subject,
    Picture,
    Description,
    Identity(IdentityChange),
}

use ConversationChange as Change;
use IdentityChange::{Number, SecurityCode};
use Meaning::{Created, Description, Identity, Member, Picture, Set, Subject};
use MembershipChange::{Added, AdminGranted, AdminRevoked, Joined, Left, Removed};

/// The first that fits decides, so the particular stand before the general.
const TEMPLATES: &[(&str, Meaning)] = &[
    ("{by} heeft berichten met vervaldatum ingeschakeld…", Set(Setting::DisappearingOn)),
    ("{by} heeft berichten met vervaldatum uitgeschakeld…", Set(Setting::DisappearingOff)),
    ("{by} heeft de timer voor berichten…", Set(Setting::DisappearingTimer)),
    ("{by} turned on disappearing messages…", Set(Setting::DisappearingOn)),
    ("{by} turned off disappearing messages…", Set(Setting::DisappearingOff)),
    ("{by} updated the message timer…", Set(Setting::DisappearingTimer)),
    ("{by} heeft geavanceerde chatprivacy ingeschakeld…", Set(Setting::AdvancedPrivacyOn)),
    ("{by} heeft geavanceerde chatprivacy uitgeschakeld…", Set(Setting::AdvancedPrivacyOff)),
    ("{by} turned on advanced chat privacy…", Set(Setting::AdvancedPrivacyOn)),
    ("{by} turned off advanced chat privacy…", Set(Setting::AdvancedPrivacyOff)),
    ("{by} heeft de instellingen van deze groep gewijzigd…", Set(Setting::Permissions)),
    ("{by} changed this group's settings…", Set(Setting::Permissions)),
    ("{by} heeft deze groep aangemaakt", Created),
    ("{by} heeft deze groep gemaakt", Created),
    ("{by} heeft de groep {to} gemaakt", Created),
    ("{by} heeft groep {to} gemaakt", Created),
    ("{by} created this group", Created),
    ("{by} created group {to}", Created),
    ("{by} heeft het onderwerp gewijzigd van {from} naar {to}", Subject),
    ("{by} heeft het onderwerp gewijzigd naar {to}", Subject),
    ("{by} changed the subject from {from} to {to}", Subject),
    ("{by} changed the subject to {to}", Subject),
    ("{by} changed the group name from {from} to {to}", Subject),
    ("{by} changed the group name to {to}", Subject),
    ("{by} heeft de groepsafbeelding gewijzigd", Picture),
    ("{by} heeft de groepsafbeelding verwijderd", Picture),
    ("{by} changed this group's icon", Picture),
    ("{by} deleted this group's icon", Picture),
    ("{by} heeft de groepsomschrijving gewijzigd", Description),
    ("{by} heeft de groepsbeschrijving gewijzigd", Description),
    ("{by} changed the group description", Description),
    ("Uw beveiligingscode voor {who} is gewijzigd…", Identity(SecurityCode)),
    ("Je beveiligingscode voor {who} is gewijzigd…", Identity(SecurityCode)),
    ("Your security code with {who} changed…", Identity(SecurityCode)),
    ("{who} heeft een nieuw telefoonnummer…", Identity(Number)),
    ("{who} changed their phone number…", Identity(Number)),
    ("{by} heeft de groep verlaten", Member(Left)),
    ("{by} left", Member(Left)),
    ("{by} heeft {who} toegevoegd", Member(Added)),
    ("{by} added {who}", Member(Added)),
    ("{who} is toegevoegd", Member(Added)),
    ("{who} bent toegevoegd", Member(Added)),
    ("{who} was added", Member(Added)),
    ("{who} were added", Member(Added)),
    ("{by} heeft {who} verwijderd", Member(Removed)),
    ("{by} removed {who}", Member(Removed)),
    ("{who} is verwijderd", Member(Removed)),
    ("{who} was removed", Member(Removed)),
    ("{who} is deelnemer geworden via de uitnodigingslink van deze groep", Member(Joined)),
    ("{who} joined using this group's invite link", Member(Joined)),
    ("{who} neemt deel via {by} uitnodiging", Member(Joined)),
    ("{who} bent nu beheerder", Member(AdminGranted)),
    ("{who} bent nu een beheerder", Member(AdminGranted)),
    ("{who} is nu beheerder", Member(AdminGranted)),
    ("{who}'re now an admin", Member(AdminGranted)),
    ("{who} is now an admin", Member(AdminGranted)),
    ("{who} bent geen beheerder meer", Member(AdminRevoked)),
    ("{who}'re no longer an admin", Member(AdminRevoked)),
];

const ENCRYPTION: [&str; 4] = [
    "Berichten en gesprekken worden end-to-end versleuteld",
    "Berichten en oproepen worden end-to-end versleuteld",
    "Messages and calls are end-to-end encrypted",
    "Messages to this group are now secured with end-to-end encryption",
];

/// Longest notice, in bytes: a longer sentence is not one of these templates, whatever it contains.
const SENTENCE_BYTES_MAX: usize = 2048;

/// True for the notice at the start of every chat.
pub(super) fn is_encryption(sentence: &str) -> bool {
    ENCRYPTION.iter().any(|notice| sentence.starts_with(notice))
}

/// Reads a sentence that has no direction marks and no space around it.
pub(super) fn read(sentence: &str) -> Option<Kind> {
    if sentence.len() > SENTENCE_BYTES_MAX || sentence.contains('\n') {
        return None;
    }
    // «You have» has its own verb in Dutch; one table serves both.
    let third_person = sentence.replacen("U hebt ", "U heeft ", 1).replacen("Je hebt ", "Je heeft ", 1);
    let same =
        if sentence.starts_with("U hebt ") || sentence.starts_with("Je hebt ") { &third_person } else { sentence };
    TEMPLATES.iter().find_map(|(template, meaning)| Some(meaning.with(&Parts::of(template, same)?)))
}

/// True for a notice that holds `: ` inside a quoted title, and so resembles a message of somebody with a long name.
/// Only a notice whose verb comes before that colon and whose quotation is closed counts.
pub(super) fn quotes_a_colon(first_line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(marks::without_terminator(first_line)) else { return false };
    let plain = marks::without_direction(line);
    let closed = plain.ends_with('"') || plain.ends_with('”');
    let opened_before_colon = plain.find(": ").is_some_and(|colon| plain[..colon].contains(['"', '“']));
    closed && opened_before_colon && matches!(read(&plain), Some(Kind::ConversationChanged { by: Some(_), .. }))
}

impl Meaning {
    fn with(self, parts: &Parts<'_>) -> Kind {
        let by = parts.by.and_then(party);
        let title = |part: Option<&str>| part.map(unquoted);
        match self {
            Member(Left) => Kind::Membership { change: Left, who: by.clone().into_iter().collect(), by },
            Member(Joined) => {
                let by = by.filter(|party| *party == Party::Exporter);
                Kind::Membership { change: Joined, by, who: parties(parts.who) }
            }
            Member(change) => Kind::Membership { change, by, who: parties(parts.who) },
            Set(setting) => Kind::SettingChanged { setting, by },
            Created => Kind::ConversationChanged { change: Change::Created { title: title(parts.to) }, by },
            Subject => {
                let change = Change::Subject { from: title(parts.from), to: title(parts.to) };
                Kind::ConversationChanged { change, by }
            }
            Picture => Kind::ConversationChanged { change: Change::Picture, by },
            Description => Kind::ConversationChanged { change: Change::Description, by },
            Identity(change) => Kind::IdentityChanged { change, of: parts.who.and_then(party) },
        }
    }
}

fn party(name: &str) -> Option<Party> {
    match name {
        "U" | "u" | "uw" | "Je" | "je" | "jou" | "jouw" | "You" | "you" | "your" => Some(Party::Exporter),
        name => Some(Party::Named(name.to_owned())),
    }
}

/// Names in a row are left alone: «Jansen en Zonen» may be one member or two.
fn parties(names: Option<&str>) -> Vec<Party> {
    let one = names.filter(|names| ![", ", " en ", " and "].iter().any(|between| names.contains(between)));
    one.and_then(party).into_iter().collect()
}

fn unquoted(title: &str) -> String {
    let inner = title.strip_prefix(['"', '“']).and_then(|rest| rest.strip_suffix(['"', '”']));
    inner.unwrap_or(title).to_owned()
}

/// The parts of a sentence under a template; all `None` when it can be divided in more than one way.
#[derive(Default)]
struct Parts<'a> {
    by: Option<&'a str>,
    who: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(template: &str, sentence: &'a str) -> Option<Self> {
        let mut parts = Self::default();
        let mut certain = true;
        let mut rest = sentence;
        let mut template = template;
        while let Some((literal, slot, after)) = next_slot(template) {
            rest = rest.strip_prefix(literal)?;
            let until = next_slot(after).map_or(after, |(literal, _, _)| literal);
            let (part, remaining) = cut(rest, until, after == until)?;
            certain &= rest.matches(until.trim_end_matches('…')).count() <= 1 || until.is_empty();
            *parts.slot(slot) = Some(part).filter(|part| !part.is_empty());
            (rest, template) = (remaining, after);
            parts.slot(slot).as_ref()?;
        }
        Some(if certain { parts } else { Self::default() })
    }

    fn slot(&mut self, name: &str) -> &mut Option<&'a str> {
        match name {
            "by" => &mut self.by,
            "who" => &mut self.who,
            "from" => &mut self.from,
            _ => &mut self.to,
        }
    }
}

/// Splits `literal{slot}after`.
fn next_slot(template: &str) -> Option<(&str, &str, &str)> {
    let (literal, rest) = template.split_once('{')?;
    let (slot, after) = rest.split_once('}')?;
    Some((literal, slot, after))
}

/// The part before `until`, and the rest from there on. The last literal must end the sentence, but for a full stop.
fn cut<'a>(rest: &'a str, until: &str, last: bool) -> Option<(&'a str, &'a str)> {
    if !last || until.ends_with('…') {
        let at = rest.find(until.trim_end_matches('…'))?;
        return Some((&rest[..at], &rest[at..]));
    }
    let part = rest.strip_suffix(until).or_else(|| rest.strip_suffix('.')?.strip_suffix(until))?;
    Some((part, ""))
}
