//! Milliseconds since 1970 as a date in UTC, and its month as headers write it.
//!
//! Not here: time zones, which a bundle never needs. The proleptic Gregorian calendar, by days of 400-year eras.

use std::fmt;
use zegel_proto::v1::Precision;

const DAY_MS: u64 = 86_400_000;

/// A moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Year, from 1970.
    pub year: u64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub day: u32,
    /// Milliseconds since midnight.
    pub of_day_ms: u64,
}

impl Moment {
    /// The moment of so many milliseconds since 1970.
    #[must_use]
    pub fn at(ms: u64) -> Self {
        // Days since 1 March of the year 0, so that a leap day ends its year.
        let days = ms / DAY_MS + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = (of_year - (153 * from_march + 2) / 5 + 1) as u32;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 } as u32;
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Self { year, month, day, of_day_ms: ms % DAY_MS }
    }

    /// Hours, minutes, seconds.
    #[must_use]
    pub fn clock(&self) -> (u64, u64, u64) {
        let seconds = self.of_day_ms / 1_000;
        (seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = self.clock();
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.day)?;
        write!(formatter, "T{hours:02}:{minutes:02}:{seconds:02}Z")
    }
}

/// The month of a moment as a header writes it, year * 100 + month; `None` beyond the year 9999.
#[must_use]
pub fn month_of(ms: u64) -> Option<u32> {
    let moment = Moment::at(ms);
    (moment.year <= 9_999).then(|| moment.year as u32 * 100 + moment.month)
}

/// The first millisecond of a month as headers write it (year * 100 + month, from 197001).
#[must_use]
pub fn month_start_ms(month: u32) -> u64 {
    let (year, month) = (u64::from(month / 100), u64::from(month % 100));
    // Years begin in March, so that a leap day ends its year; 0-03-01 is 719,468 days before 1970.
    let (year, from_march) = if month > 2 { (year, month - 3) } else { (year.saturating_sub(1), month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * from_march + 2) / 5;
    days.saturating_sub(719_468) * DAY_MS
}

/// The month after.
#[must_use]
pub fn next_month(month: u32) -> u32 {
    if month % 100 == 12 { month + 89 } else { month + 1 }
}

/// The month before.
#[must_use]
pub fn previous_month(month: u32) -> u32 {
    if month % 100 == 1 { month.saturating_sub(89) } else { month.saturating_sub(1) }
}

/// Milliseconds that a time may lie behind what is written; `None` where a month or nothing is all that is known.
#[must_use]
pub fn slack_ms(precision: i32) -> Option<u64> {
    match Precision::try_from(precision) {
        Ok(Precision::Millisecond) => Some(0),
        Ok(Precision::Second) => Some(999),
        Ok(Precision::Minute) => Some(59_999),
        Ok(Precision::Day) => Some(DAY_MS - 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_turn_at_midnight_in_utc() {
        assert_eq!(month_of(0), Some(197_001));
        assert_eq!(month_of(1_651_363_199_999), Some(202_204));
        assert_eq!(month_of(1_651_363_200_000), Some(202_205));
        assert_eq!(month_of(1_709_164_800_000), Some(202_402));
        assert_eq!(Moment::at(1_709_164_800_000).to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(Moment::at(951_782_400_000).to_string(), "2000-02-29T00:00:00Z");
    }

    #[test]
    fn a_month_starts_where_the_one_before_it_ends() {
        let mut month = 197_001;
        while month < 240_001 {
            let start = month_start_ms(month);
            assert_eq!(month_of(start), Some(month));
            assert_eq!(
                (month_of(start.saturating_sub(1)), start > 0),
                (Some(previous_month(month).max(197_001)), month > 197_001)
            );
            month = next_month(month);
        }
    }

    #[test]
    fn a_moment_beyond_the_calendar_has_no_month() {
        assert_eq!(month_of(253_402_300_799_999), Some(999_912));
        assert_eq!(month_of(253_402_300_800_000), None);
        assert_eq!(month_of(u64::MAX), None);
    }
}
