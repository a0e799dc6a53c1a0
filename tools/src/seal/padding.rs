//! Padmé (PURBs, 2019): at most about 12 % of padding, and a length leaks only O(log log length) bits.

use super::body::TAG_BYTES;
use prost::Message;

/// Smallest plaintext: most messages are of one size.
pub(super) const SIZE_MIN: usize = 256;
/// Bytes of the length before the body.
pub(super) const LENGTH_BYTES: usize = 4;

/// The size class of `length` bytes: the smallest size whose lower bits, all but a few, are zero; at least 256.
#[must_use]
pub fn padded_size(length: usize) -> usize {
    let length = length.max(SIZE_MIN);
    let exponent = length.ilog2();
    let kept_bits = exponent.ilog2() + 1;
    let mask = (1 << (exponent - kept_bits)) - 1;
    (length + mask) & !mask
}

/// A message with its length before it and zeros after it: one piece of memory that is encrypted in place, with room for
/// the tag, so that no copy of what it says is left behind.
pub(super) fn padded(message: &impl Message) -> Vec<u8> {
    let length = message.encoded_len();
    let size = padded_size(LENGTH_BYTES + length);
    let mut padded = Vec::with_capacity(size + TAG_BYTES);
    // The caller has checked that a body is far smaller than 4 GiB.
    padded.extend((length as u32).to_be_bytes());
    message.encode_raw(&mut padded);
    padded.resize(size, 0);
    padded
}

/// The body, if its padding is exactly what [`pad`] makes; otherwise the length that is stated.
pub(super) fn unpad(padded: &[u8]) -> Result<&[u8], u64> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>().ok_or(0u64)?;
    let stated = u32::from_be_bytes(*length);
    let length = stated as usize;
    let fits = length <= rest.len() && padded_size(LENGTH_BYTES + length) == padded.len();
    if !fits || rest[length..].iter().any(|byte| *byte != 0) {
        return Err(u64::from(stated));
    }
    Ok(&rest[..length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zegel_proto::v1::SealedBody;

    #[test]
    fn the_size_classes_are_those_of_the_paper() {
        let classes = [(0, 256), (256, 256), (257, 272), (1_000, 1_024), (1_025, 1_088), (100_000, 100_352)];
        for (length, class) in classes {
            assert_eq!(padded_size(length), class, "{length}");
        }
    }

    proptest! {
        #[test]
        fn padding_costs_little_and_comes_off_again(length in 0usize..300_000) {
            let size = padded_size(length);
            prop_assert!(size >= length && (size == SIZE_MIN || size - length <= length / 8 + 1));
            prop_assert_eq!(padded_size(size), size);
        }

        #[test]
        fn what_is_padded_comes_off_and_nothing_else(body in proptest::collection::vec(any::<u8>(), 0..700), at: usize) {
            let message = SealedBody { ciphertext: body, ..SealedBody::default() };
            let body = message.encode_to_vec();
            let padded = padded(&message);
            prop_assert_eq!(unpad(&padded), Ok(body.as_slice()));
            let mut longer = padded.clone();
            longer.push(0);
            prop_assert_eq!(unpad(&longer), Err(body.len() as u64));
            let free = padded.len() - LENGTH_BYTES - body.len();
            if free > 0 {
                let mut dirty = padded.clone();
                dirty[LENGTH_BYTES + body.len() + at % free] = 1;
                prop_assert_eq!(unpad(&dirty), Err(body.len() as u64));
            }
        }
    }
}
