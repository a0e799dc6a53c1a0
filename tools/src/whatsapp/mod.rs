//! WhatsApp «Export chat» read-outs: from the bytes of a file to records, and from two read-outs to what they agree on.
//!
//! Invariants: but for `package` and `reader`, which open files, everything here is a pure function of its arguments, and no
//! byte of a read-out is lost: the records of a file, written one after the other, are the file.
//!
//! Deliberately not here: the clock, the network, keys (a source secret is an argument), and anything that a read-out does not
//! say. It never says that a message was forwarded, answered, starred or reacted to, so there is no field for it: unknown is
//! not the same as no.

pub mod align;
mod attachment;
pub mod container;
pub mod corroborate;
mod date_order;
pub mod fingerprint;
mod header;
mod kind;
mod limits;
mod locale;
pub(crate) mod mapping;
mod marks;
mod notice;
pub mod package;
mod parse;
pub mod reader;
mod record;

pub use attachment::{Attachment, AttachmentState, LeftOut};
pub use date_order::{DateOrder, Interpretation};
pub use header::{Clock, Platform};
pub use kind::{ConversationChange, IdentityChange, Kind, MembershipChange, Party, Setting};
pub use limits::{FILE_BYTES_MAX, QUOTE_CHARS_MAX, RECORD_TEXT_BYTES_MAX, RECORDS_MAX, SENDER_BYTES_MAX};
pub use parse::{DateOrderFrom, Format, Options, ParseError, Readout, parse};
pub use record::{LocalFit, Occurred, Precision, Record};
