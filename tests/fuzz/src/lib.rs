//! The parsers that both hunters drive, as they stand in the tests.
#![forbid(unsafe_code)]

#[path = "../../src/fuzz/parsers.rs"]
pub mod parsers;
