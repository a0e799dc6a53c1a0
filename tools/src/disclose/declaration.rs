//! A declaration as PDF/A-2a: what ended, on what ground, how, who, when and how many, and no content. A rendering: the act in the log is what counts.

use super::DisclosureError;
use super::font::Fonts;
use super::layout::{Paragraph, Role};
use super::pdf::{About, print};

/// Prints a declaration. `lines` are its own words, each a paragraph; `made_ms` is milliseconds since 1970.
///
/// # Errors
/// [`DisclosureError::Font`], [`DisclosureError::Page`], [`DisclosureError::Pdf`].
pub fn declaration(title: &str, lines: &[String], made_ms: u64) -> Result<Vec<u8>, DisclosureError> {
    let fonts = Fonts::new()?;
    let about = About { title: title.into(), made_ms, foot: "Zegel".into() };
    let words = |line: &String| Paragraph::words(Role::Text, fonts.visible(line));
    let mut paragraphs = vec![Paragraph::words(Role::Title, title.into())];
    paragraphs.extend(lines.iter().map(words));
    print(&about, &paragraphs, &fonts)
}
