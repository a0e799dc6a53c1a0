//! On which day something was said, where the reader lives: a document is a conversation on one day.

use super::{Line, ReadingError};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;

const MONTHS: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];

/// A day of a conversation. The order is that of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Day {
    /// Known.
    On(Date),
    /// Withheld as a whole, so that only the month (year × 100 + month) is known.
    Within(u32),
    /// The source does not say when.
    Unknown,
}

impl Day {
    /// The date as machines write it; the first of the month where only that is known, empty where nothing is.
    #[must_use]
    pub fn iso(&self) -> String {
        match self {
            Self::On(date) => date.to_string(),
            Self::Within(month) if *month != 0 => format!("{:04}-{:02}", month / 100, month % 100),
            _ => String::new(),
        }
    }
}

impl fmt::Display for Day {
    /// As people write it, in Dutch.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |month: u32| MONTHS.get(month.wrapping_sub(1) as usize).copied().unwrap_or("maand onbekend");
        match self {
            Self::On(date) => write!(formatter, "{} {} {}", date.day(), named(date.month() as u32), date.year()),
            Self::Within(month) if *month != 0 => write!(formatter, "{} {}", named(month % 100), month / 100),
            _ => formatter.write_str("datum onbekend"),
        }
    }
}

/// The time zone in which days and hours are told.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// A zone by its IANA name.
    ///
    /// # Errors
    /// [`ReadingError::Zone`].
    pub fn named(name: &str) -> Result<Self, ReadingError> {
        let zone = TimeZone::get(name).map_err(|_| ReadingError::Zone { found: name.into() })?;
        Ok(Self(zone))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    pub(super) fn day(&self, line: &Line, month: u32) -> Day {
        if line.is_withheld() {
            return Day::Within(month);
        }
        self.local(line.at_ms).map_or(Day::Unknown, |at| Day::On(at.date()))
    }

    /// Hour and minute, as exactly as it is known; empty where the time is not known.
    #[must_use]
    pub fn clock(&self, at_ms: u64, exact: Exact) -> String {
        let Some(at) = self.local(at_ms) else { return String::new() };
        match exact {
            Exact::Second => format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second()),
            Exact::Minute => format!("{:02}:{:02}", at.hour(), at.minute()),
            Exact::Day => "±".into(),
        }
    }

    /// The day, as people write it in Dutch; empty where it is not known.
    #[must_use]
    pub fn told(&self, at_ms: u64) -> String {
        self.local(at_ms).map(|at| Day::On(at.date()).to_string()).unwrap_or_default()
    }

    /// The moment at which a day begins here, in milliseconds since 1970; none before that.
    #[must_use]
    pub fn midnight_ms(&self, date: Date) -> Option<u64> {
        let at = date.to_zoned(self.0.clone()).ok()?.timestamp().as_millisecond();
        u64::try_from(at).ok()
    }

    /// With its offset, as RFC 3339 writes it.
    #[must_use]
    pub fn rfc3339(&self, at_ms: u64) -> Option<String> {
        self.local(at_ms).map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    }

    fn local(&self, at_ms: u64) -> Option<jiff::Zoned> {
        let at = i64::try_from(at_ms).ok().filter(|at| *at != 0)?;
        Some(Timestamp::from_millisecond(at).ok()?.to_zoned(self.0.clone()))
    }
}

/// How exactly a time is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exact {
    /// To the second.
    Second,
    /// To the minute.
    Minute,
    /// The day only.
    Day,
}
