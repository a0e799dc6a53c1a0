//! What the log itself says of the rule by which content ended: the selection list in force when it was proposed, the class, the incident, the deed. Pure.
//!
//! Not here: which category or class an event was given, unless that act is open (`held`). Specification: `specs/officer.md`.

use super::Valid;
use crate::bundle::calendar::month_of;
use crate::bundle::shut::Facts;
use crate::selection::{Appraisal, Category, Trigger};
use zegel_proto::v1::EventKind;

/// Classes whose content was never a record.
const NO_RECORD: [&str; 2] = ["prive", "partijpolitiek"];
/// An officer's clock may be ahead of the ledger's by so much.
const CLOCKS_APART_MS: u64 = 5 * 60 * 1_000;

/// What contradicts an ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Against {
    NoCategory,
    Kept,
    Term,
    NotKept,
    Class,
    OtherClass,
    NoIncident,
    NoDeed,
}

impl Against {
    /// In Dutch and in English.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NoCategory => (
                "de selectielijst van dat moment heeft die categorie niet",
                "the selection list of that moment has no such category",
            ),
            Self::Kept => ("die categorie wordt blijvend bewaard", "that category is kept for ever"),
            Self::Term => ("de bewaartermijn was toen niet verstreken", "its term had not passed then"),
            Self::NotKept => ("die categorie wordt niet blijvend bewaard", "that category is not kept for ever"),
            Self::Class => {
                ("die klasse is niet privé of partijpolitiek", "that class is not private or party-political")
            }
            Self::OtherClass => ("de toegekende klasse is een andere", "another class was assigned"),
            Self::NoIncident => ("er is geen incident genoemd", "no incident is named"),
            Self::NoDeed => ("er is geen akte van overbrenging genoemd", "no deed of transfer is named"),
        }
    }
}

/// Whether content of a class was never a record.
pub(super) fn is_no_record(class: &str) -> bool {
    NO_RECORD.contains(&class)
}

/// What contradicts a valid declaration; `None` where nothing does, as far as a bundle can say.
pub(super) fn against(valid: &Valid<'_>, facts: Option<&Facts>) -> Option<Against> {
    let proposed = valid.proposed;
    let category = proposed.list.category(&proposed.code);
    match valid.ending.kind {
        EventKind::WeedingExecuted => (!is_no_record(&proposed.code)).then_some(Against::Class),
        EventKind::BreachRemoved => proposed.code.trim().is_empty().then_some(Against::NoIncident),
        EventKind::CustodyPurged if valid.declared.rule.trim().is_empty() => Some(Against::NoDeed),
        EventKind::CustodyPurged => match category.map(|category| category.appraisal) {
            None => Some(Against::NoCategory),
            Some(Appraisal::V) => Some(Against::NotKept),
            Some(Appraisal::B) => None,
        },
        _ => match category {
            None => Some(Against::NoCategory),
            Some(category) if category.appraisal == Appraisal::B => Some(Against::Kept),
            Some(category) => {
                facts.filter(|facts| !is_due(category, facts.month, proposed.received_at_ms)).map(|_| Against::Term)
            }
        },
    }
}

/// A term that begins at a stated moment is not judged: the act that states it is sealed.
fn is_due(category: &Category, month: u32, proposed_at_ms: u64) -> bool {
    let proposed = month_of(proposed_at_ms.saturating_add(CLOCKS_APART_MS)).unwrap_or(u32::MAX);
    match category.trigger {
        Trigger::Stated => true,
        Trigger::Month => month > 0 && category.due(month) < proposed,
    }
}
