//! A ledger in memory that keeps the rules a source relies on, and breaks down on demand. For tests only.

// Each test binary uses its own part.
#![allow(dead_code)]

use ed25519_dalek::{Signer, SigningKey};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use zegel_proto::v1::ledger_server::{Ledger, LedgerServer};
use zegel_proto::v1::*;
use zegel_proto::{parse, print};
use zegel_verifier::batch::{VerifiedStatement, event_leaf, events_root, sealed_root};
use zegel_verifier::checkpoint;
use zegel_verifier::hash::{Hash, log_leaf, sha256};
use zegel_verifier::kinds::{EventFacts, Family, family};
use zegel_verifier::note::{TYPE_ED25519, VerifierKey};
use zegel_verifier::snapshot::{row_leaf, stream_leaf};
use zegel_verifier::tree::{Frontier, gap_subtrees, root_of};

/// What goes wrong with the next batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Not taken, try later.
    Unavailable,
    /// Taken, but the answer is lost; a stream ends there.
    LoseReceipt,
    /// Not taken, for good.
    Refuse,
    /// Not taken: the key may not.
    Deny,
    /// Not taken: there is no room.
    DiskFull,
    /// Taken, answered with a checkpoint over another log.
    OtherRoot,
    /// Taken, answered with a log whose first entry is another.
    Rewrite,
    /// Taken, answered with the receipt of entry 0.
    OtherEntry,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) batches: Vec<Option<AppendRequest>>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) blobs: HashMap<Vec<u8>, (u64, Vec<u8>)>,
    pub(crate) envelopes: HashSet<Hash>,
    heads: HashMap<Hash, GetSourceHeadResponse>,
    by_statement: HashMap<Vec<u8>, u64>,
    /// Blobs take at most this many bytes in one call, then the call fails.
    pub(crate) blob_bytes_per_call: Option<u64>,
    pub(crate) blob_calls: u64,
    /// What the next calls that put a blob are refused with.
    pub(crate) blob_faults: VecDeque<Status>,
    /// What the next calls that hand over an order to erase are refused with.
    pub(crate) erase_faults: VecDeque<Status>,
    /// An event that evidence tells a second time, at a place where it does not stand: entry, position, false position.
    pub(crate) told_twice: Option<(u64, u32, u32)>,
}

#[derive(Clone)]
pub(crate) struct FakeLedger {
    pub(crate) state: Arc<Mutex<State>>,
    origin: String,
    key: SigningKey,
}

type Answers<T> = tokio_stream::Iter<std::vec::IntoIter<Result<T, Status>>>;

fn answers<T>(list: Vec<Result<T, Status>>) -> Response<Answers<T>> {
    Response::new(tokio_stream::iter(list))
}

pub(crate) fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut below, sibling) =
        if index < left.len() { (path(index, left), right) } else { (path(index - left.len(), right), left) };
    below.push(root_of(sibling.iter().copied()));
    below
}

fn subproof(from: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if from == leaves.len() {
        return if whole { Vec::new() } else { vec![root_of(leaves.iter().copied())] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut below, sibling) = if from <= left.len() {
        (subproof(from, left, whole), right)
    } else {
        (subproof(from - left.len(), right, false), left)
    };
    below.push(root_of(sibling.iter().copied()));
    below
}

fn bytes(hashes: Vec<Hash>) -> Vec<Vec<u8>> {
    hashes.into_iter().map(Hash::to_vec).collect()
}

fn gap(leaves: &[Hash], from: u64, to: u64) -> Vec<Vec<u8>> {
    let subtrees = gap_subtrees(from, to).map(|subtree| {
        let width = 1usize << subtree.level;
        root_of(leaves[subtree.index as usize * width..][..width].iter().copied())
    });
    bytes(subtrees.collect())
}

impl FakeLedger {
    pub(crate) fn new(origin: &str, key: SigningKey) -> Self {
        Self { state: Arc::default(), origin: origin.into(), key }
    }

    /// Serves on a port that the system chooses; gives its address.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tonic::transport::Server::builder().add_service(LedgerServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        address
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panicked with the state")
    }

    pub(crate) fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    fn note(&self, leaves: &[Hash]) -> Vec<u8> {
        let text = checkpoint::print(&self.origin, leaves.len() as u64, root_of(leaves.iter().copied()));
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let key = VerifierKey::new(&self.origin, TYPE_ED25519, self.key.verifying_key().to_bytes()).expect("a key");
        format!("{text}\n{}", key.signature_line(&signature)).into_bytes()
    }

    fn receipt(&self, state: &State, index: u64, fault: Fault) -> Receipt {
        let mut leaves: Vec<Hash> = state.entries.iter().map(|entry| log_leaf(entry)).collect();
        let index = if fault == Fault::OtherEntry { 0 } else { index };
        let inclusion = path(index as usize, &leaves);
        match fault {
            Fault::OtherRoot => leaves[index as usize] = Hash::ZERO,
            Fault::Rewrite => leaves[0] = Hash::ZERO,
            _ => {}
        }
        let inclusion = if fault == Fault::Rewrite { path(index as usize, &leaves) } else { inclusion };
        Receipt {
            index,
            entry: state.entries[index as usize].clone(),
            inclusion: bytes(inclusion),
            checkpoint: self.note(&leaves),
        }
    }

    /// One batch with its fault. `Ok(None)`: the answer is lost.
    fn take(&self, request: AppendRequest) -> Result<Option<AppendResponse>, Status> {
        let mut state = self.state();
        let fault = state.faults.pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::Unavailable => return Err(Status::unavailable("not now")),
            Fault::DiskFull => return Err(Status::resource_exhausted("no space left on device")),
            Fault::Deny => return Err(Status::permission_denied("the key has ended")),
            Fault::Refuse => return Err(Status::failed_precondition("no")),
            _ => {}
        }
        let index = self.admit(&mut state, request)?;
        let receipt = self.receipt(&state, index, fault);
        Ok((fault != Fault::LoseReceipt).then_some(AppendResponse { receipt: Some(receipt) }))
    }

    fn admit(&self, state: &mut State, request: AppendRequest) -> Result<u64, Status> {
        let refused = |reason: &dyn std::fmt::Display| Status::invalid_argument(reason.to_string());
        let batch = request.batch.clone().ok_or_else(|| refused(&"no batch"))?;
        if let Some(index) = state.by_statement.get(&batch.statement) {
            return Ok(*index);
        }
        let verified = VerifiedStatement::verify(&batch, &self.origin).map_err(|reason| refused(&reason))?;
        let statement = verified.statement();
        let head = state.heads.entry(verified.source()).or_default();
        if (statement.batch_seq, &statement.previous) != (head.next_batch_seq, &head.previous) {
            return Err(Status::failed_precondition("another batch is next in this chain"));
        }
        let roots = (events_root(request.headers.iter().map(Vec::as_slice)), sealed_root(&request.bodies));
        if roots != (verified.events_root(), verified.sealed_root()) {
            return Err(refused(&"other roots"));
        }
        let index = state.entries.len() as u64;
        *head = GetSourceHeadResponse {
            next_batch_seq: statement.batch_seq + 1,
            previous: verified.hash().to_vec(),
            last_entry: index,
        };
        state.envelopes.extend(request.envelopes.iter().map(|envelope| sha256(&[envelope])));
        for (header, body) in request.headers.iter().zip(&request.bodies) {
            let header: EventHeader = parse(header).map_err(|reason| refused(&reason))?;
            EventFacts::read(&header).map_err(|reason| refused(&reason))?;
            let is_there = |blob: &Vec<u8>| state.blobs.get(blob).is_some_and(|(size, got)| got.len() as u64 == *size);
            if !header.blobs.iter().all(is_there) {
                return Err(Status::failed_precondition("a blob is missing"));
            }
            if !body.wrap.is_empty() {
                let wrap: KeyWrap = parse(&body.wrap).map_err(|reason| refused(&reason))?;
                let dossier = Hash::read(&wrap.dossier).expect("32 bytes");
                if !state.envelopes.contains(&dossier) {
                    return Err(refused(&"an envelope is missing"));
                }
            }
        }
        let entry = Entry { received_at_ms: index + 1, content: Some(entry::Content::Batch(batch.clone())) };
        state.entries.push(print(&entry).map_err(|reason| refused(&reason))?);
        state.batches.push(Some(request));
        state.by_statement.insert(batch.statement, index);
        Ok(index)
    }

    /// The sealed stream of an export: entries that hold an event of the scope, the registry or the records.
    fn evidence(&self, asked: &ExportEvidenceRequest) -> Vec<EvidenceRecord> {
        let state = self.state();
        let leaves: Vec<Hash> = state.entries.iter().map(|entry| log_leaf(entry)).collect();
        let scope = asked.scope.clone().expect("a scope");
        let header = EvidenceHeader {
            format: "zegel-evidence/v1".into(),
            origin: asked.origin.clone(),
            scope: Some(scope.clone()),
            export_entry: asked.export_entry,
            export_position: asked.export_position,
            snapshot_entry: asked.snapshot_entry,
            checkpoint: self.note(&leaves),
        };
        let mut records = vec![evidence_record::Record::Header(header)];
        // More than needed, which does no harm: all of them, before everything that may need one.
        let envelopes = state.batches.iter().flatten().flat_map(|batch| &batch.envelopes).cloned();
        records.extend(envelopes.map(|envelope| {
            evidence_record::Record::Envelope(EvidenceEnvelope { envelope, ..EvidenceEnvelope::default() })
        }));
        let mut walked = 0;
        for (index, batch) in (0u64..).zip(&state.batches) {
            let shown: Vec<u32> = batch.as_ref().map(|batch| shown(batch, &scope)).unwrap_or_default();
            if shown.is_empty() && index != asked.snapshot_entry {
                continue;
            }
            let entry = state.entries[index as usize].clone();
            let gap_before = gap(&leaves, walked, index);
            records.push(evidence_record::Record::Entry(EvidenceEntry { gap: gap_before, index, entry }));
            walked = index + 1;
            if let Some(batch) = batch {
                records.extend(batch_records(batch, &shown));
            }
            if let Some((_, position, false_position)) = state.told_twice.filter(|(entry, ..)| *entry == index) {
                let at = records.iter().rposition(|record| told_at(record, position)).expect("an event that is shown");
                let mut again = records[at].clone();
                if let evidence_record::Record::Event(event) = &mut again {
                    event.position = false_position;
                }
                records.insert(records.len() - 1, again);
            }
        }
        let rest = gap(&leaves, walked, leaves.len() as u64);
        records.push(evidence_record::Record::LogEnd(EvidenceLogEnd { gap: rest }));
        records.extend(row_records(&table(&state, asked.snapshot_entry), &scope));
        records.into_iter().map(|record| EvidenceRecord { record: Some(record) }).collect()
    }
}

fn told_at(record: &evidence_record::Record, position: u32) -> bool {
    matches!(record, evidence_record::Record::Event(event) if event.position == position)
}

/// Rows of the snapshot over the first `covers` entries.
fn table(state: &State, covers: u64) -> Vec<(StreamType, Hash, Vec<Month>)> {
    let mut streams: BTreeMap<(i32, Hash), BTreeMap<u32, Frontier>> = BTreeMap::new();
    for (entry, batch) in (0..covers).zip(&state.batches) {
        for (position, header) in (0..).zip(batch.iter().flat_map(|batch| &batch.headers)) {
            let facts = EventFacts::read(&parse(header).expect("a header")).expect("facts");
            for of in facts.streams() {
                let months = streams.entry((of.stream as i32, of.id)).or_default();
                months.entry(of.month).or_default().push(stream_leaf(entry, position, event_leaf(header)));
            }
        }
    }
    let month = |(month, tree): (u32, Frontier)| Month { month, count: tree.size(), root: tree.root().to_vec() };
    let row = |((stream, id), months): ((i32, Hash), BTreeMap<u32, Frontier>)| {
        (StreamType::try_from(stream).expect("a stream"), id, months.into_iter().map(month).collect())
    };
    streams.into_iter().map(row).collect()
}

fn row_records(table: &[(StreamType, Hash, Vec<Month>)], scope: &Scope) -> Vec<evidence_record::Record> {
    let leaves: Vec<Hash> = table.iter().map(|(stream, id, months)| row_leaf(*stream, *id, months)).collect();
    let mut walked = 0;
    let mut records = Vec::new();
    for (index, (stream, id, months)) in (0u64..).zip(table) {
        let of_scope = *stream as i32 == scope.stream && id.0[..] == scope.id[..];
        if !of_scope && !matches!(stream, StreamType::StreamRegistry | StreamType::StreamRecords) {
            continue;
        }
        let (gap, stream, id, months) = (gap(&leaves, walked, index), *stream as i32, id.to_vec(), months.clone());
        records.push(evidence_record::Record::Row(EvidenceRow { gap, index, stream, id, months }));
        walked = index + 1;
    }
    let rest = gap(&leaves, walked, leaves.len() as u64);
    records.push(evidence_record::Record::RowsEnd(EvidenceRowsEnd { gap: rest }));
    records
}

fn shown(batch: &AppendRequest, scope: &Scope) -> Vec<u32> {
    let matters = |header: &Vec<u8>| {
        let facts = EventFacts::read(&parse(header).expect("a header")).expect("facts");
        let of_scope = facts.streams().any(|each| each.stream as i32 == scope.stream && each.id.0 == scope.id[..]);
        of_scope || matches!(family(facts.kind), Family::Registry | Family::Records)
    };
    (0..).zip(&batch.headers).filter(|(_, header)| matters(header)).map(|(position, _)| position).collect()
}

fn batch_records(batch: &AppendRequest, shown: &[u32]) -> Vec<evidence_record::Record> {
    let leaves: Vec<Hash> = batch.headers.iter().map(|header| event_leaf(header)).collect();
    let mut walked = 0;
    let mut records = Vec::new();
    for position in shown {
        let at = *position as usize;
        let sealed = &batch.bodies[at];
        let (ciphertext, wrap) = (sealed.ciphertext.clone(), sealed.wrap.clone());
        let body = evidence_event::Body::Sealed(SealedEvidence { ciphertext, wrap });
        records.push(evidence_record::Record::Event(EvidenceEvent {
            gap: gap(&leaves, walked, u64::from(*position)),
            position: *position,
            header: batch.headers[at].clone(),
            body: (!sealed.wrap.is_empty()).then_some(body),
        }));
        walked = u64::from(*position) + 1;
    }
    let rest = gap(&leaves, walked, leaves.len() as u64);
    records.push(evidence_record::Record::BatchEnd(EvidenceBatchEnd { gap: rest }));
    records
}

#[tonic::async_trait]
impl Ledger for FakeLedger {
    async fn append(&self, request: Request<AppendRequest>) -> Result<Response<AppendResponse>, Status> {
        let answer = self.take(request.into_inner())?;
        answer.map(Response::new).ok_or_else(|| Status::unknown("transport error"))
    }

    type AppendStreamStream = Answers<AppendResponse>;
    async fn append_stream(
        &self,
        request: Request<Streaming<AppendRequest>>,
    ) -> Result<Response<Self::AppendStreamStream>, Status> {
        let mut stream = request.into_inner();
        let mut list = Vec::new();
        while let Some(request) = stream.message().await? {
            match self.take(request) {
                Ok(Some(answer)) => list.push(Ok(answer)),
                // The stream ends without a word.
                Ok(None) => break,
                Err(status) => {
                    list.push(Err(status));
                    break;
                }
            }
        }
        Ok(answers(list))
    }

    async fn put_blob(
        &self,
        request: Request<Streaming<PutBlobRequest>>,
    ) -> Result<Response<BlobStatResponse>, Status> {
        let mut stream = request.into_inner();
        let mut blob = Vec::new();
        let mut taken = 0;
        self.state().blob_calls += 1;
        if let Some(status) = self.state().blob_faults.pop_front() {
            return Err(status);
        }
        while let Some(piece) = stream.message().await? {
            let mut state = self.state();
            if blob.is_empty() {
                blob = piece.sha256.clone();
                state.blobs.entry(blob.clone()).or_insert((piece.size, Vec::new()));
            }
            let limit = state.blob_bytes_per_call;
            let (_, got) = state.blobs.get_mut(&blob).expect("begun");
            if piece.offset != got.len() as u64 {
                return Err(Status::invalid_argument("another offset"));
            }
            taken += piece.data.len() as u64;
            got.extend(piece.data);
            if limit.is_some_and(|limit| taken >= limit) {
                return Err(Status::unknown("transport error"));
            }
        }
        let state = self.state();
        let (size, got) = &state.blobs[&blob];
        let complete = got.len() as u64 == *size && sha256(&[got]).0[..] == blob[..];
        Ok(Response::new(BlobStatResponse { offset: got.len() as u64, complete }))
    }

    async fn blob_stat(&self, request: Request<BlobStatRequest>) -> Result<Response<BlobStatResponse>, Status> {
        let state = self.state();
        let stat = state
            .blobs
            .get(&request.into_inner().sha256)
            .map(|(size, got)| BlobStatResponse { offset: got.len() as u64, complete: got.len() as u64 == *size });
        Ok(Response::new(stat.unwrap_or_default()))
    }

    type GetBlobStream = Answers<BlobChunk>;
    async fn get_blob(&self, request: Request<GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
        let state = self.state();
        let (_, got) = state.blobs.get(&request.into_inner().sha256).ok_or_else(|| Status::not_found("no blob"))?;
        Ok(answers(got.chunks(50_000).map(|chunk| Ok(BlobChunk { data: chunk.to_vec() })).collect()))
    }

    type KnownStream = Answers<KnownResponse>;
    async fn known(&self, request: Request<KnownRequest>) -> Result<Response<Self::KnownStream>, Status> {
        let (asked, state) = (request.into_inner(), self.state());
        let mut rows = Vec::new();
        for (entry, batch) in (0..).zip(&state.batches) {
            let Some(batch) = batch else { continue };
            let verified = VerifiedStatement::verify(batch.batch.as_ref().expect("a batch"), &self.origin);
            if verified.expect("verified before").source().0[..] != asked.source[..] {
                continue;
            }
            for (position, (header, body)) in (0..).zip(batch.headers.iter().zip(&batch.bodies)) {
                let header: EventHeader = parse(header).expect("a header");
                if (&header.custodian, &header.conversation) == (&asked.custodian, &asked.conversation) {
                    rows.push(KnownRow {
                        entry,
                        position,
                        conversation_seq: header.conversation_seq,
                        month: header.month,
                        kind: header.kind as u32,
                        message_row: body.message_row.clone(),
                    });
                }
            }
        }
        let next_conversation_seq = rows.len() as u64;
        let first = KnownResponse { rows, ..KnownResponse::default() };
        let last = KnownResponse { next_conversation_seq, last: true, ..KnownResponse::default() };
        Ok(answers(vec![Ok(first), Ok(last)]))
    }

    async fn get_source_head(
        &self,
        request: Request<GetSourceHeadRequest>,
    ) -> Result<Response<GetSourceHeadResponse>, Status> {
        let source = Hash::read(&request.into_inner().source).expect("an id");
        Ok(Response::new(self.state().heads.get(&source).cloned().unwrap_or_default()))
    }

    type GetRegistryStream = Answers<RegistryResponse>;
    async fn get_registry(&self, _: Request<LogRequest>) -> Result<Response<Self::GetRegistryStream>, Status> {
        let state = self.state();
        let list = (0u64..).zip(state.entries.iter().zip(&state.batches)).filter_map(|(index, (entry, batch))| {
            let headers = batch.as_ref()?.headers.clone();
            let is_registry = |bytes: &Vec<u8>| {
                let header: EventHeader = parse(bytes).expect("a header");
                family(header.kind()) == Family::Registry
            };
            headers.iter().any(is_registry).then(|| Ok(RegistryResponse { index, entry: entry.clone(), headers }))
        });
        Ok(answers(list.collect()))
    }

    async fn get_checkpoint(&self, _: Request<LogRequest>) -> Result<Response<CheckpointResponse>, Status> {
        let leaves: Vec<Hash> = self.state().entries.iter().map(|entry| log_leaf(entry)).collect();
        Ok(Response::new(CheckpointResponse { checkpoint: self.note(&leaves), ..Default::default() }))
    }

    async fn get_receipt(&self, request: Request<GetReceiptRequest>) -> Result<Response<Receipt>, Status> {
        Ok(Response::new(self.receipt(&self.state(), request.into_inner().index, Fault::None)))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<ConsistencyProofRequest>,
    ) -> Result<Response<ConsistencyProofResponse>, Status> {
        let asked = request.into_inner();
        let leaves: Vec<Hash> = self.state().entries.iter().map(|entry| log_leaf(entry)).collect();
        if asked.to_size > leaves.len() as u64 {
            return Err(Status::invalid_argument("no consistency proof leads there"));
        }
        let hashes = bytes(subproof(asked.from_size as usize, &leaves[..asked.to_size as usize], true));
        Ok(Response::new(ConsistencyProofResponse { hashes }))
    }

    type ReadEntriesStream = Answers<ReadEntriesResponse>;
    async fn read_entries(
        &self,
        request: Request<ReadEntriesRequest>,
    ) -> Result<Response<Self::ReadEntriesStream>, Status> {
        let (state, asked) = (self.state(), request.into_inner());
        let all = (0u64..).zip(state.entries.iter().zip(&state.batches));
        let wanted = all.filter(|(index, _)| (asked.from..asked.from + asked.count).contains(index));
        let answer = wanted.map(|(index, (entry, batch))| {
            let headers = batch.as_ref().map(|batch| batch.headers.clone()).unwrap_or_default();
            Ok(ReadEntriesResponse { index, entry: entry.clone(), headers })
        });
        Ok(answers(answer.collect()))
    }

    type ReadAuditStream = Answers<AuditEntry>;
    async fn read_audit(&self, _: Request<ReadEntriesRequest>) -> Result<Response<Self::ReadAuditStream>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    type ReadStreamStream = Answers<ReadStreamResponse>;
    async fn read_stream(&self, _: Request<ReadStreamRequest>) -> Result<Response<Self::ReadStreamStream>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    type ReplicateStream = Answers<ReplicateResponse>;
    async fn replicate(&self, _: Request<ReplicateRequest>) -> Result<Response<Self::ReplicateStream>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn snapshot(&self, _: Request<LogRequest>) -> Result<Response<SnapshotResponse>, Status> {
        let mut state = self.state();
        let index = state.entries.len() as u64;
        let leaves: Vec<Hash> =
            table(&state, index).iter().map(|(stream, id, months)| row_leaf(*stream, *id, months)).collect();
        let (ids, root) = (leaves.len() as u64, root_of(leaves).to_vec());
        let snapshot = IndexSnapshot { covers: index, ids, root };
        let entry = Entry { received_at_ms: index + 1, content: Some(entry::Content::Snapshot(snapshot)) };
        state.entries.push(print(&entry).expect("an entry"));
        state.batches.push(None);
        let receipt = Some(self.receipt(&state, index, Fault::None));
        Ok(Response::new(SnapshotResponse { receipt }))
    }

    type ReadEnvelopesStream = Answers<DossierWrap>;
    async fn read_envelopes(
        &self,
        _: Request<ReadEnvelopesRequest>,
    ) -> Result<Response<Self::ReadEnvelopesStream>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn rewrap_envelopes(
        &self,
        _: Request<RewrapEnvelopesRequest>,
    ) -> Result<Response<RewrapEnvelopesResponse>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    type ExportEvidenceStream = Answers<EvidenceRecord>;
    async fn export_evidence(
        &self,
        request: Request<ExportEvidenceRequest>,
    ) -> Result<Response<Self::ExportEvidenceStream>, Status> {
        Ok(answers(self.evidence(&request.into_inner()).into_iter().map(Ok).collect()))
    }

    /// Erases nothing.
    async fn erase(&self, _: Request<EraseRequest>) -> Result<Response<EraseResponse>, Status> {
        match self.state().erase_faults.pop_front() {
            Some(refused) => Err(refused),
            None => Ok(Response::new(EraseResponse::default())),
        }
    }
}
