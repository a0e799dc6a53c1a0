//! The named maxima of a read-out, each checked before anything is copied.

/// Longest chat text, in bytes. WhatsApp itself stops at 40,000 messages; 256 MiB is far above any real file and still fits
/// in memory twice.
pub const FILE_BYTES_MAX: usize = 256 << 20;

/// Longest text of one record, in bytes: what a slot of an event holds. WhatsApp refuses to send more than 65,536 characters,
/// which is as much at most, so a longer text is a file that is not what it seems.
pub const RECORD_TEXT_BYTES_MAX: usize = zegel_proto::limits::SLOT_BYTES_MAX;

/// Most records in one read-out.
pub const RECORDS_MAX: usize = 1_000_000;

/// Longest display name, in bytes. Beyond it a `: ` belongs to the text: without this, the colon at the end of a long
/// notice would turn the notice into a name.
pub const SENDER_BYTES_MAX: usize = 512;

/// Longest quotation of a line in a refusal, in characters. A refusal is shown and logged; a message is not its business.
pub const QUOTE_CHARS_MAX: usize = 60;
