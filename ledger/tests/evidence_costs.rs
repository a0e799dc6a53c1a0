//! What each choice of RocksDB for evidence costs, measured on the database alone: rows as the log writes them, with one option
//! changed at a time. `make soak` runs it; the figures stand in `specs/storage.md`.

use rocksdb::{DB, Options, ReadOptions, WriteBatch, WriteOptions};
use std::time::Instant;

/// 188 MiB of bodies, in groups as the log writes them.
const GROUPS: u64 = 1_500;
const ROWS: u64 = 16;
const ROW_BYTES: usize = 8 << 10;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Choice {
    Ours,
    Unsynced,
    NoParanoidChecks,
    NoFileChecks,
    NoReadChecksums,
}

/// Microseconds of a group, and of a row that is read.
fn measure(choice: Choice) -> (f64, f64) {
    let folder = tempfile::tempdir_in(std::env::var("ZEGEL_MEASURE_DIR").unwrap_or("/tmp".into())).expect("a folder");
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compression_type(rocksdb::DBCompressionType::None);
    options.set_paranoid_checks(choice != Choice::NoParanoidChecks);
    options.set_write_buffer_size(32 << 20);
    options.set_bytes_per_sync(1 << 20);
    options.set_max_background_jobs(2);
    let db = DB::open(&options, folder.path()).expect("a database");
    db.set_options(&[("paranoid_file_checks", if choice == Choice::NoFileChecks { "false" } else { "true" })])
        .expect("set");
    let mut synced = WriteOptions::default();
    synced.set_sync(choice != Choice::Unsynced);
    let (mut state, mut row) = (7u64, vec![0; ROW_BYTES]);
    let begun = Instant::now();
    for group in 0..GROUPS {
        let mut batch = WriteBatch::default();
        for at in 0..ROWS {
            for byte in row.iter_mut().step_by(8) {
                state = state.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(11);
                *byte = (state >> 33) as u8;
            }
            batch.put((group * ROWS + at).to_be_bytes(), &row);
        }
        db.write_opt(batch, &synced).expect("written");
    }
    db.flush().expect("flushed");
    let written = begun.elapsed().as_secs_f64() * 1e6 / GROUPS as f64;
    let mut reads = ReadOptions::default();
    reads.set_verify_checksums(choice != Choice::NoReadChecksums);
    reads.fill_cache(false);
    let begun = Instant::now();
    for index in 0..GROUPS * ROWS {
        db.get_opt(index.to_be_bytes(), &reads).expect("read").expect("a row");
    }
    (written, begun.elapsed().as_secs_f64() * 1e6 / (GROUPS * ROWS) as f64)
}

#[test]
#[ignore = "measures, for a minute: make soak"]
fn every_choice_for_evidence_has_a_cost_that_is_written_down() {
    let choices =
        [Choice::Ours, Choice::Unsynced, Choice::NoParanoidChecks, Choice::NoFileChecks, Choice::NoReadChecksums];
    // One after the other, three times over: what the machine does meanwhile falls on all alike.
    let mut best = choices.map(|choice| (choice, f64::MAX, f64::MAX));
    for _ in 0..3 {
        for (choice, group, row) in &mut best {
            let (written, read) = measure(*choice);
            (*group, *row) = (group.min(written), row.min(read));
        }
    }
    println!("| choice | a group of 128 KiB, µs | a row of 8 KiB that is read, µs |\n| --- | --- | --- |");
    for (choice, group, row) in best {
        println!("| {choice:?} | {group:.0} | {row:.1} |");
    }
}
