//! What no log takes: kept sealed, under a finding, so that it blocks nothing and nobody forgets it.

use super::journal::Spooled;
use super::sealed::{SealedFile, SealedReader, SpoolKey};
use crate::disk::{self, DiskError, failed};
use prost::Message;
use std::path::Path;

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

/// What lies in quarantine, in order.
pub(super) fn list(folder: &Path, key: &SpoolKey) -> Result<Vec<Quarantined>, DiskError> {
    let told = |kept: Kept| Quarantined {
        number: kept.spooled.number,
        finding: kept.finding,
        sentence: kept.sentence,
        key: kept.spooled.request.map(|request| request.key).unwrap_or_default(),
        received_at_ms: kept.spooled.received_at_ms,
    };
    Ok(read(folder, key)?.into_iter().map(told).collect())
}

/// A record as it was put aside, and why.
pub(super) struct Kept {
    pub(super) spooled: Spooled,
    pub(super) finding: String,
    pub(super) sentence: String,
}

/// What lies in quarantine with its words, in order.
pub(super) fn read(folder: &Path, key: &SpoolKey) -> Result<Vec<Kept>, DiskError> {
    let paths = if folder.exists() { disk::list(folder, "sealed")? } else { Vec::new() };
    let read = |path: &std::path::PathBuf| {
        let mut reader = SealedReader::open(path, key)?;
        let mut next = || Ok(reader.next().map_err(failed(path))?.unwrap_or_default());
        let (sentence, record): (Vec<u8>, Vec<u8>) = (next()?, next()?);
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        Ok(Kept {
            spooled: Spooled::decode(record.as_slice()).unwrap_or_default(),
            finding: name.split_once('-').map_or(name, |(_, finding)| finding).into(),
            sentence: String::from_utf8_lossy(&sentence).into_owned(),
        })
    };
    paths.iter().map(read).collect()
}
