//! The writer of a follower: takes the groups of its primary, holds them against every rule of an append, and makes them
//! durable by the same steps.
//!
//! Invariants:
//! - a group is taken whole or not at all: nothing is written before every batch of it was admitted as if it came in now, at
//!   the time that it states, has given the same bytes again, and the primary's note signs the root over them;
//! - a snapshot is taken only if the table made here, of the same entries, is the one that it states;
//! - steps and what if we stop after each are those of `sequencer`; step 3, signing, has happened elsewhere.
//!
//! After a doubtful write it takes nothing any more until the log is opened again. Not here: where groups come from
//! (`follow`). Specification: `specs/follower.md`.

use super::open::{OpenLog, Writer};
use super::publisher::Publisher;
use super::{GROUP_BYTES_MAX, Stopped, begin};
use crate::access::Roles;
use crate::log::{Admitted, Draft, Log, Refusal, Sealed, Submission};
use crate::metrics::{LogMetrics, timed};
use crate::rewrap::RewrapError;
use crate::store::{Cut, Group, Guard, Loaded, NoRoom, Packed, Room, Store, StoreError, TableHead};
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;
use zegel_proto::CanonicalError;
use zegel_proto::v1::IndexSnapshot;
use zegel_verifier::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::erasure::ErasureError;
use zegel_verifier::hash::Hash;

/// Why a primary is not followed any further: what it gave or signed cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    #[error("entry {index}: {reason}")]
    Entry { index: u64, reason: CanonicalError },
    #[error("entry {found} came where entry {wanted} goes")]
    Order { found: u64, wanted: u64 },
    #[error("entry {index}: {reason}")]
    Batch { index: u64, reason: Box<Refusal> },
    #[error("entry {index} logs a batch again that entry {before} logged")]
    Twice { index: u64, before: u64 },
    #[error("entry {index}: its time goes back, or its bytes are not what it says")]
    OtherBytes { index: u64 },
    #[error("entry {index}: a snapshot of {covers} entries stands in a group that begins at {first}")]
    SnapshotAhead { index: u64, covers: u64, first: u64 },
    #[error("entry {index}: its table does not follow from the entries before it")]
    Snapshot { index: u64 },
    #[error("a group has more than {max} {what}")]
    GroupTooLarge { what: &'static str, max: usize },
    #[error("the sealed form of {index}:{position} is gone, and no order says that it went")]
    Gone { index: u64, position: u32 },
    #[error("{index}:{position} is said to be erased, and bytes came with it or it has no such event")]
    NotGone { index: u64, position: u32 },
    #[error("the checkpoint of {size} entries: {reason}")]
    Checkpoint { size: u64, reason: CheckpointError },
    #[error("at {size} entries the root is {found}, the primary signed {signed_size} entries with root {signed}")]
    OtherTree { size: u64, found: Hash, signed_size: u64, signed: Hash },
    #[error("rollback: the primary signs {signed} entries, of which {held} were followed before")]
    Rollback { signed: u64, held: u64 },
    #[error("fork: the primary signs {size} entries that do not go on from the {held} that were followed before")]
    Fork { size: u64, held: u64 },
    #[error("an order to erase: {0}")]
    Erasure(#[from] ErasureError),
    #[error("an order to erase names {entry}:{position}, which is no chat or capture event of this log")]
    NotContent { entry: u64, position: u32 },
    #[error("rewrapped envelope {found} came behind number {after}")]
    RewrapOrder { found: u64, after: u64 },
    #[error("rewrapping: {0}")]
    Rewrap(#[from] RewrapError),
    #[error("an attachment: {0}")]
    Blob(String),
    #[error("the answer of the primary has no {wanted}")]
    Incomplete { wanted: &'static str },
}

/// Why a group was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ReplicaError {
    /// The group cannot be.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Later, perhaps.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// Nobody knows what is on disk.
    #[error("the replica stopped and must be opened again: {0}")]
    Stopped(#[from] StoreError),
}

/// An entry that is good by itself.
pub(crate) struct ReceivedEntry {
    pub(crate) index: u64,
    /// Canonical bytes.
    pub(crate) bytes: Vec<u8>,
    pub(crate) received_at_ms: u64,
    pub(crate) content: ReceivedContent,
}

/// What an entry holds.
pub(crate) enum ReceivedContent {
    Batch {
        submission: Box<Submission>,
        packed: Packed,
        /// Leaves of what was erased, by position.
        erased: BTreeMap<u32, Hash>,
    },
    Snapshot(IndexSnapshot),
}

/// A group as its primary logged it.
pub(crate) struct Received {
    pub(crate) entries: Vec<ReceivedEntry>,
    /// The primary's signed note.
    pub(crate) note: Vec<u8>,
}

/// Writes a replica.
pub(crate) struct Replica {
    log: Log,
    publisher: Publisher,
    room: Room,
    is_stopped: bool,
}

/// Opens a log that was loaded as a replica of what `primary` writes.
pub(crate) fn follow(
    store: &Arc<Store>,
    loaded: Loaded,
    guard: Guard,
    room: Room,
    primary: String,
    metrics: &LogMetrics,
) -> (Arc<OpenLog>, Replica) {
    let (log, publisher) = begin(loaded, guard, store, metrics);
    let open = OpenLog::new(&publisher, room.clone(), Writer::Primary(primary), Stopped::default());
    (Arc::new(open), Replica { log, publisher, room, is_stopped: false })
}

impl Replica {
    /// The state of the log after the last group.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.publisher.store
    }

    /// Content has gone from the store: looks what the oldest is that is left.
    pub(crate) fn content_went(&self) -> Result<(), StoreError> {
        self.publisher.store.look_for_content(&self.publisher.dwelling)
    }

    /// Takes the next group: when this returns, it is durable and published. Gives the size with it.
    pub(crate) fn take(&mut self, group: Received) -> Result<u64, ReplicaError> {
        if self.is_stopped {
            return Err(StoreError::failed("following", "an earlier write was doubtful").into());
        }
        self.room.check(GROUP_BYTES_MAX as u64)?;
        self.log.forget_below(self.publisher.store.watermark());
        let (group, note) = self.admit(group)?;
        let size = group.sealed.size;
        self.write(group, note).inspect_err(|_| self.is_stopped = true)?;
        Ok(size)
    }

    /// Everything of a group that can be judged, before any of it is written.
    fn admit(&self, received: Received) -> Result<(Group, Vec<u8>), ReplicaError> {
        let store = Arc::clone(&self.publisher.store);
        let tables = self.tables(&received.entries)?;
        let received_at_ms = received.entries.first().map_or(0, |entry| entry.received_at_ms);
        let mut draft = self.log.draft(store.as_ref(), received_at_ms);
        let (mut packed, mut erased, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for ReceivedEntry { index, bytes: own, content, .. } in received.entries {
            match content {
                ReceivedContent::Batch { submission, packed: own, erased: gone } => {
                    admit(&mut draft, index, *submission)?;
                    packed.push((index, own));
                    erased.extend(gone.into_iter().map(|(position, leaf)| (index, position, leaf)));
                }
                ReceivedContent::Snapshot(snapshot) => {
                    draft.snapshot(snapshot).map_err(|reason| Fault::Entry { index, reason })?;
                }
            }
            bytes.push((index, own));
        }
        let sealed = draft.seal().ok_or(Fault::Incomplete { wanted: "genesis" })?;
        let others = sealed.entries.iter().zip(&bytes).find(|(sealed, (_, bytes))| sealed.bytes != *bytes);
        if let Some((_, (index, _))) = others {
            return Err(Fault::OtherBytes { index: *index }.into());
        }
        check_note(&self.publisher.origin, &sealed, &received.note)?;
        Ok((Group { sealed, packed, tables, erased }, received.note))
    }

    /// The tables of the snapshots of a group, made here.
    fn tables(&self, entries: &[ReceivedEntry]) -> Result<Vec<(u64, TableHead)>, ReplicaError> {
        let first = self.log.size();
        let mut tables = Vec::new();
        for entry in entries {
            let (index, ReceivedContent::Snapshot(snapshot)) = (entry.index, &entry.content) else { continue };
            let covers = snapshot.covers;
            if covers == 0 || covers > first {
                return Err(Fault::SnapshotAhead { index, covers, first }.into());
            }
            let made = self.publisher.store.make_table(Cut::At(covers))?;
            if made.snapshot != *snapshot {
                return Err(Fault::Snapshot { index }.into());
            }
            tables.push((index, made.head));
        }
        Ok(tables)
    }

    fn write(&mut self, mut group: Group, note: Vec<u8>) -> Result<(), StoreError> {
        let changes = std::mem::take(&mut group.sealed.changes);
        let roles = changes.registry.as_ref().map(|registry| Arc::new(Roles::of(registry)));
        let publisher = &mut self.publisher;
        timed(&publisher.metrics.sync_keys, || publisher.store.commit_keys(&group))?;
        publisher.publish(group, note, roles)?;
        // Memory follows disk.
        self.log.advance(changes);
        Ok(())
    }
}

fn admit(draft: &mut Draft<'_>, index: u64, submission: Submission) -> Result<(), Fault> {
    match draft.admit(submission) {
        Ok(Admitted::Logged { entry }) if entry == index => Ok(()),
        Ok(Admitted::Logged { entry: wanted }) => Err(Fault::Order { found: index, wanted }),
        Ok(Admitted::Already { entry: before }) => Err(Fault::Twice { index, before }),
        Err(reason) => Err(Fault::Batch { index, reason: Box::new(reason) }),
    }
}

/// The note signs exactly this tree, by the key that the registry names for its size.
fn check_note(origin: &str, sealed: &Sealed, note: &[u8]) -> Result<(), Fault> {
    let (size, found) = (sealed.size, sealed.root);
    let wrong = |reason| Fault::Checkpoint { size, reason };
    let claimed = ClaimedCheckpoint::parse(note).map_err(wrong)?;
    let signed = VerifiedCheckpoint::verify(claimed, origin, &sealed.log_key).map_err(wrong)?;
    if (signed.size(), signed.root()) == (size, found) {
        return Ok(());
    }
    Err(Fault::OtherTree { size, found, signed_size: signed.size(), signed: signed.root() })
}
