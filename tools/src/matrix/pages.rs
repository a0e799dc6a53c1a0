//! Where events stand in a file: the answers to `/messages` and `/sync`, lists, lines, and what Element exports.

use super::MatrixError;
use crate::json::{at, items, text};
use serde_json::Value;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `GET /rooms/{room}/messages`, or a list of events.
    Events,
    /// `GET /sync`.
    Sync,
    /// One event a line, as a server's administrator exports them.
    Lines,
    /// "Export chat" of Element: one client's view, with what it could not show left out.
    Element,
}

/// Events of a file, in its order, each with the room that the file says it is of.
pub(super) struct Page {
    pub(super) form: Form,
    pub(super) events: Vec<(Option<String>, Value)>,
    /// What Element calls the room.
    pub(super) title: Option<String>,
    /// More is there that this page does not have.
    pub(super) is_limited: bool,
}

/// Finds the events of a file.
pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Page, MatrixError> {
    let value = match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => value,
        Err(_) if bytes.trim_ascii_start().starts_with(b"{") && bytes.contains(&b'\n') => return lines(file, bytes),
        Err(error) => return Err(not_json(file, &error)),
    };
    if let Some(list) = value.as_array() {
        return Ok(page(Form::Events, list.iter().map(|event| (None, event.clone())).collect()));
    }
    if at(&value, &["rooms"]).is_some() {
        return Ok(sync(&value));
    }
    if value.get("room_name").is_some() && value.get("messages").is_some() {
        let events = items(&value, &["messages"]).iter().map(|event| (None, event.clone())).collect();
        let title = text(&value, &["room_name"]).map(str::to_owned);
        return Ok(Page { title, ..page(Form::Element, events) });
    }
    let chunk = items(&value, &["state"]).iter().chain(items(&value, &["chunk"]));
    let events: Vec<_> = chunk.map(|event| (None, event.clone())).collect();
    if !events.is_empty() {
        return Ok(page(Form::Events, events));
    }
    if value.get("type").is_some() && value.get("sender").is_some() {
        return Ok(page(Form::Lines, vec![(None, value)]));
    }
    if value.get("chunk").is_some() {
        return Ok(page(Form::Events, Vec::new()));
    }
    Err(MatrixError::NoEvents { file: file.into() })
}

fn page(form: Form, events: Vec<(Option<String>, Value)>) -> Page {
    Page { form, events, title: None, is_limited: false }
}

fn not_json(file: &str, error: &serde_json::Error) -> MatrixError {
    MatrixError::Json { file: file.into(), line: error.line(), column: error.column() }
}

fn lines(file: &str, bytes: &[u8]) -> Result<Page, MatrixError> {
    let mut events = Vec::new();
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let event = serde_json::from_slice(text);
        let event = event.map_err(|error| MatrixError::Json { file: file.into(), line, column: error.column() })?;
        events.push((None, event));
    }
    Ok(page(Form::Lines, events))
}

fn sync(value: &Value) -> Page {
    let mut found = page(Form::Sync, Vec::new());
    for membership in ["join", "leave"] {
        let rooms = at(value, &["rooms", membership]).and_then(Value::as_object);
        for (room, parts) in rooms.into_iter().flatten() {
            found.is_limited |= at(parts, &["timeline", "limited"]).and_then(Value::as_bool) == Some(true);
            let state = items(parts, &["state", "events"]).iter().chain(items(parts, &["timeline", "events"]));
            found.events.extend(state.map(|event| (Some(room.clone()), event.clone())));
        }
    }
    found
}
