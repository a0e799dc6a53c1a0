//! Covering a passage for good in the archive copy: its words, their salts and the old key leave the store, and the commitments stay.
//!
//! Invariants: nothing of it happens unless the policy `permanent_redaction` is `on`; it carries out a manifest that another actor approved, part for part;
//! what an event says again in a part that stays
//! open (`echo`) ends it; the order is signed by an officer and an approver; it is declared only once the store has nothing else. What is covered so no later manifest
//! opens. Not here: whether it is lawful in a message of business, which is why the switch is off. Specification: `specs/officer.md`.

mod act;

pub use act::{allowed, declare, order};

use crate::acts::{Manifest, Selection};
use crate::destroy::signed;
use crate::export::Spot;
use crate::keys::{KeyError, KeyFolder};
use crate::officer::{Decision, OfficerError};
use crate::reading::Reading;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;
use zegel_proto::v1::RedactionItem;
use zegel_verifier::commit::CoveredUnit;
use zegel_verifier::erasure::Erasure;
use zegel_verifier::hash::Hash;
use zegel_verifier::registry::Registry;

/// Name of the policy.
pub const POLICY: &str = "permanent_redaction";
/// Marking of a part that is covered for good, beside its grounds.
pub const MARK: &str = "blijvend_gelakt";
/// Grounds of an item, this marking included.
const GROUNDS_MAX: usize = zegel_proto::limits::GROUNDS_MAX;

/// Why nothing was covered for good.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PermanentError {
    /// The switch is off.
    #[error("policy permanent_redaction is off: nothing is covered for good in the archive copy")]
    Off,
    /// No such manifest, or not all of its parts.
    #[error("no whole redaction manifest {id} is in the log")]
    Unknown {
        /// As given.
        id: String,
    },
    /// One pair of eyes, or two on something else.
    #[error("nobody but its proposer approved manifest {id} as it stands now: approve it, or propose anew")]
    NotApproved {
        /// The manifest.
        id: Hash,
    },
    /// An event as a whole.
    #[error("manifest {id} withholds event {spot} as a whole: that is destroyed or weeded, never covered for good")]
    Whole {
        /// The manifest.
        id: Hash,
        /// The event.
        spot: Spot,
    },
    /// No room for the marking.
    #[error("event {spot} has {found} grounds, at most {max} leave room for the marking")]
    Grounds {
        /// The event.
        spot: Spot,
        /// Its grounds.
        found: usize,
        /// The maximum.
        max: usize,
    },
    /// Not in what was read.
    #[error("event {spot} of manifest {id} is not in the selection, or has no content any more")]
    Missing {
        /// The manifest.
        id: Hash,
        /// The event.
        spot: Spot,
    },
    /// Words that should be gone.
    #[error("event {spot} still has what should be covered for good: nothing is declared before it is gone")]
    StillThere {
        /// The event.
        spot: Spot,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Reading, or logging it.
    #[error(transparent)]
    Officer(#[from] OfficerError),
}

/// A manifest that may be carried out for good.
#[derive(Clone, Debug, PartialEq)]
pub struct Forever {
    id: Hash,
    decision: String,
    items: Vec<RedactionItem>,
}

impl Forever {
    /// Holds a manifest against policy and approval.
    ///
    /// # Errors
    /// [`PermanentError::Off`] before anything else.
    pub fn of(registry: Option<&Registry>, manifest: Manifest) -> Result<Self, PermanentError> {
        if registry.and_then(|registry| registry.policy(POLICY)) != Some("on") {
            return Err(PermanentError::Off);
        }
        let id = manifest.id;
        if !manifest.is_whole {
            return Err(PermanentError::Unknown { id: id.to_string() });
        }
        manifest.approved_at.ok_or(PermanentError::NotApproved { id })?;
        let marked = |mut item: RedactionItem| {
            let (spot, found, max) = (spot_of(&item), item.grounds.len(), GROUNDS_MAX - 1);
            match (item.slot, found > max) {
                (0, _) => Err(PermanentError::Whole { id, spot }),
                (_, true) => Err(PermanentError::Grounds { spot, found, max }),
                _ => {
                    item.grounds.push(MARK.into());
                    Ok(item)
                }
            }
        };
        let items = manifest.items.into_iter().map(marked).collect::<Result<_, _>>()?;
        Ok(Self { id, decision: manifest.decision, items })
    }

    /// Which units of which events: what a reading seals again without.
    #[must_use]
    pub fn units(&self) -> BTreeMap<Spot, Vec<CoveredUnit>> {
        let mut units: BTreeMap<Spot, Vec<CoveredUnit>> = BTreeMap::new();
        for item in &self.items {
            let of = units.entry(spot_of(item)).or_default();
            match item.item_count {
                0 => of.push(CoveredUnit { slot: item.slot, item: None }),
                count => {
                    let run = item.first_item..item.first_item + count;
                    of.extend(run.map(|at| CoveredUnit { slot: item.slot, item: Some(at) }));
                }
            }
        }
        units
    }

    /// The order, signed by officer and approver. The reading was asked for these units.
    ///
    /// # Errors
    /// [`PermanentError::Missing`], [`PermanentError::Key`].
    pub fn order(&self, reading: &Reading, folder: &KeyFolder) -> Result<Erasure, PermanentError> {
        let spots: BTreeSet<Spot> = self.units().into_keys().collect();
        let is_there = |spot: &Spot| reading.resealed.contains_key(&(spot.entry, spot.position));
        if let Some(spot) = spots.iter().find(|spot| !is_there(spot)) {
            return Err(PermanentError::Missing { id: self.id, spot: *spot });
        }
        let order = Erasure {
            origin: folder.ministry().origin.clone(),
            proposal: Some(self.id),
            places: spots.iter().map(|spot| (spot.entry, spot.position)).collect(),
            resealed: reading.resealed.clone(),
            ..Erasure::default()
        };
        Ok(signed(order, folder)?)
    }

    /// The act that declares it, once nothing of it can be opened: `BODY_RESEALED`, with the parts as items.
    ///
    /// # Errors
    /// [`PermanentError::StillThere`].
    pub fn declaration(
        &self,
        reading: &Reading,
        person: &str,
    ) -> Result<(Decision, Vec<RedactionItem>), PermanentError> {
        for (spot, units) in self.units() {
            let body = reading.event(spot).and_then(|event| event.body.as_ref());
            let covered: Vec<CoveredUnit> = body.map(|(_, body)| body.covered().collect()).unwrap_or_default();
            if body.is_some() && units.iter().any(|unit| !covered.contains(unit)) {
                return Err(PermanentError::StillThere { spot });
            }
        }
        let decision = Decision {
            selection: Selection::default(),
            refers_to: Some(self.id),
            code: MARK.into(),
            person: person.into(),
            decision: self.decision.clone(),
            ..Decision::default()
        };
        Ok((decision, self.items.clone()))
    }
}

const fn spot_of(item: &RedactionItem) -> Spot {
    Spot { entry: item.entry, position: item.position }
}
