//! Uploads that events name: they stay until the last event that names one is settled, however long that takes. What no event
//! has named for 30 days is thrown away.
//!
//! Specification: `specs/source.md`, "What is done with an event", 6.

use super::{Intake, State};
use crate::disk::DiskError;
use crate::sidecar::journal::Spooled;
use crate::sidecar::judge::{Fault, Known};
use crate::sidecar::seen::Mac;
use std::sync::Arc;
use std::time::Duration;
use zegel_proto::source::v1::request;

/// Between two looks at what nobody names.
const DAY: Duration = Duration::from_secs(24 * 3_600);

impl Intake {
    /// Throws away what nobody names, now and once a day until the process ends.
    pub(in crate::sidecar) async fn tidy(self: Arc<Self>) {
        let mut days = tokio::time::interval(DAY);
        loop {
            days.tick().await;
            if let Err(reason) = tokio::task::block_in_place(|| self.throw_away()) {
                (self.tell)(&format!("{}: {reason}", self.origin));
            }
        }
    }

    fn throw_away(&self) -> Result<(), DiskError> {
        let state = self.state();
        // Under the lock: no event begins to name what goes.
        self.uploads.throw_away(|upload| state.uploads.contains_key(&upload))?;
        drop(state);
        self.let_go_of_owed()
    }

    /// Looks once more, under the lock, whether what an event names is there.
    pub(super) fn check_uploads(&self, spooled: &Spooled) -> Result<(), Fault> {
        let Some(upload) = uploads_of(spooled).find(|upload| !self.is_uploaded(upload)) else { return Ok(()) };
        let sentence = format!("upload {upload:?} was thrown away, since no event had named it for long: put it again");
        Err(Fault::new("attachment_incomplete", sentence))
    }

    /// Notes what an event names that is not settled.
    pub(super) fn note_uploads(&self, state: &mut State, spooled: &Spooled) {
        state.uploads.extend(self.uploads_of(spooled).map(|upload| (upload, spooled.number)));
    }

    /// What a settled event named, and nothing behind it does.
    pub(super) fn forget_uploads(&self, state: &mut State, spooled: &Spooled) -> Vec<Mac> {
        let is_last = |upload: &Mac| state.uploads.get(upload).is_none_or(|last| *last <= spooled.number);
        let last: Vec<Mac> = self.uploads_of(spooled).filter(is_last).collect();
        last.iter().for_each(|upload| _ = state.uploads.remove(upload));
        last
    }

    fn uploads_of<'a>(&self, spooled: &'a Spooled) -> impl Iterator<Item = Mac> + use<'_, 'a> {
        uploads_of(spooled).map(|upload| self.upload_mac(upload))
    }
}

/// Keys of the uploads that an event names.
pub(in crate::sidecar) fn uploads_of(spooled: &Spooled) -> impl Iterator<Item = &str> {
    let content = spooled.request.as_ref().and_then(|request| request.content.as_ref());
    let named = match content {
        Some(request::Content::Message(message)) => message.attachments.as_slice(),
        _ => &[],
    };
    named.iter().map(|attachment| attachment.upload.as_str()).filter(|upload| !upload.is_empty())
}
