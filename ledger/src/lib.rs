//! Who orders, stores and signs: the ledger under an archive of chats, and its gRPC service.
//!
//! Rooms: `log` decides (pure), `tree` proves (pure), `store` keeps (the only place that knows RocksDB), `sequencer` is the
//! single writer, `signing` signs for it, `export` and `known` read, `witnessing` asks for cosignatures, `service` converts
//! (with `follow`, the only place that knows gRPC), `http` serves the tiles that standard tools read, `server` listens, `access` says who
//! may call what.
//!
//! Invariants:
//! - no signature and no acknowledgement leaves the process before what it covers is durable;
//! - the ledger writes only what the verifier would accept, so it calls the verifier's functions;
//! - nothing in this process ever holds a message in the clear: it has no key for one;
//! - memory is bounded by the batch, the queue and the depth of a proof, never by the log or an export.
//!
//! Not here: sealing and opening bodies (the tools), where the log's key lies (`zegel-keys`).
//! Specification: `specs/service.md`.

mod access;
mod arrivals;
mod audited;
mod backup;
mod check;
mod config;
mod door;
mod erase;
mod export;
mod follow;
mod http;
mod known;
mod landing;
mod limits;
mod log;
mod metrics;
mod mirror;
mod polite;
mod promote;
mod replicated;
mod rewrap;
mod scrub;
mod sequencer;
mod server;
mod service;
mod signing;
mod store;
mod tree;
mod walk;
mod witnessing;

pub use backup::{BackupError, backup, restore, restore_older};
pub use check::{CheckReport, Finding, check, rebuild};
pub use config::{
    BackupConfig, ClientConfig, Config, ConfigError, FollowConfig, LimitsConfig, LogConfig, ScrubConfig, TilesConfig,
    TlsConfig, WitnessesConfig,
};
pub use erase::{EraseError, erase, erase_with};
pub use follow::FollowError;
pub use http::AccessError;
pub use mirror::{CopyError, mirror};
pub use promote::{Known, PromoteError, Promoted, promote};
pub use server::{ServeError, Server, serve};
pub use store::{Cost, Erased, Faults, GuardError, NoFaults, Step, StoreError, cost};
