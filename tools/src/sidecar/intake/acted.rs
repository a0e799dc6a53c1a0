//! What an event is called and what it acts on, by keyed digests; and what is remarkable about the way in which it came.
//!
//! Specification: `specs/source.md`, "What is done with an event", 3 and 4.

use super::{Intake, State};
use crate::admission::Decision;
use crate::sidecar::drafts;
use crate::sidecar::journal::Spooled;
use crate::sidecar::judge::{CLOCKS_APART_MS, FUTURE_MS};
use crate::sidecar::natives::{self, Target};
use crate::sidecar::seen::Mac;
use zegel_proto::source::v1::{Request, request};
use zegel_verifier::hash::Hash;

impl Intake {
    /// Notes what an event is called, and whether what it acts on was seen. Only who sent a message edits it.
    pub(super) fn note_native(&self, state: &mut State, spooled: &mut Spooled, request: &Request) {
        let content = request.content.as_ref();
        let (native, target) = content.map(drafts::identifiers).unwrap_or_default();
        let sender = content.map(drafts::sender).unwrap_or_default();
        let target = self.digests(spooled, target, sender);
        let target = target.map(|(identifier, of_sender)| state.natives.target(identifier, of_sender));
        let is_edit = matches!(content, Some(request::Content::Edit(_)));
        spooled.target_seen = target != Some(Target::NotSeen);
        spooled.target_of_another = is_edit && target == Some(Target::OfAnother);
        if let Some(native) = self.native(spooled, native, sender) {
            spooled.native = native.to_vec();
            state.natives.note(native);
        }
    }

    /// What an event with this identifier decided of a contact.
    pub(in crate::sidecar) fn decision_of(&self, conversation: Hash, native: Mac) -> Option<Decision> {
        let spooled = Spooled { conversation: conversation.to_vec(), ..Spooled::default() };
        let word = |decision: &Decision| self.native(&spooled, &drafts::decision_word(*decision), "");
        let is_it = |decision: &Decision| word(decision).is_some_and(|found| natives::is_same(found, native));
        Decision::ALL.into_iter().find(is_it)
    }

    fn native(&self, spooled: &Spooled, native: &str, sender: &str) -> Option<Mac> {
        self.digests(spooled, native, sender).map(|(identifier, of_sender)| natives::native(identifier, of_sender))
    }

    /// The digest of an identifier, and that of it and its sender.
    fn digests(&self, spooled: &Spooled, native: &str, sender: &str) -> Option<(Mac, Mac)> {
        let identifier = || self.mac.mac(b"zegel/source/native", &[&spooled.conversation, native.as_bytes()]);
        let parts: [&[u8]; 3] = [&spooled.conversation, native.as_bytes(), sender.as_bytes()];
        (!native.is_empty()).then(|| (identifier(), self.mac.mac(b"zegel/source/sender", &parts)))
    }
}

/// Names of what is remarkable.
pub(super) fn remarks(request: &Request, spooled: &Spooled) -> Vec<String> {
    let at_ms = request.content.as_ref().and_then(drafts::place).map_or(0, |place| place.at_ms);
    let is_apart = request.sent_at_ms != 0 && request.sent_at_ms.abs_diff(spooled.received_at_ms) > CLOCKS_APART_MS;
    let found = [
        (is_apart, "clock_apart"),
        (at_ms > spooled.received_at_ms + FUTURE_MS, "time_in_future"),
        (!spooled.target_seen, "target_not_seen"),
        (spooled.target_of_another, "target_of_another"),
    ];
    found.into_iter().filter(|(is_so, _)| *is_so).map(|(_, name)| name.into()).collect()
}
