//! What a dossier's envelope may become: wrapped to more archive keys, or no longer to one that was retired.
//!
//! Invariants: a rewrapped envelope says of its dossier what the one before it said; whoever could open it still can, but for
//! the one key that is dropped by name, and that one has been retired; two keys in use are among its recipients. The ledger
//! cannot see whether what was added opens: that is for whoever rewraps. Pure.
//! Specification: `specs/sealing.md`.

use crate::access::Roles;
use thiserror::Error;
use zegel_proto::v1::{DossierEnvelope, DossierRecipient};
use zegel_proto::{CanonicalError, parse};
use zegel_verifier::hash::Hash;

/// Recipients that are in use, at the least.
const IN_USE_MIN: usize = 2;

/// Why an envelope is not taken. What is there stays.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum RewrapError {
    #[error("archive key {key} is not in use: nothing is wrapped to it")]
    NotInUse { key: Hash },
    #[error("archive key {key} is in use: retire it before it is dropped")]
    InUse { key: Hash },
    #[error("the envelope of dossier {dossier}: {reason}")]
    Canonical { dossier: Hash, reason: CanonicalError },
    #[error("the envelope of dossier {dossier} has another {field} than the one that is there")]
    Elsewhere { dossier: Hash, field: &'static str },
    #[error("the envelope of dossier {dossier} would lose archive key {key}, which was not to be dropped")]
    Lost { dossier: Hash, key: Hash },
    #[error(
        "the envelope of dossier {dossier} would have {found} archive keys in use, at least {IN_USE_MIN} are wanted"
    )]
    TooFew { dossier: Hash, found: usize },
}

/// What rewrapping is to lead to.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    to: Hash,
    without: Option<Hash>,
}

impl Wanted {
    /// To a key in use, without one that is not.
    pub(crate) fn new(to: Hash, without: Option<Hash>, roles: &Roles) -> Result<Self, RewrapError> {
        if !roles.wraps_to(to) {
            return Err(RewrapError::NotInUse { key: to });
        }
        match without.filter(|key| roles.wraps_to(*key)) {
            Some(key) => Err(RewrapError::InUse { key }),
            None => Ok(Self { to, without }),
        }
    }

    /// Whether an envelope still has to be rewrapped.
    pub(crate) fn is_due(&self, envelope: &[u8]) -> bool {
        let Ok(envelope) = parse::<DossierEnvelope>(envelope) else { return true };
        let has = |key: Hash| envelope.recipients.iter().any(|recipient| recipient.archive_key == key.0);
        !has(self.to) || self.without.is_some_and(has)
    }

    /// Holds a rewrapped envelope against the one that is there.
    pub(crate) fn check(&self, dossier: Hash, there: &[u8], new: &[u8], roles: &Roles) -> Result<(), RewrapError> {
        let read =
            |bytes: &[u8]| parse::<DossierEnvelope>(bytes).map_err(|reason| RewrapError::Canonical { dossier, reason });
        let (there, new) = (read(there)?, read(new)?);
        let same = [
            ("origin", there.origin == new.origin),
            ("source", there.source == new.source),
            ("conversation", there.conversation == new.conversation),
            ("month", there.month == new.month),
            ("nonce", there.nonce == new.nonce),
        ];
        if let Some((field, _)) = same.iter().find(|(_, same)| !same) {
            return Err(RewrapError::Elsewhere { dossier, field });
        }
        let key_of = |recipient: &DossierRecipient| Hash::read(&recipient.archive_key).unwrap_or(Hash::ZERO);
        let stays = |recipient: &&DossierRecipient| Some(key_of(recipient)) != self.without;
        if let Some(lost) = there.recipients.iter().filter(stays).find(|recipient| !new.recipients.contains(recipient))
        {
            return Err(RewrapError::Lost { dossier, key: key_of(lost) });
        }
        let added = new.recipients.iter().filter(|recipient| !there.recipients.contains(recipient)).map(key_of);
        if let Some(key) = added.into_iter().find(|key| !roles.wraps_to(*key)) {
            return Err(RewrapError::NotInUse { key });
        }
        let found = new.recipients.iter().filter(|recipient| roles.wraps_to(key_of(recipient))).count();
        if found < IN_USE_MIN { Err(RewrapError::TooFew { dossier, found }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zegel_proto::print;

    const DOSSIER: Hash = Hash([9; 32]);

    fn key(number: u8) -> Hash {
        Hash([number; 32])
    }

    fn envelope(keys: &[u8]) -> DossierEnvelope {
        let recipient =
            |number: &u8| DossierRecipient { archive_key: key(*number).to_vec(), sealed: vec![*number; 1_168] };
        DossierEnvelope {
            origin: "log".into(),
            source: vec![1; 32],
            conversation: vec![2; 32],
            month: 202_605,
            nonce: vec![3; 16],
            recipients: keys.iter().map(recipient).collect(),
        }
    }

    fn judged(without: Option<u8>, there: &DossierEnvelope, new: &DossierEnvelope) -> Result<(), RewrapError> {
        let roles = Roles::wrapping_to([key(2), key(3), key(4)]);
        let wanted = Wanted::new(key(3), without.map(key), &roles)?;
        let (there, new) = (print(there).expect("prints"), print(new).expect("prints"));
        wanted.check(DOSSIER, &there, &new, &roles)
    }

    #[test]
    fn a_key_is_added_and_a_retired_one_dropped_only_by_its_name() {
        let there = envelope(&[1, 2]);
        assert_eq!(judged(None, &there, &envelope(&[1, 2, 3])), Ok(()));
        assert_eq!(judged(Some(1), &there, &envelope(&[2, 3])), Ok(()));
        let lost = |number| Err(RewrapError::Lost { dossier: DOSSIER, key: key(number) });
        assert_eq!(judged(None, &there, &envelope(&[2, 3])), lost(1));
        assert_eq!(judged(Some(1), &there, &envelope(&[1, 3])), lost(2));
        // The same key, and other bytes for it.
        let mut other = envelope(&[1, 2, 3]);
        other.recipients[0].sealed[5] ^= 1;
        assert_eq!(judged(None, &there, &other), lost(1));
        assert_eq!(judged(Some(2), &there, &envelope(&[1, 3])), Err(RewrapError::InUse { key: key(2) }));
        assert_eq!(judged(None, &there, &envelope(&[1, 2, 3, 5])), Err(RewrapError::NotInUse { key: key(5) }));
        assert_eq!(
            judged(Some(1), &envelope(&[1, 7]), &envelope(&[3, 7])),
            Err(RewrapError::TooFew { dossier: DOSSIER, found: 1 })
        );
    }

    #[test]
    fn what_the_envelope_says_of_its_dossier_stays() {
        let there = envelope(&[1, 2]);
        let good = envelope(&[1, 2, 3]);
        let others = [
            ("origin", DossierEnvelope { origin: "gol".into(), ..good.clone() }),
            ("source", DossierEnvelope { source: vec![4; 32], ..good.clone() }),
            ("conversation", DossierEnvelope { conversation: vec![4; 32], ..good.clone() }),
            ("month", DossierEnvelope { month: 202_606, ..good.clone() }),
            ("nonce", DossierEnvelope { nonce: vec![4; 16], ..good }),
        ];
        for (field, other) in others {
            assert_eq!(judged(None, &there, &other), Err(RewrapError::Elsewhere { dossier: DOSSIER, field }));
        }
    }

    #[test]
    fn an_envelope_is_due_until_it_is_as_wanted() {
        let roles = Roles::wrapping_to([key(2), key(3)]);
        let due = |without: Option<u8>, keys: &[u8]| {
            let wanted = Wanted::new(key(3), without.map(key), &roles).expect("good");
            wanted.is_due(&print(&envelope(keys)).expect("prints"))
        };
        assert!(due(None, &[1, 2]) && due(Some(1), &[1, 2]) && due(Some(1), &[1, 2, 3]));
        assert!(!due(None, &[1, 2, 3]) && !due(Some(1), &[2, 3]));
        assert_eq!(Wanted::new(key(1), None, &roles).map(|_| ()), Err(RewrapError::NotInUse { key: key(1) }));
    }
}
