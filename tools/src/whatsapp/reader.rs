//! A chat text as a session reads it.

use super::fingerprint::Fingerprinter;
use super::package::Package;
use super::{AttachmentState, DateOrder, Kind, Options, Precision, Readout, align, mapping, parse};
use crate::import::alignment::{Alignment, Fingerprint, FingerprintKey, Known, Row};
use crate::import::reader::{CaptureIds, FileFacts, MediaStore, Reader, Tally};
use crate::import::{Damage, ImportError};
use crate::record::{Attached, Record};
use jiff::tz::TimeZone;
use std::collections::HashMap;
use zegel_proto::v1::{Channel, ProofClass};
use zegel_verifier::hash::sha256;

/// What the operator states of a chat text.
#[derive(Clone, Debug)]
pub struct Stated {
    /// The zone that the phone was set to, as the tz database names it.
    pub time_zone: String,
    /// The order of the numbers in dates, for a file that does not decide it.
    pub date_order: Option<DateOrder>,
}

impl Stated {
    /// The zone, looked up.
    ///
    /// # Errors
    /// [`ImportError::TimeZone`].
    pub fn options(&self) -> Result<Options, ImportError> {
        let unknown = |_| ImportError::TimeZone { found: self.time_zone.clone() };
        Ok(Options { time_zone: TimeZone::get(&self.time_zone).map_err(unknown)?, date_order: self.date_order })
    }
}

/// A chat that was read and understood.
pub struct ChatText {
    package: Package,
    readout: Readout,
    file: FileFacts,
    /// Which file is which attachment: (record, attachment) to entry.
    found: HashMap<(usize, usize), usize>,
    tally: Tally,
}

impl ChatText {
    /// Reads and understands it.
    ///
    /// # Errors
    /// [`ImportError`].
    pub fn read(mut package: Package, stated: &Stated) -> Result<Self, ImportError> {
        let options = stated.options()?;
        let bytes = package.chat()?;
        let name = package.chat_name().to_owned();
        let parsed = parse(&bytes, &options);
        let readout = parsed.map_err(|reason| ImportError::Parse { file: name.clone(), reason })?;
        let files = package.attachments(&readout.records);
        let file = FileFacts {
            name,
            title: package.title().map(str::to_owned),
            sha256: sha256(&[&bytes]),
            bytes: bytes.len() as u64,
            time_zone: stated.time_zone.clone(),
            date_order: readout.format.date_order.to_string(),
        };
        let ambiguous = readout.records.iter().filter(|record| record.occurred.ambiguous()).count();
        let tally = Tally {
            attachments_missing: files.missing.len() as u64,
            files_unclaimed: files.unclaimed.len() as u64,
            times_ambiguous: ambiguous as u64,
            remarks: Vec::new(),
        };
        let found = files.found.iter().map(|found| ((found.record, found.attachment), found.entry)).collect();
        Ok(Self { package, readout, file, found, tally })
    }

    /// The attachments of a record, those that came along put into the store.
    fn attached(&mut self, index: usize, media: &MediaStore) -> Result<Vec<Attached>, ImportError> {
        let named = self.readout.records[index].attachments.clone();
        let mut attached = Vec::with_capacity(named.len());
        for (number, each) in named.into_iter().enumerate() {
            let (name, media_type) = (each.name.unwrap_or_default(), String::new());
            attached.push(match (each.state, self.found.get(&(index, number)).copied()) {
                (AttachmentState::LeftOut(_), _) => Attached::LeftOut { name, media_type },
                (AttachmentState::Attached, None) => Attached::Missing { name, media_type },
                (AttachmentState::Attached, Some(entry)) => match self.package.attachment(entry, media)? {
                    Ok(blob) => Attached::Present { name, media_type, blob },
                    Err(damage) => self.damaged(name, media_type, &damage),
                },
            });
        }
        Ok(attached)
    }

    fn damaged(&mut self, name: String, media_type: String, damage: &Damage) -> Attached {
        self.tally.attachments_missing += 1;
        self.tally.remarks.push(damage.remark(&name));
        Attached::Missing { name, media_type }
    }
}

impl Reader for ChatText {
    fn channel(&self) -> Channel {
        Channel::Whatsapp
    }

    fn proof_class(&self) -> ProofClass {
        ProofClass::CExportFile
    }

    fn file(&self) -> &FileFacts {
        &self.file
    }

    fn records(&self) -> usize {
        self.readout.records.len()
    }

    fn at_ms(&self, index: usize) -> u64 {
        u64::try_from(self.readout.records[index].occurred.at_ms).unwrap_or(0)
    }

    fn align(&self, known: &[Known], key: &FingerprintKey) -> Alignment {
        align::align(known, &self.readout.records, &Fingerprinter::with(key.clone()))
    }

    fn fingerprints_otherwise(&self, key: &FingerprintKey, shift_ms: i64) -> Vec<Vec<Fingerprint>> {
        let has_seconds = self.readout.records.iter().any(|record| record.occurred.precision == Precision::Second);
        let in_minutes = || Fingerprinter::with(key.clone()).fingerprints_in_minutes(&self.readout.records, shift_ms);
        has_seconds.then(in_minutes).into_iter().collect()
    }

    fn time_digest(&self, key: &FingerprintKey, at_ms: i64) -> Option<[u8; 16]> {
        Some(Fingerprinter::with(key.clone()).time(at_ms))
    }

    fn fingerprints_at(&self, key: &FingerprintKey, shift_ms: i64) -> Option<Vec<Fingerprint>> {
        Some(Fingerprinter::with(key.clone()).fingerprints(&self.readout.records, shift_ms))
    }

    /// A place is a time, a sender and an ordinal: two messages can share it. Media say less in one read-out than in another, and an edit
    /// says itself that it is one.
    fn is_known_by_place(&self, index: usize) -> bool {
        let record = &self.readout.records[index];
        !record.attachments.is_empty() || matches!(record.kind, Kind::Edited { .. } | Kind::Deleted { .. })
    }

    fn record(&mut self, ids: CaptureIds, index: usize, row: Row, media: &MediaStore) -> Result<Record, ImportError> {
        let attached = self.attached(index, media)?;
        Ok(mapping::record(ids, &self.readout.records[index], row, attached))
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }
}
