//! Envelopes that are read in order, and replaced by what they were rewrapped to.
//!
//! A row is replaced whole, in one atomic synced write with others: at every moment a dossier has the envelope before or the
//! one after, and each opens. A write that is reported as failed has one of both too, so that it is simply done again. The bytes of the one
//! before lie in older files until these are merged.
//!
//! What was rewrapped is numbered, so that a follower can ask for what came since. It keeps the numbers of its primary, and the newest
//! one that it has tells how far it is. A dossier has one number: that of the envelope that is there. Not here: what an envelope may
//! become (`rewrap`).

use crate::store::database::{Column, Write};
use crate::store::rows::{self, RewrapTurn};
use crate::store::{Step, Store, StoreError};
use std::sync::PoisonError;
use zegel_proto::v1::{DossierWrap, RewrappedEnvelope};
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
    /// new one. The log has `size` entries.
    pub(crate) fn rewrap<E: From<StoreError>>(
        &self,
        wraps: &[(Hash, Vec<u8>)],
        size: u64,
        judge: impl Fn(Hash, Option<&[u8]>, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let _alone = self.rewrapping.lock().unwrap_or_else(PoisonError::into_inner);
        let mut write = self.keys.write();
        for ((dossier, envelope), number) in wraps.iter().zip(self.newest_rewrap()? + 1..) {
            judge(*dossier, self.envelope_bytes(*dossier)?.as_deref(), envelope)?;
            self.put_rewrapped(&mut write, *dossier, RewrapTurn { number, size }, envelope)?;
        }
        Ok(self.step(Step::Rewrap, || self.keys.commit_synced(write, "writing rewrapped envelopes"))?)
    }

    /// Replaces envelopes, all or none, by what a primary gave, under its numbers. They were judged.
    pub(crate) fn take_rewrapped(&self, taken: &[(Hash, RewrapTurn, Vec<u8>)]) -> Result<(), StoreError> {
        let mut write = self.keys.write();
        for (dossier, turn, envelope) in taken {
            self.put_rewrapped(&mut write, *dossier, *turn, envelope)?;
        }
        self.step(Step::Rewrap, || self.keys.commit_synced(write, "writing rewrapped envelopes"))
    }

    fn put_rewrapped(
        &self,
        write: &mut Write<'_>,
        dossier: Hash,
        turn: RewrapTurn,
        envelope: &[u8],
    ) -> Result<(), StoreError> {
        let before = self.keys.get(Column::Envelopes, &dossier.0)?.filter(|row| rows::is_rewrapped(row));
        if let Some(row) = before {
            let number = rows::parse_rewrapped(&row)?.0.number.to_be_bytes();
            // Where numbers were forgotten, another envelope can have this one by now.
            let named = self.keys.get(Column::Rewraps, &number)?;
            if named.is_some_and(|row| rows::parse_raw("a rewrap", &row).is_ok_and(|named| named == dossier.0)) {
                write.delete(Column::Rewraps, &number);
            }
        }
        write.put(Column::Rewraps, &turn.number.to_be_bytes(), &rows::print_raw(&dossier.0));
        write.put(Column::Envelopes, &dossier.0, &rows::print_rewrapped(turn, envelope));
        Ok(())
    }

    /// Number of the envelope that was rewrapped last; 0 if none was.
    pub(crate) fn newest_rewrap(&self) -> Result<u64, StoreError> {
        self.keys.last_key(Column::Rewraps)?.map_or(Ok(0), |key| number_of(&key))
    }

    /// Numbers and dossiers of envelopes that were rewrapped, ascending, behind `after`: a bounded slice.
    pub(crate) fn rewraps_after(&self, after: u64, count: usize) -> Result<Vec<(u64, Hash)>, StoreError> {
        let slice = self.keys.slice(Column::Rewraps, &[], &after.saturating_add(1).to_be_bytes(), count)?;
        let read = |(key, row): &(Box<[u8]>, Box<[u8]>)| {
            let dossier = Hash::read(rows::parse_raw("a rewrap", row)?).ok_or(StoreError::Row { what: "a rewrap" })?;
            Ok((number_of(key)?, dossier))
        };
        slice.iter().map(read).collect()
    }

    /// An envelope under the number by which it was rewrapped; `None` if it has another one by now.
    pub(crate) fn rewrapped(&self, number: u64, dossier: Hash) -> Result<Option<RewrappedEnvelope>, StoreError> {
        let row = self.keys.get(Column::Envelopes, &dossier.0)?.filter(|row| rows::is_rewrapped(row));
        let Some(row) = row else { return Ok(None) };
        let (turn, envelope) = rows::parse_rewrapped(&row)?;
        let wrap = Some(DossierWrap { dossier: dossier.to_vec(), envelope: envelope.to_vec() });
        Ok((turn.number == number).then_some(RewrappedEnvelope { number, size: turn.size, wrap }))
    }

    /// Forgets numbers: those of another primary are others.
    pub(crate) fn forget_rewraps(&self) -> Result<(), StoreError> {
        let mut write = self.keys.write();
        write.delete_range(Column::Rewraps, &[], &[0xFF; 9]);
        self.keys.commit_synced(write, "forgetting numbers of rewrapped envelopes")
    }
}

fn number_of(key: &[u8]) -> Result<u64, StoreError> {
    let number = key.try_into().map(u64::from_be_bytes);
    number.map_err(|_| StoreError::Row { what: "key of a rewrap" })
}
