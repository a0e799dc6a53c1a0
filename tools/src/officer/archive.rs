//! Archive keys that come and go: at least two are in use at every moment, so that the loss of one loses nothing.
//!
//! Not here: wrapping what exists to a new key. Envelopes stay as their sources made them, and a key that has retired still
//! opens what was wrapped to it: it is kept as long as that is. Specification: `specs/keys.md`.

use super::OfficerError;
use crate::event::public;
use crate::keys::{Actor, ArchiveKey, KeyFolder};
use crate::source::Source;
use zegel_keys::Protection;
use zegel_proto::v1::{ArchiveAlgorithm, ArchiveKeyAdded, ArchiveKeyRetired, EventKind};
use zegel_verifier::hash::Hash;
use zegel_verifier::registry::Registry;

/// Archive keys in use, at the least.
const KEYS_MIN: usize = 2;

/// The event that brings an archive key into use.
pub(super) fn archive_key_added(key: &ArchiveKey, file: &str) -> Result<crate::event::Draft, OfficerError> {
    let event = ArchiveKeyAdded {
        algorithm: ArchiveAlgorithm::ArchiveHpkeXwing as i32,
        public_key: key.public().to_vec(),
        name: file.trim_end_matches(".key").into(),
    };
    Ok(public(EventKind::ArchiveKeyAdded, &event)?)
}

/// Makes another archive key and registers it: new dossiers are wrapped to it too.
///
/// # Errors
/// [`OfficerError`].
pub async fn add_archive_key(
    folder: &mut KeyFolder,
    ledger: &str,
    protection: &Protection,
) -> Result<(String, Hash), OfficerError> {
    let mut root = Source::of_folder(folder, Actor::Root, ledger).await?;
    let key = folder.add_archive_key(protection)?;
    let file = folder.ministry().archive_keys.last().map(|name| name.file.clone()).unwrap_or_default();
    root.append(vec![archive_key_added(&key, &file)?]).await?;
    Ok((file, key.public().id()))
}

/// Retires an archive key: nothing new is wrapped to it.
///
/// # Errors
/// [`OfficerError::TooFewArchiveKeys`] if fewer than two would be left, [`OfficerError::Source`] if it is not in use.
pub async fn retire_archive_key(folder: &KeyFolder, key: Hash, ledger: &str) -> Result<(), OfficerError> {
    let mut root = Source::of_folder(folder, Actor::Root, ledger).await?;
    let left = root.registry().into_iter().flat_map(Registry::archive_keys).filter(|(id, _)| **id != key).count();
    if left < KEYS_MIN {
        return Err(OfficerError::TooFewArchiveKeys { left, wanted: KEYS_MIN });
    }
    let event = ArchiveKeyRetired { archive_key: key.to_vec() };
    root.append(vec![public(EventKind::ArchiveKeyRetired, &event)?]).await?;
    Ok(())
}
