//! The source's side as a library: commit, seal, sign, on one core.

use crate::page::{Row, count, ratio};
use crate::{Scale, failed};
use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use std::hint::black_box;
use std::time::{Duration, Instant};
use zegel_proto::v1::{AppendRequest, Channel, EventKind, ProofClass};
use zegel_tools::event::{Draft, Field, Occurred, commit_all};
use zegel_tools::keys::{ArchiveKey, Identity};
use zegel_tools::record::Record;
use zegel_tools::seal::{Dossier, seal_all};
use zegel_tools::source::{Head, sign_batch};
use zegel_verifier::hash::Hash;

const ORIGIN: &str = "chat.example.nl/bench";
const EVENTS: u64 = 256;
const WORDS: [&str; 8] = ["de", "minister", "vraagt", "vanavond", "nog", "naar", "het", "stuk"];
const WORK: &str = "the source's side: commit, seal, sign; one core, batches of 256, 12–20 words";

fn draft(number: u64) -> Draft {
    let words = 12 + number % 9;
    let text: Vec<&str> = (0..words).map(|word| WORDS[((number * 7 + word * 5) % 8) as usize]).collect();
    let record = Record {
        occurred: Occurred::by_source(1_651_363_200_000 + number),
        channel: Channel::Whatsapp,
        proof_class: ProofClass::BGateway,
        sender: Field::Value("+31612345678".into()),
        display_name: Field::Value("Afzender".into()),
        text: Field::Value(text.join(" ").into_bytes()),
        ..Record::new(EventKind::MessageCreated, Hash([1; 32]), Hash([2; 32]))
    };
    record.draft().unwrap()
}

/// Seals batches for a few seconds, then hashes the same bytes.
pub fn measure(scale: Scale) -> Row {
    let keys = [ArchiveKey::generate(), ArchiveKey::generate()].map(|key| key.public().clone());
    let identity = Identity::new(Hash([3; 32]), SigningKey::from_bytes(&[4; 32]));
    let Ok(dossier) = Dossier::create(ORIGIN, Hash([3; 32]), Some(Hash([1; 32])), 202_205, &keys) else {
        return failed(40, WORK, "no dossier could be made");
    };
    let mut head = Head::default();
    let mut seal = |from: u64| {
        let drafts = (from..from + EVENTS).map(|number| (draft(number), number)).collect();
        let begun = Instant::now();
        let events = commit_all(drafts, ORIGIN, Hash([3; 32])).unwrap();
        let bodies = seal_all(events.iter().map(|event| (event, Some(dossier.key()))), ORIGIN).unwrap();
        let headers = events.into_iter().map(|event| event.header).collect();
        let mut request = AppendRequest { origin: ORIGIN.into(), headers, bodies, ..AppendRequest::default() };
        head = sign_batch(&identity, &head, &mut request, 1_651_363_200_000).unwrap();
        (request, begun.elapsed())
    };
    let (mut sealing, mut hashing, mut events) = (Duration::ZERO, Duration::ZERO, 0);
    // In turn, so that a machine that slows down slows both.
    while sealing < Duration::from_secs(scale.short_seconds / 2 + 1) {
        let (request, took) = seal(events);
        (sealing, events) = (sealing + took, events + EVENTS);
        let begun = Instant::now();
        for (header, body) in request.headers.iter().zip(&request.bodies) {
            black_box(
                Sha256::new().chain_update(header).chain_update(&body.ciphertext).chain_update(&body.wrap).finalize(),
            );
        }
        hashing += begun.elapsed();
    }
    let (sealed, hashed) = (events as f64 / sealing.as_secs_f64(), events as f64 / hashing.as_secs_f64());
    Row {
        place: 40,
        work: WORK.into(),
        target: "≥ 60,000 events/s".into(),
        found: format!("{} events/s", count(sealed)),
        value: sealed,
        met: Some(sealed >= 60_000.0),
        beside: format!("SHA-256 (`sha2`) over the same bytes: {} events/s", count(hashed)),
        ratio: ratio(sealed / hashed),
        remark: "the drafts are at hand; X-Wing wraps, two a dossier, are not in it".into(),
    }
}
