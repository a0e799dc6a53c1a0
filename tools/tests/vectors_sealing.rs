//! The sealed bodies, wraps and blobs of `specs/vectors/sealing/`: each opens, or is refused for exactly its reason.
//!
//! The vectors name dossier keys in the clear. A dossier key comes in by no other way than an envelope, so one is made
//! here for each: that part (HPKE) is held against no vector.

#[path = "../../verifier/tests/vectors/case.rs"]
mod case;

use case::{Case, Outcome, hex, text, unbase64, unhex};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeS, Serializable};
use prost::Message;
use serde_json::{Value, json};
use zegel_proto::v1::evidence_event::Body as Shown;
use zegel_proto::v1::{DossierEnvelope, DossierRecipient, KeyWrap};
use zegel_proto::{CanonicalError, GrammarError, print};
use zegel_tools::keys::{ArchiveKey, ArchivePublicKey};
use zegel_tools::seal::{BlobDecryptor, BlobError, DossierKey, OpenError, open_checked};
use zegel_verifier::commit::CommitmentError;
use zegel_verifier::hash::sha256;
use zeroize::Zeroizing;

/// The dossier of a known key, through an envelope to two fresh archive keys.
fn dossier(origin: &str, key: &[u8]) -> DossierKey {
    let keys = [ArchiveKey::generate(), ArchiveKey::generate()];
    let bare = DossierEnvelope {
        origin: origin.into(),
        source: vec![1; 32],
        conversation: vec![2; 32],
        month: 202_405,
        nonce: vec![3; 16],
        recipients: Vec::new(),
    };
    let mut recipients: Vec<DossierRecipient> =
        keys.iter().map(|archive| wrapped_to(archive.public(), &bare, key)).collect();
    recipients.sort_by(|one, other| one.archive_key.cmp(&other.archive_key));
    let envelope = print(&DossierEnvelope { recipients, ..bare }).expect("a good envelope");
    DossierKey::open(&envelope, sha256(&[&envelope]), origin, &keys[1..]).expect("opens for its recipient")
}

fn wrapped_to(archive: &ArchivePublicKey, bare: &DossierEnvelope, key: &[u8]) -> DossierRecipient {
    let id = archive.id();
    let info = [b"zegel dossier v1\n", &sha256(&[&bare.encode_to_vec()]).0[..], &id.0].concat();
    let public = <XWing as Kem>::PublicKey::from_bytes(&archive.to_vec()).expect("a public key");
    let (encapped, ciphertext) =
        hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing>(&OpModeS::Base, &public, &info, key, &[])
            .expect("seals");
    DossierRecipient { archive_key: id.to_vec(), sealed: [&encapped.to_bytes()[..], &ciphertext].concat() }
}

fn open(given: &Value) -> Outcome {
    let origin = text(&given["origin"]);
    let dossier = dossier(origin, &unhex(&given["dossier_key"]));
    let wrap = KeyWrap { dossier: dossier.id().to_vec(), wrapped: unhex(&given["wrapped"]) }.encode_to_vec();
    let (header, ciphertext) = (unhex(&given["header"]), unhex(&given["ciphertext"]));
    match open_checked(&header, &ciphertext, &wrap, origin, &dossier) {
        Ok((Shown::Opened(body), _)) => Outcome::Accepted(json!({"body": hex(&body.encode_to_vec())})),
        Ok((other, _)) => panic!("the whole body was sealed: {other:?}"),
        Err(error) => Outcome::Refused(reason(&error)),
    }
}

fn reason(error: &OpenError) -> Value {
    match error {
        OpenError::Wrap => json!(["Wrap"]),
        OpenError::Ciphertext => json!(["Ciphertext"]),
        OpenError::Padding { length } => json!(["Padding", length]),
        OpenError::Commitment(CommitmentError::WrongRoot { .. }) => json!(["Commitment", "WrongRoot"]),
        OpenError::Canonical(CanonicalError::Undecodable { .. }) => json!(["Canonical", "Undecodable"]),
        OpenError::Canonical(CanonicalError::NotCanonical { .. }) => json!(["Canonical", "NotCanonical"]),
        OpenError::Canonical(CanonicalError::Grammar { reason: GrammarError::Length { field, .. }, .. }) => {
            json!(["Canonical", "Grammar", "Length", field])
        }
        other => panic!("no vector is refused for this: {other:?}"),
    }
}

/// In pieces that fit no segment.
fn open_blob(given: &Value) -> Outcome {
    let key = Zeroizing::new(unhex(&given["key"]).try_into().expect("32 bytes"));
    let mut decryptor = BlobDecryptor::new(key, Vec::new());
    let ciphertext = unbase64(&given["ciphertext_base64"]);
    let opened =
        ciphertext.chunks(10_007).try_for_each(|piece| decryptor.push(piece)).and_then(|()| decryptor.finish());
    match opened {
        Ok((_, plaintext)) => {
            Outcome::Accepted(json!({"sha256": sha256(&[&plaintext]).to_string(), "size": plaintext.len()}))
        }
        Err(BlobError::Segment { segment }) => Outcome::Refused(json!(["Segment", segment])),
        Err(other) => panic!("no vector is refused for this: {other:?}"),
    }
}

fn run(case: &Case) -> Outcome {
    match case.given.get("open") {
        Some(given) => open(given),
        None => open_blob(&case.given["open_blob"]),
    }
}

#[test]
fn every_sealed_vector_has_the_outcome_that_it_states() {
    let all = case::read_all();
    let sealed: Vec<&Case> = all.iter().filter(|case| case.family == "sealing").collect();
    let wrong: Vec<String> = sealed.iter().filter_map(|case| case.judge(&run(case))).collect();
    assert!(wrong.is_empty(), "{} of {} vectors:\n{}", wrong.len(), sealed.len(), wrong.join("\n"));
    assert!(sealed.len() >= 30, "{} vectors", sealed.len());
}
