//! Whom a log follows, and how it is asked.

use super::{ConfigError, LogConfig, read, read_secret};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// How long a connection may be silent before it is asked whether it is there.
const QUIET: Duration = Duration::from_secs(20);

/// A ledger whose log is copied here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowConfig {
    /// Its address: `https://host:port`, or `http://` for a test.
    pub primary: String,
    /// Authority that signed its certificate, PEM; wanted for `https`.
    pub ca: Option<PathBuf>,
    /// Certificate that is shown to it, PEM: that of a FOLLOWER in the log's registry.
    pub certificate: Option<PathBuf>,
    /// Its private key, PKCS#8 PEM, encrypted or not; mode 600.
    pub key: Option<PathBuf>,
    /// How often it is asked for what is new, in milliseconds. Default: 1,000.
    #[serde(default = "FollowConfig::interval_ms")]
    pub interval_ms: u64,
}

impl FollowConfig {
    const fn interval_ms() -> u64 {
        1_000
    }

    pub(super) fn each_path(&mut self, change: &dyn Fn(&mut PathBuf)) {
        [&mut self.ca, &mut self.certificate, &mut self.key].into_iter().flatten().for_each(change);
    }

    /// The way there; nothing is sent yet.
    pub(crate) fn channel(&self, log: &LogConfig) -> Result<Channel, ConfigError> {
        let wrong = |reason: &dyn ToString| ConfigError::Primary {
            origin: log.origin.clone(),
            primary: self.primary.clone(),
            reason: reason.to_string(),
        };
        let mut endpoint = Endpoint::from_shared(self.primary.clone()).map_err(|reason| wrong(&reason))?;
        if self.primary.starts_with("https:") {
            let ca = self.ca.as_deref().ok_or_else(|| wrong(&"https wants `ca`, the authority that is believed"))?;
            let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
            match (&self.certificate, &self.key) {
                (Some(certificate), Some(key)) => {
                    tls = tls.identity(Identity::from_pem(read(certificate)?, read_secret(key)?.as_bytes()));
                }
                (None, None) => {}
                _ => return Err(wrong(&"`certificate` and `key` go together")),
            }
            endpoint = endpoint.tls_config(tls).map_err(|reason| wrong(&reason))?;
        }
        let endpoint = endpoint.connect_timeout(QUIET).http2_keep_alive_interval(QUIET).keep_alive_timeout(QUIET);
        Ok(endpoint.connect_lazy())
    }
}
