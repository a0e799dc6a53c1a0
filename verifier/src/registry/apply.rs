//! What each public event does to the registry.

use super::{ActorRecord, ArchiveKeyRecord, KeyRecord, Registry};
use crate::hash::{Hash, sha256};
use crate::signature::{CONTEXT_KEY, SignatureError, verify};
use std::collections::BTreeMap;
use thiserror::Error;
use zegel_proto::v1::{self, EventKind, KeyPossession, LogCreated, RevocationReason, Role};
use zegel_proto::{CanonicalError, parse, print};

/// Why a public event cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// Its content is not canonical.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Genesis of another log.
    #[error("genesis is of log {found:?}, wanted {wanted:?}")]
    OtherOrigin {
        /// Found.
        found: String,
        /// Wanted.
        wanted: String,
    },
    /// Genesis is not signed by the root that it names.
    #[error("genesis is not signed by the root key that it names")]
    Rootless,
    /// Genesis stands where it may not.
    #[error("a log is created once, in event 0 of entry 0")]
    GenesisTwice,
    /// The key is in the registry already.
    #[error("key {key} is in the registry already: no key is used twice or comes back")]
    KeyTwice {
        /// The key.
        key: Hash,
    },
    /// The actor is in the registry already.
    #[error("actor {actor} is in the registry already")]
    ActorTwice {
        /// The actor.
        actor: Hash,
    },
    /// No such actor.
    #[error("actor {actor} is not registered")]
    UnknownActor {
        /// The actor.
        actor: Hash,
    },
    /// No such key, or it has ended already.
    #[error("key {key} is not registered, or has ended already")]
    UnknownKey {
        /// The key.
        key: Hash,
    },
    /// The new key did not sign.
    #[error("proof of possession: {0}")]
    Possession(#[from] SignatureError),
    /// A doubt that begins after the revocation.
    #[error("compromised_from_entry is {found}, the revocation stands at entry {entry}")]
    DoubtInFuture {
        /// Found.
        found: u64,
        /// Entry of the revocation.
        entry: u64,
    },
}

type Applied = Result<(), RegistryError>;

pub(super) fn genesis(
    origin: &str,
    signer: Hash,
    source: Hash,
    created: &LogCreated,
) -> Result<Registry, RegistryError> {
    if created.origin != origin {
        return Err(RegistryError::OtherOrigin { found: created.origin.clone(), wanted: origin.into() });
    }
    let (root_actor, root_key) = (id(&created.root_actor), id(&created.root_key));
    if (signer, source) != (root_key, root_actor) {
        return Err(RegistryError::Rootless);
    }
    let mut registry = Registry {
        origin: origin.into(),
        ministry: created.ministry.clone(),
        root_actor,
        keys: BTreeMap::new(),
        actors: BTreeMap::new(),
        log_keys: vec![(0, id(&created.log_key).0)],
        archive_keys: BTreeMap::new(),
        grounds: BTreeMap::new(),
        ground_list: String::new(),
        classes: BTreeMap::new(),
        class_list: String::new(),
        policies: BTreeMap::new(),
    };
    registry.add_actor(root_actor, Role::Root, "root")?;
    registry.add_actor(id(&created.recovery_actor), Role::Recovery, "recovery")?;
    registry.add_key(0, root_actor, root_key)?;
    registry.add_key(0, id(&created.recovery_actor), id(&created.recovery_key))?;
    Ok(registry)
}

/// Lengths were checked by the grammar.
fn id(bytes: &[u8]) -> Hash {
    Hash::read(bytes).unwrap_or(Hash::ZERO)
}

impl Registry {
    /// Applies a public event, after its entry: authority was judged on the state before it.
    ///
    /// # Errors
    /// [`RegistryError`]; the registry is then unchanged.
    pub fn apply(&mut self, entry: u64, kind: EventKind, public: &[u8]) -> Applied {
        match kind {
            EventKind::LogCreated => Err(RegistryError::GenesisTwice),
            EventKind::ActorRegistered => self.actor_registered(&parse(public)?),
            EventKind::KeyAdded => self.key_added(entry, &parse(public)?),
            EventKind::KeyRetired => {
                let retired: v1::KeyRetired = parse(public)?;
                self.end_key(id(&retired.key), entry, None)
            }
            EventKind::KeyRevoked => self.key_revoked(entry, &parse(public)?),
            EventKind::ArchiveKeyAdded => self.archive_key_added(entry, parse(public)?),
            EventKind::ArchiveKeyRetired => self.archive_key_retired(entry, &parse(public)?),
            EventKind::LogKeyChanged => self.log_key_changed(entry, &parse(public)?),
            EventKind::RootKeyChanged => self.root_key_changed(entry, &parse(public)?),
            EventKind::PolicySet => {
                let policy: v1::PolicySet = parse(public)?;
                self.policies.insert(policy.name, policy.value);
                Ok(())
            }
            EventKind::GroundsListPublished => {
                let list: v1::GroundsListPublished = parse(public)?;
                self.grounds = list.items.into_iter().map(|item| (item.code, item.label_nl)).collect();
                self.ground_list = list.version;
                Ok(())
            }
            EventKind::ClassListPublished => {
                let list: v1::ClassListPublished = parse(public)?;
                self.classes = list.items.into_iter().map(|item| (item.code, item.label_nl)).collect();
                self.class_list = list.version;
                Ok(())
            }
            EventKind::WitnessPolicySet => parse::<v1::WitnessPolicySet>(public).map(|_| ()).map_err(Into::into),
            EventKind::LogRecovered => parse::<v1::LogRecovered>(public).map(|_| ()).map_err(Into::into),
            // Sealed kinds say nothing to the registry.
            _ => Ok(()),
        }
    }

    fn actor_registered(&mut self, event: &v1::ActorRegistered) -> Applied {
        let role = Role::try_from(event.role).unwrap_or(Role::Unspecified);
        self.add_actor(id(&event.actor), role, &event.name)
    }

    fn add_actor(&mut self, actor: Hash, role: Role, name: &str) -> Applied {
        if self.actors.contains_key(&actor) {
            return Err(RegistryError::ActorTwice { actor });
        }
        self.actors.insert(actor, ActorRecord { role, name: name.into() });
        Ok(())
    }

    fn key_added(&mut self, entry: u64, event: &v1::KeyAdded) -> Applied {
        let actor = id(&event.actor);
        if !self.actors.contains_key(&actor) {
            return Err(RegistryError::UnknownActor { actor });
        }
        self.check_possession(actor, &event.key, &event.proof)?;
        self.add_key(entry, actor, id(&event.key))
    }

    fn check_possession(&self, actor: Hash, key: &[u8], proof: &[u8]) -> Applied {
        let claim = KeyPossession { origin: self.origin.clone(), actor: actor.to_vec(), key: key.to_vec() };
        Ok(verify(key, CONTEXT_KEY, &print(&claim)?, proof)?)
    }

    /// No key is used twice, whether it signs batches or checkpoints.
    fn check_new(&self, key: Hash) -> Applied {
        let is_taken = self.keys.contains_key(&key) || self.log_keys.iter().any(|(_, log_key)| *log_key == key.0);
        if is_taken { Err(RegistryError::KeyTwice { key }) } else { Ok(()) }
    }

    fn add_key(&mut self, entry: u64, actor: Hash, key: Hash) -> Applied {
        self.check_new(key)?;
        self.keys.insert(key, KeyRecord { actor, added: entry, ended: None, compromised_from: None });
        Ok(())
    }

    fn end_key(&mut self, key: Hash, entry: u64, compromised_from: Option<u64>) -> Applied {
        let record = self.keys.get_mut(&key).filter(|record| record.ended.is_none());
        let record = record.ok_or(RegistryError::UnknownKey { key })?;
        record.ended = Some(entry);
        record.compromised_from = compromised_from;
        Ok(())
    }

    fn key_revoked(&mut self, entry: u64, event: &v1::KeyRevoked) -> Applied {
        let found = event.compromised_from_entry;
        if found > entry {
            return Err(RegistryError::DoubtInFuture { found, entry });
        }
        let in_doubt = (event.reason == RevocationReason::RevocationCompromised as i32).then_some(found);
        let key = id(&event.key);
        // A theft can come to light after the key has retired: the end stays where it was, the doubt is added.
        let is_late = in_doubt.is_some() && self.keys.get(&key).is_some_and(|record| record.ended.is_some());
        if !is_late {
            return self.end_key(key, entry, in_doubt);
        }
        let record = self.keys.get_mut(&key).filter(|record| record.compromised_from.is_none());
        record.ok_or(RegistryError::UnknownKey { key })?.compromised_from = in_doubt;
        Ok(())
    }

    fn archive_key_added(&mut self, entry: u64, event: v1::ArchiveKeyAdded) -> Applied {
        let key = sha256(&[&event.public_key]);
        if self.archive_keys.contains_key(&key) {
            return Err(RegistryError::KeyTwice { key });
        }
        let record = ArchiveKeyRecord { public_key: event.public_key, name: event.name, added: entry, retired: None };
        self.archive_keys.insert(key, record);
        Ok(())
    }

    fn archive_key_retired(&mut self, entry: u64, event: &v1::ArchiveKeyRetired) -> Applied {
        let key = id(&event.archive_key);
        let record = self.archive_keys.get_mut(&key).filter(|record| record.retired.is_none());
        record.ok_or(RegistryError::UnknownKey { key })?.retired = Some(entry);
        Ok(())
    }

    fn log_key_changed(&mut self, entry: u64, event: &v1::LogKeyChanged) -> Applied {
        let key = id(&event.log_key);
        self.check_possession(Hash::ZERO, &event.log_key, &event.proof)?;
        self.check_new(key)?;
        self.log_keys.push((entry, key.0));
        Ok(())
    }

    fn root_key_changed(&mut self, entry: u64, event: &v1::RootKeyChanged) -> Applied {
        let key = id(&event.root_key);
        self.check_possession(self.root_actor, &event.root_key, &event.proof)?;
        // Before the old keys end: a change that is refused must leave the root as it was.
        self.check_new(key)?;
        let root = self.root_actor;
        let old: Vec<Hash> =
            self.keys.iter().filter(|(_, r)| r.actor == root && r.ended.is_none()).map(|(k, _)| *k).collect();
        old.into_iter().try_for_each(|old| self.end_key(old, entry, None))?;
        self.add_key(entry, root, key)
    }
}
