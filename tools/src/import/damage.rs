//! Attachments that came along and cannot be taken: one of them never stops a read-out.
//!
//! Invariant: what lies in the bytes themselves, and is there again the next time, counts as missing. What the system says while
//! it reads, or our own disk while we write, ends the session: that can be mended, and the read-out repeated.

use super::error::ImportError;
use super::parcel::ParcelError;
use crate::seal::{BlobError, BlobSummary};
use crate::source::SourceError;
use std::io::{self, Read};
use thiserror::Error;
use zip::result::ZipError;

/// Why an attachment that came along counts as missing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Damage {
    /// Its bytes are not those that were packed, or cannot be unpacked.
    #[error("is damaged in the archive ({reason})")]
    Unreadable {
        /// What is wrong with them.
        reason: String,
    },
    /// More than a ledger takes.
    #[error("makes more than the {max} bytes that a ledger takes")]
    TooLarge {
        /// The maximum.
        max: u64,
    },
}

impl Damage {
    /// Of an error while its bytes were read; `None` where the system could not read them.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        error.raw_os_error().is_none().then(|| Self::Unreadable { reason: error.to_string() })
    }

    /// What a read-out says of it.
    pub(crate) fn remark(&self, name: &str) -> String {
        format!("{name} {self}, and counts as missing")
    }
}

/// A plaintext that remembers whether it was itself what could not be read.
pub(super) struct Watched<'a> {
    plaintext: &'a mut dyn Read,
    damage: Option<Damage>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(plaintext: &'a mut dyn Read) -> Self {
        Self { plaintext, damage: None }
    }

    /// Sorts what came of putting it into a store.
    pub(super) fn sort(
        self,
        put: Result<BlobSummary, SourceError>,
    ) -> Result<Result<BlobSummary, Damage>, SourceError> {
        match (put, self.damage) {
            (Ok(blob), _) => Ok(Ok(blob)),
            (Err(_), Some(damage)) => Ok(Err(damage)),
            (Err(SourceError::Blob(BlobError::TooLarge { max })), None) => Ok(Err(Damage::TooLarge { max })),
            (Err(other), None) => Err(other),
        }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.plaintext.read(piece);
        if let Err(error) = &read {
            self.damage = Damage::of(error);
        }
        read
    }
}

/// The same for a file of an archive that does not even open.
pub(crate) fn damage_of<T>(taken: Result<Result<T, Damage>, ImportError>) -> Result<Result<T, Damage>, ImportError> {
    let damage = match &taken {
        Err(ImportError::Parcel(ParcelError::BadZip { reason: ZipError::Io(error), .. })) => Damage::of(error),
        Err(ImportError::Parcel(ParcelError::BadZip { reason, .. })) => {
            Some(Damage::Unreadable { reason: reason.to_string() })
        }
        _ => None,
    };
    damage.map_or(taken, |damage| Ok(Err(damage)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::MediaStore;
    use zegel_proto::limits::BLOB_BYTES_MAX;

    /// A reader that fails as it is told.
    struct Failing(fn() -> io::Error);

    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err((self.0)())
        }
    }

    fn put(plaintext: &mut dyn Read, folder: &std::path::Path) -> Result<Result<BlobSummary, Damage>, SourceError> {
        let mut watched = Watched::new(plaintext);
        let put = MediaStore::of_folder(folder).put(&mut watched);
        watched.sort(put)
    }

    #[test]
    fn damage_is_told_apart_from_a_disk_that_fails_on_either_side() {
        let folder = tempfile::tempdir().expect("a folder");
        let damaged =
            put(&mut Failing(|| io::Error::new(io::ErrorKind::InvalidData, "Invalid checksum")), folder.path());
        assert_eq!(damaged.ok(), Some(Err(Damage::Unreadable { reason: "Invalid checksum".into() })));
        // Input/output error: the medium was taken out, perhaps.
        let gone = put(&mut Failing(|| io::Error::from_raw_os_error(5)), folder.path());
        assert!(matches!(gone, Err(SourceError::Blob(BlobError::Io { .. }))), "{gone:?}");
        // Our own disk: there is no folder to write to.
        let own = put(&mut &b"beeld"[..], &folder.path().join("weg"));
        assert!(matches!(own, Err(SourceError::Blob(BlobError::Io { .. }))), "{own:?}");
        assert!(matches!(put(&mut &b"beeld"[..], folder.path()), Ok(Ok(_))));
    }

    #[test]
    fn what_is_too_large_for_a_ledger_is_damage_and_no_failure() {
        let mut empty = io::empty();
        let too_large = SourceError::Blob(BlobError::TooLarge { max: BLOB_BYTES_MAX });
        let damage_of = Watched::new(&mut empty).sort(Err(too_large));
        assert_eq!(damage_of.ok(), Some(Err(Damage::TooLarge { max: BLOB_BYTES_MAX })));
    }

    #[test]
    fn a_file_of_an_archive_that_does_not_open_is_damaged_unless_the_system_could_not_read_it() {
        let bad = |reason| Err(ImportError::Parcel(ParcelError::BadZip { path: "x.zip".into(), reason }));
        let invalid = damage_of::<()>(bad(ZipError::FileNotFound));
        assert!(matches!(invalid, Ok(Err(Damage::Unreadable { .. }))), "{invalid:?}");
        let gone = damage_of::<()>(bad(ZipError::Io(io::Error::from_raw_os_error(5))));
        assert!(matches!(gone, Err(ImportError::Parcel(ParcelError::BadZip { .. }))), "{gone:?}");
        let cut = damage_of::<()>(bad(ZipError::Io(io::ErrorKind::UnexpectedEof.into())));
        assert!(matches!(cut, Ok(Err(Damage::Unreadable { .. }))), "{cut:?}");
    }
}
