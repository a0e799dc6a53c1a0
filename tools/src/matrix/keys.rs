//! Keys of servers, as they publish them: `GET /_matrix/key/v2/server`, or what a notary answered about them.
//!
//! A file of keys is taken on trust as far as *whose* keys they are: who fetched it, from where, is the operator's word. What
//! is checked is that each answer is signed by a key in it.

use super::MatrixError;
use super::check::{BASE64, holds, without};
use crate::json::{canonical, items, number, text};
use base64::Engine;
use ed25519_dalek::VerifyingKey;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest file of keys, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Clone, Copy)]
struct ServerKey {
    key: VerifyingKey,
    valid_until_ms: u64,
}

/// Keys by server and key id.
#[derive(Clone, Default)]
pub struct ServerKeys {
    keys: BTreeMap<(String, String), ServerKey>,
}

impl ServerKeys {
    /// Reads a file: one answer, a list of them, or a notary's.
    ///
    /// # Errors
    /// [`MatrixError::Keys`].
    pub fn read(path: &Path) -> Result<Self, MatrixError> {
        let wrong = |reason| MatrixError::Keys { file: path.display().to_string(), reason };
        let size = std::fs::metadata(path).map_err(|_| wrong("it cannot be read"))?.len();
        if size > FILE_BYTES_MAX {
            return Err(wrong("it has more than 4 MiB"));
        }
        let bytes = std::fs::read(path).map_err(|_| wrong("it cannot be read"))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| wrong("it is not JSON"))?;
        Self::parse(&value).map_err(wrong)
    }

    /// From the answers themselves.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn parse(value: &Value) -> Result<Self, &'static str> {
        let mut keys = Self::default();
        let notary = items(value, &["server_keys"]);
        let list = value.as_array().map_or(notary, Vec::as_slice);
        for answer in if list.is_empty() { std::slice::from_ref(value) } else { list } {
            keys.take(answer)?;
        }
        Ok(keys)
    }

    fn take(&mut self, answer: &Value) -> Result<(), &'static str> {
        let server = text(answer, &["server_name"]).ok_or("an answer has no server_name")?;
        let valid_until_ms = number(answer, &["valid_until_ts"]).ok_or("an answer has no valid_until_ts")?;
        let signed = canonical(&without(answer, &["signatures", "unsigned"]));
        let mut is_signed = false;
        for (key_id, key) in entries(answer, "verify_keys")? {
            let signature = text(answer, &["signatures", server, &key_id]);
            is_signed |= signature.is_some_and(|signature| holds(&key, &signed, signature));
            self.keys.insert((server.into(), key_id), ServerKey { key, valid_until_ms });
        }
        if !is_signed {
            return Err("an answer is not signed by a key in it");
        }
        for (key_id, key) in entries(answer, "old_verify_keys")? {
            let expired = number(answer, &["old_verify_keys", &key_id, "expired_ts"]).unwrap_or(0);
            let old = ServerKey { key, valid_until_ms: expired };
            self.keys.entry((server.into(), key_id)).or_insert(old);
        }
        Ok(())
    }

    /// A key, if it was valid at `sent_ms`; `None` asks for any time.
    pub(super) fn get(&self, server: &str, key_id: &str, sent_ms: Option<u64>) -> Option<VerifyingKey> {
        let key = self.keys.get(&(server.to_owned(), key_id.to_owned()))?;
        sent_ms.is_none_or(|sent_ms| sent_ms <= key.valid_until_ms).then_some(key.key)
    }

    /// No key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// `server key-id base64 until-ms`, one a line: what a later reader needs to check again.
    #[must_use]
    pub fn listed(&self) -> String {
        let line = |((server, key_id), key): (&(String, String), &ServerKey)| {
            format!("{server} {key_id} {} {}\n", BASE64.encode(key.key.as_bytes()), key.valid_until_ms)
        };
        self.keys.iter().map(line).collect()
    }
}

fn entries(answer: &Value, name: &str) -> Result<Vec<(String, VerifyingKey)>, &'static str> {
    let Some(fields) = answer.get(name).and_then(Value::as_object) else { return Ok(Vec::new()) };
    let key = |written: &Value| {
        let bytes = BASE64.decode(text(written, &["key"])?).ok()?;
        VerifyingKey::from_bytes(bytes.as_slice().try_into().ok()?).ok()
    };
    let each = fields.iter().filter(|(key_id, _)| key_id.starts_with("ed25519:"));
    each.map(|(key_id, written)| Ok((key_id.clone(), key(written).ok_or("a key is no Ed25519 key")?))).collect()
}
