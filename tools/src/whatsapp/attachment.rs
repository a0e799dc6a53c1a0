//! Attachments as a text names them, and the words that stand for one that was left out.

use super::header::Platform;
use super::locale::phrases;
use super::marks;

/// One attachment of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name as the text has it; `None` when it was left out without a name.
    pub name: Option<String>,
    /// Whether a file should have come along.
    pub state: AttachmentState,
    /// False when the sender can have typed these words.
    pub certain: bool,
}

/// Whether a file should have come along with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachmentState {
    /// The text names a file of this read-out.
    Attached,
    /// The read-out was made without media, or the phone had lost it.
    LeftOut(LeftOut),
}

/// What was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Android does not say what.
    Media,
    /// A photo.
    Image,
    /// A video.
    Video,
    /// Sound.
    Audio,
    /// A sticker.
    Sticker,
    /// A moving picture.
    Gif,
    /// A document; its name often stands before it, in the text.
    Document,
    /// A contact card.
    Contact,
}

/// Longest file name, in bytes; file systems stop at 255.
const NAME_BYTES_MAX: usize = 1024;

/// Most attachments in one record. A real one has one; the rest of a longer list is text somebody copied.
const ATTACHMENTS_MAX: usize = 64;

/// Finds the attachments of a message. `header_marked` says that U+200E stood before the header, as an iPhone writes it
/// exactly where there is an attachment.
pub(super) fn of(text: &[u8], platform: Platform, header_marked: bool) -> Vec<Attachment> {
    let text = String::from_utf8_lossy(text);
    match platform {
        Platform::Android => android(text.lines().next().unwrap_or_default()).into_iter().collect(),
        Platform::Ios => text.lines().filter_map(|line| ios(line, header_marked)).take(ATTACHMENTS_MAX).collect(),
    }
}

fn android(first_line: &str) -> Option<Attachment> {
    let certain = first_line.starts_with(marks::APP);
    let line = first_line.trim_start_matches(marks::APP).trim_end();
    if phrases().media_left_out.iter().any(|words| words == line) {
        return Some(Attachment { name: None, state: AttachmentState::LeftOut(LeftOut::Media), certain });
    }
    let name = phrases().attached_after.iter().find_map(|words| line.strip_suffix(words.as_str()))?;
    let resembles_file = certain || (name.contains('.') && !name.contains('/'));
    (resembles_file && !name.is_empty() && name.len() <= NAME_BYTES_MAX).then(|| Attachment {
        name: Some(name.to_owned()),
        state: AttachmentState::Attached,
        certain,
    })
}

/// Words of the app stand after U+200E; without it they are the sender's, and no attachment.
fn ios(line: &str, certain: bool) -> Option<Attachment> {
    line.trim_end().split(marks::APP).skip(1).find_map(|words| {
        let name =
            phrases().attached_before.iter().find_map(|open| words.strip_prefix(open.as_str())?.strip_suffix('>'));
        if let Some(name) = name.filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX) {
            return Some(Attachment { name: Some(name.to_owned()), state: AttachmentState::Attached, certain });
        }
        let (_, what) = phrases().left_out.iter().find(|(left_out, _)| words == left_out)?;
        Some(Attachment { name: None, state: AttachmentState::LeftOut(*what), certain })
    })
}
