//! Seals a load before it is sent, so that sealing takes nothing from what is measured.
//!
//! Every source has a mill of its own and a chain of its own, so mills run on all cores. They stream to disk: memory is one
//! batch a mill. [`Making::Filler`] is for making a log large: what should be sealed is random bytes of the same length,
//! which a ledger cannot tell from a ciphertext and nobody can open.

use super::dice::Dice;
use super::world::{Capture, LoadSource, Names};
use super::{LoadError, MONTH, MONTH_BEGINS_MS};
use crate::event::{ConversationEntry, Draft, Field, Occurred, commit_all};
use crate::keys::ArchivePublicKey;
use crate::record::Record;
use crate::seal::{Dossier, seal_all};
use crate::source::{now_ms, sign_batch};
use prost::Message;
use std::sync::Arc;
use zegel_proto::print;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::{AppendRequest, Channel, EventHeader, EventKind, KeyWrap, ProofClass, SealedBody};
use zegel_verifier::hash::Hash;

/// Conversations that are opened by one batch: two envelopes each, far below the limit of a request.
const OPENED_TOGETHER: usize = 100;
/// Milliseconds of the month over which messages are spread.
const MONTH_MS: u64 = 30 * 86_400_000;
/// Bytes of most ciphertexts of messages of twelve to twenty words.
const FILLER_BYTES: usize = 528;

/// How bodies are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Making {
    /// Committed, encrypted, wrapped.
    Sealed,
    /// Random bytes of the same length.
    Filler,
}

/// One sealed batch, as it goes over the wire.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) batch_seq: u64,
    pub(super) events: u32,
    pub(super) bytes: Vec<u8>,
}

/// What all mills share.
pub(super) struct Ground {
    pub(super) names: Names,
    pub(super) origin: String,
    pub(super) archive_keys: Vec<ArchivePublicKey>,
    /// Sources of this load.
    pub(super) sources: u32,
    /// Conversations of this load.
    pub(super) conversations: u32,
}

/// A conversation on a custodian's phone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chat {
    number: u32,
    id: Hash,
    custodian: Hash,
}

/// Seals for one source.
pub(super) struct Mill {
    ground: Arc<Ground>,
    pub(super) source: LoadSource,
    dice: Dice,
    /// Conversations of this source by custodian; custodians without any left out.
    phones: Vec<Vec<Chat>>,
}

impl Mill {
    pub(super) fn new(ground: Arc<Ground>, source: LoadSource) -> Self {
        let names = &ground.names;
        let custodians: Vec<Hash> = (0..names.custodians).map(|number| names.custodian(number)).collect();
        let mut phones = vec![Vec::new(); custodians.len()];
        for number in (source.number..ground.conversations).step_by(ground.sources as usize) {
            let phone = names.custodian_of(number) as usize;
            phones[phone].push(Chat { number, id: names.conversation(number), custodian: custodians[phone] });
        }
        phones.retain(|phone| !phone.is_empty());
        let dice = Dice::new(u64::from(source.number) << 32 | source.head.next_batch_seq);
        Self { ground, source, dice, phones }
    }

    /// There is a conversation that it could seal for.
    pub(super) fn has_work(&self) -> bool {
        !self.phones.is_empty()
    }

    /// Conversations that this source has not captured yet.
    pub(super) fn unopened(&self) -> Vec<Chat> {
        let chats = self.phones.iter().flatten();
        chats.filter(|chat| !self.source.captures.contains_key(&chat.number)).copied().collect()
    }

    /// Registers conversations where that is still to be done, and begins their captures: a batch that carries the
    /// envelopes, so that what is measured later carries none.
    pub(super) fn open(&mut self, chats: &[Chat]) -> Result<Batch, LoadError> {
        let (mut drafts, mut dossiers) = (Vec::new(), Vec::new());
        for chat in chats {
            if chat.number >= self.ground.names.registered {
                let title = format!("Groep {}", chat.number);
                let entry = ConversationEntry { title, ..ConversationEntry::default() };
                drafts.push((entry.draft(chat.id, now_ms())?, 0));
                dossiers.push(self.dossier(chat.id, 0)?);
            }
            drafts.push((self.message(*chat)?, 0));
            let dossier = self.dossier(chat.id, MONTH)?;
            self.source.captures.insert(chat.number, Capture { next: 1, dossier: dossier.key().clone() });
            dossiers.push(dossier);
        }
        let events = commit_all(drafts, &self.ground.origin, self.source.identity.actor())?;
        let keys = dossiers.iter().map(|dossier| Some(dossier.key()));
        let bodies = seal_all(events.iter().zip(keys), &self.ground.origin)?;
        let envelopes = dossiers.iter().map(|dossier| dossier.envelope().to_vec()).collect();
        self.batch(events.into_iter().map(|event| event.header).collect(), bodies, envelopes)
    }

    fn dossier(&self, conversation: Hash, month: u32) -> Result<Dossier, LoadError> {
        let (origin, source) = (&self.ground.origin, self.source.identity.actor());
        Ok(Dossier::create(origin, source, Some(conversation), month, &self.ground.archive_keys)?)
    }

    /// The next batch of messages, of conversations on one custodian's phone.
    pub(super) fn next(&mut self, events: u32, making: Making) -> Result<Batch, LoadError> {
        let phone = self.dice.below(self.phones.len() as u64) as usize;
        let mut chats = Vec::with_capacity(events as usize);
        for _ in 0..events {
            let within = self.dice.below(self.phones[phone].len() as u64) as usize;
            chats.push(self.phones[phone][within]);
        }
        match making {
            Making::Sealed => self.sealed(&chats),
            Making::Filler => self.filler(&chats),
        }
    }

    fn sealed(&mut self, chats: &[Chat]) -> Result<Batch, LoadError> {
        let mut drafts = Vec::with_capacity(chats.len());
        for chat in chats {
            let seq = self.count(chat.number);
            drafts.push((self.message(*chat)?, seq));
        }
        let events = commit_all(drafts, &self.ground.origin, self.source.identity.actor())?;
        let captures = &self.source.captures;
        let keys = chats.iter().map(|chat| captures.get(&chat.number).map(|capture| &capture.dossier));
        let bodies = seal_all(events.iter().zip(keys), &self.ground.origin)?;
        self.batch(events.into_iter().map(|event| event.header).collect(), bodies, Vec::new())
    }

    fn filler(&mut self, chats: &[Chat]) -> Result<Batch, LoadError> {
        let (mut headers, mut bodies) = (Vec::new(), Vec::new());
        for chat in chats {
            let conversation_seq = self.count(chat.number);
            let mut random = |length: usize| {
                let mut bytes = vec![0; length];
                self.dice.fill(&mut bytes);
                bytes
            };
            let (body_root, ciphertext, wrapped) = (random(32), random(FILLER_BYTES), random(48));
            let header = EventHeader {
                kind: EventKind::MessageCreated as i32,
                conversation: chat.id.to_vec(),
                custodian: chat.custodian.to_vec(),
                month: MONTH,
                conversation_seq,
                blobs: Vec::new(),
                content: Some(Content::BodyRoot(body_root)),
            };
            headers.push(print(&header)?);
            let dossier = self.source.captures.get(&chat.number).map_or(Hash::ZERO, |capture| capture.dossier.id());
            let wrap = print(&KeyWrap { dossier: dossier.to_vec(), wrapped })?;
            bodies.push(SealedBody { ciphertext, wrap, message_row: Vec::new() });
        }
        self.batch(headers, bodies, Vec::new())
    }

    /// The number of the next event of a capture.
    fn count(&mut self, conversation: u32) -> u64 {
        let Some(capture) = self.source.captures.get_mut(&conversation) else { return 0 };
        capture.next += 1;
        capture.next - 1
    }

    fn message(&mut self, chat: Chat) -> Result<Draft, LoadError> {
        let occurred = Occurred::by_source(MONTH_BEGINS_MS + self.dice.below(MONTH_MS));
        let sender = format!("+316{:08}", self.dice.below(100_000_000));
        let record = Record {
            occurred,
            channel: Channel::Whatsapp,
            proof_class: ProofClass::BGateway,
            display_name: Field::Value(format!("Afzender {}", &sender[8..])),
            sender: Field::Value(sender),
            text: Field::Value(self.dice.text()),
            ..Record::new(EventKind::MessageCreated, chat.id, chat.custodian)
        };
        Ok(record.draft()?)
    }

    fn batch(
        &mut self,
        headers: Vec<Vec<u8>>,
        bodies: Vec<SealedBody>,
        envelopes: Vec<Vec<u8>>,
    ) -> Result<Batch, LoadError> {
        let (batch_seq, events) = (self.source.head.next_batch_seq, headers.len() as u32);
        let mut request = AppendRequest { origin: self.ground.origin.clone(), headers, bodies, envelopes, batch: None };
        self.source.head = sign_batch(&self.source.identity, &self.source.head, &mut request, now_ms())?;
        self.source.events += u64::from(events);
        Ok(Batch { batch_seq, events, bytes: request.encode_to_vec() })
    }
}

/// Chunks of conversations as [`Mill::open`] takes them.
pub(super) fn chunks(chats: &[Chat]) -> std::slice::Chunks<'_, Chat> {
    chats.chunks(OPENED_TOGETHER)
}
