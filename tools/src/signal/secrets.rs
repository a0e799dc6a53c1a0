//! What of an export is never kept: keys, passwords and the tokens of an account.
//!
//! By the ending of their names, so that a field that a later version adds is left out too when it is called what it is. What
//! is lost by that is no word of anybody: keys and digests of files that lie beside the export in the clear.

use serde_json::Value;

/// Endings of names, in small letters.
const SECRET_ENDINGS: [&str; 11] = [
    "key",
    "keys",
    "password",
    "entropy",
    "entropypool",
    "secret",
    "subscriberid",
    "pin",
    "token",
    "serverpayload",
    "presentation",
];

/// Fields whose whole value speaks of an account or a device, not of a chat.
const SECRET_NAMES: [&str; 4] = ["locatorinfo", "usernamelink", "identitystate", "accountsettings"];

/// Whether a field of this name is left out.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str()) || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The same value without what is secret in it.
pub(super) fn without(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !is_secret(name));
            Value::Object(kept.map(|(name, value)| (name.clone(), without(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_and_passwords_are_left_out_however_deep_they_lie() {
        let value = json!({
            "profileKey": "a", "masterKey": "b", "mediaRootBackupKey": "c", "accountEntropyPool": "d",
            "group": [{ "inviteLinkPassword": "e", "title": "Veerhaven" }],
            "sticker": { "packKey": "f", "packId": "g" }, "svrPin": "h",
            "giftBadge": { "receiptCredentialPresentation": "k", "state": "REDEEMED" },
            "pointer": { "locatorInfo": { "key": "i", "plaintextHash": "j" }, "fileName": "nota.pdf" },
        });
        let kept = without(&value);
        let wanted = json!({
            "group": [{ "title": "Veerhaven" }],
            "sticker": { "packId": "g" },
            "giftBadge": { "state": "REDEEMED" },
            "pointer": { "fileName": "nota.pdf" },
        });
        assert_eq!(kept, wanted);
    }

    #[test]
    fn what_a_chat_says_is_kept() {
        for name in ["body", "emoji", "authorId", "dateSent", "newGroupName", "pinDetails", "question", "caption"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
