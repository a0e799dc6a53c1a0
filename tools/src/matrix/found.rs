//! Where the events of a room lie in the files that were handed over: found once, and read again when their turn comes.
//!
//! What participants sent is never read as events, whatever it is called: not what lies in the folders into which an export puts it,
//! and not what lies deeper than the events.
//!
//! Memory holds one file at a time, and of each event its place and whose room it is of. An event is read again only as it was:
//! a file that changes meanwhile is refused.

use super::{EVENTS_MAX, FILE_BYTES_MAX, Form, MatrixError, pages};
use crate::import::parcel::{Entry, unreadable};
use crate::import::{Depth, Parcel};
use crate::json::text;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// Folders into which Element puts what people sent, under the names that they gave it.
const SENT_FOLDERS: [&str; 5] = ["files", "images", "videos", "audio", "stickers"];
/// What Element calls the events of an export with media.
const EXPORT: &str = "export.json";

/// Where an event lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    file: u32,
    offset: u32,
    bytes: u32,
}

// So that an offset fits.
const _: () = assert!(FILE_BYTES_MAX <= u32::MAX as u64);

/// The files, open.
#[derive(Default)]
pub(super) struct Files(Vec<(String, File)>);

/// What was found in all files, before it is put in order.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: Files,
    events: Vec<(Option<Arc<str>>, Place)>,
    /// What each `m.room.create` says of its room's version.
    versions: Vec<(Option<Arc<str>>, String)>,
    rooms: BTreeSet<Arc<str>>,
    pub(super) forms: Vec<Form>,
    pub(super) title: Option<String>,
    pub(super) hasher: Sha256,
    pub(super) bytes: u64,
    pub(super) is_limited: bool,
    pub(super) media: Vec<Parcel>,
    /// JSON that came along and was not read.
    pub(super) passed_over: usize,
}

/// As much of an event as says whether it is one of the room.
#[derive(Deserialize)]
struct Outline {
    #[serde(rename = "type", default)]
    kind: Value,
    #[serde(default)]
    room_id: Value,
}

impl Files {
    /// The text of an event, as it stands in its file.
    pub(super) fn text(&self, place: Place) -> Result<Vec<u8>, MatrixError> {
        let (name, file) = &self.0[place.file as usize];
        let mut bytes = vec![0; place.bytes as usize];
        file.read_exact_at(&mut bytes, u64::from(place.offset)).map_err(unreadable(Path::new(name)))?;
        Ok(bytes)
    }

    /// It was JSON to look at, and is not to be read: a number beyond all measure, or lists in lists in lists.
    pub(super) fn not_json(&self, place: Place, error: &serde_json::Error) -> MatrixError {
        let before = Place { offset: 0, bytes: place.offset, ..place };
        let lines = self.text(before).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count());
        let file = self.0[place.file as usize].0.clone();
        MatrixError::Json { file, line: lines + error.line(), column: error.column() }
    }

    /// What to call all of them.
    pub(super) fn named(&self) -> String {
        let first = self.0.first().map(|(name, _)| name.clone()).unwrap_or_default();
        if self.0.len() > 1 { format!("{first} and {} more", self.0.len() - 1) } else { first }
    }
}

impl Found {
    /// Looks through a file, a folder or a ZIP.
    pub(super) fn take(&mut self, path: &Path) -> Result<(), MatrixError> {
        let mut parcel = Parcel::open(path, Depth::Nested)?;
        let entries = parcel.entries();
        let (pages, is_alone) = (pages_of(entries, path)?, entries.len() == 1);
        let listed = entries.iter().filter(|entry| !is_alone && is_json(entry)).count();
        let mut read = 0;
        for index in pages {
            let name = parcel.entries()[index].base().to_owned();
            let file = parcel.file(index, FILE_BYTES_MAX)?;
            let is_export = name == EXPORT;
            self.page(name, file)?;
            read += 1;
            // Beside an export there is nothing more of the room, and what lies there was put there by somebody.
            if is_export && self.forms.last() == Some(&Form::Element) {
                break;
            }
        }
        self.passed_over += listed.saturating_sub(read);
        if read < parcel.entries().len() {
            self.media.push(parcel);
        }
        Ok(())
    }

    fn page(&mut self, name: String, mut file: File) -> Result<(), MatrixError> {
        let mut bytes = Vec::new();
        let read = Read::by_ref(&mut file).take(FILE_BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(unreadable(Path::new(&name)))?;
        let page = pages::read(&name, &bytes)?;
        self.hasher.update(&bytes);
        self.bytes += bytes.len() as u64;
        self.forms.push(page.form);
        self.title = self.title.take().or(page.title);
        self.is_limited |= page.is_limited;
        if self.events.len() + page.events.len() > EVENTS_MAX {
            return Err(MatrixError::TooManyEvents { max: EVENTS_MAX });
        }
        let number = self.files.0.len() as u32;
        for (room, event) in page.events {
            let offset = (event.as_ptr() as usize - bytes.as_ptr() as usize) as u32;
            self.event(room, event, Place { file: number, offset, bytes: event.len() as u32 });
        }
        self.files.0.push((name, file));
        Ok(())
    }

    fn event(&mut self, room: Option<Arc<str>>, event: &str, place: Place) {
        let outline = serde_json::from_str::<Outline>(event);
        let outline = outline.unwrap_or(Outline { kind: Value::Null, room_id: Value::Null });
        let room = room.or_else(|| outline.room_id.as_str().map(|room| self.one(room)));
        if outline.kind == "m.room.create" {
            let create: Value = serde_json::from_str(event).unwrap_or_default();
            // A room that states no version is of the first.
            let version = text(&create, &["content", "room_version"]).unwrap_or("1");
            self.versions.push((room.clone(), version.into()));
        }
        self.rooms.extend(room.clone());
        self.events.push((room, place));
    }

    /// The name of a room, kept once.
    fn one(&self, room: &str) -> Arc<str> {
        self.rooms.get(room).cloned().unwrap_or_else(|| room.into())
    }

    /// The events of one room, those that name none among them, and the version that the room states.
    pub(super) fn of_room(&mut self, wanted: Option<&str>) -> Result<(Vec<Place>, Option<String>), MatrixError> {
        if wanted.is_none() && self.rooms.len() > 1 {
            return Err(MatrixError::ManyRooms { rooms: self.rooms.iter().map(|room| room.to_string()).collect() });
        }
        if let Some(wanted) = wanted.filter(|wanted| !self.rooms.is_empty() && !self.rooms.contains(*wanted)) {
            return Err(MatrixError::OtherRoom { wanted: wanted.into() });
        }
        let is_of = |room: &Option<Arc<str>>| match (wanted, room) {
            (Some(wanted), Some(found)) => wanted == &**found,
            _ => true,
        };
        let stated = self.versions.iter().find(|(room, _)| is_of(room));
        let version = stated.map(|(_, version)| version.clone());
        let events = std::mem::take(&mut self.events).into_iter();
        Ok((events.filter(|(room, _)| is_of(room)).map(|(_, place)| place).collect(), version))
    }
}

fn is_json(entry: &Entry) -> bool {
    !entry.is_debris() && [".json", ".jsonl", ".ndjson"].iter().any(|end| entry.name.ends_with(end))
}

/// The folders that a name lies in; archives of Windows write `\`.
fn folders(entry: &Entry) -> Vec<&str> {
    let mut parts: Vec<_> = entry.name.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    parts.pop();
    parts
}

/// Which of these hold events: JSON of the one folder that lies highest, an export first. A single file is one, whatever its name.
fn pages_of(entries: &[Entry], path: &Path) -> Result<Vec<usize>, MatrixError> {
    let is_sent = |folder: &&str| SENT_FOLDERS.contains(folder) || *folder == "..";
    let is_page = |entry: &Entry| entries.len() == 1 && !entry.is_debris() || is_json(entry);
    let mut pages: Vec<_> = (0..entries.len())
        .map(|index| (folders(&entries[index]), index))
        .filter(|(folders, index)| is_page(&entries[*index]) && !folders.iter().any(is_sent))
        .collect();
    let highest = pages.iter().map(|(folders, _)| folders.len()).min();
    pages.retain(|(folders, _)| Some(folders.len()) == highest);
    let places: BTreeSet<_> = pages.iter().map(|(folders, _)| folders.join("/")).collect();
    if places.len() > 1 {
        return Err(MatrixError::ManyFolders { folders: places.into_iter().collect() });
    }
    if pages.is_empty() {
        return Err(MatrixError::NoFiles { path: path.into() });
    }
    let mut pages: Vec<_> = pages.into_iter().map(|(_, index)| index).collect();
    pages.sort_by_key(|index| entries[*index].base() != EXPORT);
    Ok(pages)
}
