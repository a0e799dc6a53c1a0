//! What the log holds of one capture, sorted by what it means to a read-out. Pure.

use super::alignment::{Fingerprint, FingerprintKey, Known};
use super::ended::Ended;
use crate::admission::{self, Decision};
use crate::event::Occurred;
use crate::source;
use std::collections::{HashMap, HashSet};
use zegel_proto::v1::EventKind;

/// What the log holds of the capture, sorted by what it means to a read-out.
#[derive(Default)]
pub(super) struct Held {
    pub(super) records: Vec<Known>,
    pub(super) print_of: HashMap<u64, Fingerprint>,
    /// Records whose disappearance needs no word: it was said, or their period is closed.
    pub(super) silent: HashSet<u64>,
    pub(super) gaps: HashSet<Fingerprint>,
    pub(super) ended: Ended,
    /// It holds something of the chat.
    pub(super) has_begun: bool,
    /// Whether the contact was admitted, if anybody decided.
    pub(super) decided: Option<Decision>,
    /// The month before which nothing is read out again; 0: none is closed.
    closed_before: u32,
}

impl Held {
    /// Sorts what the ledger knows.
    pub(super) fn sort(known: source::Known, key: &FingerprintKey) -> Self {
        let closed = known.rows.iter().filter(|row| row.kind == EventKind::PeriodClosed as u32).map(|row| row.month);
        let mut held = Self { closed_before: closed.max().unwrap_or(0), ..Self::default() };
        let mut seq_of: HashMap<Fingerprint, u64> = HashMap::new();
        for row in &known.rows {
            held.has_begun |= admission::begins(row.kind);
            if row.kind == EventKind::ContactDecided as u32 {
                held.decided = Decision::of_row(&row.message_row, key).or(held.decided);
                continue;
            }
            let Some(fingerprint) = Fingerprint::read(&row.message_row) else {
                held.ended.note(&row.message_row, row.conversation_seq);
                continue;
            };
            if row.kind == EventKind::GapDeclared as u32 {
                held.gaps.insert(fingerprint);
            } else if row.kind == EventKind::RecordVanished as u32 {
                held.silent.extend(seq_of.get(&fingerprint));
            } else {
                if row.month != 0 && row.month < held.closed_before {
                    held.silent.insert(row.conversation_seq);
                }
                seq_of.insert(fingerprint, row.conversation_seq);
                held.print_of.insert(row.conversation_seq, fingerprint);
                held.records.push(Known { fingerprint, conversation_seq: row.conversation_seq });
            }
        }
        held
    }

    /// A record of a closed period is not read out again. One without a time has no period.
    pub(super) fn is_closed(&self, at_ms: u64) -> bool {
        let month = || Occurred::by_source(at_ms).month().unwrap_or(0);
        self.closed_before != 0 && at_ms != 0 && month() < self.closed_before
    }
}
