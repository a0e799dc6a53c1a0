//! How far a scrub is, and what it found: a small file beside its copy.
//!
//! What if we stop while it is written? It is replaced whole, and not synced: the older one, or none, means that some of a pass
//! is read twice. One that does not read is none.

use crate::check::Finding;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Findings that are kept; a store with more is lost, and the first ones say where.
const FOUND_MAX: usize = 100;

/// What a pass is reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// Nothing: no pass is under way.
    #[default]
    Rest,
    /// Entries, and all that lies beside them.
    Entries,
    /// Projections.
    Projections,
    /// Attachments.
    Blobs,
}

/// A finding, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Stable id of its kind.
    pub(crate) id: String,
    /// Entry at fault, where there is one.
    pub(crate) entry: Option<u64>,
    /// One sentence.
    pub(crate) reason: String,
}

impl From<&Finding> for Found {
    fn from(finding: &Finding) -> Self {
        Self { id: finding.id.into(), entry: finding.entry, reason: finding.reason.clone() }
    }
}

impl Found {
    /// Whether something that will be signed rests on what is damaged. What lies sealed beside an entry does not.
    pub(crate) fn stops(&self) -> bool {
        !["sealed", "blob", "keys"].contains(&self.id.as_str())
    }
}

/// How far a scrub is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Position {
    pub(crate) phase: Phase,
    /// Entries of the copy that is read.
    pub(crate) size: u64,
    /// The entry, or the first byte of the hashes of blobs, that comes next.
    pub(crate) next: u64,
    /// Of this pass.
    pub(crate) found: Vec<Found>,
    /// Of the pass before it.
    pub(crate) found_before: Vec<Found>,
    /// When the last whole pass ended, in milliseconds since 1970.
    pub(crate) passed_ms: u64,
}

const FILE: &str = "position";

impl Position {
    /// The position that a folder keeps.
    pub(crate) fn read(folder: &Path) -> Self {
        let text = std::fs::read(folder.join(FILE)).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Keeps it.
    pub(crate) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let next = folder.join("position.next");
        std::fs::write(&next, serde_json::to_vec(self).unwrap_or_default())?;
        std::fs::rename(next, folder.join(FILE))
    }

    /// Notes a finding; false if there are enough.
    pub(crate) fn take(&mut self, found: Found) -> bool {
        let is_room = self.found.len() < FOUND_MAX;
        if is_room {
            self.found.push(found);
        }
        is_room
    }

    /// What stands: found in this pass or, while that is clean, in the one before it.
    pub(crate) fn standing(&self) -> &[Found] {
        if self.found.is_empty() { &self.found_before } else { &self.found }
    }

    /// Goes on to another part.
    pub(crate) fn enter(&mut self, phase: Phase) {
        (self.phase, self.next) = (phase, 0);
    }

    /// The pass is whole.
    pub(crate) fn pass(&mut self, now_ms: u64) {
        self.enter(Phase::Rest);
        self.found_before = std::mem::take(&mut self.found);
        self.passed_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str) -> Found {
        Found { id: id.into(), entry: Some(7), reason: "rotten".into() }
    }

    #[test]
    fn what_was_found_stands_until_a_whole_pass_finds_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(Position::read(folder.path()), Position::default());
        let mut position = Position { phase: Phase::Entries, size: 9, next: 3, ..Position::default() };
        assert!(position.take(found("entry")));
        position.pass(5);
        position.write(folder.path()).expect("written");
        assert_eq!(Position::read(folder.path()), position);
        position.enter(Phase::Entries);
        assert_eq!(position.standing(), [found("entry")]);
        position.pass(6);
        assert_eq!(position.standing(), []);
        std::fs::write(folder.path().join(FILE), b"{\"phase\":\"entr").expect("written");
        assert_eq!(Position::read(folder.path()), Position::default());
    }

    #[test]
    fn only_what_nothing_signed_rests_on_lets_the_log_go_on() {
        let goes_on = ["entry", "sealed", "checkpoint", "guard", "projection", "snapshot", "store", "blob", "keys"]
            .into_iter()
            .filter(|id| !found(id).stops());
        assert_eq!(goes_on.collect::<Vec<_>>(), ["sealed", "blob", "keys"]);
    }
}
