//! What no log takes: kept sealed, under a finding, so that it blocks nothing and nobody forgets it.

use super::journal::Spooled;
use super::sealed::{SealedFile, SealedReader, SpoolKey};
use crate::disk::{self, DiskError, failed};
use prost::Message;
use std::path::{Path, PathBuf};

/// The event breaks a limit or a rule of the log's own form.
pub(super) const UNFIT: u32 = 1;
/// The ledger refused it alone.
pub(super) const REFUSED: u32 = 2;
/// The official has not admitted the contact: it is not kept, and not put aside either.
pub(super) const NOT_ADMITTED: u32 = 3;
/// It was spooled, and does not open any more.
pub(super) const DAMAGED: u32 = 4;

/// Name of a finding.
pub(super) fn finding(number: u32) -> &'static str {
    match number {
        REFUSED => "refused_by_ledger",
        NOT_ADMITTED => "contact_not_admitted",
        DAMAGED => "damaged_on_disk",
        _ => "unfit_for_the_log",
    }
}

/// An event in quarantine, without its words.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Quarantined {
    /// Number in the journal.
    pub number: u64,
    /// Name of what was found.
    pub finding: String,
    /// In words.
    pub sentence: String,
    /// Idempotency key.
    pub key: String,
    /// When it was spooled, in milliseconds since 1970.
    pub received_at_ms: u64,
    /// Files of its attachments, sealed as they were uploaded.
    pub attachments: Vec<String>,
}

/// Puts a record aside. When this returns it is durable.
pub(super) fn put(folder: &Path, key: &SpoolKey, spooled: &Spooled, number: u32, why: &str) -> Result<(), DiskError> {
    disk::create_folder(folder)?;
    let path = folder.join(format!("{:020}-{}.sealed", spooled.number, finding(number)));
    if path.exists() {
        disk::remove(&path)?;
    }
    let bytes = spooled.encode_to_vec();
    SealedFile::open(&path, key)?.append([why.as_bytes(), &bytes].into_iter())
}

/// Keeps a segment of the journal as it is, damage and all, until a person has looked: under its own name, to which it is bound.
pub(super) fn keep(folder: &Path, segment: &Path) -> Result<(), DiskError> {
    let kept = folder.join("damaged").join(segment.file_name().unwrap_or_default());
    if !segment.exists() || kept.exists() {
        return Ok(());
    }
    disk::create_folder(&folder.join("damaged"))?;
    let link = || std::fs::hard_link(segment, &kept).and_then(|()| disk::sync_folder_of(&kept));
    link().map_err(failed(&kept))
}

/// Keeps an attachment of a record that is put aside, in a folder with its number: under its own name, to which it is bound.
pub(super) fn keep_attachment(folder: &Path, number: u64, upload: &Path) -> Result<(), DiskError> {
    if !upload.exists() {
        return Ok(());
    }
    let folder = attachments_of(folder, number);
    let kept = folder.join(upload.file_name().unwrap_or_default());
    disk::create_folder(&folder)?;
    disk::sync_folder_of(&folder).map_err(failed(&folder))?;
    if kept.exists() {
        disk::remove(&kept)?;
    }
    let link = || std::fs::hard_link(upload, &kept).and_then(|()| disk::sync_folder_of(&kept));
    link().map_err(failed(&kept))
}

fn attachments_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}"))
}

/// What lies in quarantine, in order.
pub(super) fn list(folder: &Path, key: &SpoolKey) -> Result<Vec<Quarantined>, DiskError> {
    let paths = if folder.exists() { disk::list(folder, "sealed")? } else { Vec::new() };
    let told = |path: &PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let (number, finding) = name.split_once('-').unwrap_or((name, ""));
        let number = number.parse().unwrap_or_default();
        let (sentence, spooled) = read(path, key).unwrap_or_else(|reason| (reason.to_string(), Spooled::default()));
        let kept = attachments_of(folder, number);
        let kept = if kept.exists() { disk::list(&kept, "upload")? } else { Vec::new() };
        Ok(Quarantined {
            number,
            finding: finding.into(),
            sentence,
            key: spooled.request.map(|request| request.key).unwrap_or_default(),
            received_at_ms: spooled.received_at_ms,
            attachments: kept.iter().map(|path| path.display().to_string()).collect(),
        })
    };
    paths.iter().map(told).collect()
}

/// Why a record was put aside, and the record.
fn read(path: &Path, key: &SpoolKey) -> Result<(String, Spooled), DiskError> {
    let mut reader = SealedReader::open(path, key)?;
    let unreadable = || failed(path)(std::io::Error::other("it was put aside, and does not open now"));
    let mut next = || reader.next().map_err(failed(path))?.ok_or_else(unreadable);
    let (sentence, record) = (next()?, next()?);
    let spooled = Spooled::decode(record.as_slice()).map_err(|_| unreadable())?;
    Ok((String::from_utf8_lossy(&sentence).into_owned(), spooled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_open_is_listed_by_its_name_and_hides_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = SpoolKey::derive(&[7; 32]);
        for number in 1..4 {
            let spooled = Spooled { number, received_at_ms: 100 + number, ..Spooled::default() };
            put(folder.path(), &key, &spooled, REFUSED, "nobody takes it").expect("put aside");
        }
        let rotten = folder.path().join(format!("{:020}-{}.sealed", 2, finding(REFUSED)));
        std::fs::write(&rotten, [7; 90]).expect("rotten");
        let listed = list(folder.path(), &key).expect("listed");
        let found: Vec<_> = listed.iter().map(|each| (each.number, &*each.finding, each.received_at_ms)).collect();
        assert_eq!(found, [(1, finding(REFUSED), 101), (2, finding(REFUSED), 0), (3, finding(REFUSED), 103)]);
        assert!(listed[1].sentence.contains("does not open now"), "{listed:?}");
        assert_eq!(listed[2].sentence, "nobody takes it");
    }

    #[test]
    fn an_attachment_that_is_kept_opens_where_it_lies_also_when_it_was_kept_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, upload) = (SpoolKey::derive(&[7; 32]), folder.path().join("ab.upload"));
        SealedFile::open(&upload, &key).expect("made").append([&b"film"[..]].into_iter()).expect("appended");
        let spooled = Spooled { number: 9, ..Spooled::default() };
        let quarantine = folder.path().join("quarantine");
        put(&quarantine, &key, &spooled, UNFIT, "too long").expect("put aside");
        // Stopped before it was settled, it is put aside again.
        for _ in 0..2 {
            keep_attachment(&quarantine, 9, &upload).expect("kept");
        }
        std::fs::remove_file(&upload).expect("let go of");
        keep_attachment(&quarantine, 9, &upload).expect("nothing is left to keep");
        let listed = list(&quarantine, &key).expect("listed");
        let kept = PathBuf::from(&listed[0].attachments[0]);
        assert_eq!(SealedReader::open(&kept, &key).expect("there").next().expect("read"), Some(b"film".to_vec()));
    }
}
