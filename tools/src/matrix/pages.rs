//! Where events stand in a file: the answers to `/messages` and `/sync`, lists, lines, and what Element exports.
//!
//! Events are found, not read: what is given is the text of each, as it stands in the file.

use super::MatrixError;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

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
pub(super) struct Page<'a> {
    pub(super) form: Form,
    pub(super) events: Vec<(Option<Arc<str>>, &'a str)>,
    /// What Element calls the room.
    pub(super) title: Option<String>,
    /// More is there that this page does not have.
    pub(super) is_limited: bool,
}

/// The fields of an object; of a name that stands there twice the last counts, as for every reader of JSON here.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Finds the events of a file.
pub(super) fn read<'a>(file: &str, bytes: &'a [u8]) -> Result<Page<'a>, MatrixError> {
    let whole = match serde_json::from_slice::<&RawValue>(bytes) {
        Ok(whole) => whole.get(),
        Err(_) if bytes.trim_ascii_start().starts_with(b"{") && bytes.contains(&b'\n') => return lines(file, bytes),
        Err(error) => return Err(not_json(file, &error)),
    };
    if whole.starts_with('[') {
        return Ok(page(Form::Events, list(whole)));
    }
    let no_events = || MatrixError::NoEvents { file: file.into() };
    let fields = read_as::<Fields<'_>>(whole).ok_or_else(no_events)?;
    if let Some(rooms) = fields.get("rooms") {
        return Ok(sync(rooms.get()));
    }
    let events_of = |name: &str| fields.get(name).map(|events| list(events.get())).unwrap_or_default();
    if let (Some(title), true) = (fields.get("room_name"), fields.contains_key("messages")) {
        return Ok(Page { title: read_as(title.get()), ..page(Form::Element, events_of("messages")) });
    }
    let events = [events_of("state"), events_of("chunk")].concat();
    if !events.is_empty() || fields.contains_key("chunk") {
        return Ok(page(Form::Events, events));
    }
    if fields.contains_key("type") && fields.contains_key("sender") {
        return Ok(page(Form::Lines, vec![whole]));
    }
    Err(no_events())
}

fn read_as<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// The items of a list; none where there is no list.
fn list(text: &str) -> Vec<&str> {
    read_as::<Vec<&RawValue>>(text).unwrap_or_default().into_iter().map(RawValue::get).collect()
}

fn page(form: Form, events: Vec<&str>) -> Page<'_> {
    let events = events.into_iter().map(|event| (None, event)).collect();
    Page { form, events, title: None, is_limited: false }
}

fn not_json(file: &str, error: &serde_json::Error) -> MatrixError {
    MatrixError::Json { file: file.into(), line: error.line(), column: error.column() }
}

fn lines<'a>(file: &str, bytes: &'a [u8]) -> Result<Page<'a>, MatrixError> {
    let mut events = Vec::new();
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let event = serde_json::from_slice::<&RawValue>(text);
        let event = event.map_err(|error| MatrixError::Json { file: file.into(), line, column: error.column() })?;
        events.push(event.get());
    }
    Ok(page(Form::Lines, events))
}

fn sync(rooms: &str) -> Page<'_> {
    let mut found = page(Form::Sync, Vec::new());
    let memberships: Fields<'_> = read_as(rooms).unwrap_or_default();
    for membership in ["join", "leave"].iter().filter_map(|name| memberships.get(*name)) {
        for (room, parts) in read_as::<Fields<'_>>(membership.get()).unwrap_or_default() {
            let (room, parts): (Arc<str>, Fields<'_>) = (room.into(), read_as(parts.get()).unwrap_or_default());
            let part =
                |name: &str| parts.get(name).and_then(|part| read_as::<Fields<'_>>(part.get())).unwrap_or_default();
            let (state, timeline) = (part("state"), part("timeline"));
            found.is_limited |= timeline.get("limited").is_some_and(|limited| limited.get() == "true");
            let events = [&state, &timeline].into_iter().filter_map(|part| part.get("events"));
            found
                .events
                .extend(events.flat_map(|events| list(events.get())).map(|event| (Some(Arc::clone(&room)), event)));
        }
    }
    found
}
