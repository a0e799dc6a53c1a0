//! The report: one self-contained page that a person reads, and the same as JSON beside it.
//!
//! Two passes over each bundle: the first verifies and gathers what a line needs that is logged after it (grounds, other
//! holders); only when it is good does the second write lines. A bundle that is refused gives a page that says so, and no
//! timeline. Both files are written under another name and renamed when they are whole. Memory: an index of the lines.

#![allow(clippy::disallowed_methods, reason = "the page and what it is made from are files")]

#[path = "report/annex.rs"]
mod annex;
#[path = "report/chart.rs"]
mod chart;
#[path = "report/checks.rs"]
mod checks;
#[path = "report/clock.rs"]
mod clock;
#[path = "report/judge.rs"]
mod judge;
#[path = "report/keys.rs"]
mod keys;
#[path = "report/line.rs"]
mod line;
#[path = "report/meaning.rs"]
mod meaning;
#[path = "report/media.rs"]
mod media;
#[path = "report/page.rs"]
mod page;
#[path = "report/people.rs"]
mod people;
#[path = "report/reasons.rs"]
mod reasons;
#[path = "report/sections.rs"]
mod sections;
#[path = "report/secured.rs"]
mod secured;
#[path = "report/senders.rs"]
mod senders;
#[path = "report/spool.rs"]
mod spool;
#[path = "report/timeline.rs"]
mod timeline;
#[path = "report/words.rs"]
mod words;

use super::{Form, Language, Verdict, bundle_file, files, show};
use clap::Args;
use judge::{Beside, Judge};
use line::Desk;
use media::Media;
use people::{Naming, People};
use serde::Serialize;
use sha2::{Digest, Sha256};
use spool::Spool;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zegel_verifier::bundle::grounds::Grounds;
use zegel_verifier::bundle::{self, Demands, Observer, Refusal, Report, ShownEvent};
use zegel_verifier::corroborate::{Corroborator, Difference};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::labels as codes;
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
    /// Which trust file exactly.
    trust_sha256: String,
    #[serde(flatten)]
    verdict: Verdict,
    #[serde(skip)]
    seen: Seen,
}

/// What both passes saw of a bundle, beside what the verifier says.
#[derive(Default)]
struct Seen {
    judge: Judge,
    beside: Beside,
}

/// The first pass: what lines will need.
#[derive(Default)]
struct Gather {
    grounds: Grounds,
    holders: Corroborator,
    judge: Judge,
    progress: super::Progress,
}

impl Observer for Gather {
    fn progress(&mut self, bytes: u64) {
        self.progress.progress(bytes);
    }

    fn event(&mut self, event: &ShownEvent<'_>) {
        self.grounds.event(event);
        self.holders.event(event);
        self.judge.event(event);
    }
}

/// The second pass: lines of one bundle.
struct Lines<'a> {
    number: u16,
    desk: Desk<'a>,
    spool: &'a mut Spool,
    /// The same for machines; none in the variant without names.
    rows: Option<show::Timeline<'a, &'a mut dyn Write>>,
    /// When the bundle was made.
    made_ms: u64,
    beside: Beside,
    written: io::Result<()>,
}

impl Lines<'_> {
    /// What other holders have of the same.
    fn compare(&mut self, event: &ShownEvent<'_>) {
        for other in self.desk.holders.others(self.desk.origin, event.place) {
            let has = |what: &[Difference]| other.differs.iter().any(|difference| what.contains(difference));
            self.beside.holders.add(has(&[Difference::Text, Difference::Deleted]));
            self.beside.clocks.add(has(&[Difference::Time]));
        }
    }
}

impl Observer for Lines<'_> {
    fn event(&mut self, event: &ShownEvent<'_>) {
        self.beside.event(event, self.desk.grounds, self.made_ms);
        self.compare(event);
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
    let mut checked = Vec::new();
    for (number, bundle) in (0u16..).zip(&wanted.bundles) {
        let (file, verdict, gathered) = check(bundle, &trusts, wanted);
        let mut seen = Seen::default();
        if let Some(report) = &verdict.report {
            let rows = (naming == Naming::AsWritten).then_some(&mut json);
            let into = (&mut people, &mut spool, rows);
            seen = second_pass(bundle, &file.trust, report, (number, wanted.lang), gathered, into)?;
        }
        let (trust, trust_sha256) = (file.path.clone(), file.sha256.to_string());
        checked.push(Checked { file: bundle.display().to_string(), trust, trust_sha256, verdict, seen });
    }
    if naming == Naming::Numbered {
        checked.iter_mut().filter_map(|one| one.verdict.report.as_deref_mut()).for_each(nameless);
        // A path can hold a name as well.
        for (number, one) in (1..).zip(&mut checked) {
            one.file = format!("{}-{number}", wanted.lang.say(words::PACKAGE));
            one.trust = wanted.lang.say(words::TRUST_FILE).to_owned();
        }
    }
    write_page(&wanted.out, &checked, &mut people, &mut spool, wanted.lang)?;
    json.finish(&checked, &wanted.out.with_extension("json"))?;
    Ok(checked.iter().map(|one| one.verdict.exit).max().unwrap_or(super::EXIT_UNCHECKED))
}

fn beside(out: &Path, extension: &str) -> PathBuf {
    out.with_extension(extension)
}

/// A trust file, and which one exactly.
struct TrustFile {
    path: String,
    sha256: Hash,
    trust: Trust,
}

fn read_trusts(paths: &[PathBuf]) -> io::Result<Vec<TrustFile>> {
    let read = |path: &PathBuf| {
        let bytes = files::read_at_most(path, TRUST_BYTES_MAX as u64 + 1)?;
        let trust = Trust::parse(&bytes);
        let trust =
            trust.map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {reason}", path.display())));
        Ok(TrustFile { path: path.display().to_string(), sha256: sha256(&[&bytes]), trust: trust? })
    };
    paths.iter().map(read).collect()
}

/// Verifies with the trust file of the bundle's log: the first that does not refuse it for its origin.
fn check<'a>(bundle: &Path, trusts: &'a [TrustFile], wanted: &Wanted) -> (&'a TrustFile, Verdict, Gather) {
    let mut last = None;
    for file in trusts {
        let progress = super::progress(bundle, super::Form::Text, wanted.lang);
        let mut gather = Gather { progress, ..Gather::default() };
        gather.holders.begin(0, file.trust.origin());
        let verified = pass(bundle, &file.trust, &mut gather);
        let other_log = matches!(&verified, Err(refusal) if refusal.id() == "ORIGIN");
        let verdict = match verified {
            Ok(report) => Verdict::found(report, super::least_severity(wanted.strict)),
            Err(refusal) => Verdict::refused(&refusal),
        };
        last = Some((file, verdict, gather));
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
) -> io::Result<Seen> {
    let other = |refusal: &Refusal| io::Error::other(refusal.to_string());
    let mut media = Media::new(bundle_file::open(bundle).map_err(|refusal| other(&refusal))?);
    let Gather { grounds, holders, judge, .. } = gathered;
    let holders = holders.compare();
    let rows = rows.map(|rows| {
        let mut rows = show::Timeline::new(rows as &mut dyn Write, language, Form::Json, &holders);
        rows.begin(trust.origin(), String::new(), bundle);
        rows
    });
    let desk =
        Desk { language, people, grounds: &grounds, origin: trust.origin(), holders: &holders, media: &mut media };
    let made_ms = clock::parsed(&first.export.signed_at).unwrap_or(0);
    let mut lines = Lines { number, desk, spool, rows, made_ms, beside: Beside::default(), written: Ok(()) };
    let second = pass(bundle, trust, &mut lines).map_err(|refusal| other(&refusal))?;
    let rows = lines.rows.map_or(Ok(()), show::Timeline::finish);
    if second.export.parts_sha256 != first.export.parts_sha256 {
        return Err(io::Error::other("the bundle changed while it was read"));
    }
    lines.written.and(rows)?;
    Ok(Seen { judge, beside: lines.beside })
}

fn write_page(
    out: &Path,
    checked: &[Checked],
    people: &mut People,
    spool: &mut Spool,
    language: Language,
) -> io::Result<()> {
    let part = beside(out, "html.part");
    let mut file = BufWriter::new(File::create(&part)?);
    let has_lines = spool.count() > 0;
    let mut page = page::Page { checked, people, language, program: own_sha256(), has_lines };
    file.write_all(page.head().as_bytes())?;
    timeline::write(&mut file, spool, page.people, language)?;
    file.write_all(page.foot().as_bytes())?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(part, out)
}

/// Which program says all this: SHA-256 of its own file.
fn own_sha256() -> Option<Hash> {
    let mut file = File::open(std::env::current_exe().ok()?).ok()?;
    let (mut digest, mut part) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut part).ok()? {
            0 => return Hash::read(&digest.finalize()),
            read => digest.update(&part[..read]),
        }
    }
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
    report.log.keys.iter_mut().for_each(|key| key.name.clear());
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
        let checks: Vec<_> =
            checked.iter().map(|one| Some(checks::of(one.verdict.report.as_deref()?, &one.seen))).collect();
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
