//! What a bundle shows of the tree under its own checkpoint, and which other checkpoints and entries that places.
//!
//! A bundle shows some entries, and the roots of the complete subtrees between them. Where a smaller checkpoint ends at a border
//! of what is shown, its root follows; and every entry that is shown has its inclusion path. Nothing is answered unless all
//! that is shown leads to the bundle's own checkpoint. Memory: a few hashes for each size and each entry that is asked for.
//!
//! Not here: whether the bundle is good (`bundle`). Specification: `specs/audit.md`, comparison.

use super::{Disagreement, Included, LogKeys, Relation, Seen, proof};
use crate::hash::{Hash, log_leaf};
use crate::tree::{Frontier, ProofError, SubsetWalk, gap_subtrees};
use std::collections::VecDeque;
use std::ops::Range;

/// Roots over ranges of leaves, put together from the subtrees that pass.
struct Roots {
    /// Those that are not complete, ascending.
    wanted: VecDeque<Range<u64>>,
    edge: Frontier,
    found: Vec<Hash>,
}

impl Roots {
    fn of(ranges: impl Iterator<Item = Range<u64>>) -> Self {
        Self { wanted: ranges.collect(), edge: Frontier::new(), found: Vec::new() }
    }

    fn piece(&mut self, piece: Range<u64>, level: u32, root: Hash) {
        let Some(range) = self.wanted.front().filter(|range| piece.end > range.start).cloned() else { return };
        if piece.end > range.end || piece.start != range.start + self.edge.size() {
            // It lies across a border of the range: nobody knows its halves. What is wanted is never found.
            return;
        }
        self.edge.push_subtree(level, root);
        if piece.end == range.end {
            self.found.push(std::mem::take(&mut self.edge).root());
            self.wanted.pop_front();
        }
    }

    fn finish(self) -> Option<Vec<Hash>> {
        self.wanted.is_empty().then_some(self.found)
    }
}

/// A walk over what a bundle shows of its log.
pub struct ShownWalk {
    size: u64,
    root: Hash,
    walk: SubsetWalk,
    beginnings: Vec<(u64, Roots)>,
    places: Vec<Place>,
}

struct Place {
    index: u64,
    entry: Option<Vec<u8>>,
    roots: Roots,
}

/// Ranges of the siblings on the way from an entry up to the root, the lowest first (RFC 6962 2.1.1).
fn siblings(index: u64, size: u64) -> Vec<Range<u64>> {
    let (mut from, mut to, mut all) = (0, size, Vec::new());
    while to - from > 1 {
        let middle = from + (1 << (to - from - 1).ilog2());
        if index < middle {
            all.push(middle..to);
            to = middle;
        } else {
            all.push(from..middle);
            from = middle;
        }
    }
    all.reverse();
    all
}

fn ascending(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    ranges
}

fn ranges(from: u64, to: u64) -> impl Iterator<Item = Range<u64>> {
    gap_subtrees(from, to).map(|subtree| subtree.index << subtree.level..(subtree.index + 1) << subtree.level)
}

impl ShownWalk {
    /// Begins a walk under the bundle's checkpoint. Asked are the beginnings of these sizes, and the entries of these indexes.
    #[must_use]
    pub fn new(bundle: &Seen, sizes: &[u64], indexes: &[u64]) -> Self {
        let size = bundle.size();
        let cut = |cut: &u64| (*cut, Roots::of(ranges(0, *cut).chain(ranges(*cut, size))));
        let place = |index: &u64| Place {
            index: *index,
            entry: None,
            roots: Roots::of(ascending(siblings(*index, size)).into_iter()),
        };
        Self {
            size,
            root: bundle.root(),
            walk: SubsetWalk::new(size),
            beginnings: sizes.iter().filter(|cut| (1..size).contains(*cut)).map(cut).collect(),
            places: indexes.iter().filter(|index| **index < size).map(place).collect(),
        }
    }

    /// Takes the next entry that is shown, and the hashes of the gap before it.
    ///
    /// # Errors
    /// [`ProofError`]: not ascending, outside the tree, or another number of hashes.
    pub fn entry(&mut self, index: u64, gap: &[Hash], entry: &[u8]) -> Result<(), ProofError> {
        let (from, leaf) = (self.walk.position(), log_leaf(entry));
        self.walk.leaf(index, gap, leaf)?;
        self.gap(from, index, gap);
        self.piece(index..index + 1, 0, leaf);
        for place in self.places.iter_mut().filter(|place| place.index == index) {
            place.entry = Some(entry.to_vec());
        }
        Ok(())
    }

    /// The last gap. Gives what follows, if all that was shown leads to the checkpoint.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn finish(mut self, gap: &[Hash]) -> Result<Shown, ProofError> {
        let from = self.walk.position();
        let found = self.walk.clone().finish(gap)?;
        if found != self.root {
            return Err(ProofError::WrongRoot { found, wanted: self.root });
        }
        self.gap(from, self.size, gap);
        let size = self.size;
        let beginnings = self.beginnings.into_iter().filter_map(|(cut, roots)| Some((cut, roots.finish()?)));
        Ok(Shown {
            beginnings: beginnings.collect(),
            included: self.places.into_iter().filter_map(|place| place.included(size)).collect(),
        })
    }

    fn gap(&mut self, from: u64, to: u64, hashes: &[Hash]) {
        for (range, hash) in ranges(from, to).zip(hashes) {
            let level = (range.end - range.start).ilog2();
            self.piece(range, level, *hash);
        }
    }

    fn piece(&mut self, piece: Range<u64>, level: u32, root: Hash) {
        let beginnings = self.beginnings.iter_mut().map(|(_, roots)| roots);
        let all = beginnings.chain(self.places.iter_mut().map(|place| &mut place.roots));
        all.for_each(|roots| roots.piece(piece.clone(), level, root));
    }
}

impl Place {
    fn included(self, size: u64) -> Option<Included> {
        let (index, entry) = (self.index, self.entry?);
        let path = siblings(index, size);
        let found = ascending(path.clone()).into_iter().map(|range| range.start).zip(self.roots.finish()?);
        let found: Vec<(u64, Hash)> = found.collect();
        let root = |range: &Range<u64>| found.iter().find(|(start, _)| *start == range.start).map(|(_, root)| *root);
        Some(Included { index, entry, path: path.iter().map(root).collect::<Option<_>>()? })
    }
}

/// What a bundle says of other checkpoints and entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Roots of the maximal complete subtrees of the first so many entries, and of those after them.
    beginnings: Vec<(u64, Vec<Hash>)>,
    included: Vec<Included>,
}

impl Shown {
    /// The entries that were asked for and are shown, each under the bundle's checkpoint.
    #[must_use]
    pub fn included(&self) -> &[Included] {
        &self.included
    }
}

/// Compares a checkpoint with a larger one of a bundle, by what the bundle shows of its tree.
#[must_use]
pub fn by_bundle(keys: &LogKeys, origin: &str, one: &Seen, bundle: &Seen, shown: &Shown) -> Relation {
    let from = one.size();
    let Some((_, hashes)) = shown.beginnings.iter().find(|(cut, _)| *cut == from) else { return Relation::Unknown };
    let (prefix, rest) = hashes.split_at(from.count_ones() as usize);
    let (prefix, rest) = (prefix.to_vec(), rest.to_vec());
    if Frontier::restore(from, prefix.clone()).is_some_and(|edge| edge.root() == one.root()) {
        return Relation::Same;
    }
    let proof = proof(keys, origin, one, bundle, Disagreement::Prefix { prefix, rest });
    match proof.check_disagreement(&one.checkpoint, &bundle.checkpoint) {
        Ok(()) => Relation::Fork(Box::new(proof)),
        Err(_) => Relation::Unknown,
    }
}
