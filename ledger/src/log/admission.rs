//! The rules that need the state of the log: who may, what is next, what must be known before.
//!
//! Whole batches only. A batch that was logged before, with the same statement, is not refused: it gets its receipt again,
//! also when its key has ended since. Specification: `specs/batch.md`, `specs/registry.md`.

use crate::log::draft::{Draft, LoggedBatch};
use crate::log::refusal::Refusal;
use crate::log::submission::{EnvelopeForm, SentEnvelope, Submission, Submitted};
use crate::log::{Capture, Identity, Registered, SourceHead, capture_of, ids_of, registration_of};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use zegel_proto::parse;
use zegel_proto::v1::{DossierEnvelope, EventKind, LogCreated, LogRecovered, Role, StreamType};
use zegel_verifier::bundle::CAPTURES_MAX;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::EventFacts;
use zegel_verifier::registry::{Registry, RegistryError};

/// Conversation (if it has one) and month that an envelope was made for.
pub(crate) type EnvelopePlace = (Option<Hash>, u32);

/// What lies beside the log and is asked for, by the batch and by the envelope, never by the message.
pub(crate) trait Beside: Send + Sync {
    /// A blob is there, whole.
    fn has_blob(&self, blob: Hash) -> bool;
    /// Conversation and month of an envelope that is there.
    ///
    /// # Errors
    /// What the store says.
    fn envelope(&self, envelope: Hash) -> Result<Option<EnvelopePlace>, String>;
    /// Entry and hash of the statement that a source logged under a number.
    ///
    /// # Errors
    /// What the store says.
    fn logged(&self, source: Hash, batch_seq: u64) -> Result<Option<(u64, Hash)>, String>;
}

impl Identity {
    fn holds(&self, key: &[u8; 32]) -> bool {
        self.log_keys.as_ref().is_none_or(|held| held.contains(key))
    }
}

/// What an envelope says of its place.
pub(crate) fn place_in(envelope: &DossierEnvelope) -> EnvelopePlace {
    (Hash::read(&envelope.conversation), envelope.month)
}

/// What became of a batch that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It is a new entry.
    Logged {
        /// Its index.
        entry: u64,
    },
    /// It was an entry already.
    Already {
        /// Its index.
        entry: u64,
    },
}

pub(super) enum Judged {
    Already { entry: u64 },
    Good(Box<Good>),
}

/// What a good batch changes.
#[derive(Default)]
pub(super) struct Good {
    pub(super) captures: HashMap<Capture, u64>,
    pub(super) registered: HashSet<Registered>,
    /// Captures that it begins, by custodian and by conversation.
    pub(super) begun: HashMap<Registered, usize>,
    pub(super) registry: Option<Registry>,
    pub(super) new_envelopes: Vec<Hash>,
}

/// Judges a batch as the next entry of a draft.
pub(super) fn judge(draft: &Draft<'_>, submission: &Submission) -> Result<Judged, Refusal> {
    if let Some(entry) = check_chain(draft, submission)? {
        return Ok(Judged::Already { entry });
    }
    if !draft.is_recovery(submission) {
        draft.check_recovered()?;
    }
    let registry = check_authority(draft, submission)?;
    let mut good = Good { registry, ..Good::default() };
    check_ids(draft, submission, &mut good)?;
    check_blobs(draft, submission)?;
    check_envelopes(draft, submission, &mut good)?;
    Ok(Judged::Good(Box::new(good)))
}

/// The entry that holds this very statement already, if one does.
fn check_chain(draft: &Draft<'_>, submission: &Submission) -> Result<Option<u64>, Refusal> {
    let statement = submission.statement.statement();
    let (source, batch_seq) = (submission.statement.source(), statement.batch_seq);
    let head = draft.head(source);
    let wanted = head.map_or(0, |head| head.next_batch_seq);
    if batch_seq > wanted {
        return Err(Refusal::Gap { found: batch_seq, wanted });
    }
    if batch_seq < wanted {
        let stored = || draft.beside.logged(source, batch_seq).map_err(|reason| Refusal::Unreadable { reason });
        let logged = match draft.recent(source, batch_seq) {
            Some(LoggedBatch { entry, statement }) => Some((entry, statement)),
            None => stored()?,
        };
        return match logged {
            Some((entry, hash)) if hash == submission.statement.hash() => Ok(Some(entry)),
            Some((entry, _)) => Err(Refusal::Fork { batch_seq, entry }),
            None => Err(Refusal::Unreadable { reason: format!("batch {batch_seq} of a source is missing") }),
        };
    }
    let wanted = head.map_or(Hash::ZERO, |head| head.previous);
    let found = Hash::read(&statement.previous).unwrap_or(Hash::ZERO);
    if found == wanted { Ok(None) } else { Err(Refusal::Previous { found, wanted }) }
}

/// Judges key and role on the state before the entry, then applies its public events on a copy. The copy, if it differs.
fn check_authority(draft: &Draft<'_>, submission: &Submission) -> Result<Option<Registry>, Refusal> {
    let entry = draft.next_index();
    let Some(before) = draft.registry() else {
        return genesis(draft, submission).map(Some);
    };
    let role = before.author(entry, submission.statement.key(), submission.statement.source())?;
    submission.events.iter().try_for_each(|event| Registry::authorise(role, event.facts.kind))?;
    if submission.events.iter().all(|event| event.public.is_none()) {
        return Ok(None);
    }
    let mut after = before.clone();
    apply(draft, &mut after, entry, &submission.events, 0)?;
    Ok(Some(after))
}

fn genesis(draft: &Draft<'_>, submission: &Submission) -> Result<Registry, Refusal> {
    let first = submission.events.first().filter(|event| event.is_genesis()).ok_or(Refusal::NotCreated)?;
    let identity = draft.log.identity();
    let (found, wanted) = (submission.statement.key(), identity.root_key);
    if found != wanted {
        return Err(Refusal::OtherRoot { found, wanted });
    }
    submission.events.iter().try_for_each(|event| Registry::authorise(Role::Root, event.facts.kind))?;
    let refused = |reason| Refusal::Registry { position: 0, reason };
    let public = first.public.as_deref().unwrap_or_default();
    let created: LogCreated = parse(public).map_err(|reason| refused(RegistryError::Canonical(reason)))?;
    let source = submission.statement.source();
    let mut registry = Registry::genesis(&identity.origin, found, source, &created).map_err(refused)?;
    apply(draft, &mut registry, 0, &submission.events, 1)?;
    Ok(registry)
}

fn apply(draft: &Draft<'_>, to: &mut Registry, entry: u64, events: &[Submitted], from: usize) -> Result<(), Refusal> {
    for (position, event) in events.iter().enumerate().skip(from) {
        if let Some(public) = &event.public {
            to.apply(entry, event.facts.kind, public).map_err(|reason| Refusal::Registry { position, reason })?;
        }
    }
    // A checkpoint of the next size must be signed by a key that is here: else the log could not go on.
    match to.log_key(entry + 1) {
        Some(key) if !draft.log.identity().holds(key) => Err(Refusal::LogKeyNotHeld { key: Hash(*key) }),
        _ => Ok(()),
    }
}

/// Registered ids and the counter of each capture, event by event.
fn check_ids(draft: &Draft<'_>, submission: &Submission, good: &mut Good) -> Result<(), Refusal> {
    let source = submission.statement.source();
    for (position, event) in submission.events.iter().enumerate() {
        check_registered(draft, position, &event.facts, good)?;
        let Some(capture) = capture_of(source, &event.facts) else { continue };
        let known = good.captures.get(&capture).copied().or_else(|| draft.next_conversation_seq(&capture));
        if known.is_none() {
            begin_capture(draft, &capture, &mut good.begun)?;
        }
        let wanted = known.unwrap_or(0);
        let found = event.facts.conversation_seq;
        if found != wanted {
            return Err(Refusal::ConversationSeq { position, found, wanted, capture: Box::new(capture) });
        }
        good.captures.insert(capture, wanted + 1);
    }
    Ok(())
}

/// One capture more of its custodian and of its conversation. Those of an id must fit in a bundle: a log that took more
/// could never again show that id.
fn begin_capture(draft: &Draft<'_>, capture: &Capture, begun: &mut HashMap<Registered, usize>) -> Result<(), Refusal> {
    for id in ids_of(capture) {
        let count = |of: &HashMap<Registered, usize>| of.get(&id).copied().unwrap_or(0);
        let found = draft.log.ids().captures_of(&id) + count(&draft.begun) + count(begun) + 1;
        if found > CAPTURES_MAX {
            return Err(Refusal::TooMany { what: "captures of one id", found, max: CAPTURES_MAX });
        }
        *begun.entry(id).or_default() += 1;
    }
    Ok(())
}

fn check_registered(draft: &Draft<'_>, position: usize, facts: &EventFacts, good: &mut Good) -> Result<(), Refusal> {
    let named = [
        ("conversation", facts.conversation.map(|id| (StreamType::StreamConversation, id))),
        ("custodian", facts.custodian.map(|id| (StreamType::StreamCustodian, id))),
    ];
    let registration = registration_of(facts);
    for (what, registered) in named {
        let Some(registered) = registered else { continue };
        let is_known = good.registered.contains(&registered) || draft.is_registered(&registered);
        if registration == Some(registered) {
            if is_known {
                return Err(Refusal::RegisteredTwice { position, what, id: registered.1 });
            }
            good.registered.insert(registered);
        } else if !is_known {
            return Err(Refusal::Unregistered { position, what, id: registered.1 });
        }
    }
    Ok(())
}

fn check_blobs(draft: &Draft<'_>, submission: &Submission) -> Result<(), Refusal> {
    for (position, event) in submission.events.iter().enumerate() {
        if let Some(&blob) = event.blobs.iter().find(|blob| !draft.beside.has_blob(**blob)) {
            return Err(Refusal::BlobMissing { position, blob });
        }
    }
    Ok(())
}

/// Every wrap names an envelope that is there and was made for this conversation and month; every new envelope goes to
/// archive keys in use. An envelope that is known stays good when a key of it is retired: only new ones may not name it.
fn check_envelopes(draft: &Draft<'_>, submission: &Submission, good: &mut Good) -> Result<(), Refusal> {
    let mut places: HashMap<Hash, EnvelopePlace> = HashMap::new();
    for (position, event) in submission.events.iter().enumerate() {
        let Some(envelope) = event.dossier else { continue };
        let (conversation, month) = match places.entry(envelope) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => *free.insert(place_of(draft, submission, position, envelope, good)?),
        };
        if conversation != event.facts.conversation {
            return Err(Refusal::EnvelopeElsewhere { envelope, field: "conversation" });
        }
        if month != event.facts.month {
            return Err(Refusal::EnvelopeElsewhere { envelope, field: "month" });
        }
    }
    // What came with an event that was erased since may be needed by later ones; of a new batch there is none.
    for (envelope, sent) in submission.envelopes.iter().filter(|(envelope, _)| !places.contains_key(envelope)) {
        if draft.known_envelope(*envelope)?.is_none() {
            check_new_envelope(draft, submission, *envelope, sent, good)?;
        }
    }
    Ok(())
}

/// Conversation and month of an envelope that is known, or comes along and is good.
fn place_of(
    draft: &Draft<'_>,
    submission: &Submission,
    position: usize,
    envelope: Hash,
    good: &mut Good,
) -> Result<EnvelopePlace, Refusal> {
    if let Some(place) = draft.known_envelope(envelope)? {
        return Ok(place);
    }
    let unknown = Refusal::EnvelopeUnknown { position, envelope };
    let sent = submission.envelopes.get(&envelope).ok_or(unknown)?;
    check_new_envelope(draft, submission, envelope, sent, good)?;
    Ok(place_in(&sent.envelope))
}

fn check_new_envelope(
    draft: &Draft<'_>,
    submission: &Submission,
    envelope: Hash,
    sent: &SentEnvelope,
    good: &mut Good,
) -> Result<(), Refusal> {
    if sent.envelope.origin != draft.log.identity().origin {
        return Err(Refusal::EnvelopeElsewhere { envelope, field: "origin" });
    }
    if Hash::read(&sent.envelope.source) != Some(submission.statement.source()) {
        return Err(Refusal::EnvelopeElsewhere { envelope, field: "source" });
    }
    if sent.form == EnvelopeForm::Rewrapped {
        // Its recipients may have come later: they are judged once the registry is that far (`follow`).
        good.new_envelopes.push(envelope);
        return Ok(());
    }
    let in_use = |key: &Hash| draft.registry().is_some_and(|registry| registry.archive_keys().any(|(id, _)| id == key));
    let recipients = sent.envelope.recipients.iter().filter_map(|recipient| Hash::read(&recipient.archive_key));
    if let Some(archive_key) = recipients.into_iter().find(|key| !in_use(key)) {
        return Err(Refusal::EnvelopeRecipient { envelope, archive_key });
    }
    good.new_envelopes.push(envelope);
    Ok(())
}

impl Draft<'_> {
    /// A log that was promoted takes nothing before LOG_RECOVERED.
    pub(crate) fn check_recovered(&self) -> Result<(), Refusal> {
        match self.log.promoted {
            Some((size, root)) if size == self.next_index() => Err(Refusal::NotRecovered { size, root }),
            _ => Ok(()),
        }
    }

    /// The batch opens with the LOG_RECOVERED that is awaited.
    fn is_recovery(&self, submission: &Submission) -> bool {
        let first = submission.events.first().filter(|event| event.facts.kind == EventKind::LogRecovered);
        let told = first.and_then(|event| parse::<LogRecovered>(event.public.as_deref()?).ok());
        let told = told.and_then(|told| Some((told.last_size, Hash::read(&told.last_root)?)));
        told.is_some() && told == self.log.promoted
    }

    fn head(&self, source: Hash) -> Option<SourceHead> {
        self.changes.sources.get(&source).or_else(|| self.log.sources().get(&source)).copied()
    }

    /// A batch that may not lie in the projections yet.
    fn recent(&self, source: Hash, batch_seq: u64) -> Option<LoggedBatch> {
        let of = (source, batch_seq);
        self.changes.batches.get(&of).or_else(|| self.log.recent().get(&of)).copied()
    }

    fn registry(&self) -> Option<&Registry> {
        self.changes.registry.as_ref().or(self.log.registry())
    }

    fn next_conversation_seq(&self, capture: &Capture) -> Option<u64> {
        self.changes.captures.get(capture).copied().or_else(|| self.log.ids().next_seq(capture))
    }

    fn is_registered(&self, registered: &Registered) -> bool {
        self.changes.registered.contains(registered) || self.log.ids().is_registered(registered)
    }

    fn known_envelope(&self, envelope: Hash) -> Result<Option<EnvelopePlace>, Refusal> {
        if let Some(place) = self.envelopes.get(&envelope) {
            return Ok(Some(*place));
        }
        self.beside.envelope(envelope).map_err(|reason| Refusal::Unreadable { reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Changes, Log};

    struct Nothing;

    impl Beside for Nothing {
        fn has_blob(&self, _: Hash) -> bool {
            false
        }

        fn envelope(&self, _: Hash) -> Result<Option<EnvelopePlace>, String> {
            Ok(None)
        }

        fn logged(&self, _: Hash, _: u64) -> Result<Option<(u64, Hash)>, String> {
            Ok(None)
        }
    }

    fn capture(number: usize) -> Capture {
        let mut conversation = Hash::ZERO;
        conversation.0[..8].copy_from_slice(&number.to_be_bytes());
        Capture { source: Hash([1; 32]), custodian: Hash([2; 32]), conversation }
    }

    #[test]
    fn an_id_has_no_more_captures_than_a_bundle_has_room_for() {
        let mut log = Log::new(Identity { origin: "log".into(), root_key: Hash::ZERO, log_keys: None });
        let captures = (0..CAPTURES_MAX - 2).map(|number| (capture(number), 1)).collect();
        log.restore(Changes { captures, ..Changes::default() });
        let mut draft = log.draft(&Nothing, 1);
        draft.begun.insert((StreamType::StreamCustodian, Hash([2; 32])), 1);
        let mut begun = HashMap::new();
        assert_eq!(begin_capture(&draft, &capture(CAPTURES_MAX), &mut begun), Ok(()));
        let refused = begin_capture(&draft, &capture(CAPTURES_MAX + 1), &mut begun);
        let (found, max) = (CAPTURES_MAX + 1, CAPTURES_MAX);
        assert_eq!(refused, Err(Refusal::TooMany { what: "captures of one id", found, max }));
        let elsewhere = Capture { custodian: Hash([3; 32]), ..capture(CAPTURES_MAX + 1) };
        assert_eq!(begin_capture(&draft, &elsewhere, &mut begun), Ok(()));
    }
}
