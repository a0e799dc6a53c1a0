//! A record of a chat, neutral of channel and format: what every importer and gateway hands over.
//!
//! Text and the bytes before it are kept as the source has them, byte for byte: `as_written ‖ text` is its record, valid
//! UTF-8 or not. Nothing is guessed: a field is unknown, none, or a value. Specification: `specs/input.md`.

mod segment;

pub use segment::segments;

use crate::event::{Draft, EventError, Field, MessageRow, Occurred, printed};
use crate::seal::BlobSummary;
use zegel_proto::print;
use zegel_proto::v1::{Attachment, AttachmentState, Channel, ChatDetail, EventKind, ProofClass};
use zegel_verifier::commit::{list_slot, value_slot};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, family};

/// Something that came with a record, or was named by it.
#[derive(Clone, Debug, PartialEq)]
pub enum Attached {
    /// It is there, and its ciphertext is in the source's spool.
    Present {
        /// File name as the source wrote it.
        name: String,
        /// Media type as stated, or empty.
        media_type: String,
        /// Its blob, from `BlobSpool::store`.
        blob: BlobSummary,
    },
    /// The source says that media was left out.
    LeftOut {
        /// File name, or empty.
        name: String,
        /// Media type, or empty.
        media_type: String,
    },
    /// Named, and not among the files.
    Missing {
        /// File name.
        name: String,
        /// Media type, or empty.
        media_type: String,
    },
}

impl Attached {
    /// File name as the source wrote it, or empty.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Present { name, .. } | Self::LeftOut { name, .. } | Self::Missing { name, .. } => name,
        }
    }
}

/// One record of a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// A chat kind: `MESSAGE_CREATED` to `RECEIPT_OBSERVED`.
    pub kind: EventKind,
    /// Registered id of the conversation.
    pub conversation: Hash,
    /// Registered id of the custodian.
    pub custodian: Hash,
    /// When.
    pub occurred: Occurred,
    /// Which channel.
    pub channel: Channel,
    /// What the proof is worth at its origin.
    pub proof_class: ProofClass,
    /// Who sent it: number or identifier on the channel.
    pub sender: Field<String>,
    /// What the custodian's device called the sender.
    pub display_name: Field<String>,
    /// Who could read it.
    pub audience: Field<String>,
    /// Identifier that the channel gave it.
    pub native_id: Field<String>,
    /// Native identifier, or quoted text, of what it answers.
    pub reply_to: Field<String>,
    /// Mark or count of forwarding.
    pub forwarded: Field<String>,
    /// What it acts on: the message that is edited, deleted or reacted to.
    pub target: Field<String>,
    /// What the app's line says, parsed.
    pub detail: Field<ChatDetail>,
    /// What came with it; at most 64 that are present.
    pub attachments: Field<Vec<Attached>>,
    /// The source's bytes before the text.
    pub as_written: Field<Vec<u8>>,
    /// The text.
    pub text: Field<Vec<u8>>,
    /// How the source knows it again.
    pub message_row: Option<MessageRow>,
}

impl Record {
    /// A record of which nothing is known but what it is and where it belongs.
    #[must_use]
    pub fn new(kind: EventKind, conversation: Hash, custodian: Hash) -> Self {
        Self {
            kind,
            conversation,
            custodian,
            occurred: Occurred::UNKNOWN,
            channel: Channel::Other,
            proof_class: ProofClass::None,
            sender: Field::Unknown,
            display_name: Field::Unknown,
            audience: Field::Unknown,
            native_id: Field::Unknown,
            reply_to: Field::Unknown,
            forwarded: Field::Unknown,
            target: Field::None,
            detail: Field::None,
            attachments: Field::None,
            as_written: Field::None,
            text: Field::None,
            message_row: None,
        }
    }

    /// The event without its number.
    ///
    /// # Errors
    /// [`EventError::WrongFamily`] for a kind that is no chat's, [`EventError::Canonical`] for a name above its limit.
    pub fn draft(self) -> Result<Draft, EventError> {
        if family(self.kind) != Family::Chat {
            return Err(EventError::WrongFamily { kind: self.kind.as_str_name(), wanted: "chat" });
        }
        let (attachments, blobs) = attachment_items(self.attachments);
        let attachments = match attachments {
            Field::Value(items) => printed(&items)?,
            Field::None => Field::<String>::None.text(),
            Field::Unknown => Field::<String>::Unknown.text(),
        };
        let detail = match self.detail {
            Field::Value(detail) => value_slot(print(&detail)?),
            Field::None => Field::<String>::None.text(),
            Field::Unknown => Field::<String>::Unknown.text(),
        };
        let slots = vec![
            self.sender.text(),
            self.display_name.text(),
            self.audience.text(),
            self.native_id.text(),
            self.reply_to.text(),
            self.forwarded.text(),
            self.target.text(),
            detail,
            attachments,
            self.as_written.slot(value_slot),
            self.text.slot(|text| list_slot(segments(&text))),
        ];
        Ok(Draft {
            conversation: Some(self.conversation),
            custodian: Some(self.custodian),
            occurred: self.occurred,
            channel: self.channel,
            proof_class: self.proof_class,
            blobs,
            message_row: self.message_row,
            ..Draft::governance(self.kind, 0, slots)
        })
    }
}

/// The items of the slot, and the blobs of the header in the same order.
fn attachment_items(attached: Field<Vec<Attached>>) -> (Field<Vec<Attachment>>, Vec<Hash>) {
    let mut blobs = Vec::new();
    let items = match attached {
        Field::Value(attached) => Field::Value(attached.into_iter().map(|each| attachment(each, &mut blobs)).collect()),
        Field::None => Field::None,
        Field::Unknown => Field::Unknown,
    };
    (items, blobs)
}

fn attachment(attached: Attached, blobs: &mut Vec<Hash>) -> Attachment {
    let absent = |name, media_type, state: AttachmentState| Attachment {
        name,
        media_type,
        state: state as i32,
        ..Attachment::default()
    };
    match attached {
        Attached::LeftOut { name, media_type } => absent(name, media_type, AttachmentState::AttachmentLeftOut),
        Attached::Missing { name, media_type } => absent(name, media_type, AttachmentState::AttachmentMissing),
        Attached::Present { name, media_type, blob } => {
            blobs.push(blob.ciphertext_sha256);
            Attachment {
                name,
                media_type,
                size: blob.plaintext_bytes,
                sha256: blob.plaintext_sha256.to_vec(),
                state: AttachmentState::AttachmentPresent as i32,
                blob: blobs.len() as u32 - 1,
                key: blob.key.to_vec(),
            }
        }
    }
}
