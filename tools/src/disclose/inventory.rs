//! The lists of a disclosure, as CSV: the inventarislijst, and the columns of the Woo platform's productierapport.
//!
//! UTF-8 with a byte order mark: without it the spreadsheet that officers use reads "coÃ¶rdinatie", and with it every reader
//! of RFC 4180 that we know still reads the first column. Semicolons, as Dutch spreadsheets expect. Every cell is text.

use super::DisclosureError;
use super::cell::cell;
use super::wording::{self, Regime};
use crate::documents::{Assessment, Document};
use std::io::Write;

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

/// The inventarislijst: number, document, assessment, grounds.
///
/// # Errors
/// [`DisclosureError::Io`] or [`DisclosureError::List`].
pub fn inventory(out: impl Write, documents: &[Document], regime: Regime) -> Result<(), DisclosureError> {
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
    matter: &str,
    case: &str,
) -> Result<(), DisclosureError> {
    let mut list = writer(out)?;
    list.write_record(PRODUCTION_REPORT)?;
    for document in documents {
        // A day that goes on in another document is one family.
        let family = document.number - document.continues;
        let assessed = document.assessment();
        let remark =
            if assessed == Assessment::Open { "" } else { "gelakte delen zijn in het bewijspakket na te gaan" };
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
            remark.into(),
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
