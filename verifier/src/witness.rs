//! What a witness is asked, and when it may cosign (c2sp.org/tlog-witness, `add-checkpoint`).
//!
//! The bytes of a request, and a judgement over it: a log prints what a witness reads, and both hold it to the same rules.
//! Invariant: a checkpoint that [`judge`] lets pass extends the one that was cosigned before it. Not here: keys, clocks,
//! files and HTTP, and what an auditor asks beyond this. Specification: `specs/witness.md`.

use crate::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use crate::hash::{Hash, empty_root};
use crate::note::NoteError;
use crate::tree::{ProofError, check_consistency};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;
use thiserror::Error;

/// Hashes of a consistency proof in a request (c2sp.org/tlog-witness).
pub const PROOF_HASHES_MAX: usize = 63;
/// Bytes of a request: a note of 64 KiB, 63 hashes, the first line.
pub const REQUEST_BYTES_MAX: usize = 68 * 1024;
/// Media type of the answer to a request that starts from another size than the one that was cosigned last.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WitnessRefusal {
    /// Larger than is read.
    #[error("the request has {found} bytes, at most {REQUEST_BYTES_MAX} are read")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not a request.
    #[error(
        "the request is not `old <size>`, at most {PROOF_HASHES_MAX} hashes in base64, an empty line, a checkpoint"
    )]
    Malformed,
    /// The checkpoint does not read as one.
    #[error(transparent)]
    Checkpoint(CheckpointError),
    /// Nobody told the witness of this log.
    #[error("log {origin:?} is not known here")]
    UnknownOrigin {
        /// Origin of the checkpoint.
        origin: String,
    },
    /// No signature by a known key, or a wrong one by a known key.
    #[error("the checkpoint is not signed by a key that is known for its log: {0}")]
    NotSigned(NoteError),
    /// The old tree cannot be larger than the new one.
    #[error("the old size {old} is larger than the checkpoint's, {new}")]
    OldSize {
        /// Of the request.
        old: u64,
        /// Of the checkpoint.
        new: u64,
    },
    /// An empty tree has one root.
    #[error("a checkpoint of size 0 has another root than that of the empty tree")]
    EmptyRoot,
    /// The request starts elsewhere.
    #[error("the request starts from size {old}, cosigned last is {latest}")]
    Conflict {
        /// Of the request.
        old: u64,
        /// Cosigned last; 0: never.
        latest: u64,
    },
    /// Two roots for one size: a fork.
    #[error("at size {size} the checkpoint has root {found}, cosigned is {cosigned}: this is a fork")]
    OtherRoot {
        /// The size.
        size: u64,
        /// Of the checkpoint.
        found: Hash,
        /// Cosigned before.
        cosigned: Hash,
    },
    /// The proof does not lead from one to the other.
    #[error("the checkpoint does not follow from what was cosigned: {0}")]
    Proof(ProofError),
}

impl WitnessRefusal {
    /// The status code of c2sp.org/tlog-witness.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } | Self::Malformed | Self::Checkpoint(_) | Self::OldSize { .. } => 400,
            Self::NotSigned(_) => 403,
            Self::UnknownOrigin { .. } => 404,
            Self::Conflict { .. } => 409,
            Self::EmptyRoot | Self::OtherRoot { .. } | Self::Proof(_) => 422,
        }
    }
}

/// A request for a cosignature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size that the witness cosigned last, as the log believes; 0: none.
    pub old_size: u64,
    /// Leads from the old size to the checkpoint's.
    pub proof: Vec<Hash>,
    /// Signed note.
    pub checkpoint: Vec<u8>,
}

impl AddCheckpoint {
    /// Reads a request.
    ///
    /// # Errors
    /// [`WitnessRefusal::TooLarge`] or [`WitnessRefusal::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WitnessRefusal> {
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(WitnessRefusal::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| WitnessRefusal::Malformed)?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(WitnessRefusal::Malformed)?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(parse_size);
        let proof = lines.map(parse_hash).collect::<Option<Vec<_>>>();
        match (old_size, proof) {
            (Some(old_size), Some(proof)) if proof.len() <= PROOF_HASHES_MAX => {
                Ok(Self { old_size, proof, checkpoint: checkpoint.as_bytes().to_vec() })
            }
            _ => Err(WitnessRefusal::Malformed),
        }
    }

    /// The bytes of a request.
    #[must_use]
    pub fn print(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}", STANDARD.encode(hash.0));
        }
        [text.as_bytes(), b"\n", &self.checkpoint].concat()
    }
}

/// Reads a size in decimal, and nothing that would print otherwise.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    text.parse().ok().filter(|size: &u64| size.to_string() == text)
}

fn parse_hash(line: &str) -> Option<Hash> {
    let hash = Hash::read(&STANDARD.decode(line).ok()?)?;
    (STANDARD.encode(hash.0) == line).then_some(hash)
}

/// What a witness knows of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed<'a> {
    /// Origin of the log.
    pub origin: &'a str,
    /// Keys that may sign its checkpoints.
    pub log_keys: &'a [[u8; 32]],
    /// Size and root that were cosigned last.
    pub latest: Option<(u64, Hash)>,
}

/// Judges a request about a log that is known: the checks of c2sp.org/tlog-witness, in its order.
///
/// # Errors
/// [`WitnessRefusal`].
pub fn judge(
    request: &AddCheckpoint,
    claimed: ClaimedCheckpoint,
    known: &Witnessed<'_>,
) -> Result<VerifiedCheckpoint, WitnessRefusal> {
    let checkpoint = VerifiedCheckpoint::verify_any(claimed, known.origin, known.log_keys);
    let checkpoint = checkpoint.map_err(|reason| match reason {
        CheckpointError::Note(reason) => WitnessRefusal::NotSigned(reason),
        other => WitnessRefusal::Checkpoint(other),
    })?;
    let (old, new) = (request.old_size, checkpoint.size());
    if old > new {
        return Err(WitnessRefusal::OldSize { old, new });
    }
    if new == 0 && checkpoint.root() != empty_root() {
        return Err(WitnessRefusal::EmptyRoot);
    }
    let (latest, cosigned) = known.latest.unwrap_or((0, empty_root()));
    if old != latest {
        return Err(WitnessRefusal::Conflict { old, latest });
    }
    if old == new && checkpoint.root() != cosigned {
        return Err(WitnessRefusal::OtherRoot { size: new, found: checkpoint.root(), cosigned });
    }
    check_follows(request, &checkpoint, cosigned)?;
    Ok(checkpoint)
}

fn check_follows(
    request: &AddCheckpoint,
    checkpoint: &VerifiedCheckpoint,
    cosigned: Hash,
) -> Result<(), WitnessRefusal> {
    if request.old_size == 0 {
        // Every tree follows from the empty one.
        let got = request.proof.len();
        let surplus = WitnessRefusal::Proof(ProofError::WrongLength { got, want: 0 });
        return if got == 0 { Ok(()) } else { Err(surplus) };
    }
    check_consistency(request.old_size, cosigned, checkpoint.size(), checkpoint.root(), &request.proof)
        .map_err(WitnessRefusal::Proof)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::print;
    use crate::hash::log_leaf;
    use crate::note::{TYPE_ED25519, VerifierKey};
    use crate::tree::root_of;
    use ed25519_dalek::{Signer, SigningKey};

    const ORIGIN: &str = "chat.example.nl/minbzk";

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn root(size: u64) -> Hash {
        root_of((0..size).map(|index| log_leaf(&index.to_be_bytes())))
    }

    fn signed(origin: &str, size: u64, root: Hash, key: &SigningKey) -> Vec<u8> {
        let text = print(origin, size, root);
        let vkey = VerifierKey::new(origin, TYPE_ED25519, key.verifying_key().to_bytes()).expect("a name");
        format!("{text}\n{}", vkey.signature_line(&key.sign(text.as_bytes()).to_bytes())).into_bytes()
    }

    fn asked(old_size: u64, proof: Vec<Hash>, checkpoint: Vec<u8>, latest: Option<u64>) -> Result<u64, WitnessRefusal> {
        let request = AddCheckpoint::parse(&AddCheckpoint { old_size, proof, checkpoint }.print())?;
        let claimed = ClaimedCheckpoint::parse(&request.checkpoint).map_err(WitnessRefusal::Checkpoint)?;
        let latest = latest.map(|size| (size, root(size)));
        let log_keys = [[9; 32], key().verifying_key().to_bytes()];
        judge(&request, claimed, &Witnessed { origin: ORIGIN, log_keys: &log_keys, latest }).map(|good| good.size())
    }

    fn good(size: u64) -> Vec<u8> {
        signed(ORIGIN, size, root(size), &key())
    }

    /// From 2 to 4 leaves: the other half.
    fn two_to_four() -> Vec<Hash> {
        vec![root_of((2..4u64).map(|index| log_leaf(&index.to_be_bytes())))]
    }

    #[test]
    fn a_request_reads_as_it_was_printed_and_in_no_other_form() {
        let request = AddCheckpoint { old_size: 2, proof: two_to_four(), checkpoint: good(4) };
        let bytes = request.print();
        assert_eq!(AddCheckpoint::parse(&bytes), Ok(request));
        let text = String::from_utf8(bytes).expect("text");
        for (from, to) in
            [("old 2", "old 02"), ("old 2", "old +2"), ("old 2", "old  2"), ("old 2", "new 2"), ("=\n", "\n")]
        {
            let bad = text.replacen(from, to, 1);
            assert_eq!(AddCheckpoint::parse(bad.as_bytes()), Err(WitnessRefusal::Malformed), "{to}");
        }
        let long = AddCheckpoint { old_size: 1, proof: vec![Hash::ZERO; 64], checkpoint: good(4) }.print();
        assert_eq!(AddCheckpoint::parse(&long), Err(WitnessRefusal::Malformed));
        let large = vec![b'a'; REQUEST_BYTES_MAX + 1];
        assert_eq!(AddCheckpoint::parse(&large), Err(WitnessRefusal::TooLarge { found: REQUEST_BYTES_MAX + 1 }));
    }

    #[test]
    fn cosigns_the_first_checkpoint_and_those_that_follow() {
        assert_eq!(asked(0, vec![], good(4), None), Ok(4));
        assert_eq!(asked(2, two_to_four(), good(4), Some(2)), Ok(4));
        assert_eq!(asked(4, vec![], good(4), Some(4)), Ok(4));
        assert_eq!(asked(0, vec![], good(4), Some(0)), Ok(4));
        assert_eq!(asked(0, vec![], good(0), None), Ok(0));
    }

    #[test]
    fn refuses_each_thing_with_its_own_status() {
        let other = SigningKey::from_bytes(&[8; 32]);
        let refusals = [
            (asked(0, vec![], signed(ORIGIN, 4, root(4), &other), None), 403),
            (asked(5, vec![], good(4), Some(5)), 400),
            (asked(0, vec![], signed(ORIGIN, 0, Hash::ZERO, &key()), None), 422),
            (asked(1, vec![], good(4), Some(2)), 409),
            (asked(0, vec![], good(4), Some(2)), 409),
            (asked(2, vec![], good(2), None), 409),
            (asked(4, vec![], signed(ORIGIN, 4, Hash::ZERO, &key()), Some(4)), 422),
            (asked(0, two_to_four(), good(4), None), 422),
            (asked(2, vec![Hash::ZERO], good(4), Some(2)), 422),
            (asked(2, vec![], good(4), Some(2)), 422),
            (asked(4, two_to_four(), good(4), Some(4)), 422),
            (asked(0, vec![], b"no note\n".to_vec(), None), 400),
        ];
        for (number, (refused, status)) in refusals.into_iter().enumerate() {
            assert_eq!(refused.map_err(|refusal| refusal.status()), Err(status), "case {number}");
        }
        let conflict = asked(1, vec![], good(4), Some(2));
        assert_eq!(conflict, Err(WitnessRefusal::Conflict { old: 1, latest: 2 }));
    }

    #[test]
    fn a_wrong_signature_by_a_known_key_is_refused_beside_a_good_one() {
        let [good, bad] = [root(4), Hash::ZERO].map(|root| signed(ORIGIN, 4, root, &key()));
        let line = String::from_utf8(bad).expect("text").split_once("\n\n").expect("a note").1.to_owned();
        let both = [&good[..], line.as_bytes()].concat();
        // Of lines with one name and id the first counts.
        assert_eq!(asked(0, vec![], both, None), Ok(4));
        let text = print(ORIGIN, 4, root(4));
        let wrong = format!("{text}\n{line}").into_bytes();
        let refused = asked(0, vec![], wrong, None);
        assert_eq!(refused, Err(WitnessRefusal::NotSigned(NoteError::BadSignature { name: ORIGIN.into() })));
    }
}
