//! One entry's place in a log as a text file (c2sp.org/tlog-proof), for tools that know nothing of Zegel.
//!
//! The file holds no claim about what is *in* the entry: whoever relies on it reads the entry's bytes. They stand in the
//! `extra` line of files of ours, or are handed over beside it. Not here: bundles, which show events and what is missing.
//! Specification: `specs/tiles.md`.

use crate::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use crate::hash::{Hash, log_leaf};
use crate::note::NoteError;
use crate::tree::ProofError;
use crate::trust::{Trust, Vouched};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Bytes of a proof file: an entry in base64, a path, and a note with all its cosignatures.
pub const PROOF_BYTES_MAX: usize = 256 << 10;
/// Hashes of a path in the largest tree.
const HASHES_MAX: usize = 63;
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Why a proof file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlogProofError {
    /// Larger than is read.
    #[error("the proof has {found} bytes, at most {PROOF_BYTES_MAX} are read")]
    TooLarge {
        /// Its bytes.
        found: usize,
    },
    /// Not of the form.
    #[error("line {line} is not what c2sp.org/tlog-proof@v1 has there: {wanted} is wanted")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// What should be there.
        wanted: &'static str,
    },
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A cosignature by a known witness is wrong.
    #[error("cosignature: {0}")]
    Cosignature(NoteError),
    /// Too few cosignatures.
    #[error("{found} cosignatures of the trust file's witnesses are there, its quorum is not met")]
    Quorum {
        /// Cosignatures that count.
        found: usize,
    },
    /// The entry is not in the log, or not there.
    #[error("entry {index} is not the one at its place: {reason}")]
    NotIncluded {
        /// Index.
        index: u64,
        /// Why.
        reason: ProofError,
    },
    /// The trust file pins no log key, and a proof of one entry does not show the registry that would name it.
    #[error("the trust file has no `log` line: a proof of one entry cannot tell which key signs the log's checkpoints")]
    NoLogKey,
}

/// A proof file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Bytes that came along, under no signature: in files of ours the entry.
    pub extra: Option<Vec<u8>>,
    /// Index of the entry.
    pub index: u64,
    /// Inclusion path, the leaf's sibling first (RFC 6962 2.1.1).
    pub path: Vec<Hash>,
    /// Signed checkpoint, as the log gave it.
    pub checkpoint: Vec<u8>,
}

/// What a proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// The checkpoint that the entry is under.
    pub checkpoint: VerifiedCheckpoint,
    /// Leaf hash of the entry.
    pub leaf: Hash,
    /// Cosignatures by witnesses of the trust file.
    pub vouched: Vec<Vouched>,
}

impl TlogProof {
    /// Reads a file, and nothing that would print otherwise.
    ///
    /// # Errors
    /// [`TlogProofError::TooLarge`], [`TlogProofError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(TlogProofError::TooLarge { found: bytes.len() });
        }
        let malformed = |line, wanted| TlogProofError::Malformed { line, wanted };
        let text = std::str::from_utf8(bytes).map_err(|_| malformed(1, "UTF-8"))?;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(malformed(1, "a blank line before the checkpoint"))?;
        let mut lines = (1..).zip(head.split('\n')).peekable();
        if lines.next().is_none_or(|(_, line)| line != FIRST_LINE) {
            return Err(malformed(1, FIRST_LINE));
        }
        let extra = lines.next_if(|(_, line)| line.starts_with("extra "));
        let extra =
            extra.map(|(line, text)| STANDARD.decode(&text[6..]).map_err(|_| malformed(line, "extra <base64>")));
        let (line, index) = lines.next().ok_or(malformed(2, "index <number>"))?;
        let index = index.strip_prefix("index ").and_then(|index| index.parse().ok());
        let index = index.ok_or(malformed(line, "index <number>"))?;
        let hash = |(line, text)| {
            let bytes = STANDARD.decode(text).ok();
            bytes.as_deref().and_then(Hash::read).ok_or(malformed(line, "a hash of 32 bytes in base64"))
        };
        let path = lines.take(HASHES_MAX + 1).map(hash).collect::<Result<Vec<_>, _>>()?;
        if path.len() > HASHES_MAX {
            return Err(malformed(line + path.len(), "at most 63 hashes"));
        }
        let parsed = Self { extra: extra.transpose()?, index, path, checkpoint: checkpoint.into() };
        if parsed.print() == bytes { Ok(parsed) } else { Err(malformed(line, "one spelling of each number")) }
    }

    /// The file.
    #[must_use]
    pub fn print(&self) -> Vec<u8> {
        let extra = self.extra.iter().map(|extra| format!("extra {}\n", STANDARD.encode(extra)));
        let path = self.path.iter().map(|hash| format!("{}\n", STANDARD.encode(hash.0)));
        let head = [format!("{FIRST_LINE}\n")].into_iter().chain(extra);
        let head: String = head.chain([format!("index {}\n", self.index)]).chain(path).collect();
        [head.as_bytes(), b"\n", &self.checkpoint].concat()
    }

    /// Verifies that `entry` stands at its index under a checkpoint that the log of the trust file signed, with the
    /// quorum that the file demands.
    ///
    /// # Errors
    /// [`TlogProofError`].
    pub fn verify(&self, entry: &[u8], trust: &Trust) -> Result<Included, TlogProofError> {
        let log_key = trust.log_key().ok_or(TlogProofError::NoLogKey)?;
        let claimed = ClaimedCheckpoint::parse(&self.checkpoint)?;
        let checkpoint = VerifiedCheckpoint::verify(claimed, trust.origin(), log_key)?;
        let vouched = trust.vouched(&checkpoint).map_err(TlogProofError::Cosignature)?;
        if !trust.is_quorum(&vouched) {
            return Err(TlogProofError::Quorum { found: vouched.len() });
        }
        let (leaf, index) = (log_leaf(entry), self.index);
        let included = checkpoint.check_inclusion(leaf, index, &self.path);
        included.map_err(|reason| TlogProofError::NotIncluded { index, reason })?;
        Ok(Included { checkpoint, leaf, vouched })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint;
    use crate::hash::node;
    use crate::note::{TYPE_ED25519, VerifierKey};
    use ed25519_dalek::{Signer, SigningKey};

    const ORIGIN: &str = "chat.example.nl/minbzk";

    fn key(name: &str, seed: u8) -> (SigningKey, VerifierKey) {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let verifier = VerifierKey::new(name, TYPE_ED25519, key.verifying_key().to_bytes()).expect("a key");
        (key, verifier)
    }

    fn trust(log: &str) -> Trust {
        let text = format!("root {}\n{log}", key(ORIGIN, 1).1.print());
        Trust::parse(text.as_bytes()).expect("a trust file")
    }

    fn pinned() -> Trust {
        trust(&format!("log {}\n", key(ORIGIN, 2).1.print()))
    }

    /// Entry 1 of a log of two.
    fn proof() -> TlogProof {
        let (signer, verifier) = key(ORIGIN, 2);
        let text = checkpoint::print(ORIGIN, 2, node(log_leaf(b"zero"), log_leaf(b"one")));
        let line = verifier.signature_line(&signer.sign(text.as_bytes()).to_bytes());
        let checkpoint = format!("{text}\n{line}").into_bytes();
        TlogProof { extra: Some(b"one".to_vec()), index: 1, path: vec![log_leaf(b"zero")], checkpoint }
    }

    #[test]
    fn an_entry_is_included_under_the_pinned_log_key() {
        let printed = proof().print();
        assert!(printed.starts_with(b"c2sp.org/tlog-proof@v1\nextra b25l\nindex 1\n"));
        let read = TlogProof::parse(&printed).expect("a proof");
        assert_eq!(read, proof());
        let included = read.verify(b"one", &pinned()).expect("included");
        assert_eq!((included.checkpoint.size(), included.leaf), (2, log_leaf(b"one")));
    }

    #[test]
    fn refuses_another_entry_another_place_and_a_longer_path() {
        let refused = |proof: &TlogProof, entry: &[u8]| proof.verify(entry, &pinned()).map(|_| ());
        let wanted = node(log_leaf(b"zero"), log_leaf(b"one"));
        let found = node(log_leaf(b"zero"), log_leaf(b"onf"));
        let reason = ProofError::WrongRoot { found, wanted };
        assert_eq!(refused(&proof(), b"onf"), Err(TlogProofError::NotIncluded { index: 1, reason }));
        let outside = TlogProof { index: 2, ..proof() };
        let reason = ProofError::OutsideTree { index: 2, size: 2 };
        assert_eq!(refused(&outside, b"one"), Err(TlogProofError::NotIncluded { index: 2, reason }));
        let longer = TlogProof { path: vec![log_leaf(b"zero"); 2], ..proof() };
        let reason = ProofError::WrongLength { got: 2, want: 1 };
        assert_eq!(refused(&longer, b"one"), Err(TlogProofError::NotIncluded { index: 1, reason }));
    }

    #[test]
    fn refuses_without_a_log_key_under_another_and_below_the_quorum() {
        assert_eq!(proof().verify(b"one", &trust("")).map(|_| ()), Err(TlogProofError::NoLogKey));
        let other = trust(&format!("log {}\n", key(ORIGIN, 3).1.print()));
        let unsigned = CheckpointError::Note(NoteError::Unsigned { name: ORIGIN.into() });
        assert_eq!(proof().verify(b"one", &other).map(|_| ()), Err(TlogProofError::Checkpoint(unsigned)));
        let witness = key("example.org/witness", 4).1;
        let witness = VerifierKey::new(witness.name(), crate::note::TYPE_COSIGNATURE, *witness.key()).expect("a key");
        let log = key(ORIGIN, 2).1.print();
        let demanding = trust(&format!("log {log}\nwitness one {}\nquorum one\n", witness.print()));
        assert_eq!(proof().verify(b"one", &demanding).map(|_| ()), Err(TlogProofError::Quorum { found: 0 }));
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let good = String::from_utf8(proof().print()).expect("text");
        for (from, to) in [
            ("@v1", "@v2"),
            ("@v1\n", "@v1\r\n"),
            ("index 1", "index 01"),
            ("index 1", "index +1"),
            ("index 1", "index -1"),
            ("index 1\n", ""),
            ("extra b25l", "extra b25l "),
            ("extra b25l", "extra b25m"),
            ("extra b25l\nindex 1", "index 1\nextra b25l"),
            ("\n\n", "\n"),
            ("\n\n", "\n\n\n"),
        ] {
            let read = TlogProof::parse(good.replacen(from, to, 1).as_bytes());
            let is_other_extra = read.as_ref().is_ok_and(|read| read.extra == Some(b"onf".to_vec()));
            let is_no_checkpoint = read.as_ref().is_ok_and(|read| read.verify(b"one", &pinned()).is_err());
            assert!(read.is_err() || is_other_extra || is_no_checkpoint, "{from:?} to {to:?}");
        }
        let longest = TlogProof { path: vec![Hash::ZERO; 63], ..proof() };
        assert_eq!(TlogProof::parse(&longest.print()), Ok(longest));
        let longer = TlogProof { path: vec![Hash::ZERO; 64], ..proof() }.print();
        assert!(matches!(TlogProof::parse(&longer), Err(TlogProofError::Malformed { .. })));
        let found = PROOF_BYTES_MAX + 1;
        assert_eq!(TlogProof::parse(&vec![b'a'; found]), Err(TlogProofError::TooLarge { found }));
    }
}
