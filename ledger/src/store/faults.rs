//! Where a commit can be made to fail, for tests: what if we stop *here*?

use crate::metrics::now_ms;
use crate::store::StoreError;

/// A step of a commit, or of an erasure, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Wraps, message rows and envelopes, synced.
    Keys,
    /// The checkpoint's signature.
    Sign,
    /// Entries, headers, ciphertexts and checkpoint, synced.
    Truth,
    /// The guard file, synced.
    Guard,
    /// A run of the projections, which trails what was answered.
    Projection,
    /// The table of a snapshot, before the snapshot becomes an entry.
    Table,
    /// Envelopes that were rewrapped, synced.
    Rewrap,
    /// The newest cosigned checkpoint, which can be asked for again.
    Cosigned,
    /// Of an erasure: the leaves and marks of what goes, synced.
    EraseIntent,
    /// Of an erasure: wraps and message rows, synced.
    EraseKeys,
    /// Of an erasure: ciphertexts, synced, and the files of attachments.
    EraseBodies,
    /// Of an erasure: all files written anew.
    EraseFiles,
    /// Of an erasure: the marks, once the files were searched.
    EraseMarks,
}

/// Decides whether a step fails, and on which side of it.
pub trait Faults: Send + Sync {
    /// Called before each step: what fails here is lost.
    ///
    /// # Errors
    /// What the step is to fail with.
    fn before(&self, step: Step) -> Result<(), String>;

    /// The clock by which entries are stamped, in milliseconds since 1970.
    fn now_ms(&self) -> u64 {
        now_ms()
    }

    /// Called after each step that went well: what fails here was persisted, and is reported as failed.
    ///
    /// # Errors
    /// What the step is to fail with.
    fn after(&self, step: Step) -> Result<(), String> {
        let _ = step;
        Ok(())
    }
}

/// Takes a step that may be made to fail on either side of it.
pub(crate) fn step<T>(
    faults: &dyn Faults,
    step: Step,
    take: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let failed = |reason| StoreError::Failed { step: "a step of the commit", reason };
    faults.before(step).map_err(failed)?;
    let taken = take()?;
    faults.after(step).map_err(failed)?;
    Ok(taken)
}

/// Nothing fails by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn before(&self, _step: Step) -> Result<(), String> {
        Ok(())
    }
}
