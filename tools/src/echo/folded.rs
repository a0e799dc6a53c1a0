//! Text as it is compared: without direction marks, white space alike, small letters; each letter knows where it stood.

use std::ops::Range;

/// From so many letters and digits on, what is covered is found within other words too; shorter only as a word of its own, or `Jan` would stand in January.
const ANYWHERE_FROM: usize = 5;
/// Numbers with fewer digits are said of too many things.
const DIGITS_MIN: usize = 3;
/// A piece of a word that is joined by a mark (`jan-peter`, `nota_jansen.pdf`) is looked for by itself from here on.
const PIECE_MIN: usize = 3;
/// Digits at the end of a telephone number by which it is known with and without its country.
const NUMBER_END: usize = 8;
/// Words that name nobody and nothing, of Dutch, English and file names: covered in a passage, they are covered there only.
const EMPTY: &str = " aan af al als alle and any are at be ben bent bij but by can com da dan dat de deed deel den der des deze die dit doc docx doe doen does door \
    du dus een eens eerst elk en er even for from gaan gaat geen goed haar had has have heb hebben heeft hem hen het hier hij him his hoe hun htm html http https \
    ik in is it its ja je jij jou jpeg jpg jullie kan komt kun kunnen la le maar me mee meer men met mij mijn moet mp3 mp4 mov na naar nee niet nl no nog not nu of \
    off om on ons onze ook op opus or org over pdf png ppt pptx she so te ten ter that the their them then they this toch toe tot to txt uit uw van vcf veel via \
    voor waar wan was wat we webp weer wel were werd wie wij wil with worden wordt www xls xlsx yes you your ze zei zich zij zijn zip zo zou zal zonder ";

#[derive(Clone, Copy, Debug)]
struct Letter {
    /// As it is compared.
    folded: char,
    /// As it was.
    raw: char,
    /// Its first byte in the source.
    at: usize,
}

/// A text as it is compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Folded {
    letters: Vec<Letter>,
}

impl Folded {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut letters = Vec::with_capacity(bytes.len());
        let mut begin = 0;
        for chunk in bytes.utf8_chunks() {
            let found = chunk.valid().char_indices().filter(|(_, raw)| !is_direction(*raw));
            letters.extend(found.map(|(at, raw)| Letter { folded: fold(raw), raw, at: begin + at }));
            begin += chunk.valid().len();
            let lost =
                (0..chunk.invalid().len()).map(|at| Letter { folded: '\u{fffd}', raw: '\u{fffd}', at: begin + at });
            letters.extend(lost);
            begin += chunk.invalid().len();
        }
        Self { letters }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Without white space at its ends.
    pub(super) fn trimmed(&self) -> Self {
        self.without_ends(|letter| letter.folded == ' ')
    }

    /// Whether another text stands in it: anywhere if it is long, as a word if it is short.
    pub(super) fn has(&self, other: &Self) -> bool {
        let anywhere = other.weight() >= ANYWHERE_FROM;
        self.finds(other).any(|range| anywhere || self.is_word(&range))
    }

    /// Where another text stands in it as a word, in bytes of the source.
    pub(super) fn words_like(&self, other: &Self) -> Vec<Range<usize>> {
        let bytes = |range: Range<usize>| self.letters[range.start].at..self.letters[range.end - 1].at + 1;
        self.finds(other).filter(|range| self.is_word(range)).map(bytes).collect()
    }

    /// Its digits, without what stands between them.
    pub(super) fn digits(&self) -> String {
        self.letters.iter().map(|letter| letter.folded).filter(char::is_ascii_digit).collect()
    }

    /// The end of a telephone number, which is the same however the number is written; none of what is no number.
    pub(super) fn number(&self) -> Option<String> {
        let is_number = !self.letters.iter().any(|letter| letter.folded.is_alphabetic());
        let digits = self.digits();
        let begin = digits.len().checked_sub(NUMBER_END).filter(|_| is_number)?;
        digits.get(begin..).map(str::to_owned)
    }

    /// Words by which it can be told: each as it is, and its pieces.
    pub(super) fn words(&self) -> Vec<Self> {
        let mut words = Vec::new();
        for token in self.letters.split(|letter| letter.folded == ' ') {
            let token = Self { letters: token.to_vec() }.without_ends(|letter| !letter.folded.is_alphanumeric());
            let pieces: Vec<Self> =
                token.letters.split(|letter| !letter.folded.is_alphanumeric()).map(Self::copied).collect();
            if pieces.len() > 1 {
                words.extend(pieces.into_iter().filter(|piece| piece.weight() >= PIECE_MIN));
            }
            words.push(token);
        }
        words.retain(Self::says_something);
        words
    }

    fn copied(letters: &[Letter]) -> Self {
        Self { letters: letters.to_vec() }
    }

    fn without_ends(&self, is_end: impl Fn(&Letter) -> bool) -> Self {
        let first = self.letters.iter().position(|letter| !is_end(letter));
        let last = self.letters.iter().rposition(|letter| !is_end(letter));
        first.zip(last).map(|(first, last)| Self::copied(&self.letters[first..=last])).unwrap_or_default()
    }

    /// Letters and digits.
    fn weight(&self) -> usize {
        self.letters.iter().filter(|letter| letter.folded.is_alphanumeric()).count()
    }

    fn says_something(&self) -> bool {
        let digits = self.letters.iter().filter(|letter| letter.folded.is_numeric()).count();
        let weight = self.weight();
        if digits == weight {
            return weight >= DIGITS_MIN;
        }
        let word: String = self.letters.iter().map(|letter| letter.folded).collect();
        weight > 1 && !EMPTY.contains(&format!(" {word} "))
    }

    fn finds<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Range<usize>> + 'a {
        let size = other.letters.len();
        let same = |(one, other): (&Letter, &Letter)| one.folded == other.folded;
        let windows = self.letters.windows(size.max(1)).enumerate().filter(move |_| size > 0);
        windows.filter(move |(_, window)| window.iter().zip(&other.letters).all(same)).map(move |(at, _)| at..at + size)
    }

    /// Neither end of it is in the middle of a word or a number.
    fn is_word(&self, range: &Range<usize>) -> bool {
        let parts = |at: usize| match (at.checked_sub(1).and_then(|at| self.letters.get(at)), self.letters.get(at)) {
            (Some(before), Some(after)) => !is_joined(before.raw, after.raw),
            _ => true,
        };
        parts(range.start) && parts(range.end)
    }
}

fn is_joined(before: char, after: char) -> bool {
    let begins = before.is_lowercase() && after.is_uppercase();
    (before.is_alphabetic() && after.is_alphabetic() && !begins) || (before.is_numeric() && after.is_numeric())
}

fn fold(raw: char) -> char {
    if raw.is_whitespace() { ' ' } else { raw.to_lowercase().next().unwrap_or(raw) }
}

/// Marks that only steer the direction of writing, and others that nobody sees.
fn is_direction(mark: char) -> bool {
    matches!(mark, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}' | '\u{ad}')
}
