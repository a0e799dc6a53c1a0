//! Deriving the projections again from the truth: into their own place (`rebuild`), or beside it, to compare (`check`).
//!
//! What if we stop in the middle of a rebuild? A mark in the store says so, and a log with that mark does not open until a
//! rebuild has gone through. A comparison works in a database of its own, which is removed afterwards.

use crate::store::commit::BROUGHT;
use crate::store::database::{Column, Database};
use crate::store::projection::{ProjectedBatch, Projection};
use crate::store::table::drop_old_tables;
use crate::store::{Store, StoreError, rows};
use crate::tree::Edge;
use zegel_proto::parse;
use zegel_proto::v1::{BatchStatement, Entry, EventHeader, IndexSnapshot, entry};
use zegel_verifier::batch::event_leaf;
use zegel_verifier::hash::{Hash, log_leaf, sha256};
use zegel_verifier::kinds::EventFacts;

/// Entries that are replayed in one write.
const GROUP_ENTRIES: u64 = 64;
/// Rows that are compared in one slice.
const SLICE_ROWS: usize = 1_024;

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

impl Store {
    /// Derives all projections again. Gives the entries that were replayed, and what did not follow.
    pub(crate) fn rebuild(&self) -> Result<(u64, Vec<Difference>), StoreError> {
        let mut mark = self.truth.write();
        mark.put(Column::Meta, b"rebuilding", &rows::print_raw(&[]));
        self.truth.commit_synced(mark, "marking the rebuild")?;
        Column::PROJECTIONS.iter().try_for_each(|column| self.truth.clear(*column))?;
        let differences = self.replay_into(&self.truth)?;
        let mut done = self.truth.write();
        done.delete(Column::Meta, b"rebuilding");
        self.truth.commit_synced(done, "ending the rebuild")?;
        Ok((self.size()?, differences))
    }

    /// Derives all projections beside the store, and compares them with those that are served from.
    pub(crate) fn compare(&self) -> Result<Vec<Difference>, StoreError> {
        let folder = self.path.join("compare");
        let failed = |reason: std::io::Error| StoreError::failed("removing what was compared", reason);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        let derived = Database::open(&folder, Column::LOG)?;
        let mut differences = self.replay_into(&derived)?;
        // Behind an entry that cannot be replayed everything differs, and says nothing.
        let is_whole = !differences.iter().any(|difference| matches!(difference, Difference::Entry { .. }));
        for column in Column::PROJECTIONS.iter().filter(|_| is_whole) {
            differences.extend(self.first_difference(&derived, *column)?);
        }
        drop(derived);
        std::fs::remove_dir_all(&folder).map_err(failed)?;
        Ok(differences)
    }

    fn first_difference(&self, derived: &Database, column: Column) -> Result<Option<Difference>, StoreError> {
        let mut from = Vec::new();
        loop {
            let found = self.truth.slice(column, &[], &from, SLICE_ROWS)?;
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

    fn replay_into(&self, target: &Database) -> Result<Vec<Difference>, StoreError> {
        let size = self.size()?;
        let mut edge = Edge::default();
        let mut differences = Vec::new();
        let mut projection = Projection::new(target);
        for index in 0..size {
            let replayed = self.replay(&mut projection, &mut edge, index);
            let snapshot = match replayed {
                Ok(snapshot) => snapshot,
                Err(reason) => {
                    // What follows cannot be right either; the difference that matters is named.
                    differences.push(Difference::Entry { entry: index, reason });
                    break;
                }
            };
            if snapshot.is_some() || (index + 1).is_multiple_of(GROUP_ENTRIES) {
                flush(target, std::mem::replace(&mut projection, Projection::new(target)))?;
            }
            if let Some(stated) = snapshot {
                if stated.covers != index || Projection::write_table(target, index)? != stated {
                    differences.push(Difference::Snapshot { entry: index });
                }
                drop_old_tables(target)?;
            }
        }
        flush(target, projection)?;
        Ok(differences)
    }

    /// Replays one entry; gives the snapshot, if it is one.
    fn replay(
        &self,
        projection: &mut Projection<'_>,
        edge: &mut Edge,
        entry: u64,
    ) -> Result<Option<IndexSnapshot>, StoreError> {
        let unreadable = || StoreError::Row { what: "an entry" };
        let bytes = self.entry(entry)?;
        let parsed: Entry = parse(&bytes).map_err(|_| unreadable())?;
        match parsed.content {
            Some(entry::Content::Batch(batch)) => {
                let statement: BatchStatement = parse(&batch.statement).map_err(|_| unreadable())?;
                let events =
                    self.headers(entry)?.iter().map(|header| facts_of(header)).collect::<Result<Vec<_>, _>>()?;
                projection.take(ProjectedBatch {
                    entry,
                    source: Hash::read(&statement.source).ok_or_else(unreadable)?,
                    batch_seq: statement.batch_seq,
                    statement: sha256(&[&batch.statement]),
                    events: &mut events.into_iter(),
                })?;
                projection.tiles(edge.push(log_leaf(&bytes)));
                Ok(None)
            }
            Some(entry::Content::Snapshot(snapshot)) => {
                projection.tiles(edge.push(log_leaf(&bytes)));
                Ok(Some(snapshot))
            }
            None => Err(unreadable()),
        }
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

fn facts_of(header: &[u8]) -> Result<(EventFacts, Hash), StoreError> {
    let unreadable = || StoreError::Row { what: "headers" };
    let parsed: EventHeader = parse(header).map_err(|_| unreadable())?;
    Ok((EventFacts::read(&parsed).map_err(|_| unreadable())?, event_leaf(header)))
}

fn flush(target: &Database, projection: Projection<'_>) -> Result<(), StoreError> {
    let mut write = target.write();
    projection.put(&mut write);
    target.commit(write, "writing projections")
}
