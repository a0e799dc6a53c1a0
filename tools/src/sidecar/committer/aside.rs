//! What is put aside on the way out: what no log takes, and what does not open any more. The log says that it is missing.
//!
//! Specification: `specs/source.md`, under "Quarantine" and "Damage".

use super::holding::gap_of;
use super::{Committer, GROUP_BYTES};
use crate::disk::DiskError;
use crate::hex;
use crate::sidecar::intake::{Intake, uploads_of};
use crate::sidecar::journal::{Lost, Notice, Spooled, drop_settled};
use crate::sidecar::keeper::{self, CUSTODIANS_MAX};
use crate::sidecar::sealed::Damage;
use crate::sidecar::seen::QUARANTINED;
use crate::sidecar::{SidecarError, drafts, quarantine};
use crate::source::now_ms;
use zegel_proto::source::v1::request;
use zegel_verifier::hash::Hash;

impl Committer {
    /// Puts the next record aside, and declares that it is missing.
    pub(super) fn put_aside(&mut self, number: u32, sentence: &str) -> Result<(), SidecarError> {
        let from = self.settled.next;
        let Some(spooled) = self.reader.read(from, from + 1, 1, GROUP_BYTES)?.pop() else { return Ok(()) };
        for upload in uploads_of(&spooled) {
            let path = self.intake.uploads.path(self.intake.upload_mac(upload));
            quarantine::keep_attachment(&self.intake.folder("quarantine"), spooled.number, &path)?;
        }
        self.quarantine(&spooled, number, sentence)?;
        declare(&self.intake, &spooled, quarantine::finding(number), sentence)?;
        self.settle_aside(spooled, number)
    }

    /// Keeps what is left of records that do not open, declares that they are missing, and goes on behind them.
    pub(super) fn put_aside_lost(&mut self, spooled: &Spooled, lost: &Lost) -> Result<(), SidecarError> {
        quarantine::keep(&self.intake.folder("quarantine"), &self.intake.folder("journal").join(&lost.segment))?;
        self.quarantine(spooled, quarantine::DAMAGED, &lost.sentence)?;
        declare(&self.intake, spooled, quarantine::finding(quarantine::DAMAGED), &lost.sentence)?;
        self.intake.forget(lost.first..=spooled.number, &lost.sentence);
        self.settle_aside(spooled.clone(), quarantine::DAMAGED)
    }

    /// Keeps what is left of an attachment that does not open, and declares that it is missing. Its event goes without it.
    pub(super) fn put_aside_upload(&self, spooled: &Spooled, damage: &Damage) -> Result<(), DiskError> {
        quarantine::keep(&self.intake.folder("quarantine"), &damage.path)?;
        let name = quarantine::finding(quarantine::DAMAGED);
        (self.intake.tell)(&format!("{}: quarantine: {name}: {damage}: an attachment", self.intake.origin));
        let content = spooled.request.as_ref().and_then(|request| request.content.as_ref());
        let place = content.and_then(drafts::place);
        if let Some(custodian) = place.and_then(|place| hex::parse(&place.custodian)) {
            let note = format!("{name}: {damage}: an attachment");
            let gap = gap_of(custodian, "quarantined", spooled.received_at_ms, note);
            self.intake.owe(&[b"damaged upload", &spooled.key], gap, &spooled.tool)?;
        }
        Ok(())
    }

    fn quarantine(&self, spooled: &Spooled, number: u32, sentence: &str) -> Result<(), SidecarError> {
        quarantine::put(&self.intake.folder("quarantine"), &self.intake.key, spooled, number, sentence)?;
        (self.intake.tell)(&format!("{}: quarantine: {}: {sentence}", self.intake.origin, quarantine::finding(number)));
        Ok(())
    }

    fn settle_aside(&mut self, spooled: Spooled, number: u32) -> Result<(), SidecarError> {
        let next = spooled.number + 1;
        self.intake.settle(&[(spooled, QUARANTINED, number)])?;
        self.settled = super::Settled { next, alone: None };
        self.settled.write(&self.intake.config.spool)?;
        drop_settled(&self.intake.folder("journal"), next)?;
        self.intake.set_settled(next);
        self.logged.clear();
        Ok(())
    }
}

/// Says in the log that a record is missing.
fn declare(intake: &Intake, spooled: &Spooled, finding: &str, sentence: &str) -> Result<(), SidecarError> {
    let note = format!("{finding}: {sentence}");
    if let Some(lost) = &spooled.lost {
        return declare_lost(intake, lost, note);
    }
    let content = spooled.request.as_ref().and_then(|request| request.content.as_ref());
    let custodian = match content {
        Some(request::Content::Gap(gap)) => hex::parse(&gap.custodian),
        Some(content) => drafts::place(content).and_then(|place| hex::parse(&place.custodian)),
        None => None,
    };
    if let Some(custodian) = custodian {
        let gap = gap_of(custodian, "quarantined", spooled.received_at_ms, note);
        // Of the custodian as a whole: the conversation may be what is wrong with it.
        intake.owe(&[b"quarantined", &spooled.key], gap, &spooled.tool)?;
    }
    Ok(())
}

/// Whose the records were is in them: so it is said of everyone whose chats were carried.
fn declare_lost(intake: &Intake, lost: &Lost, note: String) -> Result<(), SidecarError> {
    for (part, custodians) in keeper::carried(&intake.config.spool)?.chunks(CUSTODIANS_MAX).enumerate() {
        let gap = Notice {
            custodians: custodians.iter().map(|custodian| custodian.to_vec()).collect(),
            to_ms: if lost.to_ms == 0 { now_ms() } else { lost.to_ms },
            ..gap_of(Hash::ZERO, "quarantined", lost.from_ms, note.clone())
        };
        let key = [lost.segment.as_bytes(), &lost.first.to_be_bytes(), &part.to_be_bytes()];
        intake.owe(&key, gap, concat!("zegel-source ", env!("CARGO_PKG_VERSION")))?;
    }
    Ok(())
}
