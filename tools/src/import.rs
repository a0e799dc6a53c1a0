//! Read-outs into the log: chats that a format made readable, aligned with what is known, as a session with a manifest.
//!
//! A format (`whatsapp`, `signal`, `matrix`, `screenshots`) makes a [`Reader`] of each chat: records, where they lie on the log,
//! and what it leaves out by design. The session does the rest, the same for all: it opens and closes, appends what is new,
//! says what has vanished, declares gaps, and accounts for every record.
//!
//! Crash story: nothing is remembered here. A read-out that was cut off is read out again; what the log holds by then is known
//! and is not added twice, and the first session stays without its closing event, which shows.
//!
//! Not here: what the lines mean (the formats), how events are appended (`source`). Specification: `specs/readout.md`.

pub mod alignment;
pub(crate) mod damage;
mod ended;
mod error;
mod fitting;
mod held;
pub mod parcel;
pub mod plan;
pub mod reader;
mod session;

pub use crate::whatsapp::package::{Package, PackageError};
pub use damage::Damage;
pub use error::ImportError;
pub use parcel::{Depth, Parcel, ParcelError};
pub use plan::Counts;
pub use reader::{CaptureIds, FileFacts, Gap, MediaStore, Reader, Tally};
pub use session::{Chat, Desk, Outcome, Skipped, readout};
