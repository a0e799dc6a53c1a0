//! How a read-out lies on what the log holds of the same capture: which records are new, which are known, which are gone.
//!
//! Pure. A format whose messages have an identity of their own (Signal, Matrix) is laid out here, by that identity alone; one
//! that has none (WhatsApp) lays itself out by what it has, and answers in the same words.
//!
//! A fingerprint is what a log may remember of a record to recognise it next month, without its words: three HMAC-SHA-256
//! under the secret of the source, cut to 16 bytes. Without the secret nobody can try texts against it, and 2^64 messages
//! are needed before two of one source collide by chance. With it, short texts can be tried: it is as secret as the words.

use crate::event::MessageRow;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::{HashMap, HashSet};
use zeroize::Zeroize;

/// Time zones lie on quarter hours, and at most this many of them from another: UTC+14 is the furthest from UTC.
pub(crate) const SHIFT_QUARTERS_MAX: i64 = 14 * 4;
pub(crate) const QUARTER_MS: i64 = 15 * 60 * 1000;

/// Fewest messages that must agree on a shift: two messages with one text lie a multiple of a quarter hour apart by chance
/// once in fifteen times.
pub(crate) const SHIFT_SUPPORT_MIN: usize = 3;

/// One record as the log remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Which record it is.
    pub place: [u8; 16],
    /// What it says.
    pub text: [u8; 16],
    /// Over the time in UTC milliseconds alone.
    pub time: [u8; 16],
}

impl Fingerprint {
    /// The log's form: place, text, time.
    #[must_use]
    pub fn message_row(&self) -> MessageRow {
        let mut row = [0; 48];
        row[..16].copy_from_slice(&self.place);
        row[16..32].copy_from_slice(&self.text);
        row[32..].copy_from_slice(&self.time);
        row
    }

    /// From the log; `None` if the row was erased or is of another length.
    #[must_use]
    pub fn read(row: &[u8]) -> Option<Self> {
        let row: &MessageRow = row.try_into().ok()?;
        let part = |from: usize| row[from..from + 16].try_into().ok();
        Some(Self { place: part(0)?, text: part(16)?, time: part(32)? })
    }
}

/// The secret of one source, as far as fingerprints need it.
#[derive(Clone)]
pub struct FingerprintKey {
    keyed: Hmac<Sha256>,
}

impl FingerprintKey {
    /// Takes the secret of a source.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        // HMAC fills a short key with zeros up to the block; doing so here leaves no length that could be wrong.
        let mut block = [0; 64];
        block[..32].copy_from_slice(secret);
        let keyed = Hmac::new(&block.into());
        block.zeroize();
        Self { keyed }
    }

    /// Every part stands behind its size, so no two lists of parts are the same input.
    #[must_use]
    pub fn mac(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.keyed.clone();
        for part in std::iter::once(&label).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut cut = [0; 16];
        cut.copy_from_slice(&full[..16]);
        cut
    }
}

/// A record that the log holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its fingerprint, as [`Alignment::fingerprints`] gave it.
    pub fingerprint: Fingerprint,
    /// Its place in the conversation of the log.
    pub conversation_seq: u64,
}

/// What a record of the read-out is to the log. Numbers are `conversation_seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Not in the log.
    New,
    /// In the log with this text.
    Known(u64),
    /// In the log with another text.
    Edited(u64),
    /// In the log with a text; the read-out has only the notice that it was deleted.
    Deleted(u64),
}

/// How a read-out lies on the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// One for each record, in the order of the file.
    pub rows: Vec<Row>,
    /// In the log and within the range of the file, but not in the file. A message that was reported before is reported
    /// again; older versions of a message that is in the file are not.
    pub vanished: Vec<u64>,
    /// How many the log holds before the first or after the last record of the file, or on an edge where that cannot be told.
    pub out_of_range: u64,
    /// How much later the file puts the same messages than the log does, in milliseconds: another time zone was used.
    pub shift_ms: i64,
    /// How many known records have another time than the log, found between matched neighbours.
    pub retimed: u64,
    /// One for each record, at the times of the log: what to remember of new and edited records.
    pub fingerprints: Vec<Fingerprint>,
}

/// Lays records that have an identity, their `place`, on the log. `changed` says what a record with another text than the log
/// is: edited or deleted.
#[must_use]
pub fn by_identity(known: &[Known], fingerprints: Vec<Fingerprint>, changed: impl Fn(usize, u64) -> Row) -> Alignment {
    let exact: HashMap<_, usize> =
        (0..known.len()).map(|at| ((known[at].fingerprint.place, known[at].fingerprint.text), at)).collect();
    // The last one of a place is its newest version.
    let newest: HashMap<_, usize> = (0..known.len()).map(|at| (known[at].fingerprint.place, at)).collect();
    let mut record_of = vec![None; known.len()];
    let mut rows = Vec::with_capacity(fingerprints.len());
    for (record, print) in fingerprints.iter().enumerate() {
        let row = match (exact.get(&(print.place, print.text)), newest.get(&print.place)) {
            (Some(at), _) => {
                record_of[*at] = Some(record);
                Row::Known(known[*at].conversation_seq)
            }
            (None, Some(at)) => {
                record_of[*at] = Some(record);
                changed(record, known[*at].conversation_seq)
            }
            (None, None) => Row::New,
        };
        rows.push(row);
    }
    let (vanished, out_of_range) = missing(known, &record_of, rows.len());
    Alignment { rows, vanished, out_of_range, shift_ms: 0, retimed: 0, fingerprints }
}

/// What the file does not have: vanished, or out of its range. `record_of` has, for each known record, its index in a file of
/// `records` records.
#[must_use]
pub fn missing(known: &[Known], record_of: &[Option<usize>], records: usize) -> (Vec<u64>, u64) {
    let found = known.iter().zip(record_of).filter(|(_, record)| record.is_some());
    let present: HashSet<_> = found.map(|(known, _)| known.fingerprint.place).collect();
    // The place in the file of the next known record that it has.
    let mut next = vec![None; known.len() + 1];
    for index in (0..known.len()).rev() {
        next[index] = record_of[index].or(next[index + 1]);
    }
    let (mut vanished, mut out_of_range) = (Vec::new(), 0);
    let mut before = None;
    for (index, known) in known.iter().enumerate() {
        if record_of[index].is_some() {
            before = record_of[index];
        } else if !present.contains(&known.fingerprint.place) {
            let within = is_within(before, next[index + 1], records.saturating_sub(1));
            if within { vanished.push(known.conversation_seq) } else { out_of_range += 1 }
        }
    }
    (vanished, out_of_range)
}

/// Whether a missing record, between these neighbours in the log, lies in the range of the file. A neighbour on an edge of the
/// file proves nothing: the file may have been cut there.
fn is_within(before: Option<usize>, after: Option<usize>, last: usize) -> bool {
    let goes_on = |before: usize| before < last;
    let starts_earlier = |after: usize| after > 0;
    match (before, after) {
        (None, None) => false,
        (None, Some(after)) => starts_earlier(after),
        (Some(before), None) => goes_on(before),
        (Some(before), Some(after)) => before < after || (goes_on(before) && starts_earlier(after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn print(place: u8, text: u8) -> Fingerprint {
        Fingerprint { place: [place; 16], text: [text; 16], time: [place; 16] }
    }

    fn log(prints: &[(u8, u8)]) -> Vec<Known> {
        let known = |(seq, (place, text)): (usize, &(u8, u8))| Known {
            fingerprint: print(*place, *text),
            conversation_seq: seq as u64,
        };
        prints.iter().enumerate().map(known).collect()
    }

    fn lay(known: &[(u8, u8)], now: &[(u8, u8)]) -> Alignment {
        let now = now.iter().map(|(place, text)| print(*place, *text)).collect();
        by_identity(&log(known), now, |_, seq| Row::Edited(seq))
    }

    #[test]
    fn an_identity_decides_and_a_text_only_says_whether_it_changed() {
        let found = lay(&[(1, 1), (2, 2), (3, 3)], &[(1, 1), (2, 9), (3, 3), (4, 4)]);
        assert_eq!(found.rows, [Row::Known(0), Row::Edited(1), Row::Known(2), Row::New]);
        assert_eq!((found.vanished, found.out_of_range), (vec![], 0));
    }

    #[test]
    fn what_is_gone_between_two_that_are_there_has_vanished_and_what_lies_outside_has_not() {
        let found = lay(&[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)], &[(2, 2), (4, 4)]);
        assert_eq!((found.vanished, found.out_of_range), (vec![2], 2));
    }

    #[test]
    fn an_older_version_of_a_message_that_is_there_has_not_vanished() {
        let found = lay(&[(1, 1), (2, 2), (2, 9), (3, 3)], &[(1, 1), (2, 9), (3, 3)]);
        assert_eq!(found.rows, [Row::Known(0), Row::Known(2), Row::Known(3)]);
        assert_eq!((found.vanished, found.out_of_range), (vec![], 0));
    }

    #[test]
    fn a_row_of_the_log_is_read_back_and_an_erased_one_is_none() {
        let row = print(1, 2).message_row();
        assert_eq!(Fingerprint::read(&row), Some(print(1, 2)));
        assert_eq!(Fingerprint::read(&[]), None);
        assert_eq!(Fingerprint::read(&row[..47]), None);
    }
}
