//! Who may make which call: client certificate → actor → role in the log's registry → call.
//!
//! Invariants:
//! - one answer to everything that is not allowed, whether or not the log, the source or the export that it names exists;
//! - a role comes from the registry as it was published, so a key that the log revoked shuts the line as well;
//! - a log that lists no client is open to whoever reaches the port, and the ledger says so when it starts.
//!
//! Not here: TLS itself (`server`), and who may *write* which event, which is the log's rule and nobody's line
//! (`log::admission`). Specification: `specs/access.md`.

use std::collections::{HashMap, HashSet};
use zegel_proto::v1::Role;
use zegel_verifier::audit::dwell;
use zegel_verifier::hash::Hash;
use zegel_verifier::registry::Registry;

/// A call of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Append,
    PutBlob,
    BlobStat,
    GetBlob,
    Known,
    GetSourceHead,
    GetRegistry,
    GetCheckpoint,
    GetReceipt,
    GetConsistencyProof,
    ReadEntries,
    ReadAudit,
    ReadStream,
    /// ReadStream of month 0 of a conversation: whether it is registered, which a source has to know.
    ReadRegistration,
    Snapshot,
    ExportEvidence,
    Replicate,
    Erase,
    ReadEnvelopes,
    RewrapEnvelopes,
}

/// The table of `specs/access.md`, which a test reads.
const fn may_call(role: Role, call: Call) -> bool {
    match call {
        Call::GetRegistry | Call::GetCheckpoint | Call::GetReceipt | Call::GetConsistencyProof => true,
        Call::Append | Call::GetSourceHead => !matches!(role, Role::Auditor | Role::Follower),
        Call::PutBlob => matches!(role, Role::Source),
        Call::BlobStat => matches!(role, Role::Source | Role::Follower),
        Call::Known => matches!(role, Role::Source | Role::Officer),
        Call::ReadEntries => matches!(role, Role::Officer | Role::Approver | Role::Inspector | Role::Auditor),
        Call::ReadStream => matches!(role, Role::Officer | Role::Approver | Role::Inspector),
        Call::ReadRegistration => matches!(role, Role::Source | Role::Officer | Role::Approver | Role::Inspector),
        Call::ReadAudit => matches!(role, Role::Auditor),
        Call::GetBlob => matches!(role, Role::Officer | Role::Inspector | Role::Follower),
        Call::Snapshot | Call::ExportEvidence => matches!(role, Role::Officer | Role::Approver | Role::Inspector),
        Call::Replicate => matches!(role, Role::Follower),
        // Whoever carries it in: an order is believed by its two signatures alone.
        Call::Erase => matches!(role, Role::Officer | Role::Operator),
        Call::ReadEnvelopes | Call::RewrapEnvelopes => matches!(role, Role::Officer),
    }
}

/// Roles of the actors that may act: registered, and not all of their keys have ended. An actor that never had a key (an
/// auditor, an operator) acts by its certificate alone. And the archive keys in use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roles {
    of: HashMap<Hash, Role>,
    /// What they were read from; `None` before genesis.
    registry: Option<Registry>,
    archive_keys: HashSet<Hash>,
    /// The most hours that content may lie here, if this is a landing zone.
    landing_zone_max_hours: Option<u64>,
}

impl Roles {
    /// As a registry says.
    pub(crate) fn of(registry: &Registry) -> Self {
        let mut keys: HashMap<Hash, Keys> = HashMap::new();
        for (_, key) in registry.keys() {
            let found = keys.entry(key.actor).or_insert(Keys::Ended);
            if key.ended.is_none() {
                *found = Keys::Good;
            }
        }
        let acts = |actor: &Hash| !matches!(keys.get(actor), Some(Keys::Ended));
        let of = registry.actors().filter(|(actor, _)| acts(actor)).map(|(actor, record)| (*actor, record.role));
        let archive_keys = registry.archive_keys().map(|(id, _)| *id).collect();
        let landing_zone_max_hours = dwell::max_hours(registry);
        Self { of: of.collect(), registry: Some(registry.clone()), archive_keys, landing_zone_max_hours }
    }

    /// The registry that says so.
    pub(crate) fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    /// Whether an archive key is in use: new envelopes may name it.
    pub(crate) fn wraps_to(&self, archive_key: Hash) -> bool {
        self.archive_keys.contains(&archive_key)
    }

    #[cfg(test)]
    pub(crate) fn wrapping_to(archive_keys: impl IntoIterator<Item = Hash>) -> Self {
        Self { archive_keys: archive_keys.into_iter().collect(), ..Self::default() }
    }

    /// The most hours that content may lie here, as the log's policy says; `None` if this is no landing zone.
    pub(crate) fn landing_zone_max_hours(&self) -> Option<u64> {
        self.landing_zone_max_hours
    }
}

#[derive(Clone, Copy)]
enum Keys {
    Good,
    Ended,
}

/// SHA-256 of the certificate that a client showed; `None` without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller(pub(crate) Option<Hash>);

/// For whom a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// Of an open log, that knows no difference.
    Anyone,
    /// A registered one.
    Known(Hash),
    /// A registered one that holds a replica: it is given everything sealed, and nothing of it is shown to anybody here.
    Follower(Hash),
}

impl Actor {
    /// Whether what belongs to this actor is the caller's own.
    pub(crate) fn owns(self, of: Hash) -> bool {
        match self {
            Self::Anyone => true,
            Self::Known(own) | Self::Follower(own) => own == of,
        }
    }
}

/// Clients of one log.
#[derive(Clone, Debug)]
pub(crate) enum Clients {
    /// Whoever reaches the port.
    Everyone,
    /// Actors by certificate.
    Listed(HashMap<Hash, Hash>),
}

impl Clients {
    /// The actor of a caller, if it may make this call. Before genesis there is no role yet: whoever is listed may do what
    /// the root may, and only the pinned root key can sign genesis.
    pub(crate) fn admit(&self, caller: Caller, call: Call, size: u64, roles: &Roles) -> Option<Actor> {
        let Self::Listed(actors) = self else { return Some(Actor::Anyone) };
        let actor = *actors.get(&caller.0?)?;
        let role = if size == 0 { Role::Root } else { *roles.of.get(&actor)? };
        let actor = if role == Role::Follower { Actor::Follower(actor) } else { Actor::Known(actor) };
        may_call(role, call).then_some(actor)
    }
}
