//! A row as it is read: runs of Hebrew, Arabic and the like stand from right to left, each within what one person wrote.
//!
//! By the Unicode bidirectional algorithm (UAX 9). Marks that turn a line never come this far ([`super::font`] shows them by
//! their code point), so only letters decide; and a piece turns only within its own group: no message moves its time, its
//! sender, or a bar of another. Pieces keep the order in which they were written; only their place changes.

use super::font::{Fonts, Way};
use super::layout::{BAR_GAP, Piece, Placed};
use std::ops::Range;
use unicode_bidi::{Level, ParagraphBidiInfo};

/// What a bar is to the algorithm: an object, neutral.
const OBJECT: char = '\u{fffc}';

/// The direction of a paragraph: that of its first letter that has one.
pub(super) fn base(text: &str) -> Level {
    match unicode_bidi::get_base_direction(text) {
        unicode_bidi::Direction::Rtl => Level::rtl(),
        _ => Level::ltr(),
    }
}

/// Puts every run of a row where it is read. `base` is the direction of group 0; every other group is one of a line of ours.
pub(super) fn visual(row: Vec<Placed>, fonts: &Fonts, size: f32, base: Level) -> Vec<Placed> {
    if !row.iter().any(|placed| matches!(&placed.piece, Piece::Words(words, _) if has_rtl(words))) {
        return row;
    }
    let turned = row.chunk_by(|one, next| one.group == next.group).map(|group| {
        let base = if group.first().is_some_and(|first| first.group == 0) { base } else { Level::ltr() };
        Group { fonts, size, base }.turn(group)
    });
    turned.flatten().collect()
}

/// Moves what one person wrote to the right edge of the column, where a line of Hebrew or Arabic begins; what stands left of it stays. A row in which something
/// of ours stands after it stays as it is: it is read on.
pub(super) fn flush_right(row: &mut [Placed], fonts: &Fonts, (size, column): (f32, f32)) {
    let said = |placed: &&Placed| placed.group == 0;
    let end = |placed: &Placed| placed.x + placed.width;
    let first = row.iter().filter(said).map(|placed| placed.x).fold(f32::INFINITY, f32::min);
    if !first.is_finite() || row.iter().any(|placed| placed.group != 0 && placed.x >= first) {
        return;
    }
    // A blank at the end of a line is at its left here, and nobody sees it; one at the right would push the line away from its edge.
    let seen = |placed: &Placed| match &placed.piece {
        Piece::Words(words, weight) if placed.way == Way::Right => {
            placed.x + fonts.width(words.trim_end_matches(' '), *weight, placed.way) * size
        }
        _ => end(placed),
    };
    let last = row.iter().filter(said).map(seen).fold(0.0, f32::max);
    let by = (column - last).max(0.0);
    row.iter_mut().filter(|placed| placed.group == 0).for_each(|placed| placed.x += by);
}

fn has_rtl(text: &str) -> bool {
    // Everything before Hebrew is written from left to right.
    text.chars().any(|letter| letter >= '\u{590}') && ParagraphBidiInfo::new(text, Some(Level::ltr())).has_rtl()
}

struct Group<'a> {
    fonts: &'a Fonts,
    size: f32,
    base: Level,
}

impl Group<'_> {
    fn turn(&self, group: &[Placed]) -> Vec<Placed> {
        let mut text = String::new();
        let spans: Vec<Range<usize>> = group
            .iter()
            .map(|placed| {
                let begin = text.len();
                match &placed.piece {
                    Piece::Words(words, _) => text.push_str(words),
                    Piece::Bar(_) | Piece::Picture(_) => text.push(OBJECT),
                }
                begin..text.len()
            })
            .collect();
        let info = ParagraphBidiInfo::new(&text, Some(self.base));
        let (levels, runs) = info.visual_runs(0..text.len());
        let mut x = group.first().map_or(0.0, |first| first.x);
        let mut turned: Vec<(usize, Placed)> = Vec::new();
        for run in runs {
            let way = if levels.get(run.start).is_some_and(Level::is_rtl) { Way::Left } else { Way::Right };
            let mut inside: Vec<(Range<usize>, &Placed)> = spans
                .iter()
                .zip(group)
                .map(|(span, placed)| (span.start.max(run.start)..span.end.min(run.end), placed))
                .filter(|(span, _)| !span.is_empty())
                .collect();
            if way == Way::Left {
                inside.reverse();
            }
            for (span, placed) in inside {
                let at = span.start;
                let placed = self.placed(placed, text.get(span).unwrap_or_default(), (x, way));
                x += placed.width + if matches!(placed.piece, Piece::Bar(_)) { BAR_GAP * self.size } else { 0.0 };
                turned.push((at, placed));
            }
        }
        turned.sort_by_key(|(at, _)| *at);
        turned.into_iter().map(|(_, placed)| placed).collect()
    }

    fn placed(&self, of: &Placed, words: &str, (x, way): (f32, Way)) -> Placed {
        let (piece, width) = match &of.piece {
            Piece::Words(_, weight) => {
                let width = self.fonts.width(words, *weight, way) * self.size;
                (Piece::Words(words.into(), *weight), width)
            }
            other => (other.clone(), of.width),
        };
        Placed { x, width, way, piece, group: of.group }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclose::font::Weight;

    fn words(text: &str, group: usize) -> Placed {
        let piece = Piece::Words(text.into(), Weight::Regular);
        Placed { x: 0.0, width: 10.0, way: Way::Right, piece, group }
    }

    /// The words of a row from left to right, as they are drawn.
    fn seen(row: Vec<Placed>, base: Level) -> Vec<String> {
        let fonts = Fonts::new().expect("fonts");
        let mut row = visual(row, &fonts, 10.0, base);
        row.sort_by(|one, other| one.x.total_cmp(&other.x));
        let told = |placed: Placed| match placed.piece {
            Piece::Words(words, _) if placed.way == Way::Left => words.chars().rev().collect(),
            Piece::Words(words, _) => words,
            Piece::Bar(label) => format!("[{label}]"),
            Piece::Picture(_) => "#".into(),
        };
        row.into_iter().map(told).collect()
    }

    #[test]
    fn hebrew_stands_from_right_to_left_and_dutch_in_it_from_left_to_right() {
        assert_eq!(
            seen(vec![words("שלום kamerbrief עולם", 0)], base("שלום")),
            ["םלוע ", "kamerbrief", " םולש"].map(String::from)
        );
        assert_eq!(seen(vec![words("de שלום nota", 0)], base("de")), ["de ", "םולש", " nota"].map(String::from));
        assert_eq!(seen(vec![words("gewoon", 0)], base("gewoon")), ["gewoon"]);
    }

    #[test]
    fn a_bar_among_hebrew_words_stands_where_its_words_stood() {
        let bar = Placed { x: 10.0, width: 30.0, way: Way::Right, piece: Piece::Bar("5.1.2e".into()), group: 0 };
        let row = vec![words("שלום ", 0), bar, words(" עולם", 0)];
        assert_eq!(seen(row, base("שלום")), ["םלוע ", "[5.1.2e]", " םולש"].map(String::from));
    }

    #[test]
    fn a_message_of_hebrew_ends_at_the_right_edge_and_its_time_and_a_remark_after_it_stay() {
        let fonts = Fonts::new().expect("fonts");
        let at = |text: &str, group, x| Placed {
            x,
            width: fonts.width(text, Weight::Regular, Way::Left) * 10.0,
            ..words(text, group)
        };
        let places = |mut row: Vec<Placed>| {
            flush_right(&mut row, &fonts, (10.0, 200.0));
            row.into_iter().map(|placed| (placed.x, placed.x + placed.width)).collect::<Vec<_>>()
        };
        let said = at("שלום", 0, 30.0);
        let found = places(vec![at("10:00  ", 1, 0.0), said.clone()]);
        assert!((found[1].1 - 200.0).abs() < 0.01 && found[0].0 == 0.0, "{found:?}");
        let bar = Placed { x: 80.0, width: 30.0, way: Way::Right, piece: Piece::Bar("5.1.2e".into()), group: 0 };
        let found = places(vec![said.clone(), bar]);
        assert!(
            (found[1].1 - 200.0).abs() < 0.01 && (found[0].0 - 120.0).abs() < 0.01,
            "a bar goes with its words: {found:?}"
        );
        let remark = places(vec![said.clone(), at("(alleen van Anna)", 4, 90.0)]);
        assert!((remark[0].0 - 30.0).abs() < 0.01, "{remark:?}");
        let full = places(vec![Placed { x: 0.0, width: 200.0, way: Way::Left, ..said }]);
        assert!(full[0].0.abs() < 0.01, "a full line stays in its column");
    }

    #[test]
    fn a_message_does_not_move_its_time() {
        let mut time = words("10:00  ", 1);
        time.width = 30.0;
        let mut said = words("שלום", 0);
        said.x = 30.0;
        assert_eq!(seen(vec![time, said], base("שלום")), ["10:00  ", "םולש"].map(String::from));
    }
}
