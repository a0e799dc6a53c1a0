//! Captures: what one source saw of one custodian's conversation, numbered without gaps.
//!
//! Invariants: numbers ascend strictly; in a bundle of all months they are dense from 0, so that a source's own signature
//! says that nothing is missing in between. A file that was read out is accounted for record by record: its runs are dense
//! over all its records, each run points below the manifest's own number, and no more records are called new than the
//! capture has events. Memory: one counter per capture. Specification: `specs/input.md`.

use super::calendar::slack_ms;
use super::export::ScopeFacts;
use super::{CAPTURES_MAX, Place, Refusal};
use crate::commit::{Shown, ShownBody};
use crate::hash::Hash;
use crate::kinds::{EventFacts, Family, capture, family};
use std::collections::BTreeMap;
use zegel_proto::parse;
use zegel_proto::v1::{Binding, EventKind, ManifestDetail, ManifestRun, RecordFate};

/// Source, custodian, conversation.
pub(super) type CaptureId = (Hash, Hash, Hash);

#[derive(Default)]
struct Capture {
    next: u64,
    chat_events: u64,
    listed_new: u64,
    last_occurred_ms: u64,
    file: Option<FileWalk>,
    /// A part was passed over: of the file that it belongs to, nothing can be said.
    is_passed_over: bool,
    unfinished: u64,
}

/// A file whose manifest is passing, part by part.
struct FileWalk {
    manifest: Vec<u8>,
    parts: u32,
    next_part: u32,
    next_record: u64,
}

/// What a file's manifest says, per part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileTally {
    pub(super) detail: ManifestDetail,
    pub(super) new: u64,
    pub(super) known: u64,
    pub(super) edited: u64,
    pub(super) deleted: u64,
    pub(super) closed: u64,
    pub(super) ended: u64,
    /// First number and length of each run that was left out as ended, and lies below the manifest's own number.
    pub(super) left_out: Vec<(u64, u64)>,
    /// Why the manifest does not account for its file.
    pub(super) fault: Option<&'static str>,
}

/// All captures of a bundle.
pub(super) struct Captures {
    is_whole: bool,
    captures: BTreeMap<CaptureId, Capture>,
}

pub(super) fn id(source: Hash, facts: &EventFacts) -> Option<CaptureId> {
    Some((source, facts.custodian?, facts.conversation?))
}

impl Captures {
    pub(super) fn new(scope: ScopeFacts) -> Self {
        Self { is_whole: scope.is_whole(), captures: BTreeMap::new() }
    }

    /// Takes the number of an event of the scope, if it has one.
    pub(super) fn number(&mut self, place: Place, source: Hash, facts: &EventFacts) -> Result<(), Refusal> {
        let Some(id) = id(source, facts) else {
            return Ok(());
        };
        if self.captures.len() >= CAPTURES_MAX && !self.captures.contains_key(&id) {
            let found = self.captures.len() as u64 + 1;
            return Err(Refusal::Limit { what: "captures", found, max: CAPTURES_MAX as u64 });
        }
        let capture = self.captures.entry(id).or_default();
        let (found, wanted) = (facts.conversation_seq, capture.next);
        let follows = if self.is_whole { found == wanted } else { found >= wanted };
        if !follows || found == u64::MAX {
            return Err(Refusal::SeqGap { place, found, wanted });
        }
        capture.next = found + 1;
        capture.chat_events += u64::from(family(facts.kind) == Family::Chat);
        Ok(())
    }

    /// Whether a message is told to be older than the one before it in its capture, by more than its precision.
    pub(super) fn is_backwards(&mut self, source: Hash, facts: &EventFacts, binding: &Binding) -> bool {
        if facts.kind != EventKind::MessageCreated || binding.occurred_at_ms == 0 {
            return false;
        }
        let Some(capture) = id(source, facts).and_then(|id| self.captures.get_mut(&id)) else {
            return false;
        };
        let slack = slack_ms(binding.precision).unwrap_or(u64::MAX);
        let before = std::mem::replace(&mut capture.last_occurred_ms, binding.occurred_at_ms);
        binding.occurred_at_ms.saturating_add(slack) < before
    }

    /// A part of a file's manifest that is withheld, covered or not readable: the rest of its file is not judged.
    pub(super) fn pass_over(&mut self, source: Hash, facts: &EventFacts) {
        if let Some(capture) = id(source, facts).and_then(|id| self.captures.get_mut(&id)) {
            (capture.file, capture.is_passed_over) = (None, true);
        }
    }

    /// Takes an open part of a file's manifest; `None` if it is covered or not readable.
    pub(super) fn manifest(&mut self, source: Hash, facts: &EventFacts, body: &ShownBody) -> Option<FileTally> {
        let (detail, runs) = read(body)?;
        let mut tally = FileTally { detail, ..FileTally::default() };
        tally.fault = match id(source, facts).and_then(|id| self.captures.get_mut(&id)) {
            // In a bundle of some months, parts may lie outside it.
            Some(capture) if self.is_whole => capture.part(&tally.detail, &runs, facts.conversation_seq),
            _ => None,
        };
        let ended = runs.iter().filter(|run| run.fate == RecordFate::RecordEnded as i32);
        let ended = ended.map(|run| (run.first_conversation_seq, run.count));
        tally.left_out =
            ended.filter(|(first, count)| first.saturating_add(*count) <= facts.conversation_seq).collect();
        for run in &runs {
            let counter = match RecordFate::try_from(run.fate) {
                Ok(RecordFate::RecordNew) => &mut tally.new,
                Ok(RecordFate::RecordEdited) => &mut tally.edited,
                Ok(RecordFate::RecordDeleted) => &mut tally.deleted,
                Ok(RecordFate::RecordClosed) => &mut tally.closed,
                Ok(RecordFate::RecordEnded) => &mut tally.ended,
                _ => &mut tally.known,
            };
            *counter = counter.saturating_add(run.count);
        }
        Some(tally)
    }

    /// Captures in which more records are called new than there are events: only sound where all months are shown.
    pub(super) fn overstated(&self) -> u64 {
        let over = |capture: &&Capture| capture.listed_new > capture.chat_events;
        if self.is_whole { self.captures.values().filter(over).count() as u64 } else { 0 }
    }

    /// Manifests whose last part never came: what they leave out they never had to sign for.
    pub(super) fn unfinished(&self) -> u64 {
        self.captures.values().map(|capture| capture.unfinished + u64::from(capture.is_underway())).sum()
    }

    pub(super) fn count(&self) -> u64 {
        self.captures.len() as u64
    }
}

/// Detail and runs of a manifest, if they are open and canonical.
fn read(body: &ShownBody) -> Option<(ManifestDetail, Vec<ManifestRun>)> {
    let detail = parse(body.value(capture::DETAIL)?).ok()?;
    if matches!(body.slots().get(capture::ITEMS), Some(Shown::Covered)) {
        return None;
    }
    let runs = body.items(capture::ITEMS).iter().map(|run| parse(run.as_ref()?).ok());
    Some((detail, runs.collect::<Option<Vec<ManifestRun>>>()?))
}

impl Capture {
    fn is_underway(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.next_part < file.parts)
    }

    /// Holds one part against the ones before it; gives what is wrong.
    fn part(&mut self, detail: &ManifestDetail, runs: &[ManifestRun], own_seq: u64) -> Option<&'static str> {
        let (manifest, parts) = (detail.manifest.clone(), detail.parts);
        let new = FileWalk { manifest, parts, next_part: 0, next_record: 0 };
        if detail.part == 0 {
            self.unfinished += u64::from(self.is_underway());
            (self.file, self.is_passed_over) = (Some(new), false);
        }
        if self.is_passed_over {
            return None;
        }
        let Some(file) = self.file.as_mut() else { return Some("its parts are not all there, in order") };
        if (&file.manifest, file.parts, file.next_part) != (&detail.manifest, detail.parts, detail.part) {
            return Some("its parts are not all there, in order");
        }
        for run in runs {
            if run.first_record != file.next_record {
                return Some("its runs leave out a record of the file, or name one twice");
            }
            file.next_record = file.next_record.saturating_add(run.count);
            let end = run.first_conversation_seq.saturating_add(run.count);
            if run.fate != RecordFate::RecordClosed as i32 && end > own_seq {
                return Some("a run points to numbers that were not given out before it");
            }
            if run.fate == RecordFate::RecordNew as i32 {
                self.listed_new = self.listed_new.saturating_add(run.count);
            }
        }
        file.next_part += 1;
        let is_last = detail.part.checked_add(1) == Some(detail.parts);
        let is_short = is_last && file.next_record != detail.records;
        is_short.then_some("its runs do not cover all records of the file")
    }
}
