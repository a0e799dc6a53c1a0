//! Events before they are sealed: what happened, in slots, and the header that commits to it.
//!
//! A [`Draft`] says everything but its number; [`commit_all`] binds it to its log, source and number, draws the seed of
//! its salts, and gives an [`Event`]: header bytes and body. Not here: sealing (`seal`), numbering (`source`).
//! Specifications: `specs/event.md`, `specs/body.md`.

mod capture;
mod commitment;
mod governance;

pub use capture::{CaptureDetail, CaptureItems, CaptureRecord};
pub use governance::{Account, ConversationEntry, CustodianEntry, RecordsAct, public};

use crate::entropy::{EntropyError, random_bytes};
use commitment::body_roots;
use thiserror::Error;
use zegel_proto::limits::{SLOT_BYTES_MAX, YEAR_MAX};
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::{Binding, Body, Channel, Clock, EventHeader, EventKind, Precision, ProofClass, Slot};
use zegel_proto::{CanonicalError, Grammar, print};
use zegel_verifier::commit::{list_slot, none_slot, unknown_slot, value_slot};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{EventFacts, Family, HeaderError, family};

/// Why an event cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A message that breaks its grammar.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A header that does not fit its kind.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A kind of another family than the record is of.
    #[error("{kind} is not a {wanted} kind")]
    WrongFamily {
        /// Name of the kind.
        kind: &'static str,
        /// The family that was wanted.
        wanted: &'static str,
    },
    /// A time that no event can have.
    #[error("{at_ms} milliseconds after 1970 lies outside the years that can be written")]
    BadTime {
        /// The time.
        at_ms: u64,
    },
    /// A value that is longer than a slot.
    #[error("a value of slot {slot} has {found} bytes, at most {max} are allowed")]
    TooLong {
        /// Number of the slot.
        slot: usize,
        /// Bytes found.
        found: usize,
        /// The maximum.
        max: usize,
    },
    /// More items than a list holds.
    #[error("the list in slot {slot} has {found} items, at most {max} are allowed")]
    TooManyItems {
        /// Number of the slot.
        slot: usize,
        /// Items found.
        found: usize,
        /// The maximum.
        max: usize,
    },
}

/// What a source says of one field. "Not known" and "there was none" are different things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<T> {
    /// The source's format cannot show it.
    #[default]
    Unknown,
    /// There was none.
    None,
    /// This.
    Value(T),
}

impl<T> Field<T> {
    /// A value, or none.
    pub fn or_none(value: Option<T>) -> Self {
        value.map_or(Self::None, Self::Value)
    }

    /// A value, or unknown.
    pub fn or_unknown(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Self::Value)
    }

    pub(crate) fn slot(self, make: impl FnOnce(T) -> Slot) -> Slot {
        match self {
            Self::Unknown => unknown_slot(),
            Self::None => none_slot(),
            Self::Value(value) => make(value),
        }
    }
}

impl Field<String> {
    pub(crate) fn text(self) -> Slot {
        self.slot(value_slot)
    }
}

/// When it happened, how exactly, and by whose clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurred {
    /// Milliseconds since 1970 in UTC; 0 with [`Clock::Unknown`], and only then.
    pub at_ms: u64,
    /// Width of the measurement.
    pub precision: Precision,
    /// Whose clock.
    pub clock: Clock,
    /// The local time fell in an hour that a clock change repeats or skips.
    pub is_ambiguous: bool,
}

impl Occurred {
    /// Not known when.
    pub const UNKNOWN: Self =
        Self { at_ms: 0, precision: Precision::Unknown, clock: Clock::Unknown, is_ambiguous: false };

    /// To the millisecond, by the clock of the source or officer.
    #[must_use]
    pub const fn by_source(at_ms: u64) -> Self {
        Self { at_ms, precision: Precision::Millisecond, clock: Clock::Source, is_ambiguous: false }
    }

    /// A time that somebody states, in milliseconds since 1970, where an event can have it: a device or server can state any number.
    #[must_use]
    pub fn dated(at_ms: u64) -> Option<u64> {
        Some(at_ms).filter(|at_ms| Self::by_source(*at_ms).month().is_ok())
    }

    /// The UTC month, as year * 100 + month; 0 is unknown.
    ///
    /// # Errors
    /// [`EventError::BadTime`] beyond [`YEAR_MAX`].
    pub fn month(&self) -> Result<u32, EventError> {
        if self.clock == Clock::Unknown {
            return Ok(0);
        }
        let bad = || EventError::BadTime { at_ms: self.at_ms };
        let time = i64::try_from(self.at_ms).ok().and_then(|at_ms| jiff::Timestamp::from_millisecond(at_ms).ok());
        let date = time.ok_or_else(bad)?.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (year, month) = (u32::try_from(date.year()).map_err(|_| bad())?, date.month() as u32);
        if year > YEAR_MAX { Err(bad()) } else { Ok(year * 100 + month) }
    }
}

/// Bytes of the seed of an event's salts.
const SEED_BYTES: usize = 32;

/// 48 bytes by which a source knows a message again: place, text, time, 16 each.
pub type MessageRow = [u8; 48];

/// An event without its number. Slots are those after the binding, in the order of the layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What happened.
    pub kind: EventKind,
    /// Conversation, where the kind has one.
    pub conversation: Option<Hash>,
    /// Custodian, where the kind has one.
    pub custodian: Option<Hash>,
    /// When.
    pub occurred: Occurred,
    /// Where.
    pub channel: Channel,
    /// What the proof is worth at its origin.
    pub proof_class: ProofClass,
    /// Slots 1 and up; empty for public kinds.
    pub slots: Vec<Slot>,
    /// Canonical content of a public kind.
    pub public: Vec<u8>,
    /// Hashes of the attachments' ciphertexts.
    pub blobs: Vec<Hash>,
    /// How the source knows it again.
    pub message_row: Option<MessageRow>,
}

/// An event that is ready to be sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Canonical bytes of the header.
    pub header: Vec<u8>,
    /// What the header says.
    pub facts: EventFacts,
    /// The plaintext; `None` for public kinds.
    pub body: Option<Body>,
    /// Hashes of the attachments' ciphertexts.
    pub blobs: Vec<Hash>,
    /// How the source knows it again.
    pub message_row: Option<MessageRow>,
}

impl Draft {
    /// A governance event: no channel, no proof class, no ids, now.
    #[must_use]
    pub fn governance(kind: EventKind, at_ms: u64, slots: Vec<Slot>) -> Self {
        Self {
            kind,
            conversation: None,
            custodian: None,
            occurred: Occurred::by_source(at_ms),
            channel: Channel::None,
            proof_class: ProofClass::None,
            slots,
            public: Vec::new(),
            blobs: Vec::new(),
            message_row: None,
        }
    }

    /// The capture in which the event is numbered: custodian and conversation. Others have number 0.
    #[must_use]
    pub fn capture(&self) -> Option<(Hash, Hash)> {
        let is_numbered = matches!(family(self.kind), Family::Chat | Family::Capture);
        self.custodian.zip(self.conversation).filter(|_| is_numbered)
    }

    /// Month of the header; 0 where the kind has none.
    fn month(&self) -> Result<u32, EventError> {
        let is_dated = matches!(family(self.kind), Family::Chat | Family::Capture);
        if is_dated { self.occurred.month() } else { Ok(0) }
    }

    fn is_public(&self) -> bool {
        family(self.kind) == Family::Registry
    }

    /// The body under a seed; its slots leave the draft.
    fn body(&mut self, origin: &str, source: Hash, conversation_seq: u64, seed: &[u8]) -> Result<Body, EventError> {
        let binding = Binding {
            origin: origin.into(),
            source: source.to_vec(),
            kind: self.kind as i32,
            conversation: id_bytes(self.conversation),
            custodian: id_bytes(self.custodian),
            conversation_seq,
            occurred_at_ms: self.occurred.at_ms,
            precision: self.occurred.precision as i32,
            clock: self.occurred.clock as i32,
            channel: self.channel as i32,
            proof_class: self.proof_class as i32,
            ambiguous_time: self.occurred.is_ambiguous,
        };
        let mut slots = Vec::with_capacity(self.slots.len() + 1);
        slots.push(value_slot(print(&binding)?));
        slots.append(&mut self.slots);
        check_slots(&slots)?;
        let body = Body { seed: seed.to_vec(), slots };
        let broken = |reason| CanonicalError::Grammar { message: Body::NAME, reason };
        body.check().map_err(broken)?;
        Ok(body)
    }

    /// The event over its body, whose root is known.
    fn event(self, conversation_seq: u64, sealed: Option<(Body, Hash)>) -> Result<Event, EventError> {
        let (body, content) = match sealed {
            Some((body, root)) => (Some(body), Content::BodyRoot(root.to_vec())),
            None => (None, Content::Public(self.public.clone())),
        };
        let header = EventHeader {
            kind: self.kind as i32,
            conversation: id_bytes(self.conversation),
            custodian: id_bytes(self.custodian),
            month: self.month()?,
            conversation_seq,
            blobs: self.blobs.iter().map(|blob| blob.to_vec()).collect(),
            content: Some(content),
        };
        let facts = EventFacts::read(&header)?;
        let header = print(&header)?;
        Ok(Event { header, facts, body, blobs: self.blobs, message_row: self.message_row })
    }
}

/// Binds events with their numbers to log and source, and commits to all of them at once: some three times as fast as one
/// by one, since the hashes of a batch fill every lane.
///
/// # Errors
/// [`EventError`] of the first event that breaks a limit, a grammar, or the rules of its kind.
pub fn commit_all(drafts: Vec<(Draft, u64)>, origin: &str, source: Hash) -> Result<Vec<Event>, EventError> {
    let seeds = random_bytes(drafts.len() * SEED_BYTES)?;
    let mut bodies = Vec::with_capacity(drafts.len());
    let mut bodiless = Vec::with_capacity(drafts.len());
    for ((mut draft, number), seed) in drafts.into_iter().zip(seeds.chunks_exact(SEED_BYTES)) {
        if !draft.is_public() {
            bodies.push(draft.body(origin, source, number, seed)?);
        }
        bodiless.push((draft, number));
    }
    let roots = body_roots(&bodies);
    let mut rooted = bodies.into_iter().zip(roots);
    let event = |(draft, number): (Draft, u64)| {
        let sealed = if draft.is_public() { None } else { rooted.next() };
        draft.event(number, sealed)
    };
    bodiless.into_iter().map(event).collect()
}

fn id_bytes(id: Option<Hash>) -> Vec<u8> {
    id.map(Hash::to_vec).unwrap_or_default()
}

fn check_slots(slots: &[Slot]) -> Result<(), EventError> {
    let max = zegel_proto::limits::LIST_ITEMS_MAX;
    for (slot, held) in slots.iter().enumerate() {
        let mut values = held.items.iter().chain([&held.value]).map(Vec::len);
        if let Some(found) = values.find(|length| *length > SLOT_BYTES_MAX) {
            return Err(EventError::TooLong { slot, found, max: SLOT_BYTES_MAX });
        }
        if held.items.len() > max {
            return Err(EventError::TooManyItems { slot, found: held.items.len(), max });
        }
    }
    Ok(())
}

/// A list slot of canonical messages.
pub(crate) fn printed<M: prost::Message + Grammar>(items: &[M]) -> Result<Slot, EventError> {
    Ok(list_slot(items.iter().map(print).collect::<Result<_, _>>()?))
}
