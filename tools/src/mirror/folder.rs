//! The folder of a mirror on disk. Each call is durable when it returns; one process writes it at a time.

use super::CopyError;
use crate::disk;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use zegel_verifier::mirror::{FILE_BYTES_MAX, Folder, FolderMut};

/// A folder that this process writes.
#[derive(Debug)]
pub struct DiskFolder {
    root: PathBuf,
    /// Held for as long as the folder is.
    _lock: File,
}

impl DiskFolder {
    /// Opens a folder, or makes one; nobody else writes it meanwhile.
    ///
    /// # Errors
    /// [`CopyError::Locked`], or the file system's.
    pub fn create(root: &Path) -> Result<Self, CopyError> {
        disk::create_folder(root)?;
        let path = root.join("lock");
        let lock = OpenOptions::new().create(true).append(true).open(&path).map_err(disk::failed(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.into(), _lock: lock }),
            Err(_) => Err(CopyError::Locked { path: path.display().to_string() }),
        }
    }

    /// The path below the root, whose folder is made.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let place = self.root.join(path);
        place.parent().map_or(Ok(()), fs::create_dir_all)?;
        Ok(place)
    }
}

impl Folder for DiskFolder {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match File::open(self.root.join(path)) {
            Ok(file) => file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map(|_| Some(bytes)),
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(reason),
        }
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        match fs::read_dir(self.root.join(path)) {
            Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(reason) => Err(reason),
        }
    }
}

impl FolderMut for DiskFolder {
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        let mut name = place.file_name().unwrap_or_default().to_os_string();
        name.push(".next");
        let next = place.with_file_name(name);
        let mut file = File::create(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, &place)?;
        disk::sync_folder_of(&place)
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&place)?;
        file.set_len(at)?;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        disk::sync_folder_of(&place)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        match fs::remove_file(self.root.join(path)) {
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}
