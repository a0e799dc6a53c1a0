//! One pass: the copy, its entries, its projections, the attachments.

use super::{Broken, Phase, Scrubber};
use crate::check::{Finding, finding_of};
use crate::store::{BlobError, Blobs, Difference, FROZEN, GuardError, Snapshots, Store, StoreError, TreeReader};
use crate::tree::{self, Edge, FullTile};
use crate::walk::{Fault, Signed, Walk};
use std::sync::Arc;
use zegel_verifier::hash::{Hash, log_leaf};
use zegel_verifier::registry::Registry;
use zegel_verifier::tree::Frontier;

/// The step of a store that reads its rows.
const READING: &str = "reading";

impl Scrubber {
    pub(super) fn pass(&mut self) -> Result<(), Broken> {
        let Some(frozen) = self.copy()? else { return Ok(()) };
        let frozen = Arc::new(frozen);
        if self.position.phase == Phase::Entries {
            self.entries(&frozen)?;
            self.position.enter(Phase::Projections);
            self.keep();
        }
        if self.position.phase == Phase::Projections {
            self.projections(&frozen)?;
            self.position.enter(Phase::Blobs);
            self.keep();
        }
        self.blobs()
    }

    /// The copy that is read: the one that an earlier start began with, or a new one. `None` of an empty log.
    fn copy(&mut self) -> Result<Option<Store>, Broken> {
        if self.position.phase != Phase::Rest
            && self.position.found.is_empty()
            && !self.is_taken()
            && let Ok(frozen) = Store::open_frozen(&self.folder, &self.origin)
        {
            return Ok(Some(frozen));
        }
        if !self.position.found.is_empty() {
            self.position.found_before = std::mem::take(&mut self.position.found);
        }
        // If we stop while a copy is made, nobody goes on with a part of it.
        self.position.enter(Phase::Rest);
        self.keep();
        self.forget_copy();
        // Held while it is copied, no longer: its writer ends with the last who holds it.
        let log = self.log.upgrade().ok_or(Broken::Halted)?;
        let signed = self.guard.read();
        log.store().freeze(&self.folder).map_err(Broken::Unfrozen)?;
        drop(log);
        let frozen = Store::open_frozen(&self.folder, &self.origin)?;
        self.position.enter(Phase::Entries);
        self.position.size = frozen.size()?;
        self.keep();
        if self.position.size == 0 {
            return Ok(None);
        }
        let frozen = Arc::new(frozen);
        self.guard(signed, &frozen);
        // Nobody else holds it.
        Ok(Arc::into_inner(frozen))
    }

    /// Whether an erasure took the copy away. What is read of it since says nothing.
    pub(super) fn is_taken(&self) -> bool {
        !self.folder.join("log").exists()
    }

    pub(super) fn forget_copy(&self) {
        for part in FROZEN {
            let part = self.folder.join(part);
            if let Err(reason) = std::fs::remove_dir_all(&part)
                && reason.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(origin = self.origin, %reason, "what a scrub left could not be removed: {}", part.display());
            }
        }
    }

    /// The guard as it was before the copy: the copy must reach it, with that root.
    fn guard(&mut self, signed: Result<Option<(u64, Hash)>, StoreError>, frozen: &Arc<Store>) {
        let size = self.position.size;
        let missing = || StoreError::from(GuardError::Missing { found: size });
        let checked = signed.and_then(|signed| {
            let (signed, root) = signed.ok_or_else(missing)?;
            if signed > size {
                return Err(GuardError::Rollback { found: size, signed }.into());
            }
            let reader = TreeReader::new(Arc::clone(frozen), frozen.edge(size)?);
            let found = tree::root_at(&reader, signed)?;
            if found == root { Ok(()) } else { Err(GuardError::Fork { size: signed, found, signed: root }.into()) }
        });
        if let Err(reason) = checked {
            self.find("guard", None, reason);
        }
    }

    fn entries(&mut self, frozen: &Arc<Store>) -> Result<(), Broken> {
        let blobs = Blobs::open(&self.store.join("blobs"))?;
        let registry = frozen.load_registry(&self.origin);
        let registry = registry.map_err(|reason| self.find("projection", None, format!("the registry: {reason}"))).ok();
        let mut trees = match Trees::at(frozen, self.position.next) {
            Ok(trees) => trees,
            Err(reason) => {
                self.find("projection", None, format!("the edge of the tree: {reason}"));
                self.position.next = 0;
                Trees::default()
            }
        };
        for index in self.position.next..self.position.size {
            let read = self.entry(frozen, &blobs, registry.as_ref(), &mut trees, index);
            self.position.next = index + 1;
            self.spend(read)?;
        }
        Ok(())
    }

    /// One entry, and what lies beside it and follows from it; gives the bytes that were read.
    fn entry(
        &mut self,
        frozen: &Store,
        blobs: &Blobs,
        registry: Option<&Registry>,
        trees: &mut Trees,
        index: u64,
    ) -> u64 {
        let bytes = match frozen.entry(index) {
            Ok(bytes) => bytes,
            Err(reason) => {
                trees.is_broken = true;
                self.find("entry", Some(index), reason);
                return 0;
            }
        };
        let origin = self.origin.clone();
        let walk = Walk { origin: &origin, store: frozen, blobs };
        let full = trees.push(log_leaf(&bytes));
        let mut read = bytes.len() as u64;
        match walk.entry(index, &bytes) {
            Ok((_, submission)) => read += submission.map_or(0, |submission| submission.bytes as u64),
            Err(Fault { id, reason }) => {
                trees.is_broken |= id == "entry";
                self.find(id, Some(index), reason);
            }
        }
        if trees.is_broken {
            return read;
        }
        for tile in full {
            let stored = frozen.full_tile(tile.level, tile.index);
            if stored.as_ref() != Ok(tile.tile.as_ref()) {
                let at = format!("tile {} of level {}", tile.index, tile.level);
                self.find("projection", None, format!("tiles differ from what the entries lead to: {at}"));
            }
        }
        let size = index + 1;
        let key = registry.and_then(|registry| registry.log_key(size));
        match key.map(|key| walk.checkpoint(size, trees.frontier.root(), key)) {
            None | Some(Signed::Nothing | Signed::This) => {}
            Some(Signed::Other { reason }) => {
                trees.is_broken = true;
                self.find("checkpoint", None, reason);
            }
            Some(Signed::Unread { reason } | Signed::Unverified { reason }) => self.find("checkpoint", None, reason),
        }
        read
    }

    fn projections(&mut self, frozen: &Store) -> Result<(), Broken> {
        let log = self.log.upgrade().ok_or(Broken::Halted)?;
        let room = log.room_for(frozen.projection_bytes().saturating_mul(2));
        drop(log);
        if let Err(full) = room {
            tracing::warn!(origin = self.origin, "projections are not compared: {full}");
            return Ok(());
        }
        match frozen.compare(Snapshots::Kept, &mut |bytes| self.pace.spend(bytes)) {
            Ok(differences) => {
                for difference in differences {
                    // An entry that cannot be replayed was found above already.
                    if !matches!(difference, Difference::Entry { .. }) {
                        let Finding { id, entry, reason, .. } = finding_of(&self.origin, difference);
                        self.find(id, entry, reason);
                    }
                }
                Ok(())
            }
            Err(StoreError::Halted) => Err(Broken::Halted),
            // What is derived has a place of its own on this disk: that it could not be written says nothing of the store.
            Err(StoreError::Failed { step, reason }) if step != READING => {
                tracing::warn!(origin = self.origin, "projections are not compared: {step} failed: {reason}");
                Ok(())
            }
            Err(reason) => {
                self.find("projection", None, reason);
                Ok(())
            }
        }
    }

    fn blobs(&mut self) -> Result<(), Broken> {
        let blobs = Blobs::open(&self.store.join("blobs"))?;
        for first in self.position.next..=u64::from(u8::MAX) {
            for blob in blobs.of_folder(first as u8)? {
                match blobs.check_paced(blob, &mut |bytes| self.pace.spend(bytes)) {
                    Ok(true) | Err(BlobError::Missing { .. }) => {}
                    Ok(false) => return Err(Broken::Halted),
                    Err(BlobError::OtherHash { found, wanted }) => {
                        self.find("blob", None, format!("blob {wanted} has bytes with hash {found}"));
                    }
                    Err(reason) => self.find("blob", None, format!("blob {blob}: {reason}")),
                }
            }
            self.position.next = first + 1;
            self.spend(0)?;
        }
        Ok(())
    }
}

/// The tree over the entries that were read: its root, and the tiles as they become full.
#[derive(Default)]
struct Trees {
    frontier: Frontier,
    edge: Edge,
    /// An entry did not read: what follows says nothing more about the tree.
    is_broken: bool,
}

impl Trees {
    /// The tree of the first `size` entries, which this pass has read already.
    fn at(store: &Arc<Store>, size: u64) -> Result<Self, StoreError> {
        if size == 0 {
            return Ok(Self::default());
        }
        let edge = store.edge(size)?;
        let gap = tree::gap(&TreeReader::new(Arc::clone(store), edge.clone()), 0, size)?;
        let frontier =
            Frontier::restore(size, gap).ok_or(StoreError::Missing { what: "hash of the tree", number: 0 })?;
        Ok(Self { frontier, edge, is_broken: false })
    }

    fn push(&mut self, leaf: Hash) -> Vec<FullTile> {
        self.frontier.push(leaf);
        self.edge.push(leaf)
    }
}
