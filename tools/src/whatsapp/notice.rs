//! The sentences of the app about a conversation, in the languages of [`locale`](super::locale).
//!
//! Each is a template. `{by}` is who did it, `{who}` to whom, `{from}` and `{to}` are titles; a template that ends in `…` may
//! be followed by advice of the app. A part is filled in only when the template divides the sentence in one way: a group
//! named «A naar B» or a member named «Jan heeft» makes the kind known and the names unknown.

use super::kind::{ConversationChange, IdentityChange, Kind, MembershipChange, Party, Setting};
use super::locale::phrases;
use super::marks;

/// What a sentence means, before its parts are filled in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
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

/// Longest notice, in bytes: a longer sentence is not one of these templates, whatever it contains.
const SENTENCE_BYTES_MAX: usize = 2048;

/// True for the notice at the start of every chat.
pub(super) fn is_encryption(sentence: &str) -> bool {
    phrases().encryption.iter().any(|notice| sentence.starts_with(notice))
}

/// Reads a sentence that has no direction marks and no space around it.
pub(super) fn read(sentence: &str) -> Option<Kind> {
    if sentence.len() > SENTENCE_BYTES_MAX || sentence.contains('\n') {
        return None;
    }
    // «You have» has its own verb in some languages; one table serves both.
    let rewrite = phrases().rewrites.iter().find(|rewrite| sentence.starts_with(&rewrite.from));
    let same = rewrite.map(|rewrite| sentence.replacen(&rewrite.from, &rewrite.to, 1));
    let same = same.as_deref().unwrap_or(sentence);
    phrases().notices.iter().find_map(|(template, meaning)| Some(meaning.with(&Parts::of(template, same)?)))
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
    /// The word of a locale's table.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "timer_on" => Set(Setting::DisappearingOn),
            "timer_off" => Set(Setting::DisappearingOff),
            "timer_changed" => Set(Setting::DisappearingTimer),
            "advanced_privacy_on" => Set(Setting::AdvancedPrivacyOn),
            "advanced_privacy_off" => Set(Setting::AdvancedPrivacyOff),
            "permissions" => Set(Setting::Permissions),
            "created" => Created,
            "subject" => Subject,
            "picture" => Picture,
            "description" => Description,
            "security_code" => Identity(SecurityCode),
            "number" => Identity(Number),
            "left" => Member(Left),
            "added" => Member(Added),
            "removed" => Member(Removed),
            "joined" => Member(Joined),
            "admin_granted" => Member(AdminGranted),
            "admin_revoked" => Member(AdminRevoked),
            _ => return None,
        })
    }

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
    let is_exporter = phrases().exporter.iter().any(|own| own == name);
    Some(if is_exporter { Party::Exporter } else { Party::Named(name.to_owned()) })
}

/// Names in a row are left alone: «Jansen en Zonen» may be one member or two.
fn parties(names: Option<&str>) -> Vec<Party> {
    let is_row = |names: &str| names.contains(", ") || phrases().between_names.iter().any(|and| names.contains(and));
    names.filter(|names| !is_row(names)).and_then(party).into_iter().collect()
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
