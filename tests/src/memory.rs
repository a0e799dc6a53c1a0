//! Looking for bytes where they must not be: in the memory of a process, and in every file of a folder.

use memchr::memmem;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes that are read at a time; a match across two reads is found by an overlap.
const WINDOW: usize = 1 << 20;

/// A text as it could lie in memory or on disk: UTF-8, and UTF-16 in both orders.
#[must_use]
pub fn encodings(text: &str) -> [Vec<u8>; 3] {
    let utf_16: Vec<u16> = text.encode_utf16().collect();
    [
        text.as_bytes().to_vec(),
        utf_16.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        utf_16.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
    ]
}

/// Whether a process holds one of these byte strings anywhere that can be read.
///
/// # Panics
/// If its memory cannot be read at all.
#[must_use]
pub fn process_holds(pid: u32, wanted: &[Vec<u8>]) -> bool {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the map of the process");
    let mut memory = File::open(format!("/proc/{pid}/mem")).expect("the memory of the process");
    maps.lines().filter_map(region).any(|(from, to)| {
        memory.seek(SeekFrom::Start(from)).is_ok() && reader_holds(&mut (&mut memory).take(to - from), wanted)
    })
}

/// A readable region: its first address, and the one after its last.
fn region(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split(' ');
    let (from, to) = words.next()?.split_once('-')?;
    let readable = words.next()?.starts_with('r') && !line.ends_with("[vvar]") && !line.ends_with("[vsyscall]");
    let address = |text| u64::from_str_radix(text, 16).ok();
    address(from).zip(address(to)).filter(|_| readable)
}

/// Files below a folder that hold one of these byte strings.
///
/// # Panics
/// If a folder cannot be read.
#[must_use]
pub fn files_that_hold(folder: &Path, wanted: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).expect("a folder") {
        let path = item.expect("an item").path();
        if path.is_dir() {
            found.extend(files_that_hold(&path, wanted));
        } else if File::open(&path).is_ok_and(|mut file| reader_holds(&mut file, wanted)) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn reader_holds(reader: &mut dyn Read, wanted: &[Vec<u8>]) -> bool {
    let overlap = wanted.iter().map(Vec::len).max().unwrap_or(0);
    let mut window: Vec<u8> = Vec::with_capacity(WINDOW + overlap);
    loop {
        let kept = window.len().min(overlap);
        window.drain(..window.len() - kept);
        let mut more = vec![0; WINDOW];
        // A page that cannot be read ends its region: the kernel says so with an error.
        let Ok(read @ 1..) = reader.read(&mut more) else { return false };
        window.extend_from_slice(&more[..read]);
        if wanted.iter().any(|bytes| memmem::find(&window, bytes).is_some()) {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_text_across_two_windows_and_in_its_own_memory() {
        let mut bytes = vec![b'a'; WINDOW - 3];
        bytes.extend(b"kanarie");
        assert!(reader_holds(&mut bytes.as_slice(), &encodings("kanarie")));
        assert!(!reader_holds(&mut bytes.as_slice(), &encodings("mus")));
        let here = String::from("een kanarie in een kooi");
        assert!(process_holds(std::process::id(), &encodings(&here)));
    }
}
