//! Files that grow by records, each sealed under the key of the spool: the journal and what is uploaded.
//!
//! A record is `u32 length ‖ nonce ‖ ciphertext`; it is bound to its file's name and its offset, so none can be moved. A mark is
//! a sealed record with the first bit of its length set: all before it is synced, so many records. It is written behind
//! each sync, and not synced itself.
//!
//! The crash story, by where we stop:
//! - before the sync: what was written is whole, or cut, or garbled. No mark stands behind it; opening the file keeps what is
//!   whole, syncs and marks it, and cuts off the rest. Nobody was told that it is there;
//! - between the sync and the mark, or before the mark is on the disk: the same, and all is whole. Only a record that is damaged
//!   as well in this time is taken for one that was never finished; who handed it over has it until it is in the log;
//! - behind the mark: what does not open before it is damage, never a torn tail. It stays where it is, is named by file and
//!   offset, and the records behind it are found again and read. The mark says how many are lost.

use crate::disk::{DiskError, failed};
use crate::entropy::random;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// A piece of an attachment and its frame; requests are smaller.
const RECORD_BYTES_MAX: u32 = 5 * 1024 * 1024;
/// The header of a mark: its bit, and the length of a sealed count.
const MARK: u32 = (1 << 31) | (NONCE_BYTES + 8 + TAG_BYTES) as u32;
/// What is looked through at once behind damage.
const WINDOW_BYTES: usize = 64 * 1024;

/// What a sealed record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    Record,
    Mark,
}

impl Frame {
    /// What a header says, and how many bytes follow it; `None` where it is none.
    fn of(header: u32) -> Option<(Self, u32)> {
        match header {
            MARK => Some((Self::Mark, MARK & !(1 << 31))),
            length if length <= RECORD_BYTES_MAX && length as usize >= NONCE_BYTES + TAG_BYTES => {
                Some((Self::Record, length))
            }
            _ => None,
        }
    }

    /// To what it is bound.
    fn place(self, path: &Path, offset: u64) -> Vec<u8> {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let kind: &[u8] = if self == Self::Mark { b"\nsynced" } else { b"" };
        [name, b"\n", &offset.to_be_bytes(), kind].concat()
    }
}

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

/// Bytes of a file that were synced, and do not open any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) path: PathBuf,
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, offset, bytes } = self;
        write!(to, "{}: {bytes} bytes at offset {offset} were written and synced, and do not open now", path.display())
    }
}

/// A file that is appended to.
pub(super) struct SealedFile {
    path: PathBuf,
    file: File,
    key: SpoolKey,
    length: u64,
    /// That were ever synced, those that are damaged now as well.
    records: u64,
    /// All before `length` is under a mark.
    is_marked: bool,
    damaged: Vec<Damage>,
}

impl SealedFile {
    /// Opens or makes a file, and cuts off a record that was never finished. What was synced stays, damaged or not.
    pub(super) fn open(path: &Path, key: &SpoolKey) -> Result<Self, DiskError> {
        let open = || {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
            let mut reader = SealedReader::new(path, key, file.try_clone()?)?;
            while reader.next()?.is_some() {}
            let SealedReader { offset: length, records, is_marked, damaged, .. } = reader;
            let is_torn = file.metadata()?.len() != length;
            let (path, key) = (path.to_owned(), key.clone());
            let mut opened = Self { path, file, key, length, records, is_marked, damaged };
            if is_torn {
                opened.file.set_len(length)?;
            }
            if is_torn || !is_marked {
                // It may have been read from memory only: a mark is never said of what is not on the disk.
                opened.file.sync_all()?;
                opened.mark();
            }
            crate::disk::sync_folder_of(&opened.path)?;
            Ok(opened)
        };
        open().map_err(failed(path))
    }

    /// Appends records: durable, all of them, or none is there.
    pub(super) fn append<'a>(&mut self, records: impl Iterator<Item = &'a [u8]>) -> Result<(), DiskError> {
        self.try_append(records).map_err(failed(&self.path))?;
        self.mark();
        Ok(())
    }

    fn try_append<'a>(&mut self, records: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
        let (mut bytes, mut count) = (Vec::new(), 0);
        if !self.is_marked {
            bytes = self.sealed(Frame::Mark, self.length, &self.records.to_be_bytes())?;
        }
        for record in records {
            bytes.extend(self.sealed(Frame::Record, self.length + bytes.len() as u64, record)?);
            count += 1;
        }
        let written = self.write(&bytes).and_then(|()| self.file.sync_data());
        if written.is_err() {
            // What was written in part is cut off now, or when the file is opened again.
            let _ = self.file.set_len(self.length);
        }
        written?;
        self.length += bytes.len() as u64;
        self.records += count;
        self.is_marked = false;
        Ok(())
    }

    /// Says that all that is there is synced. No sync of its own: one that is lost is said before the next records.
    fn mark(&mut self) {
        if self.records == 0 || self.is_marked {
            return;
        }
        let mark = self.sealed(Frame::Mark, self.length, &self.records.to_be_bytes());
        match mark.and_then(|mark| self.write(&mark).map(|()| mark.len() as u64)) {
            Ok(written) => (self.length, self.is_marked) = (self.length + written, true),
            Err(_) => _ = self.file.set_len(self.length),
        }
    }

    fn sealed(&self, frame: Frame, offset: u64, plain: &[u8]) -> io::Result<Vec<u8>> {
        let sealed = self.key.seal(&frame.place(&self.path, offset), plain)?;
        let header = if frame == Frame::Mark { MARK } else { sealed.len() as u32 };
        Ok([&header.to_be_bytes()[..], &sealed].concat())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(bytes)
    }

    /// Bytes of the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// What was synced before it was opened, and does not open.
    pub(super) fn damaged(&self) -> &[Damage] {
        &self.damaged
    }
}

/// Reads the records of a file, in order.
pub(super) struct SealedReader {
    path: PathBuf,
    file: BufReader<File>,
    key: SpoolKey,
    offset: u64,
    records: u64,
    is_marked: bool,
    damaged: Vec<Damage>,
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
        let (path, file, key) = (path.into(), BufReader::new(file), key.clone());
        let (damaged, rest) = (Vec::new(), io::Cursor::default());
        // Of an empty file there is nothing to be said.
        Ok(Self { path, file, key, offset: 0, records: 0, is_marked: true, damaged, rest })
    }

    /// Bytes that were read, and those that are damaged between them.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Records that were read, and those that are lost before the last mark.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// What was synced, and does not open: so far.
    pub(super) fn damaged(&self) -> &[Damage] {
        &self.damaged
    }

    /// The next record that opens; `None` at the end, or where a record was never finished. Asked again, it looks again.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(record) = self.readable()? {
                return Ok(Some(record));
            }
            // Looked for before the record is looked at anew: what stands before a mark was whole when the mark was written.
            let mark = self.mark_behind()?;
            // What was read ahead can have been cut off by a full disk, and written anew since: so it is looked at twice.
            self.file.seek(SeekFrom::Start(self.offset))?;
            if let Some(record) = self.readable()? {
                return Ok(Some(record));
            }
            match mark.filter(|mark| *mark >= self.offset) {
                Some(mark) => self.skip_damage(mark)?,
                None => return Ok(None),
            }
        }
    }

    /// The next record, if it opens; marks before it are passed.
    fn readable(&mut self) -> io::Result<Option<Vec<u8>>> {
        while let Some((frame, plain)) = self.frame()? {
            self.is_marked = frame == Frame::Mark;
            if frame == Frame::Record {
                self.records += 1;
                return Ok(Some(plain));
            }
            self.records = plain.try_into().map_or(self.records, u64::from_be_bytes);
        }
        Ok(None)
    }

    fn frame(&mut self) -> io::Result<Option<(Frame, Vec<u8>)>> {
        let mut header = [0; 4];
        if !filled(&mut self.file, &mut header)? {
            return Ok(None);
        }
        let Some((frame, length)) = Frame::of(u32::from_be_bytes(header)) else { return Ok(None) };
        let mut sealed = vec![0; length as usize];
        if !filled(&mut self.file, &mut sealed)? {
            return Ok(None);
        }
        let opened = self.key.open(&frame.place(&self.path, self.offset), &sealed);
        if opened.is_some() {
            self.offset += u64::from(length) + 4;
        }
        Ok(opened.map(|plain| (frame, plain)))
    }

    /// Where the first mark behind this place stands.
    fn mark_behind(&self) -> io::Result<Option<u64>> {
        let length = self.file.get_ref().metadata()?.len();
        self.first(Frame::Mark, self.offset, length)
    }

    /// Goes on with what opens next: a record before this mark, or the mark.
    fn skip_damage(&mut self, mark: u64) -> io::Result<()> {
        let next = self.first(Frame::Record, self.offset, mark)?.unwrap_or(mark);
        let (path, offset, bytes) = (self.path.clone(), self.offset, next - self.offset);
        self.damaged.push(Damage { path, offset, bytes });
        self.offset = next;
        self.file.seek(SeekFrom::Start(next)).map(|_| ())
    }

    /// Where the first frame of this kind begins that lies in these bytes and opens.
    fn first(&self, wanted: Frame, from: u64, end: u64) -> io::Result<Option<u64>> {
        let mut from = from;
        let mut window = vec![0; WINDOW_BYTES];
        while from + 4 < end {
            let taken = window.len().min((end - from) as usize);
            if !is_read(self.file.get_ref(), &mut window[..taken], from)? {
                return Ok(None);
            }
            for (at, header) in window[..taken].windows(4).enumerate() {
                let found = header.try_into().ok().and_then(|header| Frame::of(u32::from_be_bytes(header)));
                let found = found.filter(|(frame, _)| *frame == wanted);
                let at = from + at as u64;
                if let Some((frame, length)) = found.filter(|(_, length)| at + 4 + u64::from(*length) <= end)
                    && self.is_opened(frame, at, length, end)?
                {
                    return Ok(Some(at));
                }
            }
            from += taken as u64 - 3;
        }
        Ok(None)
    }

    /// Whether it opens. Most that looks like a header is none: a long one is read only if it ends where another begins, so that looking
    /// through megabytes of damage takes no minutes.
    fn is_opened(&self, frame: Frame, at: u64, length: u32, end: u64) -> io::Result<bool> {
        let (next, mut header) = (at + 4 + u64::from(length), [0; 4]);
        if next < end && length as usize > WINDOW_BYTES {
            let is_there = is_read(self.file.get_ref(), &mut header, next)?;
            if !is_there || Frame::of(u32::from_be_bytes(header)).is_none() {
                return Ok(false);
            }
        }
        let mut sealed = vec![0; length as usize];
        let is_there = is_read(self.file.get_ref(), &mut sealed, at + 4)?;
        Ok(is_there && self.key.open(&frame.place(&self.path, at), &sealed).is_some())
    }
}

/// Whether there was enough to fill it.
fn filled(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    is_whole(from.read_exact(bytes))
}

fn is_read(from: &File, bytes: &mut [u8], at: u64) -> io::Result<bool> {
    is_whole(from.read_exact_at(bytes, at))
}

fn is_whole(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The records one behind the other; nothing from damage on, which fails as [`io::ErrorKind::InvalidData`].
impl Read for SealedReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.rest.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let next = self.next()?;
            if let Some(damage) = self.damaged.first() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, damage.to_string()));
            }
            match next {
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

    const MARK_BYTES: usize = 4 + (MARK & 0xFF) as usize;

    fn made(path: &Path, key: &SpoolKey, groups: &[&[&[u8]]]) {
        let mut file = SealedFile::open(path, key).expect("opened");
        groups.iter().for_each(|group| file.append(group.iter().copied()).expect("appended"));
    }

    #[test]
    fn a_record_that_was_never_finished_is_cut_off_and_the_others_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, key) = (folder.path().join("a"), SpoolKey::derive(&[7; 32]));
        made(&path, &key, &[&[b"one", b"two"]]);
        let whole = std::fs::read(&path).expect("read");
        assert!(!whole.windows(3).any(|bytes| bytes == b"one"), "sealed");
        made(&path, &key, &[&[b"three"]]);
        let longer = std::fs::read(&path).expect("read");
        for cut in whole.len()..longer.len() {
            std::fs::write(&path, &longer[..cut]).expect("cut");
            let mut file = SealedFile::open(&path, &key).expect("opened");
            // Without the mark it is whole, too: it is synced now, and said to be.
            let found = if cut < longer.len() - MARK_BYTES { 2 } else { 3 };
            assert_eq!((records(&path, &key).len(), file.damaged()), (found, &[][..]), "{cut} bytes");
            assert_eq!(file.length(), std::fs::metadata(&path).expect("there").len());
            file.append([&b"four"[..]].into_iter()).expect("appended");
            assert_eq!(records(&path, &key).len(), found + 1);
        }
    }

    /// Bit rot anywhere in what was synced: at most one record is gone, it is named, and nothing is cut off.
    #[test]
    fn damage_in_what_was_synced_is_named_and_loses_no_other_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, key) = (folder.path().join("a"), SpoolKey::derive(&[7; 32]));
        made(&path, &key, &[&[b"one", b"two"], &[b"three"], &[b"four", b"five"]]);
        let whole = std::fs::read(&path).expect("read");
        let all = records(&path, &key);
        for at in 0..whole.len() - MARK_BYTES {
            let mut rotten = whole.clone();
            rotten[at] ^= 0x81;
            std::fs::write(&path, &rotten).expect("rotten");
            let mut file = SealedFile::open(&path, &key).expect("opened");
            assert_eq!(std::fs::read(&path).expect("read"), rotten, "nothing is cut off");
            let [damage] = file.damaged() else { panic!("byte {at}: {:?}", file.damaged()) };
            assert!((damage.offset..damage.offset + damage.bytes).contains(&(at as u64)), "byte {at}: {damage}");
            let found = records(&path, &key);
            let lost = all.iter().filter(|record| !found.contains(record)).count();
            assert!(lost <= 1 && found.len() + lost == all.len(), "byte {at}: {found:?}");
            file.append([&b"six"[..]].into_iter()).expect("appended");
            let mut reader = SealedReader::open(&path, &key).expect("opened");
            while reader.next().expect("read").is_some() {}
            // What is lost is counted: nothing else gets its number.
            assert_eq!(reader.records(), 6, "byte {at}");
        }
    }

    #[test]
    fn damage_that_no_mark_stands_behind_is_a_record_that_was_never_finished() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, key) = (folder.path().join("a"), SpoolKey::derive(&[7; 32]));
        made(&path, &key, &[&[b"one"]]);
        let synced = std::fs::metadata(&path).expect("there").len() as usize;
        made(&path, &key, &[&[b"two", b"three"]]);
        let whole = std::fs::read(&path).expect("read");
        let (other, mut torn) = (folder.path().join("b"), whole[..whole.len() - MARK_BYTES].to_vec());
        torn[synced + 9] ^= 1;
        // Nor one of another file, or of another place in this one.
        made(&other, &key, &[&[b"one"], &[b"two", b"three"]]);
        let foreign = std::fs::read(&other).expect("read");
        let marks = [&[][..], &foreign[foreign.len() - MARK_BYTES..], &whole[synced - MARK_BYTES..synced]];
        for mark in marks {
            std::fs::write(&path, [&torn, mark].concat()).expect("torn");
            let file = SealedFile::open(&path, &key).expect("opened");
            assert_eq!((file.length() as usize, file.damaged()), (synced, &[][..]));
            assert_eq!(records(&path, &key), [b"one"]);
        }
        // The neighbour: with its own mark it is damage.
        std::fs::write(&path, [&torn, &whole[whole.len() - MARK_BYTES..]].concat()).expect("rotten");
        assert_eq!(SealedFile::open(&path, &key).expect("opened").damaged().len(), 1);
        assert_eq!(records(&path, &key), [&b"one"[..], b"three"]);
    }

    #[test]
    fn a_file_from_before_there_were_marks_is_read_and_marked() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, key) = (folder.path().join("a"), SpoolKey::derive(&[7; 32]));
        made(&path, &key, &[&[b"one", b"two"]]);
        let whole = std::fs::read(&path).expect("read");
        std::fs::write(&path, &whole[..whole.len() - MARK_BYTES]).expect("without");
        assert_eq!(records(&path, &key), [b"one", b"two"]);
        drop(SealedFile::open(&path, &key).expect("opened"));
        assert_eq!(std::fs::metadata(&path).expect("there").len(), whole.len() as u64);
        let mut reader = SealedReader::open(&path, &key).expect("opened");
        while reader.next().expect("read").is_some() {}
        assert_eq!((reader.records(), reader.is_marked), (2, true));
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
