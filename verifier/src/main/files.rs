//! Files that are read beside bundles, and those that are written.
#![allow(clippy::disallowed_methods, reason = "with `bundle_file`, the only place of the verifier that opens files")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use zegel_verifier::mirror::{FILE_BYTES_MAX, Folder as MirroredFolder};

/// Reads at most `max` bytes of a file.
pub(crate) fn read_at_most(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The folder of a mirror; nothing of it is written.
pub(crate) struct MirrorFolder {
    root: PathBuf,
}

impl MirrorFolder {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl MirroredFolder for MirrorFolder {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = open_if_there(&self.root.join(path))? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        match fs::read_dir(self.root.join(path)) {
            Ok(entries) => entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(reason) => Err(reason),
        }
    }
}

/// Opens a file; `None` if it is not there.
pub(crate) fn open_if_there(path: &Path) -> io::Result<Option<BufReader<File>>> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::new(file))),
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(reason),
    }
}

/// Puts a file there, whole or not at all.
pub(crate) fn replace<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".next");
    let next = path.with_file_name(name);
    let mut out = BufWriter::new(File::create(&next)?);
    write(&mut out)?;
    out.into_inner().map_err(io::Error::from)?.sync_all()?;
    Ok(fs::rename(&next, path)?)
}

/// Writes a file that was not there.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
