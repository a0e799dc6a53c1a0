//! Reading the same chat again: which records are new, which the log already holds, and which are gone.
//!
//! Not a diff of two sequences. The log is in the order of reading, so a chat whose older half was read later is out of order
//! in it, and a longest common subsequence would find only one half. Records are matched by keys instead, from certain to
//! less certain: place and text; time and text, in order (a contact was renamed); place alone (edited or deleted); and only
//! between two matched neighbours, text alone (the phone corrected a time) or time alone (renamed and edited). A chat that
//! moved from a phone with whole minutes to one with seconds is known by its minutes. A wrong
//! «known» loses a message and a wrong «new» repeats one, so a text that merely occurs in both is never enough.
//!
//! Time and memory grow with the number of records, not with their product.
//!
//! Deliberately not here: what a vanished message means. A read-out never says why a line is missing.

use super::fingerprint::{Fingerprint, Fingerprinter};
use super::{Attachment, AttachmentState, Kind, Precision, Record};
pub use crate::import::alignment::{Alignment, Known, Row};
use crate::import::alignment::{QUARTER_MS, SHIFT_QUARTERS_MAX, SHIFT_SUPPORT_MIN, missing};
use std::collections::{HashMap, VecDeque};

/// Fewest messages that must be known by their minute before a chat is held to have moved from another kind of phone.
const MOVED_SUPPORT_MIN: usize = 3;

/// Most pairs on which shifts are tried: 113 shifts on each.
const SHIFT_SAMPLE_MAX: usize = 64;

/// Most shifts in one read-out. Summer time makes two of one wrong zone.
const SHIFTS_MAX: usize = 3;

/// Most records between two matched neighbours where text alone or time alone is tried.
const GAP_RECORDS_MAX: usize = 1_000;

/// Lays `records`, one whole read-out, on `known`, what the log holds of the same capture in the order of the log.
pub fn align(known: &[Known], records: &[Record], fingerprinter: &Fingerprinter) -> Alignment {
    let mut matching = Matching::new(known, records);
    let shift_ms = matching.find_shift(fingerprinter).unwrap_or(0);
    let fingerprints = fingerprinter.fingerprints(records, shift_ms);
    matching.match_exact(&fingerprints);
    for _ in 1..SHIFTS_MAX {
        let Some(other) = matching.find_shift(fingerprinter).filter(|other| *other != shift_ms) else { break };
        matching.match_exact(&fingerprinter.fingerprints(records, other));
    }
    matching.match_moved(fingerprinter, shift_ms);
    let changed = |matching: &Matching<'_>, record: usize, seq| Some(matching.changed(record, seq));
    matching.match_by(&fingerprints, |print| print.place, changed);
    let retimed = matching.match_in_gaps(&fingerprints);
    let (vanished, out_of_range) = missing(known, &matching.record_of, records.len());
    Alignment { rows: matching.rows, vanished, out_of_range, shift_ms, retimed, fingerprints }
}

struct Matching<'a> {
    known: &'a [Known],
    records: &'a [Record],
    /// For each known record, its index in the file.
    record_of: Vec<Option<usize>>,
    rows: Vec<Row>,
}

impl<'a> Matching<'a> {
    fn new(known: &'a [Known], records: &'a [Record]) -> Self {
        Self { known, records, record_of: vec![None; known.len()], rows: vec![Row::New; records.len()] }
    }

    fn pair(&mut self, known: usize, record: usize, row: Row) {
        self.record_of[known] = Some(record);
        self.rows[record] = row;
    }

    /// The row for a record whose text is not the known one.
    fn changed(&self, record: usize, seq: u64) -> Row {
        let held = &self.records[record];
        // A read-out without media says less than one with them: that is no edit.
        let says_less = |attachment: &Attachment| matches!(attachment.state, AttachmentState::LeftOut(_));
        match held.kind {
            Kind::Deleted { .. } => Row::Deleted(seq),
            // Its caption says that it has other words, whatever became of its media. One that the log holds with its file is
            // said once more: the words of the two cannot be compared, and a repeated edit loses nothing.
            Kind::Edited { .. } => Row::Edited(seq),
            _ if !held.attachments.is_empty() && held.attachments.iter().all(says_less) => Row::Known(seq),
            _ => Row::Edited(seq),
        }
    }

    fn match_exact(&mut self, fingerprints: &[Fingerprint]) -> usize {
        self.match_by(fingerprints, |print| (print.place, print.text), |_, _, seq| Some(Row::Known(seq)))
            + self.match_by(fingerprints, |print| (print.time, print.text), |_, _, seq| Some(Row::Known(seq)))
    }

    /// The chat moved from a phone that writes minutes to one that writes seconds. Such phones also name media and write their
    /// notices in other words, so those are known by their place; what a person wrote is known by its words only.
    fn match_moved(&mut self, fingerprinter: &Fingerprinter, shift_ms: i64) {
        let has_seconds = self.records.iter().any(|record| record.occurred.precision == Precision::Second);
        if !has_seconds || self.record_of.iter().all(Option::is_some) {
            return;
        }
        let minutes = fingerprinter.fingerprints_in_minutes(self.records, shift_ms);
        if self.match_exact(&minutes) < MOVED_SUPPORT_MIN {
            return;
        }
        self.match_by(
            &minutes,
            |print| print.place,
            |this, record, seq| {
                let held = &this.records[record];
                let is_in_other_words = !held.attachments.is_empty() || held.sender.is_none();
                match held.kind {
                    Kind::Edited { .. } | Kind::Deleted { .. } => Some(this.changed(record, seq)),
                    _ => is_in_other_words.then_some(Row::Known(seq)),
                }
            },
        );
    }

    /// Pairs what is left on both sides and has the same key, the first with the first, where `row` agrees. Gives how many.
    fn match_by<K: Eq + std::hash::Hash>(
        &mut self,
        fingerprints: &[Fingerprint],
        key: impl Fn(&Fingerprint) -> K,
        row: impl Fn(&Self, usize, u64) -> Option<Row>,
    ) -> usize {
        let mut pairs = 0;
        let mut waiting: HashMap<K, VecDeque<usize>> = HashMap::new();
        for (index, known) in self.known.iter().enumerate().filter(|(index, _)| self.record_of[*index].is_none()) {
            waiting.entry(key(&known.fingerprint)).or_default().push_back(index);
        }
        for (record, print) in fingerprints.iter().enumerate() {
            if self.rows[record] != Row::New {
                continue;
            }
            let Some(queue) = waiting.get_mut(&key(print)) else { continue };
            let Some(index) = queue.front().copied() else { continue };
            if let Some(found) = row(self, record, self.known[index].conversation_seq) {
                queue.pop_front();
                self.pair(index, record, found);
                pairs += 1;
            }
        }
        pairs
    }

    /// The quarter hours by which most texts that occur once on both sides have moved, when enough of them agree.
    fn find_shift(&self, fingerprinter: &Fingerprinter) -> Option<i64> {
        let pairs = self.pairs_by_unique_text(fingerprinter);
        let step = pairs.len().div_ceil(SHIFT_SAMPLE_MAX).max(1);
        let sample: Vec<_> = pairs.into_iter().step_by(step).collect();
        let support = |shift: i64| {
            let moved = |record: usize| fingerprinter.time(self.records[record].occurred.at_ms.saturating_sub(shift));
            sample.iter().filter(|(known, record)| moved(*record) == self.known[*known].fingerprint.time).count()
        };
        // Nearest first, and only a better one replaces it: a tie goes to the smaller shift.
        let quarters = (0..=SHIFT_QUARTERS_MAX).flat_map(|quarter| [quarter, -quarter]);
        let scored = quarters.map(|quarter| quarter * QUARTER_MS).map(|shift| (support(shift), shift));
        let (votes, shift) = scored.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        (votes >= SHIFT_SUPPORT_MIN && votes * 2 >= sample.len()).then_some(shift)
    }

    fn pairs_by_unique_text(&self, fingerprinter: &Fingerprinter) -> Vec<(usize, usize)> {
        // Once on a side is an index; more often is none.
        let mut sides: HashMap<[u8; 16], [Option<Option<usize>>; 2]> = HashMap::new();
        let mut count = |text, side: usize, index| {
            let seen = &mut sides.entry(text).or_default()[side];
            *seen = Some(if seen.is_none() { Some(index) } else { None });
        };
        for (index, known) in self.known.iter().enumerate().filter(|(index, _)| self.record_of[*index].is_none()) {
            count(known.fingerprint.text, 0, index);
        }
        let prints = fingerprinter.fingerprints(self.records, 0);
        for (index, print) in prints.iter().enumerate().filter(|(index, _)| self.rows[*index] == Row::New) {
            count(print.text, 1, index);
        }
        let both = |side: &[Option<Option<usize>>; 2]| Some((side[0]??, side[1]??));
        let mut pairs: Vec<_> = sides.values().filter_map(both).collect();
        pairs.sort_unstable();
        pairs
    }

    /// Pairs what lies between the same two matched neighbours on both sides: by text, then by time when the record says
    /// itself that it was changed. Returns how many have another time.
    fn match_in_gaps(&mut self, fingerprints: &[Fingerprint]) -> u64 {
        let matched: Vec<_> = (0..self.known.len()).filter_map(|known| Some((known, self.record_of[known]?))).collect();
        let mut retimed = 0;
        for two in matched.windows(2) {
            let [(known_from, from), (known_to, to)] = [two[0], two[1]];
            if known_to - known_from < 2 || to <= from || to - from > GAP_RECORDS_MAX {
                continue;
            }
            for known in known_from + 1..known_to {
                let wanted = self.known[known].fingerprint;
                let free = |this: &Self, record: &usize| this.rows[*record] == Row::New;
                let mut between = (from + 1..to).filter(|record| free(self, record));
                let seq = self.known[known].conversation_seq;
                if let Some(record) = between.clone().find(|record| fingerprints[*record].text == wanted.text) {
                    self.pair(known, record, Row::Known(seq));
                    retimed += 1;
                } else if let Some(record) = between.find(|record| self.is_changed_at(*record, fingerprints, &wanted)) {
                    self.pair(known, record, self.changed(record, seq));
                }
            }
        }
        retimed
    }

    fn is_changed_at(&self, record: usize, fingerprints: &[Fingerprint], wanted: &Fingerprint) -> bool {
        let says_so = matches!(self.records[record].kind, Kind::Edited { .. } | Kind::Deleted { .. });
        says_so && fingerprints[record].time == wanted.time
    }
}
