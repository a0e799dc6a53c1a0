//! What a folder gives out: shares of an archive key to keepers, certificates to clients.
//!
//! Not here: what a share says (`shares`), what a client may do (the ledger's `access`).

use super::folder::CA;
use super::shares::{Share, ShareError, Threshold, join, split};
use super::{ArchiveKey, ArchiveKeyName, KeyError, KeyFolder, tls};
use crate::disk::{self, Readers};
use std::path::{Path, PathBuf};
use zegel_keys::{Protection, open_document, write_document};
use zegel_verifier::hash::Hash;

impl KeyFolder {
    /// Splits an archive key of the folder into shares, each in a new file of `to`. The key file stays.
    ///
    /// # Errors
    /// [`ShareError::UnknownKey`], [`ShareError::Key`] if the key cannot be read, [`ShareError::Disk`] if a file is there.
    pub fn split_archive_key(&self, key: Hash, of: Threshold, to: &Path) -> Result<Vec<PathBuf>, ShareError> {
        let name = self.archive_key_name(key)?;
        let opened = ArchiveKey::load(&self.path().join(&name.file), self.passphrases())?;
        let shares = split(&opened, &self.ministry().origin, name.file.trim_end_matches(".key"), of)?;
        disk::create_folder(to)?;
        let write = |share: &Share| {
            let path = to.join(share.file_name());
            disk::write_new(&path, share.print().as_bytes(), Readers::Owner)?;
            Ok(path)
        };
        shares.iter().map(write).collect()
    }

    /// Joins shares to the archive key that they name, which must be one of the ministry's; writes nothing.
    ///
    /// # Errors
    /// [`ShareError`].
    pub fn check_archive_key(&self, shares: &[Share]) -> Result<ArchiveKey, ShareError> {
        let joined = join(shares)?;
        self.archive_key_name(joined.public().id())?;
        Ok(joined)
    }

    /// The same, and writes the key to its file in the folder, which must be gone.
    ///
    /// # Errors
    /// [`ShareError`]; [`ShareError::Key`] if the file is there.
    pub fn join_archive_key(&self, shares: &[Share], protection: &Protection) -> Result<(PathBuf, Hash), ShareError> {
        let joined = self.check_archive_key(shares)?;
        let path = self.path().join(&self.archive_key_name(joined.public().id())?.file);
        joined.write(&path, protection)?;
        Ok((path, joined.public().id()))
    }

    fn archive_key_name(&self, key: Hash) -> Result<&ArchiveKeyName, ShareError> {
        let all = &self.ministry().archive_keys;
        let unknown = || ShareError::UnknownKey { key, known: all.len() };
        all.iter().find(|name| name.id == key).ok_or_else(unknown)
    }

    /// Makes a client's certificate and its key, `tls-<name>.pem` and `tls-<name>.key` in `to`, signed by the authority of the folder. Gives the
    /// SHA-256 by which a ledger knows it.
    ///
    /// # Errors
    /// [`KeyError::Certificate`], [`KeyError::Secret`], or [`KeyError::Disk`] if a file is there.
    pub fn add_client(&self, name: &str, to: &Path, protection: &Protection) -> Result<Hash, KeyError> {
        let authority = self.path().join(CA).with_extension("key");
        let key = open_document(&authority, self.passphrases(), "the key of a certificate authority")?;
        let made = tls::client(&self.ministry().ministry, key.as_bytes(), name)?;
        write_document(&to.join(format!("tls-{name}.key")), &made.key, protection)?;
        let certificate = to.join(format!("tls-{name}.pem"));
        disk::write_new(&certificate, made.certificate.as_bytes(), Readers::Everyone)?;
        Ok(made.fingerprint)
    }
}
