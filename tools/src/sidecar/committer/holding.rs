//! What is held back on the way out: what the log has already, what has ended there, and contacts that nobody admitted.
//!
//! The ledger's own rows of a capture say all three. Specification: `specs/source.md`, `specs/officer.md`.

use super::{Block, Committer, sort, sort_own};
use crate::admission::{self, Decision, Gate};
use crate::import::alignment::Fingerprint;
use crate::sidecar::journal::{Notice, Spooled};
use crate::sidecar::seen::{Mac, QUARANTINED, Row};
use crate::sidecar::{drafts, quarantine};
use crate::source::now_ms;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use zegel_proto::v1::EventKind;
use zegel_verifier::hash::Hash;
use zegel_verifier::watermark::Watermark;

/// A policy of the ministry is in force here this long after it is in the log.
const POLICIES: Duration = Duration::from_secs(60);

/// What the log has of a capture.
#[derive(Default)]
pub(super) struct Logged {
    /// Where each key stands that the intake does not know as logged.
    places: HashMap<Mac, (u64, u32)>,
    /// It holds something of the chat.
    has_begun: bool,
    /// The newest decision of the official.
    decided: Option<Decision>,
}

impl Committer {
    /// Lets go of what the log has of each capture if keys were forgotten since: one that is handed over again is not in it.
    /// Between two groups: what is said of a group that is not in the log yet, stands here alone.
    pub(super) fn let_go_of_logged(&mut self) {
        let forgotten = self.intake.keys_forgotten();
        if std::mem::replace(&mut self.forgotten, forgotten) != forgotten {
            self.logged.clear();
        }
    }

    /// Where the log has this record of a capture, by the ledger's own rows.
    pub(super) async fn logged_at(
        &mut self,
        capture: (Hash, Hash),
        spooled: &Spooled,
    ) -> Result<Option<(u64, u32)>, Block> {
        if !self.logged.contains_key(&capture) {
            let known = self.source.known(capture.0, capture.1).await.map_err(|reason| sort(&reason))?;
            if !known.rows.is_empty() {
                self.refusals.has(capture.0);
            }
            let rows = known.rows.iter().filter_map(|row| {
                let print = Fingerprint::read(&row.message_row)?;
                let (key, text, native) = (print.place, print.text, print.time);
                Some(Row { key, text, native, entry: row.entry, position: row.position })
            });
            let mut found = Logged::default();
            for row in &known.rows {
                found.has_begun |= admission::begins(row.kind);
                let decision =
                    Fingerprint::read(&row.message_row).filter(|_| row.kind == EventKind::ContactDecided as u32);
                let decision = decision.and_then(|print| self.intake.decision_of(capture.1, print.time));
                found.decided = decision.or(found.decided);
            }
            // What has ended is known by a mark of its key alone, and stays where it was.
            let ended = known.rows.iter().filter_map(|row| {
                let left = Watermark::read(&row.message_row)?;
                Some((left.place, (row.entry, row.position)))
            });
            found.places = self.intake.note_logged(&rows.collect::<Vec<_>>());
            found.places.extend(ended);
            self.logged.insert(capture, found);
        }
        let key = Mac::try_from(&spooled.key[..]).unwrap_or_default();
        let rows = self.logged.get(&capture).map(|logged| &logged.places);
        Ok(rows.and_then(|rows| rows.get(&key).or_else(|| rows.get(&Watermark::of_place(&key)))).copied())
    }

    /// Asks what the ministry's policies are, once in a while.
    pub(super) async fn ask_policies(&mut self) -> Result<(), Block> {
        if self.asked_at.elapsed() < POLICIES {
            return Ok(());
        }
        self.source.refresh().await.map_err(|reason| sort(&reason))?;
        self.asked_at = Instant::now();
        Ok(())
    }

    /// Where a record goes that may not be captured, since nobody admitted the contact: nowhere. The log says once of each capture that there was something.
    pub(super) fn held_back(&mut self, capture: (Hash, Hash), spooled: &Spooled) -> Result<Option<(u64, u32)>, Block> {
        let content = spooled.request.as_ref().and_then(|request| request.content.as_ref());
        let Some(content) = content.filter(|content| drafts::place(content).is_some()) else { return Ok(None) };
        let logged = self.logged.entry(capture).or_default();
        if let Some(decision) = drafts::decision(content) {
            logged.decided = Some(decision);
            return Ok(None);
        }
        let Some(reason) = Gate::of(self.source.registry(), logged.has_begun, logged.decided).reason() else {
            logged.has_begun = true;
            return Ok(None);
        };
        let (custodian, conversation) = capture;
        let gap = gap_of(custodian, reason, spooled.received_at_ms, String::new());
        let owed = self.intake.owe(&[reason.as_bytes(), &custodian.0, &conversation.0], gap, &spooled.tool);
        owed.map_err(|reason| sort_own(&reason.into()))?;
        Ok(Some((QUARANTINED, quarantine::NOT_ADMITTED)))
    }
}

/// That something of a custodian is not here, and why. Not of which conversation.
pub(super) fn gap_of(custodian: Hash, reason: &str, at_ms: u64, note: String) -> Notice {
    Notice {
        kind: EventKind::GapDeclared as i32,
        custodians: vec![custodian.to_vec()],
        at_ms: now_ms(),
        reason: reason.into(),
        from_ms: at_ms,
        to_ms: at_ms,
        note,
        ..Notice::default()
    }
}
