//! Blobs: attachments in segments, so that gigabytes pass through 64 KiB of memory.
//!
//! Each segment is authenticated with its number and whether it is the last: none can be dropped, moved or cut off. The
//! last segment is empty only in an empty blob, so a plaintext has one division.

use super::body::TAG_BYTES;
use crate::entropy::{EntropyError, random};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Read, Write};
use thiserror::Error;
use zegel_proto::limits::BLOB_BYTES_MAX;
use zegel_verifier::hash::Hash;
use zeroize::Zeroizing;

/// Bytes of plaintext in a segment.
const SEGMENT_BYTES: usize = 64 * 1024;
const SEALED_BYTES: usize = SEGMENT_BYTES + TAG_BYTES;
/// Bytes that a plaintext may have: those of which the ciphertext, 16 bytes longer a segment, has no more than a ledger takes.
pub const BLOB_PLAINTEXT_BYTES_MAX: u64 = {
    let (whole, rest) = (BLOB_BYTES_MAX / SEALED_BYTES as u64, BLOB_BYTES_MAX % SEALED_BYTES as u64);
    whole * SEGMENT_BYTES as u64 + rest.saturating_sub(TAG_BYTES as u64)
};

/// Why a blob cannot be encrypted or decrypted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlobError {
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// Reading or writing failed.
    #[error("a blob could not be read or written: {reason}")]
    Io {
        /// Kind of failure.
        kind: io::ErrorKind,
        /// In words.
        reason: String,
    },
    /// More than a ledger takes.
    #[error("the attachment has more than {max} bytes")]
    TooLarge {
        /// The maximum.
        max: u64,
    },
    /// A segment that does not open: changed, moved or cut.
    #[error("segment {segment} of the blob does not open: it was changed, moved or cut off")]
    Segment {
        /// Its number, from 0.
        segment: u64,
    },
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        Self::Io { kind: error.kind(), reason: error.to_string() }
    }
}

/// What is known of a blob once it has passed: enough to name it in an event.
#[derive(Clone, PartialEq, Eq)]
pub struct BlobSummary {
    /// SHA-256 of the ciphertext: its name in the header and at the ledger.
    pub ciphertext_sha256: Hash,
    /// Bytes of the ciphertext.
    pub ciphertext_bytes: u64,
    /// SHA-256 of the plaintext.
    pub plaintext_sha256: Hash,
    /// Bytes of the plaintext.
    pub plaintext_bytes: u64,
    /// Its key.
    pub key: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for BlobSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BlobSummary").field("ciphertext_sha256", &self.ciphertext_sha256).finish()
    }
}

/// Digests and lengths of both sides, and the cipher between them.
struct Passage {
    key: Zeroizing<[u8; 32]>,
    cipher: XChaCha20Poly1305,
    segment: u64,
    plaintext: (Sha256, u64),
    ciphertext: (Sha256, u64),
}

impl Passage {
    fn new(key: Zeroizing<[u8; 32]>) -> Self {
        let cipher = XChaCha20Poly1305::new((&*key).into());
        Self { key, cipher, segment: 0, plaintext: (Sha256::new(), 0), ciphertext: (Sha256::new(), 0) }
    }

    fn nonce(&self, place: Place) -> XNonce {
        let mut nonce = [0; 24];
        nonce[15..23].copy_from_slice(&self.segment.to_be_bytes());
        nonce[23] = place as u8;
        nonce.into()
    }

    fn count(&mut self, plaintext: &[u8], ciphertext: &[u8]) {
        self.plaintext.0.update(plaintext);
        self.plaintext.1 += plaintext.len() as u64;
        self.ciphertext.0.update(ciphertext);
        self.ciphertext.1 += ciphertext.len() as u64;
        self.segment += 1;
    }

    fn summary(self) -> BlobSummary {
        BlobSummary {
            ciphertext_sha256: Hash(self.ciphertext.0.finalize().into()),
            ciphertext_bytes: self.ciphertext.1,
            plaintext_sha256: Hash(self.plaintext.0.finalize().into()),
            plaintext_bytes: self.plaintext.1,
            key: self.key,
        }
    }
}

/// Where a segment stands; the number is the last byte of its nonce.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Place {
    Inner = 0,
    Last = 1,
}

/// Encrypts all of `plaintext` under a new key.
///
/// # Errors
/// [`BlobError`]; [`BlobError::TooLarge`] above 4 GiB of ciphertext, that is [`BLOB_PLAINTEXT_BYTES_MAX`] of plaintext.
pub fn encrypt_blob(plaintext: &mut impl Read, ciphertext: &mut impl Write) -> Result<BlobSummary, BlobError> {
    let mut passage = Passage::new(Zeroizing::new(random()?));
    let mut current = read_segment(plaintext)?;
    loop {
        // Read ahead: only then is it known which segment is the last.
        let next = read_segment(plaintext)?;
        let place = if next.is_empty() { Place::Last } else { Place::Inner };
        let mut sealed = current.to_vec();
        let refused = |_| BlobError::Segment { segment: passage.segment };
        passage.cipher.encrypt_in_place(&passage.nonce(place), &[], &mut sealed).map_err(refused)?;
        ciphertext.write_all(&sealed)?;
        passage.count(&current, &sealed);
        if passage.ciphertext.1 > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { max: BLOB_BYTES_MAX });
        }
        if next.is_empty() {
            return Ok(passage.summary());
        }
        current = next;
    }
}

fn read_segment(plaintext: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, BlobError> {
    let mut segment = Zeroizing::new(Vec::with_capacity(SEGMENT_BYTES));
    plaintext.take(SEGMENT_BYTES as u64).read_to_end(&mut segment)?;
    Ok(segment)
}

/// Decrypts a blob that comes in pieces. What was written before an error is not to be used.
pub struct BlobDecryptor<W: Write> {
    passage: Passage,
    held: Vec<u8>,
    plaintext: W,
}

impl<W: Write> BlobDecryptor<W> {
    /// Begins with the key of the attachment.
    pub fn new(key: Zeroizing<[u8; 32]>, plaintext: W) -> Self {
        Self { passage: Passage::new(key), held: Vec::new(), plaintext }
    }

    /// Takes the next piece of ciphertext, of any size.
    ///
    /// # Errors
    /// [`BlobError::Segment`] or [`BlobError::Io`].
    pub fn push(&mut self, piece: &[u8]) -> Result<(), BlobError> {
        self.held.extend(piece);
        while self.held.len() > SEALED_BYTES {
            let rest = self.held.split_off(SEALED_BYTES);
            let segment = std::mem::replace(&mut self.held, rest);
            self.open_segment(segment, Place::Inner)?;
        }
        Ok(())
    }

    /// Opens the last segment.
    ///
    /// # Errors
    /// [`BlobError::Segment`], also if the blob was cut, or [`BlobError::Io`].
    pub fn finish(mut self) -> Result<(BlobSummary, W), BlobError> {
        let last = std::mem::take(&mut self.held);
        if self.passage.segment > 0 && last.len() <= TAG_BYTES {
            // An empty last segment after others would be a second division of the same plaintext.
            return Err(BlobError::Segment { segment: self.passage.segment });
        }
        self.open_segment(last, Place::Last)?;
        self.plaintext.flush()?;
        Ok((self.passage.summary(), self.plaintext))
    }

    fn open_segment(&mut self, sealed: Vec<u8>, place: Place) -> Result<(), BlobError> {
        let passage = &mut self.passage;
        let mut plain = Zeroizing::new(sealed.clone());
        let refused = |_| BlobError::Segment { segment: passage.segment };
        passage.cipher.decrypt_in_place(&passage.nonce(place), &[], &mut *plain).map_err(refused)?;
        self.plaintext.write_all(&plain)?;
        passage.count(&plain, &sealed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_plaintext_is_the_last_whose_ciphertext_a_ledger_takes() {
        let sealed = |bytes: u64| bytes + bytes.div_ceil(SEGMENT_BYTES as u64).max(1) * TAG_BYTES as u64;
        for bytes in [0, 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES] {
            let made = encrypt_blob(&mut vec![7; bytes].as_slice(), &mut io::sink()).expect("encrypted");
            assert_eq!(made.ciphertext_bytes, sealed(bytes as u64));
        }
        assert_eq!(sealed(BLOB_PLAINTEXT_BYTES_MAX), BLOB_BYTES_MAX);
        assert!(sealed(BLOB_PLAINTEXT_BYTES_MAX + 1) > BLOB_BYTES_MAX);
    }
}
