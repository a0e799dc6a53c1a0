//! What has ended here and is not brought back: destroyed, weeded, removed as a breach, transferred. Pure.
//!
//! Of such an event the ledger keeps a watermark, over keyed digests that this source made once. A record of a file is that event if it says the
//! same at the same place, or at the same time under another name. Another text at the same place is another message, and comes in; unless the
//! format itself says that it is the same one: by an identity, as media that came along or did not, or as edited by the app's own mark.
//! A phone whose zone has changed tells all its times by so many quarter hours later or earlier. Where messages of the chat are known they say by how much. Where
//! none is, the ended ones do, by the rule of known ones: at least three different texts, each once in the file, agree on one shift, and no other shift has half as many.
//! Each event that ended is found once at most. Not here: why it ended (the acts of the officer). Specification: `specs/officer.md`.

use super::alignment::{
    Alignment, Fingerprint, FingerprintKey, QUARTER_MS, Row, SHIFT_QUARTERS_MAX, SHIFT_SUPPORT_MIN,
};
use super::reader::Reader;
use std::collections::{HashMap, HashSet, VecDeque};
use zegel_verifier::watermark::{Mark, Watermark};

/// Most records on which shifts are tried.
const SHIFT_SAMPLE_MAX: usize = 2_048;

/// Events of a capture that have ended, and what is left of each.
#[derive(Debug, Default)]
pub(super) struct Ended {
    events: Vec<(Watermark, u64)>,
}

impl Ended {
    /// Takes the row of an event, if it is one that has ended.
    pub(super) fn note(&mut self, row: &[u8], conversation_seq: u64) {
        self.events.extend(Watermark::read(row).map(|left| (left, conversation_seq)));
    }

    /// For each record of a file, the number of the event that it is and that has ended.
    pub(super) fn lay(&self, alignment: &Alignment, reader: &dyn Reader, key: &FingerprintKey) -> Vec<Option<u64>> {
        let mut laid = Laid::over(self, &alignment.rows);
        if self.events.is_empty() {
            return laid.found;
        }
        laid.take_all(&alignment.fingerprints, reader);
        for prints in reader.fingerprints_otherwise(key, alignment.shift_ms) {
            laid.take_all(&prints, reader);
        }
        let prints = self.shift(alignment, &laid, reader, key).and_then(|shift| reader.fingerprints_at(key, shift));
        if let Some(prints) = prints {
            laid.take_all(&prints, reader);
        }
        laid.found
    }

    /// By how much the file puts what has ended later than the log does, where nothing that is known says it.
    fn shift(&self, alignment: &Alignment, laid: &Laid<'_>, reader: &dyn Reader, key: &FingerprintKey) -> Option<i64> {
        let is_settled =
            alignment.rows.iter().any(|row| matches!(row, Row::Known(_))) || laid.found.iter().any(Option::is_some);
        if is_settled {
            return None;
        }
        let mut times: HashMap<Mark, u32> = HashMap::new();
        alignment.fingerprints.iter().for_each(|print| *times.entry(print.text).or_default() += 1);
        let once = (0..alignment.fingerprints.len()).filter(|at| times[&alignment.fingerprints[*at].text] == 1);
        let once: Vec<usize> = once.collect();
        let step = once.len().div_ceil(SHIFT_SAMPLE_MAX).max(1);
        let ended: HashSet<Mark> = self.events.iter().map(|(left, _)| left.timed).collect();
        let votes = |shift: i64| {
            let is_ended = |at: &&usize| {
                let time =
                    reader.time_digest(key, i64::try_from(reader.at_ms(**at)).unwrap_or(0).saturating_sub(shift));
                time.is_some_and(|time| ended.contains(&Watermark::of_time(&time, &alignment.fingerprints[**at].text)))
            };
            once.iter().step_by(step).filter(is_ended).count()
        };
        let quarters = (1..=SHIFT_QUARTERS_MAX).flat_map(|quarter| [quarter, -quarter]);
        let mut shifts: Vec<(usize, i64)> =
            quarters.map(|quarter| (votes(quarter * QUARTER_MS), quarter * QUARTER_MS)).collect();
        shifts.sort_by_key(|(votes, _)| std::cmp::Reverse(*votes));
        let (best, next) = (*shifts.first()?, shifts.get(1)?.0);
        (best.0 >= SHIFT_SUPPORT_MIN && best.0 > 2 * next).then_some(best.1)
    }
}

/// Which ended events are found, and in which records.
struct Laid<'a> {
    ended: &'a Ended,
    rows: &'a [Row],
    is_taken: Vec<bool>,
    found: Vec<Option<u64>>,
}

impl<'a> Laid<'a> {
    fn over(ended: &'a Ended, rows: &'a [Row]) -> Self {
        Self { ended, rows, is_taken: vec![false; ended.events.len()], found: vec![None; rows.len()] }
    }

    /// From certain to less certain: the same words at the same place, at the same time, and last by place alone.
    fn take_all(&mut self, prints: &[Fingerprint], reader: &dyn Reader) {
        let is_open = |row: Row| !matches!(row, Row::Known(_));
        let left = |print: &Fingerprint| Watermark::of(&print.place, &print.text, &print.time);
        let marks: Vec<Watermark> = prints.iter().map(left).collect();
        self.take(&marks, |left| left.said, |_, row| is_open(row));
        self.take(&marks, |left| left.timed, |_, row| is_open(row));
        self.take(&marks, |left| left.place, |at, row| row == Row::New && reader.is_known_by_place(at));
    }

    fn take(&mut self, marks: &[Watermark], mark: impl Fn(&Watermark) -> Mark, may_be: impl Fn(usize, Row) -> bool) {
        let mut waiting: HashMap<Mark, VecDeque<usize>> = HashMap::new();
        for (number, (left, _)) in self.ended.events.iter().enumerate().filter(|(number, _)| !self.is_taken[*number]) {
            waiting.entry(mark(left)).or_default().push_back(number);
        }
        for (at, left) in marks.iter().enumerate() {
            if self.found[at].is_some() || !may_be(at, self.rows[at]) {
                continue;
            }
            let Some(number) = waiting.get_mut(&mark(left)).and_then(VecDeque::pop_front) else { continue };
            self.is_taken[number] = true;
            self.found[at] = Some(self.ended.events[number].1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::reader::{CaptureIds, FileFacts, MediaStore, Tally};
    use crate::import::{ImportError, alignment::Known};
    use crate::record::Record;
    use zegel_proto::v1::{Channel, ProofClass};

    /// A phone: (time, text) of each record, whose times are digests; and which records are known by their place.
    struct Phone {
        records: Vec<(u64, u8)>,
        by_place: Vec<usize>,
    }

    impl Reader for Phone {
        fn channel(&self) -> Channel {
            Channel::Whatsapp
        }
        fn proof_class(&self) -> ProofClass {
            ProofClass::CExportFile
        }
        fn file(&self) -> &FileFacts {
            unreachable!("nobody asks")
        }
        fn records(&self) -> usize {
            self.records.len()
        }
        fn at_ms(&self, index: usize) -> u64 {
            self.records[index].0
        }
        fn align(&self, _: &[Known], _: &FingerprintKey) -> Alignment {
            unreachable!("nobody asks")
        }
        fn record(&mut self, _: CaptureIds, _: usize, _: Row, _: &MediaStore) -> Result<Record, ImportError> {
            unreachable!("nobody asks")
        }
        fn is_known_by_place(&self, index: usize) -> bool {
            self.by_place.contains(&index)
        }
        fn time_digest(&self, key: &FingerprintKey, at_ms: i64) -> Option<Mark> {
            Some(key.mac(b"time", &[&at_ms.to_be_bytes()]))
        }
        fn fingerprints_at(&self, _: &FingerprintKey, shift_ms: i64) -> Option<Vec<Fingerprint>> {
            Some(prints(&self.records, shift_ms))
        }
        fn tally(&self) -> Tally {
            Tally::default()
        }
    }

    const fn print(place: u8, text: u8, time: u8) -> Fingerprint {
        Fingerprint { place: [place; 16], text: [text; 16], time: [time; 16] }
    }

    fn laid(ended: &[Fingerprint], now: &[(Fingerprint, Row)], by_place: &[usize]) -> Vec<Option<u64>> {
        let mut found = Ended::default();
        for (number, print) in (0..).zip(ended) {
            let left = Watermark::of(&print.place, &print.text, &print.time).print();
            found.note(&left, number);
        }
        let (fingerprints, rows) = now.iter().copied().unzip();
        let alignment = Alignment { rows, vanished: vec![], out_of_range: 0, shift_ms: 0, retimed: 0, fingerprints };
        let phone = Phone { records: vec![(0, 0); now.len()], by_place: by_place.to_vec() };
        found.lay(&alignment, &phone, &FingerprintKey::new(&[0; 32]))
    }

    #[test]
    fn the_same_words_at_the_same_place_or_time_are_found_once_and_known_records_never() {
        let (one, renamed) = (print(1, 1, 1), print(9, 1, 1));
        assert_eq!(laid(&[one], &[(one, Row::New)], &[]), [Some(0)]);
        assert_eq!(laid(&[one], &[(renamed, Row::New)], &[]), [Some(0)]);
        assert_eq!(laid(&[one], &[(renamed, Row::New), (one, Row::New)], &[]), [None, Some(0)]);
        assert_eq!(laid(&[one], &[(one, Row::Known(3)), (renamed, Row::New)], &[]), [None, Some(0)]);
        assert_eq!(laid(&[one, one], &[(one, Row::New), (one, Row::Edited(5)), (one, Row::New)], &[]).len(), 3);
        assert_eq!(laid(&[], &[(one, Row::New)], &[0]), [None]);
    }

    #[test]
    fn another_text_at_a_place_is_another_message_unless_the_format_says_that_it_is_the_same() {
        let (ended, other) = (print(1, 1, 1), print(1, 2, 1));
        assert_eq!(laid(&[ended], &[(other, Row::New)], &[]), [None]);
        assert_eq!(laid(&[ended], &[(other, Row::New)], &[0]), [Some(0)]);
        assert_eq!(laid(&[ended], &[(other, Row::Edited(4))], &[0]), [None], "an edit of what is known is news");
        assert_eq!(laid(&[ended], &[(print(2, 1, 2), Row::New)], &[0]), [None], "the same words at another time");
    }

    fn prints(records: &[(u64, u8)], shift_ms: i64) -> Vec<Fingerprint> {
        let key = FingerprintKey::new(&[0; 32]);
        let print = |(at_ms, text): &(u64, u8)| {
            let at = (*at_ms as i64 - shift_ms).to_be_bytes();
            Fingerprint { place: key.mac(b"place", &[&at]), text: [*text; 16], time: key.mac(b"time", &[&at]) }
        };
        records.iter().map(print).collect()
    }

    fn moved(ended: &[(u64, u8)], now: &[(u64, u8)], first: Row) -> Vec<Option<u64>> {
        let mut found = Ended::default();
        for (number, print) in (0..).zip(prints(ended, 0)) {
            found.note(&Watermark::of(&print.place, &print.text, &print.time).print(), number);
        }
        let mut rows = vec![Row::New; now.len()];
        rows[0] = first;
        let fingerprints = prints(now, 0);
        let alignment = Alignment { rows, vanished: vec![], out_of_range: 0, shift_ms: 0, retimed: 0, fingerprints };
        found.lay(&alignment, &Phone { records: now.to_vec(), by_place: vec![] }, &FingerprintKey::new(&[0; 32]))
    }

    const MINUTE: u64 = 60_000;
    const ENDED: [(u64, u8); 3] = [(100 * MINUTE, 1), (117 * MINUTE, 2), (131 * MINUTE, 3)];

    fn later(by: u64) -> Vec<(u64, u8)> {
        ENDED.iter().map(|(at, text)| (at + by * MINUTE, *text)).collect()
    }

    #[test]
    fn what_ended_is_found_on_a_phone_whose_zone_has_changed_where_three_texts_agree_on_the_shift() {
        for by in [15, 60, 120, 14 * 60] {
            let mut now = later(by);
            now.insert(1, (110 * MINUTE, 4));
            assert_eq!(moved(&ENDED, &now, Row::New), [Some(0), None, Some(1), Some(2)], "{by} minutes");
        }
        let earlier: Vec<(u64, u8)> = ENDED.iter().map(|(at, text)| (at - 75 * MINUTE, *text)).collect();
        assert_eq!(moved(&ENDED, &earlier, Row::New), [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn no_two_messages_pass_for_one_because_their_words_are_the_same() {
        let none = |ended: &[(u64, u8)], now: &[(u64, u8)], why: &str| {
            assert!(moved(ended, now, Row::New).iter().all(Option::is_none), "{why}");
        };
        none(&ENDED, &later(20), "no zone lies on twenty minutes");
        none(&ENDED, &later(14 * 60 + 15), "no zone is so far away");
        none(&ENDED[..2], &later(60)[..2], "two texts are too few");
        none(&ENDED, &later(60)[..2], "two texts are too few");
        let apart = [(160 * MINUTE, 1), (192 * MINUTE, 2), (221 * MINUTE, 3)];
        none(&ENDED, &apart, "each at a shift of its own");
        let same: Vec<(u64, u8)> = (0..6).map(|number| ((100 + number * 15) * MINUTE, 7)).collect();
        none(&same[..3], &same[3..], "ja, ja, ja: a text that stands more than once says nothing");
        let both = [later(60), later(120).iter().map(|(at, text)| (*at, text + 10)).collect()].concat();
        let ended = [ENDED.to_vec(), ENDED.iter().map(|(at, text)| (*at, text + 10)).collect()].concat();
        none(&ended, &both, "two shifts with as many votes");
        // What is known of the chat says what the zone is, and nothing else does.
        assert!(moved(&ENDED, &[vec![(5, 9)], later(60)].concat(), Row::Known(7)).iter().all(Option::is_none));
    }
}
