//! Which attachments were shown to whom: a blob is given only to an actor that was given evidence which names it.
//!
//! Evidence is given for an EXPORT_CREATED of the actor's own, so every read of content stands in the log before it happens.
//! In memory: after a restart the evidence is asked for again. Not for open logs, whose callers have no name.

use crate::access::Actor;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use zegel_proto::parse;
use zegel_proto::v1::evidence_record::Record;
use zegel_proto::v1::{EventHeader, EvidenceRecord};
use zegel_verifier::hash::Hash;

/// Blobs that are remembered of one actor: those of the largest bundle (`specs/limits.md`). The next one begins anew.
const BLOBS_MAX: usize = 262_144;

/// What was shown, by log and actor.
#[derive(Debug, Default)]
pub(super) struct Shown(Mutex<HashMap<(String, Hash), HashSet<Hash>>>);

impl Shown {
    /// Remembers the attachments that a record of evidence names, before it is sent.
    pub(super) fn take(&self, origin: &str, actor: Actor, record: &EvidenceRecord) {
        let (Actor::Known(actor), Some(Record::Event(event))) = (actor, &record.record) else { return };
        let Ok(header) = parse::<EventHeader>(&event.header) else { return };
        if header.blobs.is_empty() {
            return;
        }
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let blobs = shown.entry((origin.to_owned(), actor)).or_default();
        if blobs.len() >= BLOBS_MAX {
            blobs.clear();
        }
        blobs.extend(header.blobs.iter().filter_map(|blob| Hash::read(blob)));
    }

    /// Whether an actor may have a blob.
    pub(super) fn covers(&self, origin: &str, actor: Actor, blob: Hash) -> bool {
        let Actor::Known(actor) = actor else { return true };
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.get(&(origin.to_owned(), actor)).is_some_and(|blobs| blobs.contains(&blob))
    }
}
