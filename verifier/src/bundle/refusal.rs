//! Why a bundle is refused: one reason, with a stable name, what was found, what was wanted and where.
//!
//! Invariant: a refusal says nothing of the rest of the bundle: whatever came before it was provisional.
//! Specification: `specs/bundle.md`.

mod dutch;

use super::bag::BagError;
use super::framing::FramingError;
use crate::batch::BatchError;
use crate::checkpoint::CheckpointError;
use crate::commit::CommitmentError;
use crate::hash::Hash;
use crate::kinds::HeaderError;
use crate::note::NoteError;
use crate::registry::{AuthorityError, RegistryError};
use crate::tree::ProofError;
use serde::Serialize;
use std::fmt;
use thiserror::Error;
use zegel_proto::CanonicalError;

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Index of the entry.
    pub entry: u64,
    /// Position of the event in its batch, where one event is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
}

impl Place {
    /// An entry as a whole.
    #[must_use]
    pub const fn entry(entry: u64) -> Self {
        Self { entry, position: None }
    }

    /// One event.
    #[must_use]
    pub const fn event(entry: u64, position: u32) -> Self {
        Self { entry, position: Some(position) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(formatter, "entry {}, event {position}", self.entry),
            None => write!(formatter, "entry {}", self.entry),
        }
    }
}

/// Why a bundle is not good. Every variant but [`Refusal::Unreadable`] is a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum Refusal {
    /// A file could not be read: no verdict.
    #[error("{file} could not be read: {reason}")]
    Unreadable { file: String, reason: String },
    /// The bag is not whole, or holds what it may not.
    #[error("the bag: {0}")]
    Bag(#[from] BagError),
    /// Bytes that are not a record.
    #[error("record {record} of part {part}: {reason}")]
    Record { part: u32, record: u64, reason: FramingError },
    /// A record that is not canonical.
    #[error("record {record} of part {part}: {reason}")]
    NotCanonical { part: u32, record: u64, reason: CanonicalError },
    /// A message inside a record that is not canonical.
    #[error("{place}: {reason}")]
    NotCanonicalAt { place: Place, reason: CanonicalError },
    /// A record where it may not stand.
    #[error("found {found} where {wanted} was wanted")]
    Order { found: &'static str, wanted: &'static str },
    /// Another version of the format.
    #[error("the format is {found:?}, this verifier knows {wanted:?}")]
    Format { found: String, wanted: &'static str },
    /// Of another log than the one that is trusted.
    #[error("the bundle is of log {found:?}, the trust file is of {wanted:?}")]
    Origin { found: String, wanted: String },
    /// More than the named maximum.
    #[error("{what}: {found} found, at most {max} are read")]
    Limit { what: &'static str, found: u64, max: u64 },
    /// An entry outside the log, not ascending, or with another number of gap hashes.
    #[error("{place}: {reason}")]
    Entry { place: Place, reason: ProofError },
    /// The ledger's clock went back.
    #[error("{place} was received at {found} ms, the entry before it at {before} ms")]
    ReceivedAt { place: Place, found: u64, before: u64 },
    /// A batch statement that is not good by itself.
    #[error("{place}: {reason}")]
    Batch { place: Place, reason: BatchError },
    /// A batch does not follow the one before it of its source.
    #[error("{place}: batch {found} of source {source_id} does not follow its batch {before}")]
    BatchChain { place: Place, source_id: Hash, found: u64, before: u64 },
    /// An event outside its batch, not ascending, or with another number of gap hashes.
    #[error("{place}: {reason}")]
    Event { place: Place, reason: ProofError },
    /// The events lead to another root than the one that the source signed.
    #[error("{place}: the events lead to root {found}, the source signed {wanted}")]
    BatchRoot { place: Place, found: Hash, wanted: Hash },
    /// A batch of which no event is shown.
    #[error("{place}: a batch is shown without any of its events")]
    NothingShown { place: Place },
    /// Genesis was signed by another key than the one in the trust file.
    #[error("genesis was signed by key {found}, the trust file pins root key {wanted}")]
    RootKey { found: Hash, wanted: Hash },
    /// Entry 0 does not open with the creation of the log.
    #[error("{place}: found {found}, a log opens with LOG_CREATED")]
    Genesis { place: Place, found: &'static str },
    /// An event that the registry does not take.
    #[error("{place}: {reason}")]
    Registry { place: Place, reason: RegistryError },
    /// An author who may not.
    #[error("{place}: {reason}")]
    Authority { place: Place, reason: AuthorityError },
    /// A header that breaks the rules of its kind.
    #[error("{place}: {reason}")]
    Header { place: Place, reason: HeaderError },
    /// An event that does not belong in this bundle.
    #[error("{place}: {kind} stands in none of the streams that this bundle is about")]
    OutOfScope { place: Place, kind: &'static str },
    /// A registration of an id that no event of the scope names.
    #[error("the registration of {id} is shown, and no event of the scope names that id")]
    RegistrationSurplus { id: Hash },
    /// An id that was used before it was registered.
    #[error("{place}: {kind} stands before the registration of the id that this bundle is about")]
    Unregistered { place: Place, kind: &'static str },
    /// A number in a capture is missing, or comes again.
    #[error("{place}: number {found} in its capture, wanted {wanted}")]
    SeqGap { place: Place, found: u64, wanted: u64 },
    /// A body that does not match its header.
    #[error("{place}: {reason}")]
    Commitment { place: Place, reason: CommitmentError },
    /// Slot 0 does not bind the body to this place.
    #[error("{place}: the binding in slot 0 differs in {field}")]
    Binding { place: Place, field: &'static str },
    /// A body of a form that may not stand here.
    #[error("{place}: {reason}")]
    Body { place: Place, reason: &'static str },
    /// The snapshot that the header names is not one, or does not cover what is shown.
    #[error("{place}: {reason}")]
    Snapshot { place: Place, reason: &'static str },
    /// A row outside the snapshot, not ascending, or with another number of gap hashes.
    #[error("row {index} of the snapshot: {reason}")]
    SnapshotRow { index: u64, reason: ProofError },
    /// A row that is not wanted here, or not in its order.
    #[error("row {index} of the snapshot ({stream}) may not stand here")]
    RowSurplus { index: u64, stream: &'static str },
    /// A row that is wanted is not there.
    #[error("the snapshot's row of {stream} is missing")]
    RowMissing { stream: &'static str },
    /// The rows lead to another root.
    #[error("the rows lead to root {found}, the snapshot has {wanted}")]
    SnapshotRoot { found: Hash, wanted: Hash },
    /// A month does not hold the events that are shown.
    #[error(
        "{stream}, month {month}: {found_count} events with root {found} are shown, the snapshot has {wanted_count} with root {wanted}"
    )]
    MonthRoot { stream: &'static str, month: u32, found_count: u64, wanted_count: u64, found: Hash, wanted: Hash },
    /// A month in scope of which nothing is shown.
    #[error("{stream}, month {month}: the snapshot has {wanted_count} events, none are shown")]
    MonthHidden { stream: &'static str, month: u32, wanted_count: u64 },
    /// A month is shown that the snapshot does not have.
    #[error("{stream}, month {month}: {found_count} events are shown, the snapshot has none")]
    MonthSurplus { stream: &'static str, month: u32, found_count: u64 },
    /// The entries lead to another root than the checkpoint's.
    #[error("the entries lead to root {found}, the checkpoint has {wanted}")]
    LogRoot { found: Hash, wanted: Hash },
    /// The checkpoint is not one, or not signed by the log.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The log's key is another than the one in the trust file.
    #[error("the registry names log key {found}, the trust file pins {wanted}")]
    LogKey { found: Hash, wanted: Hash },
    /// A cosignature by a known witness is wrong.
    #[error("cosignature: {0}")]
    Cosignature(NoteError),
    /// Too few cosignatures.
    #[error("the trust file demands cosignatures of {wanted}, there are those of [{}]", .cosigned.join(", "))]
    Quorum { cosigned: Vec<String>, wanted: String },
    /// The event that made this export is not there, or is not this export.
    #[error("{place}: {reason}")]
    ExportEvent { place: Place, reason: &'static str },
    /// The bundle's scope is not the one that was exported.
    #[error("the bundle's header states another scope than the export event")]
    Scope,
    /// The bundle is about something else than was demanded.
    #[error("the bundle is about another id or other months than were demanded")]
    OtherScope,
    /// What the officer signed is not this bundle.
    #[error("export statement: {0}")]
    ExportStatement(#[from] StatementError),
    /// Not the nonce that was demanded.
    #[error("the export carries nonce {found:?}, demanded was {wanted:?}")]
    Nonce { found: String, wanted: String },
    /// Older than was demanded.
    #[error("the bundle is as of {found} entries, demanded were at least {wanted}")]
    AsOf { found: u64, wanted: u64 },
    /// What is covered is not what the manifest says.
    #[error("redaction manifest: {0}")]
    Manifest(#[from] ManifestError),
    /// An attachment is not the one that was sealed, or none at all.
    #[error("attachment {file}: {reason}")]
    Attachment { file: String, reason: AttachmentError },
}

/// Why an export statement is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum StatementError {
    #[error(transparent)]
    NotCanonical(#[from] CanonicalError),
    #[error("it is of log {found:?}")]
    Origin { found: String },
    #[error("it is of export {found}, the event made {wanted}")]
    Export { found: Hash, wanted: Hash },
    #[error("it counts {found} parts, {wanted} are there")]
    Parts { found: u32, wanted: u32 },
    #[error("it signs digest {found}, the parts have {wanted}")]
    Digest { found: Hash, wanted: Hash },
    #[error(transparent)]
    Signature(#[from] crate::signature::SignatureError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("its signer has role {found}, an officer is wanted")]
    Role { found: &'static str },
}

/// Why a redaction manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum ManifestError {
    #[error("{place}: {reason}")]
    NotCanonical { place: Place, reason: CanonicalError },
    #[error("{place}: it is covered, but only a whole manifest can explain what is covered")]
    Covered { place: Place },
    #[error("{place}: part {found} of {parts}, wanted part {wanted}")]
    Part { place: Place, found: u32, parts: u32, wanted: u32 },
    #[error("{place}: its items do not ascend, item {item} does not")]
    Items { place: Place, item: usize },
    #[error("manifest {found} is open, the export binds {wanted}")]
    Other { found: Hash, wanted: Hash },
    #[error("the export binds manifest {wanted}, {found} of its parts are open")]
    Incomplete { wanted: Hash, found: u32 },
    #[error("{covered} parts are covered and {listed} are listed; each must match the other, one for one")]
    Mismatch { covered: u64, listed: u64 },
}

/// Why an attachment is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum AttachmentError {
    #[error("it has {found} bytes, {wanted} were sealed")]
    Size { found: u64, wanted: u64 },
    #[error("its bytes have SHA-256 {found}")]
    Digest { found: Hash },
    #[error("no open event names it")]
    Surplus,
}

impl Refusal {
    /// The stable name of the reason: never reused for another.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "UNREADABLE",
            Self::Bag(_) => "BAG",
            Self::Record { .. } => "RECORD",
            Self::NotCanonical { .. } | Self::NotCanonicalAt { .. } => "CANONICAL",
            Self::Order { .. } => "ORDER",
            Self::Format { .. } => "FORMAT",
            Self::Origin { .. } => "ORIGIN",
            Self::Limit { .. } => "LIMIT",
            Self::Entry { .. } => "ENTRY",
            Self::ReceivedAt { .. } => "RECEIVED_AT",
            Self::Batch { reason: BatchError::Signature(_), .. } => "BATCH_SIGNATURE",
            Self::Batch { reason: BatchError::OtherOrigin { .. }, .. } => "BATCH_ORIGIN",
            Self::Batch { reason: BatchError::Canonical(_), .. } => "CANONICAL",
            Self::BatchChain { .. } => "BATCH_CHAIN",
            Self::Event { .. } => "EVENT",
            Self::BatchRoot { .. } => "BATCH_ROOT",
            Self::NothingShown { .. } => "NOTHING_SHOWN",
            Self::RootKey { .. } => "ROOT_KEY",
            Self::Genesis { .. } => "GENESIS",
            Self::Registry { .. } => "REGISTRY",
            Self::Authority { .. } => "AUTHORITY",
            Self::Header { .. } => "HEADER",
            Self::OutOfScope { .. } | Self::RegistrationSurplus { .. } => "OUT_OF_SCOPE",
            Self::Unregistered { .. } => "UNREGISTERED",
            Self::SeqGap { .. } => "SEQ_GAP",
            Self::Commitment { .. } => "COMMITMENT",
            Self::Binding { .. } => "BINDING",
            Self::Body { .. } => "BODY",
            _ => self.id_of_the_end(),
        }
    }

    /// Reasons that are found after the last entry.
    fn id_of_the_end(&self) -> &'static str {
        match self {
            Self::Snapshot { .. } => "SNAPSHOT",
            Self::SnapshotRow { .. } => "SNAPSHOT_ROW",
            Self::RowSurplus { .. } => "ROW_SURPLUS",
            Self::RowMissing { .. } => "ROW_MISSING",
            Self::SnapshotRoot { .. } => "SNAPSHOT_ROOT",
            Self::MonthRoot { .. } => "MONTH_ROOT",
            Self::MonthHidden { .. } => "MONTH_HIDDEN",
            Self::MonthSurplus { .. } => "MONTH_SURPLUS",
            Self::LogRoot { .. } => "LOG_ROOT",
            Self::Checkpoint(_) => "CHECKPOINT",
            Self::LogKey { .. } => "LOG_KEY",
            Self::Cosignature(_) => "COSIGNATURE",
            Self::Quorum { .. } => "QUORUM",
            Self::ExportEvent { .. } => "EXPORT_EVENT",
            Self::Scope | Self::OtherScope => "SCOPE",
            Self::ExportStatement(_) => "EXPORT_STATEMENT",
            Self::Nonce { .. } => "NONCE",
            Self::AsOf { .. } => "AS_OF",
            Self::Manifest(_) => "MANIFEST",
            _ => "ATTACHMENT",
        }
    }

    /// Whether there is no verdict: something could not be read.
    #[must_use]
    pub fn is_unchecked(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// The reason in English.
    #[must_use]
    pub fn en(&self) -> String {
        self.to_string()
    }

    /// The reason in Dutch; technical detail stays in the language of the formats.
    #[must_use]
    pub fn nl(&self) -> String {
        dutch::sentence(self)
    }
}
