//! An event of a room as a gateway hands it over: what an application service is pushed, in the words of `zegel.source.v1`. Pure.

use super::judge::KEY_BYTES_MAX;
use crate::json::{at, canonical, items, number, text};
use crate::source::now_ms;
use serde_json::Value;
use zegel_proto::source::v1::{self as handed, Place, Request, request};
use zegel_verifier::hash::sha256;

/// Where media lie: a server, and its name for them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mxc {
    pub(super) server: String,
    pub(super) id: String,
}

impl Mxc {
    /// Reads `mxc://server/id`; `None` for anything that a path could mistake.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (server, id) = url.strip_prefix("mxc://")?.split_once('/')?;
        let is_plain = |part: &str, marks: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
        };
        let is_one = is_plain(server, ".-:") && !server.starts_with('.') && is_plain(id, "-_");
        is_one.then(|| Self { server: server.into(), id: id.into() })
    }
}

/// What is uploaded before an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Media that it names: they lie with the homeserver. Of encrypted media the ciphertext.
    Media(Mxc),
    /// The event itself, as canonical JSON: with the ciphertext of what it says, the key to that of its media, or what nobody here
    /// has words for.
    Event(Vec<u8>),
}

/// What is uploaded before an event that is handed over under this key, each under a key of its own.
pub(super) fn pieces(event: &Value, key: &str) -> Vec<(String, Piece)> {
    let url = text(event, &["content", "url"]).or_else(|| text(event, &["content", "file", "url"]));
    let media = url.and_then(Mxc::parse).map(|mxc| (key.to_owned(), Piece::Media(mxc)));
    let is_kept = is_encrypted(event) || matches!(kind(event), Kind::Other | Kind::OtherPoll);
    let whole = is_kept.then(|| (whole_of(key), Piece::Event(canonical(event))));
    media.into_iter().chain(whole).collect()
}

/// The upload of the event itself.
fn whole_of(key: &str) -> String {
    format!("{key} event")
}

/// Whether nobody here can read all that it says.
fn is_encrypted(event: &Value) -> bool {
    let is_message = text(event, &["type"]) == Some("m.room.message");
    text(event, &["type"]) == Some("m.room.encrypted") || is_message && at(event, &["content", "file"]).is_some()
}

/// That words and media of a room stay encrypted: with each event that is, and known again. Neither end is known here.
pub(super) fn gap(event: &Value, custodian: &str, room: &str) -> Option<Request> {
    let is_said = is_encrypted(event) || text(event, &["type"]) == Some("m.room.encryption");
    let gap = handed::Gap {
        custodian: custodian.into(),
        channel: handed::Channel::Matrix as i32,
        conversation: room.into(),
        reason: "encrypted_left_out".into(),
        from_ms: 0,
        to_ms: 0,
    };
    let key = sha256(&[room.as_bytes(), b" ", custodian.as_bytes()]);
    is_said.then(|| asked(format!("encrypted {key}"), request::Content::Gap(gap)))
}

/// That nobody says in which rooms a custodian was before events were pushed: of those rooms some may be missing. Neither end is known.
pub(super) fn unseen(custodian: &str) -> Request {
    let gap = handed::Gap {
        custodian: custodian.into(),
        channel: handed::Channel::Matrix as i32,
        reason: "rooms_not_known".into(),
        ..handed::Gap::default()
    };
    asked(format!("rooms {custodian}"), request::Content::Gap(gap))
}

pub(super) fn asked(key: String, content: request::Content) -> Request {
    Request { key, sent_at_ms: now_ms(), content: Some(content) }
}

pub(super) fn registration(room: &str) -> Request {
    let register = handed::Register {
        channel: handed::Channel::Matrix as i32,
        conversation: room.into(),
        title: room.into(),
        kind: "group".into(),
        id: String::new(),
    };
    asked(format!("room {room}"), request::Content::Register(register))
}

/// The key of an event for a custodian. Rooms of the first versions have ids of any length, up to 255 bytes: of a long one the digest.
pub(super) fn key(event_id: &str, custodian: &str) -> String {
    let plain = format!("{event_id} {custodian}");
    // There is room for what is uploaded with it.
    if plain.len() <= KEY_BYTES_MAX - 16 { plain } else { sha256(&[plain.as_bytes()]).to_string() }
}

/// Whether a message takes the place of another. One that names none, or says nothing new, is shown by clients as a message of
/// its own, and so it is one.
fn is_edit(event: &Value) -> bool {
    let of = |name: &str| text(event, &["content", "m.relates_to", name]).unwrap_or_default();
    of("rel_type") == "m.replace" && !of("event_id").is_empty() && new_words(event).is_some()
}

/// What an edit says from now on.
fn new_words(event: &Value) -> Option<String> {
    let new = at(event, &["content", "m.new_content"])?;
    if is_poll(event) { poll(new) } else { text(new, &["body"]).map(str::to_owned) }
}

/// What an event is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Message,
    Edit,
    Sticker,
    Poll,
    /// One whose question and options stand where nobody here reads them.
    OtherPoll,
    Encrypted,
    Reaction,
    Redaction,
    Member,
    /// Who is a member already takes another name or picture.
    Profile,
    Call,
    /// State of the room.
    State,
    /// Something said, or done, that has no words here.
    Other,
}

fn kind(event: &Value) -> Kind {
    match text(event, &["type"]).unwrap_or_default() {
        "m.room.message" if is_edit(event) => Kind::Edit,
        "m.room.message" => Kind::Message,
        "m.sticker" => Kind::Sticker,
        _ if is_poll(event) && is_edit(event) => Kind::Edit,
        _ if is_poll(event) && poll_of(event).is_some() => Kind::Poll,
        _ if is_poll(event) => Kind::OtherPoll,
        "m.room.encrypted" => Kind::Encrypted,
        "m.reaction" if !relates_to(event).is_empty() => Kind::Reaction,
        "m.room.redaction" if !redacts(event).is_empty() => Kind::Redaction,
        "m.room.member" if was_there(event) && text(event, &["content", "membership"]) == Some("join") => Kind::Profile,
        "m.room.member" => Kind::Member,
        call if call.starts_with(CALL) => Kind::Call,
        other if is_named_apart(other) && text(event, &["state_key"]).is_some() => Kind::State,
        _ => Kind::Other,
    }
}

/// How the types of events of calls begin.
const CALL: &str = "m.call.";

/// Whether a type is no word of ours: it stands in the log as it is. Anyone in a room makes up types.
fn is_named_apart(name: &str) -> bool {
    name.contains('.')
}

/// Whether whom an event of membership is about was there before it: who joins once more changes his name or picture.
pub(super) fn was_there(event: &Value) -> bool {
    let before = text(event, &["unsigned", "prev_content", "membership"]);
    before.or_else(|| text(event, &["prev_content", "membership"])) == Some("join")
}

fn relates_to(event: &Value) -> &str {
    text(event, &["content", "m.relates_to", "event_id"]).unwrap_or_default()
}

fn redacts(event: &Value) -> &str {
    text(event, &["content", "redacts"]).or_else(|| text(event, &["redacts"])).unwrap_or_default()
}

/// What a text of a poll says, in any of the ways in which it is written.
fn words(text_of: &Value) -> Option<&str> {
    let plain = ["m.text", "org.matrix.msc1767.text"].into_iter().find_map(|key| text_of.get(key));
    let listed = plain.and_then(|plain| text(plain.get(0)?, &["body"]));
    listed.or_else(|| plain?.as_str()).or_else(|| text(text_of, &["body"]))
}

fn is_poll(event: &Value) -> bool {
    matches!(text(event, &["type"]), Some("m.poll.start" | "org.matrix.msc3381.poll.start"))
}

/// What an event says that begins a poll.
fn poll_of(event: &Value) -> Option<String> {
    poll(at(event, &["content"])?)
}

/// The question of a poll, and each of its options on a line of its own; `None` where there is no word of either.
fn poll(content: &Value) -> Option<String> {
    let poll = ["m.poll", "m.poll.start", "org.matrix.msc3381.poll.start"].iter().find_map(|key| content.get(key))?;
    let said: Vec<&str> = poll.get("question").into_iter().chain(items(poll, &["answers"])).filter_map(words).collect();
    Some(said.join("\n")).filter(|said| !said.is_empty())
}

/// What all events have.
struct Said<'a> {
    event: &'a Value,
    place: Option<Place>,
    native_id: String,
    sender: String,
    /// Under which it is handed over.
    key: &'a str,
    /// Under which its media are uploaded.
    upload: &'a str,
}

/// What an event is to a gateway; `None` for what has no type. `key` is that under which it is handed over, `upload` that under which
/// its media are uploaded; empty: they are not.
pub(super) fn content(
    event: &Value,
    (custodian, room): (&str, &str),
    key: &str,
    upload: &str,
) -> Option<request::Content> {
    let at_ms = number(event, &["origin_server_ts"]).unwrap_or(0);
    let clock = if at_ms == 0 { handed::Clock::Unspecified } else { handed::Clock::Server };
    let place = Some(Place {
        custodian: custodian.into(),
        channel: handed::Channel::Matrix as i32,
        conversation: room.into(),
        at_ms,
        clock: clock as i32,
    });
    let of = |path: &[&str]| text(event, path).unwrap_or_default().to_owned();
    let said = Said { event, place, native_id: of(&["event_id"]), sender: of(&["sender"]), key, upload };
    Some(said.content(text(event, &["type"])?))
}

impl Said<'_> {
    fn of(&self, path: &[&str]) -> String {
        text(self.event, path).unwrap_or_default().to_owned()
    }

    fn content(self, name: &str) -> request::Content {
        use request::Content as C;
        match kind(self.event) {
            Kind::Edit => {
                let (target, text) = (relates_to(self.event).into(), new_words(self.event).unwrap_or_default());
                let Self { place, native_id, sender, .. } = self;
                C::Edit(handed::Edit { place, native_id, target, sender, text })
            }
            Kind::Message => C::Message(self.message()),
            Kind::Sticker => {
                let body = self.of(&["content", "body"]);
                let attachments = vec![self.attachment(&body)];
                C::Message(handed::Message { attachments, ..self.plain("sticker", body) })
            }
            Kind::Poll => C::Message(self.plain("poll", poll_of(self.event).unwrap_or_default())),
            Kind::OtherPoll => C::Message(self.kept("poll")),
            Kind::Encrypted => C::Message(self.kept("encrypted")),
            Kind::Reaction => {
                let (target, sign) = (relates_to(self.event).into(), self.of(&["content", "m.relates_to", "key"]));
                let Self { place, native_id, sender, .. } = self;
                C::Reaction(handed::Reaction { place, native_id, target, sender, sign, removed: false })
            }
            Kind::Redaction => {
                let target = redacts(self.event).into();
                let Self { place, native_id, sender, .. } = self;
                C::Deletion(handed::Deletion { place, native_id, target, sender })
            }
            Kind::Member => C::Membership(self.membership()),
            Kind::Profile => {
                let value = self.of(&["content", "displayname"]);
                self.setting("profile_name", value)
            }
            Kind::Call => {
                let Self { place, native_id, sender, .. } = self;
                C::Call(handed::Call { place, native_id, what: name.trim_start_matches(CALL).into(), sender })
            }
            Kind::State => self.state(name),
            Kind::Other if is_named_apart(name) => C::Message(self.kept(name)),
            Kind::Other => C::Message(self.kept("event")),
        }
    }

    /// State of the room: what has a word here with its value, anything else under its type with all that it holds.
    fn state(self, name: &str) -> request::Content {
        let (what, value) = match name {
            "m.room.create" => ("created", "room_version"),
            "m.room.name" => ("subject", "name"),
            "m.room.topic" => ("description", "topic"),
            "m.room.avatar" => ("picture", "url"),
            "m.room.encryption" => ("encryption_on", "algorithm"),
            "m.room.history_visibility" => ("history_visibility", "history_visibility"),
            "m.room.join_rules" => ("join_rules", "join_rule"),
            other => {
                let whole = at(self.event, &["content"]).map(canonical).unwrap_or_default();
                return self.setting(other, String::from_utf8(whole).unwrap_or_default());
            }
        };
        let value = self.of(&["content", value]);
        self.setting(what, value)
    }

    /// A message of which nobody here can say what it says: the event itself comes with it.
    fn kept(&self, what: &str) -> handed::Message {
        handed::Message { attachments: vec![self.whole()], ..self.plain(what, String::new()) }
    }

    fn plain(&self, what: &str, body: String) -> handed::Message {
        handed::Message {
            place: self.place.clone(),
            native_id: self.native_id.clone(),
            sender: self.sender.clone(),
            reply_to: self.of(&["content", "m.relates_to", "m.in_reply_to", "event_id"]),
            text: body,
            what: what.into(),
            ..handed::Message::default()
        }
    }

    fn message(&self) -> handed::Message {
        let (what, body) = (self.of(&["content", "msgtype"]), self.of(&["content", "body"]));
        let is_media = matches!(what.as_str(), "m.image" | "m.file" | "m.video" | "m.audio");
        let mut attachments = if is_media { vec![self.attachment(&body)] } else { Vec::new() };
        if is_encrypted(self.event) {
            // Ciphertext, whatever type it is of once it is opened: the event has the key.
            attachments.iter_mut().for_each(|attached| attached.media_type = "application/octet-stream".into());
            attachments.push(self.whole());
            return handed::Message { attachments, ..self.plain("encrypted_media", body) };
        }
        let what = match what.as_str() {
            "m.emote" | "m.notice" | "m.location" => what.trim_start_matches("m."),
            _ => "",
        };
        handed::Message { attachments, ..self.plain(what, body) }
    }

    fn attachment(&self, body: &str) -> handed::Attachment {
        // Since version 1.10 a body can be a caption, and the name stands beside it.
        let name = self.of(&["content", "filename"]);
        let name = if name.is_empty() { body.to_owned() } else { name };
        let media_type = self.of(&["content", "info", "mimetype"]);
        handed::Attachment { name, media_type, upload: self.upload.into(), left_out: false }
    }

    /// The event itself, where it is kept for who has the keys.
    fn whole(&self) -> handed::Attachment {
        let (name, media_type) = ("event.json".into(), "application/json".into());
        handed::Attachment { name, media_type, upload: whole_of(self.key), left_out: false }
    }

    fn membership(self) -> handed::Membership {
        let member = self.of(&["state_key"]);
        let what = match (self.of(&["content", "membership"]).as_str(), member == self.sender) {
            ("join", _) => "joined",
            ("leave", true) => "left",
            ("leave", false) => "removed",
            ("invite", _) => "invited",
            ("ban", _) => "banned",
            _ => "knocked",
        };
        let Self { place, native_id, sender, .. } = self;
        handed::Membership { place, native_id, what: what.into(), sender, members: vec![member] }
    }

    fn setting(self, what: &str, value: String) -> request::Content {
        let Self { place, native_id, sender, .. } = self;
        request::Content::Setting(handed::Setting { place, native_id, what: what.into(), sender, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_edit_that_names_no_message_is_a_message_and_is_not_lost() {
        let event = |relation: &str, new: &str| {
            let text = format!(r#"{{"content":{{"body":"* ja","m.relates_to":{relation}{new}}}}}"#);
            serde_json::from_str::<Value>(&text).expect("JSON")
        };
        let (whole, new) = (r#"{"rel_type":"m.replace","event_id":"$1"}"#, r#","m.new_content":{"body":"ja"}"#);
        assert!(is_edit(&event(whole, new)));
        assert!(!is_edit(&event(whole, "")), "nothing new");
        for relation in
            [r#"{"rel_type":"m.replace"}"#, r#"{"rel_type":"m.replace","event_id":""}"#, r#"{"event_id":"$1"}"#]
        {
            assert!(!is_edit(&event(relation, new)), "{relation}");
        }
    }

    #[test]
    fn a_key_is_never_longer_than_a_sidecar_takes() {
        let custodian = "5".repeat(64);
        assert_eq!(key("$1", &custodian), format!("$1 {custodian}"));
        let (long, other) = (format!("${}", "a".repeat(254)), format!("${}b", "a".repeat(253)));
        assert_eq!(key(&long, &custodian).len(), 64);
        assert_ne!(key(&long, &custodian), key(&other, &custodian));
        assert_ne!(key(&long, &custodian), key(&long, &"6".repeat(64)));
    }

    #[test]
    fn an_address_of_media_is_two_plain_names_and_nothing_that_a_path_could_mistake() {
        let found = |url: &str| Mxc::parse(url).map(|mxc| (mxc.server, mxc.id));
        let wanted = Some(("matrix.example.nl:8448".into(), "GCmhgzMPRjqgpODLsNQzVuHZ".into()));
        assert_eq!(found("mxc://matrix.example.nl:8448/GCmhgzMPRjqgpODLsNQzVuHZ"), wanted);
        for url in [
            "https://a/b",
            "mxc://a",
            "mxc://a/",
            "mxc:///b",
            "mxc://a/b/c",
            "mxc://a/..",
            "mxc://../b",
            "mxc://a/b?c",
            "mxc://a/b c",
        ] {
            assert_eq!(found(url), None, "{url}");
        }
    }

    fn handed(kind: &str, content: &Value, more: &Value) -> request::Content {
        let mut event = json!({ "type": kind, "sender": "@anna:x", "event_id": "$1", "content": content });
        let more = more.as_object().expect("an object").clone();
        event.as_object_mut().expect("an object").extend(more);
        super::content(&event, ("5", "!r"), "k", "").expect("an event")
    }

    #[test]
    fn a_poll_is_a_message_with_its_question_and_options() {
        let stable = json!({ "m.poll": { "question": { "m.text": [{ "body": "Wanneer?" }] },
            "answers": [{ "m.id": "1", "m.text": [{ "body": "maandag" }] }, { "m.id": "2", "m.text": [{ "body": "dinsdag" }] }] } });
        let start = json!({ "question": { "org.matrix.msc1767.text": "Wanneer?", "body": "Wanneer?" },
            "answers": [{ "id": "1", "org.matrix.msc1767.text": "maandag" }, { "id": "2", "body": "dinsdag" }] });
        let before = json!({ "org.matrix.msc3381.poll.start": start });
        for (kind, content) in [("m.poll.start", stable), ("org.matrix.msc3381.poll.start", before)] {
            let request::Content::Message(found) = handed(kind, &content, &json!({})) else { panic!("{kind}") };
            assert_eq!((found.what.as_str(), found.text.as_str()), ("poll", "Wanneer?\nmaandag\ndinsdag"), "{kind}");
        }
    }

    /// As Element Web does it: the type of a poll, with all that is new in `m.new_content` and nothing beside it.
    #[test]
    fn an_edited_poll_is_an_edit_with_its_new_words() {
        let poll = json!({ "question": { "m.text": [{ "body": "Wanneer wel?" }] }, "answers": [{ "m.text": [{ "body": "nooit" }] }] });
        let relates = json!({ "rel_type": "m.replace", "event_id": "$0" });
        let edit = |new: &Value| json!({ "m.new_content": new, "m.relates_to": relates });
        for (kind, start) in
            [("m.poll.start", "m.poll"), ("org.matrix.msc3381.poll.start", "org.matrix.msc3381.poll.start")]
        {
            let content = edit(&json!({ start: poll }));
            let request::Content::Edit(found) = handed(kind, &content, &json!({})) else { panic!("{kind}") };
            assert_eq!((found.target.as_str(), found.text.as_str()), ("$0", "Wanneer wel?\nnooit"), "{kind}");
            assert_eq!(pieces(&json!({ "type": kind, "content": content }), "k"), []);
            // One that replaces nothing is a poll.
            let both = json!({ start: poll, "m.new_content": { start: poll } });
            let request::Content::Message(found) = handed(kind, &both, &json!({})) else { panic!("{kind}") };
            assert_eq!((found.what.as_str(), found.text.as_str()), ("poll", "Wanneer wel?\nnooit"), "{kind}");
        }
    }

    #[test]
    fn of_a_poll_that_has_no_words_where_they_are_read_all_is_kept() {
        let fallback = json!({ "m.text": [{ "body": "Wanneer? 1. maandag" }] });
        let relates = json!({ "rel_type": "m.replace", "event_id": "$0" });
        let edit = json!({ "m.new_content": fallback, "m.relates_to": relates });
        let empty = json!({ "m.poll": { "question": { "m.text": [] }, "answers": [] } });
        for kind in ["m.poll.start", "org.matrix.msc3381.poll.start"] {
            for content in [&fallback, &edit, &empty, &Value::Null] {
                let request::Content::Message(found) = handed(kind, content, &json!({})) else { panic!("{content}") };
                let [attached] = &found.attachments[..] else { panic!("{content}") };
                assert_eq!((found.what.as_str(), attached.upload.as_str()), ("poll", "k event"), "{content}");
                let event = json!({ "type": kind, "content": content });
                let wanted = [("k event".to_owned(), Piece::Event(canonical(&event)))];
                assert_eq!(pieces(&event, "k"), wanted, "{content}");
            }
        }
    }

    #[test]
    fn who_joins_and_is_there_already_takes_another_name_and_joins_nothing() {
        let content = json!({ "membership": "join", "displayname": "Anna V." });
        let joined = |more: Value| match handed("m.room.member", &content, &more) {
            request::Content::Setting(found) => (found.what, found.value),
            request::Content::Membership(found) => (found.what, found.members.concat()),
            other => panic!("{other:?}"),
        };
        let before = |membership: &str| json!({ "prev_content": { "membership": membership } });
        let with = |mut more: Value| {
            more["state_key"] = "@anna:x".into();
            joined(more)
        };
        let named = ("profile_name".to_owned(), "Anna V.".to_owned());
        assert_eq!([with(before("join")), with(json!({ "unsigned": before("join") }))], [named.clone(), named]);
        let came = ("joined".to_owned(), "@anna:x".to_owned());
        assert_eq!([with(json!({})), with(before("invite"))], [came.clone(), came]);
    }

    #[test]
    fn of_what_has_no_words_here_all_is_kept() {
        let answer = json!({ "m.selections": ["1"], "m.relates_to": { "rel_type": "m.reference", "event_id": "$0" } });
        let whole = |kind: &str, content: &Value| {
            let request::Content::Message(found) = handed(kind, content, &json!({})) else { panic!("{kind}") };
            let event = json!({ "type": kind, "content": content });
            assert!(
                matches!(&pieces(&event, "k")[..], [(upload, Piece::Event(_))] if *upload == whole_of("k")),
                "{kind}"
            );
            let [attached] = &found.attachments[..] else { panic!("{kind}") };
            (found.what, attached.upload.clone())
        };
        // A redaction and a reaction that name nothing are nothing else.
        for kind in ["m.poll.response", "nl.example.iets", "m.room.redaction", "m.reaction"] {
            let content = if kind == "m.poll.response" { &answer } else { &Value::Null };
            assert_eq!(whole(kind, content), (kind.to_owned(), whole_of("k")));
        }
        // Who makes up a type decides nothing by it.
        for (kind, more) in [("contact_admitted", json!({ "state_key": "" })), ("encrypted", json!({}))] {
            let made = handed(kind, &Value::Null, &more);
            assert!(matches!(made, request::Content::Message(made) if made.what == "event"), "{kind}");
        }
        let state = handed("m.room.server_acl", &json!({ "deny": ["x"] }), &json!({ "state_key": "" }));
        let request::Content::Setting(found) = state else { panic!("{state:?}") };
        assert_eq!((found.what.as_str(), found.value.as_str()), ("m.room.server_acl", r#"{"deny":["x"]}"#));
        let call = handed("m.call.invite", &json!({}), &json!({}));
        assert!(matches!(call, request::Content::Call(call) if call.what == "invite"));
    }
}
