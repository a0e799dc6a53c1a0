//! One proof shape for any subset of any tree: walk the leaves left to right, cover each gap with the roots of its maximal
//! complete subtrees.
//!
//! The place of each hash follows from the indexes and the size alone, so a proof has one form, and a hash cannot be left
//! over. Tested against rs_merkle for random sizes and subsets.

use super::{Frontier, ProofError};
use crate::hash::Hash;

/// A complete subtree: leaves `index * 2^level` up to the next multiple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subtree {
    /// Height above the leaves.
    pub level: u32,
    /// Which one of that height, from 0.
    pub index: u64,
}

/// The maximal complete subtrees that cover the leaves `from..to`, left to right: what a gap's hashes stand for.
pub fn gap_subtrees(from: u64, to: u64) -> impl Iterator<Item = Subtree> {
    let mut at = from;
    std::iter::from_fn(move || {
        let left = to.checked_sub(at).filter(|left| *left > 0)?;
        let level = left.ilog2().min(at.trailing_zeros());
        let subtree = Subtree { level, index: at >> level };
        at += 1 << level;
        Some(subtree)
    })
}

/// A walk over a tree whose size is known, from its first leaf to its last.
#[derive(Clone, Debug)]
pub struct SubsetWalk {
    size: u64,
    frontier: Frontier,
}

impl SubsetWalk {
    /// Begins at leaf 0 of a tree of `size` leaves. The size must come from something that is or will be verified.
    #[must_use]
    pub fn new(size: u64) -> Self {
        Self { size, frontier: Frontier::new() }
    }

    /// Leaves walked or covered so far: the index of the next leaf.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.frontier.size()
    }

    /// Covers the gap before `index` with `hashes`, then takes the leaf there.
    ///
    /// # Errors
    /// [`ProofError`] if the leaf lies outside the tree or before the walk, or the gap needs another number of hashes.
    pub fn leaf(&mut self, index: u64, gap: &[Hash], leaf: Hash) -> Result<(), ProofError> {
        if index >= self.size {
            return Err(ProofError::OutsideTree { index, size: self.size });
        }
        self.cover(index, gap)?;
        self.frontier.push(leaf);
        Ok(())
    }

    /// Covers what is left and gives the root that follows.
    ///
    /// # Errors
    /// [`ProofError::WrongLength`] if the rest needs another number of hashes.
    pub fn finish(mut self, gap: &[Hash]) -> Result<Hash, ProofError> {
        self.cover(self.size, gap)?;
        Ok(self.frontier.root())
    }

    fn cover(&mut self, to: u64, gap: &[Hash]) -> Result<(), ProofError> {
        let from = self.position();
        if to < from {
            return Err(ProofError::NotAscending { index: to, position: from });
        }
        let (got, want) = (gap.len(), gap_subtrees(from, to).count());
        if got != want {
            return Err(ProofError::WrongLength { got, want });
        }
        gap_subtrees(from, to).zip(gap).for_each(|(subtree, root)| self.frontier.push_subtree(subtree.level, *root));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{log_leaf, node};
    use crate::tree::root_of;
    use proptest::prelude::*;

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(|index| log_leaf(&index.to_be_bytes())).collect()
    }

    fn subtree_root(leaves: &[Hash], subtree: Subtree) -> Hash {
        let width = 1usize << subtree.level;
        root_of(leaves[subtree.index as usize * width..][..width].iter().copied())
    }

    fn gap(leaves: &[Hash], from: u64, to: u64) -> Vec<Hash> {
        gap_subtrees(from, to).map(|subtree| subtree_root(leaves, subtree)).collect()
    }

    /// Walks a subset with honest gaps.
    fn walk(leaves: &[Hash], shown: &[u64]) -> Result<Hash, ProofError> {
        let mut walk = SubsetWalk::new(leaves.len() as u64);
        for &index in shown {
            let gap = gap(leaves, walk.position(), index);
            walk.leaf(index, &gap, leaves[index as usize])?;
        }
        let rest = gap(leaves, walk.position(), leaves.len() as u64);
        walk.finish(&rest)
    }

    #[test]
    fn refuses_one_hash_too_many_and_one_too_few() {
        let leaves = leaves(7);
        let mut longer = gap(&leaves, 0, 5);
        longer.push(Hash::ZERO);
        let refused = SubsetWalk::new(7).leaf(5, &longer, leaves[5]);
        assert_eq!(refused, Err(ProofError::WrongLength { got: 3, want: 2 }));
        let refused = SubsetWalk::new(7).leaf(5, &longer[..1], leaves[5]);
        assert_eq!(refused, Err(ProofError::WrongLength { got: 1, want: 2 }));
    }

    #[test]
    fn refuses_the_same_leaf_twice_and_a_leaf_outside() {
        let leaves = leaves(2);
        let mut walk = SubsetWalk::new(2);
        assert_eq!(walk.leaf(0, &[], leaves[0]), Ok(()));
        assert_eq!(walk.leaf(0, &[], leaves[0]), Err(ProofError::NotAscending { index: 0, position: 1 }));
        assert_eq!(walk.leaf(2, &[leaves[1]], leaves[1]), Err(ProofError::OutsideTree { index: 2, size: 2 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn every_subset_leads_to_the_root(size in 1u64..600, seed: u64, sparse in 1u64..40) {
            let leaves = leaves(size);
            let shown: Vec<u64> = (0..size).filter(|index| (index.wrapping_mul(0x9E37_79B9) ^ seed).is_multiple_of(sparse)).collect();
            prop_assert_eq!(walk(&leaves, &shown), Ok(root_of(leaves)));
        }

        #[test]
        fn a_leaf_at_another_index_leads_elsewhere(size in 2u64..300, index: u64) {
            let leaves = leaves(size);
            let index = index % size;
            let other = (index + 1) % size;
            let mut walk = SubsetWalk::new(size);
            walk.leaf(other, &gap(&leaves, 0, other), leaves[index as usize])?;
            let rest = gap(&leaves, other + 1, size);
            prop_assert_ne!(walk.finish(&rest), Ok(root_of(leaves)));
        }
    }

    #[test]
    fn a_size_that_was_not_verified_can_be_wrong() {
        // Why every size must come from something verified: two leaves, told as one tree of two inner nodes.
        let leaves = leaves(4);
        let pairs = [node(leaves[0], leaves[1]), node(leaves[2], leaves[3])];
        assert_eq!(walk(&pairs, &[0, 1]), Ok(root_of(leaves)));
    }
}
