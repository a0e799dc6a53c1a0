//! Disclosure: a verified bundle as people know it, a redacted PDF a document and the lists that go with it.
//!
//! Invariants:
//! - a package is made of one verified bundle, for its recipient and no other; it appears whole or not at all;
//! - the log is told, with the digest of what goes, before anything stands where it can be taken from;
//! - what is covered is not in any file: neither its words nor its length;
//! - whatever a stranger wrote is shown as what it is: it turns no line, starts no formula, and names no file.
//!
//! Not here: what may be disclosed (`case`), what a bundle is (the verifier). Specification: `specs/disclosure.md`.

mod act;
mod cell;
mod declaration;
pub(crate) mod files;
mod font;
mod inventory;
mod layout;
mod order;
mod package;
mod pdf;
mod picture;
mod sheet;
mod wording;

pub use act::{Left, Order, send};
pub use cell::cell;
pub use declaration::declaration;
pub use inventory::{inventory, production_report};
pub use package::{Content, Packed, Wanted, pack};
pub use sheet::{Bundle, Printer};
pub use wording::{Regime, assessment};

use crate::case::CaseError;
use crate::disk::DiskError;
use crate::documents::ReadingError;
use thiserror::Error;

/// Why nothing was disclosed.
#[derive(Debug, Error)]
pub enum DisclosureError {
    /// The bundle.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// The case: what stands in the way, or submitting.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file of the package.
    #[error("the package could not be written: {0}")]
    Io(#[from] std::io::Error),
    /// The target is there.
    #[error("{path} is there already, and is never overwritten")]
    Exists {
        /// The target.
        path: String,
    },
    /// A font of our own cannot be read.
    #[error("the font {name} cannot be used")]
    Font {
        /// Its file.
        name: &'static str,
    },
    /// A page of no size.
    #[error("a page of this size cannot be made")]
    Page,
    /// The PDF is not what PDF/A-2a wants.
    #[error("the PDF could not be made: {reason}")]
    Pdf {
        /// What is not allowed.
        reason: String,
    },
    /// A list could not be written.
    #[error("a list could not be written: {0}")]
    List(#[from] csv::Error),
    /// The bundle was made for somebody else.
    #[error(
        "the bundle was made for {found:?}, and the case discloses to {wanted:?}: each recipient has a bundle of his own"
    )]
    OtherRecipient {
        /// In the bundle.
        found: String,
        /// Asked for.
        wanted: String,
    },
    /// The bundle belongs to another case.
    #[error("the bundle was made in case {found:?}, not in {wanted:?}")]
    OtherCase {
        /// In the bundle.
        found: String,
        /// Asked for.
        wanted: String,
    },
    /// Covered on a ground that this regime does not know.
    #[error("document {document} is covered on {ground:?}, which is no ground under the regime {regime}")]
    OtherGround {
        /// Number of the document.
        document: usize,
        /// The code.
        ground: String,
        /// The regime.
        regime: &'static str,
    },
}
