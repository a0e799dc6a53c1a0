//! A redaction plan: what should be covered, found by pattern or selected by hand, each hit to be confirmed by a person.
//!
//! Invariants: nothing of a plan counts before its file says `cover` or `leave` of every hit; what is covered is covered wherever the event says it
//! again (a whole record of JSON, the image that was read off); runs that touch and have the same grounds are one item. The file holds words of
//! chats: it is for its owner only (0600). Not here: the log (`officer`), the bundle (`export`). Specification: `specs/officer.md`.

mod merge;
mod pattern;

pub use pattern::Pattern;

use crate::acts::Acts;
use crate::destroy::End;
use crate::disk::{self, DiskError, Readers};
use crate::export::{Cover, CoverError, Spot};
use crate::officer::normalise_ground;
use crate::reading::{ReadEvent, Reading};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;
use thiserror::Error;
use zegel_proto::v1::{EventKind, RedactionItem};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::commit::{Shown, ShownBody};
use zegel_verifier::kinds::{CHAT_LAYOUT, Family, chat, family};
use zegel_verifier::registry::Registry;

/// First field of a plan file.
const VERSION: &str = "zegel-plan/1";
/// Characters of context on each side of a hit.
const CONTEXT_CHARS: usize = 40;
/// After this, relative grounds ask for a motivation (Woo 5.3).
const FIVE_YEARS_MS: u64 = 5 * 31_556_952_000;
/// What a manifest says where no ground was given: the recipient sees that, and the officer was warned.
const NO_GROUND: &str = "zonder_grond";
/// Grounds to which Woo 5.3 applies.
const RELATIVE: [&str; 3] = ["5.1.2", "5.1.5", "5.2"];

/// Why a plan cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Not a plan.
    #[error("{path} is not a redaction plan: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// What the parser says.
        reason: String,
    },
    /// A place that is none, or a slot that no chat event has.
    #[error("hit {hit}: {found:?} is not a part of a chat event")]
    Place {
        /// Counted from 0.
        hit: usize,
        /// As written.
        found: String,
    },
    /// Somebody has not looked yet.
    #[error("{open} of {all} hits are neither to be covered nor to be left: confirm each")]
    Unconfirmed {
        /// Hits that are open.
        open: usize,
        /// All hits.
        all: usize,
    },
    /// A ground that no list has.
    #[error("hit {hit}: ground {code:?} is not in the list that the log publishes")]
    UnknownGround {
        /// Counted from 0.
        hit: usize,
        /// The code, normalised.
        code: String,
    },
    /// Nothing to cover.
    #[error("the plan covers nothing")]
    Empty,
    /// What cannot be covered.
    #[error(transparent)]
    Cover(#[from] CoverError),
}

/// What a person decided of a hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Nobody has looked yet.
    #[default]
    Open,
    /// Cover it.
    Cover,
    /// Leave it open to read.
    Leave,
}

/// A part of an event that might be covered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hit {
    /// `ENTRY:POSITION`.
    pub place: String,
    /// Name of the slot; `event` for all of it.
    pub slot: String,
    /// First word, in a list.
    #[serde(default)]
    pub first: u32,
    /// How many; 0: the slot as a whole.
    #[serde(default)]
    pub count: u32,
    /// Codes.
    #[serde(default)]
    pub grounds: Vec<String>,
    /// How it was found.
    #[serde(default)]
    pub why: String,
    /// What it is, in its context, between brackets.
    #[serde(default)]
    pub shows: String,
    /// When it was said; milliseconds since 1970.
    #[serde(default)]
    pub at_ms: u64,
    /// What was decided.
    #[serde(default)]
    pub choice: Choice,
    /// Why a relative ground still holds after five years.
    #[serde(default)]
    pub motivation: String,
    /// Cover the whole slot, so that not even the number of words is seen.
    #[serde(default)]
    pub hide_length: bool,
}

/// Something to think about before the plan is proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "warning")]
pub enum Warning {
    /// No ground is given: the recipient will not know why.
    NoGround {
        /// Counted from 0.
        hit: usize,
    },
    /// A relative ground on information older than five years, without a motivation (Woo 5.3).
    OlderThanFiveYears {
        /// Counted from 0.
        hit: usize,
        /// The code.
        code: String,
    },
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    version: String,
    /// The hits, in log order.
    pub hits: Vec<Hit>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { version: VERSION.into(), hits: Vec::new() }
    }
}

impl Plan {
    /// Looks for patterns in all that was read, in every slot.
    #[must_use]
    pub fn find(reading: &Reading, patterns: &[Pattern], grounds: &[String]) -> Self {
        let grounds: Vec<String> = grounds.iter().map(|code| normalise_ground(code)).collect();
        let acts = Acts::of(reading);
        let mut plan = Self::default();
        for event in reading.events.iter().filter(|event| family(event.facts.kind) == Family::Chat) {
            let Some((binding, body)) = &event.body else {
                plan.hits.extend(acts.ending(event.spot).map(|(_, end)| ended(event.spot, end)));
                continue;
            };
            let mut hits: Vec<Hit> = patterns.iter().flat_map(|pattern| hits_of(body, pattern)).collect();
            hits.extend(echoes(event, body, &hits));
            for hit in hits {
                let (place, grounds) = (event.spot.to_string(), grounds.clone());
                plan.hits.push(Hit { place, grounds, at_ms: binding.occurred_at_ms, ..hit });
            }
        }
        plan.hits.sort_by_key(|hit| (Spot::parse(&hit.place), slot_number(&hit.slot), hit.first));
        plan.hits.dedup_by(|next, kept| next.is_same_part(kept));
        plan
    }

    /// A plan of these hits.
    #[must_use]
    pub fn of_hits(hits: Vec<Hit>) -> Self {
        Self { hits, ..Self::default() }
    }

    /// A plan that covers what a manifest covers: to cover more, or less.
    #[must_use]
    pub fn of_items(items: &[RedactionItem]) -> Self {
        let hit = |item: &RedactionItem| Hit {
            place: Spot { entry: item.entry, position: item.position }.to_string(),
            slot: slot_name(item.slot),
            first: item.first_item,
            count: item.item_count,
            grounds: item.grounds.clone(),
            why: "manifest".into(),
            choice: Choice::Cover,
            ..Hit::default()
        };
        Self { hits: items.iter().map(hit).collect(), ..Self::default() }
    }

    /// Reads a plan file.
    ///
    /// # Errors
    /// [`PlanError::Disk`], also if others can read it, or [`PlanError::Malformed`].
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let malformed = |reason: String| PlanError::Malformed { path: path.display().to_string(), reason };
        let plan: Self =
            serde_json::from_slice(&disk::read_private(path)?).map_err(|reason| malformed(reason.to_string()))?;
        if plan.version != VERSION {
            return Err(malformed(format!("version is {:?}, wanted {VERSION:?}", plan.version)));
        }
        Ok(plan)
    }

    /// Writes a new plan file; one that is there is never overwritten.
    ///
    /// # Errors
    /// [`PlanError::Disk`].
    pub fn write_new(&self, path: &Path) -> Result<(), PlanError> {
        Ok(disk::write_new(path, &self.print(), Readers::Owner)?)
    }

    /// Writes over a plan file, whole or not at all.
    ///
    /// # Errors
    /// [`PlanError::Disk`].
    pub fn write(&self, path: &Path) -> Result<(), PlanError> {
        Ok(disk::write_durably(path, &self.print())?)
    }

    fn print(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// What the plan covers, once every hit is confirmed and every ground is known; and what to think about.
    ///
    /// # Errors
    /// [`PlanError`] with the first thing that is wrong.
    pub fn settle(&self, registry: &Registry, now_ms: u64) -> Result<(Cover, Vec<Warning>), PlanError> {
        let open = self.hits.iter().filter(|hit| hit.choice == Choice::Open).count();
        if open > 0 {
            return Err(PlanError::Unconfirmed { open, all: self.hits.len() });
        }
        let mut warnings = Vec::new();
        let mut parts = merge::Parts::default();
        for (number, hit) in self.hits.iter().enumerate().filter(|(_, hit)| hit.choice == Choice::Cover) {
            let place = || PlanError::Place { hit: number, found: format!("{}:{}", hit.place, hit.slot) };
            let spot = Spot::parse(&hit.place).ok_or_else(place)?;
            let slot = slot_number(&hit.slot).ok_or_else(place)?;
            let grounds: Vec<String> = hit.grounds.iter().map(|code| normalise_ground(code)).collect();
            if let Some(code) = grounds.iter().find(|code| registry.ground(code).is_none()) {
                return Err(PlanError::UnknownGround { hit: number, code: code.clone() });
            }
            warnings.extend(hit.warnings(number, &grounds, now_ms));
            let run =
                (hit.count > 0 && !hit.hide_length && slot > 0).then(|| hit.first..hit.first.saturating_add(hit.count));
            parts.add(spot, slot, run, grounds);
        }
        let items = parts.items();
        if items.is_empty() {
            return Err(PlanError::Empty);
        }
        Ok((Cover::of_items(items)?, warnings))
    }
}

impl Hit {
    fn is_same_part(&self, other: &Self) -> bool {
        (&self.place, &self.slot, self.first, self.count) == (&other.place, &other.slot, other.first, other.count)
    }

    fn warnings(&self, hit: usize, grounds: &[String], now_ms: u64) -> Vec<Warning> {
        if grounds.is_empty() {
            return vec![Warning::NoGround { hit }];
        }
        let is_old = self.at_ms > 0 && self.at_ms.saturating_add(FIVE_YEARS_MS) < now_ms;
        let is_bare = is_old && self.motivation.trim().is_empty();
        let relative = grounds.iter().filter(|code| is_bare && RELATIVE.iter().any(|begin| code.starts_with(begin)));
        relative.map(|code| Warning::OlderThanFiveYears { hit, code: code.clone() }).collect()
    }
}

/// Name of a slot, as in the plan.
#[must_use]
pub fn slot_name(slot: u32) -> String {
    match CHAT_LAYOUT.get(slot as usize) {
        _ if slot == 0 => "event".into(),
        Some(spec) => spec.name.into(),
        None => slot.to_string(),
    }
}

fn slot_number(name: &str) -> Option<u32> {
    let by_name = (1..).zip(&CHAT_LAYOUT[1..]).find(|(_, slot)| slot.name == name).map(|(number, _)| number);
    if name == "event" { Some(0) } else { by_name }
}

/// What is gone is withheld as gone: nobody needs to look at it.
fn ended(spot: Spot, end: End) -> Hit {
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
fn hits_of(body: &ShownBody, pattern: &Pattern) -> Vec<Hit> {
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

/// Slots that say again what is covered: a record of JSON is all of it, an image holds what was read off it.
fn echoes(event: &ReadEvent, body: &ShownBody, hits: &[Hit]) -> Vec<Hit> {
    let of = |slot: usize| Hit { slot: slot_name(slot as u32), why: "staat ook hierin".into(), ..Hit::default() };
    let is_json = body.value(chat::AS_WRITTEN).is_some_and(|written| written.starts_with(b"{"));
    let names = |slot: usize| hits.iter().any(|hit| hit.slot == slot_name(slot as u32));
    let mut more = Vec::new();
    if is_json && !hits.is_empty() && !names(chat::AS_WRITTEN) {
        more.push(of(chat::AS_WRITTEN));
    }
    if event.facts.kind == EventKind::ScreenshotAdded && names(chat::TEXT) {
        more.push(of(chat::ATTACHMENTS));
    }
    more
}

/// Text of the same length in bytes: what is no UTF-8 becomes `?`, byte for byte.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

/// Which items hold these bytes.
fn run_of(items: &[&[u8]], range: &Range<usize>) -> (u32, u32) {
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

fn context(text: &str, range: &Range<usize>) -> String {
    let before: Vec<char> = text[..range.start].chars().rev().take(CONTEXT_CHARS).collect();
    let after: String = text[range.end..].chars().take(CONTEXT_CHARS).collect();
    let before: String = before.into_iter().rev().collect();
    plain(&format!("{before}[{}]{after}", &text[range.clone()]).replace('\n', " "))
}

#[cfg(test)]
mod tests;
