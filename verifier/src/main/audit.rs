//! `audit`: a whole log, from a mirror.
//!
//! Entries are examined by as many threads as the machine has, and taken in order by one. Exit codes: 0 every rule held;
//! 1 findings that say less than a broken rule (or warnings, with `--strict`); 2 a rule was broken, or this is no mirror of
//! this log; 3 could not check. Specification: `specs/audit.md`.

#[path = "audit/replay.rs"]
mod replay;
#[path = "audit/text.rs"]
mod text;

use super::{EXIT_FINDINGS, EXIT_REFUSED, EXIT_UNCHECKED, EXIT_VERIFIED, Form, Language, Reason, files};
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zegel_verifier::audit::{AuditReport, Auditor};
use zegel_verifier::bundle::Severity;
use zegel_verifier::mirror::{MirrorError, MirrorReader};
use zegel_verifier::trust::{TRUST_BYTES_MAX, Trust};

/// What to replay, and how to answer.
#[derive(Args)]
pub(crate) struct Wanted {
    /// The mirror: a folder that `zegel mirror` made.
    mirror: PathBuf,
    /// The trust file: root key, witnesses, quorum.
    #[arg(long)]
    trust: PathBuf,
    /// Goes on from this state if it is there, and keeps the new one in its place.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// A checkpoint that was seen elsewhere: a signed note, or a receipt. May be given more than once.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
    /// Warnings count as findings that are not accepted.
    #[arg(long)]
    strict: bool,
    /// Language of the report.
    #[arg(long, value_enum, default_value_t = Language::Nl)]
    lang: Language,
}

/// How an audit ended: the document of `--json`.
#[derive(Serialize)]
struct Verdict {
    verifier: &'static str,
    verdict: &'static str,
    exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Box<AuditReport>>,
}

impl Verdict {
    fn of(exit: u8, reason: Option<Reason>, report: Option<AuditReport>) -> Self {
        let verdict = match exit {
            EXIT_VERIFIED => "verified",
            EXIT_FINDINGS => "verified_with_findings",
            EXIT_REFUSED => "refused",
            _ => "not_checked",
        };
        Self { verifier: env!("CARGO_PKG_VERSION"), verdict, exit, reason, report: report.map(Box::new) }
    }
}

/// Why there is no report.
pub(super) struct Failure {
    exit: u8,
    reason: Reason,
}

impl Failure {
    pub(super) fn parts(self) -> (u8, Reason) {
        (self.exit, self.reason)
    }

    pub(super) fn new(exit: u8, id: &'static str, nl: String, en: String) -> Self {
        Self { exit, reason: Reason { id, nl, en } }
    }

    pub(super) fn unreadable(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        let text = format!("{}: {reason}", path.display());
        Self::new(EXIT_UNCHECKED, "UNREADABLE", text.clone(), text)
    }

    /// A mirror that cannot be read is no verdict; one that is not whole is.
    pub(super) fn mirror(at: Option<u64>, reason: &MirrorError) -> Self {
        let (nl, en) = match at {
            Some(at) => (format!("bij regel {at}: "), format!("at entry {at}: ")),
            None => (String::new(), String::new()),
        };
        let (exit, id) = match reason {
            MirrorError::Io { .. } => (EXIT_UNCHECKED, "UNREADABLE"),
            MirrorError::OtherLog { .. } => (EXIT_REFUSED, "ORIGIN"),
            _ => (EXIT_REFUSED, "MIRROR"),
        };
        Self::new(exit, id, format!("De spiegel is niet heel: {nl}{reason}"), format!("{en}{reason}"))
    }
}

/// Replays, and answers.
pub(crate) fn run(wanted: &Wanted) -> ExitCode {
    let verdict = match audit(wanted) {
        Ok(report) => Verdict::of(exit_of(&report, wanted), None, Some(report)),
        Err(failure) => Verdict::of(failure.exit, Some(failure.reason), None),
    };
    let mut out = std::io::stdout().lock();
    let form = if wanted.json { Form::Json } else { Form::Text };
    let written = if form == Form::Json {
        serde_json::to_writer_pretty(&mut out, &verdict).map_err(std::io::Error::from).and_then(|()| writeln!(out))
    } else {
        text::write(&mut out, &verdict, wanted.lang)
    };
    ExitCode::from(if written.is_ok() { verdict.exit } else { EXIT_UNCHECKED })
}

fn exit_of(report: &AuditReport, wanted: &Wanted) -> u8 {
    let least = if wanted.strict { Severity::Warning } else { Severity::Error };
    match report.gravest() {
        _ if report.is_refused() => EXIT_REFUSED,
        Some(gravest) if gravest >= least => EXIT_FINDINGS,
        _ => EXIT_VERIFIED,
    }
}

fn audit(wanted: &Wanted) -> Result<AuditReport, Failure> {
    let trust = read_trust(&wanted.trust)?;
    let mirror = MirrorReader::open(files::MirrorFolder::new(&wanted.mirror), trust.origin())
        .map_err(|reason| Failure::mirror(None, &reason))?;
    let mut auditor = match &wanted.state {
        Some(path) => restore(path, trust)?,
        None => Auditor::new(trust),
    };
    replay::check_state(&auditor, &mirror)?;
    replay::hand_in(&mut auditor, &mirror, &wanted.checkpoint)?;
    replay::announce(&mut auditor, &mirror)?;
    let auditor = replay::replay(auditor, &mirror)?;
    mirror.check_tiles().map_err(|reason| Failure::mirror(None, &reason))?;
    if let Some(path) = &wanted.state {
        files::replace(path, |out| auditor.save(out)).map_err(|reason| Failure::unreadable(path, &reason))?;
    }
    Ok(auditor.report())
}

pub(super) fn read_trust(path: &Path) -> Result<Trust, Failure> {
    let refused = |nl: String, en: String| Failure::new(EXIT_UNCHECKED, "TRUST_FILE", nl, en);
    let bytes = files::read_at_most(path, TRUST_BYTES_MAX as u64 + 1).map_err(|reason| {
        let text = format!("{}: {reason}", path.display());
        refused(text.clone(), text)
    })?;
    Trust::parse(&bytes)
        .map_err(|reason| refused(format!("Het vertrouwensbestand deugt niet: {reason}"), reason.to_string()))
}

/// A state that is not there yet is a beginning; one that does not read is never passed over in silence.
fn restore(path: &Path, trust: Trust) -> Result<Auditor, Failure> {
    let mut input = match files::open_if_there(path) {
        Ok(Some(input)) => input,
        Ok(None) => return Ok(Auditor::new(trust)),
        Err(reason) => return Err(Failure::unreadable(path, &reason)),
    };
    Auditor::restore(trust, &mut input).map_err(|reason| {
        let (path, nl) = (path.display(), "de stand is niet te gebruiken");
        Failure::new(EXIT_UNCHECKED, "STATE", format!("{path}: {nl} ({reason})"), format!("{path}: {reason}"))
    })
}
