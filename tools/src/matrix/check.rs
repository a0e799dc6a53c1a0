//! Whether an event is what its sender's server signed: its content hash, its id, and that signature.
//!
//! Source: the Matrix specification, server-server API, "Signing Events" and "Calculating hashes". Pure: keys are an argument.

use super::{RoomVersion, ServerKeys};
use crate::json::{canonical, is_canonical, number, text};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;
use zegel_verifier::hash::sha256;

/// Base64 as Matrix writes it, without padding; some servers once wrote it with.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the checks of one event gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Hash, id and signature hold: its content is what the server of its sender signed.
    Held,
    /// The signature holds over what a redaction leaves, and nothing else is there: it is a redacted event, and authentic.
    HeldRedacted,
    /// It carries no hashes and signatures: a client's view.
    Unsigned,
    /// There is no key of that server, or none that was valid then.
    NoKey,
    /// Its id is not that of its hash.
    OtherId,
    /// Its content is not what was hashed, and it is no redacted event either.
    OtherContent,
    /// The signature does not hold.
    BadSignature,
    /// It has numbers that servers may write in more than one way.
    NotCanonical,
}

impl Checked {
    /// Worth proof class A.
    #[must_use]
    pub fn is_held(self) -> bool {
        matches!(self, Self::Held | Self::HeldRedacted)
    }
}

/// Checks an event as servers exchange them. `given_id` is the id that came with it, if any.
#[must_use]
pub fn check(event: &Value, version: RoomVersion, given_id: Option<&str>, keys: &ServerKeys) -> Checked {
    let has = |name: &str| event.get(name).and_then(Value::as_object).is_some_and(|fields| !fields.is_empty());
    if !(has("hashes") && has("signatures")) {
        return Checked::Unsigned;
    }
    let event = &bare(event, version);
    if !is_canonical(event) {
        return Checked::NotCanonical;
    }
    if version.has_hashed_ids() && given_id.is_some_and(|given| given != event_id(event, version)) {
        return Checked::OtherId;
    }
    let redacted = version.redacted(event);
    let hashed = text(event, &["hashes", "sha256"]).unwrap_or_default();
    let is_whole = content_hash(event) == hashed || content_hash(&without_copy(event, version)) == hashed;
    if !is_whole && redacted != *event {
        return Checked::OtherContent;
    }
    match verify(event, &redacted, version, keys) {
        Checked::Held if !is_whole => Checked::HeldRedacted,
        other => other,
    }
}

/// The id that follows from an event's hash, in rooms of version 3 and later.
#[must_use]
pub(super) fn event_id(event: &Value, version: RoomVersion) -> String {
    let kept = without(&version.redacted(&bare(event, version)), &["signatures", "unsigned"]);
    let hash = sha256(&[&canonical(&kept)]).0;
    let written = if version.has_url_safe_ids() {
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
    } else {
        BASE64.encode(hash)
    };
    format!("${written}")
}

/// The event as it was signed: without what a server or a client adds when it hands it out.
fn bare(event: &Value, version: RoomVersion) -> Value {
    let added: &[&str] =
        if version.has_hashed_ids() { &["unsigned", "age_ts", "event_id"] } else { &["unsigned", "age_ts"] };
    without(event, added)
}

/// A redaction without the copy of its target that servers put where clients of other versions look for it.
fn without_copy(event: &Value, version: RoomVersion) -> Value {
    if text(event, &["type"]) != Some("m.room.redaction") {
        return event.clone();
    }
    if version.redacts_in_content() {
        return without(event, &["redacts"]);
    }
    let mut event = event.clone();
    if let Some(content) = event.get_mut("content") {
        *content = without(content, &["redacts"]);
    }
    event
}

fn content_hash(event: &Value) -> String {
    let kept = without(event, &["unsigned", "signatures", "hashes"]);
    BASE64.encode(sha256(&[&canonical(&kept)]).0)
}

pub(super) fn without(value: &Value, names: &[&str]) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
    value
}

/// The signature of the server that the sender belongs to.
fn verify(event: &Value, redacted: &Value, version: RoomVersion, keys: &ServerKeys) -> Checked {
    let server = text(event, &["sender"]).and_then(|sender| sender.split_once(':')).map(|(_, server)| server);
    let Some(server) = server else { return Checked::BadSignature };
    let signatures = event.get("signatures").and_then(|all| all.get(server)).and_then(Value::as_object);
    let Some(signatures) = signatures.filter(|signatures| !signatures.is_empty()) else {
        return Checked::BadSignature;
    };
    let sent_ms = version.holds_keys_to_their_time().then(|| number(event, &["origin_server_ts"]).unwrap_or(0));
    let signed = canonical(&without(redacted, &["signatures", "unsigned"]));
    let mut found = Checked::NoKey;
    for (key_id, signature) in signatures {
        let Some(key) = keys.get(server, key_id, sent_ms) else { continue };
        if holds(&key, &signed, signature.as_str().unwrap_or_default()) {
            return Checked::Held;
        }
        found = Checked::BadSignature;
    }
    found
}

/// Whether a signature, in base64, holds.
pub(super) fn holds(key: &VerifyingKey, signed: &[u8], signature: &str) -> bool {
    let bytes = BASE64.decode(signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
    bytes.is_some_and(|signature| key.verify_strict(signed, &signature).is_ok())
}
