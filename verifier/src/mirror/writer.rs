//! Writing a mirror, so that it may stop between any two steps.
//!
//! A step is durable when it returns. First everything that is new: parts of events, bundles, tiles, full and partial; none
//! of it is below the size in `mirror`, so whoever stops here writes it again. Then `mirror`, whole or not at all: now
//! it counts. Then what the last size needed and this one does not. `checkpoint` moves only when all entries that it signs
//! are there and lead to its root.

use super::paths::{EXTENT, Extent, bundle_path, part_path, tile_path};
use super::tiles::{Edge, FullTile, partial_tiles};
use super::{FolderMut, MirrorError, PART_BYTES, TILE_WIDTH, events, failed};
use crate::checkpoint::ClaimedCheckpoint;
use crate::hash::{Hash, log_leaf, sha256};
use zegel_proto::v1::AuditEntry;

/// Entries that are taken before what is there is made to count.
const ENTRIES_MAX: u64 = 16 * TILE_WIDTH;
/// Bytes of events, likewise.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// A mirror that is being written.
#[derive(Debug)]
pub struct MirrorWriter<F> {
    folder: F,
    extent: Extent,
    edge: Edge,
    /// The bundle that is not full.
    bundle: Vec<u8>,
    /// Events that were not appended yet.
    part: Vec<u8>,
}

impl<F: FolderMut> MirrorWriter<F> {
    /// Opens a mirror of the log `origin`, or begins one in an empty folder.
    ///
    /// # Errors
    /// [`MirrorError`]: of another log, or not whole.
    pub fn open(folder: F, origin: &str) -> Result<Self, MirrorError> {
        let extent = match folder.read(EXTENT).map_err(failed(EXTENT))? {
            Some(bytes) => Extent::parse(&bytes)?,
            None => Extent { origin: origin.into(), size: 0, part: 0, part_bytes: 0 },
        };
        if extent.origin != origin {
            return Err(MirrorError::OtherLog { found: extent.origin, wanted: origin.into() });
        }
        let (index, width) = (extent.size / TILE_WIDTH, extent.size % TILE_WIDTH);
        let bundle = if width == 0 { Vec::new() } else { super::read(&folder, &bundle_path(index, width))? };
        let edge = Edge::restore(&folder, extent.size)?;
        Ok(Self { folder, extent, edge, bundle, part: Vec::new() })
    }

    /// Entries taken: the index of the next.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// [`MirrorError::Order`], [`MirrorError::Malformed`] for an entry of more than 65,535 bytes, or the folder's.
    pub fn take(&mut self, entry: AuditEntry) -> Result<(), MirrorError> {
        let wanted = self.size();
        if entry.index != wanted {
            return Err(MirrorError::Order { found: entry.index, wanted });
        }
        let too_long = |_| MirrorError::Malformed { path: format!("entry {wanted}"), wanted: "at most 65,535 bytes" };
        let length = u16::try_from(entry.entry.len()).map_err(too_long)?;
        self.bundle.extend(length.to_be_bytes());
        self.bundle.extend(&entry.entry);
        for full in self.edge.push(log_leaf(&entry.entry)) {
            self.full_tile(&full)?;
        }
        events::print(&mut self.part, &AuditEntry { entry: Vec::new(), ..entry });
        if self.part.len() >= BYTES_MAX || self.size() - self.extent.size >= ENTRIES_MAX {
            self.advance()?;
        }
        Ok(())
    }

    /// With the tile of 256 leaves, the bundle of their entries is full too.
    fn full_tile(&mut self, full: &FullTile) -> Result<(), MirrorError> {
        if full.level == 0 {
            let path = bundle_path(full.index, TILE_WIDTH);
            self.folder.replace(&path, &self.bundle).map_err(failed(&path))?;
            self.bundle.clear();
        }
        self.tile(full.level, full.index, &full.hashes)
    }

    fn tile(&mut self, level: u32, index: u64, hashes: &[Hash]) -> Result<(), MirrorError> {
        let path = tile_path(level, index, hashes.len() as u64);
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        self.folder.replace(&path, &bytes).map_err(failed(&path))
    }

    /// Makes what was taken count.
    ///
    /// # Errors
    /// The folder's.
    pub fn advance(&mut self) -> Result<(), MirrorError> {
        let (from, size) = (self.extent.size, self.size());
        if size == from {
            return Ok(());
        }
        let mut extent = Extent { size, ..self.extent.clone() };
        if extent.part_bytes >= PART_BYTES {
            (extent.part, extent.part_bytes) = (from, 0);
        }
        let path = part_path(extent.part);
        self.folder.append(&path, extent.part_bytes, &self.part).map_err(failed(&path))?;
        extent.part_bytes += self.part.len() as u64;
        let partial: Vec<_> =
            self.edge.partial().map(|(level, index, hashes)| (level, index, hashes.to_vec())).collect();
        partial.iter().try_for_each(|(level, index, hashes)| self.tile(*level, *index, hashes))?;
        if !size.is_multiple_of(TILE_WIDTH) {
            let path = bundle_path(size / TILE_WIDTH, size % TILE_WIDTH);
            self.folder.replace(&path, &self.bundle).map_err(failed(&path))?;
        }
        self.folder.replace(EXTENT, &extent.print()).map_err(failed(EXTENT))?;
        self.extent = extent;
        self.part.clear();
        self.sweep(from, size)
    }

    /// Removes partial files of the last size that this one does not have.
    fn sweep(&mut self, from: u64, size: u64) -> Result<(), MirrorError> {
        let kept: Vec<_> = partial_tiles(size).collect();
        let old: Vec<_> = partial_tiles(from).filter(|tile| !kept.contains(tile)).collect();
        for (level, index, width) in old {
            let path = tile_path(level, index, width);
            self.folder.remove(&path).map_err(failed(&path))?;
        }
        if !from.is_multiple_of(TILE_WIDTH) {
            let path = bundle_path(from / TILE_WIDTH, from % TILE_WIDTH);
            self.folder.remove(&path).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Keeps a checkpoint that was seen, whatever it says: two that differ are the proof of a fork.
    ///
    /// # Errors
    /// [`MirrorError::Checkpoint`] if it is none, or the folder's.
    pub fn keep_checkpoint(&mut self, note: &[u8]) -> Result<ClaimedCheckpoint, MirrorError> {
        let claimed = ClaimedCheckpoint::parse(note)?;
        let name: String = sha256(&[note]).to_string().chars().take(16).collect();
        let path = format!("checkpoints/{:020}-{name}", claimed.claimed_size());
        self.folder.replace(&path, note).map_err(failed(&path))?;
        Ok(claimed)
    }

    /// Ends at a checkpoint whose entries have all been taken: it is kept, and becomes the newest if they lead to its root.
    ///
    /// # Errors
    /// [`MirrorError::OtherSize`], [`MirrorError::OtherHistory`], or the folder's.
    pub fn finish(&mut self, note: &[u8]) -> Result<u64, MirrorError> {
        let claimed = self.keep_checkpoint(note)?;
        self.advance()?;
        let (found, held) = (claimed.claimed_size(), self.size());
        if found != held {
            return Err(MirrorError::OtherSize { found, held });
        }
        let (signed, found) = (claimed.claimed_root(), self.edge.root());
        if signed != found {
            return Err(MirrorError::OtherHistory { size: held, signed, found });
        }
        self.folder.replace("checkpoint", note).map_err(failed("checkpoint"))?;
        Ok(held)
    }

    /// Root over the entries taken.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// The folder, for whoever looks on.
    pub fn into_folder(self) -> F {
        self.folder
    }
}
