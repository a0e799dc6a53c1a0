//! BagIt 1.0 (RFC 8493): the folder in which a bundle is made, and how it gets to its place.

use super::ExportError;
use crate::disk::{self, Readers, failed};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};
use zegel_verifier::hash::{Hash, sha256};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// From this size on a file in a ZIP needs the large form.
const ZIP_LARGE_BYTES: u64 = u32::MAX as u64 / 2;

/// A file of the bag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BagFile {
    /// Path from the bag's top, with slashes.
    pub(super) name: String,
    pub(super) sha256: Hash,
    pub(super) bytes: u64,
}

/// What the bundle becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Folder,
    Zip,
}

/// A bag that is being made in a folder of its own, which is removed unless the bag is published.
pub(super) struct Bag {
    folder: TempDir,
    payload: Vec<BagFile>,
    tags: Vec<BagFile>,
}

impl Bag {
    /// Begins beside the target, so that it can be renamed into its place.
    pub(super) fn begin(parent: &Path) -> Result<Self, ExportError> {
        let folder = tempfile::Builder::new().prefix(".zegel-export-").tempdir_in(parent).map_err(failed(parent))?;
        disk::create_folder(&folder.path().join("data"))?;
        Ok(Self { folder, payload: Vec::new(), tags: Vec::new() })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All files so far.
    pub(super) fn files(&self) -> impl Iterator<Item = &BagFile> {
        self.tags.iter().chain(&self.payload)
    }

    /// Counts a payload file that was written already.
    pub(super) fn add(&mut self, file: BagFile) {
        self.payload.push(file);
    }

    /// Writes a small payload file.
    pub(super) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        disk::write_new(&self.folder.path().join(name), bytes, Readers::Owner)?;
        self.payload.push(BagFile { name: name.into(), sha256: sha256(&[bytes]), bytes: bytes.len() as u64 });
        Ok(())
    }

    fn write_tag(&mut self, name: &str, text: &str) -> Result<(), ExportError> {
        disk::write_new(&self.folder.path().join(name), text.as_bytes(), Readers::Owner)?;
        let (sha256, bytes) = (sha256(&[text.as_bytes()]), text.len() as u64);
        self.tags.push(BagFile { name: name.into(), sha256, bytes });
        Ok(())
    }

    /// Writes the tag files and both manifests.
    pub(super) fn close(&mut self, description: &str, identifier: &str) -> Result<(), ExportError> {
        self.payload.sort_by(|one, other| one.name.cmp(&other.name));
        let octets: u64 = self.payload.iter().map(|file| file.bytes).sum();
        let today = jiff::Timestamp::now().strftime("%Y-%m-%d");
        let info = format!(
            "Bagging-Date: {today}\nExternal-Description: {description}\nExternal-Identifier: {identifier}\n\
             Payload-Oxum: {octets}.{}\n",
            self.payload.len()
        );
        self.write_tag("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")?;
        self.write_tag("bag-info.txt", &info)?;
        let manifest = lines(&self.payload);
        self.write_tag("manifest-sha256.txt", &manifest)?;
        self.tags.sort_by(|one, other| one.name.cmp(&other.name));
        let manifest = lines(&self.tags);
        self.write_tag("tagmanifest-sha256.txt", &manifest)
    }

    /// Puts the bag in its place, whole.
    pub(super) fn publish(self, out: &Path, form: Form) -> Result<(), ExportError> {
        match form {
            Form::Folder => {
                // Renamed away, there is nothing left to remove; if that fails, the folder goes with this bag.
                let moved = fs::rename(self.folder.path(), out).and_then(|()| disk::sync_folder_of(&absolute(out)?));
                Ok(moved.map_err(failed(out))?)
            }
            Form::Zip => self.publish_zip(out),
        }
    }

    fn publish_zip(&self, out: &Path) -> Result<(), ExportError> {
        let parent = self.folder.path().parent().unwrap_or(Path::new("."));
        let temporary = NamedTempFile::new_in(parent).map_err(failed(out))?;
        let top = out.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        self.write_zip(temporary.as_file(), &top)
            .map_err(|reason| ExportError::Zip { path: out.display().to_string(), reason: reason.to_string() })?;
        temporary.as_file().sync_all().map_err(failed(out))?;
        temporary.persist_noclobber(out).map_err(|error| failed(out)(error.error))?;
        let synced = absolute(out).and_then(|path| disk::sync_folder_of(&path));
        Ok(synced.map_err(failed(out))?)
    }

    fn write_zip(&self, file: &File, top: &str) -> zip::result::ZipResult<()> {
        let mut zip = ZipWriter::new(file);
        for file in self.files() {
            // Attachments are compressed already.
            let is_packed = file.name.starts_with("data/attachments/");
            let method = if is_packed { CompressionMethod::Stored } else { CompressionMethod::Deflated };
            let options = SimpleFileOptions::default()
                .compression_method(method)
                .large_file(file.bytes >= ZIP_LARGE_BYTES)
                .unix_permissions(0o600);
            zip.start_file(format!("{top}/{}", file.name), options)?;
            io::copy(&mut File::open(self.folder.path().join(&file.name))?, &mut zip)?;
        }
        zip.finish().map(|_| ())
    }
}

fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}

fn lines(files: &[BagFile]) -> String {
    files.iter().fold(String::new(), |mut text, file| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {}", file.sha256, file.name);
        text
    })
}
