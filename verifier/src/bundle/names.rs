//! What ids stand for: names and titles from the registrations that a bundle opens.
//!
//! A name is what an officer registered, sealed and under his signature; it proves nothing about a person. Memory: one name
//! an id, at most [`super::CAPTURES_MAX`].

use super::plain::plain_bytes;
use super::{CAPTURES_MAX, ShownEvent};
use crate::hash::Hash;
use crate::kinds::{Family, family, register};
use std::collections::BTreeMap;

/// Characters of a name that are kept.
const NAME_CHARS_MAX: usize = 120;

/// Names by id; the newest registration of an id counts.
#[derive(Clone, Debug, Default)]
pub struct Names {
    by_id: BTreeMap<Hash, String>,
}

impl Names {
    /// Takes the name from an event, if it is an open registration.
    pub fn event(&mut self, event: &ShownEvent<'_>) {
        if family(event.facts.kind) != Family::Register || self.by_id.len() >= CAPTURES_MAX {
            return;
        }
        let name = event.body.and_then(|(_, body)| body.value(register::NAME));
        if let (Some(id), Some(name)) = (event.facts.custodian.or(event.facts.conversation), name) {
            self.by_id.insert(id, plain_bytes(name, NAME_CHARS_MAX));
        }
    }

    /// The name of an id, if its registration was open.
    #[must_use]
    pub fn of(&self, id: Hash) -> Option<&str> {
        self.by_id.get(&id).map(String::as_str)
    }

    /// Ids with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Hash, &String)> {
        self.by_id.iter()
    }
}
