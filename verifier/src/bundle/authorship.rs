//! Who wrote what, and whether they might: the registry as the walk passes it, and the chain of each source.
//!
//! Invariants: entry 0 is judged by the pinned root key alone, every later entry on the registry before it; what was
//! authorised at its entry stays so, and a later word that the key was compromised becomes a finding.
//! Specification: `specs/registry.md`.

use super::walk::OpenBatch;
use super::{Place, Refusal};
use crate::batch::VerifiedStatement;
use crate::hash::Hash;
use crate::kinds::{Family, family};
use crate::registry::{Registry, RegistryError};
use crate::trust::Trust;
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{EventKind, LogCreated, Role};

/// The last batch of a source that was shown.
struct Link {
    entry: u64,
    batch_seq: u64,
    hash: Hash,
}

/// Which entries a key signed, of those shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyUse {
    pub(super) source: Hash,
    pub(super) batches: u64,
    pub(super) first_entry: u64,
    pub(super) last_entry: u64,
}

/// The registry and the chains.
pub(super) struct Authorship {
    origin: String,
    root_key: Hash,
    registry: Option<Registry>,
    chains: BTreeMap<Hash, Link>,
    keys: BTreeMap<Hash, KeyUse>,
    last_entry: Option<u64>,
}

impl Authorship {
    pub(super) fn new(trust: &Trust) -> Self {
        Self {
            origin: trust.origin().to_owned(),
            root_key: Hash(*trust.root_key()),
            registry: None,
            chains: BTreeMap::new(),
            keys: BTreeMap::new(),
            last_entry: None,
        }
    }

    /// Judges the author of a batch and its place in the source's chain.
    pub(super) fn batch(&mut self, entry: u64, statement: &VerifiedStatement) -> Result<Role, Refusal> {
        let place = Place::entry(entry);
        let (key, source) = (statement.key(), statement.source());
        let role = match &self.registry {
            Some(registry) => {
                registry.author(entry, key, source).map_err(|reason| Refusal::Authority { place, reason })?
            }
            None if entry != 0 => return Err(Refusal::Genesis { place, found: "another entry than 0 first" }),
            None if key != self.root_key => return Err(Refusal::RootKey { found: key, wanted: self.root_key }),
            None => Role::Root,
        };
        self.chain(entry, statement)?;
        let new = KeyUse { source, batches: 0, first_entry: entry, last_entry: entry };
        let used = self.keys.entry(key).or_insert(new);
        used.batches += 1;
        used.last_entry = entry;
        self.last_entry = Some(entry);
        Ok(role)
    }

    /// Consecutive batches of a source name each other. Of others the order can be seen, and that every batch between them
    /// has an entry between theirs: a number that jumps further than the log did was never logged.
    fn chain(&mut self, entry: u64, statement: &VerifiedStatement) -> Result<(), Refusal> {
        let place = Place::entry(entry);
        let (source_id, said) = (statement.source(), statement.statement());
        let found = said.batch_seq;
        let before = self.chains.get(&source_id);
        let follows = match before {
            None => found <= entry,
            Some(link) if found == link.batch_seq + 1 => Hash::read(&said.previous) == Some(link.hash),
            Some(link) => found > link.batch_seq && found - link.batch_seq <= entry - link.entry,
        };
        if !follows {
            let before = before.map_or(0, |link| link.batch_seq);
            return Err(Refusal::BatchChain { place, source_id, found, before });
        }
        self.chains.insert(source_id, Link { entry, batch_seq: found, hash: statement.hash() });
        Ok(())
    }

    /// Judges a kind under the role of its batch; what it says of keys and roles acts from the next entry on, since
    /// authors are judged once, at the head of a batch.
    pub(super) fn event(
        &mut self,
        place: Place,
        batch: &OpenBatch,
        kind: EventKind,
        public: Option<&[u8]>,
    ) -> Result<(), Refusal> {
        let Some(registry) = &mut self.registry else {
            return self.genesis(place, batch, kind, public);
        };
        Registry::authorise(batch.role, kind).map_err(|reason| Refusal::Authority { place, reason })?;
        match (public, family(kind)) {
            (Some(public), Family::Registry) => {
                registry.apply(batch.entry, kind, public).map_err(|reason| Refusal::Registry { place, reason })
            }
            _ => Ok(()),
        }
    }

    fn genesis(
        &mut self,
        place: Place,
        batch: &OpenBatch,
        kind: EventKind,
        public: Option<&[u8]>,
    ) -> Result<(), Refusal> {
        let found = kind.as_str_name();
        let (Some(public), EventKind::LogCreated, Some(0)) = (public, kind, place.position) else {
            return Err(Refusal::Genesis { place, found });
        };
        let refused = |reason: RegistryError| Refusal::Registry { place, reason };
        let created: LogCreated = parse(public).map_err(|reason| refused(reason.into()))?;
        let statement = &batch.statement;
        let registry = Registry::genesis(&self.origin, statement.key(), statement.source(), &created);
        self.registry = Some(registry.map_err(refused)?);
        Ok(())
    }

    /// The registry so far; `None` before genesis.
    pub(super) fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    /// The key that signs checkpoints of this size.
    pub(super) fn log_key(&self, size: u64) -> Result<[u8; 32], Refusal> {
        let key = self.registry.as_ref().and_then(|registry| registry.log_key(size)).copied();
        key.ok_or(Refusal::Genesis { place: Place::entry(0), found: "no log key" })
    }

    /// Index of the last batch that was shown.
    pub(super) fn last_entry(&self) -> Option<u64> {
        self.last_entry
    }

    /// Keys that signed what is shown.
    pub(super) fn keys(&self) -> impl Iterator<Item = (Hash, KeyUse)> {
        self.keys.iter().map(|(key, used)| (*key, *used))
    }
}
