//! Ed25519 keys of actors, as PKCS#8 PEM files.

use super::KeyError;
use crate::disk::{self, Readers};
use crate::entropy::random;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{Signer, SigningKey};
use std::fmt;
use std::path::Path;
use zegel_verifier::hash::Hash;
use zegel_verifier::signature::signed_bytes;
use zeroize::Zeroizing;

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

/// An actor that can sign: its id and its key.
#[derive(Clone)]
pub struct Identity {
    actor: Hash,
    key: SigningKey,
}

impl Identity {
    /// An actor with its key.
    #[must_use]
    pub fn new(actor: Hash, key: SigningKey) -> Self {
        Self { actor, key }
    }

    /// Id of the actor.
    #[must_use]
    pub fn actor(&self) -> Hash {
        self.actor
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> Hash {
        Hash(self.key.verifying_key().to_bytes())
    }

    /// Signs bytes under a context.
    #[must_use]
    pub fn sign(&self, context: &str, bytes: &[u8]) -> Vec<u8> {
        self.key.sign(&signed_bytes(context, bytes)).to_bytes().to_vec()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identity").field("actor", &self.actor).field("key", &self.public_key()).finish()
    }
}

/// Makes a key in a new file and gives its public half.
pub(crate) fn create(path: &Path) -> Result<Hash, KeyError> {
    let secret = Zeroizing::new(random::<32>()?);
    let key = SigningKey::from_bytes(&secret);
    let malformed = |_| KeyError::Malformed { path: path.display().to_string(), wanted: "a key that can be written" };
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(malformed)?;
    disk::write_new(path, pem.as_bytes(), Readers::Owner)?;
    Ok(Hash(key.verifying_key().to_bytes()))
}

pub(crate) fn load(path: &Path) -> Result<SigningKey, KeyError> {
    let bytes = disk::read_private(path)?;
    let malformed = || KeyError::Malformed { path: path.display().to_string(), wanted: "an Ed25519 key in PKCS#8 PEM" };
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    SigningKey::from_pkcs8_pem(text).map_err(|_| malformed())
}
