//! What the disk and RocksDB do by themselves: the figures that the ledger's stand beside.

use crate::Scale;
use crate::page::count;
use hdrhistogram::Histogram;
use rocksdb::{DB, Options, WriteBatch, WriteOptions};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes of an event as it goes over the wire: header, ciphertext, wrap, and what frames them.
pub const EVENT_BYTES: usize = 625;
/// Events of a batch.
const BATCH: usize = 256;
/// Events of a packed row, as in the ledger.
const CHUNK: usize = 16;

pub struct Raw {
    pub fsync: Histogram<u64>,
    /// Three files appended to and synced, one after the other, a millisecond after the last three: what any append with
    /// this order of syncs has to wait for. Microseconds.
    pub three: Histogram<u64>,
    /// One synced write of one event, microseconds.
    pub write: Histogram<u64>,
    /// Events a second, one row an event.
    pub rows: f64,
    /// Events a second, sixteen to a row.
    pub packed: f64,
}

pub fn histogram() -> Histogram<u64> {
    Histogram::new(3).unwrap()
}

pub fn ms(of: &Histogram<u64>, quantile: f64) -> f64 {
    of.value_at_quantile(quantile) as f64 / 1e3
}

impl Raw {
    pub fn describe(&self) -> Vec<String> {
        let line = |of: &Histogram<u64>| format!("p50 {:.2} ms, p99 {:.2} ms", ms(of, 0.5), ms(of, 0.99));
        vec![
            format!("fsync of 4 KiB appended to a file: {}", line(&self.fsync)),
            format!("three files of {EVENT_BYTES} bytes more, synced in turn after a pause: {}", line(&self.three)),
            format!("RocksDB, one synced write of one event of {EVENT_BYTES} bytes: {}", line(&self.write)),
            format!(
                "RocksDB, synced batches of {BATCH} events: {} events/s in one row each, {} in rows of {CHUNK}",
                count(self.rows),
                count(self.packed)
            ),
        ]
    }
}

/// Measures for a few seconds each.
pub fn measure(folder: &Path, scale: Scale) -> Raw {
    let seconds = Duration::from_secs(scale.short_seconds);
    Raw {
        fsync: fsync(&folder.join("fsync")),
        three: three(folder),
        write: single(&folder.join("single")),
        rows: batches(&folder.join("rows"), seconds, 1),
        packed: batches(&folder.join("packed"), seconds, CHUNK),
    }
}

fn fsync(path: &Path) -> Histogram<u64> {
    let mut file = File::create(path).unwrap();
    let mut times = histogram();
    for _ in 0..1_000 {
        file.write_all(&[0xA5; 4096]).unwrap();
        let begun = Instant::now();
        file.sync_data().unwrap();
        times.record(begun.elapsed().as_micros() as u64).unwrap();
    }
    times
}

fn three(folder: &Path) -> Histogram<u64> {
    let mut files = ["keys", "log", "guard"].map(|name| File::create(folder.join(format!("three-{name}"))).unwrap());
    let mut times = histogram();
    for _ in 0..500 {
        std::thread::sleep(Duration::from_millis(1));
        let begun = Instant::now();
        for file in &mut files {
            file.write_all(&[0xA5; EVENT_BYTES]).unwrap();
            file.sync_data().unwrap();
        }
        times.record(begun.elapsed().as_micros() as u64).unwrap();
    }
    times
}

fn open(path: &Path) -> DB {
    let mut options = Options::default();
    options.create_if_missing(true);
    // As the ledger: everything is ciphertext or hashes.
    options.set_compression_type(rocksdb::DBCompressionType::None);
    options.set_write_buffer_size(64 << 20);
    DB::open(&options, path).unwrap()
}

fn synced() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(true);
    options
}

fn noise(bytes: &mut [u8], seed: &mut u64) {
    for part in bytes.chunks_mut(8) {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        part.copy_from_slice(&seed.to_le_bytes()[..part.len()]);
    }
}

fn single(path: &Path) -> Histogram<u64> {
    let (db, synced, mut times, mut value, mut seed) = (open(path), synced(), histogram(), vec![0; EVENT_BYTES], 1);
    for number in 0..2_000u64 {
        noise(&mut value, &mut seed);
        let begun = Instant::now();
        db.put_opt(number.to_be_bytes(), &value, &synced).unwrap();
        times.record(begun.elapsed().as_micros() as u64).unwrap();
    }
    drop(db);
    std::fs::remove_dir_all(path).unwrap();
    times
}

fn batches(path: &Path, time: Duration, events_of_a_row: usize) -> f64 {
    let (db, synced, mut seed) = (open(path), synced(), 1);
    let mut value = vec![0; EVENT_BYTES * events_of_a_row];
    let (begun, mut row) = (Instant::now(), 0u64);
    while begun.elapsed() < time {
        let mut batch = WriteBatch::default();
        for _ in 0..BATCH / events_of_a_row {
            noise(&mut value, &mut seed);
            batch.put(row.to_be_bytes(), &value);
            row += 1;
        }
        db.write_opt(batch, &synced).unwrap();
    }
    let rate = row as f64 * events_of_a_row as f64 / begun.elapsed().as_secs_f64();
    drop(db);
    std::fs::remove_dir_all(path).unwrap();
    rate
}
