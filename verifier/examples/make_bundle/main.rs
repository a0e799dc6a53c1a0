//! Writes a large, good bundle: what the speed and the memory of the verifier are measured with.
//!
//! Deterministic, with keys of its own and no ledger; streamed to a folder, so that it makes two million events in little
//! memory. What is not shown lies under made-up gap hashes: a verifier cannot tell them from real ones.
//!
//!     cargo run --release --example make_bundle -- --events 10000 --shape disclosed --out DIR
//!     zegel-verifier verify DIR/bundle --trust DIR/trust.txt
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it writes the files and prints where they are")]

#[path = "../../tests/maker/mod.rs"]
mod maker;
mod parts;

use clap::{Parser, ValueEnum};
use maker::*;
use parts::Parts;
use prost::Message;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use zegel_proto::v1::{evidence_record::Record, *};
use zegel_verifier::batch::event_leaf;
use zegel_verifier::bundle;
use zegel_verifier::checkpoint;
use zegel_verifier::hash::{Hash, log_leaf, sha256};
use zegel_verifier::kinds::{EventFacts, StreamMonth};
use zegel_verifier::snapshot::{row_leaf, stream_leaf};
use zegel_verifier::tree::{Frontier, SubsetWalk, gap_subtrees};

/// Shown events of a batch, where all of it is shown.
const BATCH: usize = 64;
/// Events of a batch of which one is shown, and entries from one such batch to the next.
const SPARSE: (u64, u64) = (256, 3);
/// Conversations of the custodian whose bundle this is.
const CONVERSATIONS: u64 = 64;
/// Items of one part of the manifest, and parts in one batch.
const MANIFEST: (usize, usize) = (1_024, 16);
/// Ids in the snapshot, of which three rows are shown.
const IDS: u64 = 1_000;
/// Entries after the snapshot.
const TAIL: u64 = 5;
const WORDS: [&str; 20] = [
    "de",
    "minister",
    "vraagt",
    "of",
    "het",
    "stuk",
    "vanavond",
    "nog",
    "naar",
    "kamer",
    "kan",
    "graag",
    "voor",
    "acht",
    "uur",
    "reactie",
    "van",
    "afdeling",
    "juridisch",
    "erbij",
];

/// What a bundle shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Every message whole, 64 in a batch.
    Disclosed,
    /// Every message as its header alone, 64 in a batch, all listed in a manifest.
    Withheld,
    /// Every message whole, one in a batch of 256, and two of three entries not shown.
    Sparse,
}

#[derive(Parser)]
struct Asked {
    /// Messages in the bundle.
    #[arg(long)]
    events: u64,
    #[arg(long, value_enum)]
    shape: Shape,
    /// An empty folder, or one that is to be made.
    #[arg(long)]
    out: PathBuf,
}

/// A bundle that is being written.
struct Maker {
    log: Log,
    parts: Parts,
    shape: Shape,
    walk: SubsetWalk,
    size: u64,
    months: BTreeMap<StreamMonth, Frontier>,
    /// Messages that are withheld, for the manifest.
    withheld: Vec<(u64, u32)>,
    made_up: u64,
}

impl Maker {
    fn new(events: u64, shape: Shape, folder: &Path) -> Self {
        let mut log = Log::new(ORIGIN);
        log.register();
        let batches = match shape {
            Shape::Sparse => events * SPARSE.1,
            _ => events.div_ceil(BATCH as u64),
        };
        let manifests = if shape == Shape::Withheld { events.div_ceil((MANIFEST.0 * MANIFEST.1) as u64) } else { 0 };
        let size = log.entries.len() as u64 + batches + manifests + 2 + TAIL;
        let (parts, walk) = (Parts::new(folder), SubsetWalk::new(size));
        Self { log, parts, shape, walk, size, months: BTreeMap::new(), withheld: vec![], made_up: 0 }
    }

    /// Hashes for what is not shown.
    fn gap(&mut self, from: u64, to: u64) -> Vec<Vec<u8>> {
        let mut next = || {
            self.made_up += 1;
            sha256(&[b"made up", &self.made_up.to_be_bytes()]).to_vec()
        };
        gap_subtrees(from, to).map(|_| next()).collect()
    }

    fn entry(&mut self, index: u64, made: &Made) -> io::Result<()> {
        let gap = self.gap(self.walk.position(), index);
        let entry = made.bytes();
        self.walk.leaf(index, &hashes(&gap), log_leaf(&entry)).map_err(io::Error::other)?;
        self.parts.push(Record::Entry(EvidenceEntry { gap, index, entry }))
    }

    /// Writes the batch that the log has just made, and takes it from the log.
    fn batch(&mut self, index: u64, places: &[(u32, Vec<Vec<u8>>)], rest: Vec<Vec<u8>>) -> io::Result<()> {
        let made = self.log.entries.pop().ok_or(io::ErrorKind::UnexpectedEof)?;
        self.entry(index, &made)?;
        for ((position, gap), event) in places.iter().zip(made.events) {
            self.event(index, *position, gap.clone(), event)?;
        }
        self.parts.push(Record::BatchEnd(EvidenceBatchEnd { gap: rest }))
    }

    fn event(&mut self, entry: u64, position: u32, gap: Vec<Vec<u8>>, event: Event) -> io::Result<()> {
        let header = event.header.encode_to_vec();
        let leaf = stream_leaf(entry, position, event_leaf(&header));
        let facts = EventFacts::read(&event.header).map_err(io::Error::other)?;
        for stream in facts.streams().filter(is_wanted) {
            self.months.entry(stream).or_default().push(leaf);
        }
        let is_withheld = self.shape == Shape::Withheld && facts.kind == EventKind::MessageCreated;
        if is_withheld {
            self.withheld.push((entry, position));
        }
        let body = event.body.filter(|_| !is_withheld).map(evidence_event::Body::Opened);
        self.parts.push(Record::Event(EvidenceEvent { gap, position, header, body }))
    }

    /// A batch of which every event is shown.
    fn whole(&mut self, who: Who, events: Vec<Event>) -> io::Result<()> {
        let places: Vec<(u32, Vec<Vec<u8>>)> = (0..events.len() as u32).map(|position| (position, vec![])).collect();
        self.log.batch(who, events);
        self.batch(self.walk.position(), &places, vec![])
    }

    /// A batch of which one event is shown, after entries that are not.
    fn sparse(&mut self, event: Event) -> io::Result<()> {
        let (count, stride) = SPARSE;
        let index = self.walk.position() + stride - 1;
        let position = index * 7 % count;
        let (before, after) = (self.gap(0, position), self.gap(position + 1, count));
        let mut walk = SubsetWalk::new(count);
        let leaf = event_leaf(&event.header.encode_to_vec());
        walk.leaf(position, &hashes(&before), leaf).map_err(io::Error::other)?;
        let root = walk.finish(&hashes(&after)).map_err(io::Error::other)?;
        self.log.batch_by(Who::Source, vec![event], |statement| {
            statement.count = count as u32;
            statement.events_root = root.to_vec();
        });
        self.batch(index, &[(position as u32, before)], after)
    }

    fn opening(&mut self) -> io::Result<()> {
        let opening = std::mem::take(&mut self.log.entries);
        for (index, made) in (0u64..).zip(opening) {
            let places: Vec<(u32, Vec<Vec<u8>>)> = (0..made.events.len() as u32).map(|at| (at, vec![])).collect();
            self.log.entries.push(made);
            self.batch(index, &places, vec![])?;
        }
        Ok(())
    }

    fn message(&mut self, number: u64, of: u64) -> Event {
        let conversation = match number % CONVERSATIONS {
            0 => CONVERSATION,
            1 => OTHER_CONVERSATION,
            other => sha256(&[b"conversation", &other.to_be_bytes()]),
        };
        let words: Vec<&str> = (0..16).map(|word| WORDS[(number * 3 + word * 7) as usize % WORDS.len()]).collect();
        let source = self.log.source.id;
        let seq = self.log.seq(source, conversation);
        let at_ms = MAY + (u128::from(number) * u128::from(365 * DAY) / u128::from(of)) as u64;
        self.log.message_of(source, conversation, seq, at_ms, &words.join(" "), vec![])
    }

    fn messages(&mut self, count: u64) -> io::Result<()> {
        let mut batch = Vec::with_capacity(BATCH);
        for number in 0..count {
            let event = self.message(number, count);
            if self.shape == Shape::Sparse {
                self.sparse(event)?;
                continue;
            }
            batch.push(event);
            if batch.len() == BATCH || number + 1 == count {
                self.whole(Who::Source, std::mem::take(&mut batch))?;
            }
        }
        Ok(())
    }

    fn manifest(&mut self) -> io::Result<()> {
        let withheld = std::mem::take(&mut self.withheld);
        let parts = withheld.len().div_ceil(MANIFEST.0) as u32;
        let mut events = Vec::new();
        for (part, units) in (0..).zip(withheld.chunks(MANIFEST.0)) {
            let subject =
                RedactionSubject { manifest: maker::MANIFEST.to_vec(), part, parts, decision: "besluit 1".into() };
            let item = |(entry, position): &(u64, u32)| RedactionItem {
                entry: *entry,
                position: *position,
                grounds: vec!["5.1.2e".into()],
                ..RedactionItem::default()
            };
            let items = units.iter().map(|unit| item(unit).encode_to_vec()).collect();
            events.push(self.log.record(EventKind::RedactionManifest, subject.encode_to_vec(), items));
            if events.len() == MANIFEST.1 || part + 1 == parts {
                self.whole(Who::Officer, std::mem::take(&mut events))?;
            }
        }
        Ok(())
    }

    /// The export, the snapshot, the end of the log and the rows.
    fn ending(&mut self) -> io::Result<(u64, u64, Vec<u8>)> {
        let export_entry = self.walk.position();
        let manifest = if self.shape == Shape::Withheld { maker::MANIFEST.to_vec() } else { vec![] };
        let subject = ExportSubject {
            export: EXPORT.to_vec(),
            case: "zaak 1".into(),
            scope: Some(scope()),
            recipient: "enquêtecommissie".into(),
            nonce: "kenmerk-1".into(),
            manifest,
        };
        let event = self.log.record(EventKind::ExportCreated, subject.encode_to_vec(), vec![]);
        self.whole(Who::Officer, vec![event])?;
        let snapshot_entry = self.walk.position();
        let (rows, root) = self.rows()?;
        let snapshot = IndexSnapshot { covers: snapshot_entry, ids: IDS, root: root.to_vec() };
        self.log.push(entry::Content::Snapshot(snapshot), vec![]);
        let made = self.log.entries.pop().ok_or(io::ErrorKind::UnexpectedEof)?;
        self.entry(snapshot_entry, &made)?;
        let gap = self.gap(self.walk.position(), self.size);
        let root = self.walk.clone().finish(&hashes(&gap)).map_err(io::Error::other)?;
        self.parts.push(Record::LogEnd(EvidenceLogEnd { gap }))?;
        rows.into_iter().try_for_each(|row| self.parts.push(row))?;
        let text = checkpoint::print(&self.log.origin, self.size, root);
        let note = sign_note(&text, &self.log.origin, &self.log.log_key, Some(&self.log.witness));
        Ok((export_entry, snapshot_entry, note))
    }

    /// The three rows among rows that are not shown, and the root over all.
    fn rows(&mut self) -> io::Result<(Vec<Record>, Hash)> {
        let mut rows: BTreeMap<(StreamType, Hash), Vec<Month>> = BTreeMap::new();
        for (stream, frontier) in &self.months {
            let month = Month { month: stream.month, count: frontier.size(), root: frontier.root().to_vec() };
            rows.entry((stream.stream, stream.id)).or_default().push(month);
        }
        let mut walk = SubsetWalk::new(IDS);
        let mut records = Vec::new();
        for ((stream, id), months) in rows {
            let index = if stream == StreamType::StreamCustodian { IDS / 3 } else { walk.position() + 7 };
            let gap = self.gap(walk.position(), index);
            walk.leaf(index, &hashes(&gap), row_leaf(stream, id, &months)).map_err(io::Error::other)?;
            let row = EvidenceRow { gap, index, stream: stream as i32, id: id.to_vec(), months };
            records.push(Record::Row(row));
        }
        let gap = self.gap(walk.position(), IDS);
        let root = walk.finish(&hashes(&gap)).map_err(io::Error::other)?;
        records.push(Record::RowsEnd(EvidenceRowsEnd { gap }));
        Ok((records, root))
    }

    fn write(mut self, events: u64) -> io::Result<()> {
        self.opening()?;
        self.messages(events)?;
        self.manifest()?;
        let (export_entry, snapshot_entry, checkpoint) = self.ending()?;
        self.parts.close()?;
        self.parts.header(EvidenceHeader {
            format: bundle::FORMAT.into(),
            origin: self.log.origin.clone(),
            scope: Some(scope()),
            export_entry,
            export_position: 0,
            snapshot_entry,
            checkpoint,
        })?;
        self.bag()
    }

    fn bag(self) -> io::Result<()> {
        let digests: Vec<u8> = self.parts.digests.iter().flat_map(|digest| digest.0).collect();
        let mut packed = Bundle {
            parts: vec![],
            statement: vec![],
            attachments: BTreeMap::new(),
            origin: self.log.origin.clone(),
            signer: self.log.officer.key.clone(),
        };
        packed.sign_statement(&ExportStatement {
            origin: self.log.origin.clone(),
            export: EXPORT.to_vec(),
            key: self.log.officer.public(),
            parts: self.parts.digests.len() as u32,
            parts_sha256: sha256(&[&digests]).to_vec(),
            created_at_ms: MAY,
        });
        self.parts.bag(&packed.statement)
    }
}

fn is_wanted(stream: &StreamMonth) -> bool {
    let fixed = matches!(stream.stream, StreamType::StreamRegistry | StreamType::StreamRecords);
    fixed || (stream.stream == StreamType::StreamCustodian && stream.id == CUSTODIAN)
}

fn scope() -> Scope {
    Scope { stream: StreamType::StreamCustodian as i32, id: CUSTODIAN.to_vec(), from_month: 0, to_month: 0 }
}

fn hashes(gap: &[Vec<u8>]) -> Vec<Hash> {
    gap.iter().filter_map(|bytes| Hash::read(bytes)).collect()
}

fn main() -> io::Result<()> {
    let asked = Asked::parse();
    let (bundle, trust) = (asked.out.join("bundle"), asked.out.join("trust.txt"));
    fs::create_dir_all(bundle.join("data"))?;
    let maker = Maker::new(asked.events, asked.shape, &bundle);
    fs::write(&trust, maker.log.trust())?;
    maker.write(asked.events)?;
    println!("{}\n{}", trust.display(), bundle.display());
    Ok(())
}
