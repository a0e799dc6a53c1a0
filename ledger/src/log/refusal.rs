//! Why a batch is not taken: one variant per rule of admission.
//!
//! Which gRPC code each becomes is the service's business. No variant names a person or holds content.

use crate::log::Capture;
use thiserror::Error;
use zegel_proto::CanonicalError;
use zegel_verifier::batch::BatchError;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::HeaderError;
use zegel_verifier::registry::{AuthorityError, RegistryError};

/// Why admission refuses a batch; always the whole batch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    /// A log that was promoted, and has not said so.
    #[error("this log was promoted at {size} entries with root {root}: LOG_RECOVERED, which names both, comes first")]
    NotRecovered {
        /// Entries.
        size: u64,
        /// Their root.
        root: Hash,
    },
    /// The request carries no batch.
    #[error("the request carries no signed batch")]
    NoBatch,
    /// Statement or signature.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A header that is not canonical.
    #[error("header {position}: {reason}")]
    HeaderBytes {
        /// Position in the batch.
        position: usize,
        /// Why.
        reason: CanonicalError,
    },
    /// A header that breaks the rules of its kind.
    #[error("header {position}: {reason}")]
    Header {
        /// Position in the batch.
        position: usize,
        /// Why.
        reason: HeaderError,
    },
    /// Another number than the statement counts.
    #[error("{found} {what} were sent, the statement counts {wanted}")]
    Count {
        /// "headers" or "bodies".
        what: &'static str,
        /// How many were sent.
        found: usize,
        /// How many the statement counts.
        wanted: usize,
    },
    /// A root that does not follow from what was sent.
    #[error("{which} is {found} over what was sent, the statement says {wanted}")]
    Root {
        /// "events_root" or "sealed_root".
        which: &'static str,
        /// Computed.
        found: Hash,
        /// Stated.
        wanted: Hash,
    },
    /// A sealed event without its sealed form, or a public event with one.
    #[error("event {position}: the sealed form {rule}")]
    SealedForm {
        /// Position in the batch.
        position: usize,
        /// "must be there" or "must be empty".
        rule: &'static str,
    },
    /// A message row of another length.
    #[error("event {position}: the message row has {found} bytes, wanted 0 or 48")]
    MessageRow {
        /// Position in the batch.
        position: usize,
        /// Bytes found.
        found: usize,
    },
    /// A key wrap that is not canonical.
    #[error("event {position}: {reason}")]
    Wrap {
        /// Position in the batch.
        position: usize,
        /// Why.
        reason: CanonicalError,
    },
    /// An envelope that is not canonical.
    #[error("envelope {number}: {reason}")]
    Envelope {
        /// Which of those sent, from 0.
        number: usize,
        /// Why.
        reason: CanonicalError,
    },
    /// An envelope that no wrap of the batch names.
    #[error("envelope {envelope} is named by no wrap of this batch")]
    EnvelopeUnused {
        /// SHA-256 of the envelope.
        envelope: Hash,
    },
    /// A wrap names an envelope that is not there.
    #[error("event {position}: envelope {envelope} was neither sent nor is it known")]
    EnvelopeUnknown {
        /// Position in the batch.
        position: usize,
        /// SHA-256 of the envelope.
        envelope: Hash,
    },
    /// An envelope made for something else.
    #[error("envelope {envelope} has another {field} than what it is used for")]
    EnvelopeElsewhere {
        /// SHA-256 of the envelope.
        envelope: Hash,
        /// "origin", "source", "conversation" or "month".
        field: &'static str,
    },
    /// An envelope to a key that the registry does not have, or has retired.
    #[error("envelope {envelope} is wrapped to {archive_key}, which is no archive key in use")]
    EnvelopeRecipient {
        /// SHA-256 of the envelope.
        envelope: Hash,
        /// Id of the archive key.
        archive_key: Hash,
    },
    /// Larger than the named maximum.
    #[error("{what} has {found} bytes, at most {max} are taken")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Bytes found.
        found: usize,
        /// The maximum.
        max: usize,
    },
    /// More than the named maximum.
    #[error("{found} {what} were sent, at most {max} are taken")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many.
        found: usize,
        /// The maximum.
        max: usize,
    },
    /// Key, owner or role.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Nothing has been logged yet, and this is not genesis.
    #[error("the log has not been created yet: event 0 of entry 0 must be LOG_CREATED")]
    NotCreated,
    /// Genesis by another root than the configuration pins.
    #[error("genesis is signed by {found}, the configuration pins root key {wanted}")]
    OtherRoot {
        /// Key that signed.
        found: Hash,
        /// Key that is pinned.
        wanted: Hash,
    },
    /// The registry would name a log key that this ledger does not hold.
    #[error("the log key {key} is not among the keys that this ledger holds")]
    LogKeyNotHeld {
        /// The key.
        key: Hash,
    },
    /// A public event that cannot be applied.
    #[error("event {position}: {reason}")]
    Registry {
        /// Position in the batch.
        position: usize,
        /// Why.
        reason: RegistryError,
    },
    /// Batches are missing in between.
    #[error("batch_seq is {found}, the next of this source is {wanted}")]
    Gap {
        /// Found.
        found: u64,
        /// Wanted.
        wanted: u64,
    },
    /// Another statement was logged under this number.
    #[error("batch_seq {batch_seq} of this source was logged with another statement as entry {entry}")]
    Fork {
        /// The number.
        batch_seq: u64,
        /// Entry that has it.
        entry: u64,
    },
    /// The statement does not follow the one that was logged.
    #[error("previous is {found}, the last logged statement of this source is {wanted}")]
    Previous {
        /// Found.
        found: Hash,
        /// Wanted.
        wanted: Hash,
    },
    /// Not the next number of its capture.
    #[error("event {position}: conversation_seq is {found}, the next of this capture is {wanted}")]
    ConversationSeq {
        /// Position in the batch.
        position: usize,
        /// Found.
        found: u64,
        /// Wanted.
        wanted: u64,
        /// Which capture.
        capture: Box<Capture>,
    },
    /// An id that was not registered before.
    #[error("event {position}: {what} {id} is not registered")]
    Unregistered {
        /// Position in the batch.
        position: usize,
        /// "conversation" or "custodian".
        what: &'static str,
        /// The random id.
        id: Hash,
    },
    /// An id that is registered already.
    #[error("event {position}: {what} {id} is registered already")]
    RegisteredTwice {
        /// Position in the batch.
        position: usize,
        /// "conversation" or "custodian".
        what: &'static str,
        /// The random id.
        id: Hash,
    },
    /// A blob that was not put before.
    #[error("event {position}: blob {blob} has not been stored")]
    BlobMissing {
        /// Position in the batch.
        position: usize,
        /// SHA-256 of its ciphertext.
        blob: Hash,
    },
    /// An end of content that nothing here has come to.
    #[error(
        "event {position}: {kind} says that content has ended, and no order to end any was carried out here: erase first, then declare"
    )]
    NothingEnded {
        /// Position in the batch.
        position: usize,
        /// Its kind.
        kind: &'static str,
    },
    /// An earlier batch of the same stream was refused.
    #[error("an earlier batch of this stream was refused")]
    StreamBroken,
    /// Beside the log something could not be read.
    #[error("the store could not be read: {reason}")]
    Unreadable {
        /// What the store said.
        reason: String,
    },
}
