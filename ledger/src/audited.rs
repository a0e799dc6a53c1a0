//! What an auditor gets of an entry: its bytes, the headers, and digests of what lies sealed.
//!
//! Digests are taken of what the store holds at this moment: what is gone has none. No key and no ciphertext leaves here.
//! Specification: `specs/audit.md`.

use crate::store::{CHUNK_EVENTS, Store, StoreError};
use zegel_proto::v1::{AuditEntry, SealedDigest};
use zegel_verifier::hash::Hash;
use zegel_verifier::hash::lanes::sha256_all;

/// One entry, as an auditor replays it.
pub(crate) fn audit_entry(store: &Store, index: u64) -> Result<AuditEntry, StoreError> {
    let (entry, headers) = (store.entry(index)?, store.headers(index)?);
    let erased = store.erased_of(index)?;
    let mut sealed = Vec::with_capacity(headers.len());
    for (chunk, headers) in headers.chunks(CHUNK_EVENTS).enumerate() {
        let ciphertexts = store.ciphertexts(index, chunk as u32)?;
        let wraps = store.wraps(index, chunk as u32)?.wraps;
        let (ciphertexts, wraps) = (digests(&ciphertexts), digests(&wraps));
        let of = |digests: &[Vec<u8>], within: usize| digests.get(within).cloned().unwrap_or_default();
        let kept = |within: usize| erased.get(&((chunk * CHUNK_EVENTS + within) as u32)).copied();
        let digest = |within| match kept(within) {
            // Whatever is left of it is on its way out.
            Some(leaf) => SealedDigest { leaf: leaf.to_vec(), ..SealedDigest::default() },
            None => SealedDigest { ciphertext: of(&ciphertexts, within), wrap: of(&wraps, within), leaf: Vec::new() },
        };
        sealed.extend((0..headers.len()).map(digest));
    }
    Ok(AuditEntry { index, entry, headers, sealed })
}

/// SHA-256 of each; empty where there is nothing.
fn digests(parts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let hashed = sha256_all(&slices).into_iter();
    parts
        .iter()
        .zip(hashed.map(Hash::to_vec))
        .map(|(part, hash)| if part.is_empty() { Vec::new() } else { hash })
        .collect()
}
