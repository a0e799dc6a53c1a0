//! Chance that is the same for the same seed, and the messages that a load is made of. Not for secrets.

use std::ops::Range;

/// Words of a message, as many as a chat message has on average.
pub(super) const WORDS: Range<u64> = 12..21;

/// SplitMix64 (Steele, Lea, Flood 2014): fast, and good enough to choose words and conversations.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is far below 2^64.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Bytes that do not compress, like a ciphertext.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes()[..part.len()]);
        }
    }

    /// A message of so many words as [`WORDS`] says.
    pub(super) fn text(&mut self) -> Vec<u8> {
        let words = WORDS.start + self.below(WORDS.end - WORDS.start);
        let mut text = Vec::with_capacity(160);
        for number in 0..words {
            if number > 0 {
                text.push(b' ');
            }
            text.extend_from_slice(DUTCH[self.below(DUTCH.len() as u64) as usize].as_bytes());
        }
        text
    }
}

const DUTCH: [&str; 64] = [
    "ik",
    "de",
    "het",
    "vergadering",
    "morgen",
    "stukken",
    "minister",
    "kan",
    "niet",
    "wel",
    "graag",
    "akkoord",
    "overleg",
    "Kamerbrief",
    "over",
    "en",
    "met",
    "op",
    "voor",
    "deze",
    "week",
    "besluit",
    "concept",
    "nota",
    "we",
    "bellen",
    "straks",
    "nog",
    "even",
    "afstemmen",
    "persvoorlichting",
    "vraag",
    "antwoord",
    "stikstof",
    "opvang",
    "begroting",
    "motie",
    "debat",
    "dank",
    "je",
    "zie",
    "mail",
    "bijlage",
    "tekst",
    "aangepast",
    "voorstel",
    "ambtelijk",
    "bestuurlijk",
    "vanavond",
    "uur",
    "kunnen",
    "jullie",
    "moet",
    "wordt",
    "gedeeld",
    "lijn",
    "woordvoering",
    "akkoord?",
    "prima",
    "oké",
    "dinsdag",
    "donderdag",
    "ministerraad",
    "spoed",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_twelve_to_twenty_words() {
        let mut dice = Dice::new(1);
        let counts: Vec<usize> = (0..2_000).map(|_| dice.text().split(|byte| *byte == b' ').count()).collect();
        assert_eq!((counts.iter().min(), counts.iter().max()), (Some(&12), Some(&20)));
    }

    #[test]
    fn the_same_seed_gives_the_same_load() {
        assert_eq!(Dice::new(7).text(), Dice::new(7).text());
        assert_ne!(Dice::new(7).text(), Dice::new(8).text());
    }
}
