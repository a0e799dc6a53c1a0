//! Where an event says again what is covered of it: the name of a file, the other name of a sender, the record of the source.
//!
//! One function for all who cover: a plan and the desk widen their cover by it; an export, and a redaction for good, refuse what it finds. Invariants: what it
//! finds is open; a word of the text is never found because of another word of the text (who covers words reads the text); what is covered
//! together with what was found has no echo any more. Pure. Not here: what other events say. Specification: `specs/officer.md`.

mod folded;
#[cfg(test)]
mod tests;

use folded::Folded;
use std::collections::BTreeSet;
use zegel_proto::parse;
use zegel_proto::v1::{Attachment, ChatDetail, EventKind};
use zegel_verifier::commit::{CoveredUnit, Shown, ShownBody};
use zegel_verifier::kinds::{CHAT_LAYOUT, Family, chat, family};

/// The holder of the device in a detail: a role, and no name.
const EXPORTER: &str = "exporter";
/// A target that is a number of this log, and no word of the source.
const OWN_NUMBER: &[u8] = b"seq:";
/// Slots that say something by themselves; the others but the text hold what these say.
const PLAIN: [usize; 6] =
    [chat::SENDER, chat::DISPLAY_NAME, chat::AUDIENCE, chat::NATIVE_ID, chat::REPLY_TO, chat::TARGET];

/// Parts of an event that stay open and say again what is covered of it, ascending. Of what is no chat, none.
#[must_use]
pub fn echoes(kind: EventKind, body: &ShownBody, covered: &[CoveredUnit]) -> Vec<CoveredUnit> {
    if family(kind) != Family::Chat || covered.is_empty() || covered.iter().any(|unit| unit.slot == 0) {
        return Vec::new();
    }
    let given: BTreeSet<CoveredUnit> = covered.iter().copied().chain(body.covered()).collect();
    let mut event = Event { kind, body, covered: given.clone() };
    loop {
        // What is found is covered too, and may be said again elsewhere: each round covers at least one part more.
        let found = event.again();
        if found.is_empty() {
            return event.covered.difference(&given).copied().collect();
        }
        event.covered.extend(found);
    }
}

/// A part as `--cover` takes it behind the place: `as_written`, `text:3`.
#[must_use]
pub fn part_name(unit: CoveredUnit) -> String {
    let slot = CHAT_LAYOUT.get(unit.slot as usize).map_or("event", |slot| slot.name);
    unit.item.map_or_else(|| slot.into(), |item| format!("{slot}:{item}"))
}

struct Event<'a> {
    kind: EventKind,
    body: &'a ShownBody,
    covered: BTreeSet<CoveredUnit>,
}

/// What is covered, as it is looked for.
#[derive(Default)]
struct Said {
    /// Names, accounts and the like, whole.
    values: Vec<Folded>,
    /// Words of the text and of names.
    words: Vec<Folded>,
}

impl Said {
    fn value(&mut self, text: &[u8]) {
        self.values.extend(Some(Folded::of(text).trimmed()).filter(|value| !value.is_empty()));
    }

    /// Whether this has any of it, or is itself a part of what is covered.
    fn stands_in(&self, open: &[u8]) -> bool {
        let open = Folded::of(open).trimmed();
        let is_same = |value: &Folded| open.has(value) || value.has(&open);
        let digits = open.digits();
        let mut numbers = self.values.iter().chain(&self.words).filter_map(Folded::number);
        let has_words = || self.values.iter().any(is_same) || self.words.iter().any(|word| open.has(word));
        !open.is_empty() && (has_words() || numbers.any(|number| digits.contains(&number)))
    }
}

impl Event<'_> {
    fn covers(&self, unit: CoveredUnit) -> bool {
        self.covered.contains(&unit) || self.covered.contains(&CoveredUnit { item: None, ..unit })
    }

    /// Something of a slot is covered.
    fn touches(&self, slot: usize) -> bool {
        self.covered.iter().any(|unit| unit.slot as usize == slot)
    }

    fn again(&self) -> Vec<CoveredUnit> {
        let mut said = self.said();
        // A name in a detail or of a file was covered for its own sake where nothing else that is covered stands in it.
        let is_alone = |unit: &CoveredUnit| self.covers(*unit) && !self.says_again(&said, *unit);
        let alone: Vec<CoveredUnit> = self.collected().filter(is_alone).collect();
        alone.iter().flat_map(|unit| self.strings(*unit)).for_each(|text| said.value(text.as_bytes()));
        let values = PLAIN.into_iter().chain([chat::AS_WRITTEN, chat::FORWARDED]);
        let values = values.filter(|slot| self.body.value(*slot).is_some()).map(whole);
        let parts = values.chain(self.collected());
        let mut found: Vec<CoveredUnit> =
            parts.filter(|unit| !self.covers(*unit) && self.says_again(&said, *unit)).collect();
        found.extend(self.text_again(&said));
        found
    }

    /// What is covered of sender, text and the like. The record of the source is covered for what it repeats.
    fn said(&self) -> Said {
        let mut said = Said::default();
        for slot in PLAIN.into_iter().filter(|slot| self.covers(whole(*slot))) {
            let value = self.body.value(slot).filter(|value| !value.starts_with(OWN_NUMBER)).unwrap_or_default();
            said.value(value);
            if matches!(slot, chat::SENDER | chat::DISPLAY_NAME) {
                said.words.extend(Folded::of(value).words());
            }
        }
        let mut run = Vec::new();
        for (number, item) in (0..).zip(self.body.items(chat::TEXT)) {
            match item.as_deref().filter(|_| self.covers(CoveredUnit { item: Some(number), ..whole(chat::TEXT) })) {
                Some(word) => run.extend_from_slice(word),
                None => said.words.extend(Folded::of(&std::mem::take(&mut run)).words()),
            }
        }
        said.words.extend(Folded::of(&run).words());
        said
    }

    /// Detail and attachments: parts that hold several names.
    fn collected(&self) -> impl Iterator<Item = CoveredUnit> {
        let detail = self.body.value(chat::DETAIL).map(|_| whole(chat::DETAIL));
        let items = (0..).zip(self.body.items(chat::ATTACHMENTS)).filter(|(_, item)| item.is_some());
        detail.into_iter().chain(items.map(|(item, _)| CoveredUnit { item: Some(item), ..whole(chat::ATTACHMENTS) }))
    }

    /// The names in such a part; the bytes as they are, where it does not read.
    fn strings(&self, unit: CoveredUnit) -> Vec<String> {
        let raw = |bytes: &[u8]| vec![String::from_utf8_lossy(bytes).into_owned()];
        match (unit.slot as usize, unit.item) {
            (chat::ATTACHMENTS, Some(item)) => {
                let bytes = self.body.items(chat::ATTACHMENTS).get(item as usize).and_then(Option::as_deref);
                let bytes = bytes.unwrap_or_default();
                parse::<Attachment>(bytes).map_or_else(|_| raw(bytes), |attachment| vec![attachment.name])
            }
            (slot, _) => {
                let bytes = self.body.value(slot).unwrap_or_default();
                let Ok(detail) = parse::<ChatDetail>(bytes) else { return raw(bytes) };
                let all = std::iter::once(detail.subject).chain(detail.targets);
                all.filter(|name| !name.is_empty() && name != EXPORTER).collect()
            }
        }
    }

    fn says_again(&self, said: &Said, unit: CoveredUnit) -> bool {
        let value = || self.body.value(unit.slot as usize).unwrap_or_default();
        match unit.slot as usize {
            // A record of JSON is all of the event.
            chat::AS_WRITTEN if value().trim_ascii_start().starts_with(b"{") => {
                self.covered.iter().any(|other| *other != unit)
            }
            // A notice names its people by itself, whatever word of it is covered.
            chat::DETAIL => {
                let names = self.strings(unit);
                let of_people =
                    [chat::TEXT, chat::SENDER, chat::DISPLAY_NAME].into_iter().any(|slot| self.touches(slot));
                (of_people && !names.is_empty()) || names.iter().any(|name| said.stands_in(name.as_bytes()))
            }
            // An image holds what was read off it.
            chat::ATTACHMENTS => {
                let is_image = self.kind == EventKind::ScreenshotAdded && self.touches(chat::TEXT);
                is_image || self.strings(unit).iter().any(|name| said.stands_in(name.as_bytes()))
            }
            chat::TARGET if value().starts_with(OWN_NUMBER) => false,
            _ => said.stands_in(value()),
        }
    }

    /// Words of the text that are a name which is covered elsewhere.
    fn text_again(&self, said: &Said) -> Vec<CoveredUnit> {
        let Some(Shown::List(items)) = self.body.slots().get(chat::TEXT) else { return Vec::new() };
        let mut ends = Vec::with_capacity(items.len());
        let mut text = Vec::new();
        for item in items {
            text.extend_from_slice(item.as_deref().unwrap_or_default());
            ends.push(text.len());
        }
        let text = Folded::of(&text);
        let ranges: Vec<_> = said.values.iter().flat_map(|value| text.words_like(value)).collect();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let units = (0..)
            .zip(starts.zip(&ends))
            .filter(|(_, (start, end))| ranges.iter().any(|range| range.start < **end && *start < range.end));
        let units = units.map(|(item, _)| CoveredUnit { item: Some(item), ..whole(chat::TEXT) });
        units.filter(|unit| !self.covers(*unit)).collect()
    }
}

const fn whole(slot: usize) -> CoveredUnit {
    CoveredUnit { slot: slot as u32, item: None }
}
