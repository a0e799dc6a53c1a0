//! Two works measured in turn, so that a machine that slows down slows both.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::time::Instant;

const ROUNDS: usize = 11;
const REPEATS: u32 = 40;

pub fn seconds(work: &mut dyn FnMut()) -> f64 {
    let started = Instant::now();
    (0..REPEATS).for_each(|_| work());
    started.elapsed().as_secs_f64() / f64::from(REPEATS)
}

pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Medians of two works done in turn, and of their ratio pair by pair.
pub fn pair(mut one: impl FnMut(), mut other: impl FnMut()) -> (f64, f64, f64) {
    let rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (seconds(&mut one), seconds(&mut other))).collect();
    let ratio = median(rounds.iter().map(|(one, other)| other / one).collect());
    (median(rounds.iter().map(|round| round.0).collect()), median(rounds.iter().map(|round| round.1).collect()), ratio)
}

pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, value)| value).to_owned()
    };
    let has = |flag: &str| field("flags").split(' ').any(|found| found == flag);
    let flags: Vec<&str> = ["sha_ni", "avx2", "avx512f"].into_iter().filter(|flag| has(flag)).collect();
    format!("{}; {} processors; {}", field("model name"), info.matches("processor\t").count(), flags.join(" "))
}
