//! Changing the keys of a folder: a next key beside the one in use, and the step from one to the other.
//!
//! Invariant: at every moment the file of an actor is there and whole, and no key is ever deleted: the one that was in use
//! stays beside it under its first bytes. Not here: what the log is told of it (`officer`).

use super::{Actor, ArchiveKey, ArchiveKeyName, Identity, KeyError, KeyFolder};
use crate::disk;
use std::fs;
use std::path::{Path, PathBuf};
use zegel_keys::{KeyUri, LatticeSigner, Protection, Signer, create, create_in_token};
use zegel_verifier::hash::Hash;
use zegel_verifier::note::VerifierKey;

/// Where a new key is to lie.
#[derive(Clone, Debug)]
pub enum NewKey {
    /// In a file.
    File(Protection),
    /// In a token, which makes it.
    Token(KeyUri),
}

impl KeyFolder {
    /// The file of an actor's key.
    pub(super) fn key_file(&self, actor: Actor) -> PathBuf {
        match actor {
            Actor::Log => self.path().join(&self.ministry().log_key_file),
            other => self.path().join(format!("{}.key", other.name())),
        }
    }

    pub(super) fn signer(&self, file: &Path) -> Result<Signer, KeyError> {
        Ok(Signer::open(file, self.passphrases())?)
    }

    fn next_file(&self, actor: Actor) -> PathBuf {
        self.path().join(format!("{}.next.key", actor.name()))
    }

    /// The next key of an actor: made now, or by a change that was broken off.
    ///
    /// # Errors
    /// [`KeyError::Secret`].
    pub fn next_key(&self, actor: Actor, new: &NewKey) -> Result<Identity, KeyError> {
        let file = self.next_file(actor);
        self.make(&file, new)?;
        Ok(Identity::new(self.actor_id(actor), self.signer(&file)?))
    }

    fn make(&self, file: &Path, new: &NewKey) -> Result<(), KeyError> {
        if file.exists() {
            return Ok(());
        }
        match new {
            NewKey::File(protection) => create(file, protection)?,
            NewKey::Token(uri) => create_in_token(file, uri, self.passphrases())?,
        };
        Ok(())
    }

    /// Whether a change of this actor's key has begun and not been finished.
    #[must_use]
    pub fn has_next_key(&self, actor: Actor) -> bool {
        self.next_file(actor).exists()
    }

    /// From here on the next key is the actor's. The one before stays, as `<actor>.<first bytes of its public key>.key`; a
    /// file that is lost is replaced.
    ///
    /// # Errors
    /// [`KeyError::Disk`], or [`KeyError::Secret`] if the key in use cannot be read.
    pub fn take_next_key(&self, actor: Actor) -> Result<(), KeyError> {
        let (file, next) = (self.key_file(actor), self.next_file(actor));
        if file.exists() {
            let public = Hash(self.signer(&file)?.public_key()).to_string();
            let kept = self.path().join(format!("{}.{}.key", actor.name(), &public[..8]));
            if !kept.exists() {
                fs::hard_link(&file, &kept).map_err(disk::failed(&kept))?;
            }
        }
        let moved = fs::rename(&next, &file).and_then(|()| disk::sync_folder_of(&file));
        Ok(moved.map_err(disk::failed(&file))?)
    }

    /// The log's next key, in a file that keeps its name: the configuration of the ledger names it.
    ///
    /// # Errors
    /// [`KeyError::Secret`].
    pub fn next_log_key(&self, number: usize, new: &NewKey) -> Result<(String, Identity), KeyError> {
        let name = format!("log-{number}.key");
        let file = self.path().join(&name);
        self.make(&file, new)?;
        Ok((name, Identity::new(Hash::ZERO, self.signer(&file)?)))
    }

    /// Writes down that the log has another key: in the public file, and in the `log` line of the trust file.
    ///
    /// # Errors
    /// [`KeyError::Disk`].
    pub fn log_key_changed(&mut self, file: String, key: Hash) -> Result<(), KeyError> {
        let before = self.ministry().log_vkey().unwrap_or_default();
        let ministry = self.ministry_mut();
        (ministry.log_key_file, ministry.log_key) = (file, key);
        let after = ministry.log_vkey().unwrap_or_default();
        let trust = self.path().join(super::folder::TRUST);
        let text = String::from_utf8_lossy(&disk::read(&trust)?).replace(&before, &after);
        disk::replace_public(&trust, text.as_bytes())?;
        self.write_ministry()
    }

    /// Makes another archive key and writes it down. If this was broken off before it was written down, the key that was made then is taken:
    /// nothing was wrapped to it, and it is never deleted.
    ///
    /// # Errors
    /// [`KeyError::Secret`] or [`KeyError::Disk`].
    pub fn add_archive_key(&mut self, protection: &Protection) -> Result<ArchiveKey, KeyError> {
        let file = format!("archive-{}.key", self.ministry().archive_keys.len() + 1);
        let path = self.path().join(&file);
        let is_made = path.exists();
        let made =
            if is_made { ArchiveKey::load(&path, self.passphrases())? } else { ArchiveKey::create(&path, protection)? };
        self.ministry_mut().archive_keys.push(ArchiveKeyName { file, id: made.public().id() });
        self.write_ministry()?;
        Ok(made)
    }

    /// Makes the ML-DSA-44 key of the ledger; gives its file and its verifier key.
    ///
    /// # Errors
    /// [`KeyError::Secret`].
    pub fn add_post_quantum_key(&self, protection: &Protection) -> Result<(String, String), KeyError> {
        let file = "log-post-quantum.key";
        let made = LatticeSigner::create(&self.path().join(file), protection)?;
        let origin = &self.ministry().origin;
        let bad_origin = |_| KeyError::BadOrigin { found: origin.clone() };
        Ok((file.into(), VerifierKey::of_lattice(origin, &made.public_key()).map_err(bad_origin)?.print()))
    }

    fn write_ministry(&self) -> Result<(), KeyError> {
        Ok(disk::replace_public(&self.path().join(super::folder::MINISTRY), self.ministry().print().as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zegel_keys::Passphrases;

    #[test]
    fn an_archive_key_that_was_made_and_not_written_down_is_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut keys = KeyFolder::init(folder.path(), "chat.example.nl/minbzk", "BZK").expect("made");
        let known = keys.ministry().archive_keys.clone();
        // As a process leaves it that was killed between the two.
        let path = keys.path().join(format!("archive-{}.key", known.len() + 1));
        let left = ArchiveKey::create(&path, &Protection::Plain).expect("made").public().id();
        assert_eq!(keys.add_archive_key(&Protection::Plain).expect("taken").public().id(), left);
        let next = keys.add_archive_key(&Protection::Plain).expect("the neighbour").public().id();
        let opened = KeyFolder::open(folder.path()).expect("opened");
        let ids: Vec<Hash> = opened.ministry().archive_keys.iter().map(|key| key.id).collect();
        assert_eq!(ids, [known.iter().map(|key| key.id).collect(), vec![left, next]].concat());
        // What is no archive key is not taken for one, and not written over.
        let (other, at) = (keys.path().join("root.key"), keys.path().join(format!("archive-{}.key", ids.len() + 1)));
        fs::copy(other, &at).expect("copied");
        let refused = keys.add_archive_key(&Protection::Plain).map(|_| ());
        let wanted = "an X-Wing key in PKCS#8 PEM";
        assert_eq!(refused, Err(KeyError::Secret(zegel_keys::KeyError::Malformed { path: at.clone(), wanted })));
        assert!(Signer::open(&at, &Passphrases::default()).is_ok());
    }
}
