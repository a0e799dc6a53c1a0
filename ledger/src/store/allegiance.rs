//! Whose log a store holds: its own, a replica of another ledger's, or one that was promoted; and the orders to erase that
//! were carried out on it.
//!
//! Invariants: a store that follows is not signed for, whatever the configuration says, until it was promoted; one that was
//! promoted follows nobody again. An order is durable here before anything of it goes, and is marked when all of it has
//! gone: what lies between is carried out again. Specification: `specs/follower.md`.

use crate::store::database::{Column, Write};
use crate::store::rows;
use crate::store::{Believed, Store, StoreError};
use zegel_verifier::hash::{Hash, sha256};

const FOLLOWS: &[u8] = b"follows";
const PROMOTED: &[u8] = b"promoted";
const ORDER: &[u8] = b"order";
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
    pub(crate) is_carried_out: bool,
}

impl KeptOrder {
    /// SHA-256 of its text.
    pub(crate) fn id(&self) -> Hash {
        order_id(&self.text)
    }
}

fn order_id(text: &str) -> Hash {
    sha256(&[text.as_bytes()])
}

fn key(prefix: &[u8], id: Hash) -> Vec<u8> {
    [prefix, &id.0].concat()
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

    /// Orders to erase that were believed here.
    pub(crate) fn orders(&self) -> Result<Vec<KeptOrder>, StoreError> {
        let unreadable = || StoreError::Row { what: "an order to erase" };
        let rows = self.truth.slice(Column::Meta, ORDER, ORDER, usize::MAX)?;
        let read = rows.iter().map(|(key, row)| {
            let id = key.get(ORDER.len()..).and_then(Hash::read).ok_or_else(unreadable)?;
            let row = rows::parse_raw("an order to erase", row)?;
            let size = row.get(..8).and_then(|size| size.try_into().ok()).map(u64::from_be_bytes);
            let text = row.get(8..).and_then(|text| String::from_utf8(text.to_vec()).ok());
            let (size, text) = size.zip(text).ok_or_else(unreadable)?;
            let is_carried_out = self.truth.get(Column::Meta, &self::key(CARRIED_OUT, id))?.is_some();
            Ok(KeptOrder { size, text, is_carried_out })
        });
        read.collect()
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
        let unreadable = || StoreError::Row { what: "an order that is not carried out" };
        let rows = self.truth.slice(Column::Meta, KEPT_FROM, KEPT_FROM, usize::MAX)?;
        rows.iter().map(|(key, _)| key.get(KEPT_FROM.len()..).and_then(Hash::read).ok_or_else(unreadable)).collect()
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
            write.put(Column::Meta, &key, &rows::print_raw(&[&size.to_be_bytes()[..], text.as_bytes()].concat()));
        }
        Ok(())
    }

    /// All of an order has gone.
    pub(super) fn put_carried_out(&self, write: &mut Write<'_>, text: &str) {
        write.put(Column::Meta, &key(CARRIED_OUT, order_id(text)), &rows::print_raw(&[]));
    }
}
