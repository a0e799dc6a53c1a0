//! What several holders have of one conversation, laid side by side: over bundles of custodians, of logs, of channels.
//!
//! Every capture stays whole: nothing is merged, dropped or preferred. Which sightings are of one message is a reading aid and
//! no proof: the same words (white space aside) within five minutes by senders who can be one person, or the same id of the
//! chat service. What follows from it is told as findings: seen by several, by one only though another's capture spans that
//! moment, at another time, in other words, deleted for one.
//!
//! Invariants: only events of verified bundles are taken (the caller verifies first); only what is wholly open is compared,
//! and what is not is counted. Memory: some 150 bytes a message, at most [`SIGHTINGS_MAX`]; what lies beyond is not compared,
//! and the report says so. Specification: `specs/corroboration.md`.

mod matching;
mod report;
mod sighting;

pub use report::{Contradiction, Corroboration, HolderReport, SightingReport};

use crate::bundle::names::Names;
use crate::bundle::splits::Splits;
use crate::bundle::{Observer, Place, ShownEvent};
use crate::hash::Hash;
use sighting::{Interned, Seen, Sighting, read};
use std::collections::{BTreeMap, HashMap};

/// Messages that are compared.
pub const SIGHTINGS_MAX: usize = 1_000_000;
/// How far the times of one message may lie apart beyond their precision: a phone without a connection stamps later.
pub const SKEW_MS_MAX: u64 = 5 * 60 * 1_000;
/// From here on two times of one message contradict each other.
pub const MINUTE_MS: u64 = 60 * 1_000;
/// Captures of one conversation that are compared with each other, pair by pair.
pub const CAPTURES_COMPARED_MAX: usize = 64;

/// How two sightings of one message differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Their times lie a minute or more apart.
    Time,
    /// Only in spaces and line ends.
    WhiteSpace,
    /// In words.
    Text,
    /// One has only the notice that it was deleted.
    Deleted,
}

impl Difference {
    /// The word of it in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::WhiteSpace => "white_space",
            Self::Text => "text",
            Self::Deleted => "deleted",
        }
    }
}

/// One capture: log, source, custodian, conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Capture {
    log: u32,
    source: Hash,
    custodian: Hash,
    conversation: Hash,
}

/// Where a sighting stands: its log (not its bundle, since two bundles of one log can show the same event).
type Spot = (u32, u64, u32);

/// Takes the events of bundles, one bundle after the other.
#[derive(Default)]
pub struct Corroborator {
    logs: Vec<String>,
    log: u32,
    bundle: u32,
    names: Names,
    captures: BTreeMap<Capture, u32>,
    sightings: Vec<Sighting>,
    by_spot: HashMap<Spot, u32>,
    senders: Interned,
    /// Messages of which something is covered, or whose time is not known.
    not_compared: u64,
    splits: Splits,
    is_full: bool,
}

impl Corroborator {
    /// The next bundle begins: its log, and its number among the bundles, counted from 0.
    pub fn begin(&mut self, bundle: u32, origin: &str) {
        let known = self.logs.iter().position(|each| each == origin);
        self.log = known.unwrap_or_else(|| {
            self.logs.push(origin.into());
            self.logs.len() - 1
        }) as u32;
        self.bundle = bundle;
    }

    /// Lays all sightings side by side.
    #[must_use]
    pub fn compare(self) -> Compared {
        let captures: Vec<Capture> = {
            let mut all: Vec<(u32, Capture)> =
                self.captures.iter().map(|(capture, number)| (*number, *capture)).collect();
            all.sort_by_key(|(number, _)| *number);
            all.into_iter().map(|(_, capture)| capture).collect()
        };
        let matches = matching::all(&self.sightings, &captures);
        Compared { corroborator: self, captures, matches }
    }
}

impl Observer for Corroborator {
    fn event(&mut self, event: &ShownEvent<'_>) {
        self.names.event(event);
        self.splits.event(event);
        let capture = match (event.facts.custodian, event.facts.conversation) {
            (Some(custodian), Some(conversation)) if event.in_scope => {
                Capture { log: self.log, source: event.source, custodian, conversation }
            }
            _ => return,
        };
        let spot = (self.log, event.place.entry, event.place.position.unwrap_or(0));
        match read(event, &mut self.senders) {
            Seen::NoMessage => {}
            // Shown in another bundle, maybe open there.
            _ if self.by_spot.contains_key(&spot) => {}
            Seen::NotOpen => self.not_compared += 1,
            Seen::Open(_) if self.sightings.len() >= SIGHTINGS_MAX => self.is_full = true,
            Seen::Open(mut sighting) => {
                let next = self.captures.len() as u32;
                sighting.capture = *self.captures.entry(capture).or_insert(next);
                (sighting.spot, sighting.bundle) = (spot, self.bundle);
                self.by_spot.insert(spot, self.sightings.len() as u32);
                self.sightings.push(*sighting);
            }
        }
    }
}

/// All sightings, and which of them are of one message.
pub struct Compared {
    corroborator: Corroborator,
    captures: Vec<Capture>,
    matches: matching::Matches,
}

/// Another holder who has a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Origin of his log.
    pub log: String,
    /// His id.
    pub custodian: Hash,
    /// Where his copy stands in his log.
    pub place: Place,
    /// Where it differs.
    pub differs: Vec<Difference>,
}

impl Compared {
    /// Other holders who have the message of an event, each once.
    #[must_use]
    pub fn others(&self, origin: &str, place: Place) -> Vec<Other> {
        let log = self.corroborator.logs.iter().position(|each| each == origin).unwrap_or(usize::MAX);
        let spot = (log as u32, place.entry, place.position.unwrap_or(0));
        let Some(&own) = self.corroborator.by_spot.get(&spot) else { return Vec::new() };
        let mut others: Vec<Other> = Vec::new();
        for (other, differs) in self.matches.of(own) {
            let (mine, capture) = (self.capture(own), self.capture(*other));
            let log = self.corroborator.logs[capture.log as usize].clone();
            let is_known = others.iter().any(|each| each.log == log && each.custodian == capture.custodian);
            if (capture.log, capture.custodian) != (mine.log, mine.custodian) && !is_known {
                let (_, entry, position) = self.corroborator.sightings[*other as usize].spot;
                let place = Place::event(entry, position);
                others.push(Other { log, custodian: capture.custodian, place, differs: differs.clone() });
            }
        }
        others
    }

    /// The name of an id, if its registration was open in one of the bundles.
    #[must_use]
    pub fn name(&self, id: Hash) -> Option<&str> {
        self.corroborator.names.of(id)
    }

    /// Not every message was compared.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.corroborator.is_full || self.matches.is_partial
    }

    /// What was found, in numbers, findings and the contradictions themselves.
    #[must_use]
    pub fn report(&self) -> Corroboration {
        report::write(self)
    }

    fn capture(&self, sighting: u32) -> Capture {
        self.captures[self.corroborator.sightings[sighting as usize].capture as usize]
    }
}
