//! Who vouches, and how many of them are wanted: the part of a trust file that is plain C2SP tlog-policy.
//!
//! A ledger reads the same lines to know whom to ask for cosignatures, and when it has enough. Invariants: names are
//! defined before they are used, so that no group holds itself; no key counts twice. Specification: `specs/trust-file.md`.

use super::{TRUST_BYTES_MAX, TrustError};
use crate::checkpoint::VerifiedCheckpoint;
use crate::note::{NoteError, TYPE_COSIGNATURE, TYPE_ED25519, TYPE_LATTICE, VerifierKey};
use std::collections::BTreeMap;
use std::fmt;

/// Someone whose cosignature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Name in the trust file.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// It replays the whole log before it cosigns.
    pub is_auditor: bool,
    /// Where a log asks it for cosignatures, as written: a verifier does not read it.
    pub url: Option<String>,
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

/// What a quorum asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// This witness.
    Witness(String),
    /// So many of these.
    Group {
        /// How many.
        threshold: usize,
        /// Of whom.
        members: Vec<Demand>,
    },
}

impl fmt::Display for Demand {
    /// `2/3 (a, b, 1/2 (c, d))`: the same in every language.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Witness(name) => formatter.write_str(name),
            Self::Group { threshold, members } => {
                write!(formatter, "{threshold}/{} (", members.len())?;
                for (number, member) in members.iter().enumerate() {
                    let comma = if number == 0 { "" } else { ", " };
                    write!(formatter, "{comma}{member}")?;
                }
                formatter.write_str(")")
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<String>,
}

/// Witnesses, groups and a quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    log: Option<VerifierKey>,
    witnesses: Vec<Witness>,
    groups: BTreeMap<String, Group>,
    quorum: Option<String>,
}

impl Policy {
    /// Reads the policy of a log: tlog-policy, or a trust file, whose root line is passed over.
    ///
    /// # Errors
    /// [`TrustError`] with the line that is wrong.
    pub fn parse(bytes: &[u8], origin: &str) -> Result<Self, TrustError> {
        let (_, policy, log_line) = Reader::read(bytes)?;
        policy.check_origin(origin, log_line)?;
        Ok(policy)
    }

    /// The log's key, if it is pinned.
    pub(super) fn log(&self) -> Option<&VerifierKey> {
        self.log.as_ref()
    }

    /// The name of a key is the origin of its log: one of another name signs for another.
    pub(super) fn check_origin(&self, origin: &str, line: usize) -> Result<(), TrustError> {
        match self.log.as_ref().filter(|log| log.name() != origin) {
            None => Ok(()),
            Some(log) => Err(TrustError::Name { line, name: log.name().into(), problem: "not the origin" }),
        }
    }

    /// Whose cosignatures count.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// What the quorum asks for; `None` if it asks for nobody.
    #[must_use]
    pub fn demand(&self) -> Option<Demand> {
        self.quorum.as_ref().map(|name| self.demand_of(name))
    }

    fn demand_of(&self, name: &str) -> Demand {
        match self.groups.get(name) {
            None => Demand::Witness(name.into()),
            Some(group) => {
                let members = group.members.iter().map(|member| self.demand_of(member)).collect();
                Demand::Group { threshold: group.threshold, members }
            }
        }
    }

    /// Verifies the cosignatures of a checkpoint by the witnesses of this policy. Unknown ones are passed over.
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

    /// Whether these cosignatures are the quorum that is demanded; true where none is.
    #[must_use]
    pub fn is_quorum(&self, vouched: &[Vouched]) -> bool {
        self.quorum.as_ref().is_none_or(|name| self.is_met(name, vouched))
    }

    /// When a quorum was complete, by its own clocks: the oldest cosignature of the freshest quorum, in seconds since
    /// 1970. `None` without a quorum; where none is demanded, one cosignature is enough.
    #[must_use]
    pub fn complete_at(&self, vouched: &[Vouched]) -> Option<u64> {
        let mut newest_first = vouched.to_vec();
        newest_first.sort_by_key(|each| std::cmp::Reverse(each.time_s));
        let complete = (1..=newest_first.len()).find(|count| self.is_quorum(&newest_first[..*count]))?;
        newest_first.get(complete - 1).map(|each| each.time_s)
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

/// Lines, as they are read.
#[derive(Default)]
pub(super) struct Reader {
    roots: Vec<VerifierKey>,
    log: Option<(usize, VerifierKey)>,
    witnesses: Vec<Witness>,
    groups: BTreeMap<String, Group>,
    grouped: Vec<String>,
    quorum: Option<Option<String>>,
}

impl Reader {
    /// Root keys, policy, and the line on which the log's key stands.
    pub(super) fn read(bytes: &[u8]) -> Result<(Vec<VerifierKey>, Policy, usize), TrustError> {
        let text = std::str::from_utf8(bytes).map_err(|_| TrustError::NotText)?;
        let printable = text.chars().all(|c| matches!(c, '\t' | '\n') || (c >= ' ' && c != '\u{7f}'));
        if bytes.len() > TRUST_BYTES_MAX || !printable {
            return Err(TrustError::NotText);
        }
        let mut reader = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            if !words.is_empty() && !words[0].starts_with('#') {
                reader.line(line, &words)?;
            }
        }
        Ok(reader.finish())
    }

    fn line(&mut self, line: usize, words: &[&str]) -> Result<(), TrustError> {
        match *words {
            ["root", key] => self.roots.push(read_key(line, key, &[TYPE_ED25519])?),
            ["log", key] | ["log", key, _] if self.log.is_none() => {
                self.log = Some((line, read_key(line, key, &[TYPE_ED25519])?));
            }
            [kind @ ("witness" | "auditor"), name, key, ref url @ ..] if url.len() <= 1 => {
                let (name, key) = (self.new_name(line, name)?, read_key(line, key, &[TYPE_COSIGNATURE, TYPE_LATTICE])?);
                let url = url.first().map(|url| String::from(*url));
                self.witness(line, Witness { name, key, is_auditor: kind == "auditor", url })?;
            }
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

    fn witness(&mut self, line: usize, witness: Witness) -> Result<(), TrustError> {
        if self.witnesses.iter().any(|other| other.key.key() == witness.key.key()) {
            // One key under two names would count twice.
            return Err(TrustError::Name { line, name: witness.name, problem: "taken" });
        }
        self.witnesses.push(witness);
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

    fn finish(self) -> (Vec<VerifierKey>, Policy, usize) {
        let (log_line, log) = self.log.map_or((0, None), |(line, log)| (line, Some(log)));
        let policy = Policy { log, witnesses: self.witnesses, groups: self.groups, quorum: self.quorum.flatten() };
        (self.roots, policy, log_line)
    }
}

fn read_key(line: usize, text: &str, kinds: &[u8]) -> Result<VerifierKey, TrustError> {
    let key = VerifierKey::parse(text).map_err(|reason| TrustError::Key { line, reason })?;
    if kinds.contains(&key.kind()) {
        return Ok(key);
    }
    Err(TrustError::Key { line, reason: NoteError::BadVerifierKey { found: text.into() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let key = |number: u8| {
            VerifierKey::new(&format!("w{number}.example"), TYPE_COSIGNATURE, [number; 32]).expect("a name").print()
        };
        let text = format!(
            "witness a {} https://a.example/\nauditor b {}\nwitness c {}\ngroup two 2 a b c\nquorum two\n",
            key(1),
            key(2),
            key(3)
        );
        Policy::parse(text.as_bytes(), "chat.example.nl/minbzk").expect("a policy")
    }

    fn vouched(times: &[(&str, u64)]) -> Vec<Vouched> {
        let each = |&(name, time_s): &(&str, u64)| Vouched { name: name.into(), is_auditor: name == "b", time_s };
        times.iter().map(each).collect()
    }

    #[test]
    fn a_quorum_is_as_old_as_the_oldest_of_its_freshest_members() {
        let policy = policy();
        assert_eq!(policy.complete_at(&vouched(&[("a", 10), ("b", 30), ("c", 20)])), Some(20));
        assert_eq!(policy.complete_at(&vouched(&[("a", 10), ("b", 30)])), Some(10));
        assert_eq!(policy.complete_at(&vouched(&[("b", 30)])), None);
        assert_eq!(policy.complete_at(&[]), None);
    }

    #[test]
    fn a_policy_needs_no_root_and_keeps_the_addresses() {
        let policy = policy();
        let urls: Vec<Option<&str>> = policy.witnesses().iter().map(|witness| witness.url.as_deref()).collect();
        assert_eq!(urls, [Some("https://a.example/"), None, None]);
        assert_eq!(policy.demand().map(|demand| demand.to_string()), Some("2/3 (a, b, c)".into()));
    }
}
