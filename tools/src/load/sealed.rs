//! Sealed batches on disk, one file a source, and on their way from there to a driver.
//!
//! A file is batch after batch: length (u32), events (u32), number in its chain (u64), the request. It is read by a thread
//! of its own, a few batches ahead, so that a slow disk is not mistaken for a slow ledger.

use super::LoadError;
use super::mill::Batch;
use crate::disk::failed;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Batches that are read ahead.
const AHEAD: usize = 8;
/// Larger than any request.
const BATCH_BYTES_MAX: u32 = 8 << 20;

/// Writes batches of one source.
pub(super) struct SealedWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl SealedWriter {
    pub(super) fn append(folder: &Path, source: u32) -> Result<Self, LoadError> {
        let path = path_of(folder, source);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(failed(&path))?;
        Ok(Self { path, file: BufWriter::with_capacity(1 << 20, file) })
    }

    pub(super) fn write(&mut self, batch: &Batch) -> Result<(), LoadError> {
        let mut write = || {
            self.file.write_all(&(batch.bytes.len() as u32).to_be_bytes())?;
            self.file.write_all(&batch.events.to_be_bytes())?;
            self.file.write_all(&batch.batch_seq.to_be_bytes())?;
            self.file.write_all(&batch.bytes)
        };
        Ok(write().map_err(failed(&self.path))?)
    }

    /// Everything is in the file; a crash of the machine, not of the process, could still lose it.
    pub(super) fn finish(mut self) -> Result<(), LoadError> {
        Ok(self.file.flush().map_err(failed(&self.path))?)
    }
}

fn path_of(folder: &Path, source: u32) -> PathBuf {
    folder.join(format!("{source:05}.requests"))
}

/// Forgets what was sealed for a source: all of it was sent.
pub(super) fn clear(folder: &Path, source: u32) -> Result<(), LoadError> {
    let path = path_of(folder, source);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path)(error).into()),
        _ => Ok(()),
    }
}

/// What a driver sends, batch by batch; an error ends it.
pub(super) type Supply = mpsc::Receiver<Result<Batch, LoadError>>;

/// The batches of a source from number `from` on.
pub(super) fn supply(folder: &Path, source: u32, from: u64) -> Supply {
    let path = path_of(folder, source);
    let (batches, supply) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        let mut reader = match File::open(&path) {
            Ok(file) => BufReader::with_capacity(1 << 18, file),
            // Nothing was sealed for this source.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return drop(batches.blocking_send(Err(failed(&path)(error).into()))),
        };
        loop {
            let next = match read(&mut reader, from) {
                Ok(Some(batch)) => Ok(batch),
                Ok(None) => return,
                Err(error) => Err(failed(&path)(error).into()),
            };
            let is_last = next.is_err();
            if batches.blocking_send(next).is_err() || is_last {
                return;
            }
        }
    });
    supply
}

fn read(reader: &mut BufReader<File>, from: u64) -> io::Result<Option<Batch>> {
    loop {
        let mut head = [0; 16];
        match reader.read(&mut head[..1])? {
            0 => return Ok(None),
            _ => reader.read_exact(&mut head[1..])?,
        }
        let (sizes, seq) = head.split_at(8);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let (length, events, batch_seq) = (number(&sizes[..4]) as u32, number(&sizes[4..]) as u32, number(seq));
        if length > BATCH_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if batch_seq < from {
            reader.seek_relative(i64::from(length))?;
            continue;
        }
        let mut bytes = vec![0; length as usize];
        reader.read_exact(&mut bytes)?;
        return Ok(Some(Batch { batch_seq, events, bytes }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_supplied_from_where_the_ledger_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = SealedWriter::append(folder.path(), 3).expect("a file");
        for batch_seq in 0..5 {
            writer.write(&Batch { batch_seq, events: 2, bytes: vec![batch_seq as u8; 100] }).expect("written");
        }
        writer.finish().expect("flushed");
        let mut supply = supply(folder.path(), 3, 3);
        let mut found = Vec::new();
        while let Some(batch) = supply.recv().await {
            found.push(batch.map(|batch| (batch.batch_seq, batch.bytes[0])));
        }
        assert_eq!(found, [Ok((3, 3)), Ok((4, 4))]);
        clear(folder.path(), 3).expect("gone");
        assert!(super::supply(folder.path(), 3, 0).recv().await.is_none());
    }
}
