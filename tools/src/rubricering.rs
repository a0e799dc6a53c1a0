//! Security markings (rubricering): content above the level that the ministry permits here is routed out when it is captured, and found where it was captured
//! before.
//!
//! Two measures. What is routed out is marked as such: a line that begins with the marking, or the marking in capitals. What is only shown to an officer may be a
//! mention: the words of a marking, wherever they stand. Content that should have been marked and was not is found by nobody here.
//! Not here: the incident record (`officer`, the session). Specification: `specs/officer.md`.

use crate::event::Field;
use crate::plan::Pattern;
use crate::reading::{Message, Reading};
use crate::record::{Attached, Record};
use zegel_proto::v1::ChatDetail;

/// Name of the policy that says up to which level content may be here; without it, none that is marked.
pub const POLICY: &str = "rubricering_max";
/// What the detail of an event says whose content was routed out.
pub const ROUTED_OUT: &str = "routed_out";
/// Words before a marking that make it one.
const LABELS: [&str; 3] = ["rubricering", "classificatie", "merking"];
/// Code of the incident record.
pub const INCIDENT: &str = "rubricering";

/// Levels, the lowest first, with the words by which each is marked.
const LEVELS: [(&str, &[&str]); 4] = [
    ("departementaal_vertrouwelijk", &["departementaal vertrouwelijk", "dep.v", "dep. v", "dep vertrouwelijk", "depv"]),
    (
        "stg_confidentieel",
        &["stg. confidentieel", "stg confidentieel", "staatsgeheim confidentieel", "stg.c", "stg. c"],
    ),
    ("stg_geheim", &["stg. geheim", "stg geheim", "staatsgeheim geheim", "stg.g", "stg. g"]),
    ("stg_zeer_geheim", &["stg. zeer geheim", "stg zeer geheim", "staatsgeheim zeer geheim", "stg.zg", "stg. zg"]),
];

/// Whether a level is one.
#[must_use]
pub fn is_level(level: &str) -> bool {
    LEVELS.iter().any(|(name, _)| *name == level)
}

/// The highest level that a text is marked with.
#[must_use]
pub fn level_of(text: &str) -> Option<&'static str> {
    let is_marked = |words: &[&str]| words.iter().any(|words| !Pattern::Name((*words).into()).find(text).is_empty());
    LEVELS.iter().rev().find(|(_, words)| is_marked(words)).map(|(name, _)| *name)
}

/// Messages that are marked above a level, each with its marking.
#[must_use]
pub fn above(reading: &Reading, permitted: Option<&str>) -> Vec<(Message, &'static str)> {
    let permitted = permitted.map_or(0, rank);
    let marked = reading.messages().into_iter().filter_map(|message| {
        let level = level_of(&message.text())?;
        Some((message, level))
    });
    marked.filter(|(_, level)| rank(level) > permitted).collect()
}

/// How high a level is, from 1; 0 is none.
fn rank(level: &str) -> usize {
    LEVELS.iter().position(|(name, _)| *name == level).map_or(0, |at| at + 1)
}

/// The highest level that a text is marked with, and does not only mention.
#[must_use]
pub fn marking_of(text: &str) -> Option<&'static str> {
    let is_marked = |words: &[&str]| words.iter().any(|words| text.lines().any(|line| marks(line, words)));
    LEVELS.iter().rev().find(|(_, words)| is_marked(words)).map(|(name, _)| *name)
}

/// Whether a line bears these words as a marking.
fn marks(line: &str, words: &str) -> bool {
    let bytes = line.as_bytes();
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    let stands = |from: usize| {
        let to = from + words.len();
        let found = bytes.get(from..to).is_some_and(|found| found.eq_ignore_ascii_case(words.as_bytes()));
        let before = from.checked_sub(1).and_then(|at| bytes.get(at));
        found && !before.is_some_and(is_letter) && !bytes.get(to).is_some_and(is_letter)
    };
    let bears = |from: usize| {
        let (before, marking) = (&line[..from], &line[from..from + words.len()]);
        let before = before.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
        let last = marking.rsplit([' ', '.']).next().unwrap_or_default();
        let shown = if last.len() > 1 { last } else { marking };
        before.is_empty() || LABELS.contains(&before.as_str()) || !shown.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    (0..bytes.len()).filter(|from| stands(*from)).any(bears)
}

/// A record as it goes into the log: marked above the permitted level, nothing stays of it but that it was there. Where no level is set, nothing is
/// routed out.
#[must_use]
pub fn routed_out(record: Record, permitted: Option<&str>) -> (Record, bool) {
    let text = |field: &Field<Vec<u8>>| match field {
        Field::Value(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    };
    let names = match &record.attachments {
        Field::Value(attached) => attached.iter().map(Attached::name).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    };
    let marked = [text(&record.text), names].iter().filter_map(|words| marking_of(words)).map(rank).max();
    if permitted.is_none_or(|permitted| marked <= Some(rank(permitted))) {
        return (record, false);
    }
    let detail = ChatDetail { what: ROUTED_OUT.into(), certain: true, ..ChatDetail::default() };
    let nothing = Record {
        reply_to: Field::Unknown,
        detail: Field::Value(detail),
        attachments: Field::Unknown,
        as_written: Field::Unknown,
        text: Field::Unknown,
        ..record
    };
    (nothing, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marking_begins_a_line_or_stands_in_capitals_and_a_mention_does_neither() {
        let confidential = Some("stg_confidentieel");
        for marked in [
            "Stg. CONFIDENTIEEL\nhet plan",
            "Stg. Confidentieel: het plan",
            "*Stg. confidentieel*",
            "(stg. confidentieel) zie bijlage",
            "Rubricering: Stg. Confidentieel",
            "eerste regel\nSTG. CONFIDENTIEEL",
            "het stuk is STG. CONFIDENTIEEL",
        ] {
            assert_eq!(marking_of(marked), confidential, "{marked:?}");
        }
        for mention in [
            "is dat stuk stg. confidentieel?",
            "dit is confidentieel",
            "CONFIDENTIEEL",
            "Stg. confidentieelachtig",
            "post-stg.confidentieelé",
            "dat is geheim",
            "",
        ] {
            assert_eq!(marking_of(mention), None, "{mention:?}");
        }
        assert_eq!(marking_of("Dep.V\nStg. ZEER GEHEIM"), Some("stg_zeer_geheim"));
    }

    #[test]
    fn what_is_marked_above_the_permitted_level_keeps_its_place_and_nothing_of_its_content() {
        use zegel_proto::v1::EventKind;
        use zegel_verifier::hash::Hash;
        let record = |text: &str, name: &str| Record {
            sender: Field::Value("Bram".into()),
            as_written: Field::Value(b"14-05-2026 - Bram: ".to_vec()),
            text: Field::Value(text.as_bytes().to_vec()),
            attachments: Field::Value(vec![Attached::LeftOut { name: name.into(), media_type: String::new() }]),
            ..Record::new(EventKind::MessageCreated, Hash::ZERO, Hash::ZERO)
        };
        let permitted = Some("departementaal_vertrouwelijk");
        for (text, name) in [("Stg. GEHEIM: plan", ""), ("zie bijlage", "STG. GEHEIM plan.pdf")] {
            let (left, is_routed) = routed_out(record(text, name), permitted);
            assert!(is_routed, "{text:?} {name:?}");
            assert_eq!(
                (left.text, left.as_written, left.attachments),
                (Field::Unknown, Field::Unknown, Field::Unknown)
            );
            assert_eq!(left.sender, Field::Value("Bram".into()));
        }
        for (text, permitted) in [
            ("Dep.V: plan", permitted),
            ("is dat geheim?", permitted),
            ("Stg. GEHEIM: plan", Some("stg_geheim")),
            ("Stg. GEHEIM: plan", None),
        ] {
            let as_is = record(text, "plan.pdf");
            assert_eq!(routed_out(as_is.clone(), permitted), (as_is, false), "{text:?}");
        }
    }

    #[test]
    fn the_highest_marking_counts_and_a_word_that_only_looks_like_one_does_not() {
        assert_eq!(level_of("DEP.V: zie bijlage"), Some("departementaal_vertrouwelijk"));
        assert_eq!(level_of("Dep.V, later Stg. Zeer Geheim"), Some("stg_zeer_geheim"));
        assert_eq!(level_of("Stg. Geheim"), Some("stg_geheim"));
        assert_eq!(level_of("dat is vertrouwelijk en geheim"), None);
        assert_eq!(level_of("dep.versie 2"), None);
        assert!(is_level("stg_geheim") && !is_level("geheim"));
    }
}
