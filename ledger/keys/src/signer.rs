//! Someone who can sign with Ed25519, wherever the key lies.

use crate::document::document_of;
use crate::held::HeldKey;
use crate::private::{read_private, write_new};
use crate::token::TokenKey;
use crate::uri::{KeyUri, SCHEME};
use crate::{KeyError, Passphrases, Protection, TokenError, write_secret};
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;
use zeroize::Zeroizing;

/// Object identifier of Ed25519 (RFC 8410).
const ED25519: &str = "1.3.101.112";
const WANTED: &str = "an Ed25519 key in PKCS#8 PEM, or a pkcs11: URI";

/// Why nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignError {
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It signed, and what it gave is no signature by its public key.
    #[error("the signature that was made does not verify under the key's public half: the token is not to be used")]
    NotVerified,
}

/// An Ed25519 key that signs: held in memory, or in a token that never gives it.
#[derive(Clone)]
pub struct Signer {
    public: VerifyingKey,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Held(Arc<HeldKey<SigningKey>>),
    Token(Arc<TokenKey>),
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.place {
            Place::Held(_) => "memory",
            Place::Token(_) => "token",
        };
        let public: String = self.public.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        formatter.debug_struct("Signer").field("public", &public).field("place", &place).finish()
    }
}

impl From<SigningKey> for Signer {
    fn from(key: SigningKey) -> Self {
        let public = key.verifying_key();
        Self { public, place: Place::Held(Arc::new(HeldKey::new(key))) }
    }
}

impl Signer {
    /// Opens what a key file says: a PKCS#8 document, encrypted or not, or the URI of a key in a token.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(path: &Path, passphrases: &Passphrases) -> Result<Self, KeyError> {
        let text = read_private(path)?;
        if text.starts_with(SCHEME.as_bytes()) {
            let uri = KeyUri::parse(&text).map_err(|reason| KeyError::Uri { path: path.into(), reason })?;
            return Self::in_token(path, &uri, passphrases);
        }
        let document = document_of(path, &text, passphrases, WANTED)?;
        let malformed = |_| KeyError::Malformed { path: path.into(), wanted: WANTED };
        SigningKey::from_pkcs8_der(document.as_bytes()).map(Self::from).map_err(malformed)
    }

    fn in_token(path: &Path, uri: &KeyUri, passphrases: &Passphrases) -> Result<Self, KeyError> {
        let (key, public) = TokenKey::open(uri, &passphrases.of_key(path)?)?;
        Ok(Self { public, place: Place::Token(Arc::new(key)) })
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.public.to_bytes()
    }

    /// Whether the key cannot be swapped out: it is in a token, or its page is locked.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        match &self.place {
            Place::Held(key) => key.is_locked(),
            Place::Token(_) => true,
        }
    }

    /// Signs, and verifies what was signed.
    ///
    /// # Errors
    /// [`SignError`]; never for a key that is held in memory.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = match &self.place {
            Place::Held(key) => return Ok(key.key().sign(message).to_bytes()),
            Place::Token(key) => key.sign(message)?,
        };
        self.public.verify_strict(message, &Signature::from_bytes(&signature)).map_err(|_| SignError::NotVerified)?;
        Ok(signature)
    }
}

/// Makes a key in a new file and gives its public half.
///
/// # Errors
/// [`KeyError`].
pub fn create(path: &Path, protection: &Protection) -> Result<[u8; 32], KeyError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *secret).map_err(|_| KeyError::Entropy)?;
    let key = SigningKey::from_bytes(&secret);
    // A CurvePrivateKey (RFC 8410). Version 1, without the public half: OpenSSL 3.0 reads no other.
    let inner = Zeroizing::new([&[4, 32], &secret[..]].concat());
    write_secret(path, ED25519, &inner, protection)?;
    Ok(key.verifying_key().to_bytes())
}

/// Makes a key in a token, where it stays, and a key file that names it.
///
/// # Errors
/// [`KeyError`].
pub fn create_in_token(path: &Path, uri: &KeyUri, passphrases: &Passphrases) -> Result<[u8; 32], KeyError> {
    if path.exists() {
        return Err(KeyError::Exists { path: path.into() });
    }
    let public = TokenKey::generate(uri, &passphrases.of_key(path)?)?;
    write_new(path, format!("{uri}\n").as_bytes())?;
    Ok(public.to_bytes())
}
