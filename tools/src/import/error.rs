//! Why a read-out is not taken in.

use super::parcel::ParcelError;
use crate::entropy::EntropyError;
use crate::event::EventError;
use crate::matrix::MatrixError;
use crate::screenshots::ScreenshotError;
use crate::signal::SignalError;
use crate::source::SourceError;
use crate::whatsapp::ParseError;
use crate::whatsapp::package::PackageError;
use thiserror::Error;

/// Why a read-out cannot be taken in.
#[derive(Debug, Error)]
pub enum ImportError {
    /// What was handed over cannot be opened.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// The package of a WhatsApp chat cannot be opened.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The text is no read-out, or does not decide what must be decided.
    #[error("{file}: {reason}")]
    Parse {
        /// Name of the text.
        file: String,
        /// Why.
        reason: ParseError,
    },
    /// A Signal export that cannot be read.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// Matrix events that cannot be read.
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    /// Screenshots that cannot be read.
    #[error(transparent)]
    Screenshots(#[from] ScreenshotError),
    /// No such zone.
    #[error("{found:?} is not a time zone of the tz database, such as Europe/Amsterdam")]
    TimeZone {
        /// What was given.
        found: String,
    },
    /// More chats on a device than one event lists.
    #[error("{found} chats are on the device, at most {max} are listed in one session: name fewer with --skipped")]
    TooManyChats {
        /// How many.
        found: usize,
        /// The maximum.
        max: usize,
    },
    /// An event cannot be made.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Nothing random.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The log did not take it.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The session had begun: part of it is in the log.
    #[error(
        "{file}: stopped after {done} of {all} additions, which are in the log up to the last batch with a receipt; the session \
         stays open there. Read it out again: what is in the log is known, and only the rest is added. The reason: {reason}"
    )]
    Stopped {
        /// The chat that was being read out.
        file: String,
        /// Additions whose receipts were checked.
        done: u64,
        /// Additions of this chat.
        all: u64,
        /// Why.
        reason: Box<ImportError>,
    },
}

impl ImportError {
    /// The reason itself, without where it stopped.
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::Stopped { reason, .. } => reason.cause(),
            other => other,
        }
    }
}
