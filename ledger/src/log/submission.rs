//! One batch held against everything that can be judged by itself, without the state of the log.
//!
//! Invariants: a [`Submission`] has a signature that verifies, headers that obey their kinds, roots that follow from what
//! was sent, and sealed forms exactly where they belong. It costs hashing and a signature check, so it is made by many
//! threads; what depends on the log is judged later by its single writer (`admission`).
//! Specification: `specs/batch.md`, `specs/sealing.md`.

use crate::log::Refusal;
use std::collections::{BTreeMap, HashSet};
use zegel_proto::limits::{APPEND_BYTES_MAX, BATCH_EVENTS_MAX, CIPHERTEXT_BYTES_MAX, HEADER_BYTES_MAX};
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::{
    AppendRequest, DossierEnvelope, DossierWrap, EventHeader, EventKind, KeyWrap, SealedBody, SignedBatch,
};
use zegel_proto::{Grammar, parse};
use zegel_verifier::batch::{BatchError, VerifiedStatement, event_leaves, sealed_leaf, sealed_root};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::EventFacts;
use zegel_verifier::tree::root_of;

/// Bytes of a message row: place, text, time.
pub(crate) const MESSAGE_ROW_BYTES: usize = 48;

/// One event of a submission.
#[derive(Clone, Debug)]
pub(crate) struct Submitted {
    pub(crate) facts: EventFacts,
    pub(crate) leaf: Hash,
    pub(crate) blobs: Vec<Hash>,
    /// Canonical bytes of a public event's content.
    pub(crate) public: Option<Vec<u8>>,
    /// Envelope that the wrap names; `None` with a public event.
    pub(crate) dossier: Option<Hash>,
}

/// An envelope that came along.
#[derive(Clone, Debug)]
pub(crate) struct SentEnvelope {
    pub(crate) bytes: Vec<u8>,
    pub(crate) envelope: DossierEnvelope,
    pub(crate) form: EnvelopeForm,
}

/// Whether an envelope's name is the hash of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EnvelopeForm {
    /// It is.
    First,
    /// It was rewrapped before it came to this follower: its name is the hash of what it was at first.
    Rewrapped,
}

/// The bytes that lie beside an entry, as they came: they are hashed and stored, never encoded again.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) bodies: Vec<SealedBody>,
}

/// A batch that is good by itself. Made by [`Submission::examine`] only.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) batch: SignedBatch,
    pub(crate) statement: VerifiedStatement,
    pub(crate) events: Vec<Submitted>,
    pub(crate) envelopes: BTreeMap<Hash, SentEnvelope>,
    /// Bytes that it holds in memory, about.
    pub(crate) bytes: usize,
}

impl Submission {
    /// Holds a request against the rules that need no state.
    pub(crate) fn examine(origin: &str, request: AppendRequest) -> Result<(Self, Sent), Refusal> {
        Self::examine_with(origin, request, &BTreeMap::new())
    }

    /// The same of a batch that was logged, of which some sealed forms were erased: their leaves stand for them.
    pub(crate) fn examine_with(
        origin: &str,
        request: AppendRequest,
        erased: &BTreeMap<u32, Hash>,
    ) -> Result<(Self, Sent), Refusal> {
        let bytes = check_sizes(&request)?;
        let batch = request.batch.ok_or(Refusal::NoBatch)?;
        batch.check().map_err(|reason| {
            BatchError::Canonical(zegel_proto::CanonicalError::Grammar { message: SignedBatch::NAME, reason })
        })?;
        let statement = VerifiedStatement::verify(&batch, origin)?;
        let wanted = statement.statement().count as usize;
        let sent = Sent { headers: request.headers, bodies: request.bodies };
        check_count("headers", sent.headers.len(), wanted)?;
        check_count("bodies", sent.bodies.len(), wanted)?;
        let mut events = sent.read_events(erased)?;
        let leaves = event_leaves(sent.headers.iter().map(Vec::as_slice));
        check_root("events_root", root_of(leaves.iter().copied()), statement.events_root())?;
        check_root("sealed_root", sealed_root_with(&sent.bodies, erased), statement.sealed_root())?;
        events.iter_mut().zip(leaves).for_each(|(event, leaf)| event.leaf = leaf);
        let envelopes = read_envelopes(request.envelopes)?;
        let submission = Self { batch, statement, events, envelopes, bytes };
        submission.check_named(erased)?;
        Ok((submission, sent))
    }

    /// Adds envelopes of a batch that was logged, as they were rewrapped since: each under the name that wraps have for it.
    pub(crate) fn add_rewrapped(
        &mut self,
        rewrapped: Vec<DossierWrap>,
        erased: &BTreeMap<u32, Hash>,
    ) -> Result<(), Refusal> {
        for (number, DossierWrap { dossier, envelope: bytes }) in rewrapped.into_iter().enumerate() {
            let envelope = parse(&bytes).map_err(|reason| Refusal::Envelope { number, reason })?;
            let sent = SentEnvelope { bytes, envelope, form: EnvelopeForm::Rewrapped };
            self.envelopes.entry(Hash::read(&dossier).unwrap_or(Hash::ZERO)).or_insert(sent);
        }
        self.check_named(erased)
    }

    /// Some wrap names each envelope, or went with the event that was erased.
    fn check_named(&self, erased: &BTreeMap<u32, Hash>) -> Result<(), Refusal> {
        if !erased.is_empty() {
            return Ok(());
        }
        let named: HashSet<Hash> = self.events.iter().filter_map(|event| event.dossier).collect();
        match self.envelopes.keys().find(|name| !named.contains(name)) {
            Some(&envelope) => Err(Refusal::EnvelopeUnused { envelope }),
            None => Ok(()),
        }
    }
}

impl Sent {
    fn read_events(&self, erased: &BTreeMap<u32, Hash>) -> Result<Vec<Submitted>, Refusal> {
        let with_bodies = self.headers.iter().zip(&self.bodies).enumerate();
        with_bodies.map(|(at, (header, body))| read_event(at, header, body, erased)).collect()
    }
}

fn sealed_root_with(bodies: &[SealedBody], erased: &BTreeMap<u32, Hash>) -> Hash {
    if erased.is_empty() {
        return sealed_root(bodies);
    }
    let leaf = |(at, body): (u32, &SealedBody)| erased.get(&at).copied().unwrap_or_else(|| sealed_leaf(body));
    root_of((0..).zip(bodies).map(leaf))
}

/// Bytes that a request holds in memory, about.
pub(crate) fn bytes_of(request: &AppendRequest) -> usize {
    let headers: usize = request.headers.iter().map(Vec::len).sum();
    let bodies: usize =
        request.bodies.iter().map(|body| body.ciphertext.len() + body.wrap.len() + body.message_row.len()).sum();
    let envelopes: usize = request.envelopes.iter().map(Vec::len).sum();
    headers + bodies + envelopes
}

fn check_sizes(request: &AppendRequest) -> Result<usize, Refusal> {
    let max = BATCH_EVENTS_MAX;
    let counts =
        [("headers", request.headers.len()), ("bodies", request.bodies.len()), ("envelopes", request.envelopes.len())];
    if let Some(&(what, found)) = counts.iter().find(|(_, found)| *found > max) {
        return Err(Refusal::TooMany { what, found, max });
    }
    let found = bytes_of(request);
    if found > APPEND_BYTES_MAX {
        return Err(Refusal::TooLarge { what: "the batch", found, max: APPEND_BYTES_MAX });
    }
    Ok(found)
}

fn check_count(what: &'static str, found: usize, wanted: usize) -> Result<(), Refusal> {
    if found == wanted { Ok(()) } else { Err(Refusal::Count { what, found, wanted }) }
}

fn check_root(which: &'static str, found: Hash, wanted: Hash) -> Result<(), Refusal> {
    if found == wanted { Ok(()) } else { Err(Refusal::Root { which, found, wanted }) }
}

fn read_event(
    position: usize,
    header: &[u8],
    body: &SealedBody,
    erased: &BTreeMap<u32, Hash>,
) -> Result<Submitted, Refusal> {
    if header.len() > HEADER_BYTES_MAX {
        return Err(Refusal::TooLarge { what: "a header", found: header.len(), max: HEADER_BYTES_MAX });
    }
    let parsed: EventHeader = parse(header).map_err(|reason| Refusal::HeaderBytes { position, reason })?;
    let facts = EventFacts::read(&parsed).map_err(|reason| Refusal::Header { position, reason })?;
    let is_erased = erased.contains_key(&(position as u32));
    let dossier = if is_erased { None } else { read_wrap(position, facts.body_root.is_some(), body)? };
    // Its attachments went with it.
    let blobs = parsed.blobs.iter().filter(|_| !is_erased).filter_map(|blob| Hash::read(blob)).collect();
    let public = match parsed.content {
        Some(Content::Public(public)) => Some(public),
        _ => None,
    };
    Ok(Submitted { facts, leaf: Hash::ZERO, blobs, public, dossier })
}

fn read_wrap(position: usize, is_sealed: bool, body: &SealedBody) -> Result<Option<Hash>, Refusal> {
    let row = body.message_row.len();
    if !is_sealed {
        let nothing = body.ciphertext.is_empty() && body.wrap.is_empty() && row == 0;
        return if nothing { Ok(None) } else { Err(Refusal::SealedForm { position, rule: "must be empty" }) };
    }
    if body.ciphertext.is_empty() || body.wrap.is_empty() {
        return Err(Refusal::SealedForm { position, rule: "must be there" });
    }
    if body.ciphertext.len() > CIPHERTEXT_BYTES_MAX {
        let found = body.ciphertext.len();
        return Err(Refusal::TooLarge { what: "a ciphertext", found, max: CIPHERTEXT_BYTES_MAX });
    }
    if row != 0 && row != MESSAGE_ROW_BYTES {
        return Err(Refusal::MessageRow { position, found: row });
    }
    let wrap: KeyWrap = parse(&body.wrap).map_err(|reason| Refusal::Wrap { position, reason })?;
    Ok(Hash::read(&wrap.dossier))
}

fn read_envelopes(sent: Vec<Vec<u8>>) -> Result<BTreeMap<Hash, SentEnvelope>, Refusal> {
    let read = |(number, bytes): (usize, Vec<u8>)| {
        let envelope = parse(&bytes).map_err(|reason| Refusal::Envelope { number, reason })?;
        Ok((sha256(&[&bytes]), SentEnvelope { bytes, envelope, form: EnvelopeForm::First }))
    };
    sent.into_iter().enumerate().map(read).collect()
}

impl Submitted {
    /// The event creates the log.
    pub(crate) fn is_genesis(&self) -> bool {
        self.facts.kind == EventKind::LogCreated
    }
}
