//! Follows another ledger: asks it for what is new, holds all of it against the rules of an append, and keeps it.
//!
//! Invariants:
//! - what is kept is what an append would have kept, byte for byte, under the notes that the primary signed (`sequencer`);
//! - a primary that gives or signs what cannot be is refused: nothing more is taken from it, also after a restart, until a
//!   person takes the file `refused` away; what was kept before goes on being served;
//! - the newest checkpoint that the primary was heard to sign is durable before its entries are asked for: a promotion
//!   knows what it would lose;
//! - nothing is erased here without an order that an officer and an approver of this log's registry signed.
//!
//! What if we stop at any point? A group is durable whole or not at all, a blob goes on where it was, an order that was begun is
//! carried out again. Not here: promotion (`promote`). Specification: `specs/follower.md`.

mod custody;
mod group;
mod kept;
mod line;
mod orders;
mod received;
mod rewraps;

pub(crate) use kept::Kept;
pub(crate) use orders::finish as finish_orders;

use crate::config::{FollowConfig, LogConfig};
use crate::log::Identity;
use crate::metrics::{LogMetrics, now_ms};
use crate::sequencer::{self, Fault, OpenLog, Received, ReceivedContent, ReceivedEntry, Replica, ReplicaError};
use crate::server::{ServeError, open_store};
use crate::store::{Allegiance, BlobError, Faults, Guard, NoRoom, Room, StoreError};
use custody::Custody;
use group::Group;
use line::Line;
use orders::Orders;
use rewraps::Rewraps;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tonic::{Code, Status};
use zegel_proto::v1::ReplicatedEntry;
use zegel_proto::v1::replicate_response::Item;
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::Hash;
use zegel_verifier::tree::check_consistency;

/// Why a store may not be served as the configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FollowError {
    /// A replica that would be signed for.
    #[error("the store follows {primary}: it signs nothing before `zegel-ledger promote`")]
    StillFollows {
        /// The primary.
        primary: String,
    },
    /// A promoted store that would follow.
    #[error(
        "the store was promoted at {size} entries and follows nobody again: take [log.follow] out, or begin with an empty store"
    )]
    Promoted {
        /// Entries.
        size: u64,
    },
    /// A key where none may be.
    #[error(
        "{path} is a log key at a follower, which must not be able to sign: keep it elsewhere until this store is promoted"
    )]
    KeyAtFollower {
        /// The key.
        path: PathBuf,
    },
}

/// Why a round ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum RoundError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error("the primary answers {code:?}: {message}")]
    Primary { code: Code, message: String },
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error("the stream ended at entry {at}, in the middle of a group")]
    Broken { at: u64 },
    #[error("the primary does not have blob {blob} of entry {index}")]
    NoBlob { blob: Hash, index: u64 },
    #[error("envelope {number} that the primary rewrapped is of dossier {dossier}, which is not here")]
    NoDossier { dossier: Hash, number: u64 },
    #[error(transparent)]
    Blob(BlobError),
    #[error("the replica stopped and must be opened again: {0}")]
    Stopped(#[from] StoreError),
}

impl From<Status> for RoundError {
    fn from(status: Status) -> Self {
        Self::Primary { code: status.code(), message: status.message().to_owned() }
    }
}

impl From<ReplicaError> for RoundError {
    fn from(reason: ReplicaError) -> Self {
        match reason {
            ReplicaError::Fault(fault) => Self::Fault(fault),
            ReplicaError::NoRoom(full) => Self::NoRoom(full),
            ReplicaError::Stopped(reason) => Self::Stopped(reason),
        }
    }
}

impl From<BlobError> for RoundError {
    fn from(reason: BlobError) -> Self {
        match reason {
            BlobError::OtherHash { .. } | BlobError::Surplus { .. } => Self::Fault(Fault::Blob(reason.to_string())),
            other => Self::Blob(other),
        }
    }
}

/// How a follower stands with its primary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// It has not been heard yet.
    #[default]
    Unheard,
    /// The last round went well.
    Follows,
    /// It did not, and another may.
    Troubled(String),
    /// Nothing more is taken before a person has looked.
    Ended(String),
}

/// A log that follows another ledger.
pub(crate) struct Follower {
    origin: String,
    line: Line,
    replica: Replica,
    room: Room,
    kept: Kept,
    interval: Duration,
    metrics: LogMetrics,
    /// Of an archive.
    custody: Option<Custody>,
    standing: Standing,
    /// What the primary signed last.
    newest: Vec<u8>,
}

/// Opens a log as a replica.
pub(crate) fn open(
    config: &LogConfig,
    follow: &FollowConfig,
    faults: Arc<dyn Faults>,
    metrics: LogMetrics,
) -> Result<(Arc<OpenLog>, Follower), ServeError> {
    let refused = |reason| ServeError::Follow { origin: config.origin.clone(), reason };
    let failed = |reason| ServeError::Store { origin: config.origin.clone(), reason };
    if config.log_key.exists() {
        return Err(refused(FollowError::KeyAtFollower { path: config.log_key.clone() }));
    }
    let line = Line::new(follow.channel(config)?, &config.origin);
    let mut guard = Guard::new(&config.guard, &config.origin).hold().map_err(failed)?;
    let store = open_store(config, faults)?;
    match store.allegiance().map_err(failed)? {
        Allegiance::Promoted { size, .. } => return Err(refused(FollowError::Promoted { size })),
        Allegiance::Follows(primary) if primary == follow.primary => {}
        Allegiance::Follows(_) | Allegiance::Own => store.follow(&follow.primary).map_err(failed)?,
    }
    let custody = follow.archive.as_ref().map(Custody::open).transpose()?;
    if custody.is_some() {
        store.become_archive().map_err(failed)?;
    }
    let identity = Identity { origin: config.origin.clone(), root_key: config.root_key()?, log_keys: None };
    let loaded = store.load(identity, &mut guard).map_err(failed)?;
    finish_orders(&store).map_err(failed)?;
    let kept = Kept::of(&config.store);
    let unread = |reason| failed(StoreError::failed("reading whether the primary is refused", reason));
    let standing = kept.refusal().map_err(unread)?.map_or(Standing::Unheard, Standing::Ended);
    if let Standing::Ended(reason) = &standing {
        tracing::error!(
            origin = config.origin,
            reason,
            "the primary is not followed: take the file `refused` away once that is understood"
        );
    }
    tracing::info!(
        origin = config.origin,
        size = loaded.log.size(),
        primary = follow.primary,
        "log opened as a replica"
    );
    let room = Room::new(&config.store, &config.guard, config.reserve_mib);
    let (log, replica) = sequencer::follow(&store, loaded, guard, room.clone(), follow.primary.clone(), &metrics);
    let interval = Duration::from_millis(follow.interval_ms.max(1));
    let origin = config.origin.clone();
    Ok((log, Follower { origin, line, replica, room, kept, interval, metrics, custody, standing, newest: Vec::new() }))
}

impl Follower {
    /// A thread of its own, as every writer of a log has one.
    pub(crate) fn start(
        self,
        stopping: watch::Receiver<bool>,
        tell: watch::Sender<bool>,
    ) -> std::io::Result<JoinHandle<()>> {
        let runtime = Handle::current();
        let thread = std::thread::Builder::new().name("follower".into());
        thread.spawn(move || runtime.block_on(self.run(stopping, tell)))
    }

    /// Follows until `stopping` says so, or nobody can say it any more. `tell` hears whether all is well, whenever that changes.
    async fn run(mut self, mut stopping: watch::Receiver<bool>, tell: watch::Sender<bool>) {
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                () = self.turn() => {}
            }
            tell.send_replace(self.standing == Standing::Follows);
            self.metrics.follows(matches!(self.standing, Standing::Ended(_)));
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                () = tokio::time::sleep(self.interval) => {}
            }
        }
    }

    async fn turn(&mut self) {
        if matches!(self.standing, Standing::Ended(_)) {
            return;
        }
        let origin = self.origin.clone();
        let now = match self.round().await {
            Ok(()) => Standing::Follows,
            Err(RoundError::Fault(fault)) => {
                tracing::error!(origin, reason = %fault, "the primary is refused: nothing more is taken from it");
                if let Err(reason) = self.kept.refuse(&fault.to_string(), &self.newest) {
                    tracing::error!(origin, %reason, "the refusal could not be kept");
                }
                Standing::Ended(fault.to_string())
            }
            Err(reason @ RoundError::Stopped(_)) => {
                tracing::error!(origin, %reason, "nothing more is followed until this ledger is started again");
                Standing::Ended(reason.to_string())
            }
            Err(reason) => Standing::Troubled(reason.to_string()),
        };
        if now != self.standing {
            match &now {
                Standing::Troubled(reason) => tracing::warn!(origin, reason, "the primary cannot be followed just now"),
                Standing::Follows => tracing::info!(origin, "the primary is followed"),
                Standing::Unheard | Standing::Ended(_) => {}
            }
            self.standing = now;
        }
    }

    async fn round(&mut self) -> Result<(), RoundError> {
        self.newest = self.line.checkpoint().await?;
        let size = self.judge().await?;
        self.metrics.heard(size, now_ms());
        let read = self.read().await;
        // The first entries brought the key that the checkpoint before them is verified with.
        self.signed()?;
        read?;
        if let Some(custody) = &mut self.custody {
            custody.turn(&self.origin, self.replica.store(), self.replica.log().size());
        }
        Ok(())
    }

    /// Whether what the primary signed last goes on from what is held. Gives its size.
    async fn judge(&self) -> Result<u64, RoundError> {
        let log = self.replica.log();
        let (held, own) = (log.size(), log.root());
        let Some(signed) = self.signed()? else { return Ok(self.claimed()?.claimed_size()) };
        let size = signed.size();
        if size < held {
            return Err(Fault::Rollback { signed: size, held }.into());
        }
        let proof = if size == held || held == 0 { Vec::new() } else { self.line.consistency(held, size).await? };
        let proof: Option<Vec<Hash>> = proof.iter().map(|hash| Hash::read(hash)).collect();
        let goes_on = |proof: Vec<Hash>| held == 0 || check_consistency(held, own, size, signed.root(), &proof).is_ok();
        if proof.is_some_and(goes_on) { Ok(size) } else { Err(Fault::Fork { size, held }.into()) }
    }

    fn claimed(&self) -> Result<ClaimedCheckpoint, Fault> {
        let held = self.replica.log().size();
        ClaimedCheckpoint::parse(&self.newest).map_err(|reason| Fault::Checkpoint { size: held, reason })
    }

    /// What the primary signed last, once it is kept; `None` while its key is not known here.
    fn signed(&self) -> Result<Option<VerifiedCheckpoint>, RoundError> {
        let log = self.replica.log();
        let claimed = self.claimed()?;
        let size = claimed.claimed_size();
        let Some(key) = log.registry().and_then(|registry| registry.log_key(size)) else { return Ok(None) };
        let signed = match VerifiedCheckpoint::verify(claimed, &self.origin, key) {
            Ok(signed) => signed,
            Err(reason) if size <= log.size() => return Err(Fault::Checkpoint { size, reason }.into()),
            // Entries that are not here yet may name another key: each group is verified as the registry is then.
            Err(_) => return Ok(None),
        };
        let kept = self.kept.saw(size, &self.newest);
        kept.map_err(|reason| StoreError::failed("keeping the primary's checkpoint", reason))?;
        Ok(Some(signed))
    }

    /// Takes all that is new.
    async fn read(&mut self) -> Result<(), RoundError> {
        let mut orders = Orders::of(self.replica.store())?;
        let mut rewraps = Rewraps::of(self.replica.store())?;
        let from = self.replica.log().size();
        let mut stream = self.line.replicate(from, orders.carried_out(), rewraps.newest()).await?;
        let mut group = Group::default();
        while let Some(message) = stream.message().await? {
            match message.item.ok_or(Fault::Incomplete { wanted: "item" })? {
                Item::Order(piece) => orders.take(piece)?,
                Item::Entry(entry) => self.entry(entry, &mut group, &orders, &mut rewraps).await?,
                Item::Rewrapped(rewrapped) => {
                    rewraps.take(rewrapped, self.replica.log(), self.replica.store(), &self.room)?;
                }
            }
        }
        if let Some(first) = group.entries.first() {
            return Err(RoundError::Broken { at: first.index });
        }
        rewraps.write(self.replica.store(), &self.room)?;
        let is_ordered = orders.is_pending();
        orders.carry_out(self.replica.log(), self.replica.store())?;
        if is_ordered {
            self.replica.content_went()?;
        }
        Ok(())
    }

    /// Takes an entry into its group, and the group once it is whole.
    async fn entry(
        &mut self,
        entry: ReplicatedEntry,
        group: &mut Group,
        orders: &Orders,
        rewraps: &mut Rewraps,
    ) -> Result<(), RoundError> {
        let (found, wanted) = (entry.index, self.replica.log().size() + group.entries.len() as u64);
        if found != wanted {
            return Err(Fault::Order { found, wanted }.into());
        }
        let attachments = orders.attachments(&entry);
        let (received, note) = received::examine(&self.origin, entry, |place| orders.names(place))?;
        self.fetch_blobs(&received).await?;
        self.fetch_left(attachments).await?;
        group.push(received)?;
        if !note.is_empty() {
            let entries = std::mem::take(group).entries;
            if entries.iter().any(ReceivedEntry::is_recovery) {
                // Before the entry is: if we stop in between, all that was rewrapped comes again.
                rewraps.begin_anew(self.replica.store())?;
            }
            self.replica.take(Received { entries, note })?;
        }
        Ok(())
    }

    /// Attachments are there before the entry that names them, as with an append.
    async fn fetch_blobs(&self, entry: &ReceivedEntry) -> Result<(), RoundError> {
        let ReceivedContent::Batch { submission, .. } = &entry.content else { return Ok(()) };
        let blobs = self.replica.store().blobs();
        let named = submission.events.iter().flat_map(|event| &event.blobs);
        for blob in named.copied().filter(|blob| !blobs.is_complete(*blob)) {
            let size = self.line.blob_size(blob).await?.ok_or(RoundError::NoBlob { blob, index: entry.index })?;
            self.fetch(blob, size).await?;
        }
        Ok(())
    }

    /// The same of events that lost a part before they came. What the primary does not have any more went with the rest of its event.
    async fn fetch_left(&self, attachments: Vec<Hash>) -> Result<(), RoundError> {
        let blobs = self.replica.store().blobs();
        for blob in attachments.into_iter().filter(|blob| !blobs.is_complete(*blob)) {
            match self.line.blob_size(blob).await? {
                Some(size) => self.fetch(blob, size).await?,
                None => tracing::warn!(origin = self.origin, %blob, "an attachment is not at the primary any more"),
            }
        }
        Ok(())
    }

    async fn fetch(&self, blob: Hash, size: u64) -> Result<(), RoundError> {
        self.room.check(size)?;
        match self.replica.store().blobs().upload(blob, size)? {
            Some(upload) => self.line.fetch(blob, upload).await,
            None => Ok(()),
        }
    }
}
