//! Terms: a selection list as versioned data, and what falls due when.
//!
//! The list is the policy `selection_list` of the log, which the verifier reads too. Terms change by a new list, visibly; which category
//! a message has is an act of an officer. Holds are independent of terms. Not here: destruction. Specification: `specs/officer.md`.

use crate::acts::{Acts, Target};
use crate::export::Spot;
use crate::reading::Reading;
use serde::Serialize;
use zegel_verifier::bundle::calendar::Moment;
use zegel_verifier::hash::Hash;
pub use zegel_verifier::selection::{Appraisal, Category, SelectionList, SelectionListError, Trigger};

impl From<SelectionListError> for crate::desk::DeskError {
    fn from(reason: SelectionListError) -> Self {
        Self::Officer(reason.into())
    }
}

/// The month of a moment.
#[must_use]
pub fn month_of(at_ms: u64) -> u32 {
    let at = Moment::at(at_ms);
    at.year as u32 * 100 + at.month
}

/// How an event stands with its term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Term {
    /// Nobody assigned a category that the list in force has.
    Unassigned,
    /// Kept for ever.
    Kept,
    /// Its term is not known yet: the month is unknown, or the moment was not stated.
    Open,
    /// Falls due at the end of this month.
    Due {
        /// The month.
        month: u32,
    },
}

/// How an event stands: by its category now and the list in force, and never by the list at the time.
#[must_use]
pub fn term(acts: &Acts, list: &SelectionList, target: &Target) -> (String, Term) {
    let Some(assigned) = acts.retention_of(target) else { return (String::new(), Term::Unassigned) };
    let code = assigned.code().to_owned();
    let stated = assigned.selection().map_or(0, |selection| selection.until_ms);
    let term = match list.category(&code) {
        None => Term::Unassigned,
        Some(category) if category.appraisal == Appraisal::B => Term::Kept,
        Some(category) => match (category.trigger, target.month, stated) {
            (Trigger::Month, 1.., _) => Term::Due { month: category.due(target.month) },
            (Trigger::Stated, _, 1..) => Term::Due { month: category.due(month_of(stated)) },
            _ => Term::Open,
        },
    };
    (code, term)
}

/// One line of the overview: a month of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DueRow {
    /// The conversation.
    #[serde(with = "crate::hex::field")]
    pub id: Hash,
    /// Its title.
    pub title: String,
    /// The month; 0 is unknown.
    pub month: u32,
    /// Events of it.
    pub events: u64,
    /// Category, or empty.
    pub category: String,
    /// How it stands.
    pub term: Term,
    /// The reason of a hold that keeps it.
    pub held: Option<String>,
    /// Its term has passed.
    pub is_past: bool,
}

/// What falls due when, by conversation and month, the earliest first. Single events that were assigned otherwise are not told apart.
#[must_use]
pub fn overview(
    reading: &Reading,
    acts: &Acts,
    list: &SelectionList,
    conversations: &[Hash],
    now_ms: u64,
) -> Vec<DueRow> {
    let now = month_of(now_ms);
    let mut rows = Vec::new();
    for id in conversations {
        for (month, events) in reading.months.get(id).into_iter().flatten() {
            let target = Target {
                spot: Spot { entry: u64::MAX, position: 0 },
                conversation: Some(*id),
                custodian: None,
                month: *month,
            };
            let (category, term) = term(acts, list, &target);
            let held = acts
                .hold_on(&target)
                .map(|hold| if hold.reason.is_empty() { &hold.decision } else { &hold.reason }.clone());
            let is_past = matches!(term, Term::Due { month } if month < now);
            let title = reading.names.get(id).cloned().unwrap_or_else(|| id.to_string());
            rows.push(DueRow { id: *id, title, month: *month, events: *events, category, term, held, is_past });
        }
    }
    let due = |row: &DueRow| if let Term::Due { month } = row.term { month } else { u32::MAX };
    rows.sort_by_key(|row| (due(row), row.title.clone(), row.month));
    rows
}
