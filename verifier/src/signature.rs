//! Ed25519 over a context and bytes, strictly.
//!
//! Strict verification (no small-order keys, canonical encodings only) is the one rule for every signature: batch
//! verification accepts what strict refuses, and two verifiers must never disagree. Each context holds a space, so that
//! nothing signed here can ever be read as a checkpoint, whose first line is an origin without spaces.
//! Specification: `specs/encoding.md`.

use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use std::collections::BTreeMap;
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
    check(&read_key(key)?, message, signature)
}

/// Keys that were read before: a source signs thousands of batches with one.
#[derive(Clone, Debug, Default)]
pub struct KnownKeys {
    keys: BTreeMap<Vec<u8>, VerifyingKey>,
}

impl KnownKeys {
    /// Keys that are kept; beyond, all are read anew.
    const MAX: usize = 1_024;

    /// Verifies as [`verify`] does, without reading a known key again.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&mut self, key: &[u8], context: &str, bytes: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let message = signed_bytes(context, bytes);
        if let Some(known) = self.keys.get(key) {
            return check(known, &message, signature);
        }
        let read = read_key(key)?;
        if self.keys.len() >= Self::MAX {
            self.keys.clear();
        }
        self.keys.insert(key.to_vec(), read);
        check(&read, &message, signature)
    }
}

fn read_key(key: &[u8]) -> Result<VerifyingKey, SignatureError> {
    let key: [u8; 32] = key.try_into().ok().filter(is_canonical_point).ok_or(SignatureError::BadKey)?;
    VerifyingKey::from_bytes(&key).ok().filter(|key| !key.is_weak()).ok_or(SignatureError::BadKey)
}

/// The strict rule, under a key that is not of small order.
///
/// `Verifier::verify` computes `[S]B - [k]A`, encodes it, and compares the bytes with R: so R is canonical and a point, and
/// all that `verify_strict` asks beside that is that this point is not of small order. Its eight encodings are known; to
/// compare bytes spares decoding R, a tenth of the work. Tests hold the two against each other.
fn check(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let signature = Signature::from_slice(signature).map_err(|_| SignatureError::BadSignature)?;
    if is_small_order(signature.r_bytes()) {
        return Err(SignatureError::BadSignature);
    }
    key.verify(message, &signature).map_err(|_| SignatureError::BadSignature)
}

/// Whether these are the canonical encoding of one of the eight points of small order (RFC 7748 names them, with y = 0, 1,
/// -1, and two of order 8; the last bit is the sign of x).
fn is_small_order(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    y[31] &= 0x7f;
    SMALL_ORDER_Y.contains(&y)
}

const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// Whether y is below the field's prime 2^255 - 19 (RFC 8032 5.1.3): libraries differ on the 19 encodings above it.
fn is_canonical_point(bytes: &[u8; 32]) -> bool {
    let all_ones = bytes[31] & 0x7f == 0x7f && bytes[1..31].iter().all(|byte| *byte == 0xff);
    !(all_ones && bytes[0] >= 0xed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use proptest::prelude::*;

    /// The rule as the library has it.
    fn by_the_library(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
        let key = VerifyingKey::from_bytes(key).ok().filter(|key| !key.is_weak());
        let signature = Signature::from_slice(signature).ok();
        key.zip(signature).is_some_and(|(key, signature)| key.verify_strict(message, &signature).is_ok())
    }

    #[test]
    fn a_point_of_small_order_is_known_by_its_bytes() {
        for mut y in SMALL_ORDER_Y {
            for sign in [0, 0x80] {
                y[31] = y[31] & 0x7f | sign;
                assert!(is_small_order(&y));
                // Not every sign has a point; those that have are weak as keys too.
                assert!(VerifyingKey::from_bytes(&y).map_or(true, |key| key.is_weak()), "{y:02x?}");
                y[1] ^= 1;
                assert!(!is_small_order(&y) && VerifyingKey::from_bytes(&y).map_or(true, |key| !key.is_weak()));
                y[1] ^= 1;
            }
        }
    }

    proptest! {
        #[test]
        fn the_verdict_is_that_of_strict_verification(
            seed: [u8; 32], message in proptest::collection::vec(any::<u8>(), 0..80), at in 0usize..64, with: u8, small in 0usize..5,
        ) {
            let key = SigningKey::from_bytes(&seed);
            let public = key.verifying_key().to_bytes();
            let good = key.sign(&message).to_bytes();
            let (mut changed, mut small_r) = (good, good);
            changed[at] ^= with;
            small_r[..32].copy_from_slice(&SMALL_ORDER_Y[small]);
            let mut known = KnownKeys::default();
            for signature in [good, changed, small_r] {
                let wanted = by_the_library(&public, &message, &signature);
                prop_assert_eq!(verify_raw(&public, &message, &signature).is_ok(), wanted);
            }
            let signed = key.sign(&signed_bytes(CONTEXT_BATCH, &message)).to_bytes();
            for signature in [signed, changed, signed] {
                let wanted = verify(&public, CONTEXT_BATCH, &message, &signature);
                prop_assert_eq!(known.verify(&public, CONTEXT_BATCH, &message, &signature), wanted);
            }
            let mut other = public;
            other[at % 32] ^= with;
            let wanted = by_the_library(&other, &message, &good);
            prop_assert_eq!(verify_raw(&other, &message, &good).is_ok(), wanted);
        }
    }

    #[test]
    fn a_key_that_is_refused_is_never_known() {
        let mut known = KnownKeys::default();
        for key in [&[0; 32][..], &[2; 31], &SMALL_ORDER_Y[3]] {
            for _ in 0..2 {
                assert_eq!(known.verify(key, CONTEXT_KEY, b"", &[0; 64]), Err(SignatureError::BadKey));
            }
        }
    }

    #[test]
    fn more_keys_than_are_kept_still_verify() {
        let mut known = KnownKeys::default();
        let keys = (0..=KnownKeys::MAX as u64).map(|number| {
            let mut seed = [7; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            SigningKey::from_bytes(&seed)
        });
        for key in keys {
            let signature = key.sign(&signed_bytes(CONTEXT_KEY, b"it")).to_bytes();
            assert_eq!(known.verify(&key.verifying_key().to_bytes(), CONTEXT_KEY, b"it", &signature), Ok(()));
            assert!(known.keys.len() <= KnownKeys::MAX);
        }
    }
}
