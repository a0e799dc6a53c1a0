//! Text from a bundle, made safe to print: what a sender wrote may not move the reader's cursor or turn his line around.

/// The text with control characters and those that change the direction of writing replaced by U+FFFD.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if is_active(c) { '\u{fffd}' } else { c }).collect()
}

fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The same of bytes that should be text, at most `max` characters of it.
#[must_use]
pub fn plain_bytes(bytes: &[u8], max: usize) -> String {
    plain(&String::from_utf8_lossy(bytes).chars().take(max).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_move_the_cursor_or_turn_the_line() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}c");
        assert_eq!(plain("één 👍🏽"), "één 👍🏽");
    }
}
