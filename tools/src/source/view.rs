//! The registry as the ledger tells it, replayed under the pinned root.
//!
//! Each statement is verified, each header is under the root that was signed, and each author is judged as the verifier
//! does. What a ledger could still do is leave an entry out; the checks of a bundle and an auditor find that.

use thiserror::Error;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::{Entry, EventHeader, EventKind, LogCreated, RegistryResponse, Role, entry};
use zegel_proto::{CanonicalError, parse};
use zegel_verifier::batch::{BatchError, VerifiedStatement, events_root};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{EventFacts, Family, HeaderError, family};
use zegel_verifier::registry::{AuthorityError, Registry, RegistryError};

/// Why a registry does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ViewError {
    /// Bytes that are not canonical.
    #[error("entry {entry}: {reason}")]
    Canonical {
        /// Index.
        entry: u64,
        /// Why.
        reason: CanonicalError,
    },
    /// A batch whose signature does not hold.
    #[error("entry {entry}: {reason}")]
    Batch {
        /// Index.
        entry: u64,
        /// Why.
        reason: BatchError,
    },
    /// An entry without a batch.
    #[error("entry {entry} holds no batch, so no registry event")]
    NoBatch {
        /// Index.
        entry: u64,
    },
    /// Headers that are not those that were signed.
    #[error("entry {entry}: the headers are not those that its batch was signed over")]
    OtherHeaders {
        /// Index.
        entry: u64,
    },
    /// A header that does not fit its kind.
    #[error("entry {entry}: {reason}")]
    Header {
        /// Index.
        entry: u64,
        /// Why.
        reason: HeaderError,
    },
    /// Entries out of order.
    #[error("entry {found} comes after entry {after}: registry entries must ascend")]
    Order {
        /// Index.
        found: u64,
        /// The one before.
        after: u64,
    },
    /// The first entry is not genesis.
    #[error("the registry begins with entry {found}, not with genesis in entry 0")]
    NoGenesis {
        /// Index.
        found: u64,
    },
    /// Genesis names another root than is pinned.
    #[error("genesis names root key {found}, pinned is {wanted}")]
    OtherRoot {
        /// Found.
        found: Hash,
        /// Pinned.
        wanted: Hash,
    },
    /// An author that may not do this.
    #[error("entry {entry}: {reason}")]
    Authority {
        /// Index.
        entry: u64,
        /// Why.
        reason: AuthorityError,
    },
    /// An event that cannot be applied.
    #[error("entry {entry}: {reason}")]
    Registry {
        /// Index.
        entry: u64,
        /// Why.
        reason: RegistryError,
    },
}

/// A registry that grows entry by entry.
#[derive(Clone, Debug)]
pub struct RegistryReplay {
    origin: String,
    root_key: Hash,
    registry: Option<Registry>,
    last: u64,
}

impl RegistryReplay {
    /// Begins before genesis, under a pinned root.
    #[must_use]
    pub fn new(origin: &str, root_key: Hash) -> Self {
        Self { origin: origin.into(), root_key, registry: None, last: 0 }
    }

    /// Takes the next entry with events of the registry.
    ///
    /// # Errors
    /// [`ViewError`], with the first thing that does not hold.
    pub fn take(&mut self, response: &RegistryResponse) -> Result<(), ViewError> {
        let entry = response.index;
        let statement = verified(&self.origin, response)?;
        let canonical = |reason| ViewError::Canonical { entry, reason };
        let parsed = response.headers.iter().map(|bytes| parse::<EventHeader>(bytes));
        let headers: Vec<EventHeader> = parsed.collect::<Result<_, _>>().map_err(canonical)?;
        let role = match &self.registry {
            None => {
                self.registry = Some(self.genesis(entry, &statement, headers.first())?);
                Role::Root
            }
            Some(_) if entry <= self.last => return Err(ViewError::Order { found: entry, after: self.last }),
            Some(registry) => registry
                .author(entry, statement.key(), statement.source())
                .map_err(|reason| ViewError::Authority { entry, reason })?,
        };
        let skipped = usize::from(entry == 0);
        headers.iter().skip(skipped).try_for_each(|header| self.apply(entry, role, header))?;
        self.last = entry;
        Ok(())
    }

    /// The registry; `None` if there was no entry.
    #[must_use]
    pub fn finish(self) -> Option<Registry> {
        self.registry
    }

    fn genesis(
        &self,
        entry: u64,
        statement: &VerifiedStatement,
        first: Option<&EventHeader>,
    ) -> Result<Registry, ViewError> {
        let header = first.filter(|header| entry == 0 && header.kind() == EventKind::LogCreated);
        let Some(Content::Public(content)) = header.and_then(|header| header.content.as_ref()) else {
            return Err(ViewError::NoGenesis { found: entry });
        };
        let created: LogCreated = parse(content).map_err(|reason| ViewError::Canonical { entry, reason })?;
        let found = Hash::read(&created.root_key).unwrap_or(Hash::ZERO);
        if found != self.root_key {
            return Err(ViewError::OtherRoot { found, wanted: self.root_key });
        }
        Registry::genesis(&self.origin, statement.key(), statement.source(), &created)
            .map_err(|reason| ViewError::Registry { entry, reason })
    }

    fn apply(&mut self, entry: u64, role: Role, header: &EventHeader) -> Result<(), ViewError> {
        let facts = EventFacts::read(header).map_err(|reason| ViewError::Header { entry, reason })?;
        Registry::authorise(role, facts.kind).map_err(|reason| ViewError::Authority { entry, reason })?;
        match (&mut self.registry, &header.content) {
            (Some(registry), Some(Content::Public(content))) if family(facts.kind) == Family::Registry => {
                registry.apply(entry, facts.kind, content).map_err(|reason| ViewError::Registry { entry, reason })
            }
            _ => Ok(()),
        }
    }
}

/// The statement of an entry whose headers are those that were signed.
fn verified(origin: &str, response: &RegistryResponse) -> Result<VerifiedStatement, ViewError> {
    let entry = response.index;
    let parsed: Entry = parse(&response.entry).map_err(|reason| ViewError::Canonical { entry, reason })?;
    let Some(entry::Content::Batch(batch)) = &parsed.content else {
        return Err(ViewError::NoBatch { entry });
    };
    let statement = VerifiedStatement::verify(batch, origin).map_err(|reason| ViewError::Batch { entry, reason })?;
    let root = events_root(response.headers.iter().map(Vec::as_slice));
    let count = statement.statement().count as usize;
    if root != statement.events_root() || count != response.headers.len() {
        return Err(ViewError::OtherHeaders { entry });
    }
    Ok(statement)
}
