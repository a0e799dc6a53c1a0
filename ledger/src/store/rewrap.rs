//! Envelopes that are read in order, and replaced by what they were rewrapped to.
//!
//! A row is replaced whole, in one atomic synced write with others: at every moment a dossier has the envelope before or the
//! one after, and each opens. A write that is reported as failed has one of both too, so that it is simply done again. The bytes of the one
//! before lie in older files until these are merged. Not here: what an envelope may become (`rewrap`).

use crate::store::database::Column;
use crate::store::{Step, Store, StoreError, rows};
use std::sync::PoisonError;
use zegel_verifier::hash::Hash;

impl Store {
    /// Envelopes by the name of their dossier, ascending, behind `after`: a bounded slice.
    pub(crate) fn envelopes_after(
        &self,
        after: Option<Hash>,
        count: usize,
    ) -> Result<Vec<(Hash, Vec<u8>)>, StoreError> {
        let from = after.map_or_else(Vec::new, |after| [&after.0[..], &[0]].concat());
        let slice = self.keys.slice(Column::Envelopes, &[], &from, count)?;
        let read = |(key, row): &(Box<[u8]>, Box<[u8]>)| {
            let dossier = Hash::read(key).ok_or(StoreError::Row { what: "key of an envelope" })?;
            Ok((dossier, rows::parse_envelope(row)?.to_vec()))
        };
        slice.iter().map(read).collect()
    }

    /// Replaces envelopes, all or none, if `judge` has nothing against any: it is told the dossier, the envelope that is there, and the
    /// new one.
    pub(crate) fn rewrap<E: From<StoreError>>(
        &self,
        wraps: &[(Hash, Vec<u8>)],
        judge: impl Fn(Hash, Option<&[u8]>, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let _alone = self.rewrapping.lock().unwrap_or_else(PoisonError::into_inner);
        let mut write = self.keys.write();
        for (dossier, envelope) in wraps {
            judge(*dossier, self.envelope_bytes(*dossier)?.as_deref(), envelope)?;
            write.put(Column::Envelopes, &dossier.0, &rows::print_rewrapped(envelope));
        }
        Ok(self.step(Step::Rewrap, || self.keys.commit_synced(write, "writing rewrapped envelopes"))?)
    }
}
