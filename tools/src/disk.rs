//! Files that must not be half written, overwritten, or read by others.
//!
//! Invariants: a private file is created 0600 and is there or not; a durable write is whole after a crash, or did not
//! happen; reading a private file that others can read is refused, since its secret is then no secret.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a file could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DiskError {
    /// What the operating system says.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: String,
        /// Kind of failure.
        kind: io::ErrorKind,
        /// In words.
        reason: String,
    },
    /// It is there already.
    #[error("{path} is there already, and is never overwritten")]
    Exists {
        /// The file.
        path: String,
    },
    /// Others can read it.
    #[error("{path} has mode {mode:o}, so others can read it: run `chmod 600 {path}`, and replace the key if they did")]
    TooOpen {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
}

/// Who may read a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner: mode 0600.
    Owner,
    /// Everyone: mode 0644.
    Everyone,
}

/// Names the file in a failure of the operating system.
pub(crate) fn failed(path: &Path) -> impl Fn(io::Error) -> DiskError + '_ {
    move |error| {
        let path = path.display().to_string();
        match error.kind() {
            io::ErrorKind::AlreadyExists => DiskError::Exists { path },
            kind => DiskError::Io { path, kind, reason: error.to_string() },
        }
    }
}

/// Creates a file that was not there, and syncs it.
///
/// # Errors
/// [`DiskError::Exists`] if it was, otherwise [`DiskError::Io`].
pub fn write_new(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), DiskError> {
    let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(failed(path))
}

/// Replaces a file whole: a temporary one beside it (0600), synced, renamed, and the folder synced.
///
/// # Errors
/// [`DiskError::Io`].
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    let temporary = path.with_file_name(name);
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_folder_of(path)
    };
    write().map_err(failed(path))
}

/// Makes a rename or a removal in the folder of `path` durable.
///
/// # Errors
/// Those of the operating system.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Reads a file.
///
/// # Errors
/// [`DiskError::Io`].
pub fn read(path: &Path) -> Result<Vec<u8>, DiskError> {
    fs::read(path).map_err(failed(path))
}

/// Reads a file if it is there.
///
/// # Errors
/// [`DiskError::Io`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, DiskError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Reads a file that only its owner can read.
///
/// # Errors
/// [`DiskError::TooOpen`] if others can, otherwise [`DiskError::Io`].
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, DiskError> {
    let mode = fs::metadata(path).map_err(failed(path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(DiskError::TooOpen { path: path.display().to_string(), mode });
    }
    fs::read(path).map(Zeroizing::new).map_err(failed(path))
}

/// Removes a file, durably.
///
/// # Errors
/// [`DiskError::Io`].
pub fn remove(path: &Path) -> Result<(), DiskError> {
    fs::remove_file(path).and_then(|()| sync_folder_of(path)).map_err(failed(path))
}

/// Creates a folder for its owner only (0700), with those above it; it may be there.
///
/// # Errors
/// [`DiskError::Io`].
pub fn create_folder(path: &Path) -> Result<(), DiskError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))
}

/// Bytes that we can still write where a folder lies.
///
/// # Errors
/// [`DiskError::Io`].
pub fn free_bytes(folder: &Path) -> Result<u64, DiskError> {
    let found = rustix::fs::statvfs(folder).map_err(|error| failed(folder)(error.into()))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// The files of a folder whose name ends in `.suffix`, sorted by name.
///
/// # Errors
/// [`DiskError::Io`].
pub fn list(folder: &Path, suffix: &str) -> Result<Vec<PathBuf>, DiskError> {
    let entries = fs::read_dir(folder).map_err(failed(folder))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed(folder)));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == suffix));
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("root.key");
        assert_eq!(write_new(&path, b"one", Readers::Owner), Ok(()));
        let exists = DiskError::Exists { path: path.display().to_string() };
        assert_eq!(write_new(&path, b"two", Readers::Owner), Err(exists));
        assert_eq!(read_private(&path).map(|bytes| bytes.to_vec()), Ok(b"one".to_vec()));
    }

    #[test]
    fn refuses_a_secret_that_the_group_can_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("root.key");
        write_new(&path, b"secret", Readers::Owner).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("mode set");
        let refused = DiskError::TooOpen { path: path.display().to_string(), mode: 0o640 };
        assert_eq!(read_private(&path), Err(refused));
    }

    #[test]
    fn a_durable_write_leaves_no_part_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("head.json");
        assert_eq!(read_if_there(&path), Ok(None));
        write_durably(&path, b"one").expect("written");
        write_durably(&path, b"two").expect("written");
        assert_eq!(read_if_there(&path), Ok(Some(b"two".to_vec())));
        assert_eq!(list(folder.path(), "part"), Ok(vec![]));
    }
}
