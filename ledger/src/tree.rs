//! Stored trees: proofs and gap hashes of any size, answered from tiles of 256 hashes.
//!
//! Tiles follow C2SP tlog-tiles: tile `index` of level `l` holds the roots of complete subtrees of height `8 l`, 256 of
//! them. Only full tiles are stored; the right edge stays in memory ([`Edge`]) and is made again from the leaves when a log
//! is opened, which is also how the edge is checked against the last checkpoint.
//!
//! Not here: where tiles are kept (`store`), and who signed a root. Specification: `specs/proofs.md`.

mod edge;
#[cfg(test)]
mod oracles;
mod tile;

pub(crate) use edge::{Edge, FullTile};
pub(crate) use tile::{TILE_HASHES, TILE_HEIGHT, Tile};

use std::sync::Arc;
use zegel_verifier::hash::{Hash, empty_root, node};
use zegel_verifier::tree::{Subtree, gap_subtrees};

/// Where tiles come from.
pub(crate) trait Tiles {
    /// Why one cannot be had.
    type Error;
    /// The tile `index` of level `level`; it must hold all hashes that exist at the size that is asked about.
    fn tile(&self, level: u32, index: u64) -> Result<Arc<Tile>, Self::Error>;
    /// What to say when a tile holds less than the tree's size says.
    fn missing(&self, subtree: Subtree) -> Self::Error;
}

/// Root of one complete subtree.
pub(crate) fn subtree_root<T: Tiles>(tiles: &T, subtree: Subtree) -> Result<Hash, T::Error> {
    let level = subtree.level / TILE_HEIGHT;
    let within = subtree.level % TILE_HEIGHT;
    let per_tile = u64::from(TILE_HASHES) >> within;
    let tile = tiles.tile(level, subtree.index / per_tile)?;
    tile.root(within, (subtree.index % per_tile) as usize).ok_or_else(|| tiles.missing(subtree))
}

/// Roots of the maximal complete subtrees of a gap, left to right.
pub(crate) fn gap<T: Tiles>(tiles: &T, from: u64, to: u64) -> Result<Vec<Hash>, T::Error> {
    gap_subtrees(from, to).map(|subtree| subtree_root(tiles, subtree)).collect()
}

/// Root over the leaves `from..to`, where `from` is a multiple of a power of two that is at least as large as the range.
fn range_root<T: Tiles>(tiles: &T, from: u64, to: u64) -> Result<Hash, T::Error> {
    let mut from_right = gap(tiles, from, to)?.into_iter().rev();
    Ok(from_right.next().map_or_else(empty_root, |last| from_right.fold(last, |right, left| node(left, right))))
}

/// Root of the tree at a size.
pub(crate) fn root_at<T: Tiles>(tiles: &T, size: u64) -> Result<Hash, T::Error> {
    range_root(tiles, 0, size)
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// PATH(index, D\[size\]) of RFC 6962 2.1.1, the leaf's sibling first; `index` lies below `size`.
pub(crate) fn inclusion<T: Tiles>(tiles: &T, index: u64, size: u64) -> Result<Vec<Hash>, T::Error> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range_root(tiles, middle, to)?);
            to = middle;
        } else {
            path.push(range_root(tiles, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// PROOF(old, D\[size\]) of RFC 6962 2.1.2; `old` is at least 1 and at most `size`.
pub(crate) fn consistency<T: Tiles>(tiles: &T, old: u64, size: u64) -> Result<Vec<Hash>, T::Error> {
    let (mut from, mut to) = (0, size);
    let mut proof = Vec::new();
    while to > old {
        let middle = from + split(to - from);
        if old <= middle {
            proof.push(range_root(tiles, middle, to)?);
            to = middle;
        } else {
            proof.push(range_root(tiles, from, middle)?);
            from = middle;
        }
    }
    if from != 0 {
        // The old tree is not one complete subtree from leaf 0, so its last part is sent too.
        proof.push(range_root(tiles, from, to)?);
    }
    proof.reverse();
    Ok(proof)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::convert::Infallible;
    use zegel_verifier::hash::log_leaf;
    use zegel_verifier::tree::{check_consistency, check_inclusion, root_of};

    pub(super) struct Stored {
        pub(super) full: HashMap<(u32, u64), Arc<Tile>>,
        edge: Edge,
    }

    impl Tiles for Stored {
        type Error = Infallible;
        fn tile(&self, level: u32, index: u64) -> Result<Arc<Tile>, Infallible> {
            let edge = self.edge.tile(level, index);
            Ok(edge.unwrap_or_else(|| Arc::clone(&self.full[&(level, index)])))
        }
        fn missing(&self, subtree: Subtree) -> Infallible {
            panic!("{subtree:?} is missing")
        }
    }

    pub(super) fn stored(leaves: &[Hash]) -> Stored {
        let mut edge = Edge::default();
        let mut full = HashMap::new();
        for leaf in leaves {
            full.extend(edge.push(*leaf).into_iter().map(|full| ((full.level, full.index), full.tile)));
        }
        Stored { full, edge }
    }

    #[test]
    fn proofs_from_tiles_hold_at_every_size_that_they_contain() {
        let leaves: Vec<Hash> = (0..1_100u64).map(|index| log_leaf(&index.to_be_bytes())).collect();
        let stored = stored(&leaves);
        for size in [1u64, 2, 3, 7, 255, 256, 257, 511, 512, 513, 1_000, 1_100] {
            let root = root_of(leaves[..size as usize].iter().copied());
            assert_eq!(root_at(&stored, size), Ok(root));
            for index in (0..size).step_by(37).chain([size - 1]) {
                let proof = inclusion(&stored, index, size).unwrap_or_else(|never| match never {});
                assert_eq!(check_inclusion(leaves[index as usize], index, size, &proof, root), Ok(()));
            }
            for old in (1..=size).step_by(29).chain([size]) {
                let before = root_of(leaves[..old as usize].iter().copied());
                let proof = consistency(&stored, old, size).unwrap_or_else(|never| match never {});
                assert_eq!(check_consistency(old, before, size, root, &proof), Ok(()), "{old} to {size}");
            }
        }
    }

    /// RFC 6962 nodes for the oracle.
    #[derive(Clone)]
    struct Rfc6962;

    impl rs_merkle::Hasher for Rfc6962 {
        type Hash = [u8; 32];
        fn hash(data: &[u8]) -> [u8; 32] {
            log_leaf(data).0
        }
        fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
            right.map_or(*left, |right| node(Hash(*left), Hash(*right)).0)
        }
    }

    #[test]
    fn paths_are_those_of_the_oracle() {
        for size in [1u64, 2, 3, 5, 8, 13, 100, 255, 256, 257, 700] {
            let leaves: Vec<Hash> = (0..size).map(|index| log_leaf(&index.to_be_bytes())).collect();
            let raw: Vec<[u8; 32]> = leaves.iter().map(|leaf| leaf.0).collect();
            let oracle = rs_merkle::MerkleTree::<Rfc6962>::from_leaves(&raw);
            let stored = stored(&leaves);
            assert_eq!(root_at(&stored, size).ok().map(|root| root.0), oracle.root());
            for index in (0..size).step_by(11).chain([size - 1]) {
                let path = inclusion(&stored, index, size).unwrap_or_else(|never| match never {});
                let path: Vec<[u8; 32]> = path.into_iter().map(|hash| hash.0).collect();
                assert_eq!(path, oracle.proof(&[index as usize]).proof_hashes(), "{index} of {size}");
            }
        }
    }

    #[test]
    fn an_edge_that_was_made_again_is_the_edge_that_grew() {
        let leaves: Vec<Hash> = (0..70_000u64).map(|index| log_leaf(&index.to_be_bytes())).collect();
        let grown = stored(&leaves);
        let restored = Edge::restore(70_000, |level, index| {
            Ok::<_, Infallible>(match level {
                0 => leaves[index as usize],
                _ => grown.full[&(level - 1, index)].root(TILE_HEIGHT, 0).expect("a full tile has a root"),
            })
        });
        assert_eq!(restored, Ok(grown.edge));
    }
}
