//! What a command ends with: one result, or one reason.

use super::demo::DemoError;
use serde_json::{Value, json};
use std::process::ExitCode;
use thiserror::Error;
use zegel_tools::case::CaseError;
use zegel_tools::clearance::ClearanceError;
use zegel_tools::custody::PurgeError;
use zegel_tools::desk::DeskError;
use zegel_tools::destroy::DestroyError;
use zegel_tools::disclose::DisclosureError;
use zegel_tools::disk::DiskError;
use zegel_tools::documents::ReadingError;
use zegel_tools::export::{CoverError, ExportError};
use zegel_tools::import::ImportError;
use zegel_tools::input::InputError;
use zegel_tools::keys::{KeyError, ShareError};
use zegel_tools::load::LoadError;
use zegel_tools::mirror::CopyError;
use zegel_tools::officer::OfficerError;
use zegel_tools::permanent::PermanentError;
use zegel_tools::plan::PlanError;
use zegel_tools::review::SheetError;
use zegel_tools::rewrap::RewrapError;
use zegel_tools::source::{LedgerError, ReceiptError, SourceError};
use zegel_tools::witness::WitnessError;
use zegel_verifier::mirror::MirrorError;
use zegel_verifier::note::NoteError;
use zegel_verifier::selection::SelectionListError;
use zegel_verifier::trust::TrustError;

/// A result for people and one for machines.
pub(crate) struct Outcome {
    text: String,
    document: Value,
    findings: usize,
}

/// Why a command did not do what it should.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// Arguments that the command does not understand.
    #[error("{reason}")]
    Usage {
        /// In words, several lines.
        reason: String,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Shares of an archive key.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// Rewrapping.
    #[error(transparent)]
    Rewrap(#[from] RewrapError),
    /// A name under which no key can be written.
    #[error(transparent)]
    Name(#[from] NoteError),
    /// An officer's act.
    #[error(transparent)]
    Officer(#[from] OfficerError),
    /// Submitting.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A file or folder.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A receipt that was kept.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// An export.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// A read-out.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// As many conversations as read-outs.
    #[error("{paths} read-outs were given and {titles} conversations: one --conversation for each, in the same order")]
    Conversations {
        /// Read-outs.
        paths: usize,
        /// Conversations.
        titles: usize,
    },
    /// The demo.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// A load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// What should be covered.
    #[error(transparent)]
    Cover(#[from] CoverError),
    /// A redaction plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The desk.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// A purge of a landing zone.
    #[error(transparent)]
    Purge(#[from] PurgeError),
    /// A destruction.
    #[error(transparent)]
    Destroy(#[from] DestroyError),
    /// A clearance of a device.
    #[error(transparent)]
    Clearance(#[from] ClearanceError),
    /// A permanent redaction.
    #[error(transparent)]
    Permanent(#[from] PermanentError),
    /// A review sheet.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// Copying a log.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A trust file.
    #[error("{path}: {reason}")]
    Trust {
        /// The file.
        path: String,
        /// Why not.
        reason: TrustError,
    },
    /// Standard input.
    #[error("line {line}: {reason}")]
    Input {
        /// Counted from 1.
        line: u64,
        /// Why.
        reason: InputError,
    },
    /// A case.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// A bundle that is read.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// A disclosure.
    #[error(transparent)]
    Disclosure(#[from] DisclosureError),
    /// A witness.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The system does not tell when to stop.
    #[error("signals cannot be waited for: {reason}")]
    Signal {
        /// What the operating system says.
        reason: String,
    },
    /// Standard input could not be read.
    #[error("standard input: {reason}")]
    Unreadable {
        /// What the operating system says.
        reason: String,
    },
    /// Events before the failure were taken.
    #[error(
        "at least {appended} events are in the log; then: {reason}; what was signed waits in the outbox and goes first, \
         so ask zegel status before sending these lines again"
    )]
    Partly {
        /// How many.
        appended: u64,
        /// Why no more.
        reason: Box<CommandError>,
    },
}

impl Outcome {
    /// Done, nothing to remark.
    pub(crate) fn done(text: String, document: Value) -> Self {
        Self { text, document, findings: 0 }
    }

    /// Done, with findings.
    pub(crate) fn with_findings(text: String, document: Value, findings: usize) -> Self {
        Self { text, document, findings }
    }

    /// Prints the result and gives the exit code.
    pub(crate) fn report(outcome: Result<Self, CommandError>, is_json: bool) -> ExitCode {
        let (document, text, code) = match outcome {
            Ok(done) => {
                let (word, code) = if done.findings == 0 { ("done", 0) } else { ("done_with_findings", 1) };
                (json!({ "outcome": word, "result": done.document }), Ok(done.text), code)
            }
            Err(error) => {
                let code = error.exit_code();
                let word = if code == 2 { "refused" } else { "failed" };
                (json!({ "outcome": word, "reason": error.to_string() }), Err(error.to_string()), code)
            }
        };
        match (is_json, text) {
            (true, _) => println!("{document:#}"),
            (false, Ok(text)) => println!("{text}"),
            (false, Err(text)) => eprintln!("zegel: {text}"),
        }
        ExitCode::from(code)
    }
}

impl CommandError {
    /// 2 where somebody judged and said no, 3 where nothing could be judged.
    fn exit_code(&self) -> u8 {
        match self {
            Self::Partly { reason, .. } => reason.exit_code(),
            Self::Source(source) => judged(source),
            Self::Export(export) => judged_by_export(export),
            Self::Case(case) => judged_by_case(case),
            Self::Reading(reading) => judged_by_reading(reading),
            Self::Disclosure(disclosure) => judged_by_disclosure(disclosure),
            Self::Load(LoadError::Source(source)) | Self::Rewrap(RewrapError::Source(source)) => judged(source),
            Self::Load(LoadError::Ledger(ledger)) | Self::Rewrap(RewrapError::Ledger(ledger)) => {
                judged_by_ledger(ledger)
            }
            Self::Load(LoadError::Refused { code: tonic::Code::Unavailable | tonic::Code::Unknown, .. }) => 3,
            Self::Load(LoadError::Refused { .. } | LoadError::Unproven { .. }) => 2,
            Self::Import(import) => judged_by_format(import.cause()),
            Self::Demo(DemoError::Unexpected { .. }) => 2,
            Self::Conversations { .. } | Self::Demo(_) => 3,
            Self::Copy(copy) => judged_by_copy(copy),
            Self::Purge(purge) => judged_by_purge(purge),
            Self::Officer(officer)
            | Self::Destroy(DestroyError::Officer(officer))
            | Self::Clearance(ClearanceError::Officer(officer))
            | Self::Permanent(PermanentError::Officer(officer)) => judged_by_officer(officer),
            Self::Clearance(ClearanceError::Source(source)) => judged(source),
            Self::Share(ShareError::Key(_) | ShareError::Disk(_) | ShareError::Entropy(_)) => 3,
            Self::Plan(
                PlanError::Place { .. }
                | PlanError::Unconfirmed { .. }
                | PlanError::UnknownGround { .. }
                | PlanError::Empty
                | PlanError::Cover(_),
            )
            | Self::Destroy(_)
            | Self::Clearance(_)
            | Self::Permanent(_)
            | Self::Cover(CoverError::Permanent { .. })
            | Self::Share(_)
            | Self::Rewrap(_)
            | Self::Sheet(SheetError::Place { .. } | SheetError::Twice { .. } | SheetError::Cell { .. })
            | Self::Receipt(_)
            | Self::Witness(WitnessError::Rollback { .. } | WitnessError::Fork { .. }) => 2,
            Self::Usage { .. }
            | Self::Disk(_)
            | Self::Name(_)
            | Self::Key(_)
            | Self::Cover(_)
            | Self::Plan(_)
            | Self::Desk(_)
            | Self::Sheet(_)
            | Self::Load(_)
            | Self::Witness(_)
            | Self::Signal { .. }
            | Self::Trust { .. }
            | Self::Input { .. }
            | Self::Unreadable { .. } => 3,
        }
    }
}

fn judged_by_export(export: &ExportError) -> u8 {
    match export {
        ExportError::Source(source) => judged(source),
        ExportError::Ledger(ledger) => judged_by_ledger(ledger),
        ExportError::Disk(_) | ExportError::Exists { .. } | ExportError::Zip { .. } => 3,
        _ => 2,
    }
}

fn judged_by_copy(copy: &CopyError) -> u8 {
    match copy {
        CopyError::Ledger(ledger) => judged_by_ledger(ledger),
        CopyError::Mirror(MirrorError::OtherHistory { .. } | MirrorError::OtherSize { .. })
        | CopyError::Shorter { .. } => 2,
        _ => 3,
    }
}

/// What the registry or an earlier act forbids was judged; a key or a file that is not there was not.
impl From<SelectionListError> for CommandError {
    fn from(reason: SelectionListError) -> Self {
        Self::Officer(reason.into())
    }
}

fn judged_by_officer(officer: &OfficerError) -> u8 {
    match officer {
        OfficerError::Source(source) => judged(source),
        OfficerError::NameTaken { .. }
        | OfficerError::LogKeyNotHeld { .. }
        | OfficerError::OverlapOpen { .. }
        | OfficerError::TooFewArchiveKeys { .. }
        | OfficerError::NotInUse { .. }
        | OfficerError::UnknownCode { .. }
        | OfficerError::UnknownTest { .. }
        | OfficerError::NothingSelected
        | OfficerError::PolicyValue { .. }
        | OfficerError::ListLacks { .. }
        | OfficerError::ListVersion { .. }
        | OfficerError::ListCode { .. }
        | OfficerError::OwnAct
        | OfficerError::SeveralActors { .. }
        | OfficerError::ClaimTooLate { .. }
        | OfficerError::UnknownAct { .. } => 2,
        OfficerError::Reading(reason) => judged_by_export(reason),
        _ => 3,
    }
}

/// A file that was read and is not what it must be was judged; one that could not be opened was not.
fn judged_by_format(import: &ImportError) -> u8 {
    use zegel_tools::{matrix::MatrixError, screenshots::ScreenshotError, signal::SignalError};
    match import {
        ImportError::Source(source) => judged(source),
        ImportError::Parse { .. } | ImportError::Event(_) => 2,
        ImportError::Signal(SignalError::Parcel(_) | SignalError::NoExport { .. } | SignalError::Chat { .. })
        | ImportError::Matrix(MatrixError::Parcel(_))
        | ImportError::Screenshots(ScreenshotError::Parcel(_)) => 3,
        ImportError::Signal(_) | ImportError::Matrix(_) | ImportError::Screenshots(_) => 2,
        _ => 3,
    }
}

/// A bundle that the verifier refuses was judged.
fn judged_by_reading(reading: &ReadingError) -> u8 {
    match reading {
        ReadingError::Refused(refusal) if refusal.id() != "UNREADABLE" => 2,
        _ => 3,
    }
}

/// A package for somebody else, or on grounds of another law, was judged.
fn judged_by_disclosure(disclosure: &DisclosureError) -> u8 {
    match disclosure {
        DisclosureError::Reading(reading) => judged_by_reading(reading),
        DisclosureError::Case(case) => judged_by_case(case),
        DisclosureError::OtherRecipient { .. }
        | DisclosureError::OtherCase { .. }
        | DisclosureError::OtherGround { .. } => 2,
        _ => 3,
    }
}

/// What stands in the way of a step was judged; a file that could not be opened was not.
fn judged_by_case(case: &CaseError) -> u8 {
    match case {
        CaseError::Source(source) => judged(source),
        CaseError::Disk(_) | CaseError::Key(_) | CaseError::Entropy(_) | CaseError::Malformed { .. } => 3,
        _ => 2,
    }
}

fn judged(source: &SourceError) -> u8 {
    match source {
        SourceError::Ledger(ledger) => judged_by_ledger(ledger),
        SourceError::Receipt { .. }
        | SourceError::Checkpoint(_)
        | SourceError::View(_)
        | SourceError::ChainDiffers { .. }
        | SourceError::Event(_)
        | SourceError::Seal(_) => 2,
        _ => 3,
    }
}

fn judged_by_purge(purge: &PurgeError) -> u8 {
    match purge {
        PurgeError::Source(source) => judged(source),
        PurgeError::Ledger(ledger) => judged_by_ledger(ledger),
        _ => 2,
    }
}

fn judged_by_ledger(ledger: &LedgerError) -> u8 {
    match ledger {
        LedgerError::Refused { .. } | LedgerError::Incomplete { .. } => 2,
        LedgerError::Unreachable { .. } | LedgerError::Address { .. } => 3,
    }
}
