//! Files for one user only.

use crate::KeyError;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

pub(crate) fn failed(path: &Path) -> impl Fn(io::Error) -> KeyError + '_ {
    move |error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.into() },
        kind => KeyError::Io { path: path.into(), kind, reason: error.to_string() },
    }
}

/// Reads a file that only its owner can read.
///
/// # Errors
/// [`KeyError::TooOpen`] if others can, otherwise [`KeyError::Io`].
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mode = fs::metadata(path).map_err(failed(path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::TooOpen { path: path.into(), mode });
    }
    fs::read(path).map(Zeroizing::new).map_err(failed(path))
}

/// Creates a file of mode 0600 that was not there, and syncs it.
///
/// # Errors
/// [`KeyError::Exists`] if it was, otherwise [`KeyError::Io`].
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(failed(path))
}
