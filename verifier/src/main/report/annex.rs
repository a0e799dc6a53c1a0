//! Sections after the timeline: access, limits, the technical annex with every check and fingerprint, and what an inspector signs.

use super::page::{Page, heading, said};
use super::people::Naming;
use super::{Checked, Language, checks, words};
use maud::{Markup, html};
use zegel_verifier::bundle::Report;
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::bundle::report::Sentence;

pub(super) fn after_timeline(page: &Page<'_>) -> Markup {
    let language = page.language;
    html! {
        section { (heading("s11", language)) p { (language.say(words::ACCESS_NOTE)) } }
        (limits(page))
        section {
            (heading("s12", language))
            (repeat(page))
            h3 { (language.say(words::CHECKS)) }
            @for one in page.checked { @if let Some(report) = one.verdict.report.as_deref() {
                @if page.checked.len() > 1 { p.about { (super::page::name_of(one)) } }
                (checks::table(report, &one.seen, language))
            } }
            h3 { (language.say(words::FORMATS)) }
            p { (language.say(words::FORMATS_NOTE)) }
            h3 { (language.say(words::HASHES)) }
            @for one in page.checked { @if let Some(report) = one.verdict.report.as_deref() {
                (hashes(report, page.people.naming(), language))
            } }
            (article(language))
        }
        section.statement {
            (heading("s13", language))
            p { (language.say(words::STATEMENT_NOTE)) }
            p.sign { (language.say(words::SIGNED)) ":" }
        }
    }
}

fn limits(page: &Page<'_>) -> Markup {
    let mut said_once: Vec<&Sentence> = Vec::new();
    for sentence in page.reports().flat_map(|(report, _)| &report.does_not_prove) {
        if !said_once.contains(&sentence) {
            said_once.push(sentence);
        }
    }
    html! { section { (heading("grenzen", page.language))
    ul { @for sentence in said_once { li { (said(sentence, page.language)) } } } } }
}

fn repeat(page: &Page<'_>) -> Markup {
    let language = page.language;
    html! {
        @for one in page.checked { pre { (command(one)) } }
        dl.facts {
            dt { (language.say(words::PROGRAM)) } dd { "zegel-verifier " (env!("CARGO_PKG_VERSION")) }
            dt { (language.say(words::MODE)) } dd { (language.say(words::OFFLINE)) }
            @if let Some(program) = page.program {
                dt { (language.say(words::PROGRAM_HASH)) } dd { code { (program) } }
            }
            @for one in page.checked {
                dt { (language.say(words::TRUST_FILE)) } dd { (plain(&one.trust)) " " code { (one.trust_sha256) } }
            }
        }
        p.note { (language.say(words::TRUST_NOTE)) }
    }
}

fn command(one: &Checked) -> String {
    format!("zegel-verifier verify {} --trust {}", plain(&one.file), plain(&one.trust))
}

fn hashes(report: &Report, naming: Naming, language: Language) -> Markup {
    let log = &report.log;
    html! {
        dl.facts {
            dt { (language.say(words::PACKAGE_NAME)) } dd { code { (report.export.parts_sha256) } }
            dt { (language.say(words::LOG)) } dd { (log.origin) }
            dt { (language.say(words::STATE)) } dd { (log.checkpoint_size) }
            dt { (language.say(words::ROOT)) } dd { code { (log.checkpoint_root) } }
            dt { (language.say(words::COVERS)) } dd { (log.covers) }
            @for key in &log.keys { dt { (language.say(words::KEY)) ": " (plain(&key.name)) } dd { code { (key.key) } } }
            @for file in report.custody.steps.iter().filter_map(|step| step.file.as_ref()) {
                dt { (language.say(words::FILE)) @if naming == Naming::AsWritten { ": " bdi { (plain(&file.name)) } } }
                dd { code { (file.sha256) } }
            }
        }
    }
}

/// Where the five questions of the archive regulation are answered.
fn article(language: Language) -> Markup {
    let rows = [
        ("a", words::ARTICLE_A, "tijdlijn", words::TIMELINE),
        ("b", words::ARTICLE_B, "s5", words::CUSTODY),
        ("c", words::ARTICLE_C, "s1", words::SCOPE),
        ("d", words::ARTICLE_D, "s7", words::REDACTIONS),
        ("e", words::ARTICLE_E, "s12", words::REPEAT),
    ];
    html! {
        h3 { (language.say(words::ARTICLE)) }
        table { tbody { @for (letter, question, id, section) in rows { tr {
            th scope="row" { (letter) } td { (language.say(question)) } td { a href={ "#" (id) } { (language.say(section)) } }
        } } } }
    }
}
