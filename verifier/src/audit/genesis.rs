//! Who could do what: genesis under the pinned root, and the registry as each entry leaves it.

use super::Fault;
use super::examine::{Content, ExaminedBatch, PublicEvent};
use crate::bundle::Place;
use crate::hash::Hash;
use crate::registry::{Registry, RegistryError};
use crate::trust::Trust;
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{AuditEntry, EventKind, LogCreated, Role};

/// A public event that was applied: what a state keeps of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) entry: u64,
    pub(super) kind: EventKind,
    pub(super) content: Vec<u8>,
}

/// The registry, how it came to be, and until when each key signed.
#[derive(Clone, Debug, Default)]
pub(super) struct Governance {
    registry: Option<Registry>,
    /// Actor that signed genesis; its key is the pinned one.
    pub(super) root_actor: Option<Hash>,
    pub(super) applied: Vec<Applied>,
    /// Last entry that a key signed.
    pub(super) signed: BTreeMap<Hash, u64>,
}

type Faults = Vec<(Place, Fault)>;

impl Governance {
    pub(super) fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    /// Judges the author of a batch on the state before it, then applies its public events: all of them, or none.
    pub(super) fn batch(&mut self, trust: &Trust, entry: u64, batch: &ExaminedBatch) -> Faults {
        let at = Place::entry(entry);
        let (key, source) = (batch.statement.key(), batch.statement.source());
        self.signed.insert(key, entry);
        let Some(before) = self.registry.clone() else {
            return self.genesis(trust, entry, batch).err().into_iter().collect();
        };
        let mut faults = Vec::new();
        match before.author(entry, key, source) {
            Ok(role) => faults.extend(kinds_of(role, entry, batch)),
            Err(reason) => faults.push((at, Fault::Authority(reason))),
        }
        // What nobody may write says nothing to the registry.
        if faults.is_empty() && !batch.public.is_empty() {
            faults.extend(self.apply(before, entry, &batch.public).err());
        }
        faults
    }

    fn genesis(&mut self, trust: &Trust, entry: u64, batch: &ExaminedBatch) -> Result<(), (Place, Fault)> {
        let at = Place::event(entry, 0);
        let first = batch.public.first().filter(|event| event.position == 0 && event.kind == EventKind::LogCreated);
        let Some(first) = first else {
            return Err((
                at,
                Fault::Genesis { found: batch.kinds.first().map_or("nothing", |(kind, _)| kind.as_str_name()) },
            ));
        };
        let (found, wanted) = (batch.statement.key(), Hash(*trust.root_key()));
        if found != wanted {
            return Err((Place::entry(entry), Fault::RootKey { found, wanted }));
        }
        let source = batch.statement.source();
        let registry = begin(trust, source, &first.content).map_err(|reason| (at, Fault::Registry(reason)))?;
        self.root_actor = Some(source);
        self.applied.push(Applied { entry, kind: first.kind, content: first.content.clone() });
        if let Some(refused) = kinds_of(Role::Root, entry, batch).pop() {
            self.registry = Some(registry);
            return Err(refused);
        }
        self.registry = Some(registry.clone());
        self.apply(registry, entry, &batch.public[1..])
    }

    fn apply(&mut self, mut to: Registry, entry: u64, events: &[PublicEvent]) -> Result<(), (Place, Fault)> {
        for event in events {
            to.apply(entry, event.kind, &event.content)
                .map_err(|reason| (Place::event(entry, event.position), Fault::Registry(reason)))?;
        }
        self.registry = Some(to);
        let kept = |event: &PublicEvent| Applied { entry, kind: event.kind, content: event.content.clone() };
        self.applied.extend(events.iter().map(kept));
        Ok(())
    }

    /// Takes back a registry that was kept, event by event.
    pub(super) fn restore(
        &mut self,
        trust: &Trust,
        root_actor: Hash,
        applied: Vec<Applied>,
    ) -> Result<(), RegistryError> {
        let mut events = applied.iter();
        let Some(first) = events.next() else { return Ok(()) };
        let mut registry = begin(trust, root_actor, &first.content)?;
        events.try_for_each(|event| registry.apply(event.entry, event.kind, &event.content))?;
        (self.registry, self.root_actor, self.applied) = (Some(registry), Some(root_actor), applied);
        Ok(())
    }

    /// Keys that signed at or after the entry from which they were declared compromised.
    pub(super) fn compromised(&self) -> impl Iterator<Item = (Place, Fault)> + '_ {
        let keys = self.registry.iter().flat_map(Registry::compromised);
        keys.filter_map(|(key, from)| {
            let last = self.signed.get(&key).copied().filter(|last| *last >= from)?;
            Some((Place::entry(from), Fault::KeyCompromised { key, from, last }))
        })
    }
}

/// Every key that the root has named for its log, by registry entries from genesis on: each is examined by itself, and its
/// author judged on those before it. Entries without public events are passed over.
///
/// # Errors
/// [`Fault`]: the first entry that does not hold, or no genesis.
pub fn log_keys(trust: &Trust, entries: &[AuditEntry]) -> Result<Vec<[u8; 32]>, Fault> {
    let mut governance = Governance::default();
    for entry in entries {
        match super::examine(entry, trust.origin()).content {
            Content::Batch(batch) => {
                let fault = governance.batch(trust, entry.index, &batch).into_iter().chain(batch.faults).next();
                fault.map_or(Ok(()), |(_, fault)| Err(fault))?;
            }
            Content::Bad(_, fault) => return Err(fault),
            Content::Snapshot(_) => {}
        }
    }
    let registry = governance.registry.ok_or(Fault::Genesis { found: "no registry entry" })?;
    Ok(registry.log_keys().copied().collect())
}

fn begin(trust: &Trust, source: Hash, content: &[u8]) -> Result<Registry, RegistryError> {
    let created: LogCreated = parse(content)?;
    Registry::genesis(trust.origin(), Hash(*trust.root_key()), source, &created)
}

fn kinds_of(role: Role, entry: u64, batch: &ExaminedBatch) -> Faults {
    let refused = |(kind, position): &(EventKind, u32)| {
        let reason = Registry::authorise(role, *kind).err()?;
        Some((Place::event(entry, *position), Fault::Authority(reason)))
    };
    batch.kinds.iter().filter_map(refused).collect()
}
