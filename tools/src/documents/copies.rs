//! Two phones, one message: which lines are copies of a line that is told already, and of whom.
//!
//! Messages that are wholly open are matched as corroboration does (the library). Of what is covered in part, and of lines of the
//! app, the library says nothing; here such a line is a copy if everything that a reader sees of it is the same: conversation, sender, the open words and where
//! something is covered between them, within five minutes. A copy is left out only if it says nothing else: in other words, deleted,
//! or with other files it stays. What is withheld as a whole is never a copy: nobody sees of what. Specification: `specs/disclosure.md`.

use super::{Line, Part};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher};
use zegel_proto::v1::EventKind;
use zegel_verifier::bundle::{Place, ShownEvent};
use zegel_verifier::corroborate::{Compared, Corroborator, Difference, SKEW_MS_MAX};
use zegel_verifier::hash::Hash;

type Spot = (u64, u32);

/// One line of which something is covered.
struct Seen {
    spot: Spot,
    custodian: Hash,
    at_ms: u64,
}

/// First pass: everything that can have a copy.
#[derive(Default)]
pub(super) struct Gather {
    pub(super) holders: Corroborator,
    /// Lines of which something is covered, by what is seen of them.
    in_part: HashMap<u64, Vec<Seen>>,
}

/// What is said of a line because of its copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Copies {
    /// It is a copy of a line that is told.
    pub(super) is_told: bool,
    /// Who else has it.
    pub(super) also: BTreeSet<Hash>,
    /// Who has it in other words.
    pub(super) differs: BTreeSet<Hash>,
}

/// All copies of a bundle.
pub(super) struct AllCopies {
    holders: Compared,
    in_part: BTreeMap<Spot, Copies>,
}

fn spot(place: Place) -> Spot {
    (place.entry, place.position.unwrap_or(0))
}

/// What a reader sees of a line; grounds and numbers of words are not told apart.
fn seen(conversation: Hash, line: &Line) -> u64 {
    let mut hasher = DefaultHasher::new();
    (conversation, line.kind, &line.what).hash(&mut hasher);
    for part in line.sender.iter().chain(&line.text) {
        match part {
            Part::Open(words) => words.split_whitespace().for_each(|word| word.hash(&mut hasher)),
            Part::Covered(_) => 0xc0u8.hash(&mut hasher),
        }
    }
    hasher.finish()
}

/// What corroboration compares where it is open; lines of the app it does not.
fn is_message(kind: EventKind) -> bool {
    use EventKind as K;
    matches!(kind, K::MessageCreated | K::MessageEdited | K::MessageDeleted | K::MessageWaiting)
}

impl Gather {
    /// Takes a line that will be told, with its event.
    pub(super) fn line(&mut self, event: &ShownEvent<'_>, line: &Line) {
        let (Some(conversation), Some(custodian)) = (event.facts.conversation, event.facts.custodian) else { return };
        let is_covered = |part: &Part| matches!(part, Part::Covered(_));
        let in_part = line.sender.iter().chain(&line.text).any(is_covered);
        let is_open = |part: &Part| matches!(part, Part::Open(words) if !words.trim().is_empty());
        let says_more = line.text.iter().any(is_open) || !line.what.is_empty();
        if (in_part || !is_message(line.kind())) && says_more && line.attachments.is_empty() && line.at_ms != 0 {
            let seen = Seen { spot: spot(event.place), custodian, at_ms: line.at_ms };
            self.in_part.entry(self::seen(conversation, line)).or_default().push(seen);
        }
    }

    /// Lays all of it side by side.
    pub(super) fn compare(self) -> AllCopies {
        let mut in_part = BTreeMap::new();
        for mut alike in self.in_part.into_values() {
            alike.sort_by_key(|seen| seen.spot);
            pair(&alike, &mut in_part);
        }
        AllCopies { holders: self.holders.compare(), in_part }
    }
}

/// The first line of a message is told; each other holder's nearest one within five minutes is its copy.
fn pair(alike: &[Seen], copies: &mut BTreeMap<Spot, Copies>) {
    for first in alike {
        if copies.get(&first.spot).is_some_and(|of| of.is_told) {
            continue;
        }
        let mut also = BTreeSet::new();
        for other in alike.iter().filter(|other| other.spot > first.spot && other.custodian != first.custodian) {
            let is_free = copies.get(&other.spot).is_none_or(|of| !of.is_told);
            if is_free && other.at_ms.abs_diff(first.at_ms) <= SKEW_MS_MAX && also.insert(other.custodian) {
                copies.entry(other.spot).or_default().is_told = true;
            }
        }
        copies.entry(first.spot).or_default().also.extend(also);
    }
}

impl AllCopies {
    /// What is said of the line of an event.
    pub(super) fn of(&self, origin: &str, place: Place) -> Copies {
        if let Some(copies) = self.in_part.get(&spot(place)) {
            return copies.clone();
        }
        let mut copies = Copies::default();
        for other in self.holders.others(origin, place) {
            let contradicts = |what: &Difference| matches!(what, Difference::Text | Difference::Deleted);
            if other.differs.iter().any(contradicts) {
                copies.differs.insert(other.custodian);
            } else {
                copies.is_told |= other.place < place;
                copies.also.insert(other.custodian);
            }
        }
        copies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(entry: u64, custodian: u8, minute: u64) -> Seen {
        Seen { spot: (entry, 0), custodian: Hash([custodian; 32]), at_ms: minute * 60_000 }
    }

    fn told(alike: &[Seen]) -> Vec<u64> {
        let mut copies = BTreeMap::new();
        pair(alike, &mut copies);
        alike.iter().filter(|seen| !copies[&seen.spot].is_told).map(|seen| seen.spot.0).collect()
    }

    #[test]
    fn the_copy_of_another_phone_is_told_once_and_a_second_message_of_one_phone_again() {
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 2, 10)]), [1]);
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 1, 10)]), [1, 2], "the same phone said it twice");
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 1, 11), seen(3, 2, 10), seen(4, 2, 11)]), [1, 2]);
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 2, 16)]), [1, 2], "six minutes apart");
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 2, 10), seen(3, 3, 10)]), [1]);
    }
}
