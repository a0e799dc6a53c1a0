//! A redaction plan: what should be covered, found by pattern or selected by hand, each hit to be confirmed by a person.
//!
//! Invariants: nothing of a plan counts before its file says `cover` or `leave` of every hit; what is covered is covered wherever the event says it
//! again (`echo`), also where a hit was left; runs that touch and have the same grounds are one item. The file holds words of
//! chats: it is for its owner only (0600). Not here: the log (`officer`), the bundle (`export`). Specification: `specs/officer.md`.

mod find;
mod merge;
mod pattern;
mod widen;

pub use pattern::Pattern;
pub use widen::{Again, widened};

use find::{again, ended, hits_of};

use crate::acts::Acts;
use crate::disk::{self, DiskError, Readers};
use crate::export::{Cover, CoverError, Spot};
use crate::officer::normalise_ground;
use crate::reading::Reading;
use serde::{Deserialize, Serialize};
use std::path::Path;
use thiserror::Error;
use zegel_proto::v1::RedactionItem;
use zegel_verifier::kinds::{CHAT_LAYOUT, Family, family};
use zegel_verifier::registry::Registry;

/// First field of a plan file.
const VERSION: &str = "zegel-plan/1";
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
            hits.extend(again(event, body, &hits));
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

#[cfg(test)]
mod tests;
