//! Ed25519 over a context and bytes, strictly.
//!
//! Strict verification (no small-order keys, canonical encodings only) is the one rule for every signature: batch
//! verification accepts what strict refuses, and two verifiers must never disagree. Each context holds a space, so that
//! nothing signed here can ever be read as a checkpoint, whose first line is an origin without spaces.
//! Specification: `specs/encoding.md`.

use ed25519_dalek::{Signature, VerifyingKey};
use thiserror::Error;

/// Context of a batch statement.
pub const CONTEXT_BATCH: &str = "zegel batch v1";
/// Context of an export statement.
pub const CONTEXT_EXPORT: &str = "zegel export v1";
/// Context of a proof of possession.
pub const CONTEXT_KEY: &str = "zegel key v1";
/// An order to erase what lies sealed beside events.
pub const CONTEXT_ERASURE: &str = "zegel erasure v1";

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The key is no point of the curve, or one of small order.
    #[error("the key is not a valid Ed25519 key")]
    BadKey,
    /// It does not verify.
    #[error("the signature does not verify under this key")]
    BadSignature,
}

/// What is signed: `context ‖ 0x0A ‖ bytes`.
#[must_use]
pub fn signed_bytes(context: &str, bytes: &[u8]) -> Vec<u8> {
    [context.as_bytes(), b"\n", bytes].concat()
}

/// Verifies `signature` over a context and bytes.
///
/// # Errors
/// [`SignatureError`].
pub fn verify(key: &[u8], context: &str, bytes: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    verify_raw(key, &signed_bytes(context, bytes), signature)
}

/// Verifies `signature` over plain bytes: signed notes have a form of their own.
pub(crate) fn verify_raw(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let key: [u8; 32] = key.try_into().ok().filter(is_canonical_point).ok_or(SignatureError::BadKey)?;
    let key = VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak()).ok_or(SignatureError::BadKey)?;
    let signature = Signature::from_slice(signature).map_err(|_| SignatureError::BadSignature)?;
    if !is_canonical_point(signature.r_bytes()) {
        return Err(SignatureError::BadSignature);
    }
    key.verify_strict(message, &signature).map_err(|_| SignatureError::BadSignature)
}

/// Whether y is below the field's prime 2^255 - 19 (RFC 8032 5.1.3): libraries differ on the 19 encodings above it.
fn is_canonical_point(bytes: &[u8; 32]) -> bool {
    let all_ones = bytes[31] & 0x7f == 0x7f && bytes[1..31].iter().all(|byte| *byte == 0xff);
    !(all_ones && bytes[0] >= 0xed)
}
