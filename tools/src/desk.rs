//! The officer's desk: a local page on which the officer's work is done. The keys never leave this process.
//!
//! Invariants: it listens on the loopback interface only; it opens with a token that is used once and becomes a cookie which scripts cannot read;
//! a request from another site, or under another name of this machine, is refused; what a chat says reaches the page as text and never as
//! markup. Every act is the same act as that of the command. Not here: the acts (`officer`), readings (`reading`). Specification: `specs/officer.md`.

mod approvals;
mod cases;
mod devices;
mod ends;
mod http;
mod shown;
mod words;
mod work;

pub use http::serve;
pub use work::Work;

use crate::case::CaseError;
use crate::clearance::ClearanceError;
use crate::destroy::DestroyError;
use crate::disclose::DisclosureError;
use crate::disk::DiskError;
use crate::documents::ReadingError;
use crate::entropy::EntropyError;
use crate::export::ExportError;
use crate::keys::KeyError;
use crate::officer::OfficerError;
use crate::permanent::PermanentError;
use crate::plan::PlanError;
use crate::source::SourceError;
use std::io;
use std::net::SocketAddr;
use thiserror::Error;

/// Why the desk does not open, or does not do what was asked.
#[derive(Debug, Error)]
pub enum DeskError {
    /// An address that others can reach.
    #[error("{address} is not on the loopback interface: a desk is for this machine only")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The port.
    #[error("{address} cannot be listened on: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        reason: io::Error,
    },
    /// A request that asks for nothing that there is.
    #[error("{field} is missing, or is not what it must be")]
    Request {
        /// The field.
        field: &'static str,
    },
    /// The second pair of eyes has no key here.
    #[error("the approver's key is not on this machine: {reason}")]
    NoApprover {
        /// What is wrong with it.
        reason: KeyError,
    },
    /// Who proposed approves.
    #[error("{person} proposed this himself: somebody else approves")]
    SamePerson {
        /// His name.
        person: String,
    },
    /// Nobody looked.
    #[error("it was not looked at under this name: nothing is approved unseen")]
    NotSeen,
    /// It is another thing now.
    #[error("it has changed since it was looked at: look again")]
    Changed,
    /// A bundle that was made in another place.
    #[error("the bundle of this export does not lie on this desk: make it again")]
    Elsewhere,
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An act.
    #[error(transparent)]
    Officer(#[from] OfficerError),
    /// A reading.
    #[error(transparent)]
    Reading(#[from] ExportError),
    /// The approver's chain.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A case.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// A time zone, or a bundle.
    #[error(transparent)]
    Bundle(#[from] ReadingError),
    /// A destruction.
    #[error(transparent)]
    Destroy(#[from] DestroyError),
    /// A permanent redaction.
    #[error(transparent)]
    Permanent(#[from] PermanentError),
    /// A clearance of a device.
    #[error(transparent)]
    Clearance(#[from] ClearanceError),
    /// A disclosure.
    #[error(transparent)]
    Disclosure(#[from] DisclosureError),
}
