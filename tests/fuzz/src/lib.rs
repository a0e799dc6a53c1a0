//! The parsers that both hunters drive, as they stand in the tests.
#![forbid(unsafe_code)]

#[cfg(feature = "importers")]
#[path = "../../src/fuzz/importers.rs"]
pub mod importers;
#[path = "../../src/fuzz/parsers.rs"]
pub mod parsers;

/// All that were built.
pub fn all() -> impl Iterator<Item = parsers::Parser> {
    let of_verifier = parsers::OF_VERIFIER.into_iter();
    #[cfg(feature = "importers")]
    let of_verifier = of_verifier.chain(importers::OF_TOOLS);
    of_verifier
}

/// Tries an input on the parser of a name.
///
/// # Panics
/// If the parser does, or there is none.
pub fn run(name: &str, bytes: &[u8]) {
    (all().find(|parser| parser.name == name).expect("a parser of this name").run)(bytes);
}
