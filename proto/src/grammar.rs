//! The grammar of each message that is hashed, signed or exported: lengths, closed enums, what goes with what.
//!
//! Rules that need more than the message itself (keys, roles, streams, roots) are the verifier's.
//! Specification: `specs/encoding.md` and the page of each message.

use crate::limits::*;
use crate::v1::{event_header, *};
use thiserror::Error;

/// Which rule a message breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GrammarError {
    /// A field of bytes has a length that it may not have.
    #[error("{field} has {found} bytes, wanted {wanted}")]
    Length {
        /// The field.
        field: &'static str,
        /// Bytes found.
        found: usize,
        /// What it may have.
        wanted: &'static str,
    },
    /// More than the named maximum.
    #[error("{field} has {found}, at most {max} are allowed")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How many.
        found: u64,
        /// The maximum.
        max: u64,
    },
    /// A number that no value of the enum has, or that may not be used here.
    #[error("{field} is {found}, which is not a value that it may have")]
    Value {
        /// The field.
        field: &'static str,
        /// What was found.
        found: u64,
    },
    /// Something that must be there is not.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// Something stands where the rest of the message says that nothing may.
    #[error("{field} may not be there: {reason}")]
    Surplus {
        /// The field.
        field: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// Items that must ascend strictly do not.
    #[error("{field} must ascend, item {at} does not")]
    Order {
        /// The field.
        field: &'static str,
        /// First item that is out of order.
        at: usize,
    },
}

/// A message with rules of its own, beyond being protobuf.
pub trait Grammar {
    /// Name of the message, for errors.
    const NAME: &'static str;

    /// Holds the message against its rules.
    ///
    /// # Errors
    /// The first rule that is broken.
    fn check(&self) -> Result<(), GrammarError>;
}

pub(crate) type Checked = Result<(), GrammarError>;

fn hash(field: &'static str, bytes: &[u8]) -> Checked {
    exact(field, bytes, HASH_BYTES, "32")
}

fn hash_or_none(field: &'static str, bytes: &[u8]) -> Checked {
    if bytes.is_empty() { Ok(()) } else { exact(field, bytes, HASH_BYTES, "0 or 32") }
}

fn exact(field: &'static str, bytes: &[u8], length: usize, wanted: &'static str) -> Checked {
    if bytes.len() == length { Ok(()) } else { Err(GrammarError::Length { field, found: bytes.len(), wanted }) }
}

fn at_most(field: &'static str, found: usize, max: usize) -> Checked {
    let (found, max) = (found as u64, max as u64);
    if found <= max { Ok(()) } else { Err(GrammarError::TooMany { field, found, max }) }
}

fn some(field: &'static str, length: usize, max: usize) -> Checked {
    if length == 0 { Err(GrammarError::Missing { field }) } else { at_most(field, length, max) }
}

fn known<E: TryFrom<i32> + Into<i32>>(field: &'static str, found: i32) -> Result<E, GrammarError> {
    E::try_from(found).map_err(|_| GrammarError::Value { field, found: found as u64 })
}

fn stated<E: TryFrom<i32> + Into<i32>>(field: &'static str, found: i32) -> Result<E, GrammarError> {
    if found == 0 { Err(GrammarError::Missing { field }) } else { known(field, found) }
}

fn positive(field: &'static str, found: u64) -> Checked {
    if found == 0 { Err(GrammarError::Missing { field }) } else { Ok(()) }
}

fn hashes(field: &'static str, list: &[Vec<u8>], max: usize) -> Checked {
    at_most(field, list.len(), max)?;
    list.iter().try_for_each(|item| hash(field, item))
}

fn strictly_ascending<T: PartialOrd>(field: &'static str, items: impl Iterator<Item = T>) -> Checked {
    let mut before: Option<T> = None;
    for (at, item) in items.enumerate() {
        if before.as_ref().is_some_and(|before| *before >= item) {
            return Err(GrammarError::Order { field, at });
        }
        before = Some(item);
    }
    Ok(())
}

/// A month as the formats write it: year * 100 + month, from 1970 to 9999; 0 is unknown.
fn month(field: &'static str, found: u32) -> Checked {
    let good = found == 0 || ((1970..=9999).contains(&(found / 100)) && (1..=12).contains(&(found % 100)));
    if good { Ok(()) } else { Err(GrammarError::Value { field, found: found.into() }) }
}

/// The month of an event: from 1970 to 2968, so that an id has at most [`MONTHS_MAX`] of them with the unknown one. A log
/// that took more could never again show that id: no row of a snapshot holds them.
pub(crate) fn month_of_event(found: u32) -> Checked {
    if found / 100 > YEAR_MAX {
        Err(GrammarError::Value { field: "month", found: found.into() })
    } else {
        month("month", found)
    }
}

/// C2SP signed-note: a name is not empty and has no space, no plus, no control character.
fn origin(found: &str) -> Checked {
    some("origin", found.len(), ORIGIN_BYTES_MAX)?;
    let bad = found.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '+');
    bad.map_or(Ok(()), |c| Err(GrammarError::Value { field: "origin", found: c.into() }))
}

impl Grammar for EventHeader {
    const NAME: &'static str = "EventHeader";
    fn check(&self) -> Checked {
        stated::<EventKind>("kind", self.kind)?;
        hash_or_none("conversation", &self.conversation)?;
        hash_or_none("custodian", &self.custodian)?;
        month_of_event(self.month)?;
        hashes("blobs", &self.blobs, BLOBS_MAX)?;
        match &self.content {
            Some(event_header::Content::BodyRoot(root)) => hash("body_root", root),
            Some(event_header::Content::Public(bytes)) => at_most("public", bytes.len(), PUBLIC_BYTES_MAX),
            None => Err(GrammarError::Missing { field: "content" }),
        }
    }
}

impl Grammar for Slot {
    const NAME: &'static str = "Slot";
    fn check(&self) -> Checked {
        let state = known::<SlotState>("state", self.state)?;
        if state != SlotState::SlotValue && !self.value.is_empty() {
            return Err(GrammarError::Surplus { field: "value", reason: "the slot's state is not SLOT_VALUE" });
        }
        if state != SlotState::SlotList && !self.items.is_empty() {
            return Err(GrammarError::Surplus { field: "items", reason: "the slot's state is not SLOT_LIST" });
        }
        at_most("value", self.value.len(), SLOT_BYTES_MAX)?;
        if state == SlotState::SlotList {
            some("items", self.items.len(), LIST_ITEMS_MAX)?;
        }
        self.items.iter().try_for_each(|item| at_most("item", item.len(), SLOT_BYTES_MAX))
    }
}

impl Grammar for Body {
    const NAME: &'static str = "Body";
    fn check(&self) -> Checked {
        hash("seed", &self.seed)?;
        self.slots.iter().try_for_each(Slot::check)
    }
}

impl Grammar for Binding {
    const NAME: &'static str = "Binding";
    fn check(&self) -> Checked {
        origin(&self.origin)?;
        hash("source", &self.source)?;
        stated::<EventKind>("kind", self.kind)?;
        hash_or_none("conversation", &self.conversation)?;
        hash_or_none("custodian", &self.custodian)?;
        known::<Precision>("precision", self.precision)?;
        known::<Channel>("channel", self.channel)?;
        known::<ProofClass>("proof_class", self.proof_class)?;
        let clock = known::<Clock>("clock", self.clock)?;
        if (clock == Clock::Unknown) != (self.occurred_at_ms == 0) {
            return Err(GrammarError::Surplus { field: "occurred_at_ms", reason: "a time and a clock go together" });
        }
        Ok(())
    }
}

impl Grammar for Attachment {
    const NAME: &'static str = "Attachment";
    fn check(&self) -> Checked {
        at_most("name", self.name.len(), NAME_BYTES_MAX)?;
        at_most("media_type", self.media_type.len(), ORIGIN_BYTES_MAX)?;
        let state = stated::<AttachmentState>("state", self.state)?;
        if state == AttachmentState::AttachmentPresent {
            hash("sha256", &self.sha256)?;
            return hash_or_none("key", &self.key);
        }
        let nothing = self.sha256.is_empty() && self.key.is_empty() && self.size == 0 && self.blob == 0;
        if nothing {
            Ok(())
        } else {
            Err(GrammarError::Surplus { field: "sha256", reason: "the attachment is not there" })
        }
    }
}

impl Grammar for BatchStatement {
    const NAME: &'static str = "BatchStatement";
    fn check(&self) -> Checked {
        origin(&self.origin)?;
        hash("source", &self.source)?;
        hash("key", &self.key)?;
        positive("count", self.count.into())?;
        at_most("count", self.count as usize, BATCH_EVENTS_MAX)?;
        hash("events_root", &self.events_root)?;
        hash("sealed_root", &self.sealed_root)?;
        hash_or_none("previous", &self.previous)?;
        if self.previous.is_empty() != (self.batch_seq == 0) {
            return Err(GrammarError::Surplus { field: "previous", reason: "only batch 0 has no previous statement" });
        }
        positive("created_at_ms", self.created_at_ms)
    }
}

impl Grammar for SignedBatch {
    const NAME: &'static str = "SignedBatch";
    fn check(&self) -> Checked {
        some("statement", self.statement.len(), 1_024)?;
        exact("signature", &self.signature, SIGNATURE_BYTES, "64")
    }
}

impl Grammar for IndexSnapshot {
    const NAME: &'static str = "IndexSnapshot";
    fn check(&self) -> Checked {
        positive("covers", self.covers)?;
        positive("ids", self.ids)?;
        hash("root", &self.root)
    }
}

impl Grammar for Entry {
    const NAME: &'static str = "Entry";
    fn check(&self) -> Checked {
        positive("received_at_ms", self.received_at_ms)?;
        match &self.content {
            Some(entry::Content::Batch(batch)) => batch.check(),
            Some(entry::Content::Snapshot(snapshot)) => snapshot.check(),
            None => Err(GrammarError::Missing { field: "content" }),
        }
    }
}

impl Grammar for KeyWrap {
    const NAME: &'static str = "KeyWrap";
    fn check(&self) -> Checked {
        hash("dossier", &self.dossier)?;
        exact("wrapped", &self.wrapped, 48, "48")
    }
}

impl Grammar for DossierEnvelope {
    const NAME: &'static str = "DossierEnvelope";
    fn check(&self) -> Checked {
        origin(&self.origin)?;
        hash("source", &self.source)?;
        hash_or_none("conversation", &self.conversation)?;
        month("month", self.month)?;
        exact("nonce", &self.nonce, 16, "16")?;
        at_most("recipients", self.recipients.len(), RECIPIENTS_MAX)?;
        if self.recipients.len() < 2 {
            // Two independent keys: the loss of one must not lose the archive.
            return Err(GrammarError::Missing { field: "recipients" });
        }
        for recipient in &self.recipients {
            hash("archive_key", &recipient.archive_key)?;
            some("sealed", recipient.sealed.len(), 4_096)?;
        }
        strictly_ascending("recipients", self.recipients.iter().map(|recipient| &recipient.archive_key))
    }
}

impl Grammar for Scope {
    const NAME: &'static str = "Scope";
    fn check(&self) -> Checked {
        let stream = stated::<StreamType>("stream", self.stream)?;
        if !matches!(stream, StreamType::StreamConversation | StreamType::StreamCustodian) {
            return Err(GrammarError::Value { field: "stream", found: self.stream as u64 });
        }
        hash("id", &self.id)?;
        month("from_month", self.from_month)?;
        month("to_month", self.to_month)?;
        if (self.from_month == 0) != (self.to_month == 0) || self.from_month > self.to_month {
            return Err(GrammarError::Value { field: "to_month", found: self.to_month.into() });
        }
        Ok(())
    }
}

impl Grammar for ExportStatement {
    const NAME: &'static str = "ExportStatement";
    fn check(&self) -> Checked {
        origin(&self.origin)?;
        hash("export", &self.export)?;
        hash("key", &self.key)?;
        positive("parts", self.parts.into())?;
        at_most("parts", self.parts as usize, PARTS_MAX as usize)?;
        hash("parts_sha256", &self.parts_sha256)?;
        positive("created_at_ms", self.created_at_ms)
    }
}

impl Grammar for SignedExport {
    const NAME: &'static str = "SignedExport";
    fn check(&self) -> Checked {
        some("statement", self.statement.len(), 1_024)?;
        exact("signature", &self.signature, SIGNATURE_BYTES, "64")
    }
}

mod evidence;
mod governance;
