//! Why something cannot be covered, in sentences that say what to do.

use crate::echo::{echoes, part_name};
use crate::export::Spot;
use thiserror::Error;
use zegel_proto::GrammarError;
use zegel_proto::v1::EventKind;
use zegel_verifier::commit::{CoveredUnit, ShownBody};
use zegel_verifier::hash::Hash;

/// Why something cannot be covered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CoverError {
    /// Not a place.
    #[error("{found:?} is not a place: wanted {wanted}")]
    Malformed {
        /// As given.
        found: String,
        /// The form.
        wanted: &'static str,
    },
    /// Nothing says why.
    #[error("{found:?} has no ground: add `=CODE` or give one for all")]
    NoGround {
        /// As given.
        found: String,
    },
    /// Not in the published list.
    #[error("ground {code:?} is not in the list that the log publishes")]
    UnknownGround {
        /// The code.
        code: String,
    },
    /// The ministry wants a second pair of eyes on what is covered.
    #[error(
        "policy four_eyes names redaction, and nobody approved what is covered as it stands now: zegel redact propose, then zegel approve"
    )]
    NotApproved,
    /// Covered for good: nobody can show it again.
    #[error(
        "event {spot}: a part of it is covered for good, its words and salts are gone: no export shows it, and no manifest leaves it open"
    )]
    Permanent {
        /// Where.
        spot: Spot,
    },
    /// Out of the limits of a manifest.
    #[error("event {spot}: {reason}")]
    Item {
        /// Where.
        spot: Spot,
        /// Why.
        reason: GrammarError,
    },
    /// Covered twice.
    #[error("event {spot}, slot {slot}: covered twice")]
    Twice {
        /// Where.
        spot: Spot,
        /// Which slot; 0 is the event as a whole.
        slot: u32,
    },
    /// The event has no such slot or item, or it cannot be covered.
    #[error("event {spot} has not all the parts that should be covered")]
    NoSuchPart {
        /// Where.
        spot: Spot,
    },
    /// What is covered stands again in a part that stays open: the record of the source, the name of a file, a detail.
    #[error(
        "event {spot}: what is covered stands in {parts} too, which stays open: cover that as well, each as {spot}:PART"
    )]
    StandsElsewhere {
        /// Where.
        spot: Spot,
        /// Which parts: slot, or slot and item.
        parts: String,
    },
    /// The export does not show this event at all.
    #[error("event {spot} should be covered, but is not in the scope of the export")]
    OutOfScope {
        /// Where.
        spot: Spot,
    },
    /// The registration of an id that the scope names: not of the scope, so that no manifest can list it.
    #[error(
        "event {spot} registers another id than the scope's: no manifest covers that; keep its registrations closed with --close"
    )]
    OtherRegistration {
        /// Where.
        spot: Spot,
    },
    /// Registrations that should stay closed, of an id of which the export has none.
    #[error("id {id} should stay closed, but no event of the scope names it")]
    NotNamed {
        /// The id.
        id: Hash,
    },
    /// The registration of the scope's own id.
    #[error("id {id} is that of the export itself: withhold its registration as an event, or parts of it, on a ground")]
    OwnRegistration {
        /// The id.
        id: Hash,
    },
    /// A logged manifest that shows what the order with edges withholds.
    #[error(
        "event {spot} lies beyond the edges of the period, and the manifest does not withhold it: propose one that does"
    )]
    BeyondEdges {
        /// Where.
        spot: Spot,
    },
}

impl CoverError {
    /// Refuses a cover of which the event says something again in a part that stays open.
    ///
    /// # Errors
    /// [`CoverError::StandsElsewhere`].
    pub(crate) fn check_echoes(
        spot: Spot,
        kind: EventKind,
        body: &ShownBody,
        covered: &[CoveredUnit],
    ) -> Result<(), Self> {
        let parts: Vec<String> = echoes(kind, body, covered).into_iter().map(part_name).collect();
        if parts.is_empty() { Ok(()) } else { Err(Self::StandsElsewhere { spot, parts: parts.join(", ") }) }
    }
}
