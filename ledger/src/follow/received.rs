//! One entry of a primary, held against everything that can be judged by itself. Pure.

use crate::log::{EnvelopeForm, Submission};
use crate::sequencer::{Fault, ReceivedContent, ReceivedEntry};
use crate::store::Packed;
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{AppendRequest, DossierWrap, Entry, ErasedForm, EventKind, ReplicatedEntry, SealedBody, entry};
use zegel_verifier::hash::Hash;

/// Reads an entry with what lies beside it; gives the note with which its group ends, if it does. `is_ordered` says whether
/// an order to erase names a place.
pub(super) fn examine(
    origin: &str,
    from: ReplicatedEntry,
    is_ordered: impl Fn((u64, u32)) -> bool,
) -> Result<(ReceivedEntry, Vec<u8>), Fault> {
    let ReplicatedEntry { index, entry: bytes, headers, bodies, envelopes, erased, checkpoint, rewrapped } = from;
    let entry: Entry = parse(&bytes).map_err(|reason| Fault::Entry { index, reason })?;
    let erased = leaves(index, &erased, &bodies)?;
    if let Some(position) = erased.keys().copied().find(|position| !is_ordered((index, *position))) {
        return Err(Fault::Gone { index, position });
    }
    let received_at_ms = entry.received_at_ms;
    let content = match entry.content {
        Some(entry::Content::Batch(batch)) => {
            let request = AppendRequest { origin: origin.into(), batch: Some(batch), headers, bodies, envelopes };
            examine_batch(origin, index, request, rewrapped, erased)?
        }
        Some(entry::Content::Snapshot(snapshot))
            if headers.is_empty() && bodies.is_empty() && envelopes.is_empty() && rewrapped.is_empty() =>
        {
            ReceivedContent::Snapshot(snapshot)
        }
        _ => return Err(Fault::Incomplete { wanted: "content that is a batch, or a snapshot with nothing beside it" }),
    };
    Ok((ReceivedEntry { index, bytes, received_at_ms, content }, checkpoint))
}

/// Leaves of what was erased; with none of it may bytes come along.
fn leaves(index: u64, erased: &[ErasedForm], bodies: &[SealedBody]) -> Result<BTreeMap<u32, Hash>, Fault> {
    let leaf = |form: &ErasedForm| {
        let position = form.position;
        let is_gone = bodies.get(position as usize) == Some(&SealedBody::default());
        let leaf = Hash::read(&form.leaf).filter(|_| is_gone);
        leaf.map(|leaf| (position, leaf)).ok_or(Fault::NotGone { index, position })
    };
    erased.iter().map(leaf).collect()
}

fn examine_batch(
    origin: &str,
    index: u64,
    request: AppendRequest,
    rewrapped: Vec<DossierWrap>,
    erased: BTreeMap<u32, Hash>,
) -> Result<ReceivedContent, Fault> {
    let refused = |reason| Fault::Batch { index, reason: Box::new(reason) };
    let (mut submission, sent) = Submission::examine_with(origin, request, &erased).map_err(refused)?;
    submission.add_rewrapped(rewrapped, &erased).map_err(refused)?;
    let is_sealed =
        |position: &u32| submission.events.get(*position as usize).is_some_and(|event| event.facts.body_root.is_some());
    if let Some(position) = erased.keys().copied().find(|position| !is_sealed(position)) {
        return Err(Fault::NotGone { index, position });
    }
    let packed = Packed::of(&sent);
    Ok(ReceivedContent::Batch { submission: Box::new(submission), packed, erased })
}

impl ReceivedEntry {
    /// Bytes that it holds in memory, about.
    pub(super) fn weight(&self) -> usize {
        let beside = match &self.content {
            ReceivedContent::Batch { submission, .. } => submission.bytes,
            ReceivedContent::Snapshot(_) => 0,
        };
        self.bytes.len() + beside
    }

    /// Whether it says that another ledger took the log over here, or the same one after a loss.
    pub(super) fn is_recovery(&self) -> bool {
        let ReceivedContent::Batch { submission, .. } = &self.content else { return false };
        submission.events.iter().any(|event| event.facts.kind == EventKind::LogRecovered)
    }

    /// Bytes of its envelopes that were rewrapped.
    pub(super) fn rewrapped_weight(&self) -> usize {
        let ReceivedContent::Batch { submission, .. } = &self.content else { return 0 };
        let rewrapped = submission.envelopes.values().filter(|sent| sent.form == EnvelopeForm::Rewrapped);
        rewrapped.map(|sent| sent.bytes.len()).sum()
    }
}
