//! An event of a room as a record of the log.
//!
//! Every kind of event has its place; one that is not known becomes SYSTEM_NOTED under its own name. Pure.

use super::{Redaction, RoomEvent};
use crate::event::{Field, Occurred};
use crate::import::alignment::Row;
use crate::import::reader::CaptureIds;
use crate::json::{at, canonical, items, text};
use crate::record::{Attached, Record};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use zegel_proto::v1::{Channel, ChatDetail, Clock, EventKind, Precision, ProofClass};

/// What is known of the other events of a room: who is called what, and what an event acts on.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    /// The last name that each member took, and when.
    names: HashMap<String, (u64, String)>,
    of: HashMap<Arc<str>, Target>,
    /// Senders and kinds, each once.
    words: HashSet<Arc<str>>,
}

#[derive(Clone, Debug)]
struct Target {
    sender: Arc<str>,
    kind: Arc<str>,
    /// From 0, in the order in which ids came.
    number: u32,
    is_state: bool,
    is_edit: bool,
    /// Of a reaction the message that it is to, of a redaction what it takes away, of a join that holds who joined.
    about: Option<Box<str>>,
}

/// What an edit is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    /// By the rules, an edit.
    Valid,
    /// What it edits is not among the events that are known.
    Unknown,
    /// By the rules, none: clients show it as a message of its own.
    Invalid,
}

impl Relations {
    /// Remembers an event; later ones may act on it.
    pub fn note(&mut self, event: &RoomEvent) {
        self.note_as(&event.id.as_str().into(), event);
    }

    /// The same, with an id that is held elsewhere too. A better copy of an event takes the place of the one before.
    pub(super) fn note_as(&mut self, id: &Arc<str>, event: &RoomEvent) {
        let number = self.number(id).unwrap_or(self.of.len()) as u32;
        let target = Target {
            number,
            sender: self.one(event.sender()),
            kind: self.one(event.kind()),
            is_state: event.state_key().is_some(),
            is_edit: event.replaces().is_some(),
            about: about(event).map(Box::from),
        };
        self.of.insert(Arc::clone(id), target);
        let name = text(&event.json, &["content", "displayname"]).filter(|_| event.kind() == "m.room.member");
        if let (Some(member), Some(name)) = (event.state_key(), name) {
            let held = self.names.entry(member.to_owned()).or_default();
            if event.at_ms() >= held.0 {
                *held = (event.at_ms(), name.to_owned());
            }
        }
    }

    /// The number of an event that is remembered.
    pub(super) fn number(&self, id: &str) -> Option<usize> {
        self.of.get(id).map(|target| target.number as usize)
    }

    fn one(&mut self, word: &str) -> Arc<str> {
        if let Some(known) = self.words.get(word) {
            return Arc::clone(known);
        }
        let word: Arc<str> = word.into();
        self.words.insert(Arc::clone(&word));
        word
    }

    /// The rules: same sender, same kind, neither is state, the first is no edit itself, and there is a new content.
    fn edit(&self, event: &RoomEvent, target: &str) -> Edit {
        let has_new = at(&event.json, &["content", "m.new_content"]).is_some_and(Value::is_object);
        match self.of.get(target) {
            _ if !has_new || event.state_key().is_some() => Edit::Invalid,
            None => Edit::Unknown,
            Some(first) => {
                let same = *first.sender == *event.sender() && *first.kind == *event.kind();
                if same && !first.is_state && !first.is_edit { Edit::Valid } else { Edit::Invalid }
            }
        }
    }

    /// Whether a redaction takes that event away.
    fn redacts(&self, redaction: &str, event: &RoomEvent) -> bool {
        let redaction = self.of.get(redaction).filter(|redaction| &*redaction.kind == "m.room.redaction");
        redaction.is_some_and(|redaction| redaction.about.as_deref() == Some(&event.id))
    }

    /// Whether whom it is about was in the room already, as the events say under whose authority its server signed it. The join that they
    /// name holds by itself.
    fn was_in(&self, event: &RoomEvent) -> bool {
        // Before room version 3 each stands with its hash.
        let named = |item: &'_ Value| item.as_str().or_else(|| item.get(0)?.as_str()).and_then(|id| self.of.get(id));
        let mut states = items(&event.json, &["auth_events"]).iter().filter_map(named);
        states.any(|state| &*state.kind == "m.room.member" && state.about.as_deref() == event.state_key())
    }

    fn called(&self, member: &str) -> String {
        self.names.get(member).map_or_else(|| member.to_owned(), |(_, name)| name.clone())
    }
}

fn about(event: &RoomEvent) -> Option<&str> {
    match event.kind() {
        "m.reaction" => text(&event.json, &["content", "m.relates_to", "event_id"]),
        "m.room.redaction" => event.redacts(),
        "m.room.member" if event.checked.is_held() => {
            event.state_key().filter(|_| text(&event.json, &["content", "membership"]) == Some("join"))
        }
        _ => None,
    }
}

/// What an event says, before it is a record.
struct Said {
    kind: EventKind,
    detail: Option<ChatDetail>,
    target: Field<String>,
    text: Field<String>,
}

/// An event for the log, of the class that its checks gave. `row` says whether the log holds it with its content.
#[must_use]
pub fn record(
    ids: CaptureIds,
    event: &RoomEvent,
    row: Row,
    class: ProofClass,
    relations: &Relations,
    attached: Vec<Attached>,
) -> Record {
    let said = said(event, relations);
    let earlier = match row {
        Row::Edited(seq) | Row::Deleted(seq) => Some(format!("seq:{seq}")),
        Row::New | Row::Known(_) => None,
    };
    let occurred =
        Occurred { at_ms: event.at_ms(), precision: Precision::Millisecond, clock: Clock::Server, is_ambiguous: false };
    let reply = text(&event.json, &["content", "m.relates_to", "m.in_reply_to", "event_id"]);
    Record {
        occurred: if occurred.at_ms == 0 { Occurred::UNKNOWN } else { occurred },
        channel: Channel::Matrix,
        proof_class: class,
        sender: Field::Value(event.sender().to_owned()),
        display_name: Field::or_unknown(relations.names.get(event.sender()).map(|(_, name)| name.clone())),
        native_id: Field::Value(event.id.clone()),
        reply_to: Field::or_none(reply.map(str::to_owned)),
        target: earlier.map_or(said.target, Field::Value),
        detail: Field::or_none(said.detail),
        attachments: Field::or_none(Some(attached).filter(|attached| !attached.is_empty())),
        as_written: Field::Value(canonical(&event.json)),
        text: match said.text {
            Field::Value(text) => Field::Value(text.into_bytes()),
            Field::None => Field::None,
            Field::Unknown => Field::Unknown,
        },
        ..Record::new(said.kind, ids.conversation, ids.custodian)
    }
}

/// The record of another copy of an event: a redacted one is the end of the whole one before it, and one that contradicts what came
/// before it is not certain.
pub(super) fn other_copy(record: Record, event: &RoomEvent) -> Record {
    if record.kind == EventKind::MessageDeleted && event.redaction() != Redaction::None {
        let target = if record.target == Field::None { Field::Value(event.id.clone()) } else { record.target };
        return Record { target, ..record };
    }
    let said = if let Field::Value(said) = record.detail { said } else { detail("other_copy") };
    Record { detail: Field::Value(ChatDetail { certain: false, ..said }), ..record }
}

fn detail(what: &str) -> ChatDetail {
    ChatDetail { what: what.into(), certain: true, ..ChatDetail::default() }
}

fn plain(kind: EventKind, what: &str, subject: String, targets: Vec<String>) -> Said {
    let detail = ChatDetail { subject, targets, ..detail(what) };
    Said { kind, detail: Some(detail), target: Field::None, text: Field::None }
}

fn said(event: &RoomEvent, relations: &Relations) -> Said {
    match (event.kind(), event.redaction()) {
        ("m.room.message" | "m.sticker" | "m.reaction" | "m.room.encrypted", Redaction::By(by)) => {
            // Which redaction it was stands in a part that nobody signs.
            let by = by.filter(|by| !event.checked.is_held() || relations.redacts(by, event));
            plain(EventKind::MessageDeleted, "redacted", String::new(), by.into_iter().collect())
        }
        (kind, _) => said_as(kind, event, relations),
    }
}

/// What an event says that has its content.
fn said_as(kind: &str, event: &RoomEvent, relations: &Relations) -> Said {
    let by = || relations.called(event.sender());
    let content = |key: &str| text(&event.json, &["content", key]).unwrap_or_default().to_owned();
    use EventKind::{CallLogged, ConversationChanged, MessageWaiting, SettingObserved};
    match kind {
        "m.room.message" => message(event, relations),
        "m.sticker" => {
            Said { text: written(content("body")), ..plain(EventKind::MessageCreated, "sticker", by(), vec![]) }
        }
        "m.reaction" => Said {
            target: Field::or_unknown(text(&event.json, &["content", "m.relates_to", "event_id"]).map(str::to_owned)),
            text: written(text(&event.json, &["content", "m.relates_to", "key"]).unwrap_or_default().to_owned()),
            kind: EventKind::ReactionAdded,
            detail: None,
        },
        "m.room.redaction" => redaction(event, relations),
        // Not what it says: what it is. The ciphertext stands in the source's record.
        "m.room.encrypted" => {
            Said { text: Field::Unknown, ..plain(MessageWaiting, "encrypted", by(), vec![content("algorithm")]) }
        }
        "m.room.member" => member(event, relations),
        "m.room.create" => plain(ConversationChanged, "created", by(), vec![content("room_version")]),
        "m.room.name" => plain(ConversationChanged, "subject", by(), vec![content("name")]),
        "m.room.topic" => plain(ConversationChanged, "description", by(), vec![content("topic")]),
        "m.room.avatar" => plain(ConversationChanged, "picture", by(), vec![]),
        "m.room.tombstone" => plain(ConversationChanged, "replaced", by(), vec![content("replacement_room")]),
        "m.room.encryption" => plain(SettingObserved, "encryption_on", by(), vec![content("algorithm")]),
        "m.room.history_visibility" => {
            plain(SettingObserved, "history_visibility", by(), vec![content("history_visibility")])
        }
        "m.room.join_rules" => plain(SettingObserved, "join_rules", by(), vec![content("join_rule")]),
        "m.room.power_levels" => plain(SettingObserved, "permissions", by(), vec![]),
        "m.room.retention" => plain(SettingObserved, "retention", by(), vec![]),
        kind if kind.starts_with("m.call.") => plain(CallLogged, kind.trim_start_matches("m.call."), by(), vec![]),
        "m.poll.start" | "org.matrix.msc3381.poll.start" => poll(event, by()),
        other => plain(EventKind::SystemNoted, other, by(), vec![]),
    }
}

fn written(text: String) -> Field<String> {
    Field::or_none(Some(text).filter(|text| !text.is_empty()))
}

fn message(event: &RoomEvent, relations: &Relations) -> Said {
    let body = text(&event.json, &["content", "body"]).unwrap_or_default().to_owned();
    let kind = text(&event.json, &["content", "msgtype"]).unwrap_or_default();
    let what = match kind {
        "m.emote" => Some("emote"),
        "m.notice" => Some("notice"),
        "m.location" => Some("location"),
        _ => None,
    };
    let plain =
        Said { kind: EventKind::MessageCreated, detail: what.map(detail), target: Field::None, text: written(body) };
    let Some(target) = event.replaces() else { return plain };
    let edit = relations.edit(event, target);
    if edit == Edit::Invalid {
        return Said { detail: Some(detail("edit_without_effect")), ..plain };
    }
    let new = text(&event.json, &["content", "m.new_content", "body"]).unwrap_or_default().to_owned();
    Said {
        kind: EventKind::MessageEdited,
        detail: Some(ChatDetail { edited: true, certain: edit == Edit::Valid, ..detail("edited") }),
        target: Field::Value(target.to_owned()),
        text: written(new),
    }
}

fn redaction(event: &RoomEvent, relations: &Relations) -> Said {
    let target = event.redacts().map(str::to_owned);
    let acted_on = target.as_deref().and_then(|target| relations.of.get(target));
    let reason = text(&event.json, &["content", "reason"]).map(str::to_owned);
    let (kind, target) = match acted_on.map(|target| (&*target.kind, target.about.as_deref().map(str::to_owned))) {
        Some(("m.reaction", to)) => (EventKind::ReactionRemoved, to.or(target)),
        _ => (EventKind::MessageDeleted, target),
    };
    let subject = relations.called(event.sender());
    let detail = ChatDetail { subject, targets: reason.into_iter().collect(), ..detail("deleted") };
    Said { kind, detail: Some(detail), target: Field::or_unknown(target), text: Field::None }
}

fn member(event: &RoomEvent, relations: &Relations) -> Said {
    let whom = event.state_key().unwrap_or_default();
    let before = text(&event.json, &["unsigned", "prev_content", "membership"])
        .or_else(|| text(&event.json, &["prev_content", "membership"]));
    let (is_own, is_held, was_in) = (whom == event.sender(), event.checked.is_held(), relations.was_in(event));
    let before = if was_in { Some("join") } else { before };
    let (by, member) = (relations.called(event.sender()), vec![relations.called(whom)]);
    let changed =
        |what: &str, subject: String, members: Vec<String>| plain(EventKind::MembershipChanged, what, subject, members);
    match (text(&event.json, &["content", "membership"]).unwrap_or_default(), before) {
        ("join", Some("join")) => {
            // Of an event that holds, what came before stands in a part that nobody signs.
            let certain = was_in || !is_held;
            let renamed = ChatDetail { subject: by, targets: member, certain, ..detail("profile_name") };
            Said { detail: Some(renamed), ..plain(EventKind::IdentityChanged, "", String::new(), vec![]) }
        }
        ("join", _) => changed("joined", String::new(), member),
        ("leave", _) if is_own => changed("left", by, vec![]),
        ("leave", _) => changed("removed", by, member),
        ("invite", _) => changed("invited", by, member),
        ("ban", _) => changed("banned", by, member),
        ("knock", _) => changed("knocked", by, vec![]),
        (other, _) => changed(other, by, member),
    }
}

fn poll(event: &RoomEvent, by: String) -> Said {
    let start = ["m.poll", "m.poll.start", "org.matrix.msc3381.poll.start"];
    let poll = start.iter().find_map(|key| at(&event.json, &["content", key]));
    let words = |value: &Value| {
        let plain = ["m.text", "org.matrix.msc1767.text"].into_iter().find_map(|key| value.get(key).cloned());
        let listed = plain.as_ref().and_then(|text| text.get(0)?.get("body")?.as_str().map(str::to_owned));
        listed
            .or_else(|| plain.as_ref()?.as_str().map(str::to_owned))
            .or_else(|| text(value, &["body"]).map(str::to_owned))
    };
    let options = poll.map(|poll| items(poll, &["answers"])).unwrap_or_default();
    let options = options.iter().filter_map(words).collect();
    let question = poll.and_then(|poll| words(poll.get("question")?)).unwrap_or_default();
    Said { text: written(question), ..plain(EventKind::PollNoted, "poll", by, options) }
}
