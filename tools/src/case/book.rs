//! The officer's own book of cases: a convenience, since the log has the same, sealed. For its owner only (0600).

use super::CaseError;
use crate::disclose::Regime;
use crate::disk;
use crate::hex;
use crate::source::Placed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zegel_verifier::hash::Hash;

/// What a term of objection or appeal is noted as.
pub(super) const APPEAL: &str = "beroep";

/// Something that was noted in a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// zoekslag, zienswijze, besluit, wachttijd, beroep.
    pub about: String,
    /// In words.
    pub text: String,
    /// Version of the decision, as the ministry names it; may be empty.
    pub decision: String,
    /// Nothing leaves before, in milliseconds since 1970; 0: no term.
    pub until_ms: u64,
    /// Where it stands in the log.
    pub entry: u64,
    /// Its position.
    pub position: u32,
}

/// The second pair of eyes on one export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Which export.
    #[serde(with = "hex::field")]
    pub export: Hash,
    /// Where it stands in the log.
    pub entry: u64,
    /// Its position.
    pub position: u32,
}

/// A package that left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosure {
    /// Which export it was made of.
    #[serde(with = "hex::field")]
    pub export: Hash,
    /// SHA-256 of the package's list of sums.
    #[serde(with = "hex::field")]
    pub package: Hash,
    /// Who got it.
    pub recipient: String,
    /// The decision that was in force.
    pub decision: String,
    /// Where it stands in the log.
    pub entry: u64,
    /// Its position.
    pub position: u32,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Random id; later acts refer to it.
    #[serde(with = "hex::field")]
    pub id: Hash,
    /// Under which law.
    pub regime: Regime,
    /// Who asks.
    pub requester: String,
    /// What about.
    pub matter: String,
    /// Id of the hold that lasts as long as the case.
    #[serde(with = "hex::field")]
    pub hold: Hash,
    /// Where it was opened.
    pub entry: u64,
    /// Its position.
    pub position: u32,
    /// Searches, views, decisions, terms, in their order.
    pub noted: Vec<Noted>,
    /// What was approved.
    pub approvals: Vec<Approval>,
    /// What left.
    pub disclosures: Vec<Disclosure>,
    /// It has ended.
    pub is_closed: bool,
}

impl Case {
    /// The newest decision.
    #[must_use]
    pub fn decision(&self) -> Option<&Noted> {
        self.noted.iter().rev().find(|noted| noted.about == "besluit")
    }

    /// Until when nothing leaves, in milliseconds since 1970; the latest term counts. A term of appeal keeps nothing back: it keeps the case open.
    #[must_use]
    pub fn waits_until_ms(&self) -> u64 {
        let keeps = |noted: &&Noted| noted.about != APPEAL;
        self.noted.iter().filter(keeps).map(|noted| noted.until_ms).max().unwrap_or(0)
    }

    /// Whether the case, and with it its hold, may end: no term of objection or appeal runs.
    ///
    /// # Errors
    /// [`CaseError::Appeal`] until the latest such term is over.
    pub fn may_close(&self, name: &str, now_ms: u64) -> Result<(), CaseError> {
        let appeals = self.noted.iter().filter(|noted| noted.about == APPEAL);
        let until_ms = appeals.map(|noted| noted.until_ms).max().unwrap_or(0);
        if now_ms >= until_ms {
            return Ok(());
        }
        let until = zegel_verifier::bundle::calendar::Moment::at(until_ms).to_string();
        Err(CaseError::Appeal { name: name.into(), until })
    }

    /// Whether an export of this case may leave now.
    ///
    /// # Errors
    /// The first [`CaseError`] that stands in its way.
    pub fn may_disclose(&self, name: &str, export: Hash, now_ms: u64) -> Result<&Approval, CaseError> {
        let named = || name.to_owned();
        if self.is_closed {
            return Err(CaseError::Closed { name: named() });
        }
        if !self.noted.iter().any(|noted| noted.about == "zoekslag") {
            return Err(CaseError::NoSearch { name: named() });
        }
        let decided = self.decision().ok_or_else(|| CaseError::NoDecision { name: named() })?;
        let until_ms = self.waits_until_ms();
        if now_ms < until_ms {
            let until = zegel_verifier::bundle::calendar::Moment::at(until_ms).to_string();
            return Err(CaseError::Waits { name: named(), until });
        }
        let approved = self.approvals.iter().rfind(|approval| approval.export == export);
        let approved = approved.ok_or_else(|| CaseError::NotApproved { name: named(), export: export.to_string() })?;
        // What was approved under one version of the decision is not what the next one says.
        if (approved.entry, approved.position) < (decided.entry, decided.position) {
            let decision = decided.decision.clone();
            return Err(CaseError::ApprovedBefore { name: named(), export: export.to_string(), decision });
        }
        Ok(approved)
    }
}

/// All cases of a key folder, by name.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    cases: BTreeMap<String, Case>,
}

impl Book {
    /// Opens a book; one that is not there is empty.
    ///
    /// # Errors
    /// [`CaseError::Disk`], also if others can read it, or [`CaseError::Malformed`].
    pub fn open(path: &Path) -> Result<Self, CaseError> {
        let malformed = |_| CaseError::Malformed { path: path.display().to_string() };
        let cases = match path.exists() {
            true => serde_json::from_slice(&disk::read_private(path)?).map_err(malformed)?,
            false => BTreeMap::new(),
        };
        Ok(Self { path: path.into(), cases })
    }

    /// A case that is open.
    ///
    /// # Errors
    /// [`CaseError::Unknown`] or [`CaseError::Closed`].
    pub fn open_case(&self, name: &str) -> Result<&Case, CaseError> {
        let case = self.cases.get(name).ok_or_else(|| CaseError::Unknown { name: name.into() })?;
        if case.is_closed { Err(CaseError::Closed { name: name.into() }) } else { Ok(case) }
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Case)> {
        self.cases.iter()
    }

    pub(super) fn check_free(&self, name: &str) -> Result<(), CaseError> {
        if self.cases.contains_key(name) { Err(CaseError::NameTaken { name: name.into() }) } else { Ok(()) }
    }

    pub(super) fn add(&mut self, name: &str, case: Case) -> Result<(), CaseError> {
        self.cases.insert(name.into(), case);
        self.store()
    }

    pub(super) fn change(&mut self, name: &str, change: impl FnOnce(&mut Case)) -> Result<(), CaseError> {
        if let Some(case) = self.cases.get_mut(name) {
            change(case);
        }
        self.store()
    }

    fn store(&self) -> Result<(), CaseError> {
        let text = serde_json::to_vec_pretty(&self.cases).unwrap_or_default();
        Ok(disk::write_durably(&self.path, &text)?)
    }
}

/// Where something stands.
pub(super) fn stands(placed: Option<&Placed>) -> (u64, u32) {
    placed.map(|placed| (placed.entry, placed.position)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORT: Hash = Hash([7; 32]);

    fn noted(about: &str, until_ms: u64) -> Noted {
        Noted { about: about.into(), text: String::new(), decision: String::new(), until_ms, entry: 9, position: 0 }
    }

    fn case() -> Case {
        Case {
            id: Hash([1; 32]),
            regime: Regime::Woo,
            requester: "een journalist".into(),
            matter: "Veerhaven".into(),
            hold: Hash([2; 32]),
            entry: 8,
            position: 0,
            noted: vec![noted("zoekslag", 0), noted("zienswijze", 2_000), noted("besluit", 0)],
            approvals: vec![Approval { export: EXPORT, entry: 10, position: 0 }],
            disclosures: Vec::new(),
            is_closed: false,
        }
    }

    #[test]
    fn an_export_leaves_when_all_is_done_and_not_a_millisecond_before() {
        let name = || "Woo 17".to_owned();
        let case = case();
        assert_eq!(case.may_disclose("Woo 17", EXPORT, 2_000), Ok(&case.approvals[0]));
        let until = "1970-01-01T00:00:02Z".to_owned();
        assert_eq!(case.may_disclose("Woo 17", EXPORT, 1_999), Err(CaseError::Waits { name: name(), until }));
        let closed = Case { is_closed: true, ..case.clone() };
        assert_eq!(closed.may_disclose("Woo 17", EXPORT, 2_000), Err(CaseError::Closed { name: name() }));
        let unsearched = Case { noted: case.noted[1..].to_vec(), ..case.clone() };
        assert_eq!(unsearched.may_disclose("Woo 17", EXPORT, 2_000), Err(CaseError::NoSearch { name: name() }));
        let undecided = Case { noted: case.noted[..2].to_vec(), ..case.clone() };
        assert_eq!(undecided.may_disclose("Woo 17", EXPORT, 2_000), Err(CaseError::NoDecision { name: name() }));
        let mut second = noted("besluit", 0);
        (second.entry, second.decision) = (11, "besluit 2".into());
        let revised = Case { noted: [case.noted.clone(), vec![second]].concat(), ..case.clone() };
        assert_eq!(
            revised.decision().map(|noted| noted.decision.as_str()),
            Some("besluit 2"),
            "the newest version counts"
        );
        let (export, decision) = (EXPORT.to_string(), "besluit 2".to_owned());
        let early = Err(CaseError::ApprovedBefore { name: name(), export, decision });
        assert_eq!(revised.may_disclose("Woo 17", EXPORT, 2_000), early);
        let approved = Approval { export: EXPORT, entry: 12, position: 0 };
        let again = Case { approvals: vec![case.approvals[0].clone(), approved.clone()], ..revised };
        assert_eq!(again.may_disclose("Woo 17", EXPORT, 2_000), Ok(&approved));
        let other = Hash([8; 32]);
        let refused = CaseError::NotApproved { name: name(), export: other.to_string() };
        assert_eq!(case.may_disclose("Woo 17", other, 2_000), Err(refused));
    }

    #[test]
    fn a_case_ends_after_the_last_term_of_appeal_which_keeps_nothing_back() {
        let appeal = |until_ms| noted(APPEAL, until_ms);
        let case = Case { noted: [case().noted, vec![appeal(9_000), appeal(5_000)]].concat(), ..case() };
        assert!(
            case.may_disclose("Woo 17", EXPORT, 2_000).is_ok(),
            "a decision is carried out while it can be appealed"
        );
        let until = "1970-01-01T00:00:09Z".to_owned();
        assert_eq!(case.may_close("Woo 17", 8_999), Err(CaseError::Appeal { name: "Woo 17".into(), until }));
        assert_eq!(case.may_close("Woo 17", 9_000), Ok(()));
        assert_eq!(self::case().may_close("Woo 17", 0), Ok(()), "without a decision nothing can be appealed");
    }

    #[test]
    fn the_book_is_read_back_and_a_name_is_taken_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cases.json");
        let mut book = Book::open(&path).expect("empty");
        book.add("Woo 17", case()).expect("added");
        let again = Book::open(&path).expect("read back");
        assert_eq!(again.open_case("Woo 17"), Ok(&case()));
        assert_eq!(again.check_free("Woo 17"), Err(CaseError::NameTaken { name: "Woo 17".into() }));
        assert_eq!(again.open_case("Woo 18"), Err(CaseError::Unknown { name: "Woo 18".into() }));
        book.change("Woo 17", |case| case.is_closed = true).expect("closed");
        assert_eq!(book.open_case("Woo 17"), Err(CaseError::Closed { name: "Woo 17".into() }));
    }
}
