//! A room as a session reads it: its events in the order in which they were sent, each once, each checked.

use super::copies::{Mark, Reading};
use super::found::{Files, Found, Place};
use super::mapping::{self, Relations};
use super::media::{MediaFiles, Named};
use super::{Checked, Form, MatrixError, Redaction, RoomEvent, RoomVersion, ServerKeys, check};
use crate::import::ImportError;
use crate::import::alignment::{Alignment, Fingerprint, FingerprintKey, Known, Row, by_identity};
use crate::import::reader::{CaptureIds, FileFacts, Gap, MediaStore, Reader, Tally};
use crate::record::{Attached, Record};
use sha2::Digest;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::PathBuf;
use zegel_proto::limits::SLOT_BYTES_MAX;
use zegel_proto::v1::{Channel, ProofClass};
use zegel_verifier::hash::{Hash, sha256};

/// Events that are read and checked together, on all cores: what memory holds of them whole.
const EVENTS_AT_A_TIME: usize = 8_192;

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

/// A room that was read and understood.
pub struct Room {
    file: FileFacts,
    files: Files,
    version: Option<RoomVersion>,
    marks: Vec<Mark>,
    relations: Relations,
    gaps: Vec<Gap>,
    /// Media, where the files came in one parcel.
    media: MediaFiles,
    tally: Tally,
    keys: String,
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
        let (places, stated) = found.of_room(order.room.as_deref())?;
        let stated = || stated.as_deref().map(RoomVersion::parse).transpose();
        let version = order.version.map_or_else(stated, |version| Ok(Some(version)))?;
        let mut media = MediaFiles::new(std::mem::take(&mut found.media));
        let mut reading = Reading::default();
        let mut number = 0;
        for places in places.chunks(EVENTS_AT_A_TIME) {
            for (mark, event) in checked(&found.files, places, number, version, &order.keys)? {
                media.claim(&event);
                reading.take(mark, &event);
            }
            number += places.len();
        }
        let copies = reading.told();
        let (marks, relations) = reading.in_order();
        let (mut remarks, gaps) = (told(&marks, &found), gaps(&marks, &found));
        remarks.extend(copies);
        let file = FileFacts {
            name: found.files.named(),
            title: found.title,
            sha256: Hash(found.hasher.finalize().into()),
            bytes: found.bytes,
            time_zone: String::new(),
            date_order: String::new(),
        };
        let (tally, keys) = (Tally { remarks, ..Tally::default() }, order.keys.listed());
        Ok(Self { file, files: found.files, version, marks, relations, gaps, media, tally, keys })
    }

    /// What the checks of each event gave, in order.
    pub fn checked(&self) -> impl Iterator<Item = Checked> {
        self.marks.iter().map(|mark| mark.checked)
    }

    fn attached(&mut self, event: &RoomEvent, media: &MediaStore) -> Result<Vec<Attached>, ImportError> {
        let Some(named) = Named::of(event) else { return Ok(Vec::new()) };
        let found = self.media.of(event, &named);
        let Named { name, media_type, .. } = named;
        let Some(place) = found else {
            // Events name their media by address; the bytes lie with a server.
            return Ok(vec![if self.media.is_empty() {
                Attached::LeftOut { name, media_type }
            } else {
                self.tally.attachments_missing += 1;
                Attached::Missing { name, media_type }
            }]);
        };
        Ok(vec![match self.media.put(place, media)? {
            Ok(blob) => Attached::Present { name, media_type, blob },
            Err(damage) => {
                self.tally.attachments_missing += 1;
                self.tally.remarks.push(damage.remark(&name));
                Attached::Missing { name, media_type }
            }
        }])
    }
}

/// Reads and checks events, on every core; the first that is refused decides.
fn checked(
    files: &Files,
    places: &[Place],
    first: usize,
    version: Option<RoomVersion>,
    keys: &ServerKeys,
) -> Result<Vec<(Mark, RoomEvent)>, MatrixError> {
    let of = |(number, place): (usize, &Place)| mark(files, *place, number, version, keys);
    let share = places.len().div_ceil(std::thread::available_parallelism().map_or(1, usize::from)).max(1);
    let parts = std::thread::scope(|scope| {
        let work = |(part, places): (usize, _)| {
            let numbered = (first + part * share..).zip::<&[Place]>(places);
            scope.spawn(move || numbered.map(of).collect::<Result<Vec<_>, _>>())
        };
        let workers: Vec<_> = places.chunks(share).enumerate().map(work).collect();
        // A worker that panicked ends us too: what it had in hand is not known.
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|cause| resume_unwind(cause))).collect::<Vec<_>>()
    });
    Ok(parts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn mark(
    files: &Files,
    place: Place,
    number: usize,
    version: Option<RoomVersion>,
    keys: &ServerKeys,
) -> Result<(Mark, RoomEvent), MatrixError> {
    let text = files.text(place)?;
    let json = serde_json::from_slice(&text).map_err(|error| files.not_json(place, &error))?;
    let mut event = RoomEvent::take(json, number, version)?;
    let rules = version.unwrap_or(RoomVersion::NEWEST);
    let is_signed = event.json.get("signatures").is_some();
    let checked = match version {
        // Without the version the rules of its redaction are not known, so nothing is claimed.
        None if is_signed => Checked::NoKey,
        _ => check(&event.json, rules, event.given_id.as_deref(), keys),
    };
    event.checked = checked;
    let mark = Mark {
        place,
        bytes: digest(&text),
        at_ms: event.at_ms(),
        content: event.content_digest(),
        frame: event.frame_digest(),
        is_beyond_dates: event.is_beyond_dates(),
        is_other_copy: false,
        is_redacted: event.redaction() != Redaction::None,
        id: event.id.as_str().into(),
        is_id_given: event.given_id.is_some(),
        checked,
    };
    Ok((mark, event))
}

fn digest(bytes: &[u8]) -> [u8; 16] {
    let full = sha256(&[bytes]).0;
    std::array::from_fn(|at| full[at])
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
    let beyond = marks.iter().filter(|mark| mark.is_beyond_dates).count();
    if beyond > 0 {
        remarks.push(format!("{beyond} events state a time that no event can have: when they were sent is unknown"));
    }
    if found.forms.contains(&Form::Element) {
        remarks.push("an Element export leaves out redactions, edits and hidden state: one client's view".into());
    }
    if found.passed_over > 0 {
        let count = found.passed_over;
        remarks.push(format!("{count} files of JSON came along with the events, and are taken for what people sent"));
    }
    if found.is_limited {
        remarks.push("/sync was cut short by the server: what lies before it is not in the file".into());
    }
    remarks
}

fn gaps(marks: &[Mark], found: &Found) -> Vec<Gap> {
    let mut times = marks.iter().map(|mark| mark.at_ms).filter(|at_ms| *at_ms > 0);
    let from_ms = times.next().unwrap_or(0);
    let to_ms = times.next_back().unwrap_or(from_ms);
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

    fn record(&mut self, ids: CaptureIds, index: usize, row: Row, media: &MediaStore) -> Result<Record, ImportError> {
        let mark = &self.marks[index];
        let text = self.files.text(mark.place)?;
        if digest(&text) != mark.bytes {
            return Err(MatrixError::Changed { file: self.files.named() }.into());
        }
        let json = serde_json::from_slice(&text).unwrap_or_default();
        let id = mark.id.to_string();
        let given_id = mark.is_id_given.then(|| id.clone());
        let event = RoomEvent { given_id, id, version: self.version, checked: mark.checked, json };
        let class = if mark.checked.is_held() { ProofClass::ANativeSigned } else { ProofClass::CExportFile };
        let attached = self.attached(&event, media)?;
        let record = mapping::record(ids, &event, row, class, &self.relations, attached);
        Ok(if self.marks[index].is_other_copy { mapping::other_copy(record, &event) } else { record })
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
