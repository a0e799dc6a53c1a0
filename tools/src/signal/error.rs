//! Why a Signal export is not read.

use crate::import::ParcelError;
use thiserror::Error;

/// Why a Signal export is not read. No text of it is quoted: a line can hold keys.
#[derive(Debug, Error)]
pub enum SignalError {
    /// Files.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// Neither form is there.
    #[error("{path} has no main.jsonl (an export of the app) and no data.json (of signal-export)")]
    NoExport {
        /// Where was looked.
        path: String,
    },
    /// More than one export, where one is wanted.
    #[error("{path} has {found} exports of the app, of which one is read at a time: name one of {}", .named.join(", "))]
    ManyExports {
        /// Where was looked.
        path: String,
        /// How many.
        found: usize,
        /// Their folders, the first of them.
        named: Vec<String>,
    },
    /// More than one chat, where one is wanted.
    #[error("{path} has {found} chats of signal-export, one folder is one chat: name the folder of the chat")]
    ManyFolders {
        /// Where was looked.
        path: String,
        /// How many.
        found: usize,
    },
    /// Above [`LINE_BYTES_MAX`](super::LINE_BYTES_MAX).
    #[error("line {line} has more than {max} bytes, as no line of an export has")]
    LineTooLong {
        /// From 1.
        line: u64,
        /// The limit, in bytes.
        max: usize,
    },
    /// Not JSON.
    #[error("line {line} is not JSON, at its column {column}: the file is damaged or was cut off")]
    Line {
        /// From 1.
        line: u64,
        /// Where in the line.
        column: usize,
    },
    /// The first line of an export says of which app and when.
    #[error("line 1 does not begin an export: wanted version and backupTimeMs")]
    NoBackupInfo,
    /// A line that refers to what has not been there.
    #[error("line {line} refers to {what} {id}, which the export does not have")]
    Unknown {
        /// From 1.
        line: u64,
        /// chat or recipient.
        what: &'static str,
        /// Its number.
        id: u64,
    },
    /// A chat or recipient that stands twice, as none does.
    #[error("line {line} has {what} {id} a second time: no app writes that, and of which the records are is not known")]
    Twice {
        /// From 1.
        line: u64,
        /// chat or recipient.
        what: &'static str,
        /// Its number.
        id: u64,
    },
    /// Above [`RECIPIENTS_MAX`](super::RECIPIENTS_MAX) or [`NAMES_BYTES_MAX`](super::NAMES_BYTES_MAX).
    #[error("the export has more than {max} {what}")]
    TooMany {
        /// chats, recipients, or bytes of their names.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// Above [`RECORDS_MAX`](super::RECORDS_MAX).
    #[error("the export has more than {max} records")]
    TooManyRecords {
        /// The limit.
        max: usize,
    },
    /// A text that no event holds.
    #[error("line {line}: a text has {found} bytes, at most {max} are read")]
    TextTooLong {
        /// From 1.
        line: u64,
        /// Bytes found.
        found: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// A chat that is asked for and is not there, or more than once.
    #[error(
        "{found} chats of the export are {wanted:?}: name one by its number, as `zegel import signal --list` shows them"
    )]
    Chat {
        /// As asked for.
        wanted: String,
        /// How many fit.
        found: usize,
    },
    /// A time that is none.
    #[error("line {line}: the date is not one, such as 2026-05-04T09:00:00")]
    Date {
        /// From 1.
        line: u64,
    },
}
