//! Genesis: one batch, signed by the root, with everyone and everything that a log needs to begin.

use super::{OfficerError, class_list, grounds_list};
use crate::event::{Draft, EventError, public};
use crate::keys::{Actor, Identity, KeyFolder};
use crate::source::Source;
use zegel_proto::print;
use zegel_proto::v1::{
    ActorRegistered, ArchiveAlgorithm, ArchiveKeyAdded, EventKind, KeyAdded, KeyPossession, LogCreated, Role,
};
use zegel_verifier::hash::Hash;
use zegel_verifier::signature::CONTEXT_KEY;

/// What became of a bootstrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bootstrap {
    /// Genesis is entry 0 now.
    Created,
    /// The log had begun already, under the same root.
    AlreadyThere,
}

/// Writes genesis to an empty log. Where the log has begun under the pinned root, nothing is written.
///
/// # Errors
/// [`OfficerError`].
pub async fn bootstrap(folder: &KeyFolder, ledger: &str) -> Result<Bootstrap, OfficerError> {
    let mut root = Source::of_folder(folder, Actor::Root, ledger).await?;
    if root.registry().is_some() {
        return Ok(Bootstrap::AlreadyThere);
    }
    root.append(genesis_drafts(folder)?).await?;
    root.refresh().await?;
    Ok(Bootstrap::Created)
}

/// Registers one more source with the root's key.
///
/// # Errors
/// [`OfficerError`].
pub async fn register_source(
    folder: &KeyFolder,
    ledger: &str,
    identity: &Identity,
    name: &str,
) -> Result<(), OfficerError> {
    let (actor, role) = (identity.actor().to_vec(), Role::Source as i32);
    let registered = public(EventKind::ActorRegistered, &ActorRegistered { actor, role, name: name.into() })?;
    let key = key_added(&folder.ministry().origin, identity)?;
    Source::of_folder(folder, Actor::Root, ledger).await?.append(vec![registered, key]).await?;
    Ok(())
}

/// The events of genesis, in order.
///
/// # Errors
/// [`OfficerError::Key`] if a key cannot be read.
pub fn genesis_drafts(folder: &KeyFolder) -> Result<Vec<Draft>, OfficerError> {
    let ministry = folder.ministry();
    let created = LogCreated {
        origin: ministry.origin.clone(),
        root_actor: ministry.root.to_vec(),
        root_key: ministry.root_key.to_vec(),
        log_key: ministry.log_key.to_vec(),
        recovery_actor: ministry.recovery.to_vec(),
        recovery_key: ministry.recovery_key.to_vec(),
        ministry: ministry.ministry.clone(),
    };
    let mut drafts = vec![public(EventKind::LogCreated, &created)?];
    let actors = [
        (ministry.officer, Role::Officer, "records officer"),
        (ministry.approver, Role::Approver, "approver"),
        (ministry.source, Role::Source, "importer"),
        (ministry.operator, Role::Operator, "operator of the ledger"),
    ];
    for (actor, role, name) in actors {
        let event = ActorRegistered { actor: actor.to_vec(), role: role as i32, name: name.into() };
        drafts.push(public(EventKind::ActorRegistered, &event)?);
    }
    for actor in [Actor::Officer, Actor::Approver, Actor::Source] {
        drafts.push(key_added(&ministry.origin, &folder.identity(actor)?)?);
    }
    for (name, key) in ministry.archive_keys.iter().zip(folder.archive_keys()?) {
        let event = ArchiveKeyAdded {
            algorithm: ArchiveAlgorithm::ArchiveHpkeXwing as i32,
            public_key: key.public().to_vec(),
            name: name.file.trim_end_matches(".key").into(),
        };
        drafts.push(public(EventKind::ArchiveKeyAdded, &event)?);
    }
    drafts.push(public(EventKind::ClassListPublished, &class_list())?);
    drafts.push(public(EventKind::GroundsListPublished, &grounds_list())?);
    Ok(drafts)
}

/// A key with proof that its owner has it.
pub(crate) fn key_added(origin: &str, identity: &Identity) -> Result<Draft, EventError> {
    let (actor, key): (Hash, Hash) = (identity.actor(), identity.public_key());
    let claim = KeyPossession { origin: origin.into(), actor: actor.to_vec(), key: key.to_vec() };
    let proof = identity.sign(CONTEXT_KEY, &print(&claim)?);
    public(EventKind::KeyAdded, &KeyAdded { actor: actor.to_vec(), key: key.to_vec(), proof })
}
