//! Lines of the timeline on their way from log order to reading order: on disk, with 56 bytes of memory a line.

#![allow(clippy::disallowed_methods, reason = "the page and what it is made from are files")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use zegel_verifier::hash::Hash;

/// Where a line stands when the timeline is read: by conversation, then time, then the order of the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) conversation: Hash,
    /// Milliseconds since 1970; 0: not known.
    pub(super) at_ms: u64,
    /// Number of the bundle.
    pub(super) bundle: u16,
    /// Order in which it passed.
    pub(super) number: u32,
}

/// Lines, written once and read in order of their keys. The file is removed with it.
pub(super) struct Spool {
    path: PathBuf,
    file: BufWriter<File>,
    end: u64,
    lines: Vec<(Key, u64, u32)>,
}

impl Spool {
    /// Begins in a new file, which must not exist.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), end: 0, lines: Vec::new() })
    }

    /// Adds a line.
    pub(super) fn push(&mut self, conversation: Hash, at_ms: u64, bundle: u16, line: &str) -> io::Result<()> {
        let key = Key { conversation, at_ms, bundle, number: self.lines.len() as u32 };
        self.file.write_all(line.as_bytes())?;
        self.lines.push((key, self.end, line.len() as u32));
        self.end += line.len() as u64;
        Ok(())
    }

    /// Lines so far.
    pub(super) fn count(&self) -> usize {
        self.lines.len()
    }

    /// Gives every line in order.
    pub(super) fn read<E: From<io::Error>>(
        &mut self,
        mut take: impl FnMut(&Key, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.file.flush()?;
        self.lines.sort_unstable_by_key(|(key, ..)| *key);
        let file = self.file.get_mut();
        let mut line = Vec::new();
        for (key, begin, length) in &self.lines {
            line.resize(*length as usize, 0);
            file.seek(SeekFrom::Start(*begin))?;
            file.read_exact(&mut line)?;
            take(key, &String::from_utf8_lossy(&line))?;
        }
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // What is left behind is a file that the next report of the same name says is in its way.
        let _ = fs::remove_file(&self.path);
    }
}
