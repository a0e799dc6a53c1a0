//! C2SP signed notes (c2sp.org/signed-note): text, a blank line, signature lines.
//!
//! Not here: what the text says (`checkpoint`), and who is trusted (`trust`). Nothing is read from a note's text before a
//! signature over it has been verified: [`Note::text`] is for the checks of this crate only.

use crate::checkpoint;
use crate::hash::sha256;
use crate::lattice;
use crate::signature::verify_raw;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Signature lines that are read; the rest would be a way to spend our time.
pub const SIGNATURES_MAX: usize = 64;
/// Signature type of a log's Ed25519 signature.
pub const TYPE_ED25519: u8 = 0x01;
/// Signature type of a timestamped Ed25519 cosignature (c2sp.org/tlog-cosignature).
pub const TYPE_COSIGNATURE: u8 = 0x04;
/// Signature type of a timestamped ML-DSA-44 cosignature (c2sp.org/tlog-cosignature).
pub const TYPE_LATTICE: u8 = 0x06;

/// Why a note or a verifier key is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Not text, or with control characters.
    #[error("the note is not UTF-8 text, or holds a control character")]
    NotText,
    /// No blank line before signature lines.
    #[error("the note has no blank line between its text and its signatures")]
    NoSignatures,
    /// More than are read.
    #[error("the note has {found} signatures, at most {SIGNATURES_MAX} are read")]
    TooManySignatures {
        /// Lines found.
        found: usize,
    },
    /// A line that is no signature line.
    #[error("signature line {line} is malformed")]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
    /// A verifier key that does not parse or whose id is not its own.
    #[error("verifier key {found:?} is malformed or its key id is not its own")]
    BadVerifierKey {
        /// The text.
        found: String,
    },
    /// A signature by a known key that is wrong: the note is refused whole.
    #[error("the signature by {name} does not verify")]
    BadSignature {
        /// Name of the key.
        name: String,
    },
    /// No signature by the key.
    #[error("there is no signature by {name}")]
    Unsigned {
        /// Name of the key.
        name: String,
    },
}

/// A verifier key: name, type, and an Ed25519 or ML-DSA-44 key (C2SP vkey).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: u8,
    key: [u8; 32],
    /// With [`TYPE_LATTICE`], and only then.
    lattice: Option<Box<[u8; lattice::KEY_BYTES]>>,
}

impl VerifierKey {
    /// A key under a name.
    ///
    /// # Errors
    /// [`NoteError::BadVerifierKey`] for a name that is empty or holds a space or a plus.
    pub fn new(name: &str, kind: u8, key: [u8; 32]) -> Result<Self, NoteError> {
        let bad = name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+');
        if bad {
            Err(NoteError::BadVerifierKey { found: name.into() })
        } else {
            Ok(Self { name: name.into(), kind, key, lattice: None })
        }
    }

    /// An ML-DSA-44 key under a name.
    ///
    /// # Errors
    /// As [`VerifierKey::new`].
    pub fn of_lattice(name: &str, key: &[u8; lattice::KEY_BYTES]) -> Result<Self, NoteError> {
        let named = Self::new(name, TYPE_LATTICE, sha256(&[key]).0)?;
        Ok(Self { lattice: Some(Box::new(*key)), ..named })
    }

    /// Reads `name+hash+base64(type ‖ key)`, and nothing that would print otherwise.
    ///
    /// # Errors
    /// [`NoteError::BadVerifierKey`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = || NoteError::BadVerifierKey { found: text.into() };
        let mut parts = text.splitn(3, '+');
        let name = parts.next().ok_or_else(bad)?;
        let encoded = parts.nth(1).ok_or_else(bad)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| bad())?;
        let (kind, key) = bytes.split_first().ok_or_else(bad)?;
        let parsed = match *kind {
            TYPE_ED25519 | TYPE_COSIGNATURE => Self::new(name, *kind, key.try_into().map_err(|_| bad())?)?,
            TYPE_LATTICE => Self::of_lattice(name, key.try_into().map_err(|_| bad())?)?,
            _ => return Err(bad()),
        };
        if parsed.print() == text { Ok(parsed) } else { Err(bad()) }
    }

    /// The text form.
    #[must_use]
    pub fn print(&self) -> String {
        let id: String = self.id().iter().map(|byte| format!("{byte:02x}")).collect();
        let encoded = STANDARD.encode([&[self.kind], self.public()].concat());
        format!("{}+{id}+{encoded}", self.name)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the key itself.
    fn public(&self) -> &[u8] {
        self.lattice.as_ref().map_or(&self.key[..], |key| &key[..])
    }

    /// The Ed25519 key; of an ML-DSA-44 key its SHA-256, by which one is told from another.
    #[must_use]
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The signature type.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// The short key id: first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ key)`. A hint, not a fingerprint.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &[self.kind], self.public()]).0;
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// One signature line, with its newline.
    #[must_use]
    pub fn signature_line(&self, signature: &[u8]) -> String {
        print_line(&self.name, self.id(), signature)
    }

    /// One cosignature line, with its newline: the time in seconds since 1970 that was signed, and the signature.
    #[must_use]
    pub fn cosignature_line(&self, time_s: u64, signature: &[u8]) -> String {
        self.signature_line(&[&time_s.to_be_bytes()[..], signature].concat())
    }
}

/// What a cosigner signs: the time, and the whole text of the note (c2sp.org/tlog-cosignature).
fn cosignature_message(time_s: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time_s}\n{text}").into_bytes()
}

fn print_line(name: &str, id: [u8; 4], signature: &[u8]) -> String {
    format!("— {name} {}\n", STANDARD.encode([&id[..], signature].concat()))
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SignatureLine {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

/// A note whose signatures have not been verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError`] for anything that is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        if whole.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::NotText);
        }
        let split = whole.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, lines) = (&whole[..=split], &whole[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let found = lines.split('\n').count();
        if found > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures { found });
        }
        let read = |(line, text)| parse_line(text).ok_or(NoteError::Malformed { line });
        let signatures = (1..).zip(lines.split('\n')).map(read).collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), signatures })
    }

    /// The text, up to and including its last newline: not verified by itself.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Verifies the log's signature by `key`.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] without a line of that key, [`NoteError::BadSignature`] if one is wrong.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        let bad = || NoteError::BadSignature { name: key.name.clone() };
        let signature = self.line_of(key).ok_or_else(|| NoteError::Unsigned { name: key.name.clone() })?;
        verify_raw(&key.key, self.text.as_bytes(), signature).map_err(|_| bad())
    }

    /// Verifies a cosignature by `key` and gives its time in seconds since 1970 (c2sp.org/tlog-cosignature).
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] without a line of that key, [`NoteError::BadSignature`] if it is wrong.
    pub fn verify_cosignature(&self, key: &VerifierKey) -> Result<u64, NoteError> {
        let bad = || NoteError::BadSignature { name: key.name.clone() };
        let body = self.line_of(key).ok_or_else(|| NoteError::Unsigned { name: key.name.clone() })?;
        let (time, signature) = body.split_first_chunk::<8>().ok_or_else(bad)?;
        let time = u64::from_be_bytes(*time);
        let is_good = match &key.lattice {
            None => verify_raw(&key.key, &cosignature_message(time, &self.text), signature).is_ok(),
            Some(lattice) => self
                .lattice_message(&key.name, time)
                .is_some_and(|message| lattice::verifies(lattice, &message, signature)),
        };
        if is_good { Ok(time) } else { Err(bad()) }
    }

    /// What an ML-DSA cosigner signs: of a note that is a checkpoint.
    fn lattice_message(&self, cosigner: &str, time_s: u64) -> Option<Vec<u8>> {
        let (origin, size, root) = checkpoint::read(&self.text)?;
        lattice::cosignature_message(cosigner, time_s, &origin, size, root)
    }

    /// What a cosigner of this note signs at a time in seconds since 1970.
    pub(crate) fn cosignature_message(&self, time_s: u64) -> Vec<u8> {
        cosignature_message(time_s, &self.text)
    }

    /// The note with the signature lines of `more` behind its own.
    ///
    /// # Errors
    /// [`NoteError`] if what follows is no signature lines, or too many.
    pub fn with_lines(&self, more: &str) -> Result<Self, NoteError> {
        Self::parse(format!("{}{more}", self.print()).as_bytes())
    }

    /// The signature line of a key, with its newline; it counts for nothing until it is verified.
    #[must_use]
    pub fn line(&self, key: &VerifierKey) -> Option<String> {
        self.line_of(key).map(|signature| print_line(&key.name, key.id(), signature))
    }

    /// How many signature lines it has, verified or not.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.signatures.len()
    }

    /// The bytes of the note.
    #[must_use]
    pub fn print(&self) -> String {
        let lines = self.signatures.iter().map(|line| print_line(&line.name, line.id, &line.signature));
        format!("{}\n{}", self.text, lines.collect::<String>())
    }

    fn line_of(&self, key: &VerifierKey) -> Option<&[u8]> {
        let line = self.signatures.iter().find(|line| line.name == key.name && line.id == key.id());
        line.map(|line| line.signature.as_slice())
    }
}

/// A key name: not empty, no Unicode space, no control character, no plus.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn parse_line(text: &str) -> Option<SignatureLine> {
    let (name, encoded) = text.strip_prefix("— ")?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    let good = is_name(name) && !signature.is_empty();
    good.then(|| SignatureLine { name: name.into(), id: *id, signature: signature.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the C2SP signed-note specification.
    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn key() -> VerifierKey {
        VerifierKey::parse(KEY).expect("the key of the specification")
    }

    #[test]
    fn the_example_of_the_specification_verifies() {
        let note = Note::parse(NOTE.as_bytes()).expect("a note");
        assert_eq!(note.verify(&key()), Ok(()));
        assert_eq!(key().print(), KEY);
        assert_eq!(note.print(), NOTE);
    }

    #[test]
    fn a_note_prints_as_it_was_read_and_takes_more_lines() {
        let note = Note::parse(NOTE.as_bytes()).expect("a note");
        assert_eq!(note.print(), NOTE);
        let line = note.line(&key()).expect("the line");
        assert_eq!(note.with_lines(&line).map(|twice| twice.print()), Ok(format!("{NOTE}{line}")));
        assert_eq!(note.with_lines("no line\n"), Err(NoteError::Malformed { line: 2 }));
        assert_eq!(note.with_lines(&line.repeat(64)), Err(NoteError::TooManySignatures { found: 65 }));
    }

    #[test]
    fn refuses_another_text_under_the_same_signature() {
        let note = Note::parse(NOTE.replace("This", "That").as_bytes()).expect("a note");
        assert_eq!(note.verify(&key()), Err(NoteError::BadSignature { name: "example.com/foo".into() }));
    }

    #[test]
    fn refuses_a_note_that_the_key_did_not_sign() {
        let other = VerifierKey::new("example.com/bar", TYPE_ED25519, *key().key()).expect("a key");
        let note = Note::parse(NOTE.as_bytes()).expect("a note");
        assert_eq!(note.verify(&other), Err(NoteError::Unsigned { name: "example.com/bar".into() }));
    }

    #[test]
    fn refuses_notes_that_are_cut_or_carry_control_characters() {
        assert_eq!(Note::parse(b"text\n"), Err(NoteError::NoSignatures));
        assert_eq!(Note::parse(b"text\n\n"), Err(NoteError::NoSignatures));
        assert_eq!(Note::parse(b"te\txt\n\nx\n"), Err(NoteError::NotText));
        assert_eq!(Note::parse(b"text\n\n- a AAAAAAA=\n"), Err(NoteError::Malformed { line: 1 }));
    }

    #[test]
    fn refuses_a_key_whose_id_is_not_its_own() {
        let wrong = KEY.replace("530d903a", "530d903b");
        assert_eq!(VerifierKey::parse(&wrong), Err(NoteError::BadVerifierKey { found: wrong.clone() }));
    }
}
