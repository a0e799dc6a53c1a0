//! Drafts of the records of a chat, made on a thread of their own while those before them are sealed and sent.

use super::Chat;
use crate::event::{Draft, MessageRow};
use crate::import::error::ImportError;
use crate::import::fitting::fitted;
use crate::import::plan::Planned;
use crate::import::reader::{CaptureIds, MediaStore};
use crate::record::Record;
use crate::rubricering::{POLICY, routed_out};
use crate::source::Source;
use std::sync::Arc;
use tokio::task::{JoinHandle, spawn_blocking};

/// What drafts are made with.
pub(super) struct Making {
    ids: CaptureIds,
    /// Content that is marked above it is routed out.
    permitted: Option<String>,
    media: MediaStore,
}

/// Drafts, and the times of those that were routed out.
pub(super) type Made = Result<(Vec<Draft>, Vec<u64>), ImportError>;

impl Making {
    pub(super) fn of(source: &Source, ids: CaptureIds) -> Self {
        let permitted = source.registry().and_then(|registry| registry.policy(POLICY)).map(String::from);
        Self { ids, permitted, media: MediaStore::of(source) }
    }
}

impl Chat {
    /// Makes the drafts of a part, and gives the chat back with them.
    pub(super) fn making(mut self, order: &Arc<Making>, part: Vec<(Planned, MessageRow)>) -> JoinHandle<(Self, Made)> {
        let order = Arc::clone(order);
        spawn_blocking(move || {
            let made = self.make(&order, part);
            (self, made)
        })
    }

    fn make(&mut self, order: &Making, part: Vec<(Planned, MessageRow)>) -> Made {
        let (mut drafts, mut routed) = (Vec::with_capacity(part.len()), Vec::new());
        for (planned, message_row) in part {
            let record = self.reader.record(order.ids, planned.index, planned.row, &order.media)?;
            let (record, is_cut) = fitted(record);
            self.shortened += u64::from(is_cut);
            let (record, is_routed) = routed_out(record, order.permitted.as_deref());
            routed.extend(is_routed.then(|| self.reader.at_ms(planned.index)));
            drafts.push(Record { message_row: Some(message_row), ..record }.draft()?);
        }
        self.routed += routed.len() as u64;
        Ok((drafts, routed))
    }
}
