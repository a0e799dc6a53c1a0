//! Carries out an order to erase, on a log that is served or that is not: four eyes, then keys, bodies, blobs, then a look through the files.
//!
//! The ledger cannot read what was decided, since acts are sealed; what it can judge is that an officer and an approver of its registry both
//! signed this very list of events. Not here: holds and terms (the officer's tools). Specification: `specs/officer.md`.

use crate::config::Config;
use crate::server::{ServeError, identity_of, open_store};
use crate::store::{Allegiance, Alone, Believed, Erased, Faults, Guard, NoFaults, Store, StoreError, TreeReader};
use crate::tree::root_at;
use std::sync::Arc;
use thiserror::Error;
use zegel_proto::parse;
use zegel_proto::v1::EventHeader;
use zegel_verifier::erasure::{Erasure, ErasureError};
use zegel_verifier::kinds::{EventFacts, Family, family};
use zegel_verifier::registry::Registry;

/// Why an order was not carried out.
#[derive(Debug, Error)]
pub enum EraseError {
    /// The order itself.
    #[error(transparent)]
    Order(#[from] ErasureError),
    /// A log that is not in the configuration, or has not begun.
    #[error("log {origin:?} is not in the configuration, or has not begun")]
    NoLog {
        /// The log.
        origin: String,
    },
    /// Something that has no content to erase, or must stay.
    #[error("{entry}:{position} is no chat or capture event of this log: acts and registrations stay")]
    NotContent {
        /// The entry.
        entry: u64,
        /// The position.
        position: u32,
    },
    /// A replica: what its primary erases goes here too, by the same order.
    #[error("this store follows {primary}: erase there, and the order comes here by itself")]
    Follower {
        /// The primary.
        primary: String,
    },
    /// An archive: what a landing zone purges for its receipt stays here.
    #[error("this store is the archive that holds it: what is purged for a receipt of custody stays here")]
    Archive,
    /// Each order writes all files anew: one after the other.
    #[error("another order is being carried out on this log: try again when it has ended")]
    UnderWay,
    /// What went meanwhile would be in a part of the copy, which of a large store takes hours.
    #[error("the store is being copied: try again when that has ended")]
    BeingCopied,
    /// The store could not be opened.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Carries out an order on a log that is not served. Done again, it goes on where it stopped, or finds nothing to do.
///
/// # Errors
/// [`EraseError`]. Nothing is erased before the order was believed and every event of it is one that may go.
pub fn erase(config: &Config, order: &str) -> Result<Erased, EraseError> {
    erase_with(config, order, Arc::new(NoFaults))
}

/// The same, failing where a test wants it to.
///
/// # Errors
/// As [`erase`].
pub fn erase_with(config: &Config, text: &str, faults: Arc<dyn Faults>) -> Result<Erased, EraseError> {
    let order = Erasure::parse(text)?;
    let no_log = || EraseError::NoLog { origin: order.origin.clone() };
    let log = config.logs.iter().find(|log| log.origin == order.origin).ok_or_else(no_log)?;
    let failed = |reason| ServeError::Store { origin: log.origin.clone(), reason };
    let mut guard = Guard::new(&log.guard, &log.origin).hold().map_err(failed)?;
    let store = open_store(log, faults)?;
    let identity = identity_of(log).map_err(ServeError::from)?;
    let loaded = store.load(identity, &mut guard).map_err(failed)?;
    let registry = loaded.log.registry().ok_or_else(no_log)?;
    carry_out(&store, registry, loaded.log.size(), text, &store.alone())
}

/// Carries out an order on a store, under the registry as it is at `size`. Appends go on beside it: rows of entries that are durable are written by
/// nobody else.
pub(crate) fn carry_out(
    store: &Arc<Store>,
    registry: &Registry,
    size: u64,
    text: &str,
    alone: &Alone<'_>,
) -> Result<Erased, EraseError> {
    if let Allegiance::Follows(primary) = store.allegiance()? {
        return Err(EraseError::Follower { primary });
    }
    let order = Erasure::parse(text)?;
    if order.receipt.is_some() && store.is_archive()? {
        return Err(EraseError::Archive);
    }
    order.verify(registry, size)?;
    check_receipt(store, registry, size, &order)?;
    for (entry, position) in &order.places {
        check_content(store, *entry, *position)?;
    }
    let resealed = &order.resealed;
    Ok(store.erase(Believed { places: &order.places, resealed, text, size }, alone)?)
}

/// Of a purge: whether the archive holds these events, under the tree that is here.
fn check_receipt(store: &Arc<Store>, registry: &Registry, size: u64, order: &Erasure) -> Result<(), EraseError> {
    let Some(receipt) = order.believed_receipt(registry, size).map_err(ErasureError::from)? else { return Ok(()) };
    let root = root_at(&TreeReader::new(Arc::clone(store), store.edge(size)?), receipt.to)?;
    Ok(receipt.check_root(root).map_err(ErasureError::from)?)
}

pub(crate) fn check_content(store: &Store, entry: u64, position: u32) -> Result<(), EraseError> {
    let headers = store.headers(entry)?;
    let header = headers.get(position as usize).and_then(|header| parse::<EventHeader>(header).ok());
    let facts = header.and_then(|header| EventFacts::read(&header).ok());
    let may_go = facts.is_some_and(|facts| matches!(family(facts.kind), Family::Chat | Family::Capture));
    if may_go { Ok(()) } else { Err(EraseError::NotContent { entry, position }) }
}
