//! Deriving the projections again from the truth: into their own place (`rebuild`), or beside it, to compare (`check`).
//!
//! What if we stop in the middle of a rebuild? A mark in the store says so, and a log with that mark does not open until a
//! rebuild has gone through. A comparison works in a database of its own, which is removed afterwards.

use crate::log::{SealedBatch, SealedEvent};
use crate::store::commit::{BROUGHT, put_tiles};
use crate::store::database::{Column, Database};
use crate::store::projection::{Projection, WATERMARK, put_watermark, watermark};
use crate::store::projector::RUN_EVENTS;
use crate::store::table::{TABLES_KEPT, drop_old_tables, head_key};
use crate::store::{Pace, Store, StoreError, rows};
use crate::tree::{Edge, FullTile};
use std::collections::BTreeMap;
use std::ops::Range;
use zegel_proto::parse;
use zegel_proto::v1::{BatchStatement, Entry, EventHeader, IndexSnapshot, entry};
use zegel_verifier::batch::event_leaf;
use zegel_verifier::hash::{Hash, log_leaf, sha256};
use zegel_verifier::kinds::EventFacts;

/// Rows that are compared in one slice.
const SLICE_ROWS: usize = 1_024;
/// Tiles of 8 KiB that wait to be written.
const TILES_WAITING_MAX: usize = 512;

/// A projection that is not what the truth leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// A row of a column: missing, surplus or other.
    Row {
        /// The column.
        column: &'static str,
        /// First row that differs, in hex.
        key: String,
    },
    /// A snapshot whose root does not follow from the entries before it.
    Snapshot {
        /// Its entry.
        entry: u64,
    },
    /// An entry that cannot be replayed.
    Entry {
        /// Its index.
        entry: u64,
        /// Why.
        reason: StoreError,
    },
}

/// Snapshots that are made again, each from all streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snapshots {
    /// Every one that was logged: whether what was signed was true.
    All,
    /// Those whose tables are kept: whether what is served is what was signed.
    Kept,
}

/// How far a replay is.
struct Replay<'a> {
    target: &'a Database,
    edge: Edge,
    /// What each snapshot states, by the entries that it covers.
    stated: BTreeMap<u64, Vec<(u64, IndexSnapshot)>>,
    differences: Vec<Difference>,
}

impl Store {
    /// Derives all projections again. Gives the entries that were replayed, and what did not follow.
    pub(crate) fn rebuild(&self) -> Result<(u64, Vec<Difference>), StoreError> {
        let mut mark = self.truth.write();
        mark.put(Column::Meta, b"rebuilding", &rows::print_raw(&[]));
        put_watermark(&mut mark, 0);
        self.truth.commit_synced(mark, "marking the rebuild")?;
        Column::PROJECTIONS.iter().try_for_each(|column| self.truth.clear(*column))?;
        let size = self.size()?;
        let mut replay = self.replay_of(&self.truth, size, Snapshots::All, &mut |_| true)?;
        self.replay_all(&mut replay, 0..size, &mut |_| true)?;
        // The mark is logged, what it stands for is not.
        self.truth.flush(Column::LOG)?;
        let mut done = self.truth.write();
        done.delete(Column::Meta, b"rebuilding");
        self.truth.commit_synced(done, "ending the rebuild")?;
        Ok((size, replay.differences))
    }

    /// Derives all projections beside the store, and compares them with those that are served from. What trails the truth is
    /// compared as of its watermark; tiles and tables do not trail.
    /// [`StoreError::Halted`] if `pace` says so.
    pub(crate) fn compare(&self, snapshots: Snapshots, pace: Pace<'_>) -> Result<Vec<Difference>, StoreError> {
        let folder = self.path.join("compare");
        let failed = |reason: std::io::Error| StoreError::failed("removing what was compared", reason);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        // What a crash left of a table that was being made is no finding: opening the log does the same.
        self.sweep_tables()?;
        self.drop_old_tables()?;
        let derived = Database::open(&folder, Column::LOG)?;
        let size = self.size()?;
        let watermark = watermark(&self.truth)?.min(size);
        let mut replay = self.replay_of(&derived, size, snapshots, pace)?;
        for (entries, columns) in [(0..watermark, Column::TRAILING), (watermark..size, Column::PROMPT)] {
            self.replay_all(&mut replay, entries, pace)?;
            // Behind an entry that cannot be replayed everything differs, and says nothing.
            if !replay.differences.iter().any(|difference| matches!(difference, Difference::Entry { .. })) {
                for column in columns {
                    let found = self.first_difference(&derived, *column, pace)?;
                    replay.differences.extend(found);
                }
            }
        }
        let differences = replay.differences;
        drop(derived);
        std::fs::remove_dir_all(&folder).map_err(failed)?;
        Ok(differences)
    }

    fn first_difference(
        &self,
        derived: &Database,
        column: Column,
        pace: Pace<'_>,
    ) -> Result<Option<Difference>, StoreError> {
        let mut from = Vec::new();
        loop {
            let found = self.truth.slice(column, &[], &from, SLICE_ROWS)?;
            let read: usize = found.iter().map(|(key, row)| key.len() + row.len()).sum();
            spend(pace, read as u64)?;
            let wanted = derived.slice(column, &[], &from, SLICE_ROWS)?;
            let at = found.iter().zip(&wanted).take_while(|(found, wanted)| found == wanted).count();
            if at < found.len().max(wanted.len()) {
                let keys = [&found, &wanted].into_iter().filter_map(|rows| rows.get(at)).map(|(key, _)| key);
                let key = keys.min().map(|key| key.iter().map(|byte| format!("{byte:02x}")).collect());
                return Ok(Some(Difference::Row { column: column.name(), key: key.unwrap_or_default() }));
            }
            let Some((last, _)) = found.last().filter(|_| found.len() == SLICE_ROWS) else { return Ok(None) };
            from = [last, &[0][..]].concat();
        }
    }

    /// Begins a replay into a database whose projections are empty.
    fn replay_of<'a>(
        &self,
        target: &'a Database,
        size: u64,
        snapshots: Snapshots,
        pace: Pace<'_>,
    ) -> Result<Replay<'a>, StoreError> {
        let mut stated = BTreeMap::<u64, Vec<_>>::new();
        for entry in 0..size {
            // One that cannot be read is found when it is replayed.
            let Ok(bytes) = self.entry(entry) else { continue };
            spend(pace, bytes.len() as u64)?;
            if let Ok(Entry { content: Some(entry::Content::Snapshot(snapshot)), .. }) = parse(&bytes) {
                stated.entry(snapshot.covers).or_default().push((entry, snapshot));
            }
        }
        if snapshots == Snapshots::Kept {
            let mut entries: Vec<u64> = stated.values().flatten().map(|(entry, _)| *entry).collect();
            entries.sort_unstable();
            let oldest = entries.iter().rev().nth(TABLES_KEPT - 1).copied().unwrap_or(0);
            stated.values_mut().for_each(|of| of.retain(|(entry, _)| *entry >= oldest));
            stated.retain(|_, of| !of.is_empty());
        }
        Ok(Replay { target, edge: Edge::default(), stated, differences: Vec::new() })
    }

    fn replay_all(&self, replay: &mut Replay<'_>, entries: Range<u64>, pace: Pace<'_>) -> Result<(), StoreError> {
        let mut projection = Projection::new(replay.target);
        let mut tiles = Vec::new();
        for index in entries {
            let (batch, leaf) = match self.replayed(index) {
                Ok((batch, leaf, read)) => {
                    spend(pace, read)?;
                    (batch, leaf)
                }
                Err(reason) => {
                    // What follows cannot be right either; the difference that matters is named.
                    replay.differences.push(Difference::Entry { entry: index, reason });
                    break;
                }
            };
            projection.take(index, batch.as_ref());
            tiles.extend(replay.edge.push(leaf));
            if tiles.len() > TILES_WAITING_MAX {
                replay.put_tiles(&mut tiles)?;
            }
            let is_covered = replay.stated.contains_key(&(index + 1));
            if is_covered || projection.places() > RUN_EVENTS {
                std::mem::replace(&mut projection, Projection::new(replay.target)).write()?;
            }
            if is_covered {
                replay.compare_tables(index + 1, pace)?;
            }
        }
        replay.put_tiles(&mut tiles)?;
        projection.write_if_any()
    }

    /// What an entry brings, made again from the truth; its leaf; and the bytes that were read.
    pub(super) fn replayed(&self, entry: u64) -> Result<(Option<SealedBatch>, Hash, u64), StoreError> {
        let unreadable = || StoreError::Row { what: "an entry" };
        let bytes = self.entry(entry)?;
        let parsed: Entry = parse(&bytes).map_err(|_| unreadable())?;
        let mut read = bytes.len();
        let batch = match parsed.content.ok_or_else(unreadable)? {
            entry::Content::Snapshot(_) => None,
            entry::Content::Batch(batch) => {
                let statement: BatchStatement = parse(&batch.statement).map_err(|_| unreadable())?;
                let headers = self.headers(entry)?;
                read += headers.iter().map(Vec::len).sum::<usize>();
                Some(SealedBatch {
                    source: Hash::read(&statement.source).ok_or_else(unreadable)?,
                    batch_seq: statement.batch_seq,
                    statement: sha256(&[&batch.statement]),
                    events: headers.iter().map(|header| event_of(header)).collect::<Result<_, _>>()?,
                    envelopes: Vec::new(),
                })
            }
        };
        Ok((batch, log_leaf(&bytes), read as u64))
    }

    /// Brings the projections up to the store's size; gives how many entries they were behind.
    pub(super) fn catch_up(&self, size: u64) -> Result<u64, StoreError> {
        // Written from the first run on, together with the first row.
        let is_marked = self.truth.get(Column::Meta, WATERMARK)?.is_some();
        if !is_marked && self.truth.last_key(Column::Streams)?.is_some() {
            return Err(StoreError::NoWatermark);
        }
        let watermark = watermark(&self.truth)?;
        if watermark > size {
            return Err(StoreError::Row { what: "the watermark" });
        }
        let mut projection = Projection::new(&self.truth);
        for index in watermark..size {
            projection.take(index, self.replayed(index)?.0.as_ref());
            if projection.places() > RUN_EVENTS {
                std::mem::replace(&mut projection, Projection::new(&self.truth)).write()?;
            }
        }
        projection.write_if_any()?;
        Ok(size - watermark)
    }

    /// The signed note of a size; `None` where no group ended.
    pub(crate) fn checkpoint_at(&self, size: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.truth.get(Column::Checkpoints, &size.to_be_bytes())?;
        row.map(|row| Ok(rows::parse_raw("a checkpoint", &row)?.to_vec())).transpose()
    }

    /// Rows of keys that lie there for entries that do not exist.
    pub(crate) fn has_orphan_keys(&self, size: u64) -> Result<bool, StoreError> {
        let orphans = self.keys.slice(Column::Wraps, &[], &rows::chunk_key(size, 0), 1)?;
        Ok(orphans.iter().any(|(key, _)| key.len() == rows::chunk_key(0, BROUGHT).len()))
    }
}

pub(super) fn spend(pace: Pace<'_>, bytes: u64) -> Result<(), StoreError> {
    if pace(bytes) { Ok(()) } else { Err(StoreError::Halted) }
}

impl Replay<'_> {
    fn put_tiles(&mut self, tiles: &mut Vec<FullTile>) -> Result<(), StoreError> {
        let mut write = self.target.write();
        put_tiles(&mut write, tiles);
        tiles.clear();
        self.target.commit(write, "writing tiles")
    }

    /// Makes the table over so many entries, and holds it against what their snapshots state.
    fn compare_tables(&mut self, covers: u64, pace: Pace<'_>) -> Result<(), StoreError> {
        let made = Projection::write_table(self.target, covers, pace)?;
        let mut write = self.target.write();
        for (entry, snapshot) in self.stated.remove(&covers).unwrap_or_default() {
            if snapshot != made.snapshot {
                self.differences.push(Difference::Snapshot { entry });
            }
            write.put(Column::Tables, &head_key(entry), &rows::print(&made.head));
        }
        self.target.commit(write, "writing a table")?;
        drop_old_tables(self.target)
    }
}

fn event_of(header: &[u8]) -> Result<SealedEvent, StoreError> {
    let unreadable = || StoreError::Row { what: "headers" };
    let parsed: EventHeader = parse(header).map_err(|_| unreadable())?;
    Ok(SealedEvent { facts: EventFacts::read(&parsed).map_err(|_| unreadable())?, leaf: event_leaf(header) })
}
