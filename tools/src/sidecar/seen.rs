//! What went into the log or into quarantine, by key: so that what is handed over again is not there twice.
//!
//! Rows of 60 bytes, appended and synced before the journal lets go. No words: keyed digests and places. If the file is lost
//! or older than the log, the ledger has the same digests of each capture, and they are asked for before anything is appended.

use crate::disk::{DiskError, failed};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A keyed digest.
pub(super) type Mac = [u8; 16];
const ROW_BYTES: usize = 60;
/// The entry of a row that lies in quarantine.
pub(super) const QUARANTINED: u64 = u64::MAX;

/// One event that is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: Mac,
    pub(super) text: Mac,
    /// Its native identifier and its sender (`natives`); zeros where it has none.
    pub(super) native: Mac,
    pub(super) entry: u64,
    pub(super) position: u32,
}

/// The file.
pub(super) struct Seen {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Seen {
    /// Opens it, and gives its newest rows, at most so many.
    pub(super) fn open(path: &Path, rows_max: u64) -> Result<(Self, Vec<Row>), DiskError> {
        let open = || {
            let mut options = OpenOptions::new();
            let mut file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
            let found = file.metadata()?.len();
            let length = found - found % ROW_BYTES as u64;
            file.seek(SeekFrom::Start(length.saturating_sub(rows_max.saturating_mul(ROW_BYTES as u64))))?;
            let mut bytes = Vec::new();
            Read::by_ref(&mut file).read_to_end(&mut bytes)?;
            let rows = bytes.chunks_exact(ROW_BYTES).filter_map(read).collect();
            Ok((Self { path: path.into(), file, length }, rows))
        };
        open().map_err(failed(path))
    }

    /// Appends rows: durable when this returns.
    pub(super) fn append(&mut self, rows: &[Row]) -> Result<(), DiskError> {
        let bytes: Vec<u8> = rows.iter().flat_map(print).collect();
        let mut write = || {
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(&bytes)?;
            self.file.sync_data()
        };
        write().map_err(failed(&self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

fn print(row: &Row) -> Vec<u8> {
    [&row.key[..], &row.text, &row.native, &row.entry.to_be_bytes(), &row.position.to_be_bytes()].concat()
}

fn read(bytes: &[u8]) -> Option<Row> {
    let mac = |from: usize| bytes.get(from..from + 16)?.try_into().ok();
    let entry = u64::from_be_bytes(bytes.get(48..56)?.try_into().ok()?);
    let position = u32::from_be_bytes(bytes.get(56..60)?.try_into().ok()?);
    Some(Row { key: mac(0)?, text: mac(16)?, native: mac(32)?, entry, position })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_back_and_half_a_row_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("seen");
        let row = |number: u8| Row { key: [number; 16], text: [1; 16], native: [2; 16], entry: 9, position: 3 };
        let (mut seen, rows) = Seen::open(&path, 1_000).expect("made");
        assert_eq!(rows, []);
        seen.append(&[row(1), row(2)]).expect("appended");
        std::fs::File::options().append(true).open(&path).and_then(|mut file| file.write_all(&[9; 59])).expect("cut");
        let (mut seen, rows) = Seen::open(&path, 1_000).expect("opened");
        assert_eq!(rows, [row(1), row(2)]);
        seen.append(&[row(3)]).expect("appended");
        assert_eq!(Seen::open(&path, 1_000).expect("opened").1, [row(1), row(2), row(3)]);
    }
}
