//! What is looked for in a text: telephone numbers, e-mail addresses, citizen service numbers, a name, words. Every hit is a guess.

use std::ops::Range;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A telephone number: begins with `+` or `0`, 9 to 15 digits.
    Phone,
    /// An e-mail address.
    Email,
    /// A burgerservicenummer: 9 digits that pass the eleven-test.
    Bsn,
    /// A name, in upper or lower case, as whole words.
    Name(String),
    /// Words, in upper or lower case, wherever they stand.
    Words(String),
}

impl Pattern {
    /// Reads `phone`, `email` or `bsn`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "phone" => Some(Self::Phone),
            "email" => Some(Self::Email),
            "bsn" => Some(Self::Bsn),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Bsn => "bsn",
            Self::Name(_) => "name",
            Self::Words(_) => "words",
        }
    }

    /// Where it stands, in bytes, from left to right, without overlaps.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        match self {
            Self::Phone => digit_runs(text).into_iter().filter(|range| is_phone(text, range)).collect(),
            Self::Bsn => digit_runs(text).into_iter().filter(|range| is_bsn(&digits(&text[range.clone()]))).collect(),
            Self::Email => emails(text),
            Self::Name(name) => {
                let whole = |range: &Range<usize>| !is_word_end(text, range.start) && !is_word_start(text, range.end);
                occurrences(text, name).into_iter().filter(whole).collect()
            }
            Self::Words(words) => occurrences(text, words),
        }
    }
}

fn is_word_end(text: &str, at: usize) -> bool {
    text[..at].chars().next_back().is_some_and(char::is_alphanumeric)
}

fn is_word_start(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_some_and(char::is_alphanumeric)
}

/// Runs of digits with single separators between them, a plus or a bracket before them.
fn digit_runs(text: &str) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut run: Option<(usize, usize, usize)> = None;
    for (at, letter) in text.char_indices() {
        let is_separator = matches!(letter, ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{2011}');
        run = match run {
            Some((start, _, _)) if letter.is_ascii_digit() => Some((start, at + 1, 0)),
            Some((start, end, gap)) if is_separator && gap < 2 => Some((start, end, gap + 1)),
            Some((start, end, _)) => {
                runs.push(start..end);
                (letter == '+').then_some((at, at + 1, 0))
            }
            None if letter.is_ascii_digit() || letter == '+' => Some((at, at + 1, 0)),
            None => None,
        };
    }
    runs.extend(run.map(|(start, end, _)| start..end));
    runs.retain(|range| !is_word_end(text, range.start) && !is_word_start(text, range.end));
    runs
}

fn digits(text: &str) -> Vec<u32> {
    text.chars().filter_map(|letter| letter.to_digit(10)).collect()
}

fn is_phone(text: &str, range: &Range<usize>) -> bool {
    let found = &text[range.clone()];
    let count = digits(found).len();
    let begins = found.starts_with('+') || found.starts_with('0');
    // A date and a time beside it have as many digits as a number.
    let is_date = found.len() >= 10 && found.as_bytes()[2] == b'-' && found.as_bytes()[5] == b'-';
    begins && !is_date && (9..=15).contains(&count)
}

/// The eleven-test: 9·a + 8·b + … + 2·h − i is a multiple of eleven. Numbers of eight digits have lost a zero.
fn is_bsn(digits: &[u32]) -> bool {
    let digits = match digits.len() {
        9 => digits.to_vec(),
        8 => [&[0], digits].concat(),
        _ => return false,
    };
    let sum: i64 = digits[..8].iter().zip((2..=9).rev()).map(|(digit, weight)| i64::from(*digit) * weight).sum();
    let test = sum - i64::from(digits[8]);
    test % 11 == 0 && digits.iter().any(|digit| *digit > 0)
}

fn emails(text: &str) -> Vec<Range<usize>> {
    let is_local = |letter: char| letter.is_alphanumeric() || "._%+-".contains(letter);
    let is_domain = |letter: char| letter.is_alphanumeric() || ".-".contains(letter);
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let before: usize = text[..at].chars().rev().take_while(|letter| is_local(*letter)).map(char::len_utf8).sum();
        let after: usize = text[at + 1..].chars().take_while(|letter| is_domain(*letter)).map(char::len_utf8).sum();
        let domain = text[at + 1..at + 1 + after].trim_end_matches(['.', '-']);
        let has_dot = domain.rsplit_once('.').is_some_and(|(name, top)| !name.is_empty() && top.chars().count() >= 2);
        let range = at - before..at + 1 + domain.len();
        if before > 0 && has_dot && found.last().is_none_or(|last| last.end <= range.start) {
            found.push(range);
        }
    }
    found
}

/// Where some words stand, whatever their case.
fn occurrences(text: &str, words: &str) -> Vec<Range<usize>> {
    let wanted: Vec<char> = words.trim().chars().flat_map(char::to_lowercase).collect();
    let lowered: Vec<(usize, usize, char)> = text
        .char_indices()
        .flat_map(|(at, letter)| letter.to_lowercase().map(move |lower| (at, at + letter.len_utf8(), lower)))
        .collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while !wanted.is_empty() && at + wanted.len() <= lowered.len() {
        let window = &lowered[at..at + wanted.len()];
        if window.iter().map(|(_, _, letter)| letter).eq(&wanted) {
            found.push(window[0].0..window[window.len() - 1].1);
            at += wanted.len();
        } else {
            at += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(pattern: &Pattern, text: &'a str) -> Vec<&'a str> {
        pattern.find(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn a_telephone_number_is_found_however_it_is_written() {
        let text =
            "bel 06-12345678 of +31 6 1234 5678, (070) 123 45 67 op 04-05-2026 09:02, dossier 2026-17, saldo 0,50";
        assert_eq!(found(&Pattern::Phone, text), ["06-12345678", "+31 6 1234 5678", "070) 123 45 67"]);
        assert_eq!(found(&Pattern::Phone, "code 12345678901 en A0612345678"), Vec::<&str>::new());
    }

    #[test]
    fn a_citizen_service_number_passes_the_eleven_test_and_its_neighbour_does_not() {
        assert_eq!(found(&Pattern::Bsn, "BSN 111222333, niet 111222334"), ["111222333"]);
        assert_eq!(found(&Pattern::Bsn, "BSN 1112.22.333"), ["1112.22.333"]);
        assert_eq!(found(&Pattern::Bsn, "000000000 en 1112223330"), Vec::<&str>::new());
    }

    #[test]
    fn an_address_is_found_without_the_full_stop_after_it() {
        let text = "mail jan.de-wit+zaak@minbzk.nl. of aan a@b, @jan en x@y.z";
        assert_eq!(found(&Pattern::Email, text), ["jan.de-wit+zaak@minbzk.nl"]);
    }

    #[test]
    fn a_name_is_found_as_whole_words_in_any_case() {
        let name = Pattern::Name("Jan Smit".into());
        assert_eq!(found(&name, "JAN SMIT, jan smit's en Jan Smits"), ["JAN SMIT", "jan smit"]);
        assert_eq!(found(&Pattern::Words("smit".into()), "Smits"), ["Smit"]);
        assert_eq!(found(&Pattern::Words("  ".into()), "iets"), Vec::<&str>::new());
        assert_eq!(found(&Pattern::Name("Özil".into()), "ÖZIL zei"), ["ÖZIL"]);
    }
}
