//! Whom a ledger serves, how much of it one client may have, and where a log is backed up to.

use super::{Config, ConfigError, LogConfig};
use crate::access::Clients;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::PathBuf;
use zegel_verifier::hash::Hash;

/// How much one client may have of what all share: connections by certificate, the rest by actor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Connections of the service; who comes when all are taken is sent away. Default: 1,024.
    pub connections: usize,
    /// Of these, with one client certificate. Default: 64.
    pub connections_per_client: usize,
    /// Streams and uploads that one actor has under way; and as many calls with one client certificate that stream what they
    /// send, for each log that lists it. Default: 32, an eighth of all.
    pub streams_per_client: usize,
    /// KiB a second that one actor appends; what is over waits. Default: no limit.
    pub append_kib_per_second: Option<u64>,
    /// Calls a second that one actor makes, a stream counting as one; what is over is refused. 0: no limit. Default: 2,000.
    pub calls_per_second: u32,
    /// Seconds for which a stream waits for a reader that takes nothing, before it is cut off. Default: 120.
    pub stalled_reader_s: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_client: 64,
            streams_per_client: 32,
            append_kib_per_second: None,
            calls_per_second: 2_000,
            stalled_reader_s: 120,
        }
    }
}

/// A client of a log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    /// SHA-256 of its certificate (DER), in hex: what `openssl x509 -fingerprint -sha256` prints, in lower case and without
    /// colons.
    pub certificate: String,
    /// Actor of the log's registry whose role it has, in hex.
    pub actor: String,
}

/// Backups of a log, which a running ledger makes when `zegel-ledger backup` asks for one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupConfig {
    /// Its folder, best on another disk, and never where the guard lies. Who may write it may ask for a backup.
    pub folder: PathBuf,
    /// Copies that are kept; each costs what changed since the one before it. Default: 7.
    #[serde(default = "BackupConfig::keep")]
    pub keep: usize,
}

impl BackupConfig {
    const fn keep() -> usize {
        7
    }
}

/// The scrub of a log: all that a read depends on, read again and held against what was signed, while it is served.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScrubConfig {
    /// KiB a second that it reads; a quarter of it while appends wait. 0: no scrub, which the ledger says when it starts.
    /// Default: 4,096.
    pub kib_per_second: u64,
    /// Seconds from the end of one pass to the beginning of the next. Default: 86,400, a day.
    pub rest_s: u64,
}

impl Default for ScrubConfig {
    fn default() -> Self {
        Self { kib_per_second: 4_096, rest_s: 86_400 }
    }
}

impl Config {
    pub(super) fn check_clients(&self) -> Result<(), ConfigError> {
        let has_authority = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        self.logs.iter().try_for_each(|log| {
            if !log.clients.is_empty() && !has_authority {
                return Err(ConfigError::ClientsWithoutAuthority { origin: log.origin.clone() });
            }
            log.clients().map(|_| ())
        })
    }
}

impl LogConfig {
    /// Who may make calls.
    pub(crate) fn clients(&self) -> Result<Clients, ConfigError> {
        if self.clients.is_empty() {
            return Ok(Clients::Everyone);
        }
        let mut actors = HashMap::new();
        for client in &self.clients {
            let certificate = client.certificate.clone();
            let wrong = ConfigError::Client { origin: self.origin.clone(), certificate: certificate.clone() };
            let (Some(shown), Some(actor)) = (hex(&certificate), hex(&client.actor)) else { return Err(wrong) };
            if actors.insert(shown, actor).is_some() {
                return Err(ConfigError::Twice { what: "client certificate", found: certificate });
            }
        }
        Ok(Clients::Listed(actors))
    }
}

/// 32 bytes, in lower-case hex.
fn hex(text: &str) -> Option<Hash> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 64 || !text.bytes().all(is_digit) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    Hash::read(&(0..64).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?)
}
