//! A fork proof as text: a word and a value on each line, so that a person sees what it holds.

use super::fork::{Disagreement, ForkError, ForkProof, Included};
use crate::hash::Hash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use std::fmt::Write;
use zegel_proto::v1::AuditEntry;

/// First line of a fork proof.
const TITLE: &str = "zegel fork proof v1";

impl ForkProof {
    /// Whether bytes are meant as one.
    #[must_use]
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(TITLE.as_bytes())
    }

    /// The file that convinces a third party.
    #[must_use]
    pub fn print(&self) -> String {
        let mut out = format!("{TITLE}\norigin {}\n", self.origin);
        let mut line = |word: &str, bytes: &[u8]| _ = writeln!(out, "{word} {}", STANDARD.encode(bytes));
        self.registry.iter().for_each(|entry| line("registry", &entry.encode_to_vec()));
        line("checkpoint", &self.first);
        line("checkpoint", &self.second);
        let hashes = |line: &mut dyn FnMut(&str, &[u8]), word: &str, hashes: &[Hash]| {
            hashes.iter().for_each(|hash| line(word, &hash.0));
        };
        match &self.disagreement {
            Disagreement::Roots => {}
            Disagreement::Prefix { prefix, rest } => {
                hashes(&mut line, "prefix", prefix);
                hashes(&mut line, "rest", rest);
            }
            Disagreement::Entries { first, second } => {
                for included in [first, second] {
                    line("index", &included.index.to_be_bytes());
                    line("entry", &included.entry);
                    hashes(&mut line, "path", &included.path);
                }
            }
        }
        out
    }

    /// Reads a file that [`ForkProof::print`] made, and nothing that would print otherwise.
    ///
    /// # Errors
    /// [`ForkError::Malformed`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, ForkError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ForkError::Malformed { line: 1 })?;
        let mut lines = Lines { lines: text.lines().skip(1).collect(), at: 0 };
        let origin = lines.word("origin").ok_or(lines.malformed())?.to_owned();
        let mut registry = Vec::new();
        while let Some(bytes) = lines.bytes("registry") {
            registry.push(AuditEntry::decode(bytes.as_slice()).map_err(|_| lines.malformed())?);
        }
        let first = lines.bytes("checkpoint").ok_or(lines.malformed())?;
        let second = lines.bytes("checkpoint").ok_or(lines.malformed())?;
        let disagreement = match lines.lines.get(lines.at).and_then(|line| line.split(' ').next()) {
            None => Disagreement::Roots,
            Some("index") => {
                let mut included = || lines.included().ok_or(lines.malformed());
                Disagreement::Entries { first: included()?, second: included()? }
            }
            Some(_) => Disagreement::Prefix { prefix: lines.hashes("prefix"), rest: lines.hashes("rest") },
        };
        let parsed = Self { origin, registry, first, second, disagreement };
        if parsed.print().as_bytes() == bytes { Ok(parsed) } else { Err(lines.malformed()) }
    }
}

struct Lines<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Lines<'a> {
    /// The line that was read last, counted from 1 in the file.
    fn malformed(&self) -> ForkError {
        ForkError::Malformed { line: self.at + 2 }
    }

    fn word(&mut self, word: &str) -> Option<&'a str> {
        let value = self.lines.get(self.at)?.strip_prefix(word)?.strip_prefix(' ')?;
        self.at += 1;
        Some(value)
    }

    fn bytes(&mut self, word: &str) -> Option<Vec<u8>> {
        let before = self.at;
        let bytes = self.word(word).and_then(|value| STANDARD.decode(value).ok());
        if bytes.is_none() {
            self.at = before;
        }
        bytes
    }

    fn hashes(&mut self, word: &str) -> Vec<Hash> {
        std::iter::from_fn(|| self.bytes(word).and_then(|bytes| Hash::read(&bytes))).collect()
    }

    fn included(&mut self) -> Option<Included> {
        let index = u64::from_be_bytes(self.bytes("index")?.try_into().ok()?);
        Some(Included { index, entry: self.bytes("entry")?, path: self.hashes("path") })
    }
}
