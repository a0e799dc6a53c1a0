//! Sending what waits in the outbox, in order, until all of it has a checked receipt.

use super::connection::{Attempts, Failure, sort, sort_upload};
use super::receipt::check_ours;
use super::{Denied, Head, LedgerError, Placed, ReceiptError, Source, SourceError, WINDOW_BATCHES};
use tonic::{Code, Status};
use zegel_proto::parse;
use zegel_proto::v1::{AppendRequest, AppendResponse, BatchStatement, Entry, EventHeader, Receipt};
use zegel_verifier::checkpoint::VerifiedCheckpoint;
use zegel_verifier::hash::{Hash, sha256};

/// Why one attempt to send ended.
enum Stop {
    /// The transport or the ledger: maybe it passes.
    Status(Status),
    /// The same, while a blob was put: it says nothing of any batch.
    Upload(Status),
    /// Our own judgement, or our own disk: it does not.
    Ours(SourceError),
}

impl From<Status> for Stop {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Ours(error)
    }
}

impl Source {
    /// Sends what waits in the outbox, and gives where its events stand.
    ///
    /// # Errors
    /// [`SourceError::Ledger`]: unreachable, or denied with [`Denied::Keep`], and all stays; or refused, and what waited lies
    /// in the folder `refused`.
    /// [`SourceError::Receipt`] or [`SourceError::Checkpoint`] if the ledger's answer does not hold: all stays.
    pub async fn flush(&mut self) -> Result<Vec<Placed>, SourceError> {
        let mut attempts = self.connection.attempts();
        let mut placed = Vec::new();
        loop {
            let mut pending = self.spool.outbox.pending()?;
            pending.truncate(WINDOW_BATCHES);
            if pending.is_empty() {
                return Ok(placed);
            }
            match self.send(&pending, &mut placed, &mut attempts).await {
                Ok(()) => {}
                Err(Stop::Ours(error)) => return Err(error),
                Err(Stop::Upload(status)) => attempts.failed(sort_upload(&status)).await?,
                Err(Stop::Status(status)) => self.failed(&status, &mut attempts).await?,
            }
        }
    }

    /// One attempt: blobs first, since a batch that names a blob which is not there is refused.
    async fn send(&mut self, pending: &[u64], placed: &mut Vec<Placed>, attempts: &mut Attempts) -> Result<(), Stop> {
        let mut requests = Vec::with_capacity(pending.len());
        for batch_seq in pending {
            let request = self.spool.outbox.load(*batch_seq)?;
            self.upload_blobs(&blobs_of(&request)?, attempts).await.map_err(Stop::Upload)?;
            requests.push(request);
        }
        let sent: Vec<AppendRequest> = requests.iter().map(without_bodies).collect();
        if let ([batch_seq], [sent], Some(request)) = (pending, sent.as_slice(), requests.pop()) {
            let answer = self.connection.client().append(request).await?.into_inner();
            placed.extend(self.accept(*batch_seq, sent, answer).await?);
            return Ok(());
        }
        let stream = tokio_stream::iter(requests);
        let mut answers = self.connection.client().append_stream(stream).await?.into_inner();
        for (batch_seq, request) in pending.iter().zip(&sent) {
            let ended = || Status::unavailable("the stream ended before every batch was answered");
            let answer = answers.message().await?.ok_or_else(ended)?;
            placed.extend(self.accept(*batch_seq, request, answer).await?);
            attempts.progress();
        }
        Ok(())
    }

    /// Judges an answer, stores the receipt, and lets go of the batch.
    async fn accept(
        &mut self,
        batch_seq: u64,
        request: &AppendRequest,
        answer: AppendResponse,
    ) -> Result<Vec<Placed>, SourceError> {
        let receipt = answer.receipt.ok_or(LedgerError::Incomplete { wanted: "receipt" })?;
        let bad = |reason| SourceError::Receipt { batch_seq, reason };
        let (entry, checkpoint) = self.verify_with_refresh(&receipt).await?.map_err(bad)?;
        check_ours(&receipt, &entry, request).map_err(bad)?;
        self.advance(checkpoint, &receipt.checkpoint).await?;
        let statement = request.batch.as_ref().map(|batch| sha256(&[&batch.statement]));
        self.spool.store_receipt(&receipt, batch_seq, Head { next_batch_seq: batch_seq + 1, previous: statement })?;
        self.drop_blobs(&blobs_of(request)?)?;
        let headers = request.headers.iter().zip(0..);
        let place = |(header, position): (&Vec<u8>, u32)| {
            let conversation_seq = parse::<EventHeader>(header)?.conversation_seq;
            Ok(Placed { entry: receipt.index, position, conversation_seq })
        };
        headers.map(place).collect()
    }

    /// A checkpoint under a key that we do not know may be signed by a newer one: ask the registry, once.
    async fn verify_with_refresh(
        &mut self,
        receipt: &Receipt,
    ) -> Result<Result<(Entry, VerifiedCheckpoint), ReceiptError>, SourceError> {
        let verified = self.log_keys().verify_receipt(receipt);
        if self.registry.is_some() && matches!(verified, Err(ReceiptError::Checkpoint(_))) {
            self.refresh().await?;
            return Ok(self.log_keys().verify_receipt(receipt));
        }
        Ok(verified)
    }

    /// Checks the receipt of an entry that is not ours to sign, such as a snapshot, and that the log goes on.
    ///
    /// # Errors
    /// [`SourceError::Checkpoint`], [`SourceError::Ledger`].
    pub async fn accept_receipt(&mut self, receipt: &Receipt) -> Result<Entry, SourceError> {
        let (entry, checkpoint) = self.verify_with_refresh(receipt).await?.map_err(SourceError::Checkpoint)?;
        self.advance(checkpoint, &receipt.checkpoint).await?;
        let head = self.spool.head.clone();
        self.spool.store_head(head)?;
        Ok(entry)
    }

    async fn failed(&mut self, status: &Status, attempts: &mut Attempts) -> Result<(), SourceError> {
        let failure = sort(status);
        if let Failure::Refused(LedgerError::Refused { code, .. }) = &failure
            && self.is_about_the_batch(*code)?
        {
            self.spool.outbox.refuse()?;
            // The chain goes on behind the last receipt, with numbers and dossiers that no refused batch took away.
            self.tail = self.spool.head.clone();
            self.captures.clear();
            self.dossiers.clear();
        }
        Ok(attempts.failed(failure).await?)
    }

    /// Whether a code judges what waits. Others speak of the log, the caller or the address, and the batch may still be good.
    fn is_about_the_batch(&self, code: Code) -> Result<bool, SourceError> {
        match code {
            Code::InvalidArgument | Code::FailedPrecondition => Ok(true),
            // What an earlier key of ours signed is never taken again once that has ended: it is signed anew.
            Code::PermissionDenied => Ok(self.config.denied == Denied::PutAside || !self.is_signed_by_us()?),
            _ => Ok(false),
        }
    }

    /// Whether what goes first was signed with the key that we have now.
    fn is_signed_by_us(&self) -> Result<bool, SourceError> {
        let Some(first) = self.spool.outbox.pending()?.first().copied() else { return Ok(false) };
        let batch = self.spool.outbox.load(first)?.batch.unwrap_or_default();
        Ok(parse::<BatchStatement>(&batch.statement)
            .is_ok_and(|found| found.key == self.identity.public_key().to_vec()))
    }
}

/// What is needed to judge the answer, while the rest is on its way.
fn without_bodies(request: &AppendRequest) -> AppendRequest {
    let (batch, headers) = (request.batch.clone(), request.headers.clone());
    AppendRequest { batch, headers, ..AppendRequest::default() }
}

fn blobs_of(request: &AppendRequest) -> Result<Vec<Hash>, SourceError> {
    let mut blobs = Vec::new();
    for header in &request.headers {
        let header: EventHeader = parse(header)?;
        blobs.extend(header.blobs.iter().filter_map(|blob| Hash::read(blob)));
    }
    Ok(blobs)
}
