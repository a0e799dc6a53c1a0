//! Who we are on the line to a ledger: a certificate that we show, and the key that proves it is ours.
//!
//! A ledger may ask for one before it answers at all, and may know an actor by it. It says nothing in the log: what is appended
//! is signed by other keys. Specification: `specs/service.md`.

use crate::disk;
use crate::keys::{Actor, KeyError, KeyFolder};
use std::fmt;
use std::path::Path;
use tonic::transport::Identity;
use zegel_keys::{Passphrases, open_pem};
use zeroize::Zeroizing;

/// A certificate and its key, both as PEM.
#[derive(Clone)]
pub struct ClientCertificate {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

/// A key is never printed.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

impl ClientCertificate {
    /// Reads both files.
    ///
    /// # Errors
    /// [`KeyError::Secret`] if the key cannot be opened or others can read it, otherwise [`KeyError::Disk`].
    pub fn read(chain: &Path, key: &Path) -> Result<Self, KeyError> {
        let key = open_pem(key, &Passphrases::of_environment()?)?;
        Ok(Self { chain: disk::read(chain)?, key: Zeroizing::new(key.as_bytes().to_vec()) })
    }

    /// What an actor of a key folder shows: `tls-<actor>.pem` and `tls-<actor>.key` in it; nothing, if there is no such
    /// certificate.
    ///
    /// # Errors
    /// As [`ClientCertificate::read`].
    pub fn of_folder(folder: &KeyFolder, actor: Actor) -> Result<Option<Self>, KeyError> {
        let file = |extension| folder.path().join(format!("tls-{}.{extension}", actor.name()));
        let chain = file("pem");
        chain.exists().then(|| Self::read(&chain, &file("key"))).transpose()
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::from_pem(&self.chain, self.key.as_slice())
    }
}
