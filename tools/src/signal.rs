//! Read-outs of Signal: the plain export of the current apps (`main.jsonl`), and the folders that the tool signal-export makes.
//!
//! Invariants: nothing of an account, no key and no password that stands in an export leaves this module; what the format
//! leaves out by design is said as a gap; a line that is not understood becomes a record all the same.
//!
//! Not here: the encrypted backups of the apps, which other tools open. Specification: `specs/signal.md`.

mod error;
mod export;
mod folder;
mod item;
mod media;
mod people;
mod reader;
mod secrets;
mod timer;
mod update;

pub use error::SignalError;
pub use export::{ChatSummary, SignalExport};
pub use folder::ExportedFolder;
pub use reader::ExportedChat;

/// Longest line of an export, in bytes: a message has at most 64 KiB of text, a group some hundred bytes a member.
pub const LINE_BYTES_MAX: usize = 8 << 20;
/// Largest `main.jsonl`, in bytes. It is read line by line; this bounds how long that takes.
pub const MAIN_BYTES_MAX: u64 = 16 << 30;
/// Most recipients of one export, and most chats: what their names take of memory.
pub const RECIPIENTS_MAX: usize = 200_000;
/// Most bytes of the names of all recipients.
pub const NAMES_BYTES_MAX: usize = 64 << 20;
/// Most records of one read-out: what their marks take of memory.
pub const RECORDS_MAX: usize = 4_000_000;
