//! The read API for standard tools (c2sp.org/tlog-tiles): checkpoint, tiles and entry bundles over HTTP/1.1.
//!
//! A log that has a `[log.tiles]` table is read here, and no other. Logs that name one address share it: a reader finds
//! those that are open and those whose authority signed his certificate; of the others he cannot tell that they are there.
//! Everything is as of a published checkpoint, and what depends on a right edge is rendered when it is read.
//!
//! Not here: writing, the events beside the log, and what a client may conclude. Specification: `specs/tiles.md`.

mod access;
mod answer;
mod listener;
mod resource;

pub use access::AccessError;
pub(crate) use access::{Access, service_tls};
pub(crate) use listener::{Listener, serve};

use crate::sequencer::OpenLog;
use std::sync::Arc;

/// A log as it is read over HTTP.
pub(crate) struct Site {
    pub(crate) log: Arc<OpenLog>,
    /// Before `/checkpoint`: empty, or `/words`.
    pub(crate) prefix: String,
    pub(crate) access: Access,
}
