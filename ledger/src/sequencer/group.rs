//! What a group collects: jobs decided one after the other, on a draft that is not in the log yet.

use super::committer::Decided;
use super::{AppendError, Job, Work};
use crate::log::{Admitted, Draft, Refusal, Submission};
use crate::store::{Packed, TableHead};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a group collects before it is decided whether it is anything.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) decided: Vec<Decided>,
    pub(super) packed: Vec<(u64, Packed)>,
    pub(super) tables: Vec<(u64, TableHead)>,
    pub(super) bytes: usize,
}

impl Collected {
    pub(super) fn take(&mut self, draft: &mut Draft<'_>, job: Job) {
        let decision = match job.work {
            Work::Batch { examined, fuse } => {
                self.bytes += examined.submission.bytes;
                let decision = decide(draft, examined.submission, &fuse);
                if let Ok(Admitted::Logged { entry }) = decision {
                    self.packed.push((entry, examined.packed));
                }
                decision.map(|(Admitted::Logged { entry } | Admitted::Already { entry })| entry)
            }
            Work::Snapshot(_) if draft.check_recovered().is_err() => {
                draft.check_recovered().map(|()| 0).map_err(AppendError::Refused)
            }
            Work::Snapshot(table) => match draft.snapshot(table.snapshot) {
                Ok(entry) => {
                    self.tables.push((entry, table.head));
                    Ok(entry)
                }
                Err(reason) => Err(AppendError::Stopped { reason: reason.to_string() }),
            },
        };
        self.decided.push(Decided { answer: job.answer, decision, _permit: job._permit });
    }
}

fn decide(draft: &mut Draft<'_>, submission: Submission, fuse: &AtomicBool) -> Result<Admitted, AppendError> {
    if fuse.load(Ordering::Acquire) {
        return Err(Refusal::StreamBroken.into());
    }
    draft.admit(submission).map_err(|refusal| {
        fuse.store(true, Ordering::Release);
        refusal.into()
    })
}
