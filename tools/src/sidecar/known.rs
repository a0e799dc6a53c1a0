//! Which keys are known, where each event stands, and who waits to hear of it. In memory; what it is made of lies on disk.

use super::judge::Fault;
use super::natives::Natives;
use super::newest::Newest;
use super::quarantine;
use super::seen::{Mac, QUARANTINED, Row};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use tokio::sync::mpsc::UnboundedSender;
use tonic::Status;
use zegel_proto::source::v1::{Answer, Quarantined, Receipted, Spooled as SpooledAnswer, answer};
use zegel_verifier::hash::Hash;

/// Where answers go.
pub(super) type Answers = UnboundedSender<Result<Answer, Status>>;

/// Where an event that was handed over stands.
#[derive(Clone, Copy)]
pub(super) enum Standing {
    Queued(u64),
    Logged { entry: u64, position: u32 },
    Quarantined,
}

pub(super) struct Waiter {
    pub(super) key: String,
    pub(super) answers: Answers,
}

pub(super) struct State {
    pub(super) known: Newest<(Mac, Standing)>,
    pub(super) natives: Natives,
    pub(super) conversations: HashMap<Mac, Hash>,
    pub(super) waiting: HashMap<u64, Vec<Waiter>>,
    /// Uploads that are named by what is not settled: the number of the last record that names each.
    pub(super) uploads: HashMap<Mac, u64>,
    pub(super) next: u64,
    pub(super) finding: Option<Fault>,
    pub(super) sessions: u32,
    pub(super) quarantined: u64,
}

impl State {
    /// Begins with `next` as the number of the next record, and holds so many keys of what is settled.
    pub(super) fn new(next: u64, keys_known_max: u64) -> Self {
        Self {
            known: Newest::new(keys_known_max, |(_, standing)| matches!(standing, Standing::Queued(_))),
            natives: Natives::new(keys_known_max),
            conversations: HashMap::new(),
            waiting: HashMap::new(),
            uploads: HashMap::new(),
            next,
            finding: None,
            sessions: 0,
            quarantined: 0,
        }
    }

    pub(super) fn note_row(&mut self, row: &Row) {
        let standing = if row.entry == QUARANTINED {
            self.quarantined += 1;
            Standing::Quarantined
        } else {
            Standing::Logged { entry: row.entry, position: row.position }
        };
        self.known.note(row.key, (row.text, standing));
        self.natives.note(row.native);
    }

    /// Notes rows that the ledger has of a capture, where there is room beside what is newer here, the newest first. Gives the
    /// places of those that wait in the journal, and of those for which there is none.
    pub(super) fn note_logged(&mut self, rows: &[Row]) -> HashMap<Mac, (u64, u32)> {
        rows.iter().for_each(|row| self.natives.note_old(row.native));
        let mut places = HashMap::new();
        for row in rows.iter().rev() {
            let Row { entry, position, .. } = *row;
            let is_held = match self.known.get(&row.key) {
                Some((_, Standing::Queued(_))) => false,
                _ => self.known.note_old(row.key, (row.text, Standing::Logged { entry, position })),
            };
            if !is_held {
                places.insert(row.key, (entry, position));
            }
        }
        places
    }

    /// Forgets records that are lost, and ends the sessions that wait for them.
    pub(super) fn forget(&mut self, numbers: RangeInclusive<u64>, sentence: &str) {
        self.known.forget(|(_, standing)| matches!(standing, Standing::Queued(number) if numbers.contains(number)));
        self.uploads.retain(|_, number| !numbers.contains(number));
        for waiter in numbers.filter_map(|number| self.waiting.remove(&number)).flatten() {
            let _ = waiter.answers.send(Err(Status::data_loss(format!("damaged_on_disk: {sentence}"))));
        }
    }

    pub(super) fn answer_again(&mut self, standing: Standing, waiter: Waiter, answer: SpooledAnswer, durable: u64) {
        let answers = waiter.answers.clone();
        // One that is on its way to the journal is answered with a little more haste than truth allows, if we did not wait.
        let is_durable = !matches!(standing, Standing::Queued(number) if number >= durable);
        if is_durable {
            let _ = answers.send(answered(answer::Content::Spooled(answer)));
        } else {
            let fault =
                Fault::new("key_in_flight", "this key is being written: hand it over again once it is answered");
            let _ = answers.send(answered(answer::Content::NotTaken(fault.answer(&answer.key))));
            return;
        }
        match standing {
            Standing::Queued(number) => {
                let waiters = self.waiting.entry(number).or_default();
                // Each session hands over again what waits: of those that have ended nobody listens.
                waiters.retain(|waiter| !waiter.answers.is_closed());
                waiters.push(waiter);
            }
            Standing::Logged { entry, position } => _ = answers.send(waiter.settled(entry, position)),
            Standing::Quarantined => _ = answers.send(waiter.settled(QUARANTINED, 0)),
        }
    }
}

impl Waiter {
    pub(super) fn settled(&self, entry: u64, position: u32) -> Result<Answer, Status> {
        let key = self.key.clone();
        answered(if entry == QUARANTINED {
            answer::Content::Quarantined(Quarantined { key, finding: quarantine::finding(position).into() })
        } else {
            answer::Content::Receipted(Receipted { key, entry, position })
        })
    }
}

#[allow(clippy::result_large_err, clippy::unnecessary_wraps, reason = "what a stream of answers carries")]
pub(super) fn answered(content: answer::Content) -> Result<Answer, Status> {
    Ok(Answer { content: Some(content) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sidecar::natives::Target;
    use tokio::sync::mpsc::unbounded_channel;

    #[test]
    fn what_the_ledger_has_pushes_out_nothing_that_is_new_and_none_of_it_is_lost() {
        let mac = |number: u64| u128::from(number).to_le_bytes();
        let row =
            |number: u64| Row { key: mac(number), text: [1; 16], native: mac(number), entry: number, position: 7 };
        let mut state = State::new(0, 100);
        (0..40).for_each(|number| state.note_row(&row(number)));
        state.known.note(mac(500), ([1; 16], Standing::Queued(9)));
        let places = state.note_logged(&(0..1_000).map(row).collect::<Vec<_>>());
        assert_eq!((state.known.gone(), places.get(&mac(500))), (0, Some(&(500, 7))));
        assert!(matches!(state.known.get(&mac(500)), Some((_, Standing::Queued(9)))));
        assert!((0..40).all(|number| state.natives.target(mac(number), mac(number)) != Target::NotSeen));
        for number in 0..1_000 {
            let known = state.known.get(&mac(number));
            let is_logged = matches!(known, Some((_, Standing::Logged { entry, position: 7 })) if entry == number);
            assert!(is_logged != places.contains_key(&mac(number)), "{number}: at one place");
            assert!(is_logged || places[&mac(number)] == (number, 7), "{number}");
        }
        // The same once more, as for another capture, turns nothing either.
        assert!((0..40).all(|number| state.known.has(&mac(number))));
        state.note_logged(&(1_000..2_000).map(row).collect::<Vec<_>>());
        assert!(state.known.gone() == 0 && (0..40).all(|number| state.known.has(&mac(number))));
    }

    #[test]
    fn of_the_sessions_that_hand_over_an_event_again_only_those_that_last_are_waited_with() {
        let mut state = State::new(0, 1_000);
        let mut hand_over = || {
            let (answers, told) = unbounded_channel();
            let waiter = Waiter { key: "k-1".into(), answers };
            state.answer_again(Standing::Queued(7), waiter, SpooledAnswer::default(), 8);
            (told, state.waiting[&7].len())
        };
        let first = hand_over();
        assert_eq!((0..500).map(|_| hand_over().1).max(), Some(2));
        // One that lasts is told beside the newest.
        let (mut told, _) = first;
        assert!(told.try_recv().is_ok_and(|answer| answer.is_ok()));
        for waiter in state.waiting.remove(&7).unwrap_or_default() {
            let _ = waiter.answers.send(waiter.settled(3, 1));
        }
        let receipted = Receipted { key: "k-1".into(), entry: 3, position: 1 };
        let answer = told.try_recv().expect("an answer").expect("not ended").content;
        assert_eq!(answer, Some(answer::Content::Receipted(receipted)));
    }
}
