//! What an auditor finds wrong: one variant per rule, with a stable id (`specs/findings.md`).

mod dutch;

use crate::batch::BatchError;
use crate::bundle::Place;
use crate::bundle::findings::{About, Finding, Severity};
use crate::checkpoint::CheckpointError;
use crate::hash::Hash;
use crate::kinds::HeaderError;
use crate::note::NoteError;
use crate::registry::{AuthorityError, RegistryError};
use crate::tree::ProofError;
use thiserror::Error;
use zegel_proto::CanonicalError;

/// A rule that does not hold. Where, is beside it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum Fault {
    #[error("{0}")]
    Canonical(CanonicalError),
    #[error("{what}: {found} found, at most {max} are allowed")]
    Limit { what: &'static str, found: u64, max: u64 },
    #[error("entry {found} stands where entry {wanted} was wanted")]
    Order { found: u64, wanted: u64 },
    #[error("received at {found} ms, the entry before it at {before} ms")]
    ReceivedAt { found: u64, before: u64 },
    #[error("received at {received} ms, {created} ms by the clock of the source that had signed it before")]
    ReceivedEarly { received: u64, created: u64 },
    #[error("{0}")]
    Batch(BatchError),
    #[error("{found} {what} are there, {wanted} were wanted")]
    Count { what: &'static str, found: u64, wanted: u64 },
    #[error("the events lead to root {found}, the source signed {wanted}")]
    EventsRoot { found: Hash, wanted: Hash },
    #[error("{0}")]
    Header(HeaderError),
    #[error("digest of {found} bytes beside {}", if *.is_sealed { "a sealed event, wanted 32" } else { "a public event" })]
    SealedForm { found: u64, is_sealed: bool },
    #[error("the sealed forms lead to root {found}, the source signed {wanted}")]
    SealedRoot { found: Hash, wanted: Hash },
    #[error("the sealed body is gone, and no destruction, weeding, breach removal or purge was logged after it")]
    BodyMissing,
    #[error(
        "the sealed body is gone; a destruction, weeding, breach removal or purge was logged after it, what that names is sealed"
    )]
    BodyDestroyed,
    #[error(
        "another sealed body stands in the place of the one that was signed, and no BODY_RESEALED was logged after it"
    )]
    BodyChanged,
    #[error(
        "another sealed body stands in the place of the one that was signed; a BODY_RESEALED was logged after it, what that names is sealed"
    )]
    BodyReplaced,
    #[error("batch {found} of source {source_id} comes where its batch {wanted} was wanted")]
    BatchGap { source_id: Hash, found: u64, wanted: u64 },
    #[error("batch {found} of source {source_id} is in the log already, its next is {wanted}")]
    BatchAgain { source_id: Hash, found: u64, wanted: u64 },
    #[error("batch {batch_seq} of source {source_id} names {found} as previous, its last logged statement is {wanted}")]
    BatchPrevious { source_id: Hash, batch_seq: u64, found: Hash, wanted: Hash },
    #[error("genesis was signed by key {found}, the trust file pins root key {wanted}")]
    RootKey { found: Hash, wanted: Hash },
    #[error("found {found}, a log opens with LOG_CREATED")]
    Genesis { found: &'static str },
    #[error("{0}")]
    Registry(RegistryError),
    #[error("{0}")]
    Authority(AuthorityError),
    #[error("{what} {id} is used before it is registered")]
    Unregistered { what: &'static str, id: Hash },
    #[error("{what} {id} is registered a second time")]
    RegisteredTwice { what: &'static str, id: Hash },
    #[error("number {found} in its capture (custodian {custodian}, conversation {conversation}), wanted {wanted}")]
    SeqGap { custodian: Hash, conversation: Hash, found: u64, wanted: u64 },
    #[error("the snapshot covers {covers} entries, which come after it")]
    SnapshotAhead { covers: u64 },
    #[error("the snapshot covers {covers} entries; the table of that size was not kept, so it was not examined")]
    SnapshotOld { covers: u64 },
    #[error("the streams lead to {found_ids} rows with root {found}, the snapshot has {wanted_ids} with root {wanted}")]
    SnapshotRoot { found_ids: u64, wanted_ids: u64, found: Hash, wanted: Hash },
    #[error("the note is no checkpoint by the key of this log: {0}")]
    Checkpoint(CheckpointError),
    #[error("no log key is known for a checkpoint of {size} entries")]
    NoLogKey { size: u64 },
    #[error("the registry names log key {found} for {size} entries, the trust file pins {wanted}")]
    LogKey { size: u64, found: Hash, wanted: Hash },
    #[error("the log signed root {signed} for {size} entries, these entries lead to {found}: two histories")]
    LogRoot { size: u64, signed: Hash, found: Hash },
    #[error("the checkpoint of {size} entries is no beginning of this log: {reason}")]
    Inconsistent { size: u64, reason: ProofError },
    #[error("the checkpoint of {size} entries was handed in after them and without a proof: it was not examined")]
    Unproven { size: u64 },
    #[error("a checkpoint of {size} entries was handed in, only {entries} are here")]
    Beyond { size: u64, entries: u64 },
    #[error("cosignature: {0}")]
    Cosignature(NoteError),
    #[error("{found} cosignatures of the trust file's witnesses are on the newest checkpoint, its quorum is not met")]
    Quorum { found: u64 },
    #[error("key {key} was declared compromised from entry {from}; it signed batches until entry {last}")]
    KeyCompromised { key: Hash, from: u64, last: u64 },
    #[error(
        "archive key {key} came in entry {added} and nothing was resealed after it: it opens what came after it only"
    )]
    ArchiveKeyAlone { key: Hash, added: u64 },
    #[error("content lay {hours} hours in the landing zone, the policy allows {max}")]
    Dwell { hours: u64, max: u64 },
    #[error("what comes after was examined by itself only: the state of the log is not known any more")]
    ReplayEnded,
}

/// Every id that [`Fault::id`] gives.
pub(super) const IDS: [&str; 37] = [
    "CANONICAL",
    "LIMIT",
    "ENTRY",
    "RECEIVED_AT",
    "RECEIVED_EARLY",
    "BATCH_ORIGIN",
    "BATCH_SIGNATURE",
    "BATCH_COUNT",
    "BATCH_ROOT",
    "HEADER",
    "SEALED_FORM",
    "SEALED_ROOT",
    "BODY_MISSING",
    "BODY_DESTROYED",
    "BODY_REPLACED",
    "BATCH_CHAIN",
    "ROOT_KEY",
    "GENESIS",
    "REGISTRY",
    "AUTHORITY",
    "UNREGISTERED",
    "REGISTERED_TWICE",
    "SEQ_GAP",
    "SNAPSHOT",
    "SNAPSHOT_OLD",
    "SNAPSHOT_ROOT",
    "CHECKPOINT",
    "LOG_KEY",
    "LOG_ROOT",
    "CHECKPOINT_UNPROVEN",
    "CHECKPOINT_BEYOND",
    "COSIGNATURE",
    "QUORUM",
    "KEY_COMPROMISED",
    "ARCHIVE_KEY_ALONE",
    "DWELL_EXCEEDED",
    "REPLAY_ENDED",
];

impl Fault {
    /// The stable name: never used again for something else.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Canonical(_) | Self::Batch(BatchError::Canonical(_)) => "CANONICAL",
            Self::Limit { .. } => "LIMIT",
            Self::Order { .. } => "ENTRY",
            Self::ReceivedAt { .. } => "RECEIVED_AT",
            Self::ReceivedEarly { .. } => "RECEIVED_EARLY",
            Self::Batch(BatchError::OtherOrigin { .. }) => "BATCH_ORIGIN",
            Self::Batch(BatchError::Signature(_)) => "BATCH_SIGNATURE",
            Self::Count { .. } => "BATCH_COUNT",
            Self::EventsRoot { .. } => "BATCH_ROOT",
            Self::Header(_) => "HEADER",
            Self::SealedForm { .. } => "SEALED_FORM",
            Self::SealedRoot { .. } => "SEALED_ROOT",
            Self::BodyMissing | Self::BodyChanged => "BODY_MISSING",
            Self::BodyDestroyed => "BODY_DESTROYED",
            Self::BodyReplaced => "BODY_REPLACED",
            Self::BatchGap { .. } | Self::BatchAgain { .. } | Self::BatchPrevious { .. } => "BATCH_CHAIN",
            Self::RootKey { .. } => "ROOT_KEY",
            Self::Genesis { .. } => "GENESIS",
            Self::Registry(_) => "REGISTRY",
            Self::Authority(_) => "AUTHORITY",
            _ => self.id_of_the_state(),
        }
    }

    fn id_of_the_state(&self) -> &'static str {
        match self {
            Self::Unregistered { .. } => "UNREGISTERED",
            Self::RegisteredTwice { .. } => "REGISTERED_TWICE",
            Self::SeqGap { .. } => "SEQ_GAP",
            Self::SnapshotAhead { .. } => "SNAPSHOT",
            Self::SnapshotOld { .. } => "SNAPSHOT_OLD",
            Self::SnapshotRoot { .. } => "SNAPSHOT_ROOT",
            Self::Checkpoint(_) | Self::NoLogKey { .. } => "CHECKPOINT",
            Self::LogKey { .. } => "LOG_KEY",
            Self::LogRoot { .. } | Self::Inconsistent { .. } => "LOG_ROOT",
            Self::Unproven { .. } => "CHECKPOINT_UNPROVEN",
            Self::Beyond { .. } => "CHECKPOINT_BEYOND",
            Self::Cosignature(_) => "COSIGNATURE",
            Self::Quorum { .. } => "QUORUM",
            Self::KeyCompromised { .. } => "KEY_COMPROMISED",
            Self::ArchiveKeyAlone { .. } => "ARCHIVE_KEY_ALONE",
            Self::Dwell { .. } => "DWELL_EXCEEDED",
            _ => "REPLAY_ENDED",
        }
    }

    /// How much it weighs.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::BodyDestroyed | Self::BodyReplaced | Self::ReplayEnded | Self::ArchiveKeyAlone { .. } => {
                Severity::Info
            }
            Self::ReceivedEarly { .. } | Self::Dwell { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    fn about(&self) -> About {
        match self.id() {
            "DWELL_EXCEEDED" => About::Custody,
            "BATCH_SIGNATURE" | "AUTHORITY" | "KEY_COMPROMISED" | "ROOT_KEY" | "GENESIS" | "REGISTRY"
            | "BATCH_ORIGIN" => About::Authenticity,
            "BATCH_CHAIN" | "SEQ_GAP" | "SNAPSHOT" | "SNAPSHOT_OLD" | "SNAPSHOT_ROOT" | "BODY_MISSING"
            | "BODY_DESTROYED" | "BODY_REPLACED" | "CHECKPOINT_BEYOND" | "REPLAY_ENDED" | "UNREGISTERED"
            | "REGISTERED_TWICE" | "BATCH_COUNT" | "ARCHIVE_KEY_ALONE" => About::Completeness,
            _ => About::Immutability,
        }
    }

    /// The finding, at a place where there is one.
    #[must_use]
    pub fn finding(&self, place: Option<Place>) -> Finding {
        let finding = Finding::of(self.id(), self.severity(), self.about(), dutch::sentence(self), self.to_string());
        Finding { place, ..finding }
    }
}
