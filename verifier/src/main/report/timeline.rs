//! The timeline on the page: by conversation, month and day.
//!
//! Each month lies in a `<noscript>`: a browser without script shows it, one with script takes it for a single text and
//! lays it out when it is looked at (`page.js`), so that a hundred thousand lines open at once. One line of the text is one
//! line of the timeline, or the beginning or end of a day: line feeds within are written as entities.

use super::page::heading;
use super::people::People;
use super::spool::{Key, Spool};
use super::{Language, clock, words};
use maud::html;
use std::io::{self, Write};
use zegel_verifier::bundle::calendar::Moment;
use zegel_verifier::hash::Hash;

/// Lines up to which every month stands open.
const LINES_OPEN_MAX: usize = 2_000;

const DAY_END: &str = "</ol></section>\n";
const MONTH_BEGIN: &str = "<div class=\"days\"><noscript>\n";
const MONTH_END: &str = "</noscript></div></details>";

/// Where the writing is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct At {
    conversation: Hash,
    /// Year and month; 0: time not known.
    month: u64,
    day: u32,
}

impl At {
    fn moment(self) -> Moment {
        Moment { year: self.month / 100, month: (self.month % 100) as u32, day: self.day, of_day_ms: 0 }
    }
}

fn at_of(key: &Key) -> At {
    let moment = clock::local(key.at_ms);
    let (month, day) = if key.at_ms == 0 { (0, 0) } else { (moment.year * 100 + u64::from(moment.month), moment.day) };
    At { conversation: key.conversation, month, day }
}

/// Writes all lines in reading order.
pub(super) fn write(
    out: &mut impl Write,
    spool: &mut Spool,
    people: &mut People,
    language: Language,
) -> io::Result<()> {
    if spool.count() == 0 {
        return Ok(());
    }
    let is_open = spool.count() <= LINES_OPEN_MAX;
    write!(out, "<section>{}", heading("tijdlijn", language).into_string())?;
    write!(
        out,
        "<p class=\"note\">{} {}</p>{}",
        language.say(words::LEGEND),
        language.say(words::TIME_NOTE),
        tools(language)
    )?;
    let mut last: Option<At> = None;
    spool.read::<io::Error>(|key, line| {
        let at = at_of(key);
        if last != Some(at) {
            turn(out, last, at, is_open, people, language)?;
            last = Some(at);
        }
        writeln!(out, "{}", line.replace('\n', "&#10;"))
    })?;
    writeln!(out, "{DAY_END}{MONTH_END}</section>")
}

/// Closes what ends and opens what begins.
fn turn(
    out: &mut impl Write,
    last: Option<At>,
    at: At,
    is_open: bool,
    people: &mut People,
    language: Language,
) -> io::Result<()> {
    let new_conversation = last.is_none_or(|last| last.conversation != at.conversation);
    let new_month = new_conversation || last.is_none_or(|last| last.month != at.month);
    if last.is_some() {
        write!(out, "{DAY_END}{}", if new_month { MONTH_END } else { "" })?;
    }
    if new_conversation {
        let name = if at.conversation == Hash::ZERO {
            language.say(words::NOT_ONE_CONVERSATION).to_owned()
        } else {
            people.conversation(at.conversation)
        };
        write!(out, "{}", html! { h3.conversation { bdi { (name) } } }.into_string())?;
    }
    let unknown = language.say(words::TIME_UNKNOWN);
    if new_month {
        let name = if at.month == 0 { unknown.to_owned() } else { clock::month(at.month as u32, language) };
        let open = if is_open { " open" } else { "" };
        write!(
            out,
            "<details class=\"month\" data-month=\"{:06}\"{open}><summary>{name}</summary>{MONTH_BEGIN}",
            at.month
        )?;
    }
    let day = if at.day == 0 { unknown.to_owned() } else { clock::day(&at.moment(), language) };
    writeln!(out, "<section class=\"day\"><h4>{day}</h4><ol class=\"chat\">")
}

fn tools(language: Language) -> String {
    let tools = html! {
        div.tools hidden {
            label for="words" { (language.say(words::SEARCH)) }
            input type="search" id="words";
            span { input type="checkbox" id="only-covered"; " " label for="only-covered" { (language.say(words::ONLY_COVERED)) } }
            span { input type="checkbox" id="only-changed"; " " label for="only-changed" { (language.say(words::ONLY_CHANGED)) } }
            span { label for="order" { (language.say(words::ORDER)) } " " select id="order" {
                option value="conversation" { (language.say(words::BY_CONVERSATION)) }
                option value="time" { (language.say(words::BY_TIME)) }
            } }
            button type="button" { (language.say(words::FOLD)) }
            output aria-live="polite" {}
        }
    };
    tools.into_string()
}
