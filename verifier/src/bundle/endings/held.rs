//! Holds and classes, as far as the acts that place, release and give them are open in a bundle. Pure.
//!
//! Invariant: nobody is accused of what a closed act can explain. A hold that was in force from before the approval until after the declaration was
//! broken; one that began or ended in between is not judged, since a bundle does not say when content was erased. Memory: at most
//! [`ACTS_MAX`] acts; beyond that all others count as closed. Specification: `specs/officer.md`.

use super::Spot;
use crate::bundle::shut::Facts;
use crate::hash::Hash;
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::v1::{EventKind, RedactionItem, Scope, SelectionSubject, StreamType};

/// Acts that are kept.
const ACTS_MAX: usize = 65_536;

/// Whether something was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Yes,
    No,
    /// Acts that could say so are not open.
    Unknown,
}

/// An act that selects.
struct Selecting {
    spot: Spot,
    act: Hash,
    code: String,
    scopes: Vec<Scope>,
    items: BTreeSet<Spot>,
}

impl Selecting {
    fn selects(&self, spot: Spot, facts: Option<&Facts>) -> bool {
        self.items.contains(&spot) || facts.is_some_and(|facts| self.scopes.iter().any(|scope| is_in(facts, scope)))
    }
}

fn is_in(facts: &Facts, scope: &Scope) -> bool {
    let of = match StreamType::try_from(scope.stream) {
        Ok(StreamType::StreamConversation) => facts.conversation,
        Ok(StreamType::StreamCustodian) => facts.custodian,
        _ => return false,
    };
    let is_every = (scope.from_month, scope.to_month) == (0, 0);
    Some(of) == Hash::read(&scope.id) && (is_every || (scope.from_month..=scope.to_month).contains(&facts.month))
}

/// Holds, releases and classes.
#[derive(Default)]
pub(super) struct Selections {
    holds: Vec<Selecting>,
    released: BTreeMap<Hash, Spot>,
    classes: Vec<Selecting>,
    closed_holds: Vec<Spot>,
    closed_releases: Vec<Spot>,
}

impl Selections {
    /// Takes an act that is open.
    pub(super) fn act(
        &mut self,
        kind: EventKind,
        spot: Spot,
        subject: SelectionSubject,
        items: impl Iterator<Item = RedactionItem>,
    ) {
        let kept = match kind {
            EventKind::HoldPlaced => &mut self.holds,
            EventKind::ClassAssigned => &mut self.classes,
            EventKind::HoldReleased => {
                let of = Hash::read(&subject.refers_to).unwrap_or(Hash::ZERO);
                self.released.entry(of).or_insert(spot);
                return;
            }
            _ => return,
        };
        let act = Hash::read(&subject.act).unwrap_or(Hash::ZERO);
        let items = items.map(|item| (item.entry, item.position));
        if let Some(last) = kept.last_mut().filter(|last| last.act == act) {
            last.items.extend(items);
        } else if kept.len() < ACTS_MAX {
            let (code, scopes) = (subject.code, subject.scopes);
            kept.push(Selecting { spot, act, code, scopes, items: items.collect() });
        } else {
            self.closed(kind, spot);
        }
    }

    /// Takes an act that is not open.
    pub(super) fn closed(&mut self, kind: EventKind, spot: Spot) {
        let closed = match kind {
            EventKind::HoldPlaced => &mut self.closed_holds,
            EventKind::HoldReleased => &mut self.closed_releases,
            _ => return,
        };
        if closed.len() < ACTS_MAX {
            closed.push(spot);
        }
    }

    /// Whether an event was held from before its end was approved until after it was declared.
    pub(super) fn held(&self, spot: Spot, facts: Option<&Facts>, approved: Spot, declared: Spot) -> Held {
        let lasts = |hold: &&Selecting| self.released.get(&hold.act).is_none_or(|released| *released > declared);
        let mut holds = self.holds.iter().filter(|hold| hold.spot < approved).filter(lasts);
        let is_held = holds.any(|hold| hold.selects(spot, facts));
        let before = |closed: &[Spot], place: Spot| closed.iter().any(|spot| *spot < place);
        match is_held {
            true if before(&self.closed_releases, declared) => Held::Unknown,
            true => Held::Yes,
            false if before(&self.closed_holds, approved) => Held::Unknown,
            false if facts.is_none() && self.holds.iter().any(|hold| hold.spot < approved) => Held::Unknown,
            false => Held::No,
        }
    }

    /// The class that the newest open act before a place gave an event.
    pub(super) fn class(&self, spot: Spot, facts: Option<&Facts>, before: Spot) -> Option<&str> {
        let mut given = self.classes.iter().rev().filter(|act| act.spot < before);
        given.find(|act| act.selects(spot, facts)).map(|act| act.code.as_str())
    }
}
