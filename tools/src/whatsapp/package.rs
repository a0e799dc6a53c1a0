//! A read-out of WhatsApp as it was handed over: a chat text, a folder, or the ZIP that the phone made, also inside another.
//!
//! Which file is what is decided by names in [`container`](super::container); how they are read in `import::parcel`.

use super::container::{Arrival, ContainerError, Files, Title, find_chat, match_files, title_in};
use super::{FILE_BYTES_MAX, Record};
use crate::import::parcel::{Depth, Parcel, ParcelError};
use crate::import::{Damage, ImportError, MediaStore};
use crate::seal::BlobSummary;
use std::path::Path;
use thiserror::Error;

/// Why a read-out cannot be opened.
#[derive(Debug, Error)]
pub enum PackageError {
    /// Files.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// No chat, or more than one.
    #[error(transparent)]
    Container(#[from] ContainerError),
}

/// A read-out whose chat text has been found.
pub struct Package {
    parcel: Parcel,
    chat: usize,
    title: Option<Title>,
}

impl Package {
    /// Opens a `.txt`, a folder, or a ZIP.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn open(path: &Path) -> Result<Self, PackageError> {
        let parcel = Parcel::open(path, Depth::Flat)?;
        let is_text = |name: &str| !path.is_dir() && path.file_name().is_some_and(|own| own.to_string_lossy() == name);
        match parcel.entries() {
            // A text that was named itself is the chat, whatever it is called.
            [only] if is_text(&only.name) => Self::text(parcel),
            _ => Self::found_in(parcel, path),
        }
    }

    fn text(parcel: Parcel) -> Result<Self, PackageError> {
        let (entry, max) = (&parcel.entries()[0], FILE_BYTES_MAX as u64);
        if entry.size > max {
            return Err(ContainerError::ChatTooLarge { name: entry.name.clone(), got: entry.size, max }.into());
        }
        let title = title_in(&entry.name);
        Ok(Self { parcel, chat: 0, title })
    }

    fn found_in(parcel: Parcel, path: &Path) -> Result<Self, PackageError> {
        match find_chat(parcel.entries())? {
            Arrival::Chat { index, title } => {
                // An iPhone names the chat in the name of the archive only.
                let outer = path.file_name().and_then(|name| title_in(&name.to_string_lossy()));
                Ok(Self { parcel, chat: index, title: title.or(outer) })
            }
            Arrival::Nested { index } => {
                let inner = title_in(&parcel.entries()[index].name);
                let found = Self::found_in(parcel.nested(index)?, path)?;
                Ok(Self { title: inner.or(found.title), ..found })
            }
        }
    }

    /// Name of the chat text as handed over.
    #[must_use]
    pub fn chat_name(&self) -> &str {
        &self.parcel.entries()[self.chat].name
    }

    /// What the names say the chat is called.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        self.title.as_ref().map(|title| title.text.as_str())
    }

    /// Which file is which attachment of the records.
    #[must_use]
    pub fn attachments(&self, records: &[Record]) -> Files {
        match_files(records, self.parcel.entries(), self.chat)
    }

    /// The chat text.
    ///
    /// # Errors
    /// [`PackageError`].
    pub fn chat(&mut self) -> Result<Vec<u8>, PackageError> {
        Ok(self.parcel.bytes(self.chat, FILE_BYTES_MAX as u64)?)
    }

    /// Puts one file of the read-out into a store, or says what is wrong with its bytes.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn attachment(&mut self, entry: usize, to: &MediaStore) -> Result<Result<BlobSummary, Damage>, ImportError> {
        to.take(&mut self.parcel, entry)
    }
}
