//! The copy for auditors, from a store that is not served: a backup is audited without a ledger in front of it.
//!
//! What is written is the same as what `zegel mirror` makes of the running ledger. Specification: `specs/audit.md`.

use crate::audited::audit_entry;
use crate::config::{Config, LogConfig};
use crate::server::{ServeError, open_store};
use crate::store::{NoFaults, StoreError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use zegel_verifier::mirror::{FILE_BYTES_MAX, Folder, FolderMut, MirrorError, MirrorWriter};

/// Why a store could not be copied.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The store cannot be opened.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A row of it cannot be read.
    #[error("entry {entry}: {reason}")]
    Store {
        /// Which.
        entry: u64,
        /// Why.
        reason: StoreError,
    },
    /// The folder, or entries that do not lead to the newest checkpoint.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The configuration has several logs, or not this one.
    #[error("the configuration has {found} logs named {wanted:?}: name one of its logs with --origin")]
    Log {
        /// How many.
        found: usize,
        /// The name that was asked for.
        wanted: String,
    },
}

/// Copies one log of a configuration into a folder, going on from what is there; gives its entries. It must not be served.
///
/// # Errors
/// [`CopyError`].
pub fn mirror(config: &Config, origin: Option<&str>, out: &Path) -> Result<u64, CopyError> {
    let named: Vec<&LogConfig> =
        config.logs.iter().filter(|log| origin.is_none_or(|origin| log.origin == origin)).collect();
    let [log] = named[..] else {
        return Err(CopyError::Log { found: named.len(), wanted: origin.unwrap_or_default().into() });
    };
    let store = open_store(log, Arc::new(NoFaults))?;
    let failed = |entry| move |reason| CopyError::Store { entry, reason };
    let size = store.size().map_err(failed(0))?;
    let mut writer = MirrorWriter::open(Plain { root: out.into() }, &log.origin)?;
    for index in writer.size()..size {
        writer.take(audit_entry(&store, index).map_err(failed(index))?)?;
    }
    match store.checkpoint().map_err(failed(size))? {
        Some(note) => Ok(writer.finish(&note)?),
        None => Ok(size),
    }
}

/// A folder on disk. Nobody else writes it: one person runs this command.
struct Plain {
    root: PathBuf,
}

impl Plain {
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let place = self.root.join(path);
        place.parent().map_or(Ok(()), fs::create_dir_all)?;
        Ok(place)
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

impl Folder for Plain {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match File::open(self.root.join(path)) {
            Ok(file) => file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map(|_| Some(bytes)),
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(reason),
        }
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.root.join(path))?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }
}

impl FolderMut for Plain {
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        let next = place.with_extension("next");
        let mut file = File::create(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, &place)?;
        sync_folder_of(&place)
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&place)?;
        file.set_len(at)?;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        sync_folder_of(&place)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        match fs::remove_file(self.root.join(path)) {
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}
