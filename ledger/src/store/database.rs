//! One RocksDB database with named columns: options, reads, atomic writes.
//!
//! Options, and why: no compression, since all is ciphertext or hashes; recovery drops an unfinished last record in
//! silence, which is what a crash leaves, and the guard file outside the store notices a lost group; a log that is damaged
//! in any other way is not opened and stays as it is, since what follows the damage is still good (point-in-time recovery
//! would delete it); no recycled log files, so that destroyed bytes do not stay in one; files are read back when they are
//! written (`paranoid_file_checks`).

mod copies;

pub(super) use copies::{copies_in, forget_copies, restore_database};

use crate::store::StoreError;
use crate::store::cost::{count_sync, count_write};
use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB,
    DBCompressionType, DBRecoveryMode, Direction, FlushOptions, IteratorMode, Options, ReadOptions, WriteBatch,
    WriteOptions,
};
use std::path::Path;
use std::sync::LazyLock;

/// Bytes of the block cache that all databases of the process share.
const CACHE_BYTES: usize = 64 << 20;
/// Bytes of a memtable before it is written out.
const MEMTABLE_BYTES: usize = 32 << 20;
/// Bytes of all memtables of a database: what is over is written out, the largest first.
const MEMTABLES_BYTES_MAX: usize = 128 << 20;
/// Bytes of logs before memtables are flushed, which bounds the replay at opening.
const LOGS_BYTES_MAX: u64 = 256 << 20;

/// Rows that are read under one iterator.
const SLICE_ROWS: usize = 16_384;

static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::new_lru_cache(CACHE_BYTES));

/// A column family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Truth: index → entry.
    Entries,
    /// Truth: index → headers.
    Headers,
    /// Truth: index, chunk → 16 ciphertexts.
    Bodies,
    /// Truth: size → signed note.
    Checkpoints,
    /// Truth: entry, position → sealed leaf of an event whose sealed form was erased.
    Erased,
    /// Origin; whether a rebuild is going on.
    Meta,
    /// Projection: heads of sources, counters of captures, registered ids, numbers of batches.
    State,
    /// Projection: stream, id, month → count, edge, open block of postings.
    Streams,
    /// Projection: stream, id, month, block → 64 places.
    Postings,
    /// Projection: level, index → 256 hashes.
    Tiles,
    /// Projection: tables of the newest snapshots.
    Tables,
    /// Keys: index, chunk → 16 wraps and message rows; and which envelopes the entry brought.
    Wraps,
    /// Keys: hash → envelope.
    Envelopes,
    /// Keys: number → hash of an envelope that was rewrapped.
    Rewraps,
    /// Keys: entry, position → sealed leaf of an event whose wrap was blanked or replaced.
    Leaves,
}

impl Column {
    /// Columns of the log's database.
    pub(super) const LOG: &[Self] = &[
        Self::Entries,
        Self::Headers,
        Self::Bodies,
        Self::Checkpoints,
        Self::Erased,
        Self::Meta,
        Self::State,
        Self::Streams,
        Self::Postings,
        Self::Tiles,
        Self::Tables,
    ];
    /// Columns of the keys' database.
    pub(super) const KEYS: &[Self] = &[Self::Wraps, Self::Envelopes, Self::Rewraps, Self::Leaves];
    /// What follows from the truth.
    pub(super) const PROJECTIONS: &[Self] = &[Self::State, Self::Streams, Self::Postings, Self::Tiles, Self::Tables];

    /// Projections that trail the truth, as far as the watermark says.
    pub(super) const TRAILING: &[Self] = &[Self::State, Self::Streams, Self::Postings];
    /// Projections that are written with what they follow from.
    pub(super) const PROMPT: &[Self] = &[Self::Tiles, Self::Tables];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Headers => "headers",
            Self::Bodies => "bodies",
            Self::Checkpoints => "checkpoints",
            Self::Erased => "erased",
            Self::Meta => "meta",
            Self::State => "state",
            Self::Streams => "streams",
            Self::Postings => "postings",
            Self::Tiles => "tiles",
            Self::Tables => "tables",
            Self::Wraps => "wraps",
            Self::Envelopes => "envelopes",
            Self::Rewraps => "rewraps",
            Self::Leaves => "leaves",
        }
    }
}

/// What a database can say of a column without reading it.
#[derive(Clone, Copy)]
pub(super) enum Property {
    /// Bytes of its files.
    Bytes,
    /// Its rows, estimated.
    RowsAbout,
}

/// A key and its row.
pub(crate) type KeyedRow = (Box<[u8]>, Box<[u8]>);

/// One database.
pub(crate) struct Database {
    db: DB,
    columns: Vec<Column>,
}

/// Rows to be written together.
pub(crate) struct Write<'a> {
    db: &'a DB,
    batch: WriteBatch,
}

fn options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_compression_type(DBCompressionType::None);
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_recycle_log_file_num(0);
    options.set_paranoid_checks(true);
    options.set_max_total_wal_size(LOGS_BYTES_MAX);
    // What is written unlogged is of one moment in all columns.
    options.set_atomic_flush(true);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_db_write_buffer_size(MEMTABLES_BYTES_MAX);
    // Left to itself the system writes a whole file back at once, and the next sync waits behind it.
    options.set_bytes_per_sync(1 << 20);
    // Not a thread for each core's sake: what is appended ascends, so there is little to merge.
    options.set_max_background_jobs(2);
    options.set_keep_log_file_num(4);
    // Who reads much reads it in order (an export, a check): the system may read ahead of them.
    options.set_advise_random_on_open(false);
    options.set_max_open_files(512);
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&CACHE);
    table.set_bloom_filter(10.0, false);
    options.set_block_based_table_factory(&table);
    options
}

impl Database {
    /// Opens or creates a database with these columns.
    pub(super) fn open(path: &Path, columns: &[Column]) -> Result<Self, StoreError> {
        Self::open_with(path, columns, options)
    }

    fn open_with(path: &Path, columns: &[Column], options: impl Fn() -> Options) -> Result<Self, StoreError> {
        let failed = |reason: rocksdb::Error| StoreError::failed("opening a database", reason);
        let descriptors = columns.iter().map(|column| ColumnFamilyDescriptor::new(column.name(), options()));
        let db = DB::open_cf_descriptors(&options(), path, descriptors).map_err(failed)?;
        let database = Self { db, columns: columns.to_vec() };
        for column in columns {
            let checks = [("paranoid_file_checks", "true")];
            database.db.set_options_cf(family(&database.db, *column)?, &checks).map_err(failed)?;
        }
        Ok(database)
    }

    /// A row.
    pub(super) fn get(&self, column: Column, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.db.get_cf(family(&self.db, column)?, key);
        found.map_err(|reason| StoreError::failed("reading", reason))
    }

    /// The rows of these keys, which ascend, in their order.
    pub(super) fn get_all(
        &self,
        column: Column,
        keys: &[impl AsRef<[u8]>],
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let rows = self.db.batched_multi_get_cf(family(&self.db, column)?, keys, true);
        let copied = rows.into_iter().map(|row| Ok(row?.map(|row| row.to_vec())));
        copied.collect::<Result<_, rocksdb::Error>>().map_err(|reason| StoreError::failed("reading", reason))
    }

    /// Gives `take` the rows of these keys, which ascend, by number and where they lie. They push nothing out of the cache:
    /// whoever reads so reads much, and once.
    pub(super) fn get_each(
        &self,
        column: Column,
        keys: &[impl AsRef<[u8]>],
        mut take: impl FnMut(usize, Option<&[u8]>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut once = ReadOptions::default();
        once.fill_cache(false);
        let rows = self.db.batched_multi_get_cf_opt(family(&self.db, column)?, keys, true, &once);
        rows.into_iter().enumerate().try_for_each(|(number, row)| {
            let row = row.map_err(|reason| StoreError::failed("reading", reason))?;
            take(number, row.as_deref())
        })
    }

    /// Gives each row of a column to `take`, in the order of keys, in bounded slices: no iterator lives longer than one.
    pub(super) fn each(
        &self,
        column: Column,
        prefix: &[u8],
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let family = family(&self.db, column)?;
        let mut from = prefix.to_vec();
        loop {
            let mut rows = self.db.raw_iterator_cf(family);
            rows.seek(&from);
            let mut left = SLICE_ROWS;
            while let Some((key, row)) = rows.item().filter(|(key, _)| key.starts_with(prefix)) {
                if left == 0 {
                    from = key.to_vec();
                    break;
                }
                take(key, row)?;
                left -= 1;
                rows.next();
            }
            rows.status().map_err(|reason| StoreError::failed("reading", reason))?;
            if left > 0 {
                return Ok(());
            }
        }
    }

    /// At most `count` rows from `from` on whose keys begin with `prefix`: a bounded slice, so that no iterator keeps
    /// destroyed bytes alive.
    pub(super) fn slice(
        &self,
        column: Column,
        prefix: &[u8],
        from: &[u8],
        count: usize,
    ) -> Result<Vec<KeyedRow>, StoreError> {
        let rows = self.db.iterator_cf(family(&self.db, column)?, IteratorMode::From(from, Direction::Forward));
        let within =
            |row: &Result<KeyedRow, rocksdb::Error>| row.as_ref().map_or(true, |(key, _)| key.starts_with(prefix));
        let rows = rows.take_while(within).take(count).collect::<Result<Vec<_>, _>>();
        rows.map_err(|reason| StoreError::failed("reading", reason))
    }

    /// The last key of a column.
    pub(super) fn last_key(&self, column: Column) -> Result<Option<Box<[u8]>>, StoreError> {
        let last = self.db.iterator_cf(family(&self.db, column)?, IteratorMode::End).next();
        Ok(last.transpose().map_err(|reason| StoreError::failed("reading", reason))?.map(|(key, _)| key))
    }

    /// A number that the database knows of a column; 0 if it does not.
    pub(super) fn number(&self, column: Column, property: Property) -> u64 {
        let name = match property {
            Property::Bytes => rocksdb::properties::TOTAL_SST_FILES_SIZE,
            Property::RowsAbout => rocksdb::properties::ESTIMATE_NUM_KEYS,
        };
        let found = family(&self.db, column).ok().map(|family| self.db.property_int_value_cf(family, name));
        found.and_then(Result::ok).flatten().unwrap_or(0)
    }

    /// Begins a write.
    pub(super) fn write(&self) -> Write<'_> {
        Write { db: &self.db, batch: WriteBatch::default() }
    }

    /// Writes all or nothing, and returns when it is durable.
    pub(super) fn commit_synced(&self, write: Write<'_>, step: &'static str) -> Result<(), StoreError> {
        let mut synced = WriteOptions::default();
        synced.set_sync(true);
        count_write(write.batch.len(), write.batch.size_in_bytes());
        count_sync();
        self.db.write_opt(write.batch, &synced).map_err(|reason| StoreError::failed(step, reason))
    }

    /// Writes all or nothing; durable with the next synced write.
    pub(super) fn commit(&self, write: Write<'_>, step: &'static str) -> Result<(), StoreError> {
        count_write(write.batch.len(), write.batch.size_in_bytes());
        self.db.write(write.batch).map_err(|reason| StoreError::failed(step, reason))
    }

    /// Writes all or nothing, and into no log: nobody's sync waits for it. A crash takes it back to the last flush, which takes
    /// all columns at one moment. For what follows from the truth, and is made again.
    pub(super) fn commit_unlogged(&self, write: Write<'_>, step: &'static str) -> Result<(), StoreError> {
        let mut unlogged = WriteOptions::default();
        unlogged.disable_wal(true);
        count_write(write.batch.len(), write.batch.size_in_bytes());
        self.db.write_opt(write.batch, &unlogged).map_err(|reason| StoreError::failed(step, reason))
    }

    /// Writes everything out and rewrites every file to the bottom: what was blanked is in no log and no file after it.
    pub(super) fn compact(&self) -> Result<(), StoreError> {
        let failed = |reason: rocksdb::Error| StoreError::failed("compacting", reason);
        let mut to_the_bottom = CompactOptions::default();
        to_the_bottom.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for column in &self.columns {
            self.db.flush_cf(family(&self.db, *column)?).map_err(failed)?;
        }
        for column in &self.columns {
            let column = family(&self.db, *column)?;
            self.db.compact_range_cf_opt(column, None::<&[u8]>, None::<&[u8]>, &to_the_bottom);
        }
        self.db.flush_wal(true).map_err(failed)
    }

    /// Writes what is in memory to files, so that the next start replays nothing.
    pub(super) fn flush(&self, columns: &[Column]) -> Result<(), StoreError> {
        let families = columns.iter().map(|column| family(&self.db, *column)).collect::<Result<Vec<_>, _>>()?;
        let flushed = self.db.flush_cfs_opt(&families, &FlushOptions::default());
        flushed.map_err(|reason| StoreError::failed("flushing", reason))
    }

    /// Empties a column.
    pub(super) fn clear(&self, column: Column) -> Result<(), StoreError> {
        let mut write = self.write();
        write.delete_range(column, &[], &[0xFF; 64]);
        self.commit(write, "emptying a column")
    }
}

impl Write<'_> {
    /// Puts a row. A column that the database does not have is our own mistake, and is not silently skipped.
    pub(super) fn put(&mut self, column: Column, key: &[u8], row: &[u8]) {
        self.batch.put_cf(own(self.db, column), key, row);
    }

    /// Deletes a row.
    pub(super) fn delete(&mut self, column: Column, key: &[u8]) {
        self.batch.delete_cf(own(self.db, column), key);
    }

    /// Deletes all rows from `from` up to, not including, `to`.
    pub(super) fn delete_range(&mut self, column: Column, from: &[u8], to: &[u8]) {
        self.batch.delete_range_cf(own(self.db, column), from, to);
    }

    /// Nothing was put.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }
}

fn family(db: &DB, column: Column) -> Result<&ColumnFamily, StoreError> {
    db.cf_handle(column.name()).ok_or(StoreError::Row { what: column.name() })
}

fn own(db: &DB, column: Column) -> &ColumnFamily {
    match db.cf_handle(column.name()) {
        Some(family) => family,
        None => panic!("column {} is not one of this database", column.name()),
    }
}
