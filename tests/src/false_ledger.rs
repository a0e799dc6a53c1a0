//! A ledger that lies, for those who replay: given entries under the true log key, and nothing else.

use ed25519_dalek::{Signer, SigningKey};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_stream::Iter;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, Streaming};
use zegel_proto::v1::ledger_server::{Ledger, LedgerServer};
use zegel_proto::v1::*;
use zegel_verifier::checkpoint::print;
use zegel_verifier::hash::log_leaf;
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::tree::root_of;

type Answers<T> = Iter<std::vec::IntoIter<Result<T, Status>>>;
type Answered<T> = Result<Response<T>, Status>;

/// Entries that are told as a log.
#[derive(Clone)]
pub struct FalseLedger {
    entries: Arc<Vec<AuditEntry>>,
    /// What it gives to a follower.
    replicated: Arc<Vec<ReplicateResponse>>,
    blobs: Arc<HashMap<Vec<u8>, Vec<u8>>>,
    /// Its checkpoint over all of them.
    pub checkpoint: Vec<u8>,
}

impl FalseLedger {
    /// A ledger that tells these entries, numbered anew, and signs over them.
    ///
    /// # Panics
    /// If the origin is no name.
    #[must_use]
    pub fn new(origin: &str, key: &SigningKey, mut entries: Vec<AuditEntry>) -> Self {
        (0..).zip(&mut entries).for_each(|(index, entry)| entry.index = index);
        let root = root_of(entries.iter().map(|entry| log_leaf(&entry.entry)));
        let text = print(origin, entries.len() as u64, root);
        let vkey = VerifierKey::new(origin, TYPE_ED25519, key.verifying_key().to_bytes()).expect("a name");
        let line = vkey.signature_line(&key.sign(text.as_bytes()).to_bytes());
        Self {
            entries: Arc::new(entries),
            replicated: Arc::default(),
            blobs: Arc::default(),
            checkpoint: format!("{text}\n{line}").into_bytes(),
        }
    }

    /// A ledger that gives this to whoever follows, under a note that was signed elsewhere.
    #[must_use]
    pub fn telling(checkpoint: Vec<u8>, replicated: Vec<ReplicateResponse>, blobs: HashMap<Vec<u8>, Vec<u8>>) -> Self {
        Self { entries: Arc::default(), replicated: Arc::new(replicated), blobs: Arc::new(blobs), checkpoint }
    }

    /// Serves on a port that the system chooses.
    ///
    /// # Panics
    /// If there is none.
    pub async fn serve(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tonic::transport::Server::builder().add_service(LedgerServer::new(self));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        address
    }
}

fn not_here<T>() -> Answered<T> {
    Err(Status::unimplemented("this ledger tells entries only"))
}

#[tonic::async_trait]
impl Ledger for FalseLedger {
    async fn get_checkpoint(&self, _: Request<LogRequest>) -> Answered<CheckpointResponse> {
        Ok(Response::new(CheckpointResponse { checkpoint: self.checkpoint.clone(), ..Default::default() }))
    }

    type ReadAuditStream = Answers<AuditEntry>;
    async fn read_audit(&self, request: Request<ReadEntriesRequest>) -> Answered<Self::ReadAuditStream> {
        let from = request.into_inner().from as usize;
        let rest: Vec<_> = self.entries.iter().skip(from).cloned().map(Ok).collect();
        Ok(Response::new(tokio_stream::iter(rest)))
    }

    type ReplicateStream = Answers<ReplicateResponse>;
    async fn replicate(&self, request: Request<ReplicateRequest>) -> Answered<Self::ReplicateStream> {
        let from = request.into_inner().from;
        let is_wanted = |given: &ReplicateResponse| match &given.item {
            Some(replicate_response::Item::Entry(entry)) => entry.index >= from,
            _ => true,
        };
        let rest: Vec<_> = self.replicated.iter().filter(|given| is_wanted(given)).cloned().map(Ok).collect();
        Ok(Response::new(tokio_stream::iter(rest)))
    }

    async fn append(&self, _: Request<AppendRequest>) -> Answered<AppendResponse> {
        not_here()
    }
    type AppendStreamStream = Answers<AppendResponse>;
    async fn append_stream(&self, _: Request<Streaming<AppendRequest>>) -> Answered<Self::AppendStreamStream> {
        not_here()
    }
    async fn put_blob(&self, _: Request<Streaming<PutBlobRequest>>) -> Answered<BlobStatResponse> {
        not_here()
    }
    async fn blob_stat(&self, request: Request<BlobStatRequest>) -> Answered<BlobStatResponse> {
        let blob = self.blobs.get(&request.into_inner().sha256);
        let offset = blob.map_or(0, |bytes| bytes.len() as u64);
        Ok(Response::new(BlobStatResponse { offset, complete: blob.is_some() }))
    }
    type GetBlobStream = Answers<BlobChunk>;
    async fn get_blob(&self, request: Request<GetBlobRequest>) -> Answered<Self::GetBlobStream> {
        let data = self.blobs.get(&request.into_inner().sha256).cloned().unwrap_or_default();
        Ok(Response::new(tokio_stream::iter(vec![Ok(BlobChunk { data })])))
    }
    type KnownStream = Answers<KnownResponse>;
    async fn known(&self, _: Request<KnownRequest>) -> Answered<Self::KnownStream> {
        not_here()
    }
    async fn get_source_head(&self, _: Request<GetSourceHeadRequest>) -> Answered<GetSourceHeadResponse> {
        not_here()
    }
    type GetRegistryStream = Answers<RegistryResponse>;
    async fn get_registry(&self, _: Request<LogRequest>) -> Answered<Self::GetRegistryStream> {
        not_here()
    }
    async fn get_receipt(&self, _: Request<GetReceiptRequest>) -> Answered<Receipt> {
        not_here()
    }
    async fn get_consistency_proof(&self, _: Request<ConsistencyProofRequest>) -> Answered<ConsistencyProofResponse> {
        not_here()
    }
    type ReadEntriesStream = Answers<ReadEntriesResponse>;
    async fn read_entries(&self, _: Request<ReadEntriesRequest>) -> Answered<Self::ReadEntriesStream> {
        not_here()
    }
    type ReadStreamStream = Answers<ReadStreamResponse>;
    async fn read_stream(&self, _: Request<ReadStreamRequest>) -> Answered<Self::ReadStreamStream> {
        not_here()
    }
    async fn snapshot(&self, _: Request<LogRequest>) -> Answered<SnapshotResponse> {
        not_here()
    }
    type ReadEnvelopesStream = Answers<DossierWrap>;
    async fn read_envelopes(&self, _: Request<ReadEnvelopesRequest>) -> Answered<Self::ReadEnvelopesStream> {
        not_here()
    }
    async fn rewrap_envelopes(&self, _: Request<RewrapEnvelopesRequest>) -> Answered<RewrapEnvelopesResponse> {
        not_here()
    }
    type ExportEvidenceStream = Answers<EvidenceRecord>;
    async fn export_evidence(&self, _: Request<ExportEvidenceRequest>) -> Answered<Self::ExportEvidenceStream> {
        not_here()
    }
    async fn erase(&self, _: Request<EraseRequest>) -> Answered<EraseResponse> {
        not_here()
    }
}
