//! The newest cosigned checkpoint of one log: durable in the state, and its size and root in the guard.
//!
//! Written in that order, before the cosignature leaves. A crash in between leaves a state that is ahead of its guard: the
//! cosignature may or may not have left, and the log asks again. A state that is behind its guard was put back from an
//! older copy: a witness that went on from it could cosign a fork, so it does not begin.

use super::WitnessError;
use crate::disk;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, print};
use zegel_verifier::hash::{Hash, sha256};

/// Keeps every other process from a state.
pub(super) fn lock(state: &Path) -> Result<File, WitnessError> {
    let path = state.display().to_string();
    if !state.is_dir() {
        return Err(WitnessError::NoState { path });
    }
    let file = state.join("lock");
    let lock = OpenOptions::new().create(true).append(true).open(&file).map_err(disk::failed(&file))?;
    if lock.try_lock().is_ok() { Ok(lock) } else { Err(WitnessError::InUse { path }) }
}

/// The name of a log in files and addresses: SHA-256 of its origin, in hexadecimal.
pub(super) fn name_of(origin: &str) -> String {
    sha256(&[origin.as_bytes()]).to_string()
}

/// What was cosigned last of one log.
pub(super) struct Latest {
    state: PathBuf,
    guard: PathBuf,
    origin: String,
    cosigned: Option<(u64, Hash)>,
}

impl Latest {
    /// Reads state and guard and holds one against the other.
    pub(super) fn open(state: &Path, guard: &Path, origin: &str) -> Result<Self, WitnessError> {
        if !guard.is_dir() {
            return Err(WitnessError::NoState { path: guard.display().to_string() });
        }
        let name = name_of(origin);
        let latest = Self {
            state: state.join(format!("{name}.checkpoint")),
            guard: guard.join(name),
            origin: origin.into(),
            cosigned: None,
        };
        let cosigned = latest.read(&latest.state, "")?;
        // A guard has no signature: it is read as a checkpoint with a line that is never looked at.
        let guarded = latest.read(&latest.guard, "\n— guard AAAAAAA=\n")?;
        latest.check(cosigned, guarded)?;
        if let Some((size, root)) = cosigned.filter(|_| cosigned != guarded) {
            disk::write_durably(&latest.guard, print(origin, size, root).as_bytes())?;
        }
        Ok(Self { cosigned, ..latest })
    }

    fn read(&self, path: &Path, ending: &str) -> Result<Option<(u64, Hash)>, WitnessError> {
        let Some(bytes) = disk::read_if_there(path)? else { return Ok(None) };
        let claimed = ClaimedCheckpoint::parse(&[&bytes, ending.as_bytes()].concat()).ok();
        let claimed = claimed.filter(|claimed| claimed.claimed_origin() == self.origin);
        let malformed = || WitnessError::Malformed { path: path.display().to_string(), origin: self.origin.clone() };
        claimed.map(|claimed| Some((claimed.claimed_size(), claimed.claimed_root()))).ok_or_else(malformed)
    }

    fn check(&self, cosigned: Option<(u64, Hash)>, guarded: Option<(u64, Hash)>) -> Result<(), WitnessError> {
        let origin = self.origin.clone();
        match (cosigned, guarded) {
            (None, None) => Ok(()),
            (Some((0, _)), None) => Ok(()),
            (Some((found, _)), None) => {
                Err(WitnessError::GuardMissing { origin, found, path: self.guard.display().to_string() })
            }
            (None, Some((cosigned, _))) => Err(WitnessError::Rollback { origin, found: 0, cosigned }),
            (Some((found, _)), Some((cosigned, _))) if found < cosigned => {
                Err(WitnessError::Rollback { origin, found, cosigned })
            }
            (Some((size, found)), Some((guarded, cosigned))) if size == guarded && found != cosigned => {
                Err(WitnessError::Fork { origin, size, found, cosigned })
            }
            _ => Ok(()),
        }
    }

    /// Size and root that were cosigned last.
    pub(super) fn cosigned(&self) -> Option<(u64, Hash)> {
        self.cosigned
    }

    /// The note that was cosigned last, with the cosignature.
    pub(super) fn note(&self) -> Result<Option<Vec<u8>>, disk::DiskError> {
        disk::read_if_there(&self.state)
    }

    /// Keeps what is about to be cosigned. When this returns it is durable in both places.
    pub(super) fn keep(&mut self, size: u64, root: Hash, note: &[u8]) -> Result<(), disk::DiskError> {
        disk::write_durably(&self.state, note)?;
        disk::write_durably(&self.guard, print(&self.origin, size, root).as_bytes())?;
        self.cosigned = Some((size, root));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const ORIGIN: &str = "chat.example.nl/minbzk";

    struct Place {
        _folder: TempDir,
        state: PathBuf,
        guard: PathBuf,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let [state, guard] = ["state", "guard"].map(|name| folder.path().join(name));
        std::fs::create_dir(&state).and_then(|()| std::fs::create_dir(&guard)).expect("made");
        Place { _folder: folder, state, guard }
    }

    fn note(size: u64, root: Hash) -> Vec<u8> {
        format!("{}\n— {ORIGIN} AAAAAAA=\n", print(ORIGIN, size, root)).into_bytes()
    }

    fn keep(place: &Place, size: u64, root: Hash) {
        let mut latest = Latest::open(&place.state, &place.guard, ORIGIN).expect("opens");
        latest.keep(size, root, &note(size, root)).expect("kept");
    }

    #[test]
    fn what_was_kept_is_found_again() {
        let place = place();
        keep(&place, 7, Hash([7; 32]));
        let latest = Latest::open(&place.state, &place.guard, ORIGIN).expect("opens");
        assert_eq!(latest.cosigned(), Some((7, Hash([7; 32]))));
        assert_eq!(latest.note().expect("read"), Some(note(7, Hash([7; 32]))));
    }

    #[test]
    fn a_state_that_was_put_back_does_not_open() {
        let place = place();
        keep(&place, 7, Hash([7; 32]));
        let file = place.state.join(format!("{}.checkpoint", name_of(ORIGIN)));
        let older = std::fs::read(&file).expect("read");
        keep(&place, 9, Hash([9; 32]));
        std::fs::write(&file, older).expect("put back");
        let refused = Latest::open(&place.state, &place.guard, ORIGIN).map(|_| ());
        assert!(matches!(refused, Err(WitnessError::Rollback { found: 7, cosigned: 9, .. })), "{refused:?}");
        std::fs::remove_file(&file).expect("lost");
        let refused = Latest::open(&place.state, &place.guard, ORIGIN).map(|_| ());
        assert!(matches!(refused, Err(WitnessError::Rollback { found: 0, cosigned: 9, .. })), "{refused:?}");
        std::fs::write(&file, note(9, Hash([8; 32]))).expect("another history");
        let refused = Latest::open(&place.state, &place.guard, ORIGIN).map(|_| ());
        assert!(matches!(refused, Err(WitnessError::Fork { size: 9, .. })), "{refused:?}");
    }

    #[test]
    fn a_state_that_is_ahead_of_its_guard_opens_and_the_guard_follows() {
        let place = place();
        keep(&place, 7, Hash([7; 32]));
        let file = place.state.join(format!("{}.checkpoint", name_of(ORIGIN)));
        std::fs::write(&file, note(9, Hash([9; 32]))).expect("crashed before the guard");
        let latest = Latest::open(&place.state, &place.guard, ORIGIN).expect("opens");
        assert_eq!(latest.cosigned(), Some((9, Hash([9; 32]))));
        std::fs::write(&file, note(7, Hash([7; 32]))).expect("put back");
        let refused = Latest::open(&place.state, &place.guard, ORIGIN).map(|_| ());
        assert!(matches!(refused, Err(WitnessError::Rollback { found: 7, cosigned: 9, .. })), "{refused:?}");
    }

    #[test]
    fn two_processes_do_not_share_a_state_and_none_makes_it() {
        let place = place();
        let _held = lock(&place.state).expect("held");
        assert!(matches!(lock(&place.state), Err(WitnessError::InUse { .. })));
        assert!(matches!(lock(&place.state.join("none")), Err(WitnessError::NoState { .. })));
    }
}
