//! What hashing and signatures cost on this machine, as ratios taken in one run.
//!
//! `make bench` prints, for a batch of 256 events: leaves in lanes against the `sha2` crate one by one, and strict signature
//! checks. Medians of eleven rounds, taken in turn, so that a machine that slows down slows both.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock and prints")]

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use std::hint::black_box;
use std::time::Instant;
use zegel_verifier::hash::lanes::sha256_in_lanes;
use zegel_verifier::signature::{CONTEXT_BATCH, signed_bytes, verify};

const ROUNDS: usize = 11;
const EVENTS: usize = 256;
const REPEATS: u32 = 40;

fn seconds(work: &mut dyn FnMut()) -> f64 {
    let started = Instant::now();
    (0..REPEATS).for_each(|_| work());
    started.elapsed().as_secs_f64() / f64::from(REPEATS)
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Medians of two works done in turn, and of their ratio pair by pair.
fn pair(mut one: impl FnMut(), mut other: impl FnMut()) -> (f64, f64, f64) {
    let rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (seconds(&mut one), seconds(&mut other))).collect();
    let ratio = median(rounds.iter().map(|(one, other)| other / one).collect());
    (median(rounds.iter().map(|round| round.0).collect()), median(rounds.iter().map(|round| round.1).collect()), ratio)
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, value)| value).to_owned()
    };
    let has = |flag: &str| field("flags").split(' ').any(|found| found == flag);
    let flags: Vec<&str> = ["sha_ni", "avx2", "avx512f"].into_iter().filter(|flag| has(flag)).collect();
    format!("{}; {} processors; {}", field("model name"), info.matches("processor\t").count(), flags.join(" "))
}

fn main() {
    println!("machine: {}", machine());
    // Twenty messages' worth of short slots: what a batch hashes most.
    for (name, length) in [("slot of 36 bytes", 55), ("header of 111 bytes", 113), ("ciphertext of 512 bytes", 512)] {
        let bytes: Vec<Vec<u8>> = (0..EVENTS).map(|at| vec![at as u8; length]).collect();
        let messages: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
        let (lanes, single, ratio) = pair(
            || _ = black_box(sha256_in_lanes(&messages)),
            || messages.iter().for_each(|message| _ = black_box(Sha256::digest(message))),
        );
        let compressions = (EVENTS * (length + 9).div_ceil(64)) as f64;
        let millions = |time: f64| compressions / time / 1e6;
        println!(
            "{name}: lanes {:.1} M compressions/s, sha2 {:.1} M, ratio {ratio:.2}",
            millions(lanes),
            millions(single)
        );
    }
    let key = SigningKey::from_bytes(&[7; 32]);
    let statement = [0x5A; 205];
    let signature = key.sign(&signed_bytes(CONTEXT_BATCH, &statement)).to_bytes();
    let public = key.verifying_key().to_bytes();
    let strict = median(
        (0..ROUNDS)
            .map(|_| seconds(&mut || _ = black_box(verify(&public, CONTEXT_BATCH, &statement, &signature))))
            .collect(),
    );
    println!(
        "strict signature check: {:.1} µs; per event in a batch of {EVENTS}: {:.2} µs",
        strict * 1e6,
        strict * 1e6 / EVENTS as f64
    );
}
