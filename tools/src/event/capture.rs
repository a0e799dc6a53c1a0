//! Capture events: how chats were obtained.

use super::{Draft, EventError, Field, Occurred, printed};
use crate::record::segments;
use zegel_proto::print;
use zegel_proto::v1::{
    Channel, EventKind, GapDetail, ManifestDetail, ManifestRun, ProofClass, ReadoutChat, ReadoutDetail,
};
use zegel_verifier::commit::{list_slot, none_slot, value_slot};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, family};

/// What a capture event is about.
#[derive(Clone, Debug, PartialEq)]
pub enum CaptureDetail {
    /// Nothing more.
    None,
    /// Of `READOUT_OPENED` and `READOUT_CLOSED`.
    Readout(ReadoutDetail),
    /// Of `READOUT_MANIFEST`.
    Manifest(ManifestDetail),
    /// Of `GAP_DECLARED`.
    Gap(GapDetail),
}

/// The items of a capture event.
#[derive(Clone, Debug, PartialEq)]
pub enum CaptureItems {
    /// None.
    None,
    /// Of `READOUT_CLOSED`: what became of each chat on the device; at most 1,024.
    Chats(Vec<ReadoutChat>),
    /// Of `READOUT_MANIFEST`: what became of each run of records; at most 1,024 a part.
    Runs(Vec<ManifestRun>),
}

/// A capture event, neutral of channel.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureRecord {
    /// `CAPTURE_STARTED` to `SOURCE_RESUMED`.
    pub kind: EventKind,
    /// Conversation, if it is about one: it then takes a number in that capture.
    pub conversation: Option<Hash>,
    /// Whose chats.
    pub custodian: Hash,
    /// When.
    pub occurred: Occurred,
    /// Which channel.
    pub channel: Channel,
    /// What the proof is worth.
    pub proof_class: ProofClass,
    /// 32 random bytes of the read-out or session.
    pub session: Field<Hash>,
    /// Who did it: a function.
    pub operator: Field<String>,
    /// Which device.
    pub device: Field<String>,
    /// With what, and which version.
    pub tool: Field<String>,
    /// What it is about.
    pub detail: CaptureDetail,
    /// Its items.
    pub items: CaptureItems,
    /// Remarks.
    pub note: Field<String>,
}

impl CaptureRecord {
    /// The event without its number.
    ///
    /// # Errors
    /// [`EventError::WrongFamily`] for another kind, [`EventError::Canonical`] for a detail that breaks its grammar.
    pub fn draft(self) -> Result<Draft, EventError> {
        if family(self.kind) != Family::Capture {
            return Err(EventError::WrongFamily { kind: self.kind.as_str_name(), wanted: "capture" });
        }
        let detail = match &self.detail {
            CaptureDetail::None => none_slot(),
            CaptureDetail::Readout(detail) => value_slot(print(detail)?),
            CaptureDetail::Manifest(detail) => value_slot(print(detail)?),
            CaptureDetail::Gap(detail) => value_slot(print(detail)?),
        };
        let items = match &self.items {
            CaptureItems::None => none_slot(),
            CaptureItems::Chats(chats) => printed(chats)?,
            CaptureItems::Runs(runs) => printed(runs)?,
        };
        let slots = vec![
            self.session.slot(|id| value_slot(id.to_vec())),
            self.operator.text(),
            self.device.text(),
            self.tool.text(),
            detail,
            items,
            self.note.slot(|note| list_slot(segments(note.as_bytes()))),
        ];
        Ok(Draft {
            conversation: self.conversation,
            custodian: Some(self.custodian),
            occurred: self.occurred,
            channel: self.channel,
            proof_class: self.proof_class,
            ..Draft::governance(self.kind, 0, slots)
        })
    }
}
