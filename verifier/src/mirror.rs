//! What a copy of a log looks like on disk, for auditors: C2SP tlog-tiles, with the events beside it.
//!
//! ```text
//! checkpoint                      the newest signed note
//! checkpoints/<size>-<hash>       every note that was ever seen
//! tile/<L>/<N>[.p/<W>]            hashes, c2sp.org/tlog-tiles
//! tile/entries/<N>[.p/<W>]        entries, 256 in a bundle
//! events/<first entry>            headers and sealed digests, in parts of about 16 MiB
//! mirror                          how far it is whole
//! ```
//!
//! Invariants: a mirror holds no key and no ciphertext; what lies below the size in `mirror` is durable, what lies above is
//! written again; `checkpoint` moves last. Nothing here opens a file: folders come in as [`Folder`].
//! Specification: `specs/audit.md`.

mod events;
mod paths;
mod reader;
mod tiles;
mod writer;

pub use paths::{bundle_path, tile_path};
pub use reader::MirrorReader;
pub use writer::MirrorWriter;

use crate::checkpoint::CheckpointError;
use crate::hash::Hash;
use std::io;
use thiserror::Error;

/// Hashes of a full tile, and entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// A part of events that has this many bytes is followed by a new one.
pub const PART_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of one file that is read: a part, its last record, and then some.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of one record: all headers of a batch, and 70 bytes for each of 4,096 events.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Checkpoints that a mirror is read with.
pub const CHECKPOINTS_MAX: usize = 65_536;

/// Why a mirror cannot be read or written.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// A file.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: String,
        /// What the operating system says.
        reason: io::Error,
    },
    /// A file that must be there is not.
    #[error("{path} is missing: the mirror is not whole")]
    Missing {
        /// The file.
        path: String,
    },
    /// A file that is not what it must be.
    #[error("{path} is not {wanted}")]
    Malformed {
        /// The file.
        path: String,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The mirror is of another log.
    #[error("the mirror is of log {found:?}, wanted {wanted:?}")]
    OtherLog {
        /// Found.
        found: String,
        /// Wanted.
        wanted: String,
    },
    /// An entry that is not the next.
    #[error("entry {found} came where entry {wanted} was wanted")]
    Order {
        /// Found.
        found: u64,
        /// Wanted.
        wanted: u64,
    },
    /// The note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The log signed another history than the one that was copied.
    #[error(
        "the log signed root {signed} for {size} entries, the entries that it gave lead to {found}: the mirror stays where it \
         was, and the note is kept in checkpoints/"
    )]
    OtherHistory {
        /// Size of the checkpoint.
        size: u64,
        /// Its root.
        signed: Hash,
        /// Root over the mirror.
        found: Hash,
    },
    /// The log signed less than the mirror holds, or more than was given.
    #[error("the checkpoint is of {found} entries, the mirror holds {held}")]
    OtherSize {
        /// In the checkpoint.
        found: u64,
        /// In the mirror.
        held: u64,
    },
}

/// A folder: all that is asked of a file system. Paths are below the mirror's own folder, with `/` between their parts.
pub trait Folder {
    /// A whole file of at most [`FILE_BYTES_MAX`]; `None` if it is not there.
    ///
    /// # Errors
    /// The file system's.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
    /// Names of the files in a folder below it, in any order; none if it is not there.
    ///
    /// # Errors
    /// The file system's.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;
}

/// A folder that can be written. Each call is durable when it returns.
pub trait FolderMut: Folder {
    /// Puts a file there, whole or not at all, in place of what was there.
    ///
    /// # Errors
    /// The file system's.
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file to `at` bytes, or makes an empty one, and appends.
    ///
    /// # Errors
    /// The file system's.
    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Removes a file; it may be gone.
    ///
    /// # Errors
    /// The file system's.
    fn remove(&mut self, path: &str) -> io::Result<()>;
}

fn failed(path: &str) -> impl FnOnce(io::Error) -> MirrorError + '_ {
    move |reason| MirrorError::Io { path: path.into(), reason }
}

/// Reads a file that must be there.
fn read<F: Folder + ?Sized>(folder: &F, path: &str) -> Result<Vec<u8>, MirrorError> {
    folder.read(path).map_err(failed(path))?.ok_or_else(|| MirrorError::Missing { path: path.into() })
}
