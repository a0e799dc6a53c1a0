//! Messages as the page shows them: text, and runs of words that are covered or about to be. What a stranger wrote is text and nothing else.

use crate::acts::{Acts, Target};
use crate::documents::{Attached, Exact, Line, Part, Zone};
use crate::plan::slot_name;
use crate::reading::{Message, ReadEvent, Reading};
use serde_json::{Value, json};
use zegel_proto::v1::{EventKind, RedactionItem};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::kinds::chat;
use zegel_verifier::labels;

/// Characters of a message that another one acts on.
const ABOUT_CHARS: usize = 80;

/// Messages of a conversation, or of a search.
pub(super) fn all(zone: &Zone, reading: &Reading, messages: Vec<Message>) -> Vec<Value> {
    let acts = Acts::of(reading);
    messages.into_iter().map(|message| one(zone, reading, &acts, &message)).collect()
}

/// A message.
pub(super) fn one(zone: &Zone, reading: &Reading, acts: &Acts, message: &Message) -> Value {
    let event = reading.event(message.spot);
    let class = event.and_then(|event| Some(acts.class_of(&Target::of(event))?.code().to_owned()));
    let words: Vec<String> = message.words.iter().map(|word| quiet(word)).collect();
    let attachments: Vec<String> = message.attachments.iter().map(|name| plain(name)).collect();
    let kind = EventKind::from_str_name(message.kind).unwrap_or_default();
    let (nl, en) = labels::kind(kind);
    let sender = quiet(&message.sender);
    let target = event.and_then(|event| about(reading, event, &message.target)).unwrap_or_default();
    json!({
        "place": message.place, "kind": message.kind, "label": { "nl": nl, "en": en }, "at_ms": message.at_ms,
        "day": zone.told(message.at_ms), "time": zone.clock(message.at_ms, Exact::Minute),
        "sender": sender, "custodian": plain(&message.custodian), "conversation": plain(&message.conversation),
        "words": words, "attachments": attachments, "class": class, "said": message.is_said(),
        "target": target, "gone": message.is_gone,
    })
}

/// What an event acts on, in the words of that message: a number of the log or an id of the service says nothing to a reader.
fn about(reading: &Reading, event: &ReadEvent, target: &str) -> Option<String> {
    let number = target.strip_prefix("seq:").and_then(|number| number.parse::<u64>().ok());
    let is_named = |other: &&ReadEvent| match number {
        Some(number) => other.source == event.source && other.facts.conversation_seq == number,
        None => said(other, chat::NATIVE_ID) == target,
    };
    let is_near = |other: &&ReadEvent| {
        (other.facts.custodian, other.facts.conversation) == (event.facts.custodian, event.facts.conversation)
    };
    let named = reading.events.iter().find(|other| !target.is_empty() && is_near(other) && is_named(other))?;
    let (_, body) = named.body.as_ref()?;
    let text: Vec<u8> = body.items(chat::TEXT).iter().flatten().flat_map(|part| part.iter().copied()).collect();
    let words = quiet(String::from_utf8_lossy(&text).trim());
    let is_long = words.chars().nth(ABOUT_CHARS).is_some();
    Some(words.chars().take(ABOUT_CHARS).chain(is_long.then_some('…')).collect())
}

/// A message with what a manifest covers of it: its words as runs, and the other parts by their names.
pub(super) fn with_cover(
    zone: &Zone,
    reading: &Reading,
    acts: &Acts,
    message: &Message,
    items: &[&RedactionItem],
) -> Value {
    let mut shown = one(zone, reading, acts, message);
    let grounds_of = |word: usize| {
        let covers = |item: &&&RedactionItem| item.slot == 0 || (item.slot == chat::TEXT as u32 && is_in(item, word));
        items.iter().find(covers).map(|item| &item.grounds)
    };
    let mut runs: Vec<(String, Option<&Vec<String>>)> = Vec::new();
    for (number, word) in message.words.iter().enumerate() {
        match (grounds_of(number), runs.last_mut()) {
            (grounds, Some((text, before))) if *before == grounds => text.push_str(&quiet(word)),
            (grounds, _) => runs.push((quiet(word), grounds)),
        }
    }
    let run = |(text, grounds): (String, Option<&Vec<String>>)| json!({ "text": text, "grounds": grounds });
    shown["runs"] = runs.into_iter().map(run).collect();
    shown["whole"] = json!(items.iter().find(|item| item.slot == 0).map(|item| &item.grounds));
    let other = items.iter().filter(|item| item.slot != 0 && item.slot != chat::TEXT as u32);
    let value = |slot: u32| reading.event(message.spot).map(|event| said(event, slot as usize)).unwrap_or_default();
    let part = |item: &&RedactionItem| json!({ "part": slot_name(item.slot), "text": value(item.slot), "grounds": item.grounds });
    shown["parts"] = other.map(part).collect();
    shown
}

/// Whether an item covers this word of a text.
fn is_in(item: &RedactionItem, word: usize) -> bool {
    let (first, count) = (item.first_item as usize, item.item_count as usize);
    count == 0 || (first..first + count).contains(&word)
}

fn said(event: &ReadEvent, slot: usize) -> String {
    let value = event.body.as_ref().and_then(|(_, body)| body.value(slot));
    value.map(|bytes| quiet(&String::from_utf8_lossy(bytes))).unwrap_or_default()
}

/// A line of a document, as it would leave: what is covered has no words here.
pub(super) fn line(zone: &Zone, line: &Line) -> Value {
    let run = |part: &Part| match part {
        Part::Open(text) => json!({ "text": quiet(text), "grounds": null }),
        Part::Covered(grounds) => json!({ "text": "", "grounds": grounds }),
    };
    let attached = |file: &Attached| match file {
        Attached::Open { name, .. } => plain(name),
        Attached::Covered(grounds) => format!("█ {}", grounds.join(", ")),
    };
    let sender = line.sender.iter().map(|part| match part {
        Part::Open(text) => quiet(text),
        Part::Covered(grounds) => format!("█ {}", grounds.join(", ")),
    });
    let (nl, en) = labels::kind(line.kind());
    json!({
        "kind": line.kind().as_str_name(), "label": { "nl": nl, "en": en }, "at_ms": line.at_ms,
        "day": zone.told(line.at_ms), "time": zone.clock(line.at_ms, line.exact()),
        "sender": sender.collect::<Vec<_>>().join(" "), "said": line.what.is_empty(), "what": plain(&line.what),
        "runs": line.text.iter().map(run).collect::<Vec<_>>(), "whole": line.withheld,
        "attachments": line.attachments.iter().map(attached).collect::<Vec<_>>(), "gone": false,
    })
}

/// Text for the page: the mark that apps put before their own words moves nothing, the others might.
pub(super) fn quiet(text: &str) -> String {
    plain(&text.replace('\u{200e}', "").replace('\n', " "))
}
