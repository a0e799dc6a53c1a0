//! Attachments on their way in: sealed pieces in a file each, resumable, until the event that names them is in the log.

use super::sealed::{Damage, SealedFile, SealedReader, SpoolKey};
use super::seen::Mac;
use crate::disk::{self, DiskError, failed};
use crate::seal::BLOB_PLAINTEXT_BYTES_MAX;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use zegel_proto::source::v1::AttachmentStanding;

/// An upload that no event has named for so long is thrown away: 30 days.
const UNCLAIMED: Duration = Duration::from_secs(30 * 24 * 3_600);
/// What an attachment may have: as much as a ledger takes once it is encrypted, 1 MiB less than 4 GiB.
pub(super) const SIZE_MAX: u64 = BLOB_PLAINTEXT_BYTES_MAX;
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
        let (busy, standing, claims) = (Mutex::default(), Mutex::default(), Mutex::default());
        let uploads = Self { folder: folder.into(), key: key.clone(), busy, standing, claims };
        uploads.claim()?;
        Ok(uploads)
    }

    /// All that lie here.
    fn list(&self) -> Result<Vec<(Mac, PathBuf)>, DiskError> {
        let upload = |path: PathBuf| {
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            Some((u128::from_str_radix(name, 16).ok()?.to_be_bytes(), path))
        };
        Ok(disk::list(&self.folder, "upload")?.into_iter().filter_map(upload).collect())
    }

    /// Throws away what was not written to for so long, is not being written to now, and is not named by an event that waits.
    pub(super) fn throw_away(&self, is_named: impl Fn(Mac) -> bool) -> Result<(), DiskError> {
        for (upload, path) in self.list()? {
            let age = path.metadata().and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
            let is_old = age.is_some_and(|age| age > UNCLAIMED);
            if is_old && !is_named(upload) && !lock(&self.busy).contains(&upload) {
                self.remove(upload)?;
            }
        }
        Ok(())
    }

    /// Notes what the uploads that lie here will need.
    fn claim(&self) -> Result<(), DiskError> {
        for (upload, path) in self.list()? {
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

    /// Where an upload lies, if it does.
    pub(super) fn path(&self, upload: Mac) -> PathBuf {
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
                let (offset, size, damage) = self.look(upload)?;
                // One that is damaged begins anew: who puts it has it still.
                let offset = if damage.is_some() { 0 } else { offset };
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

    /// Bytes that can be read of an upload, bytes of the whole, and what of it is damaged.
    fn look(&self, upload: Mac) -> Result<(u64, u64, Option<Damage>), DiskError> {
        let (path, (mut reader, size)) = (self.path(upload), self.reader(upload)?);
        let mut offset = 0;
        while let Some(piece) = reader.next().map_err(failed(&path))? {
            offset += piece.len() as u64;
        }
        Ok((offset, size, reader.damaged().first().cloned()))
    }

    /// What of an upload was durable, and does not open any more.
    pub(super) fn damage(&self, upload: Mac) -> Result<Option<Damage>, DiskError> {
        if self.path(upload).exists() { Ok(self.look(upload)?.2) } else { Ok(None) }
    }

    /// Behind the first record, which says how large the whole is.
    fn reader(&self, upload: Mac) -> Result<(SealedReader, u64), DiskError> {
        let path = self.path(upload);
        let mut reader = SealedReader::open(&path, &self.key)?;
        let size = reader.next().map_err(failed(&path))?.filter(|_| reader.damaged().is_empty());
        let size = size.and_then(|bytes| bytes.try_into().ok());
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
        if !file.damaged().is_empty() {
            disk::remove(&self.path(upload))?;
            file = SealedFile::open(&self.path(upload), &self.key)?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn of_uploads_that_are_old_those_go_that_nobody_names_or_writes_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SpoolKey::derive(&[7; 32]);
        let uploads = Uploads::open(folder.path(), &key).expect("opened");
        let (named, unnamed, young, busy) = ([1; 16], [2; 16], [3; 16], [4; 16]);
        for upload in [named, unnamed, young, busy] {
            uploads.begin(upload, 9).expect("begun").expect("alone").append(b"one").expect("appended");
        }
        let _busy = uploads.begin(busy, 9).expect("begun").expect("alone");
        let then = std::time::SystemTime::now() - UNCLAIMED - Duration::from_secs(60);
        for upload in [named, unnamed, busy] {
            let file = std::fs::File::options().write(true).open(uploads.path(upload)).expect("a file");
            file.set_modified(then).expect("set back");
        }
        let claimed = uploads.claimed();
        uploads.throw_away(|upload| upload == named).expect("thrown away");
        let lying = |upload: &Mac| uploads.path(*upload).exists();
        assert_eq!([named, unnamed, young, busy].each_ref().map(lying), [true, false, true, true]);
        assert!(uploads.claimed() < claimed);
        assert_eq!(uploads.standing(unnamed), Ok(AttachmentStanding::default()));
    }

    #[test]
    fn an_upload_that_is_damaged_is_not_whole_and_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, upload) = (SpoolKey::derive(&[7; 32]), [1; 16]);
        let open = || Uploads::open(folder.path(), &key).expect("opened");
        let put = |uploads: &Uploads, from: u64| {
            let mut begun = uploads.begin(upload, 9).expect("begun").expect("alone");
            assert_eq!(begun.offset, from);
            [&b"one"[..], b"two", b"six"].iter().for_each(|piece| begun.append(piece).expect("appended"));
        };
        let uploads = open();
        put(&uploads, 0);
        let mut plain = Vec::new();
        uploads.whole(upload).expect("read").expect("whole").read_to_end(&mut plain).expect("read");
        assert_eq!((plain.as_slice(), uploads.damage(upload)), (&b"onetwosix"[..], Ok(None)));

        let path = uploads.path(upload);
        let mut bytes = std::fs::read(&path).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        // It was known to be whole before: no other attachment is made of the pieces that are left.
        let read = uploads.whole(upload).expect("read").expect("as it was known").read_to_end(&mut Vec::new());
        assert_eq!(read.map_err(|reason| reason.kind()), Err(std::io::ErrorKind::InvalidData));
        let uploads = open();
        assert_eq!(uploads.standing(upload), Ok(AttachmentStanding { offset: 0, complete: false }));
        assert!(uploads.whole(upload).expect("read").is_none());
        assert_eq!(uploads.damage(upload).expect("read").map(|damage| damage.path), Some(path));
        put(&uploads, 0);
        assert_eq!((uploads.standing(upload).expect("stands").complete, uploads.damage(upload)), (true, Ok(None)));
    }
}
