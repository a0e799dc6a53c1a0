//! A process that leaves no dump, and that nobody but root may look into.

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use thiserror::Error;

/// Why a process could not be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProcessError {
    /// RLIMIT_CORE.
    #[error("core dumps cannot be forbidden: {0}")]
    Limit(Errno),
    /// PR_SET_DUMPABLE.
    #[error("the memory of this process cannot be closed to others: {0}")]
    Dumpable(Errno),
}

/// Forbids core dumps of this process (RLIMIT_CORE 0, hard, also for what it starts) and the reading and tracing of its
/// memory by the same user (PR_SET_DUMPABLE 0). To be called before a key is read.
///
/// # Errors
/// [`ProcessError`].
pub fn leave_no_dumps() -> Result<(), ProcessError> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).map_err(ProcessError::Limit)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(ProcessError::Dumpable)
}
