//! Archive keys: X-Wing (X25519 with ML-KEM-768) key pairs of the ministry, to which sources wrap dossier keys.

use super::KeyError;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, Serializable};
use std::fmt;
use std::path::Path;
use zegel_keys::{HeldKey, Passphrases, Protection, open_secret, write_secret};
use zegel_verifier::hash::{Hash, sha256};
use zeroize::Zeroizing;

/// X-Wing (draft-connolly-cfrg-xwing-kem); its private key is a seed of 32 bytes.
const XWING: &str = "1.3.6.1.4.1.62253.25722";
const WANTED: &str = "an X-Wing key in PKCS#8 PEM";

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

/// A whole archive key: opens what was wrapped to it. In a page of its own, locked where the system allows it.
pub struct ArchiveKey {
    pub(crate) key: HeldKey<<XWing as Kem>::PrivateKey>,
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
        Self { key: HeldKey::new(key), public: ArchivePublicKey { key: public, id } }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &ArchivePublicKey {
        &self.public
    }

    /// Makes a key in a new file.
    ///
    /// # Errors
    /// [`KeyError::Secret`].
    pub fn create(path: &Path, protection: &Protection) -> Result<Self, KeyError> {
        let made = Self::generate();
        made.write(path, protection)?;
        Ok(made)
    }

    /// Writes it to a new file.
    ///
    /// # Errors
    /// [`KeyError::Secret`].
    pub fn write(&self, path: &Path, protection: &Protection) -> Result<(), KeyError> {
        Ok(write_secret(path, XWING, &self.seed(), protection)?)
    }

    /// The 32 bytes that are the whole of it.
    pub(super) fn seed(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.key.key().to_bytes().to_vec())
    }

    /// The key of a seed; `None` for bytes that are none.
    pub(super) fn of_seed(seed: &[u8]) -> Option<Self> {
        let key = <XWing as Kem>::PrivateKey::from_bytes(seed).ok()?;
        let public = XWing::sk_to_pk(&key);
        let id = sha256(&[&public.to_bytes()]);
        Some(Self { key: HeldKey::new(key), public: ArchivePublicKey { key: public, id } })
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`KeyError::Secret`] if it cannot be read or opened, or others can read it; [`KeyError::Malformed`] if it is no
    /// archive key.
    pub fn load(path: &Path, passphrases: &Passphrases) -> Result<Self, KeyError> {
        let secret = open_secret(path, XWING, passphrases, WANTED)?;
        let malformed = || KeyError::Malformed { path: path.display().to_string(), wanted: WANTED };
        Self::of_seed(&secret).ok_or_else(malformed)
    }
}
