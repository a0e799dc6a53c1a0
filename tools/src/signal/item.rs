//! One `chatItem` of an export as the records that it is: each version of a message, each reaction, each line of the app.
//!
//! Pure: the same item gives the same records, so they can be counted first and made later.

use super::media::Media;
use super::people::People;
use super::secrets;
use super::update::updates;
use crate::event::{Field, Occurred};
use crate::import::alignment::Row;
use crate::json::{at, canonical, items, number, text};
use crate::record::Record;
use serde_json::{Value, json};
use zegel_proto::limits::SLOT_BYTES_MAX;
use zegel_proto::v1::{Channel, ChatDetail, Clock, EventKind, Precision, ProofClass};
use zegel_verifier::hash::sha256;

/// Longest record of the source that is kept beside its text: an event has room for both.
const AS_WRITTEN_BYTES_MAX: usize = SLOT_BYTES_MAX / 2;

/// One record.
pub(super) struct Part {
    pub(super) kind: EventKind,
    /// 0: not stated, or no time that a calendar has.
    pub(super) at_ms: u64,
    /// It states a time that no event can have.
    pub(super) is_beyond_dates: bool,
    author: u64,
    /// What tells it from every other of its chat.
    identity: String,
    native_id: String,
    reply_to: Field<String>,
    target: Field<String>,
    pub(super) detail: Option<ChatDetail>,
    pub(super) text: Option<String>,
    pub(super) media: Vec<Media>,
    /// The timer was set to this many milliseconds.
    pub(super) timer_ms: Option<u64>,
    channel: Channel,
    written: Value,
}

impl Part {
    /// 16 bytes that tell which record it is.
    pub(super) fn identity(&self) -> [u8; 16] {
        cut(&[self.identity.as_bytes()])
    }

    /// 16 bytes that change when what it says does.
    pub(super) fn content(&self) -> [u8; 16] {
        let is_deleted = u8::from(self.kind == EventKind::MessageDeleted);
        cut(&[&[is_deleted], self.text.as_deref().unwrap_or_default().as_bytes()])
    }

    /// The record for the log, without its media. `row` says whether the log holds an earlier version.
    pub(super) fn record(self, base: Record, row: Row, people: &People) -> Record {
        let person = people.get(self.author);
        let is_self = person.is_some_and(|person| person.is_self);
        let name =
            person.and_then(|person| person.name.clone()).or_else(|| people.own_name.clone().filter(|_| is_self));
        let earlier = match row {
            Row::Edited(seq) | Row::Deleted(seq) => Some(format!("seq:{seq}")),
            Row::New | Row::Known(_) => None,
        };
        let is_changed = matches!(row, Row::Edited(_)) && self.kind == EventKind::MessageCreated;
        let written = canonical(&self.written);
        let occurred = Occurred {
            at_ms: self.at_ms,
            precision: Precision::Millisecond,
            clock: Clock::Device,
            is_ambiguous: false,
        };
        Record {
            kind: if is_changed { EventKind::MessageEdited } else { self.kind },
            occurred: if self.at_ms == 0 { Occurred::UNKNOWN } else { occurred },
            channel: self.channel,
            proof_class: ProofClass::CExportFile,
            sender: Field::or_unknown(person.and_then(|person| person.identifier.clone())),
            display_name: Field::or_none(name),
            native_id: Field::Value(self.native_id),
            reply_to: self.reply_to,
            target: earlier.map_or(self.target, Field::Value),
            detail: Field::or_none(self.detail),
            as_written: Field::or_unknown(Some(written).filter(|bytes| bytes.len() <= AS_WRITTEN_BYTES_MAX)),
            text: Field::or_none(self.text.filter(|text| !text.is_empty()).map(String::into_bytes)),
            ..base
        }
    }
}

fn cut(parts: &[&[u8]]) -> [u8; 16] {
    let full = sha256(parts).0;
    std::array::from_fn(|at| full[at])
}

/// The records of an item, oldest version first, reactions last. Never empty.
pub(super) fn parts(item: &Value, people: &People) -> Vec<Part> {
    let revisions = items(item, &["revisions"]);
    let first = revisions.first().unwrap_or(item);
    let original = native_id(first, people);
    let mut parts = Vec::new();
    for (number, version) in revisions.iter().chain([item]).enumerate() {
        parts.extend(version_parts(version, people, number, &original));
    }
    // A reaction is to the message, whichever version it has: so it stays what it is when the message is edited.
    parts.extend(reactions(item, &original, people));
    parts
}

fn native_id(item: &Value, people: &People) -> String {
    let author = people.lasting(number(item, &["authorId"]).unwrap_or(0));
    format!("{author}:{}", number(item, &["dateSent"]).unwrap_or(0))
}

/// Fields of an item that say nothing of its own version.
const BESIDE: [&str; 1] = ["revisions"];

fn version_parts(item: &Value, people: &People, version: usize, original: &str) -> Vec<Part> {
    let author = number(item, &["authorId"]).unwrap_or(0);
    let native_id = native_id(item, people);
    let is_sms = at(item, &["sms"]).and_then(Value::as_bool) == Some(true);
    let sent = number(item, &["dateSent"]).unwrap_or(0);
    let base = |kind| Part {
        kind,
        at_ms: Occurred::dated(sent).unwrap_or(0),
        is_beyond_dates: Occurred::dated(sent).is_none(),
        author,
        identity: format!("item {native_id}"),
        native_id: native_id.clone(),
        reply_to: Field::None,
        target: Field::None,
        detail: None,
        text: None,
        media: Vec::new(),
        timer_ms: None,
        channel: if is_sms { Channel::Sms } else { Channel::Signal },
        written: written(item),
    };
    if let Some(message) = at(item, &["updateMessage"]) {
        let lines = updates(message, author, people).into_iter().enumerate();
        return lines
            .map(|(number, update)| Part {
                identity: format!("update {native_id} {} {number}", update.detail.what),
                detail: Some(update.detail),
                timer_ms: update.timer_ms,
                ..base(update.kind)
            })
            .collect();
    }
    let mut part = message(item, base(EventKind::MessageCreated), people);
    if version > 0 && part.kind == EventKind::MessageCreated {
        part.kind = EventKind::MessageEdited;
        part.target = Field::Value(original.to_owned());
        part.detail = Some(ChatDetail { edited: true, ..detail("edited") });
    }
    vec![part]
}

/// The item as the source has it, without its other versions, its reactions, and what is secret.
fn written(item: &Value) -> Value {
    let mut kept = secrets::without(item);
    if let Some(fields) = kept.as_object_mut() {
        fields.retain(|name, _| !BESIDE.contains(&name.as_str()));
        for (_, message) in fields.iter_mut() {
            if let Some(message) = message.as_object_mut() {
                message.remove("reactions");
            }
        }
    }
    kept
}

fn detail(what: &str) -> ChatDetail {
    ChatDetail { what: what.into(), certain: true, ..ChatDetail::default() }
}

/// What an item with an author says, by the one field of its kind.
fn message(item: &Value, part: Part, people: &People) -> Part {
    let body = |message: &Value| text(message, &["text", "body"]).map(str::to_owned);
    let has = |name: &str| item.get(name);
    if let Some(message) = has("standardMessage") {
        let reply_to = at(message, &["quote"]).map(|quote| quoted(quote, people));
        let media = Media::of_message(message);
        Part { text: body(message), reply_to: Field::or_none(reply_to), media, ..part }
    } else if let Some(message) = has("directStoryReplyMessage") {
        let said = text(message, &["textReply", "text", "body"]).or_else(|| text(message, &["emoji"]));
        Part { text: said.map(str::to_owned), reply_to: Field::Value("story".into()), ..part }
    } else if let Some(message) = has("stickerMessage") {
        let emoji = text(message, &["sticker", "emoji"]).map(str::to_owned);
        let media = Media::of_pointer(at(message, &["sticker", "data"]), "sticker").into_iter().collect();
        Part { text: emoji, media, detail: Some(detail("sticker")), ..part }
    } else if let Some(message) = has("contactMessage") {
        Part { text: contact_name(message), detail: Some(detail("contact")), ..part }
    } else if has("remoteDeletedMessage").is_some() {
        let subject = people.called(part.author);
        Part { kind: EventKind::MessageDeleted, detail: Some(ChatDetail { subject, ..detail("deleted") }), ..part }
    } else if let Some(deleted) = has("adminDeletedMessage") {
        let subject = number(deleted, &["adminId"]).map(|id| people.called(id)).unwrap_or_default();
        let detail = ChatDetail { subject, ..detail("deleted_by_admin") };
        Part { kind: EventKind::MessageDeleted, detail: Some(detail), ..part }
    } else if has("viewOnceMessage").is_some() {
        let media = vec![Media::left_out()];
        Part { kind: EventKind::ViewOnceReceived, detail: Some(detail("view_once")), media, ..part }
    } else if let Some(poll) = has("poll") {
        let options = items(poll, &["options"]).iter().filter_map(|option| text(option, &["option"]));
        let detail = ChatDetail { targets: options.map(str::to_owned).collect(), ..detail("poll") };
        let question = text(poll, &["question"]).map(str::to_owned);
        Part { kind: EventKind::PollNoted, text: question, detail: Some(detail), ..part }
    } else {
        Part { kind: EventKind::SystemNoted, detail: Some(detail(unnamed(item))), ..part }
    }
}

/// The app's own name of a kind that is not known here.
fn unnamed(item: &Value) -> &str {
    const ENVELOPE: [&str; 10] = [
        "authorId",
        "chatId",
        "dateSent",
        "directionless",
        "expireStartDate",
        "expiresInMs",
        "incoming",
        "outgoing",
        "pinDetails",
        "sms",
    ];
    let names = item.as_object().into_iter().flat_map(|fields| fields.keys());
    names.map(String::as_str).find(|name| !ENVELOPE.contains(name)).unwrap_or("notice")
}

fn contact_name(message: &Value) -> Option<String> {
    let name = at(message, &["contact", "name"])?;
    let parts = ["givenName", "middleName", "familyName"].into_iter().filter_map(|key| text(name, &[key]));
    Some(parts.collect::<Vec<_>>().join(" "))
}

/// The message that is answered, by its native id where the app still knew it, else by its text.
fn quoted(quote: &Value, people: &People) -> String {
    let author = people.lasting(number(quote, &["authorId"]).unwrap_or(0));
    match number(quote, &["targetSentTimestamp"]).filter(|sent| *sent > 0) {
        Some(sent) => format!("{author}:{sent}"),
        None => text(quote, &["text", "body"]).unwrap_or_default().to_owned(),
    }
}

fn reactions(item: &Value, target: &str, people: &People) -> Vec<Part> {
    let fields = item.as_object().into_iter().flat_map(|fields| fields.values());
    let all = fields.flat_map(|message| items(message, &["reactions"]));
    all.map(|reaction| {
        let author = number(reaction, &["authorId"]).unwrap_or(0);
        let sent = number(reaction, &["sentTimestamp"]).unwrap_or(0);
        Part {
            kind: EventKind::ReactionAdded,
            at_ms: Occurred::dated(sent).unwrap_or(0),
            is_beyond_dates: Occurred::dated(sent).is_none(),
            author,
            // One reaction a person and message: another sign replaces it.
            identity: format!("reaction {} to {target}", people.lasting(author)),
            native_id: format!("{}:{sent}", people.lasting(author)),
            reply_to: Field::None,
            target: Field::Value(target.to_owned()),
            detail: None,
            text: text(reaction, &["emoji"]).map(str::to_owned),
            media: Vec::new(),
            timer_ms: None,
            channel: Channel::Signal,
            written: json!({ "reaction": secrets::without(reaction), "to": target }),
        }
    })
    .collect()
}
