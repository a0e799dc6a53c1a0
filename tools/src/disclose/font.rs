//! Fonts of a document: letters first, then emoji; what none of them has is told by its code point, never as an empty box.
//!
//! Text comes from strangers. Invariant: every glyph that is drawn is one that the text shows: no ligature, no kerning, no
//! mark that turns a line around, nothing of zero width without end. Limit: scripts that are written from right to left, or
//! whose letters join, are shown letter by letter in the order in which they were typed.
//!
//! DejaVu Sans (Bitstream Vera licence) and Noto Emoji (OFL 1.1) are embedded: `tools/fonts`.

use super::DisclosureError;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};

const REGULAR: &[u8] = include_bytes!("../../fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("../../fonts/DejaVuSans-Bold.ttf");
const EMOJI: &[u8] = include_bytes!("../../fonts/NotoEmoji-Regular.ttf");
/// Marks that are drawn over one letter; a longer heap is cut off, and the cut is shown.
const MARKS_MAX: usize = 4;

/// How heavy letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

struct Face {
    font: Font,
    letters: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
}

/// The fonts of all documents.
pub(super) struct Fonts {
    regular: Face,
    bold: Face,
    emoji: Face,
}

/// Letters of one font, side by side.
pub(super) struct Run {
    pub(super) font: Font,
    pub(super) text: String,
    pub(super) glyphs: Vec<KrillaGlyph>,
    /// In parts of the size.
    pub(super) width: f32,
}

impl Face {
    fn new(bytes: &'static [u8], name: &'static str) -> Result<Self, DisclosureError> {
        let unusable = || DisclosureError::Font { name };
        let font = Font::new(bytes.into(), 0).ok_or_else(unusable)?;
        let of = FontRef::new(bytes).map_err(|_| unusable())?;
        let metrics = of.glyph_metrics(Size::new(1.0), LocationRef::default());
        Ok(Self { font, letters: of.charmap(), metrics })
    }

    /// Glyph and advance, in parts of the size.
    fn glyph(&self, letter: char) -> Option<(u32, f32)> {
        let glyph = self.letters.map(letter).filter(|glyph| glyph.to_u32() != 0)?;
        Some((glyph.to_u32(), self.metrics.advance_width(glyph)?))
    }
}

impl Fonts {
    pub(super) fn new() -> Result<Self, DisclosureError> {
        Ok(Self {
            regular: Face::new(REGULAR, "DejaVuSans.ttf")?,
            bold: Face::new(BOLD, "DejaVuSans-Bold.ttf")?,
            emoji: Face::new(EMOJI, "NotoEmoji-Regular.ttf")?,
        })
    }

    fn face(&self, letter: char, weight: Weight) -> Option<(&Face, u32, f32)> {
        let first = if weight == Weight::Bold { &self.bold } else { &self.regular };
        [first, &self.regular, &self.emoji]
            .into_iter()
            .find_map(|face| face.glyph(letter).map(|(glyph, advance)| (face, glyph, advance)))
    }

    /// How wide a text is, in parts of the size.
    pub(super) fn width(&self, text: &str, weight: Weight) -> f32 {
        text.chars().filter_map(|letter| self.face(letter, weight)).map(|(_, _, advance)| advance).sum()
    }

    /// A visible text as runs of one font each.
    pub(super) fn runs(&self, text: &str, weight: Weight) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for letter in text.chars() {
            let Some((face, glyph, advance)) = self.face(letter, weight) else { continue };
            if runs.last().is_none_or(|last| last.font != face.font) {
                runs.push(Run { font: face.font.clone(), text: String::new(), glyphs: Vec::new(), width: 0.0 });
            }
            if let Some(run) = runs.last_mut() {
                let begin = run.text.len();
                run.text.push(letter);
                let id = GlyphId::new(glyph);
                run.glyphs.push(KrillaGlyph::new(id, advance, 0.0, 0.0, 0.0, begin..run.text.len(), None));
                run.width += advance;
            }
        }
        runs
    }

    /// Text of a stranger as it can be shown: line feeds stay, everything else has a glyph.
    pub(super) fn visible(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut marks = 0;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let drawn = match letter {
                '\r' if letters.peek() == Some(&'\n') => continue,
                '\n' => Some('\n'),
                '\t' => Some(' '),
                // Joins and chooses between forms of a letter: without a form of its own.
                '\u{200d}' | '\u{200c}' | '\u{200e}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => continue,
                '\u{00a0}' | '\u{202f}' | '\u{2007}' => Some('\u{a0}'),
                _ => Some(letter).filter(|letter| is_plain(*letter)),
            };
            let advance = drawn.and_then(|drawn| self.face(drawn, Weight::Regular)).map(|(_, _, advance)| advance);
            marks = if advance == Some(0.0) { marks + 1 } else { 0 };
            match (drawn, advance) {
                (Some('\n'), _) => shown.push('\n'),
                (Some(_), Some(_)) if marks == MARKS_MAX + 1 => shown.push('…'),
                (Some(_), Some(_)) if marks > MARKS_MAX => {}
                (Some(drawn), Some(_)) => shown.push(drawn),
                _ => shown.push_str(&format!("‹U+{:04X}›", letter as u32)),
            }
        }
        shown
    }
}

/// Not a control, not one that turns the line, not one of nobody's (private use), not a blank that is none.
fn is_plain(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dutch_letters_and_emoji_have_glyphs() {
        let fonts = Fonts::new().expect("fonts");
        let text = "Één coöperatie: ĳs, ƒ 5,— €10 ‘naïef’ 👍 🎉 😀 ☎ ✔";
        assert_eq!(fonts.visible(text), text);
    }

    #[test]
    fn what_turns_a_line_or_has_no_glyph_is_told_by_its_code_point() {
        let fonts = Fonts::new().expect("fonts");
        for (hostile, shown) in [
            ("a\u{202e}gnp.exe", "a‹U+202E›gnp.exe"),
            ("\u{200e}gewoon", "gewoon"),
            ("👩\u{200d}💻\u{fe0f}", "👩💻"),
            ("\u{0}\u{1b}[2J", "‹U+0000›‹U+001B›[2J"),
            ("\u{e0041}\u{f8ff}\u{200b}", "‹U+E0041›‹U+F8FF›‹U+200B›"),
            ("a\r\nb\tc\rd", "a\nb c‹U+000D›d"),
            ("\u{1f9ff}\u{10ffff}", "‹U+1F9FF›‹U+10FFFF›"),
        ] {
            assert_eq!(fonts.visible(hostile), shown);
        }
    }

    #[test]
    fn a_heap_of_marks_is_cut_off() {
        let fonts = Fonts::new().expect("fonts");
        let shown = fonts.visible(&format!("e{}x", "\u{301}".repeat(1_000)));
        assert_eq!(shown, format!("e{}…x", "\u{301}".repeat(MARKS_MAX)));
    }
}
