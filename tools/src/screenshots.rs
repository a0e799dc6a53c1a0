//! Screenshots of conversations: images with what a person says of them, proof class D.
//!
//! Invariants: nothing is read off an image here, no text and no time; all that is said of it is somebody's word, and says
//! whose. Where the time of what is shown is not stated, the time of the image stands for it, and the record says so.
//!
//! Specification: `specs/screenshots.md`.

mod error;
mod image;
mod reader;
mod sheet;

pub use error::ScreenshotError;
pub use reader::{Screenshots, ScreenshotsOrder};
pub use sheet::{Row as SheetRow, Sheet};

/// Most images of one read-out.
pub const IMAGES_MAX: usize = 10_000;
/// Largest image, in bytes; it is held in memory once.
pub const IMAGE_BYTES_MAX: u64 = 64 << 20;
/// Largest sheet, in bytes.
pub const SHEET_BYTES_MAX: u64 = 16 << 20;
