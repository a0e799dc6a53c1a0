//! Receipts that a source keeps on disk: listed, and written as files that standard tools read.

use super::SourceError;
use super::receipt::{ReceiptError, hashes};
use crate::disk;
use prost::Message;
use std::path::Path;
use zegel_proto::v1::Receipt;
use zegel_verifier::proof::TlogProof;

/// Receipts of a spool, in the order of its batches.
///
/// # Errors
/// [`SourceError`] if the folder cannot be read; each item, if that file cannot or is no receipt.
pub fn stored_receipts(spool: &Path) -> Result<impl Iterator<Item = Result<Receipt, SourceError>>, SourceError> {
    let folder = spool.join("receipts");
    let paths = if folder.exists() { disk::list(&folder, "receipt")? } else { Vec::new() };
    Ok(paths.into_iter().map(|path| read(&path)))
}

fn read(path: &Path) -> Result<Receipt, SourceError> {
    let malformed = || SourceError::Malformed { path: path.display().to_string(), wanted: "a receipt" };
    let bytes = disk::read_if_there(path)?.ok_or_else(malformed)?;
    Receipt::decode(bytes.as_slice()).map_err(|_| malformed())
}

/// A receipt as a proof file (c2sp.org/tlog-proof) that carries its entry.
///
/// # Errors
/// [`ReceiptError::BadHash`] if a hash of it has no 32 bytes.
pub fn tlog_proof(receipt: &Receipt) -> Result<TlogProof, ReceiptError> {
    let path = hashes(&receipt.inclusion)?;
    let (extra, checkpoint) = (Some(receipt.entry.clone()), receipt.checkpoint.clone());
    Ok(TlogProof { extra, index: receipt.index, path, checkpoint })
}
