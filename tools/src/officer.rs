//! What the ministry's officers do: begin a log, register people and conversations.
//!
//! Not here: the export (`export`), keys (`keys`). Specification: `specs/registry.md`.

mod archive;
mod decide;
mod follower;
mod genesis;
mod lists;
mod register;
mod rotation;

pub use archive::{add_archive_key, retire_archive_key};
pub use decide::{Decided, Decision, TESTS, approve, check_claim_term};
pub use follower::{Recovered, log_recovered, register_follower};
pub(crate) use genesis::key_added;
pub use genesis::{Bootstrap, bootstrap, genesis_drafts, register_source};
pub use lists::{class_list, grounds_list, normalise_ground};
pub use register::{Register, RegisteredId};
pub use rotation::{OldKey, Revocation, RootWord, Rotated, change_log_key, change_root, retire, revoke, rotate};

use crate::disk::DiskError;
use crate::entropy::{EntropyError, random_id};
use crate::event::{ConversationEntry, CustodianEntry, Draft, EventError};
use crate::keys::{Actor, KeyError, KeyFolder};
use crate::source::{Source, SourceError, now_ms};
use thiserror::Error;
use zegel_proto::v1::EventKind;
use zegel_verifier::hash::Hash;
use zegel_verifier::selection::SelectionListError;

/// Why an officer's act was not done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OfficerError {
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A log without entries.
    #[error("the log has not begun: there is nothing that could be recovered")]
    NotBegun,
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// An event that cannot be made.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Submitting.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The register is not one.
    #[error("{path} is not a register of names")]
    Malformed {
        /// The file.
        path: String,
    },
    /// The loss of one key more would be the loss of everything.
    #[error("{left} archive keys would be left in use, at least {wanted} are wanted: add one first")]
    TooFewArchiveKeys {
        /// How many would be left.
        left: usize,
        /// How many are wanted.
        wanted: usize,
    },
    /// Two keys of one actor, and a third was asked for.
    #[error("{actor} has {found} keys in use: end the overlap first, with `zegel key retire {actor}`")]
    OverlapOpen {
        /// Name of the actor.
        actor: &'static str,
        /// How many.
        found: usize,
    },
    /// The key of the folder is not one that may sign, so that nothing may be ended for it.
    #[error("key {key} of {actor} may not sign, so the other keys of {actor} are left as they are")]
    NotInUse {
        /// Name of the actor.
        actor: &'static str,
        /// The key in the folder.
        key: Hash,
    },
    /// Root and log change their keys by events of their own.
    #[error("the key of the {actor} changes by an event of its own, not by one of an actor")]
    OtherWay {
        /// "root" or "log".
        actor: &'static str,
    },
    /// The ledger does not hold the log's next key.
    #[error("give the ledger {path} first (other_log_keys, and start it again), then ask again: {reason}")]
    LogKeyNotHeld {
        /// The key file.
        path: String,
        /// What the ledger said.
        reason: Box<SourceError>,
    },
    /// A name that has an id already.
    #[error("{name:?} is registered already, as {id}")]
    NameTaken {
        /// The name.
        name: String,
        /// Its id.
        id: Hash,
    },
    /// A code that no list has.
    #[error("{code:?} is not in the {list} that the log publishes; it has: {known}")]
    UnknownCode {
        /// Which list.
        list: &'static str,
        /// The code.
        code: String,
        /// Codes that it has.
        known: String,
    },
    /// A new list that lacks what the one in force has, or what the program writes by itself.
    #[error("list {version:?} lacks {codes}, which {why}")]
    ListLacks {
        /// The new list.
        version: String,
        /// Codes that it lacks.
        codes: String,
        /// Why they have to be there, and what to do.
        why: &'static str,
    },
    /// A new list under the name of the old one, or of none.
    #[error("a new version of a list has a name of its own: found {version:?}, in force is {in_force:?}")]
    ListVersion {
        /// The new list.
        version: String,
        /// The list that it would replace.
        in_force: String,
    },
    /// A code that stands twice, or not in its one form.
    #[error("code {code:?} of the list {fault}")]
    ListCode {
        /// The code.
        code: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// Nothing is selected.
    #[error("nothing is selected: name a conversation, a custodian or events")]
    NothingSelected,
    /// Another test than there is.
    #[error("{found:?} is not a test for a class: contact or content")]
    UnknownTest {
        /// As given.
        found: String,
    },
    /// A selection list that does not read.
    #[error(transparent)]
    List(#[from] SelectionListError),
    /// A value that a policy with fixed values does not have.
    #[error("policy {name} cannot be {found:?}: {allowed}")]
    PolicyValue {
        /// Its name.
        name: String,
        /// As given.
        found: String,
        /// Values that it can have; empty where they are levels of rubricering.
        allowed: String,
    },
    /// A claim after its term.
    #[error("event {spot} was captured more than {days} days ago: the term for a claim (policy claim_days) is over")]
    ClaimTooLate {
        /// The event.
        spot: crate::export::Spot,
        /// The term.
        days: u64,
    },
    /// No act under an id.
    #[error("no {what} under id {id} is in the log")]
    UnknownAct {
        /// What was looked for.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// Reading the log.
    #[error(transparent)]
    Reading(#[from] Box<crate::export::ExportError>),
    /// Somebody who approves his own act.
    #[error("the act was proposed by this very actor: another one approves")]
    OwnAct,
    /// Parts under one id that nobody can approve together.
    #[error("several actors logged parts of {id}: nobody can approve it, propose it anew")]
    SeveralActors {
        /// What was proposed.
        id: Hash,
    },
    /// A name without an id.
    #[error("no {what} is registered under the name {name:?}")]
    UnknownName {
        /// "custodian" or "conversation".
        what: &'static str,
        /// The name.
        name: String,
    },
}

/// A records officer at work.
pub struct Officer {
    source: Source,
    register: Register,
}

impl From<crate::export::ExportError> for OfficerError {
    fn from(reason: crate::export::ExportError) -> Self {
        Self::Reading(Box::new(reason))
    }
}

impl From<zegel_proto::CanonicalError> for OfficerError {
    fn from(reason: zegel_proto::CanonicalError) -> Self {
        Self::Event(reason.into())
    }
}

impl Officer {
    /// Opens the officer of a key folder.
    ///
    /// # Errors
    /// [`OfficerError`].
    pub async fn open(folder: &KeyFolder, ledger: &str) -> Result<Self, OfficerError> {
        let register = Register::open(&folder.register())?;
        Ok(Self { source: Source::of_folder(folder, Actor::Officer, ledger).await?, register })
    }

    /// Registers a custodian under a new random id, and keeps the name beside the id.
    ///
    /// If we stop after the append and before the name is written, an id is in the log that nobody uses: harmless.
    ///
    /// # Errors
    /// [`OfficerError::NameTaken`], or what submitting can meet.
    pub async fn register_custodian(&mut self, entry: &CustodianEntry) -> Result<RegisteredId, OfficerError> {
        self.register.check_free_custodian(&entry.name)?;
        let id = random_id()?;
        let placed = self.source.append(vec![entry.draft(id, now_ms())?]).await?;
        let registered = RegisteredId::new(id, placed.first());
        self.register.add_custodian(&entry.name, registered.clone())?;
        Ok(registered)
    }

    /// Says anew what a custodian is: name, accounts, function and its days. The id stays.
    ///
    /// # Errors
    /// [`OfficerError::UnknownName`], or what submitting can meet.
    pub async fn change_custodian(&mut self, entry: &CustodianEntry) -> Result<RegisteredId, OfficerError> {
        let id = self.register.custodian(&entry.name)?;
        let draft = Draft { kind: EventKind::CustodianChanged, ..entry.draft(id, now_ms())? };
        let placed = self.source.append(vec![draft]).await?;
        Ok(RegisteredId::new(id, placed.first()))
    }

    /// Registers a conversation under a new random id, and keeps the title beside the id.
    ///
    /// # Errors
    /// [`OfficerError::NameTaken`], or what submitting can meet.
    pub async fn register_conversation(&mut self, entry: &ConversationEntry) -> Result<RegisteredId, OfficerError> {
        self.register.check_free_conversation(&entry.title)?;
        let id = random_id()?;
        let placed = self.source.append(vec![entry.draft(id, now_ms())?]).await?;
        let registered = RegisteredId::new(id, placed.first());
        self.register.add_conversation(&entry.title, registered.clone())?;
        Ok(registered)
    }

    /// Names and their ids.
    #[must_use]
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// For other acts: exports, holds.
    pub fn source(&mut self) -> &mut Source {
        &mut self.source
    }
}
