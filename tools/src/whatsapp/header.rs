//! One header of a record: `02-05-2022 16:08 - ` (Android) or `[02-05-2022 16:12:20] ` (iPhone).
//!
//! A header is read by its form only. Which of its numbers is the day is decided over the whole file
//! ([`date_order`](super::date_order)), and whether it starts a record at all is decided by comparing its [`Shape`] with that
//! of the first line: a line of another chat, pasted in a message, has another shape and stays text.

use std::ops::Range;

/// The phone that wrote the read-out, as its headers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// `date time - `, in whole minutes.
    Android,
    /// `[date time] `, in whole seconds.
    Ios,
}

/// The clock in the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// With AM and PM.
    TwelveHours,
    /// 0 to 23.
    TwentyFourHours,
}

/// Where the year stands, as far as its width tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum YearPlace {
    /// `2018/06/13`
    FirstInFull,
    /// `13-06-2018`
    LastInFull,
    /// `13/06/18`: the width says nothing.
    TwoDigits,
}

/// How `p.m.` is spelled: `PM`, `pm`, `p.m.` and `p. m.` never occur in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DayPeriodStyle {
    capital: bool,
    dotted: bool,
    spaced: bool,
}

/// What all headers of one file have in common. Equality is what makes a line a header of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape<'a> {
    pub(super) platform: Platform,
    pub(super) year: YearPlace,
    pub(super) seconds: bool,
    pub(super) day_period: Option<DayPeriodStyle>,
    separators: [&'a [u8]; 2],
    joiner: &'a [u8],
    time_separator: u8,
}

impl Shape<'_> {
    pub(super) fn clock(&self) -> Clock {
        if self.day_period.is_some() { Clock::TwelveHours } else { Clock::TwentyFourHours }
    }
}

/// A line that starts as headers do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) shape: Shape<'a>,
    /// The three numbers of the date, in the order of the file.
    pub(super) date: [i16; 3],
    /// On the 24-hour clock.
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
    /// The line began with U+200E, as the iPhone does where it wrote an attachment.
    pub(super) marked: bool,
    /// Where in the line date and time stand, without brackets.
    pub(super) local: Range<usize>,
    /// Size of the whole header: the name or the notice starts here.
    pub(super) size: usize,
}

/// Reads the header at the start of `line`; `None` when the line does not start as headers do.
pub(super) fn parse(line: &[u8]) -> Option<Header<'_>> {
    let mut at = Cursor { bytes: line, at: 0 };
    let marked = at.skip_marks();
    let bracket = at.eat(b"[");
    let start = at.at;
    let (first, first_width) = at.number()?;
    let separator = at.separator()?;
    let (second, _) = at.number().filter(|(_, width)| *width <= 2)?;
    let separators = [separator, at.separator()?];
    let (third, third_width) = at.number()?;
    let year = year_place(first_width, third_width)?;
    let joiner = at.joiner()?;
    let time = at.time()?;
    let local = start..at.at;
    let close: &[u8] = if bracket { b"] " } else { b" - " };
    if !at.eat(close) {
        return None;
    }
    let platform = if bracket { Platform::Ios } else { Platform::Android };
    let (seconds, time_separator) = (time.second.is_some(), time.separator);
    let shape = Shape { platform, year, seconds, day_period: time.period_style, separators, joiner, time_separator };
    let (hour, minute, second_of) = (time.hour, time.minute, time.second.unwrap_or(0));
    Some(Header { shape, date: [first, second, third], hour, minute, second: second_of, marked, local, size: at.at })
}

fn year_place(first_width: usize, third_width: usize) -> Option<YearPlace> {
    match (first_width, third_width) {
        (4, 1 | 2) => Some(YearPlace::FirstInFull),
        (1 | 2, 4) => Some(YearPlace::LastInFull),
        (1 | 2, 1 | 2) => Some(YearPlace::TwoDigits),
        _ => None,
    }
}

struct TimeOfDay {
    hour: i8,
    minute: i8,
    second: Option<i8>,
    separator: u8,
    period_style: Option<DayPeriodStyle>,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Joiners are `, `, ` `, `. `, ` klo ` and the like. Longer words between date and time are somebody's sentence.
const JOINER_BYTES_MAX: usize = 10;

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn eat(&mut self, wanted: &[u8]) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    fn skip_marks(&mut self) -> bool {
        self.eat("\u{feff}".as_bytes());
        let before = self.at;
        while self.eat("\u{200e}".as_bytes()) || self.eat("\u{200f}".as_bytes()) {}
        self.at > before
    }

    fn space(&mut self) -> bool {
        self.eat(b" ") || self.eat("\u{a0}".as_bytes()) || self.eat("\u{202f}".as_bytes())
    }

    /// One to four digits, with their width.
    fn number(&mut self) -> Option<(i16, usize)> {
        let digits = self.rest().iter().take(5).take_while(|byte| byte.is_ascii_digit()).count();
        let text = std::str::from_utf8(&self.rest()[..digits]).ok()?;
        let number = text.parse().ok().filter(|_| digits <= 4)?;
        self.at += digits;
        Some((number, digits))
    }

    fn two_digits(&mut self, below: i16) -> Option<i8> {
        let (number, _) = self.number().filter(|(number, width)| *width == 2 && *number < below)?;
        i8::try_from(number).ok()
    }

    /// `-`, `/` or `.`, and the spaces after it: `13. 6. 2018.`
    fn separator(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        if !(self.eat(b"-") || self.eat(b"/") || self.eat(b".")) {
            return None;
        }
        while self.space() {}
        Some(&self.bytes[start..self.at])
    }

    fn joiner(&mut self) -> Option<&'a [u8]> {
        let size = self.rest().iter().take(JOINER_BYTES_MAX + 1).take_while(|byte| !byte.is_ascii_digit()).count();
        let joiner = &self.rest()[..size];
        let text = std::str::from_utf8(joiner).ok().filter(|text| text.chars().any(char::is_whitespace))?;
        let words = text.chars().all(|c| c.is_alphabetic() || matches!(c, ',' | '.' | ' ' | '\u{a0}' | '\u{202f}'));
        self.at += size;
        (words && size <= JOINER_BYTES_MAX).then_some(joiner)
    }

    fn time(&mut self) -> Option<TimeOfDay> {
        let (hour, _) = self.number().filter(|(hour, width)| *width <= 2 && *hour < 24)?;
        let separator = *self.rest().first().filter(|byte| matches!(byte, b':' | b'.'))?;
        self.at += 1;
        let minute = self.two_digits(60)?;
        let second = if self.eat(&[separator]) { Some(self.two_digits(60)?) } else { None };
        let (hour, period_style) = match self.day_period() {
            Some((afternoon, style)) if hour <= 12 => (hour % 12 + if afternoon { 12 } else { 0 }, Some(style)),
            Some(_) => return None,
            None => (hour, None),
        };
        Some(TimeOfDay { hour: i8::try_from(hour).ok()?, minute, second, separator, period_style })
    }

    /// Space and `AM`, `pm`, `a.m.` or `p. m.`; nothing is taken when it is not there.
    fn day_period(&mut self) -> Option<(bool, DayPeriodStyle)> {
        let before = self.at;
        let found = self.day_period_after_space();
        if found.is_none() {
            self.at = before;
        }
        found
    }

    fn day_period_after_space(&mut self) -> Option<(bool, DayPeriodStyle)> {
        if !self.space() {
            return None;
        }
        let letter = *self.rest().first()?;
        let capital = letter.is_ascii_uppercase();
        let afternoon = matches!(letter, b'p' | b'P');
        if !(afternoon || matches!(letter, b'a' | b'A')) {
            return None;
        }
        self.at += 1;
        let dotted = self.eat(b".");
        let spaced = self.space();
        if !(self.eat(b"m") || self.eat(b"M")) || dotted != self.eat(b".") {
            return None;
        }
        Some((afternoon, DayPeriodStyle { capital, dotted, spaced }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<([i16; 3], [i8; 3], usize)> {
        parse(line.as_bytes()).map(|header| (header.date, [header.hour, header.minute, header.second], header.size))
    }

    #[test]
    fn reads_the_header_of_every_phone_we_know() {
        assert_eq!(read("02-05-2022 16:08 - A"), Some(([2, 5, 2022], [16, 8, 0], 19)));
        assert_eq!(read("[02-05-2022 16:12:20] Dave: x"), Some(([2, 5, 2022], [16, 12, 20], 22)));
        assert_eq!(read("\u{200e}[02-05-2022, 16:12:20] D"), Some(([2, 5, 2022], [16, 12, 20], 26)));
        assert_eq!(read("5/2/22, 4:08\u{202f}PM - A"), Some(([5, 2, 22], [16, 8, 0], 20)));
        assert_eq!(read("[5/2/22, 12:08:01 AM] A"), Some(([5, 2, 22], [0, 8, 1], 22)));
        assert_eq!(read("06/20/2020, 00:08 a. m. - +12"), Some(([6, 20, 2020], [0, 8, 0], 26)));
        assert_eq!(read("01/30/2019, 08:49\u{a0}p.m. - J"), Some(([1, 30, 2019], [20, 49, 0], 26)));
        assert_eq!(read("13.6.2018 klo 21.25.15 - A"), Some(([13, 6, 2018], [21, 25, 15], 25)));
        assert_eq!(read("13. 6. 2018. 21:25:15 - A"), Some(([13, 6, 2018], [21, 25, 15], 24)));
        assert_eq!(read("[2018/06/13, 21:25:15] A"), Some(([2018, 6, 13], [21, 25, 15], 23)));
    }

    #[test]
    fn refuses_what_only_resembles_a_header() {
        for line in [
            "",
            "[",
            "[5/2, 16:08] Alice: Hoi",
            "02-05-2022 16:08 Alice: geen streepje",
            "02-05-2022 16:08 -Alice",
            "[02-05-2022 16:12:20]Dave",
            "02-05-2022 24:00 - A",
            "02-05-2022 16:60 - A",
            "02-05-2022 16:8 - A",
            "02-05-2022 16:08:6 - A",
            "02-05-20221 16:08 - A",
            "2022-05-2022 16:08 - A",
            "02-05-202 16:08 - A",
            "02-05-2022 13:08 PM - A",
            "02-05-2022 1:08 p.m - A",
            "02-05-2022 om ongeveer 16:08 - A",
            "02-05-202216:08 - A",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn headers_of_two_files_have_two_shapes() {
        let shape = |line| parse(str::as_bytes(line)).map(|header| header.shape);
        let ours = shape("02-05-2022 16:08 - A");
        assert_eq!(ours, shape("31-12-2023 9:59 - B"));
        for other in ["02/05/2022 16:08 - A", "02-05-2022, 16:08 - A", "02-05-22 16:08 - A", "[02-05-2022 16:08] A"] {
            assert!(shape(other).is_some());
            assert_ne!(ours, shape(other), "{other}");
        }
    }
}
