//! Tiles of a mirror: the edge that grows, and proofs from those that are there.

use super::paths::tile_path;
use super::{Folder, MirrorError, TILE_WIDTH};
use crate::hash::Hash;
use crate::tree::{Frontier, Subtree, root_of};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Levels of a tile.
const HEIGHT: u32 = 8;

/// A tile that has become full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FullTile {
    pub(super) level: u32,
    pub(super) index: u64,
    pub(super) hashes: Vec<Hash>,
}

/// The tile of each level that is not full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

/// How many tiles of a level are full, and the width of the one that is not, in a log of `size`.
fn extent(level: u32, size: u64) -> (u64, u64) {
    let hashes = size.checked_shr(HEIGHT * level).unwrap_or(0);
    (hashes / TILE_WIDTH, hashes % TILE_WIDTH)
}

/// Tiles that are not full in a log of `size`: level, index, width.
pub(super) fn partial_tiles(size: u64) -> impl Iterator<Item = (u32, u64, u64)> {
    let levels = (0..8).map(move |level| (level, extent(level, size)));
    levels.filter(|(_, (_, width))| *width > 0).map(|(level, (index, width))| (level, index, width))
}

pub(super) fn read_tile<F: Folder + ?Sized>(folder: &F, path: &str, width: u64) -> Result<Vec<Hash>, MirrorError> {
    let bytes = super::read(folder, path)?;
    let hashes: Vec<Hash> = bytes.chunks(32).filter_map(Hash::read).collect();
    let is_good = bytes.len() as u64 == width * 32;
    if is_good { Ok(hashes) } else { Err(MirrorError::Malformed { path: path.into(), wanted: "a tile of its width" }) }
}

impl Edge {
    /// The edge of a mirror of `size` entries.
    pub(super) fn restore<F: Folder + ?Sized>(folder: &F, size: u64) -> Result<Self, MirrorError> {
        let mut levels = Vec::new();
        for (level, index, width) in partial_tiles(size) {
            levels.resize(level as usize, Vec::new());
            levels.push(read_tile(folder, &tile_path(level, index, width), width)?);
        }
        Ok(Self { size, levels })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf; gives the tiles that are full with it.
    pub(super) fn push(&mut self, leaf: Hash) -> Vec<FullTile> {
        self.size += 1;
        let (mut full, mut carried) = (Vec::new(), leaf);
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let tile = &mut self.levels[level];
            tile.push(carried);
            if (tile.len() as u64) < TILE_WIDTH {
                break;
            }
            let hashes = std::mem::take(tile);
            carried = root_of(hashes.iter().copied());
            let level = level as u32;
            let index = extent(level, self.size).0 - 1;
            full.push(FullTile { level, index, hashes });
        }
        full
    }

    /// The tiles that are not full: level, index, hashes.
    pub(super) fn partial(&self) -> impl Iterator<Item = (u32, u64, &[Hash])> {
        let of = |(level, index, _): (u32, u64, u64)| (level, index, self.levels[level as usize].as_slice());
        partial_tiles(self.size).map(of)
    }

    /// Root over all entries.
    pub(super) fn root(&self) -> Hash {
        let mut roots = Vec::new();
        for level in self.levels.iter().rev() {
            let mut edge = Frontier::new();
            level.iter().for_each(|hash| edge.push(*hash));
            roots.extend(edge.into_roots());
        }
        // One root for each bit of the size: the width of each level is a byte of it.
        Frontier::restore(self.size, roots).unwrap_or_default().root()
    }
}

/// Hashes of complete subtrees, from the tiles of a mirror of `size` entries. They prove nothing by themselves.
pub(super) struct TileReader<'a, F: ?Sized> {
    folder: &'a F,
    size: u64,
    last: RefCell<BTreeMap<u32, (u64, Vec<Hash>)>>,
}

impl<'a, F: Folder + ?Sized> TileReader<'a, F> {
    pub(super) fn new(folder: &'a F, size: u64) -> Self {
        Self { folder, size, last: RefCell::default() }
    }

    pub(super) fn hash(&self, of: Subtree) -> Result<Hash, MirrorError> {
        let (level, height) = (of.level / HEIGHT, of.level % HEIGHT);
        let first = of.index << height;
        let (index, within) = (first / TILE_WIDTH, (first % TILE_WIDTH) as usize);
        let mut last = self.last.borrow_mut();
        if last.get(&level).is_none_or(|(cached, _)| *cached != index) {
            let (full, width) = extent(level, self.size);
            let width = if index < full { TILE_WIDTH } else { width };
            last.insert(level, (index, read_tile(self.folder, &tile_path(level, index, width), width)?));
        }
        let hashes = last.get(&level).and_then(|(_, hashes)| hashes.get(within..within + (1 << height)));
        let path = || tile_path(level, index, TILE_WIDTH);
        let hashes =
            hashes.ok_or_else(|| MirrorError::Malformed { path: path(), wanted: "a tile that holds this place" })?;
        Ok(root_of(hashes.iter().copied()))
    }
}
