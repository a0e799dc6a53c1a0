//! Which number of a date is the day: decided from the whole file, or by who reads it out, never guessed.
//!
//! A file decides when exactly one order makes dates of all its headers (one number above 12 is enough), or when the year is
//! in full and first. Likelihood is not used: `03/04/22` before `05/04/22` is likely, and likely is not evidence.
//! A year of two digits is taken to be last unless it is above 31 or the order is given: no read-out is known that does
//! otherwise and has dates that this rule misreads, but the rule is ours.

use super::header::YearPlace;
use super::parse::ParseError;
use jiff::civil::Date;

/// The order of the numbers in a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// `31-12-2022`
    DayMonthYear,
    /// `12/31/22`
    MonthDayYear,
    /// `2022-12-31`
    YearMonthDay,
}

/// What a file would say under one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interpretation {
    /// The order that is tried.
    pub order: DateOrder,
    /// Date of the first record under this order.
    pub first: Date,
    /// Date of the last record under this order.
    pub last: Date,
}

impl std::fmt::Display for DateOrder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::DayMonthYear => "dmy",
            Self::MonthDayYear => "mdy",
            Self::YearMonthDay => "ymd",
        })
    }
}

impl std::fmt::Display for Interpretation {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {} to {}", self.order, self.first, self.last)
    }
}

impl DateOrder {
    /// The date that three numbers are in this order, when they are one from 1970 on.
    pub(super) fn date(self, numbers: [i16; 3], year: YearPlace) -> Option<Date> {
        let [first, second, third] = numbers;
        let (in_file, month, day) = match self {
            Self::DayMonthYear => (third, second, first),
            Self::MonthDayYear => (third, first, second),
            Self::YearMonthDay => (first, second, third),
        };
        let in_full = if year == YearPlace::TwoDigits { in_file.checked_add(2000)? } else { in_file };
        let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        (1970..=2199).contains(&in_full).then(|| Date::new(in_full, month, day).ok())?
    }
}

/// A dated line, and the line itself for a refusal.
pub(super) struct Dated<'a> {
    pub(super) line: u64,
    pub(super) numbers: [i16; 3],
    pub(super) quoted: &'a [u8],
}

/// The orders that the width and size of the first numbers leave open.
pub(super) fn open_orders(year: YearPlace, first: [i16; 3], given: Option<DateOrder>) -> Vec<DateOrder> {
    use DateOrder::{DayMonthYear, MonthDayYear, YearMonthDay};
    match year {
        YearPlace::FirstInFull => vec![YearMonthDay],
        YearPlace::LastInFull => vec![DayMonthYear, MonthDayYear],
        YearPlace::TwoDigits if first[0] > 31 || first[0] == 0 => vec![YearMonthDay],
        YearPlace::TwoDigits if given == Some(YearMonthDay) => vec![DayMonthYear, MonthDayYear, YearMonthDay],
        YearPlace::TwoDigits => vec![DayMonthYear, MonthDayYear],
    }
}

/// Decides the order for `dated`, the headers that are a date under at least one of the `open` orders.
pub(super) fn decide(
    dated: &[Dated<'_>],
    year: YearPlace,
    open: &[DateOrder],
    given: Option<DateOrder>,
) -> Result<DateOrder, ParseError> {
    if let Some(order) = given {
        return accept(order, dated, year, open);
    }
    let misfit = |order: DateOrder| dated.iter().find(|line| order.date(line.numbers, year).is_none());
    let fitting: Vec<_> = open.iter().copied().filter(|order| misfit(*order).is_none()).collect();
    match fitting[..] {
        [] => {
            let lines = open.iter().filter_map(|order| Some((*order, misfit(*order)?.line))).collect();
            Err(ParseError::DateOrderMixed { refused_by: lines })
        }
        [order] => Ok(order),
        [order, ..] => all_same(dated, year, &fitting).then_some(order).ok_or_else(|| undecided(dated, year)),
    }
}

/// A given order stands when no line contradicts it, or when the file has a line that only this order can read: then the
/// contradicting lines are the foreign ones, pasted in a message.
fn accept(order: DateOrder, dated: &[Dated<'_>], year: YearPlace, open: &[DateOrder]) -> Result<DateOrder, ParseError> {
    let fits = |order: DateOrder, line: &Dated<'_>| order.date(line.numbers, year).is_some();
    let others: Vec<_> = open.iter().copied().filter(|other| *other != order).collect();
    let proven = dated.iter().any(|line| fits(order, line) && !others.iter().any(|other| fits(*other, line)));
    let contradiction = dated.iter().find(|line| !open.contains(&order) || !fits(order, line));
    match contradiction {
        Some(line) if !proven => {
            let quoted = super::marks::quote(line.quoted);
            Err(ParseError::DateOrderContradicted { given: order, line: line.line, quoted })
        }
        _ => Ok(order),
    }
}

fn all_same(dated: &[Dated<'_>], year: YearPlace, orders: &[DateOrder]) -> bool {
    dated
        .iter()
        .all(|line| orders.windows(2).all(|two| two[0].date(line.numbers, year) == two[1].date(line.numbers, year)))
}

fn undecided(dated: &[Dated<'_>], year: YearPlace) -> ParseError {
    use DateOrder::{DayMonthYear, MonthDayYear, YearMonthDay};
    let candidates = [DayMonthYear, MonthDayYear, YearMonthDay]
        .into_iter()
        .filter(|order| dated.iter().all(|line| order.date(line.numbers, year).is_some()))
        .filter_map(|order| {
            let date = |line: Option<&Dated<'_>>| order.date(line?.numbers, year);
            Some(Interpretation { order, first: date(dated.first())?, last: date(dated.last())? })
        });
    let quoted = super::marks::quote(dated.first().map_or(&[][..], |line| line.quoted));
    ParseError::DateOrderUndecided { quoted, candidates: candidates.collect() }
}
