//! The configuration of a sidecar: one TOML file, one table for each log; and making it.

use super::SidecarError;
use crate::disk::{self, Readers};
use crate::entropy::{random, random_id};
use crate::hex;
use crate::keys::{Identity, KeyError, KeyFolder, create_secret, create_signing_key, load_secret, load_signing_key};
use crate::officer::register_source;
use crate::source::ClientCertificate;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use zegel_keys::{Passphrases, Protection};
use zegel_verifier::hash::Hash;
use zegel_verifier::trust::Trust;
use zeroize::Zeroizing;

const CONFIG: &str = "source.toml";

/// What a sidecar is to do. Relative paths begin at the folder of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SidecarConfig {
    /// `unix:PATH`, or an address of this machine; port 0 lets the system choose.
    pub listen: String,
    /// The logs that it serves.
    #[serde(rename = "log")]
    pub logs: Vec<LogConfig>,
}

/// One log of a sidecar.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Address of the ledger.
    pub ledger: String,
    /// Authority that signed the ledger's certificate, PEM.
    pub ca: PathBuf,
    /// Certificate by which the ledger knows this source, PEM; only together with its key.
    pub certificate: Option<PathBuf>,
    /// Key of that certificate, PKCS#8 PEM, encrypted or not, mode 600.
    pub certificate_key: Option<PathBuf>,
    /// Trust file that pins the root of the log.
    pub trust: PathBuf,
    /// Actor id of this source, 64 hexadecimal digits.
    #[serde(with = "hex::field")]
    pub actor: Hash,
    /// Its signing key, PKCS#8 PEM, mode 600.
    pub key: PathBuf,
    /// Its secret of 32 bytes, mode 600: fingerprints, ids of conversations, and the key of the spool come from it.
    pub secret: PathBuf,
    /// Folder of what is spooled.
    pub spool: PathBuf,
    /// Between two heartbeats of a gateway in the log, in milliseconds.
    #[serde(default = "hour")]
    pub heartbeat_ms: u64,
    /// A gateway that is silent for longer leaves a gap, in milliseconds.
    #[serde(default = "five_minutes")]
    pub silence_ms: u64,
    /// Above it nothing more is spooled, in bytes.
    #[serde(default = "sixty_four_gib")]
    pub spool_bytes_max: u64,
    /// Settled events whose keys are held in memory, some hundred bytes each; older keys are asked of the ledger.
    #[serde(default = "four_million")]
    pub keys_known_max: u64,
    /// Unanswered requests of a session at a time.
    #[serde(default = "credits")]
    pub credits: u32,
}

const fn hour() -> u64 {
    3_600_000
}

const fn five_minutes() -> u64 {
    300_000
}

const fn sixty_four_gib() -> u64 {
    64 << 30
}

const fn four_million() -> u64 {
    4_000_000
}

const fn credits() -> u32 {
    256
}

impl SidecarConfig {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`SidecarError::Disk`], [`SidecarError::Config`].
    pub fn read(path: &Path) -> Result<Self, SidecarError> {
        let bad = |reason: String| SidecarError::Config { path: path.display().to_string(), reason };
        let text = String::from_utf8(disk::read(path)?).map_err(|_| bad("it is not text".into()))?;
        let mut config: Self = toml::from_str(&text).map_err(|reason| bad(reason.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for log in &mut config.logs {
            for path in [&mut log.ca, &mut log.trust, &mut log.key, &mut log.secret, &mut log.spool] {
                *path = folder.join(&*path);
            }
            if log.certificate.is_some() != log.certificate_key.is_some() {
                return Err(bad("a [[log]] has a certificate with its certificate_key, or neither".into()));
            }
            for path in [&mut log.certificate, &mut log.certificate_key].into_iter().flatten() {
                *path = folder.join(&*path);
            }
        }
        if let Some(socket) = config.listen.strip_prefix("unix:") {
            config.listen = format!("unix:{}", folder.join(socket).display());
        }
        Ok(config)
    }
}

impl LogConfig {
    /// The trust file.
    ///
    /// # Errors
    /// [`SidecarError::Disk`], [`SidecarError::Trust`].
    pub fn trust(&self) -> Result<Trust, SidecarError> {
        let bad = |reason| SidecarError::Trust { path: self.trust.display().to_string(), reason };
        Trust::parse(&disk::read(&self.trust)?).map_err(bad)
    }

    /// Who signs.
    pub(super) fn identity(&self) -> Result<Identity, SidecarError> {
        Ok(Identity::new(self.actor, load_signing_key(&self.key)?))
    }

    /// What we show the ledger.
    pub(super) fn client(&self) -> Result<Option<ClientCertificate>, SidecarError> {
        let shown = self.certificate.as_deref().zip(self.certificate_key.as_deref());
        Ok(shown.map(|(certificate, key)| ClientCertificate::read(certificate, key)).transpose()?)
    }

    pub(super) fn secret(&self) -> Result<Zeroizing<[u8; 32]>, SidecarError> {
        Ok(load_secret(&self.secret, &Passphrases::of_environment().map_err(KeyError::from)?)?)
    }
}

/// What a new source is told.
#[derive(Clone, Debug)]
pub struct NewSource<'a> {
    /// Name of its folder in the sidecar's.
    pub label: &'a str,
    /// Name in the registry: a service, not a person.
    pub name: &'a str,
    /// Address of the ledger.
    pub ledger: &'a str,
    /// Where the sidecar listens; counts for the first log only.
    pub listen: &'a str,
    /// Secret of another source of the same ministry: both then give one conversation one id.
    pub secret: Option<&'a Path>,
    /// How key and secret are protected.
    pub protection: &'a Protection,
}

/// Makes a source of its own for a log, registers it with the ministry's root key, and adds it to the sidecar's configuration.
///
/// # Errors
/// [`SidecarError`].
pub async fn init(folder: &Path, ministry: &KeyFolder, new: &NewSource<'_>) -> Result<PathBuf, SidecarError> {
    let own = folder.join(new.label);
    disk::create_folder(&own)?;
    let (key, secret) = (own.join("source.key"), own.join("source.secret"));
    create_signing_key(&key, new.protection)?;
    let known = match new.secret {
        Some(other) => load_secret(other, &Passphrases::of_environment().map_err(KeyError::from)?)?,
        None => Zeroizing::new(random::<32>()?),
    };
    create_secret(&secret, &known, new.protection)?;
    let trust = disk::read(&ministry.path().join("trust.txt"))?;
    disk::write_new(&own.join("trust.txt"), &trust, Readers::Everyone)?;
    disk::write_new(&own.join("ca.pem"), &ministry.tls_ca()?, Readers::Everyone)?;
    let actor = random_id()?;
    register_source(ministry, new.ledger, &Identity::new(actor, load_signing_key(&key)?), new.name).await?;
    let config = folder.join(CONFIG);
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let before = disk::read_if_there(&config)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let before = before.unwrap_or_else(|| format!("listen = {}\n", quoted(new.listen)));
    let file = |name: &str| quoted(&format!("{}/{name}", new.label));
    let text = format!(
        "{before}\n[[log]]\nledger = {}\nca = {}\ntrust = {}\nactor = \"{actor}\"\nkey = {}\nsecret = {}\nspool = {}\n",
        quoted(new.ledger),
        file("ca.pem"),
        file("trust.txt"),
        file("source.key"),
        file("source.secret"),
        file("spool"),
    );
    disk::write_durably(&config, text.as_bytes())?;
    Ok(config)
}
