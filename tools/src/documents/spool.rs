//! Lines on their way from log order to reading order: in a nameless file, with some 64 bytes of memory a line.

use super::{Day, Line};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;
use zegel_verifier::hash::Hash;

/// Where a line stands: by conversation, day, time, then the order of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) conversation: Hash,
    pub(super) day: Day,
    at_ms: u64,
    number: usize,
}

/// One line in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) key: Key,
    begin: u64,
    pub(super) bytes: usize,
}

/// Lines, written once and then read in their order.
#[derive(Debug)]
pub(super) struct Spool {
    file: BufWriter<File>,
    end: u64,
    lines: Vec<Kept>,
}

impl Spool {
    /// Begins in a file that has no name and is gone with us.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile_in(folder)?), end: 0, lines: Vec::new() })
    }

    pub(super) fn push(&mut self, conversation: Hash, day: Day, line: &Line) -> io::Result<()> {
        let text = serde_json::to_vec(line)?;
        let key = Key { conversation, day, at_ms: line.at_ms, number: self.lines.len() };
        self.file.write_all(&text)?;
        self.lines.push(Kept { key, begin: self.end, bytes: text.len() });
        self.end += text.len() as u64;
        Ok(())
    }

    /// Ends writing; lines are in reading order from here.
    pub(super) fn sort(&mut self) -> io::Result<&[Kept]> {
        self.file.flush()?;
        self.lines.sort_unstable_by_key(|kept| kept.key);
        Ok(&self.lines)
    }

    /// A line by its number in reading order.
    pub(super) fn line(&mut self, number: usize) -> io::Result<Line> {
        let kept = self.lines.get(number).ok_or(io::ErrorKind::NotFound)?;
        let mut text = vec![0; kept.bytes];
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(kept.begin))?;
        file.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}
