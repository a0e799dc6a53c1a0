//! Our tiles and proofs against two implementations that are not ours: `tlog_tiles` and `ct-merkle`.
//!
//! Every size up to 1,000, and the sizes around each edge of a tile at two levels; at each some indexes and some older
//! sizes. The tree has grown to its end first: what is asked about an older size comes out of tiles that are wider by then.

use super::tests::{Stored, stored};
use super::*;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;
use tlog_tiles::{Error, Hash as TheirHash, TileHashReader, TileReader, prove_record, prove_tree, tree_hash};
use zegel_verifier::hash::log_leaf;

/// Around one full tile of full tiles; 255, 256 and 257 are among the first 1,000.
const EDGES: [u64; 3] = [65_535, 65_536, 65_537];
const SIZE: u64 = 65_537;

impl TileReader for Stored {
    fn height(&self) -> u8 {
        TILE_HEIGHT as u8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let bytes = |tile: &tlog_tiles::Tile| {
            let Ok(found) = Tiles::tile(self, tile.level().into(), tile.level_index());
            found.hashes()[..tile.width() as usize].iter().flat_map(|hash| hash.0).collect()
        };
        Ok(tiles.iter().map(bytes).collect())
    }

    fn save_tiles(&self, _tiles: &[tlog_tiles::Tile], _data: &[Vec<u8>]) {}
}

fn record(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

/// First, last, middle, the edges of tiles, and one that moves with the size.
fn sample(below: u64) -> Vec<u64> {
    let mut sample = vec![0, below - 1, below / 2, (below * 7_919) % below.max(2), below.saturating_sub(256), 255, 256];
    sample.retain(|index| *index < below);
    sample.sort_unstable();
    sample.dedup();
    sample
}

fn theirs(hashes: &[Hash]) -> Vec<TheirHash> {
    hashes.iter().map(|hash| TheirHash(hash.0)).collect()
}

fn root_hash(root: Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.0.into(), size)
}

fn agree_at(tree: &Stored, size: u64) {
    let Ok(root) = root_at(tree, size);
    let reader = TileHashReader::new(size, TheirHash(root.0), tree);
    assert_eq!(tree_hash(size, &reader).expect("our tiles lead to our root"), TheirHash(root.0));
    for index in sample(size) {
        let Ok(proof) = inclusion(tree, index, size);
        assert_eq!(prove_record(size, index, &reader).expect("a proof"), theirs(&proof), "{index} of {size}");
        let digests: Vec<_> = proof.iter().map(|hash| hash.0.into()).collect();
        let verified =
            root_hash(root, size).verify_inclusion(&record(index), index, &InclusionProof::from_digests(&digests));
        assert!(verified.is_ok(), "{index} of {size}: {verified:?}");
    }
    for old in sample(size).into_iter().map(|index| index + 1) {
        let Ok(proof) = consistency(tree, old, size);
        assert_eq!(prove_tree(size, old, &reader).expect("a proof"), theirs(&proof), "{old} to {size}");
        let Ok(before) = root_at(tree, old);
        let digests: Vec<_> = proof.iter().map(|hash| hash.0.into()).collect();
        let proof = ConsistencyProof::from_digests(&digests);
        let verified = root_hash(root, size).verify_consistency(&root_hash(before, old), &proof);
        assert!(verified.is_ok(), "{old} to {size}: {verified:?}");
    }
}

#[test]
fn tiles_and_proofs_are_those_of_two_other_implementations_at_every_size_and_around_each_edge() {
    let leaves: Vec<Hash> = (0..SIZE).map(|index| log_leaf(&record(index))).collect();
    let tree = stored(&leaves);
    for size in (1..=1_000).chain(EDGES) {
        agree_at(&tree, size);
    }
}

#[test]
fn another_implementation_refuses_our_tiles_with_one_bit_changed() {
    // Of 257 leaves the tree hash needs one hash out of each of two tiles. Where it needs several out of one, `tlog_tiles`
    // 0.2.0 passes over the check of as many tiles (as golang.org/x/mod did before 0.42): so it judges here, not at 300.
    let leaves: Vec<Hash> = (0..257).map(|index| log_leaf(&record(index))).collect();
    let mut tree = stored(&leaves);
    let Ok(root) = root_at(&tree, 257);
    let mut hashes = tree.full[&(0, 0)].hashes().to_vec();
    hashes[17].0[31] ^= 1;
    tree.full.insert((0, 0), Arc::new(Tile::of(hashes)));
    let reader = TileHashReader::new(257, TheirHash(root.0), &tree);
    let refused = prove_record(257, 17, &reader);
    assert!(matches!(refused, Err(Error::InconsistentTile)), "{refused:?}");
}
