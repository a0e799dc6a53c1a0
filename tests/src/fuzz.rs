//! Bytes that nobody meant: inputs changed at random, from a seed that is printed, for parsers that must not panic.
//!
//! Not coverage-guided: what it finds it finds by number, from seeds that are already close to every rule (the vectors). What
//! it has found lies in `tests/corpus/`, one folder a parser, and is tried first. The same parsers under libFuzzer, with
//! coverage, are `tests/fuzz`: `make fuzz` runs these where the toolchain is there.

pub mod importers;
pub mod parsers;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Words that steer parsers.
const WORDS: [&[u8]; 16] = [
    b"\n\n",
    b"\xe2\x80\x94 ",
    b"18446744073709551615",
    b"-1",
    b"\xff\xff\xff\xff\x0f",
    b"\x00",
    b"\xe2\x80\x8f",
    b"+",
    b"old 0\n",
    b"=",
    b"{",
    b"\"\\ud800\"",
    b"1e999",
    b"../",
    b"\xed\xa0\x80",
    b"quorum none\n",
];
/// No input grows beyond this.
const BYTES_MAX: usize = 1 << 16;

/// Random numbers from a seed (xorshift64*).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// From a seed, which is never 0 inside.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }

    /// An input, changed in one to four ways.
    #[must_use]
    pub fn changed(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, seeds);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let to = at + self.below((bytes.len() - at).min(64) + 1);
        match self.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b' '][self.below(7)],
            2 => drop(bytes.drain(at..to)),
            3 => bytes.truncate(at),
            4 => {
                let copy = bytes[at..to].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => drop(bytes.splice(at..at, WORDS[self.below(WORDS.len())].iter().copied())),
            _ => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                bytes.splice(at..to, other[from..].iter().copied().take(512));
            }
        }
    }
}

/// How long to try.
#[derive(Clone, Copy, Debug)]
pub enum Effort {
    /// So many inputs.
    Inputs(u64),
    /// So long.
    Time(Duration),
}

impl Effort {
    /// `ZEGEL_FUZZ_SECONDS` for each parser, or so many inputs.
    #[must_use]
    pub fn asked(inputs: u64) -> Self {
        let seconds = std::env::var("ZEGEL_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
        seconds.map_or(Self::Inputs(inputs), |seconds| Self::Time(Duration::from_secs(seconds)))
    }

    fn is_over(self, tried: u64, begun: Instant) -> bool {
        match self {
            Self::Inputs(inputs) => tried >= inputs,
            Self::Time(time) => begun.elapsed() >= time,
        }
    }
}

/// The corpus of a parser: what was found before.
#[must_use]
pub fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = folder(name);
    let Ok(items) = fs::read_dir(&folder) else { return Vec::new() };
    items.map(|item| fs::read(item.expect("an item").path()).expect("bytes")).collect()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

/// Tries a parser on its corpus, on its seeds, and on what becomes of them; gives how many inputs there were.
///
/// # Panics
/// If the parser does, with the input written into its corpus; if there is no seed.
pub fn hunt(name: &str, seeds: &[Vec<u8>], effort: Effort, parser: impl Fn(&[u8])) -> u64 {
    assert!(!seeds.is_empty(), "{name} has no seed");
    let attempt = |bytes: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| parser(bytes))).is_err() {
            let digest = zegel_verifier::hash::sha256(&[bytes]).to_string();
            let path = folder(name).join(&digest[..16]);
            let kept = fs::create_dir_all(folder(name)).and_then(|()| fs::write(&path, bytes));
            panic!("{name} panics on {} ({kept:?})", path.display());
        }
    };
    let known = corpus(name);
    known.iter().chain(seeds).for_each(|bytes| attempt(bytes));
    let seed = std::env::var("ZEGEL_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260_722);
    let (mut dice, begun, mut tried) = (Dice::new(seed), Instant::now(), 0);
    while !effort.is_over(tried, begun) {
        attempt(&dice.changed(seeds));
        tried += 1;
    }
    eprintln!("{name}: {tried} inputs from seed {seed}");
    tried
}
