//! The trust file: everything that a verifier takes on trust, in the language of C2SP tlog-policy.
//!
//! Two words are ours: `root <vkey>` pins the ministry's root key under the log's origin, from which every other key
//! follows; `auditor <name> <vkey>` names a witness that replays the whole log before it cosigns. The rest is tlog-policy:
//! `log`, `witness`, `group`, `quorum`. Specification: `specs/trust-file.md`.

use crate::checkpoint::VerifiedCheckpoint;
use crate::note::{NoteError, TYPE_COSIGNATURE, TYPE_ED25519, VerifierKey};
use std::collections::BTreeMap;
use thiserror::Error;

/// Bytes of a trust file.
pub const TRUST_BYTES_MAX: usize = 64 * 1024;

/// Why a trust file is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrustError {
    /// Too large, or not text of the allowed octets.
    #[error("the trust file is not text of at most {TRUST_BYTES_MAX} bytes")]
    NotText,
    /// A line that is none of the language.
    #[error("line {line} of the trust file is not understood: {found:?}")]
    UnknownLine {
        /// Counted from 1.
        line: usize,
        /// The line.
        found: String,
    },
    /// A key that does not parse or has the wrong type.
    #[error("line {line} of the trust file: {reason}")]
    Key {
        /// Counted from 1.
        line: usize,
        /// Why.
        reason: NoteError,
    },
    /// A name that is taken, not defined before its use, or not the log's.
    #[error("line {line} of the trust file: the name {name:?} is {problem}")]
    Name {
        /// Counted from 1.
        line: usize,
        /// The name.
        name: String,
        /// "taken", "not defined before", "a member of two groups" or "not the origin".
        problem: &'static str,
    },
    /// No root, or two.
    #[error("a trust file pins exactly one root key, {found} were found")]
    Roots {
        /// How many.
        found: usize,
    },
    /// Two quorum lines, or a threshold that cannot be met.
    #[error("line {line} of the trust file: the quorum cannot be met or is stated twice")]
    Quorum {
        /// Counted from 1.
        line: usize,
    },
}

/// Someone whose cosignature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Name in the trust file.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// It replays the whole log before it cosigns.
    pub is_auditor: bool,
}

/// A cosignature that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Name in the trust file.
    pub name: String,
    /// It replays the whole log.
    pub is_auditor: bool,
    /// Seconds since 1970, by the witness's clock.
    pub time_s: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<String>,
}

/// A trust file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    root: VerifierKey,
    log: Option<VerifierKey>,
    witnesses: Vec<Witness>,
    groups: BTreeMap<String, Group>,
    quorum: Option<String>,
}

impl Trust {
    /// Reads a trust file.
    ///
    /// # Errors
    /// [`TrustError`] with the line that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        let text = std::str::from_utf8(bytes).map_err(|_| TrustError::NotText)?;
        let printable = text.chars().all(|c| matches!(c, '\t' | '\n') || (c >= ' ' && c != '\u{7f}'));
        if bytes.len() > TRUST_BYTES_MAX || !printable {
            return Err(TrustError::NotText);
        }
        let mut reader = Reader::default();
        for (line, text) in (1..).zip(text.lines()) {
            let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            if !words.is_empty() && !words[0].starts_with('#') {
                reader.line(line, &words)?;
            }
        }
        reader.finish()
    }

    /// Origin of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.root.name()
    }

    /// The ministry's root key.
    #[must_use]
    pub fn root_key(&self) -> &[u8; 32] {
        self.root.key()
    }

    /// The log's key, if the file pins it as well.
    #[must_use]
    pub fn log_key(&self) -> Option<&[u8; 32]> {
        self.log.as_ref().map(VerifierKey::key)
    }

    /// Whose cosignatures count.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Verifies the cosignatures of a checkpoint by the witnesses of this file. Unknown ones are passed over.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] if one by a known witness is wrong: the note is then refused whole.
    pub fn vouched(&self, checkpoint: &VerifiedCheckpoint) -> Result<Vec<Vouched>, NoteError> {
        let mut vouched = Vec::new();
        for witness in &self.witnesses {
            match checkpoint.note().verify_cosignature(&witness.key) {
                Ok(time_s) => {
                    vouched.push(Vouched { name: witness.name.clone(), is_auditor: witness.is_auditor, time_s });
                }
                Err(NoteError::Unsigned { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(vouched)
    }

    /// Whether these cosignatures are the quorum that the file demands; true where it demands none.
    #[must_use]
    pub fn is_quorum(&self, vouched: &[Vouched]) -> bool {
        self.quorum.as_ref().is_none_or(|name| self.is_met(name, vouched))
    }

    fn is_met(&self, name: &str, vouched: &[Vouched]) -> bool {
        match self.groups.get(name) {
            Some(group) => {
                group.members.iter().filter(|member| self.is_met(member, vouched)).count() >= group.threshold
            }
            None => vouched.iter().any(|each| each.name == name),
        }
    }
}

#[derive(Default)]
struct Reader {
    roots: Vec<VerifierKey>,
    log: Option<(usize, VerifierKey)>,
    witnesses: Vec<Witness>,
    groups: BTreeMap<String, Group>,
    grouped: Vec<String>,
    quorum: Option<Option<String>>,
}

impl Reader {
    fn line(&mut self, line: usize, words: &[&str]) -> Result<(), TrustError> {
        match *words {
            ["root", key] => self.roots.push(read_key(line, key, TYPE_ED25519)?),
            ["log", key] | ["log", key, _] if self.log.is_none() => {
                self.log = Some((line, read_key(line, key, TYPE_ED25519)?));
            }
            ["witness", name, key] | ["witness", name, key, _] => self.witness(line, name, key, false)?,
            ["auditor", name, key] | ["auditor", name, key, _] => self.witness(line, name, key, true)?,
            ["group", name, threshold, ref members @ ..] => self.group(line, name, threshold, members)?,
            ["quorum", name] => self.quorum(line, name)?,
            _ => return Err(TrustError::UnknownLine { line, found: words.join(" ") }),
        }
        Ok(())
    }

    fn is_defined(&self, name: &str) -> bool {
        self.groups.contains_key(name) || self.witnesses.iter().any(|witness| witness.name == name)
    }

    fn new_name(&self, line: usize, name: &str) -> Result<String, TrustError> {
        let taken = name == "none" || self.is_defined(name);
        if taken { Err(TrustError::Name { line, name: name.into(), problem: "taken" }) } else { Ok(name.into()) }
    }

    fn witness(&mut self, line: usize, name: &str, key: &str, is_auditor: bool) -> Result<(), TrustError> {
        let name = self.new_name(line, name)?;
        let key = read_key(line, key, TYPE_COSIGNATURE)?;
        if self.witnesses.iter().any(|witness| witness.key.key() == key.key()) {
            // One key under two names would count twice.
            return Err(TrustError::Name { line, name, problem: "taken" });
        }
        self.witnesses.push(Witness { name, key, is_auditor });
        Ok(())
    }

    fn group(&mut self, line: usize, name: &str, threshold: &str, members: &[&str]) -> Result<(), TrustError> {
        let name = self.new_name(line, name)?;
        for member in members {
            let member = String::from(*member);
            if !self.is_defined(&member) {
                return Err(TrustError::Name { line, name: member, problem: "not defined before" });
            }
            if self.grouped.contains(&member) {
                return Err(TrustError::Name { line, name: member, problem: "a member of two groups" });
            }
            self.grouped.push(member);
        }
        let threshold = match threshold {
            "any" => 1,
            "all" => members.len(),
            number => number.parse().ok().filter(|k: &usize| k.to_string() == number).unwrap_or(0),
        };
        if threshold == 0 || threshold > members.len() {
            return Err(TrustError::Quorum { line });
        }
        let members = members.iter().map(|member| String::from(*member)).collect();
        self.groups.insert(name, Group { threshold, members });
        Ok(())
    }

    fn quorum(&mut self, line: usize, name: &str) -> Result<(), TrustError> {
        if self.quorum.is_some() {
            return Err(TrustError::Quorum { line });
        }
        if name != "none" && !self.is_defined(name) {
            return Err(TrustError::Name { line, name: name.into(), problem: "not defined before" });
        }
        self.quorum = Some((name != "none").then(|| name.into()));
        Ok(())
    }

    fn finish(self) -> Result<Trust, TrustError> {
        let found = self.roots.len();
        let mut roots = self.roots.into_iter();
        let (Some(root), None) = (roots.next(), roots.next()) else {
            return Err(TrustError::Roots { found });
        };
        if let Some((line, log)) = self.log.as_ref().filter(|(_, log)| log.name() != root.name()) {
            // The name of a key is the origin of its log: this one signs for another.
            return Err(TrustError::Name { line: *line, name: log.name().into(), problem: "not the origin" });
        }
        let quorum = self.quorum.flatten();
        Ok(Trust { root, log: self.log.map(|(_, log)| log), witnesses: self.witnesses, groups: self.groups, quorum })
    }
}

fn read_key(line: usize, text: &str, kind: u8) -> Result<VerifierKey, TrustError> {
    let key = VerifierKey::parse(text).map_err(|reason| TrustError::Key { line, reason })?;
    if key.kind() == kind {
        return Ok(key);
    }
    Err(TrustError::Key { line, reason: NoteError::BadVerifierKey { found: text.into() } })
}
