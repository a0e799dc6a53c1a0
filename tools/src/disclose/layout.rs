//! Paragraphs become rows: words are broken at the width of a column, a cover stands whole.
//!
//! Pure. A cover is as wide as its grounds, never as what it covers: a bar tells no length.

use super::font::{Fonts, Weight};

/// A piece of a paragraph.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Words, already visible.
    Words(String, Weight),
    /// A black bar with this in it.
    Bar(String),
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
}

impl Paragraph {
    pub(super) fn words(role: Role, words: String) -> Self {
        let weight = if role == Role::Title { Weight::Bold } else { Weight::Regular };
        Self { role, pieces: vec![Piece::Words(words, weight)] }
    }
}

/// Something at its place in a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    /// From the left edge of the column, in points.
    pub(super) x: f32,
    /// In points.
    pub(super) width: f32,
    pub(super) piece: Piece,
}

/// Space left and right of the words in a bar, in points.
pub(super) const BAR_PADDING: f32 = 3.0;

/// Breaks paragraphs into rows.
pub(super) struct Breaker<'a> {
    fonts: &'a Fonts,
    size: f32,
    column: f32,
    rows: Vec<Vec<Placed>>,
    row: Vec<Placed>,
    x: f32,
}

/// The rows of a paragraph in a column so many points wide.
pub(super) fn rows(paragraph: &Paragraph, fonts: &Fonts, column: f32) -> Vec<Vec<Placed>> {
    let size = paragraph.role.size();
    let mut breaker = Breaker { fonts, size, column, rows: Vec::new(), row: Vec::new(), x: 0.0 };
    for piece in &paragraph.pieces {
        match piece {
            Piece::Words(words, weight) => breaker.words(words, *weight),
            Piece::Bar(label) => breaker.bar(label),
        }
    }
    breaker.end_row();
    breaker.rows
}

impl Breaker<'_> {
    fn end_row(&mut self) {
        self.rows.push(std::mem::take(&mut self.row));
        self.x = 0.0;
    }

    fn width(&self, text: &str, weight: Weight) -> f32 {
        self.fonts.width(text, weight) * self.size
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
            Some(Placed { piece: Piece::Words(last, same), width: wide, .. }) if *same == weight => {
                last.push_str(words);
                *wide += width;
            }
            _ => self.row.push(Placed { x: self.x, width, piece: Piece::Words(words.into(), weight) }),
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
        self.row.push(Placed { x: self.x, width, piece: Piece::Bar(label) });
        self.x += width + 0.3 * self.size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(words: &str, column: f32) -> Vec<String> {
        let fonts = Fonts::new().expect("fonts");
        let rows = rows(&Paragraph::words(Role::Text, words.into()), &fonts, column);
        let told = |row: Vec<Placed>| {
            let words = row.into_iter().map(|placed| match placed.piece {
                Piece::Words(words, _) => words,
                Piece::Bar(label) => format!("[{label}]"),
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
        let rows = rows(&Paragraph { role: Role::Text, pieces }, &fonts, 200.0);
        assert!(rows.len() > 1);
        let inside = |placed: &Placed| placed.x + placed.width <= 200.1;
        assert!(rows.iter().flatten().all(inside));
    }
}
