//! One person under two ids: two custodians whose open registrations name the same account, or the same name.
//!
//! A custodian who is split over two ids has two bundles, each complete for its id and neither for him. Where registrations
//! are open it shows. Memory: one account or name an entry, at most [`super::CAPTURES_MAX`].

use super::plain::plain_bytes;
use super::{CAPTURES_MAX, ShownEvent};
use crate::hash::{Hash, sha256};
use crate::kinds::register;
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::parse;
use zegel_proto::v1::{Account, EventKind};

/// Ids that seem to be of one person.
#[derive(Clone, Debug, Default)]
pub struct Splits {
    by_mark: BTreeMap<Hash, Hash>,
    found: BTreeSet<(Hash, Hash)>,
}

impl Splits {
    /// Takes an event; only open registrations of custodians say something.
    pub fn event(&mut self, event: &ShownEvent<'_>) {
        let (Some(id), Some((_, body))) = (event.facts.custodian, event.body) else { return };
        if !matches!(event.facts.kind, EventKind::CustodianRegistered | EventKind::CustodianChanged) {
            return;
        }
        let name = body.value(register::NAME).map(|name| plain_bytes(name, usize::MAX).to_lowercase());
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            self.mark(id, sha256(&[b"name", name.as_bytes()]));
        }
        for item in body.items(register::ACCOUNTS).iter().flatten() {
            let Ok(account) = parse::<Account>(item) else { continue };
            let identifier: String = account.identifier.chars().filter(|c| !c.is_whitespace()).collect();
            if !identifier.is_empty() {
                self.mark(id, sha256(&[b"account", identifier.as_bytes()]));
            }
        }
    }

    fn mark(&mut self, id: Hash, mark: Hash) {
        match self.by_mark.get(&mark) {
            Some(other) if *other != id => {
                self.found.insert((*other.min(&id), *other.max(&id)));
            }
            None if self.by_mark.len() < CAPTURES_MAX => {
                self.by_mark.insert(mark, id);
            }
            _ => {}
        }
    }

    /// Pairs of ids that share an account or a name.
    pub fn found(&self) -> impl Iterator<Item = (Hash, Hash)> {
        self.found.iter().copied()
    }
}
