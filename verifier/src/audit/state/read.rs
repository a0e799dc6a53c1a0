//! Taking a replay back.

use super::{MAGIC, StateError};
use crate::audit::chains::{CaptureRow, Head};
use crate::audit::dwell::Dwelling;
use crate::audit::fault::IDS;
use crate::audit::genesis::Applied;
use crate::audit::notes::Newest;
use crate::audit::{Auditor, Missing};
use crate::bundle::Place;
use crate::bundle::findings::{About, Finding, Severity};
use crate::hash::Hash;
use crate::tree::Frontier;
use crate::trust::{Trust, Vouched};
use sha2::{Digest, Sha256};
use std::io::Read;
use zegel_proto::limits::CHECKPOINT_BYTES_MAX;
use zegel_proto::v1::{EventKind, StreamType};

/// Bytes of one text or note in a state.
const BYTES_MAX: usize = CHECKPOINT_BYTES_MAX;

/// Hashes what it reads.
struct Reader<'a> {
    input: &'a mut dyn Read,
    hasher: Sha256,
}

impl Reader<'_> {
    fn raw<const N: usize>(&mut self) -> Result<[u8; N], StateError> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.hasher.update(bytes);
        Ok(bytes)
    }

    fn u8(&mut self) -> Result<u8, StateError> {
        Ok(self.raw::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32, StateError> {
        Ok(u32::from_be_bytes(self.raw()?))
    }

    fn u64(&mut self) -> Result<u64, StateError> {
        Ok(u64::from_be_bytes(self.raw()?))
    }

    fn hash(&mut self) -> Result<Hash, StateError> {
        Ok(Hash(self.raw()?))
    }

    fn bytes(&mut self) -> Result<Vec<u8>, StateError> {
        let length = self.u32()? as usize;
        if length > BYTES_MAX {
            return Err(StateError::Malformed { what: "a length" });
        }
        let mut bytes = vec![0; length];
        self.input.read_exact(&mut bytes)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, StateError> {
        String::from_utf8(self.bytes()?).map_err(|_| StateError::Malformed { what: "a text" })
    }

    fn maybe(&mut self) -> Result<Option<u64>, StateError> {
        let is_there = self.u8()?;
        let number = self.u64()?;
        Ok((is_there == 1).then_some(number))
    }

    fn place(&mut self) -> Result<Option<Place>, StateError> {
        let entry = self.maybe()?;
        let position = self.maybe()?.and_then(|position| u32::try_from(position).ok());
        Ok(entry.map(|entry| Place { entry, position }))
    }

    /// Items one by one: a length that lies meets the end of the file, not of the memory.
    fn list(&mut self, mut read: impl FnMut(&mut Self) -> Result<(), StateError>) -> Result<(), StateError> {
        let count = self.u64()?;
        (0..count).try_for_each(|_| read(self))
    }
}

impl Auditor {
    /// Takes a replay back under a trust file, to go on from its size.
    ///
    /// # Errors
    /// [`StateError`]: unreadable, of another log, or not what was written.
    pub fn restore(trust: Trust, input: &mut dyn Read) -> Result<Self, StateError> {
        let mut from = Reader { input, hasher: Sha256::new() };
        if from.raw::<{ MAGIC.len() }>()? != MAGIC {
            return Err(StateError::Version);
        }
        let (found, key) = (from.text()?, from.raw::<32>()?);
        if found != trust.origin() || key != *trust.root_key() {
            return Err(StateError::OtherLog { found, wanted: trust.origin().into() });
        }
        let mut auditor = Self::new(trust);
        auditor.read_tree(&mut from)?;
        auditor.read_registry(&mut from)?;
        auditor.read_rows(&mut from)?;
        auditor.read_notes(&mut from)?;
        from.list(|from| {
            auditor.findings.add(read_finding(from)?);
            Ok(())
        })?;
        let (sum, mut wanted) = (from.hasher.finalize(), [0; 32]);
        from.input.read_exact(&mut wanted)?;
        let has_more = from.input.read(&mut [0])? > 0;
        if sum[..] == wanted && !has_more { Ok(auditor) } else { Err(StateError::Checksum) }
    }

    fn read_tree(&mut self, from: &mut Reader<'_>) -> Result<(), StateError> {
        let (size, root) = (from.u64()?, from.hash()?);
        let mut roots = Vec::new();
        from.list(|from| {
            roots.push(from.hash()?);
            Ok(())
        })?;
        let tree = Frontier::restore(size, roots).filter(|tree| tree.root() == root);
        self.tree = tree.ok_or(StateError::Malformed { what: "the root" })?;
        self.received_at_ms = from.u64()?;
        self.broken_at = from.maybe()?;
        let counts = &mut self.counts;
        counts.events = from.u64()?;
        counts.batches = from.u64()?;
        counts.snapshots = from.u64()?;
        counts.destroyed = from.u64()?;
        counts.replaced = from.u64()?;
        counts.resealed = from.u64()?;
        self.missing = Missing { count: from.u64()?, first: from.place()? };
        self.destroyed_first = from.place()?;
        self.changed = Missing { count: from.u64()?, first: from.place()? };
        self.replaced_first = from.place()?;
        let (entry, since_ms) = (from.maybe()?, from.maybe()?);
        self.dwelling = Dwelling::of(entry.zip(since_ms));
        Ok(())
    }

    fn read_registry(&mut self, from: &mut Reader<'_>) -> Result<(), StateError> {
        let root_actor = from.hash()?;
        let mut applied = Vec::new();
        from.list(|from| {
            let (entry, kind) = (from.u64()?, from.u32()?);
            let kind = EventKind::try_from(kind as i32).map_err(|_| StateError::Malformed { what: "a kind" })?;
            applied.push(Applied { entry, kind, content: from.bytes()? });
            Ok(())
        })?;
        from.list(|from| {
            self.governance.signed.insert(from.hash()?, from.u64()?);
            Ok(())
        })?;
        self.governance.restore(&self.trust, root_actor, applied).map_err(StateError::Registry)
    }

    fn read_rows(&mut self, from: &mut Reader<'_>) -> Result<(), StateError> {
        from.list(|from| {
            let number = self.chains.heads.len() as u32;
            let (source, next_batch_seq, previous) = (from.hash()?, from.u64()?, from.hash()?);
            self.chains.heads.insert(source, Head { number, next_batch_seq, previous });
            Ok(())
        })?;
        from.list(|from| {
            let [stream, is_registered] = from.raw()?;
            let stream =
                StreamType::try_from(i32::from(stream)).map_err(|_| StateError::Malformed { what: "a row" })?;
            let (id, captures) = (from.hash()?, from.u32()?);
            self.streams.restore_id((stream, id), is_registered == 1, captures);
            Ok(())
        })?;
        from.list(|from| {
            let (of, month, count) = (from.u32()?, from.u32()?, from.u64()?);
            let roots = (0..count.count_ones()).map(|_| from.hash()).collect::<Result<Vec<_>, _>>()?;
            let is_good = self.streams.restore_month(of, month, count, roots);
            if is_good { Ok(()) } else { Err(StateError::Malformed { what: "a month" }) }
        })?;
        from.list(|from| {
            let (source, custodian, conversation) = (from.u32()?, from.u32()?, from.u32()?);
            self.chains.restore_capture(CaptureRow { source, custodian, conversation, next: from.u64()? });
            Ok(())
        })
    }

    fn read_notes(&mut self, from: &mut Reader<'_>) -> Result<(), StateError> {
        from.list(|from| {
            let (covers, ids, root) = (from.u64()?, from.u64()?, from.hash()?);
            self.tables.insert(covers, (ids, root));
            Ok(())
        })?;
        from.list(|from| {
            self.announced.push(from.u64()?);
            Ok(())
        })?;
        from.list(|from| {
            let note = from.bytes()?;
            self.checkpoint(&note);
            Ok(())
        })?;
        from.list(|from| {
            self.notes.judged.insert(from.hash()?);
            Ok(())
        })?;
        from.list(|from| {
            let (size, mut vouched) = (from.u64()?, Vec::new());
            let witnesses = self.trust.witnesses();
            from.list(|from| {
                let (name, time_s) = (from.text()?, from.u64()?);
                // A witness that the trust file no longer has counts no more.
                let known = witnesses.iter().find(|witness| witness.name == name);
                vouched.extend(known.map(|witness| Vouched { name, is_auditor: witness.is_auditor, time_s }));
                Ok(())
            })?;
            self.notes.newest = Some(Newest { size, vouched });
            Ok(())
        })
    }
}

fn read_finding(from: &mut Reader<'_>) -> Result<Finding, StateError> {
    let malformed = || StateError::Malformed { what: "a finding" };
    let id = from.text()?;
    let id = IDS.into_iter().find(|known| *known == id).ok_or_else(malformed)?;
    let [severity, about] = from.raw()?;
    let severities = [Severity::Info, Severity::Warning, Severity::Error];
    let abouts = [About::Completeness, About::Authenticity, About::Immutability, About::Custody];
    let severity = severities.get(usize::from(severity)).copied().ok_or_else(malformed)?;
    let about = abouts.get(usize::from(about)).copied().ok_or_else(malformed)?;
    let (place, count, nl, en) = (from.place()?, from.u64()?, from.text()?, from.text()?);
    Ok(Finding { id, severity, about, place, count, nl, en })
}
