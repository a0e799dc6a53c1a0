//! The officer's own list of names and ids: a convenience, since the log has the same, sealed. For its owner only (0600).

use super::OfficerError;
use crate::disk;
use crate::hex;
use crate::source::Placed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zegel_proto::v1::{Scope, StreamType};
use zegel_verifier::hash::Hash;

/// An id and where it was registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredId {
    /// The id.
    #[serde(with = "hex::field")]
    pub id: Hash,
    /// Entry of the registration.
    pub entry: u64,
    /// Position in its batch.
    pub position: u32,
}

impl RegisteredId {
    pub(super) fn new(id: Hash, placed: Option<&Placed>) -> Self {
        let (entry, position) = placed.map(|placed| (placed.entry, placed.position)).unwrap_or_default();
        Self { id, entry, position }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterFile {
    custodians: BTreeMap<String, RegisteredId>,
    conversations: BTreeMap<String, RegisteredId>,
}

/// Names of custodians and titles of conversations, with their ids.
pub struct Register {
    path: PathBuf,
    file: RegisterFile,
}

impl Register {
    /// Opens a register; one that is not there is empty.
    ///
    /// # Errors
    /// [`OfficerError::Disk`], also if others can read it, or [`OfficerError::Malformed`].
    pub fn open(path: &Path) -> Result<Self, OfficerError> {
        let file = if path.exists() {
            let bytes = disk::read_private(path)?;
            let malformed = |_| OfficerError::Malformed { path: path.display().to_string() };
            serde_json::from_slice(&bytes).map_err(malformed)?
        } else {
            RegisterFile::default()
        };
        Ok(Self { path: path.into(), file })
    }

    /// Id of a custodian, by name or by the id itself.
    ///
    /// # Errors
    /// [`OfficerError::UnknownName`].
    pub fn custodian(&self, name: &str) -> Result<Hash, OfficerError> {
        find(&self.file.custodians, "custodian", name)
    }

    /// Id of a conversation, by title or by the id itself.
    ///
    /// # Errors
    /// [`OfficerError::UnknownName`].
    pub fn conversation(&self, title: &str) -> Result<Hash, OfficerError> {
        find(&self.file.conversations, "conversation", title)
    }

    /// All custodians, by name.
    pub fn custodians(&self) -> impl Iterator<Item = (&str, &RegisteredId)> {
        self.file.custodians.iter().map(|(name, id)| (name.as_str(), id))
    }

    /// All conversations, by title.
    pub fn conversations(&self) -> impl Iterator<Item = (&str, &RegisteredId)> {
        self.file.conversations.iter().map(|(title, id)| (title.as_str(), id))
    }

    /// Scopes of custodians and conversations by their names, in these months (0 and 0: in all).
    ///
    /// # Errors
    /// [`OfficerError::UnknownName`].
    pub fn scopes(
        &self,
        custodians: &[String],
        conversations: &[String],
        (from_month, to_month): (u32, u32),
    ) -> Result<Vec<Scope>, OfficerError> {
        let scope =
            |stream: StreamType, id: Hash| Scope { stream: stream as i32, id: id.to_vec(), from_month, to_month };
        let titles =
            conversations.iter().map(|title| Ok(scope(StreamType::StreamConversation, self.conversation(title)?)));
        let names = custodians.iter().map(|name| Ok(scope(StreamType::StreamCustodian, self.custodian(name)?)));
        titles.chain(names).collect()
    }

    /// The name of a custodian, or the title of a conversation.
    #[must_use]
    pub fn name_of(&self, id: Hash) -> Option<&str> {
        self.conversations().chain(self.custodians()).find(|(_, found)| found.id == id).map(|(name, _)| name)
    }

    pub(super) fn check_free_custodian(&self, name: &str) -> Result<(), OfficerError> {
        check_free(&self.file.custodians, name)
    }

    pub(super) fn check_free_conversation(&self, title: &str) -> Result<(), OfficerError> {
        check_free(&self.file.conversations, title)
    }

    pub(super) fn add_custodian(&mut self, name: &str, id: RegisteredId) -> Result<(), OfficerError> {
        self.file.custodians.insert(name.into(), id);
        self.store()
    }

    pub(super) fn add_conversation(&mut self, title: &str, id: RegisteredId) -> Result<(), OfficerError> {
        self.file.conversations.insert(title.into(), id);
        self.store()
    }

    fn store(&self) -> Result<(), OfficerError> {
        let text = serde_json::to_vec_pretty(&self.file).unwrap_or_default();
        Ok(disk::write_durably(&self.path, &text)?)
    }
}

fn find(of: &BTreeMap<String, RegisteredId>, what: &'static str, name: &str) -> Result<Hash, OfficerError> {
    let by_name = of.get(name).map(|found| found.id);
    let unknown = || OfficerError::UnknownName { what, name: name.into() };
    by_name.or_else(|| hex::parse(name)).ok_or_else(unknown)
}

fn check_free(of: &BTreeMap<String, RegisteredId>, name: &str) -> Result<(), OfficerError> {
    match of.get(name) {
        Some(taken) => Err(OfficerError::NameTaken { name: name.into(), id: taken.id }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_again_and_taken_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("register.json");
        let mut register = Register::open(&path).expect("empty");
        let id = RegisteredId { id: Hash([3; 32]), entry: 1, position: 0 };
        register.add_custodian("J. Jansen", id).expect("added");
        let again = Register::open(&path).expect("read back");
        assert_eq!(again.custodian("J. Jansen"), Ok(Hash([3; 32])));
        assert_eq!(again.custodian(&Hash([3; 32]).to_string()), Ok(Hash([3; 32])));
        let unknown = OfficerError::UnknownName { what: "conversation", name: "J. Jansen".into() };
        assert_eq!(again.conversation("J. Jansen"), Err(unknown));
        let taken = OfficerError::NameTaken { name: "J. Jansen".into(), id: Hash([3; 32]) };
        assert_eq!(again.check_free_custodian("J. Jansen"), Err(taken));
    }
}
