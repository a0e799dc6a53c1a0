//! Documents: runs of lines of one conversation and day, with what an inventory says of each.

use super::spool::Spool;
use super::{Day, Line};
use crate::hex;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use zegel_verifier::hash::Hash;

/// Lines of one document; a longer day goes on in the next one.
pub(super) const DOCUMENT_LINES_MAX: usize = 2_000;
/// Bytes of the lines of one document, as they are kept; the line that goes over it is its last.
pub(super) const DOCUMENT_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// How much of a document is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Assessment {
    /// All of it.
    Open,
    /// Something is covered.
    InPart,
    /// Nothing.
    Withheld,
    /// Nothing, since it is public already.
    PublicAlready,
}

/// A conversation on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Counts from 1.
    pub number: usize,
    /// Id of the conversation.
    #[serde(with = "hex::field")]
    pub conversation: Hash,
    /// Its title, as registered; or the beginning of its id.
    pub title: String,
    /// Which day.
    #[serde(skip)]
    pub day: Day,
    /// How many documents of this conversation and day come before it.
    pub continues: usize,
    /// Where it was said: WhatsApp, Signal, …
    pub channels: BTreeSet<String>,
    /// Whose phones it was read from.
    pub custodians: BTreeSet<String>,
    /// Time of the first and last line whose time is known, in milliseconds since 1970.
    pub first_ms: Option<u64>,
    /// The last.
    pub last_ms: Option<u64>,
    /// Lines that are shown whole.
    pub open: usize,
    /// Lines of which something is covered.
    pub in_part: usize,
    /// Lines that are withheld as a whole.
    pub withheld: usize,
    /// All grounds and markings in it.
    pub grounds: BTreeSet<String>,
    #[serde(skip)]
    lines: Range<usize>,
}

impl Document {
    fn begin(number: usize, conversation: Hash, day: Day, continues: usize, first: usize) -> Self {
        Self {
            number,
            conversation,
            title: String::new(),
            day,
            continues,
            channels: BTreeSet::new(),
            custodians: BTreeSet::new(),
            first_ms: None,
            last_ms: None,
            open: 0,
            in_part: 0,
            withheld: 0,
            grounds: BTreeSet::new(),
            lines: first..first,
        }
    }

    /// The document of lines that lie in no bundle: for tests of what it looks like.
    #[cfg(test)]
    pub(crate) fn of_lines(title: &str, day: Day, conversation: Hash, lines: &[Line]) -> Self {
        let mut document = Self::begin(1, conversation, day, 0, 0);
        document.title = title.into();
        lines.iter().for_each(|line| document.take(line));
        document
    }

    pub(super) fn lines(&self) -> Range<usize> {
        self.lines.clone()
    }

    /// How much of it is shown.
    #[must_use]
    pub fn assessment(&self) -> Assessment {
        let is_public = !self.grounds.is_empty() && self.grounds.iter().all(|ground| ground == "reeds_openbaar");
        match (self.open + self.in_part, self.in_part + self.withheld) {
            (_, 0) => Assessment::Open,
            (0, _) if is_public => Assessment::PublicAlready,
            (0, _) => Assessment::Withheld,
            _ => Assessment::InPart,
        }
    }

    /// What it is called: title, day, and how far a long day has come.
    #[must_use]
    pub fn name(&self) -> String {
        let more = if self.continues > 0 { format!(" (vervolg {})", self.continues) } else { String::new() };
        format!("{}, {}{more}", self.title, self.day)
    }

    fn take(&mut self, line: &Line) {
        self.lines.end += 1;
        if line.is_withheld() {
            self.withheld += 1;
        } else if line.grounds().next().is_some() {
            self.in_part += 1;
        } else {
            self.open += 1;
        }
        self.grounds.extend(line.grounds().cloned());
        self.custodians.extend(line.custodian.iter().chain(&line.also).cloned());
        self.channels.extend(line.channel.clone());
        if line.at_ms != 0 {
            self.first_ms = Some(self.first_ms.map_or(line.at_ms, |first| first.min(line.at_ms)));
            self.last_ms = Some(self.last_ms.map_or(line.at_ms, |last| last.max(line.at_ms)));
        }
    }
}

/// Cuts the lines into documents.
pub(super) fn cut(spool: &mut Spool, names: &BTreeMap<String, String>) -> io::Result<Vec<Document>> {
    let kept: Vec<(Hash, Day, usize)> =
        spool.sort()?.iter().map(|kept| (kept.key.conversation, kept.key.day, kept.bytes)).collect();
    let mut documents: Vec<Document> = Vec::new();
    let mut bytes = 0;
    for (number, (conversation, day, length)) in kept.into_iter().enumerate() {
        let same = documents.last().filter(|last| last.conversation == conversation && last.day == day);
        let is_full = |last: &Document| last.lines.len() >= DOCUMENT_LINES_MAX || bytes >= DOCUMENT_BYTES_MAX;
        if same.is_none_or(is_full) {
            let continues = same.map_or(0, |last| last.continues + 1);
            let mut next = Document::begin(documents.len() + 1, conversation, day, continues, number);
            let id = conversation.to_string();
            next.title = names.get(&id).cloned().unwrap_or_else(|| format!("gesprek {}…", &id[..8]));
            documents.push(next);
            bytes = 0;
        }
        bytes += length;
        let line = spool.line(number)?;
        if let Some(last) = documents.last_mut() {
            last.take(&line);
        }
    }
    Ok(documents)
}
