//! The example that runs through `specs/` is computed here; what the pages print is what the code makes.
#![allow(clippy::disallowed_methods, reason = "tests read the pages")]

use std::path::Path;
use zegel_proto::v1::{BatchStatement, Binding, Body, EventHeader, Month, SealedBody, StreamType, event_header};
use zegel_proto::{parse, print};
use zegel_verifier::batch::{event_leaf, sealed_leaf};
use zegel_verifier::commit::{Salts, body_root, list_slot, none_slot, unknown_slot, value_slot};
use zegel_verifier::hash::Hash;
use zegel_verifier::snapshot::{row_leaf, stream_leaf};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs").join(name);
    std::fs::read_to_string(path).expect("a page of the specification")
}

fn binding() -> Binding {
    Binding {
        origin: "chat.example.nl/minbzk".into(),
        source: vec![0x50; 32],
        kind: 40,
        conversation: vec![0xC0; 32],
        custodian: vec![0xCD; 32],
        conversation_seq: 7,
        occurred_at_ms: 1_651_507_620_000,
        precision: 3,
        clock: 1,
        channel: 1,
        proof_class: 3,
        ambiguous_time: false,
    }
}

fn body() -> Body {
    let mut slots = vec![unknown_slot(); 12];
    slots[0] = value_slot(print(&binding()).expect("prints"));
    slots[1] = value_slot(*b"Alice");
    slots[2] = value_slot(*b"Alice");
    slots[7] = none_slot();
    slots[9] = none_slot();
    slots[10] = value_slot(*b"02-05-2022 18:07 - Alice: ");
    slots[11] = list_slot(vec![b"ja ".to_vec(), b"hoor".to_vec()]);
    Body { seed: (0..32).collect(), slots }
}

fn header() -> Vec<u8> {
    let root = body_root(&body()).expect("a seed of 32 bytes");
    let header = EventHeader {
        kind: 40,
        conversation: vec![0xC0; 32],
        custodian: vec![0xCD; 32],
        month: 202_205,
        conversation_seq: 7,
        blobs: vec![],
        content: Some(event_header::Content::BodyRoot(root.to_vec())),
    };
    print(&header).expect("prints")
}

#[test]
fn the_body_of_the_pages_has_the_root_that_they_print() {
    let root = body_root(&body()).expect("a seed of 32 bytes");
    assert!(page("body.md").contains(&root.to_string()), "{root}");
    let mut salts = Salts::new(std::array::from_fn(|at| at as u8));
    for index in [0, 1] {
        let salt = hex(&salts.salt(index));
        assert!(page("body.md").contains(&salt), "salt {index} is {salt}");
    }
}

#[test]
fn the_header_of_the_pages_has_the_leaf_that_they_print() {
    assert_eq!(header().len(), 110);
    assert!(page("event.md").contains(&event_leaf(&header()).to_string()));
    assert!(parse::<EventHeader>(&header()).is_ok());
}

#[test]
fn the_streams_of_the_pages_have_the_roots_that_they_print() {
    let leaf = stream_leaf(12, 0, event_leaf(&header()));
    let months = [Month { month: 202_205, count: 1, root: leaf.to_vec() }];
    let row = row_leaf(StreamType::StreamConversation, Hash([0xC0; 32]), &months);
    let page = page("streams.md");
    assert!(page.contains(&leaf.to_string()), "{leaf}");
    assert!(page.contains(&row.to_string()), "{row}");
}

#[test]
fn the_statement_of_the_pages_has_the_bytes_that_they_print() {
    let sealed = sealed_leaf(&SealedBody::default());
    let statement = BatchStatement {
        origin: "chat.example.nl/minbzk".into(),
        source: vec![0x50; 32],
        key: vec![0x4B; 32],
        batch_seq: 3,
        count: 1,
        events_root: event_leaf(&header()).to_vec(),
        sealed_root: sealed.to_vec(),
        previous: vec![0x99; 32],
        created_at_ms: 1_651_508_000_000,
    };
    let bytes = print(&statement).expect("prints");
    assert_eq!(bytes.len(), 205);
    let (head, tail) = (&sealed.to_string()[..8], &sealed.to_string()[56..]);
    assert!(page("batch.md").contains(&format!("{head}…{tail}")), "{sealed}");
}
