//! A room as a session reads it: its events in the order in which they were sent, each once, each checked.

use super::mapping::{self, Relations};
use super::{
    Checked, EVENTS_MAX, FILE_BYTES_MAX, Form, MatrixError, Redaction, RoomEvent, RoomVersion, ServerKeys, check, pages,
};
use crate::import::alignment::{Alignment, Fingerprint, FingerprintKey, Known, Row, by_identity};
use crate::import::reader::{CaptureIds, FileFacts, Gap, MediaStore, Reader, Tally};
use crate::import::{Depth, ImportError, Parcel, ParcelError};
use crate::json::{canonical, number, text};
use crate::record::{Attached, Record};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use zegel_proto::limits::{BLOB_BYTES_MAX, SLOT_BYTES_MAX};
use zegel_proto::v1::{Channel, ProofClass};
use zegel_verifier::hash::Hash;

/// What is read, and what the operator states of it.
#[derive(Clone, Default)]
pub struct RoomOrder {
    /// Files of one room, in any order.
    pub paths: Vec<PathBuf>,
    /// Which room, where the files have more than one.
    pub room: Option<String>,
    /// Its version, where the files do not have its `m.room.create`.
    pub version: Option<RoomVersion>,
    /// Keys of servers; without them nothing is of class A.
    pub keys: ServerKeys,
}

/// An event without its words.
struct Mark {
    /// Canonical JSON, as it is read again.
    json: Vec<u8>,
    id: String,
    given_id: Option<String>,
    at_ms: u64,
    content: [u8; 16],
    is_redacted: bool,
    checked: Checked,
}

/// A room that was read and understood.
pub struct Room {
    file: FileFacts,
    marks: Vec<Mark>,
    relations: Relations,
    gaps: Vec<Gap>,
    /// Media, where the files came in one parcel.
    media: Vec<Parcel>,
    tally: Tally,
    keys: String,
}

/// What was found in all files, before it is put in order.
#[derive(Default)]
struct Found {
    events: Vec<(Option<String>, Value)>,
    forms: Vec<Form>,
    title: Option<String>,
    names: Vec<String>,
    hasher: Sha256,
    bytes: u64,
    is_limited: bool,
    media: Vec<Parcel>,
}

impl Room {
    /// Reads a room.
    ///
    /// # Errors
    /// [`MatrixError`].
    pub fn read(order: &RoomOrder) -> Result<Self, MatrixError> {
        let mut found = Found::default();
        for path in &order.paths {
            found.take(path)?;
        }
        let events = found.of_room(order.room.as_deref())?;
        let version = order.version.map_or_else(|| stated_version(&events), |version| Ok(Some(version)))?;
        let (events, repeated) = in_order(events, version)?;
        let mut relations = Relations::default();
        events.iter().for_each(|event| relations.note(event));
        let marks: Vec<Mark> = events.into_iter().map(|event| mark(event, version, &order.keys)).collect();
        let (mut remarks, gaps) = (told(&marks, &found), gaps(&marks, &found));
        if repeated > 0 {
            remarks.push(format!("{repeated} events stand in more than one file, and are taken once"));
        }
        let file = FileFacts {
            name: found.named(),
            title: found.title,
            sha256: Hash(found.hasher.finalize().into()),
            bytes: found.bytes,
            time_zone: String::new(),
            date_order: String::new(),
        };
        let (tally, keys) = (Tally { remarks, ..Tally::default() }, order.keys.listed());
        Ok(Self { file, marks, relations, gaps, media: found.media, tally, keys })
    }

    /// What the checks of each event gave, in order.
    pub fn checked(&self) -> impl Iterator<Item = Checked> {
        self.marks.iter().map(|mark| mark.checked)
    }

    fn attached(&mut self, event: &RoomEvent, media: &MediaStore<'_>) -> Result<Vec<Attached>, ImportError> {
        let is_media = text(&event.json, &["content", "url"]).or(text(&event.json, &["content", "file", "url"]));
        if is_media.is_none() || event.redaction() != Redaction::None {
            return Ok(Vec::new());
        }
        let content = |path: &[&str]| text(&event.json, &[&["content"], path].concat()).unwrap_or_default().to_owned();
        let (named, body) = (content(&["filename"]), content(&["body"]));
        let name = if named.is_empty() { body } else { named };
        let media_type = content(&["info", "mimetype"]);
        let size = number(&event.json, &["content", "info", "size"]);
        let Some((parcel, entry)) = self.find(&name, size) else {
            // Events name their media by address; the bytes lie with a server.
            return Ok(vec![if self.media.is_empty() {
                Attached::LeftOut { name, media_type }
            } else {
                self.tally.attachments_missing += 1;
                Attached::Missing { name, media_type }
            }]);
        };
        let put = |reader: &mut dyn std::io::Read| Ok::<_, ImportError>(media.put(reader)?);
        match self.media[parcel].read(entry, BLOB_BYTES_MAX, put) {
            Ok(blob) => Ok(vec![Attached::Present { name, media_type, blob }]),
            Err(ImportError::Parcel(ParcelError::BadZip { .. })) => {
                self.tally.attachments_missing += 1;
                Ok(vec![Attached::Missing { name, media_type }])
            }
            Err(other) => Err(other),
        }
    }

    /// The one file of that size whose name begins and ends as stated: Element puts the date in between.
    fn find(&self, name: &str, size: Option<u64>) -> Option<(usize, usize)> {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let fits = |base: &str| !stem.is_empty() && base.starts_with(stem) && base.ends_with(ending);
        let all = self.media.iter().enumerate().flat_map(|(parcel, held)| {
            held.entries().iter().enumerate().map(move |(entry, file)| ((parcel, entry), file))
        });
        let mut fitting = all.filter(|(_, file)| size.is_none_or(|size| size == file.size) && fits(file.base()));
        let first = fitting.next().map(|(place, _)| place);
        first.filter(|_| fitting.next().is_none())
    }
}

impl Found {
    fn take(&mut self, path: &std::path::Path) -> Result<(), MatrixError> {
        let mut parcel = Parcel::open(path, Depth::Nested)?;
        let is_json = |name: &str| [".json", ".jsonl", ".ndjson"].iter().any(|end| name.ends_with(end));
        let only = parcel.entries().len() == 1;
        let wanted: Vec<_> = (0..parcel.entries().len())
            .filter(|index| !parcel.entries()[*index].is_debris() && (only || is_json(parcel.entries()[*index].base())))
            .collect();
        let is_alone = wanted.len() == parcel.entries().len();
        for index in wanted {
            let name = parcel.entries()[index].base().to_owned();
            let bytes = parcel.bytes(index, FILE_BYTES_MAX)?;
            let page = pages::read(&name, &bytes)?;
            self.hasher.update(&bytes);
            self.bytes += bytes.len() as u64;
            self.names.push(name);
            self.forms.push(page.form);
            self.title = self.title.take().or(page.title);
            self.is_limited |= page.is_limited;
            self.events.extend(page.events);
            if self.events.len() > EVENTS_MAX {
                return Err(MatrixError::TooManyEvents { max: EVENTS_MAX });
            }
        }
        if !is_alone {
            self.media.push(parcel);
        }
        Ok(())
    }

    fn named(&self) -> String {
        let first = self.names.first().cloned().unwrap_or_default();
        if self.names.len() > 1 { format!("{first} and {} more", self.names.len() - 1) } else { first }
    }

    /// The events of one room, those that name none among them.
    fn of_room(&mut self, wanted: Option<&str>) -> Result<Vec<Value>, MatrixError> {
        let room = |(outer, event): &(Option<String>, Value)| {
            outer.clone().or_else(|| text(event, &["room_id"]).map(str::to_owned))
        };
        let rooms: BTreeSet<String> = self.events.iter().filter_map(room).collect();
        if wanted.is_none() && rooms.len() > 1 {
            return Err(MatrixError::ManyRooms { rooms: rooms.into_iter().collect() });
        }
        if let Some(wanted) = wanted.filter(|wanted| !rooms.is_empty() && !rooms.contains(*wanted)) {
            return Err(MatrixError::OtherRoom { wanted: wanted.into() });
        }
        let is_of = |event: &(Option<String>, Value)| match (wanted, room(event)) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        Ok(std::mem::take(&mut self.events).into_iter().filter(is_of).map(|(_, event)| event).collect())
    }
}

fn stated_version(events: &[Value]) -> Result<Option<RoomVersion>, MatrixError> {
    let create = events.iter().find(|event| text(event, &["type"]) == Some("m.room.create"));
    // A room that states no version is of the first.
    let version = create.map(|create| text(create, &["content", "room_version"]).unwrap_or("1"));
    version.map(RoomVersion::parse).transpose()
}

/// Each event once, oldest first: by the order of the file, turned round where it runs backwards, and by time across files.
fn in_order(events: Vec<Value>, version: Option<RoomVersion>) -> Result<(Vec<RoomEvent>, usize), MatrixError> {
    let (mut seen, mut repeated) = (HashSet::new(), 0);
    let mut taken = Vec::with_capacity(events.len());
    for (number, event) in events.into_iter().enumerate() {
        let event = RoomEvent::take(event, number, version)?;
        if seen.insert(event.id.clone()) {
            taken.push(event);
        } else {
            repeated += 1;
        }
    }
    let backwards = taken.windows(2).filter(|two| two[0].at_ms() > two[1].at_ms()).count();
    if backwards * 2 > taken.len() {
        taken.reverse();
    }
    taken.sort_by_key(RoomEvent::at_ms);
    Ok((taken, repeated))
}

fn mark(event: RoomEvent, version: Option<RoomVersion>, keys: &ServerKeys) -> Mark {
    let rules = version.unwrap_or(RoomVersion::NEWEST);
    let is_signed = event.json.get("signatures").is_some();
    let checked = match version {
        // Without the version the rules of its redaction are not known, so nothing is claimed.
        None if is_signed => Checked::NoKey,
        _ => check(&event.json, rules, event.given_id.as_deref(), keys),
    };
    Mark {
        json: canonical(&event.json),
        at_ms: event.at_ms(),
        content: event.content_digest(),
        is_redacted: event.redaction() != Redaction::None || checked == Checked::HeldRedacted,
        id: event.id,
        given_id: event.given_id,
        checked,
    }
}

/// What the checks gave, in words; those that are a doubt first.
fn told(marks: &[Mark], found: &Found) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for mark in marks {
        let words = match mark.checked {
            Checked::Held | Checked::HeldRedacted => "hash, id and server signature hold: class A",
            Checked::Unsigned => "come without hashes and signatures, as a client sees them: class C",
            Checked::NoKey => "are signed, and there is no key to check with: class C",
            Checked::OtherId => "HAVE AN ID THAT IS NOT THEIR HASH: class C",
            Checked::OtherContent => "HAVE ANOTHER CONTENT THAN WAS HASHED: class C",
            Checked::BadSignature => "HAVE NO SIGNATURE OF THEIR SERVER THAT HOLDS: class C",
            Checked::NotCanonical => "have numbers that cannot be signed: class C",
        };
        *counts.entry(words).or_default() += 1;
    }
    let mut remarks: Vec<String> = counts.iter().map(|(words, count)| format!("{count} events {words}")).collect();
    if found.forms.contains(&Form::Element) {
        remarks.push("an Element export leaves out redactions, edits and hidden state: one client's view".into());
    }
    if found.is_limited {
        remarks.push("/sync was cut short by the server: what lies before it is not in the file".into());
    }
    remarks
}

fn gaps(marks: &[Mark], found: &Found) -> Vec<Gap> {
    let (from_ms, to_ms) = (marks.first().map_or(0, |mark| mark.at_ms), marks.last().map_or(0, |mark| mark.at_ms));
    let mut gaps = Vec::new();
    if found.forms.contains(&Form::Element) {
        gaps.push(Gap { reason: "element_export_left_out", from_ms, to_ms });
    }
    if found.is_limited {
        gaps.push(Gap { reason: "sync_cut_short", from_ms: 0, to_ms: from_ms });
    }
    gaps
}

impl Reader for Room {
    fn channel(&self) -> Channel {
        Channel::Matrix
    }

    fn proof_class(&self) -> ProofClass {
        ProofClass::CExportFile
    }

    fn file(&self) -> &FileFacts {
        &self.file
    }

    fn records(&self) -> usize {
        self.marks.len()
    }

    fn at_ms(&self, index: usize) -> u64 {
        self.marks[index].at_ms
    }

    fn align(&self, known: &[Known], key: &FingerprintKey) -> Alignment {
        let print = |mark: &Mark| Fingerprint {
            place: key.mac(b"zegel/matrix/place", &[mark.id.as_bytes()]),
            text: key.mac(b"zegel/matrix/text", &[&mark.content]),
            time: key.mac(b"zegel/matrix/time", &[&mark.at_ms.to_be_bytes()]),
        };
        by_identity(known, self.marks.iter().map(print).collect(), |record, seq| {
            if self.marks[record].is_redacted { Row::Deleted(seq) } else { Row::Edited(seq) }
        })
    }

    fn record(
        &mut self,
        ids: CaptureIds,
        index: usize,
        row: Row,
        media: &MediaStore<'_>,
    ) -> Result<Record, ImportError> {
        let mark = &self.marks[index];
        // It was written by us a moment ago.
        let json = serde_json::from_slice(&mark.json).unwrap_or_default();
        let event = RoomEvent { id: mark.id.clone(), given_id: mark.given_id.clone(), json };
        let class = if mark.checked.is_held() { ProofClass::ANativeSigned } else { ProofClass::CExportFile };
        let attached = self.attached(&event, media)?;
        Ok(mapping::record(ids, &event, row, class, &self.relations, attached))
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    fn note(&self) -> Option<String> {
        (!self.keys.is_empty()).then(|| format!("server keys that signatures were checked under:\n{}", self.keys))
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }
}

// An event's text fits a slot, since the event does.
const _: () = assert!(super::EVENT_BYTES_MAX < SLOT_BYTES_MAX);
