//! What a follower keeps of its primary beside the store: the newest checkpoint that it was heard to sign, and why it is
//! refused, if it is. Files of the store's folder, written whole or not at all.

use crate::store::write_whole;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use zegel_verifier::checkpoint::ClaimedCheckpoint;

/// The files.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    newest: PathBuf,
    refused: PathBuf,
}

impl Kept {
    /// Of the store in a folder.
    pub(crate) fn of(store: &Path) -> Self {
        Self { newest: store.join("primary"), refused: store.join("refused") }
    }

    /// The newest note of the primary; `None` if it was never heard. A note that is there and cannot be read is not none.
    pub(crate) fn newest(&self) -> io::Result<Option<Vec<u8>>> {
        read(&self.newest)
    }

    /// Keeps a note whose signature was verified, if it is newer than the one that is kept.
    pub(super) fn saw(&self, size: u64, note: &[u8]) -> io::Result<()> {
        let kept = self.newest()?.and_then(|note| Some(ClaimedCheckpoint::parse(&note).ok()?.claimed_size()));
        if kept.is_some_and(|kept| kept >= size) { Ok(()) } else { write_whole(&self.newest, note) }
    }

    /// Keeps why the primary is refused, with what it signed last.
    pub(super) fn refuse(&self, reason: &str, note: &[u8]) -> io::Result<()> {
        write_whole(&self.refused, &[reason.as_bytes(), b"\n\n", note].concat())
    }

    /// Why the primary is refused; `None` if it is not.
    pub(crate) fn refusal(&self) -> io::Result<Option<String>> {
        let first = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned();
        Ok(read(&self.refused)?.map(first))
    }

    /// What a primary signed that is refused.
    pub(crate) fn refused_note(&self) -> io::Result<Option<Vec<u8>>> {
        let note = |bytes: Vec<u8>| {
            let at = bytes.windows(2).position(|pair| pair == b"\n\n")?;
            Some(bytes[at + 2..].to_vec())
        };
        Ok(read(&self.refused)?.and_then(note))
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}
