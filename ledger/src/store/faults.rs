//! Where a commit can be made to fail, for tests: what if we stop *here*?

/// A step of a commit, or of an erasure, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Wraps, message rows and envelopes, synced.
    Keys,
    /// Entries, headers, ciphertexts, projections and checkpoint, synced.
    Truth,
    /// The guard file.
    Guard,
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

/// Decides whether a step fails before it is taken.
pub trait Faults: Send + Sync {
    /// Called before each step.
    ///
    /// # Errors
    /// What the step is to fail with.
    fn before(&self, step: Step) -> Result<(), String>;
}

/// Nothing fails by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFaults;

impl Faults for NoFaults {
    fn before(&self, _step: Step) -> Result<(), String> {
        Ok(())
    }
}
