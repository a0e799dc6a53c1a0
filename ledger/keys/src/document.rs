//! Key documents: PKCS#8 in PEM, encrypted with a passphrase (PBES2, scrypt, AES-256-CBC) or plain.
//!
//! `openssl pkey` reads and makes the same files. Not here: what the key is for.

use crate::private::{read_private, write_new};
use crate::{KeyError, Passphrases};
use pkcs8::der::SecretDocument;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::pem::{LineEnding, PemLabel};
use pkcs8::pkcs5::{pbes2, scrypt};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfo, EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef};
use std::path::Path;
use zeroize::Zeroizing;

/// scrypt with 16 MiB, five times over: one of the equally strong choices of OWASP (2023), and the one whose memory OpenSSL
/// allows.
const SCRYPT_LOG_N: u8 = 14;
const SCRYPT_R: u32 = 8;
const SCRYPT_P: u32 = 5;
/// The form of a key that is not protected.
const PLAIN: &str = PrivateKeyInfoRef::<'static>::PEM_LABEL;
const SEALED: &str = EncryptedPrivateKeyInfoRef::<'static>::PEM_LABEL;

/// How a new key file is protected.
#[derive(Clone, Debug)]
pub enum Protection {
    /// Encrypted with the passphrase that is found for its file: the choice of every command.
    Sealed(Passphrases),
    /// Not at all: for a demonstration, a test, or a disk that is encrypted itself.
    Plain,
}

/// Writes a PKCS#8 document to a new key file.
///
/// # Errors
/// [`KeyError::NoPassphrase`] where one is wanted, [`KeyError::Exists`] or [`KeyError::Io`].
pub fn write_document(path: &Path, document: &[u8], protection: &Protection) -> Result<(), KeyError> {
    let malformed = || KeyError::Malformed { path: path.into(), wanted: "a key that can be written" };
    let plain = SecretDocument::try_from(document).map_err(|_| malformed())?;
    let text = match protection {
        Protection::Plain => plain.to_pem(PLAIN, LineEnding::LF).map_err(|_| malformed())?,
        Protection::Sealed(passphrases) => {
            let passphrase = passphrases.of_key(path)?;
            let sealed = seal(document, passphrase.expose())?.ok_or_else(malformed)?;
            sealed.to_pem(SEALED, LineEnding::LF).map_err(|_| malformed())?
        }
    };
    write_new(path, text.as_bytes())
}

fn seal(document: &[u8], passphrase: &str) -> Result<Option<SecretDocument>, KeyError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| KeyError::Entropy)?;
    let (salt, iv) = random.split_at(16);
    let sealed = || {
        let rounds = scrypt::Params::new(SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P).ok()?;
        let scheme = pbes2::Parameters::generate_scrypt_aes256cbc(rounds, salt, iv.try_into().ok()?).ok()?;
        let encrypted = scheme.encrypt(passphrase, document).ok()?;
        let encrypted_data = pkcs8::der::asn1::OctetString::new(encrypted).ok()?;
        SecretDocument::try_from(EncryptedPrivateKeyInfo { encryption_algorithm: scheme.into(), encrypted_data }).ok()
    };
    Ok(sealed())
}

/// Reads a key file of either form.
///
/// # Errors
/// [`KeyError::TooOpen`], [`KeyError::NoPassphrase`], [`KeyError::WrongPassphrase`], or [`KeyError::Malformed`] with `wanted`
/// for a file that is no key.
pub fn open_document(path: &Path, passphrases: &Passphrases, wanted: &'static str) -> Result<SecretDocument, KeyError> {
    document_of(path, &read_private(path)?, passphrases, wanted)
}

/// Reads the text of a key file of either form; `path` names it.
///
/// # Errors
/// As [`open_document`].
pub fn document_of(
    path: &Path,
    text: &[u8],
    passphrases: &Passphrases,
    wanted: &'static str,
) -> Result<SecretDocument, KeyError> {
    let malformed = || KeyError::Malformed { path: path.into(), wanted };
    let text = std::str::from_utf8(text).map_err(|_| malformed())?;
    let (label, document) = SecretDocument::from_pem(text).map_err(|_| malformed())?;
    match label {
        PLAIN => Ok(document),
        SEALED => {
            let sealed = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| malformed())?;
            let passphrase = passphrases.of_key(path)?;
            let wrong = |_| KeyError::WrongPassphrase { path: path.into() };
            sealed.decrypt(passphrase.expose()).map_err(wrong)
        }
        _ => Err(malformed()),
    }
}

/// Reads a private key of TLS as plain PEM, for a library that knows no other; one that is not encrypted is given as it is.
///
/// # Errors
/// As [`open_document`].
pub fn open_pem(path: &Path, passphrases: &Passphrases) -> Result<Zeroizing<String>, KeyError> {
    let text = read_private(path)?;
    let malformed = || KeyError::Malformed { path: path.into(), wanted: "a private key in PEM" };
    let plain = std::str::from_utf8(&text).map_err(|_| malformed())?;
    if !plain.contains(SEALED) {
        return Ok(Zeroizing::new(plain.into()));
    }
    let document = document_of(path, &text, passphrases, "a private key in PEM")?;
    document.to_pem(PLAIN, LineEnding::LF).map_err(|_| malformed())
}

/// Writes the secret of an algorithm to a new key file.
///
/// # Errors
/// As [`write_document`].
pub fn write_secret(path: &Path, oid: &str, secret: &[u8], protection: &Protection) -> Result<(), KeyError> {
    let document = || {
        let algorithm = AlgorithmIdentifierRef { oid: ObjectIdentifier::new(oid).ok()?, parameters: None };
        let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(secret).ok()?);
        SecretDocument::encode_msg(&info).ok()
    };
    let malformed = || KeyError::Malformed { path: path.into(), wanted: "a key that can be written" };
    write_document(path, document().ok_or_else(malformed)?.as_bytes(), protection)
}

/// Reads the secret of an algorithm from a key file.
///
/// # Errors
/// As [`open_document`]; [`KeyError::Malformed`] also for a key of another algorithm.
pub fn open_secret(
    path: &Path,
    oid: &str,
    passphrases: &Passphrases,
    wanted: &'static str,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let document = open_document(path, passphrases, wanted)?;
    let info = PrivateKeyInfoRef::try_from(document.as_bytes()).ok();
    let secret = info.filter(|info| info.algorithm.oid.to_string() == oid && info.algorithm.parameters.is_none());
    let malformed = || KeyError::Malformed { path: path.into(), wanted };
    Ok(Zeroizing::new(secret.ok_or_else(malformed)?.private_key.as_bytes().to_vec()))
}
