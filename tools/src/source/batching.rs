//! Events into batches: at most 256 events and 3 MiB, cut between conversations where that costs little.

use super::{Head, SealedEvent, Source, SourceError};
use crate::event::EventError;
use crate::keys::Identity;
use std::time::{SystemTime, UNIX_EPOCH};
use zegel_proto::print;
use zegel_proto::v1::{AppendRequest, BatchStatement, SignedBatch};
use zegel_verifier::batch::{events_root, sealed_root};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::signature::CONTEXT_BATCH;

/// Events of a batch of a source: enough to make the signature cheap, few enough to show one without much else.
pub const BATCH_EVENTS_MAX: usize = 256;
/// Bytes of a batch: below the 4 MiB of a message.
const BYTES_MAX: usize = 3 * 1024 * 1024;
/// From here on a new conversation begins a new batch. Below, traffic of many conversations shares one.
const CUT_EVENTS_MIN: usize = 64;
/// Lengths and tags around the parts of one event.
const FRAMING_BYTES: usize = 64;

/// The batch that is being filled.
#[derive(Default)]
pub(super) struct Batching {
    events: Vec<SealedEvent>,
    bytes: usize,
}

impl Batching {
    /// Takes an event; gives the batch before it if that is full.
    pub(super) fn push(&mut self, event: SealedEvent) -> Option<Vec<SealedEvent>> {
        let bytes = size(&event);
        let other = |last: &SealedEvent| last.event.facts.conversation != event.event.facts.conversation;
        let is_cut = self.events.len() >= CUT_EVENTS_MIN && self.events.last().is_some_and(other);
        let is_full = self.events.len() >= BATCH_EVENTS_MAX || self.bytes + bytes > BYTES_MAX;
        let batch = if is_cut || is_full { self.finish() } else { None };
        self.bytes += bytes;
        self.events.push(event);
        batch
    }

    /// Gives what is left.
    pub(super) fn finish(&mut self) -> Option<Vec<SealedEvent>> {
        self.bytes = 0;
        let events = std::mem::take(&mut self.events);
        (!events.is_empty()).then_some(events)
    }
}

fn size(sealed: &SealedEvent) -> usize {
    let envelope = sealed.envelope.as_ref().map_or(0, |envelope| envelope.len() + FRAMING_BYTES);
    let body = sealed.body.ciphertext.len() + sealed.body.wrap.len() + sealed.body.message_row.len();
    sealed.event.header.len() + body + envelope + FRAMING_BYTES
}

impl Source {
    /// Signs a batch and keeps it in the outbox.
    pub(super) fn put(&mut self, events: Vec<SealedEvent>) -> Result<(), SourceError> {
        let mut request = AppendRequest { origin: self.config.origin.clone(), ..AppendRequest::default() };
        for sealed in events {
            request.headers.push(sealed.event.header);
            request.bodies.push(sealed.body);
            request.envelopes.extend(sealed.envelope);
        }
        let batch_seq = self.tail.next_batch_seq;
        let next = sign_batch(&self.identity, &self.tail, &mut request, now_ms())?;
        self.spool.outbox.put(batch_seq, &request)?;
        self.tail = next;
        Ok(())
    }
}

/// Signs the headers and bodies of a request as the batch after `head` of this actor, and gives the head after it. The
/// request holds its origin already.
///
/// # Errors
/// [`EventError::Canonical`] if there is nothing in it, or more than a batch holds.
pub fn sign_batch(
    identity: &Identity,
    head: &Head,
    request: &mut AppendRequest,
    created_at_ms: u64,
) -> Result<Head, EventError> {
    let statement = print(&BatchStatement {
        origin: request.origin.clone(),
        source: identity.actor().to_vec(),
        key: identity.public_key().to_vec(),
        batch_seq: head.next_batch_seq,
        count: request.headers.len() as u32,
        events_root: events_root(request.headers.iter().map(Vec::as_slice)).to_vec(),
        sealed_root: sealed_root(&request.bodies).to_vec(),
        previous: head.previous.map(Hash::to_vec).unwrap_or_default(),
        created_at_ms,
    })?;
    let signature = identity.sign(CONTEXT_BATCH, &statement);
    let next = Head { next_batch_seq: head.next_batch_seq + 1, previous: Some(sha256(&[&statement])) };
    request.batch = Some(SignedBatch { statement, signature });
    Ok(next)
}

/// The clock of this machine, in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
