//! What of a message is compared: hashes of its words, its time with its width, who is named as its sender.

use super::Spot;
use crate::bundle::ShownEvent;
use crate::bundle::calendar::slack_ms;
use crate::commit::{Shown, ShownBody};
use crate::hash::{Hash, sha256};
use crate::kinds::chat;
use std::collections::HashMap;
use zegel_proto::parse;
use zegel_proto::v1::{Attachment, AttachmentState, EventKind};

/// Senders that are told apart; those beyond are one.
const SENDERS_MAX: usize = 262_144;
/// Least hashes over words of two texts, of which as many are equal as the texts are alike.
const SKETCH: usize = 16;

/// A message in one capture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    pub(super) capture: u32,
    pub(super) spot: Spot,
    pub(super) bundle: u32,
    pub(super) at_ms: u64,
    /// How much later it can have been, by its precision.
    pub(super) slack_ms: u64,
    pub(super) what: What,
    /// Over the words without white space and marks.
    pub(super) words: [u8; 16],
    /// Over the text as it is.
    pub(super) exact: [u8; 8],
    pub(super) sketch: [u16; SKETCH],
    /// Bytes of the words.
    pub(super) length: u32,
    pub(super) sender: u32,
    /// Over channel and id of the chat service; zeros: none.
    pub(super) native: [u8; 16],
    /// The number in its capture that it is a version of: its own, or that of its target.
    pub(super) subject: u64,
    /// It acts on an earlier number.
    pub(super) is_later: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Words,
    /// No words, but files.
    Files,
    /// The notice that it was deleted.
    Deleted,
    /// The notice that it has not been received yet.
    Waiting,
}

/// What an event is to a comparison.
pub(super) enum Seen {
    NoMessage,
    NotOpen,
    Open(Box<Sighting>),
}

/// Numbers for texts.
#[derive(Default)]
pub(super) struct Interned {
    by_text: HashMap<Vec<u8>, u32>,
}

impl Interned {
    fn number(&mut self, text: &[u8]) -> u32 {
        if let Some(number) = self.by_text.get(text) {
            return *number;
        }
        let number = self.by_text.len().min(SENDERS_MAX) as u32;
        if self.by_text.len() < SENDERS_MAX {
            self.by_text.insert(text.into(), number);
        }
        number
    }
}

pub(super) fn read(event: &ShownEvent<'_>, senders: &mut Interned) -> Seen {
    let kind = event.facts.kind;
    let has_content = matches!(kind, EventKind::MessageCreated | EventKind::MessageEdited);
    if !has_content && !matches!(kind, EventKind::MessageDeleted | EventKind::MessageWaiting) {
        return Seen::NoMessage;
    }
    let Some((binding, body)) = event.body.filter(|(binding, _)| binding.occurred_at_ms != 0) else {
        return Seen::NotOpen;
    };
    let Some((what, text)) = content(kind, body) else { return Seen::NotOpen };
    let words: Vec<u8> = without_space(&text);
    let sender = body.value(chat::SENDER).or_else(|| body.value(chat::DISPLAY_NAME)).unwrap_or_default();
    let target = body
        .value(chat::TARGET)
        .and_then(|target| std::str::from_utf8(target).ok()?.strip_prefix("seq:")?.parse().ok());
    let channel = [binding.channel as u8];
    let native = body.value(chat::NATIVE_ID).filter(|id| !id.is_empty());
    Seen::Open(Box::new(Sighting {
        capture: 0,
        spot: (0, 0, 0),
        bundle: 0,
        at_ms: binding.occurred_at_ms,
        slack_ms: slack_ms(binding.precision).unwrap_or(0),
        what,
        words: first(sha256(&[&[what as u8], &words])),
        exact: first(sha256(&[text.trim_ascii_end()])),
        sketch: sketch(&text),
        length: words.len() as u32,
        sender: senders.number(sender),
        native: native.map_or([0; 16], |id| first(sha256(&[&channel, id]))),
        subject: target.unwrap_or(event.facts.conversation_seq),
        is_later: target.is_some(),
    }))
}

/// The words, or in their place the files; `None` if something of it is covered.
fn content(kind: EventKind, body: &ShownBody) -> Option<(What, Vec<u8>)> {
    match kind {
        EventKind::MessageDeleted => return Some((What::Deleted, Vec::new())),
        EventKind::MessageWaiting => return Some((What::Waiting, Vec::new())),
        _ => {}
    }
    let is_covered = |slot: usize| matches!(body.slots().get(slot), Some(Shown::Covered));
    if is_covered(chat::TEXT) || is_covered(chat::ATTACHMENTS) {
        return None;
    }
    let items: Option<Vec<&[u8]>> = body.items(chat::TEXT).iter().map(|item| item.as_deref()).collect();
    let text = items?.concat();
    let files = body.items(chat::ATTACHMENTS);
    if files.is_empty() {
        return Some((What::Words, text));
    }
    // Names and captions of files differ per phone; the bytes of a picture that was not sent again do not.
    let mut digests = Vec::new();
    for item in files {
        let attachment: Option<Attachment> = parse(item.as_ref()?).ok();
        let present = attachment.filter(|each| each.state() == AttachmentState::AttachmentPresent);
        digests.extend(present.map(|each| each.sha256).unwrap_or_default());
    }
    Some((What::Files, digests))
}

fn without_space(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let is_mark = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_whitespace() && !is_mark(*c)).collect::<String>().into_bytes()
}

/// For each of 16 hash functions the least value over the words.
fn sketch(text: &[u8]) -> [u16; SKETCH] {
    let mut least = [u16::MAX; SKETCH];
    for word in text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        let Hash(hash) = sha256(&[word]);
        for (least, pair) in least.iter_mut().zip(hash.chunks_exact(2)) {
            *least = (*least).min(u16::from_be_bytes([pair[0], pair[1]]));
        }
    }
    least
}

fn first<const N: usize>(hash: Hash) -> [u8; N] {
    std::array::from_fn(|at| hash.0[at])
}

impl Sighting {
    /// Hundredths of the words that two texts share, roughly.
    pub(super) fn likeness(&self, other: &Self) -> usize {
        let equal = self.sketch.iter().zip(other.sketch).filter(|(one, other)| **one == *other).count();
        equal * 100 / SKETCH
    }

    /// The distance between two times, less what their precision explains.
    pub(super) fn apart_ms(&self, other: &Self) -> u64 {
        let (early, late) = if self.at_ms <= other.at_ms { (self, other) } else { (other, self) };
        (late.at_ms - early.at_ms).saturating_sub(early.slack_ms)
    }
}
