//! What an approval binds: the items that lay before the approver, by their number and a root over them.
//!
//! An approval names what it approves by a random id, and an id binds nothing: whoever proposed can log another part under it. So it carries what the id had
//! listed when it was approved, and is of that and of nothing else. Pure; memory is one hash per level of a tree. Not here: who approves, and where
//! an approval has to stand (`bundle`). Specification: `specs/officer.md`.

use crate::hash::{Hash, Tag, leaf};
use crate::tree::Frontier;
use zegel_proto::v1::SelectionSubject;

/// Items that an act lists, as they come in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing(Frontier);

impl Listing {
    /// Takes the canonical bytes of the next item.
    pub fn push(&mut self, item: &[u8]) {
        self.0.push(leaf(Tag::Listed, &[item]));
    }

    /// What is listed so far.
    #[must_use]
    pub fn listed(&self) -> Listed {
        Listed { count: self.0.size(), root: self.0.root() }
    }
}

impl<'a> FromIterator<&'a [u8]> for Listing {
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(items: T) -> Self {
        let mut listing = Self::default();
        items.into_iter().for_each(|item| listing.push(item));
        listing
    }
}

/// Items, all of them and in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// How many.
    pub count: u64,
    /// Root over their leaves (tag 0xD3), RFC 6962.
    pub root: Hash,
}

impl Listed {
    /// What an approval says that it is of; `None` of one that does not say it, and approves nothing.
    #[must_use]
    pub fn read(approval: &SelectionSubject) -> Option<Self> {
        Hash::read(&approval.events_root).map(|root| Self { count: approval.count, root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(items: &[&[u8]]) -> Listed {
        items.iter().copied().collect::<Listing>().listed()
    }

    #[test]
    fn other_items_and_another_order_are_listed_otherwise() {
        let all = listed(&[b"a", b"b", b"c"]);
        assert_eq!(all, listed(&[b"a", b"b", b"c"]));
        let others: [&[&[u8]]; 6] =
            [&[], &[b"a", b"b"], &[b"a", b"b", b"c", b"c"], &[b"a", b"c", b"b"], &[b"abc"], &[b"a", b"bc"]];
        assert!(others.iter().all(|other| listed(other) != all));
    }

    #[test]
    fn an_approval_without_a_root_or_with_half_of_one_is_of_nothing() {
        let of = |events_root: Vec<u8>| Listed::read(&SelectionSubject { count: 2, events_root, ..Default::default() });
        assert_eq!((of(vec![]), of(vec![7; 31]), of(vec![7; 33])), (None, None, None));
        assert_eq!(of(vec![7; 32]), Some(Listed { count: 2, root: Hash([7; 32]) }));
    }
}
