//! The signatures under a checkpoint: the log's own, and where it is switched on an ML-DSA-44 cosignature beside it.
//!
//! Nothing leaves the process here: what is signed is written first. Specification: `specs/log.md`, `specs/witness.md`.

use crate::config::{ConfigError, LogConfig};
use crate::store::StoreError;
use std::fmt::Write;
use zegel_keys::{LatticeSigner, SignError, Signer};
use zegel_verifier::hash::Hash;
use zegel_verifier::lattice::cosignature_message;
use zegel_verifier::note::{NoteError, TYPE_ED25519, VerifierKey};

const STEP: &str = "signing the checkpoint";

/// What signs the checkpoints of a log.
pub(crate) struct LogSigners {
    keys: Vec<Signer>,
    lattice: Option<LatticeSigner>,
}

/// What is signed.
pub(crate) struct Unsigned<'a> {
    pub(crate) text: &'a str,
    pub(crate) log_key: [u8; 32],
    pub(crate) size: u64,
    pub(crate) root: Hash,
    /// Seconds since 1970, for the cosignature.
    pub(crate) time_s: u64,
}

impl LogSigners {
    /// Opens the keys of a log.
    pub(crate) fn open(config: &LogConfig) -> Result<Self, ConfigError> {
        let keys = config.signing_keys()?;
        if !keys.iter().all(Signer::is_locked) {
            tracing::warn!(
                origin = config.origin,
                "a log key can be swapped out: raise RLIMIT_MEMLOCK (LimitMEMLOCK=)"
            );
        }
        Ok(Self { keys, lattice: config.post_quantum_signer()? })
    }

    /// Public keys of the log.
    pub(crate) fn log_keys(&self) -> Vec<[u8; 32]> {
        self.keys.iter().map(Signer::public_key).collect()
    }

    /// The signed note of a checkpoint.
    pub(crate) fn sign(&self, origin: &str, unsigned: &Unsigned<'_>) -> Result<Vec<u8>, StoreError> {
        let name = |reason: NoteError| StoreError::failed(STEP, reason);
        let key = self.keys.iter().find(|key| key.public_key() == unsigned.log_key);
        let not_held = || StoreError::failed(STEP, format!("log key {} is not held", Hash(unsigned.log_key)));
        let failed = |reason: SignError| StoreError::failed(STEP, reason);
        let signature = key.ok_or_else(not_held)?.sign(unsigned.text.as_bytes()).map_err(failed)?;
        let verifier = VerifierKey::new(origin, TYPE_ED25519, unsigned.log_key).map_err(name)?;
        let mut note = format!("{}\n{}", unsigned.text, verifier.signature_line(&signature));
        if let Some(lattice) = &self.lattice {
            let verifier = VerifierKey::of_lattice(origin, &lattice.public_key()).map_err(name)?;
            let message = cosignature_message(origin, unsigned.time_s, origin, unsigned.size, unsigned.root);
            let message =
                message.ok_or_else(|| StoreError::failed(STEP, "the origin is too long for a cosignature"))?;
            // Writing to a string does not fail.
            let _ = write!(note, "{}", verifier.cosignature_line(unsigned.time_s, &lattice.sign(&message)));
        }
        Ok(note.into_bytes())
    }
}
