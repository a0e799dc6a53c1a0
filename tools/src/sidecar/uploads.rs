//! Attachments on their way in: sealed pieces in a file each, resumable, until the event that names them is in the log.

use super::sealed::{SealedFile, SealedReader, SpoolKey};
use super::seen::Mac;
use crate::disk::{self, DiskError, failed};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use zegel_proto::source::v1::AttachmentStanding;

/// An upload that no event has named for so long is thrown away: 30 days.
const UNCLAIMED: Duration = Duration::from_secs(30 * 24 * 3_600);
/// What an attachment may have: 4 GiB.
pub(super) const SIZE_MAX: u64 = 4 << 30;
/// Bytes of a piece.
pub(super) const PIECE_BYTES_MAX: usize = 1024 * 1024;

/// The folder of uploads.
pub(super) struct Uploads {
    folder: PathBuf,
    key: SpoolKey,
    /// Those that a call is writing.
    busy: Mutex<HashSet<Mac>>,
    /// Of those that were looked at: bytes that are durable, and bytes of the whole.
    standing: Mutex<HashMap<Mac, (u64, u64)>>,
    /// Of all that lie here: bytes of the whole, and of the file.
    claims: Mutex<HashMap<Mac, (u64, u64)>>,
}

/// An upload that one call is writing.
pub(super) struct Upload<'a> {
    uploads: &'a Uploads,
    upload: Mac,
    file: SealedFile,
    /// Bytes that are durable.
    pub(super) offset: u64,
    /// Bytes of the whole.
    pub(super) size: u64,
}

impl Uploads {
    pub(super) fn open(folder: &Path, key: &SpoolKey) -> Result<Self, DiskError> {
        disk::create_folder(folder)?;
        for path in disk::list(folder, "upload")? {
            let age = path.metadata().and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > UNCLAIMED) {
                disk::remove(&path)?;
            }
        }
        let (busy, standing, claims) = (Mutex::default(), Mutex::default(), Mutex::default());
        let uploads = Self { folder: folder.into(), key: key.clone(), busy, standing, claims };
        uploads.claim()?;
        Ok(uploads)
    }

    /// Notes what the uploads that lie here will need.
    fn claim(&self) -> Result<(), DiskError> {
        for path in disk::list(&self.folder, "upload")? {
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let Ok(upload) = u128::from_str_radix(name, 16).map(u128::to_be_bytes) else { continue };
            let written = path.metadata().map_err(failed(&path))?.len();
            let size = self.reader(upload)?.1;
            if size <= SIZE_MAX {
                lock(&self.claims).insert(upload, (size, written));
            }
        }
        Ok(())
    }

    /// Bytes that must stay free for the uploads that lie here: the rest of each, and once more the whole of it, since it is
    /// encrypted for the log beside what was uploaded.
    pub(super) fn claimed(&self) -> u64 {
        lock(&self.claims).values().map(|(size, written)| size + size.saturating_sub(*written)).sum()
    }

    fn path(&self, upload: Mac) -> PathBuf {
        let name: String = upload.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.upload"))
    }

    /// How an upload stands.
    pub(super) fn standing(&self, upload: Mac) -> Result<AttachmentStanding, DiskError> {
        let held = lock(&self.standing).get(&upload).copied();
        let (offset, size) = match held {
            Some(held) => held,
            None if !self.path(upload).exists() => return Ok(AttachmentStanding::default()),
            None => {
                let (mut reader, size) = self.reader(upload)?;
                let path = self.path(upload);
                let offset = std::io::copy(&mut reader, &mut std::io::sink()).map_err(failed(&path))?;
                lock(&self.standing).insert(upload, (offset, size));
                (offset, size)
            }
        };
        Ok(AttachmentStanding { offset, complete: offset == size })
    }

    /// The plaintext of an upload that is whole; `None` if it is not.
    pub(super) fn whole(&self, upload: Mac) -> Result<Option<SealedReader>, DiskError> {
        if self.standing(upload)?.complete && self.path(upload).exists() {
            return Ok(Some(self.reader(upload)?.0));
        }
        Ok(None)
    }

    /// Behind the first record, which says how large the whole is.
    fn reader(&self, upload: Mac) -> Result<(SealedReader, u64), DiskError> {
        let path = self.path(upload);
        let mut reader = SealedReader::open(&path, &self.key)?;
        let size = reader.next().map_err(failed(&path))?.and_then(|bytes| bytes.try_into().ok());
        // A file without that record was never begun: it holds nothing of anything.
        Ok((reader, size.map_or(u64::MAX, u64::from_be_bytes)))
    }

    /// Begins or goes on with an upload; `None` if another call is at it, or it has another size.
    pub(super) fn begin(&self, upload: Mac, size: u64) -> Result<Option<Upload<'_>>, DiskError> {
        if !lock(&self.busy).insert(upload) {
            return Ok(None);
        }
        let begun = self.begin_alone(upload, size);
        if !matches!(begun, Ok(Some(_))) {
            lock(&self.busy).remove(&upload);
        }
        begun
    }

    fn begin_alone(&self, upload: Mac, size: u64) -> Result<Option<Upload<'_>>, DiskError> {
        let mut file = SealedFile::open(&self.path(upload), &self.key)?;
        if file.length() == 0 {
            file.append([&size.to_be_bytes()[..]].into_iter())?;
        }
        lock(&self.standing).remove(&upload);
        let offset = self.standing(upload)?.offset;
        lock(&self.claims).entry(upload).or_insert((size, offset));
        let found = lock(&self.standing).get(&upload).map(|(_, size)| *size);
        Ok((found == Some(size)).then_some(Upload { uploads: self, upload, file, offset, size }))
    }

    /// Lets go of an upload whose event is settled.
    pub(super) fn remove(&self, upload: Mac) -> Result<(), DiskError> {
        lock(&self.standing).remove(&upload);
        lock(&self.claims).remove(&upload);
        let path = self.path(upload);
        if path.exists() { disk::remove(&path) } else { Ok(()) }
    }
}

impl Upload<'_> {
    /// Appends a piece: durable when this returns.
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), DiskError> {
        self.file.append([piece].into_iter())?;
        self.offset += piece.len() as u64;
        lock(&self.uploads.standing).insert(self.upload, (self.offset, self.size));
        lock(&self.uploads.claims).insert(self.upload, (self.size, self.offset));
        Ok(())
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        lock(&self.uploads.busy).remove(&self.upload);
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
