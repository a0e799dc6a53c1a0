//! Findings: what does not refuse a bundle, and must be known to whoever relies on it.
//!
//! Invariant: what is alike is one finding with a count and its first place, so that findings stay few however large the
//! bundle is. Specification: `specs/findings.md`.

use super::Place;
use crate::hash::Hash;
use serde::Serialize;

/// Findings of one id that are told apart; the rest is counted with the last one.
const ALIKE_MAX: usize = 100;

/// How much a finding weighs. By default the command accepts information and warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Says how far a claim goes.
    Info,
    /// Something to look into.
    Warning,
    /// Something is wrong, though what is shown is what was logged.
    Error,
}

/// Which of the four claims a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum About {
    Completeness,
    Authenticity,
    Immutability,
    Custody,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name.
    pub id: &'static str,
    /// Its weight.
    pub severity: Severity,
    /// The claim that it is about.
    pub about: About,
    /// Where it was found first; `None` if it is about the whole bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// How often.
    pub count: u64,
    /// In Dutch.
    pub nl: String,
    /// In English.
    pub en: String,
}

impl Finding {
    /// A finding about the whole bundle.
    pub(crate) fn of(id: &'static str, severity: Severity, about: About, nl: String, en: String) -> Self {
        Self { id, severity, about, place: None, count: 1, nl, en }
    }

    /// Two ids whose registrations name the same account or name.
    pub(crate) fn custodian_split(one: Hash, other: Hash) -> Self {
        let nl = format!(
            "De registraties van {one} en {other} noemen dezelfde naam of hetzelfde account: één persoon kan over twee kenmerken zijn verdeeld."
        );
        let en = format!(
            "The registrations of {one} and {other} name the same person or account: one custodian may be split over two ids."
        );
        Self::of("CUSTODIAN_SPLIT", Severity::Warning, About::Completeness, nl, en)
    }

    pub(crate) fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    pub(crate) fn times(self, count: u64) -> Self {
        Self { count, ..self }
    }
}

/// All findings of a bundle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Adds a finding, or counts it with one that is alike.
    pub(crate) fn add(&mut self, finding: Finding) {
        if let Some(same) = self.list.iter_mut().find(|each| each.id == finding.id && each.en == finding.en) {
            same.count += finding.count;
            return;
        }
        let alike = self.list.iter().filter(|each| each.id == finding.id).count();
        match self.list.iter_mut().rfind(|each| each.id == finding.id) {
            Some(last) if alike >= ALIKE_MAX => last.count += finding.count,
            _ => self.list.push(finding),
        }
    }

    /// All so far, in the order in which they were found.
    pub(crate) fn as_slice(&self) -> &[Finding] {
        &self.list
    }

    /// All, the gravest first.
    pub(crate) fn into_sorted(mut self) -> Vec<Finding> {
        self.list.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.id));
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(reason: usize) -> Finding {
        let text = format!("gap {reason}");
        Finding::of("DECLARED_GAP", Severity::Warning, About::Completeness, text.clone(), text)
    }

    #[test]
    fn findings_that_are_alike_are_counted_and_their_number_is_bounded() {
        let mut findings = Findings::default();
        findings.add(gap(0).at(Place::event(1, 2)));
        findings.add(gap(0).at(Place::event(3, 4)));
        (1..500).for_each(|reason| findings.add(gap(reason)));
        let all = findings.into_sorted();
        assert_eq!(all.len(), ALIKE_MAX);
        assert_eq!((all[0].count, all[0].place), (2, Some(Place::event(1, 2))));
        assert_eq!(all.iter().map(|each| each.count).sum::<u64>(), 501);
    }
}
