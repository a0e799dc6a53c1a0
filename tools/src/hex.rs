//! Ids and digests as people and JSON see them: lower-case hexadecimal.

use zegel_verifier::hash::Hash;

/// Reads 64 lower-case hexadecimal digits; `None` for anything that would print otherwise.
#[must_use]
pub fn parse(text: &str) -> Option<Hash> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let hash = Hash(bytes);
    (hash.to_string() == text).then_some(hash)
}

/// A digest as a field of a JSON document.
pub mod field {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use zegel_verifier::hash::Hash;

    /// Writes 64 digits.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(hash)
    }

    /// Reads 64 digits.
    ///
    /// # Errors
    /// Anything else than 64 lower-case digits.
    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::parse(&text).ok_or_else(|| D::Error::custom("an id has 64 lower-case hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints_and_nothing_else() {
        let hash = Hash([0xA7; 32]);
        assert_eq!(parse(&hash.to_string()), Some(hash));
        assert_eq!(parse(&hash.to_string().to_uppercase()), None);
        assert_eq!(parse(&hash.to_string()[1..]), None);
        assert_eq!(parse(&format!("+a{}", &hash.to_string()[2..])), None);
    }
}
