//! The replay itself: one thread reads, many examine, one takes in order.

use super::Failure;
use crate::{EXIT_REFUSED, files};
use prost::Message;
use std::io::{IsTerminal, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use zegel_proto::limits::CHECKPOINT_BYTES_MAX;
use zegel_proto::parse;
use zegel_proto::v1::{AuditEntry, Entry, Receipt, entry};
use zegel_verifier::audit::{Auditor, Examined, examine};
use zegel_verifier::checkpoint::ClaimedCheckpoint;
use zegel_verifier::mirror::{MirrorError, MirrorReader};
use zegel_verifier::tree::Frontier;

type Mirror = MirrorReader<files::MirrorFolder>;

/// Entries and bytes that are examined in one go.
const CHUNK_ENTRIES: usize = 64;
const CHUNK_BYTES: usize = 2 * 1024 * 1024;
/// Chunks that wait for each thread.
const CHUNKS_WAITING: usize = 4;
/// Entries between two lines of progress: there is no clock here.
const PROGRESS_ENTRIES: u64 = 65_536;
/// Bytes of a receipt: its entry, at most 64 hashes, and its note.
const RECEIPT_BYTES_MAX: u64 = 256 * 1024;

/// A state fits a mirror that begins with the very entries that it has taken.
pub(super) fn check_state(auditor: &Auditor, mirror: &Mirror) -> Result<(), Failure> {
    let (taken, held) = (auditor.size(), mirror.size());
    let broken = |reason| Failure::mirror(None, &reason);
    let roots = if taken <= held { Some(mirror.subtrees(0, taken).map_err(broken)?) } else { None };
    let found = roots.and_then(|roots| Frontier::restore(taken, roots)).map(|edge| edge.root());
    if found == Some(auditor.root()) {
        return Ok(());
    }
    let nl = format!(
        "De stand is van {taken} regels waarmee deze spiegel (van {held} regels) niet begint: twee geschiedenissen"
    );
    let en =
        format!("the state is of {taken} entries with which this mirror (of {held}) does not begin: two histories");
    Err(Failure::new(EXIT_REFUSED, "STATE", nl, en))
}

/// Every checkpoint that the mirror saw, and those that were named.
pub(super) fn hand_in(auditor: &mut Auditor, mirror: &Mirror, named: &[PathBuf]) -> Result<(), Failure> {
    let broken = |reason| Failure::mirror(None, &reason);
    let mut notes = mirror.checkpoints().map_err(broken)?;
    notes.extend(mirror.checkpoint().map_err(broken)?);
    for path in named {
        notes.push(read_note(path)?);
    }
    for note in notes {
        match ClaimedCheckpoint::parse(&note).map(|claimed| claimed.claimed_size()) {
            Ok(size) if size > 0 && size < auditor.size() => {
                let proof = mirror.consistency_proof(size, auditor.size()).map_err(broken)?;
                auditor.earlier_checkpoint(&note, &proof);
            }
            _ => auditor.checkpoint(&note),
        }
    }
    Ok(())
}

/// A signed note as it is, or that of a receipt.
fn read_note(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = files::read_at_most(path, RECEIPT_BYTES_MAX).map_err(|reason| Failure::unreadable(path, &reason))?;
    if ClaimedCheckpoint::parse(&bytes).is_ok() {
        return Ok(bytes);
    }
    let receipt = Receipt::decode(bytes.as_slice()).map(|receipt| receipt.checkpoint);
    Ok(receipt.ok().filter(|note| !note.is_empty() && note.len() <= CHECKPOINT_BYTES_MAX).unwrap_or(bytes))
}

/// Looks ahead for snapshots that come later than what they cover.
pub(super) fn announce(auditor: &mut Auditor, mirror: &Mirror) -> Result<(), Failure> {
    let from = auditor.size();
    mirror
        .each_entry(from, |index, bytes| {
            let snapshot = match parse::<Entry>(bytes) {
                Ok(Entry { content: Some(entry::Content::Snapshot(snapshot)), .. }) => snapshot,
                _ => return,
            };
            if snapshot.covers < index {
                auditor.announce_snapshot(snapshot.covers);
            }
        })
        .map_err(|reason| Failure::mirror(None, &reason))
}

type Work = Vec<AuditEntry>;
type Done = Vec<Examined>;

/// Takes every entry from the auditor's size on.
pub(super) fn replay(auditor: Auditor, mirror: &Mirror) -> Result<Auditor, Failure> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let origin = auditor.origin().to_owned();
    let mut replayed = auditor;
    let read = thread::scope(|scope| {
        let (mut to, mut from): (Vec<SyncSender<Work>>, Vec<Receiver<Done>>) = (Vec::new(), Vec::new());
        for _ in 0..threads {
            let (work_sender, work) = sync_channel::<Work>(CHUNKS_WAITING);
            let (done_sender, done) = sync_channel::<Done>(CHUNKS_WAITING);
            let origin = origin.as_str();
            scope.spawn(move || {
                for chunk in work {
                    let examined = chunk.iter().map(|entry| examine(entry, origin)).collect();
                    if done_sender.send(examined).is_err() {
                        return;
                    }
                }
            });
            to.push(work_sender);
            from.push(done);
        }
        let (first, size) = (replayed.size(), mirror.size());
        let auditor = &mut replayed;
        scope.spawn(move || take_all(auditor, &from, size));
        read_all(mirror, first, &to)
    });
    read.map(|()| replayed)
}

/// Reads chunk after chunk, and hands them to the threads in turn.
fn read_all(mirror: &Mirror, first: u64, to: &[SyncSender<Work>]) -> Result<(), Failure> {
    let (mut chunk, mut bytes, mut turn) = (Vec::new(), 0, to.iter().cycle());
    let mut send = |chunk: Work| turn.next().is_some_and(|to| to.send(chunk).is_ok());
    for (index, entry) in (first..).zip(mirror.entries(first)) {
        let entry = entry.map_err(|reason: MirrorError| Failure::mirror(Some(index), &reason))?;
        bytes += entry.entry.len() + entry.headers.iter().map(Vec::len).sum::<usize>();
        chunk.push(entry);
        if chunk.len() >= CHUNK_ENTRIES || bytes >= CHUNK_BYTES {
            bytes = 0;
            if !send(std::mem::take(&mut chunk)) {
                return Ok(());
            }
        }
    }
    send(chunk);
    Ok(())
}

/// Takes what was examined, in turn, until the threads have nothing more.
fn take_all(auditor: &mut Auditor, from: &[Receiver<Done>], size: u64) {
    let mut said = auditor.size();
    for from in from.iter().cycle() {
        let Ok(done) = from.recv() else { return };
        done.into_iter().for_each(|examined| auditor.take(examined));
        if auditor.size() - said >= PROGRESS_ENTRIES && std::io::stderr().is_terminal() {
            said = auditor.size();
            // Progress that cannot be written is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{said} / {size}");
        }
    }
}
