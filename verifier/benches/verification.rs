//! What verifying costs an event, and each of its steps, beside SHA-256 over the same number of blocks in the same run.
//!
//! Compressions of SHA-256 an event, for a message of 16 words in a batch of 64, as this bench counts and prints them
//! (a message of 19 bytes and a value of 36 fills one block; "disclosed" as a bundle shows it):
//!
//! | hashed | source | server | verifier, disclosed | verifier, withheld |
//! | --- | --- | --- | --- | --- |
//! | salts, two a compression | 14 | – | 14 | – |
//! | slots and items | 30 | – | 30 | – |
//! | digests of list and body | 16 | – | 16 | – |
//! | header, as leaf of its batch | 2 | 2 | 2 | 2 |
//! | ciphertext of 512 bytes, wrap, their leaf | 13 | 13 | – | – |
//! | nodes: events; sealed forms or month | 4 | 4 | 4 | 4 |
//! | leaf in its month | – | – | 1 | 1 |
//! | item of the manifest: salt, leaf, digest | – | – | – | 2 |
//! | bytes of the part | – | – | 8 | 3 |
//! | in all | 79 | 19 | 75 | 12 |
//!
//! A server hashes streams when it makes a snapshot, not when it appends.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock and prints")]

#[path = "../tests/maker/mod.rs"]
mod maker;
mod measure;

use maker::{CONVERSATION, Files, Log, MAY, Who, scope_of};
use measure::{machine, pair};
use prost::Message;
use sha2::{Digest, Sha256};
use std::hint::black_box;
use zegel_proto::parse;
use zegel_proto::v1::{Body, EvidenceRecord, SlotState, evidence_event, evidence_record};
use zegel_proto::view::{BodyView, EventView};
use zegel_verifier::bundle::{self, Demands};
use zegel_verifier::commit::view_root;
use zegel_verifier::hash::{Hash, log_leaf};
use zegel_verifier::tree::root_of;
use zegel_verifier::trust::Trust;

const TEXT: &str = "de minister vraagt of het stuk vanavond nog naar de kamer kan graag voor acht uur";
const BATCH: u64 = 64;
const BATCHES: u64 = 12;

/// Blocks of a message with its padding.
fn blocks(bytes: usize) -> usize {
    (bytes + 9).div_ceil(64)
}

/// Salts; slots and items; digests.
fn compressions(body: &Body) -> [usize; 3] {
    let leaves =
        |slot: &zegel_proto::v1::Slot| if slot.items.is_empty() { 0 } else { slot.items.len().next_power_of_two() };
    let salts = body.slots.iter().map(|slot| 1 + leaves(slot)).sum::<usize>().div_ceil(2);
    let slot = |slot: &zegel_proto::v1::Slot| {
        let value = if slot.state == SlotState::SlotList as i32 { 32 } else { slot.value.len() };
        let items = slot.items.iter().map(|item| blocks(19 + item.len())).sum::<usize>();
        blocks(19 + value) + items + leaves(slot) - slot.items.len()
    };
    let lists = body.slots.iter().filter(|slot| !slot.items.is_empty()).map(|slot| blocks(2 + 32 * leaves(slot)));
    [salts, body.slots.iter().map(slot).sum(), lists.sum::<usize>() + blocks(2 + 32 * body.slots.len())]
}

/// A bundle with so many shown events a batch.
fn bundle(shown: u64) -> (Files, Trust) {
    let mut log = Log::new(maker::ORIGIN);
    log.register();
    for batch in 0..BATCHES * BATCH / shown {
        let source = log.source.id;
        let message = |log: &mut Log, _| {
            let seq = log.seq(source, CONVERSATION);
            log.message_of(source, CONVERSATION, seq, MAY + batch * 60_000, TEXT, vec![])
        };
        let events = (0..shown).map(|number| message(&mut log, number)).collect();
        log.batch(Who::Source, events);
    }
    let plan = log.export(scope_of(CONVERSATION), None);
    let trust = Trust::parse(log.trust().as_bytes()).expect("a trust file");
    (log.evidence(&plan).pack().bag(), trust)
}

/// Prints a work beside SHA-256 over as many blocks.
fn beside_sha256(name: &str, of: usize, compressions: usize, work: impl FnMut()) {
    let block = [0x5A; 55];
    let raw = || (0..compressions).for_each(|_| _ = black_box(Sha256::digest(block)));
    let (time, plain, ratio) = pair(work, raw);
    let each = time / of as f64;
    println!(
        "{name}: {:.2} µs, {:.0} a second; SHA-256 over its {:.1} blocks {:.2} µs; ratio {ratio:.2}",
        each * 1e6,
        1.0 / each,
        compressions as f64 / of as f64,
        plain / of as f64 * 1e6
    );
}

fn main() {
    println!("machine: {}", machine());
    let leaves: Vec<Hash> = (0..1_024u64).map(|number| log_leaf(&number.to_be_bytes())).collect();
    beside_sha256("node of a tree of 1,024", 1_023, 2 * 1_023, || _ = black_box(root_of(leaves.iter().copied())));

    let (files, trust) = bundle(BATCH);
    let part = &files.files["data/evidence-0001"];
    let messages = messages(part);
    let (record, body) = messages.last().expect("messages");
    let [salts, slots, digests] = compressions(body);
    println!("a message of 16 words: {} bytes; {salts} + {slots} + {digests} compressions in its body", record.len());
    let encoded = body.encode_to_vec();
    let of_body = salts + slots + digests;
    beside_sha256("body of 16 words", 1, of_body, || {
        _ = black_box(BodyView::read(black_box(&encoded)).map(|body| view_root(&body)));
    });
    let (view, whole, ratio) = pair(
        || _ = black_box(EventView::read(black_box(record))),
        || _ = black_box(parse::<EvidenceRecord>(black_box(record))),
    );
    println!("event as a view: {:.2} µs, parsed {:.2} µs, ratio {ratio:.1}", view * 1e6, whole * 1e6);

    let count = (BATCHES * BATCH) as usize;
    for (name, shown) in [("bundle, disclosed, 64 a batch", BATCH), ("bundle, disclosed, 1 a batch", 1)] {
        let (mut files, trust) = if shown == BATCH { (files.clone(), trust.clone()) } else { bundle(shown) };
        let bytes = files.files["data/evidence-0001"].len();
        let compressions = count * (of_body + 7) + bytes / 64;
        beside_sha256(name, count, compressions, || {
            let report = bundle::verify(&mut files, &trust, &Demands::default(), &mut ());
            assert!(black_box(report).is_ok(), "a good bundle");
        });
    }
}

/// Records of opened messages, with their bodies.
fn messages(mut part: &[u8]) -> Vec<(Vec<u8>, Body)> {
    let mut all = Vec::new();
    while !part.is_empty() {
        let length = prost::decode_length_delimiter(&mut part).expect("a length");
        let (record, rest) = part.split_at(length);
        part = rest;
        if let Ok(EvidenceRecord { record: Some(evidence_record::Record::Event(event)) }) = parse(record)
            && let Some(evidence_event::Body::Opened(body)) = event.body
            && body.slots.len() == 12
        {
            all.push((record.to_vec(), body));
        }
    }
    all
}
