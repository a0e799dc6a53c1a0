//! The page: one box with the verdict and four claims, then what they rest on, in the order in which a reader asks.
//!
//! Self-contained: no network, readable without script, printable. Two languages, one catalogue ([`words`]). Sections are
//! numbered as in the design of the report; each says "not examined" where nothing was. Not here: the sections
//! ([`sections`], [`annex`]) and the timeline.

use super::people::Naming;
use super::words::Words;
use super::{Checked, Language, annex, clock, sections, words};
use crate::{EXIT_FINDINGS, EXIT_REFUSED, EXIT_VERIFIED};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use zegel_verifier::bundle::findings::About;
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::bundle::report::{Claim, Sentence};
use zegel_verifier::bundle::{Report, Severity, Status};
use zegel_verifier::hash::{Hash, sha256};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page is made from.
pub(super) struct Page<'a> {
    pub(super) checked: &'a [Checked],
    pub(super) people: &'a mut super::People,
    pub(super) language: Language,
    /// SHA-256 of this program's own file, where it can be read.
    pub(super) program: Option<Hash>,
    /// The timeline has lines.
    pub(super) has_lines: bool,
}

/// Sections: where a link leads, and what it is called.
const CONTENTS: &[(&str, Words)] = &[
    ("s1", words::SCOPE),
    ("bevindingen", words::FINDINGS),
    ("s2", words::COMPLETENESS),
    ("s3", words::AUTHENTICITY),
    ("s4", words::IMMUTABILITY),
    ("s5", words::CUSTODY),
    ("s6", words::VOLATILE),
    ("s7", words::REDACTIONS),
    ("s8", words::DESTRUCTION),
    ("s9", words::TIME),
    ("s10", words::PARTICIPANTS),
    ("tijdlijn", words::TIMELINE),
    ("s11", words::ACCESS),
    ("grenzen", words::LIMITS),
    ("s12", words::REPEAT),
    ("s13", words::STATEMENT),
];

/// A heading with its number, if it has one.
pub(super) fn heading(id: &'static str, language: Language) -> Markup {
    let name = CONTENTS.iter().find(|(of, _)| *of == id).map_or("", |(_, name)| language.say(*name));
    html! { h2 id=(id) { @if let Some(number) = id.strip_prefix('s') { span.no { (number) } " " } (name) } }
}

impl Page<'_> {
    /// Reports of bundles that were not refused.
    pub(super) fn reports(&self) -> impl Iterator<Item = (&Report, &super::Seen)> {
        self.checked.iter().filter_map(|one| one.verdict.report.as_deref().map(|report| (report, &one.seen)))
    }

    /// Everything before the timeline.
    pub(super) fn head(&mut self) -> String {
        let language = self.language;
        let script = STANDARD.encode(sha256(&[SCRIPT.as_bytes()]).0);
        let policy = format!(
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
        );
        let page = html! {
            (DOCTYPE)
            html lang=(language.of("nl", "en")) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { (language.say(words::TITLE)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
            header {
                h1 { (language.say(words::TITLE)) }
                (self.verdict())
                p.note { (language.say(words::RENDERING)) }
            }
            main {
                @if self.people.naming() == Naming::Numbered { p.note { (language.say(words::NAMELESS)) } }
                (self.contents())
                (sections::before_timeline(self))
            }}}
        };
        // The timeline is written in between, line by line: the page is left open here.
        page.into_string().replace("</main></body></html>", "")
    }

    /// Everything after it.
    pub(super) fn foot(&mut self) -> String {
        let rest = html! { (annex::after_timeline(self)) script { (PreEscaped(SCRIPT)) } };
        rest.into_string() + "</main></body></html>\n"
    }

    /// The box: the verdict over all bundles, then for each its claims, or why there are none.
    fn verdict(&self) -> Markup {
        let worst = self.checked.iter().map(|one| one.verdict.exit).max().unwrap_or(EXIT_VERIFIED);
        let warned = self.reports().filter_map(|(report, _)| report.gravest()).max();
        let (class, mark, text) = match worst {
            EXIT_VERIFIED if warned < Some(Severity::Warning) => ("good", "✔", words::FULL),
            EXIT_VERIFIED | EXIT_FINDINGS => ("found", "⚠", words::WITH_FINDINGS),
            _ => ("bad", "✘", words::NOT_VERIFIED),
        };
        html! { div.verdict.(class) {
            p role="status" { span.mark { (mark) } " " (self.language.say(text)) }
            @for one in self.checked { (self.judged(one)) }
            @if self.has_lines { p.go { a href="#tijdlijn" { (self.language.say(words::TO_TIMELINE)) } } }
        } }
    }

    fn judged(&self, one: &Checked) -> Markup {
        let language = self.language;
        let Some(report) = one.verdict.report.as_deref() else {
            let note = if one.verdict.exit == EXIT_REFUSED { words::REFUSED_NOTE } else { words::UNCHECKED_NOTE };
            return html! { div.claims {
                p.about { (name_of(one)) }
                p { (language.say(note)) }
                @if let Some(reason) = &one.verdict.reason {
                    p { strong { (plain(language.of(&reason.nl, &reason.en))) } " " small { (reason.id) } }
                }
            } };
        };
        let claims = &report.claims;
        html! { div.claims {
            @if self.checked.len() > 1 { p.about { (self.about(report)) } }
            dl {
                (claim(words::COMPLETENESS, &claims.completeness, gravest(report, About::Completeness), language))
                (claim(words::AUTHENTICITY, &claims.authenticity, gravest(report, About::Authenticity), language))
                (claim(words::IMMUTABILITY, &claims.immutability, gravest(report, About::Immutability), language))
                (claim(words::CUSTODY, &claims.custody, gravest(report, About::Custody), language))
            }
        } }
    }

    /// What a bundle is about, in a few words.
    fn about(&self, report: &Report) -> String {
        let shown = report.scope.name.as_deref().filter(|_| self.people.naming() == Naming::AsWritten);
        format!("{}: {}", report.log.ministry, plain(shown.unwrap_or("–")))
    }

    fn contents(&self) -> Markup {
        let shown = |id: &str| id != "tijdlijn" || self.has_lines;
        html! { nav aria-label=(self.language.say(words::CONTENTS)) { ol {
            @for (id, name) in CONTENTS.iter().filter(|(id, _)| shown(id)) {
                li { a href={ "#" (id) } {
                    @if let Some(number) = id.strip_prefix('s') { span.no { (number) } " " }
                    (self.language.say(*name))
                } }
            }
        } } }
    }
}

/// The file of a bundle, without its folder.
pub(super) fn name_of(one: &Checked) -> String {
    plain(
        std::path::Path::new(&one.file)
            .file_name()
            .map_or(one.file.as_str().into(), |name| name.to_string_lossy())
            .as_ref(),
    )
}

/// The gravest finding about a claim.
fn gravest(report: &Report, about: About) -> Option<Severity> {
    report.findings.iter().filter(|finding| finding.about == about).map(|finding| finding.severity).max()
}

fn claim(name: Words, claim: &Claim, gravest: Option<Severity>, language: Language) -> Markup {
    let (class, mark, status) = match (claim.status, gravest) {
        (Status::NotExamined, _) => ("none", "–", words::NOT_EXAMINED),
        (_, None) => ("good", "✔", words::EXAMINED),
        (_, Some(Severity::Info)) => ("good", "✔", words::EXAMINED_REMARKS),
        (_, Some(Severity::Warning | Severity::Error)) => ("found", "⚠", words::EXAMINED_FINDINGS),
    };
    html! {
        dt.(class) { span.mark { (mark) } " " (language.say(name)) ": " span.status { (language.say(status)) } }
        dd { @for sentence in &claim.sentences { p { (said(sentence, language)) } } }
    }
}

pub(super) fn said(sentence: &Sentence, language: Language) -> &str {
    language.of(&sentence.nl, &sentence.en)
}

/// A period of months.
pub(super) fn period((from, to): (u32, u32), language: Language) -> String {
    match (from, to) {
        (0, 0) => language.say(words::ALL_MONTHS).to_owned(),
        (from, to) if from == to => clock::month(from, language),
        (from, to) => {
            format!("{} {} {}", clock::month(from, language), language.say(words::THROUGH), clock::month(to, language))
        }
    }
}
