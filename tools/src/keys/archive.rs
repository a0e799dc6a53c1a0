//! Archive keys: X-Wing (X25519 with ML-KEM-768) key pairs of the ministry, to which sources wrap dossier keys.

use super::KeyError;
use crate::disk::{self, Readers};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, Serializable};
use std::fmt;
use std::path::Path;
use zegel_verifier::hash::{Hash, sha256};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ZEGEL ARCHIVE KEY-----\n";
const END: &str = "\n-----END ZEGEL ARCHIVE KEY-----\n";

/// The public half of an archive key, as it stands in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivePublicKey {
    pub(crate) key: <XWing as Kem>::PublicKey,
    id: Hash,
}

impl ArchivePublicKey {
    /// Reads the encoded key.
    ///
    /// # Errors
    /// [`KeyError::BadPublicKey`].
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let bad = |_| KeyError::BadPublicKey { found: bytes.len() };
        let key = <XWing as Kem>::PublicKey::from_bytes(bytes).map_err(bad)?;
        Ok(Self { key, id: sha256(&[bytes]) })
    }

    /// Its id: SHA-256 of the encoded key.
    #[must_use]
    pub fn id(&self) -> Hash {
        self.id
    }

    /// The encoded key, 1,216 bytes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.key.to_bytes().to_vec()
    }
}

/// A whole archive key: opens what was wrapped to it.
pub struct ArchiveKey {
    pub(crate) key: <XWing as Kem>::PrivateKey,
    public: ArchivePublicKey,
}

impl fmt::Debug for ArchiveKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ArchiveKey").field("id", &self.public.id).finish()
    }
}

impl ArchiveKey {
    /// A new random key.
    #[must_use]
    pub fn generate() -> Self {
        let (key, public) = XWing::gen_keypair();
        let id = sha256(&[&public.to_bytes()]);
        Self { key, public: ArchivePublicKey { key: public, id } }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &ArchivePublicKey {
        &self.public
    }

    /// Makes a key in a new file.
    pub(super) fn create(path: &Path) -> Result<Self, KeyError> {
        let made = Self::generate();
        let secret = Zeroizing::new(made.key.to_bytes().to_vec());
        let text = Zeroizing::new(format!("{BEGIN}{}{END}", STANDARD.encode(&*secret)));
        disk::write_new(path, text.as_bytes(), Readers::Owner)?;
        Ok(made)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`KeyError::Disk`] if it cannot be read or others can read it, [`KeyError::Malformed`] if it is no archive key.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let bytes = disk::read_private(path)?;
        Self::parse(&bytes)
            .ok_or_else(|| KeyError::Malformed { path: path.display().to_string(), wanted: "a Zegel archive key" })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let encoded = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
        let secret = Zeroizing::new(STANDARD.decode(encoded).ok()?);
        let key = <XWing as Kem>::PrivateKey::from_bytes(&secret).ok()?;
        let public = XWing::sk_to_pk(&key);
        let id = sha256(&[&public.to_bytes()]);
        Some(Self { key, public: ArchivePublicKey { key: public, id } })
    }
}
