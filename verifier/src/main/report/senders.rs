//! Senders who are told by a telephone number, held against the accounts of registered persons.
//!
//! Pure. Compared are the last nine digits, which a number keeps in every way of writing it: `+31 6 12345678`, `0031…` and
//! `06-12345678` are one. Only registrations that the bundle opens are known; a stranger is no fault of anybody, but a
//! reader wants to know of how many voices nobody said whose they are. Memory: at most [`SENDERS_MAX`] numbers.

use super::judge::Count;
use std::collections::{BTreeMap, BTreeSet};
use zegel_proto::parse;
use zegel_proto::v1::{Account, EventKind};
use zegel_verifier::bundle::ShownEvent;
use zegel_verifier::bundle::plain::plain_bytes;
use zegel_verifier::commit::ShownBody;
use zegel_verifier::kinds::{chat, register};

/// Senders and registered accounts that are kept, each.
const SENDERS_MAX: usize = 100_000;
/// Digits that tell a number; a subscriber's number has 9 in the Netherlands, E.164 allows 15 with the country's.
const DIGITS: usize = 9;
const DIGITS_MAX: usize = 17;

/// Numbers that wrote, and those that were registered.
#[derive(Clone, Debug, Default)]
pub(super) struct Senders {
    /// By number: the names that stood beside it, in lower case.
    wrote: BTreeMap<String, BTreeSet<String>>,
    registered: BTreeSet<String>,
    /// Names of registered persons, in lower case.
    names: BTreeSet<String>,
}

impl Senders {
    /// Takes an event: the sender of a message, or an open registration.
    pub(super) fn event(&mut self, event: &ShownEvent<'_>) {
        let Some((_, body)) = event.body else { return };
        match event.facts.kind {
            EventKind::CustodianRegistered | EventKind::CustodianChanged => self.registered(body),
            EventKind::MessageCreated if event.in_scope => {
                let text = |slot: usize| body.value(slot).map(|value| plain_bytes(value, usize::MAX));
                if let Some(sender) = text(chat::SENDER) {
                    self.wrote(&sender, text(chat::DISPLAY_NAME).as_deref());
                }
            }
            _ => {}
        }
    }

    fn registered(&mut self, body: &ShownBody) {
        if self.registered.len() >= SENDERS_MAX {
            return;
        }
        self.names.extend(body.value(register::NAME).map(|name| plain_bytes(name, usize::MAX).to_lowercase()));
        let accounts = body.items(register::ACCOUNTS).iter().flatten();
        let accounts = accounts.filter_map(|account| parse::<Account>(account).ok());
        self.registered.extend(accounts.filter_map(|account| number(&account.identifier)));
    }

    fn wrote(&mut self, sender: &str, display: Option<&str>) {
        let Some(number) = number(sender) else { return };
        if self.wrote.len() >= SENDERS_MAX && !self.wrote.contains_key(&number) {
            return;
        }
        let names = self.wrote.entry(number).or_default();
        names.extend(display.filter(|name| !name.is_empty()).map(str::to_lowercase));
    }

    fn strange(&self) -> impl Iterator<Item = &BTreeSet<String>> {
        self.wrote.iter().filter(|(number, _)| !self.registered.contains(*number)).map(|(_, names)| names)
    }

    /// Senders told by a number; failed: no registration of the bundle names it.
    pub(super) fn numbers(&self) -> Count {
        Count { n: self.wrote.len() as u64, failed: self.strange().count() as u64 }
    }

    /// Numbers that wrote under the name of a registered person; failed: he did not register them.
    pub(super) fn namesakes(&self) -> Count {
        let is_known = |names: &&BTreeSet<String>| names.iter().any(|name| self.names.contains(name));
        let n = self.wrote.values().filter(is_known).count() as u64;
        Count { n, failed: self.strange().filter(is_known).count() as u64 }
    }
}

/// The digits that tell a telephone number; `None` for a name, or an id of another service.
fn number(written: &str) -> Option<String> {
    let is_mark = |c: char| matches!(c, '+' | '-' | '(' | ')' | '.' | '~' | '/' | '\u{FFFD}') || c.is_whitespace();
    if !written.chars().all(|c| c.is_ascii_digit() || is_mark(c)) {
        return None;
    }
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    (DIGITS..=DIGITS_MAX).contains(&digits.len()).then(|| digits[digits.len() - DIGITS..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_itself_however_it_is_written_and_a_name_is_none() {
        for written in ["+31612345678", "+31 6 12345678", "0031 6-1234 5678", "06 12345678", "~ (06) 12.34.56.78"] {
            assert_eq!(number(written).as_deref(), Some("612345678"), "{written}");
        }
        for written in ["Anna", "", "+", "06 1234567 Anna", "12345678", "@anna:example.nl", "123456789012345678"] {
            assert_eq!(number(written), None, "{written}");
        }
    }

    #[test]
    fn a_number_that_nobody_registered_is_counted_once_and_a_registered_one_not() {
        let mut senders = Senders::default();
        senders.registered.insert(number("+31612345678").expect("a number"));
        for sender in ["06-12345678", "+31687654321", "0687654321", "Anna"] {
            senders.wrote(sender, None);
        }
        assert_eq!(senders.numbers(), Count { n: 2, failed: 1 });
        assert_eq!(senders.namesakes(), Count { n: 0, failed: 0 });
    }

    #[test]
    fn a_registered_person_who_writes_from_another_number_stands_out() {
        let mut senders = Senders::default();
        senders.registered.insert(number("+31612345678").expect("a number"));
        senders.names.insert("anna de vries".into());
        senders.wrote("+31612345678", Some("Anna de Vries"));
        assert_eq!(senders.namesakes(), Count { n: 1, failed: 0 });
        senders.wrote("+31687654321", Some("Anna de Vries"));
        senders.wrote("+31600000001", Some("Bram"));
        assert_eq!(senders.namesakes(), Count { n: 2, failed: 1 });
        assert_eq!(senders.numbers(), Count { n: 3, failed: 2 });
    }
}
