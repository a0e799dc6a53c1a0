//! Governance events: registry (public), register, records and access (sealed).

use super::{Draft, EventError, Field, printed};
use crate::record::segments;
use prost::Message;
use zegel_proto::v1::{self, EventKind};
use zegel_proto::{Grammar, print};
use zegel_verifier::commit::{list_slot, none_slot, value_slot};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, family};

pub use zegel_proto::v1::Account;

/// A public event of the registry.
///
/// # Errors
/// [`EventError::Canonical`] if the content breaks its grammar, [`EventError::WrongFamily`] for a kind that is sealed.
pub fn public<M: Message + Grammar>(kind: EventKind, content: &M) -> Result<Draft, EventError> {
    if family(kind) != Family::Registry {
        return Err(EventError::WrongFamily { kind: kind.as_str_name(), wanted: "registry" });
    }
    Ok(Draft { public: print(content)?, ..Draft::governance(kind, 0, Vec::new()) })
}

/// Who a custodian is: the sealed content of a registration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustodianEntry {
    /// Name of the person.
    pub name: String,
    /// Numbers and identifiers; at most 1,024.
    pub accounts: Vec<Account>,
    /// Function, if it is known.
    pub function: Option<String>,
    /// Organisation, if it is known.
    pub organisation: Option<String>,
    /// On what ground this person's chats are captured.
    pub basis: Option<String>,
}

impl CustodianEntry {
    /// `CUSTODIAN_REGISTERED` under an id.
    ///
    /// # Errors
    /// [`EventError::Canonical`].
    pub fn draft(&self, custodian: Hash, at_ms: u64) -> Result<Draft, EventError> {
        let slots = vec![
            value_slot(self.name.as_bytes()),
            printed(&self.accounts)?,
            Field::or_unknown(self.function.clone()).text(),
            Field::or_unknown(self.organisation.clone()).text(),
            Field::or_none(self.basis.clone()).text(),
        ];
        let draft = Draft::governance(EventKind::CustodianRegistered, at_ms, slots);
        Ok(Draft { custodian: Some(custodian), ..draft })
    }
}

/// What a conversation is: the sealed content of a registration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConversationEntry {
    /// Title, as the ministry knows it.
    pub title: String,
    /// Channel and native identifier, if known.
    pub accounts: Vec<Account>,
    /// group, direct, broadcast or channel: stands in the slot `function`.
    pub kind: Option<String>,
    /// How it was identified, for example: stated by the custodian.
    pub basis: Option<String>,
}

impl ConversationEntry {
    /// `CONVERSATION_REGISTERED` under an id.
    ///
    /// # Errors
    /// [`EventError::Canonical`].
    pub fn draft(&self, conversation: Hash, at_ms: u64) -> Result<Draft, EventError> {
        let slots = vec![
            value_slot(self.title.as_bytes()),
            printed(&self.accounts)?,
            Field::or_unknown(self.kind.clone()).text(),
            none_slot(),
            Field::or_none(self.basis.clone()).text(),
        ];
        let draft = Draft::governance(EventKind::ConversationRegistered, at_ms, slots);
        Ok(Draft { conversation: Some(conversation), ..draft })
    }
}

/// An act of records or access.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordsAct {
    /// `ACCEPTANCE_RECORDED` to `DISCLOSURE_SENT`.
    pub kind: EventKind,
    /// Canonical bytes of the subject that the kind has.
    pub subject: Field<Vec<u8>>,
    /// Who acts: a person or function.
    pub person: Field<String>,
    /// The decision, as the ministry names it.
    pub decision: Field<String>,
    /// Items of a redaction manifest; at most 1,024 a part.
    pub items: Vec<v1::RedactionItem>,
    /// Approvals that it rests on.
    pub approvals: Field<String>,
    /// Why.
    pub reason: Field<String>,
    /// Remarks.
    pub note: Field<String>,
}

impl RecordsAct {
    /// An act of which nothing but its subject is said.
    #[must_use]
    pub fn new(kind: EventKind, subject: Vec<u8>) -> Self {
        Self {
            kind,
            subject: Field::Value(subject),
            person: Field::None,
            decision: Field::None,
            items: Vec::new(),
            approvals: Field::None,
            reason: Field::None,
            note: Field::None,
        }
    }

    /// The event.
    ///
    /// # Errors
    /// [`EventError::WrongFamily`] for another kind, [`EventError::Canonical`] for items that break their grammar.
    pub fn draft(self, at_ms: u64) -> Result<Draft, EventError> {
        if !matches!(family(self.kind), Family::Records | Family::Access) {
            return Err(EventError::WrongFamily { kind: self.kind.as_str_name(), wanted: "records" });
        }
        let words = |field: Field<String>| field.slot(|text| list_slot(segments(text.as_bytes())));
        let slots = vec![
            self.subject.slot(value_slot),
            self.person.text(),
            self.decision.text(),
            printed(&self.items)?,
            self.approvals.text(),
            words(self.reason),
            words(self.note),
        ];
        Ok(Draft::governance(self.kind, at_ms, slots))
    }
}
