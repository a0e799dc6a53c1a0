//! Making a key folder and reading from it.

use super::signing::{create_secret, load_secret};
use super::{Actor, ArchiveKey, ArchiveKeyName, Identity, KeyError, Ministry, tls};
use crate::disk::{self, Readers};
use crate::entropy::{random, random_id};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use std::path::{Path, PathBuf};
use zegel_keys::{Passphrases, Protection, create, open_document, write_document};
use zegel_verifier::hash::Hash;
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::trust::Trust;
use zeroize::Zeroizing;

pub(super) const MINISTRY: &str = "ministry.json";
pub(super) const TRUST: &str = "trust.txt";
const LEDGER: &str = "ledger.toml";
const SECRET: &str = "source.secret";
pub(super) const CA: &str = "tls-ca.pem";

/// A key folder on disk.
#[derive(Clone, Debug)]
pub struct KeyFolder {
    path: PathBuf,
    ministry: Ministry,
    passphrases: Passphrases,
}

impl KeyFolder {
    /// As [`KeyFolder::create`] with keys that no passphrase protects: for a test or a demonstration.
    ///
    /// # Errors
    /// As [`KeyFolder::create`].
    pub fn init(path: &Path, origin: &str, ministry: &str) -> Result<Self, KeyError> {
        Self::create(path, origin, ministry, &Protection::Plain)
    }

    /// Makes a folder with every key of a new log. Nothing that is there is overwritten.
    ///
    /// # Errors
    /// [`KeyError::BadOrigin`], [`KeyError::Secret`] if a file is there already, and what making keys can meet.
    pub fn create(path: &Path, origin: &str, ministry: &str, protection: &Protection) -> Result<Self, KeyError> {
        let bad_origin = || KeyError::BadOrigin { found: origin.into() };
        if origin.len() > zegel_proto::limits::ORIGIN_BYTES_MAX {
            return Err(bad_origin());
        }
        let vkey = |key: Hash| VerifierKey::new(origin, TYPE_ED25519, key.0).map_err(|_| bad_origin());
        vkey(Hash::ZERO)?;
        disk::create_folder(path)?;
        let path = path.canonicalize().map_err(disk::failed(path))?;
        let ministry = create_keys(&path, origin, ministry, protection)?;
        let (root, log) = (vkey(ministry.root_key)?.print(), vkey(ministry.log_key)?.print());
        let public = |name: &str, text: &str| disk::write_new(&path.join(name), text.as_bytes(), Readers::Everyone);
        public(TRUST, &format!("# What a verifier of this log takes on trust.\nroot {root}\nlog {log}\n"))?;
        public(LEDGER, &ledger_toml(&path, origin, &root))?;
        // Last: a folder with this file is whole.
        public(MINISTRY, &ministry.print())?;
        let passphrases = match protection {
            Protection::Plain => Passphrases::default(),
            Protection::Sealed(passphrases) => passphrases.clone(),
        };
        Ok(Self { path, ministry, passphrases })
    }

    /// Opens a folder that is there, with the passphrases that the environment names. Keys are read one by one, when they
    /// are needed.
    ///
    /// # Errors
    /// [`KeyError::Disk`] or [`KeyError::Malformed`] for its public file.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        Self::open_with(path, Passphrases::of_environment()?)
    }

    /// As [`KeyFolder::open`], with these passphrases.
    ///
    /// # Errors
    /// As [`KeyFolder::open`].
    pub fn open_with(path: &Path, passphrases: Passphrases) -> Result<Self, KeyError> {
        let file = path.join(MINISTRY);
        let bytes = disk::read(&file)?;
        let malformed = |_| KeyError::Malformed { path: file.display().to_string(), wanted: "a ministry file" };
        let ministry = serde_json::from_slice(&bytes).map_err(malformed)?;
        Ok(Self { path: path.into(), ministry, passphrases })
    }

    /// The public file.
    #[must_use]
    pub fn ministry(&self) -> &Ministry {
        &self.ministry
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The trust file.
    ///
    /// # Errors
    /// [`KeyError::Disk`] or [`KeyError::Malformed`].
    pub fn trust(&self) -> Result<Trust, KeyError> {
        let path = self.path.join(TRUST);
        let malformed = |_| KeyError::Malformed { path: path.display().to_string(), wanted: "a trust file" };
        Trust::parse(&disk::read(&path)?).map_err(malformed)
    }

    /// The configuration of a ledger for this log.
    #[must_use]
    pub fn ledger_config(&self) -> PathBuf {
        self.path.join(LEDGER)
    }

    /// Where an actor keeps its outbox and receipts.
    #[must_use]
    pub fn spool(&self, actor: Actor) -> PathBuf {
        self.path.join("spool").join(actor.name())
    }

    /// The officer's register of names.
    #[must_use]
    pub fn register(&self) -> PathBuf {
        self.path.join("register.json")
    }

    /// Certificate of the authority that signed the ledger's certificate, as PEM.
    ///
    /// # Errors
    /// [`KeyError::Disk`].
    pub fn tls_ca(&self) -> Result<Vec<u8>, KeyError> {
        Ok(disk::read(&self.path.join(CA))?)
    }

    /// A signing key with its actor. The log's has the id of 32 zero bytes.
    ///
    /// # Errors
    /// [`KeyError::Disk`], also if others can read it, or [`KeyError::Malformed`].
    pub fn identity(&self, actor: Actor) -> Result<Identity, KeyError> {
        Ok(Identity::new(self.actor_id(actor), self.signer(&self.key_file(actor))?))
    }

    /// Id of an actor; the log's is 32 zero bytes.
    #[must_use]
    pub fn actor_id(&self, actor: Actor) -> Hash {
        match actor {
            Actor::Root => self.ministry.root,
            Actor::Recovery => self.ministry.recovery,
            Actor::Log => Hash::ZERO,
            Actor::Officer => self.ministry.officer,
            Actor::Approver => self.ministry.approver,
            Actor::Source => self.ministry.source,
        }
    }

    pub(super) fn passphrases(&self) -> &Passphrases {
        &self.passphrases
    }

    pub(super) fn ministry_mut(&mut self) -> &mut Ministry {
        &mut self.ministry
    }

    /// A signing key itself, where it lies in a file: for the ledger of a test.
    ///
    /// # Errors
    /// As [`KeyFolder::identity`].
    pub fn signing_key(&self, actor: Actor) -> Result<SigningKey, KeyError> {
        let (path, wanted) = (self.key_file(actor), "an Ed25519 key in PKCS#8 PEM");
        let document = open_document(&path, &self.passphrases, wanted)?;
        let malformed = |_| KeyError::Malformed { path: path.display().to_string(), wanted };
        SigningKey::from_pkcs8_der(document.as_bytes()).map_err(malformed)
    }

    /// The archive keys that are in the folder: at least one opens everything.
    ///
    /// # Errors
    /// [`KeyError::Disk`] or [`KeyError::Malformed`] for a key that is there but cannot be used or kept secret.
    pub fn archive_keys(&self) -> Result<Vec<ArchiveKey>, KeyError> {
        let paths = self.ministry.archive_keys.iter().map(|key| self.path.join(&key.file));
        paths.filter(|path| path.exists()).map(|path| ArchiveKey::load(&path, &self.passphrases)).collect()
    }

    /// The source's secret for message rows.
    ///
    /// # Errors
    /// [`KeyError::Secret`] or [`KeyError::Malformed`].
    pub fn source_secret(&self) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        load_secret(&self.path.join(SECRET), &self.passphrases)
    }
}

fn key_path(folder: &Path, actor: Actor) -> PathBuf {
    folder.join(format!("{}.key", actor.name()))
}

fn create_keys(path: &Path, origin: &str, ministry: &str, protection: &Protection) -> Result<Ministry, KeyError> {
    let mut public = [Hash::ZERO; Actor::ALL.len()];
    for (slot, actor) in public.iter_mut().zip(Actor::ALL) {
        *slot = Hash(create(&key_path(path, actor), protection)?);
    }
    let [root_key, recovery_key, log_key, ..] = public;
    let mut archive_keys = Vec::new();
    for file in ["archive-1.key", "archive-2.key"] {
        let id = ArchiveKey::create(&path.join(file), protection)?.public().id();
        archive_keys.push(ArchiveKeyName { file: file.into(), id });
    }
    let secret = Zeroizing::new(random::<32>()?);
    create_secret(&path.join(SECRET), &secret, protection)?;
    create_tls(path, ministry, protection)?;
    Ok(Ministry {
        origin: origin.into(),
        ministry: ministry.into(),
        root: random_id()?,
        recovery: random_id()?,
        officer: random_id()?,
        approver: random_id()?,
        source: random_id()?,
        operator: random_id()?,
        root_key,
        log_key,
        log_key_file: "log.key".into(),
        recovery_key,
        archive_keys,
    })
}

fn create_tls(path: &Path, ministry: &str, protection: &Protection) -> Result<(), KeyError> {
    let made = tls::create(ministry)?;
    disk::write_new(&path.join(CA), made.ca.as_bytes(), Readers::Everyone)?;
    write_document(&path.join("tls-ca.key"), &made.ca_key, protection)?;
    disk::write_new(&path.join("tls-server.pem"), made.server.as_bytes(), Readers::Everyone)?;
    Ok(write_document(&path.join("tls-server.key"), &made.server_key, protection)?)
}

fn ledger_toml(path: &Path, origin: &str, root: &str) -> String {
    // A JSON string is a TOML basic string for every path that is text.
    let quoted = |name: &str| serde_json::Value::from(path.join(name).display().to_string()).to_string();
    let (origin, root) = (serde_json::Value::from(origin), serde_json::Value::from(root));
    format!(
        "# zegel-ledger: one process, one log, on this machine. Port 0: the system chooses one.\n\
         listen = \"127.0.0.1:0\"\n\n[tls]\ncertificate = {}\nkey = {}\n\n\
         [[log]]\norigin = {origin}\nroot_key = {root}\nstore = {}\nguard = {}\nlog_key = {}\n",
        quoted("tls-server.pem"),
        quoted("tls-server.key"),
        quoted("store"),
        quoted("guard"),
        quoted("log.key"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    const ORIGIN: &str = "chat.example.nl/minbzk";

    #[test]
    fn a_new_folder_opens_again_with_the_same_keys() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = KeyFolder::init(folder.path(), ORIGIN, "BZK").expect("made");
        let opened = KeyFolder::open(folder.path()).expect("opened");
        assert_eq!(made.ministry(), opened.ministry());
        let root = opened.identity(Actor::Root).expect("the root key");
        assert_eq!(root.public_key(), opened.ministry().root_key);
        let trust = opened.trust().expect("a trust file");
        assert_eq!((trust.root_key(), trust.origin()), (&root.public_key().0, ORIGIN));
        let ids: Vec<Hash> = opened.archive_keys().expect("keys").iter().map(|key| key.public().id()).collect();
        assert_eq!(ids, opened.ministry().archive_keys.iter().map(|key| key.id).collect::<Vec<_>>());
    }

    #[test]
    fn every_secret_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        KeyFolder::init(folder.path(), ORIGIN, "BZK").expect("made");
        let public = ["ministry.json", "trust.txt", "ledger.toml", "tls-ca.pem", "tls-server.pem"];
        for entry in fs::read_dir(folder.path()).expect("listed") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("text");
            let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
            assert!(mode == 0o600 || public.contains(&name.as_str()), "{name} has mode {mode:o}");
        }
    }

    #[test]
    fn refuses_to_make_a_folder_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        KeyFolder::init(folder.path(), ORIGIN, "BZK").expect("made");
        let path = folder.path().canonicalize().expect("a path").join("root.key");
        let refused = KeyFolder::init(folder.path(), ORIGIN, "BZK").map(|_| ());
        assert_eq!(refused, Err(KeyError::Secret(zegel_keys::KeyError::Exists { path })));
    }

    #[test]
    fn refuses_an_origin_with_a_space_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys");
        let refused = KeyFolder::init(&path, "chat example", "BZK").map(|_| ());
        assert_eq!(refused, Err(KeyError::BadOrigin { found: "chat example".into() }));
        assert!(!path.exists());
    }

    #[test]
    fn refuses_a_signing_key_where_an_archive_key_is_wanted() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = KeyFolder::init(folder.path(), ORIGIN, "BZK").expect("made");
        let path = made.path().join("root.key");
        let wanted = "an X-Wing key in PKCS#8 PEM";
        let refused = ArchiveKey::load(&path, &Passphrases::default()).map(|_| ());
        assert_eq!(refused, Err(KeyError::Secret(zegel_keys::KeyError::Malformed { path, wanted })));
    }

    #[test]
    fn with_a_passphrase_no_private_key_of_the_folder_lies_open_and_another_passphrase_opens_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let word =
            |text: &str| Passphrases::given(zegel_keys::Passphrase::parse(text.as_bytes(), "here").expect("one"));
        let made = KeyFolder::create(folder.path(), ORIGIN, "BZK", &Protection::Sealed(word("goed"))).expect("made");
        for entry in fs::read_dir(folder.path()).expect("listed") {
            let path = entry.expect("an entry").path();
            let text = String::from_utf8_lossy(&fs::read(&path).expect("bytes")).into_owned();
            let is_sealed = text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
            assert_eq!(
                is_sealed,
                path.extension().is_some_and(|name| name == "key" || name == "secret"),
                "{}",
                path.display()
            );
        }
        let opened = KeyFolder::open_with(folder.path(), word("goed")).expect("opened");
        assert_eq!(opened.identity(Actor::Root).expect("a key").public_key(), made.ministry().root_key);
        assert_eq!(opened.archive_keys().expect("keys").len(), 2);
        let other = KeyFolder::open_with(folder.path(), word("fout")).expect("its public file is open");
        let path = folder.path().join("root.key");
        let wrong = KeyError::Secret(zegel_keys::KeyError::WrongPassphrase { path });
        assert_eq!(other.identity(Actor::Root).map(|_| ()), Err(wrong));
        assert!(matches!(
            other.archive_keys().map(|_| ()),
            Err(KeyError::Secret(zegel_keys::KeyError::WrongPassphrase { .. }))
        ));
    }
}
