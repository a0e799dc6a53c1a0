//! Pictures of a bundle as data in the page, small ones only, and each held against its name once more.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashSet;
use std::io::Read;
use zegel_verifier::bundle::BundleSource;
use zegel_verifier::hash::{Hash, sha256};

/// Bytes of one picture.
const PICTURE_BYTES_MAX: u64 = 384 * 1024;
/// Bytes of all pictures of a page.
const PICTURES_BYTES_MAX: u64 = 24 << 20;

/// Attachments of one bundle, read beside the verification.
pub(super) struct Media {
    source: Box<dyn BundleSource>,
    files: HashSet<String>,
    left: u64,
}

impl Media {
    /// Of a bundle that is verified.
    pub(super) fn new(mut source: Box<dyn BundleSource>) -> Self {
        let files = source.files().unwrap_or_default();
        let small = files.into_iter().filter(|file| file.bytes <= PICTURE_BYTES_MAX);
        let files = small.map(|file| file.path).filter(|path| path.starts_with("data/attachments/")).collect();
        Self { source, files, left: PICTURES_BYTES_MAX }
    }

    /// A picture as a `data:` address; `None` if it is none, is not there, is too big, or the page has enough.
    pub(super) fn picture(&mut self, wanted: Hash) -> Option<String> {
        let path = format!("data/attachments/{wanted}");
        if self.left == 0 || !self.files.contains(&path) {
            return None;
        }
        let mut bytes = Vec::new();
        self.source.open(&path).ok()?.take(PICTURE_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
        let kind = kind_of(&bytes).filter(|_| sha256(&[&bytes]) == wanted)?;
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Some(format!("data:{kind};base64,{}", STANDARD.encode(&bytes)))
    }
}

/// By its first bytes, never by its name: only what a browser draws and cannot run.
fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}
