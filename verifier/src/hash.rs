//! SHA-256 as Zegel uses it: domain-separated leaves, RFC 6962 nodes.
//!
//! Every tree has the shape of RFC 6962. A leaf is `H(0x00 ‖ tag ‖ data)` with one tag per kind of tree, so that a leaf of
//! one tree is never a leaf of another; the log itself has no tag, to be read by standard tools. Log entries begin with
//! 0x08 (their first field), and every tag is at least 0xB0, so the two never meet. Specification: `specs/encoding.md`.

use sha2::{Digest, Sha256};
use std::fmt;

mod count;
pub mod lanes;

pub use count::compressions;

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// All zeros: the id of the fixed streams.
    pub const ZERO: Self = Self([0; 32]);

    /// Reads 32 bytes; `None` for any other length.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, for a message.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// What kind of leaf or digest: the byte after 0x00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    /// A slot of a body.
    Slot = 0xB0,
    /// An item of a list in a slot.
    Item = 0xB1,
    /// The digest over a list's leaves.
    List = 0xB2,
    /// The digest over a body's slot leaves: the body root.
    Body = 0xB3,
    /// An event header, in a batch.
    Event = 0xC0,
    /// Ciphertext and first wrap of an event, in a batch.
    Sealed = 0xC1,
    /// An event of a stream, in its month.
    Stream = 0xD0,
    /// A row of an index snapshot.
    Row = 0xD1,
    /// The digest over a row's months.
    Months = 0xD2,
}

/// SHA-256 over the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Hash {
    count::add(parts.iter().map(|part| part.len()).sum());
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Hash(hasher.finalize().into())
}

/// A tagged leaf: `H(0x00 ‖ tag ‖ parts)`.
#[must_use]
pub fn leaf(tag: Tag, parts: &[&[u8]]) -> Hash {
    count::add(2 + parts.iter().map(|part| part.len()).sum::<usize>());
    let mut hasher = Sha256::new();
    hasher.update([0x00, tag as u8]);
    parts.iter().for_each(|part| hasher.update(part));
    Hash(hasher.finalize().into())
}

/// A leaf of the log: `H(0x00 ‖ entry)`, RFC 6962 2.1.
#[must_use]
pub fn log_leaf(entry: &[u8]) -> Hash {
    sha256(&[&[0x00], entry])
}

/// An inner node: `H(0x01 ‖ left ‖ right)`, RFC 6962 2.1.
#[must_use]
pub fn node(left: Hash, right: Hash) -> Hash {
    count::add(65);
    Hash(Sha256::digest(node_bytes(left, right)).into())
}

fn node_bytes(left: Hash, right: Hash) -> [u8; 65] {
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    bytes
}

/// Root of the empty tree: SHA-256 of nothing, RFC 6962 2.1.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}
