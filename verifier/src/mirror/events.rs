//! Records of a part of events: four bytes of length, then an AuditEntry without its entry.

use super::{MirrorError, RECORD_BYTES_MAX};
use prost::Message;
use zegel_proto::v1::AuditEntry;

/// Appends the record of an entry to a part.
pub(super) fn print(part: &mut Vec<u8>, beside: &AuditEntry) {
    let bytes = beside.encode_to_vec();
    part.extend((bytes.len() as u32).to_be_bytes());
    part.extend(bytes);
}

/// A record, and what comes after it.
pub(super) type Parted<'a> = (&'a [u8], &'a [u8]);

/// The record at the beginning of `part`, and the rest; `None` at the end.
pub(super) fn parse<'a>(path: &str, part: &'a [u8]) -> Result<Option<Parted<'a>>, MirrorError> {
    let malformed =
        || MirrorError::Malformed { path: path.into(), wanted: "a part of events: a record is cut or too long" };
    if part.is_empty() {
        return Ok(None);
    }
    let (length, rest) = part.split_first_chunk::<4>().ok_or_else(malformed)?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > RECORD_BYTES_MAX {
        return Err(malformed());
    }
    rest.split_at_checked(length).map(Some).ok_or_else(malformed)
}

/// Reads a record: what lies beside the entry `index`, in its one encoding.
pub(super) fn read(path: &str, record: &[u8], index: u64) -> Result<AuditEntry, MirrorError> {
    let malformed = |wanted| MirrorError::Malformed { path: path.into(), wanted };
    let beside = AuditEntry::decode(record).map_err(|_| malformed("a part of events: a record does not decode"))?;
    if beside.encode_to_vec() != record || !beside.entry.is_empty() {
        return Err(malformed("a part of events: a record has another encoding"));
    }
    if beside.index != index {
        return Err(MirrorError::Order { found: beside.index, wanted: index });
    }
    Ok(beside)
}

/// Splits a bundle of entries (c2sp.org/tlog-tiles): two bytes of length before each.
pub(super) fn split_bundle(path: &str, bundle: &[u8], width: u64) -> Result<Vec<Vec<u8>>, MirrorError> {
    let malformed =
        || MirrorError::Malformed { path: path.into(), wanted: "a bundle of as many entries as its name says" };
    let (mut entries, mut rest) = (Vec::new(), bundle);
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<2>().ok_or_else(malformed)?;
        let (entry, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(malformed)?;
        entries.push(entry.to_vec());
        rest = behind;
    }
    if entries.len() as u64 == width { Ok(entries) } else { Err(malformed()) }
}
