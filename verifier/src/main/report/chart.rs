//! How much there is, month by month, as a drawing: open, covered in part, withheld; and where files were read out.

use super::{Language, clock, words};
use maud::{Markup, html};
use std::collections::BTreeMap;
use zegel_verifier::bundle::report::MonthReport;

const WIDTH: u64 = 960;
const HEIGHT: u64 = 160;
const FOOT: u64 = 24;

/// Events of one month.
#[derive(Clone, Copy, Default)]
struct Bar {
    open: u64,
    part: u64,
    withheld: u64,
}

fn bars<'a>(months: impl Iterator<Item = &'a MonthReport>) -> BTreeMap<u32, Bar> {
    let mut bars: BTreeMap<u32, Bar> = BTreeMap::new();
    for month in months.filter(|month| month.month != 0) {
        let bar = bars.entry(month.month).or_default();
        bar.open += month.opened;
        bar.part += month.redacted;
        bar.withheld += month.withheld;
    }
    // Months without an event are a fact too: they are drawn empty.
    let Some((first, last)) = bars.keys().next().copied().zip(bars.keys().last().copied()) else { return bars };
    let mut month = first;
    while month < last {
        bars.entry(month).or_default();
        month = if month % 100 >= 12 { (month / 100 + 1) * 100 + 1 } else { month + 1 };
    }
    bars
}

/// The drawing, with its numbers as a table for who cannot see it.
pub(super) fn draw<'a>(months: impl Iterator<Item = &'a MonthReport>, language: Language) -> Markup {
    let bars = bars(months);
    let most = bars.values().map(|bar| bar.open + bar.part + bar.withheld).max().unwrap_or(0).max(1);
    let step = (WIDTH / (bars.len() as u64).max(1)).clamp(1, 48);
    let tall = |events: u64| if events == 0 { 0 } else { (events * (HEIGHT - 10) / most).max(1) };
    let every = (bars.len() / 12).max(1);
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + FOOT) } role="img" aria-labelledby="chart-title" {
            title id="chart-title" { (language.say(words::ACTIVITY)) }
            @for (at, (month, bar)) in bars.iter().enumerate() {
                @let x = at as u64 * step;
                @let (open, part, withheld) = (tall(bar.open), tall(bar.part), tall(bar.withheld));
                @let width = step.saturating_sub(2).max(1);
                g {
                    title { (clock::month(*month, language)) ": " (bar.open + bar.part + bar.withheld) }
                    rect.open x=(x) y=(HEIGHT.saturating_sub(open)) width=(width) height=(open) {}
                    rect.part x=(x) y=(HEIGHT.saturating_sub(open + part)) width=(width) height=(part) {}
                    rect.withheld x=(x) y=(HEIGHT.saturating_sub(open + part + withheld)) width=(width) height=(withheld) {}
                    @if at % every == 0 { text x=(x) y=(HEIGHT + 16) { (clock::month_short(*month, language)) } }
                }
            }
            line x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
        }
        p.legend {
            span.open { (language.say(words::OPEN)) } " " span.part { (language.say(words::IN_PART)) } " "
            span.withheld { (language.say(words::WITHHELD)) }
        }
        (table(&bars, language))
    }
}

fn table(bars: &BTreeMap<u32, Bar>, language: Language) -> Markup {
    html! {
        details {
            summary { (language.say(words::MONTH)) " × " (language.say(words::EVENTS)) }
            table {
                thead { tr {
                    th scope="col" { (language.say(words::MONTH)) }
                    th scope="col" { (language.say(words::OPEN)) }
                    th scope="col" { (language.say(words::IN_PART)) }
                    th scope="col" { (language.say(words::WITHHELD)) }
                } }
                tbody {
                    @for (month, bar) in bars {
                        tr { th scope="row" { (clock::month(*month, language)) } td { (bar.open) } td { (bar.part) } td { (bar.withheld) } }
                    }
                }
            }
        }
    }
}
