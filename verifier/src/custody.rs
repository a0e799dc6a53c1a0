//! A receipt of custody: what an archive says that it holds of a landing zone's log, entry by entry checked and stored, signed with a key of its own.
//!
//! Invariants: nothing of a receipt is read before its signature was verified, but where it says so; one text, one form. What is held is said by its count and by a
//! digest over the places of it, so that both sides speak of the same events. Not here: who counts (the archive's ledger), what is purged for it
//! (`erasure`), who is believed (the policy of the log). Specification: `specs/custody.md`.

use crate::hash::{Hash, sha256};
use crate::note::{Note, NoteError, TYPE_ED25519, VerifierKey};
use crate::registry::Registry;
use thiserror::Error;

/// First line of a receipt.
const FORMAT: &str = "zegel-custody-receipt/v1";
/// Policy that pins the archive: a verifier key of type 0x01.
pub const POLICY: &str = "custody_archive";
/// Bytes of a receipt.
pub const RECEIPT_BYTES_MAX: usize = 8 << 10;

/// Why a receipt of custody is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CustodyError {
    /// The note or its signature.
    #[error("receipt of custody: {0}")]
    Note(#[from] NoteError),
    /// A text that is no receipt.
    #[error("line {line} is not that of a receipt of custody")]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// No archive was named.
    #[error("the log names no archive: set the policy {POLICY} to the verifier key of its receipts")]
    NoArchive,
    /// Of another log.
    #[error("the receipt is of log {found:?}, wanted {wanted:?}")]
    OtherLog {
        /// Found.
        found: String,
        /// Wanted.
        wanted: String,
    },
    /// Entries that are not there yet.
    #[error("the receipt is of entries {from} to {to}, the log has {size}")]
    Beyond {
        /// First entry.
        from: u64,
        /// The entry after the last one.
        to: u64,
        /// Entries of the log.
        size: u64,
    },
    /// Another tree.
    #[error("at {to} entries the archive holds root {found}, this log has {wanted}")]
    OtherRoot {
        /// Entries.
        to: u64,
        /// The root of the receipt.
        found: Hash,
        /// Our own.
        wanted: Hash,
    },
    /// Another number of events.
    #[error("the archive holds {found} events of these entries, {wanted} are here")]
    OtherCount {
        /// Of the receipt.
        found: u64,
        /// Here.
        wanted: u64,
    },
    /// As many events, and others.
    #[error("the archive holds other events of these entries than are here, as many")]
    OtherEvents,
}

/// What is held of a log's content, from one entry to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustodyReceipt {
    /// The log.
    pub origin: String,
    /// First entry.
    pub from: u64,
    /// The entry after the last one: as many entries as the tree has for `root`.
    pub to: u64,
    /// Chat and capture events in them whose content is held.
    pub events: u64,
    /// Digest over their places ([`places_digest`]).
    pub places: Hash,
    /// Root of the log at `to`.
    pub root: Hash,
}

/// SHA-256 over a line `ENTRY POSITION` for each place, ascending.
#[must_use]
pub fn places_digest(places: &[(u64, u32)]) -> Hash {
    let lines: String = places.iter().map(|(entry, position)| format!("{entry} {position}\n")).collect();
    sha256(&[lines.as_bytes()])
}

/// The archive that the log names.
///
/// # Errors
/// [`CustodyError::NoArchive`]; [`CustodyError::Note`] of a policy that is no verifier key.
pub fn archive_of(registry: &Registry) -> Result<VerifierKey, CustodyError> {
    let key = VerifierKey::parse(registry.policy(POLICY).ok_or(CustodyError::NoArchive)?)?;
    if key.kind() == TYPE_ED25519 { Ok(key) } else { Err(NoteError::BadVerifierKey { found: key.print() }.into()) }
}

impl CustodyReceipt {
    /// The bytes that are signed.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { origin, from, to, events, places, root } = self;
        format!("{FORMAT}\n{origin}\n{from} {to}\n{events} {places}\n{root}\n")
    }

    /// The receipt as it is handed over, with the archive's signature over [`Self::text`].
    #[must_use]
    pub fn signed(&self, archive: &VerifierKey, signature: &[u8]) -> String {
        format!("{}\n{}", self.text(), archive.signature_line(signature))
    }

    /// Reads a receipt that this archive signed.
    ///
    /// # Errors
    /// [`CustodyError::Note`], [`CustodyError::Line`].
    pub fn verify(note: &[u8], archive: &VerifierKey) -> Result<Self, CustodyError> {
        let note = Note::parse(note)?;
        note.verify(archive)?;
        let read = Self::read(note.text())?;
        // Whatever would be printed otherwise is none.
        if read.text() == note.text() { Ok(read) } else { Err(CustodyError::Line { line: 1 }) }
    }

    /// What a receipt says, whoever signed it: of one that was believed before.
    ///
    /// # Errors
    /// [`CustodyError::Note`], [`CustodyError::Line`].
    pub fn claimed(note: &[u8]) -> Result<Self, CustodyError> {
        Self::read(Note::parse(note)?.text())
    }

    fn read(text: &str) -> Result<Self, CustodyError> {
        let lines: Vec<&str> = text.lines().collect();
        let wrong = |line| CustodyError::Line { line };
        let [format, origin, range, held, root] = lines.as_slice() else { return Err(wrong(lines.len())) };
        if *format != FORMAT {
            return Err(wrong(1));
        }
        let (from, to) = range.split_once(' ').ok_or(wrong(3))?;
        let (from, to): (u64, u64) = from.parse().ok().zip(to.parse().ok()).ok_or(wrong(3))?;
        let (events, places) = held.split_once(' ').ok_or(wrong(4))?;
        let (events, places) = events.parse().ok().zip(crate::erasure::hash_of(places)).ok_or(wrong(4))?;
        let root = crate::erasure::hash_of(root).ok_or(wrong(5))?;
        if from >= to { Err(wrong(3)) } else { Ok(Self { origin: (*origin).into(), from, to, events, places, root }) }
    }

    /// Believes a receipt for a log as it is: of it, by the archive that its registry names, of entries that it has.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub fn believe(note: &[u8], registry: &Registry, size: u64) -> Result<Self, CustodyError> {
        let receipt = Self::verify(note, &archive_of(registry)?)?;
        if receipt.origin != registry.origin() {
            return Err(CustodyError::OtherLog { found: receipt.origin, wanted: registry.origin().into() });
        }
        if receipt.to > size {
            return Err(CustodyError::Beyond { from: receipt.from, to: receipt.to, size });
        }
        Ok(receipt)
    }

    /// Whether the archive holds these events, and no others.
    ///
    /// # Errors
    /// [`CustodyError::OtherCount`], [`CustodyError::OtherEvents`].
    pub fn check_events(&self, places: &[(u64, u32)]) -> Result<(), CustodyError> {
        let wanted = places.len() as u64;
        if self.events != wanted {
            return Err(CustodyError::OtherCount { found: self.events, wanted });
        }
        if self.places == places_digest(places) { Ok(()) } else { Err(CustodyError::OtherEvents) }
    }

    /// Whether the log has this root at `to`.
    ///
    /// # Errors
    /// [`CustodyError::OtherRoot`].
    pub fn check_root(&self, wanted: Hash) -> Result<(), CustodyError> {
        let (to, found) = (self.to, self.root);
        if found == wanted { Ok(()) } else { Err(CustodyError::OtherRoot { to, found, wanted }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    fn key(name: &str, seed: u8) -> (SigningKey, VerifierKey) {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let public = VerifierKey::new(name, TYPE_ED25519, key.verifying_key().to_bytes()).expect("a key");
        (key, public)
    }

    fn receipt() -> CustodyReceipt {
        let places = places_digest(&[(4, 0), (4, 1)]);
        CustodyReceipt { origin: "log".into(), from: 3, to: 9, events: 2, places, root: Hash([7; 32]) }
    }

    #[test]
    fn a_receipt_is_read_as_it_was_signed_and_in_no_other_way() {
        let (secret, public) = key("archive", 1);
        let sign = |text: &str| {
            let signature = secret.sign(text.as_bytes()).to_bytes();
            format!("{text}\n{}", public.signature_line(&signature))
        };
        let good = sign(&receipt().text());
        assert_eq!(CustodyReceipt::verify(good.as_bytes(), &public), Ok(receipt()));
        assert_eq!(good, receipt().signed(&public, &secret.sign(receipt().text().as_bytes()).to_bytes()));
        for (from, to, line) in
            [("receipt/v1", "receipt/v2", 1), ("3 9", "9 9", 3), ("3 9", "03 9", 1), ("\n2 ", "\nx ", 4)]
        {
            let other = sign(&receipt().text().replace(from, to));
            assert_eq!(CustodyReceipt::verify(other.as_bytes(), &public), Err(CustodyError::Line { line }), "{to}");
        }
        let bent = good.replace("3 9", "2 9");
        let bad = NoteError::BadSignature { name: "archive".into() };
        assert_eq!(CustodyReceipt::verify(bent.as_bytes(), &public), Err(bad.into()));
        let unsigned = NoteError::Unsigned { name: "archive".into() };
        assert_eq!(CustodyReceipt::verify(good.as_bytes(), &key("archive", 2).1), Err(unsigned.into()));
    }

    #[test]
    fn as_many_other_events_are_not_the_same_events() {
        let receipt = receipt();
        assert_eq!(receipt.check_events(&[(4, 0), (4, 1)]), Ok(()));
        assert_eq!(receipt.check_events(&[(4, 0), (4, 2)]), Err(CustodyError::OtherEvents));
        assert_eq!(receipt.check_events(&[(4, 0)]), Err(CustodyError::OtherCount { found: 2, wanted: 1 }));
        let (to, found, wanted) = (9, Hash([7; 32]), Hash([8; 32]));
        assert_eq!(receipt.check_root(wanted), Err(CustodyError::OtherRoot { to, found, wanted }));
    }
}
