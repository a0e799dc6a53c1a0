//! Every byte that stands in the files of a folder: also what is packed, coded or set in glyphs there.

use base64::Engine;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files below a folder, each with all that stands in it: as it is, unpacked and decoded, and as a PDF's reader reads it.
///
/// # Panics
/// If a file cannot be read.
#[must_use]
pub fn searched(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).expect("a folder") {
        let path = item.expect("an item").path();
        if path.is_dir() {
            found.extend(searched(&path));
        } else {
            let file = std::fs::read(&path).expect("a file");
            let mut all = unpacked(&file);
            if path.extension().is_some_and(|end| end == "pdf") {
                all.extend(text_of(&path));
            }
            found.push((path, all));
        }
    }
    found
}

/// Names of files and folders, and files, that hold a text: as bytes, as UTF-16, or that in hexadecimal.
#[must_use]
pub fn that_hold(files: &[(PathBuf, Vec<u8>)], text: &str) -> Vec<PathBuf> {
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let hex: String = wide.iter().map(|byte| format!("{byte:02x}")).collect();
    let wanted = [text.as_bytes().to_vec(), wide, hex.to_uppercase().into_bytes(), hex.into_bytes()];
    let holds = |(path, bytes): &&(PathBuf, Vec<u8>)| {
        path.to_string_lossy().contains(text)
            || wanted.iter().any(|wanted| memchr::memmem::find(bytes, wanted).is_some())
    };
    files.iter().filter(holds).map(|(path, _)| path.clone()).collect()
}

/// Streams of a PDF inflated, the archive in a mail message and the entries of an archive, behind the bytes as they are.
fn unpacked(file: &[u8]) -> Vec<u8> {
    let mut all = file.to_vec();
    for at in memchr::memmem::find_iter(file, b"stream\n") {
        // What is no deflate stream gives nothing, and stands in the file as it is.
        let mut inflated = Vec::new();
        _ = flate2::read::ZlibDecoder::new(&file[at + 7..]).read_to_end(&mut inflated);
        all.extend(inflated);
    }
    let text = String::from_utf8_lossy(file);
    for part in text.split("base64").skip(1) {
        let body: String = part.split("\r\n\r\n").nth(1).unwrap_or_default().split_whitespace().collect();
        let body = body.split("--").next().unwrap_or_default();
        let decoded = base64::engine::general_purpose::STANDARD.decode(body).unwrap_or_default();
        all.extend(&decoded);
        all.extend(entries(&decoded));
    }
    all.extend(entries(file));
    all
}

fn entries(file: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(file)) else { return all };
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).expect("an entry");
        all.extend(entry.name_raw());
        entry.read_to_end(&mut all).expect("unpacked");
    }
    all
}

/// Text of a PDF as other people's tool reads it; nothing where that is not installed.
fn text_of(pdf: &Path) -> Vec<u8> {
    match Command::new("pdftotext").arg("-layout").arg(pdf).arg("-").output() {
        Ok(output) => output.stdout,
        Err(_) => {
            eprintln!("SKIPPED: pdftotext is not installed, the words of {} were NOT read back", pdf.display());
            Vec::new()
        }
    }
}
