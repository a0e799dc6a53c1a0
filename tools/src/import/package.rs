//! A read-out as it was handed over: a chat text, a folder, or the ZIP that the phone made, also inside another ZIP.
//!
//! Invariants: no name of an archive becomes a path; what is read is bounded by what the formats allow, whatever an archive
//! claims. Which file is what is decided by names in `whatsapp::container`.

use crate::whatsapp::container::{Arrival, ContainerError, Entry, Title, find_chat, title_in};
use crate::whatsapp::{FILE_BYTES_MAX, Record, container::Files, container::match_files};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;
use zegel_proto::limits::BLOB_BYTES_MAX;
use zip::ZipArchive;
use zip::result::ZipError;

/// ZIPs inside ZIPs: a mail program adds one.
const NESTING_MAX: usize = 3;

/// Why a read-out cannot be opened.
#[derive(Debug, Error)]
pub enum PackageError {
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
    /// No chat, or more than one.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// ZIPs in ZIPs in ZIPs.
    #[error("{path} holds ZIPs inside each other more than {NESTING_MAX} deep")]
    TooDeep {
        /// Which.
        path: PathBuf,
    },
    /// More bytes than the format allows, whatever the archive claimed.
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

/// A read-out whose chat text has been found.
pub struct Package {
    path: PathBuf,
    files: Holding,
    entries: Vec<Entry>,
    chat: usize,
    title: Option<Title>,
}

impl Package {
    /// Opens a `.txt`, a folder, or a ZIP.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn open(path: &Path) -> Result<Self, PackageError> {
        let unreadable = |reason| PackageError::Unreadable { path: path.into(), reason };
        if path.is_dir() {
            return Self::folder(path);
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let mut magic = [0; 4];
        let is_zip = file.read_exact(&mut magic).is_ok() && &magic == b"PK\x03\x04";
        if is_zip { Self::zip(path, File::open(path).map_err(unreadable)?, 0) } else { Self::text(path) }
    }

    fn text(path: &Path) -> Result<Self, PackageError> {
        let unreadable = |reason| PackageError::Unreadable { path: path.into(), reason };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if size > FILE_BYTES_MAX as u64 {
            return Err(ContainerError::ChatTooLarge { name, got: size, max: FILE_BYTES_MAX as u64 }.into());
        }
        let title = title_in(&name);
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let entries = vec![Entry { name, size }];
        Ok(Self { path: path.into(), files: Holding::Folder(folder.into()), entries, chat: 0, title })
    }

    fn folder(path: &Path) -> Result<Self, PackageError> {
        let unreadable = |reason| PackageError::Unreadable { path: path.into(), reason };
        let mut entries = Vec::new();
        for item in std::fs::read_dir(path).map_err(unreadable)? {
            let item = item.map_err(unreadable)?;
            let metadata = item.metadata().map_err(unreadable)?;
            if metadata.is_file() {
                entries.push(Entry { name: item.file_name().to_string_lossy().into_owned(), size: metadata.len() });
            }
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        match find_chat(&entries)? {
            Arrival::Chat { index, title } => {
                Ok(Self { path: path.into(), files: Holding::Folder(path.into()), entries, chat: index, title })
            }
            Arrival::Nested { index } => Self::open(&path.join(&entries[index].name)),
        }
    }

    fn zip(path: &Path, file: File, depth: usize) -> Result<Self, PackageError> {
        if depth >= NESTING_MAX {
            return Err(PackageError::TooDeep { path: path.into() });
        }
        let bad = |reason| PackageError::BadZip { path: path.into(), reason };
        let mut archive = ZipArchive::new(file).map_err(bad)?;
        let mut entries = Vec::with_capacity(archive.len());
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(bad)?;
            // A folder keeps its place, so that indexes stay those of the archive; its name is no chat's.
            let name = entry.name().map_err(bad)?.into_owned();
            entries.push(Entry { name, size: entry.size() });
        }
        match find_chat(&entries)? {
            Arrival::Chat { index, title } => {
                Ok(Self { path: path.into(), files: Holding::Zip(Box::new(archive)), entries, chat: index, title })
            }
            Arrival::Nested { index } => {
                let inner = archive.by_index(index).map_err(bad)?;
                let inner = spill(path, inner)?;
                Self::zip(path, inner, depth + 1)
            }
        }
    }

    /// Name of the chat text as handed over.
    #[must_use]
    pub fn chat_name(&self) -> &str {
        &self.entries[self.chat].name
    }

    /// What the names say the chat is called.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_ref().map(|title| title.text.as_str())
    }

    /// Which file is which attachment of the records.
    #[must_use]
    pub fn attachments(&self, records: &[Record]) -> Files {
        match_files(records, &self.entries, self.chat)
    }

    /// The chat text.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn chat(&mut self) -> Result<Vec<u8>, PackageError> {
        let mut bytes = Vec::new();
        let (chat, path) = (self.chat, self.path.clone());
        let name = self.entries[chat].name.clone();
        self.read(chat, FILE_BYTES_MAX as u64, |reader| {
            reader.read_to_end(&mut bytes).map_err(|reason| PackageError::Unreadable { path, reason })
        })?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(PackageError::TooLarge { name, max: FILE_BYTES_MAX as u64 });
        }
        Ok(bytes)
    }

    /// Reads one file of the read-out, at most one byte more than an attachment may have.
    ///
    /// # Errors
    /// [`PackageError`], or what `take` answers.
    pub fn attachment<T, E: From<PackageError>>(
        &mut self,
        entry: usize,
        take: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, E> {
        self.read(entry, BLOB_BYTES_MAX, take)
    }

    fn read<T, E: From<PackageError>>(
        &mut self,
        index: usize,
        max: u64,
        take: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<T, E> {
        match &mut self.files {
            Holding::Folder(folder) => {
                let path = folder.join(&self.entries[index].name);
                let file = File::open(&path).map_err(|reason| PackageError::Unreadable { path, reason })?;
                take(&mut file.take(max + 1))
            }
            Holding::Zip(archive) => {
                let path = self.path.clone();
                let file = archive.by_index(index).map_err(|reason| PackageError::BadZip { path, reason })?;
                take(&mut file.take(max + 1))
            }
        }
    }
}

/// A ZIP inside a ZIP, in a file without a name: it needs to be read from its end.
fn spill(path: &Path, inner: impl Read) -> Result<File, PackageError> {
    let unreadable = |reason| PackageError::Unreadable { path: path.into(), reason };
    let mut file = tempfile::tempfile().map_err(unreadable)?;
    let copied = io::copy(&mut inner.take(BLOB_BYTES_MAX + 1), &mut file).map_err(unreadable)?;
    if copied > BLOB_BYTES_MAX {
        return Err(PackageError::TooLarge { name: path.display().to_string(), max: BLOB_BYTES_MAX });
    }
    Ok(file)
}
