//! Who approved what: what was proposed under an id, all of it, held against the approvals in the log. Pure.
//!
//! Invariants: an approval is of the items that it names by number and root, all of them logged before it by one actor, who is not the one who approves. What has grown
//! since waits for another approval; where two actors added to it, nobody can approve it. Specification: `specs/officer.md`.

use super::{Act, Acts};
use zegel_proto::print;
use zegel_proto::v1::{EventKind, RedactionItem};
use zegel_verifier::approval::{Listed, Listing};

impl Acts {
    /// All parts of what was proposed under an id, in log order, whoever logged them.
    pub fn parts<'a>(&'a self, of: &'a Act) -> impl Iterator<Item = &'a Act> {
        self.of_kind(of.kind).filter(|part| of.id().is_some() && part.id() == of.id())
    }

    /// All that it covers or ends, also where it stands in several events.
    #[must_use]
    pub fn items(&self, of: &Act) -> Vec<RedactionItem> {
        self.parts(of).flat_map(|part| part.items.iter().cloned()).collect()
    }

    /// What an approval of it has to name; `None` if parts of it are by several actors.
    #[must_use]
    pub fn listed(&self, of: &Act) -> Option<Listed> {
        let mut listing = Listing::default();
        for part in self.parts(of) {
            if part.actor != of.actor {
                return None;
            }
            part.items.iter().try_for_each(|item| print(item).map(|item| listing.push(&item))).ok()?;
        }
        Some(listing.listed())
    }

    /// The approval of it, as it stands now, by another actor.
    #[must_use]
    pub fn approval(&self, of: &Act) -> Option<&Act> {
        let kind = match of.kind {
            EventKind::RedactionManifest => EventKind::RedactionApproved,
            EventKind::DestructionProposed => EventKind::DestructionApproved,
            _ => return None,
        };
        let listed = self.listed(of)?;
        let last = self.parts(of).last()?.spot;
        let approves = |act: &&Act| {
            act.refers_to() == of.id()
                && act.actor != of.actor
                && act.spot > last
                && act.selection().and_then(Listed::read) == Some(listed)
        };
        self.of_kind(kind).find(approves)
    }

    /// What waits for a second pair of eyes: manifests and proposals to destroy.
    #[must_use]
    pub fn waiting(&self) -> Vec<&Act> {
        let kinds = [EventKind::RedactionManifest, EventKind::DestructionProposed];
        let is_first = |act: &&Act| self.parts(act).next().is_some_and(|first| first.spot == act.spot);
        let proposed = self.iter().filter(|act| kinds.contains(&act.kind)).filter(is_first);
        proposed.filter(|act| self.approval(act).is_none()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{APPROVER, OFFICER, act};
    use super::*;
    use zegel_proto::v1::SelectionSubject;
    use zegel_verifier::hash::Hash;

    const OTHER: Hash = Hash([3; 32]);

    fn proposed(number: u64, actor: Hash, position: u32) -> Act {
        let selection = SelectionSubject { act: vec![5; 32], ..SelectionSubject::default() };
        let grounds = vec!["geselecteerd".into()];
        let items = vec![RedactionItem { entry: 7, position, grounds, ..RedactionItem::default() }];
        Act { items, ..act(number, EventKind::DestructionProposed, actor, selection) }
    }

    /// The approval of what these acts propose, as the tools log it.
    fn approved(number: u64, actor: Hash, of: &[Act]) -> Act {
        let acts = Acts { all: of.to_vec() };
        let Listed { count, root } = acts.listed(&of[0]).expect("of one actor");
        let selection = SelectionSubject {
            refers_to: vec![5; 32],
            count,
            events_root: root.to_vec(),
            ..SelectionSubject::default()
        };
        act(number, EventKind::DestructionApproved, actor, selection)
    }

    fn approved_at(all: Vec<Act>) -> Option<u64> {
        let acts = Acts { all };
        let at = acts.approval(acts.iter().next()?).map(|act| act.spot.entry);
        assert_eq!(acts.waiting().len(), usize::from(at.is_none()), "what is not approved waits, once");
        at
    }

    #[test]
    fn nobody_approves_what_he_proposed_himself() {
        let first = proposed(1, OFFICER, 0);
        let by = |actor| approved(2, actor, std::slice::from_ref(&first));
        assert_eq!(approved_at(vec![first.clone(), by(OFFICER)]), None);
        assert_eq!(approved_at(vec![first.clone(), by(APPROVER)]), Some(2));
    }

    #[test]
    fn what_grew_after_it_was_approved_waits_until_all_of_it_is() {
        let (first, late) = (proposed(1, OFFICER, 0), proposed(3, OFFICER, 1));
        let early = approved(2, APPROVER, std::slice::from_ref(&first));
        let all = [first.clone(), late.clone()];
        assert_eq!(approved_at(vec![first.clone(), early.clone(), late.clone()]), None);
        assert_eq!(approved_at(vec![first, early, late, approved(4, APPROVER, &all)]), Some(4));
    }

    #[test]
    fn an_approval_is_of_all_the_items_and_of_no_others() {
        let (first, second) = (proposed(1, OFFICER, 0), proposed(2, OFFICER, 1));
        let both = vec![first.clone(), second.clone()];
        let after = |approval: Act| [both.clone(), vec![approval]].concat();
        assert_eq!(approved_at(after(approved(3, APPROVER, &both))), Some(3));
        assert_eq!(approved_at(after(approved(3, APPROVER, &both[..1]))), None);
        assert_eq!(approved_at(after(approved(3, APPROVER, &[second, first]))), None);
        let unbound = SelectionSubject { refers_to: vec![5; 32], ..SelectionSubject::default() };
        let disclosure = SelectionSubject { code: "verstrekking".into(), ..unbound.clone() };
        assert_eq!(approved_at(after(act(3, EventKind::DestructionApproved, APPROVER, unbound))), None);
        assert_eq!(approved_at(after(act(3, EventKind::RedactionApproved, APPROVER, disclosure))), None);
        let other_kind = Act { kind: EventKind::RedactionApproved, ..approved(3, APPROVER, &both) };
        assert_eq!(approved_at(after(other_kind)), None);
        // It stands after the last of them.
        let before = Act { spot: both[0].spot, ..approved(0, APPROVER, &both) };
        assert_eq!(approved_at(after(before)), None);
    }

    #[test]
    fn what_two_actors_proposed_under_one_id_nobody_can_approve() {
        let (first, second) = (proposed(1, OFFICER, 0), proposed(2, OTHER, 1));
        let both = Acts { all: vec![first.clone(), second] };
        assert_eq!(both.listed(&first), None);
        let approval = approved(3, APPROVER, std::slice::from_ref(&first));
        assert_eq!(approved_at([both.all, vec![approval]].concat()), None);
    }
}
