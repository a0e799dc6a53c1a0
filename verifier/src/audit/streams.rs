//! Every stream of a log, compactly: what an index snapshot is a tree over.
//!
//! A row is an id, with the months of its events; a month is a count and the right edge of a tree. A million months take
//! some 200 MB: rows lie one after the other, are found through tables of four-byte numbers, and each edge is allocated to
//! its size. The leaf of a row is kept until an event comes to it, so that a snapshot costs what changed since the last.

use crate::hash::Hash;
use crate::kinds::StreamMonth;
use crate::snapshot::row_leaf;
use crate::tree::{Frontier, root_of};
use hashbrown::HashTable;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use zegel_proto::v1::{Month, StreamType};

/// No row.
pub(super) const NONE: u32 = u32::MAX;

/// An id that was named.
#[derive(Clone, Debug)]
pub(super) struct IdRow {
    pub(super) id: Hash,
    pub(super) stream: StreamType,
    pub(super) is_registered: bool,
    /// Captures that it is in.
    pub(super) captures: u32,
    /// Number of its newest month row; [`NONE`] where it has no event.
    newest: u32,
    /// Leaf of its row; `None` once an event came to it.
    leaf: Option<Hash>,
}

/// One month of an id.
#[derive(Clone, Debug)]
pub(super) struct MonthRow {
    pub(super) of: u32,
    pub(super) month: u32,
    /// Number of the month row of the same id that was made before; [`NONE`] for the first.
    older: u32,
    pub(super) count: u64,
    pub(super) roots: Box<[Hash]>,
}

/// All streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    pub(super) ids: Vec<IdRow>,
    pub(super) months: Vec<MonthRow>,
    by_id: HashTable<u32>,
    by_month: HashTable<u32>,
    hasher: RandomState,
    /// Rows with an event, as a snapshot orders them; rows that came since are not in it yet.
    sorted: Vec<u32>,
    unsorted: Vec<u32>,
}

impl Streams {
    /// The number of an id, which is new if it was not known.
    pub(super) fn id(&mut self, stream: StreamType, id: Hash) -> u32 {
        let Self { ids, by_id, hasher, .. } = self;
        let hash = hasher.hash_one((stream as u8, id));
        let is_same = |number: &u32| ids.get(*number as usize).is_some_and(|row| row.stream == stream && row.id == id);
        if let Some(number) = by_id.find(hash, is_same) {
            return *number;
        }
        let number = ids.len() as u32;
        ids.push(IdRow { id, stream, is_registered: false, captures: 0, newest: NONE, leaf: None });
        by_id.insert_unique(hash, number, |number| {
            let row = &ids[*number as usize];
            hasher.hash_one((row.stream as u8, row.id))
        });
        number
    }

    fn month(&mut self, of: u32, month: u32) -> usize {
        let Self { ids, months, by_month, hasher, .. } = self;
        let hash = hasher.hash_one((of, month));
        let is_same = |number: &u32| months.get(*number as usize).is_some_and(|row| row.of == of && row.month == month);
        if let Some(number) = by_month.find(hash, is_same) {
            return *number as usize;
        }
        let number = months.len() as u32;
        let id = &mut ids[of as usize];
        if id.newest == NONE {
            self.unsorted.push(of);
        }
        months.push(MonthRow { of, month, older: id.newest, count: 0, roots: Box::default() });
        id.newest = number;
        by_month.insert_unique(hash, number, |number| {
            let row = &months[*number as usize];
            hasher.hash_one((row.of, row.month))
        });
        number as usize
    }

    /// Appends stream leaves, in log order.
    pub(super) fn extend(&mut self, to: &StreamMonth, leaves: Vec<Hash>) {
        let of = self.id(to.stream, to.id);
        let number = self.month(of, to.month);
        self.ids[of as usize].leaf = None;
        let row = &mut self.months[number];
        let roots = std::mem::take(&mut row.roots).into_vec();
        // One root for each bit of the count, always: made here and in `restore` only.
        let mut edge = Frontier::restore(row.count, roots).unwrap_or_default();
        edge.extend(leaves);
        row.count = edge.size();
        row.roots = edge.into_roots().into_boxed_slice();
    }

    /// Rows of the table and the root over them, as of now.
    pub(super) fn table(&mut self) -> (u64, Hash) {
        self.sort();
        for at in 0..self.sorted.len() {
            let number = self.sorted[at] as usize;
            if self.ids[number].leaf.is_none() {
                let leaf = self.leaf_of(number);
                self.ids[number].leaf = Some(leaf);
            }
        }
        let leaves = self.sorted.iter().filter_map(|number| self.ids[*number as usize].leaf);
        (self.sorted.len() as u64, root_of(leaves))
    }

    fn leaf_of(&self, number: usize) -> Hash {
        let row = &self.ids[number];
        let mut months = Vec::new();
        let mut at = row.newest;
        while let Some(month) = self.months.get(at as usize) {
            let edge = Frontier::restore(month.count, month.roots.to_vec()).unwrap_or_default();
            months.push(Month { month: month.month, count: month.count, root: edge.root().to_vec() });
            at = month.older;
        }
        months.sort_by_key(|month| month.month);
        row_leaf(row.stream, row.id, &months)
    }

    /// Merges the rows that came since the last time.
    fn sort(&mut self) {
        if self.unsorted.is_empty() {
            return;
        }
        self.sorted.append(&mut self.unsorted);
        let ids = &self.ids;
        // A run that is sorted, and a tail: what a stable sort of the library is quickest with.
        self.sorted.sort_by_key(|number| {
            let row = &ids[*number as usize];
            (row.stream as i32, row.id)
        });
    }

    /// Takes back a row of a state that was kept. Rows come in the order of their numbers.
    pub(super) fn restore_id(&mut self, row: (StreamType, Hash), is_registered: bool, captures: u32) {
        let number = self.id(row.0, row.1) as usize;
        self.ids[number].is_registered = is_registered;
        self.ids[number].captures = captures;
    }

    /// Takes back a month of a state that was kept; false if it is none.
    pub(super) fn restore_month(&mut self, of: u32, month: u32, count: u64, roots: Vec<Hash>) -> bool {
        let Some(edge) = Frontier::restore(count, roots).filter(|_| (of as usize) < self.ids.len() && count > 0) else {
            return false;
        };
        let number = self.month(of, month);
        self.months[number].count = count;
        self.months[number].roots = edge.into_roots().into_boxed_slice();
        true
    }
}
