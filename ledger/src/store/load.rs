//! Opening a log: the state that its store holds, checked at the edge.
//!
//! The path after a crash is the path of every start: sweep keys without truth, make the edge of the tree again from the
//! last entries and tiles, hold it against the last signed checkpoint and against the guard.

use crate::log::{Changes, Identity, Log, SourceHead};
use crate::store::database::Column;
use crate::store::projection::{parse_capture_key, parse_registered_key, parse_source_key};
use crate::store::rows::{self, NumberRow, SourceRow};
use crate::store::{Allegiance, Dwelling, Guard, Store, StoreError, TreeReader};
use crate::tree::{self, Edge, TILE_HEIGHT};
use std::sync::Arc;
use zegel_proto::parse;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::{BatchStatement, Entry, EventHeader, EventKind, LogCreated, StreamType, entry};
use zegel_verifier::audit::dwell;
use zegel_verifier::checkpoint::{ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::{Hash, log_leaf};
use zegel_verifier::kinds::StreamMonth;
use zegel_verifier::registry::Registry;
use zegel_verifier::tree::Frontier;

/// A log as its store holds it.
pub(crate) struct Loaded {
    pub(crate) log: Log,
    pub(crate) edge: Edge,
    /// The newest signed note; `None` in an empty log.
    pub(crate) checkpoint: Option<Vec<u8>>,
    /// Content that was not purged yet, if this is a landing zone.
    pub(crate) dwelling: Dwelling,
}

impl Store {
    /// Entries in the store.
    pub(crate) fn size(&self) -> Result<u64, StoreError> {
        let last = self.truth.last_key(Column::Entries)?;
        let last = last.map(|key| key.as_ref().try_into().map(u64::from_be_bytes));
        let last = last.transpose().map_err(|_| StoreError::Row { what: "key of an entry" })?;
        Ok(last.map_or(0, |last| last + 1))
    }

    /// Loads the state of the log and checks its edge.
    pub(crate) fn load(self: &Arc<Self>, identity: Identity, guard: &mut Guard) -> Result<Loaded, StoreError> {
        if self.truth.get(Column::Meta, b"rebuilding")?.is_some() {
            return Err(StoreError::Rebuilding);
        }
        let size = self.size()?;
        // The guard's size first: a store that was put back may not even have the rows that the rest would read.
        if let Some((signed, _)) = guard.read()?.filter(|(signed, _)| *signed > size) {
            return Err(crate::store::GuardError::Rollback { found: size, signed }.into());
        }
        let edge = self.edge(size)?;
        let reader = TreeReader::new(Arc::clone(self), edge.clone());
        let root = tree::root_at(&reader, size)?;
        guard.check(size, |signed| tree::root_at(&reader, signed))?;
        let frontier = Frontier::restore(size, tree::gap(&reader, 0, size)?);
        let mut changes = Changes { tree: frontier.unwrap_or_default(), ..Changes::default() };
        let behind = self.catch_up(size)?;
        if behind > 0 {
            tracing::info!(origin = identity.origin, entries = behind, "projections brought up to the log");
        }
        if size > 0 {
            changes.received_at_ms = self.parsed_entry(size - 1)?.received_at_ms;
            changes.registry = Some(self.load_registry(&identity.origin)?);
        }
        let checkpoint = self.checkpoint()?;
        check_edge(&identity.origin, &changes, checkpoint.as_deref(), root)?;
        self.sweep_keys(size)?;
        self.bring_leaves()?;
        self.sweep_tables()?;
        // We may have stopped between a snapshot and this.
        self.drop_old_tables()?;
        if !self.has_newest_keys()? {
            // Not refused: keys that are gone do not come back, and the log itself is whole.
            tracing::error!(origin = identity.origin, "keys of the newest entries are missing: check names them");
        }
        let mut log = Log::new(identity);
        if let Allegiance::Promoted { size, root } = self.allegiance()? {
            log.await_recovery(size, root);
        }
        self.load_state(&mut changes, &mut log)?;
        log.restore(changes);
        let is_landing_zone = log.registry().is_some_and(|registry| dwell::max_hours(registry).is_some());
        let dwelling = if is_landing_zone { self.dwelling(size)? } else { Dwelling::default() };
        self.start_projector(size)?;
        Ok(Loaded { log, edge, checkpoint, dwelling })
    }

    /// Whether the newest ciphertexts have their keys. Keys are synced before their truth, so without them an older copy of
    /// `keys` was put back, or its tail was lost.
    fn has_newest_keys(&self) -> Result<bool, StoreError> {
        let Some(newest) = self.truth.last_key(Column::Bodies)? else { return Ok(true) };
        Ok(self.keys.get(Column::Wraps, &newest)?.is_some())
    }

    /// The right edge of the tree, made again from the last entries and tiles.
    pub(crate) fn edge(&self, size: u64) -> Result<Edge, StoreError> {
        Edge::restore(size, |level, index| {
            if level == 0 {
                return self.entry(index).map(|bytes| log_leaf(&bytes));
            }
            let root = self.full_tile(level - 1, index)?.root(TILE_HEIGHT, 0);
            root.ok_or(StoreError::Missing { what: "tile", number: index })
        })
    }

    /// An entry, parsed.
    pub(crate) fn parsed_entry(&self, index: u64) -> Result<Entry, StoreError> {
        parse(&self.entry(index)?).map_err(|_| StoreError::Row { what: "an entry" })
    }

    /// The statement of a batch; `None` for a snapshot.
    pub(crate) fn statement(&self, index: u64) -> Result<Option<BatchStatement>, StoreError> {
        match self.parsed_entry(index)?.content {
            Some(entry::Content::Batch(batch)) => {
                parse(&batch.statement).map(Some).map_err(|_| StoreError::Row { what: "an entry" })
            }
            _ => Ok(None),
        }
    }

    /// Replays the registry from its stream: authority was judged when each event was taken.
    pub(crate) fn load_registry(&self, origin: &str) -> Result<Registry, StoreError> {
        let unreadable = StoreError::Row { what: "the registry" };
        let of = StreamMonth::fixed(StreamType::StreamRegistry);
        let mut registry = None;
        let mut headers = (u64::MAX, Vec::new());
        for place in self.places(of, self.stream(&of)?.count) {
            let place = place?;
            if headers.0 != place.entry {
                headers = (place.entry, self.headers(place.entry)?);
            }
            let header = headers.1.get(place.position as usize).ok_or_else(|| unreadable.clone())?;
            let header: EventHeader = parse(header).map_err(|_| unreadable.clone())?;
            let kind = EventKind::try_from(header.kind).map_err(|_| unreadable.clone())?;
            let Some(Content::Public(public)) = header.content else { return Err(unreadable) };
            match &mut registry {
                None => {
                    let statement = self.statement(place.entry)?.ok_or_else(|| unreadable.clone())?;
                    let id = |bytes: &[u8]| Hash::read(bytes).unwrap_or(Hash::ZERO);
                    let created: LogCreated = parse(&public).map_err(|_| unreadable.clone())?;
                    let first = Registry::genesis(origin, id(&statement.key), id(&statement.source), &created);
                    registry = Some(first.map_err(|_| unreadable.clone())?);
                }
                Some(registry) => registry.apply(place.entry, kind, &public).map_err(|_| unreadable.clone())?,
            }
        }
        registry.ok_or(unreadable)
    }

    fn load_state(&self, changes: &mut Changes, log: &mut Log) -> Result<(), StoreError> {
        let unreadable = || StoreError::Row { what: "key of the state" };
        self.truth.each(Column::State, b"s", |key, row| {
            let row: SourceRow = rows::parse("a source", row)?;
            let source = parse_source_key(key).ok_or_else(unreadable)?;
            let (next_batch_seq, last_entry) = (row.next_batch_seq, row.last_entry);
            changes.sources.insert(source, SourceHead { next_batch_seq, previous: Hash(row.previous), last_entry });
            Ok(())
        })?;
        self.truth.each(Column::State, b"c", |key, row| {
            let row: NumberRow = rows::parse("a capture", row)?;
            log.restore_ids().count(&parse_capture_key(key).ok_or_else(unreadable)?, row.number);
            Ok(())
        })?;
        self.truth.each(Column::State, b"r", |key, _| {
            log.restore_ids().register(parse_registered_key(key).ok_or_else(unreadable)?);
            Ok(())
        })
    }
}

/// The last checkpoint must sign exactly this tree, by the key that its registry names.
fn check_edge(origin: &str, changes: &Changes, note: Option<&[u8]>, root: Hash) -> Result<(), StoreError> {
    let size = changes.tree.size();
    if size == 0 && note.is_none() {
        return Ok(());
    }
    let signed = || {
        let claimed = ClaimedCheckpoint::parse(note?).ok()?;
        let key = changes.registry.as_ref()?.log_key(size)?;
        VerifiedCheckpoint::verify(claimed, origin, key).ok()
    };
    match signed() {
        Some(checkpoint) if (checkpoint.size(), checkpoint.root()) == (size, root) => Ok(()),
        _ => Err(StoreError::Edge { size, found: root }),
    }
}
