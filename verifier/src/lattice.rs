//! ML-DSA-44 (FIPS 204): the one signature here that outlives Ed25519, as a cosignature of checkpoints.
//!
//! Pure, with an empty context, over the structure of c2sp.org/tlog-cosignature for a whole tree. Not here: who must have
//! cosigned (`trust`). The crate has not been audited by a third party: an ML-DSA cosignature stands beside an Ed25519
//! signature and never in its place. Specification: `specs/witness.md`.

use crate::hash::Hash;
use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa44, Signature, VerifyingKey};

/// Bytes of a public key.
pub const KEY_BYTES: usize = 1312;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 2420;
/// What the signed structure begins with, as c2sp.org/tlog-cosignature has it.
const LABEL: &[u8; 12] = b"subtree/v1\n\0";
/// Times that fit the specification.
const TIME_S_MAX: u64 = i64::MAX as u64;

/// What an ML-DSA cosigner of that name signs at a time in seconds since 1970, of a tree from its first leaf on. `None` for
/// names of more than 255 bytes, which the structure cannot hold, and for times above 2^63 - 1.
#[must_use]
pub fn cosignature_message(cosigner: &str, time_s: u64, origin: &str, size: u64, root: Hash) -> Option<Vec<u8>> {
    let short = |text: &str| u8::try_from(text.len()).ok().filter(|length| *length > 0);
    let (cosigner_bytes, origin_bytes) = (short(cosigner)?, short(origin)?);
    let fits = time_s <= TIME_S_MAX;
    let parts: [&[u8]; 9] = [
        LABEL,
        &[cosigner_bytes],
        cosigner.as_bytes(),
        &time_s.to_be_bytes(),
        &[origin_bytes],
        origin.as_bytes(),
        &0u64.to_be_bytes(),
        &size.to_be_bytes(),
        &root.0,
    ];
    fits.then(|| parts.concat())
}

/// Whether the signature over a message is by this key.
pub(crate) fn verifies(key: &[u8; KEY_BYTES], message: &[u8], signature: &[u8]) -> bool {
    let key = EncodedVerifyingKey::<MlDsa44>::try_from(key.as_slice());
    let signature = EncodedSignature::<MlDsa44>::try_from(signature);
    let (Ok(key), Ok(signature)) = (key, signature) else { return false };
    let Some(signature) = Signature::<MlDsa44>::decode(&signature) else { return false };
    VerifyingKey::<MlDsa44>::decode(&key).verify_with_context(message, &[], &signature)
}
