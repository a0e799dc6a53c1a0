//! Security markings (rubricering) in what was read: content above the level that the ministry permits here is found, so that it can be routed out.
//!
//! A marking is found where its words stand; content that should have been marked and was not is found by nobody here.
//! Not here: the incident record (`officer`). Specification: `specs/officer.md`.

use crate::plan::Pattern;
use crate::reading::{Message, Reading};

/// Name of the policy that says up to which level content may be here; without it, none that is marked.
pub const POLICY: &str = "rubricering_max";
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
    let rank = |level: &str| LEVELS.iter().position(|(name, _)| *name == level).map_or(0, |at| at + 1);
    let permitted = permitted.map_or(0, rank);
    let marked = reading.messages().into_iter().filter_map(|message| {
        let level = level_of(&message.text())?;
        Some((message, level))
    });
    marked.filter(|(_, level)| rank(level) > permitted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
