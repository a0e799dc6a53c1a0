//! Which copies of a backup count: a small file beside them, `copies`.
//!
//! Each line names a copy of `log` and the copy of `keys` that has all that it needs. It is replaced whole, and synced, when
//! both are there and were looked through; until then a copy does not count, and what counted before is not touched. A backup
//! of before has no such file: there each copy of `log` counts, with the newest of `keys`. Specification: `specs/storage.md`.

use super::{CHECKPOINT, write_whole};
use crate::store::StoreError;
use crate::store::database::copies_in;
use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Name of the file.
const COPIES: &str = "copies";
/// Its first line.
const FORMAT: &str = "zegel-copies/v1";

/// A copy that counts: its number in the line of `log`, and in that of `keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) log: u32,
    pub(super) keys: u32,
}

/// The copies of a backup that count, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Copies {
    origin: String,
    all: Vec<Pair>,
}

impl Copies {
    /// Reads those of a folder; none if no copy was finished there.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, StoreError> {
        let unreadable = StoreError::Row { what: "the copies of a backup" };
        match read_if_there(&folder.join(COPIES))? {
            Some(text) => Self::parse(&text).map(Some).ok_or(unreadable),
            None => Self::of_before(folder),
        }
    }

    /// Those of a log in a folder that it may use: no other log has copies there.
    pub(super) fn of(folder: &Path, origin: &str) -> Result<Self, StoreError> {
        let none = Self { origin: origin.into(), all: Vec::new() };
        let copies = Self::read(folder)?.unwrap_or(none);
        if copies.origin == origin {
            return Ok(copies);
        }
        let (path, wanted) = (folder.display().to_string(), origin.into());
        Err(StoreError::OtherBackup { path, found: copies.origin, wanted })
    }

    fn of_before(folder: &Path) -> Result<Option<Self>, StoreError> {
        let Some(note) = read_if_there(&folder.join(CHECKPOINT))? else { return Ok(None) };
        let origin = note.lines().next().unwrap_or_default().to_owned();
        let newest = copies_in(&folder.join("keys"))?.last().copied();
        let all = match newest {
            Some(keys) => copies_in(&folder.join("log"))?.into_iter().map(|log| Pair { log, keys }).collect(),
            None => Vec::new(),
        };
        Ok(Some(Self { origin, all }))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        lines.next().filter(|line| *line == FORMAT)?;
        let origin = lines.next()?.to_owned();
        let copy = |line: &str| {
            let (log, keys) = line.split_once(' ')?;
            Some(Pair { log: log.parse().ok()?, keys: keys.parse().ok()? })
        };
        let copies = Self { origin, all: lines.map(copy).collect::<Option<_>>()? };
        (copies.print() == text).then_some(copies)
    }

    fn print(&self) -> String {
        let mut text = format!("{FORMAT}\n{}\n", self.origin);
        for Pair { log, keys } in &self.all {
            let _ = writeln!(text, "{log} {keys}");
        }
        text
    }

    /// From here on this copy counts, and of those before it the newest, `keep` in all. When this returns, it is durable.
    pub(super) fn count(&mut self, folder: &Path, copy: Pair, keep: usize) -> std::io::Result<()> {
        self.all.push(copy);
        self.all.drain(..self.all.len().saturating_sub(keep.max(1)));
        write_whole(&folder.join(COPIES), self.print().as_bytes())
    }

    /// The first of each line that one which counts still needs.
    pub(super) fn oldest(&self) -> Option<Pair> {
        let first = |of: fn(&Pair) -> u32| self.all.iter().map(of).min();
        Some(Pair { log: first(|copy| copy.log)?, keys: first(|copy| copy.keys)? })
    }

    /// The log of the copy that is so many before the newest, with the newest keys: those that `log` and `keys` still hold.
    pub(super) fn pick(&self, back: usize, log: &[u32], keys: &[u32]) -> Result<Pair, StoreError> {
        let has_keys = || self.all.iter().filter(|copy| keys.contains(&copy.keys));
        let whole: Vec<&Pair> = has_keys().filter(|copy| log.contains(&copy.log)).collect();
        let found = whole.iter().rev().nth(back).zip(has_keys().map(|copy| copy.keys).max());
        let (copy, keys) = found.ok_or(StoreError::NoCopy { back, found: whole.len() })?;
        Ok(Pair { log: copy.log, keys })
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, StoreError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(reason) if reason.kind() == ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(StoreError::failed("reading which copies count", reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(all: &[(u32, u32)]) -> Copies {
        let all = all.iter().map(|&(log, keys)| Pair { log, keys }).collect();
        Copies { origin: "chat.example.nl/minbzk".into(), all }
    }

    #[test]
    fn what_is_printed_reads_and_nothing_else_does() {
        let some = copies(&[(3, 2), (5, 3)]);
        let text = some.print();
        assert_eq!(text, "zegel-copies/v1\nchat.example.nl/minbzk\n3 2\n5 3\n");
        assert_eq!(Copies::parse(&text), Some(some));
        let changed = [
            text.replace("v1", "v2"),
            text.replace("5 3", "05 3"),
            text.replace("5 3", "5  3"),
            text.replace("5 3", "5"),
            text.trim_end().to_owned(),
            String::new(),
        ];
        assert!(changed.iter().all(|text| Copies::parse(text).is_none()));
    }

    #[test]
    fn an_older_copy_has_the_newest_keys_and_one_that_a_line_lost_does_not_count() {
        let some = copies(&[(3, 2), (5, 3), (6, 4)]);
        let pick = |back, log: &[u32], keys: &[u32]| some.pick(back, log, keys);
        let of = |log, keys| Ok(Pair { log, keys });
        // 4 and 7 were begun and never counted.
        assert_eq!(pick(0, &[3, 4, 5, 6, 7], &[2, 3, 4, 5]), of(6, 4));
        assert_eq!(pick(2, &[3, 4, 5, 6, 7], &[2, 3, 4, 5]), of(3, 4));
        assert_eq!(pick(3, &[3, 4, 5, 6], &[2, 3, 4]), Err(StoreError::NoCopy { back: 3, found: 3 }));
        assert_eq!(pick(0, &[3, 5], &[2, 3, 4]), of(5, 4));
        assert_eq!(pick(0, &[3, 5, 6], &[2, 3]), of(5, 3));
        assert_eq!(pick(0, &[3, 5, 6], &[]), Err(StoreError::NoCopy { back: 0, found: 0 }));
        assert_eq!(some.oldest(), Some(Pair { log: 3, keys: 2 }));
    }

    #[test]
    fn a_folder_of_another_log_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut some = Copies::of(folder.path(), "chat.example.nl/minbzk").expect("an empty folder");
        for number in 1..=3 {
            some.count(folder.path(), Pair { log: number, keys: number }, 2).expect("counted");
        }
        assert_eq!(Copies::of(folder.path(), "chat.example.nl/minbzk"), Ok(copies(&[(2, 2), (3, 3)])));
        let (path, wanted) = (folder.path().display().to_string(), String::from("other"));
        let other = StoreError::OtherBackup { path, found: "chat.example.nl/minbzk".into(), wanted };
        assert_eq!(Copies::of(folder.path(), "other"), Err(other.clone()));
        // One of before says it in its note alone.
        fs::remove_file(folder.path().join(COPIES)).expect("removed");
        fs::write(folder.path().join(CHECKPOINT), "chat.example.nl/minbzk\n7\nroot\n").expect("written");
        assert_eq!(Copies::of(folder.path(), "other"), Err(other));
    }
}
