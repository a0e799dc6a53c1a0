//! Content of a landing zone that was not purged yet, found again when a log is opened.

use crate::store::{Store, StoreError};
use zegel_proto::v1::{EventKind, StreamType};
use zegel_verifier::audit::dwell::Dwelling;
use zegel_verifier::kinds::StreamMonth;

impl Store {
    /// The oldest content after the last purge that was logged. Reads the acts of the log, and then entries up to that one.
    pub(super) fn dwelling(&self, size: u64) -> Result<Dwelling, StoreError> {
        let mut dwelling = Dwelling::default();
        for entry in self.last_purge()?.unwrap_or(0)..size {
            let kinds = self.kinds(entry)?;
            dwelling.take(entry, self.parsed_entry(entry)?.received_at_ms, kinds.into_iter());
            if dwelling.since_ms().is_some() {
                break;
            }
        }
        Ok(dwelling)
    }

    fn last_purge(&self) -> Result<Option<u64>, StoreError> {
        let of = StreamMonth::fixed(StreamType::StreamRecords);
        let (mut last, mut seen) = (None, None);
        for place in self.places(of, self.stream(&of)?.count) {
            let entry = place?.entry;
            if seen.replace(entry) != Some(entry) && self.kinds(entry)?.contains(&EventKind::CustodyPurged) {
                last = Some(entry);
            }
        }
        Ok(last)
    }

    fn kinds(&self, entry: u64) -> Result<Vec<EventKind>, StoreError> {
        let batch = self.replayed(entry)?.0;
        Ok(batch.map_or_else(Vec::new, |batch| batch.events.iter().map(|event| event.facts.kind).collect()))
    }
}
