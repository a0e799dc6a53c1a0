//! A chat of a Signal export as a session reads it.

use super::export::{Mark, ScannedChat, Shared};
use super::{SignalError, SignalExport};
use crate::event::Field;
use crate::import::ImportError;
use crate::import::alignment::{Alignment, Fingerprint, FingerprintKey, Known, Row, by_identity};
use crate::import::reader::{CaptureIds, FileFacts, Gap, MediaStore, Reader, Tally};
use crate::record::Record;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use zegel_proto::v1::{Channel, EventKind, ProofClass};

/// A chat of an export.
pub struct ExportedChat {
    shared: Arc<Shared>,
    path: PathBuf,
    file: FileFacts,
    marks: Vec<Mark>,
    gaps: Vec<Gap>,
    remarks: Vec<String>,
}

impl SignalExport {
    /// Takes one chat out of the export, to be read by a session.
    ///
    /// # Errors
    /// [`SignalError::Chat`] if it is not there, or was taken before.
    pub fn take(&mut self, id: u64) -> Result<ExportedChat, SignalError> {
        let chat = self.chats.remove(&id);
        let chat: ScannedChat = chat.ok_or(SignalError::Chat { wanted: id.to_string(), found: 0 })?;
        let file = FileFacts {
            name: self.name.clone(),
            title: Some(self.title(&chat)),
            sha256: self.sha256,
            bytes: self.bytes,
            time_zone: String::new(),
            date_order: String::new(),
        };
        let remarks = self.remarks.iter().cloned().chain(chat.remark()).collect();
        Ok(ExportedChat {
            shared: Arc::clone(&self.shared),
            path: self.name.clone().into(),
            file,
            gaps: chat.timer.gaps(self.exported_ms),
            marks: chat.marks,
            remarks,
        })
    }
}

impl Reader for ExportedChat {
    fn channel(&self) -> Channel {
        Channel::Signal
    }

    fn proof_class(&self) -> ProofClass {
        ProofClass::CExportFile
    }

    fn file(&self) -> &FileFacts {
        &self.file
    }

    fn records(&self) -> usize {
        self.marks.len()
    }

    fn at_ms(&self, index: usize) -> u64 {
        self.marks[index].at_ms
    }

    fn align(&self, known: &[Known], key: &FingerprintKey) -> Alignment {
        let print = |mark: &Mark| Fingerprint {
            place: key.mac(b"zegel/signal/place", &[&mark.identity]),
            text: key.mac(b"zegel/signal/text", &[&mark.content]),
            time: key.mac(b"zegel/signal/time", &[&mark.at_ms.to_be_bytes()]),
        };
        by_identity(known, self.marks.iter().map(print).collect(), |record, seq| {
            if self.marks[record].is_deleted { Row::Deleted(seq) } else { Row::Edited(seq) }
        })
    }

    fn record(&mut self, ids: CaptureIds, index: usize, row: Row, media: &MediaStore) -> Result<Record, ImportError> {
        let part = self.shared.part(&self.marks[index], &self.path)?;
        let base = Record::new(EventKind::SystemNoted, ids.conversation, ids.custodian);
        let Some(mut part) = part else { return Ok(base) };
        let mut attached = Vec::with_capacity(part.media.len());
        let mut files = self.shared.media.lock().unwrap_or_else(PoisonError::into_inner);
        for each in std::mem::take(&mut part.media) {
            attached.push(files.attach(each, media)?);
        }
        let attachments = Field::or_none(Some(attached).filter(|attached| !attached.is_empty()));
        Ok(part.record(Record { attachments, ..base }, row, &self.shared.people))
    }

    fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    fn tally(&self) -> Tally {
        let files = self.shared.media.lock().unwrap_or_else(PoisonError::into_inner);
        Tally {
            attachments_missing: files.missing,
            files_unclaimed: files.unclaimed(),
            times_ambiguous: 0,
            remarks: self.remarks.iter().chain(&files.remarks).cloned().collect(),
        }
    }
}
