//! Events of rooms, as a real server (Synapse 1.163) signed and handed them out: what holds, and what is refused or doubted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use zegel_proto::v1::{EventKind, ProofClass};
use zegel_tools::event::{Field, commit_all};
use zegel_tools::import::alignment::{FingerprintKey, Known, Row};
use zegel_tools::import::{CaptureIds, MediaStore, Reader};
use zegel_tools::matrix::*;
use zegel_tools::record::{Attached, Record};
use zegel_verifier::hash::{Hash, sha256};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/matrix").join(name)
}

fn keys() -> ServerKeys {
    ServerKeys::read(&fixture("server-keys.json")).expect("keys")
}

fn version(number: &str) -> RoomVersion {
    RoomVersion::parse(number).expect("a version")
}

fn events(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(fixture(name)).expect("a fixture");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

fn room(names: &[&str], keys: ServerKeys) -> Room {
    let paths = names.iter().map(|name| fixture(name)).collect();
    Room::read(&RoomOrder { paths, keys, ..RoomOrder::default() }).expect("a room")
}

fn id(event: &Value) -> Option<&str> {
    event["event_id"].as_str()
}

/// Events as records, without their media.
fn records(events: &[Value]) -> Vec<Record> {
    let ids = CaptureIds { conversation: Hash::ZERO, custodian: Hash::ZERO };
    let events: Vec<_> = events
        .iter()
        .enumerate()
        .map(|(at, json)| RoomEvent::take(json.clone(), at, None).expect("an event"))
        .collect();
    let mut relations = Relations::default();
    events.iter().for_each(|event| relations.note(event));
    let of = |event| record(ids, event, Row::New, ProofClass::CExportFile, &relations, vec![]);
    events.iter().map(of).collect()
}

/// Events as the files of a room, one each, and the room that is read of them.
fn written(files: &[&[Value]], order: RoomOrder) -> Room {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = |events: &[Value]| events.iter().map(|event| format!("{event}\n")).collect::<String>();
    let path = |at: usize| folder.path().join(format!("page-{at}.jsonl"));
    files.iter().enumerate().for_each(|(at, events)| std::fs::write(path(at), lines(events)).expect("written"));
    Room::read(&RoomOrder { paths: (0..files.len()).map(path).collect(), ..order }).expect("a room")
}

/// All records of a room that the log knows nothing of.
fn read_out(mut room: Room) -> Vec<Record> {
    let media = tempfile::tempdir().expect("a folder");
    let (ids, media) =
        (CaptureIds { conversation: Hash::ZERO, custodian: Hash::ZERO }, MediaStore::of_folder(media.path()));
    (0..room.records()).map(|index| room.record(ids, index, Row::New, &media).expect("a record")).collect()
}

fn of<'a>(records: &'a [Record], id: &str) -> &'a Record {
    let is_it = |record: &&Record| matches!(&record.native_id, Field::Value(found) if found == id);
    records.iter().find(is_it).expect("a record of this id")
}

fn targets(record: &Record) -> &[String] {
    if let Field::Value(detail) = &record.detail { &detail.targets } else { &[] }
}

fn what(record: &Record) -> (EventKind, &str, Option<String>) {
    let what = if let Field::Value(detail) = &record.detail { detail.what.as_str() } else { "" };
    let text = if let Field::Value(text) = &record.text { String::from_utf8(text.clone()).ok() } else { None };
    (record.kind, what, text)
}

#[test]
fn every_event_of_a_real_server_holds_in_every_room_version() {
    for number in ["10", "11", "12"] {
        let events = events(&format!("federation-v{number}.jsonl"));
        let found: Vec<_> = events.iter().map(|event| check(event, version(number), id(event), &keys())).collect();
        let redacted = found.iter().filter(|checked| **checked == Checked::HeldRedacted).count();
        assert_eq!(redacted, 2, "version {number}: {found:?}");
        assert!(found.iter().all(|checked| checked.is_held()), "version {number}: {found:?}");
    }
}

#[test]
fn an_event_with_one_thing_changed_holds_no_longer() {
    let all = events("federation-v11.jsonl");
    let is_message = |event: &&Value| event["content"]["body"] == "ja hoor";
    let message = all.iter().find(is_message).expect("a message");
    let checked = |change: &dyn Fn(&mut Value)| {
        let mut event = message.clone();
        change(&mut event);
        let given = id(&event).map(str::to_owned);
        check(&event, version("11"), given.as_deref(), &keys())
    };
    assert_eq!(checked(&|_| ()), Checked::Held);
    assert_eq!(checked(&|event| event["unsigned"] = json!({ "age": 7 })), Checked::Held);
    assert_eq!(checked(&|event| event["content"]["body"] = "nee hoor".into()), Checked::OtherContent);
    assert_eq!(checked(&|event| event["event_id"] = "$r-npJBgM0i2".into()), Checked::OtherId);
    assert_eq!(checked(&|event| event["origin_server_ts"] = 1.into()), Checked::OtherId);
    assert_eq!(checked(&|event| event["sender"] = "@bram:elders.nl".into()), Checked::OtherId);
    assert_eq!(checked(&|event| event["content"] = json!({ "body": 1.5 })), Checked::NotCanonical);
    assert_eq!(checked(&|event| drop(event.as_object_mut().map(|fields| fields.remove("hashes")))), Checked::Unsigned);
    let other = all.iter().find(|event| event["content"]["body"] == "ja hoor" || event["type"] == "m.reaction");
    let signatures = other.map(|_| all[0]["signatures"].clone()).expect("another event");
    assert_eq!(checked(&|event| event["signatures"] = signatures.clone()), Checked::BadSignature);
    // Without its id the same changes are seen by the hash and the signature.
    let mut late = message.clone();
    late["origin_server_ts"] = 1.into();
    late["event_id"] = Value::Null;
    assert_eq!(check(&late, version("11"), None, &keys()), Checked::OtherContent);
}

#[test]
fn without_the_key_of_its_server_or_after_that_has_expired_nothing_holds() {
    let message = &events("federation-v11.jsonl")[0];
    assert_eq!(check(message, version("11"), id(message), &ServerKeys::default()), Checked::NoKey);
    let mut answer: Value =
        serde_json::from_slice(&std::fs::read(fixture("server-keys.json")).expect("keys")).expect("JSON");
    answer["valid_until_ts"] = 1_000.into();
    assert_eq!(ServerKeys::parse(&answer).err(), Some("an answer is not signed by a key in it"));
}

#[test]
fn the_rules_of_another_room_version_give_another_id() {
    let redaction = events("federation-v11.jsonl").into_iter().find(|event| event["type"] == "m.room.redaction");
    let redaction = redaction.expect("a redaction");
    assert_eq!(check(&redaction, version("11"), id(&redaction), &keys()), Checked::Held);
    assert_eq!(check(&redaction, version("10"), id(&redaction), &keys()), Checked::OtherId);
}

#[test]
fn what_happened_in_a_room_is_what_its_records_say() {
    let found = records(&events("federation-v11.jsonl"));
    let said: Vec<_> = found.iter().map(what).collect();
    let has = |kind, what: &str, text: Option<&str>| said.contains(&(kind, what, text.map(str::to_owned)));
    assert!(has(EventKind::ConversationChanged, "created", None), "{said:#?}");
    assert!(has(EventKind::MembershipChanged, "invited", None));
    assert!(has(EventKind::MembershipChanged, "joined", None));
    assert!(has(EventKind::MembershipChanged, "left", None));
    assert!(has(EventKind::MessageCreated, "", Some("ja hoor")));
    assert!(has(EventKind::ReactionAdded, "", Some("👍")));
    assert!(has(EventKind::MessageEdited, "edited", Some("nee hoor")));
    // Somebody else's edit is none: it stands as the message that clients show.
    assert!(has(EventKind::MessageCreated, "edit_without_effect", Some("* dat is niet waar")));
    assert!(has(EventKind::MessageDeleted, "redacted", None));
    assert!(has(EventKind::MessageDeleted, "deleted", None));
    assert!(has(EventKind::ReactionRemoved, "deleted", None));
    assert!(has(EventKind::MessageWaiting, "encrypted", None));
    assert!(has(EventKind::MessageCreated, "", Some("kaart.png")));
    let edit = found.iter().find(|record| record.kind == EventKind::MessageEdited).expect("an edit");
    let first = found.iter().find(|record| what(record).2.as_deref() == Some("ja hoor")).expect("its message");
    assert_eq!(edit.target, first.native_id);
    assert_eq!(first.display_name, Field::Value("Bram Bakker".into()));
    let question =
        found.iter().find(|record| what(record).2.is_some_and(|text| text.starts_with("Kunnen"))).expect("first");
    assert_eq!(first.reply_to, question.native_id);
}

/// The rules of `m.replace`, each broken by itself. What is left is a message that says what was tried.
#[test]
fn an_edit_against_any_one_of_the_rules_edits_nothing() {
    let event = |id: &str, more: Value| {
        let mut event = json!({ "type": "m.room.message", "sender": "@anna:b", "event_id": id, "room_id": "!r:b" });
        event["content"] = json!({ "msgtype": "m.text", "body": "eerder" });
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        event
    };
    let edit = |target: &str, more: Value| {
        let relates = json!({ "rel_type": "m.replace", "event_id": target });
        let new = json!({ "msgtype": "m.text", "body": "later" });
        let content = json!({ "msgtype": "m.text", "body": "* later", "m.new_content": new, "m.relates_to": relates });
        let mut edit = event("$edit", json!({ "content": content }));
        edit.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        edit
    };
    let without_new = || {
        let mut bare = edit("$first", json!({}));
        bare["content"].as_object_mut().expect("an object").remove("m.new_content");
        bare
    };
    let of = |first: Value, edit: Value| {
        let found = records(&[first, edit]);
        let said = what(&found[1]);
        (said.0, said.1.to_owned(), found[1].target.clone())
    };
    let first = || event("$first", json!({}));
    let target = Field::Value("$first".to_owned());
    let valid = (EventKind::MessageEdited, "edited".to_owned(), target.clone());
    assert_eq!(of(first(), edit("$first", json!({}))), valid);
    let none = (EventKind::MessageCreated, "edit_without_effect".to_owned(), Field::None);
    assert_eq!(of(first(), edit("$first", json!({ "sender": "@bram:b" }))), none, "another sender");
    assert_eq!(of(first(), edit("$first", json!({ "state_key": "" }))), none, "the edit is state");
    assert_eq!(of(event("$first", json!({ "state_key": "" })), edit("$first", json!({}))), none, "the first is state");
    assert_eq!(of(event("$first", json!({ "type": "m.sticker" })), edit("$first", json!({}))), none, "another kind");
    assert_eq!(of(first(), without_new()), none, "no new content");
    let mut earlier = edit("$zero", json!({}));
    earlier["event_id"] = "$first".into();
    assert_eq!(of(earlier, edit("$first", json!({}))), none, "the first is an edit itself");
    // One that is not in the files can be anything: an edit, and not certain.
    let found = records(&[first(), edit("$elders", json!({}))]);
    let is_certain = |record: &Record| matches!(&record.detail, Field::Value(detail) if detail.certain);
    assert_eq!((found[1].kind, is_certain(&found[1])), (EventKind::MessageEdited, false));
}

#[test]
fn a_redaction_names_its_target_in_both_ways_of_the_versions() {
    for number in ["10", "11", "12"] {
        let found = records(&events(&format!("federation-v{number}.jsonl")));
        let deletions = found.iter().filter(|record| what(record).1 == "deleted");
        let targets: Vec<_> = deletions.map(|record| record.target.clone()).collect();
        assert_eq!(targets.len(), 2, "version {number}");
        assert!(targets.iter().all(|target| matches!(target, Field::Value(id) if id.starts_with('$'))), "{targets:?}");
    }
}

/// Servers write the target of a redaction at both places, and sign one: whoever changes the other changes nothing.
#[test]
fn a_redaction_that_holds_takes_away_what_was_signed_and_nothing_else() {
    for number in ["10", "11", "12"] {
        let genuine = events(&format!("federation-v{number}.jsonl"));
        let victim = genuine.iter().find(|event| event["content"]["body"] == "ja hoor").and_then(id).expect("a victim");
        let is_redaction = |event: &&mut Value| event["type"] == "m.room.redaction";
        let mut forged = genuine.clone();
        for event in forged.iter_mut().filter(is_redaction) {
            let copy = if number == "10" { &mut event["content"]["redacts"] } else { &mut event["redacts"] };
            *copy = victim.into();
        }
        assert_ne!(forged, genuine);
        let order = || RoomOrder { keys: keys(), version: Some(version(number)), ..RoomOrder::default() };
        let room = |events: &[Value]| written(&[events], order());
        assert!(room(&forged).checked().all(Checked::is_held), "version {number}: a copy is nobody's word");
        let told = |events: &[Value]| {
            let record = |record: Record| (record.kind, record.target, record.detail);
            read_out(room(events)).into_iter().map(record).collect::<Vec<_>>()
        };
        assert_eq!(told(&forged), told(&genuine), "version {number}");
        let content = |event: &Value| {
            let event = RoomEvent::take(event.clone(), 0, Some(version(number))).expect("an event");
            event.content_digest()
        };
        let digests = |events: &[Value]| events.iter().map(content).collect::<Vec<_>>();
        assert_eq!(digests(&forged), digests(&genuine), "version {number}: nor is it another content");
        // The same for a client's view, which nobody signed, where the version is known; where not, two places that differ say nothing.
        let redacts = |version| {
            let event = forged.iter().find(|event| event["type"] == "m.room.redaction").expect("a redaction").clone();
            RoomEvent::take(event, 0, version).expect("an event").redacts().map(str::to_owned)
        };
        assert_ne!(redacts(Some(version(number))).as_deref(), Some(victim));
        assert_eq!(redacts(None), None);
    }
}

/// The first file of a room may lack what says its version, and a later one have it.
#[test]
fn that_the_version_of_a_room_becomes_known_changes_no_redaction() {
    let taken = |event: &Value, version| RoomEvent::take(event.clone(), 0, version).expect("an event");
    for number in ["10", "11", "12"] {
        let known = Some(version(number));
        let all = events(&format!("federation-v{number}.jsonl"));
        let redactions: Vec<&Value> = all.iter().filter(|event| event["type"] == "m.room.redaction").collect();
        assert_eq!(redactions.len(), 2, "version {number}");
        // As it is exchanged, without the copy that the server of a client makes.
        let without_copy = |mut event: Value| {
            let other = if number == "10" { &mut event["content"] } else { &mut event };
            other.as_object_mut().expect("an object").remove("redacts");
            event
        };
        for event in redactions {
            let digest = taken(event, known).content_digest();
            assert_eq!(taken(event, None).content_digest(), digest, "version {number}");
            let bare = without_copy(event.clone());
            assert_eq!([known, None].map(|version| taken(&bare, version).content_digest()), [digest; 2]);
            // Another target is another content, and so is another reason.
            let mut other = event.clone();
            (other["redacts"], other["content"]["redacts"]) = ("$ander".into(), "$ander".into());
            let mut reason = event.clone();
            reason["content"]["reason"] = "een andere".into();
            for changed in [&other, &reason] {
                assert!([known, None].iter().all(|version| taken(changed, *version).content_digest() != digest));
            }
            // Where nobody knows which of two is meant, each counts.
            let mut unclear = [event.clone(), event.clone()];
            unclear[0]["content"]["redacts"] = "$een".into();
            unclear[1]["content"]["redacts"] = "$ander".into();
            unclear.iter_mut().for_each(|event| event["redacts"] = "$drie".into());
            let [one, two] = unclear.map(|event| taken(&event, None).content_digest());
            assert_ne!(one, two);
        }
        // So the second read-out, of a page without `m.room.create`, knows each of them.
        let order = |version| RoomOrder { version, ..RoomOrder::default() };
        let page = all.iter().filter(|event| event["type"] != "m.room.create").cloned();
        let page: Vec<Value> = page.map(without_copy).collect();
        let (first, second) = (written(&[&page], order(None)), written(&[&all], order(known)));
        let key = FingerprintKey::new(&[7; 32]);
        let log: Vec<_> = (0..)
            .zip(first.align(&[], &key).fingerprints)
            .map(|(conversation_seq, fingerprint)| Known { fingerprint, conversation_seq })
            .collect();
        let rows = second.align(&log, &key).rows;
        let new: Vec<_> = rows.into_iter().filter(|row| !matches!(row, Row::Known(_))).collect();
        assert_eq!(new, vec![Row::New; all.len() - page.len()], "version {number}: m.room.create, and nothing else");
    }
}

#[test]
fn what_nobody_signed_does_not_decide_what_an_event_that_holds_says() {
    let genuine = events("federation-v11.jsonl");
    let position = |found: &dyn Fn(&Value) -> bool| genuine.iter().position(found).expect("an event");
    let message = position(&|event| event["content"]["body"] == "ja hoor");
    let emptied = position(&|event| event["type"] == "m.room.message" && event["content"] == json!({}));
    let joined =
        position(&|event| event["state_key"] == "@bram:matrix.example.nl" && event["content"]["membership"] == "join");
    let id_of = |at: usize| id(&genuine[at]).expect("an id");
    let mut forged = genuine.clone();
    forged[message]["unsigned"]["redacted_because"] = json!({ "event_id": id_of(emptied) });
    forged[emptied]["unsigned"] = json!({ "redacted_by": id_of(message) });
    forged[joined]["unsigned"]["prev_content"]["membership"] = "join".into();
    let room = |events: &[Value]| written(&[events], RoomOrder { keys: keys(), ..RoomOrder::default() });
    assert!(room(&forged).checked().all(Checked::is_held));
    let (told, honest) = (read_out(room(&forged)), read_out(room(&genuine)));
    let record = of(&told, id_of(message));
    assert_eq!(what(record), (EventKind::MessageCreated, "", Some("ja hoor".into())));
    assert_eq!(record.proof_class, ProofClass::ANativeSigned);
    // By which redaction: only where that one says so too.
    let redaction = genuine[emptied]["unsigned"]["redacted_because"]["event_id"].as_str().expect("an id");
    assert_eq!(what(of(&told, id_of(emptied))).1, "redacted");
    assert!(targets(of(&told, id_of(emptied))).is_empty());
    assert_eq!(targets(of(&honest, id_of(emptied))), [redaction.to_owned()]);
    // What came before a join is a hint, and is told as one.
    let is_certain = |record: &Record| matches!(&record.detail, Field::Value(detail) if detail.certain);
    let join = |records: &[Record]| (of(records, id_of(joined)).kind, is_certain(of(records, id_of(joined))));
    assert_eq!(join(&told), (EventKind::IdentityChanged, false));
    assert_eq!(join(&honest), (EventKind::MembershipChanged, true));
}

/// A server that signs, for what the real one never sent.
struct Server(SigningKey);

impl Server {
    fn new() -> Self {
        Self(SigningKey::from_bytes(&[7; 32]))
    }

    fn signature(&self, value: &Value) -> String {
        STANDARD_NO_PAD.encode(self.0.sign(value.to_string().as_bytes()).to_bytes())
    }

    fn keys(&self) -> ServerKeys {
        let key = STANDARD_NO_PAD.encode(self.0.verifying_key().as_bytes());
        let mut answer = json!({ "server_name": "m.nl", "valid_until_ts": 9_007_199_254_740_991u64,
            "verify_keys": { "ed25519:1": { "key": key } } });
        answer["signatures"] = json!({ "m.nl": { "ed25519:1": self.signature(&answer) } });
        ServerKeys::parse(&answer).expect("keys")
    }

    /// An event of Anna's, in a room of version 11, as servers exchange it.
    fn event(&self, kind: &str, at_ms: u64, content: Value, more: Value) -> Value {
        let mut event = json!({ "type": kind, "sender": "@anna:m.nl", "room_id": "!r:m.nl", "origin_server_ts": at_ms, "content": content });
        event.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let hash = STANDARD_NO_PAD.encode(sha256(&[event.to_string().as_bytes()]).0);
        event["hashes"] = json!({ "sha256": hash });
        event["signatures"] = json!({ "m.nl": { "ed25519:1": self.signature(&version("11").redacted(&event)) } });
        event
    }

    fn order(&self) -> RoomOrder {
        RoomOrder { keys: self.keys(), version: Some(version("11")), ..RoomOrder::default() }
    }
}

#[test]
fn a_new_name_is_known_by_the_join_under_which_it_was_signed() {
    let server = Server::new();
    let joins = |at_ms, name: &str, under: &[&str]| {
        let content = json!({ "membership": "join", "displayname": name });
        server.event("m.room.member", at_ms, content, json!({ "state_key": "@anna:m.nl", "auth_events": under }))
    };
    let first = joins(1_000, "Anna", &[]);
    let first_id = RoomEvent::take(first.clone(), 0, Some(version("11"))).expect("an event").id;
    let (renamed, again) = (joins(2_000, "Anna de Vries", &[&first_id]), joins(3_000, "Anna de Vries", &["$elders"]));
    let told = read_out(written(&[&[first, renamed, again]], server.order()));
    let said: Vec<_> = told.iter().map(|record| what(record).1.to_owned()).collect();
    assert_eq!(said, ["joined", "profile_name", "joined"]);
    assert!(told.iter().all(|record| record.proof_class == ProofClass::ANativeSigned));
}

#[test]
fn pages_are_put_in_order_and_an_event_in_two_files_is_taken_once() {
    let federation = room(&["federation-v11.jsonl"], keys());
    assert_eq!(federation.checked().filter(|checked| checked.is_held()).count(), federation.records());
    let client = room(&["messages-v11.json"], keys());
    assert!(client.checked().all(|checked| checked == Checked::Unsigned));
    let times: Vec<_> = (0..client.records()).map(|index| client.at_ms(index)).collect();
    assert!(times.is_sorted(), "the page runs backwards: {times:?}");
    let both = room(&["federation-v11.jsonl", "messages-v11.json"], keys());
    assert_eq!(both.records(), federation.records().max(client.records()));
    assert!(both.tally().remarks.iter().any(|remark| remark.contains("taken once")), "{:?}", both.tally());
    let sync = room(&["sync-v11.json"], keys());
    assert_eq!(sync.checked().filter(|checked| checked.is_held()).count(), sync.records());
}

/// Class, kind, what it is, words and target.
type Told = (ProofClass, EventKind, String, Option<String>, Field<String>);

/// What two files make of one room, in both orders.
fn either_way(one: &[Value], two: &[Value]) -> Vec<Told> {
    let told = |files: &[&[Value]]| {
        let room = written(files, RoomOrder { keys: keys(), version: Some(version("11")), ..RoomOrder::default() });
        let said = |record: Record| {
            let (kind, named, text) = what(&record);
            (record.proof_class, kind, named.to_owned(), text, record.target)
        };
        let remarks = room.tally().remarks;
        (read_out(room).into_iter().map(said).collect::<Vec<_>>(), remarks)
    };
    let (found, turned) = (told(&[one, two]), told(&[two, one]));
    assert_eq!(found, turned, "the order of the files decides");
    found.0
}

#[test]
fn of_two_copies_of_an_event_the_better_is_taken_whichever_file_it_stands_in() {
    use EventKind::{MessageCreated, MessageDeleted};
    use ProofClass::{ANativeSigned, CExportFile};
    let federation = events("federation-v11.jsonl");
    let client: Value =
        serde_json::from_slice(&std::fs::read(fixture("messages-v11.json")).expect("read")).expect("JSON");
    let client = client["chunk"].as_array().expect("a list").clone();
    let both = either_way(&federation, &client);
    assert_eq!(both.len(), federation.len());
    assert!(both.iter().all(|record| record.0 == ANativeSigned), "a client's view masks none that holds: {both:#?}");

    let whole = federation.iter().find(|event| event["content"]["body"] == "ja hoor").expect("a message").clone();
    let (event_id, room) = (id(&whole).expect("an id").to_owned(), Field::None);
    let changed = |more: &[(&str, Value)]| {
        let mut copy = whole.clone();
        copy.as_object_mut().expect("an object").retain(|name, _| name != "hashes" && name != "signatures");
        more.iter().for_each(|(name, value)| copy[*name] = value.clone());
        copy
    };
    let redacted = version("11").redacted(&whole);
    let words = |class, text: &str| (class, MessageCreated, String::new(), Some(text.to_owned()), room.clone());
    let reply = words(ANativeSigned, "ja hoor");
    let gone = |class| (class, MessageDeleted, "redacted".to_owned(), None, Field::Value(event_id.clone()));
    let one = |one: &Value, two: &Value| either_way(from_ref(one), from_ref(two));
    // May has it whole, and June redacted: created, then deleted.
    assert_eq!(one(&whole, &redacted), [reply.clone(), gone(ANativeSigned)]);
    assert_eq!(one(&changed(&[]), &redacted), [words(CExportFile, "ja hoor"), gone(ANativeSigned)]);
    // A copy that nobody signed and that says the same is the same; one that says something else is told as what it is.
    assert_eq!(one(&whole, &changed(&[])), from_ref(&reply));
    let other = (CExportFile, MessageCreated, "other_copy".to_owned(), Some("nee".to_owned()), Field::None);
    let forged = changed(&[("content", json!({ "msgtype": "m.text", "body": "nee" }))]);
    assert_eq!(one(&whole, &forged), [reply.clone(), other]);
    let elsewhere = one(&whole, &changed(&[("sender", "@anna:matrix.example.nl".into())]));
    assert_eq!(
        elsewhere.iter().map(|record| (record.0, &*record.2)).collect::<Vec<_>>(),
        [(ANativeSigned, ""), (CExportFile, "other_copy")]
    );
    // Three copies, the one of least worth twice: each word once.
    assert_eq!(
        either_way(&[forged.clone(), redacted.clone(), whole.clone()], &[forged.clone(), whole.clone()]).len(),
        3
    );
    // The next time all of them are known.
    let order = RoomOrder { keys: keys(), version: Some(version("11")), ..RoomOrder::default() };
    let room = written(&[&[whole], &[redacted, forged]], order);
    let key = FingerprintKey::new(&[7; 32]);
    let first = room.align(&[], &key);
    let log: Vec<_> = (0..)
        .zip(first.fingerprints)
        .map(|(conversation_seq, fingerprint)| Known { fingerprint, conversation_seq })
        .collect();
    let again = room.align(&log, &key);
    assert_eq!((again.rows, again.vanished), (vec![Row::Known(0), Row::Known(1), Row::Known(2)], vec![]));
}

/// Whoever has a server can state any time; the room is read all the same.
#[test]
fn an_event_of_a_time_that_no_event_can_have_is_of_an_unknown_time_and_is_counted() {
    let server = Server::new();
    let message = |at_ms: u64| {
        server.event("m.room.message", at_ms, json!({ "msgtype": "m.text", "body": "akkoord" }), json!({}))
    };
    let last = 31_525_459_199_999;
    let events = [message(1_778_749_200_000), message(last), message(last + 1), message(9_007_199_254_740_991)];
    let room = written(&[&events], server.order());
    assert!(room.checked().all(|checked| checked == Checked::Held));
    let remark = "2 events state a time that no event can have: when they were sent is unknown";
    assert!(room.tally().remarks.contains(&remark.to_owned()), "{:?}", room.tally());
    let times: Vec<_> = (0..room.records()).map(|index| room.at_ms(index)).collect();
    assert_eq!(times, [0, 0, 1_778_749_200_000, last]);
    let drafts = read_out(room).into_iter().map(|record| record.draft().expect("a draft"));
    let drafts: Vec<_> = drafts.map(|draft| (draft, 0)).collect();
    let months: Vec<_> = drafts.iter().map(|(draft, _)| draft.occurred.month()).collect();
    assert_eq!(months, [Ok(0), Ok(0), Ok(202_605), Ok(296_812)]);
    assert_eq!(commit_all(drafts, "log.example.nl/proef", Hash([1; 32])).expect("events").len(), 4);
}

#[test]
fn an_id_follows_from_the_hash_where_servers_send_none() {
    for event in events("federation-v10.jsonl") {
        let mut bare = event.clone();
        bare.as_object_mut().expect("an object").remove("event_id");
        let taken = RoomEvent::take(bare.clone(), 3, Some(version("10"))).expect("an event");
        assert_eq!(Some(taken.id.as_str()), id(&event));
        assert!(matches!(RoomEvent::take(bare, 3, None), Err(MatrixError::NoRoomVersion { number: 3 })));
    }
}

#[test]
fn refuses_what_holds_no_events_two_rooms_and_what_no_server_takes() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = |text: &str, room: Option<&str>| {
        let path = folder.path().join("events.json");
        std::fs::write(&path, text).expect("written");
        Room::read(&RoomOrder { paths: vec![path], room: room.map(Into::into), ..RoomOrder::default() })
    };
    assert!(matches!(read("{\"a\": 1}", None), Err(MatrixError::NoEvents { .. })));
    assert!(matches!(read("{\"chunk\": [", None), Err(MatrixError::Json { line: 1, column: 11, .. })));
    let event =
        |room: &str| json!({ "type": "m.x", "sender": "@a:b", "event_id": format!("${room}"), "room_id": room });
    let two = json!([event("!1"), event("!2")]).to_string();
    assert!(matches!(read(&two, None), Err(MatrixError::ManyRooms { rooms }) if rooms == ["!1", "!2"]));
    assert!(matches!(read(&two, Some("!3")), Err(MatrixError::OtherRoom { wanted }) if wanted == "!3"));
    assert_eq!(read(&two, Some("!2")).expect("one room").records(), 1);
    assert!(matches!(read("[{\"type\": \"m.x\"}]", None), Err(MatrixError::NotAnEvent { number: 0, field: "sender" })));
    let long = json!([{ "type": "m.x", "sender": "@a:b", "event_id": "$1", "content": "x".repeat(EVENT_BYTES_MAX) }]);
    assert!(matches!(read(&long.to_string(), None), Err(MatrixError::EventTooLong { number: 0, .. })));
}

#[test]
fn an_element_export_says_what_it_leaves_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("export.json");
    let messages: Vec<_> =
        events("federation-v11.jsonl").into_iter().filter(|event| event["type"] == "m.room.message").collect();
    let export = json!({ "room_name": "Dossier Veerhaven", "room_creator": "Anna de Vries", "topic": "", "export_date": "4-5-2026",
        "exported_by": "Anna de Vries", "messages": messages });
    std::fs::write(&path, export.to_string()).expect("written");
    let room = Room::read(&RoomOrder { paths: vec![path], ..RoomOrder::default() }).expect("a room");
    assert_eq!(room.file().title.as_deref(), Some("Dossier Veerhaven"));
    assert_eq!(room.gaps().iter().map(|gap| gap.reason).collect::<Vec<_>>(), ["element_export_left_out"]);
}

fn zip(path: &Path, files: &[(&str, &str)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).expect("a file"));
    for (name, text) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("a file");
        zip.write_all(text.as_bytes()).expect("written");
    }
    zip.finish().expect("a ZIP");
}

/// What participants sent lies beside the events, under names that they chose.
#[test]
fn json_that_somebody_sent_is_not_read_as_events_of_the_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let message = |id: &str, body: &str| {
        json!({ "type": "m.room.message", "sender": "@anna:b", "event_id": id, "room_id": "!r:b",
            "origin_server_ts": 1_778_749_200_000u64, "content": { "msgtype": "m.text", "body": body } })
    };
    let export =
        json!({ "room_name": "Veerhaven", "messages": [message("$1", "nee"), message("$2", "graag")] }).to_string();
    let forged = json!([message("$1", "ja hoor"), message("$3", "akkoord")]).to_string();
    let read = |files: &[(&str, &str)]| {
        let path = folder.path().join("export.zip");
        zip(&path, files);
        Room::read(&RoomOrder { paths: vec![path], ..RoomOrder::default() })
    };
    let bodies = |files: &[(&str, &str)]| {
        let room = read(files).expect("a room");
        let remark = room.tally().remarks.into_iter().find(|remark| remark.contains("files of JSON"));
        let said = read_out(room).iter().filter_map(|record| what(record).2).collect::<Vec<_>>();
        (said, remark.map(|remark| remark.split(' ').next().map(str::to_owned).unwrap_or_default()))
    };
    let wanted =
        |passed_over: Option<&str>| (vec!["nee".to_owned(), "graag".to_owned()], passed_over.map(str::to_owned));
    assert_eq!(bodies(&[("export.json", &export)]), wanted(None));
    let config = "{\"instelling\": 1}";
    for sent in [
        "files/a.json",
        "images/a.json",
        "files/a/b.json",
        "files/../a.json",
        "files\\a.json",
        "bijlagen/a.json",
        "a.json",
    ] {
        assert_eq!(bodies(&[(sent, &forged), ("export.json", &export)]), wanted(Some("1")), "{sent}");
        assert_eq!(bodies(&[(sent, config), ("export.json", &export)]), wanted(Some("1")), "{sent}");
    }
    let inside = [("Chat/files/a.json", forged.as_str()), ("Chat/export.json", &export), ("Chat/images/a.png", "x")];
    assert_eq!(bodies(&inside), wanted(Some("1")));
    // Pages of a room lie in one folder, and are read together.
    let (one, two) = (json!([message("$1", "nee")]).to_string(), json!([message("$2", "graag")]).to_string());
    assert_eq!(bodies(&[("files/a.json", &forged), ("p/1.json", &one), ("p/2.json", &two)]), wanted(Some("1")));
    let apart = read(&[("p/1.json", &one), ("q/2.json", &two)]).map(|_| ());
    assert!(matches!(apart, Err(MatrixError::ManyFolders { folders }) if folders == ["p", "q"]));
    let alone = read(&[("files/a.json", &forged)]).map(|_| ());
    assert!(matches!(alone, Err(MatrixError::NoFiles { .. })));
}

/// Names of files are words of participants too.
#[test]
fn a_file_is_of_one_message_and_no_other_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("files")).expect("a folder");
    std::fs::write(folder.path().join("files/nota-4-5-2026.pdf"), "inhoud").expect("written");
    std::fs::write(folder.path().join("files/notabene-4-5-2026.pdf"), "anders").expect("written");
    let server = Server::new();
    let lies = |name: &str, url: &str| json!({ "msgtype": "m.file", "body": name, "url": url, "info": { "size": 6 } });
    let names = |name: &str| lies(name, "mxc://m.nl/a");
    let event = |id: &str, sender: &str, at_ms: u64, content: Value| {
        json!({ "type": "m.room.message", "event_id": id, "sender": sender, "room_id": "!r:m.nl", "origin_server_ts": at_ms,
            "content": content })
    };
    let edit = |sender: &str| {
        let mut content = names("nota.pdf");
        content["m.new_content"] = names("nota.pdf");
        content["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": "$1" });
        content["url"] = format!("mxc://m.nl/van{sender}").into();
        event(&format!("$bewerkt door {sender}"), sender, 4_000, content)
    };
    let read = |events: &[Value]| {
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        std::fs::write(folder.path().join("room.jsonl"), lines).expect("written");
        let room = Room::read(&RoomOrder { paths: vec![folder.path().into()], ..server.order() }).expect("a room");
        let has = |record: Record| match record.attachments {
            Field::Value(attached) => matches!(attached[..], [Attached::Present { .. }]),
            _ => false,
        };
        read_out(room).into_iter().map(has).collect::<Vec<_>>()
    };
    let anna = event("$1", "@anna:m.nl", 1_000, names("nota.pdf"));
    let bram = event("$2", "@bram:m.nl", 2_000, lies("nota.pdf", "mxc://m.nl/b"));
    assert_eq!(read(&[anna.clone(), bram.clone()]), [true, false]);
    assert_eq!(read(&[bram.clone(), anna.clone()]), [true, false], "it goes by when, and not by the order of the file");
    // The beginning of a name is no name.
    assert_eq!(read(&[event("$3", "@bram:m.nl", 500, names("not.pdf")), anna.clone()]), [false, true]);
    // An edit of her own has it too, somebody else's has not.
    assert_eq!(read(&[anna.clone(), edit("@anna:m.nl"), edit("@bram:m.nl")]), [true, true, false]);
    // What was signed goes before what states an earlier time.
    let signed = |at_ms, url: &str| server.event("m.room.message", at_ms, lies("nota.pdf", url), json!({}));
    assert_eq!(read(&[anna.clone(), signed(3_000, "mxc://m.nl/c")]), [false, true]);
    // What is forwarded lies at the same address, and is the same file.
    let forwarded = event("$4", "@bram:m.nl", 2_500, names("nota.pdf"));
    assert_eq!(read(&[anna.clone(), bram, forwarded]), [true, false, true]);
    let mut encrypted = event("$5", "@bram:m.nl", 2_500, names("nota.pdf"));
    encrypted["content"]["file"] = json!({ "url": encrypted["content"]["url"].take() });
    assert_eq!(read(&[anna.clone(), encrypted]), [true, true]);
    let (one, two) = (signed(3_000, "mxc://m.nl/a"), signed(4_000, "mxc://m.nl/a"));
    assert_eq!(read(&[one.clone(), two]), [true, true]);
    // That of one that holds is not taken by who names its address and signs nothing.
    assert_eq!(read(&[anna, one]), [false, true]);
}

#[test]
fn each_example_of_the_specification_is_a_record_of_its_kind() {
    let shared = std::env::var_os("ZEGEL_SHARED").map(PathBuf::from);
    let shared =
        shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared")).join("data/matrix");
    let Ok(items) = std::fs::read_dir(&shared) else {
        return eprintln!("SKIPPED: no {}; set ZEGEL_SHARED to test on the examples", shared.display());
    };
    let mut seen = 0;
    for path in items.map(|item| item.expect("an item").path()) {
        let mut event: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
        // What the examples refer to elsewhere.
        for (field, value) in [("sender", "@anna:b"), ("event_id", "$1"), ("room_id", "!r:b")] {
            event[field] = value.into();
        }
        let kind = match event["type"].as_str().expect("a type") {
            "m.room.message" => EventKind::MessageCreated,
            "m.reaction" => EventKind::ReactionAdded,
            "m.room.redaction" => EventKind::MessageDeleted,
            "m.room.member" => EventKind::MembershipChanged,
            _ => EventKind::ConversationChanged,
        };
        assert_eq!(records(&[event])[0].kind, kind, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 13, "{seen} examples");
}
