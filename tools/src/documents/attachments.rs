//! Files of a bundle that has been verified, one by one.

use super::{ReadingError, bundle_file};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use zegel_verifier::bundle::BundleSource;
use zegel_verifier::hash::sha256;

/// The attachments of one bundle.
pub struct Attachments {
    source: Option<Box<dyn BundleSource>>,
    sizes: HashMap<String, u64>,
}

impl Attachments {
    /// Of a bundle: a BagIt folder, or a .zip file of one.
    ///
    /// # Errors
    /// [`ReadingError::Refused`] if it cannot be opened.
    pub fn of(bundle: &Path) -> Result<Self, ReadingError> {
        let refused = |refusal| ReadingError::Refused(Box::new(refusal));
        let mut source = bundle_file::open(bundle).map_err(refused)?;
        let files = source.files().map_err(refused)?;
        let named = files
            .into_iter()
            .filter_map(|file| Some((file.path.strip_prefix("data/attachments/")?.to_owned(), file.bytes)));
        Ok(Self { sizes: named.collect(), source: Some(source) })
    }

    /// No files at all.
    #[must_use]
    pub fn none() -> Self {
        Self { source: None, sizes: HashMap::new() }
    }

    /// A file by its SHA-256 in hexadecimal, if it is there, is not larger, and is what its name says.
    pub fn read(&mut self, wanted: &str, bytes_max: u64) -> Option<Vec<u8>> {
        self.sizes.get(wanted).filter(|size| **size <= bytes_max)?;
        let mut bytes = Vec::new();
        let file = self.source.as_mut()?.open(&format!("data/attachments/{wanted}")).ok()?;
        file.take(bytes_max).read_to_end(&mut bytes).ok()?;
        (sha256(&[&bytes]).to_string() == wanted).then_some(bytes)
    }
}
