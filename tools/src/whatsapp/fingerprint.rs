//! Fingerprints of records: what a log may remember of a message to recognise it next month, without its words.
//!
//! Each is an HMAC-SHA-256 under the secret of the source, cut to 16 bytes: without the secret nobody can try texts against
//! it, and 2^64 messages are needed before two of one source collide by chance. With the secret, short texts can be tried,
//! so the secret is as secret as the words.

use super::Record;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashMap;
use zeroize::Zeroize;

/// One record as the log remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Over time, sender and the ordinal among records with the same time and sender: which message it is.
    pub place: [u8; 16],
    /// Over the text without its last line terminator: what it says.
    pub text: [u8; 16],
    /// Over the time in UTC milliseconds alone, so that a shifted time zone can be found.
    pub time: [u8; 16],
}

/// Makes fingerprints under the secret of one source.
pub struct Fingerprinter {
    keyed: Hmac<Sha256>,
}

impl Fingerprinter {
    /// Takes the secret of a source.
    pub fn new(secret: &[u8; 32]) -> Self {
        // HMAC fills a short key with zeros up to the block; doing so here leaves no length that could be wrong.
        let mut block = [0; 64];
        block[..32].copy_from_slice(secret);
        let keyed = Hmac::new(&block.into());
        block.zeroize();
        Self { keyed }
    }

    /// The fingerprints of all records of one read-out, in its order, as if its times were `shift_ms` milliseconds earlier.
    /// Ordinals are counted over the whole read-out, so a part of one gives other places.
    pub fn fingerprints(&self, records: &[Record], shift_ms: i64) -> Vec<Fingerprint> {
        let mut seen: HashMap<(i64, Option<&str>), u64> = HashMap::new();
        let each = records.iter().map(|record| {
            let at_ms = record.occurred.at_ms.saturating_sub(shift_ms);
            let next = seen.entry((at_ms, record.sender.as_deref())).or_default();
            let ordinal = *next;
            *next += 1;
            self.fingerprint(record, at_ms, ordinal)
        });
        each.collect()
    }

    /// The fingerprint of a time in UTC milliseconds.
    pub fn time(&self, at_ms: i64) -> [u8; 16] {
        self.mac(b"zegel/whatsapp/time", &[&at_ms.to_be_bytes()])
    }

    fn fingerprint(&self, record: &Record, at_ms: i64, ordinal: u64) -> Fingerprint {
        // A notice has no sender, which is not the same as a sender without a name.
        let known = [u8::from(record.sender.is_some())];
        let sender = record.sender.as_deref().unwrap_or_default().as_bytes();
        let place = [&at_ms.to_be_bytes()[..], &known, sender, &ordinal.to_be_bytes()];
        Fingerprint {
            place: self.mac(b"zegel/whatsapp/place", &place),
            text: self.mac(b"zegel/whatsapp/text", &[record.text_trimmed()]),
            time: self.time(at_ms),
        }
    }

    /// Every part stands behind its size, so no two lists of parts are the same input.
    fn mac(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.keyed.clone();
        for part in std::iter::once(&label).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut cut = [0; 16];
        cut.copy_from_slice(&full[..16]);
        cut
    }
}
