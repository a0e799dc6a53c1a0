//! What is sealed opens again, and nothing else does.

use super::*;
use crate::keys::{ArchiveKey, ArchivePublicKey};
use proptest::prelude::*;
use std::sync::LazyLock;
use zegel_proto::print;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::evidence_event::Body as Shown;
use zegel_proto::v1::{Body, EventHeader, EventKind, SealedBody};
use zegel_verifier::commit::{CoveredUnit, body_root, list_slot, none_slot, redact, redact_more, value_slot};
use zegel_verifier::kinds::CHAT_LAYOUT;
use zeroize::Zeroizing;

const ORIGIN: &str = "chat.example.nl/minbzk";

/// Key generation and wrapping are slow; the tests change what lies above.
static KEYS: LazyLock<[ArchiveKey; 3]> = LazyLock::new(|| std::array::from_fn(|_| ArchiveKey::generate()));
static DOSSIER: LazyLock<Dossier> = LazyLock::new(dossier);

fn dossier() -> Dossier {
    let public: Vec<ArchivePublicKey> = KEYS[..2].iter().map(|key| key.public().clone()).collect();
    Dossier::create(ORIGIN, Hash([1; 32]), Some(Hash([2; 32])), 202_205, &public).expect("a dossier")
}

fn body(text: &[u8]) -> Body {
    let mut slots = vec![none_slot(); CHAT_LAYOUT.len()];
    slots[0] = value_slot(b"binding".to_vec());
    slots[11] = list_slot(vec![text.to_vec()]);
    Body { seed: vec![7; 32], slots }
}

fn header(body: &Body, custodian: u8) -> Vec<u8> {
    let header = EventHeader {
        kind: EventKind::MessageCreated as i32,
        conversation: vec![2; 32],
        custodian: vec![custodian; 32],
        month: 202_205,
        conversation_seq: 0,
        blobs: vec![],
        content: Some(Content::BodyRoot(body_root(body).expect("a root").to_vec())),
    };
    print(&header).expect("a header")
}

fn sealed(text: &[u8]) -> (Vec<u8>, SealedBody) {
    let body = body(text);
    let header = header(&body, 3);
    let sealed = seal(&header, &body, ORIGIN, DOSSIER.key()).expect("sealed");
    (header, sealed)
}

fn opened(header: &[u8], sealed: &SealedBody) -> Result<Body, OpenError> {
    open_checked(header, &sealed.ciphertext, &sealed.wrap, ORIGIN, DOSSIER.key()).map(|(body, _)| match body {
        Shown::Opened(body) => body,
        other => panic!("the whole body was sealed: {other:?}"),
    })
}

#[test]
fn what_is_sealed_again_opens_as_what_is_left_and_under_no_other_ciphertext() {
    let (header, whole) = sealed(b"goed");
    let unit = CoveredUnit { slot: 11, item: Some(0) };
    let left = redact(&body(b"goed"), &[unit]).expect("a part");
    let open = |ciphertext: &[u8], wrap: &[u8]| open_checked(&header, ciphertext, wrap, ORIGIN, DOSSIER.key());
    let (ciphertext, wrap) = reseal(&header, &left, ORIGIN, DOSSIER.key()).expect("sealed again");
    let (shown, checked) = open(&ciphertext, &wrap).expect("opened");
    assert_eq!(shown, Shown::Redacted(left.clone()));
    assert_eq!(checked.covered().collect::<Vec<_>>(), [unit]);
    assert_eq!(redact_more(left.clone(), &[unit]), left, "what is covered stays as it is");
    assert_eq!(open(&whole.ciphertext, &wrap).map(|_| ()), Err(OpenError::Wrap));
    assert_eq!(open(&ciphertext, &whole.wrap).map(|_| ()), Err(OpenError::Ciphertext));
}

#[test]
fn each_archive_key_opens_the_dossier_by_itself() {
    let (header, sealed) = sealed(b"goed");
    for one in 0..2 {
        let key = DossierKey::open(DOSSIER.envelope(), DOSSIER.key().id(), ORIGIN, &KEYS[one..=one]).expect("opened");
        let opened = open(&header, &sealed.ciphertext, &sealed.wrap, ORIGIN, &key);
        assert_eq!(opened, Ok(body(b"goed")));
    }
}

#[test]
fn refuses_an_archive_key_to_which_nothing_was_wrapped() {
    let refused = DossierKey::open(DOSSIER.envelope(), DOSSIER.key().id(), ORIGIN, &KEYS[2..]).map(|_| ());
    assert_eq!(refused, Err(OpenError::NoKey { dossier: DOSSIER.key().id(), recipients: 2 }));
}

#[test]
fn refuses_an_envelope_of_another_log_or_with_another_month() {
    let refused = DossierKey::open(DOSSIER.envelope(), DOSSIER.key().id(), "example.nl/other", &KEYS[..]).map(|_| ());
    let wanted = "example.nl/other".into();
    assert_eq!(refused, Err(OpenError::OtherOrigin { found: ORIGIN.into(), wanted }));
    let mut envelope: zegel_proto::v1::DossierEnvelope = zegel_proto::parse(DOSSIER.envelope()).expect("parses");
    envelope.month = 202_206;
    let moved = print(&envelope).expect("prints");
    let dossier = zegel_verifier::hash::sha256(&[&moved]);
    assert_eq!(DossierKey::open(&moved, dossier, ORIGIN, &KEYS[..]).map(|_| ()), Err(OpenError::Envelope { dossier }));
}

#[test]
fn refuses_to_wrap_to_one_archive_key() {
    let one = [KEYS[0].public().clone()];
    let refused = Dossier::create(ORIGIN, Hash([1; 32]), None, 0, &one).map(|_| ());
    assert_eq!(refused, Err(SealError::TooFewArchiveKeys { found: 1 }));
}

#[test]
fn refuses_a_body_under_the_header_of_another_custodian() {
    let (_, sealed) = sealed(b"goed");
    assert_eq!(opened(&header(&body(b"goed"), 4), &sealed), Err(OpenError::Ciphertext));
}

#[test]
fn refuses_a_wrap_under_another_body_root_log_or_dossier() {
    let (header, sealed) = sealed(b"goed");
    let elsewhere = self::header(&body(b"slecht"), 3);
    assert_eq!(opened(&elsewhere, &sealed), Err(OpenError::Wrap));
    let other_log = open(&header, &sealed.ciphertext, &sealed.wrap, "example.nl/other", DOSSIER.key());
    assert_eq!(other_log, Err(OpenError::Wrap));
    let other = dossier();
    let found = DOSSIER.key().id();
    let refused = open(&header, &sealed.ciphertext, &sealed.wrap, ORIGIN, other.key());
    assert_eq!(refused, Err(OpenError::UnknownDossier { found }));
}

#[test]
fn a_body_that_is_not_what_was_committed_is_found_on_opening() {
    let header = header(&body(b"goed"), 3);
    let sealed = seal(&header, &body(b"slecht"), ORIGIN, DOSSIER.key()).expect("sealed");
    assert!(matches!(opened(&header, &sealed), Err(OpenError::Commitment(CommitmentError::WrongRoot { .. }))));
}

#[test]
fn refuses_a_body_that_no_ledger_would_take() {
    let mut large = body(b"");
    large.slots[11] = list_slot(vec![vec![b'a'; 200 * 1024]; 3]);
    let refused = seal(&header(&large, 3), &large, ORIGIN, DOSSIER.key());
    assert!(matches!(refused, Err(SealError::TooLarge { max: 524_288, .. })), "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens_again(text in proptest::collection::vec(any::<u8>(), 0..3_000)) {
        let (header, sealed) = sealed(&text);
        prop_assert_eq!(opened(&header, &sealed), Ok(body(&text)));
    }

    #[test]
    fn texts_of_one_size_class_have_ciphertexts_of_one_length(one in 1usize..60, other in 1usize..60) {
        let length = |count| sealed(&vec![b'a'; count]).1.ciphertext.len();
        prop_assert_eq!(length(one), length(other));
    }

    #[test]
    fn any_flipped_byte_is_refused(at: usize, bit in 0u8..8) {
        let (header, good) = sealed(b"goed");
        let mut bad = good.clone();
        let at = at % (good.ciphertext.len() + good.wrap.len());
        match at.checked_sub(good.ciphertext.len()) {
            None => bad.ciphertext[at] ^= 1 << bit,
            Some(at) => bad.wrap[at] ^= 1 << bit,
        }
        prop_assert!(opened(&header, &bad).is_err());
    }

    #[test]
    fn a_blob_comes_back_whatever_the_pieces(size in 0usize..200_000, piece in 1usize..90_000, at: usize) {
        let plain: Vec<u8> = (0..size).map(|byte| (byte % 251) as u8).collect();
        let mut cipher = Vec::new();
        let made = encrypt_blob(&mut plain.as_slice(), &mut cipher).expect("encrypted");
        let decrypt = |cipher: &[u8]| {
            let mut decryptor = BlobDecryptor::new(made.key.clone(), Vec::new());
            cipher.chunks(piece).try_for_each(|piece| decryptor.push(piece))?;
            decryptor.finish()
        };
        let (summary, back) = decrypt(&cipher).expect("decrypted");
        prop_assert_eq!((&summary, &back), (&made, &plain));
        let mut flipped = cipher.clone();
        let at = at % cipher.len();
        flipped[at] ^= 1;
        let segment = (at / (64 * 1024 + 16)) as u64;
        prop_assert_eq!(decrypt(&flipped).map(|_| ()), Err(BlobError::Segment { segment }));
        let segment = ((cipher.len() - 1) / (64 * 1024 + 16)) as u64;
        let cut = decrypt(&cipher[..cipher.len() - 1]).map(|_| ());
        let refused = |segment| Err(BlobError::Segment { segment });
        prop_assert!(cut == refused(segment) || cut == refused(segment.saturating_sub(1)), "{:?}", cut);
    }
}

#[test]
fn refuses_a_blob_cut_at_a_segment_or_with_its_segments_swapped() {
    let plain = vec![5; 3 * 64 * 1024];
    let mut cipher = Vec::new();
    let made = encrypt_blob(&mut plain.as_slice(), &mut cipher).expect("encrypted");
    let decrypt = |cipher: &[u8]| {
        let mut decryptor = BlobDecryptor::new(Zeroizing::new(*made.key), Vec::new());
        decryptor.push(cipher)?;
        decryptor.finish().map(|_| ())
    };
    let segment = 64 * 1024 + 16;
    assert_eq!(decrypt(&cipher), Ok(()));
    assert_eq!(decrypt(&cipher[..2 * segment]), Err(BlobError::Segment { segment: 1 }));
    let swapped = [&cipher[segment..2 * segment], &cipher[..segment], &cipher[2 * segment..]].concat();
    assert_eq!(decrypt(&swapped), Err(BlobError::Segment { segment: 0 }));
    assert_eq!(decrypt(&[]), Err(BlobError::Segment { segment: 0 }));
}

#[test]
fn a_rewrapped_envelope_opens_by_the_new_key_under_the_old_name_and_by_every_key_that_stays() {
    let name = DOSSIER.key().id();
    let rewrapping = |without| super::Rewrapping { to: KEYS[2].public().clone(), without };
    let (added, dropped) = (rewrapping(None), rewrapping(Some(KEYS[0].public().id())));
    let opens = |envelope: &[u8], key: usize| DossierKey::open(envelope, name, ORIGIN, &KEYS[key..=key]).map(|_| ());
    let more = added.apply(DOSSIER.envelope(), name, ORIGIN, &KEYS[..1]).expect("opened").expect("changed");
    assert_eq!([0, 1, 2].map(|key| opens(&more, key)), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(added.apply(&more, name, ORIGIN, &KEYS[..1]), Ok(None));
    // The bodies open as before, since the dossier's key and name are the same.
    let (header, sealed) = sealed(b"goed");
    let key = DossierKey::open(&more, name, ORIGIN, &KEYS[2..]).expect("opened");
    assert_eq!(open(&header, &sealed.ciphertext, &sealed.wrap, ORIGIN, &key), Ok(body(b"goed")));
    // Dropped is what a key that stays was seen to open, and by no other.
    let no_key = |recipients| OpenError::NoKey { dossier: name, recipients };
    assert_eq!(dropped.apply(&more, name, ORIGIN, &KEYS[..1]), Err(no_key(3).into()));
    let fewer = dropped.apply(&more, name, ORIGIN, &KEYS[1..]).expect("opened").expect("changed");
    assert_eq!([0, 1, 2].map(|key| opens(&fewer, key)), [Err(no_key(2)), Ok(()), Ok(())]);
    let at_once = dropped.apply(DOSSIER.envelope(), name, ORIGIN, &KEYS[1..=1]).expect("opened").expect("changed");
    assert_eq!([0, 1, 2].map(|key| opens(&at_once, key)), [Err(no_key(2)), Ok(()), Ok(())]);
}
