//! Actors, and what signs for them.

use super::KeyError;
use std::path::Path;
use zegel_keys::{Passphrases, Protection, Signer, create, open_secret, write_secret};
use zegel_verifier::hash::Hash;
use zegel_verifier::signature::signed_bytes;
use zeroize::Zeroizing;

/// Object identifier of HMAC with SHA-256, for which the secret of a source is the key.
const HMAC: &str = "1.2.840.113549.2.9";

/// Someone with a signing key in the key folder. The name of its file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The ministry's root: signs the registry.
    Root,
    /// Replaces a lost root.
    Recovery,
    /// The log itself: signs checkpoints.
    Log,
    /// Records officer.
    Officer,
    /// The second pair of eyes.
    Approver,
    /// Captures and imports.
    Source,
}

impl Actor {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Root, Self::Recovery, Self::Log, Self::Officer, Self::Approver, Self::Source];

    /// Name in file names and in the ministry file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Recovery => "recovery",
            Self::Log => "log",
            Self::Officer => "officer",
            Self::Approver => "approver",
            Self::Source => "source",
        }
    }
}

/// An actor that can sign: its id and its key, wherever that lies.
#[derive(Clone, Debug)]
pub struct Identity {
    actor: Hash,
    key: Signer,
}

impl Identity {
    /// An actor with its key.
    #[must_use]
    pub fn new(actor: Hash, key: impl Into<Signer>) -> Self {
        Self { actor, key: key.into() }
    }

    /// Id of the actor.
    #[must_use]
    pub fn actor(&self) -> Hash {
        self.actor
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> Hash {
        Hash(self.key.public_key())
    }

    /// Signs bytes under a context.
    ///
    /// # Errors
    /// [`KeyError::Sign`], if a token does not sign.
    pub fn sign(&self, context: &str, bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
        Ok(self.key.sign(&signed_bytes(context, bytes))?.to_vec())
    }
}

/// Makes a signing key in a new file.
pub(crate) fn create_signing_key(path: &Path, protection: &Protection) -> Result<Hash, KeyError> {
    Ok(Hash(create(path, protection)?))
}

/// Opens a signing key, with the passphrases that the environment names.
pub(crate) fn load_signing_key(path: &Path) -> Result<Signer, KeyError> {
    Ok(Signer::open(path, &Passphrases::of_environment()?)?)
}

/// Writes the secret of a source to a new file.
pub(crate) fn create_secret(path: &Path, secret: &[u8; 32], protection: &Protection) -> Result<(), KeyError> {
    Ok(write_secret(path, HMAC, secret, protection)?)
}

/// Reads the secret of a source.
pub(crate) fn load_secret(path: &Path, passphrases: &Passphrases) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let wanted = "a secret of 32 bytes in PKCS#8 PEM";
    let bytes = open_secret(path, HMAC, passphrases, wanted)?;
    let malformed = |_| KeyError::Malformed { path: path.display().to_string(), wanted };
    bytes.as_slice().try_into().map(Zeroizing::new).map_err(malformed)
}
