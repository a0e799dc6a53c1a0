//! What a read-out adds to its capture, and the manifest that accounts for every record of the file. Pure.
//!
//! Invariant: the runs of a plan are dense over the records of the file; each record is in exactly one.
//! Specification: `specs/readout.md`.

use super::alignment::{Alignment, Fingerprint, Known, Row};
use std::collections::{HashMap, HashSet};
use zegel_proto::v1::{ManifestRun, RecordFate};

/// A record of the file that becomes an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Index in the file.
    pub index: usize,
    /// What it is to the log.
    pub row: Row,
    /// Its number in the capture.
    pub conversation_seq: u64,
}

/// What a read-out adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// New, edited and deleted records, in the order of the file.
    pub planned: Vec<Planned>,
    /// Known records that are gone, and were not reported before.
    pub vanished: Vec<u64>,
    /// What became of each record.
    pub runs: Vec<ManifestRun>,
}

/// How many records had which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// New in the log.
    pub new: u64,
    /// Known already.
    pub known: u64,
    /// Known under another name or time.
    pub known_otherwise: u64,
    /// With another text than before.
    pub edited: u64,
    /// Deleted for everyone since.
    pub deleted: u64,
    /// In range, and no longer in the file.
    pub vanished: u64,
    /// Known, and outside the range of the file.
    pub out_of_range: u64,
    /// Left out because their period is closed.
    pub closed: u64,
    /// Left out because they have ended here.
    pub ended: u64,
}

/// What the log says already.
pub struct Standing<'a> {
    /// Records that it holds.
    pub known: &'a [Known],
    /// Those whose disappearance needs no word: it was said before, or their period is closed.
    pub silent: &'a HashSet<u64>,
    /// Whether a record of the file lies in a closed period.
    pub is_closed: &'a dyn Fn(usize) -> bool,
    /// For each record of the file, the number of the event that it is and that has ended.
    pub ended: &'a [Option<u64>],
}

/// Lays an alignment out as events and runs; new ones take the numbers from `next_conversation_seq` on.
#[must_use]
pub fn plan(standing: &Standing<'_>, alignment: &Alignment, next_conversation_seq: u64) -> Plan {
    let places: HashMap<u64, &Fingerprint> =
        standing.known.iter().map(|known| (known.conversation_seq, &known.fingerprint)).collect();
    let mut next = next_conversation_seq;
    let mut planned = Vec::new();
    let mut runs: Vec<ManifestRun> = Vec::new();
    for (index, (row, found)) in alignment.rows.iter().zip(&alignment.fingerprints).enumerate() {
        let ended = standing.ended.get(index).copied().flatten();
        let (fate, conversation_seq) = match (*row, ended) {
            (Row::Known(seq), _) => {
                let same = |known: &&Fingerprint| known.place == found.place && known.text == found.text;
                let is_same = alignment.shift_ms == 0 && places.get(&seq).is_some_and(same);
                (if is_same { RecordFate::RecordKnown } else { RecordFate::RecordKnownOtherwise }, seq)
            }
            (_, Some(seq)) => (RecordFate::RecordEnded, seq),
            _ if (standing.is_closed)(index) => (RecordFate::RecordClosed, 0),
            (added, None) => {
                planned.push(Planned { index, row: added, conversation_seq: next });
                next += 1;
                (fate_of(added), next - 1)
            }
        };
        extend(&mut runs, index as u64, fate, conversation_seq);
    }
    let vanished = alignment.vanished.iter().copied().filter(|seq| !standing.silent.contains(seq)).collect();
    Plan { planned, vanished, runs }
}

const fn fate_of(row: Row) -> RecordFate {
    match row {
        Row::New => RecordFate::RecordNew,
        Row::Edited(_) => RecordFate::RecordEdited,
        Row::Deleted(_) => RecordFate::RecordDeleted,
        Row::Known(_) => RecordFate::RecordKnown,
    }
}

/// One more record: the last run goes on if fate and numbers do.
fn extend(runs: &mut Vec<ManifestRun>, record: u64, fate: RecordFate, conversation_seq: u64) {
    let goes_on = |last: &ManifestRun| {
        fate == RecordFate::RecordClosed || last.first_conversation_seq + last.count == conversation_seq
    };
    if let Some(last) = runs.last_mut()
        && last.fate == fate as i32
        && goes_on(last)
    {
        last.count += 1;
        return;
    }
    runs.push(ManifestRun {
        first_record: record,
        count: 1,
        fate: fate as i32,
        first_conversation_seq: conversation_seq,
    });
}

impl Plan {
    /// How many records had which fate.
    #[must_use]
    pub fn counts(&self, alignment: &Alignment) -> Counts {
        let of = |fate: RecordFate| self.runs.iter().filter(|run| run.fate == fate as i32).map(|run| run.count).sum();
        Counts {
            new: of(RecordFate::RecordNew),
            known: of(RecordFate::RecordKnown),
            known_otherwise: of(RecordFate::RecordKnownOtherwise),
            edited: of(RecordFate::RecordEdited),
            deleted: of(RecordFate::RecordDeleted),
            vanished: self.vanished.len() as u64,
            out_of_range: alignment.out_of_range,
            closed: of(RecordFate::RecordClosed),
            ended: of(RecordFate::RecordEnded),
        }
    }

    /// Nothing is new, edited, deleted or newly gone.
    #[must_use]
    pub fn adds_nothing(&self) -> bool {
        self.planned.is_empty() && self.vanished.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay(known: &[Known], alignment: &Alignment, next: u64, silent: &[u64], closed: usize) -> Plan {
        let silent = silent.iter().copied().collect();
        plan(&Standing { known, silent: &silent, is_closed: &|index| index < closed, ended: &[] }, alignment, next)
    }

    const fn print(place: u8) -> Fingerprint {
        Fingerprint { place: [place; 16], text: [0; 16], time: [0; 16] }
    }

    fn alignment(rows: Vec<Row>) -> Alignment {
        let fingerprints = (0..rows.len()).map(|place| print(place as u8)).collect();
        Alignment { rows, vanished: vec![9], out_of_range: 0, shift_ms: 0, retimed: 0, fingerprints }
    }

    #[test]
    fn a_first_read_out_is_one_run_of_new_records() {
        let plan = lay(&[], &alignment(vec![Row::New; 3]), 0, &[], 0);
        let run =
            ManifestRun { first_record: 0, count: 3, fate: RecordFate::RecordNew as i32, first_conversation_seq: 0 };
        assert_eq!(plan.runs, [run]);
        assert_eq!(plan.planned.iter().map(|planned| planned.conversation_seq).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn runs_are_dense_and_break_where_the_fate_or_the_numbers_do() {
        let known: Vec<Known> =
            (0..3).map(|seq| Known { fingerprint: print(seq as u8), conversation_seq: seq }).collect();
        let rows = vec![Row::Known(0), Row::Known(1), Row::Edited(2), Row::New, Row::New];
        let plan = lay(&known, &alignment(rows), 10, &[], 0);
        let shape: Vec<_> =
            plan.runs.iter().map(|run| (run.first_record, run.count, run.first_conversation_seq)).collect();
        assert_eq!(shape, [(0, 2, 0), (2, 1, 10), (3, 2, 11)]);
    }

    #[test]
    fn a_record_known_under_another_name_says_so() {
        let known = [Known { fingerprint: print(77), conversation_seq: 0 }];
        let plan = lay(&known, &alignment(vec![Row::Known(0)]), 1, &[], 0);
        assert_eq!(plan.runs[0].fate, RecordFate::RecordKnownOtherwise as i32);
    }

    #[test]
    fn what_was_reported_gone_before_is_not_reported_again() {
        assert_eq!(lay(&[], &alignment(vec![]), 0, &[], 0).vanished, [9]);
        assert_eq!(lay(&[], &alignment(vec![]), 0, &[9], 0).vanished, [0u64; 0]);
    }

    #[test]
    fn what_has_ended_is_left_out_under_its_number_and_a_known_record_never_is() {
        let known = [Known { fingerprint: print(0), conversation_seq: 0 }];
        let rows = vec![Row::Known(0), Row::New, Row::Edited(0), Row::New];
        let (alignment, ended) = (alignment(rows), [Some(7), Some(3), Some(4), None]);
        let standing =
            Standing { known: &known, silent: &HashSet::new(), is_closed: &|index| index == 1, ended: &ended };
        let plan = plan(&standing, &alignment, 5);
        let shape: Vec<_> =
            plan.runs.iter().map(|run| (run.first_record, run.count, run.fate, run.first_conversation_seq)).collect();
        let (known, ended, new) = (RecordFate::RecordKnown, RecordFate::RecordEnded, RecordFate::RecordNew);
        assert_eq!(shape, [(0, 1, known as i32, 0), (1, 2, ended as i32, 3), (3, 1, new as i32, 5)]);
        assert_eq!(plan.counts(&alignment).ended, 2);
    }

    #[test]
    fn what_lies_in_a_closed_period_is_left_out_unless_it_is_known() {
        let known = [Known { fingerprint: print(0), conversation_seq: 0 }];
        let rows = vec![Row::Known(0), Row::New, Row::Edited(0), Row::New];
        let plan = lay(&known, &alignment(rows), 1, &[], 3);
        let shape: Vec<_> =
            plan.runs.iter().map(|run| (run.first_record, run.count, run.fate, run.first_conversation_seq)).collect();
        let (known, closed, new) = (RecordFate::RecordKnown, RecordFate::RecordClosed, RecordFate::RecordNew);
        assert_eq!(shape, [(0, 1, known as i32, 0), (1, 2, closed as i32, 0), (3, 1, new as i32, 1)]);
        assert_eq!(plan.planned.iter().map(|planned| planned.index).collect::<Vec<_>>(), [3]);
    }
}
