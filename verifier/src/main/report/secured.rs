//! Coverage: which months of which account were secured, as a picture and as a table for who cannot see it.

use super::people::People;
use super::{Language, clock, codes, words};
use maud::{Markup, html};
use zegel_verifier::bundle::Report;
use zegel_verifier::bundle::secured::{AccountMonth, Timeliness};
use zegel_verifier::hash::Hash;

/// Months that a picture shows of an account; the table has all.
const MONTHS_DRAWN: usize = 60;
const CELL: usize = 16;
const ROW: usize = 34;

/// One account with its months.
struct Account<'a> {
    name: String,
    months: &'a [AccountMonth],
}

fn word(status: Timeliness) -> words::Words {
    match status {
        Timeliness::Secured => words::SECURED,
        Timeliness::Late => words::LATE,
        Timeliness::Missed => words::MISSED,
        Timeliness::Running => words::RUNNING,
        Timeliness::OutOfScope => words::OUT_OF_SCOPE,
    }
}

/// Colour and letter: none is told by colour alone.
fn mark(status: Timeliness) -> (&'static str, &'static str) {
    match status {
        Timeliness::Secured => ("s-secured", "✓"),
        Timeliness::Late => ("s-late", "!"),
        Timeliness::Missed => ("s-missed", "×"),
        Timeliness::Running => ("s-running", "…"),
        Timeliness::OutOfScope => ("s-out", "–"),
    }
}

/// Its part of the section on completeness, with what it does not say where nothing was examined.
pub(super) fn part(reports: &[&Report], people: &mut People, language: Language) -> Markup {
    let all: Vec<&AccountMonth> = reports.iter().flat_map(|report| &report.secured).collect();
    html! {
        div {
            h3 { (language.say(words::COVERAGE)) }
            @if all.is_empty() { p { (language.say(words::NOT_EXAMINED)) ": " (language.say(words::NO_COVERAGE)) } }
            @else {
                p { (language.say(words::RULE)) }
                @for report in reports { @for account in accounts(report, people) { (drawn(&account, language)) } }
                p.legend.letters {
                    @for status in [Timeliness::Secured, Timeliness::Late, Timeliness::Missed, Timeliness::Running, Timeliness::OutOfScope] {
                        span { (mark(status).1) " " (language.say(word(status))) } " "
                    }
                }
                (table(reports, people, language))
            }
        }
    }
}

fn accounts<'a>(report: &'a Report, people: &mut People) -> Vec<Account<'a>> {
    let same = |one: &AccountMonth, next: &AccountMonth| {
        (&one.custodian, &one.channel, &one.account) == (&next.custodian, &next.channel, &next.account)
    };
    let named = |months: &'a [AccountMonth]| Account { name: named(&months[0], people), months };
    report.secured.chunk_by(same).map(named).collect()
}

/// Person and channel; the number only where names are shown.
fn named(month: &AccountMonth, people: &mut People) -> String {
    let person = hash(&month.custodian).map(|id| people.custodian(id)).unwrap_or_default();
    let account = if people.naming() == super::Naming::AsWritten { month.account.as_str() } else { "" };
    format!("{person}, {} {account}", month.channel).trim_end().to_owned()
}

/// An id as reports write it.
fn hash(text: &str) -> Option<Hash> {
    let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    Hash::read(&bytes?)
}

fn drawn(account: &Account<'_>, language: Language) -> Markup {
    let months = &account.months[account.months.len().saturating_sub(MONTHS_DRAWN)..];
    let width = months.len() * CELL + 60;
    html! {
        p.account { bdi { (account.name) } }
        svg.months viewBox={ "0 0 " (width) " " (ROW) } style={ "max-width:" (width) "px" } role="img" aria-label=(account.name) {
            @for (at, month) in months.iter().enumerate() {
                @let (class, letter) = mark(month.status);
                @let x = at * CELL;
                g {
                    title { (clock::month(month.month, language)) ": " (language.say(word(month.status))) }
                    rect.(class) x=(x) y="0" width=(CELL - 2) height=(CELL - 2) {}
                    text.letter x=(x + 3) y="11" { (letter) }
                    @if at % 12 == 0 { text x=(x) y=(ROW - 6) { (clock::month_short(month.month, language)) } }
                }
            }
        }
    }
}

fn table(reports: &[&Report], people: &mut People, language: Language) -> Markup {
    html! {
        details {
            summary { (language.say(words::COVERAGE)) ": " (language.say(words::MONTH)) " × " (language.say(words::ACCOUNT)) }
            table {
                thead { tr {
                    th scope="col" { (language.say(words::ACCOUNT)) }
                    th scope="col" { (language.say(words::MONTH)) }
                    th scope="col" { (language.say(words::RESULT)) }
                    th.n scope="col" { (language.say(words::DAYS_BETWEEN)) }
                    th scope="col" { (language.say(words::DECLARED)) }
                } }
                tbody { @for report in reports { @for month in &report.secured {
                    tr {
                        th scope="row" { bdi { (named(month, people)) } }
                        td.one { (clock::month(month.month, language)) }
                        td { (language.say(word(month.status))) }
                        td.n { (month.days_between) }
                        td { (gaps(month, language)) }
                    }
                } } }
            }
        }
    }
}

/// Why it can be that something is missing, in words.
fn gaps(month: &AccountMonth, language: Language) -> String {
    let told = month.gaps.iter().map(|code| codes::gap(code).map_or(code.as_str(), |label| language.say(label)));
    told.collect::<Vec<_>>().join(", ")
}
