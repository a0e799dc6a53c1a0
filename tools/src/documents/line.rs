//! One event as a line that people read: who, when, what; a covered part is its grounds and nothing else.

use super::Exact;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{
    Attachment, AttachmentState, Binding, Channel, ChatDetail, EventKind, GapDetail, Precision, ProofClass,
};
use zegel_verifier::bundle::ShownEvent;
use zegel_verifier::bundle::grounds::Grounds;
use zegel_verifier::commit::{Shown, ShownBody};
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::{Family, capture, chat, family};
use zegel_verifier::labels;

/// A run of text, or what stands in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Shown, as the source has it: a stranger's words.
    Open(String),
    /// Covered, on these grounds.
    Covered(Vec<String>),
}

/// A file that came with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attached {
    /// Shown by its name; `sha256` is there if it is in the bundle.
    Open {
        /// As the source names it: a stranger's words.
        name: String,
        /// As the source says; may be empty.
        media_type: String,
        /// In bytes.
        size: u64,
        /// SHA-256 of the file, in hexadecimal.
        sha256: Option<String>,
    },
    /// Covered, on these grounds.
    Covered(Vec<String>),
}

/// One event of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Entry of the log.
    pub entry: u64,
    /// Position in its batch.
    pub position: u32,
    /// Number of the kind.
    pub kind: i32,
    /// Milliseconds since 1970; 0: not known.
    pub at_ms: u64,
    /// Number of the precision.
    pub precision: i32,
    /// The hour was told twice or skipped by a change of clocks.
    pub is_ambiguous: bool,
    /// A to D.
    pub proof_class: Option<char>,
    /// Where it was said.
    pub channel: Option<String>,
    /// Whose phone it was read from.
    pub custodian: Option<String>,
    /// Name and account, as far as they are known.
    pub sender: Vec<Part>,
    /// What a line of the app says happened, in Dutch; empty for what people wrote.
    pub what: String,
    /// The words.
    pub text: Vec<Part>,
    /// Files.
    pub attachments: Vec<Attached>,
    /// Read out after it had been edited.
    pub is_edited: bool,
    /// Grounds on which all of it is withheld; `None`: it is not.
    pub withheld: Option<Vec<String>>,
    /// Other holders who have the same, whose copies are not told again.
    pub also: Vec<String>,
    /// Other holders who have it in other words, or deleted.
    pub differs: Vec<String>,
}

impl Line {
    /// What happened.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        EventKind::try_from(self.kind).unwrap_or(EventKind::SystemNoted)
    }

    /// Whether all of it is withheld.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.withheld.is_some()
    }

    /// All grounds in it, some more than once.
    pub fn grounds(&self) -> impl Iterator<Item = &String> {
        let parts = self.sender.iter().chain(&self.text);
        let parts = parts.flat_map(|part| if let Part::Covered(grounds) = part { grounds.as_slice() } else { &[] });
        let files = self.attachments.iter();
        let files = files.flat_map(|file| if let Attached::Covered(grounds) = file { grounds.as_slice() } else { &[] });
        self.withheld.iter().flatten().chain(parts).chain(files)
    }

    /// How exactly its time is known.
    #[must_use]
    pub fn exact(&self) -> Exact {
        match Precision::try_from(self.precision) {
            Ok(Precision::Millisecond | Precision::Second) => Exact::Second,
            Ok(Precision::Minute) => Exact::Minute,
            _ => Exact::Day,
        }
    }
}

/// What a line is made with.
pub(super) struct Desk<'a> {
    pub(super) grounds: &'a Grounds,
    pub(super) names: &'a BTreeMap<String, String>,
}

impl Desk<'_> {
    /// The line of an event, if a document tells it.
    pub(super) fn line(&self, event: &ShownEvent<'_>) -> Option<Line> {
        let kind = event.facts.kind;
        let told = match family(kind) {
            Family::Chat => kind != EventKind::ReceiptObserved,
            Family::Capture => kind == EventKind::GapDeclared && event.facts.conversation.is_some(),
            _ => false,
        };
        if !told || !event.in_scope {
            return None;
        }
        let place = (event.place.entry, event.place.position.unwrap_or(0));
        let custodian = event.facts.custodian.map(|id| self.named(id));
        let mut line = Line { entry: place.0, position: place.1, kind: kind as i32, custodian, ..Line::default() };
        match event.body {
            None => line.withheld = Some(self.grounds.of(place, 0, None).to_vec()),
            Some((binding, body)) => {
                bind(&mut line, binding);
                match family(kind) {
                    Family::Chat => self.chat(&mut line, place, body),
                    _ => gap(&mut line, body),
                }
            }
        }
        Some(line)
    }

    pub(super) fn named(&self, id: Hash) -> String {
        let id = id.to_string();
        self.names.get(&id).cloned().unwrap_or_else(|| format!("{}…", &id[..8]))
    }

    fn chat(&self, line: &mut Line, place: (u64, u32), body: &ShownBody) {
        line.sender = self.sender(place, body);
        line.text = self.text(place, body);
        line.attachments = self.attachments(place, body);
        if let Some(Ok(detail)) = body.value(chat::DETAIL).map(parse::<ChatDetail>) {
            line.is_edited = detail.edited;
            let people = std::iter::once(&detail.subject).chain(&detail.targets).filter(|name| !name.is_empty());
            let people = people.cloned().collect::<Vec<_>>().join(", ");
            if line.text.is_empty() && !detail.what.is_empty() {
                let what =
                    labels::what(&detail.what).map_or_else(|| detail.what.replace('_', " "), |(nl, _)| nl.to_owned());
                line.what = if people.is_empty() { what } else { format!("{what}: {people}") };
            }
        }
    }

    fn covered(&self, place: (u64, u32), slot: usize, item: Option<u32>) -> Vec<String> {
        self.grounds.of(place, slot as u32, item).to_vec()
    }

    /// The name that the source shows, or else the account; each may be covered on its own.
    fn sender(&self, place: (u64, u32), body: &ShownBody) -> Vec<Part> {
        let part = |slot: usize| match body.slots().get(slot) {
            Some(Shown::Covered) => Some(Part::Covered(self.covered(place, slot, None))),
            Some(Shown::Value(value)) => Some(Part::Open(String::from_utf8_lossy(value).into_owned())),
            _ => None,
        };
        match (part(chat::DISPLAY_NAME), part(chat::SENDER)) {
            (Some(name @ Part::Open(_)), Some(account @ Part::Covered(_))) => vec![name, account],
            (Some(name), _) => vec![name],
            (None, account) => account.into_iter().collect(),
        }
    }

    fn text(&self, place: (u64, u32), body: &ShownBody) -> Vec<Part> {
        match body.slots().get(chat::TEXT) {
            Some(Shown::Covered) => vec![Part::Covered(self.covered(place, chat::TEXT, None))],
            Some(Shown::List(items)) => {
                let parts = (0u32..).zip(items).map(|(number, item)| match item {
                    Some(word) => Part::Open(String::from_utf8_lossy(word).into_owned()),
                    None => Part::Covered(self.covered(place, chat::TEXT, Some(number))),
                });
                parts.fold(Vec::new(), joined)
            }
            _ => Vec::new(),
        }
    }

    fn attachments(&self, place: (u64, u32), body: &ShownBody) -> Vec<Attached> {
        let slot = chat::ATTACHMENTS;
        if matches!(body.slots().get(slot), Some(Shown::Covered)) {
            return vec![Attached::Covered(self.covered(place, slot, None))];
        }
        let items = (0u32..).zip(body.items(slot));
        let shown = items.map(|(number, item)| match item.as_ref().map(|item| parse::<Attachment>(item)) {
            None => Attached::Covered(self.covered(place, slot, Some(number))),
            Some(Ok(file)) => attached(file),
            Some(Err(_)) => attached(Attachment { name: "?".into(), ..Attachment::default() }),
        });
        shown.collect()
    }
}

/// Neighbours of one ground are one cover: how many words lie under it is nobody's business.
fn joined(mut parts: Vec<Part>, next: Part) -> Vec<Part> {
    match (parts.last_mut(), &next) {
        (Some(Part::Covered(last)), Part::Covered(grounds)) if last == grounds => {}
        (Some(Part::Open(last)), Part::Open(words)) => last.push_str(words),
        _ => parts.push(next),
    }
    parts
}

fn attached(file: Attachment) -> Attached {
    let is_present = file.state == AttachmentState::AttachmentPresent as i32;
    let sha256 = Hash::read(&file.sha256).filter(|_| is_present).map(|sha256| sha256.to_string());
    Attached::Open { name: file.name, media_type: file.media_type, size: file.size, sha256 }
}

fn bind(line: &mut Line, binding: &Binding) {
    line.at_ms = binding.occurred_at_ms;
    line.precision = binding.precision;
    line.is_ambiguous = binding.ambiguous_time;
    line.proof_class = match ProofClass::try_from(binding.proof_class) {
        Ok(ProofClass::ANativeSigned) => Some('A'),
        Ok(ProofClass::BGateway) => Some('B'),
        Ok(ProofClass::CExportFile) => Some('C'),
        Ok(ProofClass::DScreenshot) => Some('D'),
        _ => None,
    };
    let channel = match Channel::try_from(binding.channel) {
        Ok(Channel::Whatsapp) => "WhatsApp",
        Ok(Channel::Signal) => "Signal",
        Ok(Channel::Matrix) => "Matrix",
        Ok(Channel::Sms) => "SMS",
        Ok(Channel::Threema) => "Threema",
        Ok(Channel::Other) => "ander kanaal",
        _ => return,
    };
    line.channel = Some(channel.into());
}

fn gap(line: &mut Line, body: &ShownBody) {
    let detail = body.value(capture::DETAIL).and_then(|detail| parse::<GapDetail>(detail).ok());
    let reason = detail.map(|detail| detail.reason).unwrap_or_default();
    line.what = labels::gap(&reason).map_or(reason.clone(), |(nl, _)| nl.to_owned());
}
