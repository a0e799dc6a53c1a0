//! Keys that change, end, or are lost: what is told to the log, and when.
//!
//! Invariants:
//! - there is no gap: a new key is in the registry before anything is signed with it, and an old one is retired only after
//!   all that it signed is in the log;
//! - each step asks the registry what was done already, so that a change that was broken off is finished by asking again.
//!
//! Not here: the files (`keys`). Specification: `specs/keys.md`, `specs/registry.md`.

use super::OfficerError;
use super::genesis::key_added;
use crate::event::{Draft, EventError, public};
use crate::keys::{Actor, Identity, KeyFolder, NewKey};
use crate::source::{LedgerError, Source, SourceError};
use zegel_proto::print;
use zegel_proto::v1::{
    EventKind, KeyPossession, KeyRetired, KeyRevoked, LogKeyChanged, RevocationReason, RootKeyChanged,
};
use zegel_verifier::hash::Hash;
use zegel_verifier::registry::Registry;
use zegel_verifier::signature::CONTEXT_KEY;

/// What becomes of the key that was in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldKey {
    /// It ends as soon as all that it signed is in the log.
    Retire,
    /// It goes on beside the new one until [`retire`].
    Keep,
}

/// A key that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key in use now.
    pub key: Hash,
    /// Keys that were ended by it.
    pub ended: Vec<Hash>,
}

/// Why a key is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Somebody else may have it: what it signed from this entry on is in doubt.
    Compromised {
        /// Index of the first entry in doubt.
        from_entry: u64,
    },
    /// Nobody has it any more.
    Lost,
    /// Its owner has gone.
    ActorLeft,
}

/// Keys of an actor that may sign now.
fn live(registry: Option<&Registry>, actor: Hash) -> Vec<Hash> {
    let keys = registry.into_iter().flat_map(Registry::keys);
    keys.filter(|(_, record)| record.actor == actor && record.ended.is_none()).map(|(key, _)| *key).collect()
}

async fn root(folder: &KeyFolder, ledger: &str) -> Result<Source, OfficerError> {
    Ok(Source::of_folder(folder, Actor::Root, ledger).await?)
}

/// Gives an actor another key: the new one is registered, taken into use, and then the old one is retired.
///
/// # Errors
/// [`OfficerError::OverlapOpen`] if two keys are in use already; [`OfficerError::OtherWay`] for root and log.
pub async fn rotate(
    folder: &KeyFolder,
    who: Actor,
    ledger: &str,
    new: &NewKey,
    old: OldKey,
) -> Result<Rotated, OfficerError> {
    if matches!(who, Actor::Root | Actor::Log) {
        return Err(OfficerError::OtherWay { actor: who.name() });
    }
    let mut root = root(folder, ledger).await?;
    let actor = folder.actor_id(who);
    let found = live(root.registry(), actor).len();
    if found > 1 && !folder.has_next_key(who) {
        return Err(OfficerError::OverlapOpen { actor: who.name(), found });
    }
    let next = folder.next_key(who, new)?;
    if root.registry().is_none_or(|registry| registry.key(next.public_key()).is_none()) {
        root.append(vec![key_added(root.origin(), &next)?]).await?;
    }
    folder.take_next_key(who)?;
    match old {
        OldKey::Keep => Ok(Rotated { key: next.public_key(), ended: Vec::new() }),
        OldKey::Retire => end_others(folder, &mut root, who, ledger).await,
    }
}

/// Ends the overlap: retires every key of an actor but the one in use.
///
/// # Errors
/// [`OfficerError`].
pub async fn retire(folder: &KeyFolder, who: Actor, ledger: &str) -> Result<Rotated, OfficerError> {
    let mut root = root(folder, ledger).await?;
    end_others(folder, &mut root, who, ledger).await
}

async fn end_others(folder: &KeyFolder, root: &mut Source, who: Actor, ledger: &str) -> Result<Rotated, OfficerError> {
    let key = folder.identity(who)?.public_key();
    root.refresh().await?;
    let in_use = live(root.registry(), folder.actor_id(who));
    if !in_use.contains(&key) {
        return Err(OfficerError::NotInUse { actor: who.name(), key });
    }
    if who != Actor::Root {
        // What waits in the outbox was signed with the old key: it goes first. Opening a source sends it.
        drop(Source::of_folder(folder, who, ledger).await?);
    }
    let ended: Vec<Hash> = in_use.into_iter().filter(|other| *other != key).collect();
    let retired = |key: &Hash| public(EventKind::KeyRetired, &KeyRetired { key: key.to_vec() });
    let drafts = ended.iter().map(retired).collect::<Result<Vec<Draft>, _>>()?;
    if !drafts.is_empty() {
        root.append(drafts).await?;
    }
    Ok(Rotated { key, ended })
}

/// Revokes a key: it signs nothing more, and what it signed from an entry on can be declared in doubt. Also one that has
/// retired before, if it was compromised.
///
/// # Errors
/// [`OfficerError::Source`] if the ledger refuses, as it does for an unknown key.
pub async fn revoke(folder: &KeyFolder, key: Hash, why: Revocation, ledger: &str) -> Result<(), OfficerError> {
    let (reason, compromised_from_entry) = match why {
        Revocation::Compromised { from_entry } => (RevocationReason::RevocationCompromised, from_entry),
        Revocation::Lost => (RevocationReason::RevocationLost, 0),
        Revocation::ActorLeft => (RevocationReason::RevocationActorLeft, 0),
    };
    let event = KeyRevoked { key: key.to_vec(), reason: reason as i32, compromised_from_entry };
    root(folder, ledger).await?.append(vec![public(EventKind::KeyRevoked, &event)?]).await?;
    Ok(())
}

/// Who says that the root has another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootWord {
    /// The root itself.
    Root,
    /// The recovery key, since the root's is lost or stolen.
    Recovery,
}

/// Gives the root another key. All of its keys end; trust files go on pinning the first one, from which the log leads here.
///
/// # Errors
/// [`OfficerError`].
pub async fn change_root(
    folder: &KeyFolder,
    word: RootWord,
    ledger: &str,
    new: &NewKey,
) -> Result<Rotated, OfficerError> {
    let by = if word == RootWord::Root { Actor::Root } else { Actor::Recovery };
    let mut speaker = Source::of_folder(folder, by, ledger).await?;
    let next = folder.next_key(Actor::Root, new)?;
    let ended = live(speaker.registry(), next.actor());
    if !ended.contains(&next.public_key()) {
        let (root_key, proof) = possession(speaker.origin(), &next)?;
        speaker.append(vec![public(EventKind::RootKeyChanged, &RootKeyChanged { root_key, proof })?]).await?;
    }
    folder.take_next_key(Actor::Root)?;
    let key = next.public_key();
    Ok(Rotated { key, ended: ended.into_iter().filter(|other| *other != key).collect() })
}

/// Gives the log another key. The ledger must hold it first (`other_log_keys`), so the file is made in a first call, whose
/// refusal says so, and the change is done in a second.
///
/// # Errors
/// [`OfficerError::LogKeyNotHeld`] with the file that the ledger has to be given.
pub async fn change_log_key(folder: &mut KeyFolder, ledger: &str, new: &NewKey) -> Result<Rotated, OfficerError> {
    let mut root = root(folder, ledger).await?;
    let keys: Vec<Hash> = root.registry().into_iter().flat_map(Registry::log_keys).map(|key| Hash(*key)).collect();
    let before = folder.ministry().log_key;
    // A change that the log knows of and the folder does not was broken off in between.
    let is_told = keys.last().is_some_and(|last| *last != before);
    let (file, next) = folder.next_log_key(keys.len() + usize::from(!is_told), new)?;
    if !is_told {
        let (log_key, proof) = possession(root.origin(), &next)?;
        let event = public(EventKind::LogKeyChanged, &LogKeyChanged { log_key, proof })?;
        root.append(vec![event]).await.map_err(|reason| match reason {
            SourceError::Ledger(LedgerError::Refused { .. }) => {
                let path = folder.path().join(&file).display().to_string();
                OfficerError::LogKeyNotHeld { path, reason: Box::new(reason) }
            }
            other => other.into(),
        })?;
    }
    let key = next.public_key();
    folder.log_key_changed(file, key)?;
    Ok(Rotated { key, ended: vec![before] })
}

/// A public key, and its own signature over whose it is.
pub(super) fn possession(origin: &str, identity: &Identity) -> Result<(Vec<u8>, Vec<u8>), SourceError> {
    let (actor, key) = (identity.actor().to_vec(), identity.public_key().to_vec());
    let claim = KeyPossession { origin: origin.into(), actor, key: key.clone() };
    let proof = identity.sign(CONTEXT_KEY, &print(&claim).map_err(EventError::from)?)?;
    Ok((key, proof))
}
