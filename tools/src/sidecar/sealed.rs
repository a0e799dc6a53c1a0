//! Files that grow by records, each sealed under the key of the spool: the journal and what is uploaded.
//!
//! A record is `u32 length ‖ nonce ‖ ciphertext`; it is bound to its file's name and its offset, so none can be moved.
//! The crash story: a record that was not synced may be cut or garbled, and only such a one is at the end; opening a file
//! cuts it off. Nobody was told that it is there.

use crate::disk::{DiskError, failed};
use crate::entropy::random;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
/// A piece of an attachment and its frame; requests are smaller.
const RECORD_BYTES_MAX: u32 = 5 * 1024 * 1024;

/// The key under which a spool is sealed: derived from the secret of the source, never written.
#[derive(Clone)]
pub(super) struct SpoolKey(XChaCha20Poly1305);

impl SpoolKey {
    pub(super) fn derive(secret: &[u8; 32]) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        // 32 bytes are a length that HKDF always gives.
        let _ = Hkdf::<Sha256>::new(None, secret).expand(b"zegel spool v1", &mut *key);
        Self(XChaCha20Poly1305::new((&*key).into()))
    }

    fn seal(&self, place: &[u8], plain: &[u8]) -> io::Result<Vec<u8>> {
        let nonce = random::<NONCE_BYTES>().map_err(io::Error::other)?;
        let payload = Payload { msg: plain, aad: place };
        let sealed = self.0.encrypt(&nonce.into(), payload).map_err(|_| io::Error::other("too long to be sealed"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        self.0.decrypt(&nonce.into(), Payload { msg: ciphertext, aad: place }).ok()
    }
}

fn place(path: &Path, offset: u64) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    [name, b"\n", &offset.to_be_bytes()].concat()
}

/// A file that is appended to.
pub(super) struct SealedFile {
    path: PathBuf,
    file: File,
    key: SpoolKey,
    length: u64,
}

impl SealedFile {
    /// Opens or makes a file, and cuts off a record that was never finished.
    pub(super) fn open(path: &Path, key: &SpoolKey) -> Result<Self, DiskError> {
        let open = || {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
            let mut reader = SealedReader::new(path, key, file.try_clone()?)?;
            while reader.next()?.is_some() {}
            let length = reader.offset;
            if file.metadata()?.len() != length {
                file.set_len(length)?;
                file.sync_all()?;
            }
            crate::disk::sync_folder_of(path)?;
            Ok(Self { path: path.into(), file, key: key.clone(), length })
        };
        open().map_err(failed(path))
    }

    /// Appends records: durable, all of them, or none is there.
    pub(super) fn append<'a>(&mut self, records: impl Iterator<Item = &'a [u8]>) -> Result<(), DiskError> {
        let mut bytes = Vec::new();
        for record in records {
            let at = place(&self.path, self.length + bytes.len() as u64);
            let sealed = self.key.seal(&at, record).map_err(failed(&self.path))?;
            bytes.extend((sealed.len() as u32).to_be_bytes());
            bytes.extend(sealed);
        }
        let written = self.write(&bytes);
        if written.is_err() {
            // What was written in part is cut off now, or when the file is opened again.
            let _ = self.file.set_len(self.length);
        }
        written.map_err(failed(&self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

/// Reads the records of a file, in order.
pub(super) struct SealedReader {
    path: PathBuf,
    file: BufReader<File>,
    key: SpoolKey,
    offset: u64,
    /// What [`Read`] has not given yet.
    rest: io::Cursor<Vec<u8>>,
}

impl SealedReader {
    /// Opens a file that is there.
    pub(super) fn open(path: &Path, key: &SpoolKey) -> Result<Self, DiskError> {
        File::open(path).and_then(|file| Self::new(path, key, file)).map_err(failed(path))
    }

    fn new(path: &Path, key: &SpoolKey, mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let rest = io::Cursor::default();
        Ok(Self { path: path.into(), file: BufReader::new(file), key: key.clone(), offset: 0, rest })
    }

    /// Bytes of the records that were read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record; `None` at the end, or where a record was never finished. Asked again, it looks again.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        // What was read ahead can have been cut off by a full disk, and written anew since: so it is looked at twice.
        for _ in 0..2 {
            if let Some(record) = self.record()? {
                return Ok(Some(record));
            }
            self.file.seek(SeekFrom::Start(self.offset))?;
        }
        Ok(None)
    }

    fn record(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        if !filled(&mut self.file, &mut length)? {
            return Ok(None);
        }
        let length = u32::from_be_bytes(length);
        if length > RECORD_BYTES_MAX {
            return Ok(None);
        }
        let mut sealed = vec![0; length as usize];
        if !filled(&mut self.file, &mut sealed)? {
            return Ok(None);
        }
        let opened = self.key.open(&place(&self.path, self.offset), &sealed);
        if opened.is_some() {
            self.offset += u64::from(length) + 4;
        }
        Ok(opened)
    }
}

/// Whether there was enough to fill it.
fn filled(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The records one behind the other.
impl Read for SealedReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.rest.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            match self.next()? {
                Some(record) => self.rest = io::Cursor::new(record),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(path: &Path, key: &SpoolKey) -> Vec<Vec<u8>> {
        let mut reader = SealedReader::open(path, key).expect("opened");
        std::iter::from_fn(|| reader.next().expect("read")).collect()
    }

    #[test]
    fn a_record_that_was_never_finished_is_cut_off_and_the_others_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, key) = (folder.path().join("a"), SpoolKey::derive(&[7; 32]));
        let mut file = SealedFile::open(&path, &key).expect("made");
        file.append([&b"one"[..], b"two"].into_iter()).expect("appended");
        let whole = std::fs::read(&path).expect("read");
        assert!(!whole.windows(3).any(|bytes| bytes == b"one"), "sealed");
        file.append([&b"three"[..]].into_iter()).expect("appended");
        let longer = std::fs::read(&path).expect("read");
        for cut in whole.len()..longer.len() {
            std::fs::write(&path, &longer[..cut]).expect("cut");
            let mut file = SealedFile::open(&path, &key).expect("opened");
            assert_eq!(records(&path, &key), [b"one", b"two"], "{cut} bytes");
            file.append([&b"four"[..]].into_iter()).expect("appended");
            assert_eq!(records(&path, &key).len(), 3);
        }
    }

    #[test]
    fn a_record_opens_in_its_own_place_and_under_its_own_key_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, key) = (folder.path().join("a"), SpoolKey::derive(&[7; 32]));
        SealedFile::open(&path, &key).and_then(|mut file| file.append([&b"one"[..]].into_iter())).expect("appended");
        assert_eq!(records(&path, &SpoolKey::derive(&[8; 32])), Vec::<Vec<u8>>::new());
        let other = folder.path().join("b");
        std::fs::copy(&path, &other).expect("copied");
        assert_eq!(records(&other, &key), Vec::<Vec<u8>>::new());
    }
}
