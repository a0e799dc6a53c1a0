//! A review sheet: messages as rows of a table that people fill in elsewhere, and the decisions that come back.
//!
//! Invariants: what a chat says can be no formula, no control character and no direction mark in a cell; of a sheet that comes back only the
//! place and the columns for decisions are used, never the words; a row whose place is not in what was read refuses the sheet. The file
//! holds words of chats: it is for its owner only (0600). Specification: `specs/officer.md`.

use crate::acts::{Acts, Target};
use crate::disk::{self, DiskError, Readers};
use crate::export::Spot;
use crate::officer::{TESTS, normalise_ground};
use crate::plan::{Choice, Hit};
use crate::reading::Reading;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use thiserror::Error;
use zegel_verifier::bundle::plain::plain;

/// Columns, in order. The first is what a row is known by, the last five are filled in.
const COLUMNS: [&str; 14] = [
    "plaats",
    "tijd",
    "gesprek",
    "chathouder",
    "kanaal",
    "soort",
    "afzender",
    "tekst",
    "bijlagen",
    "klasse",
    "nieuwe_klasse",
    "toets",
    "lakken",
    "gronden",
];
const PLACE: usize = 0;
const NEW_CLASS: usize = 10;
const TEST: usize = 11;
const COVER: usize = 12;
const GROUNDS: usize = 13;

/// Why a sheet is not taken back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SheetError {
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Not a table.
    #[error("{path} is not a review sheet: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A row about an event that was not read.
    #[error("row {row}: {place:?} is not the place of a message that was read")]
    Place {
        /// Counted from 1, the heading included.
        row: usize,
        /// As written.
        place: String,
    },
    /// Two rows about one event.
    #[error("row {row}: {place} has a row already")]
    Twice {
        /// Counted from 1, the heading included.
        row: usize,
        /// The place.
        place: String,
    },
    /// A cell that says nothing that can be done.
    #[error("row {row}, column {column}: {found:?}: {wanted}")]
    Cell {
        /// Counted from 1, the heading included.
        row: usize,
        /// The column.
        column: &'static str,
        /// As written.
        found: String,
        /// What can stand there.
        wanted: &'static str,
    },
}

/// Decisions of a sheet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reviewed {
    /// Events by new class and test.
    pub classes: BTreeMap<(String, String), Vec<Spot>>,
    /// What is to be covered, confirmed by who filled it in.
    pub hits: Vec<Hit>,
}

/// A cell that no spreadsheet runs and no terminal obeys.
#[must_use]
pub fn cell(text: &str) -> String {
    let text = plain(&text.replace("\r\n", "\n").replace('\n', " ⏎ "));
    let is_formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']);
    if is_formula { format!("'{text}") } else { text }
}

/// Words with their numbers, so that they can be named in the column `lakken`.
fn numbered(words: &[String]) -> String {
    let word = |(number, word): (usize, &String)| format!("⟨{number}⟩{word}");
    words.iter().enumerate().map(word).collect()
}

/// Writes the messages of a reading that `wanted` takes as a new sheet. Gives how many rows it has.
///
/// # Errors
/// [`SheetError::Disk`] if the file is there already.
pub fn write_sheet(reading: &Reading, wanted: impl Fn(&str) -> bool, path: &Path) -> Result<usize, SheetError> {
    let acts = Acts::of(reading);
    let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::from("\u{feff}"));
    let malformed =
        |reason: csv::Error| SheetError::Malformed { path: path.display().to_string(), reason: reason.to_string() };
    writer.write_record(COLUMNS).map_err(malformed)?;
    let mut rows = 0;
    for message in reading.messages().into_iter().filter(|message| wanted(&message.place)) {
        let class =
            reading.event(message.spot).and_then(|event| Some(acts.class_of(&Target::of(event))?.code().to_owned()));
        let record = [
            message.place.clone(),
            message.time.clone(),
            message.conversation.clone(),
            message.custodian.clone(),
            message.channel.into(),
            message.kind.into(),
            message.sender.clone(),
            numbered(&message.words),
            message.attachments.join(", "),
            class.unwrap_or_default(),
        ];
        let empty = std::iter::repeat_n(String::new(), COLUMNS.len() - record.len());
        writer.write_record(record.iter().map(|text| cell(text)).chain(empty)).map_err(malformed)?;
        rows += 1;
    }
    let bytes = writer
        .into_inner()
        .map_err(|reason| SheetError::Malformed { path: path.display().to_string(), reason: reason.to_string() })?;
    disk::write_new(path, &bytes, Readers::Owner)?;
    Ok(rows)
}

/// Takes a sheet back.
///
/// # Errors
/// [`SheetError`] with the first row that is wrong: nothing of a sheet is done by halves.
pub fn read_sheet(reading: &Reading, path: &Path) -> Result<Reviewed, SheetError> {
    let bytes = disk::read(path)?;
    let malformed = |reason: &str| SheetError::Malformed { path: path.display().to_string(), reason: reason.into() };
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed("it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let delimiter = if text.lines().next().unwrap_or_default().contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let headings = reader.headers().map_err(|reason| malformed(&reason.to_string()))?.clone();
    let at = |column: usize| headings.iter().position(|name| name.trim() == COLUMNS[column]);
    let columns = [PLACE, NEW_CLASS, TEST, COVER, GROUNDS].map(at);
    let [Some(place), Some(class), Some(test), Some(cover), Some(grounds)] = columns else {
        return Err(malformed("the columns plaats, nieuwe_klasse, toets, lakken and gronden are wanted"));
    };
    let mut reviewed = Reviewed::default();
    let mut seen = BTreeSet::new();
    for (row, record) in (2..).zip(reader.records()) {
        let record = record.map_err(|reason| malformed(&reason.to_string()))?;
        let cell = |column: usize| record.get(column).unwrap_or_default().trim().trim_start_matches('\'').to_owned();
        let found = Row {
            row,
            place: cell(place),
            class: cell(class),
            test: cell(test),
            cover: cell(cover),
            grounds: cell(grounds),
        };
        found.take(reading, &mut seen, &mut reviewed)?;
    }
    Ok(reviewed)
}

struct Row {
    row: usize,
    place: String,
    class: String,
    test: String,
    cover: String,
    grounds: String,
}

impl Row {
    fn take(self, reading: &Reading, seen: &mut BTreeSet<Spot>, reviewed: &mut Reviewed) -> Result<(), SheetError> {
        let row = self.row;
        let no_place = || SheetError::Place { row, place: self.place.clone() };
        let event = Spot::parse(&self.place).and_then(|spot| reading.event(spot)).ok_or_else(no_place)?;
        if !seen.insert(event.spot) {
            return Err(SheetError::Twice { row, place: self.place });
        }
        if !self.class.is_empty() {
            let test = if self.test.is_empty() { "content".into() } else { self.test.clone() };
            if !TESTS.contains(&test.as_str()) {
                let wanted = "contact or content";
                return Err(SheetError::Cell { row, column: COLUMNS[TEST], found: self.test, wanted });
            }
            reviewed.classes.entry((self.class.clone(), test)).or_default().push(event.spot);
        }
        let bad = || SheetError::Cell {
            row,
            column: COLUMNS[COVER],
            found: self.cover.clone(),
            wanted: "alles, or numbers of words as 3-5,8",
        };
        let words =
            event.body.as_ref().map_or(0, |(_, body)| body.items(zegel_verifier::kinds::chat::TEXT).len() as u32);
        let grounds: Vec<String> =
            self.grounds.split([',', ' ']).filter(|code| !code.is_empty()).map(normalise_ground).collect();
        for part in self.cover.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (slot, first, count) = match part {
                "alles" => ("event", 0, 0),
                part => run(part, words).map(|(first, count)| ("text", first, count)).ok_or_else(bad)?,
            };
            reviewed.hits.push(Hit {
                place: self.place.clone(),
                slot: slot.into(),
                first,
                count,
                grounds: grounds.clone(),
                why: "beoordelingslijst".into(),
                at_ms: event.body.as_ref().map_or(0, |(binding, _)| binding.occurred_at_ms),
                choice: Choice::Cover,
                ..Hit::default()
            });
        }
        Ok(())
    }
}

fn run(text: &str, words: u32) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && last < words).then(|| (first, last - first + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_turns_the_text_around() {
        for formula in ["=1+1", "+31 6", "-2", "@SUM(A1)", " =cmd|' /C calc'!A0", "＝1", "|x", "%0A"] {
            assert!(cell(formula).starts_with('\''), "{formula:?} became {:?}", cell(formula));
        }
        assert_eq!(cell("a\u{202e}b\tc\u{0}"), "a\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(cell("regel\r\nnog een"), "regel ⏎ nog een");
        assert_eq!(cell("\t=1"), "\u{fffd}=1");
        assert_eq!(cell("gewoon"), "gewoon");
    }

    #[test]
    fn a_run_of_words_ends_where_the_message_does() {
        assert_eq!((run("3-5", 6), run("8", 9), run("0", 1)), (Some((3, 3)), Some((8, 1)), Some((0, 1))));
        assert_eq!((run("3-5", 5), run("5-3", 9), run("x", 9), run("-1", 9)), (None, None, None, None));
    }
}
