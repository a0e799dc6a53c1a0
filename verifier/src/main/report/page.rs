//! The page: one box, four sentences, then what they rest on, in the order in which a reader asks.
//!
//! Self-contained: no network, readable without script, printable. Two languages, one catalogue ([`words`]).

use super::people::{Naming, People};
use super::{Checked, Language, Volatile, chart, checks, secured, words};
use crate::{EXIT_FINDINGS, EXIT_VERIFIED};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::bundle::report::{Claim, Sentence};
use zegel_verifier::bundle::{Finding, Report, Severity, Status};
use zegel_verifier::hash::sha256;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Everything before the timeline.
pub(super) fn head(checked: &[Checked], volatile: &Volatile, people: &mut People, language: Language) -> String {
    let reports: Vec<&Report> = checked.iter().filter_map(|one| one.verdict.report.as_deref()).collect();
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
        header { h1 { (language.say(words::TITLE)) } (verdict(checked, language)) }
        main {
            @if people.naming() == Naming::Numbered { p.note { (language.say(words::NAMELESS)) } }
            @for one in checked { (subject(one, people, language)) }
            @if !reports.is_empty() {
                section { h2 { (language.say(words::ACTIVITY)) }
                    (chart::draw(reports.iter().flat_map(|report| &report.coverage), language)) }
            }
            (secured::section(&reports, people, language))
            (findings(&reports, language))
            (volatile_section(volatile, language))
            (redactions(&reports, language))
            (remark(words::DESTRUCTION, words::DESTRUCTION_NOTE, language))
            (remark(words::TIME, words::TIME_NOTE, language))
        }}}
    };
    // The timeline is written in between, line by line: the page is left open here.
    page.into_string().replace("</main></body></html>", "")
}

/// Everything after it.
pub(super) fn foot(checked: &[Checked], people: &People, language: Language) -> String {
    let rest = html! {
        @for one in checked { @if let Some(report) = one.verdict.report.as_deref() {
            (custody(report, people.naming(), language)) (keys(report, language))
        } }
        (participants(people, language))
        (remark(words::ACCESS, words::ACCESS_NOTE, language))
        (limits(checked, language))
        (checks::section(&checked.iter().filter_map(|one| one.verdict.report.as_deref()).collect::<Vec<_>>(), language))
        (repeat(checked, language))
        (article(language))
        (statement(language))
        script { (PreEscaped(SCRIPT)) }
    };
    rest.into_string() + "</main></body></html>\n"
}

fn verdict(checked: &[Checked], language: Language) -> Markup {
    let worst = checked.iter().map(|one| one.verdict.exit).max().unwrap_or(EXIT_VERIFIED);
    let warned = checked.iter().filter_map(|one| one.verdict.report.as_deref()).filter_map(Report::gravest).max();
    let (class, text) = match worst {
        EXIT_VERIFIED if warned < Some(Severity::Warning) => ("good", words::FULL),
        EXIT_VERIFIED | EXIT_FINDINGS => ("found", words::WITH_FINDINGS),
        _ => ("bad", words::NOT_VERIFIED),
    };
    html! { p.verdict.(class) role="status" { (language.say(text)) } }
}

/// One bundle: its claims, or why there are none, and what it is about.
fn subject(one: &Checked, people: &People, language: Language) -> Markup {
    let Some(report) = one.verdict.report.as_deref() else {
        let reason = one.verdict.reason.as_ref();
        return html! { section { h2 { (one.file) }
        @if let Some(reason) = reason {
            p.bad { strong { (reason.id) } ": " (plain(language.of(&reason.nl, &reason.en))) }
        } } };
    };
    let claims = &report.claims;
    html! {
        section {
            h2 { (language.say(words::SCOPE)) }
            (scope(report, people, language))
            dl.claims {
                (claim(words::COMPLETENESS, &claims.completeness, language))
                (claim(words::AUTHENTICITY, &claims.authenticity, language))
                (claim(words::IMMUTABILITY, &claims.immutability, language))
                (claim(words::CUSTODY, &claims.custody, language))
            }
        }
    }
}

fn scope(report: &Report, people: &People, language: Language) -> Markup {
    let (scope, log, counts, export) = (&report.scope, &report.log, &report.counts, &report.export);
    let stream = if scope.stream == "conversation" { words::CONVERSATION } else { words::CUSTODIAN };
    let name = scope.name.as_deref().filter(|_| people.naming() == Naming::AsWritten).unwrap_or("–");
    let month = |month| chart::month_name(month, language);
    let period = match (scope.from_month, scope.to_month) {
        (0, 0) => language.of("alle maanden", "all months").to_owned(),
        (from, to) => format!("{} – {}", month(from), month(to)),
    };
    let rows = [
        (language.of("ministerie", "ministry"), log.ministry.clone()),
        (language.say(stream), plain(name)),
        (language.of("periode", "period"), period),
        (language.of("zaak", "case"), export.case.clone()),
        (language.of("ontvanger", "recipient"), export.recipient.clone()),
        (language.of("opgemaakt", "made"), export.signed_at.clone()),
        (
            language.say(words::EVENTS),
            format!(
                "{}: {} {}, {} {}, {} {}",
                counts.events,
                counts.opened,
                language.say(words::OPEN),
                counts.redacted,
                language.say(words::IN_PART),
                counts.withheld,
                language.say(words::WITHHELD)
            ),
        ),
    ];
    html! { dl.facts { @for (what, value) in &rows { dt { (what) } dd { (value) } } } }
}

fn claim(name: words::Words, claim: &Claim, language: Language) -> Markup {
    let (class, status) = match claim.status {
        Status::Verified => ("good", words::EXAMINED),
        Status::VerifiedWithFindings => ("found", words::EXAMINED_FINDINGS),
        Status::NotExamined => ("none", words::NOT_EXAMINED),
    };
    html! {
        dt.(class) { (language.say(name)) " " span.status { (language.say(status)) } }
        dd { @for sentence in &claim.sentences { p { (said(sentence, language)) } } }
    }
}

fn said(sentence: &Sentence, language: Language) -> &str {
    language.of(&sentence.nl, &sentence.en)
}

fn findings(reports: &[&Report], language: Language) -> Markup {
    let mut all: Vec<&Finding> = reports.iter().flat_map(|report| &report.findings).collect();
    all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let (grave, info) = all.split_at(all.partition_point(|finding| finding.severity > Severity::Info));
    html! {
        section {
            h2 { (language.say(words::FINDINGS)) }
            @if all.is_empty() { p { (language.say(words::NO_FINDINGS)) } }
            @if !grave.is_empty() { (findings_table(grave, language)) }
            @if !info.is_empty() {
                details { summary { (info.len()) " × " (language.of("informatie", "information")) } (findings_table(info, language)) }
            }
        }
    }
}

fn findings_table(findings: &[&Finding], language: Language) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { (language.of("ernst", "severity")) }
                th scope="col" { (language.of("wat", "what")) }
                th.n.one scope="col" { (language.of("aantal", "count")) }
                th scope="col" { (language.of("eerst bij", "first at")) }
            } }
            tbody { @for finding in findings { (finding_row(finding, language)) } }
        }
    }
}

fn finding_row(finding: &Finding, language: Language) -> Markup {
    let (class, severity) = match finding.severity {
        Severity::Info => ("info", language.of("informatie", "information")),
        Severity::Warning => ("found", language.of("waarschuwing", "warning")),
        Severity::Error => ("bad", language.of("fout", "error")),
    };
    html! { tr {
        td.(class).one { (severity) }
        td { (plain(language.of(&finding.nl, &finding.en))) " " small { (finding.id) } }
        td.n { (finding.count) }
        td { @if let Some(place) = finding.place {
            a.one href={ "#e" (place.entry) "." (place.position.unwrap_or(0)) } { (place.entry) "." (place.position.unwrap_or(0)) }
        } }
    } }
}

fn volatile_section(volatile: &Volatile, language: Language) -> Markup {
    html! {
        section {
            h2 { (language.say(words::VOLATILE)) }
            @if volatile.is_empty() { p { (language.say(words::NO_FINDINGS)) } }
            @else { table { tbody { @for (kind, count) in volatile.iter() {
                tr { th scope="row" { (language.say(words::kind(kind))) } td.n { (count) } }
            } } } }
        }
    }
}

fn redactions(reports: &[&Report], language: Language) -> Markup {
    let grounds: Vec<(&String, &u64)> = reports.iter().flat_map(|report| &report.counts.covered_by_ground).collect();
    html! {
        section {
            h2 { (language.say(words::REDACTIONS)) }
            @if grounds.is_empty() { p { (language.say(words::NO_FINDINGS)) } }
            @else { table {
                thead { tr {
                    th scope="col" { (language.of("grond", "ground")) }
                    th scope="col" { (language.of("betekenis", "meaning")) }
                    th scope="col" { (language.of("delen", "parts")) }
                } }
                tbody { @for (code, count) in grounds { tr {
                    th scope="row" { span.lak { (plain(code)) } }
                    td { (words::ground(code).map_or("–", |label| language.say(label))) }
                    td.n { (count) }
                } } }
            } }
        }
    }
}

fn custody(report: &Report, naming: Naming, language: Language) -> Markup {
    let custody = &report.custody;
    let shown = |value: &Option<String>| match value {
        Some(value) if naming == Naming::AsWritten => plain(value),
        Some(_) => "–".to_owned(),
        None => String::new(),
    };
    html! {
        section {
            h2 { (language.say(words::CUSTODY)) }
            p { (custody.events) " " (language.say(words::EVENTS)) ", " (custody.heartbeats) " "
                (language.of("levenstekens van gateways", "heartbeats of gateways")) ", " (custody.not_open) " "
                (language.of("niet open", "not open")) }
            @if !custody.steps.is_empty() { details { summary { (custody.steps.len()) " " (language.of("stappen", "steps")) }
                table {
                    thead { tr {
                        th scope="col" { (language.of("stap", "step")) }
                        th scope="col" { (language.of("door", "by")) }
                        th scope="col" { (language.of("apparaat", "device")) }
                        th scope="col" { (language.of("bestand", "file")) }
                        th scope="col" { (language.of("nieuw / bekend", "new / known")) }
                    } }
                    tbody { @for step in &custody.steps { tr {
                        td { (step.kind.replace('_', " ").to_lowercase()) }
                        td { (shown(&step.operator)) }
                        td { (shown(&step.device)) }
                        td { @if let Some(file) = &step.file {
                            @if naming == Naming::AsWritten { bdi { (plain(&file.name)) } " " } code { (file.sha256) }
                        } }
                        td.n { @if let Some(file) = &step.file { (file.new) " / " (file.known) } }
                    } } }
                }
            } }
        }
    }
}

fn keys(report: &Report, language: Language) -> Markup {
    let log = &report.log;
    html! {
        section {
            h2 { (language.say(words::KEYS)) }
            @if log.cosignatures.is_empty() {
                p { (language.of("Geen getuige heeft medeondertekend.", "No witness cosigned.")) }
            } @else { ul { @for one in &log.cosignatures { li {
                (plain(&one.name)) " ("
                (if one.is_auditor { language.of("controleur: heeft alles nagerekend", "auditor: replayed everything") }
                 else { language.of("getuige: zag deze stand", "witness: saw this state") }) "), " (one.time)
            } } } }
            details { summary { (log.keys.len()) " " (language.of("sleutels", "keys")) } ul { @for key in &log.keys { li {
                (plain(&key.name)) " (" (key.role.trim_start_matches("ROLE_").to_lowercase()) "): " (key.batches) " "
                (language.of("zendingen", "batches")) " " code { (key.key) }
                @if key.compromised_from.is_some() {
                    " " strong.bad { (language.of("gecompromitteerd verklaard", "declared compromised")) }
                }
            } } } }
        }
    }
}

fn participants(people: &People, language: Language) -> Markup {
    let all = people.participants();
    html! {
        section {
            h2 { (language.say(words::PARTICIPANTS)) }
            details { summary { (all.len()) } table { tbody { @for (name, messages) in &all {
                tr { th scope="row" { bdi { (name) } } td.n { (messages) } }
            } } } }
        }
    }
}

/// A section that says one thing.
fn remark(title: words::Words, note: words::Words, language: Language) -> Markup {
    html! { section { h2 { (language.say(title)) } p { (language.say(note)) } } }
}

/// Where the five questions of the archive regulation are answered.
fn article(language: Language) -> Markup {
    let rows = [
        (
            "a",
            words::TIMELINE,
            language.of("inhoud, structuur en verschijningsvorm", "content, structure and appearance"),
        ),
        ("b", words::CUSTODY, language.of("wanneer, door wie en uit welke taak", "when, by whom and from which task")),
        ("c", words::SCOPE, language.of("samenhang met andere archiefbescheiden", "coherence with other records")),
        ("d", words::REDACTIONS, language.of("uitgevoerde beheeractiviteiten", "acts of management")),
        ("e", words::REPEAT, language.of("besturingsprogrammatuur en toepassing", "software used")),
    ];
    html! { section { h2 { (language.say(words::ARTICLE)) } table { tbody { @for (letter, section, question) in rows { tr {
        th scope="row" { (letter) } td { (question) } td { "→ " (language.say(section)) }
    } } } } } }
}

/// What an inspector signs.
fn statement(language: Language) -> Markup {
    html! { section.statement {
        h2 { (language.say(words::STATEMENT)) }
        p { (language.say(words::STATEMENT_NOTE)) }
        p.sign { (language.say(words::SIGNED)) ":" }
    } }
}

fn limits(checked: &[Checked], language: Language) -> Markup {
    let mut said_once: Vec<&Sentence> = Vec::new();
    for sentence in
        checked.iter().filter_map(|one| one.verdict.report.as_deref()).flat_map(|report| &report.does_not_prove)
    {
        if !said_once.contains(&sentence) {
            said_once.push(sentence);
        }
    }
    html! { section { h2 { (language.say(words::LIMITS)) }
    ul { @for sentence in said_once { li { (said(sentence, language)) } } } } }
}

fn repeat(checked: &[Checked], language: Language) -> Markup {
    html! {
        section {
            h2 { (language.say(words::REPEAT)) }
            p { (language.say(words::RENDERING)) }
            @for one in checked {
                pre { "zegel-verifier verify " (one.file) " --trust " (one.trust) }
                @if let Some(report) = one.verdict.report.as_deref() { dl.facts {
                    dt { (language.of("naam van het pakket", "name of the package")) } dd { code { (report.export.parts_sha256) } }
                    dt { (language.of("log", "log")) } dd { (report.log.origin) }
                    dt { (language.of("stand", "state")) } dd { (report.log.checkpoint_size) " " code { (report.log.checkpoint_root) } }
                    dt { (language.of("omvat", "covers")) } dd { (report.log.covers) }
                } }
            }
            p { "zegel-verifier " (env!("CARGO_PKG_VERSION")) }
        }
    }
}
