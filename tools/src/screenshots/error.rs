//! Why screenshots are not taken in.

use crate::import::ParcelError;
use thiserror::Error;

/// Why screenshots are not taken in. All is checked before the first of them is appended.
#[derive(Debug, Error)]
pub enum ScreenshotError {
    /// Files.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// Nothing to take in.
    #[error("no image was found")]
    NoImages,
    /// Above [`IMAGES_MAX`](super::IMAGES_MAX).
    #[error("{found} images, at most {max} are taken in one session")]
    TooMany {
        /// How many.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// Something that is no image by its first bytes.
    #[error("{name} is not a PNG, JPEG, WebP, GIF or HEIC image")]
    NotAnImage {
        /// Which.
        name: String,
    },
    /// One image under two names.
    #[error("{name} and {other} are the same image")]
    Twice {
        /// One.
        name: String,
        /// The other.
        other: String,
    },
    /// A sheet that is none.
    #[error("the sheet {name} cannot be read: {reason}")]
    Sheet {
        /// Which.
        name: String,
        /// Why, with its place.
        reason: String,
    },
    /// Two sheets that are not the same.
    #[error("{name} and {other} are two sheets: put what they say into one")]
    ManySheets {
        /// One, with its place.
        name: String,
        /// The other.
        other: String,
    },
    /// Two statements about one file.
    #[error("the sheet has two rows about {name}, of which only one can stand")]
    RowTwice {
        /// As named.
        name: String,
    },
    /// A statement that fits two files.
    #[error("the sheet has a row about {name}, and two images are called that: rename one of them")]
    Ambiguous {
        /// As named.
        name: String,
    },
    /// The sheet names a file that is not there.
    #[error("the sheet names {name}, which is not among the images")]
    NotThere {
        /// As named.
        name: String,
    },
    /// A time that is none.
    #[error(
        "{name}: {found:?} is not a time such as 2026-05-04 09:15, 2026-05-04, 2026-05 or 2026-05-04T09:15:00+02:00"
    )]
    Time {
        /// Of which image.
        name: String,
        /// As written.
        found: String,
    },
    /// Nobody says who made it, or when.
    #[error(
        "{name}: who made it and when is not stated: give made_by and made_at in the sheet, or --made-by and --made-at"
    )]
    Unstated {
        /// Which image.
        name: String,
    },
    /// A transcription without its writer.
    #[error("{name} has a transcription, and nobody is named in transcribed_by")]
    Transcriber {
        /// Which image.
        name: String,
    },
    /// A text that no event holds.
    #[error("{name}: the transcription has {found} bytes, at most {max} are read")]
    TextTooLong {
        /// Which image.
        name: String,
        /// Bytes found.
        found: usize,
        /// The limit, in bytes.
        max: usize,
    },
}
