//! ML-DSA-44 keys (FIPS 204): 32 bytes of seed in a key file (RFC 9881), a signing key in memory.

use crate::{KeyError, Passphrases, Protection, open_secret, write_secret};
use ml_dsa::{KeyExport, Keypair, MlDsa44, Seed, Signer as _, SigningKey};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Object identifier of ML-DSA-44.
const ML_DSA_44: &str = "2.16.840.1.101.3.4.3.17";
const WANTED: &str = "an ML-DSA-44 key in PKCS#8 PEM, as a seed";

/// An ML-DSA-44 key that signs. Wiped when it is dropped; `Debug` shows nothing of it.
#[derive(Clone)]
pub struct LatticeSigner(Arc<SigningKey<MlDsa44>>);

impl fmt::Debug for LatticeSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LatticeSigner(not shown)")
    }
}

impl LatticeSigner {
    /// Makes a key in a new file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn create(path: &Path, protection: &Protection) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).map_err(|_| KeyError::Entropy)?;
        // The choice `seed [0]` of ML-DSA-44-PrivateKey.
        let inner = Zeroizing::new([&[0x80, 32], &seed[..]].concat());
        write_secret(path, ML_DSA_44, &inner, protection)?;
        Ok(Self::of_seed(&seed))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(path: &Path, passphrases: &Passphrases) -> Result<Self, KeyError> {
        let secret = open_secret(path, ML_DSA_44, passphrases, WANTED)?;
        let seed = secret.strip_prefix(&[0x80, 32]).and_then(|seed| <&[u8; 32]>::try_from(seed).ok());
        let malformed = || KeyError::Malformed { path: path.into(), wanted: WANTED };
        Ok(Self::of_seed(seed.ok_or_else(malformed)?))
    }

    fn of_seed(seed: &[u8; 32]) -> Self {
        Self(Arc::new(SigningKey::from_seed(&Seed::from(*seed))))
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 1312] {
        self.0.verifying_key().to_bytes().into()
    }

    /// Signs, deterministically and with an empty context.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 2420] {
        self.0.sign(message).encode().into()
    }
}
