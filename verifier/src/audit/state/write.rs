//! Keeping a replay.

use super::{MAGIC, StateError};
use crate::audit::Auditor;
use crate::bundle::{Finding, Place};
use crate::hash::Hash;
use sha2::{Digest, Sha256};
use std::io::Write;

/// Hashes what it writes.
struct Writer<'a> {
    out: &'a mut dyn Write,
    hasher: Sha256,
}

type Written = Result<(), StateError>;

impl Writer<'_> {
    fn raw(&mut self, bytes: &[u8]) -> Written {
        self.hasher.update(bytes);
        Ok(self.out.write_all(bytes)?)
    }

    fn u64(&mut self, number: u64) -> Written {
        self.raw(&number.to_be_bytes())
    }

    fn u32(&mut self, number: u32) -> Written {
        self.raw(&number.to_be_bytes())
    }

    fn hash(&mut self, hash: Hash) -> Written {
        self.raw(&hash.0)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Written {
        self.u32(bytes.len() as u32)?;
        self.raw(bytes)
    }

    /// A number that may be missing: 1 and the number, or 0 and 0.
    fn maybe(&mut self, number: Option<u64>) -> Written {
        self.raw(&[u8::from(number.is_some())])?;
        self.u64(number.unwrap_or(0))
    }

    fn place(&mut self, place: Option<Place>) -> Written {
        self.maybe(place.map(|place| place.entry))?;
        self.maybe(place.and_then(|place| place.position).map(u64::from))
    }

    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T) -> Written) -> Written {
        self.u64(items.len() as u64)?;
        items.iter().try_for_each(|item| write(self, item))
    }
}

impl Auditor {
    /// Writes the replay as it is: the same entries and checkpoints give the same bytes.
    ///
    /// # Errors
    /// [`StateError::Unreadable`] if `out` fails.
    pub fn save(&self, out: &mut dyn Write) -> Result<(), StateError> {
        let mut to = Writer { out, hasher: Sha256::new() };
        to.raw(MAGIC)?;
        to.bytes(self.origin().as_bytes())?;
        to.raw(self.trust.root_key())?;
        to.u64(self.size())?;
        to.hash(self.root())?;
        to.list(self.tree.roots(), |to, root| to.hash(*root))?;
        to.u64(self.received_at_ms)?;
        to.maybe(self.broken_at)?;
        let counts = &self.counts;
        for count in
            [counts.events, counts.batches, counts.snapshots, counts.destroyed, counts.replaced, counts.resealed]
        {
            to.u64(count)?;
        }
        to.u64(self.missing.count)?;
        to.place(self.missing.first)?;
        to.place(self.destroyed_first)?;
        to.u64(self.changed.count)?;
        to.place(self.changed.first)?;
        to.place(self.replaced_first)?;
        to.maybe(self.dwelling.oldest.map(|(entry, _)| entry))?;
        to.maybe(self.dwelling.since_ms())?;
        self.write_registry(&mut to)?;
        self.write_rows(&mut to)?;
        self.write_notes(&mut to)?;
        to.list(self.findings.as_slice(), write_finding)?;
        let sum = to.hasher.finalize();
        Ok(to.out.write_all(&sum)?)
    }

    fn write_registry(&self, to: &mut Writer<'_>) -> Written {
        to.hash(self.governance.root_actor.unwrap_or(Hash::ZERO))?;
        to.list(&self.governance.applied, |to, applied| {
            to.u64(applied.entry)?;
            to.u32(applied.kind as u32)?;
            to.bytes(&applied.content)
        })?;
        let signed: Vec<_> = self.governance.signed.iter().collect();
        to.list(&signed, |to, (key, last)| {
            to.hash(**key)?;
            to.u64(**last)
        })
    }

    fn write_rows(&self, to: &mut Writer<'_>) -> Written {
        let mut heads: Vec<_> = self.chains.heads.iter().collect();
        heads.sort_by_key(|(_, head)| head.number);
        to.list(&heads, |to, (source, head)| {
            to.hash(**source)?;
            to.u64(head.next_batch_seq)?;
            to.hash(head.previous)
        })?;
        to.list(&self.streams.ids, |to, row| {
            to.raw(&[row.stream as u8, u8::from(row.is_registered)])?;
            to.hash(row.id)?;
            to.u32(row.captures)
        })?;
        to.list(&self.streams.months, |to, row| {
            to.u32(row.of)?;
            to.u32(row.month)?;
            to.u64(row.count)?;
            row.roots.iter().try_for_each(|root| to.hash(*root))
        })?;
        to.list(&self.chains.captures(), |to, row| {
            [row.source, row.custodian, row.conversation].into_iter().try_for_each(|number| to.u32(number))?;
            to.u64(row.next)
        })
    }

    fn write_notes(&self, to: &mut Writer<'_>) -> Written {
        let tables: Vec<_> = self.tables.iter().collect();
        to.list(&tables, |to, (covers, (ids, root))| {
            to.u64(**covers)?;
            to.u64(*ids)?;
            to.hash(*root)
        })?;
        to.list(&self.announced, |to, covers| to.u64(*covers))?;
        let waiting: Vec<_> = self.notes.waiting.values().flatten().collect();
        to.list(&waiting, |to, note| to.bytes(note))?;
        let judged: Vec<_> = self.notes.judged.iter().collect();
        to.list(&judged, |to, note| to.hash(**note))?;
        let newest: Vec<_> = self.notes.newest.iter().collect();
        to.list(&newest, |to, newest| {
            to.u64(newest.size)?;
            to.list(&newest.vouched, |to, vouched| {
                to.bytes(vouched.name.as_bytes())?;
                to.u64(vouched.time_s)
            })
        })
    }
}

fn write_finding(to: &mut Writer<'_>, finding: &Finding) -> Written {
    to.bytes(finding.id.as_bytes())?;
    to.raw(&[finding.severity as u8, finding.about as u8])?;
    to.place(finding.place)?;
    to.u64(finding.count)?;
    to.bytes(finding.nl.as_bytes())?;
    to.bytes(finding.en.as_bytes())
}
