//! How a read-out arrives: which name in a folder or archive is the chat, what the chat is called, and which file belongs to
//! which attachment. Names and sizes in, indices out; no file is opened here.

use super::locale::phrases;
use super::{AttachmentState, FILE_BYTES_MAX, Record};
pub use crate::import::parcel::{ENTRIES_MAX, Entry};
use std::collections::HashMap;

/// Most names that a refusal lists.
pub const LISTED_MAX: usize = 10;

/// What to open next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The chat text is here.
    Chat {
        /// Index of its entry.
        index: usize,
        /// Title of the chat in the file name; an iPhone puts it in the name of the archive.
        title: Option<Title>,
    },
    /// The only thing that can hold the chat is another archive (`.zip.zip`).
    Nested {
        /// Index of its entry.
        index: usize,
    },
}

/// A title in a file name. It is a hint: a mail programme or the holder may have changed the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title {
    /// The title, with spaces for underscores where those replaced them.
    pub text: String,
    /// False when underscores stood for spaces, so that an underscore of the title itself is lost.
    pub certain: bool,
}

/// Why no chat is found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// Above [`ENTRIES_MAX`].
    #[error("the read-out has {got} files, at most {max} are read")]
    TooManyEntries {
        /// How many there are.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// Nothing has the name of a chat text.
    #[error("none of the {of} files is a chat text, as «_chat.txt» or «WhatsApp-chat met ….txt» is: {}", .names.join(", "))]
    NoChat {
        /// How many names there are.
        of: usize,
        /// The first [`LISTED_MAX`] of them.
        names: Vec<String>,
    },
    /// More than one has, and choosing would be guessing.
    #[error("{of} files can be the chat text, one is wanted: {}", .names.join(", "))]
    ManyChats {
        /// How many there are.
        of: usize,
        /// The first [`LISTED_MAX`] of them.
        names: Vec<String>,
    },
    /// The chat text is too large to read.
    #[error("the chat text «{name}» has {got} bytes, at most {max} are read")]
    ChatTooLarge {
        /// Its name.
        name: String,
        /// Its size, in bytes.
        got: u64,
        /// The limit, in bytes.
        max: u64,
    },
}

/// Finds the one chat text among the names of a folder or archive.
pub fn find_chat(entries: &[Entry]) -> Result<Arrival, ContainerError> {
    if entries.len() > ENTRIES_MAX {
        return Err(ContainerError::TooManyEntries { got: entries.len(), max: ENTRIES_MAX });
    }
    let indices = |wanted: fn(&str) -> bool| {
        let named = entries.iter().enumerate().filter(move |(_, entry)| !entry.is_debris());
        named.filter(move |(_, entry)| wanted(base(&entry.name))).map(|(index, _)| index).collect::<Vec<_>>()
    };
    let chats = indices(is_chat_name);
    match chats[..] {
        [index] => chat(entries, index),
        [] => match indices(|name| name.to_ascii_lowercase().ends_with(".zip"))[..] {
            [index] => Ok(Arrival::Nested { index }),
            _ => {
                let all = indices(|_| true);
                Err(ContainerError::NoChat { of: all.len(), names: listed(entries, &all) })
            }
        },
        _ => Err(ContainerError::ManyChats { of: chats.len(), names: listed(entries, &chats) }),
    }
}

fn chat(entries: &[Entry], index: usize) -> Result<Arrival, ContainerError> {
    let (entry, max) = (&entries[index], FILE_BYTES_MAX as u64);
    if entry.size > max {
        return Err(ContainerError::ChatTooLarge { name: entry.name.clone(), got: entry.size, max });
    }
    Ok(Arrival::Chat { index, title: title_in(base(&entry.name)) })
}

fn listed(entries: &[Entry], indices: &[usize]) -> Vec<String> {
    indices.iter().take(LISTED_MAX).map(|index| entries[*index].name.clone()).collect()
}

/// The title in the name of a chat text or of the archive around it, `.zip.zip` included.
pub fn title_in(name: &str) -> Option<Title> {
    let mut stem = base(name);
    while let Some(shorter) = [".txt", ".zip"].iter().find_map(|end| strip_suffix_any_case(stem, end)) {
        stem = shorter;
    }
    let spaced = stem.replace('_', " ");
    let title = |stem: &str| {
        phrases().title_before.iter().find_map(|before| stem.strip_prefix(before.as_str()).map(str::to_owned))
    };
    let (text, certain) = title(stem).map(|text| (text, true)).or_else(|| title(&spaced).map(|text| (text, false)))?;
    (!text.is_empty()).then_some(Title { text, certain })
}

fn strip_suffix_any_case<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    let at = name.len().checked_sub(end.len()).filter(|at| name.is_char_boundary(*at))?;
    name[at..].eq_ignore_ascii_case(end).then_some(&name[..at])
}

fn is_chat_name(name: &str) -> bool {
    let text = strip_suffix_any_case(name, ".txt").is_some();
    name == "_chat.txt" || (text && title_in(name).is_some())
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Which file is which attachment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// Attachments with their file.
    pub found: Vec<Found>,
    /// Attachments that the text names and nothing has the name of, or more than one: (record, attachment) indices.
    pub missing: Vec<(usize, usize)>,
    /// Files that no text names: entry indices.
    pub unclaimed: Vec<usize>,
}

/// An attachment with its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Index of the record.
    pub record: usize,
    /// Index of the attachment in the record.
    pub attachment: usize,
    /// Index of the file.
    pub entry: usize,
    /// How the names agree.
    pub by: NameMatch,
}

/// How two names agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameMatch {
    /// Letter for letter.
    Exact,
    /// The text has a full stop after the name and the file has not: Android writes `DOC-20220502-WA0006.` for a file
    /// without extension, and file systems drop that stop.
    WithoutFinalStop,
}

/// Finds the files beside the chat text `chat` that the records name. Only names in the folder of the chat count, and a name
/// with a folder in it is never followed.
pub fn match_files(records: &[Record], entries: &[Entry], chat: usize) -> Files {
    let folder = |name: &str| name.len() - base(name).len();
    let beside = |entry: &&Entry| {
        entries.get(chat).is_some_and(|chat| entry.name[..folder(&entry.name)] == chat.name[..folder(&chat.name)])
    };
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, entry) in entries.iter().enumerate().filter(|(index, entry)| *index != chat && beside(entry)) {
        if !entry.is_debris() {
            by_name.entry(base(&entry.name)).or_default().push(index);
        }
    }
    let mut files = Files::default();
    for (record, attachment, name) in named_attachments(records) {
        match find_file(&by_name, name) {
            Some((entry, by)) => files.found.push(Found { record, attachment, entry, by }),
            None => files.missing.push((record, attachment)),
        }
    }
    let claimed: std::collections::HashSet<_> = files.found.iter().map(|found| found.entry).collect();
    let other = |index: &usize| *index != chat && !entries[*index].is_debris() && !claimed.contains(index);
    files.unclaimed = (0..entries.len()).filter(other).collect();
    files
}

fn named_attachments(records: &[Record]) -> impl Iterator<Item = (usize, usize, &str)> {
    records.iter().enumerate().flat_map(|(index, record)| {
        let attached = record.attachments.iter().enumerate().filter(|(_, one)| one.state == AttachmentState::Attached);
        attached.filter_map(move |(attachment, one)| Some((index, attachment, one.name.as_deref()?)))
    })
}

fn find_file(by_name: &HashMap<&str, Vec<usize>>, name: &str) -> Option<(usize, NameMatch)> {
    let only = |name: &str| by_name.get(name).and_then(|indices| (indices.len() == 1).then_some(indices[0]));
    let exact = only(name).map(|index| (index, NameMatch::Exact));
    exact.or_else(|| Some((only(name.strip_suffix('.')?)?, NameMatch::WithoutFinalStop)))
}
