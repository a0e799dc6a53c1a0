//! The table of `BENCHMARKS.md`: what Zegel does on this machine, each figure beside what the machine itself does.
//!
//! Run by `make bench`. Every row is measured in one run, on one disk, with the figure that it is to be compared with
//! taken in the same run. A section that fails becomes a row that says so; nothing is left out in silence.
#![allow(missing_docs, unreachable_pub, reason = "a program of its own")]
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, reason = "a benchmark prints, and may stop")]

mod ledger;
mod machine;
mod page;
mod postgres;
mod raw;
mod source;
mod stage;
mod verify;

use page::{Page, Row};
use std::path::PathBuf;
use std::time::Instant;

/// How large the log becomes, and how long is measured.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub name: &'static str,
    pub conversations: u32,
    pub ingest_seconds: u64,
    pub short_seconds: u64,
    /// Sizes of the log: first point of growth, export, last point of growth.
    pub sizes: [u64; 3],
    /// Ids of the index snapshot.
    pub ids: u64,
    /// Events of the small and of the large bundle.
    pub bundles: [u64; 2],
    /// Seconds that making the log larger may take, for all of it.
    pub fill_seconds: u64,
    /// Events a second that are sealed beforehand for a closed loop.
    pub sealed_per_second: u64,
}

const FULL: Scale = Scale {
    name: "full",
    conversations: 100_000,
    ingest_seconds: 60,
    short_seconds: 8,
    sizes: [1_000_000, 10_000_000, 20_000_000],
    ids: 1_000_000,
    bundles: [10_000, 2_000_000],
    fill_seconds: 260,
    sealed_per_second: 120_000,
};

/// A tenth of the size, to compare two states of the code in some minutes.
const TENTH: Scale = Scale {
    name: "tenth",
    conversations: 20_000,
    ingest_seconds: 15,
    short_seconds: 5,
    sizes: [200_000, 1_000_000, 2_000_000],
    ids: 100_000,
    bundles: [10_000, 200_000],
    fill_seconds: 60,
    sealed_per_second: 120_000,
};

const QUICK: Scale = Scale {
    name: "quick",
    conversations: 2_000,
    ingest_seconds: 6,
    short_seconds: 3,
    sizes: [50_000, 150_000, 300_000],
    ids: 10_000,
    bundles: [10_000, 50_000],
    fill_seconds: 30,
    sealed_per_second: 150_000,
};

/// What the arguments ask for.
struct Order {
    scale: Scale,
    out: PathBuf,
    work: PathBuf,
    only: Vec<String>,
}

fn order() -> Order {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut order = Order { scale: FULL, out: root.join("BENCHMARKS.md"), work: work_folder(), only: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => order.scale = QUICK,
            "--tenth" => order.scale = TENTH,
            "--out" => order.out = arguments.next().expect("--out FILE").into(),
            "--work" => order.work = arguments.next().expect("--work DIR").into(),
            // What cargo adds.
            "--bench" => {}
            section if SECTIONS.contains(&section) => order.only.push(section.into()),
            other => {
                eprintln!("bench: {other:?} is none of --quick, --tenth, --out FILE, --work DIR, {SECTIONS:?}");
                std::process::exit(3);
            }
        }
    }
    order
}

/// On a disk: where temporary files lie in memory, nothing would be synced.
fn work_folder() -> PathBuf {
    let lasting = PathBuf::from("/var/tmp");
    if lasting.is_dir() { lasting } else { std::env::temp_dir() }
}

const SECTIONS: [&str; 5] = ["raw", "source", "verify", "ledger", "postgres"];

fn main() {
    let order = order();
    let folder = tempfile::Builder::new().prefix("zegel-bench-").tempdir_in(&order.work).expect("a folder to work in");
    let begun = Instant::now();
    let wanted = |section: &str| order.only.is_empty() || order.only.iter().any(|only| only == section);
    let say = |what: &str| {
        machine::settle();
        eprintln!("bench: {what} ({:.0} s since the start)", begun.elapsed().as_secs_f64());
    };
    let mut page = Page::new(order.scale, machine::describe());
    say("fsync and raw RocksDB");
    let raw = raw::measure(folder.path(), order.scale);
    page.conditions.extend(raw.describe());
    if wanted("source") {
        say("the source's side");
        page.rows.push(source::measure(order.scale));
    }
    if wanted("verify") {
        say("bundles");
        page.rows.extend(verify::measure(folder.path(), order.scale));
    }
    if wanted("ledger") {
        say("the ledger");
        let measured = ledger::measure(folder.path(), order.scale, &raw, &say);
        page.conditions.extend(measured.conditions);
        page.rows.extend(measured.rows);
        page.plot = measured.plot;
    }
    if wanted("postgres") {
        say("PostgreSQL");
        let ingest = page.rows.iter().find(|row| row.work.starts_with("ingest")).map(|row| row.value);
        page.rows.push(postgres::measure(folder.path(), order.scale, ingest));
    }
    page.rows.sort_by_key(|row| row.place);
    page.took = begun.elapsed();
    let text = page.print();
    println!("{text}");
    std::fs::write(&order.out, text).expect("the page is written");
    if let Some(plot) = &page.plot {
        std::fs::write(order.out.with_extension("svg"), plot).expect("the plot is written");
    }
    say(&format!("written to {}", order.out.display()));
    let missed = page.rows.iter().filter(|row| row.met == Some(false)).count();
    eprintln!("bench: {missed} targets missed");
}

/// A row for a section that could not be measured.
pub fn failed(place: u32, work: &str, reason: &str) -> Row {
    eprintln!("bench: {work}: NOT MEASURED: {reason}");
    Row { place, work: work.into(), remark: format!("NOT MEASURED: {reason}"), ..Row::default() }
}
