//! A group that is coming in, entry by entry, and how large it may become before its note ends it. Specification: `specs/limits.md`.

use crate::sequencer::{Fault, ReceivedEntry};

/// Entries of a group that is taken; a primary makes none with more.
const GROUP_ENTRIES_MAX: usize = 128;
/// Bytes of a group that is taken: a primary ends one with the batch that reaches 16 MiB.
const GROUP_BYTES_MAX: usize = 20 << 20;
/// Bytes of envelopes beside them that grew since: from two recipients to sixteen at the most.
const GROUP_REWRAPPED_BYTES_MAX: usize = 8 * GROUP_BYTES_MAX;

/// A group that is coming in.
#[derive(Default)]
pub(super) struct Group {
    pub(super) entries: Vec<ReceivedEntry>,
    bytes: usize,
    rewrapped_bytes: usize,
}

impl Group {
    /// Takes the next entry.
    pub(super) fn push(&mut self, entry: ReceivedEntry) -> Result<(), Fault> {
        self.bytes += entry.weight();
        self.rewrapped_bytes += entry.rewrapped_weight();
        self.entries.push(entry);
        if self.entries.len() > GROUP_ENTRIES_MAX {
            return Err(Fault::GroupTooLarge { what: "entries", max: GROUP_ENTRIES_MAX });
        }
        if self.bytes > GROUP_BYTES_MAX {
            return Err(Fault::GroupTooLarge { what: "bytes", max: GROUP_BYTES_MAX });
        }
        if self.rewrapped_bytes > GROUP_REWRAPPED_BYTES_MAX {
            let what = "bytes of rewrapped envelopes";
            return Err(Fault::GroupTooLarge { what, max: GROUP_REWRAPPED_BYTES_MAX });
        }
        Ok(())
    }
}
