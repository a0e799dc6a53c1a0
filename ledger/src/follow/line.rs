//! The calls that a follower makes on its primary.

use super::RoundError;
use crate::store::Upload;
use tonic::transport::Channel;
use tonic::{Status, Streaming};
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::{
    BlobStatRequest, ConsistencyProofRequest, GetBlobRequest, LogRequest, ReplicateRequest, ReplicateResponse,
};
use zegel_verifier::hash::Hash;

/// Bytes of one message: an entry with all that lies beside it, which was one append, and its framing. Envelopes that were rewrapped
/// may have grown since, from two recipients to sixteen.
const MESSAGE_BYTES_MAX: usize = 32 << 20;

/// The line to a primary; reconnects by itself.
pub(super) struct Line {
    client: LedgerClient<Channel>,
    origin: String,
}

impl Line {
    pub(super) fn new(channel: Channel, origin: &str) -> Self {
        let client = LedgerClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Self { client, origin: origin.to_owned() }
    }

    /// The newest signed note.
    pub(super) async fn checkpoint(&self) -> Result<Vec<u8>, Status> {
        let request = LogRequest { origin: self.origin.clone() };
        Ok(self.client.clone().get_checkpoint(request).await?.into_inner().checkpoint)
    }

    /// That one size goes on from another.
    pub(super) async fn consistency(&self, from_size: u64, to_size: u64) -> Result<Vec<Vec<u8>>, Status> {
        let request = ConsistencyProofRequest { origin: self.origin.clone(), from_size, to_size };
        Ok(self.client.clone().get_consistency_proof(request).await?.into_inner().hashes)
    }

    /// Everything from an entry on, but for these orders, and what was rewrapped behind a number.
    pub(super) async fn replicate(
        &self,
        from: u64,
        orders: Vec<Vec<u8>>,
        rewrapped: u64,
    ) -> Result<Streaming<ReplicateResponse>, Status> {
        let request = ReplicateRequest { origin: self.origin.clone(), from, orders, rewrapped };
        Ok(self.client.clone().replicate(request).await?.into_inner())
    }

    /// Bytes of a blob that the primary has whole.
    pub(super) async fn blob_size(&self, blob: Hash) -> Result<Option<u64>, Status> {
        let request = BlobStatRequest { origin: self.origin.clone(), sha256: blob.to_vec() };
        let stat = self.client.clone().blob_stat(request).await?.into_inner();
        Ok(stat.complete.then_some(stat.offset))
    }

    /// Writes a blob, from where it was left; it counts once its hash is right.
    pub(super) async fn fetch(&self, blob: Hash, mut upload: Upload) -> Result<(), RoundError> {
        let request = GetBlobRequest { origin: self.origin.clone(), sha256: blob.to_vec() };
        let mut chunks = self.client.clone().get_blob(request).await?.into_inner();
        let mut at = 0;
        while let Some(chunk) = chunks.message().await? {
            let end = at + chunk.data.len() as u64;
            // What is there already was synced or not: the hash over all of it, from the disk, decides.
            let known = upload.offset().clamp(at, end) - at;
            upload.write(at + known, &chunk.data[known as usize..])?;
            at = end;
        }
        upload.finish()?;
        Ok(())
    }
}
