//! What is wrong with the way in which an event is handed over, by name. The same for the sidecar and for the checker.
//!
//! Not here: what an event holds. Whatever no log takes is put in quarantine, later and by name as well.

use super::drafts::place;
use crate::hex;
use std::collections::HashSet;
use zegel_proto::source::v1::{Attachment, Channel, Clock, NotTaken, Place, Request, request};

/// Bytes of an idempotency key, of a gateway's name, and of the key of an upload.
pub(super) const KEY_BYTES_MAX: usize = 128;
/// Bytes of a native identifier of a conversation.
const IDENTIFIER_BYTES_MAX: usize = 1_024;
/// Events that come to pass later than this, by our clock, are remarkable: five minutes.
pub(super) const FUTURE_MS: u64 = 300_000;
/// Clocks that differ by more than this are remarkable: a minute.
pub(super) const CLOCKS_APART_MS: u64 = 60_000;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// By name, as `specs/source.md` lists them.
    pub(super) name: &'static str,
    /// In words.
    pub(super) sentence: String,
}

impl Fault {
    pub(super) fn new(name: &'static str, sentence: impl Into<String>) -> Self {
        Self { name, sentence: sentence.into() }
    }

    pub(super) fn answer(self, key: &str) -> NotTaken {
        NotTaken { key: key.into(), name: self.name.into(), sentence: self.sentence, credits: 1 }
    }
}

/// What is known where a request is judged.
pub(super) trait Known {
    /// Whether a conversation is registered.
    fn is_registered(&self, channel: i32, conversation: &str) -> bool;
    /// Whether an upload is whole.
    fn is_uploaded(&self, upload: &str) -> bool;
}

/// Judges a request that costs a credit.
pub(super) fn judge(request: &Request, custodians: &HashSet<String>, known: &impl Known) -> Result<(), Fault> {
    let bytes = request.key.len();
    if bytes == 0 {
        return Err(Fault::new("key_missing", "an event has no key: without one it cannot be known again"));
    }
    if bytes > KEY_BYTES_MAX {
        let sentence = format!("the key has {bytes} bytes, at most {KEY_BYTES_MAX} are allowed");
        return Err(Fault::new("key_too_long", sentence));
    }
    let content = request.content.as_ref();
    let content =
        content.ok_or_else(|| Fault::new("content_missing", "the request holds nothing that is known here"))?;
    match content {
        request::Content::Open(_) => Err(Fault::new("opened_twice", "a session is opened once, by its first request")),
        request::Content::Register(register) => {
            check_identifier(register.channel, &register.conversation)?;
            let is_id = register.id.is_empty() || hex::parse(&register.id).is_some();
            let sentence = "an id has 64 lower-case hexadecimal digits, or is empty";
            if is_id { Ok(()) } else { Err(Fault::new("id_malformed", sentence)) }
        }
        request::Content::Gap(gap) => {
            check_custodian(&gap.custodian, custodians)?;
            if gap.conversation.is_empty() { Ok(()) } else { check_conversation(gap.channel, &gap.conversation, known) }
        }
        content => {
            let missing =
                || Fault::new("place_missing", "the event says neither whose it is nor where and when it was");
            check_place(place(content).ok_or_else(missing)?, custodians, known)?;
            match content {
                request::Content::Message(message) => check_attachments(&message.attachments, known),
                request::Content::Edit(edit) => check_target(&edit.target),
                request::Content::Deletion(deletion) => check_target(&deletion.target),
                request::Content::Reaction(reaction) => check_target(&reaction.target),
                _ => Ok(()),
            }
        }
    }
}

fn check_custodian(custodian: &str, open: &HashSet<String>) -> Result<(), Fault> {
    if open.contains(custodian) {
        return Ok(());
    }
    Err(Fault::new("custodian_not_open", format!("custodian {custodian:?} is not among those of Open")))
}

fn check_identifier(channel: i32, conversation: &str) -> Result<(), Fault> {
    if Channel::try_from(channel).unwrap_or(Channel::Unspecified) == Channel::Unspecified {
        return Err(Fault::new("channel_missing", format!("channel {channel} is none that is known here")));
    }
    let bytes = conversation.len();
    if bytes == 0 || bytes > IDENTIFIER_BYTES_MAX {
        let sentence =
            format!("a conversation's identifier has 1 to {IDENTIFIER_BYTES_MAX} bytes, this one has {bytes}");
        return Err(Fault::new("conversation_malformed", sentence));
    }
    Ok(())
}

fn check_conversation(channel: i32, conversation: &str, known: &impl Known) -> Result<(), Fault> {
    check_identifier(channel, conversation)?;
    if known.is_registered(channel, conversation) {
        return Ok(());
    }
    let sentence = format!("conversation {conversation:?} is not registered on this channel: send Register first");
    Err(Fault::new("conversation_not_registered", sentence))
}

fn check_place(place: &Place, custodians: &HashSet<String>, known: &impl Known) -> Result<(), Fault> {
    check_custodian(&place.custodian, custodians)?;
    check_conversation(place.channel, &place.conversation, known)?;
    let is_dated = Clock::try_from(place.clock).unwrap_or(Clock::Unspecified) != Clock::Unspecified;
    match (is_dated, place.at_ms) {
        (true, 0) => {
            Err(Fault::new("time_missing", "a clock is named, and no time: leave out both where it is not known"))
        }
        (false, 1..) => Err(Fault::new("clock_missing", "a time is stated, and not whose clock it is")),
        _ => Ok(()),
    }
}

fn check_target(target: &str) -> Result<(), Fault> {
    if target.is_empty() {
        return Err(Fault::new("target_missing", "an edit, deletion or reaction names the message that it acts on"));
    }
    Ok(())
}

fn check_attachments(attachments: &[Attachment], known: &impl Known) -> Result<(), Fault> {
    let found = attachments.len();
    if found > zegel_proto::limits::BLOBS_MAX {
        let sentence = format!("{found} attachments, at most {} are allowed", zegel_proto::limits::BLOBS_MAX);
        return Err(Fault::new("too_many_attachments", sentence));
    }
    let absent = attachments.iter().find(|each| !each.upload.is_empty() && !known.is_uploaded(&each.upload));
    match absent {
        None => Ok(()),
        Some(each) => {
            let sentence =
                format!("upload {:?} is not whole: PutAttachment before the event that names it", each.upload);
            Err(Fault::new("attachment_incomplete", sentence))
        }
    }
}
