//! The chain of each source, and the counter of each capture.

use super::Fault;
use super::examine::NumberedRun;
use super::streams::Streams;
use crate::batch::VerifiedStatement;
use crate::bundle::CAPTURES_MAX;
use crate::hash::Hash;
use hashbrown::HashTable;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use zegel_proto::v1::StreamType;

/// Where the chain of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its number among the sources, by first batch.
    pub(super) number: u32,
    pub(super) next_batch_seq: u64,
    /// SHA-256 of the last logged statement.
    pub(super) previous: Hash,
}

/// One capture: numbers of its source, and of its ids among the streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CaptureRow {
    pub(super) source: u32,
    pub(super) custodian: u32,
    pub(super) conversation: u32,
    pub(super) next: u64,
}

/// All chains and counters.
#[derive(Clone, Debug, Default)]
pub(super) struct Chains {
    pub(super) heads: HashMap<Hash, Head>,
    captures: HashTable<CaptureRow>,
    hasher: RandomState,
}

impl Chains {
    /// Takes the next batch of a source. After a fault the chain goes on from what was logged.
    pub(super) fn batch(&mut self, statement: &VerifiedStatement) -> Result<(), Fault> {
        let (source_id, found) = (statement.source(), statement.statement().batch_seq);
        let number = self.heads.len() as u32;
        let head = self.heads.entry(source_id).or_insert(Head { number, next_batch_seq: 0, previous: Hash::ZERO });
        let (wanted, previous) = (head.next_batch_seq, head.previous);
        if found < wanted {
            return Err(Fault::BatchAgain { source_id, found, wanted });
        }
        (head.next_batch_seq, head.previous) = (found.saturating_add(1), statement.hash());
        if found > wanted {
            return Err(Fault::BatchGap { source_id, found, wanted });
        }
        let named = Hash::read(&statement.statement().previous).unwrap_or(Hash::ZERO);
        if named == previous {
            return Ok(());
        }
        Err(Fault::BatchPrevious { source_id, batch_seq: found, found: named, wanted: previous })
    }

    /// Takes the numbers of one capture in one batch: position and fault of the first that is not the next.
    pub(super) fn numbers(
        &mut self,
        source: Hash,
        run: &NumberedRun,
        streams: &mut Streams,
    ) -> Result<(), (u32, Fault)> {
        let number = self.heads.get(&source).map_or(u32::MAX, |head| head.number);
        let custodian = streams.id(StreamType::StreamCustodian, run.custodian);
        let conversation = streams.id(StreamType::StreamConversation, run.conversation);
        let row = CaptureRow { source: number, custodian, conversation, next: 0 };
        let (row, is_new) = self.capture(row);
        let wanted = row.next;
        row.next = wanted.max(run.next);
        let gap = |(position, found, wanted)| {
            let (custodian, conversation) = (run.custodian, run.conversation);
            (position, Fault::SeqGap { custodian, conversation, found, wanted })
        };
        if is_new {
            for id in [custodian, conversation] {
                let captures = &mut streams.ids[id as usize].captures;
                *captures = captures.saturating_add(1);
                let (found, max) = (u64::from(*captures), CAPTURES_MAX as u64);
                if found > max {
                    return Err((run.position, Fault::Limit { what: "captures of one id", found, max }));
                }
            }
        }
        if run.first != wanted {
            return Err(gap((run.position, run.first, wanted)));
        }
        run.gap.map_or(Ok(()), |found| Err(gap(found)))
    }

    fn capture(&mut self, of: CaptureRow) -> (&mut CaptureRow, bool) {
        let Self { captures, hasher, .. } = self;
        let hash = |row: &CaptureRow| hasher.hash_one((row.source, row.custodian, row.conversation));
        let key = |row: &CaptureRow| (row.source, row.custodian, row.conversation);
        let row = captures.entry(hash(&of), |row| key(row) == key(&of), hash).or_insert(of).into_mut();
        let is_new = row.next == 0;
        (row, is_new)
    }

    /// All counters, in the order in which a state keeps them.
    pub(super) fn captures(&self) -> Vec<CaptureRow> {
        let mut all: Vec<CaptureRow> = self.captures.iter().copied().collect();
        all.sort_unstable();
        all
    }

    /// Takes back a counter of a state that was kept.
    pub(super) fn restore_capture(&mut self, row: CaptureRow) {
        self.capture(row).0.next = row.next;
    }
}
