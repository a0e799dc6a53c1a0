//! Where a pattern stands in an event, and where the event says the same again.

use super::{Choice, Hit, Pattern, slot_name, slot_number};
use crate::destroy::End;
use crate::echo::echoes;
use crate::export::Spot;
use crate::reading::ReadEvent;
use std::ops::Range;
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::commit::{CoveredUnit, Shown, ShownBody};
use zegel_verifier::kinds::chat;

/// Characters of context on each side of a hit.
const CONTEXT_CHARS: usize = 40;

/// What is gone is withheld as gone: nobody needs to look at it.
pub(super) fn ended(spot: Spot, end: End) -> Hit {
    let grounds = vec![end.code().into()];
    Hit {
        place: spot.to_string(),
        slot: "event".into(),
        grounds,
        why: end.code().into(),
        choice: Choice::Cover,
        ..Hit::default()
    }
}

/// Hits of one pattern in every slot but the binding. Of a list, runs of items; of a value, all of it.
pub(super) fn hits_of(body: &ShownBody, pattern: &Pattern) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (slot, shown) in body.slots().iter().enumerate().skip(1) {
        let name = slot_name(slot as u32);
        let base = || Hit { slot: name.clone(), why: pattern.name().into(), ..Hit::default() };
        match shown {
            Shown::Value(value) => {
                let text = readable(value);
                let found = pattern.find(&text).into_iter().next();
                hits.extend(found.map(|range| Hit { shows: context(&text, &range), ..base() }));
            }
            Shown::List(items) if slot == chat::TEXT => {
                let items: Vec<&[u8]> = items.iter().map(|item| item.as_deref().unwrap_or_default()).collect();
                let text = readable(&items.concat());
                for range in pattern.find(&text) {
                    let (first, count) = run_of(&items, &range);
                    hits.push(Hit { first, count, shows: context(&text, &range), ..base() });
                }
            }
            Shown::List(items) => {
                for (first, item) in (0..).zip(items) {
                    let text = readable(item.as_deref().unwrap_or_default());
                    let found = pattern.find(&text).into_iter().next();
                    hits.extend(found.map(|range| Hit { first, count: 1, shows: context(&text, &range), ..base() }));
                }
            }
            _ => {}
        }
    }
    hits
}

/// Parts that say again what is covered by these hits of one event.
pub(super) fn again(event: &ReadEvent, body: &ShownBody, hits: &[Hit]) -> Vec<Hit> {
    let units: Vec<CoveredUnit> = hits.iter().flat_map(units_of).collect();
    let hit = |unit: CoveredUnit| Hit {
        slot: slot_name(unit.slot),
        first: unit.item.unwrap_or(0),
        count: u32::from(unit.item.is_some()),
        why: "staat ook hierin".into(),
        shows: plain(&readable(said_in(body, unit)).replace('\n', " ")).chars().take(2 * CONTEXT_CHARS).collect(),
        ..Hit::default()
    };
    echoes(event.facts.kind, body, &units).into_iter().map(hit).collect()
}

fn units_of(hit: &Hit) -> Vec<CoveredUnit> {
    let Some(slot) = slot_number(&hit.slot) else { return Vec::new() };
    match hit.count {
        0 => vec![CoveredUnit { slot, item: None }],
        count => {
            (hit.first..hit.first.saturating_add(count)).map(|item| CoveredUnit { slot, item: Some(item) }).collect()
        }
    }
}

/// Words and values as they are; of what is no text, nothing.
fn said_in(body: &ShownBody, unit: CoveredUnit) -> &[u8] {
    let slot = unit.slot as usize;
    match unit.item {
        _ if matches!(slot, chat::DETAIL | chat::ATTACHMENTS) => None,
        Some(item) => body.items(slot).get(item as usize).and_then(Option::as_deref),
        None => body.value(slot),
    }
    .unwrap_or_default()
}

/// Text of the same length in bytes: what is no UTF-8 becomes `?`, byte for byte.
pub(super) fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

/// Which items hold these bytes.
pub(super) fn run_of(items: &[&[u8]], range: &Range<usize>) -> (u32, u32) {
    let (mut at, mut first, mut count) = (0, 0, 0);
    for (number, item) in (0..).zip(items) {
        let (start, end) = (at, at + item.len());
        if start < range.end && end > range.start {
            first = if count == 0 { number } else { first };
            count += 1;
        }
        at = end;
    }
    (first, count)
}

pub(super) fn context(text: &str, range: &Range<usize>) -> String {
    let before: Vec<char> = text[..range.start].chars().rev().take(CONTEXT_CHARS).collect();
    let after: String = text[range.end..].chars().take(CONTEXT_CHARS).collect();
    let before: String = before.into_iter().rev().collect();
    plain(&format!("{before}[{}]{after}", &text[range.clone()]).replace('\n', " "))
}
