//! The ends of content: destroyed on term, weeded, removed as a data breach, transferred to an archive. Proposed by an officer, approved by another, ordered with both
//! signatures, erased by the ledger, and declared only once the content is gone.
//!
//! Invariants: a proposal is about one id, and every event of it may go by its own rule: a passed term and no hold; a class that is no record;
//! an incident; or a category that is kept for ever, no hold, and the deed by which another archive took it over. Rules are looked at when it is proposed and
//! again when it is ordered. The four ends have records of their own. Not here: erasing
//! (the ledger), whether it was lawful (nobody's but a court's). Specification: `specs/officer.md`.

mod act;

pub use act::{Declared, Wanted, begin, declare, erase, order};

use crate::acts::{Act, Acts, Selection, Target};
use crate::export::Spot;
use crate::keys::{Actor, KeyError, KeyFolder};
use crate::officer::{Decided, Decision, OfficerError};
use crate::reading::Reading;
use crate::retention::{SelectionList, Term, month_of, term};
use serde::Serialize;
use std::collections::BTreeSet;
use thiserror::Error;
use zegel_proto::v1::{EventKind, Scope};
use zegel_verifier::erasure::{Erasure, Signer};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, family};
use zegel_verifier::signature::CONTEXT_ERASURE;

/// Classes whose content was never a record.
const NO_RECORD: [&str; 2] = ["prive", "partijpolitiek"];

/// How content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Vernietigd: its term has passed, and nothing holds it.
    Destroyed,
    /// Geschoond: private or party-political, never a record. No term; a hold does not keep it.
    Weeded,
    /// Verwijderd wegens datalek: a mistaken read-out. Goes before a hold.
    Breach,
    /// Overgebracht: kept for ever, and handed over to another archive by statute. Nothing holds it here.
    Transferred,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Destroyed, Self::Weeded, Self::Breach, Self::Transferred];

    /// Its marking in a manifest.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Destroyed => "vernietigd",
            Self::Weeded => "geschoond",
            Self::Breach => "datalek",
            Self::Transferred => "overgebracht",
        }
    }

    /// The kind of its declaration.
    #[must_use]
    pub const fn kind(self) -> EventKind {
        match self {
            Self::Destroyed => EventKind::DestructionExecuted,
            Self::Weeded => EventKind::WeedingExecuted,
            Self::Breach => EventKind::BreachRemoved,
            Self::Transferred => EventKind::CustodyPurged,
        }
    }

    /// The end that a kind declares.
    #[must_use]
    pub fn of_kind(kind: EventKind) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.kind() == kind)
    }

    /// The end of a marking.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.code() == code)
    }
}

/// Why content does not end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DestroyError {
    /// Not one id.
    #[error(
        "{found} ids are selected: a proposal is about one conversation or one custodian, so that its declaration tells nobody of another"
    )]
    OneId {
        /// Ids selected.
        found: usize,
    },
    /// Nothing is there to end.
    #[error("nothing is there that could end")]
    Nothing,
    /// A term that has not passed.
    #[error("event {spot} is not due: {term:?}")]
    NotDue {
        /// The event.
        spot: Spot,
        /// How it stands.
        term: Term,
    },
    /// Events of several categories.
    #[error("event {spot} is of category {found:?}, others are of {wanted:?}: a proposal names one")]
    OtherCategory {
        /// The event.
        spot: Spot,
        /// Its category.
        found: String,
        /// That of the first.
        wanted: String,
    },
    /// A hold.
    #[error("event {spot} is held: {reason}")]
    Held {
        /// The event.
        spot: Spot,
        /// Why it is held.
        reason: String,
    },
    /// A record.
    #[error("event {spot} has class {found:?}: only what is prive or partijpolitiek is weeded")]
    IsRecord {
        /// The event.
        spot: Spot,
        /// Its class, or empty.
        found: String,
    },
    /// A breach without a number.
    #[error("the removal of a breach names its incident: --decision")]
    NoIncident,
    /// A transfer without a deed.
    #[error("a transfer names the archive that took it over, and its deed: --decision")]
    NoDeed,
    /// Not to be kept.
    #[error("event {spot} is not kept for ever: {term:?}; only what is kept is transferred")]
    NotKept {
        /// The event.
        spot: Spot,
        /// How it stands.
        term: Term,
    },
    /// A proposal that is not there.
    #[error("no proposal {id} is in the log")]
    UnknownProposal {
        /// As given.
        id: String,
    },
    /// Nobody else has looked at all of it.
    #[error(
        "nobody but its proposer approved proposal {id} with all that it lists now: approve it as it stands, or propose anew"
    )]
    NotApproved {
        /// The proposal.
        id: Hash,
    },
    /// Content that should be gone.
    #[error("{left} of {all} events still have their content: nothing is declared before it is gone")]
    StillThere {
        /// Events with content.
        left: usize,
        /// All events of the proposal.
        all: usize,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Reading, or logging it.
    #[error(transparent)]
    Officer(#[from] OfficerError),
}

/// What is proposed to end, by which rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// How.
    pub end: End,
    /// The category, the class test or the incident.
    pub code: String,
    /// Where.
    pub scope: Scope,
    /// Which events, ascending.
    pub spots: Vec<Spot>,
}

/// Chooses what ends: every chat event of the one scope that still has content, or of those only the ones that are named; each by the rule.
/// `decision` is the incident of a breach, or the deed of a transfer.
///
/// # Errors
/// [`DestroyError`] with the first event that may not go.
pub fn propose(
    reading: &Reading,
    list: &SelectionList,
    end: End,
    selection: &Selection,
    decision: &str,
    now_ms: u64,
) -> Result<Proposal, DestroyError> {
    let [scope] = selection.scopes.as_slice() else {
        return Err(DestroyError::OneId { found: selection.scopes.len() });
    };
    let is_named = |target: &Target| selection.spots.is_empty() || selection.spots.contains(&target.spot);
    let acts = Acts::of(reading);
    let targets =
        reading.events.iter().filter(|event| event.body.is_some() && family(event.facts.kind) == Family::Chat);
    let targets: Vec<Target> =
        targets.map(Target::of).filter(|target| target.is_in(scope) && is_named(target)).collect();
    let code = check(&acts, list, end, &targets, decision, now_ms)?;
    let spots = targets.iter().map(|target| target.spot).collect();
    Ok(Proposal { end, code, scope: scope.clone(), spots })
}

/// Signs an order with both keys.
///
/// # Errors
/// [`KeyError`].
pub fn signed(mut order: Erasure, folder: &KeyFolder) -> Result<Erasure, KeyError> {
    let statement = order.statement();
    for actor in [Actor::Officer, Actor::Approver] {
        let identity = folder.identity(actor)?;
        let signature = identity.sign(CONTEXT_ERASURE, statement.as_bytes())?;
        order.signers.push(Signer { actor: identity.actor(), key: identity.public_key(), signature });
    }
    Ok(order)
}

/// The code by which all of them may go.
fn check(
    acts: &Acts,
    list: &SelectionList,
    end: End,
    targets: &[Target],
    decision: &str,
    now_ms: u64,
) -> Result<String, DestroyError> {
    let first = targets.first().ok_or(DestroyError::Nothing)?;
    match end {
        End::Breach if decision.trim().is_empty() => Err(DestroyError::NoIncident),
        End::Breach => Ok(decision.into()),
        End::Transferred if decision.trim().is_empty() => Err(DestroyError::NoDeed),
        End::Transferred => {
            let (wanted, _) = term(acts, list, first);
            targets.iter().try_for_each(|target| check_kept(acts, list, target, &wanted))?;
            Ok(wanted)
        }
        End::Weeded => {
            for target in targets {
                let found = acts.class_of(target).map(Act::code).unwrap_or_default();
                if !NO_RECORD.contains(&found) {
                    return Err(DestroyError::IsRecord { spot: target.spot, found: found.into() });
                }
            }
            Ok(acts.class_of(first).map(Act::code).unwrap_or_default().into())
        }
        End::Destroyed => {
            let (wanted, _) = term(acts, list, first);
            for target in targets {
                check_due(acts, list, target, &wanted, now_ms)?;
            }
            Ok(wanted)
        }
    }
}

fn check_due(
    acts: &Acts,
    list: &SelectionList,
    target: &Target,
    wanted: &str,
    now_ms: u64,
) -> Result<(), DestroyError> {
    let spot = target.spot;
    let (found, term) = term(acts, list, target);
    if !matches!(term, Term::Due { month } if month < month_of(now_ms)) {
        return Err(DestroyError::NotDue { spot, term });
    }
    check_free(acts, target, found, wanted)
}

fn check_kept(acts: &Acts, list: &SelectionList, target: &Target, wanted: &str) -> Result<(), DestroyError> {
    match term(acts, list, target) {
        (found, Term::Kept) => check_free(acts, target, found, wanted),
        (_, term) => Err(DestroyError::NotKept { spot: target.spot, term }),
    }
}

/// Of the one category, and not held.
fn check_free(acts: &Acts, target: &Target, found: String, wanted: &str) -> Result<(), DestroyError> {
    let spot = target.spot;
    if found != wanted {
        return Err(DestroyError::OtherCategory { spot, found, wanted: wanted.into() });
    }
    match acts.hold_on(target) {
        Some(hold) => Err(DestroyError::Held { spot, reason: hold.reason.clone() }),
        None => Ok(()),
    }
}

impl Proposal {
    /// The act that proposes it.
    #[must_use]
    pub fn decision(&self, person: &str, decision: &str, reason: &str) -> Decision {
        Decision {
            selection: Selection { scopes: vec![self.scope.clone()], spots: self.spots.clone() },
            code: self.code.clone(),
            test: self.end.code().into(),
            person: person.into(),
            decision: decision.into(),
            reason: reason.into(),
            ..Decision::default()
        }
    }

    /// A proposal as the log has it.
    ///
    /// # Errors
    /// [`DestroyError::UnknownProposal`].
    pub fn logged(acts: &Acts, id: Hash) -> Result<(Self, &Act), DestroyError> {
        let unknown = || DestroyError::UnknownProposal { id: id.to_string() };
        let first =
            acts.of_kind(EventKind::DestructionProposed).find(|act| act.id() == Some(id)).ok_or_else(unknown)?;
        let selection = first.selection().ok_or_else(unknown)?;
        let scope = selection.scopes.first().cloned().ok_or_else(unknown)?;
        let end = End::of_code(&selection.test).ok_or_else(unknown)?;
        let items = acts.items(first).into_iter();
        let spots: BTreeSet<Spot> = items.map(|item| Spot { entry: item.entry, position: item.position }).collect();
        Ok((Self { end, code: selection.code.clone(), scope, spots: spots.into_iter().collect() }, first))
    }

    /// The declaration of a proposal that is in the log already. A deed has no id of its own: its proposal's stands for it.
    #[must_use]
    pub fn declared(acts: &Acts, proposal: &Act) -> Option<Decided> {
        let id = proposal.id();
        let declares = |act: &&Act| End::of_kind(act.kind).is_some() && id.is_some() && act.refers_to() == id;
        let act = acts.iter().find(declares)?;
        let Spot { entry, position } = act.spot;
        Some(Decided { act: act.id().or(id)?, entry, position })
    }

    /// Looks at the rules again, at the approval, and signs the order with both keys.
    ///
    /// # Errors
    /// [`DestroyError`]: a hold came between, nobody approved, a key.
    pub fn order(
        &self,
        reading: &Reading,
        list: &SelectionList,
        act: &Act,
        folder: &KeyFolder,
        now_ms: u64,
    ) -> Result<Erasure, DestroyError> {
        let acts = Acts::of(reading);
        let id = act.id().unwrap_or(Hash::ZERO);
        acts.approval(act).ok_or(DestroyError::NotApproved { id })?;
        let there = |spot: &Spot| reading.event(*spot).filter(|event| event.body.is_some()).map(Target::of);
        let targets: Vec<Target> = self.spots.iter().filter_map(there).collect();
        if !targets.is_empty() {
            // A breach and a transfer rest on what the proposal names.
            check(&acts, list, self.end, &targets, &act.decision, now_ms)?;
        }
        let places = self.spots.iter().map(|spot| (spot.entry, spot.position)).collect();
        let origin = folder.ministry().origin.clone();
        Ok(signed(Erasure { origin, proposal: Some(id), places, ..Erasure::default() }, folder)?)
    }

    /// The act that declares it, once all of it is gone.
    ///
    /// # Errors
    /// [`DestroyError::StillThere`].
    pub fn declaration(&self, reading: &Reading, act: &Act, person: &str) -> Result<Decision, DestroyError> {
        let left =
            self.spots.iter().filter(|spot| reading.event(**spot).is_none_or(|event| event.body.is_some())).count();
        if left > 0 {
            return Err(DestroyError::StillThere { left, all: self.spots.len() });
        }
        Ok(Decision {
            selection: Selection { scopes: Vec::new(), spots: self.spots.clone() },
            refers_to: act.id(),
            code: self.code.clone(),
            test: self.end.code().into(),
            person: person.into(),
            decision: act.decision.clone(),
            reason: act.reason.clone(),
            ..Decision::default()
        })
    }
}
