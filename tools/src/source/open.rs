//! Opening a source: lock, registry, checkpoint, what waits in the outbox, and whether the ledger agrees.

use super::chain::Spool;
use super::receipt::{LogKeys, ReceiptError, hashes};
use super::{Backoff, ClientCertificate, Connection, Head, LedgerError, RegistryReplay, Source, SourceError};
use crate::keys::{Actor, Identity, KeyError, KeyFolder};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use tonic::Code;
use zegel_verifier::checkpoint::VerifiedCheckpoint;
use zegel_verifier::hash::Hash;

/// What to do when the ledger has more of our chain than we know of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OlderState {
    /// Send nothing: find out first why.
    #[default]
    Refuse,
    /// Go on from where the ledger is: the spool was lost, and a `SOURCE_RESUMED` should say so.
    Adopt,
}

/// What to do with a batch when the ledger says that we may not write it (PERMISSION_DENIED).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Denied {
    /// Put it aside: a person asked for it, and has heard that it is not to be.
    #[default]
    PutAside,
    /// Keep it, as long as the key that signed it is ours, and send the same bytes again: what it holds is promised, and a
    /// key that has ended says nothing of it. Signed anew each time, it would fill the disks of both.
    Keep,
}

/// What a source needs to know.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// Address of the ledger: `https://host:port`, or `http://` on a trusted link.
    pub ledger: String,
    /// PEM of the authority that signed the ledger's certificate.
    pub tls_ca: Option<Vec<u8>>,
    /// Name of the log.
    pub origin: String,
    /// The pinned root key.
    pub root_key: Hash,
    /// The log's key, where it is pinned too; needed only to write genesis.
    pub log_key: Option<Hash>,
    /// Folder for outbox and receipts, of this actor only.
    pub spool: PathBuf,
    /// Patience.
    pub backoff: Backoff,
    /// What to do with an older state.
    pub older_state: OlderState,
    /// What to do with a batch that we may not write.
    pub denied: Denied,
}

impl SourceConfig {
    /// The configuration that a key folder implies for an actor.
    ///
    /// # Errors
    /// [`KeyError`] if its certificate cannot be read.
    pub fn of_folder(folder: &KeyFolder, actor: Actor, ledger: &str) -> Result<Self, KeyError> {
        Ok(Self {
            ledger: ledger.into(),
            tls_ca: Some(folder.tls_ca()?),
            origin: folder.ministry().origin.clone(),
            root_key: folder.ministry().root_key,
            log_key: Some(folder.ministry().log_key),
            spool: folder.spool(actor),
            backoff: Backoff::default(),
            older_state: OlderState::Refuse,
            denied: Denied::PutAside,
        })
    }
}

impl Source {
    /// Opens a source of a key folder.
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn of_folder(folder: &KeyFolder, actor: Actor, ledger: &str) -> Result<Self, SourceError> {
        let (identity, config) = (folder.identity(actor)?, SourceConfig::of_folder(folder, actor, ledger)?);
        let client = ClientCertificate::of_folder(folder, actor)?;
        Self::open_as(identity, config, client.as_ref()).await
    }

    /// Opens a source: checks the registry and that the log continues what we saw, sends what waits in the outbox, and
    /// compares chains.
    ///
    /// # Errors
    /// [`SourceError::Locked`], [`SourceError::View`], [`SourceError::Checkpoint`], [`SourceError::ChainDiffers`], or what
    /// sending can meet.
    pub async fn open(identity: Identity, config: SourceConfig) -> Result<Self, SourceError> {
        Self::open_as(identity, config, None).await
    }

    /// The same, showing the ledger a certificate of our own.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub async fn open_as(
        identity: Identity,
        config: SourceConfig,
        client: Option<&ClientCertificate>,
    ) -> Result<Self, SourceError> {
        let ca = config.tls_ca.as_deref();
        let connection = Connection::as_client(&config.ledger, ca, client, &config.origin, config.backoff)?;
        let spool = Spool::open(&config.spool)?;
        let mut source = Self {
            identity,
            config,
            connection,
            tail: spool.head.clone(),
            spool,
            registry: None,
            checkpoint: None,
            captures: HashMap::new(),
            dossiers: HashMap::new(),
        };
        source.refresh().await?;
        source.resume()?;
        source.flush().await?;
        source.compare_chains().await?;
        source.sweep_blobs(&HashSet::new())?;
        Ok(source)
    }

    /// Fetches the registry and the newest checkpoint again, and checks both.
    ///
    /// # Errors
    /// [`SourceError::View`], [`SourceError::Checkpoint`], [`SourceError::Ledger`].
    pub async fn refresh(&mut self) -> Result<(), SourceError> {
        let mut replay = RegistryReplay::new(&self.config.origin, self.config.root_key);
        for entry in self.connection.registry().await? {
            replay.take(&entry)?;
        }
        let before = super::recipients(self.registry.as_ref()).ok();
        self.registry = replay.finish();
        if super::recipients(self.registry.as_ref()).ok() != before {
            // New dossiers for new archive keys.
            self.dossiers.clear();
        }
        if self.registry.is_none() {
            return Ok(());
        }
        if let Some(note) = self.spool.checkpoint.clone().filter(|_| self.checkpoint.is_none()) {
            self.checkpoint = Some(self.log_keys().verify(note.as_bytes()).map_err(SourceError::Checkpoint)?);
        }
        let note = self.connection.newest_checkpoint().await?;
        let newest = self.log_keys().verify(&note).map_err(SourceError::Checkpoint)?;
        self.advance(newest, &note).await
    }

    /// Checks a checkpoint that came with something else: signed by the log.
    ///
    /// # Errors
    /// [`SourceError::Checkpoint`].
    pub fn check_checkpoint(&self, note: &[u8]) -> Result<VerifiedCheckpoint, SourceError> {
        self.log_keys().verify(note).map_err(SourceError::Checkpoint)
    }

    pub(super) fn log_keys(&self) -> LogKeys<'_> {
        let pinned = self.config.log_key.as_ref().map(|key| &key.0);
        LogKeys { origin: &self.config.origin, registry: self.registry.as_ref(), pinned }
    }

    /// Demands that a checkpoint and the last one are of one log, and keeps the larger.
    pub(super) async fn advance(&mut self, found: VerifiedCheckpoint, note: &[u8]) -> Result<(), SourceError> {
        if let Some(last) = self.checkpoint.clone() {
            let (older, newer) = if last.size() <= found.size() { (&last, &found) } else { (&found, &last) };
            let (from, to) = (older.size(), newer.size());
            let proof = match from == to {
                true => Ok(Vec::new()),
                false => self.connection.consistency(from, to).await,
            };
            let proof = proof.map_err(|reason| match reason {
                // It does not have what we saw.
                LedgerError::Refused { code: Code::InvalidArgument, .. } if last.size() == to => {
                    SourceError::Checkpoint(ReceiptError::Shorter { found: from, seen: to })
                }
                reason => reason.into(),
            })?;
            let checked = hashes(&proof).and_then(|proof| {
                newer.check_extends(older, &proof).map_err(|reason| ReceiptError::Inconsistent { from, to, reason })
            });
            checked.map_err(SourceError::Checkpoint)?;
            if last.size() >= found.size() {
                return Ok(());
            }
        }
        self.spool.checkpoint = Some(String::from_utf8_lossy(note).into_owned());
        self.checkpoint = Some(found);
        Ok(())
    }

    /// Takes up the chain behind what waits in the outbox.
    fn resume(&mut self) -> Result<(), SourceError> {
        if let Some(last) = self.spool.outbox.pending()?.last() {
            let request = self.spool.outbox.load(*last)?;
            let statement = request.batch.map(|batch| batch.statement).unwrap_or_default();
            let previous = Some(zegel_verifier::hash::sha256(&[&statement]));
            self.tail = Head { next_batch_seq: last + 1, previous };
        }
        Ok(())
    }

    pub(crate) async fn compare_chains(&mut self) -> Result<(), SourceError> {
        let answer = self.connection.source_head(self.identity.actor()).await?;
        let theirs = Head { next_batch_seq: answer.next_batch_seq, previous: Hash::read(&answer.previous) };
        if theirs == self.tail {
            return Ok(());
        }
        if self.config.older_state == OlderState::Adopt && theirs.next_batch_seq > self.tail.next_batch_seq {
            self.tail = theirs.clone();
            return self.spool.store_head(theirs);
        }
        Err(SourceError::ChainDiffers {
            ours: self.tail.next_batch_seq,
            our_previous: self.tail.previous,
            theirs: theirs.next_batch_seq,
            their_previous: theirs.previous,
        })
    }
}
