//! What an auditor gets of an entry: its bytes, the headers, and digests of what lies sealed.
//!
//! Digests are taken of what the store holds at this moment: what is gone has none. Where something went, the leaf that its batch signed over stands beside
//! them: so what was replaced, because a part of it is covered for good, is no loss. No key and no ciphertext leaves here.
//! Leaves are read last: one is durable before anything of its event goes, so whoever meets an erasure half-way has it.
//! Specification: `specs/audit.md`.

use crate::store::{CHUNK_EVENTS, Store, StoreError};
use zegel_proto::v1::{AuditEntry, SealedDigest};
use zegel_verifier::hash::Hash;
use zegel_verifier::hash::lanes::sha256_all;

/// One entry, as an auditor replays it.
pub(crate) fn audit_entry(store: &Store, index: u64) -> Result<AuditEntry, StoreError> {
    audit_entry_while(store, index, || Ok(()))
}

/// The same, with something that happens after the first of its reads: for a test.
pub(crate) fn audit_entry_while(
    store: &Store,
    index: u64,
    meanwhile: impl FnOnce() -> Result<(), StoreError>,
) -> Result<AuditEntry, StoreError> {
    let (entry, headers) = (store.entry(index)?, store.headers(index)?);
    let mut sealed = Vec::with_capacity(headers.len());
    for (chunk, headers) in headers.chunks(CHUNK_EVENTS).enumerate() {
        let ciphertexts = digests(&store.ciphertexts(index, chunk as u32)?);
        let wraps = digests(&store.wraps(index, chunk as u32)?.wraps);
        let of = |digests: &[Vec<u8>], within: usize| digests.get(within).cloned().unwrap_or_default();
        let digest =
            |within| SealedDigest { ciphertext: of(&ciphertexts, within), wrap: of(&wraps, within), leaf: Vec::new() };
        sealed.extend((0..headers.len()).map(digest));
    }
    meanwhile()?;
    for (position, leaf) in store.erased_of(index)? {
        let Some(digest) = sealed.get_mut(position as usize) else { continue };
        // One without the other opens nothing, and is on its way out.
        if digest.ciphertext.is_empty() || digest.wrap.is_empty() {
            *digest = SealedDigest::default();
        }
        digest.leaf = leaf.to_vec();
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
