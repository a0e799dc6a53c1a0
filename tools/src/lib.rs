//! How do I use it? The library of a source, the officer's acts, the export, and what the command `zegel` is made of.
//!
//! Invariants:
//! - nothing leaves for a ledger before it is durable in the outbox, and nothing leaves the outbox before its receipt is
//!   checked and stored;
//! - an archive key is wrapped to only if the ministry's root put it in the registry;
//! - secrets are wiped when they are dropped, and their files are for one user only.
//!
//! Not here: what is good evidence (the verifier), who orders and stores (the ledger).
//! Specifications: `specs/sealing.md`, `specs/input.md`, `specs/bundle.md`.

pub mod acts;
pub mod admission;
pub mod case;
pub mod clearance;
pub mod custody;
pub mod demo;
pub mod desk;
pub mod destroy;
pub mod disclose;
pub mod disk;
pub mod documents;
pub mod echo;
pub mod entropy;
pub mod event;
pub mod export;
pub mod handover;
pub mod hex;
pub mod import;
pub mod input;
mod json;
pub mod keys;
pub mod load;
pub mod matrix;
pub mod mirror;
pub mod officer;
mod opening;
pub mod permanent;
pub mod plan;
pub mod reading;
pub mod record;
pub mod retention;
pub mod review;
pub mod rewrap;
pub mod rubricering;
pub mod screenshots;
pub mod seal;
pub mod search;
pub mod sidecar;
pub mod signal;
pub mod source;
pub mod whatsapp;
pub mod witness;
pub mod workplace;
