//! Purging of a landing zone: an order for what an archive signed that it holds, and the act that says that it is gone.
//!
//! Invariants: an order is made only for a receipt of the archive that the log names, of the same tree, count and events as are here; officer and
//! approver sign it; the act is logged once, and only after the ledger erased. Not here: receipts (the archive's ledger), erasing (the ledger).
//! What if we stop at any point? The same command goes on. Specification: `specs/custody.md`.

use crate::acts::Acts;
use crate::destroy::signed;
use crate::event::{EventError, Field, RecordsAct};
use crate::keys::{KeyError, KeyFolder};
use crate::source::{LedgerError, Source, SourceError};
use thiserror::Error;
use zegel_proto::v1::{AuditEntry, CustodySubject, EventHeader, EventKind, ReadEntriesRequest};
use zegel_proto::{CanonicalError, parse, print};
use zegel_verifier::custody::{CustodyError, CustodyReceipt, archive_of};
use zegel_verifier::erasure::{Erasure, ErasureError};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::{EventFacts, Family, family};
use zegel_verifier::tree::check_consistency;

/// Why nothing is purged.
#[derive(Debug, Error)]
pub enum PurgeError {
    /// The receipt.
    #[error(transparent)]
    Receipt(#[from] CustodyError),
    /// The order.
    #[error(transparent)]
    Order(#[from] ErasureError),
    /// An order that ends content.
    #[error("the order has no receipt of custody: it ends content, and is no purge (zegel destroy erase)")]
    NoReceipt,
    /// Said already.
    #[error("what receipt {receipt} is about was purged before: entry {entry} says so")]
    Purged {
        /// SHA-256 of the receipt.
        receipt: Hash,
        /// Where it is said.
        entry: u64,
    },
    /// A log without entries.
    #[error("the log has not begun")]
    NotBegun,
    /// Another tree.
    #[error("at {to} entries the archive holds root {found}, and this log does not go on from it")]
    OtherRoot {
        /// Entries.
        to: u64,
        /// Root of the receipt.
        found: Hash,
    },
    /// The ledger gave less than it signed.
    #[error("the ledger gave no entry {entry}: {reason}")]
    Broken {
        /// The entry.
        entry: u64,
        /// What it said.
        reason: String,
    },
    /// Bytes that are none of a log.
    #[error("entry {entry} has a header that cannot be read: {reason}")]
    Header {
        /// The entry.
        entry: u64,
        /// Why.
        reason: CanonicalError,
    },
    /// The ledger refused, or was not there.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Submitting.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The act.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The act's subject.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// Makes the order for a receipt, signed by officer and approver.
///
/// # Errors
/// [`PurgeError`]: the receipt is not of the archive that the log names, or of another tree, count or events than are here.
pub async fn order(source: &Source, folder: &KeyFolder, note: &str) -> Result<Erasure, PurgeError> {
    let (registry, checkpoint) = source.registry().zip(source.checkpoint()).ok_or(PurgeError::NotBegun)?;
    let (size, root) = (checkpoint.size(), checkpoint.root());
    let receipt = CustodyReceipt::believe(note.as_bytes(), registry, size)?;
    let to = receipt.to;
    if to == size {
        receipt.check_root(root)?;
    } else {
        let proof = source.connection().consistency(to, size).await?;
        let proof: Option<Vec<Hash>> = proof.iter().map(|hash| Hash::read(hash)).collect();
        let goes_on = |proof: Vec<Hash>| check_consistency(to, receipt.root, size, root, &proof).is_ok();
        if !proof.is_some_and(goes_on) {
            return Err(PurgeError::OtherRoot { to, found: receipt.root });
        }
    }
    let places = held(source, receipt.from, to).await?;
    receipt.check_events(&places)?;
    let (origin, proposal) = (receipt.origin, Some(sha256(&[note.as_bytes()])));
    let order = Erasure { origin, proposal, receipt: Some(note.into()), places, ..Erasure::default() };
    Ok(signed(order, folder)?)
}

/// Places of all content that the ledger holds, from one entry to another.
async fn held(source: &Source, from: u64, to: u64) -> Result<Vec<(u64, u32)>, PurgeError> {
    let (mut next, mut places) = (from, Vec::new());
    while next < to {
        let request = ReadEntriesRequest { origin: source.origin().into(), from: next, count: to - next };
        let (mut stream, before) = (source.connection().audit_entries(&request).await?, next);
        let broken = |entry, reason: &dyn ToString| PurgeError::Broken { entry, reason: reason.to_string() };
        while let Some(entry) = stream.message().await.map_err(|status| broken(next, &status))? {
            if entry.index != next {
                return Err(broken(next, &"another came"));
            }
            of_entry(&entry, &mut places)?;
            next += 1;
        }
        if next == before {
            return Err(broken(next, &"the stream ended"));
        }
    }
    Ok(places)
}

fn of_entry(entry: &AuditEntry, places: &mut Vec<(u64, u32)>) -> Result<(), PurgeError> {
    for ((position, header), digest) in (0..).zip(&entry.headers).zip(&entry.sealed) {
        let header: EventHeader = parse(header).map_err(|reason| PurgeError::Header { entry: entry.index, reason })?;
        let is_content =
            EventFacts::read(&header).is_ok_and(|facts| matches!(family(facts.kind), Family::Chat | Family::Capture));
        if is_content && !digest.ciphertext.is_empty() {
            places.push((entry.index, position));
        }
    }
    Ok(())
}

/// Reads an order, if it is a purge that was not declared yet.
///
/// # Errors
/// [`PurgeError::Order`], [`PurgeError::NoReceipt`], [`PurgeError::Purged`].
pub fn check_order(acts: &Acts, text: &str) -> Result<Erasure, PurgeError> {
    let order = Erasure::parse(text)?;
    let (Some(_), Some(receipt)) = (&order.receipt, order.proposal) else { return Err(PurgeError::NoReceipt) };
    match acts.of_kind(EventKind::CustodyPurged).find(|act| act.refers_to() == Some(receipt)) {
        Some(act) => Err(PurgeError::Purged { receipt, entry: act.spot.entry }),
        None => Ok(order),
    }
}

/// Logs that what an order names is gone from here; call it after the ledger erased. Gives the entry.
///
/// # Errors
/// [`PurgeError`].
pub async fn declare(source: &mut Source, order: &Erasure, person: &str, reason: &str) -> Result<u64, PurgeError> {
    let note = order.receipt.as_deref().ok_or(PurgeError::NoReceipt)?;
    let (registry, checkpoint) = source.registry().zip(source.checkpoint()).ok_or(PurgeError::NotBegun)?;
    let receipt = CustodyReceipt::believe(note.as_bytes(), registry, checkpoint.size())?;
    let subject = CustodySubject {
        transfer: sha256(&[note.as_bytes()]).to_vec(),
        other_origin: archive_of(registry)?.name().into(),
        from_entry: receipt.from,
        to_entry: receipt.to,
        events: receipt.events,
        bytes: 0,
        root: receipt.root.to_vec(),
    };
    let some = |text: &str| Field::or_none(Some(text.to_owned()).filter(|text| !text.is_empty()));
    let act = RecordsAct {
        person: some(person),
        reason: some(reason),
        ..RecordsAct::new(EventKind::CustodyPurged, print(&subject)?)
    };
    let now_ms = jiff::Timestamp::now().as_millisecond().max(0) as u64;
    let placed = source.append(vec![act.draft(now_ms)?]).await?;
    Ok(placed.first().map(|placed| placed.entry).unwrap_or_default())
}
