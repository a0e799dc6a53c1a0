//! Events of the scope that are not shown whole, by place and by number; and the records that a read-out left out because their event had ended.
//!
//! A read-out's manifest says of such a record: RECORD_ENDED, and the number of the event (`specs/readout.md`). Invariant: it is believed only if that event
//! is withheld as ended, or covered for good, by a decision that stood in the log before the read-out did. In a bundle of all months only. Memory: at most
//! [`SHUT_MAX`] events and [`CLAIMS_MAX`] runs; what is beyond that is not judged. Specification: `specs/findings.md`.

use super::captures::CaptureId;
use super::endings::{Endings, Spot};
use super::findings::{About, Finding, Severity};
use crate::hash::Hash;
use std::collections::BTreeMap;

/// Events that are remembered: some 60 bytes each.
const SHUT_MAX: usize = 262_144;
/// Runs that are remembered.
const CLAIMS_MAX: usize = 65_536;

/// What the header of an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) conversation: Hash,
    pub(super) custodian: Hash,
    pub(super) month: u32,
}

/// A run of records that a read-out left out.
struct Claim {
    capture: u32,
    first: u64,
    count: u64,
    /// Where its manifest stands.
    spot: Spot,
}

/// What is remembered.
#[derive(Default)]
pub(super) struct Shut {
    captures: Vec<CaptureId>,
    numbers: BTreeMap<CaptureId, u32>,
    /// Capture, number and month.
    by_place: BTreeMap<Spot, (u32, u32)>,
    by_number: BTreeMap<(u32, u64), Spot>,
    is_full: bool,
    claims: Vec<Claim>,
}

/// Why an event that is said to have ended has not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unfounded {
    Open,
    Undecided,
    Later,
}

impl Unfounded {
    fn finding(self, count: u64) -> Finding {
        let (nl, en) = match self {
            Self::Open => ("de inhoud ervan is er nog", "its content is still here"),
            Self::Undecided => ("geen geldig besluit zegt dat", "no valid decision says so"),
            Self::Later => ("dat werd pas na die uitlezing goedgekeurd", "that was approved only after that read-out"),
        };
        let nl = format!("Een uitlezing liet een bericht weg als geëindigd: {nl}.");
        let en = format!("A read-out left a message out as ended: {en}.");
        Finding::of("RECORD_ENDED_UNFOUNDED", Severity::Error, About::Completeness, nl, en).times(count)
    }
}

impl Shut {
    fn capture(&mut self, id: CaptureId) -> u32 {
        let next = self.captures.len() as u32;
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.captures.push(id);
        }
        number
    }

    /// Takes an event that is withheld, or covered in part.
    pub(super) fn note(&mut self, spot: Spot, capture: CaptureId, number: u64, month: u32) {
        self.is_full |= self.by_place.len() >= SHUT_MAX;
        if self.is_full {
            return;
        }
        let capture = self.capture(capture);
        self.by_place.insert(spot, (capture, month));
        self.by_number.insert((capture, number), spot);
    }

    /// Takes a run of records that were left out as ended, from a manifest at a place.
    pub(super) fn claim(&mut self, spot: Spot, capture: CaptureId, first: u64, count: u64) {
        if self.claims.len() < CLAIMS_MAX {
            let capture = self.capture(capture);
            self.claims.push(Claim { capture, first, count, spot });
        }
    }

    /// What is known of an event.
    pub(super) fn of(&self, spot: Spot) -> Option<Facts> {
        let (capture, month) = *self.by_place.get(&spot)?;
        let (_, custodian, conversation) = *self.captures.get(capture as usize)?;
        Some(Facts { conversation, custodian, month })
    }

    /// Records that were left out though their event had not ended.
    pub(super) fn findings(&self, endings: &Endings) -> Vec<Finding> {
        let mut found: BTreeMap<Unfounded, u64> = BTreeMap::new();
        for Claim { capture, first, count, spot } in &self.claims {
            let mut shut = 0;
            for (_, event) in self.by_number.range((*capture, *first)..(*capture, first.saturating_add(*count))) {
                shut += 1;
                let why = match endings.approval(*event) {
                    None => Unfounded::Undecided,
                    Some(approved) if approved >= *spot => Unfounded::Later,
                    Some(_) => continue,
                };
                *found.entry(why).or_default() += 1;
            }
            // What a landing zone purged for its archive is open where the archive exports it.
            if !self.is_full && !endings.has_purge() && shut < *count {
                *found.entry(Unfounded::Open).or_default() += count - shut;
            }
        }
        found.into_iter().map(|(why, count)| why.finding(count)).collect()
    }
}
