//! Two phones, one message: which lines are copies of a line that is told already, and of whom.
//!
//! Messages that are wholly open are matched as corroboration does (the library). Where one of two is covered in part, and for lines
//! of the app, the library says nothing; here they are copies if everything that a reader sees of both is the same: conversation,
//! the open words and where something is covered between them, and the sender if neither covers it, within a minute, each at
//! most once per holder; what corroboration matched already is no copy of anything else. A copy is left out only if it says nothing else: in other words, deleted, or with other files it stays.
//! What is withheld as a whole is never a copy: nobody sees of what. Specification: `specs/disclosure.md`.

use super::{Line, Part};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher};
use zegel_proto::v1::EventKind;
use zegel_verifier::bundle::{Place, ShownEvent};
use zegel_verifier::corroborate::{Compared, Corroborator, Difference, MINUTE_MS};
use zegel_verifier::hash::Hash;

type Spot = (u64, u32);

/// Lines that are remembered.
const LINES_MAX: usize = 1_000_000;

/// One line.
struct Seen {
    spot: Spot,
    custodian: Hash,
    at_ms: u64,
    /// Over the sender's words; `None` where something of them is covered.
    sender: Option<u64>,
    /// The library compares it with others of its kind.
    is_sighting: bool,
}

/// First pass: everything that can have a copy.
#[derive(Default)]
pub(super) struct Gather {
    pub(super) holders: Corroborator,
    /// Lines by what is seen of their words.
    alike: HashMap<u64, Vec<Seen>>,
    count: usize,
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
    told: BTreeMap<Spot, Copies>,
}

fn spot(place: Place) -> Spot {
    (place.entry, place.position.unwrap_or(0))
}

fn is_covered(part: &Part) -> bool {
    matches!(part, Part::Covered(_))
}

/// What a reader sees of a line's words; grounds and numbers of covered words are not told apart.
fn words(conversation: Hash, line: &Line) -> u64 {
    let mut hasher = DefaultHasher::new();
    (conversation, line.kind, &line.what).hash(&mut hasher);
    parts(&line.text, &mut hasher);
    hasher.finish()
}

fn parts(parts: &[Part], hasher: &mut DefaultHasher) {
    for part in parts {
        match part {
            Part::Open(words) => words.split_whitespace().for_each(|word| word.hash(hasher)),
            Part::Covered(_) => 0xc0u8.hash(hasher),
        }
    }
}

fn sender(line: &Line) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    parts(&line.sender, &mut hasher);
    (!line.sender.iter().any(is_covered)).then(|| hasher.finish())
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
        let is_open = |part: &Part| matches!(part, Part::Open(words) if !words.trim().is_empty());
        let says_something = line.text.iter().any(is_open) || !line.what.is_empty();
        if !says_something || !line.attachments.is_empty() || line.at_ms == 0 || self.count >= LINES_MAX {
            return;
        }
        let in_part = line.sender.iter().chain(&line.text).any(is_covered);
        let is_sighting = is_message(line.kind()) && !in_part;
        let seen = Seen { spot: spot(event.place), custodian, at_ms: line.at_ms, sender: sender(line), is_sighting };
        self.alike.entry(words(conversation, line)).or_default().push(seen);
        self.count += 1;
    }

    /// Lays all of it side by side.
    pub(super) fn compare(self, origin: &str) -> AllCopies {
        let holders = self.holders.compare();
        let mut told = BTreeMap::new();
        for mut alike in self.alike.into_values() {
            let place = |seen: &Seen| Place::event(seen.spot.0, seen.spot.1);
            alike.retain(|seen| !seen.is_sighting || holders.others(origin, place(seen)).is_empty());
            alike.sort_by_key(|seen| seen.spot);
            pair(&alike, &mut told);
        }
        AllCopies { holders, told }
    }
}

impl Seen {
    /// The library says nothing of the two, and what is seen of both is the same.
    fn can_be_copy_of(&self, first: &Self) -> bool {
        let one_person = self.sender.is_none() || first.sender.is_none() || self.sender == first.sender;
        self.custodian != first.custodian
            && one_person
            && !(self.is_sighting && first.is_sighting)
            && self.at_ms.abs_diff(first.at_ms) <= MINUTE_MS
    }
}

/// The first line of a message is told; each other holder's first free one within a minute is its copy.
fn pair(alike: &[Seen], told: &mut BTreeMap<Spot, Copies>) {
    for (at, first) in alike.iter().enumerate() {
        if told.get(&first.spot).is_some_and(|of| of.is_told) {
            continue;
        }
        let mut also = BTreeSet::new();
        for other in alike[at + 1..].iter().filter(|other| other.can_be_copy_of(first)) {
            let is_free = told.get(&other.spot).is_none_or(|of| !of.is_told);
            if is_free && also.insert(other.custodian) {
                told.entry(other.spot).or_default().is_told = true;
            }
        }
        if !also.is_empty() {
            told.entry(first.spot).or_default().also.extend(also);
        }
    }
}

impl AllCopies {
    /// What is said of the line of an event.
    pub(super) fn of(&self, origin: &str, place: Place) -> Copies {
        let mut copies = self.told.get(&spot(place)).cloned().unwrap_or_default();
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

    fn seen(entry: u64, custodian: u8, minute: u64, sender: Option<u64>) -> Seen {
        let (spot, custodian) = ((entry, 0), Hash([custodian; 32]));
        Seen { spot, custodian, at_ms: minute * 60_000, sender, is_sighting: false }
    }

    fn told(alike: &[Seen]) -> Vec<u64> {
        let mut copies = BTreeMap::new();
        pair(alike, &mut copies);
        let is_told = |seen: &&Seen| copies.get(&seen.spot).is_none_or(|of: &Copies| !of.is_told);
        alike.iter().filter(is_told).map(|seen| seen.spot.0).collect()
    }

    #[test]
    fn the_copy_of_another_phone_is_told_once_and_a_second_message_of_one_phone_again() {
        let seen = |entry, custodian, minute| seen(entry, custodian, minute, None);
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 2, 10)]), [1]);
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 1, 10)]), [1, 2], "the same phone said it twice");
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 1, 11), seen(3, 2, 10), seen(4, 2, 11)]), [1, 2]);
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 2, 12)]), [1, 2], "two minutes apart");
        assert_eq!(told(&[seen(1, 1, 10), seen(2, 2, 10), seen(3, 3, 10)]), [1]);
    }

    #[test]
    fn a_sender_who_is_shown_on_both_phones_must_be_the_same() {
        assert_eq!(told(&[seen(1, 1, 10, Some(7)), seen(2, 2, 10, Some(7))]), [1]);
        assert_eq!(told(&[seen(1, 1, 10, Some(7)), seen(2, 2, 10, Some(8))]), [1, 2]);
        assert_eq!(told(&[seen(1, 1, 10, Some(7)), seen(2, 2, 10, None)]), [1], "covered on one of them");
    }

    #[test]
    fn two_open_messages_are_left_to_corroboration() {
        let open = |entry, custodian| Seen { is_sighting: true, ..seen(entry, custodian, 10, Some(7)) };
        assert_eq!(told(&[open(1, 1), open(2, 2)]), [1, 2]);
        assert_eq!(told(&[open(1, 1), seen(2, 2, 10, None)]), [1]);
    }
}
