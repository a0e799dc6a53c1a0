//! Cases: why somebody is given something, under which law, and what was done before it left.
//!
//! Each step is an event: `CASE_OPENED` with the `HOLD_PLACED` that lasts until the last appeal, `CORRECTION_NOTED` for the
//! search, third-party views, versions of the decision and waiting periods, `REDACTION_APPROVED` by the second pair of eyes,
//! `DISCLOSURE_SENT` before a byte leaves, `HOLD_RELEASED` with `CASE_CLOSED`. Invariants:
//! - the log is told first, and then the file that keeps the officer's view of it: a step that is in the file is in the log;
//! - nothing is disclosed in a case that is closed, has no documented search, waits, or has not been approved since its newest decision;
//! - a case, and its hold, ends when no term of objection or appeal runs.
//!
//! Not here: what is in a package (`disclose`). Specification: `specs/disclosure.md`.

mod act;
mod book;

pub use act::{Cases, Disclosed, Opening, Step};
pub use book::{Approval, Book, Case, Disclosure, Noted};

use crate::disk::DiskError;
use crate::entropy::EntropyError;
use crate::event::EventError;
use crate::keys::KeyError;
use crate::source::SourceError;
use thiserror::Error;
use zegel_proto::CanonicalError;

/// Why a step of a case was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CaseError {
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// An event that cannot be made.
    #[error(transparent)]
    Event(#[from] EventError),
    /// A subject that breaks its grammar.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Submitting.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The book of cases is not one.
    #[error("{path} is not a book of cases")]
    Malformed {
        /// The file.
        path: String,
    },
    /// A name that is taken.
    #[error("a case {name:?} is there already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// No such case.
    #[error("there is no case {name:?}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// It has ended.
    #[error("case {name:?} is closed")]
    Closed {
        /// The name.
        name: String,
    },
    /// Nobody wrote down how was searched.
    #[error("case {name:?} has no documented search: note one with --about zoekslag first")]
    NoSearch {
        /// The name.
        name: String,
    },
    /// Nothing was decided.
    #[error("case {name:?} has no decision: note one with --about besluit first")]
    NoDecision {
        /// The name.
        name: String,
    },
    /// A term runs.
    #[error("case {name:?} waits until {until}: nothing may leave before")]
    Waits {
        /// The name.
        name: String,
        /// As RFC 3339.
        until: String,
    },
    /// Objection or appeal can still be made.
    #[error("case {name:?} can be appealed until {until}: until then it stays open, and what it is about is held")]
    Appeal {
        /// The name.
        name: String,
        /// As RFC 3339.
        until: String,
    },
    /// Approved, and then decided anew.
    #[error(
        "export {export} was approved in case {name:?} before {decision:?}, the newest version of the decision: approve what that says"
    )]
    ApprovedBefore {
        /// The name.
        name: String,
        /// Id of the export.
        export: String,
        /// The newest decision.
        decision: String,
    },
    /// One pair of eyes.
    #[error("export {export} has not been approved in case {name:?}: the approver runs zegel case approve")]
    NotApproved {
        /// The name.
        name: String,
        /// Id of the export.
        export: String,
    },
}
