//! What was handed over, as events of the log. Pure, but for attachments, which are fetched through a closure.
//!
//! What a gateway says is taken as it says it: proof class B, times by the clock that it names. An edit or deletion whose
//! message was not seen before is not `certain`, nor is an edit of another sender's.

use super::journal::{Notice, Spooled};
use crate::admission::Decision;
use crate::event::{
    Account, CaptureDetail, CaptureItems, CaptureRecord, ConversationEntry, Draft, EventError, Field, Occurred,
};
use crate::record::{Attached, Record};
use crate::rubricering::routed_out;
use zegel_proto::source::v1::{self as handed, Place, Register, request};
use zegel_proto::v1::{Channel, ChatDetail, Clock, EventKind, GapDetail, Precision, ProofClass};
use zegel_verifier::hash::Hash;

/// How the words of settings begin that are decisions of the official.
const DECIDED: &str = "contact_";

/// Turns attachments into what came of them.
pub(super) type Attach<'a, E> = &'a mut dyn FnMut(&[handed::Attachment]) -> Result<Vec<Attached>, E>;

/// The place in which an event of a gateway stands; `None` for those that have none.
pub(super) fn place(content: &request::Content) -> Option<&Place> {
    use request::Content as C;
    match content {
        C::Message(event) => event.place.as_ref(),
        C::Edit(event) => event.place.as_ref(),
        C::Deletion(event) => event.place.as_ref(),
        C::Reaction(event) => event.place.as_ref(),
        C::Membership(event) => event.place.as_ref(),
        C::Setting(event) => event.place.as_ref(),
        C::Call(event) => event.place.as_ref(),
        C::Open(_) | C::Heartbeat(_) | C::Close(_) | C::Register(_) | C::Gap(_) => None,
    }
}

/// Native identifiers: its own, and the one that it acts on; empty where it has none.
pub(super) fn identifiers(content: &request::Content) -> (&str, &str) {
    use request::Content as C;
    match content {
        C::Message(event) => (&event.native_id, ""),
        C::Edit(event) => (&event.native_id, &event.target),
        C::Deletion(event) => (&event.native_id, &event.target),
        C::Reaction(event) => (&event.native_id, &event.target),
        // Of a capture the decisions of one kind are alike: by this its rows say what was decided.
        C::Setting(event) if decision(content).is_some() => (&event.what, ""),
        _ => ("", ""),
    }
}

/// Who sent it; empty where nobody says that.
pub(super) fn sender(content: &request::Content) -> &str {
    use request::Content as C;
    match content {
        C::Message(event) => &event.sender,
        C::Edit(event) => &event.sender,
        C::Deletion(event) => &event.sender,
        C::Reaction(event) => &event.sender,
        _ => "",
    }
}

/// What an official decided of a contact, if the event says so.
pub(super) fn decision(content: &request::Content) -> Option<Decision> {
    match content {
        request::Content::Setting(event) => Decision::of_word(event.what.strip_prefix(DECIDED)?),
        _ => None,
    }
}

/// The word of a setting that is a decision.
pub(super) fn decision_word(decision: Decision) -> String {
    format!("{DECIDED}{}", decision.word())
}

/// The channel in the words of the log.
pub(super) fn channel(found: i32) -> Channel {
    match handed::Channel::try_from(found).unwrap_or(handed::Channel::Unspecified) {
        handed::Channel::Whatsapp => Channel::Whatsapp,
        handed::Channel::Signal => Channel::Signal,
        handed::Channel::Matrix => Channel::Matrix,
        handed::Channel::Sms => Channel::Sms,
        handed::Channel::Threema => Channel::Threema,
        handed::Channel::Unspecified | handed::Channel::Other => Channel::Other,
    }
}

/// The word of a channel in the register.
pub(super) fn channel_word(found: i32) -> String {
    let name = handed::Channel::try_from(found).unwrap_or(handed::Channel::Unspecified).as_str_name();
    name.trim_start_matches("CHANNEL_").to_lowercase()
}

/// The events of a record: one for a gateway's, one for each custodian for a notice. What is marked above the `permitted` level is told to `routed`.
pub(super) fn drafts<E: From<EventError>>(
    spooled: &Spooled,
    (permitted, routed): (Option<&str>, &mut bool),
    attach: Attach<'_, E>,
) -> Result<Vec<Draft>, E> {
    if let Some(notice) = &spooled.notice {
        let of = |custodian: &Vec<u8>| notice_draft(spooled, notice, Hash::read(custodian).unwrap_or(Hash::ZERO));
        return Ok(notice.custodians.iter().map(of).collect::<Result<_, _>>()?);
    }
    let Some(content) = spooled.request.as_ref().and_then(|request| request.content.as_ref()) else {
        return Ok(Vec::new());
    };
    let conversation = Hash::read(&spooled.conversation);
    match (content, conversation) {
        (request::Content::Register(register), Some(id)) => Ok(vec![registration(spooled, register, id)?]),
        (request::Content::Gap(gap), _) => Ok(vec![gap_draft(spooled, gap, conversation)?]),
        (content, Some(conversation)) => match place(content) {
            Some(place) => {
                let said = record(spooled, content, place, conversation, attach)?;
                let (said, is_routed) = routed_out(said, permitted);
                *routed = is_routed;
                Ok(vec![said.draft()?])
            }
            None => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    }
}

fn registration(spooled: &Spooled, register: &Register, id: Hash) -> Result<Draft, EventError> {
    let account = Account {
        channel: channel_word(register.channel),
        identifier: register.conversation.clone(),
        purpose: String::new(),
    };
    let title = if register.title.is_empty() { &register.conversation } else { &register.title };
    let entry = ConversationEntry {
        title: title.clone(),
        accounts: vec![account],
        kind: some(&register.kind),
        basis: Some(format!("stated by the gateway {}", spooled.tool)),
    };
    entry.draft(id, spooled.received_at_ms)
}

fn occurred(place: &Place) -> Occurred {
    let clock = match handed::Clock::try_from(place.clock).unwrap_or(handed::Clock::Unspecified) {
        handed::Clock::Unspecified => return Occurred::UNKNOWN,
        handed::Clock::Device => Clock::Device,
        handed::Clock::Server => Clock::Server,
        handed::Clock::Gateway => Clock::Source,
    };
    // Whoever sends a message states its time: one that no event can have puts the words in the log all the same.
    Occurred::dated(place.at_ms).map_or(Occurred::UNKNOWN, |at_ms| Occurred { clock, ..Occurred::by_source(at_ms) })
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

fn detail(what: &str, subject: &str) -> ChatDetail {
    ChatDetail { what: what.into(), subject: subject.into(), certain: true, ..ChatDetail::default() }
}

fn record<E>(
    spooled: &Spooled,
    content: &request::Content,
    place: &Place,
    conversation: Hash,
    attach: Attach<'_, E>,
) -> Result<Record, E> {
    let custodian = crate::hex::parse(&place.custodian).unwrap_or(Hash::ZERO);
    let (native_id, target) = identifiers(content);
    let row = super::fingerprint(spooled).message_row();
    let plain = Record {
        occurred: occurred(place),
        channel: channel(place.channel),
        proof_class: ProofClass::BGateway,
        native_id: Field::or_unknown(some(native_id)),
        reply_to: Field::None,
        forwarded: Field::None,
        target: Field::or_none(some(target)),
        message_row: Some(row),
        ..Record::new(EventKind::SystemNoted, conversation, custodian)
    };
    said(spooled.target_seen && !spooled.target_of_another, content, plain, attach)
}

fn said<E>(is_certain: bool, content: &request::Content, plain: Record, attach: Attach<'_, E>) -> Result<Record, E> {
    use request::Content as C;
    if let Some(decision) = decision(content) {
        let (native_id, sender, display_name) = (Field::None, Field::None, Field::None);
        let detail = Field::Value(detail(decision.word(), ""));
        return Ok(Record { kind: EventKind::ContactDecided, native_id, sender, display_name, detail, ..plain });
    }
    let by = |kind: EventKind, sender: &str, detail: Option<ChatDetail>, text: Option<&str>| Record {
        kind,
        sender: Field::or_unknown(some(sender)),
        detail: Field::or_none(detail),
        text: Field::or_none(text.and_then(some).map(String::into_bytes)),
        ..plain.clone()
    };
    let acted = |what: &str, subject: &str| ChatDetail { certain: is_certain, ..detail(what, subject) };
    Ok(match content {
        C::Message(event) => {
            let what = some(&event.what).map(|what| detail(&what, ""));
            let attached = attach(&event.attachments)?;
            let said = match event.what.as_str() {
                // It says something, and nobody here knows what.
                "encrypted" => {
                    Record { text: Field::Unknown, ..by(EventKind::MessageWaiting, &event.sender, what, None) }
                }
                _ => by(EventKind::MessageCreated, &event.sender, what, Some(&event.text)),
            };
            Record {
                display_name: Field::or_unknown(some(&event.display_name)),
                reply_to: Field::or_none(some(&event.reply_to)),
                forwarded: Field::or_none(some(&event.forwarded)),
                attachments: Field::or_none(Some(attached).filter(|attached| !attached.is_empty())),
                ..said
            }
        }
        C::Edit(event) => {
            let detail = ChatDetail { edited: true, ..acted("edited", "") };
            by(EventKind::MessageEdited, &event.sender, Some(detail), Some(&event.text))
        }
        C::Deletion(event) => by(EventKind::MessageDeleted, &event.sender, Some(acted("deleted", &event.sender)), None),
        C::Reaction(event) => {
            let kind = if event.removed { EventKind::ReactionRemoved } else { EventKind::ReactionAdded };
            by(kind, &event.sender, None, Some(&event.sign))
        }
        C::Membership(event) => {
            let detail = ChatDetail { targets: event.members.clone(), ..detail(&event.what, &event.sender) };
            by(EventKind::MembershipChanged, &event.sender, Some(detail), None)
        }
        C::Setting(event) => {
            let kind = match event.what.as_str() {
                "subject" | "picture" | "description" | "created" => EventKind::ConversationChanged,
                _ => EventKind::SettingObserved,
            };
            let targets = some(&event.value).into_iter().collect();
            by(kind, &event.sender, Some(ChatDetail { targets, ..detail(&event.what, &event.sender) }), None)
        }
        C::Call(event) => by(EventKind::CallLogged, &event.sender, Some(detail(&event.what, &event.sender)), None),
        C::Open(_) | C::Heartbeat(_) | C::Close(_) | C::Register(_) | C::Gap(_) => plain,
    })
}

fn capture(spooled: &Spooled, kind: EventKind, custodian: Hash, at_ms: u64) -> CaptureRecord {
    CaptureRecord {
        kind,
        conversation: Hash::read(&spooled.conversation),
        custodian,
        occurred: Occurred { precision: Precision::Millisecond, ..Occurred::by_source(at_ms) },
        channel: Channel::Other,
        proof_class: ProofClass::BGateway,
        session: Field::None,
        operator: Field::None,
        device: Field::None,
        tool: Field::or_none(some(&spooled.tool)),
        detail: CaptureDetail::None,
        items: CaptureItems::None,
        note: Field::None,
    }
}

fn with_row(spooled: &Spooled, draft: Draft) -> Draft {
    let row = draft.capture().map(|_| super::fingerprint(spooled).message_row());
    Draft { message_row: row, ..draft }
}

fn gap_draft(spooled: &Spooled, gap: &handed::Gap, conversation: Option<Hash>) -> Result<Draft, EventError> {
    let custodian = crate::hex::parse(&gap.custodian).unwrap_or(Hash::ZERO);
    let (from_ms, to_ms) = (gap.from_ms, gap.to_ms);
    let detail = GapDetail { reason: gap.reason.clone(), from_ms, to_ms, ..GapDetail::default() };
    let event = CaptureRecord {
        conversation,
        channel: channel(gap.channel),
        detail: CaptureDetail::Gap(detail),
        ..capture(spooled, EventKind::GapDeclared, custodian, spooled.received_at_ms)
    };
    Ok(with_row(spooled, event.draft()?))
}

/// A gap that is declared in the same append as a record. It does not say in which conversation.
pub(super) fn beside(spooled: &Spooled, gap: &Notice, custodian: Hash) -> Result<Draft, EventError> {
    notice_draft(&Spooled { tool: spooled.tool.clone(), ..Spooled::default() }, gap, custodian)
}

fn notice_draft(spooled: &Spooled, notice: &Notice, custodian: Hash) -> Result<Draft, EventError> {
    let kind = EventKind::try_from(notice.kind).unwrap_or(EventKind::GatewayHeartbeat);
    let gap = GapDetail {
        reason: notice.reason.clone(),
        from_ms: notice.from_ms,
        to_ms: notice.to_ms,
        ..GapDetail::default()
    };
    let event = CaptureRecord {
        session: Field::or_none(Hash::read(&notice.session)),
        operator: Field::or_none(some(&notice.operator)),
        detail: if kind == EventKind::GapDeclared { CaptureDetail::Gap(gap) } else { CaptureDetail::None },
        note: Field::or_none(some(&notice.note)),
        ..capture(spooled, kind, custodian, notice.at_ms)
    };
    Ok(with_row(spooled, event.draft()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_no_event_can_have_is_unknown_and_the_last_that_one_can_have_is_told() {
        let told = |at_ms| occurred(&Place { at_ms, clock: handed::Clock::Server as i32, ..Place::default() });
        // 2968-12-31T23:59:59.999Z: a log can show no month beyond.
        let last = 31_525_459_199_999;
        assert_eq!(told(last), Occurred { clock: Clock::Server, ..Occurred::by_source(last) });
        assert_eq!(told(last).month(), Ok(296_812));
        for beyond in [last + 1, 9_007_199_254_740_991, u64::MAX] {
            assert_eq!(told(beyond), Occurred::UNKNOWN, "{beyond}");
            assert_eq!(told(beyond).month(), Ok(0));
        }
    }

    #[test]
    fn an_edit_is_certain_where_who_edits_is_who_sent_it() {
        let is_certain = |target_seen, target_of_another| {
            let (place, content) = (Place::default(), request::Content::Edit(handed::Edit::default()));
            let spooled = Spooled { target_seen, target_of_another, ..Spooled::default() };
            let made = record::<EventError>(&spooled, &content, &place, Hash::ZERO, &mut |_| Ok(Vec::new()));
            let Field::Value(detail) = made.expect("a record").detail else { panic!("an edit has a detail") };
            assert_eq!((detail.what.as_str(), detail.edited), ("edited", true));
            detail.certain
        };
        assert!(is_certain(true, false));
        assert!(!is_certain(false, false) && !is_certain(true, true));
    }
}
