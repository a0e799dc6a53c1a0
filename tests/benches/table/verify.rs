//! The verifier over large bundles: speed a core, and memory that does not grow.
//!
//! The bundles are made by the verifier's own example `make_bundle`, streamed to disk without a ledger.

use crate::page::{Row, count, mib, ratio};
use crate::{Scale, failed};
use ed25519_dalek::{Signer, SigningKey};
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use zegel_tests::command;
use zegel_verifier::hash::lanes::sha256_all;
use zegel_verifier::signature::{CONTEXT_BATCH, signed_bytes, verify};

/// Shape, row, target a core, blocks of SHA-256 an event (none: signatures are what it takes).
const SHAPES: [(&str, &str, f64, Option<f64>); 3] = [
    ("disclosed", "verify a bundle, all disclosed, 16 words, 64 shown a batch", 100_000.0, Some(70.0)),
    ("withheld", "verify, all withheld", 300_000.0, Some(12.0)),
    ("sparse", "verify, one shown event a batch", 14_000.0, None),
];
const MEMORY_MAX: u64 = 128 << 20;

struct Verified {
    seconds: f64,
    processor_seconds: f64,
    peak_bytes: u64,
}

pub fn measure(folder: &Path, scale: Scale) -> Vec<Row> {
    let rows = (50..).zip(SHAPES).map(|(place, shape)| {
        shape_of(folder, scale, place, shape).unwrap_or_else(|reason| failed(place, shape.1, &reason))
    });
    rows.collect()
}

fn shape_of(
    folder: &Path,
    scale: Scale,
    place: u32,
    (shape, work, target, blocks): (&str, &str, f64, Option<f64>),
) -> Result<Row, String> {
    let [small, large] = scale.bundles;
    // A signature an event: a tenth of the events takes as long.
    let large = if blocks.is_none() { large / 10 } else { large };
    let little = bundle(folder, shape, small)?;
    let verified = bundle(folder, shape, large)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let rate = large as f64 / verified.processor_seconds;
    let busy = verified.processor_seconds / verified.seconds;
    let (beside, by) = match blocks {
        Some(blocks) => {
            let events = compressions() / blocks;
            (format!("{blocks:.0} SHA-256 blocks an event and nothing else: {} events/s", count(events)), events)
        }
        None => {
            let checks = strict_checks();
            (format!("strict signature checks: {}/s", count(checks)), checks)
        }
    };
    let peak = verified.peak_bytes.max(little.peak_bytes);
    Ok(Row {
        place,
        work: work.into(),
        target: format!("≥ {} events/s a core; ≤ 128 MiB", count(target)),
        found: format!("{} events/s a core; {} in all", count(rate), count(large as f64 / verified.seconds)),
        value: rate,
        met: Some(rate >= target && peak <= MEMORY_MAX && (cores < 2.0 || busy > 0.75 * cores || blocks.is_none())),
        beside,
        ratio: ratio(rate / by),
        remark: format!(
            "peak {} at {} events, {} at {}; {busy:.1} of {cores:.0} cores busy",
            mib(little.peak_bytes),
            count(small as f64),
            mib(verified.peak_bytes),
            count(large as f64)
        ),
    })
}

/// Makes a bundle, verifies it, and removes it.
fn bundle(folder: &Path, shape: &str, events: u64) -> Result<Verified, String> {
    let out = folder.join(format!("{shape}-{events}"));
    let maker =
        std::env::current_exe().ok().and_then(|path| Some(path.parent()?.parent()?.join("examples/make_bundle")));
    let maker = maker.filter(|path| path.exists()).ok_or("the example make_bundle has not been built")?;
    let made = Command::new(maker)
        .args(["--events", &events.to_string(), "--shape", shape, "--out"])
        .arg(&out)
        .stdout(Stdio::null())
        .status();
    if !made.as_ref().is_ok_and(|status| status.success()) {
        return Err(format!("make_bundle: {made:?}"));
    }
    let before = children_seconds();
    let begun = Instant::now();
    let mut child = command("zegel-verifier")
        .arg("verify")
        .arg(out.join("bundle"))
        .arg("--trust")
        .arg(out.join("trust.txt"))
        .stdout(Stdio::null())
        .spawn()
        .map_err(|reason| reason.to_string())?;
    let mut peak_bytes = 0;
    let status = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak_bytes = kib.map_or(peak_bytes, |kib| peak_bytes.max(kib * 1024));
        match child.try_wait().map_err(|reason| reason.to_string())? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    let (seconds, processor_seconds) = (begun.elapsed().as_secs_f64(), children_seconds() - before);
    fs::remove_dir_all(&out).map_err(|reason| reason.to_string())?;
    // 1: good, with findings.
    if !matches!(status.code(), Some(0 | 1)) {
        return Err(format!("zegel-verifier ended with {status}"));
    }
    Ok(Verified { seconds, processor_seconds, peak_bytes })
}

/// Processor time of children that have ended: fields 16 and 17 of our own row.
fn children_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}

/// Compressions a second on one core, as the verifier does them.
pub fn compressions() -> f64 {
    let bytes = vec![[0x5A; 55]; 4_096];
    let messages: Vec<&[u8]> = bytes.iter().map(<[u8; 55]>::as_slice).collect();
    let (begun, mut rounds) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_millis(700) {
        black_box(sha256_all(&messages));
        rounds += 1;
    }
    f64::from(rounds) * 4_096.0 / begun.elapsed().as_secs_f64()
}

fn strict_checks() -> f64 {
    let key = SigningKey::from_bytes(&[7; 32]);
    let statement = [0x5A; 205];
    let signature = key.sign(&signed_bytes(CONTEXT_BATCH, &statement)).to_bytes();
    let public = key.verifying_key().to_bytes();
    let (begun, mut checks) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_millis(700) {
        black_box(verify(&public, CONTEXT_BATCH, &statement, &signature)).unwrap();
        checks += 1;
    }
    f64::from(checks) / begun.elapsed().as_secs_f64()
}
