//! Content of a landing zone that is still here, and since when: by what lies in the store, not by what was said of it.
//!
//! Which content a CUSTODY_PURGED names is sealed; what an order took away is gone from here, and leaves a row that says so. Memory: three
//! numbers. Specification: `specs/custody.md`.

use crate::store::{Store, StoreError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use zegel_proto::v1::EventKind;
use zegel_verifier::custody::CustodyReceipt;
use zegel_verifier::erasure::Erasure;
use zegel_verifier::kinds::{Family, family};

/// The oldest content that is still here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dwelling {
    /// Its entry, and when that was received, in milliseconds since 1970.
    oldest: Option<(u64, u64)>,
    /// Entries that were looked at.
    size: u64,
}

impl Dwelling {
    /// Takes the next entry.
    pub(crate) fn take(&mut self, entry: u64, received_at_ms: u64, mut kinds: impl Iterator<Item = EventKind>) {
        self.size = entry + 1;
        if kinds.any(is_content) {
            self.oldest.get_or_insert((entry, received_at_ms));
        }
    }

    /// When the oldest was received, in milliseconds since 1970; `None` if nothing is here.
    pub(crate) fn since_ms(&self) -> Option<u64> {
        self.oldest.map(|(_, since_ms)| since_ms)
    }
}

fn is_content(kind: EventKind) -> bool {
    matches!(family(kind), Family::Chat | Family::Capture)
}

/// The range of the receipt for which an order purges.
fn purged(order: &str) -> Option<(u64, u64)> {
    let receipt = Erasure::parse(order).ok()?.receipt?;
    CustodyReceipt::claimed(receipt.as_bytes()).ok().map(|receipt| (receipt.from, receipt.to))
}

fn lock(of: &Mutex<Dwelling>) -> MutexGuard<'_, Dwelling> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// The oldest content of so many entries. Reads the orders that were carried out, and then entries up to that one.
    pub(super) fn dwelling(&self, size: u64) -> Result<Dwelling, StoreError> {
        Ok(Dwelling { oldest: self.oldest_content(self.purged_up_to()?, size)?, size })
    }

    /// Looks again once content has gone, from what was the oldest on. Appends go on beside it.
    pub(crate) fn look_for_content(&self, dwelling: &Mutex<Dwelling>) -> Result<(), StoreError> {
        let Some((mut from, _)) = lock(dwelling).oldest else { return Ok(()) };
        loop {
            let size = lock(dwelling).size;
            let found = self.oldest_content(from, size)?;
            let mut now = lock(dwelling);
            if found.is_some() || now.size == size {
                now.oldest = found;
                return Ok(());
            }
            from = size;
        }
    }

    fn oldest_content(&self, from: u64, size: u64) -> Result<Option<(u64, u64)>, StoreError> {
        for entry in from..size {
            let kinds = self.kinds(entry)?;
            if !kinds.iter().copied().any(is_content) {
                continue;
            }
            let gone = self.erased_of(entry)?;
            if (0..).zip(kinds).any(|(position, kind)| is_content(kind) && !gone.contains_key(&position)) {
                return Ok(Some((entry, self.parsed_entry(entry)?.received_at_ms)));
            }
        }
        Ok(None)
    }

    /// Entries from the first on of which all content was purged, receipt after receipt: no need to look at them. One text of an order after the
    /// other is in memory.
    fn purged_up_to(&self) -> Result<u64, StoreError> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (_, id) in self.order_ids(0)? {
            if self.is_carried_out(id)? {
                ranges.extend(purged(&self.order(id)?.text));
            }
        }
        ranges.sort_unstable();
        let reach = |reached: u64, (from, to): (u64, u64)| if from <= reached { reached.max(to) } else { reached };
        Ok(ranges.into_iter().fold(0, reach))
    }

    fn kinds(&self, entry: u64) -> Result<Vec<EventKind>, StoreError> {
        let batch = self.replayed(entry)?.0;
        Ok(batch.map_or_else(Vec::new, |batch| batch.events.iter().map(|event| event.facts.kind).collect()))
    }
}
