//! A chat event as a person reads it: who, when, what, and what came with it.

use super::ReadEvent;
use crate::export::Spot;
use serde::Serialize;
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{Attachment, Channel, EventKind, Precision};
use zegel_verifier::bundle::calendar::Moment;
use zegel_verifier::commit::{Shown, ShownBody};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::chat;

/// A word of a text with the white space after it: what can be covered by itself.
pub type Segment = String;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Where it stands.
    #[serde(skip)]
    pub spot: Spot,
    /// The same as `ENTRY:POSITION`.
    pub place: String,
    /// `MESSAGE_CREATED` and the like.
    pub kind: &'static str,
    /// Title of the conversation, or its id.
    pub conversation: String,
    /// Name of the custodian, or the id.
    pub custodian: String,
    /// whatsapp, signal, matrix, …
    pub channel: &'static str,
    /// Milliseconds since 1970; 0 is unknown.
    pub at_ms: u64,
    /// As exact as the source says, in UTC; empty if it is not known.
    pub time: String,
    /// Who sent it, as the device shows it.
    pub sender: String,
    /// Words, each with the white space after it.
    pub words: Vec<Segment>,
    /// Names of what came with it.
    pub attachments: Vec<String>,
    /// What it acts on: the message that was edited, deleted or reacted to.
    pub target: String,
    /// The ledger no longer has its body.
    pub is_gone: bool,
}

impl Message {
    pub(super) fn of(event: &ReadEvent, names: &BTreeMap<Hash, String>) -> Self {
        let body = event.body.as_ref().map(|(_, body)| body);
        let binding = event.body.as_ref().map(|(binding, _)| binding);
        let named = |id: Option<Hash>| {
            id.map(|id| names.get(&id).cloned().unwrap_or_else(|| id.to_string())).unwrap_or_default()
        };
        let value = |slot| body.and_then(|body| body.value(slot)).map(lossy).unwrap_or_default();
        let sender = Some(value(chat::DISPLAY_NAME)).filter(|name| !name.is_empty());
        Self {
            spot: event.spot,
            place: event.spot.to_string(),
            kind: event.facts.kind.as_str_name(),
            conversation: named(event.facts.conversation),
            custodian: named(event.facts.custodian),
            channel: binding.map(|binding| channel(binding.channel)).unwrap_or_default(),
            at_ms: binding.map_or(0, |binding| binding.occurred_at_ms),
            time: binding.map(|binding| time(binding.occurred_at_ms, binding.precision)).unwrap_or_default(),
            sender: sender.unwrap_or_else(|| value(chat::SENDER)),
            words: body.map(words).unwrap_or_default(),
            attachments: body.map(attachments).unwrap_or_default(),
            target: value(chat::TARGET),
            is_gone: body.is_none(),
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        self.words.concat()
    }

    /// Whether the words were said by somebody, and not noted by the app.
    #[must_use]
    pub fn is_said(&self) -> bool {
        [EventKind::MessageCreated, EventKind::MessageEdited].iter().any(|kind| kind.as_str_name() == self.kind)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn words(body: &ShownBody) -> Vec<String> {
    match body.slots().get(chat::TEXT) {
        Some(Shown::List(items)) => items.iter().map(|item| lossy(item.as_deref().unwrap_or_default())).collect(),
        _ => Vec::new(),
    }
}

fn attachments(body: &ShownBody) -> Vec<String> {
    let items = body.items(chat::ATTACHMENTS).iter().flatten();
    items.map(|item| parse::<Attachment>(item).map(|attachment| attachment.name).unwrap_or_default()).collect()
}

fn channel(number: i32) -> &'static str {
    match Channel::try_from(number) {
        Ok(Channel::Whatsapp) => "whatsapp",
        Ok(Channel::Signal) => "signal",
        Ok(Channel::Matrix) => "matrix",
        Ok(Channel::Sms) => "sms",
        Ok(Channel::Threema) => "threema",
        _ => "other",
    }
}

fn time(at_ms: u64, precision: i32) -> String {
    if at_ms == 0 {
        return String::new();
    }
    let at = Moment::at(at_ms);
    let (hours, minutes, seconds) = at.clock();
    let date = format!("{:04}-{:02}-{:02}", at.year, at.month, at.day);
    match Precision::try_from(precision) {
        Ok(Precision::Millisecond | Precision::Second) => format!("{date} {hours:02}:{minutes:02}:{seconds:02}"),
        Ok(Precision::Minute) => format!("{date} {hours:02}:{minutes:02}"),
        _ => date,
    }
}
