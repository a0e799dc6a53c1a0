//! Ciphertexts of attachments: files named by their hash, written in pieces that can be resumed.
//!
//! Invariants:
//! - a blob is `aa/<hex>` when all of it is there, synced and its hash was right; before that it is `aa/<hex>.part`;
//! - what could not be written or synced is not believed when it is asked again, since the system tells of it once and remembers
//!   the bytes: the part is thrown away, unless the disk was merely full when it was to be written;
//! - a blob whose upload has not ended is not there for anybody.
//!
//! What if we stop while writing? The part stays, and its length says where to go on; only synced bytes are reported. Whether a sync
//! of them had failed nobody knows then: what another call wrote is read from the disk before it counts. Between the name and the sync of its
//! folder? Opening the store syncs all folders.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use zegel_proto::limits::BLOB_BYTES_MAX;
use zegel_verifier::hash::Hash;

use crate::store::{Pace, StoreError};
use sha2::{Digest, Sha256};

/// Bytes that are hashed at a time.
const HASH_STEP_BYTES: usize = 256 * 1024;

/// Why a blob is not taken or not given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BlobError {
    #[error("a blob of {found} bytes is larger than the {BLOB_BYTES_MAX} that are taken")]
    TooLarge { found: u64 },
    #[error("the piece begins at {found}, the blob goes on at {wanted}")]
    Offset { found: u64, wanted: u64 },
    #[error("the pieces reach byte {found}, the blob was said to have {wanted}")]
    Surplus { found: u64, wanted: u64 },
    #[error("the bytes have hash {found}, the blob was said to have {wanted}: what was there of it is thrown away")]
    OtherHash { found: Hash, wanted: Hash },
    #[error("what an earlier call left of blob {blob} is not part of it: it is thrown away, begin at 0")]
    OtherPart { blob: Hash },
    #[error("blob {blob} is being put by another call")]
    Busy { blob: Hash },
    #[error("blob {blob} is not in the store")]
    Missing { blob: Hash },
    #[error("{step} failed: there is no room on the disk")]
    Full { step: &'static str },
    #[error("{step} failed: {reason}")]
    Failed { step: &'static str, reason: String },
}

fn failed(step: &'static str) -> impl FnOnce(std::io::Error) -> BlobError {
    // What was written before the disk was full stays, and says where to go on.
    move |reason| match reason.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BlobError::Full { step },
        _ => BlobError::Failed { step, reason: reason.to_string() },
    }
}

/// How much of a blob is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobStat {
    pub(crate) offset: u64,
    pub(crate) complete: bool,
}

/// The blobs of one log.
pub(crate) struct Blobs {
    path: PathBuf,
    /// Blobs that are being put: two calls must not write one file.
    open: Arc<Mutex<HashSet<Hash>>>,
}

/// A blob that is being put. Dropping it keeps what was written.
pub(crate) struct Upload {
    blob: Hash,
    size: u64,
    file: File,
    offset: u64,
    begun: Begun,
    part: PathBuf,
    whole: PathBuf,
    open: Arc<Mutex<HashSet<Hash>>>,
}

/// Who wrote the first bytes of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// This upload, which hears of everything that fails.
    Here,
    /// Another one, perhaps of a process that is gone.
    Before,
}

impl Blobs {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(path).map_err(|reason| StoreError::failed("making the folder of blobs", reason))?;
        Ok(Self { path: path.to_owned(), open: Arc::default() })
    }

    /// Makes names durable that a process gave which was gone before it could.
    pub(crate) fn sync_folders(&self) -> Result<(), StoreError> {
        let failed = |reason: BlobError| StoreError::failed("opening blobs", reason);
        let folders =
            (0..=u8::MAX).map(|first| self.path.join(format!("{first:02x}"))).filter(|folder| folder.is_dir());
        folders.chain([self.path.clone()]).try_for_each(|folder| sync_folder(&folder)).map_err(failed)
    }

    fn whole(&self, blob: Hash) -> PathBuf {
        let name = blob.to_string();
        self.path.join(&name[..2]).join(name)
    }

    fn part(&self, blob: Hash) -> PathBuf {
        self.whole(blob).with_extension("part")
    }

    /// All of it is there, its hash was right, and its name is durable.
    pub(crate) fn is_complete(&self, blob: Hash) -> bool {
        !self.open.lock().unwrap_or_else(PoisonError::into_inner).contains(&blob) && self.whole(blob).is_file()
    }

    /// How much of a blob is there, durable.
    pub(crate) fn stat(&self, blob: Hash) -> Result<BlobStat, BlobError> {
        if self.is_complete(blob) {
            let whole = fs::metadata(self.whole(blob)).map_err(failed("reading a blob"))?;
            return Ok(BlobStat { offset: whole.len(), complete: true });
        }
        let path = self.part(blob);
        match OpenOptions::new().append(true).open(&path) {
            Ok(part) => {
                part.sync_all().map_err(failed("syncing a blob")).map_err(|reason| thrown_away(&path, reason))?;
                let offset = part.metadata().map_err(failed("reading a blob"))?.len();
                Ok(BlobStat { offset, complete: false })
            }
            Err(reason) if reason.kind() == ErrorKind::NotFound => Ok(BlobStat { offset: 0, complete: false }),
            Err(reason) => Err(failed("reading a blob")(reason)),
        }
    }

    /// Opens a blob to put it, or to go on with it. `None` if it is there already.
    pub(crate) fn upload(&self, blob: Hash, size: u64) -> Result<Option<Upload>, BlobError> {
        if size > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { found: size });
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.contains(&blob) {
            return Err(BlobError::Busy { blob });
        }
        if self.whole(blob).is_file() {
            return Ok(None);
        }
        open.insert(blob);
        drop(open);
        let opened = self.open_part(blob, size);
        if opened.is_err() {
            self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&blob);
        }
        opened.map(Some)
    }

    fn open_part(&self, blob: Hash, size: u64) -> Result<Upload, BlobError> {
        let (whole, part) = (self.whole(blob), self.part(blob));
        if let Some(folder) = whole.parent() {
            fs::create_dir_all(folder).map_err(failed("making a folder of blobs"))?;
            sync_folder(&self.path)?;
        }
        let file = OpenOptions::new().create(true).read(true).append(true).open(&part);
        let file = file.map_err(failed("opening a blob"))?;
        let offset = file.metadata().map_err(failed("reading a blob"))?.len();
        let begun = if offset == 0 { Begun::Here } else { Begun::Before };
        Ok(Upload { blob, size, file, offset, begun, part, whole, open: Arc::clone(&self.open) })
    }

    /// Opens a whole blob for reading.
    pub(crate) fn read(&self, blob: Hash) -> Result<File, BlobError> {
        match File::open(self.whole(blob)) {
            Ok(file) => Ok(file),
            Err(reason) if reason.kind() == ErrorKind::NotFound => Err(BlobError::Missing { blob }),
            Err(reason) => Err(failed("opening a blob")(reason)),
        }
    }

    /// Removes a blob, whole or in part. False if it was not there.
    pub(crate) fn remove(&self, blob: Hash) -> Result<bool, StoreError> {
        let mut removed = false;
        for path in [self.whole(blob), self.part(blob)] {
            match fs::remove_file(&path) {
                Ok(()) => removed = true,
                Err(reason) if reason.kind() == ErrorKind::NotFound => {}
                Err(reason) => return Err(StoreError::failed("removing a blob", reason)),
            }
        }
        if let Some(folder) = self.whole(blob).parent().filter(|_| removed) {
            sync_folder(folder).map_err(|reason| StoreError::failed("removing a blob", reason))?;
        }
        Ok(removed)
    }

    /// All blobs that are there, whole.
    pub(crate) fn all(&self) -> Result<Vec<Hash>, StoreError> {
        let mut blobs = Vec::new();
        for first in 0..=u8::MAX {
            blobs.extend(self.of_folder(first)?);
        }
        Ok(blobs)
    }

    /// Those whose hash begins with this byte, ascending.
    pub(crate) fn of_folder(&self, first: u8) -> Result<Vec<Hash>, StoreError> {
        let failed = |reason| StoreError::failed("listing blobs", reason);
        let files = match fs::read_dir(self.path.join(format!("{first:02x}"))) {
            Ok(files) => files,
            Err(reason) if reason.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(reason) => return Err(failed(reason)),
        };
        let mut blobs = Vec::new();
        for file in files {
            blobs.extend(file.map_err(failed)?.file_name().to_str().and_then(parse_name));
        }
        blobs.sort_unstable();
        Ok(blobs)
    }

    /// Reads a whole blob again and compares its hash.
    pub(crate) fn check(&self, blob: Hash) -> Result<(), BlobError> {
        self.check_paced(blob, &mut |_| true).map(drop)
    }

    /// The same from the disk, telling `pace` of the bytes as they are read. False if it was told to stop before the end.
    pub(crate) fn check_paced(&self, blob: Hash, pace: Pace<'_>) -> Result<bool, BlobError> {
        let mut file = self.read(blob)?;
        forget_cached(&file);
        match hash_paced(&mut file, pace)? {
            Some(found) if found != blob => Err(BlobError::OtherHash { found, wanted: blob }),
            found => Ok(found.is_some()),
        }
    }
}

impl Upload {
    /// Bytes that are there.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Writes a piece at its place.
    pub(crate) fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), BlobError> {
        if offset != self.offset {
            return Err(BlobError::Offset { found: offset, wanted: self.offset });
        }
        let end = offset + data.len() as u64;
        if end > self.size {
            return Err(BlobError::Surplus { found: end, wanted: self.size });
        }
        match self.file.write_all(data).map_err(failed("writing a blob")) {
            Ok(()) => self.offset = end,
            // What was written before the disk was full is good.
            Err(full @ BlobError::Full { .. }) => return Err(full),
            Err(reason) => return Err(thrown_away(&self.part, reason)),
        }
        Ok(())
    }

    /// Syncs what is there; if that is all of it, holds it against its hash and gives it its name.
    pub(crate) fn finish(mut self) -> Result<BlobStat, BlobError> {
        self.hold().map_err(|reason| thrown_away(&self.part, reason))?;
        if self.offset < self.size {
            return Ok(BlobStat { offset: self.offset, complete: false });
        }
        fs::rename(&self.part, &self.whole).map_err(failed("naming a blob"))?;
        let named = self.whole.parent().map_or(Ok(()), sync_folder);
        named.map_err(|reason| thrown_away(&self.whole, reason))?;
        Ok(BlobStat { offset: self.size, complete: true })
    }

    /// What is there is durable; and if that is all of it, it is what it was said to be.
    fn hold(&mut self) -> Result<(), BlobError> {
        self.file.sync_all().map_err(failed("syncing a blob"))?;
        if self.offset < self.size {
            return Ok(());
        }
        if self.begun == Begun::Before {
            forget_cached(&self.file);
        }
        self.file.seek(SeekFrom::Start(0)).map_err(failed("reading a blob"))?;
        let found = hash_paced(&mut self.file, &mut |_| true)?.unwrap_or(Hash::ZERO);
        match self.begun {
            _ if found == self.blob => Ok(()),
            Begun::Here => Err(BlobError::OtherHash { found, wanted: self.blob }),
            // Nobody knows whose fault it is.
            Begun::Before => Err(BlobError::OtherPart { blob: self.blob }),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.blob);
    }
}

/// The blob of a file's name; `None` for a part.
fn parse_name(name: &str) -> Option<Hash> {
    let byte = |at: usize| u8::from_str_radix(name.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes = (0..32).map(byte).collect::<Option<Vec<u8>>>()?;
    Hash::read(&bytes).filter(|hash| hash.to_string() == name)
}

fn sync_folder(folder: &Path) -> Result<(), BlobError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("syncing a folder of blobs"))
}

/// What the system remembers of a file is not what lies on the disk. It may refuse to forget: then it is believed.
fn forget_cached(file: &File) {
    let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed);
}

/// Why a file could not become a blob, once it is gone. One that cannot be removed is read from the disk when an upload goes on with it.
fn thrown_away(path: &Path, reason: BlobError) -> BlobError {
    match fs::remove_file(path) {
        Err(other) if other.kind() != ErrorKind::NotFound => failed("removing a blob")(other),
        Ok(()) | Err(_) => reason,
    }
}

/// Hash of what follows in a file; `None` if it was told to stop.
fn hash_paced(file: &mut File, pace: Pace<'_>) -> Result<Option<Hash>, BlobError> {
    let mut hasher = Sha256::new();
    let mut step = vec![0; HASH_STEP_BYTES];
    loop {
        let read = file.read(&mut step).map_err(failed("reading a blob"))?;
        if read == 0 {
            return Ok(Some(Hash(hasher.finalize().into())));
        }
        hasher.update(&step[..read]);
        if !pace(read as u64) {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_from_a_broken_one() {
        let full = failed("writing a blob")(ErrorKind::StorageFull.into());
        assert_eq!(full, BlobError::Full { step: "writing a blob" });
        let code = |reason: BlobError| tonic::Status::from(reason).code();
        assert_eq!(code(full), tonic::Code::ResourceExhausted);
        assert_eq!(code(failed("writing a blob")(ErrorKind::BrokenPipe.into())), tonic::Code::Unavailable);
    }

    fn uploaded(blobs: &Blobs, blob: Hash, data: &[u8], from: usize) -> Result<BlobStat, BlobError> {
        let mut upload = blobs.upload(blob, data.len() as u64)?.expect("it is not there");
        upload.write(from as u64, &data[from..])?;
        upload.finish()
    }

    #[test]
    fn a_part_that_is_not_what_was_put_is_thrown_away_and_convicts_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(folder.path()).expect("opened");
        let data = [7; 1_000];
        let blob = zegel_verifier::hash::sha256(&[&data]);
        for left in [[7; 400], [8; 400]] {
            fs::create_dir_all(blobs.part(blob).parent().expect("a folder")).expect("made");
            fs::write(blobs.part(blob), left).expect("left by another call");
            let stat = BlobStat { offset: 400, complete: false };
            assert_eq!(blobs.stat(blob), Ok(stat));
            let whole = BlobStat { offset: 1_000, complete: true };
            if left[0] == 7 {
                assert_eq!(uploaded(&blobs, blob, &data, 400), Ok(whole));
                blobs.remove(blob).expect("removed");
                continue;
            }
            assert_eq!(uploaded(&blobs, blob, &data, 400), Err(BlobError::OtherPart { blob }));
            assert_eq!(blobs.stat(blob), Ok(BlobStat { offset: 0, complete: false }));
            // The neighbour: who brought all of it brought it wrong.
            let other = uploaded(&blobs, blob, &[8; 1_000], 0);
            assert!(matches!(other, Err(BlobError::OtherHash { wanted, .. }) if wanted == blob), "{other:?}");
            assert_eq!(uploaded(&blobs, blob, &data, 0), Ok(whole));
        }
    }

    #[test]
    fn nobody_finds_a_blob_before_its_upload_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(folder.path()).expect("opened");
        let blob = zegel_verifier::hash::sha256(&[&[7; 10]]);
        let upload = blobs.upload(blob, 10).expect("opened").expect("it is not there");
        // As it is between its name and the sync of its folder.
        fs::write(blobs.whole(blob), [7; 10]).expect("named");
        assert!(!blobs.is_complete(blob));
        assert_eq!(blobs.upload(blob, 10).err(), Some(BlobError::Busy { blob }));
        drop(upload);
        assert!(blobs.is_complete(blob));
    }
}
