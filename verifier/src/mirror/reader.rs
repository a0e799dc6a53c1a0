//! Reading a mirror: entries in order with what lies beside them, checkpoints, and proofs.

use super::paths::{EXTENT, Extent, bundle_path, part_path, tile_path};
use super::tiles::{TileReader, partial_tiles, read_tile};
use super::{CHECKPOINTS_MAX, Folder, MirrorError, TILE_WIDTH, events, failed};
use crate::hash::{Hash, log_leaf};
use crate::tree::{Subtree, consistency_proof, gap_subtrees, root_of};
use zegel_proto::v1::AuditEntry;

/// A mirror that is there.
pub struct MirrorReader<F> {
    folder: F,
    extent: Extent,
    /// First entries of the parts of events, ascending.
    parts: Vec<u64>,
}

impl<F: Folder> MirrorReader<F> {
    /// Opens a mirror.
    ///
    /// # Errors
    /// [`MirrorError::Missing`] if it is none, [`MirrorError::OtherLog`].
    pub fn open(folder: F, origin: &str) -> Result<Self, MirrorError> {
        let extent = Extent::parse(&super::read(&folder, EXTENT)?)?;
        if extent.origin != origin {
            return Err(MirrorError::OtherLog { found: extent.origin, wanted: origin.into() });
        }
        let mut parts = Vec::new();
        for name in folder.list("events").map_err(failed("events"))? {
            let first = name.parse().ok().filter(|first: &u64| part_path(*first) == format!("events/{name}"));
            parts.extend(first.filter(|first| *first <= extent.part));
        }
        parts.sort_unstable();
        Ok(Self { folder, extent, parts })
    }

    /// Entries that it holds whole.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.extent.size
    }

    /// The newest checkpoint; `None` before the first.
    ///
    /// # Errors
    /// The folder's.
    pub fn checkpoint(&self) -> Result<Option<Vec<u8>>, MirrorError> {
        self.folder.read("checkpoint").map_err(failed("checkpoint"))
    }

    /// Every checkpoint that was seen, at most [`CHECKPOINTS_MAX`], by name.
    ///
    /// # Errors
    /// The folder's.
    pub fn checkpoints(&self) -> Result<Vec<Vec<u8>>, MirrorError> {
        let mut names = self.folder.list("checkpoints").map_err(failed("checkpoints"))?;
        names.sort_unstable();
        names.truncate(CHECKPOINTS_MAX);
        names.iter().map(|name| super::read(&self.folder, &format!("checkpoints/{name}"))).collect()
    }

    /// Reads the entries from `from` on, with what lies beside them.
    #[must_use]
    pub fn entries(&self, from: u64) -> EntryCursor<'_, F> {
        let first = self.parts.partition_point(|first| *first <= from).saturating_sub(1);
        EntryCursor { mirror: self, next: from, bundle: None, part: Vec::new(), offset: 0, next_part: first, at: None }
    }

    /// Gives the bytes of each entry from `from` on, without what lies beside it.
    ///
    /// # Errors
    /// [`MirrorError`] if a bundle is missing or malformed.
    pub fn each_entry(&self, from: u64, mut take: impl FnMut(u64, &[u8])) -> Result<(), MirrorError> {
        for number in from / TILE_WIDTH..self.size().div_ceil(TILE_WIDTH) {
            let first = number * TILE_WIDTH;
            let entries = (first..).zip(self.bundle(number)?);
            entries.filter(|(index, _)| *index >= from).for_each(|(index, bytes)| take(index, &bytes));
        }
        Ok(())
    }

    fn bundle(&self, index: u64) -> Result<Vec<Vec<u8>>, MirrorError> {
        let width = TILE_WIDTH.min(self.size() - index * TILE_WIDTH);
        let path = bundle_path(index, width);
        let entries = events::split_bundle(&path, &super::read(&self.folder, &path)?, width)?;
        let tile = tile_path(0, index, width);
        let leaves: Vec<Hash> = entries.iter().map(|entry| log_leaf(entry)).collect();
        if read_tile(&self.folder, &tile, width)? == leaves {
            return Ok(entries);
        }
        Err(MirrorError::Malformed { path: tile, wanted: "the hashes of the entries in its bundle" })
    }

    /// Bytes of a part that count.
    fn part(&self, first: u64) -> Result<Vec<u8>, MirrorError> {
        let path = part_path(first);
        let mut bytes = super::read(&self.folder, &path)?;
        if first == self.extent.part {
            let is_cut = (bytes.len() as u64) < self.extent.part_bytes;
            bytes.truncate(self.extent.part_bytes as usize);
            if is_cut {
                return Err(MirrorError::Malformed { path, wanted: "a part of events: it is cut" });
            }
        }
        Ok(bytes)
    }

    /// Holds every tile above the leaves against the tiles below it; gives the first that is not its root.
    ///
    /// # Errors
    /// [`MirrorError::Malformed`] with the tile, or the folder's.
    pub fn check_tiles(&self) -> Result<(), MirrorError> {
        for level in 1..8u32 {
            let count = self.size() >> (8 * level);
            for index in 0..count.div_ceil(TILE_WIDTH) {
                let width = TILE_WIDTH.min(count - index * TILE_WIDTH);
                let path = tile_path(level, index, width);
                for (within, hash) in (0..).zip(read_tile(&self.folder, &path, width)?) {
                    let below = read_tile(
                        &self.folder,
                        &tile_path(level - 1, index * TILE_WIDTH + within, TILE_WIDTH),
                        TILE_WIDTH,
                    )?;
                    if root_of(below) != hash {
                        return Err(MirrorError::Malformed { path, wanted: "the roots of the tiles below it" });
                    }
                }
            }
        }
        partial_tiles(self.size()).try_for_each(|(level, index, width)| {
            read_tile(&self.folder, &tile_path(level, index, width), width).map(drop)
        })
    }

    /// The proof that the first `from` entries are a beginning of the first `to` (RFC 6962 2.1.2), from the tiles. Whoever
    /// uses it checks it: the tiles prove nothing by themselves.
    ///
    /// # Errors
    /// [`MirrorError`] if a tile is missing or malformed.
    pub fn consistency_proof(&self, from: u64, to: u64) -> Result<Vec<Hash>, MirrorError> {
        let tiles = TileReader::new(&self.folder, self.size());
        consistency_proof(from, to, &mut |subtree| tiles.hash(subtree))
    }

    /// Hashes of the maximal complete subtrees of the entries `from..to`, from the tiles.
    ///
    /// # Errors
    /// [`MirrorError`] if a tile is missing or malformed.
    pub fn subtrees(&self, from: u64, to: u64) -> Result<Vec<Hash>, MirrorError> {
        let tiles = TileReader::new(&self.folder, self.size());
        gap_subtrees(from, to).map(|subtree: Subtree| tiles.hash(subtree)).collect()
    }
}

/// Goes through the entries of a mirror.
pub struct EntryCursor<'a, F> {
    mirror: &'a MirrorReader<F>,
    next: u64,
    bundle: Option<(u64, Vec<Vec<u8>>)>,
    part: Vec<u8>,
    offset: usize,
    next_part: usize,
    /// Index of the record at the offset; `None` before the first part.
    at: Option<u64>,
}

impl<F: Folder> EntryCursor<'_, F> {
    fn read(&mut self) -> Result<AuditEntry, MirrorError> {
        let index = self.next;
        let number = index / TILE_WIDTH;
        if self.bundle.as_ref().is_none_or(|(cached, _)| *cached != number) {
            self.bundle = Some((number, self.mirror.bundle(number)?));
        }
        let bundle = self.bundle.as_mut().map(|(_, entries)| entries);
        let entry = bundle.and_then(|entries| entries.get_mut((index % TILE_WIDTH) as usize)).map(std::mem::take);
        let beside = self.beside(index)?;
        self.next += 1;
        Ok(AuditEntry { entry: entry.unwrap_or_default(), ..beside })
    }

    /// The record of an entry; those before it in its part are passed over.
    fn beside(&mut self, index: u64) -> Result<AuditEntry, MirrorError> {
        loop {
            let path = part_path(self.next_part.checked_sub(1).map_or(0, |part| self.mirror.parts[part]));
            match (self.at, events::parse(&path, &self.part[self.offset..])?) {
                (Some(at), Some((record, rest))) => {
                    self.offset = self.part.len() - rest.len();
                    let is_wanted = at == index;
                    let read = is_wanted.then(|| events::read(&path, record, index));
                    self.at = Some(at + 1);
                    if let Some(read) = read {
                        return read;
                    }
                }
                _ => self.open_part(index)?,
            }
        }
    }

    fn open_part(&mut self, index: u64) -> Result<(), MirrorError> {
        let first = self.mirror.parts.get(self.next_part).copied();
        let first = first.filter(|first| *first == self.at.unwrap_or(*first) && *first <= index);
        let first = first.ok_or_else(|| MirrorError::Missing { path: part_path(self.at.unwrap_or(index)) })?;
        self.part = self.mirror.part(first)?;
        (self.offset, self.at) = (0, Some(first));
        self.next_part += 1;
        Ok(())
    }
}

impl<F: Folder> Iterator for EntryCursor<'_, F> {
    type Item = Result<AuditEntry, MirrorError>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.next < self.mirror.size()).then(|| self.read())
    }
}
