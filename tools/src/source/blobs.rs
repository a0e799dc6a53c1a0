//! Attachments on their way: encrypted into the spool, uploaded before the batch that names them, resumable.

use super::connection::Attempts;
use super::{Source, SourceError};
use crate::disk::{self, failed};
use crate::hex;
use crate::seal::{BlobSummary, encrypt_blob};
use std::fs::{self, File};
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use zegel_proto::v1::{BlobStatRequest, BlobStatResponse, PutBlobRequest};
use zegel_verifier::hash::Hash;

/// Bytes of a piece; the ledger takes up to 1 MiB.
const PIECE_BYTES: usize = 512 * 1024;
/// Pieces that are read ahead of the network.
const PIECES_AHEAD: usize = 4;

/// Where attachments are encrypted before the batch that names them is sent: for whoever makes records while others are sent.
#[derive(Clone, Debug)]
pub struct BlobSpool(PathBuf);

impl BlobSpool {
    /// Encrypts an attachment, to be named by a record. It is uploaded with the batch of that record.
    ///
    /// # Errors
    /// [`SourceError::Blob`], [`SourceError::Disk`].
    pub fn store(&self, plaintext: &mut impl Read) -> Result<BlobSummary, SourceError> {
        let folder = &self.0;
        let temporary = tempfile::NamedTempFile::new_in(folder).map_err(failed(folder))?;
        let mut writer = BufWriter::new(temporary.as_file());
        let summary = encrypt_blob(plaintext, &mut writer)?;
        writer.flush().map_err(failed(folder))?;
        drop(writer);
        temporary.as_file().sync_all().map_err(failed(folder))?;
        let path = blob_path(folder, summary.ciphertext_sha256);
        temporary.persist(&path).map_err(|error| failed(&path)(error.error))?;
        disk::sync_folder_of(&path).map_err(failed(&path))?;
        Ok(summary)
    }
}

impl Source {
    /// Where attachments wait in its spool.
    #[must_use]
    pub fn blob_spool(&self) -> BlobSpool {
        BlobSpool(self.spool.blobs())
    }

    /// Uploads those that are in the spool. One that is not was uploaded with an earlier batch.
    pub(super) async fn upload_blobs(&self, blobs: &[Hash], attempts: &mut Attempts) -> Result<(), Status> {
        for blob in blobs {
            let path = blob_path(&self.spool.blobs(), *blob);
            if path.exists() {
                self.upload(*blob, &path, attempts).await?;
            }
        }
        Ok(())
    }

    async fn upload(&self, blob: Hash, path: &Path, attempts: &mut Attempts) -> Result<(), Status> {
        let stat = self.blob_stat(blob).await?;
        attempts.reached(blob, stat.offset);
        if stat.complete {
            return Ok(());
        }
        let size = fs::metadata(path)?.len();
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        let first = PutBlobRequest {
            origin: self.config.origin.clone(),
            sha256: blob.to_vec(),
            size,
            offset: stat.offset,
            data: Vec::new(),
        };
        let file = File::open(path)?;
        let reader = tokio::task::spawn_blocking(move || send_pieces(file, first, &sender));
        let answer = self.connection.client().put_blob(ReceiverStream::new(receiver)).await;
        // Once the call has ended its receiver is gone, so the reader ends as well.
        let read = reader.await.map_err(|error| Status::internal(error.to_string()))?;
        let answer = answer?.into_inner();
        read?;
        if answer.complete {
            return Ok(());
        }
        Err(Status::unavailable(format!("blob {blob} has {} of {size} bytes after the upload", answer.offset)))
    }

    async fn blob_stat(&self, blob: Hash) -> Result<BlobStatResponse, Status> {
        let request = BlobStatRequest { origin: self.config.origin.clone(), sha256: blob.to_vec() };
        match self.connection.client().blob_stat(request).await {
            Ok(answer) => Ok(answer.into_inner()),
            // Nothing is there yet.
            Err(status) if status.code() == Code::NotFound => Ok(BlobStatResponse::default()),
            Err(status) => Err(status),
        }
    }

    /// Lets go of ciphertexts whose batch has its receipt.
    pub(super) fn drop_blobs(&self, blobs: &[Hash]) -> Result<(), SourceError> {
        let paths = blobs.iter().map(|blob| blob_path(&self.spool.blobs(), *blob));
        paths.filter(|path| path.exists()).try_for_each(|path| Ok(disk::remove(&path)?))
    }

    /// Lets go of ciphertexts that no event will ever name: their keys were in the memory of a process that stopped.
    /// Called when the outbox is empty.
    pub(super) fn sweep_blobs(&self) -> Result<(), SourceError> {
        let folder = self.spool.blobs();
        let left = disk::list(&folder, "blob")?.into_iter();
        let mut ours =
            left.filter(|path| path.file_stem().and_then(|name| name.to_str()).and_then(hex::parse).is_some());
        ours.try_for_each(|path| Ok(disk::remove(&path)?))
    }
}

fn blob_path(folder: &Path, blob: Hash) -> PathBuf {
    folder.join(format!("{blob}.blob"))
}

/// Reads the file from the offset on and sends it; ends early if nobody listens any more.
fn send_pieces(mut file: File, first: PutBlobRequest, to: &mpsc::Sender<PutBlobRequest>) -> std::io::Result<()> {
    let mut offset = first.offset;
    let mut next = first;
    file.seek(SeekFrom::Start(offset))?;
    loop {
        let mut data = Vec::with_capacity(PIECE_BYTES);
        let read = Read::by_ref(&mut file).take(PIECE_BYTES as u64).read_to_end(&mut data)? as u64;
        let is_last = read == 0;
        next.data = data;
        // The first message goes out even if there is nothing left to send, so that the ledger can finish the blob.
        if (is_last && next.origin.is_empty()) || to.blocking_send(next).is_err() {
            return Ok(());
        }
        offset += read;
        next = PutBlobRequest { offset, ..PutBlobRequest::default() };
    }
}
