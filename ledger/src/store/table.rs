//! Tables of the newest index snapshots: every id with its months, sorted, in rows of 256.
//!
//! A table is a projection: it follows from the entries that it covers. Its rows are written under the number of these
//! entries before its snapshot has an entry of its own, while appends go on; its head is written with that entry,
//! under its index. Rows without a head (a crash in between) are swept when the log is opened. Specification:
//! `specs/streams.md`.

use crate::store::database::{Column, Database};
use crate::store::rebuild::spend;
use crate::store::rows::{self, StreamEdge, TABLE_CHUNK_ROWS, TableChunk, TableHead, TableRow};
use crate::store::{Cut, Pace, Projection, Store, StoreError};
use crate::tree::{TILE_HEIGHT, Tile, Tiles};
use std::collections::{BTreeSet, HashMap};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use zegel_proto::v1::{IndexSnapshot, StreamType};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::StreamMonth;
use zegel_verifier::snapshot::row_leaf;
use zegel_verifier::tree::{Subtree, root_of};

/// Snapshots whose tables are kept.
pub(crate) const TABLES_KEPT: usize = 8;
/// Bytes of rows that are written together.
const WRITE_BYTES: usize = 4 << 20;
/// Parts of [`TABLE_CHUNK_ROWS`] rows that were read and wait to be hashed and written.
const PARTS_AHEAD: usize = 16;
/// Chunk number of a table's head.
const HEAD: u32 = u32::MAX;

/// A table whose rows lie in the store, and which wants an entry.
#[derive(Clone, Debug)]
pub(crate) struct MadeTable {
    pub(crate) snapshot: IndexSnapshot,
    pub(crate) head: TableHead,
}

/// Makes a table part by part; memory holds some of them, and a first row and a root of each.
struct TableWriter<'a> {
    db: &'a Database,
    head: TableHead,
    chunks: Vec<(u32, Vec<u8>)>,
    bytes: usize,
}

impl TableWriter<'_> {
    /// Takes the next rows: [`TABLE_CHUNK_ROWS`], or the last ones.
    fn take(&mut self, part: Vec<TableRow>) -> Result<(), StoreError> {
        let Some(first) = part.first() else { return Ok(()) };
        let chunk = self.head.firsts.len() as u32;
        self.head.firsts.push((first.stream, first.id));
        self.head.ids += part.len() as u64;
        self.head.chunk_roots.push(root_of(part.iter().map(leaf_of)).0);
        let row = rows::print(&TableChunk { rows: part });
        self.bytes += row.len();
        self.chunks.push((chunk, row));
        if self.bytes > WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let mut write = self.db.write();
        for (chunk, row) in self.chunks.drain(..) {
            write.put(Column::Tables, &rows::chunk_key(self.head.covers, chunk), &row);
        }
        self.bytes = 0;
        self.db.commit_unlogged(write, "writing a table")
    }

    fn finish(mut self) -> Result<MadeTable, StoreError> {
        self.flush()?;
        // The head is logged: what it names has to outlive a crash before it does.
        self.db.flush(&[Column::Tables])?;
        // Chunks are aligned, so the roots of all, also of the last one, are the leaves of what is above them.
        self.head.root = root_of(self.head.chunk_roots.iter().map(|root| Hash(*root))).0;
        if !self.head.ids.is_multiple_of(TABLE_CHUNK_ROWS as u64) {
            self.head.chunk_roots.pop();
        }
        let head = self.head;
        Ok(MadeTable { snapshot: IndexSnapshot { covers: head.covers, ids: head.ids, root: head.root.to_vec() }, head })
    }
}

fn leaf_of(row: &TableRow) -> Hash {
    row_leaf(row.stream(), Hash(row.id), &row.months())
}

impl Projection<'_> {
    /// Makes the table over the first `covers` entries from the streams as they are in the database: so these entries must
    /// be projected, and none after them. One thread reads rows, another hashes and writes them.
    pub(super) fn write_table(db: &Database, covers: u64, pace: Pace<'_>) -> Result<MadeTable, StoreError> {
        Self::write_table_of(db, covers, |_, row| {
            spend(pace, row.len() as u64)?;
            let edge: StreamEdge = rows::parse_begin("a stream", row)?;
            Ok(Some((edge.count, edge.root()?)))
        })
    }

    /// Makes a table of the streams as `month_of` gives them, by their rows: count and root of a month, or `None` where it
    /// has no event yet.
    pub(super) fn write_table_of(
        db: &Database,
        covers: u64,
        month_of: impl FnMut(&StreamMonth, &[u8]) -> Result<Option<(u64, [u8; 32])>, StoreError>,
    ) -> Result<MadeTable, StoreError> {
        std::thread::scope(|scope| {
            let (parts, taken) = sync_channel(PARTS_AHEAD);
            let writing =
                Builder::new().name("table-rows".into()).spawn_scoped(scope, move || write_parts(db, covers, taken));
            let writing = writing.map_err(|reason| StoreError::failed("making a table", reason))?;
            let read = read_parts(db, month_of, |part| parts.send(part).is_ok());
            drop(parts);
            let made = writing.join().map_err(|_| StoreError::failed("making a table", "its writer panicked"))?;
            // Of a writer that failed, the reason is its own; of a reader that failed, what was written is swept.
            made.and_then(|made| read.map(|()| made))
        })
    }
}

/// Gives `send` the rows of all ids in their order, [`TABLE_CHUNK_ROWS`] at a time, until it wants no more.
fn read_parts(
    db: &Database,
    mut month_of: impl FnMut(&StreamMonth, &[u8]) -> Result<Option<(u64, [u8; 32])>, StoreError>,
    mut send: impl FnMut(Vec<TableRow>) -> bool,
) -> Result<(), StoreError> {
    let mut part: Vec<TableRow> = Vec::with_capacity(TABLE_CHUNK_ROWS);
    db.each(Column::Streams, &[], |key, row| {
        let of = rows::parse_stream_key(key)?;
        let Some((count, root)) = month_of(&of, row)? else { return Ok(()) };
        let month = (of.month, count, root);
        match part.last_mut() {
            Some(last) if (last.stream, last.id) == (of.stream as u8, of.id.0) => last.months.push(month),
            _ => {
                // Only now is the last row of a full part known to have all its months.
                if part.len() == TABLE_CHUNK_ROWS {
                    let full = std::mem::replace(&mut part, Vec::with_capacity(TABLE_CHUNK_ROWS));
                    if !send(full) {
                        return Err(StoreError::failed("making a table", "its writer has stopped"));
                    }
                }
                part.push(TableRow { stream: of.stream as u8, id: of.id.0, months: vec![month] });
            }
        }
        Ok(())
    })?;
    if !part.is_empty() {
        send(part);
    }
    Ok(())
}

fn write_parts(db: &Database, covers: u64, parts: Receiver<Vec<TableRow>>) -> Result<MadeTable, StoreError> {
    let head = TableHead { covers, ..TableHead::default() };
    let mut writer = TableWriter { db, head, chunks: Vec::new(), bytes: 0 };
    parts.into_iter().try_for_each(|part| writer.take(part))?;
    writer.finish()
}

/// Key of the head of the snapshot that is an entry.
pub(super) fn head_key(entry: u64) -> [u8; 12] {
    rows::chunk_key(entry, HEAD)
}

impl Store {
    /// Makes a table. Appends go on meanwhile.
    pub(crate) fn make_table(&self, cut: Cut) -> Result<MadeTable, StoreError> {
        let gone = |_| StoreError::failed("making a table", "the projections have stopped");
        self.projector.table(cut).recv().map_err(gone)?
    }

    /// Deletes rows of tables whose snapshot was never written.
    pub(super) fn sweep_tables(&self) -> Result<(), StoreError> {
        let tables = tables(&self.truth)?;
        let named: BTreeSet<u64> = tables.iter().filter_map(|(_, covers)| *covers).collect();
        let unnamed = tables.iter().map(|(number, _)| *number).filter(|number| !named.contains(number));
        unnamed.collect::<Vec<_>>().into_iter().try_for_each(|covers| delete_rows(&self.truth, covers))
    }

    /// Deletes all tables but the newest few and those that are being read.
    pub(crate) fn drop_old_tables(&self) -> Result<(), StoreError> {
        // Held until they are gone: who asks for one meanwhile finds none, and not half of it.
        let read = self.tables_read.lock();
        drop_old_tables_but(&self.truth, |entry| read.contains_key(&entry))
    }

    /// When the newest snapshot was logged, in milliseconds since 1970.
    pub(crate) fn newest_snapshot_ms(&self) -> Result<Option<u64>, StoreError> {
        let newest =
            tables(&self.truth)?.into_iter().filter(|(_, covers)| covers.is_some()).map(|(entry, _)| entry).next_back();
        newest.map(|entry| Ok(self.parsed_entry(entry)?.received_at_ms)).transpose()
    }

    /// The table of a snapshot entry; `None` if it is not kept.
    pub(crate) fn table(self: &Arc<Self>, entry: u64) -> Result<Option<Table>, StoreError> {
        let reading = self.tables_read.begin(entry);
        let row = self.truth.get(Column::Tables, &head_key(entry))?;
        let head = row.map(|row| rows::parse::<TableHead>("a table", &row)).transpose()?;
        Ok(head.map(|head| Table { store: Arc::clone(self), head, last: Mutex::default(), _reading: reading }))
    }
}

fn delete_rows(db: &Database, covers: u64) -> Result<(), StoreError> {
    let mut write = db.write();
    write.delete_range(Column::Tables, &rows::chunk_key(covers, 0), &head_key(covers));
    db.commit(write, "deleting a table")
}

/// Numbers under which something of a table lies, ascending; with what the head says that it covers, where there is one.
fn tables(db: &Database) -> Result<Vec<(u64, Option<u64>)>, StoreError> {
    let mut found = Vec::new();
    let mut from = 0u64.to_be_bytes().to_vec();
    while let Some((key, _)) = db.slice(Column::Tables, &[], &from, 1)?.into_iter().next() {
        let number = key.get(..8).and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
        let number = number.ok_or(StoreError::Row { what: "key of a table" })?;
        let head = db.get(Column::Tables, &head_key(number))?;
        let head = head.map(|row| rows::parse::<TableHead>("a table", &row)).transpose()?;
        found.push((number, head.map(|head| head.covers)));
        from = (number + 1).to_be_bytes().to_vec();
    }
    Ok(found)
}

/// Rows that no head names stay: their snapshot may be on its way.
pub(super) fn drop_old_tables(db: &Database) -> Result<(), StoreError> {
    drop_old_tables_but(db, |_| false)
}

fn drop_old_tables_but(db: &Database, is_read: impl Fn(u64) -> bool) -> Result<(), StoreError> {
    let heads: Vec<(u64, u64)> =
        tables(db)?.into_iter().filter_map(|(entry, covers)| covers.map(|covers| (entry, covers))).collect();
    let newest = heads.len().saturating_sub(TABLES_KEPT);
    let (kept, old): (Vec<_>, Vec<_>) =
        heads.into_iter().enumerate().partition(|(number, (entry, _))| *number >= newest || is_read(*entry));
    for (_, (entry, covers)) in old {
        let mut write = db.write();
        write.delete(Column::Tables, &head_key(entry));
        db.commit(write, "deleting a table")?;
        if kept.iter().all(|(_, (_, kept))| *kept != covers) {
            delete_rows(db, covers)?;
        }
    }
    Ok(())
}

/// A snapshot's table, and its tree.
pub(crate) struct Table {
    store: Arc<Store>,
    head: TableHead,
    /// The part that was read last: rows are asked for from left to right.
    last: Mutex<Option<(u64, Arc<Vec<TableRow>>)>>,
    _reading: Reading,
}

/// Snapshots whose tables are being read, by entry: how many read each. As many as there are long calls, at most.
#[derive(Clone, Default)]
pub(super) struct TablesRead(Arc<Mutex<HashMap<u64, usize>>>);

/// A table is not deleted while this is there.
struct Reading {
    entry: u64,
    of: TablesRead,
}

impl TablesRead {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, entry: u64) -> Reading {
        *self.lock().entry(entry).or_default() += 1;
        Reading { entry, of: self.clone() }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut read = self.of.lock();
        if let Some(readers) = read.get_mut(&self.entry) {
            *readers -= 1;
        }
        read.retain(|_, readers| *readers > 0);
    }
}

impl Table {
    /// Rows.
    pub(crate) fn ids(&self) -> u64 {
        self.head.ids
    }

    /// Entries that it covers.
    pub(crate) fn covers(&self) -> u64 {
        self.head.covers
    }

    fn chunk(&self, chunk: u64) -> Result<Arc<Vec<TableRow>>, StoreError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rows)) = last.as_ref().filter(|(number, _)| *number == chunk) {
            return Ok(Arc::clone(rows));
        }
        let row = self.store.truth.get(Column::Tables, &rows::chunk_key(self.head.covers, chunk as u32))?;
        let row = row.ok_or(StoreError::Missing { what: "part of a table", number: chunk })?;
        let rows = Arc::new(rows::parse::<TableChunk>("a table", &row)?.rows);
        *last = Some((chunk, Arc::clone(&rows)));
        Ok(rows)
    }

    /// The row of an id and its index; `None` if the id had no event.
    pub(crate) fn row(&self, stream: StreamType, id: Hash) -> Result<Option<(u64, TableRow)>, StoreError> {
        let wanted = (stream as u8, id.0);
        let chunks_up_to = self.head.firsts.partition_point(|first| *first <= wanted);
        let Some(chunk) = chunks_up_to.checked_sub(1) else { return Ok(None) };
        let rows = self.chunk(chunk as u64)?;
        let found = rows.binary_search_by(|row| (row.stream, row.id).cmp(&wanted)).ok();
        Ok(found.map(|within| ((chunk * TABLE_CHUNK_ROWS + within) as u64, rows[within].clone())))
    }

    /// The rows between which that of an id without an event would stand, with their indexes.
    pub(crate) fn neighbours(&self, stream: StreamType, id: Hash) -> Result<Vec<(u64, TableRow)>, StoreError> {
        let wanted = (stream as u8, id.0);
        let chunk = self.head.firsts.partition_point(|first| *first <= wanted).saturating_sub(1);
        let within = self.chunk(chunk as u64)?.partition_point(|row| (row.stream, row.id) < wanted);
        let place = (chunk * TABLE_CHUNK_ROWS + within) as u64;
        let beside = place.saturating_sub(1)..self.ids().min(place + 1);
        beside.map(|index| Ok((index, self.row_at(index)?))).collect()
    }

    fn row_at(&self, index: u64) -> Result<TableRow, StoreError> {
        let chunk = self.chunk(index / TABLE_CHUNK_ROWS as u64)?;
        let row = chunk.get(index as usize % TABLE_CHUNK_ROWS).cloned();
        row.ok_or(StoreError::Missing { what: "row of a table", number: index })
    }

    /// Hashes at the foot of the tile `index` of a level above the rows.
    fn foot(&self, level: u32, index: u64) -> Vec<Hash> {
        let begin = (index as usize) << TILE_HEIGHT;
        if level == 1 {
            let roots = self.head.chunk_roots.iter().skip(begin).take(1 << TILE_HEIGHT);
            return roots.map(|root| Hash(*root)).collect();
        }
        let below = begin as u64..(begin as u64 + (1 << TILE_HEIGHT));
        below.map_while(|index| Tile::of(self.foot(level - 1, index)).root(TILE_HEIGHT, 0)).collect()
    }
}

impl Tiles for Table {
    type Error = StoreError;

    fn tile(&self, level: u32, index: u64) -> Result<Arc<Tile>, StoreError> {
        if level == 0 {
            return Ok(Arc::new(Tile::of(self.chunk(index)?.iter().map(leaf_of))));
        }
        Ok(Arc::new(Tile::of(self.foot(level, index))))
    }

    fn missing(&self, subtree: Subtree) -> StoreError {
        StoreError::Missing { what: "hash of a table", number: subtree.index << subtree.level }
    }
}
