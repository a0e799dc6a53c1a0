//! The report: one self-contained page that a person reads, and the same as JSON beside it.
//!
//! Two passes over each bundle: the first verifies and gathers what a line needs that is logged after it (grounds, other
//! holders); only when it is good does the second write lines. A bundle that is refused gives a page that says so, and no
//! timeline. Both files are written under another name and renamed when they are whole. Memory: an index of the lines.

#![allow(clippy::disallowed_methods, reason = "the page and what it is made from are files")]

#[path = "report/chart.rs"]
mod chart;
#[path = "report/checks.rs"]
mod checks;
#[path = "report/line.rs"]
mod line;
#[path = "report/media.rs"]
mod media;
#[path = "report/page.rs"]
mod page;
#[path = "report/people.rs"]
mod people;
#[path = "report/secured.rs"]
mod secured;
#[path = "report/spool.rs"]
mod spool;
#[path = "report/timeline.rs"]
mod timeline;
#[path = "report/words.rs"]
mod words;

use super::{Form, Language, Verdict, bundle_file, files, show};
use clap::Args;
use line::Desk;
use media::Media;
use people::{Naming, People};
use serde::Serialize;
use spool::Spool;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zegel_proto::v1::EventKind;
use zegel_verifier::bundle::grounds::Grounds;
use zegel_verifier::bundle::{self, Demands, Observer, Refusal, Report, ShownEvent};
use zegel_verifier::corroborate::Corroborator;
use zegel_verifier::trust::{TRUST_BYTES_MAX, Trust};

/// What is asked of a report.
#[derive(Args)]
pub(super) struct Wanted {
    /// The bundles: BagIt folders, or .zip files of one.
    #[arg(required = true)]
    bundles: Vec<PathBuf>,
    /// Trust files; for each bundle the one with its log's root.
    #[arg(long, required = true)]
    trust: Vec<PathBuf>,
    /// The page to write; the same as JSON comes beside it.
    #[arg(long)]
    out: PathBuf,
    /// Replaces names and numbers ("Functionaris 1"), for publication; the JSON then has no names and no timeline.
    #[arg(long)]
    without_names: bool,
    /// Warnings count as findings that are not accepted.
    #[arg(long)]
    strict: bool,
    /// Language of the page.
    #[arg(long, value_enum, default_value_t = Language::Nl)]
    lang: Language,
}

/// A bundle and how its check ended.
#[derive(Serialize)]
struct Checked {
    file: String,
    trust: String,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Counts of what changed or went away, by kind.
#[derive(Default)]
struct Volatile(BTreeMap<i32, u64>);

impl Volatile {
    fn event(&mut self, event: &ShownEvent<'_>) {
        use EventKind as K;
        let volatile = matches!(
            event.facts.kind,
            K::MessageEdited
                | K::MessageDeleted
                | K::RecordVanished
                | K::ReactionRemoved
                | K::SettingObserved
                | K::ViewOnceReceived
                | K::MessageWaiting
                | K::IdentityChanged
        );
        if volatile && event.in_scope {
            *self.0.entry(event.facts.kind as i32).or_default() += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn iter(&self) -> impl Iterator<Item = (EventKind, u64)> {
        self.0.iter().filter_map(|(kind, count)| Some((EventKind::try_from(*kind).ok()?, *count)))
    }
}

/// The first pass: what lines will need.
#[derive(Default)]
struct Gather {
    grounds: Grounds,
    holders: Corroborator,
    volatile: Volatile,
    progress: super::Progress,
}

impl Observer for Gather {
    fn progress(&mut self, bytes: u64) {
        self.progress.progress(bytes);
    }

    fn event(&mut self, event: &ShownEvent<'_>) {
        self.grounds.event(event);
        self.holders.event(event);
        self.volatile.event(event);
    }
}

/// The second pass: lines of one bundle.
struct Lines<'a> {
    number: u16,
    desk: Desk<'a>,
    spool: &'a mut Spool,
    /// The same for machines; none in the variant without names.
    rows: Option<show::Timeline<'a, &'a mut dyn Write>>,
    written: io::Result<()>,
}

impl Observer for Lines<'_> {
    fn event(&mut self, event: &ShownEvent<'_>) {
        self.desk.people.names.event(event);
        if let Some(rows) = &mut self.rows {
            rows.event(event);
        }
        if self.written.is_ok()
            && let Some(line) = line::line(event, &mut self.desk)
        {
            self.written = self.spool.push(line.conversation, line.at_ms, self.number, &line.html);
        }
    }
}

/// Writes the report; the exit code is that of the gravest verdict.
pub(super) fn write(wanted: &Wanted) -> ExitCode {
    match try_write(wanted) {
        Ok(exit) => ExitCode::from(exit),
        Err(reason) => {
            let text = wanted.lang.of("het rapport kon niet worden geschreven", "the report could not be written");
            let _ = writeln!(io::stderr(), "{}: {text}: {reason}", wanted.out.display());
            ExitCode::from(super::EXIT_UNCHECKED)
        }
    }
}

fn try_write(wanted: &Wanted) -> io::Result<u8> {
    let trusts = read_trusts(&wanted.trust)?;
    let naming = if wanted.without_names { Naming::Numbered } else { Naming::AsWritten };
    let mut spool = Spool::create(&beside(&wanted.out, "lines"))?;
    let mut people = People::new(naming, wanted.lang);
    let mut json = JsonRows::create(&beside(&wanted.out, "json.part"))?;
    let (mut checked, mut volatile) = (Vec::new(), Volatile::default());
    for (number, bundle) in (0u16..).zip(&wanted.bundles) {
        let (trust_file, trust, verdict, gathered) = check(bundle, &trusts, wanted);
        if let Some(report) = &verdict.report {
            gathered.volatile.0.iter().for_each(|(kind, count)| *volatile.0.entry(*kind).or_default() += count);
            let rows = (naming == Naming::AsWritten).then_some(&mut json);
            second_pass(bundle, trust, report, (number, wanted.lang), gathered, (&mut people, &mut spool, rows))?;
        }
        checked.push(Checked { file: bundle.display().to_string(), trust: trust_file, verdict });
    }
    if naming == Naming::Numbered {
        checked.iter_mut().filter_map(|one| one.verdict.report.as_deref_mut()).for_each(nameless);
    }
    write_page(&wanted.out, &checked, &volatile, &mut people, &mut spool, wanted.lang)?;
    json.finish(&checked, &wanted.out.with_extension("json"))?;
    Ok(checked.iter().map(|one| one.verdict.exit).max().unwrap_or(super::EXIT_UNCHECKED))
}

fn beside(out: &Path, extension: &str) -> PathBuf {
    out.with_extension(extension)
}

fn read_trusts(paths: &[PathBuf]) -> io::Result<Vec<(String, Trust)>> {
    let read = |path: &PathBuf| {
        let bytes = files::read_at_most(path, TRUST_BYTES_MAX as u64 + 1)?;
        let trust = Trust::parse(&bytes);
        let trust =
            trust.map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {reason}", path.display())));
        Ok((path.display().to_string(), trust?))
    };
    paths.iter().map(read).collect()
}

/// Verifies with the trust file of the bundle's log: the first that does not refuse it for its origin.
fn check<'a>(bundle: &Path, trusts: &'a [(String, Trust)], wanted: &Wanted) -> (String, &'a Trust, Verdict, Gather) {
    let mut last = None;
    for (file, trust) in trusts {
        let progress = super::progress(bundle, super::Form::Text, wanted.lang);
        let mut gather = Gather { progress, ..Gather::default() };
        gather.holders.begin(0, trust.origin());
        let verified = pass(bundle, trust, &mut gather);
        let other_log = matches!(&verified, Err(refusal) if refusal.id() == "ORIGIN");
        let verdict = match verified {
            Ok(report) => Verdict::found(report, super::least_severity(wanted.strict)),
            Err(refusal) => Verdict::refused(&refusal),
        };
        last = Some((file.clone(), trust, verdict, gather));
        if !other_log {
            break;
        }
    }
    last.unwrap_or_else(|| unreachable!("the command line asks for a trust file"))
}

fn pass(bundle: &Path, trust: &Trust, observer: &mut dyn Observer) -> Result<Report, Refusal> {
    let mut source = bundle_file::open(bundle)?;
    bundle::verify_on(super::workers(), source.as_mut(), trust, &Demands::default(), observer)
}

fn second_pass(
    bundle: &Path,
    trust: &Trust,
    first: &Report,
    (number, language): (u16, Language),
    gathered: Gather,
    (people, spool, rows): (&mut People, &mut Spool, Option<&mut JsonRows>),
) -> io::Result<()> {
    let other = |refusal: &Refusal| io::Error::other(refusal.to_string());
    let mut media = Media::new(bundle_file::open(bundle).map_err(|refusal| other(&refusal))?);
    let Gather { grounds, holders, .. } = gathered;
    let holders = holders.compare();
    let rows = rows.map(|rows| {
        let mut rows = show::Timeline::new(rows as &mut dyn Write, language, Form::Json, &holders);
        rows.begin(trust.origin(), String::new(), bundle);
        rows
    });
    let desk =
        Desk { language, people, grounds: &grounds, origin: trust.origin(), holders: &holders, media: &mut media };
    let mut lines = Lines { number, desk, spool, rows, written: Ok(()) };
    let second = pass(bundle, trust, &mut lines).map_err(|refusal| other(&refusal))?;
    let rows = lines.rows.map_or(Ok(()), show::Timeline::finish);
    if second.export.parts_sha256 != first.export.parts_sha256 {
        return Err(io::Error::other("the bundle changed while it was read"));
    }
    lines.written.and(rows)
}

fn write_page(
    out: &Path,
    checked: &[Checked],
    volatile: &Volatile,
    people: &mut People,
    spool: &mut Spool,
    language: Language,
) -> io::Result<()> {
    let part = beside(out, "html.part");
    let mut page = BufWriter::new(File::create(&part)?);
    page.write_all(page::head(checked, volatile, people, language).as_bytes())?;
    timeline::write(&mut page, spool, people, language)?;
    page.write_all(page::foot(checked, people, language).as_bytes())?;
    page.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(part, out)
}

/// What a person, a number, a device or a file is called is left out of what is published.
fn nameless(report: &mut Report) {
    if let Some(name) = report.scope.name.take() {
        let named = format!("«{name}»");
        let claims = &mut report.claims;
        let all = [&mut claims.completeness, &mut claims.authenticity, &mut claims.immutability, &mut claims.custody];
        for sentence in all.into_iter().flat_map(|claim| &mut claim.sentences) {
            sentence.nl = sentence.nl.replace(&named, "«–»");
            sentence.en = sentence.en.replace(&named, "«–»");
        }
    }
    report.names.clear();
    report.export.recipient.clear();
    report.secured.iter_mut().for_each(|month| month.account.clear());
    for step in &mut report.custody.steps {
        (step.operator, step.device, step.tool) = (None, None, None);
        if let Some(file) = &mut step.file {
            file.name.clear();
        }
    }
}

/// The report for machines, written as it passes: rows of the timeline, then the verdicts.
struct JsonRows {
    path: PathBuf,
    file: BufWriter<File>,
    begins: bool,
    any: bool,
}

impl JsonRows {
    fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(b"{\"report\":\"zegel-report/v1\",\"timeline\":[")?;
        Ok(Self { path: path.to_owned(), file, begins: true, any: false })
    }

    /// Whole now, under its name.
    fn finish(mut self, checked: &[Checked], out: &Path) -> io::Result<()> {
        self.file.write_all(b"],\"bundles\":")?;
        serde_json::to_writer(&mut self.file, checked)?;
        self.file.write_all(b",\"checks\":")?;
        let checks: Vec<_> = checked.iter().map(|one| one.verdict.report.as_deref().map(checks::of)).collect();
        serde_json::to_writer(&mut self.file, &checks)?;
        self.file.write_all(b"}\n")?;
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(self.path, out)
    }
}

impl Write for JsonRows {
    /// Rows come as lines; here they become items of a list.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.begins && self.any && !bytes.is_empty() {
            self.file.write_all(b",")?;
        }
        self.begins = bytes.last().map_or(self.begins, |last| *last == b'\n');
        self.any |= !bytes.is_empty();
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
