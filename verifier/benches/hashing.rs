//! What hashing and signatures cost on this machine, as ratios taken in one run.
//!
//! `make bench` prints, for a batch of 256 events: leaves in lanes against the `sha2` crate one by one, and strict signature
//! checks. Medians of eleven rounds, taken in turn, so that a machine that slows down slows both.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock and prints")]

mod measure;

use ed25519_dalek::{Signer, SigningKey};
use measure::{machine, pair};
use sha2::{Digest, Sha256};
use std::hint::black_box;
use zegel_verifier::hash::lanes::sha256_in_lanes;
use zegel_verifier::signature::{CONTEXT_BATCH, KnownKeys, signed_bytes};

const EVENTS: usize = 256;

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
    let strict = ed25519_dalek::Signature::from_bytes(&signature);
    let (message, verifying) = (signed_bytes(CONTEXT_BATCH, &statement), key.verifying_key());
    let mut known = KnownKeys::default();
    let (ours, library, ratio) = pair(
        || _ = black_box(known.verify(&public, CONTEXT_BATCH, &statement, &signature)),
        || _ = black_box(verifying.verify_strict(&message, &strict)),
    );
    println!(
        "strict signature check: {:.1} µs, of the library {:.1} µs, ratio {ratio:.2}; per event in a batch of {EVENTS}: {:.2} µs",
        ours * 1e6,
        library * 1e6,
        ours * 1e6 / EVENTS as f64
    );
}
