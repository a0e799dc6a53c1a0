//! Two verifiers, one verdict: bundles that were made at random and changed at random are judged by this crate and by the
//! page for inspectors, which was written from the specifications alone.
//!
//! Each number makes one bundle, always the same. The forger has every key: a change is signed and bagged again, at whatever
//! level it was made, so that rules far behind the first checksum are reached. Where the two differ, the specification was
//! not clear: it is mended, and the wrong side with it.
#![allow(clippy::disallowed_methods, reason = "a test starts the other verifier")]

#[path = "mutants/bundle.rs"]
mod bundle;
#[path = "mutants/dice.rs"]
mod dice;
#[path = "mutants/log.rs"]
mod log;
mod maker;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bundle::Case;
use dice::Dice;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use zegel_verifier::bundle::{Report, Severity, verify};
use zegel_verifier::hash::Hash;
use zegel_verifier::trust::Trust;

/// What one verifier says: verdict and reason, or findings, claims and counts.
fn ours(case: &Case) -> Value {
    let Ok(trust) = Trust::parse(case.trust.as_bytes()) else {
        return json!({ "verdict": "not_checked", "reason": "TRUST_FILE" });
    };
    match verify(&mut case.files.clone(), &trust, &case.demands, &mut ()) {
        Ok(report) => accepted(case, &report),
        Err(refusal) => {
            let verdict = if refusal.is_unchecked() { "not_checked" } else { "refused" };
            json!({ "verdict": verdict, "reason": refusal.id(), "detail": refusal.to_string() })
        }
    }
}

fn accepted(case: &Case, report: &Report) -> Value {
    let least = if case.strict { Severity::Warning } else { Severity::Error };
    let is_good = report.gravest().is_none_or(|gravest| gravest < least);
    let mut findings: BTreeMap<&str, u64> = BTreeMap::new();
    for finding in &report.findings {
        *findings.entry(finding.id).or_default() += finding.count;
    }
    let whole = serde_json::to_value(report).expect("a report is data");
    let status = |claim: &str| (claim.to_owned(), whole["claims"][claim]["status"].clone());
    let claims: serde_json::Map<_, _> =
        ["completeness", "authenticity", "immutability", "custody"].into_iter().map(status).collect();
    let names = [
        "events",
        "opened",
        "redacted",
        "withheld",
        "covered_units",
        "captures",
        "attachments",
        "registry_events",
        "records_events",
        "months_outside_period",
        "events_outside_period",
    ];
    let counts: serde_json::Map<_, _> =
        names.into_iter().map(|name| (name.to_owned(), whole["counts"][name].clone())).collect();
    json!({
        "verdict": if is_good { "verified" } else { "verified_with_findings" },
        "reason": null,
        "findings": findings,
        "claims": claims,
        "counts": counts,
        "parts_sha256": report.export.parts_sha256,
    })
}

fn without_words(mut answer: Value) -> Value {
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("detail");
    }
    answer
}

/// The page, as a process that judges one bundle a line.
struct Page {
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Page {
    /// Nothing, loudly, without node.
    fn open() -> Option<Self> {
        if Command::new("node").arg("--version").output().is_err() {
            let mut terminal = std::io::stderr().lock();
            let _ = writeln!(terminal, "\n*** SKIPPED, NOTHING WAS PROVEN: node is not installed ***\n");
            return None;
        }
        let judge = Path::new(env!("CARGO_MANIFEST_DIR")).join("html/judge.mjs");
        let node = Command::new("node").arg(judge).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = node.expect("node starts");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Some(Self { process, answers })
    }

    fn judge(&mut self, case: &Case) -> Value {
        let encode = |(path, bytes): (&String, &Vec<u8>)| (path.clone(), json!(STANDARD.encode(bytes)));
        let files: serde_json::Map<_, _> = case.files.files.iter().map(encode).collect();
        let mut question = json!({ "files": files, "trust": STANDARD.encode(&case.trust), "strict": case.strict });
        if let Some(nonce) = &case.demands.nonce {
            question["nonce"] = json!(nonce);
        }
        if let Some(scope) = &case.demands.scope {
            let (stream, id) = (scope.stream, Hash::read(&scope.id).expect("an id").to_string());
            question["scope"] = json!({ "stream": stream, "id": id, "from": scope.from_month, "to": scope.to_month });
        }
        if let Some(entries) = case.demands.min_entries {
            question["min_entries"] = json!(entries);
        }
        self.ask(&question)
    }

    fn ask(&mut self, question: &Value) -> Value {
        let input = self.process.stdin.as_mut().expect("a pipe");
        writeln!(input, "{question}").expect("node listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("node answers");
        serde_json::from_str(&answer).unwrap_or_else(|reason| panic!("{reason}: node said {answer:?}"))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Judges these bundles twice; gives how often each answer was given, and every difference.
fn compare(numbers: impl Iterator<Item = u64>) -> Option<(BTreeMap<String, u64>, Vec<String>)> {
    let mut page = Page::open()?;
    let mut given: BTreeMap<String, u64> = BTreeMap::new();
    let mut different = Vec::new();
    for number in numbers {
        let case = Case::new(&mut Dice::new(number));
        let (one, other) = (ours(&case), page.judge(&case));
        let answer = one["reason"].as_str().or(one["verdict"].as_str()).unwrap_or_default().to_owned();
        *given.entry(answer).or_default() += 1;
        for finding in one["findings"].as_object().into_iter().flat_map(|findings| findings.keys()) {
            *given.entry(format!("finding {finding}")).or_default() += 1;
        }
        if without_words(one.clone()) != without_words(other.clone()) {
            different.push(format!("bundle {number} ({}):\n  {one}\n  {other}", case.changes.join(", ")));
        }
    }
    Some((given, different))
}

#[test]
fn the_page_and_this_crate_agree_on_bundles_that_were_changed_at_random() {
    let Some((given, different)) = compare(0..300) else { return };
    assert!(different.is_empty(), "{} of 300 differ:\n{}", different.len(), different.join("\n"));
    assert!(given.len() > 20, "{given:?}");
}

/// What the command says of an archive, which it reads itself.
fn of_archive(case: &Case, archive: &[u8]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, trust) = (folder.path().join("bundle.zip"), folder.path().join("trust.txt"));
    std::fs::write(&path, archive).expect("written");
    std::fs::write(&trust, &case.trust).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_zegel-verifier"));
    let output = command.arg("verify").arg(path).arg("--trust").arg(trust).arg("--json").output().expect("it starts");
    let said: Value = serde_json::from_slice(&output.stdout).expect("one document");
    json!({ "verdict": said["verdict"], "reason": said["reason"]["id"], "detail": said["reason"]["en"] })
}

#[test]
fn the_page_and_the_command_agree_on_archives_that_were_damaged() {
    let Some(mut page) = Page::open() else { return };
    let mut different = Vec::new();
    for number in 0..150 {
        let mut dice = Dice::new(number ^ 0x5A5A);
        let case = Case::plain(&mut dice);
        let archive = case.archive(&mut dice);
        let one = of_archive(&case, &archive);
        let question = json!({ "zip": STANDARD.encode(&archive), "trust": STANDARD.encode(&case.trust) });
        let other = page.ask(&question);
        // Where a reader gives up on a container is its own affair: UNREADABLE is no verdict. A verdict is the same in both.
        let call = |said: &Value| said["reason"].as_str().or(said["verdict"].as_str()).map(str::to_owned);
        let is_unreadable = |said: &Value| said["reason"] == "UNREADABLE";
        if !is_unreadable(&one) && !is_unreadable(&other) && call(&one) != call(&other) {
            different.push(format!("archive {number}:\n  {one}\n  {other}"));
        }
    }
    assert!(different.is_empty(), "{} of 150 differ:\n{}", different.len(), different.join("\n"));
}

#[test]
#[ignore = "minutes: 10,000 bundles, each judged twice"]
fn the_page_and_this_crate_agree_on_ten_thousand_bundles_that_were_changed_at_random() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = (number("ZEGEL_SEED").unwrap_or(1_000_000), number("ZEGEL_BUNDLES").unwrap_or(10_000));
    let Some((given, different)) = compare(first..first + count) else { return };
    println!("{count} bundles from {first} on: {given:#?}");
    let few = different.iter().take(400).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(different.is_empty(), "{} of {count} differ:\n{few}", different.len());
}
