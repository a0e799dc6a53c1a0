//! Rounds of crashes: a source appends to a real ledger, one of them is killed, and the log is held to all that it said.
//!
//! What was said are receipts and checkpoints. Invariants after every round:
//! - each receipted entry is there with the same bytes, under a checkpoint that extends every one that was handed out;
//! - what lay in the outbox is in the log as it was signed;
//! - each capture holds at least what was answered and at most what was given, dense and in order, nothing twice.
//!
//! The moment is drawn from a seed (`ZEGEL_SEED` chooses another), so a round can be played again, as far as a kill can.

mod injected;

pub use injected::{Fault, Met, PIECE_BYTES, Target, can_inject};

use crate::{ORIGIN, Stage, command, verify};
use prost::Message;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use zegel_proto::v1::*;
use zegel_tools::event::{ConversationEntry, CustodianEntry, Draft, Field, Occurred};
use zegel_tools::export::{Cover, ExportOrder, export};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::Officer;
use zegel_tools::record::Record;
use zegel_tools::source::{Backoff, Connection, LedgerError, Outbox, Source, SourceConfig, SourceError};
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::{Hash, log_leaf};

/// Older receipts that are fetched again after each round; all of them are at the end.
const OLDER_RECEIPTS: u64 = 20;
/// 2022-05-03, in milliseconds since 1970.
const OCCURRED_AT_MS: u64 = 1_651_572_660_000;

/// Numbers that a seed decides (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Begins with `ZEGEL_SEED`, or else with `seed`, and tells which.
    ///
    /// # Panics
    /// If `ZEGEL_SEED` is no number.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let chosen = std::env::var("ZEGEL_SEED").ok().map(|text| text.parse().expect("ZEGEL_SEED is a number"));
        let seed = chosen.unwrap_or(seed);
        println!("seed {seed}");
        Self(seed)
    }

    /// The next number, below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What goes on beside the appends of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Only a reader of checkpoints.
    Nothing,
    /// Snapshots, one after the other.
    Snapshots,
    /// Exports of the second custodian, one after the other.
    Exports,
}

/// What a source sees of one side of a conversation.
#[derive(Clone, Debug)]
struct Capture {
    custodian: Hash,
    conversation: Hash,
    /// Events that were answered.
    answered: u64,
    /// Events that were given to the source.
    given: u64,
}

/// A log under trial, and everything that it has said so far.
pub struct Trial {
    /// The ministry with its ledger.
    pub stage: Stage,
    keys: KeyFolder,
    runtime: Runtime,
    dice: Dice,
    captures: Vec<Capture>,
    /// Receipts by index of their entry.
    receipts: BTreeMap<u64, Receipt>,
    /// Notes by the size that they sign.
    checkpoints: BTreeMap<u64, Vec<u8>>,
    /// Bundles that an export said are whole.
    bundles: Vec<PathBuf>,
    source: Option<Source>,
    rounds: u64,
    /// Batches that were signed and had no stored receipt when something was killed.
    caught: usize,
    /// Lines of `zegel append` that are in the log.
    lines: u64,
}

/// What was heard beside the appends.
#[derive(Default)]
struct Heard {
    notes: Vec<Vec<u8>>,
    receipts: Vec<Receipt>,
    bundles: Vec<PathBuf>,
}

/// A ledger that is gone stays away until the round is over, and its port with it: there is nothing to wait for.
fn impatient() -> Backoff {
    Backoff { first: Duration::ZERO, max: Duration::ZERO, attempts_max: 2 }
}

fn log() -> LogRequest {
    LogRequest { origin: ORIGIN.into() }
}

fn hashes(list: &[Vec<u8>]) -> Vec<Hash> {
    list.iter().map(|bytes| Hash::read(bytes).expect("32 bytes")).collect()
}

fn row(number: u64) -> [u8; 48] {
    let mut row = [7; 48];
    row[..8].copy_from_slice(&number.to_be_bytes());
    row
}

impl Trial {
    /// A log with two custodians and two conversations.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let stage = Stage::new();
        let keys = KeyFolder::open(&stage.keys()).expect("keys");
        let runtime = Runtime::new().expect("a runtime");
        let captures = runtime.block_on(registered(&keys, &stage.url()));
        let mut trial = Self {
            stage,
            keys,
            runtime,
            dice: Dice::new(seed),
            captures,
            receipts: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            bundles: Vec::new(),
            source: None,
            rounds: 0,
            caught: 0,
            lines: 0,
        };
        trial.source = Some(trial.open());
        trial
    }

    /// Numbers of this trial.
    pub fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// Events that are in the log by now, of all captures.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.captures.iter().map(|capture| capture.answered).sum::<u64>() + self.lines
    }

    /// Batches that a kill caught between their signature and their stored receipt.
    #[must_use]
    pub fn caught(&self) -> usize {
        self.caught
    }

    /// Receipts that the log is held to.
    #[must_use]
    pub fn receipts(&self) -> usize {
        self.receipts.len()
    }

    fn config(&self) -> SourceConfig {
        let config = SourceConfig::of_folder(&self.keys, Actor::Source, &self.stage.url()).expect("a configuration");
        SourceConfig { backoff: impatient(), ..config }
    }

    fn open(&self) -> Source {
        let identity = self.keys.identity(Actor::Source).expect("a key");
        let opened = Source::open(identity, self.config());
        self.runtime.block_on(opened).expect("a source")
    }

    fn connection(&self) -> Connection {
        let authority = self.keys.tls_ca().expect("a certificate");
        let _entered = self.runtime.enter();
        Connection::new(&self.stage.url(), Some(&authority), ORIGIN, impatient()).expect("an address")
    }

    /// Kills the ledger while a source appends, starts it again, and holds it to what it said.
    pub fn crash(&mut self, beside: Beside) {
        self.rounds += 1;
        // One in four times the source is opened under fire: its outbox is what is being sent when the ledger dies.
        let under_fire = self.dice.below(4) == 0;
        let answers = self.dice.below(if under_fire { 2 } else { 12 });
        let moment = Duration::from_micros(self.dice.below(6_000));
        let source = self.source.take().filter(|_| !under_fire);
        let (identity, config) = (self.keys.identity(Actor::Source).expect("a key"), self.config());
        let heard = self.beside(beside);
        let (answered, said) = mpsc::channel();
        let (stage, runtime) = (&mut self.stage, &self.runtime);
        let (captures, dice) = (&mut self.captures, &mut self.dice);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                said.iter().take(answers as usize).for_each(drop);
                std::thread::sleep(moment);
                stage.kill();
            });
            runtime.block_on(append_until_gone(source, identity, config, captures, dice, answered));
        });
        let waiting = self.waiting();
        self.listen(heard);
        let fresh = self.stored_receipts();
        self.stage.start();
        self.hold(fresh);
        self.resume(&waiting);
    }

    /// The newest checkpoint that was handed out.
    ///
    /// # Panics
    /// If none was.
    #[must_use]
    pub fn newest(&self) -> Vec<u8> {
        self.checkpoints.values().last().expect("a checkpoint").clone()
    }

    /// Goes on where the ledger is now, which is held to all that was said before.
    pub fn go_on(&mut self) {
        self.source = None;
        let waiting = self.waiting();
        let fresh = self.stored_receipts();
        self.hold(fresh);
        self.resume(&waiting);
    }

    /// Leaves off an append at some moment, as a source does that is killed, and goes on with another.
    pub fn interrupt(&mut self) {
        self.rounds += 1;
        let moment = Duration::from_micros(self.dice.below(20_000));
        let mut source = self.source.take().unwrap_or_else(|| self.open());
        let (captures, dice) = (&mut self.captures, &mut self.dice);
        self.runtime.block_on(async {
            let appends = async {
                loop {
                    append(&mut source, captures, dice).await.expect("appended");
                }
            };
            let left: Result<(), _> = tokio::time::timeout(moment, appends).await;
            left.expect_err("appends go on until they are left");
        });
        drop(source);
        let waiting = self.waiting();
        let fresh = self.stored_receipts();
        self.hold(fresh);
        self.resume(&waiting);
    }

    /// Kills `zegel append` at some moment, and goes on where the log says that it was. Gives how many of `lines` are in.
    pub fn interrupt_command(&mut self, lines: u64) -> u64 {
        let moment = Duration::from_micros(self.dice.below(30_000));
        let awaited = self.stored_receipts().len() + self.dice.below(4) as usize;
        self.source = None;
        let mut zegel = command("zegel");
        zegel.arg("append").arg("--keys").arg(self.stage.keys()).args(["--ledger", &self.stage.url()]);
        zegel.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = zegel.spawn().expect("zegel runs");
        let input: String = (self.lines..lines).map(line).collect();
        // A process that was killed reads nothing more.
        _ = process.stdin.take().expect("a pipe").write_all(input.as_bytes());
        while process.try_wait().expect("a process").is_none() && self.stored_receipts().len() < awaited {
            std::thread::yield_now();
        }
        std::thread::sleep(moment);
        process.kill().expect("killed, or gone");
        process.wait().expect("it has ended");
        let waiting = self.waiting();
        let fresh = self.stored_receipts();
        self.hold(fresh);
        self.resume(&waiting);
        let (custodian, conversation) = (self.captures[1].custodian, self.captures[0].conversation);
        let source = self.source.as_mut().expect("an open source");
        let known = self.runtime.block_on(source.known(custodian, conversation)).expect("known");
        let numbers: Vec<_> = known.rows.iter().map(|row| row.conversation_seq).collect();
        assert_eq!(numbers, (0..known.next_conversation_seq).collect::<Vec<_>>());
        assert!((self.lines..=lines).contains(&known.next_conversation_seq));
        self.lines = known.next_conversation_seq;
        self.lines
    }

    /// How often each of the lines stands in an export of their custodian, opened.
    pub fn exported_lines(&mut self) -> Vec<usize> {
        let (custodian, out) = (self.captures[1].custodian, self.stage.path("lines"));
        let archive_keys = self.keys.archive_keys().expect("archive keys");
        self.runtime.block_on(async {
            let mut officer = Officer::open(&self.keys, &self.stage.url()).await.expect("an officer");
            let order = order(custodian, out.clone());
            export(officer.source(), &archive_keys, &order, |_| {}).await.expect("exported");
        });
        self.bundles.push(out.clone());
        let evidence = fs::read(out.join("data/evidence-0001")).expect("evidence");
        let mut found = vec![0; self.lines as usize];
        for word in evidence.windows(marker(0).len()).filter(|word| word.starts_with(b"regel-")) {
            let number = std::str::from_utf8(&word[6..12]).expect("digits").parse::<usize>().expect("a number");
            found[number] += 1;
        }
        found
    }

    /// What the outbox holds: no process owns it at this moment.
    fn waiting(&self) -> Vec<(u64, AppendRequest)> {
        let outbox = Outbox::open(&self.keys.spool(Actor::Source)).expect("an outbox");
        let pending = outbox.pending().expect("listed").into_iter();
        pending.map(|batch_seq| (batch_seq, outbox.load(batch_seq).expect("a batch"))).collect()
    }

    /// Receipts in the source's folder that we did not know of, by the number of their batch.
    fn stored_receipts(&self) -> Vec<(u64, Receipt)> {
        let folder = self.keys.spool(Actor::Source).join("receipts");
        let mut fresh = Vec::new();
        for item in fs::read_dir(folder).expect("receipts") {
            let path = item.expect("a receipt").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
            // A receipt that was being written when its source died has another suffix.
            if path.extension().is_none_or(|suffix| suffix != "receipt") {
                continue;
            }
            let (batch_seq, index) = name.split_once('-').expect("two numbers");
            if self.receipts.contains_key(&index.parse().expect("an index")) {
                continue;
            }
            let receipt = Receipt::decode(fs::read(&path).expect("a receipt").as_slice()).expect("a receipt");
            fresh.push((batch_seq.parse().expect("a number"), receipt));
        }
        fresh
    }

    fn verified(&self, note: &[u8]) -> VerifiedCheckpoint {
        let claimed = ClaimedCheckpoint::parse(note).expect("a checkpoint");
        let key = &self.keys.ministry().log_key.0;
        VerifiedCheckpoint::verify(claimed, ORIGIN, key).expect("signed by the log")
    }

    /// Holds the log to receipts that are new, some that are not, and every checkpoint that is new.
    fn hold(&mut self, fresh: Vec<(u64, Receipt)>) {
        let mut held: Vec<Receipt> = fresh.into_iter().map(|(_, receipt)| receipt).collect();
        for receipt in &held {
            self.checkpoints.entry(self.verified(&receipt.checkpoint).size()).or_insert(receipt.checkpoint.clone());
        }
        let older: Vec<&Receipt> = self.receipts.values().collect();
        let count = if older.is_empty() { 0 } else { OLDER_RECEIPTS };
        held.extend((0..count).map(|_| older[self.dice.below(older.len() as u64) as usize].clone()));
        let notes: Vec<Vec<u8>> = self.checkpoints.values().cloned().collect();
        self.hold_to(&held, &notes);
        // What holds now is a prefix of the newest checkpoint, which the next round holds the log to.
        let newest = notes.last().cloned().into_iter().map(|note| (self.verified(&note).size(), note));
        self.checkpoints = newest.collect();
        self.receipts.extend(held.into_iter().map(|receipt| (receipt.index, receipt)));
    }

    /// Each receipt is given again, with the same entry; the newest checkpoint extends each of these.
    fn hold_to(&self, receipts: &[Receipt], notes: &[Vec<u8>]) {
        let mut client = self.connection().client();
        self.runtime.block_on(async {
            let newest = client.get_checkpoint(log()).await.expect("a checkpoint").into_inner().checkpoint;
            let newest = self.verified(&newest);
            for note in notes {
                let older = self.verified(note);
                let (from_size, to_size) = (older.size(), newest.size());
                let request = ConsistencyProofRequest { origin: ORIGIN.into(), from_size, to_size };
                let proof = client.get_consistency_proof(request).await.expect("a proof").into_inner();
                assert_eq!(newest.check_extends(&older, &hashes(&proof.hashes)), Ok(()), "{from_size} to {to_size}");
            }
            for receipt in receipts {
                let request = GetReceiptRequest { origin: ORIGIN.into(), index: receipt.index };
                let again = client.get_receipt(request).await.expect("a receipt").into_inner();
                assert_eq!((again.index, &again.entry), (receipt.index, &receipt.entry));
                for receipt in [receipt, &again] {
                    let leaf = log_leaf(&receipt.entry);
                    let included = self.verified(&receipt.checkpoint);
                    assert_eq!(included.check_inclusion(leaf, receipt.index, &hashes(&receipt.inclusion)), Ok(()));
                }
            }
        });
    }

    /// Opens the source again: what waited is in the log as it was signed, and each capture is dense.
    fn resume(&mut self, waiting: &[(u64, AppendRequest)]) {
        self.caught += waiting.len();
        let mut source = self.open();
        assert_eq!(source.waiting(), Ok(0));
        let fresh = self.stored_receipts();
        for (batch_seq, request) in waiting {
            // The receipt may have been stored before the source died, and the batch not yet let go.
            let stored = fresh.iter().find(|(number, _)| number == batch_seq).map(|(_, receipt)| receipt);
            let receipt = stored.or_else(|| self.receipts.values().find(|known| batch_of(known) == request.batch));
            let receipt = receipt.unwrap_or_else(|| panic!("batch {batch_seq} waited, and has no receipt"));
            assert_eq!(batch_of(receipt), request.batch, "batch {batch_seq}");
        }
        self.hold(fresh);
        for capture in &mut self.captures {
            let known = self.runtime.block_on(source.known(capture.custodian, capture.conversation)).expect("known");
            let numbers: Vec<_> = known.rows.iter().map(|row| row.conversation_seq).collect();
            assert_eq!(numbers, (0..known.next_conversation_seq).collect::<Vec<_>>());
            assert!(known.rows.iter().all(|found| found.message_row == row(found.conversation_seq)));
            let next = known.next_conversation_seq;
            assert!((capture.answered..=capture.given).contains(&next), "{next} events of {capture:?}");
            (capture.answered, capture.given) = (next, next);
        }
        self.source = Some(source);
    }

    /// Begins to read checkpoints, and what else there is, until the ledger is gone.
    fn beside(&self, beside: Beside) -> Vec<JoinHandle<Heard>> {
        let mut client = self.connection().client();
        let reader = self.runtime.spawn(async move {
            let mut heard = Heard::default();
            while let Ok(answer) = client.get_checkpoint(log()).await {
                heard.notes.push(answer.into_inner().checkpoint);
                heard.notes.dedup();
            }
            heard
        });
        let mut tasks = vec![reader];
        match beside {
            Beside::Nothing => {}
            Beside::Snapshots => tasks.push(self.snapshots()),
            Beside::Exports => tasks.push(self.exports()),
        }
        tasks
    }

    fn snapshots(&self) -> JoinHandle<Heard> {
        let mut client = self.connection().client();
        self.runtime.spawn(async move {
            let mut heard = Heard::default();
            while let Ok(answer) = client.snapshot(log()).await {
                heard.receipts.extend(answer.into_inner().receipt);
            }
            heard
        })
    }

    fn exports(&self) -> JoinHandle<Heard> {
        let (keys, url) = (self.keys.clone(), self.stage.url());
        let (custodian, out) = (self.captures[1].custodian, self.stage.path(&format!("bundles-{}", self.rounds)));
        fs::create_dir_all(&out).expect("a folder");
        self.runtime.spawn(async move {
            let mut heard = Heard::default();
            let config = SourceConfig::of_folder(&keys, Actor::Officer, &url).expect("a configuration");
            let identity = keys.identity(Actor::Officer).expect("a key");
            let opened = Source::open(identity, SourceConfig { backoff: impatient(), ..config }).await;
            let Ok(mut officer) = opened.inspect_err(assert_gone) else { return heard };
            let archive_keys = keys.archive_keys().expect("archive keys");
            for number in 0.. {
                let order = order(custodian, out.join(format!("bundle-{number}")));
                let made = export(&mut officer, &archive_keys, &order, |_| {}).await;
                if made.is_err() {
                    // Whole or not there: what a failed export began is taken away again.
                    let left = fs::read_dir(&out).expect("a folder").count();
                    assert_eq!(left, number, "{made:?}");
                    return heard;
                }
                heard.bundles.push(order.out);
            }
            heard
        })
    }

    fn listen(&mut self, tasks: Vec<JoinHandle<Heard>>) {
        for task in tasks {
            let heard = self.runtime.block_on(task).expect("whoever listens does not fail");
            let receipts = heard.receipts.iter().map(|receipt| receipt.checkpoint.clone());
            for note in heard.notes.iter().cloned().chain(receipts.collect::<Vec<_>>()) {
                let signed = self.verified(&note);
                let known = self.checkpoints.entry(signed.size()).or_insert(note).clone();
                assert_eq!(self.verified(&known).root(), signed.root(), "two logs of {} entries", signed.size());
            }
            self.receipts.extend(heard.receipts.into_iter().map(|receipt| (receipt.index, receipt)));
            self.bundles.extend(heard.bundles);
        }
    }

    /// Ends the trial: all receipts once more, every bundle, every event counted, and a clean check.
    pub fn end(mut self) {
        let receipts: Vec<Receipt> = self.receipts.values().cloned().collect();
        let notes: Vec<Vec<u8>> = receipts.iter().map(|receipt| receipt.checkpoint.clone()).collect();
        self.hold_to(&receipts, &notes);
        for bundle in &self.bundles {
            let (code, report) = verify(bundle, &self.stage.trust(), &[]);
            assert_eq!(code, Some(0), "{report:#}");
        }
        let (entries, all, ours) = self.count();
        assert_eq!(ours, self.events());
        self.source = None;
        assert_eq!(self.stage.stop(), Some(0));
        let config = self.stage.keys().join("ledger.toml");
        let output = command("zegel-ledger").args(["check", "--json", "--config"]).arg(config).output();
        let report: serde_json::Value = serde_json::from_slice(&output.expect("a check").stdout).expect("a report");
        assert_eq!(report, serde_json::json!({ "entries": entries, "events": all, "findings": [] }));
    }

    /// Entries, events, and events of the source, as the log itself gives them.
    fn count(&self) -> (u64, u64, u64) {
        let mut client = self.connection().client();
        let source = self.keys.ministry().source;
        self.runtime.block_on(async {
            let request = ReadEntriesRequest { origin: ORIGIN.into(), from: 0, count: 0 };
            let mut entries = client.read_entries(request).await.expect("entries").into_inner();
            let (mut count, mut all, mut ours, mut received_at_ms) = (0, 0, 0, 0);
            while let Some(answer) = entries.message().await.expect("an entry") {
                count += 1;
                all += answer.headers.len() as u64;
                let entry: Entry = zegel_proto::parse(&answer.entry).expect("an entry");
                assert!(entry.received_at_ms >= received_at_ms, "the log's time goes back at entry {}", answer.index);
                received_at_ms = entry.received_at_ms;
                let Some(entry::Content::Batch(batch)) = entry.content else { continue };
                let statement: BatchStatement = zegel_proto::parse(&batch.statement).expect("a statement");
                ours += if statement.source == source.0 { answer.headers.len() as u64 } else { 0 };
            }
            (count, all, ours)
        })
    }
}

/// A ledger that was killed cannot be reached; any other failure is a defect.
fn assert_gone(reason: &SourceError) {
    assert!(matches!(reason, SourceError::Ledger(LedgerError::Unreachable { .. })), "after a kill: {reason}");
}

fn batch_of(receipt: &Receipt) -> Option<SignedBatch> {
    match zegel_proto::parse::<Entry>(&receipt.entry).expect("an entry").content {
        Some(entry::Content::Batch(batch)) => Some(batch),
        _ => None,
    }
}

fn order(custodian: Hash, out: PathBuf) -> ExportOrder {
    let stream = StreamType::StreamCustodian as i32;
    ExportOrder {
        scope: Scope { stream, id: custodian.to_vec(), from_month: 0, to_month: 0 },
        recipient: "Enquetecommissie".into(),
        nonce: String::new(),
        case: "2026-17".into(),
        decision: "besluit 17".into(),
        cover: Cover::default(),
        closed: std::collections::BTreeSet::new(),
        edges: None,
        cosigned: None,
        out,
    }
}

/// A word that stands in one line only.
fn marker(number: u64) -> String {
    format!("regel-{number:06}.")
}

fn line(number: u64) -> String {
    let line = serde_json::json!({
        "kind": "MESSAGE_CREATED", "custodian": "Bram", "conversation": "Dossier Veerhaven", "channel": "WHATSAPP",
        "proof_class": "C_EXPORT_FILE", "at": "2022-05-03T10:11:00Z", "text": marker(number),
    });
    format!("{line}\n")
}

async fn registered(keys: &KeyFolder, url: &str) -> Vec<Capture> {
    let mut officer = Officer::open(keys, url).await.expect("an officer");
    let mut captures = Vec::new();
    for (name, title) in [("Anna", "Dossier Veerhaven"), ("Bram", "Ploeg 3")] {
        let custodian = CustodianEntry { name: name.into(), ..CustodianEntry::default() };
        let custodian = officer.register_custodian(&custodian).await.expect("registered").id;
        let conversation = ConversationEntry { title: title.into(), ..ConversationEntry::default() };
        let conversation = officer.register_conversation(&conversation).await.expect("registered").id;
        captures.push(Capture { custodian, conversation, answered: 0, given: 0 });
    }
    captures
}

impl Capture {
    /// The next events of this side.
    fn give(&mut self, count: u64) -> Vec<Draft> {
        let numbers = self.given..self.given + count;
        self.given += count;
        numbers.map(|number| self.draft(number)).collect()
    }

    fn draft(&self, number: u64) -> Draft {
        let mut record = Record::new(EventKind::MessageCreated, self.conversation, self.custodian);
        record.occurred = Occurred::by_source(OCCURRED_AT_MS + number);
        record.text = Field::Value(format!("bericht {number} over de veerhaven").into_bytes());
        record.message_row = Some(row(number));
        record.draft().expect("a draft")
    }
}

/// One append: mostly one small batch, sometimes several in a stream.
async fn append(source: &mut Source, captures: &mut [Capture], dice: &mut Dice) -> Result<(), SourceError> {
    let mut drafts = Vec::new();
    if dice.below(6) == 0 {
        for _ in 0..1 + dice.below(3) {
            drafts.extend(captures[0].give(64 + dice.below(64)));
            drafts.extend(captures[1].give(1));
        }
    } else {
        drafts.extend(captures[0].give(1 + dice.below(8)));
    }
    let count = drafts.len();
    let placed = source.append(drafts).await?;
    assert_eq!(placed.len(), count);
    for capture in captures {
        capture.answered = capture.given;
    }
    Ok(())
}

/// Appends until the ledger is gone. A source that is not open yet is opened first.
async fn append_until_gone(
    source: Option<Source>,
    identity: zegel_tools::keys::Identity,
    config: SourceConfig,
    captures: &mut [Capture],
    dice: &mut Dice,
    answered: mpsc::Sender<()>,
) {
    let mut source = match source {
        Some(source) => source,
        None => {
            let opened = Source::open(identity, config).await;
            let Ok(source) = opened.inspect_err(assert_gone) else { return };
            source
        }
    };
    while append(&mut source, captures, dice).await.inspect_err(assert_gone).is_ok() {
        // Who waits for the moment may have heard enough.
        _ = answered.send(());
    }
}
