//! Two holders' read-outs of one group: what they agree on, what only one has, and where they contradict each other.
//!
//! Nothing is merged. A contradiction is a finding about two texts that are both kept, and a message that only one holder
//! has is the strongest thing a comparison can show: deleting «for me» leaves no trace in one's own read-out.
//!
//! Notices of the app are not compared, as each phone words them from its own side («Alice added you»).
//!
//! Deliberately not here: who is who. The names in [`Overlap::names`] are a proposal, counted from messages that only one
//! pair of names can have sent.

use super::record::Precision;
use super::{AttachmentState, Kind, Record};
use std::collections::{BTreeMap, HashMap};

/// How far two phones may put one message apart, in milliseconds. A message that waits in flight mode has the time of its
/// writing in one file and that of its arrival in the others; clocks differ by minutes at most.
pub const SKEW_MAX_MS: i64 = 5 * 60 * 1000;

/// Least likeness of two texts that are taken as versions of one, in hundredths.
const LIKENESS_MIN: usize = 70;

/// Bytes of a text that are compared for likeness.
const LIKENESS_BYTES_MAX: usize = 4096;

/// What two read-outs say of one conversation. Indices are those of the records in each list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// The same message in both, in the order of the left.
    pub matched: Vec<Pair>,
    /// Messages that only the left has, whether or not the right holder was in the group then.
    pub only_left: Vec<usize>,
    /// Messages that only the right has.
    pub only_right: Vec<usize>,
    /// One message, two contents; in the order of the left. These are not in `matched`.
    pub contradictions: Vec<Contradiction>,
    /// Notices of the app on the left, which are not compared.
    pub notices_left: u64,
    /// Notices of the app on the right.
    pub notices_right: u64,
    /// Names that seem to be of one person.
    pub names: Vec<SameName>,
}

/// One message in two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Index on the left.
    pub left: usize,
    /// Index on the right.
    pub right: usize,
    /// How much later the right has it, in milliseconds, beyond what the width of the times explains.
    pub skew_ms: i64,
}

/// One message with two contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The two records.
    pub pair: Pair,
    /// What differs.
    pub difference: Difference,
}

/// How two contents of one message differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only in spaces and line ends.
    Whitespace,
    /// In words.
    Text,
    /// The left has only the notice that it was deleted.
    DeletedLeft,
    /// The right has only the notice that it was deleted.
    DeletedRight,
    /// The left has left out the attachment that the right has.
    LeftOutLeft,
    /// The right has left out the attachment that the left has.
    LeftOutRight,
}

/// Two names for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameName {
    /// Name in the left file.
    pub left: String,
    /// Name in the right file.
    pub right: String,
    /// How many messages say so.
    pub messages: u64,
}

/// Compares two read-outs of one group.
pub fn corroborate(left: &[Record], right: &[Record]) -> Overlap {
    let mut sides = Sides::new(left, right);
    sides.names = sides.propose_names();
    sides.pair_same(Trust::SamePerson);
    sides.pair_same(Trust::MaybeSamePerson);
    sides.pair_differing();
    sides.overlap()
}

/// A message, reduced to what two phones must agree on.
struct Message<'a> {
    index: usize,
    record: &'a Record,
    key: String,
}

impl<'a> Message<'a> {
    fn all(records: &'a [Record]) -> Vec<Self> {
        let messages = records.iter().enumerate().filter(|(_, record)| is_message(record));
        messages.map(|(index, record)| Self { index, record, key: key(record) }).collect()
    }

    fn sender(&self) -> &'a str {
        self.record.sender.as_deref().unwrap_or_default()
    }
}

/// An iPhone writes a missed call under a name and an Android phone does not; it is a notice on both.
fn is_message(record: &Record) -> bool {
    record.sender.is_some() && !matches!(record.kind, Kind::Call { .. })
}

/// Text without spaces and marks. File names and captions differ per phone, and so do the words of a deletion, so those are
/// one key each.
fn key(record: &Record) -> String {
    if matches!(record.kind, Kind::Deleted { .. }) {
        return "\0deleted".to_owned();
    }
    if record.attachments.iter().any(|attachment| attachment.certain || attachment.state != AttachmentState::Attached) {
        return "\0attachment".to_owned();
    }
    let text = super::marks::without_direction(&String::from_utf8_lossy(&record.text));
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The distance between two times, less what their widths explain.
fn skew(left: &Record, right: &Record) -> i64 {
    let width = |record: &Record| if record.occurred.precision == Precision::Minute { 59_999 } else { 999 };
    let apart = right.occurred.at_ms - left.occurred.at_ms;
    // The left may be as late as its width, the right likewise.
    if apart > 0 { (apart - width(left)).max(0) } else { (apart + width(right)).min(0) }
}

/// Whose messages may be one.
#[derive(Clone, Copy, PartialEq)]
enum Trust {
    /// The two names were counted as one person.
    SamePerson,
    /// Neither name was counted as somebody else's.
    MaybeSamePerson,
}

struct Sides<'a> {
    left: Vec<Message<'a>>,
    right: Vec<Message<'a>>,
    notices: [u64; 2],
    names: Vec<SameName>,
    /// For each message, its partner on the other side.
    right_of: Vec<Option<usize>>,
    left_of: Vec<Option<usize>>,
}

impl<'a> Sides<'a> {
    fn new(left: &'a [Record], right: &'a [Record]) -> Self {
        let notices = [left, right].map(|side| side.iter().filter(|record| !is_message(record)).count() as u64);
        let (left, right) = (Message::all(left), Message::all(right));
        let (right_of, left_of) = (vec![None; left.len()], vec![None; right.len()]);
        Self { left, right, notices, names: Vec::new(), right_of, left_of }
    }

    fn pair(&mut self, left: usize, right: usize) {
        self.right_of[left] = Some(right);
        self.left_of[right] = Some(left);
    }

    fn skew(&self, left: usize, right: usize) -> i64 {
        skew(self.left[left].record, self.right[right].record)
    }

    /// Counts which names sent the same text, where the text occurs once on both sides; each left name gets its most
    /// frequent right name.
    fn propose_names(&self) -> Vec<SameName> {
        let once = |side: &[Message<'a>]| {
            let mut seen: HashMap<String, Option<usize>> = HashMap::new();
            for (at, message) in side.iter().enumerate().filter(|(_, message)| !message.key.starts_with('\0')) {
                seen.entry(message.key.clone()).and_modify(|first| *first = None).or_insert(Some(at));
            }
            seen
        };
        let (left, right) = (once(&self.left), once(&self.right));
        let mut votes: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (key, at) in &left {
            let (Some(left), Some(Some(right))) = (*at, right.get(key).copied()) else { continue };
            if self.skew(left, right).abs() <= SKEW_MAX_MS {
                *votes.entry((self.left[left].sender(), self.right[right].sender())).or_default() += 1;
            }
        }
        most_frequent(&votes)
    }

    /// Whether the senders of two messages can be one person.
    fn trusts(&self, trust: Trust, left: usize, right: usize) -> bool {
        let (left, right) = (self.left[left].sender(), self.right[right].sender());
        let mut about = self.names.iter().filter(|name| name.left == left || name.right == right).peekable();
        let counted = about.peek().is_some();
        about.all(|name| name.left == left && name.right == right) && (counted || trust == Trust::MaybeSamePerson)
    }

    /// Pairs messages with one key, nearest in time and in order. Deletions and attachments have no words of their own, so
    /// those want a person that was counted.
    fn pair_same(&mut self, trust: Trust) {
        let mut pairs = Vec::new();
        let mut waiting = self.waiting();
        for left in (0..self.left.len()).filter(|left| self.right_of[*left].is_none()) {
            let message = &self.left[left];
            if trust != Trust::SamePerson && message.key.starts_with('\0') {
                continue;
            }
            let Some(candidates) = waiting.get_mut(message.key.as_str()) else { continue };
            // Sorted by time, so that a text that is sent all the time is not compared with all of its kind.
            let at_ms = |right: usize| self.right[right].record.occurred.at_ms;
            let earliest = message.record.occurred.at_ms - SKEW_MAX_MS - 60_000;
            let from = candidates.partition_point(|right| at_ms(*right) < earliest);
            let near =
                candidates[from..].iter().take_while(|right| self.skew(left, **right) <= SKEW_MAX_MS).enumerate();
            let fits = near.filter(|(_, right)| self.trusts(trust, left, **right));
            let best =
                fits.min_by_key(|(_, right)| self.skew(left, **right).abs()).map(|(at, right)| (from + at, *right));
            if let Some((at, right)) = best.filter(|(_, right)| self.skew(left, *right).abs() <= SKEW_MAX_MS) {
                candidates.remove(at);
                pairs.push((left, right));
            }
        }
        drop(waiting);
        pairs.into_iter().for_each(|(left, right)| self.pair(left, right));
    }

    /// What is left on the right, by key and sorted by time.
    fn waiting(&self) -> HashMap<&str, Vec<usize>> {
        let mut waiting: HashMap<&str, Vec<usize>> = HashMap::new();
        for right in (0..self.right.len()).filter(|right| self.left_of[*right].is_none()) {
            waiting.entry(self.right[right].key.as_str()).or_default().push(right);
        }
        waiting.values_mut().for_each(|some| some.sort_by_key(|right| self.right[*right].record.occurred.at_ms));
        waiting
    }

    /// Pairs what is left on both sides between the same two pairs, at one time, when the texts are alike or one is deleted.
    fn pair_differing(&mut self) {
        let (mut from, mut after) = (0, 0);
        for left in 0..=self.left.len() {
            let partner = self.right_of.get(left).copied().flatten();
            if left < self.left.len() && partner.is_none() {
                continue;
            }
            // Only forward: a pair that crosses others (a message that waited) bounds nothing.
            let to = partner.unwrap_or(self.right.len());
            if to >= after {
                self.pair_differing_between(from..left, after..to);
                (from, after) = (left + 1, to + 1);
            }
        }
    }

    fn pair_differing_between(&mut self, left: std::ops::Range<usize>, right: std::ops::Range<usize>) {
        for at in left {
            if self.right_of[at].is_some() {
                continue;
            }
            let alike = |other: &usize| {
                self.left_of[*other].is_none()
                    && self.skew(at, *other) == 0
                    && self.trusts(Trust::MaybeSamePerson, at, *other)
                    && versions_of_one(&self.left[at], &self.right[*other])
            };
            if let Some(other) = right.clone().find(alike) {
                self.pair(at, other);
            }
        }
    }

    fn overlap(self) -> Overlap {
        let [notices_left, notices_right] = self.notices;
        let mut overlap = Overlap { notices_left, notices_right, names: self.names.clone(), ..Overlap::default() };
        for (at, message) in self.left.iter().enumerate() {
            let Some(other) = self.right_of[at] else {
                overlap.only_left.push(message.index);
                continue;
            };
            let pair = Pair { left: message.index, right: self.right[other].index, skew_ms: self.skew(at, other) };
            match difference(message, &self.right[other]) {
                None => overlap.matched.push(pair),
                Some(difference) => overlap.contradictions.push(Contradiction { pair, difference }),
            }
        }
        let alone = (0..self.right.len()).filter(|right| self.left_of[*right].is_none());
        overlap.only_right = alone.map(|right| self.right[right].index).collect();
        overlap
    }
}

fn most_frequent(votes: &BTreeMap<(&str, &str), u64>) -> Vec<SameName> {
    let mut ranked: Vec<_> = votes.iter().collect();
    ranked.sort_by_key(|(names, count)| (std::cmp::Reverse(**count), **names));
    let mut names: Vec<SameName> = Vec::new();
    for ((left, right), messages) in ranked {
        if !names.iter().any(|name| name.left == *left || name.right == *right) {
            names.push(SameName { left: (*left).to_owned(), right: (*right).to_owned(), messages: *messages });
        }
    }
    names.sort_by(|one, other| one.left.cmp(&other.left));
    names
}

fn difference(left: &Message<'_>, right: &Message<'_>) -> Option<Difference> {
    let deleted = |message: &Message<'_>| matches!(message.record.kind, Kind::Deleted { .. });
    let left_out = |message: &Message<'_>| {
        message.record.attachments.iter().any(|one| matches!(one.state, AttachmentState::LeftOut(_)))
    };
    match (deleted(left), deleted(right)) {
        (true, false) => return Some(Difference::DeletedLeft),
        (false, true) => return Some(Difference::DeletedRight),
        _ => {}
    }
    match (left_out(left), left_out(right)) {
        (true, false) => return Some(Difference::LeftOutLeft),
        (false, true) => return Some(Difference::LeftOutRight),
        _ => {}
    }
    if left.key != right.key {
        return Some(Difference::Text);
    }
    let same = left.key.starts_with('\0') || shown(left.record) == shown(right.record);
    (!same).then_some(Difference::Whitespace)
}

/// The text without marks and without its last line end: phones differ in those, and they are no difference.
fn shown(record: &Record) -> String {
    super::marks::without_direction(&String::from_utf8_lossy(record.text_trimmed())).replace("\r\n", "\n")
}

fn versions_of_one(left: &Message<'_>, right: &Message<'_>) -> bool {
    let deleted = |message: &Message<'_>| message.key == "\0deleted";
    if deleted(left) || deleted(right) {
        return true;
    }
    !left.key.starts_with('\0') && !right.key.starts_with('\0') && likeness(&left.key, &right.key) >= LIKENESS_MIN
}

/// Pairs of neighbouring bytes that two texts share, in hundredths of all.
fn likeness(left: &str, right: &str) -> usize {
    let pairs = |text: &str| {
        let mut counts: HashMap<[u8; 2], usize> = HashMap::new();
        let bytes = &text.as_bytes()[..text.len().min(LIKENESS_BYTES_MAX)];
        bytes.windows(2).for_each(|two| *counts.entry([two[0], two[1]]).or_default() += 1);
        counts
    };
    let (left, right) = (pairs(left), pairs(right));
    let all: usize = left.values().chain(right.values()).sum();
    let shared: usize = left.iter().map(|(two, count)| (*count).min(right.get(two).copied().unwrap_or(0))).sum();
    (200 * shared).checked_div(all).unwrap_or(0)
}
