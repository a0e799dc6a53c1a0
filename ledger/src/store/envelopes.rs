//! Places of envelopes that were asked for lately: every event names one, and reading it would cost more than all else.
//!
//! An envelope never changes, and is forgotten only with the entry that brought it, when a log is opened. Two generations: when
//! the young one is full, the old one goes. Memory: [`GENERATION`] places each, some 40 MB together.

use crate::log::EnvelopePlace;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use zegel_verifier::hash::Hash;

const GENERATION: usize = 131_072;

#[derive(Default)]
struct Generations {
    young: HashMap<Hash, EnvelopePlace>,
    old: HashMap<Hash, EnvelopePlace>,
}

/// Envelopes that were asked for lately.
#[derive(Default)]
pub(super) struct EnvelopePlaces(Mutex<Generations>);

impl EnvelopePlaces {
    /// The place of an envelope, if it is remembered.
    pub(super) fn get(&self, envelope: Hash) -> Option<EnvelopePlace> {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let young = generations.young.get(&envelope).copied();
        young.or_else(|| {
            let place = generations.old.remove(&envelope)?;
            generations.put(envelope, place);
            Some(place)
        })
    }

    pub(super) fn put(&self, envelope: Hash, place: EnvelopePlace) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(envelope, place);
    }
}

impl Generations {
    fn put(&mut self, envelope: Hash, place: EnvelopePlace) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(envelope, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(of: usize) -> Hash {
        let mut hash = Hash::ZERO;
        hash.0[..8].copy_from_slice(&of.to_be_bytes());
        hash
    }

    #[test]
    fn what_is_asked_for_again_stays_and_the_rest_goes() {
        let places = EnvelopePlaces::default();
        places.put(number(0), (None, 7));
        for of in 1..3 * GENERATION {
            places.put(number(of), (None, 0));
            if of % 1_000 == 0 {
                assert_eq!(places.get(number(0)), Some((None, 7)));
            }
        }
        assert_eq!(places.get(number(1)), None);
    }
}
