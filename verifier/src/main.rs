//! The offline command: is this bundle good, and what does it show?
//!
//! Exit codes: 0 verified; 1 verified with findings that are not accepted; 2 refused; 3 could not check. The result goes
//! to stdout, progress to stderr; `--json` prints exactly one document, also on failure (`show` of a good bundle: one line
//! per event). Not here: every rule of the evidence (the library). This file and `main/` are the only ones that open files.

#[path = "main/audit.rs"]
mod audit;
#[path = "main/compare.rs"]
mod compare;
#[path = "main/files.rs"]
mod files;
#[path = "main/holders.rs"]
mod holders;
#[path = "main/progress.rs"]
mod progress;
#[path = "main/proof.rs"]
mod proof;
#[path = "main/report.rs"]
mod report;
#[path = "main/show.rs"]
mod show;
#[path = "main/text.rs"]
mod text;

use clap::{Args, Parser, Subcommand, ValueEnum};
use holders::Holders;
use progress::Progress;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use zegel_verifier::bundle::{self, BundleSource, Demands, Observer, Refusal, Report, Severity};
use zegel_verifier::trust::{TRUST_BYTES_MAX, Trust};

const EXIT_VERIFIED: u8 = 0;
const EXIT_FINDINGS: u8 = 1;
const EXIT_REFUSED: u8 = 2;
const EXIT_UNCHECKED: u8 = 3;

/// Verifies evidence bundles of Zegel logs, off line.
#[derive(Parser)]
#[command(name = "zegel-verifier", version)]
struct Command {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Verifies a bundle and reports what may be said of it.
    Verify(Asked),
    /// Verifies a bundle and, if it is good, prints its timeline.
    Show(Asked),
    /// Verifies that one entry is in the log, by a tlog-proof file.
    Proof(proof::ProofAsked),
    /// Verifies bundles and writes one page that a person reads, with the same as JSON beside it.
    Report(report::Wanted),
    /// Replays a whole log from a mirror, and reports everything that does not follow from its entries.
    Audit(audit::Wanted),
    /// Shows that checkpoints, receipts, bundles and mirrors are of one history, or proves that they are not.
    Compare(compare::Wanted),
}

#[derive(Args)]
struct Asked {
    /// The bundle: a BagIt folder, or a .zip of one.
    bundle: PathBuf,
    /// The trust file: root key, witnesses, quorum.
    #[arg(long)]
    trust: PathBuf,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
    /// The nonce that was sent along with the order: an older bundle is refused.
    #[arg(long)]
    nonce: Option<String>,
    /// The bundle must be as of at least this many entries.
    #[arg(long)]
    min_entries: Option<u64>,
    /// Warnings count as findings that are not accepted.
    #[arg(long)]
    strict: bool,
    /// Language of the report.
    #[arg(long, value_enum, default_value_t = Language::Nl)]
    lang: Language,
}

/// A language of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    Nl,
    En,
}

impl Language {
    fn of<'a>(self, nl: &'a str, en: &'a str) -> &'a str {
        if self == Self::Nl { nl } else { en }
    }
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Json,
}

impl Asked {
    fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}

/// How a check ended: the document of `--json`.
#[derive(Serialize)]
struct Verdict {
    verifier: &'static str,
    verdict: &'static str,
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Box<Report>>,
}

/// Why there is no report.
#[derive(Serialize)]
struct Reason {
    id: &'static str,
    nl: String,
    en: String,
}

impl Verdict {
    fn of(outcome: Result<Report, Reason>, exit: u8) -> Self {
        let verdict = match exit {
            EXIT_VERIFIED => "verified",
            EXIT_FINDINGS => "verified_with_findings",
            EXIT_REFUSED => "refused",
            _ => "not_checked",
        };
        let (report, reason) = match outcome {
            Ok(report) => (Some(Box::new(report)), None),
            Err(reason) => (None, Some(reason)),
        };
        Self { verifier: env!("CARGO_PKG_VERSION"), verdict, exit, reason, report }
    }

    fn unchecked(id: &'static str, nl: String, en: String) -> Self {
        Self::of(Err(Reason { id, nl, en }), EXIT_UNCHECKED)
    }

    fn refused(refusal: &Refusal) -> Self {
        let exit = if refusal.is_unchecked() { EXIT_UNCHECKED } else { EXIT_REFUSED };
        Self::of(Err(Reason { id: refusal.id(), nl: refusal.nl(), en: refusal.en() }), exit)
    }

    fn found(report: Report, is_strict: bool) -> Self {
        let least = if is_strict { Severity::Warning } else { Severity::Error };
        let is_accepted = report.gravest().is_none_or(|gravest| gravest < least);
        Self::of(Ok(report), if is_accepted { EXIT_VERIFIED } else { EXIT_FINDINGS })
    }
}

fn main() -> ExitCode {
    // A command line that does not parse may still ask for a document.
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    let form = if wants_json { Form::Json } else { Form::Text };
    let task = match Command::try_parse() {
        Ok(command) => command.task,
        Err(usage) => return refuse_usage(&usage, form),
    };
    let (asked, shows) = match &task {
        Task::Verify(asked) => (asked, false),
        Task::Show(asked) => (asked, true),
        Task::Proof(asked) => return proof::run(asked),
        Task::Report(wanted) => return report::write(wanted),
        Task::Audit(wanted) => return audit::run(wanted),
        Task::Compare(wanted) => return compare::run(wanted),
    };
    let verdict = check(asked);
    if !shows || verdict.report.is_none() {
        return answer(&verdict, asked.form(), asked.lang);
    }
    show_timeline(asked, &verdict)
}

/// Help and version are asked for; everything else is a check that could not be made.
fn refuse_usage(usage: &clap::Error, form: Form) -> ExitCode {
    if !usage.use_stderr() {
        let printed = usage.print();
        return ExitCode::from(if printed.is_ok() { EXIT_VERIFIED } else { EXIT_UNCHECKED });
    }
    if form == Form::Text {
        let _ = usage.print();
        return ExitCode::from(EXIT_UNCHECKED);
    }
    let text = usage.to_string();
    answer(&Verdict::unchecked("USAGE", text.clone(), text), form, Language::En)
}

fn check(asked: &Asked) -> Verdict {
    let trust = match read_trust(asked) {
        Ok(trust) => trust,
        Err(verdict) => return *verdict,
    };
    match verify(asked, &trust, &mut progress(asked)) {
        Ok(report) => Verdict::found(report, asked.strict),
        Err(refusal) => Verdict::refused(&refusal),
    }
}

/// What is wrong with the bundle is for the check to say.
fn progress(asked: &Asked) -> Progress {
    let files = files::open(&asked.bundle).and_then(|mut source| source.files()).unwrap_or_default();
    Progress::new(asked.form(), asked.lang, files.iter().map(|file| file.bytes).sum())
}

/// Threads that the machine has for us.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn verify(asked: &Asked, trust: &Trust, observer: &mut dyn Observer) -> Result<Report, Refusal> {
    let mut source: Box<dyn BundleSource> = files::open(&asked.bundle)?;
    let demands = Demands { nonce: asked.nonce.clone(), min_entries: asked.min_entries };
    bundle::verify_on(workers(), source.as_mut(), trust, &demands, observer)
}

fn read_trust(asked: &Asked) -> Result<Trust, Box<Verdict>> {
    let bytes = files::read_at_most(&asked.trust, TRUST_BYTES_MAX as u64 + 1).map_err(|reason| {
        let text = format!("{}: {reason}", asked.trust.display());
        Box::new(Verdict::unchecked("TRUST_FILE", text.clone(), text))
    })?;
    Trust::parse(&bytes).map_err(|reason| {
        let nl = format!("Het vertrouwensbestand deugt niet: {reason}");
        Box::new(Verdict::unchecked("TRUST_FILE", nl, reason.to_string()))
    })
}

/// The second pass: everything is printed as it passes again, now that it is known to be good.
fn show_timeline(asked: &Asked, verdict: &Verdict) -> ExitCode {
    let Ok(trust) = read_trust(asked) else {
        return ExitCode::from(EXIT_UNCHECKED);
    };
    let mut holders = Holders::default();
    if let Err(refusal) = verify(asked, &trust, &mut holders) {
        return answer(&Verdict::refused(&refusal), asked.form(), asked.lang);
    }
    if holders.is_full() {
        let text = asked.lang.of(
            "niet alle berichten zijn tussen houders vergeleken: het zijn er te veel",
            "not all messages were compared between holders: there are too many",
        );
        let _ = writeln!(std::io::stderr(), "{text}");
    }
    let mut timeline = show::Timeline::new(std::io::stdout().lock(), asked.lang, asked.form(), holders);
    let again = verify(asked, &trust, &mut timeline);
    let printed = timeline.finish();
    let first = verdict.report.as_ref().map(|report| &report.export.parts_sha256);
    match again {
        Ok(report) if first == Some(&report.export.parts_sha256) && printed.is_ok() => ExitCode::from(verdict.exit),
        _ => {
            let text = asked.lang.of(
                "de bundel is tijdens het tonen veranderd, of het tonen is afgebroken",
                "the bundle changed while it was shown, or showing was broken off",
            );
            let _ = writeln!(std::io::stderr(), "{text}");
            ExitCode::from(EXIT_UNCHECKED)
        }
    }
}

fn answer(verdict: &Verdict, form: Form, language: Language) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let written = if form == Form::Json {
        serde_json::to_writer_pretty(&mut out, verdict).map_err(std::io::Error::from).and_then(|()| writeln!(out))
    } else {
        text::write(&mut out, verdict, language)
    };
    ExitCode::from(if written.is_ok() { verdict.exit } else { EXIT_UNCHECKED })
}
