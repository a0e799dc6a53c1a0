//! Admission of outsiders who start a conversation (toelating): whether a capture may begin, by the policy of the ministry.
//!
//! Under `admission_first` nothing of a capture is taken before the official admits the contact; a capture that began under `direct_capture` goes on, unless
//! the contact is refused. The newest policy rules, and the newest decision. A refusal leaves CONTACT_DECIDED, without a name and without a word.
//! Not here: who is an outsider (whoever has no capture yet), how the official is asked (the gateway, the read-out desk). Specification: `specs/officer.md`.

mod act;

pub use act::decide;

use crate::event::Field;
use crate::import::alignment::{Fingerprint, FingerprintKey};
use crate::record::Record;
use zegel_proto::v1::{ChatDetail, EventKind};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, family};
use zegel_verifier::registry::Registry;

/// Name of the policy; without it contacts are captured directly.
pub const POLICY: &str = "admission";
/// Its strict value.
const ADMISSION_FIRST: &str = "admission_first";

/// What the official decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The conversation is captured from here on.
    Admitted,
    /// It is not.
    Refused,
}

impl Decision {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Admitted, Self::Refused];

    /// As `detail.what` says it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Refused => "refused",
        }
    }

    /// The decision of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.word() == word)
    }

    /// How the source knows its decision again.
    #[must_use]
    pub fn fingerprint(self, key: &FingerprintKey) -> Fingerprint {
        let mac = |label: &[u8]| key.mac(label, &[self.word().as_bytes()]);
        Fingerprint {
            place: mac(b"zegel/admission/place"),
            text: mac(b"zegel/admission/text"),
            time: mac(b"zegel/admission/time"),
        }
    }

    /// The decision that a row of the log is.
    #[must_use]
    pub fn of_row(row: &[u8], key: &FingerprintKey) -> Option<Self> {
        let found = Fingerprint::read(row)?;
        Self::ALL.into_iter().find(|decision| decision.fingerprint(key) == found)
    }

    /// `CONTACT_DECIDED`: who and what is said by nothing but the ids of its capture.
    #[must_use]
    pub fn record(self, conversation: Hash, custodian: Hash, key: &FingerprintKey) -> Record {
        let detail = ChatDetail { what: self.word().into(), certain: true, ..ChatDetail::default() };
        Record {
            sender: Field::None,
            display_name: Field::None,
            detail: Field::Value(detail),
            message_row: Some(self.fingerprint(key).message_row()),
            ..Record::new(EventKind::ContactDecided, conversation, custodian)
        }
    }
}

/// Whether a capture is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may take what comes.
    Open,
    /// The official has not decided.
    Waiting,
    /// The official refused.
    Refused,
}

impl Gate {
    /// Judges a capture: `has_begun` if it holds anything of a chat but decisions; `decided` is the newest decision.
    #[must_use]
    pub fn of(registry: Option<&Registry>, has_begun: bool, decided: Option<Decision>) -> Self {
        let policy = registry.and_then(|registry| registry.policy(POLICY));
        match (policy == Some(ADMISSION_FIRST), decided, has_begun) {
            (false, ..) | (true, Some(Decision::Admitted), _) | (true, None, true) => Self::Open,
            (true, Some(Decision::Refused), _) => Self::Refused,
            (true, None, false) => Self::Waiting,
        }
    }

    /// Why nothing was taken, as the log says it; `None` where it was.
    #[must_use]
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Waiting => Some("contact_not_admitted"),
            Self::Refused => Some("contact_refused"),
        }
    }
}

/// Whether a row of a capture shows that it has begun.
#[must_use]
pub fn begins(kind: u32) -> bool {
    let kind = i32::try_from(kind).ok().and_then(|kind| EventKind::try_from(kind).ok());
    kind.is_some_and(|kind| family(kind) == Family::Chat && kind != EventKind::ContactDecided)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_known_again_by_its_own_source_and_says_nothing_of_the_contact() {
        let (key, other) = (FingerprintKey::new(&[1; 32]), FingerprintKey::new(&[2; 32]));
        for decision in Decision::ALL {
            let record = decision.record(Hash([1; 32]), Hash([2; 32]), &key);
            let row = record.message_row.expect("a row");
            assert_eq!((Decision::of_row(&row, &key), Decision::of_row(&row, &other)), (Some(decision), None));
            assert_eq!((record.sender, record.display_name, record.text), (Field::None, Field::None, Field::None));
            assert_eq!(Decision::of_word(decision.word()), Some(decision));
        }
        assert_eq!(Decision::of_word("misschien"), None);
    }

    #[test]
    fn what_begins_a_capture_is_chat_and_no_decision() {
        let begins = |kind: EventKind| begins(kind as u32);
        assert!(begins(EventKind::MessageCreated) && !begins(EventKind::ContactDecided));
        assert!(!begins(EventKind::GapDeclared) && !super::begins(9_999));
    }
}
