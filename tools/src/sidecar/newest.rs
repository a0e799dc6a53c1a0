//! The newest of what was noted by key, in bounded memory: two generations, of which the older goes when the newer is full.

use super::seen::Mac;
use std::collections::HashMap;

/// At least the newer half of what it was made for, and all that must stay.
pub(super) struct Newest<V> {
    half: u64,
    young: HashMap<Mac, V>,
    old: HashMap<Mac, V>,
    /// New keys since the generations changed.
    since: u64,
    must_stay: fn(&V) -> bool,
    gone: u64,
}

impl<V: Copy> Newest<V> {
    /// Holds `most` keys at a time; those whose value `must_stay` are held besides.
    pub(super) fn new(most: u64, must_stay: fn(&V) -> bool) -> Self {
        Self { half: (most / 2).max(1), young: HashMap::new(), old: HashMap::new(), since: 0, must_stay, gone: 0 }
    }

    pub(super) fn get(&self, key: &Mac) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    pub(super) fn has(&self, key: &Mac) -> bool {
        self.get(key).is_some()
    }

    /// How often some were forgotten.
    pub(super) fn gone(&self) -> u64 {
        self.gone
    }

    pub(super) fn note(&mut self, key: Mac, value: V) {
        self.old.remove(&key);
        self.since += u64::from(self.young.insert(key, value).is_none());
        if self.since >= self.half {
            self.since = 0;
            self.turn();
        }
    }

    /// Notes what is older than all that is here, where there is room: nothing newer goes for it. Gives whether it is known now.
    pub(super) fn note_old(&mut self, key: Mac, value: V) -> bool {
        if self.has(&key) {
            return true;
        }
        let has_room = (self.old.len() as u64) < self.half;
        if has_room {
            self.old.insert(key, value);
        }
        has_room
    }

    /// Takes out what is lost.
    pub(super) fn forget(&mut self, is_lost: impl Fn(&V) -> bool) {
        self.young.retain(|_, value| !is_lost(value));
        self.old.retain(|_, value| !is_lost(value));
    }

    fn turn(&mut self) {
        let mut gone = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        let found = gone.len();
        gone.retain(|_, value| (self.must_stay)(value));
        self.gone += u64::from(gone.len() < found);
        // What stays grows old anew.
        self.young = gone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Mac {
        u128::from(number).to_be_bytes()
    }

    #[test]
    fn of_many_keys_the_newest_are_known_and_all_that_must_stay() {
        let mut newest = Newest::new(100, |is_waiting: &bool| *is_waiting);
        for number in 0..10_000 {
            newest.note(key(number), number % 1_000 == 7);
            assert!(newest.young.len() + newest.old.len() <= 100 + 10, "{number}");
            assert!((number.saturating_sub(49)..=number).all(|recent| newest.has(&key(recent))), "{number}");
        }
        assert!((0..10_000).step_by(1_000).all(|number| newest.get(&key(number + 7)) == Some(true)));
        assert!(!newest.has(&key(8)) && newest.gone() > 0);
    }

    #[test]
    fn what_waited_and_is_settled_goes_like_any_other() {
        let mut newest = Newest::new(4, |is_waiting: &bool| *is_waiting);
        newest.note(key(0), true);
        (1..20).for_each(|number| newest.note(key(number), false));
        newest.note(key(0), false);
        assert_eq!(newest.get(&key(0)), Some(false));
        (20..30).for_each(|number| newest.note(key(number), false));
        assert_eq!(newest.get(&key(0)), None);
    }

    #[test]
    fn what_is_old_takes_the_room_that_is_left_and_nothing_newer_goes_for_it() {
        let mut newest = Newest::new(20, |_: &u32| false);
        (0..15).for_each(|number| newest.note(key(number), number));
        let room: Vec<u32> = (100..200).filter(|number| newest.note_old(key(*number), *number)).collect();
        assert_eq!(room, [0_u32; 0], "ten are old already, and what is young is not theirs");
        let mut newest = Newest::new(20, |_: &u32| false);
        (0..5).for_each(|number| newest.note(key(number), number));
        let room: Vec<u32> = (100..200).filter(|number| newest.note_old(key(*number), *number)).collect();
        assert_eq!(room, (100..110).collect::<Vec<_>>());
        assert!((0..5).chain(100..110).all(|number| newest.get(&key(number)) == Some(number)));
        assert!(newest.note_old(key(0), 7) && newest.note_old(key(100), 7), "known as what they are");
        assert_eq!([newest.get(&key(0)), newest.get(&key(100))], [Some(0), Some(100)]);
        assert_eq!((newest.since, newest.gone()), (5, 0));
        // They go first, and it is told that some went.
        (5..10).for_each(|number| newest.note(key(number), number));
        assert!(newest.gone() > 0 && (0..10).all(|number| newest.has(&key(number))) && !newest.has(&key(100)));
    }

    #[test]
    fn while_nothing_is_too_much_nothing_is_forgotten() {
        let mut newest = Newest::new(4_000, |_: &u32| false);
        (0..2_000).for_each(|number| newest.note(key(number), number));
        assert_eq!((newest.gone(), newest.get(&key(0))), (0, Some(0)));
        newest.forget(|number| *number == 0);
        assert_eq!((newest.get(&key(0)), newest.get(&key(1))), (None, Some(1)));
    }
}
