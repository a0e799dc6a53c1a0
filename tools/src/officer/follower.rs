//! What the root says of a second ledger: that it holds a replica, and that one was promoted. Specification: `specs/follower.md`.

use super::OfficerError;
use crate::entropy::random_id;
use crate::event::public;
use crate::keys::{Actor, KeyFolder};
use crate::source::Source;
use zegel_proto::v1::{ActorRegistered, EventKind, LogRecovered, Role};
use zegel_verifier::hash::Hash;

/// A log that was promoted, as it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Entries at which it was promoted.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// Entry of LOG_RECOVERED.
    pub entry: u64,
}

/// Registers a follower; gives the actor that its certificate is listed with. It needs no key: it writes nothing.
///
/// # Errors
/// [`OfficerError`].
pub async fn register_follower(folder: &KeyFolder, ledger: &str, name: &str) -> Result<Hash, OfficerError> {
    let actor = random_id()?;
    let event = ActorRegistered { actor: actor.to_vec(), role: Role::Follower as i32, name: name.into() };
    let registered = public(EventKind::ActorRegistered, &event)?;
    Source::of_folder(folder, Actor::Root, ledger).await?.append(vec![registered]).await?;
    Ok(actor)
}

/// Says that the log goes on at a ledger that was promoted, and what happened. Opening the root's chain has held the log
/// against what was seen of it before.
///
/// # Errors
/// [`OfficerError`]; [`OfficerError::NotBegun`] of a log without entries.
pub async fn log_recovered(folder: &KeyFolder, ledger: &str, account: &str) -> Result<Recovered, OfficerError> {
    let mut root = Source::of_folder(folder, Actor::Root, ledger).await?;
    let checkpoint = root.checkpoint().ok_or(OfficerError::NotBegun)?;
    let (size, last_root) = (checkpoint.size(), checkpoint.root());
    let event = LogRecovered { last_size: size, last_root: last_root.to_vec(), account: account.into() };
    let placed = root.append(vec![public(EventKind::LogRecovered, &event)?]).await?;
    let entry = placed.first().map_or(size, |placed| placed.entry);
    Ok(Recovered { size, root: last_root, entry })
}
