//! Sealed forms that are put where an event came without one: a part of it had been covered for good before it was replicated.
//!
//! The order that covered it says what is left of the event, and was believed here. Nothing of its old form was ever in these files, so nothing is
//! marked and nothing searched. What if we stop after the keys? A wrap without a ciphertext opens nothing: the place is found blank
//! again, and the same is written again. Not here: taking the place of a form that is there (`erase`). Specification: `specs/follower.md`.

use crate::store::database::Column;
use crate::store::rows::{self, BodiesRow, CHUNK_EVENTS};
use crate::store::{Alone, Step, Store, StoreError};
use std::collections::BTreeMap;
use zegel_verifier::erasure::Resealed;

impl Store {
    /// The sealed form of an event is gone, and nothing stands in its place.
    pub(crate) fn is_blank(&self, entry: u64, position: u32) -> Result<bool, StoreError> {
        if self.erased(entry, position)?.is_none() {
            return Ok(false);
        }
        let chunk = self.ciphertexts(entry, position / CHUNK_EVENTS as u32)?;
        Ok(chunk.get(position as usize % CHUNK_EVENTS).is_none_or(Vec::is_empty))
    }

    /// Writes what is in memory to files.
    #[cfg(test)]
    pub(crate) fn flush_truth(&self) {
        self.truth.compact().expect("compacted");
    }

    /// Puts sealed forms where there are none.
    ///
    /// # Errors
    /// [`StoreError`]; then do it again.
    pub(crate) fn put_forms(&self, forms: &[((u64, u32), &Resealed)], _: &Alone<'_>) -> Result<(), StoreError> {
        if forms.is_empty() {
            return Ok(());
        }
        let mut chunks: BTreeMap<(u64, u32), Vec<(usize, &Resealed)>> = BTreeMap::new();
        for ((entry, position), new) in forms {
            let chunk = chunks.entry((*entry, position / CHUNK_EVENTS as u32)).or_default();
            chunk.push((*position as usize % CHUNK_EVENTS, new));
        }
        let (mut keys, mut truth) = (self.keys.write(), self.truth.write());
        for ((entry, chunk), forms) in chunks {
            // There is no row where all of a chunk came blank.
            let events = self.headers(entry)?.len().saturating_sub(chunk as usize * CHUNK_EVENTS).min(CHUNK_EVENTS);
            let (mut wraps, mut ciphertexts) = (self.wraps(entry, chunk)?, self.ciphertexts(entry, chunk)?);
            for list in [&mut wraps.wraps, &mut wraps.message_rows, &mut ciphertexts] {
                list.resize(events, Vec::new());
            }
            for (within, new) in forms {
                let missing = || StoreError::Missing { what: "event of entry", number: entry };
                wraps.wraps.get_mut(within).ok_or_else(missing)?.clone_from(&new.wrap);
                ciphertexts.get_mut(within).ok_or_else(missing)?.clone_from(&new.ciphertext);
            }
            let key = rows::chunk_key(entry, chunk);
            keys.put(Column::Wraps, &key, &rows::print(&wraps));
            truth.put(Column::Bodies, &key, &rows::print(&BodiesRow { ciphertexts }));
        }
        self.step(Step::EraseKeys, || self.keys.commit_synced(keys, "writing keys of what is left"))?;
        self.step(Step::EraseBodies, || self.truth.commit_synced(truth, "writing what is left"))
    }
}
