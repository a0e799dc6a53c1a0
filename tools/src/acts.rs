//! What is in force: the acts of the log's records stream, folded in log order. Pure.
//!
//! Invariants: an act adds and never overwrites, so the newest that selects an event decides and all that came before can be shown; a hold ends only by a
//! release that names it. Who approved what is in [`approval`].
//! Not here: who reads the stream (`reading`), what the verifier makes of it. Specification: `specs/officer.md`.

mod approval;
mod selection;

pub use selection::{Selection, Target, hull};

use crate::destroy::End;
use crate::export::Spot;
use crate::reading::{ReadEvent, Reading};
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::parse;
use zegel_proto::v1::{CustodySubject, EventKind, ExportSubject, RedactionItem, RedactionSubject, SelectionSubject};
use zegel_verifier::commit::{Shown, ShownBody};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::records;

/// What an act is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// Events by scope, or one by one.
    Selection(SelectionSubject),
    /// A part of a redaction manifest.
    Redaction(RedactionSubject),
    /// An export.
    Export(ExportSubject),
    /// Content that another archive keeps now.
    Custody(CustodySubject),
    /// Something else, or what does not parse.
    Other,
}

/// An act as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// Where it stands.
    pub spot: Spot,
    /// What was done.
    pub kind: EventKind,
    /// The actor that signed.
    pub actor: Hash,
    /// By the officer's clock.
    pub at_ms: u64,
    /// About what.
    pub subject: Subject,
    /// Who acted: a person or function.
    pub person: String,
    /// The decision that it rests on.
    pub decision: String,
    /// Events or parts of them, one by one.
    pub items: Vec<RedactionItem>,
    /// Why.
    pub reason: String,
}

impl Act {
    fn of(event: &ReadEvent) -> Option<Self> {
        let (binding, body) = event.body.as_ref()?;
        let text = |slot| body.value(slot).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default();
        let items = body.items(records::ITEMS).iter().flatten().filter_map(|item| parse(item).ok());
        Some(Self {
            spot: event.spot,
            kind: event.facts.kind,
            actor: event.source,
            at_ms: binding.occurred_at_ms,
            subject: subject(event.facts.kind, body.value(records::SUBJECT).unwrap_or_default()),
            person: text(records::PERSON),
            decision: text(records::DECISION),
            items: items.collect(),
            reason: words(body, records::REASON),
        })
    }

    /// The selection, of acts that have one.
    #[must_use]
    pub fn selection(&self) -> Option<&SelectionSubject> {
        match &self.subject {
            Subject::Selection(selection) => Some(selection),
            _ => None,
        }
    }

    /// The random id by which later acts refer to it.
    #[must_use]
    pub fn id(&self) -> Option<Hash> {
        match &self.subject {
            Subject::Selection(selection) => Hash::read(&selection.act),
            Subject::Redaction(redaction) => Hash::read(&redaction.manifest),
            Subject::Export(export) => Hash::read(&export.export),
            Subject::Custody(_) | Subject::Other => None,
        }
    }

    /// The act that it approves, executes or releases.
    #[must_use]
    pub fn refers_to(&self) -> Option<Hash> {
        match &self.subject {
            Subject::Selection(selection) => Hash::read(&selection.refers_to),
            Subject::Custody(custody) => Hash::read(&custody.transfer),
            _ => None,
        }
    }

    /// The code that it gives: a class, a category, a ground.
    #[must_use]
    pub fn code(&self) -> &str {
        self.selection().map(|selection| selection.code.as_str()).unwrap_or_default()
    }

    /// Whether it selects an event.
    #[must_use]
    pub fn selects(&self, target: &Target) -> bool {
        let Some(selection) = self.selection() else { return false };
        let is_item = |item: &RedactionItem| (item.entry, item.position) == (target.spot.entry, target.spot.position);
        self.items.iter().any(is_item) || selection.scopes.iter().any(|scope| target.is_in(scope))
    }
}

fn subject(kind: EventKind, bytes: &[u8]) -> Subject {
    match kind {
        EventKind::RedactionManifest => parse(bytes).map_or(Subject::Other, Subject::Redaction),
        EventKind::ExportCreated => parse(bytes).map_or(Subject::Other, Subject::Export),
        EventKind::CustodyPurged => parse(bytes).map_or(Subject::Other, Subject::Custody),
        EventKind::IntakeChecked | EventKind::CustodyTransferred | EventKind::CustodyReceived => Subject::Other,
        _ => parse(bytes).map_or(Subject::Other, Subject::Selection),
    }
}

fn words(body: &ShownBody, slot: usize) -> String {
    let joined = match body.slots().get(slot) {
        Some(Shown::List(items)) => items.iter().flatten().flatten().copied().collect::<Vec<u8>>(),
        _ => Vec::new(),
    };
    String::from_utf8_lossy(&joined).into_owned()
}

/// A redaction manifest with all its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its id.
    pub id: Hash,
    /// Who proposed it.
    pub actor: Hash,
    /// The decision that it carries out.
    pub decision: String,
    /// What it covers, ascending.
    pub items: Vec<RedactionItem>,
    /// Where its parts stand.
    pub places: BTreeSet<(u64, u32)>,
    /// Every part is there.
    pub is_whole: bool,
    /// Where somebody else approved all of it.
    pub approved_at: Option<(u64, u32)>,
}

/// All acts, in log order.
#[derive(Clone, Debug, Default)]
pub struct Acts {
    all: Vec<Act>,
}

impl Acts {
    /// Folds what was read.
    #[must_use]
    pub fn of(reading: &Reading) -> Self {
        Self { all: reading.acts.iter().filter_map(Act::of).collect() }
    }

    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Act> {
        self.all.iter()
    }

    /// Those of one kind, in log order.
    pub fn of_kind(&self, kind: EventKind) -> impl DoubleEndedIterator<Item = &Act> + use<'_> {
        self.all.iter().filter(move |act| act.kind == kind)
    }

    /// Every act of a kind that selects an event, in log order: its history.
    pub fn history(&self, kind: EventKind, target: &Target) -> impl DoubleEndedIterator<Item = &Act> + use<'_> {
        let target = *target;
        self.of_kind(kind).filter(move |act| act.selects(&target))
    }

    /// The class that an event has now.
    #[must_use]
    pub fn class_of(&self, target: &Target) -> Option<&Act> {
        self.history(EventKind::ClassAssigned, target).next_back()
    }

    /// The retention category that an event has now.
    #[must_use]
    pub fn retention_of(&self, target: &Target) -> Option<&Act> {
        self.history(EventKind::RetentionAssigned, target).next_back()
    }

    /// Holds that are not released.
    pub fn holds(&self) -> impl Iterator<Item = &Act> {
        let is_released = |hold: &Act| self.of_kind(EventKind::HoldReleased).any(|act| act.refers_to() == hold.id());
        self.of_kind(EventKind::HoldPlaced).filter(move |hold| !is_released(hold))
    }

    /// A hold that keeps an event.
    #[must_use]
    pub fn hold_on(&self, target: &Target) -> Option<&Act> {
        self.holds().find(|hold| hold.selects(target))
    }

    /// An act by its id.
    #[must_use]
    pub fn by_id(&self, id: Hash) -> Option<&Act> {
        self.all.iter().find(|act| act.id() == Some(id) && act.kind != EventKind::ExportCreated)
    }

    /// The declaration that ended an event, if there is one.
    #[must_use]
    pub fn ending(&self, spot: Spot) -> Option<(&Act, End)> {
        let lists = |act: &Act| act.items.iter().any(|item| (item.entry, item.position) == (spot.entry, spot.position));
        self.all.iter().filter(|act| lists(act)).find_map(|act| Some((act, End::of_kind(act.kind)?)))
    }

    /// Every event that was ended, and how: what was declared first counts.
    #[must_use]
    pub fn endings(&self) -> BTreeMap<Spot, End> {
        let mut ended = BTreeMap::new();
        for act in &self.all {
            let Some(end) = End::of_kind(act.kind) else { continue };
            for item in &act.items {
                ended.entry(Spot { entry: item.entry, position: item.position }).or_insert(end);
            }
        }
        ended
    }

    /// Where the ends of these events were proposed, approved and declared. Ends of others are told to nobody.
    #[must_use]
    pub fn declarations_of(&self, ended: &BTreeMap<Spot, End>) -> BTreeSet<(u64, u32)> {
        let lists = |act: &&Act| {
            let is_of = |item: &RedactionItem| ended.contains_key(&Spot { entry: item.entry, position: item.position });
            End::of_kind(act.kind).is_some() && act.items.iter().any(is_of)
        };
        let of: BTreeSet<Hash> = self.all.iter().filter(lists).filter_map(Act::refers_to).collect();
        let is_of = |id: Option<Hash>| id.is_some_and(|id| of.contains(&id));
        let belongs = |act: &&Act| is_of(act.id()) || is_of(act.refers_to());
        self.all.iter().filter(belongs).map(|act| (act.spot.entry, act.spot.position)).collect()
    }

    /// Where holds were placed and released, and where the classes of these events were given by act on them or on this id: what ends rest on.
    /// A hold may name ids of others.
    #[must_use]
    pub fn grounds_of(&self, ended: &BTreeMap<Spot, End>, id: &[u8]) -> BTreeSet<(u64, u32)> {
        let is_wanted = |act: &&Act| match act.kind {
            EventKind::HoldPlaced | EventKind::HoldReleased => true,
            EventKind::ClassAssigned => {
                let is_of =
                    |item: &RedactionItem| ended.contains_key(&Spot { entry: item.entry, position: item.position });
                let is_about = |selection: &SelectionSubject| selection.scopes.iter().any(|scope| scope.id == id);
                act.items.iter().any(is_of) || act.selection().is_some_and(is_about)
            }
            _ => false,
        };
        self.all.iter().filter(is_wanted).map(|act| (act.spot.entry, act.spot.position)).collect()
    }

    /// What is covered for good, under its grounds and [`permanent::MARK`](crate::permanent::MARK).
    #[must_use]
    pub fn forever(&self) -> Vec<RedactionItem> {
        self.of_kind(EventKind::BodyResealed).flat_map(|act| act.items.iter().cloned()).collect()
    }

    /// Where it was declared and approved that these parts are covered for good.
    #[must_use]
    pub fn reseals_of(&self, parts: &[RedactionItem]) -> BTreeSet<(u64, u32)> {
        let declares =
            |act: &&Act| act.kind == EventKind::BodyResealed && act.items.iter().any(|item| parts.contains(item));
        let of: BTreeSet<Hash> = self.all.iter().filter(declares).filter_map(Act::refers_to).collect();
        let kinds = [EventKind::BodyResealed, EventKind::RedactionApproved];
        let belongs = |act: &&Act| kinds.contains(&act.kind) && act.refers_to().is_some_and(|id| of.contains(&id));
        self.all.iter().filter(belongs).map(|act| (act.spot.entry, act.spot.position)).collect()
    }

    /// Redaction manifests in log order.
    #[must_use]
    pub fn manifests(&self) -> Vec<Manifest> {
        let mut found: Vec<(Manifest, u32)> = Vec::new();
        for act in self.of_kind(EventKind::RedactionManifest) {
            let (Subject::Redaction(part), Some(id)) = (&act.subject, act.id()) else { continue };
            let place = (act.spot.entry, act.spot.position);
            match found.iter_mut().find(|(manifest, _)| manifest.id == id) {
                Some((manifest, had)) => {
                    manifest.items.extend(act.items.iter().cloned());
                    manifest.places.insert(place);
                    *had += 1;
                    manifest.is_whole = *had == part.parts;
                }
                None => {
                    let manifest = Manifest {
                        id,
                        actor: act.actor,
                        decision: part.decision.clone(),
                        items: act.items.clone(),
                        places: BTreeSet::from([place]),
                        is_whole: part.parts == 1,
                        approved_at: self.approval(act).map(|act| (act.spot.entry, act.spot.position)),
                    };
                    found.push((manifest, 1));
                }
            }
        }
        found.into_iter().map(|(manifest, _)| manifest).collect()
    }

    /// One manifest.
    #[must_use]
    pub fn manifest(&self, id: Hash) -> Option<Manifest> {
        self.manifests().into_iter().find(|manifest| manifest.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zegel_proto::v1::{Scope, StreamType};

    pub(super) const OFFICER: Hash = Hash([1; 32]);
    pub(super) const APPROVER: Hash = Hash([2; 32]);

    pub(super) fn act(number: u64, kind: EventKind, actor: Hash, selection: SelectionSubject) -> Act {
        Act {
            spot: Spot { entry: number, position: 0 },
            kind,
            actor,
            at_ms: number,
            subject: Subject::Selection(selection),
            person: String::new(),
            decision: String::new(),
            items: Vec::new(),
            reason: String::new(),
        }
    }

    fn of_conversation(id: u8, code: &str, from_month: u32, to_month: u32) -> SelectionSubject {
        let scope = Scope { stream: StreamType::StreamConversation as i32, id: vec![id; 32], from_month, to_month };
        SelectionSubject { scopes: vec![scope], code: code.into(), act: vec![id; 32], ..SelectionSubject::default() }
    }

    fn target(conversation: u8, month: u32) -> Target {
        let spot = Spot { entry: 7, position: 3 };
        Target { spot, conversation: Some(Hash([conversation; 32])), custodian: Some(Hash([9; 32])), month }
    }

    #[test]
    fn the_newest_class_decides_and_the_older_ones_stay() {
        let class = EventKind::ClassAssigned;
        let mut by_item =
            act(3, class, OFFICER, SelectionSubject { code: "hybride".into(), ..SelectionSubject::default() });
        by_item.items = vec![RedactionItem { entry: 7, position: 3, ..RedactionItem::default() }];
        let all = vec![
            act(1, class, OFFICER, of_conversation(5, "zakelijk", 0, 0)),
            act(2, class, OFFICER, of_conversation(5, "prive", 202_605, 202_605)),
            by_item,
        ];
        let acts = Acts { all };
        assert_eq!(acts.class_of(&target(5, 202_605)).map(Act::code), Some("hybride"));
        assert_eq!(
            acts.history(class, &target(5, 202_605)).map(Act::code).collect::<Vec<_>>(),
            ["zakelijk", "prive", "hybride"]
        );
        let neighbour = Target { spot: Spot { entry: 7, position: 4 }, ..target(5, 202_606) };
        assert_eq!(acts.class_of(&neighbour).map(Act::code), Some("zakelijk"));
        assert_eq!(acts.class_of(&Target { spot: Spot { entry: 8, position: 3 }, ..target(6, 202_605) }), None);
    }

    #[test]
    fn a_hold_ends_by_the_release_that_names_it_and_no_other() {
        let place = act(1, EventKind::HoldPlaced, OFFICER, of_conversation(5, "", 0, 0));
        let release = |refers_to: u8| {
            let selection = SelectionSubject { refers_to: vec![refers_to; 32], ..SelectionSubject::default() };
            act(2, EventKind::HoldReleased, OFFICER, selection)
        };
        let held = |all: Vec<Act>| Acts { all }.hold_on(&target(5, 0)).is_some();
        assert!(held(vec![place.clone()]));
        assert!(held(vec![place.clone(), release(6)]));
        assert!(!held(vec![place, release(5)]));
    }
}
