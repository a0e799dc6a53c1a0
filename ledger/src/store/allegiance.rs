//! Whose log a store holds: its own, a replica of another ledger's, or one that was promoted; and the orders to erase that
//! were carried out on it.
//!
//! Invariants: a store that follows is not signed for, whatever the configuration says, until it was promoted; one that was
//! promoted follows nobody again. An order is durable here before anything of it goes, and is marked when all of it has
//! gone: what lies between is carried out again. Each has a number, in the order in which they were believed here, under which its id
//! is found without its text, of which there can be megabytes. Specification: `specs/follower.md`.

use crate::store::database::{Column, Write};
use crate::store::rows;
use crate::store::{Believed, Store, StoreError};
use std::collections::HashSet;
use zegel_verifier::hash::{Hash, sha256};

const FOLLOWS: &[u8] = b"follows";
const PROMOTED: &[u8] = b"promoted";
const ORDER: &[u8] = b"order";
/// By itself: every order has its number. Stores of before have none.
const BELIEVED: &[u8] = b"believed";
const CARRIED_OUT: &[u8] = b"carried out";
const ARCHIVE: &[u8] = b"archive";
const KEPT_FROM: &[u8] = b"kept from";

/// Whose log a store holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allegiance {
    /// Its own.
    Own,
    /// A replica of the log of this primary.
    Follows(String),
    /// Its own since it was promoted, at this size and root.
    Promoted { size: u64, root: Hash },
}

/// An order to erase with the size of the log at which it was believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptOrder {
    pub(crate) size: u64,
    pub(crate) text: String,
}

fn order_id(text: &str) -> Hash {
    sha256(&[text.as_bytes()])
}

fn key(prefix: &[u8], id: Hash) -> Vec<u8> {
    [prefix, &id.0].concat()
}

fn numbered(number: u64, id: Hash) -> Vec<u8> {
    [BELIEVED, &number.to_be_bytes(), &id.0].concat()
}

const UNREADABLE: StoreError = StoreError::Row { what: "an order to erase" };

/// Size and text of an order's row.
fn order_of(row: &[u8]) -> Result<(u64, String), StoreError> {
    let row = rows::parse_raw("an order to erase", row)?;
    let (size, text) = row.split_first_chunk().ok_or(UNREADABLE)?;
    Ok((u64::from_be_bytes(*size), String::from_utf8(text.to_vec()).map_err(|_| UNREADABLE)?))
}

impl Store {
    /// Whose log it is.
    pub(crate) fn allegiance(&self) -> Result<Allegiance, StoreError> {
        let unreadable = || StoreError::Row { what: "whom the store follows" };
        if let Some(row) = self.truth.get(Column::Meta, PROMOTED)? {
            let row = rows::parse_raw("a promotion", &row)?;
            let size = row.get(..8).and_then(|size| size.try_into().ok()).map(u64::from_be_bytes);
            let root = row.get(8..).and_then(Hash::read);
            let (size, root) = size.zip(root).ok_or_else(unreadable)?;
            return Ok(Allegiance::Promoted { size, root });
        }
        let Some(row) = self.truth.get(Column::Meta, FOLLOWS)? else { return Ok(Allegiance::Own) };
        let primary = rows::parse_raw("whom the store follows", &row)?.to_vec();
        Ok(Allegiance::Follows(String::from_utf8(primary).map_err(|_| unreadable())?))
    }

    /// From here on it is a replica.
    pub(crate) fn follow(&self, primary: &str) -> Result<(), StoreError> {
        self.forget_rewraps()?;
        let mut write = self.truth.write();
        write.put(Column::Meta, FOLLOWS, &rows::print_raw(primary.as_bytes()));
        self.truth.commit_synced(write, "writing whom the store follows")
    }

    /// From here on it is its own, at this size and root.
    pub(crate) fn promote(&self, size: u64, root: Hash) -> Result<(), StoreError> {
        let mut write = self.truth.write();
        write.put(Column::Meta, PROMOTED, &rows::print_raw(&[&size.to_be_bytes()[..], &root.0].concat()));
        write.delete(Column::Meta, FOLLOWS);
        self.truth.commit_synced(write, "writing the promotion")
    }

    /// Numbers and ids of the orders to erase that were believed here, behind a number, ascending. Their texts are not read.
    pub(crate) fn order_ids(&self, after: u64) -> Result<Vec<(u64, Hash)>, StoreError> {
        let from = [BELIEVED, &after.saturating_add(1).to_be_bytes()].concat();
        let rows = self.truth.slice(Column::Meta, BELIEVED, &from, usize::MAX)?;
        let read = |(key, _): &(Box<[u8]>, Box<[u8]>)| {
            let (number, id) = key.get(BELIEVED.len()..)?.split_at_checked(8)?;
            Some((u64::from_be_bytes(number.try_into().ok()?), Hash::read(id)?))
        };
        let unreadable = StoreError::Row { what: "the number of an order to erase" };
        rows.iter().map(read).collect::<Option<_>>().ok_or(unreadable)
    }

    /// The order with this id.
    pub(crate) fn order(&self, id: Hash) -> Result<KeptOrder, StoreError> {
        let row = self.truth.get(Column::Meta, &key(ORDER, id))?;
        let (size, text) = row.as_deref().ok_or(UNREADABLE).and_then(order_of)?;
        Ok(KeptOrder { size, text })
    }

    /// Ids of the orders that were begun here and of which something is left, as they were believed. Their texts are not read.
    pub(crate) fn broken_off(&self) -> Result<Vec<Hash>, StoreError> {
        let carried_out: HashSet<Hash> = self.ids(CARRIED_OUT)?.into_iter().collect();
        let believed = self.order_ids(0)?.into_iter().map(|(_, id)| id);
        Ok(believed.filter(|id| !carried_out.contains(id)).collect())
    }

    /// Whether all of an order has gone.
    pub(crate) fn is_carried_out(&self, id: Hash) -> Result<bool, StoreError> {
        Ok(self.truth.get(Column::Meta, &key(CARRIED_OUT, id))?.is_some())
    }

    /// Gives the orders of a store of before their numbers, by the sizes at which they were believed.
    pub(super) fn number_orders(&self) -> Result<(), StoreError> {
        if self.truth.get(Column::Meta, BELIEVED)?.is_some() {
            return Ok(());
        }
        let mut orders = Vec::new();
        self.truth.each(Column::Meta, ORDER, |key, row| {
            let id = key.get(ORDER.len()..).and_then(Hash::read).ok_or(UNREADABLE)?;
            orders.push((order_of(row)?.0, id));
            Ok(())
        })?;
        orders.sort_unstable();
        let mut write = self.truth.write();
        for (number, (_, id)) in (1..).zip(orders) {
            write.put(Column::Meta, &numbered(number, id), &rows::print_raw(&[]));
        }
        write.put(Column::Meta, BELIEVED, &rows::print_raw(&[]));
        self.truth.commit_synced(write, "numbering orders to erase")
    }

    /// Whether content ended here by an order, or would have but for a receipt of custody.
    pub(crate) fn has_ended(&self) -> Result<bool, StoreError> {
        let has = |of: &[u8]| self.truth.slice(Column::Meta, of, of, 1).map(|rows| !rows.is_empty());
        Ok(has(CARRIED_OUT)? || has(KEPT_FROM)?)
    }

    /// From here on it is an archive: nothing is purged here for a receipt, whatever a configuration says, promoted or not.
    pub(crate) fn become_archive(&self) -> Result<(), StoreError> {
        let mut write = self.truth.write();
        write.put(Column::Meta, ARCHIVE, &rows::print_raw(&[]));
        self.truth.commit_synced(write, "writing that the store is an archive")
    }

    /// Whether it is one.
    pub(crate) fn is_archive(&self) -> Result<bool, StoreError> {
        Ok(self.truth.get(Column::Meta, ARCHIVE)?.is_some())
    }

    /// Notes an order that was believed and is not carried out here, so that it is not asked for again.
    pub(crate) fn keep_from(&self, text: &str) -> Result<(), StoreError> {
        let mut write = self.truth.write();
        write.put(Column::Meta, &key(KEPT_FROM, order_id(text)), &rows::print_raw(&[]));
        self.truth.commit_synced(write, "writing an order that is not carried out")
    }

    /// Ids of the orders that are not carried out here.
    pub(crate) fn kept_from(&self) -> Result<Vec<Hash>, StoreError> {
        self.ids(KEPT_FROM)
    }

    /// Ids behind a prefix, read in one go: looked up one by one, each could read the text beside which it lies.
    fn ids(&self, prefix: &[u8]) -> Result<Vec<Hash>, StoreError> {
        let rows = self.truth.slice(Column::Meta, prefix, prefix, usize::MAX)?;
        rows.iter().map(|(key, _)| key.get(prefix.len()..).and_then(Hash::read).ok_or(UNREADABLE)).collect()
    }

    /// Keeps an order of which nothing is left to carry out: what it is about came erased.
    pub(crate) fn keep_order(&self, order: Believed<'_>) -> Result<(), StoreError> {
        let mut write = self.truth.write();
        self.put_order(&mut write, order.size, order.text)?;
        self.put_carried_out(&mut write, order.text);
        self.truth.commit_synced(write, "writing an order to erase")
    }

    /// Keeps an order with what is written; the size at which it was first believed stays.
    pub(super) fn put_order(&self, write: &mut Write<'_>, size: u64, text: &str) -> Result<(), StoreError> {
        let key = key(ORDER, order_id(text));
        if self.truth.get(Column::Meta, &key)?.is_none() {
            let newest = self.order_ids(0)?.last().map_or(0, |(number, _)| *number);
            write.put(Column::Meta, &numbered(newest + 1, order_id(text)), &rows::print_raw(&[]));
            write.put(Column::Meta, &key, &rows::print_raw(&[&size.to_be_bytes()[..], text.as_bytes()].concat()));
        }
        Ok(())
    }

    /// All of an order has gone.
    pub(super) fn put_carried_out(&self, write: &mut Write<'_>, text: &str) {
        write.put(Column::Meta, &key(CARRIED_OUT, order_id(text)), &rows::print_raw(&[]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NoFaults;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn open(path: &std::path::Path) -> Store {
        Store::open(path, "log", Arc::new(NoFaults)).expect("a store")
    }

    fn keep(store: &Store, size: u64, text: &str) {
        store.keep_order(Believed { places: &[], resealed: &BTreeMap::new(), text, size }).expect("kept");
    }

    #[test]
    fn orders_have_numbers_as_they_came_and_those_of_a_store_of_before_by_their_sizes() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        let texts = ["the third", "the first", "the second"];
        let sizes = [9, 3, 5];
        texts.iter().zip(sizes).for_each(|(text, size)| keep(&store, size, text));
        keep(&store, 99, texts[0]);
        let numbered = |order: [usize; 3]| Vec::from_iter((1..).zip(order.map(|at| order_id(texts[at]))));
        assert_eq!(store.order_ids(0).expect("ids"), numbered([0, 1, 2]));
        assert_eq!(store.order_ids(2).expect("ids"), [(3, order_id(texts[2]))]);
        assert_eq!(store.order_ids(3).expect("ids"), []);
        // As a store of before has it.
        let mut write = store.truth.write();
        for (number, id) in store.order_ids(0).expect("ids") {
            write.delete(Column::Meta, &super::numbered(number, id));
        }
        write.delete(Column::Meta, BELIEVED);
        store.truth.commit_synced(write, "a store of before").expect("written");
        drop(store);
        let store = open(folder.path());
        assert_eq!(store.order_ids(0).expect("ids"), numbered([1, 2, 0]));
        let sizes = [1, 2, 0].map(|at| store.order(order_id(texts[at])).expect("an order").size);
        assert_eq!(sizes, [3, 5, 9]);
        keep(&store, 1, "the fourth");
        assert_eq!(store.order_ids(3).expect("ids"), [(4, order_id("the fourth"))]);
    }

    #[test]
    fn an_order_is_broken_off_from_its_first_write_until_all_of_it_has_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = open(folder.path());
        keep(&store, 1, "carried out");
        assert_eq!(store.broken_off(), Ok(Vec::new()));
        for text in ["the first", "the second"] {
            let mut write = store.truth.write();
            store.put_order(&mut write, 2, text).expect("put");
            store.truth.commit_synced(write, "beginning an order").expect("written");
        }
        assert_eq!(store.broken_off(), Ok(vec![order_id("the first"), order_id("the second")]));
        keep(&store, 2, "the first");
        assert_eq!(store.broken_off(), Ok(vec![order_id("the second")]));
    }
}
