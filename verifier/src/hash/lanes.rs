//! SHA-256 of many messages at once: eight side by side.
//!
//! A CPU without SHA instructions hashes one block at a time in 0.35 to 0.6 µs; with AVX2, eight independent blocks take little
//! longer than one. Plain safe Rust: an array of eight words is one register, and the compiler does the rest. Where the
//! CPU has SHA instructions, one by one is faster, and this module stands aside. The result never differs.
//!
//! Tested against the `sha2` crate for every length around each block edge.

use super::{BLOCK, Hash, INITIAL, node, node_bytes, sha256};

/// Messages side by side: what fits in one AVX2 register of 32-bit words.
const LANES: usize = 8;

type Words = [u32; LANES];

/// SHA-256 of each message, in order.
#[must_use]
pub fn sha256_all(messages: &[&[u8]]) -> Vec<Hash> {
    if !are_faster() {
        return messages.iter().map(|message| sha256(&[message])).collect();
    }
    sha256_in_lanes(messages)
}

/// SHA-256 of each message, eight side by side whatever the CPU: [`sha256_all`] decides, benchmarks compare.
#[must_use]
pub fn sha256_in_lanes(messages: &[&[u8]]) -> Vec<Hash> {
    messages.chunks(LANES).flat_map(side_by_side).collect()
}

/// Inner nodes over each two neighbours; one that is left over is carried up as it is (RFC 6962 2.1).
#[must_use]
pub fn next_level(hashes: &[Hash]) -> Vec<Hash> {
    if !are_faster() {
        let parent = |pair: &[Hash]| if let [left, right] = pair { node(*left, *right) } else { pair[0] };
        return hashes.chunks(2).map(parent).collect();
    }
    let pairs: Vec<[u8; 65]> = hashes.chunks_exact(2).map(|pair| node_bytes(pair[0], pair[1])).collect();
    let messages: Vec<&[u8]> = pairs.iter().map(<[u8; 65]>::as_slice).collect();
    let mut level = sha256_all(&messages);
    level.extend(hashes.chunks_exact(2).remainder());
    level
}

/// Eight lanes beat one by one where the CPU has AVX2 and no SHA instructions.
#[must_use]
pub fn are_faster() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2") && !std::arch::is_x86_feature_detected!("sha");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Blocks of a message with its padding: one bit, zeros, and the length in 64 bits.
fn blocks(length: usize) -> usize {
    (length + 9).div_ceil(BLOCK)
}

fn side_by_side(messages: &[&[u8]]) -> Vec<Hash> {
    if messages.len() < LANES / 2 {
        return messages.iter().map(|message| sha256(&[message])).collect();
    }
    super::count::add(messages.iter().map(|message| blocks(message.len())).sum());
    let mut state: [Words; 8] = INITIAL.map(|word| [word; LANES]);
    let mut hashes = vec![Hash::ZERO; messages.len()];
    let most = messages.iter().map(|message| blocks(message.len())).max().unwrap_or(0);
    let mut input = [[0; BLOCK]; LANES];
    for number in 0..most {
        for (block, message) in input.iter_mut().zip(messages) {
            fill(block, message, number);
        }
        compress(&mut state, &input);
        for (lane, message) in messages.iter().enumerate() {
            if blocks(message.len()) == number + 1 {
                hashes[lane] = read(&state, lane);
            }
        }
    }
    hashes
}

/// Block `number` of the padded message; whatever comes after its last one is never read.
fn fill(block: &mut [u8; BLOCK], message: &[u8], number: usize) {
    let from = number * BLOCK;
    let part = &message[from.min(message.len())..(from + BLOCK).min(message.len())];
    block[..part.len()].copy_from_slice(part);
    block[part.len()..].fill(0);
    if (from..from + BLOCK).contains(&message.len()) {
        block[message.len() - from] = 0x80;
    }
    if blocks(message.len()) == number + 1 {
        block[BLOCK - 8..].copy_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    }
}

fn read(state: &[Words; 8], lane: usize) -> Hash {
    let mut bytes = [0; 32];
    for (part, words) in bytes.chunks_exact_mut(4).zip(state) {
        part.copy_from_slice(&words[lane].to_be_bytes());
    }
    Hash(bytes)
}

#[inline(always)]
fn each(operation: impl Fn(usize) -> u32) -> Words {
    std::array::from_fn(operation)
}

#[inline(always)]
fn rotated(words: &Words, by: [u32; 3]) -> Words {
    each(|lane| words[lane].rotate_right(by[0]) ^ words[lane].rotate_right(by[1]) ^ words[lane].rotate_right(by[2]))
}

#[inline(always)]
fn shifted(words: &Words, rotate: [u32; 2], shift: u32) -> Words {
    each(|lane| {
        let word = words[lane];
        word.rotate_right(rotate[0]) ^ word.rotate_right(rotate[1]) ^ (word >> shift)
    })
}

/// One compression in every lane, FIPS 180-4 6.2.2.
#[multiversion::multiversion(targets("x86_64+avx2+bmi1+bmi2"))]
fn compress(state: &mut [Words; 8], input: &[[u8; BLOCK]; LANES]) {
    let mut schedule: [Words; 16] = std::array::from_fn(|word| {
        each(|lane| {
            let at = word * 4;
            let block = &input[lane];
            u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        })
    });
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for round in 0..64 {
        let at = round % 16;
        if round >= 16 {
            let low = shifted(&schedule[(round + 1) % 16], [7, 18], 3);
            let high = shifted(&schedule[(round + 14) % 16], [17, 19], 10);
            let (old, ninth) = (schedule[at], schedule[(round + 9) % 16]);
            schedule[at] =
                each(|lane| old[lane].wrapping_add(low[lane]).wrapping_add(ninth[lane]).wrapping_add(high[lane]));
        }
        let sum = rotated(&e, [6, 11, 25]);
        let word = schedule[at];
        let first = each(|lane| {
            let choice = (e[lane] & f[lane]) ^ (!e[lane] & g[lane]);
            let constant = CONSTANTS[round].wrapping_add(word[lane]);
            h[lane].wrapping_add(sum[lane]).wrapping_add(choice).wrapping_add(constant)
        });
        let sum = rotated(&a, [2, 13, 22]);
        let second = each(|lane| {
            let majority = (a[lane] & b[lane]) ^ (a[lane] & c[lane]) ^ (b[lane] & c[lane]);
            sum[lane].wrapping_add(majority)
        });
        let next = each(|lane| d[lane].wrapping_add(first[lane]));
        (h, g, f, e, d, c, b) = (g, f, e, next, c, b, a);
        a = each(|lane| first[lane].wrapping_add(second[lane]));
    }
    for (words, add) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *words = each(|lane| words[lane].wrapping_add(add[lane]));
    }
}

const CONSTANTS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
];

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn agrees_with_sha2_at_every_length_around_each_block_edge() {
        let bytes: Vec<u8> = (0..400u32).map(|at| (at * 7 + 3) as u8).collect();
        for first in 0..330 {
            let messages: Vec<&[u8]> = (first..first + 11).map(|length| &bytes[..length]).collect();
            let wanted: Vec<Hash> = messages.iter().map(|message| Hash(Sha256::digest(message).into())).collect();
            let found: Vec<Hash> = sha256_in_lanes(&messages);
            assert_eq!(found, wanted, "lengths from {first}");
        }
    }

    #[test]
    fn agrees_where_lanes_have_very_different_lengths() {
        let bytes = vec![0xA5; 10_000];
        let messages: Vec<&[u8]> =
            [0, 9_999, 1, 64, 55, 56, 5_000, 63].iter().map(|length| &bytes[..*length]).collect();
        let wanted: Vec<Hash> = messages.iter().map(|message| Hash(Sha256::digest(message).into())).collect();
        assert_eq!(side_by_side(&messages), wanted);
    }
}
