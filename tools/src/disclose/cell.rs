//! A cell of a list that a spreadsheet opens: what a stranger wrote is never run as a formula.

/// Text of a stranger as a cell. One that a spreadsheet would compute begins with an apostrophe (OWASP, CSV injection);
/// controls and marks that turn a line are replaced; line ends are blanks.
#[must_use]
pub fn cell(text: &str) -> String {
    let flat: String = text.replace("\r\n", " ").replace(['\n', '\r', '\t'], " ");
    let flat = zegel_verifier::bundle::plain::plain(&flat);
    let first = flat.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{fffd}').chars().next();
    match first {
        // Full-width signs are taken for the plain ones by some spreadsheets.
        Some('=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠') => format!("'{flat}"),
        _ => flat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text_and_text_stays_as_it_is() {
        for formula in
            ["=1+1", "+31612345678", "-2", "@SUM(A1)", "  =cmd|' /C calc'!A0", "\t=1", "\u{202e}=1", "＝1", "%x"]
        {
            assert!(cell(formula).starts_with('\''), "{formula:?}");
        }
        for text in ["Anna", "a=b", "5.1.2e; 5.2", "", "'s avonds", "één\ntwee"] {
            assert!(!cell(text).starts_with("'="), "{text:?}");
            assert_eq!(cell(text), text.replace('\n', " "));
        }
    }

    #[test]
    fn nothing_in_a_cell_ends_it_or_turns_it_around() {
        assert_eq!(cell("a\r\nb\rc\u{202e}d\u{0}"), "a b c\u{fffd}d\u{fffd}");
    }
}
