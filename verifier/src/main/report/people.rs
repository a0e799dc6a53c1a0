//! Names as the page tells them: as they were registered and written, or, in the variant for publication, numbered.

use super::{Language, words};
use std::collections::HashMap;
use zegel_verifier::bundle::names::Names;
use zegel_verifier::bundle::plain::plain;
use zegel_verifier::hash::Hash;

/// Senders that are told apart in the list of participants.
const PARTICIPANTS_MAX: usize = 10_000;

/// Whether names are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    AsWritten,
    Numbered,
}

/// Everybody and everything that has a name.
pub(super) struct People {
    naming: Naming,
    language: Language,
    pub(super) names: Names,
    custodians: HashMap<Hash, usize>,
    conversations: HashMap<Hash, usize>,
    /// By sender as written; number in order of appearance, and messages.
    senders: HashMap<String, (usize, u64)>,
}

fn number<K: std::hash::Hash + Eq>(of: &mut HashMap<K, usize>, key: K) -> usize {
    let next = of.len() + 1;
    *of.entry(key).or_insert(next)
}

impl People {
    pub(super) fn new(naming: Naming, language: Language) -> Self {
        Self {
            naming,
            language,
            names: Names::default(),
            custodians: HashMap::new(),
            conversations: HashMap::new(),
            senders: HashMap::new(),
        }
    }

    pub(super) fn naming(&self) -> Naming {
        self.naming
    }

    fn named(&self, id: Hash) -> String {
        let short = || format!("{}…", &id.to_string()[..8]);
        self.names.of(id).map_or_else(short, String::from)
    }

    pub(super) fn custodian(&mut self, id: Hash) -> String {
        if self.naming == Naming::AsWritten {
            return self.named(id);
        }
        format!("{} {}", self.language.say(words::PERSON), number(&mut self.custodians, id))
    }

    pub(super) fn conversation(&mut self, id: Hash) -> String {
        if self.naming == Naming::AsWritten {
            return self.named(id);
        }
        format!("{} {}", self.language.say(words::CONVERSATION), number(&mut self.conversations, id))
    }

    /// The sender of a message, counted; `display` is the name beside an account, if the source has one.
    pub(super) fn sender(&mut self, sender: &str, display: Option<&str>) -> String {
        let next = self.senders.len() + 1;
        let room = self.senders.len() < PARTICIPANTS_MAX || self.senders.contains_key(sender);
        let known = room.then(|| self.senders.entry(sender.to_owned()).or_insert((next, 0)));
        let number = known.map_or(0, |(number, messages)| {
            *messages += 1;
            *number
        });
        match (self.naming, display) {
            (Naming::AsWritten, Some(display)) => plain(display),
            (Naming::AsWritten, None) => plain(sender),
            (Naming::Numbered, _) => self.numbered(number),
        }
    }

    /// A person whom a line of the app names, without counting.
    pub(super) fn mention(&mut self, name: &str) -> String {
        if self.naming == Naming::AsWritten {
            return plain(name);
        }
        let next = self.senders.len() + 1;
        let number = self.senders.entry(name.to_owned()).or_insert((next, 0)).0;
        self.numbered(number)
    }

    fn numbered(&self, number: usize) -> String {
        format!("{} {number}", self.language.say(words::PARTICIPANT))
    }

    /// Senders with their messages, most first.
    pub(super) fn participants(&self) -> Vec<(String, u64)> {
        let mut all: Vec<_> = self.senders.iter().filter(|(_, (_, messages))| *messages > 0).collect();
        all.sort_by_key(|(_, (number, messages))| (std::cmp::Reverse(*messages), *number));
        let told = |(sender, (number, messages)): (&String, &(usize, u64))| {
            let name = if self.naming == Naming::AsWritten { plain(sender) } else { self.numbered(*number) };
            (name, *messages)
        };
        all.into_iter().map(told).collect()
    }
}
