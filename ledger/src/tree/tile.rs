//! A tile: up to 256 hashes of one level, with every complete subtree above them.

use zegel_verifier::hash::{Hash, node};

/// Height of a tile.
pub(crate) const TILE_HEIGHT: u32 = 8;
/// Hashes at the foot of a full tile.
pub(crate) const TILE_HASHES: u32 = 1 << TILE_HEIGHT;

/// Hashes of one level and the complete subtrees above them, each computed once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tile {
    levels: [Vec<Hash>; TILE_HEIGHT as usize + 1],
}

impl Tile {
    /// A tile over these hashes, at most 256.
    pub(crate) fn of(hashes: impl IntoIterator<Item = Hash>) -> Self {
        let mut tile = Self::default();
        hashes.into_iter().for_each(|hash| tile.push(hash));
        tile
    }

    /// The hashes at its foot.
    pub(crate) fn hashes(&self) -> &[Hash] {
        &self.levels[0]
    }

    /// It holds as many as it can.
    pub(crate) fn is_full(&self) -> bool {
        self.levels[0].len() == TILE_HASHES as usize
    }

    /// Appends a hash at the foot.
    pub(crate) fn push(&mut self, hash: Hash) {
        let mut carried = hash;
        for level in 0..self.levels.len() {
            self.levels[level].push(carried);
            let [.., left, right] = self.levels[level][..] else { return };
            if !self.levels[level].len().is_multiple_of(2) {
                return;
            }
            carried = node(left, right);
        }
    }

    /// Root of the complete subtree number `index` of height `height` within the tile; `None` while it is not complete.
    pub(crate) fn root(&self, height: u32, index: usize) -> Option<Hash> {
        self.levels.get(height as usize)?.get(index).copied()
    }
}
