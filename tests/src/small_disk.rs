//! A small file system of a test's own, that can be filled and freed. It takes the right to mount.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use zegel_tools::disk::free_bytes;

use crate::Stage;

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

    /// Mounts one for the store of a stage's ledger, with what the store holds; so much of it is kept free. The ledger is stopped and
    /// started for it.
    ///
    /// # Panics
    /// If the store cannot be moved.
    #[must_use]
    pub fn of_ledger(stage: &mut Stage, size: &str, reserve_mib: u64) -> Option<Self> {
        assert_eq!(stage.stop(), Some(0));
        let path = stage.keys().join("ledger.toml");
        let config = fs::read_to_string(&path).expect("a configuration");
        fs::write(path, config.replace("[[log]]\n", &format!("[[log]]\nreserve_mib = {reserve_mib}\n")))
            .expect("written");
        let (store, before) = (stage.keys().join("store"), stage.path("store-before"));
        fs::rename(&store, &before).expect("moved");
        let disk = Self::mount(&store, size);
        let copied = Command::new("cp").arg("-a").arg(before.join(".")).arg(&store).status();
        assert!(copied.expect("cp runs").success());
        fs::remove_dir_all(before).expect("removed");
        stage.start();
        disk
    }

    /// Gives it another size, with all that it holds.
    ///
    /// # Panics
    /// If that is refused.
    pub fn grow(&self, size: &str) {
        let grown = Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(&self.0).status();
        assert!(grown.expect("mount runs").success());
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
