//! The files of a package and their sums.

use super::DisclosureError;
use crate::disk;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;
use zegel_verifier::hash::{Hash, sha256};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Files of the package, with the list of their sums.
pub(crate) struct Files<'a> {
    folder: &'a Path,
    sums: Vec<(String, Hash)>,
}

impl<'a> Files<'a> {
    /// Files of a package that is made in a folder.
    pub(super) fn new(folder: &'a Path) -> Self {
        Self { folder, sums: Vec::new() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.sums.len()
    }

    /// Makes a folder in the package.
    pub(crate) fn folder(&self, name: &str) -> Result<(), DisclosureError> {
        Ok(fs::create_dir_all(self.folder.join(name))?)
    }

    /// Size and SHA-256 of a file that was written.
    pub(crate) fn facts(&self, name: &str) -> Result<(u64, Hash), DisclosureError> {
        let sum = self.sums.iter().rev().find(|(of, _)| of == name).map_or(Hash::ZERO, |(_, sum)| *sum);
        Ok((fs::metadata(self.folder.join(name))?.len(), sum))
    }

    /// Writes a file, as a whole or not at all.
    pub(crate) fn write(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<(), DisclosureError>,
    ) -> Result<(), DisclosureError> {
        let path = self.folder.join(name);
        let mut out = BufWriter::new(File::create_new(&path)?);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        self.sum(name)
    }

    fn sum(&mut self, name: &str) -> Result<(), DisclosureError> {
        use sha2::Digest;
        let mut hasher = sha2::Sha256::new();
        let mut file = File::open(self.folder.join(name))?;
        let mut block = vec![0; 65_536];
        loop {
            match file.read(&mut block)? {
                0 => break,
                read => hasher.update(&block[..read]),
            }
        }
        self.sums.push((name.to_owned(), Hash(hasher.finalize().into())));
        Ok(())
    }

    /// Copies the bundle, which has been verified: a folder two levels deep, or one file.
    pub(crate) fn copy(&mut self, from: &Path, name: &str) -> Result<(), DisclosureError> {
        if from.is_dir() {
            fs::create_dir(self.folder.join(name))?;
            let mut items = fs::read_dir(from)?.collect::<io::Result<Vec<_>>>()?;
            items.sort_by_key(fs::DirEntry::file_name);
            for item in items {
                self.copy(&item.path(), &format!("{name}/{}", item.file_name().to_string_lossy()))?;
            }
            return Ok(());
        }
        // A bundle that is one file keeps its ending.
        let name = if name.contains('/') { name.to_owned() } else { format!("{name}.zip") };
        let name = name.as_str();
        fs::copy(from, self.folder.join(name))?;
        self.sum(name)
    }

    /// Writes the list of sums, in the form that `sha256sum --check` reads; gives its own.
    pub(super) fn finish(mut self) -> Result<Hash, DisclosureError> {
        self.sums.sort();
        let list: String = self.sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
        let path = self.folder.join("SHA256SUMS");
        disk::write_new(&path, list.as_bytes(), disk::Readers::Everyone)?;
        Ok(sha256(&[list.as_bytes()]))
    }
}

/// Zips a folder two levels deep, or copies a file: the same content gives the same bytes.
pub(crate) fn zip_bundle(from: &Path, out: &mut (impl Write + Seek)) -> Result<(), DisclosureError> {
    if !from.is_dir() {
        io::copy(&mut File::open(from)?, out)?;
        return Ok(());
    }
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(out);
    let mut names = Vec::new();
    list(from, "bewijspakket", &mut names)?;
    names.sort();
    for (name, path) in names {
        zip.start_file(name, options).map_err(io::Error::other)?;
        io::copy(&mut File::open(path)?, &mut zip)?;
    }
    zip.finish().map_err(io::Error::other)?;
    Ok(())
}

fn list(folder: &Path, below: &str, names: &mut Vec<(String, std::path::PathBuf)>) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let item = item?;
        let name = format!("{below}/{}", item.file_name().to_string_lossy());
        if item.file_type()?.is_dir() {
            list(&item.path(), &name, names)?;
        } else {
            names.push((name, item.path()));
        }
    }
    Ok(())
}
