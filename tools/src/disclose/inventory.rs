//! The lists of a disclosure, as CSV: the inventarislijst, and the columns of the Woo platform's productierapport.
//!
//! UTF-8 with a byte order mark: without it the spreadsheet that officers use reads "coÃ¶rdinatie", and with it every reader
//! of RFC 4180 that we know still reads the first column. Semicolons, as Dutch spreadsheets expect. Every cell is text.

use super::DisclosureError;
use super::cell::cell;
use super::wording::{self, Regime};
use crate::documents::{Assessment, Day, Document};
use std::io::Write;
use zegel_verifier::labels;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The columns that the Woo platform reads (minvws/nl-rdo-woo-web-private, productierapport).
const PRODUCTION_REPORT: [&str; 14] = [
    "ID",
    "Matter",
    "Family ID",
    "Email Thread ID",
    "Document",
    "File type",
    "Datum",
    "Beoordeling",
    "Opgeschort",
    "Beoordelingsgrond",
    "Toelichting",
    "Publieke link",
    "Gerelateerd ID",
    "Zaaknummer",
];

fn writer<W: Write>(mut out: W) -> Result<csv::Writer<W>, DisclosureError> {
    out.write_all(BYTE_ORDER_MARK)?;
    Ok(csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(out))
}

/// The codes of a document, as the platform writes them: `5.1.1c; 5.1.2e;`.
fn codes(document: &Document) -> String {
    document.grounds.iter().map(|code| format!("{code};")).collect::<Vec<_>>().join(" ")
}

/// Older than five years when the bundle was made, and covered on a ground that then wants a motivation.
const OLD: &str = "ouder dan vijf jaar: een relatieve grond vraagt een motivering (Woo 5.3)";

/// Whether article 5.3 of the Woo asks for a motivation. `made_ms` is when the bundle was made.
fn is_old(document: &Document, regime: Regime, made_ms: u64) -> bool {
    let made = i64::try_from(made_ms).ok().and_then(|made| jiff::Timestamp::from_millisecond(made).ok());
    let Some(made) = made.map(|made| made.to_zoned(jiff::tz::TimeZone::UTC).date()) else { return false };
    let last_day = match document.day {
        Day::On(date) => Some(date),
        Day::Within(month) => {
            let first = jiff::civil::Date::new((month / 100) as i16, (month % 100) as i8, 1);
            first.ok().map(jiff::civil::Date::last_of_month)
        }
        Day::Unknown => None,
    };
    let five_years_on = last_day.and_then(|day| day.checked_add(jiff::Span::new().years(5)).ok());
    let is_relative = document.grounds.iter().any(|ground| labels::is_relative(ground));
    regime == Regime::Woo && is_relative && five_years_on.is_some_and(|end| end < made)
}

/// The inventarislijst: number, document, assessment, grounds, and a warning where a ground may no longer hold. `made_ms` is when
/// the bundle was made.
///
/// # Errors
/// [`DisclosureError::Io`] or [`DisclosureError::List`].
pub fn inventory(out: impl Write, documents: &[Document], regime: Regime, made_ms: u64) -> Result<(), DisclosureError> {
    let mut list = writer(out)?;
    list.write_record([
        "Nr",
        "Document",
        "Beoordeling",
        "Grond",
        "Berichten",
        "Deels gelakt",
        "Geheel gelakt",
        "Bestand",
        "Opmerking",
    ])?;
    for document in documents {
        let shown = document.open + document.in_part + document.withheld;
        list.write_record([
            cell(&document.number.to_string()),
            cell(&document.name()),
            cell(wording::assessment(regime, document.assessment())),
            cell(&codes(document)),
            shown.to_string(),
            document.in_part.to_string(),
            document.withheld.to_string(),
            file_name(document),
            if is_old(document, regime, made_ms) { OLD.into() } else { String::new() },
        ])?;
    }
    Ok(list.flush()?)
}

/// The productierapport of the Woo platform. `matter` names the request; `case` is the ministry's own number.
///
/// # Errors
/// [`DisclosureError::Io`] or [`DisclosureError::List`].
pub fn production_report(
    out: impl Write,
    documents: &[Document],
    (matter, case): (&str, &str),
    made_ms: u64,
) -> Result<(), DisclosureError> {
    let mut list = writer(out)?;
    list.write_record(PRODUCTION_REPORT)?;
    for document in documents {
        // A day that goes on in another document is one family.
        let family = document.number - document.continues;
        let assessed = document.assessment();
        let covered =
            if assessed == Assessment::Open { "" } else { "gelakte delen zijn in het bewijspakket na te gaan" };
        let old = if is_old(document, Regime::Woo, made_ms) { OLD } else { "" };
        let remark = [covered, old].into_iter().filter(|remark| !remark.is_empty()).collect::<Vec<_>>().join("; ");
        list.write_record([
            document.number.to_string(),
            cell(matter),
            family.to_string(),
            String::new(),
            cell(&document.name()),
            "chat".into(),
            cell(&document.day.iso()),
            cell(wording::assessment(Regime::Woo, assessed)),
            "nee".into(),
            cell(&codes(document)),
            remark,
            String::new(),
            String::new(),
            cell(case),
        ])?;
    }
    Ok(list.flush()?)
}

/// The file of a document in a package: nothing in it that a stranger wrote.
#[must_use]
pub(super) fn file_name(document: &Document) -> String {
    format!("documenten/{:05}.pdf", document.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{Line, Part};
    use zegel_verifier::hash::Hash;

    /// 4 May 2026.
    const MADE_MS: u64 = 1_777_880_000_000;

    fn list(day: Day, ground: &str, regime: Regime) -> String {
        let line = Line { text: vec![Part::Covered(vec![ground.into()])], ..Line::default() };
        let mut out = Vec::new();
        inventory(&mut out, &[Document::of_lines("=1+1", day, Hash::ZERO, &[line])], regime, MADE_MS).expect("a list");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn five_years_later_a_relative_ground_is_warned_of_under_the_woo_only() {
        let day = |year, month, day| Day::On(jiff::civil::Date::new(year, month, day).expect("a day"));
        assert!(list(day(2021, 5, 3), "5.1.2e", Regime::Woo).contains("Woo 5.3"));
        assert!(!list(day(2021, 5, 4), "5.1.2e", Regime::Woo).contains("Woo 5.3"), "five years to the day");
        assert!(list(Day::Within(202_104), "5.2", Regime::Woo).contains("Woo 5.3"));
        assert!(!list(Day::Within(202_105), "5.2", Regime::Woo).contains("Woo 5.3"), "the month's last day counts");
        assert!(!list(Day::Unknown, "5.2", Regime::Woo).contains("Woo 5.3"));
        assert!(!list(day(2021, 5, 3), "5.1.1e", Regime::Woo).contains("Woo 5.3"), "an absolute ground");
        assert!(!list(day(2021, 5, 3), "wpe.19", Regime::Enquete).contains("Woo 5.3"));
    }

    #[test]
    fn what_a_chat_is_called_starts_no_formula() {
        assert!(list(Day::Unknown, "5.2", Regime::Woo).contains(";'=1+1, "));
    }
}
