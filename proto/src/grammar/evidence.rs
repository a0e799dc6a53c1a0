//! Grammar of the records of a bundle. Specification: `specs/bundle.md`.

use super::*;
use crate::v1::{evidence_event, evidence_record};

fn gap(list: &[Vec<u8>]) -> Checked {
    hashes("gap", list, GAP_HASHES_MAX)
}

/// What a shown slot and a shown item have in common: open with a salt, or covered with a leaf.
struct Shown<'a> {
    salt: &'a [u8],
    leaf: &'a [u8],
    state: i32,
    value: &'a [u8],
}

impl Shown<'_> {
    fn check(&self) -> Checked {
        let state = known::<SlotState>("state", self.state)?;
        at_most("value", self.value.len(), SLOT_BYTES_MAX)?;
        if self.salt.is_empty() {
            hash("leaf", self.leaf)?;
            let nothing = self.value.is_empty() && self.state == 0;
            return if nothing {
                Ok(())
            } else {
                Err(GrammarError::Surplus { field: "value", reason: "it is covered" })
            };
        }
        exact("salt", self.salt, SALT_BYTES, "0 or 16")?;
        exact("leaf", self.leaf, 0, "0, since it is open")?;
        if state != SlotState::SlotValue && !self.value.is_empty() {
            return Err(GrammarError::Surplus { field: "value", reason: "the state is not SLOT_VALUE" });
        }
        Ok(())
    }
}

/// By itself only where it is sealed again: in a bundle it is part of an event.
impl Grammar for RedactedBody {
    const NAME: &'static str = "RedactedBody";
    fn check(&self) -> Checked {
        self.slots.iter().try_for_each(ShownSlot::check)
    }
}

impl Grammar for ShownSlot {
    const NAME: &'static str = "ShownSlot";
    fn check(&self) -> Checked {
        Shown { salt: &self.salt, leaf: &self.leaf, state: self.state, value: &self.value }.check()?;
        let is_list = !self.salt.is_empty() && self.state == SlotState::SlotList as i32;
        if !is_list {
            let empty = self.items.is_empty();
            let reason = "the state is not SLOT_LIST";
            return if empty { Ok(()) } else { Err(GrammarError::Surplus { field: "items", reason }) };
        }
        some("items", self.items.len(), LIST_ITEMS_MAX)?;
        if !self.items.len().is_power_of_two() {
            return Err(GrammarError::Length { field: "items", found: self.items.len(), wanted: "a power of two" });
        }
        self.items.iter().try_for_each(ShownItem::check)
    }
}

impl Grammar for ShownItem {
    const NAME: &'static str = "ShownItem";
    fn check(&self) -> Checked {
        Shown { salt: &self.salt, leaf: &self.leaf, state: self.state, value: &self.value }.check()?;
        let open = !self.salt.is_empty();
        let allowed = [SlotState::SlotValue as i32, SlotState::SlotNone as i32];
        if open && !allowed.contains(&self.state) {
            return Err(GrammarError::Value { field: "state", found: self.state as u64 });
        }
        Ok(())
    }
}

impl Grammar for EvidenceHeader {
    const NAME: &'static str = "EvidenceHeader";
    fn check(&self) -> Checked {
        some("format", self.format.len(), 64)?;
        origin(&self.origin)?;
        some("checkpoint", self.checkpoint.len(), CHECKPOINT_BYTES_MAX)?;
        self.scope.as_ref().ok_or(GrammarError::Missing { field: "scope" })?.check()
    }
}

impl Grammar for EvidenceEvent {
    const NAME: &'static str = "EvidenceEvent";
    fn check(&self) -> Checked {
        gap(&self.gap)?;
        at_most("position", self.position as usize, BATCH_EVENTS_MAX - 1)?;
        some("header", self.header.len(), HEADER_BYTES_MAX)?;
        match &self.body {
            Some(evidence_event::Body::Opened(body)) => body.check(),
            Some(evidence_event::Body::Redacted(body)) => body.check(),
            Some(evidence_event::Body::Sealed(sealed)) => {
                at_most("ciphertext", sealed.ciphertext.len(), CIPHERTEXT_BYTES_MAX)
            }
            None => Ok(()),
        }
    }
}

impl Grammar for EvidenceRow {
    const NAME: &'static str = "EvidenceRow";
    fn check(&self) -> Checked {
        gap(&self.gap)?;
        stated::<StreamType>("stream", self.stream)?;
        hash("id", &self.id)?;
        some("months", self.months.len(), MONTHS_MAX)?;
        for each in &self.months {
            month("month", each.month)?;
            positive("count", each.count)?;
            hash("root", &each.root)?;
        }
        strictly_ascending("months", self.months.iter().map(|each| each.month))
    }
}

impl Grammar for EvidenceNeighbour {
    const NAME: &'static str = "EvidenceNeighbour";
    fn check(&self) -> Checked {
        gap(&self.gap)?;
        match stated::<StreamType>("stream", self.stream)? {
            StreamType::StreamConversation | StreamType::StreamCustodian => {}
            other => return Err(GrammarError::Value { field: "stream", found: other as u64 }),
        }
        hash("id", &self.id)?;
        hash("months", &self.months)
    }
}

impl Grammar for EvidenceRecord {
    const NAME: &'static str = "EvidenceRecord";
    fn check(&self) -> Checked {
        use evidence_record::Record;
        match self.record.as_ref().ok_or(GrammarError::Missing { field: "record" })? {
            Record::Header(header) => header.check(),
            Record::Entry(entry) => {
                gap(&entry.gap)?;
                some("entry", entry.entry.len(), ENTRY_BYTES_MAX)
            }
            Record::Event(event) => event.check(),
            Record::BatchEnd(end) => gap(&end.gap),
            Record::LogEnd(end) => gap(&end.gap),
            Record::Row(row) => row.check(),
            Record::RowsEnd(end) => gap(&end.gap),
            Record::Neighbour(neighbour) => neighbour.check(),
            Record::Envelope(envelope) => {
                some("envelope", envelope.envelope.len(), CIPHERTEXT_BYTES_MAX)?;
                if envelope.dossier.is_empty() { Ok(()) } else { hash("dossier", &envelope.dossier) }
            }
        }
    }
}
