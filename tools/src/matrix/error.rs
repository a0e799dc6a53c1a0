//! Why events of Matrix are not read.

use crate::import::ParcelError;
use std::path::PathBuf;
use thiserror::Error;

/// Why events are not read.
#[derive(Debug, Error)]
pub enum MatrixError {
    /// Files.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
    /// Not JSON.
    #[error("{file} is not JSON, at line {line}, column {column}: it is damaged or was cut off")]
    Json {
        /// Which.
        file: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON in which no events stand where they can.
    #[error(
        "{file} has no events: wanted the answer to /messages or /sync, a list of events, one event a line, or an Element export"
    )]
    NoEvents {
        /// Which.
        file: String,
    },
    /// Nothing in which events can stand; what people sent is not read as events.
    #[error(
        "{path} has no JSON of a room: what lies in files, images, videos, audio or stickers was sent in it; name the file of the events"
    )]
    NoFiles {
        /// Which.
        path: PathBuf,
    },
    /// JSON in several folders that lie equally high.
    #[error("JSON lies in {} folders: {}; read one at a time, or name the files", .folders.len(), .folders.join(", "))]
    ManyFolders {
        /// Their names.
        folders: Vec<String>,
    },
    /// Above [`EVENTS_MAX`](super::EVENTS_MAX).
    #[error("the room has more than {max} events")]
    TooManyEvents {
        /// The limit.
        max: usize,
    },
    /// Above [`EVENT_BYTES_MAX`](super::EVENT_BYTES_MAX).
    #[error("event {number} has {found} bytes, at most {max} are read: servers refuse more than 65536")]
    EventTooLong {
        /// In the order of the file, from 0.
        number: usize,
        /// Bytes found.
        found: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// Something in the list that is no event.
    #[error("event {number} has no {field}: it is no event of a room")]
    NotAnEvent {
        /// In the order of the file, from 0.
        number: usize,
        /// What is missing.
        field: &'static str,
    },
    /// An event as servers exchange them has no id; its id follows from its hash, by the rules of its room's version.
    #[error("event {number} has no event_id, and the version of the room is not known: give --room-version")]
    NoRoomVersion {
        /// In the order of the file, from 0.
        number: usize,
    },
    /// A version whose rules are not known here.
    #[error("room version {found:?} is not one of 1 to 12")]
    RoomVersion {
        /// As stated.
        found: String,
    },
    /// Events of more than one room.
    #[error("the events are of {} rooms: {}; name one with --room", .rooms.len(), .rooms.join(", "))]
    ManyRooms {
        /// Their ids.
        rooms: Vec<String>,
    },
    /// None of the room that was asked for.
    #[error("no event is of room {wanted}")]
    OtherRoom {
        /// As asked for.
        wanted: String,
    },
    /// What is read again is not what was read first.
    #[error("{file} changed while it was read: nothing more of it is taken")]
    Changed {
        /// Which, or the first of them.
        file: String,
    },
    /// A file of server keys that is none, or does not hold.
    #[error("{file}: {reason}")]
    Keys {
        /// Which.
        file: String,
        /// What is wrong.
        reason: &'static str,
    },
}
