//! Room on the disk: what is refused in time harms nothing.
//!
//! A database that meets a full disk in the middle of a write stops, and nobody knows what of it is there. So a group is not
//! begun while less than the reserve is free where the store or its guard lies: appends are refused, reads go on, and when
//! there is room again so do appends. The reserve is for what goes on by itself: memtables that become files, files that
//! are merged, projections that trail. Blobs are written piece by piece, by many at a time: each piece asks, and counts those that
//! are being written beside it.
//!
//! What if others fill the disk between this and the write? Then the log stops, as after every doubtful write.

use rustix::fs::statvfs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// Less is free than the reserve.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the disk of {path} has {free_mib} MiB free, of which {reserve_mib} are kept: nothing was written; make room, and appends \
     go on by themselves"
)]
pub(crate) struct NoRoom {
    path: String,
    free_mib: u64,
    reserve_mib: u64,
}

/// Where a log needs room, and how much of it is kept free.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    places: Vec<PathBuf>,
    reserve_mib: u64,
    /// Bytes that are being written beside the log.
    held: Arc<AtomicU64>,
}

/// Room for bytes that are being written; whoever asks for more counts them.
#[derive(Debug)]
pub(crate) struct HeldRoom {
    bytes: u64,
    of: Arc<AtomicU64>,
}

impl Drop for HeldRoom {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Room {
    /// For a store and a guard. A place that is not there yet is asked of its folder.
    pub(crate) fn new(store: &Path, guard: &Path, reserve_mib: u64) -> Self {
        let guard = guard.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { places: vec![store.to_owned(), guard.to_owned()], reserve_mib, held: Arc::default() }
    }

    /// Room for this many bytes, which are written while it is held: so of many who ask at a time not one finds what another takes.
    pub(crate) fn hold(&self, bytes: u64) -> Result<HeldRoom, NoRoom> {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        let held = HeldRoom { bytes, of: Arc::clone(&self.held) };
        self.check(before.saturating_add(bytes)).map(|()| held)
    }

    /// Whether this many bytes may be written. A file system that does not say how much it has is believed to have it.
    pub(crate) fn check(&self, bytes: u64) -> Result<(), NoRoom> {
        let full = self.places.iter().find_map(|place| {
            let of = statvfs(place).ok()?;
            let free = of.f_bavail.saturating_mul(of.f_frsize);
            let is_enough = free >= bytes.saturating_add(self.reserve_mib << 20);
            (!is_enough).then_some((place, free >> 20))
        });
        let Some((place, free_mib)) = full else { return Ok(()) };
        Err(NoRoom { path: place.display().to_string(), free_mib, reserve_mib: self.reserve_mib })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_that_the_disk_has_not_is_missed() {
        let folder = tempfile::tempdir().expect("a folder");
        let room = |reserve_mib| Room::new(folder.path(), &folder.path().join("guard"), reserve_mib);
        assert_eq!(room(0).check(0), Ok(()));
        assert_eq!(room(0).check(1), Ok(()));
        // 16 EiB: more than any disk has, and no sum of it overflows.
        let missed = room(u64::MAX >> 20).check(u64::MAX).expect_err("no disk has that");
        assert_eq!(missed.reserve_mib, u64::MAX >> 20);
    }

    #[test]
    fn what_others_are_writing_is_counted_until_it_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = statvfs(folder.path()).expect("a file system");
        let free_mib = of.f_bavail.saturating_mul(of.f_frsize) >> 20;
        // Halves and thirds of what is free: whoever else writes to this disk meanwhile changes nothing.
        let room = Room::new(folder.path(), &folder.path().join("guard"), free_mib / 2);
        let third = (free_mib / 3) << 20;
        let one = room.hold(third).expect("room for one");
        assert_eq!(room.clone().hold(third).map(drop).map_err(|full| full.reserve_mib), Err(free_mib / 2));
        room.hold(0).expect("who was refused holds nothing");
        drop(one);
        room.hold(third).expect("room for one again");
    }
}
