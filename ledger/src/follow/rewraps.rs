//! Envelopes that a primary rewrapped since: judged by the registry as of then, and put in the place of those that are here.
//!
//! They come ascending by number and are taken in that order, so that the newest number that is kept says from where to go on, also
//! after a crash. Memory: [`TAKEN_MAX`] envelopes.

use super::RoundError;
use crate::log::Log;
use crate::rewrap::check_replicated;
use crate::sequencer::Fault;
use crate::store::{RewrapTurn, Room, Store, StoreError};
use zegel_proto::v1::RewrappedEnvelope;
use zegel_verifier::hash::Hash;

/// Envelopes that are written together.
const TAKEN_MAX: usize = 128;

/// Rewrapped envelopes of one round.
pub(super) struct Rewraps {
    newest: u64,
    /// One came that was judged at more entries than are here, or another ledger gives them: it, and all behind it, come again.
    is_ahead: bool,
    taken: Vec<(Hash, RewrapTurn, Vec<u8>)>,
}

impl Rewraps {
    /// Behind those that are kept.
    pub(super) fn of(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { newest: store.newest_rewrap()?, is_ahead: false, taken: Vec::new() })
    }

    /// Another ledger took the log over, and numbers what it rewraps by itself: what comes in this round was asked for behind a number
    /// that is none of its own.
    pub(super) fn begin_anew(&mut self, store: &Store) -> Result<(), StoreError> {
        store.forget_rewraps()?;
        self.taken.clear();
        self.is_ahead = true;
        Ok(())
    }

    /// Number of the newest one that is kept; 0 if there is none.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Takes the next one, if the replica is far enough for it.
    pub(super) fn take(
        &mut self,
        from: RewrappedEnvelope,
        log: &Log,
        store: &Store,
        room: &Room,
    ) -> Result<(), RoundError> {
        let RewrappedEnvelope { number, size, wrap } = from;
        if number <= self.newest {
            return Err(Fault::RewrapOrder { found: number, after: self.newest }.into());
        }
        self.is_ahead |= size > log.size();
        let Some(registry) = log.registry().filter(|_| !self.is_ahead) else { return Ok(()) };
        let wrap = wrap.ok_or(Fault::Incomplete { wanted: "rewrapped envelope" })?;
        let dossier = Hash::read(&wrap.dossier).ok_or(Fault::Incomplete { wanted: "name of a dossier" })?;
        let there = store.envelope_bytes(dossier)?.ok_or(RoundError::NoDossier { dossier, number })?;
        check_replicated(registry, size, dossier, &there, &wrap.envelope).map_err(Fault::from)?;
        self.newest = number;
        self.taken.push((dossier, RewrapTurn { number, size }, wrap.envelope));
        if self.taken.len() < TAKEN_MAX { Ok(()) } else { self.write(store, room) }
    }

    /// Makes durable what was taken.
    pub(super) fn write(&mut self, store: &Store, room: &Room) -> Result<(), RoundError> {
        if self.taken.is_empty() {
            return Ok(());
        }
        room.check(self.taken.iter().map(|(.., envelope)| envelope.len() as u64).sum())?;
        store.take_rewrapped(&self.taken)?;
        tracing::info!(count = self.taken.len(), "rewrapped, as the primary did");
        self.taken.clear();
        Ok(())
    }
}
