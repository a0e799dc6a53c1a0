//! What a session needs of a format: a chat that was read and understood, whose records can be asked for one by one.
//!
//! A reader is made before the first event of its session is appended, so a file that is refused leaves no trace. It never
//! holds all records as events: each is made when its turn comes.

use super::alignment::{Alignment, Fingerprint, FingerprintKey, Known, Row};
use super::damage::{Damage, Watched, damage_of};
use super::error::ImportError;
use super::parcel::Parcel;
use crate::record::Record;
use crate::seal::{BlobError, BlobSummary, encrypt_blob};
use crate::source::{BlobSpool, Source, SourceError};
use std::io::Read;
use std::path::{Path, PathBuf};
use zegel_proto::limits::BLOB_BYTES_MAX;
use zegel_proto::v1::{Channel, ProofClass};
use zegel_verifier::hash::Hash;

/// Which capture a read-out belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureIds {
    /// Registered id of the conversation.
    pub conversation: Hash,
    /// Registered id of the custodian.
    pub custodian: Hash,
}

/// The file that was read, as its manifest names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Name as handed over.
    pub name: String,
    /// What the device calls the chat, if the file says so.
    pub title: Option<String>,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
    /// How many bytes.
    pub bytes: u64,
    /// The zone that local times were read in; empty where the format has none.
    pub time_zone: String,
    /// The order of the numbers in its dates; empty where the format has none.
    pub date_order: String,
}

/// A period of which the format leaves something out by design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Reason code, as `specs/readout.md` lists them.
    pub reason: &'static str,
    /// From when, in milliseconds since 1970; 0: not known.
    pub from_ms: u64,
    /// Until when; 0: not known.
    pub to_ms: u64,
}

/// Where media go: encrypted into the source's spool, or into a folder, for whoever only looks.
pub struct MediaStore(Store);

enum Store {
    Spool(BlobSpool),
    Folder(PathBuf),
}

impl MediaStore {
    pub(super) fn of(source: &Source) -> Self {
        Self(Store::Spool(source.blob_spool()))
    }

    /// Puts ciphertexts into a folder, where nothing takes them up.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        Self(Store::Folder(folder.into()))
    }

    /// Takes one file.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn put(&self, mut plaintext: impl Read) -> Result<BlobSummary, SourceError> {
        match &self.0 {
            Store::Spool(spool) => spool.store(&mut plaintext),
            Store::Folder(folder) => {
                let mut file = tempfile::tempfile_in(folder).map_err(BlobError::from)?;
                Ok(encrypt_blob(&mut plaintext, &mut file)?)
            }
        }
    }

    /// Takes one file of what was handed over, or says what is wrong with its bytes.
    ///
    /// # Errors
    /// [`ImportError`], where the system cannot read it or our own disk cannot hold it.
    pub fn take(&self, parcel: &mut Parcel, entry: usize) -> Result<Result<BlobSummary, Damage>, ImportError> {
        if parcel.entries()[entry].size > BLOB_BYTES_MAX {
            return Ok(Err(Damage::TooLarge { max: BLOB_BYTES_MAX }));
        }
        damage_of(parcel.read(entry, BLOB_BYTES_MAX, |plaintext| {
            let mut plaintext = Watched::new(plaintext);
            let put = self.put(&mut plaintext);
            Ok(plaintext.sort(put)?)
        }))
    }
}

/// What was remarkable, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// Attachments that the text names and that did not come along.
    pub attachments_missing: u64,
    /// Files that no record names.
    pub files_unclaimed: u64,
    /// Records whose local time a clock change repeats or skips.
    pub times_ambiguous: u64,
    /// What else there is to say, in words.
    pub remarks: Vec<String>,
}

/// One chat of a read-out, read and understood. Records are counted from 0, in the order of the file.
pub trait Reader: Send {
    /// The channel.
    fn channel(&self) -> Channel;

    /// What the read-out as a whole is worth; a record can be worth more.
    fn proof_class(&self) -> ProofClass;

    /// The file.
    fn file(&self) -> &FileFacts;

    /// How many records there are.
    fn records(&self) -> usize;

    /// When a record happened, in milliseconds since 1970; 0: not known.
    fn at_ms(&self, index: usize) -> u64;

    /// Lays the records on what the log holds of the same capture.
    fn align(&self, known: &[Known], key: &FingerprintKey) -> Alignment;

    /// Other digests by which this very file may have been remembered: it came from another kind of phone then.
    fn fingerprints_otherwise(&self, _key: &FingerprintKey, _shift_ms: i64) -> Vec<Vec<Fingerprint>> {
        Vec::new()
    }

    /// The digest of a time alone, in UTC milliseconds; `None` where times say nothing of which message it is.
    fn time_digest(&self, _key: &FingerprintKey, _at_ms: i64) -> Option<[u8; 16]> {
        None
    }

    /// All fingerprints, as if the file's times were so much earlier; `None` where a time is no part of them.
    fn fingerprints_at(&self, _key: &FingerprintKey, _shift_ms: i64) -> Option<Vec<Fingerprint>> {
        None
    }

    /// Whether a record is the message that stood at its place before, whatever it says now. True where a place is an identity.
    fn is_known_by_place(&self, _index: usize) -> bool {
        true
    }

    /// A record for the log, its media put into the store.
    ///
    /// # Errors
    /// [`ImportError`].
    fn record(&mut self, ids: CaptureIds, index: usize, row: Row, media: &MediaStore) -> Result<Record, ImportError>;

    /// What the format leaves out by design.
    fn gaps(&self) -> &[Gap] {
        &[]
    }

    /// What a later reader needs to check this read-out again, for the manifest.
    fn note(&self) -> Option<String> {
        None
    }

    /// What was remarkable, once every record has had its turn.
    fn tally(&self) -> Tally;
}
