//! What was handed over: a file, a folder, or a ZIP, also inside another ZIP.
//!
//! Invariants: no name of an archive becomes a path, and no link of a folder is followed; what is read is bounded by what the
//! formats allow and by what an archive states, whatever its bytes would unfold to. Which file is what is decided by names and
//! contents, in the folder of each format.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;
use zegel_proto::limits::BLOB_BYTES_MAX;
use zip::ZipArchive;
use zip::result::ZipError;

/// Most names in one folder or archive.
pub const ENTRIES_MAX: usize = 200_000;
/// ZIPs inside ZIPs: a mail program adds one.
const NESTING_MAX: usize = 3;
/// Folders inside folders: media lie two deep.
const FOLDERS_MAX: usize = 4;
/// Bytes that an archive may unfold to, all files together: sixteen full attachments.
const UNFOLDED_BYTES_MAX: u64 = 16 * BLOB_BYTES_MAX;

/// One name in a folder or archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// With folders, separated by `/`.
    pub name: String,
    /// In bytes, before compression.
    pub size: u64,
}

impl Entry {
    /// The name without its folders.
    #[must_use]
    pub fn base(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// What archive programmes add, and folders.
    #[must_use]
    pub fn is_debris(&self) -> bool {
        let base = self.base();
        base.is_empty() || self.name.starts_with("__MACOSX/") || base.starts_with("._") || base == ".DS_Store"
    }
}

/// How far into folders is looked. Archives are always looked through whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The files of the folder itself.
    Flat,
    /// Folders in it too.
    Nested,
}

/// Why what was handed over cannot be opened.
#[derive(Debug, Error)]
pub enum ParcelError {
    /// A file that cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// A ZIP that is none, or is damaged.
    #[error("{path} is not a ZIP that can be read: {reason}")]
    BadZip {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: ZipError,
    },
    /// ZIPs in ZIPs in ZIPs.
    #[error("{path} holds ZIPs inside each other more than {NESTING_MAX} deep")]
    TooDeep {
        /// Which.
        path: PathBuf,
    },
    /// More names than are read.
    #[error("{path} has {found} files, at most {ENTRIES_MAX} are read")]
    TooManyEntries {
        /// Which.
        path: PathBuf,
        /// How many.
        found: usize,
    },
    /// Files that share their bytes: they unfold to more than any real archive.
    #[error(
        "{path} states {stated} compressed bytes and has {found}: its files overlap, so it is no archive that a phone made"
    )]
    Overlapping {
        /// Which.
        path: PathBuf,
        /// Bytes stated.
        stated: u64,
        /// Bytes of the archive.
        found: u64,
    },
    /// More bytes than are read, whatever the archive claimed.
    #[error("{name} has more than {max} bytes")]
    TooLarge {
        /// Name of the file.
        name: String,
        /// The maximum.
        max: u64,
    },
}

enum Holding {
    Folder(PathBuf),
    Zip(Box<ZipArchive<File>>),
}

/// What was handed over, opened.
pub struct Parcel {
    path: PathBuf,
    holding: Holding,
    entries: Vec<Entry>,
    nesting: usize,
}

impl Parcel {
    /// Opens a folder, a ZIP, or a single file.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn open(path: &Path, depth: Depth) -> Result<Self, ParcelError> {
        if path.is_dir() {
            return Self::folder(path, depth);
        }
        let mut file = File::open(path).map_err(unreadable(path))?;
        let mut magic = [0; 4];
        let is_zip = file.read_exact(&mut magic).is_ok() && &magic == b"PK\x03\x04";
        if is_zip { Self::zip(path, File::open(path).map_err(unreadable(path))?, 0) } else { Self::single(path) }
    }

    fn single(path: &Path) -> Result<Self, ParcelError> {
        let size = std::fs::metadata(path).map_err(unreadable(path))?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let holding = Holding::Folder(folder.into());
        Ok(Self { path: path.into(), holding, entries: vec![Entry { name, size }], nesting: 0 })
    }

    fn folder(path: &Path, depth: Depth) -> Result<Self, ParcelError> {
        let mut entries = Vec::new();
        let folders = if depth == Depth::Nested { FOLDERS_MAX } else { 0 };
        list(path, path, "", folders, &mut entries)?;
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { path: path.into(), holding: Holding::Folder(path.into()), entries, nesting: 0 })
    }

    fn zip(path: &Path, file: File, nesting: usize) -> Result<Self, ParcelError> {
        if nesting >= NESTING_MAX {
            return Err(ParcelError::TooDeep { path: path.into() });
        }
        let bad = |reason| ParcelError::BadZip { path: path.into(), reason };
        let found = file.metadata().map_err(unreadable(path))?.len();
        let archive = ZipArchive::new(file).map_err(bad)?;
        if archive.len() > ENTRIES_MAX {
            return Err(ParcelError::TooManyEntries { path: path.into(), found: archive.len() });
        }
        let mut entries = Vec::with_capacity(archive.len());
        let (mut stated, mut unfolded) = (0u64, 0u64);
        for index in 0..archive.len() {
            // As the directory says: what stands before the file itself can be damaged, and that is the file's own loss.
            let entry = archive.by_index_data(index).map_err(bad)?;
            // A folder keeps its place, so that indexes stay those of the archive; its name is no file's.
            let name = entry.name().map_err(bad)?.into_owned();
            stated = stated.saturating_add(entry.compressed_size());
            unfolded = unfolded.saturating_add(entry.size());
            entries.push(Entry { name, size: entry.size() });
        }
        if stated > found {
            return Err(ParcelError::Overlapping { path: path.into(), stated, found });
        }
        if unfolded > UNFOLDED_BYTES_MAX {
            return Err(ParcelError::TooLarge { name: path.display().to_string(), max: UNFOLDED_BYTES_MAX });
        }
        Ok(Self { path: path.into(), holding: Holding::Zip(Box::new(archive)), entries, nesting })
    }

    /// Where it was found.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names in it.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Opens a ZIP that lies in this parcel.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn nested(mut self, index: usize) -> Result<Self, ParcelError> {
        let (path, nesting) = (self.path.clone(), self.nesting + 1);
        let inner = self.file(index, BLOB_BYTES_MAX)?;
        Self::zip(&path, inner, nesting)
    }

    /// One file, in a form that can be read from any place: of an archive it is a copy that has no name.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn file(&mut self, index: usize, max: u64) -> Result<File, ParcelError> {
        if let Holding::Folder(folder) = &self.holding {
            let path = folder.join(&self.entries[index].name);
            let file = File::open(&path).map_err(unreadable(&path))?;
            let size = file.metadata().map_err(unreadable(&path))?.len();
            return if size > max { Err(self.too_large(index, max)) } else { Ok(file) };
        }
        let path = self.path.clone();
        let (copy, bytes) = self.read(index, max, |reader| {
            let mut copy = tempfile::tempfile().map_err(unreadable(&path))?;
            let bytes = io::copy(reader, &mut copy).map_err(unreadable(&path))?;
            copy.flush().and_then(|()| copy.rewind()).map_err(unreadable(&path))?;
            Ok::<_, ParcelError>((copy, bytes))
        })?;
        if bytes > max { Err(self.too_large(index, max)) } else { Ok(copy) }
    }

    /// All bytes of one file.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn bytes(&mut self, index: usize, max: u64) -> Result<Vec<u8>, ParcelError> {
        let mut bytes = Vec::new();
        let path = self.path.clone();
        self.read(index, max, |reader| reader.read_to_end(&mut bytes).map_err(unreadable(&path)))?;
        if bytes.len() as u64 > max { Err(self.too_large(index, max)) } else { Ok(bytes) }
    }

    /// Reads one file, at most one byte more than `max`.
    ///
    /// # Errors
    /// [`ParcelError`], or what `take` answers.
    pub fn read<T, E: From<ParcelError>>(
        &mut self,
        index: usize,
        max: u64,
        take: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, E> {
        match &mut self.holding {
            Holding::Folder(folder) => {
                let path = folder.join(&self.entries[index].name);
                let file = File::open(&path).map_err(unreadable(&path))?;
                take(&mut file.take(max.saturating_add(1)))
            }
            Holding::Zip(archive) => {
                let path = self.path.clone();
                let file = archive.by_index(index).map_err(|reason| ParcelError::BadZip { path, reason })?;
                take(&mut file.take(max.saturating_add(1)))
            }
        }
    }

    fn too_large(&self, index: usize, max: u64) -> ParcelError {
        ParcelError::TooLarge { name: self.entries[index].name.clone(), max }
    }
}

/// Files under `folder`, named as seen from `root`. Links and devices are passed over: they point outside what was handed over.
fn list(root: &Path, folder: &Path, under: &str, folders: usize, to: &mut Vec<Entry>) -> Result<(), ParcelError> {
    for item in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        let item = item.map_err(unreadable(folder))?;
        let kind = item.file_type().map_err(unreadable(folder))?;
        let name = format!("{under}{}", item.file_name().to_string_lossy());
        if kind.is_dir() && folders > 0 {
            list(root, &item.path(), &format!("{name}/"), folders - 1, to)?;
        } else if kind.is_file() {
            let size = item.metadata().map_err(unreadable(folder))?.len();
            to.push(Entry { name, size });
        }
        if to.len() > ENTRIES_MAX {
            return Err(ParcelError::TooManyEntries { path: root.into(), found: to.len() });
        }
    }
    Ok(())
}

pub(crate) fn unreadable(path: &Path) -> impl Fn(io::Error) -> ParcelError {
    let path = path.to_path_buf();
    move |reason| ParcelError::Unreadable { path: path.clone(), reason }
}
