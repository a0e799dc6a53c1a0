//! What was given to compare: which kind of thing each file is, and the checkpoint that it holds.

use super::Failure;
use crate::{EXIT_REFUSED, bundle_file, files};
use prost::Message;
use std::path::{Path, PathBuf};
use zegel_proto::limits::RECORD_BYTES_MAX;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::{AuditEntry, BatchStatement, Entry, EventHeader, EvidenceRecord, Receipt, SealedDigest};
use zegel_proto::v1::{entry, evidence_record::Record};
use zegel_verifier::bundle::{self, BundleSource};
use zegel_verifier::checkpoint::ClaimedCheckpoint;
use zegel_verifier::compare::{ForkProof, LogKeys, Seen, SeenError, Shown, ShownWalk};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, family};
use zegel_verifier::mirror::MirrorReader;
use zegel_verifier::trust::Trust;

/// Bytes of a note, a receipt or a fork proof.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(super) type Mirror = MirrorReader<files::MirrorFolder>;

/// A file or folder that was opened.
pub(super) enum Opened {
    Note(Vec<u8>),
    Receipt(Receipt),
    Bundle { note: Vec<u8>, registry: Vec<AuditEntry> },
    Mirror(Box<Mirror>),
    Proof(ForkProof),
}

/// What a checkpoint came in.
pub(super) enum Kind<'a> {
    Checkpoint,
    Receipt,
    /// With what the bundle at this path shows of its tree, once that is known.
    Bundle(PathBuf, Shown),
    /// The newest checkpoint of a mirror: its tiles reach so far.
    Mirror(&'a Mirror),
}

impl Kind<'_> {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Receipt => "receipt",
            Self::Bundle(..) => "bundle",
            Self::Mirror(_) => "mirror",
        }
    }
}

/// A checkpoint, verified, with where it came from.
pub(super) struct Given<'a> {
    pub(super) file: String,
    pub(super) kind: Kind<'a>,
    pub(super) seen: Seen,
}

/// Finds out what a path is.
pub(super) fn open(path: &Path, trust: &Trust) -> Result<Opened, Failure> {
    if path.join("mirror").is_file() {
        let mirror = MirrorReader::open(files::MirrorFolder::new(path), trust.origin());
        return mirror.map(|mirror| Opened::Mirror(Box::new(mirror))).map_err(|reason| Failure::mirror(None, &reason));
    }
    if path.is_dir() {
        return open_bundle(path);
    }
    let bytes = files::read_at_most(path, FILE_BYTES_MAX).map_err(|reason| Failure::unreadable(path, &reason))?;
    if bytes.starts_with(b"PK") {
        return open_bundle(path);
    }
    if ForkProof::is_one(&bytes) {
        return ForkProof::parse(&bytes).map(Opened::Proof).map_err(|reason| Failure::unreadable(path, &reason));
    }
    if ClaimedCheckpoint::parse(&bytes).is_ok() {
        return Ok(Opened::Note(bytes));
    }
    let receipt = Receipt::decode(bytes.as_slice()).ok().filter(|receipt| !receipt.checkpoint.is_empty());
    let unknown = "is no checkpoint, receipt, bundle, mirror or fork proof";
    receipt.map(Opened::Receipt).ok_or_else(|| Failure::unreadable(path, &unknown))
}

/// The note of a bundle, and the entries of its registry of which every event is public and shown. Whether the bundle is good
/// is asked by `verify`; here its checkpoint and its root's signatures speak for themselves.
fn open_bundle(path: &Path) -> Result<Opened, Failure> {
    let unreadable = |reason: &dyn std::fmt::Display| Failure::unreadable(path, reason);
    let mut source: Box<dyn BundleSource> = bundle_file::open(path).map_err(|reason| unreadable(&reason))?;
    let (mut note, mut registry, mut open) = (Vec::new(), Vec::new(), None::<AuditEntry>);
    let read = each_record(source.as_mut(), |record| match record {
        Record::Header(header) => note = header.checkpoint,
        Record::Entry(entry) => {
            open = Some(AuditEntry { index: entry.index, entry: entry.entry, ..AuditEntry::default() });
        }
        Record::Event(event) => open.iter_mut().for_each(|open| open.headers.push(event.header.clone())),
        Record::BatchEnd(_) => registry.extend(open.take().and_then(public_batch)),
        _ => {}
    });
    read.map_err(|reason| unreadable(&reason))?;
    Ok(Opened::Bundle { note, registry })
}

/// Hands on the records of a bundle, in their order.
fn each_record(source: &mut dyn BundleSource, mut take: impl FnMut(Record)) -> std::io::Result<()> {
    for number in 1.. {
        let Ok(mut input) = source.open(&bundle::bag::part_path(number)) else { break };
        while let Some(bytes) = next_record(&mut input)? {
            let record = EvidenceRecord::decode(bytes.as_slice()).map_err(std::io::Error::other)?;
            record.record.into_iter().for_each(&mut take);
        }
    }
    Ok(())
}

/// Reads each bundle again, now that it is known which sizes and entries the others have.
pub(super) fn look_closer(all: &mut [Given<'_>]) -> Result<(), Failure> {
    let sizes: Vec<u64> = all.iter().map(|given| given.seen.size()).collect();
    let indexes: Vec<u64> = all.iter().flat_map(|given| given.seen.indexes().collect::<Vec<_>>()).collect();
    for given in all {
        if let Kind::Bundle(path, shown) = &mut given.kind {
            *shown = shown_by(path, &given.seen, &sizes, &indexes)?;
            given.seen = given.seen.clone().showing(shown);
        }
    }
    Ok(())
}

/// What a bundle shows of its tree. Nothing, where that does not lead to its own checkpoint: that is `verify`'s to refuse.
fn shown_by(path: &Path, seen: &Seen, sizes: &[u64], indexes: &[u64]) -> Result<Shown, Failure> {
    let unreadable = |reason: &dyn std::fmt::Display| Failure::unreadable(path, reason);
    let mut source: Box<dyn BundleSource> = bundle_file::open(path).map_err(|reason| unreadable(&reason))?;
    let (mut walk, mut shown) = (Some(ShownWalk::new(seen, sizes, indexes)), None);
    let read = each_record(source.as_mut(), |record| match record {
        Record::Entry(entry) => {
            let took = walk.as_mut().zip(hashes(&entry.gap));
            let took = took.is_some_and(|(walk, gap)| walk.entry(entry.index, &gap, &entry.entry).is_ok());
            walk = walk.take().filter(|_| took);
        }
        Record::LogEnd(end) => {
            let ended = walk.take().zip(hashes(&end.gap));
            shown = ended.and_then(|(walk, gap)| walk.finish(&gap).ok());
        }
        _ => {}
    });
    read.map_err(|reason| unreadable(&reason))?;
    Ok(shown.unwrap_or_default())
}

fn hashes(gap: &[Vec<u8>]) -> Option<Vec<Hash>> {
    gap.iter().map(|bytes| Hash::read(bytes)).collect()
}

/// A length as a varint, then so many bytes.
fn next_record(input: &mut dyn std::io::Read) -> std::io::Result<Option<Vec<u8>>> {
    let (mut length, mut byte) = (0u64, [0]);
    for at in 0..10 {
        if input.read(&mut byte)? == 0 {
            return Ok(None);
        }
        length |= u64::from(byte[0] & 0x7f) << (7 * at);
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    let too_long = || std::io::Error::other("a record is longer than a record may be");
    let length = usize::try_from(length).ok().filter(|length| *length <= RECORD_BYTES_MAX).ok_or_else(too_long)?;
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// A batch whose events are all there and all of the registry: nothing lies sealed beside it.
fn public_batch(entry: AuditEntry) -> Option<AuditEntry> {
    let parsed = Entry::decode(entry.entry.as_slice()).ok()?;
    let Some(entry::Content::Batch(batch)) = parsed.content else { return None };
    let count = BatchStatement::decode(batch.statement.as_slice()).ok()?.count as usize;
    let is_whole = entry.headers.len() == count && entry.headers.iter().all(|header| is_registry(header));
    is_whole.then(|| AuditEntry { sealed: vec![SealedDigest::default(); count], ..entry })
}

fn is_registry(header: &[u8]) -> bool {
    let header = EventHeader::decode(header).ok();
    header.is_some_and(|header| {
        family(header.kind()) == Family::Registry && matches!(header.content, Some(Content::Public(_)))
    })
}

/// The keys of the log: the pinned one, or those that a registry names. The first mirror or bundle that tells them is enough:
/// what the root signed is the same for everyone.
pub(super) fn log_keys(trust: &Trust, opened: &[(&Path, Opened)]) -> Result<LogKeys, Failure> {
    if trust.log_key().is_some() {
        return Ok(LogKeys::pinned(trust));
    }
    let mut most = LogKeys::default();
    for (path, opened) in opened {
        let registry = match opened {
            Opened::Bundle { registry, .. } => registry.clone(),
            Opened::Mirror(mirror) => registry_of(mirror)?,
            _ => continue,
        };
        let keys = LogKeys::of_registry(trust, registry).map_err(|reason| {
            let (path, nl) = (path.display(), "het register erin houdt geen stand onder de wortelsleutel");
            Failure::new(EXIT_REFUSED, "REGISTRY", format!("{path}: {nl} ({reason})"), format!("{path}: {reason}"))
        })?;
        if keys.len() > most.len() {
            most = keys;
        }
    }
    if most.is_empty() { Err(Failure::unreadable(Path::new("trust"), &SeenError::NoLogKey)) } else { Ok(most) }
}

/// The entries of a mirror whose events are all of the registry.
fn registry_of(mirror: &Mirror) -> Result<Vec<AuditEntry>, Failure> {
    let mut registry = Vec::new();
    for entry in mirror.entries(0) {
        let entry = entry.map_err(|reason| Failure::mirror(None, &reason))?;
        if !entry.headers.is_empty() && entry.headers.iter().all(|header| is_registry(header)) {
            registry.push(entry);
        }
    }
    Ok(registry)
}

/// The checkpoints that something holds, verified.
pub(super) fn seen<'a>(
    path: &Path,
    opened: &'a Opened,
    keys: &LogKeys,
    origin: &str,
) -> Result<Vec<Given<'a>>, Failure> {
    let refused = |reason: SeenError| {
        let path = path.display();
        let nl = "geen controlepunt onder een sleutel van dit logboek";
        Failure::new(EXIT_REFUSED, "CHECKPOINT", format!("{path}: {nl} ({reason})"), format!("{path}: {reason}"))
    };
    let given = |kind, seen| Given { file: path.display().to_string(), kind, seen };
    Ok(match opened {
        Opened::Note(note) => vec![given(Kind::Checkpoint, Seen::note(keys, origin, note).map_err(refused)?)],
        Opened::Bundle { note, .. } => {
            let kind = Kind::Bundle(path.to_owned(), Shown::default());
            vec![given(kind, Seen::note(keys, origin, note).map_err(refused)?)]
        }
        Opened::Receipt(receipt) => {
            vec![given(Kind::Receipt, Seen::receipt(keys, origin, receipt).map_err(refused)?)]
        }
        Opened::Mirror(mirror) => {
            let broken = |reason| Failure::mirror(None, &reason);
            let mut all = Vec::new();
            for note in mirror.checkpoints().map_err(broken)? {
                all.push(given(Kind::Checkpoint, Seen::note(keys, origin, &note).map_err(refused)?));
            }
            if let Some(note) = mirror.checkpoint().map_err(broken)? {
                all.push(given(Kind::Mirror(mirror), Seen::note(keys, origin, &note).map_err(refused)?));
            }
            all
        }
        Opened::Proof(_) => Err(Failure::unreadable(path, &"a fork proof is checked by itself, without other files"))?,
    })
}
