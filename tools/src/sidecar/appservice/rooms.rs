//! Who of ours is in which room: as the homeserver answered once, and as pushed memberships say from there on. Pure, but for its file.
//!
//! A transaction that changed any of it and comes again, since its answer was lost, is not taken twice: who came with it was not
//! there before. Specification: `specs/source.md`, "Matrix".

use super::super::SidecarError;
use super::super::pushed::was_there;
use crate::disk::{self, DiskError};
use crate::json::text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use zegel_verifier::hash::{Hash, sha256};

/// As it lies in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rooms {
    /// Users of ours who joined each room; rooms that none of them is in have no row.
    joined: BTreeMap<String, BTreeSet<String>>,
    /// Users of whom the homeserver said in which rooms they were before any event of these was pushed.
    known: BTreeSet<String>,
    /// The last transaction that changed it: its id, and a digest of the ids of its events.
    taken: Option<(String, String)>,
}

impl Rooms {
    /// Reads the file; nothing is known where there is none. One of before has who joined each room as it was pushed, and nobody
    /// was asked who had been there before: so the homeserver is.
    pub(super) fn read(path: &Path) -> Result<Self, SidecarError> {
        let Some(bytes) = disk::read_if_there(path)? else { return Ok(Self::default()) };
        let of_before = || Some(Self { joined: serde_json::from_slice(&bytes).ok()?, ..Self::default() });
        serde_json::from_slice(&bytes).or_else(|reason| of_before().ok_or(reason)).map_err(|reason| {
            SidecarError::Config {
                path: path.display().to_string(),
                reason: format!("{reason}: move it away, and the homeserver is asked anew who is in which room"),
            }
        })
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), DiskError> {
        disk::write_durably(path, &serde_json::to_vec_pretty(self).unwrap_or_default())
    }

    /// Whether it is known in which rooms a user was before we were told.
    pub(super) fn knows(&self, user: &str) -> bool {
        self.known.contains(user)
    }

    /// Notes in which rooms a user was before these events, which are still to be taken, from those in which he is now.
    pub(super) fn learn(&mut self, user: &str, rooms: Vec<String>, events: &[Value]) {
        let comes_into =
            |room: &str| events.iter().any(|event| text(event, &["room_id"]) == Some(room) && is_arrival(event, user));
        let left =
            events.iter().filter(|event| is_departure(event, user)).filter_map(|event| text(event, &["room_id"]));
        let before = rooms.into_iter().filter(|room| !comes_into(room)).chain(left.map(str::to_owned));
        for room in before.collect::<Vec<_>>() {
            self.joined.entry(room).or_default().insert(user.to_owned());
        }
        self.known.insert(user.to_owned());
    }

    /// Takes an event of a room: who of ours were there, or are told of it since it is about them.
    pub(super) fn take(&mut self, event: &Value, is_ours: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let (Some(room), Some(sender)) = (text(event, &["room_id"]), text(event, &["sender"])) else {
            return BTreeSet::new();
        };
        let member = member(event);
        let joins = text(event, &["content", "membership"]) == Some("join");
        let mut there = self.joined.remove(room).unwrap_or_default();
        // Who says something is there; who says it of himself may be on the way in or out.
        let speaker = Some(sender).filter(|sender| member != Some(*sender));
        let found = speaker.into_iter().chain(member.filter(|_| joins)).filter(|user| is_ours(user));
        there.extend(found.map(str::to_owned));
        let mut told = there.clone();
        told.extend(member.filter(|user| is_ours(user)).map(str::to_owned));
        if let Some(gone) = member.filter(|_| !joins) {
            there.remove(gone);
        }
        if !there.is_empty() {
            self.joined.insert(room.to_owned(), there);
        }
        told
    }

    /// Notes a transaction of which all was taken.
    pub(super) fn note(&mut self, transaction: &str, events: &[Value]) {
        self.taken = Some((transaction.to_owned(), digest(events).to_string()));
    }

    /// Whether it is the last that changed who is where. A homeserver that was set up anew counts from one again.
    pub(super) fn has_taken(&self, transaction: &str, events: &[Value]) -> bool {
        self.taken.as_ref().is_some_and(|(id, found)| id == transaction && *found == digest(events).to_string())
    }
}

/// Whom an event of membership is about.
fn member(event: &Value) -> Option<&str> {
    text(event, &["state_key"]).filter(|_| text(event, &["type"]) == Some("m.room.member"))
}

/// Whether a user comes into a room by it, in which he was not.
fn is_arrival(event: &Value, user: &str) -> bool {
    member(event) == Some(user) && text(event, &["content", "membership"]) == Some("join") && !was_there(event)
}

/// Whether a user goes out of a room by it, in which he was.
fn is_departure(event: &Value, user: &str) -> bool {
    member(event) == Some(user) && text(event, &["content", "membership"]) != Some("join") && was_there(event)
}

/// Of the ids of events: what stands beside them, such as their age, differs each time.
fn digest(events: &[Value]) -> Hash {
    let ids: Vec<&[u8]> = events.iter().flat_map(|event| [id(event), b"\n"]).collect();
    sha256(&ids)
}

fn id(event: &Value) -> &[u8] {
    text(event, &["event_id"]).unwrap_or_default().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ANNA: &str = "@anna:x";

    fn event(room: &str, sender: &str, id: &str) -> Value {
        json!({ "type": "m.room.message", "room_id": room, "sender": sender, "event_id": id, "content": {} })
    }

    fn membership(membership: &str, sender: &str, member: &str) -> Value {
        json!({ "type": "m.room.member", "room_id": "!r", "sender": sender, "state_key": member, "event_id": "$m",
            "content": { "membership": membership } })
    }

    fn told(rooms: &mut Rooms, event: &Value) -> Vec<String> {
        rooms.take(event, |user| user == ANNA).into_iter().collect()
    }

    #[test]
    fn only_who_joined_is_there_and_who_is_invited_hears_of_the_invitation_alone() {
        let mut rooms = Rooms::default();
        let nobody: [&str; 0] = [];
        for membership in [
            membership("invite", "@bram:x", ANNA),
            membership("knock", ANNA, ANNA),
            membership("leave", ANNA, ANNA),
            membership("ban", "@bram:x", ANNA),
        ] {
            assert_eq!(told(&mut rooms, &membership), [ANNA], "{membership}");
            assert_eq!(told(&mut rooms, &event("!r", "@bram:x", "$1")), nobody, "{membership}");
        }
        assert_eq!(rooms, Rooms::default(), "of rooms that none of ours is in nothing is kept");
        assert_eq!(told(&mut rooms, &membership("join", ANNA, ANNA)), [ANNA]);
        assert_eq!(told(&mut rooms, &membership("invite", ANNA, "@bram:x")), [ANNA]);
        assert_eq!(told(&mut rooms, &event("!r", "@bram:x", "$1")), [ANNA]);
        assert_eq!(told(&mut rooms, &event("!other", "@bram:x", "$1")), nobody);
        assert_eq!(told(&mut rooms, &membership("leave", "@bram:x", ANNA)), [ANNA]);
        assert_eq!(told(&mut rooms, &event("!r", "@bram:x", "$2")), nobody);
        // Who says something is there, whatever was pushed.
        assert_eq!(told(&mut rooms, &event("!r", ANNA, "$3")), [ANNA]);
        assert_eq!(told(&mut rooms, &event("!r", "@bram:x", "$4")), [ANNA]);
    }

    #[test]
    fn what_the_homeserver_says_of_a_room_holds_from_when_the_user_came() {
        let mut rooms = Rooms::default();
        let mut renamed = membership("join", ANNA, ANNA);
        renamed["unsigned"] = json!({ "prev_content": { "membership": "join" } });
        let mut left = membership("leave", ANNA, ANNA);
        left["prev_content"] = json!({ "membership": "join" });
        (renamed["room_id"], left["room_id"]) = ("!old".into(), "!left".into());
        rooms.learn(ANNA, vec!["!r".into(), "!old".into()], &[membership("join", ANNA, ANNA), renamed, left]);
        assert!(rooms.knows(ANNA) && !rooms.knows("@bram:x"));
        assert_eq!(told(&mut rooms, &event("!old", "@bram:x", "$1")), [ANNA]);
        assert_eq!(told(&mut rooms, &event("!left", "@bram:x", "$2")), [ANNA]);
        assert_eq!(told(&mut rooms, &event("!r", "@bram:x", "$3")), [""; 0]);
    }

    #[test]
    fn a_transaction_is_known_again_by_its_id_and_its_events_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rooms.json");
        let mut rooms = Rooms::read(&path).expect("none yet");
        let (first, mut again) = (event("!r", ANNA, "$1"), event("!r", ANNA, "$1"));
        again["unsigned"] = json!({ "age": 7 });
        told(&mut rooms, &first);
        rooms.note("7", std::slice::from_ref(&first));
        rooms.write(&path).expect("written");
        let read = Rooms::read(&path).expect("read");
        assert_eq!(read, rooms);
        assert!(read.has_taken("7", &[again]));
        assert!(!read.has_taken("8", std::slice::from_ref(&first)));
        assert!(!read.has_taken("7", &[event("!r", ANNA, "$2")]));
        assert!(!read.has_taken("7", &[first, event("!r", ANNA, "$2")]));
        for torn in [&b""[..], b"{", b"[]", br#"{"joined": {}}"#, br#"{"!r": ["@anna:x", 7]}"#] {
            std::fs::write(&path, torn).expect("written");
            assert!(
                matches!(Rooms::read(&path), Err(SidecarError::Config { reason, .. }) if reason.contains("move it away"))
            );
        }
    }

    #[test]
    fn of_a_file_of_before_who_joined_is_there_and_the_rest_is_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rooms.json");
        std::fs::write(&path, br#"{"!r": ["@anna:x", "@cor:x"]}"#).expect("written");
        let mut rooms = Rooms::read(&path).expect("read");
        assert!(!rooms.knows(ANNA), "nobody asked in which rooms she was before");
        let there = BTreeSet::from([ANNA, "@cor:x"].map(str::to_owned));
        assert_eq!(rooms.take(&event("!r", "@bram:x", "$1"), |_| false), there);
        rooms.write(&path).expect("written");
        assert_eq!(Rooms::read(&path).expect("read"), rooms);
    }
}
