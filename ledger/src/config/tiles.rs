//! Where the read API of a log listens, and for whom.

use super::{Config, ConfigError, LogConfig};
use serde::Deserialize;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The HTTP read API of one log (c2sp.org/tlog-tiles).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TilesConfig {
    /// Address to listen on; logs that name the same one share it. TLS as in the `[tls]` table.
    pub listen: SocketAddr,
    /// Readers must show a certificate that this authority signed, PEM.
    pub client_ca: Option<PathBuf>,
    /// Whoever reaches the address may read. Exactly one of this and `client_ca`.
    #[serde(default)]
    pub open: bool,
    /// Path before `/checkpoint`. Default: what the origin has from its first slash on, so that `https://ORIGIN/checkpoint`
    /// is where the log is read.
    pub prefix: Option<String>,
}

impl Config {
    pub(super) fn check_tiles(&self) -> Result<(), ConfigError> {
        let mut places = HashSet::new();
        for (log, tiles) in self.logs.iter().filter_map(|log| Some((log, log.tiles.as_ref()?))) {
            let origin = || log.origin.clone();
            if tiles.open == tiles.client_ca.is_some() {
                return Err(ConfigError::TilesAccess { origin: origin() });
            }
            if tiles.client_ca.is_some() && self.tls.is_none() {
                return Err(ConfigError::TilesWithoutTls { origin: origin() });
            }
            let prefix = log.tiles_prefix();
            if !is_prefix(prefix) {
                return Err(ConfigError::TilesPrefix { origin: origin(), found: prefix.into() });
            }
            if !places.insert((tiles.listen, prefix)) {
                return Err(ConfigError::Twice { what: "tiles prefix", found: prefix.into() });
            }
        }
        Ok(())
    }
}

/// Empty, or segments that stand in a URL as they are.
fn is_prefix(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._~-".contains(c);
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(is_plain);
    text.is_empty() || text.strip_prefix('/').is_some_and(|segments| segments.split('/').all(is_segment))
}

impl LogConfig {
    /// Path before `/checkpoint` in the read API.
    pub(crate) fn tiles_prefix(&self) -> &str {
        let of_origin = || self.origin.find('/').map_or("", |slash| &self.origin[slash..]);
        self.tiles.as_ref().and_then(|tiles| tiles.prefix.as_deref()).unwrap_or_else(of_origin)
    }
}
