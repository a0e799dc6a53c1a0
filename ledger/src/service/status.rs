//! Which gRPC code each reason becomes. One sentence goes with it, the reason's own.

use crate::export::ExportError;
use crate::log::Refusal;
use crate::sequencer::AppendError;
use crate::store::{BlobError, NoRoom, StoreError};
use tonic::{Code, Status};
use zegel_verifier::batch::BatchError;

fn code_of(refusal: &Refusal) -> Code {
    use Refusal as R;
    match refusal {
        R::Batch(BatchError::Signature(_)) | R::Authority(_) | R::OtherRoot { .. } => Code::PermissionDenied,
        R::Unreadable { .. } | R::NotRecovered { .. } => Code::Unavailable,
        R::StreamBroken => Code::Aborted,
        R::NotCreated
        | R::LogKeyNotHeld { .. }
        | R::Registry { .. }
        | R::Gap { .. }
        | R::Fork { .. }
        | R::Previous { .. }
        | R::ConversationSeq { .. }
        | R::Unregistered { .. }
        | R::RegisteredTwice { .. }
        | R::BlobMissing { .. }
        | R::NothingEnded { .. }
        | R::EnvelopeUnknown { .. }
        | R::EnvelopeRecipient { .. } => Code::FailedPrecondition,
        // Not RESOURCE_EXHAUSTED, which passes: what is over a limit is over it tomorrow.
        R::TooLarge { .. }
        | R::TooMany { .. }
        | R::NoBatch
        | R::Batch(_)
        | R::HeaderBytes { .. }
        | R::Header { .. }
        | R::Count { .. }
        | R::Root { .. }
        | R::SealedForm { .. }
        | R::MessageRow { .. }
        | R::Wrap { .. }
        | R::Envelope { .. }
        | R::EnvelopeUnused { .. }
        | R::EnvelopeElsewhere { .. } => Code::InvalidArgument,
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::new(code_of(&refusal), refusal.to_string())
    }
}

impl From<AppendError> for Status {
    fn from(reason: AppendError) -> Self {
        match reason {
            AppendError::Refused(refusal) => refusal.into(),
            AppendError::NoRoom(full) => full.into(),
            AppendError::NothingToCover => Self::failed_precondition(reason.to_string()),
            AppendError::Receipt(_) => Self::internal(reason.to_string()),
            // A follower says nothing of the batch: whoever has it keeps it, for the primary, or until this one is promoted.
            AppendError::Follower { .. }
            | AppendError::Table(_)
            | AppendError::Stopped { .. }
            | AppendError::ShuttingDown => Self::unavailable(reason.to_string()),
        }
    }
}

impl From<NoRoom> for Status {
    fn from(full: NoRoom) -> Self {
        Self::resource_exhausted(full.to_string())
    }
}

impl From<StoreError> for Status {
    fn from(reason: StoreError) -> Self {
        match reason {
            StoreError::Row { .. } | StoreError::Missing { .. } => Self::data_loss(reason.to_string()),
            _ => Self::unavailable(reason.to_string()),
        }
    }
}

impl From<BlobError> for Status {
    fn from(reason: BlobError) -> Self {
        let code = match reason {
            BlobError::Full { .. } => Code::ResourceExhausted,
            BlobError::Offset { .. } => Code::FailedPrecondition,
            BlobError::TooLarge { .. } | BlobError::Surplus { .. } | BlobError::OtherHash { .. } => {
                Code::InvalidArgument
            }
            BlobError::Busy { .. } => Code::Aborted,
            BlobError::Missing { .. } => Code::NotFound,
            BlobError::Failed { .. } | BlobError::OtherPart { .. } => Code::Unavailable,
        };
        Self::new(code, reason.to_string())
    }
}

impl From<ExportError> for Status {
    fn from(reason: ExportError) -> Self {
        match reason {
            ExportError::Store(reason) => reason.into(),
            ExportError::NoScope | ExportError::Scope(_) => Self::invalid_argument(reason.to_string()),
            ExportError::NoTable { .. } | ExportError::NoExport { .. } | ExportError::KeyChanged { .. } => {
                Self::failed_precondition(reason.to_string())
            }
            ExportError::NoRow { .. } => Self::not_found(reason.to_string()),
            ExportError::Gone => Self::cancelled(reason.to_string()),
        }
    }
}
