//! A chat as the tool signal-export wrote it: `data.json` with a message a line, or the readable `chat.md` beside it.
//!
//! Its times are local and without a zone, its senders are names, and it has no identity for a message: so its records are
//! laid on the log like those of a WhatsApp text, whose form `chat.md` has too.
//!
//! Not here: the HTML, which says nothing that the other two do not.

use super::media::{Media, MediaFiles};
use super::{LINE_BYTES_MAX, RECORDS_MAX, SignalError, secrets};
use crate::event::{Field, Occurred};
use crate::import::alignment::{Alignment, FingerprintKey, Known, Row};
use crate::import::reader::{CaptureIds, FileFacts, MediaStore, Reader, Tally};
use crate::import::{Depth, ImportError, Parcel};
use crate::json::{canonical, items, text};
use crate::record::Record;
use crate::whatsapp::fingerprint::Fingerprinter;
use crate::whatsapp::reader::Stated;
use crate::whatsapp::{self, FILE_BYTES_MAX, Kind, LocalFit, Options, Precision, align, mapping, parse};
use jiff::civil::DateTime;
use jiff::tz::AmbiguousOffset;
use serde_json::Value;
use std::path::Path;
use zegel_proto::limits::SLOT_BYTES_MAX;
use zegel_proto::v1::{Channel, ChatDetail, EventKind, ProofClass};
use zegel_verifier::hash::sha256;

/// What stands for a message that was deleted for everyone.
const DELETED: &[u8] = b"(This message was deleted)";
/// Names of the readable text, newest first.
const TEXTS: [&str; 3] = ["chat.md", "index.md", "chat.txt"];

/// What a record is beyond what a WhatsApp text can say.
enum Beside {
    Nothing,
    Quote(String),
    Reaction { to: u64 },
    Call { is_missed: bool },
}

/// A chat of signal-export.
pub struct ExportedFolder {
    file: FileFacts,
    records: Vec<whatsapp::Record>,
    beside: Vec<Beside>,
    media: Vec<Vec<String>>,
    files: MediaFiles,
}

impl ExportedFolder {
    /// Reads the folder of one chat.
    ///
    /// # Errors
    /// [`SignalError`], and [`ImportError::Parse`] for a text that is none.
    pub fn open(path: &Path, stated: &Stated) -> Result<Self, ImportError> {
        let mut parcel = Parcel::open(path, Depth::Nested).map_err(SignalError::from)?;
        let named = |wanted: &str| {
            let entries = parcel.entries().iter().enumerate();
            entries.filter(|(_, entry)| entry.base() == wanted).map(|(index, _)| index).collect::<Vec<_>>()
        };
        let found = std::iter::once("data.json").chain(TEXTS).map(named).find(|found| !found.is_empty());
        let shown = path.display().to_string();
        let found = found.ok_or(SignalError::NoExport { path: shown.clone() })?;
        let [index] = found[..] else {
            return Err(SignalError::ManyFolders { path: shown, found: found.len() }.into());
        };
        let name = parcel.entries()[index].name.clone();
        let bytes = parcel.bytes(index, FILE_BYTES_MAX as u64).map_err(SignalError::from)?;
        let file = FileFacts {
            title: path.file_name().map(|name| name.to_string_lossy().into_owned()),
            sha256: sha256(&[&bytes]),
            bytes: bytes.len() as u64,
            time_zone: stated.time_zone.clone(),
            date_order: "ymd".into(),
            name: name.clone(),
        };
        let files = MediaFiles::new(parcel, |entry| entry.contains("media/"));
        let empty = Self { file, records: Vec::new(), beside: Vec::new(), media: Vec::new(), files };
        let options = stated.options()?;
        if name.ends_with(".json") { Ok(empty.lines(&bytes, &options)?) } else { empty.readable(&bytes, &options) }
    }

    /// `data.json`: one object a line.
    fn lines(mut self, bytes: &[u8], options: &Options) -> Result<Self, SignalError> {
        for (line, written) in (1u64..).zip(bytes.split(|byte| *byte == b'\n')) {
            if written.trim_ascii().is_empty() {
                continue;
            }
            if written.len() > LINE_BYTES_MAX {
                return Err(SignalError::LineTooLong { line, max: LINE_BYTES_MAX });
            }
            let message: Value =
                serde_json::from_slice(written).map_err(|error| SignalError::Line { line, column: error.column() })?;
            self.message(&message, line, options)?;
            if self.records.len() > RECORDS_MAX {
                return Err(SignalError::TooManyRecords { max: RECORDS_MAX });
            }
        }
        Ok(self)
    }

    fn message(&mut self, message: &Value, line: u64, options: &Options) -> Result<(), SignalError> {
        let is = |key: &str| message.get(key).and_then(Value::as_bool) == Some(true);
        let occurred = occurred(text(message, &["date"]).unwrap_or_default(), line, options)?;
        let said = text(message, &["body"]).unwrap_or_default();
        if said.len() > SLOT_BYTES_MAX {
            return Err(SignalError::TextTooLong { line, found: said.len(), max: SLOT_BYTES_MAX });
        }
        let kind = if is("deleted") { Kind::Deleted { by_exporter: None, certain: true } } else { Kind::Sent };
        let quote = text(message, &["quote"]).filter(|quote| !quote.is_empty()).map(str::to_owned);
        let beside = match quote {
            _ if is("call") || is("missed") => Beside::Call { is_missed: is("missed") },
            Some(quote) => Beside::Quote(quote),
            None => Beside::Nothing,
        };
        let attachments = items(message, &["attachments"]).iter().filter_map(|each| text(each, &["name"]));
        let media = attachments.map(str::to_owned).collect();
        let of = |sender: Option<&str>, text: &str, kind: Kind| whatsapp::Record {
            line,
            as_written: canonical(&secrets::without(message)),
            text: text.as_bytes().to_vec(),
            occurred: occurred.clone(),
            sender: sender.map(str::to_owned),
            kind,
            written_by_app: false,
            meta_ai: false,
            attachments: Vec::new(),
        };
        self.push(of(text(message, &["sender"]), said, kind), beside, media);
        for reaction in items(message, &["reactions"]) {
            let pair = |number: usize| reaction.get(number).and_then(Value::as_str);
            let name = pair(0).or_else(|| text(reaction, &["name"]));
            let sign = pair(1).or_else(|| text(reaction, &["emoji"])).unwrap_or_default();
            let record = whatsapp::Record { as_written: canonical(reaction), ..of(name, sign, Kind::System) };
            self.push(record, Beside::Reaction { to: line }, Vec::new());
        }
        Ok(())
    }

    fn push(&mut self, record: whatsapp::Record, beside: Beside, media: Vec<String>) {
        self.records.push(record);
        self.beside.push(beside);
        self.media.push(media);
    }

    /// The readable text: its headers have the form of an iPhone's WhatsApp text, its media stand as links.
    fn readable(mut self, bytes: &[u8], options: &Options) -> Result<Self, ImportError> {
        let file = self.file.name.clone();
        let readout = parse(bytes, options).map_err(|reason| ImportError::Parse { file, reason })?;
        for mut record in readout.records {
            let is_deleted = record.text_trimmed().trim_ascii() == DELETED;
            record.kind = if is_deleted { Kind::Deleted { by_exporter: None, certain: false } } else { Kind::Sent };
            record.attachments = Vec::new();
            let media = links(&record.text);
            self.push(record, Beside::Nothing, media);
        }
        Ok(self)
    }
}

/// Names in `[name](./media/name)`; the part of the link after the folder, as the tool wrote it.
fn links(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let ends = text.split("](./media/").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(name, _)| name.replace("%20", " ")).collect()
}

fn occurred(date: &str, line: u64, options: &Options) -> Result<whatsapp::Occurred, SignalError> {
    let wrong = || SignalError::Date { line };
    let local: DateTime = date.parse().map_err(|_| wrong())?;
    let ambiguous = options.time_zone.to_ambiguous_timestamp(local);
    let fit = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => LocalFit::Once,
        AmbiguousOffset::Fold { .. } => LocalFit::Twice,
        AmbiguousOffset::Gap { .. } => LocalFit::Never,
    };
    let at_ms = ambiguous.compatible().map_err(|_| wrong())?.as_millisecond();
    Ok(whatsapp::Occurred { at_ms, precision: Precision::Second, fit, as_written: date.to_owned() })
}

impl Reader for ExportedFolder {
    fn channel(&self) -> Channel {
        Channel::Signal
    }

    fn proof_class(&self) -> ProofClass {
        ProofClass::CExportFile
    }

    fn file(&self) -> &FileFacts {
        &self.file
    }

    fn records(&self) -> usize {
        self.records.len()
    }

    fn at_ms(&self, index: usize) -> u64 {
        u64::try_from(self.records[index].occurred.at_ms).unwrap_or(0)
    }

    fn align(&self, known: &[Known], key: &FingerprintKey) -> Alignment {
        align::align(known, &self.records, &Fingerprinter::with(key.clone()))
    }

    fn record(&mut self, ids: CaptureIds, index: usize, row: Row, media: &MediaStore) -> Result<Record, ImportError> {
        let mut attached = Vec::new();
        for name in &self.media[index] {
            attached.push(self.files.attach(Media::named(name), media)?);
        }
        let record = mapping::record(ids, &self.records[index], row, attached);
        // The tool fills its own name for the holder, and never a number.
        let mut record = Record { channel: Channel::Signal, sender: Field::Unknown, ..record };
        let of = |what: &str| ChatDetail { what: what.into(), certain: true, ..ChatDetail::default() };
        match &self.beside[index] {
            Beside::Nothing => {}
            Beside::Quote(quote) => record.reply_to = Field::Value(quote.clone()),
            Beside::Reaction { to } => {
                record.kind = EventKind::ReactionAdded;
                record.occurred = Occurred::UNKNOWN;
                record.target = Field::Value(format!("line:{to}"));
                record.detail = Field::None;
            }
            Beside::Call { is_missed } => {
                record.kind = EventKind::CallLogged;
                record.detail = Field::Value(of(if *is_missed { "missed_voice_call" } else { "voice_call" }));
            }
        }
        Ok(record)
    }

    fn tally(&self) -> Tally {
        let ambiguous = self.records.iter().filter(|record| record.occurred.ambiguous()).count();
        Tally {
            attachments_missing: self.files.missing,
            files_unclaimed: self.files.unclaimed(),
            times_ambiguous: ambiguous as u64,
            remarks: self.files.remarks.clone(),
        }
    }
}
