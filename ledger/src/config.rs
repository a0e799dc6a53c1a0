//! The configuration: one TOML file, read once, every key refused that is not known.

mod follow;
mod served;
mod tiles;

pub(crate) use follow::ArchiveConfig;
pub use follow::FollowConfig;
pub use served::{BackupConfig, ClientConfig, LimitsConfig, ScrubConfig};
pub use tiles::TilesConfig;

use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use thiserror::Error;
use zegel_keys::{KeyError, LatticeSigner, Passphrases, Signer};
use zegel_verifier::hash::Hash;
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::trust::TrustError;
use zeroize::Zeroizing;

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A file that cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Not the TOML that is wanted.
    #[error("the configuration does not read: {reason}")]
    Malformed {
        /// What the reader says.
        reason: String,
    },
    /// No log.
    #[error("the configuration names no [[log]]")]
    NoLog,
    /// Two logs where one was wanted.
    #[error("{what} {found:?} is used by two logs")]
    Twice {
        /// "origin", "store", "guard", "backup folder" or "folder of receipts".
        what: &'static str,
        /// Which.
        found: String,
    },
    /// The root key.
    #[error("the root key of {origin} must be a verifier key of that name, as in a trust file")]
    RootKey {
        /// The log.
        origin: String,
    },
    /// A key that cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A policy that is none.
    #[error("the witness policy {path}: {reason}")]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: TrustError,
    },
    /// A witness that cannot be asked.
    #[error("witness {name} cannot be asked at {url:?}: {reason}")]
    WitnessUrl {
        /// Name in the policy.
        name: String,
        /// As written; empty where there is none.
        url: String,
        /// Why not.
        reason: &'static str,
    },
    /// No authority in a file.
    #[error("{path} holds no certificate of an authority in PEM")]
    Authorities {
        /// The file.
        path: PathBuf,
    },
    /// Neither or both of the two ways in.
    #[error("the tiles of {origin} are either open (`open = true`) or for those who show a certificate (`client_ca`)")]
    TilesAccess {
        /// The log.
        origin: String,
    },
    /// Certificates without TLS.
    #[error("the tiles of {origin} ask for a client certificate, which needs a [tls] table")]
    TilesWithoutTls {
        /// The log.
        origin: String,
    },
    /// Clients whose certificates nobody asks for.
    #[error("{origin} lists clients, which needs a [tls] table with a `client_ca`")]
    ClientsWithoutAuthority {
        /// The log.
        origin: String,
    },
    /// A client that is none.
    #[error("client {certificate:?} of {origin}: `certificate` and `actor` are 64 digits of lower-case hex")]
    Client {
        /// The log.
        origin: String,
        /// As written.
        certificate: String,
    },
    /// A primary that cannot be asked.
    #[error("{origin} cannot follow {primary:?}: {reason}")]
    Primary {
        /// The log.
        origin: String,
        /// As written.
        primary: String,
        /// Why not.
        reason: String,
    },
    /// A log that is to be backed up, and says not where.
    #[error("{origin} has no [log.backup] table: say in which folder")]
    NoBackup {
        /// The log.
        origin: String,
    },
    /// A path that would need escapes.
    #[error(
        "the tiles of {origin} cannot be served under {found:?}: set `prefix` to \"\" or to /words of a-z A-Z 0-9 . _ ~ -"
    )]
    TilesPrefix {
        /// The log.
        origin: String,
        /// The prefix.
        found: String,
    },
    /// A guard in the store, which is put back together with it.
    #[error("the guard {guard} lies in the store {store}: it must lie elsewhere")]
    GuardInStore {
        /// The guard.
        guard: PathBuf,
        /// The store.
        store: PathBuf,
    },
}

/// What a ledger process is to do. Paths that are relative begin at the folder of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address to listen on, for example `127.0.0.1:7443`; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Without it the ledger speaks plain HTTP/2: for a test, or behind a proxy on the same machine.
    pub tls: Option<TlsConfig>,
    /// Address of the Prometheus metrics (`http://…/metrics`), best one that only the operator reaches. Default: none.
    pub metrics: Option<SocketAddr>,
    /// Lines of JSON instead of text on stderr. Default: false.
    #[serde(default)]
    pub log_json: bool,
    /// How much one client may have of what all share.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Ministries, at least one: each has a log, a store and a guard of its own.
    #[serde(rename = "log")]
    pub logs: Vec<LogConfig>,
}

/// Transport.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The server's certificate chain, PEM.
    pub certificate: PathBuf,
    /// The server's private key, PKCS#8 PEM, encrypted or not; mode 600.
    pub key: PathBuf,
    /// If given, a client must show a certificate that this authority signed, PEM.
    pub client_ca: Option<PathBuf>,
}

/// One log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Name of the log, as in its checkpoints.
    pub origin: String,
    /// The ministry's root key as a verifier key, as in a trust file (`root` line): the only one that may create the log.
    pub root_key: String,
    /// Folder of the store.
    pub store: PathBuf,
    /// The guard file: last signed size and root. Not in the store, best on another disk: it is what notices a store that
    /// was put back.
    pub guard: PathBuf,
    /// Ed25519 key that signs checkpoints: PKCS#8 PEM, encrypted or not, or a `pkcs11:` URI; mode 600 (`specs/keys.md`).
    pub log_key: PathBuf,
    /// Keys that may follow it by LOG_KEY_CHANGED, or came before it. Default: none.
    #[serde(default)]
    pub other_log_keys: Vec<PathBuf>,
    /// MiB that are kept free on the disks of store and guard: with less, appends are refused before anything is written.
    /// Default: 512, twice what the memtables of a log hold.
    #[serde(default = "LogConfig::reserve_mib")]
    pub reserve_mib: u64,
    /// The ledger whose log is copied here. With it this one signs nothing, and `log_key` must not be there: it is put there
    /// when this store is promoted. Default: none, this ledger is the primary.
    pub follow: Option<FollowConfig>,
    /// Where the log is backed up to. Default: nowhere.
    pub backup: Option<BackupConfig>,
    /// How what lies on disk is looked through while the log is served.
    #[serde(default)]
    pub scrub: ScrubConfig,
    /// ML-DSA-44 key that cosigns every checkpoint under the log's name, for the time after Ed25519: PKCS#8 PEM with a seed,
    /// mode 600. Default: none.
    pub post_quantum_key: Option<PathBuf>,
    /// Who is asked to cosign checkpoints. Default: nobody.
    pub witnesses: Option<WitnessesConfig>,
    /// The read API for standard tools. Without it the log is read over gRPC only.
    pub tiles: Option<TilesConfig>,
    /// Who may make calls, and as whom. Without any the log is open to whoever reaches the port.
    #[serde(default, rename = "client")]
    pub clients: Vec<ClientConfig>,
}

/// Who is asked to cosign the checkpoints of a log, and how often.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessesConfig {
    /// A policy (C2SP tlog-policy) or a trust file: each `witness` and `auditor` with its URL.
    pub policy: PathBuf,
    /// Authorities whose certificates are believed of a witness, PEM; wanted for any URL of `https`.
    pub ca: Option<PathBuf>,
    /// How long one witness may take for one answer, in milliseconds. Default: 5,000.
    #[serde(default = "WitnessesConfig::timeout_ms")]
    pub timeout_ms: u64,
    /// The least time between two rounds, in milliseconds: what is published in between goes together. Default: 1,000.
    #[serde(default = "WitnessesConfig::interval_ms")]
    pub interval_ms: u64,
    /// How old the newest cosignatures of a log that stands still may become before they are asked for again, in
    /// seconds. Default: 600.
    #[serde(default = "WitnessesConfig::refresh_s")]
    pub refresh_s: u64,
}

impl WitnessesConfig {
    const fn timeout_ms() -> u64 {
        5_000
    }

    const fn interval_ms() -> u64 {
        1_000
    }

    const fn refresh_s() -> u64 {
        600
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&read(path)?, folder)
    }

    /// Reads the text of a configuration whose relative paths begin at `folder`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str, folder: &Path) -> Result<Self, ConfigError> {
        let malformed = |reason: toml::de::Error| ConfigError::Malformed { reason: reason.message().into() };
        let mut config: Self = toml::from_str(text).map_err(malformed)?;
        config.each_path(&|path| *path = folder.join(&*path));
        config.check()?;
        Ok(config)
    }

    fn each_path(&mut self, change: &dyn Fn(&mut PathBuf)) {
        if let Some(tls) = &mut self.tls {
            change(&mut tls.certificate);
            change(&mut tls.key);
            tls.client_ca.iter_mut().for_each(change);
        }
        for log in &mut self.logs {
            change(&mut log.store);
            change(&mut log.guard);
            change(&mut log.log_key);
            log.other_log_keys.iter_mut().for_each(change);
            log.follow.iter_mut().for_each(|follow| follow.each_path(change));
            log.backup.iter_mut().for_each(|backup| change(&mut backup.folder));
            log.post_quantum_key.iter_mut().for_each(change);
            if let Some(witnesses) = &mut log.witnesses {
                change(&mut witnesses.policy);
                witnesses.ca.iter_mut().for_each(change);
            }
            log.tiles.iter_mut().filter_map(|tiles| tiles.client_ca.as_mut()).for_each(change);
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.logs.is_empty() {
            return Err(ConfigError::NoLog);
        }
        let of = |what, text: &dyn Fn(&LogConfig) -> Option<String>| {
            let mut all: Vec<String> = self.logs.iter().filter_map(text).collect();
            all.sort();
            let twice = all.windows(2).find(|pair| pair[0] == pair[1]);
            twice.map_or(Ok(()), |pair| Err(ConfigError::Twice { what, found: pair[0].clone() }))
        };
        of("origin", &|log| Some(log.origin.clone()))?;
        of("store", &|log| Some(plain(&log.store)))?;
        of("guard", &|log| Some(plain(&log.guard)))?;
        of("backup folder", &|log| log.backup.as_ref().map(|backup| plain(&backup.folder)))?;
        let receipts = |log: &LogConfig| Some(plain(&log.follow.as_ref()?.archive.as_ref()?.receipts));
        of("folder of receipts", &receipts)?;
        self.check_tiles()?;
        self.check_clients()?;
        self.logs.iter().try_for_each(|log| {
            if log.guard.starts_with(&log.store) {
                return Err(ConfigError::GuardInStore { guard: log.guard.clone(), store: log.store.clone() });
            }
            log.root_key().map(|_| ())
        })
    }
}

impl LogConfig {
    const fn reserve_mib() -> u64 {
        512
    }

    /// The pinned root key.
    pub(crate) fn root_key(&self) -> Result<Hash, ConfigError> {
        let wrong = ConfigError::RootKey { origin: self.origin.clone() };
        let key = VerifierKey::parse(&self.root_key).map_err(|_| wrong.clone())?;
        let good = key.name() == self.origin && key.kind() == TYPE_ED25519;
        if good { Ok(Hash(*key.key())) } else { Err(wrong) }
    }

    /// The keys that sign checkpoints.
    pub(crate) fn signing_keys(&self) -> Result<Vec<Signer>, ConfigError> {
        let passphrases = Passphrases::of_environment()?;
        let paths = [&self.log_key].into_iter().chain(&self.other_log_keys);
        Ok(paths.map(|path| Signer::open(path, &passphrases)).collect::<Result<_, _>>()?)
    }
}

impl LogConfig {
    /// The key that cosigns checkpoints with ML-DSA-44, if there is one.
    pub(crate) fn post_quantum_signer(&self) -> Result<Option<LatticeSigner>, ConfigError> {
        let Some(path) = &self.post_quantum_key else { return Ok(None) };
        Ok(Some(LatticeSigner::open(path, &Passphrases::of_environment()?)?))
    }
}

/// A path without what changes nothing of it: `a/./b/` is `a/b`.
fn plain(path: &Path) -> String {
    path.components().collect::<PathBuf>().display().to_string()
}

/// Reads a private key as plain PEM, for TLS.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    Ok(zegel_keys::open_pem(path, &Passphrases::of_environment()?)?)
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |reason: std::io::Error| ConfigError::Unreadable { path: path.into(), reason: reason.to_string() };
    std::fs::read_to_string(path).map_err(unreadable)
}
