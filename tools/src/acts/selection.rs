//! What an act is about: ids with months, or events one by one.

use crate::export::Spot;
use crate::reading::ReadEvent;
use zegel_proto::v1::{RedactionItem, Scope, StreamType};
use zegel_verifier::hash::Hash;

/// An event, as far as a selection can tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it stands.
    pub spot: Spot,
    /// Its conversation.
    pub conversation: Option<Hash>,
    /// Its custodian.
    pub custodian: Option<Hash>,
    /// Its month; 0 is unknown.
    pub month: u32,
}

impl Target {
    /// The target that a read event is.
    #[must_use]
    pub fn of(event: &ReadEvent) -> Self {
        let facts = &event.facts;
        Self { spot: event.spot, conversation: facts.conversation, custodian: facts.custodian, month: facts.month }
    }

    /// Whether it lies in a scope. What has no known month lies only in a scope of all months.
    #[must_use]
    pub fn is_in(&self, scope: &Scope) -> bool {
        let id = match StreamType::try_from(scope.stream) {
            Ok(StreamType::StreamConversation) => self.conversation,
            Ok(StreamType::StreamCustodian) => self.custodian,
            _ => None,
        };
        let every = scope.from_month == 0 && scope.to_month == 0;
        let in_months = every || (scope.from_month..=scope.to_month).contains(&self.month);
        id.is_some() && id == Hash::read(&scope.id) && in_months
    }
}

/// Events by id and months, and events one by one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Ids with their months.
    pub scopes: Vec<Scope>,
    /// Events.
    pub spots: Vec<Spot>,
}

impl Selection {
    /// Nothing is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty() && self.spots.is_empty()
    }

    /// The events as items of an act, under its code.
    #[must_use]
    pub fn items(&self, code: &str) -> Vec<RedactionItem> {
        let mut spots = self.spots.clone();
        spots.sort_unstable();
        spots.dedup();
        let item = |spot: Spot| RedactionItem {
            entry: spot.entry,
            position: spot.position,
            grounds: vec![code.into()],
            ..RedactionItem::default()
        };
        spots.into_iter().map(item).collect()
    }
}

/// The smallest run of whole months that holds all of these; every month, if one of them is unknown.
#[must_use]
pub fn hull(months: impl Iterator<Item = u32>) -> (u32, u32) {
    let (from, to) = months.fold((u32::MAX, 0), |(from, to), month| (from.min(month), to.max(month)));
    if from == 0 || from == u32::MAX { (0, 0) } else { (from, to) }
}
