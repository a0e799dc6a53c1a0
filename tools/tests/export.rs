//! An export from beginning to end, against a ledger in memory: what is in the bag, and what must not be.

mod fake;

use fake::FakeLedger;
use prost::Message;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use tempfile::TempDir;
use zegel_proto::parse;
use zegel_proto::v1::evidence_event::Body as Shown;
use zegel_proto::v1::evidence_record::Record as Kind;
use zegel_proto::v1::{
    EventHeader, EventKind, EvidenceEvent, EvidenceRecord, ExportStatement, Scope, SignedExport, StreamType,
};
use zegel_tools::event::{ConversationEntry, CustodianEntry, Field, Occurred};
use zegel_tools::export::{Cover, CoverError, ExportError, ExportOrder, ExportReport, Spot, export};
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::{Officer, bootstrap};
use zegel_tools::record::{Attached, Record};
use zegel_tools::seal::OpenError;
use zegel_tools::source::Source;
use zegel_verifier::bundle::{Place, Refusal};
use zegel_verifier::commit::check_redacted;
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::{EventFacts, layout};
use zegel_verifier::signature::{CONTEXT_EXPORT, verify};
use zegel_verifier::tree::ProofError;

const ORIGIN: &str = "chat.example.nl/minbzk";
const PICTURE: &[u8] = b"a picture of a whiteboard";

struct World {
    folder: TempDir,
    keys: KeyFolder,
    ledger: FakeLedger,
    officer: Officer,
    conversation: Hash,
}

impl World {
    /// Two custodians and two conversations; ten messages in "Ploeg 3" (entry 5), number 4 with a picture.
    async fn begin() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = KeyFolder::init(&folder.path().join("keys"), ORIGIN, "BZK").expect("keys");
        let ledger = FakeLedger::new(ORIGIN, keys.signing_key(Actor::Log).expect("the log's key"));
        let address = format!("http://{}", ledger.serve().await);
        bootstrap(&keys, &address).await.expect("begun");
        let mut officer = Officer::open(&keys, &address).await.expect("an officer");
        let mut ids = Vec::new();
        for name in ["J. Jansen", "P. Pietersen"] {
            let entry = CustodianEntry { name: name.into(), ..CustodianEntry::default() };
            ids.push(officer.register_custodian(&entry).await.expect("registered").id);
        }
        for title in ["Ploeg 3", "Ploeg 4"] {
            let entry = ConversationEntry { title: title.into(), ..ConversationEntry::default() };
            ids.push(officer.register_conversation(&entry).await.expect("registered").id);
        }
        let mut source = Source::of_folder(&keys, Actor::Source, &address).await.expect("a source");
        let blob = source.blob_spool().store(&mut &PICTURE[..]).expect("stored");
        let record = |number: u64, custodian: Hash, conversation: Hash| {
            let mut record = Record::new(EventKind::MessageCreated, conversation, custodian);
            record.occurred = Occurred::by_source(1_651_572_660_000 + number);
            record.sender = Field::Value("Piet".into());
            record.text = Field::Value(format!("bericht {number} over bord").into());
            let (name, media_type) = ("bord.jpg".into(), "image/jpeg".into());
            let attached = vec![Attached::Present { name, media_type, blob: blob.clone() }];
            record.attachments = if number == 4 { Field::Value(attached) } else { Field::None };
            record.draft().expect("a draft")
        };
        let ours = (0..10).map(|number| record(number, ids[0], ids[2])).collect();
        let theirs = (20..25).map(|number| record(number, ids[1], ids[3])).collect();
        source.append(ours).await.expect("appended");
        source.append(theirs).await.expect("appended");
        Self { folder, keys, ledger, officer, conversation: ids[2] }
    }

    fn order(&self, name: &str, cover: Cover) -> ExportOrder {
        let stream = StreamType::StreamConversation as i32;
        let scope = Scope { stream, id: self.conversation.to_vec(), from_month: 0, to_month: 0 };
        ExportOrder {
            scope,
            recipient: "parlementaire enquêtecommissie".into(),
            nonce: "7".into(),
            case: "2022-17".into(),
            decision: "besluit 3".into(),
            cover,
            closed: std::collections::BTreeSet::new(),
            edges: None,
            cosigned: None,
            out: self.folder.path().join(name),
        }
    }

    async fn export(&mut self, order: &ExportOrder) -> Result<ExportReport, ExportError> {
        let keys = self.keys.archive_keys().expect("keys");
        export(self.officer.source(), &keys[..1], order, |_| {}).await
    }
}

/// Files of a bag by name, after its manifests were checked.
fn read_bag(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (manifest, is_payload) in [("tagmanifest-sha256.txt", false), ("manifest-sha256.txt", true)] {
        for line in fs::read_to_string(folder.join(manifest)).expect("a manifest").lines() {
            let (digest, name) = line.split_once("  ").expect("two columns");
            let bytes = fs::read(folder.join(name)).expect("a file");
            assert_eq!(sha256(&[&bytes]).to_string(), digest, "{name}");
            assert_eq!(name.starts_with("data/"), is_payload, "{name}");
            files.insert(name.to_owned(), bytes);
        }
    }
    files
}

fn records(part: &[u8]) -> Vec<EvidenceRecord> {
    let mut rest = part;
    let mut records = Vec::new();
    while !rest.is_empty() {
        records.push(EvidenceRecord::decode_length_delimited(&mut rest).expect("a record"));
    }
    records
}

fn events(part: &[u8]) -> Vec<(Spot, EventHeader, EvidenceEvent)> {
    let mut entry = 0;
    let mut events = Vec::new();
    for record in records(part) {
        match record.record {
            Some(Kind::Entry(found)) => entry = found.index,
            Some(Kind::Event(event)) => {
                let header: EventHeader = parse(&event.header).expect("a header");
                events.push((Spot { entry, position: event.position }, header, event));
            }
            Some(Kind::Envelope(_)) => panic!("an envelope in a bundle"),
            _ => {}
        }
    }
    events
}

#[tokio::test]
async fn a_bag_holds_the_scope_opened_and_nothing_else_opened() {
    let mut world = World::begin().await;
    let order = world.order("bundle", Cover::default());
    // An act that is not bound to the second export.
    world.export(&world.order("earlier", Cover::default())).await.expect("exported");
    let report = world.export(&order).await.expect("exported");
    let shown = (report.opened, report.redacted, report.withheld, report.attachments, report.parts);
    // Ten messages and the registration.
    assert_eq!(shown, (11, 0, 0, 1, 1));
    let files = read_bag(&order.out);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let attachment = format!("data/attachments/{}", sha256(&[PICTURE]));
    let wanted = ["bag-info.txt", "bagit.txt", &attachment, "data/evidence-0001", "data/export-statement"];
    assert_eq!(names, [&wanted[..], &["manifest-sha256.txt"]].concat());
    assert_eq!(files[&attachment], PICTURE);
    let octets: usize = files.iter().filter(|(name, _)| name.starts_with("data/")).map(|(_, bytes)| bytes.len()).sum();
    let info = String::from_utf8(files["bag-info.txt"].clone()).expect("text");
    assert!(info.contains(&format!("Payload-Oxum: {octets}.3\n")), "{info}");
    let mut acts = Vec::new();
    for (spot, header, event) in events(&files["data/evidence-0001"]) {
        let kind = header.kind();
        match kind {
            EventKind::MessageCreated | EventKind::ConversationRegistered => {
                assert!(matches!(event.body, Some(Shown::Opened(_))), "{spot}");
                assert_eq!(header.conversation, world.conversation.to_vec(), "{spot}");
            }
            EventKind::ExportCreated => acts.push((spot, event.body.is_some())),
            _ => assert_eq!(event.body, None, "{spot} {kind:?}"),
        }
    }
    let spot = |entry| Spot { entry, position: 0 };
    assert_eq!(acts, [(spot(7), false), (spot(9), true)]);
    assert_eq!((report.entry, report.snapshot_entry), (9, 10));
}

#[tokio::test]
async fn the_officer_signs_over_every_part() {
    let mut world = World::begin().await;
    let order = world.order("bundle", Cover::default());
    let report = world.export(&order).await.expect("exported");
    let files = read_bag(&order.out);
    let signed: SignedExport = parse(&files["data/export-statement"]).expect("a statement");
    let statement: ExportStatement = parse(&signed.statement).expect("a statement");
    assert_eq!(verify(&statement.key, CONTEXT_EXPORT, &signed.statement, &signed.signature), Ok(()));
    let officer = world.keys.identity(Actor::Officer).expect("a key").public_key();
    assert_eq!((statement.key, statement.export), (officer.to_vec(), report.export.to_vec()));
    let part = sha256(&[&files["data/evidence-0001"]]);
    assert_eq!((statement.parts, statement.parts_sha256), (1, sha256(&[&part.0]).to_vec()));
}

#[tokio::test]
async fn what_is_covered_is_not_in_the_bag_and_the_rest_still_matches() {
    let mut world = World::begin().await;
    let mut cover = Cover::default();
    let ground = ["5.1.2.e".to_owned()];
    cover.withhold("5:3", &ground).expect("withheld");
    cover.cover("5:4:attachments", &ground).expect("covered");
    cover.cover("5:7:text:1-2", &ground).expect("covered");
    cover.cover("5:7:sender=5.2", &[]).expect("covered");
    let order = world.order("bundle", cover.clone());
    let report = world.export(&order).await.expect("exported");
    assert_eq!((report.opened, report.redacted, report.withheld, report.attachments), (8, 2, 1, 0));
    let part = read_bag(&order.out)["data/evidence-0001"].clone();
    let holds = |text: &str| part.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("bericht ") && !holds("bord.jpg"), "the attachment is covered");
    for (spot, header, event) in events(&part) {
        if spot == (Spot { entry: 5, position: 3 }) {
            assert_eq!(event.body, None);
        }
        if let Some(Shown::Redacted(body)) = event.body {
            let facts = EventFacts::read(&header).expect("facts");
            let root = facts.body_root.expect("a root");
            let shown = check_redacted(body, layout(facts.kind), root).expect("it still matches");
            let covered = shown.covered().count();
            assert_eq!(covered, if spot.position == 4 { 1 } else { 3 }, "{spot}");
        }
    }
    let mut manifests =
        events(&part).into_iter().filter(|(_, header, _)| header.kind() == EventKind::RedactionManifest);
    let (_, _, manifest) = manifests.next().expect("a manifest");
    let Some(Shown::Opened(body)) = manifest.body else { panic!("the manifest is bound, so it is open") };
    let items: Vec<_> = cover.items().iter().map(|item| zegel_proto::print(item).expect("an item")).collect();
    assert_eq!(body.slots[4].items, items);
    assert!(manifests.next().is_none());
}

#[tokio::test]
async fn a_zip_holds_the_same_bag_under_one_folder() {
    let mut world = World::begin().await;
    let order = world.order("bundle.zip", Cover::default());
    world.export(&order).await.expect("exported");
    let mut zip = zip::ZipArchive::new(File::open(&order.out).expect("a file")).expect("a zip");
    let unpacked = world.folder.path().join("unpacked");
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).expect("a file");
        let name = file.name().expect("a name").into_owned();
        let path = unpacked.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("read");
        fs::write(path, bytes).expect("written");
    }
    assert_eq!(read_bag(&unpacked.join("bundle")).len(), 6);
}

#[tokio::test]
async fn refuses_to_cover_what_is_not_there_and_leaves_nothing() {
    let mut world = World::begin().await;
    let ground = ["5.1.2e".to_owned()];
    let spot = |entry, position| Spot { entry, position };
    let cases = [
        ("6:1:text", CoverError::OutOfScope { spot: spot(6, 1) }),
        ("5:99:text", CoverError::OutOfScope { spot: spot(5, 99) }),
        ("5:1:text:900-901", CoverError::NoSuchPart { spot: spot(5, 1) }),
        ("5:1:40", CoverError::NoSuchPart { spot: spot(5, 1) }),
    ];
    for (place, wanted) in cases {
        let mut cover = Cover::default();
        cover.cover(place, &ground).expect("a place");
        let order = world.order("bundle", cover);
        assert_eq!(world.export(&order).await, Err(ExportError::Cover(wanted)), "{place}");
        assert!(!order.out.exists());
    }
    let mut cover = Cover::default();
    cover.cover("5:1:text", &["5.1.2z".to_owned()]).expect("a place");
    let refused = world.export(&world.order("bundle", cover)).await;
    assert_eq!(refused, Err(ExportError::Cover(CoverError::UnknownGround { code: "5.1.2z".into() })));
    let left = fs::read_dir(world.folder.path()).expect("a folder").count();
    // Only the keys: no bag, and no bag that was begun.
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_body_that_does_not_open_ends_the_export_by_name() {
    let mut world = World::begin().await;
    if let Some(batch) = &mut world.ledger.state().batches[5] {
        batch.bodies[6].ciphertext[20] ^= 1;
    }
    let spot = Spot { entry: 5, position: 6 };
    let order = world.order("bundle", Cover::default());
    assert_eq!(world.export(&order).await, Err(ExportError::Open { spot, reason: OpenError::Ciphertext }));
    if let Some(batch) = &mut world.ledger.state().batches[5] {
        batch.bodies[6] = Default::default();
    }
    assert_eq!(world.export(&order).await, Err(ExportError::NoBody { spot }));
    assert!(!order.out.exists());
}

#[tokio::test]
async fn a_registration_that_does_not_open_stays_closed_and_is_reported() {
    let mut world = World::begin().await;
    // The custodian's, the other custodian's, and the conversation's own.
    let entry = (1..5).find(|entry| {
        let state = world.ledger.state();
        let header: EventHeader =
            parse(&state.batches[*entry].as_ref().expect("a batch").headers[0]).expect("a header");
        header.conversation == world.conversation.to_vec()
    });
    let entry = entry.expect("registered");
    world.ledger.state().batches[entry].as_mut().expect("a batch").bodies[0].ciphertext[20] ^= 1;
    let order = world.order("bundle", Cover::default());
    let report = world.export(&order).await.expect("exported");
    let closed: Vec<(u64, u32)> = report.closed_registrations.iter().map(|each| (each.entry, each.position)).collect();
    assert_eq!(closed, [(entry as u64, 0)]);
    // One that should be covered, and cannot be opened, ends the export.
    let mut cover = Cover::default();
    cover.withhold(&format!("{entry}:0=5.1.2e"), &[]).expect("a place");
    let order = world.order("other", cover);
    let spot = Spot { entry: entry as u64, position: 0 };
    assert_eq!(world.export(&order).await, Err(ExportError::Open { spot, reason: OpenError::Ciphertext }));
}

#[tokio::test]
async fn an_attachment_that_is_gone_is_a_finding_and_a_changed_one_is_not_shown() {
    let mut world = World::begin().await;
    let spot = Spot { entry: 5, position: 4 };
    let mut blobs = std::mem::take(&mut world.ledger.state().blobs);
    let order = world.order("gone", Cover::default());
    let report = world.export(&order).await.expect("exported");
    let missing: Vec<(u64, u32)> = report.missing_attachments.iter().map(|each| (each.entry, each.position)).collect();
    assert_eq!((report.attachments, missing), (0, vec![(spot.entry, spot.position)]));
    read_bag(&order.out);
    for (_, blob) in blobs.values_mut() {
        blob[3] ^= 1;
    }
    world.ledger.state().blobs = blobs;
    let refused = world.export(&world.order("changed", Cover::default())).await;
    let is_refused = matches!(refused, Err(ExportError::Attachment { spot: found, .. }) if found == spot);
    assert!(is_refused, "{refused:?}");
}

#[tokio::test]
async fn an_event_that_the_ledger_tells_at_a_false_place_is_not_shown_to_anybody() {
    let mut world = World::begin().await;
    let mut cover = Cover::default();
    cover.withhold("5:3", &["5.1.2.e".to_owned()]).expect("withheld");
    let order = world.order("bundle", cover);
    world.export(&order).await.expect("exported");
    let order = ExportOrder { cosigned: None, out: world.folder.path().join("leaked"), ..order };
    world.ledger.state().told_twice = Some((5, 3, 10));
    let place = Place::event(5, 10);
    let refusal = Refusal::Event { place, reason: ProofError::OutsideTree { index: 10, size: 10 } };
    assert_eq!(world.export(&order).await, Err(ExportError::Unverified(Box::new(refusal))));
    let left = fs::read_dir(world.folder.path()).expect("listed").map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = left.filter(|name| name != "keys" && name != "bundle").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn refuses_a_target_that_is_there_before_the_log_is_told() {
    let mut world = World::begin().await;
    let order = world.order("keys", Cover::default());
    let before = world.ledger.state().entries.len();
    let path = order.out.display().to_string();
    assert_eq!(world.export(&order).await, Err(ExportError::Exists { path }));
    assert_eq!(world.ledger.state().entries.len(), before);
}
