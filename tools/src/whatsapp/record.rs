//! A record of a read-out: what the file says, byte for byte, and what we understand of it beside it.

use super::{Attachment, Kind};

/// One message or notice. `as_written` followed by `text`, over all records, is the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Line of the file where the record starts, counted from 1.
    pub line: u64,
    /// The bytes before the text: byte-order mark, direction marks, header, name and `: `.
    pub as_written: Vec<u8>,
    /// The bytes up to the next record, line terminators included, valid UTF-8 or not.
    pub text: Vec<u8>,
    /// When it happened, by the clock of the phone that wrote the read-out.
    pub occurred: Occurred,
    /// Display name in the phone of the holder, without direction marks; `None` for a notice of the app. It is what the
    /// holder called somebody, not who somebody is.
    pub sender: Option<String>,
    /// What the record is.
    pub kind: Kind,
    /// U+200E stands right before the text: the app wrote it, not the sender.
    pub written_by_app: bool,
    /// The message is addressed to Meta AI, so it left the group.
    pub meta_ai: bool,
    /// What was attached or left out.
    pub attachments: Vec<Attachment>,
}

impl Record {
    /// The text without its last line terminator: what fingerprints and comparisons are about.
    pub fn text_trimmed(&self) -> &[u8] {
        super::marks::without_terminator(&self.text)
    }
}

/// A time as read: in UTC, with all that is uncertain about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurred {
    /// Milliseconds since 1970 in UTC. Minute precision has zero seconds, which is not a measurement.
    pub at_ms: i64,
    /// Width of the measurement.
    pub precision: Precision,
    /// How the local time fits the time zone.
    pub fit: LocalFit,
    /// Date and time as the file has them, without brackets.
    pub as_written: String,
}

impl Occurred {
    /// True when `at_ms` is one of two possible moments or none: see [`LocalFit`].
    pub fn ambiguous(&self) -> bool {
        self.fit != LocalFit::Once
    }
}

/// Width of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Whole minutes.
    Minute,
    /// Whole seconds.
    Second,
}

/// How often a local time occurs in its time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalFit {
    /// Once: the moment is certain, given the zone.
    Once,
    /// Twice, as the clock went back; `at_ms` is the earlier.
    Twice,
    /// Never, as the clock went forward; `at_ms` reads it with the offset from before the gap, so that it falls after it.
    /// Such a record means that the zone is not that of the phone.
    Never,
}
