//! Backups: asking a running ledger for one, making one of a ledger that is stopped, and putting one back.
//!
//! A running ledger is asked by a file, `asked`, in the folder of the backup: who may write there may ask, and no port listens
//! for it. The ledger answers by taking the file away, after a copy or with the reason in `refused`.
//!
//! What is put back is checked in full before anybody serves it: every entry, the checkpoint of the backup, and the guard,
//! which no backup holds. A copy that is behind its guard is what the guard is for; what then is a ceremony
//! (`specs/storage.md`).

use crate::check::{CheckReport, check};
use crate::config::{BackupConfig, Config, ConfigError, LogConfig};
use crate::sequencer::OpenLog;
use crate::server::{ServeError, open_store};
use crate::store::{self, NoFaults, Store, StoreError};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How often a ledger looks whether a backup is asked for, and a command whether it is there.
const LOOK: Duration = Duration::from_millis(200);
/// How long a command waits for the ledger to take up its question.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Why there is no backup, or it is not put back.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The configuration, or a store.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A folder.
    #[error("{path}: {reason}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The ledger tried.
    #[error("the ledger could not back up {origin}: {reason}")]
    Refused {
        /// The log.
        origin: String,
        /// What it said.
        reason: String,
    },
    /// The store is open, and nobody answers.
    #[error("the store of {origin} is open, and its ledger did not answer: does it know of this [log.backup]?")]
    Unanswered {
        /// The log.
        origin: String,
    },
    /// The configuration has several logs, or not this one.
    #[error("the configuration has {found} logs named {wanted:?}: name one of its logs with --origin")]
    Log {
        /// How many.
        found: usize,
        /// The name that was asked for.
        wanted: String,
    },
}

impl From<ConfigError> for BackupError {
    fn from(reason: ConfigError) -> Self {
        Self::Serve(reason.into())
    }
}

fn asked(of: &BackupConfig) -> PathBuf {
    of.folder.join("asked")
}

fn refused(of: &BackupConfig) -> PathBuf {
    of.folder.join("refused")
}

/// Backs up every log that names a folder; gives each origin with the signed note that its copy reaches.
///
/// # Errors
/// [`BackupError`]; [`ConfigError::NoBackup`] if no log names a folder.
pub fn backup(config: &Config) -> Result<Vec<(String, String)>, BackupError> {
    let named: Vec<_> = config.logs.iter().filter_map(|log| Some((log, log.backup.as_ref()?))).collect();
    if named.is_empty() {
        let origin = config.logs.first().map(|log| log.origin.clone()).unwrap_or_default();
        return Err(ConfigError::NoBackup { origin }.into());
    }
    let notes = named.into_iter().map(|(log, of)| {
        let note = match open_store(log, Arc::new(NoFaults)) {
            Ok(store) => back_up(&store, of).map_err(|reason| of_store(log, reason))?,
            Err(ServeError::Store { reason: StoreError::InUse, .. }) => ask(log, of)?,
            Err(other) => return Err(other.into()),
        };
        Ok((log.origin.clone(), String::from_utf8_lossy(&note).into_owned()))
    });
    notes.collect()
}

fn of_store(log: &LogConfig, reason: StoreError) -> BackupError {
    ServeError::Store { origin: log.origin.clone(), reason }.into()
}

fn back_up(store: &Store, of: &BackupConfig) -> Result<Vec<u8>, StoreError> {
    store.back_up(&of.folder, of.keep)
}

/// Asks the ledger that has the store open, and waits for its answer.
fn ask(log: &LogConfig, of: &BackupConfig) -> Result<Vec<u8>, BackupError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |reason| BackupError::Folder { path, reason }
    };
    let origin = || log.origin.clone();
    fs::create_dir_all(&of.folder).map_err(failed(&of.folder))?;
    let _ = fs::remove_file(refused(of));
    fs::write(asked(of), b"").map_err(failed(&asked(of)))?;
    let begun = Instant::now();
    while asked(of).exists() {
        if begun.elapsed() > PATIENCE {
            let _ = fs::remove_file(asked(of));
            return Err(BackupError::Unanswered { origin: origin() });
        }
        std::thread::sleep(LOOK);
    }
    match fs::read_to_string(refused(of)) {
        Ok(reason) => Err(BackupError::Refused { origin: origin(), reason }),
        Err(_) => store::backed_up(&of.folder).map_err(|reason| of_store(log, reason)),
    }
}

/// Answers who asks, for as long as the log is served.
pub(crate) async fn answer(of: BackupConfig, log: Weak<OpenLog>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if !asked(&of).exists() {
            continue;
        }
        let Some(log) = log.upgrade() else { return };
        let copied = of.clone();
        let origin = log.origin().to_owned();
        // The log itself must not be held while nobody asks: its writer ends with the last who holds it.
        let made = tokio::task::spawn_blocking(move || back_up(log.store(), &copied)).await;
        match made {
            Ok(Ok(_)) => tracing::info!(origin, folder = %of.folder.display(), "backed up"),
            Ok(Err(reason)) => {
                tracing::error!(origin, %reason, "not backed up");
                let _ = fs::write(refused(&of), reason.to_string());
            }
            Err(_) => return,
        }
        let _ = fs::remove_file(asked(&of));
    }
}

/// Puts the newest copy of a backup where the configuration's store is to be, which must be empty, and checks all of it.
/// With findings it is not to be served.
///
/// # Errors
/// [`BackupError`].
pub fn restore(config: &Config, origin: Option<&str>, from: &Path) -> Result<CheckReport, BackupError> {
    restore_older(config, origin, from, 0)
}

/// The same with the copy that is so many before the newest: for a newest one that was copied from a damaged disk. Its guard
/// says what it lacks.
///
/// # Errors
/// [`BackupError`]; [`StoreError::NoCopy`] if the backup does not reach so far.
pub fn restore_older(
    config: &Config,
    origin: Option<&str>,
    from: &Path,
    back: usize,
) -> Result<CheckReport, BackupError> {
    let named: Vec<&LogConfig> =
        config.logs.iter().filter(|log| origin.is_none_or(|origin| log.origin == origin)).collect();
    let [log] = named[..] else {
        return Err(BackupError::Log { found: named.len(), wanted: origin.unwrap_or_default().into() });
    };
    store::restore(from, &log.store, back).map_err(|reason| of_store(log, reason))?;
    Ok(check(&Config { logs: vec![log.clone()], ..config.clone() })?)
}
