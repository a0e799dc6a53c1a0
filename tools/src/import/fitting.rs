//! Records that fit: what a hostile or broken file states too long is shortened, so that one field cannot stop a read-out.
//!
//! Text is never shortened: formats refuse a file whose text no event holds, before anything is appended. Invariant: what
//! leaves here seals within 512 KiB.

use crate::event::Field;
use crate::record::{Attached, Record};
use zegel_proto::limits::{BLOBS_MAX, NAME_BYTES_MAX, ORIGIN_BYTES_MAX};

/// Longest name, identifier, target or quoted text, in bytes.
const FIELD_BYTES_MAX: usize = 4 * 1024;
/// Longest list of names in a line of the app, all together, in bytes.
const TARGETS_BYTES_MAX: usize = 32 * 1024;
/// Longest text and source's record together, in bytes. Above it the record is *unknown*: its text is the evidence.
const WRITTEN_BYTES_MAX: usize = 300 * 1024;

/// The record, and whether something of it was shortened.
pub(super) fn fitted(mut record: Record) -> (Record, bool) {
    let mut is_cut = false;
    let names = [
        &mut record.sender,
        &mut record.display_name,
        &mut record.audience,
        &mut record.native_id,
        &mut record.reply_to,
        &mut record.forwarded,
        &mut record.target,
    ];
    for field in names {
        if let Field::Value(name) = field {
            is_cut |= shorten(name, FIELD_BYTES_MAX);
        }
    }
    if let Field::Value(detail) = &mut record.detail {
        is_cut |= shorten(&mut detail.what, ORIGIN_BYTES_MAX) | shorten(&mut detail.subject, FIELD_BYTES_MAX);
        let mut left = TARGETS_BYTES_MAX;
        for target in &mut detail.targets {
            is_cut |= shorten(target, left.min(FIELD_BYTES_MAX));
            left -= target.len().min(left);
        }
        let count = detail.targets.len();
        detail.targets.truncate(FIELD_BYTES_MAX);
        is_cut |= detail.targets.len() < count;
    }
    if let Field::Value(attached) = &mut record.attachments {
        is_cut |= attached.len() > BLOBS_MAX;
        attached.truncate(BLOBS_MAX);
        for each in attached {
            let (Attached::Present { name, media_type, .. }
            | Attached::LeftOut { name, media_type }
            | Attached::Missing { name, media_type }) = each;
            is_cut |= shorten(name, NAME_BYTES_MAX) | shorten(media_type, ORIGIN_BYTES_MAX);
        }
    }
    let written = length(&record.as_written);
    if written > 0 && written + length(&record.text) > WRITTEN_BYTES_MAX {
        record.as_written = Field::Unknown;
        is_cut = true;
    }
    (record, is_cut)
}

fn length(field: &Field<Vec<u8>>) -> usize {
    if let Field::Value(bytes) = field { bytes.len() } else { 0 }
}

/// Cuts a text to at most `max` bytes, between characters.
pub(super) fn shorten(text: &mut String, max: usize) -> bool {
    let is_cut = text.len() > max;
    if is_cut {
        let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    is_cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use zegel_proto::v1::{ChatDetail, EventKind};
    use zegel_verifier::hash::Hash;

    fn record() -> Record {
        Record::new(EventKind::MessageCreated, Hash::ZERO, Hash::ZERO)
    }

    #[test]
    fn what_fits_is_left_alone() {
        let record = Record { sender: Field::Value("é".repeat(2_048)), text: Field::Value(vec![0; 10]), ..record() };
        assert_eq!(fitted(record.clone()), (record, false));
    }

    #[test]
    fn a_name_is_cut_between_characters_and_a_record_of_the_source_is_left_out_whole() {
        let long = Record {
            sender: Field::Value(format!("a{}", "é".repeat(2_048))),
            text: Field::Value(vec![b'x'; 256 * 1024]),
            as_written: Field::Value(vec![b'x'; 44 * 1024 + 1]),
            detail: Field::Value(ChatDetail { targets: vec!["x".repeat(5_000); 20], ..ChatDetail::default() }),
            ..record()
        };
        let (fitted, is_cut) = fitted(long);
        assert!(is_cut);
        assert_eq!(fitted.sender, Field::Value(format!("a{}", "é".repeat(2_047))));
        assert_eq!(fitted.as_written, Field::Unknown);
        let Field::Value(detail) = fitted.detail else { panic!("the detail stays") };
        assert_eq!(detail.targets.iter().map(String::len).sum::<usize>(), TARGETS_BYTES_MAX);
    }
}
