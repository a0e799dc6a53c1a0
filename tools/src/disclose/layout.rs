//! Paragraphs become rows: words are broken at the width of a column, a cover stands whole.
//!
//! Pure. Hebrew and Arabic stand as they are read ([`super::order`]); a picture has rows of its own. A cover is as wide as its grounds, never as what it covers: a bar tells no length.

use super::font::{Fonts, Way, Weight};
use super::order;
use super::picture::Picture;
use std::ops::Range;
use unicode_bidi::Level;

/// A piece of a paragraph.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Words, already visible.
    Words(String, Weight),
    /// A black bar with this in it.
    Bar(String),
    /// A picture, in a row of its own.
    Picture(Picture),
}

/// What a paragraph is to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Title,
    Text,
    Remark,
}

impl Role {
    /// Size of the letters in points.
    pub(super) fn size(self) -> f32 {
        match self {
            Self::Title => 15.0,
            Self::Text => 10.0,
            Self::Remark => 8.0,
        }
    }

    /// From one row to the next.
    pub(super) fn leading(self) -> f32 {
        self.size() * 1.45
    }

    /// Space before it.
    pub(super) fn before(self) -> f32 {
        match self {
            Self::Title => 0.0,
            Self::Text => 5.0,
            Self::Remark => 2.0,
        }
    }
}

/// A paragraph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Paragraph {
    pub(super) role: Role,
    pub(super) pieces: Vec<Piece>,
    /// Which pieces are what one person wrote: they are read together, in the direction of their first letter.
    pub(super) said: Range<usize>,
}

impl Paragraph {
    pub(super) fn words(role: Role, words: String) -> Self {
        let weight = if role == Role::Title { Weight::Bold } else { Weight::Regular };
        Self { role, pieces: vec![Piece::Words(words, weight)], said: 0..0 }
    }

    fn base(&self) -> Level {
        let words = |piece: &Piece| if let Piece::Words(words, _) = piece { Some(words.clone()) } else { None };
        let said = self.pieces.get(self.said.clone()).unwrap_or_default();
        order::base(&said.iter().filter_map(words).collect::<String>())
    }
}

/// Something at its place in a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    /// From the left edge of the column, in points.
    pub(super) x: f32,
    /// In points.
    pub(super) width: f32,
    pub(super) way: Way,
    pub(super) piece: Piece,
    /// Pieces of one group are read together.
    pub(super) group: usize,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) placed: Vec<Placed>,
    /// In points, from the row before.
    pub(super) height: f32,
}

/// Space left and right of the words in a bar, in points.
pub(super) const BAR_PADDING: f32 = 3.0;
/// Space behind a bar, in parts of the size.
pub(super) const BAR_GAP: f32 = 0.3;
/// Space above and below a picture, in points.
const PICTURE_MARGIN: f32 = 4.0;

/// Breaks paragraphs into rows.
pub(super) struct Breaker<'a> {
    fonts: &'a Fonts,
    size: f32,
    column: f32,
    leading: f32,
    base: Level,
    group: usize,
    rows: Vec<Row>,
    row: Vec<Placed>,
    x: f32,
}

/// The rows of a paragraph in a column so many points wide.
pub(super) fn rows(paragraph: &Paragraph, fonts: &Fonts, column: f32) -> Vec<Row> {
    let (size, leading, base) = (paragraph.role.size(), paragraph.role.leading(), paragraph.base());
    let (rows, row) = (Vec::new(), Vec::new());
    let mut breaker = Breaker { fonts, size, column, leading, base, group: 0, rows, row, x: 0.0 };
    for (number, piece) in paragraph.pieces.iter().enumerate() {
        // What one person wrote is one group; every other piece is read by itself.
        breaker.group = if paragraph.said.contains(&number) { 0 } else { number + 1 };
        match piece {
            Piece::Words(words, weight) => breaker.words(words, *weight),
            Piece::Bar(label) => breaker.bar(label),
            Piece::Picture(picture) => breaker.picture(picture),
        }
    }
    if !breaker.row.is_empty() || breaker.rows.is_empty() {
        breaker.end_row();
    }
    breaker.rows
}

impl Breaker<'_> {
    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        let mut placed = order::visual(row, self.fonts, self.size, self.base);
        if self.base.is_rtl() {
            order::flush_right(&mut placed, self.fonts, (self.size, self.column));
        }
        self.rows.push(Row { placed, height: self.leading });
        self.x = 0.0;
    }

    fn picture(&mut self, picture: &Picture) {
        if !self.row.is_empty() {
            self.end_row();
        }
        let (width, height) = picture.size;
        let piece = Piece::Picture(picture.clone());
        let placed = vec![Placed { x: 0.0, width, way: Way::Right, piece, group: self.group }];
        self.rows.push(Row { placed, height: height + 2.0 * PICTURE_MARGIN });
    }

    fn width(&self, text: &str, weight: Weight) -> f32 {
        self.fonts.width(text, weight, Way::Right) * self.size
    }

    fn words(&mut self, words: &str, weight: Weight) {
        for (number, line) in words.split('\n').enumerate() {
            if number > 0 {
                self.end_row();
            }
            line.split_inclusive(' ').for_each(|word| self.word(word, weight));
        }
    }

    fn word(&mut self, word: &str, weight: Weight) {
        // A blank at the end of a row is drawn beyond it: nobody sees it.
        if self.x > 0.0 && self.x + self.width(word.trim_end(), weight) > self.column {
            self.end_row();
        }
        let width = self.width(word, weight);
        if self.width(word.trim_end(), weight) <= self.column {
            return self.put(word, weight, width);
        }
        for letter in word.chars() {
            let letter = letter.to_string();
            let width = self.width(&letter, weight);
            if self.x > 0.0 && self.x + width > self.column {
                self.end_row();
            }
            self.put(&letter, weight, width);
        }
    }

    fn put(&mut self, words: &str, weight: Weight, width: f32) {
        match self.row.last_mut() {
            Some(Placed { piece: Piece::Words(last, same), width: wide, group, .. })
                if *same == weight && *group == self.group =>
            {
                last.push_str(words);
                *wide += width;
            }
            _ => {
                let piece = Piece::Words(words.into(), weight);
                self.row.push(Placed { x: self.x, width, way: Way::Right, piece, group: self.group });
            }
        }
        self.x += width;
    }

    /// A bar; one that is wider than the column goes on in the next row.
    fn bar(&mut self, label: &str) {
        let room = self.column - 2.0 * BAR_PADDING;
        let mut part = String::new();
        for letter in label.chars() {
            part.push(letter);
            if self.width(&part, Weight::Regular) > room {
                part.pop();
                self.put_bar(std::mem::take(&mut part));
                part.push(letter);
            }
        }
        self.put_bar(part);
    }

    fn put_bar(&mut self, label: String) {
        let width = self.width(&label, Weight::Regular) + 2.0 * BAR_PADDING;
        if self.x > 0.0 && self.x + width > self.column {
            self.end_row();
        }
        self.row.push(Placed { x: self.x, width, way: Way::Right, piece: Piece::Bar(label), group: self.group });
        self.x += width + BAR_GAP * self.size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(words: &str, column: f32) -> Vec<String> {
        let fonts = Fonts::new().expect("fonts");
        let rows = rows(&Paragraph::words(Role::Text, words.into()), &fonts, column);
        let told = |row: Row| {
            let words = row.placed.into_iter().map(|placed| match placed.piece {
                Piece::Words(words, _) => words,
                Piece::Bar(label) => format!("[{label}]"),
                Piece::Picture(_) => "#".into(),
            });
            words.collect::<String>()
        };
        rows.into_iter().map(told).collect()
    }

    #[test]
    fn words_are_broken_at_blanks_and_one_that_is_too_long_between_letters() {
        assert_eq!(broken("een twee drie", 1_000.0), ["een twee drie"]);
        assert_eq!(broken("een twee drie", 60.0), ["een twee ", "drie"]);
        assert_eq!(broken("een\n\ntwee", 60.0), ["een", "", "twee"]);
        let long = broken(&"w".repeat(10_000), 100.0);
        assert_eq!(long.concat(), "w".repeat(10_000));
        assert!(long.len() > 100);
    }

    #[test]
    fn a_bar_is_as_wide_as_its_grounds_and_stays_in_the_column() {
        let fonts = Fonts::new().expect("fonts");
        let pieces = vec![Piece::Words("een ".into(), Weight::Regular), Piece::Bar("5.1.2e ".repeat(40))];
        let rows = rows(&Paragraph { role: Role::Text, pieces, said: 0..2 }, &fonts, 200.0);
        assert!(rows.len() > 1);
        let inside = |placed: &Placed| placed.x + placed.width <= 200.1;
        assert!(rows.iter().flat_map(|row| &row.placed).all(inside));
    }
}
