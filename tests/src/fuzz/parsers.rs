//! The parsers of the verifier and of the message formats, as one function of bytes each. What a parser accepts must print back the
//! same; what it refuses it refuses with a reason, and nothing makes it panic. Those of the importers are `importers`.
//!
//! Two hunters drive them: the loop of this crate, which any toolchain runs (`hunt`), and libFuzzer with coverage and
//! AddressSanitizer (`tests/fuzz`), which includes this very file. Both start from the same seeds and the same corpus.

use prost::Message;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use zegel_proto::v1::{self, event_header::Content};
use zegel_proto::view::{BodyView, EventView, HeaderView};
use zegel_proto::{Grammar, parse, print};
use zegel_verifier::audit::{Auditor, examine};
use zegel_verifier::batch::{VerifiedStatement, event_leaves, sealed_root};
use zegel_verifier::bundle::{BundleFile, BundleSource, Demands, Refusal, verify};
use zegel_verifier::checkpoint::ClaimedCheckpoint;
use zegel_verifier::compare::ForkProof;
use zegel_verifier::erasure::Erasure;
use zegel_verifier::hash::{log_leaf, sha256};
use zegel_verifier::kinds::EventFacts;
use zegel_verifier::mirror::{Folder, FolderMut, MirrorReader, MirrorWriter};
use zegel_verifier::note::{Note, VerifierKey};
use zegel_verifier::proof::TlogProof;
use zegel_verifier::trust::Trust;
use zegel_verifier::witness::AddCheckpoint;

/// A parser, by the name of its corpus.
#[derive(Clone, Copy)]
pub struct Parser {
    /// Name of its folder in `tests/corpus`.
    pub name: &'static str,
    /// Tries an input.
    pub run: fn(&[u8]),
    /// Inputs from which to start.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// How many inputs the loop tries in every test run.
    pub inputs: u64,
}

/// Those of the verifier and of the message formats, and what a ledger does before it looks at what it holds.
pub const OF_VERIFIER: [Parser; 5] = [
    Parser { name: "messages", run: messages, seeds: message_seeds, inputs: 30_000 },
    Parser { name: "notes", run: notes, seeds: note_seeds, inputs: 30_000 },
    Parser { name: "admission", run: admission, seeds: admission_seeds, inputs: 3_000 },
    Parser { name: "bundle", run: bundle, seeds: bundle_seeds, inputs: 300 },
    Parser { name: "mirror", run: mirror, seeds: mirror_seeds, inputs: 3_000 },
];

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .find(|at| at.join("specs/vectors").is_dir())
        .expect("the repository")
        .into()
}

pub(super) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).expect("a folder") {
        let path = item.expect("an item").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn vectors(family: &str) -> Vec<serde_json::Value> {
    let paths = files(&root().join("specs/vectors").join(family), ".json");
    paths.iter().map(|path| serde_json::from_slice(&fs::read(path).expect("bytes")).expect("JSON")).collect()
}

/// Every string of these vectors: bytes where it is hexadecimal, text where not.
fn strings_of(families: &[&str]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    families.iter().flat_map(|family| vectors(family)).for_each(|vector| strings(&vector["given"], &mut found));
    found.retain(|bytes| bytes.len() < 16_384);
    found
}

fn strings(value: &serde_json::Value, found: &mut Vec<Vec<u8>>) {
    match value {
        serde_json::Value::String(text) => found.push(unhex(text).unwrap_or_else(|| text.clone().into_bytes())),
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|item| strings(item, found)),
        _ => {}
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    (!text.is_empty() && text.len().is_multiple_of(2)).then(|| pairs.collect())?
}

/// What stands before each file of a folder that is one input.
const FILE: &[u8] = b"\n@@ ";

/// The files of a folder that is one input: a line with a name before the bytes of each, so that a hunter can change names,
/// bytes, and which there are. None where the input is no folder.
pub(super) fn described(bytes: &[u8]) -> Vec<(String, &[u8])> {
    let Some(mut rest) = bytes.strip_prefix(&FILE[1..]) else { return Vec::new() };
    let mut files = Vec::new();
    loop {
        let end = rest.windows(FILE.len()).position(|window| window == FILE);
        let file = &rest[..end.unwrap_or(rest.len())];
        let line = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        let bytes = file.get(line + 1..).unwrap_or_default();
        files.push((String::from_utf8_lossy(&file[..line]).into_owned(), bytes));
        let Some(end) = end else { return files };
        rest = &rest[end + FILE.len()..];
    }
}

/// An input that is described so.
pub(super) fn describe<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let file = |(name, bytes): (&str, &[u8])| [FILE, name.as_bytes(), b"\n", bytes].concat();
    files.into_iter().map(file).collect::<Vec<_>>().concat().split_off(1)
}

/// One value, one encoding: whatever is accepted prints back the same.
fn canonical<M: Message + Default + Grammar>(bytes: &[u8]) {
    if let Ok(message) = parse::<M>(bytes) {
        assert_eq!(print(&message).as_deref(), Ok(bytes));
    }
}

fn messages(bytes: &[u8]) {
    canonical::<v1::Entry>(bytes);
    canonical::<v1::SignedBatch>(bytes);
    canonical::<v1::BatchStatement>(bytes);
    canonical::<v1::Body>(bytes);
    canonical::<v1::Binding>(bytes);
    canonical::<v1::DossierEnvelope>(bytes);
    canonical::<v1::KeyWrap>(bytes);
    canonical::<v1::IndexSnapshot>(bytes);
    canonical::<v1::LogCreated>(bytes);
    canonical::<v1::ActorRegistered>(bytes);
    canonical::<v1::KeyAdded>(bytes);
    canonical::<v1::KeyRevoked>(bytes);
    canonical::<v1::GroundsListPublished>(bytes);
    canonical::<v1::PolicySet>(bytes);
    canonical::<v1::EvidenceHeader>(bytes);
    canonical::<v1::EvidenceRecord>(bytes);
    canonical::<v1::ExportStatement>(bytes);
    canonical::<v1::SignedExport>(bytes);
    canonical::<v1::RedactionItem>(bytes);
    canonical::<v1::EventHeader>(bytes);
    contents(bytes);
    views(bytes);
}

/// What stands in events and their bodies.
fn contents(bytes: &[u8]) {
    canonical::<v1::KeyPossession>(bytes);
    canonical::<v1::KeyRetired>(bytes);
    canonical::<v1::ArchiveKeyAdded>(bytes);
    canonical::<v1::ArchiveKeyRetired>(bytes);
    canonical::<v1::LogKeyChanged>(bytes);
    canonical::<v1::RootKeyChanged>(bytes);
    canonical::<v1::ClassListPublished>(bytes);
    canonical::<v1::WitnessPolicySet>(bytes);
    canonical::<v1::LogRecovered>(bytes);
    canonical::<v1::ExportSubject>(bytes);
    canonical::<v1::RedactionSubject>(bytes);
    canonical::<v1::SelectionSubject>(bytes);
    canonical::<v1::CustodySubject>(bytes);
    canonical::<v1::ManifestRun>(bytes);
    canonical::<v1::ManifestDetail>(bytes);
    canonical::<v1::ReadoutDetail>(bytes);
    canonical::<v1::Attachment>(bytes);
    canonical::<v1::RedactedBody>(bytes);
}

/// A view is given only of what is accepted as a message.
fn views(bytes: &[u8]) {
    assert!(EventView::read(bytes).is_none() || parse::<v1::EvidenceRecord>(bytes).is_ok());
    assert!(BodyView::read(bytes).is_none() || parse::<v1::Body>(bytes).is_ok());
    assert!(HeaderView::read(bytes).is_none() || parse::<v1::EventHeader>(bytes).is_ok());
}

fn message_seeds() -> Vec<Vec<u8>> {
    let mut seeds = strings_of(&["canonical", "header", "batch", "body", "registry", "snapshot", "sealing"]);
    seeds.extend(bundle_parts().iter().flat_map(|part| records(part)).map(|record| record.encode_to_vec()));
    seeds.sort();
    seeds.dedup();
    seeds
}

/// What a ledger makes of a request before it looks at anything that it holds.
fn admission(bytes: &[u8]) {
    let Ok(request) = v1::AppendRequest::decode(bytes) else { return };
    for header in &request.headers {
        if let Ok(header) = parse::<v1::EventHeader>(header) {
            let _ = EventFacts::read(&header);
            if let Some(Content::Public(public)) = &header.content {
                canonical::<v1::KeyAdded>(public);
            }
        }
    }
    let _ = event_leaves(request.headers.iter().map(Vec::as_slice));
    let _ = sealed_root(&request.bodies);
    request.bodies.iter().for_each(|body| canonical::<v1::KeyWrap>(&body.wrap));
    request.envelopes.iter().for_each(|envelope| canonical::<v1::DossierEnvelope>(envelope));
    if let Some(batch) = &request.batch {
        let _ = batch.check();
        let _ = VerifiedStatement::verify(batch, &request.origin);
    }
}

fn admission_seeds() -> Vec<Vec<u8>> {
    let headers = strings_of(&["header"]);
    let signed: Vec<v1::SignedBatch> = strings_of(&["batch"]).iter().filter_map(|bytes| parse(bytes).ok()).collect();
    let request = |(number, header): (usize, &Vec<u8>)| v1::AppendRequest {
        origin: "chat.example.nl/minbzk".into(),
        batch: signed.get(number % signed.len().max(1)).cloned(),
        headers: vec![header.clone()],
        bodies: vec![v1::SealedBody { ciphertext: vec![7; 40], wrap: vec![7; 90], message_row: vec![7; 48] }],
        envelopes: Vec::new(),
    };
    headers.iter().enumerate().map(request).map(|request| request.encode_to_vec()).collect()
}

fn notes(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        let again = Note::parse(note.print().as_bytes());
        assert_eq!(again.as_ref(), Ok(&note));
    }
    let _ = ClaimedCheckpoint::parse(bytes);
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(TlogProof::parse(&proof.print()).as_ref(), Ok(&proof));
    }
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(request.print(), bytes);
    }
    let text = std::str::from_utf8(bytes).ok();
    if let Some(key) = text.and_then(|text| VerifierKey::parse(text).ok()) {
        assert_eq!(key.print().as_bytes(), bytes);
    }
    let _ = text.map(Erasure::parse);
    let _ = ForkProof::parse(bytes);
    let _ = Trust::parse(bytes);
    let _ = zegel_keys::KeyUri::parse(bytes)
        .map(|uri| assert_eq!(zegel_keys::KeyUri::parse(uri.to_string().as_bytes()), Ok(uri)));
}

fn note_seeds() -> Vec<Vec<u8>> {
    let mut seeds = strings_of(&["note", "checkpoint", "trust"]);
    seeds.push(b"old 3\n\nchat.example.nl/minbzk\n4\n".to_vec());
    seeds.push(b"pkcs11:token=zegel;object=log?module-path=/usr/lib/p11.so\n".to_vec());
    seeds
}

/// The files of a bundle.
#[derive(Clone)]
struct Files(BTreeMap<String, Vec<u8>>);

impl BundleSource for Files {
    fn files(&mut self) -> Result<Vec<BundleFile>, Refusal> {
        let file = |(path, bytes): (&String, &Vec<u8>)| BundleFile { path: path.clone(), bytes: bytes.len() as u64 };
        Ok(self.0.iter().map(file).collect())
    }

    fn open(&mut self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        let bytes = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(bytes.as_slice()))
    }
}

impl Files {
    fn of(given: &serde_json::Value) -> Self {
        use base64::Engine;
        let bytes = |content: &serde_json::Value| match content["text"].as_str() {
            Some(text) => text.as_bytes().to_vec(),
            None => {
                let text = content["base64"].as_str().unwrap_or_default();
                base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
            }
        };
        let files = given["files"].as_object().expect("files").iter();
        Self(files.map(|(path, content)| (path.clone(), bytes(content))).collect())
    }

    /// Bags it again, so that what is behind the checksums is reached.
    fn bagged(mut self) -> Self {
        for (manifest, of) in [("manifest-sha256.txt", true), ("tagmanifest-sha256.txt", false)] {
            let lines =
                self.0.iter().filter(|(path, _)| path.starts_with("data/") == of && *path != "tagmanifest-sha256.txt");
            let text: String = lines.map(|(path, bytes)| format!("{}  {path}\n", sha256(&[bytes]))).collect();
            self.0.insert(manifest.into(), text.into_bytes());
        }
        self
    }
}

const PART: &str = "data/evidence-0001";

/// A bundle that is good, and the trust file that it is good under.
fn good() -> &'static (Trust, Files) {
    static GOOD: OnceLock<(Trust, Files)> = OnceLock::new();
    GOOD.get_or_init(|| {
        let path = root().join("specs/vectors/bundle/bundle-redacted-good.json");
        let vector: serde_json::Value = serde_json::from_slice(&fs::read(path).expect("a vector")).expect("JSON");
        let trust = vector["given"]["trust"].as_str().expect("a trust file");
        (Trust::parse(trust.as_bytes()).expect("a trust file"), Files::of(&vector["given"]))
    })
}

/// A bundle as a stranger hands it over: bytes in place of the records of a good one, or of any of its files, under checksums
/// that fit; or a folder of its own.
fn bundle(bytes: &[u8]) {
    let (trust, good) = good();
    let mut files = good.clone();
    let given = described(bytes);
    let is_bagged = given.iter().any(|(path, _)| path.ends_with("manifest-sha256.txt"));
    if given.is_empty() {
        files.0.insert(PART.into(), bytes.to_vec());
    }
    files.0.extend(given.into_iter().map(|(path, bytes)| (path, bytes.to_vec())));
    let mut files = if is_bagged { files } else { files.bagged() };
    let _ = verify(&mut files, trust, &Demands::default(), &mut ());
}

/// The evidence of the vectors, each once.
fn bundle_parts() -> Vec<Vec<u8>> {
    let parts = vectors("bundle").into_iter().filter_map(|vector| Files::of(&vector["given"]).0.remove(PART));
    let mut parts: Vec<Vec<u8>> = parts.filter(|part| part.len() < 1 << 16).collect();
    parts.sort();
    parts.dedup();
    parts
}

fn bundle_seeds() -> Vec<Vec<u8>> {
    let (_, good) = good();
    let files = good.0.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    let alone = files.clone().map(|file| describe([file]));
    let unlisted = files.clone().filter(|(path, _)| !path.ends_with("manifest-sha256.txt"));
    bundle_parts().into_iter().chain(alone).chain([describe(files.clone()), describe(unlisted)]).collect()
}

/// The records of evidence, as far as they can be read.
fn records(mut part: &[u8]) -> Vec<v1::EvidenceRecord> {
    let next = || (!part.is_empty()).then(|| v1::EvidenceRecord::decode_length_delimited(&mut part).ok())?;
    std::iter::from_fn(next).collect()
}

/// A mirror in memory. Its lowest tiles are those of its entries where nothing else is given: else nothing behind them is reached.
#[derive(Clone, Default)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Folder for Memory {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let made = || Some(leaves(self.0.get(&path.replace("tile/0/", "tile/entries/"))?));
        Ok(self.0.get(path).cloned().or_else(|| if path.starts_with("tile/0/") { made() } else { None }))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let folder = format!("{path}/");
        Ok(self.0.keys().filter_map(|name| name.strip_prefix(&folder)).map(String::from).collect())
    }
}

impl FolderMut for Memory {
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.insert(path.into(), bytes.into());
        Ok(())
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let file = self.0.entry(path.into()).or_default();
        file.truncate(at as usize);
        file.extend(bytes);
        Ok(())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.0.remove(path);
        Ok(())
    }
}

/// Hashes of the entries of a bundle: two bytes of length before each.
fn leaves(mut bundle: &[u8]) -> Vec<u8> {
    let mut hashes = Vec::new();
    while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
        let Some((entry, rest)) = rest.split_at_checked(u16::from_be_bytes(*length).into()) else { break };
        hashes.extend(log_leaf(entry).0);
        bundle = rest;
    }
    hashes
}

/// A mirror whose every file has these bytes.
struct Same<'a>(&'a [u8]);

impl Folder for Same<'_> {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        // How far it is comes first, up to an empty line; the rest is everything else.
        let at = self.0.windows(2).position(|pair| pair == b"\n\n").map_or(self.0.len(), |at| at + 1);
        Ok(Some(if path.contains('/') { self.0[at..].to_vec() } else { self.0[..at].to_vec() }))
    }

    fn list(&self, _path: &str) -> io::Result<Vec<String>> {
        Ok(vec!["00000000000000000000".into(), "x".into()])
    }
}

fn mirror(bytes: &[u8]) {
    if bytes.starts_with(STATE) {
        return restore(bytes);
    }
    let files = described(bytes);
    if files.is_empty() {
        let _ = replay(Same(bytes));
    } else {
        let _ = replay(Memory(files.into_iter().map(|(path, bytes)| (path, bytes.to_vec())).collect()));
    }
}

/// How the state of a replay begins, which an auditor keeps beside his mirror.
const STATE: &[u8] = b"zegel audit state v1\n";

/// A state under a checksum that fits: what it says comes from a disk.
fn restore(bytes: &[u8]) {
    let whole = [bytes, &sha256(&[bytes]).0].concat();
    if let Ok(auditor) = Auditor::restore(good().0.clone(), &mut whole.as_slice()) {
        let _ = auditor.report();
        let mut again = Vec::new();
        auditor.save(&mut again).expect("memory takes it");
    }
}

/// As an auditor reads it, from the first entry to the report.
fn replay(folder: impl Folder) -> Option<Auditor> {
    let trust = &good().0;
    let mirror = MirrorReader::open(folder, trust.origin()).ok()?;
    let mut auditor = Auditor::new(trust.clone());
    for entry in mirror.entries(0).map_while(Result::ok).take(1_000) {
        auditor.take(examine(&entry, trust.origin()));
    }
    let notes = mirror.checkpoints().unwrap_or_default().into_iter();
    notes.chain(mirror.checkpoint().ok().flatten()).for_each(|note| auditor.checkpoint(&note));
    let _ = auditor.report();
    // However far it says that it is, it holds no more than this.
    if mirror.size() < 1_000 {
        let _ = mirror.each_entry(0, |_, _| {});
        let _ = mirror.check_tiles();
        let _ = mirror.consistency_proof(mirror.size() / 2, mirror.size());
        let _ = mirror.subtrees(1, mirror.size());
    }
    Some(auditor)
}

/// The state of a replay, without its checksum.
fn state(folder: Memory) -> Option<Vec<u8>> {
    let mut state = Vec::new();
    replay(folder)?.save(&mut state).ok()?;
    state.truncate(state.len().checked_sub(32)?);
    Some(state)
}

/// The beginning of a log as evidence shows it, as a mirror: what was opened of a body stands in no mirror.
fn mirrored(part: &[u8]) -> Option<Memory> {
    use v1::evidence_record::Record;
    let mut writer = MirrorWriter::open(Memory::default(), good().0.origin()).ok()?;
    let (mut note, mut last) = (Vec::new(), None::<v1::AuditEntry>);
    for record in records(part) {
        match (record.record?, &mut last) {
            (Record::Header(header), _) => note = header.checkpoint,
            (Record::Entry(entry), before) => {
                let next = v1::AuditEntry { index: entry.index, entry: entry.entry, ..v1::AuditEntry::default() };
                if before.replace(next).is_some_and(|before| writer.take(before).is_err()) {
                    break;
                }
            }
            (Record::Event(event), Some(entry)) => {
                entry.headers.push(event.header);
                entry.sealed.push(v1::SealedDigest::default());
            }
            _ => {}
        }
    }
    writer.advance().ok()?;
    let mut folder = writer.into_folder();
    folder.0.retain(|path, _| !path.starts_with("tile/0/"));
    folder.0.insert("checkpoint".into(), note.clone());
    folder.0.insert("checkpoints/00000000000000000001-0123456789abcdef".into(), note);
    Some(folder)
}

fn mirror_seeds() -> Vec<Vec<u8>> {
    let notes = strings_of(&["checkpoint"]);
    let extent = b"zegel mirror v1\nchat.example.nl/minbzk\n3\n0\n0\n\n".to_vec();
    let same = notes.into_iter().map(|note| [&extent[..], &note].concat());
    let folders: Vec<Memory> = bundle_parts().iter().filter_map(|part| mirrored(part)).collect();
    let files = |folder: &Memory| describe(folder.0.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())));
    let states = folders.iter().filter_map(|folder| state(folder.clone()));
    let mut seeds: Vec<Vec<u8>> = same.chain(folders.iter().map(files)).chain(states).collect();
    seeds.sort();
    seeds.dedup();
    seeds
}
