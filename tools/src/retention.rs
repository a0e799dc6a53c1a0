//! Terms: a selection list as versioned data, and what falls due when.
//!
//! The list is the policy `selection_list` of the log: a first line with its name and version, then a line for each category,
//! `code;B|V;months;trigger;label`. Terms change by a new list, visibly; which category a message has is an act of an officer. Holds
//! are independent of terms. Not here: destruction. Specification: `specs/officer.md`.

use crate::acts::{Acts, Target};
use crate::export::Spot;
use crate::officer::OfficerError;
use crate::reading::Reading;
use serde::Serialize;
use zegel_verifier::bundle::calendar::Moment;
use zegel_verifier::hash::Hash;
use zegel_verifier::registry::Registry;

/// Keep for ever, or destroy after a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Appraisal {
    /// Blijvend te bewaren: kept.
    B,
    /// Te vernietigen: destroyed after its term.
    V,
}

/// When a term begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// At the end of the month in which it was said.
    Month,
    /// At the moment that the assignment states: a case closed, a function left.
    Stated,
}

/// A category of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Category {
    /// Its code.
    pub code: String,
    /// Keep or destroy.
    pub appraisal: Appraisal,
    /// The term, in months; 0 with B.
    pub months: u32,
    /// When the term begins.
    pub trigger: Trigger,
    /// For people.
    pub label: String,
}

/// A selection list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SelectionList {
    version: String,
    categories: Vec<Category>,
}

impl SelectionList {
    /// Name of the policy that holds it.
    pub const POLICY: &'static str = "selection_list";

    /// Reads a list.
    ///
    /// # Errors
    /// [`OfficerError::List`] with the first line that is none.
    pub fn parse(text: &str) -> Result<Self, OfficerError> {
        let refuse = |line, reason| Err(OfficerError::List { what: "selection list", line, reason });
        let mut lines = text.lines();
        let version = lines.next().unwrap_or_default().trim();
        if version.is_empty() || version.contains(';') {
            return refuse(1, "the first line is the name and version of the list");
        }
        let mut list = Self { version: version.into(), categories: Vec::new() };
        for (line, text) in (2..).zip(lines).filter(|(_, text)| !text.trim().is_empty()) {
            match category(text) {
                Ok(found) if list.category(&found.code).is_some() => return refuse(line, "the code is there twice"),
                Ok(found) => list.categories.push(found),
                Err(reason) => return refuse(line, reason),
            }
        }
        Ok(list)
    }

    /// The list that the log publishes now; empty if it never did.
    ///
    /// # Errors
    /// [`OfficerError::List`].
    pub fn in_force(registry: Option<&Registry>) -> Result<Self, OfficerError> {
        registry.and_then(|registry| registry.policy(Self::POLICY)).map_or_else(|| Ok(Self::default()), Self::parse)
    }

    /// Name and version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A category by its code.
    #[must_use]
    pub fn category(&self, code: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.code == code)
    }

    /// All codes.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.categories.iter().map(|category| category.code.as_str())
    }
}

fn category(text: &str) -> Result<Category, &'static str> {
    let fields: Vec<&str> = text.splitn(5, ';').map(str::trim).collect();
    let [code, appraisal, months, trigger, label] = fields.as_slice() else {
        return Err("a category is code;B|V;months;trigger;label");
    };
    let appraisal = match *appraisal {
        "B" => Appraisal::B,
        "V" => Appraisal::V,
        _ => return Err("appraisal is B or V"),
    };
    let months = match (appraisal, *months) {
        (Appraisal::B, "") => 0,
        (Appraisal::B, _) => return Err("what is kept for ever has no term"),
        (Appraisal::V, months) => {
            months.parse().ok().filter(|m| (1..=1_200).contains(m)).ok_or("a term is 1 to 1200 months")?
        }
    };
    let trigger = match (appraisal, *trigger) {
        (_, "month") | (Appraisal::B, "") => Trigger::Month,
        (_, "stated") => Trigger::Stated,
        _ => return Err("a trigger is month or stated"),
    };
    if code.is_empty() || code.len() > 64 {
        return Err("a code has 1 to 64 bytes");
    }
    Ok(Category { code: (*code).into(), appraisal, months, trigger, label: (*label).into() })
}

/// The month after which something falls due, as year * 100 + month.
fn later(month: u32, months: u32) -> u32 {
    let count = (month / 100) * 12 + (month % 100 - 1) + months;
    count / 12 * 100 + count % 12 + 1
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
            (Trigger::Month, 1.., _) => Term::Due { month: later(target.month, category.months) },
            (Trigger::Stated, _, 1..) => Term::Due { month: later(month_of(stated), category.months) },
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str =
        "BZK chat/2026-1\n1.1;B;;;Bewindspersonen\n2.3;V;84;month;Ambtelijke top\n2.4;V;12;stated;Na vertrek\n";

    #[test]
    fn a_list_is_read_whole() {
        let list = SelectionList::parse(LIST).expect("a list");
        assert_eq!((list.version(), list.codes().collect::<Vec<_>>()), ("BZK chat/2026-1", vec!["1.1", "2.3", "2.4"]));
        assert_eq!(list.category("2.3").map(|found| (found.appraisal, found.months)), Some((Appraisal::V, 84)));
    }

    #[test]
    fn refuses_a_list_that_could_be_read_in_two_ways() {
        let refused = |line, reason| Err(OfficerError::List { what: "selection list", line, reason });
        let parse = SelectionList::parse;
        assert_eq!(parse(""), refused(1, "the first line is the name and version of the list"));
        assert_eq!(parse("1.1;B;;;x"), refused(1, "the first line is the name and version of the list"));
        assert_eq!(parse("l/1\n1.1;N;12;month;x"), refused(2, "appraisal is B or V"));
        assert_eq!(parse("l/1\n1.1;B;12;month;x"), refused(2, "what is kept for ever has no term"));
        assert_eq!(parse("l/1\n1.1;V;0;month;x"), refused(2, "a term is 1 to 1200 months"));
        assert_eq!(parse("l/1\n1.1;V;12;ooit;x"), refused(2, "a trigger is month or stated"));
        assert_eq!(parse("l/1\n1.1;B;;;x\n1.1;B;;;x"), refused(3, "the code is there twice"));
    }

    #[test]
    fn a_term_ends_so_many_months_later() {
        assert_eq!(later(202_605, 12), 202_705);
        assert_eq!(later(202_612, 1), 202_701);
        assert_eq!(later(202_601, 11), 202_612);
        assert_eq!(later(202_605, 84), 203_305);
    }
}
