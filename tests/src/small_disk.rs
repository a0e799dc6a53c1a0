//! A small file system of a test's own, that can be filled and freed. It takes the right to mount.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use zegel_tools::disk::free_bytes;

/// A small file system, until the test ends.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one over a folder; `None`, said aloud, where that is not permitted.
    ///
    /// # Panics
    /// If the folder cannot be made.
    #[must_use]
    pub fn mount(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).expect("a folder");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(path).output();
        let disk = mounted.is_ok_and(|output| output.status.success()).then(|| Self(path.to_owned()));
        if disk.is_none() {
            eprintln!("\nSKIPPED, NOTHING PROVEN: a full disk needs the right to mount a tmpfs (root)\n");
        }
        disk
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Fills it, but for so many bytes.
    ///
    /// # Panics
    /// If the disk is gone.
    pub fn fill(&self, left: u64) {
        let mut ballast = File::create(self.ballast()).expect("a file");
        let piece = [7; 64 * 1024];
        // Others write to it at the same time: the last pieces may find no room.
        while free_bytes(&self.0).expect("a disk") > left && ballast.write_all(&piece).is_ok() {}
    }

    /// Frees it again.
    pub fn free(&self) {
        let _ = fs::remove_file(self.ballast());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
