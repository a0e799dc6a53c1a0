//! The registry replayed: which key could do what at which entry.
//!
//! Invariants:
//! - everything is judged by entry index, never by a clock;
//! - what an entry says of keys and roles acts from the next entry on: [`Registry::apply`] is called after the entry;
//! - one key belongs to one actor, one actor has one role, and no key ever comes back.
//!
//! Specification: `specs/registry.md`.

mod apply;

pub use apply::RegistryError;

use crate::hash::Hash;
use crate::kinds::may_write;
use std::collections::BTreeMap;
use thiserror::Error;
use zegel_proto::v1::{EventKind, LogCreated, Role};

/// Why an author may not write an event at an entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// Not in the registry before this entry.
    #[error("key {key} is not registered before entry {entry}")]
    UnknownKey {
        /// The key.
        key: Hash,
        /// Where it was used.
        entry: u64,
    },
    /// A key of somebody else.
    #[error("key {key} belongs to actor {owner}, the batch names {named}")]
    OtherActor {
        /// The key.
        key: Hash,
        /// Whose it is.
        owner: Hash,
        /// Who is named.
        named: Hash,
    },
    /// Retired or revoked before.
    #[error("key {key} ended at entry {ended}, it cannot sign entry {entry}")]
    EndedKey {
        /// The key.
        key: Hash,
        /// Entry that ended it.
        ended: u64,
        /// Where it was used.
        entry: u64,
    },
    /// The role does not allow it.
    #[error("a {role} may not write {kind}")]
    WrongRole {
        /// Name of the role.
        role: &'static str,
        /// Name of the kind.
        kind: &'static str,
    },
}

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Whose.
    pub actor: Hash,
    /// Entry that added it: it signs later ones.
    pub added: u64,
    /// Entry that retired or revoked it.
    pub ended: Option<u64>,
    /// First entry that is in doubt, once it was revoked as compromised.
    pub compromised_from: Option<u64>,
}

/// An actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorRecord {
    /// Its one role.
    pub role: Role,
    /// Name of a service or function.
    pub name: String,
}

/// An archive key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveKeyRecord {
    /// The encoded public key.
    pub public_key: Vec<u8>,
    /// Name for people.
    pub name: String,
    /// Entry that added it: envelopes of later ones may go to it.
    pub added: u64,
    /// Entry that retired it.
    pub retired: Option<u64>,
}

impl ArchiveKeyRecord {
    /// Whether it was in use when the log had so many entries.
    #[must_use]
    pub fn is_in_use_at(&self, size: u64) -> bool {
        self.added < size && self.retired.is_none_or(|retired| retired >= size)
    }
}

/// The state of the registry before some entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    origin: String,
    ministry: String,
    root_actor: Hash,
    keys: BTreeMap<Hash, KeyRecord>,
    actors: BTreeMap<Hash, ActorRecord>,
    log_keys: Vec<(u64, [u8; 32])>,
    archive_keys: BTreeMap<Hash, ArchiveKeyRecord>,
    grounds: BTreeMap<String, String>,
    ground_list: String,
    classes: BTreeMap<String, String>,
    class_list: String,
    policies: BTreeMap<String, String>,
}

impl Registry {
    /// The registry after genesis, entry 0, whose statement must have been signed by `created.root_key`.
    ///
    /// # Errors
    /// [`RegistryError::OtherOrigin`] if genesis is of another log, [`RegistryError::Rootless`] if it was signed by another
    /// key or actor than the root that it names, [`RegistryError::KeyTwice`] if two of its keys are one.
    pub fn genesis(origin: &str, signer: Hash, source: Hash, created: &LogCreated) -> Result<Self, RegistryError> {
        apply::genesis(origin, signer, source, created)
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Name of the ministry.
    #[must_use]
    pub fn ministry(&self) -> &str {
        &self.ministry
    }

    /// Judges the author of a batch at `entry`, before any of its events.
    ///
    /// # Errors
    /// [`AuthorityError`]: unknown, someone else's, or ended.
    pub fn author(&self, entry: u64, key: Hash, named: Hash) -> Result<Role, AuthorityError> {
        self.author_at(entry, key, named, |_| true)
    }

    /// The same of an earlier entry than the registry is of: what was added or ended since does not count.
    ///
    /// # Errors
    /// [`AuthorityError`], as it would have been then.
    pub fn author_before(&self, entry: u64, key: Hash, named: Hash) -> Result<Role, AuthorityError> {
        self.author_at(entry, key, named, |event| event < entry)
    }

    fn author_at(
        &self,
        entry: u64,
        key: Hash,
        named: Hash,
        counts: impl Fn(u64) -> bool,
    ) -> Result<Role, AuthorityError> {
        let unknown = || AuthorityError::UnknownKey { key, entry };
        let record = self.keys.get(&key).filter(|record| counts(record.added)).ok_or_else(unknown)?;
        if record.actor != named {
            return Err(AuthorityError::OtherActor { key, owner: record.actor, named });
        }
        if let Some(ended) = record.ended.filter(|ended| counts(*ended)) {
            return Err(AuthorityError::EndedKey { key, ended, entry });
        }
        self.role(named).ok_or_else(unknown)
    }

    /// Judges a kind under a role that [`Registry::author`] gave.
    ///
    /// # Errors
    /// [`AuthorityError::WrongRole`].
    pub fn authorise(role: Role, kind: EventKind) -> Result<(), AuthorityError> {
        if may_write(role, kind) {
            return Ok(());
        }
        Err(AuthorityError::WrongRole { role: role.as_str_name(), kind: kind.as_str_name() })
    }

    /// Role of an actor.
    #[must_use]
    pub fn role(&self, actor: Hash) -> Option<Role> {
        self.actors.get(&actor).map(|record| record.role)
    }

    /// All actors.
    pub fn actors(&self) -> impl Iterator<Item = (&Hash, &ActorRecord)> {
        self.actors.iter()
    }

    /// A signing key, whatever became of it.
    #[must_use]
    pub fn key(&self, key: Hash) -> Option<&KeyRecord> {
        self.keys.get(&key)
    }

    /// All signing keys.
    pub fn keys(&self) -> impl Iterator<Item = (&Hash, &KeyRecord)> {
        self.keys.iter()
    }

    /// The key that signs checkpoints of this size: the newest that was named in an entry below it.
    #[must_use]
    pub fn log_key(&self, size: u64) -> Option<&[u8; 32]> {
        self.log_keys.iter().rev().find(|(entry, _)| *entry < size).map(|(_, key)| key)
    }

    /// Every key that was ever named for the log, the oldest first.
    pub fn log_keys(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.log_keys.iter().map(|(_, key)| key)
    }

    /// Archive keys to which new dossiers are wrapped, by id.
    pub fn archive_keys(&self) -> impl Iterator<Item = (&Hash, &ArchiveKeyRecord)> {
        self.archive_keys.iter().filter(|(_, record)| record.retired.is_none())
    }

    /// An archive key, also a retired one.
    #[must_use]
    pub fn archive_key(&self, id: &Hash) -> Option<&ArchiveKeyRecord> {
        self.archive_keys.get(id)
    }

    /// The Dutch label of a ground or marking of the newest list, if it has that code.
    #[must_use]
    pub fn ground(&self, code: &str) -> Option<&str> {
        self.grounds.get(code).map(String::as_str)
    }

    /// The Dutch label of a class of the newest list, if it has that code.
    #[must_use]
    pub fn class(&self, code: &str) -> Option<&str> {
        self.classes.get(code).map(String::as_str)
    }

    /// Classes of the newest list with their Dutch labels, by code.
    pub fn classes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.classes.iter().map(|(code, label)| (code.as_str(), label.as_str()))
    }

    /// Name and version of the newest list of classes; empty before there is one.
    #[must_use]
    pub fn class_list(&self) -> &str {
        &self.class_list
    }

    /// Grounds and markings of the newest list with their Dutch labels, by code.
    pub fn grounds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.grounds.iter().map(|(code, label)| (code.as_str(), label.as_str()))
    }

    /// Name and version of the newest list of grounds; empty before there is one.
    #[must_use]
    pub fn ground_list(&self) -> &str {
        &self.ground_list
    }

    /// The newest value of a policy.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&str> {
        self.policies.get(name).map(String::as_str)
    }

    /// Keys that were revoked as compromised, with the first entry in doubt.
    pub fn compromised(&self) -> impl Iterator<Item = (Hash, u64)> {
        self.keys.iter().filter_map(|(key, record)| record.compromised_from.map(|from| (*key, from)))
    }
}
