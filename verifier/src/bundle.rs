//! Is this bundle good? One pass over the evidence, in bounded memory, with a reason for every refusal.
//!
//! Invariants:
//! - memory is bounded by one record, one hash per level of each tree that is walked, and the named maxima below; never by
//!   the number of events;
//! - everything is provisional until the end: sizes, keys and roots are claims until the checkpoint, the snapshot and the
//!   export statement have been verified, so [`verify`] gives a whole report or one refusal;
//! - every hash, every event and every file of the bundle is used exactly once, and nothing may be left over.
//!
//! Not here: file systems, zip files, clocks, terminals (the command's). Specification: `specs/bundle.md`.

mod admissions;
mod attachments;
mod authorship;
pub mod bag;
pub mod calendar;
mod captures;
pub mod custody;
mod digest;
mod endings;
mod events;
mod export;
pub mod findings;
mod framing;
pub mod grounds;
mod months;
pub mod names;
pub mod plain;
mod pool;
mod prepared;
mod redaction;
mod refusal;
pub mod report;
mod rows;
mod salts;
pub mod secured;
mod shut;
mod span;
pub mod splits;
mod walk;

pub use bag::BagError;
pub use findings::{Finding, Severity};
pub use framing::FramingError;
pub use pool::WORKERS_MAX;
pub use refusal::{AttachmentError, ManifestError, Place, Refusal, StatementError};
pub use report::{Claim, Report, Sentence, Status};

use crate::commit::ShownBody;
use crate::hash::{Hash, sha256};
use crate::kinds::EventFacts;
use crate::trust::Trust;
use bag::Bag;
use framing::{Chunk, PartReader};
use pool::{Pool, PreparedChunk};
use std::io::{self, Read};
use walk::Walk;
use zegel_proto::v1::{Binding, Scope};

/// The format that this verifier knows.
pub const FORMAT: &str = "zegel-evidence/v1";
/// Attachments of one bundle: their names are kept in memory, 32 bytes and a size each.
pub const ATTACHMENTS_MAX: usize = 262_144;
/// Files of one bundle: attachments, parts, and six of its own.
pub const FILES_MAX: usize = ATTACHMENTS_MAX + zegel_proto::limits::PARTS_MAX as usize + 6;
/// Captures (source × custodian × conversation) of one bundle: one counter each.
pub const CAPTURES_MAX: usize = 65_536;

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    /// Path below the bag's top folder, with `/` between its parts.
    pub path: String,
    /// Size in bytes, as the folder or archive states it: a claim, held against what is read.
    pub bytes: u64,
}

/// Where a bundle's bytes come from. The library opens no file itself.
pub trait BundleSource {
    /// All files, in any order; at most [`FILES_MAX`], or a refusal.
    ///
    /// # Errors
    /// [`Refusal::Unreadable`], or [`Refusal::Bag`] for what may not be in a bag at all (links, devices).
    fn files(&mut self) -> Result<Vec<BundleFile>, Refusal>;

    /// Opens a file that [`BundleSource::files`] listed, at its beginning.
    ///
    /// # Errors
    /// The source's own.
    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read + '_>>;
}

/// What the recipient ordered, and the bundle must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// The nonce that was sent along with the order.
    pub nonce: Option<String>,
    /// The snapshot must cover at least this many entries.
    pub min_entries: Option<u64>,
    /// The bundle must be about exactly this.
    pub scope: Option<Scope>,
}

/// One event as it passes: provisional until [`verify`] has given its report.
#[derive(Debug)]
pub struct ShownEvent<'a> {
    /// Where it stands.
    pub place: Place,
    /// The ledger's clock at its entry, milliseconds since 1970.
    pub received_at_ms: u64,
    /// Actor that submitted it.
    pub source: Hash,
    /// What its header says.
    pub facts: &'a EventFacts,
    /// Whether it belongs to the scope of the export (and not only to registry or records).
    pub in_scope: bool,
    /// What its body shows; `None` for public events and for those withheld as a whole.
    pub body: Option<(&'a Binding, &'a ShownBody)>,
}

/// Looks on while a bundle is verified.
///
/// Whatever it is given is **provisional**: a later record may refuse the whole bundle. Who shows events to people
/// verifies first, and shows in a second pass.
pub trait Observer {
    /// Bytes that were read since the last call.
    fn progress(&mut self, bytes: u64) {
        let _ = bytes;
    }

    /// An event of the bundle, in log order.
    fn event(&mut self, event: &ShownEvent<'_>) {
        let _ = event;
    }
}

/// Nobody looks on.
impl Observer for () {}

/// Verifies a bundle in the caller's thread alone.
///
/// # Errors
/// [`Refusal`]: the first reason found. [`Refusal::Unreadable`] is no verdict, all others are.
pub fn verify(
    source: &mut dyn BundleSource,
    trust: &Trust,
    demands: &Demands,
    observer: &mut dyn Observer,
) -> Result<Report, Refusal> {
    verify_on(0, source, trust, demands, observer)
}

/// Verifies a bundle with at most `workers` threads beside the caller's ([`WORKERS_MAX`] in any case). The outcome is the
/// same for every number. Source and observer are used in the caller's thread only.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(
    workers: usize,
    source: &mut dyn BundleSource,
    trust: &Trust,
    demands: &Demands,
    observer: &mut dyn Observer,
) -> Result<Report, Refusal> {
    let bag = Bag::open(source)?;
    let mut walk = Walk::new(trust, demands);
    let digests = pool::with_workers(workers, trust.origin(), |pool| {
        Reading { bag: &bag, walk: &mut walk, observer, pool, digests: Vec::new() }.read(source)
    })?;
    let mut outcome = walk.finish(&bag)?;
    let parts_sha256 = sha256(&digests.iter().map(|digest| &digest.0[..]).collect::<Vec<_>>());
    outcome.check_statement(&bag.statement(source)?, digests.len() as u32, parts_sha256)?;
    bag.check_attachments(workers, source, observer)?;
    Ok(report::write(outcome, parts_sha256))
}

/// Reads ahead, and walks behind.
struct Reading<'a, 'w, 'p> {
    bag: &'a Bag,
    walk: &'a mut Walk<'w>,
    observer: &'a mut dyn Observer,
    pool: &'a mut Pool<'p>,
    /// Of the parts that were walked; the bag lists each.
    digests: Vec<Hash>,
}

impl Reading<'_, '_, '_> {
    fn read(mut self, source: &mut dyn BundleSource) -> Result<Vec<Hash>, Refusal> {
        for number in 1..=self.bag.parts().len() as u32 {
            let input = source.open(&bag::part_path(number));
            let mut reader = input.map(|input| PartReader::new(number, input));
            loop {
                let chunk = match &mut reader {
                    Ok(reader) => reader.next_chunk(),
                    Err(reason) => Chunk::unreadable(number, reason),
                };
                let end = chunk.end.clone();
                self.pool.put(chunk);
                if self.pool.is_full() {
                    self.walk_next()?;
                }
                match end {
                    None => {}
                    Some(Ok(())) => break,
                    // Whatever follows is never walked.
                    Some(Err(_)) => return self.finish(),
                }
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Result<Vec<Hash>, Refusal> {
        while self.walk_next()? {}
        Ok(self.digests)
    }

    /// Walks the chunk that was read first; false if there is none.
    fn walk_next(&mut self) -> Result<bool, Refusal> {
        let Some(mut prepared) = self.pool.take() else {
            return Ok(false);
        };
        self.walk_chunk(&mut prepared)?;
        self.pool.give_back(prepared);
        Ok(true)
    }

    fn walk_chunk(&mut self, prepared: &mut PreparedChunk) -> Result<(), Refusal> {
        let chunk = &prepared.chunk;
        let part = chunk.part;
        self.observer.progress(chunk.bytes.len() as u64);
        for (record, prepared) in (chunk.first..).zip(&mut prepared.records) {
            match prepared {
                Ok(prepared) => self.walk.record(prepared, self.bag, self.observer)?,
                Err(reason) => return Err(Refusal::NotCanonical { part, record, reason: reason.clone() }),
            }
        }
        match &chunk.end {
            None => Ok(()),
            Some(Ok(())) => {
                let (bytes, digest) = self.pool.digest();
                self.bag.check_part(part, bytes, digest)?;
                self.digests.push(digest);
                Ok(())
            }
            Some(Err(FramingError::Unreadable(reason))) => {
                Err(Refusal::Unreadable { file: bag::part_path(part), reason: reason.clone() })
            }
            Some(Err(reason)) => {
                let record = chunk.first + chunk.records.len() as u64;
                Err(Refusal::Record { part, record, reason: reason.clone() })
            }
        }
    }
}
