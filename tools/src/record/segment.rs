//! Text in segments: words with the white space after them, so that a passage can be covered.

use zegel_proto::limits::LIST_ITEMS_MAX;

/// Cuts a text before each word but the first; above 1,024 words, neighbours are joined evenly. The segments together are
/// the text, byte for byte, valid UTF-8 or not; an empty text has none.
#[must_use]
pub fn segments(text: &[u8]) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return Vec::new();
    }
    let starts = word_starts(text);
    let count = starts.len().min(LIST_ITEMS_MAX);
    let start = |segment: usize| match segment * starts.len() / count {
        // White space before the first word belongs to it.
        0 => 0,
        word => starts.get(word).copied().unwrap_or(text.len()),
    };
    (0..count).map(|segment| text[start(segment)..start(segment + 1)].to_vec()).collect()
}

/// Where words begin; one place for a text of white space only.
fn word_starts(text: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let (mut at, mut in_word) = (0, false);
    for chunk in text.utf8_chunks() {
        for (offset, character) in chunk.valid().char_indices() {
            if !character.is_whitespace() && !in_word {
                starts.push(at + offset);
            }
            in_word = !character.is_whitespace();
        }
        at += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            // Bytes that are no characters are part of a word.
            if !in_word {
                starts.push(at);
            }
            in_word = true;
            at += chunk.invalid().len();
        }
    }
    if starts.is_empty() {
        starts.push(0);
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_segment_is_a_word_with_the_white_space_after_it() {
        let found = segments(b"  ja, \xC2\xA0 dat\tkan\n");
        assert_eq!(found, [b"  ja, \xC2\xA0 ".to_vec(), b"dat\t".into(), b"kan\n".into()]);
        assert_eq!(segments(b" \n "), [b" \n ".to_vec()]);
        assert_eq!(segments(b""), Vec::<Vec<u8>>::new());
        assert_eq!(segments(b"a \xFF\xFE b"), [b"a ".to_vec(), b"\xFF\xFE ".into(), b"b".into()]);
    }

    #[test]
    fn the_limit_is_met_evenly() {
        let words = |count: usize| segments("woord ".repeat(count).as_bytes());
        assert_eq!(words(1_024).len(), 1_024);
        assert!(words(1_024).iter().all(|segment| segment.len() == 6));
        assert_eq!(words(1_025).len(), 1_024);
        let lengths: Vec<usize> = words(5_000).iter().map(|segment| segment.len() / 6).collect();
        assert!(lengths.iter().all(|words| (4..=5).contains(words)), "{lengths:?}");
    }

    proptest! {
        #[test]
        fn the_segments_are_the_text(text in "(\\PC|[ \n\t]){0,3000}") {
            let found = segments(text.as_bytes());
            prop_assert_eq!(found.concat(), text.as_bytes());
            prop_assert!(found.len() <= 1_024);
            prop_assert!(found.iter().all(|segment| !segment.is_empty()));
        }

        #[test]
        fn bytes_that_are_no_text_are_kept_too(text in proptest::collection::vec(any::<u8>(), 0..3_000)) {
            prop_assert_eq!(segments(&text).concat(), text);
        }
    }
}
