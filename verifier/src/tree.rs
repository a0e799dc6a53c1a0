//! Trees of the RFC 6962 shape: growing one, and proving any subset of one.
//!
//! Invariants:
//! - a proof never binds the size of its tree: every function here takes a size that something verified has stated;
//! - every hash of a proof is used exactly once: one too many or too few is refused, whatever the root would be;
//! - memory is one hash per level, at most 64.
//!
//! Not here: storage of trees (the ledger's), and who signed a root. Specification: `specs/proofs.md`.

mod path;
mod subset;

pub use path::{check_consistency, check_inclusion, consistency_proof};
pub use subset::{SubsetWalk, Subtree, gap_subtrees};

use crate::hash::lanes::next_level;
use crate::hash::{Hash, empty_root, node};
use thiserror::Error;

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofError {
    /// Not the number of hashes that the place in the tree asks for.
    #[error("proof has {got} hashes, this place in the tree needs {want}")]
    WrongLength {
        /// Hashes found.
        got: usize,
        /// Hashes wanted.
        want: usize,
    },
    /// The index lies outside the tree.
    #[error("index {index} lies outside a tree of {size}")]
    OutsideTree {
        /// The index.
        index: u64,
        /// The size.
        size: u64,
    },
    /// Leaves must be shown in ascending order, each once.
    #[error("index {index} comes after {position} leaves: leaves must ascend, each once")]
    NotAscending {
        /// The index.
        index: u64,
        /// Leaves walked so far.
        position: u64,
    },
    /// The sizes are not those of a consistency proof.
    #[error("no consistency proof leads from size {from} to size {to}")]
    WrongSizes {
        /// The smaller size.
        from: u64,
        /// The larger size.
        to: u64,
    },
    /// The root that follows is another.
    #[error("the proof leads to root {found}, wanted {wanted}")]
    WrongRoot {
        /// Root computed from the proof.
        found: Hash,
        /// Root that was signed or stated.
        wanted: Hash,
    },
}

/// The right edge of a tree that grows: roots of its maximal complete subtrees, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A stored edge: one root for each bit that is set in `size`, largest first. `None` if the number is another.
    #[must_use]
    pub fn restore(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// Leaves so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    #[must_use]
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Appends a complete subtree of `2^level` leaves; the size must be a multiple of that.
    pub(crate) fn push_subtree(&mut self, level: u32, root: Hash) {
        debug_assert_eq!(self.size % (1 << level), 0, "subtrees are pushed where they are aligned");
        let merges = (self.size >> level).trailing_ones();
        let left = self.roots.drain(self.roots.len() - merges as usize..).rev();
        let merged = left.fold(root, |right, left| node(left, right));
        self.roots.push(merged);
        self.size += 1 << level;
    }

    /// Appends leaves that are all at hand: level by level, hashed side by side.
    pub fn extend(&mut self, leaves: Vec<Hash>) {
        let (from, mut level, mut right) = (self.size, leaves, Vec::new());
        self.size += level.len() as u64;
        for height in 0.. {
            if level.is_empty() {
                break;
            }
            // What was the right edge at this height is the left neighbour of what comes.
            if from >> height & 1 == 1 {
                level.splice(0..0, self.roots.pop());
            }
            if level.len() % 2 == 1 {
                right.extend(level.pop());
            }
            level = next_level(&level);
        }
        self.roots.extend(right.into_iter().rev());
    }

    /// Roots of the complete subtrees, largest first: [`Frontier::restore`] takes them back.
    #[must_use]
    pub fn into_roots(self) -> Vec<Hash> {
        self.roots
    }

    /// The root hash of the tree, RFC 6962 2.1.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut from_right = self.roots.iter().rev().copied();
        from_right.next().map_or_else(empty_root, |last| from_right.fold(last, |right, left| node(left, right)))
    }
}

/// The root over leaves that are all at hand: level by level, hashed side by side.
#[must_use]
pub fn root_of(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let mut level: Vec<Hash> = leaves.into_iter().collect();
    while level.len() > 1 {
        level = next_level(&level);
    }
    level.pop().unwrap_or_else(empty_root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::log_leaf;

    /// RFC 6962 leaves and roots as published by transparency-dev, sizes 0 to 8.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_those_that_others_published() {
        let mut frontier = Frontier::new();
        assert_eq!(frontier.root().to_string(), ROOTS[0]);
        for (leaf, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            frontier.push(log_leaf(leaf));
            assert_eq!(&frontier.root().to_string(), root);
        }
    }

    #[test]
    fn a_tree_that_grew_and_one_made_at_once_have_the_same_root() {
        for size in 0..300u64 {
            let leaves: Vec<Hash> = (0..size).map(|index| log_leaf(&index.to_be_bytes())).collect();
            let mut frontier = Frontier::new();
            leaves.iter().for_each(|leaf| frontier.push(*leaf));
            assert_eq!(frontier.root(), root_of(leaves), "{size}");
        }
    }

    #[test]
    fn leaves_appended_at_once_make_the_edge_that_they_make_one_by_one() {
        let leaves: Vec<Hash> = (0..80u64).map(|index| log_leaf(&index.to_be_bytes())).collect();
        for first in 0..40 {
            for more in 0..40 {
                let (mut one, mut other) = (Frontier::new(), Frontier::new());
                leaves[..first + more].iter().for_each(|leaf| one.push(*leaf));
                other.extend(leaves[..first].to_vec());
                other.extend(leaves[first..first + more].to_vec());
                assert_eq!(one, other, "{first} and {more}");
            }
        }
    }

    #[test]
    fn an_edge_with_one_root_too_few_is_no_edge() {
        assert_eq!(Frontier::restore(3, vec![Hash::ZERO]), None);
        assert!(Frontier::restore(3, vec![Hash::ZERO; 2]).is_some());
    }
}
