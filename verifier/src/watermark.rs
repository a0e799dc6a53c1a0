//! What is left of a message row once its event has ended: enough for its source to know the same message again, and to leave it out.
//!
//! A row is three keyed digests of 16 bytes that a source made: place, text, time. A watermark is three digests over them: of the place; of place
//! and text; of time and text. So no part of the row stays, and no text can be tried without its time and, but for a renamed sender, its place.
//! Without the source's secret nothing can be tried at all. Not here: who takes it for what (the importers). Specification: `specs/officer.md`.

use crate::hash::sha256;

/// Bytes of one mark, as of the digests that it is over.
const MARK_BYTES: usize = 16;
/// First byte of a watermark: no message row has its length.
const VERSION: u8 = 1;
/// Bytes of a watermark.
pub const WATERMARK_BYTES: usize = 1 + 3 * MARK_BYTES;

/// A digest of a row, or over some of them.
pub type Mark = [u8; MARK_BYTES];

/// What is left of a message row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// Over the place alone.
    pub place: Mark,
    /// Over place and text.
    pub said: Mark,
    /// Over time and text: the sender may be called otherwise now.
    pub timed: Mark,
}

fn mark(what: u8, parts: &[&Mark]) -> Mark {
    let label = [b"zegel watermark v1\n".as_slice(), &[what]].concat();
    let parts: Vec<&[u8]> = std::iter::once(label.as_slice()).chain(parts.iter().map(|part| part.as_slice())).collect();
    let full = sha256(&parts).0;
    let mut cut = [0; MARK_BYTES];
    cut.copy_from_slice(&full[..MARK_BYTES]);
    cut
}

impl Watermark {
    /// What would be left of a row with these digests.
    #[must_use]
    pub fn of(place: &Mark, text: &Mark, time: &Mark) -> Self {
        Self { place: Self::of_place(place), said: mark(1, &[place, text]), timed: Self::of_time(time, text) }
    }

    /// The mark of a time and a text.
    #[must_use]
    pub fn of_time(time: &Mark, text: &Mark) -> Mark {
        mark(2, &[time, text])
    }

    /// The mark of a place.
    #[must_use]
    pub fn of_place(place: &Mark) -> Mark {
        mark(0, &[place])
    }

    /// What is left of a message row of 48 bytes; `None` for any other.
    #[must_use]
    pub fn of_row(row: &[u8]) -> Option<Self> {
        let (digests, rest) = row.as_chunks::<MARK_BYTES>();
        match (digests, rest) {
            ([place, text, time], []) => Some(Self::of(place, text, time)),
            _ => None,
        }
    }

    /// The bytes that stand in the place of the row.
    #[must_use]
    pub fn print(&self) -> Vec<u8> {
        [&[VERSION], self.place.as_slice(), &self.said, &self.timed].concat()
    }

    /// Reads what [`Watermark::print`] wrote; `None` for a row that has not ended, or that left nothing.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (version, marks) = bytes.split_first()?;
        let (marks, rest) = marks.as_chunks::<MARK_BYTES>();
        match (*version, marks, rest) {
            (VERSION, [place, said, timed], []) => Some(Self { place: *place, said: *said, timed: *timed }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: [[u8; 16]; 3] = [[1; 16], [2; 16], [3; 16]];

    #[test]
    fn a_watermark_holds_no_digest_of_its_row_and_is_read_as_it_was_printed() {
        let row = ROW.concat();
        let left = Watermark::of_row(&row).expect("a row");
        assert_eq!(left, Watermark::of(&ROW[0], &ROW[1], &ROW[2]));
        let printed = left.print();
        assert_eq!((printed.len(), Watermark::read(&printed)), (WATERMARK_BYTES, Some(left)));
        for digest in ROW {
            assert!(!printed.windows(16).any(|window| window == digest));
        }
    }

    #[test]
    fn what_is_no_row_leaves_nothing_and_a_row_is_no_watermark() {
        let row = ROW.concat();
        assert_eq!(Watermark::read(&row), None);
        for other in [&row[..47], &[row.as_slice(), &[0]].concat(), &[]] {
            assert_eq!(Watermark::of_row(other), None);
        }
        let mut later = Watermark::of_row(&row).expect("a row").print();
        later[0] = 2;
        assert_eq!(Watermark::read(&later), None);
    }

    #[test]
    fn each_mark_follows_from_what_it_is_over_and_from_nothing_else() {
        let other = [9; 16];
        let left = Watermark::of(&ROW[0], &ROW[1], &ROW[2]);
        let renamed = Watermark::of(&other, &ROW[1], &ROW[2]);
        assert_eq!((renamed.timed, renamed.place == left.place, renamed.said == left.said), (left.timed, false, false));
        let reworded = Watermark::of(&ROW[0], &other, &ROW[2]);
        assert_eq!(
            (reworded.place, reworded.said == left.said, reworded.timed == left.timed),
            (left.place, false, false)
        );
    }
}
