//! Fingerprints of records of a chat text. They have no identity of their own, so a place is time, sender and ordinal.

use super::Record;
pub use crate::import::alignment::Fingerprint;
use crate::import::alignment::FingerprintKey;
use std::collections::HashMap;

const MINUTE_MS: i64 = 60_000;

/// Makes fingerprints under the secret of one source.
pub struct Fingerprinter {
    key: FingerprintKey,
}

impl Fingerprinter {
    /// Takes the secret of a source.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self::with(FingerprintKey::new(secret))
    }

    /// The same, for one who has the key already.
    pub fn with(key: FingerprintKey) -> Self {
        Self { key }
    }

    /// The fingerprints of all records of one read-out, in its order, as if its times were `shift_ms` milliseconds earlier.
    /// Ordinals are counted over the whole read-out, so a part of one gives other places.
    pub fn fingerprints(&self, records: &[Record], shift_ms: i64) -> Vec<Fingerprint> {
        self.fingerprints_at(records, |at_ms| at_ms.saturating_sub(shift_ms))
    }

    /// The same for a phone that writes whole minutes: so the log knows a chat that has since moved to one with seconds.
    pub fn fingerprints_in_minutes(&self, records: &[Record], shift_ms: i64) -> Vec<Fingerprint> {
        self.fingerprints_at(records, |at_ms| at_ms.saturating_sub(shift_ms).div_euclid(MINUTE_MS) * MINUTE_MS)
    }

    fn fingerprints_at(&self, records: &[Record], time: impl Fn(i64) -> i64) -> Vec<Fingerprint> {
        let mut seen: HashMap<(i64, Option<&str>), u64> = HashMap::new();
        let each = records.iter().map(|record| {
            let at_ms = time(record.occurred.at_ms);
            let next = seen.entry((at_ms, record.sender.as_deref())).or_default();
            let ordinal = *next;
            *next += 1;
            self.fingerprint(record, at_ms, ordinal)
        });
        each.collect()
    }

    /// The fingerprint of a time in UTC milliseconds.
    pub fn time(&self, at_ms: i64) -> [u8; 16] {
        self.key.mac(b"zegel/whatsapp/time", &[&at_ms.to_be_bytes()])
    }

    fn fingerprint(&self, record: &Record, at_ms: i64, ordinal: u64) -> Fingerprint {
        // A notice has no sender, which is not the same as a sender without a name.
        let known = [u8::from(record.sender.is_some())];
        let sender = record.sender.as_deref().unwrap_or_default().as_bytes();
        let place = [&at_ms.to_be_bytes()[..], &known, sender, &ordinal.to_be_bytes()];
        Fingerprint {
            place: self.key.mac(b"zegel/whatsapp/place", &place),
            text: self.key.mac(b"zegel/whatsapp/text", &[record.text_trimmed()]),
            time: self.time(at_ms),
        }
    }
}
