//! Random bytes of the operating system: the only source of ids, seeds and keys.

use thiserror::Error;
use zegel_verifier::hash::Hash;
use zeroize::Zeroizing;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the operating system gave no random bytes: {reason}")]
pub struct EntropyError {
    /// What it says.
    pub reason: String,
}

/// Random bytes.
///
/// # Errors
/// [`EntropyError`].
pub fn random<const N: usize>() -> Result<[u8; N], EntropyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|reason| EntropyError { reason: reason.to_string() })?;
    Ok(bytes)
}

/// As many random bytes as are wanted, in one call to the operating system; wiped when they are dropped.
///
/// # Errors
/// [`EntropyError`].
pub fn random_bytes(count: usize) -> Result<Zeroizing<Vec<u8>>, EntropyError> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    getrandom::fill(&mut bytes).map_err(|reason| EntropyError { reason: reason.to_string() })?;
    Ok(bytes)
}

/// A random id.
///
/// # Errors
/// [`EntropyError`].
pub fn random_id() -> Result<Hash, EntropyError> {
    random().map(Hash)
}
