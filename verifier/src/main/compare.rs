//! `compare`: are these checkpoints, receipts, bundles and mirrors one history?
//!
//! Exit codes: 0 one history, shown; 1 some could not be compared; 2 a fork, proven (also for a fork proof that holds);
//! 3 could not check. What is not shown is never called consistent. Specification: `specs/audit.md`.

#[path = "compare/given.rs"]
mod given;

use super::audit::{Failure, read_trust};
use super::{EXIT_FINDINGS, EXIT_REFUSED, EXIT_UNCHECKED, EXIT_VERIFIED, Language, Reason, files};
use clap::Args;
use given::{Given, Kind};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zegel_verifier::compare::{Fork, ForkProof, LogKeys, Relation, by_bundle, by_mirror, by_themselves};
use zegel_verifier::trust::Trust;

/// What to compare, and how to answer.
#[derive(Args)]
pub(crate) struct Wanted {
    /// Checkpoints, receipts, bundles, mirrors; or a fork proof.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The trust file: root key, witnesses, quorum.
    #[arg(long)]
    trust: PathBuf,
    /// Writes the proof of a fork here; nothing that is there is overwritten.
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
    /// Language of the answer.
    #[arg(long, value_enum, default_value_t = Language::Nl)]
    lang: Language,
}

/// How a comparison ended: the document of `--json`.
#[derive(Default, Serialize)]
struct Verdict {
    verifier: &'static str,
    verdict: &'static str,
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// What was compared, the smallest size first.
    seen: Vec<Line>,
    /// Forks that were proven.
    forks: Vec<Told>,
}

/// One thing that was given.
#[derive(Serialize)]
struct Line {
    file: String,
    kind: &'static str,
    size: u64,
    root: String,
    /// Those with one number are shown to be one history.
    history: usize,
}

/// A proven fork.
#[derive(Serialize)]
struct Told {
    files: Vec<String>,
    first_size: u64,
    first_root: String,
    second_size: u64,
    second_root: String,
    by: &'static str,
}

/// Compares, and answers.
pub(crate) fn run(wanted: &Wanted) -> ExitCode {
    let mut verdict = compare(wanted).unwrap_or_else(|failure| {
        let (exit, reason) = failure.parts();
        Verdict { exit, reason: Some(reason), ..Verdict::default() }
    });
    verdict.verifier = env!("CARGO_PKG_VERSION");
    verdict.verdict = match (verdict.exit, verdict.forks.is_empty()) {
        (EXIT_VERIFIED, _) => "one_history",
        (EXIT_FINDINGS, _) => "not_compared",
        (EXIT_REFUSED, false) => "fork",
        (EXIT_REFUSED, true) => "refused",
        _ => "not_checked",
    };
    let mut out = std::io::stdout().lock();
    let written = if wanted.json {
        serde_json::to_writer_pretty(&mut out, &verdict).map_err(std::io::Error::from).and_then(|()| writeln!(out))
    } else {
        write(&mut out, &verdict, wanted.lang)
    };
    ExitCode::from(if written.is_ok() { verdict.exit } else { EXIT_UNCHECKED })
}

fn compare(wanted: &Wanted) -> Result<Verdict, Failure> {
    let trust = read_trust(&wanted.trust)?;
    let opened = wanted.files.iter().map(|path| Ok((path.as_path(), given::open(path, &trust)?)));
    let opened = opened.collect::<Result<Vec<_>, Failure>>()?;
    if let [(path, given::Opened::Proof(proof))] = opened.as_slice() {
        return check_proof(path, proof, &trust);
    }
    let keys = given::log_keys(&trust, &opened)?;
    let mut given = Vec::new();
    for (path, opened) in &opened {
        given.extend(given::seen(path, opened, &keys, trust.origin())?);
    }
    given::look_closer(&mut given)?;
    given.sort_by_key(|given| given.seen.size());
    let mut histories: Vec<usize> = (0..given.len()).collect();
    let mut proofs = Vec::new();
    for second in 0..given.len() {
        for first in 0..second {
            relate(&keys, trust.origin(), (first, second), &given, &mut histories, &mut proofs)?;
        }
    }
    keep(wanted, &proofs, &trust)?;
    let forks = proofs.iter().filter_map(|((first, second), proof)| {
        let fork = proof.verify(&trust).ok()?;
        Some(told(&fork, vec![given[*first].file.clone(), given[*second].file.clone()]))
    });
    let forks: Vec<Told> = forks.collect();
    let is_one = histories.iter().all(|history| *history == histories[0]);
    let exit = match (forks.is_empty(), is_one) {
        (false, _) => EXIT_REFUSED,
        (true, true) => EXIT_VERIFIED,
        (true, false) => EXIT_FINDINGS,
    };
    let seen = given.iter().zip(&histories).map(|(given, history)| Line {
        file: given.file.clone(),
        kind: given.kind.name(),
        size: given.seen.size(),
        root: given.seen.root().to_string(),
        history: *history,
    });
    Ok(Verdict { exit, seen: seen.collect(), forks, ..Verdict::default() })
}

type Proven = ((usize, usize), Box<ForkProof>);

/// Relates two: by themselves, or by the mirror or the bundle whose checkpoint the larger one is.
fn relate(
    keys: &LogKeys,
    origin: &str,
    (first, second): (usize, usize),
    given: &[Given<'_>],
    histories: &mut [usize],
    proofs: &mut Vec<Proven>,
) -> Result<(), Failure> {
    let (one, other) = (&given[first].seen, &given[second].seen);
    let relation = match (by_themselves(keys, origin, one, other), &given[second].kind) {
        (Relation::Unknown, Kind::Mirror(mirror)) => {
            by_mirror(keys, origin, one, other, mirror).map_err(|reason| Failure::mirror(None, &reason))?
        }
        (Relation::Unknown, Kind::Bundle(_, shown)) => by_bundle(keys, origin, one, other, shown),
        (relation, _) => relation,
    };
    match relation {
        Relation::Same => {
            let (from, to) = (histories[second], histories[first]);
            let (least, most) = (from.min(to), from.max(to));
            histories.iter_mut().filter(|history| **history == most).for_each(|history| *history = least);
        }
        Relation::Fork(proof) => proofs.push(((first, second), proof)),
        Relation::Unknown => {}
    }
    Ok(())
}

/// Writes the first proof, where it was asked for.
fn keep(wanted: &Wanted, proofs: &[Proven], trust: &Trust) -> Result<(), Failure> {
    let (Some(path), Some((_, proof))) = (&wanted.proof, proofs.first()) else { return Ok(()) };
    // What does not convince ourselves is given to nobody.
    proof.verify(trust).map_err(|reason| Failure::unreadable(path, &reason))?;
    files::write_new(path, proof.print().as_bytes()).map_err(|reason| Failure::unreadable(path, &reason))
}

fn told(fork: &Fork, files: Vec<String>) -> Told {
    let ((first_size, first_root), (second_size, second_root)) = (fork.first, fork.second);
    let (first_root, second_root) = (first_root.to_string(), second_root.to_string());
    Told { files, first_size, first_root, second_size, second_root, by: fork.by }
}

fn check_proof(path: &Path, proof: &ForkProof, trust: &Trust) -> Result<Verdict, Failure> {
    let fork = proof.verify(trust).map_err(|reason| {
        let (path, nl) = (path.display(), "dit bewijst geen tweede geschiedenis");
        Failure::new(EXIT_UNCHECKED, "FORK_PROOF", format!("{path}: {nl} ({reason})"), format!("{path}: {reason}"))
    })?;
    let forks = vec![told(&fork, vec![path.display().to_string()])];
    Ok(Verdict { exit: EXIT_REFUSED, forks, ..Verdict::default() })
}

fn write(out: &mut impl Write, verdict: &Verdict, language: Language) -> std::io::Result<()> {
    let line = match verdict.verdict {
        "one_history" => language.of("ÉÉN GESCHIEDENIS", "ONE HISTORY"),
        "not_compared" => language
            .of("NIET ALLES KON WORDEN VERGELEKEN ZONDER HET LOGBOEK", "NOT ALL CAN BE COMPARED WITHOUT THE LOG"),
        "fork" => language.of("TWEE GESCHIEDENISSEN, BEWEZEN", "TWO HISTORIES, PROVEN"),
        "refused" => language.of("GEWEIGERD", "REFUSED"),
        _ => language.of("NIET GECONTROLEERD", "NOT CHECKED"),
    };
    writeln!(out, "{line}")?;
    if let Some(reason) = &verdict.reason {
        writeln!(out, "{}: {}", reason.id, language.of(&reason.nl, &reason.en))?;
    }
    for seen in &verdict.seen {
        let history = language.of("geschiedenis", "history");
        writeln!(out, "  {history} {}: {:>12}  {}  {} {}", seen.history, seen.size, seen.root, seen.kind, seen.file)?;
    }
    for fork in &verdict.forks {
        let and = language.of("en", "and");
        let files = fork.files.join(&format!(" {and} "));
        writeln!(out, "\n{files} ({})", fork.by)?;
        writeln!(out, "  {:>12}  {}", fork.first_size, fork.first_root)?;
        writeln!(out, "  {:>12}  {}", fork.second_size, fork.second_root)?;
    }
    Ok(())
}
