//! What an audit costs: events a second from a mirror on disk, by the command; and memory for a million streams.
//!
//! The mirror's batches are of 64 and of 256 events, two captures in each. Run with a folder as argument, it makes the mirrors
//! there and keeps them.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock, writes and prints")]

use ed25519_dalek::{Signer, SigningKey};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use zegel_proto::print;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::*;
use zegel_verifier::audit::{Auditor, examine};
use zegel_verifier::batch::event_leaves;
use zegel_verifier::checkpoint;
use zegel_verifier::hash::{Hash, Tag, leaf, log_leaf, sha256};
use zegel_verifier::mirror::{Folder, FolderMut, MirrorWriter};
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::signature::{CONTEXT_BATCH, CONTEXT_KEY, signed_bytes};
use zegel_verifier::tree::{Frontier, root_of};
use zegel_verifier::trust::Trust;

const ORIGIN: &str = "bench.example.nl/audit";
const MAY: u64 = 1_651_363_200_000;

/// A folder whose writes are not synced: what is measured is reading.
struct Plain(PathBuf);

impl Folder for Plain {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(fs::read(self.0.join(path)).ok())
    }

    fn list(&self, _: &str) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

impl FolderMut for Plain {
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let place = self.0.join(path);
        place.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(place, bytes)
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let place = self.0.join(path);
        place.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut file: File = OpenOptions::new().create(true).truncate(false).write(true).open(place)?;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(path))
    }
}

struct Actor {
    id: Hash,
    key: SigningKey,
    next_seq: u64,
    previous: Vec<u8>,
}

impl Actor {
    fn new(number: u8) -> Self {
        let key = SigningKey::from_bytes(&[number; 32]);
        Self { id: Hash([number; 32]), key, next_seq: 0, previous: Vec::new() }
    }

    fn public(&self) -> Vec<u8> {
        self.key.verifying_key().to_bytes().to_vec()
    }
}

/// Makes entries, one after the other; keeps none.
struct Maker {
    root: Actor,
    officer: Actor,
    source: Actor,
    index: u64,
    tree: Frontier,
    counter: u64,
}

fn public(kind: EventKind, content: Vec<u8>) -> EventHeader {
    EventHeader { kind: kind as i32, content: Some(Content::Public(content)), ..EventHeader::default() }
}

fn id(what: &str, number: u64) -> Hash {
    sha256(&[what.as_bytes(), &number.to_be_bytes()])
}

impl Maker {
    fn new() -> Self {
        let (root, officer, source) = (Actor::new(1), Actor::new(2), Actor::new(3));
        Self { root, officer, source, index: 0, tree: Frontier::new(), counter: 0 }
    }

    fn genesis(&mut self) -> AuditEntry {
        let created = LogCreated {
            origin: ORIGIN.into(),
            root_actor: self.root.id.to_vec(),
            root_key: self.root.public(),
            log_key: log_key().verifying_key().to_bytes().to_vec(),
            recovery_actor: vec![7; 32],
            recovery_key: SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes().to_vec(),
            ministry: "meting".into(),
        };
        let mut headers = vec![public(EventKind::LogCreated, print(&created).expect("prints"))];
        for (actor, role) in [(&self.officer, Role::Officer), (&self.source, Role::Source)] {
            let named = ActorRegistered { actor: actor.id.to_vec(), role: role as i32, name: "dienst".into() };
            headers.push(public(EventKind::ActorRegistered, print(&named).expect("prints")));
            let claim = KeyPossession { origin: ORIGIN.into(), actor: actor.id.to_vec(), key: actor.public() };
            let claim = signed_bytes(CONTEXT_KEY, &print(&claim).expect("prints"));
            let proof = actor.key.sign(&claim).to_bytes().to_vec();
            let added = KeyAdded { actor: actor.id.to_vec(), key: actor.public(), proof };
            headers.push(public(EventKind::KeyAdded, print(&added).expect("prints")));
        }
        self.entry(|maker| &mut maker.root, &headers)
    }

    fn sealed(&mut self, kind: EventKind) -> EventHeader {
        self.counter += 1;
        let root = id("body", self.counter).to_vec();
        EventHeader { kind: kind as i32, content: Some(Content::BodyRoot(root)), ..EventHeader::default() }
    }

    fn registrations(&mut self, ids: impl Iterator<Item = (EventKind, Hash)>) -> AuditEntry {
        let header = |(kind, id): (EventKind, Hash)| {
            let header = self.sealed(kind);
            match kind {
                EventKind::CustodianRegistered => EventHeader { custodian: id.to_vec(), ..header },
                _ => EventHeader { conversation: id.to_vec(), ..header },
            }
        };
        let headers: Vec<EventHeader> = ids.map(header).collect();
        self.entry(|maker| &mut maker.officer, &headers)
    }

    fn message(&mut self, custodian: u64, conversation: u64, seq: u64, month: u32) -> EventHeader {
        EventHeader {
            custodian: id("custodian", custodian).to_vec(),
            conversation: id("conversation", conversation).to_vec(),
            conversation_seq: seq,
            month,
            ..self.sealed(EventKind::MessageCreated)
        }
    }

    fn entry(&mut self, who: impl Fn(&mut Self) -> &mut Actor, events: &[EventHeader]) -> AuditEntry {
        let headers: Vec<Vec<u8>> = events.iter().map(|event| print(event).expect("prints")).collect();
        let sealed: Vec<SealedDigest> =
            events.iter().zip(&headers).map(|(event, header)| digest(event, header)).collect();
        let leaf_of = |digest: &SealedDigest| leaf(Tag::Sealed, &[&digest.ciphertext, &digest.wrap]);
        let actor = who(self);
        let statement = BatchStatement {
            origin: ORIGIN.into(),
            source: actor.id.to_vec(),
            key: actor.public(),
            batch_seq: actor.next_seq,
            count: headers.len() as u32,
            events_root: root_of(event_leaves(headers.iter().map(Vec::as_slice))).to_vec(),
            sealed_root: root_of(sealed.iter().map(leaf_of)).to_vec(),
            previous: actor.previous.clone(),
            created_at_ms: MAY,
        };
        let statement = print(&statement).expect("prints");
        (actor.next_seq, actor.previous) = (actor.next_seq + 1, sha256(&[&statement]).to_vec());
        let signature = actor.key.sign(&signed_bytes(CONTEXT_BATCH, &statement)).to_bytes().to_vec();
        let content = Some(entry::Content::Batch(SignedBatch { statement, signature }));
        let entry = print(&Entry { received_at_ms: MAY + self.index, content }).expect("prints");
        self.tree.push(log_leaf(&entry));
        self.index += 1;
        AuditEntry { index: self.index - 1, entry, headers, sealed }
    }

    fn note(&self) -> Vec<u8> {
        let text = checkpoint::print(ORIGIN, self.index, self.tree.root());
        let key = VerifierKey::new(ORIGIN, TYPE_ED25519, log_key().verifying_key().to_bytes()).expect("a name");
        let line = key.signature_line(&log_key().sign(text.as_bytes()).to_bytes());
        format!("{text}\n{line}").into_bytes()
    }

    fn trust(&self) -> String {
        let key = VerifierKey::new(ORIGIN, TYPE_ED25519, self.root.key.verifying_key().to_bytes()).expect("a name");
        format!("root {}\n", key.print())
    }
}

fn log_key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn digest(event: &EventHeader, header: &[u8]) -> SealedDigest {
    if matches!(event.content, Some(Content::Public(_))) {
        return SealedDigest::default();
    }
    let of = |what: &[u8]| sha256(&[what, header]).to_vec();
    SealedDigest { ciphertext: of(b"c"), wrap: of(b"w"), leaf: Vec::new() }
}

/// A mirror of `batches` batches of `width` events.
fn make_mirror(folder: &Path, batches: u64, width: u64) -> io::Result<u64> {
    let mut maker = Maker::new();
    let mut writer = MirrorWriter::open(Plain(folder.into()), ORIGIN).map_err(io::Error::other)?;
    let mut put = |entry| writer.take(entry).map_err(io::Error::other);
    put(maker.genesis())?;
    let conversations = 1_000;
    for first in (0..conversations).step_by(250) {
        let ids = (first..first + 250).map(|number| (EventKind::ConversationRegistered, id("conversation", number)));
        put(maker.registrations(ids))?;
    }
    put(maker.registrations((0..100).map(|number| (EventKind::CustodianRegistered, id("custodian", number)))))?;
    let mut next = vec![0u64; conversations as usize];
    for batch in 0..batches {
        let headers: Vec<EventHeader> = (0..width)
            .map(|at| {
                let conversation = (batch * 2 + at / (width / 2)) % conversations;
                let next = &mut next[conversation as usize];
                let seq = *next;
                *next += 1;
                maker.message(conversation % 100, conversation, seq, 202_201 + (batch % 12) as u32)
            })
            .collect();
        put(maker.entry(|maker| &mut maker.source, &headers))?;
    }
    writer.finish(&maker.note()).map_err(io::Error::other)?;
    fs::write(folder.join("trust.txt"), maker.trust())?;
    Ok(batches * width)
}

/// Kibibytes of a field of /proc/…/status.
fn status(process: &str, field: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Seconds that the command takes, and its largest memory in kibibytes.
fn run_command(folder: &Path) -> io::Result<(f64, u64)> {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_zegel-verifier"))
        .arg("audit")
        .arg(folder)
        .arg("--trust")
        .arg(folder.join("trust.txt"))
        .stdout(Stdio::null())
        .spawn()?;
    let mut most = 0;
    let exit = loop {
        if let Some(exit) = child.try_wait()? {
            break exit;
        }
        most = most.max(status(&child.id().to_string(), "VmHWM"));
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(exit.success(), "the log is good: {exit}");
    Ok((started.elapsed().as_secs_f64(), most))
}

fn speed(folder: &Path) -> io::Result<()> {
    for (batches, width) in [(8_000, 64), (4_000, 256)] {
        let mirror = folder.join(format!("mirror-{width}"));
        let events =
            if mirror.join("trust.txt").exists() { batches * width } else { make_mirror(&mirror, batches, width)? };
        let mut rounds = (0..3).map(|_| run_command(&mirror)).collect::<io::Result<Vec<_>>>()?;
        rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (seconds, most) = rounds[1];
        let rate = events as f64 / seconds;
        println!("batches of {width}: {events} events in {seconds:.2} s: {rate:.0} events/s, {} MiB", most / 1024);
    }
    Ok(())
}

/// A million months of 200,000 conversations, three events each, and the table of a snapshot over them.
fn memory() {
    const CONVERSATIONS: u64 = 200_000;
    let mut maker = Maker::new();
    let mut auditor = Auditor::new(Trust::parse(maker.trust().as_bytes()).expect("a trust file"));
    let before = status("self", "VmRSS");
    let mut take = |entry: AuditEntry| auditor.take(examine(&entry, ORIGIN));
    take(maker.genesis());
    for first in (0..CONVERSATIONS).step_by(4_000) {
        let ids = (first..first + 4_000).map(|number| (EventKind::ConversationRegistered, id("conversation", number)));
        take(maker.registrations(ids));
    }
    take(maker.registrations((0..100).map(|number| (EventKind::CustodianRegistered, id("custodian", number)))));
    for month in 0..5 {
        for first in (0..CONVERSATIONS).step_by(100) {
            let events = (first..first + 100).flat_map(|conversation| (0..3).map(move |at| (conversation, at)));
            let headers: Vec<EventHeader> = events
                .map(|(of, at)| maker.message(of % 100, of, u64::from(month) * 3 + at, 202_201 + month))
                .collect();
            take(maker.entry(|maker| &mut maker.source, &headers));
        }
    }
    let kept = status("self", "VmRSS") - before;
    let started = Instant::now();
    let snapshot = IndexSnapshot { covers: maker.index, ids: 1, root: vec![0; 32] };
    let entry = Entry { received_at_ms: MAY * 2, content: Some(entry::Content::Snapshot(snapshot)) };
    let entry = AuditEntry { index: maker.index, entry: print(&entry).expect("prints"), ..AuditEntry::default() };
    auditor.take(examine(&entry, ORIGIN));
    let (table, report) = (started.elapsed().as_secs_f64(), auditor.report());
    assert_eq!(report.findings.iter().map(|finding| finding.id).collect::<Vec<_>>(), ["SNAPSHOT_ROOT"]);
    let (months, ids, most) = (report.months, report.ids, (status("self", "VmHWM") - before) / 1024);
    println!(
        "{months} streams of {ids} ids: {} MiB, {most} MiB at most; table of all rows in {table:.2} s",
        kept / 1024
    );
    let started = Instant::now();
    let mut bytes = 0u64;
    struct Count<'a>(&'a mut u64);
    impl Write for Count<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            *self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    auditor.save(&mut Count(&mut bytes)).expect("kept");
    println!("its state: {} MiB, written in {:.2} s", bytes / 1024 / 1024, started.elapsed().as_secs_f64());
}

fn main() -> io::Result<()> {
    memory();
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    match folder {
        Some(folder) => speed(Path::new(&folder)),
        None => {
            let folder = tempfile::tempdir()?;
            speed(folder.path())
        }
    }
}
