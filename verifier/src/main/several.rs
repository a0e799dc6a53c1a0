//! Several bundles at once: each verified under the trust file of its log, then laid side by side, then shown as one timeline.
//!
//! Invariants: what several bundles have in common is only told when each of them is good; nothing is shown before all are; a
//! timeline is printed in a second pass (of one bundle as it is read, of several by time), which must find the same bundles.

use super::show::{self, Timeline};
use super::{Asked, EXIT_UNCHECKED, Verdict, answer, progress, read_trust, verify};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use zegel_proto::Grammar;
use zegel_proto::v1::{Scope, StreamType};
use zegel_verifier::bundle::{Demands, Observer, Refusal, Report};
use zegel_verifier::corroborate::{Compared, Corroborator};
use zegel_verifier::hash::Hash;
use zegel_verifier::trust::Trust;

/// Bundles that were verified.
pub(super) struct Several {
    bundles: Vec<Checked>,
    trusts: Vec<Trust>,
    compared: Option<Compared>,
}

struct Checked {
    path: PathBuf,
    demands: Demands,
    /// Which trust file is of its log.
    trust: usize,
    parts_sha256: String,
}

impl Several {
    /// Verifies every bundle. Gives also what is needed to show them, if all are good.
    pub(super) fn check(asked: &Asked, shows: bool) -> Result<(Verdict, Option<Self>), Box<Verdict>> {
        let trusts = asked.trust.iter().map(|path| read_trust(path)).collect::<Result<Vec<_>, _>>()?;
        check_origins(&trusts)?;
        let (mut verdicts, mut bundles) = (Vec::new(), Vec::new());
        for (number, path) in asked.bundles.iter().enumerate() {
            let demands = demands(asked, number)?;
            match verify_under(path, &trusts, &demands, asked) {
                Ok((trust, report)) => {
                    let parts_sha256 = report.export.parts_sha256.clone();
                    bundles.push(Checked { path: path.clone(), demands, trust, parts_sha256 });
                    verdicts.push(Verdict::found(report, asked.least_severity()));
                }
                Err(refusal) => verdicts.push(Verdict::refused(&refusal)),
            }
        }
        let is_good = bundles.len() == asked.bundles.len();
        let mut several = Self { bundles, trusts, compared: None };
        if is_good && (shows || verdicts.len() > 1) {
            several.compared = Some(several.compare().map_err(|refusal| Box::new(Verdict::refused(&refusal)))?);
        }
        let verdict = several.verdict(verdicts, asked);
        Ok((verdict, is_good.then_some(several)))
    }

    /// One verdict for one bundle; for several, the worst of theirs, each of them, and what they have in common.
    fn verdict(&self, mut verdicts: Vec<Verdict>, asked: &Asked) -> Verdict {
        if verdicts.len() == 1 {
            return verdicts.remove(0);
        }
        let corroboration = self.compared.as_ref().map(Compared::report);
        let least = asked.least_severity();
        let is_accepted =
            corroboration.as_ref().is_none_or(|all| all.findings.iter().all(|each| each.severity < least));
        let worst = verdicts.iter().map(|verdict| verdict.exit).max().unwrap_or(EXIT_UNCHECKED);
        for (verdict, path) in verdicts.iter_mut().zip(&asked.bundles) {
            verdict.bundle = Some(path.display().to_string());
        }
        let exit = worst.max(u8::from(!is_accepted));
        Verdict { bundles: verdicts, corroboration: corroboration.map(Box::new), ..Verdict::exiting(exit) }
    }

    fn compare(&self) -> Result<Compared, Refusal> {
        let mut corroborator = Corroborator::default();
        for (number, bundle) in (0u32..).zip(&self.bundles) {
            corroborator.begin(number, self.trusts[bundle.trust].origin());
            self.again(bundle, &mut corroborator)?;
        }
        Ok(corroborator.compare())
    }

    /// Another pass over a bundle that was good.
    fn again(&self, bundle: &Checked, observer: &mut dyn Observer) -> Result<Report, Refusal> {
        verify(&bundle.path, &self.trusts[bundle.trust], &bundle.demands, observer)
    }

    /// Prints the timeline. The exit code is that of the verdict, or that nothing was checked, if the bundles changed.
    pub(super) fn show(self, asked: &Asked, verdict: &Verdict) -> ExitCode {
        let Some(compared) = &self.compared else {
            return answer(verdict, asked.form(), asked.lang);
        };
        if compared.is_partial() {
            let text = asked.lang.of(
                "niet alle berichten zijn tussen houders vergeleken: het zijn er te veel",
                "not all messages were compared between holders: there are too many",
            );
            let _ = writeln!(std::io::stderr(), "{text}");
        }
        let mut timeline = Timeline::new(std::io::stdout().lock(), asked.lang, asked.form(), compared);
        timeline.sorted = self.bundles.len() > 1;
        for (number, bundle) in self.bundles.iter().enumerate() {
            timeline.begin(self.trusts[bundle.trust].origin(), show::letter(number), &bundle.path);
            let again = self.again(bundle, &mut timeline);
            if again.is_err() || again.is_ok_and(|report| report.export.parts_sha256 != bundle.parts_sha256) {
                return broken_off(asked);
            }
        }
        match timeline.finish() {
            Ok(()) => ExitCode::from(verdict.exit),
            Err(_) => broken_off(asked),
        }
    }
}

fn broken_off(asked: &Asked) -> ExitCode {
    let text = asked.lang.of(
        "het pakket is tijdens het tonen veranderd, of het tonen is afgebroken",
        "the bundle changed while it was shown, or showing was broken off",
    );
    let _ = writeln!(std::io::stderr(), "{text}");
    ExitCode::from(EXIT_UNCHECKED)
}

/// Two trust files of one log: nobody says which of them to believe.
fn check_origins(trusts: &[Trust]) -> Result<(), Box<Verdict>> {
    for (at, trust) in trusts.iter().enumerate() {
        if trusts[..at].iter().any(|other| other.origin() == trust.origin()) {
            let nl = format!("Er zijn twee vertrouwensbestanden van logboek {}", trust.origin());
            let en = format!("there are two trust files of log {}", trust.origin());
            return Err(Box::new(Verdict::unchecked("TRUST_FILE", nl, en)));
        }
    }
    Ok(())
}

/// What is demanded of one of the bundles.
fn demands(asked: &Asked, number: usize) -> Result<Demands, Box<Verdict>> {
    let count = asked.bundles.len();
    let fits = |given: usize| [0, 1, count].contains(&given);
    if !fits(asked.nonce.len()) || !fits(asked.min_entries.len()) || ![0, count].contains(&asked.scope.len()) {
        let text = format!(
            "--nonce and --min-entries are given once or {count} times, --scope for each of the {count} bundles"
        );
        return Err(Box::new(Verdict::unchecked("USAGE", text.clone(), text)));
    }
    let nonce = asked.nonce.get(number).or(asked.nonce.first()).cloned();
    let min_entries = asked.min_entries.get(number).or(asked.min_entries.first()).copied();
    Ok(Demands { nonce, min_entries, scope: asked.scope.get(number).cloned() })
}

/// 64 lower-case digits: an id has one spelling.
fn id(text: &str) -> Option<Hash> {
    let text = Some(text).filter(|text| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))?;
    let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    Hash::read(&bytes.collect::<Option<Vec<u8>>>()?)
}

fn month(text: &str) -> Option<u32> {
    text.parse().ok().filter(|month: &u32| month.to_string() == text)
}

/// Reads `custodian:ID` or `conversation:ID`, and maybe `:YYYYMM-YYYYMM`.
pub(super) fn scope(text: &str) -> Result<Scope, String> {
    let wanted = || "wanted is custodian:ID or conversation:ID, and :YYYYMM-YYYYMM for months".to_owned();
    let mut words = text.split(':');
    let stream = match words.next() {
        Some("custodian") => StreamType::StreamCustodian,
        Some("conversation") => StreamType::StreamConversation,
        _ => return Err(wanted()),
    };
    let id = words.next().and_then(id).ok_or_else(wanted)?;
    let (from_month, to_month) = match words.next().map(|months| months.split_once('-')) {
        None => (0, 0),
        Some(Some((from, to))) => (month(from).ok_or_else(wanted)?, month(to).ok_or_else(wanted)?),
        Some(None) => return Err(wanted()),
    };
    let scope = Scope { stream: stream as i32, id: id.to_vec(), from_month, to_month };
    match (words.next(), scope.check()) {
        (None, Ok(())) => Ok(scope),
        _ => Err(wanted()),
    }
}

/// Verifies under the trust file of the bundle's log: the first that is not of another.
fn verify_under(path: &Path, trusts: &[Trust], demands: &Demands, asked: &Asked) -> Result<(usize, Report), Refusal> {
    let mut last = None;
    for (number, trust) in trusts.iter().enumerate() {
        match verify(path, trust, demands, &mut progress(path, asked.form(), asked.lang)) {
            Err(refusal @ Refusal::Origin { .. }) => last = Some(refusal),
            verified => return verified.map(|report| (number, report)),
        }
    }
    Err(last.unwrap_or(Refusal::Scope))
}
