//! Which messages of a conversation more than one holder's capture has, and where the captures contradict each other.
//!
//! Two custodians' read-outs of one group are two captures; each stays whole. Here they are only laid side by side: a
//! message is held to be the same where the words are, white space aside, and the times lie within five minutes (a phone
//! without a connection stamps later). It is a reading aid: nothing is proven by it, and nothing is left out by it.
//! Memory: 56 bytes a message, at most [`SIGHTINGS_MAX`]; beyond that nothing more is compared, and the caller says so.

use std::collections::HashMap;
use zegel_proto::v1::EventKind;
use zegel_verifier::bundle::{Observer, ShownEvent};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::chat;

/// Messages that are compared.
const SIGHTINGS_MAX: usize = 1_000_000;
/// How far the times of one message may lie apart.
const APART_MS_MAX: u64 = 5 * 60 * 1_000;
/// Two phones that both round to a minute differ by less than this for one moment.
const MINUTE_MS: u64 = 60 * 1_000;

#[derive(Clone, Copy)]
struct Sighting {
    custodian: Hash,
    at_ms: u64,
    /// First bytes of the hash over the text as it is.
    exact: [u8; 8],
}

/// Another holder who has the message.
pub(super) struct Seen {
    pub(super) custodian: Hash,
    /// `time` or `white_space`, where the captures contradict each other.
    pub(super) differs: Vec<&'static str>,
}

/// All messages of the scope, by their words.
#[derive(Clone, Default)]
pub(super) struct Holders {
    by_words: HashMap<[u8; 16], Vec<Sighting>>,
    count: usize,
}

impl Observer for Holders {
    fn event(&mut self, event: &ShownEvent<'_>) {
        if let Some((words, sighting)) = sighting(event).filter(|_| self.count < SIGHTINGS_MAX) {
            self.by_words.entry(words).or_default().push(sighting);
            self.count += 1;
        }
    }
}

impl Holders {
    /// Not every message was compared.
    pub(super) fn is_full(&self) -> bool {
        self.count >= SIGHTINGS_MAX
    }

    /// Other holders who have the message of this event, each once.
    pub(super) fn of(&self, event: &ShownEvent<'_>) -> Vec<Seen> {
        let Some((words, own)) = sighting(event) else { return Vec::new() };
        let mut seen: Vec<Seen> = Vec::new();
        for other in self.by_words.get(&words).into_iter().flatten() {
            let is_near = other.at_ms.abs_diff(own.at_ms) <= APART_MS_MAX;
            if is_near && other.custodian != own.custodian && !seen.iter().any(|seen| seen.custodian == other.custodian)
            {
                seen.push(Seen { custodian: other.custodian, differs: differences(&own, other) });
            }
        }
        seen
    }
}

fn differences(one: &Sighting, other: &Sighting) -> Vec<&'static str> {
    let time = (one.at_ms.abs_diff(other.at_ms) >= MINUTE_MS).then_some("time");
    time.into_iter().chain((one.exact != other.exact).then_some("white_space")).collect()
}

/// What of a message is compared: only a text that is wholly open, at a time that is known.
fn sighting(event: &ShownEvent<'_>) -> Option<([u8; 16], Sighting)> {
    let is_message = matches!(event.facts.kind, EventKind::MessageCreated | EventKind::MessageEdited);
    let (binding, body) = event.body.filter(|_| event.in_scope && is_message)?;
    let custodian = event.facts.custodian.filter(|_| binding.occurred_at_ms != 0)?;
    let items: Option<Vec<&[u8]>> = body.items(chat::TEXT).iter().map(|item| item.as_deref()).collect();
    let text = items.filter(|items| !items.is_empty())?.concat();
    let words: Vec<&[u8]> = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let words = sha256(&[&words.join(&b' ')]).0;
    let exact = sha256(&[text.trim_ascii_end()]).0;
    let first = |bytes: &[u8; 32]| std::array::from_fn(|at| bytes[at]);
    let exact = std::array::from_fn(|at| exact[at]);
    Some((first(&words), Sighting { custodian, at_ms: binding.occurred_at_ms, exact }))
}
