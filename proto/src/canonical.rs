//! The canonical form: what `parse` accepts is what `print` makes.
//!
//! Protobuf allows many encodings of one message: fields in any order, defaults spelled out, unknown fields, long varints,
//! a field twice. A hash over such bytes would let two readers see two things. So a message is decoded, held against its
//! grammar, encoded again and compared: whatever is not the one encoding is refused. Specification: `specs/encoding.md`.

use crate::grammar::{Grammar, GrammarError};
use prost::Message;
use thiserror::Error;

/// Why bytes are not the canonical form of a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CanonicalError {
    /// Not protobuf at all.
    #[error("{message} is not protobuf: {reason}")]
    Undecodable {
        /// Name of the message that was wanted.
        message: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// Protobuf, but not the one encoding of its value.
    #[error(
        "{message} is not canonical: {found} bytes were found, its one encoding has {wanted} and differs at byte {at}"
    )]
    NotCanonical {
        /// Name of the message.
        message: &'static str,
        /// Bytes found.
        found: usize,
        /// Bytes of the canonical encoding.
        wanted: usize,
        /// First byte that differs.
        at: usize,
    },
    /// Canonical, but not allowed by the grammar of the message.
    #[error("{message}: {reason}")]
    Grammar {
        /// Name of the message.
        message: &'static str,
        /// The rule that is broken.
        reason: GrammarError,
    },
}

/// Reads the canonical form of a message, and nothing else.
///
/// # Errors
/// [`CanonicalError`] if the bytes do not decode, break the grammar, or are not the encoding that [`print`] makes.
pub fn parse<M: Message + Default + Grammar>(bytes: &[u8]) -> Result<M, CanonicalError> {
    let parsed = M::decode(bytes)
        .map_err(|reason| CanonicalError::Undecodable { message: M::NAME, reason: reason.to_string() })?;
    let printed = parsed.encode_to_vec();
    if printed != bytes {
        let at = printed.iter().zip(bytes).take_while(|(one, other)| one == other).count();
        let (found, wanted) = (bytes.len(), printed.len());
        return Err(CanonicalError::NotCanonical { message: M::NAME, found, wanted, at });
    }
    parsed.check().map_err(|reason| CanonicalError::Grammar { message: M::NAME, reason })?;
    Ok(parsed)
}

/// The canonical form of a message.
///
/// # Errors
/// [`CanonicalError::Grammar`]: a message that breaks its grammar has no canonical form.
pub fn print<M: Message + Grammar>(message: &M) -> Result<Vec<u8>, CanonicalError> {
    message.check().map_err(|reason| CanonicalError::Grammar { message: M::NAME, reason })?;
    Ok(message.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{BatchStatement, IndexSnapshot};
    use proptest::prelude::*;

    fn statement() -> BatchStatement {
        BatchStatement {
            origin: "chat.example.nl/minbzk".into(),
            source: vec![1; 32],
            key: vec![2; 32],
            batch_seq: 0,
            count: 1,
            events_root: vec![3; 32],
            sealed_root: vec![4; 32],
            previous: vec![],
            created_at_ms: 1_700_000_000_000,
        }
    }

    #[test]
    fn a_printed_statement_parses_to_itself() {
        let bytes = print(&statement()).expect("a good statement prints");
        assert_eq!(parse::<BatchStatement>(&bytes), Ok(statement()));
    }

    #[test]
    fn refuses_a_default_that_is_spelled_out() {
        let mut bytes = print(&IndexSnapshot { covers: 1, ids: 1, root: vec![9; 32] }).expect("prints");
        bytes[1..2].copy_from_slice(&[1]);
        bytes.splice(0..2, [0x08, 0x81, 0x00]);
        assert_eq!(
            parse::<IndexSnapshot>(&bytes),
            Err(CanonicalError::NotCanonical { message: "IndexSnapshot", found: 39, wanted: 38, at: 1 })
        );
    }

    #[test]
    fn refuses_an_unknown_field() {
        let mut bytes = print(&statement()).expect("prints");
        let wanted = bytes.len();
        bytes.extend([0x78, 0x01]);
        assert_eq!(
            parse::<BatchStatement>(&bytes),
            Err(CanonicalError::NotCanonical { message: "BatchStatement", found: wanted + 2, wanted, at: wanted })
        );
    }

    #[test]
    fn refuses_a_key_that_is_one_byte_short() {
        let short = BatchStatement { key: vec![2; 31], ..statement() };
        let reason = GrammarError::Length { field: "key", found: 31, wanted: "32" };
        assert_eq!(print(&short), Err(CanonicalError::Grammar { message: "BatchStatement", reason }));
    }

    proptest! {
        #[test]
        fn accepts_nothing_but_what_it_prints(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(snapshot) = parse::<IndexSnapshot>(&bytes) {
                prop_assert_eq!(print(&snapshot).ok(), Some(bytes));
            }
        }

        #[test]
        fn a_flipped_bit_is_another_statement_or_none(at in 0usize..180, bit in 0u8..8) {
            let mut bytes = print(&statement()).expect("prints");
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_ne!(parse::<BatchStatement>(&bytes).ok(), Some(statement()));
        }
    }
}
