//! An order to erase: which events lose what lies sealed beside them, or get another sealed form in its place that says less; signed by an officer and by an approver.
//!
//! Invariants: an order names its log, the proposal that was approved, and every event by its place, ascending; it is carried out only with the
//! signatures of two actors, one an officer and one an approver, whose keys stand in the registry as it is. What was proven
//! about the events stays proven: nothing of the log changes. Not here: who may be asked (`acts` of the tools), how bytes go (the ledger's store).
//! Specification: `specs/officer.md`.

use crate::custody::{CustodyError, CustodyReceipt, RECEIPT_BYTES_MAX};
use crate::hash::{Hash, sha256};
use crate::registry::{AuthorityError, Registry};
use crate::signature::{CONTEXT_ERASURE, SignatureError, verify};
use std::collections::BTreeMap;
use std::fmt::Write;
use thiserror::Error;
use zegel_proto::v1::Role;

/// First line of an order.
const FORMAT: &str = "zegel-erasure/v1";
/// First line of an order to purge: an archive that signed a receipt holds the content, and keeps it.
const PURGE: &str = "zegel-purge/v1";
/// Events of one order.
pub const PLACES_MAX: usize = 1_000_000;

/// Why an order is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ErasureError {
    /// Not an order, or written in another way than the one.
    #[error("line {line} is not that of an order to erase: {wanted}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What was wanted.
        wanted: &'static str,
    },
    /// Of another log.
    #[error("the order is of log {found:?}, wanted {wanted:?}")]
    OtherLog {
        /// Found.
        found: String,
        /// Wanted.
        wanted: String,
    },
    /// A signature that does not verify.
    #[error("signature {number}: {reason}")]
    Signature {
        /// Counted from 0.
        number: usize,
        /// Why not.
        reason: SignatureError,
    },
    /// A key that may not sign any more, or never could.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A purge that its receipt does not allow.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// Not two pairs of eyes.
    #[error("the order is signed by {found:?}: an officer and an approver are wanted, and nobody else")]
    Eyes {
        /// Roles that signed, in order.
        found: Vec<&'static str>,
    },
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The actor.
    pub actor: Hash,
    /// Its key.
    pub key: Hash,
    /// Ed25519 over the order, 64 bytes.
    pub signature: Vec<u8>,
}

/// A sealed form that takes the place of another: of the same event, with less of it open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// SHA-256 of the ciphertext that it replaces.
    pub replaces: Vec<u8>,
    /// The new ciphertext.
    pub ciphertext: Vec<u8>,
    /// Canonical bytes of the new `KeyWrap`.
    pub wrap: Vec<u8>,
}

/// An order that was read: well-formed, not yet believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// Origin of the log.
    pub origin: String,
    /// Id of the proposal that was approved; of a purge, SHA-256 of its receipt.
    pub proposal: Option<Hash>,
    /// The receipt of custody for which this is purged; `None` of an order that ends content.
    pub receipt: Option<String>,
    /// Entry and position of each event, ascending.
    pub places: Vec<(u64, u32)>,
    /// What stands in the place of the old sealed form, of events that lose a part only.
    pub resealed: BTreeMap<(u64, u32), Resealed>,
    /// Who signed.
    pub signers: Vec<Signer>,
}

impl Erasure {
    /// The bytes that are signed.
    #[must_use]
    pub fn statement(&self) -> String {
        let (format, receipt) = match &self.receipt {
            Some(receipt) => (PURGE, format!("{}\n", hex_of(receipt.as_bytes()))),
            None => (FORMAT, String::new()),
        };
        let (origin, proposal, count) = (&self.origin, self.proposal.unwrap_or(Hash::ZERO), self.places.len());
        let mut text = format!("{format}\n{origin}\n{proposal}\n{receipt}{count}\n");
        for (entry, position) in &self.places {
            // Writing into a string has no way to fail.
            let _ = match self.resealed.get(&(*entry, *position)) {
                None => writeln!(text, "{entry} {position}"),
                Some(new) => {
                    let [replaces, ciphertext, wrap] =
                        [&new.replaces, &new.ciphertext, &new.wrap].map(|bytes| hex_of(bytes));
                    writeln!(text, "{entry} {position} {replaces} {ciphertext} {wrap}")
                }
            };
        }
        text
    }

    /// The whole order, as it is handed over.
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = self.statement();
        text.push('\n');
        for signer in &self.signers {
            let signature = hex_of(&signer.signature);
            let _ = writeln!(text, "{} {} {signature}", signer.actor, signer.key);
        }
        text
    }

    /// Reads an order; whatever would not be printed the same is none.
    ///
    /// # Errors
    /// [`ErasureError::Line`].
    pub fn parse(text: &str) -> Result<Self, ErasureError> {
        let wrong = |line, wanted| ErasureError::Line { line, wanted };
        let mut lines = (1..).zip(text.split('\n'));
        let mut next = |wanted| lines.next().ok_or(wrong(0, wanted));
        let (line, format) = next(FORMAT)?;
        let is_purge = format == PURGE;
        if !is_purge && format != FORMAT {
            return Err(wrong(line, FORMAT));
        }
        let (_, origin) = next("the origin of the log")?;
        let (line, proposal) = next("the id of the proposal")?;
        let proposal = hash_of(proposal).ok_or(wrong(line, "the id of the proposal"))?;
        let receipt = if is_purge { Some(receipt_of(next("the receipt of custody")?)?) } else { None };
        let (line, count) = next("how many events")?;
        let count: usize = count
            .parse()
            .ok()
            .filter(|count| (1..=PLACES_MAX).contains(count))
            .ok_or(wrong(line, "1 to 1000000 events"))?;
        let mut order = Self { origin: origin.into(), proposal: Some(proposal), receipt, ..Self::default() };
        for _ in 0..count {
            let (line, place) = next("a place")?;
            let wanted = wrong(line, "ENTRY POSITION, ascending, and of a new sealed form REPLACES CIPHERTEXT WRAP");
            let (place, new) = place_of(place).ok_or(wanted.clone())?;
            if order.places.last().is_some_and(|last| *last >= place) || (is_purge && new.is_some()) {
                return Err(wanted);
            }
            order.places.push(place);
            order.resealed.extend(new.map(|new| (place, new)));
        }
        let (line, blank) = next("an empty line")?;
        if !blank.is_empty() {
            return Err(wrong(line, "an empty line"));
        }
        for (line, text) in lines.filter(|(_, text)| !text.is_empty()) {
            order.signers.push(signer_of(text).ok_or(wrong(line, "ACTOR KEY SIGNATURE"))?);
        }
        if order.print() != text { Err(wrong(1, "an order in its one form")) } else { Ok(order) }
    }

    /// Believes an order: of this log, by an officer and an approver whose keys were good at the size of the log; the registry
    /// may be a later one.
    ///
    /// # Errors
    /// [`ErasureError`].
    pub fn verify(&self, registry: &Registry, size: u64) -> Result<(), ErasureError> {
        if self.origin != registry.origin() {
            return Err(ErasureError::OtherLog { found: self.origin.clone(), wanted: registry.origin().into() });
        }
        let statement = self.statement();
        let mut roles = Vec::new();
        for (number, signer) in self.signers.iter().enumerate() {
            let checked = verify(&signer.key.0, CONTEXT_ERASURE, statement.as_bytes(), &signer.signature);
            checked.map_err(|reason| ErasureError::Signature { number, reason })?;
            roles.push(registry.author_before(size, signer.key, signer.actor)?);
        }
        match roles.as_slice() {
            [Role::Officer, Role::Approver] | [Role::Approver, Role::Officer] => Ok(()),
            _ => Err(ErasureError::Eyes { found: roles.iter().map(Role::as_str_name).collect() }),
        }
    }

    /// Of a purge, the receipt: of the archive that the registry names now, and for these events, no event more and none less.
    /// `None` of an order that ends content.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub fn believed_receipt(&self, registry: &Registry, size: u64) -> Result<Option<CustodyReceipt>, CustodyError> {
        let Some(note) = &self.receipt else { return Ok(None) };
        let receipt = CustodyReceipt::believe(note.as_bytes(), registry, size)?;
        let range = receipt.from..receipt.to;
        let is_its_own = self.proposal == Some(sha256(&[note.as_bytes()]));
        if !is_its_own || !self.places.iter().all(|(entry, _)| range.contains(entry)) {
            return Err(CustodyError::OtherEvents);
        }
        receipt.check_events(&self.places)?;
        Ok(Some(receipt))
    }
}

fn receipt_of((line, text): (usize, &str)) -> Result<String, ErasureError> {
    let note = bytes_of(text).filter(|bytes| (1..=RECEIPT_BYTES_MAX).contains(&bytes.len()));
    let note = note.and_then(|bytes| String::from_utf8(bytes).ok());
    note.ok_or(ErasureError::Line { line, wanted: "the receipt of custody" })
}

fn place_of(line: &str) -> Option<((u64, u32), Option<Resealed>)> {
    let words: Vec<&str> = line.split(' ').collect();
    let place = |entry: &str, position: &str| Some((entry.parse().ok()?, position.parse().ok()?));
    match words.as_slice() {
        [entry, position] => Some((place(entry, position)?, None)),
        [entry, position, replaces, ciphertext, wrap] => {
            let [replaces, ciphertext, wrap] = [bytes_of(replaces)?, bytes_of(ciphertext)?, bytes_of(wrap)?];
            let is_form = replaces.len() == 32 && !ciphertext.is_empty() && !wrap.is_empty();
            let new = Some(Resealed { replaces, ciphertext, wrap }).filter(|_| is_form)?;
            Some((place(entry, position)?, Some(new)))
        }
        _ => None,
    }
}

fn hex_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    if is_hex { (0..text.len() / 2).map(byte).collect() } else { None }
}

pub(crate) fn hash_of(text: &str) -> Option<Hash> {
    bytes_of(text).and_then(|bytes| Hash::read(&bytes))
}

fn signer_of(text: &str) -> Option<Signer> {
    let mut parts = text.split(' ');
    let (actor, key) = (hash_of(parts.next()?)?, hash_of(parts.next()?)?);
    let signature = bytes_of(parts.next()?).filter(|signature| signature.len() == 64)?;
    parts.next().is_none().then_some(Signer { actor, key, signature })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Erasure {
        let signer = Signer { actor: Hash([1; 32]), key: Hash([2; 32]), signature: vec![3; 64] };
        let places = vec![(4, 17), (4, 18), (9, 0)];
        let new = Resealed { replaces: vec![4; 32], ciphertext: vec![5; 40], wrap: vec![6; 9] };
        let resealed = BTreeMap::from([((4, 18), new)]);
        Erasure {
            origin: "log".into(),
            proposal: Some(Hash([7; 32])),
            places,
            receipt: None,
            resealed,
            signers: vec![signer],
        }
    }

    #[test]
    fn an_order_is_read_as_it_was_printed_and_in_no_other_way() {
        let text = order().print();
        assert_eq!(Erasure::parse(&text), Ok(order()));
        let neighbours = [
            text.replace("erasure/v1", "erasure/v2"),
            text.replace("\n3\n", "\n03\n"),
            text.replace("\n3\n", "\n2\n"),
            text.replace("\n3\n", "\n4\n"),
            text.replace("4 17\n4 18", "4 19\n4 18"),
            text.replace("4 17\n4 18", "4 17\n4 17"),
            text.replacen("0404", "", 1),
            text.replace(&"05".repeat(40), ""),
            text.replace(&format!(" {}", "06".repeat(9)), ""),
            text.replace("9 0", "9 +0"),
            text.replace("0707", "07070"),
            text.to_uppercase(),
            format!("{text}\n"),
            text.trim_end().into(),
        ];
        for neighbour in neighbours {
            assert!(matches!(Erasure::parse(&neighbour), Err(ErasureError::Line { .. })), "{neighbour:?}");
        }
    }

    #[test]
    fn a_purge_carries_its_receipt_and_replaces_nothing() {
        let purge = Erasure { receipt: Some("a receipt".into()), resealed: BTreeMap::new(), ..order() };
        assert_eq!(Erasure::parse(&purge.print()), Ok(purge.clone()));
        let mixed = Erasure { resealed: order().resealed, ..purge.clone() };
        assert!(matches!(Erasure::parse(&mixed.print()), Err(ErasureError::Line { line: 7, .. })));
        let bare = purge.print().replace("purge/v1", "erasure/v1");
        assert!(matches!(Erasure::parse(&bare), Err(ErasureError::Line { line: 4, .. })));
    }
}
