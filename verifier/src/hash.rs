//! SHA-256 as Zegel uses it: domain-separated leaves, RFC 6962 nodes.
//!
//! Every tree has the shape of RFC 6962. A leaf is `H(0x00 ‖ tag ‖ data)` with one tag per kind of tree, so that a leaf of
//! one tree is never a leaf of another; the log itself has no tag, to be read by standard tools. Log entries begin with
//! 0x08 (their first field), and every tag is at least 0xB0, so the two never meet. Specification: `specs/encoding.md`.

use sha2::block_api::compress256;
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
    /// An item of an act that was approved.
    Listed = 0xD3,
}

/// SHA-256 over the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let mut message = Message::new();
    parts.iter().for_each(|part| message.push(part));
    message.finish()
}

/// A tagged leaf: `H(0x00 ‖ tag ‖ parts)`.
#[must_use]
pub fn leaf(tag: Tag, parts: &[&[u8]]) -> Hash {
    let mut message = Message::tagged(tag);
    parts.iter().for_each(|part| message.push(part));
    message.finish()
}

/// A tagged leaf of a salt, a state and a value: most of what is hashed, and mostly one block.
#[must_use]
pub fn salted_leaf(tag: Tag, salt: &[u8; 16], state: u8, value: &[u8]) -> Hash {
    const BEFORE: usize = 19;
    if value.len() > BLOCK - 9 - BEFORE {
        return leaf(tag, &[salt, &[state], value]);
    }
    let mut block = [0; BLOCK];
    block[1] = tag as u8;
    block[2..18].copy_from_slice(salt);
    block[18] = state;
    let end = BEFORE + value.len();
    block[BEFORE..end].copy_from_slice(value);
    block[end] = END;
    one_block(block, end)
}

/// Two salts: `H(0x02 ‖ seed ‖ number)`.
#[must_use]
pub fn salt_pair(seed: &[u8; 32], number: u32) -> Hash {
    let mut block = [0; BLOCK];
    block[0] = 0x02;
    block[1..33].copy_from_slice(seed);
    block[33..37].copy_from_slice(&number.to_be_bytes());
    block[37] = END;
    one_block(block, 37)
}

/// A block that holds a whole message of so many bytes and its end mark.
#[inline]
fn one_block(mut block: [u8; BLOCK], bytes: usize) -> Hash {
    block[BLOCK - 2..].copy_from_slice(&(bytes as u16 * 8).to_be_bytes());
    let mut state = INITIAL;
    compress(&mut state, &[block]);
    Hash::of_state(&state)
}

/// A tagged digest over hashes in order: `H(0x00 ‖ tag ‖ hash ‖ hash …)`.
#[must_use]
pub fn leaf_over(tag: Tag, hashes: impl IntoIterator<Item = Hash>) -> Hash {
    let mut message = Message::tagged(tag);
    hashes.into_iter().for_each(|hash| message.push(&hash.0));
    message.finish()
}

/// Every compression by itself goes through here, and is counted.
#[inline]
fn compress(state: &mut [u32; 8], blocks: &[[u8; BLOCK]]) {
    count::add(blocks.len());
    compress256(state, blocks);
}

/// A leaf of the log: `H(0x00 ‖ entry)`, RFC 6962 2.1.
#[must_use]
pub fn log_leaf(entry: &[u8]) -> Hash {
    sha256(&[&[0x00], entry])
}

/// An inner node: `H(0x01 ‖ left ‖ right)`, RFC 6962 2.1.
#[must_use]
pub fn node(left: Hash, right: Hash) -> Hash {
    // 65 bytes: the second block holds the last one, the end mark, and the length of 520 bits.
    let mut blocks = [[0; BLOCK]; 2];
    blocks[0][0] = 0x01;
    blocks[0][1..33].copy_from_slice(&left.0);
    blocks[0][33..].copy_from_slice(&right.0[..31]);
    blocks[1][..2].copy_from_slice(&[right.0[31], END]);
    blocks[1][BLOCK - 2..].copy_from_slice(&520u16.to_be_bytes());
    let mut state = INITIAL;
    compress(&mut state, &blocks);
    Hash::of_state(&state)
}

fn node_bytes(left: Hash, right: Hash) -> [u8; 65] {
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    bytes
}

/// Bytes of a block.
const BLOCK: usize = 64;
/// What follows the last byte of a message: one bit.
const END: u8 = 0x80;
/// The state before the first block, FIPS 180-4 5.3.3.
const INITIAL: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// A short message on its way through the compression function of the `sha2` crate, without the buffers between: most of
/// what Zegel hashes is one block, which is compressed where it was written.
struct Message {
    state: [u32; 8],
    block: [u8; BLOCK],
    bytes: u64,
}

impl Message {
    #[inline]
    fn new() -> Self {
        Self { state: INITIAL, block: [0; BLOCK], bytes: 0 }
    }

    #[inline]
    fn tagged(tag: Tag) -> Self {
        let mut message = Self::new();
        message.block[1] = tag as u8;
        message.bytes = 2;
        message
    }

    #[inline]
    fn push(&mut self, part: &[u8]) {
        let at = self.bytes as usize % BLOCK;
        self.bytes += part.len() as u64;
        if at + part.len() < BLOCK {
            self.block[at..at + part.len()].copy_from_slice(part);
            return;
        }
        let (first, rest) = part.split_at(BLOCK - at);
        self.block[at..].copy_from_slice(first);
        compress(&mut self.state, &[self.block]);
        let (whole, last) = rest.as_chunks();
        compress(&mut self.state, whole);
        self.block[..last.len()].copy_from_slice(last);
    }

    #[inline]
    fn finish(mut self) -> Hash {
        let at = self.bytes as usize % BLOCK;
        self.block[at] = END;
        self.block[at + 1..].fill(0);
        if at + 9 > BLOCK {
            compress(&mut self.state, &[self.block]);
            self.block = [0; BLOCK];
        }
        self.block[BLOCK - 8..].copy_from_slice(&(self.bytes * 8).to_be_bytes());
        compress(&mut self.state, &[self.block]);
        Hash::of_state(&self.state)
    }
}

impl Hash {
    #[inline]
    fn of_state(state: &[u32; 8]) -> Self {
        let mut bytes = [0; 32];
        for (part, word) in bytes.chunks_exact_mut(4).zip(state) {
            part.copy_from_slice(&word.to_be_bytes());
        }
        Self(bytes)
    }
}

/// Root of the empty tree: SHA-256 of nothing, RFC 6962 2.1.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn agrees_with_sha2_at_every_length_however_it_is_cut() {
        let bytes: Vec<u8> = (0..400u32).map(|at| (at * 7 + 3) as u8).collect();
        for length in 0..330 {
            let wanted = Hash(Sha256::digest(&bytes[..length]).into());
            for cut in [0, 1, 31, 32, 63, 64, 65, length / 2, length] {
                let (one, other) = bytes[..length].split_at(cut.min(length));
                assert_eq!(sha256(&[one, other]), wanted, "{length} bytes, cut at {cut}");
                assert_eq!(
                    sha256(&[one, &[], other, &[]]),
                    wanted,
                    "{length} bytes, cut at {cut}, and nothing between"
                );
            }
        }
    }

    #[test]
    fn leaves_and_nodes_are_what_their_bytes_are() {
        let (left, right) = (sha256(&[b"left"]), sha256(&[b"right"]));
        let wanted = |bytes: &[u8]| Hash(Sha256::digest(bytes).into());
        assert_eq!(node(left, right), wanted(&[&[0x01], &left.0[..], &right.0].concat()));
        assert_eq!(log_leaf(b"entry"), wanted(b"\x00entry"));
        assert_eq!(leaf(Tag::Slot, &[b"a", b"bc"]), wanted(b"\x00\xB0abc"));
        let seeded = [&[0x02][..], &[9; 32], &300u32.to_be_bytes()].concat();
        assert_eq!(salt_pair(&[9; 32], 300), wanted(&seeded));
        for length in 0..130 {
            let value = vec![0x5A; length];
            let bytes = [&[0x00, 0xB1][..], &[7; 16], &[2], &value].concat();
            assert_eq!(salted_leaf(Tag::Item, &[7; 16], 2, &value), wanted(&bytes), "{length} bytes");
        }
        for count in 0..5 {
            let hashes = vec![left; count];
            let bytes = [&[0x00, 0xB2][..], &left.0.repeat(count)].concat();
            assert_eq!(leaf_over(Tag::List, hashes), wanted(&bytes), "{count} hashes");
        }
    }
}
