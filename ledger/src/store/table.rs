//! Tables of the newest index snapshots: every id with its months, sorted, in rows of 256.
//!
//! A table is a projection: it follows from the entries that its snapshot covers. It is written before its snapshot's
//! entry; a table without an entry (a crash in between) is swept when the log is opened. Specification: `specs/streams.md`.

use crate::store::database::{Column, Database};
use crate::store::projection::frontier_of;
use crate::store::rows::{self, StreamRow, TABLE_CHUNK_ROWS, TableChunk, TableHead, TableRow};
use crate::store::{Projection, Store, StoreError};
use crate::tree::{TILE_HEIGHT, Tile, Tiles};
use std::sync::Arc;
use zegel_proto::v1::{IndexSnapshot, StreamType};
use zegel_verifier::hash::Hash;
use zegel_verifier::snapshot::row_leaf;
use zegel_verifier::tree::{Frontier, Subtree};

/// Snapshots whose tables are kept.
pub(crate) const TABLES_KEPT: usize = 8;
/// Months that are read in one slice.
const SLICE_ROWS: usize = 4_096;
/// Chunk number of a table's head.
const HEAD: u32 = u32::MAX;

/// Makes a table row by row; memory holds one chunk, and a first row and a root per chunk.
struct TableWriter<'a> {
    db: &'a Database,
    entry: u64,
    head: TableHead,
    tree: Frontier,
    rows: Vec<TableRow>,
}

impl TableWriter<'_> {
    fn take(&mut self, row: TableRow) -> Result<(), StoreError> {
        if self.rows.is_empty() {
            self.head.firsts.push((row.stream, row.id));
        }
        self.tree.push(leaf_of(&row));
        self.rows.push(row);
        if self.rows.len() == TABLE_CHUNK_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let full = Tile::of(rows.iter().map(leaf_of)).root(TILE_HEIGHT, 0);
        self.head.chunk_roots.extend(full.map(|root| root.0));
        let chunk = self.head.firsts.len() as u32 - 1;
        self.put(chunk, &rows::print(&TableChunk { rows }))
    }

    fn finish(mut self) -> Result<IndexSnapshot, StoreError> {
        self.flush()?;
        (self.head.ids, self.head.root) = (self.tree.size(), self.tree.root().0);
        self.put(HEAD, &rows::print(&self.head))?;
        Ok(IndexSnapshot { covers: self.head.covers, ids: self.head.ids, root: self.head.root.to_vec() })
    }

    fn put(&self, chunk: u32, row: &[u8]) -> Result<(), StoreError> {
        let mut write = self.db.write();
        write.put(Column::Tables, &rows::chunk_key(self.entry, chunk), row);
        self.db.commit(write, "writing a table")
    }
}

fn leaf_of(row: &TableRow) -> Hash {
    row_leaf(row.stream(), Hash(row.id), &row.months())
}

impl Projection<'_> {
    /// Makes the table of a snapshot that will be, or is, entry `covers`, from the streams as they are in the database: so
    /// all entries before it must have been written, and none after.
    pub(crate) fn write_table(db: &Database, covers: u64) -> Result<IndexSnapshot, StoreError> {
        delete_table(db, covers)?;
        let head = TableHead { covers, ..TableHead::default() };
        let mut writer = TableWriter { db, entry: covers, head, tree: Frontier::new(), rows: Vec::new() };
        let mut open: Option<TableRow> = None;
        let mut from = Vec::new();
        loop {
            let slice = db.slice(Column::Streams, &[], &from, SLICE_ROWS)?;
            for (key, row) in &slice {
                let of = rows::parse_stream_key(key)?;
                let row: StreamRow = rows::parse("a stream", row)?;
                let month = (of.month, row.count, frontier_of(&row)?.root().0);
                match &mut open {
                    Some(open) if (open.stream, open.id) == (of.stream as u8, of.id.0) => open.months.push(month),
                    _ => {
                        let next = TableRow { stream: of.stream as u8, id: of.id.0, months: vec![month] };
                        open.replace(next).map_or(Ok(()), |done| writer.take(done))?;
                    }
                }
            }
            let Some((last, _)) = slice.last().filter(|_| slice.len() == SLICE_ROWS) else { break };
            from = [last, &[0][..]].concat();
        }
        open.map_or(Ok(()), |done| writer.take(done))?;
        writer.finish()
    }
}

fn delete_table(db: &Database, entry: u64) -> Result<(), StoreError> {
    let mut write = db.write();
    write.delete_range(Column::Tables, &entry.to_be_bytes(), &(entry + 1).to_be_bytes());
    db.commit(write, "deleting a table")
}

impl Store {
    /// Makes the table of the snapshot that will be entry `covers`.
    pub(crate) fn write_table(&self, covers: u64) -> Result<IndexSnapshot, StoreError> {
        Projection::write_table(&self.truth, covers)
    }

    /// Deletes tables of entries from `size` on: we stopped before their snapshot was written.
    pub(super) fn sweep_tables(&self, size: u64) -> Result<(), StoreError> {
        let mut write = self.truth.write();
        write.delete_range(Column::Tables, &size.to_be_bytes(), &u64::MAX.to_be_bytes());
        self.truth.commit(write, "sweeping tables")
    }

    /// Deletes all tables but the newest few.
    pub(crate) fn drop_old_tables(&self) -> Result<(), StoreError> {
        drop_old_tables(&self.truth)
    }

    /// The table of a snapshot entry; `None` if it is not kept.
    pub(crate) fn table(self: &Arc<Self>, entry: u64) -> Result<Option<Table>, StoreError> {
        let row = self.truth.get(Column::Tables, &rows::chunk_key(entry, HEAD))?;
        let head = row.map(|row| rows::parse::<TableHead>("a table", &row)).transpose()?;
        Ok(head.map(|head| Table { store: Arc::clone(self), entry, head }))
    }
}

/// Entries whose tables a database holds, ascending.
fn tables(db: &Database) -> Result<Vec<u64>, StoreError> {
    let mut entries = Vec::new();
    let mut from = 0u64.to_be_bytes().to_vec();
    while let Some((key, _)) = db.slice(Column::Tables, &[], &from, 1)?.into_iter().next() {
        let entry = key.get(..8).and_then(|entry| entry.try_into().ok()).map(u64::from_be_bytes);
        let entry = entry.ok_or(StoreError::Row { what: "key of a table" })?;
        entries.push(entry);
        from = (entry + 1).to_be_bytes().to_vec();
    }
    Ok(entries)
}

pub(super) fn drop_old_tables(db: &Database) -> Result<(), StoreError> {
    let tables = tables(db)?;
    let old = tables.len().saturating_sub(TABLES_KEPT);
    tables[..old].iter().try_for_each(|entry| delete_table(db, *entry))
}

/// A snapshot's table, and its tree.
pub(crate) struct Table {
    store: Arc<Store>,
    entry: u64,
    head: TableHead,
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

    fn chunk(&self, chunk: u64) -> Result<Vec<TableRow>, StoreError> {
        let row = self.store.truth.get(Column::Tables, &rows::chunk_key(self.entry, chunk as u32))?;
        let row = row.ok_or(StoreError::Missing { what: "part of a table", number: chunk })?;
        Ok(rows::parse::<TableChunk>("a table", &row)?.rows)
    }

    /// The row of an id and its index; `None` if the id had no event.
    pub(crate) fn row(&self, stream: StreamType, id: Hash) -> Result<Option<(u64, TableRow)>, StoreError> {
        let wanted = (stream as u8, id.0);
        let chunks_up_to = self.head.firsts.partition_point(|first| *first <= wanted);
        let Some(chunk) = chunks_up_to.checked_sub(1) else { return Ok(None) };
        let rows = self.chunk(chunk as u64)?;
        let found = rows.into_iter().enumerate().find(|(_, row)| (row.stream, row.id) == wanted);
        Ok(found.map(|(within, row)| ((chunk * TABLE_CHUNK_ROWS + within) as u64, row)))
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
        let row = chunk.into_iter().nth(index as usize % TABLE_CHUNK_ROWS);
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
