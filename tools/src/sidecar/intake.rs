//! Taking in: judged, known or new, numbered, and written to the journal; and what becomes of it told to who handed it over.
//!
//! Invariants:
//! - *spooled* is answered only once the record is sealed and synced;
//! - one key stands for one event: the same again is answered and not written, another under it is not taken;
//! - where the disk is full nothing is answered and nothing lost: what is unanswered waits, and so does the gateway.

mod acted;
mod named;
mod owed;

use super::journal::{self, Journal, Settled, Spooled};
use super::judge::{Fault, Known, judge};
use super::known::{Answers, Standing, State, Waiter, answered};
use super::sealed::{SealedFile, SealedReader, SpoolKey};
use super::seen::{Mac, Row, Seen};
use super::uploads::Uploads;
use super::{LogConfig, SidecarError, Tell, drafts};
use crate::disk;
use crate::import::alignment::FingerprintKey;
use crate::source::now_ms;
use acted::remarks;
pub(super) use named::uploads_of;
use owed::Owed;
use prost::Message;
use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use tokio::sync::Notify;
use zegel_proto::source::v1::{Request, Spooled as SpooledAnswer};
use zegel_proto::source::v1::{answer, request};
use zegel_verifier::hash::Hash;

/// What is on its way to the journal.
pub(super) struct Queued {
    pub(super) spooled: Spooled,
    pub(super) answer: Option<(Answers, SpooledAnswer)>,
    /// A conversation that is new, and its id.
    pub(super) registered: Option<(Mac, Hash)>,
}

/// The way in of one log.
pub(super) struct Intake {
    pub(super) config: LogConfig,
    pub(super) origin: String,
    pub(super) key: SpoolKey,
    pub(super) uploads: Uploads,
    /// Rung when there is something new to append.
    pub(super) wake: Notify,
    pub(super) tell: Tell,
    mac: FingerprintKey,
    state: Mutex<State>,
    seen: Mutex<Seen>,
    owed: Mutex<Owed>,
    queue: mpsc::Sender<Queued>,
    pub(super) durable: AtomicU64,
    settled: AtomicU64,
}

impl Intake {
    /// Opens what is spooled and begins to write. The caller holds the lock of the spool.
    pub(super) fn open(config: LogConfig, tell: Tell) -> Result<Arc<Self>, SidecarError> {
        let secret = config.secret()?;
        let (key, mac) = (SpoolKey::derive(&secret), FingerprintKey::new(&secret));
        let folder = &config.spool;
        let settled = Settled::read(folder)?.next;
        let (journal, left) = Journal::open(&folder.join("journal"), &key, settled)?;
        let (seen, rows) = Seen::open(&folder.join("seen"), config.keys_known_max)?;
        let path = folder.join("conversations.sealed");
        let conversations = SealedFile::open(&path, &key)?;
        let mut state = State::new(journal.next(), config.keys_known_max);
        let mut reader = SealedReader::open(&path, &key)?;
        while let Some(record) = reader.next().map_err(disk::failed(&path))? {
            if let (Some(Ok(at)), Some(id)) =
                (record.get(..16).map(Mac::try_from), record.get(16..).and_then(Hash::read))
            {
                state.conversations.insert(at, id);
            }
        }
        rows.iter().for_each(|row| state.note_row(row));
        let origin = config.trust()?.origin().to_owned();
        for damage in conversations.damaged() {
            tell(&format!("{origin}: damaged_on_disk: {damage}: what stood there is registered again by its gateway"));
        }
        let uploads = Uploads::open(&folder.join("uploads"), &key)?;
        let (queue, queued) = mpsc::channel();
        let (durable, settled) = (AtomicU64::new(journal.next()), AtomicU64::new(settled));
        let owed = Mutex::new(Owed::new(&folder.join("owed.sealed"), &key));
        let (state, seen) = (Mutex::new(state), Mutex::new(seen));
        let wake = Notify::new();
        let intake = Arc::new(Self {
            config,
            origin,
            key,
            uploads,
            wake,
            tell,
            mac,
            state,
            seen,
            owed,
            queue,
            durable,
            settled,
        });
        left.iter().for_each(|spooled| intake.note_left(spooled));
        intake.owe_again()?;
        let writer = Arc::clone(&intake);
        std::thread::spawn(move || writer.write(journal, conversations, &queued));
        Ok(intake)
    }

    fn note_left(&self, spooled: &Spooled) {
        let mut state = self.state();
        state.natives.note(mac_of(&spooled.native));
        if let (Ok(key), Ok(text)) = (Mac::try_from(&spooled.key[..]), Mac::try_from(&spooled.text[..])) {
            state.known.note(key, (text, Standing::Queued(spooled.number)));
        }
        self.note_uploads(&mut state, spooled);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.config.spool.join(name)
    }

    /// Takes one request that costs a credit. What becomes of it is told to `answers`, some of it much later.
    pub(super) fn take(&self, request: Request, custodians: &HashSet<String>, tool: &str, answers: &Answers) {
        let key = request.key.clone();
        if let Err(fault) = self.try_take(request, custodians, tool, answers) {
            // A session that has ended needs no answer.
            let _ = answers.send(answered(answer::Content::NotTaken(fault.answer(&key))));
        }
    }

    fn try_take(
        &self,
        request: Request,
        custodians: &HashSet<String>,
        tool: &str,
        answers: &Answers,
    ) -> Result<(), Fault> {
        let bare = Request { sent_at_ms: 0, ..request.clone() };
        let key = self.mac.mac(b"zegel/source/key", &[request.key.as_bytes()]);
        let text = self.mac.mac(b"zegel/source/text", &[&bare.encode_to_vec()]);
        // Known before it is judged: what it names may have been let go of since.
        if self.is_known(key, text, &request, answers)? {
            return Ok(());
        }
        judge(&request, custodians, self)?;
        let conversation = self.conversation_of(&request);
        let spooled = Spooled {
            received_at_ms: now_ms(),
            key: key.to_vec(),
            text: text.to_vec(),
            conversation: conversation.map(Hash::to_vec).unwrap_or_default(),
            tool: tool.into(),
            request: Some(request),
            ..Spooled::default()
        };
        self.queue(spooled, answers)
    }

    fn conversation_of(&self, request: &Request) -> Option<Hash> {
        match request.content.as_ref() {
            Some(request::Content::Register(register)) => Some(self.conversation_id(register)),
            Some(request::Content::Gap(gap)) if gap.conversation.is_empty() => None,
            Some(request::Content::Gap(gap)) => self.conversation(gap.channel, &gap.conversation),
            content => {
                let place = content.and_then(drafts::place);
                place.and_then(|place| self.conversation(place.channel, &place.conversation))
            }
        }
    }

    /// The first answer to an event; that to a registration has the id.
    fn first_answer(&self, request: &Request) -> SpooledAnswer {
        let id = match request.content.as_ref() {
            Some(request::Content::Register(register)) => self.conversation(register.channel, &register.conversation),
            _ => None,
        };
        let id = id.map(|id| id.to_string()).unwrap_or_default();
        SpooledAnswer { key: request.key.clone(), credits: 1, id, ..SpooledAnswer::default() }
    }

    /// Answers an event that was handed over before.
    fn is_known(&self, key: Mac, text: Mac, request: &Request, answers: &Answers) -> Result<bool, Fault> {
        let answer = SpooledAnswer { again: true, ..self.first_answer(request) };
        let mut state = self.state();
        let Some((before, standing)) = state.known.get(&key) else { return Ok(false) };
        if before != text {
            let sentence = "this key stands for another event: each has a key of its own for good";
            return Err(Fault::new("key_reused", sentence));
        }
        let waiter = Waiter { key: request.key.clone(), answers: answers.clone() };
        state.answer_again(standing, waiter, answer, self.durable());
        Ok(true)
    }

    /// Numbers an event and sends it to the journal.
    fn queue(&self, mut spooled: Spooled, answers: &Answers) -> Result<(), Fault> {
        let request = spooled.request.clone().unwrap_or_default();
        let mut answer = self.first_answer(&request);
        let registered = self.registered(&request, &spooled);
        answer.id = registered.map_or(answer.id, |(_, id)| id.to_string());
        let (key, text) = (mac_of(&spooled.key), mac_of(&spooled.text));
        let mut state = self.state();
        if state.known.has(&key) {
            return Err(Fault::new("key_in_flight", "another session hands this key over at this moment"));
        }
        self.check_uploads(&spooled)?;
        self.note_native(&mut state, &mut spooled, &request);
        answer.remarks = remarks(&request, &spooled);
        spooled.number = state.next;
        state.next += 1;
        state.known.note(key, (text, Standing::Queued(spooled.number)));
        self.note_uploads(&mut state, &spooled);
        let waiter = Waiter { key: request.key, answers: answers.clone() };
        state.waiting.entry(spooled.number).or_default().push(waiter);
        let registered = registered.filter(|(at, id)| state.conversations.insert(*at, *id).is_none());
        // Under the lock: the journal has its records in the order of their numbers.
        let _ = self.queue.send(Queued { spooled, answer: Some((answers.clone(), answer)), registered });
        Ok(())
    }

    /// Bytes of the journal.
    pub(super) fn spool_bytes(&self) -> u64 {
        journal::bytes(&self.folder("journal"))
    }

    /// Settles a record: remembers it durably, then tells who waits for it.
    pub(super) fn settle(&self, records: &[(Spooled, u64, u32)]) -> Result<(), SidecarError> {
        let row = |(spooled, entry, position): &(Spooled, u64, u32)| Row {
            key: mac_of(&spooled.key),
            text: mac_of(&spooled.text),
            native: mac_of(&spooled.native),
            entry: *entry,
            position: *position,
        };
        let rows: Vec<Row> = records.iter().map(row).collect();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).append(&rows)?;
        let (mut state, mut gone) = (self.state(), Vec::new());
        for (row, (spooled, ..)) in rows.iter().zip(records) {
            state.note_row(row);
            gone.extend(self.forget_uploads(&mut state, spooled));
            for waiter in state.waiting.remove(&spooled.number).unwrap_or_default() {
                let _ = waiter.answers.send(waiter.settled(row.entry, row.position));
            }
        }
        drop(state);
        gone.into_iter().try_for_each(|upload| Ok(self.uploads.remove(upload)?))
    }

    /// Forgets records that were spooled and are lost, and ends the sessions that wait for them: who handed them over has them
    /// still, and hands them over again.
    pub(super) fn forget(&self, numbers: RangeInclusive<u64>, sentence: &str) {
        self.state().forget(numbers, sentence);
    }

    /// How often keys of settled events were forgotten, to make room for newer ones.
    pub(super) fn keys_forgotten(&self) -> u64 {
        self.state().known.gone()
    }

    /// Remembers what the ledger has of a capture, and gives the places of those that are not known as logged here.
    pub(super) fn note_logged(&self, rows: &[Row]) -> HashMap<Mac, (u64, u32)> {
        self.state().note_logged(rows)
    }

    /// Up to which number all is durable.
    pub(super) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(super) fn set_settled(&self, next: u64) {
        self.settled.store(next, Ordering::Release);
    }

    /// Number of the first record that is not settled.
    pub(super) fn settled(&self) -> u64 {
        self.settled.load(Ordering::Acquire)
    }

    /// Records that are not settled.
    pub(super) fn waiting(&self) -> u64 {
        self.durable().saturating_sub(self.settled())
    }

    /// Says what stops it, or that nothing does.
    pub(super) fn set_finding(&self, finding: Option<Fault>) {
        let mut state = self.state();
        if state.finding != finding {
            if let Some(fault) = &finding {
                (self.tell)(&format!("{}: {}: {}", self.origin, fault.name, fault.sentence));
            }
            state.finding = finding;
        }
    }

    /// What stops it, sessions that are open, and events in quarantine.
    pub(super) fn standing(&self) -> (Option<Fault>, u32, u64) {
        let state = self.state();
        (state.finding.clone(), state.sessions, state.quarantined)
    }

    /// Counts a session in or out.
    pub(super) fn count_sessions(&self, change: i32) {
        let mut state = self.state();
        state.sessions = state.sessions.saturating_add_signed(change);
    }

    fn conversation(&self, channel: i32, conversation: &str) -> Option<Hash> {
        self.state().conversations.get(&self.conversation_mac(channel, conversation)).copied()
    }

    fn conversation_mac(&self, channel: i32, conversation: &str) -> Mac {
        self.mac.mac(b"zegel/source/conversation", &[&channel.to_be_bytes(), conversation.as_bytes()])
    }

    /// The id of a conversation: the one that is known, the one that is stated, or one that follows from the secret, so that a
    /// spool that was lost gives it again.
    fn conversation_id(&self, register: &zegel_proto::source::v1::Register) -> Hash {
        let known = self.conversation(register.channel, &register.conversation);
        known.or_else(|| crate::hex::parse(&register.id)).unwrap_or_else(|| {
            let parts: [&[u8]; 2] = [&register.channel.to_be_bytes(), register.conversation.as_bytes()];
            let (first, second) =
                (self.mac.mac(b"zegel/source/id/1", &parts), self.mac.mac(b"zegel/source/id/2", &parts));
            Hash::read(&[first, second].concat()).unwrap_or(Hash::ZERO)
        })
    }

    /// The conversation that a registration names, and its id.
    fn registered(&self, request: &Request, spooled: &Spooled) -> Option<(Mac, Hash)> {
        let Some(request::Content::Register(register)) = request.content.as_ref() else { return None };
        let at = self.conversation_mac(register.channel, &register.conversation);
        Some((at, Hash::read(&spooled.conversation)?))
    }

    pub(super) fn upload_mac(&self, upload: &str) -> Mac {
        self.mac.mac(b"zegel/source/upload", &[upload.as_bytes()])
    }
}

impl Known for Intake {
    fn is_registered(&self, channel: i32, conversation: &str) -> bool {
        self.conversation(channel, conversation).is_some()
    }

    fn is_uploaded(&self, upload: &str) -> bool {
        self.uploads.standing(self.upload_mac(upload)).is_ok_and(|standing| standing.complete)
    }
}

pub(super) fn mac_of(bytes: &[u8]) -> Mac {
    bytes.try_into().unwrap_or_default()
}
