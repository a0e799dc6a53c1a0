//! Why an export cannot be made.

use super::CoverError;
use crate::disk::DiskError;
use crate::entropy::EntropyError;
use crate::event::EventError;
use crate::seal::{BlobError, OpenError};
use crate::source::{LedgerError, SourceError};
use std::fmt;
use thiserror::Error;
use zegel_proto::CanonicalError;
use zegel_verifier::bundle::Refusal;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::HeaderError;
use zegel_verifier::trust::TrustError;

/// Where an event stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Index of the entry.
    pub entry: u64,
    /// Position in its batch.
    pub position: u32,
}

impl Spot {
    /// Reads `ENTRY:POSITION`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (entry, position) = text.split_once(':')?;
        Some(Self { entry: entry.parse().ok()?, position: position.parse().ok()? })
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.entry, self.position)
    }
}

/// Why an export cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExportError {
    /// The log has no genesis.
    #[error("the log has not begun: it has no registry")]
    NoRegistry,
    /// The target is there.
    #[error("{path} is there already, and is never overwritten")]
    Exists {
        /// The target.
        path: String,
    },
    /// Edges of no period, or of too many hours.
    #[error("edges of {hours} hours: wanted are 1 to {max} hours, and a period of months", max = super::EDGE_HOURS_MAX)]
    Edges {
        /// As given.
        hours: u32,
    },
    /// What should be covered cannot be.
    #[error(transparent)]
    Cover(#[from] CoverError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// An act that cannot be written.
    #[error(transparent)]
    Event(#[from] EventError),
    /// A message that is not canonical.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// Submitting the acts.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A snapshot that does not cover the export.
    #[error("the snapshot covers {covers} entries, the export stands in entry {export_entry}")]
    SnapshotTooOld {
        /// Entries covered.
        covers: u64,
        /// Entry of the export.
        export_entry: u64,
    },
    /// The ledger's stream is about something else than was asked.
    #[error("the ledger's evidence has another {field} than was asked for")]
    OtherEvidence {
        /// Which field.
        field: &'static str,
    },
    /// The ledger's stream is not in the order that the format gives.
    #[error("the ledger's evidence is out of order or cut: {wanted} was wanted")]
    Order {
        /// What was wanted.
        wanted: &'static str,
    },
    /// A header that does not fit its kind.
    #[error("event {spot}: {reason}")]
    Header {
        /// Where.
        spot: Spot,
        /// Why.
        reason: HeaderError,
    },
    /// A body that cannot be opened, or is not what was committed.
    #[error("event {spot} cannot be shown: {reason}")]
    Open {
        /// Where.
        spot: Spot,
        /// Why.
        reason: OpenError,
    },
    /// The ledger has no body of this event.
    #[error("event {spot} cannot be shown: the ledger has no body of it")]
    NoBody {
        /// Where.
        spot: Spot,
    },
    /// An attachment that does not decrypt.
    #[error("attachment {blob} of event {spot}: {reason}")]
    Attachment {
        /// Where.
        spot: Spot,
        /// SHA-256 of the ciphertext.
        blob: Hash,
        /// Why.
        reason: BlobError,
    },
    /// An attachment that decrypts to something else than its event says, or whose event does not name it well.
    #[error("attachment {blob} of event {spot} is not what the event says")]
    OtherAttachment {
        /// Where.
        spot: Spot,
        /// SHA-256 of the ciphertext.
        blob: Hash,
    },
    /// More than a bundle holds.
    #[error("the bundle would have {found} parts, at most {max} are allowed")]
    TooManyParts {
        /// Found.
        found: u32,
        /// The maximum.
        max: u32,
    },
    /// A record above its limit.
    #[error("a record would have {found} bytes, at most {max} are allowed")]
    RecordTooLarge {
        /// Found.
        found: usize,
        /// The maximum.
        max: usize,
    },
    /// The verifier refuses what the ledger's evidence became: nobody gets it.
    #[error("the verifier refuses the bundle, so it was not made: {0}")]
    Unverified(Box<Refusal>),
    /// The pinned root key makes no trust file.
    #[error("the pinned root key makes no trust file: {0}")]
    Trust(#[from] TrustError),
    /// The ZIP file could not be written.
    #[error("{path}: {reason}")]
    Zip {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl ExportError {
    /// A stream that broke: what it gave is not used.
    pub(crate) fn stream(status: tonic::Status) -> Self {
        Self::Ledger(LedgerError::of(&status))
    }
}
