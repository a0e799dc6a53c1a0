//! Our trees and checkpoints against other people's: rs_merkle, and the vectors of transparency-dev.
//!
//! The vectors stand outside the project (`ZEGEL_SHARED`, or `../shared/data` from the workspace); without them the tests
//! that need them say so, loudly, and prove nothing.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use rs_merkle::{Hasher, MerkleTree};
use std::fs;
use std::path::{Path, PathBuf};
use zegel_verifier::checkpoint::{CheckpointError, ClaimedCheckpoint, VerifiedCheckpoint};
use zegel_verifier::hash::{Hash, log_leaf, node, sha256};
use zegel_verifier::note::{Note, NoteError, TYPE_ED25519, VerifierKey};
use zegel_verifier::tree::{SubsetWalk, check_consistency, check_inclusion, gap_subtrees, root_of};

/// RFC 6962 for rs_merkle, whose trees promote a lone node: the same shape.
#[derive(Clone)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        sha256(&[data]).0
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| node(Hash(*left), Hash(*right)).0)
    }
}

fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| log_leaf(&index.to_be_bytes())).collect()
}

fn oracle(leaves: &[Hash]) -> MerkleTree<Rfc6962> {
    MerkleTree::from_leaves(&leaves.iter().map(|leaf| leaf.0).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn roots_are_those_of_rs_merkle(size in 1u64..700) {
        let leaves = leaves(size);
        prop_assert_eq!(Some(root_of(leaves.iter().copied()).0), oracle(&leaves).root());
    }

    #[test]
    fn inclusion_proofs_of_rs_merkle_hold_at_their_index_only(size in 2u64..300, at: u64) {
        let leaves = leaves(size);
        let (tree, index) = (oracle(&leaves), at % size);
        let root = root_of(leaves.iter().copied());
        let proof: Vec<Hash> = tree.proof(&[index as usize]).proof_hashes().iter().map(|hash| Hash(*hash)).collect();
        prop_assert_eq!(check_inclusion(leaves[index as usize], index, size, &proof, root), Ok(()));
        for other in (0..size).filter(|other| *other != index) {
            prop_assert!(check_inclusion(leaves[index as usize], other, size, &proof, root).is_err());
        }
    }

    #[test]
    fn every_subset_walks_to_the_root_of_rs_merkle(size in 1u64..400, picks in proptest::collection::btree_set(any::<u64>(), 0..20)) {
        let leaves = leaves(size);
        let shown: std::collections::BTreeSet<u64> = picks.into_iter().map(|pick| pick % size).collect();
        let gap = |from: u64, to: u64| -> Vec<Hash> {
            let root = |s: zegel_verifier::tree::Subtree| {
                let width = 1usize << s.level;
                // The oracle makes every hash of the proof.
                oracle(&leaves[s.index as usize * width..][..width]).root().map(Hash).expect("not empty")
            };
            gap_subtrees(from, to).map(root).collect()
        };
        let mut walk = SubsetWalk::new(size);
        for index in shown {
            let hashes = gap(walk.position(), index);
            prop_assert_eq!(walk.leaf(index, &hashes, leaves[index as usize]), Ok(()));
        }
        let rest = gap(walk.position(), size);
        prop_assert_eq!(walk.finish(&rest).map(|root| root.0).ok(), oracle(&leaves).root());
    }

    #[test]
    fn a_changed_hash_anywhere_in_a_subset_leads_elsewhere(size in 2u64..300, at: u64, bit in 0usize..256) {
        let leaves = leaves(size);
        let index = at % size;
        let root = |s: zegel_verifier::tree::Subtree| {
            let width = 1usize << s.level;
            root_of(leaves[s.index as usize * width..][..width].iter().copied())
        };
        let mut before: Vec<Hash> = gap_subtrees(0, index).map(root).collect();
        let mut after: Vec<Hash> = gap_subtrees(index + 1, size).map(root).collect();
        let count = before.len() + after.len();
        let victim = before.iter_mut().chain(&mut after).nth(at as usize % count).expect("a hash");
        victim.0[bit / 8] ^= 1 << (bit % 8);
        let mut walk = SubsetWalk::new(size);
        prop_assert_eq!(walk.leaf(index, &before, leaves[index as usize]), Ok(()));
        prop_assert_ne!(walk.finish(&after), Ok(root_of(leaves.iter().copied())));
    }
}

/// Whether `signed_note` takes a note under a verifier key.
fn signed_note_takes(note: &[u8], vkey: &str) -> bool {
    let key = signed_note::StandardVerifier::new(vkey).expect("a verifier key of ours");
    let known = signed_note::VerifierList::new(vec![Box::new(key)]);
    signed_note::Note::from_bytes(note).is_ok_and(|note| note.verify(&known).is_ok())
}

/// Whether we do.
fn we_take(note: &[u8], key: &VerifierKey) -> bool {
    Note::parse(note).is_ok_and(|note| note.verify(key).is_ok())
}

#[test]
fn another_implementation_of_notes_takes_ours_and_refuses_what_we_refuse() {
    let signer = SigningKey::from_bytes(&[7; 32]);
    let own = signer.verifying_key().to_bytes();
    let key = VerifierKey::new("chat.example.nl/minbzk", TYPE_ED25519, own).expect("a key");
    let text = zegel_verifier::checkpoint::print(key.name(), 27, Hash([9; 32]));
    let line = key.signature_line(&signer.sign(text.as_bytes()).to_bytes());
    let stranger = VerifierKey::new("example.org/witness", TYPE_ED25519, own).expect("a key").signature_line(&[1; 64]);
    let note = format!("{text}\n{stranger}{line}").into_bytes();
    assert!(we_take(&note, &key) && signed_note_takes(&note, &key.print()));
    for at in 0..note.len() {
        for bit in [0x01, 0x04, 0x20, 0x80] {
            let mut other = note.clone();
            other[at] ^= bit;
            assert_eq!(we_take(&other, &key), signed_note_takes(&other, &key.print()), "byte {at}, bit {bit:#04x}");
        }
        let mut shorter = note.clone();
        shorter.remove(at);
        assert_eq!(we_take(&shorter, &key), signed_note_takes(&shorter, &key.print()), "without byte {at}");
    }
}

/// The vectors, or a loud word that they are not there.
fn shared(below: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("ZEGEL_SHARED").map_or(beside, PathBuf::from).join(below);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("\n*** SKIPPED: {} is not there; set ZEGEL_SHARED. This test proved nothing. ***\n", folder.display());
    None
}

fn cases(folder: &Path) -> Vec<(String, serde_json::Value)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(cases(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let value = serde_json::from_slice(&fs::read(&path).expect("reads")).expect("json");
            all.push((path.display().to_string(), value));
        }
    }
    all
}

/// A hash of a vector; `None` if it is none, which a verifier of ours cannot even be asked.
fn hash(value: &serde_json::Value) -> Option<Hash> {
    Hash::read(&STANDARD.decode(value.as_str()?).ok()?)
}

/// Some roots are other text, of which only the equality matters: it is hashed.
fn root_or_text(value: &serde_json::Value) -> Option<Hash> {
    hash(value).or_else(|| Some(sha256(&[b"no hash: ", value.as_str()?.as_bytes()])))
}

fn proof(value: &serde_json::Value) -> Option<Vec<Hash>> {
    value.as_array().map_or(Some(vec![]), |hashes| hashes.iter().map(hash).collect())
}

fn number(value: &serde_json::Value) -> u64 {
    value.as_u64().expect("a number")
}

#[test]
fn inclusion_proofs_of_others_are_judged_as_they_say() {
    let Some(folder) = shared("tlog/proofs/inclusion") else { return };
    let cases = cases(&folder);
    assert!(cases.len() > 50, "{} cases", cases.len());
    for (name, case) in cases {
        let wanted = !case["wantErr"].as_bool().expect("a verdict");
        let judged = (|| {
            let (leaf, root, proof) = (hash(&case["leafHash"])?, hash(&case["root"])?, proof(&case["proof"])?);
            check_inclusion(leaf, number(&case["leafIdx"]), number(&case["treeSize"]), &proof, root).ok()
        })();
        assert_eq!(judged.is_some(), wanted, "{name}");
    }
}

#[test]
fn consistency_proofs_of_others_are_judged_as_they_say() {
    let Some(folder) = shared("tlog/proofs/consistency") else { return };
    let cases = cases(&folder);
    assert!(cases.len() > 50, "{} cases", cases.len());
    for (name, case) in cases {
        let (from, to) = (number(&case["size1"]), number(&case["size2"]));
        let judged = (|| {
            let (old, new, proof) =
                (root_or_text(&case["root1"])?, root_or_text(&case["root2"])?, proof(&case["proof"])?);
            check_consistency(from, old, to, new, &proof).ok()
        })();
        // From nothing there is nothing to prove: ours refuses where others call it empty and true.
        let wanted = !case["wantErr"].as_bool().expect("a verdict") && from > 0;
        assert_eq!(judged.is_some(), wanted, "{name}");
    }
}

const TESSERA: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

fn checkpoint(folder: &Path, size: u64) -> VerifiedCheckpoint {
    let key = VerifierKey::parse(TESSERA).expect("the key");
    let bytes = fs::read(folder.join(format!("checkpoint.{size}"))).expect("reads");
    let claimed = ClaimedCheckpoint::parse(&bytes).expect("a checkpoint");
    VerifiedCheckpoint::verify(claimed, key.name(), key.key()).expect("signed")
}

/// Leaf hashes of the log, from its widest level-0 tile.
fn tessera_leaves(folder: &Path) -> Vec<Hash> {
    let tile = fs::read(folder.join("tile/0/000.p/15")).expect("a tile");
    tile.chunks(32).map(|bytes| Hash::read(bytes).expect("a hash")).collect()
}

fn subproof(from: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
    // RFC 6962 2.1.2, by its definition.
    let root = |leaves: &[Hash]| root_of(leaves.iter().copied());
    if from == leaves.len() {
        return if is_whole { vec![] } else { vec![root(leaves)] };
    }
    let split = 1 << (leaves.len() - 1).ilog2();
    let (left, right) = leaves.split_at(split);
    let (mut below, other) = if from <= split {
        (subproof(from, left, is_whole), right)
    } else {
        (subproof(from - split, right, false), left)
    };
    below.push(root(other));
    below
}

#[test]
fn every_checkpoint_of_the_small_log_verifies_and_extends_the_ones_before() {
    let Some(folder) = shared("tlog/log") else { return };
    let leaves = tessera_leaves(&folder);
    for to in 1..=15u64 {
        let new = checkpoint(&folder, to);
        assert_eq!((new.size(), new.root()), (to, root_of(leaves[..to as usize].iter().copied())));
        for from in 1..=to {
            let proof = subproof(from as usize, &leaves[..to as usize], true);
            assert_eq!(new.check_extends(&checkpoint(&folder, from), &proof), Ok(()), "{from} to {to}");
        }
    }
    let other = VerifierKey::new("example.com/log/testdata", 1, [3; 32]).expect("a key");
    let bytes = fs::read(folder.join("checkpoint.15")).expect("reads");
    let claimed = ClaimedCheckpoint::parse(&bytes).expect("a checkpoint");
    let refused = VerifiedCheckpoint::verify(claimed, other.name(), other.key());
    let unsigned = NoteError::Unsigned { name: "example.com/log/testdata".into() };
    assert_eq!(refused, Err(CheckpointError::Note(unsigned)));
}
