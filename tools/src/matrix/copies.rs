//! Of the copies of an event the best: files of one room overlap, and say the same of an event, or less, or something else.
//!
//! Invariants: the order of the files decides only between two that are worth the same; no copy that says something of its own is left
//! out. Memory holds no words.

use super::found::Place;
use super::mapping::Relations;
use super::{Checked, RoomEvent};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// An event without its words.
pub(super) struct Mark {
    pub(super) place: Place,
    /// Of its bytes: it is read again when its turn comes, and has to be the same.
    pub(super) bytes: [u8; 16],
    pub(super) id: Arc<str>,
    pub(super) is_id_given: bool,
    pub(super) at_ms: u64,
    pub(super) content: [u8; 16],
    /// By whom, what and when: two copies that agree in this and the content say the same.
    pub(super) frame: [u8; 8],
    pub(super) is_redacted: bool,
    /// It states a time that no event can have.
    pub(super) is_beyond_dates: bool,
    /// What stands before it is a copy of the same event.
    pub(super) is_other_copy: bool,
    pub(super) checked: Checked,
}

/// What a copy of an event says.
type Saying = ([u8; 16], [u8; 8]);

impl Mark {
    fn saying(&self) -> Saying {
        (self.content, self.frame)
    }

    /// Which of two copies is the better one: what was signed before what was not, then the whole before the redacted.
    fn rank(&self) -> (bool, bool) {
        (self.checked.is_held(), !self.is_redacted)
    }
}

/// What is gathered while events are read, in the order of the files.
#[derive(Default)]
pub(super) struct Reading {
    /// Of each event the best copy, in the order in which their ids came.
    marks: Vec<Mark>,
    /// Copies that say something else, by the number of their event.
    others: BTreeMap<(usize, Saying), Mark>,
    relations: Relations,
    repeated: usize,
}

impl Reading {
    /// Of the copies of an event that say the same one is taken, the best; which file it stood in first decides nothing.
    pub(super) fn take(&mut self, mark: Mark, event: &RoomEvent) {
        let Some(number) = self.relations.number(&mark.id) else {
            self.relations.note_as(&mark.id, event);
            return self.marks.push(mark);
        };
        let best = &mut self.marks[number];
        let (is_same, is_better) = (mark.saying() == best.saying(), mark.rank() > best.rank());
        let mut lesser = mark;
        if is_better {
            self.relations.note_as(&lesser.id, event);
            std::mem::swap(best, &mut lesser);
            // It may be told already, by a copy that was worth less.
            self.repeated += usize::from(self.others.remove(&(number, best.saying())).is_some());
        }
        if is_same {
            self.repeated += 1;
            return;
        }
        match self.others.entry((number, lesser.saying())) {
            Entry::Vacant(entry) => drop(entry.insert(lesser)),
            Entry::Occupied(mut entry) => {
                self.repeated += 1;
                if lesser.rank() > entry.get().rank() {
                    entry.insert(lesser);
                }
            }
        }
    }

    /// What is to be said of copies.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        if self.repeated > 0 {
            told.push(format!("{} events stand in more than one file, and are taken once", self.repeated));
        }
        if !self.others.is_empty() {
            let count = self.others.len();
            told.push(format!(
                "{count} COPIES OF EVENTS SAY SOMETHING ELSE than the copy that is worth more: both are taken"
            ));
        }
        told
    }

    /// The copies that are taken, oldest first, and what they act on.
    pub(super) fn in_order(self) -> (Vec<Mark>, Relations) {
        (in_order(self.marks, self.others), self.relations)
    }
}

/// Oldest first: by the order of the files, turned round where they run backwards, and by time across them. Of one event what is whole
/// stands before what is redacted.
fn in_order(mut marks: Vec<Mark>, others: BTreeMap<(usize, Saying), Mark>) -> Vec<Mark> {
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    for ((number, _), mut other) in others {
        let best = &mut marks[number];
        if best.is_redacted && !other.is_redacted {
            best.is_other_copy = true;
            before.push(other);
        } else {
            other.is_other_copy = true;
            behind.push(other);
        }
    }
    let backwards = marks.windows(2).filter(|two| two[0].at_ms > two[1].at_ms).count();
    if backwards * 2 > marks.len() {
        marks.reverse();
    }
    if !before.is_empty() {
        marks.splice(..0, before);
    }
    marks.extend(behind);
    marks.sort_by_key(|mark| mark.at_ms);
    marks
}
