//! Whom a log follows, and how it is asked.

use super::{ConfigError, LogConfig, read, read_secret};
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use zegel_keys::{Passphrases, Signer};

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
    /// With it this replica is the archive of a landing zone: it signs receipts of custody, and what is purged for them there
    /// stays here. A store that was opened with it once remains an archive. Default: none.
    pub archive: Option<ArchiveConfig>,
}

/// How an archive says what it holds (`specs/custody.md`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveConfig {
    /// Name of the archive, as in its verifier key: a URL without its scheme.
    pub name: String,
    /// Ed25519 key that signs receipts: PKCS#8 PEM, encrypted or not, mode 600. Not a key of the log.
    pub key: PathBuf,
    /// Folder of the receipts, `TO.receipt`; made if it is not there.
    pub receipts: PathBuf,
    /// Seconds from one receipt to the next, at least, unless one was full. Default: 3,600.
    #[serde(default = "ArchiveConfig::interval_s")]
    pub interval_s: u64,
}

impl ArchiveConfig {
    const fn interval_s() -> u64 {
        3_600
    }

    pub(crate) fn signer(&self) -> Result<Signer, ConfigError> {
        Ok(Signer::open(&self.key, &Passphrases::of_environment()?)?)
    }
}

impl FollowConfig {
    const fn interval_ms() -> u64 {
        1_000
    }

    pub(super) fn each_path(&mut self, change: &dyn Fn(&mut PathBuf)) {
        [&mut self.ca, &mut self.certificate, &mut self.key].into_iter().flatten().for_each(change);
        if let Some(archive) = &mut self.archive {
            [&mut archive.key, &mut archive.receipts].into_iter().for_each(change);
        }
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
