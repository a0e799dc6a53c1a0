//! The right edge of a stored tree: the one tile of each level that is not full yet.

use crate::tree::{TILE_HEIGHT, Tile};
use std::sync::Arc;
use zegel_verifier::hash::Hash;

/// A tile that has become full, to be stored.
#[derive(Clone, Debug)]
pub(crate) struct FullTile {
    pub(crate) level: u32,
    pub(crate) index: u64,
    pub(crate) tile: Arc<Tile>,
}

/// The tiles that are not full, from the leaves up. Cheap to clone: readers keep the edge of the size that they answer for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edge {
    size: u64,
    tiles: Vec<Arc<Tile>>,
}

impl Edge {
    /// Makes the edge of a tree again. `hash(level, index)` gives the hash number `index` at the foot of tile level `level`:
    /// a leaf, or the root of the full tile below.
    pub(crate) fn restore<E>(size: u64, mut hash: impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Self, E> {
        let mut tiles = Vec::new();
        let (mut level, mut count) = (0, size);
        while count > 0 {
            let begin = count >> TILE_HEIGHT << TILE_HEIGHT;
            let hashes = (begin..count).map(|index| hash(level, index)).collect::<Result<Vec<_>, E>>()?;
            tiles.push(Arc::new(Tile::of(hashes)));
            (level, count) = (level + 1, count >> TILE_HEIGHT);
        }
        Ok(Self { size, tiles })
    }

    /// The tile, if it is one of the edge.
    pub(crate) fn tile(&self, level: u32, index: u64) -> Option<Arc<Tile>> {
        let in_edge = self.size >> (TILE_HEIGHT * (level + 1)) == index;
        self.tiles.get(level as usize).filter(|_| in_edge).map(Arc::clone)
    }

    /// Appends a leaf; gives the tiles that became full with it.
    pub(crate) fn push(&mut self, leaf: Hash) -> Vec<FullTile> {
        let mut full = Vec::new();
        let mut carried = Some(leaf);
        let mut level = 0;
        while let Some(hash) = carried.take() {
            if self.tiles.len() == level as usize {
                self.tiles.push(Arc::default());
            }
            let tile = &mut self.tiles[level as usize];
            Arc::make_mut(tile).push(hash);
            if tile.is_full() {
                carried = tile.root(TILE_HEIGHT, 0);
                let index = self.size >> (TILE_HEIGHT * (level + 1));
                full.push(FullTile { level, index, tile: std::mem::take(tile) });
            }
            level += 1;
        }
        self.size += 1;
        full
    }
}
