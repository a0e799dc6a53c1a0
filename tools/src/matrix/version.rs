//! What the versions of rooms differ in, as far as hashes and redactions go.
//!
//! Source: the Matrix specification, "Room Versions", redaction rules of each and their event format. Pure.

use super::MatrixError;
use serde_json::{Map, Value};

/// The version of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoomVersion(u8);

/// Fields that stay when an event is redacted.
const KEPT: [&str; 12] = [
    "event_id",
    "type",
    "room_id",
    "sender",
    "state_key",
    "content",
    "hashes",
    "signatures",
    "depth",
    "prev_events",
    "auth_events",
    "origin_server_ts",
];
/// The same, before version 11.
const KEPT_BEFORE_11: [&str; 3] = ["prev_state", "origin", "membership"];

const POWER_LEVELS: [&str; 8] =
    ["ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"];

impl RoomVersion {
    /// The newest whose rules are known here.
    pub const NEWEST: Self = Self(12);

    /// As `m.room.create` states it.
    ///
    /// # Errors
    /// [`MatrixError::RoomVersion`].
    pub fn parse(text: &str) -> Result<Self, MatrixError> {
        let number = text.parse().ok().filter(|number| (1..=Self::NEWEST.0).contains(number));
        let version = number.map(Self).filter(|version| version.0.to_string() == text);
        version.ok_or_else(|| MatrixError::RoomVersion { found: text.into() })
    }

    /// From version 3 on an event's id is its hash; 1 and 2 chose ids.
    #[must_use]
    pub fn has_hashed_ids(self) -> bool {
        self.0 >= 3
    }

    /// From version 4 on that hash is written in the alphabet of URLs.
    #[must_use]
    pub fn has_url_safe_ids(self) -> bool {
        self.0 >= 4
    }

    /// From version 11 on a redaction names its target inside its content.
    #[must_use]
    pub fn redacts_in_content(self) -> bool {
        self.0 >= 11
    }

    /// From version 5 on a key must have been valid when the event was sent.
    #[must_use]
    pub fn holds_keys_to_their_time(self) -> bool {
        self.0 >= 5
    }

    /// The event as it is once it is redacted.
    #[must_use]
    pub fn redacted(self, event: &Value) -> Value {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        let empty = Map::new();
        let fields = event.as_object().unwrap_or(&empty);
        let is_kept = |name: &str| KEPT.contains(&name) || (self.0 < 11 && KEPT_BEFORE_11.contains(&name));
        let mut kept: Map<_, _> = fields
            .iter()
            .filter(|(name, _)| is_kept(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if let Some(content) = kept.get_mut("content") {
            *content = self.redacted_content(kind, content);
        }
        Value::Object(kept)
    }

    fn redacted_content(self, kind: &str, content: &Value) -> Value {
        let only = |names: &[&str]| {
            let fields = content.as_object().into_iter().flatten();
            let kept = fields.filter(|(name, _)| names.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
        };
        match kind {
            "m.room.member" => self.redacted_member(content, &only),
            "m.room.create" if self.0 >= 11 => content.clone(),
            "m.room.create" => only(&["creator"]),
            "m.room.join_rules" if self.0 >= 8 => only(&["join_rule", "allow"]),
            "m.room.join_rules" => only(&["join_rule"]),
            "m.room.power_levels" if self.0 >= 11 => only(&[&POWER_LEVELS[..], &["invite"]].concat()),
            "m.room.power_levels" => only(&POWER_LEVELS),
            "m.room.aliases" if self.0 < 6 => only(&["aliases"]),
            "m.room.history_visibility" => only(&["history_visibility"]),
            "m.room.redaction" if self.0 >= 11 => only(&["redacts"]),
            _ => only(&[]),
        }
    }

    fn redacted_member(self, content: &Value, only: &dyn Fn(&[&str]) -> Value) -> Value {
        let mut kept = match self.0 {
            ..=8 => only(&["membership"]),
            _ => only(&["membership", "join_authorised_via_users_server"]),
        };
        let signed = content.get("third_party_invite").and_then(|invite| invite.get("signed")).filter(|_| self.0 >= 11);
        if let (Some(signed), Some(fields)) = (signed, kept.as_object_mut()) {
            fields.insert("third_party_invite".into(), serde_json::json!({ "signed": signed }));
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn version(number: &str) -> RoomVersion {
        RoomVersion::parse(number).expect(number)
    }

    #[test]
    fn versions_are_the_numbers_1_to_12() {
        assert!(version("1") < version("12"));
        for refused in ["0", "13", "", "011", "+1", "org.matrix.msc"] {
            assert!(matches!(RoomVersion::parse(refused), Err(MatrixError::RoomVersion { found }) if found == refused));
        }
    }

    #[test]
    fn a_redaction_takes_words_and_leaves_what_holds_the_room_together() {
        let message = json!({ "type": "m.room.message", "sender": "@a:b", "content": { "body": "x" }, "origin": "b",
            "hashes": {}, "unsigned": { "age": 1 } });
        let wanted = json!({ "type": "m.room.message", "sender": "@a:b", "content": {}, "hashes": {} });
        assert_eq!(version("11").redacted(&message), wanted);
        assert_eq!(version("10").redacted(&message)["origin"], "b");
        let member = json!({ "type": "m.room.member",
            "content": { "membership": "join", "displayname": "A", "join_authorised_via_users_server": "@c:d",
                "third_party_invite": { "signed": { "token": "t" }, "display_name": "x" } } });
        assert_eq!(version("8").redacted(&member)["content"], json!({ "membership": "join" }));
        let joined = json!({ "membership": "join", "join_authorised_via_users_server": "@c:d" });
        assert_eq!(version("9").redacted(&member)["content"], joined);
        assert_eq!(
            version("11").redacted(&member)["content"]["third_party_invite"],
            json!({ "signed": { "token": "t" } })
        );
    }

    #[test]
    fn what_a_redaction_names_stays_from_version_11_on() {
        let redaction = json!({ "type": "m.room.redaction", "content": { "redacts": "$x", "reason": "y" } });
        assert_eq!(version("11").redacted(&redaction)["content"], json!({ "redacts": "$x" }));
        assert_eq!(version("10").redacted(&redaction)["content"], json!({}));
        let aliases = json!({ "type": "m.room.aliases", "content": { "aliases": ["#a:b"] } });
        assert_eq!(version("5").redacted(&aliases)["content"], json!({ "aliases": ["#a:b"] }));
        assert_eq!(version("6").redacted(&aliases)["content"], json!({}));
    }
}
