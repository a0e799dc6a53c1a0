//! The library of a source: numbers, seals, signs and appends events, and loses none.
//!
//! The crash story. Before a batch is sent it lies whole in the outbox, since sealing is random and a lost answer must find
//! the same bytes. It leaves the outbox only after its receipt was checked and stored. So wherever we stop: a batch that
//! was not written was never numbered; one that was is sent again at the next start, and the ledger answers the same batch
//! with the same receipt. Dossier keys are in memory only: after a crash new dossiers are made.
//!
//! Invariants:
//! - one process owns a spool at a time;
//! - the chain goes on from our own state; where the ledger says otherwise, nothing is sent;
//! - the checkpoint that we stored last is a prefix of every one that we accept.
//!
//! Not here: what events say (`event`, `record`), how they are sealed (`seal`). Specification: `specs/service.md`.

mod batching;
mod blobs;
mod chain;
mod client;
mod connection;
mod entries;
mod envelopes;
mod erasing;
mod error;
mod open;
mod outbox;
mod receipt;
mod sending;
mod stored;
mod view;

pub(crate) use batching::now_ms;
pub use batching::{BATCH_EVENTS_MAX, sign_batch};
pub use blobs::BlobSpool;
pub use chain::Head;
pub use client::ClientCertificate;
pub use connection::{Backoff, Connection, LedgerError};
pub use error::SourceError;
pub use open::{OlderState, SourceConfig};
pub use outbox::Outbox;
pub use receipt::{ReceiptError, verify_receipt};
pub use stored::{stored_receipts, tlog_proof};
pub use view::{RegistryReplay, ViewError};

use crate::event::{Draft, Event, commit_all};
use crate::keys::{ArchivePublicKey, Identity};
use crate::seal::{Dossier, SealError, seal_all};
use batching::Batching;
use chain::Spool;
use std::collections::HashMap;
use std::path::Path;
use zegel_proto::v1::{KnownRequest, KnownRow, SealedBody};
use zegel_verifier::checkpoint::VerifiedCheckpoint;
use zegel_verifier::hash::Hash;
use zegel_verifier::kinds::EventFacts;
use zegel_verifier::registry::Registry;

/// Batches in the outbox at a time: what a stream of appends sends in a row, and what memory holds.
const WINDOW_BATCHES: usize = 16;

/// Where an appended event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Index of the entry.
    pub entry: u64,
    /// Position in its batch.
    pub position: u32,
    /// Number in its capture; 0 where it has none.
    pub conversation_seq: u64,
}

/// What a ledger knows of one capture of this source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// One row per event, in log order.
    pub rows: Vec<KnownRow>,
    /// Number of the next event.
    pub next_conversation_seq: u64,
}

/// A dossier of this run. The first batch under it carries its envelope.
struct OpenDossier {
    dossier: Dossier,
    is_announced: bool,
}

/// One who submits batches: a source, an officer, or the root.
pub struct Source {
    identity: Identity,
    config: SourceConfig,
    connection: Connection,
    spool: Spool,
    registry: Option<Registry>,
    checkpoint: Option<VerifiedCheckpoint>,
    /// Where the chain will be once the outbox is empty.
    tail: Head,
    /// Next number of each capture that was used in this run, by custodian and conversation.
    captures: HashMap<(Hash, Hash), u64>,
    dossiers: HashMap<(Option<Hash>, u32), OpenDossier>,
}

/// An event that was sealed, with the envelope that has to come along.
struct SealedEvent {
    event: Event,
    body: SealedBody,
    envelope: Option<Vec<u8>>,
}

impl Source {
    /// Numbers, seals, signs and appends events in order, and answers once all are in the log with checked receipts.
    ///
    /// # Errors
    /// [`SourceError`]. After [`LedgerError::Unreachable`] what was signed waits in the outbox and goes first next time;
    /// after [`LedgerError::Refused`] it lies in the folder `refused`, and the chain goes on without it. In both cases
    /// events before the failure may be in the log: ask [`Source::known`].
    pub async fn append(&mut self, drafts: Vec<Draft>) -> Result<Vec<Placed>, SourceError> {
        let appended = self.append_all(drafts).await;
        if appended.is_err() {
            // Numbers that were given out may not be in any batch, nor envelopes: ask the ledger, and begin new dossiers.
            self.captures.clear();
            self.dossiers.clear();
        }
        appended
    }

    async fn append_all(&mut self, drafts: Vec<Draft>) -> Result<Vec<Placed>, SourceError> {
        self.flush().await?;
        let mut batching = Batching::default();
        let mut placed = Vec::with_capacity(drafts.len());
        let mut drafts = drafts.into_iter();
        loop {
            let together: Vec<Draft> = drafts.by_ref().take(BATCH_EVENTS_MAX).collect();
            if together.is_empty() {
                break;
            }
            for sealed in self.seal(together).await? {
                if let Some(batch) = batching.push(sealed) {
                    self.put(batch)?;
                    if self.spool.outbox.pending()?.len() >= WINDOW_BATCHES {
                        placed.extend(self.flush().await?);
                    }
                }
            }
        }
        if let Some(batch) = batching.finish() {
            self.put(batch)?;
        }
        placed.extend(self.flush().await?);
        Ok(placed)
    }

    /// Commits to events and seals them, a batch's worth at a time: hashes fill every lane only together.
    async fn seal(&mut self, drafts: Vec<Draft>) -> Result<Vec<SealedEvent>, SourceError> {
        let mut numbered = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let number = match draft.capture() {
                Some(capture) => self.next_number(capture).await?,
                None => 0,
            };
            numbered.push((draft, number));
        }
        let events = commit_all(numbered, &self.config.origin, self.identity.actor())?;
        let mut envelopes = Vec::with_capacity(events.len());
        for event in &events {
            envelopes.push(if event.body.is_some() { self.announce(&event.facts)? } else { None });
        }
        let with_dossier = events.iter().map(|event| {
            let opened = self.dossiers.get(&(event.facts.conversation, event.facts.month));
            (event, opened.map(|opened| opened.dossier.key()))
        });
        let bodies = seal_all(with_dossier, &self.config.origin)?;
        let parts = events.into_iter().zip(bodies).zip(envelopes);
        Ok(parts.map(|((event, body), envelope)| SealedEvent { event, body, envelope }).collect())
    }

    /// The envelope of an event's dossier, if no batch has carried it yet.
    fn announce(&mut self, facts: &EventFacts) -> Result<Option<Vec<u8>>, SourceError> {
        let opened = self.dossier(facts.conversation, facts.month)?;
        let envelope = (!opened.is_announced).then(|| opened.dossier.envelope().to_vec());
        opened.is_announced = true;
        Ok(envelope)
    }

    async fn next_number(&mut self, capture: (Hash, Hash)) -> Result<u64, SourceError> {
        let number = match self.captures.get(&capture) {
            Some(number) => *number,
            None => self.known(capture.0, capture.1).await?.next_conversation_seq,
        };
        self.captures.insert(capture, number + 1);
        Ok(number)
    }

    fn dossier(&mut self, conversation: Option<Hash>, month: u32) -> Result<&mut OpenDossier, SourceError> {
        let entry = self.dossiers.entry((conversation, month));
        match entry {
            std::collections::hash_map::Entry::Occupied(held) => Ok(held.into_mut()),
            std::collections::hash_map::Entry::Vacant(free) => {
                let recipients = recipients(self.registry.as_ref())?;
                let source = self.identity.actor();
                let dossier = Dossier::create(&self.config.origin, source, conversation, month, &recipients)?;
                Ok(free.insert(OpenDossier { dossier, is_announced: false }))
            }
        }
    }

    /// What the ledger knows of a capture of this source.
    ///
    /// # Errors
    /// [`SourceError::Ledger`].
    pub async fn known(&mut self, custodian: Hash, conversation: Hash) -> Result<Known, SourceError> {
        let request = KnownRequest {
            origin: self.config.origin.clone(),
            source: self.identity.actor().to_vec(),
            custodian: custodian.to_vec(),
            conversation: conversation.to_vec(),
        };
        Ok(self.connection.known(&request).await?)
    }

    /// The registry as it was checked last; `None` before genesis.
    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    /// The newest checkpoint that was checked.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&VerifiedCheckpoint> {
        self.checkpoint.as_ref()
    }

    /// Who submits.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.config.origin
    }

    /// The root key that is pinned.
    #[must_use]
    pub fn root_key(&self) -> Hash {
        self.config.root_key
    }

    /// Where the chain of this source is.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.tail
    }

    /// How many batches wait in the outbox.
    ///
    /// # Errors
    /// [`SourceError::Disk`].
    pub fn waiting(&self) -> Result<usize, SourceError> {
        Ok(self.spool.outbox.pending()?.len())
    }

    /// The same of a spool that somebody else has open.
    ///
    /// # Errors
    /// [`SourceError::Disk`].
    pub fn unsent(spool: &Path) -> Result<usize, SourceError> {
        Ok(Outbox::open(spool)?.pending()?.len())
    }

    /// The connection, for reading.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// The ministry's archive keys, from a registry that was checked under the pinned root: never from anywhere else.
pub(crate) fn recipients(registry: Option<&Registry>) -> Result<Vec<ArchivePublicKey>, SourceError> {
    let registry = registry.ok_or(SealError::TooFewArchiveKeys { found: 0 })?;
    let keys = registry.archive_keys().map(|(_, record)| ArchivePublicKey::parse(&record.public_key));
    Ok(keys.collect::<Result<_, _>>()?)
}
