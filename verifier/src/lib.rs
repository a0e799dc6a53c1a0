//! Is this evidence good? Everything that is hashed, committed, proven and checked.
//!
//! The ledger writes only what this crate would accept, so it calls these functions; never the reverse.
//!
//! Invariants:
//! - trust is a type: nothing reads a checkpoint, a statement or a body that has not been verified;
//! - memory is bounded by the records that are underway and by the depth of a proof, never by the size of a log or a bundle;
//!   an audit's grows with ids and months, never with events;
//! - no clock, network, store or environment: what is needed comes in as an argument. Threads only prepare what is taken in
//!   order (`bundle/pool.rs`): no outcome depends on them.
//!
//! Not here: who orders and stores (the ledger), how bodies are sealed and opened (the tools).
//! Specifications: `specs/`.

pub mod approval;
pub mod audit;
pub mod batch;
pub mod bundle;
pub mod checkpoint;
pub mod commit;
pub mod compare;
pub mod corroborate;
pub mod custody;
pub mod erasure;
pub mod hash;
pub mod kinds;
pub mod labels;
pub mod lattice;
pub mod mirror;
pub mod note;
pub mod proof;
pub mod registry;
pub mod selection;
pub mod signature;
pub mod snapshot;
pub mod tree;
pub mod trust;
pub mod watermark;
pub mod witness;
