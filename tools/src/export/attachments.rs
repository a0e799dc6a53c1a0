//! Attachments: fetched, decrypted and checked one at a time, straight into the bag.

use super::bag::BagFile;
use super::walk::WantedAttachment;
use super::{ExportError, MissingAttachment};
use crate::disk::{self, failed};
use crate::seal::{BlobDecryptor, BlobError};
use crate::source::{Connection, LedgerError};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use tonic::Code;
use zegel_verifier::hash::Hash;

/// The attachments of a bundle.
pub(super) struct Attachments {
    folder: PathBuf,
    there: HashSet<Hash>,
    pub(super) files: Vec<BagFile>,
    pub(super) missing: Vec<MissingAttachment>,
}

impl Attachments {
    pub(super) fn new(bag: &Path) -> Result<Self, ExportError> {
        let folder = bag.join("data/attachments");
        Ok(Self { folder, there: HashSet::new(), files: Vec::new(), missing: Vec::new() })
    }

    /// Fetches one, unless the same bytes are there. One that the ledger no longer has is noted.
    pub(super) async fn fetch(&mut self, from: &Connection, wanted: &WantedAttachment) -> Result<(), ExportError> {
        if self.there.contains(&wanted.sha256) {
            return Ok(());
        }
        disk::create_folder(&self.folder)?;
        let name = wanted.sha256.to_string();
        let path = self.folder.join(&name);
        let part = self.folder.join(format!("{name}.part"));
        let Some(bytes) = decrypt(from, wanted, &part).await? else {
            let spot = wanted.spot;
            self.missing.push(MissingAttachment { entry: spot.entry, position: spot.position, blob: wanted.blob });
            return Ok(());
        };
        fs::rename(&part, &path).map_err(failed(&path))?;
        self.there.insert(wanted.sha256);
        self.files.push(BagFile { name: format!("data/attachments/{name}"), sha256: wanted.sha256, bytes });
        Ok(())
    }
}

/// Bytes of the plaintext; `None` if the ledger does not have the blob.
async fn decrypt(from: &Connection, wanted: &WantedAttachment, part: &Path) -> Result<Option<u64>, ExportError> {
    let (spot, blob) = (wanted.spot, wanted.blob);
    let refused = |reason: BlobError| ExportError::Attachment { spot, blob, reason };
    let is_gone = |error: &LedgerError| matches!(error, LedgerError::Refused { code: Code::NotFound, .. });
    let mut stream = match from.blob(blob).await {
        Ok(stream) => stream,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let file = BufWriter::new(File::create(part).map_err(failed(part))?);
    let mut decryptor = BlobDecryptor::new(wanted.key.clone(), file);
    loop {
        let chunk = match stream.message().await.map_err(ExportError::stream) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            // Some ledgers say so only when the stream is read.
            Err(ExportError::Ledger(error)) if is_gone(&error) => {
                drop(decryptor);
                disk::remove(part)?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        decryptor.push(&chunk.data).map_err(refused)?;
    }
    let (summary, file) = decryptor.finish().map_err(refused)?;
    file.get_ref().sync_all().map_err(failed(part))?;
    if (summary.ciphertext_sha256, summary.plaintext_sha256) != (blob, wanted.sha256) {
        return Err(ExportError::OtherAttachment { spot, blob });
    }
    Ok(Some(summary.plaintext_bytes))
}
