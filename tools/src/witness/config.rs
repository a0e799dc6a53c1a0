//! Making a witness, and its configuration: one TOML file beside the key.

use super::WitnessError;
use crate::disk::{self, Readers};
use crate::keys::{create_signing_key, load_signing_key};
use crate::source::{Backoff, ClientCertificate, Connection};
use ed25519_dalek::SigningKey;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use zegel_verifier::note::{TYPE_COSIGNATURE, TYPE_ED25519, VerifierKey};
use zegel_verifier::trust::Trust;

const CONFIG: &str = "witness.toml";
const KEY: &str = "witness.key";

/// What a cosignature of this witness means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The checkpoint follows from the ones before it.
    Witness,
    /// Besides, every entry was replayed, and every rule held.
    Auditor,
}

impl Kind {
    /// The word of the configuration and of trust files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Witness => "witness",
            Self::Auditor => "auditor",
        }
    }
}

/// What a witness process is to do. Relative paths begin at the folder of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Address to listen on; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Name of the key, as in cosignature lines: a URL without its scheme.
    pub name: String,
    /// Ed25519 key, PKCS#8 PEM, mode 600.
    pub key: PathBuf,
    /// What a cosignature means, for every log of this process.
    pub kind: Kind,
    /// Folder with the newest checkpoint of each log.
    pub state: PathBuf,
    /// Folder that guards it; not in the state, best on another disk.
    pub guard: PathBuf,
    /// Without it the witness speaks plain HTTP: for this machine, or behind a proxy.
    pub tls: Option<TlsFiles>,
    /// The logs.
    #[serde(default, rename = "log")]
    pub logs: Vec<LogConfig>,
}

/// Transport.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM; mode 600.
    pub key: PathBuf,
}

/// One log: its keys for a witness; a trust file and a ledger for an auditor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Verifier keys that may sign its checkpoints; their name is the origin.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Trust file that pins the root.
    pub trust: Option<PathBuf>,
    /// Address of the ledger.
    pub ledger: Option<String>,
    /// Authority that signed the ledger's certificate, PEM.
    pub ca: Option<PathBuf>,
    /// Certificate to show to the ledger, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM; mode 600.
    pub certificate_key: Option<PathBuf>,
}

/// A log that a witness knows by its keys.
pub(super) struct Keyed {
    pub(super) origin: String,
    pub(super) keys: Vec<[u8; 32]>,
}

/// A log that an auditor replays.
pub(super) struct Replayed {
    pub(super) trust: Trust,
    pub(super) connection: Connection,
}

impl WitnessConfig {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`WitnessError::Disk`] or [`WitnessError::Config`].
    pub fn read(path: &Path) -> Result<Self, WitnessError> {
        let bad = |reason: String| WitnessError::Config { path: path.display().to_string(), reason };
        let bytes = disk::read(path)?;
        let text = String::from_utf8(bytes).map_err(|_| bad("it is not text".into()))?;
        let mut config: Self = toml::from_str(&text).map_err(|reason| bad(reason.message().into()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.each_path(&|path| *path = folder.join(&*path));
        if config.guard.starts_with(&config.state) || config.state.starts_with(&config.guard) {
            return Err(bad(
                "state and guard must not lie in each other: one is what notices that the other is old".into()
            ));
        }
        if config.logs.is_empty() {
            return Err(bad("it names no [[log]]".into()));
        }
        Ok(config)
    }

    fn each_path(&mut self, change: &dyn Fn(&mut PathBuf)) {
        change(&mut self.key);
        change(&mut self.state);
        change(&mut self.guard);
        if let Some(tls) = &mut self.tls {
            change(&mut tls.certificate);
            change(&mut tls.key);
        }
        for log in &mut self.logs {
            let LogConfig { trust, ca, certificate, certificate_key, .. } = log;
            [trust, ca, certificate, certificate_key].into_iter().flatten().for_each(change);
        }
    }

    /// The key, and what others know it by.
    pub(super) fn signer(&self) -> Result<(SigningKey, VerifierKey), WitnessError> {
        let key = load_signing_key(&self.key)?;
        let public = VerifierKey::new(&self.name, TYPE_COSIGNATURE, key.verifying_key().to_bytes())?;
        Ok((key, public))
    }

    fn bad(&self, reason: impl Into<String>) -> WitnessError {
        WitnessError::Config { path: self.key.with_file_name(CONFIG).display().to_string(), reason: reason.into() }
    }

    /// A log as a witness knows it.
    pub(super) fn keyed(&self, log: &LogConfig) -> Result<Keyed, WitnessError> {
        let parse = |text: &String| VerifierKey::parse(text).map_err(|reason| self.bad(reason.to_string()));
        let keys = log.keys.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let first = keys.first().ok_or_else(|| self.bad("a [[log]] of a witness wants keys"))?;
        let (origin, is_alone) = (first.name().to_owned(), log.trust.is_none() && log.ledger.is_none());
        let fit = |key: &VerifierKey| key.name() == origin && key.kind() == TYPE_ED25519;
        if !is_alone || !keys.iter().all(fit) {
            return Err(self.bad("a [[log]] of a witness has keys of one log, of type 0x01, and nothing else"));
        }
        Ok(Keyed { origin, keys: keys.iter().map(|key| *key.key()).collect() })
    }

    /// A log as an auditor replays it.
    pub(super) fn replayed(&self, log: &LogConfig) -> Result<Replayed, WitnessError> {
        let (Some(path), Some(ledger), true) = (&log.trust, &log.ledger, log.keys.is_empty()) else {
            return Err(self.bad("a [[log]] of an auditor has a trust file and a ledger, and no keys"));
        };
        let unread = |reason| WitnessError::Trust { path: path.display().to_string(), reason };
        let trust = Trust::parse(&disk::read(path)?).map_err(unread)?;
        let ca = log.ca.as_deref().map(disk::read).transpose()?;
        let backoff = Backoff { attempts_max: 3, ..Backoff::default() };
        let client = match (&log.certificate, &log.certificate_key) {
            (Some(certificate), Some(key)) => Some(ClientCertificate::read(certificate, key)?),
            (None, None) => None,
            _ => return Err(self.bad("a [[log]] has a certificate with its certificate_key, or neither")),
        };
        let connection = Connection::as_client(ledger, ca.as_deref(), client.as_ref(), trust.origin(), backoff)?;
        Ok(Replayed { trust, connection })
    }
}

/// What a new witness is.
#[derive(Clone, Debug)]
pub struct NewWitness {
    /// Name of its key.
    pub name: String,
    /// What its cosignature means.
    pub kind: Kind,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Verifier keys of the log; of a witness.
    pub log_keys: Vec<String>,
    /// Trust file of the log; of an auditor.
    pub trust: Option<PathBuf>,
    /// Its ledger; of an auditor.
    pub ledger: Option<String>,
    /// Authority of the ledger's certificate; of an auditor.
    pub ca: Option<PathBuf>,
    /// Certificate to show to the ledger; of an auditor.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub certificate_key: Option<PathBuf>,
}

/// Makes key, state, guard and configuration in a folder, and gives the key as others know it. Nothing is overwritten.
///
/// # Errors
/// [`WitnessError`].
pub fn init(folder: &Path, new: &NewWitness) -> Result<VerifierKey, WitnessError> {
    VerifierKey::new(&new.name, TYPE_COSIGNATURE, [0; 32])?;
    disk::create_folder(folder)?;
    let folder = folder.canonicalize().map_err(disk::failed(folder))?;
    let key = create_signing_key(&folder.join(KEY))?;
    disk::create_folder(&folder.join("state"))?;
    disk::create_folder(&folder.join("guard"))?;
    disk::write_new(&folder.join(CONFIG), config_text(new)?.as_bytes(), Readers::Everyone)?;
    Ok(VerifierKey::new(&new.name, TYPE_COSIGNATURE, key.0)?)
}

fn config_text(new: &NewWitness) -> Result<String, WitnessError> {
    // A JSON string or list of strings is a TOML one.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let path = |path: &PathBuf| -> Result<String, WitnessError> {
        let whole = path.canonicalize().map_err(disk::failed(path))?;
        Ok(quoted(&whole.display().to_string()))
    };
    let mut text = format!(
        "# zegel witness: its own machine, its own key. The guard is best on another disk than the state.\n\
         listen = {}\nname = {}\nkey = \"{KEY}\"\nkind = \"{}\"\nstate = \"state\"\nguard = \"guard\"\n\n[[log]]\n",
        quoted(&new.listen.to_string()),
        quoted(&new.name),
        new.kind.name(),
    );
    if !new.log_keys.is_empty() {
        text.push_str(&format!("keys = {}\n", serde_json::Value::from(new.log_keys.clone())));
    }
    if let Some(trust) = &new.trust {
        text.push_str(&format!("trust = {}\n", path(trust)?));
    }
    if let Some(ledger) = &new.ledger {
        text.push_str(&format!("ledger = {}\n", quoted(ledger)));
    }
    let shown = [("ca", &new.ca), ("certificate", &new.certificate), ("certificate_key", &new.certificate_key)];
    for (name, file) in shown {
        if let Some(file) = file {
            text.push_str(&format!("{name} = {}\n", path(file)?));
        }
    }
    Ok(text)
}
