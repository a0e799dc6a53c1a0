//! Read-outs into the log: the package that a phone made, aligned with what is known, as a session with a manifest.
//!
//! Crash story: nothing is remembered here. A read-out that was cut off is read out again; what the log holds by then is known
//! and is not added twice, and the first session stays without its closing event, which shows.
//!
//! Not here: what the lines mean (`whatsapp`), how events are appended (`source`). Specification: `specs/readout.md`.

pub mod mapping;
pub mod package;
pub mod plan;
mod session;

pub use mapping::CaptureIds;
pub use package::{Package, PackageError};
pub use plan::Counts;
pub use session::{Desk, ImportError, Order, Outcome, Skipped, readout};
