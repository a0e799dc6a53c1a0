//! A bundle on disk: a BagIt folder, or a zip of one. Nothing is unpacked, and no link is followed.
//!
//! What may be in a bundle is the verifier's to say: here it is only told what lies there.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use zegel_verifier::bundle::{BagError, BundleFile, BundleSource, FILES_MAX, Refusal};
use zip::ZipArchive;

fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> Refusal {
    Refusal::Unreadable { file: path.display().to_string(), reason: reason.to_string() }
}

/// Opens a bundle: a folder, or else a zip.
pub(super) fn open(path: &Path) -> Result<Box<dyn BundleSource>, Refusal> {
    let kind = fs::metadata(path).map_err(|reason| unreadable(path, &reason))?;
    if kind.is_dir() { Ok(Box::new(Folder(path.to_owned()))) } else { Ok(Box::new(Zip::open(path)?)) }
}

struct Folder(PathBuf);

impl Folder {
    fn list(&self, below: &str, files: &mut Vec<BundleFile>) -> Result<(), Refusal> {
        let folder = self.0.join(below);
        let failed = |reason: &dyn std::fmt::Display| unreadable(&folder, reason);
        for entry in fs::read_dir(&folder).map_err(|reason| failed(&reason))? {
            let entry = entry.map_err(|reason| failed(&reason))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            // Of the entry itself: a link is not followed.
            let kind = entry.metadata().map_err(|reason| failed(&reason))?;
            if kind.is_dir() && path.split('/').count() < 3 {
                self.list(&path, files)?;
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
        Ok(Box::new(File::open(self.0.join(path))?))
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
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|reason| unreadable(path, &reason))?;
        if archive.len() > FILES_MAX + 3 {
            return Err(Refusal::Limit { what: "files", found: archive.len() as u64, max: FILES_MAX as u64 });
        }
        if archive.has_duplicate_names() {
            return Err(BagError::FileTwice { path: path.display().to_string() }.into());
        }
        let first = archive.file_names().next().map(|name| name.map(|name| name.into_owned()).unwrap_or_default());
        let first = first.unwrap_or_default();
        match first.split_once('/') {
            Some((top, _)) if !matches!(top, "" | "." | "..") => {
                Ok(Self { path: path.to_owned(), archive, top: format!("{top}/") })
            }
            _ => Err(BagError::TopFolders { found: 0 }.into()),
        }
    }
}

impl BundleSource for Zip {
    fn files(&mut self) -> Result<Vec<BundleFile>, Refusal> {
        // Two readers of one archive must see the same files.
        self.archive.validate_header_consistency().map_err(|reason| unreadable(&self.path, &reason))?;
        let mut files = Vec::new();
        for index in 0..self.archive.len() {
            let entry = self.archive.by_index_data(index).map_err(|reason| unreadable(&self.path, &reason))?;
            let name = entry.name().map_err(|reason| unreadable(&self.path, &reason))?.into_owned();
            let path = name.strip_prefix(&self.top).ok_or(BagError::TopFolders { found: 2 })?.to_owned();
            if entry.is_dir() && entry.size() == 0 {
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
        Ok(Box::new(self.archive.by_name(&name).map_err(io::Error::other)?))
    }
}
