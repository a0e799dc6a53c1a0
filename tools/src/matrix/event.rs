//! One event of a room: what it is about, whatever form it came in.

use super::{Checked, EVENT_BYTES_MAX, MatrixError, RoomVersion, check};
use crate::event::Occurred;
use crate::json::{at, canonical, number, text};
use serde_json::Value;
use zegel_verifier::hash::sha256;

/// An event, with its id.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomEvent {
    /// Its id: as it came, or from its hash.
    pub id: String,
    /// The id as it came; servers among each other send none.
    pub given_id: Option<String>,
    /// Of its room, where that is known.
    pub version: Option<RoomVersion>,
    /// What its checks gave; [`Checked::Unsigned`] until they were made.
    pub checked: Checked,
    /// All of it.
    pub json: Value,
}

/// How an event was redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redaction {
    /// It has its content.
    None,
    /// Its content was taken away, by this redaction where it is known.
    By(Option<String>),
}

impl RoomEvent {
    /// Takes an event. `number` is its place in the file, for refusals.
    ///
    /// # Errors
    /// [`MatrixError`].
    pub fn take(json: Value, number: usize, version: Option<RoomVersion>) -> Result<Self, MatrixError> {
        for field in ["type", "sender"] {
            if text(&json, &[field]).is_none() {
                return Err(MatrixError::NotAnEvent { number, field });
            }
        }
        let found = canonical(&json).len();
        if found > EVENT_BYTES_MAX {
            return Err(MatrixError::EventTooLong { number, found, max: EVENT_BYTES_MAX });
        }
        let given_id = text(&json, &["event_id"]).map(str::to_owned);
        let hashed =
            || version.filter(|version| version.has_hashed_ids()).map(|version| check::event_id(&json, version));
        let id = given_id.clone().or_else(hashed).ok_or(MatrixError::NoRoomVersion { number })?;
        Ok(Self { id, given_id, version, checked: Checked::Unsigned, json })
    }

    /// `m.room.message`, ….
    #[must_use]
    pub fn kind(&self) -> &str {
        text(&self.json, &["type"]).unwrap_or_default()
    }

    /// Who sent it: `@anna:example.nl`.
    #[must_use]
    pub fn sender(&self) -> &str {
        text(&self.json, &["sender"]).unwrap_or_default()
    }

    /// Which room it says that it is of; within `/sync` the answer says it for all.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        text(&self.json, &["room_id"])
    }

    /// When, by the clock of the sender's server; 0: not stated, or no time that a calendar has.
    #[must_use]
    pub fn at_ms(&self) -> u64 {
        self.stated_ms().and_then(Occurred::dated).unwrap_or(0)
    }

    /// Whether it states a time that no event can have.
    #[must_use]
    pub fn is_beyond_dates(&self) -> bool {
        self.stated_ms().is_some_and(|at_ms| Occurred::dated(at_ms).is_none())
    }

    fn stated_ms(&self) -> Option<u64> {
        number(&self.json, &["origin_server_ts"])
    }

    /// Whether it is state of the room rather than something said.
    #[must_use]
    pub fn state_key(&self) -> Option<&str> {
        text(&self.json, &["state_key"])
    }

    /// 8 bytes that tell it from an event of another sender, kind, state or time: what no copy of one event differs in.
    #[must_use]
    pub fn frame_digest(&self) -> [u8; 8] {
        let at_ms = self.stated_ms().unwrap_or(0).to_be_bytes();
        let parts = [self.kind(), self.sender(), self.state_key().unwrap_or_default()].map(str::as_bytes);
        let sizes = parts.map(|part| (part.len() as u64).to_be_bytes());
        let full = sha256(&[&sizes[0], parts[0], &sizes[1], parts[1], &sizes[2], parts[2], &at_ms]).0;
        std::array::from_fn(|at| full[at])
    }

    /// What it replaces, where it is an edit.
    #[must_use]
    pub fn replaces(&self) -> Option<&str> {
        let relation = at(&self.json, &["content", "m.relates_to"])?;
        text(relation, &["event_id"]).filter(|_| text(relation, &["rel_type"]) == Some("m.replace"))
    }

    /// What a redaction takes away: before version 11 beside its content, since then in it. Servers write it at the other place
    /// too, where nobody signed it. Without the version two that differ say nothing.
    #[must_use]
    pub fn redacts(&self) -> Option<&str> {
        if self.kind() != "m.room.redaction" {
            return None;
        }
        let (beside, within) = (text(&self.json, &["redacts"]), text(&self.json, &["content", "redacts"]));
        match self.version.map(RoomVersion::redacts_in_content) {
            Some(true) => within,
            Some(false) => beside,
            None if beside.is_some() && within.is_some() && beside != within => None,
            None => beside.or(within),
        }
    }

    /// Whether its content was taken away before this file was made. Of an event that holds the hashes say so, and nothing else.
    #[must_use]
    pub fn redaction(&self) -> Redaction {
        if self.checked == Checked::Held {
            return Redaction::None;
        }
        let because = at(&self.json, &["unsigned", "redacted_because"]);
        let by = text(&self.json, &["unsigned", "redacted_by"]);
        let by = by.or_else(|| text(because?, &["event_id"]));
        if because.is_some() || by.is_some() || self.checked == Checked::HeldRedacted {
            return Redaction::By(by.map(str::to_owned));
        }
        let is_emptied = matches!(self.kind(), "m.room.message" | "m.room.encrypted" | "m.reaction" | "m.sticker")
            && at(&self.json, &["content"]).and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
        if is_emptied { Redaction::By(None) } else { Redaction::None }
    }

    /// 16 bytes that change when its content does, as it does by a redaction and by nothing else. What a redaction names counts once,
    /// wherever it stands: it is no other content once the version of its room is known.
    #[must_use]
    pub fn content_digest(&self) -> [u8; 16] {
        let content = at(&self.json, &["content"]);
        let content = match self.redacts() {
            // Whether a server made the copy, and what stands there, says nothing of the event.
            Some(target) => content.map(|content| canonical(&with_copy(content, target))),
            // Where it names nothing, or nobody knows which of two is meant, the content as it is.
            None => content.map(canonical),
        };
        let full = sha256(&[&content.unwrap_or_default()]).0;
        std::array::from_fn(|at| full[at])
    }
}

/// The content of a redaction with the copy of its target that servers make.
fn with_copy(content: &Value, target: &str) -> Value {
    let mut content = content.clone();
    if let Some(fields) = content.as_object_mut() {
        fields.insert("redacts".into(), target.into());
    }
    content
}
