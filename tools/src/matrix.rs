//! Read-outs of Matrix: the events of a room, as a server or a client hands them out.
//!
//! Invariants: every event of the file is a record, understood or not; an event is of class A only where its hashes and the
//! signature of its sender's server were checked here, under keys that were given.
//!
//! Not here: decryption (an encrypted event is kept as what it is), the state of a room (who may do what is the servers'
//! business), the network. Specification: `specs/matrix.md`.

mod check;
mod copies;
mod error;
mod event;
mod found;
mod keys;
mod mapping;
mod media;
mod pages;
mod reader;
mod version;

pub use check::{Checked, check};
pub use error::MatrixError;
pub use event::{Redaction, RoomEvent};
pub use keys::ServerKeys;
pub use mapping::{Relations, record};
pub use pages::Form;
pub use reader::{Room, RoomOrder};
pub use version::RoomVersion;

/// Largest file of events, in bytes: it is read whole.
pub const FILE_BYTES_MAX: u64 = 128 << 20;
/// Most events of a read-out.
pub const EVENTS_MAX: usize = 1_000_000;
/// Longest event, in bytes; servers refuse more than 65,536.
pub const EVENT_BYTES_MAX: usize = 128 * 1024;
