//! `main.jsonl`, line by line: who, which chats, and where in the file each record stands.
//!
//! The file is read twice: once to count and to know each record again, once to make events. What memory holds between the
//! two is a mark of 64 bytes a record.

use super::item::{Part, parts};
use super::media::MediaFiles;
use super::people::People;
use super::timer::Timer;
use super::{LINE_BYTES_MAX, MAIN_BYTES_MAX, NAMES_BYTES_MAX, RECIPIENTS_MAX, RECORDS_MAX, SignalError};
use crate::import::parcel::unreadable;
use crate::import::{Depth, Parcel};
use crate::json::number;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex};
use zegel_proto::limits::SLOT_BYTES_MAX;
use zegel_verifier::hash::Hash;

/// Most names of frames that are counted one by one, and the longest of them in bytes: the apps know a dozen.
const FRAME_NAMES_MAX: usize = 64;
const FRAME_NAME_BYTES_MAX: usize = 64;
/// Most exports that a refusal names.
const EXPORTS_NAMED_MAX: usize = 8;

/// A record, without its words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) identity: [u8; 16],
    pub(super) content: [u8; 16],
    pub(super) at_ms: u64,
    pub(super) is_deleted: bool,
    /// Which of the records of its line it is.
    pub(super) part: u32,
    /// Where its line begins, and how long it is.
    pub(super) offset: u64,
    pub(super) bytes: u32,
}

/// A chat of an export, as a person would choose it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ChatSummary {
    /// Its number in the export.
    pub id: u64,
    /// What the device calls it.
    pub title: String,
    /// Members, of a group.
    pub members: usize,
    /// Records.
    pub records: usize,
}

/// What is known of a chat of an export.
#[derive(Debug, Default)]
pub(super) struct ScannedChat {
    recipient: u64,
    pub(super) timer: Timer,
    pub(super) marks: Vec<Mark>,
    /// How often an identity has been seen: two lines of the app can fall in one millisecond.
    seen: HashMap<[u8; 16], u32>,
}

/// The parts of an export that its chats share.
pub(super) struct Shared {
    pub(super) main: Mutex<File>,
    pub(super) media: Mutex<MediaFiles>,
    pub(super) people: People,
}

/// An export that was read and understood.
pub struct SignalExport {
    pub(super) shared: Arc<Shared>,
    pub(super) chats: BTreeMap<u64, ScannedChat>,
    members: HashMap<u64, usize>,
    pub(super) name: String,
    pub(super) sha256: Hash,
    pub(super) bytes: u64,
    pub(super) exported_ms: u64,
    pub(super) remarks: Vec<String>,
}

impl SignalExport {
    /// Opens the folder, or the ZIP, of an export of the app; `None` where there is no `main.jsonl`.
    ///
    /// # Errors
    /// [`SignalError`].
    pub fn open(path: &Path) -> Result<Option<Self>, SignalError> {
        let mut parcel = Parcel::open(path, Depth::Nested)?;
        let entries = parcel.entries().iter().enumerate();
        let mains = entries.filter(|(_, entry)| !entry.is_debris() && entry.base() == "main.jsonl");
        let index = match mains.map(|(index, _)| index).collect::<Vec<_>>()[..] {
            [] => return Ok(None),
            [only] => only,
            ref mains => return Err(many(&parcel, mains)),
        };
        let main = parcel.file(index, MAIN_BYTES_MAX)?;
        let name = parcel.entries()[index].name.clone();
        let folder = name.len() - "main.jsonl".len();
        let is_media = |entry: &str| {
            entry.starts_with(&name[..folder]) && !entry.ends_with("main.jsonl") && !entry.ends_with("metadata.json")
        };
        let media = MediaFiles::new(parcel, is_media);
        let mut scan = Scan::default();
        let reader = BufReader::with_capacity(1 << 20, main.try_clone().map_err(unreadable(path))?);
        scan.run(reader, path)?;
        let remarks = scan.remarks();
        let shared = Shared { main: Mutex::new(main), media: Mutex::new(media), people: scan.people };
        Ok(Some(Self {
            shared: Arc::new(shared),
            chats: scan.chats,
            members: scan.members,
            name: name[folder..].to_owned(),
            sha256: Hash(scan.hasher.finalize().into()),
            bytes: scan.offset,
            exported_ms: scan.exported_ms,
            remarks,
        }))
    }

    /// Every chat, by its number.
    #[must_use]
    pub fn chats(&self) -> Vec<ChatSummary> {
        let summary = |(id, chat): (&u64, &ScannedChat)| ChatSummary {
            id: *id,
            title: self.title(chat),
            members: self.members.get(&chat.recipient).copied().unwrap_or(0),
            records: chat.marks.len(),
        };
        self.chats.iter().map(summary).collect()
    }

    /// The number of the one chat that is meant: by its number, or by what the device calls it.
    ///
    /// # Errors
    /// [`SignalError::Chat`] for none, or more than one.
    pub fn find(&self, wanted: &str) -> Result<u64, SignalError> {
        let by_number = wanted.parse().ok().filter(|id| self.chats.contains_key(id));
        let named: Vec<u64> = self.chats().iter().filter(|chat| chat.title == wanted).map(|chat| chat.id).collect();
        match (by_number, &named[..]) {
            (Some(id), _) => Ok(id),
            (None, [id]) => Ok(*id),
            (None, _) => Err(SignalError::Chat { wanted: wanted.into(), found: named.len() }),
        }
    }

    pub(super) fn title(&self, chat: &ScannedChat) -> String {
        let title = self.shared.people.called(chat.recipient);
        if title == "exporter" { "Note to Self".into() } else { title }
    }
}

/// One read-out is one export: which of several is meant is never guessed.
fn many(parcel: &Parcel, mains: &[usize]) -> SignalError {
    let folder = |main: &usize| {
        let name = &parcel.entries()[*main].name;
        name.rsplit_once('/').map_or(".", |(folder, _)| folder).to_owned()
    };
    let named = mains.iter().take(EXPORTS_NAMED_MAX).map(folder).collect();
    SignalError::ManyExports { path: parcel.path().display().to_string(), found: mains.len(), named }
}

/// The first reading.
#[derive(Default)]
struct Scan {
    line: u64,
    offset: u64,
    hasher: Sha256,
    exported_ms: u64,
    people: People,
    chats: BTreeMap<u64, ScannedChat>,
    members: HashMap<u64, usize>,
    records: usize,
    is_default_on: bool,
    /// Frames that speak of no chat, by their names, and of those names the rest together.
    passed_over: BTreeMap<String, u64>,
    passed_over_otherwise: u64,
}

impl Scan {
    fn run(&mut self, mut reader: impl BufRead, path: &Path) -> Result<(), SignalError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line);
            if read.map_err(unreadable(path))? == 0 {
                break;
            }
            self.line += 1;
            if line.len() > LINE_BYTES_MAX {
                return Err(SignalError::LineTooLong { line: self.line, max: LINE_BYTES_MAX });
            }
            self.hasher.update(&line);
            self.take(&line)?;
            self.offset += line.len() as u64;
        }
        if self.line == 0 {
            return Err(SignalError::NoBackupInfo);
        }
        for chat in self.chats.values_mut() {
            chat.timer.is_default_on = self.is_default_on;
            chat.seen = HashMap::new();
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8]) -> Result<(), SignalError> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let frame = parse(line, self.line)?;
        if self.line == 1 {
            let exported = number(&frame, &["backupTimeMs"]).filter(|_| frame.get("version").is_some());
            self.exported_ms = exported.ok_or(SignalError::NoBackupInfo)?;
            return Ok(());
        }
        let Some((name, value)) = frame.as_object().and_then(|fields| fields.iter().next()) else { return Ok(()) };
        match name.as_str() {
            "account" => self.account(value),
            "recipient" => self.recipient(value)?,
            "chat" => self.chat(value)?,
            "chatItem" => self.chat_item(value, line.len())?,
            other => self.pass_over(other),
        }
        Ok(())
    }

    fn pass_over(&mut self, name: &str) {
        if let Some(count) = self.passed_over.get_mut(name) {
            *count += 1;
        } else if self.passed_over.len() < FRAME_NAMES_MAX && name.len() <= FRAME_NAME_BYTES_MAX {
            self.passed_over.insert(name.to_owned(), 1);
        } else {
            self.passed_over_otherwise += 1;
        }
    }

    fn account(&mut self, account: &Value) {
        self.people.account(account);
        let timer = number(account, &["accountSettings", "universalExpireTimerSeconds"]);
        self.is_default_on = timer.is_some_and(|seconds| seconds > 0);
    }

    fn recipient(&mut self, recipient: &Value) -> Result<(), SignalError> {
        let Some(id) = number(recipient, &["id"]) else { return Ok(()) };
        if self.members.insert(id, People::members(recipient)).is_some() {
            return Err(SignalError::Twice { line: self.line, what: "recipient", id });
        }
        self.people.recipient(recipient);
        if self.people.count() > RECIPIENTS_MAX {
            return Err(SignalError::TooMany { what: "recipients", max: RECIPIENTS_MAX });
        }
        if self.people.bytes() > NAMES_BYTES_MAX {
            return Err(SignalError::TooMany { what: "bytes of names", max: NAMES_BYTES_MAX });
        }
        Ok(())
    }

    fn chat(&mut self, chat: &Value) -> Result<(), SignalError> {
        let id = number(chat, &["id"]).unwrap_or(0);
        let recipient = number(chat, &["recipientId"]).unwrap_or(0);
        if self.people.get(recipient).is_none() {
            return Err(SignalError::Unknown { line: self.line, what: "recipient", id: recipient });
        }
        let timer = Timer { at_end_ms: number(chat, &["expirationTimerMs"]), ..Timer::default() };
        // What was counted of the first would be thrown away.
        if self.chats.insert(id, ScannedChat { recipient, timer, ..ScannedChat::default() }).is_some() {
            return Err(SignalError::Twice { line: self.line, what: "chat", id });
        }
        if self.chats.len() > RECIPIENTS_MAX {
            return Err(SignalError::TooMany { what: "chats", max: RECIPIENTS_MAX });
        }
        Ok(())
    }

    fn chat_item(&mut self, item: &Value, bytes: usize) -> Result<(), SignalError> {
        let (line, id) = (self.line, number(item, &["chatId"]).unwrap_or(0));
        let chat = self.chats.get_mut(&id).ok_or(SignalError::Unknown { line, what: "chat", id })?;
        for (number, part) in (0..).zip(parts(item, &self.people)) {
            if self.records == RECORDS_MAX {
                return Err(SignalError::TooManyRecords { max: RECORDS_MAX });
            }
            self.records += 1;
            chat.take(&part, line, number, (self.offset, bytes as u32))?;
        }
        Ok(())
    }

    fn remarks(&self) -> Vec<String> {
        let told =
            |(name, count): (&String, &u64)| format!("{count} lines «{name}» speak of no chat and were passed over");
        let mut remarks: Vec<String> = self.passed_over.iter().map(told).collect();
        if self.passed_over_otherwise > 0 {
            remarks.push(format!("{} lines of other names were passed over", self.passed_over_otherwise));
        }
        remarks
    }
}

impl ScannedChat {
    fn take(&mut self, part: &Part, line: u64, number: u32, place: (u64, u32)) -> Result<(), SignalError> {
        let found = part.text.as_ref().map_or(0, String::len);
        if found > SLOT_BYTES_MAX {
            return Err(SignalError::TextTooLong { line, found, max: SLOT_BYTES_MAX });
        }
        self.timer.changes.extend(part.timer_ms.map(|timer_ms| (part.at_ms, timer_ms)));
        let mut identity = part.identity();
        let again = self.seen.entry(identity).or_default();
        // Told apart by their order, which an export keeps.
        identity[..4].iter_mut().zip(again.to_be_bytes()).for_each(|(byte, count)| *byte ^= count);
        *again += 1;
        self.marks.push(Mark {
            identity,
            content: part.content(),
            at_ms: part.at_ms,
            is_deleted: part.kind == zegel_proto::v1::EventKind::MessageDeleted,
            part: number,
            offset: place.0,
            bytes: place.1,
        });
        Ok(())
    }
}

fn parse(line: &[u8], number: u64) -> Result<Value, SignalError> {
    serde_json::from_slice(line).map_err(|error| SignalError::Line { line: number, column: error.column() })
}

impl Shared {
    /// The second reading: one record of a line.
    pub(super) fn part(&self, mark: &Mark, path: &Path) -> Result<Option<Part>, SignalError> {
        let mut line = vec![0; mark.bytes as usize];
        {
            let mut main = self.main.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let read = main.seek(SeekFrom::Start(mark.offset)).and_then(|_| main.read_exact(&mut line));
            read.map_err(unreadable(path))?;
        }
        let frame = parse(&line, 0)?;
        let item = frame.get("chatItem").cloned().unwrap_or_default();
        Ok(parts(&item, &self.people).into_iter().nth(mark.part as usize))
    }
}
