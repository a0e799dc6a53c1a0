//! Sealed leaves of what was erased: what the batch of an event signed over, when the bytes that led to it have gone.
//!
//! A leaf lies twice. In the log, written before anything goes, with the marks of what is to go (`erase`); and in the keys,
//! written in the same atomic write that blanks the wrap. So wherever a wrap is blank, its leaf is beside it: an older copy of
//! the log with newer keys (`backup`) is whole, and the same order goes on there.
//!
//! What if we stop in between? The log has the leaf first. Leaves of entries that do not exist are swept with their keys. A
//! store of before has leaves in its log alone: they are brought over once, when it is opened. Specification: `specs/storage.md`.

use crate::store::database::{Column, Write};
use crate::store::rows::{self, ErasedRow};
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use zegel_verifier::hash::Hash;

/// Says in the log that the keys have the leaves of what was erased before they were written there.
const BROUGHT_OVER: &[u8] = b"leaves";
/// Leaves that are brought over in one write.
const SLICE_ROWS: usize = 16_384;

impl Store {
    /// The sealed leaf of an event that was erased; `None` if it was not.
    pub(crate) fn erased(&self, entry: u64, position: u32) -> Result<Option<Hash>, StoreError> {
        if let Some(row) = self.erased_row(entry, position)? {
            return Ok(Some(Hash(row.leaf)));
        }
        let row = self.keys.get(Column::Leaves, &rows::chunk_key(entry, position))?;
        row.map(|row| leaf_of(&row)).transpose()
    }

    /// Erased events of an entry, by position.
    pub(crate) fn erased_of(&self, entry: u64) -> Result<BTreeMap<u32, Hash>, StoreError> {
        let prefix = entry.to_be_bytes();
        let mut erased = BTreeMap::new();
        for (key, row) in self.keys.slice(Column::Leaves, &prefix, &prefix, usize::MAX)? {
            erased.insert(position_of(&key)?, leaf_of(&row)?);
        }
        for (key, row) in self.truth.slice(Column::Erased, &prefix, &prefix, usize::MAX)? {
            erased.insert(position_of(&key)?, Hash(rows::parse::<ErasedRow>("an erased event", &row)?.leaf));
        }
        Ok(erased)
    }

    /// Brings leaves of what was erased before they were written to the keys over to them.
    pub(super) fn bring_leaves(&self) -> Result<(), StoreError> {
        if self.truth.get(Column::Meta, BROUGHT_OVER)?.is_some() {
            return Ok(());
        }
        let mut from = Vec::new();
        loop {
            let slice = self.truth.slice(Column::Erased, &[], &from, SLICE_ROWS)?;
            let mut write = self.keys.write();
            for (key, row) in &slice {
                let row: ErasedRow = rows::parse("an erased event", row)?;
                // One that is under way gets it when it goes on.
                if row.marks.is_empty() {
                    write.put(Column::Leaves, key, &rows::print_raw(&row.leaf));
                }
            }
            if !write.is_empty() {
                self.keys.commit_synced(write, "bringing leaves over")?;
            }
            let Some((last, _)) = slice.last().filter(|_| slice.len() == SLICE_ROWS) else { break };
            from = [last, &[0][..]].concat();
        }
        let mut write = self.truth.write();
        write.put(Column::Meta, BROUGHT_OVER, &rows::print_raw(&[]));
        self.truth.commit_synced(write, "writing that leaves were brought over")
    }

    /// Deletes leaves from entry `size` on: those entries do not exist.
    pub(super) fn sweep_leaves(&self, size: u64) -> Result<(), StoreError> {
        let from = rows::chunk_key(size, 0);
        if self.keys.slice(Column::Leaves, &[], &from, 1)?.is_empty() {
            return Ok(());
        }
        let mut write = self.keys.write();
        write.delete_range(Column::Leaves, &from, &[0xFF; 13]);
        self.keys.commit_synced(write, "sweeping leaves")
    }
}

/// Puts a leaf beside the wrap that is blanked in the same write.
pub(super) fn put_leaf(write: &mut Write<'_>, entry: u64, position: u32, leaf: Hash) {
    write.put(Column::Leaves, &rows::chunk_key(entry, position), &rows::print_raw(&leaf.0));
}

fn leaf_of(row: &[u8]) -> Result<Hash, StoreError> {
    Hash::read(rows::parse_raw("a leaf", row)?).ok_or(StoreError::Row { what: "a leaf" })
}

fn position_of(key: &[u8]) -> Result<u32, StoreError> {
    let position = key.get(8..).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    position.ok_or(StoreError::Row { what: "key of an erased event" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audited::{audit_entry, audit_entry_while};
    use crate::store::rows::{BodiesRow, HeadersRow, KeysRow};
    use crate::store::{Believed, NoFaults};
    use std::sync::Arc;
    use zegel_proto::v1::SealedDigest;

    fn put_erased(store: &Store, entry: u64, position: u32, marks: Vec<[u8; 16]>) {
        let mut write = store.truth.write();
        let row = ErasedRow { leaf: [position as u8; 32], marks };
        write.put(Column::Erased, &rows::chunk_key(entry, position), &rows::print(&row));
        store.truth.commit_synced(write, "a test").expect("written");
    }

    #[test]
    fn an_auditor_who_meets_an_erasure_half_way_has_the_leaf_of_whatever_has_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), "chat.example.nl/minbzk", Arc::new(NoFaults)).expect("a store");
        let parts = |first: u8| (first..first + 3).map(|byte| vec![byte; 40]).collect::<Vec<_>>();
        let (mut write, mut keys) = (store.truth.write(), store.keys.write());
        write.put(Column::Entries, &0_u64.to_be_bytes(), &rows::print_raw(b"an entry"));
        write.put(Column::Headers, &0_u64.to_be_bytes(), &rows::print(&HeadersRow { headers: parts(1) }));
        write.put(Column::Bodies, &rows::chunk_key(0, 0), &rows::print(&BodiesRow { ciphertexts: parts(11) }));
        let row = KeysRow { wraps: parts(21), message_rows: vec![Vec::new(); 3] };
        keys.put(Column::Wraps, &rows::chunk_key(0, 0), &rows::print(&row));
        store.keys.commit_synced(keys, "a test").expect("written");
        store.truth.commit_synced(write, "a test").expect("written");
        let before = audit_entry(&store, 0).expect("read").sealed;
        let order = Believed { places: &[(0, 1)], resealed: &BTreeMap::new(), text: "an order", size: 1 };
        let met = audit_entry_while(&store, 0, || store.erase(order, &store.alone()).map(|_| ())).expect("read").sealed;
        let leaf = store.erased(0, 1).expect("read").expect("its leaf").to_vec();
        let wanted = SealedDigest { leaf: leaf.clone(), ..before[1].clone() };
        assert_eq!(met, [before[0].clone(), wanted, before[2].clone()]);
        let gone = SealedDigest { leaf, ..SealedDigest::default() };
        assert_eq!(audit_entry(&store, 0).expect("read").sealed, [before[0].clone(), gone, before[2].clone()]);
    }

    #[test]
    fn leaves_of_a_store_of_before_are_brought_over_once_and_swept_with_their_entries() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), "chat.example.nl/minbzk", Arc::new(NoFaults)).expect("a store");
        let in_keys = |entry, position| {
            store.keys.get(Column::Leaves, &rows::chunk_key(entry, position)).expect("read").is_some()
        };
        put_erased(&store, 3, 7, Vec::new());
        put_erased(&store, 3, 8, vec![[1; 16]]);
        put_erased(&store, 4, 0, Vec::new());
        store.bring_leaves().expect("brought");
        assert_eq!([in_keys(3, 7), in_keys(3, 8), in_keys(4, 0)], [true, false, true]);
        put_erased(&store, 5, 0, Vec::new());
        store.bring_leaves().expect("nothing to do");
        assert!(!in_keys(5, 0), "what comes later is written with its wrap");
        store.sweep_leaves(4).expect("swept");
        assert_eq!([in_keys(3, 7), in_keys(4, 0)], [true, false]);
        // Either place is enough.
        let mut write = store.truth.write();
        write.delete(Column::Erased, &rows::chunk_key(3, 7));
        store.truth.commit_synced(write, "a test").expect("written");
        assert_eq!(store.erased(3, 7), Ok(Some(Hash([7; 32]))));
        assert_eq!(store.erased(3, 9), Ok(None));
        let all = BTreeMap::from([(7, Hash([7; 32])), (8, Hash([8; 32]))]);
        assert_eq!(store.erased_of(3), Ok(all));
    }
}
