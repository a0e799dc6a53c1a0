//! What each kind of event is: its family, its streams, its slots, and the roles that may write it.
//!
//! This is the normative table of `specs/registry.md` and `specs/event.md`, as code. Adding a kind is a new version of the
//! format: a verifier refuses what it does not know.

use crate::hash::Hash;
use thiserror::Error;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::{EventHeader, EventKind, Role, StreamType};
use zegel_proto::view::{ContentView, HeaderView};

/// Kinds that share streams, layout and header rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Keys, roles, policies, lists: public.
    Registry,
    /// Registrations of custodians and conversations.
    Register,
    /// What was said and done.
    Chat,
    /// How it was obtained.
    Capture,
    /// Acts of officers and approvers.
    Records,
    /// Who was given what.
    Access,
}

/// The family of a kind, by its number.
#[must_use]
pub fn family(kind: EventKind) -> Family {
    match kind as i32 {
        ..20 => Family::Registry,
        20..40 => Family::Register,
        40..60 => Family::Chat,
        60..80 => Family::Capture,
        80..120 => Family::Records,
        _ => Family::Access,
    }
}

/// Whether a role may write a kind: the table kind × role.
#[must_use]
pub fn may_write(role: Role, kind: EventKind) -> bool {
    use EventKind as K;
    use Role as R;
    match kind {
        K::RootKeyChanged => matches!(role, R::Root | R::Recovery),
        K::ClassListPublished | K::GroundsListPublished | K::PolicySet => matches!(role, R::Root | R::Officer),
        K::LogRecovered => matches!(role, R::Root | R::Operator),
        K::CustodyTransferred | K::CustodyReceived | K::CustodyPurged => matches!(role, R::Operator | R::Officer),
        K::RedactionApproved | K::DestructionApproved => role == R::Approver,
        K::HoldReleased => matches!(role, R::Officer | R::Approver),
        K::ContentRead => matches!(role, R::Officer | R::Approver | R::Inspector),
        K::ConversationRegistered => matches!(role, R::Officer | R::Source),
        _ => match family(kind) {
            Family::Registry => role == R::Root,
            Family::Register | Family::Records => role == R::Officer,
            Family::Chat | Family::Capture => role == R::Source,
            Family::Access => matches!(role, R::Officer | R::Inspector),
        },
    }
}

/// One slot of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotSpec {
    /// Its name, as in the specification, the report and the manifest.
    pub name: &'static str,
    /// It holds a list of items, each with a leaf of its own; otherwise one value.
    pub is_list: bool,
}

const fn value(name: &'static str) -> SlotSpec {
    SlotSpec { name, is_list: false }
}

const fn list(name: &'static str) -> SlotSpec {
    SlotSpec { name, is_list: true }
}

/// Slots of chat kinds.
pub const CHAT_LAYOUT: &[SlotSpec] = &[
    value("binding"),
    value("sender"),
    value("display_name"),
    value("audience"),
    value("native_id"),
    value("reply_to"),
    value("forwarded"),
    value("target"),
    value("detail"),
    list("attachments"),
    value("as_written"),
    list("text"),
];

/// Numbers of the slots of chat kinds.
#[allow(missing_docs)]
pub mod chat {
    pub const SENDER: usize = 1;
    pub const DISPLAY_NAME: usize = 2;
    pub const AUDIENCE: usize = 3;
    pub const NATIVE_ID: usize = 4;
    pub const REPLY_TO: usize = 5;
    pub const FORWARDED: usize = 6;
    pub const TARGET: usize = 7;
    pub const DETAIL: usize = 8;
    pub const ATTACHMENTS: usize = 9;
    pub const AS_WRITTEN: usize = 10;
    pub const TEXT: usize = 11;
}

/// Slots of capture kinds.
pub const CAPTURE_LAYOUT: &[SlotSpec] = &[
    value("binding"),
    value("session"),
    value("operator"),
    value("device"),
    value("tool"),
    value("detail"),
    list("items"),
    list("note"),
];

/// Numbers of the slots of capture kinds.
#[allow(missing_docs)]
pub mod capture {
    pub const SESSION: usize = 1;
    pub const OPERATOR: usize = 2;
    pub const DEVICE: usize = 3;
    pub const TOOL: usize = 4;
    pub const DETAIL: usize = 5;
    pub const ITEMS: usize = 6;
    pub const NOTE: usize = 7;
}

/// Slots of the register.
pub const REGISTER_LAYOUT: &[SlotSpec] =
    &[value("binding"), value("name"), list("accounts"), value("function"), value("organisation"), value("basis")];

/// Numbers of the slots of the register.
#[allow(missing_docs)]
pub mod register {
    pub const NAME: usize = 1;
    pub const ACCOUNTS: usize = 2;
    pub const FUNCTION: usize = 3;
    pub const ORGANISATION: usize = 4;
    pub const BASIS: usize = 5;
}

/// Slots of records and access kinds.
pub const RECORDS_LAYOUT: &[SlotSpec] = &[
    value("binding"),
    value("subject"),
    value("person"),
    value("decision"),
    list("items"),
    value("approvals"),
    list("reason"),
    list("note"),
];

/// Numbers of the slots of records and access kinds.
#[allow(missing_docs)]
pub mod records {
    pub const SUBJECT: usize = 1;
    pub const PERSON: usize = 2;
    pub const DECISION: usize = 3;
    pub const ITEMS: usize = 4;
    pub const APPROVALS: usize = 5;
    pub const REASON: usize = 6;
    pub const NOTE: usize = 7;
}

/// The slots of a kind; none for public kinds.
#[must_use]
pub fn layout(kind: EventKind) -> &'static [SlotSpec] {
    match family(kind) {
        Family::Registry => &[],
        Family::Register => REGISTER_LAYOUT,
        Family::Chat => CHAT_LAYOUT,
        Family::Capture => CAPTURE_LAYOUT,
        Family::Records | Family::Access => RECORDS_LAYOUT,
    }
}

/// A stream and month: every event stands in one or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamMonth {
    /// Which kind of stream.
    pub stream: StreamType,
    /// Its id; zeros for the fixed streams.
    pub id: Hash,
    /// Month as in the header; 0 for fixed streams.
    pub month: u32,
}

impl StreamMonth {
    /// A fixed stream: one tree, under month 0.
    #[must_use]
    pub const fn fixed(stream: StreamType) -> Self {
        Self { stream, id: Hash::ZERO, month: 0 }
    }
}

/// Why a header does not fit its kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The number of the kind is not known.
    #[error("kind {found} is not known to this version")]
    UnknownKind {
        /// Number found.
        found: i32,
    },
    /// A public kind with a body, or the reverse.
    #[error("{kind} must be {wanted}")]
    Content {
        /// Name of the kind.
        kind: &'static str,
        /// "public" or "sealed".
        wanted: &'static str,
    },
    /// A field that this kind must have or must leave empty.
    #[error("{kind}: {field} {rule}")]
    Field {
        /// Name of the kind.
        kind: &'static str,
        /// The field.
        field: &'static str,
        /// "must be there" or "must be empty".
        rule: &'static str,
    },
}

/// A header that obeys the rules of its kind. Made by [`EventFacts::read`] and [`EventFacts::of_view`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFacts {
    /// The kind.
    pub kind: EventKind,
    /// Conversation, where the kind has one.
    pub conversation: Option<Hash>,
    /// Custodian, where the kind has one.
    pub custodian: Option<Hash>,
    /// Month of occurrence.
    pub month: u32,
    /// Number in its capture.
    pub conversation_seq: u64,
    /// Root of the sealed body; `None` for public kinds.
    pub body_root: Option<Hash>,
}

impl EventFacts {
    /// Holds a header, which has passed its grammar, against the rules of its kind.
    ///
    /// # Errors
    /// [`HeaderError`] with the first rule that is broken.
    pub fn read(header: &EventHeader) -> Result<Self, HeaderError> {
        let kind = EventKind::try_from(header.kind).map_err(|_| HeaderError::UnknownKind { found: header.kind })?;
        let facts = Self {
            kind,
            conversation: Hash::read(&header.conversation),
            custodian: Hash::read(&header.custodian),
            month: header.month,
            conversation_seq: header.conversation_seq,
            body_root: match &header.content {
                Some(Content::BodyRoot(root)) => Hash::read(root),
                _ => None,
            },
        };
        facts.check(!header.blobs.is_empty())?;
        Ok(facts)
    }

    /// The same of a header that is read without a copy.
    ///
    /// # Errors
    /// As [`EventFacts::read`].
    pub fn of_view(header: &HeaderView<'_>) -> Result<Self, HeaderError> {
        let facts = Self {
            kind: header.kind,
            conversation: header.conversation.map(|id| Hash(*id)),
            custodian: header.custodian.map(|id| Hash(*id)),
            month: header.month,
            conversation_seq: header.conversation_seq,
            body_root: match header.content {
                ContentView::BodyRoot(root) => Some(Hash(*root)),
                ContentView::Public(_) => None,
            },
        };
        facts.check(header.blobs > 0)?;
        Ok(facts)
    }

    fn check(&self, has_blobs: bool) -> Result<(), HeaderError> {
        let kind = self.kind.as_str_name();
        let is_public = family(self.kind) == Family::Registry;
        if is_public == self.body_root.is_some() {
            return Err(HeaderError::Content { kind, wanted: if is_public { "public" } else { "sealed" } });
        }
        let (conversation, custodian) = self.ids_wanted();
        check_presence(kind, "conversation", self.conversation.is_some(), conversation)?;
        check_presence(kind, "custodian", self.custodian.is_some(), custodian)?;
        let captured = matches!(family(self.kind), Family::Chat | Family::Capture);
        check_presence(kind, "month", self.month != 0, if captured { None } else { Some(false) })?;
        let numbered = captured && self.conversation.is_some();
        check_presence(
            kind,
            "conversation_seq",
            self.conversation_seq != 0,
            if numbered { None } else { Some(false) },
        )?;
        let may_carry = family(self.kind) == Family::Chat;
        check_presence(kind, "blobs", has_blobs, if may_carry { None } else { Some(false) })
    }

    /// Whether conversation and custodian must be there (`Some(true)`), must not, or may.
    fn ids_wanted(&self) -> (Option<bool>, Option<bool>) {
        match (family(self.kind), self.kind) {
            (Family::Chat, _) => (Some(true), Some(true)),
            (Family::Capture, _) => (None, Some(true)),
            (_, EventKind::ConversationRegistered | EventKind::ConversationLinked) => (Some(true), Some(false)),
            (Family::Register, _) => (Some(false), Some(true)),
            _ => (Some(false), Some(false)),
        }
    }

    /// The one or two streams in which the event stands.
    pub fn streams(&self) -> impl Iterator<Item = StreamMonth> + use<> {
        let of = |stream, id: Option<Hash>, month| id.map(|id| StreamMonth { stream, id, month });
        let fixed = match family(self.kind) {
            Family::Registry => Some(StreamType::StreamRegistry),
            Family::Register => Some(StreamType::StreamRegister),
            Family::Records => Some(StreamType::StreamRecords),
            Family::Access => Some(StreamType::StreamAccess),
            Family::Chat | Family::Capture => None,
        };
        let conversation = of(StreamType::StreamConversation, self.conversation, self.month);
        let custodian = of(StreamType::StreamCustodian, self.custodian, self.month);
        conversation.into_iter().chain(custodian).chain(fixed.map(StreamMonth::fixed))
    }
}

fn check_presence(
    kind: &'static str,
    field: &'static str,
    found: bool,
    wanted: Option<bool>,
) -> Result<(), HeaderError> {
    let rule = if wanted == Some(true) { "must be there" } else { "must be empty" };
    if wanted.is_none_or(|wanted| wanted == found) { Ok(()) } else { Err(HeaderError::Field { kind, field, rule }) }
}
