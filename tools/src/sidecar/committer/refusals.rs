//! What a refusal is about: the event, what was known of the log, or the ledger, which refuses whatever it gets.
//!
//! One event in quarantine is that event's fault. Where many that nothing explains are refused one after the other, and nothing
//! is taken in between, the fault is elsewhere: then nothing more is put aside until something is taken.

use super::{Block, Committer, GROUP_BYTES, is_registration, sort, sort_own};
use crate::event::Draft;
use crate::hex;
use crate::sidecar::journal::Spooled;
use crate::sidecar::judge::Fault;
use crate::sidecar::{drafts, quarantine};
use crate::source::{LedgerError, Placed, SourceError, recipients};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tonic::Code;
use zegel_proto::source::v1::request;
use zegel_verifier::hash::Hash;

/// Refusals in a row that nothing explains, until the ledger is at fault.
const UNEXPLAINED_MAX: usize = 16;
/// Between attempts at a ledger that refuses everything: each costs it the same work.
const REFUSING: Duration = Duration::from_secs(30);

/// What was refused alone, and of whom the log has something.
#[derive(Default)]
pub(super) struct Refusals {
    /// Custodians of whom it has: as many as sessions carry. Of another nobody knows whether he is registered.
    known: HashSet<Hash>,
    /// Numbers of records, since something was taken.
    unexplained: HashSet<u64>,
}

impl Refusals {
    /// Something of these was taken.
    pub(super) fn taken(&mut self, custodians: HashSet<Hash>) {
        self.known.extend(custodians);
        self.unexplained.clear();
    }

    /// The log has something of this custodian.
    pub(super) fn has(&mut self, custodian: Hash) {
        self.known.insert(custodian);
    }

    /// A record of these was refused alone; whether that is its own fault.
    fn is_to_blame(&mut self, record: u64, custodians: &[Hash]) -> bool {
        if custodians.iter().all(|custodian| self.known.contains(custodian)) {
            self.unexplained.insert(record);
            return self.unexplained.len() <= UNEXPLAINED_MAX;
        }
        true
    }
}

impl Committer {
    /// Appends. A refusal is about an event only if chain and log agree, and if it was sealed to the archive keys of now.
    pub(super) async fn append(&mut self, drafts: Vec<Draft>) -> Result<Vec<Placed>, Block> {
        let custodians: HashSet<Hash> = drafts.iter().filter_map(|draft| draft.custodian).collect();
        let sealed_to = recipients(self.source.registry()).ok();
        match self.source.append(drafts).await {
            Ok(placed) => {
                if !placed.is_empty() {
                    self.refusals.taken(custodians);
                }
                Ok(placed)
            }
            Err(reason) if !is_refused(&reason) => Err(sort(&reason)),
            Err(reason) => {
                self.source.refresh().await.map_err(|other| sort(&other))?;
                self.asked_at = Instant::now();
                self.source.compare_chains().await.map_err(|other| sort(&other))?;
                let is_outdated = recipients(self.source.registry()).ok() != sealed_to;
                Err(if is_outdated { Block::Outdated } else { Block::Poison(quarantine::REFUSED, reason.to_string()) })
            }
        }
    }

    /// Puts aside what was refused alone, unless the ledger is at fault.
    pub(super) async fn refused_alone(&mut self, number: u32, sentence: &str) -> Result<(), Block> {
        if number == quarantine::REFUSED && !self.is_to_blame().await? {
            let sentence = format!("more than {UNEXPLAINED_MAX} events were refused in a row, the last: {sentence}");
            self.intake.set_finding(Some(Fault::new("ledger_refused", sentence)));
            tokio::time::sleep(REFUSING).await;
            return Ok(());
        }
        self.put_aside(number, sentence).map_err(|reason| sort_own(&reason))?;
        self.let_go()
    }

    async fn is_to_blame(&mut self) -> Result<bool, Block> {
        let from = self.settled.next;
        let next = self.reader.read(from, from + 1, 1, GROUP_BYTES).map_err(|reason| sort_own(&reason.into()))?.pop();
        let Some(spooled) = next else { return Ok(true) };
        let conversation = Hash::read(&spooled.conversation).filter(|_| !is_registration(&spooled));
        if let Some(conversation) = conversation
            && self.registered_at(conversation).await?.is_none()
        {
            // Its registration was put aside before it.
            return Ok(true);
        }
        Ok(self.refusals.is_to_blame(spooled.number, &custodians_of(&spooled)))
    }
}

/// Whether what was sent was judged, and not who sent it or the ledger itself.
fn is_refused(reason: &SourceError) -> bool {
    let judged = |code| matches!(code, Code::InvalidArgument | Code::FailedPrecondition);
    matches!(reason, SourceError::Ledger(LedgerError::Refused { code, .. }) if judged(*code))
}

fn custodians_of(spooled: &Spooled) -> Vec<Hash> {
    if let Some(notice) = &spooled.notice {
        return notice.custodians.iter().filter_map(|custodian| Hash::read(custodian)).collect();
    }
    let custodian = match spooled.request.as_ref().and_then(|request| request.content.as_ref()) {
        Some(request::Content::Gap(gap)) => hex::parse(&gap.custodian),
        Some(content) => drafts::place(content).and_then(|place| hex::parse(&place.custodian)),
        None => None,
    };
    custodian.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn custodian(number: u8) -> Hash {
        Hash([number; 32])
    }

    #[test]
    fn events_of_those_of_whom_the_log_has_nothing_are_to_blame_however_many_they_are() {
        let mut refusals = Refusals::default();
        refusals.has(custodian(1));
        assert!((0..1_000).all(|record| refusals.is_to_blame(record, &[custodian(2)])));
        assert!((0..1_000).all(|record| refusals.is_to_blame(record, &[custodian(1), custodian(2)])));
    }

    #[test]
    fn events_of_those_of_whom_it_has_something_are_to_blame_until_there_are_too_many_in_a_row() {
        let mut refusals = Refusals::default();
        refusals.has(custodian(1));
        let limit = UNEXPLAINED_MAX as u64;
        assert!((0..limit).all(|record| refusals.is_to_blame(record, &[custodian(1)])));
        // The same once more is no other; one more is one too many, and remains so, also where it is nobody's.
        assert!(refusals.is_to_blame(0, &[custodian(1)]));
        assert!(!refusals.is_to_blame(limit, &[custodian(1)]));
        assert!(!refusals.is_to_blame(limit, &[custodian(1)]));
        assert!(!refusals.is_to_blame(limit, &[]));
        refusals.taken(HashSet::from([custodian(2)]));
        assert!((0..limit).all(|record| refusals.is_to_blame(record, &[custodian(2)])));
        assert!(!refusals.is_to_blame(limit, &[custodian(1)]));
    }
}
