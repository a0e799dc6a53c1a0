//! The public file of a key folder: names, ids and public keys, no secrets.

use crate::hex;
use serde::{Deserialize, Serialize};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::note::{NoteError, TYPE_ED25519, VerifierKey};

/// What everyone may know of a ministry's log. Written as JSON to `ministry.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ministry {
    /// Origin of the log.
    pub origin: String,
    /// The ministry's name.
    pub ministry: String,
    /// Actor id of the root.
    #[serde(with = "hex::field")]
    pub root: Hash,
    /// Actor id of the recovery role.
    #[serde(with = "hex::field")]
    pub recovery: Hash,
    /// Actor id of the records officer.
    #[serde(with = "hex::field")]
    pub officer: Hash,
    /// Actor id of the approver.
    #[serde(with = "hex::field")]
    pub approver: Hash,
    /// Actor id of the source.
    #[serde(with = "hex::field")]
    pub source: Hash,
    /// Actor id of the operator of the ledger; it has no key here.
    #[serde(with = "hex::field")]
    pub operator: Hash,
    /// The root key of genesis, which a trust file pins for good.
    #[serde(with = "hex::field")]
    pub root_key: Hash,
    /// The key that signs checkpoints.
    #[serde(with = "hex::field")]
    pub log_key: Hash,
    /// Its file in the folder: another one after each change.
    #[serde(default = "first_log_key")]
    pub log_key_file: String,
    /// The recovery key.
    #[serde(with = "hex::field")]
    pub recovery_key: Hash,
    /// The archive keys.
    pub archive_keys: Vec<ArchiveKeyName>,
}

fn first_log_key() -> String {
    "log.key".into()
}

impl Ministry {
    /// The root key as a verifier key: the `root` line of a trust file.
    ///
    /// # Errors
    /// [`NoteError::BadVerifierKey`] for an origin that is no name of a key.
    pub fn root_vkey(&self) -> Result<String, NoteError> {
        Ok(VerifierKey::new(&self.origin, TYPE_ED25519, self.root_key.0)?.print())
    }

    /// The key that signs checkpoints, as a verifier key: the `log` line of a trust file.
    ///
    /// # Errors
    /// [`NoteError::BadVerifierKey`] for an origin that is no name of a key.
    pub fn log_vkey(&self) -> Result<String, NoteError> {
        Ok(VerifierKey::new(&self.origin, TYPE_ED25519, self.log_key.0)?.print())
    }

    /// As it stands in the file.
    pub(super) fn print(&self) -> String {
        // A map of strings and lists: there is nothing that JSON could refuse.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }

    /// SHA-256 of the root key: what a person compares with a published source.
    #[must_use]
    pub fn root_fingerprint(&self) -> Hash {
        sha256(&[&self.root_key.0])
    }
}

/// An archive key of the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveKeyName {
    /// File in the folder, and name in the registry without its ending.
    pub file: String,
    /// SHA-256 of the public key.
    #[serde(with = "hex::field")]
    pub id: Hash,
}
