//! Who is who in an export: recipients by number, as the holder's device names them.

use crate::json::{at, items, number, text};
use base64::Engine;
use serde_json::Value;
use std::collections::HashMap;

/// A recipient: a person, a group, or the holder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Person {
    /// `+31…` or the account's id; none for the holder, a group, and whoever has left Signal.
    pub(super) identifier: Option<String>,
    /// The account's id, which stays when a number or a name changes.
    account: Option<String>,
    /// What the device calls them.
    pub(super) name: Option<String>,
    /// The holder of the device.
    pub(super) is_self: bool,
}

/// All recipients of an export.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    by_id: HashMap<u64, Person>,
    by_account: HashMap<String, u64>,
    /// What their names take.
    bytes: usize,
    /// What the holder calls himself.
    pub(super) own_name: Option<String>,
}

impl People {
    /// Takes a frame `account`: the holder's own name, and nothing else of it.
    pub(super) fn account(&mut self, account: &Value) {
        self.own_name = joined(account, &["givenName"], &["familyName"]);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.by_id.len()
    }

    /// What the names of all take, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a frame `recipient`, of which no other has the number.
    pub(super) fn recipient(&mut self, recipient: &Value) {
        let Some(id) = number(recipient, &["id"]) else { return };
        let contact = at(recipient, &["contact"]);
        let account = contact.and_then(account_of);
        let person = if let Some(contact) = contact {
            let e164 = number(contact, &["e164"]).map(|number| format!("+{number}"));
            Person {
                identifier: e164.or(account.clone()),
                account: account.clone(),
                name: name_of(contact),
                is_self: false,
            }
        } else if let Some(group) = at(recipient, &["group"]) {
            let title = text(group, &["snapshot", "title", "title"]).map(str::to_owned);
            Person { name: title, ..Person::default() }
        } else {
            let is_self = recipient.get("self").is_some();
            let own = self.own_name.clone().filter(|_| is_self);
            let list = text(recipient, &["distributionList", "distributionList", "name"]).map(str::to_owned);
            let call = text(recipient, &["callLink", "name"]).map(str::to_owned);
            Person { name: own.or(list).or(call), is_self, ..Person::default() }
        };
        let kept = [&person.identifier, &person.account, &person.name, &account];
        self.bytes += kept.into_iter().flatten().map(String::len).sum::<usize>();
        if let Some(account) = account {
            self.by_account.insert(account, id);
        }
        self.by_id.insert(id, person);
    }

    /// A recipient by number.
    pub(super) fn get(&self, id: u64) -> Option<&Person> {
        self.by_id.get(&id)
    }

    /// What to call a recipient in a sentence: `exporter` is the holder of the device.
    pub(super) fn called(&self, id: u64) -> String {
        match self.get(id) {
            Some(person) if person.is_self => "exporter".into(),
            Some(person) => person.name.clone().or_else(|| person.identifier.clone()).unwrap_or_default(),
            None => String::new(),
        }
    }

    /// What a recipient is called in every export: an export numbers its recipients anew.
    pub(super) fn lasting(&self, id: u64) -> String {
        let person = self.get(id).cloned().unwrap_or_default();
        let own = person.is_self.then(|| "self".to_owned());
        own.or(person.account).or(person.identifier).or(person.name).unwrap_or_else(|| format!("recipient {id}"))
    }

    /// What to call an account, as group changes name them.
    pub(super) fn account_called(&self, account: &str) -> String {
        let id = uuid(account);
        match self.by_account.get(&id) {
            Some(known) => self.called(*known),
            None => id,
        }
    }

    /// Number of members in a group's snapshot.
    pub(super) fn members(recipient: &Value) -> usize {
        items(recipient, &["group", "snapshot", "members"]).len()
    }
}

/// The account's id, or the id of its number.
fn account_of(contact: &Value) -> Option<String> {
    text(contact, &["aci"]).or_else(|| text(contact, &["pni"])).map(uuid)
}

/// Names in the order in which an app shows them: the holder's own first, then the phone's, then the other's own.
fn name_of(contact: &Value) -> Option<String> {
    joined(contact, &["nickname", "given"], &["nickname", "family"])
        .or_else(|| joined(contact, &["systemGivenName"], &["systemFamilyName"]))
        .or_else(|| text(contact, &["systemNickname"]).filter(|name| !name.is_empty()).map(str::to_owned))
        .or_else(|| joined(contact, &["profileGivenName"], &["profileFamilyName"]))
        .or_else(|| text(contact, &["username"]).filter(|name| !name.is_empty()).map(str::to_owned))
}

fn joined(value: &Value, given: &[&str], family: &[&str]) -> Option<String> {
    let parts = [text(value, given), text(value, family)];
    let name = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then_some(name)
}

/// Bytes of protobuf stand in JSON as base64; 16 of them are an id. Anything else stays as it is.
fn uuid(written: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(written).ok();
    let Some(id) = bytes.filter(|bytes| bytes.len() == 16) else { return written.to_owned() };
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_person_is_called_what_the_device_calls_them() {
        let mut people = People::default();
        people.account(&json!({ "givenName": "Anna", "familyName": "de Vries", "profileKey": "geheim" }));
        people.recipient(&json!({ "id": "1", "self": {} }));
        people.recipient(&json!({ "id": "2", "contact": { "aci": "AAECAwQFBgcICQoLDA0ODw==", "e164": "31611111111",
            "profileGivenName": "Bram", "systemGivenName": "Bram", "systemFamilyName": "Bakker" } }));
        people.recipient(&json!({ "id": "3", "contact": { "aci": "EBESExQVFhcYGRobHB0eHw==" } }));
        assert_eq!(people.called(1), "exporter");
        assert_eq!(people.called(2), "Bram Bakker");
        assert_eq!(people.account_called("AAECAwQFBgcICQoLDA0ODw=="), "Bram Bakker");
        assert_eq!(people.called(3), "10111213-1415-1617-1819-1a1b1c1d1e1f");
        assert_eq!(people.get(2).and_then(|person| person.identifier.as_deref()), Some("+31611111111"));
        assert_eq!(people.own_name.as_deref(), Some("Anna de Vries"));
    }
}
