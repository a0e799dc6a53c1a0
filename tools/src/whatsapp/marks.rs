//! The invisible characters that WhatsApp puts between its words, and what they tell.

/// U+200E. Right after `Name: ` or around `<attached: …>` it says that the app wrote the words: nobody types it by hand.
pub(super) const APP: &str = "\u{200e}";

/// True for the characters that only steer writing direction: they are no part of a name.
pub(super) fn is_direction(mark: char) -> bool {
    matches!(mark, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same text without direction marks. Other characters, such as the no-break spaces in a number, stay as written.
pub(super) fn without_direction(text: &str) -> String {
    text.chars().filter(|mark| !is_direction(*mark)).collect()
}

/// The text without its last line terminator.
pub(super) fn without_terminator(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

/// A line for in a refusal: printable, without invisible marks, and shortened.
pub(super) fn quote(line: &[u8]) -> String {
    // Four bytes a character at most, so this prefix is enough, however long the line is.
    let start = &line[..line.len().min(4 * super::QUOTE_CHARS_MAX)];
    let text = String::from_utf8_lossy(without_terminator(start));
    let shown: String = text.chars().filter(|c| !c.is_control() && !is_direction(*c) && *c != '\u{feff}').collect();
    let mut quoted: String = shown.chars().take(super::QUOTE_CHARS_MAX).collect();
    if shown.chars().count() > super::QUOTE_CHARS_MAX || start.len() < line.len() {
        quoted.push('…');
    }
    quoted
}
