//! Days and hours as people in the Netherlands tell them: UTC and one hour, in summer two.
//!
//! Pure, by the rule of the European Union in force since 1996 (last Sunday of March and of October, 01:00 UTC); before that
//! summer time is not told apart. Bundles and JSON have UTC; this is for the page.

use super::Language;
use zegel_verifier::bundle::calendar::{Moment, month_start_ms, next_month};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

const MONTHS: [(&str, &str); 12] = [
    ("januari", "January"),
    ("februari", "February"),
    ("maart", "March"),
    ("april", "April"),
    ("mei", "May"),
    ("juni", "June"),
    ("juli", "July"),
    ("augustus", "August"),
    ("september", "September"),
    ("oktober", "October"),
    ("november", "November"),
    ("december", "December"),
];
/// The first of January 1970 was a Thursday.
const DAYS: [(&str, &str); 7] = [
    ("donderdag", "Thursday"),
    ("vrijdag", "Friday"),
    ("zaterdag", "Saturday"),
    ("zondag", "Sunday"),
    ("maandag", "Monday"),
    ("dinsdag", "Tuesday"),
    ("woensdag", "Wednesday"),
];

/// 01:00 UTC on the last Sunday of a month of 31 days.
fn last_sunday_ms(month: u32) -> u64 {
    let last_day = month_start_ms(next_month(month)) / DAY_MS - 1;
    // Day 3 was a Sunday.
    (last_day - (last_day + 4) % 7) * DAY_MS + HOUR_MS
}

/// The moment on a clock in the Netherlands.
pub(super) fn local(at_ms: u64) -> Moment {
    let year = Moment::at(at_ms).year as u32;
    let is_summer = (1996..=9_999).contains(&year)
        && (last_sunday_ms(year * 100 + 3)..last_sunday_ms(year * 100 + 10)).contains(&at_ms);
    Moment::at(at_ms.saturating_add(if is_summer { 2 } else { 1 } * HOUR_MS))
}

/// `202605` as "mei 2026".
pub(super) fn month(month: u32, language: Language) -> String {
    match MONTHS.get((month % 100).wrapping_sub(1) as usize) {
        Some(name) => format!("{} {}", language.say(*name), month / 100),
        None => language.of("maand onbekend", "month unknown").to_owned(),
    }
}

/// A short form of it, for axes: "mei 26".
pub(super) fn month_short(month: u32, language: Language) -> String {
    match MONTHS.get((month % 100).wrapping_sub(1) as usize) {
        Some(name) => {
            let name = language.say(*name);
            let short = if name == "maart" { "mrt".into() } else { name.chars().take(3).collect::<String>() };
            format!("{short} {:02}", month / 100 % 100)
        }
        None => "?".to_owned(),
    }
}

/// "maandag 4 mei 2026".
pub(super) fn day(at: &Moment, language: Language) -> String {
    let month = at.year as u32 * 100 + at.month;
    let days = month_start_ms(month) / DAY_MS + u64::from(at.day) - 1;
    format!("{} {}", language.say(DAYS[(days % 7) as usize]), date(at, language))
}

/// "4 mei 2026".
pub(super) fn date(at: &Moment, language: Language) -> String {
    format!("{} {}", at.day, month(at.year as u32 * 100 + at.month, language))
}

/// A moment as documents write it (`2026-05-04T10:12:00Z`), in milliseconds since 1970.
pub(super) fn parsed(utc: &str) -> Option<u64> {
    let number = |from: usize, to: usize| utc.get(from..to).and_then(|digits| digits.parse::<u64>().ok());
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let start = month_start_ms((year * 100 + month) as u32);
    Some(start + (day.checked_sub(1)? * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000)
}

/// The same told on a clock in the Netherlands; as it is if it is none.
pub(super) fn told(utc: &str, language: Language) -> String {
    parsed(utc).map_or_else(|| utc.to_owned(), |at| when(at, language))
}

/// "4 mei 2026, 12:12", of milliseconds since 1970.
pub(super) fn when(at_ms: u64, language: Language) -> String {
    let at = local(at_ms);
    let (hours, minutes, _) = at.clock();
    format!("{}, {hours:02}:{minutes:02}", date(&at, language))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nl(utc: &str) -> String {
        told(utc, Language::Nl)
    }

    #[test]
    fn the_clock_goes_forward_in_march_and_back_in_october() {
        assert_eq!(nl("2026-03-29T00:59:00Z"), "29 maart 2026, 01:59");
        assert_eq!(nl("2026-03-29T01:00:00Z"), "29 maart 2026, 03:00");
        assert_eq!(nl("2026-10-25T00:59:00Z"), "25 oktober 2026, 02:59");
        assert_eq!(nl("2026-10-25T01:00:00Z"), "25 oktober 2026, 02:00");
        assert_eq!(nl("2025-12-31T23:30:00Z"), "1 januari 2026, 00:30");
        assert_eq!(nl("no moment"), "no moment");
    }

    #[test]
    fn days_have_their_names() {
        let at = local(1_777_880_000_000);
        assert_eq!(day(&at, Language::Nl), "maandag 4 mei 2026");
        assert_eq!(day(&at, Language::En), "Monday 4 May 2026");
        assert_eq!(
            (month(202_605, Language::Nl), month_short(202_605, Language::Nl)),
            ("mei 2026".into(), "mei 26".into())
        );
        assert_eq!(month(0, Language::Nl), "maand onbekend");
    }
}
