//! The chain of custody as the log tells it: read-outs, the devices and tools used, and the files that were read.
//!
//! Not here: whether a read-out saw all that was on a device: no log can say that. Memory: a bounded list, and counts.
//! Specification: `specs/findings.md`.

use super::Place;
use super::captures::FileTally;
use super::plain::{plain, plain_bytes};
use crate::commit::ShownBody;
use crate::hash::Hash;
use crate::kinds::{EventFacts, Family, capture, family};
use serde::Serialize;
use zegel_proto::v1::EventKind;

/// Steps that are listed; the rest is counted.
pub const STEPS_LISTED_MAX: usize = 2_000;
/// Characters of a value from a body that a report repeats.
const TEXT_CHARS_MAX: usize = 256;

/// A file that was read out, by its manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadFile {
    /// Name as handed over.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// This part of the manifest, counted from 0, of so many.
    pub part: u32,
    /// Parts of the manifest.
    pub parts: u32,
    /// Records that were new to the log.
    pub new: u64,
    /// Records that were known.
    pub known: u64,
    /// Records that were edited since.
    pub edited: u64,
    /// Records that were deleted since.
    pub deleted: u64,
    /// Records left out because their period is closed.
    pub closed: u64,
    /// Records left out because they had ended.
    pub ended: u64,
}

/// One step of the chain of custody whose body is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CustodyStep {
    /// Name of the kind.
    pub kind: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Actor that logged it.
    pub source: String,
    /// The read-out's session, if stated and open.
    pub session: Option<String>,
    /// The operator.
    pub operator: Option<String>,
    /// The device.
    pub device: Option<String>,
    /// The tool.
    pub tool: Option<String>,
    /// The file, for a manifest.
    pub file: Option<ReadFile>,
}

/// The chain of custody of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Custody {
    /// Capture events in scope.
    pub events: u64,
    /// Of those, the ones whose body is not open.
    pub not_open: u64,
    /// Heartbeats of gateways.
    pub heartbeats: u64,
    /// Steps whose body is open, in log order; at most 2,000.
    pub steps: Vec<CustodyStep>,
    /// Open steps beyond those listed.
    pub steps_not_listed: u64,
}

impl Custody {
    /// Takes a capture event of the scope.
    pub(super) fn event(
        &mut self,
        place: Place,
        source: Hash,
        facts: &EventFacts,
        body: Option<&ShownBody>,
        file: Option<&FileTally>,
    ) {
        if family(facts.kind) != Family::Capture {
            return;
        }
        self.events += 1;
        match (body, facts.kind) {
            (_, EventKind::GatewayHeartbeat) => self.heartbeats += 1,
            (None, _) => self.not_open += 1,
            (Some(_), _) if self.steps.len() >= STEPS_LISTED_MAX => self.steps_not_listed += 1,
            (Some(body), _) => self.steps.push(step(place, source, facts, body, file)),
        }
    }
}

fn step(place: Place, source: Hash, facts: &EventFacts, body: &ShownBody, file: Option<&FileTally>) -> CustodyStep {
    let text = |slot| body.value(slot).map(|value| plain_bytes(value, TEXT_CHARS_MAX));
    CustodyStep {
        kind: facts.kind.as_str_name(),
        place,
        source: source.to_string(),
        session: body.value(capture::SESSION).map(|value| value.iter().take(32).map(|b| format!("{b:02x}")).collect()),
        operator: text(capture::OPERATOR),
        device: text(capture::DEVICE),
        tool: text(capture::TOOL),
        file: file.map(read_file),
    }
}

fn read_file(tally: &FileTally) -> ReadFile {
    let detail = &tally.detail;
    ReadFile {
        name: plain(&detail.file_name),
        sha256: Hash::read(&detail.file_sha256).unwrap_or(Hash::ZERO).to_string(),
        bytes: detail.file_bytes,
        records: detail.records,
        part: detail.part,
        parts: detail.parts,
        new: tally.new,
        known: tally.known,
        edited: tally.edited,
        deleted: tally.deleted,
        closed: tally.closed,
        ended: tally.ended,
    }
}
