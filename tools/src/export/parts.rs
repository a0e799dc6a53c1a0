//! Evidence parts: whole records, each preceded by its length, at most 64 MiB a part.

use super::ExportError;
use super::bag::BagFile;
use crate::disk::failed;
use prost::encoding::encode_varint;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use zegel_proto::limits::{PART_BYTES_MAX, PARTS_MAX, RECORD_BYTES_MAX};
use zegel_proto::print;
use zegel_proto::v1::EvidenceRecord;
use zegel_verifier::hash::Hash;

struct OpenPart {
    name: String,
    path: PathBuf,
    file: BufWriter<File>,
    digest: Sha256,
    bytes: u64,
}

/// Writes records into parts.
pub(super) struct PartWriter {
    folder: PathBuf,
    part: Option<OpenPart>,
    done: Vec<BagFile>,
}

impl PartWriter {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.into(), part: None, done: Vec::new() }
    }

    pub(super) fn write(&mut self, record: &EvidenceRecord) -> Result<(), ExportError> {
        let record = print(record)?;
        if record.len() > RECORD_BYTES_MAX {
            return Err(ExportError::RecordTooLarge { found: record.len(), max: RECORD_BYTES_MAX });
        }
        let mut framed = Vec::with_capacity(record.len() + 5);
        encode_varint(record.len() as u64, &mut framed);
        framed.extend(record);
        let is_full = |part: &OpenPart| part.bytes + framed.len() as u64 > PART_BYTES_MAX;
        if self.part.as_ref().is_some_and(is_full) {
            self.end_part()?;
        }
        if self.part.is_none() {
            self.part = Some(self.begin_part()?);
        }
        if let Some(part) = &mut self.part {
            part.file.write_all(&framed).map_err(failed(&part.path))?;
            part.digest.update(&framed);
            part.bytes += framed.len() as u64;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Vec<BagFile>, ExportError> {
        self.end_part()?;
        Ok(self.done)
    }

    fn begin_part(&self) -> Result<OpenPart, ExportError> {
        let found = self.done.len() as u32 + 1;
        if found > PARTS_MAX {
            return Err(ExportError::TooManyParts { found, max: PARTS_MAX });
        }
        let name = format!("data/evidence-{found:04}");
        let path = self.folder.join(&name);
        let file = BufWriter::new(File::create_new(&path).map_err(failed(&path))?);
        Ok(OpenPart { name, path, file, digest: Sha256::new(), bytes: 0 })
    }

    fn end_part(&mut self) -> Result<(), ExportError> {
        let Some(mut part) = self.part.take() else {
            return Ok(());
        };
        part.file.flush().map_err(failed(&part.path))?;
        part.file.get_ref().sync_all().map_err(failed(&part.path))?;
        let sha256 = Hash(part.digest.finalize().into());
        self.done.push(BagFile { name: part.name, sha256, bytes: part.bytes });
        Ok(())
    }
}
