//! Taking in: judged, known or new, numbered, and written to the journal; and what becomes of it told to who handed it over.
//!
//! Invariants:
//! - *spooled* is answered only once the record is sealed and synced;
//! - one key stands for one event: the same again is answered and not written, another under it is not taken;
//! - where the disk is full nothing is answered and nothing lost: what is unanswered waits, and so does the gateway.

use super::journal::{self, Journal, Notice, Settled, Spooled};
use super::judge::{CLOCKS_APART_MS, FUTURE_MS, Fault, Known, judge};
use super::sealed::{SealedFile, SealedReader, SpoolKey};
use super::seen::{Mac, QUARANTINED, Row, Seen};
use super::uploads::Uploads;
use super::{LogConfig, SidecarError, Tell, drafts};
use crate::disk;
use crate::import::alignment::FingerprintKey;
use crate::source::now_ms;
use prost::Message;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tonic::Status;
use zegel_proto::source::v1::{Answer, Held, Quarantined, Receipted, Request, Spooled as SpooledAnswer};
use zegel_proto::source::v1::{answer, request};
use zegel_verifier::hash::Hash;

/// Records that are written with one sync.
const GROUP_MAX: usize = 256;
/// Kept free for the way out: what has to be written before a full journal can be emptied.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// Between two looks whether there is room again.
const HELD: Duration = Duration::from_millis(250);

/// Where answers go.
pub(super) type Answers = UnboundedSender<Result<Answer, Status>>;

/// Where an event that was handed over stands.
#[derive(Clone, Copy)]
enum Standing {
    Queued(u64),
    Logged { entry: u64, position: u32 },
    Quarantined,
}

struct Waiter {
    key: String,
    answers: Answers,
}

#[derive(Default)]
struct State {
    known: HashMap<Mac, (Mac, Standing)>,
    natives: HashSet<Mac>,
    conversations: HashMap<Mac, Hash>,
    waiting: HashMap<u64, Vec<Waiter>>,
    next: u64,
    finding: Option<Fault>,
    sessions: u32,
    quarantined: u64,
}

/// What is on its way to the journal.
struct Queued {
    spooled: Spooled,
    answer: Option<(Answers, SpooledAnswer)>,
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
    conversations: Mutex<SealedFile>,
    seen: Mutex<Seen>,
    queue: mpsc::Sender<Queued>,
    durable: AtomicU64,
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
        let (seen, rows) = Seen::open(&folder.join("seen"))?;
        let path = folder.join("conversations.sealed");
        let conversations = SealedFile::open(&path, &key)?;
        let mut state = State { next: journal.next(), ..State::default() };
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
        let uploads = Uploads::open(&folder.join("uploads"), &key)?;
        let (queue, queued) = mpsc::channel();
        let (durable, settled) = (AtomicU64::new(journal.next()), AtomicU64::new(settled));
        let (state, conversations, seen) = (Mutex::new(state), Mutex::new(conversations), Mutex::new(seen));
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
            conversations,
            seen,
            queue,
            durable,
            settled,
        });
        left.iter().for_each(|spooled| intake.note_left(spooled));
        let writer = Arc::clone(&intake);
        std::thread::spawn(move || writer.write(journal, &queued));
        Ok(intake)
    }

    fn note_left(&self, spooled: &Spooled) {
        let mut state = self.state();
        state.natives.insert(mac_of(&spooled.native));
        if let (Ok(key), Ok(text)) = (Mac::try_from(&spooled.key[..]), Mac::try_from(&spooled.text[..])) {
            state.known.insert(key, (text, Standing::Queued(spooled.number)));
        }
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
        judge(&request, custodians, self)?;
        let content = request.content.as_ref();
        let conversation = match content {
            Some(request::Content::Register(register)) => Some(self.conversation_id(register)?),
            Some(request::Content::Gap(gap)) if gap.conversation.is_empty() => None,
            Some(request::Content::Gap(gap)) => self.conversation(gap.channel, &gap.conversation),
            content => {
                let place = content.and_then(drafts::place);
                place.and_then(|place| self.conversation(place.channel, &place.conversation))
            }
        };
        let now = now_ms();
        let bare = Request { sent_at_ms: 0, ..request.clone() };
        let spooled = Spooled {
            received_at_ms: now,
            key: self.mac.mac(b"zegel/source/key", &[request.key.as_bytes()]).to_vec(),
            text: self.mac.mac(b"zegel/source/text", &[&bare.encode_to_vec()]).to_vec(),
            conversation: conversation.map(Hash::to_vec).unwrap_or_default(),
            tool: tool.into(),
            request: Some(request),
            ..Spooled::default()
        };
        self.queue(spooled, conversation, answers)
    }

    /// Numbers an event and sends it to the journal, unless it is known.
    fn queue(&self, mut spooled: Spooled, conversation: Option<Hash>, answers: &Answers) -> Result<(), Fault> {
        let request = spooled.request.clone().unwrap_or_default();
        let is_registration = matches!(request.content, Some(request::Content::Register(_)));
        let mut answer = SpooledAnswer { key: request.key.clone(), credits: 1, ..SpooledAnswer::default() };
        answer.id = conversation.filter(|_| is_registration).map(|id| id.to_string()).unwrap_or_default();
        let (key, text) = (mac_of(&spooled.key), mac_of(&spooled.text));
        let mut state = self.state();
        if let Some((before, standing)) = state.known.get(&key).copied() {
            if before != text {
                return Err(Fault::new(
                    "key_reused",
                    "this key stands for another event: each has a key of its own for good",
                ));
            }
            answer.again = true;
            let waiter = Waiter { key: request.key, answers: answers.clone() };
            state.answer_again(standing, waiter, answer, self.durable.load(Ordering::Acquire));
            return Ok(());
        }
        let content = request.content.as_ref();
        let (native, target) = content.map(drafts::identifiers).unwrap_or_default();
        let (native, target) = (self.identifier(&spooled, native), self.identifier(&spooled, target));
        spooled.native = native.map(Vec::from).unwrap_or_default();
        spooled.target_seen = target.is_none_or(|target| state.natives.contains(&target));
        answer.remarks = remarks(&request, &spooled);
        state.natives.extend(native);
        spooled.number = state.next;
        state.next += 1;
        state.known.insert(key, (text, Standing::Queued(spooled.number)));
        let waiter = Waiter { key: request.key, answers: answers.clone() };
        state.waiting.entry(spooled.number).or_default().push(waiter);
        // Under the lock: the journal has its records in the order of their numbers.
        let _ = self.queue.send(Queued { spooled, answer: Some((answers.clone(), answer)) });
        Ok(())
    }

    /// Writes a capture event of the sidecar's own, under a key of its own: the same key twice is one event.
    pub(super) fn notice(&self, key: &[&[u8]], notice: Notice, conversation: Option<Hash>, tool: &str) {
        let key = self.mac.mac(b"zegel/source/notice", key);
        let mut state = self.state();
        if state.known.contains_key(&key) {
            return;
        }
        let spooled = Spooled {
            number: state.next,
            received_at_ms: notice.at_ms,
            key: key.to_vec(),
            text: key.to_vec(),
            conversation: conversation.map(Hash::to_vec).unwrap_or_default(),
            tool: tool.into(),
            notice: Some(notice),
            ..Spooled::default()
        };
        state.next += 1;
        state.known.insert(key, (key, Standing::Queued(spooled.number)));
        let _ = self.queue.send(Queued { spooled, answer: None });
    }

    /// The writer: groups what waits, one sync for all of it.
    fn write(&self, mut journal: Journal, queue: &mpsc::Receiver<Queued>) {
        while let Ok(first) = queue.recv() {
            let mut group = vec![first];
            group.extend(queue.try_iter().take(GROUP_MAX - 1));
            let (records, answers): (Vec<_>, Vec<_>) =
                group.into_iter().map(|each| (each.spooled, each.answer)).unzip();
            let mut is_held = false;
            while let Err(name) = self.try_write(&mut journal, &records) {
                if !is_held {
                    let held = || answered(answer::Content::Held(Held { name: name.into() }));
                    answers.iter().flatten().for_each(|(answers, _)| _ = answers.send(held()));
                    (self.tell)(&format!("{}: {name}: nothing is spooled until there is room", self.origin));
                }
                is_held = true;
                std::thread::sleep(HELD);
            }
            self.durable.store(journal.next(), Ordering::Release);
            for (answers, answer) in answers.into_iter().flatten() {
                let _ = answers.send(answered(answer::Content::Spooled(answer)));
            }
            self.wake.notify_one();
        }
    }

    fn try_write(&self, journal: &mut Journal, records: &[Spooled]) -> Result<(), &'static str> {
        if self.spool_bytes() > self.config.spool_bytes_max {
            return Err("spool_full");
        }
        let bytes: usize = records.iter().map(Message::encoded_len).sum();
        // What is spooled must find its way out, and for that it needs room.
        if disk::free_bytes(&self.config.spool).is_ok_and(|free| free < RESERVE_BYTES + bytes as u64) {
            return Err("disk_full");
        }
        journal.append(records).map_err(|_| "disk_full")
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
        let mut state = self.state();
        for (row, (spooled, ..)) in rows.iter().zip(records) {
            state.note_row(row);
            for waiter in state.waiting.remove(&spooled.number).unwrap_or_default() {
                let _ = waiter.answers.send(waiter.settled(row.entry, row.position));
            }
        }
        drop(state);
        for upload in records.iter().flat_map(|(spooled, ..)| uploads_of(spooled)) {
            self.uploads.remove(self.upload_mac(upload))?;
        }
        Ok(())
    }

    /// Remembers what the ledger has of a capture, and gives the places of those that wait in the journal.
    pub(super) fn note_logged(&self, rows: impl Iterator<Item = Row>) -> HashMap<Mac, (u64, u32)> {
        let mut state = self.state();
        let mut waiting = HashMap::new();
        for row in rows {
            match state.known.get(&row.key) {
                Some((_, Standing::Queued(_))) => _ = waiting.insert(row.key, (row.entry, row.position)),
                Some(_) => {}
                None => state.note_row(&row),
            }
        }
        waiting
    }

    /// Up to which number all is durable.
    pub(super) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(super) fn set_settled(&self, next: u64) {
        self.settled.store(next, Ordering::Release);
    }

    /// Records that are not settled.
    pub(super) fn waiting(&self) -> u64 {
        self.durable().saturating_sub(self.settled.load(Ordering::Acquire))
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
    fn conversation_id(&self, register: &zegel_proto::source::v1::Register) -> Result<Hash, Fault> {
        let at = self.conversation_mac(register.channel, &register.conversation);
        if let Some(known) = self.state().conversations.get(&at) {
            return Ok(*known);
        }
        let id = crate::hex::parse(&register.id).unwrap_or_else(|| {
            let parts: [&[u8]; 2] = [&register.channel.to_be_bytes(), register.conversation.as_bytes()];
            let (first, second) =
                (self.mac.mac(b"zegel/source/id/1", &parts), self.mac.mac(b"zegel/source/id/2", &parts));
            Hash::read(&[first, second].concat()).unwrap_or(Hash::ZERO)
        });
        let record = [&at[..], &id.0].concat();
        let mut file = self.conversations.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |reason: disk::DiskError| Fault::new("disk_full", reason.to_string());
        file.append([record.as_slice()].into_iter()).map_err(full)?;
        self.state().conversations.insert(at, id);
        Ok(id)
    }

    pub(super) fn upload_mac(&self, upload: &str) -> Mac {
        self.mac.mac(b"zegel/source/upload", &[upload.as_bytes()])
    }

    fn identifier(&self, spooled: &Spooled, native: &str) -> Option<Mac> {
        let mac = || self.mac.mac(b"zegel/source/native", &[&spooled.conversation, native.as_bytes()]);
        (!native.is_empty()).then(mac)
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

impl State {
    fn note_row(&mut self, row: &Row) {
        let standing = if row.entry == QUARANTINED {
            self.quarantined += 1;
            Standing::Quarantined
        } else {
            Standing::Logged { entry: row.entry, position: row.position }
        };
        self.known.insert(row.key, (row.text, standing));
        self.natives.insert(row.native);
    }

    fn answer_again(&mut self, standing: Standing, waiter: Waiter, answer: SpooledAnswer, durable: u64) {
        let answers = waiter.answers.clone();
        // One that is on its way to the journal is answered with a little more haste than truth allows, if we did not wait.
        let is_durable = !matches!(standing, Standing::Queued(number) if number >= durable);
        if is_durable {
            let _ = answers.send(answered(answer::Content::Spooled(answer)));
        } else {
            let fault =
                Fault::new("key_in_flight", "this key is being written: hand it over again once it is answered");
            let _ = answers.send(answered(answer::Content::NotTaken(fault.answer(&answer.key))));
            return;
        }
        match standing {
            Standing::Queued(number) => self.waiting.entry(number).or_default().push(waiter),
            Standing::Logged { entry, position } => _ = answers.send(waiter.settled(entry, position)),
            Standing::Quarantined => _ = answers.send(waiter.settled(QUARANTINED, 0)),
        }
    }
}

impl Waiter {
    fn settled(&self, entry: u64, position: u32) -> Result<Answer, Status> {
        let key = self.key.clone();
        answered(if entry == QUARANTINED {
            answer::Content::Quarantined(Quarantined { key, finding: super::quarantine::finding(position).into() })
        } else {
            answer::Content::Receipted(Receipted { key, entry, position })
        })
    }
}

#[allow(clippy::result_large_err, clippy::unnecessary_wraps, reason = "what a stream of answers carries")]
pub(super) fn answered(content: answer::Content) -> Result<Answer, Status> {
    Ok(Answer { content: Some(content) })
}

fn mac_of(bytes: &[u8]) -> Mac {
    bytes.try_into().unwrap_or_default()
}

/// Keys of the uploads that an event names.
pub(super) fn uploads_of(spooled: &Spooled) -> impl Iterator<Item = &str> {
    let content = spooled.request.as_ref().and_then(|request| request.content.as_ref());
    let named = match content {
        Some(request::Content::Message(message)) => message.attachments.as_slice(),
        _ => &[],
    };
    named.iter().map(|attachment| attachment.upload.as_str()).filter(|upload| !upload.is_empty())
}

fn remarks(request: &Request, spooled: &Spooled) -> Vec<String> {
    let at_ms = request.content.as_ref().and_then(drafts::place).map_or(0, |place| place.at_ms);
    let is_apart = request.sent_at_ms != 0 && request.sent_at_ms.abs_diff(spooled.received_at_ms) > CLOCKS_APART_MS;
    let found = [
        (is_apart, "clock_apart"),
        (at_ms > spooled.received_at_ms + FUTURE_MS, "time_in_future"),
        (!spooled.target_seen, "target_not_seen"),
    ];
    found.into_iter().filter(|(is_so, _)| *is_so).map(|(_, name)| name.into()).collect()
}
