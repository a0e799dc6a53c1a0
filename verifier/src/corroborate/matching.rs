//! Which sightings are of one message: conversations that are one, then pair by pair of captures.
//!
//! Order of the pairing, the surest first: the same id of the chat service; the same words by senders that were counted as one
//! person; the same words by senders of whom nothing is known; other words, or a deletion, by one person at one time. Each
//! sighting is paired at most once per other capture.

use super::sighting::{Sighting, What};
use super::{CAPTURES_COMPARED_MAX, Capture, Difference, MINUTE_MS, SKEW_MS_MAX};
use std::collections::{BTreeMap, HashMap};

/// Messages of two conversations that must be the same before the two are laid side by side.
const SHARED_MIN: usize = 3;
/// Bytes of words that are not said by chance.
const TELLING_BYTES_MIN: u32 = 12;
/// Sightings of the same words that are compared across conversations; what more people say more often tells nothing.
const ALIKE_MAX: usize = 32;
/// Least likeness of two texts that are taken as versions of one, in hundredths.
const LIKENESS_MIN: usize = 40;

/// Two conversations that have different ids and were compared as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alike {
    pub(super) one: u32,
    pub(super) other: u32,
    pub(super) messages: usize,
}

/// Which sightings are of one message.
#[derive(Default)]
pub(super) struct Matches {
    others: HashMap<u32, Vec<(u32, Vec<Difference>)>>,
    /// For each capture, the captures of its conversation.
    pub(super) beside: Vec<Vec<u32>>,
    pub(super) alike: Vec<Alike>,
    pub(super) is_partial: bool,
}

impl Matches {
    /// The sightings of one message with this one.
    pub(super) fn of(&self, sighting: u32) -> &[(u32, Vec<Difference>)] {
        self.others.get(&sighting).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, one: u32, other: u32, differs: Vec<Difference>) {
        self.others.entry(one).or_default().push((other, differs.clone()));
        self.others.entry(other).or_default().push((one, differs));
    }
}

pub(super) fn all(sightings: &[Sighting], captures: &[Capture]) -> Matches {
    let mut of_capture: Vec<Vec<u32>> = vec![Vec::new(); captures.len()];
    for (number, sighting) in (0u32..).zip(sightings) {
        of_capture[sighting.capture as usize].push(number);
    }
    of_capture.iter_mut().for_each(|list| list.sort_by_key(|number| sightings[*number as usize].at_ms));
    let mut matches = Matches { beside: vec![Vec::new(); captures.len()], ..Matches::default() };
    for group in groups(sightings, captures, &mut matches.alike) {
        matches.is_partial |= group.len() > CAPTURES_COMPARED_MAX;
        let group = &group[..group.len().min(CAPTURES_COMPARED_MAX)];
        for (at, &left) in group.iter().enumerate() {
            matches.beside[left as usize] = group.iter().copied().filter(|other| *other != left).collect();
            for &right in &group[at + 1..] {
                let sides = [&of_capture[left as usize], &of_capture[right as usize]];
                Pairing::new(sightings, sides).run(&mut matches);
            }
        }
    }
    matches
}

/// Captures by conversation: of one id, or of ids that share enough that is not said by chance.
fn groups(sightings: &[Sighting], captures: &[Capture], alike: &mut Vec<Alike>) -> Vec<Vec<u32>> {
    let mut group: Vec<u32> = (0..captures.len() as u32).collect();
    let mut first: HashMap<(u32, crate::hash::Hash), u32> = HashMap::new();
    for (number, capture) in (0u32..).zip(captures) {
        let one = *first.entry((capture.log, capture.conversation)).or_insert(number);
        group[number as usize] = one;
    }
    for ((one, other), messages) in shared(sightings, &group) {
        let (from, to) = (root(&group, one), root(&group, other));
        if messages >= SHARED_MIN && from != to {
            group[from.max(to) as usize] = from.min(to);
            alike.push(Alike { one, other, messages });
        }
    }
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for number in 0..captures.len() as u32 {
        members.entry(root(&group, number)).or_default().push(number);
    }
    members.into_values().collect()
}

fn root(group: &[u32], mut number: u32) -> u32 {
    while group[number as usize] != number {
        number = group[number as usize];
    }
    number
}

/// Messages that conversations of different ids share.
fn shared(sightings: &[Sighting], group: &[u32]) -> BTreeMap<(u32, u32), usize> {
    let mut by_words: HashMap<[u8; 16], Vec<u32>> = HashMap::new();
    let telling = |sighting: &Sighting| sighting.what != What::Deleted && sighting.length >= TELLING_BYTES_MIN;
    for (number, sighting) in (0u32..).zip(sightings).filter(|(_, sighting)| telling(sighting)) {
        by_words.entry(sighting.words).or_default().push(number);
    }
    let mut votes: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for list in by_words.values().filter(|list| list.len() <= ALIKE_MAX) {
        for (at, &one) in list.iter().enumerate() {
            for &other in &list[at + 1..] {
                let (one, other) = (&sightings[one as usize], &sightings[other as usize]);
                let pair = [one, other].map(|each| group[each.capture as usize]);
                if pair[0] != pair[1] && one.apart_ms(other) <= SKEW_MS_MAX {
                    *votes.entry((pair[0].min(pair[1]), pair[0].max(pair[1]))).or_default() += 1;
                }
            }
        }
    }
    votes
}

/// Two captures of one conversation; each side by time.
struct Pairing<'a> {
    all: &'a [Sighting],
    sides: [&'a [u32]; 2],
    /// For each sighting of a side, whether it is paired.
    taken: [Vec<bool>; 2],
    pairs: Vec<(usize, usize)>,
    /// For senders of the left, the one of the right that was counted as the same person; and the reverse.
    people: [HashMap<u32, u32>; 2],
}

impl<'a> Pairing<'a> {
    fn new(all: &'a [Sighting], sides: [&'a Vec<u32>; 2]) -> Self {
        let sides = sides.map(Vec::as_slice);
        let taken = sides.map(|side| vec![false; side.len()]);
        Self { all, sides, taken, pairs: Vec::new(), people: [HashMap::new(), HashMap::new()] }
    }

    fn at(&self, side: usize, number: usize) -> &'a Sighting {
        &self.all[self.sides[side][number] as usize]
    }

    fn run(mut self, matches: &mut Matches) {
        self.same(|sighting| (sighting.native != [0; 16]).then_some(sighting.native), u64::MAX, |_, _, _| true);
        self.people = self.propose_people();
        let by_words = |sighting: &Sighting| (sighting.length > 0).then_some(sighting.words);
        self.same(by_words, SKEW_MS_MAX, |pairing, left, right| pairing.is_one_person(left, right) == Some(true));
        self.same(by_words, SKEW_MS_MAX, |pairing, left, right| pairing.is_one_person(left, right).is_none());
        self.differing();
        for (left, right) in std::mem::take(&mut self.pairs) {
            let differs = differences(self.at(0, left), self.at(1, right));
            matches.add(self.sides[0][left], self.sides[1][right], differs);
        }
    }

    fn pair(&mut self, left: usize, right: usize) {
        (self.taken[0][left], self.taken[1][right]) = (true, true);
        self.pairs.push((left, right));
    }

    /// Pairs what has one key, the nearest in time and in order.
    fn same(
        &mut self,
        key: impl Fn(&Sighting) -> Option<[u8; 16]>,
        apart_ms_max: u64,
        may: impl Fn(&Self, &Sighting, &Sighting) -> bool,
    ) {
        let mut waiting: HashMap<[u8; 16], Vec<usize>> = HashMap::new();
        for right in (0..self.sides[1].len()).filter(|right| !self.taken[1][*right]) {
            if let Some(key) = key(self.at(1, right)) {
                waiting.entry(key).or_default().push(right);
            }
        }
        for left in 0..self.sides[0].len() {
            let own = self.at(0, left);
            let list = key(own).filter(|_| !self.taken[0][left]).and_then(|key| waiting.get_mut(&key));
            let Some(list) = list else { continue };
            // By time, so that what is said all the time is not compared with all of its kind.
            let reach = apart_ms_max.saturating_add(own.slack_ms);
            let earliest = own.at_ms.saturating_sub(apart_ms_max.saturating_add(86_400_000));
            let from = list.partition_point(|right| self.at(1, *right).at_ms < earliest);
            let near = list[from..].iter().enumerate();
            let near = near.take_while(|(_, right)| self.at(1, **right).at_ms <= own.at_ms.saturating_add(reach));
            let fits = near.filter(|(_, right)| {
                let other = self.at(1, **right);
                own.apart_ms(other) <= apart_ms_max && may(self, own, other)
            });
            let best = fits.min_by_key(|(_, right)| own.apart_ms(self.at(1, **right)));
            if let Some((at, right)) = best.map(|(at, right)| (from + at, *right)) {
                list.remove(at);
                self.pair(left, right);
            }
        }
    }

    /// Counts which senders wrote the same telling words at one time; each gets its most frequent counterpart.
    fn propose_people(&self) -> [HashMap<u32, u32>; 2] {
        let mut once: HashMap<[u8; 16], Option<usize>> = HashMap::new();
        for right in 0..self.sides[1].len() {
            once.entry(self.at(1, right).words).and_modify(|first| *first = None).or_insert(Some(right));
        }
        let mut votes: BTreeMap<(u32, u32), usize> = BTreeMap::new();
        for left in (0..self.sides[0].len()).map(|left| self.at(0, left)).filter(|each| each.length > 0) {
            let Some(Some(right)) = once.get(&left.words) else { continue };
            let right = self.at(1, *right);
            if left.apart_ms(right) <= SKEW_MS_MAX {
                *votes.entry((left.sender, right.sender)).or_default() += 1;
            }
        }
        let mut ranked: Vec<((u32, u32), usize)> = votes.into_iter().collect();
        ranked.sort_by_key(|(pair, count)| (std::cmp::Reverse(*count), *pair));
        let mut people = [HashMap::new(), HashMap::new()];
        for ((left, right), _) in ranked {
            if !people[0].contains_key(&left) && !people[1].contains_key(&right) {
                people[0].insert(left, right);
                people[1].insert(right, left);
            }
        }
        people
    }

    /// `None` if nothing was counted of either.
    fn is_one_person(&self, left: &Sighting, right: &Sighting) -> Option<bool> {
        match (self.people[0].get(&left.sender), self.people[1].get(&right.sender)) {
            (None, None) => None,
            (found, _) => Some(found == Some(&right.sender)),
        }
    }

    /// Other words, files, or a deletion, by one person at one time: each with the one that is most alike.
    fn differing(&mut self) {
        for left in 0..self.sides[0].len() {
            if self.taken[0][left] {
                continue;
            }
            let own = self.at(0, left);
            let earliest = own.at_ms.saturating_sub(86_400_000);
            let from = self.sides[1].partition_point(|right| self.all[*right as usize].at_ms < earliest);
            let latest = own.at_ms.saturating_add(own.slack_ms).saturating_add(MINUTE_MS);
            let near = (from..self.sides[1].len()).take_while(|right| self.at(1, *right).at_ms <= latest);
            let fits = near.filter(|right| {
                let other = self.at(1, *right);
                let is_near = !self.taken[1][*right] && own.apart_ms(other) < MINUTE_MS;
                is_near && self.is_one_person(own, other) == Some(true) && is_version(own, other)
            });
            let best = fits.max_by_key(|right| own.likeness(self.at(1, *right)));
            if let Some(right) = best {
                self.pair(left, right);
            }
        }
    }
}

/// Whether two contents can be of one message.
fn is_version(one: &Sighting, other: &Sighting) -> bool {
    match (one.what, other.what) {
        (What::Deleted | What::Waiting, _) | (_, What::Deleted | What::Waiting) => true,
        (What::Words, What::Words) => one.likeness(other) >= LIKENESS_MIN,
        // A picture that one phone has in another size, or has not.
        (What::Files, What::Files) => true,
        _ => false,
    }
}

fn differences(one: &Sighting, other: &Sighting) -> Vec<Difference> {
    let mut differs = Vec::new();
    if one.apart_ms(other) >= MINUTE_MS {
        differs.push(Difference::Time);
    }
    let is_deleted = (one.what == What::Deleted) != (other.what == What::Deleted);
    if is_deleted {
        differs.push(Difference::Deleted);
    } else if one.words != other.words || one.what != other.what {
        differs.push(Difference::Text);
    } else if one.exact != other.exact {
        differs.push(Difference::WhiteSpace);
    }
    differs
}
