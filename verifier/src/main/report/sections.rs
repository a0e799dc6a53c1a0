//! Sections before the timeline: what was examined, findings, completeness, authenticity, and so on to the participants.

use super::judge::{Count, Cover};
use super::page::{Page, heading, period};
use super::people::Naming;
use super::words::Words;
use super::{Language, Seen, chart, checks, clock, codes, keys, meaning, secured, words};
use maud::{Markup, html};
use zegel_proto::v1::{Channel, EventKind};
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::bundle::{Finding, Place, Report, Severity};
use zegel_verifier::kinds::CHAT_LAYOUT;

pub(super) fn before_timeline(page: &mut Page<'_>) -> Markup {
    let language = page.language;
    let secured = {
        let reports: Vec<&Report> = page.checked.iter().filter_map(|one| one.verdict.report.as_deref()).collect();
        secured::part(&reports, page.people, language)
    };
    let scopes: Vec<Markup> = page
        .checked
        .iter()
        .filter_map(|one| {
            let report = one.verdict.report.as_deref()?;
            Some(scope(report, &one.seen, page.people, language))
        })
        .collect();
    let page = &*page;
    html! {
        section { (heading("s1", language)) @for scope in &scopes { (scope) } }
        (findings(page))
        section { (heading("s2", language))
            @for (_, seen) in page.reports() { (arrival(seen, language)) }
            h3 { (language.say(words::ACTIVITY)) }
            (chart::draw(page.reports().flat_map(|(report, _)| &report.coverage), language))
            (secured)
        }
        section { (heading("s3", language)) @for (report, _) in page.reports() { (keys::signers(report, language)) } }
        section { (heading("s4", language)) @for (report, _) in page.reports() { (keys::witnesses(report, language)) } }
        section { (heading("s5", language))
            @for (report, seen) in page.reports() { (keys::custody(report, seen, page.people.naming(), language)) } }
        section { (heading("s6", language)) @for (_, seen) in page.reports() { (volatile(seen, language)) } }
        section { (heading("s7", language)) @for (report, seen) in page.reports() { (redactions(report, seen, language)) } }
        (destruction(page))
        section { (heading("s9", language)) p { (language.say(words::TIME_NOTE)) } }
        (participants(page))
    }
}

fn scope(report: &Report, seen: &Seen, people: &mut super::People, language: Language) -> Markup {
    let (scope, counts, export) = (&report.scope, &report.counts, &report.export);
    let stream = if scope.stream == "conversation" { words::CONVERSATION } else { words::CUSTODIAN };
    let name = scope.name.as_deref().filter(|_| people.naming() == Naming::AsWritten).unwrap_or("–");
    let span = seen.judge.span_ms.map(|(first, last)| {
        let date = |at| clock::date(&clock::local(at), language);
        format!("{} – {}", date(first), date(last))
    });
    let channels = seen.judge.channels.iter().filter_map(|channel| Channel::try_from(*channel).ok());
    let channels: Vec<&str> = channels.map(|channel| language.say(codes::channel(channel))).collect();
    let persons: Vec<String> = seen.judge.custodians.iter().map(|id| people.custodian(*id)).collect();
    let events = format!(
        "{}: {} {}, {} {}, {} {}",
        counts.events,
        counts.opened,
        language.say(words::OPEN),
        counts.redacted,
        language.say(words::IN_PART),
        counts.withheld,
        language.say(words::WITHHELD)
    );
    let rows = [
        (words::MINISTRY, Some(report.log.ministry.clone())),
        (stream, Some(plain(name))),
        (words::PERIOD, Some(period((scope.from_month, scope.to_month), language))),
        (words::SPAN, span),
        (words::PERSONS, Some(persons.join(", ")).filter(|persons| !persons.is_empty())),
        (words::CHANNELS, Some(channels.join(", ")).filter(|channels| !channels.is_empty())),
        (words::EVENTS, Some(events)),
        (words::CASE, Some(export.case.clone()).filter(|case| !case.is_empty())),
        (words::DECISION, export.decision.clone().filter(|decision| !decision.is_empty())),
        (words::RECIPIENT, Some(export.recipient.clone()).filter(|recipient| !recipient.is_empty())),
        (words::MADE, Some(clock::told(&export.signed_at, language))),
    ];
    html! { dl.facts { @for (what, value) in rows { @if let Some(value) = value {
        dt { (language.say(what)) } dd { bdi { (value) } }
    } } } }
}

fn findings(page: &Page<'_>) -> Markup {
    let language = page.language;
    let mut all: Vec<&Finding> = page.reports().flat_map(|(report, _)| &report.findings).collect();
    all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let (grave, info) = all.split_at(all.partition_point(|finding| finding.severity > Severity::Info));
    html! {
        section {
            (heading("bevindingen", language))
            @if all.is_empty() { p { (language.say(words::NO_FINDINGS)) } }
            @if !grave.is_empty() { (findings_table(grave, language)) }
            @if !info.is_empty() {
                details open[grave.is_empty()] { summary { (info.len()) " × " (language.say(words::INFORMATION)) } (findings_table(info, language)) }
            }
        }
    }
}

fn findings_table(findings: &[&Finding], language: Language) -> Markup {
    html! {
        div.wide { table {
            thead { tr {
                th scope="col" { (language.say(words::SEVERITY)) }
                th scope="col" { (language.say(words::WHAT)) }
                th scope="col" { (language.say(words::MEANING)) }
                th.n.one scope="col" { (language.say(words::COUNT)) }
                th scope="col" { (language.say(words::FIRST_AT)) }
            } }
            tbody { @for (at, finding) in findings.iter().enumerate() {
                (finding_row(finding, at.checked_sub(1).map(|before| findings[before].id), language))
            } }
        } }
    }
}

fn finding_row(finding: &Finding, before: Option<&str>, language: Language) -> Markup {
    let (class, severity) = match finding.severity {
        Severity::Info => ("info", words::INFORMATION),
        Severity::Warning => ("found", words::WARNING),
        Severity::Error => ("bad", words::ERROR),
    };
    html! { tr {
        td.(class).one { (language.say(severity)) }
        td { (plain(&told(finding, language))) " " small { (finding.id) } }
        td {
            @if before == Some(finding.id) { (language.say(words::AS_ABOVE)) }
            @else if let Some(meaning) = meaning::of(finding.id) { (language.say(meaning)) }
        }
        td.n data-label=(language.say(words::COUNT)) { (finding.count) }
        @if let Some(place) = finding.place { td data-label=(language.say(words::FIRST_AT)) { (link(place)) } } @else { td {} }
    } }
}

/// The sentence of a finding, with codes in words.
fn told(finding: &Finding, language: Language) -> String {
    let said = language.of(&finding.nl, &finding.en).to_owned();
    match finding.id {
        "DECLARED_GAP" => in_words(said, '(', ')', codes::gap, language),
        "COVERED" => match said.trim_end_matches('.').rsplit(' ').next().and_then(codes::ground) {
            Some(ground) => format!("{} ({}).", said.trim_end_matches('.'), language.say(ground)),
            None => said,
        },
        "UNKNOWN_FIELDS" => {
            let slot = CHAT_LAYOUT.iter().find(|slot| said.ends_with(&format!(": {}.", slot.name)));
            match slot.and_then(|slot| Some((slot.name, codes::slot(slot.name)?))) {
                Some((name, label)) => said.replace(&format!(": {name}."), &format!(": {}.", language.say(label))),
                None => said,
            }
        }
        _ => said,
    }
}

/// Puts words in the place of a code between two signs.
fn in_words(said: String, open: char, close: char, label: fn(&str) -> Option<Words>, language: Language) -> String {
    let code = said.split_once(open).and_then(|(_, rest)| rest.rsplit_once(close)).map(|(code, _)| code.to_owned());
    match code.as_deref().and_then(|code| Some((code, label(code)?))) {
        Some((code, words)) => said.replace(code, language.say(words)),
        None => said,
    }
}

/// To a line of the timeline.
fn link(place: Place) -> Markup {
    let position = place.position.unwrap_or(0);
    html! { a.one href={ "#e" (place.entry) "." (position) } { (place.entry) "." (position) } }
}

/// A count with its sentence: of so many it is so, of how many that were looked at.
fn counted(count: Count, sentence: Words, language: Language) -> Markup {
    html! { @if count.n > 0 { p {
        (language.say(sentence)) ": " strong { (count.failed) } " " (language.say(words::OF)) " " (count.n) "."
    } } }
}

fn arrival(seen: &Seen, language: Language) -> Markup {
    html! {
        (counted(seen.judge.backfilled, words::BACKFILL_NOTE, language))
        (counted(seen.judge.arrivals, words::LATE_NOTE, language))
        (counted(seen.beside.holders, words::HOLDERS_NOTE, language))
    }
}

fn volatile(seen: &Seen, language: Language) -> Markup {
    let judge = &seen.judge;
    html! {
        @if judge.volatile.is_empty() && judge.edits.n == 0 { p { (language.say(words::NO_VOLATILE)) } }
        @else {
            (counted(judge.edits, words::EDITS_NOTE, language))
            (counted(judge.deletions, words::DELETIONS_NOTE, language))
            table { tbody { @for (kind, listed) in &judge.volatile {
                tr {
                    th scope="row" { (EventKind::try_from(*kind).map_or("", |kind| language.say(codes::kind(kind)))) }
                    td.n { (listed.count) }
                    td { details { summary { (language.say(words::FIRST_PLACES)) }
                        @for place in &listed.places { (link(*place)) " " }
                        @if listed.count > listed.places.len() as u64 { "…" }
                    } }
                }
            } } }
        }
    }
}

fn redactions(report: &Report, seen: &Seen, language: Language) -> Markup {
    let (grounds, beside) = (&report.counts.covered_by_ground, &seen.beside);
    html! {
        @if report.counts.covered_units == 0 { p { (language.say(words::NOTHING_COVERED)) } }
        @else {
            p { (language.say(words::REDACTION_NOTE)) }
            @if beside.old.failed > 0 { p.found { "⚠ " (beside.old.failed) " " (language.say(words::OLD_NOTE)) } }
            table {
                thead { tr {
                    th scope="col" { (language.say(words::GROUND)) }
                    th scope="col" { (language.say(words::GROUND_MEANS)) }
                    th.n scope="col" { (language.say(words::PARTS)) }
                } }
                tbody { @for (code, count) in grounds { tr {
                    th scope="row" { span.lak { (plain(code)) } }
                    td { (codes::ground(code).map_or("–", |label| language.say(label))) }
                    td.n { (count) }
                } } }
            }
            @if !beside.covers.is_empty() { details { summary { (language.say(words::EACH_COVER)) } (covers(beside, language)) } }
        }
        p.note { (language.say(words::CLASS_NOTE)) }
    }
}

fn covers(beside: &super::judge::Beside, language: Language) -> Markup {
    html! {
        div.wide { table {
            thead { tr {
                th scope="col" { (language.say(words::WHEN)) }
                th scope="col" { (language.say(words::PART)) }
                th scope="col" { (language.say(words::GROUND)) }
                th scope="col" { (language.say(words::FIRST_AT)) }
            } }
            tbody { @for cover in &beside.covers { tr {
                td.one { (when(cover, language)) @if cover.is_old { " " span.found { "⚠ " (language.say(words::OLD)) } } }
                td { (part(cover, language)) }
                td { (plain(&cover.grounds.join(" "))) }
                td { (link(cover.place)) }
            } } }
        } }
        @if beside.covers_not_listed > 0 { p { "… " (beside.covers_not_listed) " " (language.say(words::NOT_LISTED)) } }
    }
}

fn when(cover: &Cover, language: Language) -> String {
    match cover.at_ms {
        0 => clock::month(cover.month, language),
        at => clock::date(&clock::local(at), language),
    }
}

fn part(cover: &Cover, language: Language) -> &'static str {
    let Some(slot) = cover.slot else { return language.say(words::WITHHELD) };
    let name = CHAT_LAYOUT.get(slot as usize).and_then(|slot| codes::slot(slot.name));
    name.map_or("–", |name| language.say(name))
}

fn destruction(page: &Page<'_>) -> Markup {
    const MORE: [&str; 2] = ["HOLD_BREACH", "RECORD_ENDED_UNFOUNDED"];
    let language = page.language;
    let ended: Vec<&Finding> = page
        .reports()
        .flat_map(|(report, _)| &report.findings)
        .filter(|finding| checks::ENDED.contains(&finding.id) || MORE.contains(&finding.id))
        .collect();
    html! {
        section {
            (heading("s8", language))
            @if ended.is_empty() { p { (language.say(words::NOTHING_ENDED)) } } @else { (findings_table(&ended, language)) }
            p.note { (language.say(words::DESTRUCTION_NOTE)) }
        }
    }
}

fn participants(page: &Page<'_>) -> Markup {
    let (language, all) = (page.language, page.people.participants());
    html! {
        section {
            (heading("s10", language))
            @for (_, seen) in page.reports() {
                (counted(seen.judge.senders.numbers(), words::STRANGERS_NOTE, language))
                (counted(seen.judge.senders.namesakes(), words::NAMESAKES_NOTE, language))
            }
            @if all.is_empty() { p { (language.say(words::NO_FINDINGS)) } }
            @else { details open[all.len() <= 12] { summary { (all.len()) " " (language.say(words::PARTICIPANTS)) } table {
                thead { tr {
                    th scope="col" { (language.say(words::PARTICIPANT_NAME)) }
                    th.n scope="col" { (language.say(words::MESSAGES)) }
                } }
                tbody { @for (name, messages) in &all { tr { th scope="row" { bdi { (name) } } td.n { (messages) } } } }
            } } }
        }
    }
}
