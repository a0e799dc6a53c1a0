//! Fonts of a document: letters first, then emoji; what none of them has is told by its code point, never as an empty box.
//!
//! Text comes from strangers. Invariant: every glyph that is drawn is one that the text shows: no mark that turns a line
//! around, nothing of zero width without end. What is written from right to left is shaped (letters join), and so are emoji
//! (of several parts: one picture where the font has it); all else is set letter by letter, without ligatures and kerning. Limit: scripts of other
//! shapes (Devanagari and the like) have no font here and are told by their code points.
//!
//! DejaVu Sans (Bitstream Vera licence) and Noto Emoji (OFL 1.1) are embedded: `tools/fonts`.

use super::DisclosureError;
use harfrust::{Direction, ShaperData, UnicodeBuffer};
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

/// In which direction a run is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the right.
    Right,
    /// To the left.
    Left,
}

struct Face {
    font: Font,
    of: FontRef<'static>,
    shaping: ShaperData,
    per_em: f32,
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
        let per_em = f32::from(of.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        Ok(Self { font, letters: of.charmap(), metrics, shaping: ShaperData::new(&of), per_em, of })
    }

    /// Letter by letter.
    fn set(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(begin, letter): (usize, char)| {
            let (glyph, advance) = self.glyph(letter)?;
            Some(KrillaGlyph::new(GlyphId::new(glyph), advance, 0.0, 0.0, 0.0, begin..begin + letter.len_utf8(), None))
        };
        text.char_indices().filter_map(glyph).collect()
    }

    /// As the script joins letters; `None` if that leaves one without a glyph.
    fn shaped(&self, text: &str, way: Way) -> Option<Vec<KrillaGlyph>> {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.guess_segment_properties();
        buffer.set_direction(if way == Way::Left { Direction::RightToLeft } else { Direction::LeftToRight });
        let output = self.shaping.shaper(&self.of).build().shape(buffer, &[]);
        let mut begins: Vec<usize> = output.glyph_infos().iter().map(|info| info.cluster as usize).collect();
        begins.sort_unstable();
        begins.dedup();
        let end = |begin: usize| begins.iter().find(|next| **next > begin).copied().unwrap_or(text.len());
        let glyph = |(info, at): (&harfrust::GlyphInfo, &harfrust::GlyphPosition)| {
            let begin = info.cluster as usize;
            let part = |units: i32| units as f32 / self.per_em;
            let (wide, tall) = (part(at.x_advance), part(at.y_advance));
            let moved = (part(at.x_offset), part(at.y_offset));
            let id = GlyphId::new(info.glyph_id);
            (info.glyph_id != 0).then(|| KrillaGlyph::new(id, wide, moved.0, moved.1, tall, begin..end(begin), None))
        };
        output.glyph_infos().iter().zip(output.glyph_positions()).map(glyph).collect()
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
    pub(super) fn width(&self, text: &str, weight: Weight, way: Way) -> f32 {
        if way == Way::Right && text.is_ascii() {
            return text.chars().filter_map(|letter| self.face(letter, weight)).map(|(_, _, advance)| advance).sum();
        }
        self.runs(text, weight, way).iter().map(|run| run.width).sum()
    }

    /// A visible text as runs of one font each, from left to right as they are drawn.
    pub(super) fn runs(&self, text: &str, weight: Weight, way: Way) -> Vec<Run> {
        let mut parts: Vec<(&Face, String)> = Vec::new();
        for letter in text.chars() {
            let last = parts.last_mut();
            match self.face(letter, weight).map(|(face, ..)| face) {
                _ if is_joiner(letter) => {
                    if let Some((_, part)) = last.filter(|(face, _)| self.is_emoji(face)) {
                        part.push(letter);
                    }
                }
                Some(face) => match last {
                    Some((same, part)) if same.font == face.font => part.push(letter),
                    _ => parts.push((face, letter.into())),
                },
                None => {}
            }
        }
        if way == Way::Left {
            parts.reverse();
        }
        parts.into_iter().map(|(face, text)| self.run(face, text, way)).collect()
    }

    fn run(&self, face: &Face, text: String, way: Way) -> Run {
        let is_shaped = way == Way::Left || self.is_emoji(face);
        let shaped = if is_shaped { face.shaped(&text, way) } else { None };
        let glyphs = shaped.unwrap_or_else(|| face.set(&text));
        let width = glyphs.iter().map(|glyph| glyph.x_advance).sum();
        Run { font: face.font.clone(), text, glyphs, width }
    }

    fn is_emoji(&self, face: &Face) -> bool {
        face.font == self.emoji.font
    }

    /// Whether a letter is drawn with the font of emoji.
    fn is_drawn_as_emoji(&self, letter: char) -> bool {
        self.face(letter, Weight::Regular).is_some_and(|(face, ..)| self.is_emoji(face))
    }

    /// Text of a stranger as it can be shown: line feeds stay, everything else has a glyph.
    pub(super) fn visible(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut marks = 0;
        let mut last = ' ';
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let drawn = match letter {
                '\r' if letters.peek() == Some(&'\n') => continue,
                '\n' => Some('\n'),
                '\t' => Some(' '),
                // Between emoji it makes one of two.
                '\u{200d}' if self.is_joined(last, letters.peek()) => {
                    shown.push(letter);
                    continue;
                }
                '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' if self.is_drawn_as_emoji(last) => {
                    shown.push(letter);
                    continue;
                }
                // Joins and chooses between forms of a letter: without a form of its own.
                '\u{200d}' | '\u{200c}' | '\u{200e}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => continue,
                '\u{00a0}' | '\u{202f}' | '\u{2007}' => Some('\u{a0}'),
                _ => Some(letter).filter(|letter| is_plain(*letter)),
            };
            last = letter;
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

    fn is_joined(&self, last: char, next: Option<&char>) -> bool {
        self.is_drawn_as_emoji(last) && next.is_some_and(|next| self.is_drawn_as_emoji(*next))
    }
}

/// Joins emoji, asks for their form as a picture, or says of which colour a hand is, which a font of one colour does not show.
fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200d}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
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
            ("a\u{200d}b\u{fe0f}", "ab"),
            ("👩\u{200d}", "👩"),
            ("\u{0}\u{1b}[2J", "‹U+0000›‹U+001B›[2J"),
            ("\u{e0041}\u{f8ff}\u{200b}", "‹U+E0041›‹U+F8FF›‹U+200B›"),
            ("a\r\nb\tc\rd", "a\nb c‹U+000D›d"),
            ("\u{1f9ff}\u{10ffff}", "‹U+1F9FF›‹U+10FFFF›"),
        ] {
            assert_eq!(fonts.visible(hostile), shown);
        }
    }

    #[test]
    fn arabic_letters_join_and_stand_from_right_to_left() {
        let fonts = Fonts::new().expect("fonts");
        let alone: Vec<_> = ["س", "ل", "م"].iter().map(|letter| glyphs(&fonts, letter)[0]).collect();
        let joined = glyphs(&fonts, "سلم");
        assert_eq!(joined.len(), 3);
        assert!(
            joined.iter().zip(alone.iter().rev()).any(|(joined, alone)| joined != alone),
            "letters took other forms"
        );
        let runs = fonts.runs("سلم", Weight::Regular, Way::Left);
        assert_eq!(runs[0].glyphs[0].text_range, 4..6, "the last letter stands first from the left");
    }

    fn glyphs(fonts: &Fonts, text: &str) -> Vec<u32> {
        let runs = fonts.runs(text, Weight::Regular, Way::Left);
        runs.iter().flat_map(|run| &run.glyphs).map(|glyph| glyph.glyph_id.to_u32()).collect()
    }

    #[test]
    fn an_emoji_of_several_letters_is_copied_as_it_was_typed_and_a_broken_one_is_its_parts() {
        let fonts = Fonts::new().expect("fonts");
        let drawn = |text: &str| {
            let shown = fonts.visible(text);
            let runs = fonts.runs(&shown, Weight::Regular, Way::Right);
            let glyphs =
                runs.iter().map(|run| run.glyphs.iter().filter(|glyph| glyph.x_advance > 0.0).count()).sum::<usize>();
            (runs.into_iter().map(|run| run.text).collect::<String>(), glyphs)
        };
        let (text, glyphs) = drawn("👩\u{200d}💻");
        assert_eq!(text, "👩\u{200d}💻");
        assert!((1..=2).contains(&glyphs), "one picture where the font has it, else its parts: {glyphs}");
        assert_eq!(drawn("👩\u{200d}x"), ("👩x".into(), 2));
        assert_eq!(drawn("👍\u{1f3fd}").1, 1, "a font of one colour shows no colour of hands");
        assert_eq!(drawn("a\u{200d}b\u{fe0f}"), ("ab".into(), 2));
    }

    #[test]
    fn a_heap_of_marks_is_cut_off() {
        let fonts = Fonts::new().expect("fonts");
        let shown = fonts.visible(&format!("e{}x", "\u{301}".repeat(1_000)));
        assert_eq!(shown, format!("e{}…x", "\u{301}".repeat(MARKS_MAX)));
    }
}
