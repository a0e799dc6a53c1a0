//! A selection list as versioned data: which categories of records are kept, and after how many months others are destroyed.
//!
//! The list is the policy `selection_list` of a log: a first line with its name and version, then a line for each category,
//! `code;B|V;months;trigger;label`. Not here: which category an event has (an act of an officer), holds. Specification: `specs/officer.md`.

use crate::registry::Registry;
use serde::Serialize;
use thiserror::Error;

/// A line that could be read in two ways, or in none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("selection list, line {line}: {reason}")]
pub struct SelectionListError {
    /// Counted from 1.
    pub line: usize,
    /// Why.
    pub reason: &'static str,
}

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

impl Category {
    /// The month at whose end a term falls due that began in this one; both as year × 100 + month.
    #[must_use]
    pub fn due(&self, begins: u32) -> u32 {
        let count = (begins / 100) * 12 + (begins % 100).saturating_sub(1) + self.months;
        count / 12 * 100 + count % 12 + 1
    }
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
    /// [`SelectionListError`] with the first line that is none.
    pub fn parse(text: &str) -> Result<Self, SelectionListError> {
        let refuse = |line, reason| Err(SelectionListError { line, reason });
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
    /// [`SelectionListError`].
    pub fn in_force(registry: Option<&Registry>) -> Result<Self, SelectionListError> {
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
        let refused = |line, reason| Err(SelectionListError { line, reason });
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
        let list = SelectionList::parse("l/1\n12;V;12;month;x\n1;V;1;month;x\n11;V;11;month;x\n84;V;84;month;x");
        let list = list.expect("a list");
        let due = |code, month| list.category(code).map(|category| category.due(month));
        assert_eq!(due("12", 202_605), Some(202_705));
        assert_eq!(due("1", 202_612), Some(202_701));
        assert_eq!(due("11", 202_601), Some(202_612));
        assert_eq!(due("84", 202_605), Some(203_305));
    }
}
