//! What may be removed from a phone (device clearance): signed once a read-out is in the log under receipts, never before. Judging is pure.
//!
//! Invariants: it is about the newest read-out session of one custodian, which was closed; it names conversations one by one, those that may go and those that
//! may not, with the reason; what was not read out, what is held and what came without its media stays on the phone. Not here: that a phone was
//! indeed cleared, which nobody can see from here. Specification: `specs/officer.md`.

mod act;

pub use act::{Signed, clear, look};

use crate::acts::{Act, Acts, Selection, Target};
use crate::officer::{Decision, OfficerError};
use crate::reading::{ReadEvent, Reading};
use crate::source::SourceError;
use serde::Serialize;
use std::collections::BTreeMap;
use thiserror::Error;
use zegel_proto::parse;
use zegel_proto::v1::{Attachment, AttachmentState, EventKind, ReadoutChat, ReadoutDetail, Scope, StreamType};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{capture, chat};

/// Code of the act.
pub const CODE: &str = "vrijgave_apparaat";

/// Why nothing is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClearanceError {
    /// No read-out of this custodian.
    #[error("nothing of this custodian was read out: there is nothing to clear")]
    NoReadout,
    /// A read-out that never ended: what it did not reach is not in the log.
    #[error("the newest read-out, session {session}, was not closed: read the phone out again first")]
    NotClosed {
        /// Its session.
        session: Hash,
    },
    /// Events that the log has given no receipt for.
    #[error("{waiting} batches of the source have no receipt yet: nothing is cleared before the log has them")]
    Unreceipted {
        /// Batches in its outbox.
        waiting: usize,
    },
    /// Nothing of the phone may go.
    #[error("none of the {chats} chats of the newest read-out may be removed: {first}")]
    Nothing {
        /// Chats of it.
        chats: usize,
        /// Why not the first.
        first: String,
    },
    /// Reading, or logging it.
    #[error(transparent)]
    Officer(#[from] OfficerError),
    /// The outbox of the read-out desk.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// A chat of the phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cleared {
    /// Title on the device, or registered.
    pub title: String,
    /// Its conversation; none where it was not read out.
    #[serde(skip)]
    pub conversation: Option<Hash>,
    /// Events of it that are in the log.
    pub events: u64,
    /// Why it stays on the phone; empty: it may be removed.
    pub stays: Vec<String>,
}

/// What may be removed, as of the newest read-out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clearance {
    /// Whose phone.
    #[serde(with = "crate::hex::field")]
    pub custodian: Hash,
    /// The read-out.
    #[serde(with = "crate::hex::field")]
    pub session: Hash,
    /// When it began: what came after it is not cleared. Milliseconds since 1970.
    pub until_ms: u64,
    /// Where its closing stands.
    pub closed_at: String,
    /// Its chats.
    pub chats: Vec<Cleared>,
}

/// The sessions of a custodian, by what their events say.
#[derive(Default)]
struct Session<'a> {
    opened_ms: u64,
    closed: Option<&'a ReadEvent>,
}

impl Clearance {
    /// Looks at all that was read of a custodian. `waiting` is how many batches of the source have no receipt.
    ///
    /// # Errors
    /// [`ClearanceError`].
    pub fn of(reading: &Reading, custodian: Hash, waiting: usize) -> Result<Self, ClearanceError> {
        if waiting > 0 {
            return Err(ClearanceError::Unreceipted { waiting });
        }
        let (session, found) = newest(reading, custodian).ok_or(ClearanceError::NoReadout)?;
        let closed = found.closed.ok_or(ClearanceError::NotClosed { session })?;
        let items = closed.body.as_ref().map(|(_, body)| body.items(capture::ITEMS)).unwrap_or_default();
        let listed = items.iter().flatten().filter_map(|item| parse::<ReadoutChat>(item).ok());
        let acts = Acts::of(reading);
        let chats: Vec<Cleared> = listed.map(|listed| judged(reading, &acts, custodian, &listed)).collect();
        if let Some(first) = chats.first().filter(|_| chats.iter().all(|chat| !chat.stays.is_empty())) {
            return Err(ClearanceError::Nothing { chats: chats.len(), first: first.stays.join(", ") });
        }
        let (until_ms, closed_at) = (found.opened_ms, closed.spot.to_string());
        Ok(Self { custodian, session, until_ms, closed_at, chats })
    }

    /// The act that says so.
    #[must_use]
    pub fn decision(&self, person: &str) -> Decision {
        let scope = |stream: StreamType, id: Hash| Scope { stream: stream as i32, id: id.to_vec(), ..Scope::default() };
        let free = self.chats.iter().filter(|chat| chat.stays.is_empty()).filter_map(|chat| chat.conversation);
        let of = free.map(|id| scope(StreamType::StreamConversation, id));
        let scopes = std::iter::once(scope(StreamType::StreamCustodian, self.custodian)).chain(of).collect();
        Decision {
            selection: Selection { scopes, spots: Vec::new() },
            refers_to: Some(self.session),
            code: CODE.into(),
            until_ms: self.until_ms,
            person: person.into(),
            reason: format!("uitlezing gesloten in {}", self.closed_at),
            ..Decision::default()
        }
    }
}

/// Clearances that are about an id: shown in its bundles.
pub fn of_id(acts: &Acts, id: &[u8]) -> impl Iterator<Item = (u64, u32)> {
    let is_about = move |act: &&Act| {
        let scopes = act.selection().map(|selection| selection.scopes.as_slice()).unwrap_or_default();
        act.code() == CODE && scopes.iter().any(|scope| scope.id == id)
    };
    acts.of_kind(EventKind::CorrectionNoted).filter(is_about).map(|act| (act.spot.entry, act.spot.position))
}

fn newest(reading: &Reading, custodian: Hash) -> Option<(Hash, Session<'_>)> {
    let mut sessions: BTreeMap<Hash, Session<'_>> = BTreeMap::new();
    let mut newest = None;
    for event in reading.events.iter().filter(|event| event.facts.custodian == Some(custodian)) {
        let Some((_, body)) = &event.body else { continue };
        let Some(session) = body.value(capture::SESSION).and_then(Hash::read) else { continue };
        match event.facts.kind {
            EventKind::ReadoutOpened => {
                let detail = body.value(capture::DETAIL).and_then(|detail| parse::<ReadoutDetail>(detail).ok());
                sessions.entry(session).or_default().opened_ms = detail.map_or(0, |detail| detail.at_ms);
                newest = Some(session);
            }
            EventKind::ReadoutClosed => sessions.entry(session).or_default().closed = Some(event),
            _ => {}
        }
    }
    let session = newest?;
    sessions.remove(&session).map(|found| (session, found))
}

fn judged(reading: &Reading, acts: &Acts, custodian: Hash, listed: &ReadoutChat) -> Cleared {
    let conversation = Hash::read(&listed.conversation);
    let name = || conversation.and_then(|id| reading.names.get(&id).cloned()).unwrap_or_default();
    let title = if listed.title.is_empty() { name() } else { listed.title.clone() };
    let mut stays = Vec::new();
    if !listed.skipped_reason.is_empty() {
        stays.push(listed.skipped_reason.clone());
    }
    let is_of =
        |event: &&ReadEvent| event.facts.custodian == Some(custodian) && event.facts.conversation == conversation;
    let events: Vec<&ReadEvent> = reading.events.iter().filter(|_| conversation.is_some()).filter(is_of).collect();
    if let Some(hold) = events.iter().find_map(|event| acts.hold_on(&Target::of(event))) {
        stays.push(format!("held: {}", hold.reason));
    }
    let without = events.iter().map(|event| without_media(event)).sum::<usize>();
    if without > 0 {
        stays.push(format!("{without} attachments did not come along"));
    }
    Cleared { title, conversation, events: events.len() as u64, stays }
}

/// Attachments that the log names and does not have.
fn without_media(event: &ReadEvent) -> usize {
    let Some((_, body)) = &event.body else { return 0 };
    if zegel_verifier::kinds::family(event.facts.kind) != zegel_verifier::kinds::Family::Chat {
        return 0;
    }
    let attached = body.items(chat::ATTACHMENTS).iter().flatten().filter_map(|item| parse::<Attachment>(item).ok());
    attached.filter(|attachment| attachment.state() != AttachmentState::AttachmentPresent).count()
}
