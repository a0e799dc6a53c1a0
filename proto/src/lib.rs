//! What the bytes of Zegel look like: the messages of `zegel.v1` and their one canonical form.
//!
//! Invariants:
//! - one value, one encoding: [`parse`] accepts exactly the bytes that [`print`] makes of a message that obeys its
//!   grammar, and nothing else;
//! - nothing here hashes, signs or judges: that is the verifier's.
//!
//! Not here: gRPC, unless the feature `rpc` is on. Specification: `specs/encoding.md`.

mod canonical;
mod grammar;
pub mod limits;
pub mod view;

/// The messages, generated from `zegel/v1/*.proto`; a test holds them current.
#[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
#[rustfmt::skip]
pub mod v1 {
    include!("generated/zegel.v1.rs");
}

/// What a gateway hands to its sidecar, generated from `zegel/source/v1/source.proto`: plain messages, never hashed or signed.
#[cfg(feature = "rpc")]
pub mod source {
    /// Version 1.
    #[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
    #[rustfmt::skip]
    pub mod v1 {
        include!("generated/zegel.source.v1.rs");
    }
}

pub use canonical::{CanonicalError, parse, print};
pub use grammar::{Grammar, GrammarError};
