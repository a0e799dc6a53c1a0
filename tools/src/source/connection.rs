//! The way to a ledger: TLS, retries with backoff, and the calls that only read.
//!
//! A call is tried again when the transport failed or the ledger is not available; every call here and every append may be
//! repeated without harm. A refusal is never tried again.

use super::{ClientCertificate, Known};
use std::future::Future;
use std::time::Duration;
use thiserror::Error;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Response, Status, Streaming};
use zegel_proto::v1::ledger_client::LedgerClient;
use zegel_proto::v1::{
    AuditEntry, BlobChunk, CheckpointResponse, ConsistencyProofRequest, EvidenceRecord, ExportEvidenceRequest,
    GetBlobRequest, GetSourceHeadRequest, GetSourceHeadResponse, KnownRequest, LogRequest, ReadEntriesRequest, Receipt,
    RegistryResponse,
};
use zegel_verifier::hash::Hash;

/// Bytes of one message that we read: an entry with all its headers, and then some.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a ledger did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// Not an address.
    #[error("{address:?} is not the address of a ledger: {reason}")]
    Address {
        /// As given.
        address: String,
        /// Why not.
        reason: String,
    },
    /// It said no.
    #[error("the ledger refused ({code:?}): {message}")]
    Refused {
        /// The code.
        code: Code,
        /// In words.
        message: String,
    },
    /// It was not there, or went away, every time.
    #[error("the ledger could not be reached in {attempts} attempts: {reason}")]
    Unreachable {
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
    /// It answered with something that no ledger answers.
    #[error("the ledger's answer has no {wanted}")]
    Incomplete {
        /// What is missing.
        wanted: &'static str,
    },
}

/// How long to wait before trying again: doubled each time, up to a maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second attempt.
    pub first: Duration,
    /// At most.
    pub max: Duration,
    /// Attempts without progress before giving up; at least 1.
    pub attempts_max: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), max: Duration::from_secs(5), attempts_max: 10 }
    }
}

/// A failure and whether it may pass.
pub(super) enum Failure {
    Passing(String),
    Refused(LedgerError),
}

/// Sorts a status: transport and availability may pass, a judgement does not.
pub(super) fn sort(status: &Status) -> Failure {
    match status.code() {
        // The transport shows as Unknown or Internal when a connection breaks in the middle of a call.
        Code::Unavailable
        | Code::Unknown
        | Code::Internal
        | Code::Cancelled
        | Code::DeadlineExceeded
        // A full disk or too many callers: the batch is good, and goes when there is room.
        | Code::ResourceExhausted
        | Code::Aborted => Failure::Passing(status.to_string()),
        code => Failure::Refused(LedgerError::Refused { code, message: status.message().into() }),
    }
}

/// Sorts a status of an upload: a ledger that goes on with a blob elsewhere than we do says nothing of the batch, and is
/// asked again where it is.
pub(super) fn sort_upload(status: &Status) -> Failure {
    match status.code() {
        Code::FailedPrecondition | Code::InvalidArgument => Failure::Passing(status.to_string()),
        _ => sort(status),
    }
}

/// Counts attempts and waits between them.
pub(super) struct Attempts {
    backoff: Backoff,
    wait: Duration,
    made: u32,
    /// How far an upload was when it was last tried.
    reached: Option<(Hash, u64)>,
}

impl Attempts {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self { backoff, wait: backoff.first, made: 0, reached: None }
    }

    /// Something was achieved: begin again.
    pub(super) fn progress(&mut self) {
        *self = Self::new(self.backoff);
    }

    /// An upload is at this offset: further than before is progress.
    pub(super) fn reached(&mut self, blob: Hash, offset: u64) {
        if offset > 0 && self.reached != Some((blob, offset)) {
            self.progress();
            self.reached = Some((blob, offset));
        }
    }

    /// Waits before the next attempt, or gives up.
    pub(super) async fn failed(&mut self, failure: Failure) -> Result<(), LedgerError> {
        let reason = match failure {
            Failure::Refused(refused) => return Err(refused),
            Failure::Passing(reason) => reason,
        };
        self.made += 1;
        if self.made >= self.backoff.attempts_max {
            return Err(LedgerError::Unreachable { attempts: self.made, reason });
        }
        tokio::time::sleep(self.wait).await;
        self.wait = (self.wait * 2).min(self.backoff.max);
        Ok(())
    }
}

/// A connection to a ledger; reconnects by itself. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connection {
    client: LedgerClient<Channel>,
    channel: Channel,
    origin: String,
    pub(super) backoff: Backoff,
}

impl Connection {
    /// Prepares a connection; nothing is sent yet. With `https` the certificate is checked against `tls_ca` only.
    ///
    /// # Errors
    /// [`LedgerError::Address`].
    pub fn new(address: &str, tls_ca: Option<&[u8]>, origin: &str, backoff: Backoff) -> Result<Self, LedgerError> {
        Self::as_client(address, tls_ca, None, origin, backoff)
    }

    /// The same, showing a certificate of our own; it is only shown over `https`.
    ///
    /// # Errors
    /// [`LedgerError::Address`].
    pub fn as_client(
        address: &str,
        tls_ca: Option<&[u8]>,
        client: Option<&ClientCertificate>,
        origin: &str,
        backoff: Backoff,
    ) -> Result<Self, LedgerError> {
        let bad = |reason: &dyn std::fmt::Display| LedgerError::Address {
            address: address.into(),
            reason: reason.to_string(),
        };
        let mut endpoint = Endpoint::from_shared(address.to_owned()).map_err(|reason| bad(&reason))?;
        if let Some(ca) = tls_ca.filter(|_| address.starts_with("https:")) {
            let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
            let tls = client.map_or(tls.clone(), |client| tls.identity(client.identity()));
            endpoint = endpoint.tls_config(tls).map_err(|reason| bad(&reason))?;
        }
        let quiet = Duration::from_secs(20);
        endpoint = endpoint.connect_timeout(quiet).http2_keep_alive_interval(quiet).keep_alive_timeout(quiet);
        let channel = endpoint.connect_lazy();
        let client = LedgerClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Self { client, channel, origin: origin.into(), backoff })
    }

    /// The generated client, for calls that are not here.
    #[must_use]
    pub fn client(&self) -> LedgerClient<Channel> {
        self.client.clone()
    }

    /// What lies below the client, for calls that encode by themselves.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.backoff)
    }

    /// Makes a call, again and again while it may pass.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] or [`LedgerError::Unreachable`].
    pub async fn call<T, F>(&self, mut call: impl FnMut(LedgerClient<Channel>) -> F) -> Result<T, LedgerError>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut attempts = self.attempts();
        loop {
            match call(self.client()).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => attempts.failed(sort(&status)).await?,
            }
        }
    }

    /// Reads a whole stream of answers into memory, again from its start while it may pass. `take` gets each answer, with
    /// its number from 0: at 0 the stream has begun, maybe anew.
    async fn read<T, F>(
        &self,
        mut call: impl FnMut(LedgerClient<Channel>) -> F,
        mut take: impl FnMut(usize, T),
    ) -> Result<(), LedgerError>
    where
        F: Future<Output = Result<Response<Streaming<T>>, Status>>,
    {
        let mut attempts = self.attempts();
        loop {
            let mut number = 0;
            let read = async {
                let mut stream = call(self.client()).await?.into_inner();
                while let Some(answer) = stream.message().await? {
                    take(number, answer);
                    number += 1;
                }
                Ok::<(), Status>(())
            };
            match read.await {
                Ok(()) => return Ok(()),
                Err(status) => attempts.failed(sort(&status)).await?,
            }
        }
    }

    fn log(&self) -> LogRequest {
        LogRequest { origin: self.origin.clone() }
    }

    pub(super) async fn known(&self, request: &KnownRequest) -> Result<Known, LedgerError> {
        let (mut known, mut is_whole) = (Known::default(), false);
        let call = |mut client: LedgerClient<Channel>| {
            let request = request.clone();
            async move { client.known(request).await }
        };
        self.read(call, |number, page| {
            if number == 0 {
                known = Known::default();
            }
            known.rows.extend(page.rows);
            known.next_conversation_seq = page.next_conversation_seq;
            is_whole = page.last;
        })
        .await?;
        if is_whole { Ok(known) } else { Err(LedgerError::Incomplete { wanted: "last page of what is known" }) }
    }

    pub(super) async fn registry(&self) -> Result<Vec<RegistryResponse>, LedgerError> {
        let mut entries = Vec::new();
        let call = |mut client: LedgerClient<Channel>| {
            let request = self.log();
            async move { client.get_registry(request).await }
        };
        self.read(call, |number, entry| {
            entries.truncate(number);
            entries.push(entry);
        })
        .await?;
        Ok(entries)
    }

    pub(crate) async fn source_head(&self, source: Hash) -> Result<GetSourceHeadResponse, LedgerError> {
        let request = GetSourceHeadRequest { origin: self.origin.clone(), source: source.to_vec() };
        self.call(|mut client| {
            let request = request.clone();
            async move { client.get_source_head(request).await }
        })
        .await
    }

    /// The newest signed note; not verified.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn newest_checkpoint(&self) -> Result<Vec<u8>, LedgerError> {
        Ok(self.checkpoints().await?.checkpoint)
    }

    /// The newest checkpoint, the newest cosigned one, and how the witnesses stand by the ledger's word.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn checkpoints(&self) -> Result<CheckpointResponse, LedgerError> {
        let request = self.log();
        self.call(|mut client| {
            let request = request.clone();
            async move { client.get_checkpoint(request).await }
        })
        .await
    }

    pub(crate) async fn consistency(&self, from_size: u64, to_size: u64) -> Result<Vec<Vec<u8>>, LedgerError> {
        let request = ConsistencyProofRequest { origin: self.origin.clone(), from_size, to_size };
        let answer = self.call(|mut client| {
            let request = request.clone();
            async move { client.get_consistency_proof(request).await }
        });
        Ok(answer.await?.hashes)
    }

    /// Origin of the log.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Asks for an index snapshot.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn snapshot(&self) -> Result<Receipt, LedgerError> {
        let request = self.log();
        let answer = self.call(|mut client| {
            let request = request.clone();
            async move { client.snapshot(request).await }
        });
        answer.await?.receipt.ok_or(LedgerError::Incomplete { wanted: "receipt" })
    }

    /// Headers of a batch, as the ledger tells them: nothing is proven of them here. None, where no entry stands.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn headers(&self, entry: u64) -> Result<Vec<Vec<u8>>, LedgerError> {
        let request = ReadEntriesRequest { origin: self.origin.clone(), from: entry, count: 1 };
        let mut headers = Vec::new();
        let call = |mut client: LedgerClient<Channel>| {
            let request = request.clone();
            async move { client.read_entries(request).await }
        };
        self.read(call, |_, answer| headers = answer.headers).await?;
        Ok(headers)
    }

    /// Begins the sealed stream of an export.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn evidence(&self, request: &ExportEvidenceRequest) -> Result<Streaming<EvidenceRecord>, LedgerError> {
        self.call(|mut client| {
            let request = request.clone();
            async move { client.export_evidence(request).await }
        })
        .await
    }

    /// Begins to read entries as an auditor replays them.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn audit_entries(&self, request: &ReadEntriesRequest) -> Result<Streaming<AuditEntry>, LedgerError> {
        self.call(|mut client| {
            let request = request.clone();
            async move { client.read_audit(request).await }
        })
        .await
    }

    /// Begins to read a blob.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn blob(&self, sha256: Hash) -> Result<Streaming<BlobChunk>, LedgerError> {
        let request = GetBlobRequest { origin: self.origin.clone(), sha256: sha256.to_vec() };
        self.call(|mut client| {
            let request = request.clone();
            async move { client.get_blob(request).await }
        })
        .await
    }
}
