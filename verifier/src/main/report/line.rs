//! One event as a line of the timeline: who, when, what, with each covered part in its place and its ground in it.
//!
//! Everything here was written by a stranger. It goes through the template's escaping, and what moves a cursor or turns a
//! line around is replaced before; line feeds stay.

use super::Language;
use super::media::Media;
use super::people::{Naming, People};
use super::{clock, codes, words};
use maud::{Markup, PreEscaped, html};
use zegel_proto::parse;
use zegel_proto::v1::{Attachment, AttachmentState, Binding, ChatDetail, EventKind, GapDetail, Precision, ProofClass};
use zegel_verifier::bundle::ShownEvent;
use zegel_verifier::bundle::calendar::Moment;
use zegel_verifier::bundle::grounds::Grounds;
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::commit::{Shown, ShownBody};
use zegel_verifier::corroborate::{Compared, Difference, Other};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, capture, chat, family};

/// What a line is made with.
pub(super) struct Desk<'a> {
    pub(super) language: Language,
    pub(super) people: &'a mut People,
    pub(super) grounds: &'a Grounds,
    pub(super) origin: &'a str,
    pub(super) holders: &'a Compared,
    pub(super) media: &'a mut Media,
}

/// A line and where it stands.
pub(super) struct Line {
    pub(super) conversation: Hash,
    pub(super) at_ms: u64,
    pub(super) html: String,
}

/// Text of a stranger: no control characters but line feeds, nothing that changes the direction of writing.
pub(super) fn safe(text: &str) -> String {
    // Apps put the left-to-right mark before their own words; it moves nothing.
    let text = text.replace('\u{200e}', "").replace("\r\n", "\n");
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

fn safe_bytes(bytes: &[u8]) -> String {
    safe(&String::from_utf8_lossy(bytes))
}

/// The line of an event, if the timeline tells it.
pub(super) fn line(event: &ShownEvent<'_>, desk: &mut Desk<'_>) -> Option<Line> {
    let told = match family(event.facts.kind) {
        Family::Chat => event.facts.kind != EventKind::ReceiptObserved,
        Family::Capture => matches!(
            event.facts.kind,
            EventKind::GapDeclared
                | EventKind::CaptureStarted
                | EventKind::CaptureStopped
                | EventKind::SourceResumed
                | EventKind::PeriodClosed
        ),
        _ => false,
    };
    if !told || !event.in_scope {
        return None;
    }
    let at_ms = event.body.map_or(0, |(binding, _)| binding.occurred_at_ms);
    let html = markup(event, desk).into_string();
    Some(Line { conversation: event.facts.conversation.unwrap_or(Hash::ZERO), at_ms, html })
}

fn markup(event: &ShownEvent<'_>, desk: &mut Desk<'_>) -> Markup {
    let place = (event.place.entry, event.place.position.unwrap_or(0));
    let kind = event.facts.kind;
    let label = (kind != EventKind::MessageCreated || is_edited(event))
        .then(|| desk.language.say(codes::kind(if is_edited(event) { EventKind::MessageEdited } else { kind })));
    let class = class_of(event);
    let Some((binding, body)) = event.body else {
        let grounds = desk.grounds.of(place, 0, None);
        return html! {
            li.(class) id={ "e" (place.0) "." (place.1) } {
                time { "—" } " "
                @if let Some(label) = label { em { (label) } " " }
                (box_of(grounds, desk.language.say(words::WITHHELD), desk.language))
            }
        };
    };
    let is_chat = family(kind) == Family::Chat;
    html! {
        li.(class) id={ "e" (place.0) "." (place.1) } {
            (time(binding, desk.language)) " "
            @if is_chat { (sender(place, body, desk)) }
            @if let Some(label) = label { em { (label) } " " }
            @if is_chat {
                (detail(kind, body, desk))
                @if !is_told(kind, body, desk) { (text(place, body, desk)) }
                (attachments(place, body, desk))
            } @else { (gap(body, desk)) }
            (marks(event, binding, body, desk))
        }
    }
}

/// Edited, or read out after it had been edited.
fn is_edited(event: &ShownEvent<'_>) -> bool {
    let detail = event.body.filter(|_| event.facts.kind == EventKind::MessageCreated);
    let detail = detail.and_then(|(_, body)| parse::<ChatDetail>(body.value(chat::DETAIL)?).ok());
    detail.is_some_and(|detail| detail.edited)
}

/// What the filters look for: `c` covered, `x` changed; and how it looks: `g` a gap, `s` said by the app.
fn class_of(event: &ShownEvent<'_>) -> String {
    let covered = event.body.is_none_or(|(_, body)| body.covered().next().is_some());
    let changed = matches!(
        event.facts.kind,
        EventKind::MessageEdited | EventKind::MessageDeleted | EventKind::RecordVanished | EventKind::ReactionRemoved
    ) || is_edited(event);
    let capture = family(event.facts.kind) == Family::Capture;
    let said = matches!(
        event.facts.kind,
        EventKind::MessageCreated | EventKind::MessageEdited | EventKind::MessageDeleted | EventKind::ViewOnceReceived
    );
    [(covered, "c"), (changed, "x"), (capture, "g"), (!said && !capture, "s")]
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, class)| *class)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A covered part with its ground in it.
fn box_of(grounds: &[String], what: &str, language: Language) -> Markup {
    let inside = if grounds.is_empty() { language.say(words::NO_GROUND).to_owned() } else { plain(&grounds.join(" ")) };
    let labels = grounds.iter().filter_map(|code| codes::ground(code)).map(|label| language.say(label));
    let title = std::iter::once(what).chain(labels).collect::<Vec<_>>().join(": ");
    html! { span.lak title=(title) { (inside) } }
}

/// As exact as the source says: on a clock in the Netherlands, and for machines in UTC.
fn time(binding: &Binding, language: Language) -> Markup {
    if binding.occurred_at_ms == 0 {
        return html! { time { (language.say(words::TIME_UNKNOWN)) } };
    }
    let (hours, minutes, seconds) = clock::local(binding.occurred_at_ms).clock();
    let utc = Moment::at(binding.occurred_at_ms).to_string();
    let (date, exact) = utc.split_at(10);
    let (shown, exact) = match Precision::try_from(binding.precision) {
        Ok(Precision::Millisecond | Precision::Second) => (format!("{hours:02}:{minutes:02}:{seconds:02}"), exact),
        Ok(Precision::Minute) => (format!("{hours:02}:{minutes:02}"), exact),
        _ => ("±".to_owned(), ""),
    };
    let doubt = if exact.is_empty() { Some(words::ONLY_DAY) } else { None };
    let doubt = doubt.or(binding.ambiguous_time.then_some(words::AMBIGUOUS));
    html! {
        time datetime={ (date) (exact) } title=[doubt.map(|doubt| language.say(doubt))] { (shown) @if binding.ambiguous_time { "?" } }
    }
}

/// The name that the source shows, or else the account; each may be covered on its own.
fn sender(place: (u64, u32), body: &ShownBody, desk: &mut Desk<'_>) -> Markup {
    let is_covered = |slot: usize| matches!(body.slots().get(slot), Some(Shown::Covered));
    let cover = |slot: usize| {
        box_of(desk.grounds.of(place, slot as u32, None), desk.language.say(words::COVERED), desk.language)
    };
    let covered = [chat::DISPLAY_NAME, chat::SENDER].into_iter().find(|slot| is_covered(*slot)).map(cover);
    let display = body.value(chat::DISPLAY_NAME).map(String::from_utf8_lossy);
    // Some formats know an account, some only the name that the phone's owner gave it.
    let account = body.value(chat::SENDER).map(String::from_utf8_lossy);
    let shown = match (&account, &display) {
        // What one of the two is covered for, the other would tell.
        (Some(_), None) if is_covered(chat::DISPLAY_NAME) => None,
        (Some(account), display) => Some(desk.people.sender(account, display.as_deref())),
        (None, Some(display)) => Some(desk.people.sender(display, Some(display))),
        (None, None) => None,
    };
    html! {
        @if let Some(name) = shown { b { bdi { (name) } } " " }
        @if let Some(covered) = covered { b { (covered) } " " }
    }
}

/// Without names, what the app says of people is told by its meaning: its sentence would name them.
fn is_told(kind: EventKind, body: &ShownBody, desk: &Desk<'_>) -> bool {
    use EventKind as K;
    let by_people =
        [K::MessageCreated, K::MessageEdited, K::ReactionAdded, K::ReactionRemoved, K::PollNoted, K::ScreenshotAdded];
    let is_covered = matches!(body.slots().get(chat::TEXT), Some(Shown::Covered));
    desk.people.naming() == Naming::Numbered && !by_people.contains(&kind) && !is_covered
}

/// What a line of the app says, in the words of the format, where it does not say so itself.
fn detail(kind: EventKind, body: &ShownBody, desk: &mut Desk<'_>) -> Markup {
    let Some(Ok(detail)) = body.value(chat::DETAIL).map(parse::<ChatDetail>) else { return html! {} };
    let has_text =
        !is_told(kind, body, desk) && matches!(body.slots().get(chat::TEXT), Some(Shown::List(_) | Shown::Covered));
    let subject = (!has_text && !detail.subject.is_empty()).then(|| desk.people.mention(&detail.subject));
    let targets = detail.targets.iter().filter(|_| !has_text);
    let targets: Vec<String> = targets.map(|target| desk.people.mention(target)).collect();
    html! {
        @if !has_text && !detail.what.is_empty() { i { (meant(&detail.what, desk.language)) } " " }
        @if let Some(subject) = subject { bdi { (subject) } " " }
        @if !targets.is_empty() { "→ " bdi { (targets.join(", ")) } " " }
        @if detail.meta_ai { em { "@Meta AI" } " " }
    }
}

/// What a source calls what happened, in words; a word that is not known is told as it is.
fn meant(what: &str, language: Language) -> String {
    codes::what(what).map_or_else(|| plain(what).replace('_', " "), |label| language.say(label).to_owned())
}

/// The words, with neighbouring covered ones of one ground under one cover.
fn text(place: (u64, u32), body: &ShownBody, desk: &Desk<'_>) -> Markup {
    let slot = chat::TEXT as u32;
    let covered = |grounds| box_of(grounds, desk.language.say(words::COVERED), desk.language);
    match body.slots().get(chat::TEXT) {
        Some(Shown::Covered) => covered(desk.grounds.of(place, slot, None)),
        Some(Shown::List(items)) => {
            let mut shown = String::new();
            let mut last: Option<&[String]> = None;
            let end = items.len() - 1;
            for (number, item) in (0u32..).zip(items) {
                let grounds = item.is_none().then(|| desk.grounds.of(place, slot, Some(number)));
                match (item, grounds) {
                    (Some(word), _) => {
                        let word = safe_bytes(word);
                        let word = if number as usize == end { word.trim_end() } else { &word };
                        shown.push_str(&html! { (word) }.into_string());
                    }
                    (None, Some(grounds)) if last != Some(grounds) => {
                        shown.push_str(&covered(grounds).into_string());
                        shown.push(' ');
                    }
                    _ => {}
                }
                last = grounds;
            }
            html! { span.t dir="auto" { (PreEscaped(shown)) } }
        }
        _ => html! {},
    }
}

fn attachments(place: (u64, u32), body: &ShownBody, desk: &mut Desk<'_>) -> Markup {
    let slot = chat::ATTACHMENTS as u32;
    let covered = |grounds, language: Language| box_of(grounds, language.say(words::ATTACHMENT), language);
    if matches!(body.slots().get(chat::ATTACHMENTS), Some(Shown::Covered)) {
        return covered(desk.grounds.of(place, slot, None), desk.language);
    }
    let items = (0u32..).zip(body.items(chat::ATTACHMENTS));
    let shown = items.map(|(number, item)| match item.as_ref().map(|item| parse::<Attachment>(item)) {
        None => covered(desk.grounds.of(place, slot, Some(number)), desk.language),
        Some(Ok(attachment)) => attached(&attachment, desk),
        Some(Err(_)) => html! { span.chip { "?" } },
    });
    let shown: Vec<Markup> = shown.collect();
    html! { @for one in &shown { " " (one) } }
}

fn attached(attachment: &Attachment, desk: &mut Desk<'_>) -> Markup {
    let present = attachment.state == AttachmentState::AttachmentPresent as i32;
    let is_named = desk.people.naming() == Naming::AsWritten;
    let wanted = Hash::read(&attachment.sha256).filter(|_| present && is_named);
    let picture = wanted.and_then(|sha256| desk.media.picture(sha256));
    let name = if is_named { safe(&attachment.name) } else { ending(&attachment.name) };
    html! {
        @if let Some(picture) = picture { img src=(picture) alt=(name) loading="lazy"; }
        @else {
            span.chip {
                (desk.language.say(words::ATTACHMENT)) ": " bdi { (name) }
                @if !present { " (" (desk.language.say(words::NOT_INCLUDED)) ")" }
            }
        }
    }
}

/// What kind of file it is, by the end of its name.
fn ending(name: &str) -> String {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    let is_plain = ending.len() <= 5 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plain { ending.to_owned() } else { String::new() }
}

fn gap(body: &ShownBody, desk: &Desk<'_>) -> Markup {
    let language = desk.language;
    let detail = body.value(capture::DETAIL).and_then(|detail| parse::<GapDetail>(detail).ok());
    let note: Vec<u8> = body.items(capture::NOTE).iter().flatten().flatten().copied().collect();
    html! {
        @if let Some(detail) = detail {
            (codes::gap(&detail.reason).map_or_else(|| plain(&detail.reason), |label| language.say(label).to_owned())) " "
        }
        @if !note.is_empty() && desk.people.naming() == Naming::AsWritten { span.t { (safe_bytes(&note)) } }
    }
}

fn marks(event: &ShownEvent<'_>, binding: &Binding, body: &ShownBody, desk: &mut Desk<'_>) -> Markup {
    let language = desk.language;
    let also: Vec<(String, Vec<Difference>)> = desk
        .holders
        .others(desk.origin, event.place)
        .into_iter()
        .map(|Other { custodian, differs, .. }| (desk.people.custodian(custodian), differs))
        .collect();
    let class = match ProofClass::try_from(binding.proof_class) {
        Ok(ProofClass::ANativeSigned) => Some(("A", words::CLASS_A)),
        Ok(ProofClass::BGateway) => Some(("B", words::CLASS_B)),
        Ok(ProofClass::CExportFile) => Some(("C", words::CLASS_C)),
        Ok(ProofClass::DScreenshot) => Some(("D", words::CLASS_D)),
        _ => None,
    };
    let reply = body.value(chat::REPLY_TO).is_some() && family(event.facts.kind) == Family::Chat;
    html! {
        @if reply { " " span.chip title=(language.say(words::REPLY)) { "↩" } }
        @for (name, differs) in &also {
            " " span.chip {
                (language.say(words::ALSO)) " " bdi { (name) }
                @for what in differs {
                    ", " (language.say(match what {
                        Difference::Time => words::OTHER_TIME,
                        Difference::WhiteSpace => words::OTHER_SPACE,
                        Difference::Text => words::OTHER_TEXT,
                        Difference::Deleted => words::DELETED_FOR_ONE,
                    }))
                }
            }
        }
        @if let Some((class, means)) = class { " " abbr.k title=(language.say(means)) { (class) } }
    }
}
