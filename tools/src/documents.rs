//! What a verified bundle says, as documents: one conversation on one day, in the order in which people wrote; a message that was read
//! from several phones once, with who has it.
//!
//! Invariants:
//! - nothing is read before the bundle has been verified; the second pass must meet the bundle that the first one judged;
//! - a covered part has no content here: only its grounds, and neighbours of one ground are one part;
//! - memory holds an index of the lines and one document; the lines are on disk, in a file without a name.
//!
//! Not here: how documents look (`disclose`), how archives want them (`handover`). Specification: `specs/disclosure.md`.

mod attachments;
#[path = "../../verifier/src/main/bundle_file.rs"]
mod bundle_file;
mod copies;
mod day;
mod document;
mod line;
mod spool;

pub use attachments::Attachments;
pub use day::{Day, Exact, Zone};
pub use document::{Assessment, Document};
pub use line::{Attached, Line, Part};

use crate::disk::{self, DiskError};
use copies::AllCopies;
use line::Desk;
use spool::Spool;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;
use thiserror::Error;
use zegel_proto::v1::{Scope, StreamType};
use zegel_verifier::bundle::grounds::Grounds;
use zegel_verifier::bundle::{Demands, Observer, Refusal, Report, ShownEvent, verify};
use zegel_verifier::hash::Hash;
use zegel_verifier::trust::{Trust, TrustError};

/// Why a bundle was not read.
#[derive(Debug, Error)]
pub enum ReadingError {
    /// The verifier says no.
    #[error("the bundle is not good: {0}")]
    Refused(Box<Refusal>),
    /// The trust file.
    #[error("{path}: {reason}")]
    Trust {
        /// The file.
        path: String,
        /// Why not.
        reason: TrustError,
    },
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Lines could not be put on disk or read back.
    #[error("the lines could not be kept on disk: {0}")]
    Spool(#[from] io::Error),
    /// Not a time zone.
    #[error("{found:?} is not a time zone: wanted a name such as Europe/Amsterdam")]
    Zone {
        /// As given.
        found: String,
    },
    /// Two passes over one bundle, two bundles.
    #[error("the bundle changed while it was read")]
    Changed,
}

/// A bundle that was verified, and its documents.
#[derive(Debug)]
pub struct Reading {
    report: Report,
    scope: Scope,
    documents: Vec<Document>,
    spool: Spool,
}

/// First pass: the grounds, which are logged after what they cover, and what can have a copy.
struct Gather {
    grounds: Grounds,
    copies: copies::Gather,
}

impl Observer for Gather {
    fn event(&mut self, event: &ShownEvent<'_>) {
        self.grounds.event(event);
        self.copies.holders.event(event);
        let desk = Desk { grounds: &Grounds::default(), names: &BTreeMap::new() };
        if let Some(line) = desk.line(event) {
            self.copies.line(event, &line);
        }
    }
}

/// Second pass: lines.
struct Lines<'a> {
    desk: Desk<'a>,
    origin: &'a str,
    copies: AllCopies,
    zone: &'a Zone,
    spool: &'a mut Spool,
    written: io::Result<()>,
}

impl Observer for Lines<'_> {
    fn event(&mut self, event: &ShownEvent<'_>) {
        if self.written.is_ok()
            && let Some(mut line) = self.desk.line(event)
        {
            let copies = self.copies.of(self.origin, event.place);
            if copies.is_told {
                return;
            }
            line.also = copies.also.iter().map(|id| self.desk.named(*id)).collect();
            line.differs = copies.differs.iter().map(|id| self.desk.named(*id)).collect();
            let conversation = event.facts.conversation.unwrap_or(Hash::ZERO);
            let day = self.zone.day(&line, event.facts.month);
            self.written = self.spool.push(conversation, day, &line);
        }
    }
}

/// Verifies a bundle under a trust file, and tells what the verifier says.
///
/// # Errors
/// [`ReadingError`].
pub fn verified(bundle: &Path, trust: &Path) -> Result<Report, ReadingError> {
    pass(bundle, &trusted(trust)?, &mut ())
}

fn trusted(trust: &Path) -> Result<Trust, ReadingError> {
    let malformed = |reason| ReadingError::Trust { path: trust.display().to_string(), reason };
    Trust::parse(&disk::read(trust)?).map_err(malformed)
}

impl Reading {
    /// Verifies a bundle and reads it. Lines wait in a nameless file in `folder`.
    ///
    /// # Errors
    /// [`ReadingError`].
    pub fn open(bundle: &Path, trust: &Path, zone: &Zone, folder: &Path) -> Result<Self, ReadingError> {
        let trust = trusted(trust)?;
        let mut gather = Gather { grounds: Grounds::default(), copies: copies::Gather::default() };
        gather.copies.holders.begin(0, trust.origin());
        let report = pass(bundle, &trust, &mut gather)?;
        let names: BTreeMap<String, String> = report.names.clone();
        let mut spool = Spool::create(folder)?;
        let desk = Desk { grounds: &gather.grounds, names: &names };
        let (origin, copies) = (trust.origin(), gather.copies.compare(trust.origin()));
        let mut lines = Lines { desk, origin, copies, zone, spool: &mut spool, written: Ok(()) };
        let again = pass(bundle, &trust, &mut lines)?;
        lines.written?;
        if again.export.parts_sha256 != report.export.parts_sha256 {
            return Err(ReadingError::Changed);
        }
        let documents = document::cut(&mut spool, &names)?;
        Ok(Self { scope: scope(&report), report, documents, spool })
    }

    /// What the verifier said.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What the bundle is about.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// All documents, by conversation and day; their numbers ascend from 1.
    #[must_use]
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// A file of a bundle that has been verified, if it is there. `sha256` is as lines have it.
    ///
    /// # Errors
    /// [`ReadingError::Refused`] if the bundle cannot be opened, [`ReadingError::Spool`] if the file cannot.
    pub fn attachment(bundle: &Path, sha256: &str) -> Result<Option<File>, ReadingError> {
        let path = format!("data/attachments/{sha256}");
        let mut source = bundle_file::open(bundle).map_err(|refusal| ReadingError::Refused(Box::new(refusal)))?;
        let listed = source.files().map_err(|refusal| ReadingError::Refused(Box::new(refusal)))?;
        if !listed.iter().any(|file| file.path == path) {
            return Ok(None);
        }
        let mut kept = tempfile::tempfile()?;
        io::copy(&mut source.open(&path)?, &mut kept)?;
        kept.seek(SeekFrom::Start(0))?;
        Ok(Some(kept))
    }

    /// The lines of a document.
    ///
    /// # Errors
    /// [`ReadingError::Spool`].
    pub fn lines(&mut self, document: &Document) -> Result<Vec<Line>, ReadingError> {
        Ok(document.lines().map(|number| self.spool.line(number)).collect::<io::Result<_>>()?)
    }
}

fn pass(bundle: &Path, trust: &Trust, observer: &mut dyn Observer) -> Result<Report, ReadingError> {
    let refused = |refusal| ReadingError::Refused(Box::new(refusal));
    let mut source = bundle_file::open(bundle).map_err(refused)?;
    verify(source.as_mut(), trust, &Demands::default(), observer).map_err(refused)
}

fn scope(report: &Report) -> Scope {
    let stream = match report.scope.stream {
        "conversation" => StreamType::StreamConversation,
        _ => StreamType::StreamCustodian,
    };
    let id = crate::hex::parse(&report.scope.id).unwrap_or(Hash::ZERO).to_vec();
    Scope { stream: stream as i32, id, from_month: report.scope.from_month, to_month: report.scope.to_month }
}
