//! Every maximum of the formats, by name. Checked before anything is allocated. Reasons: `specs/limits.md`.

/// Bytes of an id, a hash, a public key.
pub const HASH_BYTES: usize = 32;
/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;
/// Bytes of an origin (C2SP signed-note key names are kept in one byte of length elsewhere).
pub const ORIGIN_BYTES_MAX: usize = 255;
/// Events in a batch.
pub const BATCH_EVENTS_MAX: usize = 4_096;
/// Bytes of an append request: tonic's default message limit, so that every client can send what we accept.
pub const APPEND_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of an event header; public events carry their content in it.
pub const HEADER_BYTES_MAX: usize = 40 * 1024;
/// Bytes of the public content of an event.
pub const PUBLIC_BYTES_MAX: usize = 32 * 1024;
/// Attachments of one event.
pub const BLOBS_MAX: usize = 64;
/// Items of a list slot; a power of two. Longer texts get longer segments.
pub const LIST_ITEMS_MAX: usize = 1_024;
/// Bytes of one slot's value.
pub const SLOT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a sealed body's ciphertext.
pub const CIPHERTEXT_BYTES_MAX: usize = 512 * 1024;
/// Bytes of an entry: C2SP tlog-tiles entry bundles give each a 16-bit length.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// Hashes in one gap of a subset proof: a gap takes at most two per level of a tree of 2^64 leaves.
pub const GAP_HASHES_MAX: usize = 128;
/// Bytes of one record of a bundle.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of one evidence part.
pub const PART_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Evidence parts of one bundle.
pub const PARTS_MAX: u32 = 9_999;
/// Bytes of a checkpoint note with its cosignatures.
pub const CHECKPOINT_BYTES_MAX: usize = 64 * 1024;
/// Months of one row: a thousand years.
pub const MONTHS_MAX: usize = 12_000;
/// Last year in which an event can have a month: 999 years of months and the unknown one fit in a row.
pub const YEAR_MAX: u32 = 2_968;
/// Recipients of a dossier envelope.
pub const RECIPIENTS_MAX: usize = 16;
/// Grounds of one covered part.
pub const GROUNDS_MAX: usize = 8;
/// Bytes of a name for people.
pub const NAME_BYTES_MAX: usize = 1_024;
/// Bytes of an attachment.
pub const BLOB_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
