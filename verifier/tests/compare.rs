//! Comparing histories made here: one history is shown, two are proven, and what is not shown is not concluded.
#![allow(clippy::disallowed_methods, reason = "tests")]

mod maker;

use ed25519_dalek::SigningKey;
use maker::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use zegel_proto::v1::*;
use zegel_verifier::checkpoint::{self, CheckpointError};
use zegel_verifier::compare::{
    Fork, ForkError, ForkProof, LogKeys, Relation, Seen, SeenError, Shown, ShownWalk, by_bundle, by_mirror,
    by_themselves,
};
use zegel_verifier::hash::Hash;
use zegel_verifier::mirror::{Folder, FolderMut, MirrorError, MirrorReader, MirrorWriter};
use zegel_verifier::note::NoteError;
use zegel_verifier::tree::{ProofError, root_of};
use zegel_verifier::trust::Trust;

/// A folder in memory that stops after some steps, as a machine does.
#[derive(Clone, Default)]
struct Memory {
    files: Rc<RefCell<BTreeMap<String, Vec<u8>>>>,
    steps: Rc<RefCell<Option<usize>>>,
}

impl Memory {
    fn step(&self) -> io::Result<()> {
        match self.steps.borrow_mut().as_mut() {
            Some(0) => Err(io::Error::other("the machine stopped")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Folder for Memory {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.files.borrow().get(path).cloned())
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let files = self.files.borrow();
        Ok(files.keys().filter_map(|name| name.strip_prefix(path)?.strip_prefix('/')).map(str::to_owned).collect())
    }
}

impl FolderMut for Memory {
    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        self.files.borrow_mut().insert(path.into(), bytes.to_vec());
        Ok(())
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        let mut files = self.files.borrow_mut();
        let file = files.entry(path.into()).or_default();
        file.truncate(at as usize);
        file.extend(bytes);
        Ok(())
    }

    fn remove(&mut self, path: &str) -> io::Result<()> {
        self.step()?;
        self.files.borrow_mut().remove(path);
        Ok(())
    }
}

/// Copies a log that is made here, from where the mirror is.
fn copy(folder: Memory, log: &Log) -> Result<u64, MirrorError> {
    let mut writer = MirrorWriter::open(folder, ORIGIN)?;
    let from = writer.size() as usize;
    for (number, entry) in log.audit_entries().into_iter().enumerate().skip(from) {
        writer.take(entry)?;
        if number % 100 == 99 {
            writer.advance()?;
        }
    }
    writer.finish(&log.checkpoint())
}

fn mirror_of(log: &Log) -> MirrorReader<Memory> {
    let folder = Memory::default();
    copy(folder.clone(), log).expect("copied");
    MirrorReader::open(folder, ORIGIN).expect("a mirror")
}

/// A log of more than 600 entries, so of two full tiles and one that is not.
fn long_log() -> Log {
    let mut log = Log::with_messages(3);
    for number in 0..600 {
        let batch = vec![log.message(CONVERSATION, number + 10, "een")];
        log.batch(Who::Source, batch);
    }
    log
}

fn trust_of(log: &Log) -> Trust {
    Trust::parse(log.trust().as_bytes()).expect("a trust file")
}

fn keys_of(log: &Log) -> LogKeys {
    LogKeys::of_registry(&trust_of(log), log.audit_entries()[..1].to_vec()).expect("keys")
}

fn note(log: &Log, size: usize) -> Vec<u8> {
    let text = checkpoint::print(ORIGIN, size as u64, root_of(log.leaves()[..size].iter().copied()));
    sign_note(&text, ORIGIN, &log.log_key, None)
}

fn seen(log: &Log, size: usize) -> Seen {
    Seen::note(&keys_of(log), ORIGIN, &note(log, size)).expect("a checkpoint")
}

/// The log as it went on elsewhere: other messages from some entry on.
fn other_history(log: &Log, from: usize) -> Log {
    let mut other = log.clone();
    for made in &mut other.entries[from..] {
        made.entry.received_at_ms += 1;
    }
    other
}

fn proven(relation: Relation) -> ForkProof {
    match relation {
        Relation::Fork(proof) => *proof,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mirror_that_stops_at_any_step_goes_on_to_the_same_files() {
    let log = long_log();
    let whole = Memory::default();
    assert_eq!(copy(whole.clone(), &log).expect("copied"), 603);
    let wanted = whole.files.borrow().clone();
    for steps in 0.. {
        let folder = Memory::default();
        *folder.steps.borrow_mut() = Some(steps);
        let stopped = copy(folder.clone(), &log);
        *folder.steps.borrow_mut() = None;
        copy(folder.clone(), &log).expect("gone on");
        let mut found = folder.files.borrow().clone();
        // Partial files of a size that it stopped at may be left; nothing that counts names them.
        found.retain(|path, _| wanted.contains_key(path) || !path.contains(".p/"));
        assert!(found == wanted, "stopped after {steps} steps");
        if stopped.is_ok() {
            break;
        }
    }
}

#[test]
fn a_mirror_gives_back_what_was_copied_from_any_entry_on() {
    let log = long_log();
    let mirror = mirror_of(&log);
    let entries = log.audit_entries();
    for from in [0, 1, 255, 256, 257, 602, 603] {
        let read: Vec<AuditEntry> = mirror.entries(from).map(|entry| entry.expect("an entry")).collect();
        assert_eq!(read, entries[from as usize..], "from {from}");
    }
    mirror.check_tiles().expect("the tiles are its own");
    assert_eq!(mirror.checkpoint().expect("read"), Some(log.checkpoint()));
}

#[test]
fn a_mirror_refuses_entries_that_do_not_lead_to_the_checkpoint_and_keeps_that() {
    let log = long_log();
    let other = other_history(&log, 300);
    let folder = Memory::default();
    let mut writer = MirrorWriter::open(folder.clone(), ORIGIN).expect("a mirror");
    log.audit_entries().into_iter().for_each(|entry| writer.take(entry).expect("taken"));
    let refused = writer.finish(&other.checkpoint());
    assert!(matches!(refused, Err(MirrorError::OtherHistory { size: 603, .. })), "{refused:?}");
    assert_eq!(folder.list("checkpoints").expect("listed").len(), 1);
    assert_eq!(folder.read("checkpoint").expect("read"), None);
    let refused = writer.finish(&note(&log, 602));
    assert!(matches!(refused, Err(MirrorError::OtherSize { found: 602, held: 603 })), "{refused:?}");
    let refused = writer.take(log.audit_entries()[5].clone());
    assert!(matches!(refused, Err(MirrorError::Order { found: 5, wanted: 603 })), "{refused:?}");
}

#[test]
fn every_earlier_checkpoint_of_a_mirror_is_shown_to_be_its_history() {
    let log = long_log();
    let mirror = mirror_of(&log);
    for size in [1, 2, 3, 100, 255, 256, 257, 511, 512, 513, 600, 602] {
        let relation = by_mirror(&keys_of(&log), ORIGIN, &seen(&log, size), &seen(&log, 603), &mirror);
        assert!(matches!(relation, Ok(Relation::Same)), "{size}: {relation:?}");
    }
}

#[test]
fn two_roots_for_one_size_are_a_fork_that_convinces_a_third_party() {
    let log = long_log();
    let other = other_history(&log, 300);
    let keys = keys_of(&log);
    let relation = by_themselves(&keys, ORIGIN, &seen(&log, 603), &seen(&other, 603));
    let proof = proven(relation);
    let read = ForkProof::parse(proof.print().as_bytes()).expect("a proof");
    assert_eq!(read, proof);
    let root = |log: &Log| root_of(log.leaves());
    let fork = Fork { origin: ORIGIN.into(), first: (603, root(&log)), second: (603, root(&other)), by: "roots" };
    assert_eq!(read.verify(&trust_of(&log)), Ok(fork));
    assert!(matches!(by_themselves(&keys, ORIGIN, &seen(&log, 300), &seen(&other, 300)), Relation::Same));
}

#[test]
fn a_checkpoint_that_a_mirror_does_not_begin_with_is_a_fork_at_every_size() {
    let log = long_log();
    let other = other_history(&log, 0);
    let mirror = mirror_of(&log);
    for size in [1, 2, 3, 100, 256, 257, 512, 600] {
        let relation = by_mirror(&keys_of(&log), ORIGIN, &seen(&other, size), &seen(&log, 603), &mirror);
        let proof = proven(relation.expect("read"));
        let read = ForkProof::parse(proof.print().as_bytes()).expect("a proof");
        let fork = read.verify(&trust_of(&log)).expect("a fork");
        assert_eq!((fork.by, fork.first.0, fork.second.0), ("prefix", size as u64, 603));
    }
}

#[test]
fn two_sizes_without_the_log_are_not_compared() {
    let log = long_log();
    let relation = by_themselves(&keys_of(&log), ORIGIN, &seen(&log, 5), &seen(&log, 6));
    assert!(matches!(relation, Relation::Unknown), "{relation:?}");
}

fn receipt(log: &Log, index: usize, size: usize) -> Receipt {
    // The path of RFC 6962 2.1.1, by its definition.
    fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let is_left = index < left.len();
        let (mut below, sibling) =
            if is_left { (path(index, left), right) } else { (path(index - left.len(), right), left) };
        below.push(root_of(sibling.iter().copied()));
        below
    }
    Receipt {
        index: index as u64,
        entry: log.entries[index].bytes(),
        inclusion: path(index, &log.leaves()[..size]).into_iter().map(Hash::to_vec).collect(),
        checkpoint: note(log, size),
    }
}

#[test]
fn two_receipts_with_other_entries_at_one_index_are_a_fork_whatever_their_sizes() {
    let log = long_log();
    let other = other_history(&log, 40);
    let keys = keys_of(&log);
    let of = |log: &Log, index, size| Seen::receipt(&keys, ORIGIN, &receipt(log, index, size)).expect("a receipt");
    let proof = proven(by_themselves(&keys, ORIGIN, &of(&log, 50, 60), &of(&other, 50, 70)));
    let read = ForkProof::parse(proof.print().as_bytes()).expect("a proof");
    assert_eq!(read.verify(&trust_of(&log)).map(|fork| fork.by), Ok("entries"));
    assert!(matches!(by_themselves(&keys, ORIGIN, &of(&log, 50, 60), &of(&other, 51, 70)), Relation::Unknown));
    assert!(matches!(by_themselves(&keys, ORIGIN, &of(&log, 30, 60), &of(&other, 30, 70)), Relation::Unknown));
    let wrong = Receipt { index: 49, ..receipt(&log, 50, 60) };
    assert_eq!(Seen::receipt(&keys, ORIGIN, &wrong).err(), Some(SeenError::NotIncluded { index: 49 }));
}

#[test]
fn a_proof_that_was_touched_or_is_of_one_history_proves_nothing() {
    let log = long_log();
    let other = other_history(&log, 0);
    let mirror = mirror_of(&log);
    let keys = keys_of(&log);
    let relation = by_mirror(&keys, ORIGIN, &seen(&other, 100), &seen(&log, 603), &mirror).expect("read");
    let text = proven(relation).print();
    for (number, _) in text.lines().enumerate().skip(1) {
        let without = text.lines().enumerate().filter(|(at, _)| *at != number).map(|(_, line)| format!("{line}\n"));
        let proof = ForkProof::parse(without.collect::<String>().as_bytes());
        assert!(proof.is_err() || proof.is_ok_and(|proof| proof.verify(&trust_of(&log)).is_err()), "line {number}");
    }
    // The prefix of one's own history is no fork.
    let honest = text.replace(&line_of(&note(&other, 100)), &line_of(&note(&log, 100)));
    let proof = ForkProof::parse(honest.as_bytes()).expect("a proof by its form");
    assert!(matches!(proof.verify(&trust_of(&log)), Err(ForkError::NoFork { .. })));
    // Nor is anything that this log's key did not sign.
    let mut thief = other.clone();
    thief.log_key = SigningKey::from_bytes(&[77; 32]);
    let stolen = text.replace(&line_of(&note(&other, 100)), &line_of(&note(&thief, 100)));
    let unsigned = CheckpointError::Note(NoteError::Unsigned { name: ORIGIN.into() });
    let refused = ForkError::Checkpoint { which: "the first", reason: SeenError::Checkpoint(unsigned) };
    let proof = ForkProof::parse(stolen.as_bytes()).expect("a proof by its form");
    assert_eq!(proof.verify(&trust_of(&log)), Err(refused));
    let elsewhere = Trust::parse(Log::new("chat.example.nl/ander").trust().as_bytes()).expect("a trust file");
    assert!(matches!(proof.verify(&elsewhere), Err(ForkError::OtherLog { .. })));
}

fn line_of(note: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(note)
}

#[test]
fn a_log_key_that_the_root_has_changed_counts_before_and_after() {
    let mut log = Log::with_messages(3);
    let old = log.log_key.clone();
    let new = SigningKey::from_bytes(&[55; 32]);
    let changed = log.log_key_changed(&new);
    log.batch(Who::Root, vec![changed]);
    let batch = vec![log.message(CONVERSATION, 30, "daarna")];
    log.batch(Who::Source, batch);
    let registry = log.audit_entries().into_iter().filter(|entry| entry.index == 0 || entry.index == 3).collect();
    let keys = LogKeys::of_registry(&trust_of(&log), registry).expect("keys");
    assert_eq!(keys.len(), 2);
    let before = Seen::note(&keys, ORIGIN, &note(&log, 3)).expect("signed by the old key");
    log.log_key = new;
    let after = Seen::note(&keys, ORIGIN, &note(&log, 5)).expect("signed by the new key");
    let mirror = mirror_of(&log);
    let relation = by_mirror(&keys, ORIGIN, &before, &after, &mirror);
    assert!(matches!(relation, Ok(Relation::Same)), "{relation:?}");
    // Another history under the old key, after the change: the root named that key too.
    let mut other = other_history(&log, 2);
    other.log_key = old;
    let false_note = Seen::note(&keys, ORIGIN, &note(&other, 5)).expect("signed by the old key");
    let proof = proven(by_themselves(&keys, ORIGIN, &after, &false_note));
    assert_eq!(proof.verify(&trust_of(&log)).map(|fork| fork.by), Ok("roots"));
}

/// What a bundle shows of its tree, asked for every size and every entry.
fn shown(log: &Log, plan: &Plan, seen: &Seen) -> Shown {
    let all: Vec<u64> = (0..log.entries.len() as u64).collect();
    walked(&log.evidence(plan), ShownWalk::new(seen, &all, &all)).expect("a walk")
}

fn walked(evidence: &Evidence, mut walk: ShownWalk) -> Result<Shown, ProofError> {
    let hashes = |gap: &[Vec<u8>]| gap.iter().map(|hash| Hash::read(hash).expect("a hash")).collect::<Vec<_>>();
    for record in &evidence.records {
        match record.record.as_ref().expect("a record") {
            evidence_record::Record::Entry(entry) => walk.entry(entry.index, &hashes(&entry.gap), &entry.entry)?,
            evidence_record::Record::LogEnd(end) => return walk.finish(&hashes(&end.gap)),
            _ => {}
        }
    }
    panic!("the evidence has an end");
}

/// A log in which a bundle of one conversation shows some entries and leaves gaps between them.
fn gapped_log() -> (Log, Plan) {
    let mut log = Log::with_messages(3);
    for number in 0..41 {
        let conversation = if number % 7 < 2 { CONVERSATION } else { OTHER_CONVERSATION };
        let batch = vec![log.message(conversation, number + 10, "een")];
        log.batch(Who::Source, batch);
    }
    let plan = log.export(scope_of(CONVERSATION), None);
    (log, plan)
}

#[test]
fn a_bundle_shows_the_checkpoints_that_end_where_an_entry_of_it_does_and_concludes_nothing_of_others() {
    let (log, plan) = gapped_log();
    let (keys, newest) = (keys_of(&log), seen(&log, log.entries.len()));
    let shown = shown(&log, &plan, &newest);
    let visible: Vec<u64> = shown.included().iter().map(|included| included.index).collect();
    let (mut same, mut unknown) = (0, 0);
    for size in 1..log.entries.len() {
        match by_bundle(&keys, ORIGIN, &seen(&log, size), &newest, &shown) {
            Relation::Same => same += 1,
            Relation::Unknown => {
                unknown += 1;
                assert!(!visible.contains(&(size as u64 - 1)), "{size}: behind an entry that is shown");
            }
            Relation::Fork(_) => panic!("{size}: one history"),
        }
    }
    assert!(same > visible.len() && unknown > 0, "{same} shown, {unknown} not");
}

#[test]
fn a_checkpoint_of_another_history_is_a_fork_wherever_a_bundle_shows_its_size() {
    let (log, plan) = gapped_log();
    let (keys, newest) = (keys_of(&log), seen(&log, log.entries.len()));
    let (shown, other) = (shown(&log, &plan, &newest), other_history(&log, 0));
    let mut forks = 0;
    for size in 1..log.entries.len() {
        match by_bundle(&keys, ORIGIN, &seen(&other, size), &newest, &shown) {
            Relation::Same => panic!("{size}: another history"),
            Relation::Unknown => {}
            Relation::Fork(proof) => {
                let read = ForkProof::parse(proof.print().as_bytes()).expect("a proof");
                let fork = read.verify(&trust_of(&log)).expect("a fork");
                assert_eq!((fork.by, fork.first.0), ("prefix", size as u64));
                forks += 1;
            }
        }
    }
    assert!(forks > 20, "{forks}");
}

#[test]
fn an_entry_that_a_bundle_shows_and_a_receipt_has_otherwise_is_a_fork_whatever_their_sizes() {
    let (log, plan) = gapped_log();
    let (keys, newest) = (keys_of(&log), seen(&log, log.entries.len()));
    let bundle = newest.clone().showing(&shown(&log, &plan, &newest));
    let other = other_history(&log, 5);
    for index in bundle.indexes().filter(|index| *index < 40) {
        let receipt_of =
            |log: &Log| Seen::receipt(&keys, ORIGIN, &receipt(log, index as usize, 41)).expect("a receipt");
        let relation = by_themselves(&keys, ORIGIN, &receipt_of(&log), &bundle);
        assert!(matches!(relation, Relation::Unknown), "{index}: the same entry says nothing of the rest");
        if index >= 5 {
            let proof = proven(by_themselves(&keys, ORIGIN, &receipt_of(&other), &bundle));
            let fork = proof.verify(&trust_of(&log)).expect("a fork");
            assert_eq!((fork.by, fork.first.0, fork.second.0), ("entries", 41, log.entries.len() as u64));
        }
    }
}

#[test]
fn evidence_that_does_not_lead_to_its_checkpoint_says_nothing() {
    let (log, plan) = gapped_log();
    let other = other_history(&log, 5);
    let sizes: Vec<u64> = (0..40).collect();
    let walk = ShownWalk::new(&seen(&other, other.entries.len()), &sizes, &sizes);
    let refused = walked(&log.evidence(&plan), walk);
    let (found, wanted) = (root_of(log.leaves()), root_of(other.leaves()));
    assert_eq!(refused, Err(ProofError::WrongRoot { found, wanted }));
    let mut longer = log.evidence(&plan);
    for record in &mut longer.records {
        if let Some(evidence_record::Record::Entry(entry)) = &mut record.record {
            entry.gap.push(vec![0; 32]);
        }
    }
    let refused = walked(&longer, ShownWalk::new(&seen(&log, log.entries.len()), &sizes, &sizes));
    assert_eq!(refused, Err(ProofError::WrongLength { got: 1, want: 0 }));
}
