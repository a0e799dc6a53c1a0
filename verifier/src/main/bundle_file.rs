//! A bundle on disk: a BagIt folder, or a zip of one. The tools read bundles by this same file, so that none of the two
//! commands takes a bundle that the other refuses.
//!
//! Invariants: no link is followed and no device is read; nothing is unpacked to disk; a zip has one top folder, no name
//! twice, no entries that overlap, and local headers that agree with its directory. What a bundle may hold is the
//! library's to say; sizes that an archive states are held there against what is read.
#![allow(clippy::disallowed_methods, reason = "with `files`, the only place of the verifier that opens files")]

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use zegel_verifier::bundle::{BagError, BundleFile, BundleSource, FILES_MAX, Refusal};
use zip::ZipArchive;

/// Folders that a bag has, below its top.
const FOLDERS: [&str; 2] = ["data", "data/attachments"];

fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> Refusal {
    Refusal::Unreadable { file: path.display().to_string(), reason: reason.to_string() }
}

/// Opens a bundle: a folder, or else a zip.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BundleSource>, Refusal> {
    let kind = fs::metadata(path).map_err(|reason| unreadable(path, &reason))?;
    if kind.is_dir() {
        return Ok(Box::new(Folder { root: path.to_owned() }));
    }
    Ok(Box::new(Zip::open(path)?))
}

struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Lists one folder, and goes down into those that a bag has.
    fn list(&self, below: &str, files: &mut Vec<BundleFile>) -> Result<(), Refusal> {
        let folder = self.root.join(below);
        for entry in fs::read_dir(&folder).map_err(|reason| unreadable(&folder, &reason))? {
            let entry = entry.map_err(|reason| unreadable(&folder, &reason))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            // Of the entry itself: a link is not followed.
            let kind = entry.metadata().map_err(|reason| unreadable(&entry.path(), &reason))?;
            if kind.is_dir() && FOLDERS.contains(&path.as_str()) {
                self.list(&path, files)?;
            } else if kind.is_dir() {
                return Err(BagError::UnknownFile { path }.into());
            } else if kind.is_file() {
                push(files, BundleFile { path, bytes: kind.len() })?;
            } else {
                return Err(BagError::NotPlain { path }.into());
            }
        }
        Ok(())
    }
}

fn push(files: &mut Vec<BundleFile>, file: BundleFile) -> Result<(), Refusal> {
    if files.len() >= FILES_MAX {
        return Err(Refusal::Limit { what: "files", found: files.len() as u64 + 1, max: FILES_MAX as u64 });
    }
    files.push(file);
    Ok(())
}

impl BundleSource for Folder {
    fn files(&mut self) -> Result<Vec<BundleFile>, Refusal> {
        let mut files = Vec::new();
        self.list("", &mut files)?;
        Ok(files)
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.root.join(path))?))
    }
}

struct Zip {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    /// The top folder, with its slash.
    top: String,
}

impl Zip {
    fn open(path: &Path) -> Result<Self, Refusal> {
        let file = File::open(path).map_err(|reason| unreadable(path, &reason))?;
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|reason| unreadable(path, &reason))?;
        if archive.len() > FILES_MAX + FOLDERS.len() + 1 {
            return Err(Refusal::Limit { what: "files", found: archive.len() as u64, max: FILES_MAX as u64 });
        }
        if archive.has_duplicate_names() {
            return Err(BagError::FileTwice { path: path.display().to_string() }.into());
        }
        // Two readers of one archive must see the same files.
        archive.validate_header_consistency().map_err(|reason| unreadable(path, &reason))?;
        let top = top_folder(&archive)?;
        Ok(Self { path: path.to_owned(), archive, top })
    }
}

/// The one folder in which everything stands.
fn top_folder(archive: &ZipArchive<BufReader<File>>) -> Result<String, Refusal> {
    let mut tops: Vec<String> = Vec::new();
    for name in archive.file_names() {
        let name = name.map(|name| name.into_owned()).unwrap_or_default();
        let top = name.split_once('/').map_or(String::new(), |(top, _)| format!("{top}/"));
        if !tops.contains(&top) {
            tops.push(top);
        }
        if tops.len() > 1 {
            break;
        }
    }
    match tops.as_slice() {
        [top] if !matches!(top.as_str(), "" | "/" | "./" | "../") => Ok(top.clone()),
        _ => Err(BagError::TopFolders { found: tops.len() }.into()),
    }
}

impl BundleSource for Zip {
    fn files(&mut self) -> Result<Vec<BundleFile>, Refusal> {
        let mut files = Vec::new();
        for index in 0..self.archive.len() {
            let entry = self.archive.by_index_data(index).map_err(|reason| unreadable(&self.path, &reason))?;
            let name = entry.name().map_err(|reason| unreadable(&self.path, &reason))?;
            let path = name.strip_prefix(&self.top).unwrap_or_default().to_owned();
            let folder = path.trim_end_matches('/');
            if entry.is_dir() && (folder.is_empty() || FOLDERS.contains(&folder)) && entry.size() == 0 {
                continue;
            }
            if entry.is_symlink() || entry.encrypted() || !entry.is_file() {
                return Err(BagError::NotPlain { path }.into());
            }
            push(&mut files, BundleFile { path, bytes: entry.size() })?;
        }
        Ok(files)
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        let name = format!("{}{path}", self.top);
        let file = self.archive.by_name(&name).map_err(io::Error::other)?;
        Ok(Box::new(file))
    }
}
